//! What the world says about messages the moment they are to be sent.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use jiff::civil::Date;
use pesan_domain::billing::{BillId, Cell};
use pesan_domain::ids::{MerchantId, OrderId, SubscriberId};
use pesan_domain::language::Language;
use pesan_domain::merchant::Merchant;
use pesan_domain::message::text::Kind;
use pesan_domain::message::{Channel, PauseReason};
use pesan_domain::pace::Pace;
use pesan_domain::payment::Payment;
use pesan_domain::reservation::Order;
use pesan_domain::subscriber::Subscriber;
use pesan_domain::whatsapp::{Contact, Phone, Registered};
use serde::{Deserialize, Serialize};

use super::balance::{Account, BalanceRow};
use super::bill::CellRow;
use super::chat::ChatRow;
use super::contact::ContactRow;
use super::keys::Key;
use super::rows::{Keyed, MerchantRow, PaymentRow, ReservationRow};
use super::subscriber::subscriber;
use super::whatsapp::TemplateRow;
use super::{Item, MessageRecord, Store, StoreError, Subject, To, broken, from_item, keys};

/// A merchant's channel that takes nothing for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pause {
    /// It goes on by itself.
    Until(Timestamp),
    /// Somebody must resume it.
    Stopped(PauseReason),
}

#[derive(Serialize, Deserialize)]
pub(super) struct PauseRow {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl PauseRow {
    pub fn pause(&self) -> Result<Pause, StoreError> {
        match (self.until, &self.reason) {
            (Some(until), _) => Timestamp::from_millisecond(until)
                .map(Pause::Until)
                .map_err(broken),
            (None, Some(reason)) => PauseReason::parse(reason)
                .map(Pause::Stopped)
                .map_err(broken),
            (None, None) => Err(broken("a pause without end and reason")),
        }
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct PaceRow {
    /// In microseconds.
    pub next: i64,
    pub failures: u16,
    pub version: u64,
}

/// What a row that an update made may lack.
#[derive(Default, Deserialize)]
#[serde(default)]
struct RecipientsRow {
    reached: u32,
}

/// A channel's pace as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaceRecord {
    /// The pace.
    pub pace: Pace,
    /// Counts its commits; 0 where nothing is stored.
    pub version: u64,
}

impl PaceRow {
    pub fn record(&self) -> Result<PaceRecord, StoreError> {
        Ok(PaceRecord {
            pace: Pace {
                next: Timestamp::from_microsecond(self.next).map_err(broken)?,
                failures: self.failures,
            },
            version: self.version,
        })
    }
}

/// What a merchant knows of a phone, and how its messages go there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PhoneState {
    /// Consent and window.
    pub contact: Contact,
    /// Until when Meta wants it left alone.
    pub rests_until: Option<Timestamp>,
    /// The last day on which it counted among the day's recipients.
    pub reached_on: Option<Date>,
}

/// Where a message of a bot goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChatState {
    /// Whether there is such a chat.
    pub is_known: bool,
    /// Whether it takes no messages.
    pub unreachable: bool,
    /// The number that its customer has shared.
    pub phone: Option<Phone>,
}

/// All that messages of one merchant and channel claim, and all that may stand in their way.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// Their merchant.
    pub merchant: Option<Merchant>,
    /// Whether their channel is paused.
    pub pause: Option<Pause>,
    /// How fast it goes.
    pub pace: PaceRecord,
    /// The merchant's money; none for messages that cost nothing, or without a merchant.
    pub account: Option<Account>,
    /// The day in the merchant's zone.
    pub day: Date,
    /// How many people were written to on it.
    pub reached: u32,
    orders: HashMap<OrderId, Order>,
    bill_payments: HashMap<OrderId, Payment>,
    cells: HashMap<BillId, Cell>,
    subscribers: HashMap<SubscriberId, Subscriber>,
    chats: HashMap<i64, ChatState>,
    phones: HashMap<String, PhoneState>,
    templates: Vec<Registered>,
}

impl Surroundings {
    /// Nothing known.
    #[must_use]
    pub fn unknown(now: Timestamp) -> Self {
        Self {
            merchant: None,
            pause: None,
            pace: PaceRecord {
                pace: Pace::new(now),
                version: 0,
            },
            account: None,
            day: Date::MIN,
            reached: 0,
            orders: HashMap::new(),
            bill_payments: HashMap::new(),
            cells: HashMap::new(),
            subscribers: HashMap::new(),
            chats: HashMap::new(),
            phones: HashMap::new(),
            templates: vec![],
        }
    }

    /// The same with a bill's cell, and who owes it, as they are now.
    #[must_use]
    pub fn with_bill(
        mut self,
        id: BillId,
        cell: Option<Cell>,
        subscriber: Option<Subscriber>,
    ) -> Self {
        match subscriber {
            Some(subscriber) => self.subscribers.insert(id.subscriber().clone(), subscriber),
            None => self.subscribers.remove(id.subscriber()),
        };
        match cell {
            Some(cell) => self.cells.insert(id, cell),
            None => self.cells.remove(&id),
        };
        self
    }

