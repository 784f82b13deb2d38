use jiff::Timestamp;
use pesan_domain::billing::RunId;
use pesan_domain::ids::{BatchId, MerchantId, MessageId, OrderId};
use pesan_domain::payment::Payment;
use serde::{Deserialize, Serialize};

use super::keys::Key;
use super::reservation::sort_key;
use super::{Item, Places, Store, StoreError, broken, keys, outbox_item, to_item};
use crate::events::Envelope;
use aws_sdk_dynamodb::types::TransactWriteItem;

/// What is woken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DueKind {
    /// A message is to be looked at.
    Message(MessageId),
    /// Midtrans is to be asked about a payment that is not known to be paid.
    Payment(MerchantId, OrderId),
    /// Midtrans is to be asked whether a payment's money is still there.
    Paid(MerchantId, OrderId),
    /// What is resolved of a batch of messages is to be settled.
    Batch(MerchantId, BatchId),
    /// Messages of a merchant that wait for something may go on.
    Release(MerchantId),
    /// A run's machine on this shard is to look again.
    Run(MerchantId, RunId, u8),
    /// Something that this version knows nothing of.
    Unknown,
}

/// Something whose time has come.
#[derive(Clone, Debug)]
pub struct Due {
    key: Key,
    /// Since when.
    pub since: Timestamp,
    /// When it was first due, before it was put off.
    pub first: Timestamp,
    /// What.
    pub kind: DueKind,
}

/// What is due and when stands in the key.
#[derive(Default, Serialize, Deserialize)]
struct DueRow {
    /// When it was first due, in seconds, where it was put off since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first: Option<i64>,
}

const MESSAGE: &str = "message";
const PAYMENT: &str = "payment";
const PAID: &str = "paid";
const BATCH: &str = "batch";
const RELEASE: &str = "release";
const RUN: &str = "run";

impl DueKind {
    /// Its name, and the object's; a dot stands in no merchant's id.
    fn words(&self) -> Option<(&'static str, String)> {
        match self {
            Self::Message(id) => Some((MESSAGE, id.to_string())),
            Self::Payment(merchant, order) => {
                Some((PAYMENT, format!("{merchant}.{}", order.as_str())))
            }
            Self::Paid(merchant, order) => Some((PAID, format!("{merchant}.{}", order.as_str()))),
            Self::Batch(merchant, batch) => Some((BATCH, format!("{merchant}.{batch}"))),
            Self::Release(merchant) => Some((RELEASE, merchant.to_string())),
            Self::Run(merchant, run, shard) => Some((RUN, format!("{merchant}.{run}.{shard}"))),
            Self::Unknown => None,
        }
    }

    /// Reads what [`DueKind::words`] made.
    fn read(name: &str, id: &str) -> Option<Self> {
        match name {
            MESSAGE => MessageId::parse(id).ok().map(Self::Message),
            PAYMENT => {
                let (merchant, order) = of_merchant(id)?;
                Some(Self::Payment(merchant, OrderId::parse(order).ok()?))
            }
            PAID => {
                let (merchant, order) = of_merchant(id)?;
                Some(Self::Paid(merchant, OrderId::parse(order).ok()?))
            }
            BATCH => {
                let (merchant, batch) = of_merchant(id)?;
                Some(Self::Batch(merchant, BatchId::parse(batch).ok()?))
            }
            RELEASE => MerchantId::parse(id).ok().map(Self::Release),
            RUN => {
                let (merchant, rest) = of_merchant(id)?;
                let (run, shard) = rest.split_once('.')?;
                Some(Self::Run(
                    merchant,
                    RunId::parse(run).ok()?,
                    shard.parse().ok()?,
                ))
            }
            _ => None,
        }
    }

    /// Where its row is.
    fn key(&self, at: Timestamp) -> Result<Key, StoreError> {
        let (name, id) = self
            .words()
            .ok_or_else(|| broken("a due row of no known kind"))?;
        Ok(keys::due_row(name, &id, at))
    }
}

fn of_merchant(id: &str) -> Option<(MerchantId, &str)> {
    let (merchant, rest) = id.split_once('.')?;
    Some((MerchantId::parse(merchant).ok()?, rest))
}

impl Due {
    /// One that cannot be read is unknown: it must not hold up the others.
    fn read(item: &Item) -> Self {
        let sk = sort_key(item);
        let mut parts = sk.splitn(3, '#');
        let since = parts.next().and_then(|instant| instant.parse().ok());
        let kind = match (parts.next(), parts.next()) {
            (Some(name), Some(id)) => DueKind::read(name, id),
            _ => None,
        };
        let first = item.get("first").and_then(|value| value.as_n().ok());
        let first = first.and_then(|second| Timestamp::from_second(second.parse().ok()?).ok());
        let since = since.unwrap_or(Timestamp::MAX);
        let pk = item.get("PK").and_then(|value| value.as_s().ok());
        Self {
            key: Key {
                pk: pk.cloned().unwrap_or_default(),
                sk: sk.to_owned(),
            },
            since,
            first: first.unwrap_or(since),
            kind: kind.unwrap_or(DueKind::Unknown),
        }
    }

