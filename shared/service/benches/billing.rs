//! What a run costs, by the number of its subscribers (docs/BILLING.md, "Figures"):
//! `cargo bench --workspace --bench billing`, or `… -- 100000` for a run of that many.

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

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};
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
use pesan_service::billing::{self, Driven, Shard};
use proxy::Proxy;
use support::billing::run_of;
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
        chat_changes: 0,
        made_at: at("2026-01-01T00:00:00Z"),
        version: 1,
    }
}

async fn subscribed(table: &str, count: u32) -> World {
    let world = World::over(table, table).await;
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

/// Drives all shards, as many at once as the template lets; how many invocations there were.
async fn drive_all(world: &World, url: &str, run: RunId) -> u32 {
    let shards: Vec<_> = (0..8)
        .map(|number| {
            let shard = Shard {
                merchant: demo(),
                run,
                number,
            };
            drive(world, url, shard)
        })
        .collect();
    let shards = stream::iter(shards).buffer_unordered(2);
    shards.fold(0, async |sum, one| sum + one).await
}

/// The most memory that this process ever had. The table is another one, so that what is measured is
/// the function's, and that of the counting proxy before the table.
fn peak_megabytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM"));
    let kilobytes = line.unwrap().split_whitespace().nth(1).unwrap();
    kilobytes.parse::<u64>().unwrap() / 1_024
}

/// A table in a process of its own, which ends with this one.
struct Table {
    process: Child,
    url: String,
}

/// What the table's process is asked by.
const SERVE: &str = "serve-the-table";

impl Table {
    fn new() -> Self {
        let itself = std::env::current_exe().unwrap();
        let mut process = Command::new(itself)
            .arg(SERVE)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut url = String::new();
        let mut said = BufReader::new(process.stdout.take().unwrap());
        said.read_line(&mut url).unwrap();
        Self {
            process,
            url: url.trim().to_owned(),
        }
    }

    /// Until whoever asked is gone.
    async fn serve() {
        println!("{}", support::table().await);
        let waits = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
        waits.await.unwrap().unwrap();
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// What a run took.
struct Took {
    time: Duration,
    calls: usize,
    write_units: usize,
    invocations: u32,
}

/// A run of so many subscribers. All invocations die at its `dies_at`th call; those after them wait
/// until the leases are over, which the clock is turned for.
async fn run(count: u32, dies_at: Option<usize>) -> Took {
    let table = Table::new();
    let world = subscribed(&table.url, count).await;
    let proxy = Proxy::before(&world.variables).await;
    let period = Period::parse("2026-11").unwrap();
    let run = RunId::Bill { period };
    let wanted = run_of(period);
    billing::begin(&world.app, &demo(), wanted).await.unwrap();
    let (mut time, mut invocations) = (Duration::ZERO, 0);
    if let Some(nth) = dies_at {
        proxy.kills(nth, true);
        let began = Instant::now();
        tokio::select! {
            _ = drive_all(&world, &proxy.url, run) => unreachable!("nobody died"),
            () = proxy.reached.notified() => {}
        }
        time += began.elapsed();
        invocations += 2;
        proxy.lets_be();
        world.turn(91);
    }
    let began = Instant::now();
    invocations += drive_all(&world, &proxy.url, run).await;
    time += began.elapsed();
    let made = billing::progress(&world.app, &demo(), run).await.unwrap();
    assert_eq!(made.head, u64::from(count));
    Took {
        time,
        calls: proxy.calls(),
        write_units: proxy.write_units(),
        invocations,
    }
}

fn print(count: u32, what: &str, took: &Took) {
    let a_bill = |sum: usize| f64::from(u32::try_from(sum).unwrap()) / f64::from(count);
    println!(
        "{count:>11}  {what:<14}  {:>7.2}  {:>7.0}  {:>10.2}  {:>16.2}  {:>11}  {:>7}",
        took.time.as_secs_f64(),
        f64::from(count) / took.time.as_secs_f64(),
        a_bill(took.calls),
        a_bill(took.write_units),
        took.invocations,
        peak_megabytes(),
    );
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let mut arguments = std::env::args().skip(1).filter(|word| word != "--bench");
    let first = arguments.next();
    if first.as_deref() == Some(SERVE) {
        return Table::serve().await;
    }
    let given = first.into_iter().chain(arguments);
    let mut sizes: Vec<u32> = given.map(|size| size.parse().unwrap()).collect();
    if sizes.is_empty() {
        sizes = vec![1, 1_000, 10_000];
    }
    println!(
        "subscribers  {:<14}  seconds  bills/s  calls/bill  write units/bill  invocations  peak MB",
        ""
    );
    for count in sizes {
        let whole = run(count, None).await;
        print(count, "", &whole);
        if count > 1 {
            let killed = run(count, Some(whole.calls / 2)).await;
            print(count, "killed at half", &killed);
        }
    }
}
