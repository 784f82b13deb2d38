//! What is under way on the message path, so that idle is exact.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// A clone is the same one.
#[derive(Clone, Debug, Default)]
pub struct Activity(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    moves: AtomicU64,
    flights: AtomicUsize,
}

/// Something under way for as long as it lives.
#[derive(Debug)]
pub struct Flight(Arc<Inner>);

impl Drop for Flight {
    fn drop(&mut self) {
        self.0.flights.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Activity {
    /// Begins something that idle waits for.
    pub fn flight(&self) -> Flight {
        self.0.flights.fetch_add(1, Ordering::SeqCst);
        self.moved();
        Flight(Arc::clone(&self.0))
    }

    /// How much is under way.
    pub fn flights(&self) -> usize {
        self.0.flights.load(Ordering::SeqCst)
    }

    /// Work has come in somewhere. Said before what brought it is over: who looks at one place
    /// after the other and sees no move between has not missed any.
    pub fn moved(&self) {
        self.0.moves.fetch_add(1, Ordering::SeqCst);
    }

    /// How often work has come in.
    pub fn moves(&self) -> u64 {
        self.0.moves.load(Ordering::SeqCst)
    }
}
