//! Keys of the REST API: whose they are, what they may do and how often.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::bucket::{Limit, LimitError};
use crate::field::{self, FieldRefused};
use crate::ids::{IdError, MerchantId};

/// What a key may be for. A scope to write does not include the one to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Plans, subscribers, runs and bills.
    BillingRead,
    /// Changing them, and starting runs.
    BillingWrite,
    /// What became of messages, codes and approvals.
    MessagesRead,
    /// Sending them, and checking codes.
    MessagesWrite,
    /// The prepaid balance and its ledger.
    BalanceRead,
    /// Topping it up.
    BalanceWrite,
}

/// A text that is no scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no scope: billing:read, billing:write, messages:read, messages:write, balance:read or \
     balance:write"
)]
pub struct ScopeError;

impl Scope {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::BillingRead,
        Self::BillingWrite,
        Self::MessagesRead,
        Self::MessagesWrite,
        Self::BalanceRead,
        Self::BalanceWrite,
    ];

    /// As it is written everywhere.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::BillingRead => "billing:read",
            Self::BillingWrite => "billing:write",
            Self::MessagesRead => "messages:read",
            Self::MessagesWrite => "messages:write",
            Self::BalanceRead => "balance:read",
            Self::BalanceWrite => "balance:write",
        }
    }

    /// What it lets a key do, in a few words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::BillingRead => "read plans, subscribers, billing runs and bills",
            Self::BillingWrite => {
                "change plans and subscribers, start runs, record payments and refunds, call bills off"
            }
            Self::MessagesRead => "read messages and approvals",
            Self::MessagesWrite => "send messages, one-time codes and approval requests",
            Self::BalanceRead => "read the prepaid balance",
            Self::BalanceWrite => "top up the prepaid balance",
        }
    }

    /// Reads one.
    ///
    /// # Errors
    /// [`ScopeError`] lists the ones there are.
    pub fn parse(text: &str) -> Result<Self, ScopeError> {
        let mut all = Self::ALL.into_iter();
        all.find(|scope| scope.name() == text).ok_or(ScopeError)
    }
}

/// A key's public name: the beginning of its hash, twelve hexadecimal digits. It opens nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(String);

impl KeyId {
    const DIGITS: usize = 12;

    /// Reads one.
    ///
    /// # Errors
    /// [`IdError`] when the text is not twelve hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let hexadecimal = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() == Self::DIGITS && text.bytes().all(hexadecimal) {
            Ok(Self(text.to_owned()))
        } else {
            Err(IdError::of("key id"))
        }
    }

    /// The id of the key whose hash in hexadecimal digits is `hash`.
    ///
    /// # Errors
    /// [`IdError`] when that is no hash.
    pub fn of_hash(hash: &str) -> Result<Self, IdError> {
        let begin = hash.get(..Self::DIGITS);
        Self::parse(begin.unwrap_or_default())
    }

    /// As it is stored and shown.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for KeyId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// How many requests a key may make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// A second, lastingly.
    pub per_second: u32,
    /// At once, after a rest.
    pub burst: u32,
}

impl Rate {
    /// What a key has where nothing else is set.
    pub const USUAL: Self = Self {
        per_second: 100,
        burst: 500,
    };

    /// Whether it can be.
    ///
    /// # Errors
    /// [`FieldRefused`] names the number at fault.
    pub fn check(self) -> Result<(), FieldRefused> {
        field::check_number("rate", self.per_second.into(), 1, 10_000)?;
        field::check_number("burst", self.burst.into(), self.per_second.into(), 100_000)
    }

    /// As a bucket.
    ///
    /// # Errors
    /// [`LimitError`] where either number is zero.
    pub fn limit(self) -> Result<Limit, LimitError> {
        Limit::new(self.per_second, self.burst)
    }

    /// Seconds in which an empty bucket is full again, rounded up.
    #[must_use]
    pub fn window(self) -> u32 {
        self.burst.div_ceil(self.per_second.max(1))
    }
}

