use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};
use jiff::Timestamp;
use pesan_domain::ids::{MerchantId, MessageId};
use pesan_domain::merchant::Merchant;
use pesan_domain::message::{Channel, HoldReason, Message, PauseReason};
use pesan_domain::payment::Payment;
use pesan_domain::reservation::{Order, Reservation};
use serde::{Deserialize, Serialize};

use super::chat::ChatRow;
use super::due::DueKind;
use super::reservation::sort_key;
use super::rows::{Keyed, MerchantRow, PaymentRow, ReservationRow};
use super::{
    Item, MessageRecord, Places, Store, StoreError, Subject, broken, from_item, keys, outbox_item,
    to_item,
};
use crate::events::Envelope;

/// A merchant's channel that takes nothing for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pause {
    /// It goes on by itself.
    Until(Timestamp),
    /// Somebody must resume it.
    Stopped(PauseReason),
}

#[derive(Serialize, Deserialize)]
struct PauseRow {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl PauseRow {
    fn pause(&self) -> Result<Pause, StoreError> {
        match (self.until, &self.reason) {
            (Some(until), _) => Timestamp::from_millisecond(until)
                .map(Pause::Until)
                .map_err(broken),
            (None, Some(reason)) => PauseReason::parse(reason)
                .map(Pause::Stopped)
                .map_err(broken),
            (None, None) => Err(broken("a pause without end and reason")),
        }
    }
}

/// What the world says about a message the moment it is to be sent.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// Its merchant.
    pub merchant: Option<Merchant>,
    /// What it is about, as it is now.
    pub order: Option<Order>,
    /// Where it goes.
    pub recipient: Recipient,
    /// Whether its channel is paused.
    pub pause: Option<Pause>,
}

/// Where a message goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recipient {
    /// Whether there is such a chat.
    pub is_known: bool,
    /// Whether it takes no messages.
    pub unreachable: bool,
}

/// A message's move, with all that goes with it.
#[derive(Debug)]
pub struct Moved<'a> {
    /// As it was loaded.
    pub before: &'a Message,
    /// As it is; its version is one above the stored one.
    pub after: &'a MessageRecord,
    /// The list of what waits for this is left.
    pub ends_wait: Option<HoldReason>,
    /// The list of what waits for this is joined.
    pub waits: Option<HoldReason>,
    /// Its channel is paused.
    pub pause: Option<Pause>,
    /// Its chat takes no messages until the customer writes again.
    pub unreachable: bool,
    /// A sender is to look at it now.
    pub announced: Option<&'a Envelope>,
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

    /// Messages by their ids, in one read. One that this version cannot read is an error of its
    /// own.
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

    /// All that a message claims and all that may stand in its way, in one read.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn surroundings(&self, record: &MessageRecord) -> Result<Surroundings, StoreError> {
        let MessageRecord { message, subject } = record;
        let Subject::Payment { order, chat, .. } = subject;
        let merchant = &message.merchant;
        let mut wanted = vec![
            keys::merchant(merchant).item(),
            keys::payment(merchant, order).item(),
            keys::chat(merchant, *chat).item(),
            keys::pause(merchant, message.channel).item(),
        ];
        wanted.extend(
            order
                .booking()
                .map(|code| keys::reservation(merchant, code).item()),
        );
        let mut found = Surroundings::default();
        let (mut payment, mut reservation) = (None::<Payment>, None::<Reservation>);
        for item in self.batch_get(wanted).await? {
            match sort_key(&item) {
                "PROFILE" => {
                    found.merchant = Some(from_item::<Keyed<MerchantRow>>(item)?.row.merchant()?);
                }
                "PAYMENT" => payment = Some(from_item::<Keyed<PaymentRow>>(item)?.row.payment()?),
                "RESERVATION" => {
                    reservation = Some(
                        from_item::<Keyed<ReservationRow>>(item)?
                            .row
                            .reservation()?,
                    );
                }
                "CHAT" => {
                    found.recipient = Recipient {
                        is_known: true,
                        unreachable: from_item::<Keyed<ChatRow>>(item)?.row.is_unreachable(),
                    };
                }
                _ => found.pause = Some(from_item::<Keyed<PauseRow>>(item)?.row.pause()?),
            }
        }
        found.order = payment
            .zip(reservation)
            .map(|(payment, reservation)| Order {
                reservation,
                payment,
            });
        Ok(found)
    }

    /// Writes a message's move, all or nothing.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when another move came first.
    pub async fn move_message(&self, moved: &Moved<'_>) -> Result<(), StoreError> {
        let after = &moved.after.message;
        let item = moved.after.item()?;
        let due = DueKind::Message(after.id.clone());
        let mut others = self.due_change(&due, moved.before.wakes_at(), after.wakes_at())?;
        if let Some(reason) = moved.ends_wait {
            others.push(self.delete(&keys::held(after, reason))?);
        }
        if let Some(reason) = moved.waits {
            let row = HeldRow {
                message: after.id.to_string(),
            };
            let row = Keyed::new(keys::held(after, reason), row);
            others.push(self.put(to_item(&row)?)?);
        }
        if let Some(pause) = moved.pause {
            others.push(self.put(pause_item(&after.merchant, after.channel, pause)?)?);
        }
        if moved.unreachable {
            others.push(self.unreachable(moved.after)?);
        }
        if let Some(envelope) = moved.announced {
            others.push(self.put(outbox_item(envelope)?)?);
        }
        if others.is_empty() {
            return self.put_alone_over(item, moved.before.version).await;
        }
        others.push(self.put_over(item, moved.before.version)?);
        self.transact(others, Places::default()).await
    }

    /// Ends a channel's pause. What waits for that is to be released.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn end_pause(
        &self,
        merchant: &MerchantId,
        channel: Channel,
    ) -> Result<(), StoreError> {
        self.client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(keys::pause(merchant, channel).item()))
            .send()
            .await
            .map_err(super::unavailable)?;
        Ok(())
    }

    /// The messages of a merchant that wait for this, the most urgent of each shard first.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn waiting_messages(
        &self,
        merchant: &MerchantId,
        reason: HoldReason,
    ) -> Result<Vec<MessageId>, StoreError> {
        let mut waiting = Vec::new();
        for shard in 0..keys::SHARDS {
            let partition = keys::held_partition(merchant, reason, shard);
            for item in self.partition(partition).await? {
                let row = from_item::<Keyed<HeldRow>>(item)?.row;
                waiting.push(MessageId::parse(&row.message).map_err(broken)?);
            }
        }
        Ok(waiting)
    }

    fn unreachable(&self, record: &MessageRecord) -> Result<TransactWriteItem, StoreError> {
        let Subject::Payment { chat, .. } = record.subject;
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(keys::chat(&record.message.merchant, chat).item()))
            .update_expression("SET unreachable = :yes")
            .condition_expression("attribute_exists(PK)")
            .expression_attribute_values(":yes", AttributeValue::Bool(true))
            .build()
            .map_err(broken)?;
        Ok(TransactWriteItem::builder().update(update).build())
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
