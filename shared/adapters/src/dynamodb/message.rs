//! A message's moves, with all that goes with each in one commit.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, Put, TransactWriteItem, Update};
use jiff::Timestamp;
use jiff::civil::Date;
use pesan_domain::billing::Cell;
use pesan_domain::ids::{MerchantId, MessageId};
use pesan_domain::language::Language;
use pesan_domain::message::text::Kind;
use pesan_domain::message::{Channel, HoldReason, Message};
use pesan_domain::money::Rupiah;
use serde::{Deserialize, Serialize};

use super::bill::cell_item;
use super::due::DueKind;
use super::rows::Keyed;
use super::surroundings::{PaceRow, Pause, PauseRow};
use super::{
    Item, MessageRecord, PaceRecord, Places, Reserving, Store, StoreError, To, broken, from_item,
    keys, outbox_item, to_item,
};
use crate::events::Envelope;

/// A message's move, with all that goes with it.
#[derive(Clone, Debug)]
pub struct Moved<'a> {
    /// As it was loaded.
    pub before: &'a Message,
    /// As it is; its version is one above the stored one.
    pub after: &'a MessageRecord,
    /// The list of what waits for this is left.
    pub ends_wait: Option<HoldReason>,
    /// The list of what waits for this is joined.
    pub waits: Option<HoldReason>,
    /// What it waits for must not have happened meanwhile: nobody would tell it.
    pub unless: Option<Unless>,
    /// Its channel is paused.
    pub pause: Option<Pause>,
    /// Its recipient takes no messages until they write again.
    pub unreachable: bool,
    /// Its recipient is left alone until then.
    pub rests_until: Option<Timestamp>,
    /// What is announced with it.
    pub announced: Vec<&'a Envelope>,
    /// Another message that is queued with it, and its event.
    pub queued: Option<(&'a MessageRecord, &'a Envelope)>,
    /// The cell of the bill that it is about, which says what became of it.
    pub cell: Option<&'a Cell>,
}

impl<'a> Moved<'a> {
    /// A move with nothing beside it.
    #[must_use]
    pub fn plain(before: &'a Message, after: &'a MessageRecord) -> Self {
        Self {
            before,
            after,
            ends_wait: None,
            waits: None,
            unless: None,
            pause: None,
            unreachable: false,
            rests_until: None,
            announced: vec![],
            queued: None,
            cell: None,
        }
    }
}

/// What ends a wait, as it was seen before it began: once that has changed, the wait is decided
/// anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unless {
    /// There is so much money.
    Funded(Rupiah),
    /// The template's registration is another than this version; 0 for none.
    Heard(Kind, Language, u64),
    /// The channel's pause is over.
    Resumed,
    /// The merchant's profile is another than this version.
    Changed(u64),
}

/// What goes with the moves of a batch into sending.
#[derive(Debug, Default)]
pub struct Together<'a> {
    /// Prices that are set aside.
    pub reserving: Option<Reserving<'a>>,
    /// People who count among the day's recipients from now on.
    pub recipients: Option<Recipients<'a>>,
    /// What is announced.
    pub announced: Option<&'a Envelope>,
}

/// People who are written to for the first time on a day.
#[derive(Clone, Debug)]
pub struct Recipients<'a> {
    /// Whose number writes.
    pub merchant: &'a MerchantId,
    /// The day.
    pub day: Date,
    /// How many the day has room for.
    pub most: u32,
    /// What stands for each.
    pub contacts: Vec<&'a str>,
}

/// A message in the list of what waits.
#[derive(Serialize, Deserialize)]
struct HeldRow {
    message: String,
}

impl Store {
    /// Writes a message and the event that has it sent; for what has no other commit to go with.
    ///
    /// # Errors
    /// [`StoreError::AlreadyQueued`] where it is there.
    pub async fn queue_message(
        &self,
        record: &MessageRecord,
        envelope: &Envelope,
    ) -> Result<(), StoreError> {
        let (writes, places) = self.queueing(vec![], Places::default(), record, envelope)?;
        self.transact(writes, places).await
    }

    /// Adds a message and its event to a commit.
    pub(super) fn queueing(
        &self,
        mut writes: Vec<TransactWriteItem>,
        mut places: Places,
        record: &MessageRecord,
        envelope: &Envelope,
    ) -> Result<(Vec<TransactWriteItem>, Places), StoreError> {
        places.message = Some(writes.len());
        writes.push(self.put_new(record.item()?)?);
        writes.push(self.put(outbox_item(envelope)?)?);
        Ok((writes, places))
    }

