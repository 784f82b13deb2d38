//! A test's handles on people: they read, write and press.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State as Extract};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::webhook::Notice;
use super::{Button, Does, Message, Phone, State, WhatsAppAccount, digits, fresh_wamid, user_id};
use crate::{Sandbox, picked, refuse};

type Refused = (StatusCode, String);

#[derive(Deserialize)]
struct Typed {
    text: String,
    #[serde(default = "demo")]
    merchant: String,
    #[serde(default = "once")]
    times: u64,
}

#[derive(Deserialize)]
struct Pressed {
    button: String,
    #[serde(default = "demo")]
    merchant: String,
    #[serde(default = "once")]
    times: u64,
    /// An older message's button; else the newest message that has some.
    message_id: Option<String>,
}

fn demo() -> String {
    "demo".to_owned()
}

fn once() -> u64 {
    1
}

fn parsed<T: for<'a> Deserialize<'a>>(body: &Bytes) -> Result<T, Refused> {
    serde_json::from_slice(body).map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))
}

/// Whom the person answers, how often Meta tells it, and the phone.
fn asked(
    sandbox: &Sandbox,
    phone: &str,
    merchant: &str,
    times: u64,
) -> Result<(WhatsAppAccount, String), Refused> {
    let phone = digits(phone);
    if !(7..=15).contains(&phone.len()) {
        return Err((StatusCode::BAD_REQUEST, "phone: 7 to 15 digits".to_owned()));
    }
    if times > 100 {
        return Err((StatusCode::BAD_REQUEST, "times: 0 to 100".to_owned()));
    }
    let account = sandbox.account(|account| account.merchant == merchant);
    let account = account.ok_or_else(|| {
        let error = format!("no WhatsApp number of merchant {merchant}");
        (StatusCode::NOT_FOUND, error)
    })?;
    Ok((account, phone))
}

pub(super) async fn inbox(
    Extract(sandbox): Extract<Sandbox>,
    Path(phone): Path<String>,
) -> Response {
    let messages: Vec<Value> = sandbox.0.store.read(|state| {
        let phone = state.whatsapp.phones.get(&digits(&phone));
        let thread = phone.map(|phone| phone.thread.as_slice());
        let received = thread.unwrap_or_default().iter();
        received
            .filter(|message| message.from_business)
            .map(Message::received)
            .collect()
    });
    Json(json!({"messages": messages})).into_response()
}

impl Message {
    fn received(&self) -> Value {
        json!({
            "id": self.id,
            "template": self.template,
            "text": self.text,
            "buttons": self.buttons,
            "status": self.status,
        })
    }

    /// With who wrote it, to whom, and when.
    pub(super) fn shown(&self) -> Value {
        let mut shown = self.received();
        if let Some(fields) = shown.as_object_mut() {
            let from = if self.from_business {
                "business"
            } else {
                "person"
            };
            fields.insert("from".to_owned(), json!(from));
            fields.insert("merchant".to_owned(), json!(self.merchant));
            fields.insert("at".to_owned(), json!(self.at));
        }
        shown
    }
}

pub(super) async fn text(
    Extract(sandbox): Extract<Sandbox>,
    Path(phone): Path<String>,
    body: Bytes,
) -> Response {
    let asked = parsed::<Typed>(&body).and_then(|typed| {
        let (account, phone) = asked(&sandbox, &phone, &typed.merchant, typed.times)?;
        if !(1..=4096).contains(&typed.text.chars().count()) {
            let error = "text: 1 to 4096 characters".to_owned();
            return Err((StatusCode::BAD_REQUEST, error));
        }
        Ok((typed, account, phone))
    });
    let (typed, account, phone) = match asked {
        Ok(asked) => asked,
        Err((status, error)) => return refuse(status, error),
    };
    let content = json!({"type": "text", "text": {"body": typed.text}});
    let said = Said {
        text: typed.text,
        content,
    };
    sandbox.say(account, phone, said, typed.times).await
}

/// What a person said: as the thread keeps it, and the webhook's fields.
struct Said {
    text: String,
    content: Value,
}

