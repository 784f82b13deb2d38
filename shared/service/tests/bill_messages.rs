//! Messages about bills on their way: a linked chat gets what WhatsApp does not bring, and what waits
//! goes to whom it is for when it leaves.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands"
)]

mod support;

use pesan_adapters::dynamodb::SubscriberChange;
use pesan_domain::billing::{Symbol, Track};
use pesan_domain::ids::{MessageId, PlanId};
use pesan_domain::message::verdict::{Refusal, Verdict};
use pesan_domain::message::{Channel, FailReason, Report};
use pesan_domain::subscriber::{Plan, Subscriber};
use pesan_domain::whatsapp::Phone;
use pesan_service::billing::{self, ByHand};
use support::billing::{
    FEE, MONTH_END, bill, bill_run, by_hand, by_telegram, demo, month_end, settle_down, symbols,
};
use support::whatsapp::{Answer, PRICE};
use support::{Does, World, at};

const CHAT: i64 = 9_001;
const NOT_ON_WHATSAPP: u32 = 131_026;

/// Wants their bills on WhatsApp, and has linked a chat besides.
fn by_both() -> Subscriber {
    Subscriber {
        opted_out: None,
        ..by_telegram("ani", CHAT)
    }
}

/// A shop whose WhatsApp is active, with one subscriber, whose bill is made and announced.
async fn billed(subscriber: Subscriber) -> World {
    let world = World::with_whatsapp(10).await;
    subscribed(&world, subscriber).await;
    world
}

async fn subscribed(world: &World, subscriber: Subscriber) {
    world.set(MONTH_END);
    let plan = Plan::new(PlanId::parse("pro").unwrap(), "Paket Pro", FEE);
    world.app.store.put_plan(&demo(), &plan).await.unwrap();
    change(world, subscriber).await;
    assert_eq!(month_end(&world.app).await, 1);
}

async fn change(world: &World, subscriber: Subscriber) {
    let change = SubscriberChange {
        subscriber,
        hash: "of-the-phone".to_owned(),
        old_hash: None,
    };
    let store = &world.app.store;
    store.put_subscribers(&demo(), &[change]).await.unwrap();
}

/// The reminders of a day.
async fn remind(world: &World, day: &str) {
    let (zone, kind) = (
        pesan_domain::calendar::Zone::Jakarta,
        billing::Kind::Reminders,
    );
    let begun = billing::begin_zone(&world.app, zone, kind, at(day)).await;
    assert!(begun.unwrap() > 0);
}

async fn trace(world: &World) -> Vec<String> {
    let cell = billing::cell(&world.app, &demo(), &bill("ani")).await;
    let trace = cell.unwrap().unwrap().trace;
    let shown = trace
        .iter()
        .map(|entry| format!("{}{} {}", entry.old.name(), entry.new.name(), entry.why));
    shown.collect()
}

async fn holds(world: &World) -> Symbol {
    symbols(world, bill_run()).await["ani"]
}

async fn by_whatsapp(world: &World) -> MessageId {
    let mut all = world.messages().await.into_iter();
    let first = all.find(|record| record.message.channel == Channel::WhatsApp);
    first.unwrap().message.id
}

fn not_on_whatsapp() -> Report {
    Report::Failed(Refusal {
        code: NOT_ON_WHATSAPP,
        verdict: Verdict::FailOnce(FailReason::NotOnWhatsApp),
    })
}

fn told(world: &World) -> Vec<i64> {
    let told = world.stand.told.lock().unwrap();
    told.iter().map(|(chat, _)| *chat).collect()
}

#[tokio::test]
async fn refused_by_whatsapp_it_comes_by_the_chat_and_costs_nothing() {
    let world = billed(by_both()).await;
    world.stand.meta.next([Answer::Refuses(NOT_ON_WHATSAPP)]);
    settle_down(&world).await;
    assert_eq!(told(&world), [CHAT]);
    let text = world.stand.told.lock().unwrap()[0].1.clone();
    assert!(text.contains("Rp150.000"), "{text}");
    assert!(text.contains("/b/"), "{text}");
    assert_eq!(
        trace(&world).await,
        [
            "UC made:whatsapp",
            "CG failed:not-on-whatsapp",
            "GA accepted:telegram"
        ]
    );
    let account = world.account().await;
    assert_eq!(account.balance.spent.get(), 0);
    assert_eq!(account.balance.reserved.get(), 0);
}

