//! The one table. `keys` says where a thing lives, `rows` what is stored there; the rest are the
//! reads and commits of each area, one round trip a method.

mod api_key;
mod balance;
mod bill;
mod bill_order;
mod chat;
mod claim;
mod contact;
mod due;
mod keys;
mod link;
mod look;
mod merchant;
mod message;
mod message_rows;
mod outbox;
mod payment;
mod plan;
mod reservation;
mod rows;
mod run;
mod subscriber;
mod surroundings;
mod top_up;
mod whatsapp;

use crate::aws::Refusal;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::AttributeValue;
use std::collections::HashMap;

pub use api_key::StoredLevel;
pub use balance::{Account, BatchRecord, Reserving};
pub use bill::{CellChange, CellPage, Tape};
pub use bill_order::BillFound;
pub use chat::ChatRecord;
pub use claim::{Answer, Claim, Claimed};
pub use contact::PHONES_A_READ;
pub use due::{Due, DueKind};
pub use keys::{SHARDS, SUBSCRIBER_SHARDS, subscriber_shard};
pub use link::LinkedPage;
pub use look::{Found, Look};
pub use message::{Moved, Recipients, Together, Unless};
pub use message_rows::{MessageRecord, Subject, To};
pub use outbox::Announced;
use outbox::outbox_item;
pub use payment::{
    Billed, Charge, Event, EventOutcome, Notified, PaidFor, Settlement, SubjectMove, TaskKind,
};
pub use reservation::Booking;
pub use run::{GoesOn, RunRecord, ShardRecord};
pub use subscriber::{SubscriberChange, SubscriberPage};
pub use surroundings::{ChatState, PaceRecord, Pause, PhoneState, Surroundings};
pub use top_up::{CreditRecord, TopUp, TopUpMove};

pub(crate) type Item = HashMap<String, AttributeValue>;

/// The table, spoken to by the real client.
#[derive(Clone, Debug)]
pub struct Store {
    client: aws_sdk_dynamodb::Client,
    table: String,
}

/// Why a read or commit did not happen, told apart by what the caller does next.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Somebody else was first: load again and decide again.
    #[error("another commit came first")]
    Conflict,
    /// The seat is held or taken by another booking.
    #[error("the seat is taken")]
    SeatTaken,
    /// The message was queued before.
    #[error("the message was queued before")]
    AlreadyQueued,
    /// DynamoDB did not answer or refused for a while. Nothing is known to have happened.
    #[error("the table could not be reached: {0}")]
    Unavailable(String),
    /// DynamoDB will go on refusing; the alarm has been raised.
    #[error("the table refuses: {0}")]
    Refused(#[from] Refusal),
    /// A row that this version cannot read, or a request that cannot be right: a bug.
    #[error("the table answered what it should not: {0}")]
    Broken(String),
}

/// What one `BatchGetItem` takes.
const BATCH_GET: usize = 100;

impl Store {
    /// Works on `table` through `client`.
    #[must_use]
    pub fn new(client: aws_sdk_dynamodb::Client, table: &str) -> Self {
        Self {
            client,
            table: table.to_owned(),
        }
    }

    /// Up to [`BATCH_GET`] rows in one round trip.
    async fn batch_get(&self, keys: Vec<Item>) -> Result<Vec<Item>, StoreError> {
        let mut items = Vec::new();
        for keys in keys.chunks(BATCH_GET) {
            items.extend(self.batch_get_some(keys.to_vec()).await?);
        }
        Ok(items)
    }

    async fn batch_get_some(&self, keys: Vec<Item>) -> Result<Vec<Item>, StoreError> {
        let request = aws_sdk_dynamodb::types::KeysAndAttributes::builder()
            .set_keys(Some(keys))
            .consistent_read(true)
            .build()
            .map_err(|error| StoreError::Broken(error.to_string()))?;
        let answer = self
            .client
            .batch_get_item()
            .request_items(&self.table, request)
            .send()
            .await
            .map_err(unavailable)?;
        if answer
            .unprocessed_keys()
            .is_some_and(|left| !left.is_empty())
        {
            return Err(StoreError::Unavailable("unprocessed keys".to_owned()));
        }
        Ok(answer
            .responses
            .and_then(|mut tables| tables.remove(&self.table))
            .unwrap_or_default())
    }

