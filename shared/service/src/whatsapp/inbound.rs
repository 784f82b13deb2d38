//! A person wrote: the window opens, and STOP and MULAI are heard.

use data_encoding::HEXLOWER;
use pesan_adapters::dynamodb::StoreError;
use pesan_adapters::secrets::{CONTACT_KEY, MerchantSecret};
use pesan_adapters::whatsapp::Content;
use pesan_domain::ids::MerchantId;
use pesan_domain::merchant::Merchant;
use pesan_domain::message::activation::Activation;
use pesan_domain::message::consent::{self, Keyword};
use pesan_domain::whatsapp::{Phone, Taken};
use secrecy::SecretString;
use sha2::{Digest, Sha256};

use super::{Inbound, Part};
use crate::{App, Failure, TRIES, links, step_aside, subscribers};

/// What stands for a phone number in the keys of a merchant's rows. Another merchant's is another,
/// so that a copy of the table does not say who buys where.
///
/// # Errors
/// [`Failure::Unavailable`] when the contact key is missing or cannot be read.
pub(crate) async fn contact_hash(
    app: &App,
    merchant: &MerchantId,
    phone: &Phone,
) -> Result<String, Failure> {
    let key = app.deployment_secret(CONTACT_KEY).await?;
    contact_hash_under(&key, merchant, phone)
}

/// As [`contact_hash`], for who asks for many.
pub(crate) fn contact_hash_under(
    key: &SecretString,
    merchant: &MerchantId,
    phone: &Phone,
) -> Result<String, Failure> {
    let subject = format!("contact\0{}\0{}", merchant.as_str(), phone.digits());
    links::token(key, &subject)
}

/// What stands for an inbound message: its own id carries the phone number.
fn claim(id: &str) -> String {
    let digest = Sha256::digest(id.as_bytes());
    let short: Vec<u8> = digest.iter().copied().take(8).collect();
    HEXLOWER.encode(&short)
}

/// Takes a message once, however often and at whatever moments it comes.
pub(super) async fn take(
    app: &App,
    merchant: &MerchantId,
    phone: &Phone,
    message: &Inbound,
) -> Result<Part, Failure> {
    let hash = contact_hash(app, merchant, phone).await?;
    let claim = claim(&message.id);
    for nth in 1..=TRIES {
        let (profile, contact) = app.store.contact(merchant, &hash).await?;
        let Some(taken) = contact.take(&claim, message.text.as_deref(), message.at) else {
            return Ok(Part::Repeated);
        };
        if message.text.as_deref().and_then(Keyword::read).is_some() {
            // Before the commit: who dies between them is told again by Meta, and hears it again.
            let opted_out_at = taken.next.consent.opted_out_at;
            let heard = subscribers::hear(app, merchant, &hash, opted_out_at).await;
            heard.map_err(|error| Failure::Unavailable(error.to_string()))?;
        }
        match app.store.put_contact(merchant, &hash, &taken.next).await {
            Err(StoreError::Conflict) => step_aside(nth).await,
            done => {
                done?;
                answer(app, profile.as_ref(), phone, &taken).await;
                return Ok(Part::Taken);
            }
        }
    }
    Err(Failure::Unavailable(
        "the contact is being written by others".to_owned(),
    ))
}

/// Tells a person that their keyword holds, once; only who committed it comes here. A plain send
/// after the commit: it may be lost, and what was asked for holds all the same.
async fn answer(app: &App, merchant: Option<&Merchant>, phone: &Phone, taken: &Taken) {
    let Some(keyword) = taken.heard.filter(|_| taken.answer) else {
        return;
    };
    let Some(merchant) = merchant else { return };
    if !taken.next.window_is_open(app.clock.now()) {
        tracing::info!(kind = "whatsapp", answer = "too late");
        return;
    }
    if let Err(failure) = send(app, merchant, phone, keyword).await {
        tracing::warn!(kind = "whatsapp", answer = "not sent", error = %failure);
    }
}

async fn send(
    app: &App,
    merchant: &Merchant,
    phone: &Phone,
    keyword: Keyword,
) -> Result<(), Failure> {
    let Some(account) = &merchant.whatsapp else {
        return Ok(());
    };
    if account.activation != Activation::Active {
        return Ok(());
    }
    let token = MerchantSecret::WhatsAppToken.name(&merchant.id);
    let token = app.deployment_secret(&token).await?;
    let text = consent::answer(keyword, &merchant.name, phone.language());
    let sent = app
        .whatsapp
        .send(
            &account.phone_number_id,
            &token,
            phone,
            Content::Text(&text),
            None,
        )
        .await;
    sent.map(drop)
        .map_err(|error| Failure::Unavailable(error.to_string()))
}
