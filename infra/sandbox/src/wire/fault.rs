//! The faults and how each vendor words them.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::fresh_id;

pub(super) const VENDORS: [&str; 8] = [
    "telegram",
    "midtrans",
    "whatsapp",
    "dynamodb",
    "eventbridge",
    "sqs",
    "streams",
    "ssm",
];

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    TimeoutBefore,
    TimeoutAfter,
    Http500,
    Throttle,
    Conflict,
    KillBefore,
    KillAfter,
    /// Every other entry of a `PutEvents` is refused, the first among them.
    Partial,
    /// The vendor's own code: an HTTP status, or a number that only its body knows.
    Code(u32),
    /// An AWS error by its name, such as `InvalidSignatureException`.
    Named(String),
}

pub(super) struct Fault {
    at: String,
    op: Option<String>,
    pub(super) kind: Kind,
    pub(super) times: u64,
    pub(super) skip: u64,
    /// After each that it meets, so many less one are let through.
    every: u64,
}

impl Fault {
    /// The error names the field.
    pub(super) fn read(body: &Value) -> Result<Self, String> {
        let word = |field: &str| match body.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(Value::Number(number)) if field == "fault" => Ok(Some(number.to_string())),
            Some(_) => Err(format!("{field}: not a string")),
        };
        let number = |field: &str, default: u64| match body.get(field) {
            None | Some(Value::Null) => Ok(default),
            Some(value) => value
                .as_u64()
                .ok_or_else(|| format!("{field}: not a whole number")),
        };
        let at = word("at")?.unwrap_or_default();
        if !VENDORS.contains(&at.as_str()) {
            return Err(format!("at: one of {}", VENDORS.join(", ")));
        }
        let kind = match word("fault")?.unwrap_or_default().as_str() {
            "timeout_before" => Kind::TimeoutBefore,
            "timeout_after" => Kind::TimeoutAfter,
            "http_500" => Kind::Http500,
            "throttle" => Kind::Throttle,
            "conflict" => Kind::Conflict,
            "kill_before" => Kind::KillBefore,
            "kill_after" => Kind::KillAfter,
            "partial" if at == "eventbridge" => Kind::Partial,
            code => match code.parse() {
                Ok(number) => Kind::Code(number),
                Err(_) if is_aws(&at) && is_error_name(code) => Kind::Named(code.to_owned()),
                Err(_) => return Err(UNKNOWN_FAULT.to_owned()),
            },
        };
        Ok(Self {
            at,
            op: word("op")?,
            kind,
            times: number("times", 1)?,
            skip: number("skip", 0)?,
            every: number("every", 1)?,
        })
    }

    /// Whether this call is met; it counts.
    pub(super) fn meets(&mut self) -> bool {
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        self.skip = self.every.saturating_sub(1);
        self.times = self.times.saturating_sub(1);
        true
    }

    pub(super) fn is_for(&self, vendor: &str, op: &str) -> bool {
        let same_op = |wanted: &String| wanted.eq_ignore_ascii_case(op);
        self.at == vendor && self.op.as_ref().is_none_or(same_op)
    }
}

const UNKNOWN_FAULT: &str = "fault: one of timeout_before, timeout_after, http_500, throttle, \
     conflict, kill_before, kill_after, partial (eventbridge), or a vendor's code";

fn is_aws(vendor: &str) -> bool {
    matches!(
        vendor,
        "dynamodb" | "eventbridge" | "sqs" | "streams" | "ssm"
    )
}

/// AWS writes its errors' names so; the words of the other faults are in lower case.
fn is_error_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_uppercase())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// The vendor's own words for a fault that answers.
pub(super) fn answer(vendor: &str, kind: &Kind, op: &str, path: &str, body: &[u8]) -> Response {
    let code = match kind {
        Kind::Throttle => 429,
        Kind::Conflict => 409,
        Kind::Code(code) => *code,
        _ => 500,
    };
    match vendor {
        "telegram" => telegram(code),
        "midtrans" => midtrans(code, path),
        "whatsapp" => crate::whatsapp::on_order(if *kind == Kind::Throttle {
            130_429
        } else {
            code
        }),
        _ => aws(vendor, kind, op, code, body),
    }
}

