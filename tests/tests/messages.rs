//! A message's way from the commit to the chat, over the whole stack, and faults at each step of it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands"
)]

use pesan_tests::payment::{RECEIPT, REVERSED};
use pesan_tests::{Booked, Stack};
use serde_json::{Value, json};

/// A customer who is about to pay.
async fn chosen(stack: &Stack) -> Booked {
    let booked = stack.customer(1).book("09.00").await;
    let choose = json!({"do": "choose", "method": "bca_va"});
    stack.bank(&booked.code, choose).await;
    booked
}

async fn pay(stack: &Stack, booked: &Booked) {
    let paid = stack.bank(&booked.code, json!({"do": "pay"})).await;
    assert_eq!(paid["notified"], json!([200]));
}

async fn receipts(stack: &Stack) -> usize {
    stack.customer(1).told(RECEIPT).await
}

/// The state of the one message, and whether it may have arrived twice.
async fn message(stack: &Stack) -> (String, bool) {
    let rows = stack.rows_at("MESSAGE").await;
    let [row] = rows.as_slice() else {
        panic!("one message: {rows:?}");
    };
    let state = row["state"]["M"]["at"]["S"].as_str().unwrap();
    let double = row["possibly_double"]["BOOL"].as_bool().unwrap();
    (state.to_owned(), double)
}

/// How many rows' partitions begin so.
async fn rows_of(stack: &Stack, partition: &str) -> usize {
    let rows = stack.rows().await;
    let begins = |row: &&Value| row["PK"]["S"].as_str().unwrap().starts_with(partition);
    rows.iter().filter(begins).count()
}

/// How many messages are due some time.
async fn due(stack: &Stack) -> usize {
    let rows = stack.rows_at("20").await;
    let is_message = |row: &&Value| row["SK"]["S"].as_str().unwrap().contains("#message#");
    rows.iter().filter(is_message).count()
}

/// Holds that the receipt has arrived, once or twice and marked so, and nothing is left behind.
async fn expect_arrived(stack: &Stack, what: &str) {
    let told = receipts(stack).await;
    let (state, double) = message(stack).await;
    assert_eq!(state, "Accepted", "{what}");
    assert!(told == 1 || told == 2 && double, "{what}: {told}, {double}");
    assert_eq!(rows_of(stack, "OUTBOX#").await, 0, "{what}");
    assert_eq!(due(stack).await, 0, "{what}");
}

/// Holds that every queue is empty, and none has dead letters.
async fn expect_empty_queues(stack: &Stack) {
    let queues = stack.get_json("/sandbox/queues").await;
    for queue in queues.as_array().unwrap() {
        for count in ["visible", "in_flight", "delayed", "dead"] {
            assert_eq!(queue[count], 0, "{queue}");
        }
    }
}

#[tokio::test]
async fn a_receipt_arrives_once_and_leaves_nothing_behind() {
    let stack = Stack::start();
    let booked = chosen(&stack).await;
    let before = stack.count("telegram", Some("sendMessage")).await;
    pay(&stack, &booked).await;
    assert_eq!(
        stack.count("telegram", Some("sendMessage")).await,
        before + 1
    );
    expect_arrived(&stack, "a receipt").await;
    assert_eq!(receipts(&stack).await, 1);
    expect_empty_queues(&stack).await;
    stack.advance("24h").await;
    assert_eq!(receipts(&stack).await, 1);
    assert_eq!(stack.alarms().await, [""; 0]);
}

#[tokio::test]
async fn an_event_carries_ids_and_nothing_else() {
    let stack = Stack::start();
    let booked = chosen(&stack).await;
    pay(&stack, &booked).await;
    let calls = stack.calls("eventbridge").await;
    assert_eq!(calls.len(), 1, "{calls:?}");
    let text = calls[0].to_string();
    assert!(text.contains("message.queued"), "{text}");
    for private in [booked.code.as_str(), "Budi", "70000", "70.000"] {
        assert!(!text.contains(private), "{private}: {text}");
    }
}

#[tokio::test]
async fn b16_a_relay_that_dies_or_a_bus_that_fails_loses_nothing() {
    for fault in [
        "kill_before",
        "kill_after",
        "timeout_before",
        "timeout_after",
        "http_500",
        "throttle",
    ] {
        let stack = Stack::start();
        let booked = chosen(&stack).await;
        let fault = json!({"at": "eventbridge", "fault": fault, "times": 3});
        stack.fault(fault.clone()).await;
        pay(&stack, &booked).await;
        stack.advance("10m").await;
        expect_arrived(&stack, &fault.to_string()).await;
        assert_eq!(receipts(&stack).await, 1, "{fault}");
    }
}

#[tokio::test]
async fn b16_a_bus_that_is_down_for_an_hour_loses_nothing() {
    let stack = Stack::start();
    let booked = chosen(&stack).await;
    stack
        .fault(json!({"at": "eventbridge", "fault": "http_500", "times": 100_000}))
        .await;
    pay(&stack, &booked).await;
    stack.advance("1h").await;
    assert_eq!(receipts(&stack).await, 0);
    stack.end_faults().await;
    stack.advance("5m").await;
    expect_arrived(&stack, "after an hour").await;
}

