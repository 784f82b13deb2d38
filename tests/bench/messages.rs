//! A broadcast through the whole local stack: what arrives while vendors and senders fail, whether
//! the books agree, and how fast it goes. `cargo build --release --workspace`, then
//! `cargo bench --workspace --bench messages`; `MESSAGES` says how many, 10,000 unless said.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a bench may stop where it stands, prints, and is told how much"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Stdio;
use std::time::{Duration, Instant};

use pesan_tests::operator::Operator;
use pesan_tests::{Setup, Stack};
use serde_json::{Value, json};

const PRICE: u64 = 367;
const DAY: &str = "2026-12-01T09:00:00+07:00";

fn stack() -> Stack {
    Stack::start_with(&Setup {
        clock: Some(DAY.to_owned()),
        ..Setup::default()
    })
}

/// Money for everything, and a number that takes and gives so many a second.
async fn prepared(stack: &Stack, taken: u32, given: u32) -> Operator {
    let operator = Operator::of(stack);
    for reference in 1..=4 {
        operator.does(&format!(
            "pesan topup demo --package 5000 --received bench-{reference}"
        ));
    }
    operator.does(&format!("pesan merchant set demo --per-second {given}"));
    let throughput = json!({"throughput": taken});
    stack
        .handle("/sandbox/whatsapp-numbers/1000001", &throughput)
        .await;
    stack.idle().await;
    operator
}

/// How many go in one list: the command queues faster than a stack without optimisation sends.
const LIST: usize = 300;

/// Queues a bill for so many people and waits until nothing is under way.
async fn broadcast(stack: &Stack, operator: &Operator, messages: usize) {
    let numbers: Vec<usize> = (0..messages).collect();
    for numbers in numbers.chunks(LIST) {
        let mut list = "phone,1,2,3,4,5,link\n".to_owned();
        for number in numbers {
            let row = format!("0812{number:08},Budi,Desember 2026,Jaya,Rp70.000,10 Desember,b/x\n");
            list.push_str(&row);
        }
        operator.file("list.csv", &list);
        // The same file again goes on where it stopped, should the table not answer in time.
        while !queued(operator).await {}
        settled(stack).await;
    }
}

async fn queued(operator: &Operator) -> bool {
    let line = "pesan messages send demo --template monthly_bill --csv list.csv --json";
    let mut sending = operator.command(line);
    sending.stdout(Stdio::null());
    let ended = tokio::task::spawn_blocking(move || sending.status());
    ended.await.unwrap().unwrap().success()
}

async fn settled(stack: &Stack) {
    let begun = Instant::now();
    loop {
        let answer = stack
            .post("/sandbox/idle", &json!({"within_ms": 60_000}))
            .await;
        if answer.status().is_success() {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(1_800), "never idle");
    }
}

async fn sends(stack: &Stack) -> Vec<Value> {
    let mut calls = stack.calls("whatsapp").await;
    calls.retain(|call| call["op"] == "messages" && call["method"] == "POST");
    calls
}

fn micros(call: &Value) -> u64 {
    call["at_us"].as_u64().unwrap()
}

/// Messages a second from the first call to the last.
fn rate(calls: &[Value]) -> f64 {
    let times: BTreeSet<u64> = calls.iter().map(micros).collect();
    let (Some(first), Some(last)) = (times.first(), times.last()) else {
        return 0.0;
    };
    let span = Duration::from_micros(last - first).as_secs_f64();
    f64::from(u32::try_from(calls.len()).unwrap() - 1) / span
}

/// Ten thousand with failures: nothing lost, what is double marked, the books to the rupiah.
async fn with_failures(messages: usize) {
    let stack = stack();
    let operator = prepared(&stack, 1_000, 1_000).await;
    for fault in [
        json!({"at": "whatsapp", "op": "messages", "fault": "131000", "every": 100}),
        json!({"at": "whatsapp", "op": "messages", "fault": "130429", "every": 200}),
        json!({"at": "whatsapp", "op": "messages", "fault": "timeout_after", "every": 500}),
        json!({"at": "whatsapp", "op": "messages", "fault": "kill_after", "skip": messages / 3}),
    ] {
        let mut fault = fault;
        if fault["every"].is_u64() {
            fault["times"] = json!(1_000_000);
            fault["skip"] = json!(50);
        }
        stack.fault(fault).await;
    }
    // Receipts would settle what nobody knows: here they are lost, too.
    stack
        .handle("/sandbox/whatsapp-receipts", &json!({"receipts": []}))
        .await;
    let begun = Instant::now();
    broadcast(&stack, &operator, messages).await;
    println!("{messages} queued and sent in {:.1?}", begun.elapsed());
    stack.end_faults().await;
    for _ in 0..3 {
        stack.advance("20m").await;
        settled(&stack).await;
    }
    let calls = sends(&stack).await;
    let mut taken: BTreeMap<String, usize> = BTreeMap::new();
    let mut answers: BTreeMap<String, usize> = BTreeMap::new();
    for call in &calls {
        *answers.entry(call["status"].to_string()).or_default() += 1;
        if call["status"].is_null() || call["status"] == 200 {
            let id = call["body"]["biz_opaque_callback_data"].as_str().unwrap();
            *taken.entry(id.to_owned()).or_default() += 1;
        }
    }
    println!("Meta's answers: {answers:?} (null: lost on the way back)");
    assert_eq!(taken.len(), messages, "each arrived");
    let rows = stack.rows_at("MESSAGE").await;
    let mut doubles = 0;
    for row in &rows {
        let id = row["id"]["S"].as_str().unwrap();
        let Some(times) = taken.get(id) else { continue };
        let marked = row["possibly_double"]["BOOL"] == true;
        assert!(*times == 1 || *times == 2 && marked, "{times}: {row}");
        doubles += times - 1;
    }
    books(&stack, &operator, messages).await;
    println!(
        "taken by Meta: {} once, {doubles} of them twice and marked",
        taken.len()
    );
}

