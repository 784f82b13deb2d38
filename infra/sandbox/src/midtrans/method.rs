//! The ways to pay, and the body fields that each brings.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Method {
    BcaVa,
    BniVa,
    BriVa,
    PermataVa,
    Echannel,
    Qris,
    Gopay,
    Shopeepay,
    CreditCard,
    Indomaret,
    Alfamart,
}

pub(super) const METHODS: [Method; 11] = [
    Method::BcaVa,
    Method::BniVa,
    Method::BriVa,
    Method::PermataVa,
    Method::Echannel,
    Method::Qris,
    Method::Gopay,
    Method::Shopeepay,
    Method::CreditCard,
    Method::Indomaret,
    Method::Alfamart,
];

impl Method {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::BcaVa => "bca_va",
            Self::BniVa => "bni_va",
            Self::BriVa => "bri_va",
            Self::PermataVa => "permata_va",
            Self::Echannel => "echannel",
            Self::Qris => "qris",
            Self::Gopay => "gopay",
            Self::Shopeepay => "shopeepay",
            Self::CreditCard => "credit_card",
            Self::Indomaret => "indomaret",
            Self::Alfamart => "alfamart",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        if name == "other_qris" {
            return Some(Self::Qris);
        }
        METHODS.into_iter().find(|method| method.name() == name)
    }

    /// As the customer's page calls it.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::BcaVa => "BCA Virtual Account",
            Self::BniVa => "BNI Virtual Account",
            Self::BriVa => "BRI Virtual Account",
            Self::PermataVa => "Permata Virtual Account",
            Self::Echannel => "Mandiri Bill",
            Self::Qris => "QRIS",
            Self::Gopay => "GoPay",
            Self::Shopeepay => "ShopeePay",
            Self::CreditCard => "Kartu kredit / debit",
            Self::Indomaret => "Indomaret",
            Self::Alfamart => "Alfamart",
        }
    }

    pub(super) fn payment_type(self) -> &'static str {
        match self {
            Self::BcaVa | Self::BniVa | Self::BriVa | Self::PermataVa => "bank_transfer",
            Self::Echannel => "echannel",
            Self::Qris => "qris",
            Self::Gopay => "gopay",
            Self::Shopeepay => "shopeepay",
            Self::CreditCard => "credit_card",
            Self::Indomaret | Self::Alfamart => "cstore",
        }
    }

    /// By `enabled_payments`, where the request has it.
    pub(super) fn is_enabled(self, request: &Value) -> bool {
        let Some(enabled) = request.get("enabled_payments").and_then(Value::as_array) else {
            return true;
        };
        let names: &[&str] = match self {
            Self::Qris => &["other_qris", "qris", "gopay"],
            _ if self.payment_type() == "bank_transfer" => &["bank_transfer"],
            Self::Indomaret | Self::Alfamart => &["cstore"],
            _ => &[],
        };
        enabled
            .iter()
            .filter_map(Value::as_str)
            .any(|enabled| enabled == self.name() || names.contains(&enabled))
    }

    /// How long a code can be paid, where the request does not say.
    pub(super) fn lives(self) -> SignedDuration {
        match self {
            Self::Qris | Self::Gopay | Self::Shopeepay => SignedDuration::from_mins(15),
            _ => SignedDuration::from_hours(24),
        }
    }

    /// The API refunds no bank transfer and no counter payment.
    pub(super) fn refunds_by_api(self) -> bool {
        matches!(
            self,
            Self::CreditCard | Self::Gopay | Self::Shopeepay | Self::Qris
        )
    }

    /// What every body about this transaction carries.
    pub(super) fn fields(self) -> Value {
        let number = |digits: usize| -> String {
            (0..digits)
                .map(|_| char::from(b'0' + rand::random_range(0..10_u8)))
                .collect()
        };
        let transfer = |bank: &str, prefix: &str| {
            json!({
                "va_numbers": [{"bank": bank, "va_number": format!("{prefix}{}", number(11))}],
                "payment_amounts": [],
            })
        };
        match self {
            Self::BcaVa => transfer("bca", "8127"),
            Self::BniVa => transfer("bni", "9888"),
            Self::BriVa => transfer("bri", "7887"),
            Self::PermataVa => json!({"permata_va_number": format!("8562{}", number(12))}),
            Self::Echannel => {
                json!({"biller_code": "70012", "bill_key": format!("99{}", number(10))})
            }
            Self::Qris => json!({"acquirer": "gopay"}),
            Self::Gopay | Self::Shopeepay => json!({}),
            Self::CreditCard => json!({
                "masked_card": "48111111-1114",
                "bank": "bni",
                "card_type": "credit",
                "eci": "05",
            }),
            Self::Indomaret | Self::Alfamart => json!({
                "store": self.name(),
                "payment_code": format!("3000{}", number(12)),
            }),
        }
    }

    /// What is added once money moved.
    pub(super) fn paid_fields(self) -> Value {
        match self {
            Self::Qris => json!({
                "transaction_type": "on-us",
                "issuer": "gopay",
                "merchant_cross_reference_id": crate::fresh_id(),
            }),
            Self::CreditCard => json!({
                "approval_code": format!("{:013}", rand::random_range(0..10_000_000_000_000_u64)),
                "channel_response_code": "00",
                "channel_response_message": "Approved",
            }),
            Self::Indomaret | Self::Alfamart => json!({"approval_code": "ABC0101BCA02"}),
            _ => json!({}),
        }
    }
}

/// The one number that a customer types at the bank or the till.
pub(super) fn number(fields: &Value) -> Option<&str> {
    [
        "/va_numbers/0/va_number",
        "/permata_va_number",
        "/bill_key",
        "/payment_code",
    ]
    .into_iter()
    .find_map(|pointer| fields.pointer(pointer)?.as_str())
}
