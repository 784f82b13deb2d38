//! A test's handles on the customers: they type, press and read.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Bot, Chat, MESSAGE_MILLIS, Message, QUERY_MILLIS, keyboard};
use crate::{Sandbox, Shop, refuse};

type At = Path<(String, i64)>;
type Refused = (StatusCode, String);

#[derive(Deserialize)]
struct Typed {
    text: String,
    language_code: Option<String>,
    first_name: Option<String>,
}

#[derive(Deserialize)]
struct Shared {
    /// The customer's own from now on, unless the card is somebody else's.
    phone: Option<String>,
    /// Whose card it is: the customer's own unless said, of nobody where it is null.
    #[serde(default)]
    user_id: Owner,
}

#[derive(Default)]
enum Owner {
    #[default]
    Own,
    Other(Option<i64>),
}

impl<'de> Deserialize<'de> for Owner {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(Self::Other)
    }
}

#[derive(Deserialize)]
struct Pressed {
    button: Option<String>,
    data: Option<String>,
    message_id: Option<i64>,
}

fn known(sandbox: &Sandbox, merchant: &str) -> Result<Shop, Refused> {
    sandbox
        .shop(|shop| shop.merchant == merchant)
        .ok_or_else(|| (StatusCode::NOT_FOUND, format!("no merchant {merchant}")))
}

fn parsed<T: for<'a> Deserialize<'a>>(body: &Bytes) -> Result<T, Refused> {
    serde_json::from_slice(body).map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))
}

pub(super) async fn read(State(sandbox): State<Sandbox>, Path((merchant, id)): At) -> Response {
    if let Err((status, error)) = known(&sandbox, &merchant) {
        return refuse(status, error);
    }
    let messages = sandbox.0.store.read(|state| {
        let chat = state
            .telegram
            .bots
            .get(&merchant)
            .and_then(|bot| bot.chats.get(&id));
        let messages = chat.map(|chat| chat.messages.iter().map(shown).collect::<Vec<_>>());
        messages.unwrap_or_default()
    });
    Json(json!({"messages": messages})).into_response()
}

fn shown(message: &Message) -> Value {
    json!({
        "id": message.id,
        "from": if message.from_bot { "bot" } else { "customer" },
        "text": message.shown,
        "buttons": keyboard::shown(message.pressable()),
        "edited": message.edited,
    })
}

pub(super) async fn text(
    State(sandbox): State<Sandbox>,
    Path((merchant, id)): At,
    body: Bytes,
) -> Response {
    let (shop, typed) = match (known(&sandbox, &merchant), parsed::<Typed>(&body)) {
        (Ok(shop), Ok(typed)) => (shop, typed),
        (Err((status, error)), _) | (_, Err((status, error))) => return refuse(status, error),
    };
    if typed.text.is_empty() || typed.text.chars().count() > 4096 {
        return refuse(StatusCode::BAD_REQUEST, "text: 1 to 4096 characters");
    }
    let now = sandbox.0.clock.now_millis();
    let lane = format!("m:{id}");
    let update = sandbox.0.store.change(|state| {
        let bot = state.telegram.bots.entry(merchant.clone()).or_default();
        let chat = bot.chats.entry(id).or_insert_with(|| Chat::new(id));
        if let Some(language) = typed.language_code {
            chat.language_code = language;
        }
        if let Some(name) = typed.first_name {
            chat.first_name = name;
        }
        bot.say(&shop, id, now, said(typed.text))
    });
    let status = sandbox.deliver(merchant, lane, update).await;
    Json(json!({"ok": true, "status": status})).into_response()
}

pub(super) async fn contact(
    State(sandbox): State<Sandbox>,
    Path((merchant, id)): At,
    body: Bytes,
) -> Response {
    let (shop, shared) = match (known(&sandbox, &merchant), parsed::<Shared>(&body)) {
        (Ok(shop), Ok(shared)) => (shop, shared),
        (Err((status, error)), _) | (_, Err((status, error))) => return refuse(status, error),
    };
    let now = sandbox.0.clock.now_millis();
    let lane = format!("m:{id}");
    let update = sandbox.0.store.change(|state| {
        let bot = state.telegram.bots.entry(merchant.clone()).or_default();
        let chat = bot.chats.entry(id).or_insert_with(|| Chat::new(id));
        let card = match shared.user_id {
            Owner::Own => {
                chat.phone = shared.phone.or(chat.phone.take());
                card(chat, &chat.phone(), Some(id))
            }
            Owner::Other(owner) => card(chat, &shared.phone.unwrap_or_else(|| chat.phone()), owner),
        };
        bot.say(&shop, id, now, card)
    });
    let status = sandbox.deliver(merchant, lane, update).await;
    Json(json!({"ok": true, "status": status})).into_response()
}

fn said(text: String) -> Message {
    Message {
        entities: command(&text),
        shown: text.clone(),
        text,
        ..Message::default()
    }
}

