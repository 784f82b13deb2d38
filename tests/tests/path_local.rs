//! The message path of the local stack itself: what the template says of streams, the bus, queues and
//! schedules happens. A function that cannot start stands for one that crashes.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands"
)]

use std::path::{Path, PathBuf};

use pesan_tests::{Setup, Stack, log};
use reqwest::Method;
use serde_json::{Value, json};

const RELAY: &str = "Gives what was committed to the event bus";
const SENDER: &str = "Sends messages that are queued";
const RECONCILER: &str = "Wakes what is due, and announces again what was not relayed";

/// A copy of the template in which the function with this description cannot start: a variable
/// that is empty is missing.
fn without(folder: &tempfile::TempDir, description: &str) -> PathBuf {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("../template.yaml");
    let text = std::fs::read_to_string(ours).unwrap();
    let line = format!("      Description: {description}\n");
    let (before, after) = text.split_once(&line).unwrap();
    let own = "      Environment:\n        Variables:\n";
    let missing = "          TABLE_NAME: ''\n";
    let (function, rest) = after.split_once("      Policies:\n").unwrap();
    let function = match function.split_once(own) {
        Some((head, tail)) => format!("{head}{own}{missing}{tail}"),
        None => format!("{own}{missing}{function}"),
    };
    let path = folder.path().join("template.yaml");
    let bent = format!("{before}{line}{function}      Policies:\n{rest}");
    std::fs::write(&path, bent).unwrap();
    path
}

fn started(template: PathBuf, data: Option<PathBuf>) -> Stack {
    Stack::start_with(&Setup {
        template: Some(template),
        data,
        ..Setup::default()
    })
}

/// The envelope of a message that nobody has queued.
fn envelope(nth: u8, urgency: &str) -> Value {
    json!({
        "type": "message.queued", "version": 1, "id": format!("019ad7c1a900000000000000000000{nth:02x}"),
        "merchant": "demo", "at": "2026-12-01T01:00:00Z",
        "message": "mzxw6ytboi4tqmjsgq3dcnbwgu", "urgency": urgency,
    })
}

fn entry(kind: &str, detail: &Value) -> Value {
    json!({
        "Source": "pesan", "DetailType": kind, "Detail": detail.to_string(),
        "EventBusName": "pesan",
    })
}

/// The answer of `PutEvents`.
async fn put_events(stack: &Stack, entries: &[Value]) -> Value {
    let answer = stack
        .request(Method::POST, "/sandbox/events/")
        .header("X-Amz-Target", "AWSEvents.PutEvents")
        .json(&json!({"Entries": entries}))
        .send()
        .await
        .unwrap();
    answer.json().await.unwrap()
}

/// One urgent message on the bus.
async fn put_urgent(stack: &Stack, nth: u8) {
    let answer = put_events(stack, &[entry("message.queued", &envelope(nth, "urgent"))]).await;
    assert_eq!(answer["FailedEntryCount"], 0, "{answer}");
}

/// Puts a row as a function's commit would.
async fn put_row(stack: &Stack, partition: &str, sort: &str) {
    let response = stack
        .request(Method::POST, "/sandbox/dynamodb")
        .header("X-Amz-Target", "DynamoDB_20120810.PutItem")
        .header("Content-Type", "application/x-amz-json-1.0")
        .header("X-Amz-Date", "20261201T010000Z")
        .header("Authorization", "AWS4-HMAC-SHA256 Credential=local/20261201/local/dynamodb/aws4_request, SignedHeaders=host;x-amz-date, Signature=00")
        .body(json!({"TableName": "pesan", "Item": {"PK": {"S": partition}, "SK": {"S": sort}}}).to_string())
        .send()
        .await
        .unwrap();
    assert!(response.status().is_success(), "{response:?}");
}

/// A queue's visible, in flight, delayed and dead messages.
async fn depths(stack: &Stack, name: &str) -> [u64; 4] {
    let queues = stack.get_json("/sandbox/queues").await;
    let queue = queues.as_array().unwrap().iter();
    let queue = queue.clone().find(|queue| queue["name"] == name).unwrap();
    ["visible", "in_flight", "delayed", "dead"].map(|field| queue[field].as_u64().unwrap())
}

/// The bodies in a queue.
async fn bodies(stack: &Stack, name: &str) -> Vec<Value> {
    let messages = stack.get_json(&format!("/sandbox/queues/{name}")).await;
    let messages = messages.as_array().unwrap().iter();
    messages
        .map(|message| serde_json::from_str(message["body"].as_str().unwrap()).unwrap())
        .collect()
}

