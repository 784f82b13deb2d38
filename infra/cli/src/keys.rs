//! `pesan keys`.

use pesan_service::{App, keys};
use serde_json::json;

use crate::arguments::KeysCommand;
use crate::report::Report;

/// Runs a command about the deployment's keys.
pub async fn run(app: &App, command: KeysCommand) -> anyhow::Result<Report> {
    match command {
        KeysCommand::Create => {
            let made = keys::create(app).await?;
            let text = if made.is_empty() {
                "every key is there already, and left as it is".to_owned()
            } else {
                format!("made: {}", made.join(", "))
            };
            Ok(Report::good(text, json!({"made": made})))
        }
    }
}
