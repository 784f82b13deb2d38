//! What a deployment would write to its log, line by line.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands"
)]

use std::collections::BTreeMap;

use jiff::Timestamp;
use pesan_tests::log::lines;
use pesan_tests::payment::of_transaction;
use pesan_tests::{Stack, TELEGRAM_SECRET, text_update};
use reqwest::{Method, Response};
use serde_json::{Value, json};

/// What is in every request's line.
const ALWAYS: [&str; 16] = [
    "_aws",
    "alarms",
    "faults",
    "function",
    "kind",
    "level",
    "milliseconds",
    "outcome",
    "parameter_reads",
    "request_id",
    "requests",
    "round_trips",
    "status",
    "timestamp",
    "vendor_calls",
    // A path that names no merchant has none; every path of these tests but one does.
    "merchant",
];

/// The line of a request with what differs each time checked and then left out.
fn line(stack: &Stack, response: &Response) -> String {
    let line = stack.line_of(response);
    let mut line: BTreeMap<String, Value> = serde_json::from_value(line).unwrap();
    let at: Timestamp = text(&line.remove("timestamp")).parse().unwrap();
    let id = text(&line.remove("request_id"));
    assert!(id.len() == 32 && id.bytes().all(|digit| digit.is_ascii_hexdigit()));
    let took = line.remove("milliseconds").unwrap().as_f64().unwrap();
    assert!((0.0..15_000.0).contains(&took), "{took}");
    let metrics = line.remove("_aws").unwrap();
    assert_eq!(metrics["Timestamp"], at.as_millisecond());
    let count = |name| json!({"Name": name, "Unit": "Count"});
    assert_eq!(
        metrics["CloudWatchMetrics"],
        json!([{
            "Namespace": "Pesan",
            "Dimensions": [["function"]],
            "Metrics": [
                count("requests"),
                count("faults"),
                count("alarms"),
                {"Name": "milliseconds", "Unit": "Milliseconds"},
                count("round_trips"),
            ],
        }])
    );
    serde_json::to_string_pretty(&line).unwrap()
}

