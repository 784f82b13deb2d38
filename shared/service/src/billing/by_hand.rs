//! What an operator writes to a bill.

use jiff::Timestamp;
use pesan_adapters::dynamodb::{CellChange, StoreError};
use pesan_domain::billing::{
    Bill, BillId, Cell, GivenBack, Instalment, Reason, Reference, Refused, Slip, Source, Struck,
    Who,
};
use pesan_domain::ids::{MerchantId, OrderId, SlipId};
use pesan_domain::merchant::Merchant;
use pesan_domain::money::Rupiah;
use pesan_domain::payment::Payment;

use super::{BillingError, profile};
use crate::{App, TRIES, event_id, step_aside};

/// How money came past Midtrans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByHand {
    /// In cash.
    Cash,
    /// By a transfer.
    Transfer,
}

impl ByHand {
    fn source(self, who: &Who) -> Source {
        match self {
            Self::Cash => Source::Cash(who.clone()),
            Self::Transfer => Source::Transfer(who.clone()),
        }
    }
}

/// Money that came past Midtrans.
#[derive(Clone, Debug)]
pub struct Received {
    /// What the record is told from every other by: the same where the same request is made again.
    pub slip: SlipId,
    /// How much.
    pub amount: Rupiah,
    /// How it came.
    pub source: ByHand,
    /// The number of its receipt or transfer: recorded again, it changes nothing.
    pub reference: Option<Reference>,
    /// Who says so.
    pub by: Who,
}

/// Money that was given back past Midtrans.
#[derive(Clone, Debug)]
pub struct Returned {
    /// What the record is told from every other by: the same where the same request is made again.
    pub slip: SlipId,
    /// How much; all that is there where it is not said.
    pub amount: Option<Rupiah>,
    /// Why.
    pub reason: Reason,
    /// The number of its receipt or transfer: recorded again, it changes nothing.
    pub reference: Option<Reference>,
    /// Who says so.
    pub by: Who,
}

/// A bill's cell, with the version that the next write must follow; none where no run has made one.
///
/// # Errors
/// [`BillingError::Unavailable`]
pub async fn cell(
    app: &App,
    merchant: &MerchantId,
    bill: &BillId,
) -> Result<Option<Cell>, BillingError> {
    let ids = std::slice::from_ref(bill);
    Ok(app.store.cells(merchant, ids).await?.pop())
}

/// Records money for a bill that came past Midtrans, all of it or a part. Paid in full, its
/// reminders stop.
///
/// # Errors
/// [`BillingError::UnknownBill`], [`BillingError::Refused`]
pub async fn pay_by_hand(
    app: &App,
    merchant: &MerchantId,
    bill: &BillId,
    received: &Received,
) -> Result<Cell, BillingError> {
    let slip = Slip {
        id: received.slip.clone(),
        reference: received.reference.clone(),
        counted_by: None,
    };
    let pay = |cell: &Cell, now| {
        let source = received.source.source(&received.by);
        cell.receive(Instalment {
            slip: Some(slip.clone()),
            ..Instalment::new(received.amount, source, now)
        })
    };
    let cell = write(app, merchant, bill, pay, |cell| has(cell, &slip.id)).await?;
    tracing::info!(%merchant, kind = "billing", outcome = "paid by hand", bill = %bill);
    Ok(cell)
}

/// Strikes out a record of money that never came: the `number`th of those that came, from 1. The bill
/// asks for it again.
///
/// # Errors
/// [`BillingError::UnknownBill`], [`BillingError::Refused`]
pub async fn strike(
    app: &App,
    merchant: &MerchantId,
    bill: &BillId,
    number: usize,
    struck: &Struck,
) -> Result<Cell, BillingError> {
    let zone = profile(app, merchant).await?.zone;
    let place = number.checked_sub(1).ok_or(Refused::NotPaid)?;
    let strike = |cell: &Cell, now: Timestamp| {
        let today = now.to_zoned(zone.tz()).date();
        cell.strike(place, struck.clone(), today, now)
    };
    let is_done = |cell: &Cell| {
        let bill = cell.bill.as_ref();
        let record = bill.and_then(|bill| bill.instalments.get(place));
        record.is_some_and(|record| record.struck.as_ref() == Some(struck))
    };
    let cell = write(app, merchant, bill, strike, is_done).await?;
    tracing::info!(%merchant, kind = "billing", outcome = "struck", bill = %bill);
    Ok(cell)
}

