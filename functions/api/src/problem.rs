//! What is answered where a request does not come to what it asks for: problem details
//! (<https://www.rfc-editor.org/rfc/rfc9457>), each with a type that has a page of its own.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use pesan_domain::api_key::Scope;
use pesan_domain::billing::{NotNow, Refused};
use pesan_domain::field::FieldRefused;
use pesan_domain::language::Language;
use pesan_service::Failure;
use pesan_service::billing::BillingError;
use pesan_service::merchants::OperatorError;
use pesan_service::subscribers::RegistryError;
use serde::Serialize;
use utoipa::ToSchema;

/// Where the page of each kind is, by its name.
pub(crate) const PATH: &str = "/v1/problems/";
/// The field that names another thing, which may not be there.
const PLAN: &str = "plan";
/// The content type.
pub(crate) const CONTENT_TYPE: &str = "application/problem+json";

/// What went wrong. The names are a contract: callers branch on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Unauthorized,
    InsufficientScope,
    WhatsAppNotActive,
    NotFound,
    MethodNotAllowed,
    UnsupportedMediaType,
    TooLarge,
    MalformedBody,
    UnknownField,
    InvalidField,
    InvalidCursor,
    Conflict,
    RequestInProgress,
    IdempotencyKeyReused,
    RateLimited,
    Internal,
    Unavailable,
}

/// What a kind is, for its page.
pub(crate) struct About {
    pub name: &'static str,
    pub status: StatusCode,
    pub title: &'static str,
    pub meaning: &'static str,
    pub remedy: &'static str,
}

impl Kind {
    pub const ALL: [Self; 17] = [
        Self::Unauthorized,
        Self::InsufficientScope,
        Self::WhatsAppNotActive,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::UnsupportedMediaType,
        Self::TooLarge,
        Self::MalformedBody,
        Self::UnknownField,
        Self::InvalidField,
        Self::InvalidCursor,
        Self::Conflict,
        Self::RequestInProgress,
        Self::IdempotencyKeyReused,
        Self::RateLimited,
        Self::Internal,
        Self::Unavailable,
    ];

