//! A month that is billed, and the days that follow from it. Every day is the anchor put into a
//! month, never the day of the month before moved on: so 31 January, 28 February, 31 March.

use std::fmt;

use jiff::civil::{Date, date};
use jiff::{Span, Timestamp};

use super::Offset;
use crate::calendar::{Zone, month_in_words};
use crate::language::Language;
use crate::subscriber::AnchorDay;

const MONTHS: i32 = 12;
/// January 2000 and December 9998: every day that is counted from a period exists.
const FIRST: i32 = 2000 * MONTHS;
const LAST: i32 = 9998 * MONTHS + 11;

/// A text that is no period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a month such as 2026-11")]
pub struct PeriodError;

/// The month that a bill is for. Months are numbered through, so that they are counted from an
/// anchor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period(i32);

impl Period {
    /// The month of a date; the first or the last period for one beyond them.
    #[must_use]
    pub fn of(date: Date) -> Self {
        let year = i32::from(date.year()).saturating_mul(MONTHS);
        let month = i32::from(date.month()).saturating_sub(1);
        Self(year.saturating_add(month).clamp(FIRST, LAST))
    }

    /// The month of an event by its own time, on the merchant's clock; when it is handled does not
    /// matter.
    #[must_use]
    pub fn at(scheduled_at: Timestamp, zone: Zone) -> Self {
        Self::of(scheduled_at.to_zoned(zone.tz()).date())
    }

    /// Reads `2026-11`.
    ///
    /// # Errors
    /// [`PeriodError`]
    pub fn parse(text: &str) -> Result<Self, PeriodError> {
        Self::read(text.split_once('-'))
            .filter(|period| period.to_string() == text)
            .ok_or(PeriodError)
    }

    /// Reads `202611`.
    ///
    /// # Errors
    /// [`PeriodError`]
    pub fn parse_compact(text: &str) -> Result<Self, PeriodError> {
        Self::read(text.split_at_checked(4))
            .filter(|period| period.compact() == text)
            .ok_or(PeriodError)
    }

    fn read(parts: Option<(&str, &str)>) -> Option<Self> {
        let (year, month) = parts?;
        let first = Date::new(year.parse().ok()?, month.parse().ok()?, 1);
        first.map(Self::of).ok()
    }

    /// `202611`, as bill ids carry it.
    #[must_use]
    pub fn compact(self) -> String {
        format!("{:04}{:02}", self.year(), self.month())
    }

    /// The year.
    #[must_use]
    pub fn year(self) -> i16 {
        i16::try_from(self.0.div_euclid(MONTHS)).unwrap_or_default()
    }

    /// The month, 1 to 12.
    #[must_use]
    pub fn month(self) -> i8 {
        let month = self.0.rem_euclid(MONTHS).saturating_add(1);
        i8::try_from(month).unwrap_or(1)
    }

    /// `November 2026`.
    #[must_use]
    pub fn in_words(self, language: Language) -> String {
        let month = month_in_words(self.month(), language);
        format!("{month} {}", self.year())
    }

    /// The period so many months later, or earlier.
    #[must_use]
    pub fn plus(self, months: i16) -> Self {
        Self(self.0.saturating_add(i32::from(months)).clamp(FIRST, LAST))
    }

    /// Its first day.
    #[must_use]
    pub fn first_day(self) -> Date {
        Date::new(self.year(), self.month(), 1).unwrap_or(date(2000, 1, 1))
    }

    /// Its last day.
    #[must_use]
    pub fn last_day(self) -> Date {
        self.first_day().last_of_month()
    }

    /// The moment after its last one, on the merchant's clock.
    #[must_use]
    pub fn ends_at(self, zone: Zone) -> Timestamp {
        let next = self.plus(1).first_day().to_zoned(zone.tz());
        next.map_or(Timestamp::MAX, |midnight| midnight.timestamp())
    }

    /// The anchor's day in this month: the last day of a month that is too short for it.
    #[must_use]
    pub fn day(self, anchor: AnchorDay) -> Date {
        let last = self.last_day();
        Date::new(self.year(), self.month(), anchor.get().min(last.day())).unwrap_or(last)
    }

    /// When its bill is due: the anchor's day of the next month.
    #[must_use]
    pub fn due(self, anchor: AnchorDay) -> Date {
        self.plus(1).day(anchor)
    }

    /// The period whose bills can have this reminder today: the one with its due days in the month
    /// that the offset leads back to.
    #[must_use]
    pub fn reminded_on(offset: Offset, today: Date) -> Option<Self> {
        let due = today.checked_sub(Span::new().days(offset.days())).ok()?;
        Some(Self::of(due).plus(-1))
    }
}

/// Reads `2026-11`.
impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year(), self.month())
    }
}
