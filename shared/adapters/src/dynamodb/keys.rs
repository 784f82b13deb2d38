//! Where each thing lives: the table of DESIGN section 4, one function a thing.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use jiff::civil::Date;
use pesan_domain::api_key::KeyId;
use pesan_domain::billing::{BillId, Period, RunId};
use pesan_domain::ids::{
    BatchId, BookingCode, ItemId, MerchantId, MessageId, OrderId, PlanId, SubscriberId,
};
use pesan_domain::language::Language;
use pesan_domain::merchant::Merchant;
use pesan_domain::message::text::Kind;
use pesan_domain::message::{Channel, HoldReason, Message};

use super::Item;

/// A primary key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key {
    pub pk: String,
    pub sk: String,
}

impl Key {
    /// A row's own.
    pub fn of(item: &Item) -> Option<Self> {
        let text = |name| item.get(name).and_then(|value| value.as_s().ok()).cloned();
        Some(Self {
            pk: text("PK")?,
            sk: text("SK")?,
        })
    }

    pub fn item(&self) -> Item {
        Item::from([
            ("PK".to_owned(), AttributeValue::S(self.pk.clone())),
            ("SK".to_owned(), AttributeValue::S(self.sk.clone())),
        ])
    }
}

fn key(pk: String, sk: impl Into<String>) -> Key {
    Key { pk, sk: sk.into() }
}

pub(super) const DIRECTORY: &str = "MERCHANTS";

pub(super) fn directory(zone: &str, merchant: &MerchantId) -> Key {
    key(
        DIRECTORY.to_owned(),
        format!("{zone}#{}", merchant.as_str()),
    )
}

pub(super) fn merchant(merchant: &MerchantId) -> Key {
    key(format!("M#{}", merchant.as_str()), "PROFILE")
}

pub(super) const ITEM_PREFIX: &str = "ITEM#";

pub(super) fn item(merchant: &MerchantId, item: &ItemId) -> Key {
    key(
        format!("M#{}", merchant.as_str()),
        format!("{ITEM_PREFIX}{}", item.as_str()),
    )
}

pub(super) const SLOT_PREFIX: &str = "SLOT#";

pub(super) fn day(merchant: &MerchantId, date: Date) -> String {
    format!("M#{}#DAY#{date}", merchant.as_str())
}

/// `slot` is the start as `09:00`, so that a day reads in order.
pub(super) fn seat(merchant: &MerchantId, date: Date, slot: &str, seat: u8) -> Key {
    key(
        day(merchant, date),
        format!("{SLOT_PREFIX}{slot}#SEAT#{seat}"),
    )
}

pub(super) fn chat(merchant: &MerchantId, chat: i64) -> Key {
    key(format!("M#{}#CHAT#{chat}", merchant.as_str()), "CHAT")
}

pub(super) fn chat_reservation(merchant: &MerchantId, chat: i64, code: &BookingCode) -> Key {
    key(
        format!("M#{}#CHAT#{chat}", merchant.as_str()),
        format!("RSV#{}", code.as_str()),
    )
}

pub(super) fn reservation(merchant: &MerchantId, code: &BookingCode) -> Key {
    key(
        format!("M#{}#RSV#{}", merchant.as_str(), code.as_str()),
        "RESERVATION",
    )
}

pub(super) fn payment(merchant: &MerchantId, order: &OrderId) -> Key {
    key(
        format!("M#{}#PAY#{}", merchant.as_str(), order.as_str()),
        "PAYMENT",
    )
}

pub(super) const EVENT_PREFIX: &str = "EVENT#";

pub(super) fn payment_event(merchant: &MerchantId, order: &OrderId, digest: &str) -> Key {
    key(
        format!("M#{}#PAY#{}", merchant.as_str(), order.as_str()),
        format!("{EVENT_PREFIX}{digest}"),
    )
}

/// What was credited for a top-up.
pub(super) fn credit(merchant: &MerchantId, order: &OrderId) -> Key {
    key(
        format!("M#{}#PAY#{}", merchant.as_str(), order.as_str()),
        "CREDIT",
    )
}

pub(super) fn link(token_hash: &str) -> Key {
    key(format!("LINK#{token_hash}"), "LINK")
}

/// Whose a number at WhatsApp is.
pub(super) fn whatsapp_number(id: &str) -> Key {
    key(format!("WA#{id}"), "NUMBER")
}

/// Whose a business account at WhatsApp is: news of templates name nothing else.
pub(super) fn whatsapp_account(id: &str) -> Key {
    key(format!("WA#{id}"), "ACCOUNT")
}

/// Not in the merchant's own partition, which only the operator writes.
pub(super) fn templates(merchant: &MerchantId) -> String {
    format!("M#{}#TEMPLATES", merchant.as_str())
}

pub(super) fn template(merchant: &MerchantId, kind: Kind, language: Language) -> Key {
    let language = super::rows::language_code(language);
    key(templates(merchant), format!("{}#{language}", kind.name()))
}

