//! Runs: who is on the tape, what each is decided, leases, and how it goes on.

use super::*;

fn with(change: impl FnOnce(&mut Facts)) -> Facts {
    let mut facts = owing();
    change(&mut facts);
    facts
}

/// A reminder's run over one billed subscriber, of whom this has become.
fn remind(cell: Cell, facts: Option<Facts>, run: &Run) -> Tape {
    let mut tape = Tape::of([]);
    tape.people.extend(facts.map(|facts| (id("ani"), facts)));
    tape.cells.insert(id("ani"), cell);
    tape.drive(run, run.scheduled_at);
    tape
}

#[test]
fn what_becomes_of_each_kind_of_subscriber() {
    let telegram = Reach::By(Channel::Telegram);
    let mut tape = Tape::of([
        ("a-owing", owing()),
        ("b-telegram", with(|facts| facts.reach = telegram)),
        (
            "c-opted-out",
            with(|facts| facts.reach = Reach::Nothing(NoChannel::OptedOut)),
        ),
        (
            "d-paused",
            with(|facts| facts.subscription = Subscription::Paused),
        ),
        ("e-no-plan", with(|facts| facts.lines = None)),
        ("f-late", with(|facts| facts.made_at = month_end())),
    ]);
    let then = tape.drive(&bill_run(), month_end());
    // The head waits at the last cell whose message is open.
    assert_eq!(
        then,
        Then::Wait {
            until: month_end() + LOOK_AGAIN
        }
    );
    assert_eq!(tape.symbols("bill"), "CCNK");
    let why = |name: &str| tape.cells[&id(name)].trace[0].why.to_string();
    let reasons = ["a-owing", "b-telegram", "c-opted-out", "d-paused"].map(why);
    assert_eq!(
        reasons,
        [
            "made:whatsapp",
            "made:telegram",
            "no-channel:opted-out",
            "nothing-owed:paused",
        ]
    );
    let bills = tape.cells.values().map(|cell| cell.bill.is_some());
    assert_eq!(bills.collect::<Vec<_>>(), [true, true, true, false]);
    assert_eq!(
        tape.effects,
        [
            (id("a-owing"), Effect::Tell(Channel::WhatsApp)),
            (id("b-telegram"), Effect::Tell(Channel::Telegram)),
        ]
    );
    let found: Vec<(Symbol, u64)> = tape.shard.counts.iter().collect();
    let expected = [
        (0, Symbol::U),
        (2, Symbol::C),
        (1, Symbol::N),
        (1, Symbol::K),
    ];
    assert_eq!(found[..4], expected.map(|(count, symbol)| (symbol, count)));
}

/// The symbols of a bill run of November that is begun then, over those who came at these times.
fn billed_of(begun_at: &str, made_at: &[&str]) -> (String, Run) {
    let mut tape = Tape::of([]);
    for (place, made_at) in made_at.iter().enumerate() {
        let facts = with(|facts| facts.made_at = at(made_at));
        tape.people.insert(id(&format!("s{place}")), facts);
    }
    let run = begin(RunId::Bill { period: november() }, at(begun_at));
    tape.drive(&run, run.scheduled_at);
    (tape.symbols("bill"), run)
}

#[test]
fn who_came_after_a_month_is_not_billed_for_it() {
    let late = ["2026-11-30T23:59:59+07:00", "2026-12-01T00:00:00+07:00"];
    let (symbols, run) = billed_of("2026-12-05T12:00:00+07:00", &late);
    assert_eq!(symbols, "C", "only who came in November");
    assert_eq!(run.members_before(), at("2026-12-01T00:00:00+07:00"));
    assert!(!run.is_early());
    // In the month, who came before it was begun.
    let (symbols, run) = billed_of("2026-11-05T12:00:00+07:00", &["2026-11-05T11:59:59+07:00"]);
    assert_eq!(symbols, "C");
    assert!(run.is_early());
    let (symbols, run) = billed_of("2026-11-30T00:00:00+07:00", &late);
    assert_eq!(symbols, "");
    assert!(!run.is_early(), "the last day is the month's end");
}

