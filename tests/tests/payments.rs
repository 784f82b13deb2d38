//! A payment's machine and the money, seen from outside: what the bank does, what the order's
//! page, the chat and the table say of it.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands"
)]

use futures_util::future::join_all;
use jiff::Timestamp;
use pesan_tests::payment::{OwnMidtrans, RECEIPT, REVERSED, REVIEW, of_transaction};
use pesan_tests::{Booked, Setup, Stack, notification};
use reqwest::Method;
use serde_json::{Value, json};

/// The stand-in's ways to pay.
const METHODS: [&str; 11] = [
    "bca_va",
    "bni_va",
    "bri_va",
    "permata_va",
    "echannel",
    "qris",
    "gopay",
    "shopeepay",
    "credit_card",
    "indomaret",
    "alfamart",
];

const SLOTS: [&str; 4] = ["09.00", "12.00", "15.00", "18.00"];

/// A stack on the day of the slots, before the first of them begins.
fn on_the_day(time: &str) -> Stack {
    Stack::start_with(&Setup {
        clock: Some(format!("2026-12-05T{time}:00+07:00")),
        ..Setup::default()
    })
}

async fn paid(stack: &Stack, booked: &Booked, method: &str) {
    let paid = stack
        .bank(&booked.code, json!({"do": "pay", "method": method}))
        .await;
    assert_eq!(paid["notified"], json!([200]), "{paid}");
}

/// What Midtrans would notify of an order's newest transaction as it stands.
async fn true_body(stack: &Stack, order: &str) -> Value {
    let path = format!("/v2/{order}/status");
    stack.midtrans(Method::GET, &path, None).await
}

#[tokio::test]
async fn every_method_pays_with_one_receipt() {
    let stack = Stack::start();
    for (place, method) in METHODS.iter().enumerate() {
        let chat = i64::try_from(place).unwrap() + 1;
        let customer = stack.customer(chat);
        let date = format!("{:02}/12/2026", 5 + place / SLOTS.len());
        let booked = customer.book_on(&date, SLOTS[place % SLOTS.len()]).await;
        stack.expect_states(&booked, "Created", "Held").await;
        paid(&stack, &booked, method).await;
        stack.expect_states(&booked, "Paid", "Confirmed").await;
        assert_eq!(customer.told(RECEIPT).await, 1, "{method}");
    }
    assert_eq!(stack.alarms().await, [""; 0]);
}

#[tokio::test]
async fn b1_pending_after_settlement_changes_nothing() {
    let stack = Stack::start();
    let customer = stack.customer(1);
    let booked = customer.book("09.00").await;
    stack
        .bank(&booked.code, json!({"do": "choose", "notify": false}))
        .await;
    let pending = true_body(&stack, &booked.code).await;
    assert_eq!(pending["transaction_status"], "pending");
    paid(&stack, &booked, "bca_va").await;
    let books = stack.books().await;
    for _ in 0..2 {
        assert_eq!(stack.notify(&pending).await.status(), 200);
    }
    assert_eq!(stack.books().await, books);
    stack.expect_states(&booked, "Paid", "Confirmed").await;
    assert_eq!(customer.told(RECEIPT).await, 1);
    assert_eq!(
        stack.alarms().await,
        [""; 0],
        "an overtaken one is no alarm"
    );
}

#[tokio::test]
async fn b2_eight_duplicates_at_once_are_one_transition_and_one_receipt() {
    let stack = Stack::start();
    let customer = stack.customer(1);
    let booked = customer.book("09.00").await;
    let pay = json!({"do": "pay", "method": "qris", "notify": false});
    stack.bank(&booked.code, pay).await;
    let before = stack.payment_number(&booked.code, "version").await;
    let body = true_body(&stack, &booked.code).await;
    let answers = join_all((0..8).map(|_| stack.notify(&body))).await;
    assert!(answers.iter().all(|answer| answer.status() == 200));
    stack.expect_states(&booked, "Paid", "Confirmed").await;
    assert_eq!(customer.told(RECEIPT).await, 1);
    let after = stack.payment_number(&booked.code, "version").await;
    assert_eq!(after, before.map(|version| version + 1));
}

#[tokio::test]
async fn b2_eight_spellings_of_one_settlement_at_once_are_one_transition_and_one_receipt() {
    let stack = Stack::start();
    let customer = stack.customer(1);
    let booked = customer.book("09.00").await;
    let pay = json!({"do": "pay", "method": "qris", "notify": false});
    stack.bank(&booked.code, pay).await;
    let before = stack.payment_number(&booked.code, "version").await;
    let body = true_body(&stack, &booked.code).await;
    let spellings: Vec<Value> = (0..8)
        .map(|nth| {
            let mut body = body.clone();
            body["custom_field1"] = json!(nth);
            body
        })
        .collect();
    let answers = join_all(spellings.iter().map(|body| stack.notify(body))).await;
    assert!(answers.iter().all(|answer| answer.status() == 200));
    stack.expect_states(&booked, "Paid", "Confirmed").await;
    assert_eq!(customer.told(RECEIPT).await, 1);
    let after = stack.payment_number(&booked.code, "version").await;
    assert_eq!(after, before.map(|version| version + 1));
}

#[tokio::test]
async fn b2_pending_and_settlement_twice_each_are_one_receipt() {
    let stack = Stack::start();
    let customer = stack.customer(1);
    let booked = customer.book("09.00").await;
    let twice = json!({"do": "choose", "method": "bni_va", "times": 2});
    let chosen = stack.bank(&booked.code, twice).await;
    assert_eq!(chosen["notified"], json!([200, 200]));
    stack.expect_states(&booked, "Pending", "Held").await;
    let paid = stack
        .bank(&booked.code, json!({"do": "pay", "times": 2}))
        .await;
    assert_eq!(paid["notified"], json!([200, 200]));
    stack.expect_states(&booked, "Paid", "Confirmed").await;
    assert_eq!(customer.told(RECEIPT).await, 1);
}

