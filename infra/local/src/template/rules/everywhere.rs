//! What may stand nowhere, whatever it belongs to: these hold for a resource that no other rule
//! knows yet.

use serde_json::Value;

use super::Place;

/// How vendors' and AWS' secrets begin.
const SECRETS: [&str; 6] = ["SB-Mid-", "Mid-server", "AKIA", "ASIA", "-----BEGIN", "pk_"];

pub(super) fn judge(template: &Value, found: &mut Vec<String>) {
    walk(&Place::Root, template, found);
    let parameters = template.get("Parameters").and_then(Value::as_object);
    for (name, parameter) in parameters.into_iter().flatten() {
        let hidden = ["secret", "token", "password", "serverkey", "linkkey"];
        let named = hidden.iter().any(|word| name.to_lowercase().contains(word));
        if named || parameter.get("NoEcho").is_some() {
            // Its value would stand in the stack's history and in samconfig.toml.
            found.push(format!("the parameter {name} takes a secret"));
        }
    }
}

fn walk(place: &Place<'_>, value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let place = Place::Field(place, key);
                judge_field(&place, key, value, found);
                walk(&place, value, found);
            }
        }
        Value::Array(items) => {
            for (n, item) in items.iter().enumerate() {
                walk(&Place::Item(place, n), item, found);
            }
        }
        Value::String(text) => {
            if SECRETS.iter().any(|secret| text.contains(secret)) || looks_like_a_token(text) {
                found.push(format!("{place} is a secret"));
            }
            if text == "SecureString" {
                found.push(format!(
                    "{place}: CloudFormation cannot write a SecureString"
                ));
            }
        }
        _ => {}
    }
}

fn judge_field(place: &Place<'_>, key: &str, value: &Value, found: &mut Vec<String>) {
    let mut any = |judge: fn(&str) -> bool, complaint: &str| {
        if texts(value).into_iter().any(judge) {
            found.push(format!("{place} {complaint}"));
        }
    };
    match key {
        "Resource" => any(|text| text == "*", "is everything"),
        "Action" => any(|text| text.contains('*'), "is more than one action"),
        "Principal" => any(|text| text.contains('*'), "is everybody"),
        "NotAction" | "NotResource" | "NotPrincipal" => {
            found.push(format!("{place} grants what it does not name"));
        }
        _ => {}
    }
}

/// The texts directly in a value, a list or a map of lists.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(fields) => fields.values().flat_map(texts).collect(),
        _ => vec![],
    }
}

/// A bot's token: digits, a colon and 35 characters.
fn looks_like_a_token(text: &str) -> bool {
    text.split_once(':').is_some_and(|(id, rest)| {
        id.len() >= 6 && id.bytes().all(|byte| byte.is_ascii_digit()) && rest.len() >= 30
    })
}
