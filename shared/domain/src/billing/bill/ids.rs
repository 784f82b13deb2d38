//! What a bill is known by.

use std::fmt;

use super::super::Period;
use crate::ids::{IdError, SubscriberId};

/// A bill's number, and what an order id says it pays for: `B-`, the period without its dash, `-`
/// and the subscriber, such as `B-202611-ani`. At most 33 characters of `[B0-9a-z-]`, so that the
/// suffix of an attempt, `-A2` to `-A99`, is told from it by its capital.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BillId {
    text: String,
    period: Period,
    subscriber: SubscriberId,
}

impl BillId {
    /// A subscriber's bill for a period.
    #[must_use]
    pub fn new(period: Period, subscriber: SubscriberId) -> Self {
        Self {
            text: format!("B-{}-{subscriber}", period.compact()),
            period,
            subscriber,
        }
    }

    /// Reads one.
    ///
    /// # Errors
    /// [`IdError`] when it is not exactly what [`BillId::new`] makes.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let (period, subscriber) = text
            .strip_prefix("B-")
            .and_then(|rest| rest.split_once('-'))
            .ok_or(IdError::of("bill"))?;
        let period = Period::parse_compact(period).map_err(|_| IdError::of("bill"))?;
        Ok(Self::new(period, SubscriberId::parse(subscriber)?))
    }

    /// As it is stored and shown.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What it is for.
    #[must_use]
    pub fn period(&self) -> Period {
        self.period
    }

    /// Who owes it.
    #[must_use]
    pub fn subscriber(&self) -> &SubscriberId {
        &self.subscriber
    }
}

impl fmt::Display for BillId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