#[tokio::test]
async fn b3_notified_and_true_amount_wrong_goes_to_review() {
    let stack = Stack::start();
    let customer = stack.customer(1);
    let booked = customer.book("09.00").await;
    let pay = json!({"do": "pay", "amount": "1.00", "status_amount": "1.00"});
    let paid = stack.bank(&booked.code, pay).await;
    assert_eq!(paid["notified"], json!([200]));
    stack.expect_states(&booked, "Review", "Held").await;
    assert_eq!(
        (customer.told(REVIEW).await, customer.told(RECEIPT).await),
        (1, 0)
    );
    let transaction = stack.transaction_id(&booked.code).await;
    assert_eq!(stack.waiting("review").await, [transaction]);
    assert_eq!(stack.alarms().await, ["wrong amount"]);
    // Nothing is to be paid while a person looks at it.
    let (status, location) = stack.click_pay(&booked.link).await;
    assert_eq!(status, 303);
    assert!(booked.link.ends_with(&location.unwrap()));
}

#[tokio::test]
async fn b3_notified_amount_alone_wrong_changes_nothing_and_alarms() {
    let stack = Stack::start();
    let customer = stack.customer(1);
    let booked = customer.book("09.00").await;
    let choose = json!({"do": "choose", "method": "bri_va"});
    stack.bank(&booked.code, choose).await;
    let books = stack.books().await;
    let pay = json!({"do": "pay", "amount": "1.00"});
    let paid = stack.bank(&booked.code, pay).await;
    assert_eq!(paid["notified"], json!([200]));
    assert_eq!(stack.books().await, books);
    stack.expect_states(&booked, "Pending", "Held").await;
    assert_eq!(stack.alarms().await, ["amount differs"]);
    // The true one still counts.
    let body = true_body(&stack, &booked.code).await;
    assert_eq!(stack.notify(&body).await.status(), 200);
    stack.expect_states(&booked, "Paid", "Confirmed").await;
    assert_eq!(customer.told(RECEIPT).await, 1);
}

#[tokio::test]
async fn b3_true_amount_alone_wrong_is_never_paid() {
    let stack = Stack::start();
    let customer = stack.customer(1);
    let booked = customer.book("09.00").await;
    let pay = json!({"do": "pay", "status_amount": "69999.00"});
    let paid = stack.bank(&booked.code, pay).await;
    assert_eq!(paid["notified"], json!([200]));
    stack.expect_states(&booked, "Review", "Held").await;
    assert_eq!(customer.told(RECEIPT).await, 0);
    assert_eq!(stack.alarms().await, ["wrong amount"]);
}

/// The page is made anew with a fee on top, as Midtrans does where the customer pays it.
async fn with_fee(stack: &Stack, booked: &Booked, amount: u64, original: &str, fee: &str) {
    let info = json!({"original_amount": original, "customer_imposed_payment_fee": fee});
    let request = json!({
        "transaction_details": {"order_id": booked.code, "gross_amount": amount},
        "metadata": {"extra_info": {"gross_amount_info": info}},
    });
    let path = "/snap/v1/transactions";
    let page = stack.midtrans(Method::POST, path, Some(&request)).await;
    assert!(page["token"].is_string(), "{page}");
    paid(stack, booked, "gopay").await;
}

#[tokio::test]
async fn b4_fee_that_the_customer_pays_on_top_is_kept_apart() {
    let stack = Stack::start();
    let customer = stack.customer(1);
    let booked = customer.book("09.00").await;
    with_fee(&stack, &booked, 70_071, "70000.00", "71.00").await;
    stack.expect_states(&booked, "Paid", "Confirmed").await;
    assert_eq!(stack.page(&booked.link).await.total, 70_000);
    let number = async |field: &str| stack.payment_number(&booked.code, field).await;
    assert_eq!(number("amount").await, Some(70_000));
    assert_eq!(number("fee").await, Some(71));
    assert_eq!(number("refunded").await, Some(0));
    assert_eq!(customer.told(RECEIPT).await, 1);
}

#[tokio::test]
async fn b4_amount_that_its_fee_does_not_explain_goes_to_review() {
    for (amount, original, fee) in [
        (70_071, "70000.00", "70.00"),
        (70_071, "60000.00", "10071.00"),
        (70_071, "70000", "-71.00"),
        (140_000, "70000.00", ""),
    ] {
        let stack = Stack::start();
        let booked = stack.customer(1).book("09.00").await;
        with_fee(&stack, &booked, amount, original, fee).await;
        stack.expect_states(&booked, "Review", "Held").await;
        assert_eq!(stack.waiting("review").await.len(), 1, "{original} {fee}");
    }
}

#[tokio::test]
async fn b5_another_currency_goes_to_review() {
    let (midtrans, stack) = OwnMidtrans::start_with_stack();
    let customer = stack.customer(1);
    let booked = customer.book("09.00").await;
    let mut body = of_transaction(&booked.code, "t-1", "settlement", "200");
    body["currency"] = json!("USD");
    assert_eq!(midtrans.tells(&stack, &body).await, 200);
    stack.expect_states(&booked, "Review", "Held").await;
    assert_eq!(
        (customer.told(REVIEW).await, customer.told(RECEIPT).await),
        (1, 0)
    );
    assert_eq!(stack.waiting("review").await, ["t-1"]);
}

#[tokio::test]
async fn b5_currency_is_judged_by_what_midtrans_answers() {
    let stack = Stack::start();
    let booked = stack.customer(1).book("09.00").await;
    let pay = json!({"do": "pay", "raw": {"currency": "USD"}});
    stack.bank(&booked.code, pay).await;
    stack.expect_states(&booked, "Paid", "Confirmed").await;
}

#[tokio::test]
async fn b7_settlement_without_fraud_status_is_paid() {
    let stack = Stack::start();
    let customer = stack.customer(1);
    let booked = customer.book("09.00").await;
    paid(&stack, &booked, "indomaret").await;
    let body = true_body(&stack, &booked.code).await;
    assert!(body.get("fraud_status").is_none(), "{body}");
    stack.expect_states(&booked, "Paid", "Confirmed").await;
    assert_eq!(customer.told(RECEIPT).await, 1);
}

