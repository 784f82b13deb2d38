//! One Midtrans notification: verify, load, ask, apply, commit
//! (<https://docs.midtrans.com/docs/https-notification-webhooks>).

mod decided;

use jiff::Timestamp;
use pesan_adapters::dynamodb::{Event, EventOutcome, Settlement, StoreError};
use pesan_adapters::http::CallError;
use pesan_adapters::midtrans::StatusAnswer;
use pesan_adapters::secrets::MerchantSecret;
use pesan_domain::ids::{MerchantId, OrderId, TransactionId, order_id_is_wellformed};
use pesan_domain::merchant::Merchant;
use pesan_domain::money::{Rupiah, parse_gross_amount};
use pesan_domain::payment::{ImposedFee, Observation, VendorStatus, Verdict};
use pesan_domain::reservation::Order;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256, Sha512};
use subtle::ConstantTimeEq;

use crate::messages::{self, News};
use crate::orders::account;
use crate::{App, Failure, TRIES, step_aside};
use decided::{Decided, alarm_name};

/// A notification as far as it is used, its values exactly as they were received.
#[derive(Clone, Debug)]
pub struct Notification {
    /// The order.
    pub order_id: String,
    /// Midtrans' result code.
    pub status_code: String,
    /// The amount as text: the signature covers its spelling.
    pub gross_amount: String,
    /// 128 hexadecimal digits.
    pub signature_key: String,
    /// The transaction.
    pub transaction_id: String,
    /// Its status, which the signature does not cover.
    pub transaction_status: String,
    /// Whose account.
    pub merchant_id: String,
}

/// Takes a notification signed with `server_key`; `body` is what was received, for the record.
///
/// # Errors
/// [`Failure::Malformed`], [`Failure::NotAuthentic`], [`Failure::Unknown`] for an unknown merchant
/// or order, [`Failure::Unavailable`] when Midtrans should send it again.
pub async fn take(
    app: &App,
    merchant: &MerchantId,
    server_key: SecretString,
    notification: &Notification,
    body: &[u8],
) -> Result<(), Failure> {
    if !order_id_is_wellformed(&notification.order_id) {
        return Err(malformed("order_id"));
    }
    let code = &notification.status_code;
    if code.len() != 3 || !code.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(malformed("status_code"));
    }
    let server_key = app
        .proven(
            merchant,
            MerchantSecret::MidtransServerKey,
            server_key,
            |key| is_signed(notification, key),
        )
        .await?;
    let transaction = TransactionId::parse(&notification.transaction_id)
        .map_err(|_| malformed("transaction_id"))?;
    parse_gross_amount(&notification.gross_amount).map_err(|_| malformed("gross_amount"))?;
    let order_id = OrderId::parse(&notification.order_id).map_err(|_| Failure::Unknown)?;
    let case = Case {
        app,
        notification,
        order_id,
        transaction,
        digest: data_encoding::HEXLOWER.encode(&Sha256::digest(body)),
        server_key,
    };
    for nth in 1..=TRIES {
        match case.attempt(merchant).await {
            Err(Attempt::Stale) => step_aside(nth).await,
            Err(Attempt::Failed(failure)) => return Err(failure),
            Ok(()) => return Ok(()),
        }
    }
    Err(Failure::Unavailable(
        "the payment is being written by others".to_owned(),
    ))
}

fn malformed(field: &str) -> Failure {
    Failure::Malformed(field.to_owned())
}

/// SHA512(order_id + status_code + gross_amount + server key) in hex, as Midtrans signs.
pub(crate) fn sign(
    order_id: &str,
    status_code: &str,
    gross_amount: &str,
    server_key: &SecretString,
) -> String {
    let mut hash = Sha512::new();
    for part in [order_id, status_code, gross_amount] {
        hash.update(part);
    }
    hash.update(server_key.expose_secret());
    data_encoding::HEXLOWER.encode(&hash.finalize())
}

/// Whether `signature_key` signs the exact strings received, compared in constant time.
fn is_signed(notification: &Notification, server_key: &SecretString) -> bool {
    let ours = sign(
        &notification.order_id,
        &notification.status_code,
        &notification.gross_amount,
        server_key,
    );
    let theirs = notification.signature_key.to_ascii_lowercase();
    ours.as_bytes().ct_eq(theirs.as_bytes()).into()
}

enum Attempt {
    /// Another commit came first.
    Stale,
    Failed(Failure),
}

impl From<Failure> for Attempt {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

struct Case<'a> {
    app: &'a App,
    notification: &'a Notification,
    order_id: OrderId,
    transaction: TransactionId,
    digest: String,
    server_key: SecretString,
}

