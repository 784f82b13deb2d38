//! The billing machine (DESIGN section 5): a Turing machine whose tape is the list of bills of one
//! shard of one merchant's period. `docs/BILLING.md` explains it to a newcomer.
//!
//! What a run writes to a cell is said by [`TABLE`] and by nothing else; what may be written from
//! outside, by [`WRITES`]. Both are data, and one function each reads them.

mod bill;
mod cell;
mod diagram;
mod facts;
mod machine;
mod order;
mod outside;
mod period;
mod run;
mod shard;
mod symbol;
mod track;
mod turn;

pub use bill::{
    Bill, BillId, BillState, GivenBack, Instalment, LineItem, LineItems, Reason, Reference, Slip,
    Source, Voided, Who,
};
pub use cell::{Cell, Entry, MOST_TRACED, Mark, News, Refused, Why};
pub use diagram::{diagram, markdown};
pub use facts::{Facts, NoChannel, NothingOwed, Reach, Subscription};
pub use machine::{Action, Known, Move, Row, State, Stuck, TABLE, Under, Writes, step};
pub use order::{BillOrder, Click};
pub use outside::{Before, Event, NotAllowed, Rule, WRITES, write};
pub use period::{Period, PeriodError};
pub use run::{DEADLINE, NewRun, NotBegun, Run, RunId, RunIdError};
pub use shard::{Holder, Lease, LeaseRefused, Progress, SHARDS, Shard};
pub use symbol::{Counts, Symbol};
pub use track::{Offset, Reminders, Track, TrackError, TrackKind};
pub use turn::{Decision, Effect, LOOK_AGAIN, Page, Square, Then, Turn};

#[cfg(test)]
mod tests;