/// How often a function was invoked; one that could not start was not.
async fn invocations(stack: &Stack, function: &str) -> usize {
    // Whatever was logged before this request's line has been read when that line has.
    let page = stack.request(Method::GET, "/m/demo").send().await.unwrap();
    stack.line_of(&page);
    let lines = log::lines(&stack.log());
    let is_one = |line: &&Value| line["function"] == function && !line["status"].is_null();
    lines.iter().filter(is_one).count()
}

#[tokio::test]
async fn an_event_is_led_to_the_queue_of_its_rule_as_its_envelope() {
    let folder = tempfile::tempdir().unwrap();
    let stack = started(without(&folder, SENDER), None);
    let (urgent, bulk) = (envelope(1, "urgent"), envelope(2, "bulk"));
    let normal = envelope(3, "normal");
    let answer = put_events(
        &stack,
        &[
            entry("message.queued", &urgent),
            entry("message.queued", &bulk),
            entry("message.sent", &urgent),
            entry("message.queued", &normal),
        ],
    )
    .await;
    assert_eq!(answer["FailedEntryCount"], 0, "{answer}");
    assert_eq!(answer["Entries"].as_array().unwrap().len(), 4);
    stack.idle().await;
    assert_eq!(bodies(&stack, "UrgentQueue").await, [urgent, normal]);
    assert_eq!(bodies(&stack, "BulkQueue").await, [bulk]);
    assert_eq!(depths(&stack, "UrgentQueue").await, [0, 2, 0, 0]);
}

#[tokio::test]
async fn a_message_that_is_done_with_is_gone() {
    let stack = Stack::start();
    for nth in 1..=3 {
        put_urgent(&stack, nth).await;
    }
    stack.idle().await;
    assert_eq!(depths(&stack, "UrgentQueue").await, [0, 0, 0, 0]);
    let times = invocations(&stack, "message-sender").await;
    assert!((1..=3).contains(&times), "{times}");
}

#[tokio::test]
async fn j4_what_crashes_five_times_is_a_dead_letter_and_can_be_sent_again() {
    let folder = tempfile::tempdir().unwrap();
    let stack = started(without(&folder, SENDER), None);
    put_urgent(&stack, 1).await;
    stack.idle().await;
    // Hidden for 90 seconds after each of its five receives.
    stack.advance("359s").await;
    assert_eq!(depths(&stack, "UrgentQueue").await, [0, 1, 0, 0]);
    let received = stack.get_json("/sandbox/queues/UrgentQueue").await;
    assert_eq!(received[0]["receives"], 4);
    stack.advance("2m").await;
    assert_eq!(depths(&stack, "UrgentQueue").await, [0, 0, 0, 1]);
    let letters = bodies(&stack, "UrgentDeadLetterQueue").await;
    assert_eq!(letters, [envelope(1, "urgent")]);
    let redriven = stack
        .handle("/sandbox/queues/UrgentQueue/redrive", &json!({}))
        .await;
    assert_eq!(redriven["messages"], 1);
    stack.idle().await;
    assert_eq!(depths(&stack, "UrgentQueue").await, [0, 1, 0, 0]);
}

