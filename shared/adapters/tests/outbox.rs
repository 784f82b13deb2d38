//! Messages, outbox and due rows against an embedded DynamoDB, spoken to by the real client.

#![expect(clippy::unwrap_used, reason = "a test may stop where it stands")]

mod support;

use jiff::{SignedDuration, Timestamp};
use pesan_adapters::dynamodb::{
    Due, DueKind, MessageRecord, Moved, SHARDS, Store, StoreError, Subject, To,
};
use pesan_adapters::events::Envelope;
use pesan_domain::calendar::Zone;
use pesan_domain::ids::{BookingCode, EventId, MerchantId, MessageId, OrderId};
use pesan_domain::message::activation::Activation;
use pesan_domain::message::{
    Channel, DropReason, FailReason, Failure, HoldReason, Message, MessageState, NewMessage,
    Purpose, VendorId,
};
use pesan_domain::money::Rupiah;
use pesan_domain::payment::Notice;
use support::store;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn now() -> Timestamp {
    at("2026-12-01T01:00:00.250Z")
}

fn record(id: &str) -> MessageRecord {
    let new = NewMessage {
        id: MessageId::parse(id).unwrap(),
        merchant: MerchantId::parse("demo").unwrap(),
        channel: Channel::Telegram,
        purpose: Purpose::Receipt,
        asked_for: true,
        zone: Zone::Makassar,
        price: Rupiah::ZERO,
        reserved: false,
        ends_at: None,
    };
    MessageRecord {
        message: Message::queue(new, Activation::Active, now()).unwrap().next,
        subject: Subject::Payment {
            order: OrderId::of(&BookingCode::from_number(1), 2),
            notice: Notice::Reversed,
            moved_at: now(),
        },
        to: To::Chat(-1_001_234_567_890_123),
        batch: None,
    }
}

/// The record a version on, in another state.
fn moved_to(record: &MessageRecord, state: MessageState) -> MessageRecord {
    let mut next = record.clone();
    next.message.state = state;
    next.message.version += 1;
    next
}

async fn write(
    store: &Store,
    before: &MessageRecord,
    after: &MessageRecord,
) -> Result<(), StoreError> {
    let moved = Moved::plain(&before.message, after);
    store.move_message(&moved).await
}

/// A message that is there, as a settlement would leave it.
async fn queued(store: &Store, id: &str) -> MessageRecord {
    let record = record(id);
    store.queue_message(&record, &event(&record)).await.unwrap();
    record
}

fn event(record: &MessageRecord) -> Envelope {
    Envelope::message_queued(EventId::new(now(), 7), &record.message, now())
}

async fn due_by(store: &Store, when: Timestamp) -> Vec<Due> {
    let mut found = Vec::new();
    for shard in 0..SHARDS {
        found.extend(store.due(shard, when, None, 100).await.unwrap());
    }
    found
}

async fn stored(store: &Store, id: &MessageId) -> MessageRecord {
    let found = store.messages(std::slice::from_ref(id)).await.unwrap();
    found.get(id).unwrap().clone().unwrap()
}

#[tokio::test]
async fn i10_a_message_reads_back_in_every_state() {
    let store = store().await;
    let mut before = queued(&store, "m-1").await;
    let later = at("2026-12-01T02:00:00.123Z");
    for state in [
        MessageState::Sending {
            lease_until: later,
            attempt: 3,
        },
        MessageState::Accepted,
        MessageState::Sent,
        MessageState::Delivered,
        MessageState::Read,
        MessageState::Held {
            reason: HoldReason::Paused,
            until: None,
        },
        MessageState::Held {
            reason: HoldReason::QuietHours,
            until: Some(later),
        },
        MessageState::Retry { at: later },
        MessageState::Failed(Failure {
            code: 403,
            reason: FailReason::Unreachable,
        }),
        MessageState::Dropped(DropReason::CalledOff),
        MessageState::Unknown { until: later },
        MessageState::Queued,
    ] {
        let mut after = moved_to(&before, state);
        after.message.vendor_id = Some(VendorId::parse("6561").unwrap());
        after.message.failure = Some(Failure {
            code: 1,
            reason: FailReason::NotDelivered,
        });
        after.message.possibly_double = true;
        after.message.unanswered = 1;
        write(&store, &before, &after).await.unwrap();
        assert_eq!(stored(&store, &after.message.id).await, after);
        let due = due_by(&store, Timestamp::MAX).await;
        let wanted = usize::from(after.message.wakes_at().is_some());
        assert_eq!(due.len(), wanted, "{state:?}: one due row at most");
        before = after;
    }
}

