//! What nobody else sees to: what is due is woken, and what the bus has not taken is announced
//! again.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use pesan_adapters::dynamodb::{Due, DueKind, SHARDS, StoreError};
use pesan_adapters::events::Envelope;
use pesan_domain::message::MessageId;

use crate::{App, Failure, event_id};

/// How long one run goes on; the next one, a minute later, goes on where it stopped.
const TIME: Duration = Duration::from_secs(20);

/// What is read at once of a shard, and woken side by side.
const PAGE: i32 = 50;

/// The bus takes an event within a moment: one that is still in the outbox after that was not
/// relayed.
const UNRELAYED_AFTER: SignedDuration = SignedDuration::from_mins(2);

/// What a run came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// What was due and was woken.
    pub woken: u32,
    /// What was due and had moved on.
    pub moved_on: u32,
    /// Events that were announced again.
    pub announced: u32,
    /// What could not be seen to; the next run tries again.
    pub left: u32,
}

/// Sees to every shard, as far as the time goes.
///
/// # Errors
/// [`Failure::Unavailable`] when a shard could not be read: the others were seen to.
pub async fn run(app: &App) -> Result<Done, Failure> {
    let began = Instant::now();
    let now = app.clock.now();
    let mut done = Done::default();
    let mut failed = None;
    // Not always the same one first: a shard with much to do must not starve the others.
    let first = u8::try_from(now.as_second().rem_euclid(3_600) / 60 % 16).unwrap_or_default();
    for shard in (first..SHARDS).chain(0..first) {
        for seen_to in [
            announce(app, shard, now, began, &mut done).await,
            wake(app, shard, now, began, &mut done).await,
        ] {
            if let Err(error) = seen_to {
                tracing::warn!(kind = "reconcile", outcome = "shard unread", %error);
                failed = Some(error);
            }
        }
    }
    tracing::info!(
        kind = "reconcile",
        outcome = "done",
        woken = done.woken,
        moved_on = done.moved_on,
        announced = done.announced,
        left = done.left,
        out_of_time = is_over(began),
    );
    failed.map_or(Ok(done), |error| Err(error.into()))
}

fn is_over(began: Instant) -> bool {
    began.elapsed() >= TIME
}

/// Announces what was not relayed. One page a run: more than that is no accident, and the alarm
/// about the relay says so.
async fn announce(
    app: &App,
    shard: u8,
    now: Timestamp,
    began: Instant,
    done: &mut Done,
) -> Result<(), StoreError> {
    if is_over(began) {
        return Ok(());
    }
    let before = now.checked_sub(UNRELAYED_AFTER).unwrap_or(now);
    let rows = app.store.unrelayed(shard, before, PAGE).await?;
    let announced = rows.iter().map(|row| async move {
        match &row.envelope {
            Ok(envelope) => {
                app.store
                    .announce_again(row, envelope, &event_id(now))
                    .await
            }
            Err(error) => {
                tracing::error!(kind = "reconcile", alarm = "event unreadable", %error);
                Err(StoreError::Broken(error.to_string()))
            }
        }
    });
    for announced in join_all(announced).await {
        match announced {
            Ok(()) => done.announced = done.announced.saturating_add(1),
            // The relay was faster.
            Err(StoreError::Conflict) => {}
            Err(_) => done.left = done.left.saturating_add(1),
        }
    }
    Ok(())
}

async fn wake(
    app: &App,
    shard: u8,
    now: Timestamp,
    began: Instant,
    done: &mut Done,
) -> Result<(), StoreError> {
    let mut last: Option<Due> = None;
    while !is_over(began) {
        let page = app.store.due(shard, now, last.as_ref(), PAGE).await?;
        wake_page(app, &page, now, done).await?;
        let full = i32::try_from(page.len()).is_ok_and(|read| read >= PAGE);
        last = page.into_iter().next_back();
        if !full {
            break;
        }
    }
    Ok(())
}

async fn wake_page(
    app: &App,
    page: &[Due],
    now: Timestamp,
    done: &mut Done,
) -> Result<(), StoreError> {
    let ids: Vec<MessageId> = page
        .iter()
        .filter_map(|due| match &due.kind {
            DueKind::Message(id) => Some(id.clone()),
            DueKind::Unknown => None,
        })
        .collect();
    if ids.is_empty() && page.is_empty() {
        return Ok(());
    }
    let messages = app.store.messages(&ids).await?;
    let messages = &messages;
    let woken = page.iter().map(|due| async move {
        let DueKind::Message(id) = &due.kind else {
            tracing::error!(kind = "reconcile", alarm = "due row unknown");
            return Err(StoreError::Broken("a due row of another kind".to_owned()));
        };
        let record = match messages.get(id) {
            Some(record) => Some(record.as_ref().map_err(Clone::clone)?),
            None => None,
        };
        let waits = record.filter(|record| due.is_of(id, record.message.wakes_at()));
        let Some(record) = waits else {
            app.store.forget(due).await?;
            return Ok(false);
        };
        let envelope = Envelope::message_queued(event_id(now), &record.message, now);
        app.store.wake(due, &envelope).await?;
        Ok(true)
    });
    for woken in join_all(woken).await {
        let count = match woken {
            Ok(true) => &mut done.woken,
            // Somebody else has woken it.
            Ok(false) | Err(StoreError::Conflict) => &mut done.moved_on,
            Err(error) => {
                tracing::warn!(kind = "reconcile", outcome = "not woken", %error);
                &mut done.left
            }
        };
        *count = count.saturating_add(1);
    }
    Ok(())
}
