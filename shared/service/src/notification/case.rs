//! What is said of one order, and what is written because of it.

use jiff::Timestamp;
use jiff::civil::Date;
use pesan_adapters::dynamodb::{
    Charge, Event, EventOutcome, MessageRecord, PaidFor, Settlement, StoreError,
};
use pesan_adapters::events::Envelope;
use pesan_adapters::http::CallError;
use pesan_adapters::midtrans::StatusAnswer;
use pesan_domain::ids::TransactionId;
use pesan_domain::merchant::Merchant;
use pesan_domain::payment::{Notice, Verdict};
use pesan_domain::reservation::Reservation;
use secrecy::SecretString;

use super::decided::Decided;
use super::top_up;
use crate::messages::{self, News};
use crate::orders::account;
use crate::{App, Failure};

pub(super) enum Attempt {
    /// Another commit came first.
    Stale,
    Failed(Failure),
}

impl From<Failure> for Attempt {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// An order as it was found, and what is said of it.
pub(super) struct Case<'a> {
    pub app: &'a App,
    pub merchant: &'a Merchant,
    pub charge: &'a Charge,
    pub transaction: &'a TransactionId,
    /// Midtrans' word, for the record.
    pub status: &'a str,
    /// Tells what was said apart from everything else that was.
    pub digest: &'a str,
    pub now: Timestamp,
}

/// Asks Midtrans about a transaction, or about the order of this id; none where it knows none.
pub(super) async fn status(
    app: &App,
    merchant: &Merchant,
    server_key: &SecretString,
    id: &str,
) -> Result<Option<StatusAnswer>, Failure> {
    let environment = account(merchant)?.environment;
    match app.midtrans.status(environment, server_key, id).await {
        Ok(answer) => Ok(Some(answer)),
        Err(CallError::NotFound) => Ok(None),
        Err(error) => {
            if let CallError::Refused { status, .. } = &error {
                tracing::error!(merchant = %merchant.id, kind = "payment", alarm = "status refused", vendor_status = status);
            }
            Err(Failure::Unavailable(format!(
                "the status was not told: {error}"
            )))
        }
    }
}

impl Case<'_> {
    /// Writes what a verdict comes to.
    pub async fn settle(&self, verdict: Verdict, settled_at: Timestamp) -> Result<(), Attempt> {
        let mut decided = Decided::of(self, verdict, settled_at);
        loop {
            match self.write(&decided, settled_at).await? {
                Ok(()) => break,
                Err(StoreError::Conflict) => return Err(Attempt::Stale),
                // Each turn takes another seat or none at all, so it ends.
                Err(StoreError::SeatTaken) => {
                    let free = self.free_seat().await?;
                    decided.seat_lost(self, free);
                }
                Err(StoreError::AlreadyQueued) => decided.notice = None,
                Err(error) => return Err(Failure::from(error).into()),
            }
        }
        for alarm in &decided.alarms {
            self.alarm(alarm);
        }
        tracing::info!(merchant = %self.merchant.id, kind = "payment", outcome = "applied");
        Ok(())
    }

    async fn write(
        &self,
        decided: &Decided,
        settled_at: Timestamp,
    ) -> Result<Result<(), StoreError>, Failure> {
        let order = &self.charge.payment.order_id;
        let event = self.event(EventOutcome::Applied);
        let message = match decided.notice {
            Some(notice) => self.news(notice, settled_at).await?,
            None => None,
        };
        let announced = top_up::announced(order, &decided.subject, self.now);
        let settlement = Settlement {
            order,
            payment: decided.payment.as_ref(),
            subject: &decided.subject,
            event: &event,
            tasks: &decided.tasks,
            message: message
                .as_ref()
                .map(|(record, envelope)| (record, envelope)),
            announced: announced.as_ref(),
            looked_after: decided.is_paid_now(&self.charge.payment),
            closes_review: decided.closes_review(self.charge),
            now: self.now,
        };
        Ok(self.app.store.settle(self.merchant, &settlement).await)
    }

    /// What whoever paid is told, where there is a way to tell them.
    async fn news(
        &self,
        notice: Notice,
        settled_at: Timestamp,
    ) -> Result<Option<(MessageRecord, Envelope)>, Failure> {
        let news = News {
            merchant: self.merchant,
            order: &self.charge.payment.order_id,
            transaction: self.transaction,
            notice,
            settled_at,
        };
        match &self.charge.paid_for {
            PaidFor::Booking(reservation) => {
                messages::to_chat(news, reservation.chat, self.now).map(Some)
            }
            PaidFor::Bill(billed) => match &billed.subscriber {
                Some(subscriber) => {
                    messages::to_subscriber(self.app, news, subscriber, self.now).await
                }
                None => Ok(None),
            },
            // Its owner is told by an event.
            PaidFor::TopUp(_) => Ok(None),
        }
    }

    /// The merchant's day.
    pub fn today(&self) -> Date {
        self.now.to_zoned(self.merchant.zone.tz()).date()
    }

    /// The reservation, where the money is for one.
    fn reservation(&self) -> Option<&Reservation> {
        match &self.charge.paid_for {
            PaidFor::Booking(reservation) => Some(reservation),
            PaidFor::TopUp(_) | PaidFor::Bill(_) => None,
        }
    }

    /// Another free seat of the reservation's slot.
    async fn free_seat(&self) -> Result<Option<u8>, Failure> {
        let Some(reservation) = self.reservation() else {
            return Ok(None);
        };
        let look = pesan_adapters::dynamodb::Look {
            seats: Some((self.merchant, reservation.date, self.now)),
            ..Default::default()
        };
        let day = self.app.store.look(&self.merchant.id, look).await?.day;
        Ok(day.and_then(|day| day.free_seat(self.merchant, &reservation.slot)))
    }

    /// Keeps what was said and moved nothing.
    pub async fn keep(&self, outcome: EventOutcome) -> Result<(), Failure> {
        let event = self.event(outcome);
        self.app
            .store
            .keep_event(&self.merchant.id, &self.charge.payment.order_id, &event)
            .await?;
        let outcome = match outcome {
            EventOutcome::Applied => "applied",
            EventOutcome::Ignored => "ignored",
            EventOutcome::Differs => "differs",
        };
        tracing::info!(merchant = %self.merchant.id, kind = "payment", outcome);
        Ok(())
    }

    fn event(&self, outcome: EventOutcome) -> Event {
        Event {
            digest: self.digest.to_owned(),
            status: self.status.chars().take(32).collect(),
            transaction: self.transaction.as_str().to_owned(),
            outcome,
            received_at: self.now,
        }
    }

    pub fn alarm(&self, alarm: &str) {
        tracing::error!(merchant = %self.merchant.id, kind = "payment", alarm);
    }
}
