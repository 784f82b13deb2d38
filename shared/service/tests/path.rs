//! A message's way out: outbox, bus, queue, sender; and who sees to it when one of them dies.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands"
)]

mod support;

use jiff::SignedDuration;
use pesan_adapters::dynamodb::DueKind;
use pesan_domain::ids::{MessageId, OrderId};
use pesan_domain::message::{Channel, DropReason, FailReason, HoldReason, MessageState};
use pesan_domain::payment::PaymentState;
use pesan_service::messages;
use pesan_service::reconcile::{self, Done};
use serde_json::json;
use support::{CHAT, Does, World, shop};

async fn reconciled(world: &World) -> Done {
    reconcile::run(&world.app).await.unwrap()
}

#[tokio::test]
async fn a_receipt_goes_from_the_commit_to_the_chat_once_and_leaves_nothing_behind() {
    let world = World::new().await;
    world.paid().await;
    assert_eq!(world.state().await, "Queued");
    assert_eq!(world.told(), 0, "nothing is sent by whoever settles");
    world.deliver().await;
    assert_eq!(world.state().await, "Accepted");
    let (chat, text) = world.stand.told.lock().unwrap()[0].clone();
    assert_eq!(chat, CHAT);
    assert!(text.contains("Pembayaran diterima"), "{text}");
    assert!(world.rows("OUTBOX#").await.is_empty());
    assert_eq!(world.due().await, 0);
    let message = world.message().await.message;
    assert!(!message.possibly_double);
    assert_eq!(message.vendor_id.unwrap().as_str(), "1");
}

#[tokio::test]
async fn the_same_notification_again_queues_nothing_more() {
    let world = World::new().await;
    let code = world.paid().await;
    world.notify(&code, "settlement", "200").await;
    assert_eq!(world.messages().await.len(), 1);
    assert_eq!(world.rows("OUTBOX#").await.len(), 1);
}

#[tokio::test]
async fn news_that_are_queued_already_are_not_queued_again_and_hold_up_no_settlement() {
    let world = World::new().await;
    let code = world.book(1, CHAT).await;
    let before = world.rows("M#demo#").await;
    world.notify(&code, "settlement", "200").await;
    world.deliver().await;
    // As if the payment had been decided anew, by a way that nobody knows yet.
    for row in before {
        world.restore(row).await;
    }
    world.notify(&code, "capture", "200").await;
    assert_eq!(world.messages().await.len(), 1);
    assert!(world.rows("OUTBOX#").await.is_empty());
    let order = OrderId::of(&code, 1);
    let payment = world.app.store.payment(&shop().id, &order).await.unwrap();
    assert_eq!(payment.unwrap().state, PaymentState::Paid);
}

#[tokio::test]
async fn an_event_that_comes_twice_and_at_once_is_sent_once() {
    let world = World::new().await;
    world.paid().await;
    world.relay().await;
    let queued = world.queued();
    let other = world.another_app();
    let (one, two) = tokio::join!(
        messages::take(&world.app, &queued),
        messages::take(&other, &queued)
    );
    assert_eq!((one, two), (vec![true], vec![true]));
    assert_eq!(messages::take(&world.app, &queued).await, [true]);
    assert_eq!(world.told(), 1);
    // A sender that saw the other's lease wrote its due row, which nobody needs any more.
    world.turn(120);
    reconciled(&world).await;
    assert_eq!((world.due().await, world.told()), (0, 1));
}

/// Brings back what a dead sender left: the queue's redelivery, then the reconciler's minutes.
async fn recover(world: &World, queued: &[pesan_adapters::events::Envelope]) {
    world.turn(180);
    assert_eq!(messages::take(&world.app, queued).await, [true]);
    assert_eq!(world.state().await, "Unknown");
    reconciled(world).await;
    world.deliver().await;
    assert_eq!(world.state().await, "Unknown", "within the grace");
    world.turn(15 * 60 + 1);
    assert_eq!(reconciled(world).await.woken, 1);
    world.deliver().await;
}

