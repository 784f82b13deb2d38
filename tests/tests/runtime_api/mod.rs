//! A Runtime API that hands one event to a function's own binary
//! (<https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>).

use std::path::Path;

use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use pesan_tests::{Log, Stack, function_with};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

type Sender = UnboundedSender<Value>;

async fn next(State((event, _)): State<(String, Sender)>) -> ([(&'static str, String); 3], String) {
    let headers = [
        ("Lambda-Runtime-Aws-Request-Id", "5d5c5b5a".to_owned()),
        ("Lambda-Runtime-Deadline-Ms", "4102444800000".to_owned()),
        (
            "Lambda-Runtime-Invoked-Function-Arn",
            "arn:aws:lambda:local:0:function:sample".to_owned(),
        ),
    ];
    (headers, event)
}

async fn answered(State((_, answers)): State<(String, Sender)>, body: String) {
    // Later answers to the same event find nobody listening.
    drop(answers.send(serde_json::from_str(&body).unwrap()));
}

/// The sample event of a function.
pub fn sample(name: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("events");
    let event = std::fs::read_to_string(folder.join(format!("{name}.json"))).unwrap();
    serde_json::from_str(&event).unwrap()
}

/// What a function's binary answers to an event in a stack's environment with some variables
/// changed, its line about that, and all it logged.
pub async fn invoke(
    stack: &Stack,
    name: &str,
    event: &Value,
    changed: &[(&str, &str)],
) -> (Value, Value, Log) {
    let (sender, mut answers) = unbounded_channel();
    let api = Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route(
            "/2018-06-01/runtime/invocation/{id}/response",
            post(answered),
        )
        .with_state((event.to_string(), sender));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let served = tokio::spawn(async move { axum::serve(listener, api).await });
    let (function, log) = function_with(name, stack, &address, changed);
    let answer = answers.recv().await.unwrap();
    served.abort();
    let line = log.line(|line| line["function"] == name);
    drop(function);
    (answer, line, log)
}