/// The ledger adds up to the balance, and no queue has dead letters.
async fn books(stack: &Stack, operator: &Operator, messages: usize) {
    let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
    for row in stack.rows().await {
        let pk = row["PK"]["S"].as_str().unwrap();
        if !pk.starts_with("M#demo#LEDGER#2") {
            continue;
        }
        let lines = |field: &str| -> u64 {
            let lines = row[field]["L"].as_array().into_iter().flatten();
            lines
                .map(|line| {
                    line["M"]["price"]["N"]
                        .as_str()
                        .unwrap()
                        .parse::<u64>()
                        .unwrap()
                })
                .sum()
        };
        match row["kind"]["S"].as_str().unwrap() {
            "topup" => {
                let amount: u64 = row["amount"]["N"].as_str().unwrap().parse().unwrap();
                *sums.entry("paid in").or_default() += amount;
            }
            "reserve" => *sums.entry("reserved").or_default() += lines("lines"),
            "settle" => {
                *sums.entry("spent").or_default() += lines("posted");
                *sums.entry("given back").or_default() += lines("voided");
            }
            kind => println!("an entry of another kind: {kind}"),
        }
    }
    let balance = operator.does("pesan balance demo --json").json();
    println!("ledger {sums:?}, balance {balance}");
    let back = sums.get("given back").copied().unwrap_or_default();
    assert_eq!(balance["reserved"], sums["reserved"] - sums["spent"] - back);
    assert_eq!(balance["spent"], sums["spent"]);
    assert_eq!(
        balance["available"],
        sums["paid in"] + back - sums["reserved"]
    );
    assert_eq!(balance["reserved"], 0);
    assert_eq!(sums["spent"], u64::try_from(messages).unwrap() * PRICE);
    for queue in stack.get_json("/sandbox/queues").await.as_array().unwrap() {
        assert_eq!(queue["dead"], 0, "{queue}");
    }
}

/// From the commit that queues an answer to Meta's door.
async fn to_the_door(answers: usize) {
    let stack = stack();
    prepared(&stack, 1_000, 1_000).await;
    let mut times = vec![];
    for number in 0..answers {
        let before = sends(&stack).await.len();
        stack.writes(&format!("62812{number:08}"), "STOP", 1).await;
        stack.idle().await;
        let calls = sends(&stack).await;
        let door = micros(&calls[before]);
        let commits = stack.calls("dynamodb").await;
        let commit = commits
            .iter()
            .rfind(|call| {
                call["function"] == "whatsapp-webhook"
                    && call["op"] == "TransactWriteItems"
                    && micros(call) < door
            })
            .unwrap();
        times.push(Duration::from_micros(door - micros(commit)));
    }
    times.sort();
    let at = |share: usize| times[(times.len() - 1) * share / 100];
    println!(
        "from the commit to the vendor's door: n {} median {:.1?} p99 {:.1?}",
        times.len(),
        at(50),
        at(99)
    );
}

/// How fast it goes, what Meta refuses, and what a message costs of the table.
async fn speed(messages: usize, taken: u32, given: u32) {
    let stack = stack();
    let operator = prepared(&stack, taken, given).await;
    broadcast(&stack, &operator, messages).await;
    let calls = sends(&stack).await;
    let refused = calls.iter().filter(|call| call["status"] != 200).count();
    println!(
        "{messages} at {given} a second: {:.1} a second, {refused} of {} refused",
        rate(&calls),
        calls.len()
    );
    let of_sender = |call: &&Value| call["function"] == "message-sender";
    let calls = stack.calls("dynamodb").await;
    let trips = calls.iter().filter(of_sender).count();
    let share =
        f64::from(u32::try_from(trips).unwrap()) / f64::from(u32::try_from(messages).unwrap());
    println!("the sender's calls to the table: {trips}, {share:.2} a message");
}

#[tokio::main]
async fn main() {
    let said = std::env::var("MESSAGES").ok();
    let messages = said.map_or(10_000, |said| said.parse().unwrap());
    with_failures(messages).await;
    to_the_door(100).await;
    speed(messages / 10, 1_000, 1_000).await;
    speed(messages / 10, 80, 80).await;
}