#[tokio::test]
async fn c4_the_second_of_two_moves_of_one_version_is_a_conflict_and_leaves_no_due_row() {
    let store = store().await;
    let before = queued(&store, "m-1").await;
    let accepted = moved_to(&before, MessageState::Accepted);
    write(&store, &before, &accepted).await.unwrap();
    let lease_until = now() + SignedDuration::from_mins(1);
    let leased = moved_to(
        &before,
        MessageState::Sending {
            lease_until,
            attempt: 1,
        },
    );
    assert_eq!(
        write(&store, &before, &leased).await,
        Err(StoreError::Conflict)
    );
    assert!(due_by(&store, Timestamp::MAX).await.is_empty());
    assert_eq!(stored(&store, &before.message.id).await, accepted);
}

#[tokio::test]
async fn a_message_is_queued_once_whoever_asks_again() {
    let store = store().await;
    let record = queued(&store, "m-1").await;
    assert_eq!(
        store.queue_message(&record, &event(&record)).await,
        Err(StoreError::AlreadyQueued)
    );
}

#[tokio::test]
async fn what_is_due_is_never_woken_before_its_time_and_at_once_then() {
    let store = store().await;
    let id = MessageId::parse("m-1").unwrap();
    let time = at("2026-12-01T01:00:00.001Z");
    store
        .wake_later(&DueKind::Message(id.clone()), time)
        .await
        .unwrap();
    for (when, found) in [
        ("2026-12-01T01:00:00.999Z", 0),
        ("2026-12-01T01:00:01Z", 1),
        ("2026-12-01T01:00:01.5Z", 1),
    ] {
        assert_eq!(due_by(&store, at(when)).await.len(), found, "{when}");
    }
    let [due] = due_by(&store, at("2026-12-01T01:00:01Z"))
        .await
        .try_into()
        .unwrap();
    assert!(due.is_of(&id, Some(time)) && !due.is_of(&id, None));
    assert!(!due.is_of(&id, Some(time + SignedDuration::from_secs(1))));

    // The whole second is the same row.
    store
        .wake_later(&DueKind::Message(id.clone()), at("2026-12-01T01:00:01Z"))
        .await
        .unwrap();
    assert_eq!(due_by(&store, Timestamp::MAX).await.len(), 1);
}

#[tokio::test]
async fn what_is_due_is_woken_by_one_of_two() {
    let store = store().await;
    let record = record("m-1");
    let id = &record.message.id;
    store
        .wake_later(&DueKind::Message(id.clone()), now())
        .await
        .unwrap();
    let [due] = due_by(&store, Timestamp::MAX).await.try_into().unwrap();
    let event = event(&record);
    store.wake(&due, &event).await.unwrap();
    assert_eq!(store.wake(&due, &event).await, Err(StoreError::Conflict));
    assert!(due_by(&store, Timestamp::MAX).await.is_empty());
}

#[tokio::test]
async fn the_outbox_gives_what_is_old_and_announces_it_by_a_fresh_row_once() {
    let store = store().await;
    let record = queued(&store, "m-1").await;
    let all = async |before: Timestamp| {
        let mut rows = Vec::new();
        for shard in 0..SHARDS {
            rows.extend(store.unrelayed(shard, before, None, 10).await.unwrap());
        }
        rows
    };
    assert!(all(now()).await.is_empty());
    let later = now() + SignedDuration::from_millis(1);
    let [row] = all(later).await.try_into().unwrap();
    assert_eq!(row.envelope, Ok(event(&record)));
    let envelope = event(&record);
    let fresh = EventId::new(later, 8);
    store.announce_again(&row, &envelope, &fresh).await.unwrap();
    assert_eq!(
        store.announce_again(&row, &envelope, &fresh).await,
        Err(StoreError::Conflict)
    );
    assert!(all(later).await.is_empty());
    let [again] = all(Timestamp::MAX).await.try_into().unwrap();
    assert_eq!(again.envelope, Ok(envelope), "the same event");
    store.relayed(&[&again]).await.unwrap();
    assert!(all(Timestamp::MAX).await.is_empty());
}
