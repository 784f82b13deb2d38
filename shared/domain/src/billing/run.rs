//! A run: one track of one period's tape, and what was frozen when it began.

use std::collections::BTreeMap;
use std::fmt;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use super::{Cell, Offset, Period, Reminders, Track};
use crate::calendar::Zone;
use crate::ids::{MerchantId, PlanId};
use crate::money::Rupiah;

/// How long after its scheduled time a run waits for the outcome of its messages.
pub const DEADLINE: SignedDuration = SignedDuration::from_hours(72);

/// Which run. There is one of each, whoever starts it and however often.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RunId {
    /// The bills of a period.
    Bill {
        /// Which.
        period: Period,
    },
    /// One reminder of a period's bills, for those whose day it is.
    Reminder {
        /// Which.
        period: Period,
        /// The track.
        offset: Offset,
        /// The day.
        date: Date,
    },
}

/// A text that names no run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a run such as 2026-11#bill or 2026-11#d-3#2026-12-07")]
pub struct RunIdError;

/// Why a period is not billed by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotNow {
    /// Its month is to come.
    #[error("{0} has not begun")]
    NotBegun(Period),
    /// Its month is none of the last two, and nobody has said that it is meant: its bills would be
    /// overdue when they are made, and a run cannot be undone.
    #[error("{0} is older than the last month")]
    Old(Period),
}

impl RunId {
    /// The run that an event of the month's end starts: of the month that it was scheduled in by
    /// the merchant's clock, however late it comes.
    #[must_use]
    pub fn bill(scheduled_at: Timestamp, zone: Zone) -> Self {
        Self::Bill {
            period: Period::at(scheduled_at, zone),
        }
    }

    /// The run of a period that somebody starts by hand at `now`, where `is_old` a month that may be
    /// older than the last one.
    ///
    /// # Errors
    /// [`NotNow`]
    pub fn by_hand(
        period: Period,
        now: Timestamp,
        zone: Zone,
        is_old: bool,
    ) -> Result<Self, NotNow> {
        let this = Period::at(now, zone);
        if period > this {
            return Err(NotNow::NotBegun(period));
        }
        if period < this.plus(-1) && !is_old {
            return Err(NotNow::Old(period));
        }
        Ok(Self::Bill { period })
    }

    /// The runs that a day's event starts: one for each reminder, each of the one period that can
    /// have that day.
    #[must_use]
    pub fn reminders(reminders: &Reminders, scheduled_at: Timestamp, zone: Zone) -> Vec<Self> {
        let date = scheduled_at.to_zoned(zone.tz()).date();
        let runs = reminders.iter().filter_map(|offset| {
            let period = Period::reminded_on(offset, date)?;
            Some(Self::Reminder {
                period,
                offset,
                date,
            })
        });
        runs.collect()
    }

    /// Whose tape.
    #[must_use]
    pub fn period(self) -> Period {
        match self {
            Self::Bill { period } | Self::Reminder { period, .. } => period,
        }
    }

    /// On which track.
    #[must_use]
    pub fn track(self) -> Track {
        match self {
            Self::Bill { .. } => Track::Bill,
            Self::Reminder { offset, .. } => Track::Reminder(offset),
        }
    }

    /// Reads what [`Display`](fmt::Display) writes.
    ///
    /// # Errors
    /// [`RunIdError`]
    pub fn parse(text: &str) -> Result<Self, RunIdError> {
        let mut parts = text.splitn(3, '#');
        let period = parts.next().and_then(|part| Period::parse(part).ok());
        let track = parts.next().and_then(|part| Track::parse(part).ok());
        let date = parts.next().map(str::parse::<Date>);
        let id = match (period, track, date) {
            (Some(period), Some(Track::Bill), None) => Self::Bill { period },
            (Some(period), Some(Track::Reminder(offset)), Some(Ok(date))) => Self::Reminder {
                period,
                offset,
                date,
            },
            _ => return Err(RunIdError),
        };
        Some(id)
            .filter(|id| id.to_string() == text)
            .ok_or(RunIdError)
    }
}

