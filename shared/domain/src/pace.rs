//! What a vendor lets through a second, shared by several senders through one stored [`Pace`] that
//! is written on condition that nobody else has. A leaky bucket on integers: it hands out instants
//! at which to send, one after the other, so that no second sees more than the limit and a sender
//! that comes with ten messages need not ask ten times. Where the vendor is down it is also the
//! breaker: nothing passes until a rest is over, and then little.

use jiff::{SignedDuration, Timestamp};

/// WhatsApp's limit for a number
/// (<https://developers.facebook.com/documentation/business-messaging/whatsapp/throughput>).
pub const WHATSAPP_PER_SECOND: u32 = 80;

/// Telegram's for a bot: about 30 messages a second
/// (<https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this>).
pub const TELEGRAM_PER_SECOND: u32 = 30;

/// How much may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Between two messages, in microseconds.
    spacing: i64,
}

/// A limit through which nothing passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a limit needs at least one a second")]
pub struct LimitError;

/// Where a number or a bot is in its schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// When the next message may go.
    pub next: Timestamp,
    /// How many batches in a row the vendor failed as a whole.
    pub failures: u16,
}

/// What a sender is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// So many may go, once the pace is stored.
    Granted {
        /// At least one, at most what was asked for.
        count: u32,
        /// When the first may go.
        first: Timestamp,
        /// What to store.
        pace: Pace,
    },
    /// Nothing may go soon; nothing is to be stored.
    Later {
        /// When there is room again.
        at: Timestamp,
    },
}

const MICROS_A_SECOND: i64 = 1_000_000;

/// Kept from the vendor's limit, in parts of a hundred: what leaves here evenly does not arrive so.
const SLACK: i64 = 3;

/// Seconds that a number rests after each further batch that failed as a whole.
const RESTS: [i64; 7] = [1, 2, 5, 10, 20, 40, 60];

/// How long a number rests when the vendor says "too fast".
const TOO_FAST: SignedDuration = SignedDuration::from_secs(1);

impl Limit {
    /// So many a second.
    ///
    /// # Errors
    /// [`LimitError`] where it is zero.
    pub fn new(per_second: u32) -> Result<Self, LimitError> {
        let micros = MICROS_A_SECOND.saturating_mul(100_i64.saturating_add(SLACK));
        let spacing = micros
            .checked_div(i64::from(per_second).saturating_mul(100))
            .ok_or(LimitError)?;
        Ok(Self {
            spacing: spacing.saturating_add(1),
        })
    }

    /// Between two messages.
    #[must_use]
    pub fn spacing(self) -> SignedDuration {
        SignedDuration::from_micros(self.spacing)
    }

    /// Takes up to `wanted` instants of those within `ahead` of `now`. What nobody used is not
    /// saved up, and a clock that is behind gives nothing away.
    #[must_use]
    pub fn take(self, pace: Pace, wanted: u32, ahead: SignedDuration, now: Timestamp) -> Taken {
        let first = pace.next.max(now);
        let until = now.checked_add(ahead).unwrap_or(now);
        let room = until
            .as_microsecond()
            .saturating_sub(first.as_microsecond());
        if room < 0 || wanted == 0 {
            return Taken::Later { at: first };
        }
        let within = room.checked_div(self.spacing).unwrap_or_default();
        let count = u32::try_from(within.saturating_add(1))
            .unwrap_or(u32::MAX)
            .min(wanted);
        Taken::Granted {
            count,
            first,
            pace: Pace {
                next: self.nth(first, count),
                ..pace
            },
        }
    }

    /// When the message of a place in a batch may go, counted from 0.
    #[must_use]
    pub fn nth(self, first: Timestamp, place: u32) -> Timestamp {
        let wait = self.spacing.saturating_mul(i64::from(place));
        let wait = SignedDuration::from_micros(wait);
        first.checked_add(wait).unwrap_or(first)
    }
}

