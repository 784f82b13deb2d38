//! What was credited for a top-up: a row beside its payment, so that no payment is credited twice.

use aws_sdk_dynamodb::types::TransactWriteItem;
use jiff::Timestamp;
use pesan_domain::balance::{Balance, Change, Credit, Entry};
use pesan_domain::ids::{EventId, MerchantId, OrderId};
use pesan_domain::merchant::Merchant;
use pesan_domain::money::Rupiah;
use serde::{Deserialize, Serialize};

use super::rows::Keyed;
use super::{Store, StoreError, broken, keys, to_item};

/// A credit as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CreditRecord {
    /// The credit.
    pub credit: Credit,
    /// Counts its commits.
    pub version: u64,
}

/// A top-up as it was found.
#[derive(Clone, Debug)]
pub struct TopUp {
    /// Who is credited.
    pub merchant: Merchant,
    /// Their balance.
    pub balance: Balance,
    /// What the ledger says was credited for the order, on whatever day.
    pub applied: Option<Rupiah>,
    /// The credit, once there is one.
    pub credit: Option<CreditRecord>,
}

/// What becomes of a balance because of a top-up's payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopUpMove {
    /// Who is credited.
    pub merchant: Merchant,
    /// The balance as it was found.
    pub before: Balance,
    /// The balance's change, where it changes.
    pub change: Option<Change>,
    /// The ledger entry's id.
    pub entry: EventId,
    /// The credit after the step.
    pub credit: Credit,
    /// The version of the credit that is stored; none where there is none.
    pub over: Option<u64>,
}

/// In rupiah.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct CreditRow {
    amount: u64,
    taken_back: u64,
    owed: u64,
    version: u64,
}

impl CreditRow {
    fn new(credit: Credit, version: u64) -> Self {
        Self {
            amount: credit.amount.get(),
            taken_back: credit.taken_back.get(),
            owed: credit.owed.get(),
            version,
        }
    }

    pub fn record(&self) -> CreditRecord {
        CreditRecord {
            credit: Credit {
                amount: Rupiah::new(self.amount),
                taken_back: Rupiah::new(self.taken_back),
                owed: Rupiah::new(self.owed),
            },
            version: self.version,
        }
    }
}

impl Store {
    /// Credit, balance and ledger of a top-up whose payment is `payee`'s.
    pub(super) fn top_up_writes(
        &self,
        payee: &MerchantId,
        order: &OrderId,
        moved: &TopUpMove,
        now: Timestamp,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let credit = |version| {
            let row = CreditRow::new(moved.credit, version);
            to_item(&Keyed::new(keys::credit(payee, order), row))
        };
        let mut writes = vec![match moved.over {
            None => self.put_new(credit(1)?)?,
            Some(version) => self.put_over(credit(version.saturating_add(1))?, version)?,
        }];
        let TopUpMove {
            merchant, before, ..
        } = moved;
        if let Some(change) = &moved.change {
            writes.extend(match &change.entry {
                Entry::TopUp { .. } => self.credit(merchant, before, change, &moved.entry, now)?,
                Entry::Refund { .. } => {
                    self.taking_back(merchant, before, change, &moved.entry, now)?
                }
                Entry::Reserve(_) | Entry::Settle { .. } => {
                    return Err(broken("a top-up that sends messages"));
                }
            });
        }
        Ok(writes)
    }
}
