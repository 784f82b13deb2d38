//! The operator's side of a merchant: making it, changing it, connecting its vendors, and saying
//! what it lacks.

mod doctor;
pub mod midtrans;
pub mod telegram;
pub mod whatsapp;

use pesan_adapters::dynamodb::StoreError;
use pesan_adapters::http::CallError;
use pesan_adapters::secrets::SecretError;
use pesan_domain::catalog::{Catalog, Comparison, Item};
use pesan_domain::field::FieldRefused;
use pesan_domain::ids::{ItemId, MerchantId};
use pesan_domain::merchant::Merchant;
use secrecy::SecretString;

use crate::{App, TRIES, step_aside};

pub use doctor::{Finding, Verdict, deployment as examine_deployment, merchant as examine};

/// Why an operator's command changed nothing.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// No such merchant.
    #[error("there is no merchant {0}: see `pesan merchant list`")]
    Unknown(MerchantId),
    /// It is there already.
    #[error("there is a merchant {0} already: change it with `pesan merchant set`")]
    Exists(MerchantId),
    /// A field cannot be taken.
    #[error(transparent)]
    Field(#[from] FieldRefused),
    /// A secret is needed and neither given nor stored.
    #[error("{of} has no {what} yet")]
    NoSecret {
        /// Whose.
        of: String,
        /// Which.
        what: &'static str,
    },
    /// It is not made yet.
    #[error("there is no {0} yet")]
    NotMade(String),
    /// Another merchant has it.
    #[error("{what} belongs to the merchant {to} already")]
    Taken {
        /// What.
        what: String,
        /// To whom.
        to: MerchantId,
    },
    /// A vendor said no, in its own words.
    #[error("{vendor} refused: {reason}")]
    Refused {
        /// Which.
        vendor: &'static str,
        /// Its words.
        reason: String,
    },
    /// AWS refuses, whatever is tried: credentials that ended, or that may not.
    #[error("AWS refuses: {0}; mend the credentials or what they may, and try again")]
    NotAllowed(String),
    /// AWS or a vendor did not answer, or not as it should.
    #[error("{0}; the same command again goes on from there")]
    Unavailable(String),
}

impl From<StoreError> for OperatorError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Refused(_) => Self::NotAllowed(error.to_string()),
            _ => Self::Unavailable(error.to_string()),
        }
    }
}

impl From<SecretError> for OperatorError {
    fn from(error: SecretError) -> Self {
        match error {
            SecretError::Refused(_) => Self::NotAllowed(error.to_string()),
            _ => Self::Unavailable(error.to_string()),
        }
    }
}

impl OperatorError {
    fn of(vendor: &'static str, error: CallError) -> Self {
        match error {
            CallError::Refused {
                status: 429,
                reason,
            } => Self::Unavailable(format!("{vendor} asks for patience: {reason}")),
            CallError::Refused { status, reason } => Self::Refused {
                vendor,
                reason: format!("{reason} ({status})"),
            },
            CallError::NotFound => Self::Refused {
                vendor,
                reason: "not found".to_owned(),
            },
            CallError::Unknown(how) => Self::Unavailable(format!("{vendor} did not answer: {how}")),
        }
    }
}

/// A secret that may be missing.
///
/// # Errors
/// [`SecretError`] where that cannot be found out.
pub async fn stored(app: &App, name: &str) -> Result<Option<SecretString>, SecretError> {
    match app.parameters.get(name).await {
        Err(SecretError::Missing(_)) => Ok(None),
        secret => secret.map(Some),
    }
}

/// Makes a merchant.
///
/// # Errors
/// [`OperatorError::Exists`] where there is one of this id, [`OperatorError::Field`] for a setting
/// that cannot be.
pub async fn add(app: &App, merchant: &Merchant) -> Result<(), OperatorError> {
    merchant.check()?;
    match app.store.add_merchant(merchant).await {
        Err(StoreError::Conflict) if app.store.shop(&merchant.id).await?.is_some() => {
            Err(OperatorError::Exists(merchant.id.clone()))
        }
        done => Ok(done?),
    }
}

