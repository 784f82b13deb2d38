//! How fast a channel goes: instants at which to send, handed out to all who send on it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use pesan_adapters::dynamodb::{PaceRecord, StoreError, Surroundings};
use pesan_domain::ids::MerchantId;
use pesan_domain::message::Channel;
use pesan_domain::pace::{Limit, Pace, TELEGRAM_PER_SECOND, Taken};

use crate::{App, step_aside};

/// How far ahead a sender waits for its instants; who would wait longer comes back later.
const AHEAD: SignedDuration = SignedDuration::from_secs(3);

/// How often instants are asked for when others ask at the same time.
const TRIES: u32 = 12;

/// The instants of a batch.
#[derive(Clone, Copy, Debug)]
pub(super) enum Slots {
    /// So many, from the first on.
    Granted {
        count: u32,
        first: Timestamp,
        limit: Limit,
    },
    /// None soon.
    Later { at: Timestamp },
}

impl Slots {
    /// When the message of a place may go; none where there is no room for it.
    pub fn of(&self, place: u32) -> Option<Timestamp> {
        match self {
            Self::Granted {
                count,
                first,
                limit,
            } => (place < *count).then(|| limit.nth(*first, place)),
            Self::Later { .. } => None,
        }
    }

    /// When those without room are tried again.
    pub fn again_at(&self) -> Timestamp {
        match self {
            Self::Granted {
                count,
                first,
                limit,
            } => limit.nth(*first, *count),
            Self::Later { at } => *at,
        }
    }
}

/// Takes instants for so many messages.
///
/// # Errors
/// [`StoreError::Conflict`] where others were faster every time.
pub(super) async fn take(
    app: &App,
    merchant: &MerchantId,
    channel: Channel,
    around: &Surroundings,
    wanted: u32,
) -> Result<Slots, StoreError> {
    let per_second = match (channel, &around.merchant) {
        (Channel::WhatsApp, Some(merchant)) => merchant.messaging.whatsapp_per_second,
        (Channel::Telegram, _) | (Channel::WhatsApp, None) => TELEGRAM_PER_SECOND,
    };
    let limit = Limit::new(per_second).map_err(|error| StoreError::Broken(error.to_string()))?;
    let mut record = around.pace;
    for nth in 1..=TRIES {
        let taken = limit.take(record.pace, wanted, AHEAD, app.clock.now());
        let (count, first, pace) = match taken {
            Taken::Later { at } => return Ok(Slots::Later { at }),
            Taken::Granted { count, first, pace } => (count, first, pace),
        };
        match store(app, merchant, channel, record, pace).await {
            Err(StoreError::Conflict) => {
                step_aside(nth).await;
                record = load(app, merchant, channel).await?;
            }
            stored => {
                return stored.map(|()| Slots::Granted {
                    count,
                    first,
                    limit,
                });
            }
        }
    }
    Err(StoreError::Conflict)
}

/// Slows a channel down or lets it go on, by what its vendor did with a batch. It only spares the
/// vendor: where it cannot be stored, the next batch says the same.
pub(super) async fn learn(
    app: &App,
    merchant: &MerchantId,
    channel: Channel,
    kept: PaceRecord,
    learned: impl Fn(Pace, Timestamp) -> Pace,
) {
    let mut record = kept;
    for nth in 1..=TRIES {
        let next = learned(record.pace, app.clock.now());
        if next == record.pace {
            return;
        }
        match store(app, merchant, channel, record, next).await {
            Err(StoreError::Conflict) => {
                step_aside(nth).await;
                match load(app, merchant, channel).await {
                    Ok(fresh) => record = fresh,
                    Err(error) => return not_stored(&error),
                }
            }
            Err(error) => return not_stored(&error),
            Ok(()) => return,
        }
    }
}

fn not_stored(error: &StoreError) {
    tracing::warn!(kind = "message", outcome = "pace not stored", %error);
}

async fn store(
    app: &App,
    merchant: &MerchantId,
    channel: Channel,
    before: PaceRecord,
    pace: Pace,
) -> Result<(), StoreError> {
    let next = PaceRecord {
        pace,
        version: before.version.saturating_add(1),
    };
    app.store.set_pace(merchant, channel, next).await
}

async fn load(
    app: &App,
    merchant: &MerchantId,
    channel: Channel,
) -> Result<PaceRecord, StoreError> {
    let found = app.store.pace(merchant, channel).await?;
    Ok(found.unwrap_or(PaceRecord {
        pace: Pace::new(app.clock.now()),
        version: 0,
    }))
}

/// Waits for an instant of a batch: a moment, never longer than [`AHEAD`].
pub(super) async fn wait_for(app: &App, instant: Timestamp) {
    let wait = instant.duration_since(app.clock.now()).min(AHEAD);
    if let Ok(wait) = Duration::try_from(wait)
        && !wait.is_zero()
    {
        tokio::time::sleep(wait).await;
    }
}
