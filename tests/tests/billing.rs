//! The month's end over the whole stack: every phone holds one bill, counted at the vendor, whatever
//! happens on the way.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands"
)]

use std::collections::BTreeMap;

use pesan_tests::operator::Operator;
use pesan_tests::{Setup, Stack};
use serde_json::{Value, json};

const SUBSCRIBERS: usize = 25;
const BILLS: &str = "/sandbox/schedules/BillsJakarta";
const MONTH_END: &str = "2026-11-30T09:00:00+07:00";

/// An hour before the month's bills.
fn before_month_end() -> Stack {
    Stack::start_with(&Setup {
        clock: Some("2026-11-30T08:00:00+07:00".to_owned()),
        ..Setup::default()
    })
}

/// How many messages with this template Meta took for each phone.
async fn taken(stack: &Stack, template: &str) -> BTreeMap<String, usize> {
    let mut taken = BTreeMap::new();
    for call in stack.calls("whatsapp").await {
        if call["op"] == "messages" && call["body"]["template"]["name"] == template {
            let phone = call["body"]["to"].as_str().unwrap().to_owned();
            if call["status"] == 200 {
                *taken.entry(phone).or_default() += 1;
            }
        }
    }
    taken
}

async fn bills(stack: &Stack) -> BTreeMap<String, usize> {
    stack.idle().await;
    taken(stack, "monthly_bill").await
}

/// Holds that every phone got one bill.
async fn expect_one_each(stack: &Stack, what: &str) {
    let bills = bills(stack).await;
    assert_eq!(bills.len(), SUBSCRIBERS, "{what}: {bills:?}");
    assert!(bills.values().all(|count| *count == 1), "{what}: {bills:?}");
}

/// The symbols on the bill's track, and how many cells hold each.
async fn symbols(stack: &Stack) -> BTreeMap<String, usize> {
    let mut symbols = BTreeMap::new();
    for row in stack.rows().await {
        let pk = row["PK"]["S"].as_str().unwrap();
        if pk.starts_with("M#demo#BILL#2026-11#") {
            let symbol = row["marks"]["M"]["bill"]["M"]["symbol"]["S"].as_str();
            *symbols.entry(symbol.unwrap().to_owned()).or_default() += 1;
        }
    }
    symbols
}

/// How many shards of a merchant's bill run have halted.
async fn halted(stack: &Stack, merchant: &str) -> usize {
    let run = format!("M#{merchant}#RUN#2026-11#bill");
    let rows = stack.rows().await;
    let halted = |row: &&Value| row["PK"]["S"] == run.as_str() && row["state"]["S"] == "halt";
    rows.iter().filter(halted).count()
}

fn all(symbol: &str) -> BTreeMap<String, usize> {
    BTreeMap::from([(symbol.to_owned(), SUBSCRIBERS)])
}

#[tokio::test]
async fn d1_at_month_end_each_of_25_phones_gets_one_bill_and_no_second() {
    let stack = before_month_end();
    stack.advance("90m").await;
    expect_one_each(&stack, "in time").await;
    assert_eq!(symbols(&stack).await, all("A"));
    let inbox = stack.get_json("/sandbox/whatsapp/62812000001001").await;
    let message = inbox["messages"][0].to_string();
    for part in ["Rp150.000", "10 Desember 2026", "/b/"] {
        assert!(message.contains(part), "{part}: {message}");
    }
    for again in [MONTH_END, "2026-11-30T23:59:59+07:00"] {
        stack.handle(BILLS, &json!({"scheduled_at": again})).await;
    }
    stack.advance("25h").await;
    expect_one_each(&stack, "twice more").await;
    let queues = stack.get_json("/sandbox/queues").await;
    for queue in queues.as_array().unwrap() {
        assert_eq!(queue["dead"], 0, "{queue}");
    }
    assert_eq!(halted(&stack, "demo").await, 8);
}

