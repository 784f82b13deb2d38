//! The machine: what comes in, what it leads to, and what goes with it in the same commit.

mod outcome;
mod receipt;

use jiff::{SignedDuration, Timestamp};

use super::standing::{Obstacle, Standing};
use super::verdict::Refusal;
use super::{
    DropReason, FailReason, Failure, Funds, HoldReason, Jitter, MOST_UNANSWERED, Message,
    MessageState as S, PauseReason, VendorId,
};
pub use receipt::{Receipt, Report};

/// What happens to a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A sender wants to send it, if what it claims still holds. Wakes what is due, too.
    Lease {
        /// How long the sender has for it.
        until: Timestamp,
        /// What the world says about it now.
        standing: Standing,
    },
    /// The sender got no token; the try did not happen.
    Postpone {
        /// Which try.
        attempt: u16,
        /// When there is a token again.
        at: Timestamp,
    },
    /// The vendor's answer to a try.
    Outcome {
        /// Which try.
        attempt: u16,
        /// What it was.
        outcome: Outcome,
        /// Spreads the next try.
        jitter: Jitter,
    },
    /// The vendor's later word.
    Receipt(Receipt),
    /// What it waited for has happened.
    Release(HoldReason),
    /// It is not wanted any more.
    Withdraw(DropReason),
}

/// The vendor's answer to a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Taken.
    Accepted(VendorId),
    /// Refused.
    Refused(Refusal),
    /// No answer.
    Unknown,
}

/// What must happen in the commit that moves the message, or because of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A sender is to look at it now.
    Enqueue,
    /// A due row: it is woken then.
    WakeAt(Timestamp),
    /// It is put into the list of what waits for this.
    Wait(HoldReason),
    /// It leaves that list.
    EndWait(HoldReason),
    /// Its price is spent.
    Post,
    /// Its price is given back.
    Void,
    /// The number rests a little and goes on more slowly.
    SlowNumber,
    /// Nothing goes to this recipient before then.
    PauseRecipient {
        /// When their messages go on.
        until: Timestamp,
    },
    /// Nothing goes out by this bot before then.
    PauseBot {
        /// When it goes on.
        until: Timestamp,
    },
    /// Nothing of this merchant goes out until somebody resumes it.
    PauseMerchant(PauseReason),
    /// Nothing with this template goes out until it is approved.
    HoldTemplate,
    /// The chat takes no messages until the customer writes again.
    MarkUnreachable,
    /// Those who asked for the message are told.
    Publish(Event),
    /// The operator is told.
    Alarm(Alarm),
}

/// What those who asked for a message are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The vendor took it.
    Accepted,
    /// It is on the recipient's device.
    Delivered,
    /// It was read.
    Read,
    /// It will not arrive.
    Failed(Failure),
    /// It is not sent any more.
    Dropped(DropReason),
}

/// What the operator is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alarm {
    /// The vendor took a message whose price had been given back.
    TakenUnpaid,
}

/// A message after an input. `next` has a version one higher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The message now.
    pub next: Message,
    /// What goes with it.
    pub effects: Vec<Effect>,
}

/// Why an input changes nothing. None of it is a fault: the input is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Another sender has it.
    #[error("leased until {until}")]
    Leased {
        /// Until then.
        until: Timestamp,
    },
    /// Its time has not come, or what it waits for has not happened.
    #[error("not due")]
    NotDue,
    /// It is with the vendor and is left alone.
    #[error("in flight")]
    InFlight,
    /// It is over.
    #[error("over")]
    Over,
    /// The word of an earlier try, which no longer counts.
    #[error("of an earlier try")]
    Stale,
    /// It was never handed to the vendor.
    #[error("never sent")]
    NeverSent,
    /// Nothing new.
    #[error("known already")]
    Known,
}

impl Message {
    /// What an input leads to at `now`.
    ///
    /// # Errors
    /// [`Refused`] where it changes nothing.
    pub fn step(self, input: Input, now: Timestamp) -> Result<Step, Refused> {
        match input {
            Input::Lease { until, standing } => self.lease(until, &standing, now),
            Input::Postpone { attempt, at } => self.postpone(attempt, at),
            Input::Outcome {
                attempt,
                outcome,
                jitter,
            } => self.outcome(attempt, outcome, jitter, now),
            Input::Receipt(receipt) => self.receipt(receipt, now),
            Input::Release(reason) => self.release(reason),
            Input::Withdraw(reason) => self.withdraw(reason),
        }
    }

