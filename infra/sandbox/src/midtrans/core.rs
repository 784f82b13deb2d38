//! The Core API. The body's `status_code` is the result; HTTP says 200 to nearly everything.
//! <https://docs.midtrans.com/reference/get-transaction-status>

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::act::{self, Deed, How, Told};
use super::method::Method;
use super::{Attempt, Order, Status, merchant_of, notify, snap};
use crate::{Sandbox, Shop, fresh_id};

const GONE: &str = "Transaction doesn't exist.";
const FIXED: &str = "Merchant cannot modify the status of the transaction";

pub(super) fn told(status: StatusCode, code: &str, message: &str) -> impl IntoResponse + use<> {
    let body = json!({"status_code": code, "status_message": message, "id": fresh_id()});
    (status, Json(body))
}

fn refused(code: &str, message: &str) -> Response {
    told(StatusCode::OK, code, message).into_response()
}

fn unauthorized() -> Response {
    let message = "Transaction cannot be authorized with the current client/server key.";
    told(StatusCode::UNAUTHORIZED, "401", message).into_response()
}

/// By the order's id, or by the transaction's: an older try too.
fn find<'a>(orders: &'a [Order], shop: &Shop, id: &str) -> Option<(&'a Order, &'a Attempt)> {
    let mine = || {
        orders
            .iter()
            .filter(|order| order.merchant == shop.merchant)
    };
    let by_order = mine()
        .find(|order| order.order_id == id)
        .and_then(|order| Some((order, order.last()?)));
    by_order.or_else(|| {
        mine().find_map(|order| {
            let attempt = order.attempts.iter().find(|attempt| attempt.id == id)?;
            Some((order, attempt))
        })
    })
}

pub(super) async fn status(
    State(sandbox): State<Sandbox>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let Some(shop) = merchant_of(&sandbox, &headers) else {
        return unauthorized();
    };
    let body = sandbox.0.store.read(|state| {
        let (order, attempt) = find(&state.midtrans.orders, &shop, &id)?;
        Some(notify::status(order, attempt, &shop))
    });
    match body {
        Some(body) => Json(body).into_response(),
        None => refused("404", GONE),
    }
}

