//! A page of the tape under the machine: what is committed for each cell, and where the machine
//! stands behind it. The caller commits the decisions, then the shard. When a commit finds that the
//! cell has changed, it reads the page again and asks again: what is done already is passed.

mod cell;

use std::ops::ControlFlow::{self, Break, Continue};

use jiff::{SignedDuration, Timestamp};

use cell::Finding;

use super::machine::step_by;
use super::{
    Action, Cell, Facts, Known, Move, Row, Run, Shard, State, Stuck, Symbol, TABLE, Under,
};
use crate::ids::SubscriberId;
use crate::message::Channel;

/// When a machine that waits for outcomes looks again.
pub const LOOK_AGAIN: SignedDuration = SignedDuration::from_mins(15);

/// A square of the tape as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Square {
    /// Whose.
    pub subscriber: SubscriberId,
    /// What is known of them; none where they are gone, and while settling, which asks for nothing.
    pub facts: Option<Facts>,
    /// The cell; none where no run has written to it.
    pub cell: Option<Cell>,
}

/// A part of the tape behind the head, in the direction in which the head goes: ascending ids while
/// scanning, descending ones while settling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The squares.
    pub squares: Vec<Square>,
    /// Whether the tape ends behind them.
    pub is_last: bool,
}

/// What is committed for one cell: the cell, and its effects, on condition that the stored cell
/// still has the version before (none was stored where that is 0).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The cell after the write.
    pub cell: Cell,
    /// What goes with it.
    pub effects: Vec<Effect>,
}

/// What must happen in the commit that writes a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// The subscriber is told of the bill, or reminded of it.
    Tell(Channel),
    /// Its message is not wanted any more if it is still queued or held; one in flight is left
    /// alone.
    Withdraw,
    /// The merchant's system is told that the last reminder is out and the bill still owed.
    LastReminder,
}

/// What a page comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// What is committed, in this order.
    pub decisions: Vec<Decision>,
    /// The shard to be saved when all of that is committed.
    pub shard: Shard,
    /// How it goes on.
    pub then: Then,
}

/// How it goes on behind a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// With the next page.
    Page,
    /// With another invocation, at once: this one has little time left.
    Continue,
    /// The machine stands still; a due row wakes it then.
    Wait {
        /// When.
        until: Timestamp,
    },
    /// Not any more.
    Halted,
    /// The machine stops and the operator is told.
    Stopped(Stuck),
}

impl Run {
    /// Moves the machine over a page at `now`. `hurried` says that the invocation has little time
    /// left, so that it ends behind this page.
    #[must_use]
    pub fn turn(&self, shard: &Shard, page: &Page, now: Timestamp, hurried: bool) -> Turn {
        self.turn_by(TABLE, shard, page, now, hurried)
    }

    /// The turn by any table, so that a test can take a row away.
    pub(super) fn turn_by(
        &self,
        table: &[Row],
        shard: &Shard,
        page: &Page,
        now: Timestamp,
        hurried: bool,
    ) -> Turn {
        let mut turn = Turn {
            decisions: Vec::new(),
            shard: shard.clone().next(),
            then: if hurried { Then::Continue } else { Then::Page },
        };
        if let Break(then) = self.pass_all(table, &mut turn, page, now) {
            turn.then = then;
        }
        if turn.then != Then::Page {
            turn.shard.lease = None;
        }
        turn
    }

    /// Moves the machine over the squares and, behind the last one, over the end of the tape.
    fn pass_all(
        &self,
        table: &[Row],
        turn: &mut Turn,
        page: &Page,
        now: Timestamp,
    ) -> ControlFlow<Then> {
        for square in &page.squares {
            self.pass(table, turn, square, now)?;
        }
        if !page.is_last {
            return Continue(());
        }
        let edge = match turn.shard.state {
            State::Scan => Under::Blank,
            State::Settle | State::Halt => Under::LeftEnd,
        };
        let action = act(table, turn.shard.state, edge, None)?;
        turn.shard.turn(action.next);
        match action.next {
            State::Scan | State::Settle => Continue(()),
            State::Halt => Break(Then::Halted),
        }
    }

    /// Moves the machine over one square.
    fn pass(
        &self,
        table: &[Row],
        turn: &mut Turn,
        square: &Square,
        now: Timestamp,
    ) -> ControlFlow<Then> {
        let id = square.subscriber.clone();
        if !self.reads(square) {
            turn.shard.pass(id, None);
            return Continue(());
        }
        let symbol = self.symbol(square);
        let finding = self.find(turn.shard.state, square, now);
        let known = finding.map(Finding::known);
        let action = act(table, turn.shard.state, Under::Cell(symbol), known)?;
        if let (Some(writes), Some(finding)) = (action.writes, finding) {
            turn.decisions
                .push(self.decide(square, writes, finding, now));
        }
        match action.moves {
            Move::Left | Move::Right => {
                turn.shard.pass(id, Some(action.writes.unwrap_or(symbol)));
                Continue(())
            }
            Move::Stay => Break(Then::Wait {
                until: self.look_again(now),
            }),
        }
    }

    fn look_again(&self, now: Timestamp) -> Timestamp {
        let later = now.checked_add(LOOK_AGAIN).unwrap_or(now);
        later.min(self.deadline)
    }

    fn symbol(&self, square: &Square) -> Symbol {
        let cell = square.cell.as_ref();
        cell.map_or(Symbol::U, |cell| cell.symbol(self.id.track()))
    }
}

/// The machine's step, or its stop where no row says what to do.
fn act(
    table: &[Row],
    state: State,
    under: Under,
    known: Option<Known>,
) -> ControlFlow<Then, Action> {
    match step_by(table, state, under, known) {
        Ok(action) => Continue(action),
        Err(stuck) => Break(Then::Stopped(stuck)),
    }
}
