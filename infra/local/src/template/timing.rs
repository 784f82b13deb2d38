//! When a schedule calls its function
//! (<https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html>): a rate, or one of
//! the two forms of cron that a month's end and a day need. Other forms are refused by name.

use anyhow::{Context as _, bail, ensure};
use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use pesan_domain::calendar::Zone;

/// When a function is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Timing {
    /// Again and again.
    Rate {
        /// Seconds from one call to the next.
        every_seconds: i64,
    },
    /// By the clock of a zone.
    Cron(Cron),
}

/// A time of certain days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cron {
    time: Time,
    days: Days,
    /// None is UTC, as where a schedule names no zone.
    zone: Option<Zone>,
}

/// Of which days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Days {
    /// `* * ? *`
    Every,
    /// `L * ? *`
    LastOfMonth,
}

impl Timing {
    /// Reads a `ScheduleExpression` with its `ScheduleExpressionTimezone`.
    ///
    /// # Errors
    /// Names what is not honoured here.
    pub fn parse(expression: &str, zone: Option<&str>) -> anyhow::Result<Self> {
        if let Some(every_seconds) = rate(expression) {
            ensure!(
                zone.is_none(),
                "ScheduleExpressionTimezone: a rate has no zone"
            );
            return Ok(Self::Rate { every_seconds });
        }
        let (time, days) = cron(expression).with_context(|| {
            format!(
                "the local stack reads a rate of minutes, hours or days, cron(M H * * ? *) and \
                 cron(M H L * ? *), not {expression}"
            )
        })?;
        let zone = match zone {
            None | Some("UTC") => None,
            Some(name) => match Zone::parse(name) {
                Ok(zone) => Some(zone),
                Err(error) => bail!("ScheduleExpressionTimezone: {name} is {error}"),
            },
        };
        Ok(Self::Cron(Cron { time, days, zone }))
    }
}

impl Cron {
    /// The first instant after another; none at the end of all time.
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let zone = self.zone.map_or(TimeZone::UTC, Zone::tz);
        let mut date = self.days.from(after.to_zoned(zone.clone()).date());
        loop {
            let local = date.to_datetime(self.time).to_zoned(zone.clone());
            let instant = local.ok()?.timestamp();
            if instant > after {
                return Some(instant);
            }
            date = self.days.from(date.tomorrow().ok()?);
        }
    }
}

impl Days {
    /// The first of these days that is not before a date.
    fn from(self, date: Date) -> Date {
        match self {
            Self::Every => date,
            Self::LastOfMonth => date.last_of_month(),
        }
    }
}

/// `rate(1 minute)` in seconds.
fn rate(expression: &str) -> Option<i64> {
    let inner = expression.strip_prefix("rate(")?.strip_suffix(')')?;
    let (count, unit) = inner.split_once(' ')?;
    let seconds = match unit.strip_suffix('s').unwrap_or(unit) {
        "minute" => 60,
        "hour" => 3_600,
        "day" => 86_400,
        _ => return None,
    };
    let count: i64 = count.parse().ok().filter(|count| *count > 0)?;
    count.checked_mul(seconds)
}

/// `cron(0 9 L * ? *)`
fn cron(expression: &str) -> Option<(Time, Days)> {
    let inner = expression.strip_prefix("cron(")?.strip_suffix(')')?;
    let fields: Vec<&str> = inner.split(' ').collect();
    let [minute, hour, day, "*", "?", "*"] = fields.as_slice() else {
        return None;
    };
    let days = match *day {
        "*" => Days::Every,
        "L" => Days::LastOfMonth,
        _ => return None,
    };
    let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_plain(minute) || !is_plain(hour) {
        return None;
    }
    let time = Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()?;
    Some((time, days))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instants(expression: &str, zone: Option<&str>, after: &str, count: usize) -> Vec<String> {
        let Timing::Cron(cron) = Timing::parse(expression, zone).unwrap() else {
            unreachable!("{expression} is no cron");
        };
        let mut instant: Timestamp = after.parse().unwrap();
        let next = |_| {
            instant = cron.next(instant).unwrap();
            instant.to_string()
        };
        (0..count).map(next).collect()
    }

    #[test]
    fn the_last_day_of_each_month_by_the_clock_of_the_zone() {
        let month_end = |zone, after| instants("cron(0 9 L * ? *)", zone, after, 4);
        assert_eq!(
            month_end(Some("Asia/Jakarta"), "2026-11-30T01:59:59Z"),
            [
                "2026-11-30T02:00:00Z",
                "2026-12-31T02:00:00Z",
                "2027-01-31T02:00:00Z",
                "2027-02-28T02:00:00Z",
            ]
        );
        // In Jayapura it is the first of the next month already.
        assert_eq!(
            month_end(Some("Asia/Jayapura"), "2028-01-31T15:30:00Z")[0],
            "2028-02-29T00:00:00Z"
        );
        assert_eq!(
            month_end(None, "2026-11-30T01:59:59Z")[0],
            "2026-11-30T09:00:00Z"
        );
    }

    #[test]
    fn every_day_by_the_clock_of_the_zone() {
        assert_eq!(
            instants(
                "cron(30 9 * * ? *)",
                Some("Asia/Makassar"),
                "2026-12-31T01:30:00Z",
                2
            ),
            ["2027-01-01T01:30:00Z", "2027-01-02T01:30:00Z"]
        );
    }

    #[test]
    fn what_is_not_read_is_refused_by_name() {
        for (expression, zone, name) in [
            ("cron(0 9 1 * ? *)", None, "cron(0 9 1 * ? *)"),
            ("cron(0 9 ? * MON *)", None, "MON"),
            ("cron(0/5 9 * * ? *)", None, "0/5"),
            ("cron(0 9 * 1 ? *)", None, "cron"),
            ("cron(0 9 * * ? 2027)", None, "2027"),
            ("cron(0 24 * * ? *)", None, "24"),
            ("cron(60 9 * * ? *)", None, "60"),
            ("cron(+1 9 * * ? *)", None, "+1"),
            ("cron(0  9 * * ? *)", None, "cron"),
            ("cron(0 9 * * *)", None, "cron"),
            ("rate(0 minutes)", None, "rate(0 minutes)"),
            ("at(2026-11-30T09:00:00)", None, "at("),
            ("cron(0 9 * * ? *)", Some("Europe/London"), "Europe/London"),
            ("rate(1 minute)", Some("Asia/Jakarta"), "Timezone"),
        ] {
            let refused = Timing::parse(expression, zone).unwrap_err();
            assert!(format!("{refused:#}").contains(name), "{expression}");
        }
        let every_seconds = 7_200;
        assert_eq!(
            Timing::parse("rate(2 hours)", None).unwrap(),
            Timing::Rate { every_seconds }
        );
    }
}
