//! WhatsApp messages and their money: senders that die, vendors in trouble, merchants without money.
//! What arrived is counted by the stand-in for Meta alone, and the books must agree with it.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands"
)]

mod support;

use std::collections::BTreeSet;

use pesan_adapters::dynamodb::Pause;
use pesan_adapters::events::{Envelope, Event};
use pesan_domain::ids::MessageId;
use pesan_domain::language::Language;
use pesan_domain::message::text::Kind;
use pesan_domain::message::verdict::whatsapp;
use pesan_domain::message::{
    Channel, DropReason, FailReason, HoldReason, MessageState, PauseReason, Report,
};
use pesan_domain::money::Rupiah;
use pesan_domain::whatsapp::TemplateStatus;
use pesan_service::messages;
use support::gate::Fault;
use support::whatsapp::{Answer, PRICE, active};
use support::{World, shop};

fn rupiah(messages: u64) -> Rupiah {
    Rupiah::new(messages * PRICE)
}

/// What the queue brings again, then the minutes of the reconciler until every lease and every
/// grace is over.
async fn recover(world: &World, queued: &[Envelope]) {
    world.turn(180);
    let seen_to = messages::take(&world.app, queued).await;
    assert!(seen_to.iter().all(|seen_to| *seen_to), "{seen_to:?}");
    for minutes in [1, 16, 1] {
        world.turn(minutes * 60);
        world.reconciled().await;
        world.send_all().await;
    }
}

#[tokio::test]
async fn a_batch_goes_out_and_is_paid_for_to_the_rupiah() {
    let (gate, world) = World::gated(20).await;
    world.queue_bills(10).await;
    let queued = world.handed_on().await;
    gate.passed();
    assert_eq!(messages::take(&world.app, &queued).await, [true; 10]);
    let passed = gate.passed();
    // Read the messages and what is around them; take instants; lease and money; ten records; settle.
    assert_eq!(passed.len(), 2 + 1 + 1 + 10 + 1, "{passed:?}");
    world.minutes(3).await;
    world.expect_all_taken(10).await;
    assert_eq!(world.books().await.available, rupiah(10));
    assert_eq!(
        world.entries().await.len(),
        3,
        "one row a top-up, a batch, a settlement"
    );
}

/// Kills a sender of three messages at its `nth` call to the table, or has that call fail. Whether
/// there was such a call.
async fn meets(nth: usize, fault: Fault) -> bool {
    let (gate, world) = World::gated(10).await;
    world.queue_bills(3).await;
    let queued = world.handed_on().await;
    gate.order(nth, fault);
    tokio::select! {
        _ = messages::take(&world.app, &queued) => {}
        () = gate.died.notified() => {}
    }
    if !gate.is_over() {
        return false;
    }
    world.books().await;
    recover(&world, &queued).await;
    world.expect_all_taken(3).await;
    true
}

async fn meets_at_each_call(fault: Fault) {
    let mut nth = 1;
    while meets(nth, fault).await {
        nth += 1;
    }
    // Two reads, the instants, the lease, three records, the settlement.
    assert!(nth > 8, "{fault:?} was met {nth} times only");
}

#[tokio::test]
async fn d7_d8_a_sender_that_dies_before_any_call_to_the_table_loses_nothing() {
    meets_at_each_call(Fault::KillsBefore).await;
}

#[tokio::test]
async fn d7_d8_a_sender_that_dies_after_any_call_to_the_table_loses_nothing() {
    meets_at_each_call(Fault::KillsAfter).await;
}

#[tokio::test]
async fn j1_any_call_to_the_table_that_fails_loses_nothing() {
    meets_at_each_call(Fault::Fails).await;
}

#[tokio::test]
async fn j1_any_call_to_the_table_whose_answer_is_lost_loses_nothing() {
    meets_at_each_call(Fault::Loses).await;
}

