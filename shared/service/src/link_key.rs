//! The key of the order pages' links: made once for a deployment, and exchanged without a link
//! that stops to open.

use jiff::SignedDuration;
use pesan_adapters::secrets::LINK_KEY;
use secrecy::SecretString;

use crate::links::{order_token_of, token_hash};
use crate::merchants::{OperatorError, list, stored};
use crate::{App, fresh_secret};

/// Makes the key.
///
/// # Errors
/// [`OperatorError::First`] where there is one.
pub async fn create(app: &App) -> Result<(), OperatorError> {
    if stored(app, LINK_KEY).await?.is_some() {
        let there = "there is a link key already: exchange it with `pesan link-key rotate`";
        return Err(OperatorError::First(there.to_owned()));
    }
    Ok(app.parameters.put(LINK_KEY, &fresh_secret()).await?)
}

/// Exchanges the key: first every booking of the last `days` gets a link under the new key, then
/// the key is written. Links that were handed out go on opening. Returns how many got one.
///
/// # Errors
/// [`OperatorError`]; the key is the old one then.
pub async fn rotate(app: &App, days: u16) -> Result<usize, OperatorError> {
    let fresh = fresh_secret();
    let linked = link(app, &fresh, days).await?;
    app.parameters.put(LINK_KEY, &fresh).await?;
    Ok(linked)
}

/// Gives every booking of the last `days` a link under the key that is stored: for those that were
/// made with the old key while functions still held it.
///
/// # Errors
/// [`OperatorError`]
pub async fn reissue(app: &App, days: u16) -> Result<usize, OperatorError> {
    let key = app.parameters.get(LINK_KEY).await?;
    link(app, &key, days).await
}

async fn link(app: &App, key: &SecretString, days: u16) -> Result<usize, OperatorError> {
    let now = app.clock.now();
    let mut linked = 0_usize;
    for merchant in list(app).await? {
        for ago in 0..=days {
            let day = now
                .checked_sub(SignedDuration::from_hours(
                    24_i64.saturating_mul(i64::from(ago)),
                ))
                .map_err(|error| OperatorError::Unavailable(error.to_string()))?;
            for code in app.store.bookings_made(&merchant, day).await? {
                let token = order_token_of(key, &merchant.id, &code)
                    .map_err(|failure| OperatorError::Unavailable(failure.to_string()))?;
                app.store
                    .add_link(&token_hash(&token), &merchant.id, &code)
                    .await?;
                linked = linked.saturating_add(1);
            }
        }
    }
    Ok(linked)
}
