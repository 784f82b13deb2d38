//! Beginning runs.

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;
use pesan_adapters::dynamodb::{RunRecord, ShardRecord, StoreError};
use pesan_adapters::events::Envelope;
use pesan_domain::billing::{NewRun, Progress, Run, RunId, Shard};
use pesan_domain::calendar::Zone;
use pesan_domain::ids::MerchantId;
use pesan_domain::merchant::Merchant;

use super::{BillingError, late};
use crate::{App, Failure, event_id};

/// Merchants whose runs are begun at the same time.
const SIDE_BY_SIDE: usize = 16;

/// What a schedule begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The bills of the month.
    Bills,
    /// The reminders of the day.
    Reminders,
}

/// Begins the runs that are due at an event's own time, of every merchant of a zone; how many
/// began. Those that had begun before are let be, so that the same event again does nothing.
///
/// # Errors
/// [`Failure::Unavailable`] where a run could not be begun: the others were, and the same event
/// again begins the rest.
pub async fn begin_zone(
    app: &App,
    zone: Zone,
    kind: Kind,
    scheduled_at: Timestamp,
) -> Result<u64, Failure> {
    let merchants = app.store.merchants_in(zone).await?;
    let begun: Vec<_> = merchants
        .iter()
        .map(async |merchant| {
            let begun = begin_merchant(app, merchant, kind, scheduled_at).await;
            begun.map_err(|error| (merchant.clone(), error))
        })
        .collect();
    let begun: Vec<Result<u64, (MerchantId, BillingError)>> = stream::iter(begun)
        .buffer_unordered(SIDE_BY_SIDE)
        .collect()
        .await;
    let (mut count, mut failed) = (0_u64, None);
    for runs in begun {
        match runs {
            Ok(runs) => count = count.saturating_add(runs),
            Err((merchant, error)) => {
                tracing::error!(merchant = %merchant, kind = "billing", outcome = "not begun", %error);
                failed = Some(error);
            }
        }
    }
    tracing::info!(
        kind = "billing",
        outcome = "begun",
        zone = zone.as_str(),
        runs = count
    );
    failed.map_or(Ok(count), |error| {
        Err(Failure::Unavailable(error.to_string()))
    })
}

async fn begin_merchant(
    app: &App,
    id: &MerchantId,
    kind: Kind,
    scheduled_at: Timestamp,
) -> Result<u64, BillingError> {
    let Some(merchant) = app.store.profile(id).await? else {
        return Ok(0);
    };
    let runs = match kind {
        // Without plans there is nobody to bill.
        Kind::Bills if app.store.plans(id).await?.all().is_empty() => vec![],
        Kind::Bills => vec![RunId::bill(scheduled_at, merchant.zone)],
        Kind::Reminders => reminders(app, &merchant, scheduled_at).await?,
    };
    let mut begun = 0_u64;
    for run in runs {
        let begins = begin_run(app, &merchant, run, scheduled_at).await?;
        if !begins && kind == Kind::Bills {
            late::tell(app, id, run, scheduled_at).await?;
        }
        begun = begun.saturating_add(begins.into());
    }
    Ok(begun)
}

/// The reminder runs of a day, of the periods that were billed.
async fn reminders(
    app: &App,
    merchant: &Merchant,
    scheduled_at: Timestamp,
) -> Result<Vec<RunId>, BillingError> {
    let runs = RunId::reminders(&merchant.reminders, scheduled_at, merchant.zone);
    let bill_run = |run: &RunId| RunId::Bill {
        period: run.period(),
    };
    let wanted: Vec<RunId> = runs.iter().map(bill_run).collect();
    let billed = app.store.runs(&merchant.id, &wanted).await?;
    let is_billed = |run: &RunId| billed.iter().any(|one| one.run.id == bill_run(run));
    Ok(runs.into_iter().filter(is_billed).collect())
}

/// Begins a run; whether it did, and had not before.
pub(super) async fn begin_run(
    app: &App,
    merchant: &Merchant,
    id: RunId,
    scheduled_at: Timestamp,
) -> Result<bool, BillingError> {
    let now = app.clock.now();
    let run = new_run(app, merchant, id, scheduled_at, now).await?;
    let record = RunRecord {
        expected: expected(app, &run).await?,
        run,
    };
    let shards: Vec<ShardRecord> = Shard::all()
        .into_iter()
        .map(|shard| ShardRecord {
            shard,
            moved_at: now,
            scanned_at: None,
            is_stopped: false,
        })
        .collect();
    let goes_on = |record: &ShardRecord| {
        let number = record.shard.number;
        Envelope::billing_continue(event_id(now), &merchant.id, id, number, now)
    };
    let events: Vec<Envelope> = shards.iter().map(goes_on).collect();
    match app.store.begin_run(&record, &shards, &events).await {
        Ok(()) => {
            tracing::info!(merchant = %merchant.id, kind = "billing", outcome = "begun", run = %id);
            Ok(true)
        }
        Err(StoreError::Conflict) => {
            tracing::info!(merchant = %merchant.id, kind = "billing", outcome = "begun before", run = %id);
            Ok(false)
        }
        Err(error) => Err(error.into()),
    }
}

/// A run with what it freezes.
pub(super) async fn new_run(
    app: &App,
    merchant: &Merchant,
    id: RunId,
    scheduled_at: Timestamp,
    now: Timestamp,
) -> Result<Run, BillingError> {
    let plans = app.store.plans(&merchant.id).await?;
    let prices = plans.all().iter();
    let prices: BTreeMap<_, _> = prices
        .map(|plan| (plan.id.clone(), plan.monthly_fee))
        .collect();
    let new = NewRun {
        id,
        merchant: merchant.id.clone(),
        zone: merchant.zone,
        scheduled_at,
        prices,
        reminders: merchant.reminders.clone(),
    };
    Ok(Run::begin(new, now))
}

/// How many cells a bill run is likely to have: those of the month before.
async fn expected(app: &App, run: &Run) -> Result<Option<u64>, BillingError> {
    let before = match run.id {
        RunId::Bill { period } => RunId::Bill {
            period: period.plus(-1),
        },
        RunId::Reminder { .. } => return Ok(None),
    };
    let found = app.store.run(&run.merchant, before).await?;
    Ok(found.map(|(_, shards)| {
        let shards: Vec<Shard> = shards.into_iter().map(|record| record.shard).collect();
        Progress::of(&shards).head
    }))
}
