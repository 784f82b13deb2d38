//! What is known of one cell, and what is committed for it.

use jiff::Timestamp;
use jiff::civil::Date;

use super::super::{
    Bill, BillId, Cell, Known, NoChannel, NothingOwed, Offset, Reach, Run, RunId, State,
    Subscription, Symbol, Why,
};
use super::{Decision, Effect, Square};
use crate::message::Channel;

/// What is known of a cell, with the reason that its trace keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// It is owed and can be told.
    Tell(Channel),
    /// It is owed and cannot be told.
    NoChannel(NoChannel),
    /// Nothing is owed.
    NothingOwed(NothingOwed),
    /// The deadline is to come.
    InTime,
    /// The deadline has passed.
    Late,
}

impl Finding {
    /// As the table knows it.
    pub(super) fn known(self) -> Known {
        match self {
            Self::Tell(_) => Known::HasChannel,
            Self::NoChannel(_) => Known::NoChannel,
            Self::NothingOwed(_) => Known::OwesNothing,
            Self::InTime => Known::BeforeDeadline,
            Self::Late => Known::AfterDeadline,
        }
    }

    fn why(self) -> Why {
        match self {
            Self::Tell(channel) => Why::Made(channel),
            Self::NoChannel(reason) => Why::NoChannel(reason),
            Self::NothingOwed(reason) => Why::NothingOwed(reason),
            Self::InTime | Self::Late => Why::Deadline,
        }
    }
}

impl Run {
    /// Whether the head reads a square, or passes it as none of this run's. The answer is the same
    /// however often the run comes by.
    pub(super) fn is_on_tape(&self, square: &Square) -> bool {
        match self.id {
            RunId::Bill { .. } => {
                let facts = square.facts.as_ref();
                square.cell.is_some()
                    || facts.is_some_and(|facts| facts.made_at < self.scheduled_at)
            }
            RunId::Reminder { offset, date, .. } => square
                .cell
                .as_ref()
                .is_some_and(|cell| self.is_day_of(cell, offset, date)),
        }
    }

    /// A bill is not called to mind on the day on which it was made. So each bill of the tape was
    /// made before the run's scheduled time.
    fn is_day_of(&self, cell: &Cell, offset: Offset, date: Date) -> bool {
        let made_before = cell
            .bill
            .as_ref()
            .is_some_and(|bill| bill.made_at.to_zoned(self.zone.tz()).date() < date);
        made_before && cell.reminder_day(offset) == Some(date)
    }

    /// What is known of a square.
    pub(super) fn find(&self, state: State, square: &Square, now: Timestamp) -> Option<Finding> {
        match state {
            State::Scan => Some(duty(square)),
            State::Settle if now < self.deadline => Some(Finding::InTime),
            State::Settle => Some(Finding::Late),
            State::Halt => None,
        }
    }

    /// The commit that writes a symbol.
    pub(super) fn decide(
        &self,
        square: &Square,
        writes: Symbol,
        finding: Finding,
        now: Timestamp,
    ) -> Decision {
        let track = self.id.track();
        let mut cell = square.cell.clone().unwrap_or_else(|| {
            let tracks = self.reminders.tracks();
            Cell::blank(square.subscriber.clone(), self.id.period(), tracks)
        });
        if let (Symbol::C | Symbol::N, None) = (writes, &cell.bill) {
            cell.bill = self.bill(square, now);
        }
        Decision {
            cell: cell.run(track, writes, finding.why(), now),
            effects: self.effects(writes, finding),
        }
    }

    fn bill(&self, square: &Square, now: Timestamp) -> Option<Bill> {
        let facts = square.facts.as_ref()?;
        let period = self.id.period();
        let id = BillId::new(period, square.subscriber.clone());
        let due = period.due(facts.anchor);
        Some(Bill::new(id, facts.lines.clone(), due, now))
    }

    fn effects(&self, writes: Symbol, finding: Finding) -> Vec<Effect> {
        let last = self.is_last_reminder().then_some(Effect::LastReminder);
        let own = match (writes, finding) {
            (Symbol::C, Finding::Tell(channel)) => Some(Effect::Tell(channel)),
            (Symbol::G, _) => Some(Effect::Withdraw),
            (Symbol::U | Symbol::C | Symbol::N | Symbol::K | Symbol::A | Symbol::P, _) => None,
        };
        let last = match writes {
            Symbol::C | Symbol::N => last,
            Symbol::U | Symbol::K | Symbol::A | Symbol::G | Symbol::P => None,
        };
        own.into_iter().chain(last).collect()
    }
}

/// Whether a subscriber owes, and how they are told.
fn duty(square: &Square) -> Finding {
    let bill = square.cell.as_ref().and_then(|cell| cell.bill.as_ref());
    let is_owed = bill.map(Bill::is_owed);
    if is_owed == Some(false) {
        return Finding::NothingOwed(NothingOwed::Closed);
    }
    let Some(facts) = &square.facts else {
        return Finding::NoChannel(NoChannel::Removed);
    };
    match (facts.subscription, is_owed) {
        (Subscription::Paused, _) => return Finding::NothingOwed(NothingOwed::Paused),
        (Subscription::Ended, None) => return Finding::NothingOwed(NothingOwed::Ended),
        (Subscription::Active, None) if facts.lines.is_free() => {
            return Finding::NothingOwed(NothingOwed::Free);
        }
        (Subscription::Active | Subscription::Ended, _) => {}
    }
    match facts.reach {
        Reach::By(channel) => Finding::Tell(channel),
        Reach::Nothing(reason) => Finding::NoChannel(reason),
    }
}
