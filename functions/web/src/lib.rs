//! The pages a customer sees: the shop, its price list, and the order page with its way to pay.
//! Rendered here and complete without scripts.

mod pages;
mod respond;
mod routes;
mod views;

use std::sync::Arc;

use axum::extract::Request as AxumRequest;
use http_body_util::BodyExt as _;
use pesan_adapters::clock::Clock;
use pesan_lambda::http::{BODY_LIMIT, COULD_NOT, TOO_LARGE, plain, refused};
use pesan_lambda::{Body, Env, Handler, Request, Response};
use pesan_service::{App, Config};
use tower::ServiceExt as _;

/// Makes the function from its environment.
///
/// # Errors
/// Names the variable that is missing.
pub async fn handler(env: &Env, clock: Clock) -> anyhow::Result<Handler> {
    let config = Config::read(|name| env.optional(name).map(str::to_owned))?;
    let router = routes::router(Arc::new(App::new(&config, clock)?));
    Ok(pesan_lambda::handler(
        env!("CARGO_PKG_NAME"),
        move |request| answer(router.clone(), request),
    ))
}

/// One Lambda event through the router.
async fn answer(router: axum::Router, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    if body.len() > BODY_LIMIT {
        return refused(413, TOO_LARGE);
    }
    let request = AxumRequest::from_parts(parts, axum::body::Body::from(body.to_vec()));
    let (parts, body) = match router.oneshot(request).await {
        Ok(response) => response.into_parts(),
        Err(never) => match never {},
    };
    match body.collect().await {
        Ok(collected) => Response::from_parts(parts, text_or_binary(&collected.to_bytes())),
        Err(_) => plain(503, COULD_NOT),
    }
}

fn text_or_binary(bytes: &[u8]) -> Body {
    match std::str::from_utf8(bytes) {
        Ok(text) => Body::from(text),
        Err(_) => Body::from(bytes.to_vec()),
    }
}
