//! Messages about bills: how a run makes them, what they say, whether they are still wanted, and
//! what becomes of them on the tape.

use std::slice;

use futures_util::future::try_join;
use jiff::Timestamp;
use pesan_adapters::dynamodb::{MessageRecord, StoreError, Subject, Surroundings, To};
use pesan_adapters::events::Envelope;
use pesan_domain::billing::{Bill, BillId, BillState, Cell, News, Symbol, Track, Why};
use pesan_domain::dialogue::{Key, KeyDoes, Keyboard, Reply};
use pesan_domain::ids::{MerchantId, MessageId};
use pesan_domain::language::Language;
use pesan_domain::merchant::Merchant;
use pesan_domain::message::activation::Activation;
use pesan_domain::message::text::{Action, Html, LinkPath, Template};
use pesan_domain::message::{
    Channel, DropReason, Message, MessageState, NewMessage, Purpose, Step,
};
use pesan_domain::money::Rupiah;
use pesan_domain::subscriber::Subscriber;

use super::letter::NotWritten;
use super::news::{hashed, unavailable};
use crate::whatsapp::contact_hash;
use crate::{App, Failure, event_id, links};

/// A bill that its subscriber is to be told of.
pub(crate) struct NewBill<'a> {
    pub merchant: &'a Merchant,
    pub bill: &'a BillId,
    pub track: Track,
    pub subscriber: &'a Subscriber,
    pub to: To,
    /// When its run waits no longer.
    pub deadline: Timestamp,
}

/// The message about a bill on a track. There is one of each, whoever makes it.
pub(crate) fn message_of_bill(
    merchant: &MerchantId,
    bill: &BillId,
    track: Track,
) -> Result<MessageId, Failure> {
    hashed(&format!("bill\0{merchant}\0{bill}\0{track}")).map_err(unavailable)
}

/// The message, and the event that has it sent. While the merchant's WhatsApp is not active it
/// waits for that, as everything does that Pesan itself sends.
pub(crate) fn bill_message(
    new: NewBill<'_>,
    now: Timestamp,
) -> Result<(MessageRecord, Envelope), Failure> {
    let merchant = new.merchant;
    let purpose = match new.track {
        Track::Bill => Purpose::Bill,
        Track::Reminder(_) => Purpose::Reminder,
    };
    let message = NewMessage {
        id: message_of_bill(&merchant.id, new.bill, new.track)?,
        merchant: merchant.id.clone(),
        channel: match new.to {
            To::Chat(_) => Channel::Telegram,
            To::Phone { .. } => Channel::WhatsApp,
        },
        purpose,
        asked_for: false,
        zone: new.subscriber.zone,
        price: merchant.messaging.prices.of(purpose.category()),
        reserved: false,
        ends_at: Some(new.deadline),
    };
    let step = Message::queue(message, Activation::Active, now)
        .map_err(|error| Failure::Unavailable(error.to_string()))?;
    let envelope = Envelope::message_queued(event_id(now), &step.next, now);
    let record = MessageRecord {
        message: step.next,
        subject: Subject::Bill {
            bill: new.bill.clone(),
            track: new.track,
        },
        to: new.to,
        batch: None,
    };
    Ok((record, envelope))
}

/// The message about a bill on a track by the subscriber's chat, after WhatsApp did not take theirs.
fn message_after(first: &MessageId) -> Result<MessageId, Failure> {
    hashed(&format!("after whatsapp\0{first}")).map_err(unavailable)
}

/// Both messages that there may be about a bill on a track: the run's own, and the one by the
/// subscriber's chat after that.
pub(crate) fn messages_of_bill(
    merchant: &MerchantId,
    bill: &BillId,
    track: Track,
) -> Result<[MessageId; 2], Failure> {
    let first = message_of_bill(merchant, bill, track)?;
    let second = message_after(&first)?;
    Ok([first, second])
}

/// Whether it is the run's own message, or the one after it.
fn is_first(message: &Message, bill: &BillId, track: Track) -> bool {
    message_of_bill(&message.merchant, bill, track).is_ok_and(|first| first == message.id)
}

