//! How far a run is.

use futures_util::future::try_join_all;
use jiff::{SignedDuration, Timestamp, Unit};
use pesan_adapters::dynamodb::{RunRecord, ShardRecord, StoreError, Tape};
use pesan_domain::billing::{self, Cell, Counts, Run, RunId, SHARDS, Shard, State, Symbol};
use pesan_domain::ids::MerchantId;

use super::late::came_later;
use super::obstacles::{Obstacle, obstacles};
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
    /// How many cells it is likely to have: those of the month before. None where there were none, and
    /// of a reminder's run.
    pub expected: Option<u64>,
    /// What the cells hold: of a tape of up to a thousand cells as it is now, of a longer one as the
    /// machines last saw it, which look again every quarter of an hour until they halt.
    pub counts: Counts,
    /// Each shard.
    pub shards: Vec<ShardProgress>,
    /// How many cells a second the heads pass; none where too little time has gone by to say, and
    /// where it is less than one.
    pub per_second: Option<u64>,
    /// When it is likely to have told everybody; none where nothing is known to tell by, and when
    /// everybody is told.
    pub ends_at: Option<Timestamp>,
    /// What keeps its messages from leaving now; nothing where none is on its way.
    pub held_up_by: Vec<Obstacle>,
    /// How many subscribers came after it within its month, whom no run bills for it; none where it was
    /// not begun before the month's last day, while it scans, and of a tape of more than a thousand cells.
    pub came_later: Option<u64>,
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
    /// Whether it met what its table has no row for, and waits for [`super::resume`].
    pub is_stopped: bool,
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
    let now = app.clock.now();
    let is_new = is_scanned && is_short(app, &record.run, seen.head).await?;
    if is_new {
        seen.counts = counted_anew(app, &record.run).await?;
    }
    let came_later = if is_new && record.run.is_early() {
        Some(came_later(app, &record.run, Timestamp::MAX).await?)
    } else {
        None
    };
    let held_up_by = if seen.counts.get(Symbol::C) > 0 {
        obstacles(app, &profile, run.track()).await?
    } else {
        Vec::new()
    };
    let look = Look {
        seen: &seen,
        is_new,
        messages_per_second: profile.messaging.whatsapp_per_second.into(),
        now,
    };
    let ends_at = look.ends_at(&record, &shards);
    Ok(Progress {
        state: seen.state,
        head: seen.head,
        expected: record.expected,
        counts: seen.counts,
        shards: shards.iter().map(of_shard).collect(),
        per_second: per_second(&record.run, &shards, seen.head),
        ends_at,
        held_up_by,
        came_later,
        run: record.run,
    })
}

/// Whether all cells of its period are few enough to be read for whoever asks. On a reminder's tape
/// are some of them, and all are read to find those.
async fn is_short(app: &App, run: &Run, head: u64) -> Result<bool, StoreError> {
    let cells = match run.id {
        RunId::Bill { .. } => Some(head),
        RunId::Reminder { period, .. } => {
            let bills = app.store.run(&run.merchant, RunId::Bill { period }).await?;
            bills.map(|(_, shards)| {
                shards
                    .iter()
                    .map(|record| record.shard.counts.total())
                    .sum()
            })
        }
    };
    Ok(cells.is_some_and(|cells| cells <= COUNTED_ANEW))
}

/// What the cells of a tape hold now.
async fn counted_anew(app: &App, run: &Run) -> Result<Counts, StoreError> {
    let of_shard = (0..SHARDS).map(|shard| Tape {
        merchant: &run.merchant,
        period: run.id.period(),
        shard,
    });
    let cells = of_shard.map(|tape| cells_of(app, tape));
    let cells = try_join_all(cells).await?;
    let on_it = cells.iter().flatten();
    let on_it = on_it.filter(|cell| run.is_on_tape(cell));
    Ok(on_it.map(|cell| cell.symbol(run.id.track())).collect())
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

/// What was seen of a run at a moment.
struct Look<'a> {
    seen: &'a billing::Progress,
    /// Whether the counts are as the cells are now.
    is_new: bool,
    messages_per_second: u64,
    now: Timestamp,
}

