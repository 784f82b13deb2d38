//! What every function repeats and no business word belongs to: the variables it is configured
//! by, its log, the shape of its handler, and the guards every HTTP endpoint starts with.

pub mod batch;
mod env;
mod events;
pub mod http;
pub mod json;
pub mod telemetry;

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::process::ExitCode;

pub use ::http::HeaderValue;
pub use env::{Env, MissingVariable};
pub use events::{EventHandler, Invocation, InvocationFailed, event_handler, serve_events};
use futures_util::FutureExt as _;
pub use lambda_http::{Body, Request, Response};
use tower::util::BoxCloneService;
use tracing::Instrument as _;

/// A function as the runtime and the local stack call it: one HTTP request in, one answer out.
pub type Handler = BoxCloneService<Request, Response<Body>, Infallible>;

/// Makes a [`Handler`] of the function named `function` from an async function over a request. A
/// panic in it is answered with 503 and ends nothing but its own request.
pub fn handler<F, Fut>(function: &'static str, f: F) -> Handler
where
    F: FnMut(Request) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = Response<Body>> + Send + 'static,
{
    BoxCloneService::new(tower::service_fn(move |request| {
        let span = telemetry::span(
            function,
            telemetry::request_id(&request).unwrap_or_default(),
        );
        let mut f = f.clone();
        let answer = async move {
            let answer = caught(async move { f(request).await }).await;
            let answer = answer.unwrap_or_else(|| http::plain(503, http::COULD_NOT));
            tracing::Span::current().record("status", answer.status().as_u16());
            answer
        };
        let answer = answer.instrument(span);
        async move { Ok(answer.await) }
    }))
}

/// What a future comes to; nothing where it panicked, which is an alarm and ends nothing else.
pub async fn caught<T>(future: impl Future<Output = T>) -> Option<T> {
    let outcome = AssertUnwindSafe(future).catch_unwind().await;
    if outcome.is_err() {
        tracing::error!(kind = "panic", outcome = "caught", alarm = "panic");
    }
    outcome.ok()
}

/// Serves the handler that was made from Lambda's runtime API until the environment ends. What
/// kept it from being made, or the runtime from being reached, is the log's last line.
pub async fn serve<E: std::fmt::Display>(made: Result<Handler, E>) -> ExitCode {
    let handler = match made {
        Ok(handler) => handler,
        Err(error) => return failed(&error),
    };
    match lambda_http::run(handler).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

fn failed(error: &dyn std::fmt::Display) -> ExitCode {
    tracing::error!(kind = "start", outcome = "failed", error = %format_args!("{error:#}"));
    ExitCode::FAILURE
}

/// Sends the log to stdout, which is what CloudWatch reads.
pub fn init_log() {
    let env = Env::from_process();
    let namespace = env.optional("METRICS_NAMESPACE");
    telemetry::init(namespace.unwrap_or(telemetry::NAMESPACE), std::io::stdout);
}