    /// An attempt at paying a bill.
    #[must_use]
    pub fn bill_payment(&self, id: &OrderId) -> Option<&Payment> {
        self.bill_payments.get(id)
    }

    /// A bill's cell.
    #[must_use]
    pub fn cell(&self, id: &BillId) -> Option<&Cell> {
        self.cells.get(id)
    }

    /// Who owes a bill; none where they are gone, be it that another has their id now.
    #[must_use]
    pub fn debtor(&self, bill: &BillId) -> Option<&Subscriber> {
        let subscriber = self.subscribers.get(bill.subscriber())?;
        let owed = self.cells.get(bill)?.bill.as_ref()?;
        subscriber.owes(owed).then_some(subscriber)
    }

    /// An order.
    #[must_use]
    pub fn order(&self, id: &OrderId) -> Option<&Order> {
        self.orders.get(id)
    }

    /// A chat.
    #[must_use]
    pub fn chat(&self, id: i64) -> ChatState {
        self.chats.get(&id).cloned().unwrap_or_default()
    }

    /// A phone, by what stands for it.
    #[must_use]
    pub fn phone(&self, contact: &str) -> PhoneState {
        self.phones.get(contact).cloned().unwrap_or_default()
    }

    /// A template, where anything was heard of it.
    #[must_use]
    pub fn template(&self, kind: Kind, language: Language) -> Option<&Registered> {
        let is_it = |template: &&Registered| template.kind == kind && template.language == language;
        self.templates.iter().find(is_it)
    }
}

/// Rows by their keys.
struct Rows(HashMap<Key, Item>);

impl Rows {
    fn of(items: Vec<Item>) -> Self {
        let keyed = |item: Item| Some((Key::of(&item)?, item));
        Self(items.into_iter().filter_map(keyed).collect())
    }

    fn row<T: serde::de::DeserializeOwned>(&self, key: &Key) -> Result<Option<T>, StoreError> {
        let item = self.0.get(key).cloned();
        item.map(|item| Ok(from_item::<Keyed<T>>(item)?.row))
            .transpose()
    }
}

/// What is read for messages of one merchant and channel.
struct Wanted<'a> {
    merchant: &'a MerchantId,
    channel: Channel,
    day: Date,
    orders: HashSet<&'a OrderId>,
    bills: HashSet<&'a BillId>,
    chats: HashSet<i64>,
    phones: HashSet<&'a str>,
    templates: Vec<Kind>,
}

impl<'a> Wanted<'a> {
    fn of(records: &'a [MessageRecord], first: &'a MessageRecord, now: Timestamp) -> Self {
        let mut wanted = Self {
            merchant: &first.message.merchant,
            channel: first.message.channel,
            day: now.to_zoned(first.message.zone.tz()).date(),
            orders: HashSet::new(),
            bills: HashSet::new(),
            chats: HashSet::new(),
            phones: HashSet::new(),
            templates: vec![],
        };
        for record in records {
            match &record.subject {
                Subject::Payment { order, .. } => {
                    wanted.orders.insert(order);
                    wanted.bills.extend(order.bill());
                }
                Subject::Bill { bill, .. } => {
                    wanted.bills.insert(bill);
                }
                Subject::Keyword { .. } | Subject::Template(_) => {}
            }
            match &record.to {
                To::Chat(chat) => {
                    wanted.chats.insert(*chat);
                }
                To::Phone { contact, .. } => {
                    wanted.phones.insert(contact);
                }
            }
            if let Some(kind) = record.template()
                && !wanted.templates.contains(&kind)
            {
                wanted.templates.push(kind);
            }
        }
        wanted
    }

    fn keys(&self) -> Vec<Key> {
        let merchant = self.merchant;
        let mut keys = vec![
            keys::merchant(merchant),
            keys::pause(merchant, self.channel),
            keys::pace(merchant, self.channel),
        ];
        if self.channel == Channel::WhatsApp {
            keys.push(keys::balance(merchant));
            keys.push(keys::recipients(merchant, self.day));
        }
        for order in &self.orders {
            keys.push(keys::payment(merchant, order));
            let booking = order.booking();
            keys.extend(booking.map(|code| keys::reservation(merchant, code)));
        }
        for bill in &self.bills {
            keys.push(keys::bill(merchant, bill));
            keys.push(keys::subscriber(merchant, bill.subscriber()));
        }
        let chats = self.chats.iter().map(|chat| keys::chat(merchant, *chat));
        keys.extend(chats);
        let phones = self.phones.iter();
        keys.extend(phones.map(|contact| keys::contact(merchant, contact)));
        for kind in &self.templates {
            let languages = [Language::Indonesian, Language::English];
            keys.extend(languages.map(|language| keys::template(merchant, *kind, language)));
        }
        keys.sort();
        keys.dedup();
        keys
    }

