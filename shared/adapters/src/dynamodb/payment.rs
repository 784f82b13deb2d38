use aws_sdk_dynamodb::types::TransactWriteItem;
use jiff::Timestamp;
use pesan_domain::ids::{MerchantId, OrderId};
use pesan_domain::payment::Payment;
use pesan_domain::reservation::{Order, Reservation};

use super::reservation::sort_key;
use super::rows::{EventRow, Keyed, MerchantRow, PaymentRow, ReservationRow, WaitingRow};
use super::{MessageRecord, Places, Store, StoreError, from_item, keys, to_item};
use crate::events::Envelope;
use pesan_domain::merchant::Merchant;

/// What was done about a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventOutcome {
    /// It moved the payment.
    Applied,
    /// It said nothing new, or what its transaction may not say.
    Ignored,
    /// It differs from what Midtrans answered when asked.
    Differs,
}

impl EventOutcome {
    fn name(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Ignored => "ignored",
            Self::Differs => "differs",
        }
    }
}

/// A notification as it is kept.
#[derive(Clone, Debug)]
pub struct Event {
    /// The hash of its body: the same notification twice is one row.
    pub digest: String,
    /// Midtrans' word for the status.
    pub status: String,
    /// Its transaction.
    pub transaction: String,
    /// What was done about it.
    pub outcome: EventOutcome,
    /// When.
    pub received_at: Timestamp,
}

/// What a person must settle by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskKind {
    /// Money that cannot be matched to its booking: offer a new slot, or give it back.
    Review,
    /// Money that must be given back.
    Refund,
    /// Money that the bank took back from a booking that stands.
    Reversed,
}

impl TaskKind {
    fn name(self) -> &'static str {
        match self {
            Self::Review => "review",
            Self::Refund => "refund",
            Self::Reversed => "reversed",
        }
    }
}

/// Everything one notification writes.
#[derive(Debug)]
pub struct Settlement<'a> {
    /// The order it is about.
    pub order: &'a OrderId,
    /// The payment after the step, where it moved; its version is one above the stored one.
    pub payment: Option<&'a Payment>,
    /// The reservation after the step, where it moved; its version is one above the stored one.
    pub reservation: Option<&'a Reservation>,
    /// Whether the reservation's seat is claimed with it, and until when (none: for good).
    pub seat: Option<Option<Timestamp>>,
    /// The notification.
    pub event: &'a Event,
    /// What now waits for a person.
    pub tasks: &'a [TaskKind],
    /// What the customer is told, and the event that has it sent.
    pub message: Option<(&'a MessageRecord, &'a Envelope)>,
    /// Whether the payment's review is over.
    pub closes_review: bool,
    /// For the seat's grace.
    pub now: Timestamp,
}

/// An order as a notification finds it.
#[derive(Clone, Debug)]
pub struct Notified {
    /// The merchant.
    pub merchant: Option<Merchant>,
    /// The payment of exactly the order id notified, and its reservation.
    pub order: Option<Order>,
    /// Whether the same notification was applied before.
    pub applied_before: bool,
}

