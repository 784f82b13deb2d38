//! What a merchant knows of a phone. The number itself stands nowhere in the row, only a keyed hash
//! in its key.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};
use jiff::Timestamp;
use pesan_domain::ids::MerchantId;
use pesan_domain::merchant::Merchant;
use pesan_domain::message::consent::{Consent, Keyword};
use pesan_domain::whatsapp::Contact;
use serde::{Deserialize, Serialize};

use super::reservation::sort_key;
use super::rows::{Keyed, MerchantRow};
use super::surroundings::PhoneState;
use super::{
    BATCH_GET, Item, MessageRecord, Places, Recipients, Store, StoreError, To, broken, from_item,
    keys, lost_or_unavailable, to_item,
};
use crate::events::Envelope;

/// How many phones one read finds beside their merchant.
pub const PHONES_A_READ: usize = BATCH_GET - 1;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ContactRow {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    opted_out_at: Option<i64>,
    /// The newest keyword, when it was written, and that it was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keyword: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keyword_at: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_inbound: Option<i64>,
    #[serde(default)]
    claims: Vec<String>,
    /// In milliseconds: until when Meta wants it left alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rests_until: Option<i64>,
    /// The last day on which it counted among the day's recipients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reached_on: Option<String>,
    version: u64,
}

impl From<&PhoneState> for ContactRow {
    fn from(phone: &PhoneState) -> Self {
        let contact = &phone.contact;
        let Consent {
            opted_out_at,
            heard_at,
            answered,
        } = contact.consent;
        Self {
            opted_out_at: opted_out_at.map(Timestamp::as_second),
            keyword: answered.map(|keyword| keyword.name().to_owned()),
            keyword_at: heard_at.map(Timestamp::as_second),
            last_inbound: contact.last_inbound.map(Timestamp::as_second),
            claims: contact.claims.clone(),
            rests_until: phone.rests_until.map(Timestamp::as_millisecond),
            reached_on: phone.reached_on.map(|day| day.to_string()),
            version: contact.version,
        }
    }
}

impl ContactRow {
    pub fn state(self) -> Result<PhoneState, StoreError> {
        let rests_until = self.rests_until.map(Timestamp::from_millisecond);
        let reached_on = self.reached_on.as_deref().map(str::parse);
        Ok(PhoneState {
            rests_until: rests_until.transpose().map_err(broken)?,
            reached_on: reached_on.transpose().map_err(broken)?,
            contact: self.contact()?,
        })
    }

    fn contact(self) -> Result<Contact, StoreError> {
        let at = |second: Option<i64>| second.map(Timestamp::from_second).transpose();
        let keyword = self.keyword.as_deref().map(Keyword::parse).transpose();
        Ok(Contact {
            consent: Consent {
                opted_out_at: at(self.opted_out_at).map_err(broken)?,
                heard_at: at(self.keyword_at).map_err(broken)?,
                answered: keyword.map_err(broken)?,
            },
            last_inbound: at(self.last_inbound).map_err(broken)?,
            claims: self.claims,
            version: self.version,
        })
    }
}

