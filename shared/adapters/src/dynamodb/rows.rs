//! What is stored: rows apart from wire and domain types. A row that no longer reads as the
//! domain's type is [`StoreError::Broken`], never a default.

use jiff::Timestamp;
use jiff::civil::{Date, Time, Weekday};
use pesan_domain::balance::Prices;
use pesan_domain::billing::{Offset, Reminders};
use pesan_domain::calendar::{SlotTime, Zone};
use pesan_domain::catalog::Item;
use pesan_domain::ids::{
    BillId, BookingCode, DeviceId, ItemId, MerchantId, OrderId, TransactionId,
};
use pesan_domain::language::Language;
use pesan_domain::merchant::{Merchant, MidtransAccount, MidtransEnvironment, Slots};
use pesan_domain::message::activation::Activation;
use pesan_domain::messaging::Messaging;
use pesan_domain::money::Rupiah;
use pesan_domain::payment::{Payment, PaymentState};
use pesan_domain::reservation::{Reservation, ReservationState};
use pesan_domain::whatsapp::WhatsAppAccount;
use serde::{Deserialize, Serialize};

use super::{StoreError, broken};

/// The two key attributes every row carries.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Keyed<T> {
    #[serde(rename = "PK")]
    pub pk: String,
    #[serde(rename = "SK")]
    pub sk: String,
    #[serde(rename = "GSI1PK", default, skip_serializing_if = "Option::is_none")]
    pub gsi1pk: Option<String>,
    #[serde(rename = "GSI1SK", default, skip_serializing_if = "Option::is_none")]
    pub gsi1sk: Option<String>,
    #[serde(flatten)]
    pub row: T,
}

impl<T> Keyed<T> {
    pub fn new(key: super::keys::Key, row: T) -> Self {
        Self {
            pk: key.pk,
            sk: key.sk,
            gsi1pk: None,
            gsi1sk: None,
            row,
        }
    }

    pub fn indexed(mut self, pk: String, sk: String) -> Self {
        self.gsi1pk = Some(pk);
        self.gsi1sk = Some(sk);
        self
    }
}

