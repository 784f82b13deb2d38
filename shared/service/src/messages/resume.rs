//! A merchant's channel goes on.

use pesan_adapters::dynamodb::{MessageRecord, Moved, StoreError};
use pesan_adapters::events::Envelope;
use pesan_domain::ids::{MerchantId, MessageId};
use pesan_domain::message::{Channel, HoldReason, Input};

use crate::{App, Failure, event_id};

/// Ends a channel's pause and releases what waited for that; how many. The same again releases
/// what an earlier one broke off at.
///
/// # Errors
/// [`Failure::Unavailable`]
pub async fn resume(app: &App, merchant: &MerchantId, channel: Channel) -> Result<usize, Failure> {
    app.store.end_pause(merchant, channel).await?;
    let waiting = app
        .store
        .waiting_messages(merchant, HoldReason::Paused)
        .await?;
    let mut released = 0_usize;
    for record in load(app, &waiting).await? {
        if record.message.channel == channel && release(app, record).await? {
            released = released.saturating_add(1);
        }
    }
    Ok(released)
}

async fn load(app: &App, ids: &[MessageId]) -> Result<Vec<MessageRecord>, Failure> {
    let found = app.store.messages(ids).await?;
    let mut found: Vec<MessageRecord> = found.into_values().collect::<Result<_, StoreError>>()?;
    found.sort_by_key(|record| record.message.made_at);
    Ok(found)
}

async fn release(app: &App, record: MessageRecord) -> Result<bool, Failure> {
    let now = app.clock.now();
    let released = record
        .message
        .clone()
        .step(Input::Release(HoldReason::Paused), now);
    let Ok(step) = released else {
        return Ok(false);
    };
    let envelope = Envelope::message_queued(event_id(now), &step.next, now);
    let after = MessageRecord {
        message: step.next,
        subject: record.subject,
    };
    let moved = Moved {
        before: &record.message,
        after: &after,
        ends_wait: Some(HoldReason::Paused),
        waits: None,
        pause: None,
        unreachable: false,
        announced: Some(&envelope),
    };
    match app.store.move_message(&moved).await {
        Ok(()) => Ok(true),
        // Somebody else moved it: it waits no more.
        Err(StoreError::Conflict) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