#[tokio::test]
async fn d7_what_the_vendor_took_from_a_sender_that_died_is_settled_by_its_echo() {
    let world = World::with_whatsapp(10).await;
    let id = world.queue_to(1, Kind::Bill).await;
    world.stand.meta.next([Answer::Hangs { taken: true }]);
    let queued = world.deliver_and_die().await;
    assert_eq!(world.books().await.reserved, rupiah(1));
    world.turn(180);
    messages::take(&world.app, &queued).await;
    assert_eq!(world.state_of(&id).await, "Unknown");
    world.receipts(&[(&id, "wamid.1", Report::Delivered)]).await;
    assert_eq!(world.state_of(&id).await, "Delivered");
    world.minutes(20).await;
    assert_eq!(world.stand.meta.calls(), 1, "nothing is sent again");
    let message = world.record(&id).await.message;
    assert!(!message.possibly_double);
    let books = world.books().await;
    assert_eq!((books.spent, books.reserved), (rupiah(1), Rupiah::ZERO));
    assert_eq!(world.due().await, 0);
}

#[tokio::test]
async fn d8_without_an_echo_it_is_sent_again_once_and_marked() {
    let world = World::with_whatsapp(10).await;
    let id = world.queue_to(1, Kind::Bill).await;
    world.stand.meta.always(Answer::TakesUnsaid);
    world.send_all().await;
    assert_eq!(
        world.state_of(&id).await,
        "Unknown",
        "d10: a lost answer is no failure"
    );
    world.minutes(14).await;
    assert_eq!(world.stand.meta.calls(), 1, "within the grace");
    world.minutes(3).await;
    assert_eq!(world.stand.meta.calls(), 2);
    assert!(world.record(&id).await.message.possibly_double);
    assert_eq!(
        world.books().await.reserved,
        rupiah(1),
        "g4: set aside while nobody knows"
    );
    world.minutes(40).await;
    assert_eq!(world.stand.meta.calls(), 2, "never a third time");
    let MessageState::Failed(failure) = world.record(&id).await.message.state else {
        panic!("not given up");
    };
    assert_eq!(failure.reason, FailReason::Unanswered);
    assert_eq!(world.books().await.reserved, Rupiah::ZERO);
}

#[tokio::test]
async fn a_receipt_that_comes_before_our_own_save_is_kept_and_paid_once() {
    let world = World::with_whatsapp(10).await;
    let id = world.queue_to(1, Kind::Bill).await;
    world.stand.meta.next([Answer::Hangs { taken: true }]);
    world.deliver_and_die().await;
    assert_eq!(world.state_of(&id).await, "Sending");
    world.receipts(&[(&id, "wamid.1", Report::Sent)]).await;
    assert_eq!(world.state_of(&id).await, "Sent");
    world.minutes(20).await;
    assert_eq!(world.stand.meta.calls(), 1);
    let books = world.books().await;
    assert_eq!((books.spent, books.reserved), (rupiah(1), Rupiah::ZERO));
}

#[tokio::test]
async fn g4_what_a_receipt_says_failed_was_taken_and_is_paid() {
    let world = World::with_whatsapp(10).await;
    let id = world.queue_to(1, Kind::Bill).await;
    world.send_all().await;
    let refusal = whatsapp(Some(131_026), 200);
    world
        .receipts(&[(&id, "wamid.1", Report::Failed(refusal))])
        .await;
    assert_eq!(world.state_of(&id).await, "Failed");
    world.minutes(20).await;
    assert_eq!(
        (world.stand.meta.calls(), world.books().await.spent),
        (1, rupiah(1))
    );
}

#[tokio::test]
async fn e16_a_sender_that_dies_amid_a_batch_sends_nothing_again_that_was_recorded() {
    let world = World::with_whatsapp(20).await;
    // One recipient, so that they go one after the other.
    for number in 1..=10 {
        world
            .queue_as(&format!("bill-{number:02}"), 1, Kind::Bill)
            .await;
        world.turn(1);
    }
    let takes = [Answer::Takes; 5];
    world.stand.meta.next(takes);
    world.stand.meta.next([Answer::Hangs { taken: true }]);
    let queued = world.deliver_and_die().await;
    let states = world.states().await;
    assert_eq!((states["Accepted"], states["Sending"]), (5, 5));
    recover(&world, &queued).await;
    world.expect_all_taken(10).await;
    let twice = world
        .stand
        .meta
        .taken()
        .into_values()
        .filter(|times| *times > 1);
    assert_eq!(twice.count(), 1, "the sixth, which nobody knew of");
}

