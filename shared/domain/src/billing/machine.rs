//! The machine: its states, its moves and its transition table.

use std::fmt;

use super::Symbol;
use crate::message::named;

/// What the machine is doing, in the order in which it advances.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// The head goes right and makes what is not made.
    Scan,
    /// The head goes left and waits until each cell has an outcome.
    Settle,
    /// The run is over.
    Halt,
}

named!(State, "machine state", { Scan = "scan", Settle = "settle", Halt = "halt" });

/// Where the head goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Move {
    /// To the next cell.
    Right,
    /// To the cell before.
    Left,
    /// It stands still, which ends the invocation.
    Stay,
}

impl Move {
    /// As the table writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Right => "R",
            Self::Left => "L",
            Self::Stay => "–",
        }
    }
}

/// What is under the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Under {
    /// A cell.
    Cell(Symbol),
    /// `b`: past the right end.
    Blank,
    /// Before the first cell.
    LeftEnd,
}

impl fmt::Display for Under {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cell(symbol) => symbol.name(),
            Self::Blank => "b",
            Self::LeftEnd => "left end",
        })
    }
}

/// What is known of the cell under the head beside its symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Known {
    /// Its subscriber owes and can be told.
    HasChannel,
    /// Its subscriber owes and cannot be told.
    NoChannel,
    /// Its subscriber owes nothing, or is paused.
    OwesNothing,
    /// The run's deadline is still to come.
    BeforeDeadline,
    /// The run's deadline has passed.
    AfterDeadline,
}

impl Known {
    /// As the table writes it.
    #[must_use]
    pub fn in_words(self) -> &'static str {
        match self {
            Self::HasChannel => "owes, has a channel",
            Self::NoChannel => "owes, no channel",
            Self::OwesNothing => "owes nothing",
            Self::BeforeDeadline => "before the run's deadline",
            Self::AfterDeadline => "after the run's deadline",
        }
    }
}

/// What a row writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Writes {
    /// What it read.
    Same,
    /// This.
    Put(Symbol),
}

/// A row of the transition table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// In this state,
    pub state: State,
    /// reading one of these,
    pub reads: &'static [Under],
    /// this being known, or whatever is known,
    pub given: Option<Known>,
    /// this is written,
    pub writes: Writes,
    /// the machine is in this state
    pub next: State,
    /// and the head goes there.
    pub moves: Move,
}

/// The transition table of DESIGN section 5, one row a line. A state and a symbol that no row has,
/// such as `settle` and `U`, stop the machine.
pub const TABLE: &[Row] = table::ROWS;

mod table {
    use super::Known::{AfterDeadline, BeforeDeadline, HasChannel, NoChannel, OwesNothing};
    use super::Move::{Left, Right, Stay};
    use super::State::{Halt, Scan, Settle};
    use super::Writes::{Put, Same};
    use super::{Known, Move, Row, State, Symbol, Under, Writes};

    const U: Under = Under::Cell(Symbol::U);
    const C: Under = Under::Cell(Symbol::C);
    const N: Under = Under::Cell(Symbol::N);
    const K: Under = Under::Cell(Symbol::K);
    const A: Under = Under::Cell(Symbol::A);
    const G: Under = Under::Cell(Symbol::G);
    const P: Under = Under::Cell(Symbol::P);
    const B: Under = Under::Blank;
    const END: Under = Under::LeftEnd;
    const ANY: Option<Known> = None;

    const fn given(known: Known) -> Option<Known> {
        Some(known)
    }

    const fn row(
        state: State,
        reads: &'static [Under],
        given: Option<Known>,
        writes: Writes,
        next: State,
        moves: Move,
    ) -> Row {
        Row {
            state,
            reads,
            given,
            writes,
            next,
            moves,
        }
    }

    #[rustfmt::skip]
    pub(super) const ROWS: &[Row] = &[
        // state    reads                given                  writes          next    move
        row(Scan,   &[U],                given(HasChannel),     Put(Symbol::C), Scan,   Right),
        row(Scan,   &[U],                given(NoChannel),      Put(Symbol::N), Scan,   Right),
        row(Scan,   &[U],                given(OwesNothing),    Put(Symbol::K), Scan,   Right),
        row(Scan,   &[C, A, G, K, N, P], ANY,                   Same,           Scan,   Right),
        row(Scan,   &[B],                ANY,                   Same,           Settle, Left),
        row(Settle, &[C],                given(BeforeDeadline), Put(Symbol::C), Settle, Stay),
        row(Settle, &[C],                given(AfterDeadline),  Put(Symbol::G), Settle, Left),
        row(Settle, &[A, G, K, N, P],    ANY,                   Same,           Settle, Left),
        row(Settle, &[END],              ANY,                   Same,           Halt,   Stay),
    ];
}

/// What the machine does at one cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Action {
    /// What is written, where that is another symbol than was read. A move that writes nothing is
    /// no commit.
    pub writes: Option<Symbol>,
    /// The state after it.
    pub next: State,
    /// Where the head goes.
    pub moves: Move,
}

/// No row says what to do: the machine stops, and the operator is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} meets {under}, and no row says what to do", state.name())]
pub struct Stuck {
    /// In this state
    pub state: State,
    /// with this under the head.
    pub under: Under,
}

/// What the machine does in `state` with `under` under its head.
///
/// # Errors
/// [`Stuck`] where the table has no such row.
pub fn step(state: State, under: Under, known: Option<Known>) -> Result<Action, Stuck> {
    step_by(TABLE, state, under, known)
}

/// The step by any table, so that a test can take a row away.
pub(super) fn step_by(
    table: &[Row],
    state: State,
    under: Under,
    known: Option<Known>,
) -> Result<Action, Stuck> {
    let row = table
        .iter()
        .find(|row| row.applies(state, under, known))
        .ok_or(Stuck { state, under })?;
    Ok(Action {
        writes: row.writes.to(under),
        next: row.next,
        moves: row.moves,
    })
}

impl Row {
    /// Whether it is the row for this.
    pub(super) fn applies(&self, state: State, under: Under, known: Option<Known>) -> bool {
        self.state == state
            && self.reads.contains(&under)
            && (self.given.is_none() || self.given == known)
    }
}

impl Writes {
    fn to(self, under: Under) -> Option<Symbol> {
        match self {
            Self::Same => None,
            Self::Put(symbol) => (under != Under::Cell(symbol)).then_some(symbol),
        }
    }
}
