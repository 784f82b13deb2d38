//! What a merchant lacks to go live, in the order in which it is put right.

use pesan_adapters::probe::Probe;
use pesan_adapters::secrets::MerchantSecret;
use pesan_adapters::telegram::WebhookInfo;
use pesan_domain::catalog::Catalog;
use pesan_domain::ids::MerchantId;
use pesan_domain::merchant::{Merchant, MidtransEnvironment};
use secrecy::SecretString;

use super::telegram::webhook_url;
use super::{OperatorError, find, midtrans, stored, telegram, whatsapp};
use crate::App;
use crate::keys::KEYS;

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What.
    pub what: &'static str,
    /// How it stands.
    pub verdict: Verdict,
    /// What was found.
    pub detail: String,
}

/// How a thing stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As it should.
    Good,
    /// Customers are served, but somebody should know.
    Note,
    /// It could not be found out.
    NotKnown,
    /// Customers are not served until this is done.
    Lacking {
        /// What to do.
        remedy: String,
    },
}

impl Finding {
    pub(super) fn good(what: &'static str, detail: &str) -> Self {
        Self::new(what, Verdict::Good, detail)
    }

    pub(super) fn lacking(what: &'static str, detail: &str, remedy: &str) -> Self {
        let remedy = remedy.to_owned();
        Self::new(what, Verdict::Lacking { remedy }, detail)
    }

    pub(super) fn not_known(what: &'static str, error: &OperatorError) -> Self {
        Self::new(what, Verdict::NotKnown, &error.to_string())
    }

    pub(super) fn note(what: &'static str, detail: &str) -> Self {
        Self::new(what, Verdict::Note, detail)
    }

    fn new(what: &'static str, verdict: Verdict, detail: &str) -> Self {
        Self {
            what,
            verdict,
            detail: detail.to_owned(),
        }
    }
}

/// Looks at what all merchants share: the keys, and the public address.
///
/// # Errors
/// [`OperatorError`] where something could not be looked at.
pub async fn deployment(app: &App) -> Result<Vec<Finding>, OperatorError> {
    let mut findings = Vec::new();
    for (parameter, words) in KEYS {
        findings.push(match stored(app, parameter).await? {
            Some(_) => Finding::good(words, "there"),
            None => Finding::lacking(words, "there is none", "pesan keys create"),
        });
    }
    findings.push(address(app).await?);
    Ok(findings)
}

/// Many sites answer at `/`; only ours takes no GET at a webhook.
async fn address(app: &App) -> Result<Finding, OperatorError> {
    const WHAT: &str = "public address";
    let probe = probe()?;
    let remedy = "deploy again with PublicBaseUrl set to where the deployment answers";
    for (path, right) in [("/", 200), ("/telegram/doctor", 405)] {
        let url = format!("{}{path}", app.public_base_url);
        let detail = match probe.get(&url).await {
            Ok(status) if status == right => continue,
            Ok(status) => format!("{url} answered {status} where {right} is right"),
            Err(error) => format!("{url} does not answer: {error}"),
        };
        return Ok(Finding::lacking(WHAT, &detail, remedy));
    }
    Ok(Finding::good(WHAT, &app.public_base_url))
}

pub(super) fn probe() -> Result<Probe, OperatorError> {
    Probe::new().map_err(|error| OperatorError::Unavailable(error.to_string()))
}

/// Looks at a merchant.
///
/// # Errors
/// [`OperatorError::Unknown`], or where something could not be looked at.
pub async fn merchant(app: &App, id: &MerchantId) -> Result<Vec<Finding>, OperatorError> {
    let (merchant, catalog) = find(app, id).await?;
    let mut findings = vec![hours(&merchant), items(&merchant, &catalog)];
    findings.extend(midtrans::check(app, id).await?);
    findings.extend(bot(app, &merchant).await?);
    findings.extend(whatsapp::examine(app, &merchant).await?);
    let sandbox = merchant
        .midtrans
        .as_ref()
        .is_some_and(|account| account.environment == MidtransEnvironment::Sandbox);
    if sandbox {
        findings.push(Finding::new(
            "real money",
            Verdict::Note,
            "the account is one of Midtrans' sandbox: no money moves; for real money connect \
             with --production",
        ));
    }
    Ok(findings)
}

