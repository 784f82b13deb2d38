//! The event as the schedule sends it, and what is answered.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands"
)]

#[path = "../../../shared/service/tests/support/mod.rs"]
mod support;

use pesan_lambda::{Env, Invocation, InvocationFailed};
use serde_json::{Value, json};
use support::{Does, World};
use tower::ServiceExt as _;

async fn invoked(world: &World) -> Result<Value, InvocationFailed> {
    let env = world.variables.iter().cloned().collect::<Env>();
    let reconciler = reconciler::handler(&env, world.clock.clone())
        .await
        .unwrap();
    let event = json!({"scheduled_at": "2026-12-01T01:00:00Z"});
    let request_id = "r-1".to_owned();
    reconciler.oneshot(Invocation { event, request_id }).await
}

#[tokio::test]
async fn what_is_due_is_woken_and_said() {
    let mut world = World::new().await;
    world.paid().await;
    world.telegram([Does::TakesUnsaid]);
    world.deliver().await;
    let nothing = json!({"woken": 0, "asked": 0, "moved_on": 0, "announced": 0, "left": 0});
    assert_eq!(invoked(&world).await, Ok(nothing));
    world.turn(15 * 60 + 1);
    let woken = json!({"woken": 1, "asked": 1, "moved_on": 0, "announced": 0, "left": 0});
    assert_eq!(invoked(&world).await, Ok(woken));

    for (name, value) in &mut world.variables {
        if name == "TABLE_NAME" {
            "nowhere".clone_into(value);
        }
    }
    assert_eq!(
        invoked(&world).await,
        Err(InvocationFailed),
        "the schedule says so"
    );
}