#[tokio::test]
async fn d7_a_sender_that_died_before_the_vendor_took_it_loses_nothing() {
    let world = World::new().await;
    world.paid().await;
    world.telegram([Does::Hangs { taken: false }]);
    let queued = world.deliver_and_die().await;
    assert_eq!((world.state().await, world.told()), ("Sending", 0));
    recover(&world, &queued).await;
    assert_eq!((world.state().await, world.told()), ("Accepted", 1));
}

#[tokio::test]
async fn d7_a_sender_that_died_after_the_vendor_took_it_doubles_once_and_says_so() {
    let world = World::new().await;
    world.paid().await;
    world.telegram([Does::Hangs { taken: true }, Does::TakesUnsaid]);
    let queued = world.deliver_and_die().await;
    recover(&world, &queued).await;
    assert_eq!((world.state().await, world.told()), ("Unknown", 2));
    assert!(world.message().await.message.possibly_double);
    world.turn(15 * 60 + 1);
    reconciled(&world).await;
    world.deliver().await;
    let message = world.message().await.message;
    let MessageState::Failed(failure) = message.state else {
        panic!("{message:?}");
    };
    assert_eq!(failure.reason, FailReason::Unanswered);
    assert_eq!(world.told(), 2, "never a third time");
    assert_eq!(world.due().await, 0);
}

#[tokio::test]
async fn a_lease_that_ran_out_is_found_without_the_queue() {
    let world = World::new().await;
    world.paid().await;
    world.telegram([Does::Hangs { taken: false }]);
    world.deliver_and_die().await;
    assert_eq!(reconciled(&world).await.woken, 0, "the lease runs");
    world.turn(61);
    assert_eq!(reconciled(&world).await.woken, 1);
    world.deliver().await;
    assert_eq!(world.state().await, "Unknown");
    world.turn(15 * 60 + 1);
    reconciled(&world).await;
    world.deliver().await;
    assert_eq!((world.state().await, world.told()), ("Accepted", 1));
}

#[tokio::test]
async fn b16_what_was_never_relayed_is_announced_again_after_two_minutes() {
    let world = World::new().await;
    world.paid().await;
    let before = world.images().await;
    world.turn(119);
    assert_eq!(reconciled(&world).await, Done::default());
    world.turn(2);
    assert_eq!(reconciled(&world).await.announced, 1);
    let after = world.images().await;
    assert_ne!(
        after[0]["SK"], before[0]["SK"],
        "the stream shows an insert"
    );
    assert_eq!(after[0]["event"], before[0]["event"]);
    assert_eq!(reconciled(&world).await.announced, 0);
    world.deliver().await;
    assert_eq!(world.told(), 1);
}

#[tokio::test]
async fn d5_what_the_bus_refuses_goes_alone_and_what_it_goes_on_refusing_comes_again() {
    let world = World::new().await;
    for number in 1..=12 {
        let code = world.book(number, CHAT).await;
        world.notify(&code, "settlement", "200").await;
    }
    *world.stand.bus_refuses.lock().unwrap() = 2;
    assert_eq!(world.relay().await, [true; 12]);
    assert_eq!(*world.stand.puts.lock().unwrap(), [10, 1, 1, 2]);
    assert!(world.rows("OUTBOX#").await.is_empty());

    let code = world.book(13, CHAT).await;
    world.notify(&code, "settlement", "200").await;
    *world.stand.bus_down.lock().unwrap() = true;
    assert_eq!(world.relay().await, [false]);
    assert_eq!(world.rows("OUTBOX#").await.len(), 1);
    *world.stand.bus_down.lock().unwrap() = false;
    assert_eq!(world.relay().await, [true]);
}