#[tokio::test]
async fn the_same_event_to_two_senders_at_once_is_sent_and_paid_once() {
    let world = World::with_whatsapp(20).await;
    world.queue_bills(10).await;
    let queued = world.handed_on().await;
    let others: Vec<_> = (0..3).map(|_| world.another_app()).collect();
    let (one, two, three, four) = tokio::join!(
        messages::take(&world.app, &queued),
        messages::take(&others[0], &queued),
        messages::take(&others[1], &queued[..5]),
        messages::take(&others[2], &queued[5..]),
    );
    for seen_to in [one, two, three, four] {
        assert!(seen_to.iter().all(|seen_to| *seen_to), "{seen_to:?}");
    }
    assert_eq!(world.stand.meta.calls(), 10);
    world.minutes(20).await;
    world.expect_all_taken(10).await;
}

#[tokio::test]
async fn g1_a_hundred_at_once_and_money_for_ten() {
    let world = World::with_whatsapp(10).await;
    world.queue_bills(100).await;
    let queued = world.handed_on().await;
    let apps: Vec<_> = (0..8).map(|_| world.another_app()).collect();
    let sent = queued
        .chunks(13)
        .zip(&apps)
        .map(|(some, app)| messages::take(app, some));
    for seen_to in futures_util::future::join_all(sent).await {
        assert!(seen_to.iter().all(|seen_to| *seen_to), "{seen_to:?}");
    }
    world.minutes(3).await;
    assert_eq!(world.stand.meta.calls(), 10);
    let states = world.states().await;
    assert_eq!((states["Accepted"], states["Held"]), (10, 90));
    let books = world.books().await;
    assert_eq!((books.available, books.spent), (Rupiah::ZERO, rupiah(10)));
}

#[tokio::test]
async fn g2_a_rupiah_too_little_sends_nothing_and_the_price_sends_one() {
    let world = World::with_whatsapp(0).await;
    world.queue_bills(2).await;
    world.top_up("T-366", 366).await;
    world.send_all().await;
    assert_eq!(world.stand.meta.calls(), 0);
    world.top_up("T-1", 1).await;
    world.minutes(2).await;
    assert_eq!(world.stand.meta.calls(), 1);
    assert_eq!(world.books().await.available, Rupiah::ZERO);
}

#[tokio::test]
async fn what_waits_for_money_takes_no_instant_from_what_has_some() {
    let mut slow = active();
    slow.messaging.whatsapp_per_second = 1;
    let world = World::with_merchant(&slow, 0).await;
    world.queue_bills(3).await;
    world.send_all().await;
    assert_eq!(world.states().await["Held"], 3);
    let pace = world.app.store.pace(&shop().id, Channel::WhatsApp).await;
    assert_eq!(pace.unwrap(), None, "nothing was sent");
}

#[tokio::test]
async fn a_top_up_releases_the_urgent_first_and_what_it_pays_for() {
    let world = World::with_whatsapp(0).await;
    world.queue_bills(5).await;
    world.turn(1);
    let urgent = world.queue_to(77, Kind::Approval).await;
    world.send_all().await;
    assert_eq!(world.states().await["Held"], 6);
    world.top_up("T-2", 2 * PRICE).await;
    world.minutes(2).await;
    assert_eq!(world.state_of(&urgent).await, "Accepted");
    assert_eq!(world.stand.meta.calls(), 2);
    assert_eq!(world.states().await["Held"], 4);
    world.top_up("T-3", 10 * PRICE).await;
    world.minutes(2).await;
    world.expect_all_taken(6).await;
}

#[tokio::test]
async fn a_top_up_that_lands_as_a_message_is_held_passes_none_by() {
    // At each of the sender's calls in turn, money comes before that call goes through.
    for nth in 1..=6 {
        let (gate, world) = World::gated(0).await;
        let id = world.queue_to(1, Kind::Bill).await;
        let queued = world.handed_on().await;
        gate.order(nth, Fault::Waits);
        let sending = messages::take(&world.app, &queued);
        tokio::pin!(sending);
        tokio::select! {
            seen_to = &mut sending => assert_eq!(seen_to, [true]),
            () = gate.died.notified() => {
                world.top_up("T-1", PRICE).await;
                gate.goes_on.notify_one();
                assert_eq!(sending.await, [true], "{nth}");
            }
        }
        if world.account().await.balance.topped_up == Rupiah::ZERO {
            world.top_up("T-1", PRICE).await;
        }
        world.minutes(3).await;
        assert_eq!(world.state_of(&id).await, "Accepted", "{nth}");
        world.expect_all_taken(1).await;
    }
}