impl Store {
    /// A merchant's profile and what it knows of a phone, in one read. A phone never heard of is a
    /// contact of version 0.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn phone(
        &self,
        merchant: &MerchantId,
        hash: &str,
    ) -> Result<(Option<Merchant>, PhoneState), StoreError> {
        let (profile, mut phones) = self.phones(merchant, &[hash]).await?;
        Ok((profile, phones.remove(hash).unwrap_or_default()))
    }

    /// As [`Store::phone`], of up to [`PHONES_A_READ`] phones in one read, by their hashes;
    /// without those never heard of.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn phones(
        &self,
        merchant: &MerchantId,
        hashes: &[&str],
    ) -> Result<(Option<Merchant>, HashMap<String, PhoneState>), StoreError> {
        let keys: HashMap<String, &str> = hashes
            .iter()
            .map(|hash| (keys::contact(merchant, hash).pk, *hash))
            .collect();
        let contacts = hashes
            .iter()
            .map(|hash| keys::contact(merchant, hash).item());
        let wanted = std::iter::once(keys::merchant(merchant).item())
            .chain(contacts)
            .collect();
        let (mut profile, mut found) = (None, HashMap::new());
        for item in self.batch_get(wanted).await? {
            if sort_key(&item) == "CONTACT" {
                let row = from_item::<Keyed<ContactRow>>(item)?;
                if let Some(hash) = keys.get(&row.pk) {
                    found.insert((*hash).to_owned(), row.row.state()?);
                }
            } else {
                profile = Some(from_item::<Keyed<MerchantRow>>(item)?.row.merchant()?);
            }
        }
        Ok((profile, found))
    }

    /// Writes a contact over the version before it, and the message that answers what was heard.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where another message came first.
    pub async fn put_phone(
        &self,
        merchant: &MerchantId,
        hash: &str,
        phone: &PhoneState,
        answer: Option<(&MessageRecord, &Envelope)>,
    ) -> Result<(), StoreError> {
        let row = Keyed::new(keys::contact(merchant, hash), ContactRow::from(phone));
        let (item, version) = (to_item(&row)?, phone.contact.version);
        let Some((record, envelope)) = answer else {
            return self.put_next(item, version).await;
        };
        let writes = vec![self.next(item, version)?];
        let (writes, places) = self.queueing(writes, Places::default(), record, envelope)?;
        self.transact(writes, places).await
    }

    /// Leaves a recipient alone until then. The row may not be there yet.
    pub(super) fn rests(
        &self,
        record: &MessageRecord,
        until: Timestamp,
    ) -> Result<Option<TransactWriteItem>, StoreError> {
        let To::Phone { contact, .. } = &record.to else {
            return Ok(None);
        };
        let until = AttributeValue::N(until.as_millisecond().to_string());
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(
                keys::contact(&record.message.merchant, contact).item(),
            ))
            .update_expression("SET rests_until = :until ADD version :one")
            .expression_attribute_values(":until", until)
            .expression_attribute_values(":one", one())
            .build()
            .map_err(broken)?;
        Ok(Some(TransactWriteItem::builder().update(update).build()))
    }

    /// Counts people among a day's recipients, each once, while there is room.
    pub(super) fn reaching(
        &self,
        recipients: &Recipients<'_>,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let Recipients {
            merchant,
            day,
            most,
            contacts,
        } = recipients;
        let count = u32::try_from(contacts.len()).map_err(broken)?;
        let room = most
            .checked_sub(count)
            .ok_or_else(|| broken("more recipients than a day has"))?;
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(keys::recipients(merchant, *day).item()))
            .update_expression("ADD reached :count")
            .condition_expression("attribute_not_exists(reached) OR reached <= :room")
            .expression_attribute_values(":count", AttributeValue::N(count.to_string()))
            .expression_attribute_values(":room", AttributeValue::N(room.to_string()))
            .build()
            .map_err(broken)?;
        let mut writes = vec![TransactWriteItem::builder().update(update).build()];
        for contact in contacts {
            let update = Update::builder()
                .table_name(&self.table)
                .set_key(Some(keys::contact(merchant, contact).item()))
                .update_expression("SET reached_on = :day ADD version :one")
                .condition_expression("attribute_not_exists(reached_on) OR reached_on <> :day")
                .expression_attribute_values(":day", text(&day.to_string()))
                .expression_attribute_values(":one", one())
                .build()
                .map_err(broken)?;
            writes.push(TransactWriteItem::builder().update(update).build());
        }
        Ok(writes)
    }

    /// Version `next` of a row, over the one before or where there is none.
    pub(super) fn next(&self, item: Item, next: u64) -> Result<TransactWriteItem, StoreError> {
        match next.saturating_sub(1) {
            0 => self.put_new(item),
            before => self.put_over(item, before),
        }
    }

    /// Puts version `next` of a row over the one before, or where there is none.
    pub(super) async fn put_next(&self, item: Item, next: u64) -> Result<(), StoreError> {
        let before = next.saturating_sub(1);
        if before > 0 {
            return self.put_alone_over(item, before).await;
        }
        self.client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(PK)")
            .send()
            .await
            .map_err(lost_or_unavailable)?;
        Ok(())
    }
}

fn one() -> AttributeValue {
    AttributeValue::N("1".to_owned())
}

/// A text as DynamoDB has it.
pub(super) fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}