#[tokio::test]
async fn an_event_that_cannot_be_read_holds_up_nothing_and_stays_where_it_is() {
    let world = World::new().await;
    world
        .put(&[("PK", "OUTBOX#0"), ("SK", "0"), ("event", "{")])
        .await;
    world.paid().await;
    assert_eq!(world.relay().await, [true, true]);
    assert_eq!(world.queued().len(), 1);
    assert_eq!(world.rows("OUTBOX#").await.len(), 1);
    assert_eq!(reconciled(&world).await.left, 1);
    assert_eq!(world.rows("OUTBOX#").await.len(), 1);
}

#[tokio::test]
async fn any_number_of_events_that_cannot_be_read_hold_up_no_announcement() {
    let world = World::new().await;
    world.paid().await;
    let partition = world.images().await[0]["PK"]["S"].clone();
    let partition = partition.as_str().unwrap();
    for number in 0..60 {
        let key = format!("00{number:02}");
        let (name, text) = if number % 2 == 0 {
            ("event", "{")
        } else {
            ("else", "")
        };
        world
            .put(&[("PK", partition), ("SK", &key), (name, text)])
            .await;
    }
    world.turn(121);
    let done = reconciled(&world).await;
    assert_eq!((done.announced, done.left), (1, 60));
}

#[tokio::test]
async fn a_payment_that_was_given_back_meanwhile_has_no_receipt() {
    let world = World::new().await;
    let code = world.paid().await;
    let refund = json!({"refund_amount": "70000.00"});
    world.notify_with(&code, "refund", "200", refund).await;
    world.deliver().await;
    assert_eq!(world.told(), 0);
    let state = world.message().await.message.state;
    assert_eq!(state, MessageState::Dropped(DropReason::CalledOff));
}

#[tokio::test]
async fn e7_a_chat_that_is_gone_is_left_alone_until_the_customer_writes() {
    let world = World::new().await;
    let first = world.paid().await;
    let refusal = json!({"ok": false, "error_code": 403, "description": "Forbidden: bot was blocked by the user"});
    world.telegram([Does::Refuses(403, refusal)]);
    world.deliver().await;
    let MessageState::Failed(failure) = world.message().await.message.state else {
        panic!("not failed");
    };
    assert_eq!(failure.reason, FailReason::Unreachable);

    world.notify(&first, "deny", "202").await;
    world.deliver().await;
    assert_eq!(world.stand.calls.lock().unwrap().len(), 1, "no second call");
    let states: Vec<_> = world
        .messages()
        .await
        .iter()
        .map(|one| one.message.state)
        .collect();
    assert!(
        states.contains(&MessageState::Dropped(DropReason::Unreachable)),
        "{states:?}"
    );

    // Whatever the customer writes is a put of the chat's whole row.
    let look = pesan_adapters::dynamodb::Look {
        chat: Some(CHAT),
        ..Default::default()
    };
    let chat = world
        .app
        .store
        .look(&shop().id, look)
        .await
        .unwrap()
        .chat
        .unwrap();
    assert!(chat.unreachable);
    let mut after = chat.chat.clone();
    after.version += 1;
    world
        .app
        .store
        .save_chat(&shop().id, &chat.after(99, after))
        .await
        .unwrap();
    let chat = world
        .app
        .store
        .look(&shop().id, look)
        .await
        .unwrap()
        .chat
        .unwrap();
    assert!(!chat.unreachable);
}

#[tokio::test]
async fn e3_too_fast_rests_the_whole_bot_as_long_as_telegram_says() {
    let world = World::new().await;
    world.paid().await;
    let refusal = json!({"ok": false, "error_code": 429, "description": "Too Many Requests: retry after 35", "parameters": {"retry_after": 35}});
    world.telegram([Does::Refuses(429, refusal)]);
    world.deliver().await;
    assert_eq!(world.state().await, "Retry");
    let other = world.book(2, CHAT + 1).await;
    world.notify(&other, "settlement", "200").await;
    world.deliver().await;
    assert_eq!(
        world.stand.calls.lock().unwrap().len(),
        1,
        "other chats rest, too"
    );
    assert_eq!(world.due().await, 2);
    world.turn(37);
    assert_eq!(reconciled(&world).await.woken, 2);
    world.deliver().await;
    assert_eq!((world.told(), world.due().await), (2, 0));
}