#[tokio::test]
async fn failed_by_a_receipt_it_comes_by_the_chat_once_however_often_that_is_told() {
    let world = billed(by_both()).await;
    settle_down(&world).await;
    assert!(told(&world).is_empty());
    let message = by_whatsapp(&world).await;
    for _ in 0..3 {
        world
            .receipts(&[(&message, "wamid.1", not_on_whatsapp())])
            .await;
    }
    settle_down(&world).await;
    assert_eq!(told(&world), [CHAT]);
    assert_eq!(holds(&world).await, Symbol::A);
    assert_eq!(world.messages().await.len(), 2);
}

#[tokio::test]
async fn brought_to_another_device_meanwhile_the_chat_is_not_told() {
    let world = billed(by_both()).await;
    settle_down(&world).await;
    let message = by_whatsapp(&world).await;
    world
        .receipts(&[(&message, "wamid.1", not_on_whatsapp())])
        .await;
    world
        .receipts(&[(&message, "wamid.1", Report::Delivered)])
        .await;
    settle_down(&world).await;
    assert!(told(&world).is_empty());
    assert_eq!(
        holds(&world).await,
        Symbol::A,
        "a dropped twin undoes no delivery"
    );
}

#[tokio::test]
async fn what_whatsapp_says_late_undoes_nothing_that_the_chat_brought() {
    let world = billed(by_both()).await;
    let meta = &world.stand.meta;
    meta.next([Answer::LosesIt, Answer::Refuses(NOT_ON_WHATSAPP)]);
    settle_down(&world).await;
    world.minutes(16).await;
    assert_eq!(told(&world), [CHAT]);
    // The first try did arrive at Meta, which then finds nobody to bring it to.
    let message = by_whatsapp(&world).await;
    let receipts = [Report::Sent, not_on_whatsapp(), not_on_whatsapp()];
    for report in receipts {
        world.receipts(&[(&message, "wamid.1", report)]).await;
        settle_down(&world).await;
        assert_eq!(holds(&world).await, Symbol::A);
    }
    assert_eq!(told(&world), [CHAT]);
}

#[tokio::test]
async fn d11_paid_meanwhile_the_chat_is_not_told() {
    let world = billed(by_both()).await;
    settle_down(&world).await;
    let message = by_whatsapp(&world).await;
    world
        .receipts(&[(&message, "wamid.1", not_on_whatsapp())])
        .await;
    let received = by_hand(FEE, ByHand::Cash);
    billing::pay_by_hand(&world.app, &demo(), &bill("ani"), &received)
        .await
        .unwrap();
    settle_down(&world).await;
    assert!(told(&world).is_empty());
    assert_eq!(holds(&world).await, Symbol::P);
}

#[tokio::test]
async fn d11_opted_out_of_whatsapp_after_the_bill_was_made_it_comes_by_the_chat() {
    let world = billed(by_both()).await;
    world.relay().await;
    for envelope in world.queued() {
        support::billing::drive(&world, &envelope).await;
    }
    let noted = by_telegram("ani", CHAT).opted_out;
    let mut subscriber = by_both();
    subscriber.opted_out = noted;
    subscriber.version = 2;
    change(&world, subscriber).await;
    settle_down(&world).await;
    assert_eq!(world.stand.meta.calls(), 0);
    assert_eq!(told(&world), [CHAT]);
    assert_eq!(
        trace(&world).await,
        [
            "UC made:whatsapp",
            "CG dropped:opted-out",
            "GA accepted:telegram"
        ]
    );
}

#[tokio::test]
async fn where_the_chat_is_gone_too_it_is_given_up() {
    let world = billed(by_both()).await;
    world.stand.meta.next([Answer::Refuses(NOT_ON_WHATSAPP)]);
    let blocked = serde_json::json!({
        "ok": false, "error_code": 403, "description": "Forbidden: bot was blocked by the user",
    });
    world.telegram([Does::Refuses(403, blocked)]);
    settle_down(&world).await;
    assert_eq!(holds(&world).await, Symbol::G);
    assert_eq!(trace(&world).await.len(), 2);
}

