//! Functions that are called by streams, queues and schedules: an event in, an answer out, or the
//! news that the invocation failed and is to be tried again.

use std::panic::AssertUnwindSafe;
use std::process::ExitCode;

use futures_util::FutureExt as _;
use lambda_http::lambda_runtime::{LambdaEvent, service_fn};
use serde_json::Value;
use tower::ServiceExt as _;
use tower::util::BoxCloneService;
use tracing::Instrument as _;

use crate::{failed, telemetry};

/// One event, as whoever sends it writes it.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// What happened.
    pub event: Value,
    /// Lambda's id of the invocation.
    pub request_id: String,
}

/// The invocation failed as a whole: its sender tries again. What failed is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the invocation failed")]
pub struct InvocationFailed;

/// A function as the runtime and the local stack call it.
pub type EventHandler = BoxCloneService<Invocation, Value, InvocationFailed>;

/// Makes an [`EventHandler`] of the function named `function`. A panic in it fails nothing but its
/// own invocation.
pub fn event_handler<F, Fut>(function: &'static str, f: F) -> EventHandler
where
    F: FnMut(Value) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = Result<Value, InvocationFailed>> + Send + 'static,
{
    BoxCloneService::new(tower::service_fn(move |invocation: Invocation| {
        let span = telemetry::span(function, &invocation.request_id);
        let mut f = f.clone();
        let answer = async move {
            let caught = AssertUnwindSafe(async move { f(invocation.event).await }).catch_unwind();
            let answer = caught.await.unwrap_or_else(|_| {
                tracing::error!(kind = "panic", outcome = "caught", alarm = "panic");
                Err(InvocationFailed)
            });
            let status: u16 = if answer.is_ok() { 200 } else { 500 };
            tracing::Span::current().record("status", status);
            answer
        };
        answer.instrument(span)
    }))
}

/// Serves the handler that was made from Lambda's runtime API until the environment ends.
pub async fn serve_events<E: std::fmt::Display>(made: Result<EventHandler, E>) -> ExitCode {
    let handler = match made {
        Ok(handler) => handler,
        Err(error) => return failed(&error),
    };
    let service = service_fn(move |event: LambdaEvent<Value>| {
        let invoked = handler.clone().oneshot(Invocation {
            event: event.payload,
            request_id: event.context.request_id,
        });
        async move { invoked.await.map_err(lambda_http::Error::from) }
    });
    match lambda_http::lambda_runtime::run(service).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}