/// A code that is no error status of HTTP travels in a 400.
fn status(code: u32) -> StatusCode {
    u16::try_from(code)
        .ok()
        .filter(|code| (100..1000).contains(code))
        .and_then(|code| StatusCode::from_u16(code).ok())
        .unwrap_or(StatusCode::BAD_REQUEST)
}

fn telegram(code: u32) -> Response {
    let status = status(code);
    if code != 429 {
        let description = status.canonical_reason().unwrap_or("Error");
        let body = json!({"ok": false, "error_code": code, "description": description});
        return (status, Json(body)).into_response();
    }
    let body = json!({
        "ok": false,
        "error_code": 429,
        "description": "Too Many Requests: retry after 1",
        "parameters": {"retry_after": 1},
    });
    (status, [(header::RETRY_AFTER, "1")], Json(body)).into_response()
}

fn midtrans(code: u32, path: &str) -> Response {
    let message = match code {
        429 => "Too many requests",
        500..600 => "Sorry, we encountered internal server error. We will fix this soon.",
        _ => "The request could not be completed",
    };
    let body = if path.contains("/snap/v1/") {
        json!({"status_code": code.to_string(), "error_messages": [message], "locale": "en"})
    } else {
        json!({"status_code": code.to_string(), "status_message": message, "id": fresh_id()})
    };
    (status(code), Json(body)).into_response()
}

fn aws(vendor: &str, kind: &Kind, op: &str, code: u32, body: &[u8]) -> Response {
    let prefix = match vendor {
        "dynamodb" | "streams" => "com.amazonaws.dynamodb.v20120810#",
        _ => "",
    };
    let of_table = !prefix.is_empty();
    let (status, name) = match kind {
        Kind::Throttle if of_table => (400, "ProvisionedThroughputExceededException"),
        Kind::Throttle => (400, "ThrottlingException"),
        Kind::Conflict if of_table && op == "TransactWriteItems" => {
            (400, "TransactionCanceledException")
        }
        Kind::Conflict if of_table => (400, "TransactionConflictException"),
        Kind::Conflict if vendor == "ssm" => (400, "TooManyUpdates"),
        Kind::Conflict => (400, "ConcurrentModificationException"),
        Kind::Code(code) => (*code, "FaultOnOrder"),
        Kind::Named(name) => (400, name.as_str()),
        _ if vendor == "eventbridge" => (code, "InternalException"),
        _ => (code, "InternalServerError"),
    };
    // What is refused before the service looks at it has no service's prefix.
    let prefix = match kind {
        Kind::Named(_) => "",
        _ => prefix,
    };
    let mut answer = json!({"__type": format!("{prefix}{name}"), "message": "a fault on order"});
    if name == "TransactionCanceledException"
        && let Some(fields) = answer.as_object_mut()
    {
        let items = serde_json::from_slice::<Value>(body)
            .ok()
            .and_then(|body| body.get("TransactItems")?.as_array().map(Vec::len))
            .unwrap_or(1);
        let reasons: Vec<Value> = (0..items.max(1))
            .map(|place| match place {
                0 => json!({"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"}),
                _ => json!({"Code": "None"}),
            })
            .collect();
        fields.insert("CancellationReasons".to_owned(), Value::Array(reasons));
    }
    let kind = HeaderValue::from_static(match vendor {
        "ssm" | "eventbridge" => "application/x-amz-json-1.1",
        _ => "application/x-amz-json-1.0",
    });
    let status = self::status(status);
    (status, [(header::CONTENT_TYPE, kind)], answer.to_string()).into_response()
}
