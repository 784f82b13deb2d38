//! Links: what a token's hash points at.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use pesan_domain::ids::{BillId, BookingCode, MerchantId};
use pesan_domain::merchant::Merchant;

use super::reservation::RESERVATIONS;
use super::rows::{Keyed, LinkRow};
use super::{Store, StoreError, broken, from_item, keys, to_item, unavailable};

/// A page that a link opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkedPage {
    /// A booking's order page.
    Order(BookingCode),
    /// A bill's page.
    Bill(BillId),
}

impl Store {
    /// The bill that a link's hash points at.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn bill_link(
        &self,
        token_hash: &str,
    ) -> Result<Option<(MerchantId, BillId)>, StoreError> {
        let items = self.batch_get(vec![keys::link(token_hash).item()]).await?;
        let Some(item) = items.into_iter().next() else {
            return Ok(None);
        };
        let row = from_item::<Keyed<LinkRow>>(item)?.row;
        if !row.is_of_bill() {
            return Ok(None);
        }
        Ok(Some((
            MerchantId::parse(&row.merchant).map_err(broken)?,
            BillId::parse(&row.code).map_err(broken)?,
        )))
    }

    /// The order that a link's hash points at.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn link(
        &self,
        token_hash: &str,
    ) -> Result<Option<(MerchantId, BookingCode)>, StoreError> {
        let items = self.batch_get(vec![keys::link(token_hash).item()]).await?;
        let Some(item) = items.into_iter().next() else {
            return Ok(None);
        };
        let row = from_item::<Keyed<LinkRow>>(item)?.row;
        if row.is_of_bill() {
            return Ok(None);
        }
        Ok(Some((
            MerchantId::parse(&row.merchant).map_err(broken)?,
            BookingCode::parse(&row.code).map_err(broken)?,
        )))
    }

    /// Lets one more token lead to a page.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn add_link(
        &self,
        token_hash: &str,
        merchant: &MerchantId,
        page: &LinkedPage,
    ) -> Result<(), StoreError> {
        let row = match page {
            LinkedPage::Order(code) => LinkRow::of_order(merchant, code),
            LinkedPage::Bill(bill) => LinkRow::of_bill(merchant, bill),
        };
        let row = Keyed::new(keys::link(token_hash), row);
        self.put_alone(to_item(&row)?).await
    }

    /// Takes a token's way to its page out.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn remove_link(&self, token_hash: &str) -> Result<(), StoreError> {
        self.client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(keys::link(token_hash).item()))
            .send()
            .await
            .map_err(unavailable)?;
        Ok(())
    }

    /// The bookings that were made on the day of an instant, in the merchant's zone.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn bookings_made(
        &self,
        merchant: &Merchant,
        day: Timestamp,
    ) -> Result<Vec<BookingCode>, StoreError> {
        let partition = keys::made_on(merchant, RESERVATIONS, day);
        let mut codes = Vec::new();
        let mut start = None;
        loop {
            let answer = self
                .client
                .query()
                .table_name(&self.table)
                .index_name("GSI1")
                .key_condition_expression("GSI1PK = :pk")
                .expression_attribute_values(":pk", AttributeValue::S(partition.clone()))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(unavailable)?;
            for item in answer.items.unwrap_or_default() {
                let row = from_item::<Keyed<()>>(item)?;
                let code = row.gsi1sk.as_deref().and_then(|key| key.rsplit('#').next());
                codes.push(BookingCode::parse(code.unwrap_or_default()).map_err(broken)?);
            }
            start = answer.last_evaluated_key;
            if start.is_none() {
                return Ok(codes);
            }
        }
    }
}

pub(super) fn link_row(
    token_hash: &str,
    merchant: &MerchantId,
    code: &BookingCode,
) -> Keyed<LinkRow> {
    Keyed::new(keys::link(token_hash), LinkRow::of_order(merchant, code))
}