/// `hash` stands for the phone number, which is not in the table's keys.
pub(super) fn contact(merchant: &MerchantId, hash: &str) -> Key {
    key(format!("M#{}#PHONE#{hash}", merchant.as_str()), "CONTACT")
}

/// What a person must settle, by the task's name.
pub(super) fn waiting(merchant: &MerchantId, kind: &str, what: &str) -> Key {
    key(format!("M#{}#WAIT#{kind}#0", merchant.as_str()), what)
}

/// The index key of what a merchant made on a day of its own zone.
pub(super) fn made_on(merchant: &Merchant, kind: &str, made_at: Timestamp) -> String {
    let date = made_at.to_zoned(merchant.zone.tz()).date();
    format!("M#{}#{kind}#{date}", merchant.id.as_str())
}

pub(super) fn balance(merchant: &MerchantId) -> Key {
    key(format!("M#{merchant}#BALANCE"), "BALANCE")
}

/// A day's entries, in the merchant's zone.
pub(super) fn ledger(merchant: &MerchantId, day: Date) -> String {
    format!("M#{merchant}#LEDGER#{day}")
}

pub(super) fn ledger_entry(merchant: &MerchantId, day: Date, id: &str) -> Key {
    key(ledger(merchant, day), id)
}

/// That a payment was credited, on whatever day.
pub(super) fn top_up(merchant: &MerchantId, reference: &str) -> Key {
    key(format!("M#{merchant}#LEDGER#TOPUPS"), reference)
}

/// What is still open of a batch that was set aside.
pub(super) fn batch(merchant: &MerchantId, id: &BatchId) -> Key {
    key(format!("M#{merchant}#BATCH#{id}"), "BATCH")
}

/// Partitions of what would be too hot for one: the outbox, what is due, what waits.
pub const SHARDS: u8 = 16;

/// Where an object's rows are among the [`SHARDS`]: FNV-1a, the same for good.
pub(super) fn shard(id: &str) -> u8 {
    u8::try_from((fnv(id) >> 32) % u64::from(SHARDS)).unwrap_or_default()
}

