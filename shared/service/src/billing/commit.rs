//! Writing what a page comes to: a commit a cell.

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, stream};
use pesan_adapters::dynamodb::{CellChange, MessageRecord, StoreError, To};
use pesan_adapters::events::Envelope;
use pesan_adapters::secrets::CONTACT_KEY;
use pesan_domain::billing::{BillId, Decision, Effect, Run};
use pesan_domain::ids::SubscriberId;
use pesan_domain::merchant::Merchant;
use pesan_domain::message::{Channel, Urgency};
use pesan_domain::subscriber::Subscriber;
use secrecy::SecretString;

use crate::messages::{NewBill, bill_message, message_of_bill};
use crate::{App, Failure, event_id, links, whatsapp};

/// Cells of a page that are written at the same time.
const SIDE_BY_SIDE: usize = 32;

/// What the bills of a run are made with.
pub(super) struct Office {
    pub merchant: Merchant,
    link_key: SecretString,
    contact_key: SecretString,
}

impl Office {
    pub async fn of(app: &App, merchant: Merchant) -> Result<Self, Failure> {
        Ok(Self {
            merchant,
            link_key: app.link_key().await?,
            contact_key: app.deployment_secret(CONTACT_KEY).await?,
        })
    }

    fn to(&self, channel: Channel, subscriber: &Subscriber) -> Result<To, Failure> {
        match (channel, subscriber.telegram_chat) {
            (Channel::Telegram, Some(chat)) => Ok(To::Chat(chat)),
            // A subscriber without a chat is told over WhatsApp, whatever was decided.
            (Channel::WhatsApp, _) | (Channel::Telegram, None) => Ok(To::Phone {
                contact: whatsapp::contact_hash_under(
                    &self.contact_key,
                    &self.merchant.id,
                    &subscriber.phone,
                )?,
                phone: subscriber.phone.clone(),
            }),
        }
    }
}

/// Why a page was not committed as a whole. What was committed of it stays.
pub(super) enum NotAll {
    /// Other writes came first, or the table did not answer: it is read and decided again.
    Again(StoreError),
    /// Trying again changes nothing for now.
    Failed(Failure),
}

/// Writes the decisions of a page.
pub(super) async fn commit_all(
    app: &App,
    office: &Office,
    run: &Run,
    decisions: &[Decision],
    subscribers: &BTreeMap<SubscriberId, Subscriber>,
) -> Result<(), NotAll> {
    let commits: Vec<_> = decisions
        .iter()
        .map(|decision| commit(app, office, run, decision, subscribers))
        .collect();
    let results: Vec<Result<(), NotAll>> = stream::iter(commits)
        .buffer_unordered(SIDE_BY_SIDE)
        .collect()
        .await;
    results.into_iter().collect()
}

async fn commit(
    app: &App,
    office: &Office,
    run: &Run,
    decision: &Decision,
    subscribers: &BTreeMap<SubscriberId, Subscriber>,
) -> Result<(), NotAll> {
    let made = Made::of(app, office, run, decision, subscribers).map_err(NotAll::Failed)?;
    let change = CellChange {
        merchant: &run.merchant,
        cell: &decision.cell,
        link: made.link.as_deref(),
        queued: made.queued.as_ref().map(|(record, event)| (record, event)),
        announced: made.announced.iter().collect(),
    };
    app.store
        .change_cell(&change)
        .await
        .map_err(|error| match error {
            StoreError::Conflict | StoreError::Unavailable(_) => NotAll::Again(error),
            StoreError::SeatTaken
            | StoreError::AlreadyQueued
            | StoreError::Refused(_)
            | StoreError::Broken(_) => NotAll::Failed(error.into()),
        })
}

/// What goes with a cell.
#[derive(Default)]
struct Made {
    link: Option<String>,
    queued: Option<(MessageRecord, Envelope)>,
    announced: Vec<Envelope>,
}

impl Made {
    fn of(
        app: &App,
        office: &Office,
        run: &Run,
        decision: &Decision,
        subscribers: &BTreeMap<SubscriberId, Subscriber>,
    ) -> Result<Self, Failure> {
        let cell = &decision.cell;
        let bill = BillId::new(cell.period, cell.subscriber.clone());
        let now = app.clock.now();
        let mut made = Self::default();
        // The bill is made in the first commit of its cell, and its page with it.
        if cell.version == 1 && cell.bill.is_some() {
            let token = links::bill_token_of(&office.link_key, &run.merchant, &bill)?;
            made.link = Some(links::token_hash(&token));
        }
        for effect in &decision.effects {
            match effect {
                Effect::Tell(channel) => {
                    let subscriber = subscribers.get(&cell.subscriber);
                    let subscriber = subscriber.ok_or_else(|| {
                        Failure::Unavailable("nobody to tell of a bill".to_owned())
                    })?;
                    let new = NewBill {
                        merchant: &office.merchant,
                        bill: &bill,
                        track: run.id.track(),
                        subscriber,
                        to: office.to(*channel, subscriber)?,
                        deadline: run.deadline,
                    };
                    made.queued = Some(bill_message(new, now)?);
                }
                Effect::Withdraw => {
                    // The sender finds that the run has given it up, and drops it.
                    let message = message_of_bill(&run.merchant, &bill, run.id.track())?;
                    made.announced.push(Envelope::message_to_be_looked_at(
                        event_id(now),
                        &run.merchant,
                        message,
                        Urgency::Bulk,
                        now,
                    ));
                }
                Effect::LastReminder => made.announced.push(Envelope::bill_last_reminder(
                    event_id(now),
                    &run.merchant,
                    bill.clone(),
                    now,
                )),
            }
        }
        Ok(made)
    }
}
