//! What an operator writes to a bill.

use jiff::Timestamp;
use pesan_adapters::dynamodb::{CellChange, StoreError};
use pesan_domain::billing::{Bill, BillId, Cell, Reason, Refused, Source, Who};
use pesan_domain::ids::MerchantId;
use pesan_domain::money::Rupiah;

use super::BillingError;
use crate::{App, TRIES, step_aside};

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
    amount: Rupiah,
    source: ByHand,
    who: &Who,
) -> Result<Cell, BillingError> {
    let paid = write(app, merchant, bill, |cell, now| {
        cell.pay(amount, source.source(who), now)
    });
    let cell = paid.await?;
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
    let voided = write(app, merchant, bill, |cell, now| {
        cell.void(reason.clone(), who.clone(), now)
    });
    let cell = voided.await?;
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
    amount: Option<Rupiah>,
    reason: &Reason,
    who: &Who,
) -> Result<Cell, BillingError> {
    let refunded = write(app, merchant, bill, |cell, now| {
        let kept = cell.bill.as_ref().map(Bill::kept).unwrap_or_default();
        let amount = amount.unwrap_or(kept);
        cell.refund(amount, reason.clone(), who.clone(), now)
    });
    let cell = refunded.await?;
    tracing::info!(%merchant, kind = "billing", outcome = "refunded by hand", bill = %bill);
    Ok(cell)
}

/// Writes to a cell, again where another write came first.
async fn write(
    app: &App,
    merchant: &MerchantId,
    bill: &BillId,
    change: impl Fn(&Cell, Timestamp) -> Result<Cell, Refused>,
) -> Result<Cell, BillingError> {
    for nth in 1..=TRIES {
        let unknown = || BillingError::UnknownBill(bill.clone());
        let before = cell(app, merchant, bill).await?.ok_or_else(unknown)?;
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
            Err(StoreError::Conflict) => step_aside(nth).await,
            written => {
                written?;
                return Ok(after);
            }
        }
    }
    Err(BillingError::Unavailable(
        "the bill is being written by others".to_owned(),
    ))
}