#[tokio::test]
async fn b8_a_deny_after_the_settlement_reverses_it() {
    for method in ["permata_va", "echannel", "indomaret"] {
        let stack = Stack::start();
        let customer = stack.customer(1);
        let booked = customer.book("09.00").await;
        paid(&stack, &booked, method).await;
        stack.advance("3m").await;
        let reversed = stack
            .bank(&booked.code, json!({"do": "reverse", "times": 2}))
            .await;
        assert_eq!(reversed["notified"], json!([200, 200]));
        // The booking stands until the desk decides, and so does its seat.
        stack.expect_states(&booked, "Reversed", "Confirmed").await;
        assert_eq!(
            (customer.told(RECEIPT).await, customer.told(REVERSED).await),
            (1, 1)
        );
        let transaction = stack.transaction_id(&booked.code).await;
        assert_eq!(stack.waiting("reversed").await, [transaction]);
        assert_eq!(stack.alarms().await, ["reversed"]);
        stack.advance("2h").await;
        let seat = stack
            .row("M#demo#DAY#2026-12-05", "SLOT#09:00#SEAT#1")
            .await;
        assert_eq!(seat.unwrap()["held_until"], Value::Null);
    }
}

#[tokio::test]
async fn b10_refunds_add_up_and_never_beyond_what_was_paid() {
    let stack = Stack::start();
    let booked = stack.customer(1).book("09.00").await;
    paid(&stack, &booked, "gopay").await;
    for (amount, all, state) in [
        (20_000, 20_000, "PartlyRefunded"),
        (20_000, 40_000, "PartlyRefunded"),
        (30_000, 70_000, "Refunded"),
    ] {
        let refund = json!({"do": "refund", "refund_amount": amount, "times": 2});
        let refunded = stack.bank(&booked.code, refund).await;
        assert_eq!(refunded["notified"], json!([200, 200]));
        stack.expect_states(&booked, state, "Confirmed").await;
        let stored = stack.payment_number(&booked.code, "refunded").await;
        assert_eq!(stored, Some(all));
    }
    let (status, _) = stack
        .try_bank(&booked.code, json!({"do": "refund", "refund_amount": 1}))
        .await;
    assert_eq!(status, 409, "the bank refuses more");
    assert_eq!(stack.alarms().await, [""; 0]);
}

#[tokio::test]
async fn b10_more_given_back_than_paid_is_capped_and_alarms() {
    let (midtrans, stack) = OwnMidtrans::start_with_stack();
    let booked = stack.customer(1).book("09.00").await;
    let mut body = of_transaction(&booked.code, "t-1", "settlement", "200");
    assert_eq!(midtrans.tells(&stack, &body).await, 200);
    body["transaction_status"] = json!("partial_refund");
    for (amount, stored, state) in [
        ("50000.00", 50_000, "PartlyRefunded"),
        ("40000.00", 50_000, "PartlyRefunded"),
        ("-1.00", 50_000, "PartlyRefunded"),
        ("90000.00", 70_000, "Refunded"),
        ("95000.00", 70_000, "Refunded"),
    ] {
        body["refund_amount"] = json!(amount);
        assert_eq!(midtrans.tells(&stack, &body).await, 200, "{amount}");
        stack.expect_states(&booked, state, "Confirmed").await;
        let refunded = stack.payment_number(&booked.code, "refunded").await;
        assert_eq!(refunded, Some(stored), "{amount}");
    }
    assert_eq!(stack.alarms().await, ["refunded too much"]);
}

#[tokio::test]
async fn a_refund_first_seen_while_unpaid_is_a_settlement_and_then_itself() {
    let stack = Stack::start();
    let booked = stack.customer(1).book("09.00").await;
    let pay = json!({"do": "pay", "method": "shopeepay", "notify": false});
    stack.bank(&booked.code, pay).await;
    let refund = json!({"do": "refund", "refund_amount": 20_000});
    stack.bank(&booked.code, refund).await;
    stack
        .expect_states(&booked, "PartlyRefunded", "Confirmed")
        .await;
    let refunded = stack.payment_number(&booked.code, "refunded").await;
    assert_eq!(refunded, Some(20_000));
}

#[tokio::test]
async fn a_reviewed_payment_that_is_given_back_waits_for_nobody() {
    let stack = Stack::start();
    let booked = stack.customer(1).book("09.00").await;
    let pay = json!({"do": "pay", "method": "gopay", "amount": "1.00", "status_amount": "1.00"});
    stack.bank(&booked.code, pay).await;
    assert_eq!(stack.waiting("review").await.len(), 1);
    let refund = json!({"do": "refund", "amount": "1.00"});
    assert_eq!(
        stack.bank(&booked.code, refund).await["notified"],
        json!([200])
    );
    stack.expect_states(&booked, "Refunded", "Held").await;
    assert_eq!(stack.waiting("review").await, [""; 0]);
}

#[tokio::test]
async fn a_chargeback_is_an_alarm_and_a_task() {
    let (midtrans, stack) = OwnMidtrans::start_with_stack();
    let booked = stack.customer(1).book("09.00").await;
    for (status, state) in [("settlement", "Paid"), ("chargeback", "ChargedBack")] {
        let body = of_transaction(&booked.code, "t-1", status, "200");
        assert_eq!(midtrans.tells(&stack, &body).await, 200);
        stack.expect_states(&booked, state, "Confirmed").await;
    }
    assert_eq!(stack.waiting("reversed").await, ["t-1"]);
    assert_eq!(stack.alarms().await, ["charged back"]);
}

