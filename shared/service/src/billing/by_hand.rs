//! What an operator writes to a bill.

use jiff::Timestamp;
use pesan_adapters::dynamodb::{CellChange, StoreError};
use pesan_domain::billing::{
    Bill, BillId, Cell, GivenBack, Instalment, Reason, Reference, Refused, Slip, Source, Who,
};
use pesan_domain::ids::{MerchantId, SlipId};
use pesan_domain::money::Rupiah;

use super::BillingError;
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
    let slip = slip(app, received.reference.as_ref());
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
    let slip = slip(app, returned.reference.as_ref());
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

fn slip(app: &App, reference: Option<&Reference>) -> Slip {
    Slip {
        id: event_id(app.clock.now()).into(),
        reference: reference.cloned(),
    }
}

fn has(cell: &Cell, slip: &SlipId) -> bool {
    cell.bill.as_ref().is_some_and(|bill| bill.has_slip(slip))
}

/// Writes to a cell, again where another write came first. That may have been this one, whose answer
/// was lost: `is_done` tells it from every other, whatever was written over it since.
async fn write(
    app: &App,
    merchant: &MerchantId,
    bill: &BillId,
    change: impl Fn(&Cell, Timestamp) -> Result<Cell, Refused>,
    is_done: impl Fn(&Cell) -> bool,
) -> Result<Cell, BillingError> {
    for nth in 1..=TRIES {
        let unknown = || BillingError::UnknownBill(bill.clone());
        let before = cell(app, merchant, bill).await?.ok_or_else(unknown)?;
        if nth > 1 && is_done(&before) {
            return Ok(before);
        }
        let after = match change(&before, app.clock.now()) {
            Ok(after) => after,
            Err(Refused::NoBill) => return Err(unknown()),
            Err(refused) => return Err(refused.into()),
        };
        let written = app
            .store
            .change_cell(&CellChange::plain(merchant, &after))
            .await;
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
