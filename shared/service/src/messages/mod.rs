//! Messages on their way out: queueing news, sending what is queued, releasing what waits.

mod bill;
mod bill_money;
mod call;
mod letter;
pub mod list;
mod news;
mod pace;
mod plan;
mod receipts;
mod record;
mod release;
mod send;
mod settle;

use std::collections::{BTreeMap, HashMap};

use futures_util::future::join_all;
use pesan_adapters::dynamodb::MessageRecord;
use pesan_adapters::events::{Envelope, Event};
use pesan_domain::ids::{MerchantId, MessageId};
use pesan_domain::message::Channel;

pub(crate) use bill::{NewBill, bill_message, message_of_bill, messages_of_bill};
pub(crate) use news::{News, answer, to_chat, to_subscriber};
pub(crate) use receipts::{Taken, receipts};
pub use release::{Released, release, resume};
pub use settle::settle;

use crate::App;
use send::send;

/// How a message was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
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

/// Looks at the messages that events name and sends those that are to be sent; for each event, in
/// order, whether it is seen to. Only what could not even be recorded is not: whatever else kept a
/// message is in the table, with the time at which it is looked at again.
///
/// What one merchant sends on one channel shares leases, money and pace. The messages to one recipient
/// go one after the other, in the order they were made; those to others beside them. That order holds within what is given here and not beyond: what comes by another
/// invocation, or must be tried again, may be overtaken.
pub async fn take(app: &App, queued: &[Envelope]) -> Vec<bool> {
    let ids: Vec<Option<MessageId>> = queued.iter().map(message_of).collect();
    let wanted: Vec<MessageId> = ids.iter().flatten().cloned().collect();
    let found = match app.store.messages(&wanted).await {
        Ok(found) => found,
        Err(error) => {
            tracing::error!(kind = "message", outcome = "unread", alarm = "messages unread", %error);
            return vec![false; queued.len()];
        }
    };
    let mut seen_to = HashMap::new();
    let mut channels: BTreeMap<(MerchantId, Channel), Vec<MessageRecord>> = BTreeMap::new();
    for id in &wanted {
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
                let channel = (record.message.merchant.clone(), record.message.channel);
                channels.entry(channel).or_default().push(record);
            }
            Err(error) => {
                tracing::error!(kind = "message", outcome = "unreadable", alarm = "message unreadable", %error);
                seen_to.insert(id, false);
            }
        }
    }
    let mut counts = Counts::default();
    let sent = channels.into_values().map(|mut records| {
        records.sort_by_key(|record| (record.message.made_at, record.message.id.clone()));
        send(app, records)
    });
    for (id, ended) in join_all(sent).await.into_iter().flatten() {
        counts.count(ended);
        seen_to.insert(id, ended != Ended::Unrecorded);
    }
    counts.say(queued.len());
    ids.iter()
        .map(|id| match id {
            Some(id) => seen_to.get(id).copied().unwrap_or_default(),
            // A rule that sends other events here is none of ours.
            None => true,
        })
        .collect()
}

fn message_of(envelope: &Envelope) -> Option<MessageId> {
    match &envelope.event {
        Event::MessageQueued { message, .. } => Some(message.clone()),
        Event::ChannelPaused { .. }
        | Event::BalanceLow
        | Event::BalanceToppedUp { .. }
        | Event::BillingContinue { .. }
        | Event::BillLastReminder { .. } => {
            tracing::error!(
                kind = "message",
                outcome = "ignored",
                alarm = "event misrouted"
            );
            None
        }
    }
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