#[tokio::test]
async fn what_is_not_money_on_the_table_is_not_paid() {
    let (midtrans, stack) = OwnMidtrans::start_with_stack();
    let customer = stack.customer(1);
    let booked = customer.book("09.00").await;
    let books = stack.books().await;
    for (nth, (status, code, fraud)) in [
        ("settlement", "201", json!("accept")),
        ("settlement", "202", json!("accept")),
        ("settlement", "200", json!("challenge")),
        ("settlement", "200", json!("deny")),
        ("settlement", "200", json!("")),
        ("settlement", "200", json!("ACCEPTED")),
        ("capture", "200", json!("deny")),
        ("authorize", "200", json!("accept")),
        ("hold", "200", json!("accept")),
        ("refund_pending", "200", json!("accept")),
    ]
    .into_iter()
    .enumerate()
    {
        let transaction = format!("t-{nth}");
        let mut body = of_transaction(&booked.code, &transaction, status, code);
        body["fraud_status"] = fraud.clone();
        assert_eq!(midtrans.tells(&stack, &body).await, 200, "{status} {fraud}");
        assert_eq!(stack.books().await, books, "{status} {code} {fraud}");
    }
    assert_eq!(customer.told(RECEIPT).await, 0);
}

#[tokio::test]
async fn a_status_in_capitals_is_the_same_status() {
    let (midtrans, stack) = OwnMidtrans::start_with_stack();
    let customer = stack.customer(1);
    let booked = customer.book("09.00").await;
    for (told, answered, state) in [
        ("pending", "PENDING", "Pending"),
        ("SETTLEMENT", "settlement", "Paid"),
    ] {
        midtrans.says(&of_transaction(&booked.code, "t-1", answered, "200"));
        let body = of_transaction(&booked.code, "t-1", told, "200");
        assert_eq!(stack.notify(&body).await.status(), 200);
        assert_eq!(stack.states(&booked).await.0, state);
    }
    assert_eq!(stack.alarms().await, [""; 0]);
}

#[tokio::test]
async fn a_second_paid_transaction_is_an_alarm_and_a_refund_task() {
    let (midtrans, stack) = OwnMidtrans::start_with_stack();
    let customer = stack.customer(1);
    let booked = customer.book("09.00").await;
    for transaction in ["t-1", "t-2", "t-2"] {
        let body = of_transaction(&booked.code, transaction, "settlement", "200");
        assert_eq!(midtrans.tells(&stack, &body).await, 200);
    }
    stack.expect_states(&booked, "Paid", "Confirmed").await;
    assert_eq!(customer.told(RECEIPT).await, 1);
    assert_eq!(stack.waiting("refund").await, ["t-2"]);
    assert_eq!(stack.alarms().await, ["paid twice"]);
    // The surplus given back takes nothing from the payment.
    let body = of_transaction(&booked.code, "t-2", "refund", "200");
    assert_eq!(midtrans.tells(&stack, &body).await, 200);
    stack.expect_states(&booked, "Paid", "Confirmed").await;
}

#[tokio::test]
async fn every_surplus_transaction_has_its_refund_task() {
    let (midtrans, stack) = OwnMidtrans::start_with_stack();
    let booked = stack.customer(1).book("09.00").await;
    for transaction in ["t-1", "t-2", "t-3"] {
        let body = of_transaction(&booked.code, transaction, "settlement", "200");
        assert_eq!(midtrans.tells(&stack, &body).await, 200);
    }
    assert_eq!(stack.alarms().await, ["paid twice", "paid twice"]);
    assert_eq!(stack.waiting("refund").await, ["t-2", "t-3"]);
}

#[tokio::test]
async fn money_for_two_attempts_confirms_once_and_the_rest_is_reviewed() {
    let (midtrans, stack) = OwnMidtrans::start_with_stack();
    let customer = stack.customer(1);
    let booked = customer.book("09.00").await;
    let body = of_transaction(&booked.code, "t-1", "cancel", "202");
    assert_eq!(midtrans.tells(&stack, &body).await, 200);
    stack.expect_states(&booked, "Cancelled", "Held").await;
    assert_eq!(stack.click_pay(&booked.link).await.0, 303);
    let second = format!("{}-A2", booked.code);
    assert_eq!(stack.page(&booked.link).await.order_id, second);
    // The old attempt is paid after all, and the page shows the one that was paid.
    let body = of_transaction(&booked.code, "t-1", "settlement", "200");
    assert_eq!(midtrans.tells(&stack, &body).await, 200);
    stack.expect_states(&booked, "Paid", "Confirmed").await;
    assert_eq!(stack.page(&booked.link).await.order_id, booked.code);
    assert_eq!(customer.told(RECEIPT).await, 1);
    let body = of_transaction(&second, "t-2", "settlement", "200");
    assert_eq!(midtrans.tells(&stack, &body).await, 200);
    stack.expect_states(&booked, "Paid", "Confirmed").await;
    assert_eq!(customer.told(RECEIPT).await, 1);
    assert_eq!(stack.waiting("review").await, ["t-2"]);
}

#[tokio::test]
async fn late_money_takes_the_seat_again_where_it_is_free() {
    let stack = Stack::start();
    let customer = stack.customer(1);
    let booked = customer.book("09.00").await;
    stack.charge_for_a_day(&booked.code, 70_000).await;
    stack.advance("3h").await;
    stack.expect_states(&booked, "Pending", "Expired").await;
    let paid = stack.bank(&booked.code, json!({"do": "pay"})).await;
    assert_eq!(paid["notified"], json!([200]));
    stack.expect_states(&booked, "Paid", "Confirmed").await;
    assert_eq!(customer.told(RECEIPT).await, 1);
    let seat = stack
        .row("M#demo#DAY#2026-12-05", "SLOT#09:00#SEAT#1")
        .await;
    let seat = seat.unwrap();
    assert_eq!(
        (&seat["code"]["S"], &seat["held_until"]),
        (&json!(booked.code), &Value::Null)
    );
}

#[tokio::test]
async fn late_money_for_an_expired_payment_takes_the_seat_again_too() {
    let (midtrans, stack) = OwnMidtrans::start_with_stack();
    let customer = stack.customer(1);
    let booked = customer.book("09.00").await;
    stack.advance("3h").await;
    let body = of_transaction(&booked.code, "t-1", "expire", "202");
    assert_eq!(midtrans.tells(&stack, &body).await, 200);
    stack.expect_states(&booked, "Expired", "Expired").await;
    let mut body = of_transaction(&booked.code, "t-1", "settlement", "200");
    body["settlement_time"] = json!("2026-12-01 11:00:00");
    assert_eq!(midtrans.tells(&stack, &body).await, 200);
    stack.expect_states(&booked, "Paid", "Confirmed").await;
    assert_eq!(customer.told(RECEIPT).await, 1);
}

