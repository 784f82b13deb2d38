//! The listeners. A response marked [`CloseConnection`] is not sent: the connection ends, as it
//! does when a network loses an answer.

use axum::Router;
use axum::body::Body;
use axum::http::uri::PathAndQuery;
use axum::http::{Request, Response, Uri};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use pesan_sandbox::CloseConnection;
use tokio::net::TcpListener;
use tower::ServiceExt as _;

use crate::invoke::Environments;

/// Under which an environment's calls arrive, followed by its number.
pub const ENVIRONMENT_PREFIX: &str = "/_env/";

#[derive(Debug)]
struct Closed;

impl std::fmt::Display for Closed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("closed on purpose")
    }
}

impl std::error::Error for Closed {}

/// Serves `router` on `listener` for as long as the process lives.
pub fn spawn(listener: TcpListener, router: Router, environments: Environments) {
    tokio::spawn(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                continue;
            };
            let (router, environments) = (router.clone(), environments.clone());
            tokio::spawn(async move {
                let service = service_fn(move |request: Request<Incoming>| {
                    answer(router.clone(), environments.clone(), request)
                });
                let connection =
                    http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                if let Err(error) = connection.await {
                    tracing::debug!(kind = "connection", outcome = "closed", %error);
                }
            });
        }
    });
}

async fn answer(
    router: Router,
    environments: Environments,
    request: Request<Incoming>,
) -> Result<Response<Body>, Closed> {
    let request = from_environment(request.map(Body::new), &environments);
    let response = match router.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    match response.extensions().get::<CloseConnection>() {
        Some(_) => Err(Closed),
        None => Ok(response),
    }
}

/// Takes the environment's number off the path and lets faults kill its invocation.
fn from_environment(mut request: Request<Body>, environments: &Environments) -> Request<Body> {
    let Some((number, rest)) = request
        .uri()
        .path_and_query()
        .and_then(|path| path.as_str().strip_prefix(ENVIRONMENT_PREFIX))
        .map(|rest| rest.split_once('/').unwrap_or((rest, "")))
        .and_then(|(number, rest)| Some((number.parse().ok()?, format!("/{rest}"))))
    else {
        return request;
    };
    let mut parts = request.uri().clone().into_parts();
    parts.path_and_query = rest.parse::<PathAndQuery>().ok();
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
    if let Some((function, kill)) = environments.caller(number) {
        request.extensions_mut().insert(function);
        request.extensions_mut().insert(kill);
    }
    request
}
