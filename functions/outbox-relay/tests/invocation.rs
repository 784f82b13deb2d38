//! The events as DynamoDB's streams hand them over, and what is answered.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands"
)]

#[path = "../../../shared/service/tests/support/mod.rs"]
mod support;

use pesan_lambda::{Env, EventHandler, Invocation, InvocationFailed};
use serde_json::{Value, json};
use support::World;
use tower::ServiceExt as _;

async fn relay(world: &World) -> EventHandler {
    let env = world.variables.iter().cloned().collect::<Env>();
    outbox_relay::handler(&env, world.clock.clone())
        .await
        .unwrap()
}

async fn invoked(relay: &EventHandler, event: Value) -> Result<Value, InvocationFailed> {
    let request_id = "r-1".to_owned();
    relay
        .clone()
        .oneshot(Invocation { event, request_id })
        .await
}

fn answer(again: &[&Value]) -> Value {
    let again: Vec<Value> = again
        .iter()
        .map(|id| json!({"itemIdentifier": id}))
        .collect();
    json!({"batchItemFailures": again})
}

/// A record like the first one, with a field changed.
fn bent(event: &Value, pointer: &str, value: Value) -> Value {
    let mut record = event["Records"][0].clone();
    *record.pointer_mut(pointer).unwrap() = value;
    record["dynamodb"]["SequenceNumber"] = json!("900");
    record
}

#[tokio::test]
async fn what_is_put_into_the_outbox_is_put_on_the_bus_and_taken_out() {
    let world = World::new().await;
    world.paid().await;
    let event = world.stream_event().await;
    let detail = event["Records"][0]["dynamodb"]["NewImage"]["event"]["S"].clone();
    assert_eq!(
        invoked(&relay(&world).await, event).await.unwrap(),
        answer(&[])
    );
    let taken = world.stand.bus.lock().unwrap()[0].clone();
    let entry = json!({
        "EventBusName": "pesan",
        "Source": "pesan",
        "DetailType": "message.queued",
        "Detail": detail,
    });
    assert_eq!(taken, entry);
    assert!(world.rows("OUTBOX#").await.is_empty());
}

#[tokio::test]
async fn what_the_bus_goes_on_refusing_is_named_and_nothing_else_is() {
    let world = World::new().await;
    world.paid().await;
    let mut event = world.stream_event().await;
    let records = [
        bent(&event, "/eventName", json!("REMOVE")),
        bent(&event, "/eventName", json!("MODIFY")),
        bent(&event, "/dynamodb/NewImage/PK/S", json!("M#demo")),
        bent(&event, "/dynamodb/NewImage/event/S", json!("{")),
        bent(&event, "/dynamodb/NewImage/event", json!({"N": "1"})),
    ];
    event["Records"].as_array_mut().unwrap().extend(records);
    let relay = relay(&world).await;
    *world.stand.bus_down.lock().unwrap() = true;
    let sequence = event["Records"][0]["dynamodb"]["SequenceNumber"].clone();
    let answered = invoked(&relay, event.clone()).await.unwrap();
    assert_eq!(answered, answer(&[&sequence]));
    *world.stand.bus_down.lock().unwrap() = false;
    assert_eq!(invoked(&relay, event).await.unwrap(), answer(&[]));
    assert_eq!(world.queued().len(), 1);
}

#[tokio::test]
async fn what_is_no_stream_fails_as_a_whole() {
    let world = World::new().await;
    let relay = relay(&world).await;
    for event in [json!({}), json!({"Records": [{"eventName": "INSERT"}]})] {
        assert_eq!(invoked(&relay, event).await, Err(InvocationFailed));
    }
}
