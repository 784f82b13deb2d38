//! A test's handles on Meta: phones, receipts, webhooks, templates, numbers, the verification.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State as Extract};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::graph::asked;
use super::receipts::Order;
use super::review::Decision;
use super::webhook::Notice;
use super::{Message, Phone, State, WhatsAppAccount, digits, user_id};
use crate::store::locked;
use crate::{Sandbox, refuse};

const MOST_PHONES: usize = 24;
/// Of each phone's newest messages, so many are shown.
const MOST_SHOWN: usize = 50;
const EVENTS: [&str; 14] = [
    "APPROVED",
    "REJECTED",
    "PENDING",
    "PAUSED",
    "DISABLED",
    "FLAGGED",
    "REINSTATED",
    "LOCKED",
    "ARCHIVED",
    "UNARCHIVED",
    "IN_APPEAL",
    "LIMIT_EXCEEDED",
    "DELETED",
    "PENDING_DELETION",
];

fn done() -> Response {
    Json(json!({"ok": true})).into_response()
}

fn wrong(error: impl Into<String>) -> Response {
    refuse(StatusCode::BAD_REQUEST, error)
}

pub(super) async fn phones(
    Extract(sandbox): Extract<Sandbox>,
    RawQuery(query): RawQuery,
) -> Response {
    let wanted = asked(query.as_deref(), "phone").map(|phone| digits(&phone));
    let shown: Vec<Value> = sandbox
        .0
        .store
        .read(|state| state.whatsapp.shown(wanted.as_deref()));
    let connected = !locked(&sandbox.0.whatsapp.accounts).is_empty();
    Json(json!({"connected": connected, "phones": shown})).into_response()
}

impl State {
    /// The phones lately written to or from, the latest first.
    fn shown(&self, wanted: Option<&str>) -> Vec<Value> {
        let fits = |phone: &str| wanted.is_none_or(|wanted| wanted == phone);
        let phones = self.phones.iter().filter(|(phone, _)| fits(phone));
        let mut phones: Vec<(&String, &Phone)> = phones.collect();
        let latest = |phone: &Phone| phone.thread.last().map(|message| message.at);
        phones.sort_by_key(|(_, phone)| std::cmp::Reverse(latest(phone)));
        let shown = phones.into_iter().take(MOST_PHONES);
        shown.map(|(digits, phone)| phone.shown(digits)).collect()
    }
}

impl Phone {
    fn shown(&self, phone: &str) -> Value {
        let older = self.thread.len().saturating_sub(MOST_SHOWN);
        let newest = self.thread.iter().skip(older);
        json!({
            "phone": phone,
            "user_id": user_id(phone),
            "name": self.name,
            "on_whatsapp": self.on_whatsapp,
            "hides_number": self.hides_number,
            "thread": newest.map(Message::shown).collect::<Vec<_>>(),
        })
    }
}

#[derive(Deserialize)]
struct Changed {
    name: Option<String>,
    on_whatsapp: Option<bool>,
    hides_number: Option<bool>,
}

pub(super) async fn phone(
    Extract(sandbox): Extract<Sandbox>,
    Path(phone): Path<String>,
    body: Bytes,
) -> Response {
    let changed: Changed = match serde_json::from_slice(&body) {
        Ok(changed) => changed,
        Err(error) => return wrong(error.to_string()),
    };
    let digits = digits(&phone);
    if !(7..=15).contains(&digits.len()) {
        return wrong("phone: 7 to 15 digits");
    }
    sandbox.0.store.change(|state| {
        let phone = state.whatsapp.phones.entry(digits).or_default();
        phone.name = changed.name.unwrap_or_else(|| phone.name.clone());
        phone.on_whatsapp = changed.on_whatsapp.unwrap_or(phone.on_whatsapp);
        phone.hides_number = changed.hides_number.unwrap_or(phone.hides_number);
    });
    done()
}