#[test]
fn one_rule_says_which_cells_are_on_a_tape() {
    let early = with(|facts| facts.anchor = AnchorDay::new(3).unwrap());
    let cell = billed(&early);
    assert!(bill_run().is_on_tape(&cell));
    // Due on 3 December, and made on the reminder's own day.
    assert!(!reminder_run("d-3", "2026-11-30").is_on_tape(&cell));
    assert!(reminder_run("d0", "2026-12-03").is_on_tape(&cell));
    assert!(!reminder_run("d0", "2026-12-04").is_on_tape(&cell));
}

#[test]
fn d1_d2_a_second_run_of_the_period_writes_nothing() {
    let mut tape = Tape::of([("ani", owing()), ("budi", owing())]);
    let run = bill_run();
    tape.drive(&run, month_end());
    let first = tape.clone();
    // Its shard was lost, or it is a day later: what is written is passed.
    for (shard, now) in [
        (Shard::new(0), month_end()),
        (first.shard.clone(), at("2026-12-01T09:00:00+07:00")),
    ] {
        tape.shard = shard;
        assert!(matches!(tape.drive(&run, now), Then::Wait { .. }));
        assert_eq!((&tape.cells, tape.commits), (&first.cells, first.commits));
        assert_eq!(tape.shard.counts, first.shard.counts);
    }
}

#[test]
fn d22_a_tape_without_anybody_halts_and_one_page_or_many_are_the_same() {
    let mut empty = Tape::of([]);
    assert_eq!(empty.drive(&bill_run(), month_end()), Then::Halted);
    let names: Vec<String> = (0..10).map(|number| format!("s{number}")).collect();
    for count in 1..=10 {
        let mut tape = Tape::of([]);
        let people = names.iter().take(count).map(|name| (id(name), owing()));
        tape.people = people.collect();
        let run = bill_run();
        assert!(matches!(tape.drive(&run, month_end()), Then::Wait { .. }));
        assert_eq!(
            tape.shard.counts.get(Symbol::C),
            u64::try_from(count).unwrap()
        );
        assert_eq!(tape.drive(&run, run.deadline), Then::Halted);
        assert_eq!(tape.symbols("bill"), "G".repeat(count));
        assert_eq!(tape.shard.counts.total(), u64::try_from(count).unwrap());
    }
}

#[test]
fn the_deadline_gives_up_what_has_no_outcome_and_not_a_moment_before() {
    let mut tape = Tape::of([("ani", owing())]);
    let run = bill_run();
    assert_eq!(run.deadline, at("2026-12-03T09:00:00+07:00"));
    tape.drive(&run, month_end());
    let soon = run.deadline - SignedDuration::from_secs(1);
    let then = tape.drive(&run, soon);
    // The due row never lies behind the deadline.
    assert_eq!(
        then,
        Then::Wait {
            until: run.deadline
        }
    );
    assert_eq!(tape.drive(&run, run.deadline), Then::Halted);
    assert_eq!(tape.symbols("bill"), "G");
    assert_eq!(tape.effects.last(), Some(&(id("ani"), Effect::Withdraw)));
    let cell = &tape.cells[&id("ani")];
    assert_eq!(cell.trace.last().unwrap().why, Why::Deadline);
    // A receipt of a message that was in flight still counts.
    let told = cell.hear(Track::Bill, News::Accepted(Channel::WhatsApp), run.deadline);
    assert_eq!(told.unwrap().symbol(Track::Bill), Symbol::A);
}

#[test]
fn d4_little_time_left_ends_the_invocation_behind_a_page() {
    let names = ["a", "b", "c", "d", "e"].map(|name| (name, owing()));
    let tape = Tape::of(names);
    let run = bill_run();
    let holder = Holder::new("one").unwrap();
    let until = month_end() + LOOK_AGAIN;
    let shard = tape.shard.lease(holder, until, month_end()).unwrap();
    let turn = |hurried| {
        let page = tape.page(&run, &shard);
        run.turn(&shard, &page, month_end(), hurried)
    };
    let (calm, hurried) = (turn(false), turn(true));
    assert_eq!((calm.then, hurried.then), (Then::Page, Then::Continue));
    assert_eq!(calm.decisions, hurried.decisions);
    assert_eq!(hurried.decisions.len(), 3);
    assert_eq!(hurried.shard.head, Some(id("c")));
    // Who goes on keeps the shard, and who ends gives it up.
    assert_eq!(calm.shard.lease, shard.lease);
    assert_eq!(hurried.shard.lease, None);
}

