//! A merchant's first row and its changes: the operator's side.

use pesan_adapters::dynamodb::{Store, StoreError};
use pesan_domain::catalog::Item;
use pesan_domain::merchant::Merchant;

/// Writes a merchant and its catalog, new or over what is there.
///
/// # Errors
/// [`StoreError`]
pub async fn register(
    store: &Store,
    merchant: &Merchant,
    catalog: &[Item],
) -> Result<(), StoreError> {
    store.put_merchant(merchant, catalog).await
}
