//! Exchanging the key of the order pages' links, with or without the links that were handed out.

use jiff::SignedDuration;
use pesan_adapters::secrets::LINK_KEY;
use pesan_domain::ids::{BookingCode, MerchantId};
use secrecy::SecretString;

use crate::links::{order_token_of, token_hash};
use crate::merchants::{OperatorError, list, stored};
use crate::{App, fresh_secret};

/// What becomes of the links that were handed out when the key is exchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandedOut {
    /// They go on opening.
    Kept,
    /// They open nothing any more: the key is known to somebody, who could make each of them.
    Revoked,
}

/// Exchanges the key: first every booking of the last `days` gets a link under the new key, then
/// the key is written, then the links under the old one are taken out if they are revoked. Returns
/// how many bookings got one.
///
/// # Errors
/// [`OperatorError::NotMade`] where there is none. Broken off before the key was written, the old one holds; broken off later,
/// some old links still open.
pub async fn rotate(app: &App, days: u16, handed_out: HandedOut) -> Result<usize, OperatorError> {
    let old = stored(app, LINK_KEY).await?;
    let old = old.ok_or_else(|| OperatorError::NotMade("link key".to_owned()))?;
    let fresh = fresh_secret();
    let bookings = bookings(app, days).await?;
    link(app, &fresh, &bookings).await?;
    app.parameters.put(LINK_KEY, &fresh).await?;
    if handed_out == HandedOut::Revoked {
        for (merchant, code) in &bookings {
            let hash = hash_of(&old, merchant, code)?;
            app.store.remove_link(&hash).await?;
        }
    }
    Ok(bookings.len())
}

/// Gives every booking of the last `days` a link under the key that is stored: for those that were
/// made with the old key while functions still held it.
///
/// # Errors
/// [`OperatorError`]
pub async fn reissue(app: &App, days: u16) -> Result<usize, OperatorError> {
    let key = app.parameters.get(LINK_KEY).await?;
    let bookings = bookings(app, days).await?;
    link(app, &key, &bookings).await?;
    Ok(bookings.len())
}

type Booking = (MerchantId, BookingCode);

/// The bookings of the last `days`, the newest last: today's may still be growing.
async fn bookings(app: &App, days: u16) -> Result<Vec<Booking>, OperatorError> {
    let now = app.clock.now();
    let mut bookings = Vec::new();
    for merchant in list(app).await? {
        for ago in (0..=i64::from(days)).rev() {
            let day = now
                .checked_sub(SignedDuration::from_hours(24_i64.saturating_mul(ago)))
                .map_err(|error| OperatorError::Unavailable(error.to_string()))?;
            let codes = app.store.bookings_made(&merchant, day).await?;
            bookings.extend(codes.into_iter().map(|code| (merchant.id.clone(), code)));
        }
    }
    Ok(bookings)
}

async fn link(app: &App, key: &SecretString, bookings: &[Booking]) -> Result<(), OperatorError> {
    for (merchant, code) in bookings {
        let hash = hash_of(key, merchant, code)?;
        app.store.add_link(&hash, merchant, code).await?;
    }
    Ok(())
}

fn hash_of(
    key: &SecretString,
    merchant: &MerchantId,
    code: &BookingCode,
) -> Result<String, OperatorError> {
    let token = order_token_of(key, merchant, code);
    token
        .map(|token| token_hash(&token))
        .map_err(|failure| OperatorError::Unavailable(failure.to_string()))
}
