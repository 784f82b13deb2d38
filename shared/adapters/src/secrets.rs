//! Secrets from the Parameter Store, read by name and kept five minutes: a rotated secret is
//! picked up without a deploy, and at once where somebody comes with the new one. A secret that is
//! absent or blank is an error, never a default.

use std::collections::HashMap;
use std::sync::Mutex;

use aws_sdk_ssm::error::{ProvideErrorMetadata, SdkError};
use jiff::{SignedDuration, Timestamp};
use pesan_domain::ids::MerchantId;
use pesan_domain::merchant::Merchant;
use secrecy::{ExposeSecret, SecretString};

use crate::aws::Refusal;
use crate::clock::Clock;

const KEPT_FOR: SignedDuration = SignedDuration::from_mins(5);
/// How long a secret is not read again however often it does not match: forged requests cost no
/// more reads than this lets through.
const ASKED_AGAIN_AFTER: SignedDuration = SignedDuration::from_secs(5);

/// Why a secret cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// There is none by this name, or it is blank.
    #[error("the parameter {0} is missing or blank")]
    Missing(String),
    /// The Parameter Store did not answer.
    #[error("the parameter store could not be read: {0}")]
    Unavailable(String),
    /// The Parameter Store will go on refusing; the alarm has been raised.
    #[error("the parameter store refuses: {0}")]
    Refused(#[from] Refusal),
}

/// The Parameter Store under one prefix, such as `/pesan/dev`.
#[derive(Debug)]
pub struct Parameters {
    client: aws_sdk_ssm::Client,
    prefix: String,
    clock: Clock,
    kept: Mutex<HashMap<String, Kept>>,
}

#[derive(Debug)]
struct Kept {
    secret: SecretString,
    since: Timestamp,
    asked: Timestamp,
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
    /// The system user's token that opens the merchant's number at WhatsApp.
    WhatsAppToken,
}

impl MerchantSecret {
    /// The parameter's name without the prefix.
    #[must_use]
    pub fn name(self, merchant: &MerchantId) -> String {
        let leaf = match self {
            Self::TelegramToken => "telegram-token",
            Self::TelegramWebhookSecret => "telegram-webhook-secret",
            Self::MidtransServerKey => "midtrans-server-key",
            Self::WhatsAppToken => "whatsapp-token",
        };
        format!("merchants/{}/{leaf}", merchant.as_str())
    }

    /// Whether a merchant must have it, as one that has connected what it belongs to.
    #[must_use]
    pub fn is_due(self, merchant: &Merchant) -> bool {
        match self {
            Self::TelegramToken | Self::TelegramWebhookSecret => merchant.bot_username.is_some(),
            Self::MidtransServerKey => merchant.midtrans.is_some(),
            Self::WhatsAppToken => merchant.whatsapp.is_some(),
        }
    }
}

/// The name of the key that order pages' links are derived from.
pub const LINK_KEY: &str = "link-key";

/// The keys before that one whose links still open, one a line: read by the operator's command line alone.
pub const LINK_KEYS_BEFORE: &str = "link-keys-before";
/// The name of the key that stands between a phone number and the key of its row.
pub const CONTACT_KEY: &str = "contact-key";
/// The name of the WhatsApp app's secret, which signs its webhooks. One a line: while it is
/// exchanged at Meta the old one stands below the new one.
pub const WHATSAPP_APP_SECRET: &str = "whatsapp-app-secret";
/// The name of what Meta shows when the webhook's address is entered.
pub const WHATSAPP_VERIFY_TOKEN: &str = "whatsapp-verify-token";

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
        match self.kept_value(name) {
            Some(secret) => Ok(secret),
            None => self.read(name).await,
        }
    }

    /// The secret as it now is, for a caller whom the kept one does not know. None where it was
    /// asked for just now: then the kept one is what there is.
    ///
    /// # Errors
    /// [`SecretError`]
    pub async fn get_anew(&self, name: &str) -> Result<Option<SecretString>, SecretError> {
        if !self.may_ask_again(name) {
            return Ok(None);
        }
        self.read(name).await.map(Some)
    }

    async fn read(&self, name: &str) -> Result<SecretString, SecretError> {
        let answer = self
            .client
            .get_parameters()
            .names(self.full_name(name))
            .with_decryption(true)
            .send()
            .await
            .map_err(unavailable)?;
        let value = answer
            .parameters()
            .first()
            .and_then(|parameter| parameter.value())
            .filter(|value| !value.trim().is_empty())
            .ok_or_else(|| SecretError::Missing(name.to_owned()))?;
        let secret = SecretString::from(value.to_owned());
        let now = self.clock.now();
        if let Ok(mut kept) = self.kept.lock() {
            let read = Kept {
                secret: secret.clone(),
                since: now,
                asked: now,
            };
            kept.insert(name.to_owned(), read);
        }
        Ok(secret)
    }

    /// Writes a secret, over the one that is there.
    ///
    /// # Errors
    /// [`SecretError::Unavailable`] or [`SecretError::Refused`].
    pub async fn put(&self, name: &str, secret: &SecretString) -> Result<(), SecretError> {
        self.client
            .put_parameter()
            .name(self.full_name(name))
            .value(secret.expose_secret())
            .r#type(aws_sdk_ssm::types::ParameterType::SecureString)
            .overwrite(true)
            .send()
            .await
            .map_err(unavailable)?;
        Ok(())
    }

    /// Writes a secret where there is none; false where there is one.
    ///
    /// # Errors
    /// As [`Parameters::put`].
    pub async fn create(&self, name: &str, secret: &SecretString) -> Result<bool, SecretError> {
        let created = self
            .client
            .put_parameter()
            .name(self.full_name(name))
            .value(secret.expose_secret())
            .r#type(aws_sdk_ssm::types::ParameterType::SecureString)
            .overwrite(false)
            .send()
            .await;
        match created {
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|error| error.is_parameter_already_exists()) =>
            {
                Ok(false)
            }
            created => created.map(|_| true).map_err(unavailable),
        }
    }

    fn full_name(&self, name: &str) -> String {
        format!("{}/{name}", self.prefix)
    }

    fn kept_value(&self, name: &str) -> Option<SecretString> {
        let kept = self.kept.lock().ok()?;
        let Kept { secret, since, .. } = kept.get(name)?;
        self.is_younger(*since, KEPT_FOR).then(|| secret.clone())
    }

    /// Whether nobody asked for a while; from now on somebody has.
    fn may_ask_again(&self, name: &str) -> bool {
        let Ok(mut kept) = self.kept.lock() else {
            return false;
        };
        let Some(Kept { asked, .. }) = kept.get_mut(name) else {
            return false;
        };
        let may = !self.is_younger(*asked, ASKED_AGAIN_AFTER);
        if may {
            *asked = self.clock.now();
        }
        may
    }

    fn is_younger(&self, since: Timestamp, than: SignedDuration) -> bool {
        let age = self.clock.now().duration_since(since);
        age < than && age >= SignedDuration::ZERO
    }
}

fn unavailable<E, R>(error: SdkError<E, R>) -> SecretError
where
    E: ProvideErrorMetadata,
{
    let code = match &error {
        SdkError::ServiceError(service) => service.err().code().unwrap_or("service error"),
        SdkError::TimeoutError(_) => "timeout",
        SdkError::DispatchFailure(_) => "connection",
        _ => "unreadable answer",
    };
    Refusal::of("ssm", code).map_or_else(
        || SecretError::Unavailable(code.to_owned()),
        SecretError::Refused,
    )
}
