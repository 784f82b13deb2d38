//! A merchant's balance, its ledger, and the batches that are set aside in it. Every change writes
//! balance and entry together; balances are changed by what a change takes and gives, under the
//! conditions that it stands on, so that senders that work side by side need not wait for each other.

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};
use jiff::Timestamp;
use jiff::civil::Date;
use pesan_domain::balance::{Balance, Batch, BatchId, Change, Entry, Line, Reserved, Settling};
use pesan_domain::calendar::Zone;
use pesan_domain::ids::{EventId, MerchantId, MessageId};
use pesan_domain::merchant::Merchant;
use pesan_domain::messaging::Messaging;
use pesan_domain::money::Rupiah;
use serde::{Deserialize, Serialize};

use super::due::DueKind;
use super::rows::Keyed;
use super::{Item, Places, Store, StoreError, broken, from_item, keys, to_item};

/// A row that an update may have made: what it lacks is nothing.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct BalanceRow {
    available: u64,
    reserved: u64,
    spent: u64,
    topped_up: u64,
    told_low: bool,
    /// Messages may wait for money.
    waiting: bool,
    version: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct LineRow {
    message: String,
    price: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum EntryRow {
    TopUp {
        reference: String,
        amount: u64,
    },
    Refund {
        reference: String,
        amount: u64,
    },
    Reserve {
        lines: Vec<LineRow>,
    },
    Settle {
        posted: Vec<LineRow>,
        voided: Vec<LineRow>,
    },
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct BatchRow {
    open: Vec<LineRow>,
    /// In milliseconds: when what is open is looked at again.
    wakes_at: i64,
    version: u64,
}

/// A merchant's balance with what the table knows beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The balance.
    pub balance: Balance,
    /// Whether messages may wait for money.
    pub waiting: bool,
}

/// A batch as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchRecord {
    /// The batch.
    pub batch: Batch,
    /// When what is open is looked at again.
    pub wakes_at: Timestamp,
}

/// A batch that is set aside.
#[derive(Clone, Debug)]
pub struct Reserving<'a> {
    /// Whose.
    pub merchant: &'a MerchantId,
    /// Whose day the entry stands under.
    pub zone: Zone,
    /// As it was loaded.
    pub before: &'a Balance,
    /// What was decided.
    pub reserved: &'a Reserved,
    /// The batch's key.
    pub batch: &'a BatchId,
    /// When what is still open is looked at.
    pub wakes_at: Timestamp,
    /// When it is decided.
    pub at: Timestamp,
}

impl From<&Line> for LineRow {
    fn from(line: &Line) -> Self {
        Self {
            message: line.message.to_string(),
            price: line.price.get(),
        }
    }
}

impl LineRow {
    fn line(self) -> Result<Line, StoreError> {
        Ok(Line {
            message: MessageId::parse(&self.message).map_err(broken)?,
            price: Rupiah::new(self.price),
        })
    }
}

fn rows(lines: &[Line]) -> Vec<LineRow> {
    lines.iter().map(LineRow::from).collect()
}

fn lines(rows: Vec<LineRow>) -> Result<Vec<Line>, StoreError> {
    rows.into_iter().map(LineRow::line).collect()
}

impl From<&Entry> for EntryRow {
    fn from(entry: &Entry) -> Self {
        match entry {
            Entry::TopUp { reference, amount } => Self::TopUp {
                reference: reference.clone(),
                amount: amount.get(),
            },
            Entry::Refund { reference, amount } => Self::Refund {
                reference: reference.clone(),
                amount: amount.get(),
            },
            Entry::Reserve(lines) => Self::Reserve { lines: rows(lines) },
            Entry::Settle { posted, voided } => Self::Settle {
                posted: rows(posted),
                voided: rows(voided),
            },
        }
    }
}

impl EntryRow {
    fn entry(self) -> Result<Entry, StoreError> {
        Ok(match self {
            Self::TopUp { reference, amount } => Entry::TopUp {
                reference,
                amount: Rupiah::new(amount),
            },
            Self::Refund { reference, amount } => Entry::Refund {
                reference,
                amount: Rupiah::new(amount),
            },
            Self::Reserve { lines: rows } => Entry::Reserve(lines(rows)?),
            Self::Settle { posted, voided } => Entry::Settle {
                posted: lines(posted)?,
                voided: lines(voided)?,
            },
        })
    }
}

impl BalanceRow {
    /// The balance under a merchant's settings.
    pub(super) fn account(&self, messaging: &Messaging) -> Account {
        Account {
            balance: Balance {
                available: Rupiah::new(self.available),
                reserved: Rupiah::new(self.reserved),
                spent: Rupiah::new(self.spent),
                topped_up: Rupiah::new(self.topped_up),
                low_mark: messaging.low_mark,
                protected: messaging.protected,
                told_low: self.told_low,
                version: self.version,
            },
            waiting: self.waiting,
        }
    }
}

