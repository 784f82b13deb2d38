//! `pesan merchant` and `pesan hours`.

use clap::{Args, Subcommand};
use jiff::civil::{Date, Time, Weekday};
use pesan_domain::billing::{Offset, Reminders};
use pesan_domain::calendar::{SlotTime, Zone};
use pesan_domain::field::FieldRefused;
use pesan_domain::ids::MerchantId;
use pesan_domain::money::Rupiah;

use super::read::{merchant_id, rupiah, zone};

/// `pesan merchant`
#[derive(Debug, Subcommand)]
pub enum MerchantCommand {
    /// Makes a merchant
    Add {
        /// 2 to 32 small letters, digits and hyphens: a part of every address, for good
        #[arg(value_parser = merchant_id)]
        id: MerchantId,
        /// As customers know it
        #[arg(long)]
        name: String,
        /// Asia/Jakarta, Asia/Makassar or Asia/Jayapura, for good: all its days are days there
        #[arg(long, value_parser = zone)]
        zone: Zone,
        /// The rest
        #[command(flatten)]
        settings: Settings,
    },
    /// Lists the merchants
    List,
    /// Shows a merchant
    Show {
        /// The merchant
        #[arg(value_parser = merchant_id)]
        id: MerchantId,
    },
    /// Changes a merchant's settings; what is not named stays
    Set {
        /// The merchant
        #[arg(value_parser = merchant_id)]
        id: MerchantId,
        /// As customers know it
        #[arg(long)]
        name: Option<String>,
        /// The rest
        #[command(flatten)]
        settings: Settings,
    },
}

/// Settings that can be changed.
#[derive(Args, Clone, Debug)]
pub struct Settings {
    /// What it does, in Indonesian
    #[arg(long, value_name = "TEXT")]
    pub about_id: Option<String>,
    /// What it does, in English
    #[arg(long, value_name = "TEXT")]
    pub about_en: Option<String>,
    /// How many customers a slot takes
    #[arg(long, value_name = "N")]
    pub seats: Option<u8>,
    /// How long an unpaid booking holds its seat
    #[arg(long, value_name = "MINUTES")]
    pub hold_minutes: Option<u16>,
    /// How far ahead it takes bookings
    #[arg(long, value_name = "DAYS")]
    pub horizon_days: Option<u16>,
    /// What a WhatsApp message costs it, such as 367; by category with --price-otp and
    /// --price-answer
    #[arg(long, value_parser = rupiah, value_name = "RUPIAH")]
    pub price: Option<Rupiah>,
    /// What a one-time code costs it
    #[arg(long, value_parser = rupiah, value_name = "RUPIAH")]
    pub price_otp: Option<Rupiah>,
    /// What an answer within 24 hours costs it
    #[arg(long, value_parser = rupiah, value_name = "RUPIAH")]
    pub price_answer: Option<Rupiah>,
    /// Below this the balance is low
    #[arg(long, value_parser = rupiah, value_name = "RUPIAH")]
    pub low_mark: Option<Rupiah>,
    /// What of the balance only one-time codes may use
    #[arg(long, value_parser = rupiah, value_name = "RUPIAH")]
    pub protected: Option<Rupiah>,
    /// WhatsApp messages a second: 80, or 1000 once Meta has raised it
    #[arg(long, value_name = "N")]
    pub per_second: Option<u32>,
    /// How many people a day Meta lets it write to first; 0 for no limit
    #[arg(long, value_name = "N")]
    pub recipients_a_day: Option<u32>,
    /// Days from the due day on which unpaid bills are called to mind, such as -3,0,3,7; empty for
    /// none
    #[arg(long, allow_hyphen_values = true, value_parser = reminders, value_name = "DAYS")]
    pub reminders: Option<Reminders>,
}

fn reminders(days: &str) -> Result<Reminders, String> {
    let days = days.split(',').map(str::trim).filter(|day| !day.is_empty());
    let offsets = days
        .map(|day| {
            let offset = day.parse().ok().and_then(|days| Offset::new(days).ok());
            offset.ok_or_else(|| format!("{day:?} is no number of days from the due day"))
        })
        .collect::<Result<Vec<Offset>, String>>()?;
    Reminders::new(&offsets).map_err(|refused| refused.to_string())
}

/// `pesan hours`
#[derive(Debug, Subcommand)]
pub enum HoursCommand {
    /// Changes the hours; what is not named stays
    Set(Hours),
}

/// `pesan hours set`
#[derive(Args, Clone, Debug)]
pub struct Hours {
    /// The merchant
    #[arg(value_parser = merchant_id)]
    pub id: MerchantId,
    /// The slots of a day, such as 09:00-11:00,13:00-15:00
    #[arg(long, value_delimiter = ',', value_parser = slot, value_name = "FROM-TO")]
    pub slots: Option<Vec<SlotTime>>,
    /// Weekdays it is closed on, such as saturday,sunday, or none
    #[arg(long, value_delimiter = ',', value_parser = weekday, value_name = "WEEKDAY")]
    pub closed: Option<Vec<Closed>>,
    /// Single days it is closed on, such as 2026-12-25,2027-01-01, or none
    #[arg(long, value_delimiter = ',', value_parser = closed_date, value_name = "DATE")]
    pub closed_dates: Option<Vec<ClosedDate>>,
}

/// A weekday, or that there is none.
pub type Closed = Option<Weekday>;
/// A date, or that there is none.
pub type ClosedDate = Option<Date>;

/// What a list says: all of its values, or that there are none.
pub fn all_or_none<T: Clone>(
    field: &'static str,
    list: Option<&[Option<T>]>,
) -> Result<Option<Vec<T>>, FieldRefused> {
    let Some(list) = list else { return Ok(None) };
    let values: Vec<T> = list.iter().flatten().cloned().collect();
    if values.is_empty() || values.len() == list.len() {
        return Ok(Some(values));
    }
    Err(FieldRefused::new(field, "none stands alone"))
}

fn slot(text: &str) -> Result<SlotTime, String> {
    let wrong = || format!("{text} is no slot such as 09:00-11:00");
    let time = |text: &str| {
        let text = text.trim().replace('.', ":");
        Time::strptime("%H:%M", text).map_err(|_| wrong())
    };
    let (start, end) = text.split_once(['-', '–']).ok_or_else(wrong)?;
    Ok(SlotTime {
        start: time(start)?,
        end: time(end)?,
    })
}

fn weekday(text: &str) -> Result<Closed, String> {
    Ok(Some(match text.trim().to_ascii_lowercase().as_str() {
        "none" => return Ok(None),
        "monday" => Weekday::Monday,
        "tuesday" => Weekday::Tuesday,
        "wednesday" => Weekday::Wednesday,
        "thursday" => Weekday::Thursday,
        "friday" => Weekday::Friday,
        "saturday" => Weekday::Saturday,
        "sunday" => Weekday::Sunday,
        _ => return Err(format!("{text} is no weekday such as sunday, and not none")),
    }))
}

fn closed_date(text: &str) -> Result<ClosedDate, String> {
    match text.trim() {
        "none" => Ok(None),
        date => date
            .parse()
            .map(Some)
            .map_err(|_| format!("{date} is no date such as 2026-12-25, and not none")),
    }
}
