//! Runs: what each froze when it began, and where its machines stand.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::TransactWriteItem;
use jiff::Timestamp;
use pesan_domain::billing::{Counts, Holder, Lease, Run, RunId, Shard, State, Symbol};
use pesan_domain::calendar::Zone;
use pesan_domain::ids::{MerchantId, PlanId, SubscriberId};
use pesan_domain::money::Rupiah;
use serde::{Deserialize, Serialize};

use super::due::DueKind;
use super::keys::Key;
use super::reservation::sort_key;
use super::rows::{Keyed, reminder_days, reminders};
use super::{Item, Places, Store, StoreError, broken, from_item, keys, outbox_item, to_item};
use crate::events::Envelope;

/// A run as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRecord {
    /// What it froze.
    pub run: Run,
    /// How many cells it is likely to have: those of the period before, where there was one.
    pub expected: Option<u64>,
}

/// The machine on a shard as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardRecord {
    /// The machine.
    pub shard: Shard,
    /// When it was last saved.
    pub moved_at: Timestamp,
    /// When its head reached the end of the tape.
    pub scanned_at: Option<Timestamp>,
    /// Whether it met what no row of the table is for: nothing wakes it then.
    pub is_stopped: bool,
}

/// What happens to a shard in the commit that saves it.
#[derive(Clone, Copy, Debug)]
pub enum GoesOn<'a> {
    /// Nothing: the one who saves it drives on, or it is over.
    ByItself,
    /// Another invocation is called by this event.
    By(&'a Envelope),
    /// It is woken then.
    At(Timestamp),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct RunRow {
    merchant: String,
    run: String,
    zone: String,
    /// In milliseconds, as the other times.
    scheduled_at: i64,
    begun_at: i64,
    deadline: i64,
    prices: BTreeMap<String, u64>,
    reminders: Vec<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expected: Option<u64>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct LeaseRow {
    holder: String,
    until: i64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct ShardRow {
    number: u8,
    state: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    head: Option<String>,
    counts: BTreeMap<String, u64>,
    settled: BTreeMap<String, u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lease: Option<LeaseRow>,
    moved_at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scanned_at: Option<i64>,
    #[serde(default)]
    stopped: bool,
    version: u64,
}

fn millis(at: Timestamp) -> i64 {
    at.as_millisecond()
}

fn moment(millis: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_millisecond(millis).map_err(broken)
}

impl From<&RunRecord> for RunRow {
    fn from(record: &RunRecord) -> Self {
        let run = &record.run;
        let price = |(plan, price): (&PlanId, &Rupiah)| (plan.to_string(), price.get());
        Self {
            merchant: run.merchant.to_string(),
            run: run.id.to_string(),
            zone: run.zone.as_str().to_owned(),
            scheduled_at: millis(run.scheduled_at),
            begun_at: millis(run.begun_at),
            deadline: millis(run.deadline),
            prices: run.prices.iter().map(price).collect(),
            reminders: reminder_days(&run.reminders),
            expected: record.expected,
        }
    }
}

impl RunRow {
    fn record(&self) -> Result<RunRecord, StoreError> {
        let price = |(plan, price): (&String, &u64)| {
            let plan = PlanId::parse(plan).map_err(broken)?;
            Ok::<_, StoreError>((plan, Rupiah::new(*price)))
        };
        Ok(RunRecord {
            run: Run {
                id: RunId::parse(&self.run).map_err(broken)?,
                merchant: MerchantId::parse(&self.merchant).map_err(broken)?,
                zone: Zone::parse(&self.zone).map_err(broken)?,
                scheduled_at: moment(self.scheduled_at)?,
                begun_at: moment(self.begun_at)?,
                deadline: moment(self.deadline)?,
                prices: self.prices.iter().map(price).collect::<Result<_, _>>()?,
                reminders: reminders(&self.reminders)?,
            },
            expected: self.expected,
        })
    }
}

/// Those that no cell holds are left out.
fn counts_row(counts: &Counts) -> BTreeMap<String, u64> {
    let held = counts.iter().filter(|(_, cells)| *cells > 0);
    held.map(|(symbol, cells)| (symbol.name().to_owned(), cells))
        .collect()
}

fn counts(row: &BTreeMap<String, u64>) -> Result<Counts, StoreError> {
    let mut counts = Counts::default();
    for (symbol, cells) in row {
        counts.add_many(Symbol::parse(symbol).map_err(broken)?, *cells);
    }
    Ok(counts)
}

impl From<&ShardRecord> for ShardRow {
    fn from(record: &ShardRecord) -> Self {
        let shard = &record.shard;
        Self {
            number: shard.number,
            state: shard.state.name().to_owned(),
            head: shard.head.as_ref().map(SubscriberId::to_string),
            counts: counts_row(&shard.counts),
            settled: counts_row(&shard.settled),
            lease: shard.lease.as_ref().map(|lease| LeaseRow {
                holder: lease.holder.as_str().to_owned(),
                until: millis(lease.until),
            }),
            moved_at: millis(record.moved_at),
            scanned_at: record.scanned_at.map(millis),
            stopped: record.is_stopped,
            version: shard.version,
        }
    }
}

impl ShardRow {
    fn record(&self) -> Result<ShardRecord, StoreError> {
        let lease = self.lease.as_ref().map(|row| {
            Ok::<_, StoreError>(Lease {
                holder: Holder::new(&row.holder).map_err(broken)?,
                until: moment(row.until)?,
            })
        });
        let head = self.head.as_deref().map(SubscriberId::parse).transpose();
        Ok(ShardRecord {
            shard: Shard {
                number: self.number,
                state: State::parse(&self.state).map_err(broken)?,
                head: head.map_err(broken)?,
                counts: counts(&self.counts)?,
                settled: counts(&self.settled)?,
                lease: lease.transpose()?,
                version: self.version,
            },
            moved_at: moment(self.moved_at)?,
            scanned_at: self.scanned_at.map(moment).transpose()?,
            is_stopped: self.stopped,
        })
    }
}

fn run(item: Item) -> Result<RunRecord, StoreError> {
    from_item::<Keyed<RunRow>>(item)?.row.record()
}

fn shard(item: Item) -> Result<ShardRecord, StoreError> {
    from_item::<Keyed<ShardRow>>(item)?.row.record()
}

impl Store {
    /// Begins a run: its row, its shards, and an event for each that has it driven.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where it has begun before.
    pub async fn begin_run(
        &self,
        record: &RunRecord,
        shards: &[ShardRecord],
        events: &[Envelope],
    ) -> Result<(), StoreError> {
        let Run { merchant, id, .. } = &record.run;
        let row = Keyed::new(keys::run(merchant, *id), RunRow::from(record));
        let mut writes = vec![self.put_new(to_item(&row)?)?];
        for record in shards {
            writes.push(self.put(shard_item(merchant, *id, record)?)?);
        }
        for envelope in events {
            writes.push(self.put(outbox_item(envelope)?)?);
        }
        self.transact(writes, Places::default()).await
    }

    /// A run with its shards, by number; none where it has not begun.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn run(
        &self,
        merchant: &MerchantId,
        id: RunId,
    ) -> Result<Option<(RunRecord, Vec<ShardRecord>)>, StoreError> {
        let (mut found, mut shards) = (None, Vec::new());
        for item in self.partition(keys::run(merchant, id).pk).await? {
            if sort_key(&item) == keys::RUN {
                found = Some(run(item)?);
            } else {
                shards.push(shard(item)?);
            }
        }
        Ok(found.map(|run| (run, shards)))
    }

    /// A run with one of its shards, in one read; none where it has not begun.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn run_shard(
        &self,
        merchant: &MerchantId,
        id: RunId,
        number: u8,
    ) -> Result<Option<(RunRecord, ShardRecord)>, StoreError> {
        let wanted = [
            keys::run(merchant, id),
            keys::run_shard(merchant, id, number),
        ];
        let (mut found, mut of_shard) = (None, None);
        for item in self
            .batch_get(wanted.iter().map(Key::item).collect())
            .await?
        {
            if sort_key(&item) == keys::RUN {
                found = Some(run(item)?);
            } else {
                of_shard = Some(shard(item)?);
            }
        }
        Ok(found.zip(of_shard))
    }

    /// Which of these runs have begun, in one read a hundred.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn runs(
        &self,
        merchant: &MerchantId,
        ids: &[RunId],
    ) -> Result<Vec<RunRecord>, StoreError> {
        let mut wanted: Vec<Key> = ids.iter().map(|id| keys::run(merchant, *id)).collect();
        wanted.sort();
        wanted.dedup();
        let items = self.batch_get(wanted.iter().map(Key::item).collect());
        items.await?.into_iter().map(run).collect()
    }

    /// Saves a shard over the version before it, with how it goes on.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where another drives it.
    pub async fn save_shard(
        &self,
        merchant: &MerchantId,
        id: RunId,
        record: &ShardRecord,
        goes_on: GoesOn<'_>,
    ) -> Result<(), StoreError> {
        let item = shard_item(merchant, id, record)?;
        let before = record.shard.version.saturating_sub(1);
        let beside: TransactWriteItem = match goes_on {
            GoesOn::ByItself => return self.put_alone_over(item, before).await,
            GoesOn::By(envelope) => self.put(outbox_item(envelope)?)?,
            GoesOn::At(at) => {
                let kind = DueKind::Run(merchant.clone(), id, record.shard.number);
                self.due_put(&kind, at)?
            }
        };
        let writes = vec![self.put_over(item, before)?, beside];
        self.transact(writes, Places::default()).await
    }
}

fn shard_item(merchant: &MerchantId, id: RunId, record: &ShardRecord) -> Result<Item, StoreError> {
    let key = keys::run_shard(merchant, id, record.shard.number);
    to_item(&Keyed::new(key, ShardRow::from(record)))
}
