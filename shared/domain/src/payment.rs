//! A payment and its machine (DESIGN section 5). What Midtrans answers when asked is an
//! [`Observation`]; [`Payment::apply`] decides what it means.

use jiff::{SignedDuration, Timestamp};

use crate::ids::{OrderId, TransactionId};
use crate::message::DropReason;
use crate::money::Rupiah;

/// How long a challenged card payment may freeze a hold.
pub const CHALLENGE_FREEZES: SignedDuration = SignedDuration::from_hours(24);

/// Midtrans' notifications come within seconds. When one has not come by then, it is asked.
const ASKED_SOON: SignedDuration = SignedDuration::from_mins(15);

/// The last notification of a page may be under way when it ends.
const ASKED_AFTER_END: SignedDuration = SignedDuration::from_mins(3);

/// What is still open after that is looked into: now and then, and for a day.
const ASKED_AGAIN: SignedDuration = SignedDuration::from_hours(6);
const ASKED_FOR: SignedDuration = SignedDuration::from_hours(25);

/// Banks reverse within minutes, and Midtrans' own retries end within hours: what went back after
/// that, and nobody told of, is found by asking about what is paid.
const LOOKED_AFTER: [SignedDuration; 2] = [
    SignedDuration::from_hours(1),
    SignedDuration::from_hours(24),
];

/// Where a payment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaymentState {
    /// No method was chosen.
    Created,
    /// A method was chosen, nothing was paid.
    Pending,
    /// A card payment is being looked into.
    Challenge,
    /// The money is there.
    Paid,
    /// The bank said no; a card may be tried again.
    Denied,
    /// Called off.
    Cancelled,
    /// Not paid in time.
    Expired,
    /// A part was given back.
    PartlyRefunded,
    /// All was given back.
    Refunded,
    /// The customer's bank took it back.
    ChargedBack,
    /// The bank took it back minutes after the settlement.
    Reversed,
    /// A person must decide.
    Review,
}

/// A name that is no state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no payment state is called {0}")]
pub struct UnknownState(pub String);

impl PaymentState {
    const ALL: [Self; 12] = [
        Self::Created,
        Self::Pending,
        Self::Challenge,
        Self::Paid,
        Self::Denied,
        Self::Cancelled,
        Self::Expired,
        Self::PartlyRefunded,
        Self::Refunded,
        Self::ChargedBack,
        Self::Reversed,
        Self::Review,
    ];

    /// The name it is stored and published under.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Created => "Created",
            Self::Pending => "Pending",
            Self::Challenge => "Challenge",
            Self::Paid => "Paid",
            Self::Denied => "Denied",
            Self::Cancelled => "Cancelled",
            Self::Expired => "Expired",
            Self::PartlyRefunded => "PartlyRefunded",
            Self::Refunded => "Refunded",
            Self::ChargedBack => "ChargedBack",
            Self::Reversed => "Reversed",
            Self::Review => "Review",
        }
    }

    /// Reads a name.
    ///
    /// # Errors
    /// [`UnknownState`]
    pub fn parse(name: &str) -> Result<Self, UnknownState> {
        Self::ALL
            .into_iter()
            .find(|state| state.name() == name)
            .ok_or_else(|| UnknownState(name.to_owned()))
    }

    /// Whether no money has been seen.
    #[must_use]
    pub fn is_unpaid(self) -> bool {
        match self {
            Self::Created
            | Self::Pending
            | Self::Challenge
            | Self::Denied
            | Self::Cancelled
            | Self::Expired => true,
            Self::Paid
            | Self::PartlyRefunded
            | Self::Refunded
            | Self::ChargedBack
            | Self::Reversed
            | Self::Review => false,
        }
    }

    /// Whether money is there that may still go back.
    #[must_use]
    pub fn holds_money(self) -> bool {
        match self {
            Self::Paid | Self::PartlyRefunded | Self::Review => true,
            Self::Created
            | Self::Pending
            | Self::Challenge
            | Self::Denied
            | Self::Cancelled
            | Self::Expired
            | Self::Refunded
            | Self::ChargedBack
            | Self::Reversed => false,
        }
    }
}

