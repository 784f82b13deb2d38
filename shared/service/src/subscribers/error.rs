use pesan_adapters::dynamodb::StoreError;
use pesan_domain::field::FieldRefused;
use pesan_domain::ids::{MerchantId, PlanId, SubscriberId};
use pesan_domain::subscriber::OwnWord;

use crate::Failure;

/// Why nothing was read or changed of plans and subscribers, told apart by what the caller answers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// No such merchant.
    #[error("there is no merchant {0}")]
    UnknownMerchant(MerchantId),
    /// No such plan.
    #[error("there is no plan {0}")]
    UnknownPlan(PlanId),
    /// No such subscriber.
    #[error("there is no subscriber {0}")]
    UnknownSubscriber(SubscriberId),
    /// It is there already.
    #[error("there is a plan {0} already: change that one, or choose another id")]
    PlanExists(PlanId),
    /// They are there already.
    #[error("there is a subscriber {0} already: change that one, or choose another id")]
    SubscriberExists(SubscriberId),
    /// There is no bot to lead to.
    #[error("the merchant has no bot yet: `pesan telegram set-webhook` connects one")]
    NoBot,
    /// What a subscriber said themselves, somebody else would change.
    #[error(transparent)]
    OwnWord(#[from] OwnWord),
    /// A field cannot be taken.
    #[error(transparent)]
    Field(#[from] FieldRefused),
    /// The position in a list is none that was handed out.
    #[error("the position is none that a list gave: begin the list anew")]
    Position,
    /// AWS refuses, whatever is tried.
    #[error("AWS refuses: {0}")]
    NotAllowed(String),
    /// A row that this version cannot read: trying again does not help, and somebody has to look.
    #[error("what is stored cannot be read: {0}")]
    Broken(String),
    /// A secret is missing, the table did not answer, or others were faster each time: to be tried
    /// again.
    #[error("could not: {0}")]
    Unavailable(String),
}

impl RegistryError {
    pub(crate) fn contended(id: &str) -> Self {
        Self::Unavailable(format!("{id} is being changed by others"))
    }

    pub(super) fn of(failure: Failure, merchant: &MerchantId) -> Self {
        match failure {
            Failure::Unknown => Self::UnknownMerchant(merchant.clone()),
            Failure::NotAuthentic | Failure::Malformed(_) | Failure::Unavailable(_) => {
                Self::Unavailable(failure.to_string())
            }
        }
    }
}

impl From<StoreError> for RegistryError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Refused(_) => Self::NotAllowed(error.to_string()),
            StoreError::Conflict
            | StoreError::SeatTaken
            | StoreError::AlreadyQueued
            | StoreError::Unavailable(_) => Self::Unavailable(error.to_string()),
            StoreError::Broken(what) => Self::Broken(what),
        }
    }
}
