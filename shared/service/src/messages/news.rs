//! News of a payment and answers to a word, queued in the commit that makes them.

use data_encoding::BASE32_NOPAD;
use jiff::{SignedDuration, Timestamp};
use pesan_adapters::dynamodb::{MessageRecord, Subject, Surroundings, To};
use pesan_adapters::events::Envelope;
use pesan_domain::billing::Reach;
use pesan_domain::calendar::Zone;
use pesan_domain::ids::{IdError, MessageId, OrderId, TransactionId};
use pesan_domain::language::Language;
use pesan_domain::merchant::Merchant;
use pesan_domain::message::activation::Activation;
use pesan_domain::message::consent::Keyword;
use pesan_domain::message::{Channel, Message, NewMessage, Purpose};
use pesan_domain::money::Rupiah;
use pesan_domain::payment::Notice;
use pesan_domain::subscriber::Subscriber;
use pesan_domain::whatsapp::Phone;
use sha2::{Digest, Sha256};

use crate::whatsapp::contact_hash;
use crate::{App, Failure, event_id};

/// Who has just paid waits for the answer, be it night.
const JUST_NOW: SignedDuration = SignedDuration::from_hours(1);

/// What a customer is to be told about a payment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct News<'a> {
    pub merchant: &'a Merchant,
    pub order: &'a OrderId,
    pub transaction: &'a TransactionId,
    pub notice: Notice,
    /// When the money moved.
    pub settled_at: Timestamp,
}

impl News<'_> {
    fn message(&self, channel: Channel, zone: Zone, now: Timestamp) -> Result<NewMessage, Failure> {
        let purpose = Purpose::Receipt;
        let prices = &self.merchant.messaging.prices;
        Ok(NewMessage {
            id: message_id(*self).map_err(unavailable)?,
            merchant: self.merchant.id.clone(),
            channel,
            purpose,
            asked_for: now.duration_since(self.settled_at) < JUST_NOW,
            zone,
            price: match channel {
                Channel::Telegram => Rupiah::ZERO,
                Channel::WhatsApp => prices.of(purpose.category()),
            },
            reserved: false,
            ends_at: None,
        })
    }

    fn subject(&self) -> Subject {
        Subject::Payment {
            order: self.order.clone(),
            notice: self.notice,
            moved_at: self.settled_at,
        }
    }
}

/// The message for a subscriber, by the channel on which they get their bills, and the event that
/// has it sent; none where there is no way to tell them.
pub(crate) async fn to_subscriber(
    app: &App,
    news: News<'_>,
    subscriber: &Subscriber,
    now: Timestamp,
) -> Result<Option<(MessageRecord, Envelope)>, Failure> {
    let merchant = news.merchant;
    match subscriber.reach(merchant.whatsapp_activation()) {
        Reach::By(Channel::WhatsApp) => {}
        Reach::By(Channel::Telegram) => {
            let chat = subscriber.telegram_chat;
            return chat.map(|chat| to_chat(news, chat, now)).transpose();
        }
        Reach::Nothing(_) => return Ok(None),
    }
    // WhatsApp says that money has arrived, and nothing else: the bill's page says the rest.
    if news.notice != Notice::Receipt {
        return Ok(None);
    }
    let new = news.message(Channel::WhatsApp, subscriber.zone, now)?;
    let to = To::Phone {
        contact: contact_hash(app, &merchant.id, &subscriber.phone).await?,
        phone: subscriber.phone.clone(),
    };
    Ok(queued(merchant, new, news.subject(), to, now))
}

/// The message for a chat, and the event that has it sent.
pub(crate) fn to_chat(
    news: News<'_>,
    chat: i64,
    now: Timestamp,
) -> Result<(MessageRecord, Envelope), Failure> {
    let new = news.message(Channel::Telegram, news.merchant.zone, now)?;
    // What goes over Telegram asks for nothing of WhatsApp's.
    let step = Message::queue(new, Activation::Active, now)
        .map_err(|error| Failure::Unavailable(error.to_string()))?;
    let envelope = Envelope::message_queued(event_id(now), &step.next, now);
    let record = MessageRecord {
        message: step.next,
        subject: news.subject(),
        to: To::Chat(chat),
        batch: None,
    };
    Ok((record, envelope))
}

