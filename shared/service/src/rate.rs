//! How often a key may call. Its bucket is one row that all environments share; each takes a tenth
//! of a second's worth of tokens out at once and lets requests pass on those, so that the hot path
//! writes nothing. What was taken and not used within a minute is lost.

use std::collections::HashMap;
use std::sync::Mutex;

use jiff::{SignedDuration, Timestamp};
use pesan_adapters::dynamodb::{StoreError, StoredLevel};
use pesan_domain::api_key::{ApiKey, KeyId, Rate};
use pesan_domain::bucket::Taken;

use crate::{App, Failure, step_aside};

/// How often the bucket is asked where others ask it at the same moment: environments that wake
/// together all do.
const MOST_ASKED: u32 = 20;

/// How long tokens may lie in an environment.
const LEASE: SignedDuration = SignedDuration::from_secs(60);

/// Whether a request passes, and how the key stands after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passage {
    /// When to try again, where it does not pass.
    pub refused_until: Option<Timestamp>,
    /// How many more pass at once, as far as this environment knows.
    pub remaining: u32,
    /// In how many seconds the bucket is full again if nobody takes from it, rounded up.
    pub full_in: u32,
}

/// What this environment knows of buckets, by key.
#[derive(Debug, Default)]
pub(crate) struct Leases(Mutex<HashMap<KeyId, Lease>>);

/// What an environment knows of one bucket from `since` until `until`.
#[derive(Clone, Copy, Debug)]
struct Lease {
    since: Timestamp,
    until: Timestamp,
    hand: Hand,
}

#[derive(Clone, Copy, Debug)]
enum Hand {
    /// So many tokens are this environment's.
    Tokens {
        /// Not used yet.
        left: u32,
        /// What the bucket held beside them.
        behind: u32,
    },
    /// The bucket was empty.
    Nothing,
}

/// Lets a request of `key` pass, or says until when it does not.
///
/// # Errors
/// [`Failure::Unavailable`] where the bucket cannot be read or written.
pub async fn pass(app: &App, key: &ApiKey) -> Result<Passage, Failure> {
    let now = app.clock.now();
    if let Some(passage) = app.leases.pass(key, now) {
        return Ok(passage);
    }
    let lease = taken_anew(app, key, now).await?;
    Ok(app.leases.begin(key, lease, now))
}

async fn taken_anew(app: &App, key: &ApiKey, now: Timestamp) -> Result<Lease, Failure> {
    let limit = key.rate.limit();
    let limit = limit.map_err(|error| Failure::Unavailable(error.to_string()))?;
    for nth in 1..=MOST_ASKED {
        let stored = app.store.rate_level(&key.id).await?;
        let version = stored.map_or(0, |stored| stored.version);
        let level = stored.map_or_else(|| limit.full(now), |stored| stored.level);
        let (tokens, level) = match limit.take(level, portion(key.rate), now) {
            Taken::Granted { tokens, level } => (tokens, level),
            Taken::Empty { until } => return Ok(Lease::of_nothing(key.rate, now, until)),
        };
        let next = StoredLevel {
            level,
            version: version.saturating_add(1),
        };
        match app.store.put_rate_level(&key.id, next).await {
            Err(StoreError::Conflict) => step_aside(nth).await,
            done => {
                done?;
                return Ok(Lease::of(tokens, level.tokens(), now));
            }
        }
    }
    // So many at the same moment are too many.
    Ok(Lease::of_nothing(key.rate, now, now))
}

/// A tenth of a second's worth.
fn portion(rate: Rate) -> u32 {
    (rate.per_second / 10).max(1)
}

impl Lease {
    fn of(left: u32, behind: u32, now: Timestamp) -> Self {
        Self {
            since: now,
            until: after(now, LEASE),
            hand: Hand::Tokens { left, behind },
        }
    }

    /// Until there is a portion again: before that the bucket is not asked.
    fn of_nothing(rate: Rate, now: Timestamp, until: Timestamp) -> Self {
        let micros = u64::from(portion(rate))
            .saturating_mul(1_000_000)
            .div_ceil(u64::from(rate.per_second.max(1)));
        let wait = SignedDuration::from_micros(i64::try_from(micros).unwrap_or(i64::MAX));
        Self {
            since: now,
            until: until.max(after(now, wait)),
            hand: Hand::Nothing,
        }
    }

    /// Takes a token; none where the bucket itself must be asked.
    fn pass(&mut self, rate: Rate, now: Timestamp) -> Option<Passage> {
        if now < self.since || now >= self.until {
            return None;
        }
        let gone = now.duration_since(self.since).as_secs();
        let gained = u32::try_from(gone)
            .unwrap_or(u32::MAX)
            .saturating_mul(rate.per_second);
        let (refused_until, there) = match &mut self.hand {
            Hand::Tokens { left: 0, .. } => return None,
            Hand::Tokens { left, behind } => {
                *left = left.saturating_sub(1);
                (None, behind.saturating_add(*left))
            }
            Hand::Nothing => (Some(self.until), 0),
        };
        let remaining = there.saturating_add(gained).min(rate.burst);
        let missing = rate.burst.saturating_sub(remaining);
        Some(Passage {
            refused_until,
            remaining,
            full_in: missing.div_ceil(rate.per_second.max(1)),
        })
    }
}

fn after(now: Timestamp, wait: SignedDuration) -> Timestamp {
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}

impl Leases {
    fn pass(&self, key: &ApiKey, now: Timestamp) -> Option<Passage> {
        let mut leases = self.0.lock().ok()?;
        leases.get_mut(&key.id)?.pass(key.rate, now)
    }

    /// Keeps a fresh lease, and lets the first request pass on it.
    fn begin(&self, key: &ApiKey, mut lease: Lease, now: Timestamp) -> Passage {
        let passage = lease.pass(key.rate, now);
        if let Ok(mut leases) = self.0.lock() {
            leases.insert(key.id.clone(), lease);
        }
        passage.unwrap_or(Passage {
            refused_until: Some(lease.until),
            remaining: 0,
            full_in: key.rate.window(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(1_796_000_000_000 + millis).unwrap()
    }

    #[test]
    fn tokens_in_hand_pass_one_by_one_and_not_after_a_minute() {
        let mut lease = Lease::of(2, 488, at(0));
        let passage = lease.pass(Rate::USUAL, at(0)).unwrap();
        assert_eq!(
            (passage.refused_until, passage.remaining, passage.full_in),
            (None, 489, 1)
        );
        assert!(
            lease.pass(Rate::USUAL, at(-1)).is_none(),
            "the clock went back"
        );
        assert!(lease.pass(Rate::USUAL, at(60_000)).is_none());
        assert!(lease.pass(Rate::USUAL, at(59_999)).is_some());
        assert!(lease.pass(Rate::USUAL, at(59_999)).is_none());
    }

    #[test]
    fn an_empty_bucket_is_not_asked_before_it_can_have_a_portion() {
        let mut lease = Lease::of_nothing(Rate::USUAL, at(0), at(10));
        let refused = lease.pass(Rate::USUAL, at(99)).unwrap();
        assert_eq!(refused.refused_until, Some(at(100)));
        assert_eq!((refused.remaining, refused.full_in), (0, 5));
        assert!(lease.pass(Rate::USUAL, at(100)).is_none());
    }
}
