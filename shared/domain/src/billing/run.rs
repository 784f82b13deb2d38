//! A run: one track of one period's tape, and what was frozen when it began.

use std::collections::BTreeMap;
use std::fmt;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use super::{Offset, Period, Reminders, Track};
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

/// A period is billed when its month has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{period} has not begun")]
pub struct NotBegun {
    /// Which.
    pub period: Period,
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

    /// The run of a period that somebody starts by hand at `now`.
    ///
    /// # Errors
    /// [`NotBegun`] for a month to come.
    pub fn by_hand(period: Period, now: Timestamp, zone: Zone) -> Result<Self, NotBegun> {
        if period > Period::at(now, zone) {
            return Err(NotBegun { period });
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
    /// When it was to begin. On its tape are the subscribers who were made before this.
    pub scheduled_at: Timestamp,
    /// When it began in truth.
    pub begun_at: Timestamp,
    /// When it waits no longer.
    pub deadline: Timestamp,
    /// What each plan costs.
    pub prices: BTreeMap<PlanId, Rupiah>,
    /// The version of the template that its messages are made with.
    pub template_version: u64,
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
    /// The version of the template that its messages are made with.
    pub template_version: u64,
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
            template_version: new.template_version,
            reminders: new.reminders,
        }
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
