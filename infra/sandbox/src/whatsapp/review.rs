//! The business account's templates: made, listed, deleted; and what becomes of them later.
//! <https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/message_template_status_update>

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::error::Refusal;
use super::graph::{self, At, Caller, Object, asked};
use super::template::{self, Template};
use super::webhook::Notice;
use crate::Sandbox;
use crate::clock::Clock;

/// What an account that is not verified may have.
const MOST_TEMPLATES: usize = 250;
const SHOWN: [&str; 7] = [
    "name",
    "parameter_format",
    "components",
    "language",
    "status",
    "category",
    "id",
];

pub(super) async fn create(
    State(sandbox): State<Sandbox>,
    Path(at): At,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let made =
        graph::caller(sandbox, &at, Object::Business, &Method::POST, &headers).and_then(|caller| {
            let body = serde_json::from_slice(&body)
                .map_err(|_| Refusal::new(100, "The request is not valid JSON"))?;
            caller.create(&body)
        });
    match made {
        Ok(answer) => Json(answer).into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

impl Caller {
    /// Answers `PENDING` even where the review was over at once.
    fn create(&self, body: &Value) -> Result<Value, Refusal> {
        let mut template = template::read(body)?;
        let now = self.sandbox.0.clock.now_millis();
        let (answer, hooks) = self.sandbox.0.store.change(|state| {
            let state = &mut state.whatsapp;
            let by_hand = state.review_by_hand;
            let business = state.businesses.entry(self.account.waba_id.clone());
            let templates = &mut business.or_default().templates;
            let same = |other: &Template| {
                other.name == template.name && other.language == template.language
            };
            if templates.iter().any(same) {
                let details = "There is already content in this language for this template.";
                return Err(Refusal::new(100, details).with_subcode(2_388_024));
            }
            if templates.len() >= MOST_TEMPLATES {
                return Err(Refusal::new(100, "The account has its 250 templates."));
            }
            let newest = templates.iter().map(|template| template.id).max();
            let machine = u64::try_from(Clock::machine().as_millisecond()).unwrap_or_default();
            template.id = newest.map_or(machine, |newest| machine.max(newest + 1));
            let answer = json!({
                "id": template.id.to_string(),
                "status": template.status,
                "category": template.category,
            });
            let told = (!by_hand).then(|| template.reviewed());
            templates.push(template);
            let notice = told.map(|value| {
                Notice::of_business(
                    &self.account.waba_id,
                    "message_template_status_update",
                    value,
                )
            });
            let hook = notice.and_then(|notice| state.accept(notice, now));
            Ok((answer, hook))
        })?;
        self.sandbox.post_in_background(hooks.into_iter().collect());
        Ok(answer)
    }
}

pub(super) async fn list(
    State(sandbox): State<Sandbox>,
    Path(at): At,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let caller = match graph::caller(sandbox, &at, Object::Business, &Method::GET, &headers) {
        Ok(caller) => caller,
        Err(refusal) => return refusal.into_response(),
    };
    Json(caller.list(query.as_deref())).into_response()
}

impl Caller {
    fn list(&self, query: Option<&str>) -> Value {
        let fits = |template: &&Template| {
            let is = |name: &str, value: &str| {
                asked(query, name).is_none_or(|wanted| wanted.eq_ignore_ascii_case(value))
            };
            is("status", &template.status)
                && is("category", &template.category)
                && is("language", &template.language)
                && is("name", &template.name)
        };
        let all: Vec<Template> = self.sandbox.0.store.read(|state| {
            let business = state.whatsapp.businesses.get(&self.account.waba_id);
            let templates = business.map(|business| business.templates.as_slice());
            templates
                .unwrap_or_default()
                .iter()
                .filter(fits)
                .cloned()
                .collect()
        });
        let number = |name: &str| asked(query, name).and_then(|value| value.parse().ok());
        let from: usize = number("after").unwrap_or_default();
        let most: usize = number("limit").unwrap_or(25).clamp(1, 100);
        let fields = asked(query, "fields");
        let fields: Vec<&str> = match &fields {
            None => SHOWN.to_vec(),
            Some(fields) => fields.split(',').map(str::trim).collect(),
        };
        let page: Vec<Value> = all
            .iter()
            .skip(from)
            .take(most)
            .map(|template| graph::only(template.json(), &fields))
            .collect();
        let end = from.saturating_add(page.len());
        let mut paging = json!({"cursors": {"before": from.to_string(), "after": end.to_string()}});
        if let (true, Some(paging)) = (end < all.len(), paging.as_object_mut()) {
            let next = format!(
                "{}/sandbox/graph.facebook.com/v23.0/{}/message_templates?limit={most}&after={end}",
                self.sandbox.0.base_url, self.account.waba_id
            );
            paging.insert("next".to_owned(), json!(next));
        }
        json!({"data": page, "paging": paging})
    }
}

/// `?name=…` in every language, `&hsm_id=…` one of them.
pub(super) async fn delete(
    State(sandbox): State<Sandbox>,
    Path(at): At,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let caller = match graph::caller(sandbox, &at, Object::Business, &Method::DELETE, &headers) {
        Ok(caller) => caller,
        Err(refusal) => return refusal.into_response(),
    };
    let query = query.as_deref();
    let Some(name) = asked(query, "name") else {
        return Refusal::new(100, "name: required").into_response();
    };
    let id = asked(query, "hsm_id");
    let gone = caller.sandbox.0.store.change(|state| {
        let business = state.whatsapp.businesses.get_mut(&caller.account.waba_id)?;
        let before = business.templates.len();
        business.templates.retain(|template| {
            let this = id.as_ref().is_none_or(|id| *id == template.id.to_string());
            template.name != name || !this
        });
        (business.templates.len() < before).then_some(())
    });
    match gone {
        Some(()) => Json(json!({"success": true})).into_response(),
        None => Refusal::new(100, "Message template not found")
            .with_subcode(2_593_002)
            .into_response(),
    }
}

/// What Meta, or a test's handle, decides about a template.
#[derive(serde::Deserialize)]
pub(super) struct Decision {
    pub(super) event: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) category: Option<String>,
    pub(super) quality: Option<String>,
    pub(super) language: Option<String>,
    pub(super) merchant: Option<String>,
}

impl Template {
    fn json(&self) -> Value {
        json!({
            "id": self.id.to_string(),
            "name": self.name,
            "language": self.language,
            "status": self.status,
            "category": self.category,
            "parameter_format": if self.named { "NAMED" } else { "POSITIONAL" },
            "components": self.components(),
            "quality_score": {"score": self.quality},
        })
    }

    /// In webhooks the id is a number and the language has a hyphen.
    fn told(&self, more: Value) -> Value {
        let mut value = json!({
            "message_template_id": self.id,
            "message_template_name": self.name,
            "message_template_language": self.language.replace('_', "-"),
        });
        if let (Some(fields), Value::Object(more)) = (value.as_object_mut(), more) {
            fields.extend(more);
        }
        value
    }

    /// The review: all passes, except variables that touch.
    fn reviewed(&mut self) -> Value {
        let tight: String = self.body.split_whitespace().collect();
        if tight.contains("}}{{") {
            return self.becomes("REJECTED", Some("INVALID_FORMAT"));
        }
        self.becomes("APPROVED", None)
    }

    fn becomes(&mut self, event: &str, reason: Option<&str>) -> Value {
        self.status = match event {
            "REINSTATED" | "UNARCHIVED" => "APPROVED",
            // A warning; it can still be sent.
            "FLAGGED" => self.status.as_str(),
            other => other,
        }
        .to_owned();
        let mut value = self.told(json!({
            "event": event,
            "reason": reason.unwrap_or("NONE"),
            "message_template_category": self.category,
        }));
        if let (Some("INVALID_FORMAT"), Some(fields)) = (reason, value.as_object_mut()) {
            let info = json!({
                "reason": "Variables stand side by side.",
                "recommendation": "Put words between the variables.",
            });
            fields.insert("rejection_info".to_owned(), info);
        }
        value
    }

    /// The webhooks that a decision causes: field and value.
    pub(super) fn decided(&mut self, decision: &Decision) -> Vec<(&'static str, Value)> {
        let mut told = Vec::new();
        if let Some(category) = &decision.category {
            let previous = std::mem::replace(&mut self.category, category.clone());
            let value = json!({"previous_category": previous, "new_category": category});
            told.push(("template_category_update", self.told(value)));
        }
        if let Some(quality) = &decision.quality {
            let previous = std::mem::replace(&mut self.quality, quality.clone());
            let value = json!({"previous_quality_score": previous, "new_quality_score": quality});
            told.push(("message_template_quality_update", self.told(value)));
        }
        if let Some(event) = &decision.event {
            let value = self.becomes(event, decision.reason.as_deref());
            told.push(("message_template_status_update", value));
        }
        told
    }
}
