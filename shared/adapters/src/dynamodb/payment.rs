use aws_sdk_dynamodb::types::TransactWriteItem;
use jiff::Timestamp;
use pesan_domain::billing::Cell;
use pesan_domain::ids::{MerchantId, OrderId, OrderSubject};
use pesan_domain::money::Rupiah;
use pesan_domain::payment::Payment;
use pesan_domain::reservation::Reservation;

use super::balance::{BalanceRow, credited};
use super::bill::{CellRow, cell_item};
use super::keys::Key;
use super::reservation::sort_key;
use super::rows::{EventRow, Keyed, MerchantRow, PaymentRow, ReservationRow, WaitingRow};
use super::subscriber::subscriber;
use super::top_up::{CreditRecord, CreditRow, TopUp, TopUpMove};
use super::{
    Item, MessageRecord, Places, Store, StoreError, from_item, keys, outbox_item, to_item,
};
use crate::events::Envelope;
use pesan_domain::merchant::Merchant;
use pesan_domain::subscriber::Subscriber;

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
    /// Money that went back and was not there any more: a top-up that was spent, a bill's that the
    /// shop had given back by hand.
    Owed,
}

impl TaskKind {
    fn name(self) -> &'static str {
        match self {
            Self::Review => "review",
            Self::Refund => "refund",
            Self::Reversed => "reversed",
            Self::Owed => "owed",
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
    /// What becomes of what is paid for.
    pub subject: &'a SubjectMove,
    /// The notification.
    pub event: &'a Event,
    /// What now waits for a person.
    pub tasks: &'a [TaskKind],
    /// What the customer is told, and the event that has it sent.
    pub message: Option<(&'a MessageRecord, &'a Envelope)>,
    /// What else is announced.
    pub announced: Option<&'a Envelope>,
    /// Whether Midtrans is asked later whether the money is still there.
    pub looked_after: bool,
    /// Whether the payment's review is over.
    pub closes_review: bool,
    /// For the seat's grace.
    pub now: Timestamp,
}

/// What becomes of what is paid for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubjectMove {
    /// It stays as it is.
    Stays,
    /// The reservation moves.
    Reservation {
        /// After the step; its version is one above the stored one.
        reservation: Box<Reservation>,
        /// Whether its seat is claimed with it, and until when (none: for good).
        seat: Option<Option<Timestamp>>,
    },
    /// A top-up is credited or taken back.
    TopUp(Box<TopUpMove>),
    /// A bill's cell moves.
    Bill {
        /// After the step.
        cell: Box<Cell>,
        /// The version of the cell that is stored.
        over: u64,
    },
}

/// What an order pays for, as it was found.
#[derive(Clone, Debug)]
pub enum PaidFor {
    /// A booking.
    Booking(Box<Reservation>),
    /// A top-up of a balance.
    TopUp(Box<TopUp>),
    /// A subscriber's bill.
    Bill(Box<Billed>),
}

/// A bill as it was found.
#[derive(Clone, Debug)]
pub struct Billed {
    /// Its cell.
    pub cell: Cell,
    /// Whose it is, as long as they are among the subscribers.
    pub subscriber: Option<Subscriber>,
}

/// A payment with what it pays for.
#[derive(Clone, Debug)]
pub struct Charge {
    /// The payment.
    pub payment: Payment,
    /// What it pays for.
    pub paid_for: PaidFor,
}

/// An order as a notification finds it.
#[derive(Clone, Debug)]
pub struct Notified {
    /// The merchant.
    pub merchant: Option<Merchant>,
    /// The payment of exactly the order id notified, and what it pays for.
    pub charge: Option<Charge>,
    /// Whether the same notification was applied before.
    pub applied_before: bool,
}

/// The rows of one order, as they were read.
#[derive(Default)]
struct Rows {
    /// The merchant that is paid, and the one that is credited with a top-up.
    merchants: Vec<Merchant>,
    payment: Option<Payment>,
    reservation: Option<Reservation>,
    balance: BalanceRow,
    applied: Option<Rupiah>,
    credit: Option<CreditRecord>,
    cell: Option<Cell>,
    subscriber: Option<Subscriber>,
    applied_before: bool,
}