#[test]
fn a_lease_keeps_two_continuations_apart() {
    let holder = |name| Holder::new(name).unwrap();
    let (now, until) = (month_end(), month_end() + SignedDuration::from_mins(15));
    let held = Shard::new(3).lease(holder("one"), until, now).unwrap();
    assert_eq!((held.number, held.version), (3, 1));
    let other = held.lease(holder("two"), until, now);
    assert_eq!(other, Err(LeaseRefused::Leased { until }));
    assert!(held.lease(holder("one"), until, now).is_ok());
    // Who died is replaced.
    let taken = held
        .lease(holder("two"), until + LOOK_AGAIN, until)
        .unwrap();
    assert_eq!(taken.version, 2);
    let over = Shard {
        state: State::Halt,
        ..held
    };
    assert_eq!(
        over.lease(holder("one"), until, now),
        Err(LeaseRefused::Over)
    );
}

#[test]
fn a_run_stands_where_its_least_advanced_shard_does() {
    let run = bill_run();
    let mut one = Tape::of([("ani", owing()), ("budi", owing())]);
    one.drive(&run, month_end());
    let mut shards = Shard::all();
    assert_eq!(shards.len(), usize::from(SHARDS));
    shards[0] = one.shard.clone();
    let begun = Progress::of(&shards);
    assert_eq!((begun.state, begun.head), (State::Scan, 2));
    assert_eq!(begun.counts.get(Symbol::C), 2);
    for shard in &mut shards[1..] {
        shard.state = State::Halt;
    }
    assert_eq!(Progress::of(&shards).state, State::Settle);
    one.drive(&run, run.deadline);
    shards[0] = one.shard;
    let over = Progress::of(&shards);
    assert_eq!((over.state, over.head), (State::Halt, 2));
    assert_eq!(over.counts.get(Symbol::G), 2);
    assert_eq!(over.counts.get(Symbol::C), 0);
}

#[test]
fn prices_are_those_of_the_run_s_beginning() {
    let run = bill_run();
    let dearer = Rupiah::new(999_000);
    let plan = |name| PlanId::parse(name).unwrap();
    assert_eq!(run.price(&plan("pro"), dearer), FEE);
    assert_eq!(run.price(&plan("newer"), dearer), dearer);
}

#[test]
fn a_reminder_is_sent_on_its_day_to_who_owes_and_once() {
    let cell = billed(&owing());
    // Due on 10 December.
    for (offset, day, expected) in [
        ("d-3", "2026-12-06", "U"),
        ("d-3", "2026-12-07", "C"),
        ("d-3", "2026-12-08", "U"),
        ("d0", "2026-12-10", "C"),
        ("d+7", "2026-12-17", "C"),
    ] {
        let run = reminder_run(offset, day);
        assert_eq!(run.id.period(), november());
        let mut tape = remind(cell.clone(), Some(owing()), &run);
        assert_eq!(tape.symbols(offset), expected, "{offset} {day}");
        let (effects, shard) = (tape.effects.clone(), tape.shard.clone());
        // Only who is on the tape is counted, and after the last the merchant's system is told.
        assert_eq!(shard.counts.total(), u64::from(expected == "C"));
        let last = effects.contains(&(id("ani"), Effect::LastReminder));
        assert_eq!(last, offset == "d+7");
        tape.shard = Shard::new(0);
        tape.drive(&run, run.scheduled_at);
        assert_eq!(tape.effects, effects, "nobody is reminded twice");
    }
}