/// A key, without what opens it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Its public name.
    pub id: KeyId,
    /// Whose data it reaches.
    pub merchant: MerchantId,
    /// What it is for, in the operator's words.
    pub name: String,
    /// What it may do.
    pub scopes: BTreeSet<Scope>,
    /// How often.
    pub rate: Rate,
    /// When it was made.
    pub made_at: Timestamp,
    /// Since when it opens nothing.
    pub revoked_at: Option<Timestamp>,
    /// Counts its changes, so that none is written over another.
    pub version: u64,
}

impl ApiKey {
    /// Whether it can be.
    ///
    /// # Errors
    /// [`FieldRefused`] names the first field that cannot.
    pub fn check(&self) -> Result<(), FieldRefused> {
        field::check_text("name", &self.name, 1, 60)?;
        if self.scopes.is_empty() {
            return Err(FieldRefused::new("scopes", "a key needs at least one"));
        }
        self.rate.check()
    }

    /// Whether it opens anything.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.revoked_at.is_none()
    }

    /// Whether it may do what needs `scope`.
    #[must_use]
    pub fn may(&self, scope: Scope) -> bool {
        self.is_live() && self.scopes.contains(&scope)
    }

    /// The key after it was revoked; one that was before stays as it is.
    #[must_use]
    pub fn revoked(self, now: Timestamp) -> Self {
        if self.revoked_at.is_some() {
            return self;
        }
        Self {
            revoked_at: Some(now),
            version: self.version.saturating_add(1),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> ApiKey {
        ApiKey {
            id: KeyId::of_hash(&"ab".repeat(32)).unwrap(),
            merchant: MerchantId::parse("demo").unwrap(),
            name: "till".to_owned(),
            scopes: BTreeSet::from([Scope::BillingRead]),
            rate: Rate::USUAL,
            made_at: Timestamp::UNIX_EPOCH,
            revoked_at: None,
            version: 1,
        }
    }

    #[test]
    fn i10_scopes_and_ids_read_back() {
        for scope in Scope::ALL {
            assert_eq!(Scope::parse(scope.name()), Ok(scope));
            assert!(ScopeError.to_string().contains(scope.name()));
        }
        assert_eq!(Scope::parse("billing"), Err(ScopeError));
        assert_eq!(KeyId::parse("abababababab"), Ok(key().id));
        for bad in [
            "",
            "ABABABABABAB",
            "abababababa",
            "ababababababa",
            "äbabababab",
        ] {
            assert!(KeyId::parse(bad).is_err(), "{bad}");
            assert!(KeyId::of_hash(bad).is_err() || bad.len() > 12, "{bad}");
        }
    }

    #[test]
    fn a_key_may_what_its_scopes_say_until_it_is_revoked() {
        assert!(key().may(Scope::BillingRead));
        assert!(!key().may(Scope::BillingWrite));
        let now = Timestamp::UNIX_EPOCH;
        let revoked = key().revoked(now);
        assert!(!revoked.may(Scope::BillingRead) && !revoked.is_live());
        assert_eq!(revoked.version, 2);
        assert_eq!(revoked.clone().revoked(Timestamp::MAX), revoked);
    }

    #[test]
    fn a_setting_that_cannot_be_is_refused_by_its_name() {
        assert_eq!(key().check(), Ok(()));
        let rate = |per_second, burst| Rate { per_second, burst };
        for (field, key) in [
            (
                "name",
                ApiKey {
                    name: String::new(),
                    ..key()
                },
            ),
            (
                "scopes",
                ApiKey {
                    scopes: BTreeSet::new(),
                    ..key()
                },
            ),
            (
                "rate",
                ApiKey {
                    rate: rate(0, 5),
                    ..key()
                },
            ),
            (
                "burst",
                ApiKey {
                    rate: rate(10, 9),
                    ..key()
                },
            ),
        ] {
            assert_eq!(key.check().unwrap_err().field, field);
        }
        assert_eq!(Rate::USUAL.window(), 5);
        assert_eq!(rate(3, 10).window(), 4);
    }
}
