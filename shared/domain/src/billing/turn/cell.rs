//! What is known of one cell, and what is committed for it.

use jiff::Timestamp;

use super::super::{
    Bill, BillId, Cell, Facts, Known, NoChannel, NothingOwed, Reach, Run, RunId, State,
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
    /// however often the run comes by. Whose plan is not known is passed: there is nothing to ask for.
    pub(super) fn reads(&self, square: &Square) -> bool {
        if let Some(cell) = &square.cell {
            return self.is_on_tape(cell);
        }
        let is_member =
            |facts: &Facts| facts.made_at < self.members_before() && facts.lines.is_some();
        match self.id {
            RunId::Bill { .. } => square.facts.as_ref().is_some_and(is_member),
            RunId::Reminder { .. } => false,
        }
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
        let waits = |bill: &Bill| !bill.in_review.is_empty();
        let is_in_review = cell.bill.as_ref().is_some_and(waits);
        Decision {
            cell: cell.run(track, writes, finding.why(), now),
            effects: self.effects(writes, finding, is_in_review),
        }
    }

    fn bill(&self, square: &Square, now: Timestamp) -> Option<Bill> {
        let facts = square.facts.as_ref()?;
        let period = self.id.period();
        let id = BillId::new(period, square.subscriber.clone());
        let due = period.due(facts.anchor);
        Some(Bill::new(id, facts.lines.clone()?, due, now))
    }

    fn effects(&self, writes: Symbol, finding: Finding, is_in_review: bool) -> Vec<Effect> {
        // Nobody is to be cut off whose money is being looked at.
        let is_last = self.is_last_reminder() && !is_in_review;
        let last = is_last.then_some(Effect::LastReminder);
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
    if bill.is_some_and(|bill| !bill.is_owed()) {
        return Finding::NothingOwed(NothingOwed::Closed);
    }
    let Some(facts) = &square.facts else {
        return Finding::NoChannel(NoChannel::Removed);
    };
    match facts.subscription {
        Subscription::Paused => return Finding::NothingOwed(NothingOwed::Paused),
        Subscription::Active => {}
    }
    match facts.reach {
        Reach::By(channel) => Finding::Tell(channel),
        Reach::Nothing(reason) => Finding::NoChannel(reason),
    }
}
