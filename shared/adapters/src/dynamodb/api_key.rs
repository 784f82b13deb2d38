//! Keys of the REST API, found by their hash, and how full the bucket of each is.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::TransactWriteItem;
use jiff::{SignedDuration, Timestamp};
use pesan_domain::api_key::{ApiKey, KeyId, Rate, Scope};
use pesan_domain::bucket::Level;
use pesan_domain::ids::MerchantId;
use serde::{Deserialize, Serialize};

use super::rows::Keyed;
use super::{Places, Store, StoreError, broken, from_item, keys, to_item};

/// A bucket that nobody took from for so long is full, whatever its size, and its row may go.
const BUCKET_KEPT: SignedDuration = SignedDuration::from_hours(48);

#[derive(Clone, Debug, Serialize, Deserialize)]
struct KeyRow {
    id: String,
    merchant: String,
    name: String,
    scopes: Vec<String>,
    per_second: u32,
    burst: u32,
    made_at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    revoked_at: Option<i64>,
    version: u64,
}

impl From<&ApiKey> for KeyRow {
    fn from(key: &ApiKey) -> Self {
        Self {
            id: key.id.as_str().to_owned(),
            merchant: key.merchant.as_str().to_owned(),
            name: key.name.clone(),
            scopes: key.scopes.iter().map(|one| one.name().to_owned()).collect(),
            per_second: key.rate.per_second,
            burst: key.rate.burst,
            made_at: key.made_at.as_second(),
            revoked_at: key.revoked_at.map(Timestamp::as_second),
            version: key.version,
        }
    }
}

impl KeyRow {
    fn key(self) -> Result<ApiKey, StoreError> {
        let scopes = self.scopes.iter().map(|name| Scope::parse(name));
        let revoked_at = self.revoked_at.map(Timestamp::from_second).transpose();
        Ok(ApiKey {
            id: KeyId::parse(&self.id).map_err(broken)?,
            merchant: MerchantId::parse(&self.merchant).map_err(broken)?,
            name: self.name,
            scopes: scopes.collect::<Result<BTreeSet<_>, _>>().map_err(broken)?,
            rate: Rate {
                per_second: self.per_second,
                burst: self.burst,
            },
            made_at: Timestamp::from_second(self.made_at).map_err(broken)?,
            revoked_at: revoked_at.map_err(broken)?,
            version: self.version,
        })
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct RateRow {
    at: i64,
    parts: u64,
    version: u64,
    expires_at: i64,
}

/// How full a key's bucket was when somebody last took from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredLevel {
    /// The level.
    pub level: Level,
    /// Counts its changes; the next has one more.
    pub version: u64,
}

impl Store {
    /// The key whose hash is `hash`, revoked or not.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn api_key(&self, hash: &str) -> Result<Option<ApiKey>, StoreError> {
        let items = self.batch_get(vec![keys::api_key(hash).item()]).await?;
        let item = items.into_iter().next();
        item.map(|item| from_item::<Keyed<KeyRow>>(item)?.row.key())
            .transpose()
    }

    /// All keys of a merchant with their hashes, revoked ones too.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn api_keys(
        &self,
        merchant: &MerchantId,
    ) -> Result<Vec<(String, ApiKey)>, StoreError> {
        let pointers = self.partition(keys::api_keys(merchant)).await?;
        let mut wanted = Vec::new();
        for pointer in pointers {
            let hash = from_item::<Keyed<()>>(pointer)?.sk;
            wanted.push(keys::api_key(&hash).item());
        }
        let mut found = Vec::new();
        for item in self.batch_get(wanted).await? {
            let row = from_item::<Keyed<KeyRow>>(item)?;
            let hash = row.pk.strip_prefix("KEY#").map(str::to_owned);
            let hash = hash.ok_or_else(|| broken("the place of a key"))?;
            found.push((hash, row.row.key()?));
        }
        Ok(found)
    }

    /// Writes a key that is not there yet, and the merchant's pointer to it.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where there is one of this hash.
    pub async fn add_api_key(&self, hash: &str, key: &ApiKey) -> Result<(), StoreError> {
        let pointer = Keyed::new(keys::api_key_pointer(&key.merchant, hash), ());
        let writes: Vec<TransactWriteItem> = vec![
            self.put_new(to_item(&row(hash, key))?)?,
            self.put(to_item(&pointer)?)?,
        ];
        self.transact(writes, Places::default()).await
    }

    /// Writes a key over the version before it.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where another change came first.
    pub async fn change_api_key(&self, hash: &str, key: &ApiKey) -> Result<(), StoreError> {
        self.put_next(to_item(&row(hash, key))?, key.version).await
    }

    /// How full a key's bucket is; none where nobody has taken from it for long, and it is full.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn rate_level(&self, id: &KeyId) -> Result<Option<StoredLevel>, StoreError> {
        let items = self.batch_get(vec![keys::rate(id).item()]).await?;
        let Some(item) = items.into_iter().next() else {
            return Ok(None);
        };
        let row = from_item::<Keyed<RateRow>>(item)?.row;
        Ok(Some(StoredLevel {
            level: Level {
                at: Timestamp::from_microsecond(row.at).map_err(broken)?,
                parts: row.parts,
            },
            version: row.version,
        }))
    }

    /// Writes how full a key's bucket is over the version before.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where somebody else has taken from it.
    pub async fn put_rate_level(&self, id: &KeyId, stored: StoredLevel) -> Result<(), StoreError> {
        let row = RateRow {
            at: stored.level.at.as_microsecond(),
            parts: stored.level.parts,
            version: stored.version,
            expires_at: stored
                .level
                .at
                .as_second()
                .saturating_add(BUCKET_KEPT.as_secs()),
        };
        let item = to_item(&Keyed::new(keys::rate(id), row))?;
        self.put_next(item, stored.version).await
    }
}

fn row(hash: &str, key: &ApiKey) -> Keyed<KeyRow> {
    Keyed::new(keys::api_key(hash), KeyRow::from(key))
}
