//! One message: lease, check again, send, record.

use jiff::{SignedDuration, Timestamp};
use pesan_adapters::dynamodb::{
    DueKind, MessageRecord, Moved, Pause, StoreError, Subject, Surroundings,
};
use pesan_adapters::secrets::MerchantSecret;
use pesan_domain::dialogue::{Reply, news};
use pesan_domain::message::verdict::{Refusal, Verdict};
use pesan_domain::message::{
    Channel, DropReason, Effect, FailReason, HoldReason, Input, Jitter, MessageState, Outcome,
    PauseReason, Refused, Standing, Step,
};
use secrecy::{ExposeSecret, SecretString};

use crate::{App, Failure, TRIES, links, step_aside};

/// How long a sender has for a message: longer than an invocation goes on after the lease.
pub(super) const LEASE: SignedDuration = SignedDuration::from_secs(60);

/// When what lacks a secret is tried again: those that are there are kept five minutes.
const SECRET_AGAIN: SignedDuration = SignedDuration::from_mins(5);

/// How a message was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// The vendor took it.
    Sent,
    /// It is looked at again later.
    Waits,
    /// It will not arrive, or is not wanted any more.
    GivenUp,
    /// It was over, or another sender has it.
    NothingToDo,
    /// What became of it could not be written, so that its event must come again.
    Unrecorded,
}

/// What sending takes, made before the lease so that what fails here costs no try.
struct Letter {
    token: SecretString,
    reply: Reply,
}

/// A message under lease.
struct Leased {
    record: MessageRecord,
    letter: Letter,
    around: Surroundings,
}

enum Attempt {
    Leased(Box<Leased>),
    Ended(Ended),
}

pub(super) async fn send(app: &App, record: MessageRecord) -> Ended {
    let sent = match lease(app, record).await {
        Ok(Attempt::Leased(leased)) => hand_over(app, *leased).await,
        Ok(Attempt::Ended(ended)) => Ok(ended),
        Err(error) => Err(error),
    };
    sent.unwrap_or_else(|error| {
        tracing::error!(kind = "message", outcome = "unrecorded", alarm = "message unrecorded", %error);
        Ended::Unrecorded
    })
}

/// Takes the message for this sender, if nothing stands in its way.
async fn lease(app: &App, mut record: MessageRecord) -> Result<Attempt, StoreError> {
    for nth in 1..=TRIES {
        match lease_once(app, &record).await {
            Err(StoreError::Conflict) => {
                step_aside(nth).await;
                record = reload(app, record).await?;
            }
            leased => return leased,
        }
    }
    Err(StoreError::Conflict)
}

async fn lease_once(app: &App, record: &MessageRecord) -> Result<Attempt, StoreError> {
    let now = app.clock.now();
    let until = now.checked_add(LEASE).unwrap_or(now);
    let input = |standing| Input::Lease { until, standing };
    let message = &record.message;
    if let Err(refused) = message.clone().step(input(Standing::CLEAR), now) {
        return let_be(app, record, refused).await.map(Attempt::Ended);
    }
    let around = app.store.surroundings(record).await?;
    let (letter, standing) = prepare(app, record, &around, now).await;
    let Ok(step) = message.clone().step(input(standing), now) else {
        return Ok(Attempt::Ended(Ended::NothingToDo));
    };
    let after = commit(app, record, step, &around).await?;
    let sending = matches!(after.message.state, MessageState::Sending { .. });
    Ok(match letter {
        Some(letter) if sending => Attempt::Leased(Box::new(Leased {
            record: after,
            letter,
            around,
        })),
        _ => Attempt::Ended(told(&after)),
    })
}

/// What changes nothing. Whoever was woken too early is woken again.
async fn let_be(app: &App, record: &MessageRecord, refused: Refused) -> Result<Ended, StoreError> {
    let message = &record.message;
    tracing::info!(merchant = %message.merchant, kind = "message", outcome = "nothing to do", reason = %refused);
    if let Some(at) = message.wakes_at() {
        let due = DueKind::Message(message.id.clone());
        app.store.wake_later(&due, at).await?;
    }
    Ok(Ended::NothingToDo)
}

/// The letter, and what stands in its way.
async fn prepare(
    app: &App,
    record: &MessageRecord,
    around: &Surroundings,
    now: Timestamp,
) -> (Option<Letter>, Standing) {
    let Subject::Payment { notice, .. } = &record.subject;
    let stopped = matches!(around.pause, Some(Pause::Stopped(_)));
    let mut standing = Standing {
        gone: around
            .order
            .as_ref()
            .map_or(Some(DropReason::CalledOff), |order| {
                notice.gone(order.payment.state)
            }),
        unreachable: around.recipient.unreachable,
        // Nothing goes over WhatsApp yet.
        paused: stopped || record.message.channel == Channel::WhatsApp,
        not_before: match around.pause {
            Some(Pause::Until(until)) => Some(until),
            Some(Pause::Stopped(_)) | None => None,
        },
        ..Standing::CLEAR
    };
    if around.merchant.is_none() {
        standing.gone = standing.gone.or(Some(DropReason::CalledOff));
    }
    if record.message.obstacle(&standing, now).is_some() {
        return (None, standing);
    }
    match write(app, record, around, now).await {
        Ok(letter) => (Some(letter), standing),
        Err(error) => {
            tracing::warn!(merchant = %record.message.merchant, kind = "message", outcome = "not written", %error);
            standing.not_before = now.checked_add(SECRET_AGAIN).ok();
            (None, standing)
        }
    }
}

