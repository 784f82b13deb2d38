//! Who came after the run of their month was begun: no run bills them for it.

use futures_util::future::try_join_all;
use jiff::{SignedDuration, Timestamp};
use pesan_adapters::dynamodb::StoreError;
use pesan_domain::billing::{Run, RunId, SHARDS};
use pesan_domain::ids::MerchantId;

use super::later;
use crate::App;

/// How many subscribers came after a run was begun and before `until`, within its month.
pub(super) async fn came_later(app: &App, run: &Run, until: Timestamp) -> Result<u64, StoreError> {
    let from = run.members_before();
    let until = until.min(run.id.period().ends_at(run.zone));
    if from >= until {
        return Ok(0);
    }
    let (from, until) = (whole_second(from), whole_second(until));
    let of_shard = (0..SHARDS).map(|shard| {
        app.store
            .subscribers_made(&run.merchant, shard, from, until)
    });
    let counts = try_join_all(of_shard).await?;
    Ok(counts.into_iter().fold(0, u64::saturating_add))
}

/// Whole seconds are kept of when a subscriber was made: the first that is not before `at`.
fn whole_second(at: Timestamp) -> Timestamp {
    if at.subsec_nanosecond() == 0 {
        return at;
    }
    let second = Timestamp::from_second(at.as_second()).unwrap_or(at);
    later(second, SignedDuration::from_secs(1))
}

/// A schedule finds that somebody began its run before it. Who came since then is on no tape, and
/// somebody must know.
pub(super) async fn tell(
    app: &App,
    merchant: &MerchantId,
    id: RunId,
    scheduled_at: Timestamp,
) -> Result<(), StoreError> {
    let Some(record) = app.store.runs(merchant, &[id]).await?.pop() else {
        return Ok(());
    };
    let count = came_later(app, &record.run, scheduled_at).await?;
    if count > 0 {
        tracing::error!(
            merchant = %merchant,
            kind = "billing",
            outcome = "begun before",
            alarm = "subscribers not billed",
            run = %id,
            subscribers = count,
        );
    }
    Ok(())
}
