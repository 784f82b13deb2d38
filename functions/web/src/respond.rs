//! Answers with the headers that every page carries.

use askama::Template;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use pesan_domain::ids::MerchantId;
use pesan_domain::language::Language;
use pesan_service::Failure;

use crate::pages::{ErrorPage, asset};

/// Where Snap.js is loaded from and opens its frame
/// (<https://docs.midtrans.com/reference/frontend-integration>).
const SNAP_HOSTS: &str = "https://app.midtrans.com https://app.sandbox.midtrans.com";

/// What a page may load and where it may send.
#[derive(Clone, Debug)]
pub(crate) enum Policy {
    /// Nothing but our own.
    OwnOnly,
    /// A page to pay on: Snap's hosts as well, and the stand-in's origin where there is one.
    Pay {
        /// The origin that another Snap.js was configured from.
        stand_in: Option<String>,
    },
}

impl Policy {
    fn header(&self) -> String {
        let (snap, stand_in) = match self {
            Self::OwnOnly => ("", ""),
            Self::Pay { stand_in } => (SNAP_HOSTS, stand_in.as_deref().unwrap_or_default()),
        };
        let hosts = format!("'self' {snap} {stand_in}");
        let hosts = hosts.trim_end();
        // The form's 303 leads to Midtrans' page, and browsers hold redirects to form-action too.
        format!(
            "default-src 'none'; style-src 'self'; img-src 'self'; connect-src 'self'; \
             script-src {hosts}; frame-src {hosts}; form-action {hosts}; base-uri 'none'; \
             frame-ancestors 'self'"
        )
    }
}

/// Says which page was shown.
pub(crate) fn shown(page: &'static str, merchant: Option<&MerchantId>) {
    let merchant = merchant.map(tracing::field::display);
    tracing::info!(merchant, kind = "page", page, outcome = "shown");
}

/// A page as an answer.
pub(crate) fn page(status: StatusCode, template: &impl Template, policy: &Policy) -> Response {
    match template.render() {
        Ok(html) => (status, headers(policy), html).into_response(),
        Err(error) => {
            tracing::error!(kind = "page", outcome = "not rendered", %error);
            (StatusCode::INTERNAL_SERVER_ERROR, headers(policy)).into_response()
        }
    }
}

fn headers(policy: &Policy) -> HeaderMap {
    let fixed = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            header::STRICT_TRANSPORT_SECURITY,
            "max-age=31536000; includeSubDomains",
        ),
        (
            HeaderName::from_static("permissions-policy"),
            "camera=(), geolocation=(), microphone=()",
        ),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin-allow-popups",
        ),
    ];
    let mut headers: HeaderMap = fixed
        .into_iter()
        .map(|(name, value)| (name, HeaderValue::from_static(value)))
        .collect();
    if let Ok(policy) = HeaderValue::from_str(&policy.header()) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    headers
}

/// One of the three files the pages share.
pub(crate) fn file(path: &str) -> Option<Response> {
    let (content_type, body) = asset(path)?;
    tracing::info!(kind = "asset", outcome = "shown");
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, "public, max-age=300"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    Some((headers, body).into_response())
}

/// A page that says what happened and what to do about it.
pub(crate) fn failed(failure: &Failure, language: Language) -> Response {
    let (title, text) = match failure {
        Failure::Unavailable(_) => (
            language.pick("Sedang ada gangguan", "Something is out of order"),
            language.pick(
                "Coba muat ulang halaman ini sebentar lagi. Pesanan Anda tidak hilang.",
                "Please reload this page in a moment. Your order is not lost.",
            ),
        ),
        Failure::Unknown | Failure::NotAuthentic | Failure::Malformed(_) => (
            language.pick("Halaman tidak ditemukan", "There is no such page"),
            language.pick(
                "Periksa lagi tautannya, atau buka tautan dari chat Anda.",
                "Check the link, or open it from your chat.",
            ),
        ),
    };
    let status = match failure {
        Failure::Unavailable(error) => {
            tracing::warn!(kind = "page", outcome = "unavailable", error);
            StatusCode::SERVICE_UNAVAILABLE
        }
        Failure::Unknown | Failure::NotAuthentic | Failure::Malformed(_) => {
            tracing::info!(kind = "page", outcome = "not found");
            StatusCode::NOT_FOUND
        }
    };
    let template = ErrorPage {
        english: language == Language::English,
        title: title.to_owned(),
        text: text.to_owned(),
        status: status.as_u16(),
    };
    page(status, &template, &Policy::OwnOnly)
}