/// `/v2/{id}/cancel`, `expire`, `approve`, `deny`, `refund`
pub(super) async fn deed(
    State(sandbox): State<Sandbox>,
    Path((id, deed)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some(shop) = merchant_of(&sandbox, &headers) else {
        return unauthorized();
    };
    let (deed, message) = match deed.as_str() {
        "cancel" => (Deed::Cancel, "Success, transaction is canceled"),
        "expire" => (Deed::Expire, "Success, transaction has expired"),
        "approve" => (Deed::Accept, "Success, transaction is approved"),
        "deny" => (Deed::Deny, "Success, transaction is denied"),
        "refund" => (Deed::Refund, "Success, refund request is approved"),
        _ => return refused("404", "The requested resource is not found"),
    };
    let body: Value = match body.is_empty() {
        true => json!({}),
        false => match serde_json::from_slice(&body) {
            Ok(body) => body,
            Err(_) => return refused("413", "The request is not valid JSON"),
        },
    };
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    let how = How {
        method: None,
        refund_amount: body.get("amount").and_then(Value::as_i64),
        refund_key: text("refund_key"),
        reason: text("reason"),
    };
    let now = sandbox.0.clock.now();
    let done = sandbox.0.store.change(|state| {
        let orders = &mut state.midtrans.orders;
        let order_id = {
            let (order, attempt) = find(orders, &shop, &id).ok_or(("404", GONE))?;
            // An older try has ended.
            if order.last().is_none_or(|last| last.id != attempt.id) {
                return Err(("412", FIXED));
            }
            allowed(attempt, deed, &how)?;
            order.order_id.clone()
        };
        let order = state.midtrans.order_mut(&shop.merchant, &order_id);
        let order = order.ok_or(("404", GONE))?;
        let told = act::act(order, &shop, deed, &how, now).map_err(|_| ("412", FIXED))?;
        Ok((told, answer(order, deed, message)))
    });
    match done {
        Err((code, message)) => refused(code, message),
        Ok((told, body)) => {
            sandbox.tell_in_background(&shop, told);
            Json(body).into_response()
        }
    }
}

/// What the bank may do to a transaction, and a merchant may not.
fn allowed(attempt: &Attempt, deed: Deed, how: &How) -> Result<(), (&'static str, &'static str)> {
    let status = attempt.status;
    let repeated = |key: &String| attempt.refunds.iter().any(|refund| refund.key == *key);
    let allowed = match deed {
        Deed::Accept | Deed::Deny => status == Status::Capture && attempt.challenged,
        Deed::Expire => status == Status::Pending,
        Deed::Refund if how.refund_key.as_ref().is_some_and(repeated) => {
            return Err(("406", "The refund key has been used"));
        }
        Deed::Refund => attempt.method.refunds_by_api(),
        _ => true,
    };
    if allowed { Ok(()) } else { Err(("412", FIXED)) }
}

fn answer(order: &Order, deed: Deed, message: &str) -> Value {
    let Some(last) = order.last() else {
        return Value::Null;
    };
    let mut body = notify::fields(order, last);
    let code = match deed {
        Deed::Expire => "407",
        _ => "200",
    };
    act::add(
        &mut body,
        json!({"status_code": code, "status_message": message}),
    );
    if let (Deed::Refund, Some(refund)) = (deed, last.refunds.last()) {
        act::add(
            &mut body,
            json!({
                "refund_amount": super::rupiah(refund.amount),
                "refund_key": refund.key,
                "refund_chargeback_id": last.refunds.len(),
            }),
        );
    }
    body
}

fn chosen(request: &Value) -> Option<Method> {
    let field = |pointer: &str| request.pointer(pointer).and_then(Value::as_str);
    match field("/payment_type")? {
        "bank_transfer" => match field("/bank_transfer/bank")? {
            "permata" => Some(Method::PermataVa),
            bank => Method::named(&format!("{bank}_va")),
        },
        "permata" => Some(Method::PermataVa),
        "cstore" => match field("/cstore/store")?.to_ascii_lowercase().as_str() {
            store @ ("indomaret" | "alfamart") => Method::named(store),
            _ => None,
        },
        other @ ("echannel" | "qris" | "gopay" | "shopeepay" | "credit_card") => {
            Method::named(other)
        }
        _ => None,
    }
}

pub(super) async fn charge(
    State(sandbox): State<Sandbox>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some(shop) = merchant_of(&sandbox, &headers) else {
        return unauthorized();
    };
    let Ok(request) = serde_json::from_slice::<Value>(&body) else {
        return refused("413", "The request is not valid JSON");
    };
    let mut errors = snap::check(&request);
    let method = chosen(&request);
    if method.is_none() {
        errors.push("payment_type is not supported".to_owned());
    }
    let (Some(method), true) = (method, errors.is_empty()) else {
        let message = "One or more parameters in the payload is invalid.";
        return Json(json!({
            "status_code": "400",
            "status_message": message,
            "validation_messages": errors,
            "id": fresh_id(),
        }))
        .into_response();
    };
    match sandbox.charged(&shop, request, method) {
        None => refused(
            "406",
            "The request could not be completed due to a conflict with the current state of the \
             target resource, please try again",
        ),
        Some((told, body)) => {
            sandbox.tell_in_background(&shop, told);
            Json(body).into_response()
        }
    }
}

fn created(method: Method) -> &'static str {
    match method {
        Method::PermataVa => "Success, PERMATA VA transaction is successful",
        Method::BcaVa | Method::BniVa | Method::BriVa => {
            "Success, Bank Transfer transaction is created"
        }
        Method::Echannel => "OK, Mandiri Bill transaction is successful",
        Method::Qris => "QRIS transaction is created",
        Method::Gopay => "GO-PAY billing created",
        Method::Shopeepay => "ShopeePay transaction is created",
        Method::CreditCard => "Success, Credit Card transaction is created",
        Method::Indomaret | Method::Alfamart => "Success, cstore transaction is successful",
    }
}

impl Sandbox {
    /// Nothing where the order id is taken: this is what makes a charge idempotent.
    fn charged(&self, shop: &Shop, request: Value, method: Method) -> Option<(Told, Value)> {
        let now = self.0.clock.now();
        let details = request.get("transaction_details")?;
        let order_id = details.get("order_id")?.as_str()?.to_owned();
        let gross_amount = details.get("gross_amount")?.as_i64()?;
        let attempt = act::fresh(&request, method, now);
        let address = format!(
            "{}/sandbox/midtrans/v2/qris/{}/qr-code",
            self.0.base_url, attempt.id
        );
        self.0.store.change(|state| {
            let orders = &mut state.midtrans;
            if orders.order(&shop.merchant, &order_id).is_none() {
                orders.orders.push(Order {
                    merchant: shop.merchant.clone(),
                    merchant_id: shop.midtrans_merchant_id.clone(),
                    order_id: order_id.clone(),
                    gross_amount,
                    request: Value::Null,
                    pages: Vec::new(),
                    attempts: Vec::new(),
                    status_amount: None,
                });
            }
            let order = orders.order_mut(&shop.merchant, &order_id)?;
            let free = matches!(
                order.last().map(|last| last.status),
                None | Some(Status::Cancel | Status::Expire | Status::Deny)
            );
            if !free || order.is_used() {
                return None;
            }
            order.gross_amount = gross_amount;
            order.request = request;
            order.attempts.push(attempt);
            let own = notify::body(order, shop)?;
            let mut body = notify::fields(order, order.last()?);
            act::add(
                &mut body,
                json!({"status_code": "201", "status_message": created(method)}),
            );
            if matches!(method, Method::Qris | Method::Gopay) {
                let action = json!({"name": "generate-qr-code", "method": "GET", "url": address});
                act::add(&mut body, json!({"actions": [action]}));
            }
            Some((
                Told {
                    pending: None,
                    own: Some(own),
                },
                body,
            ))
        })
    }
}
