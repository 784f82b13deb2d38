//! What every function repeats and no business word belongs to: the variables it is configured
//! by, its log, the shape of its handler, and the guards every HTTP endpoint starts with.

mod env;
pub mod http;
pub mod json;

use std::convert::Infallible;

pub use env::{Env, MissingVariable};
pub use lambda_http::{Body, Error, Request, Response};
use tower::util::BoxCloneService;

/// A function as the runtime and the local stack call it: one HTTP request in, one answer out.
pub type Handler = BoxCloneService<Request, Response<Body>, Infallible>;

/// Makes a [`Handler`] from an async function over a request.
pub fn handler<F, Fut>(f: F) -> Handler
where
    F: FnMut(Request) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = Response<Body>> + Send + 'static,
{
    let mut f = f;
    BoxCloneService::new(tower::service_fn(move |request| {
        let answer = f(request);
        async move { Ok(answer.await) }
    }))
}

/// Serves `handler` from Lambda's runtime API until the environment ends.
///
/// # Errors
/// What the runtime reports when its API cannot be reached.
pub async fn run(handler: Handler) -> Result<(), Error> {
    lambda_http::run(handler).await
}

/// Sends the log to stdout as one JSON object a line, which is what CloudWatch reads.
pub fn init_log() {
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_max_level(tracing::Level::INFO)
        .init();
}