impl Case<'_> {
    async fn attempt(&self, id: &MerchantId) -> Result<(), Attempt> {
        let now = self.app.clock.now();
        let found = self
            .app
            .store
            .notified(id, &self.order_id, &self.digest)
            .await
            .map_err(Failure::from)?;
        let merchant = found.merchant.ok_or(Failure::Unknown)?;
        if account(&merchant)?.merchant_id != self.notification.merchant_id {
            return Err(Failure::NotAuthentic.into());
        }
        let Some(order) = found.order else {
            tracing::warn!(merchant = %id, kind = "payment", outcome = "unknown order");
            return Err(Failure::Unknown.into());
        };
        if found.applied_before {
            tracing::info!(merchant = %id, kind = "payment", outcome = "repeated");
            return Ok(());
        }
        let Some(seen) = self.ask(&merchant, &order, now).await? else {
            return Ok(self.keep(id, EventOutcome::Differs, now).await?);
        };
        let verdict = order.payment.apply(&seen, now);
        if verdict == Verdict::default() {
            return Ok(self.keep(id, EventOutcome::Ignored, now).await?);
        }
        let settled_at = seen.settled_at.unwrap_or(now);
        self.settle(&merchant, &order, verdict, settled_at, now)
            .await
    }

    /// What Midtrans says when asked; none where the notification differs from it.
    async fn ask(
        &self,
        merchant: &Merchant,
        order: &Order,
        now: Timestamp,
    ) -> Result<Option<Observation>, Failure> {
        let answer = self
            .app
            .midtrans
            .status(
                account(merchant)?.environment,
                &self.server_key,
                self.transaction.as_str(),
            )
            .await
            .map_err(|error| {
                if let CallError::Refused { status, .. } = &error {
                    tracing::error!(merchant = %merchant.id, kind = "payment", alarm = "status refused", vendor_status = status);
                }
                Failure::Unavailable(format!("the status was not told: {error}"))
            })?;
        let ours = answer.order_id == self.order_id.as_str()
            && answer.transaction_id == self.transaction.as_str();
        if !ours {
            self.alarm(merchant, "foreign transaction");
            return Ok(None);
        }
        let told = VendorStatus::parse(&self.notification.transaction_status);
        let seen = observation(&answer, &self.transaction, now);
        if !same_word(
            &self.notification.transaction_status,
            &answer.transaction_status,
        ) {
            // Overtaken by its own successor, which is on its way as a notification of its own.
            let late = matches!(
                (told, seen.status),
                (VendorStatus::Pending, _) | (VendorStatus::Capture, VendorStatus::Settlement)
            );
            if !late {
                self.alarm(merchant, "status differs");
            }
            return Ok(None);
        }
        let amount_differs = self.notification.gross_amount != answer.gross_amount
            && parse_gross_amount(&self.notification.gross_amount).ok() != seen.gross;
        if amount_differs && order.payment.is_right_amount(&seen) {
            self.alarm(merchant, "amount differs");
            return Ok(None);
        }
        Ok(Some(seen))
    }

    async fn settle(
        &self,
        merchant: &Merchant,
        order: &Order,
        verdict: Verdict,
        settled_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), Attempt> {
        let mut decided = Decided::of(merchant, order, verdict, settled_at, now);
        loop {
            let event = self.event(EventOutcome::Applied, now);
            let news = decided.notice.map(|notice| News {
                merchant,
                order,
                transaction: &self.transaction,
                notice,
                settled_at,
            });
            let message = news.map(|news| messages::queue(news, now)).transpose()?;
            let settlement = Settlement {
                order: &self.order_id,
                payment: decided.payment.as_ref(),
                reservation: decided.reservation.as_ref(),
                seat: decided.seat,
                event: &event,
                tasks: &decided.tasks,
                message: message
                    .as_ref()
                    .map(|(record, envelope)| (record, envelope)),
                closes_review: decided.closes_review(order),
                now,
            };
            match self.app.store.settle(merchant, &settlement).await {
                Ok(()) => break,
                Err(StoreError::Conflict) => return Err(Attempt::Stale),
                // Each turn takes another seat or none at all, so it ends.
                Err(StoreError::SeatTaken) => {
                    let free = self.free_seat(merchant, order, now).await?;
                    decided.seat_lost(free);
                }
                Err(StoreError::AlreadyQueued) => decided.notice = None,
                Err(error) => return Err(Failure::from(error).into()),
            }
        }
        for alarm in &decided.alarms {
            self.alarm(merchant, alarm_name(*alarm));
        }
        tracing::info!(merchant = %merchant.id, kind = "payment", outcome = "applied");
        Ok(())
    }

    /// Another free seat of the reservation's slot.
    async fn free_seat(
        &self,
        merchant: &Merchant,
        order: &Order,
        now: Timestamp,
    ) -> Result<Option<u8>, Failure> {
        let look = pesan_adapters::dynamodb::Look {
            seats: Some((merchant, order.reservation.date, now)),
            ..Default::default()
        };
        let day = self.app.store.look(&merchant.id, look).await?.day;
        Ok(day.and_then(|day| day.free_seat(merchant, &order.reservation.slot)))
    }

    async fn keep(
        &self,
        merchant: &MerchantId,
        outcome: EventOutcome,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let event = self.event(outcome, now);
        self.app
            .store
            .keep_event(merchant, &self.order_id, &event)
            .await?;
        let outcome = match outcome {
            EventOutcome::Applied => "applied",
            EventOutcome::Ignored => "ignored",
            EventOutcome::Differs => "differs",
        };
        tracing::info!(%merchant, kind = "payment", outcome);
        Ok(())
    }

    fn event(&self, outcome: EventOutcome, now: Timestamp) -> Event {
        Event {
            digest: self.digest.clone(),
            status: self
                .notification
                .transaction_status
                .chars()
                .take(32)
                .collect(),
            transaction: self.transaction.as_str().to_owned(),
            outcome,
            received_at: now,
        }
    }

    fn alarm(&self, merchant: &Merchant, alarm: &str) {
        tracing::error!(merchant = %merchant.id, kind = "payment", alarm);
    }
}

