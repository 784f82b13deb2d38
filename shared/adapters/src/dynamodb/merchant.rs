use pesan_domain::catalog::{Catalog, Item as CatalogItem};
use pesan_domain::ids::MerchantId;
use pesan_domain::merchant::Merchant;

use super::reservation::sort_key;
use super::rows::{ItemRow, Keyed, MerchantRow};
use super::{Store, StoreError, broken, from_item, keys, to_item, unavailable};

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

    /// The ids of all merchants.
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

    /// Writes a merchant and its catalog, over what is there: the operator's command.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn put_merchant(
        &self,
        merchant: &Merchant,
        catalog: &[CatalogItem],
    ) -> Result<(), StoreError> {
        let directory = keys::directory(merchant.zone.as_str(), &merchant.id);
        let profile = MerchantRow::from(merchant);
        let mut rows = vec![
            to_item(&Keyed::new(directory, ()))?,
            to_item(&Keyed::new(keys::merchant(&merchant.id), profile))?,
        ];
        for item in catalog {
            rows.push(to_item(&Keyed::new(
                keys::item(&merchant.id, &item.id),
                ItemRow::from(item),
            ))?);
        }
        for rows in rows.chunks(BATCH) {
            let writes = rows
                .iter()
                .map(|row| {
                    let put = aws_sdk_dynamodb::types::PutRequest::builder()
                        .set_item(Some(row.clone()))
                        .build()
                        .map_err(broken)?;
                    Ok(aws_sdk_dynamodb::types::WriteRequest::builder()
                        .put_request(put)
                        .build())
                })
                .collect::<Result<Vec<_>, StoreError>>()?;
            let answer = self
                .client
                .batch_write_item()
                .request_items(&self.table, writes)
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
}

/// What one `BatchWriteItem` takes.
const BATCH: usize = 25;