/// Money in review that is counted after all.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// Of which order.
    pub order: OrderId,
    /// How much of it counts; what the bill asks for, at most what came, where it is not said.
    pub amount: Option<Rupiah>,
    /// Who decides.
    pub by: Who,
}

/// Counts money that waits for a person's decision. What more came than the bill asks for is for the
/// shop to give back.
///
/// # Errors
/// [`BillingError::UnknownBill`], [`BillingError::Refused`]: with [`Refused::NotPaid`] where no money of
/// that order waits, with [`Refused::Closed`] where the bill asks for nothing.
pub async fn accept(
    app: &App,
    merchant: &MerchantId,
    bill: &BillId,
    accepted: &Accepted,
) -> Result<Cell, BillingError> {
    let profile = profile(app, merchant).await?;
    let Accepted { order, amount, by } = accepted;
    let slip = Slip {
        counted_by: Some(by.clone()),
        ..slip(app)
    };
    let accept = |cell: &Cell, payment: Option<Payment>, now| {
        let payment = payment.ok_or(Refused::NotPaid)?;
        let after = cell.accept(order, payment.left(), *amount, slip.clone(), now)?;
        Ok((after, Some(payment.accepted())))
    };
    let about = Some((&profile, order));
    let cell = write_about(app, merchant, bill, about, accept, |cell| {
        has(cell, &slip.id)
    })
    .await?;
    tracing::info!(%merchant, kind = "billing", outcome = "accepted", bill = %bill);
    Ok(cell)
}

/// Records that money of an order that counts for nothing was given back past Midtrans: all of it that
/// waits for a decision, or what more came than was let count.
///
/// # Errors
/// [`BillingError::UnknownBill`], [`BillingError::Refused`]: with [`Refused::NotPaid`] where there is no
/// such money of that order.
pub async fn give_back_uncounted(
    app: &App,
    merchant: &MerchantId,
    bill: &BillId,
    order: &OrderId,
    struck: &Struck,
) -> Result<Cell, BillingError> {
    let profile = profile(app, merchant).await?;
    let slip = slip(app);
    let give_back = |cell: &Cell, payment: Option<Payment>, now| {
        let after = cell.give_back_uncounted(order, struck.clone(), slip.clone(), now)?;
        let waits = cell.bill.as_ref().is_some_and(|bill| bill.waits_for(order));
        // What more came than was let count is of a payment that stays paid.
        Ok((after, payment.filter(|_| waits).map(Payment::returned)))
    };
    let about = Some((&profile, order));
    let is_done = |cell: &Cell| has(cell, &slip.id);
    let cell = write_about(app, merchant, bill, about, give_back, is_done).await?;
    tracing::info!(%merchant, kind = "billing", outcome = "returned by hand", bill = %bill);
    Ok(cell)
}

/// Calls a bill off.
///
/// # Errors
/// [`BillingError::UnknownBill`], [`BillingError::Refused`]
pub async fn void(
    app: &App,
    merchant: &MerchantId,
    bill: &BillId,
    reason: &Reason,
    who: &Who,
) -> Result<Cell, BillingError> {
    let void = |cell: &Cell, now| cell.void(reason.clone(), who.clone(), now);
    let is_done = |cell: &Cell| {
        let voided = cell.bill.as_ref().and_then(|bill| bill.voided.as_ref());
        voided.is_some_and(|voided| voided.reason == *reason && voided.by == *who)
    };
    let cell = write(app, merchant, bill, void, is_done).await?;
    tracing::info!(%merchant, kind = "billing", outcome = "voided", bill = %bill);
    Ok(cell)
}

