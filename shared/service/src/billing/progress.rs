//! How far a run is.

use futures_util::future::try_join_all;
use jiff::{SignedDuration, Timestamp, Unit};
use pesan_adapters::dynamodb::{RunRecord, ShardRecord, StoreError, Tape};
use pesan_domain::billing::{self, Cell, Counts, Run, RunId, Shard, State, Symbol};
use pesan_domain::ids::MerchantId;
use pesan_domain::merchant::Merchant;

use super::tape::is_on;
use super::{BillingError, later, profile};
use crate::App;

/// Up to so many cells are counted anew for whoever asks: a query or two of each shard.
const COUNTED_ANEW: u64 = 1_000;

/// How far a run is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What it froze when it began.
    pub run: Run,
    /// The state of its least advanced shard.
    pub state: State,
    /// How many cells the heads have passed.
    pub head: u64,
    /// What the cells hold: of a tape of up to a thousand cells as it is now, of a longer one as the
    /// machines last saw it, which look again every quarter of an hour until they halt.
    pub counts: Counts,
    /// Each shard.
    pub shards: Vec<ShardProgress>,
    /// How many cells a second the heads pass; none where too little time has gone by to say.
    pub per_second: Option<u64>,
    /// When it is likely to have told everybody; none where nothing is known to tell by, and when it
    /// is over.
    pub ends_at: Option<Timestamp>,
}

/// How far a shard is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShardProgress {
    /// Which.
    pub number: u8,
    /// What its machine is doing.
    pub state: State,
    /// How many cells its head has passed.
    pub head: u64,
}

/// How far a run is.
///
/// # Errors
/// [`BillingError::UnknownMerchant`], [`BillingError::UnknownRun`]
pub async fn progress(
    app: &App,
    merchant: &MerchantId,
    run: RunId,
) -> Result<Progress, BillingError> {
    let profile = profile(app, merchant).await?;
    let found = app.store.run(merchant, run).await?;
    let (record, shards) = found.ok_or(BillingError::UnknownRun(run))?;
    let machines: Vec<Shard> = shards.iter().map(|record| record.shard.clone()).collect();
    let mut seen = billing::Progress::of(&machines);
    let is_scanned = match seen.state {
        State::Scan => false,
        State::Settle | State::Halt => true,
    };
    if is_scanned && seen.head <= COUNTED_ANEW {
        seen.counts = counted_anew(app, merchant, run).await?;
    }
    Ok(of(&profile, record, &shards, seen, app.clock.now()))
}

/// What the cells of a tape hold now.
async fn counted_anew(app: &App, merchant: &MerchantId, run: RunId) -> Result<Counts, StoreError> {
    let shards = Shard::all();
    let of_shard = shards.iter().map(|shard| Tape {
        merchant,
        period: run.period(),
        shard: shard.number,
    });
    let cells = of_shard.map(|tape| cells_of(app, tape));
    let cells = try_join_all(cells).await?;
    let on_it = cells.iter().flatten().filter(|cell| is_on(run, cell));
    Ok(on_it.map(|cell| cell.symbol(run.track())).collect())
}

/// All cells of a shard.
async fn cells_of(app: &App, tape: Tape<'_>) -> Result<Vec<Cell>, StoreError> {
    const PAGE: u16 = 500;
    let mut cells: Vec<Cell> = Vec::new();
    loop {
        let after = cells.last().map(|cell| cell.subscriber.clone());
        let page = app
            .store
            .cell_page(tape, after.as_ref(), true, PAGE)
            .await?;
        let is_over = page.is_last || page.cells.is_empty();
        cells.extend(page.cells);
        if is_over {
            return Ok(cells);
        }
    }
}

fn of(
    merchant: &Merchant,
    record: RunRecord,
    shards: &[ShardRecord],
    seen: billing::Progress,
    now: Timestamp,
) -> Progress {
    let billing::Progress {
        state,
        head,
        counts,
    } = seen;
    let per_second = per_second(&record.run, shards, head);
    let expected = record.expected.filter(|expected| *expected >= head);
    let to_scan = match (state, expected, per_second) {
        (State::Scan, Some(expected), Some(speed)) => {
            Some(seconds(expected.saturating_sub(head), speed))
        }
        (State::Scan, _, _) | (State::Halt, _, _) => None,
        (State::Settle, _, _) => Some(SignedDuration::ZERO),
    };
    let to_tell = seconds(
        counts.get(Symbol::C),
        merchant.messaging.whatsapp_per_second.into(),
    );
    Progress {
        ends_at: to_scan.map(|scan| {
            let told = later(record.run.begun_at, to_tell);
            let ends = later(now, scan).max(told).min(record.run.deadline.max(now));
            // It is a guess: no fractions of a second.
            ends.round(Unit::Second).unwrap_or(ends)
        }),
        run: record.run,
        state,
        head,
        counts,
        shards: shards.iter().map(of_shard).collect(),
        per_second,
    }
}

fn of_shard(record: &ShardRecord) -> ShardProgress {
    ShardProgress {
        number: record.shard.number,
        state: record.shard.state,
        head: record.shard.counts.total(),
    }
}

/// How fast the heads go, or went until the last of them had reached the end.
fn per_second(run: &Run, shards: &[ShardRecord], head: u64) -> Option<u64> {
    let until = shards
        .iter()
        .map(|record| record.scanned_at.unwrap_or(record.moved_at))
        .max()?;
    let took = until.duration_since(run.begun_at).as_millis();
    let took = u64::try_from(took).ok().filter(|millis| *millis > 0)?;
    head.saturating_mul(1_000).checked_div(took)
}

/// How long so many take at a speed.
fn seconds(cells: u64, per_second: u64) -> SignedDuration {
    let seconds = cells.div_ceil(per_second.max(1));
    SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX))
}