/// A contact card; one of nobody that Telegram knows has no owner.
fn card(chat: &Chat, phone: &str, owner: Option<i64>) -> Message {
    let mut card = json!({"phone_number": phone, "first_name": chat.first_name});
    if let (Some(owner), Some(fields)) = (owner, card.as_object_mut()) {
        fields.insert("user_id".to_owned(), json!(owner));
    }
    Message {
        shown: format!("☎ {phone}"),
        contact: Some(card),
        ..Message::default()
    }
}

impl Bot {
    /// The customer's next message; the update that tells the bot, where it asked for such.
    fn say(&mut self, shop: &Shop, id: i64, now: i64, message: Message) -> Option<i64> {
        let chat = self.chats.entry(id).or_insert_with(|| Chat::new(id));
        chat.last_message_id += 1;
        let message = Message {
            id: chat.last_message_id,
            date: now / 1000,
            ..message
        };
        let json = chat.message_json(shop, &message);
        chat.messages.push(message);
        self.enqueue(format!("m:{id}"), "message", json, now + MESSAGE_MILLIS)
    }
}

/// A text that begins with a command says so.
fn command(text: &str) -> Vec<Value> {
    let word = text.split_whitespace().next().unwrap_or_default();
    if !text.starts_with('/') || word.len() < 2 {
        return Vec::new();
    }
    let length = word.encode_utf16().count();
    vec![json!({"offset": 0, "length": length, "type": "bot_command"})]
}

enum Press {
    /// In a lane.
    Told(String, Option<i64>),
    Opens(&'static str, Value),
    Missing(Vec<String>),
}

pub(super) async fn press(
    State(sandbox): State<Sandbox>,
    Path((merchant, id)): At,
    body: Bytes,
) -> Response {
    let (shop, pressed) = match (known(&sandbox, &merchant), parsed::<Pressed>(&body)) {
        (Ok(shop), Ok(pressed)) => (shop, pressed),
        (Err((status, error)), _) | (_, Err((status, error))) => return refuse(status, error),
    };
    if pressed.button.is_some() == pressed.data.is_some() {
        return refuse(StatusCode::BAD_REQUEST, "button: or else data");
    }
    let now = sandbox.0.clock.now_millis();
    let press = sandbox.0.store.change(|state| {
        let bot = state.telegram.bots.entry(merchant.clone()).or_default();
        let Some(chat) = bot.chats.get(&id) else {
            return Press::Missing(Vec::new());
        };
        let (message, data) = match (&pressed.button, pressed.data) {
            (Some(wanted), _) => {
                let within = chat.within_reach(pressed.message_id);
                let found = within.iter().find_map(|message| {
                    Some((*message, keyboard::pick(message.pressable(), wanted)?))
                });
                let Some((message, button)) = found else {
                    let buttons = within
                        .into_iter()
                        .flat_map(|message| keyboard::buttons(message.pressable()));
                    let labels = buttons.map(|button| keyboard::label(button).to_owned());
                    return Press::Missing(labels.collect());
                };
                if message.markup.is_none() {
                    let answer = if keyboard::shares_contact(button) {
                        card(chat, &chat.phone(), Some(id))
                    } else {
                        said(keyboard::label(button).to_owned())
                    };
                    return Press::Told(format!("m:{id}"), bot.say(&shop, id, now, answer));
                }
                if let Some(url) = button.get("url") {
                    return Press::Opens("url", url.clone());
                }
                if let Some(text) = button.get("copy_text").and_then(|copy| copy.get("text")) {
                    return Press::Opens("copy", text.clone());
                }
                let data = button.get("callback_data").cloned();
                (message, data.unwrap_or_default())
            }
            (None, data) => {
                let message = chat.newest(|message| match pressed.message_id {
                    Some(wanted) => message.id == wanted,
                    None => message.from_bot,
                });
                let Some(message) = message else {
                    return Press::Missing(Vec::new());
                };
                (message, json!(data))
            }
        };
        let query = rand::random_range(1_i64..=i64::MAX).to_string();
        let body = json!({
            "id": query,
            "from": chat.sender_json(),
            "message": chat.message_json(&shop, message),
            "chat_instance": chat.instance,
            "data": data,
        });
        bot.queries.retain(|_, asked| now - *asked <= QUERY_MILLIS);
        bot.queries.insert(query, now);
        let lane = format!("c:{id}");
        let update = bot.enqueue(lane.clone(), "callback_query", body, now + QUERY_MILLIS);
        Press::Told(lane, update)
    });
    match press {
        Press::Missing(labels) => {
            let body = json!({"error": "no such button", "buttons": labels});
            (StatusCode::NOT_FOUND, Json(body)).into_response()
        }
        Press::Opens(what, value) => Json(json!({what: value})).into_response(),
        Press::Told(lane, update) => {
            let status = sandbox.deliver(merchant, lane, update).await;
            Json(json!({"ok": true, "status": status})).into_response()
        }
    }
}
