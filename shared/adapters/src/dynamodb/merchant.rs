use pesan_domain::catalog::{Catalog, Item as CatalogItem};
use pesan_domain::ids::MerchantId;
use pesan_domain::merchant::Merchant;

use super::rows::{ItemRow, Keyed, MerchantRow};
use super::{Store, StoreError, broken, from_item, keys, to_item, unavailable};

impl Store {
    /// A merchant's profile.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn merchant(&self, id: &MerchantId) -> Result<Option<Merchant>, StoreError> {
        let items = self.batch_get(vec![keys::merchant(id).item()]).await?;
        items
            .into_iter()
            .next()
            .map(|item| from_item::<Keyed<MerchantRow>>(item)?.row.merchant())
            .transpose()
    }

    /// A merchant's whole catalog.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn catalog(&self, id: &MerchantId) -> Result<Catalog, StoreError> {
        let items = self
            .query(keys::merchant(id).pk, keys::ITEM_PREFIX)
            .await?
            .into_iter()
            .map(|item| from_item::<Keyed<ItemRow>>(item)?.row.item())
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Catalog::new(items))
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