#[tokio::test]
async fn d7_whatever_becomes_of_the_call_nothing_is_lost_and_a_double_is_marked() {
    for (fault, told) in [
        ("kill_before", 1),
        ("timeout_before", 1),
        ("http_500", 1),
        ("throttle", 1),
        ("kill_after", 2),
        ("timeout_after", 2),
    ] {
        let stack = Stack::start();
        let booked = chosen(&stack).await;
        stack
            .fault(json!({"at": "telegram", "op": "sendMessage", "fault": fault}))
            .await;
        pay(&stack, &booked).await;
        stack.advance("1h").await;
        expect_arrived(&stack, fault).await;
        assert_eq!(receipts(&stack).await, told, "{fault}");
        expect_empty_queues(&stack).await;
    }
}

#[tokio::test]
async fn d7_two_tries_without_an_answer_are_the_last() {
    let stack = Stack::start();
    let booked = chosen(&stack).await;
    stack
        .fault(json!({"at": "telegram", "op": "sendMessage", "fault": "timeout_after", "times": 9}))
        .await;
    pay(&stack, &booked).await;
    stack.advance("24h").await;
    assert_eq!(receipts(&stack).await, 2);
    assert_eq!(message(&stack).await, ("Failed".to_owned(), true));
    assert_eq!(stack.alarms().await, ["message failed"]);
}

#[tokio::test]
async fn j1_one_fault_at_each_call_to_the_table_loses_nothing() {
    // Where the notification's own calls end and the message's begin.
    for (op, skip) in [
        ("BatchWriteItem", 0),
        ("BatchGetItem", 1),
        ("BatchGetItem", 2),
        ("TransactWriteItems", 1),
        ("TransactWriteItems", 2),
    ] {
        for fault in [
            "kill_before",
            "kill_after",
            "timeout_after",
            "throttle",
            "conflict",
        ] {
            let stack = Stack::start();
            let booked = chosen(&stack).await;
            let fault = json!({"at": "dynamodb", "op": op, "skip": skip, "fault": fault});
            stack.fault(fault.clone()).await;
            pay(&stack, &booked).await;
            stack.advance("1h").await;
            expect_arrived(&stack, &fault.to_string()).await;
        }
    }
}

#[tokio::test]
async fn e5_a_vendor_in_trouble_is_called_a_bounded_number_of_times() {
    let stack = Stack::start();
    let booked = chosen(&stack).await;
    stack
        .fault(json!({"at": "telegram", "op": "sendMessage", "fault": "http_500", "times": 1_000}))
        .await;
    let before = stack.count("telegram", Some("sendMessage")).await;
    pay(&stack, &booked).await;
    stack.advance("48h").await;
    let calls = stack.count("telegram", Some("sendMessage")).await - before;
    assert!((2..=10).contains(&calls), "{calls}");
    assert_eq!(message(&stack).await.0, "Failed");
    assert_eq!(due(&stack).await, 0);
}

#[tokio::test]
async fn e7_a_customer_who_blocked_the_bot_is_left_alone_until_they_write() {
    let stack = Stack::start();
    let customer = stack.customer(1);
    let booked = customer.book("09.00").await;
    stack
        .fault(json!({"at": "telegram", "op": "sendMessage", "fault": "403"}))
        .await;
    let pay = json!({"do": "pay", "method": "permata_va"});
    stack.bank(&booked.code, pay).await;
    assert_eq!(message(&stack).await.0, "Failed");
    let calls = stack.count("telegram", Some("sendMessage")).await;
    stack.bank(&booked.code, json!({"do": "reverse"})).await;
    assert_eq!(stack.count("telegram", Some("sendMessage")).await, calls);
    assert_eq!(customer.told(REVERSED).await, 0);

    let other = customer.book("12.00").await;
    stack.bank(&other.code, json!({"do": "pay"})).await;
    assert_eq!(
        customer.told(RECEIPT).await,
        1,
        "they wrote: it is open again"
    );
}

#[tokio::test]
async fn a_refund_that_is_faster_than_the_receipt_makes_it_needless() {
    let stack = Stack::start();
    let booked = chosen(&stack).await;
    stack
        .fault(json!({"at": "telegram", "op": "sendMessage", "fault": "http_500"}))
        .await;
    pay(&stack, &booked).await;
    stack.bank(&booked.code, json!({"do": "refund"})).await;
    stack.advance("1h").await;
    assert_eq!(receipts(&stack).await, 0);
    assert_eq!(message(&stack).await.0, "Dropped");
}

#[tokio::test]
async fn b17_a_payment_whose_notifications_are_all_lost_is_found_by_asking() {
    let stack = Stack::start();
    let booked = stack.customer(1).book("09.00").await;
    let pay = json!({"do": "pay", "method": "bca_va", "notify": false});
    stack.bank(&booked.code, pay).await;
    stack.expect_states(&booked, "Created", "Held").await;
    stack.advance("16m").await;
    stack.expect_states(&booked, "Paid", "Confirmed").await;
    expect_arrived(&stack, "found").await;
}

#[tokio::test]
async fn b17_midtrans_is_asked_twice_whether_what_is_paid_stayed_so_and_then_no_more() {
    let stack = Stack::start();
    let booked = chosen(&stack).await;
    pay(&stack, &booked).await;
    let before = stack.count("midtrans", Some("status")).await;
    stack.advance("48h").await;
    assert_eq!(stack.count("midtrans", Some("status")).await, before + 2);
    assert_eq!(rows_of(&stack, "DUE#").await, 0);
}
