//! Top-ups of a merchant's prepaid balance. They are paid to the deployment's seller of top-ups and
//! never to the merchant itself, which could give itself credit.

use jiff::{SignedDuration, Timestamp};
use pesan_adapters::dynamodb::{Account, StoreError};
use pesan_adapters::http::CallError;
use pesan_adapters::midtrans::SnapError;
use pesan_domain::balance::{PACKAGES, Package, package};
use pesan_domain::field;
use pesan_domain::ids::{MerchantId, OrderId, OrderSubject, TopUpId};
use pesan_domain::merchant::Merchant;
use pesan_domain::money::Rupiah;
use pesan_domain::payment::Payment;

use crate::merchants::{OperatorError, find};
use crate::orders::{Paid, open_snap};
use crate::{App, TRIES, event_id};

/// How long a top-up's page takes money.
const OPEN_FOR: SignedDuration = SignedDuration::from_hours(24);

/// Why there is no link to pay a top-up by.
#[derive(Debug, thiserror::Error)]
pub enum TopUpError {
    /// The deployment does not say who is paid.
    #[error(
        "nobody is paid for top-ups yet: deploy with the parameter TopUpSeller, the merchant whose \
         account at Midtrans takes the money, or set the variable TOP_UP_SELLER to it"
    )]
    NoSeller,
    /// It names nobody who could be paid.
    #[error(
        "top-ups are to be paid to {0} (TopUpSeller, or the variable TOP_UP_SELLER), which is no \
         merchant: see `pesan merchant list`"
    )]
    UnknownSeller(String),
    /// The seller has no account.
    #[error(
        "top-ups are paid to {0}, which has no account at Midtrans yet: `pesan midtrans connect {0}`"
    )]
    Unconnected(MerchantId),
    /// Nothing of the name is sold.
    #[error("there is no package {0}: there are {list}", list = names())]
    NoPackage(String),
    /// The payment was made, and nobody knows whether Midtrans opened its page.
    #[error(
        "Midtrans opened no page for {order}: {reason}. Nothing is lost: if {order} is paid all the \
         same, it is credited. The same command again makes another link"
    )]
    NoPage {
        /// The payment's order id.
        order: String,
        /// What came instead.
        reason: String,
    },
    /// As for every command about a merchant.
    #[error(transparent)]
    Operator(#[from] OperatorError),
}

fn names() -> String {
    PACKAGES.map(|package| package.id).join(", ")
}

/// A top-up that waits to be paid.
#[derive(Clone, Debug)]
pub struct TopUp {
    /// Its payment.
    pub order: OrderId,
    /// Whom it credits.
    pub merchant: Merchant,
    /// Who is paid.
    pub seller: MerchantId,
    /// What is bought.
    pub package: Package,
    /// Until when it can be paid.
    pub until: Timestamp,
    /// Midtrans' page.
    pub url: String,
}

/// A merchant with its balance.
///
/// # Errors
/// [`OperatorError::Unknown`]
pub async fn balance(app: &App, id: &MerchantId) -> Result<(Merchant, Account), OperatorError> {
    let (merchant, _) = find(app, id).await?;
    let account = app.store.account(&merchant).await?;
    Ok((merchant, account))
}

/// Makes a top-up's payment and opens its page. Each is credited by itself, however many are open.
///
/// # Errors
/// [`TopUpError`]; nothing was made but for [`TopUpError::NoPage`].
pub async fn open(app: &App, id: &MerchantId, name: &str) -> Result<TopUp, TopUpError> {
    let package = package(name).ok_or_else(|| TopUpError::NoPackage(name.to_owned()))?;
    let (merchant, _) = find(app, id).await?;
    let seller = seller(app).await?;
    // The row first: what Midtrans knows of, the reconciler asks about.
    let payment = record(app, &seller, &merchant, package).await?;
    let order = payment.order_id.clone();
    let paid = Paid {
        item_id: &format!("topup-{}", package.id),
        item_name: &format!("Isi saldo {} pesan (top-up)", package.id),
        customer_name: &merchant.name,
        finish_url: &format!("{}/m/{}", app.public_base_url, seller.id),
    };
    let page = open_snap(app, &seller, &payment, paid).await;
    let page = page.map_err(|error| TopUpError::NoPage {
        order: order.as_str().to_owned(),
        reason: reason(&error),
    })?;
    Ok(TopUp {
        order,
        merchant,
        seller: seller.id,
        package,
        until: payment.expires_at,
        url: page.redirect_url,
    })
}

