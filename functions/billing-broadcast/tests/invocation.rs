//! The events as schedules and the queue send them, and what is answered.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands"
)]

#[path = "../../../shared/service/tests/support/mod.rs"]
mod support;

use pesan_domain::ids::PlanId;
use pesan_domain::money::Rupiah;
use pesan_domain::subscriber::Plan;
use pesan_lambda::{Env, Invocation, InvocationFailed};
use serde_json::{Value, json};
use support::{World, shop};
use tower::ServiceExt as _;

async fn invoked(world: &World, event: Value) -> Result<Value, InvocationFailed> {
    let env = world.variables.iter().cloned().collect::<Env>();
    let function = billing_broadcast::handler(&env, world.clock.clone())
        .await
        .unwrap();
    let request_id = "r-1".to_owned();
    function.oneshot(Invocation { event, request_id }).await
}

fn scheduled(zone: &str) -> Value {
    json!({"runs": "bills", "zone": zone, "scheduled_at": "2026-11-30T02:00:00Z"})
}

fn record(id: &str, body: &str) -> Value {
    json!({"messageId": id, "body": body})
}

fn go_on(run: &str) -> String {
    json!({
        "type": "billing.continue", "version": 1, "id": "019ad7c1a90000000000000000000005",
        "merchant": "demo", "at": "2026-11-30T02:00:00Z", "run": run, "shard": 3,
    })
    .to_string()
}

#[tokio::test]
async fn a_schedule_begins_and_the_queue_drives_each_record_for_itself() {
    let world = World::new().await;
    let plan = Plan::new(
        PlanId::parse("pro").unwrap(),
        "Paket Pro",
        Rupiah::new(150_000),
    );
    world.app.store.put_plan(&shop().id, &plan).await.unwrap();
    for (zone, begun) in [
        ("Asia/Makassar", 0),
        ("Asia/Jakarta", 1),
        ("Asia/Jakarta", 0),
    ] {
        let answer = invoked(&world, scheduled(zone)).await;
        assert_eq!(answer, Ok(json!({"begun": begun})), "{zone}");
    }
    let records = json!({"Records": [
        record("m-1", &go_on("2026-11#bill")),
        record("m-2", "{}"),
        // Nobody began it: nothing to try again.
        record("m-3", &go_on("2026-10#bill")),
    ]});
    let answer = invoked(&world, records).await.unwrap();
    let again = json!([{"itemIdentifier": "m-2"}]);
    assert_eq!(answer["batchItemFailures"], again);
    let rows = world.rows("M#demo#RUN#").await;
    let halted = rows.iter().filter(|row| {
        row.get("state")
            .is_some_and(|state| state.as_s().unwrap() == "halt")
    });
    assert_eq!(halted.count(), 1);
}

#[tokio::test]
async fn i2_what_no_schedule_sends_fails_as_a_whole() {
    let world = World::new().await;
    for event in [
        json!({}),
        scheduled("Asia/Singapore"),
        json!({"runs": "bills", "zone": "Asia/Jakarta", "scheduled_at": "yesterday"}),
        json!({"runs": "all", "zone": "Asia/Jakarta", "scheduled_at": "2026-11-30T02:00:00Z"}),
        json!({"Records": [{"body": "{}"}]}),
    ] {
        let answer = invoked(&world, event.clone()).await;
        assert_eq!(answer, Err(InvocationFailed), "{event}");
    }
}