/// Reads `2026-11#bill` or `2026-11#d-3#2026-12-07`, as its rows' key has it.
impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.period(), self.track())?;
        match self {
            Self::Bill { .. } => Ok(()),
            Self::Reminder { date, .. } => write!(f, "#{date}"),
        }
    }
}

/// What a run froze when it began; none of it changes until it is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Which.
    pub id: RunId,
    /// Whose.
    pub merchant: MerchantId,
    /// The merchant's clock.
    pub zone: Zone,
    /// When it was to begin.
    pub scheduled_at: Timestamp,
    /// When it began in truth.
    pub begun_at: Timestamp,
    /// When it waits no longer.
    pub deadline: Timestamp,
    /// What each plan costs.
    pub prices: BTreeMap<PlanId, Rupiah>,
    /// The reminders that its bills will have.
    pub reminders: Reminders,
}

/// What is known when a run begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRun {
    /// Which.
    pub id: RunId,
    /// Whose.
    pub merchant: MerchantId,
    /// The merchant's clock.
    pub zone: Zone,
    /// When it was to begin, by the event; the time itself where it is started by hand.
    pub scheduled_at: Timestamp,
    /// What each plan costs.
    pub prices: BTreeMap<PlanId, Rupiah>,
    /// The merchant's reminders.
    pub reminders: Reminders,
}

impl Run {
    /// A run that begins at `now`.
    #[must_use]
    pub fn begin(new: NewRun, now: Timestamp) -> Self {
        let deadline = new.scheduled_at.checked_add(DEADLINE);
        Self {
            id: new.id,
            merchant: new.merchant,
            zone: new.zone,
            scheduled_at: new.scheduled_at,
            begun_at: now,
            deadline: deadline.unwrap_or(Timestamp::MAX),
            prices: new.prices,
            reminders: new.reminders,
        }
    }

    /// The subscribers of a bill run are those who were made before this: before its scheduled time,
    /// and before the end of its month where it is begun later.
    #[must_use]
    pub fn members_before(&self) -> Timestamp {
        let month_ends = self.id.period().ends_at(self.zone);
        self.scheduled_at.min(month_ends)
    }

    /// Whether it was begun before the last day of its month. Who comes in the days that are left is
    /// on no run's tape.
    #[must_use]
    pub fn is_early(&self) -> bool {
        let day = self.scheduled_at.to_zoned(self.zone.tz()).date();
        match self.id {
            RunId::Bill { period } => day < period.last_day(),
            RunId::Reminder { .. } => false,
        }
    }

    /// Whether a cell is on its tape: on a bill run's each, on a reminder's those of its day. The
    /// answer is the same however often it is asked.
    #[must_use]
    pub fn is_on_tape(&self, cell: &Cell) -> bool {
        match self.id {
            RunId::Bill { .. } => true,
            RunId::Reminder { offset, date, .. } => self.is_day_of(cell, offset, date),
        }
    }

    /// A bill is not called to mind on the day on which it was made. So each bill of the tape was
    /// made before the run's scheduled time.
    fn is_day_of(&self, cell: &Cell, offset: Offset, date: Date) -> bool {
        let made_before = cell
            .bill
            .as_ref()
            .is_some_and(|bill| bill.made_at.to_zoned(self.zone.tz()).date() < date);
        made_before && cell.reminder_day(offset) == Some(date)
    }

    /// What a plan costs in this run: as it was frozen, or `now` where the plan is younger than
    /// the run.
    #[must_use]
    pub fn price(&self, plan: &PlanId, now: Rupiah) -> Rupiah {
        self.prices.get(plan).copied().unwrap_or(now)
    }

    /// Whether its bills are called to mind for the last time: after it the merchant's system is
    /// told.
    #[must_use]
    pub fn is_last_reminder(&self) -> bool {
        match self.id {
            RunId::Bill { .. } => false,
            RunId::Reminder { offset, .. } => self.reminders.last() == Some(offset),
        }
    }
}
