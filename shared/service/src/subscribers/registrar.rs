//! What every change of a merchant's subscribers needs, read once.

use std::collections::BTreeSet;

use jiff::Timestamp;
use pesan_adapters::dynamodb::{StoreError, SubscriberChange};
use pesan_adapters::secrets::CONTACT_KEY;
use pesan_domain::ids::{MerchantId, SubscriberId};
use pesan_domain::merchant::Merchant;
use pesan_domain::subscriber::{Entry, Plans, Settled, Subscriber};
use pesan_domain::whatsapp::Phone;
use secrecy::SecretString;

use super::{RegistryError, known};
use crate::whatsapp::contact_hash_under;
use crate::{App, Failure, fresh_secret, links};

pub(super) struct Registrar<'a> {
    pub app: &'a App,
    pub merchant: Merchant,
    pub plans: Plans,
    contact_key: SecretString,
}

impl<'a> Registrar<'a> {
    pub async fn of(app: &'a App, id: &MerchantId) -> Result<Self, RegistryError> {
        let merchant = known(app, id).await?;
        let plans = app.store.plans(id).await?;
        let contact_key = app.deployment_secret(CONTACT_KEY).await;
        Ok(Self {
            app,
            merchant,
            plans,
            contact_key: contact_key.map_err(unavailable)?,
        })
    }

    /// What stands for a number in keys.
    pub fn hash(&self, phone: &Phone) -> Result<String, RegistryError> {
        contact_hash_under(&self.contact_key, &self.merchant.id, phone).map_err(unavailable)
    }

    /// Whose number it is.
    pub async fn who_has(&self, phone: &Phone) -> Result<Vec<SubscriberId>, RegistryError> {
        let hash = self.hash(phone)?;
        let store = &self.app.store;
        Ok(store
            .subscribers_of_contact(&self.merchant.id, &hash)
            .await?)
    }

    /// The id of who was entered without one: the same for the same name and number, so that the
    /// same file again finds them, and telling nobody the number.
    pub fn derived_id(&self, entry: &Entry) -> Result<SubscriberId, RegistryError> {
        let subject = format!(
            "subscriber\0{}\0{}\0{}",
            self.merchant.id,
            entry.phone.digits(),
            entry.name.to_lowercase()
        );
        id_of(&self.contact_key, &subject)
    }

    pub fn settle(
        &self,
        id: &SubscriberId,
        entry: &Entry,
        stored: Option<&Subscriber>,
        now: Timestamp,
    ) -> Result<Settled, RegistryError> {
        Ok(entry.settle(id, stored, &self.plans, self.merchant.zone, now)?)
    }

    /// Writes a subscriber who was `before`, and returns them as they were written; none where another
    /// change came first.
    pub async fn put(
        &self,
        before: Option<&Subscriber>,
        subscriber: &Subscriber,
    ) -> Result<Option<Subscriber>, RegistryError> {
        let mut change = [self.change(before, subscriber.clone())?];
        let is_put = self.put_all(&mut change).await?;
        let [change] = change;
        Ok(is_put.then_some(change.subscriber))
    }

    /// Writes all of `changes` or, where another change came first, none.
    pub async fn put_all(&self, changes: &mut [SubscriberChange]) -> Result<bool, RegistryError> {
        self.let_old_words_hold(changes).await?;
        let store = &self.app.store;
        match store.put_subscribers(&self.merchant.id, changes).await {
            Err(StoreError::Conflict) => Ok(false),
            done => Ok(done.map(|()| true)?),
        }
    }

    /// Whose number is new to us may have written STOP from it before. Of a number that they had, this
    /// was heard when it came. A word belongs to the number that it came from: who moves to another leaves
    /// it there.
    async fn let_old_words_hold(
        &self,
        changes: &mut [SubscriberChange],
    ) -> Result<(), RegistryError> {
        let has_new_number =
            |change: &SubscriberChange| change.subscriber.version <= 1 || change.old_hash.is_some();
        // Several may have the same number, and one read names nothing twice.
        let new = changes.iter().filter(|change| has_new_number(change));
        let hashes: BTreeSet<String> = new.map(|change| change.hash.clone()).collect();
        if hashes.is_empty() {
            return Ok(());
        }
        let hashes: Vec<&str> = hashes.iter().map(String::as_str).collect();
        let (_, phones) = self.app.store.phones(&self.merchant.id, &hashes).await?;
        for change in changes.iter_mut().filter(|change| has_new_number(change)) {
            let phone = phones.get(&change.hash);
            let opted_out_at = phone.and_then(|phone| phone.contact.consent.opted_out_at);
            if change.old_hash.is_some() {
                change.subscriber = change.subscriber.heard(None);
            }
            if opted_out_at.is_some() {
                change.subscriber = change.subscriber.heard(opted_out_at);
            }
        }
        Ok(())
    }

    /// What is to be written of a subscriber who was `before`.
    pub fn change(
        &self,
        before: Option<&Subscriber>,
        subscriber: Subscriber,
    ) -> Result<SubscriberChange, RegistryError> {
        let moved = before.filter(|before| before.phone != subscriber.phone);
        Ok(SubscriberChange {
            hash: self.hash(&subscriber.phone)?,
            old_hash: moved.map(|before| self.hash(&before.phone)).transpose()?,
            subscriber,
        })
    }
}

/// The id of who was entered without one and without a file.
pub(super) fn random_id() -> Result<SubscriberId, RegistryError> {
    id_of(&fresh_secret(), "subscriber")
}

/// `s-` and 80 bits: no two of a million are alike.
fn id_of(key: &SecretString, subject: &str) -> Result<SubscriberId, RegistryError> {
    const CHARACTERS: usize = 16;
    let token = links::token(key, subject).map_err(unavailable)?;
    let short: String = token.chars().take(CHARACTERS).collect();
    let id = format!("s-{}", short.to_ascii_lowercase());
    SubscriberId::parse(&id).map_err(|error| RegistryError::Unavailable(error.to_string()))
}

fn unavailable(failure: Failure) -> RegistryError {
    RegistryError::Unavailable(failure.to_string())
}