/// The same message by the subscriber's chat, and the event that has it sent, where the cell is given
/// up because WhatsApp does not bring it to them. It is made once: the cell's trace tells.
pub(super) fn by_chat(
    after: &MessageRecord,
    cell: &Cell,
    around: &Surroundings,
    now: Timestamp,
) -> Option<(MessageRecord, Envelope)> {
    let (Subject::Bill { bill, track }, To::Phone { .. }) = (&after.subject, &after.to) else {
        return None;
    };
    let message = &after.message;
    let fails = cell.trace.iter().filter(|entry| {
        let by_whatsapp = matches!(
            entry.why,
            Why::Failed(_) | Why::Dropped(DropReason::OptedOut)
        );
        entry.track == *track && by_whatsapp
    });
    if cell.symbol(*track) != Symbol::G || fails.count() != 1 || now >= message.deadline {
        return None;
    }
    let chat = around.debtor(bill)?.telegram_chat?;
    let new = NewMessage {
        id: message_after(&message.id).ok()?,
        merchant: message.merchant.clone(),
        channel: Channel::Telegram,
        purpose: message.purpose,
        asked_for: message.asked_for,
        zone: message.zone,
        price: Rupiah::ZERO,
        reserved: false,
        ends_at: Some(message.deadline),
    };
    let step = Message::queue(new, Activation::Active, now).ok()?;
    let envelope = Envelope::message_queued(event_id(now), &step.next, now);
    let record = MessageRecord {
        message: step.next,
        subject: after.subject.clone(),
        to: To::Chat(chat),
        batch: None,
    };
    Some((record, envelope))
}

/// Has what is about a bill go to the number, or the chat, that its subscriber has now; whether that is
/// another one for any.
pub(super) async fn readdress(
    app: &App,
    records: &mut [MessageRecord],
    around: &Surroundings,
) -> Result<bool, StoreError> {
    let mut is_another = false;
    for record in records {
        let Some(subscriber) = of(record).and_then(|bill| around.debtor(bill)) else {
            continue;
        };
        let now = match &record.to {
            To::Phone { phone, .. } if *phone != subscriber.phone => {
                let hash = contact_hash(app, &record.message.merchant, &subscriber.phone).await;
                Some(To::Phone {
                    contact: hash
                        .map_err(|failure| StoreError::Unavailable(failure.to_string()))?,
                    phone: subscriber.phone.clone(),
                })
            }
            To::Chat(chat) => {
                let now = subscriber.telegram_chat.filter(|now| now != chat);
                now.map(To::Chat)
            }
            To::Phone { .. } => None,
        };
        is_another |= now.is_some();
        if let Some(now) = now {
            record.to = now;
        }
    }
    Ok(is_another)
}

/// Whether what is about a bill would go to a chat that its subscriber has no more.
pub(super) fn is_unlinked(record: &MessageRecord, chat: i64, around: &Surroundings) -> bool {
    let subscriber = of(record).and_then(|bill| around.debtor(bill));
    subscriber.is_some_and(|subscriber| subscriber.telegram_chat != Some(chat))
}

/// The bill that a message is about.
fn of(record: &MessageRecord) -> Option<&BillId> {
    match &record.subject {
        Subject::Bill { bill, .. } => Some(bill),
        Subject::Payment { order, .. } => order.bill(),
        Subject::Keyword { .. } | Subject::Template(_) => None,
    }
}

/// Why a message about a bill is not wanted any more.
pub(super) fn gone(
    message: &Message,
    bill: &BillId,
    track: Track,
    around: &Surroundings,
) -> Option<DropReason> {
    let Some(cell) = around.cell(bill) else {
        return Some(DropReason::CalledOff);
    };
    match cell.bill.as_ref().map(|bill| bill.state()) {
        Some(BillState::Paid) => return Some(DropReason::Paid),
        Some(BillState::Voided | BillState::Refunded) | None => return Some(DropReason::CalledOff),
        Some(BillState::Owed) => {}
    }
    let waits = |bill: &Bill| !bill.in_review.is_empty();
    if cell.bill.as_ref().is_some_and(waits) {
        return Some(DropReason::InReview);
    }
    let Some(subscriber) = around.debtor(bill) else {
        return Some(DropReason::SubscriberRemoved);
    };
    let is_first = is_first(message, bill, track);
    match cell.symbol(track) {
        Symbol::C | Symbol::A | Symbol::G if subscriber.is_paused => {
            Some(DropReason::SubscriberPaused)
        }
        // An outcome that a receipt has told of is the message's own.
        Symbol::C | Symbol::A if is_first => None,
        // Only the end of the run gives up a message that is still on its way.
        Symbol::G if is_first => Some(DropReason::RunOver),
        // The cell holds what became of the first one.
        Symbol::G => None,
        Symbol::P => Some(DropReason::Paid),
        // WhatsApp brought the first one after all.
        Symbol::A => Some(DropReason::Replaced),
        Symbol::C | Symbol::U | Symbol::N | Symbol::K => Some(DropReason::CalledOff),
    }
}

/// Whether the merchant has noted that the subscriber wants nothing on WhatsApp.
pub(super) fn is_opted_out(record: &MessageRecord, around: &Surroundings) -> bool {
    let noted = || around.debtor(of(record)?)?.opted_out.as_ref();
    record.message.channel == Channel::WhatsApp && noted().is_some()
}

