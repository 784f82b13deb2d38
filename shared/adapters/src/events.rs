//! What goes over the event bus: envelopes of ids. Whoever gets one reads the rest from the table,
//! as it is then.

use jiff::Timestamp;
use pesan_domain::billing::RunId;
use pesan_domain::ids::{BillId, EventId, MerchantId, MessageId, OrderId};
use pesan_domain::message::{Channel, Message, PauseReason, Urgency};
use serde::{Deserialize, Serialize};

/// The bus's name for what Pesan sends.
pub const SOURCE: &str = "pesan";

const VERSION: u32 = 1;

/// An event with what every event says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Its id; the same event again has the same.
    pub id: EventId,
    /// Whose it is.
    pub merchant: MerchantId,
    /// When it was committed.
    pub at: Timestamp,
    /// What happened.
    pub event: Event,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A sender is to look at a message now.
    MessageQueued {
        /// Which.
        message: MessageId,
        /// Which queue it goes to.
        urgency: Urgency,
    },
    /// Nothing of the merchant goes out on a channel until somebody resumes it.
    ChannelPaused {
        /// Which.
        channel: Channel,
        /// Why.
        reason: PauseReason,
    },
    /// The balance has fallen below the merchant's mark: once a crossing.
    BalanceLow,
    /// A merchant's balance was topped up.
    BalanceToppedUp {
        /// The payment's order id.
        order: OrderId,
    },
    /// The machine of a run is to go on, on one shard of its tape.
    BillingContinue {
        /// Which run.
        run: RunId,
        /// Which shard.
        shard: u8,
    },
    /// The last reminder of a bill is out, and it is still owed.
    BillLastReminder {
        /// Which.
        bill: BillId,
    },
}

/// A text that is no event of ours, or one of a version that this one cannot read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an event of ours: {0}")]
pub struct NotAnEvent(String);

/// What every event says, and what only some say.
#[derive(Default, Serialize, Deserialize)]
struct Wire {
    r#type: String,
    version: u32,
    id: String,
    merchant: String,
    at: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    urgency: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    channel: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    order: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    run: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shard: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bill: Option<String>,
}

/// The types of events, as rules and queues know them.
const MESSAGE_QUEUED: &str = "message.queued";
const CHANNEL_PAUSED: &str = "channel.paused";
const BALANCE_LOW: &str = "balance.low";
const BALANCE_TOPPED_UP: &str = "balance.topped-up";
const BILLING_CONTINUE: &str = "billing.continue";
const BILL_LAST_REMINDER: &str = "bill.last-reminder";

impl Envelope {
    /// The event that has a message sent.
    #[must_use]
    pub fn message_queued(id: EventId, message: &Message, at: Timestamp) -> Self {
        Self {
            id,
            merchant: message.merchant.clone(),
            at,
            event: Event::MessageQueued {
                message: message.id.clone(),
                urgency: message.purpose.urgency(),
            },
        }
    }

    /// The event that has a message looked at again, of which only this is known.
    #[must_use]
    pub fn message_to_be_looked_at(
        id: EventId,
        merchant: &MerchantId,
        message: MessageId,
        urgency: Urgency,
        at: Timestamp,
    ) -> Self {
        Self {
            id,
            merchant: merchant.clone(),
            at,
            event: Event::MessageQueued { message, urgency },
        }
    }

    /// The event that has a run go on.
    #[must_use]
    pub fn billing_continue(
        id: EventId,
        merchant: &MerchantId,
        run: RunId,
        shard: u8,
        at: Timestamp,
    ) -> Self {
        Self {
            id,
            merchant: merchant.clone(),
            at,
            event: Event::BillingContinue { run, shard },
        }
    }

    /// The event that tells that reminding has not helped.
    #[must_use]
    pub fn bill_last_reminder(
        id: EventId,
        merchant: &MerchantId,
        bill: BillId,
        at: Timestamp,
    ) -> Self {
        Self {
            id,
            merchant: merchant.clone(),
            at,
            event: Event::BillLastReminder { bill },
        }
    }

    /// The event that tells of a pause.
    #[must_use]
    pub fn channel_paused(
        id: EventId,
        merchant: &MerchantId,
        channel: Channel,
        reason: PauseReason,
        at: Timestamp,
    ) -> Self {
        Self {
            id,
            merchant: merchant.clone(),
            at,
            event: Event::ChannelPaused { channel, reason },
        }
    }

    /// The event that tells of a low balance.
    #[must_use]
    pub fn balance_low(id: EventId, merchant: &MerchantId, at: Timestamp) -> Self {
        Self {
            id,
            merchant: merchant.clone(),
            at,
            event: Event::BalanceLow,
        }
    }

    /// The event that a balance was topped up by an order.
    #[must_use]
    pub fn balance_topped_up(
        id: EventId,
        merchant: &MerchantId,
        order: &OrderId,
        at: Timestamp,
    ) -> Self {
        Self {
            id,
            merchant: merchant.clone(),
            at,
            event: Event::BalanceToppedUp {
                order: order.clone(),
            },
        }
    }

