use proptest::prelude::*;

use super::super::tests::budi;
use super::super::{Plan, Settled};
use super::*;
use crate::ids::PlanId;
use crate::money::Rupiah;
use crate::subscriber::check_id;

fn plans() -> Plans {
    let plan =
        |id: &str, name: &str| Plan::new(PlanId::parse(id).unwrap(), name, Rupiah::new(150_000));
    Plans::new(vec![plan("dasar", "Paket Dasar"), plan("pro", "Pro")])
}

fn judged(heading: &str, row: &str) -> Result<Judged, FieldRefused> {
    let heading = Heading::read(heading.split('|')).unwrap();
    let cells: Vec<&str> = row.split('|').collect();
    judge(&heading, &cells, &plans(), Zone::Makassar)
}

/// The row's corrections, or the column it is refused by.
fn corrections(heading: &str, row: &str) -> Result<Vec<String>, &'static str> {
    match judged(heading, row) {
        Ok(judged) => Ok(judged
            .corrections
            .into_iter()
            .map(|one| format!("{}: {} → {}", one.column, one.from, one.to))
            .collect()),
        Err(refused) => Err(refused.field),
    }
}

#[test]
fn f11_a_row_is_taken_corrected_or_refused_by_column() {
    const ALL: &str = "id|name|phone|plan|anchor_day|language|zone|paused";
    for (row, outcome) in [
        (
            "a|Budi|+6281200001001|dasar|10|id|Asia/Jakarta|no",
            Ok(vec![]),
        ),
        ("|Budi|'+6281200001001|dasar||||", Ok(vec![])),
        ("a|Budi|+6281200001001|dasar", Ok(vec![])),
        (
            "a|Budi|081200001001|dasar|10|id|Asia/Jakarta|no",
            Ok(vec!["phone: 081200001001 → +6281200001001"]),
        ),
        (
            "PLG/001| Budi \n Santoso|0812-0000-1001|Paket Dasar|01|Indonesia|wit|Ya",
            Ok(vec![
                "name:  Budi \n Santoso → Budi Santoso",
                "phone: 0812-0000-1001 → +6281200001001",
                "zone: wit → Asia/Jayapura",
                "id: PLG/001 → plg-001",
                "plan: Paket Dasar → dasar",
                "anchor_day: 01 → 1",
                "language: Indonesia → id",
                "paused: Ya → yes",
            ]),
        ),
        ("a||081200001001|dasar", Err("name")),
        ("a|   |081200001001|dasar", Err("name")),
        ("a|Bu\0di|081200001001|dasar", Err("name")),
        ("a|Budi||dasar", Err("phone")),
        ("a|Budi|6.28E+12|dasar", Err("phone")),
        ("a|Budi|0215551234|dasar", Err("phone")),
        ("a|Budi|081200001001|", Err("plan")),
        ("a|Budi|081200001001|emas", Err("plan")),
        ("-|Budi|081200001001|dasar", Err("id")),
        ("plg-é|Budi|081200001001|dasar", Err("id")),
        (
            "1234567890123456789012345|Budi|081200001001|dasar",
            Err("id"),
        ),
        ("a|Budi|081200001001|dasar|0", Err("anchor_day")),
        ("a|Budi|081200001001|dasar|32", Err("anchor_day")),
        ("a|Budi|081200001001|dasar|-1", Err("anchor_day")),
        ("a|Budi|081200001001|dasar|1.5", Err("anchor_day")),
        ("a|Budi|081200001001|dasar|١٠", Err("anchor_day")),
        ("a|Budi|081200001001|dasar|10|fr", Err("language")),
        ("a|Budi|081200001001|dasar|10|id|Asia/Tokyo", Err("zone")),
        ("a|Budi|081200001001|dasar|10|id|WIB|maybe", Err("paused")),
        ("a|Budi|081200001001|dasar|10|id|WIB|t", Err("paused")),
        ("a|Budi|081200001001|dasar|10|id|WIB|no|x", Err("row")),
    ] {
        let outcome = outcome.map(|lines| lines.into_iter().map(str::to_owned).collect());
        assert_eq!(corrections(ALL, row), outcome, "{row:?}");
    }
    let long = format!("a|{}|081200001001|dasar", "x".repeat(61));
    assert_eq!(corrections(ALL, &long), Err("name"));
}