/// What a message about a bill says, of the bill as it is now.
pub(super) async fn template(
    app: &App,
    around: &Surroundings,
    merchant: &Merchant,
    id: &BillId,
    track: Track,
) -> Result<(Template, Language), NotWritten> {
    let cell = around.cell(id).ok_or(NotWritten::Nothing)?;
    let bill = cell.bill.as_ref().ok_or(NotWritten::Nothing)?;
    let subscriber = around.debtor(id);
    let subscriber = subscriber.ok_or(NotWritten::Nothing)?;
    let path = links::bill_path(app, &merchant.id, id).await?;
    let link = LinkPath::parse(&path).map_err(|_| NotWritten::Nothing)?;
    let (name, shop) = (subscriber.name.clone(), merchant.name.clone());
    let (period, amount, due) = (id.period().first_day(), bill.remaining(), bill.due);
    let template = match track {
        Track::Bill => Template::Bill {
            name,
            shop,
            period,
            amount,
            due,
            link,
        },
        Track::Reminder(_) => Template::Reminder {
            name,
            shop,
            period,
            amount,
            due,
            link,
        },
    };
    Ok((template, subscriber.language))
}

/// A text for Telegram, with its links on buttons where they may stand there.
pub(super) fn reply(html: Html, on_buttons: bool) -> Reply {
    let key = |button: pesan_domain::message::text::Button| match button.action {
        Action::Open(url) if on_buttons => Some(vec![Key {
            label: button.label.to_owned(),
            does: KeyDoes::Open(url),
        }]),
        Action::Open(_) | Action::Reply(_) | Action::Copy(_) => None,
    };
    Reply {
        html: html.text,
        keyboard: Keyboard::Buttons(html.buttons.into_iter().filter_map(key).collect()),
    }
}

/// The cell after a message's step, where that says anything new of what became of it. The cell is
/// written with the message, or neither is.
pub(super) fn heard(
    before: &MessageRecord,
    after: &MessageRecord,
    around: &Surroundings,
    now: Timestamp,
) -> Option<Cell> {
    let Subject::Bill { bill, track } = &after.subject else {
        return None;
    };
    let news = news(&before.message, &after.message)?;
    let cell = around.cell(bill)?;
    match news {
        News::Failed(_) | News::Dropped(_) if !gives_up(&after.message, bill, *track, cell) => None,
        News::Accepted(_) | News::Failed(_) | News::Dropped(_) => cell.hear(*track, news, now).ok(),
    }
}

/// Whether the cell is given up with a message: what the chat does not take says nothing of what
/// WhatsApp did, and what WhatsApp does not bring, the chat may have brought.
fn gives_up(message: &Message, bill: &BillId, track: Track, cell: &Cell) -> bool {
    let by_chat = Why::Accepted(Channel::Telegram);
    let mut trace = cell.trace.iter();
    is_first(message, bill, track)
        && !trace.any(|entry| entry.track == track && entry.why == by_chat)
}

/// What a step says of what became of a message; none where that was known before.
fn news(before: &Message, after: &Message) -> Option<News> {
    let (old, new) = (outcome(before), outcome(after));
    new.filter(|_| old != new)
}

fn outcome(message: &Message) -> Option<News> {
    use MessageState as S;
    match message.state {
        S::Accepted | S::Sent | S::Delivered | S::Read => Some(News::Accepted(message.channel)),
        S::Failed(failure) => Some(News::Failed(failure.reason)),
        S::Dropped(reason) => Some(News::Dropped(reason)),
        S::Queued | S::Sending { .. } | S::Held { .. } | S::Retry { .. } | S::Unknown { .. } => {
            None
        }
    }
}

/// What a receipt's step needs to know: nothing, unless it says what became of a message about a
/// bill. Then the bill's cell is written with it, and must be read first.
pub(super) async fn around(
    app: &App,
    record: &MessageRecord,
    step: &Step,
    now: Timestamp,
) -> Result<Surroundings, StoreError> {
    let unknown = Surroundings::unknown(now);
    match (&record.subject, news(&record.message, &step.next)) {
        (Subject::Bill { .. }, Some(_)) => reloaded(app, record, &unknown).await,
        (Subject::Bill { .. }, None)
        | (Subject::Payment { .. } | Subject::Keyword { .. } | Subject::Template(_), _) => {
            Ok(unknown)
        }
    }
}

/// The same surroundings with the cell of a message's bill and its subscriber as they are now.
pub(super) async fn reloaded(
    app: &App,
    record: &MessageRecord,
    around: &Surroundings,
) -> Result<Surroundings, StoreError> {
    let Subject::Bill { bill, .. } = &record.subject else {
        return Ok(around.clone());
    };
    let merchant = &record.message.merchant;
    let (bills, subscribers) = (slice::from_ref(bill), slice::from_ref(bill.subscriber()));
    let cells = app.store.cells(merchant, bills);
    let subscribers = app.store.subscribers(merchant, subscribers);
    let (mut cells, mut subscribers) = try_join(cells, subscribers).await?;
    Ok(around
        .clone()
        .with_bill(bill.clone(), cells.pop(), subscribers.pop()))
}