#[tokio::test]
async fn late_money_for_a_seat_of_another_customer_goes_to_review() {
    let stack = Stack::start();
    let (late, other) = (stack.customer(1), stack.customer(2));
    let booked = late.book("09.00").await;
    stack.charge_for_a_day(&booked.code, 70_000).await;
    stack.advance("70m").await;
    let others = other.book("09.00").await;
    let theirs = |rows: Vec<Value>| -> Vec<Value> {
        let of_other = |row: &Value| row.to_string().contains(&others.code);
        rows.into_iter().filter(of_other).collect()
    };
    let before = theirs(stack.books().await);
    let paid = stack.bank(&booked.code, json!({"do": "pay"})).await;
    assert_eq!(paid["notified"], json!([200]));
    stack.expect_states(&booked, "Review", "Expired").await;
    assert_eq!((late.told(REVIEW).await, late.told(RECEIPT).await), (1, 0));
    let transaction = stack.transaction_id(&booked.code).await;
    assert_eq!(stack.waiting("review").await, [transaction]);
    assert_eq!(theirs(stack.books().await), before);
    assert_eq!(other.told(REVIEW).await, 0);
    // Nothing of it stands in the other customer's way.
    self::paid(&stack, &others, "qris").await;
    stack.expect_states(&others, "Paid", "Confirmed").await;
    stack.expect_states(&booked, "Review", "Expired").await;
}

#[tokio::test]
async fn late_money_after_the_slot_began_goes_to_review() {
    let stack = on_the_day("07:30");
    let customer = stack.customer(1);
    let booked = customer.book("09.00").await;
    stack.charge_for_a_day(&booked.code, 70_000).await;
    stack.set_clock("2026-12-05T09:10:00+07:00").await;
    let paid = stack.bank(&booked.code, json!({"do": "pay"})).await;
    assert_eq!(paid["notified"], json!([200]));
    stack.expect_states(&booked, "Review", "Expired").await;
    assert_eq!(
        (customer.told(REVIEW).await, customer.told(RECEIPT).await),
        (1, 0)
    );
    assert_eq!(stack.waiting("review").await.len(), 1);
}

#[tokio::test]
async fn money_settled_in_time_and_notified_late_is_paid() {
    let stack = on_the_day("07:30");
    let customer = stack.customer(1);
    let booked = customer.book("09.00").await;
    let choose = json!({"do": "choose", "method": "bca_va"});
    stack.bank(&booked.code, choose).await;
    stack.set_clock("2026-12-05T08:29:00+07:00").await;
    stack
        .fault(json!({"at": "midtrans", "op": "status", "fault": "http_500", "times": 1_000}))
        .await;
    let paid = stack.bank(&booked.code, json!({"do": "pay"})).await;
    assert_eq!(paid["notified"], json!([503]));
    // Midtrans tries again after 2, 10 and 30 minutes more: the hold is over and the slot began.
    stack.advance("3m").await;
    stack.advance("11m").await;
    stack.expect_states(&booked, "Pending", "Expired").await;
    stack.end_faults().await;
    stack.advance("31m").await;
    stack.expect_states(&booked, "Paid", "Confirmed").await;
    assert_eq!(customer.told(RECEIPT).await, 1);
}

#[tokio::test]
async fn money_settled_in_time_for_a_seat_sold_since_goes_to_review() {
    let stack = Stack::start();
    let (first, second) = (stack.customer(1), stack.customer(2));
    let booked = first.book("09.00").await;
    let pay = json!({"do": "pay", "method": "bca_va", "notify": false});
    stack.bank(&booked.code, pay).await;
    // Nor does it answer when it is asked meanwhile.
    stack
        .fault(json!({"at": "midtrans", "op": "status", "fault": "http_500", "times": 1_000}))
        .await;
    stack.advance("66m").await;
    stack.end_faults().await;
    let others = second.book("09.00").await;
    let body = true_body(&stack, &booked.code).await;
    assert_eq!(stack.notify(&body).await.status(), 200);
    stack.expect_states(&booked, "Review", "Expired").await;
    stack.expect_states(&others, "Created", "Held").await;
    assert_eq!(
        (first.told(REVIEW).await, second.told(REVIEW).await),
        (1, 0)
    );
}

#[tokio::test]
async fn an_unpaid_code_ends_with_the_hold() {
    let stack = Stack::start();
    let booked = stack.customer(1).book("09.00").await;
    let choose = json!({"do": "choose", "method": "bca_va"});
    stack.bank(&booked.code, choose).await;
    stack.advance("61m").await;
    stack.expect_states(&booked, "Expired", "Expired").await;
    let (status, _) = stack.try_bank(&booked.code, json!({"do": "pay"})).await;
    assert_eq!(status, 409);
    let (status, location) = stack.click_pay(&booked.link).await;
    assert_eq!(status, 303);
    assert!(
        booked.link.ends_with(&location.unwrap()),
        "nothing is to be paid"
    );
}

#[tokio::test]
async fn a_denied_card_is_tried_again_and_its_old_transaction_is_ignored() {
    let stack = Stack::start();
    let customer = stack.customer(1);
    let booked = customer.book("09.00").await;
    let deny = json!({"do": "deny", "method": "credit_card"});
    assert_eq!(
        stack.bank(&booked.code, deny).await["notified"],
        json!([200])
    );
    stack.expect_states(&booked, "Denied", "Held").await;
    let denied = true_body(&stack, &booked.code).await;
    // While another method of the order is pending, too.
    let choose = json!({"do": "choose", "method": "bca_va"});
    stack.bank(&booked.code, choose).await;
    stack.expect_states(&booked, "Pending", "Held").await;
    let mut again = denied.clone();
    again["custom_field1"] = json!("again");
    assert_eq!(stack.notify(&again).await.status(), 200);
    stack.expect_states(&booked, "Pending", "Held").await;
    let pay = json!({"do": "pay"});
    assert_eq!(
        stack.bank(&booked.code, pay).await["notified"],
        json!([200])
    );
    stack.expect_states(&booked, "Paid", "Confirmed").await;
    let books = stack.books().await;
    again["custom_field1"] = json!("and again");
    assert_eq!(stack.notify(&again).await.status(), 200);
    assert_eq!(stack.books().await, books);
    assert_eq!(
        (customer.told(RECEIPT).await, customer.told(REVERSED).await),
        (1, 0)
    );
    assert_eq!(stack.alarms().await, [""; 0]);
}

