//! What a message is for, and what follows from that.

use jiff::SignedDuration;

/// What carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// WhatsApp's Cloud API; every message is paid for.
    WhatsApp,
    /// The merchant's bot; free.
    Telegram,
}

/// What Meta prices a message by
/// (<https://developers.facebook.com/documentation/business-messaging/whatsapp/pricing>).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Category {
    /// Tied to something that the customer did or has.
    Utility,
    /// A one-time code.
    Authentication,
    /// Promotion; Pesan sends none of its own.
    Marketing,
    /// Free text inside 24 hours of the customer's last message.
    Service,
}

/// Who goes first when not all can go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Urgency {
    /// Somebody is waiting for it.
    Urgent,
    /// News of something that has just happened.
    Normal,
    /// A broadcast.
    Bulk,
}

/// Why a message is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// A one-time code.
    Otp,
    /// Somebody is asked to approve.
    Approval,
    /// What a customer's own message is answered with.
    Answer,
    /// Money has arrived.
    Receipt,
    /// A repair has moved.
    RepairStatus,
    /// The owner is told that the balance runs low.
    LowBalance,
    /// A monthly bill.
    Bill,
    /// A bill that is not paid yet.
    Reminder,
}

/// A name that is none of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no {kind} is called {name}")]
pub struct UnknownName {
    /// What was looked for.
    pub kind: &'static str,
    /// The name.
    pub name: String,
}

/// Gives an enum the names that it is stored and published under.
macro_rules! named {
    ($type:ident, $kind:literal, { $($variant:ident = $name:literal),+ $(,)? }) => {
        impl $type {
            /// Every one.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The name it is stored and published under.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name),+
                }
            }

            /// Reads a name.
            ///
            /// # Errors
            /// [`UnknownName`](crate::message::UnknownName)
            pub fn parse(name: &str) -> Result<Self, crate::message::UnknownName> {
                Self::ALL
                    .iter()
                    .copied()
                    .find(|one| one.name() == name)
                    .ok_or_else(|| crate::message::UnknownName { kind: $kind, name: name.to_owned() })
            }
        }
    };
}
pub(crate) use named;

named!(Channel, "channel", { WhatsApp = "whatsapp", Telegram = "telegram" });
named!(Urgency, "urgency", { Urgent = "urgent", Normal = "normal", Bulk = "bulk" });
named!(Category, "category", {
    Utility = "utility",
    Authentication = "authentication",
    Marketing = "marketing",
    Service = "service",
});
named!(Purpose, "purpose", {
    Otp = "otp",
    Approval = "approval",
    Answer = "answer",
    Receipt = "receipt",
    RepairStatus = "repair-status",
    LowBalance = "low-balance",
    Bill = "bill",
    Reminder = "reminder",
});

impl Urgency {
    /// What a waiting row's key begins with, so that a query gives the most urgent first.
    #[must_use]
    pub fn sort_key(self) -> &'static str {
        match self {
            Self::Urgent => "0",
            Self::Normal => "1",
            Self::Bulk => "2",
        }
    }
}

impl Purpose {
    /// What WhatsApp prices it by.
    #[must_use]
    pub fn category(self) -> Category {
        match self {
            Self::Otp => Category::Authentication,
            Self::Answer => Category::Service,
            Self::Approval
            | Self::Receipt
            | Self::RepairStatus
            | Self::LowBalance
            | Self::Bill
            | Self::Reminder => Category::Utility,
        }
    }

    /// Who goes first.
    #[must_use]
    pub fn urgency(self) -> Urgency {
        match self {
            Self::Otp | Self::Approval | Self::Answer => Urgency::Urgent,
            Self::Receipt | Self::RepairStatus | Self::LowBalance => Urgency::Normal,
            Self::Bill | Self::Reminder => Urgency::Bulk,
        }
    }

    /// Whether it goes out at night: somebody sits there and waits for it.
    #[must_use]
    pub fn ignores_quiet_hours(self) -> bool {
        match self {
            Self::Otp | Self::Approval | Self::Answer => true,
            Self::Receipt | Self::RepairStatus | Self::LowBalance | Self::Bill | Self::Reminder => {
                false
            }
        }
    }

