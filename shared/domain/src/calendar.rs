//! Zones, slots and dates as people write and read them.

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;

use crate::language::Language;

/// One of Indonesia's three zones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zone {
    /// WIB, UTC+7.
    Jakarta,
    /// WITA, UTC+8.
    Makassar,
    /// WIT, UTC+9.
    Jayapura,
}

/// A text that names none of the three zones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not Asia/Jakarta, Asia/Makassar or Asia/Jayapura")]
pub struct ZoneError;

impl Zone {
    /// Reads an IANA name.
    ///
    /// # Errors
    /// [`ZoneError`] for any other zone.
    pub fn parse(text: &str) -> Result<Self, ZoneError> {
        match text {
            "Asia/Jakarta" => Ok(Self::Jakarta),
            "Asia/Makassar" => Ok(Self::Makassar),
            "Asia/Jayapura" => Ok(Self::Jayapura),
            _ => Err(ZoneError),
        }
    }

    /// The IANA name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Jakarta => "Asia/Jakarta",
            Self::Makassar => "Asia/Makassar",
            Self::Jayapura => "Asia/Jayapura",
        }
    }

    /// What stands behind a time.
    #[must_use]
    pub fn abbreviation(self) -> &'static str {
        match self {
            Self::Jakarta => "WIB",
            Self::Makassar => "WITA",
            Self::Jayapura => "WIT",
        }
    }

    /// The zone's clock. Indonesia has had no summer time since 1964, so a fixed offset is exact.
    #[must_use]
    pub fn tz(self) -> TimeZone {
        TimeZone::fixed(jiff::tz::offset(match self {
            Self::Jakarta => 7,
            Self::Makassar => 8,
            Self::Jayapura => 9,
        }))
    }
}

/// A slot of a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotTime {
    /// When it begins.
    pub start: Time,
    /// When it ends.
    pub end: Time,
}

impl SlotTime {
    /// What a button carries: `0900`.
    #[must_use]
    pub fn id(&self) -> String {
        self.start.strftime("%H%M").to_string()
    }

    /// What its key carries: `09:00`.
    #[must_use]
    pub fn sort_key(&self) -> String {
        self.start.strftime("%H:%M").to_string()
    }

    /// `09.00–11.00 WIB`.
    #[must_use]
    pub fn label(&self, zone: Zone) -> String {
        format!(
            "{}–{} {}",
            self.start.strftime("%H.%M"),
            self.end.strftime("%H.%M"),
            zone.abbreviation()
        )
    }
}

/// `15.00 WIB`.
#[must_use]
pub fn time_in_words(time: Time, zone: Zone) -> String {
    format!("{} {}", time.strftime("%H.%M"), zone.abbreviation())
}

/// `Sabtu, 5 Desember 2026` or `Saturday, 5 December 2026`.
#[must_use]
pub fn date_in_words(date: Date, language: Language) -> String {
    format!(
        "{}, {} {} {}",
        weekday_in_words(date.weekday(), language),
        date.day(),
        month_in_words(date.month(), language),
        date.year()
    )
}

/// The weekday's name.
#[must_use]
pub fn weekday_in_words(weekday: Weekday, language: Language) -> &'static str {
    let (indonesian, english) = match weekday {
        Weekday::Monday => ("Senin", "Monday"),
        Weekday::Tuesday => ("Selasa", "Tuesday"),
        Weekday::Wednesday => ("Rabu", "Wednesday"),
        Weekday::Thursday => ("Kamis", "Thursday"),
        Weekday::Friday => ("Jumat", "Friday"),
        Weekday::Saturday => ("Sabtu", "Saturday"),
        Weekday::Sunday => ("Minggu", "Sunday"),
    };
    match language {
        Language::Indonesian => indonesian,
        Language::English => english,
    }
}

/// The month's name, 1 to 12.
#[must_use]
pub fn month_in_words(month: i8, language: Language) -> &'static str {
    let (indonesian, english) = match month {
        1 => ("Januari", "January"),
        2 => ("Februari", "February"),
        3 => ("Maret", "March"),
        4 => ("April", "April"),
        5 => ("Mei", "May"),
        6 => ("Juni", "June"),
        7 => ("Juli", "July"),
        8 => ("Agustus", "August"),
        9 => ("September", "September"),
        10 => ("Oktober", "October"),
        11 => ("November", "November"),
        _ => ("Desember", "December"),
    };
    match language {
        Language::Indonesian => indonesian,
        Language::English => english,
    }
}

/// Why a typed text is no date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DateProblem {
    /// Not day, month and year.
    #[error("not written as day/month/year")]
    Format,
    /// No such day, as 31/02/2027.
    #[error("no such day")]
    Impossible,
}

/// Reads a date typed as day, month and four-digit year, with `/`, `-` or `.` between them.
///
/// # Errors
/// [`DateProblem`]
pub fn parse_typed_date(text: &str) -> Result<Date, DateProblem> {
    let parts: Vec<&str> = text.trim().split(['/', '-', '.']).collect();
    let [day, month, year] = parts.as_slice() else {
        return Err(DateProblem::Format);
    };
    let digits = |part: &str, most: usize| {
        (1..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    if !digits(day, 2) || !digits(month, 2) || year.len() != 4 || !digits(year, 4) {
        return Err(DateProblem::Format);
    }
    let (Ok(day), Ok(month), Ok(year)) = (day.parse(), month.parse(), year.parse()) else {
        return Err(DateProblem::Format);
    };
    Date::new(year, month, day).map_err(|_| DateProblem::Impossible)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn i4_day_comes_before_month_and_is_read_back_in_words() {
        let typed = parse_typed_date("03/04/2027").unwrap();
        assert_eq!(
            date_in_words(typed, Language::Indonesian),
            "Sabtu, 3 April 2027"
        );
        assert_eq!(
            date_in_words(date(2026, 12, 5), Language::English),
            "Saturday, 5 December 2026"
        );
    }

    #[test]
    fn dates_that_are_none() {
        for bad in [
            "",
            "besok",
            "5/12",
            "5/12/26",
            "5/12/2026/1",
            "٥/12/2026",
            "2026/12/05",
        ] {
            assert_eq!(parse_typed_date(bad), Err(DateProblem::Format), "{bad}");
        }
        for bad in ["31/02/2027", "0/1/2027", "1/13/2027", "29/2/2027"] {
            assert_eq!(parse_typed_date(bad), Err(DateProblem::Impossible), "{bad}");
        }
        assert_eq!(parse_typed_date(" 5-12.2026 "), Ok(date(2026, 12, 5)));
    }
}
