//! What is checked again before each send, and what stands in the way.

use jiff::{SignedDuration, Timestamp};

use super::{DropReason, HoldReason, Message, quiet};

/// What the world says about a message the moment it is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Why what it claims is no longer so: paid, called off, replaced.
    pub gone: Option<DropReason>,
    /// The recipient said STOP.
    pub opted_out: bool,
    /// The chat takes no messages.
    pub unreachable: bool,
    /// The merchant's channel is paused, or not active.
    pub paused: bool,
    /// Meta has approved the template; true for what needs none.
    pub template_approved: bool,
    /// When the day's recipients are counted anew, where they are used up
    /// ([`DayOfRecipients::wait`](super::DayOfRecipients::wait)).
    pub recipients_used_up_until: Option<Timestamp>,
    /// Until when this recipient, or the whole bot, is to be left alone.
    pub not_before: Option<Timestamp>,
    /// Its price is reserved, or is in the same commit; true for what is free.
    pub funded: bool,
}

impl Standing {
    /// Nothing stands in the way.
    pub const CLEAR: Self = Self {
        gone: None,
        opted_out: false,
        unreachable: false,
        paused: false,
        template_approved: true,
        recipients_used_up_until: None,
        not_before: None,
        funded: true,
    };
}

/// What stands in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// It is not sent any more.
    Drop(DropReason),
    /// It waits.
    Hold {
        /// For what.
        reason: HoldReason,
        /// Until when, where the clock ends it.
        until: Option<Timestamp>,
    },
    /// It is tried again soon.
    Wait {
        /// When.
        at: Timestamp,
    },
}

/// How long somebody who has just asked for a message stays up for it.
const AWAKE_FOR: SignedDuration = SignedDuration::from_hours(1);

impl Message {
    /// What stands in the way of sending it now. Money comes last: nothing is reserved for what
    /// cannot go anyway. What could only go after its deadline is dropped at once.
    #[must_use]
    pub fn obstacle(&self, standing: &Standing, now: Timestamp) -> Option<Obstacle> {
        if let Some(reason) = self.gone(standing, now) {
            return Some(Obstacle::Drop(reason));
        }
        let hold = |reason, until| Some(Obstacle::Hold { reason, until });
        let waits = if standing.paused {
            hold(HoldReason::Paused, None)
        } else if !standing.template_approved {
            hold(HoldReason::Template, None)
        } else if let Some(morning) = self.quiet_until(now) {
            hold(HoldReason::QuietHours, Some(morning))
        } else if let Some(until) = standing.recipients_used_up_until {
            hold(HoldReason::RecipientLimit, Some(until))
        } else if let Some(at) = standing.not_before.filter(|at| *at > now) {
            Some(Obstacle::Wait { at })
        } else if self.funds.must_reserve() && !standing.funded {
            hold(HoldReason::Balance, None)
        } else {
            None
        };
        waits.map(|obstacle| match obstacle {
            Obstacle::Hold {
                until: Some(at), ..
            }
            | Obstacle::Wait { at }
                if at >= self.deadline =>
            {
                Obstacle::Drop(DropReason::TooOld)
            }
            Obstacle::Hold { .. } | Obstacle::Wait { .. } | Obstacle::Drop(_) => obstacle,
        })
    }

    fn gone(&self, standing: &Standing, now: Timestamp) -> Option<DropReason> {
        if standing.gone.is_some() {
            standing.gone
        } else if now >= self.deadline {
            Some(DropReason::TooOld)
        } else if standing.opted_out && !self.purpose.ignores_opt_out() {
            Some(DropReason::OptedOut)
        } else if standing.unreachable {
            Some(DropReason::Unreachable)
        } else {
            None
        }
    }

    fn quiet_until(&self, now: Timestamp) -> Option<Timestamp> {
        let waits_awake = self.asked_for && now.duration_since(self.made_at) < AWAKE_FOR;
        if waits_awake || self.purpose.ignores_quiet_hours() {
            return None;
        }
        let allowed = quiet::next_allowed(self.zone, now);
        (allowed > now).then_some(allowed)
    }
}
