//! What a run costs, by the number of its subscribers (docs/BILLING.md, "Figures"):
//! `cargo bench --workspace --bench billing`.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a measurement may stop where it stands, and is read where it is printed"
)]

#[path = "../tests/support/proxy.rs"]
mod proxy;
#[path = "../tests/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, stream};
use pesan_adapters::dynamodb::SubscriberChange;
use pesan_domain::billing::{Period, RunId};
use pesan_domain::calendar::Zone;
use pesan_domain::ids::{MerchantId, PlanId, SubscriberId};
use pesan_domain::language::Language;
use pesan_domain::money::Rupiah;
use pesan_domain::subscriber::{AnchorDay, Plan, Subscriber};
use pesan_domain::whatsapp::Phone;
use pesan_service::billing::{self, Driven, Shard, Wanted};
use proxy::Proxy;
use support::{World, at};

fn demo() -> MerchantId {
    MerchantId::parse("demo").unwrap()
}

fn subscriber(number: u32) -> Subscriber {
    Subscriber {
        id: SubscriberId::parse(&format!("plg-{number:07}")).unwrap(),
        name: "Budi Santoso".to_owned(),
        phone: Phone::read(&format!("0812{number:08}")).unwrap(),
        plan: PlanId::parse("pro").unwrap(),
        anchor_day: AnchorDay::default(),
        language: Language::Indonesian,
        zone: Zone::Jakarta,
        is_paused: false,
        opted_out: None,
        consent: None,
        telegram_chat: None,
        made_at: at("2026-01-01T00:00:00Z"),
        version: 1,
    }
}

async fn subscribed(count: u32) -> World {
    let world = World::new().await;
    let plan = Plan::new(
        PlanId::parse("pro").unwrap(),
        "Paket Pro",
        Rupiah::new(150_000),
    );
    world.app.store.put_plan(&demo(), &plan).await.unwrap();
    let all: Vec<u32> = (1..=count).collect();
    for some in all.chunks(30) {
        let changes: Vec<SubscriberChange> = some
            .iter()
            .map(|number| SubscriberChange {
                subscriber: subscriber(*number),
                hash: format!("hash-{number}"),
                old_hash: None,
            })
            .collect();
        let store = &world.app.store;
        store.put_subscribers(&demo(), &changes).await.unwrap();
    }
    world
}

/// Drives a shard as invocations would that last so long; how many there were.
async fn drive(world: &World, url: &str, shard: Shard) -> u32 {
    let app = world.app_over(url);
    let mut invocations = 0;
    loop {
        invocations += 1;
        let ends = Instant::now() + Duration::from_secs(40);
        match billing::drive(&app, &shard, ends).await.unwrap() {
            Driven::Continues => {}
            Driven::Waits | Driven::Halted => return invocations,
            other => unreachable!("{other:?}"),
        }
    }
}

/// The most memory that this process, which is the table too, ever had.
fn peak_megabytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM"));
    let kilobytes = line.unwrap().split_whitespace().nth(1).unwrap();
    kilobytes.parse::<u64>().unwrap() / 1_024
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let period = Period::parse("2026-11").unwrap();
    println!("subscribers  seconds  bills/s  calls/bill  write units/bill  invocations  peak MB");
    for count in [1, 1_000, 10_000] {
        let world = subscribed(count).await;
        let proxy = Proxy::before(&world.variables).await;
        let run = RunId::Bill { period };
        let wanted = Wanted::run_of(period);
        billing::begin(&world.app, &demo(), wanted).await.unwrap();
        let began = Instant::now();
        let shards: Vec<_> = (0..8)
            .map(|number| {
                let shard = Shard {
                    merchant: demo(),
                    run,
                    number,
                };
                drive(&world, &proxy.url, shard)
            })
            .collect();
        // As many at once as the template lets.
        let shards = stream::iter(shards).buffer_unordered(2);
        let invocations: u32 = shards.fold(0, async |sum, one| sum + one).await;
        let took = began.elapsed();
        let made = billing::progress(&world.app, &demo(), run).await.unwrap();
        assert_eq!(made.head, u64::from(count));
        let a_bill = |sum: usize| f64::from(u32::try_from(sum).unwrap()) / f64::from(count);
        println!(
            "{count:>11}  {:>7.2}  {:>7.0}  {:>10.2}  {:>16.2}  {invocations:>11}  {:>7}",
            took.as_secs_f64(),
            f64::from(count) / took.as_secs_f64(),
            a_bill(proxy.calls()),
            a_bill(proxy.write_units()),
            peak_megabytes(),
        );
    }
}
