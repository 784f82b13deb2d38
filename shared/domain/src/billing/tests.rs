mod cells;
mod days;
mod document;
mod model;
mod money;
mod orders;
mod outside;
mod runs;
mod table;
mod tape;

use std::collections::BTreeMap;

use jiff::civil::date;
use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::calendar::Zone;
use crate::ids::{MerchantId, PlanId, SubscriberId};
use crate::message::{Channel, DropReason, FailReason};
use crate::money::Rupiah;
use crate::subscriber::AnchorDay;
use machine::Row;
use tape::Tape;

const WHATSAPP: Reach = Reach::By(Channel::WhatsApp);
const FEE: Rupiah = Rupiah::new(150_000);

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The last day of November 2026 at nine, in Jakarta.
fn month_end() -> Timestamp {
    at("2026-11-30T09:00:00+07:00")
}

fn november() -> Period {
    Period::parse("2026-11").unwrap()
}

fn track(text: &str) -> Track {
    Track::parse(text).unwrap()
}

fn id(text: &str) -> SubscriberId {
    SubscriberId::parse(text).unwrap()
}

fn who() -> Who {
    Who::new("sari").unwrap()
}

fn reason() -> Reason {
    Reason::new("salah tagih").unwrap()
}

fn lines(amount: Rupiah) -> LineItems {
    LineItems::new(vec![LineItem::new("Paket Pro", amount).unwrap()]).unwrap()
}

/// A subscriber of long ago who owes and has WhatsApp.
fn owing() -> Facts {
    Facts {
        made_at: at("2026-01-01T00:00:00Z"),
        subscription: Subscription::Active,
        lines: lines(FEE),
        anchor: AnchorDay::default(),
        reach: WHATSAPP,
    }
}

fn begin(id: RunId, scheduled_at: Timestamp) -> Run {
    let new = NewRun {
        id,
        merchant: MerchantId::parse("demo").unwrap(),
        zone: Zone::Jakarta,
        scheduled_at,
        prices: BTreeMap::from([(PlanId::parse("pro").unwrap(), FEE)]),
        template_version: 1,
        reminders: Reminders::default(),
    };
    Run::begin(new, scheduled_at)
}

fn bill_run() -> Run {
    begin(RunId::bill(month_end(), Zone::Jakarta), month_end())
}

/// The run of a reminder on a day at nine.
fn reminder_run(offset: &str, day: &str) -> Run {
    let scheduled_at = at(&format!("{day}T09:00:00+07:00"));
    let runs = RunId::reminders(&Reminders::default(), scheduled_at, Zone::Jakarta);
    let run = runs.into_iter().find(|run| run.track() == track(offset));
    begin(run.unwrap(), scheduled_at)
}

/// A cell that the bill run has written to for such a subscriber.
fn billed(facts: &Facts) -> Cell {
    let mut tape = Tape::of([("ani", facts.clone())]);
    tape.drive(&bill_run(), month_end());
    tape.cells.remove(&id("ani")).unwrap()
}
