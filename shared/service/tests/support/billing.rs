//! Subscribers of the shop, its month's end, and the machines and senders that go on until all is told.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use pesan_adapters::dynamodb::SubscriberChange;
use pesan_adapters::events::{Envelope, Event};
use pesan_domain::billing::{BillId, Period, RunId, Symbol, Who};
use pesan_domain::calendar::Zone;
use pesan_domain::ids::{EventId, MerchantId, PlanId, SlipId, SubscriberId};
use pesan_domain::language::Language;
use pesan_domain::money::Rupiah;
use pesan_domain::subscriber::{AnchorDay, Noted, Plan, Subscriber};
use pesan_domain::whatsapp::Phone;
use pesan_service::billing::{self, ByHand, Kind, Received, Shard, Wanted};
use pesan_service::{App, messages};

use super::{World, at};

pub const MONTH_END: &str = "2026-11-30T09:00:00+07:00";
pub const FEE: Rupiah = Rupiah::new(150_000);

pub fn demo() -> MerchantId {
    MerchantId::parse("demo").unwrap()
}

pub fn november() -> Period {
    Period::parse("2026-11").unwrap()
}

pub fn id(text: &str) -> SubscriberId {
    SubscriberId::parse(text).unwrap()
}

pub fn bill(subscriber: &str) -> BillId {
    BillId::new(november(), id(subscriber))
}

/// Money that the operator records.
pub fn by_hand(amount: Rupiah, source: ByHand) -> Received {
    Received {
        slip: a_slip(),
        amount,
        source,
        reference: None,
        by: Who::new("sari").unwrap(),
    }
}

/// The run of a month that is not long over.
pub fn run_of(period: Period) -> Wanted {
    Wanted {
        period,
        dry_run: false,
        old: false,
    }
}

pub fn a_slip() -> SlipId {
    EventId::new(at(MONTH_END), super::whatsapp::rand_bits()).into()
}

pub fn in_time() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

/// A subscriber who is told by the bot, which the stand-in counts.
pub fn by_telegram(name: &str, chat: i64) -> Subscriber {
    let said = Noted::new("opted_out_source", at("2026-01-01T00:00:00Z"), "form").unwrap();
    Subscriber {
        id: id(name),
        name: "Ani".to_owned(),
        phone: Phone::read("081200002001").unwrap(),
        plan: PlanId::parse("pro").unwrap(),
        anchor_day: AnchorDay::default(),
        language: Language::Indonesian,
        zone: Zone::Jakarta,
        is_paused: false,
        opted_out: Some(said),
        consent: None,
        telegram_chat: Some(chat),
        chat_changes: 0,
        made_at: at("2026-01-01T00:00:00Z"),
        version: 1,
    }
}

pub async fn subscribe(world: &World, subscribers: Vec<Subscriber>) {
    let changes: Vec<SubscriberChange> = subscribers
        .into_iter()
        .map(|subscriber| SubscriberChange {
            subscriber,
            hash: "of-the-phone".to_owned(),
            old_hash: None,
        })
        .collect();
    for some in changes.chunks(20) {
        let store = &world.app.store;
        store.put_subscribers(&demo(), some).await.unwrap();
    }
}

/// A shop whose month is over, with a plan and these subscribers.
pub async fn opened(names: &[&str]) -> World {
    let world = World::new().await;
    world.set(MONTH_END);
    let plan = Plan::new(PlanId::parse("pro").unwrap(), "Paket Pro", FEE);
    world.app.store.put_plan(&demo(), &plan).await.unwrap();
    let subscribers = (1..).zip(names).map(|(chat, name)| by_telegram(name, chat));
    subscribe(&world, subscribers.collect()).await;
    world
}

pub async fn month_end(app: &App) -> u64 {
    let begun = billing::begin_zone(app, Zone::Jakarta, Kind::Bills, at(MONTH_END)).await;
    begun.unwrap()
}

pub async fn shard_of(run: RunId, number: u8) -> Shard {
    Shard {
        merchant: demo(),
        run,
        number,
    }
}

/// A machine goes on, where an event wakes one.
pub async fn drive(world: &World, envelope: &Envelope) {
    if let Event::BillingContinue { run, shard } = envelope.event {
        let shard = shard_of(run, shard).await;
        billing::drive(&world.app, &shard, in_time()).await.unwrap();
    }
}

/// Relay, queues and functions go on until nothing is left to do now.
pub async fn settle_down(world: &World) {
    loop {
        world.relay().await;
        let queued = world.queued();
        if queued.is_empty() {
            return;
        }
        let mut letters: Vec<Envelope> = vec![];
        for envelope in queued {
            match envelope.event {
                Event::MessageQueued { .. } => letters.push(envelope),
                _ => drive(world, &envelope).await,
            }
        }
        for some in letters.chunks(10) {
            let seen_to = messages::take(&world.app, some).await;
            assert!(seen_to.iter().all(|seen_to| *seen_to));
        }
    }
}

pub async fn symbols(world: &World, run: RunId) -> BTreeMap<String, Symbol> {
    let tape = billing::tape(&world.app, &demo(), run, None, 500).await;
    let cells = tape.unwrap().cells.into_iter();
    cells
        .map(|cell| (cell.subscriber.to_string(), cell.symbol(run.track())))
        .collect()
}

pub fn bill_run() -> RunId {
    RunId::Bill { period: november() }
}