/// One attempt at paying an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// Unique at Midtrans.
    pub order_id: OrderId,
    /// What we asked for.
    pub amount: Rupiah,
    /// What came without the method's fee, where that is another amount.
    pub came: Option<Rupiah>,
    /// Where it is.
    pub state: PaymentState,
    /// The transaction its state came from.
    pub transaction: Option<TransactionId>,
    /// Whether it was paid by a card's capture, which may still be called off.
    pub captured: bool,
    /// What was given back in all.
    pub refunded: Rupiah,
    /// What the customer paid on top for the method.
    pub fee: Option<Rupiah>,
    /// Midtrans' page.
    pub redirect_url: Option<String>,
    /// What Snap.js pays with.
    pub snap_token: Option<String>,
    /// When its page and codes stop taking money.
    pub expires_at: Timestamp,
    /// When it was asked for.
    pub made_at: Timestamp,
    /// Counts its commits.
    pub version: u64,
}

impl Payment {
    /// After a person let money that was in review count. What became of it since, a refund of a part,
    /// stands.
    #[must_use]
    pub fn accepted(self) -> Self {
        let state = match self.state {
            PaymentState::Review => PaymentState::Paid,
            PaymentState::Created
            | PaymentState::Pending
            | PaymentState::Challenge
            | PaymentState::Paid
            | PaymentState::Denied
            | PaymentState::Cancelled
            | PaymentState::Expired
            | PaymentState::PartlyRefunded
            | PaymentState::Refunded
            | PaymentState::ChargedBack
            | PaymentState::Reversed => self.state,
        };
        Self {
            state,
            version: self.version.saturating_add(1),
            ..self
        }
    }

    /// After a person gave money back past Midtrans that was in review, all that was left of it.
    #[must_use]
    pub fn returned(self) -> Self {
        let (state, refunded) = match self.state {
            PaymentState::Review | PaymentState::PartlyRefunded => {
                (PaymentState::Refunded, self.received())
            }
            PaymentState::Created
            | PaymentState::Pending
            | PaymentState::Challenge
            | PaymentState::Paid
            | PaymentState::Denied
            | PaymentState::Cancelled
            | PaymentState::Expired
            | PaymentState::Refunded
            | PaymentState::ChargedBack
            | PaymentState::Reversed => (self.state, self.refunded),
        };
        Self {
            state,
            refunded,
            version: self.version.saturating_add(1),
            ..self
        }
    }

    /// What came, without the method's fee.
    #[must_use]
    pub fn received(&self) -> Rupiah {
        self.came.unwrap_or(self.amount)
    }

    /// What of that has not gone back.
    #[must_use]
    pub fn left(&self) -> Rupiah {
        self.received().saturating_sub(self.gone_back())
    }
}

/// Midtrans' word for a status, read without case: one method answers in capitals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the vendor's own words")]
pub enum VendorStatus {
    Pending,
    Capture,
    Settlement,
    Authorize,
    Deny,
    Cancel,
    Expire,
    Failure,
    Refund,
    PartialRefund,
    Chargeback,
    PartialChargeback,
    /// One that did not exist when this was written.
    Unknown,
}

impl VendorStatus {
    /// Reads one.
    #[must_use]
    pub fn parse(word: &str) -> Self {
        match word.to_ascii_lowercase().as_str() {
            "pending" => Self::Pending,
            "capture" => Self::Capture,
            "settlement" => Self::Settlement,
            "authorize" => Self::Authorize,
            "deny" => Self::Deny,
            "cancel" => Self::Cancel,
            "expire" => Self::Expire,
            "failure" => Self::Failure,
            "refund" => Self::Refund,
            "partial_refund" => Self::PartialRefund,
            "chargeback" => Self::Chargeback,
            "partial_chargeback" => Self::PartialChargeback,
            _ => Self::Unknown,
        }
    }
}

/// A fee that Midtrans added on top for the customer
/// (`metadata.extra_info.gross_amount_info`, midtrans-php issue 118).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImposedFee {
    /// What the merchant asked for.
    pub original: Rupiah,
    /// What was added.
    pub fee: Rupiah,
}

