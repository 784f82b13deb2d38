//! DESIGN section 8, counted at the wire.

use pesan_tests::{Customer, Stack};
use serde_json::json;

/// DynamoDB calls that one input cost.
struct Meter<'a> {
    stack: &'a Stack,
    before: usize,
}

impl<'a> Meter<'a> {
    async fn start(stack: &'a Stack) -> Self {
        let before = stack.count("dynamodb", None).await;
        Self { stack, before }
    }

    async fn read(&mut self) -> usize {
        let now = self.stack.count("dynamodb", None).await;
        let cost = now.saturating_sub(self.before);
        self.before = now;
        cost
    }
}

async fn conversation(stack: &Stack, customer: &Customer<'_>) -> Vec<(&'static str, usize)> {
    let mut meter = Meter::start(stack).await;
    let mut costs = Vec::new();
    for (name, typed, input) in [
        ("/start", true, "/start"),
        ("/help", true, "/help"),
        ("/catalog", true, "/catalog"),
        ("/order", true, "/order"),
        ("Booking", false, "Booking"),
        ("date", true, "05/12/2026"),
        ("device", false, "iPhone 6"),
        ("slot", false, "09.00"),
        ("part", false, "Battery"),
        ("Book Now", false, "Book Now"),
        ("Bayar Sekarang", false, "Bayar Sekarang"),
        ("/status", true, "/status"),
        ("/order", true, "/order"),
        ("Booking", false, "Booking"),
        ("date", true, "05/12/2026"),
        ("device", false, "iPhone 6"),
        ("slot", false, "12.00"),
        ("part", false, "Battery"),
        ("Book Now", false, "Book Now"),
        ("Bagikan nomor", false, "Bagikan nomor"),
        ("contact", false, "Bagikan nomor"),
        ("/hapusnomor", true, "/hapusnomor"),
    ] {
        if typed {
            customer.say(input).await;
        } else {
            customer.press(input).await;
        }
        costs.push((name, meter.read().await));
    }
    costs
}

fn most(name: &str) -> usize {
    match name {
        "/catalog" | "date" | "device" | "slot" | "part" | "Bayar Sekarang" => 3,
        // Three, and the page that Midtrans opened is recorded after the commit.
        "Book Now" => 4,
        _ => 2,
    }
}

#[tokio::test]
async fn an_update_costs_two_round_trips_three_where_a_day_the_catalog_or_a_booking_is_shown() {
    let stack = Stack::start();
    let customer = stack.customer(1);
    for (name, cost) in conversation(&stack, &customer).await {
        assert!(cost <= most(name), "{name} cost {cost}");
    }
}

#[tokio::test]
async fn an_update_costs_no_more_where_nothing_is_in_memory() {
    let stack = Stack::start();
    let customer = stack.customer(1);
    let mut meter = Meter::start(&stack).await;
    for (name, typed, input) in [
        ("/catalog", true, "/catalog"),
        ("/order", true, "/order"),
        ("Booking", false, "Booking"),
        ("date", true, "05/12/2026"),
        ("device", false, "iPhone 6"),
        ("slot", false, "09.00"),
        ("part", false, "Battery"),
        ("Book Now", false, "Book Now"),
    ] {
        stack.advance("6m").await;
        meter.read().await;
        if typed {
            customer.say(input).await;
        } else {
            customer.press(input).await;
        }
        let cost = meter.read().await;
        assert!(cost <= most(name), "{name} cost {cost}");
    }
}

#[tokio::test]
async fn a_press_costs_one_call_to_telegram_and_a_text_none() {
    let stack = Stack::start();
    let customer = stack.customer(1);
    let before = stack.count("telegram", None).await;
    customer.say("/order").await;
    assert_eq!(stack.count("telegram", None).await, before);
    customer.press("Booking").await;
    assert_eq!(stack.count("telegram", None).await, before + 1);
    assert_eq!(
        stack.count("telegram", Some("answerCallbackQuery")).await,
        1
    );
}

#[tokio::test]
async fn a_notification_costs_two_round_trips_and_one_question() {
    let stack = Stack::start();
    let booked = stack.customer(1).book("09.00").await;
    stack
        .bank(&booked.code, json!({"do": "choose", "method": "bca_va"}))
        .await;
    let mut meter = Meter::start(&stack).await;
    let questions = stack.count("midtrans", Some("status")).await;
    let paid = stack.bank(&booked.code, json!({"do": "pay"})).await;
    assert_eq!(paid["notified"], json!([200]));
    // Two are its own, six its receipt's: one of the relay and five of the sender.
    assert_eq!(meter.read().await, 2 + 6);
    assert_eq!(stack.count("midtrans", Some("status")).await, questions + 1);
}