fn hours(merchant: &Merchant) -> Finding {
    const WHAT: &str = "hours";
    let count = merchant.slots.len();
    let always_closed = merchant.closed_weekdays.len() >= 7;
    if count == 0 || always_closed {
        let (detail, option) = if always_closed {
            ("it is closed on every weekday", "--closed none")
        } else {
            ("it has no slot to book", "--slots 09:00-11:00,13:00-15:00")
        };
        let remedy = format!("pesan hours set {} {option}", merchant.id);
        return Finding::lacking(WHAT, detail, &remedy);
    }
    Finding::good(WHAT, &format!("{count} slots a day"))
}

fn items(merchant: &Merchant, catalog: &Catalog) -> Finding {
    const WHAT: &str = "catalog";
    let count = catalog.items().len();
    if count == 0 {
        let remedy = format!("pesan catalog import {} FILE.csv", merchant.id);
        return Finding::lacking(WHAT, "it has nothing to book", &remedy);
    }
    Finding::good(WHAT, &format!("{count} items"))
}

async fn bot(app: &App, merchant: &Merchant) -> Result<Vec<Finding>, OperatorError> {
    const WHAT: &str = "telegram bot";
    let id = &merchant.id;
    let remedy = format!("pesan telegram set-webhook {id}");
    let secret = MerchantSecret::TelegramWebhookSecret.name(id);
    let (Some(username), Some(secret)) = (&merchant.bot_username, stored(app, &secret).await?)
    else {
        let detail = "none is connected";
        return Ok(vec![Finding::lacking(WHAT, detail, &remedy)]);
    };
    let info = match telegram::info(app, id).await {
        Ok(info) => info,
        Err(OperatorError::Unavailable(reason)) => {
            let error = OperatorError::Unavailable(reason);
            return Ok(vec![Finding::not_known(WHAT, &error)]);
        }
        Err(refused) => {
            let detail = refused.to_string();
            let remedy = format!("{remedy} --token-file FILE, with a new token");
            return Ok(vec![Finding::lacking(WHAT, &detail, &remedy)]);
        }
    };
    Ok(vec![
        Finding::good(WHAT, &format!("@{username}")),
        webhook(&webhook_url(app, id), &info, &remedy),
        updates(&webhook_url(app, id), &secret, &remedy).await?,
    ])
}

fn webhook(url: &str, info: &WebhookInfo, remedy: &str) -> Finding {
    const WHAT: &str = "telegram webhook";
    if info.url != url {
        let detail = match info.url.as_str() {
            "" => "none is set".to_owned(),
            other => format!("it leads to {other} and not to {url}"),
        };
        return Finding::lacking(WHAT, &detail, remedy);
    }
    let waiting = info.pending_update_count;
    match &info.last_error_message {
        Some(error) if waiting > 0 => Finding::lacking(
            WHAT,
            &format!("{waiting} updates wait; the last delivery failed: {error}"),
            remedy,
        ),
        _ => Finding::good(WHAT, url),
    }
}

/// An update with the stored secret must get through, one with another must not.
async fn updates(url: &str, secret: &SecretString, remedy: &str) -> Result<Finding, OperatorError> {
    const WHAT: &str = "telegram updates";
    let probe = probe()?;
    let mut answers = Vec::new();
    for secret in [secret, &SecretString::from("not-the-secret")] {
        match probe.update(url, secret).await {
            Ok(status) => answers.push(status),
            Err(error) => {
                let detail = format!("{url} does not answer: {error}");
                return Ok(Finding::lacking(WHAT, &detail, remedy));
            }
        }
    }
    Ok(match answers.as_slice() {
        [200, 401] => Finding::good(WHAT, "genuine ones get through, forged ones do not"),
        _ => Finding::lacking(
            WHAT,
            &format!("{url} answered {answers:?} where 200 and 401 are right"),
            "wait a minute for a change just made, else look for the request in the log",
        ),
    })
}
