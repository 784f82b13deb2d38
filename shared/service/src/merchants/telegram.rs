//! A merchant's Telegram bot: connecting it, taking it off, and what Telegram knows of it.

use pesan_adapters::http::CallError;
use pesan_adapters::secrets::MerchantSecret;
use pesan_adapters::telegram::{Bot, WebhookInfo};
use pesan_domain::dialogue::commands;
use pesan_domain::ids::MerchantId;
use pesan_domain::language::Language;
use pesan_domain::message::Channel;
use secrecy::SecretString;

use super::{OperatorError, change, find, refuse_taken, stored};
use crate::messages::resume;
use crate::{App, fresh_secret};

/// Where the secret that Telegram sends with each update comes from.
#[derive(Clone, Debug)]
pub enum WebhookSecret {
    /// The one that is stored, a fresh one where there is none.
    Kept,
    /// A fresh one, which takes the place of the one before.
    Fresh,
    /// This one.
    Given(SecretString),
}

/// What connecting a bot came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connected {
    /// The bot, without the `@`.
    pub bot_username: String,
    /// Where its updates go.
    pub url: String,
    /// Telegram's own words.
    pub answer: String,
}

/// The address of a merchant's bot.
#[must_use]
pub fn webhook_url(app: &App, id: &MerchantId) -> String {
    format!("{}/telegram/{id}", app.public_base_url)
}

/// Lets a bot send its updates here: stores its token and secret, registers webhook and commands,
/// and notes the bot's name. The same again repairs what broke off; only what Telegram accepted
/// is kept.
///
/// # Errors
/// [`OperatorError::NoSecret`] where there is no token, [`OperatorError::Refused`] with Telegram's
/// own words.
pub async fn set_webhook(
    app: &App,
    id: &MerchantId,
    token: Option<SecretString>,
    secret: WebhookSecret,
) -> Result<Connected, OperatorError> {
    let (merchant, _) = find(app, id).await?;
    let given = token.is_some();
    let token = match token {
        Some(token) => token,
        None => stored_token(app, id).await?,
    };
    let bot = bot(app, &token).await?;
    refuse_taken(app, id, format!("the bot @{}", bot.username), |other| {
        other.bot_username.as_ref() == Some(&bot.username)
    })
    .await?;
    let is_another = merchant
        .bot_username
        .is_some_and(|name| name != bot.username);
    if is_another {
        leave(app, id).await?;
    }
    if given {
        let name = MerchantSecret::TelegramToken.name(id);
        app.parameters.put(&name, &token).await?;
    }
    let url = webhook_url(app, id);
    let secret = if is_another {
        WebhookSecret::Fresh
    } else {
        secret
    };
    let answer = register(app, id, &token, &url, secret).await?;
    set_commands(app, &token).await?;
    change(app, id, |merchant| {
        merchant.bot_username = Some(bot.username.clone());
    })
    .await?;
    // What waited because the token before was refused goes out.
    resume(app, id, Channel::Telegram)
        .await
        .map_err(|error| OperatorError::Unavailable(error.to_string()))?;
    Ok(Connected {
        bot_username: bot.username,
        url,
        answer,
    })
}

/// Takes the webhook off the bot of before, which would go on sending its updates here. A token that
/// Telegram does not take any more sends nothing.
async fn leave(app: &App, id: &MerchantId) -> Result<(), OperatorError> {
    let token = stored_token(app, id).await?;
    match app.telegram.delete_webhook(&token).await {
        Ok(_) | Err(CallError::Refused { .. } | CallError::NotFound) => Ok(()),
        Err(error) => Err(OperatorError::of("Telegram", error)),
    }
}

/// The function must know a secret before Telegram sends it; where Telegram refuses, the one
/// before is put back.
async fn register(
    app: &App,
    id: &MerchantId,
    token: &SecretString,
    url: &str,
    secret: WebhookSecret,
) -> Result<String, OperatorError> {
    let name = MerchantSecret::TelegramWebhookSecret.name(id);
    let before = stored(app, &name).await?;
    let fresh = match (secret, &before) {
        (WebhookSecret::Kept, Some(_)) => None,
        (WebhookSecret::Given(secret), _) => Some(secret),
        (WebhookSecret::Fresh, _) | (WebhookSecret::Kept, None) => Some(fresh_secret()),
    };
    if let Some(fresh) = &fresh {
        app.parameters.put(&name, fresh).await?;
    }
    let Some(secret) = fresh.as_ref().or(before.as_ref()) else {
        return Err(OperatorError::Unavailable("no webhook secret".to_owned()));
    };
    let answer = app.telegram.set_webhook(token, url, secret).await;
    let refused = answer.map_err(|error| OperatorError::of("Telegram", error));
    if let (Err(OperatorError::Refused { .. }), Some(before)) = (&refused, &before) {
        app.parameters.put(&name, before).await?;
    }
    refused
}

/// For clients in English, and in Indonesian for all others.
async fn set_commands(app: &App, token: &SecretString) -> Result<(), OperatorError> {
    for (language, code) in [
        (Language::Indonesian, None),
        (Language::Indonesian, Some("id")),
        (Language::English, Some("en")),
    ] {
        app.telegram
            .set_my_commands(token, &commands(language), code)
            .await
            .map_err(|error| OperatorError::of("Telegram", error))?;
    }
    Ok(())
}

/// Takes the webhook off; the answer is Telegram's own words. Token and secret stay, so that
/// [`set_webhook`] needs neither.
///
/// # Errors
/// As [`set_webhook`].
pub async fn remove_webhook(app: &App, id: &MerchantId) -> Result<String, OperatorError> {
    find(app, id).await?;
    let token = stored_token(app, id).await?;
    let answer = app.telegram.delete_webhook(&token).await;
    answer.map_err(|error| OperatorError::of("Telegram", error))
}

/// What Telegram knows of the webhook.
///
/// # Errors
/// As [`set_webhook`].
pub async fn info(app: &App, id: &MerchantId) -> Result<WebhookInfo, OperatorError> {
    find(app, id).await?;
    let token = stored_token(app, id).await?;
    let info = app.telegram.get_webhook_info(&token).await;
    info.map_err(|error| OperatorError::of("Telegram", error))
}

async fn bot(app: &App, token: &SecretString) -> Result<Bot, OperatorError> {
    let bot = app.telegram.get_me(token).await;
    bot.map_err(|error| OperatorError::of("Telegram", error))
}

async fn stored_token(app: &App, id: &MerchantId) -> Result<SecretString, OperatorError> {
    let name = MerchantSecret::TelegramToken.name(id);
    let token = stored(app, &name).await?;
    token.ok_or_else(|| OperatorError::NoSecret {
        of: id.to_string(),
        what: "bot token",
    })
}
