//! Writing a message's step with all that goes with it.

use jiff::Timestamp;
use pesan_adapters::dynamodb::{MessageRecord, Moved, Pause, StoreError, Surroundings, To, Unless};
use pesan_adapters::events::Envelope;
use pesan_domain::balance::{Ask, BatchId, Line};
use pesan_domain::billing::Cell;
use pesan_domain::message::{
    Alarm, DropReason, Effect, FailReason, HoldReason, Message, MessageState, PauseReason, Step,
};

use super::plan::language_of;
use super::{Ended, bill};
use crate::{App, event_id};

/// A message before and after a step, and what goes with it.
pub(super) struct Moving {
    pub before: Message,
    pub after: MessageRecord,
    effects: Vec<Effect>,
    unless: Option<Unless>,
    pause: Option<Pause>,
    unreachable: bool,
    paused: Option<Envelope>,
    /// The cell of the bill that it is about, where the step says anything new of that.
    cell: Option<Cell>,
    /// Another message that is queued with it.
    pub twin: Option<(MessageRecord, Envelope)>,
}

impl Moving {
    /// What a step comes to among the things around it.
    pub fn of(
        before: &MessageRecord,
        step: Step,
        around: &Surroundings,
        batch: Option<&BatchId>,
        now: Timestamp,
    ) -> Self {
        let after = MessageRecord {
            message: step.next,
            batch: batch.or(before.batch.as_ref()).cloned(),
            ..before.clone()
        };
        let pause = step.effects.iter().find_map(|effect| match effect {
            Effect::PauseBot { until } => Some(Pause::Until(*until)),
            Effect::PauseMerchant(reason) => Some(Pause::Stopped(*reason)),
            _ => None,
        });
        let pause = pause.filter(|pause| is_longer(*pause, around.pause));
        let cell = bill::heard(before, &after, around, now);
        let by_chat = |cell: &Cell| bill::by_chat(&after, cell, around, now);
        Self {
            unless: unless(&after, &step.effects, pause, around),
            unreachable: step.effects.contains(&Effect::MarkUnreachable)
                && is_known(before, around),
            paused: match pause {
                Some(Pause::Stopped(reason)) => Some(paused(&after.message, reason, now)),
                Some(Pause::Until(_)) | None => None,
            },
            pause,
            twin: cell.as_ref().and_then(by_chat),
            cell,
            before: before.message.clone(),
            after,
            effects: step.effects,
        }
    }

    /// As it is written.
    pub fn moved(&self) -> Moved<'_> {
        let wait =
            |find: fn(Effect) -> Option<HoldReason>| self.effects.iter().copied().find_map(find);
        Moved {
            ends_wait: wait(|effect| match effect {
                Effect::EndWait(reason) => Some(reason),
                _ => None,
            }),
            waits: wait(|effect| match effect {
                Effect::Wait(reason) => Some(reason),
                _ => None,
            }),
            unless: self.unless,
            pause: self.pause,
            unreachable: self.unreachable,
            rests_until: self.effects.iter().find_map(|effect| match effect {
                Effect::PauseRecipient { until } => Some(*until),
                _ => None,
            }),
            announced: self.paused.iter().collect(),
            queued: self
                .twin
                .as_ref()
                .map(|(record, envelope)| (record, envelope)),
            cell: self.cell.as_ref(),
            ..Moved::plain(&self.before, &self.after)
        }
    }

    /// Whether its money is resolved by it.
    pub fn resolves(&self) -> bool {
        let resolves = |effect: &Effect| matches!(effect, Effect::Post | Effect::Void);
        self.effects.iter().any(resolves)
    }

    /// Whether its template cannot be sent.
    pub fn holds_template(&self) -> bool {
        self.effects.contains(&Effect::HoldTemplate)
    }

    /// Writes it.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where it must be decided anew.
    pub async fn commit(&self, app: &App) -> Result<(), StoreError> {
        app.store.move_message(&self.moved()).await?;
        self.say();
        Ok(())
    }

    /// Tells the operator what needs somebody, once it is written.
    pub fn say(&self) {
        let message = &self.after.message;
        if let Some(Pause::Stopped(reason)) = self.pause {
            tracing::error!(merchant = %message.merchant, kind = "message", alarm = "channel paused", channel = message.channel.name(), reason = reason.name());
        }
        if self.effects.contains(&Effect::Alarm(Alarm::TakenUnpaid)) {
            tracing::error!(merchant = %message.merchant, kind = "message", alarm = "taken unpaid", message = %message.id);
        }
    }
}

