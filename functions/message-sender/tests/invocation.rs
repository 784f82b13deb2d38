//! The events as SQS hands them over, what is answered, and what it costs.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands"
)]

#[path = "../../../shared/service/tests/support/mod.rs"]
mod support;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{LazyLock, Mutex};

use pesan_lambda::telemetry::Telemetry;
use pesan_lambda::{Env, EventHandler, Invocation};
use serde_json::{Value, json};
use support::{CHAT, World};
use tower::ServiceExt as _;

/// What this process has logged. One subscriber for all of it: those of single tests would take the
/// counting of calls away from each other.
static LOG: LazyLock<Mutex<Vec<String>>> = LazyLock::new(|| {
    let telemetry = Telemetry::new("Pesan/test", |line| {
        LOG.lock().unwrap().push(line.to_owned())
    });
    tracing::subscriber::set_global_default(telemetry.subscriber()).unwrap();
    Mutex::default()
});

/// A world whose calls are counted from the beginning.
async fn counted_world() -> World {
    drop(LOG.lock());
    World::new().await
}

async fn sender(world: &World) -> EventHandler {
    let env = world.variables.iter().cloned().collect::<Env>();
    message_sender::handler(&env, world.clock.clone())
        .await
        .unwrap()
}

/// What the invocation answers, and the one line that it logs.
async fn invoked(sender: &EventHandler, bodies: &[String]) -> (Value, Value) {
    let records: Vec<Value> = (1..)
        .zip(bodies)
        .map(|(number, body): (u32, &String)| {
            json!({
                "messageId": format!("m-{number}"),
                "receiptHandle": "handle",
                "body": body,
                "attributes": {"ApproximateReceiveCount": "1"},
                "eventSource": "aws:sqs",
            })
        })
        .collect();
    static INVOCATIONS: AtomicU32 = AtomicU32::new(0);
    let request_id = format!("r-{}", INVOCATIONS.fetch_add(1, Ordering::SeqCst));
    let invocation = Invocation {
        event: json!({"Records": records}),
        request_id: request_id.clone(),
    };
    let answer = sender.clone().oneshot(invocation).await.unwrap();
    let lines: Vec<Value> = LOG
        .lock()
        .unwrap()
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|line: &Value| line["request_id"] == request_id)
        .collect();
    let [line] = lines.as_slice() else {
        panic!("one line an invocation: {lines:?}");
    };
    (answer, line.clone())
}

/// The bodies that the queue holds: each event as the bus wraps it.
async fn bodies(world: &World) -> Vec<String> {
    world.relay().await;
    let events = world.queued();
    events
        .iter()
        .map(|envelope| {
            let detail: Value = serde_json::from_str(&envelope.to_json().unwrap()).unwrap();
            json!({
                "version": "0",
                "id": "b-1",
                "detail-type": envelope.kind(),
                "source": "pesan",
                "account": "000000000000",
                "detail": detail,
            })
            .to_string()
        })
        .collect()
}

#[tokio::test]
async fn a_receipt_costs_five_round_trips_and_one_call_and_its_line_tells_no_secret() {
    let world = counted_world().await;
    let code = world.paid().await;
    let bodies = bodies(&world).await;
    let (answer, line) = invoked(&sender(&world).await, &bodies).await;
    assert_eq!(answer, json!({"batchItemFailures": []}));
    assert_eq!(world.told(), 1);
    let said = |field: &str| line[field].clone();
    assert_eq!(
        (said("kind"), said("outcome")),
        (json!("message"), json!("Accepted"))
    );
    assert_eq!((said("merchant"), said("sent")), (json!("demo"), json!(1)));
    assert_eq!(
        (said("round_trips"), said("vendor_calls")),
        (json!(5), json!(1))
    );
    let text = line.to_string();
    for private in [code.as_str(), &CHAT.to_string(), "1:test", "Budi", "/o/"] {
        assert!(!text.contains(private), "{private}: {text}");
    }
}

#[tokio::test]
async fn one_body_that_is_no_event_fails_alone() {
    let world = counted_world().await;
    world.paid().await;
    let good = bodies(&world).await.remove(0);
    let event: Value = serde_json::from_str(&good).unwrap();
    let bare = event["detail"].to_string();
    let newer = bare.replace("\"version\":1", "\"version\":2");
    let bodies = ["not json".to_owned(), good, "{}".to_owned(), bare, newer];
    let (answer, line) = invoked(&sender(&world).await, &bodies).await;
    let again: Vec<Value> = ["m-1", "m-3", "m-5"]
        .map(|id| json!({"itemIdentifier": id}))
        .to_vec();
    assert_eq!(answer, json!({"batchItemFailures": again}));
    assert_eq!(world.told(), 1);
    assert_eq!(line["alarm_names"], json!(["event unreadable"]));
}

#[tokio::test]
async fn j1_what_cannot_be_recorded_comes_again() {
    let world = counted_world().await;
    world.paid().await;
    let bodies = bodies(&world).await;
    let mut elsewhere = counted_world().await;
    for (name, value) in &mut elsewhere.variables {
        if name == "TABLE_NAME" {
            "nowhere".clone_into(value);
        }
    }
    let (answer, line) = invoked(&sender(&elsewhere).await, &bodies).await;
    assert_eq!(
        answer["batchItemFailures"],
        json!([{"itemIdentifier": "m-1"}])
    );
    assert_eq!(line["alarm_names"], json!(["messages unread"]));
    assert_eq!(
        invoked(&sender(&world).await, &bodies).await.0,
        json!({"batchItemFailures": []})
    );
    assert_eq!(world.told(), 1);
}
