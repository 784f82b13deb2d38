//! Messages over WhatsApp and what they cost, over the whole stack. What arrived is counted by the
//! stand-in for Meta alone.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands"
)]

use pesan_tests::operator::Operator;
use pesan_tests::payment::RECEIPT;
use pesan_tests::whatsapp::{ACCOUNT, NUMBER, body, statuses};
use pesan_tests::{Booked, Setup, Stack, phone_of};
use serde_json::{Value, json};

const SEND: &str = "pesan messages send demo --template payment_reminder --csv list.csv";

/// A customer who has booked and shared their number.
async fn shared(stack: &Stack) -> Booked {
    let budi = stack.customer(1);
    let booked = budi.book("09.00").await;
    budi.press("Bagikan nomor").await;
    budi.press("Bagikan nomor").await;
    booked
}

async fn pay(stack: &Stack, booked: &Booked) {
    let paid = json!({"do": "pay", "method": "bca_va"});
    stack.bank(&booked.code, paid).await;
}

/// What the balance of the merchant `demo` says: available, reserved, spent.
fn balance(operator: &Operator) -> [u64; 3] {
    let balance = operator.does("pesan balance demo --json").json();
    ["available", "reserved", "spent"].map(|part| balance[part].as_u64().unwrap())
}

/// Sends a reminder to the phones of these numbers.
async fn remind(stack: &Stack, operator: &Operator, numbers: std::ops::Range<u32>) {
    let mut list = "phone,1,2,3,4,5,link\n".to_owned();
    for number in numbers {
        stack.keep_private(&phone(number));
        let row = format!(
            "{},Budi,Desember 2026,Jaya,Rp70.000,10 Desember 2026,b/x\n",
            phone(number)
        );
        list.push_str(&row);
    }
    operator.file("list.csv", &list);
    operator.does(SEND);
    stack.idle().await;
}

fn phone(number: u32) -> String {
    format!("6281255{number:06}")
}

/// The states of all messages over WhatsApp.
async fn states(stack: &Stack) -> Vec<String> {
    let mut rows = stack.rows_at("MESSAGE").await;
    rows.retain(|row| row["channel"]["S"] == "whatsapp");
    let state = |row: &Value| row["state"]["M"]["at"]["S"].as_str().unwrap().to_owned();
    let mut states: Vec<String> = rows.iter().map(state).collect();
    states.sort();
    states
}

/// The one message over WhatsApp.
async fn message(stack: &Stack) -> Value {
    let mut rows = stack.rows_at("MESSAGE").await;
    rows.retain(|row| row["channel"]["S"] == "whatsapp");
    assert_eq!(rows.len(), 1, "{rows:#?}");
    rows.remove(0)
}

async fn expect_no_dead_letters(stack: &Stack) {
    for queue in stack.get_json("/sandbox/queues").await.as_array().unwrap() {
        assert_eq!(queue["dead"], 0, "{queue}");
    }
}

/// What comes of later messages at Meta.
async fn receipts(stack: &Stack, receipts: Value) {
    let order = json!({"receipts": receipts});
    stack.handle("/sandbox/whatsapp-receipts", &order).await;
}

#[tokio::test]
async fn a_receipt_arrives_on_both_channels_and_costs_its_price() {
    let stack = Stack::start();
    let operator = Operator::of(&stack);
    let booked = shared(&stack).await;
    pay(&stack, &booked).await;
    assert_eq!(stack.customer(1).told(RECEIPT).await, 1);
    let inbox = stack.inbox(&phone_of(1)).await;
    assert_eq!(inbox.len(), 1, "{inbox:?}");
    assert!(inbox[0].contains("Rp70.000"), "{inbox:?}");
    assert_eq!(balance(&operator), [36_700 - 367, 0, 367]);
    stack.advance("24h").await;
    assert_eq!(stack.sends().await, 1);
    assert_eq!(balance(&operator), [36_700 - 367, 0, 367]);
    assert_eq!(stack.alarms().await, [""; 0]);
}