/// What Midtrans answered about a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// Which transaction.
    pub transaction: TransactionId,
    /// Its status.
    pub status: VendorStatus,
    /// Midtrans' result code, `200` for money that is there.
    pub status_code: String,
    /// `accept`, `challenge`, `deny` or absent.
    pub fraud: Option<String>,
    /// What the customer pays; none where it is no amount.
    pub gross: Option<Rupiah>,
    /// The fee it names.
    pub imposed: Option<ImposedFee>,
    /// Absent in old shapes, else `IDR`.
    pub currency: Option<String>,
    /// When the money was there, by Midtrans' clock.
    pub settled_at: Option<Timestamp>,
    /// What was given back in all.
    pub refunded: Option<Rupiah>,
}

impl Observation {
    /// Whether more will follow: a code waits to be paid, or a card is being looked into.
    #[must_use]
    pub fn is_undecided(&self) -> bool {
        match self.status {
            VendorStatus::Pending => true,
            VendorStatus::Capture => self.fraud.as_deref() == Some("challenge"),
            _ => false,
        }
    }
}

/// What must happen in the commit that moves the payment, or right after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The subject is to be taken; where it cannot be, a paid payment goes to review instead.
    ConfirmSubject,
    /// The hold lasts until then.
    FreezeHold {
        /// The new end.
        until: Timestamp,
    },
    /// The customer is told.
    Notify(Notice),
    /// The operator is told.
    Alarm(Alarm),
    /// This transaction's money must be given back by a person.
    RefundTask(TransactionId),
}

/// What the customer is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The money is there.
    Receipt,
    /// The bank took it back.
    Reversed,
    /// The money is there and a person decides.
    Review,
}

crate::message::named!(Notice, "notice", {
    Receipt = "receipt",
    Reversed = "reversed",
    Review = "review",
});

impl Notice {
    /// Why the news is none any more, now that the payment is here.
    #[must_use]
    pub fn gone(self, state: PaymentState) -> Option<DropReason> {
        use PaymentState as P;
        let told = match self {
            Self::Receipt => matches!(state, P::Paid | P::PartlyRefunded),
            Self::Review => matches!(state, P::Review),
            Self::Reversed => matches!(state, P::Reversed | P::ChargedBack | P::Cancelled),
        };
        match state {
            _ if told => None,
            // Its own news says more, or the page does.
            P::Paid | P::PartlyRefunded | P::Review => Some(DropReason::Replaced),
            P::Created
            | P::Pending
            | P::Challenge
            | P::Denied
            | P::Cancelled
            | P::Expired
            | P::Refunded
            | P::ChargedBack
            | P::Reversed => Some(DropReason::CalledOff),
        }
    }
}

/// What the operator is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alarm {
    /// Amount or currency is not what was asked for.
    WrongAmount,
    /// A second transaction of the order was paid.
    PaidTwice,
    /// The bank took the money back.
    Reversed,
    /// The customer's bank took the money back.
    ChargedBack,
    /// A card payment was called off before it was settled.
    CaptureCancelled,
    /// More was given back than was paid.
    RefundedTooMuch,
}

/// What an observation comes to. `payment` is none where it changes nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// The payment after the step, its version one higher.
    pub payment: Option<Payment>,
    /// What goes with it.
    pub effects: Vec<Effect>,
}

impl Payment {
    /// When Midtrans is asked about it, so that it does not take a notification to know of money.
    #[must_use]
    pub fn asked_at(&self) -> [Timestamp; 2] {
        [
            after(self.made_at, ASKED_SOON),
            after(self.expires_at, ASKED_AFTER_END),
        ]
    }

    /// When Midtrans is asked again, having said at `now` that nothing is decided.
    #[must_use]
    pub fn asked_again(&self, now: Timestamp) -> Option<Timestamp> {
        let again = after(now, ASKED_AGAIN);
        let over = now < self.expires_at || again > after(self.expires_at, ASKED_FOR);
        (!over).then_some(again)
    }
}

impl Payment {
    /// When Midtrans is asked whether the money is still there that came at `now`.
    #[must_use]
    pub fn looked_after_at(now: Timestamp) -> [Timestamp; 2] {
        LOOKED_AFTER.map(|wait| after(now, wait))
    }
}

