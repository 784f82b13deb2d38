//! Top-ups of a prepaid balance, from the operator's command to the balance, seen from outside.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands"
)]

use futures_util::future::join_all;
use pesan_tests::operator::Operator;
use pesan_tests::{Stack, notification};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// What a hundred messages cost.
const PRICE: i64 = 36_700;

/// The event that tells of a credit.
const TOPPED_UP: &str = "balance.topped-up";

/// A stack whose merchant `demo2` is sold top-ups; `demo` is paid.
struct Till {
    stack: Stack,
    operator: Operator,
}

impl Till {
    fn open() -> Self {
        let stack = Stack::start();
        let operator = Operator::of(&stack);
        Self { stack, operator }
    }

    /// Sells a hundred messages; the order id.
    fn sells(&self) -> String {
        let sold = self
            .operator
            .does("pesan topup demo2 --package 100 --json")
            .json();
        sold["order_id"].as_str().unwrap().to_owned()
    }

    async fn bank(&self, order: &str, act: Value) {
        let done = self.stack.bank(order, act).await;
        let told = done["notified"].as_array().unwrap();
        assert!(told.iter().all(|status| *status == 200), "{done}");
        self.stack.idle().await;
    }

    /// Available, reserved and spent.
    fn balance(&self) -> [i64; 3] {
        let balance = self.operator.does("pesan balance demo2 --json").json();
        ["available", "reserved", "spent"].map(|field| balance[field].as_i64().unwrap())
    }

    async fn payment_state(&self, order: &str) -> String {
        let row = self
            .stack
            .row(&format!("M#demo#PAY#{order}"), "PAYMENT")
            .await;
        row.unwrap()["state"]["S"].as_str().unwrap().to_owned()
    }

    /// The kinds of the ledger's entries, of whatever day.
    async fn ledger(&self) -> Vec<String> {
        let rows = self.stack.rows().await;
        let text = |row: &Value, name: &str| row[name]["S"].as_str().unwrap_or_default().to_owned();
        let mut kinds: Vec<String> = rows
            .iter()
            .filter(|row| text(row, "PK").starts_with("M#demo2#LEDGER#2"))
            .map(|row| text(row, "kind"))
            .collect();
        kinds.sort();
        kinds
    }

    /// What Midtrans says of an order's transaction as it stands: its body as a notification.
    async fn true_body(&self, order: &str) -> Value {
        let path = format!("/v2/{order}/status");
        self.stack.midtrans(Method::GET, &path, None).await
    }

    /// How often an event of a kind was put on the bus.
    async fn announced(&self, kind: &str) -> usize {
        let calls = self.stack.calls("eventbridge").await;
        let entries = calls
            .iter()
            .flat_map(|call| call["body"]["Entries"].as_array().unwrap());
        let ours = |entry: &&Value| entry["DetailType"] == kind;
        entries.filter(ours).count()
    }

    /// Messages of demo2 have cost so much meanwhile.
    async fn spent(&self, amount: i64) {
        let mut row = self.stack.row("M#demo2#BALANCE", "BALANCE").await.unwrap();
        let number = |row: &Value, name: &str| row[name]["N"].as_str().unwrap().parse::<i64>();
        let (available, spent) = (
            number(&row, "available").unwrap(),
            number(&row, "spent").unwrap(),
        );
        row["available"]["N"] = json!((available - amount).to_string());
        row["spent"]["N"] = json!((spent + amount).to_string());
        let response = self
            .stack
            .request(Method::POST, "/sandbox/dynamodb")
            .header("X-Amz-Target", "DynamoDB_20120810.PutItem")
            .header("Content-Type", "application/x-amz-json-1.0")
            .header("X-Amz-Date", "20261201T010000Z")
            .header("Authorization", "AWS4-HMAC-SHA256 Credential=local/20261201/local/dynamodb/aws4_request, SignedHeaders=host;x-amz-date, Signature=00")
            .body(json!({"TableName": "pesan", "Item": row}).to_string())
            .send()
            .await
            .unwrap();
        assert!(response.status().is_success(), "{response:?}");
    }
}

