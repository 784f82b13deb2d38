//! Notifications: their bodies, their signature, and when one is sent again.
//! <https://docs.midtrans.com/docs/https-notification-webhooks>

use data_encoding::HEXLOWER;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha512};

use super::act::{self, Deed, How};
use super::{Attempt, Order, Status, rupiah};
use crate::clock::{plus, western};
use crate::{Sandbox, Shop, fresh_id};

/// Minutes from each try to the next; Midtrans shifts each a little at random.
pub(super) const PAUSES: [i64; 5] = [2, 10, 30, 90, 210];

/// A notification on its way.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Outgoing {
    id: String,
    merchant: String,
    body: Value,
    retries: usize,
    due: Timestamp,
    /// On the wire now. Not kept: after a restart it goes out again.
    #[serde(skip)]
    busy: bool,
}

pub(super) fn dues(outgoing: &[Outgoing]) -> impl Iterator<Item = Timestamp> {
    outgoing
        .iter()
        .filter(|notice| !notice.busy)
        .map(|notice| notice.due)
}

/// How often an answer lets Midtrans try again.
pub(super) fn retries_after(status: Option<u16>) -> usize {
    match status {
        Some(200..=299 | 301..=303) => 0,
        Some(500) => 1,
        Some(503) => 4,
        Some(400 | 404) => 2,
        _ => 5,
    }
}

pub(super) fn sign(order_id: &str, code: &str, gross: &str, server_key: &str) -> String {
    let signed = format!("{order_id}{code}{gross}{server_key}");
    HEXLOWER.encode(&Sha512::digest(signed.as_bytes()))
}

fn code(attempt: &Attempt) -> &'static str {
    match attempt.status {
        Status::Pending => "201",
        Status::Capture if attempt.challenged => "201",
        Status::Deny | Status::Cancel | Status::Expire => "202",
        Status::Capture | Status::Settlement | Status::Refund | Status::PartialRefund => "200",
    }
}

/// The fields that notifications and the status have in common.
pub(super) fn fields(order: &Order, attempt: &Attempt) -> Value {
    let mut body = json!({
        "transaction_id": attempt.id,
        "order_id": order.order_id,
        "merchant_id": order.merchant_id,
        "gross_amount": order.gross(),
        "currency": "IDR",
        "payment_type": attempt.method.payment_type(),
        "transaction_time": western(attempt.time),
        "transaction_status": attempt.status.word(),
        "expiry_time": western(attempt.expires),
    });
    act::add(&mut body, attempt.fields.clone());
    // Indomaret has no fraud check.
    if attempt.method != super::Method::Indomaret {
        let fraud = match (attempt.challenged, attempt.status, attempt.reversed) {
            (true, Status::Deny, _) => "deny",
            (true, ..) => "challenge",
            _ => "accept",
        };
        act::add(&mut body, json!({"fraud_status": fraud}));
    }
    if let Some(settled) = attempt.settled {
        act::add(&mut body, json!({"settlement_time": western(settled)}));
    }
    if !attempt.refunds.is_empty() {
        let sum = attempt.refunds.iter().map(|refund| refund.amount).sum();
        let refunds: Vec<Value> = attempt.refunds.iter().zip(1..).map(refund).collect();
        act::add(
            &mut body,
            json!({"refund_amount": rupiah(sum), "refunds": refunds}),
        );
    }
    for name in [
        "custom_field1",
        "custom_field2",
        "custom_field3",
        "metadata",
    ] {
        if let Some(value) = order.request.get(name) {
            act::add(&mut body, json!({name: value}));
        }
    }
    body
}

fn refund((refund, number): (&super::Refund, i32)) -> Value {
    json!({
        "refund_chargeback_id": number,
        "refund_amount": rupiah(refund.amount),
        "created_at": western(refund.at),
        "reason": refund.reason,
        "refund_key": refund.key,
        "refund_method": "online",
        "bank_confirmed_at": western(refund.at),
    })
}

/// What is posted about the order's transaction as it stands.
pub(super) fn body(order: &Order, shop: &Shop) -> Option<Value> {
    let attempt = order.last()?;
    let code = code(attempt);
    let mut body = fields(order, attempt);
    act::add(
        &mut body,
        json!({
            "status_code": code,
            "status_message": "midtrans payment notification",
            "signature_key": sign(&order.order_id, code, &order.gross(), &shop.server_key),
        }),
    );
    Some(body)
}

