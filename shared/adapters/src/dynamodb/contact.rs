//! What a merchant knows of a phone. The number itself stands nowhere in the row, only a keyed hash
//! in its key.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use pesan_domain::ids::MerchantId;
use pesan_domain::merchant::Merchant;
use pesan_domain::message::consent::{Consent, Keyword};
use pesan_domain::whatsapp::Contact;
use serde::{Deserialize, Serialize};

use super::reservation::sort_key;
use super::rows::{Keyed, MerchantRow};
use super::{
    BATCH_GET, Item, Store, StoreError, broken, from_item, keys, lost_or_unavailable, to_item,
};

/// How many contacts one read finds beside their merchant.
pub const CONTACTS_A_READ: usize = BATCH_GET - 1;

#[derive(Clone, Debug, Serialize, Deserialize)]
struct ContactRow {
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
    version: u64,
}

impl From<&Contact> for ContactRow {
    fn from(contact: &Contact) -> Self {
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
            version: contact.version,
        }
    }
}

impl ContactRow {
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
    pub async fn contact(
        &self,
        merchant: &MerchantId,
        hash: &str,
    ) -> Result<(Option<Merchant>, Contact), StoreError> {
        let (profile, mut contacts) = self.contacts(merchant, &[hash]).await?;
        Ok((profile, contacts.remove(hash).unwrap_or_default()))
    }

    /// As [`Store::contact`], of up to [`CONTACTS_A_READ`] phones in one read, by their hashes;
    /// without those never heard of.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn contacts(
        &self,
        merchant: &MerchantId,
        hashes: &[&str],
    ) -> Result<(Option<Merchant>, HashMap<String, Contact>), StoreError> {
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
                    found.insert((*hash).to_owned(), row.row.contact()?);
                }
            } else {
                profile = Some(from_item::<Keyed<MerchantRow>>(item)?.row.merchant()?);
            }
        }
        Ok((profile, found))
    }

    /// Writes a contact over the version before it.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where another message came first.
    pub async fn put_contact(
        &self,
        merchant: &MerchantId,
        hash: &str,
        contact: &Contact,
    ) -> Result<(), StoreError> {
        let row = Keyed::new(keys::contact(merchant, hash), ContactRow::from(contact));
        self.put_next(to_item(&row)?, contact.version).await
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

/// A text as DynamoDB has it.
pub(super) fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}
