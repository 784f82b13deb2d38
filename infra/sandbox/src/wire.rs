//! What every stand-in shares with the caller's own proxies: a journal of the calls that came
//! in, and faults on order.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Serialize;
use serde_json::{Value, json};

use crate::refuse;
use crate::store::locked;

mod fault;

use fault::{Fault, Kind, VENDORS};

const MOST_BYTES: usize = 8 << 20;
const MOST_CALLS: usize = 20_000;

/// The journal and the faults. A clone is the same one.
#[derive(Clone)]
pub struct Wire(Arc<Mutex<Inner>>);

/// A request's extension, set where the call came out of a function's invocation: a `kill_…`
/// fault ends that invocation.
#[derive(Clone)]
pub struct KillSwitch(pub Arc<dyn Fn() + Send + Sync>);

/// A request's extension: the function whose invocation the call came out of.
#[derive(Clone, Debug)]
pub struct CalledBy(pub String);

/// A response's extension: the server closes the connection and answers nothing.
#[derive(Clone, Copy, Debug)]
pub struct CloseConnection;

/// A request's extension: the call is to be done in part, as the fault `partial` says.
#[derive(Clone, Copy, Debug)]
pub struct PartialFailure;

/// How a step that is no call over HTTP fails on order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trip {
    /// It was not done.
    Before,
    /// It was done, and its doer does not know.
    After,
}

struct Inner {
    /// The journals tell times from here.
    began: Instant,
    calls: HashMap<&'static str, VecDeque<Call>>,
    count: u64,
    faults: Vec<Fault>,
}

#[derive(Clone, Serialize)]
struct Call {
    #[serde(skip)]
    number: u64,
    /// When it came, in microseconds of real time since the stack began.
    at_us: u64,
    method: String,
    path: String,
    op: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    function: Option<String>,
    status: Option<u16>,
    body: Value,
}