fn same_word(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

fn observation(answer: &StatusAnswer, transaction: &TransactionId, now: Timestamp) -> Observation {
    let amount = |field: &str| {
        answer
            .gross_amount_info(field)
            .and_then(|text| parse_gross_amount(text).ok())
    };
    let imposed = amount("original_amount")
        .zip(amount("customer_imposed_payment_fee"))
        .map(|(original, fee)| ImposedFee { original, fee });
    let time = |text: &Option<String>| text.as_deref().and_then(jakarta_time);
    Observation {
        transaction: transaction.clone(),
        status: VendorStatus::parse(&answer.transaction_status),
        status_code: answer.status_code.clone(),
        fraud: answer.fraud_status.clone(),
        gross: parse_gross_amount(&answer.gross_amount).ok(),
        imposed,
        currency: answer.currency.clone(),
        // A captured card has no settlement yet: its money was promised when it was made.
        settled_at: time(&answer.settlement_time)
            .or_else(|| time(&answer.transaction_time))
            .or(Some(now)),
        refunded: answer
            .refund_amount
            .as_deref()
            .and_then(|text| parse_gross_amount(text).ok())
            .or(answer.refund_amount.as_ref().map(|_| Rupiah::ZERO)),
    }
}

/// `2026-12-05 14:00:00`, which Midtrans writes in GMT+7 without saying so
/// (<https://docs.midtrans.com/reference/get-transaction-status>).
fn jakarta_time(text: &str) -> Option<Timestamp> {
    let time = jiff::civil::DateTime::strptime("%Y-%m-%d %H:%M:%S", text).ok()?;
    let zone = jiff::tz::TimeZone::fixed(jiff::tz::offset(7));
    Some(time.to_zoned(zone).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(code: &str, signature: &str) -> Notification {
        Notification {
            order_id: "INV-2026-0001".to_owned(),
            status_code: code.to_owned(),
            gross_amount: "150000.00".to_owned(),
            signature_key: signature.to_owned(),
            transaction_id: "t-1".to_owned(),
            transaction_status: "settlement".to_owned(),
            merchant_id: "G1".to_owned(),
        }
    }

    #[test]
    fn a16_the_signature_covers_the_exact_strings() {
        let key = SecretString::from("SB-Mid-server-TESTKEY-0000");
        let signature = "ef0458db0a42d51aee5e16d18dcc7e6f3ee7e7933a6503882682e1953e0326b1\
                         1360766205938b07c2f20aef490b47f17af91509775db50ab4d2e02b0ca6f874";
        assert!(is_signed(&signed("200", signature), &key));
        assert!(is_signed(&signed("200", &signature.to_uppercase()), &key));
        assert!(!is_signed(&signed("201", signature), &key));
        for wrong in [
            &signature[..127],
            "",
            "sha512=",
            &signature.replace('e', "f"),
        ] {
            assert!(!is_signed(&signed("200", wrong), &key), "{wrong}");
        }
        let reformatted = Notification {
            gross_amount: "150000".to_owned(),
            ..signed("200", signature)
        };
        assert!(!is_signed(&reformatted, &key));
    }

    #[test]
    fn midtrans_times_are_jakartas() {
        let expected: Timestamp = "2026-12-05T07:00:00Z".parse().unwrap();
        assert_eq!(jakarta_time("2026-12-05 14:00:00"), Some(expected));
        assert_eq!(jakarta_time("2026-12-05"), None);
    }
}
