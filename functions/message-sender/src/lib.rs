//! Takes the messages of a queue and sends each by its channel.

use std::sync::Arc;

use pesan_adapters::clock::Clock;
use pesan_adapters::events::Envelope;
use pesan_lambda::batch::{self, Record};
use pesan_lambda::{Env, EventHandler, InvocationFailed, event_handler};
use pesan_service::{App, Config, messages};
use serde_json::Value;

/// Makes the function from its environment.
///
/// # Errors
/// Names the variable that is missing.
pub async fn handler(env: &Env, clock: Clock) -> anyhow::Result<EventHandler> {
    let config = Config::read(|name| env.optional(name).map(str::to_owned))?;
    let app = Arc::new(App::new(&config, clock)?);
    Ok(event_handler(env!("CARGO_PKG_NAME"), move |event| {
        let app = Arc::clone(&app);
        async move { take(&app, &event).await }
    }))
}

async fn take(app: &App, event: &Value) -> Result<Value, InvocationFailed> {
    let records = batch::queue(event)?;
    let (mut ids, mut queued, mut again) = (vec![], vec![], vec![]);
    for record in &records {
        match read(record) {
            Some(envelope) => {
                ids.push(record.id);
                queued.push(envelope);
            }
            None => again.push(record.id),
        }
    }
    let seen_to = messages::take(app, &queued).await;
    let left = ids.into_iter().zip(seen_to).filter(|(_, seen_to)| !seen_to);
    again.extend(left.map(|(id, _)| id));
    Ok(batch::again(again))
}

/// The event in a record's body: alone, or within the bus's own envelope. One that cannot be read
/// fails alone and ends in the dead letters.
fn read(record: &Record<'_>) -> Option<Envelope> {
    let body = record.record.get("body").and_then(Value::as_str)?;
    let detail = serde_json::from_str::<Value>(body)
        .ok()
        .and_then(|mut event| event.get_mut("detail").map(Value::take));
    let envelope = match detail {
        Some(detail) => Envelope::parse(&detail.to_string()),
        None => Envelope::parse(body),
    };
    envelope
        .inspect_err(|error| {
            tracing::error!(kind = "message", outcome = "unreadable", alarm = "event unreadable", %error);
        })
        .ok()
}