fn after(at: Timestamp, wait: SignedDuration) -> Timestamp {
    at.checked_add(wait).unwrap_or(at)
}

impl Payment {
    /// A payment just asked for.
    #[must_use]
    pub fn new(order_id: OrderId, amount: Rupiah, expires_at: Timestamp, now: Timestamp) -> Self {
        Self {
            order_id,
            amount,
            came: None,
            state: PaymentState::Created,
            transaction: None,
            captured: false,
            refunded: Rupiah::ZERO,
            fee: None,
            redirect_url: None,
            snap_token: None,
            expires_at,
            made_at: now,
            version: 1,
        }
    }

    /// What of it has gone back to who paid it.
    #[must_use]
    pub fn gone_back(&self) -> Rupiah {
        use PaymentState as P;
        match self.state {
            P::PartlyRefunded => self.refunded,
            P::Refunded | P::ChargedBack | P::Reversed | P::Cancelled => self.received(),
            P::Created
            | P::Pending
            | P::Challenge
            | P::Paid
            | P::Denied
            | P::Expired
            | P::Review => Rupiah::ZERO,
        }
    }

    /// Applies what Midtrans answered. Duplicates, late and foreign observations change nothing.
    #[must_use]
    pub fn apply(&self, seen: &Observation, now: Timestamp) -> Verdict {
        use PaymentState as P;
        use VendorStatus as V;
        let ours = self
            .transaction
            .as_ref()
            .is_none_or(|own| *own == seen.transaction);
        match seen.status {
            V::Capture if seen.is_challenged() => self.challenged(seen, now),
            V::Settlement | V::Capture if seen.is_paid() => self.paid(seen, ours),
            V::Pending => match self.state {
                P::Created | P::Denied => self.moved(seen, P::Pending, vec![]),
                _ => Verdict::default(),
            },
            _ if !ours => Verdict::default(),
            V::Deny => match self.state {
                P::Created | P::Pending | P::Challenge => self.moved(seen, P::Denied, vec![]),
                P::Paid | P::Review => self.reversed(seen),
                _ => Verdict::default(),
            },
            V::Cancel | V::Failure => match self.state {
                P::Created | P::Pending | P::Challenge | P::Denied => {
                    self.moved(seen, P::Cancelled, vec![])
                }
                P::Paid if self.captured => self.moved(
                    seen,
                    P::Cancelled,
                    vec![
                        Effect::Alarm(Alarm::CaptureCancelled),
                        Effect::Notify(Notice::Reversed),
                    ],
                ),
                _ => Verdict::default(),
            },
            V::Expire => match self.state {
                P::Created | P::Pending | P::Challenge | P::Denied => {
                    self.moved(seen, P::Expired, vec![])
                }
                _ => Verdict::default(),
            },
            V::Refund | V::PartialRefund => self.refunded(seen),
            V::Chargeback | V::PartialChargeback => match self.state {
                P::Refunded | P::ChargedBack | P::Reversed => Verdict::default(),
                _ => self.moved(
                    seen,
                    P::ChargedBack,
                    self.settled_first([Effect::Alarm(Alarm::ChargedBack)]),
                ),
            },
            V::Settlement | V::Capture | V::Authorize | V::Unknown => Verdict::default(),
        }
    }

    fn moved(&self, seen: &Observation, state: PaymentState, effects: Vec<Effect>) -> Verdict {
        Verdict {
            payment: Some(Self {
                state,
                transaction: Some(seen.transaction.clone()),
                version: self.version.saturating_add(1),
                ..self.clone()
            }),
            effects,
        }
    }

