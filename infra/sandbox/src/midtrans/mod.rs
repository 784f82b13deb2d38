//! Midtrans: Snap, the Core API, notifications, the customer's payment page, and a test's
//! handles that play the bank. <https://docs.midtrans.com>

mod act;
mod checkout;
mod core;
mod handles;
mod method;
mod notify;
mod snap;
#[cfg(test)]
mod tests;

use axum::Router;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use data_encoding::BASE64;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::clock::plus;
use crate::{Sandbox, Shop};
use method::Method;

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    /// Oldest first.
    orders: Vec<Order>,
    outgoing: Vec<notify::Outgoing>,
}

/// An order id and all that was tried under it.
#[derive(Clone, Serialize, Deserialize)]
struct Order {
    merchant: String,
    merchant_id: String,
    order_id: String,
    gross_amount: i64,
    /// The last request, whose fields notifications and the page echo.
    request: Value,
    pages: Vec<Page>,
    /// The last one counts: a card that was denied is tried again under a new id.
    attempts: Vec<Attempt>,
    /// What the status tells instead of the amount.
    status_amount: Option<String>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Page {
    token: String,
    closes: Timestamp,
    closed: bool,
    canceled: bool,
    /// How many attempts there were before this page.
    after: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Pending,
    Capture,
    Settlement,
    Deny,
    Cancel,
    Expire,
    Refund,
    PartialRefund,
}

impl Status {
    fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Capture => "capture",
            Self::Settlement => "settlement",
            Self::Deny => "deny",
            Self::Cancel => "cancel",
            Self::Expire => "expire",
            Self::Refund => "refund",
            Self::PartialRefund => "partial_refund",
        }
    }
}

#[derive(Clone, Serialize, Deserialize)]
struct Attempt {
    id: String,
    method: Method,
    time: Timestamp,
    expires: Timestamp,
    status: Status,
    challenged: bool,
    settled: Option<Timestamp>,
    /// Paid, and taken back by the bank.
    reversed: bool,
    /// Body fields of the method's own, made when it was chosen.
    fields: Value,
    refunds: Vec<Refund>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Refund {
    key: String,
    amount: i64,
    reason: String,
    at: Timestamp,
}

impl Order {
    fn last(&self) -> Option<&Attempt> {
        self.attempts.last()
    }

    /// The page that still takes a customer.
    fn open_page(&self, now: Timestamp) -> Option<&Page> {
        self.pages
            .last()
            .filter(|page| !page.closed && !page.canceled && now < page.closes)
    }

    /// Money came in under this id, whatever became of it.
    fn is_used(&self) -> bool {
        self.last().is_some_and(|attempt| match attempt.status {
            Status::Capture | Status::Settlement | Status::Refund | Status::PartialRefund => true,
            Status::Deny => attempt.reversed,
            Status::Pending | Status::Cancel | Status::Expire => false,
        })
    }

    fn gross(&self) -> String {
        rupiah(self.gross_amount)
    }
}

impl State {
    fn order(&self, merchant: &str, order_id: &str) -> Option<&Order> {
        let same = |order: &&Order| order.merchant == merchant && order.order_id == order_id;
        self.orders.iter().find(same)
    }

    fn order_mut(&mut self, merchant: &str, order_id: &str) -> Option<&mut Order> {
        let same = |order: &&mut Order| order.merchant == merchant && order.order_id == order_id;
        self.orders.iter_mut().find(same)
    }

    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        let codes = self
            .orders
            .iter()
            .filter_map(Order::last)
            .filter(|attempt| attempt.status == Status::Pending)
            .map(|attempt| attempt.expires);
        codes.chain(notify::dues(&self.outgoing)).min()
    }
}

/// Amounts on the wire are strings with two decimals.
fn rupiah(amount: i64) -> String {
    format!("{amount}.00")
}

/// Whose server key this is: Basic, the key as the user, and no password.
fn merchant_of(sandbox: &Sandbox, headers: &HeaderMap) -> Option<Shop> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let encoded = value.strip_prefix("Basic ")?;
    let decoded = String::from_utf8(BASE64.decode(encoded.as_bytes()).ok()?).ok()?;
    // Without the colon it is the classic 401.
    let key = decoded.strip_suffix(':')?.to_owned();
    sandbox.shop(|shop| shop.server_key == key)
}

/// `{"unit":"minute","duration":60}`, the unit in the plural too.
fn span(value: &Value) -> Option<SignedDuration> {
    let duration = value.get("duration")?.as_i64().filter(|count| *count > 0)?;
    let unit = value.get("unit")?.as_str()?;
    let seconds = match unit.trim_end_matches('s') {
        "minute" => 60,
        "hour" => 3600,
        "day" => 86_400,
        _ => return None,
    };
    duration.checked_mul(seconds).map(SignedDuration::from_secs)
}

fn starts(value: &Value) -> Option<Timestamp> {
    let text = value.get("start_time")?.as_str()?;
    Timestamp::strptime("%Y-%m-%d %H:%M:%S %z", text).ok()
}

/// When a code given out now stops being payable: the request's `expiry`, else the method's own.
fn code_expires(request: &Value, method: Method, now: Timestamp) -> Timestamp {
    request
        .get("expiry")
        .and_then(|expiry| Some(plus(starts(expiry).unwrap_or(now), span(expiry)?)))
        .unwrap_or_else(|| plus(now, method.lives()))
}

pub(crate) fn routes(sandbox: &Sandbox) -> Router {
    const ROOT: &str = "/sandbox/midtrans";
    let wire = Router::new()
        .route(&format!("{ROOT}/snap/v1/transactions"), post(snap::create))
        .route(
            &format!("{ROOT}/snap/v1/transactions/{{token}}/cancel"),
            post(snap::cancel),
        )
        .route(&format!("{ROOT}/v2/charge"), post(core::charge))
        .route(&format!("{ROOT}/v2/{{id}}/status"), get(core::status))
        .route(&format!("{ROOT}/v2/{{id}}/{{deed}}"), post(core::deed))
        .route(&format!("{ROOT}/{{*rest}}"), any(nowhere))
        .with_state(sandbox.clone());
    let rest = Router::new()
        .route(&format!("{ROOT}/transactions"), get(handles::list))
        .route(
            &format!("{ROOT}/transactions/{{order_id}}"),
            post(handles::act),
        )
        .route(&format!("{ROOT}/snap/snap.js"), get(checkout::script))
        .route(
            &format!("{ROOT}/snap/v4/redirection/{{token}}"),
            get(checkout::show).post(checkout::submit),
        )
        .with_state(sandbox.clone());
    sandbox.0.wire.guard("midtrans", wire).merge(rest)
}

async fn nowhere() -> Response {
    core::told(
        StatusCode::NOT_FOUND,
        "404",
        "The requested resource is not found",
    )
    .into_response()
}