#[tokio::test]
async fn g7_a_paid_top_up_is_credited_once_however_often_it_is_told() {
    let till = Till::open();
    assert_eq!(till.balance(), [0, 0, 0]);
    let order = till.sells();
    till.bank(&order, json!({"do": "choose", "method": "bca_va"}))
        .await;
    let pending = till.true_body(&order).await;
    assert_eq!(till.balance(), [0, 0, 0]);
    till.bank(&order, json!({"do": "pay", "times": 2})).await;
    assert_eq!(till.balance(), [PRICE, 0, 0]);

    // The same again, in another spelling, and out of order.
    let mut settled = till.true_body(&order).await;
    settled["custom_field1"] = json!("spelt otherwise");
    for body in [&settled, &settled, &pending] {
        assert_eq!(till.stack.notify(body).await.status(), 200);
    }
    assert_eq!(till.balance(), [PRICE, 0, 0]);
    assert_eq!(till.payment_state(&order).await, "Paid");
    assert_eq!(till.ledger().await, ["topup"]);
    assert_eq!(till.announced(TOPPED_UP).await, 1);

    // Another top-up is another credit, and the merchant that is paid gets none.
    let other = till.sells();
    assert_ne!(order, other);
    till.bank(&other, json!({"do": "pay", "method": "qris"}))
        .await;
    assert_eq!(till.balance(), [2 * PRICE, 0, 0]);
    assert_eq!(till.ledger().await, ["topup", "topup"]);
    assert_eq!(till.stack.alarms().await, [""; 0]);
}

#[tokio::test]
async fn g7_eight_spellings_of_one_settlement_at_once_credit_once() {
    let till = Till::open();
    let order = till.sells();
    till.bank(
        &order,
        json!({"do": "pay", "method": "qris", "notify": false}),
    )
    .await;
    let body = till.true_body(&order).await;
    let spellings: Vec<Value> = (0..8)
        .map(|nth| {
            let mut body = body.clone();
            body["custom_field1"] = json!(nth);
            body
        })
        .collect();
    let answers = join_all(spellings.iter().map(|body| till.stack.notify(body))).await;
    assert!(answers.iter().all(|answer| answer.status() == 200));
    assert_eq!(till.balance(), [PRICE, 0, 0]);
    assert_eq!(till.ledger().await, ["topup"]);
    assert_eq!(till.announced(TOPPED_UP).await, 1);
}

#[tokio::test]
async fn two_top_ups_paid_at_once_are_both_credited() {
    let till = Till::open();
    let orders: Vec<String> = (0..4).map(|_| till.sells()).collect();
    let mut bodies = Vec::new();
    for order in &orders {
        till.bank(order, json!({"do": "pay", "notify": false}))
            .await;
        bodies.push(till.true_body(order).await);
    }
    let answers = join_all(bodies.iter().map(|body| till.stack.notify(body))).await;
    let told: Vec<StatusCode> = answers.iter().map(reqwest::Response::status).collect();
    // Who lost the race is told to send it again.
    for (body, status) in bodies.iter().zip(told) {
        if status != 200 {
            assert_eq!(status, 503);
            assert_eq!(till.stack.notify(body).await.status(), 200);
        }
    }
    assert_eq!(till.balance(), [4 * PRICE, 0, 0]);
    assert_eq!(till.ledger().await, ["topup"; 4]);
}

#[tokio::test]
async fn g7_another_amount_is_an_alarm_and_no_credit() {
    let till = Till::open();
    let order = till.sells();
    let pay = json!({"do": "pay", "method": "gopay", "amount": "1.00", "status_amount": "1.00"});
    till.bank(&order, pay).await;
    assert_eq!(till.payment_state(&order).await, "Review");
    assert_eq!(till.balance(), [0, 0, 0]);
    assert_eq!(till.stack.alarms().await, ["wrong amount"]);
    let transaction = till.stack.transaction_id(&order).await;
    assert_eq!(till.stack.waiting("review").await, [transaction]);

    // Part of it is given back: the rest is still nobody's.
    till.bank(&order, json!({"do": "refund", "refund_amount": 10_000}))
        .await;
    assert_eq!(till.balance(), [0, 0, 0]);
    assert_eq!(till.ledger().await, [""; 0]);
}

