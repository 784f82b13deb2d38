//! The turned clock: the machine's time plus an offset.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

#[derive(Clone)]
pub(crate) struct Clock(Arc<AtomicI64>);

impl Clock {
    pub(crate) fn new(offset_millis: Arc<AtomicI64>) -> Self {
        Self(offset_millis)
    }

    pub(crate) fn now(&self) -> Timestamp {
        plus(
            Self::machine(),
            SignedDuration::from_millis(self.0.load(Ordering::SeqCst)),
        )
    }

    pub(crate) fn now_millis(&self) -> i64 {
        self.now().as_millisecond()
    }

    /// Not turned: what must never repeat after the state was thrown away starts here.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where the stand-ins read the machine's clock"
    )]
    pub(crate) fn machine() -> Timestamp {
        Timestamp::now()
    }
}

/// A sum past the end of time stays at the end.
pub(crate) fn plus(at: Timestamp, duration: SignedDuration) -> Timestamp {
    at.saturating_add(duration).unwrap_or(at)
}

/// Midtrans' way to write a time: GMT+7 and no offset.
pub(crate) fn western(at: Timestamp) -> String {
    at.to_zoned(TimeZone::fixed(jiff::tz::offset(7)))
        .strftime("%Y-%m-%d %H:%M:%S")
        .to_string()
}