enum Press {
    Says(Said),
    Opens(&'static str, String),
    Missing(Vec<String>),
}

pub(super) async fn press(
    Extract(sandbox): Extract<Sandbox>,
    Path(phone): Path<String>,
    body: Bytes,
) -> Response {
    let asked = parsed::<Pressed>(&body).and_then(|pressed| {
        let (account, phone) = asked(&sandbox, &phone, &pressed.merchant, pressed.times)?;
        Ok((pressed, account, phone))
    });
    let (pressed, account, phone) = match asked {
        Ok(asked) => asked,
        Err((status, error)) => return refuse(status, error),
    };
    let press = sandbox.0.store.read(|state| {
        let phone = state.whatsapp.phones.get(&phone);
        phone.map_or_else(
            || Press::Missing(Vec::new()),
            |phone| phone.press(&account, &pressed),
        )
    });
    match press {
        Press::Says(said) => sandbox.say(account, phone, said, pressed.times).await,
        Press::Opens(what, value) => Json(json!({what: value})).into_response(),
        Press::Missing(labels) => {
            let body = json!({"error": "no such button", "buttons": labels});
            (StatusCode::NOT_FOUND, Json(body)).into_response()
        }
    }
}

impl Phone {
    fn press(&self, account: &WhatsAppAccount, pressed: &Pressed) -> Press {
        let fits = |message: &&Message| {
            let wanted = match &pressed.message_id {
                Some(id) => message.id == *id,
                None => !message.buttons.is_empty(),
            };
            wanted && message.from_business && message.merchant == account.merchant
        };
        let Some(message) = self.thread.iter().rev().find(fits) else {
            return Press::Missing(Vec::new());
        };
        let label = |button: &&Button| button.text.clone();
        match picked(message.buttons.iter(), label, &pressed.button) {
            None => Press::Missing(message.buttons.iter().map(|one| one.text.clone()).collect()),
            Some(button) => button.press(&account.digits(), &message.id),
        }
    }
}

impl Button {
    fn press(&self, business: &str, wamid: &str) -> Press {
        let text = &self.text;
        let mut content = match &self.does {
            Does::Url(url) => return Press::Opens("url", url.clone()),
            Does::Code(code) => return Press::Opens("code", code.clone()),
            Does::Payload(payload) => {
                json!({"type": "button", "button": {"payload": payload, "text": text}})
            }
            Does::Reply(id) => {
                let reply = json!({"id": id, "title": text});
                let reply = json!({"type": "button_reply", "button_reply": reply});
                json!({"type": "interactive", "interactive": reply})
            }
            Does::Row(id) => {
                let mut row = json!({"id": id, "title": text});
                if let (Some(about), Some(row)) = (&self.description, row.as_object_mut()) {
                    row.insert("description".to_owned(), json!(about));
                }
                let reply = json!({"type": "list_reply", "list_reply": row});
                json!({"type": "interactive", "interactive": reply})
            }
        };
        if let Some(fields) = content.as_object_mut() {
            let context = json!({"from": business, "id": wamid});
            fields.insert("context".to_owned(), context);
        }
        Press::Says(Said {
            text: self.text.clone(),
            content,
        })
    }
}

impl Sandbox {
    /// Into the thread and the window, and to the webhook so often.
    async fn say(
        &self,
        account: WhatsAppAccount,
        phone: String,
        said: Said,
        times: u64,
    ) -> Response {
        let now = self.0.clock.now_millis();
        let hooks = self
            .0
            .store
            .change(|state| state.whatsapp.hear(&account, &phone, said, times, now));
        let Some(hooks) = hooks else {
            return refuse(StatusCode::CONFLICT, "the phone is not on WhatsApp");
        };
        let this = self.clone();
        let posted = self.to_the_end(async move { this.post_webhooks(hooks).await });
        let answers = posted.await.unwrap_or_default();
        let status = answers.last().copied().flatten();
        Json(json!({"ok": true, "status": status})).into_response()
    }
}

impl State {
    /// Nothing, where the person is not on WhatsApp.
    fn hear(
        &mut self,
        account: &WhatsAppAccount,
        phone: &str,
        said: Said,
        times: u64,
        now: i64,
    ) -> Option<Vec<u64>> {
        let person = self.phones.entry(phone.to_owned()).or_default();
        if !person.on_whatsapp {
            return None;
        }
        let id = fresh_wamid(phone);
        let value = person.inbound(account, phone, &id, said.content, now);
        person.keep(Message {
            id,
            merchant: account.merchant.clone(),
            at: now / 1000,
            text: said.text,
            ..Message::default()
        });
        let number = self.numbers.entry(account.phone_number_id.clone());
        number.or_default().heard(phone, now);
        let notice = Notice::of_messages(&account.waba_id, value);
        let hooks = (0..times).filter_map(|_| self.accept(notice.clone(), now));
        Some(hooks.collect())
    }
}

impl Phone {
    fn inbound(
        &self,
        account: &WhatsAppAccount,
        phone: &str,
        wamid: &str,
        content: Value,
        now: i64,
    ) -> Value {
        let user = user_id(phone);
        let mut contact = json!({"profile": {"name": self.name}, "user_id": user});
        let mut message = json!({
            "from_user_id": user,
            "id": wamid,
            "timestamp": (now / 1000).to_string(),
        });
        let mut value = account.value();
        if let (Some(contact), Some(message), Value::Object(content)) =
            (contact.as_object_mut(), message.as_object_mut(), content)
        {
            message.extend(content);
            if !self.hides_number {
                contact.insert("wa_id".to_owned(), json!(phone));
                message.insert("from".to_owned(), json!(phone));
            }
        }
        if let Some(value) = value.as_object_mut() {
            value.insert("contacts".to_owned(), json!([contact]));
            value.insert("messages".to_owned(), json!([message]));
        }
        value
    }
}
