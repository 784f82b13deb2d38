//! Runs by hand and late, spoilt rows, machines that stop, and what is read for whoever looks.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands"
)]

#[path = "support/proxy.rs"]
mod proxy;
mod support;

use aws_sdk_dynamodb::types::AttributeValue;
use pesan_adapters::dynamodb::{GoesOn, ShardRecord};
use pesan_adapters::events::Event;
use pesan_domain::billing::{NotNow, Offset, Period, RunId, State, Symbol};
use pesan_domain::calendar::Zone;
use pesan_domain::ids::PlanId;
use pesan_domain::subscriber::Subscriber;
use pesan_service::billing::{self, Begun, BillingError, Driven, Forecast, Kind, Progress, Wanted};
use proxy::Proxy;
use support::billing::*;
use support::{World, at};

fn came(name: &str, made_at: &str) -> Subscriber {
    Subscriber {
        made_at: at(made_at),
        ..by_telegram(name, 7)
    }
}

async fn forecast(world: &World, period: Period) -> Forecast {
    let dry = Wanted {
        dry_run: true,
        ..run_of(period)
    };
    match billing::begin(&world.app, &demo(), dry).await {
        Ok(Begun::Forecast(forecast)) => forecast,
        other => unreachable!("{other:?}"),
    }
}

async fn progress(world: &World, run: RunId) -> Progress {
    let progress = billing::progress(&world.app, &demo(), run).await;
    progress.unwrap()
}

#[tokio::test]
async fn a_month_that_is_over_bills_who_came_in_it_and_an_old_one_only_where_that_is_meant() {
    let world = opened(&["ani"]).await;
    world.set("2026-12-05T12:00:00+07:00");
    let late = came("budi", "2026-12-03T08:00:00+07:00");
    subscribe(&world, vec![late]).await;
    let told = forecast(&world, november()).await;
    assert_eq!((told.bills, told.came_later, told.early), (1, 1, false));
    let begun = billing::begin(&world.app, &demo(), run_of(november())).await;
    assert!(matches!(begun, Ok(Begun::Now(_))), "{begun:?}");
    settle_down(&world).await;
    let found = symbols(&world, bill_run()).await;
    assert_eq!(found, [("ani".to_owned(), Symbol::A)].into());
    assert_eq!(world.told(), 1);

    let old = run_of(Period::parse("2026-01").unwrap());
    let refused = billing::begin(&world.app, &demo(), old).await;
    let is_old = NotNow::Old(old.period);
    assert_eq!(refused, Err(BillingError::NotNow(is_old)));
    let meant = Wanted { old: true, ..old };
    let begun = billing::begin(&world.app, &demo(), meant).await;
    assert!(matches!(begun, Ok(Begun::Now(_))), "{begun:?}");
}

#[tokio::test]
async fn who_comes_after_a_run_that_was_begun_early_is_counted() {
    let world = opened(&["ani"]).await;
    world.set("2026-11-05T12:00:00+07:00");
    assert!(forecast(&world, november()).await.early);
    let begun = billing::begin(&world.app, &demo(), run_of(november())).await;
    let Ok(Begun::Now(first)) = begun else {
        unreachable!("{begun:?}");
    };
    assert_eq!(first.came_later, None, "it scans");
    settle_down(&world).await;
    assert_eq!(progress(&world, bill_run()).await.came_later, Some(0));
    let late = [
        came("budi", "2026-11-05T12:00:01+07:00"),
        came("citra", "2026-11-29T08:00:00+07:00"),
        came("dewi", "2026-12-01T00:00:00+07:00"),
    ];
    subscribe(&world, late.into()).await;
    world.set(MONTH_END);
    assert_eq!(month_end(&world.app).await, 0);
    let now = progress(&world, bill_run()).await;
    assert!(now.run.is_early());
    assert_eq!(now.came_later, Some(2), "the last came in December");
    assert_eq!(forecast(&world, november()).await.came_later, 3);
}

#[tokio::test]
async fn a_plan_that_is_gone_costs_its_subscriber_a_bill_and_nobody_else() {
    let world = opened(&["ani", "citra"]).await;
    let spoilt = Subscriber {
        plan: PlanId::parse("gone").unwrap(),
        ..by_telegram("budi", 8)
    };
    subscribe(&world, vec![spoilt]).await;
    month_end(&world.app).await;
    settle_down(&world).await;
    let found = symbols(&world, bill_run()).await;
    let expected = ["ani", "citra"].map(|name| (name.to_owned(), Symbol::A));
    assert_eq!(found, expected.into());
}

