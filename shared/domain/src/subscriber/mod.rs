//! Who pays a merchant each month, what for, and how a file of them is read and written.

mod cell;
mod column;
mod entry;
mod plan;
mod row;

use jiff::Timestamp;

use crate::billing::{Bill, NoChannel, Reach};
use crate::calendar::Zone;
use crate::field::{self, FieldRefused};
use crate::ids::{PlanId, SubscriberId};
use crate::language::Language;
use crate::message::Channel;
use crate::message::activation::Activation;
use crate::whatsapp::Phone;

pub use cell::{harmless, plain};
pub use column::{Column, Heading, HeadingError};
pub use entry::{Entry, Settled, check_id, check_plan};
pub use plan::{Plan, Plans};
pub use row::{Correction, Judged, cells, judge};

/// The day of the month on which bills fall due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AnchorDay(i8);

impl AnchorDay {
    /// A day from 1 to 31; in a month without it, the month's last day holds.
    ///
    /// # Errors
    /// [`FieldRefused`]
    pub fn new(day: u64) -> Result<Self, FieldRefused> {
        field::check_number("anchor_day", day, 1, 31)?;
        Ok(Self(i8::try_from(day).unwrap_or(i8::MAX)))
    }

    /// As a plain number.
    #[must_use]
    pub fn get(self) -> i8 {
        self.0
    }
}

/// The 10th.
impl Default for AnchorDay {
    fn default() -> Self {
        Self(10)
    }
}

/// That something was said: when, where it is known from, and by whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noted {
    at: Timestamp,
    source: String,
    by: By,
}

/// Who says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The person, with a keyword on WhatsApp: they alone take it back.
    Keyword,
    /// The merchant, which noted it.
    Merchant,
}

/// What a person said themselves is not the merchant's to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("opted_out: they wrote STOP themselves, and take it back by writing MULAI")]
pub struct OwnWord;

impl Noted {
    /// What the merchant knows from `source` to have been said at `at`, of which whole seconds are
    /// kept. `field` is what the source is refused by.
    ///
    /// # Errors
    /// [`FieldRefused`] unless the source has 1 to 60 characters.
    pub fn new(field: &'static str, at: Timestamp, source: &str) -> Result<Self, FieldRefused> {
        field::check_text(field, source, 1, 60)?;
        Ok(Self {
            at: whole_second(at),
            source: source.to_owned(),
            by: By::Merchant,
        })
    }

    /// What a person said at `at` with a keyword on WhatsApp.
    #[must_use]
    pub fn by_keyword(at: Timestamp) -> Self {
        Self {
            at: whole_second(at),
            source: BY_KEYWORD.to_owned(),
            by: By::Keyword,
        }
    }

    /// The same, said by `by`.
    #[must_use]
    pub fn said_by(self, by: By) -> Self {
        Self { by, ..self }
    }

    /// Who says so.
    #[must_use]
    pub fn by(&self) -> By {
        self.by
    }

    /// When.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// Where it is known from, such as `paper form` or `WhatsApp STOP`.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }
}

/// A time without what is not kept of it.
fn whole_second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

/// The source of an opt-out that the subscriber wrote themselves. The merchant may write the same: who
/// says so is [`Noted::by`].
pub const BY_KEYWORD: &str = "WhatsApp STOP";

/// Who is billed each month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscriber {
    /// Stable: bills and their order ids carry it.
    pub id: SubscriberId,
    /// As they are addressed.
    pub name: String,
    /// Their number at WhatsApp; others may have the same.
    pub phone: Phone,
    /// What they pay for.
    pub plan: PlanId,
    /// When their bills fall due.
    pub anchor_day: AnchorDay,
    /// What they are written to in.
    pub language: Language,
    /// Whose night is kept quiet, and whose days their dates are.
    pub zone: Zone,
    /// Owes nothing for now.
    pub is_paused: bool,
    /// That they want nothing on WhatsApp.
    pub opted_out: Option<Noted>,
    /// That they agreed to be written to.
    pub consent: Option<Noted>,
    /// Their chat with the merchant's bot.
    pub telegram_chat: Option<i64>,
    /// How often that was another one: a link to the bot is good for one change.
    pub chat_changes: u32,
    /// A run bills who was made before it.
    pub made_at: Timestamp,
    /// Counts its commits.
    pub version: u64,
}

impl Subscriber {
    /// Whether their name can be.
    ///
    /// # Errors
    /// [`FieldRefused`]: 1 to 60 characters.
    pub fn check(&self) -> Result<(), FieldRefused> {
        field::check_text("name", &self.name, 1, 60)
    }

    /// Takes what the merchant notes of their wanting nothing on WhatsApp, or that it was taken back.
    ///
    /// # Errors
    /// [`OwnWord`] where they said it themselves.
    pub fn note_opt_out(&mut self, noted: Option<&Noted>) -> Result<(), OwnWord> {
        match (&self.opted_out, noted) {
            (Some(said), Some(noted)) if said.at == noted.at && said.source == noted.source => {
                Ok(())
            }
            (Some(said), _) if said.by == By::Keyword => Err(OwnWord),
            (_, noted) => {
                self.opted_out = noted.cloned();
                Ok(())
            }
        }
    }

    /// Whether a bill that carries their id is theirs: who came after it was made has got the id of
    /// somebody who was taken out.
    #[must_use]
    pub fn owes(&self, bill: &Bill) -> bool {
        self.made_at <= bill.made_at
    }

