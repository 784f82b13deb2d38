//! The vendor's word about what it took. Receipts only move forward, read implies delivered, and
//! one may come before our own save.

use jiff::Timestamp;

use super::{Effect, Event, Refused, S, Step};
use crate::message::verdict::{Refusal, Verdict};
use crate::message::{FailReason, Failure, Message, VendorId};

/// A receipt that carries our id
/// (<https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages/status>).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The vendor's id.
    pub vendor_id: VendorId,
    /// What it says.
    pub report: Report,
}

/// What a receipt says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// The vendor sent it.
    Sent,
    /// It is on a device.
    Delivered,
    /// It was read.
    Read,
    /// It did not arrive at a device.
    Failed(Refusal),
}

/// How far along the way a state is; none for those beside it.
fn progress(state: S) -> Option<u8> {
    match state {
        S::Accepted => Some(0),
        S::Sent => Some(1),
        S::Delivered => Some(2),
        S::Read => Some(3),
        S::Queued
        | S::Sending { .. }
        | S::Held { .. }
        | S::Retry { .. }
        | S::Failed(_)
        | S::Dropped(_)
        | S::Unknown { .. } => None,
    }
}

impl Message {
    pub(super) fn receipt(self, receipt: Receipt, now: Timestamp) -> Result<Step, Refused> {
        if self.tries == 0 {
            return Err(Refused::NeverSent);
        }
        let id = receipt.vendor_id;
        match receipt.report {
            Report::Sent => self.forward(id, S::Sent, None),
            Report::Delivered => self.forward(id, S::Delivered, Some(Event::Delivered)),
            Report::Read => self.forward(id, S::Read, Some(Event::Read)),
            Report::Failed(refusal) => self.bounced(id, refusal, now),
        }
    }

    /// The vendor took a try, as its answer says.
    pub(super) fn taken(self, id: VendorId) -> Result<Step, Refused> {
        if self.tries == 0 {
            return Err(Refused::NeverSent);
        }
        self.forward(id, S::Accepted, None)
    }

    fn forward(self, id: VendorId, state: S, event: Option<Event>) -> Result<Step, Refused> {
        let target = progress(state);
        let old = match self.state {
            S::Accepted | S::Sent | S::Delivered | S::Read => progress(self.state) >= target,
            // It failed at one device: only an arrival at another says more.
            S::Failed(_) => self.vendor_id.is_some() && target < progress(S::Delivered),
            S::Queued
            | S::Sending { .. }
            | S::Held { .. }
            | S::Retry { .. }
            | S::Dropped(_)
            | S::Unknown { .. } => false,
        };
        if old {
            return Err(Refused::Known);
        }
        Ok(self.known_to_vendor(id, state, event))
    }

    /// A failure that a receipt tells. The vendor had taken the message, so it is paid for, and it
    /// is not sent again: another device may have it.
    fn bounced(mut self, id: VendorId, refusal: Refusal, now: Timestamp) -> Result<Step, Refused> {
        let failure = Failure {
            code: refusal.code,
            reason: reason_of(refusal.verdict),
        };
        if self.failure.is_some() {
            return Err(Refused::Known);
        }
        self.failure = Some(failure);
        let consequences = self.consequences(refusal.verdict, now);
        let state = self.state;
        let mut step = match state {
            S::Delivered | S::Read => self.moved(state, vec![]),
            S::Failed(_) | S::Dropped(_) => return Err(Refused::Over),
            S::Queued
            | S::Sending { .. }
            | S::Held { .. }
            | S::Retry { .. }
            | S::Unknown { .. }
            | S::Accepted
            | S::Sent => self.known_to_vendor(id, S::Failed(failure), Some(Event::Failed(failure))),
        };
        step.effects.extend(consequences);
        Ok(step)
    }

    /// Moves to where the vendor is known to have it. The first such word posts the price.
    fn known_to_vendor(mut self, id: VendorId, state: S, event: Option<Event>) -> Step {
        let mut effects = vec![];
        if self.vendor_id.is_none() {
            self.vendor_id = Some(id);
            let (funds, effect) = self.funds.post();
            self.funds = funds;
            effects.extend(effect);
            effects.push(Effect::Publish(Event::Accepted));
        }
        self.unanswered = 0;
        effects.extend(event.map(Effect::Publish));
        self.moved(state, effects)
    }
}

fn reason_of(verdict: Verdict) -> FailReason {
    match verdict {
        Verdict::FailOnce(reason) => reason,
        Verdict::Unreachable => FailReason::Unreachable,
        Verdict::RetryLater(_)
        | Verdict::SlowNumber
        | Verdict::PauseRecipient
        | Verdict::PauseMerchant(_)
        | Verdict::HoldTemplate
        | Verdict::RetryAfter(_)
        | Verdict::Unknown => FailReason::NotDelivered,
    }
}
