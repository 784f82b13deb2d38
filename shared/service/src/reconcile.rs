//! What nobody else sees to: what is due is woken, payments that nobody told of are asked about,
//! and what the bus has not taken is announced again.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use pesan_adapters::dynamodb::{Announced, Due, DueKind, MessageRecord, SHARDS, StoreError};
use pesan_adapters::events::Envelope;
use pesan_domain::ids::{BatchId, MerchantId, MessageId, OrderId};

use crate::notification::{self, About};
use crate::{App, Failure, event_id, messages};

/// How long one run goes on; the next one, a minute later, goes on where it stopped.
const TIME: Duration = Duration::from_secs(20);

/// What is read at once of a shard, and woken side by side.
const PAGE: i32 = 50;

/// The bus takes an event within a moment: one that is still in the outbox after that was not
/// relayed.
const UNRELAYED_AFTER: SignedDuration = SignedDuration::from_mins(2);

/// How long a payment that Midtrans does not answer about is asked about.
const ASKED_FOR: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How long it is left in peace at most after a question without an answer, and at least.
const PUT_OFF_AT_MOST: SignedDuration = SignedDuration::from_hours(6);
const PUT_OFF_AT_LEAST: SignedDuration = SignedDuration::from_mins(1);

/// What a run came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// What was due and was woken.
    pub woken: u32,
    /// Payments that Midtrans was asked about, or that needed no asking.
    pub asked: u32,
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
        asked = done.asked,
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

/// Announces what was not relayed.
async fn announce(
    app: &App,
    shard: u8,
    now: Timestamp,
    began: Instant,
    done: &mut Done,
) -> Result<(), StoreError> {
    let before = now.checked_sub(UNRELAYED_AFTER).unwrap_or(now);
    let mut last: Option<Announced> = None;
    while !is_over(began) {
        let page = app
            .store
            .unrelayed(shard, before, last.as_ref(), PAGE)
            .await?;
        announce_page(app, &page, now, done).await;
        let full = i32::try_from(page.len()).is_ok_and(|read| read >= PAGE);
        last = page.into_iter().next_back();
        if !full {
            break;
        }
    }
    Ok(())
}

async fn announce_page(app: &App, rows: &[Announced], now: Timestamp, done: &mut Done) {
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
            DueKind::Payment(..)
            | DueKind::Paid(..)
            | DueKind::Batch(..)
            | DueKind::Release(_)
            | DueKind::Run(..)
            | DueKind::Unknown => None,
        })
        .collect();
    let messages = if ids.is_empty() {
        HashMap::new()
    } else {
        app.store.messages(&ids).await?
    };
    let seen_to = page.iter().map(|due| async {
        match &due.kind {
            DueKind::Message(id) => wake_message(app, due, messages.get(id), now).await,
            DueKind::Payment(merchant, order) => {
                ask(app, due, (merchant, order), About::Unpaid, now).await
            }
            DueKind::Paid(merchant, order) => {
                ask(app, due, (merchant, order), About::Paid, now).await
            }
            DueKind::Batch(merchant, batch) => settle(app, due, merchant, batch).await,
            DueKind::Release(merchant) => release(app, due, merchant).await,
            DueKind::Run(merchant, run, shard) => {
                let id = event_id(now);
                let envelope = Envelope::billing_continue(id, merchant, *run, *shard, now);
                wake_by(app, due, &envelope).await
            }
            DueKind::Unknown => {
                tracing::error!(kind = "reconcile", alarm = "due row unknown");
                Err("a due row of another kind".to_owned())
            }
        }
    });
    for seen_to in join_all(seen_to).await {
        let count = match seen_to {
            Ok(Seen::Woken) => &mut done.woken,
            Ok(Seen::Asked) => &mut done.asked,
            Ok(Seen::MovedOn) => &mut done.moved_on,
            Err(error) => {
                tracing::warn!(kind = "reconcile", outcome = "not seen to", %error);
                &mut done.left
            }
        };
        *count = count.saturating_add(1);
    }
    Ok(())
}

/// What became of something that was due.
enum Seen {
    Woken,
    Asked,
    MovedOn,
}

