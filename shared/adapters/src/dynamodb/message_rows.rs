//! A message as it is stored: where it is, what it says and to whom.

use jiff::Timestamp;
use pesan_domain::calendar::Zone;
use pesan_domain::ids::{MerchantId, OrderId};
use pesan_domain::message::{
    Channel, DropReason, FailReason, Failure, Funds, HoldReason, Message, MessageId, MessageState,
    Purpose, VendorId,
};
use pesan_domain::money::Rupiah;
use pesan_domain::payment::Notice;
use serde::{Deserialize, Serialize};

use super::rows::Keyed;
use super::{Item, StoreError, broken, from_item, keys, to_item};

/// A message with what it says and to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageRecord {
    /// The machine.
    pub message: Message,
    /// What it is about. Its text is made of that when it is sent.
    pub subject: Subject,
}

/// What a message is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// News of an order's payment, for the chat it was made in.
    Payment {
        /// The order.
        order: OrderId,
        /// The news.
        notice: Notice,
        /// The chat.
        chat: i64,
    },
}

#[derive(Default, Serialize, Deserialize)]
struct StateRow {
    at: String,
    /// In milliseconds: the end of a lease, hold, retry or grace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    attempt: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<u32>,
}

#[derive(Serialize, Deserialize)]
struct FailureRow {
    code: u32,
    reason: String,
}

#[derive(Serialize, Deserialize)]
struct SubjectRow {
    order_id: String,
    notice: String,
    chat: i64,
}

#[derive(Serialize, Deserialize)]
struct MessageRow {
    id: String,
    merchant: String,
    channel: String,
    purpose: String,
    asked_for: bool,
    zone: String,
    price: u64,
    state: StateRow,
    funds: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    vendor_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failure: Option<FailureRow>,
    tries: u16,
    refusals: u16,
    delays: u16,
    unanswered: u8,
    possibly_double: bool,
    deadline: i64,
    made_at: i64,
    version: u64,
    subject: SubjectRow,
}

impl From<MessageState> for StateRow {
    fn from(state: MessageState) -> Self {
        use MessageState as S;
        let until = |until: Timestamp| Some(until.as_millisecond());
        let at = state.name().to_owned();
        let row = Self {
            at,
            ..Self::default()
        };
        match state {
            S::Queued | S::Accepted | S::Sent | S::Delivered | S::Read => row,
            S::Sending {
                lease_until,
                attempt,
            } => Self {
                until: until(lease_until),
                attempt: Some(attempt),
                ..row
            },
            S::Held { reason, until: end } => Self {
                until: end.and_then(until),
                reason: Some(reason.name().to_owned()),
                ..row
            },
            S::Retry { at } => Self {
                until: until(at),
                ..row
            },
            S::Unknown { until: end } => Self {
                until: until(end),
                ..row
            },
            S::Failed(failure) => Self {
                code: Some(failure.code),
                reason: Some(failure.reason.name().to_owned()),
                ..row
            },
            S::Dropped(reason) => Self {
                reason: Some(reason.name().to_owned()),
                ..row
            },
        }
    }
}

impl StateRow {
    fn state(&self) -> Result<MessageState, StoreError> {
        use MessageState as S;
        let reason = self.reason.as_deref().unwrap_or_default();
        let until = || self.until.ok_or_else(|| broken("a state without its end"));
        let until = || moment(until()?);
        Ok(match self.at.as_str() {
            "Queued" => S::Queued,
            "Accepted" => S::Accepted,
            "Sent" => S::Sent,
            "Delivered" => S::Delivered,
            "Read" => S::Read,
            "Sending" => S::Sending {
                lease_until: until()?,
                attempt: self.attempt.unwrap_or_default(),
            },
            "Held" => S::Held {
                reason: HoldReason::parse(reason).map_err(broken)?,
                until: self.until.map(moment).transpose()?,
            },
            "Retry" => S::Retry { at: until()? },
            "Unknown" => S::Unknown { until: until()? },
            "Failed" => S::Failed(Failure {
                code: self.code.unwrap_or_default(),
                reason: FailReason::parse(reason).map_err(broken)?,
            }),
            "Dropped" => S::Dropped(DropReason::parse(reason).map_err(broken)?),
            other => return Err(broken(format!("a message that is {other}"))),
        })
    }
}

fn moment(millis: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_millisecond(millis).map_err(broken)
}

impl From<&MessageRecord> for MessageRow {
    fn from(MessageRecord { message, subject }: &MessageRecord) -> Self {
        let Subject::Payment {
            order,
            notice,
            chat,
        } = subject;
        Self {
            id: message.id.to_string(),
            merchant: message.merchant.to_string(),
            channel: message.channel.name().to_owned(),
            purpose: message.purpose.name().to_owned(),
            asked_for: message.asked_for,
            zone: message.zone.as_str().to_owned(),
            price: message.price.get(),
            state: message.state.into(),
            funds: message.funds.name().to_owned(),
            vendor_id: message.vendor_id.as_ref().map(VendorId::to_string),
            failure: message.failure.map(|failure| FailureRow {
                code: failure.code,
                reason: failure.reason.name().to_owned(),
            }),
            tries: message.tries,
            refusals: message.refusals,
            delays: message.delays,
            unanswered: message.unanswered,
            possibly_double: message.possibly_double,
            deadline: message.deadline.as_millisecond(),
            made_at: message.made_at.as_millisecond(),
            version: message.version,
            subject: SubjectRow {
                order_id: order.as_str().to_owned(),
                notice: notice.name().to_owned(),
                chat: *chat,
            },
        }
    }
}

impl MessageRow {
    fn record(self) -> Result<MessageRecord, StoreError> {
        let failure = self.failure.map(|row| {
            Ok::<_, StoreError>(Failure {
                code: row.code,
                reason: FailReason::parse(&row.reason).map_err(broken)?,
            })
        });
        let vendor_id = self.vendor_id.as_deref().map(VendorId::parse).transpose();
        Ok(MessageRecord {
            message: Message {
                id: MessageId::parse(&self.id).map_err(broken)?,
                merchant: MerchantId::parse(&self.merchant).map_err(broken)?,
                channel: Channel::parse(&self.channel).map_err(broken)?,
                purpose: Purpose::parse(&self.purpose).map_err(broken)?,
                asked_for: self.asked_for,
                zone: Zone::parse(&self.zone).map_err(broken)?,
                price: Rupiah::new(self.price),
                state: self.state.state()?,
                funds: Funds::parse(&self.funds).map_err(broken)?,
                vendor_id: vendor_id.map_err(broken)?,
                failure: failure.transpose()?,
                tries: self.tries,
                refusals: self.refusals,
                delays: self.delays,
                unanswered: self.unanswered,
                possibly_double: self.possibly_double,
                deadline: moment(self.deadline)?,
                made_at: moment(self.made_at)?,
                version: self.version,
            },
            subject: Subject::Payment {
                order: OrderId::parse(&self.subject.order_id).map_err(broken)?,
                notice: Notice::parse(&self.subject.notice).map_err(broken)?,
                chat: self.subject.chat,
            },
        })
    }
}

impl MessageRecord {
    /// Its row; the index keys follow from when it was made, so they never change.
    pub(super) fn item(&self) -> Result<Item, StoreError> {
        let (pk, sk) = keys::message_index(&self.message);
        let row = Keyed::new(keys::message(&self.message.id), MessageRow::from(self));
        to_item(&row.indexed(pk, sk))
    }

    pub(super) fn read(item: Item) -> Result<Self, StoreError> {
        from_item::<Keyed<MessageRow>>(item)?.row.record()
    }
}
