//! A payment that nobody has said anything about: Midtrans is asked, and what it says is taken as
//! if it had come by itself.

use jiff::Timestamp;
use pesan_adapters::secrets::MerchantSecret;
use pesan_domain::ids::{MerchantId, OrderId, TransactionId};
use pesan_domain::payment::Verdict;
use sha2::{Digest, Sha256};

use super::case::{Attempt, Case, status};
use super::observation;
use crate::{App, Failure, TRIES, step_aside};

/// What is asked about a payment. Where it does not stand as the question has it, there is nothing
/// to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum About {
    /// Whether one that is unpaid was paid.
    Unpaid,
    /// Whether the money of one that is paid went back.
    Paid,
}

/// Asks about an order's payment; when it is to be asked about again.
///
/// # Errors
/// [`Failure::Unavailable`] where nothing was found out.
pub(crate) async fn ask(
    app: &App,
    merchant: &MerchantId,
    order: &OrderId,
    about: About,
) -> Result<Option<Timestamp>, Failure> {
    for nth in 1..=TRIES {
        match attempt(app, merchant, order, about).await {
            Err(Attempt::Stale) => step_aside(nth).await,
            Err(Attempt::Failed(failure)) => return Err(failure),
            Ok(again) => return Ok(again),
        }
    }
    Err(Failure::Unavailable(
        "the payment is being written by others".to_owned(),
    ))
}

async fn attempt(
    app: &App,
    id: &MerchantId,
    order_id: &OrderId,
    about: About,
) -> Result<Option<Timestamp>, Attempt> {
    let now = app.clock.now();
    let found = app
        .store
        .notified(id, order_id, "asked")
        .await
        .map_err(Failure::from)?;
    let (Some(merchant), Some(charge)) = (found.merchant, found.charge) else {
        return Ok(None);
    };
    let payment = &charge.payment;
    let is_so = match about {
        About::Unpaid => payment.state.is_unpaid(),
        About::Paid => payment.state.holds_money(),
    };
    if !is_so {
        return Ok(None);
    }
    let server_key = app.secret(id, MerchantSecret::MidtransServerKey).await?;
    let whose = match (about, &payment.transaction) {
        // Of an order Midtrans tells the newest transaction, which may be another.
        (About::Paid, Some(transaction)) => transaction.as_str(),
        (About::Paid, None) | (About::Unpaid, _) => order_id.as_str(),
    };
    let answer = status(app, &merchant, &server_key, whose).await?;
    // Where nobody chose a method there is nothing yet, and at its end there is nothing at all.
    let Some(answer) = answer else {
        return Ok(None);
    };
    let transaction = TransactionId::parse(&answer.transaction_id)
        .ok()
        .filter(|_| answer.order_id == order_id.as_str());
    let Some(transaction) = transaction else {
        tracing::error!(merchant = %id, kind = "payment", alarm = "foreign transaction");
        return Ok(None);
    };
    let seen = observation(&answer, &transaction, now);
    let verdict = payment.apply(&seen, now);
    if verdict != Verdict::default() {
        let said = format!("asked\0{transaction}\0{}", answer.transaction_status);
        let case = Case {
            app,
            merchant: &merchant,
            charge: &charge,
            transaction: &transaction,
            status: &answer.transaction_status,
            digest: &data_encoding::HEXLOWER.encode(&Sha256::digest(said.as_bytes())),
            now,
        };
        case.settle(verdict, seen.settled_at.unwrap_or(now)).await?;
        tracing::warn!(merchant = %id, kind = "payment", outcome = "found by asking");
    }
    Ok(match about {
        About::Unpaid if seen.is_undecided() => payment.asked_again(now),
        About::Unpaid | About::Paid => None,
    })
}
