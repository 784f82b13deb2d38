//! Each function's own binary, run as Lambda runs it: it is given the sample event from
//! `tests/events/`, and answers.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands"
)]

mod runtime_api;

use pesan_tests::Stack;
use runtime_api::{invoke, sample};
use serde_json::Value;

/// What the function's binary answers to its sample event. It logs one line, under Lambda's id.
async fn answer(stack: &Stack, name: &str) -> Value {
    let (answer, line, _) = invoke(stack, name, &sample(name), &[]).await;
    assert_eq!(line["request_id"], "5d5c5b5a");
    assert_eq!(line["status"], answer["statusCode"]);
    answer
}

#[tokio::test]
async fn telegram_webhook_answers_its_sample() {
    let stack = Stack::start();
    let answer = answer(&stack, "telegram-webhook").await;
    assert_eq!(answer["statusCode"], 200, "{answer}");
    let reply: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    assert_eq!(reply["method"], "sendMessage");
    assert!(reply["text"].as_str().unwrap().starts_with("Halo Budi!"));
}

#[tokio::test]
async fn midtrans_notification_answers_its_sample() {
    let stack = Stack::start();
    // Genuinely signed, for an order that nobody made.
    let answer = answer(&stack, "midtrans-notification").await;
    assert_eq!(answer["statusCode"], 404, "{answer}");
}

#[tokio::test]
async fn web_answers_its_sample() {
    let stack = Stack::start();
    let answer = answer(&stack, "web").await;
    assert_eq!(answer["statusCode"], 200, "{answer}");
    assert!(
        answer["body"]
            .as_str()
            .unwrap()
            .contains("Jaya Gadget Servis")
    );
}
