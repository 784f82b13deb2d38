//! What an answer costs on this machine: `cargo bench -p pesan-tests --bench figures`, after
//! `cargo build --release --workspace`. Speed is measured here and asserted nowhere.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a bench may stop where it stands, and prints"
)]

use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use pesan_tests::{Stack, TELEGRAM_SECRET, function, function_size, notification};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::mpsc::unbounded_channel;

const UPDATES: usize = 1000;
const STARTS: usize = 20;

fn report(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |share: usize| times[(times.len() - 1) * share / 100];
    println!(
        "{what:<40} n {:<5} median {:>8.2?}  p99 {:>8.2?}  most {:>8.2?}",
        times.len(),
        at(50),
        at(99),
        at(100)
    );
}

async fn updates(stack: &Stack) {
    let mut times = Vec::new();
    for id in 0..UPDATES {
        let body = json!({"update_id": id, "message": {
            "message_id": id, "date": 1, "text": "/order",
            "from": {"id": id % 50, "first_name": "Budi", "language_code": "id"},
            "chat": {"id": id % 50, "type": "private"},
        }});
        let begun = Instant::now();
        let answer = stack.update(Some(TELEGRAM_SECRET), &body).await;
        times.push(begun.elapsed());
        assert_eq!(answer.status(), 200);
    }
    report("an update (/order)", times);
}

async fn notifications(stack: &Stack) {
    let mut times = Vec::new();
    let mut bookings = Vec::new();
    for day in 2..=26 {
        for (chat, slot) in [(1, "09.00"), (2, "12.00"), (3, "15.00"), (4, "18.00")] {
            let customer = stack.customer(chat);
            customer.summary(&format!("{day:02}/12/2026"), slot).await;
            bookings.push(customer.press("Book Now").await.code().unwrap());
        }
    }
    for code in &bookings {
        stack
            .bank(
                code,
                json!({"do": "pay", "method": "bca_va", "notify": false}),
            )
            .await;
        let transaction = stack.transaction(code).await.unwrap();
        let id = transaction["transaction_id"].as_str().unwrap();
        let body = notification(code, id, "settlement", "200", "70000.00");
        let begun = Instant::now();
        let answer = stack.notify(&body).await;
        times.push(begun.elapsed());
        assert_eq!(answer.status(), 200);
    }
    report("a notification that pays, with receipt", times);
}

/// From spawning a function's binary to its first question for an event.
async fn starts(stack: &Stack, name: &str) {
    let mut times = Vec::new();
    for _ in 0..STARTS {
        let (sender, mut asked) = unbounded_channel();
        let api = Router::new().route(
            "/2018-06-01/runtime/invocation/next",
            get(move || {
                sender.send(Instant::now()).unwrap();
                std::future::pending::<()>()
            }),
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let served = tokio::spawn(async move { axum::serve(listener, api).await });
        let begun = Instant::now();
        let running = function(name, stack, &address);
        times.push(asked.recv().await.unwrap() - begun);
        drop(running);
        served.abort();
    }
    report(&format!("{name}: spawn to first poll"), times);
    println!("{name}: {} bytes", function_size(name));
}

#[tokio::main]
async fn main() {
    let stack = Stack::start();
    updates(&stack).await;
    notifications(&stack).await;
    for name in ["telegram-webhook", "midtrans-notification", "web"] {
        starts(&stack, name).await;
    }
}
