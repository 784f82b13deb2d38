//! The order page's side of a payment: showing it and opening Midtrans' page for it.

use pesan_adapters::dynamodb::{Look, StoreError};
use pesan_adapters::http::CallError;
use pesan_adapters::midtrans::{SnapError, SnapOrder, SnapPage};
use pesan_adapters::secrets::MerchantSecret;
use pesan_domain::ids::OrderId;
use pesan_domain::merchant::{Merchant, MidtransAccount};
use pesan_domain::payment::{Payment, PaymentState, VendorStatus};
use pesan_domain::reservation::Order;

use crate::{App, Failure, links};

/// Attempts at paying one booking; an order id has room for 99.
const MOST_ATTEMPTS: u8 = 20;

/// An order as its page shows it.
#[derive(Clone, Debug)]
pub struct OrderView {
    /// Whose shop.
    pub merchant: Merchant,
    /// Reservation and payment.
    pub order: Order,
}

/// What pressing *Bayar Sekarang* leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payable {
    /// Midtrans' page.
    Page(SnapPage),
    /// Nothing is to be paid: it is paid, over or in somebody's hands.
    Closed,
    /// No more pages are opened for it: the shop takes the money another way.
    UsedUp,
}

/// Loads the order behind a page's token.
///
/// # Errors
/// [`Failure::Unknown`] for a token that opens nothing.
pub async fn by_token(app: &App, token: &str) -> Result<OrderView, Failure> {
    let (merchant, code) = app
        .store
        .link(&links::token_hash(token))
        .await?
        .ok_or(Failure::Unknown)?;
    let look = Look {
        profile: true,
        booking: Some(&code),
        ..Look::default()
    };
    let found = app.store.look(&merchant, look).await?;
    match (found.order, found.merchant) {
        (Some(order), Some(merchant)) => Ok(OrderView { merchant, order }),
        _ => Err(Failure::Unknown),
    }
}

/// A merchant's account at Midtrans.
pub(crate) fn account(merchant: &Merchant) -> Result<&MidtransAccount, Failure> {
    merchant
        .midtrans
        .as_ref()
        .ok_or_else(|| Failure::Unavailable("no Midtrans account is connected".to_owned()))
}

/// Opens Midtrans' page for the order: the one that is open, or a new one. A payment that was
/// cancelled or ran out gets the next order id, so one attempt is payable at a time.
///
/// # Errors
/// [`Failure::Unavailable`] when Midtrans or the table did not answer; the click may be repeated.
pub async fn pay(app: &App, view: &OrderView) -> Result<Payable, Failure> {
    let OrderView { merchant, order } = view;
    let now = app.clock.now();
    if !order.is_payable(now) {
        tracing::info!(merchant = %merchant.id, kind = "payment", outcome = "closed");
        return Ok(Payable::Closed);
    }
    let ended = matches!(
        order.payment.state,
        PaymentState::Cancelled | PaymentState::Expired
    );
    if ended {
        let order = next_attempt(app, merchant, order).await?;
        return page(merchant, open_page(app, merchant, &order).await);
    }
    let payment = &order.payment;
    if payment.expires_at <= now {
        // The hold was frozen and outlived the page: the next attempt ends with it.
        end_attempt(app, merchant, &payment.order_id).await?;
        let order = next_attempt(app, merchant, order).await?;
        return page(merchant, open_page(app, merchant, &order).await);
    }
    if let (Some(token), Some(redirect_url)) = (&payment.snap_token, &payment.redirect_url) {
        tracing::info!(merchant = %merchant.id, kind = "payment", outcome = "page open");
        return Ok(Payable::Page(SnapPage {
            token: token.clone(),
            redirect_url: redirect_url.clone(),
        }));
    }
    match open_page(app, merchant, order).await {
        // Midtrans has the order though our record of its page was lost, and gives the page out
        // once only: what it may take money with is ended before another attempt begins.
        Err(SnapError::OrderTaken) => {
            end_attempt(app, merchant, &payment.order_id).await?;
            let order = next_attempt(app, merchant, order).await?;
            page(merchant, open_page(app, merchant, &order).await)
        }
        opened => page(merchant, opened),
    }
}

/// What a click is answered with once Midtrans was asked.
pub(crate) fn page(
    merchant: &Merchant,
    opened: Result<SnapPage, SnapError>,
) -> Result<Payable, Failure> {
    let opened = opened.map_err(|error| Failure::Unavailable(error.to_string()))?;
    tracing::info!(merchant = %merchant.id, kind = "payment", outcome = "page opened");
    Ok(Payable::Page(opened))
}

