//! A test's handles: what the bank does, and what its notification looks like.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::act::{self, Deed, How};
use super::method::{self, Method};
use super::{Order, notify, rupiah};
use crate::{Sandbox, Shop, refuse};

pub(super) async fn list(State(sandbox): State<Sandbox>) -> Response {
    let base = sandbox.0.base_url.clone();
    let row = |order: &Order| row(order, &base);
    let rows: Vec<Value> = sandbox
        .0
        .store
        .read(|state| state.midtrans.orders.iter().map(row).collect());
    Json(rows).into_response()
}

fn row(order: &Order, base: &str) -> Value {
    let last = order.last();
    let page = order.pages.last();
    json!({
        "order_id": order.order_id,
        "transaction_id": last.map(|last| &last.id),
        "merchant_id": order.merchant_id,
        "gross_amount": order.gross_amount,
        "status": last.map(|last| last.status.word()),
        "fraud_status": last.map(|last| if last.challenged { "challenge" } else { "accept" }),
        "payment_type": last.map(|last| last.method.payment_type()),
        "va_number": last.and_then(|last| method::number(&last.fields)),
        "redirect_url": page.map(|page| super::snap::redirect_url(base, &page.token)),
    })
}

/// How the notification differs from the truth.
#[derive(Default)]
struct Bend {
    times: u64,
    amount: Option<String>,
    omit: Vec<String>,
    raw: Map<String, Value>,
}

struct Asked {
    deed: Deed,
    how: How,
    bend: Bend,
    status_amount: Option<String>,
}

/// An amount as it stands on the wire: a string goes as it is.
fn amount(body: &Value, field: &str) -> Result<Option<String>, String> {
    match body.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(value) => value
            .as_i64()
            .map(|amount| Some(rupiah(amount)))
            .ok_or_else(|| format!("{field}: a string or a whole number")),
    }
}

/// The error names the field.
fn read(body: &Value) -> Result<Asked, String> {
    let deed = body.get("do").and_then(Value::as_str).unwrap_or_default();
    let deed = Deed::named(deed).ok_or(
        "do: one of choose, pay, expire, deny, challenge, accept, cancel, refund, reverse, settle",
    )?;
    let method = match body.get("method") {
        None | Some(Value::Null) => None,
        Some(name) => {
            let method = name.as_str().and_then(Method::named);
            Some(method.ok_or_else(|| {
                let names: Vec<&str> = method::METHODS.into_iter().map(Method::name).collect();
                format!("method: one of {}", names.join(", "))
            })?)
        }
    };
    let refund_amount = match body.get("refund_amount") {
        None | Some(Value::Null) => None,
        Some(value) => Some(value.as_i64().ok_or("refund_amount: not a whole number")?),
    };
    let notify = match body.get("notify") {
        None | Some(Value::Null) => true,
        Some(value) => value.as_bool().ok_or("notify: true or false")?,
    };
    let times = match body.get("times") {
        None | Some(Value::Null) => 1,
        Some(value) => value
            .as_u64()
            .filter(|times| *times <= 100)
            .ok_or("times: 0 to 100")?,
    };
    let omit = match body.get("omit") {
        None | Some(Value::Null) => Vec::new(),
        Some(list) => {
            serde_json::from_value(list.clone()).map_err(|_| "omit: a list of field names")?
        }
    };
    let raw = match body.get("raw") {
        None | Some(Value::Null) => Map::new(),
        Some(raw) => raw.as_object().cloned().ok_or("raw: an object")?,
    };
    Ok(Asked {
        deed,
        how: How {
            method,
            refund_amount,
            ..How::default()
        },
        bend: Bend {
            times: if notify { times } else { 0 },
            amount: amount(body, "amount")?,
            omit,
            raw,
        },
        status_amount: amount(body, "status_amount")?,
    })
}

impl Bend {
    fn apply(&self, mut body: Value, shop: &Shop) -> Value {
        let Some(fields) = body.as_object_mut() else {
            return body;
        };
        let text = |fields: &Map<String, Value>, name: &str| {
            let value = fields.get(name).and_then(Value::as_str);
            value.unwrap_or_default().to_owned()
        };
        if let Some(amount) = &self.amount {
            let (order_id, code) = (text(fields, "order_id"), text(fields, "status_code"));
            let signature = notify::sign(&order_id, &code, amount, &shop.server_key);
            fields.insert("gross_amount".to_owned(), json!(amount));
            fields.insert("signature_key".to_owned(), json!(signature));
        }
        for name in &self.omit {
            fields.remove(name);
        }
        fields.extend(self.raw.clone());
        body
    }
}

pub(super) async fn act(
    State(sandbox): State<Sandbox>,
    Path(order_id): Path<String>,
    body: Bytes,
) -> Response {
    let asked = serde_json::from_slice(&body)
        .map_err(|error| format!("not JSON: {error}"))
        .and_then(|body: Value| read(&body));
    let asked = match asked {
        Ok(asked) => asked,
        Err(error) => return refuse(StatusCode::BAD_REQUEST, error),
    };
    // The same id under two merchants: the newer one is meant.
    let merchant = sandbox.0.store.read(|state| {
        let mut newest = state.midtrans.orders.iter().rev();
        newest
            .find(|order| order.order_id == order_id)
            .map(|order| order.merchant.clone())
    });
    let shop = merchant.and_then(|merchant| sandbox.shop(|shop| shop.merchant == merchant));
    let Some(shop) = shop else {
        return refuse(StatusCode::NOT_FOUND, format!("no order {order_id}"));
    };
    let this = sandbox.clone();
    let work = async move { this.perform(&shop, &order_id, asked).await };
    match sandbox.to_the_end(work).await {
        Some(response) => response,
        None => refuse(StatusCode::INTERNAL_SERVER_ERROR, "the deed broke off"),
    }
}

impl Sandbox {
    async fn perform(&self, shop: &Shop, order_id: &str, asked: Asked) -> Response {
        let now = self.0.clock.now();
        let done = self.0.store.change(|state| {
            let order = state.midtrans.order_mut(&shop.merchant, order_id);
            let order = order.ok_or_else(|| format!("no order {order_id}"))?;
            let told = act::act(order, shop, asked.deed, &asked.how, now)?;
            if asked.status_amount.is_some() {
                order.status_amount = asked.status_amount;
            }
            Ok::<_, String>((told, order.last().map(|last| last.status.word())))
        });
        let (told, status) = match done {
            Ok(done) => done,
            Err(error) => return refuse(StatusCode::CONFLICT, error),
        };
        if let Some(pending) = told.pending.filter(|_| asked.bend.times > 0) {
            self.notify(&shop.merchant, pending).await;
        }
        let mut notified = Vec::new();
        if let Some(own) = told.own {
            let body = asked.bend.apply(own, shop);
            for _ in 0..asked.bend.times {
                notified.push(self.notify(&shop.merchant, body.clone()).await);
            }
        }
        Json(json!({"ok": true, "status": status, "notified": notified})).into_response()
    }

    /// A deed with an honest notification, which nobody waits for.
    pub(super) fn tell_in_background(&self, shop: &Shop, told: act::Told) {
        let (this, merchant) = (self.clone(), shop.merchant.clone());
        self.in_background(async move {
            for body in [told.pending, told.own].into_iter().flatten() {
                this.notify(&merchant, body).await;
            }
        });
    }
}
