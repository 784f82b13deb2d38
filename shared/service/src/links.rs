//! Links to pages that need no login: the token is recomputed when shown and only its hash is
//! stored, so a copy of the table opens no page.

use data_encoding::{BASE32_NOPAD, HEXLOWER};
use hmac::{Hmac, KeyInit, Mac};
use pesan_domain::dialogue::Links;
use pesan_domain::ids::{BillId, BookingCode, MerchantId};
use pesan_domain::subscriber::Subscriber;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use crate::{App, Failure};

/// The token's length in bytes: 128 bits.
const TOKEN_BYTES: usize = 16;

/// The version of the order page's links: another one derives other tokens.
const ORDER_LINK_VERSION: u8 = 1;

/// The token of an order page.
///
/// # Errors
/// [`Failure::Unavailable`] when the link key is missing.
pub async fn order_token(
    app: &App,
    merchant: &MerchantId,
    code: &BookingCode,
) -> Result<String, Failure> {
    let key = app.link_key().await?;
    order_token_of(&key, merchant, code)
}

/// The token of an order page under a key.
pub(crate) fn order_token_of(
    key: &SecretString,
    merchant: &MerchantId,
    code: &BookingCode,
) -> Result<String, Failure> {
    let subject = format!(
        "order\0{}\0{}\0{ORDER_LINK_VERSION}",
        merchant.as_str(),
        code.as_str()
    );
    token(key, &subject)
}

/// The path of an order page below the base URL.
pub(crate) async fn order_path(
    app: &App,
    merchant: &MerchantId,
    code: &BookingCode,
) -> Result<String, Failure> {
    let token = order_token(app, merchant, code).await?;
    Ok(format!("o/{token}"))
}

/// The version of the deep links that lead bills to a chat.
const CHAT_LINK_VERSION: u8 = 2;

/// The version of the bill page's links.
const BILL_LINK_VERSION: u8 = 1;

/// The token of a bill's page under a key.
pub(crate) fn bill_token_of(
    key: &SecretString,
    merchant: &MerchantId,
    bill: &BillId,
) -> Result<String, Failure> {
    token(
        key,
        &format!("bill\0{merchant}\0{bill}\0{BILL_LINK_VERSION}"),
    )
}

/// The token of a bill's page.
///
/// # Errors
/// [`Failure::Unavailable`] when the link key is missing.
pub async fn bill_token(
    app: &App,
    merchant: &MerchantId,
    bill: &BillId,
) -> Result<String, Failure> {
    let key = app.link_key().await?;
    bill_token_of(&key, merchant, bill)
}

/// The path of a bill's page below the base URL.
pub(crate) async fn bill_path(
    app: &App,
    merchant: &MerchantId,
    bill: &BillId,
) -> Result<String, Failure> {
    let token = bill_token(app, merchant, bill).await?;
    Ok(format!("b/{token}"))
}

/// The address of a bill's page.
#[must_use]
pub fn bill_url(app: &App, token: &str) -> String {
    format!("{}/b/{token}", app.public_base_url)
}

/// The address of an order page.
#[must_use]
pub fn order_url(app: &App, token: &str) -> String {
    format!("{}/o/{token}", app.public_base_url)
}

/// The ways a message leads to an order.
///
/// # Errors
/// [`Failure::Unavailable`] when the link key is missing.
pub async fn order_links(
    app: &App,
    merchant: &MerchantId,
    code: &BookingCode,
) -> Result<Links, Failure> {
    let token = order_token(app, merchant, code).await?;
    Ok(Links {
        order: Some(order_url(app, &token)),
        on_buttons: !is_loopback(&app.public_base_url),
    })
}

/// The proof in the deep link that leads a subscriber's bills to a chat. It is good for their next
/// change of chat: once that was made, by it or otherwise, it is no proof any more.
pub(crate) async fn chat_token(
    app: &App,
    merchant: &MerchantId,
    subscriber: &Subscriber,
) -> Result<String, Failure> {
    let key = app.link_key().await?;
    let Subscriber {
        id,
        chat_changes,
        made_at,
        ..
    } = subscriber;
    let made_at = made_at.as_second();
    let subject = format!("chat\0{merchant}\0{id}\0{made_at}\0{chat_changes}\0{CHAT_LINK_VERSION}");
    token(&key, &subject)
}

/// Telegram refuses such addresses on buttons.
pub(crate) fn is_loopback(url: &str) -> bool {
    let host = url.split_once("://").map_or(url, |(_, rest)| rest);
    ["localhost", "127.", "[::1]"]
        .iter()
        .any(|loopback| host.starts_with(loopback))
}

/// What stands for `subject` to whoever has the key: 128 bits of an HMAC in base32.
pub(crate) fn token(key: &SecretString, subject: &str) -> Result<String, Failure> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.expose_secret().as_bytes())
        .map_err(|_| Failure::Unavailable("the key cannot be used".to_owned()))?;
    mac.update(subject.as_bytes());
    let digest = mac.finalize().into_bytes();
    let short: Vec<u8> = digest.iter().copied().take(TOKEN_BYTES).collect();
    Ok(BASE32_NOPAD.encode(&short).to_ascii_lowercase())
}

/// What is stored of a token.
#[must_use]
pub fn token_hash(token: &str) -> String {
    HEXLOWER.encode(&Sha256::digest(token.as_bytes()))
}
