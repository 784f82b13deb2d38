//! Payments that nobody has said anything about: every notification was lost.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands"
)]

mod support;

use std::sync::atomic::Ordering;

use pesan_domain::ids::{BookingCode, OrderId};
use pesan_domain::payment::PaymentState;
use pesan_service::reconcile;
use serde_json::json;
use support::{CHAT, World, shop};

async fn reconciled(world: &World) -> u32 {
    reconcile::run(&world.app).await.unwrap().asked
}

async fn payment(world: &World, code: &BookingCode) -> PaymentState {
    let found = world
        .app
        .store
        .payment(&shop().id, &OrderId::of(code, 1))
        .await;
    found.unwrap().unwrap().state
}

fn asked(world: &World) -> usize {
    world.stand.asked.load(Ordering::SeqCst)
}

#[tokio::test]
async fn b17_a_settlement_that_nobody_told_of_is_found_and_the_customer_told_once() {
    let world = World::new().await;
    let code = world.book(1, CHAT).await;
    let body = world.silently(&code, "settlement", "200");
    world.turn(15 * 60 - 1);
    assert_eq!(reconciled(&world).await, 0, "it may still be under way");
    world.turn(2);
    assert_eq!(reconciled(&world).await, 1);
    assert_eq!(payment(&world, &code).await, PaymentState::Paid);
    world.deliver().await;
    assert_eq!(world.told(), 1);

    // The notification comes after all, and the end of the page too.
    world.notify_with(&code, "settlement", "200", body).await;
    world.turn(48 * 60);
    let before = asked(&world);
    assert_eq!(reconciled(&world).await, 1);
    assert_eq!(asked(&world), before, "whether it is paid is known");
    world.deliver().await;
    assert_eq!(world.told(), 1);

    // Whether it stays paid is asked an hour and a day after it came.
    for wait in [13 * 60, 23 * 3_600] {
        world.turn(wait);
        assert_eq!(reconciled(&world).await, 1);
    }
    assert_eq!(asked(&world), before + 2);
    assert_eq!(payment(&world, &code).await, PaymentState::Paid);
    assert!(world.rows("DUE#").await.is_empty());
}

#[tokio::test]
async fn b17_money_that_came_just_before_the_end_is_found_after_it() {
    let world = World::new().await;
    let code = world.book(1, CHAT).await;
    world.turn(16 * 60);
    assert_eq!((reconciled(&world).await, asked(&world)), (1, 1));
    assert_eq!(payment(&world, &code).await, PaymentState::Created);
    world.turn(43 * 60);
    world.silently(&code, "settlement", "200");
    world.turn(3 * 60);
    assert_eq!(reconciled(&world).await, 0);
    world.turn(61);
    assert_eq!(reconciled(&world).await, 1);
    assert_eq!(payment(&world, &code).await, PaymentState::Paid);
}

#[tokio::test]
async fn b17_while_midtrans_does_not_answer_it_is_asked_again_and_not_for_ever() {
    let world = World::new().await;
    let code = world.book(1, CHAT).await;
    world.silently(&code, "settlement", "500");
    *world.stand.status.lock().unwrap() = json!({"status_code": "500"});
    world.turn(15 * 60 + 1);
    for _ in 0..3 {
        let done = reconcile::run(&world.app).await.unwrap();
        assert_eq!((done.asked, done.left), (0, 1));
        world.turn(61);
    }
    // An outage of days loses nothing; put off to the same second, its two rows are one.
    for (hours, left) in [(26, 2), (24, 1), (100, 1)] {
        world.turn(hours * 3_600);
        assert_eq!(reconcile::run(&world.app).await.unwrap().left, left);
    }
    world.turn(25 * 3_600);
    assert_eq!(reconciled(&world).await, 1);
    assert!(world.rows("DUE#").await.is_empty());
    assert_eq!(payment(&world, &code).await, PaymentState::Created);
}

#[tokio::test]
async fn b17_what_is_undecided_at_the_end_is_asked_about_for_a_day() {
    let world = World::new().await;
    let code = world.book(1, CHAT).await;
    world.silently(&code, "pending", "201");
    for _ in 0..40 {
        world.turn(3_600);
        reconciled(&world).await;
    }
    assert_eq!(payment(&world, &code).await, PaymentState::Pending);
    // Each of its two rows leads to five questions at most.
    assert!((4..=10).contains(&asked(&world)), "{}", asked(&world));
    assert!(world.rows("DUE#").await.is_empty());
}

#[tokio::test]
async fn b17_a_transaction_of_another_order_is_no_answer() {
    let world = World::new().await;
    let code = world.book(1, CHAT).await;
    world.silently(&BookingCode::from_number(2), "settlement", "200");
    world.turn(16 * 60);
    assert_eq!(reconciled(&world).await, 1);
    assert_eq!(payment(&world, &code).await, PaymentState::Created);
}