#[tokio::test]
async fn b16_what_was_taken_from_the_outbox_outlives_a_power_cut() {
    let (folder, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let kept = Some(data.path().to_owned());
    let stack = started(without(&folder, SENDER), kept.clone());
    put_urgent(&stack, 1).await;
    stack.idle().await;
    stack.cut();

    let stack = Stack::start_with(&Setup {
        data: kept,
        ..Setup::default()
    });
    assert_eq!(depths(&stack, "UrgentQueue").await, [0, 1, 0, 0]);
    assert_eq!(invocations(&stack, "message-sender").await, 0);
    stack.advance("5m").await;
    assert_eq!(depths(&stack, "UrgentQueue").await, [0, 0, 0, 0]);
    assert_eq!(invocations(&stack, "message-sender").await, 1);
}

#[tokio::test]
async fn b16_what_no_relay_has_seen_is_relayed_after_a_power_cut() {
    let (folder, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let kept = Some(data.path().to_owned());
    let stack = started(without(&folder, RELAY), kept.clone());
    put_row(&stack, "OUTBOX#1", "01").await;
    stack.idle().await;
    stack.cut();

    let setup = Setup {
        data: kept,
        ..Setup::default()
    };
    let stack = Stack::start_with(&setup);
    stack.idle().await;
    assert!(invocations(&stack, "outbox-relay").await > 0);
}

#[tokio::test]
async fn the_relay_is_told_of_outbox_entries_and_of_nothing_else() {
    let stack = Stack::start();
    stack.customer(1).book("09.00").await;
    stack.idle().await;
    assert_eq!(invocations(&stack, "outbox-relay").await, 0);
    put_row(&stack, "OUTBOX#1", "01").await;
    stack.idle().await;
    assert!(invocations(&stack, "outbox-relay").await > 0);
}

#[tokio::test]
async fn what_the_relay_cannot_take_is_given_up_and_does_not_hold_up_the_rest_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let stack = started(without(&folder, RELAY), None);
    put_row(&stack, "OUTBOX#1", "01").await;
    stack.idle().await;
    put_row(&stack, "OUTBOX#1", "02").await;
    stack.idle().await;
    assert_eq!(depths(&stack, "RelayDeadLetterQueue").await, [0, 0, 0, 0]);
    stack.advance("30m").await;
    let letters = bodies(&stack, "RelayDeadLetterQueue").await;
    assert_eq!(letters.len(), 2, "{letters:?}");
    for letter in &letters {
        assert_eq!(
            letter["requestContext"]["condition"],
            "RetryAttemptsExhausted"
        );
        assert_eq!(letter["requestContext"]["approximateInvokeCount"], 11);
        assert_eq!(letter["DDBStreamBatchInfo"]["batchSize"], 1);
    }
    assert_eq!(depths(&stack, "RelayDeadLetterQueue").await, [0, 0, 0, 2]);
}

#[tokio::test]
async fn idle_says_what_is_not_done_yet() {
    let stack = Stack::start();
    stack.idle().await;
    let fault = json!({"at": "streams", "fault": "http_500", "times": 1_000_000});
    stack.fault(fault).await;
    put_row(&stack, "OUTBOX#1", "01").await;
    let busy = stack.post("/sandbox/idle", &json!({"within_ms": 50})).await;
    assert_eq!(busy.status(), 408);
    let depths: Value = busy.json().await.unwrap();
    assert_eq!(depths["streams"], 1, "{depths}");
    assert_eq!(invocations(&stack, "outbox-relay").await, 0);
    stack.end_faults().await;
    stack.idle().await;
    assert!(invocations(&stack, "outbox-relay").await > 0);
}

#[tokio::test]
async fn a_queue_that_fails_is_sent_to_again_and_then_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let stack = started(without(&folder, SENDER), None);
    stack
        .fault(json!({"at": "sqs", "fault": "http_500", "times": 2}))
        .await;
    put_urgent(&stack, 1).await;
    stack.idle().await;
    assert_eq!(depths(&stack, "UrgentQueue").await, [0, 0, 0, 0]);
    stack.advance("10s").await;
    assert_eq!(bodies(&stack, "UrgentQueue").await, [envelope(1, "urgent")]);

    // Sent, and the answer lost: there twice.
    stack
        .fault(json!({"at": "sqs", "fault": "timeout_after"}))
        .await;
    put_urgent(&stack, 2).await;
    stack.advance("10s").await;
    let there = bodies(&stack, "UrgentQueue").await;
    assert_eq!(
        there
            .iter()
            .filter(|body| **body == envelope(2, "urgent"))
            .count(),
        2
    );

    stack
        .fault(json!({"at": "sqs", "fault": "http_500", "times": 1_000}))
        .await;
    put_urgent(&stack, 3).await;
    stack.advance("2h").await;
    assert_eq!(depths(&stack, "EventsDeadLetterQueue").await, [0, 0, 0, 1]);
    let letters = stack
        .get_json("/sandbox/queues/EventsDeadLetterQueue")
        .await;
    let event: Value = serde_json::from_str(letters[0]["body"].as_str().unwrap()).unwrap();
    assert_eq!(event["detail"], envelope(3, "urgent"));
    let rule = letters[0]["attributes"]["RULE_ARN"]["StringValue"].as_str();
    assert!(rule.unwrap().ends_with("UrgentMessagesRule"), "{letters}");
}

