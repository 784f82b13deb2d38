//! A cell of the tape: one subscriber's bill, with one symbol a track and a trace of every write.

mod money;
mod why;

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::{Span, Timestamp};

pub use money::Refused;
pub use why::{News, Why};

use super::{Before, Bill, Event, NotAllowed, Offset, Period, Symbol, Track, write};
use crate::ids::SubscriberId;

/// How many writes a cell remembers; the oldest are forgotten first. Five tracks that are billed,
/// accepted, paid, reversed and paid again are 25.
pub const MOST_TRACED: usize = 40;

/// A cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Whose.
    pub subscriber: SubscriberId,
    /// Of which period's tape.
    pub period: Period,
    /// What it holds, by track. A track that is missing holds `U`.
    pub marks: BTreeMap<Track, Mark>,
    /// The bill; none where nothing was asked for.
    pub bill: Option<Bill>,
    /// The latest writes, the oldest first.
    pub trace: Vec<Entry>,
    /// Counts its commits.
    pub version: u64,
}

/// What a cell holds on one track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The symbol.
    pub symbol: Symbol,
    /// Whether a run wrote it once; what was paid before its run came is passed by the run.
    pub ran: bool,
    /// Whether a channel has its message, as far as is known. A paid cell remembers it.
    pub accepted: bool,
}

impl Mark {
    const UNDONE: Self = Self {
        symbol: Symbol::U,
        ran: false,
        accepted: false,
    };
}

/// A write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// On which track.
    pub track: Track,
    /// What was there.
    pub old: Symbol,
    /// What was written.
    pub new: Symbol,
    /// Why.
    pub why: Why,
}

impl Cell {
    /// A cell that nothing was written to, on these tracks.
    pub(super) fn blank(
        subscriber: SubscriberId,
        period: Period,
        tracks: impl Iterator<Item = Track>,
    ) -> Self {
        Self {
            subscriber,
            period,
            marks: tracks.map(|track| (track, Mark::UNDONE)).collect(),
            bill: None,
            trace: Vec::new(),
            version: 0,
        }
    }

    /// What it holds on a track.
    #[must_use]
    pub fn symbol(&self, track: Track) -> Symbol {
        self.mark(track).symbol
    }

    fn mark(&self, track: Track) -> Mark {
        self.marks.get(&track).copied().unwrap_or(Mark::UNDONE)
    }

    /// The day of a reminder; none where there is no bill.
    #[must_use]
    pub fn reminder_day(&self, offset: Offset) -> Option<Date> {
        let due = self.bill.as_ref()?.due;
        due.checked_add(Span::new().days(offset.days())).ok()
    }

    /// The cell after a run wrote to it.
    pub(super) fn run(mut self, track: Track, to: Symbol, why: Why, at: Timestamp) -> Self {
        self.put(track, to, why, at);
        self.marks.entry(track).and_modify(|mark| mark.ran = true);
        self.next()
    }

    /// The cell after news of its message.
    ///
    /// # Errors
    /// [`NotAllowed`] where the news changes nothing.
    pub fn hear(&self, track: Track, news: News, at: Timestamp) -> Result<Self, NotAllowed> {
        let mut next = self.clone();
        let mark = self.mark(track);
        match write(track.kind(), mark.symbol, news.event()) {
            Ok(to) => next.put(track, to, news.why(), at),
            Err(refused) => {
                let is_new = mark.accepted != news.is_acceptance();
                if mark.symbol != Symbol::P || !mark.ran || !is_new {
                    return Err(refused);
                }
            }
        }
        next.marks
            .entry(track)
            .and_modify(|mark| mark.accepted = news.is_acceptance());
        Ok(next.next())
    }

    /// Writes what follows from an event on every track that it touches.
    fn befall(&mut self, why: Why, at: Timestamp, event: impl Fn(Track, Mark) -> Event) {
        for (track, mark) in self.marks.clone() {
            if let Ok(to) = write(track.kind(), mark.symbol, event(track, mark)) {
                self.put(track, to, why, at);
            }
        }
    }

    /// What a paid track goes back to on a day when the bank takes the money back. The run of a
    /// day begins on that day at the earliest: only a later one has certainly not begun.
    fn before(&self, track: Track, mark: Mark, today: Date) -> Before {
        let is_to_come = match track {
            Track::Bill => false,
            Track::Reminder(offset) => self.reminder_day(offset).is_some_and(|day| day > today),
        };
        if mark.accepted {
            Before::Accepted
        } else if is_to_come && !mark.ran {
            Before::NotRun
        } else {
            Before::Neither
        }
    }

    fn put(&mut self, track: Track, new: Symbol, why: Why, at: Timestamp) {
        let mark = self.marks.entry(track).or_insert(Mark::UNDONE);
        let old = std::mem::replace(&mut mark.symbol, new);
        let surplus = self
            .trace
            .len()
            .saturating_add(1)
            .saturating_sub(MOST_TRACED);
        self.trace.drain(..surplus);
        self.trace.push(Entry {
            at,
            track,
            old,
            new,
            why,
        });
    }

    fn next(mut self) -> Self {
        self.version = self.version.saturating_add(1);
        self
    }
}
