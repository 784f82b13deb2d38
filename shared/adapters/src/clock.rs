//! The one place that reads the time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};

/// The time now. The local stack turns it; deployed it is the system's.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    offset_millis: Arc<AtomicI64>,
}

impl Clock {
    /// The system's time.
    #[must_use]
    pub fn system() -> Self {
        Self::default()
    }

    /// The system's time plus an offset that its owner turns.
    #[must_use]
    pub fn turnable(offset_millis: Arc<AtomicI64>) -> Self {
        Self { offset_millis }
    }

    /// The time now, to the millisecond.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the time"
    )]
    pub fn now(&self) -> Timestamp {
        let offset = SignedDuration::from_millis(self.offset_millis.load(Ordering::SeqCst));
        Timestamp::now()
            .checked_add(offset)
            .unwrap_or(Timestamp::MAX)
    }
}
