//! Quiet hours: from 21.00 to 08.00 in the recipient's zone nobody is disturbed.

use jiff::civil::{DateTime, Time};
use jiff::{SignedDuration, Span, Timestamp};

use super::Urgency;
use crate::calendar::Zone;

/// When the day ends.
pub const FROM: Time = Time::constant(21, 0, 0, 0);
/// When the next one begins.
pub const UNTIL: Time = Time::constant(8, 0, 0, 0);

/// The first instant from `now` on at which a message may arrive: `now` itself by day.
#[must_use]
pub fn next_allowed(zone: Zone, now: Timestamp) -> Timestamp {
    let local = now.to_zoned(zone.tz()).datetime();
    if local.time() >= UNTIL && local.time() < FROM {
        now
    } else {
        next_morning(zone, now)
    }
}

/// The next 08.00 after `now`.
#[must_use]
pub fn next_morning(zone: Zone, now: Timestamp) -> Timestamp {
    let local = now.to_zoned(zone.tz()).datetime();
    let date = if local.time() < UNTIL {
        local.date()
    } else {
        local.date().saturating_add(Span::new().days(1))
    };
    instant(date.to_datetime(UNTIL), zone).unwrap_or(now)
}

/// When a message that met the day's limit of recipients is tried again: in the morning, the
/// urgent a little before the rest.
#[must_use]
pub fn after_recipient_limit(zone: Zone, urgency: Urgency, now: Timestamp) -> Timestamp {
    let after = SignedDuration::from_mins(match urgency {
        Urgency::Urgent => 0,
        Urgency::Normal => 5,
        Urgency::Bulk => 15,
    });
    let morning = next_morning(zone, now);
    morning.checked_add(after).unwrap_or(morning)
}

fn instant(datetime: DateTime, zone: Zone) -> Option<Timestamp> {
    datetime
        .to_zoned(zone.tz())
        .ok()
        .map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn e20_the_night_lasts_from_nine_to_eight_in_each_zone() {
        use Zone::{Jakarta, Jayapura, Makassar};
        for (zone, now, allowed) in [
            (
                Jakarta,
                "2026-12-01T08:00:00+07:00",
                "2026-12-01T08:00:00+07:00",
            ),
            (
                Jakarta,
                "2026-12-01T20:59:59.999+07:00",
                "2026-12-01T20:59:59.999+07:00",
            ),
            (
                Jakarta,
                "2026-12-01T21:00:00+07:00",
                "2026-12-02T08:00:00+07:00",
            ),
            (
                Jakarta,
                "2026-12-02T00:00:00+07:00",
                "2026-12-02T08:00:00+07:00",
            ),
            (
                Jakarta,
                "2026-12-02T07:59:59.999+07:00",
                "2026-12-02T08:00:00+07:00",
            ),
            (
                Jakarta,
                "2026-12-31T23:30:00+07:00",
                "2027-01-01T08:00:00+07:00",
            ),
            // One instant, three zones: 19.30 WIB is 20.30 WITA and 21.30 WIT.
            (Jakarta, "2026-12-01T12:30:00Z", "2026-12-01T12:30:00Z"),
            (Makassar, "2026-12-01T12:30:00Z", "2026-12-01T12:30:00Z"),
            (
                Jayapura,
                "2026-12-01T12:30:00Z",
                "2026-12-02T08:00:00+09:00",
            ),
        ] {
            assert_eq!(next_allowed(zone, at(now)), at(allowed), "{zone:?} {now}");
        }
    }

    #[test]
    fn past_the_days_recipients_the_urgent_go_first_in_the_morning() {
        let evening = at("2026-12-01T19:00:00+07:00");
        let [urgent, normal, bulk] = [Urgency::Urgent, Urgency::Normal, Urgency::Bulk]
            .map(|urgency| after_recipient_limit(Zone::Jakarta, urgency, evening));
        assert_eq!(urgent, at("2026-12-02T08:00:00+07:00"));
        assert!(urgent < normal && normal < bulk);
    }
}
