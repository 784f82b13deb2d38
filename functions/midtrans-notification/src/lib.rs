//! Takes Midtrans' notifications about payments
//! (<https://docs.midtrans.com/docs/https-notification-webhooks>).

use std::sync::Arc;

use pesan_adapters::clock::Clock;
use pesan_adapters::secrets::MerchantSecret;
use pesan_domain::ids::MerchantId;
use pesan_lambda::{Body, Env, Handler, Request, Response, http, json};
use pesan_service::notification::{Notification, take};
use pesan_service::{App, Config, Failure};
use serde::Deserialize;
use serde_json::Value;

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
        Some(merchant) => verified(app, merchant, body).await,
        None => Err(Failure::Unknown),
    };
    match taken {
        Ok(()) => http::plain(200, "taken"),
        Err(failure) => {
            failure.log_refused("midtrans");
            http::plain(failure.status(), &failure.told())
        }
    }
}

async fn verified(app: &App, merchant: &MerchantId, body: &[u8]) -> Result<(), Failure> {
    let server_key = app
        .secret(merchant, MerchantSecret::MidtransServerKey)
        .await?;
    // Who has a key is a merchant: from here on it may be named.
    tracing::info!(%merchant);
    take(app, merchant, server_key, &read(body)?, body).await
}

/// The fields used, of any JSON type: a number where a string belongs is refused by name and
/// never formatted again. Fields are added over time, so others are ignored.
#[derive(Deserialize)]
struct Wire {
    order_id: Option<Value>,
    status_code: Option<Value>,
    gross_amount: Option<Value>,
    signature_key: Option<Value>,
    transaction_id: Option<Value>,
    transaction_status: Option<Value>,
    merchant_id: Option<Value>,
}

fn read(body: &[u8]) -> Result<Notification, Failure> {
    let wire: Wire = json::strict(body)
        .map_err(|_| Failure::Malformed("body (not readable JSON)".to_owned()))?;
    let text = |field: &str, value: Option<Value>| match value {
        Some(Value::String(text)) => Ok(text),
        _ => Err(Failure::Malformed(field.to_owned())),
    };
    // A notification without a signature is not authentic, whatever else it lacks.
    let Some(Value::String(signature_key)) = wire.signature_key else {
        return Err(Failure::NotAuthentic);
    };
    Ok(Notification {
        order_id: text("order_id", wire.order_id)?,
        status_code: text("status_code", wire.status_code)?,
        gross_amount: text("gross_amount", wire.gross_amount)?,
        signature_key,
        transaction_id: text("transaction_id", wire.transaction_id)?,
        transaction_status: text("transaction_status", wire.transaction_status)?,
        merchant_id: text("merchant_id", wire.merchant_id)?,
    })
}
