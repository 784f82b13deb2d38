//! Refusals in the Graph API's words.
//! <https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes>

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::fresh_id;

const HREF: &str = "/documentation/business-messaging/whatsapp/support/error-codes";

#[derive(Debug)]
pub(super) struct Refusal {
    status: u16,
    code: u32,
    subcode: Option<u32>,
    message: String,
    kind: &'static str,
    details: Option<String>,
}

impl Refusal {
    pub(super) fn new(code: u32, details: impl Into<String>) -> Self {
        let (status, title) = known(code);
        Self {
            status,
            code,
            subcode: None,
            message: format!("(#{code}) {title}"),
            kind: "OAuthException",
            details: Some(details.into()),
        }
    }

    /// Templates are refused with a number of their own beside the code.
    pub(super) fn with_subcode(mut self, subcode: u32) -> Self {
        self.subcode = Some(subcode);
        self
    }

    pub(super) fn bad_token() -> Self {
        Self {
            message: "Invalid OAuth access token - Cannot parse access token".to_owned(),
            details: None,
            ..Self::new(190, "")
        }
    }

    /// The same words for what does not exist and for what is another's.
    pub(super) fn no_object(method: &str, id: &str) -> Self {
        let message = format!(
            "Unsupported {} request. Object with ID '{id}' does not exist, cannot be loaded due to \
             missing permissions, or does not support this operation",
            method.to_ascii_lowercase()
        );
        Self {
            message,
            kind: "GraphMethodException",
            subcode: Some(33),
            details: None,
            ..Self::new(100, "")
        }
    }

    pub(super) fn nowhere() -> Self {
        Self {
            message: "Unknown path components".to_owned(),
            details: None,
            ..Self::new(2500, "")
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut error = Map::new();
        error.insert("message".to_owned(), json!(self.message));
        error.insert("type".to_owned(), json!(self.kind));
        error.insert("code".to_owned(), json!(self.code));
        if let Some(subcode) = self.subcode {
            error.insert("error_subcode".to_owned(), json!(subcode));
        }
        if let Some(details) = self.details {
            let data = json!({"messaging_product": "whatsapp", "details": details});
            error.insert("error_data".to_owned(), data);
        }
        error.insert("fbtrace_id".to_owned(), json!(fresh_id()));
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST);
        (status, Json(json!({"error": error}))).into_response()
    }
}

/// A receipt's `errors[0]`.
pub(super) fn of_receipt(code: u32) -> Value {
    let (_, title) = known(code);
    json!({
        "code": code,
        "title": title,
        "message": title,
        "error_data": {"details": title},
        "href": HREF,
    })
}

/// A fault on order: 400 to 599 mean the HTTP status, any other number Meta's own code.
pub(crate) fn on_order(code: u32) -> Response {
    let meant = match code {
        400 | 404 => 100,
        401 => 190,
        403 => 10,
        429 => 4,
        500..600 => 2,
        402..500 => 1,
        own => own,
    };
    let mut refusal = match meant {
        190 => Refusal::bad_token(),
        _ => Refusal::new(meant, "a fault on order"),
    };
    if let (400..600, Ok(status)) = (code, u16::try_from(code)) {
        refusal.status = status;
    }
    refusal.into_response()
}

/// The HTTP status and the title. Meta publishes the status of few codes and says to go by the
/// code; a code that is not here travels in a 400.
fn known(code: u32) -> (u16, &'static str) {
    match code {
        0 => (401, "AuthException"),
        1 => (400, "API Unknown"),
        2 => (500, "API Service"),
        3 => (500, "API Method"),
        4 => (400, "Application request limit reached"),
        10 => (403, "Permission Denied"),
        33 => (400, "Parameter value is not valid"),
        100 => (400, "Invalid parameter"),
        190 => (401, "Access token has expired"),
        200..300 => (403, "API Permission"),
        368 => (403, "Temporarily blocked for policies violations"),
        80007 => (400, "Rate limit issues"),
        130_403 => (400, "Message failed to send because you blocked the user"),
        130_429 => (400, "Rate limit hit"),
        130_472 => (400, "User's number is part of an experiment"),
        130_497 => (
            403,
            "Business account is restricted from messaging users in this country",
        ),
        131_000 => (500, "Something went wrong"),
        131_005 => (403, "Access denied"),
        131_008 => (400, "Required parameter is missing"),
        131_009 => (400, "Parameter value is not valid"),
        131_016 => (503, "Service unavailable"),
        131_021 => (400, "Recipient cannot be sender"),
        131_026 => (400, "Message undeliverable"),
        131_031 => (403, "Account has been locked"),
        131_042 => (400, "Business eligibility payment issue"),
        131_045 => (500, "Incorrect certificate"),
        131_047 => (400, "Re-engagement message"),
        131_048 => (400, "Spam rate limit hit"),
        131_049 => (
            400,
            "This message was not delivered to maintain healthy ecosystem engagement.",
        ),
        131_050 => (400, "User has stopped marketing messages"),
        131_056 => (
            400,
            "(Business Account, Consumer Account) pair rate limit hit",
        ),
        131_057 => (500, "Business Account is in maintenance mode"),
        132_000 => (
            400,
            "Number of parameters does not match the expected number of params",
        ),
        132_001 => (404, "Template name does not exist in the translation"),
        132_005 => (400, "Translated text too long"),
        132_007 => (400, "Template format character policy violated"),
        132_012 => (400, "Parameter format does not match"),
        132_015 => (400, "Template is paused"),
        132_016 => (400, "Template is disabled"),
        132_018 => (400, "There was an issue validating template parameters"),
        133_004 => (503, "Server temporarily unavailable"),
        133_010 => (400, "Phone number not registered"),
        _ => (400, "An error occurred"),
    }
}