/// What came of recording money that was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// What was credited under the reference.
    pub amount: Rupiah,
    /// Whether that was done now, and not before.
    pub now: bool,
}

/// The longest reference of money that was received.
const LONGEST_REFERENCE: usize = 60;

/// Credits a package whose money came another way, such as a bank transfer to the operator. The
/// reference says which: the same again credits nothing more.
///
/// # Errors
/// [`TopUpError::NoPackage`], [`OperatorError::Unknown`], [`OperatorError::Field`] for a reference
/// that is none.
pub async fn receive(
    app: &App,
    id: &MerchantId,
    name: &str,
    reference: &str,
) -> Result<Received, TopUpError> {
    let package = package(name).ok_or_else(|| TopUpError::NoPackage(name.to_owned()))?;
    field::check_text("received", reference, 1, LONGEST_REFERENCE).map_err(OperatorError::from)?;
    let (merchant, _) = find(app, id).await?;
    let reference = format!("received {reference}");
    let account = app
        .store
        .account(&merchant)
        .await
        .map_err(OperatorError::from)?;
    let change = account
        .balance
        .top_up(&reference, package.amount)
        .map_err(|error| OperatorError::Unavailable(error.to_string()))?;
    let now = app.clock.now();
    let done = app
        .store
        .credit_received(&merchant, &account.balance, &change, &event_id(now), now)
        .await;
    match done {
        Ok(()) => Ok(Received {
            amount: package.amount,
            now: true,
        }),
        Err(StoreError::Conflict) => {
            let before = app.store.credited(id, &reference).await;
            let before = before.map_err(OperatorError::from)?;
            let before = before.ok_or_else(|| {
                OperatorError::Unavailable("the balance is being changed by others".to_owned())
            })?;
            Ok(Received {
                amount: before,
                now: false,
            })
        }
        Err(error) => Err(OperatorError::from(error).into()),
    }
}

async fn seller(app: &App) -> Result<Merchant, TopUpError> {
    let name = app.top_up_seller.as_deref().ok_or(TopUpError::NoSeller)?;
    let unknown = || TopUpError::UnknownSeller(name.to_owned());
    let id = MerchantId::parse(name).map_err(|_| unknown())?;
    let (seller, _) = find(app, &id).await.map_err(|error| match error {
        OperatorError::Unknown(_) => unknown(),
        error => error.into(),
    })?;
    if seller.midtrans.is_none() {
        return Err(TopUpError::Unconnected(id));
    }
    Ok(seller)
}

async fn record(
    app: &App,
    seller: &Merchant,
    merchant: &Merchant,
    package: Package,
) -> Result<Payment, OperatorError> {
    let now = app.clock.now();
    let until = now.checked_add(OPEN_FOR).unwrap_or(now);
    for _ in 1..TRIES {
        let id = TopUpId::from_number(&merchant.id, rand::random());
        let order = OrderId::new(OrderSubject::TopUp(id), 1);
        let payment = Payment::new(order, package.amount, until, now);
        match app.store.add_payment(seller, &payment).await {
            // The number is another top-up's.
            Err(StoreError::Conflict) => {}
            made => {
                made?;
                return Ok(payment);
            }
        }
    }
    Err(OperatorError::Unavailable(
        "no free number was found".to_owned(),
    ))
}

fn reason(error: &SnapError) -> String {
    match error {
        SnapError::Call(CallError::Refused { status, reason }) => format!("{reason} ({status})"),
        SnapError::OrderTaken | SnapError::Call(CallError::NotFound | CallError::Unknown(_)) => {
            error.to_string()
        }
    }
}