    /// Whether it is the row that something waiting until `at` needs.
    #[must_use]
    pub fn is_of(&self, id: &MessageId, at: Option<Timestamp>) -> bool {
        at.is_some_and(|at| keys::due_row(MESSAGE, id.as_str(), at) == self.key)
    }
}

impl Store {
    /// What of a shard is due by `now`, the longest first, `most` at most, and only what follows
    /// `after`.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn due(
        &self,
        shard: u8,
        now: Timestamp,
        after: Option<&Due>,
        most: i32,
    ) -> Result<Vec<Due>, StoreError> {
        // `$` follows `#`: every row of this very second is below.
        let below = format!("{}$", keys::second(now.as_second()));
        let items = self
            .oldest(keys::due(shard), below, after.map(|due| &due.key), most)
            .await?;
        Ok(items.iter().map(Due::read).collect())
    }

    /// Wakes what is due: its row goes, and an event has it looked at.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when somebody else has woken it.
    pub async fn wake(&self, due: &Due, envelope: &Envelope) -> Result<(), StoreError> {
        let writes = vec![
            self.delete_there(&due.key)?,
            self.put(outbox_item(envelope)?)?,
        ];
        self.transact(writes, Places::default()).await
    }

    /// Forgets a due row whose object has moved on.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn forget(&self, due: &Due) -> Result<(), StoreError> {
        self.client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(due.key.item()))
            .send()
            .await
            .map_err(super::unavailable)?;
        Ok(())
    }

    /// Has something looked at again later, beside what its own commits say.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn wake_later(&self, kind: &DueKind, at: Timestamp) -> Result<(), StoreError> {
        self.put_alone(due_item(kind.key(at)?)?).await
    }

    /// Puts off what could not be seen to; it remembers since when.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when somebody else has seen to it.
    pub async fn put_off(&self, due: &Due, at: Timestamp) -> Result<(), StoreError> {
        let row = DueRow {
            first: Some(due.first.as_second()),
        };
        let later = to_item(&super::rows::Keyed::new(due.kind.key(at)?, row))?;
        let writes = vec![self.delete_there(&due.key)?, self.put(later)?];
        self.transact(writes, Places::default()).await
    }

    /// The due rows of a payment that is made.
    pub(super) fn payment_asked(
        &self,
        merchant: &MerchantId,
        payment: &Payment,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let kind = DueKind::Payment(merchant.clone(), payment.order_id.clone());
        let [soon, at_end] = payment.asked_at();
        let mut writes = vec![self.due_put(&kind, soon)?];
        // A transaction takes a row once.
        if kind.key(at_end)? != kind.key(soon)? {
            writes.push(self.due_put(&kind, at_end)?);
        }
        Ok(writes)
    }

    /// The due rows of a payment whose money has come.
    pub(super) fn paid_looked_after(
        &self,
        merchant: &MerchantId,
        order: &OrderId,
        now: Timestamp,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let kind = DueKind::Paid(merchant.clone(), order.clone());
        let due = |at| self.due_put(&kind, at);
        Payment::looked_after_at(now).map(due).into_iter().collect()
    }

    /// The due row of something, in a commit.
    pub(super) fn due_put(
        &self,
        kind: &DueKind,
        at: Timestamp,
    ) -> Result<TransactWriteItem, StoreError> {
        self.put(due_item(kind.key(at)?)?)
    }

    /// Takes the due row of something away, in a commit.
    pub(super) fn due_delete(
        &self,
        kind: &DueKind,
        at: Timestamp,
    ) -> Result<TransactWriteItem, StoreError> {
        self.delete(&kind.key(at)?)
    }

    /// The due rows of something, from what they were to what they are: one at most.
    pub(super) fn due_change(
        &self,
        kind: &DueKind,
        before: Option<Timestamp>,
        after: Option<Timestamp>,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let before = before.map(|at| kind.key(at)).transpose()?;
        let after = after.map(|at| kind.key(at)).transpose()?;
        let mut writes = Vec::new();
        // Where both are the same row, it may have been taken when it was woken.
        if let Some(before) = before.filter(|before| Some(before) != after.as_ref()) {
            writes.push(self.delete(&before)?);
        }
        if let Some(after) = after {
            writes.push(self.put(due_item(after)?)?);
        }
        Ok(writes)
    }
}

fn due_item(key: Key) -> Result<Item, StoreError> {
    to_item(&super::rows::Keyed::new(key, DueRow::default()))
}
