//! What an answer and a start cost on this machine: `cargo build --release --workspace`, then
//! `cargo bench --workspace --bench figures`. Speed is measured here and asserted nowhere.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a bench may stop where it stands, and prints"
)]

use std::time::{Duration, Instant};

use pesan_tests::{Stack, TELEGRAM_SECRET, function_size, notification, runtime_api, samples};
use serde_json::json;

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

/// A function's own binary, new each time, until it asks for an event and until it has answered its
/// sample.
async fn starts(stack: &Stack, name: &str) {
    let (mut polls, mut answers, mut peaks) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..STARTS {
        let invoked = runtime_api::invoke(stack, name).await;
        samples::expect_answer(name, &invoked.answer);
        polls.push(invoked.to_poll);
        answers.push(invoked.to_answer);
        peaks.extend(invoked.peak_kilobytes);
    }
    report(&format!("{name}: spawn to first poll"), polls);
    report(&format!("{name}: spawn to first answer"), answers);
    let peak = peaks.iter().max().copied().unwrap_or_default();
    println!(
        "{name}: {peak} kB at most, binary {} bytes",
        function_size(name)
    );
}

#[tokio::main]
async fn main() {
    let stack = Stack::start();
    updates(&stack).await;
    notifications(&stack).await;
    for name in samples::functions() {
        starts(&stack, &name).await;
    }
}
