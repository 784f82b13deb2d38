//! The moves a transaction can make, and what is told after each.

use jiff::Timestamp;
use serde_json::Value;

use super::method::Method;
use super::{Attempt, Order, Refund, Status, code_expires, notify};
use crate::{Shop, fresh_id};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    Choose,
    Pay,
    Expire,
    Deny,
    Challenge,
    Accept,
    Cancel,
    Refund,
    Reverse,
    /// The bank settles a captured card.
    Settle,
}

impl Deed {
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "choose" => Self::Choose,
            "pay" => Self::Pay,
            "expire" => Self::Expire,
            "deny" => Self::Deny,
            "challenge" => Self::Challenge,
            "accept" => Self::Accept,
            "cancel" => Self::Cancel,
            "refund" => Self::Refund,
            "reverse" => Self::Reverse,
            "settle" => Self::Settle,
            _ => return None,
        })
    }
}

/// How a deed is to be done.
#[derive(Clone, Default)]
pub(super) struct How {
    pub(super) method: Option<Method>,
    /// None: all of the rest.
    pub(super) refund_amount: Option<i64>,
    pub(super) refund_key: Option<String>,
    pub(super) reason: Option<String>,
}

/// The notifications that a deed causes.
#[derive(Default)]
pub(super) struct Told {
    /// A method was chosen on the way.
    pub(super) pending: Option<Value>,
    pub(super) own: Option<Value>,
}

/// The error says why the move is not allowed; nothing has changed then.
pub(super) fn act(
    order: &mut Order,
    shop: &Shop,
    deed: Deed,
    how: &How,
    now: Timestamp,
) -> Result<Told, String> {
    let mut told = Told::default();
    match deed {
        Deed::Choose => choose(order, how.method.unwrap_or(Method::BcaVa), now)?,
        Deed::Pay | Deed::Challenge | Deed::Deny => {
            let default = match (deed, order.last()) {
                (Deed::Pay, Some(denied)) => denied.method,
                (Deed::Pay, None) => Method::BcaVa,
                _ => Method::CreditCard,
            };
            told.pending = chosen(order, shop, deed, how.method, default, now)?;
        }
        Deed::Expire if order.last().is_none() || retakable(order) => {
            // Silence: no method was chosen, so there is no transaction to tell of.
            let page = order.pages.last_mut().filter(|page| !page.closed);
            page.ok_or("the page is closed")?.closed = true;
            return Ok(told);
        }
        _ => {}
    }
    if deed != Deed::Choose {
        let gross = order.gross_amount;
        let attempt = order.attempts.last_mut().ok_or("no method was chosen")?;
        change(attempt, gross, deed, how, now)?;
    }
    told.own = notify::body(order, shop);
    Ok(told)
}

/// A closed try under a page that was made after it: nothing is chosen on the new page.
fn retakable(order: &Order) -> bool {
    let closed = order
        .last()
        .is_some_and(|last| matches!(last.status, Status::Deny | Status::Cancel | Status::Expire));
    closed
        && order
            .pages
            .last()
            .is_some_and(|page| page.after == order.attempts.len())
}

/// Chooses first, where nothing is chosen; tells of it, as Midtrans does for all but cards.
fn chosen(
    order: &mut Order,
    shop: &Shop,
    deed: Deed,
    method: Option<Method>,
    default: Method,
    now: Timestamp,
) -> Result<Option<Value>, String> {
    let again = order
        .last()
        .is_some_and(|last| last.status == Status::Deny && !last.reversed);
    let needed = match order.last() {
        None => true,
        Some(_) => retakable(order) || (again && deed != Deed::Deny),
    };
    if needed {
        let method = method.unwrap_or(default);
        if deed == Deed::Challenge && method != Method::CreditCard {
            return Err("only a card can be challenged".to_owned());
        }
        choose(order, method, now)?;
        return Ok((method != Method::CreditCard)
            .then(|| notify::body(order, shop))
            .flatten());
    }
    match (order.last(), method) {
        (Some(last), Some(method)) if last.method != method => Err(format!(
            "{} was chosen, not {}",
            last.method.name(),
            method.name()
        )),
        _ => Ok(None),
    }
}