#[tokio::test]
async fn without_whatsapp_a_bill_comes_by_the_linked_chat_at_once() {
    let world = opened(&[]).await;
    let linked = Subscriber {
        opted_out: None,
        ..by_telegram("ani", 7)
    };
    subscribe(&world, vec![linked]).await;
    let told = forecast(&world, november()).await;
    assert_eq!((told.whatsapp, told.telegram), (0, 1));
    month_end(&world.app).await;
    settle_down(&world).await;
    assert_eq!(world.told(), 1);
    assert_eq!(symbols(&world, bill_run()).await["ani"], Symbol::A);
}

/// The run of a reminder that November's bills have on that day.
fn reminder(days: i64, date: &str) -> RunId {
    RunId::Reminder {
        period: november(),
        offset: Offset::new(days).unwrap(),
        date: date.parse().unwrap(),
    }
}

async fn remind(world: &World, day: &str) {
    let nine = format!("{day}T09:00:00+07:00");
    world.set(&nine);
    let begun = billing::begin_zone(&world.app, Zone::Jakarta, Kind::Reminders, at(&nine)).await;
    assert!(begun.unwrap() > 0);
}

#[tokio::test]
async fn after_the_last_reminder_and_no_other_the_merchants_system_is_told() {
    let world = opened(&["ani"]).await;
    month_end(&world.app).await;
    settle_down(&world).await;
    for (day, expected) in [("2026-12-13", 0), ("2026-12-17", 1)] {
        remind(&world, day).await;
        world.relay().await;
        for envelope in world.queued() {
            drive(&world, &envelope).await;
        }
        world.relay().await;
        let queued = world.queued();
        let last = queued.iter().filter_map(|envelope| match &envelope.event {
            Event::BillLastReminder { bill } => Some((envelope.merchant.clone(), bill.clone())),
            _ => None,
        });
        let last: Vec<_> = last.collect();
        assert_eq!(last.len(), expected, "{day}");
        assert!(last.iter().all(|one| *one == (demo(), bill("ani"))));
    }
}

#[tokio::test]
async fn a_cell_made_on_a_reminders_own_day_is_on_no_count_and_no_tape_of_it() {
    let world = opened(&["ani"]).await;
    // Due on 3 December: three days before is the day of the bill.
    let early = Subscriber {
        anchor_day: pesan_domain::subscriber::AnchorDay::new(3).unwrap(),
        ..by_telegram("budi", 8)
    };
    subscribe(&world, vec![early]).await;
    month_end(&world.app).await;
    settle_down(&world).await;
    let nine = at(MONTH_END);
    let begun = billing::begin_zone(&world.app, Zone::Jakarta, Kind::Reminders, nine).await;
    assert_eq!(begun, Ok(1));
    settle_down(&world).await;
    let run = reminder(-3, "2026-11-30");
    let now = progress(&world, run).await;
    assert_eq!((now.state, now.counts.total()), (State::Halt, 0));
    assert!(symbols(&world, run).await.is_empty());
}

