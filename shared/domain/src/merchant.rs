//! A merchant: one business, its hours and its accounts.

use std::ops::Deref;

use jiff::civil::{Date, Weekday};
use jiff::{SignedDuration, Span, Timestamp};

use crate::billing::Reminders;
use crate::calendar::{SlotTime, Zone};
use crate::field::{self, FieldRefused};
use crate::ids::MerchantId;
use crate::message::activation::Activation;
use crate::messaging::Messaging;
use crate::whatsapp::WhatsAppAccount;

/// Which of Midtrans' two worlds an account belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MidtransEnvironment {
    /// No money moves.
    Sandbox,
    /// Money moves.
    Production,
}

/// A merchant's account at Midtrans; its server key is a secret and lives elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MidtransAccount {
    /// Such as `G000000001`.
    pub merchant_id: String,
    /// For Snap.js, public.
    pub client_key: String,
    /// Which world.
    pub environment: MidtransEnvironment,
}

impl MidtransAccount {
    /// Whether the ids are such as Midtrans gives out for the account's world
    /// (<https://docs.midtrans.com/docs/midtrans-account>).
    ///
    /// # Errors
    /// [`FieldRefused`] names the one that is not.
    pub fn check(&self) -> Result<(), FieldRefused> {
        let alphanumeric = self
            .merchant_id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric());
        if !alphanumeric || !(1..=20).contains(&self.merchant_id.len()) {
            return Err(FieldRefused::new(
                "merchant-id",
                "not an id such as G123456789",
            ));
        }
        self.environment
            .check_key("client-key", "client", &self.client_key)
    }
}

impl MidtransEnvironment {
    /// Whether a server key is one of this world.
    ///
    /// # Errors
    /// [`FieldRefused`], which does not quote the key.
    pub fn check_server_key(self, key: &str) -> Result<(), FieldRefused> {
        self.check_key("server-key", "server", key)
    }

    fn check_key(self, field: &'static str, kind: &str, key: &str) -> Result<(), FieldRefused> {
        let start = match self {
            Self::Sandbox => format!("SB-Mid-{kind}-"),
            Self::Production => format!("Mid-{kind}-"),
        };
        let visible = key.bytes().all(|byte| byte.is_ascii_graphic());
        if visible && key.len() > start.len() && key.len() <= 100 && key.starts_with(&start) {
            return Ok(());
        }
        let world = match self {
            Self::Sandbox => "the sandbox (for real money add --production)",
            Self::Production => "production",
        };
        Err(FieldRefused::new(
            field,
            format!("a key of {world} begins with {start}"),
        ))
    }
}

/// The slots of a day: in order, none empty, none over another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Slots(Vec<SlotTime>);

/// Why slots cannot stand beside each other.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SlotsError {
    /// It ends before it begins.
    #[error("the slot {0} ends before it begins")]
    Empty(String),
    /// Two slots share time.
    #[error("the slots {0} and {1} overlap")]
    Overlap(String, String),
}

impl Slots {
    /// Takes slots in any order.
    ///
    /// # Errors
    /// [`SlotsError`] names the slots at fault. One that begins when another ends is allowed.
    pub fn new(mut slots: Vec<SlotTime>) -> Result<Self, SlotsError> {
        slots.sort_by_key(|slot| slot.start);
        if let Some(slot) = slots.iter().find(|slot| slot.end <= slot.start) {
            return Err(SlotsError::Empty(slot.sort_key()));
        }
        for (slot, next) in slots.iter().zip(slots.iter().skip(1)) {
            if next.start < slot.end {
                return Err(SlotsError::Overlap(slot.sort_key(), next.sort_key()));
            }
        }
        Ok(Self(slots))
    }
}

impl Deref for Slots {
    type Target = [SlotTime];

    fn deref(&self) -> &[SlotTime] {
        &self.0
    }
}

