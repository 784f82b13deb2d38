//! Runs over the real table: begun twice, killed at each call, out of time, and what changes between
//! the bill and its message.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands"
)]

#[path = "support/proxy.rs"]
mod proxy;
mod support;

use std::time::Instant;

use pesan_adapters::dynamodb::subscriber_shard;
use pesan_adapters::events::Event;
use pesan_domain::billing::{RunId, State, Symbol, Track};
use pesan_domain::calendar::Zone;
use pesan_domain::message::MessageState;
use pesan_domain::money::Rupiah;
use pesan_domain::subscriber::Subscriber;
use pesan_service::billing::{self, Begun, ByHand, Driven, Kind, Wanted};
use pesan_service::messages;
use proxy::{Fails, Proxy};
use support::at;
use support::billing::*;

#[tokio::test]
async fn d1_d2_a_schedule_that_fires_twice_or_a_day_later_bills_once() {
    let world = opened(&["ani", "budi", "citra"]).await;
    let other = world.another_app();
    let (one, two) = tokio::join!(month_end(&world.app), month_end(&other));
    assert_eq!(one + two, 1);
    settle_down(&world).await;
    assert_eq!(world.told(), 3);
    world.turn(24 * 3_600);
    assert_eq!(month_end(&world.app).await, 0);
    let again = billing::begin(&world.app, &demo(), run_of(november())).await;
    assert!(matches!(again, Ok(Begun::Before(_))), "{again:?}");
    settle_down(&world).await;
    assert_eq!((world.told(), world.messages().await.len()), (3, 3));
}

#[tokio::test]
async fn a_run_tells_everybody_settles_and_halts_and_its_links_lead_to_its_bills() {
    let world = opened(&["ani", "budi"]).await;
    let mut paused = by_telegram("citra", 9);
    paused.is_paused = true;
    let mut unheard = by_telegram("dewi", 9);
    unheard.telegram_chat = None;
    subscribe(&world, vec![paused, unheard]).await;
    month_end(&world.app).await;
    settle_down(&world).await;
    let found = symbols(&world, bill_run()).await;
    let expected = [
        ("ani", Symbol::A),
        ("budi", Symbol::A),
        ("citra", Symbol::K),
        ("dewi", Symbol::N),
    ];
    let expected = expected.map(|(name, symbol)| (name.to_owned(), symbol));
    assert_eq!(found, expected.into());
    let (_, text) = world.stand.told.lock().unwrap()[0].clone();
    assert!(text.contains("Rp150.000"), "{text}");
    let token = pesan_service::links::bill_token(&world.app, &demo(), &bill("ani")).await;
    let hash = pesan_service::links::token_hash(&token.unwrap());
    let leads_to = world.app.store.bill_link(&hash).await.unwrap();
    assert_eq!(leads_to, Some((demo(), bill("ani"))));
    assert_eq!(world.app.store.link(&hash).await.unwrap(), None, "no order");

    let progress = billing::progress(&world.app, &demo(), bill_run())
        .await
        .unwrap();
    assert_eq!((progress.state, progress.head), (State::Settle, 4));
    world.turn(16 * 60);
    pesan_service::reconcile::run(&world.app).await.unwrap();
    settle_down(&world).await;
    let progress = billing::progress(&world.app, &demo(), bill_run())
        .await
        .unwrap();
    assert_eq!(progress.state, State::Halt);
    assert_eq!(progress.counts.get(Symbol::A), 2);
    assert_eq!(progress.counts.total(), 4);
}

/// Five who are all in shard 0.
fn in_one_shard(count: usize) -> Vec<String> {
    (1..)
        .map(|number: u32| format!("plg-{number:03}"))
        .filter(|name| subscriber_shard(&id(name)) == 0)
        .take(count)
        .collect()
}

#[tokio::test]
async fn d3_a_run_killed_before_or_after_each_call_bills_everybody_once() {
    let names = in_one_shard(5);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let world = opened(&[]).await;
    // Months of many years are billed.
    let longstanding = (1..).zip(&names).map(|(chat, name)| Subscriber {
        made_at: at("2001-01-01T00:00:00Z"),
        ..by_telegram(name, chat)
    });
    subscribe(&world, longstanding.collect()).await;
    let proxy = Proxy::before(&world.variables).await;
    let mut killed = 0;
    let mut period = november();
    for after in [false, true] {
        for nth in 0.. {
            period = period.plus(-1);
            let run = RunId::Bill { period };
            let wanted = Wanted {
                old: true,
                ..run_of(period)
            };
            billing::begin(&world.app, &demo(), wanted).await.unwrap();
            let shard = shard_of(run, 0).await;
            proxy.kills(nth, after);
            let app = world.app_over(&proxy.url);
            let died = tokio::select! {
                driven = billing::drive(&app, &shard, in_time()) => {
                    assert_eq!(driven, Ok(Driven::Waits));
                    false
                }
                () = proxy.reached.notified() => true,
            };
            proxy.lets_be();
            killed += u32::from(died);
            // Who finds the lease comes again when it has run out.
            let again = billing::drive(&world.app, &shard, in_time()).await.unwrap();
            if again == Driven::Leased {
                world.turn(91);
                billing::drive(&world.app, &shard, in_time()).await.unwrap();
            }
            let found = symbols(&world, run).await;
            assert_eq!(found.len(), names.len(), "{nth} {after}");
            let all_made = found.values().all(|symbol| *symbol == Symbol::C);
            assert!(all_made, "{nth} {after}: {found:?}");
            if !died {
                break;
            }
        }
    }
    assert!(killed > 20, "only {killed} calls");
    let periods: std::collections::BTreeSet<String> = world
        .rows("M#demo#RUN#")
        .await
        .iter()
        .map(|row| row["PK"].as_s().unwrap().clone())
        .collect();
    assert_eq!(world.messages().await.len(), names.len() * periods.len());
}

