//! The methods a bot calls.

use std::collections::HashMap;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::keyboard::Markup;
use super::{Bot, Message, QUERY_MILLIS, Webhook, html, keyboard};
use crate::{Sandbox, Shop};

pub(super) type Params = Map<String, Value>;

pub(super) struct Refusal {
    code: u16,
    description: String,
}

pub(super) struct Reply {
    result: Value,
    description: Option<&'static str>,
}

type Answer = Result<Reply, Refusal>;

fn bad(description: impl AsRef<str>) -> Refusal {
    Refusal {
        code: 400,
        description: format!("Bad Request: {}", description.as_ref()),
    }
}

fn done(result: Value) -> Answer {
    Ok(Reply {
        result,
        description: None,
    })
}

fn refused(code: u16, description: &str) -> Response {
    let status = StatusCode::from_u16(code).unwrap_or(StatusCode::BAD_REQUEST);
    let body = json!({"ok": false, "error_code": code, "description": description});
    (status, Json(body)).into_response()
}

pub(super) async fn call(
    State(sandbox): State<Sandbox>,
    Path((bot, method)): Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some(token) = bot.strip_prefix("bot") else {
        return refused(404, "Not Found");
    };
    let Some(shop) = sandbox.shop(|shop| shop.bot_token == token) else {
        return refused(401, "Unauthorized");
    };
    let mut params = form(uri.query().unwrap_or_default());
    let kind = headers.get(header::CONTENT_TYPE);
    match parse(kind.and_then(|kind| kind.to_str().ok()), &body) {
        Some(more) => params.extend(more),
        None => return refused(400, "Bad Request: can't parse JSON object"),
    }
    match execute(&sandbox, &shop, &method, &params) {
        Err(refusal) => refused(refusal.code, &refusal.description),
        Ok(reply) => {
            let mut body = json!({"ok": true, "result": reply.result});
            if let (Some(text), Some(fields)) = (reply.description, body.as_object_mut()) {
                fields.insert("description".to_owned(), json!(text));
            }
            Json(body).into_response()
        }
    }
}

/// A body's parameters, JSON or a form.
pub(super) fn parse(kind: Option<&str>, body: &[u8]) -> Option<Params> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Some(Params::new());
    }
    match kind {
        Some(kind) if kind.starts_with("application/x-www-form-urlencoded") => {
            Some(form(std::str::from_utf8(body).ok()?))
        }
        _ => serde_json::from_slice(body).ok(),
    }
}

fn form(query: &str) -> Params {
    format!("/?{query}")
        .parse::<Uri>()
        .ok()
        .and_then(|uri| Query::<HashMap<String, String>>::try_from_uri(&uri).ok())
        .map(|Query(pairs)| {
            let pair = |(name, value)| (name, Value::String(value));
            pairs.into_iter().map(pair).collect()
        })
        .unwrap_or_default()
}

pub(super) fn bot_json(shop: &Shop) -> Value {
    let id: i64 = shop
        .bot_token
        .split(':')
        .next()
        .and_then(|id| id.parse().ok())
        .unwrap_or(1);
    json!({
        "id": id,
        "is_bot": true,
        "first_name": shop.bot_username,
        "username": shop.bot_username,
    })
}

pub(super) fn execute(sandbox: &Sandbox, shop: &Shop, method: &str, params: &Params) -> Answer {
    let now = sandbox.0.clock.now_millis();
    let method = method.to_ascii_lowercase();
    let answer = sandbox.0.store.change(|state| {
        let bot = state.telegram.bots.entry(shop.merchant.clone());
        let bot = bot.or_default();
        match method.as_str() {
            "getme" => done(bot_json(shop)),
            "setwebhook" => set_webhook(bot, params),
            "deletewebhook" => delete_webhook(bot, params),
            "getwebhookinfo" => done(webhook_info(bot)),
            "sendmessage" => send(bot, shop, params, now),
            "editmessagetext" => edit(bot, shop, params),
            "answercallbackquery" => answer_query(bot, params, now),
            "setmycommands" => set_commands(params),
            "sendchataction" => chat_of(bot, params).and_then(|_| done(json!(true))),
            _ => Err(Refusal {
                code: 404,
                description: "Not Found: method not found".to_owned(),
            }),
        }
    });
    if method == "setwebhook" && answer.is_ok() {
        // What waited for a webhook goes out now.
        let (this, merchant) = (sandbox.clone(), shop.merchant.clone());
        if sandbox.is_due(&merchant) {
            sandbox.in_background(async move { this.deliver_due_of(&merchant).await });
        }
    }
    answer
}