#[tokio::test]
async fn what_becomes_of_an_older_transaction_moves_nothing() {
    let (midtrans, stack) = OwnMidtrans::start_with_stack();
    let booked = stack.customer(1).book("09.00").await;
    for (transaction, status, code) in [("t-1", "deny", "202"), ("t-2", "capture", "200")] {
        let body = of_transaction(&booked.code, transaction, status, code);
        assert_eq!(midtrans.tells(&stack, &body).await, 200);
    }
    stack.expect_states(&booked, "Paid", "Confirmed").await;
    let books = stack.books().await;
    for (status, code) in [
        ("deny", "202"),
        ("expire", "202"),
        ("cancel", "202"),
        ("failure", "202"),
        ("refund", "200"),
        ("partial_refund", "200"),
        ("chargeback", "200"),
        ("partial_chargeback", "200"),
        ("pending", "201"),
    ] {
        let body = of_transaction(&booked.code, "t-1", status, code);
        assert_eq!(midtrans.tells(&stack, &body).await, 200);
        assert_eq!(stack.books().await, books, "{status}");
    }
}

#[tokio::test]
async fn a_challenge_freezes_the_hold_and_is_accepted() {
    let stack = Stack::start();
    let customer = stack.customer(1);
    let booked = customer.book("09.00").await;
    let challenge = json!({"do": "challenge", "method": "credit_card"});
    let challenged = stack.bank(&booked.code, challenge).await;
    assert_eq!(challenged["notified"], json!([200]));
    stack.expect_states(&booked, "Challenge", "Held").await;
    let (status, location) = stack.click_pay(&booked.link).await;
    assert_eq!(status, 303);
    assert!(
        booked.link.ends_with(&location.unwrap()),
        "it is being paid"
    );
    stack.advance("23h").await;
    stack.expect_states(&booked, "Challenge", "Held").await;
    let other = stack.customer(2);
    other.say("/order").await;
    other.press("Booking").await;
    other.say("05/12/2026").await;
    let slots = other.press("iPhone 6").await;
    assert!(
        !slots.buttons.iter().any(|slot| slot.starts_with("09.00")),
        "{slots:?}"
    );
    assert_eq!(customer.told(RECEIPT).await, 0);
    let accepted = stack.bank(&booked.code, json!({"do": "accept"})).await;
    assert_eq!(accepted["notified"], json!([200]));
    stack.expect_states(&booked, "Paid", "Confirmed").await;
    // The card was taken yesterday: its receipt waits for the end of the night.
    stack.advance("2h").await;
    assert_eq!(customer.told(RECEIPT).await, 1);
}

#[tokio::test]
async fn a_challenge_freezes_the_hold_for_a_day_at_most() {
    let stack = Stack::start();
    let booked = stack.customer(1).book("09.00").await;
    let challenge = json!({"do": "challenge", "method": "credit_card", "times": 2});
    stack.bank(&booked.code, challenge).await;
    stack.advance("12h").await;
    // Told again it is not frozen anew.
    let mut again = true_body(&stack, &booked.code).await;
    again["custom_field1"] = json!("again");
    assert_eq!(stack.notify(&again).await.status(), 200);
    stack.advance("12h1m").await;
    stack.expect_states(&booked, "Challenge", "Expired").await;
    stack.advance("5m").await;
    let others = stack.customer(2).book("09.00").await;
    stack.expect_states(&others, "Created", "Held").await;
}

#[tokio::test]
async fn a_challenge_is_denied() {
    let stack = Stack::start();
    let customer = stack.customer(1);
    let booked = customer.book("09.00").await;
    let challenge = json!({"do": "challenge", "method": "credit_card"});
    stack.bank(&booked.code, challenge).await;
    let denied = stack.bank(&booked.code, json!({"do": "deny"})).await;
    assert_eq!(denied["notified"], json!([200]));
    stack.expect_states(&booked, "Denied", "Held").await;
    assert_eq!(
        (customer.told(RECEIPT).await, customer.told(REVERSED).await),
        (0, 0)
    );
}

/// A hold that was frozen outlives the page that was made for it.
#[tokio::test]
async fn after_a_denied_challenge_the_page_leads_where_money_is_taken() {
    let stack = Stack::start();
    let booked = stack.customer(1).book("09.00").await;
    let challenge = json!({"do": "challenge", "method": "credit_card"});
    stack.bank(&booked.code, challenge).await;
    stack.advance("2h").await;
    stack.bank(&booked.code, json!({"do": "deny"})).await;
    let (payment, repair) = stack.states(&booked).await;
    assert_eq!(payment, "Denied");
    let (status, location) = stack.click_pay(&booked.link).await;
    assert_eq!(status, 303);
    if repair == "Held" {
        let order = stack.page(&booked.link).await.order_id;
        let pay = json!({"do": "pay", "method": "credit_card"});
        let (status, answer) = stack.try_bank(&order, pay).await;
        assert_eq!(status, 200, "{location:?}: {answer}");
        stack.expect_states(&booked, "Paid", "Confirmed").await;
    } else {
        assert!(booked.link.ends_with(&location.unwrap()));
    }
}

