//! What messages waited for has happened: they go on, the most urgent first.

use futures_util::future::join_all;
use jiff::Timestamp;
use pesan_adapters::dynamodb::{MessageRecord, Moved, Pause, StoreError};
use pesan_adapters::events::Envelope;
use pesan_domain::ids::{MerchantId, MessageId};
use pesan_domain::merchant::Merchant;
use pesan_domain::message::activation::Activation;
use pesan_domain::message::{Channel, HoldReason, Input};
use pesan_domain::money::Rupiah;

use crate::{App, Failure, event_id};

/// How many are released at once.
const PAGE: usize = 50;

/// How many are looked at in one go; who asks for the rest asks again.
const MOST: usize = 5_000;

/// What a release came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Released {
    /// How many went on.
    pub count: usize,
    /// Whether there may be more of them.
    pub more: bool,
}

impl Released {
    fn and(self, other: Self) -> Self {
        Self {
            count: self.count.saturating_add(other.count),
            more: self.more || other.more,
        }
    }
}

/// Ends a channel's pause and releases what waited for that; how many. The same again releases
/// what an earlier one broke off at.
///
/// # Errors
/// [`Failure::Unavailable`]
pub async fn resume(app: &App, merchant: &MerchantId, channel: Channel) -> Result<usize, Failure> {
    app.store
        .end_pause(merchant, channel, app.clock.now())
        .await?;
    let released = of_reason(app, merchant, HoldReason::Paused, MOST).await?;
    Ok(released.count)
}

/// Releases whatever of a merchant's messages need wait no longer.
///
/// # Errors
/// [`Failure::Unavailable`]
pub async fn release(app: &App, merchant: &MerchantId) -> Result<Released, Failure> {
    let paused = of_reason(app, merchant, HoldReason::Paused, MOST).await?;
    let template = of_reason(app, merchant, HoldReason::Template, MOST).await?;
    let balance = by_balance(app, merchant).await?;
    Ok(paused.and(template).and(balance))
}

/// Releases those of the first `most` that would not wait for the same again.
async fn of_reason(
    app: &App,
    merchant: &MerchantId,
    reason: HoldReason,
    most: usize,
) -> Result<Released, Failure> {
    if most == 0 {
        return Ok(Released::default());
    }
    let waiting = app.store.waiting_messages(merchant, reason, most).await?;
    let mut released = Released {
        count: 0,
        more: waiting.len() >= MOST,
    };
    for page in waiting.chunks(PAGE) {
        let went = release_some(app, page, reason).await?;
        released.count = released.count.saturating_add(went);
    }
    Ok(released)
}

/// As many as there is money for. What the release does not reach is found by the next top-up.
async fn by_balance(app: &App, id: &MerchantId) -> Result<Released, Failure> {
    let Some(merchant) = app.store.profile(id).await? else {
        return Ok(Released::default());
    };
    let account = app.store.account(&merchant).await?;
    if !account.waiting {
        return Ok(Released::default());
    }
    let most = affordable(&merchant, account.balance.available).min(MOST);
    let released = of_reason(app, id, HoldReason::Balance, most).await?;
    let rest = app
        .store
        .waiting_messages(id, HoldReason::Balance, 1)
        .await?;
    if rest.is_empty() {
        match app.store.nothing_waits(id, account.balance.version).await {
            // Somebody has joined the list, or the balance has moved: it is looked at again.
            Ok(()) | Err(StoreError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(released)
}

/// How many messages a balance pays for at the cheapest price: one too many waits again.
fn affordable(merchant: &Merchant, available: Rupiah) -> usize {
    let prices = merchant.messaging.prices;
    let cheapest = [
        prices.utility,
        prices.authentication,
        prices.marketing,
        prices.service,
    ]
    .into_iter()
    .min()
    .unwrap_or(Rupiah::ZERO);
    let messages = available.buys(cheapest).unwrap_or(u64::MAX);
    usize::try_from(messages).unwrap_or(usize::MAX)
}

async fn release_some(app: &App, ids: &[MessageId], reason: HoldReason) -> Result<usize, Failure> {
    let now = app.clock.now();
    let mut found = app.store.messages(ids).await?;
    let records = ids.iter().filter_map(|id| found.remove(id));
    let records = records.collect::<Result<Vec<MessageRecord>, StoreError>>()?;
    let may_go = may_go(app, &records, reason, now).await?;
    let going = records
        .into_iter()
        .zip(may_go)
        .filter(|(_, may_go)| *may_go)
        .map(|(record, _)| release_one(app, record, reason, now));
    let mut released = 0_usize;
    for went in join_all(going).await {
        released = released.saturating_add(usize::from(went?));
    }
    Ok(released)
}

/// Whether each would not wait for the same again.
async fn may_go(
    app: &App,
    records: &[MessageRecord],
    reason: HoldReason,
    now: Timestamp,
) -> Result<Vec<bool>, Failure> {
    let Some(first) = records.first() else {
        return Ok(vec![]);
    };
    let merchant = &first.message.merchant;
    match reason {
        HoldReason::Balance | HoldReason::QuietHours | HoldReason::RecipientLimit => {
            Ok(vec![true; records.len()])
        }
        HoldReason::Template => {
            let around = app.store.surroundings(records, now).await?;
            let approved = |record: &MessageRecord| {
                let around = around.as_ref()?;
                let language = super::plan::language_of(record, around)?;
                let template = around.template(record.template()?, language)?;
                Some(template.can_be_sent())
            };
            // What is gone is found out by the sender.
            Ok(records
                .iter()
                .map(|record| approved(record).unwrap_or(true))
                .collect())
        }
        HoldReason::Paused => {
            let mut open = vec![];
            for channel in [Channel::Telegram, Channel::WhatsApp] {
                if is_open(app, merchant, channel).await? {
                    open.push(channel);
                }
            }
            Ok(records
                .iter()
                .map(|record| open.contains(&record.message.channel))
                .collect())
        }
    }
}

async fn is_open(app: &App, merchant: &MerchantId, channel: Channel) -> Result<bool, Failure> {
    let stopped = matches!(
        app.store.pause(merchant, channel).await?,
        Some(Pause::Stopped(_))
    );
    if stopped || channel == Channel::Telegram {
        return Ok(!stopped);
    }
    let profile = app.store.profile(merchant).await?;
    Ok(profile.is_some_and(|profile| profile.whatsapp_activation() == Activation::Active))
}

async fn release_one(
    app: &App,
    record: MessageRecord,
    reason: HoldReason,
    now: Timestamp,
) -> Result<bool, Failure> {
    let Ok(step) = record.message.clone().step(Input::Release(reason), now) else {
        return Ok(false);
    };
    let envelope = Envelope::message_queued(event_id(now), &step.next, now);
    let after = MessageRecord {
        message: step.next,
        ..record.clone()
    };
    let moved = Moved {
        ends_wait: Some(reason),
        announced: vec![&envelope],
        ..Moved::plain(&record.message, &after)
    };
    match app.store.move_message(&moved).await {
        Ok(()) => Ok(true),
        // Somebody else moved it: it waits no more.
        Err(StoreError::Conflict) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