    /// A whole partition, page by page.
    async fn partition(&self, pk: String) -> Result<Vec<Item>, StoreError> {
        let mut items = Vec::new();
        let mut start = None;
        loop {
            let answer = self
                .client
                .query()
                .table_name(&self.table)
                .key_condition_expression("PK = :pk")
                .expression_attribute_values(":pk", AttributeValue::S(pk.clone()))
                .consistent_read(true)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(unavailable)?;
            items.extend(answer.items.unwrap_or_default());
            start = answer.last_evaluated_key;
            if start.is_none() {
                return Ok(items);
            }
        }
    }
}

fn unavailable<E, R>(error: SdkError<E, R>) -> StoreError
where
    E: ProvideErrorMetadata,
{
    // Only the code: a message may quote keys, and keys hold chat ids.
    match &error {
        SdkError::ServiceError(service) => {
            let code = service.err().code().unwrap_or("service error");
            Refusal::of("dynamodb", code).map_or_else(
                || StoreError::Unavailable(code.to_owned()),
                StoreError::Refused,
            )
        }
        SdkError::TimeoutError(_) => StoreError::Unavailable("timeout".to_owned()),
        SdkError::DispatchFailure(_) => StoreError::Unavailable("connection".to_owned()),
        _ => StoreError::Unavailable("unreadable answer".to_owned()),
    }
}

/// Tells a put whose condition failed from one that could not be made.
fn lost_or_unavailable<R>(error: SdkError<PutItemError, R>) -> StoreError {
    match error.as_service_error() {
        Some(service) if service.is_conditional_check_failed_exception() => StoreError::Conflict,
        _ => unavailable(error),
    }
}

/// Where in a transaction stand the writes whose failure means something of its own.
#[derive(Clone, Copy, Debug, Default)]
struct Places {
    seat: Option<usize>,
    message: Option<usize>,
}

/// Tells what a cancelled transaction failed on.
fn cancelled<R>(error: SdkError<TransactWriteItemsError, R>, places: Places) -> StoreError {
    let SdkError::ServiceError(service) = &error else {
        return unavailable(error);
    };
    let TransactWriteItemsError::TransactionCanceledException(reasons) = service.err() else {
        return unavailable(error);
    };
    let reasons = reasons.cancellation_reasons();
    let failed: Vec<usize> = (0..)
        .zip(reasons)
        .filter(|(_, reason)| reason.code() == Some("ConditionalCheckFailed"))
        .map(|(place, _)| place)
        .collect();
    let at = |place: Option<usize>| place.is_some_and(|place| failed.contains(&place));
    let elsewhere = failed
        .iter()
        .any(|place| ![places.seat, places.message].contains(&Some(*place)));
    if elsewhere || failed.is_empty() {
        // Another input of the same chat or payment won: what was decided is stale as a whole.
        StoreError::Conflict
    } else if at(places.seat) {
        StoreError::SeatTaken
    } else {
        StoreError::AlreadyQueued
    }
}

fn to_item(row: &impl serde::Serialize) -> Result<Item, StoreError> {
    serde_dynamo::to_item(row).map_err(|error| unreadable(&error))
}

fn from_item<T: serde::de::DeserializeOwned>(item: Item) -> Result<T, StoreError> {
    serde_dynamo::from_item(item).map_err(|error| unreadable(&error))
}

/// Up to the first quotation mark: what stands behind it is a value, such as a customer's name.
fn unreadable(error: &serde_dynamo::Error) -> StoreError {
    let text = error.to_string();
    broken(text.split(['"', '`']).next().unwrap_or_default())
}

fn broken(what: impl std::fmt::Display) -> StoreError {
    StoreError::Broken(what.to_string())
}
