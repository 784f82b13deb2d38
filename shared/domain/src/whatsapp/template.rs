//! What Meta says of a registered template
//! (<https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/message_template_status_update>).
//! News come twice and out of order: of each thing the newest holds.

use jiff::Timestamp;

use crate::language::Language;
use crate::message::text::Kind;
use crate::message::{Category, named};

/// Where a template stands, in Meta's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TemplateStatus {
    /// Under review.
    Pending,
    /// It can be sent.
    Approved,
    /// It was not taken; the reason stands beside it.
    Rejected,
    /// Too many people blocked or reported it, for some hours.
    Paused,
    /// The same, for good.
    Disabled,
    /// Its rejection was appealed against.
    InAppeal,
    /// The account has too many.
    LimitExceeded,
    /// It can be neither sent nor changed.
    Locked,
    /// Put away.
    Archived,
    /// It is being deleted.
    PendingDeletion,
    /// It is not there any more.
    Deleted,
}

named!(TemplateStatus, "template status", {
    Pending = "PENDING",
    Approved = "APPROVED",
    Rejected = "REJECTED",
    Paused = "PAUSED",
    Disabled = "DISABLED",
    InAppeal = "IN_APPEAL",
    LimitExceeded = "LIMIT_EXCEEDED",
    Locked = "LOCKED",
    Archived = "ARCHIVED",
    PendingDeletion = "PENDING_DELETION",
    Deleted = "DELETED",
});

impl TemplateStatus {
    /// What a webhook's event makes of a template. None for a warning, which changes nothing, and
    /// for words that did not exist when this was written.
    #[must_use]
    pub fn after_event(event: &str) -> Option<Self> {
        match event {
            "REINSTATED" | "UNARCHIVED" => Some(Self::Approved),
            other => Self::parse(other).ok(),
        }
    }

    /// Whether messages with it go out.
    #[must_use]
    pub fn can_be_sent(self) -> bool {
        match self {
            Self::Approved => true,
            Self::Pending
            | Self::Rejected
            | Self::Paused
            | Self::Disabled
            | Self::InAppeal
            | Self::LimitExceeded
            | Self::Locked
            | Self::Archived
            | Self::PendingDeletion
            | Self::Deleted => false,
        }
    }
}

/// How people took a template, as Meta rates it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quality {
    /// Not rated yet.
    Unknown,
    /// Good.
    Green,
    /// Some blocked or reported it.
    Yellow,
    /// It will soon be paused.
    Red,
}

named!(Quality, "template quality", {
    Unknown = "UNKNOWN",
    Green = "GREEN",
    Yellow = "YELLOW",
    Red = "RED",
});

/// Meta's word for a category of templates, in capitals or not.
#[must_use]
pub fn category_of(word: &str) -> Option<Category> {
    [
        ("UTILITY", Category::Utility),
        ("AUTHENTICATION", Category::Authentication),
        ("MARKETING", Category::Marketing),
    ]
    .into_iter()
    .find(|(name, _)| name.eq_ignore_ascii_case(word))
    .map(|(_, category)| category)
}

/// What was said of one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said<T> {
    /// What.
    pub value: T,
    /// Since when it holds.
    pub since: Timestamp,
    /// When it was last said.
    pub heard_at: Timestamp,
}

impl<T: PartialEq + Copy> Said<T> {
    /// Said for the first time.
    #[must_use]
    pub fn new(value: T, at: Timestamp) -> Self {
        Self {
            value,
            since: at,
            heard_at: at,
        }
    }

    /// None where something newer was said, or the same at the same time.
    fn hear(self, value: T, at: Timestamp) -> Option<Self> {
        let same = value == self.value;
        if at < self.heard_at || (same && at == self.heard_at) {
            return None;
        }
        Some(Self {
            value,
            since: if same { self.since } else { at },
            heard_at: at,
        })
    }
}

/// News of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// Where it stands.
    Status(TemplateStatus, Option<String>),
    /// What its messages are priced by.
    Category(Category),
    /// How people took it.
    Quality(Quality),
}

