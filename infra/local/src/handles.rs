//! The handles of DESIGN section 7 that are the stack's own: clock, idle, schedules, queues.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use jiff::Timestamp;
use pesan_sandbox::Sandbox;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::clock::{Turnable, parse_advance};
use crate::database::Embedded;
use crate::invoke::Environments;
use crate::path::MessagePath;

/// How long a turn of the clock waits at a stop for the stack to be idle.
const STOP_PATIENCE: Duration = Duration::from_secs(30);
/// How often due rows are woken at one stop: an end to what would wake itself for ever.
const MOST_WAKES: usize = 100;
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// What the handles look at.
#[derive(Clone)]
pub struct Handles {
    /// The clock.
    pub clock: Turnable,
    /// The stand-ins.
    pub sandbox: Sandbox,
    /// The functions.
    pub environments: Environments,
    /// Streams, the bus, queues and schedules.
    pub path: MessagePath,
    /// Where due rows are.
    pub database: Embedded,
    /// Held while the clock is turned.
    pub turning: Arc<tokio::sync::Mutex<()>>,
}

impl Handles {
    /// Their paths.
    pub fn router(self) -> Router {
        Router::new()
            .route("/sandbox/clock", get(read).post(turn))
            .route("/sandbox/idle", post(idle))
            .route("/sandbox/schedules", get(schedules))
            .route("/sandbox/schedules/{name}", post(fire))
            .route("/sandbox/queues", get(queues))
            .route("/sandbox/queues/{name}", get(messages))
            .route("/sandbox/queues/{name}/redrive", post(redrive))
            .with_state(self)
    }