    fn lease(self, until: Timestamp, standing: &Standing, now: Timestamp) -> Result<Step, Refused> {
        let too_old = now >= self.deadline;
        match self.state {
            S::Queued => {}
            S::Retry { at } if at > now => return Err(Refused::NotDue),
            S::Retry { .. } => {}
            S::Held { until, .. } if !too_old && until.is_none_or(|until| until > now) => {
                return Err(Refused::NotDue);
            }
            S::Held { .. } => {}
            S::Sending { lease_until, .. } if lease_until > now => {
                return Err(Refused::Leased { until: lease_until });
            }
            S::Sending { .. } => return Ok(self.lost(now)),
            S::Unknown { until } if until > now => return Err(Refused::NotDue),
            S::Unknown { .. } if self.unanswered >= MOST_UNANSWERED => {
                return Ok(self.failed(Failure {
                    code: 0,
                    reason: FailReason::Unanswered,
                }));
            }
            S::Unknown { .. } => {}
            S::Accepted | S::Sent | S::Delivered | S::Read | S::Failed(_) | S::Dropped(_) => {
                return Err(Refused::Over);
            }
        }
        Ok(match self.obstacle(standing, now) {
            None => self.sending(until),
            Some(Obstacle::Drop(reason)) => self.dropped(reason),
            Some(Obstacle::Hold { reason, until }) => self.held(reason, until),
            Some(Obstacle::Wait { at }) => self.retry(at, vec![]),
        })
    }

    /// Whether a sender has it, with this try.
    fn is_sending(&self, try_number: u16) -> bool {
        matches!(self.state, S::Sending { attempt, .. } if attempt == try_number)
    }

    fn postpone(self, attempt: u16, at: Timestamp) -> Result<Step, Refused> {
        if !self.is_sending(attempt) {
            Err(Refused::Stale)
        } else if at >= self.deadline {
            Ok(self.dropped(DropReason::TooOld))
        } else {
            Ok(self.retry(at, vec![]))
        }
    }

    fn release(self, released: HoldReason) -> Result<Step, Refused> {
        if matches!(self.state, S::Held { reason, .. } if reason == released) {
            Ok(self.moved(S::Queued, vec![Effect::Enqueue]))
        } else {
            Err(Refused::Known)
        }
    }

    fn withdraw(self, reason: DropReason) -> Result<Step, Refused> {
        match self.state {
            S::Queued | S::Held { .. } | S::Retry { .. } => Ok(self.dropped(reason)),
            S::Sending { .. } | S::Unknown { .. } => Err(Refused::InFlight),
            S::Accepted | S::Sent | S::Delivered | S::Read | S::Failed(_) | S::Dropped(_) => {
                Err(Refused::Over)
            }
        }
    }

    fn sending(mut self, lease_until: Timestamp) -> Step {
        self.tries = self.tries.saturating_add(1);
        self.possibly_double |= self.unanswered > 0;
        if self.funds == Funds::Unreserved {
            self.funds = Funds::Reserved;
        }
        let attempt = self.tries;
        self.moved(
            S::Sending {
                lease_until,
                attempt,
            },
            vec![],
        )
    }

    /// Nobody knows what became of the try; the price stays reserved.
    fn lost(mut self, now: Timestamp) -> Step {
        let until = after(now, self.purpose.grace());
        self.unanswered = self.unanswered.saturating_add(1);
        self.moved(S::Unknown { until }, vec![Effect::WakeAt(until)])
    }

    fn retry(self, at: Timestamp, mut effects: Vec<Effect>) -> Step {
        effects.push(Effect::WakeAt(at));
        self.moved(S::Retry { at }, effects)
    }

    fn held(self, reason: HoldReason, until: Option<Timestamp>) -> Step {
        let wake = Effect::WakeAt(until.unwrap_or(self.deadline));
        self.moved(S::Held { reason, until }, vec![wake])
    }

    fn failed(mut self, failure: Failure) -> Step {
        let (funds, void) = self.funds.void();
        self.funds = funds;
        let effects = void.into_iter();
        let effects = effects.chain([Effect::Publish(Event::Failed(failure))]);
        self.moved(S::Failed(failure), effects.collect())
    }

    fn dropped(mut self, reason: DropReason) -> Step {
        let (funds, void) = self.funds.void();
        self.funds = funds;
        let effects = void.into_iter();
        let effects = effects.chain([Effect::Publish(Event::Dropped(reason))]);
        self.moved(S::Dropped(reason), effects.collect())
    }

    /// Moves, and keeps the lists of what waits true.
    fn moved(mut self, state: S, mut effects: Vec<Effect>) -> Step {
        let (before, after) = (waits_for(self.state), waits_for(state));
        if before != after {
            effects.extend(before.map(Effect::EndWait));
            effects.extend(after.map(Effect::Wait));
        }
        self.state = state;
        self.version = self.version.saturating_add(1);
        Step {
            next: self,
            effects,
        }
    }
}

fn waits_for(state: S) -> Option<HoldReason> {
    match state {
        S::Held { reason, .. } => reason.waits_for_an_event().then_some(reason),
        S::Queued
        | S::Sending { .. }
        | S::Accepted
        | S::Sent
        | S::Delivered
        | S::Read
        | S::Retry { .. }
        | S::Failed(_)
        | S::Dropped(_)
        | S::Unknown { .. } => None,
    }
}

fn after(now: Timestamp, wait: SignedDuration) -> Timestamp {
    now.checked_add(wait).unwrap_or(now)
}
