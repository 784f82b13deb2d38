//! The one domain's edge: an HTTP request becomes a function-URL event
//! (<https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html>) and its answer a response.

use axum::body::{Body as AxumBody, Bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, header};
use axum::response::IntoResponse as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pesan_lambda::Body;
use serde_json::{Map, Value, json};

use crate::invoke::{Outcome, Pool};

/// What a function URL takes.
const MOST_BYTES: usize = 6 * 1024 * 1024;
const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

/// Sends a request through a function.
pub async fn pass(
    pool: &Pool,
    now: jiff::Timestamp,
    request: Request<AxumBody>,
) -> Response<AxumBody> {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, MOST_BYTES).await else {
        // Nobody reads the rest of it, so nothing can follow on this connection: said, or the
        // caller's next request meets it as it is closed.
        let close = [(header::CONNECTION, HeaderValue::from_static("close"))];
        return (StatusCode::PAYLOAD_TOO_LARGE, close).into_response();
    };
    let id = format!("{:032x}", rand::random::<u128>());
    let event = event(&parts, &body, &id, now).to_string();
    let request = match lambda_http::request::from_str(&event) {
        Ok(request) => request,
        Err(error) => return (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
    };
    match pool.invoke(request).await {
        Outcome::Answered(response) => {
            let (mut parts, body) = response.into_parts();
            // As Lambda does: it finds the request's line in the log.
            if let Ok(id) = HeaderValue::from_str(&id) {
                parts.headers.insert(REQUEST_ID, id);
            }
            let body = match body {
                Body::Text(text) => AxumBody::from(text),
                Body::Binary(bytes) => AxumBody::from(bytes),
                _ => AxumBody::empty(),
            };
            Response::from_parts(parts, body)
        }
        Outcome::Killed => (StatusCode::BAD_GATEWAY, "Internal Server Error").into_response(),
        Outcome::Broken(error) => {
            tracing::error!(kind = "function", outcome = "not made", %error);
            (StatusCode::BAD_GATEWAY, "Internal Server Error").into_response()
        }
    }
}

fn event(
    parts: &axum::http::request::Parts,
    body: &Bytes,
    id: &str,
    now: jiff::Timestamp,
) -> Value {
    let path = parts.uri.path();
    let method = parts.method.as_str();
    let (text, encoded) = match std::str::from_utf8(body) {
        Ok(text) if is_text(&parts.headers) => (text.to_owned(), false),
        _ => (STANDARD.encode(body), true),
    };
    json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": parts.uri.query().unwrap_or_default(),
        "headers": headers(&parts.headers),
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "local",
            "domainName": "local",
            "domainPrefix": "local",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "",
            },
            "requestId": id,
            "routeKey": "$default",
            "stage": "$default",
            "time": now.strftime("%d/%b/%Y:%H:%M:%S %z").to_string(),
            "timeEpoch": now.as_millisecond(),
        },
        "body": if body.is_empty() { Value::Null } else { Value::String(text) },
        "isBase64Encoded": encoded,
    })
}

/// Names in lower case, the values of a repeated one joined with commas.
fn headers(headers: &HeaderMap) -> Map<String, Value> {
    let mut joined = Map::new();
    for name in headers.keys() {
        let values: Vec<String> = headers
            .get_all(name)
            .iter()
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
            .collect();
        joined.insert(name.as_str().to_owned(), Value::String(values.join(",")));
    }
    joined
}

/// The content types whose bodies arrive as they are; others arrive in base64.
fn is_text(headers: &HeaderMap) -> bool {
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    [
        "text/",
        "application/json",
        "application/xml",
        "application/javascript",
    ]
    .iter()
    .any(|text| content_type.starts_with(text))
}
