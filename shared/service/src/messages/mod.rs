//! Messages on their way out: queueing news, sending what is queued, releasing what waits.

mod news;
mod resume;
mod send;

use std::collections::{BTreeMap, HashMap};

use futures_util::future::join_all;
use pesan_adapters::dynamodb::{MessageRecord, Subject};
use pesan_adapters::events::{Envelope, Event};
use pesan_domain::ids::{MerchantId, MessageId};

pub(crate) use news::{News, queue};
pub use resume::resume;

use crate::App;
use send::{Ended, send};

/// Looks at the messages that events name and sends those that are to be sent; for each event, in
/// order, whether it is seen to. Only what could not even be recorded is not: whatever else kept a
/// message is in the table, with the time at which it is looked at again.
///
/// The messages of one chat go one after the other, in the order they were made; other chats' go
/// beside them. That order holds within what is given here and not beyond: what comes by another
/// invocation, or must be tried again, may be overtaken.
pub async fn take(app: &App, queued: &[Envelope]) -> Vec<bool> {
    let ids: Vec<MessageId> = queued.iter().filter_map(message_of).cloned().collect();
    let found = match app.store.messages(&ids).await {
        Ok(found) => found,
        Err(error) => {
            tracing::error!(kind = "message", outcome = "unread", alarm = "messages unread", %error);
            return vec![false; queued.len()];
        }
    };
    let mut seen_to = HashMap::new();
    let mut chats: BTreeMap<(MerchantId, i64), Vec<MessageRecord>> = BTreeMap::new();
    for id in &ids {
        if !found.contains_key(id) {
            // It was committed with its event: nobody of ours wrote this one.
            tracing::error!(
                kind = "message",
                outcome = "unknown",
                alarm = "message unknown"
            );
            seen_to.insert(id.clone(), true);
        }
    }
    for (id, record) in found {
        match record {
            Ok(record) => {
                let Subject::Payment { chat, .. } = record.subject;
                let chat = (record.message.merchant.clone(), chat);
                chats.entry(chat).or_default().push(record);
            }
            Err(error) => {
                tracing::error!(kind = "message", outcome = "unreadable", alarm = "message unreadable", %error);
                seen_to.insert(id, false);
            }
        }
    }
    let mut counts = Counts::default();
    for (id, ended) in join_all(chats.into_values().map(|chat| in_order(app, chat)))
        .await
        .into_iter()
        .flatten()
    {
        counts.count(ended);
        seen_to.insert(id, ended != Ended::Unrecorded);
    }
    counts.say(queued.len());
    let is_seen_to = |id: &MessageId| seen_to.get(id).copied().unwrap_or_default();
    queued
        .iter()
        .map(|envelope| message_of(envelope).is_none_or(is_seen_to))
        .collect()
}

/// None for an event that is no sender's: there is nothing to do.
fn message_of(envelope: &Envelope) -> Option<&MessageId> {
    match &envelope.event {
        Event::MessageQueued { message, .. } => Some(message),
        Event::BalanceToppedUp { .. } => None,
    }
}

async fn in_order(app: &App, mut chat: Vec<MessageRecord>) -> Vec<(MessageId, Ended)> {
    chat.sort_by(|one, other| {
        let key = |record: &MessageRecord| (record.message.made_at, record.message.id.clone());
        key(one).cmp(&key(other))
    });
    let mut ended = Vec::new();
    for record in chat {
        let id = record.message.id.clone();
        ended.push((id, send(app, record).await));
    }
    ended
}

/// What became of the messages of one invocation.
#[derive(Default)]
struct Counts {
    sent: u32,
    waiting: u32,
    given_up: u32,
    nothing_to_do: u32,
    unrecorded: u32,
}

impl Counts {
    fn count(&mut self, ended: Ended) {
        let count = match ended {
            Ended::Sent => &mut self.sent,
            Ended::Waits => &mut self.waiting,
            Ended::GivenUp => &mut self.given_up,
            Ended::NothingToDo => &mut self.nothing_to_do,
            Ended::Unrecorded => &mut self.unrecorded,
        };
        *count = count.saturating_add(1);
    }

    fn say(&self, events: usize) {
        tracing::info!(
            events,
            sent = self.sent,
            waiting = self.waiting,
            given_up = self.given_up,
            nothing_to_do = self.nothing_to_do,
            unrecorded = self.unrecorded,
        );
    }
}
