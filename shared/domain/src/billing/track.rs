//! The tracks of a tape: one for the bill, and one for each reminder.

use std::collections::BTreeSet;
use std::fmt;

use crate::field::FieldRefused;

/// How far from its due day a bill may be called to mind, in days.
const FARTHEST: i8 = 27;
/// Two due days of a subscriber are 28 days apart at least: within fewer days no two bills are
/// called to mind on the same one.
const WIDEST: i16 = 27;
/// How many reminders a bill may have.
const MOST_REMINDERS: usize = 8;

/// A text that names no track.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not bill, nor a reminder such as d-3, d0 or d+7")]
pub struct TrackError;

/// Days from the due day, negative before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Offset(i8);

impl Offset {
    /// So many days from the due day.
    ///
    /// # Errors
    /// [`FieldRefused`] for more than 27 days before or after it.
    pub fn new(days: i64) -> Result<Self, FieldRefused> {
        i8::try_from(days)
            .ok()
            .filter(|days| (-FARTHEST..=FARTHEST).contains(days))
            .map(Self)
            .ok_or_else(|| {
                let reason = format!("{days} is not from -{FARTHEST} to {FARTHEST} days");
                FieldRefused::new("reminders", reason)
            })
    }

    /// As a number of days.
    #[must_use]
    pub fn days(self) -> i8 {
        self.0
    }
}

/// Reads `d-3`, `d0` or `d+7`.
impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("d0"),
            days => write!(f, "d{days:+}"),
        }
    }
}

/// A track of the tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Track {
    /// The bill itself.
    Bill,
    /// A reminder, so many days from the due day.
    Reminder(Offset),
}

/// What kind of track it is; the legal writes tell no reminder from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TrackKind {
    /// The bill itself.
    Bill,
    /// A reminder.
    Reminder,
}

impl Track {
    /// Which kind it is of.
    #[must_use]
    pub fn kind(self) -> TrackKind {
        match self {
            Self::Bill => TrackKind::Bill,
            Self::Reminder(_) => TrackKind::Reminder,
        }
    }

    /// Reads `bill`, `d-3`, `d0` or `d+7`, and no other spelling of them.
    ///
    /// # Errors
    /// [`TrackError`]
    pub fn parse(text: &str) -> Result<Self, TrackError> {
        if text == "bill" {
            return Ok(Self::Bill);
        }
        let days = text.strip_prefix('d').and_then(|days| days.parse().ok());
        days.and_then(|days| Offset::new(days).ok())
            .map(Self::Reminder)
            .filter(|track| track.to_string() == text)
            .ok_or(TrackError)
    }
}

impl fmt::Display for Track {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bill => f.write_str("bill"),
            Self::Reminder(offset) => write!(f, "{offset}"),
        }
    }
}

/// When a merchant's bills are called to mind; a setting. None at all is allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reminders(BTreeSet<Offset>);

impl Reminders {
    /// On these days.
    ///
    /// # Errors
    /// [`FieldRefused`] for more than 8, one that is given twice, or days so far apart that two
    /// bills of a subscriber would be called to mind on the same day.
    pub fn new(offsets: &[Offset]) -> Result<Self, FieldRefused> {
        let refused = |reason: String| Err(FieldRefused::new("reminders", reason));
        let set: BTreeSet<Offset> = offsets.iter().copied().collect();
        if set.len() != offsets.len() {
            return refused("a day is given twice".to_owned());
        }
        if set.len() > MOST_REMINDERS {
            return refused(format!("{} are more than {MOST_REMINDERS}", set.len()));
        }
        let edge = |offset: Option<&Offset>| offset.map_or(0, |offset| i16::from(offset.days()));
        let width = edge(set.last()).saturating_sub(edge(set.first()));
        if width > WIDEST {
            let reason = format!("the first and the last are {width} days apart, at most {WIDEST}");
            return refused(reason);
        }
        Ok(Self(set))
    }

    /// From the first to the last.
    pub fn iter(&self) -> impl Iterator<Item = Offset> + '_ {
        self.0.iter().copied()
    }

    /// The last: after it the merchant's system is told that nothing helped.
    #[must_use]
    pub fn last(&self) -> Option<Offset> {
        self.0.last().copied()
    }

    /// Every track of a merchant's tape, the bill's first.
    pub fn tracks(&self) -> impl Iterator<Item = Track> + '_ {
        std::iter::once(Track::Bill).chain(self.iter().map(Track::Reminder))
    }
}

impl Default for Reminders {
    /// Three days before, on, three and seven days after the due day.
    fn default() -> Self {
        Self([-3, 0, 3, 7].map(Offset).into())
    }
}
