//! Webhooks out: signed, and sent again until the answer is 200 or seven days are over.
//! <https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/overview>

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::Sha256;

use super::State;
use super::receipts::Mark;
use crate::Sandbox;
use crate::store::locked;

const GIVES_UP: i64 = 7 * 24 * 60 * 60 * 1000;

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Outbox {
    last_id: u64,
    going: BTreeMap<u64, Outgoing>,
    /// Collected while `hold`.
    held: Vec<Notice>,
    hold: bool,
    /// The next ones that never arrive.
    lose: u64,
}

/// One change, before it is in a body.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Notice {
    business: String,
    field: String,
    value: Value,
    /// A template's entry carries the time.
    timed: bool,
    mark: Option<Mark>,
    after_millis: i64,
}

#[derive(Clone, Serialize, Deserialize)]
struct Outgoing {
    body: Value,
    mark: Option<Mark>,
    /// In milliseconds, as `since`.
    due: i64,
    since: i64,
    tries: u32,
    /// Somebody posts it now. Not kept: after a restart it goes out again.
    #[serde(skip)]
    busy: bool,
}

impl Notice {
    /// A change of messages or statuses.
    pub(super) fn of_messages(business: &str, value: Value) -> Self {
        Self {
            business: business.to_owned(),
            field: "messages".to_owned(),
            value,
            timed: false,
            mark: None,
            after_millis: 0,
        }
    }

    pub(super) fn of_business(business: &str, field: &str, value: Value) -> Self {
        Self {
            field: field.to_owned(),
            timed: true,
            ..Self::of_messages(business, value)
        }
    }

    pub(super) fn marking(mut self, mark: Mark, after_millis: i64) -> Self {
        self.mark = Some(mark);
        self.after_millis = after_millis;
        self
    }

    fn change(&self) -> Value {
        json!({"value": self.value, "field": self.field})
    }

    fn entry(&self, now: i64) -> Value {
        let mut entry = json!({"id": self.business, "changes": [self.change()]});
        if let (true, Some(fields)) = (self.timed, entry.as_object_mut()) {
            fields.insert("time".to_owned(), json!(now / 1000));
        }
        entry
    }
}

fn body(entries: Vec<Value>) -> Value {
    json!({"object": "whatsapp_business_account", "entry": entries})
}

/// Meta writes everything beyond ASCII as `\u00e9`: whoever signs re-written JSON fails.
pub(super) fn bytes(body: &Value) -> Vec<u8> {
    let mut text = String::new();
    for character in body.to_string().chars() {
        if character.is_ascii() {
            text.push(character);
        } else {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                text.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    text.into_bytes()
}

pub(super) fn signature(app_secret: &str, bytes: &[u8]) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(app_secret.as_bytes()).ok()?;
    mac.update(bytes);
    Some(format!(
        "sha256={}",
        HEXLOWER.encode(&mac.finalize().into_bytes())
    ))
}

/// Meta tells no schedule, only that the pauses grow: here they double from five seconds to six
/// hours.
fn pause(tries: u32) -> i64 {
    let doubled = 5_000_i64.saturating_mul(1_i64 << tries.min(16));
    doubled.min(6 * 60 * 60 * 1000)
}

impl State {
    /// Takes a webhook in. What is named must be posted by the caller; the rest never goes out,
    /// or not yet.
    pub(super) fn accept(&mut self, notice: Notice, now: i64) -> Option<u64> {
        let business = self.businesses.get(&notice.business);
        let deaf = business.is_some_and(|business| business.unsubscribed);
        let lost = self.outbox.lose > 0;
        if (deaf || lost || self.outbox.hold)
            && let Some(mark) = &notice.mark
        {
            self.mark(mark);
        }
        if deaf {
            return None;
        }
        if lost {
            self.outbox.lose -= 1;
            return None;
        }
        if self.outbox.hold {
            self.outbox.held.push(notice);
            return None;
        }
        let due = now.saturating_add(notice.after_millis);
        let entry = notice.entry(due);
        let claimed = due <= now;
        let id = self
            .outbox
            .put(body(vec![entry]), notice.mark, due, claimed);
        claimed.then_some(id)
    }

    pub(super) fn lose(&mut self, webhooks: u64) {
        self.outbox.lose = webhooks;
    }

    /// Held webhooks come out as one body when the hold ends.
    pub(super) fn hold(&mut self, hold: bool, now: i64) -> Option<u64> {
        self.outbox.hold = hold;
        if hold || self.outbox.held.is_empty() {
            return None;
        }
        let mut entries: Vec<Value> = Vec::new();
        for notice in std::mem::take(&mut self.outbox.held) {
            join(&mut entries, &notice, now);
        }
        Some(self.outbox.put(body(entries), None, now, true))
    }

    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        let going = self.outbox.going.values();
        let due = going.filter(|one| !one.busy).map(|one| one.due).min()?;
        Timestamp::from_millisecond(due).ok()
    }

    /// What is due and nobody posts is the caller's to post.
    fn claim(&mut self, now: i64) -> Vec<u64> {
        let mut claimed = Vec::new();
        for (id, going) in &mut self.outbox.going {
            if !going.busy && going.due <= now {
                going.busy = true;
                claimed.push(*id);
            }
        }
        claimed
    }

    fn leave(&mut self, id: u64) -> Option<Outgoing> {
        let leaving = self.outbox.going.get(&id)?.clone();
        if let Some(mark) = &leaving.mark {
            self.mark(mark);
        }
        Some(leaving)
    }

    fn answered(&mut self, id: u64, status: Option<u16>, now: i64) {
        let Some(going) = self.outbox.going.get_mut(&id) else {
            return;
        };
        if status == Some(200) || now - going.since >= GIVES_UP {
            self.outbox.going.remove(&id);
            return;
        }
        going.due = now.saturating_add(pause(going.tries));
        going.tries = going.tries.saturating_add(1);
        going.busy = false;
    }
}