/// Ends an attempt at Midtrans, so that no code of it takes money beside the next one.
pub(crate) async fn end_attempt(
    app: &App,
    merchant: &Merchant,
    order: &OrderId,
) -> Result<(), Failure> {
    let server_key = app
        .secret(&merchant.id, MerchantSecret::MidtransServerKey)
        .await?;
    let environment = account(merchant)?.environment;
    let ended = app
        .midtrans
        .expire(environment, &server_key, order.as_str())
        .await;
    match ended {
        // Where nobody chose a method, nothing can be paid.
        Ok(()) | Err(CallError::NotFound) => Ok(()),
        // It is over by itself, or it has been paid.
        Err(CallError::Refused { .. }) => {
            let answer = app
                .midtrans
                .status(environment, &server_key, order.as_str())
                .await
                .map_err(|error| Failure::Unavailable(error.to_string()))?;
            match VendorStatus::parse(&answer.transaction_status) {
                VendorStatus::Deny
                | VendorStatus::Cancel
                | VendorStatus::Expire
                | VendorStatus::Failure => Ok(()),
                _ => Err(Failure::Unavailable(
                    "the attempt before is not over".to_owned(),
                )),
            }
        }
        Err(error) => Err(Failure::Unavailable(error.to_string())),
    }
}

async fn next_attempt(app: &App, merchant: &Merchant, order: &Order) -> Result<Order, Failure> {
    let attempt = order.payment.order_id.attempt().saturating_add(1);
    if attempt > MOST_ATTEMPTS {
        return Err(Failure::Unavailable(
            "too many attempts at paying".to_owned(),
        ));
    }
    let mut reservation = order.reservation.clone();
    reservation.order_id = OrderId::of(&reservation.code, attempt);
    reservation.version = reservation.version.saturating_add(1);
    let payment = Payment::new(
        reservation.order_id.clone(),
        reservation.price,
        reservation.held_until,
        app.clock.now(),
    );
    match app
        .store
        .next_attempt(merchant, &reservation, &payment)
        .await
    {
        Ok(()) => Ok(Order {
            reservation,
            payment,
        }),
        Err(StoreError::Conflict) => {
            Err(Failure::Unavailable("opened elsewhere just now".to_owned()))
        }
        Err(error) => Err(error.into()),
    }
}

/// Asks Midtrans for the page of a booking's payment and records it.
pub(crate) async fn open_page(
    app: &App,
    merchant: &Merchant,
    order: &Order,
) -> Result<SnapPage, SnapError> {
    let Order {
        reservation,
        payment,
    } = order;
    let token = links::order_token(app, &merchant.id, &reservation.code)
        .await
        .map_err(not_asked)?;
    let paid = Paid {
        item_id: reservation.item.as_str(),
        item_name: &format!("{} {}", reservation.part, reservation.device),
        customer_name: &reservation.customer_name,
        finish_url: &links::order_url(app, &token),
    };
    open_snap(app, merchant, payment, paid).await
}

/// What is paid, as Midtrans' page shows it.
pub(crate) struct Paid<'a> {
    /// At most 50 characters.
    pub item_id: &'a str,
    /// Cut at 50 characters.
    pub item_name: &'a str,
    pub customer_name: &'a str,
    /// Where the page leads back to.
    pub finish_url: &'a str,
}

/// Asks Midtrans for the page of a payment and records it.
pub(crate) async fn open_snap(
    app: &App,
    merchant: &Merchant,
    payment: &Payment,
    paid: Paid<'_>,
) -> Result<SnapPage, SnapError> {
    let environment = account(merchant).map_err(not_asked)?.environment;
    let server_key = app
        .secret(&merchant.id, MerchantSecret::MidtransServerKey)
        .await
        .map_err(not_asked)?;
    let page = app
        .midtrans
        .create_snap(
            environment,
            &server_key,
            &SnapOrder {
                order_id: payment.order_id.as_str(),
                amount: payment.amount,
                item_id: paid.item_id,
                item_name: paid.item_name,
                customer_name: paid.customer_name,
                expires_at: payment.expires_at,
                finish_url: paid.finish_url,
            },
            app.clock.now(),
        )
        .await
        .inspect_err(|error| alarm_if_key_is_refused(merchant, error))?;
    let mut opened = payment.clone();
    opened.snap_token = Some(page.token.clone());
    opened.redirect_url = Some(page.redirect_url.clone());
    opened.version = opened.version.saturating_add(1);
    if let Err(error) = app.store.open_snap(merchant, &opened).await {
        // The page is open and is given to the customer; the next click asks for one again.
        tracing::warn!(merchant = %merchant.id, kind = "payment", outcome = "page not recorded", %error);
    }
    Ok(page)
}

fn not_asked(failure: Failure) -> SnapError {
    SnapError::Call(CallError::Unknown(failure.to_string()))
}

/// Until somebody mends the key, nobody can pay.
fn alarm_if_key_is_refused(merchant: &Merchant, error: &SnapError) {
    if let SnapError::Call(CallError::Refused {
        status: status @ (401 | 403),
        ..
    }) = error
    {
        tracing::error!(
            merchant = %merchant.id,
            kind = "payment",
            alarm = "server key refused",
            vendor_status = status
        );
    }
}
