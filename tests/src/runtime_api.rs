//! A function as Lambda runs it: its own binary asks the Runtime API for an event, is given its
//! sample, and answers (<https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>).

use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

use crate::{Log, Stack, function_with, samples};

/// The id that Lambda gives the one event.
pub const REQUEST_ID: &str = "5d5c5b5a";

/// How long a function may take, on a busy machine, to ask and to answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a function did from being spawned to answering its event.
#[derive(Debug)]
pub struct Invoked {
    /// Its answer.
    pub answer: Value,
    /// The line it logged about that.
    pub line: Value,
    /// All it logged.
    pub log: Log,
    /// Until it asked for its first event.
    pub to_poll: Duration,
    /// Until its answer had come.
    pub to_answer: Duration,
    /// The most memory it has held, in kilobytes; not known everywhere.
    pub peak_kilobytes: Option<u64>,
}

#[derive(Clone)]
struct Api {
    event: String,
    polls: UnboundedSender<Instant>,
    answers: UnboundedSender<(Instant, String)>,
}

/// Gives the event to the first who asks; whoever asks again waits until the environment ends.
async fn next(State(api): State<Api>) -> impl IntoResponse {
    if api.polls.send(Instant::now()).is_err() {
        std::future::pending::<()>().await;
    }
    let headers = [
        ("Lambda-Runtime-Aws-Request-Id", REQUEST_ID),
        ("Lambda-Runtime-Deadline-Ms", "4102444800000"),
        (
            "Lambda-Runtime-Invoked-Function-Arn",
            "arn:aws:lambda:local:0:function:sample",
        ),
    ];
    (headers, api.event)
}

async fn answered(State(api): State<Api>, body: String) {
    // Whoever invoked may have given up.
    drop(api.answers.send((Instant::now(), body)));
}

async fn first<T>(name: &str, what: &str, of: &mut UnboundedReceiver<T>) -> T {
    let came = timeout(PATIENCE, of.recv()).await;
    came.unwrap_or_else(|_| panic!("{name} has not {what}"))
        .unwrap()
}

/// Runs a function's binary in a stack's environment and gives it its sample.
pub async fn invoke(stack: &Stack, name: &str) -> Invoked {
    invoke_with(stack, name, &samples::event(name), &[]).await
}

/// Runs a function's binary in a stack's environment, with some variables changed, and gives it an
/// event.
pub async fn invoke_with(
    stack: &Stack,
    name: &str,
    event: &Value,
    changed: &[(&str, &str)],
) -> Invoked {
    let (polls, mut polled) = unbounded_channel();
    let (answers, mut answer) = unbounded_channel();
    let api = Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route(
            "/2018-06-01/runtime/invocation/{id}/response",
            post(answered),
        )
        .with_state(Api {
            event: event.to_string(),
            polls,
            answers,
        });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let served = tokio::spawn(async move { axum::serve(listener, api).await });
    let began = Instant::now();
    let (running, log) = function_with(name, stack, &address, changed);
    let poll = first(name, "asked for an event", &mut polled).await;
    drop(polled);
    let (end, body) = first(name, "answered its event", &mut answer).await;
    let peak_kilobytes = peak_kilobytes(running.0.id());
    drop(running);
    served.abort();
    Invoked {
        answer: serde_json::from_str(&body).unwrap(),
        line: log.line(|line| line["function"] == name),
        log,
        to_poll: poll - began,
        to_answer: end - began,
        peak_kilobytes,
    }
}

/// The most memory that a running process has held, in kilobytes; not known everywhere.
pub fn peak_kilobytes(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}
