//! A token bucket on integers: how many requests a key may make, shared by those who answer them
//! through one stored [`Level`] that is written on condition that nobody else has. What goes out to
//! vendors is spaced by [`crate::pace`] instead: a burst there is a refusal.

use jiff::{SignedDuration, Timestamp};

/// Parts of a token: a token a second is one part a microsecond.
const PARTS: u64 = 1_000_000;

/// How much may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    per_second: u32,
    burst: u32,
}

/// A limit through which nothing passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a limit needs at least one a second and a burst of at least one")]
pub struct LimitError;

/// How full a bucket was at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// When it was written.
    pub at: Timestamp,
    /// Tokens in millionths.
    pub parts: u64,
}

impl Level {
    /// Whole tokens that are there.
    #[must_use]
    pub fn tokens(self) -> u32 {
        let there = self.parts.checked_div(PARTS).unwrap_or_default();
        u32::try_from(there).unwrap_or(u32::MAX)
    }
}

/// What a taker is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// So many tokens are the taker's, once the level is stored.
    Granted {
        /// At least one, at most what was asked for.
        tokens: u32,
        /// What to store.
        level: Level,
    },
    /// The bucket is empty; nothing is to be stored.
    Empty {
        /// When it has a token again.
        until: Timestamp,
    },
}

impl Limit {
    /// So many a second, and at most `burst` at once.
    ///
    /// # Errors
    /// [`LimitError`] where either is zero.
    pub const fn new(per_second: u32, burst: u32) -> Result<Self, LimitError> {
        if per_second == 0 || burst == 0 {
            Err(LimitError)
        } else {
            Ok(Self { per_second, burst })
        }
    }

    fn most(self) -> u64 {
        u64::from(self.burst).saturating_mul(PARTS)
    }

    /// A full bucket.
    #[must_use]
    pub fn full(self, now: Timestamp) -> Level {
        Level {
            at: now,
            parts: self.most(),
        }
    }

    /// The level at `now`. A clock that goes backwards adds nothing.
    #[must_use]
    pub fn refill(self, level: Level, now: Timestamp) -> Level {
        let micros = now
            .as_microsecond()
            .saturating_sub(level.at.as_microsecond());
        let gained = u64::try_from(micros)
            .unwrap_or_default()
            .saturating_mul(u64::from(self.per_second));
        Level {
            at: level.at.max(now),
            parts: level.parts.saturating_add(gained).min(self.most()),
        }
    }

    /// Takes up to `wanted` tokens, as many as are there.
    #[must_use]
    pub fn take(self, level: Level, wanted: u32, now: Timestamp) -> Taken {
        let level = self.refill(level, now);
        let tokens = level.tokens().min(wanted);
        if tokens == 0 {
            return Taken::Empty {
                until: self.next_token(level),
            };
        }
        let taken = u64::from(tokens).saturating_mul(PARTS);
        Taken::Granted {
            tokens,
            level: Level {
                parts: level.parts.saturating_sub(taken),
                ..level
            },
        }
    }

    fn next_token(self, level: Level) -> Timestamp {
        let missing = PARTS.saturating_sub(level.parts);
        let micros = missing.div_ceil(u64::from(self.per_second));
        let wait = SignedDuration::from_micros(i64::try_from(micros).unwrap_or(i64::MAX));
        level.at.checked_add(wait).unwrap_or(level.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(1_796_000_000_000 + millis).unwrap()
    }

    fn take(limit: Limit, level: &mut Level, wanted: u32, millis: i64) -> u32 {
        match limit.take(*level, wanted, at(millis)) {
            Taken::Granted {
                tokens,
                level: next,
            } => {
                *level = next;
                tokens
            }
            Taken::Empty { .. } => 0,
        }
    }

    #[test]
    fn no_second_lets_more_through_than_burst_and_rate() {
        let limit = Limit::new(80, 10).unwrap();
        let mut level = limit.full(at(0));
        let passed: u32 = (0..10_000)
            .map(|millis| take(limit, &mut level, 3, millis))
            .sum();
        assert_eq!(
            passed,
            10 + 80 * 10 - 1,
            "the last token comes at the tenth second"
        );
    }

    #[test]
    fn an_empty_bucket_says_when_and_then_keeps_its_word() {
        let limit = Limit::new(3, 1).unwrap();
        let mut level = limit.full(at(0));
        assert_eq!(take(limit, &mut level, 5, 0), 1);
        let Taken::Empty { until } = limit.take(level, 1, at(1)) else {
            panic!("it was empty");
        };
        let before = until.checked_sub(SignedDuration::from_micros(1)).unwrap();
        assert!(matches!(limit.take(level, 1, before), Taken::Empty { .. }));
        assert!(matches!(
            limit.take(level, 1, until),
            Taken::Granted { tokens: 1, .. }
        ));
    }

    #[test]
    fn d17_a_clock_that_goes_backwards_gives_nothing_away() {
        let limit = Limit::new(10, 10).unwrap();
        let mut level = limit.full(at(1_000));
        assert_eq!(take(limit, &mut level, 5, 1_000), 5);
        assert_eq!(
            take(limit, &mut level, 5, 500),
            5,
            "a sender whose clock is behind"
        );
        assert_eq!(take(limit, &mut level, 10, 1_000), 0);
        assert_eq!(take(limit, &mut level, 10, 1_100), 1);
    }

    #[test]
    fn what_nobody_used_is_not_saved_up_beyond_the_burst() {
        let limit = Limit::new(80, 10).unwrap();
        let mut level = limit.full(at(0));
        assert_eq!(take(limit, &mut level, 1_000, 3_600_000), 10);
    }

    #[test]
    fn nothing_overflows() {
        let limit = Limit::new(u32::MAX, u32::MAX).unwrap();
        let empty = Level {
            at: Timestamp::MIN,
            parts: 0,
        };
        assert!(matches!(
            limit.take(empty, u32::MAX, Timestamp::MAX),
            Taken::Granted {
                tokens: u32::MAX,
                ..
            }
        ));
        assert_eq!(Limit::new(0, 1), Err(LimitError));
        assert_eq!(Limit::new(1, 0), Err(LimitError));
    }
}