fn fnv(id: &str) -> u64 {
    id.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Partitions of a merchant's subscribers, and of each period's bills: a tape each, never changed.
pub const SUBSCRIBER_SHARDS: u8 = pesan_domain::billing::SHARDS;

/// Where a subscriber is among the [`SUBSCRIBER_SHARDS`], the same for good: FNV-1a, its halves
/// folded into each other. Customers' numbers are counted up, and in one half alone `plg-001` to
/// `plg-800` are all in one shard.
#[must_use]
pub fn subscriber_shard(id: &SubscriberId) -> u8 {
    let hash = fnv(id.as_str());
    let folded = hash ^ (hash >> 32);
    u8::try_from(folded % u64::from(SUBSCRIBER_SHARDS)).unwrap_or_default()
}

/// Not in the merchant's own partition, which is read with every update of its bot.
pub(super) fn plans(merchant: &MerchantId) -> String {
    format!("M#{merchant}#PLAN")
}

pub(super) fn plan(merchant: &MerchantId, id: &PlanId) -> Key {
    key(plans(merchant), id.as_str())
}

pub(super) fn subscribers(merchant: &MerchantId, shard: u8) -> String {
    format!("M#{merchant}#SUB#{shard}")
}

pub(super) fn subscriber(merchant: &MerchantId, id: &SubscriberId) -> Key {
    key(subscribers(merchant, subscriber_shard(id)), id.as_str())
}

/// A tape: the bills of a period of the subscribers in a shard.
pub(super) fn bills(merchant: &MerchantId, period: Period, shard: u8) -> String {
    format!("M#{merchant}#BILL#{period}#{shard}")
}

pub(super) fn bill(merchant: &MerchantId, id: &BillId) -> Key {
    let shard = subscriber_shard(id.subscriber());
    key(
        bills(merchant, id.period(), shard),
        id.subscriber().as_str(),
    )
}

/// Whether an item is a bill's cell: it and its subscriber lie under the same sort key.
pub(super) fn is_cell(item: &Item) -> bool {
    Key::of(item).is_some_and(|key| key.pk.contains("#BILL#"))
}

pub(super) fn is_subscriber(item: &Item) -> bool {
    Key::of(item).is_some_and(|key| key.pk.contains("#SUB#"))
}

/// The index key of a subscriber's bills, whatever their period.
pub(super) fn bills_of(merchant: &MerchantId, subscriber: &SubscriberId) -> String {
    format!("M#{merchant}#BILL#{subscriber}")
}

pub(super) const RUN: &str = "RUN";

pub(super) fn run(merchant: &MerchantId, id: RunId) -> Key {
    key(format!("M#{merchant}#RUN#{id}"), RUN)
}

pub(super) fn run_shard(merchant: &MerchantId, id: RunId, number: u8) -> Key {
    key(run(merchant, id).pk, format!("SHARD#{number}"))
}

pub(super) const CONTACT_SUBSCRIBER_PREFIX: &str = "SUB#";

/// Whose number a contact is: beside its row, so that what its owner writes finds them.
pub(super) fn contact_subscriber(merchant: &MerchantId, hash: &str, id: &SubscriberId) -> Key {
    key(
        contact(merchant, hash).pk,
        format!("{CONTACT_SUBSCRIBER_PREFIX}{id}"),
    )
}

pub(super) fn message(id: &MessageId) -> Key {
    key(format!("MSG#{id}"), "MESSAGE")
}

pub(super) fn message_index(message: &Message) -> (String, String) {
    let date = message.made_at.to_zoned(message.zone.tz()).date();
    let shard = shard(message.id.as_str());
    (
        format!("M#{}#MSG#{date}#{shard}", message.merchant),
        format!("{}#{}", message.made_at, message.id),
    )
}

pub(super) fn outbox(shard: u8) -> String {
    format!("OUTBOX#{shard}")
}

pub(super) fn outbox_row(shard: u8, sort_key: &str) -> Key {
    key(outbox(shard), sort_key)
}

pub(super) fn due(shard: u8) -> String {
    format!("DUE#{shard}")
}

/// In whole seconds and not before `at`: who is woken too early is not woken at all. What waits keeps its
/// instant in milliseconds, so less than one counts for nothing: else its row would not be known again.
pub(super) fn due_row(kind: &str, id: &str, at: Timestamp) -> Key {
    let late = i64::from(at.subsec_millisecond() > 0);
    key(
        due(shard(id)),
        format!(
            "{}#{kind}#{id}",
            second(at.as_second().saturating_add(late))
        ),
    )
}

/// `2026-12-01T01:00:00Z`: of one width, so that instants sort as texts.
pub(super) fn second(second: i64) -> String {
    Timestamp::from_second(second)
        .unwrap_or(Timestamp::MAX)
        .strftime("%Y-%m-%dT%H:%M:%SZ")
        .to_string()
}

/// How fast a merchant's channel goes, shared by all who send on it.
pub(super) fn pace(merchant: &MerchantId, channel: Channel) -> Key {
    key(format!("M#{merchant}#CHANNEL#{}", channel.name()), "PACE")
}

/// How many people were written to on a day who had not written themselves.
pub(super) fn recipients(merchant: &MerchantId, day: Date) -> Key {
    let channel = Channel::WhatsApp.name();
    key(
        format!("M#{merchant}#CHANNEL#{channel}"),
        format!("RECIPIENTS#{day}"),
    )
}

pub(super) fn pause(merchant: &MerchantId, channel: Channel) -> Key {
    key(format!("M#{merchant}#CHANNEL#{}", channel.name()), "PAUSE")
}

/// A message that waits for something to happen, the most urgent first.
pub(super) fn held(message: &Message, reason: HoldReason) -> Key {
    let urgency = message.purpose.urgency().sort_key();
    key(
        held_partition(&message.merchant, reason, shard(message.id.as_str())),
        format!("{urgency}#{}#{}", message.made_at, message.id),
    )
}

pub(super) fn held_partition(merchant: &MerchantId, reason: HoldReason, shard: u8) -> String {
    format!("M#{merchant}#WAIT#{}#{shard}", reason.name())
}

/// `hash` stands for the key, which is kept nowhere.
pub(super) fn api_key(hash: &str) -> Key {
    key(format!("KEY#{hash}"), "KEY")
}

/// Where a merchant's keys are found.
pub(super) fn api_keys(merchant: &MerchantId) -> String {
    format!("M#{merchant}#KEYS")
}

pub(super) fn api_key_pointer(merchant: &MerchantId, hash: &str) -> Key {
    key(api_keys(merchant), hash)
}

/// How full a key's bucket is: apart from the key, which only the operator writes.
pub(super) fn rate(id: &KeyId) -> Key {
    key(format!("RATE#{id}"), "RATE")
}

pub(super) fn claim(source: &str, id: &str) -> Key {
    key(format!("CLAIM#{source}#{id}"), "CLAIM")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_due_row_is_known_again_by_an_instant_that_was_kept_in_milliseconds() {
        let key = |at: &str| due_row("message", "m-1", at.parse().unwrap());
        for (at, kept, second) in [
            (
                "2026-12-01T01:02:34.0000004Z",
                "2026-12-01T01:02:34Z",
                "34Z",
            ),
            (
                "2026-12-01T01:02:34.0019Z",
                "2026-12-01T01:02:34.001Z",
                "35Z",
            ),
            ("2026-12-01T01:02:34Z", "2026-12-01T01:02:34Z", "34Z"),
        ] {
            assert_eq!(key(at), key(kept), "{at}");
            assert!(key(at).sk.contains(second), "{at}");
        }
    }
}