/// A merchant with its catalog, as they are stored now.
///
/// # Errors
/// [`OperatorError::Unknown`]
pub async fn find(app: &App, id: &MerchantId) -> Result<(Merchant, Catalog), OperatorError> {
    let found = app.store.shop(id).await?;
    found.ok_or_else(|| OperatorError::Unknown(id.clone()))
}

/// All merchants, by zone.
///
/// # Errors
/// [`OperatorError::Unavailable`]
pub async fn list(app: &App) -> Result<Vec<Merchant>, OperatorError> {
    let mut merchants = Vec::new();
    for id in app.store.merchants().await? {
        merchants.push(find(app, &id).await?.0);
    }
    Ok(merchants)
}

/// Refuses what another merchant has: it would take that one's customers or money.
pub(crate) async fn refuse_taken(
    app: &App,
    id: &MerchantId,
    what: String,
    has: impl Fn(&Merchant) -> bool,
) -> Result<(), OperatorError> {
    let all = list(app).await?;
    match all.into_iter().find(|other| other.id != *id && has(other)) {
        Some(other) => Err(OperatorError::Taken { what, to: other.id }),
        None => Ok(()),
    }
}

/// Changes a merchant's settings; another change at the same moment is not lost.
///
/// # Errors
/// [`OperatorError::Field`] for a setting that cannot be, and nothing is changed.
pub async fn change(
    app: &App,
    id: &MerchantId,
    change: impl Fn(&mut Merchant),
) -> Result<Merchant, OperatorError> {
    for nth in 1..=TRIES {
        let (before, _) = find(app, id).await?;
        let mut merchant = before.clone();
        change(&mut merchant);
        if merchant == before {
            return Ok(merchant);
        }
        merchant.check()?;
        merchant.version = before.version.saturating_add(1);
        match app.store.change_merchant(&merchant).await {
            Err(StoreError::Conflict) => step_aside(nth).await,
            done => {
                done?;
                return Ok(merchant);
            }
        }
    }
    Err(OperatorError::Unavailable(format!(
        "{id} is being changed by others"
    )))
}

/// Items of a catalog: the bot reads all of them at once.
const MOST_ITEMS: usize = 2_000;

/// What becomes of a catalog that is imported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Import {
    /// Only say what would be done.
    pub dry_run: bool,
    /// Take out what the new list does not have.
    pub remove_absent: bool,
}

/// Makes a merchant's catalog that of `items`. The same list again changes nothing.
///
/// # Errors
/// [`OperatorError::Unknown`]
pub async fn import_catalog(
    app: &App,
    id: &MerchantId,
    items: &[Item],
    import: Import,
) -> Result<Comparison, OperatorError> {
    let (_, catalog) = find(app, id).await?;
    let comparison = catalog.compare(items);
    let kept = if import.remove_absent {
        &[]
    } else {
        comparison.absent.as_slice()
    };
    let whole = Catalog::new([items, kept].concat());
    if let Err((item, refused)) = whole.check() {
        let reason = format!("{} ({item})", refused.reason);
        return Err(FieldRefused::new(refused.field, reason).into());
    }
    let size = whole.items().len();
    if size > MOST_ITEMS {
        let reason =
            format!("{size} items are more than {MOST_ITEMS}, which the bot reads at once");
        return Err(FieldRefused::new("catalog", reason).into());
    }
    if !import.dry_run {
        let put = [comparison.added.as_slice(), comparison.changed.as_slice()].concat();
        let absent = comparison.absent.iter().filter(|_| import.remove_absent);
        let remove: Vec<ItemId> = absent.map(|item| item.id.clone()).collect();
        app.store.write_catalog(id, &put, &remove).await?;
    }
    Ok(comparison)
}
