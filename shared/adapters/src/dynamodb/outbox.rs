use aws_sdk_dynamodb::types::{
    AttributeValue, Delete, DeleteRequest, TransactWriteItem, WriteRequest,
};
use jiff::Timestamp;
use pesan_domain::ids::EventId;
use serde::{Deserialize, Serialize};

use super::keys::Key;
use super::rows::Keyed;
use super::{Item, Places, Store, StoreError, broken, from_item, keys, to_item, unavailable};
use crate::events::{Envelope, NotAnEvent};

/// What one `BatchWriteItem` takes.
const BATCH_WRITE: usize = 25;

/// An event that was committed and that the bus has not taken yet.
#[derive(Serialize, Deserialize)]
struct OutboxRow {
    event: String,
}

/// As lenient as a row can be read.
#[derive(Deserialize)]
struct StoredRow {
    #[serde(default)]
    event: Option<String>,
}

/// A row of the outbox.
#[derive(Clone, Debug)]
pub struct Announced {
    key: Key,
    /// The event, unless this version cannot read it.
    pub envelope: Result<Envelope, NotAnEvent>,
    /// As it is stored.
    pub json: String,
}

/// The row that has an event announced.
pub(super) fn outbox_item(envelope: &Envelope) -> Result<Item, StoreError> {
    row_of(envelope, &envelope.id)
}

fn row_of(envelope: &Envelope, sort_key: &EventId) -> Result<Item, StoreError> {
    let key = keys::outbox_row(keys::shard(envelope.id.as_str()), sort_key.as_str());
    let event = envelope.to_json().map_err(broken)?;
    to_item(&Keyed::new(key, OutboxRow { event }))
}

impl Announced {
    /// Reads a row's image as the table's stream shows it; none where it is no row of the outbox.
    ///
    /// # Errors
    /// [`StoreError::Broken`] for one that has no event.
    pub fn of_stream(image: &serde_json::Value) -> Result<Option<Self>, StoreError> {
        // All that a row of the outbox has is text.
        let texts = image.as_object().into_iter().flatten();
        let texts = texts.filter_map(|(name, value)| {
            let text = value.get("S")?.as_str()?;
            Some((name.clone(), AttributeValue::S(text.to_owned())))
        });
        Self::read(texts.collect())
    }

    /// A row as it is stored; one without an event cannot be read, and stays.
    fn stored(item: Item) -> Result<Self, StoreError> {
        let Keyed { pk, sk, row, .. } = from_item::<Keyed<StoredRow>>(item)?;
        let json = row.event.unwrap_or_default();
        Ok(Self {
            key: Key { pk, sk },
            envelope: Envelope::parse(&json),
            json,
        })
    }

    fn read(item: Item) -> Result<Option<Self>, StoreError> {
        let of_outbox = item
            .get("PK")
            .and_then(|value| value.as_s().ok())
            .is_some_and(|pk| pk.starts_with("OUTBOX#"));
        if !of_outbox {
            return Ok(None);
        }
        let Keyed { pk, sk, row, .. } = from_item::<Keyed<OutboxRow>>(item)?;
        Ok(Some(Self {
            key: Key { pk, sk },
            envelope: Envelope::parse(&row.event),
            json: row.event,
        }))
    }
}

impl Store {
    /// Takes rows out of the outbox; what is left there is announced again later.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn relayed(&self, rows: &[&Announced]) -> Result<(), StoreError> {
        for rows in rows.chunks(BATCH_WRITE) {
            let requests: Result<Vec<_>, StoreError> = rows
                .iter()
                .map(|row| {
                    let delete = DeleteRequest::builder().set_key(Some(row.key.item()));
                    let delete = delete.build().map_err(broken)?;
                    Ok(WriteRequest::builder().delete_request(delete).build())
                })
                .collect();
            let answer = self
                .client
                .batch_write_item()
                .request_items(&self.table, requests?)
                .send()
                .await
                .map_err(unavailable)?;
            if answer
                .unprocessed_items()
                .is_some_and(|left| !left.is_empty())
            {
                return Err(StoreError::Unavailable("unprocessed items".to_owned()));
            }
        }
        Ok(())
    }

    /// The oldest rows of a shard of the outbox that were written before `before`, `most` at most,
    /// and only what follows `after`.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn unrelayed(
        &self,
        shard: u8,
        before: Timestamp,
        after: Option<&Announced>,
        most: i32,
    ) -> Result<Vec<Announced>, StoreError> {
        let below = EventId::time(before);
        let after = after.map(|row| &row.key);
        let items = self.oldest(keys::outbox(shard), below, after, most).await?;
        items.into_iter().map(Announced::stored).collect()
    }

    /// Announces an event again: by a fresh row, so that the stream shows an insert.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the row is gone meanwhile.
    pub async fn announce_again(
        &self,
        row: &Announced,
        envelope: &Envelope,
        sort_key: &EventId,
    ) -> Result<(), StoreError> {
        let writes = vec![
            self.delete_there(&row.key)?,
            self.put(row_of(envelope, sort_key)?)?,
        ];
        self.transact(writes, Places::default()).await
    }

    /// The first rows of a partition below a sort key, and behind `after`; `most` at most.
    pub(super) async fn oldest(
        &self,
        pk: String,
        below: String,
        after: Option<&Key>,
        most: i32,
    ) -> Result<Vec<Item>, StoreError> {
        let answer = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("PK = :pk AND SK < :below")
            .expression_attribute_values(":pk", AttributeValue::S(pk))
            .expression_attribute_values(":below", AttributeValue::S(below))
            .consistent_read(true)
            .set_exclusive_start_key(after.map(Key::item))
            .limit(most)
            .send()
            .await
            .map_err(unavailable)?;
        Ok(answer.items.unwrap_or_default())
    }

    /// Deletes a row that must still be there.
    pub(super) fn delete_there(&self, key: &Key) -> Result<TransactWriteItem, StoreError> {
        let delete = Delete::builder()
            .table_name(&self.table)
            .set_key(Some(key.item()))
            .condition_expression("attribute_exists(PK)")
            .build()
            .map_err(broken)?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }
}