#[tokio::test]
async fn d4_out_of_time_the_head_is_saved_and_another_invocation_goes_on() {
    let names = in_one_shard(120);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let world = opened(&names).await;
    month_end(&world.app).await;
    world.relay().await;
    world.queued();
    let shard = shard_of(bill_run(), 0).await;
    let mut passed = vec![];
    loop {
        // No time is left when it begins.
        let driven = billing::drive(&world.app, &shard, Instant::now())
            .await
            .unwrap();
        let progress = billing::progress(&world.app, &demo(), bill_run())
            .await
            .unwrap();
        passed.push(progress.head);
        match driven {
            Driven::Continues => {
                world.relay().await;
                let goes_on = world.queued().into_iter().filter(|envelope| {
                    matches!(envelope.event, Event::BillingContinue { shard: 0, .. })
                });
                assert_eq!(goes_on.count(), 1);
            }
            Driven::Waits => break,
            other => unreachable!("{other:?}"),
        }
    }
    assert_eq!(passed, [50, 100, 120, 120]);
    assert_eq!(world.messages().await.len(), 120);
}

#[tokio::test]
async fn d5_of_a_page_only_what_failed_is_made_again() {
    let names = in_one_shard(10);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let world = opened(&names).await;
    month_end(&world.app).await;
    let proxy = Proxy::before(&world.variables).await;
    proxy.fails(Fails {
        op: "TransactWriteItems",
        skip: 4,
        times: 3,
    });
    let app = world.app_over(&proxy.url);
    let shard = shard_of(bill_run(), 0).await;
    let driven = billing::drive(&app, &shard, in_time()).await;
    assert_eq!(driven, Ok(Driven::Waits));
    assert_eq!(world.messages().await.len(), 10);
    // Seven at first, then the three, then how it goes on.
    assert_eq!(proxy.answered("TransactWriteItems"), 7 + 3 + 1);
}

#[tokio::test]
async fn d11_who_paid_paused_or_left_between_bill_and_message_gets_none() {
    let world = opened(&["ani", "budi", "citra", "dewi"]).await;
    month_end(&world.app).await;
    world.relay().await;
    let mut letters = vec![];
    for envelope in world.queued() {
        drive(&world, &envelope).await;
    }
    let received = by_hand(FEE, ByHand::Cash);
    billing::pay_by_hand(&world.app, &demo(), &bill("ani"), &received)
        .await
        .unwrap();
    let store = &world.app.store;
    let mut found = store
        .subscribers(&demo(), &[id("budi"), id("citra")])
        .await
        .unwrap();
    found.sort_by(|a, b| a.id.cmp(&b.id));
    store
        .remove_subscriber(&demo(), &found[0], "of-the-phone")
        .await
        .unwrap();
    let mut paused = found[1].clone();
    paused.is_paused = true;
    paused.version += 1;
    subscribe(&world, vec![paused]).await;
    world.relay().await;
    letters.extend(world.queued());
    assert_eq!(messages::take(&world.app, &letters).await, [true; 4]);
    assert_eq!(world.told(), 1);
    let found = symbols(&world, bill_run()).await;
    let expected = [
        ("ani", Symbol::P),
        ("budi", Symbol::G),
        ("citra", Symbol::G),
        ("dewi", Symbol::A),
    ];
    let expected = expected.map(|(name, symbol)| (name.to_owned(), symbol));
    assert_eq!(found, expected.into());
    let cell = billing::cell(&world.app, &demo(), &bill("ani"))
        .await
        .unwrap();
    let why = cell.unwrap().trace.last().unwrap().why.to_string();
    assert_eq!(why, "paid", "a paid bill remembers no drop");
}

