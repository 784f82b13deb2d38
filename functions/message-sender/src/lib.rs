//! Takes the messages of a queue and sends each by its channel.

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
    Ok(event_handler("message-sender", |_| async { Ok(json!({})) }))
}
