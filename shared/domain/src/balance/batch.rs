//! What was set aside together. A batch keeps which of its messages nobody has resolved yet, so
//! that each is settled exactly once, whenever and by whomever its outcome is found.

use super::Line;
pub use crate::ids::BatchId;
use crate::ids::MessageId;
use crate::message::Funds;

/// The open messages of a reservation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Its key.
    pub id: BatchId,
    /// What is still set aside.
    pub open: Vec<Line>,
    /// Counts its commits.
    pub version: u64,
}

/// What became of a message of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// The vendor took it.
    Posted,
    /// It will not be sent on this reservation.
    Voided,
    /// Nobody knows yet.
    Open,
}

/// What is settled of a batch, and what is left of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settling {
    /// Spent.
    pub posted: Vec<Line>,
    /// Given back.
    pub voided: Vec<Line>,
    /// The batch then; with nothing open it is over.
    pub left: Batch,
}

impl Resolution {
    /// What a message says of the batch it was set aside in; `same` is whether its newest
    /// reservation is that batch.
    #[must_use]
    pub fn of(funds: Funds, same: bool) -> Self {
        match funds {
            // Given back, and set aside anew by another batch.
            _ if !same => Self::Voided,
            Funds::Posted => Self::Posted,
            Funds::Reserved => Self::Open,
            Funds::Free | Funds::Unreserved | Funds::Voided => Self::Voided,
        }
    }
}

impl Batch {
    /// Settles what is resolved; none where nothing is.
    #[must_use]
    pub fn settle(&self, resolution: impl Fn(&MessageId) -> Resolution) -> Option<Settling> {
        let (mut posted, mut voided, mut open) = (vec![], vec![], vec![]);
        for line in &self.open {
            let group = match resolution(&line.message) {
                Resolution::Posted => &mut posted,
                Resolution::Voided => &mut voided,
                Resolution::Open => &mut open,
            };
            group.push(line.clone());
        }
        if posted.is_empty() && voided.is_empty() {
            return None;
        }
        Some(Settling {
            posted,
            voided,
            left: Self {
                id: self.id.clone(),
                open,
                version: self.version.saturating_add(1),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::balance::PRICE;

    fn line(id: &str) -> Line {
        Line {
            message: MessageId::parse(id).unwrap(),
            price: PRICE,
        }
    }

    #[test]
    fn g4_what_is_unknown_stays_open_and_the_rest_is_settled_once() {
        let batch = Batch {
            id: BatchId::parse(&"0".repeat(32)).unwrap(),
            open: ["taken", "refused", "unknown", "moved"].map(line).to_vec(),
            version: 1,
        };
        let resolution = |id: &MessageId| match id.as_str() {
            "taken" => Resolution::of(Funds::Posted, true),
            "refused" => Resolution::of(Funds::Voided, true),
            "moved" => Resolution::of(Funds::Posted, false),
            _ => Resolution::of(Funds::Reserved, true),
        };
        let settling = batch.settle(resolution).unwrap();
        assert_eq!(settling.posted, [line("taken")]);
        assert_eq!(settling.voided, [line("refused"), line("moved")]);
        assert_eq!(settling.left.open, [line("unknown")]);
        assert_eq!(settling.left.version, 2);
        assert_eq!(settling.left.settle(resolution), None, "nothing new");
    }

    #[test]
    fn a_pause_gives_back_what_a_message_had() {
        assert_eq!(Resolution::of(Funds::Unreserved, true), Resolution::Voided);
    }
}
