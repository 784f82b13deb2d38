//! Inline keyboards: what Telegram refuses on a button, and the buttons as a person sees them.

use serde_json::{Map, Value, json};

const ACTIONS: [&str; 10] = [
    "url",
    "callback_data",
    "web_app",
    "login_url",
    "switch_inline_query",
    "switch_inline_query_current_chat",
    "switch_inline_query_chosen_chat",
    "copy_text",
    "callback_game",
    "pay",
];

/// The keyboard as sent, or as JSON in a form's field. Nothing is returned for one without
/// buttons, and for the kinds that belong to the customer's own keyboard.
pub(super) fn read(value: Option<&Value>) -> Result<Option<Value>, String> {
    let parsed = match value {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) if text.is_empty() => return Ok(None),
        Some(Value::String(text)) => serde_json::from_str(text)
            .map_err(|_| "can't parse reply keyboard markup JSON object".to_owned())?,
        Some(other) => other.clone(),
    };
    let markup = parsed
        .as_object()
        .ok_or("object expected as reply markup")?;
    let Some(rows) = markup.get("inline_keyboard") else {
        return Ok(None);
    };
    let wrong = "field \"inline_keyboard\" of the InlineKeyboardMarkup must be an Array of Arrays";
    for row in rows.as_array().ok_or(wrong)? {
        for button in row.as_array().ok_or(wrong)? {
            check(button.as_object().ok_or(wrong)?)?;
        }
    }
    Ok(Some(parsed).filter(|markup| !buttons(Some(markup)).is_empty()))
}

fn check(button: &Map<String, Value>) -> Result<(), String> {
    let text = button.get("text").and_then(Value::as_str);
    if text.is_none_or(|text| text.trim().is_empty()) {
        return Err("can't parse inline keyboard button: Field \"text\" must be non-empty".into());
    }
    let actions: Vec<&str> = ACTIONS
        .into_iter()
        .filter(|action| button.get(*action).is_some_and(|value| !value.is_null()))
        .collect();
    match actions.as_slice() {
        [] => Err(
            "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard"
                .into(),
        ),
        ["callback_data"] => {
            let data = button.get("callback_data").and_then(Value::as_str);
            match data.map(str::len) {
                Some(1..=64) => Ok(()),
                _ => Err("BUTTON_DATA_INVALID".into()),
            }
        }
        ["url"] => {
            let url = button.get("url").and_then(Value::as_str);
            if url.is_some_and(reachable) {
                Ok(())
            } else {
                Err("BUTTON_URL_INVALID".into())
            }
        }
        ["copy_text"] => {
            let text = button
                .get("copy_text")
                .and_then(|copy| copy.get("text")?.as_str());
            match text.map(|text| text.chars().count()) {
                Some(1..=256) => Ok(()),
                _ => Err("BUTTON_COPY_TEXT_INVALID".into()),
            }
        }
        [_] => Ok(()),
        _ => Err("BUTTON_TYPE_INVALID".into()),
    }
}

/// A link on a button leads to a public host, or into the app.
fn reachable(url: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(url) else {
        return false;
    };
    if url.scheme() == "tg" {
        return true;
    }
    let Some(host) = url
        .host_str()
        .filter(|_| matches!(url.scheme(), "http" | "https"))
    else {
        return false;
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    match host.parse::<std::net::IpAddr>() {
        Ok(address) => !address.is_loopback() && !address.is_unspecified(),
        Err(_) => {
            let name = host.trim_end_matches('.').to_ascii_lowercase();
            name.contains('.') && !name.ends_with(".localhost")
        }
    }
}

/// Every button, row by row.
pub(super) fn buttons(markup: Option<&Value>) -> Vec<&Map<String, Value>> {
    rows(markup)
        .flatten()
        .filter_map(Value::as_object)
        .collect()
}

fn rows(markup: Option<&Value>) -> impl Iterator<Item = &Vec<Value>> {
    markup
        .and_then(|markup| markup.get("inline_keyboard")?.as_array())
        .into_iter()
        .flatten()
        .filter_map(Value::as_array)
}

/// `[[{"text","data"|"url"|"copy"}]]`
pub(super) fn shown(markup: Option<&Value>) -> Value {
    let row = |row: &Vec<Value>| row.iter().map(button).collect::<Value>();
    rows(markup).map(row).collect()
}

fn button(button: &Value) -> Value {
    let field = |name: &str| button.get(name).cloned();
    let mut shown = json!({"text": field("text")});
    let action = [
        ("data", field("callback_data")),
        ("url", field("url")),
        ("copy", button.pointer("/copy_text/text").cloned()),
    ];
    if let Some(fields) = shown.as_object_mut() {
        for (name, value) in action {
            if let Some(value) = value {
                fields.insert(name.to_owned(), value);
            }
        }
    }
    shown
}

pub(super) fn label(button: &Map<String, Value>) -> &str {
    button
        .get("text")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

pub(super) fn pick<'a>(markup: Option<&'a Value>, wanted: &str) -> Option<&'a Map<String, Value>> {
    crate::picked(
        buttons(markup).into_iter(),
        |button| label(button).to_owned(),
        wanted,
    )
}
