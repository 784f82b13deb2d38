//! The Graph API's frame: token, version, objects; the number, and the app's subscription.

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, Method, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::WhatsAppAccount;
use super::error::Refusal;
use crate::Sandbox;

pub(super) type At = Path<(String, String)>;

/// What the caller's token and path lead to.
pub(super) struct Caller {
    pub(super) sandbox: Sandbox,
    pub(super) account: WhatsAppAccount,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Object {
    Number,
    Business,
}

/// `v23.0`
fn is_version(version: &str) -> bool {
    let number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    version
        .strip_prefix('v')
        .and_then(|version| version.split_once('.'))
        .is_some_and(|(major, minor)| number(major) && number(minor))
}

/// The account behind a path, if the token may see it.
pub(super) fn caller(
    sandbox: Sandbox,
    (version, id): &(String, String),
    object: Object,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Caller, Refusal> {
    if !is_version(version) {
        return Err(Refusal::nowhere());
    }
    let token = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "))
        .ok_or_else(Refusal::bad_token)?;
    if sandbox
        .account(|account| account.access_token == token)
        .is_none()
    {
        return Err(Refusal::bad_token());
    }
    let account = sandbox.account(|account| {
        let named = match object {
            Object::Number => &account.phone_number_id,
            Object::Business => &account.waba_id,
        };
        named == id && account.access_token == token
    });
    let account = account.ok_or_else(|| Refusal::no_object(method.as_str(), id))?;
    Ok(Caller { sandbox, account })
}

pub(super) async fn nowhere() -> Response {
    Refusal::nowhere().into_response()
}

/// One value of a query, percent-decoded.
pub(super) fn asked(query: Option<&str>, name: &str) -> Option<String> {
    reqwest::Url::parse(&format!("http://x/?{}", query.unwrap_or_default()))
        .ok()?
        .query_pairs()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

/// The fields asked for, and always the id.
pub(super) fn only(all: Value, fields: &[&str]) -> Value {
    let Value::Object(all) = all else {
        return all;
    };
    let wanted = |name: &String| name == "id" || fields.contains(&name.as_str());
    let kept: Map<String, Value> = all.into_iter().filter(|(name, _)| wanted(name)).collect();
    Value::Object(kept)
}

pub(super) async fn number(
    State(sandbox): State<Sandbox>,
    Path(at): At,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let caller = match caller(sandbox, &at, Object::Number, &Method::GET, &headers) {
        Ok(caller) => caller,
        Err(refusal) => return refusal.into_response(),
    };
    let fields = asked(query.as_deref(), "fields").unwrap_or_else(|| {
        "verified_name,code_verification_status,display_phone_number,quality_rating,\
         platform_type,throughput"
            .to_owned()
    });
    let fields: Vec<&str> = fields.split(',').map(str::trim).collect();
    Json(only(caller.number(), &fields)).into_response()
}

impl Caller {
    fn number(&self) -> Value {
        let id = &self.account.phone_number_id;
        let number = self
            .sandbox
            .0
            .store
            .read(|state| state.whatsapp.numbers.get(id).cloned())
            .unwrap_or_default();
        json!({
            "id": id,
            "verified_name": self.account.merchant,
            "code_verification_status": "VERIFIED",
            "display_phone_number": self.account.display_phone_number,
            "quality_rating": number.quality,
            "platform_type": "CLOUD_API",
            "throughput": {"level": if number.throughput > 80 { "HIGH" } else { "STANDARD" }},
            "status": "CONNECTED",
            "name_status": "APPROVED",
            "whatsapp_business_manager_messaging_limit": "TIER_2K",
        })
    }

    fn subscribed(&self, wanted: Option<bool>) -> bool {
        let id = &self.account.waba_id;
        let store = &self.sandbox.0.store;
        match wanted {
            None => store.read(|state| {
                let business = state.whatsapp.businesses.get(id);
                business.is_none_or(|business| !business.unsubscribed)
            }),
            Some(wanted) => store.change(|state| {
                let business = state.whatsapp.businesses.entry(id.clone()).or_default();
                business.unsubscribed = !wanted;
                wanted
            }),
        }
    }
}

/// `GET` lists the apps, `POST` adds ours, `DELETE` takes it away.
pub(super) async fn subscription(
    State(sandbox): State<Sandbox>,
    Path(at): At,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let caller = match caller(sandbox, &at, Object::Business, &method, &headers) {
        Ok(caller) => caller,
        Err(refusal) => return refusal.into_response(),
    };
    if method != Method::GET {
        caller.subscribed(Some(method == Method::POST));
        return Json(json!({"success": true})).into_response();
    }
    let app = json!({"whatsapp_business_api_data": {"id": "1", "name": "Sandbox"}});
    let apps = if caller.subscribed(None) {
        vec![app]
    } else {
        Vec::new()
    };
    Json(json!({"data": apps})).into_response()
}
