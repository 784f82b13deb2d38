//! What may be written to a cell from outside a run: receipts, money and the operator.

use super::{Symbol, TrackKind};

/// What happens to a cell outside a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// A channel accepted the message, or a later receipt says that it arrived after all.
    Accepted,
    /// The message will not arrive.
    GivenUp,
    /// The bill is paid in full.
    Paid,
    /// The bill is called off.
    Voided,
    /// All that was paid is given back.
    Refunded,
    /// The bank took the money back, or its record was struck out.
    Reversed(Before),
}

/// What a paid cell goes back to when the bank takes the money back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Before {
    /// It was not run, and the day of its run is still to come.
    NotRun,
    /// A channel had accepted its message.
    Accepted,
    /// Neither: its message went nowhere, or was dropped because the bill was paid.
    Neither,
}

/// A row of the legal writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// On these tracks,
    pub tracks: &'static [TrackKind],
    /// a cell that holds one of these
    pub from: &'static [Symbol],
    /// and to which this happens
    pub event: Event,
    /// holds this.
    pub to: Symbol,
}

/// The legal writes from outside (DESIGN section 5), one a line. Whatever is not here is refused.
pub const WRITES: &[Rule] = table::RULES;

mod table {
    use super::Before::{Accepted as WasAccepted, Neither, NotRun};
    use super::Event::{Accepted, GivenUp, Paid, Refunded, Reversed, Voided};
    use super::Symbol::{A, C, G, K, N, P, U};
    use super::TrackKind::{Bill, Reminder};
    use super::{Event, Rule, Symbol, TrackKind};

    const EVERY: &[TrackKind] = &[Bill, Reminder];
    const REMINDERS: &[TrackKind] = &[Reminder];

    const fn rule(
        tracks: &'static [TrackKind],
        from: &'static [Symbol],
        event: Event,
        to: Symbol,
    ) -> Rule {
        Rule {
            tracks,
            from,
            event,
            to,
        }
    }

    #[rustfmt::skip]
    pub(super) const RULES: &[Rule] = &[
        //   tracks     from           event                  to
        rule(EVERY,     &[C],          Accepted,              A),
        rule(EVERY,     &[C],          GivenUp,               G),
        rule(EVERY,     &[A],          GivenUp,               G),
        rule(EVERY,     &[G],          Accepted,              A),
        rule(EVERY,     &[C, N, A, G], Paid,                  P),
        rule(REMINDERS, &[U],          Paid,                  P),
        rule(EVERY,     &[C, N, A, G], Voided,                K),
        rule(EVERY,     &[P],          Refunded,              K),
        rule(REMINDERS, &[P],          Reversed(NotRun),      U),
        rule(EVERY,     &[P],          Reversed(WasAccepted), A),
        rule(EVERY,     &[P],          Reversed(Neither),     G),
    ];
}

/// The cell stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nothing of the kind is written to a cell that holds {}", from.name())]
pub struct NotAllowed {
    /// What it holds.
    pub from: Symbol,
}

/// What a cell of such a track holds after an event.
///
/// # Errors
/// [`NotAllowed`] where it goes on holding what it holds.
pub fn write(track: TrackKind, from: Symbol, event: Event) -> Result<Symbol, NotAllowed> {
    WRITES
        .iter()
        .find(|rule| {
            rule.tracks.contains(&track) && rule.from.contains(&from) && rule.event == event
        })
        .map(|rule| rule.to)
        .ok_or(NotAllowed { from })
}