#[tokio::test]
async fn put_events_fails_in_part_and_on_order() {
    let folder = tempfile::tempdir().unwrap();
    let stack = started(without(&folder, SENDER), None);
    let good = entry("message.queued", &envelope(1, "bulk"));
    stack
        .fault(json!({"at": "eventbridge", "fault": "partial"}))
        .await;
    let answer = put_events(&stack, &[good.clone(), good.clone(), good.clone()]).await;
    assert_eq!(answer["FailedEntryCount"], 2, "{answer}");
    assert_eq!(answer["Entries"][0]["ErrorCode"], "InternalFailure");
    assert!(answer["Entries"][1]["EventId"].is_string());
    assert_eq!(bodies(&stack, "BulkQueue").await.len(), 1);

    let mut malformed = good.clone();
    malformed["Detail"] = json!("no JSON");
    let answer = put_events(&stack, &[malformed]).await;
    assert_eq!(answer["Entries"][0]["ErrorCode"], "MalformedDetail");
    for refused in [vec![], vec![good.clone(); 11]] {
        let answer = put_events(&stack, &refused).await;
        assert_eq!(answer["__type"], "ValidationException");
    }
    let mut elsewhere = good;
    elsewhere["EventBusName"] = json!("default");
    let answer = put_events(&stack, &[elsewhere]).await;
    assert_eq!(answer["__type"], "ResourceNotFoundException");
}

#[tokio::test]
async fn a_schedule_is_listed_and_fired_by_its_name() {
    let stack = Stack::start();
    assert_eq!(
        stack.get_json("/sandbox/schedules").await,
        json!([
            "BillsJakarta",
            "BillsJayapura",
            "BillsMakassar",
            "RemindersJakarta",
            "RemindersJayapura",
            "RemindersMakassar",
            "Reconciler",
        ])
    );
    let at = json!({"scheduled_at": "2026-12-01T01:00:00Z"});
    for (name, body) in [("Reconciler", json!({})), ("reconciler", at)] {
        stack
            .handle(&format!("/sandbox/schedules/{name}"), &body)
            .await;
    }
    assert_eq!(invocations(&stack, "reconciler").await, 2);
    let bad = json!({"scheduled_at": "soon"});
    let bad = stack.post("/sandbox/schedules/reconciler", &bad).await;
    assert_eq!(bad.status(), 400);
}

#[tokio::test]
async fn j4_a_scheduled_event_that_fails_three_times_is_a_dead_letter_that_can_be_replayed() {
    let folder = tempfile::tempdir().unwrap();
    let stack = started(without(&folder, RECONCILER), None);
    let at = json!({"scheduled_at": "2026-12-01T00:59:00Z"});
    stack.handle("/sandbox/schedules/reconciler", &at).await;
    // Tried at once, after one minute, and after two more.
    stack.advance("175s").await;
    assert_eq!(
        depths(&stack, "ReconcilerDeadLetterQueue").await,
        [0, 0, 0, 0]
    );
    stack.advance("10s").await;
    let letters = bodies(&stack, "ReconcilerDeadLetterQueue").await;
    let ours: Vec<&Value> = letters
        .iter()
        .filter(|one| one["requestPayload"] == at)
        .collect();
    assert_eq!(ours.len(), 1, "{letters:?}");
    assert_eq!(ours[0]["requestContext"]["condition"], "RetriesExhausted");
    assert_eq!(ours[0]["requestContext"]["approximateInvokeCount"], 3);
}

#[tokio::test]
async fn turning_the_clock_wakes_due_rows_where_they_are_due_and_a_rate_once_at_the_end() {
    let stack = Stack::start();
    // What the demo's first top-up released is due from the beginning.
    stack.advance("1m").await;
    let before = invocations(&stack, "reconciler").await;
    stack.advance("6h").await;
    assert_eq!(invocations(&stack, "reconciler").await, before + 1);
    stack.advance("30s").await;
    assert_eq!(invocations(&stack, "reconciler").await, before + 1);
    // Two on the way, a stop each, and one long after it.
    put_row(&stack, "DUE#3", "2026-12-01T08:00:00Z#message#1").await;
    put_row(&stack, "DUE#15", "2026-12-01T09:00:00Z#message#2").await;
    put_row(&stack, "DUE#0", "2026-12-02T09:00:00Z#message#3").await;
    stack.set_clock("2026-12-01T16:30:00+07:00").await;
    let woken = invocations(&stack, "reconciler").await;
    // One before, one at each stop, and at the end the rate.
    assert!(woken > before + 3, "{woken}");
}