    /// Whether it reaches those who said STOP: a code they ask for, and the answer to STOP itself.
    #[must_use]
    pub fn ignores_opt_out(self) -> bool {
        match self {
            Self::Otp | Self::Answer => true,
            Self::Approval
            | Self::Receipt
            | Self::RepairStatus
            | Self::LowBalance
            | Self::Bill
            | Self::Reminder => false,
        }
    }

    /// Whether it may be paid from the share of the balance that nothing else may touch.
    #[must_use]
    pub fn uses_protected_share(self) -> bool {
        match self {
            Self::Otp => true,
            Self::Approval
            | Self::Answer
            | Self::Receipt
            | Self::RepairStatus
            | Self::LowBalance
            | Self::Bill
            | Self::Reminder => false,
        }
    }

    /// How old it may be when it is sent; older, it makes no sense any more. A message whose
    /// subject ends sooner, as a code, has a deadline of its own.
    #[must_use]
    pub fn max_age(self) -> SignedDuration {
        match self {
            Self::Otp => SignedDuration::from_mins(10),
            Self::Answer => SignedDuration::from_hours(1),
            Self::Approval | Self::RepairStatus | Self::LowBalance | Self::Reminder => {
                SignedDuration::from_hours(24)
            }
            Self::Receipt | Self::Bill => SignedDuration::from_hours(72),
        }
    }

    /// How long an unknown outcome waits for a receipt before the message is sent again. Receipts
    /// come within seconds; Meta repeats a lost one for up to seven days.
    #[must_use]
    pub fn grace(self) -> SignedDuration {
        match self.urgency() {
            Urgency::Urgent => SignedDuration::from_mins(1),
            Urgency::Normal | Urgency::Bulk => SignedDuration::from_mins(15),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Category as C;
    use Purpose as P;
    use Urgency as U;

    #[test]
    fn what_follows_from_a_purpose() {
        // Purpose, category, urgency; quiet hours, opt-out, protected share ignored or used;
        // hours it may be old.
        let table = [
            (P::Otp, C::Authentication, U::Urgent, [true, true, true], 0),
            (P::Approval, C::Utility, U::Urgent, [true, false, false], 24),
            (P::Answer, C::Service, U::Urgent, [true, true, false], 1),
            (P::Receipt, C::Utility, U::Normal, [false; 3], 72),
            (P::RepairStatus, C::Utility, U::Normal, [false; 3], 24),
            (P::LowBalance, C::Utility, U::Normal, [false; 3], 24),
            (P::Bill, C::Utility, U::Bulk, [false; 3], 72),
            (P::Reminder, C::Utility, U::Bulk, [false; 3], 24),
        ];
        assert_eq!(table.len(), P::ALL.len());
        for (purpose, category, urgency, exempt, hours) in table {
            assert_eq!(purpose.category(), category, "{purpose:?}");
            assert_eq!(purpose.urgency(), urgency, "{purpose:?}");
            let found = [
                purpose.ignores_quiet_hours(),
                purpose.ignores_opt_out(),
                purpose.uses_protected_share(),
            ];
            assert_eq!(found, exempt, "{purpose:?}");
            assert_eq!(purpose.max_age().as_hours(), hours, "{purpose:?}");
            assert!(purpose.grace() < purpose.max_age(), "{purpose:?}");
        }
    }

    #[test]
    fn i10_names_read_back() {
        for purpose in P::ALL {
            assert_eq!(P::parse(purpose.name()), Ok(*purpose));
        }
        for category in C::ALL {
            assert_eq!(C::parse(category.name()), Ok(*category));
        }
        for channel in Channel::ALL {
            assert_eq!(Channel::parse(channel.name()), Ok(*channel));
        }
        assert!(P::parse("spam").is_err());
        assert!(U::Urgent.sort_key() < U::Bulk.sort_key());
    }
}
