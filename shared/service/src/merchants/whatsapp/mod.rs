//! A merchant's WhatsApp: connecting its number, letting it send, its templates; and the app that
//! all merchants share.

mod templates;

use std::collections::HashSet;

use pesan_adapters::dynamodb::{Pause, StoreError};
use pesan_adapters::secrets::{
    CONTACT_KEY, MerchantSecret, WHATSAPP_APP_SECRET, WHATSAPP_VERIFY_TOKEN,
};
use pesan_adapters::whatsapp::{GraphError, NumberInfo};
use pesan_domain::ids::MerchantId;
use pesan_domain::language::Language;
use pesan_domain::merchant::Merchant;
use pesan_domain::message::Channel;
use pesan_domain::message::activation::Activation;
use pesan_domain::whatsapp::WhatsAppAccount;
use secrecy::{ExposeSecret, SecretString};

use super::{Finding, OperatorError, change, find, stored};
use crate::messages::resume;
use crate::{App, Failure, TRIES, fresh_secret, step_aside};

pub use templates::{push, refresh};

const VENDOR: &str = "WhatsApp";

impl From<GraphError> for OperatorError {
    fn from(error: GraphError) -> Self {
        let code = error.code();
        match error {
            GraphError::Refused { reason, .. } => Self::Refused {
                vendor: VENDOR,
                reason: format!("{reason} ({code})"),
            },
            GraphError::NotConnected => {
                Self::Unavailable(format!("{VENDOR} could not be reached: not connected"))
            }
            GraphError::Unknown(how) => {
                Self::Unavailable(format!("{VENDOR} did not answer: {how}"))
            }
        }
    }
}

/// The address to enter in Meta's app dashboard, under WhatsApp, Configuration.
#[must_use]
pub fn webhook_url(app: &App) -> String {
    format!("{}/whatsapp", app.public_base_url)
}

/// What to enter in Meta's app dashboard.
#[derive(Clone, Debug)]
pub struct AppSetUp {
    /// The callback URL.
    pub url: String,
    /// The verify token.
    pub verify_token: SecretString,
}

/// Stores the secret of the app that owns the webhook, and makes the verify token where there is
/// none. `beside` keeps the newest one before it valid, for as long as Meta may sign with either.
///
/// # Errors
/// [`OperatorError::NoSecret`] where nothing is given and there is none.
pub async fn set_app(
    app: &App,
    secret: Option<SecretString>,
    beside: bool,
) -> Result<AppSetUp, OperatorError> {
    let before = stored(app, WHATSAPP_APP_SECRET).await?;
    match (secret, &before) {
        (Some(secret), before) => {
            let old = before.as_ref().filter(|_| beside);
            let secrets = beside_old(&secret, old);
            app.parameters.put(WHATSAPP_APP_SECRET, &secrets).await?;
        }
        (None, None) => {
            return Err(OperatorError::NoSecret {
                of: "the deployment".to_owned(),
                what: "WhatsApp app secret",
            });
        }
        (None, Some(_)) => {}
    }
    let verify_token = match stored(app, WHATSAPP_VERIFY_TOKEN).await? {
        Some(token) => token,
        None => {
            let token = fresh_secret();
            app.parameters.put(WHATSAPP_VERIFY_TOKEN, &token).await?;
            token
        }
    };
    Ok(AppSetUp {
        url: webhook_url(app),
        verify_token,
    })
}

/// One a line, the new one first, and of the old ones the newest.
fn beside_old(secret: &SecretString, old: Option<&SecretString>) -> SecretString {
    let new = secret.expose_secret();
    let lines = old.map_or("", |old| old.expose_secret());
    let old = lines.lines().map(str::trim).find(|old| !old.is_empty());
    match old.filter(|old| *old != new) {
        Some(old) => SecretString::from(format!("{new}\n{old}")),
        None => secret.clone(),
    }
}

/// Connects a number. Its token is the given one or the one that is stored, and is kept only when
/// Meta has taken it. Another number has to be activated anew.
///
/// # Errors
/// [`OperatorError::Field`] for an id of another form, [`OperatorError::Taken`] where another
/// merchant has number or account, [`OperatorError::NoSecret`] where there is no token, [`OperatorError::Refused`] in Meta's own
/// words; nothing is changed then.
pub async fn connect(
    app: &App,
    id: &MerchantId,
    phone_number_id: &str,
    waba_id: &str,
    token: Option<SecretString>,
) -> Result<NumberInfo, OperatorError> {
    let mut account = WhatsAppAccount {
        phone_number_id: phone_number_id.to_owned(),
        waba_id: waba_id.to_owned(),
        display_phone_number: String::new(),
        activation: Activation::Inactive,
    };
    find(app, id).await?;
    account.check()?;
    free(app, id, &account).await?;
    let given = token.is_some();
    let token = match token {
        Some(token) => token,
        None => stored_token(app, id).await?,
    };
    let info = app.whatsapp.number(phone_number_id, &token).await?;
    app.whatsapp.subscribe(waba_id, &token).await?;
    account
        .display_phone_number
        .clone_from(&info.display_phone_number);
    own(app, id, &account).await?;
    if given {
        let name = MerchantSecret::WhatsAppToken.name(id);
        app.parameters.put(&name, &token).await?;
    }
    // What waited because the token before was refused goes out.
    resume(app, id, Channel::WhatsApp)
        .await
        .map_err(not_resumed)?;
    Ok(info)
}

fn not_resumed(error: Failure) -> OperatorError {
    OperatorError::Unavailable(error.to_string())
}

