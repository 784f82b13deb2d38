//! The bill page's side of a payment: showing it and opening Midtrans' page for it. Nothing is made
//! at Midtrans before somebody clicks.

use jiff::Timestamp;
use pesan_adapters::dynamodb::StoreError;
use pesan_adapters::midtrans::{SnapError, SnapPage};
use pesan_domain::billing::{BillId, BillOrder, Cell, Click, Refused};
use pesan_domain::ids::{MerchantId, OrderId};
use pesan_domain::language::Language;
use pesan_domain::merchant::Merchant;
use pesan_domain::payment::Payment;
use pesan_domain::subscriber::Subscriber;

use crate::orders::{Paid, Payable, end_attempt, open_snap, page};
use crate::{App, Failure, TRIES, links, step_aside};

/// A bill as its page shows it.
#[derive(Clone, Debug)]
pub struct BillView {
    /// Who is paid.
    pub merchant: Merchant,
    /// Who owes it, as long as they are among the subscribers.
    pub subscriber: Option<Subscriber>,
    /// The bill, with the newest attempt at paying it.
    pub order: BillOrder,
    cell: Cell,
}

impl BillView {
    /// Whether its button is shown.
    #[must_use]
    pub fn is_payable(&self, now: Timestamp) -> bool {
        self.merchant.midtrans.is_some()
            && match self.order.click(now) {
                Click::Live(_) | Click::Next { .. } => true,
                Click::Closed | Click::UsedUp => false,
            }
    }

    /// What its page is written in, unless the visitor chooses.
    #[must_use]
    pub fn language(&self) -> Language {
        let subscriber = self.subscriber.as_ref();
        subscriber.map_or(Language::Indonesian, |one| one.language)
    }

    fn id(&self) -> &BillId {
        &self.order.bill.id
    }
}

/// Loads the bill behind a page's token.
///
/// # Errors
/// [`Failure::Unknown`] for a token that opens nothing.
pub async fn by_token(app: &App, token: &str) -> Result<BillView, Failure> {
    let (merchant, id) = app
        .store
        .bill_link(&links::token_hash(token))
        .await?
        .ok_or(Failure::Unknown)?;
    load(app, &merchant, &id).await
}

async fn load(app: &App, merchant: &MerchantId, id: &BillId) -> Result<BillView, Failure> {
    let found = app.store.bill_order(merchant, id).await?;
    let (Some(merchant), Some(cell)) = (found.merchant, found.cell) else {
        return Err(Failure::Unknown);
    };
    let order = BillOrder {
        bill: cell.bill.clone().ok_or(Failure::Unknown)?,
        payment: found.payment,
    };
    Ok(BillView {
        merchant,
        subscriber: found.subscriber,
        order,
        cell,
    })
}

/// What keeps a click from Midtrans' page, for now.
#[derive(Clone, Copy)]
enum Held {
    /// Another click has begun the attempt.
    Elsewhere,
    /// Midtrans has opened the attempt's page, and it is not recorded: it gives it out once only.
    Unrecorded,
}

/// Opens Midtrans' page for the bill: the one that is open, or a new one for what remains.
///
/// # Errors
/// [`Failure::Unavailable`] when Midtrans or the table did not answer; the click may be repeated.
pub async fn pay(app: &App, view: &BillView) -> Result<Payable, Failure> {
    let mut view = view.clone();
    let mut held = None;
    for nth in 1..=TRIES {
        held = match open(app, &view, held).await? {
            Ok(payable) => return Ok(payable),
            Err(held) => Some(held),
        };
        if nth < TRIES {
            step_aside(nth).await;
            view = load(app, &view.merchant.id, view.id()).await?;
        }
    }
    let elsewhere = || Failure::Unavailable("opened elsewhere just now".to_owned());
    match (held, view.order.payment.clone()) {
        // Who opened it is gone: what it may take money with is ended before another attempt.
        (Some(Held::Unrecorded), Some(payment)) => next(app, &view, Some(payment.order_id))
            .await?
            .map_err(|_| elsewhere()),
        (Some(Held::Unrecorded | Held::Elsewhere) | None, _) => Err(elsewhere()),
    }
}

