//! Subscribers, in shards so that a run reads them side by side, each with a pointer beside the
//! contact of their number.

use aws_sdk_dynamodb::types::{AttributeValue, Delete, Select, TransactWriteItem};
use jiff::Timestamp;
use pesan_domain::calendar::Zone;
use pesan_domain::ids::{MerchantId, PlanId, SubscriberId};
use pesan_domain::language::Language;
use pesan_domain::subscriber::{AnchorDay, BY_KEYWORD, By, Noted, Subscriber};
use pesan_domain::whatsapp::Phone;
use serde::{Deserialize, Serialize};

use super::chat::ChatRecord;
use super::contact::text;
use super::reservation::sort_key;
use super::rows::{Keyed, language_code};
use super::{Item, Places, Store, StoreError, broken, from_item, keys, to_item, unavailable};

#[derive(Clone, Debug, Serialize, Deserialize)]
struct NotedRow {
    at: i64,
    source: String,
    /// One that was written before this was has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by: Option<ByRow>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ByRow {
    Keyword,
    Merchant,
}

impl From<By> for ByRow {
    fn from(by: By) -> Self {
        match by {
            By::Keyword => Self::Keyword,
            By::Merchant => Self::Merchant,
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct SubscriberRow {
    name: String,
    phone: String,
    plan: String,
    anchor_day: u8,
    language: String,
    zone: String,
    #[serde(default)]
    paused: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    opted_out: Option<NotedRow>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    consent: Option<NotedRow>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    telegram_chat: Option<i64>,
    #[serde(default)]
    chat_changes: u32,
    made_at: i64,
    version: u64,
}

impl NotedRow {
    fn of(noted: &Noted) -> Self {
        Self {
            at: noted.at().as_second(),
            source: noted.source().to_owned(),
            by: Some(noted.by().into()),
        }
    }

    fn noted(&self) -> Result<Noted, StoreError> {
        let at = Timestamp::from_second(self.at).map_err(broken)?;
        let noted = Noted::new("source", at, &self.source);
        let by = match self.by {
            Some(ByRow::Keyword) => By::Keyword,
            Some(ByRow::Merchant) => By::Merchant,
            None if self.source == BY_KEYWORD => By::Keyword,
            None => By::Merchant,
        };
        let noted = noted.map(|noted| noted.said_by(by));
        noted.map_err(|refused| broken(refused.field))
    }
}

impl From<&Subscriber> for SubscriberRow {
    fn from(subscriber: &Subscriber) -> Self {
        Self {
            name: subscriber.name.clone(),
            phone: subscriber.phone.digits().to_owned(),
            plan: subscriber.plan.to_string(),
            anchor_day: subscriber.anchor_day.get().unsigned_abs(),
            language: language_code(subscriber.language),
            zone: subscriber.zone.as_str().to_owned(),
            paused: subscriber.is_paused,
            opted_out: subscriber.opted_out.as_ref().map(NotedRow::of),
            consent: subscriber.consent.as_ref().map(NotedRow::of),
            telegram_chat: subscriber.telegram_chat,
            chat_changes: subscriber.chat_changes,
            made_at: subscriber.made_at.as_second(),
            version: subscriber.version,
        }
    }
}

pub(super) fn subscriber(item: Item) -> Result<Subscriber, StoreError> {
    let Keyed { sk, row, .. } = from_item::<Keyed<SubscriberRow>>(item)?;
    let noted = |row: Option<NotedRow>| row.as_ref().map(NotedRow::noted).transpose();
    Ok(Subscriber {
        id: SubscriberId::parse(&sk).map_err(broken)?,
        name: row.name,
        phone: Phone::from_digits(&row.phone).map_err(broken)?,
        plan: PlanId::parse(&row.plan).map_err(broken)?,
        anchor_day: AnchorDay::new(row.anchor_day.into()).map_err(broken)?,
        language: Language::from_code(Some(&row.language)),
        zone: Zone::parse(&row.zone).map_err(broken)?,
        is_paused: row.paused,
        opted_out: noted(row.opted_out)?,
        consent: noted(row.consent)?,
        telegram_chat: row.telegram_chat,
        chat_changes: row.chat_changes,
        made_at: Timestamp::from_second(row.made_at).map_err(broken)?,
        version: row.version,
    })
}

/// A subscriber in the version to be written, over the one before it or, as version 1, where there
/// is none.
#[derive(Clone, Debug)]
pub struct SubscriberChange {
    /// As they are then.
    pub subscriber: Subscriber,
    /// What stands for their number in keys.
    pub hash: String,
    /// What stood for it before, where they had another.
    pub old_hash: Option<String>,
}

/// Writes a [`SubscriberChange`] makes at most.
const WRITES_OF_CHANGE: usize = 3;
/// What one transaction takes.
const TRANSACTION: usize = 100;

/// Some of a shard, in order of their ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriberPage {
    /// The subscribers.
    pub subscribers: Vec<Subscriber>,
    /// Whether there are none behind them.
    pub is_last: bool,
}

impl Store {
    /// How many changes one commit takes.
    pub const SUBSCRIBER_CHANGES: usize = TRANSACTION / WRITES_OF_CHANGE;

    /// Those of `ids` that are there, in any order; a hundred in one round trip.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn subscribers(
        &self,
        merchant: &MerchantId,
        ids: &[SubscriberId],
    ) -> Result<Vec<Subscriber>, StoreError> {
        let wanted = ids.iter().map(|id| keys::subscriber(merchant, id).item());
        let items = self.batch_get(wanted.collect()).await?;
        items.into_iter().map(subscriber).collect()
    }

    /// At most `limit` of a shard's subscribers, in order of their ids, behind `after`.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn subscriber_page(
        &self,
        merchant: &MerchantId,
        shard: u8,
        after: Option<&SubscriberId>,
        limit: u16,
    ) -> Result<SubscriberPage, StoreError> {
        let pk = keys::subscribers(merchant, shard);
        let start = after.map(|id| {
            Item::from([
                ("PK".to_owned(), text(&pk)),
                ("SK".to_owned(), text(id.as_str())),
            ])
        });
        let answer = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("PK = :pk")
            .expression_attribute_values(":pk", text(&pk))
            .consistent_read(true)
            .limit(limit.max(1).into())
            .set_exclusive_start_key(start)
            .send()
            .await
            .map_err(unavailable)?;
        let is_last = answer.last_evaluated_key.is_none();
        let items = answer.items.unwrap_or_default();
        let subscribers: Result<Vec<_>, _> = items.into_iter().map(subscriber).collect();
        Ok(SubscriberPage {
            subscribers: subscribers?,
            is_last,
        })
    }