#[tokio::test]
async fn d3_killed_in_the_middle_each_phone_gets_one_bill_all_the_same() {
    for (fault, skip) in [("kill_after", 0), ("kill_before", 2), ("kill_after", 7)] {
        let stack = before_month_end();
        let kill = json!({
            "at": "dynamodb", "op": "TransactWriteItems", "fault": fault, "skip": skip,
        });
        stack.fault(kill).await;
        stack
            .handle(BILLS, &json!({"scheduled_at": MONTH_END}))
            .await;
        stack.idle().await;
        assert_eq!(stack.end_faults().await, 0, "{fault} {skip}: nobody died");
        stack.advance("40m").await;
        expect_one_each(&stack, &format!("{fault} {skip}")).await;
        assert_eq!(symbols(&stack).await, all("A"), "{fault} {skip}");
    }
}

#[tokio::test]
async fn d2_a_schedule_that_finds_no_table_for_minutes_bills_all_the_same() {
    let stack = before_month_end();
    stack.advance("59m").await;
    // Lambda tries the schedule's event three times in these minutes, and hands it to the queue.
    let down = json!({"at": "dynamodb", "op": "Query", "fault": "kill_before", "times": 1_000});
    stack.fault(down).await;
    stack.advance("6m").await;
    stack.end_faults().await;
    assert_eq!(bills(&stack).await, BTreeMap::new());
    stack.advance("30m").await;
    expect_one_each(&stack, "after the outage").await;
    let letters = stack.get_json("/sandbox/queues/RunDeadLetterQueue").await;
    assert_eq!(letters, json!([]));
}

#[tokio::test]
async fn a_template_that_is_paused_at_the_first_message_holds_the_run_until_it_is_approved() {
    let stack = before_month_end();
    let path = "/sandbox/whatsapp-templates/monthly_bill";
    stack.handle(path, &json!({"event": "PAUSED"})).await;
    stack.advance("90m").await;
    assert_eq!(bills(&stack).await, BTreeMap::new());
    assert_eq!(symbols(&stack).await, all("C"));
    stack.handle(path, &json!({"event": "APPROVED"})).await;
    stack.advance("20m").await;
    expect_one_each(&stack, "approved").await;
    assert_eq!(symbols(&stack).await, all("A"));
}

#[tokio::test]
async fn a_balance_that_is_dry_at_half_holds_the_rest_until_it_is_topped_up() {
    let stack = before_month_end();
    let operator = Operator::of(&stack);
    // Rp36.700 pay for a hundred of two hundred.
    let line = |nth: u32| format!("baru-{nth:03},Andi,+628130000{nth:04},dasar\n");
    let file: String = (26..=200).map(line).collect();
    operator.file("list.csv", &format!("id,name,phone,plan\n{file}"));
    operator.does("pesan subscribers import demo list.csv");
    stack.advance("90m").await;
    assert_eq!(bills(&stack).await.len(), 100);
    let halves = BTreeMap::from([("A".to_owned(), 100), ("C".to_owned(), 100)]);
    assert_eq!(symbols(&stack).await, halves);
    operator.does("pesan topup demo --package 100 --received transfer-1");
    stack.advance("20m").await;
    let bills = bills(&stack).await;
    assert_eq!(bills.len(), 200);
    assert!(bills.values().all(|count| *count == 1), "{bills:?}");
    assert_eq!(
        symbols(&stack).await,
        BTreeMap::from([("A".to_owned(), 200)])
    );
}

#[tokio::test]
async fn d11_who_says_stop_before_their_message_goes_gets_none() {
    let stack = before_month_end();
    let path = "/sandbox/whatsapp-templates/monthly_bill";
    stack.handle(path, &json!({"event": "PAUSED"})).await;
    stack.advance("90m").await;
    stack.writes("62812000001007", "STOP", 1).await;
    stack.handle(path, &json!({"event": "APPROVED"})).await;
    stack.advance("20m").await;
    let bills = bills(&stack).await;
    assert_eq!(bills.len(), SUBSCRIBERS - 1);
    assert!(!bills.contains_key("62812000001007"));
    let expected = BTreeMap::from([("A".to_owned(), 24), ("G".to_owned(), 1)]);
    assert_eq!(symbols(&stack).await, expected);
}

#[tokio::test]
async fn a_receipt_that_says_failed_is_on_the_tape_and_a_later_one_takes_it_back() {
    let stack = before_month_end();
    let phone = "62812000001003";
    let order = json!({"phone": phone, "receipts": [
        {"status": "failed", "code": 131_026},
        {"status": "delivered", "after_seconds": 3_600},
    ]});
    stack.handle("/sandbox/whatsapp-receipts", &order).await;
    stack
        .handle(BILLS, &json!({"scheduled_at": MONTH_END}))
        .await;
    stack.idle().await;
    let expected = BTreeMap::from([("A".to_owned(), 24), ("G".to_owned(), 1)]);
    assert_eq!(symbols(&stack).await, expected);
    stack.advance("61m").await;
    stack.idle().await;
    assert_eq!(symbols(&stack).await, all("A"));
}

