//! Settling what was set aside: once a batch, by the sender that ended it, or by whoever finds
//! later what became of it.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use pesan_adapters::dynamodb::{BatchRecord, MessageRecord, StoreError};
use pesan_domain::balance::{BatchId, Resolution};
use pesan_domain::ids::{EventId, MerchantId, MessageId};
use pesan_domain::merchant::Merchant;

use crate::{App, Failure, TRIES, event_id, step_aside};

/// When a batch is looked at that its sender left open: after the lease.
pub(super) const LOOKED_AT: SignedDuration = SignedDuration::from_mins(2);

/// When what is still open is looked at again.
const AGAIN: SignedDuration = SignedDuration::from_mins(15);

/// A batch is never open for so long: messages make no sense after three days.
const TOO_LONG: SignedDuration = SignedDuration::from_hours(24 * 8);

/// What a message says of the batch it was set aside in.
pub(super) fn resolution(batch: &BatchId, record: Option<&MessageRecord>) -> Resolution {
    record.map_or(Resolution::Open, |record| {
        Resolution::of(record.message.funds, record.batch.as_ref() == Some(batch))
    })
}

/// Settles what is known to be resolved of a batch, by the messages as the sender left them. What
/// cannot be written now is settled when the batch is looked at.
pub(super) async fn ended(
    app: &App,
    merchant: &Merchant,
    batch: &BatchRecord,
    known: &HashMap<MessageId, MessageRecord>,
) {
    let id = &batch.batch.id;
    let Some(settling) = batch
        .batch
        .settle(|message| resolution(id, known.get(message)))
    else {
        return;
    };
    let now = app.clock.now();
    let settled = app
        .store
        .settle_batch(merchant, batch, &settling, later(now), &event_id(now), now)
        .await;
    let settled = match settled {
        // A receipt had some of it settled meanwhile.
        Err(StoreError::Conflict) => settle(app, &merchant.id, id).await,
        settled => settled.map_err(Failure::from),
    };
    if let Err(error) = settled {
        tracing::warn!(merchant = %merchant.id, kind = "message", outcome = "not settled", %error);
    }
}

/// Looks at a batch and settles what is resolved of it.
///
/// # Errors
/// [`Failure::Unavailable`]
pub async fn settle(app: &App, merchant: &MerchantId, id: &BatchId) -> Result<(), Failure> {
    for nth in 1..=TRIES {
        match once(app, merchant, id).await {
            Err(StoreError::Conflict) => step_aside(nth).await,
            settled => return Ok(settled?),
        }
    }
    Err(Failure::Unavailable(
        "the batch is being written by others".to_owned(),
    ))
}

async fn once(app: &App, merchant: &MerchantId, id: &BatchId) -> Result<(), StoreError> {
    let Some(batch) = app.store.batch(merchant, id).await? else {
        return Ok(());
    };
    let open: Vec<MessageId> = batch
        .batch
        .open
        .iter()
        .map(|line| line.message.clone())
        .collect();
    let messages = app.store.messages(&open).await?;
    let known: HashMap<MessageId, MessageRecord> = messages
        .into_iter()
        .map(|(id, record)| Ok((id, record?)))
        .collect::<Result<_, StoreError>>()?;
    let now = app.clock.now();
    let settling = batch
        .batch
        .settle(|message| resolution(id, known.get(message)));
    let Some(settling) = settling else {
        if is_too_old(id, now) {
            tracing::error!(%merchant, kind = "message", alarm = "money stays set aside");
        }
        return app.store.batch_later(merchant, &batch, later(now)).await;
    };
    let Some(profile) = app.store.profile(merchant).await? else {
        return Err(StoreError::Broken("a batch of no merchant".to_owned()));
    };
    app.store
        .settle_batch(&profile, &batch, &settling, later(now), &event_id(now), now)
        .await
}

/// A batch's id begins with its time.
fn is_too_old(batch: &BatchId, now: Timestamp) -> bool {
    let limit = now.checked_sub(TOO_LONG).unwrap_or(now);
    batch.as_str() < EventId::time(limit).as_str()
}

fn later(now: Timestamp) -> Timestamp {
    now.checked_add(AGAIN).unwrap_or(now)
}