/// Into the account's entry, and into the last change of the same number and kind.
fn join(entries: &mut Vec<Value>, notice: &Notice, now: i64) {
    let same = |entry: &&mut Value| entry.get("id") == Some(&json!(notice.business));
    let Some(entry) = entries.iter_mut().find(same) else {
        entries.push(notice.entry(now));
        return;
    };
    let Some(changes) = entry.get_mut("changes").and_then(Value::as_array_mut) else {
        return;
    };
    let lists = ["statuses", "messages", "contacts"];
    let kind = |value: &Value| {
        (
            value.get("metadata").cloned(),
            value.get("statuses").is_some(),
        )
    };
    let fits = |change: &&mut Value| {
        let value = change.get("value").unwrap_or(&Value::Null);
        notice.field == "messages"
            && change.get("field") == Some(&json!("messages"))
            && kind(value) == kind(&notice.value)
    };
    let Some(change) = changes.iter_mut().rev().find(fits) else {
        changes.push(notice.change());
        return;
    };
    for list in lists {
        let more = notice.value.get(list).and_then(Value::as_array);
        let all = change
            .get_mut("value")
            .and_then(|value| value.get_mut(list));
        if let (Some(more), Some(all)) = (more, all.and_then(Value::as_array_mut)) {
            all.extend(more.clone());
        }
    }
}

impl Outbox {
    fn put(&mut self, body: Value, mark: Option<Mark>, due: i64, claimed: bool) -> u64 {
        self.last_id += 1;
        let going = Outgoing {
            body,
            mark,
            due,
            since: due,
            tries: 0,
            busy: claimed,
        };
        self.going.insert(self.last_id, going);
        self.last_id
    }
}

impl Sandbox {
    /// One after the other; tells what each was answered.
    pub(super) async fn post_webhooks(&self, ids: Vec<u64>) -> Vec<Option<u16>> {
        let mut answers = Vec::new();
        for id in ids {
            answers.push(self.post_webhook(id).await);
        }
        answers
    }

    pub(super) fn post_in_background(&self, ids: Vec<u64>) {
        if !ids.is_empty() {
            let sandbox = self.clone();
            self.in_background(async move {
                sandbox.post_webhooks(ids).await;
            });
        }
    }

    async fn post_webhook(&self, id: u64) -> Option<u16> {
        let _permit = self.0.whatsapp.posts.acquire().await.ok()?;
        let app = locked(&self.0.whatsapp.app).clone();
        let leaving = self.0.store.change(|state| {
            if app.is_none() {
                state.whatsapp.outbox.going.remove(&id);
            }
            state.whatsapp.leave(id)
        });
        let (app, leaving) = (app?, leaving?);
        let bytes = bytes(&leaving.body);
        let signature = signature(&app.app_secret, &bytes)?;
        let answer = self
            .0
            .whatsapp
            .http
            .post(&app.webhook_url)
            .header("Content-Type", "application/json")
            .header("User-Agent", "facebookexternalua")
            .header("X-Hub-Signature-256", signature)
            .body(bytes)
            .send()
            .await;
        let status = answer.ok().map(|answer| answer.status().as_u16());
        let now = self.0.clock.now_millis();
        let change = |state: &mut crate::store::State| state.whatsapp.answered(id, status, now);
        self.0.store.change(change);
        status
    }

    pub(crate) async fn post_due(&self) {
        let now = self.0.clock.now_millis();
        let next = self.0.store.read(|state| state.whatsapp.next_due());
        if next.is_none_or(|next| next.as_millisecond() > now) {
            return;
        }
        let due = self.0.store.change(|state| state.whatsapp.claim(now));
        let mut all = tokio::task::JoinSet::new();
        for id in due {
            let sandbox = self.clone();
            all.spawn(async move { sandbox.post_webhook(id).await });
        }
        all.join_all().await;
    }
}