pub(super) async fn receipts(Extract(sandbox): Extract<Sandbox>, body: Bytes) -> Response {
    let order = serde_json::from_slice::<Order>(&body).map_err(|error| error.to_string());
    let order = order.and_then(|order| order.check().map(|()| order).map_err(str::to_owned));
    match order {
        Err(error) => wrong(error),
        Ok(mut order) => {
            order.phone = order.phone.map(|phone| digits(&phone));
            sandbox
                .0
                .store
                .change(|state| state.whatsapp.receipts.push(order));
            done()
        }
    }
}

pub(super) async fn clear_receipts(Extract(sandbox): Extract<Sandbox>) -> Response {
    sandbox
        .0
        .store
        .change(|state| state.whatsapp.receipts.clear());
    done()
}

#[derive(Deserialize)]
struct Bent {
    lose: Option<u64>,
    hold: Option<bool>,
}

pub(super) async fn webhooks(Extract(sandbox): Extract<Sandbox>, body: Bytes) -> Response {
    let bent: Bent = match serde_json::from_slice(&body) {
        Ok(bent) => bent,
        Err(error) => return wrong(error.to_string()),
    };
    let now = sandbox.0.clock.now_millis();
    let hook = sandbox.0.store.change(|state| {
        if let Some(lose) = bent.lose {
            state.whatsapp.lose(lose);
        }
        bent.hold.and_then(|hold| state.whatsapp.hold(hold, now))
    });
    sandbox.told(hook.into_iter().collect()).await
}

#[derive(Deserialize)]
struct Review {
    review: String,
}

pub(super) async fn review(Extract(sandbox): Extract<Sandbox>, body: Bytes) -> Response {
    let by_hand = match serde_json::from_slice::<Review>(&body) {
        Ok(asked) if asked.review == "by_hand" => true,
        Ok(asked) if asked.review == "at_once" => false,
        _ => return wrong("review: at_once or by_hand"),
    };
    sandbox
        .0
        .store
        .change(|state| state.whatsapp.review_by_hand = by_hand);
    done()
}

pub(super) async fn decide(
    Extract(sandbox): Extract<Sandbox>,
    Path(name): Path<String>,
    body: Bytes,
) -> Response {
    let decision: Decision = match serde_json::from_slice(&body) {
        Ok(decision) => decision,
        Err(error) => return wrong(error.to_string()),
    };
    let known = |event: &String| EVENTS.contains(&event.as_str());
    if !decision.event.as_ref().is_none_or(known) {
        return wrong(format!("event: one of {}", EVENTS.join(", ")));
    }
    let merchant = decision.merchant.as_deref().unwrap_or("demo");
    let Some(account) = sandbox.account(|account| account.merchant == merchant) else {
        return refuse(StatusCode::NOT_FOUND, "no WhatsApp number of the merchant");
    };
    let now = sandbox.0.clock.now_millis();
    let hooks = sandbox
        .0
        .store
        .change(|state| state.whatsapp.decide(&account, &name, &decision, now));
    match hooks {
        None => refuse(StatusCode::NOT_FOUND, format!("no template {name}")),
        Some(hooks) => sandbox.told(hooks).await,
    }
}

impl State {
    fn decide(
        &mut self,
        account: &WhatsAppAccount,
        name: &str,
        decision: &Decision,
        now: i64,
    ) -> Option<Vec<u64>> {
        let business = self.businesses.get_mut(&account.waba_id)?;
        let language = decision.language.as_ref();
        let mut found = false;
        let mut told = Vec::new();
        for template in &mut business.templates {
            let fits = language.is_none_or(|language| *language == template.language);
            if template.name == name && fits {
                found = true;
                told.extend(template.decided(decision));
            }
        }
        let notices = told
            .into_iter()
            .map(|(field, value)| Notice::of_business(&account.waba_id, field, value));
        let hooks = notices.filter_map(|notice| self.accept(notice, now));
        let hooks = hooks.collect();
        found.then_some(hooks)
    }
}