/// What GET status answers about it.
pub(super) fn status(order: &Order, attempt: &Attempt, shop: &Shop) -> Value {
    let code = match attempt.status {
        Status::Expire => "407",
        _ => code(attempt),
    };
    let message = match attempt.status {
        Status::Expire => "Success, transaction has expired",
        Status::Refund | Status::PartialRefund => "Success, refund request is approved by the bank",
        _ => "Success, transaction is found",
    };
    let gross = order.status_amount.clone().unwrap_or_else(|| order.gross());
    let mut body = fields(order, attempt);
    act::add(
        &mut body,
        json!({
            "status_code": code,
            "status_message": message,
            "signature_key": sign(&order.order_id, code, &gross, &shop.server_key),
            "gross_amount": gross,
        }),
    );
    body
}

impl Sandbox {
    /// Sends it once now; tries again later as the answer lets it.
    pub(super) async fn notify(&self, merchant: &str, body: Value) -> Option<u16> {
        let now = self.0.clock.now();
        let notice = Outgoing {
            id: fresh_id(),
            merchant: merchant.to_owned(),
            body,
            retries: 0,
            due: now,
            busy: true,
        };
        self.0
            .store
            .change(|state| state.midtrans.outgoing.push(notice.clone()));
        self.send(notice).await
    }

    async fn send(&self, notice: Outgoing) -> Option<u16> {
        let shop = self.shop(|shop| shop.merchant == notice.merchant)?;
        let answer = self
            .0
            .midtrans_http
            .post(&shop.notification_url)
            .header("User-Agent", "Veritrans")
            .header("Accept", "application/json")
            .json(&notice.body)
            .send()
            .await;
        let status = answer.ok().map(|answer| answer.status().as_u16());
        let now = self.0.clock.now();
        self.0.store.change(|state| {
            let outgoing = &mut state.midtrans.outgoing;
            let pause = PAUSES
                .get(notice.retries)
                .filter(|_| notice.retries < retries_after(status));
            match pause {
                None => outgoing.retain(|other| other.id != notice.id),
                Some(minutes) => {
                    if let Some(kept) = outgoing.iter_mut().find(|other| other.id == notice.id) {
                        kept.retries += 1;
                        kept.due = plus(now, SignedDuration::from_mins(*minutes));
                        kept.busy = false;
                    }
                }
            }
        });
        status
    }

    pub(crate) async fn notify_due(&self) {
        let now = self.0.clock.now();
        let known = self.merchants();
        let due = self.0.store.change(|state| {
            // Of a merchant that is gone nothing goes out, and nothing stays due.
            let outgoing = &mut state.midtrans.outgoing;
            outgoing.retain(|notice| notice.due > now || known.contains(&notice.merchant));
            let mut due = Vec::new();
            for notice in outgoing {
                if !notice.busy && notice.due <= now {
                    notice.busy = true;
                    due.push(notice.clone());
                }
            }
            due
        });
        for notice in due {
            self.send(notice).await;
        }
    }

    /// Codes that nobody paid in time.
    pub(crate) async fn expire_due(&self) {
        let now = self.0.clock.now();
        let shops = crate::store::locked(&self.0.shops).clone();
        let notices = self.0.store.change(|state| {
            let mut notices = Vec::new();
            for order in &mut state.midtrans.orders {
                let over = |last: &Attempt| last.status == Status::Pending && last.expires <= now;
                if !order.last().is_some_and(over) {
                    continue;
                }
                let Some(shop) = shops.iter().find(|shop| shop.merchant == order.merchant) else {
                    // Nobody to tell; it must not stay due either.
                    if let Some(last) = order.attempts.last_mut() {
                        last.status = Status::Expire;
                    }
                    continue;
                };
                let told = act::act(order, shop, Deed::Expire, &How::default(), now);
                let body = told.ok().and_then(|told| told.own);
                notices.extend(body.map(|body| (shop.merchant.clone(), body)));
            }
            notices
        });
        for (merchant, body) in notices {
            self.notify(&merchant, body).await;
        }
    }
}
