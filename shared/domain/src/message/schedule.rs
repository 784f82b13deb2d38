//! When what was refused is tried again: waits as data.

use jiff::SignedDuration;

/// A row of waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// The vendor is in trouble: nine tries over a day.
    Server,
    /// It may as well be our mistake: few tries.
    Doubtful,
    /// The number is being moved to a higher throughput, up to a minute.
    Maintenance,
    /// The number is too fast; the shared bucket holds the rest back.
    Busy,
    /// Too many to one recipient. Meta asks for 4^x seconds, and lets one pass every six
    /// (<https://developers.facebook.com/documentation/business-messaging/whatsapp/about-the-platform>).
    Pair,
}

/// A random number that spreads waits, from 0 to `u16::MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jitter(pub u16);

impl Schedule {
    /// Seconds before each further try.
    #[must_use]
    pub const fn seconds(self) -> &'static [u32] {
        match self {
            Self::Server => &[2, 10, 30, 120, 600, 1_800, 3_600, 10_800, 21_600],
            Self::Doubtful => &[5, 60, 600],
            Self::Maintenance => &[60, 60, 300, 900],
            Self::Busy => &[1, 2, 4, 8, 16, 30, 60],
            Self::Pair => &[6, 24, 96, 384],
        }
    }

    /// Whether the last wait repeats: who was only too fast loses nothing but time, and in the
    /// end its own age ends it.
    #[must_use]
    pub const fn goes_on(self) -> bool {
        match self {
            Self::Busy | Self::Pair => true,
            Self::Server | Self::Doubtful | Self::Maintenance => false,
        }
    }

    /// The wait after so many refusals before this one, up to half of it longer by the jitter.
    /// `None` where there is no further try.
    #[must_use]
    pub fn wait(self, refusals: u16, jitter: Jitter) -> Option<SignedDuration> {
        let table = self.seconds();
        let last = if self.goes_on() { table.last() } else { None };
        let seconds = table.get(usize::from(refusals)).or(last)?;
        let millis = u64::from(*seconds).saturating_mul(1_000);
        let spread = millis
            .saturating_mul(u64::from(jitter.0))
            .checked_div(u64::from(u16::MAX).saturating_mul(2))
            .unwrap_or_default();
        let millis = i64::try_from(millis.saturating_add(spread)).unwrap_or(i64::MAX);
        Some(SignedDuration::from_millis(millis))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Schedule; 5] = [
        Schedule::Server,
        Schedule::Doubtful,
        Schedule::Maintenance,
        Schedule::Busy,
        Schedule::Pair,
    ];

    #[test]
    fn waits_never_shrink_and_jitter_adds_at_most_a_half() {
        for schedule in ALL {
            assert!(schedule.seconds().is_sorted(), "{schedule:?}");
            for (tries, seconds) in (0..).zip(schedule.seconds()) {
                let plain = SignedDuration::from_secs(i64::from(*seconds));
                assert_eq!(schedule.wait(tries, Jitter(0)), Some(plain));
                let most = schedule.wait(tries, Jitter(u16::MAX)).unwrap();
                assert_eq!(most, plain + plain / 2, "{schedule:?}");
            }
        }
    }

    #[test]
    fn e2_a_pair_waits_six_seconds_or_more() {
        for jitter in [0, 1, u16::MAX] {
            assert!(
                Schedule::Pair.wait(0, Jitter(jitter)).unwrap() >= SignedDuration::from_secs(6)
            );
        }
    }

    #[test]
    fn e5_tries_are_bounded_but_for_those_who_were_only_too_fast() {
        for schedule in ALL {
            let ends = schedule.wait(u16::MAX, Jitter(0)).is_none();
            assert_eq!(ends, !schedule.goes_on(), "{schedule:?}");
        }
        assert_eq!(Schedule::Server.wait(9, Jitter(0)), None);
    }
}
