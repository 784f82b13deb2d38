//! Periods and the days that follow from them.

use jiff::civil::Date;
use proptest::prelude::*;

use super::*;

fn period(text: &str) -> Period {
    Period::parse(text).unwrap()
}

fn anchor(day: u64) -> AnchorDay {
    AnchorDay::new(day).unwrap()
}

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

#[test]
fn d13_an_anchor_of_31_never_drifts() {
    for (from, days) in [
        (
            "2026-12",
            ["2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30"],
        ),
        (
            "2027-12",
            ["2028-01-31", "2028-02-29", "2028-03-31", "2028-04-30"],
        ),
    ] {
        for (months, due) in (0..).zip(days) {
            assert_eq!(period(from).plus(months).due(anchor(31)), day(due));
        }
    }
}

#[test]
fn d14_a_short_month_ends_an_anchor_of_28_to_30() {
    for (january, days) in [("2027-01", [28, 28, 28]), ("2028-01", [28, 29, 29])] {
        for (from, last) in [28, 29, 30].into_iter().zip(days) {
            let due = period(january).due(anchor(from));
            assert_eq!((due.month(), due.day()), (2, last), "{january} {from}");
            let after = period(january).plus(1).due(anchor(from));
            assert_eq!(u64::try_from(after.day()), Ok(from));
        }
    }
}

#[test]
fn d16_a_run_belongs_to_the_month_it_was_scheduled_in() {
    // Begun at 23:59:30 of the last day, and where UTC has another month than the merchant.
    for (scheduled, zone, month) in [
        ("2026-11-30T23:59:30+07:00", Zone::Jakarta, "2026-11"),
        ("2026-12-01T00:00:00+07:00", Zone::Jakarta, "2026-12"),
        ("2026-11-30T15:30:00Z", Zone::Jayapura, "2026-12"),
        ("2026-11-30T15:30:00Z", Zone::Makassar, "2026-11"),
        ("2028-02-29T23:59:30+07:00", Zone::Jakarta, "2028-02"),
    ] {
        assert_eq!(
            Period::at(at(scheduled), zone),
            period(month),
            "{scheduled}"
        );
        let run = RunId::bill(at(scheduled), zone);
        assert_eq!(run.to_string(), format!("{month}#bill"));
    }
}

#[test]
#[rustfmt::skip]
fn i10_what_is_written_is_read_and_no_other_spelling() {
    for bad in [
        "", "2026", "2026-13", "2026-00", "2026-1", "26-11", "2026-11-30", "+2026-11", "2026/11",
        "1999-12", "9999-01", "２０２６-11", "2026- 1", "-2026-11",
    ] {
        assert!(Period::parse(bad).is_err(), "{bad}");
    }
    for bad in ["", "20261", "2026-1", "202613", "2026111", "é02611", "+20261"] {
        assert!(Period::parse_compact(bad).is_err(), "{bad}");
    }
    for good in ["bill", "d-3", "d0", "d+3", "d+7", "d-27", "d+27"] {
        assert_eq!(track(good).to_string(), good);
    }
    for bad in ["", "Bill", "d", "d3", "d+0", "d-0", "d+03", "d+28", "d-28", "d+999", "D-3", "d 3"] {
        assert!(Track::parse(bad).is_err(), "{bad}");
    }
    for good in ["2026-11#bill", "2026-11#d-3#2026-12-07", "2026-11#d+7#2026-12-17"] {
        assert_eq!(RunId::parse(good).unwrap().to_string(), good);
    }
    for bad in [
        "", "2026-11", "2026-11#", "2026-11#bill#2026-12-07", "2026-11#d-3", "2026-11#d-3#",
        "2026-11#d-3#20261207", "2026-11#d-3#2026-12-07#x", "2026-11#d-3#2026-12-32",
    ] {
        assert!(RunId::parse(bad).is_err(), "{bad}");
    }
}