    /// How many of a shard's subscribers were made within a time, its end left out. All are read and
    /// only their number is brought: a query a megabyte.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn subscribers_made(
        &self,
        merchant: &MerchantId,
        shard: u8,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<u64, StoreError> {
        // Whole seconds are kept of when somebody was made.
        let second = |at: Timestamp| AttributeValue::N(at.as_second().to_string());
        let (mut count, mut start) = (0_u64, None);
        loop {
            let answer = self
                .client
                .query()
                .table_name(&self.table)
                .key_condition_expression("PK = :pk")
                .filter_expression("made_at >= :from AND made_at < :until")
                .expression_attribute_values(":pk", text(&keys::subscribers(merchant, shard)))
                .expression_attribute_values(":from", second(from))
                .expression_attribute_values(":until", second(until))
                .select(Select::Count)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(unavailable)?;
            count = count.saturating_add(answer.count.try_into().unwrap_or_default());
            start = answer.last_evaluated_key;
            if start.is_none() {
                return Ok(count);
            }
        }
    }

    /// Whose number a contact is.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn subscribers_of_contact(
        &self,
        merchant: &MerchantId,
        hash: &str,
    ) -> Result<Vec<SubscriberId>, StoreError> {
        let mut ids = Vec::new();
        let mut start = None;
        loop {
            let answer = self
                .client
                .query()
                .table_name(&self.table)
                .key_condition_expression("PK = :pk AND begins_with(SK, :prefix)")
                .expression_attribute_values(":pk", text(&keys::contact(merchant, hash).pk))
                .expression_attribute_values(":prefix", text(keys::CONTACT_SUBSCRIBER_PREFIX))
                .consistent_read(true)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(unavailable)?;
            for item in answer.items.unwrap_or_default() {
                let key = sort_key(&item);
                if let Some(id) = key.strip_prefix(keys::CONTACT_SUBSCRIBER_PREFIX) {
                    ids.push(SubscriberId::parse(id).map_err(broken)?);
                }
            }
            start = answer.last_evaluated_key;
            if start.is_none() {
                return Ok(ids);
            }
        }
    }

    /// Writes subscribers with their pointers, all or none of them; at most
    /// [`Self::SUBSCRIBER_CHANGES`], and none twice.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where another change of one of them came first.
    pub async fn put_subscribers(
        &self,
        merchant: &MerchantId,
        changes: &[SubscriberChange],
    ) -> Result<(), StoreError> {
        let mut writes = Vec::new();
        for change in changes {
            self.put_subscriber(merchant, change, &mut writes)?;
        }
        self.transact(writes, Places::default()).await
    }

    /// Writes a step of the dialogue that leads a subscriber's bills to its chat, and the
    /// subscriber in the version to be written.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when another update of the chat, or another change of the
    /// subscriber, came first.
    pub async fn link_chat(
        &self,
        merchant: &MerchantId,
        chat: &ChatRecord,
        subscriber: &Subscriber,
    ) -> Result<(), StoreError> {
        let key = keys::subscriber(merchant, &subscriber.id);
        let item = to_item(&Keyed::new(key, SubscriberRow::from(subscriber)))?;
        let writes = vec![
            self.chat_put(merchant, chat)?,
            self.put_over(item, subscriber.version.saturating_sub(1))?,
        ];
        self.transact(writes, Places::default()).await
    }

    fn put_subscriber(
        &self,
        merchant: &MerchantId,
        change: &SubscriberChange,
        writes: &mut Vec<TransactWriteItem>,
    ) -> Result<(), StoreError> {
        let subscriber = &change.subscriber;
        let key = keys::subscriber(merchant, &subscriber.id);
        let item = to_item(&Keyed::new(key, SubscriberRow::from(subscriber)))?;
        let pointer = |hash: &str| keys::contact_subscriber(merchant, hash, &subscriber.id);
        let is_new = subscriber.version <= 1;
        writes.push(if is_new {
            self.put_new(item)?
        } else {
            self.put_over(item, subscriber.version.saturating_sub(1))?
        });
        if let Some(old) = &change.old_hash {
            writes.push(self.delete(&pointer(old))?);
        }
        if is_new || change.old_hash.is_some() {
            writes.push(self.put(to_item(&Keyed::new(pointer(&change.hash), ()))?)?);
        }
        Ok(())
    }

    /// Takes out a subscriber of this version and the pointer to them. Their bills stay, which
    /// carry what they need; a person's data that nothing needs any more is not kept.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where another change came first.
    pub async fn remove_subscriber(
        &self,
        merchant: &MerchantId,
        subscriber: &Subscriber,
        hash: &str,
    ) -> Result<(), StoreError> {
        let version = AttributeValue::N(subscriber.version.to_string());
        let delete = Delete::builder()
            .table_name(&self.table)
            .set_key(Some(keys::subscriber(merchant, &subscriber.id).item()))
            .condition_expression("version = :version")
            .expression_attribute_values(":version", version)
            .build()
            .map_err(broken)?;
        let pointer = keys::contact_subscriber(merchant, hash, &subscriber.id);
        let writes = vec![
            TransactWriteItem::builder().delete(delete).build(),
            self.delete(&pointer)?,
        ];
        self.transact(writes, Places::default()).await
    }
}