#[tokio::test]
async fn d11_who_wrote_stop_before_they_were_imported_or_moved_there_has_no_channel() {
    let stack = before_month_end();
    let operator = Operator::of(&stack);
    let numbers = ["6281300000001", "6281300000002"];
    for number in numbers {
        stack.writes(number, "STOP", 1).await;
    }
    let rows = [("baru", numbers[0]), ("plg-002", numbers[1])];
    let rows = rows.map(|(id, number)| format!("{id},Andi,+{number},dasar\n"));
    operator.file(
        "list.csv",
        &format!("id,name,phone,plan\n{}", rows.concat()),
    );
    operator.does("pesan subscribers import demo list.csv");
    for id in ["baru", "plg-002"] {
        let line = format!("pesan subscribers show demo {id} --json");
        let shown = operator.does(&line).json();
        assert_eq!(shown["opted_out"]["source"], "WhatsApp STOP", "{id}");
    }
    let dry = operator.does("pesan billing run demo --dry-run --json");
    assert_eq!(dry.json()["whatsapp"], SUBSCRIBERS - 1);
    stack.advance("90m").await;
    let expected = BTreeMap::from([("A".to_owned(), SUBSCRIBERS - 1), ("N".to_owned(), 2)]);
    assert_eq!(symbols(&stack).await, expected);
}

#[tokio::test]
async fn a_merchants_own_reminders_come_on_their_days_and_on_no_others() {
    let stack = before_month_end();
    let operator = Operator::of(&stack);
    operator.does("pesan topup demo --package 100 --received transfer-2");
    operator.does("pesan merchant set demo --reminders=-1,5");
    let shown = operator.does("pesan merchant show demo --json").json();
    assert_eq!(shown["reminders"], json!([-1, 5]));
    stack.advance("90m").await;
    let told = reminders(&stack, &[7, 8, 9, 10, 13, 14, 15, 17]).await;
    let on = |day| {
        (
            day,
            if [9, 15].contains(&day) {
                SUBSCRIBERS
            } else {
                0
            },
        )
    };
    let expected: Vec<(u8, usize)> = [7, 8, 9, 10, 13, 14, 15, 17].map(on).into();
    assert_eq!(told, expected);
}

/// When a phone's reminders were taken by Meta, by the day.
async fn reminders(stack: &Stack, days: &[u8]) -> Vec<(u8, usize)> {
    let mut told = vec![];
    let mut before = 0;
    for day in days {
        stack
            .set_clock(&format!("2026-12-{day:02}T10:00:00+07:00"))
            .await;
        stack.idle().await;
        let now: usize = taken(stack, "payment_reminder").await.values().sum();
        told.push((*day, now - before));
        before = now;
    }
    told
}

#[tokio::test]
async fn reminders_come_on_their_days_and_once_each() {
    let stack = before_month_end();
    // Reminders four times over are more than the first balance pays.
    Operator::of(&stack).does("pesan topup demo --package 100 --received transfer-2");
    stack.advance("90m").await;
    expect_one_each(&stack, "bills").await;
    let told = reminders(&stack, &[6, 7, 8, 10, 12, 13, 16, 17, 18]).await;
    let each = |day| {
        (
            day,
            if [7, 10, 13, 17].contains(&day) {
                25
            } else {
                0
            },
        )
    };
    let expected: Vec<(u8, usize)> = [6, 7, 8, 10, 12, 13, 16, 17, 18].map(each).into();
    assert_eq!(told, expected);
    expect_one_each(&stack, "no further bills").await;
}

#[tokio::test]
async fn d22_a_merchant_without_subscribers_is_billed_to_the_end() {
    let stack = before_month_end();
    let operator = Operator::of(&stack);
    operator.does("pesan plans add demo2 pro --name Pro --fee 100000");
    stack.advance("90m").await;
    assert_eq!(halted(&stack, "demo2").await, 8);
}