#[tokio::test]
async fn g5_a_reservation_whose_sender_died_is_given_back_or_spent() {
    let world = World::with_whatsapp(10).await;
    let ids = world.queue_bills(2).await;
    world.stand.meta.next([Answer::Hangs { taken: false }]);
    let queued = world.deliver_and_die().await;
    assert_eq!(world.books().await.reserved, rupiah(2));
    // They are not wanted any more when the grace is over: the shop's number is gone for ever.
    world.turn(72 * 3_600);
    messages::take(&world.app, &queued).await;
    world.minutes(40).await;
    let books = world.books().await;
    assert_eq!(books.reserved, Rupiah::ZERO);
    let accepted = u64::try_from(world.stand.meta.taken().len()).unwrap();
    assert_eq!(books.spent, rupiah(accepted));
    for id in ids {
        assert!(!world.record(&id).await.message.state.is_open());
    }
}

fn pauses(queued: &[Envelope]) -> usize {
    let is_pause = |one: &&Envelope| matches!(one.event, Event::ChannelPaused { .. });
    queued.iter().filter(is_pause).count()
}

fn lows(queued: &[Envelope]) -> usize {
    let is_low = |one: &&Envelope| matches!(one.event, Event::BalanceLow);
    queued.iter().filter(is_low).count()
}

#[tokio::test]
async fn d19_a_token_that_is_refused_pauses_the_merchant_once_and_loses_nothing() {
    let world = World::with_whatsapp(100).await;
    world.queue_bills(30).await;
    let queued = world.handed_on().await;
    world.stand.meta.always(Answer::Refuses(190));
    for ten in queued.chunks(10) {
        messages::take(&world.app, ten).await;
    }
    let pause = world.app.store.pause(&shop().id, Channel::WhatsApp).await;
    assert_eq!(pause.unwrap(), Some(Pause::Stopped(PauseReason::Token)));
    assert_eq!(world.states().await["Held"], 30);
    assert_eq!(pauses(&world.handed_on().await), 1, "told once");
    let calls = world.stand.meta.calls();
    assert!(calls <= 20, "no storm: {calls}");
    world.minutes(5).await;
    assert_eq!(world.stand.meta.calls(), calls);
    let books = world.books().await;
    assert_eq!(books.available, rupiah(100), "a pause ties up no money");

    world.stand.meta.always(Answer::Takes);
    let resumed = messages::resume(&world.app, &shop().id, Channel::WhatsApp).await;
    assert_eq!(resumed, Ok(30));
    world.minutes(3).await;
    world.expect_all_taken(30).await;
}

#[tokio::test]
async fn g8_a_vendor_that_cannot_be_paid_is_not_stormed_and_the_money_is_free() {
    let world = World::with_whatsapp(100).await;
    world.queue_bills(30).await;
    world.stand.meta.always(Answer::Refuses(131_042));
    world.send_all().await;
    world.minutes(30).await;
    assert_eq!(world.stand.meta.calls(), 10, "the first batch only");
    let books = world.books().await;
    assert_eq!(
        (books.available, books.reserved),
        (rupiah(100), Rupiah::ZERO)
    );
    assert_eq!(world.states().await["Held"], 30);
}

#[tokio::test]
async fn g11_the_balance_runs_low_once_a_crossing() {
    let mut merchant = active();
    merchant.messaging.low_mark = rupiah(20);
    let world = World::with_merchant(&merchant, 40).await;
    let mut told = 0;
    for number in 1..=30 {
        world.queue_to(number, Kind::Bill).await;
        let queued = world.handed_on().await;
        told += lows(&queued);
        messages::take(&world.app, &queued).await;
    }
    told += lows(&world.handed_on().await);
    assert_eq!(told, 1);
    world.top_up("T-more", 30 * PRICE).await;
    for number in 31..=55 {
        world.queue_to(number, Kind::Bill).await;
        let queued = world.handed_on().await;
        told += lows(&queued);
        messages::take(&world.app, &queued).await;
    }
    told += lows(&world.handed_on().await);
    assert_eq!(told, 2, "once more after it was above");
    world.books().await;
}