#[tokio::test]
async fn g2_amounts_that_are_none_are_refused() {
    let till = Till::open();
    let order = till.sells();
    till.bank(&order, json!({"do": "pay", "notify": false}))
        .await;
    let transaction = till.stack.transaction_id(&order).await;
    for amount in [
        "367.5",
        "1e3",
        "18446744073709551616",
        "-36700.00",
        "36.700",
        "0.00",
        "",
    ] {
        let body = notification(&order, &transaction, "settlement", "200", amount);
        let answer = till.stack.notify(&body).await;
        assert_eq!(answer.status(), 400, "{amount}");
    }
    assert_eq!(till.balance(), [0, 0, 0]);
    for package in ["0", "-1", "367.5", "1e3", "18446744073709551616", "367"] {
        let line = format!("pesan topup demo2 --package={package}");
        let said = till.operator.is_refused(&line);
        assert!(said.contains("100, 250, 500, 1000, 5000"), "{said}");
    }
}

#[tokio::test]
async fn a_top_up_takes_money_that_comes_late() {
    let till = Till::open();
    let order = till.sells();
    till.stack.advance("20h").await;
    till.stack
        .charge_for_a_day(&order, PRICE.unsigned_abs())
        .await;
    till.stack.advance("5h").await;
    till.bank(&order, json!({"do": "pay"})).await;
    assert_eq!(till.payment_state(&order).await, "Paid");
    assert_eq!(till.balance(), [PRICE, 0, 0]);

    let ended = till.sells();
    till.bank(&ended, json!({"do": "choose", "method": "permata_va"}))
        .await;
    till.stack.advance("25h").await;
    assert_eq!(till.payment_state(&ended).await, "Expired");
    assert_eq!(till.balance(), [PRICE, 0, 0]);
}

#[tokio::test]
async fn b17_a_top_up_that_nobody_told_of_is_found() {
    let till = Till::open();
    let order = till.sells();
    till.bank(
        &order,
        json!({"do": "pay", "method": "bca_va", "notify": false}),
    )
    .await;
    till.stack.advance("14m").await;
    assert_eq!(till.balance(), [0, 0, 0]);
    till.stack.advance("2m").await;
    assert_eq!(till.balance(), [PRICE, 0, 0]);
    assert_eq!(till.announced(TOPPED_UP).await, 1);

    // The notification comes after all.
    let body = till.true_body(&order).await;
    assert_eq!(till.stack.notify(&body).await.status(), 200);
    assert_eq!(till.balance(), [PRICE, 0, 0]);
    assert_eq!(till.ledger().await, ["topup"]);
}

#[tokio::test]
async fn b17_an_outage_of_more_than_a_day_loses_no_money() {
    let till = Till::open();
    let order = till.sells();
    till.bank(
        &order,
        json!({"do": "pay", "method": "bca_va", "notify": false}),
    )
    .await;
    let down = json!({"at": "midtrans", "op": "status", "fault": "http_500", "times": 100_000});
    till.stack.fault(down).await;
    till.stack.advance("30h").await;
    assert_eq!(till.balance(), [0, 0, 0]);
    till.stack.end_faults().await;
    till.stack.advance("7h").await;
    assert_eq!(till.balance(), [PRICE, 0, 0]);
    assert_eq!(till.stack.alarms().await, [""; 0]);
}

#[tokio::test]
async fn b8_a_reversed_top_up_is_taken_back() {
    let till = Till::open();
    let order = till.sells();
    till.bank(&order, json!({"do": "pay", "method": "permata_va"}))
        .await;
    assert_eq!(till.balance(), [PRICE, 0, 0]);
    till.bank(&order, json!({"do": "reverse", "times": 2}))
        .await;
    assert_eq!(till.payment_state(&order).await, "Reversed");
    assert_eq!(till.balance(), [0, 0, 0]);
    assert_eq!(till.ledger().await, ["refund", "topup"]);
    assert_eq!(till.announced("balance.low").await, 1);
    assert_eq!(till.stack.alarms().await, ["reversed"]);
    for task in ["owed", "reversed", "review"] {
        assert_eq!(till.stack.waiting(task).await, [""; 0], "{task}");
    }
}

