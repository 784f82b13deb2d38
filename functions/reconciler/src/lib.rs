//! Wakes what is due, once a minute.

use std::sync::Arc;

use pesan_adapters::clock::Clock;
use pesan_lambda::{Env, EventHandler, InvocationFailed, event_handler};
use pesan_service::{App, Config, reconcile};
use serde_json::json;

/// Makes the function from its environment.
///
/// # Errors
/// Names the variable that is missing.
pub async fn handler(env: &Env, clock: Clock) -> anyhow::Result<EventHandler> {
    let config = Config::read(|name| env.optional(name).map(str::to_owned))?;
    let app = Arc::new(App::new(&config, clock)?);
    // What is due is judged by the clock: a schedule that comes late, or twice, does no harm.
    Ok(event_handler(env!("CARGO_PKG_NAME"), move |_| {
        let app = Arc::clone(&app);
        async move {
            match reconcile::run(&app).await {
                Ok(done) => Ok(json!({
                    "woken": done.woken,
                    "asked": done.asked,
                    "moved_on": done.moved_on,
                    "announced": done.announced,
                    "left": done.left,
                })),
                Err(error) => {
                    tracing::error!(kind = "reconcile", outcome = "not all", %error);
                    Err(InvocationFailed)
                }
            }
        }
    }))
}
