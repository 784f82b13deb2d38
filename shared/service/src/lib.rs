//! The use cases. Each loads, lets the domain decide, and commits; what two functions share
//! lives here.

pub mod api_keys;
pub mod app;
pub mod billing;
pub mod conversation;
pub mod idempotency;
pub mod keys;
pub mod link_key;
pub mod links;
pub mod merchants;
pub mod messages;
pub mod notification;
pub mod orders;
pub mod plans;
pub mod rate;
pub mod reconcile;
pub mod relay;
pub mod subscribers;
pub mod top_up;
pub mod whatsapp;

pub use app::{App, Config, Shop};

use std::time::Duration;

use jiff::Timestamp;
use pesan_adapters::dynamodb::StoreError;
use pesan_domain::ids::EventId;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Why a use case ended without an answer, told apart by what the caller answers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The merchant, order or link is not known: 404.
    #[error("unknown")]
    Unknown,
    /// The secret or signature is absent or wrong: 401.
    #[error("not authentic")]
    NotAuthentic,
    /// A field is malformed or mistyped: 400, with its name.
    #[error("the field {0} is missing or malformed")]
    Malformed(String),
    /// A secret is missing, or a vendor or the table did not answer: 503, to be tried again.
    #[error("could not: {0}")]
    Unavailable(String),
}

impl Failure {
    /// The HTTP status that says so (DESIGN section 7).
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::Unknown => 404,
            Self::NotAuthentic => 401,
            Self::Malformed(_) => 400,
            Self::Unavailable(_) => 503,
        }
    }

    /// What the caller is told. Why something could not be done is for the log alone.
    #[must_use]
    pub fn told(&self) -> String {
        match self {
            Self::Unknown | Self::NotAuthentic | Self::Malformed(_) => self.to_string(),
            Self::Unavailable(_) => "could not, try again later".to_owned(),
        }
    }

    /// Says that a request of this kind was refused: with a `reason` where that was decided, with
    /// an `error` where something failed.
    pub fn log_refused(&self, kind: &'static str) {
        match self {
            Self::Unknown | Self::NotAuthentic | Self::Malformed(_) => {
                tracing::warn!(kind, outcome = "refused", reason = %self);
            }
            Self::Unavailable(_) => tracing::warn!(kind, outcome = "refused", error = %self),
        }
    }
}

/// Whether `given` is the secret, in a time that does not tell how much of it was right.
#[must_use]
pub fn same_secret(secret: &SecretString, given: &str) -> bool {
    let digest = |text: &str| Sha256::digest(text.as_bytes());
    digest(secret.expose_secret()).ct_eq(&digest(given)).into()
}

/// A secret of our own: 256 bits from the operating system, in letters that every vendor takes.
fn fresh_secret() -> SecretString {
    let bytes: [u8; 32] = rand::random();
    SecretString::from(data_encoding::BASE64URL_NOPAD.encode(&bytes))
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

/// A fresh id for an event of this moment.
fn event_id(now: Timestamp) -> EventId {
    EventId::new(now, rand::random())
}

/// How often an input is decided anew after another commit came first.
const TRIES: u32 = 5;

/// Waits a moment that differs between those who lost the same race, so that they do not meet
/// again. `nth` counts from 1.
async fn step_aside(nth: u32) {
    let most = 20_u64.saturating_mul(u64::from(nth));
    let jitter = rand::random_range(1..=most);
    tokio::time::sleep(Duration::from_millis(jitter)).await;
}
