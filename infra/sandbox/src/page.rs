//! The playground's page and the links a customer follows into it.

use axum::Router;
use axum::extract::{Path, RawQuery};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

pub(crate) fn routes() -> Router {
    Router::new()
        .route("/sandbox", get(index))
        .route("/sandbox/page.css", get(css))
        .route("/sandbox/page.js", get(js))
        .route("/sandbox/t.me/{bot}", get(deep_link))
}

pub(crate) fn text(kind: &'static str, body: impl Into<String>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, body.into()).into_response()
}

async fn index() -> Response {
    text("text/html; charset=utf-8", include_str!("page/index.html"))
}

async fn css() -> Response {
    text("text/css; charset=utf-8", include_str!("page/page.css"))
}

async fn js() -> Response {
    text(
        "text/javascript; charset=utf-8",
        include_str!("page/page.js"),
    )
}

/// `https://t.me/<bot>?start=<payload>`: here the chat stands on the playground's page.
async fn deep_link(Path(bot): Path<String>, RawQuery(query): RawQuery) -> Response {
    // The payload goes on as it came: already URL-encoded, and nothing else of the query.
    let start = query
        .iter()
        .flat_map(|query| query.split('&'))
        .find_map(|pair| pair.strip_prefix("start="))
        .unwrap_or_default();
    let target = format!("/sandbox?bot={}&start={start}", encode(&bot));
    (StatusCode::SEE_OTHER, [(header::LOCATION, target)]).into_response()
}

/// One value of a query string.
pub(crate) fn encode(value: &str) -> String {
    value.bytes().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
        text
    })
}

/// Text, or a value between double quotes, in HTML.
pub(crate) fn escape(value: &str) -> String {
    value.chars().fold(String::new(), |mut text, character| {
        match character {
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '&' => text.push_str("&amp;"),
            '"' => text.push_str("&quot;"),
            '\'' => text.push_str("&#39;"),
            other => text.push(other),
        }
        text
    })
}