impl Look<'_> {
    /// When everybody is likely to be told.
    fn ends_at(&self, record: &RunRecord, shards: &[ShardRecord]) -> Option<Timestamp> {
        let (run, seen, now) = (&record.run, self.seen, self.now);
        let on_their_way = seen.counts.get(Symbol::C);
        let takes = |messages| seconds(messages, self.messages_per_second);
        let ends = match seen.state {
            State::Scan => {
                let expected = record.expected.filter(|expected| *expected >= seen.head)?;
                let cells = per_second(run, shards, seen.head)?;
                let scanned = later(now, seconds(expected.saturating_sub(seen.head), cells));
                // As many of those to come have a message as of those that were passed.
                let all = on_their_way
                    .saturating_mul(expected)
                    .checked_div(seen.head)?;
                scanned.max(later(run.begun_at, takes(all)))
            }
            State::Settle if on_their_way == 0 => return None,
            State::Settle if self.is_new => later(now, takes(on_their_way)),
            // Those that were on their way when the heads passed them.
            State::Settle => {
                let told = later(run.begun_at, takes(on_their_way));
                Some(told).filter(|told| *told > now)?
            }
            State::Halt => return None,
        };
        // It is a guess: no fractions of a second.
        let ends = ends.min(run.deadline.max(now));
        Some(ends.round(Unit::Second).unwrap_or(ends))
    }
}

fn of_shard(record: &ShardRecord) -> ShardProgress {
    ShardProgress {
        number: record.shard.number,
        state: record.shard.state,
        head: record.shard.counts.total(),
        is_stopped: record.is_stopped,
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
    let speed = head.saturating_mul(1_000).checked_div(took);
    speed.filter(|speed| *speed > 0)
}

/// How long so many take at a speed.
fn seconds(cells: u64, per_second: u64) -> SignedDuration {
    let seconds = cells.div_ceil(per_second.max(1));
    SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use pesan_domain::billing::{NewRun, Period, Reminders};
    use pesan_domain::calendar::Zone;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    const BEGUN: &str = "2026-11-30T02:00:00Z";

    /// A run of 10 messages a second with so many cells on their way, seen so many seconds after it
    /// was begun: how many seconds it is likely to take from then.
    fn left(state: State, head: u64, open: u64, is_new: bool, after: i64) -> Option<i64> {
        let new = NewRun {
            id: RunId::Bill {
                period: Period::parse("2026-11").unwrap(),
            },
            merchant: MerchantId::parse("demo").unwrap(),
            zone: Zone::Jakarta,
            scheduled_at: at(BEGUN),
            prices: [].into(),
            reminders: Reminders::default(),
        };
        let record = RunRecord {
            run: Run::begin(new, at(BEGUN)),
            expected: Some(1_000),
        };
        let now = at(BEGUN) + SignedDuration::from_secs(after);
        let mut counts = Counts::default();
        counts.add_many(Symbol::C, open);
        counts.add_many(Symbol::A, head - open);
        let seen = billing::Progress {
            state,
            head,
            counts,
        };
        let shards = [ShardRecord {
            shard: Shard::new(0),
            moved_at: now,
            scanned_at: None,
            is_stopped: false,
        }];
        let look = Look {
            seen: &seen,
            is_new,
            messages_per_second: 10,
            now,
        };
        let ends = look.ends_at(&record, &shards)?;
        Some(ends.duration_since(now).as_secs())
    }

    #[test]
    fn the_end_is_told_by_what_is_on_its_way_and_still_to_come() {
        // Half of the messages are out: as long again, and not now.
        assert_eq!(left(State::Settle, 1_000, 500, true, 50), Some(50));
        assert_eq!(left(State::Settle, 1_000, 0, true, 100), None);
        // 200 of 1,000 passed in 2 seconds: the messages of all take 100 since the beginning.
        assert_eq!(left(State::Scan, 200, 200, false, 2), Some(98));
        assert_eq!(left(State::Scan, 200, 100, false, 2), Some(48));
        // Slow heads: 800 cells more at 2 a second.
        assert_eq!(left(State::Scan, 200, 200, false, 100), Some(400));
        // Counts of an hour ago tell nothing once all of it should be out.
        assert_eq!(left(State::Settle, 1_000, 1_000, false, 40), Some(60));
        assert_eq!(left(State::Settle, 1_000, 1_000, false, 100), None);
        assert_eq!(left(State::Halt, 1_000, 0, true, 100), None);
    }

    #[test]
    fn less_than_one_a_second_is_no_speed() {
        assert_eq!(left(State::Scan, 50, 50, false, 100), None);
    }
}