async fn wake_message(
    app: &App,
    due: &Due,
    record: Option<&Result<MessageRecord, StoreError>>,
    now: Timestamp,
) -> Result<Seen, String> {
    let record = record
        .map(Result::as_ref)
        .transpose()
        .map_err(ToString::to_string)?;
    let waits = record.filter(|record| due.is_of(&record.message.id, record.message.wakes_at()));
    let Some(record) = waits else {
        return forget(app, due, Seen::MovedOn).await;
    };
    let envelope = Envelope::message_queued(event_id(now), &record.message, now);
    wake_by(app, due, &envelope).await
}

async fn wake_by(app: &App, due: &Due, envelope: &Envelope) -> Result<Seen, String> {
    match app.store.wake(due, envelope).await {
        Ok(()) => Ok(Seen::Woken),
        // Somebody else has woken it.
        Err(StoreError::Conflict) => Ok(Seen::MovedOn),
        Err(error) => Err(error.to_string()),
    }
}

/// Settles what is resolved of a batch that its sender left open.
async fn settle(
    app: &App,
    due: &Due,
    merchant: &MerchantId,
    batch: &BatchId,
) -> Result<Seen, String> {
    let settled = messages::settle(app, merchant, batch).await;
    settled.map_err(|error| error.to_string())?;
    forget(app, due, Seen::Woken).await
}

/// Lets go on what waits no longer. Where there is more of it than one go takes, the row stays.
async fn release(app: &App, due: &Due, merchant: &MerchantId) -> Result<Seen, String> {
    let released = messages::release(app, merchant).await;
    let released = released.map_err(|error| error.to_string())?;
    if released.count > 0 {
        tracing::info!(%merchant, kind = "message", outcome = "released", messages = released.count);
    }
    if released.more {
        return Ok(Seen::Woken);
    }
    forget(app, due, Seen::Woken).await
}

/// Asks Midtrans about a payment. Where it does not answer, it is asked again later.
async fn ask(
    app: &App,
    due: &Due,
    (merchant, order): (&MerchantId, &OrderId),
    about: About,
    now: Timestamp,
) -> Result<Seen, String> {
    match notification::ask(app, merchant, order, about).await {
        Ok(again) => {
            if let Some(at) = again {
                let later = app.store.wake_later(&due.kind, at).await;
                later.map_err(|error| error.to_string())?;
            }
            forget(app, due, Seen::Asked).await
        }
        Err(error) => {
            let Some(at) = put_off_until(due.first, now) else {
                tracing::error!(%merchant, kind = "reconcile", alarm = "payment not asked about", %error);
                return forget(app, due, Seen::Asked).await;
            };
            match app.store.put_off(due, at).await {
                // Somebody else has asked, or has put it off.
                Ok(()) | Err(StoreError::Conflict) => Err(error.to_string()),
                Err(later) => Err(later.to_string()),
            }
        }
    }
}

/// When something is asked about again that was first due then: a quarter as long again as there
/// has been no answer, so that the end of a short outage is noticed soon and a long one costs
/// little. None once it has taken too long.
fn put_off_until(first: Timestamp, now: Timestamp) -> Option<Timestamp> {
    let age = now.duration_since(first);
    if age > ASKED_FOR {
        return None;
    }
    let wait = (age / 4).clamp(PUT_OFF_AT_LEAST, PUT_OFF_AT_MOST);
    now.checked_add(wait).ok()
}

async fn forget(app: &App, due: &Due, seen: Seen) -> Result<Seen, String> {
    let forgotten = app.store.forget(due).await;
    forgotten.map(|()| seen).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b17_an_outage_of_a_week_is_asked_through_and_costs_few_questions() {
        let first: Timestamp = "2026-12-01T01:00:00Z".parse().unwrap();
        let after = |hours: i64| first + SignedDuration::from_hours(hours);
        let (mut asked, mut now) = (0, first);
        let mut in_first_hour = 0;
        while let Some(next) = put_off_until(first, now) {
            let wait = next.duration_since(now);
            assert!(wait <= PUT_OFF_AT_MOST && wait >= PUT_OFF_AT_LEAST);
            asked += 1;
            in_first_hour += u32::from(now < after(1));
            now = next;
        }
        assert!(now > after(7 * 24) && now < after(7 * 24 + 7), "{now}");
        assert!((10..20).contains(&in_first_hour), "{in_first_hour}");
        assert!(asked < 60, "{asked}");
    }
}