impl Rows {
    fn take(&mut self, item: Item) -> Result<(), StoreError> {
        match sort_key(&item) {
            "PROFILE" => {
                let row = from_item::<Keyed<MerchantRow>>(item)?.row;
                self.merchants.push(row.merchant()?);
            }
            "PAYMENT" => self.payment = Some(from_item::<Keyed<PaymentRow>>(item)?.row.payment()?),
            "RESERVATION" => {
                let row = from_item::<Keyed<ReservationRow>>(item)?.row;
                self.reservation = Some(row.reservation()?);
            }
            "BALANCE" => self.balance = from_item::<Keyed<BalanceRow>>(item)?.row,
            "CREDIT" => self.credit = Some(from_item::<Keyed<CreditRow>>(item)?.row.record()),
            key if key.starts_with(keys::EVENT_PREFIX) => {
                let event = from_item::<Keyed<EventRow>>(item)?.row;
                self.applied_before = event.outcome == EventOutcome::Applied.name();
            }
            // Cells and subscribers lie under the subscriber's id.
            _ if keys::is_cell(&item) => {
                self.cell = Some(from_item::<Keyed<CellRow>>(item)?.row.cell()?);
            }
            _ if keys::is_subscriber(&item) => self.subscriber = Some(subscriber(item)?),
            // The ledger's entries of top-ups lie under their orders.
            _ => self.applied = Some(credited(item)?),
        }
        Ok(())
    }

    fn merchant(&self, id: &MerchantId) -> Option<Merchant> {
        self.merchants
            .iter()
            .find(|merchant| merchant.id == *id)
            .cloned()
    }

    fn notified(self, payee: &MerchantId, subject: &OrderSubject) -> Notified {
        let merchant = self.merchant(payee);
        let paid_for = match subject {
            OrderSubject::Booking(_) => self.reservation.map(Box::new).map(PaidFor::Booking),
            OrderSubject::TopUp(id) => self.merchant(id.merchant()).map(|merchant| {
                PaidFor::TopUp(Box::new(TopUp {
                    balance: self.balance.account(&merchant.messaging).balance,
                    merchant,
                    applied: self.applied,
                    credit: self.credit,
                }))
            }),
            OrderSubject::Bill(_) => self.cell.map(|cell| {
                PaidFor::Bill(Box::new(Billed {
                    cell,
                    subscriber: self.subscriber,
                }))
            }),
        };
        Notified {
            merchant,
            charge: self
                .payment
                .zip(paid_for)
                .map(|(payment, paid_for)| Charge { payment, paid_for }),
            applied_before: self.applied_before,
        }
    }
}

/// Where what an order pays for stands.
fn places(payee: &MerchantId, order: &OrderId) -> Vec<Key> {
    match order.subject() {
        OrderSubject::Booking(code) => vec![keys::reservation(payee, code)],
        OrderSubject::TopUp(id) => {
            let mut places = vec![
                keys::balance(id.merchant()),
                keys::top_up(id.merchant(), order.as_str()),
                keys::credit(payee, order),
            ];
            // One read takes a key once.
            if id.merchant() != payee {
                places.push(keys::merchant(id.merchant()));
            }
            places
        }
        OrderSubject::Bill(id) => vec![
            keys::bill(payee, id),
            keys::subscriber(payee, id.subscriber()),
        ],
    }
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

    /// Merchant, payment, what it pays for and an earlier copy of the notification, in one read:
    /// the order id says where all of them are.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn notified(
        &self,
        merchant: &MerchantId,
        order: &OrderId,
        digest: &str,
    ) -> Result<Notified, StoreError> {
        let mut wanted = vec![
            keys::merchant(merchant).item(),
            keys::payment(merchant, order).item(),
            keys::payment_event(merchant, order, digest).item(),
        ];
        wanted.extend(places(merchant, order).iter().map(Key::item));
        let mut rows = Rows::default();
        for item in self.batch_get(wanted).await? {
            rows.take(item)?;
        }
        Ok(rows.notified(merchant, order.subject()))
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
        match settlement.subject {
            SubjectMove::Stays => {}
            SubjectMove::Reservation { reservation, seat } => {
                writes.push(self.reservation_update(merchant, reservation)?);
                if let Some(held_until) = *seat {
                    places.seat = Some(writes.len());
                    writes.push(self.seat_claim(
                        merchant,
                        reservation,
                        held_until,
                        settlement.now,
                    )?);
                }
            }
            SubjectMove::TopUp(moved) => {
                writes.extend(self.top_up_writes(&merchant.id, order, moved, settlement.now)?);
            }
            SubjectMove::Bill { cell, over } => {
                writes.push(self.put_over(cell_item(&merchant.id, cell)?, *over)?);
            }
        }
        if settlement.looked_after {
            writes.extend(self.paid_looked_after(&merchant.id, order, settlement.now)?);
        }
        for task in settlement.tasks {
            let what = match task {
                TaskKind::Review | TaskKind::Reversed | TaskKind::Owed => order.as_str().to_owned(),
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
        if let Some(envelope) = settlement.announced {
            writes.push(self.put(outbox_item(envelope)?)?);
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

    /// Writes a payment that stands for itself, before anybody can pay it.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the order id is another's.
    pub async fn add_payment(
        &self,
        merchant: &Merchant,
        payment: &Payment,
    ) -> Result<(), StoreError> {
        let mut writes = vec![self.put_new(to_item(&payment_row(merchant, payment))?)?];
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
