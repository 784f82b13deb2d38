//! One Midtrans notification: verify, load, ask, apply, commit
//! (<https://docs.midtrans.com/docs/https-notification-webhooks>).

mod asked;
mod bill;
mod booking;
mod case;
mod decided;
mod top_up;

use jiff::Timestamp;
use pesan_adapters::dynamodb::EventOutcome;
use pesan_adapters::midtrans::StatusAnswer;
use pesan_adapters::secrets::MerchantSecret;
use pesan_domain::ids::{MerchantId, OrderId, TransactionId, order_id_is_wellformed};
use pesan_domain::money::{Rupiah, parse_gross_amount};
use pesan_domain::payment::{ImposedFee, Observation, VendorStatus, Verdict};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256, Sha512};
use subtle::ConstantTimeEq;

use crate::orders::account;
use crate::{App, Failure, TRIES, step_aside};
pub(crate) use asked::{About, ask};
use case::{Attempt, Case, status};

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
    let told = Told {
        app,
        notification,
        order_id,
        transaction,
        digest: data_encoding::HEXLOWER.encode(&Sha256::digest(body)),
        server_key,
    };
    for nth in 1..=TRIES {
        match told.attempt(merchant).await {
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

struct Told<'a> {
    app: &'a App,
    notification: &'a Notification,
    order_id: OrderId,
    transaction: TransactionId,
    digest: String,
    server_key: SecretString,
}

impl Told<'_> {
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
            // Signed with our key, so Midtrans' own: the id that was entered is a wrong one.
            tracing::error!(merchant = %id, kind = "payment", alarm = "foreign account");
            return Err(Failure::NotAuthentic.into());
        }
        let Some(charge) = found.charge else {
            tracing::warn!(merchant = %id, kind = "payment", outcome = "unknown order");
            return Err(Failure::Unknown.into());
        };
        if found.applied_before {
            tracing::info!(merchant = %id, kind = "payment", outcome = "repeated");
            return Ok(());
        }
        let case = Case {
            app: self.app,
            merchant: &merchant,
            charge: &charge,
            transaction: &self.transaction,
            status: &self.notification.transaction_status,
            digest: &self.digest,
            now,
        };
        let Some(seen) = self.ask(&case).await? else {
            return Ok(case.keep(EventOutcome::Differs).await?);
        };
        let verdict = charge.payment.apply(&seen, now);
        if verdict == Verdict::default() {
            return Ok(case.keep(EventOutcome::Ignored).await?);
        }
        case.settle(verdict, seen.settled_at.unwrap_or(now)).await
    }

    /// What Midtrans says when asked; none where the notification differs from it.
    async fn ask(&self, case: &Case<'_>) -> Result<Option<Observation>, Failure> {
        let answer = status(
            self.app,
            case.merchant,
            &self.server_key,
            self.transaction.as_str(),
        )
        .await?
        .ok_or_else(|| Failure::Unavailable("the status was not told: not found".to_owned()))?;
        let ours = answer.order_id == self.order_id.as_str()
            && answer.transaction_id == self.transaction.as_str();
        if !ours {
            case.alarm("foreign transaction");
            return Ok(None);
        }
        let told = VendorStatus::parse(&self.notification.transaction_status);
        let seen = observation(&answer, &self.transaction, case.now);
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
                case.alarm("status differs");
            }
            return Ok(None);
        }
        let amount_differs = self.notification.gross_amount != answer.gross_amount
            && parse_gross_amount(&self.notification.gross_amount).ok() != seen.gross;
        if amount_differs && case.charge.payment.is_right_amount(&seen) {
            case.alarm("amount differs");
            return Ok(None);
        }
        Ok(Some(seen))
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