    /// With another chat, or none.
    #[must_use]
    pub fn with_chat(self, chat: Option<i64>) -> Self {
        let changes = u32::from(self.telegram_chat != chat);
        Self {
            telegram_chat: chat,
            chat_changes: self.chat_changes.saturating_add(changes),
            ..self
        }
    }

    /// How they are told: over WhatsApp, unless they want nothing there or the merchant's is not
    /// active; then by the chat that they have linked. Without one, who wants WhatsApp waits for it.
    #[must_use]
    pub fn reach(&self, whatsapp: Activation) -> Reach {
        match (&self.opted_out, whatsapp, self.telegram_chat) {
            (None, Activation::Active, _)
            | (None, Activation::Inactive | Activation::Requested | Activation::Suspended, None) => {
                Reach::By(Channel::WhatsApp)
            }
            (_, _, Some(_)) => Reach::By(Channel::Telegram),
            (Some(_), _, None) => Reach::Nothing(NoChannel::OptedOut),
        }
    }

    /// Without a chat; a link to the bot that was given out leads nowhere any more.
    #[must_use]
    pub fn without_chat(self) -> Self {
        Self {
            telegram_chat: None,
            chat_changes: self.chat_changes.saturating_add(1),
            ..self
        }
    }

    /// With what their phone's owner said on WhatsApp since `opted_out_at`, or takes back. What the
    /// merchant noted itself stays.
    #[must_use]
    pub fn heard(&self, opted_out_at: Option<Timestamp>) -> Self {
        let opted_out = match (opted_out_at, &self.opted_out) {
            (Some(at), None) => Some(Noted::by_keyword(at)),
            (None, Some(said)) if said.by == By::Keyword => None,
            (_, known) => known.clone(),
        };
        Self {
            opted_out,
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn budi() -> Subscriber {
        Subscriber {
            id: SubscriberId::parse("plg-001").unwrap(),
            name: "Budi Santoso".to_owned(),
            phone: Phone::read("081200001001").unwrap(),
            plan: PlanId::parse("dasar").unwrap(),
            anchor_day: AnchorDay::default(),
            language: Language::Indonesian,
            zone: Zone::Jakarta,
            is_paused: false,
            opted_out: None,
            consent: None,
            telegram_chat: None,
            chat_changes: 0,
            made_at: Timestamp::from_second(1_796_000_000).unwrap(),
            version: 1,
        }
    }

    #[test]
    fn a_bill_falls_due_on_a_day_from_1_to_31() {
        assert_eq!(AnchorDay::default().get(), 10);
        assert_eq!(AnchorDay::new(31).unwrap().get(), 31);
        for day in [0, 32, u64::MAX] {
            assert_eq!(AnchorDay::new(day).unwrap_err().field, "anchor_day");
        }
    }

    #[test]
    fn one_rule_says_how_a_subscriber_is_told() {
        let at = Timestamp::from_second(1_796_000_100).unwrap();
        let whatsapp = Reach::By(Channel::WhatsApp);
        let telegram = Reach::By(Channel::Telegram);
        let nothing = Reach::Nothing(NoChannel::OptedOut);
        for (opted_out_at, chat, active, not_active) in [
            (None, None, whatsapp, whatsapp),
            (None, Some(7), whatsapp, telegram),
            (Some(at), None, nothing, nothing),
            (Some(at), Some(7), telegram, telegram),
        ] {
            let subscriber = Subscriber {
                telegram_chat: chat,
                ..budi().heard(opted_out_at)
            };
            assert_eq!(subscriber.reach(Activation::Active), active);
            for other in [
                Activation::Inactive,
                Activation::Requested,
                Activation::Suspended,
            ] {
                assert_eq!(subscriber.reach(other), not_active, "{other:?}");
            }
        }
    }

    #[test]
    fn a_keyword_takes_back_only_what_a_keyword_said() {
        let at = Timestamp::from_second(1_796_000_100).unwrap();
        let stopped = budi().heard(Some(at));
        let said = stopped.opted_out.clone().unwrap();
        assert_eq!((said.at(), said.source()), (at, BY_KEYWORD));
        assert_eq!(stopped.heard(Some(at)), stopped);
        assert_eq!(stopped.heard(None), budi());
        for source in ["phone call", BY_KEYWORD] {
            let noted = Subscriber {
                opted_out: Some(Noted::new("opted_out_source", at, source).unwrap()),
                ..budi()
            };
            assert_eq!(noted.heard(None), noted);
            assert_eq!(noted.heard(Some(at)), noted);
        }
    }

    #[test]
    fn the_merchant_takes_back_only_what_it_noted_itself() {
        let at = Timestamp::from_second(1_796_000_100).unwrap();
        let noted = Noted::new("opted_out_source", at, BY_KEYWORD).unwrap();
        let mut subscriber = budi();
        subscriber.note_opt_out(Some(&noted)).unwrap();
        assert_eq!(subscriber.opted_out.as_ref(), Some(&noted));
        subscriber.note_opt_out(None).unwrap();
        assert_eq!(subscriber, budi());

        let mut stopped = budi().heard(Some(at));
        let before = stopped.clone();
        let call = Noted::new("opted_out_source", at, "phone call").unwrap();
        assert_eq!(stopped.note_opt_out(None), Err(OwnWord));
        assert_eq!(stopped.note_opt_out(Some(&call)), Err(OwnWord));
        // As it is shown, it may be sent back.
        assert_eq!(stopped.note_opt_out(Some(&noted)), Ok(()));
        assert_eq!(stopped, before);
    }
}