    pub fn about(self) -> About {
        let about = |name, status, title, meaning, remedy| About {
            name,
            status,
            title,
            meaning,
            remedy,
        };
        match self {
            Self::Unauthorized => about(
                "unauthorized",
                StatusCode::UNAUTHORIZED,
                "The request carries no key that opens anything",
                "There is no Authorization header, or its key is unknown or was revoked. A key is \
                 revoked everywhere within a minute.",
                "Send `Authorization: Bearer pk_…` with a live key. The operator makes one with \
                 `pesan key add`.",
            ),
            Self::InsufficientScope => about(
                "insufficient-scope",
                StatusCode::FORBIDDEN,
                "The key may not do this",
                "The key is genuine, but it was made without the scope that this operation needs.",
                "Use a key with the scope that the detail names. Scopes of a key never change: the \
                 operator makes another key.",
            ),
            Self::WhatsAppNotActive => about(
                "whatsapp-not-active",
                StatusCode::FORBIDDEN,
                "The merchant cannot send over WhatsApp",
                "The merchant's WhatsApp number is not connected and active, so nothing was queued.",
                "The operator connects the number and activates it with `pesan whatsapp connect` and \
                 `pesan whatsapp activate`. Then send the request again.",
            ),
            Self::NotFound => about(
                "not-found",
                StatusCode::NOT_FOUND,
                "There is nothing at this address",
                "The path is none of the API's, or the thing it names is not there, or is another \
                 merchant's: these are answered alike.",
                "Check the path against /v1/docs, and the id against the list it came from.",
            ),
            Self::MethodNotAllowed => about(
                "method-not-allowed",
                StatusCode::METHOD_NOT_ALLOWED,
                "The path does not take this method",
                "The path is one of the API's, but not with this method.",
                "Use one of the methods in the Allow header.",
            ),
            Self::UnsupportedMediaType => about(
                "unsupported-media-type",
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "The body is not of a type that is read here",
                "The Content-Type header is missing, or names another type than the operation reads.",
                "Send the body as the type that the detail names, and say so in Content-Type.",
            ),
            Self::TooLarge => about(
                "too-large",
                StatusCode::PAYLOAD_TOO_LARGE,
                "The body is too large",
                "The body is larger than the operation takes. Nothing of it was read.",
                "Send less at once.",
            ),
            Self::MalformedBody => about(
                "malformed-body",
                StatusCode::BAD_REQUEST,
                "The body cannot be read",
                "The body is not JSON in UTF-8, holds a field twice, or is nested too deeply.",
                "Mend the body at the place that the detail names.",
            ),
            Self::UnknownField => about(
                "unknown-field",
                StatusCode::BAD_REQUEST,
                "There is no such field",
                "The body or the query holds a field that the operation does not have. Nothing is \
                 ignored in silence: a field that is misspelt, or that callers may not set, is refused.",
                "Leave the field out, or correct its name.",
            ),
            Self::InvalidField => about(
                "invalid-field",
                StatusCode::BAD_REQUEST,
                "A field cannot be taken",
                "A field is missing, of another type, or outside of what it may be.",
                "Correct the field that `field` names as the detail says.",
            ),
            Self::InvalidCursor => about(
                "invalid-cursor",
                StatusCode::BAD_REQUEST,
                "The cursor is none of this list's",
                "A cursor is the `next` of an earlier page of the same list, got with the same key. \
                 It cannot be made or changed.",
                "Begin at the first page, without a cursor.",
            ),
            Self::Conflict => about(
                "conflict",
                StatusCode::CONFLICT,
                "It does not go with what is there",
                "The request is well made, but something that is there stands against it: the id is \
                 taken, the plan it names is not there or takes nobody new, the month is still to come, \
                 or the bill does not take it.",
                "Read what is there, and change the request as the detail says.",
            ),
            Self::RequestInProgress => about(
                "request-in-progress",
                StatusCode::CONFLICT,
                "The same request is running",
                "A request with this Idempotency-Key has begun and not ended. If it died, its key is \
                 free again after 30 seconds.",
                "Send the same request again after the seconds in Retry-After.",
            ),
            Self::IdempotencyKeyReused => about(
                "idempotency-key-reused",
                StatusCode::UNPROCESSABLE_ENTITY,
                "The Idempotency-Key belongs to another request",
                "A request with this Idempotency-Key but another method, path or body was answered in \
                 the last 24 hours.",
                "Use a fresh Idempotency-Key for every new request, and the same only for a retry.",
            ),
            Self::RateLimited => about(
                "rate-limited",
                StatusCode::TOO_MANY_REQUESTS,
                "Too many requests",
                "The key has used up what it may do: so many requests a second lastingly, and more at \
                 once after a rest, as the RateLimit-Policy header says.",
                "Wait for the seconds in Retry-After, then go on more slowly.",
            ),
            Self::Internal => about(
                "internal-error",
                StatusCode::INTERNAL_SERVER_ERROR,
                "Something that is stored cannot be read",
                "What the request needs is there, and this version of Pesan cannot read it. The \
                 operator has been told.",
                "Do not send it again at once: it is answered the same until the operator has looked. \
                 Tell them the request_id.",
            ),
            Self::Unavailable => about(
                "unavailable",
                StatusCode::SERVICE_UNAVAILABLE,
                "It could not be done now",
                "Something that Pesan needs did not answer. Whether the request took effect is not \
                 known.",
                "Send the same request again in a moment; with the same Idempotency-Key it takes \
                 effect once.",
            ),
        }
    }

    /// The kind of this name.
    pub fn named(name: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|kind| kind.about().name == name)
    }
}

/// An answer that says what is wrong and what to do. It is written out where the request's id is
/// known.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    kind: Kind,
    detail: String,
    field: Option<String>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// Problem details of an error (RFC 9457)
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct Body {
    /// Names the kind of problem, and is the address of a page that explains it
    #[schema(example = "https://pesan.example.com/v1/problems/invalid-field")]
    r#type: String,
    /// The kind in a few words
    #[schema(example = "A field cannot be taken")]
    title: &'static str,
    /// The HTTP status
    #[schema(minimum = 400, maximum = 599, example = 400)]
    status: u16,
    /// What is wrong with this request, and what to do about it
    #[schema(example = "limit: 500 is not from 1 to 100")]
    detail: String,
    /// The field, parameter or header at fault, where it is one
    #[schema(example = "limit")]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    field: Option<String>,
    /// Finds the request in Pesan's log; also in the header X-Request-Id
    #[schema(example = "5d5c5b5a-0000-4000-8000-000000000001")]
    request_id: String,
}