#[test]
fn i4_what_was_said_has_a_time_that_nobody_can_mistake_and_a_source() {
    const HEADING: &str = "name|phone|plan|consent_at|consent_source";
    let consent = |at: &str, source: &str| {
        let row = format!("Budi|+6281200001001|dasar|{at}|{source}");
        judged(HEADING, &row).map(|judged| judged.entry.consent)
    };
    let noted = consent("2026-11-01T08:00:00+07:00", "form")
        .unwrap()
        .unwrap();
    assert_eq!(noted.at().to_string(), "2026-11-01T01:00:00Z");
    assert_eq!(noted.source(), "form");
    let day = consent("2026-11-01", "form").unwrap().unwrap();
    assert_eq!(day.at().to_string(), "2026-10-31T16:00:00Z", "Makassar");
    assert_eq!(consent("", ""), Ok(None));
    for (at, source, field) in [
        ("03/04/2026", "form", "consent_at"),
        ("2026-11-01T08:00:00", "form", "consent_at"),
        ("2026-02-30", "form", "consent_at"),
        ("", "form", "consent_at"),
        ("2026-11-01", "", "consent_source"),
    ] {
        assert_eq!(consent(at, source).unwrap_err().field, field, "{at}");
    }
}

fn a_name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[A-Za-z'=+@;,\"-]([A-Za-z '=+@;,\"-]{0,40}[A-Za-z.'=-])?",
        "\\PC{1,30}",
    ]
    .prop_map(|name| name.split_whitespace().collect::<Vec<_>>().join(" "))
    .prop_filter("a name that can be", |name| {
        crate::field::check_text("name", name, 1, 60).is_ok()
    })
}

fn an_id() -> impl Strategy<Value = SubscriberId> {
    "[a-z0-9][a-z0-9-]{0,23}"
        .prop_map(|id| SubscriberId::parse(&id).unwrap())
        .prop_filter("an id that can be", |id| check_id(id).is_ok())
}

fn noted() -> impl Strategy<Value = Option<Noted>> {
    proptest::option::of((0_i64..4_000_000_000, a_name())).prop_map(|said| {
        let (second, source) = said?;
        let at = Timestamp::from_second(second).unwrap();
        Noted::new("source", at, &source).ok()
    })
}

prop_compose! {
    fn a_subscriber()(
        id in an_id(),
        name in a_name(),
        phone in "08[1-35-9][0-9]{7,10}",
        day in 1_u64..=31,
        english: bool,
        zone in prop::sample::select(vec![Zone::Jakarta, Zone::Makassar, Zone::Jayapura]),
        is_paused: bool,
        opted_out in noted(),
        consent in noted(),
        telegram_chat: Option<i64>,
    ) -> Subscriber {
        Subscriber {
            id,
            name,
            phone: Phone::read(&phone).unwrap(),
            anchor_day: AnchorDay::new(day).unwrap(),
            language: if english { Language::English } else { Language::Indonesian },
            zone,
            is_paused,
            opted_out,
            consent,
            telegram_chat,
            chat_changes: u32::from(telegram_chat.is_some()),
            ..budi()
        }
    }
}

proptest! {
    #[test]
    fn i10_a_subscriber_s_row_reads_back(subscriber in a_subscriber()) {
        let heading = Heading::read(Column::ALL.map(Column::name).into_iter()).unwrap();
        let written = cells(&subscriber);
        let written: Vec<&str> = written.iter().map(String::as_str).collect();
        let judged = judge(&heading, &written, &plans(), Zone::Jakarta).unwrap();
        prop_assert_eq!(judged.corrections, vec![]);
        let entry = judged.entry;
        let settle = |stored| {
            entry.settle(&subscriber.id, stored, &plans(), Zone::Jakarta, subscriber.made_at)
        };
        prop_assert_eq!(settle(None), Ok(Settled::New(subscriber.clone())));
        prop_assert_eq!(settle(Some(&subscriber)), Ok(Settled::Unchanged));
    }

    #[test]
    fn i10_no_row_panics(row in proptest::collection::vec("\\PC{0,12}", 13)) {
        let heading = Heading::read(Column::ALL.map(Column::name).into_iter()).unwrap();
        let row: Vec<&str> = row.iter().map(String::as_str).collect();
        prop_assert!(judge(&heading, &row, &plans(), Zone::Jakarta).is_err());
    }

    #[test]
    fn h8_no_cell_of_an_export_begins_a_formula(subscriber in a_subscriber()) {
        for cell in cells(&subscriber) {
            for part in cell.split([',', ';', '\t']) {
                let part = part.trim_start_matches([' ', '"']);
                prop_assert!(!part.starts_with(['=', '+', '-', '@']), "{}", cell);
            }
        }
    }
}