fn choose(order: &mut Order, method: Method, now: Timestamp) -> Result<(), String> {
    if order.is_used() {
        return Err("the order has been paid and utilized".to_owned());
    }
    let page = order.pages.last().ok_or("there is no payment page")?;
    if order.open_page(now).is_none() {
        return Err("the payment page has expired".to_owned());
    }
    let free = match order.last().map(|last| last.status) {
        None | Some(Status::Deny) => true,
        Some(Status::Pending) => return Err("a method has been chosen already".to_owned()),
        Some(_) => page.after == order.attempts.len(),
    };
    if !free {
        return Err("the transaction is closed".to_owned());
    }
    if !method.is_enabled(&order.request) {
        return Err(format!("{} is not among enabled_payments", method.name()));
    }
    let attempt = fresh(&order.request, method, now);
    if attempt.expires <= now {
        return Err("the time to pay is over".to_owned());
    }
    order.attempts.push(attempt);
    Ok(())
}

pub(super) fn fresh(request: &Value, method: Method, now: Timestamp) -> Attempt {
    Attempt {
        id: fresh_id(),
        method,
        time: now,
        expires: code_expires(request, method, now),
        status: Status::Pending,
        challenged: false,
        settled: None,
        reversed: false,
        fields: method.fields(),
        refunds: Vec::new(),
    }
}

fn change(
    attempt: &mut Attempt,
    gross: i64,
    deed: Deed,
    how: &How,
    now: Timestamp,
) -> Result<(), String> {
    let card = attempt.method == Method::CreditCard;
    let held = attempt.challenged;
    attempt.status = match (deed, attempt.status) {
        (Deed::Pay, Status::Pending) => {
            if attempt.expires <= now {
                return Err("the time to pay is over".to_owned());
            }
            add(&mut attempt.fields, attempt.method.paid_fields());
            if card {
                Status::Capture
            } else {
                attempt.settled = Some(now);
                Status::Settlement
            }
        }
        (Deed::Challenge, Status::Pending) if card => {
            add(&mut attempt.fields, attempt.method.paid_fields());
            attempt.challenged = true;
            Status::Capture
        }
        (Deed::Accept, Status::Capture) if held => {
            attempt.challenged = false;
            Status::Capture
        }
        (Deed::Settle, Status::Capture) if !held => {
            attempt.settled = Some(now);
            Status::Settlement
        }
        (Deed::Deny, Status::Pending) => Status::Deny,
        (Deed::Deny, Status::Capture) if held => Status::Deny,
        (Deed::Cancel, Status::Pending | Status::Capture) => Status::Cancel,
        (Deed::Expire, Status::Pending) => Status::Expire,
        (Deed::Reverse, Status::Settlement) => {
            attempt.reversed = true;
            Status::Deny
        }
        (Deed::Refund, Status::Settlement | Status::PartialRefund | Status::Capture) if !held => {
            refund(attempt, gross, how, now)?
        }
        (deed, status) => {
            let deed = format!("{deed:?}").to_lowercase();
            return Err(format!("{deed}: not allowed in {}", status.word()));
        }
    };
    Ok(())
}

fn refund(attempt: &mut Attempt, gross: i64, how: &How, now: Timestamp) -> Result<Status, String> {
    let before: i64 = attempt.refunds.iter().map(|refund| refund.amount).sum();
    let rest = gross - before;
    let amount = how.refund_amount.unwrap_or(rest);
    if amount < 1 || amount > rest {
        return Err(format!("a refund is from 1 to {rest}"));
    }
    attempt.refunds.push(Refund {
        key: how.refund_key.clone().unwrap_or_else(fresh_id),
        amount,
        reason: how.reason.clone().unwrap_or_default(),
        at: now,
    });
    Ok(if amount == rest {
        Status::Refund
    } else {
        Status::PartialRefund
    })
}

pub(super) fn add(fields: &mut Value, more: Value) {
    if let (Some(fields), Value::Object(more)) = (fields.as_object_mut(), more) {
        fields.extend(more);
    }
}