impl Wire {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Inner {
            began: Instant::now(),
            calls: HashMap::new(),
            count: 0,
            faults: Vec::new(),
        })))
    }

    pub(crate) fn routes(&self) -> Router {
        Router::new()
            .route("/sandbox/log/{vendor}", get(log))
            .route("/sandbox/faults", post(order).delete(clear))
            .with_state(self.clone())
    }

    /// Puts the journal and the faults before a router. A body is held whole, up to 8 MB.
    pub fn guard(&self, vendor: &'static str, router: Router) -> Router {
        let wire = self.clone();
        router.layer(DefaultBodyLimit::disable()).layer(from_fn(
            move |request: Request, next: Next| {
                let wire = wire.clone();
                async move { wire.pass(vendor, request, next).await }
            },
        ))
    }

    /// Whether a step of the caller's own, which is no call over HTTP, is to fail.
    pub fn trip(&self, vendor: &str, op: &str) -> Option<Trip> {
        Some(match self.take(vendor, op)? {
            Kind::TimeoutAfter | Kind::KillAfter => Trip::After,
            _ => Trip::Before,
        })
    }

    async fn pass(self, vendor: &'static str, request: Request, next: Next) -> Response {
        let (parts, body) = request.into_parts();
        let Ok(body) = axum::body::to_bytes(body, MOST_BYTES).await else {
            return StatusCode::PAYLOAD_TOO_LARGE.into_response();
        };
        let op = operation(&parts.headers, parts.uri.path());
        let number = self.note(vendor, &parts, &op, &body);
        let fault = self.take(vendor, &op);
        let kill = || {
            if let Some(KillSwitch(kill)) = parts.extensions.get::<KillSwitch>() {
                kill();
            }
        };
        let inner = |parts: axum::http::request::Parts, body: Bytes| {
            next.run(Request::from_parts(parts, Body::from(body)))
        };
        let response = match fault {
            None => inner(parts, body).await,
            Some(Kind::TimeoutBefore) => closed(),
            Some(Kind::KillBefore) => {
                kill();
                closed()
            }
            Some(Kind::TimeoutAfter) => {
                drop(inner(parts, body).await);
                closed()
            }
            Some(Kind::KillAfter) => {
                drop(inner(parts.clone(), body).await);
                kill();
                closed()
            }
            Some(Kind::Partial) => {
                let mut parts = parts;
                parts.extensions.insert(PartialFailure);
                inner(parts, body).await
            }
            Some(kind) => fault::answer(vendor, &kind, &op, parts.uri.path(), &body),
        };
        if response.extensions().get::<CloseConnection>().is_none() {
            self.answered(vendor, number, response.status().as_u16());
        }
        response
    }

    /// Begins the journals anew: what came before was the stack's own preparation.
    pub fn begin_journals(&self) {
        locked(&self.0).calls.clear();
    }

    fn note(
        &self,
        vendor: &'static str,
        parts: &axum::http::request::Parts,
        op: &str,
        body: &Bytes,
    ) -> u64 {
        let body = serde_json::from_slice(body)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(body).into_owned()));
        let path = parts.uri.path_and_query().map(|path| path.as_str());
        let mut inner = locked(&self.0);
        inner.count += 1;
        let number = inner.count;
        let at_us = u64::try_from(inner.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        let calls = inner.calls.entry(vendor).or_default();
        calls.push_back(Call {
            number,
            at_us,
            method: parts.method.to_string(),
            path: path.unwrap_or_default().to_owned(),
            op: op.to_owned(),
            function: parts.extensions.get().map(|CalledBy(name)| name.clone()),
            status: None,
            body,
        });
        if calls.len() > MOST_CALLS {
            calls.pop_front();
        }
        number
    }

    fn answered(&self, vendor: &'static str, number: u64, status: u16) {
        let mut inner = locked(&self.0);
        let calls = inner.calls.entry(vendor).or_default();
        if let Ok(place) = calls.binary_search_by_key(&number, |call| call.number)
            && let Some(call) = calls.get_mut(place)
        {
            call.status = Some(status);
        }
    }

    /// The first order for this call that has nothing left to let through.
    fn take(&self, vendor: &str, op: &str) -> Option<Kind> {
        let mut inner = locked(&self.0);
        for place in 0..inner.faults.len() {
            let Some(fault) = inner.faults.get_mut(place) else {
                break;
            };
            if !fault.is_for(vendor, op) {
                continue;
            }
            if !fault.meets() {
                continue;
            }
            let kind = fault.kind.clone();
            if fault.times == 0 {
                inner.faults.remove(place);
            }
            return Some(kind);
        }
        None
    }
}

fn closed() -> Response {
    let mut response = StatusCode::BAD_GATEWAY.into_response();
    response.extensions_mut().insert(CloseConnection);
    response
}

/// The AWS operation, else the path's last segment.
fn operation(headers: &HeaderMap, path: &str) -> String {
    let target = headers
        .get("x-amz-target")
        .and_then(|value| value.to_str().ok());
    match target {
        Some(target) => target.rsplit('.').next(),
        None => path.trim_end_matches('/').rsplit('/').next(),
    }
    .unwrap_or_default()
    .to_owned()
}

async fn log(State(wire): State<Wire>, Path(vendor): Path<String>) -> Response {
    if !VENDORS.contains(&vendor.as_str()) {
        return refuse(StatusCode::NOT_FOUND, format!("no vendor {vendor}"));
    }
    let calls = locked(&wire.0).calls.get(vendor.as_str()).cloned();
    Json(calls.unwrap_or_default()).into_response()
}

async fn order(State(wire): State<Wire>, body: Bytes) -> Response {
    let fault = serde_json::from_slice(&body)
        .map_err(|error| format!("not JSON: {error}"))
        .and_then(|body: Value| Fault::read(&body));
    match fault {
        Err(error) => refuse(StatusCode::BAD_REQUEST, error),
        Ok(fault) => {
            if fault.times > 0 {
                locked(&wire.0).faults.push(fault);
            }
            Json(json!({"ok": true})).into_response()
        }
    }
}

async fn clear(State(wire): State<Wire>) -> Response {
    let left = std::mem::take(&mut locked(&wire.0).faults);
    let unmet = left
        .iter()
        .fold(0_u64, |sum, fault| sum.saturating_add(fault.times));
    Json(json!({"ok": true, "unmet": unmet})).into_response()
}

#[cfg(test)]
mod tests;
