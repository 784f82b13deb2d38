//! The same request again under the same key of the caller's is answered as the first time.

use data_encoding::HEXLOWER;
use jiff::{SignedDuration, Timestamp};
use pesan_adapters::dynamodb::{Claim, Claimed};
use pesan_domain::ids::MerchantId;
use sha2::{Digest as _, Sha256};

pub use pesan_adapters::dynamodb::Answer;

use crate::{App, Failure};

/// A run is over, or dead, after this: twice what a function has.
const LOCK: SignedDuration = SignedDuration::from_secs(30);
/// How long an answer is kept.
const KEPT: SignedDuration = SignedDuration::from_hours(24);

/// Leave to run, which must be given back with [`finish`].
#[derive(Clone, Debug)]
pub struct Run {
    claim: Claim,
    is_again: bool,
}

/// What a run makes the ids of what it makes of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed {
    /// The same for every run under one claim: what a run that died has made, the next one finds by
    /// an id that is made of it.
    pub number: u128,
    /// Since when a run before this one may have made it; none where this one is the first.
    pub again_since: Option<Timestamp>,
}

impl Seed {
    /// Of a run under no claim.
    #[must_use]
    pub fn fresh() -> Self {
        Self {
            number: rand::random(),
            again_since: None,
        }
    }

    /// Whether a run before this one may have made it.
    #[must_use]
    pub fn is_again(&self) -> bool {
        self.again_since.is_some()
    }
}

impl Run {
    /// Its seed.
    #[must_use]
    pub fn seed(&self) -> Seed {
        Seed {
            number: self.claim.seed,
            again_since: self.is_again.then_some(self.claim.begun_at),
        }
    }
}

/// What came of a run.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It did something, and this was answered.
    Did(Answer),
    /// It did nothing.
    Nothing,
    /// Nobody knows, or what was answered is too large to be kept.
    Unknown,
}

/// What becomes of a request.
#[derive(Clone, Debug)]
pub enum Begun {
    /// It runs.
    Run(Run),
    /// It was answered before.
    Answered(Answer),
    /// It is running at this moment.
    Running {
        /// For so many seconds at most.
        seconds: u64,
    },
    /// The key was used for another request.
    Other,
}

/// Claims `key` of a merchant for a request whose hash is `fingerprint`.
///
/// # Errors
/// [`Failure::Unavailable`]
pub async fn begin(
    app: &App,
    merchant: &MerchantId,
    key: &str,
    fingerprint: String,
) -> Result<Begun, Failure> {
    let now = app.clock.now();
    let later = |wait| now.checked_add(wait).unwrap_or(now);
    let claim = Claim {
        source: "api",
        // The merchant and not the API key: a retry may come after the key was exchanged. A hash,
        // since callers may put anything into it.
        id: format!("{merchant}#{}", digest(&[key.as_bytes()])),
        fingerprint,
        owner: format!("{:032x}", rand::random::<u128>()),
        seed: rand::random(),
        locked_until: later(LOCK),
        kept_until: later(KEPT),
        begun_at: now,
    };
    Ok(match app.store.claim(claim, now).await? {
        Claimed::Ours { claim, is_again } => Begun::Run(Run { claim, is_again }),
        Claimed::Answered(answer) => Begun::Answered(answer),
        Claimed::Other => Begun::Other,
        Claimed::Running { until } => {
            let left = until.duration_since(now).as_millis().max(1);
            let seconds = u64::try_from(left).unwrap_or_default().div_ceil(1_000);
            Begun::Running { seconds }
        }
    })
}

/// Keeps the answer of a run that did something. One that did nothing lets the key go, unless a run
/// before it may have done something; one of which nobody knows leaves it to the next run of the same
/// request, which makes the same ids and finds what was made. That it could not be kept is no failure
/// of the request: the lock runs out, and the next run finds what this one made.
pub async fn finish(app: &App, run: Run, outcome: Outcome) {
    let kept = match outcome {
        Outcome::Did(answer) => app.store.answer_claim(&run.claim, &answer).await,
        Outcome::Nothing if !run.is_again => app.store.release_claim(&run.claim).await,
        Outcome::Nothing | Outcome::Unknown => {
            app.store.leave_claim(&run.claim, app.clock.now()).await
        }
    };
    if let Err(error) = kept {
        tracing::warn!(idempotency = "not kept", failure = %error);
    }
}

/// A hash over parts that cannot run into each other.
#[must_use]
pub fn digest(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
        hash.update(length.to_be_bytes());
        hash.update(part);
    }
    HEXLOWER.encode(&hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(digest(&[b"ab", b"c"]), digest(&[b"a", b"bc"]));
    }
}