    fn paid(&self, seen: &Observation, ours: bool) -> Verdict {
        if !self.state.is_unpaid() {
            return if ours {
                Verdict::default()
            } else {
                Verdict {
                    payment: None,
                    effects: vec![
                        Effect::Alarm(Alarm::PaidTwice),
                        Effect::RefundTask(seen.transaction.clone()),
                    ],
                }
            };
        }
        if !self.is_right_amount(seen) {
            let mut verdict = self.moved(
                seen,
                PaymentState::Review,
                vec![
                    Effect::Alarm(Alarm::WrongAmount),
                    Effect::Notify(Notice::Review),
                ],
            );
            if let Some(payment) = &mut verdict.payment {
                let fee = seen.fee_on_top();
                let came = seen.in_rupiah().map(|gross| gross.saturating_sub(fee));
                payment.came = came.filter(|came| *came != self.amount);
                payment.fee = (fee > Rupiah::ZERO).then_some(fee);
            }
            return verdict;
        }
        let mut verdict = self.moved(
            seen,
            PaymentState::Paid,
            vec![Effect::ConfirmSubject, Effect::Notify(Notice::Receipt)],
        );
        if let Some(payment) = &mut verdict.payment {
            payment.fee = seen.imposed.map(|imposed| imposed.fee);
            payment.captured = seen.status == VendorStatus::Capture;
        }
        verdict
    }

    fn challenged(&self, seen: &Observation, now: Timestamp) -> Verdict {
        match self.state {
            PaymentState::Created | PaymentState::Pending | PaymentState::Denied => {
                let until = now.checked_add(CHALLENGE_FREEZES).unwrap_or(now);
                self.moved(
                    seen,
                    PaymentState::Challenge,
                    vec![Effect::FreezeHold { until }],
                )
            }
            _ => Verdict::default(),
        }
    }

    fn reversed(&self, seen: &Observation) -> Verdict {
        self.moved(
            seen,
            PaymentState::Reversed,
            vec![
                Effect::Alarm(Alarm::Reversed),
                Effect::Notify(Notice::Reversed),
            ],
        )
    }

    fn refunded(&self, seen: &Observation) -> Verdict {
        use PaymentState as P;
        match self.state {
            P::Refunded | P::ChargedBack | P::Reversed => return Verdict::default(),
            _ => {}
        }
        let whole = self.received().saturating_add(self.fee.unwrap_or_default());
        let told = match (seen.status, seen.refunded) {
            (VendorStatus::Refund, None) => whole,
            (_, told) => told.unwrap_or(self.refunded),
        };
        let too_much = told > whole;
        let refunded = told.min(whole).max(self.refunded);
        if refunded == self.refunded {
            return Verdict::default();
        }
        let state = if refunded == whole {
            P::Refunded
        } else {
            P::PartlyRefunded
        };
        let alarm = too_much.then_some(Effect::Alarm(Alarm::RefundedTooMuch));
        let mut verdict = self.moved(seen, state, self.settled_first(alarm));
        if let Some(payment) = &mut verdict.payment {
            payment.refunded = refunded;
        }
        verdict
    }

    /// The effects of money going back: first seen while unpaid, it came before it went.
    fn settled_first(&self, effects: impl IntoIterator<Item = Effect>) -> Vec<Effect> {
        let settled = self.state.is_unpaid().then_some(Effect::ConfirmSubject);
        settled.into_iter().chain(effects).collect()
    }

    /// Whether amount and currency are what was asked for: the amount itself, or the original
    /// amount where the difference is the fee that the answer names.
    #[must_use]
    pub fn is_right_amount(&self, seen: &Observation) -> bool {
        let Some(gross) = seen.in_rupiah() else {
            return false;
        };
        let with_fee = seen.imposed.is_some_and(|imposed| {
            imposed.original == self.amount
                && imposed.original.checked_add(imposed.fee) == Some(gross)
        });
        gross == self.amount || with_fee
    }
}

impl Observation {
    /// What the customer pays, where that is an amount in rupiah.
    fn in_rupiah(&self) -> Option<Rupiah> {
        let currency = self.currency.as_deref();
        self.gross
            .filter(|_| currency.is_none_or(|currency| currency == "IDR"))
    }

    /// What of that is the method's fee, by what it says itself.
    fn fee_on_top(&self) -> Rupiah {
        let imposed = self
            .imposed
            .filter(|imposed| imposed.original.checked_add(imposed.fee) == self.gross);
        imposed.map(|imposed| imposed.fee).unwrap_or_default()
    }

    fn is_challenged(&self) -> bool {
        self.fraud.as_deref() == Some("challenge")
    }

    fn is_paid(&self) -> bool {
        self.status_code == "200" && self.fraud.as_deref().is_none_or(|fraud| fraud == "accept")
    }
}

#[cfg(test)]
mod tests;