/// The same receipt for the number that the chat's customer has shared, and the event that has it
/// sent: made by the one who looks at a receipt for the first time, who has the chat before him.
pub(super) async fn twin(
    app: &App,
    record: &MessageRecord,
    around: &Surroundings,
    now: Timestamp,
) -> Option<(MessageRecord, Envelope)> {
    let message = &record.message;
    let (To::Chat(chat), Subject::Payment { order, notice, .. }) = (&record.to, &record.subject)
    else {
        return None;
    };
    // A subscriber has one channel.
    order.booking()?;
    if message.version != FIRST || *notice != Notice::Receipt {
        return None;
    }
    let phone = around.chat(*chat).phone?;
    let merchant = around.merchant.as_ref()?;
    let made = written_to(app, merchant, record, phone, now).await;
    made.unwrap_or_else(|error| {
        tracing::error!(merchant = %merchant.id, kind = "message", alarm = "no receipt by whatsapp", %error);
        None
    })
}

/// The version of a message that nobody has looked at.
const FIRST: u64 = 1;

async fn written_to(
    app: &App,
    merchant: &Merchant,
    record: &MessageRecord,
    phone: Phone,
    now: Timestamp,
) -> Result<Option<(MessageRecord, Envelope)>, Failure> {
    let contact = contact_hash(app, &merchant.id, &phone).await?;
    let message = &record.message;
    let new = NewMessage {
        id: hashed(&format!("whatsapp\0{}", message.id)).map_err(unavailable)?,
        channel: Channel::WhatsApp,
        price: merchant.messaging.prices.of(message.purpose.category()),
        merchant: merchant.id.clone(),
        purpose: message.purpose,
        asked_for: message.asked_for,
        zone: message.zone,
        reserved: false,
        ends_at: Some(message.deadline),
    };
    let to = To::Phone { phone, contact };
    Ok(queued(merchant, new, record.subject.clone(), to, now))
}

/// A message over WhatsApp, and the event that has it sent; none where the merchant's WhatsApp is
/// not active.
pub(super) fn queued(
    merchant: &Merchant,
    new: NewMessage,
    subject: Subject,
    to: To,
    now: Timestamp,
) -> Option<(MessageRecord, Envelope)> {
    let step = Message::queue(new, merchant.whatsapp_activation(), now).ok()?;
    let envelope = Envelope::message_queued(event_id(now), &step.next, now);
    let record = MessageRecord {
        message: step.next,
        subject,
        to,
        batch: None,
    };
    Some((record, envelope))
}

pub(super) fn unavailable(error: IdError) -> Failure {
    Failure::Unavailable(error.to_string())
}

/// The answer to a STOP or MULAI, and the event that has it sent; none where the merchant's
/// WhatsApp is not active. `claim` stands for the word's own message: heard twice, it is answered
/// once.
pub(crate) fn answer(
    merchant: &Merchant,
    to: To,
    keyword: Keyword,
    language: Language,
    claim: &str,
    now: Timestamp,
) -> Result<Option<(MessageRecord, Envelope)>, Failure> {
    let key = format!("keyword\0{}\0{claim}", merchant.id);
    let purpose = Purpose::Answer;
    let new = NewMessage {
        id: hashed(&key).map_err(unavailable)?,
        merchant: merchant.id.clone(),
        channel: Channel::WhatsApp,
        purpose,
        asked_for: true,
        zone: merchant.zone,
        price: merchant.messaging.prices.of(purpose.category()),
        reserved: false,
        ends_at: None,
    };
    let subject = Subject::Keyword { keyword, language };
    Ok(queued(merchant, new, subject, to, now))
}

/// The same news of the same transaction is the same message. A hash, because a booking's code is
/// nobody's but the customer's, and ids of messages stand in events and logs.
fn message_id(news: News<'_>) -> Result<MessageId, IdError> {
    let key = format!(
        "payment\0{}\0{}\0{}\0{}",
        news.merchant.id,
        news.order.as_str(),
        news.transaction,
        news.notice.name()
    );
    hashed(&key)
}

pub(super) fn hashed(key: &str) -> Result<MessageId, IdError> {
    let digest = Sha256::digest(key.as_bytes());
    let short: Vec<u8> = digest.iter().copied().take(16).collect();
    MessageId::parse(&BASE32_NOPAD.encode(&short).to_ascii_lowercase())
}