/// What must not have happened before a message waits for it; `pause` is written with it.
fn unless(
    after: &MessageRecord,
    effects: &[Effect],
    pause: Option<Pause>,
    around: &Surroundings,
) -> Option<Unless> {
    let waits = effects.iter().find_map(|effect| match effect {
        Effect::Wait(reason) => Some(*reason),
        _ => None,
    })?;
    // What the vendor has just refused is written with its cause in the same commit, or after it.
    if pause.is_some() || effects.contains(&Effect::HoldTemplate) {
        return None;
    }
    match waits {
        HoldReason::Balance => {
            let account = around.account.as_ref()?;
            Some(Unless::Funded(
                account.balance.wanted_by(&ask(&after.message)),
            ))
        }
        HoldReason::Template => {
            let (kind, language) = (after.template()?, language_of(after, around)?);
            let version = around.template(kind, language).map(|known| known.version);
            Some(Unless::Heard(kind, language, version.unwrap_or_default()))
        }
        HoldReason::Paused => match around.pause {
            Some(Pause::Stopped(_)) => Some(Unless::Resumed),
            Some(Pause::Until(_)) | None => {
                let merchant = around.merchant.as_ref()?;
                Some(Unless::Changed(merchant.version))
            }
        },
        HoldReason::QuietHours | HoldReason::RecipientLimit => None,
    }
}

/// What a message asks of the balance.
pub(super) fn ask(message: &Message) -> Ask {
    Ask {
        line: Line {
            message: message.id.clone(),
            price: message.price,
        },
        purpose: message.purpose,
    }
}

fn is_known(record: &MessageRecord, around: &Surroundings) -> bool {
    match record.to {
        To::Chat(chat) => around.chat(chat).is_known,
        To::Phone { .. } => true,
    }
}

fn paused(message: &Message, reason: PauseReason, now: Timestamp) -> Envelope {
    Envelope::channel_paused(
        event_id(now),
        &message.merchant,
        message.channel,
        reason,
        now,
    )
}

/// Whether a pause says more than the one that holds.
fn is_longer(pause: Pause, kept: Option<Pause>) -> bool {
    match (pause, kept) {
        (_, None) | (Pause::Stopped(_), Some(Pause::Until(_))) => true,
        (Pause::Until(until), Some(Pause::Until(kept))) => until > kept,
        (_, Some(Pause::Stopped(_))) => false,
    }
}

/// Says how a message was left.
pub(super) fn told(after: &MessageRecord) -> Ended {
    use MessageState as S;
    let message = &after.message;
    let (ended, reason) = match message.state {
        S::Accepted | S::Sent | S::Delivered | S::Read => (Ended::Sent, ""),
        S::Held { reason, .. } => (Ended::Waits, reason.name()),
        S::Queued | S::Sending { .. } | S::Retry { .. } | S::Unknown { .. } => (Ended::Waits, ""),
        S::Failed(failure) => {
            // Whose number or chat takes nothing is no fault of anybody.
            if !is_of_the_recipient(failure.reason) {
                tracing::error!(merchant = %message.merchant, kind = "message", alarm = "message failed", code = failure.code);
            }
            (Ended::GivenUp, failure.reason.name())
        }
        S::Dropped(reason) => {
            if reason == DropReason::TooOld {
                tracing::error!(merchant = %message.merchant, kind = "message", alarm = "message too late");
            }
            (Ended::GivenUp, reason.name())
        }
    };
    tracing::info!(
        merchant = %message.merchant,
        kind = "message",
        channel = message.channel.name(),
        outcome = message.state.name(),
        reason,
        message = %message.id,
        tries = message.tries,
        possibly_double = message.possibly_double,
    );
    ended
}

fn is_of_the_recipient(reason: FailReason) -> bool {
    match reason {
        FailReason::Unreachable
        | FailReason::NotOnWhatsApp
        | FailReason::MarketingRefused
        | FailReason::Experiment
        | FailReason::NumberChangedHands => true,
        FailReason::WindowClosed
        | FailReason::BlockedByShop
        | FailReason::OwnNumber
        | FailReason::TextRefused
        | FailReason::OurMistake
        | FailReason::NotDelivered
        | FailReason::TriesExhausted
        | FailReason::Unanswered => false,
    }
}