#[test]
fn d11_who_paid_paused_opted_out_or_left_is_not_reminded() {
    let cell = billed(&owing());
    let now = at("2026-12-05T12:00:00+07:00");
    let run = reminder_run("d+7", "2026-12-17");
    let paid = cell.pay(FEE, Source::Cash(who()), now).unwrap();
    let part = cell.pay(Rupiah::new(1), Source::Cash(who()), now).unwrap();
    let voided = cell.void(reason(), who(), now).unwrap();
    let order = cell.bill.as_ref().unwrap().attempt(1);
    let in_review = cell.reviewing(&order, Some(FEE), now).unwrap();
    let mute = Reach::Nothing(NoChannel::OptedOut);
    let last = Some(Effect::LastReminder);
    let tell = Some(Effect::Tell(Channel::WhatsApp));
    for (cell, facts, symbol, effects) in [
        (&paid, Some(owing()), "P", [None, None]),
        (&voided, Some(owing()), "K", [None, None]),
        (&part, Some(owing()), "C", [tell, last]),
        // The message is dropped when it leaves, and nobody is cut off meanwhile.
        (&in_review, Some(owing()), "C", [tell, None]),
        (
            &cell,
            Some(with(|facts| facts.subscription = Subscription::Paused)),
            "K",
            [None, None],
        ),
        (
            &cell,
            Some(with(|facts| facts.reach = mute)),
            "N",
            [None, last],
        ),
        (&cell, None, "N", [None, last]),
        // Their plan is in the bill already.
        (
            &cell,
            Some(with(|facts| facts.lines = None)),
            "C",
            [tell, last],
        ),
    ] {
        let tape = remind(cell.clone(), facts, &run);
        assert_eq!(tape.symbols("d+7"), symbol);
        let found: Vec<Effect> = tape.effects.iter().map(|(_, effect)| *effect).collect();
        let expected: Vec<Effect> = effects.into_iter().flatten().collect();
        assert_eq!(found, expected, "{symbol}");
    }
}

#[test]
fn a_bill_is_not_called_to_mind_on_the_day_it_was_made() {
    let early = with(|facts| facts.anchor = AnchorDay::new(3).unwrap());
    // Due on 3 December: three days before is the month's end itself.
    let cell = billed(&early);
    let run = reminder_run("d-3", "2026-11-30");
    assert_eq!(run.id.period(), november());
    let tape = remind(cell.clone(), Some(early.clone()), &run);
    assert_eq!((tape.symbols("d-3"), tape.commits), ("U".to_owned(), 0));
    // Billed by hand that morning, neither; days before, it is.
    for (made_at, expected) in [
        ("2026-11-30T07:00:00+07:00", "U"),
        ("2026-11-29T23:00:00+07:00", "C"),
    ] {
        let mut by_hand = cell.clone();
        by_hand.bill.as_mut().unwrap().made_at = at(made_at);
        let tape = remind(by_hand, Some(early.clone()), &run);
        assert_eq!(tape.symbols("d-3"), expected, "{made_at}");
    }
}

#[test]
fn a_reminder_that_is_new_holds_for_bills_that_are_out() {
    let new = Reminders::new(&[Offset::new(5).unwrap()]).unwrap();
    let scheduled_at = at("2026-12-15T09:00:00+07:00");
    let mut run = reminder_run("d+3", "2026-12-13");
    run.id = RunId::reminders(&new, scheduled_at, Zone::Jakarta)[0];
    run.scheduled_at = scheduled_at;
    run.reminders = new;
    let cell = billed(&owing());
    let owed = remind(cell.clone(), Some(owing()), &run);
    assert_eq!(owed.symbols("d+5"), "C");
    let paid = cell.pay(FEE, Source::Cash(who()), month_end()).unwrap();
    let tape = remind(paid, Some(owing()), &run);
    assert_eq!(
        (tape.symbols("d+5"), tape.effects.len()),
        ("K".to_owned(), 0)
    );
}

#[test]
fn d17_a_clock_that_goes_back_brings_no_reminder_back_that_has_run() {
    let run = reminder_run("d-3", "2026-12-07");
    let tape = remind(billed(&owing()), Some(owing()), &run);
    let order = crate::ids::OrderId::parse("62473383").unwrap();
    let now = run.scheduled_at;
    let paid = tape.cells[&id("ani")].pay(FEE, Source::Online(order.clone()), now);
    let back = paid
        .unwrap()
        .take_back(&order, date(2026, 12, 1), now)
        .unwrap();
    assert_eq!(back.symbol(track("d-3")), Symbol::G);
    assert_eq!(back.symbol(track("d0")), Symbol::U);
}
