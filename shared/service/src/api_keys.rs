//! Keys of the REST API: made, listed and revoked by the operator, and recognised when shown.

use std::collections::{BTreeSet, HashMap};
use std::sync::Mutex;

use data_encoding::HEXLOWER;
use jiff::{SignedDuration, Timestamp};
use pesan_adapters::dynamodb::StoreError;
use pesan_domain::api_key::{ApiKey, KeyId, Rate, Scope};
use pesan_domain::field::FieldRefused;
use pesan_domain::ids::MerchantId;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

use crate::merchants::{OperatorError, find};
use crate::{App, Failure, TRIES, fresh_secret, step_aside};

/// How every key begins, so that one that leaked into a text is found there.
pub const PREFIX: &str = "pk_";
/// Longer than any key.
const LONGEST: usize = 100;

/// How long a key is kept in memory: it is revoked everywhere after that.
const KEPT: SignedDuration = SignedDuration::from_secs(60);

/// Keys that were shown lately, by hash. Only keys that exist are kept, so guesses fill nothing.
#[derive(Debug, Default)]
pub(crate) struct Kept(Mutex<HashMap<String, (ApiKey, Timestamp)>>);

/// What the operator decides of a new key.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// What it is for.
    pub name: String,
    /// What it may do.
    pub scopes: BTreeSet<Scope>,
    /// How often.
    pub rate: Rate,
}

/// What opens a key that is made: it is shown once and kept nowhere.
#[derive(Clone, Debug)]
pub enum Opener {
    /// 256 bits from the operating system.
    Fresh,
    /// The local stack's.
    Given(SecretString),
}

/// Makes a key of a merchant; with it what opens it.
///
/// # Errors
/// [`OperatorError::Unknown`], [`OperatorError::Field`] for a setting that cannot be.
pub async fn add(
    app: &App,
    merchant: &MerchantId,
    new: NewKey,
    opener: Opener,
) -> Result<(SecretString, ApiKey), OperatorError> {
    find(app, merchant).await?;
    let token = match opener {
        Opener::Fresh => fresh(),
        Opener::Given(token) => token,
    };
    let hash = hash_of(token.expose_secret());
    let key = ApiKey {
        id: KeyId::of_hash(&hash).map_err(|error| OperatorError::Unavailable(error.to_string()))?,
        merchant: merchant.clone(),
        name: new.name,
        scopes: new.scopes,
        rate: new.rate,
        made_at: app.clock.now(),
        revoked_at: None,
        version: 1,
    };
    key.check()?;
    match app.store.add_api_key(&hash, &key).await {
        Err(StoreError::Conflict) => Err(no_key(merchant, &key.id, "is there already").into()),
        done => {
            done?;
            Ok((token, key))
        }
    }
}

/// All keys of a merchant, the newest first; revoked ones too.
///
/// # Errors
/// [`OperatorError::Unknown`]
pub async fn list(app: &App, merchant: &MerchantId) -> Result<Vec<ApiKey>, OperatorError> {
    find(app, merchant).await?;
    let keys = app.store.api_keys(merchant).await?;
    let mut keys: Vec<ApiKey> = keys.into_iter().map(|(_, key)| key).collect();
    keys.sort_by(|one, other| (other.made_at, &other.id).cmp(&(one.made_at, &one.id)));
    Ok(keys)
}

/// Revokes a key: within a minute it opens nothing any more. Once is as good as twice.
///
/// # Errors
/// [`OperatorError::Field`] where the merchant has no such key.
pub async fn revoke(app: &App, merchant: &MerchantId, id: &KeyId) -> Result<ApiKey, OperatorError> {
    for nth in 1..=TRIES {
        let keys = app.store.api_keys(merchant).await?;
        let found = keys.into_iter().find(|(_, key)| key.id == *id);
        let (hash, key) = found.ok_or_else(|| no_key(merchant, id, "is none of its keys"))?;
        if !key.is_live() {
            return Ok(key);
        }
        let key = key.revoked(app.clock.now());
        match app.store.change_api_key(&hash, &key).await {
            Err(StoreError::Conflict) => step_aside(nth).await,
            done => {
                done?;
                return Ok(key);
            }
        }
    }
    Err(OperatorError::Unavailable(format!(
        "the key {id} is being changed by others"
    )))
}

fn no_key(merchant: &MerchantId, id: &KeyId, why: &str) -> FieldRefused {
    FieldRefused::new(
        "key",
        format!("{id} {why}: see `pesan key list {merchant}`"),
    )
}

/// The live key that `token` opens. It is looked up by its hash, so that no time tells how much of a
/// guess was right; one that cannot be a key costs no read, one that is none costs one.
///
/// # Errors
/// [`Failure::NotAuthentic`]
pub async fn shown(app: &App, token: &str) -> Result<ApiKey, Failure> {
    if !is_wellformed(token) {
        return Err(Failure::NotAuthentic);
    }
    let hash = hash_of(token);
    let now = app.clock.now();
    let key = match app.api_keys.get(&hash, now) {
        Some(key) => key,
        None => {
            let key = app.store.api_key(&hash).await?;
            let key = key.ok_or(Failure::NotAuthentic)?;
            app.api_keys.keep(hash, &key, now);
            key
        }
    };
    if key.is_live() {
        Ok(key)
    } else {
        Err(Failure::NotAuthentic)
    }
}

impl Kept {
    fn get(&self, hash: &str, now: Timestamp) -> Option<ApiKey> {
        let kept = self.0.lock().ok()?;
        let (key, since) = kept.get(hash)?;
        let age = now.duration_since(*since);
        (age < KEPT && age >= SignedDuration::ZERO).then(|| key.clone())
    }

    fn keep(&self, hash: String, key: &ApiKey, now: Timestamp) {
        if let Ok(mut kept) = self.0.lock() {
            kept.insert(hash, (key.clone(), now));
        }
    }
}

fn fresh() -> SecretString {
    SecretString::from(format!("{PREFIX}{}", fresh_secret().expose_secret()))
}

fn is_wellformed(token: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    token.len() <= LONGEST && token.starts_with(PREFIX) && token.bytes().all(allowed)
}

/// The keys are random, so a plain hash cannot be turned back by trying.
fn hash_of(token: &str) -> String {
    HEXLOWER.encode(&Sha256::digest(token.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_can_be_shown() {
        let token = fresh();
        assert!(is_wellformed(token.expose_secret()));
        assert_ne!(token.expose_secret(), fresh().expose_secret());
        for bad in [
            "",
            "pk",
            "sk_abc",
            "pk_a b",
            "pk_ä",
            &format!("pk_{}", "a".repeat(98)),
        ] {
            assert!(!is_wellformed(bad), "{bad}");
        }
    }
}