/// One look at the bill. What another click began in between is waited for and not opened beside it.
async fn open(
    app: &App,
    view: &BillView,
    held: Option<Held>,
) -> Result<Result<Payable, Held>, Failure> {
    let merchant = &view.merchant;
    match view.order.click(app.clock.now()) {
        Click::Closed => {
            tracing::info!(merchant = %merchant.id, kind = "payment", outcome = "closed");
            Ok(Ok(Payable::Closed))
        }
        Click::Live(payment) => match (recorded(&payment), held) {
            (Some(open), _) => {
                tracing::info!(merchant = %merchant.id, kind = "payment", outcome = "page open");
                Ok(Ok(Payable::Page(open)))
            }
            (None, Some(held)) => Ok(Err(held)),
            (None, None) => opened(app, view, &payment).await,
        },
        Click::Next { ends } => next(app, view, ends).await,
        Click::UsedUp => Ok(Ok(used_up(merchant))),
    }
}

fn recorded(payment: &Payment) -> Option<SnapPage> {
    Some(SnapPage {
        token: payment.snap_token.clone()?,
        redirect_url: payment.redirect_url.clone()?,
    })
}

/// Nothing is begun, and what may still take money is let be.
fn used_up(merchant: &Merchant) -> Payable {
    tracing::info!(merchant = %merchant.id, kind = "payment", outcome = "attempts used up");
    Payable::UsedUp
}

/// Begins the next attempt and opens its page.
async fn next(
    app: &App,
    view: &BillView,
    ends: Option<OrderId>,
) -> Result<Result<Payable, Held>, Failure> {
    let merchant = &view.merchant;
    let now = app.clock.now();
    let (cell, payment) = match view.cell.next_attempt(now) {
        Ok(next) => next,
        Err(Refused::Closed(_) | Refused::NoBill) => return Ok(Ok(Payable::Closed)),
        Err(Refused::TooMany) => return Ok(Ok(used_up(merchant))),
        Err(
            refused @ (Refused::Nothing
            | Refused::TooMuch { .. }
            | Refused::PartlyPaid { .. }
            | Refused::Known
            | Refused::Struck
            | Refused::Recorded { .. }
            | Refused::NotPaid),
        ) => return Err(Failure::Unavailable(refused.to_string())),
    };
    if let Some(order) = ends {
        end_attempt(app, merchant, &order).await?;
    }
    match app.store.begin_attempt(merchant, &cell, &payment).await {
        Ok(()) => {
            if cell.bill.as_ref().is_some_and(|bill| !bill.may_begin()) {
                // When its page ends unpaid, only the shop can take the money.
                tracing::error!(merchant = %merchant.id, kind = "payment", alarm = "last attempt at paying", bill = %view.id());
            }
            opened(app, view, &payment).await
        }
        Err(StoreError::Conflict) => Ok(Err(Held::Elsewhere)),
        Err(error) => Err(error.into()),
    }
}

/// Asks Midtrans for the page of an attempt and records it.
async fn opened(
    app: &App,
    view: &BillView,
    payment: &Payment,
) -> Result<Result<Payable, Held>, Failure> {
    let token = links::bill_token(app, &view.merchant.id, view.id()).await?;
    let name = view.subscriber.as_ref().map_or("", |one| one.name.as_str());
    let paid = Paid {
        item_id: view.id().as_str(),
        item_name: &format!("Tagihan {} (bill)", view.id().period()),
        customer_name: name,
        finish_url: &links::bill_url(app, &token),
    };
    match open_snap(app, &view.merchant, payment, paid).await {
        Err(SnapError::OrderTaken) => Ok(Err(Held::Unrecorded)),
        opened => page(&view.merchant, opened).map(Ok),
    }
}