impl Store {
    /// The payment of an order id.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn payment(
        &self,
        merchant: &MerchantId,
        order: &OrderId,
    ) -> Result<Option<Payment>, StoreError> {
        let items = self
            .batch_get(vec![keys::payment(merchant, order).item()])
            .await?;
        items
            .into_iter()
            .next()
            .map(|item| from_item::<Keyed<PaymentRow>>(item)?.row.payment())
            .transpose()
    }

    /// Merchant, payment, reservation and an earlier copy of the notification, in one read: the
    /// order id says where all of them are.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn notified(
        &self,
        merchant: &MerchantId,
        order: &OrderId,
        digest: &str,
    ) -> Result<Notified, StoreError> {
        let items = self
            .batch_get(vec![
                keys::merchant(merchant).item(),
                keys::payment(merchant, order).item(),
                keys::reservation(merchant, &order.booking()).item(),
                keys::payment_event(merchant, order, digest).item(),
            ])
            .await?;
        let (mut profile, mut payment, mut reservation) = (None, None, None);
        let mut applied_before = false;
        for item in items {
            match sort_key(&item) {
                "PROFILE" => profile = Some(from_item::<Keyed<MerchantRow>>(item)?.row.merchant()?),
                "PAYMENT" => payment = Some(from_item::<Keyed<PaymentRow>>(item)?.row.payment()?),
                "RESERVATION" => {
                    reservation = Some(
                        from_item::<Keyed<ReservationRow>>(item)?
                            .row
                            .reservation()?,
                    );
                }
                _ => {
                    let event = from_item::<Keyed<EventRow>>(item)?.row;
                    applied_before = event.outcome == EventOutcome::Applied.name();
                }
            }
        }
        let order = payment
            .zip(reservation)
            .map(|(payment, reservation)| Order {
                reservation,
                payment,
            });
        Ok(Notified {
            merchant: profile,
            order,
            applied_before,
        })
    }

    /// Writes what a notification decided, all or nothing.
    ///
    /// # Errors
    /// [`StoreError::SeatTaken`] when the seat went to another booking,
    /// [`StoreError::AlreadyQueued`] when the customer is told already, [`StoreError::Conflict`]
    /// when another notification came first.
    pub async fn settle(
        &self,
        merchant: &Merchant,
        settlement: &Settlement<'_>,
    ) -> Result<(), StoreError> {
        let Settlement { order, event, .. } = settlement;
        let mut writes = vec![self.put(to_item(&event_row(&merchant.id, order, event))?)?];
        if let Some(payment) = settlement.payment {
            writes.push(self.payment_update(merchant, payment)?);
        }
        if settlement.closes_review {
            let review = keys::waiting(&merchant.id, TaskKind::Review.name(), order.as_str());
            writes.push(self.delete(&review)?);
        }
        let mut places = Places::default();
        if let Some(reservation) = settlement.reservation {
            writes.push(self.reservation_update(merchant, reservation)?);
            if let Some(held_until) = settlement.seat {
                places.seat = Some(writes.len());
                writes.push(self.seat_claim(merchant, reservation, held_until, settlement.now)?);
            }
        }
        for task in settlement.tasks {
            let what = match task {
                TaskKind::Review | TaskKind::Reversed => order.as_str().to_owned(),
                // Each surplus transaction of an order is money of its own.
                TaskKind::Refund => format!("{}#{}", order.as_str(), event.transaction),
            };
            let row = Keyed::new(
                keys::waiting(&merchant.id, task.name(), &what),
                WaitingRow {
                    order_id: order.as_str().to_owned(),
                    transaction: event.transaction.clone(),
                    since: settlement.now.as_second(),
                },
            );
            writes.push(self.put(to_item(&row)?)?);
        }
        if let Some((message, envelope)) = settlement.message {
            (writes, places) = self.queueing(writes, places, message, envelope)?;
        }
        self.transact(writes, places).await
    }

    /// Keeps a notification that moved nothing.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn keep_event(
        &self,
        merchant: &MerchantId,
        order: &OrderId,
        event: &Event,
    ) -> Result<(), StoreError> {
        self.put_alone(to_item(&event_row(merchant, order, event))?)
            .await
    }

    /// Records the open Snap page of a payment. Lost to any other change of the payment.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the payment moved meanwhile; the page is then asked for again.
    pub async fn open_snap(
        &self,
        merchant: &Merchant,
        payment: &Payment,
    ) -> Result<(), StoreError> {
        let item = to_item(&payment_row(merchant, payment))?;
        self.put_alone_over(item, payment.version.saturating_sub(1))
            .await
    }

    /// Writes the next attempt at paying a reservation: a payment of its own.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when another click made it first.
    pub async fn next_attempt(
        &self,
        merchant: &Merchant,
        reservation: &Reservation,
        payment: &Payment,
    ) -> Result<(), StoreError> {
        let mut writes = vec![
            self.put_new(to_item(&payment_row(merchant, payment))?)?,
            self.reservation_update(merchant, reservation)?,
        ];
        writes.extend(self.payment_asked(&merchant.id, payment)?);
        self.transact(writes, Places::default()).await
    }

    /// The payment after a step, over the version before it.
    fn payment_update(
        &self,
        merchant: &Merchant,
        payment: &Payment,
    ) -> Result<TransactWriteItem, StoreError> {
        self.put_over(
            to_item(&payment_row(merchant, payment))?,
            payment.version.saturating_sub(1),
        )
    }
}

/// The payment's row; its index keys follow from when it was made, so they never change.
pub(super) fn payment_row(merchant: &Merchant, payment: &Payment) -> Keyed<PaymentRow> {
    Keyed::new(
        keys::payment(&merchant.id, &payment.order_id),
        PaymentRow::from(payment),
    )
    .indexed(
        keys::made_on(merchant, "PAY", payment.made_at),
        format!("{}#{}", payment.made_at, payment.order_id.as_str()),
    )
}

fn event_row(merchant: &MerchantId, order: &OrderId, event: &Event) -> Keyed<EventRow> {
    Keyed::new(
        keys::payment_event(merchant, order, &event.digest),
        EventRow {
            received_at: event.received_at.as_second(),
            status: event.status.clone(),
            transaction: event.transaction.clone(),
            outcome: event.outcome.name().to_owned(),
        },
    )
}
