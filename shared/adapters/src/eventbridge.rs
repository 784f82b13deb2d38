//! The event bus
//! (<https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html>).

use aws_sdk_eventbridge::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_eventbridge::types::PutEventsRequestEntry;

use crate::aws::Refusal;
use crate::events::SOURCE;

/// What one `PutEvents` takes.
pub const MOST_ENTRIES: usize = 10;

/// A bus, spoken to by the real client.
#[derive(Clone, Debug)]
pub struct Bus {
    client: aws_sdk_eventbridge::Client,
    name: String,
}

/// What is put on the bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What rules tell it apart by.
    pub kind: String,
    /// The event as JSON.
    pub detail: String,
}

/// Nothing is known to have been taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bus took nothing: {0}")]
pub struct BusError(String);

impl Bus {
    /// Puts on the bus of this name through `client`.
    #[must_use]
    pub fn new(client: aws_sdk_eventbridge::Client, name: &str) -> Self {
        Self {
            client,
            name: name.to_owned(),
        }
    }

    /// Puts up to [`MOST_ENTRIES`] events; for each, in order, whether it was taken.
    ///
    /// # Errors
    /// [`BusError`] where none is known to have been taken.
    pub async fn put(&self, entries: &[Entry]) -> Result<Vec<bool>, BusError> {
        let request = entries.iter().map(|entry| {
            PutEventsRequestEntry::builder()
                .event_bus_name(&self.name)
                .source(SOURCE)
                .detail_type(&entry.kind)
                .detail(&entry.detail)
                .build()
        });
        let answer = self
            .client
            .put_events()
            .set_entries(Some(request.collect()))
            .send()
            .await
            .map_err(|error| refused(&error))?;
        let taken = answer.entries().iter();
        let taken = taken.map(|entry| entry.error_code().is_none() && entry.event_id().is_some());
        Ok(taken.collect())
    }
}

fn refused<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> BusError {
    BusError(match error {
        SdkError::ServiceError(service) => {
            let code = service.err().code().unwrap_or("service error");
            Refusal::of("eventbridge", code)
                .map_or_else(|| code.to_owned(), |refusal| refusal.to_string())
        }
        SdkError::TimeoutError(_) => "timeout".to_owned(),
        SdkError::DispatchFailure(_) => "connection".to_owned(),
        _ => "unreadable answer".to_owned(),
    })
}
