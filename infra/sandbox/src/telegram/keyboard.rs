//! Keyboards, under a message and in place of the customer's own: what Telegram refuses on a
//! button, and the buttons as a person sees them.

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

/// What a message does to the keyboards.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Markup {
    /// Buttons under it.
    Inline(Value),
    /// Buttons in place of the customer's own keyboard.
    Own(Value),
    /// The customer's own keyboard comes back.
    Removes,
}

/// The keyboard as sent, or as JSON in a form's field. Nothing is returned for one without
/// buttons.
pub(super) fn read(value: Option<&Value>) -> Result<Option<Markup>, String> {
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
    if markup.get("remove_keyboard") == Some(&json!(true)) {
        return Ok(Some(Markup::Removes));
    }
    if let Some(rows) = markup.get("keyboard") {
        return Ok(Some(Markup::Own(json!({"keyboard": own(rows)?}))));
    }
    let Some(rows) = markup.get("inline_keyboard") else {
        return Ok(None);
    };
    let wrong = "field \"inline_keyboard\" of the InlineKeyboardMarkup must be an Array of Arrays";
    for row in rows.as_array().ok_or(wrong)? {
        for button in row.as_array().ok_or(wrong)? {
            check(button.as_object().ok_or(wrong)?)?;
        }
    }
    let parsed = Some(parsed).filter(|markup| !buttons(Some(markup)).is_empty());
    Ok(parsed.map(Markup::Inline))
}

/// What a button of the customer's own keyboard sends instead of its label; at most one of them.
const SENDS: [&str; 6] = [
    "request_users",
    "request_chat",
    "request_contact",
    "request_location",
    "request_poll",
    "web_app",
];

/// The rows of the customer's own keyboard; a button may be sent as its label alone.
fn own(rows: &Value) -> Result<Vec<Vec<Value>>, String> {
    let wrong = "field \"keyboard\" of the ReplyKeyboardMarkup must be an Array of Arrays";
    let mut read = Vec::new();
    for row in rows.as_array().ok_or(wrong)? {
        let mut buttons = Vec::new();
        for button in row.as_array().ok_or(wrong)? {
            let text = button.as_str().or_else(|| button.get("text")?.as_str());
            if text.is_none_or(|text| text.trim().is_empty()) {
                return Err("can't parse keyboard button: Field \"text\" must be non-empty".into());
            }
            let asked = |what: &&str| {
                button
                    .get(*what)
                    .is_some_and(|value| *value != json!(false))
            };
            if SENDS.iter().filter(|what| asked(what)).count() > 1 {
                return Err("BUTTON_TYPE_INVALID".into());
            }
            buttons.push(if button.is_string() {
                json!({"text": button})
            } else {
                button.clone()
            });
        }
        read.push(buttons);
    }
    Ok(read)
}

/// Whether a button of the customer's own keyboard shares their number.
pub(super) fn shares_contact(button: &Map<String, Value>) -> bool {
    button.get("request_contact") == Some(&json!(true))
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
        .and_then(|markup| {
            let rows = markup.get("inline_keyboard");
            rows.or_else(|| markup.get("keyboard"))?.as_array()
        })
        .into_iter()
        .flatten()
        .filter_map(Value::as_array)
}

/// `[[{"text","data"|"url"|"copy"|"contact"}]]`; with the text alone, that is what it types.
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
        ("contact", field("request_contact")),
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