    /// Does what became due by the passing of time, for as long as the process lives.
    pub fn spawn_ticker(&self) {
        let handles = self.clone();
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval(Duration::from_secs(1));
            loop {
                ticks.tick().await;
                // While the clock is turned, the turn does it, in order.
                let Ok(_turn) = handles.turning.try_lock() else {
                    continue;
                };
                handles.run_due().await;
                handles.path.schedules.run_due().await;
            }
        });
    }

    async fn run_due(&self) {
        self.sandbox.run_due().await;
        self.path.run_due().await;
    }

    fn depths(&self) -> Value {
        let mut depths = self.path.depths().report();
        if let Some(fields) = depths.as_object_mut() {
            fields.insert("invocations".to_owned(), json!(self.environments.running()));
            fields.insert("webhooks".to_owned(), json!(self.sandbox.in_flight()));
        }
        depths
    }

    fn is_idle(&self) -> bool {
        let moves = self.path.moves();
        self.environments.running() == 0
            && self.sandbox.in_flight() == 0
            && self.path.depths().are_none()
            // Again: a webhook may have begun where the first look was over.
            && self.environments.running() == 0
            && self.path.moves() == moves
    }

    async fn is_idle_within(&self, patience: Duration) -> bool {
        let deadline = Instant::now().checked_add(patience);
        while !self.is_idle() {
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return false;
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        true
    }

    /// Stops at everything that is due on the way, in order.
    async fn turn_to(&self, instant: Timestamp) -> anyhow::Result<()> {
        let _turn = self.turning.lock().await;
        while let Some(stop) = self.next_stop()?.filter(|stop| *stop <= instant) {
            if stop > self.clock.now() {
                self.clock.set(stop)?;
            }
            self.settle().await?;
            anyhow::ensure!(
                self.sandbox.next_due() != Some(stop),
                "what is due at {stop} is not done"
            );
        }
        if instant > self.clock.now() {
            self.clock.set(instant)?;
        }
        self.settle().await?;
        self.path.schedules.run_due().await;
        self.is_idle_within(STOP_PATIENCE).await;
        Ok(())
    }

    fn next_stop(&self) -> anyhow::Result<Option<Timestamp>> {
        let due_row = self.database.next_due(self.clock.now())?;
        let stops = [self.sandbox.next_due(), self.path.next_due(), due_row];
        Ok(stops.into_iter().flatten().min())
    }

    /// Does what is due now, and what comes of it; due rows are woken for as long as that changes
    /// which there are.
    async fn settle(&self) -> anyhow::Result<()> {
        self.run_due().await;
        self.is_idle_within(STOP_PATIENCE).await;
        let mut last = Vec::new();
        for _ in 0..MOST_WAKES {
            let due = self.database.due(self.clock.now())?;
            if due.is_empty() || due == last {
                return Ok(());
            }
            last = due;
            self.path.schedules.reconcile().await;
            self.is_idle_within(STOP_PATIENCE).await;
        }
        Ok(())
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Turn {
    set: Option<String>,
    advance: Option<String>,
}

#[derive(Deserialize)]
struct Patience {
    within_ms: Option<u64>,
}

async fn read(State(handles): State<Handles>) -> Json<Value> {
    Json(json!({"now": handles.clock.now().to_string()}))
}

async fn turn(State(handles): State<Handles>, Json(turn): Json<Turn>) -> Response {
    match turn_clock(&handles, &turn).await {
        Ok(()) => read(State(handles)).await.into_response(),
        Err(error) => bad(format!("{error:#}")),
    }
}

async fn turn_clock(handles: &Handles, turn: &Turn) -> anyhow::Result<()> {
    let now = handles.clock.now();
    let instant = match (&turn.set, &turn.advance) {
        (Some(set), None) => set
            .parse()
            .map_err(|error| anyhow::anyhow!("set: no instant with its offset: {error}"))?,
        (None, Some(advance)) => now.checked_add(parse_advance(advance)?)?,
        _ => anyhow::bail!("give either set or advance"),
    };
    anyhow::ensure!(
        instant >= now,
        "the clock does not turn backwards: it is {now}"
    );
    handles.turn_to(instant).await
}

async fn idle(State(handles): State<Handles>, body: Option<Json<Patience>>) -> Response {
    let within = body.and_then(|Json(body)| body.within_ms).unwrap_or(10_000);
    let idle = handles
        .is_idle_within(Duration::from_millis(within.min(60_000)))
        .await;
    let status = if idle {
        StatusCode::OK
    } else {
        StatusCode::REQUEST_TIMEOUT
    };
    (status, Json(handles.depths())).into_response()
}

async fn schedules(State(handles): State<Handles>) -> Json<Value> {
    Json(json!(handles.path.schedules.names()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fire {
    scheduled_at: Option<Timestamp>,
}

async fn fire(
    State(handles): State<Handles>,
    Path(name): Path<String>,
    body: axum::body::Bytes,
) -> Response {
    let fire = match body.as_ref() {
        [] => Ok(Fire { scheduled_at: None }),
        body => serde_json::from_slice(body),
    };
    let scheduled_at = match fire {
        Ok(fire) => fire.scheduled_at.unwrap_or_else(|| handles.clock.now()),
        Err(error) => return bad(format!("scheduled_at: {error}")),
    };
    if handles.path.schedules.fire(&name, scheduled_at).await {
        Json(json!({"name": name, "scheduled_at": scheduled_at.to_string()})).into_response()
    } else {
        missing(format!("there is no schedule {name}"))
    }
}

async fn queues(State(handles): State<Handles>) -> Json<Value> {
    Json(handles.path.queues.report())
}

async fn messages(State(handles): State<Handles>, Path(name): Path<String>) -> Response {
    match handles.path.queues.messages(&name) {
        Some(messages) => Json(messages).into_response(),
        None => missing(format!("there is no queue {name}")),
    }
}

async fn redrive(State(handles): State<Handles>, Path(name): Path<String>) -> Response {
    match handles.path.queues.redrive(&name) {
        Some(count) => Json(json!({"messages": count})).into_response(),
        None => missing(format!("there is no queue {name} with dead letters")),
    }
}

fn missing(error: String) -> Response {
    (StatusCode::NOT_FOUND, Json(json!({"error": error}))).into_response()
}

fn bad(error: String) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({"error": error}))).into_response()
}