/// Records money that was given back past Midtrans: so much, or all that is there of it. What is
/// given back in Midtrans' dashboard is told by its notification and not recorded by hand.
///
/// # Errors
/// [`BillingError::UnknownBill`], [`BillingError::Refused`]
pub async fn refund(
    app: &App,
    merchant: &MerchantId,
    bill: &BillId,
    returned: &Returned,
) -> Result<Cell, BillingError> {
    let slip = Slip {
        id: returned.slip.clone(),
        reference: returned.reference.clone(),
        counted_by: None,
    };
    let give_back = |cell: &Cell, now| {
        let kept = cell.bill.as_ref().map(Bill::kept).unwrap_or_default();
        let amount = returned.amount.unwrap_or(kept);
        let (reason, by) = (returned.reason.clone(), returned.by.clone());
        cell.give_back(GivenBack {
            slip: Some(slip.clone()),
            ..GivenBack::new(amount, reason, by, now)
        })
    };
    let cell = write(app, merchant, bill, give_back, |cell| has(cell, &slip.id)).await?;
    tracing::info!(%merchant, kind = "billing", outcome = "refunded by hand", bill = %bill);
    Ok(cell)
}

/// What a record that is made now, and once, is told from every other by.
#[must_use]
pub fn fresh_slip(app: &App) -> SlipId {
    event_id(app.clock.now()).into()
}

fn slip(app: &App) -> Slip {
    Slip {
        id: fresh_slip(app),
        reference: None,
        counted_by: None,
    }
}

fn has(cell: &Cell, slip: &SlipId) -> bool {
    cell.bill.as_ref().is_some_and(|bill| bill.has_slip(slip))
}

/// Writes to a cell alone, as [`write_about`].
async fn write(
    app: &App,
    merchant: &MerchantId,
    bill: &BillId,
    change: impl Fn(&Cell, Timestamp) -> Result<Cell, Refused>,
    is_done: impl Fn(&Cell) -> bool,
) -> Result<Cell, BillingError> {
    let change = |cell: &Cell, _: Option<Payment>, now| Ok((change(cell, now)?, None));
    write_about(app, merchant, bill, None, change, is_done).await
}

/// Writes to a cell and, of an order that is decided about, to its payment; again where another write
/// came first. That may have been this one, whose answer was lost: `is_done` tells it from every other,
/// whatever was written over it since.
async fn write_about(
    app: &App,
    merchant: &MerchantId,
    bill: &BillId,
    about: Option<(&Merchant, &OrderId)>,
    change: impl Fn(&Cell, Option<Payment>, Timestamp) -> Result<(Cell, Option<Payment>), Refused>,
    is_done: impl Fn(&Cell) -> bool,
) -> Result<Cell, BillingError> {
    for nth in 1..=TRIES {
        let unknown = || BillingError::UnknownBill(bill.clone());
        let before = cell(app, merchant, bill).await?.ok_or_else(unknown)?;
        if nth > 1 && is_done(&before) {
            return Ok(before);
        }
        let payment = match about {
            Some((_, order)) => app.store.payment(merchant, order).await?,
            None => None,
        };
        let (after, decided) = match change(&before, payment, app.clock.now()) {
            Ok(after) => after,
            Err(Refused::NoBill) => return Err(unknown()),
            Err(refused) => return Err(refused.into()),
        };
        let written = match (about, &decided) {
            (Some((profile, _)), Some(payment)) => {
                let over = before.version;
                app.store
                    .decide_review(profile, payment, &after, over)
                    .await
            }
            (Some(_) | None, None) | (None, Some(_)) => {
                let plain = CellChange::plain(merchant, &after);
                app.store.change_cell(&plain).await
            }
        };
        match written {
            Ok(()) => return Ok(after),
            Err(StoreError::Conflict) => step_aside(nth).await,
            Err(error @ StoreError::Unavailable(_)) => {
                let found = cell(app, merchant, bill).await.ok().flatten();
                return found.filter(&is_done).ok_or_else(|| not_known(&error));
            }
            Err(
                error @ (StoreError::SeatTaken
                | StoreError::AlreadyQueued
                | StoreError::Refused(_)
                | StoreError::Broken(_)),
            ) => return Err(error.into()),
        }
    }
    let found = cell(app, merchant, bill).await?.filter(&is_done);
    found.ok_or_else(|| BillingError::Unavailable("the bill is being written by others".to_owned()))
}

fn not_known(error: &StoreError) -> BillingError {
    BillingError::Unavailable(format!(
        "{error}; whether it is recorded is not known: look at the bill before it is recorded again"
    ))
}
