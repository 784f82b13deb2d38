//! What stands before every operation that needs a key: who calls, how often, what they may, and
//! whether they asked the same before.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, IntoResponseParts, Response, ResponseParts};
use jiff::Timestamp;
use pesan_domain::api_key::{ApiKey, Scope};
use pesan_service::idempotency::{self, Answer, Begun, Outcome, Seed, digest};
use pesan_service::rate::{self, Passage};
use pesan_service::{App, api_keys};
use utoipa_axum::router::UtoipaMethodRouter;

use crate::LARGEST;
use crate::cursor::CursorKey;
use crate::openapi;
use crate::problem::{Kind, Problem};

/// Names the request among the caller's own.
pub(crate) const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// Says that an answer was given before.
pub(crate) const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// <https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/>
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// An answer larger than this is no row of the table.
const LARGEST_KEPT: usize = 300 * 1024;

/// Who calls: a live key that may do what the operation needs.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// Their key.
    pub key: ApiKey,
    /// What their cursors are sealed with.
    pub cursors: CursorKey,
}

/// What an operation makes the ids of what it makes of: under an `Idempotency-Key` the same for every
/// run of one request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seeded(pub Seed);

/// Put on an answer that changed nothing and opens something: a copy of the table must not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unkept;

impl IntoResponseParts for Unkept {
    type Error = Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Infallible> {
        parts.extensions_mut().insert(self);
        Ok(parts)
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // It is not there where the operation stands outside of the gate.
        let caller = parts.extensions.get::<Self>().cloned();
        caller.ok_or_else(|| Problem::unauthorized(false))
    }
}

impl<S: Sync> FromRequestParts<S> for Seeded {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let seed = parts.extensions.get::<Self>().copied();
        Ok(seed.unwrap_or_else(|| Self(Seed::fresh())))
    }
}

/// An operation that needs a key, and of it a scope where one is named; its documentation says so.
pub(crate) fn keyed(
    app: &Arc<App>,
    scope: Option<Scope>,
    operation: UtoipaMethodRouter<Arc<App>>,
) -> UtoipaMethodRouter<Arc<App>> {
    let (schemas, paths, methods) = operation;
    let path = paths
        .paths
        .keys()
        .next()
        .map(|path| Arc::from(path.as_str()));
    let gate = Gate {
        app: Arc::clone(app),
        scope,
        path,
    };
    let methods = methods.route_layer(from_fn_with_state(gate, pass));
    (schemas, openapi::keyed(paths, scope), methods)
}

/// What stands before one operation.
#[derive(Clone)]
struct Gate {
    app: Arc<App>,
    scope: Option<Scope>,
    /// For the log: with names in the place of ids.
    path: Option<Arc<str>>,
}

async fn pass(
    State(Gate { app, scope, path }): State<Gate>,
    request: Request,
    next: Next,
) -> Response {
    let caller = match recognised(&app, request.headers()).await {
        Ok(caller) => caller,
        Err(problem) => return problem.into_response(),
    };
    let key = &caller.key;
    tracing::info!(merchant = %key.merchant, key = %key.id, path = path.as_deref());
    let (rate, passage) = match rate::pass(&app, key).await {
        Ok(passage) => (key.rate, passage),
        Err(failure) => return Problem::from(failure).into_response(),
    };
    let policy = format!("\"key\";q={};w={}", rate.burst, rate.window());
    let standing = format!("\"key\";r={};t={}", passage.remaining, passage.full_in);
    let mut response = match allowed(&app, &caller, scope, passage) {
        Ok(()) => once(&app, caller, request, next).await,
        Err(problem) => problem.into_response(),
    };
    for (name, value) in [(RATE_LIMIT_POLICY, policy), (RATE_LIMIT, standing)] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

async fn recognised(app: &App, headers: &HeaderMap) -> Result<Caller, Problem> {
    let token = bearer(headers).ok_or_else(|| Problem::unauthorized(false))?;
    let key = api_keys::shown(app, token).await?;
    Ok(Caller {
        key,
        cursors: CursorKey::of(token),
    })
}

/// The token of a header that was sent once.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (value, None) = (values.next()?, values.next()) else {
        return None;
    };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim_matches(' '))
}

fn allowed(
    app: &App,
    caller: &Caller,
    scope: Option<Scope>,
    passage: Passage,
) -> Result<(), Problem> {
    if let Some(until) = passage.refused_until {
        let seconds = seconds_until(until, app.clock.now());
        let detail = format!(
            "the key may make {} requests a second, and {} at once after a rest: try again in \
             {seconds} s",
            caller.key.rate.per_second, caller.key.rate.burst
        );
        return Err(Problem::new(Kind::RateLimited, detail).after(seconds));
    }
    match scope {
        Some(scope) if !caller.key.may(scope) => Err(Problem::insufficient_scope(scope)),
        _ => Ok(()),
    }
}