fn integer(params: &Params, name: &str) -> Option<i64> {
    match params.get(name)? {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_i64(),
    }
}

fn string<'a>(params: &'a Params, name: &str) -> &'a str {
    params.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn set_webhook(bot: &mut Bot, params: &Params) -> Answer {
    let url = string(params, "url");
    if url.is_empty() {
        return delete_webhook(bot, params);
    }
    let parsed =
        reqwest::Url::parse(url).map_err(|_| bad("bad webhook: invalid webhook URL specified"))?;
    let loopback = matches!(parsed.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
    if parsed.scheme() != "https" && !(parsed.scheme() == "http" && loopback) {
        return Err(bad(
            "bad webhook: An HTTPS URL must be provided for webhook",
        ));
    }
    let secret = string(params, "secret_token");
    if secret.len() > 256 {
        return Err(bad("secret token is too long"));
    }
    if !secret
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
    {
        return Err(bad("secret token contains unallowed characters"));
    }
    let allowed = match params.get("allowed_updates") {
        None | Some(Value::Null) => bot.webhook.allowed.clone(),
        Some(list) => updates(list)
            .ok_or_else(|| bad("can't parse allowed updates: expected an Array of String"))?,
    };
    let fresh = Webhook {
        url: url.to_owned(),
        secret: Some(secret.to_owned()).filter(|secret| !secret.is_empty()),
        allowed,
        max_connections: integer(params, "max_connections")
            .unwrap_or(40)
            .clamp(1, 100),
    };
    drop_pending(bot, params);
    let same = bot.webhook == fresh;
    bot.webhook = fresh;
    Ok(Reply {
        result: json!(true),
        description: Some(if same {
            "Webhook is already set"
        } else {
            "Webhook was set"
        }),
    })
}

fn updates(list: &Value) -> Option<Vec<String>> {
    match list {
        Value::String(text) => serde_json::from_str(text).ok(),
        other => serde_json::from_value(other.clone()).ok(),
    }
}

fn drop_pending(bot: &mut Bot, params: &Params) {
    let flag = params.get("drop_pending_updates");
    if flag.is_some_and(|flag| *flag == json!(true) || *flag == json!("true")) {
        bot.lanes.clear();
    }
}

fn delete_webhook(bot: &mut Bot, params: &Params) -> Answer {
    drop_pending(bot, params);
    let was = !bot.webhook.url.is_empty();
    bot.webhook.url.clear();
    bot.webhook.secret = None;
    bot.last_error = None;
    Ok(Reply {
        result: json!(true),
        description: Some(if was {
            "Webhook was deleted"
        } else {
            "Webhook is already deleted"
        }),
    })
}

fn webhook_info(bot: &Bot) -> Value {
    let mut info = json!({
        "url": bot.webhook.url,
        "has_custom_certificate": false,
        "pending_update_count": bot.lanes.values().map(|lane| lane.len()).sum::<usize>(),
    });
    let Some(fields) = info.as_object_mut() else {
        return info;
    };
    if let Some((date, message)) = &bot.last_error {
        fields.insert("last_error_date".to_owned(), json!(date));
        fields.insert("last_error_message".to_owned(), json!(message));
    }
    if !bot.webhook.url.is_empty() {
        let most = json!(bot.webhook.max_connections);
        fields.insert("max_connections".to_owned(), most);
    }
    if !bot.webhook.allowed.is_empty() {
        let allowed = json!(bot.webhook.allowed);
        fields.insert("allowed_updates".to_owned(), allowed);
    }
    info
}

fn chat_of(bot: &Bot, params: &Params) -> Result<i64, Refusal> {
    match integer(params, "chat_id") {
        None if !params.contains_key("chat_id") => Err(bad("chat_id is empty")),
        Some(id) if bot.chats.contains_key(&id) => Ok(id),
        _ => Err(bad("chat not found")),
    }
}

fn content(params: &Params) -> Result<(html::Parsed, Option<Markup>), Refusal> {
    let text = string(params, "text");
    let mut parsed = match string(params, "parse_mode").to_ascii_lowercase().as_str() {
        "" => html::Parsed {
            text: text.to_owned(),
            shown: text.to_owned(),
            entities: Vec::new(),
        },
        "html" => {
            html::parse(text).map_err(|error| bad(format!("can't parse entities: {error}")))?
        }
        _ => return Err(bad("unsupported parse_mode")),
    };
    if parsed.text.trim().is_empty() {
        return Err(bad("message text is empty"));
    }
    if parsed.text.chars().count() > 4096 {
        return Err(bad("message is too long"));
    }
    parsed.text.truncate(parsed.text.trim_end().len());
    parsed.shown.truncate(parsed.shown.trim_end().len());
    Ok((
        parsed,
        keyboard::read(params.get("reply_markup")).map_err(bad)?,
    ))
}

fn send(bot: &mut Bot, shop: &Shop, params: &Params, now: i64) -> Answer {
    let id = chat_of(bot, params)?;
    let (parsed, markup) = content(params)?;
    let chat = bot.chats.entry(id).or_default();
    let (markup, keyboard) = match markup {
        None => (None, None),
        Some(Markup::Inline(markup)) => (Some(markup), None),
        Some(Markup::Own(keyboard)) => {
            chat.give_keyboard_back();
            (None, Some(keyboard))
        }
        Some(Markup::Removes) => {
            chat.give_keyboard_back();
            (None, None)
        }
    };
    chat.last_message_id += 1;
    let message = Message {
        id: chat.last_message_id,
        from_bot: true,
        date: now / 1000,
        text: parsed.text,
        entities: parsed.entities,
        shown: parsed.shown,
        contact: None,
        markup,
        keyboard,
        edited: false,
    };
    let json = chat.message_json(shop, &message);
    chat.messages.push(message);
    done(json)
}

fn edit(bot: &mut Bot, shop: &Shop, params: &Params) -> Answer {
    let chat = chat_of(bot, params)?;
    let (parsed, markup) = content(params)?;
    let markup = match markup {
        None => None,
        Some(Markup::Inline(markup)) => Some(markup),
        Some(Markup::Own(_) | Markup::Removes) => {
            return Err(bad("inline keyboard expected"));
        }
    };
    let wanted =
        integer(params, "message_id").ok_or_else(|| bad("message identifier is not specified"))?;
    let chat = bot.chats.entry(chat).or_default();
    let message = chat
        .messages
        .iter_mut()
        .find(|message| message.id == wanted)
        .ok_or_else(|| bad("message to edit not found"))?;
    if !message.from_bot {
        return Err(bad("message can't be edited"));
    }
    if message.text == parsed.text
        && message.entities == parsed.entities
        && message.markup == markup
    {
        return Err(bad(
            "message is not modified: specified new message content and reply markup are exactly \
             the same as a current content and reply markup of the message",
        ));
    }
    message.text = parsed.text;
    message.entities = parsed.entities;
    message.shown = parsed.shown;
    message.markup = markup;
    message.edited = true;
    let message = message.clone();
    done(chat.message_json(shop, &message))
}

fn answer_query(bot: &mut Bot, params: &Params, now: i64) -> Answer {
    bot.queries.retain(|_, asked| now - *asked <= QUERY_MILLIS);
    if !bot
        .queries
        .contains_key(string(params, "callback_query_id"))
    {
        return Err(bad(
            "query is too old and response timeout expired or query ID is invalid",
        ));
    }
    if string(params, "text").chars().count() > 200 {
        return Err(bad("MESSAGE_TOO_LONG"));
    }
    done(json!(true))
}

fn set_commands(params: &Params) -> Answer {
    let list = match params.get("commands") {
        Some(Value::String(text)) => serde_json::from_str(text).unwrap_or_default(),
        Some(other) => other.clone(),
        None => Value::Null,
    };
    let Some(commands) = list.as_array().filter(|list| list.len() <= 100) else {
        return Err(bad("can't parse commands"));
    };
    for command in commands {
        let field = |name: &str| {
            command
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let grammar = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let name = field("command").trim_start_matches('/');
        if !(1..=32).contains(&name.len()) || !name.bytes().all(grammar) {
            return Err(bad("BOT_COMMAND_INVALID"));
        }
        if !(1..=256).contains(&field("description").chars().count()) {
            return Err(bad("BOT_COMMAND_DESCRIPTION_INVALID"));
        }
    }
    done(json!(true))
}
