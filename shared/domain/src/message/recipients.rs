//! Meta's limit of recipients a day: so many different people outside their 24-hour window
//! (<https://developers.facebook.com/documentation/business-messaging/whatsapp/messaging-limits>).

use jiff::Timestamp;

use super::quiet::after_recipient_limit;
use super::{Purpose, Urgency};
use crate::calendar::Zone;

/// One in so many recipients is kept for what is urgent.
const KEPT_FOR_URGENT: u32 = 10;

/// How much of a number's day is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayOfRecipients {
    /// 250 for a new business, then 2,000, 10,000 and 100,000; none without a limit.
    pub limit: Option<u32>,
    /// How many different people were reached in the last 24 hours.
    pub reached: u32,
}

impl DayOfRecipients {
    /// `None` where the recipient may be reached now, else when it is tried again. One who was
    /// reached already, or has written within 24 hours, costs nothing of the limit.
    #[must_use]
    pub fn wait(
        self,
        purpose: Purpose,
        counts: bool,
        zone: Zone,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let most = self.most(purpose)?;
        (counts && self.reached >= most)
            .then(|| after_recipient_limit(zone, purpose.urgency(), now))
    }

    /// How many people a purpose may reach on the day; none without a limit.
    #[must_use]
    pub fn most(self, purpose: Purpose) -> Option<u32> {
        let limit = self.limit?;
        let kept = limit.checked_div(KEPT_FOR_URGENT).unwrap_or_default();
        Some(match purpose.urgency() {
            Urgency::Urgent => limit,
            Urgency::Normal | Urgency::Bulk => limit.saturating_sub(kept),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_approvals_have_recipients_left_when_broadcasts_have_none() {
        let now: Timestamp = "2026-11-30T10:00:00+07:00".parse().unwrap();
        let wait = |reached, purpose, counts| {
            let limit = Some(250);
            DayOfRecipients { limit, reached }.wait(purpose, counts, Zone::Jakarta, now)
        };
        assert_eq!(wait(224, Purpose::Bill, true), None);
        let bill = wait(225, Purpose::Bill, true).unwrap();
        assert!(bill > "2026-12-01T08:00:00+07:00".parse().unwrap());
        assert_eq!(wait(225, Purpose::Bill, false), None, "reached already");
        assert_eq!(wait(249, Purpose::Otp, true), None);
        assert_eq!(wait(249, Purpose::Approval, true), None);
        assert!(wait(250, Purpose::Otp, true).is_some());
        let unlimited = DayOfRecipients {
            limit: None,
            reached: u32::MAX,
        };
        assert_eq!(
            unlimited.wait(Purpose::Bill, true, Zone::Jakarta, now),
            None
        );
    }
}
