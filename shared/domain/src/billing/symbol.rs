//! What a cell can hold.

use std::collections::BTreeMap;

use crate::message::named;

/// A symbol of a cell on one track. The blank `b` past the end of the tape is no symbol that a
/// cell can hold; it is [`Under::Blank`](super::Under::Blank).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Symbol {
    /// Not yet done: on the bill track not billed, on a reminder track not paid.
    U,
    /// The bill or the reminder is made and its message committed.
    C,
    /// Made, but no channel to tell it: the operator's list.
    N,
    /// Nothing is owed, or the subscription is paused.
    K,
    /// A channel accepted the message.
    A,
    /// Given up; the trace says why.
    G,
    /// Paid.
    P,
}

named!(Symbol, "symbol", {
    U = "U",
    C = "C",
    N = "N",
    K = "K",
    A = "A",
    G = "G",
    P = "P",
});

/// How many cells hold which symbol.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts(BTreeMap<Symbol, u64>);

impl Counts {
    /// Counts one more.
    pub fn add(&mut self, symbol: Symbol) {
        self.add_many(symbol, 1);
    }

    /// Counts so many more.
    pub fn add_many(&mut self, symbol: Symbol, cells: u64) {
        let count = self.0.entry(symbol).or_default();
        *count = count.saturating_add(cells);
    }

    /// How many hold it.
    #[must_use]
    pub fn get(&self, symbol: Symbol) -> u64 {
        self.0.get(&symbol).copied().unwrap_or_default()
    }

    /// Every symbol with its count, those that no cell holds too.
    pub fn iter(&self) -> impl Iterator<Item = (Symbol, u64)> + '_ {
        Symbol::ALL
            .iter()
            .map(|symbol| (*symbol, self.get(*symbol)))
    }

    /// How many cells in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0
            .values()
            .fold(0, |total, count| total.saturating_add(*count))
    }
}

impl FromIterator<Symbol> for Counts {
    fn from_iter<T: IntoIterator<Item = Symbol>>(symbols: T) -> Self {
        let mut counts = Self::default();
        for symbol in symbols {
            counts.add(symbol);
        }
        counts
    }
}