#[tokio::test]
async fn a_template_that_is_not_approved_holds_its_messages_until_it_is() {
    let world = World::with_whatsapp(10).await;
    let language = Language::Indonesian;
    world.turn(2);
    world
        .hear(Kind::Bill, language, TemplateStatus::Pending)
        .await;
    let bill = world.queue_to(1, Kind::Bill).await;
    let other = world.queue_to(2, Kind::Reminder).await;
    world.send_all().await;
    let held = |id| {
        let world = &world;
        async move { world.record(id).await.message.state }
    };
    let template = MessageState::Held {
        reason: HoldReason::Template,
        until: None,
    };
    assert_eq!(held(&bill).await, template);
    assert_eq!(world.state_of(&other).await, "Accepted", "others go on");
    world.minutes(5).await;
    world
        .hear(Kind::Bill, language, TemplateStatus::Approved)
        .await;
    world.minutes(1).await;
    world.expect_all_taken(2).await;
}

#[tokio::test]
async fn a_template_that_meta_refuses_is_held_with_its_messages() {
    let world = World::with_whatsapp(10).await;
    world.queue_bills(1).await;
    world.turn(2);
    world.stand.meta.next([Answer::Refuses(132_015)]);
    world.send_all().await;
    assert_eq!(world.states().await["Held"], 1);
    assert_eq!(world.books().await.available, rupiah(10));
    world.queue_to(2, Kind::Bill).await;
    world.send_all().await;
    assert_eq!(world.stand.meta.calls(), 1, "nor do later ones go");
    world.turn(2);
    world
        .hear(Kind::Bill, Language::Indonesian, TemplateStatus::Approved)
        .await;
    // It is looked at once more, two minutes after it was refused.
    world.minutes(2).await;
    world.expect_all_taken(2).await;
}

#[tokio::test]
async fn e2_one_recipient_too_fast_waits_and_others_do_not() {
    let world = World::with_whatsapp(10).await;
    let first = world.queue_to(1, Kind::Bill).await;
    world.stand.meta.next([Answer::Refuses(131_056)]);
    world.send_all().await;
    let second = world.queue_to(1, Kind::Reminder).await;
    let other = world.queue_to(2, Kind::Bill).await;
    world.send_all().await;
    assert_eq!(world.state_of(&other).await, "Accepted");
    assert_eq!(world.state_of(&first).await, "Retry");
    assert_eq!(world.state_of(&second).await, "Retry", "to the same person");
    assert_eq!(world.stand.meta.calls(), 2);
    let at = world.record(&second).await.message.wakes_at().unwrap();
    let wait = at.duration_since(world.clock.now()).as_secs();
    assert!((4..=7).contains(&wait), "{wait}");
    world.minutes(2).await;
    world.expect_all_taken(3).await;
}

#[tokio::test]
async fn e1_too_fast_slows_the_number_down_and_loses_nothing() {
    let world = World::with_whatsapp(100).await;
    world.queue_bills(40).await;
    world.stand.meta.next([Answer::Refuses(130_429); 15]);
    let queued = world.handed_on().await;
    messages::take(&world.app, &queued[..10]).await;
    let pace = world.app.store.pace(&shop().id, Channel::WhatsApp).await;
    assert!(
        pace.unwrap().unwrap().pace.next > world.clock.now(),
        "it rests"
    );
    for ten in queued[10..].chunks(10) {
        messages::take(&world.app, ten).await;
    }
    world.minutes(10).await;
    world.expect_all_taken(40).await;
    assert_eq!(world.stand.meta.calls(), 55);
}

