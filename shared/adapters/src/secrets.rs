//! Secrets from the Parameter Store, read by name and kept five minutes: a rotated secret is
//! picked up without a deploy. A secret that is absent or blank is an error, never a default.

use std::collections::HashMap;
use std::sync::Mutex;

use jiff::{SignedDuration, Timestamp};
use pesan_domain::ids::MerchantId;
use secrecy::{ExposeSecret, SecretString};

use crate::clock::Clock;

const KEPT_FOR: SignedDuration = SignedDuration::from_mins(5);

/// Why a secret cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// There is none by this name, or it is blank.
    #[error("the parameter {0} is missing or blank")]
    Missing(String),
    /// The Parameter Store did not answer.
    #[error("the parameter store could not be read")]
    Unavailable,
}

/// The Parameter Store under one prefix, such as `/pesan/dev`.
#[derive(Debug)]
pub struct Parameters {
    client: aws_sdk_ssm::Client,
    prefix: String,
    clock: Clock,
    kept: Mutex<HashMap<String, (SecretString, Timestamp)>>,
}

/// The name of a merchant's secret under the prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MerchantSecret {
    /// The bot's token, as BotFather gave it.
    TelegramToken,
    /// What Telegram sends back in `X-Telegram-Bot-Api-Secret-Token`.
    TelegramWebhookSecret,
    /// The key that signs Midtrans' notifications and opens its API.
    MidtransServerKey,
}

impl MerchantSecret {
    /// The parameter's name without the prefix.
    #[must_use]
    pub fn name(self, merchant: &MerchantId) -> String {
        let leaf = match self {
            Self::TelegramToken => "telegram-token",
            Self::TelegramWebhookSecret => "telegram-webhook-secret",
            Self::MidtransServerKey => "midtrans-server-key",
        };
        format!("merchants/{}/{leaf}", merchant.as_str())
    }
}

/// The name of the key that order pages' links are derived from.
pub const LINK_KEY: &str = "link-key";

impl Parameters {
    /// Reads below `prefix` through `client`.
    #[must_use]
    pub fn new(client: aws_sdk_ssm::Client, prefix: &str, clock: Clock) -> Self {
        Self {
            client,
            prefix: prefix.trim_end_matches('/').to_owned(),
            clock,
            kept: Mutex::new(HashMap::new()),
        }
    }

    /// Whether `name` can be had without asking the Parameter Store.
    #[must_use]
    pub fn is_kept(&self, name: &str) -> bool {
        self.kept_value(name).is_some()
    }

    /// The secret of this name.
    ///
    /// # Errors
    /// [`SecretError`]; the caller answers 503.
    pub async fn get(&self, name: &str) -> Result<SecretString, SecretError> {
        if let Some(secret) = self.kept_value(name) {
            return Ok(secret);
        }
        let answer = self
            .client
            .get_parameters()
            .names(self.full_name(name))
            .with_decryption(true)
            .send()
            .await
            .map_err(|_| SecretError::Unavailable)?;
        let value = answer
            .parameters()
            .first()
            .and_then(|parameter| parameter.value())
            .filter(|value| !value.trim().is_empty())
            .ok_or_else(|| SecretError::Missing(name.to_owned()))?;
        let secret = SecretString::from(value.to_owned());
        if let Ok(mut kept) = self.kept.lock() {
            kept.insert(name.to_owned(), (secret.clone(), self.clock.now()));
        }
        Ok(secret)
    }

    /// Writes a secret, over the one that is there.
    ///
    /// # Errors
    /// [`SecretError::Unavailable`] when the Parameter Store refused or did not answer.
    pub async fn put(&self, name: &str, secret: &SecretString) -> Result<(), SecretError> {
        self.client
            .put_parameter()
            .name(self.full_name(name))
            .value(secret.expose_secret())
            .r#type(aws_sdk_ssm::types::ParameterType::SecureString)
            .overwrite(true)
            .send()
            .await
            .map_err(|_| SecretError::Unavailable)?;
        Ok(())
    }

    fn full_name(&self, name: &str) -> String {
        format!("{}/{name}", self.prefix)
    }

    fn kept_value(&self, name: &str) -> Option<SecretString> {
        let kept = self.kept.lock().ok()?;
        let (secret, since) = kept.get(name)?;
        let age = self.clock.now().duration_since(*since);
        (age < KEPT_FOR && age >= SignedDuration::ZERO).then(|| secret.clone())
    }
}