    fn order(&self, rows: &Rows, id: &OrderId) -> Result<Option<Order>, StoreError> {
        let payment = rows.row::<PaymentRow>(&keys::payment(self.merchant, id))?;
        let Some(code) = id.booking() else {
            return Ok(None);
        };
        let key = keys::reservation(self.merchant, code);
        let reservation = rows.row::<ReservationRow>(&key)?;
        Ok(match (payment, reservation) {
            (Some(payment), Some(reservation)) => Some(Order {
                payment: payment.payment()?,
                reservation: reservation.reservation()?,
            }),
            _ => None,
        })
    }

    fn cells(&self, rows: &Rows) -> Result<HashMap<BillId, Cell>, StoreError> {
        let mut found = HashMap::new();
        for id in &self.bills {
            if let Some(row) = rows.row::<CellRow>(&keys::bill(self.merchant, id))? {
                found.insert((*id).clone(), row.cell()?);
            }
        }
        Ok(found)
    }

    fn subscribers(&self, rows: &Rows) -> Result<HashMap<SubscriberId, Subscriber>, StoreError> {
        let mut found = HashMap::new();
        for id in &self.bills {
            let key = keys::subscriber(self.merchant, id.subscriber());
            if let Some(item) = rows.0.get(&key) {
                let subscriber = subscriber(item.clone())?;
                found.insert(subscriber.id.clone(), subscriber);
            }
        }
        Ok(found)
    }

    /// The payments of bills.
    fn bill_payments(&self, rows: &Rows) -> Result<HashMap<OrderId, Payment>, StoreError> {
        let mut found = HashMap::new();
        for id in self.orders.iter().filter(|id| id.bill().is_some()) {
            let row = rows.row::<PaymentRow>(&keys::payment(self.merchant, id))?;
            if let Some(row) = row {
                found.insert((*id).clone(), row.payment()?);
            }
        }
        Ok(found)
    }

    fn templates(&self, rows: &Rows) -> Result<Vec<Registered>, StoreError> {
        let mut found = vec![];
        for kind in &self.templates {
            for language in [Language::Indonesian, Language::English] {
                let key = keys::template(self.merchant, *kind, language);
                if let Some(row) = rows.row::<TemplateRow>(&key)? {
                    found.push(row.template()?);
                }
            }
        }
        Ok(found)
    }

    fn found(&self, rows: &Rows, now: Timestamp) -> Result<Surroundings, StoreError> {
        let merchant = rows
            .row::<MerchantRow>(&keys::merchant(self.merchant))?
            .map(MerchantRow::merchant)
            .transpose()?;
        let pause = rows.row::<PauseRow>(&keys::pause(self.merchant, self.channel))?;
        let pace = rows.row::<PaceRow>(&keys::pace(self.merchant, self.channel))?;
        let account = match &merchant {
            Some(merchant) if self.channel == Channel::WhatsApp => {
                let row = rows.row::<BalanceRow>(&keys::balance(self.merchant))?;
                Some(row.unwrap_or_default().account(&merchant.messaging))
            }
            Some(_) | None => None,
        };
        let reached = rows.row::<RecipientsRow>(&keys::recipients(self.merchant, self.day))?;
        let mut orders = HashMap::new();
        for id in &self.orders {
            let order = self.order(rows, id)?;
            orders.extend(order.map(|order| ((*id).clone(), order)));
        }
        let mut chats = HashMap::new();
        for chat in &self.chats {
            let row = rows.row::<ChatRow>(&keys::chat(self.merchant, *chat))?;
            if let Some(row) = row {
                let state = ChatState {
                    is_known: true,
                    unreachable: row.is_unreachable(),
                    phone: row.phone()?.map(|shared| shared.phone),
                };
                chats.insert(*chat, state);
            }
        }
        let mut phones = HashMap::new();
        for contact in &self.phones {
            let row = rows.row::<ContactRow>(&keys::contact(self.merchant, contact))?;
            let state = row.map(ContactRow::state).transpose()?;
            phones.extend(state.map(|state| ((*contact).to_owned(), state)));
        }
        let unknown = Surroundings::unknown(now);
        Ok(Surroundings {
            merchant,
            pause: pause.map(|row| row.pause()).transpose()?,
            pace: pace.map_or(Ok(unknown.pace), |row| row.record())?,
            account,
            day: self.day,
            reached: reached.unwrap_or_default().reached,
            orders,
            bill_payments: self.bill_payments(rows)?,
            cells: self.cells(rows)?,
            subscribers: self.subscribers(rows)?,
            chats,
            phones,
            templates: self.templates(rows)?,
        })
    }
}

impl Store {
    /// All that messages of one merchant and channel claim and all that may stand in their way, in
    /// one read; none for no messages.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn surroundings(
        &self,
        records: &[MessageRecord],
        now: Timestamp,
    ) -> Result<Option<Surroundings>, StoreError> {
        let Some(first) = records.first() else {
            return Ok(None);
        };
        let wanted = Wanted::of(records, first, now);
        let keys = wanted.keys().iter().map(Key::item).collect();
        let rows = Rows::of(self.batch_get(keys).await?);
        wanted.found(&rows, now).map(Some)
    }
}
