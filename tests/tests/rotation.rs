//! Secrets that change while the functions run.

use std::time::{Duration, Instant};

use pesan_tests::payment::{OwnMidtrans, of_transaction};
use pesan_tests::{SERVER_KEY, Stack, TELEGRAM_SECRET, signature, text_update};
use serde_json::{Value, json};

const WEBHOOK_SECRET: &str = "merchants/demo/telegram-webhook-secret";
const MIDTRANS_KEY: &str = "merchants/demo/midtrans-server-key";

async fn update(stack: &Stack, secret: &str) -> u16 {
    let update = text_update(1, 1, "/start");
    stack.update(Some(secret), &update).await.status().into()
}

#[tokio::test]
async fn a_new_webhook_secret_is_taken_at_once_and_the_old_one_refused() {
    let stack = Stack::start();
    assert_eq!(update(&stack, TELEGRAM_SECRET).await, 200);
    stack.advance("31s").await;
    stack.put_parameter(WEBHOOK_SECRET, "the-next-secret").await;
    assert_eq!(update(&stack, "the-next-secret").await, 200);
    assert_eq!(update(&stack, TELEGRAM_SECRET).await, 401);
    stack.advance("31s").await;
    assert_eq!(update(&stack, TELEGRAM_SECRET).await, 401);
    assert_eq!(update(&stack, "the-next-secret").await, 200);
}

#[tokio::test]
async fn a_new_server_key_is_taken_at_once_and_the_old_one_refused() {
    let (midtrans, stack) = OwnMidtrans::start_with_stack();
    let booked = stack.customer(1).book("09.00").await;
    let signed_with = |key: &str, transaction: &str| -> Value {
        let mut body = of_transaction(&booked.code, transaction, "pending", "201");
        body["signature_key"] = json!(signature(&booked.code, "201", "70000.00", key));
        body
    };
    let body = signed_with(SERVER_KEY, "t-1");
    assert_eq!(midtrans.tells(&stack, &body).await, 200);
    stack.advance("31s").await;
    stack
        .put_parameter(MIDTRANS_KEY, "SB-Mid-server-next")
        .await;
    let next = signed_with("SB-Mid-server-next", "t-2");
    assert_eq!(midtrans.tells(&stack, &next).await, 200);
    let old = signed_with(SERVER_KEY, "t-3");
    assert_eq!(midtrans.tells(&stack, &old).await, 401);
}

#[tokio::test]
async fn a22_a_thousand_forged_requests_cost_one_read_of_the_secret() {
    let stack = Stack::start();
    assert_eq!(update(&stack, TELEGRAM_SECRET).await, 200);
    stack.advance("31s").await;
    let began = Instant::now();
    let before = stack.count("ssm", None).await;
    for nth in 0..1_000 {
        assert_eq!(update(&stack, &format!("forged-{nth}")).await, 401);
    }
    let reads = stack.count("ssm", None).await - before;
    // The clock stands but for the time that passes by itself.
    let passed = began.elapsed().as_secs() / 5;
    assert!(
        (1..=1 + passed).contains(&u64::try_from(reads).unwrap()),
        "{reads} reads"
    );
    assert!(began.elapsed() < Duration::from_secs(120));
}

#[tokio::test]
async fn what_cannot_be_read_anew_is_503_and_read_no_more_for_a_while() {
    let stack = Stack::start();
    assert_eq!(update(&stack, TELEGRAM_SECRET).await, 200);
    stack.put_parameter(WEBHOOK_SECRET, "the-next-secret").await;
    stack.advance("31s").await;
    stack
        .fault(json!({"at": "ssm", "fault": "http_500", "times": 100}))
        .await;
    assert_eq!(update(&stack, "the-next-secret").await, 503);
    let asked = stack.count("ssm", None).await;
    assert_eq!(update(&stack, "the-next-secret").await, 401);
    assert_eq!(stack.count("ssm", None).await, asked);
    stack.end_faults().await;
    stack.advance("31s").await;
    assert_eq!(update(&stack, "the-next-secret").await, 200);
}
