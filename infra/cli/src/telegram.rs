//! `pesan telegram`. The source of every line is Telegram's own answer.

use jiff::Timestamp;
use pesan_domain::ids::MerchantId;
use pesan_service::App;
use pesan_service::merchants::OperatorError;
use pesan_service::merchants::telegram::{
    Connected, WebhookSecret, info, remove_webhook, set_webhook,
};
use serde_json::json;

use crate::arguments::TelegramCommand;
use crate::report::Report;
use crate::secret;

/// Runs a command about a bot.
pub async fn run(app: &App, command: TelegramCommand) -> anyhow::Result<Report> {
    match command {
        TelegramCommand::SetWebhook {
            id,
            token_file,
            new_secret,
        } => {
            let webhook_secret = if new_secret {
                WebhookSecret::Fresh
            } else {
                WebhookSecret::Kept
            };
            let token = token_file.as_deref().map(secret::in_file).transpose()?;
            let set = set_webhook(app, &id, token, webhook_secret.clone()).await;
            let connected = match set {
                Err(OperatorError::NoSecret { .. }) => {
                    let token = secret::asked("the token that BotFather gave", "--token-file")?;
                    set_webhook(app, &id, Some(token), webhook_secret).await?
                }
                set => set?,
            };
            Ok(set_report(&connected))
        }
        TelegramCommand::RemoveWebhook { id } => {
            let answer = remove_webhook(app, &id).await?;
            let json = json!({"telegram": answer});
            Ok(Report::good(format!("Telegram says: {answer}"), json))
        }
        TelegramCommand::Info { id } => shown(app, &id).await,
    }
}

fn set_report(connected: &Connected) -> Report {
    let Connected {
        bot_username,
        url,
        answer,
    } = connected;
    let text = format!("Telegram says: {answer}\n@{bot_username} sends its updates to {url}");
    let json = json!({"telegram": answer, "bot_username": bot_username, "url": url});
    Report::good(text, json)
}

async fn shown(app: &App, id: &MerchantId) -> anyhow::Result<Report> {
    let info = info(app, id).await?;
    let last_error = info.last_error_date.map(|seconds| {
        Timestamp::from_second(seconds).map_or_else(|_| seconds.to_string(), |at| at.to_string())
    });
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "–".to_owned());
    let text = [
        (
            "url",
            or_dash(Some(info.url.clone()).filter(|url| !url.is_empty())),
        ),
        ("waiting", info.pending_update_count.to_string()),
        (
            "connections",
            or_dash(info.max_connections.map(|most| format!("at most {most}"))),
        ),
        (
            "updates",
            or_dash(info.allowed_updates.as_ref().map(|kinds| kinds.join(", "))),
        ),
        ("last error", or_dash(last_error.clone())),
        ("", info.last_error_message.clone().unwrap_or_default()),
    ]
    .iter()
    .map(|(name, value)| format!("{name:<13}{value}\n"))
    .collect::<String>();
    let json = json!({
        "url": info.url,
        "pending_update_count": info.pending_update_count,
        "max_connections": info.max_connections,
        "allowed_updates": info.allowed_updates,
        "last_error_at": last_error,
        "last_error_message": info.last_error_message,
    });
    Ok(Report::good(text, json))
}