#[tokio::test]
async fn e5_a_vendor_in_trouble_is_called_a_bounded_number_of_times() {
    let world = World::new().await;
    world.paid().await;
    let refusal = json!({"ok": false, "error_code": 502, "description": "Bad Gateway"});
    world.telegram(vec![Does::Refuses(502, refusal); 100]);
    world.deliver().await;
    // Half a day of tries, and the night between.
    for _ in 0..48 {
        world.turn(3_600);
        reconciled(&world).await;
        world.deliver().await;
    }
    let calls = world.stand.calls.lock().unwrap().len();
    assert!((2..=10).contains(&calls), "{calls}");
    assert!(!world.message().await.message.state.is_open());
    assert_eq!(world.due().await, 0);
}

#[tokio::test]
async fn a_token_that_is_refused_stops_the_bot_until_it_is_resumed() {
    let world = World::new().await;
    world.paid().await;
    world.relay().await;
    let queued = world.queued();
    let unauthorized = json!({"ok": false, "error_code": 401, "description": "Unauthorized"});
    world.telegram([Does::Refuses(401, unauthorized)]);
    assert_eq!(messages::take(&world.app, &queued).await, [true]);
    let held = MessageState::Held {
        reason: HoldReason::Paused,
        until: None,
    };
    assert_eq!(world.message().await.message.state, held);
    assert_eq!(world.rows("M#demo#WAIT#paused").await.len(), 1);
    let other = world.book(2, CHAT + 1).await;
    world.notify(&other, "settlement", "200").await;
    world.deliver().await;
    assert_eq!(world.told(), 0);
    assert_eq!(world.stand.calls.lock().unwrap().len(), 1);

    let released = messages::resume(&world.app, &shop().id, Channel::Telegram).await;
    assert_eq!(released, Ok(2));
    assert!(world.rows("M#demo#WAIT#paused").await.is_empty());
    world.deliver().await;
    assert_eq!((world.told(), world.due().await), (2, 0));
    assert_eq!(
        messages::resume(&world.app, &shop().id, Channel::Telegram).await,
        Ok(0)
    );
}

#[tokio::test]
async fn a_token_that_was_replaced_meanwhile_is_read_anew() {
    let world = World::new().await;
    world.paid().await;
    world.deliver().await;
    *world.stand.token.lock().unwrap() = "2:fresh".to_owned();
    world.turn(31);
    let other = world.book(2, CHAT).await;
    world.notify(&other, "settlement", "200").await;
    world.deliver().await;
    assert_eq!(
        *world.stand.calls.lock().unwrap(),
        ["1:test", "1:test", "2:fresh"]
    );
    assert_eq!(world.told(), 2);
}

#[tokio::test]
async fn a_missing_secret_costs_no_try_and_heals_by_itself() {
    let world = World::new().await;
    world.paid().await;
    world.stand.token.lock().unwrap().clear();
    world.deliver().await;
    let message = world.message().await.message;
    assert_eq!((message.state.name(), message.tries), ("Retry", 0));
    *world.stand.token.lock().unwrap() = "1:test".to_owned();
    world.turn(301);
    reconciled(&world).await;
    world.deliver().await;
    assert_eq!(world.told(), 1);
}

#[tokio::test]
async fn j11_what_comes_back_after_a_week_is_too_old() {
    let world = World::new().await;
    world.paid().await;
    world.relay().await;
    let queued = world.queued();
    world.turn(7 * 24 * 3_600);
    assert_eq!(messages::take(&world.app, &queued).await, [true]);
    assert_eq!(world.told(), 0);
    let state = world.message().await.message.state;
    assert_eq!(state, MessageState::Dropped(DropReason::TooOld));
}