fn text(value: &Option<Value>) -> String {
    value.as_ref().unwrap().as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_update_leaves_a_line() {
    let stack = Stack::start();
    let update = text_update(1, 1, "/start");
    let answer = stack.update(Some(TELEGRAM_SECRET), &update).await;
    insta::assert_snapshot!(line(&stack, &answer), @r#"
    {
      "alarms": 0,
      "faults": 0,
      "function": "telegram-webhook",
      "kind": "conversation",
      "level": "INFO",
      "merchant": "demo",
      "outcome": "stepped",
      "parameter_reads": 1,
      "requests": 1,
      "round_trips": 2,
      "status": 200,
      "vendor_calls": 0
    }
    "#);
    let again = stack.update(Some(TELEGRAM_SECRET), &update).await;
    let again = stack.line_of(&again);
    assert_eq!(
        (&again["outcome"], &again["round_trips"]),
        (&json!("repeated"), &json!(1))
    );
}

#[tokio::test]
async fn a_notification_leaves_a_line() {
    let stack = Stack::start();
    let booked = stack.customer(1).book("09.00").await;
    stack
        .bank(&booked.code, json!({"do": "pay", "notify": false}))
        .await;
    let transaction = stack.transaction_id(&booked.code).await;
    let body = of_transaction(&booked.code, &transaction, "settlement", "200");
    let answer = stack.notify(&body).await;
    insta::assert_snapshot!(line(&stack, &answer), @r#"
    {
      "alarms": 0,
      "faults": 0,
      "function": "midtrans-notification",
      "kind": "payment",
      "level": "INFO",
      "merchant": "demo",
      "outcome": "applied",
      "parameter_reads": 1,
      "requests": 1,
      "round_trips": 2,
      "status": 200,
      "vendor_calls": 1
    }
    "#);
    let again = stack.notify(&body).await;
    assert_eq!(stack.line_of(&again)["outcome"], "repeated");
}

#[tokio::test]
async fn a_page_leaves_a_line() {
    let stack = Stack::start();
    let booked = stack.customer(1).book("09.00").await;
    let path = booked.link.strip_prefix(stack.base_url()).unwrap();
    let answer = stack.request(Method::GET, path).send().await.unwrap();
    insta::assert_snapshot!(line(&stack, &answer), @r#"
    {
      "alarms": 0,
      "faults": 0,
      "function": "web",
      "kind": "page",
      "level": "INFO",
      "merchant": "demo",
      "outcome": "shown",
      "page": "order",
      "parameter_reads": 0,
      "requests": 1,
      "round_trips": 2,
      "status": 200,
      "vendor_calls": 0
    }
    "#);
}

#[tokio::test]
async fn a_forged_update_leaves_a_line() {
    let stack = Stack::start();
    let forged = stack
        .update(Some("somebody-elses"), &text_update(1, 1, "/start"))
        .await;
    insta::assert_snapshot!(line(&stack, &forged), @r#"
    {
      "alarms": 0,
      "faults": 0,
      "function": "telegram-webhook",
      "kind": "telegram",
      "level": "WARN",
      "merchant": "demo",
      "outcome": "refused",
      "parameter_reads": 1,
      "reason": "not authentic",
      "requests": 1,
      "round_trips": 0,
      "status": 401,
      "vendor_calls": 0
    }
    "#);
}

#[tokio::test]
async fn a_table_that_fails_leaves_a_line() {
    let stack = Stack::start();
    stack
        .fault(json!({"at": "dynamodb", "fault": "http_500", "times": 3}))
        .await;
    let failed = stack
        .update(Some(TELEGRAM_SECRET), &text_update(1, 1, "/start"))
        .await;
    insta::assert_snapshot!(line(&stack, &failed), @r#"
    {
      "alarms": 0,
      "error": "could not: the table could not be reached: InternalServerError",
      "faults": 1,
      "function": "telegram-webhook",
      "kind": "telegram",
      "level": "WARN",
      "merchant": "demo",
      "outcome": "refused",
      "parameter_reads": 1,
      "requests": 1,
      "round_trips": 3,
      "status": 503,
      "vendor_calls": 0
    }
    "#);
}

/// The alarms and the failure of an update, which is answered with 503.
async fn alarms(stack: &Stack) -> (Value, Value) {
    let answer = stack
        .update(Some(TELEGRAM_SECRET), &text_update(1, 1, "/start"))
        .await;
    assert_eq!(answer.status(), 503);
    let line = stack.line_of(&answer);
    assert_eq!(line["level"], "ERROR");
    (line["alarm_names"].clone(), line["parameter"].clone())
}

#[tokio::test]
async fn j13_what_aws_refuses_for_good_is_503_and_an_alarm() {
    let stack = Stack::start();
    let parameter = json!("merchants/demo/telegram-webhook-secret");
    for (fault, alarm) in [
        ("InvalidSignatureException", "clock skew"),
        ("RequestTimeTooSkewed", "clock skew"),
        ("AccessDeniedException", "aws refused"),
        ("ExpiredTokenException", "aws refused"),
    ] {
        stack.fault(json!({"at": "ssm", "fault": fault})).await;
        let seen = alarms(&stack).await;
        let both = json!([alarm, "secret unreadable"]);
        assert_eq!(seen, (both, parameter.clone()), "{fault}");
    }
    for (fault, alarm) in [
        ("SignatureDoesNotMatch", "clock skew"),
        ("UnrecognizedClientException", "aws refused"),
    ] {
        stack.fault(json!({"at": "dynamodb", "fault": fault})).await;
        let seen = alarms(&stack).await;
        assert_eq!(seen, (json!([alarm]), Value::Null), "{fault}");
    }
}

#[tokio::test]
async fn a3_a_secret_that_is_missing_is_an_alarm_that_names_it() {
    let stack = Stack::start();
    let name = "merchants/demo/telegram-webhook-secret";
    stack.delete_parameter(name).await;
    let missing = (json!(["secret missing"]), json!(name));
    assert_eq!(alarms(&stack).await, missing);
    stack.put_parameter(name, "  ").await;
    assert_eq!(alarms(&stack).await, missing);
    stack
        .fault(json!({"at": "ssm", "fault": "http_500", "times": 3}))
        .await;
    let unreadable = (json!(["secret unreadable"]), json!(name));
    assert_eq!(alarms(&stack).await, unreadable);
}

#[tokio::test]
async fn every_line_of_every_kind_of_request_is_whole() {
    let stack = Stack::start();
    let customer = stack.customer(1);
    let booked = customer.book("09.00").await;
    customer.say("/status").await;
    customer.press_data("nonsense").await;
    stack.bank(&booked.code, json!({"do": "pay"})).await;
    stack.click_pay(&booked.link).await;
    for path in ["/m/demo", "/m/demo/catalog", "/assets/style.css"] {
        assert_eq!(stack.get(path).await.0, 200, "{path}");
    }
    let ignored = json!({"update_id": 7, "poll": {}});
    stack.update(Some(TELEGRAM_SECRET), &ignored).await;
    stack
        .fault(json!({"at": "dynamodb", "fault": "kill_before"}))
        .await;
    let killed = stack
        .update(Some(TELEGRAM_SECRET), &text_update(9, 1, "/start"))
        .await;
    assert_eq!(killed.status(), 502);
    // The last: where it is, the others are.
    let refused = stack.request(Method::GET, "/telegram/demo");
    let refused = refused.send().await.unwrap();
    assert_eq!(refused.status(), 405);
    assert_eq!(stack.line_of(&refused)["outcome"], "refused");

    let lines = lines(&stack.log());
    let requests: Vec<&Value> = lines
        .iter()
        .filter(|line| line.get("request_id").is_some())
        .collect();
    for line in &requests {
        for field in ALWAYS {
            let without = field == "merchant"
                && (line["status"].is_null() || line["status"] == 405 || line["kind"] == "asset");
            assert!(without || line.get(field).is_some(), "{field}: {line}");
        }
    }
    let outcomes: Vec<&str> = requests
        .iter()
        .map(|line| line["outcome"].as_str().unwrap())
        .collect();
    for outcome in [
        "stepped", "held", "applied", "relayed", "Accepted", "closed", "shown", "ignored",
        "cut off", "refused",
    ] {
        assert!(outcomes.contains(&outcome), "{outcome}: {outcomes:?}");
    }
}