/// Whether no other merchant has the number or the business account.
async fn free(app: &App, id: &MerchantId, account: &WhatsAppAccount) -> Result<(), OperatorError> {
    let one = |id: &str| HashSet::from([id.to_owned()]);
    let (number, waba) = (one(&account.phone_number_id), one(&account.waba_id));
    let owners = app.store.whatsapp_owners(&number, &waba).await?;
    for (what, thing) in [
        ("number", &account.phone_number_id),
        ("business account", &account.waba_id),
    ] {
        if let Some(owner) = owners.get(thing).filter(|owner| *owner != id) {
            return Err(OperatorError::Taken {
                what: format!("the {what} {thing}"),
                to: owner.clone(),
            });
        }
    }
    Ok(())
}

async fn own(app: &App, id: &MerchantId, account: &WhatsAppAccount) -> Result<(), OperatorError> {
    for nth in 1..=TRIES {
        free(app, id, account).await?;
        let (before, _) = find(app, id).await?;
        let mut merchant = before.clone();
        let kept = before
            .whatsapp
            .as_ref()
            .filter(|before| before.phone_number_id == account.phone_number_id);
        merchant.whatsapp = Some(WhatsAppAccount {
            activation: kept.map_or(Activation::Inactive, |kept| kept.activation),
            ..account.clone()
        });
        merchant.version = before.version.saturating_add(1);
        match app.store.connect_whatsapp(&before, &merchant).await {
            Err(StoreError::Conflict) => step_aside(nth).await,
            done => return Ok(done?),
        }
    }
    Err(OperatorError::Unavailable(format!(
        "{id} is being changed by others"
    )))
}

/// Lets messages go out, or no more.
///
/// # Errors
/// [`OperatorError::NotMade`] where no number is connected.
pub async fn set_activation(
    app: &App,
    id: &MerchantId,
    activation: Activation,
) -> Result<(), OperatorError> {
    let (merchant, _) = find(app, id).await?;
    connected(&merchant)?;
    change(app, id, |merchant| {
        if let Some(account) = &mut merchant.whatsapp {
            account.activation = activation;
        }
    })
    .await?;
    if activation == Activation::Active {
        resume(app, id, Channel::WhatsApp)
            .await
            .map_err(not_resumed)?;
    }
    Ok(())
}

/// What Meta knows of a merchant's number.
///
/// # Errors
/// As [`connect`].
pub async fn info(
    app: &App,
    id: &MerchantId,
) -> Result<(WhatsAppAccount, NumberInfo), OperatorError> {
    let (account, token) = opened(app, id).await?;
    let info = app
        .whatsapp
        .number(&account.phone_number_id, &token)
        .await?;
    Ok((account, info))
}

/// A merchant's account with the token that opens it.
async fn opened(
    app: &App,
    id: &MerchantId,
) -> Result<(WhatsAppAccount, SecretString), OperatorError> {
    let (merchant, _) = find(app, id).await?;
    let account = connected(&merchant)?.clone();
    Ok((account, stored_token(app, id).await?))
}

fn connected(merchant: &Merchant) -> Result<&WhatsAppAccount, OperatorError> {
    merchant.whatsapp.as_ref().ok_or_else(|| {
        let id = &merchant.id;
        OperatorError::NotMade(format!("WhatsApp number of {id}"))
    })
}

async fn stored_token(app: &App, id: &MerchantId) -> Result<SecretString, OperatorError> {
    let name = MerchantSecret::WhatsAppToken.name(id);
    let token = stored(app, &name).await?;
    token.ok_or_else(|| OperatorError::NoSecret {
        of: id.to_string(),
        what: "WhatsApp token",
    })
}

/// Looks at a merchant's WhatsApp. A business without one is served all the same.
pub(super) async fn examine(app: &App, merchant: &Merchant) -> Result<Vec<Finding>, OperatorError> {
    const WHAT: &str = "whatsapp";
    let id = &merchant.id;
    let Some(account) = &merchant.whatsapp else {
        let why = "no number is connected: no message goes out over WhatsApp";
        return Ok(vec![Finding::note(WHAT, why)]);
    };
    let mut findings = Vec::new();
    for (parameter, remedy) in [
        (WHATSAPP_APP_SECRET, "pesan whatsapp app --secret-file FILE"),
        (WHATSAPP_VERIFY_TOKEN, "pesan whatsapp app"),
        (CONTACT_KEY, "pesan keys create"),
    ] {
        if stored(app, parameter).await?.is_none() {
            let why = format!("the parameter {parameter} is missing");
            findings.push(Finding::lacking("whatsapp webhook", &why, remedy));
        }
    }
    match info(app, id).await {
        Ok(_)
            if let Some(Pause::Stopped(reason)) =
                app.store.pause(id, Channel::WhatsApp).await? =>
        {
            let remedy = format!("then `pesan whatsapp activate {id}` resumes it");
            let why = reason.in_words(Language::English);
            findings.push(Finding::lacking("whatsapp stopped", why, &remedy));
        }
        Ok(_) if account.activation == Activation::Active => {
            findings.push(Finding::good(WHAT, &account.display_phone_number));
        }
        Ok(_) => {
            let activation = account.activation.name();
            let why = format!("it is {activation}: `pesan whatsapp activate {id}` lets it send");
            findings.push(Finding::note(WHAT, &why));
        }
        Err(error @ (OperatorError::Refused { .. } | OperatorError::NoSecret { .. })) => {
            let remedy = format!("pesan whatsapp connect {id} --token-file FILE");
            findings.push(Finding::lacking(WHAT, &error.to_string(), &remedy));
        }
        Err(error) => findings.push(Finding::not_known(WHAT, &error)),
    }
    findings.push(templates::examine(app, id).await?);
    Ok(findings)
}
