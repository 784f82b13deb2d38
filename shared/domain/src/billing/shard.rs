//! The record of a run on one shard: where the machine stands, and who drives it.

use jiff::Timestamp;

use super::{Counts, State, Symbol};
use crate::field::{self, FieldRefused};
use crate::ids::SubscriberId;

/// Into how many tapes a merchant's period is cut; never changed.
pub const SHARDS: u8 = 8;

/// The machine on one shard of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Which, from 0.
    pub number: u8,
    /// What the machine is doing.
    pub state: State,
    /// The last cell that the head passed in this state; none at the end that it began from.
    pub head: Option<SubscriberId>,
    /// What the cells held that the head passed while scanning; once it is over, what they hold.
    pub counts: Counts,
    /// What the cells held that the head passed while settling.
    pub settled: Counts,
    /// Who drives it.
    pub lease: Option<Lease>,
    /// Counts its commits.
    pub version: u64,
}

/// Keeps two continuations of a shard apart. It saves work; that no cell is written twice rests on
/// the condition of each commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Whose.
    pub holder: Holder,
    /// Until when.
    pub until: Timestamp,
}

/// An invocation, as it knows itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder(String);

impl Holder {
    /// Takes 1 to 64 characters, such as a request's id.
    ///
    /// # Errors
    /// [`FieldRefused`]
    pub fn new(text: &str) -> Result<Self, FieldRefused> {
        field::check_text("holder", text, 1, 64)?;
        Ok(Self(text.to_owned()))
    }

    /// As it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why an invocation does not drive a shard. Neither is a fault: there is nothing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LeaseRefused {
    /// Another has it.
    #[error("leased until {until}")]
    Leased {
        /// Until then.
        until: Timestamp,
    },
    /// The machine has halted.
    #[error("over")]
    Over,
}

impl Shard {
    /// A shard that nobody has looked at: the head is before the first cell.
    #[must_use]
    pub fn new(number: u8) -> Self {
        Self {
            number,
            state: State::Scan,
            head: None,
            counts: Counts::default(),
            settled: Counts::default(),
            lease: None,
            version: 0,
        }
    }

    /// The shards of a run that begins.
    #[must_use]
    pub fn all() -> Vec<Self> {
        (0..SHARDS).map(Self::new).collect()
    }

    /// The shard in the hands of an invocation, which may have had it before.
    ///
    /// # Errors
    /// [`LeaseRefused`] while another has it, and when nothing is left to do.
    pub fn lease(
        &self,
        holder: Holder,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<Self, LeaseRefused> {
        match (self.state, &self.lease) {
            (State::Halt, _) => return Err(LeaseRefused::Over),
            (State::Scan | State::Settle, Some(lease))
                if lease.until > now && lease.holder != holder =>
            {
                return Err(LeaseRefused::Leased { until: lease.until });
            }
            (State::Scan | State::Settle, _) => {}
        }
        let mut next = self.clone();
        next.lease = Some(Lease { holder, until });
        Ok(next.next())
    }

    /// The shard in nobody's hands, so that the next invocation takes it.
    #[must_use]
    pub fn released(&self) -> Self {
        let mut next = self.clone();
        next.lease = None;
        next.next()
    }

    /// The head leaves a cell behind.
    pub(super) fn pass(&mut self, cell: SubscriberId, holds: Option<Symbol>) {
        self.head = Some(cell);
        match (self.state, holds) {
            (State::Scan, Some(symbol)) => self.counts.add(symbol),
            (State::Settle, Some(symbol)) => self.settled.add(symbol),
            (State::Halt, _) | (_, None) => {}
        }
    }

    /// The head reaches an end of the tape and the machine goes on in another state.
    pub(super) fn turn(&mut self, state: State) {
        self.state = state;
        self.head = None;
        if state == State::Halt {
            self.counts = std::mem::take(&mut self.settled);
        }
    }

    pub(super) fn next(mut self) -> Self {
        self.version = self.version.saturating_add(1);
        self
    }
}

/// Where a run stands, over all of its shards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// That of the least advanced shard.
    pub state: State,
    /// How many cells the heads have passed while scanning, all together.
    pub head: u64,
    /// What the cells hold by what the machines last saw: of a shard that settles, what they held
    /// when it was scanned.
    pub counts: Counts,
}

impl Progress {
    /// Of these shards; a run without any has nothing to do.
    #[must_use]
    pub fn of(shards: &[Shard]) -> Self {
        let mut counts = Counts::default();
        for (symbol, cells) in shards.iter().flat_map(|shard| shard.counts.iter()) {
            counts.add_many(symbol, cells);
        }
        let states = shards.iter().map(|shard| shard.state);
        Self {
            state: states.min().unwrap_or(State::Halt),
            head: counts.total(),
            counts,
        }
    }
}
