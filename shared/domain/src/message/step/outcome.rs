//! What the vendor's answer to a try leads to.

use jiff::{SignedDuration, Timestamp};

use super::{Effect, Outcome, Refused, S, Step, after};
use crate::message::verdict::{Refusal, Verdict};
use crate::message::{DropReason, FailReason, Failure, HoldReason, Jitter, Message, Schedule};

impl Message {
    pub(super) fn outcome(
        mut self,
        attempt: u16,
        outcome: Outcome,
        jitter: Jitter,
        now: Timestamp,
    ) -> Result<Step, Refused> {
        let sending = self.is_sending(attempt);
        // The answer came after the lease had run out: nobody need wait for a receipt.
        let late = matches!(self.state, S::Unknown { .. }) && self.tries == attempt;
        match outcome {
            Outcome::Accepted(id) => self.taken(id),
            Outcome::Unknown if sending => Ok(self.lost(now)),
            Outcome::Refused(refusal) if sending => Ok(self.refused(refusal, jitter, now)),
            Outcome::Refused(refusal) if late => {
                self.unanswered = self.unanswered.saturating_sub(1);
                Ok(self.refused(refusal, jitter, now))
            }
            Outcome::Unknown | Outcome::Refused(_) => Err(Refused::Stale),
        }
    }

    fn refused(self, refusal: Refusal, jitter: Jitter, now: Timestamp) -> Step {
        match refusal.verdict {
            Verdict::RetryLater(schedule) => {
                self.again(schedule, refusal.code, jitter, now, vec![])
            }
            Verdict::SlowNumber => {
                let effects = self.consequences(refusal.verdict, now);
                self.again(Schedule::Busy, refusal.code, jitter, now, effects)
            }
            Verdict::PauseRecipient => {
                let effects = self.consequences(refusal.verdict, now);
                self.again(Schedule::Pair, refusal.code, jitter, now, effects)
            }
            Verdict::RetryAfter(seconds) => {
                let until = after(now, SignedDuration::from_secs(i64::from(seconds)));
                if until >= self.deadline {
                    let mut step = self.dropped(DropReason::TooOld);
                    step.effects.push(Effect::PauseBot { until });
                    step
                } else {
                    self.retry(until, vec![Effect::PauseBot { until }])
                }
            }
            Verdict::PauseMerchant(_) => self.held_by_vendor(refusal, HoldReason::Paused, now),
            Verdict::HoldTemplate => self.held_by_vendor(refusal, HoldReason::Template, now),
            Verdict::FailOnce(reason) => self.failed(Failure {
                code: refusal.code,
                reason,
            }),
            Verdict::Unreachable => {
                let mut step = self.failed(Failure {
                    code: refusal.code,
                    reason: FailReason::Unreachable,
                });
                step.effects.push(Effect::MarkUnreachable);
                step
            }
            Verdict::Unknown => self.lost(now),
        }
    }

    /// What a refusal means for others than this message.
    pub(super) fn consequences(&self, verdict: Verdict, now: Timestamp) -> Vec<Effect> {
        match verdict {
            Verdict::SlowNumber => vec![Effect::SlowNumber],
            Verdict::PauseRecipient => Schedule::Pair
                .wait(self.delays, Jitter(0))
                .map(|wait| Effect::PauseRecipient {
                    until: after(now, wait),
                })
                .into_iter()
                .collect(),
            Verdict::PauseMerchant(reason) => vec![Effect::PauseMerchant(reason)],
            Verdict::HoldTemplate => vec![Effect::HoldTemplate],
            Verdict::Unreachable => vec![Effect::MarkUnreachable],
            Verdict::RetryLater(_)
            | Verdict::FailOnce(_)
            | Verdict::RetryAfter(_)
            | Verdict::Unknown => vec![],
        }
    }

    fn again(
        mut self,
        schedule: Schedule,
        code: u32,
        jitter: Jitter,
        now: Timestamp,
        effects: Vec<Effect>,
    ) -> Step {
        // Who was only too fast a hundred times has not been refused once.
        let count = if schedule.goes_on() {
            &mut self.delays
        } else {
            &mut self.refusals
        };
        let wait = schedule.wait(*count, jitter);
        *count = count.saturating_add(1);
        let mut step = match wait.map(|wait| after(now, wait)) {
            None => self.failed(Failure {
                code,
                reason: FailReason::TriesExhausted,
            }),
            Some(at) if at >= self.deadline => self.dropped(DropReason::TooOld),
            Some(at) => self.retry(at, vec![]),
        };
        step.effects.extend(effects);
        step
    }

    /// Its reservation is given back, so that a pause ties up no money; it is made anew before
    /// the next try.
    fn held_by_vendor(mut self, refusal: Refusal, reason: HoldReason, now: Timestamp) -> Step {
        let (funds, void) = self.funds.release();
        self.funds = funds;
        let consequences = self.consequences(refusal.verdict, now);
        let mut step = self.held(reason, None);
        step.effects.extend(void.into_iter().chain(consequences));
        step
    }
}