pub(super) fn language_code(language: Language) -> String {
    match language {
        Language::Indonesian => "id".to_owned(),
        Language::English => "en".to_owned(),
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct SlotRow {
    pub start: String,
    pub end: String,
}

impl From<&SlotTime> for SlotRow {
    fn from(slot: &SlotTime) -> Self {
        Self {
            start: slot.start.strftime("%H:%M").to_string(),
            end: slot.end.strftime("%H:%M").to_string(),
        }
    }
}

impl SlotRow {
    pub fn slot(&self) -> Result<SlotTime, StoreError> {
        let time = |text: &str| Time::strptime("%H:%M", text).map_err(broken);
        Ok(SlotTime {
            start: time(&self.start)?,
            end: time(&self.end)?,
        })
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct MerchantRow {
    pub id: String,
    pub name: String,
    pub about_id: String,
    pub about_en: String,
    pub zone: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bot_username: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub midtrans: Option<MidtransRow>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whatsapp: Option<WhatsAppRow>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub messaging: Option<MessagingRow>,
    /// In days from the due day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reminders: Option<Vec<i64>>,
    pub slots: Vec<SlotRow>,
    pub seats_per_slot: u8,
    pub closed_weekdays: Vec<i8>,
    pub closed_dates: Vec<String>,
    pub horizon_days: u16,
    pub hold_minutes: u16,
    #[serde(default)]
    pub version: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct MidtransRow {
    pub merchant_id: String,
    pub client_key: String,
    pub production: bool,
}

impl From<&MidtransAccount> for MidtransRow {
    fn from(account: &MidtransAccount) -> Self {
        Self {
            merchant_id: account.merchant_id.clone(),
            client_key: account.client_key.clone(),
            production: account.environment == MidtransEnvironment::Production,
        }
    }
}

impl From<MidtransRow> for MidtransAccount {
    fn from(row: MidtransRow) -> Self {
        Self {
            merchant_id: row.merchant_id,
            client_key: row.client_key,
            environment: if row.production {
                MidtransEnvironment::Production
            } else {
                MidtransEnvironment::Sandbox
            },
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct WhatsAppRow {
    pub phone_number_id: String,
    pub waba_id: String,
    pub display_phone_number: String,
    pub activation: String,
}

impl From<&WhatsAppAccount> for WhatsAppRow {
    fn from(account: &WhatsAppAccount) -> Self {
        Self {
            phone_number_id: account.phone_number_id.clone(),
            waba_id: account.waba_id.clone(),
            display_phone_number: account.display_phone_number.clone(),
            activation: account.activation.name().to_owned(),
        }
    }
}

impl WhatsAppRow {
    fn account(self) -> Result<WhatsAppAccount, StoreError> {
        Ok(WhatsAppAccount {
            phone_number_id: self.phone_number_id,
            waba_id: self.waba_id,
            display_phone_number: self.display_phone_number,
            activation: Activation::parse(&self.activation).map_err(broken)?,
        })
    }
}

/// Reminders as they are stored.
pub(super) fn reminder_days(reminders: &Reminders) -> Vec<i64> {
    reminders
        .iter()
        .map(|offset| i64::from(offset.days()))
        .collect()
}

/// Reads what [`reminder_days`] wrote.
pub(super) fn reminders(days: &[i64]) -> Result<Reminders, StoreError> {
    let offsets = days.iter().map(|days| Offset::new(*days));
    let offsets = offsets.collect::<Result<Vec<_>, _>>().map_err(broken)?;
    Reminders::new(&offsets).map_err(broken)
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct MessagingRow {
    price_utility: u64,
    price_authentication: u64,
    price_marketing: u64,
    price_service: u64,
    low_mark: u64,
    protected: u64,
    whatsapp_per_second: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    recipients_a_day: Option<u32>,
}

impl From<Messaging> for MessagingRow {
    fn from(messaging: Messaging) -> Self {
        let Prices {
            utility,
            authentication,
            marketing,
            service,
        } = messaging.prices;
        Self {
            price_utility: utility.get(),
            price_authentication: authentication.get(),
            price_marketing: marketing.get(),
            price_service: service.get(),
            low_mark: messaging.low_mark.get(),
            protected: messaging.protected.get(),
            whatsapp_per_second: messaging.whatsapp_per_second,
            recipients_a_day: messaging.recipients_a_day,
        }
    }
}

impl From<MessagingRow> for Messaging {
    fn from(row: MessagingRow) -> Self {
        Self {
            prices: Prices {
                utility: Rupiah::new(row.price_utility),
                authentication: Rupiah::new(row.price_authentication),
                marketing: Rupiah::new(row.price_marketing),
                service: Rupiah::new(row.price_service),
            },
            low_mark: Rupiah::new(row.low_mark),
            protected: Rupiah::new(row.protected),
            whatsapp_per_second: row.whatsapp_per_second,
            recipients_a_day: row.recipients_a_day,
        }
    }
}

impl From<&Merchant> for MerchantRow {
    fn from(merchant: &Merchant) -> Self {
        Self {
            id: merchant.id.as_str().to_owned(),
            name: merchant.name.clone(),
            about_id: merchant.about_id.clone(),
            about_en: merchant.about_en.clone(),
            zone: merchant.zone.as_str().to_owned(),
            bot_username: merchant.bot_username.clone(),
            midtrans: merchant.midtrans.as_ref().map(MidtransRow::from),
            whatsapp: merchant.whatsapp.as_ref().map(WhatsAppRow::from),
            messaging: Some(MessagingRow::from(merchant.messaging)),
            reminders: Some(reminder_days(&merchant.reminders)),
            slots: merchant.slots.iter().map(SlotRow::from).collect(),
            seats_per_slot: merchant.seats_per_slot,
            closed_weekdays: merchant
                .closed_weekdays
                .iter()
                .map(|day| day.to_monday_one_offset())
                .collect(),
            closed_dates: merchant.closed_dates.iter().map(Date::to_string).collect(),
            horizon_days: merchant.horizon_days,
            hold_minutes: merchant.hold_minutes,
            version: merchant.version,
        }
    }
}

impl MerchantRow {
    pub fn merchant(self) -> Result<Merchant, StoreError> {
        let slots: Vec<SlotTime> = self
            .slots
            .iter()
            .map(SlotRow::slot)
            .collect::<Result<_, _>>()?;
        Ok(Merchant {
            id: MerchantId::parse(&self.id).map_err(broken)?,
            name: self.name,
            about_id: self.about_id,
            about_en: self.about_en,
            zone: Zone::parse(&self.zone).map_err(broken)?,
            bot_username: self.bot_username,
            midtrans: self.midtrans.map(MidtransAccount::from),
            whatsapp: self.whatsapp.map(WhatsAppRow::account).transpose()?,
            messaging: self.messaging.map(Messaging::from).unwrap_or_default(),
            reminders: self
                .reminders
                .as_deref()
                .map(reminders)
                .transpose()?
                .unwrap_or_default(),
            slots: Slots::new(slots).map_err(broken)?,
            seats_per_slot: self.seats_per_slot,
            closed_weekdays: self
                .closed_weekdays
                .iter()
                .map(|day| Weekday::from_monday_one_offset(*day).map_err(broken))
                .collect::<Result<_, _>>()?,
            closed_dates: self
                .closed_dates
                .iter()
                .map(|date| date.parse().map_err(broken))
                .collect::<Result<_, _>>()?,
            horizon_days: self.horizon_days,
            hold_minutes: self.hold_minutes,
            version: self.version,
        })
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ItemRow {
    pub id: String,
    pub device: String,
    pub device_id: String,
    pub part: String,
    pub price: u64,
    pub minutes: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stock: Option<u32>,
}

impl From<&Item> for ItemRow {
    fn from(item: &Item) -> Self {
        Self {
            id: item.id.as_str().to_owned(),
            device: item.device.clone(),
            device_id: item.device_id.as_str().to_owned(),
            part: item.part.clone(),
            price: item.price.get(),
            minutes: item.minutes,
            stock: item.stock,
        }
    }
}

impl ItemRow {
    pub fn item(self) -> Result<Item, StoreError> {
        Ok(Item {
            id: ItemId::parse(&self.id).map_err(broken)?,
            device_id: DeviceId::parse(&self.device_id).map_err(broken)?,
            device: self.device,
            part: self.part,
            price: Rupiah::new(self.price),
            minutes: self.minutes,
            stock: self.stock,
        })
    }
}

/// A seat that is held (until) or taken (no until).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct SeatRow {
    pub code: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_until: Option<i64>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ReservationRow {
    pub code: String,
    pub chat: i64,
    pub customer_name: String,
    pub language: String,
    pub item: String,
    pub device: String,
    pub part: String,
    pub price: u64,
    pub date: String,
    pub slot: SlotRow,
    pub seat: u8,
    pub state: String,
    pub held_until: i64,
    pub made_at: i64,
    pub order_id: String,
    pub version: u64,
}

impl From<&Reservation> for ReservationRow {
    fn from(reservation: &Reservation) -> Self {
        Self {
            code: reservation.code.as_str().to_owned(),
            chat: reservation.chat,
            customer_name: reservation.customer_name.clone(),
            language: language_code(reservation.language),
            item: reservation.item.as_str().to_owned(),
            device: reservation.device.clone(),
            part: reservation.part.clone(),
            price: reservation.price.get(),
            date: reservation.date.to_string(),
            slot: SlotRow::from(&reservation.slot),
            seat: reservation.seat,
            state: reservation.state.name().to_owned(),
            held_until: reservation.held_until.as_second(),
            made_at: reservation.made_at.as_second(),
            order_id: reservation.order_id.as_str().to_owned(),
            version: reservation.version,
        }
    }
}

impl ReservationRow {
    pub fn reservation(self) -> Result<Reservation, StoreError> {
        Ok(Reservation {
            code: BookingCode::parse(&self.code).map_err(broken)?,
            chat: self.chat,
            customer_name: self.customer_name,
            language: Language::from_code(Some(&self.language)),
            item: ItemId::parse(&self.item).map_err(broken)?,
            device: self.device,
            part: self.part,
            price: Rupiah::new(self.price),
            date: self.date.parse().map_err(broken)?,
            slot: self.slot.slot()?,
            seat: self.seat,
            state: ReservationState::parse(&self.state).map_err(broken)?,
            held_until: Timestamp::from_second(self.held_until).map_err(broken)?,
            made_at: Timestamp::from_second(self.made_at).map_err(broken)?,
            order_id: OrderId::parse(&self.order_id).map_err(broken)?,
            version: self.version,
        })
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct PaymentRow {
    pub order_id: String,
    pub amount: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub came: Option<u64>,
    pub state: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transaction: Option<String>,
    #[serde(default)]
    pub captured: bool,
    pub refunded: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect_url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snap_token: Option<String>,
    // Not `expires_at`: that is the table's TTL attribute, and a payment is kept for good.
    pub open_until: i64,
    pub made_at: i64,
    pub version: u64,
}

impl From<&Payment> for PaymentRow {
    fn from(payment: &Payment) -> Self {
        Self {
            order_id: payment.order_id.as_str().to_owned(),
            amount: payment.amount.get(),
            came: payment.came.map(Rupiah::get),
            state: payment.state.name().to_owned(),
            transaction: payment
                .transaction
                .as_ref()
                .map(|transaction| transaction.as_str().to_owned()),
            captured: payment.captured,
            refunded: payment.refunded.get(),
            fee: payment.fee.map(Rupiah::get),
            redirect_url: payment.redirect_url.clone(),
            snap_token: payment.snap_token.clone(),
            open_until: payment.expires_at.as_second(),
            made_at: payment.made_at.as_second(),
            version: payment.version,
        }
    }
}

impl PaymentRow {
    pub fn payment(self) -> Result<Payment, StoreError> {
        Ok(Payment {
            order_id: OrderId::parse(&self.order_id).map_err(broken)?,
            amount: Rupiah::new(self.amount),
            came: self.came.map(Rupiah::new),
            state: PaymentState::parse(&self.state).map_err(broken)?,
            transaction: self
                .transaction
                .as_deref()
                .map(TransactionId::parse)
                .transpose()
                .map_err(broken)?,
            captured: self.captured,
            refunded: Rupiah::new(self.refunded),
            fee: self.fee.map(Rupiah::new),
            redirect_url: self.redirect_url,
            snap_token: self.snap_token,
            expires_at: Timestamp::from_second(self.open_until).map_err(broken)?,
            made_at: Timestamp::from_second(self.made_at).map_err(broken)?,
            version: self.version,
        })
    }
}

/// The pointer from a link's hash to what it shows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct LinkRow {
    pub merchant: String,
    /// The booking's code, or the bill's number.
    pub code: String,
    /// What it leads to, where that is not an order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
}

/// The kind of a link that leads to a bill.
const BILL_LINK: &str = "bill";

impl LinkRow {
    /// To an order.
    pub fn of_order(merchant: &MerchantId, code: &BookingCode) -> Self {
        Self {
            merchant: merchant.as_str().to_owned(),
            code: code.as_str().to_owned(),
            kind: None,
        }
    }

    /// To a bill.
    pub fn of_bill(merchant: &MerchantId, id: &BillId) -> Self {
        Self {
            merchant: merchant.as_str().to_owned(),
            code: id.as_str().to_owned(),
            kind: Some(BILL_LINK.to_owned()),
        }
    }

    /// Whether it leads to a bill; else it leads to an order.
    pub fn is_of_bill(&self) -> bool {
        self.kind.as_deref() == Some(BILL_LINK)
    }
}

/// A notification as it was judged.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct EventRow {
    pub received_at: i64,
    pub status: String,
    pub transaction: String,
    pub outcome: String,
}

/// What waits for a person.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct WaitingRow {
    pub order_id: String,
    pub transaction: String,
    pub since: i64,
}
