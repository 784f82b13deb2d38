//! Snap: payment pages. <https://docs.midtrans.com/reference/backend-integration>

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{Order, Page, Status, merchant_of, span, starts};
use crate::clock::plus;
use crate::{Sandbox, fresh_id};

pub(super) fn redirect_url(base: &str, token: &str) -> String {
    format!("{base}/sandbox/midtrans/snap/v4/redirection/{token}")
}

fn refused(status: StatusCode, errors: &[&str]) -> Response {
    (status, Json(json!({"error_messages": errors}))).into_response()
}

fn unauthorized() -> Response {
    refused(
        StatusCode::UNAUTHORIZED,
        &[
            "Access denied due to unauthorized transaction, please check client or server key",
            "Visit https://snap-docs.midtrans.com/#request-headers for more details",
        ],
    )
}

pub(super) async fn create(
    State(sandbox): State<Sandbox>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some(shop) = merchant_of(&sandbox, &headers) else {
        return unauthorized();
    };
    let Ok(request) = serde_json::from_slice::<Value>(&body) else {
        return refused(StatusCode::BAD_REQUEST, &["Invalid JSON data provided."]);
    };
    let errors = check(&request);
    if !errors.is_empty() {
        let errors: Vec<&str> = errors.iter().map(String::as_str).collect();
        return refused(StatusCode::BAD_REQUEST, &errors);
    }
    let now = sandbox.0.clock.now();
    let (order_id, gross_amount) = details(&request);
    let order_id = order_id.unwrap_or_default().to_owned();
    let gross_amount = gross_amount.and_then(Value::as_i64).unwrap_or_default();
    let mut page = Page {
        token: fresh_id(),
        closes: closes(&request, now),
        closed: false,
        canceled: false,
        after: 0,
    };
    let token = page.token.clone();
    let made = sandbox.0.store.change(|state| {
        let orders = &mut state.midtrans;
        let Some(order) = orders.order_mut(&shop.merchant, &order_id) else {
            orders.orders.push(Order {
                merchant: shop.merchant.clone(),
                merchant_id: shop.midtrans_merchant_id.clone(),
                order_id,
                gross_amount,
                request,
                pages: vec![page],
                attempts: Vec::new(),
                status_amount: None,
            });
            return Ok(());
        };
        if order.is_used() {
            return Err(
                "transaction_details.order_id has been paid and utilized, please use another order ID",
            );
        }
        let pending = order.last().is_some_and(|last| last.status == Status::Pending);
        if pending && order.gross_amount != gross_amount {
            return Err("transaction_details.order_id has already been taken");
        }
        order.gross_amount = gross_amount;
        order.request = request;
        page.after = order.attempts.len();
        order.pages.push(page);
        Ok(())
    });
    match made {
        Err(error) => refused(StatusCode::BAD_REQUEST, &[error]),
        Ok(()) => {
            let url = redirect_url(&sandbox.0.base_url, &token);
            let body = json!({"token": token, "redirect_url": url});
            (StatusCode::CREATED, Json(body)).into_response()
        }
    }
}

/// The page takes nobody once its own time or the payment's is over.
fn closes(request: &Value, now: Timestamp) -> Timestamp {
    let end = |name: &str| {
        let limit = request.get(name)?;
        Some(plus(starts(limit).unwrap_or(now), span(limit)?))
    };
    [end("page_expiry"), end("expiry")]
        .into_iter()
        .flatten()
        .min()
        .unwrap_or_else(|| plus(now, SignedDuration::from_hours(24)))
}

fn details(request: &Value) -> (Option<&str>, Option<&Value>) {
    let details = request.get("transaction_details");
    (
        details.and_then(|details| details.get("order_id")?.as_str()),
        details.and_then(|details| details.get("gross_amount")),
    )
}

/// Letters, digits and `- _ ~ .`
fn is_order_id(id: &str) -> bool {
    id.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-_~.".contains(&byte))
}

/// What is wrong with a request's `transaction_details` and `item_details`.
pub(super) fn check(request: &Value) -> Vec<String> {
    let mut errors = Vec::new();
    let mut say = |error: &str| errors.push(error.to_owned());
    let (order_id, gross) = details(request);
    match order_id {
        None | Some("") => say("transaction_details.order_id is required"),
        Some(id) if id.len() > 50 => {
            say("transaction_details.order_id is too long (maximum is 50)")
        }
        Some(id) if !is_order_id(id) => {
            say(
                "transaction_details.order_id contains illegal characters, only alphanumeric and -_~. are allowed",
            );
        }
        Some(_) => {}
    }
    let amount = gross.and_then(Value::as_i64);
    match (gross, amount) {
        (None | Some(Value::Null), _) => say("transaction_details.gross_amount is required"),
        (_, None) => say("transaction_details.gross_amount is not a number"),
        (_, Some(..=0)) => {
            say("transaction_details.gross_amount must be greater than or equal to 1")
        }
        _ => {}
    }
    let mut sum = Some(0_i64);
    let items = request.get("item_details").and_then(Value::as_array);
    for item in items.into_iter().flatten() {
        let number = |name: &str| item.get(name).and_then(Value::as_i64);
        let length = |name: &str| {
            let text = item.get(name).and_then(Value::as_str);
            text.map(|text| text.chars().count())
        };
        match length("name") {
            None | Some(0) => say("item_details.name is required"),
            Some(51..) => say("item_details.name is too long (maximum is 50)"),
            Some(_) => {}
        }
        if length("id").is_some_and(|length| length > 50) {
            say("item_details.id is too long (maximum is 50)");
        }
        if number("price").is_none() {
            say("item_details.price is not a number");
        }
        if number("quantity").is_none_or(|quantity| quantity < 1) {
            say("item_details.quantity must be greater than or equal to 1");
        }
        let cost = number("price")
            .zip(number("quantity"))
            .and_then(|(price, quantity)| price.checked_mul(quantity));
        sum = sum.zip(cost).and_then(|(sum, cost)| sum.checked_add(cost));
    }
    if items.is_some_and(|items| !items.is_empty()) && amount.is_some() && sum != amount {
        say("transaction_details.gross_amount is not equal to the sum of item_details");
    }
    for name in ["expiry", "page_expiry"] {
        let Some(limit) = request.get(name).filter(|limit| !limit.is_null()) else {
            continue;
        };
        if span(limit).is_none() {
            say(&format!("{name}.duration and {name}.unit are invalid"));
        }
        if limit
            .get("start_time")
            .is_some_and(|start| !start.is_null())
            && starts(limit).is_none()
        {
            say(&format!("{name}.start_time format is invalid"));
        }
    }
    errors
}

pub(super) async fn cancel(
    State(sandbox): State<Sandbox>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Response {
    let Some(shop) = merchant_of(&sandbox, &headers) else {
        return unauthorized();
    };
    let now = sandbox.0.clock.now();
    let done = sandbox.0.store.change(|state| {
        for order in &mut state.midtrans.orders {
            let tried = order.attempts.len();
            if order.merchant != shop.merchant {
                continue;
            }
            for page in &mut order.pages {
                if page.token != token {
                    continue;
                }
                if page.canceled {
                    return Err((StatusCode::BAD_REQUEST, "token already canceled"));
                }
                if tried > page.after {
                    return Err((StatusCode::BAD_REQUEST, "Transaction is on progress"));
                }
                page.canceled = true;
                return Ok(());
            }
        }
        Err((StatusCode::NOT_FOUND, "token not found"))
    });
    match done {
        Err((status, error)) => refused(status, &[error]),
        Ok(()) => {
            let at = now.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string();
            Json(json!({"canceled_at": at})).into_response()
        }
    }
}