impl BatchRow {
    fn record(self, id: BatchId) -> Result<BatchRecord, StoreError> {
        Ok(BatchRecord {
            batch: Batch {
                id,
                open: lines(self.open)?,
                version: self.version,
            },
            wakes_at: Timestamp::from_millisecond(self.wakes_at).map_err(broken)?,
        })
    }
}

/// A change of the balance by what it takes and gives.
struct Shift<'a> {
    merchant: &'a MerchantId,
    before: &'a Balance,
    after: &'a Balance,
    /// What must hold of the row, over [`Shift::values`].
    condition: &'a str,
    values: Vec<(&'a str, Rupiah)>,
}

impl Store {
    /// A merchant's balance; one that nothing was paid into is empty.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn account(&self, merchant: &Merchant) -> Result<Account, StoreError> {
        let items = self
            .batch_get(vec![keys::balance(&merchant.id).item()])
            .await?;
        let row = items.into_iter().next();
        let row = row.map(from_item::<Keyed<BalanceRow>>).transpose()?;
        let row = row.map(|row| row.row).unwrap_or_default();
        Ok(row.account(&merchant.messaging))
    }

    /// The entries of a merchant's ledger of a day in its zone, oldest first.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn ledger(&self, merchant: &MerchantId, day: Date) -> Result<Vec<Entry>, StoreError> {
        let items = self.partition(keys::ledger(merchant, day)).await?;
        items
            .into_iter()
            .map(|item| from_item::<Keyed<EntryRow>>(item)?.row.entry())
            .collect()
    }

    /// A batch that is not over.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn batch(
        &self,
        merchant: &MerchantId,
        id: &BatchId,
    ) -> Result<Option<BatchRecord>, StoreError> {
        let items = self
            .batch_get(vec![keys::batch(merchant, id).item()])
            .await?;
        let row = items.into_iter().next();
        let row = row.map(from_item::<Keyed<BatchRow>>).transpose()?;
        row.map(|row| row.row.record(id.clone())).transpose()
    }

    /// Credits a top-up whose money came another way than through a payment of ours.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where its reference was credited before.
    pub async fn credit_received(
        &self,
        merchant: &Merchant,
        before: &Balance,
        change: &Change,
        entry_id: &EventId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let writes = self.credit(merchant, before, change, entry_id, now)?;
        self.transact(writes, Places::default()).await
    }

    /// What was credited under a reference.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn credited(
        &self,
        merchant: &MerchantId,
        reference: &str,
    ) -> Result<Option<Rupiah>, StoreError> {
        let key = keys::top_up(merchant, reference);
        let item = self.batch_get(vec![key.item()]).await?.into_iter().next();
        item.map(credited).transpose()
    }

    /// The writes of a top-up: balance, entry, and a due row that has the messages released which
    /// wait for money. Once a reference, whoever asks again and whenever: the entry of a top-up
    /// has a key of its own. [`StoreError::Conflict`] where it was credited before.
    pub(super) fn credit(
        &self,
        merchant: &Merchant,
        before: &Balance,
        change: &Change,
        entry_id: &EventId,
        now: Timestamp,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let Entry::TopUp { reference, .. } = &change.entry else {
            return Err(broken("a credit that is no top-up"));
        };
        let shift = Shift {
            merchant: &merchant.id,
            before,
            after: &change.balance,
            // Always so: money that comes waits for nobody who spends at the same moment.
            condition: "attribute_not_exists(version) OR version >= :version",
            values: vec![],
        };
        let date = now.to_zoned(merchant.zone.tz()).date();
        let entry = keys::ledger_entry(&merchant.id, date, entry_id.as_str());
        let once = keys::top_up(&merchant.id, reference);
        Ok(vec![
            self.shift(&shift)?,
            self.put_new(entry_item(entry, &change.entry)?)?,
            self.put_new(entry_item(once, &change.entry)?)?,
            self.due_put(&DueKind::Release(merchant.id.clone()), now)?,
        ])
    }

    /// The writes of a top-up's refund: balance and entry. [`StoreError::Conflict`] where what is
    /// taken back has been spent meanwhile.
    pub(super) fn taking_back(
        &self,
        merchant: &Merchant,
        before: &Balance,
        change: &Change,
        entry_id: &EventId,
        now: Timestamp,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let Entry::Refund { amount, .. } = &change.entry else {
            return Err(broken("a refund that refunds nothing"));
        };
        let shift = Shift {
            merchant: &merchant.id,
            before,
            after: &change.balance,
            condition: "available >= :taken",
            values: vec![(":taken", *amount)],
        };
        let date = now.to_zoned(merchant.zone.tz()).date();
        let entry = keys::ledger_entry(&merchant.id, date, entry_id.as_str());
        Ok(vec![
            self.shift(&shift)?,
            self.put_new(entry_item(entry, &change.entry)?)?,
        ])
    }

    /// The writes that set a batch aside; none where nothing is.
    pub(super) fn reserving(
        &self,
        reserving: &Reserving<'_>,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let Some(change) = &reserving.reserved.change else {
            return Ok(vec![]);
        };
        let Entry::Reserve(lines) = &change.entry else {
            return Err(broken("a reservation that reserves nothing"));
        };
        let merchant = reserving.merchant;
        let floor = reserving.reserved.floor;
        let needed = total(lines)?
            .checked_add(floor)
            .ok_or_else(|| broken("a sum that overflows"))?;
        let shift = Shift {
            merchant,
            before: reserving.before,
            after: &change.balance,
            condition: "available >= :needed",
            values: vec![(":needed", needed)],
        };
        let date = reserving.at.to_zoned(reserving.zone.tz()).date();
        let entry = keys::ledger_entry(merchant, date, reserving.batch.as_str());
        let batch = BatchRow {
            open: rows(lines),
            wakes_at: reserving.wakes_at.as_millisecond(),
            version: 1,
        };
        let batch = Keyed::new(keys::batch(merchant, reserving.batch), batch);
        let due = DueKind::Batch(merchant.clone(), reserving.batch.clone());
        Ok(vec![
            self.shift(&shift)?,
            self.put_new(entry_item(entry, &change.entry)?)?,
            self.put_new(to_item(&batch)?)?,
            self.due_put(&due, reserving.wakes_at)?,
        ])
    }

    /// Writes that a message waits for money: only while there is too little for it, so that no
    /// top-up passes it by.
    pub(super) fn wanting(
        &self,
        merchant: &MerchantId,
        wanted: Rupiah,
    ) -> Result<TransactWriteItem, StoreError> {
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(keys::balance(merchant).item()))
            .update_expression("SET waiting = :yes ADD version :one")
            .condition_expression("attribute_not_exists(available) OR available < :wanted")
            .expression_attribute_values(":yes", AttributeValue::Bool(true))
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":wanted", number(wanted.get()))
            .build()
            .map_err(broken)?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    /// Notes that nothing waits for money any more.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where the balance has changed since.
    pub async fn nothing_waits(
        &self,
        merchant: &MerchantId,
        version: u64,
    ) -> Result<(), StoreError> {
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(keys::balance(merchant).item()))
            .update_expression("SET waiting = :no")
            .condition_expression("version = :version")
            .expression_attribute_values(":no", AttributeValue::Bool(false))
            .expression_attribute_values(":version", number(version))
            .build()
            .map_err(broken)?;
        let write = TransactWriteItem::builder().update(update).build();
        self.transact(vec![write], Places::default()).await
    }

    /// Settles what is resolved of a batch: spent is what was posted, given back what was voided.
    /// What is still open is looked at again at `wakes_at`.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where somebody else has settled some of it.
    pub async fn settle_batch(
        &self,
        merchant: &Merchant,
        before: &BatchRecord,
        settling: &Settling,
        wakes_at: Timestamp,
        entry_id: &EventId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let id = &merchant.id;
        let spent = total(&settling.posted)?;
        let back = total(&settling.voided)?;
        let resolved = spent
            .checked_add(back)
            .ok_or_else(|| broken("a sum that overflows"))?;
        let entry = Entry::Settle {
            posted: settling.posted.clone(),
            voided: settling.voided.clone(),
        };
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(keys::balance(id).item()))
            .update_expression(
                "SET available = available + :back, reserved = reserved - :resolved, \
                 spent = spent + :spent ADD version :one",
            )
            .condition_expression("reserved >= :resolved")
            .expression_attribute_values(":back", number(back.get()))
            .expression_attribute_values(":resolved", number(resolved.get()))
            .expression_attribute_values(":spent", number(spent.get()))
            .expression_attribute_values(":one", number(1))
            .build()
            .map_err(broken)?;
        let date = now.to_zoned(merchant.zone.tz()).date();
        let ledger = keys::ledger_entry(id, date, entry_id.as_str());
        let key = keys::batch(id, &before.batch.id);
        let due = DueKind::Batch(id.clone(), before.batch.id.clone());
        let mut writes = vec![
            TransactWriteItem::builder().update(update).build(),
            self.put_new(entry_item(ledger, &entry)?)?,
        ];
        if settling.left.open.is_empty() {
            writes.push(self.delete_over(&key, before.batch.version)?);
            writes.push(self.due_delete(&due, before.wakes_at)?);
        } else {
            let row = BatchRow {
                open: rows(&settling.left.open),
                wakes_at: wakes_at.as_millisecond(),
                version: settling.left.version,
            };
            writes.push(self.put_over(to_item(&Keyed::new(key, row))?, before.batch.version)?);
            writes.extend(self.due_change(&due, Some(before.wakes_at), Some(wakes_at))?);
        }
        if back > Rupiah::ZERO {
            writes.push(self.due_put(&DueKind::Release(id.clone()), now)?);
        }
        self.transact(writes, Places::default()).await
    }

    /// Has what is open of a batch looked at again, where nothing of it is resolved.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where somebody else has settled some of it.
    pub async fn batch_later(
        &self,
        merchant: &MerchantId,
        before: &BatchRecord,
        wakes_at: Timestamp,
    ) -> Result<(), StoreError> {
        let batch = &before.batch;
        let row = BatchRow {
            open: rows(&batch.open),
            wakes_at: wakes_at.as_millisecond(),
            version: batch.version.saturating_add(1),
        };
        let row = Keyed::new(keys::batch(merchant, &batch.id), row);
        let due = DueKind::Batch(merchant.clone(), batch.id.clone());
        let mut writes = vec![self.put_over(to_item(&row)?, batch.version)?];
        writes.extend(self.due_change(&due, Some(before.wakes_at), Some(wakes_at))?);
        self.transact(writes, Places::default()).await
    }

    fn shift(&self, shift: &Shift<'_>) -> Result<TransactWriteItem, StoreError> {
        let Shift { before, after, .. } = shift;
        let mut set = vec![];
        let mut update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(keys::balance(shift.merchant).item()))
            .expression_attribute_values(":one", number(1));
        for (name, value, from, to) in [
            ("available", ":available", before.available, after.available),
            ("reserved", ":reserved", before.reserved, after.reserved),
            ("spent", ":spent", before.spent, after.spent),
            ("topped_up", ":topped", before.topped_up, after.topped_up),
        ] {
            set.push(format!("{name} = if_not_exists({name}, :zero) + {value}"));
            let moved = AttributeValue::N(difference(to, from).to_string());
            update = update.expression_attribute_values(value, moved);
        }
        update = update.expression_attribute_values(":zero", number(0));
        let mut condition = format!("({})", shift.condition);
        if before.told_low != after.told_low {
            set.push("told_low = :told".to_owned());
            condition.push_str(" AND (told_low = :untold OR attribute_not_exists(told_low))");
            update = update
                .expression_attribute_values(":told", AttributeValue::Bool(after.told_low))
                .expression_attribute_values(":untold", AttributeValue::Bool(before.told_low));
        }
        if condition.contains(":version") {
            update = update.expression_attribute_values(":version", number(before.version));
        }
        for (name, value) in &shift.values {
            update = update.expression_attribute_values(*name, number(value.get()));
        }
        let update = update
            .update_expression(format!("SET {} ADD version :one", set.join(", ")))
            .condition_expression(condition)
            .build()
            .map_err(broken)?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    fn delete_over(&self, key: &keys::Key, version: u64) -> Result<TransactWriteItem, StoreError> {
        let delete = aws_sdk_dynamodb::types::Delete::builder()
            .table_name(&self.table)
            .set_key(Some(key.item()))
            .condition_expression("version = :version")
            .expression_attribute_values(":version", number(version))
            .build()
            .map_err(broken)?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }
}

/// Within what any balance holds, by the checks of the domain.
fn difference(to: Rupiah, from: Rupiah) -> i128 {
    i128::from(to.get()).saturating_sub(i128::from(from.get()))
}

fn total(lines: &[Line]) -> Result<Rupiah, StoreError> {
    let sum = lines
        .iter()
        .try_fold(Rupiah::ZERO, |sum, line| sum.checked_add(line.price));
    sum.ok_or_else(|| broken("a sum that overflows"))
}

fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// What was credited, by the entry that keeps a payment from being credited twice.
pub(super) fn credited(item: Item) -> Result<Rupiah, StoreError> {
    match from_item::<Keyed<EntryRow>>(item)?.row {
        EntryRow::TopUp { amount, .. } => Ok(Rupiah::new(amount)),
        EntryRow::Refund { .. } | EntryRow::Reserve { .. } | EntryRow::Settle { .. } => {
            Err(broken("a top-up that is none"))
        }
    }
}

fn entry_item(key: keys::Key, entry: &Entry) -> Result<Item, StoreError> {
    to_item(&Keyed::new(key, EntryRow::from(entry)))
}
