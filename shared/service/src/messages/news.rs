//! News of a payment, queued in the commit that makes them.

use data_encoding::BASE32_NOPAD;
use jiff::{SignedDuration, Timestamp};
use pesan_adapters::dynamodb::{MessageRecord, Subject};
use pesan_adapters::events::Envelope;
use pesan_domain::ids::{IdError, MessageId, OrderId, TransactionId};
use pesan_domain::merchant::Merchant;
use pesan_domain::message::activation::Activation;
use pesan_domain::message::{Channel, Message, NewMessage, Purpose};
use pesan_domain::money::Rupiah;
use pesan_domain::payment::Notice;
use sha2::{Digest, Sha256};

use crate::{Failure, event_id};

/// Who has just paid waits for the answer, be it night.
const JUST_NOW: SignedDuration = SignedDuration::from_hours(1);

/// What a customer is to be told about a payment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct News<'a> {
    pub merchant: &'a Merchant,
    pub order: &'a OrderId,
    /// The chat it was made in.
    pub chat: i64,
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
            order: news.order.clone(),
            notice: news.notice,
            chat: news.chat,
        },
    };
    Ok((record, envelope))
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
    let digest = Sha256::digest(key.as_bytes());
    let short: Vec<u8> = digest.iter().copied().take(16).collect();
    MessageId::parse(&BASE32_NOPAD.encode(&short).to_ascii_lowercase())
}