#[tokio::test]
async fn d16_a_run_of_the_last_half_minute_is_of_the_month_it_was_scheduled_in() {
    let world = opened(&["ani"]).await;
    world.set("2026-12-01T00:00:10+07:00");
    let scheduled_at = at("2026-11-30T23:59:30+07:00");
    let begun = billing::begin_zone(&world.app, Zone::Jakarta, Kind::Bills, scheduled_at).await;
    assert_eq!(begun, Ok(1));
    settle_down(&world).await;
    let cell = billing::cell(&world.app, &demo(), &bill("ani"))
        .await
        .unwrap();
    let due = cell.unwrap().bill.unwrap().due;
    assert_eq!(due.to_string(), "2026-12-10");
    let other = billing::begin_zone(&world.app, Zone::Makassar, Kind::Bills, scheduled_at).await;
    assert_eq!(other, Ok(0), "of no zone but its own");
}

#[tokio::test]
async fn d22_nobody_one_and_a_few_hundred_are_billed_to_the_end() {
    for count in [0_i64, 1, 300] {
        let world = opened(&[]).await;
        let name = |number: i64| format!("plg-{number:04}");
        let all = (0..count).map(|number| by_telegram(&name(number), number + 1));
        subscribe(&world, all.collect()).await;
        let dry = Wanted {
            dry_run: true,
            ..run_of(november())
        };
        let forecast = billing::begin(&world.app, &demo(), dry).await;
        let Ok(Begun::Forecast(forecast)) = forecast else {
            unreachable!("{forecast:?}");
        };
        let bills = u64::try_from(count).unwrap();
        assert_eq!((forecast.bills, forecast.telegram), (bills, bills));
        assert_eq!(forecast.total, Rupiah::new(150_000 * bills));
        assert!(
            world.rows("M#demo#BILL").await.is_empty(),
            "nothing is written"
        );
        billing::begin(&world.app, &demo(), run_of(november()))
            .await
            .unwrap();
        settle_down(&world).await;
        world.turn(16 * 60);
        pesan_service::reconcile::run(&world.app).await.unwrap();
        settle_down(&world).await;
        let progress = billing::progress(&world.app, &demo(), bill_run())
            .await
            .unwrap();
        assert_eq!((progress.state, progress.head), (State::Halt, bills));
        assert_eq!(world.told(), usize::try_from(count).unwrap());
    }
}

#[tokio::test]
async fn reminders_come_on_their_days_for_what_is_left_and_never_after_payment() {
    let world = opened(&["ani", "budi"]).await;
    month_end(&world.app).await;
    settle_down(&world).await;
    assert_eq!(world.told(), 2);
    let pay = |name: &str, amount: u64| {
        let (app, bill) = (&world.app, bill(name));
        async move {
            let received = by_hand(Rupiah::new(amount), ByHand::Transfer);
            billing::pay_by_hand(app, &demo(), &bill, &received).await
        }
    };
    pay("ani", 150_000).await.unwrap();
    pay("budi", 50_000).await.unwrap();
    assert!(pay("ani", 1).await.is_err(), "it is paid");
    let mut told = vec![];
    for day in 1..=18 {
        let nine = format!("2026-12-{day:02}T09:00:00+07:00");
        world.set(&nine);
        for _ in 0..2 {
            let due = at(&nine);
            billing::begin_zone(&world.app, Zone::Jakarta, Kind::Reminders, due)
                .await
                .unwrap();
            settle_down(&world).await;
        }
        if day == 13 {
            pay("budi", 100_000).await.unwrap();
        }
        let texts = world.stand.told.lock().unwrap();
        if texts.len() > 2 + told.len() {
            let (_, text) = texts.last().unwrap();
            assert!(text.contains("Rp100.000"), "{text}");
            told.push(day);
        }
    }
    assert_eq!(told, [7, 10, 13]);
    let cell = billing::cell(&world.app, &demo(), &bill("budi"))
        .await
        .unwrap()
        .unwrap();
    let last = Track::parse("d+7").unwrap();
    assert_eq!(cell.symbol(last), Symbol::P);
    let open = world.messages().await;
    let is_over = |state: MessageState| !state.is_open();
    assert!(open.iter().all(|record| is_over(record.message.state)));
}

#[tokio::test]
async fn after_the_deadline_a_message_that_still_waits_is_given_up() {
    let world = opened(&[]).await;
    let mut by_whatsapp = by_telegram("ani", 1);
    // The merchant's WhatsApp is not active: its message waits.
    by_whatsapp.opted_out = None;
    by_whatsapp.telegram_chat = None;
    subscribe(&world, vec![by_whatsapp]).await;
    month_end(&world.app).await;
    settle_down(&world).await;
    assert_eq!(world.state().await, "Held");
    assert_eq!(symbols(&world, bill_run()).await["ani"], Symbol::C);
    world.turn(72 * 3_600 + 60);
    for _ in 0..2 {
        pesan_service::reconcile::run(&world.app).await.unwrap();
        settle_down(&world).await;
    }
    assert_eq!(symbols(&world, bill_run()).await["ani"], Symbol::G);
    assert_eq!(world.state().await, "Dropped");
    let progress = billing::progress(&world.app, &demo(), bill_run())
        .await
        .unwrap();
    assert_eq!(progress.state, State::Halt);
}