#[tokio::test]
async fn a_page_of_a_reminders_tape_is_a_bounded_number_of_reads() {
    let world = opened(&[]).await;
    let count = 40;
    let all = (0..count).map(|number| Subscriber {
        // One in forty is called to mind on 7 December.
        anchor_day: pesan_domain::subscriber::AnchorDay::new(if number == 39 { 10 } else { 11 })
            .unwrap(),
        ..by_telegram(&format!("plg-{number:03}"), number + 1)
    });
    subscribe(&world, all.collect()).await;
    month_end(&world.app).await;
    settle_down(&world).await;
    remind(&world, "2026-12-07").await;
    settle_down(&world).await;
    let proxy = Proxy::before(&world.variables).await;
    let app = world.app_over(&proxy.url);
    let run = reminder(-3, "2026-12-07");
    let (mut found, mut after) = (vec![], None);
    loop {
        let page = billing::tape(&app, &demo(), run, after.as_ref(), 1).await;
        let page = page.unwrap();
        found.extend(
            page.cells
                .into_iter()
                .map(|cell| cell.subscriber.to_string()),
        );
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(found, ["plg-039"]);
    // Each shard once, however few cells a page is to have.
    assert_eq!(proxy.answered("Query"), 8);
}

#[tokio::test]
async fn the_cells_of_a_long_period_are_not_read_to_count_a_reminders() {
    let world = opened(&["ani"]).await;
    month_end(&world.app).await;
    settle_down(&world).await;
    remind(&world, "2026-12-07").await;
    settle_down(&world).await;
    let run = reminder(-3, "2026-12-07");
    let store = &world.app.store;
    // Another's receipt is on the tape, and no machine has looked since.
    assert_eq!(progress(&world, run).await.counts.get(Symbol::A), 1);
    let (_, shards) = store.run(&demo(), bill_run()).await.unwrap().unwrap();
    let mut long = shards[0].clone();
    long.shard.counts.add_many(Symbol::A, 2_000);
    long.shard.version += 1;
    store
        .save_shard(&demo(), bill_run(), &long, GoesOn::ByItself)
        .await
        .unwrap();
    // When its message should have been told by then is over.
    world.turn(60);
    let now = progress(&world, run).await;
    assert_eq!(now.state, State::Settle);
    assert_eq!(now.counts.get(Symbol::C), 1, "as the machine last saw it");
    assert_eq!((now.head, now.ends_at), (1, None), "nobody can tell");
}

async fn shard(world: &World, number: u8) -> ShardRecord {
    let merchant = demo();
    let found = world
        .app
        .store
        .run_shard(&merchant, bill_run(), number)
        .await;
    found.unwrap().unwrap().1
}

#[tokio::test]
async fn a_machine_that_stopped_says_so_and_goes_on_when_it_is_told_to() {
    let world = opened(&["ani"]).await;
    month_end(&world.app).await;
    settle_down(&world).await;
    let number = pesan_adapters::dynamodb::subscriber_shard(&id("ani"));
    assert_eq!(shard(&world, number).await.shard.state, State::Settle);
    let nothing = billing::resume(&world.app, &demo(), bill_run()).await;
    assert_eq!(nothing, Ok(vec![]), "it is woken by itself");

    // A hand has spoilt the cell: nothing that is settled is undone.
    let row = world.rows("M#demo#BILL#2026-11").await.remove(0);
    let mut spoilt = row.clone();
    let marks = spoilt.get_mut("marks").unwrap();
    let AttributeValue::M(marks) = marks else {
        unreachable!("{marks:?}");
    };
    let Some(AttributeValue::M(mark)) = marks.get_mut("bill") else {
        unreachable!("{marks:?}");
    };
    mark.insert("symbol".to_owned(), AttributeValue::S("U".to_owned()));
    world.restore(spoilt).await;
    world.turn(16 * 60);
    let this = shard_of(bill_run(), number).await;
    let driven = billing::drive(&world.app, &this, in_time()).await;
    assert_eq!(driven, Ok(Driven::Stopped));
    let now = progress(&world, bill_run()).await;
    let stopped: Vec<u8> = now
        .shards
        .iter()
        .filter(|shard| shard.is_stopped)
        .map(|shard| shard.number)
        .collect();
    assert_eq!(stopped, [number]);

    world.restore(row).await;
    let resumed = billing::resume(&world.app, &demo(), bill_run()).await;
    assert_eq!(resumed, Ok(vec![number]));
    settle_down(&world).await;
    let now = progress(&world, bill_run()).await;
    assert_eq!(now.state, State::Halt);
    assert!(now.shards.iter().all(|shard| !shard.is_stopped));
    let over = billing::resume(&world.app, &demo(), bill_run()).await;
    assert_eq!(over, Ok(vec![]));
}

#[tokio::test]
async fn a_shard_that_nothing_wakes_goes_on_when_it_is_told_to() {
    let world = opened(&["ani"]).await;
    month_end(&world.app).await;
    // Its events are lost, all eight.
    world.relay().await;
    assert_eq!(world.queued().len(), 8);
    let early = billing::resume(&world.app, &demo(), bill_run()).await;
    assert_eq!(early, Ok(vec![]), "it may still come");
    world.turn(26 * 60);
    let resumed = billing::resume(&world.app, &demo(), bill_run()).await;
    assert_eq!(resumed, Ok((0..8).collect()));
    settle_down(&world).await;
    assert_eq!(world.told(), 1);
}
