//! Each function's own binary, run as Lambda runs it: it asks the Runtime API for an event, is
//! given the sample from `tests/events/`, and answers
//! (<https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>).

#![expect(clippy::unwrap_used, reason = "a test may stop where it stands")]

use std::path::Path;

use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use pesan_tests::{Stack, function};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

async fn next(
    State((event, _)): State<(String, UnboundedSender<Value>)>,
) -> ([(&'static str, String); 3], String) {
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

async fn answered(State((_, answers)): State<(String, UnboundedSender<Value>)>, body: String) {
    // Later answers to the same event find nobody listening.
    drop(answers.send(serde_json::from_str(&body).unwrap()));
}

/// What the function's binary answers to its sample event.
async fn invoke(stack: &Stack, name: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("events");
    let event = std::fs::read_to_string(folder.join(format!("{name}.json"))).unwrap();
    let (sender, mut answers) = unbounded_channel();
    let api = Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route(
            "/2018-06-01/runtime/invocation/{id}/response",
            post(answered),
        )
        .with_state((event, sender));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let served = tokio::spawn(async move { axum::serve(listener, api).await });
    let _function = function(name, stack, &address);
    let answer = answers.recv().await.unwrap();
    served.abort();
    answer
}

#[tokio::test]
async fn telegram_webhook_answers_its_sample() {
    let stack = Stack::start();
    let answer = invoke(&stack, "telegram-webhook").await;
    assert_eq!(answer["statusCode"], 200, "{answer}");
    let reply: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    assert_eq!(reply["method"], "sendMessage");
    assert!(reply["text"].as_str().unwrap().starts_with("Halo Budi!"));
}

#[tokio::test]
async fn midtrans_notification_answers_its_sample() {
    let stack = Stack::start();
    // Genuinely signed, for an order that nobody made.
    let answer = invoke(&stack, "midtrans-notification").await;
    assert_eq!(answer["statusCode"], 404, "{answer}");
}

#[tokio::test]
async fn web_answers_its_sample() {
    let stack = Stack::start();
    let answer = invoke(&stack, "web").await;
    assert_eq!(answer["statusCode"], 200, "{answer}");
    assert!(
        answer["body"]
            .as_str()
            .unwrap()
            .contains("Jaya Gadget Servis")
    );
}
