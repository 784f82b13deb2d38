//! Bills as they are asked for: of a period, or of a subscriber.

use std::cmp::Reverse;

use pesan_domain::billing::{BillId, Cell, Period, RunId};
use pesan_domain::ids::{MerchantId, SubscriberId};

use super::BillingError;
use super::tape::{TapePage, tape};
use crate::App;
use crate::subscribers::Position;

/// A part of a subscriber's bills.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BillsOf {
    /// The cells, each with its bill, the newest first.
    pub cells: Vec<Cell>,
    /// Before which period they go on; none at their end.
    pub next: Option<Period>,
}

/// The cells of at most `limit` bills of a period from `after` on, or from the beginning, in an order
/// that stays the same and means nothing. There are none of a period that was not billed.
///
/// # Errors
/// [`BillingError::Unavailable`]
pub async fn bills_of_period(
    app: &App,
    merchant: &MerchantId,
    period: Period,
    after: Option<&Position>,
    limit: u16,
) -> Result<TapePage, BillingError> {
    let run = RunId::Bill { period };
    match tape(app, merchant, run, after, limit).await {
        Err(BillingError::UnknownRun(_)) => Ok(TapePage {
            cells: Vec::new(),
            next: None,
        }),
        read => {
            let mut page = read?;
            page.cells.retain(|cell| cell.bill.is_some());
            Ok(page)
        }
    }
}

/// The cells of at most `limit` bills of a subscriber, the newest first, of the periods before
/// `before`. Who was taken out still has them.
///
/// # Errors
/// [`BillingError::Unavailable`]
pub async fn bills_of_subscriber(
    app: &App,
    merchant: &MerchantId,
    subscriber: &SubscriberId,
    before: Option<Period>,
    limit: u16,
) -> Result<BillsOf, BillingError> {
    let store = &app.store;
    let found = store
        .periods_of(merchant, subscriber, before, limit)
        .await?;
    let (periods, is_last) = found;
    let ids = periods.iter();
    let ids: Vec<BillId> = ids
        .map(|period| BillId::new(*period, subscriber.clone()))
        .collect();
    let mut cells = store.cells(merchant, &ids).await?;
    cells.retain(|cell| cell.bill.is_some());
    cells.sort_by_key(|cell| Reverse(cell.period));
    Ok(BillsOf {
        cells,
        next: periods.last().copied().filter(|_| !is_last),
    })
}