#[test]
#[rustfmt::skip]
fn a_bill_s_number_says_whose_it_is_and_for_which_month() {
    let bill = BillId::new(november(), id("plg-001"));
    assert_eq!(bill.as_str(), "B-202611-plg-001");
    let order = format!("{}-A99", BillId::new(november(), id(&"a".repeat(24))));
    assert!(crate::ids::order_id_is_wellformed(&order), "{order}");
    for bad in [
        "", "B-202611", "B-202611-", "B-2026-11-ani", "b-202611-ani", "B-202613-ani",
        "B-202611-Ani", "B-202611-ani-A2", "202611-ani",
    ] {
        assert!(BillId::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn reminders_are_a_setting_within_reason() {
    let of = |days: &[i64]| {
        let offsets = days.iter().map(|days| Offset::new(*days).unwrap());
        Reminders::new(&offsets.collect::<Vec<_>>())
    };
    assert_eq!(of(&[7, 0, 3, -3]), Ok(Reminders::default()));
    let reminders = Reminders::default();
    let tracks = reminders.tracks().map(|one| one.to_string());
    assert_eq!(
        tracks.collect::<Vec<_>>(),
        ["bill", "d-3", "d0", "d+3", "d+7"]
    );
    assert_eq!(of(&[]).unwrap().last(), None);
    assert!(of(&[-13, 14]).is_ok());
    for bad in [&[3, 3][..], &[-14, 14], &[1, 2, 3, 4, 5, 6, 7, 8, 9]] {
        assert_eq!(of(bad).unwrap_err().field, "reminders", "{bad:?}");
    }
    assert!(Offset::new(28).is_err());
}

#[test]
fn a_day_has_one_run_of_each_reminder() {
    let runs = |zone, scheduled: &str| {
        let runs = RunId::reminders(&Reminders::default(), at(scheduled), zone);
        runs.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        runs(Zone::Jakarta, "2026-12-07T09:00:00+07:00"),
        [
            "2026-11#d-3#2026-12-07",
            "2026-11#d0#2026-12-07",
            "2026-11#d+3#2026-12-07",
            "2026-10#d+7#2026-12-07",
        ],
    );
    // The day is the merchant's.
    assert_eq!(
        runs(Zone::Jayapura, "2026-12-01T23:00:00Z"),
        [
            "2026-11#d-3#2026-12-02",
            "2026-11#d0#2026-12-02",
            "2026-10#d+3#2026-12-02",
            "2026-10#d+7#2026-12-02",
        ],
    );
}

#[test]
fn d1_d2_the_same_event_is_the_same_run_and_by_hand_too() {
    let run = RunId::bill(month_end(), Zone::Jakarta);
    // Twice in the same minute, and a day later: the event carries its own time.
    assert_eq!(run, RunId::bill(month_end(), Zone::Jakarta));
    let by_hand = |text, now| RunId::by_hand(period(text), at(now), Zone::Jakarta, false);
    assert_eq!(by_hand("2026-11", "2026-11-25T12:00:00+07:00"), Ok(run));
    assert_eq!(by_hand("2026-11", "2026-12-02T12:00:00+07:00"), Ok(run));
    let early = by_hand("2026-12", "2026-11-30T23:59:59+07:00").unwrap_err();
    assert_eq!(early.to_string(), "2026-12 has not begun");
    // A month before the last one only where that is meant.
    for text in ["2026-10", "2025-11"] {
        let now = "2026-12-01T00:00:00+07:00";
        assert_eq!(by_hand(text, now), Err(NotNow::Old(period(text))));
        let meant = RunId::by_hand(period(text), at(now), Zone::Jakarta, true);
        assert_eq!(meant.unwrap().period(), period(text));
    }
}

fn any_period() -> impl Strategy<Value = Period> {
    (0_i16..12_000).prop_map(|months| period("2000-01").plus(months))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn i10_periods_and_bills_read_back(period in any_period(), subscriber in "[a-z0-9][a-z0-9-]{0,23}") {
        prop_assert_eq!(Period::parse(&period.to_string()), Ok(period));
        prop_assert_eq!(Period::parse_compact(&period.compact()), Ok(period));
        prop_assert_eq!(Period::of(period.last_day()), period);
        let bill = BillId::new(period, id(&subscriber));
        prop_assert_eq!(BillId::parse(bill.as_str()), Ok(bill));
    }

    /// Every due day is the anchor, or the last day of a month without it; and going month by month
    /// leads where going at once does.
    #[test]
    fn d13_d14_no_anchor_drifts(period in any_period(), day in 1_u64..=31, months in 0_i16..60) {
        let by_steps = (0..months).fold(period, |period, _| period.plus(1));
        prop_assert_eq!(by_steps, period.plus(months));
        let due = by_steps.due(anchor(day));
        prop_assert_eq!(Period::of(due), period.plus(months + 1));
        let wanted = i8::try_from(day).unwrap();
        prop_assert!(due.day() == wanted || due == due.last_of_month() && due.day() < wanted);
    }

    #[test]
    fn a_reminder_s_day_finds_the_bill_s_period(period in any_period(), day in 1_u64..=31, days in -27_i64..=27) {
        let due = period.due(anchor(day));
        let today = due.checked_add(jiff::Span::new().days(days)).unwrap();
        prop_assert_eq!(Period::reminded_on(Offset::new(days).unwrap(), today), Some(period));
    }

    #[test]
    fn i1_nothing_that_is_read_panics(text in "\\PC{0,30}") {
        let read = (Period::parse(&text), Period::parse_compact(&text), Track::parse(&text));
        let more = (RunId::parse(&text), BillId::parse(&text), Why::parse(&text));
        prop_assert!(read.0.is_err() || read.0.unwrap().to_string() == text);
        prop_assert!(more.0.is_err() || more.0.unwrap().to_string() == text);
    }
}