/// A business with its settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merchant {
    /// Its key everywhere.
    pub id: MerchantId,
    /// As customers know it.
    pub name: String,
    /// What it does, in Indonesian.
    pub about_id: String,
    /// What it does, in English.
    pub about_en: String,
    /// Where its clock stands.
    pub zone: Zone,
    /// Its Telegram bot, without the `@`, once one is connected.
    pub bot_username: Option<String>,
    /// Its account at Midtrans, once one is connected.
    pub midtrans: Option<MidtransAccount>,
    /// Its number at WhatsApp, once one is connected.
    pub whatsapp: Option<WhatsAppAccount>,
    /// What its messages cost, and how fast they may go.
    pub messaging: Messaging,
    /// When its bills are called to mind.
    pub reminders: Reminders,
    /// The slots of every open day.
    pub slots: Slots,
    /// How many customers a slot takes.
    pub seats_per_slot: u8,
    /// Weekdays it is closed on.
    pub closed_weekdays: Vec<Weekday>,
    /// Single days it is closed on.
    pub closed_dates: Vec<Date>,
    /// How far ahead it takes bookings.
    pub horizon_days: u16,
    /// How long an unpaid booking holds its seat.
    pub hold_minutes: u16,
    /// Counts its changes, so that none is written over another.
    pub version: u64,
}

/// Seats a day has at most: they are read in one go.
const SEATS_A_DAY: usize = 96;

impl Merchant {
    /// One that has not opened yet: no slots, no bot, no account.
    #[must_use]
    pub fn new(id: MerchantId, name: &str, zone: Zone) -> Self {
        Self {
            id,
            name: name.to_owned(),
            about_id: String::new(),
            about_en: String::new(),
            zone,
            bot_username: None,
            midtrans: None,
            whatsapp: None,
            messaging: Messaging::default(),
            reminders: Reminders::default(),
            slots: Slots::default(),
            seats_per_slot: 1,
            closed_weekdays: Vec::new(),
            closed_dates: Vec::new(),
            horizon_days: 60,
            hold_minutes: 60,
            version: 0,
        }
    }

    /// How far its WhatsApp is.
    #[must_use]
    pub fn whatsapp_activation(&self) -> Activation {
        let account = self.whatsapp.as_ref();
        account.map_or(Activation::Inactive, |account| account.activation)
    }

    /// Whether every setting can be.
    ///
    /// # Errors
    /// [`FieldRefused`] names the first that cannot.
    pub fn check(&self) -> Result<(), FieldRefused> {
        field::check_text("name", &self.name, 1, 60)?;
        field::check_text("about-id", &self.about_id, 0, 300)?;
        field::check_text("about-en", &self.about_en, 0, 300)?;
        field::check_number("seats", u64::from(self.seats_per_slot), 1, 50)?;
        field::check_number("hold-minutes", u64::from(self.hold_minutes), 10, 1440)?;
        field::check_number("horizon-days", u64::from(self.horizon_days), 1, 365)?;
        self.messaging.check()?;
        let seats = self
            .slots
            .len()
            .saturating_mul(usize::from(self.seats_per_slot));
        if seats > SEATS_A_DAY {
            let reason = format!("{seats} seats a day are more than {SEATS_A_DAY}");
            return Err(FieldRefused::new("slots", reason));
        }
        if let Some(username) = &self.bot_username {
            check_bot_username(username)?;
        }
        self.midtrans
            .as_ref()
            .map_or(Ok(()), MidtransAccount::check)
    }
}

/// Telegram's rule: 5 to 32 letters, digits and underscores.
fn check_bot_username(username: &str) -> Result<(), FieldRefused> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if (5..=32).contains(&username.len()) && username.bytes().all(allowed) {
        return Ok(());
    }
    Err(FieldRefused::new(
        "bot-username",
        "not 5 to 32 letters, digits and underscores",
    ))
}

/// Why a day cannot be booked, whoever has the seats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DayRefused {
    /// It is over.
    Past,
    /// It is after the last day that can be booked.
    TooFar {
        /// That last day.
        last: Date,
    },
    /// The shop is closed on this weekday.
    ClosedWeekday {
        /// Which.
        weekday: Weekday,
    },
    /// The shop is closed on this day.
    ClosedDate,
    /// It is today and every slot has begun.
    AfterClosing,
}

impl Merchant {
    /// Its date at an instant.
    #[must_use]
    pub fn today(&self, now: Timestamp) -> Date {
        now.to_zoned(self.zone.tz()).date()
    }

    /// The last day that can be booked.
    #[must_use]
    pub fn last_day(&self, now: Timestamp) -> Date {
        self.today(now)
            .saturating_add(Span::new().days(i64::from(self.horizon_days)))
    }

