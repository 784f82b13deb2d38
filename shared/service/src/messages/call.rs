//! The one call to the vendor.

use pesan_adapters::dynamodb::MessageRecord;
use pesan_adapters::secrets::MerchantSecret;
use pesan_adapters::whatsapp::Content;
use pesan_domain::message::verdict::{Refusal, Verdict};
use pesan_domain::message::{Channel, Outcome, PauseReason};
use secrecy::{ExposeSecret, SecretString};

use super::letter::{Letter, Words};
use crate::App;

/// Hands a letter to its vendor. A token that is refused may have been replaced since it was kept:
/// then it goes with the new one.
pub(super) async fn call(app: &App, record: &MessageRecord, letter: &Letter) -> Outcome {
    let (kept, secret) = match letter {
        Letter::Telegram { token, .. } => (token, MerchantSecret::TelegramToken),
        Letter::WhatsApp { token, .. } => (token, MerchantSecret::WhatsAppToken),
    };
    let outcome = once(app, record, letter, kept).await;
    if !is_refused_token(&outcome) {
        return outcome;
    }
    let name = secret.name(&record.message.merchant);
    match app.parameters.get_anew(&name).await {
        Ok(Some(fresh)) if fresh.expose_secret() != kept.expose_secret() => {
            once(app, record, letter, &fresh).await
        }
        _ => outcome,
    }
}

fn is_refused_token(outcome: &Outcome) -> bool {
    matches!(
        outcome,
        Outcome::Refused(Refusal {
            verdict: Verdict::PauseMerchant(PauseReason::BotToken | PauseReason::Token),
            ..
        })
    )
}

async fn once(app: &App, record: &MessageRecord, letter: &Letter, token: &SecretString) -> Outcome {
    let message = &record.message;
    let outcome = match letter {
        Letter::Telegram { chat, reply, .. } => {
            app.telegram.send_message(token, *chat, reply).await
        }
        Letter::WhatsApp {
            number,
            phone,
            words,
            ..
        } => {
            let content = match words {
                Words::Template(call) => Content::Template(call),
                Words::Text(text) => Content::Text(text),
            };
            let id = Some(message.id.as_str());
            match app.whatsapp.send(number, token, phone, content, id).await {
                Ok(accepted) => Outcome::Accepted(accepted.vendor_id),
                Err(error) => error.refusal().map_or(Outcome::Unknown, Outcome::Refused),
            }
        }
    };
    if let Outcome::Refused(Refusal { code, .. }) = &outcome {
        tracing::info!(merchant = %message.merchant, kind = "message", channel = message.channel.name(), vendor_code = code);
    }
    outcome
}

/// Whether an outcome speaks of a vendor that is in trouble, rather than of this message.
pub(super) fn is_trouble(channel: Channel, outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Unknown => true,
        Outcome::Accepted(_) => false,
        Outcome::Refused(refusal) => match refusal.verdict {
            Verdict::RetryLater(_) | Verdict::Unknown => true,
            // Telegram says itself how long; WhatsApp's limit is the pace's own.
            Verdict::SlowNumber => channel == Channel::Telegram,
            Verdict::PauseRecipient
            | Verdict::PauseMerchant(_)
            | Verdict::HoldTemplate
            | Verdict::FailOnce(_)
            | Verdict::Unreachable
            | Verdict::RetryAfter(_) => false,
        },
    }
}
