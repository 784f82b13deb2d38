//! What Midtrans knows a payment by: the order id, which says whose money it is.

use super::{BookingCode, IdError, MerchantId};
pub use crate::billing::BillId;

/// A top-up of a merchant's prepaid balance, such as `T-demo-48151623`: the merchant that is
/// credited stands in it, so payment and balance load in one read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopUpId {
    text: String,
    merchant: MerchantId,
}

impl TopUpId {
    /// A merchant's top-up from a random number: eight digits that do not begin with 0, as a
    /// booking's code.
    #[must_use]
    pub fn from_number(merchant: &MerchantId, number: u32) -> Self {
        Self::of(merchant.clone(), &BookingCode::from_number(number))
    }

    fn of(merchant: MerchantId, number: &BookingCode) -> Self {
        Self {
            text: format!("T-{merchant}-{number}"),
            merchant,
        }
    }

    /// Reads one.
    ///
    /// # Errors
    /// [`IdError`] when the text is not of its form.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        // A merchant may have hyphens, the number has none.
        let parts = text
            .strip_prefix("T-")
            .and_then(|rest| rest.rsplit_once('-'));
        let (merchant, number) = parts.ok_or(IdError("top-up"))?;
        Ok(Self::of(
            MerchantId::parse(merchant)?,
            &BookingCode::parse(number)?,
        ))
    }

    /// As it is stored and shown.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whose balance is credited.
    #[must_use]
    pub fn merchant(&self) -> &MerchantId {
        &self.merchant
    }
}

/// What an order pays for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OrderSubject {
    /// A booking.
    Booking(BookingCode),
    /// A subscriber's bill.
    Bill(BillId),
    /// A top-up of a prepaid balance.
    TopUp(TopUpId),
}

impl OrderSubject {
    fn parse(text: &str) -> Result<Self, IdError> {
        match text.as_bytes() {
            [b'B', ..] => BillId::parse(text).map(Self::Bill),
            [b'T', ..] => TopUpId::parse(text).map(Self::TopUp),
            _ => BookingCode::parse(text).map(Self::Booking),
        }
    }

    fn as_str(&self) -> &str {
        match self {
            Self::Booking(code) => code.as_str(),
            Self::Bill(id) => id.as_str(),
            Self::TopUp(id) => id.as_str(),
        }
    }
}

/// The order id of an attempt at paying something: what is paid, then `-A2` for the second
/// attempt. What is paid is written without capitals but its first letter, so that `-A` is
/// nowhere else.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderId {
    text: String,
    subject: OrderSubject,
    attempt: u8,
}

impl OrderId {
    /// The order id of an attempt, counted from 1; of 99 at most.
    #[must_use]
    pub fn new(subject: OrderSubject, attempt: u8) -> Self {
        let attempt = attempt.clamp(1, 99);
        let text = if attempt == 1 {
            subject.as_str().to_owned()
        } else {
            format!("{}-A{attempt}", subject.as_str())
        };
        Self {
            text,
            subject,
            attempt,
        }
    }

    /// The order id of a booking's attempt.
    #[must_use]
    pub fn of(booking: &BookingCode, attempt: u8) -> Self {
        Self::new(OrderSubject::Booking(booking.clone()), attempt)
    }

