//! Telegram: the Bot API's methods, its webhook deliveries, and the customers' chats.
//! <https://core.telegram.org/bots/api>

mod api;
mod chats;
mod delivery;
mod html;
mod keyboard;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};

use axum::Router;
use axum::routing::{any, get, post};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{Sandbox, Shop};

/// A press is answered, and delivered, within this time only.
const QUERY_MILLIS: i64 = 150_000;
const MESSAGE_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// Every bot by its merchant.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    bots: BTreeMap<String, Bot>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Bot {
    webhook: Webhook,
    chats: BTreeMap<i64, Chat>,
    /// When each callback query was asked.
    queries: BTreeMap<String, i64>,
    /// FIFO each: a chat's messages, and apart from them its presses.
    lanes: BTreeMap<String, VecDeque<Update>>,
    last_update_id: i64,
    /// In seconds, and the words.
    last_error: Option<(i64, String)>,
}

#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Webhook {
    url: String,
    secret: Option<String>,
    /// Empty: everything.
    allowed: Vec<String>,
    max_connections: i64,
}

#[derive(Clone, Serialize, Deserialize)]
struct Update {
    id: i64,
    kind: String,
    body: Value,
    expires: i64,
    attempts: u32,
    not_before: i64,
}

#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
struct Chat {
    id: i64,
    first_name: String,
    language_code: String,
    /// The customer's own number, where it is not the one that follows from the chat.
    phone: Option<String>,
    instance: String,
    messages: Vec<Message>,
    /// Kept apart from the list: an id is never used again.
    last_message_id: i64,
}

#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
struct Message {
    id: i64,
    from_bot: bool,
    /// In seconds.
    date: i64,
    text: String,
    entities: Vec<Value>,
    /// The text as a person sees it, with each link's target.
    shown: String,
    /// A contact card, which stands in the text's place.
    contact: Option<Value>,
    markup: Option<Value>,
    /// What it put in place of the customer's own keyboard, as long as that stands.
    keyboard: Option<Value>,
    edited: bool,
}

impl Message {
    /// The buttons that a person sees with it.
    fn pressable(&self) -> Option<&Value> {
        self.markup.as_ref().or(self.keyboard.as_ref())
    }
}

impl Chat {
    /// A customer nobody has heard of.
    fn new(id: i64) -> Self {
        Self {
            id,
            first_name: "Budi".to_owned(),
            language_code: "id".to_owned(),
            instance: rand::random::<i64>().to_string(),
            ..Self::default()
        }
    }

    fn phone(&self) -> String {
        let follows = || format!("62813{:08}", self.id.rem_euclid(100_000_000));
        self.phone.clone().unwrap_or_else(follows)
    }

    fn give_keyboard_back(&mut self) {
        for message in &mut self.messages {
            message.keyboard = None;
        }
    }

    fn sender_json(&self) -> Value {
        json!({
            "id": self.id,
            "is_bot": false,
            "first_name": self.first_name,
            "language_code": self.language_code,
        })
    }

    fn json(&self) -> Value {
        json!({"id": self.id, "first_name": self.first_name, "type": "private"})
    }

    fn newest(&self, wanted: impl Fn(&Message) -> bool) -> Option<&Message> {
        self.messages.iter().rev().find(|message| wanted(message))
    }

    /// The messages whose buttons are at hand, newest first: one that is named, else the newest with
    /// buttons under it and the one that put up the keyboard in the customer's own place.
    fn within_reach(&self, named: Option<i64>) -> Vec<&Message> {
        if named.is_some() {
            return self
                .newest(|message| Some(message.id) == named)
                .into_iter()
                .collect();
        }
        let under = self.newest(|message| message.from_bot && message.markup.is_some());
        let keyboard = self.newest(|message| message.keyboard.is_some());
        let mut both: Vec<&Message> = under.into_iter().chain(keyboard).collect();
        both.sort_by_key(|message| std::cmp::Reverse(message.id));
        both
    }

    /// A message as the wire shows it.
    fn message_json(&self, shop: &Shop, message: &Message) -> Value {
        let from = if message.from_bot {
            api::bot_json(shop)
        } else {
            self.sender_json()
        };
        let mut json = json!({
            "message_id": message.id,
            "from": from,
            "chat": self.json(),
            "date": message.date,
        });
        if let Some(fields) = json.as_object_mut() {
            match &message.contact {
                Some(contact) => fields.insert("contact".to_owned(), contact.clone()),
                None => fields.insert("text".to_owned(), json!(message.text)),
            };
            if !message.entities.is_empty() {
                let entities = Value::Array(message.entities.clone());
                fields.insert("entities".to_owned(), entities);
            }
            if let Some(markup) = &message.markup {
                fields.insert("reply_markup".to_owned(), markup.clone());
            }
        }
        json
    }
}

pub(crate) fn routes(sandbox: &Sandbox) -> Router {
    let wire = Router::new()
        .route("/sandbox/api.telegram.org/{bot}/{method}", any(api::call))
        .with_state(sandbox.clone());
    let handles = Router::new()
        .route("/sandbox/telegram/{merchant}/chats/{id}", get(chats::read))
        .route(
            "/sandbox/telegram/{merchant}/chats/{id}/text",
            post(chats::text),
        )
        .route(
            "/sandbox/telegram/{merchant}/chats/{id}/press",
            post(chats::press),
        )
        .route(
            "/sandbox/telegram/{merchant}/chats/{id}/contact",
            post(chats::contact),
        )
        .with_state(sandbox.clone());
    sandbox.0.wire.guard("telegram", wire).merge(handles)
}