/// A template in one language, as a merchant's business account has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// Which.
    pub kind: Kind,
    /// In which language.
    pub language: Language,
    /// Where it stands; none where only other things were heard.
    pub status: Option<Said<TemplateStatus>>,
    /// Why, in Meta's words, where it says.
    pub reason: Option<String>,
    /// What its messages are priced by.
    pub category: Option<Said<Category>>,
    /// How people took it.
    pub quality: Option<Said<Quality>>,
    /// Counts its commits.
    pub version: u64,
}

impl Registered {
    /// One that nothing is known of.
    #[must_use]
    pub fn unheard(kind: Kind, language: Language) -> Self {
        Self {
            kind,
            language,
            status: None,
            reason: None,
            category: None,
            quality: None,
            version: 0,
        }
    }

    /// Takes what Meta said at `at`. None where it changes nothing.
    #[must_use]
    pub fn hear(&self, news: &News, at: Timestamp) -> Option<Self> {
        let mut next = self.clone();
        match news {
            News::Status(status, reason) => {
                next.status = Some(heard(self.status, *status, at)?);
                next.reason.clone_from(reason);
            }
            News::Category(category) => {
                next.category = Some(heard(self.category, *category, at)?);
            }
            News::Quality(quality) => {
                next.quality = Some(heard(self.quality, *quality, at)?);
            }
        }
        next.version = self.version.saturating_add(1);
        Some(next)
    }

    /// Whether messages with it go out.
    #[must_use]
    pub fn can_be_sent(&self) -> bool {
        self.status.is_some_and(|said| said.value.can_be_sent())
    }
}

fn heard<T: PartialEq + Copy>(before: Option<Said<T>>, value: T, at: Timestamp) -> Option<Said<T>> {
    match before {
        None => Some(Said::new(value, at)),
        Some(before) => before.hear(value, at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_796_000_000 + second).unwrap()
    }

    #[test]
    fn of_each_thing_the_newest_holds() {
        let status = |status| News::Status(status, None);
        let first = Registered::unheard(Kind::Bill, Language::Indonesian);
        assert!(!first.can_be_sent());
        let approved = first
            .hear(&status(TemplateStatus::Approved), at(10))
            .unwrap();
        assert!(approved.can_be_sent());
        let twice = approved.hear(&status(TemplateStatus::Approved), at(10));
        assert_eq!(twice, None, "delivered twice");
        let late = approved.hear(&status(TemplateStatus::Pending), at(9));
        assert_eq!(late, None, "overtaken");
        let again = approved
            .hear(&status(TemplateStatus::Approved), at(20))
            .unwrap();
        assert_eq!(again.status.unwrap().since, at(10));
        assert_eq!(again.hear(&status(TemplateStatus::Paused), at(15)), None);
        let moved = again
            .hear(&News::Category(Category::Marketing), at(5))
            .unwrap();
        assert_eq!(moved.category.unwrap().value, Category::Marketing);
        let paused = moved.hear(&status(TemplateStatus::Paused), at(20)).unwrap();
        assert_eq!(paused.status.unwrap().since, at(20));
        assert_eq!(paused.version, 4);
        assert!(!paused.can_be_sent());
    }

    #[test]
    fn events_are_read_as_what_they_make_of_it() {
        for (event, after) in [
            ("APPROVED", Some(TemplateStatus::Approved)),
            ("REINSTATED", Some(TemplateStatus::Approved)),
            ("UNARCHIVED", Some(TemplateStatus::Approved)),
            ("PENDING_DELETION", Some(TemplateStatus::PendingDeletion)),
            ("FLAGGED", None),
            ("SOMETHING_NEW", None),
        ] {
            assert_eq!(TemplateStatus::after_event(event), after, "{event}");
        }
        assert_eq!(category_of("utility"), Some(Category::Utility));
        assert_eq!(category_of("SERVICE"), None);
    }
}
