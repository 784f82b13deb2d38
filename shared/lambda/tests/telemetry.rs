//! The line of a request, written by the layer as a function installs it. One test of this process
//! panics on purpose, with the hook that a function has.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may stop where it stands"
)]

use std::sync::{Arc, Mutex};

use pesan_lambda::telemetry::Telemetry;
use pesan_lambda::{Body, Request, Response, handler, http};
use serde_json::{Value, json};
use tower::ServiceExt as _;

/// What `requests` answer, one after the other, and the lines that come of it.
fn played<Fut>(f: fn(Request) -> Fut, requests: Vec<Request>) -> (Vec<Response<Body>>, Vec<Value>)
where
    Fut: Future<Output = Response<Body>> + Send + 'static,
{
    let written = Arc::new(Mutex::new(String::new()));
    let log = Arc::clone(&written);
    let telemetry = Telemetry::new("Pesan/test", move |line| log.lock().unwrap().push_str(line));
    let _guard = tracing::subscriber::set_default(telemetry.subscriber());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let function = handler("sample", f);
    let answers = requests
        .into_iter()
        .map(|request| {
            let Ok(answer) = runtime.block_on(function.clone().oneshot(request));
            answer
        })
        .collect();
    let text = written.lock().unwrap().clone();
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    (answers, lines.collect())
}

fn at(path: &str) -> Request {
    ::http::Request::builder()
        .uri(path)
        .body(Body::Empty)
        .unwrap()
}

async fn panics_at_odds(request: Request) -> Response<Body> {
    assert!(request.uri().path() != "/odd", "with a value: 08123456789");
    http::plain(200, "even")
}

#[test]
fn j8_a_panic_ends_its_own_request_and_no_other() {
    pesan_lambda::init_log();
    let paths = ["/even", "/odd", "/even"];
    let (answers, lines) = played(panics_at_odds, paths.map(at).into());
    let statuses: Vec<u16> = answers
        .iter()
        .map(|answer| answer.status().into())
        .collect();
    assert_eq!(statuses, [200, 503, 200]);
    assert_eq!(lines.len(), 3);
    let line = &lines[1];
    assert_eq!(line["alarm_names"], json!(["panic"]));
    assert_eq!(
        (&line["level"], &line["faults"]),
        (&json!("ERROR"), &json!(1))
    );
    let location = line["location"].as_str().unwrap();
    assert!(location.contains("tests/telemetry.rs:"), "{location}");
    let Body::Text(told) = answers[1].body() else {
        panic!("no text");
    };
    assert_eq!(told, "could not, try again later");
    assert!(!line.to_string().contains("0812"), "{line}");
    assert!(lines[2].get("alarm_names").is_none(), "{}", lines[2]);
}

async fn panics_before_its_future(_: Request) -> Response<Body> {
    panic!("at once")
}

#[test]
fn j8_a_panic_on_the_way_to_the_answer_is_caught_as_well() {
    let (answers, lines) = played(panics_before_its_future, vec![at("/")]);
    assert_eq!(answers[0].status(), 503);
    assert_eq!(lines[0]["alarm_names"], json!(["panic"]));
}

async fn says_much(_: Request) -> Response<Body> {
    tracing::trace!(target: "round_trip", to = "dynamodb");
    tracing::trace!(target: "round_trip", to = "dynamodb");
    tracing::trace!(target: "round_trip", to = "ssm");
    tracing::trace!(target: "round_trip", to = "midtrans");
    tracing::debug!(kind = "nobody", outcome = "heard");
    tracing::info!(merchant = "demo", kind = "reservation", outcome = "held");
    tracing::warn!(
        kind = "payment",
        outcome = "no page yet",
        error = "timed out"
    );
    tracing::error!(
        kind = "aws",
        alarm = "clock skew",
        request_id = "other",
        status = 1,
        alarms = 7
    );
    tracing::error!(kind = "aws", alarm = "clock skew");
    tracing::info!(kind = "page", outcome = "shown", page = "order");
    http::plain(200, "")
}

#[test]
fn what_is_said_is_folded_and_the_gravest_outcome_has_the_word() {
    let (_, lines) = played(says_much, vec![at("/")]);
    let [line] = lines.as_slice() else {
        panic!("{lines:?}");
    };
    let mut line = line.clone();
    let object = line.as_object_mut().unwrap();
    let timestamp = object.remove("timestamp").unwrap();
    let milliseconds = object.remove("milliseconds").unwrap();
    let metrics = object.remove("_aws").unwrap();
    assert_eq!(
        line,
        json!({
            "level": "ERROR",
            "request_id": "",
            "function": "sample",
            "merchant": "demo",
            "kind": "payment",
            "outcome": "no page yet",
            "error": "timed out",
            "page": "order",
            "alarm_names": ["clock skew"],
            "status": 200,
            "round_trips": 2,
            "parameter_reads": 1,
            "vendor_calls": 1,
            "requests": 1,
            "faults": 0,
            "alarms": 1,
        })
    );
    assert!(timestamp.as_str().unwrap().ends_with('Z'));
    assert!(milliseconds.as_f64().unwrap() >= 0.0);
    assert!(metrics["Timestamp"].as_i64().unwrap() > 1_700_000_000_000);
    let count = |name| json!({"Name": name, "Unit": "Count"});
    assert_eq!(
        metrics["CloudWatchMetrics"],
        json!([{
            "Namespace": "Pesan/test",
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
}

async fn never(_: Request) -> Response<Body> {
    std::future::pending().await
}

#[test]
fn a_request_that_is_cut_off_leaves_its_line() {
    let written = Arc::new(Mutex::new(String::new()));
    let log = Arc::clone(&written);
    let telemetry = Telemetry::new("Pesan/test", move |line| log.lock().unwrap().push_str(line));
    let _guard = tracing::subscriber::set_default(telemetry.subscriber());
    drop(handler("sample", never).oneshot(at("/")));
    tracing::info!(kind = "outside", outcome = "said");
    let mut under_way = Box::pin(handler("sample", never).oneshot(at("/")));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(under_way.as_mut().poll(&mut context).is_pending());
    drop(under_way);
    let text = written.lock().unwrap().clone();
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert_eq!(
        (&lines[0]["kind"], lines[0].get("_aws")),
        (&json!("outside"), None)
    );
    assert_eq!(
        (
            &lines[1]["outcome"],
            &lines[1]["status"],
            &lines[1]["faults"]
        ),
        (&json!("cut off"), &Value::Null, &json!(1))
    );
}