    /// Whether a day can be booked at all.
    ///
    /// # Errors
    /// [`DayRefused`]
    pub fn check_day(&self, date: Date, now: Timestamp) -> Result<(), DayRefused> {
        let last = self.last_day(now);
        if date < self.today(now) {
            Err(DayRefused::Past)
        } else if date > last {
            Err(DayRefused::TooFar { last })
        } else if self.closed_dates.contains(&date) {
            Err(DayRefused::ClosedDate)
        } else if self.closed_weekdays.contains(&date.weekday()) {
            Err(DayRefused::ClosedWeekday {
                weekday: date.weekday(),
            })
        } else if self.bookable_slots(date, now).is_empty() {
            Err(DayRefused::AfterClosing)
        } else {
            Ok(())
        }
    }

    /// The next days that can be booked, today among them while it has a slot to come.
    #[must_use]
    pub fn open_days(&self, now: Timestamp, count: usize) -> Vec<Date> {
        self.today(now)
            .series(Span::new().days(1))
            .take_while(|date| *date <= self.last_day(now))
            .filter(|date| self.check_day(*date, now).is_ok())
            .take(count)
            .collect()
    }

    /// When a hold made at `now` ends.
    #[must_use]
    pub fn held_until(&self, now: Timestamp) -> Timestamp {
        now.checked_add(SignedDuration::from_mins(i64::from(self.hold_minutes)))
            .unwrap_or(now)
    }

    /// The slot of an id such as `0900`.
    #[must_use]
    pub fn slot(&self, id: &str) -> Option<&SlotTime> {
        self.slots.iter().find(|slot| slot.id() == id)
    }

    /// The slots of a day that have not begun.
    #[must_use]
    pub fn bookable_slots(&self, date: Date, now: Timestamp) -> Vec<&SlotTime> {
        self.slots
            .iter()
            .filter(|slot| self.slot_start(date, slot) > now)
            .collect()
    }

