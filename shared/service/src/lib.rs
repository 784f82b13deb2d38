//! The use cases. Each loads, lets the domain decide, and commits; what two functions share
//! lives here.

pub mod app;
pub mod links;
pub mod merchants;
pub mod orders;

pub use app::{App, Config};

use pesan_adapters::dynamodb::StoreError;
use pesan_adapters::secrets::SecretError;

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

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<SecretError> for Failure {
    fn from(error: SecretError) -> Self {
        Self::Unavailable(error.to_string())
    }
}