impl Problem {
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            field: None,
            headers: Vec::new(),
        }
    }

    /// With the name of the field at fault.
    pub fn at(kind: Kind, field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            field: Some(field.into()),
            ..Self::new(kind, detail)
        }
    }

    pub fn not_found() -> Self {
        let detail = "there is nothing here: check the path against /v1/docs, and the id in it";
        Self::new(Kind::NotFound, detail)
    }

    pub fn method_not_allowed() -> Self {
        let detail = "this path does not take the method: the Allow header lists those it takes";
        Self::new(Kind::MethodNotAllowed, detail)
    }

    pub fn unavailable() -> Self {
        let detail = "it could not be done now: send the same request again in a moment, with the \
                      same Idempotency-Key if it changes something";
        Self::new(Kind::Unavailable, detail).after(1)
    }

    /// A row that cannot be read: somebody has to look.
    fn unreadable(what: &str) -> Self {
        tracing::error!(kind = "api", alarm = "row unreadable", error = what);
        let detail = "something that is stored cannot be read, and the operator has been told: sending \
                      it again does not help";
        Self::new(Kind::Internal, detail)
    }

    pub fn invalid_cursor() -> Self {
        let detail = "cursor: not the `next` of a page of this list; begin without one";
        Self::at(Kind::InvalidCursor, "cursor", detail)
    }

    pub fn too_large(most_bytes: usize) -> Self {
        let kilobytes = most_bytes / 1024;
        let detail = format!("the body is larger than {kilobytes} kB: send less at once");
        Self::new(Kind::TooLarge, detail)
    }

    /// What the request was sent with opens nothing (<https://www.rfc-editor.org/rfc/rfc6750>).
    pub fn unauthorized(given: bool) -> Self {
        let (detail, challenge) = if given {
            (
                "the key is unknown or revoked: send `Authorization: Bearer pk_…` with a live one",
                "Bearer realm=\"pesan\", error=\"invalid_token\"",
            )
        } else {
            (
                "there is no key: send `Authorization: Bearer pk_…`, once",
                "Bearer realm=\"pesan\"",
            )
        };
        let problem = Self::new(Kind::Unauthorized, detail);
        problem.with(header::WWW_AUTHENTICATE, challenge)
    }

    pub fn insufficient_scope(scope: Scope) -> Self {
        let name = scope.name();
        let detail = format!(
            "the key has no scope {name}: use one that may {}",
            scope.words()
        );
        let challenge =
            format!("Bearer realm=\"pesan\", error=\"insufficient_scope\", scope=\"{name}\"");
        Self::new(Kind::InsufficientScope, detail).with(header::WWW_AUTHENTICATE, &challenge)
    }

    /// To be tried again after some seconds.
    pub fn after(self, seconds: u64) -> Self {
        self.with(header::RETRY_AFTER, &seconds.to_string())
    }

    fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }

    /// Its kind's name.
    pub fn name(&self) -> &'static str {
        self.kind.about().name
    }

    /// As it goes over the wire.
    pub fn body(&self, base_url: &str, request_id: &str) -> Body {
        let About {
            name,
            status,
            title,
            ..
        } = self.kind.about();
        Body {
            r#type: format!("{base_url}{PATH}{name}"),
            title,
            status: status.as_u16(),
            detail: self.detail.clone(),
            field: self.field.clone(),
            request_id: request_id.to_owned(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.kind.about().status.into_response();
        let headers = response.headers_mut();
        for (name, value) in &self.headers {
            headers.insert(name, value.clone());
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl From<FieldRefused> for Problem {
    fn from(refused: FieldRefused) -> Self {
        Self::at(Kind::InvalidField, refused.field, refused.to_string())
    }
}

impl From<RegistryError> for Problem {
    fn from(error: RegistryError) -> Self {
        match error {
            RegistryError::UnknownMerchant(_) => Self::not_found(),
            RegistryError::UnknownPlan(_) | RegistryError::UnknownSubscriber(_) => {
                let detail = format!("{error}: check the id against the list it came from");
                Self::new(Kind::NotFound, detail)
            }
            RegistryError::PlanExists(_) | RegistryError::SubscriberExists(_) => {
                Self::at(Kind::Conflict, "id", error.to_string())
            }
            RegistryError::Field(refused) if refused.field == PLAN => {
                Self::at(Kind::Conflict, PLAN, refused.to_string())
            }
            RegistryError::Field(refused) => refused.into(),
            RegistryError::NoBot => Self::new(Kind::Conflict, error.to_string()),
            RegistryError::OwnWord(_) => Self::at(Kind::Conflict, "opted_out", error.to_string()),
            RegistryError::Position => Self::invalid_cursor(),
            RegistryError::Broken(what) => Self::unreadable(&what),
            RegistryError::NotAllowed(reason) | RegistryError::Unavailable(reason) => {
                Failure::Unavailable(reason).into()
            }
        }
    }
}

impl From<BillingError> for Problem {
    fn from(error: BillingError) -> Self {
        match error {
            BillingError::UnknownMerchant(_) => Self::not_found(),
            BillingError::UnknownRun(_) => {
                let detail = format!("{error}; begin a month's with POST /v1/billing-runs");
                Self::new(Kind::NotFound, detail)
            }
            BillingError::UnknownBill(_) => {
                let detail = format!("{error}: check the number against GET /v1/bills");
                Self::new(Kind::NotFound, detail)
            }
            BillingError::NotNow(not_now) => {
                let then = match not_now {
                    NotNow::NotBegun(_) => "bill it when its month has come",
                    NotNow::Old(_) => {
                        "its bills would be overdue at once; where that is meant, add \"old\": true"
                    }
                };
                let detail = format!("period: {error}; {then}");
                Self::at(Kind::Conflict, "period", detail)
            }
            BillingError::Refused(refused) => refused.into(),
            BillingError::NotActive(not_active) => {
                let detail = not_active.in_words(Language::English);
                Self::new(Kind::WhatsAppNotActive, detail)
            }
            BillingError::Broken(what) => Self::unreadable(&what),
            BillingError::NotAllowed(reason) | BillingError::Unavailable(reason) => {
                Failure::Unavailable(reason).into()
            }
        }
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::TooMuch { .. } | Refused::Nothing => {
                Self::at(Kind::Conflict, "amount", format!("amount: {refused}"))
            }
            Refused::PartlyPaid { .. } => {
                let detail = format!("{refused}, with POST /v1/bills/{{number}}/refunds");
                Self::new(Kind::Conflict, detail)
            }
            Refused::Recorded { .. } => {
                Self::at(Kind::Conflict, "reference", format!("reference: {refused}"))
            }
            Refused::NoBill
            | Refused::Closed(_)
            | Refused::Known
            | Refused::Struck
            | Refused::NotPaid
            | Refused::TooMany => Self::new(Kind::Conflict, refused.to_string()),
        }
    }
}

impl From<OperatorError> for Problem {
    fn from(error: OperatorError) -> Self {
        match error {
            OperatorError::Unknown(_) => Self::not_found(),
            OperatorError::Field(refused) => refused.into(),
            OperatorError::Exists(_)
            | OperatorError::NoSecret { .. }
            | OperatorError::NotMade(_)
            | OperatorError::Taken { .. }
            | OperatorError::Refused { .. } => Self::new(Kind::Conflict, error.to_string()),
            OperatorError::NotAllowed(reason) | OperatorError::Unavailable(reason) => {
                Failure::Unavailable(reason).into()
            }
        }
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Unknown => Self::not_found(),
            Failure::NotAuthentic => Self::unauthorized(true),
            Failure::Malformed(field) => {
                let detail = format!("{field} is missing or malformed");
                Self::at(Kind::InvalidField, field, detail)
            }
            Failure::Unavailable(reason) => {
                tracing::warn!(error = reason);
                Self::unavailable()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_by_its_name_and_says_what_to_do() {
        for kind in Kind::ALL {
            let about = kind.about();
            assert_eq!(Kind::named(about.name), Some(kind));
            assert!(about.status.is_client_error() || about.status.is_server_error());
            assert!(about.remedy.ends_with('.') && about.meaning.ends_with('.'));
        }
        assert_eq!(Kind::named("nothing"), None);
    }
}