    /// Reads one.
    ///
    /// # Errors
    /// [`IdError`] when it is not exactly what [`OrderId::new`] makes.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let (subject, attempt) = match text.rsplit_once("-A") {
            None => (text, 1),
            Some((subject, attempt)) => {
                (subject, attempt.parse().map_err(|_| IdError("order id"))?)
            }
        };
        let id = Self::new(OrderSubject::parse(subject)?, attempt);
        if id.text == text {
            Ok(id)
        } else {
            Err(IdError("order id"))
        }
    }

    /// As Midtrans knows it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What it pays for.
    #[must_use]
    pub fn subject(&self) -> &OrderSubject {
        &self.subject
    }

    /// The booking that it pays for, if it is one.
    #[must_use]
    pub fn booking(&self) -> Option<&BookingCode> {
        match &self.subject {
            OrderSubject::Booking(code) => Some(code),
            OrderSubject::Bill(_) | OrderSubject::TopUp(_) => None,
        }
    }

    /// The bill that it pays for, if it is one.
    #[must_use]
    pub fn bill(&self) -> Option<&BillId> {
        match &self.subject {
            OrderSubject::Bill(id) => Some(id),
            OrderSubject::Booking(_) | OrderSubject::TopUp(_) => None,
        }
    }

    /// Which attempt, from 1.
    #[must_use]
    pub fn attempt(&self) -> u8 {
        self.attempt
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ids::order_id_is_wellformed;

    #[test]
    fn b22_order_ids_that_could_leave_their_path_are_refused() {
        for bad in ["", "a#b", "a/b", "../a", "%2e", "a b", &"9".repeat(51)] {
            assert!(!order_id_is_wellformed(bad), "{bad}");
        }
        assert!(order_id_is_wellformed("62473383-A2"));
        for bad in [
            "62473383-A1",
            "62473383-A02",
            "62473383-A100",
            "62473383-A2-A2",
            "62473383-a2",
            "02473383",
            "6247338",
            "T-demo",
            "T-demo-0815162",
            "T-demo-08151623",
            "T-demo-48151623-A1",
            "T-48151623",
            "T--48151623",
            "T-Demo-48151623",
            "T-a/b-48151623",
            "t-demo-48151623",
            "B-",
            "B-2026-11-Ani",
            "B-202611-x-A1",
            "B-202611-x-A02",
            "B",
            "T",
        ] {
            assert!(OrderId::parse(bad).is_err(), "{bad}");
        }
        assert!(OrderId::parse(&format!("B-202611-{}", "b".repeat(25))).is_err());
    }

    #[test]
    fn an_order_id_says_what_it_pays_for() {
        let subject = |text: &str| OrderId::parse(text).unwrap().subject().clone();
        let code = BookingCode::parse("62473383").unwrap();
        assert_eq!(subject("62473383-A3"), OrderSubject::Booking(code));
        let bill = BillId::parse("B-202611-ani-a2").unwrap();
        assert_eq!(subject("B-202611-ani-a2-A4"), OrderSubject::Bill(bill));
        let OrderSubject::TopUp(id) = subject("T-kopi-48151623-48151624-A99") else {
            unreachable!("not a top-up");
        };
        assert_eq!(id.merchant().as_str(), "kopi-48151623");
        assert_eq!(OrderId::parse("62473383").unwrap().attempt(), 1);
        assert_eq!(OrderId::parse("62473383-A99").unwrap().attempt(), 99);
    }

    fn subjects() -> impl Strategy<Value = OrderSubject> {
        prop_oneof![
            any::<u32>().prop_map(|number| OrderSubject::Booking(BookingCode::from_number(number))),
            "B-20[0-9]{2}(0[1-9]|1[0-2])-[a-z0-9][a-z0-9-]{0,23}"
                .prop_map(|text| OrderSubject::Bill(BillId::parse(&text).unwrap())),
            ("[a-z0-9-]{2,32}", any::<u32>()).prop_map(|(merchant, number)| {
                let merchant = MerchantId::parse(&merchant).unwrap();
                OrderSubject::TopUp(TopUpId::from_number(&merchant, number))
            }),
        ]
    }

    proptest! {
        #[test]
        fn i10_order_ids_read_back(subject in subjects(), attempt in 1_u8..=99) {
            let id = OrderId::new(subject.clone(), attempt);
            prop_assert!(order_id_is_wellformed(id.as_str()), "{}", id.as_str());
            let read = OrderId::parse(id.as_str()).unwrap();
            prop_assert_eq!(read.subject(), &subject);
            prop_assert_eq!(read.attempt(), attempt);
            prop_assert_eq!(read, id);
        }

        #[test]
        fn i10_what_reads_is_written_so(text in "[BT]?-?[a-z0-9-]{0,20}(-A[0-9]{1,3}){0,2}") {
            if let Ok(id) = OrderId::parse(&text) {
                prop_assert_eq!(id.as_str(), text);
            }
        }
    }
}