#[tokio::test]
async fn beyond_a_days_recipients_messages_wait_for_the_morning_the_urgent_first() {
    let mut merchant = active();
    merchant.messaging.recipients_a_day = Some(10);
    let world = World::with_merchant(&merchant, 100).await;
    world.queue_bills(20).await;
    world.send_all().await;
    assert_eq!(
        world.stand.meta.calls(),
        9,
        "one is kept for what is urgent"
    );
    assert_eq!(world.states().await["Held"], 11);
    world.set("2026-12-01T10:00:00+07:00");
    let reached = world.stand.meta.phones()[0].clone();
    let reached = reached.trim_start_matches("+62812").parse().unwrap();
    world.queue_to(reached, Kind::Reminder).await;
    let urgent = world.queue_to(101, Kind::Approval).await;
    world.queue_to(102, Kind::Approval).await;
    world.send_all().await;
    assert_eq!(
        world.stand.meta.calls(),
        11,
        "whom it reached today costs nothing"
    );
    assert_eq!(world.state_of(&urgent).await, "Accepted");
    assert_eq!(world.states().await["Held"], 12);
    world.set("2026-12-02T08:00:30+07:00");
    world.reconciled().await;
    world.send_all().await;
    assert_eq!(world.stand.meta.calls(), 12, "the urgent one first");
    world.set("2026-12-02T08:15:30+07:00");
    world.reconciled().await;
    world.send_all().await;
    assert_eq!(
        world.stand.meta.calls(),
        20,
        "nine recipients a day without the urgent"
    );
    world.books().await;
}

#[tokio::test]
async fn e5_a_vendor_that_fails_for_ten_minutes_is_called_little_and_all_is_sent_after() {
    let world = World::with_whatsapp(50).await;
    let ids = world.queue_bills(40).await;
    world.stand.meta.always(Answer::Fails);
    world.send_all().await;
    world.minutes(10).await;
    let calls = world.stand.meta.calls();
    assert!(calls <= 40 * 5, "{calls}");
    world.stand.meta.always(Answer::Takes);
    // Whom it refused five times waits half an hour, and up to a half of that more.
    world.minutes(50).await;
    world.expect_all_taken(ids.len()).await;
    let per_message = world.stand.meta.handed.lock().unwrap().iter().fold(
        std::collections::BTreeMap::<MessageId, usize>::new(),
        |mut counts, handed| {
            *counts.entry(handed.message.clone()).or_default() += 1;
            counts
        },
    );
    let most = per_message.values().max().unwrap();
    // Five while it failed, and the one that was taken.
    assert!(*most <= 6, "{most} calls for one message");
}

#[tokio::test]
async fn e20_bills_wait_for_the_morning_and_approvals_do_not() {
    let world = World::with_whatsapp(10).await;
    world.set("2026-12-01T22:00:00+07:00");
    world.queue_bills(2).await;
    let urgent = world.queue_to(7, Kind::Approval).await;
    world.send_all().await;
    assert_eq!(world.state_of(&urgent).await, "Accepted");
    assert_eq!(world.states().await["Held"], 2);
    assert_eq!(
        world.books().await.reserved,
        Rupiah::ZERO,
        "sleep costs nothing"
    );
    world.set("2026-12-02T08:00:30+07:00");
    world.reconciled().await;
    world.send_all().await;
    world.expect_all_taken(3).await;
}

#[tokio::test]
async fn d20_a_recipient_without_whatsapp_fails_once_and_holds_up_nobody() {
    let world = World::with_whatsapp(10).await;
    let ids = world.queue_bills(5).await;
    world.stand.meta.next([Answer::Refuses(131_026)]);
    world.send_all().await;
    world.minutes(30).await;
    assert_eq!(world.stand.meta.calls(), 5);
    let states = world.states().await;
    assert_eq!((states["Failed"], states["Accepted"]), (1, 4));
    assert_eq!(world.books().await.spent, rupiah(4));
    let phones: BTreeSet<_> = world.stand.meta.phones().into_iter().collect();
    assert_eq!(phones.len(), ids.len());
}

#[tokio::test]
async fn j11_a_week_later_what_is_brought_again_is_too_old_and_costs_nothing() {
    let world = World::with_whatsapp(20).await;
    world.queue_bills(10).await;
    let queued = world.handed_on().await;
    world.turn(7 * 24 * 3_600);
    assert_eq!(messages::take(&world.app, &queued).await, [true; 10]);
    assert_eq!(world.stand.meta.calls(), 0);
    for record in world.messages().await {
        assert_eq!(
            record.message.state,
            MessageState::Dropped(DropReason::TooOld)
        );
    }
    assert_eq!(world.books().await.available, rupiah(20));
}

#[tokio::test]
async fn d7_e1_a_broadcast_arrives_through_refusals_lost_answers_and_a_dead_sender() {
    World::broadcast(600).await;
}