#[tokio::test]
async fn without_a_chat_and_after_the_deadline_nothing_more_is_made() {
    let world = billed(Subscriber {
        telegram_chat: None,
        ..by_both()
    })
    .await;
    world.stand.meta.next([Answer::Refuses(NOT_ON_WHATSAPP)]);
    settle_down(&world).await;
    assert_eq!(world.messages().await.len(), 1);

    let world = billed(by_both()).await;
    settle_down(&world).await;
    let message = by_whatsapp(&world).await;
    world.set("2026-12-04T09:00:00+07:00");
    world
        .receipts(&[(&message, "wamid.1", not_on_whatsapp())])
        .await;
    assert_eq!(world.messages().await.len(), 1);
    assert_eq!(holds(&world).await, Symbol::G);
}

#[tokio::test]
async fn a_reminder_that_whatsapp_refuses_comes_by_the_chat() {
    let world = billed(by_both()).await;
    settle_down(&world).await;
    world.set("2026-12-07T09:00:00+07:00");
    remind(&world, "2026-12-07T09:00:00+07:00").await;
    world.stand.meta.next([Answer::Refuses(NOT_ON_WHATSAPP)]);
    settle_down(&world).await;
    assert_eq!(told(&world), [CHAT]);
    let cell = billing::cell(&world.app, &demo(), &bill("ani"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(cell.symbol(Track::parse("d-3").unwrap()), Symbol::A);
    assert_eq!(cell.symbol(Track::Bill), Symbol::A);
}

#[tokio::test]
async fn a_bill_that_waits_goes_to_the_number_that_is_corrected_meanwhile() {
    let world = World::with_whatsapp(0).await;
    subscribed(&world, by_both()).await;
    settle_down(&world).await;
    assert_eq!(world.stand.meta.calls(), 0, "there is no money for it");
    let mut corrected = by_both();
    corrected.phone = Phone::read("081299990000").unwrap();
    corrected.version = 2;
    change(&world, corrected).await;
    world.top_up("T-second", 10 * PRICE).await;
    world.minutes(1).await;
    assert_eq!(world.stand.meta.phones(), ["+6281299990000"]);
    assert_eq!(holds(&world).await, Symbol::A);
}

#[tokio::test]
async fn who_has_the_id_of_one_who_was_taken_out_is_not_asked_for_their_debt() {
    let world = World::with_whatsapp(0).await;
    subscribed(&world, by_both()).await;
    settle_down(&world).await;
    let store = &world.app.store;
    let gone = by_both();
    store
        .remove_subscriber(&demo(), &gone, "of-the-phone")
        .await
        .unwrap();
    world.turn(60);
    let another = Subscriber {
        name: "Orang Lain".to_owned(),
        phone: Phone::read("081288880000").unwrap(),
        made_at: world.clock.now(),
        ..by_both()
    };
    change(&world, another).await;
    world.top_up("T-second", 10 * PRICE).await;
    world.minutes(1).await;
    assert_eq!(world.stand.meta.calls(), 0);
    let last = trace(&world).await.pop().unwrap();
    assert_eq!(last, "CG dropped:subscriber-removed");
    assert!(told(&world).is_empty());

    // Nor are they reminded of it, nor does its page name them.
    world.set("2026-12-07T09:00:00+07:00");
    remind(&world, "2026-12-07T09:00:00+07:00").await;
    settle_down(&world).await;
    assert_eq!(world.stand.meta.calls(), 0);
    let last = trace(&world).await.pop().unwrap();
    assert_eq!(last, "UN no-channel:removed");
    let found = world.app.store.bill_order(&demo(), &bill("ani")).await;
    assert_eq!(found.unwrap().subscriber, None);
}

#[tokio::test]
async fn a_bill_goes_to_the_chat_that_is_linked_when_it_leaves_and_to_none_that_is_not() {
    for (now, reached) in [(None, vec![]), (Some(9_002), vec![9_002])] {
        let world = billed(by_telegram("ani", CHAT)).await;
        world.relay().await;
        for envelope in world.queued() {
            support::billing::drive(&world, &envelope).await;
        }
        let mut another = by_telegram("ani", CHAT).with_chat(now);
        another.version = 2;
        change(&world, another).await;
        settle_down(&world).await;
        assert_eq!(told(&world), reached);
        let last = trace(&world).await.pop().unwrap();
        let expected = if reached.is_empty() {
            "CG dropped:unreachable"
        } else {
            "CA accepted:telegram"
        };
        assert_eq!(last, expected);
    }
}