#[tokio::test]
async fn b8_what_was_spent_of_a_reversed_top_up_is_the_operators_to_settle() {
    let till = Till::open();
    let order = till.sells();
    till.bank(&order, json!({"do": "pay", "method": "permata_va"}))
        .await;
    till.spent(30_000).await;
    till.bank(&order, json!({"do": "reverse"})).await;
    assert_eq!(till.balance(), [0, 0, 30_000], "never below nothing");
    let alarms = till.stack.alarms().await;
    assert_eq!(alarms, ["reversed", "top-up spent"]);
    let transaction = till.stack.transaction_id(&order).await;
    assert_eq!(till.stack.waiting("owed").await, [transaction]);
}

#[tokio::test]
async fn b10_a_top_up_refunded_in_parts_is_taken_back_in_parts() {
    let till = Till::open();
    let order = till.sells();
    till.bank(&order, json!({"do": "pay", "method": "gopay"}))
        .await;
    till.bank(&order, json!({"do": "refund", "refund_amount": 10_000}))
        .await;
    assert_eq!(till.balance(), [PRICE - 10_000, 0, 0]);
    // News of it come twice, the second time confirmed by the bank.
    let mut again = till.true_body(&order).await;
    again["custom_field1"] = json!("confirmed");
    assert_eq!(till.stack.notify(&again).await.status(), 200);
    assert_eq!(till.balance(), [PRICE - 10_000, 0, 0]);
    till.bank(&order, json!({"do": "refund"})).await;
    assert_eq!(till.payment_state(&order).await, "Refunded");
    assert_eq!(till.balance(), [0, 0, 0]);
    assert_eq!(till.ledger().await, ["refund", "refund", "topup"]);
}

#[tokio::test]
async fn b8_a_reversal_that_nobody_told_of_is_found_within_the_hour() {
    let till = Till::open();
    let order = till.sells();
    till.bank(&order, json!({"do": "pay", "method": "permata_va"}))
        .await;
    let booked = till.stack.customer(1).book("09.00").await;
    till.bank(&booked.code, json!({"do": "pay", "method": "permata_va"}))
        .await;
    for order in [&order, &booked.code] {
        till.bank(order, json!({"do": "reverse", "notify": false}))
            .await;
    }
    till.stack.advance("59m").await;
    assert_eq!(till.balance(), [PRICE, 0, 0]);
    till.stack.expect_states(&booked, "Paid", "Confirmed").await;
    till.stack.advance("2m").await;
    assert_eq!(till.balance(), [0, 0, 0]);
    till.stack
        .expect_states(&booked, "Reversed", "Confirmed")
        .await;
}

#[tokio::test]
async fn what_stays_paid_is_asked_about_twice_and_never_again() {
    let till = Till::open();
    let order = till.sells();
    till.bank(&order, json!({"do": "pay", "method": "bca_va"}))
        .await;
    let asked = || till.stack.count("midtrans", Some("status"));
    let before = asked().await;
    till.stack.advance("2h").await;
    assert_eq!(asked().await, before + 1);
    till.stack.advance("23h").await;
    assert_eq!(asked().await, before + 2);
    till.stack.advance("240h").await;
    assert_eq!(asked().await, before + 2);
    assert_eq!(till.balance(), [PRICE, 0, 0]);
}

#[tokio::test]
async fn b19_a_lost_answer_to_opening_the_page_loses_no_order() {
    let till = Till::open();
    let lost = json!({"at": "midtrans", "op": "transactions", "fault": "timeout_after"});
    till.stack.fault(lost).await;
    let said = till.operator.is_refused("pesan topup demo2 --package 100");
    let order = said
        .split_whitespace()
        .find(|word| word.starts_with("T-demo2-"))
        .unwrap();
    let order = order.trim_end_matches(':');
    // Midtrans has it, and somebody pays it there.
    till.bank(
        order,
        json!({"do": "pay", "method": "bca_va", "notify": false}),
    )
    .await;
    till.stack.advance("16m").await;
    assert_eq!(till.balance(), [PRICE, 0, 0]);
    till.sells();
}

