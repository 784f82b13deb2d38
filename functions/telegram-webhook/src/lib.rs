//! Takes the updates of a merchant's Telegram bot and answers in the webhook's own response
//! (<https://core.telegram.org/bots/api#making-requests-when-getting-updates>).

mod update;

use std::sync::Arc;

use pesan_adapters::clock::Clock;
use pesan_adapters::secrets::MerchantSecret;
use pesan_adapters::telegram::message;
use pesan_domain::dialogue::{Keyboard, Reply};
use pesan_domain::ids::MerchantId;
use pesan_lambda::{Body, Env, Handler, Request, Response, http, json};
use pesan_service::conversation::{self, Answer};
use pesan_service::{App, Config, Failure, same_secret};
use serde_json::{Value, json};

use update::{Received, WireUpdate};

const SECRET_HEADER: &str = "x-telegram-bot-api-secret-token";

/// Makes the function from its environment.
///
/// # Errors
/// Names the variable that is missing.
pub async fn handler(env: &Env, clock: Clock) -> anyhow::Result<Handler> {
    let config = Config::read(|name| env.optional(name).map(str::to_owned))?;
    let app = Arc::new(App::new(&config, clock)?);
    Ok(pesan_lambda::handler(
        env!("CARGO_PKG_NAME"),
        move |request| {
            let app = Arc::clone(&app);
            async move { answer(&app, &request).await }
        },
    ))
}

async fn answer(app: &App, request: &Request) -> Response<Body> {
    let body = match http::guard_post(request) {
        Ok(body) => body,
        Err(refused) => return *refused,
    };
    let path = request.uri().path();
    let merchant = http::second_segment(path).and_then(|id| MerchantId::parse(id).ok());
    let taken = match &merchant {
        Some(merchant) => Box::pin(take(app, merchant, request, body)).await,
        None => Err(Failure::Unknown),
    };
    match taken {
        Ok(Some(answer)) => http::json(&answer),
        Ok(None) => {
            tracing::info!(kind = "telegram", outcome = "ignored");
            http::plain(200, "ignored")
        }
        Err(failure) => {
            failure.log_refused("telegram");
            http::plain(failure.status(), &failure.told())
        }
    }
}

async fn take(
    app: &App,
    merchant: &MerchantId,
    request: &Request,
    body: &[u8],
) -> Result<Option<Value>, Failure> {
    let which = MerchantSecret::TelegramWebhookSecret;
    let secret = app.secret(merchant, which).await?;
    // Who has a secret is a merchant: from here on it may be named.
    tracing::info!(%merchant);
    let given = http::single_header(request, SECRET_HEADER).unwrap_or_default();
    app.proven(merchant, which, secret, |secret| same_secret(secret, given))
        .await?;
    let wire: WireUpdate = json::strict(body).map_err(|error| json_failure(&error))?;
    match wire.received() {
        None => Ok(None),
        Some(Received::Shared(elsewhere)) => {
            let reply = conversation::elsewhere(app, merchant, &elsewhere).await?;
            Ok(reply.map(|reply| call("sendMessage", elsewhere.chat, &reply, None)))
        }
        Some(Received::Private { update, pressed }) => {
            let query = pressed.as_ref().map(|pressed| pressed.query.as_str());
            // The spinner on the button ends whatever becomes of the press; both run at once.
            let (taken, ()) = tokio::join!(
                conversation::take(app, merchant, &update),
                end_spinner(app, merchant, query)
            );
            let Answer { reply, edit } = taken?;
            Ok(Some(match pressed {
                Some(pressed) if edit && can_be_edited_in(&reply) => {
                    let id = Some(pressed.message_id);
                    call("editMessageText", update.chat, &reply, id)
                }
                Some(_) | None => call("sendMessage", update.chat, &reply, None),
            }))
        }
    }
}

/// Whether a message can become this one: an edit changes no keyboard but the message's own
/// (<https://core.telegram.org/bots/api#editmessagetext>).
fn can_be_edited_in(reply: &Reply) -> bool {
    match reply.keyboard {
        Keyboard::Buttons(_) => true,
        Keyboard::AsksNumber { .. } | Keyboard::GivenBack => false,
    }
}

/// A method to be called, as the answer to a webhook carries it.
fn call(method: &str, chat: i64, reply: &Reply, message_id: Option<i64>) -> Value {
    let mut fields = message(chat, reply);
    if let Some(object) = fields.as_object_mut() {
        object.insert("method".to_owned(), json!(method));
        if let Some(id) = message_id {
            object.insert("message_id".to_owned(), json!(id));
        }
    }
    fields
}

async fn end_spinner(app: &App, merchant: &MerchantId, query: Option<&str>) {
    let Some(query) = query else { return };
    let ended = async {
        let token = app.secret(merchant, MerchantSecret::TelegramToken).await?;
        app.telegram
            .answer_callback_query(&token, query)
            .await
            .map_err(|error| Failure::Unavailable(error.to_string()))
    };
    if let Err(error) = ended.await {
        tracing::warn!(%merchant, kind = "telegram", outcome = "spinner left", %error);
    }
}

/// Only the category: the parser's own words may quote the customer's.
fn json_failure(error: &serde_json::Error) -> Failure {
    Failure::Malformed(format!("body ({:?} error)", error.classify()).to_lowercase())
}
