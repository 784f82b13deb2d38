//! Having a run go on that stands still.

use jiff::{SignedDuration, Timestamp};
use pesan_adapters::dynamodb::{GoesOn, ShardRecord};
use pesan_adapters::events::Envelope;
use pesan_domain::billing::{LOOK_AGAIN, RunId, State};
use pesan_domain::ids::MerchantId;

use super::{BillingError, later};
use crate::{App, event_id};

/// A machine that waits looks again within a quarter of an hour, and one that scans saves its head
/// every few seconds: one that has not moved for so much longer is woken by nothing.
const SLACK: SignedDuration = SignedDuration::from_mins(10);

/// Has the shards of a run go on that were stopped, or that nothing has moved for too long; which they
/// are. The others go on by themselves, and are let be.
///
/// # Errors
/// [`BillingError::UnknownRun`], [`BillingError::Unavailable`] where another drives a shard after all.
pub async fn resume(app: &App, merchant: &MerchantId, run: RunId) -> Result<Vec<u8>, BillingError> {
    let found = app.store.run(merchant, run).await?;
    let (_, shards) = found.ok_or(BillingError::UnknownRun(run))?;
    let now = app.clock.now();
    let mut resumed = Vec::new();
    for record in shards.iter().filter(|record| stands_still(record, now)) {
        let number = record.shard.number;
        let next = ShardRecord {
            shard: record.shard.released(),
            moved_at: now,
            is_stopped: false,
            ..record.clone()
        };
        let event = Envelope::billing_continue(event_id(now), merchant, run, number, now);
        let goes_on = GoesOn::By(&event);
        app.store.save_shard(merchant, run, &next, goes_on).await?;
        resumed.push(number);
    }
    Ok(resumed)
}

fn stands_still(record: &ShardRecord, now: Timestamp) -> bool {
    let moves_by = later(later(record.moved_at, LOOK_AGAIN), SLACK);
    match record.shard.state {
        State::Halt => false,
        State::Scan | State::Settle => record.is_stopped || moves_by < now,
    }
}