#[tokio::test]
async fn a_merchant_cannot_sell_itself_credit() {
    let till = Till::open();
    let order = till.sells();
    // Signed as demo2's own account, over demo2's own webhook.
    let key = "SB-Mid-server-demo2";
    let mut body = notification(&order, "t-1", "settlement", "200", "36700.00");
    body["merchant_id"] = json!("G000000002");
    body["signature_key"] = json!(pesan_tests::signature(&order, "200", "36700.00", key));
    let answer = till.stack.post("/midtrans/demo2", &body).await;
    assert_eq!(answer.status(), 404);
    assert_eq!(till.balance(), [0, 0, 0]);
}

#[tokio::test]
async fn what_is_sold_and_to_whom_is_said_in_words() {
    let till = Till::open();
    let list = till.operator.does("pesan topup demo2").out;
    insta::assert_snapshot!(list, @r"
    package  messages  price
    100      100       Rp36.700
    250      250       Rp91.750
    500      500       Rp183.500
    1000     1000      Rp367.000
    5000     5000      Rp1.835.000
    `pesan topup demo2 --package N` prints a link to pay by
    ");
    let packages = till.operator.does("pesan topup demo2 --json").json();
    assert_eq!(
        packages["packages"][3],
        json!({"package": "1000", "messages": 1000, "amount": 367_000})
    );
    let sold = till.operator.does("pesan topup demo2 --package 250").out;
    let url = sold.lines().last().unwrap();
    assert!(url.starts_with(till.stack.base_url()), "{sold}");
    assert!(sold.contains("Rp91.750"), "{sold}");
    assert!(
        sold.contains("until Wednesday, 2 December 2026, 08.00 WIB"),
        "{sold}"
    );
    let balance = till.operator.does("pesan balance demo2").out;
    insta::assert_snapshot!(balance, @r"
    available  Rp0
    reserved   Rp0
    spent      Rp0
    low mark   Rp18.350
    ");

    let transactions = till.stack.get_json("/sandbox/midtrans/transactions").await;
    let ours = transactions.as_array().unwrap();
    assert_eq!(ours.len(), 1, "the price list makes nothing");
    assert_eq!(ours[0]["merchant_id"], "G000000001", "demo is paid");
    assert_eq!(ours[0]["gross_amount"], 91_750);
}

#[tokio::test]
async fn who_cannot_be_paid_or_credited_is_named_and_nothing_is_made() {
    let till = Till::open();
    let refused = |line: &str| till.operator.is_refused(line);
    for line in [
        "pesan topup nobody --package 100",
        "pesan topup nobody",
        "pesan balance nobody",
    ] {
        let said = refused(line);
        assert!(said.contains("nobody") && said.contains("merchant list"));
    }
    let topup = "pesan topup demo2 --package 100";
    for (seller, says) in [
        ("nobody", "nobody (TopUpSeller"),
        ("No One", "No One (TopUpSeller"),
    ] {
        let output = till
            .operator
            .command(topup)
            .env("TOP_UP_SELLER", seller)
            .output()
            .unwrap();
        assert!(!output.status.success());
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(says), "{said}");
    }
    till.operator
        .does("pesan merchant add poor --name Poor --zone Asia/Jakarta");
    let output = till
        .operator
        .command(topup)
        .env("TOP_UP_SELLER", "poor")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("pesan midtrans connect poor"), "{said}");

    till.stack
        .delete_parameter("deployment/top-up-seller")
        .await;
    let said = refused(topup);
    assert!(
        said.contains("TopUpSeller") && said.contains("TOP_UP_SELLER"),
        "{said}"
    );
    let transactions = till.stack.get_json("/sandbox/midtrans/transactions").await;
    assert_eq!(transactions, json!([]));
    let rows = till.stack.rows().await;
    let made = |row: &&Value| row["PK"]["S"].as_str().unwrap().contains("#PAY#");
    assert_eq!(rows.iter().find(made), None);
}
