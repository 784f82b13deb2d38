//! A message as it is stored: where it is, what it says and to whom.

use jiff::Timestamp;
use pesan_domain::balance::BatchId;
use pesan_domain::billing::{BillId, Track};
use pesan_domain::calendar::Zone;
use pesan_domain::ids::{MerchantId, OrderId};
use pesan_domain::language::Language;
use pesan_domain::message::consent::Keyword;
use pesan_domain::message::text::{Arguments, Kind};
use pesan_domain::message::{
    Channel, DropReason, FailReason, Failure, Funds, HoldReason, Message, MessageId, MessageState,
    Purpose, VendorId,
};
use pesan_domain::money::Rupiah;
use pesan_domain::payment::Notice;
use pesan_domain::whatsapp::Phone;
use serde::{Deserialize, Serialize};

use super::rows::{Keyed, language_code};
use super::{Item, StoreError, broken, from_item, keys, to_item};

/// A message with what it says and to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageRecord {
    /// The machine.
    pub message: Message,
    /// What it is about. Its text is made of that when it is sent.
    pub subject: Subject,
    /// Where it goes.
    pub to: To,
    /// The batch that its price was set aside in last.
    pub batch: Option<BatchId>,
}

/// What a message is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// News of an order's payment.
    Payment {
        /// The order.
        order: OrderId,
        /// The news.
        notice: Notice,
        /// When the money moved.
        moved_at: Timestamp,
    },
    /// A bill, or a reminder of it.
    Bill {
        /// The bill.
        bill: BillId,
        /// On which track of its tape its outcome is written.
        track: Track,
    },
    /// That a STOP or MULAI was heard.
    Keyword {
        /// Which.
        keyword: Keyword,
        /// What it was written in, as far as that is known.
        language: Language,
    },
    /// A registered template with its arguments, as somebody gave them.
    Template(Arguments),
}

/// Where a message goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum To {
    /// A chat of the merchant's bot.
    Chat(i64),
    /// A phone.
    Phone {
        /// Its number.
        phone: Phone,
        /// What stands for it in keys.
        contact: String,
    },
}

impl MessageRecord {
    /// The template that it goes out with, in whatever language; none for free text.
    #[must_use]
    pub fn template(&self) -> Option<Kind> {
        match (self.message.channel, &self.subject) {
            (Channel::Telegram, _) | (_, Subject::Keyword { .. }) => None,
            (Channel::WhatsApp, Subject::Payment { .. }) => Some(Kind::Receipt),
            (Channel::WhatsApp, Subject::Bill { track, .. }) => Some(match track {
                Track::Bill => Kind::Bill,
                Track::Reminder(_) => Kind::Reminder,
            }),
            (Channel::WhatsApp, Subject::Template(arguments)) => Some(arguments.kind()),
        }
    }
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
#[serde(tag = "kind", rename_all = "lowercase")]
enum SubjectRow {
    Payment {
        order_id: String,
        notice: String,
        moved_at: i64,
    },
    Bill {
        bill: String,
        track: String,
    },
    Keyword {
        keyword: String,
        language: String,
    },
    Template {
        template: String,
        language: String,
        body: Vec<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        link: Option<String>,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ToRow {
    Chat(i64),
    Phone { digits: String, contact: String },
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
    to: ToRow,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    batch: Option<String>,
}

impl From<&Subject> for SubjectRow {
    fn from(subject: &Subject) -> Self {
        match subject {
            Subject::Payment {
                order,
                notice,
                moved_at,
            } => Self::Payment {
                order_id: order.as_str().to_owned(),
                notice: notice.name().to_owned(),
                moved_at: moved_at.as_millisecond(),
            },
            Subject::Bill { bill, track } => Self::Bill {
                bill: bill.as_str().to_owned(),
                track: track.to_string(),
            },
            Subject::Keyword { keyword, language } => Self::Keyword {
                keyword: keyword.name().to_owned(),
                language: language_code(*language),
            },
            Subject::Template(arguments) => Self::Template {
                template: arguments.kind().name().to_owned(),
                language: language_code(arguments.language()),
                body: arguments.body().to_vec(),
                link: arguments.link().map(|link| link.as_str().to_owned()),
            },
        }
    }
}

impl SubjectRow {
    fn subject(self) -> Result<Subject, StoreError> {
        Ok(match self {
            Self::Payment {
                order_id,
                notice,
                moved_at,
            } => Subject::Payment {
                order: OrderId::parse(&order_id).map_err(broken)?,
                notice: Notice::parse(&notice).map_err(broken)?,
                moved_at: moment(moved_at)?,
            },
            Self::Bill { bill, track } => Subject::Bill {
                bill: BillId::parse(&bill).map_err(broken)?,
                track: Track::parse(&track).map_err(broken)?,
            },
            Self::Keyword { keyword, language } => Subject::Keyword {
                keyword: Keyword::parse(&keyword).map_err(broken)?,
                language: Language::from_code(Some(&language)),
            },
            Self::Template {
                template,
                language,
                body,
                link,
            } => {
                let kind = Kind::parse(&template).map_err(broken)?;
                let language = Language::from_code(Some(&language));
                let arguments = Arguments::new(kind, language, &body, link.as_deref());
                // Only the field's name: what stands in it is personal.
                Subject::Template(arguments.map_err(|refused| broken(refused.field))?)
            }
        })
    }
}

impl From<&To> for ToRow {
    fn from(to: &To) -> Self {
        match to {
            To::Chat(chat) => Self::Chat(*chat),
            To::Phone { phone, contact } => Self::Phone {
                digits: phone.digits().to_owned(),
                contact: contact.clone(),
            },
        }
    }
}

impl ToRow {
    fn to(self) -> Result<To, StoreError> {
        Ok(match self {
            Self::Chat(chat) => To::Chat(chat),
            Self::Phone { digits, contact } => To::Phone {
                phone: Phone::from_digits(&digits).map_err(broken)?,
                contact,
            },
        })
    }
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
    fn from(record: &MessageRecord) -> Self {
        let message = &record.message;
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
            subject: SubjectRow::from(&record.subject),
            to: ToRow::from(&record.to),
            batch: record.batch.as_ref().map(BatchId::to_string),
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
        let batch = self.batch.as_deref().map(BatchId::parse).transpose();
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
            subject: self.subject.subject()?,
            to: self.to.to()?,
            batch: batch.map_err(broken)?,
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
