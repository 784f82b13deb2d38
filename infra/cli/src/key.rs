//! `pesan key`.

use pesan_domain::api_key::{ApiKey, Rate, Scope};
use pesan_service::App;
use pesan_service::api_keys::{self, NewKey, Opener};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::arguments::{KeyAdd, KeyCommand};
use crate::report::Report;
use crate::table::Table;

/// Runs a command about keys to the REST API.
pub async fn run(app: &App, command: KeyCommand) -> anyhow::Result<Report> {
    match command {
        KeyCommand::Add(new) => add(app, new).await,
        KeyCommand::List { id } => {
            let keys = api_keys::list(app, &id).await?;
            if keys.is_empty() {
                let text = format!("{id} has no key yet: `pesan key add {id}` makes one");
                return Ok(Report::good(text, json!({"keys": []})));
            }
            let mut table = Table::new(["id", "name", "scopes", "rate", "made", "revoked"]);
            for key in &keys {
                table.row(row(key));
            }
            let json: Vec<Value> = keys.iter().map(as_json).collect();
            Ok(Report::good(table.to_string(), json!({"keys": json})))
        }
        KeyCommand::Revoke { id, key } => {
            let key = api_keys::revoke(app, &id, &key).await?;
            let text = format!(
                "{} ({}) is revoked: within a minute it opens nothing any more",
                key.id, key.name
            );
            Ok(Report::good(text, as_json(&key)))
        }
    }
}

async fn add(app: &App, new: KeyAdd) -> anyhow::Result<Report> {
    let settings = NewKey {
        name: new.name,
        scopes: new.scopes.into_iter().collect(),
        rate: Rate {
            per_second: new.rate,
            burst: new.burst,
        },
    };
    let (token, key) = api_keys::add(app, &new.id, settings, Opener::Fresh).await?;
    let token = token.expose_secret();
    let text = format!(
        "{token}\n\nThis is the key {} of {}. It is not shown again: put it where the calling system \
         keeps its secrets. `pesan key revoke {} {}` ends it.",
        key.id, key.merchant, key.merchant, key.id
    );
    let mut json = as_json(&key);
    if let Some(fields) = json.as_object_mut() {
        fields.insert("key".to_owned(), json!(token));
    }
    Ok(Report::good(text, json))
}

fn scopes(key: &ApiKey) -> Vec<&'static str> {
    key.scopes.iter().map(|scope| Scope::name(*scope)).collect()
}

fn row(key: &ApiKey) -> [String; 6] {
    [
        key.id.to_string(),
        key.name.clone(),
        scopes(key).join(","),
        format!("{}/s, {} at once", key.rate.per_second, key.rate.burst),
        key.made_at.to_string(),
        key.revoked_at.map(|at| at.to_string()).unwrap_or_default(),
    ]
}

fn as_json(key: &ApiKey) -> Value {
    json!({
        "id": key.id.as_str(),
        "merchant": key.merchant.as_str(),
        "name": key.name,
        "scopes": scopes(key),
        "rate": key.rate.per_second,
        "burst": key.rate.burst,
        "made_at": key.made_at.to_string(),
        "revoked_at": key.revoked_at.map(|at| at.to_string()),
    })
}