#[tokio::test]
async fn d11_who_said_stop_gets_the_answer_and_no_receipt_by_whatsapp() {
    let stack = Stack::start();
    let operator = Operator::of(&stack);
    let booked = shared(&stack).await;
    stack.writes(&phone_of(1), "STOP", 2).await;
    pay(&stack, &booked).await;
    assert_eq!(stack.customer(1).told(RECEIPT).await, 1);
    assert_eq!(stack.inbox(&phone_of(1)).await.len(), 1, "the answer alone");
    assert_eq!(states(&stack).await, ["Dropped", "Read"]);
    assert_eq!(balance(&operator), [36_700 - 367, 0, 367]);
}

#[tokio::test]
async fn e20_a_list_sent_at_night_arrives_in_the_morning() {
    let stack = Stack::start_with(&Setup {
        clock: Some("2026-12-01T22:00:00+07:00".to_owned()),
        ..Setup::default()
    });
    let operator = Operator::of(&stack);
    remind(&stack, &operator, 1..4).await;
    assert_eq!(stack.sends().await, 0);
    assert_eq!(balance(&operator), [36_700, 0, 0]);
    stack.set_clock("2026-12-02T07:59:00+07:00").await;
    assert_eq!(stack.sends().await, 0);
    stack.set_clock("2026-12-02T08:02:00+07:00").await;
    assert_eq!(stack.sends().await, 3);
    assert_eq!(balance(&operator), [36_700 - 3 * 367, 0, 3 * 367]);
}

#[tokio::test]
async fn d20_an_unreachable_number_fails_once_and_holds_up_nobody() {
    let stack = Stack::start();
    let operator = Operator::of(&stack);
    stack
        .fault(json!({"at": "whatsapp", "op": "messages", "fault": "131026"}))
        .await;
    remind(&stack, &operator, 1..6).await;
    stack.advance("2h").await;
    assert_eq!(stack.sends().await, 5);
    assert_eq!(
        states(&stack).await,
        ["Failed", "Read", "Read", "Read", "Read"]
    );
    assert_eq!(balance(&operator), [36_700 - 4 * 367, 0, 4 * 367]);
    expect_no_dead_letters(&stack).await;
}

#[tokio::test]
async fn e8_e10_receipts_in_any_order_and_number_move_forward_only() {
    let stack = Stack::start();
    let operator = Operator::of(&stack);
    receipts(&stack, json!(["read", "sent", "delivered"])).await;
    remind(&stack, &operator, 1..2).await;
    let read = message(&stack).await;
    assert_eq!(read["state"]["M"]["at"]["S"], "Read");
    let status = json!({
        "id": read["vendor_id"]["S"], "status": "delivered", "timestamp": "1796086900",
        "recipient_id": phone(1), "biz_opaque_callback_data": read["id"]["S"],
    });
    let told = body(ACCOUNT, &[statuses(NUMBER, &[status])]);
    for _ in 0..20 {
        assert_eq!(stack.hook(&told).await.status(), 200);
    }
    stack.advance("30m").await;
    assert_eq!(message(&stack).await, read);
    assert_eq!(balance(&operator), [36_700 - 367, 0, 367]);
}

#[tokio::test]
async fn d7_a_killed_sender_is_settled_by_the_echo_and_nothing_is_sent_again() {
    let stack = Stack::start();
    let operator = Operator::of(&stack);
    stack
        .fault(json!({"at": "whatsapp", "op": "messages", "fault": "kill_after"}))
        .await;
    remind(&stack, &operator, 1..2).await;
    stack.advance("2h").await;
    assert_eq!(stack.sends().await, 1);
    let message = message(&stack).await;
    assert_eq!(message["state"]["M"]["at"]["S"], "Read");
    assert_eq!(message["possibly_double"]["BOOL"], false);
    assert_eq!(balance(&operator), [36_700 - 367, 0, 367]);
    expect_no_dead_letters(&stack).await;
}

