//! A merchant's account at Midtrans: connecting it, and proving that its notifications get through.

use std::collections::BTreeMap;

use pesan_adapters::http::CallError;
use pesan_adapters::secrets::MerchantSecret;
use pesan_domain::ids::MerchantId;
use pesan_domain::merchant::{Merchant, MidtransAccount};
use secrecy::{ExposeSecret, SecretString};

use super::doctor::probe;
use super::{Finding, OperatorError, change, find, refuse_taken, stored};
use crate::{App, notification};

/// An order that nobody makes: no booking reaches its 99th attempt.
const NOBODYS_ORDER: &str = "99999999-A99";

/// The address to enter in Midtrans' dashboard, under Settings, Payment, Notification URL.
#[must_use]
pub fn notification_url(app: &App, id: &MerchantId) -> String {
    format!("{}/midtrans/{id}", app.public_base_url)
}

/// Connects an account. Its server key is the given one or the one that is stored, and is kept
/// only when Midtrans has taken it.
///
/// # Errors
/// [`OperatorError::Field`] for an id or key of another form or world, [`OperatorError::Refused`]
/// when Midtrans does not take the key; nothing is changed then.
pub async fn connect(
    app: &App,
    id: &MerchantId,
    account: &MidtransAccount,
    server_key: Option<SecretString>,
) -> Result<(), OperatorError> {
    find(app, id).await?;
    account.check()?;
    let what = format!("the account {}", account.merchant_id);
    refuse_taken(app, id, what, |other| {
        let theirs = other.midtrans.as_ref();
        theirs.is_some_and(|theirs| theirs.merchant_id == account.merchant_id)
    })
    .await?;
    let name = MerchantSecret::MidtransServerKey.name(id);
    let given = server_key.is_some();
    let stored = match server_key {
        None => stored(app, &name).await?,
        given => given,
    };
    let key = stored.ok_or_else(|| OperatorError::NoSecret {
        of: id.to_string(),
        what: "server key",
    })?;
    account.environment.check_server_key(key.expose_secret())?;
    takes(app, account, &key).await?;
    if given {
        app.parameters.put(&name, &key).await?;
    }
    change(app, id, |merchant| {
        merchant.midtrans = Some(account.clone());
    })
    .await?;
    Ok(())
}

/// Whether Midtrans takes a key: asked for an order that nobody made, it must know of none.
async fn takes(
    app: &App,
    account: &MidtransAccount,
    key: &SecretString,
) -> Result<(), OperatorError> {
    let asked = app
        .midtrans
        .status(account.environment, key, NOBODYS_ORDER)
        .await;
    match asked {
        Ok(_) | Err(CallError::NotFound) => Ok(()),
        Err(CallError::Refused { .. }) => Err(OperatorError::Refused {
            vendor: "Midtrans",
            reason: "the server key is not one of this account, or was revoked".to_owned(),
        }),
        Err(error) => Err(OperatorError::of("Midtrans", error)),
    }
}

/// Follows money's way step by step: account, key, Midtrans' answer, and a notification that is
/// sent to our own address, once signed as Midtrans signs and once forged. Ends at the first step
/// that does not hold.
///
/// # Errors
/// [`OperatorError`] where a step could not be tried.
pub async fn check(app: &App, id: &MerchantId) -> Result<Vec<Finding>, OperatorError> {
    let (merchant, _) = find(app, id).await?;
    let mut findings = Vec::new();
    let connect =
        format!("pesan midtrans connect {id} --merchant-id … --client-key … --server-key-file …");
    let Some(account) = &merchant.midtrans else {
        let why = "no Midtrans account is connected";
        findings.push(Finding::lacking("midtrans account", why, &connect));
        return Ok(findings);
    };
    let entered = format!("{}, as it was entered", account.merchant_id);
    findings.push(Finding::good("midtrans account", &entered));
    let name = MerchantSecret::MidtransServerKey.name(id);
    let Some(key) = stored(app, &name).await? else {
        let why = "there is none";
        findings.push(Finding::lacking("midtrans server key", why, &connect));
        return Ok(findings);
    };
    if let Err(error) = takes(app, account, &key).await {
        findings.push(match error {
            OperatorError::Refused { .. } => {
                Finding::lacking("midtrans server key", &error.to_string(), &connect)
            }
            error => Finding::not_known("midtrans server key", &error),
        });
        return Ok(findings);
    }
    findings.push(Finding::good("midtrans server key", "Midtrans takes it"));
    findings.push(round_trip(app, &merchant, account, &key).await?);
    Ok(findings)
}

/// A notification through the public address: one that is genuine must be known for genuine and
/// be about no order, a forged one must be refused.
async fn round_trip(
    app: &App,
    merchant: &Merchant,
    account: &MidtransAccount,
    key: &SecretString,
) -> Result<Finding, OperatorError> {
    const WHAT: &str = "midtrans notifications";
    let url = notification_url(app, &merchant.id);
    let probe = probe()?;
    let forged = SecretString::from("not the server key");
    let mut answers = Vec::new();
    for key in [key, &forged] {
        let signature = notification::sign(NOBODYS_ORDER, "201", "1000.00", key);
        let fields = BTreeMap::from([
            ("order_id", NOBODYS_ORDER),
            ("status_code", "201"),
            ("gross_amount", "1000.00"),
            ("signature_key", signature.as_str()),
            ("transaction_id", "00000000-0000-4000-8000-000000000000"),
            ("transaction_status", "pending"),
            ("merchant_id", account.merchant_id.as_str()),
        ]);
        match probe.notify(&url, &fields).await {
            Ok(status) => answers.push(status),
            Err(error) => {
                let why = format!("{url} does not answer: {error}");
                let remedy = "deploy, and see that PublicBaseUrl is where the deployment answers";
                return Ok(Finding::lacking(WHAT, &why, remedy));
            }
        }
    }
    Ok(match answers.as_slice() {
        [404, 401] => Finding::good(
            WHAT,
            &format!("signed ones get through, forged ones do not; enter {url} in the dashboard"),
        ),
        [301 | 302 | 303 | 307 | 308, _] => Finding::lacking(
            WHAT,
            &format!("{url} redirects, which Midtrans does not follow"),
            "set PublicBaseUrl to the address that answers by itself, and deploy",
        ),
        [401, _] => Finding::lacking(
            WHAT,
            &format!("{url} refuses a notification signed with the stored key"),
            "wait a minute for a change just made, else connect the account again",
        ),
        _ => Finding::lacking(
            WHAT,
            &format!("{url} answered {answers:?} where 404 and 401 are right"),
            "look for the request in the function's log",
        ),
    })
}