#[derive(Deserialize)]
struct Rated {
    quality: Option<String>,
    throughput: Option<usize>,
    /// FLAGGED, UNFLAGGED, DOWNGRADE, UPGRADE, ONBOARDING, THROUGHPUT_UPGRADE
    event: Option<String>,
}

pub(super) async fn number(
    Extract(sandbox): Extract<Sandbox>,
    Path(id): Path<String>,
    body: Bytes,
) -> Response {
    let rated: Rated = match serde_json::from_slice(&body) {
        Ok(rated) => rated,
        Err(error) => return wrong(error.to_string()),
    };
    let Some(account) = sandbox.account(|account| account.phone_number_id == id) else {
        return refuse(StatusCode::NOT_FOUND, format!("no number {id}"));
    };
    let now = sandbox.0.clock.now_millis();
    let hook = sandbox.0.store.change(|state| {
        let state = &mut state.whatsapp;
        let number = state.numbers.entry(id).or_default();
        number.quality = rated.quality.unwrap_or_else(|| number.quality.clone());
        number.throughput = rated.throughput.unwrap_or(number.throughput);
        let value = json!({
            "display_phone_number": account.digits(),
            "event": rated.event?,
            "current_limit": "TIER_2K",
        });
        let field = "phone_number_quality_update";
        state.accept(Notice::of_business(&account.waba_id, field, value), now)
    });
    sandbox.told(hook.into_iter().collect()).await
}

/// What is entered in the app's dashboard.
pub(super) async fn app(Extract(sandbox): Extract<Sandbox>, body: Bytes) -> Response {
    match serde_json::from_slice(&body) {
        Err(error) => wrong(error.to_string()),
        Ok(app) => {
            sandbox.set_whatsapp_app(app);
            done()
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Verify {
    mode: Option<String>,
    verify_token: Option<String>,
}

/// What Meta does when the webhook's address is entered: the answer must be the bare challenge.
pub(super) async fn verify(Extract(sandbox): Extract<Sandbox>, body: Bytes) -> Response {
    let body = if body.is_empty() {
        b"{}"
    } else {
        body.as_ref()
    };
    let asked: Verify = match serde_json::from_slice(body) {
        Ok(asked) => asked,
        Err(error) => return wrong(error.to_string()),
    };
    let Some(app) = locked(&sandbox.0.whatsapp.app).clone() else {
        return refuse(StatusCode::CONFLICT, "no app is set");
    };
    let challenge = rand::random_range(1_000_000_000_u32..=u32::MAX).to_string();
    let token = asked.verify_token.unwrap_or(app.verify_token);
    let mode = asked.mode.unwrap_or_else(|| "subscribe".to_owned());
    let query = [
        ("hub.mode", mode.as_str()),
        ("hub.verify_token", &token),
        ("hub.challenge", &challenge),
    ];
    let Ok(url) = reqwest::Url::parse_with_params(&app.webhook_url, query) else {
        return wrong("the webhook's address is no URL");
    };
    let work = sandbox.clone();
    let answer = sandbox.to_the_end(async move {
        let answer = work.0.whatsapp.http.get(url).send().await.ok()?;
        let status = answer.status().as_u16();
        Some((status, answer.text().await.ok()?))
    });
    let (status, text) = answer.await.flatten().unzip();
    let verified = status == Some(200) && text.as_ref() == Some(&challenge);
    Json(json!({"ok": true, "verified": verified, "status": status})).into_response()
}

impl Sandbox {
    /// Posts them and says what the webhook answered.
    async fn told(&self, hooks: Vec<u64>) -> Response {
        let this = self.clone();
        let posted = self.to_the_end(async move { this.post_webhooks(hooks).await });
        let statuses = posted.await.unwrap_or_default();
        Json(json!({"ok": true, "statuses": statuses})).into_response()
    }
}