#[tokio::test]
async fn whoever_has_just_paid_is_told_at_night_and_others_in_the_morning() {
    let world = World::new().await;
    world.set("2026-12-01T23:00:00+07:00");
    world.paid().await;
    world.deliver().await;
    assert_eq!(world.told(), 1);
    let late = world.book(2, CHAT).await;
    let hours_ago = json!({"settlement_time": "2026-12-01 21:30:00"});
    world
        .notify_with(&late, "settlement", "200", hours_ago)
        .await;
    world.deliver().await;
    assert_eq!((world.told(), world.due().await), (1, 1));
    world.set("2026-12-02T08:00:01+07:00");
    reconciled(&world).await;
    world.deliver().await;
    assert_eq!(world.told(), 2);
}

#[tokio::test]
async fn messages_of_one_chat_go_in_the_order_they_were_made() {
    let world = World::new().await;
    let mut codes = vec![];
    for number in 1..=8 {
        codes.push(world.book(number, CHAT).await);
        world.turn(1);
        world
            .notify(&codes[codes.len() - 1], "settlement", "200")
            .await;
    }
    world.relay().await;
    let mut queued = world.queued();
    queued.reverse();
    assert_eq!(messages::take(&world.app, &queued).await, [true; 8]);
    let told = world.stand.told.lock().unwrap();
    for (code, (_, text)) in codes.iter().zip(told.iter()) {
        assert!(text.contains(code.as_str()), "{text}");
    }
}

#[tokio::test]
async fn whoever_is_woken_too_early_is_woken_again() {
    let world = World::new().await;
    world.paid().await;
    world.telegram([Does::TakesUnsaid]);
    world.deliver().await;
    let message = world.message().await.message;
    let until = message.wakes_at().unwrap();
    // The reconciler's clock is ahead of the sender's by two seconds.
    let ahead = until.duration_since(world.clock.now()) + SignedDuration::from_secs(2);
    world.turn(ahead.as_secs());
    assert_eq!(reconciled(&world).await.woken, 1);
    world.turn(-3);
    world.deliver().await;
    assert_eq!((world.state().await, world.due().await), ("Unknown", 1));
    world.turn(4);
    assert_eq!(reconciled(&world).await.woken, 1);
    world.deliver().await;
    assert_eq!(world.state().await, "Accepted");
}

#[tokio::test]
async fn a_due_row_whose_message_has_moved_on_wakes_nobody() {
    let world = World::new().await;
    world.paid().await;
    world.deliver().await;
    let id = world.message().await.message.id;
    let now = world.clock.now();
    world
        .app
        .store
        .wake_later(&DueKind::Message(id.clone()), now)
        .await
        .unwrap();
    let nobody = MessageId::parse("nobody").unwrap();
    world
        .app
        .store
        .wake_later(&DueKind::Message(nobody.clone()), now)
        .await
        .unwrap();
    world.turn(1);
    let done = reconciled(&world).await;
    assert_eq!((done.woken, done.moved_on), (0, 2));
    assert_eq!(
        (world.due().await, world.rows("OUTBOX#").await.len()),
        (0, 0)
    );
}

#[tokio::test]
async fn more_than_a_page_is_woken_in_one_run_and_what_is_not_known_holds_up_nothing() {
    let world = World::new().await;
    for number in 0..130 {
        let kind = ["else", "message", "payment"][number % 3];
        let key = format!("2026-11-30T00:00:00Z#{kind}#?{number:03}");
        world.put(&[("PK", "DUE#3"), ("SK", &key)]).await;
    }
    world.paid().await;
    world.telegram([Does::TakesUnsaid]);
    world.deliver().await;
    world.turn(15 * 60 + 1);
    let done = reconciled(&world).await;
    assert_eq!((done.woken, done.left), (1, 130));
}

#[tokio::test]
async fn an_event_of_a_message_that_is_not_there_is_done_with() {
    let world = World::new().await;
    world.paid().await;
    world.relay().await;
    let queued = world.queued();
    let foreign = World::new().await;
    assert_eq!(messages::take(&foreign.app, &queued).await, [true]);
}