/// Whole seconds, at least one.
fn seconds_until(until: Timestamp, now: Timestamp) -> u64 {
    let millis = until.duration_since(now).as_millis().max(1);
    u64::try_from(millis).unwrap_or(1).div_ceil(1_000)
}

/// Runs a write that names itself once, and answers it the same again.
async fn once(app: &App, caller: Caller, mut request: Request, next: Next) -> Response {
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD);
    let key = match idempotency_key(request.headers()) {
        Ok(key) => key.filter(|_| changes),
        Err(problem) => return problem.into_response(),
    };
    let merchant = caller.key.merchant.clone();
    request.extensions_mut().insert(caller);
    let Some(key) = key else {
        return next.run(request).await;
    };
    let (mut request, fingerprint) = match fingerprinted(request).await {
        Ok(read) => read,
        Err(problem) => return problem.into_response(),
    };
    let run = match idempotency::begin(app, &merchant, &key, fingerprint).await {
        Ok(Begun::Run(run)) => run,
        Ok(Begun::Answered(answer)) => return replayed(answer),
        Ok(Begun::Running { seconds }) => {
            let detail = format!(
                "a request with this Idempotency-Key is running: send it again in {seconds} s"
            );
            let problem = Problem::new(Kind::RequestInProgress, detail);
            return problem.after(seconds).into_response();
        }
        Ok(Begun::Other) => {
            let detail = "this Idempotency-Key was used for another request: use a fresh one";
            let kind = Kind::IdempotencyKeyReused;
            return Problem::at(kind, "Idempotency-Key", detail).into_response();
        }
        Err(failure) => return Problem::from(failure).into_response(),
    };
    request.extensions_mut().insert(Seeded(run.seed()));
    let (response, outcome) = judged(next.run(request).await).await;
    idempotency::finish(app, run, outcome).await;
    response
}

/// 1 to 255 visible characters, sent once.
fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default();
    let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
    if values.next().is_some() || !visible || !(1..=255).contains(&text.len()) {
        let detail = "Idempotency-Key: not 1 to 255 visible ASCII characters, sent once";
        return Err(Problem::at(Kind::InvalidField, "Idempotency-Key", detail));
    }
    Ok(Some(text.to_owned()))
}

/// The request with a hash of all that it asks for.
async fn fingerprinted(request: Request) -> Result<(Request, String), Problem> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, LARGEST).await;
    let body = body.map_err(|_| Problem::too_large(LARGEST))?;
    let target = parts.uri.path_and_query().map(|target| target.as_str());
    let fingerprint = digest(&[
        parts.method.as_str().as_bytes(),
        target.unwrap_or_default().as_bytes(),
        &body,
    ]);
    Ok((Request::from_parts(parts, Body::from(body)), fingerprint))
}

/// The response, and what it says of the run. A refusal did nothing; where something failed, what was
/// written before it is not known.
async fn judged(response: Response) -> (Response, Outcome) {
    let status = response.status();
    if !status.is_success() {
        let outcome = if status.is_client_error() {
            Outcome::Nothing
        } else {
            Outcome::Unknown
        };
        return (response, outcome);
    }
    if response.extensions().get::<Unkept>().is_some() {
        return (response, Outcome::Nothing);
    }
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await;
    let body = body.unwrap_or_else(|_| Bytes::new());
    let location = parts.headers.get(header::LOCATION);
    let location = location.and_then(|value| value.to_str().ok());
    let outcome = if body.len() <= LARGEST_KEPT {
        Outcome::Did(Answer {
            status: parts.status.as_u16(),
            location: location.map(str::to_owned),
            body: String::from_utf8_lossy(&body).into_owned(),
        })
    } else {
        Outcome::Unknown
    };
    (Response::from_parts(parts, Body::from(body)), outcome)
}

fn replayed(answer: Answer) -> Response {
    let Answer {
        status,
        location,
        body,
    } = answer;
    let has_body = !body.is_empty();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() =
        axum::http::StatusCode::from_u16(status).unwrap_or(axum::http::StatusCode::OK);
    let headers = response.headers_mut();
    if has_body {
        let json = HeaderValue::from_static("application/json");
        headers.insert(header::CONTENT_TYPE, json);
    }
    if let Some(location) = location.and_then(|text| HeaderValue::from_str(&text).ok()) {
        headers.insert(header::LOCATION, location);
    }
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    response
}