impl Pace {
    /// One that nothing was sent at.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self {
            next: now,
            failures: 0,
        }
    }

    /// After the vendor said "too fast".
    #[must_use]
    pub fn slowed(self, now: Timestamp) -> Self {
        self.resting(now, TOO_FAST)
    }

    /// After a batch that the vendor failed as a whole: a rest that grows.
    #[must_use]
    pub fn failed(self, now: Timestamp) -> Self {
        let longest = RESTS.last().copied().unwrap_or_default();
        let rest = RESTS.get(usize::from(self.failures)).copied();
        let rest = SignedDuration::from_secs(rest.unwrap_or(longest));
        Self {
            failures: self.failures.saturating_add(1),
            ..self.resting(now, rest)
        }
    }

    /// After the vendor took something.
    #[must_use]
    pub fn recovered(self) -> Self {
        Self {
            failures: 0,
            ..self
        }
    }

    fn resting(self, now: Timestamp, rest: SignedDuration) -> Self {
        let until = now.checked_add(rest).unwrap_or(now);
        Self {
            next: self.next.max(until),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AHEAD: SignedDuration = SignedDuration::from_secs(2);

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(1_796_000_000_000 + millis).unwrap()
    }

    /// When each of so many messages goes, asked for ten at a time by senders that come whenever
    /// they may.
    fn instants(limit: Limit, messages: usize) -> Vec<i64> {
        let (mut pace, mut now, mut sent) = (Pace::new(at(0)), at(0), vec![]);
        while sent.len() < messages {
            match limit.take(pace, 10, AHEAD, now) {
                Taken::Granted {
                    count,
                    first,
                    pace: next,
                } => {
                    pace = next;
                    let places = (0..count).map(|place| limit.nth(first, place));
                    sent.extend(places.map(Timestamp::as_microsecond));
                }
                Taken::Later { at } => now = at,
            }
        }
        sent
    }

    #[test]
    fn no_second_sees_more_than_the_limit_and_hardly_less() {
        for per_second in [1, 3, 80, 1_000] {
            let sent = instants(Limit::new(per_second).unwrap(), 3_000);
            let per_second = usize::try_from(per_second).unwrap();
            for window in sent.windows(per_second + 1) {
                let took = window[per_second] - window[0];
                assert!(took >= MICROS_A_SECOND, "{per_second} a second: {took}");
            }
            let took = usize::try_from(sent[2_999] - sent[0]).unwrap();
            assert!(2_999 * 1_000_000 / took >= per_second * 95 / 100);
        }
        assert_eq!(Limit::new(0), Err(LimitError));
    }

    #[test]
    fn who_comes_too_early_is_told_when() {
        let limit = Limit::new(10).unwrap();
        let Taken::Granted { count, first, pace } = limit.take(Pace::new(at(0)), 100, AHEAD, at(0))
        else {
            panic!("it was free");
        };
        assert_eq!((count, first), (20, at(0)), "what fits into two seconds");
        let Taken::Later { at: later } = limit.take(pace, 1, SignedDuration::ZERO, at(0)) else {
            panic!("it was full");
        };
        assert_eq!(later, pace.next);
        let granted = limit.take(pace, 1, SignedDuration::ZERO, later);
        assert!(matches!(granted, Taken::Granted { count: 1, .. }));
    }

    #[test]
    fn d17_a_clock_that_goes_backwards_gives_nothing_away() {
        let limit = Limit::new(10).unwrap();
        let Taken::Granted { pace, .. } = limit.take(Pace::new(at(0)), 5, AHEAD, at(1_000)) else {
            panic!("it was free");
        };
        let Taken::Granted { first, .. } = limit.take(pace, 1, AHEAD, at(500)) else {
            panic!("there was room");
        };
        assert_eq!(first, pace.next);
    }

    #[test]
    fn what_nobody_used_is_not_saved_up() {
        let limit = Limit::new(80).unwrap();
        let none_ahead = limit.take(Pace::new(at(0)), 80, SignedDuration::ZERO, at(3_600_000));
        assert!(matches!(none_ahead, Taken::Granted { count: 1, .. }));
    }

    #[test]
    fn e1_after_too_fast_nobody_passes_until_the_rest_is_over() {
        let limit = Limit::new(80).unwrap();
        let pace = Pace::new(at(0)).slowed(at(0));
        assert_eq!(
            limit.take(pace, 80, SignedDuration::from_millis(999), at(0)),
            Taken::Later { at: at(1_000) }
        );
        assert!(
            matches!(limit.take(pace, 1, AHEAD, at(0)), Taken::Granted { first, .. } if first == at(1_000))
        );
    }

    #[test]
    fn e5_a_vendor_that_is_down_is_asked_ever_more_seldom() {
        let (mut pace, mut now, mut batches) = (Pace::new(at(0)), at(0), 0);
        while now < at(600_000) {
            now = pace.next.max(now);
            pace = pace.failed(now);
            batches += 1;
        }
        assert_eq!(batches, 16, "in ten minutes");
        let again = Pace {
            next: now,
            ..pace.recovered()
        };
        assert_eq!(again.failed(now).next, now + SignedDuration::from_secs(1));
    }

    #[test]
    fn nothing_overflows() {
        let limit = Limit::new(u32::MAX).unwrap();
        let pace = Pace {
            next: Timestamp::MAX,
            failures: u16::MAX,
        };
        assert!(matches!(
            limit.take(pace, u32::MAX, AHEAD, Timestamp::MIN),
            Taken::Later { .. }
        ));
        assert_eq!(pace.failed(Timestamp::MAX).next, Timestamp::MAX);
        let full = limit.take(
            Pace::new(Timestamp::MIN),
            u32::MAX,
            SignedDuration::MAX,
            Timestamp::MIN,
        );
        assert!(matches!(full, Taken::Granted { .. }));
    }
}