#[tokio::test]
async fn a_captured_card_is_settled_without_a_second_receipt() {
    let stack = Stack::start();
    let customer = stack.customer(1);
    let booked = customer.book("09.00").await;
    paid(&stack, &booked, "credit_card").await;
    stack.expect_states(&booked, "Paid", "Confirmed").await;
    stack.advance("26h").await;
    let settled = stack.bank(&booked.code, json!({"do": "settle"})).await;
    assert_eq!(settled["notified"], json!([200]));
    stack.expect_states(&booked, "Paid", "Confirmed").await;
    assert_eq!(customer.told(RECEIPT).await, 1);
    assert_eq!(stack.alarms().await, [""; 0]);
}

#[tokio::test]
async fn a_capture_is_called_off() {
    let stack = Stack::start();
    let booked = stack.customer(1).book("09.00").await;
    paid(&stack, &booked, "credit_card").await;
    let cancelled = stack.bank(&booked.code, json!({"do": "cancel"})).await;
    assert_eq!(cancelled["notified"], json!([200]));
    stack.expect_states(&booked, "Cancelled", "Confirmed").await;
}

#[tokio::test]
async fn a_settlement_is_not_called_off() {
    let (midtrans, stack) = OwnMidtrans::start_with_stack();
    let booked = stack.customer(1).book("09.00").await;
    let body = of_transaction(&booked.code, "t-1", "settlement", "200");
    assert_eq!(midtrans.tells(&stack, &body).await, 200);
    for status in ["cancel", "expire", "failure"] {
        let body = of_transaction(&booked.code, "t-1", status, "202");
        assert_eq!(midtrans.tells(&stack, &body).await, 200);
        stack.expect_states(&booked, "Paid", "Confirmed").await;
    }
}

#[tokio::test]
async fn an_attempt_that_ended_makes_room_for_the_next_while_the_hold_lives() {
    for (deed, state) in [("expire", "Expired"), ("cancel", "Cancelled")] {
        let stack = Stack::start();
        let customer = stack.customer(1);
        let booked = customer.book("09.00").await;
        let choose = json!({"do": "choose", "method": "bca_va"});
        stack.bank(&booked.code, choose).await;
        stack.bank(&booked.code, json!({"do": deed})).await;
        stack.expect_states(&booked, state, "Held").await;
        let second = format!("{}-A2", booked.code);
        let (status, location) = stack.click_pay(&booked.link).await;
        let transaction = stack.transaction(&second).await.unwrap();
        assert_eq!(
            (status, json!(location)),
            (303.try_into().unwrap(), transaction["redirect_url"].clone())
        );
        assert_eq!(transaction["gross_amount"], 70_000);
        let page = stack.page(&booked.link).await;
        assert_eq!(
            (page.order_id, page.payment),
            (second.clone(), "Created".to_owned())
        );
        // The same page again, and no third attempt.
        assert_eq!(stack.click_pay(&booked.link).await, (status, location));
        assert_eq!(
            stack.transaction(&format!("{}-A3", booked.code)).await,
            None
        );
        let paid = stack
            .bank(&second, json!({"do": "pay", "method": "qris"}))
            .await;
        assert_eq!(paid["notified"], json!([200]));
        stack.expect_states(&booked, "Paid", "Confirmed").await;
        assert_eq!(customer.told(RECEIPT).await, 1);
    }
}

#[tokio::test]
async fn the_page_is_asked_for_what_was_booked_and_ends_with_the_hold() {
    let stack = Stack::start();
    let booked = stack.customer(1).book("09.00").await;
    let calls = stack.calls("midtrans").await;
    assert_eq!(calls.len(), 1, "{calls:?}");
    assert_eq!(calls[0]["path"], "/sandbox/midtrans/snap/v1/transactions");
    let request = &calls[0]["body"];
    assert_eq!(
        request["transaction_details"],
        json!({"order_id": booked.code, "gross_amount": 70_000})
    );
    let items = request["item_details"].as_array().unwrap();
    let sum: i64 = items
        .iter()
        .map(|item| item["price"].as_i64().unwrap() * item["quantity"].as_i64().unwrap())
        .sum();
    assert_eq!(sum, 70_000);
    assert!(items[0]["name"].as_str().unwrap().contains("iPhone 6"));
    assert_eq!(request["customer_details"]["first_name"], "Budi");
    assert_eq!(request["callbacks"]["finish"], booked.link);
    let expiry = &request["expiry"];
    assert_eq!(expiry["unit"], "minute");
    let start = expiry["start_time"].as_str().unwrap();
    let start = Timestamp::strptime("%Y-%m-%d %H:%M:%S %z", start).unwrap();
    let end = start.as_second() + expiry["duration"].as_i64().unwrap() * 60;
    let held_until = held_until(&stack, &booked).await;
    assert!(
        (held_until - 60..=held_until).contains(&end),
        "{end} {held_until}"
    );
}

async fn held_until(stack: &Stack, booked: &Booked) -> i64 {
    let pk = format!("M#demo#RSV#{}", booked.code);
    let row = stack.row(&pk, "RESERVATION").await.unwrap();
    row["held_until"]["N"].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_page_that_is_opened_late_ends_with_the_hold_too() {
    let stack = Stack::start();
    stack
        .fault(json!({"at": "midtrans", "op": "transactions", "fault": "http_500"}))
        .await;
    let booked = stack.customer(1).book("09.00").await;
    stack.expect_states(&booked, "Created", "Held").await;
    stack.advance("50m").await;
    assert_eq!(stack.click_pay(&booked.link).await.0, 303);
    let mut calls = stack.calls("midtrans").await;
    calls.retain(|call| call["op"] == "transactions");
    assert_eq!(calls.len(), 2);
    let expiry = &calls[1]["body"]["expiry"];
    let start = expiry["start_time"].as_str().unwrap();
    let start = Timestamp::strptime("%Y-%m-%d %H:%M:%S %z", start).unwrap();
    let end = start.as_second() + expiry["duration"].as_i64().unwrap() * 60;
    let held_until = held_until(&stack, &booked).await;
    assert!(
        (held_until - 60..=held_until).contains(&end),
        "{end} {held_until}"
    );
}

#[tokio::test]
async fn the_button_leads_to_midtrans_page_and_back_when_nothing_is_to_be_paid() {
    let stack = Stack::start();
    let booked = stack.customer(1).book("09.00").await;
    let transaction = stack.transaction(&booked.code).await.unwrap();
    let url = transaction["redirect_url"].as_str().unwrap().to_owned();
    let (status, location) = stack.click_pay(&booked.link).await;
    assert_eq!(
        (status.as_u16(), location.as_deref()),
        (303, Some(url.as_str()))
    );
    let answer = stack.send_pay(&booked.link, Some("application/json")).await;
    assert_eq!(answer.status(), 200);
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["redirect_url"], url);
    assert!(url.ends_with(body["token"].as_str().unwrap()), "{body}");
    assert_eq!(stack.count("midtrans", Some("transactions")).await, 1);
    paid(&stack, &booked, "qris").await;
    let (status, location) = stack.click_pay(&booked.link).await;
    assert_eq!(status, 303);
    assert!(booked.link.ends_with(&location.unwrap()));
    let answer = stack.send_pay(&booked.link, Some("application/json")).await;
    assert_eq!(answer.status(), 409);
    assert_eq!(stack.count("midtrans", Some("transactions")).await, 1);
}