    /// What rules and queues tell events apart by.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self.event {
            Event::MessageQueued { .. } => MESSAGE_QUEUED,
            Event::ChannelPaused { .. } => CHANNEL_PAUSED,
            Event::BalanceLow => BALANCE_LOW,
            Event::BalanceToppedUp { .. } => BALANCE_TOPPED_UP,
            Event::BillingContinue { .. } => BILLING_CONTINUE,
            Event::BillLastReminder { .. } => BILL_LAST_REMINDER,
        }
    }

    /// As it travels.
    ///
    /// # Errors
    /// Never for an event that can be made.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        let common = Wire {
            r#type: self.kind().to_owned(),
            version: VERSION,
            id: self.id.to_string(),
            merchant: self.merchant.to_string(),
            at: self.at.to_string(),
            ..Wire::default()
        };
        serde_json::to_string(&match &self.event {
            Event::MessageQueued { message, urgency } => Wire {
                message: Some(message.to_string()),
                urgency: Some(urgency.name().to_owned()),
                ..common
            },
            Event::ChannelPaused { channel, reason } => Wire {
                channel: Some(channel.name().to_owned()),
                reason: Some(reason.name().to_owned()),
                ..common
            },
            Event::BalanceLow => common,
            Event::BalanceToppedUp { order } => Wire {
                order: Some(order.as_str().to_owned()),
                ..common
            },
            Event::BillingContinue { run, shard } => Wire {
                run: Some(run.to_string()),
                shard: Some(*shard),
                ..common
            },
            Event::BillLastReminder { bill } => Wire {
                bill: Some(bill.as_str().to_owned()),
                ..common
            },
        })
    }

    /// Reads what [`Envelope::to_json`] wrote. Further fields are let be: they may come with time.
    ///
    /// # Errors
    /// [`NotAnEvent`], which quotes no value.
    pub fn parse(text: &str) -> Result<Self, NotAnEvent> {
        let wire: Wire = serde_json::from_str(text)
            .map_err(|error| NotAnEvent(format!("{:?}", error.classify())))?;
        if wire.version != VERSION {
            return Err(field("version"));
        }
        Ok(Self {
            event: wire.event()?,
            id: EventId::parse(&wire.id).map_err(|_| field("id"))?,
            merchant: MerchantId::parse(&wire.merchant).map_err(|_| field("merchant"))?,
            at: wire.at.parse().map_err(|_| field("at"))?,
        })
    }
}

fn field(name: &str) -> NotAnEvent {
    NotAnEvent(format!("the field {name}"))
}

/// A field that this type of event has.
fn read<T, E>(
    value: Option<&String>,
    parse: impl Fn(&str) -> Result<T, E>,
    name: &str,
) -> Result<T, NotAnEvent> {
    let value = value.ok_or_else(|| field(name))?;
    parse(value).map_err(|_| field(name))
}

impl Wire {
    fn event(&self) -> Result<Event, NotAnEvent> {
        match self.r#type.as_str() {
            MESSAGE_QUEUED => Ok(Event::MessageQueued {
                message: read(self.message.as_ref(), MessageId::parse, "message")?,
                urgency: read(self.urgency.as_ref(), Urgency::parse, "urgency")?,
            }),
            CHANNEL_PAUSED => Ok(Event::ChannelPaused {
                channel: read(self.channel.as_ref(), Channel::parse, "channel")?,
                reason: read(self.reason.as_ref(), PauseReason::parse, "reason")?,
            }),
            BALANCE_LOW => Ok(Event::BalanceLow),
            BALANCE_TOPPED_UP => Ok(Event::BalanceToppedUp {
                order: read(self.order.as_ref(), OrderId::parse, "order")?,
            }),
            BILLING_CONTINUE => Ok(Event::BillingContinue {
                run: read(self.run.as_ref(), RunId::parse, "run")?,
                shard: self.shard.ok_or_else(|| field("shard"))?,
            }),
            BILL_LAST_REMINDER => Ok(Event::BillLastReminder {
                bill: read(self.bill.as_ref(), BillId::parse, "bill")?,
            }),
            _ => Err(field("type")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = include_str!("../../../docs/EVENTS.md");

    /// The examples of the document: its blocks of JSON.
    fn examples() -> Vec<&'static str> {
        DOCUMENT
            .split("```json\n")
            .skip(1)
            .map(|rest| rest.split("```").next().unwrap())
            .collect()
    }

    #[test]
    fn every_event_is_documented_by_an_example_that_holds() {
        let examples = examples();
        assert!(!examples.is_empty());
        for example in examples {
            let envelope = Envelope::parse(example).unwrap();
            assert!(DOCUMENT.contains(&format!("## `{}`", envelope.kind())));
            let given: serde_json::Value = serde_json::from_str(example).unwrap();
            let written: serde_json::Value =
                serde_json::from_str(&envelope.to_json().unwrap()).unwrap();
            assert_eq!(written, given, "no field more and none less");
        }
    }

    #[test]
    fn i2_what_is_no_event_is_refused_and_not_quoted() {
        let example = examples()[0];
        for (from, to) in [
            ("message.queued", "message.lost"),
            ("\"version\": 1", "\"version\": 2"),
            ("\"urgency\": \"", "\"urgency\": \"un"),
            ("{", ""),
        ] {
            let bent = example.replacen(from, to, 1);
            assert_ne!(bent, example, "{from}");
            let error = Envelope::parse(&bent).unwrap_err().to_string();
            assert!(!error.contains("demo"), "{error}");
        }
        let grown = example.replacen('{', "{\"new\": [1],", 1);
        assert!(Envelope::parse(&grown).is_ok());
    }
}
