use aws_sdk_dynamodb::types::{DeleteRequest, PutRequest, WriteRequest};
use pesan_domain::calendar::Zone;
use pesan_domain::catalog::{Catalog, Item as CatalogItem};
use pesan_domain::ids::{ItemId, MerchantId};
use pesan_domain::merchant::Merchant;

use super::reservation::sort_key;
use super::rows::{ItemRow, Keyed, MerchantRow};
use super::{Item, Store, StoreError, broken, from_item, keys, to_item, unavailable};

/// What one `BatchWriteItem` takes.
const BATCH: usize = 25;
/// How often what a batch left out is asked for again.
const BATCH_TRIES: u32 = 5;

impl Store {
    /// A merchant's profile with its whole catalog, in one read: they share a partition.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn shop(&self, id: &MerchantId) -> Result<Option<(Merchant, Catalog)>, StoreError> {
        let mut profile = None;
        let mut items = Vec::new();
        for item in self.partition(keys::merchant(id).pk).await? {
            match sort_key(&item) {
                "PROFILE" => profile = Some(from_item::<Keyed<MerchantRow>>(item)?.row.merchant()?),
                key if key.starts_with(keys::ITEM_PREFIX) => {
                    items.push(from_item::<Keyed<ItemRow>>(item)?.row.item()?);
                }
                _ => {}
            }
        }
        Ok(profile.map(|merchant| (merchant, Catalog::new(items))))
    }

    /// A merchant's profile.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn profile(&self, id: &MerchantId) -> Result<Option<Merchant>, StoreError> {
        let items = self.batch_get(vec![keys::merchant(id).item()]).await?;
        let item = items.into_iter().next();
        item.map(|item| from_item::<Keyed<MerchantRow>>(item)?.row.merchant())
            .transpose()
    }

    /// The ids of all merchants, by zone.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn merchants(&self) -> Result<Vec<MerchantId>, StoreError> {
        self.partition(keys::DIRECTORY.to_owned())
            .await?
            .iter()
            .filter_map(|item| sort_key(item).split_once('#'))
            .map(|(_, id)| MerchantId::parse(id).map_err(broken))
            .collect()
    }

    /// The ids of the merchants of a zone.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn merchants_in(&self, zone: Zone) -> Result<Vec<MerchantId>, StoreError> {
        self.partition(keys::DIRECTORY.to_owned())
            .await?
            .iter()
            .filter_map(|item| sort_key(item).split_once('#'))
            .filter(|(of, _)| *of == zone.as_str())
            .map(|(_, id)| MerchantId::parse(id).map_err(broken))
            .collect()
    }

    /// Writes a merchant that is not there yet, and its place in the directory.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where there is one of this id.
    pub async fn add_merchant(&self, merchant: &Merchant) -> Result<(), StoreError> {
        let directory = keys::directory(merchant.zone.as_str(), &merchant.id);
        let writes = vec![
            self.put_new(profile(merchant)?)?,
            self.put(to_item(&Keyed::new(directory, ()))?)?,
        ];
        self.transact(writes, super::Places::default()).await
    }

    /// Writes a merchant's profile over the version before it.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where another change came first.
    pub async fn change_merchant(&self, merchant: &Merchant) -> Result<(), StoreError> {
        let before = merchant.version.saturating_sub(1);
        self.put_alone_over(profile(merchant)?, before).await
    }

    /// Writes items of a catalog over what is there, and takes others out. A call that broke off
    /// is finished by the same call again.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn write_catalog(
        &self,
        merchant: &MerchantId,
        put: &[CatalogItem],
        remove: &[ItemId],
    ) -> Result<(), StoreError> {
        let mut writes = Vec::new();
        for item in put {
            let row = Keyed::new(keys::item(merchant, &item.id), ItemRow::from(item));
            writes.push(put_request(to_item(&row)?)?);
        }
        for id in remove {
            let delete = DeleteRequest::builder()
                .set_key(Some(keys::item(merchant, id).item()))
                .build()
                .map_err(broken)?;
            writes.push(WriteRequest::builder().delete_request(delete).build());
        }
        for writes in writes.chunks(BATCH) {
            self.write_batch(writes.to_vec()).await?;
        }
        Ok(())
    }

    /// Asks again for what DynamoDB left out, a few times.
    async fn write_batch(&self, mut writes: Vec<WriteRequest>) -> Result<(), StoreError> {
        for _ in 0..BATCH_TRIES {
            let answer = self
                .client
                .batch_write_item()
                .request_items(&self.table, writes)
                .send()
                .await
                .map_err(unavailable)?;
            let left = answer.unprocessed_items.unwrap_or_default();
            writes = left.into_values().flatten().collect();
            if writes.is_empty() {
                return Ok(());
            }
        }
        Err(StoreError::Unavailable("unprocessed items".to_owned()))
    }
}

pub(super) fn profile(merchant: &Merchant) -> Result<Item, StoreError> {
    let key = keys::merchant(&merchant.id);
    to_item(&Keyed::new(key, MerchantRow::from(merchant)))
}

fn put_request(item: Item) -> Result<WriteRequest, StoreError> {
    let put = PutRequest::builder()
        .set_item(Some(item))
        .build()
        .map_err(broken)?;
    Ok(WriteRequest::builder().put_request(put).build())
}