#[tokio::test]
async fn b19_a_page_whose_answer_was_lost_is_asked_for_again_and_is_one_transaction() {
    let stack = Stack::start();
    stack
        .fault(json!({"at": "midtrans", "op": "transactions", "fault": "timeout_after"}))
        .await;
    let customer = stack.customer(1);
    let booked = customer.book("09.00").await;
    let (status, location) = stack.click_pay(&booked.link).await;
    assert_eq!(status, 303);
    let all = stack.get_json("/sandbox/midtrans/transactions").await;
    assert_eq!(all.as_array().unwrap().len(), 1);
    assert_eq!(
        (&all[0]["order_id"], &all[0]["redirect_url"]),
        (&json!(booked.code), &json!(location))
    );
    assert_eq!(stack.count("midtrans", Some("transactions")).await, 2);
    paid(&stack, &booked, "bca_va").await;
    stack.expect_states(&booked, "Paid", "Confirmed").await;
    assert_eq!(customer.told(RECEIPT).await, 1);
}

#[tokio::test]
async fn b19_while_midtrans_makes_no_page_the_order_page_says_so_and_asks_again() {
    for fault in ["timeout_before", "http_500", "throttle", "503"] {
        let stack = Stack::start();
        stack
            .fault(json!({"at": "midtrans", "op": "transactions", "fault": fault, "times": 2}))
            .await;
        let booked = stack.customer(1).book("09.00").await;
        let answer = stack.send_pay(&booked.link, None).await;
        assert_eq!(answer.status(), 503, "{fault}");
        let html = answer.text().await.unwrap();
        assert!(html.contains(&booked.code), "{html}");
        stack.expect_states(&booked, "Created", "Held").await;
        assert_eq!(stack.click_pay(&booked.link).await.0, 303, "{fault}");
    }
}

#[tokio::test]
async fn b19_an_order_id_taken_by_a_payment_gets_no_second_one() {
    let stack = Stack::start();
    stack
        .fault(json!({"at": "midtrans", "op": "transactions", "fault": "timeout_after"}))
        .await;
    let customer = stack.customer(1);
    let booked = customer.book("09.00").await;
    let pay = json!({"do": "pay", "method": "bca_va", "notify": false});
    stack.bank(&booked.code, pay).await;
    let (status, location) = stack.click_pay(&booked.link).await;
    assert!(status == 503 || status == 303, "{status}");
    if let Some(location) = location {
        assert!(booked.link.ends_with(&location), "{location}");
    }
    assert_eq!(
        stack.transaction(&format!("{}-A2", booked.code)).await,
        None
    );
    let body = true_body(&stack, &booked.code).await;
    assert_eq!(stack.notify(&body).await.status(), 200);
    stack.expect_states(&booked, "Paid", "Confirmed").await;
    assert_eq!(stack.page(&booked.link).await.order_id, booked.code);
    assert_eq!(customer.told(RECEIPT).await, 1);
}

#[tokio::test]
async fn b19_an_order_id_taken_unpaid_is_ended_before_the_next_one_opens() {
    let stack = Stack::start();
    stack
        .fault(json!({"at": "midtrans", "op": "transactions", "fault": "timeout_before"}))
        .await;
    let customer = stack.customer(1);
    let booked = customer.book("09.00").await;
    // The order id is in use for something else, so Midtrans gives out no page for it.
    stack.charge_for_a_day(&booked.code, 1).await;
    let (status, location) = stack.click_pay(&booked.link).await;
    stack.idle().await;
    let second = format!("{}-A2", booked.code);
    let transaction = stack.transaction(&second).await.unwrap();
    assert_eq!(
        (status.as_u16(), json!(location)),
        (303, transaction["redirect_url"].clone())
    );
    let first = stack.transaction(&booked.code).await.unwrap();
    assert_eq!(
        first["status"], "expire",
        "its codes take no money any more"
    );
    let paid = stack.bank(&second, json!({"do": "pay"})).await;
    assert_eq!(paid["notified"], json!([200]));
    stack.expect_states(&booked, "Paid", "Confirmed").await;
    assert_eq!(customer.told(RECEIPT).await, 1);
}

#[tokio::test]
async fn a_transaction_of_another_order_pays_nothing() {
    let stack = Stack::start();
    let (one, other) = (stack.customer(1), stack.customer(2));
    let (paid_for, booked) = (one.book("09.00").await, other.book("12.00").await);
    paid(&stack, &paid_for, "qris").await;
    let foreign = stack.transaction_id(&paid_for.code).await;
    let books = stack.books().await;
    let body = notification(&booked.code, &foreign, "settlement", "200", "70000.00");
    assert_eq!(stack.notify(&body).await.status(), 200);
    assert_eq!(stack.books().await, books);
    stack.expect_states(&booked, "Created", "Held").await;
    assert_eq!(other.told(RECEIPT).await, 0);
    assert_eq!(stack.alarms().await, ["foreign transaction"]);
}
