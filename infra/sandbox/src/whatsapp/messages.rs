//! The send call.
//! <https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/send-messages>

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State as Extract};
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::compose::{self, Content};
use super::error::Refusal;
use super::graph::{self, At, Caller, Object};
use super::receipts::{About, Status};
use super::{Message, State, WhatsAppAccount, digits, fresh_wamid, user_id};
use crate::Sandbox;

const MOST_OPAQUE: usize = 512;

struct Sent {
    answer: Value,
    hooks: Vec<u64>,
    early: bool,
}

impl Sent {
    fn only(answer: Value) -> Self {
        Self {
            answer,
            hooks: Vec::new(),
            early: false,
        }
    }
}

pub(super) async fn call(
    Extract(sandbox): Extract<Sandbox>,
    Path(at): At,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let sent = graph::caller(
        sandbox.clone(),
        &at,
        Object::Number,
        &Method::POST,
        &headers,
    )
    .and_then(|caller| caller.take(&body));
    let sent = match sent {
        Ok(sent) => sent,
        Err(refusal) => return refusal.into_response(),
    };
    if sent.early {
        let this = sandbox.clone();
        let hooks = sent.hooks;
        let posted = async move { this.post_webhooks(hooks).await };
        sandbox.to_the_end(posted).await;
    } else {
        sandbox.post_in_background(sent.hooks);
    }
    Json(sent.answer).into_response()
}

fn required(name: &str) -> Refusal {
    Refusal::new(100, format!("The parameter {name} is required."))
}

impl Caller {
    fn take(&self, body: &[u8]) -> Result<Sent, Refusal> {
        let message: Value = serde_json::from_slice(body)
            .map_err(|_| Refusal::new(100, "The request is not valid JSON"))?;
        if message.get("messaging_product") != Some(&json!("whatsapp")) {
            return Err(required("messaging_product"));
        }
        let now = self.sandbox.0.clock.now_millis();
        self.sandbox.0.store.change(|state| {
            let state = &mut state.whatsapp;
            if message.get("status").is_some() {
                return read(state, &message).map(Sent::only);
            }
            state.send(&self.account, &message, now)
        })
    }
}

/// The business saw what the person wrote.
fn read(state: &State, message: &Value) -> Result<Value, Refusal> {
    let id = message.get("message_id").and_then(Value::as_str);
    let is_theirs = |message: &Message| !message.from_business && Some(message.id.as_str()) == id;
    let known = |phone: &super::Phone| phone.thread.iter().any(is_theirs);
    if message.get("status") != Some(&json!("read")) {
        return Err(Refusal::new(131_009, "status: read"));
    }
    if !state.phones.values().any(known) {
        return Err(Refusal::new(131_009, "message_id: no such message"));
    }
    Ok(json!({"success": true}))
}

/// Where a message goes.
struct Recipient {
    /// As the caller wrote it.
    input: String,
    phone: String,
    by_user_id: bool,
}

/// `to` wins over `recipient`. Without a plus the business's own country code is put before a
/// number that has not got it: `0812…` becomes `620812…`, which nobody has.
fn recipient(
    state: &State,
    account: &WhatsAppAccount,
    message: &Value,
) -> Result<Recipient, Refusal> {
    let field = |name: &str| match message.get(name) {
        Some(Value::String(text)) if !text.is_empty() => Some(text.clone()),
        _ => None,
    };
    if let Some(input) = field("to") {
        let country = account.country_code();
        let given = digits(&input);
        let strange =
            |character: char| !(character.is_ascii_digit() || "+ -()".contains(character));
        let phone = if input.trim_start().starts_with('+') || given.starts_with(&country) {
            given
        } else {
            format!("{country}{given}")
        };
        if input.contains(strange) || !(7..=15).contains(&phone.len()) {
            return Err(Refusal::new(131_009, "to: not a phone number"));
        }
        return Ok(Recipient {
            input,
            phone,
            by_user_id: false,
        });
    }
    let input = field("recipient").ok_or_else(|| required("to"))?;
    let mut phones = state.phones.keys();
    let phone = phones.find(|phone| user_id(phone) == input).cloned();
    let phone = phone.ok_or_else(|| Refusal::new(131_026, "recipient: no such user"))?;
    Ok(Recipient {
        input,
        phone,
        by_user_id: true,
    })
}

impl State {
    fn send(
        &mut self,
        account: &WhatsAppAccount,
        message: &Value,
        now: i64,
    ) -> Result<Sent, Refusal> {
        let to = recipient(self, account, message)?;
        if to.phone == account.digits() {
            let details = "The recipient is the number that sends.";
            return Err(Refusal::new(131_021, details));
        }
        let opaque = message.get("biz_opaque_callback_data");
        let opaque = opaque.and_then(Value::as_str);
        if opaque.is_some_and(|opaque| opaque.len() > MOST_OPAQUE) {
            return Err(Refusal::new(131_009, "biz_opaque_callback_data: too long"));
        }
        let content = self.content(account, message, &to, now)?;
        let number = self.numbers.entry(account.phone_number_id.clone());
        number.or_default().admit(&to.phone, now)?;
        let id = fresh_wamid(&to.phone);
        let about = About {
            phone: &to.phone,
            wamid: &id,
            opaque,
            category: &content.category,
        };
        let template = content.template.clone();
        let phone = self.phones.entry(to.phone.clone()).or_default();
        phone.keep(Message {
            id: id.clone(),
            merchant: account.merchant.clone(),
            from_business: true,
            at: now / 1000,
            template: content.template,
            text: content.text,
            buttons: content.buttons,
            status: Some(Status::Accepted),
        });
        let (hooks, early) = self.receipts(account, &about, now);
        Ok(Sent {
            answer: answer(&to, &id, template.is_some()),
            hooks,
            early,
        })
    }

    fn content(
        &self,
        account: &WhatsAppAccount,
        message: &Value,
        to: &Recipient,
        now: i64,
    ) -> Result<Content, Refusal> {
        let kind = message.get("type").and_then(Value::as_str);
        if kind == Some("template") {
            let business = self.businesses.get(&account.waba_id);
            let templates = business.map(|business| business.templates.as_slice());
            let template = compose::wanted(templates.unwrap_or_default(), message)?;
            if template.is_authentication() && to.by_user_id {
                let details = "An authentication template goes to a phone number.";
                return Err(Refusal::new(131_009, details));
            }
            return compose::templated(template, message);
        }
        let content = match kind.unwrap_or("text") {
            "text" => compose::text(message)?,
            "interactive" => compose::interactive(message)?,
            other => {
                let details = format!("type: {other} is not spoken here");
                return Err(Refusal::new(131_009, details));
            }
        };
        let number = self.numbers.get(&account.phone_number_id);
        if number.is_some_and(|number| number.in_window(&to.phone, now)) {
            return Ok(content);
        }
        let details = "Message failed to send because more than 24 hours have passed since the \
                       customer last replied to this number.";
        Err(Refusal::new(131_047, details))
    }
}

fn answer(to: &Recipient, id: &str, is_template: bool) -> Value {
    let mut contact = json!({"input": to.input});
    let who = if to.by_user_id {
        ("user_id", to.input.clone())
    } else {
        ("wa_id", to.phone.clone())
    };
    let mut message = json!({"id": id});
    if let (Some(contact), Some(message)) = (contact.as_object_mut(), message.as_object_mut()) {
        contact.insert(who.0.to_owned(), json!(who.1));
        if is_template {
            message.insert("message_status".to_owned(), json!("accepted"));
        }
    }
    json!({"messaging_product": "whatsapp", "contacts": [contact], "messages": [message]})
}