    /// When a day's slot begins.
    #[must_use]
    pub fn slot_start(&self, date: Date, slot: &SlotTime) -> Timestamp {
        date.to_datetime(slot.start)
            .to_zoned(self.zone.tz())
            .map_or(Timestamp::MIN, |zoned| zoned.timestamp())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use jiff::civil::{date, time};

    fn slot(start: i8, end: i8) -> SlotTime {
        SlotTime {
            start: time(start, 0, 0, 0),
            end: time(end, 0, 0, 0),
        }
    }

    pub(crate) fn shop() -> Merchant {
        Merchant {
            id: MerchantId::parse("demo").unwrap(),
            name: "Jaya Gadget".to_owned(),
            about_id: "Servis ponsel".to_owned(),
            about_en: "Phone repair".to_owned(),
            zone: Zone::Jakarta,
            bot_username: Some("demo_bot".to_owned()),
            midtrans: Some(MidtransAccount {
                merchant_id: "G000000001".to_owned(),
                client_key: "SB-Mid-client-demo".to_owned(),
                environment: MidtransEnvironment::Sandbox,
            }),
            whatsapp: None,
            messaging: Messaging::default(),
            reminders: Reminders::default(),
            slots: Slots::new(vec![slot(9, 11), slot(12, 14), slot(15, 17), slot(18, 20)]).unwrap(),
            seats_per_slot: 1,
            closed_weekdays: vec![Weekday::Sunday],
            closed_dates: vec![date(2026, 12, 25)],
            horizon_days: 60,
            hold_minutes: 60,
            version: 0,
        }
    }

    #[test]
    fn a_setting_that_cannot_be_is_refused_by_its_name() {
        assert_eq!(shop().check(), Ok(()));
        let account = |merchant_id: &str, client_key: &str, environment| MidtransAccount {
            merchant_id: merchant_id.to_owned(),
            client_key: client_key.to_owned(),
            environment,
        };
        let many = (0..24).map(|hour| SlotTime {
            start: time(hour, 0, 0, 0),
            end: time(hour, 59, 0, 0),
        });
        let cases: [(&str, Merchant); 12] = [
            (
                "name",
                Merchant {
                    name: " ".to_owned(),
                    ..shop()
                },
            ),
            (
                "name",
                Merchant {
                    name: "a".repeat(61),
                    ..shop()
                },
            ),
            (
                "name",
                Merchant {
                    name: "a\nb".to_owned(),
                    ..shop()
                },
            ),
            (
                "about-id",
                Merchant {
                    about_id: "a".repeat(301),
                    ..shop()
                },
            ),
            (
                "seats",
                Merchant {
                    seats_per_slot: 0,
                    ..shop()
                },
            ),
            (
                "hold-minutes",
                Merchant {
                    hold_minutes: 9,
                    ..shop()
                },
            ),
            (
                "horizon-days",
                Merchant {
                    horizon_days: 0,
                    ..shop()
                },
            ),
            (
                "slots",
                Merchant {
                    slots: Slots::new(many.collect()).unwrap(),
                    seats_per_slot: 5,
                    ..shop()
                },
            ),
            (
                "bot-username",
                Merchant {
                    bot_username: Some("a-bot".to_owned()),
                    ..shop()
                },
            ),
            (
                "merchant-id",
                Merchant {
                    midtrans: Some(account(
                        "G/1",
                        "SB-Mid-client-x",
                        MidtransEnvironment::Sandbox,
                    )),
                    ..shop()
                },
            ),
            (
                "client-key",
                Merchant {
                    midtrans: Some(account("G1", "Mid-client-x", MidtransEnvironment::Sandbox)),
                    ..shop()
                },
            ),
            (
                "client-key",
                Merchant {
                    midtrans: Some(account(
                        "G1",
                        "SB-Mid-client-x",
                        MidtransEnvironment::Production,
                    )),
                    ..shop()
                },
            ),
        ];
        for (field, merchant) in cases {
            assert_eq!(merchant.check().unwrap_err().field, field);
        }
    }

    #[test]
    fn a17_a_server_key_of_the_other_world_is_refused_and_not_quoted() {
        let sandbox = MidtransEnvironment::Sandbox;
        assert_eq!(sandbox.check_server_key("SB-Mid-server-x"), Ok(()));
        for wrong in [
            "Mid-server-x",
            "SB-Mid-client-x",
            "SB-Mid-server-",
            "",
            "SB-Mid-server-x\n",
        ] {
            let refused = sandbox.check_server_key(wrong).unwrap_err().to_string();
            assert!(
                refused.starts_with("server-key: a key of the sandbox"),
                "{refused}"
            );
        }
        let production = MidtransEnvironment::Production;
        assert!(production.check_server_key("SB-Mid-server-x").is_err());
        assert_eq!(production.check_server_key("Mid-server-x"), Ok(()));
    }

    #[test]
    fn c2_overlapping_slots_are_refused_adjacent_ones_allowed() {
        assert!(matches!(
            Slots::new(vec![slot(14, 16), slot(15, 17)]),
            Err(SlotsError::Overlap(..))
        ));
        assert!(matches!(
            Slots::new(vec![slot(22, 22)]),
            Err(SlotsError::Empty(_))
        ));
        assert!(Slots::new(vec![slot(15, 16), slot(14, 15)]).is_ok());
    }

    #[test]
    fn each_day_that_cannot_be_booked_says_why() {
        let shop = shop();
        let now: Timestamp = "2026-12-01T08:00:00+07:00".parse().unwrap();
        let late: Timestamp = "2026-12-01T18:00:00+07:00".parse().unwrap();
        let last = date(2027, 1, 30);
        for (day, at, expected) in [
            (date(2026, 11, 30), now, Err(DayRefused::Past)),
            (date(2027, 1, 31), now, Err(DayRefused::TooFar { last })),
            (
                date(2026, 12, 6),
                now,
                Err(DayRefused::ClosedWeekday {
                    weekday: Weekday::Sunday,
                }),
            ),
            (date(2026, 12, 25), now, Err(DayRefused::ClosedDate)),
            (date(2026, 12, 1), late, Err(DayRefused::AfterClosing)),
            (date(2026, 12, 1), now, Ok(())),
            (last, now, Ok(())),
        ] {
            assert_eq!(shop.check_day(day, at), expected, "{day}");
        }
        assert_eq!(
            shop.open_days(late, 2),
            [date(2026, 12, 2), date(2026, 12, 3)]
        );
    }

    #[test]
    fn i5_the_day_turns_at_midnight_of_the_merchants_zone() {
        let shop = shop();
        for (instant, day) in [
            ("2026-12-01T16:59:59Z", date(2026, 12, 1)),
            ("2026-12-01T17:00:00Z", date(2026, 12, 2)),
            ("2026-12-01T23:59:59+07:00", date(2026, 12, 1)),
            ("2026-12-02T00:00:00+07:00", date(2026, 12, 2)),
        ] {
            assert_eq!(shop.today(instant.parse().unwrap()), day, "{instant}");
        }
    }
}