    /// Messages by their ids, in one read a hundred. One that this version cannot read is an error
    /// of its own.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn messages(
        &self,
        ids: &[MessageId],
    ) -> Result<HashMap<MessageId, Result<MessageRecord, StoreError>>, StoreError> {
        let mut ids = ids.to_vec();
        ids.sort();
        ids.dedup();
        let wanted = ids.iter().map(|id| keys::message(id).item()).collect();
        let items = self.batch_get(wanted).await?;
        let found = items.into_iter().filter_map(|item| {
            let id = item.get("id")?.as_s().ok()?;
            let id = MessageId::parse(id).ok()?;
            Some((id, MessageRecord::read(item)))
        });
        Ok(found.collect())
    }

    /// Writes a message's move, all or nothing.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when another move came first, or what is waited for has happened.
    pub async fn move_message(&self, moved: &Moved<'_>) -> Result<(), StoreError> {
        let mut writes = self.beside(moved)?;
        let item = moved.after.item()?;
        if writes.is_empty() {
            return self.put_alone_over(item, moved.before.version).await;
        }
        writes.push(self.put_over(item, moved.before.version)?);
        self.transact(writes, Places::default()).await
    }

    /// Writes the moves of a batch with what goes with them, all or nothing.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when one of them, or the money for all of them, was moved by
    /// somebody else.
    pub async fn move_together(
        &self,
        moves: &[Moved<'_>],
        together: &Together<'_>,
    ) -> Result<(), StoreError> {
        if let ([moved], None, None, None) = (
            moves,
            &together.reserving,
            &together.recipients,
            together.announced,
        ) {
            return self.move_message(moved).await;
        }
        let mut writes = vec![];
        for moved in moves {
            writes.extend(self.beside(moved)?);
            writes.push(self.put_over(moved.after.item()?, moved.before.version)?);
        }
        if let Some(reserving) = &together.reserving {
            writes.extend(self.reserving(reserving)?);
        }
        if let Some(recipients) = &together.recipients {
            writes.extend(self.reaching(recipients)?);
        }
        if let Some(envelope) = together.announced {
            writes.push(self.put(outbox_item(envelope)?)?);
        }
        self.transact(writes, Places::default()).await
    }

    /// What a move writes beside the message itself.
    fn beside(&self, moved: &Moved<'_>) -> Result<Vec<TransactWriteItem>, StoreError> {
        let after = &moved.after.message;
        let due = DueKind::Message(after.id.clone());
        let mut writes = self.due_change(&due, moved.before.wakes_at(), after.wakes_at())?;
        if let Some(reason) = moved.ends_wait {
            writes.push(self.delete(&keys::held(after, reason))?);
        }
        if let Some(reason) = moved.waits {
            let row = HeldRow {
                message: after.id.to_string(),
            };
            let row = Keyed::new(keys::held(after, reason), row);
            writes.push(self.put(to_item(&row)?)?);
        }
        if let Some(unless) = moved.unless {
            writes.push(self.unless(after, unless)?);
        }
        if let Some(pause) = moved.pause {
            writes.push(self.pausing(after, pause)?);
        }
        if moved.unreachable {
            writes.extend(self.unreachable(moved.after)?);
        }
        if let Some(until) = moved.rests_until {
            writes.extend(self.rests(moved.after, until)?);
        }
        for envelope in &moved.announced {
            writes.push(self.put(outbox_item(envelope)?)?);
        }
        if let Some((record, envelope)) = moved.queued {
            writes.push(self.put_new(record.item()?)?);
            writes.push(self.put(outbox_item(envelope)?)?);
        }
        if let Some(cell) = moved.cell {
            let item = cell_item(&after.merchant, cell)?;
            writes.push(self.put_over(item, cell.version.saturating_sub(1))?);
        }
        Ok(writes)
    }

    /// A channel is stopped once, so that it is told once; who comes after that finds it stopped.
    fn pausing(&self, message: &Message, pause: Pause) -> Result<TransactWriteItem, StoreError> {
        let item = pause_item(&message.merchant, message.channel, pause)?;
        let Pause::Stopped(_) = pause else {
            return self.put(item);
        };
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(reason)")
            .build()
            .map_err(broken)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    fn unless(&self, message: &Message, unless: Unless) -> Result<TransactWriteItem, StoreError> {
        let merchant = &message.merchant;
        let (key, condition, version) = match unless {
            Unless::Funded(wanted) => return self.wanting(merchant, wanted),
            Unless::Heard(kind, language, 0) => (
                keys::template(merchant, kind, language),
                "attribute_not_exists(PK)",
                None,
            ),
            Unless::Heard(kind, language, version) => (
                keys::template(merchant, kind, language),
                "version = :version",
                Some(version),
            ),
            Unless::Resumed => (
                keys::pause(merchant, message.channel),
                "attribute_exists(PK)",
                None,
            ),
            Unless::Changed(version) => (
                keys::merchant(merchant),
                "version = :version",
                Some(version),
            ),
        };
        let values = version.map(|version| {
            let version = AttributeValue::N(version.to_string());
            HashMap::from([(":version".to_owned(), version)])
        });
        let check = ConditionCheck::builder()
            .table_name(&self.table)
            .set_key(Some(key.item()))
            .condition_expression(condition)
            .set_expression_attribute_values(values)
            .build()
            .map_err(broken)?;
        Ok(TransactWriteItem::builder().condition_check(check).build())
    }

    /// Stores a pace over the one that was read.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when another sender was faster.
    pub async fn set_pace(
        &self,
        merchant: &MerchantId,
        channel: Channel,
        pace: PaceRecord,
    ) -> Result<(), StoreError> {
        let row = PaceRow {
            next: pace.pace.next.as_microsecond(),
            failures: pace.pace.failures,
            version: pace.version,
        };
        let row = Keyed::new(keys::pace(merchant, channel), row);
        self.put_next(to_item(&row)?, pace.version).await
    }

    /// A channel's pace; none where nothing was sent yet.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn pace(
        &self,
        merchant: &MerchantId,
        channel: Channel,
    ) -> Result<Option<PaceRecord>, StoreError> {
        let key = keys::pace(merchant, channel);
        let item = self.batch_get(vec![key.item()]).await?.into_iter().next();
        item.map(|item| from_item::<Keyed<PaceRow>>(item)?.row.record())
            .transpose()
    }

    /// Ends a channel's pause. What waits for that is to be released.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn end_pause(
        &self,
        merchant: &MerchantId,
        channel: Channel,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let release = DueKind::Release(merchant.clone());
        let writes = vec![
            self.delete(&keys::pause(merchant, channel))?,
            self.due_put(&release, now)?,
        ];
        self.transact(writes, Places::default()).await
    }

    /// A channel's pause.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn pause(
        &self,
        merchant: &MerchantId,
        channel: Channel,
    ) -> Result<Option<Pause>, StoreError> {
        let key = keys::pause(merchant, channel);
        let item = self.batch_get(vec![key.item()]).await?.into_iter().next();
        item.map(|item| from_item::<Keyed<PauseRow>>(item)?.row.pause())
            .transpose()
    }

    /// The messages of a merchant that wait for this, the most urgent first, then the oldest;
    /// `most` at most.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn waiting_messages(
        &self,
        merchant: &MerchantId,
        reason: HoldReason,
        most: usize,
    ) -> Result<Vec<MessageId>, StoreError> {
        let page = i32::try_from(most).unwrap_or(i32::MAX);
        let mut waiting = Vec::new();
        for shard in 0..keys::SHARDS {
            let partition = keys::held_partition(merchant, reason, shard);
            // Every key begins with a digit.
            let items = self.oldest(partition, ":".to_owned(), None, page).await?;
            for item in items {
                let Keyed { sk, row, .. } = from_item::<Keyed<HeldRow>>(item)?;
                waiting.push((sk, MessageId::parse(&row.message).map_err(broken)?));
            }
        }
        waiting.sort();
        waiting.truncate(most);
        Ok(waiting.into_iter().map(|(_, id)| id).collect())
    }

    fn unreachable(&self, record: &MessageRecord) -> Result<Option<TransactWriteItem>, StoreError> {
        let To::Chat(chat) = record.to else {
            return Ok(None);
        };
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(keys::chat(&record.message.merchant, chat).item()))
            .update_expression("SET unreachable = :yes")
            .condition_expression("attribute_exists(PK)")
            .expression_attribute_values(":yes", AttributeValue::Bool(true))
            .build()
            .map_err(broken)?;
        Ok(Some(TransactWriteItem::builder().update(update).build()))
    }
}

fn pause_item(merchant: &MerchantId, channel: Channel, pause: Pause) -> Result<Item, StoreError> {
    let row = match pause {
        Pause::Until(until) => PauseRow {
            until: Some(until.as_millisecond()),
            reason: None,
        },
        Pause::Stopped(reason) => PauseRow {
            until: None,
            reason: Some(reason.name().to_owned()),
        },
    };
    to_item(&Keyed::new(keys::pause(merchant, channel), row))
}