#[tokio::test]
async fn d8_a_lost_answer_without_an_echo_is_sent_again_once_and_marked() {
    for fault in ["timeout_after", "kill_after"] {
        let stack = Stack::start();
        let operator = Operator::of(&stack);
        receipts(&stack, json!([])).await;
        stack
            .fault(json!({"at": "whatsapp", "op": "messages", "fault": fault}))
            .await;
        remind(&stack, &operator, 1..2).await;
        stack.advance("2h").await;
        assert_eq!(stack.sends().await, 2, "{fault}");
        let message = message(&stack).await;
        assert_eq!(message["state"]["M"]["at"]["S"], "Accepted");
        assert_eq!(message["possibly_double"]["BOOL"], true);
        assert_eq!(balance(&operator), [36_700 - 367, 0, 367], "paid once");
        expect_no_dead_letters(&stack).await;
    }
}

#[tokio::test]
async fn d19_a_refused_token_pauses_until_the_operator_activates_again() {
    let stack = Stack::start();
    let operator = Operator::of(&stack);
    stack
        .fault(json!({"at": "whatsapp", "op": "messages", "fault": "190", "times": 3}))
        .await;
    remind(&stack, &operator, 1..4).await;
    stack.advance("2h").await;
    assert_eq!(states(&stack).await, ["Held"; 3]);
    assert_eq!(balance(&operator), [36_700, 0, 0]);
    let alarms = stack.alarms().await;
    assert_eq!(alarms, ["channel paused"]);
    // Whoever came after the first found the channel stopped, and met no fault.
    stack.end_faults().await;
    let before = stack.sends().await;
    let found = operator.is_refused("pesan doctor demo");
    assert!(found.contains("token is no longer valid"), "{found}");
    operator.does("pesan whatsapp activate demo");
    let found = operator.tries("pesan doctor demo").out;
    assert!(!found.contains("no longer valid"), "{found}");
    stack.advance("2m").await;
    assert_eq!(stack.sends().await, before + 3);
    assert_eq!(states(&stack).await, ["Read"; 3]);
    assert_eq!(balance(&operator), [36_700 - 3 * 367, 0, 3 * 367]);
}

#[tokio::test]
async fn g1_what_the_balance_does_not_cover_waits_for_the_top_up() {
    let stack = Stack::start();
    let operator = Operator::of(&stack);
    operator.does("pesan merchant set demo --price 3670");
    remind(&stack, &operator, 1..16).await;
    assert_eq!(stack.sends().await, 10);
    assert_eq!(balance(&operator), [0, 0, 36_700]);
    operator.does("pesan topup demo --package 100 --received transfer-1");
    stack.advance("2m").await;
    assert_eq!(stack.sends().await, 15);
    assert_eq!(balance(&operator), [5 * 3_670, 0, 15 * 3_670]);
    expect_no_dead_letters(&stack).await;
}

#[tokio::test]
async fn j11_dead_letters_of_a_week_ago_are_too_old_when_they_are_brought_back() {
    let stack = Stack::start();
    let operator = Operator::of(&stack);
    // A sender takes its instants by the only such call: it dies there, and five times.
    stack
        .fault(json!({"at": "dynamodb", "op": "PutItem", "fault": "kill_before", "times": 5}))
        .await;
    remind(&stack, &operator, 1..2).await;
    stack.advance("20m").await;
    let letters = stack.get_json("/sandbox/queues/BulkDeadLetterQueue").await;
    assert_eq!(
        letters.as_array().unwrap().len(),
        1,
        "{letters} {}",
        stack.get_json("/sandbox/queues").await
    );
    stack.advance("168h").await;
    let redrive = "/sandbox/queues/BulkQueue/redrive";
    let redriven = stack.handle(redrive, &json!({})).await;
    assert_eq!(redriven["messages"], 1);
    assert_eq!(stack.sends().await, 0);
    assert_eq!(states(&stack).await, ["Dropped"]);
    assert_eq!(balance(&operator), [36_700, 0, 0]);
    expect_no_dead_letters(&stack).await;
}
