//! News of a payment and answers to a word, queued in the commit that makes them.

use data_encoding::BASE32_NOPAD;
use jiff::{SignedDuration, Timestamp};
use pesan_adapters::dynamodb::{MessageRecord, Subject, To};
use pesan_adapters::events::Envelope;
use pesan_domain::ids::{IdError, MessageId, TransactionId};
use pesan_domain::language::Language;
use pesan_domain::merchant::Merchant;
use pesan_domain::message::activation::Activation;
use pesan_domain::message::consent::Keyword;
use pesan_domain::message::{Channel, Message, NewMessage, Purpose};
use pesan_domain::money::Rupiah;
use pesan_domain::payment::Notice;
use pesan_domain::reservation::Order;
use sha2::{Digest, Sha256};

use crate::{Failure, event_id};

/// Who has just paid waits for the answer, be it night.
const JUST_NOW: SignedDuration = SignedDuration::from_hours(1);

/// What a customer is to be told about a payment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct News<'a> {
    pub merchant: &'a Merchant,
    pub order: &'a Order,
    pub transaction: &'a TransactionId,
    pub notice: Notice,
    /// When the money moved.
    pub settled_at: Timestamp,
}

/// The message, and the event that has it sent.
pub(crate) fn queue(news: News<'_>, now: Timestamp) -> Result<(MessageRecord, Envelope), Failure> {
    let unavailable = |error: &dyn std::fmt::Display| Failure::Unavailable(error.to_string());
    let new = NewMessage {
        id: message_id(news).map_err(|error| unavailable(&error))?,
        merchant: news.merchant.id.clone(),
        channel: Channel::Telegram,
        purpose: Purpose::Receipt,
        asked_for: now.duration_since(news.settled_at) < JUST_NOW,
        zone: news.merchant.zone,
        price: Rupiah::ZERO,
        reserved: false,
        ends_at: None,
    };
    // What goes over Telegram asks for nothing of WhatsApp's.
    let step = Message::queue(new, Activation::Active, now).map_err(|error| unavailable(&error))?;
    let envelope = Envelope::message_queued(event_id(now), &step.next, now);
    let record = MessageRecord {
        message: step.next,
        subject: Subject::Payment {
            order: news.order.payment.order_id.clone(),
            notice: news.notice,
            moved_at: news.settled_at,
        },
        to: To::Chat(news.order.reservation.chat),
        batch: None,
    };
    Ok((record, envelope))
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
    let unavailable = |error: &dyn std::fmt::Display| Failure::Unavailable(error.to_string());
    let key = format!("keyword\0{}\0{claim}", merchant.id);
    let purpose = Purpose::Answer;
    let new = NewMessage {
        id: hashed(&key).map_err(|error| unavailable(&error))?,
        merchant: merchant.id.clone(),
        channel: Channel::WhatsApp,
        purpose,
        asked_for: true,
        zone: merchant.zone,
        price: merchant.messaging.prices.of(purpose.category()),
        reserved: false,
        ends_at: None,
    };
    let activation = merchant.whatsapp.as_ref();
    let activation = activation.map_or(Activation::Inactive, |account| account.activation);
    // Who cannot send does not answer either.
    let Ok(step) = Message::queue(new, activation, now) else {
        return Ok(None);
    };
    let envelope = Envelope::message_queued(event_id(now), &step.next, now);
    let record = MessageRecord {
        message: step.next,
        subject: Subject::Keyword { keyword, language },
        to,
        batch: None,
    };
    Ok(Some((record, envelope)))
}

/// The same news of the same transaction is the same message. A hash, because a booking's code is
/// nobody's but the customer's, and ids of messages stand in events and logs.
fn message_id(news: News<'_>) -> Result<MessageId, IdError> {
    let key = format!(
        "payment\0{}\0{}\0{}\0{}",
        news.merchant.id,
        news.order.payment.order_id.as_str(),
        news.transaction,
        news.notice.name()
    );
    hashed(&key)
}

fn hashed(key: &str) -> Result<MessageId, IdError> {
    let digest = Sha256::digest(key.as_bytes());
    let short: Vec<u8> = digest.iter().copied().take(16).collect();
    MessageId::parse(&BASE32_NOPAD.encode(&short).to_ascii_lowercase())
}
