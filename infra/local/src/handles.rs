//! The handles of DESIGN section 7 that are the stack's own: clock, idle, schedules, queues.

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
use crate::invoke::Environments;

/// How long a turn of the clock waits at a stop for the stack to be idle.
const STOP_PATIENCE: Duration = Duration::from_secs(30);
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
}

impl Handles {
    /// Their paths.
    pub fn router(self) -> Router {
        Router::new()
            .route("/sandbox/clock", get(read).post(turn))
            .route("/sandbox/idle", post(idle))
            .route("/sandbox/schedules", get(|| async { Json(json!([])) }))
            .route("/sandbox/schedules/{name}", post(no_schedule))
            .route("/sandbox/queues", get(|| async { Json(json!([])) }))
            .with_state(self)
    }

    /// Does what became due by the passing of time, for as long as the process lives.
    pub fn spawn_ticker(&self) {
        let sandbox = self.sandbox.clone();
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval(Duration::from_secs(1));
            loop {
                ticks.tick().await;
                sandbox.run_due().await;
            }
        });
    }

    fn depths(&self) -> Value {
        json!({
            "invocations": self.environments.running(),
            "webhooks": self.sandbox.in_flight(),
        })
    }

    async fn is_idle_within(&self, patience: Duration) -> bool {
        let deadline = Instant::now().checked_add(patience);
        while self.environments.running() > 0 || self.sandbox.in_flight() > 0 {
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return false;
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        true
    }

    /// Stops at everything that is due on the way, in order.
    async fn turn_to(&self, instant: Timestamp) -> anyhow::Result<()> {
        while let Some(due) = self.sandbox.next_due().filter(|due| *due <= instant) {
            if due > self.clock.now() {
                self.clock.set(due)?;
            }
            self.sandbox.run_due().await;
            self.is_idle_within(STOP_PATIENCE).await;
            anyhow::ensure!(
                self.sandbox.next_due() != Some(due),
                "what is due at {due} is not done"
            );
        }
        if instant > self.clock.now() {
            self.clock.set(instant)?;
        }
        self.sandbox.run_due().await;
        self.is_idle_within(STOP_PATIENCE).await;
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

async fn no_schedule(Path(name): Path<String>) -> Response {
    let error = format!("there is no schedule {name}");
    (StatusCode::NOT_FOUND, Json(json!({"error": error}))).into_response()
}

fn bad(error: String) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({"error": error}))).into_response()
}