/// Makes the text of the order as it is now.
async fn write(
    app: &App,
    record: &MessageRecord,
    around: &Surroundings,
    now: Timestamp,
) -> Result<Letter, Failure> {
    let Subject::Payment { notice, .. } = record.subject;
    let order = around.order.as_ref().ok_or(Failure::Unknown)?;
    let merchant = around.merchant.as_ref().ok_or(Failure::Unknown)?;
    let links = links::order_links(app, &merchant.id, &order.reservation.code).await?;
    Ok(Letter {
        token: app
            .secret(&merchant.id, MerchantSecret::TelegramToken)
            .await?,
        reply: news(order, notice, merchant, &links, now),
    })
}

/// Calls the vendor and records what came of it.
async fn hand_over(app: &App, leased: Leased) -> Result<Ended, StoreError> {
    let Leased {
        mut record,
        letter,
        around,
    } = leased;
    let MessageState::Sending { attempt, .. } = record.message.state else {
        return Ok(Ended::NothingToDo);
    };
    let outcome = call(app, &record, letter).await;
    for nth in 1..=TRIES {
        let input = Input::Outcome {
            attempt,
            outcome: outcome.clone(),
            jitter: Jitter(rand::random()),
        };
        let Ok(step) = record.message.clone().step(input, app.clock.now()) else {
            tracing::info!(merchant = %record.message.merchant, kind = "message", outcome = "answered too late");
            return Ok(Ended::NothingToDo);
        };
        match commit(app, &record, step, &around).await {
            Err(StoreError::Conflict) => {
                step_aside(nth).await;
                record = reload(app, record).await?;
            }
            recorded => return recorded.map(|after| told(&after)),
        }
    }
    Err(StoreError::Conflict)
}

/// Hands the letter to Telegram. A token that is refused may have been replaced since it was kept.
async fn call(app: &App, record: &MessageRecord, letter: Letter) -> Outcome {
    let Subject::Payment { chat, .. } = record.subject;
    let outcome = app
        .telegram
        .send_message(&letter.token, chat, &letter.reply)
        .await;
    let by_token = matches!(
        outcome,
        Outcome::Refused(Refusal {
            verdict: Verdict::PauseMerchant(PauseReason::BotToken),
            ..
        })
    );
    if !by_token {
        return outcome;
    }
    let name = MerchantSecret::TelegramToken.name(&record.message.merchant);
    match app.parameters.get_anew(&name).await {
        Ok(Some(fresh)) if fresh.expose_secret() != letter.token.expose_secret() => {
            app.telegram.send_message(&fresh, chat, &letter.reply).await
        }
        _ => outcome,
    }
}

async fn reload(app: &App, record: MessageRecord) -> Result<MessageRecord, StoreError> {
    let id = record.message.id.clone();
    let found = app.store.messages(std::slice::from_ref(&id)).await?;
    found.into_values().next().unwrap_or(Ok(record))
}

/// Writes a step with all that goes with it.
async fn commit(
    app: &App,
    before: &MessageRecord,
    step: Step,
    around: &Surroundings,
) -> Result<MessageRecord, StoreError> {
    let after = MessageRecord {
        message: step.next,
        subject: before.subject.clone(),
    };
    let wait = |find: fn(Effect) -> Option<HoldReason>| step.effects.iter().copied().find_map(find);
    let pause = step.effects.iter().find_map(|effect| match effect {
        Effect::PauseBot { until } => Some(Pause::Until(*until)),
        Effect::PauseMerchant(reason) => Some(Pause::Stopped(*reason)),
        _ => None,
    });
    let moved = Moved {
        before: &before.message,
        after: &after,
        ends_wait: wait(|effect| match effect {
            Effect::EndWait(reason) => Some(reason),
            _ => None,
        }),
        waits: wait(|effect| match effect {
            Effect::Wait(reason) => Some(reason),
            _ => None,
        }),
        pause: pause.filter(|pause| is_longer(*pause, around.pause)),
        unreachable: around.recipient.is_known && step.effects.contains(&Effect::MarkUnreachable),
        announced: None,
    };
    app.store.move_message(&moved).await?;
    if let Some(Pause::Stopped(reason)) = pause {
        tracing::error!(merchant = %after.message.merchant, kind = "message", alarm = "channel paused", reason = reason.name());
    }
    Ok(after)
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
fn told(after: &MessageRecord) -> Ended {
    use MessageState as S;
    let message = &after.message;
    let (ended, reason) = match message.state {
        S::Accepted | S::Sent | S::Delivered | S::Read => (Ended::Sent, ""),
        S::Held { reason, .. } => (Ended::Waits, reason.name()),
        S::Queued | S::Sending { .. } | S::Retry { .. } | S::Unknown { .. } => (Ended::Waits, ""),
        S::Failed(failure) => {
            // A customer who blocked the bot is no fault of anybody.
            if failure.reason != FailReason::Unreachable {
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
        outcome = message.state.name(),
        reason,
        message = %message.id,
        tries = message.tries,
        possibly_double = message.possibly_double,
    );
    ended
}
