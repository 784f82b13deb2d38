//! The REST API that other systems call: `/v1`. Who calls, how often and whether they asked the same
//! before is settled in `gate`; each operation is in a module of its own and describes itself.

mod balance;
mod billing_runs;
mod bills;
mod cursor;
mod docs;
mod files;
mod gate;
mod json;
mod keys;
mod openapi;
mod parameters;
mod plans;
mod problem;
mod routes;
mod segment;
mod subscribers;

use std::sync::Arc;

use axum::Json;
use axum::extract::Request as AxumRequest;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse as _, Response as AxumResponse};
use http_body_util::BodyExt as _;
use pesan_adapters::clock::Clock;
use pesan_lambda::http::{COULD_NOT, plain};
use pesan_lambda::{Body, Env, Handler, Request, Response, telemetry};
use pesan_service::{App, Config};
use tower::ServiceExt as _;

use crate::problem::Problem;

/// The largest body that any operation reads: what a function URL takes of 6 MB, in base64.
pub(crate) const LARGEST: usize = 4 * 1024 * 1024;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Makes the function from its environment.
///
/// # Errors
/// Names the variable that is missing.
pub async fn handler(env: &Env, clock: Clock) -> anyhow::Result<Handler> {
    let config = Config::read(|name| env.optional(name).map(str::to_owned))?;
    let app = Arc::new(App::new(&config, clock)?);
    let router = routes::router(&app);
    let base_url: Arc<str> = Arc::from(app.public_base_url.as_str());
    Ok(pesan_lambda::handler(
        env!("CARGO_PKG_NAME"),
        move |request| answer(router.clone(), Arc::clone(&base_url), request),
    ))
}

/// One Lambda event through the router.
async fn answer(router: axum::Router, base_url: Arc<str>, request: Request) -> Response<Body> {
    let id = telemetry::request_id(&request)
        .unwrap_or_default()
        .to_owned();
    let (parts, body) = request.into_parts();
    let response = if body.len() > LARGEST {
        Problem::too_large(LARGEST).into_response()
    } else {
        let request = AxumRequest::from_parts(parts, axum::body::Body::from(body.to_vec()));
        match pesan_lambda::caught(router.oneshot(request)).await {
            Some(Ok(response)) => response,
            Some(Err(never)) => match never {},
            None => Problem::unavailable().into_response(),
        }
    };
    let (parts, body) = dressed(response, &base_url, &id).into_parts();
    match body.collect().await {
        Ok(collected) => {
            let text = String::from_utf8_lossy(&collected.to_bytes()).into_owned();
            Response::from_parts(parts, Body::from(text))
        }
        Err(_) => plain(503, COULD_NOT),
    }
}

/// A response with what every one has, its problem written out.
fn dressed(mut response: AxumResponse, base_url: &str, id: &str) -> AxumResponse {
    let outcome = match response.extensions_mut().remove::<Problem>() {
        None => "answered",
        Some(problem) => {
            write(&mut response, &problem, base_url, id);
            problem.name()
        }
    };
    tracing::info!(kind = "api", outcome);
    let fixed = [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (
            header::STRICT_TRANSPORT_SECURITY,
            "max-age=31536000; includeSubDomains",
        ),
    ];
    let headers = response.headers_mut();
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, id);
    }
    response
}

fn write(response: &mut AxumResponse, problem: &Problem, base_url: &str, id: &str) {
    let body = Json(problem.body(base_url, id)).into_response();
    *response.body_mut() = body.into_body();
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_LENGTH);
    let content_type = HeaderValue::from_static(problem::CONTENT_TYPE);
    headers.insert(header::CONTENT_TYPE, content_type);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn j8_a_panic_is_a_problem_like_others() {
        async fn broken() -> AxumResponse {
            panic!("a name")
        }
        let router = axum::Router::<()>::new().fallback(broken);
        let request = Request::new(Body::Empty);
        let response = answer(router, Arc::from("https://pesan.example.com"), request).await;
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()["content-type"], problem::CONTENT_TYPE);
        let body = String::from_utf8(response.body().to_vec()).unwrap();
        assert!(body.contains("/v1/problems/unavailable") && !body.contains("a name"));
    }
}
