//! Takes what the table's stream says was put into the outbox, and gives it to the event bus.

use std::sync::Arc;

use anyhow::Context as _;
use pesan_adapters::clock::Clock;
use pesan_adapters::dynamodb::Announced;
use pesan_adapters::eventbridge::Bus;
use pesan_lambda::batch::{self, Record};
use pesan_lambda::{Env, EventHandler, InvocationFailed, event_handler};
use pesan_service::{App, Config, relay};
use serde_json::Value;

/// Makes the function from its environment.
///
/// # Errors
/// Names the variable that is missing.
pub async fn handler(env: &Env, clock: Clock) -> anyhow::Result<EventHandler> {
    let config = Config::read(|name| env.optional(name).map(str::to_owned))?;
    let app = App::new(&config, clock)?;
    let bus = app.bus.clone();
    let bus = bus.context("the variable EVENT_BUS_NAME is missing or empty")?;
    let made = Arc::new((app, bus));
    Ok(event_handler(env!("CARGO_PKG_NAME"), move |event| {
        let made = Arc::clone(&made);
        async move {
            let (app, bus) = &*made;
            take(app, bus, &event).await
        }
    }))
}

/// What must come again is named by its sequence number: the stream goes on from the first of
/// them, and what follows may come twice.
async fn take(app: &App, bus: &Bus, event: &Value) -> Result<Value, InvocationFailed> {
    let records = batch::stream(event)?;
    let (ids, announced): (Vec<&str>, Vec<Announced>) = records.iter().filter_map(read).unzip();
    let taken = relay::take(app, bus, &announced).await;
    let left = ids.into_iter().zip(taken).filter(|(_, taken)| !taken);
    Ok(batch::again(left.map(|(id, _)| id)))
}

/// Only what is put into the outbox is news. What cannot be read stays there, with an alarm.
fn read<'a>(record: &Record<'a>) -> Option<(&'a str, Announced)> {
    if record.record.get("eventName")?.as_str()? != "INSERT" {
        return None;
    }
    let image = record.record.pointer("/dynamodb/NewImage")?;
    match Announced::of_stream(image) {
        Ok(announced) => Some((record.id, announced?)),
        Err(error) => {
            tracing::error!(kind = "outbox", outcome = "unreadable", alarm = "event unreadable", %error);
            None
        }
    }
}
