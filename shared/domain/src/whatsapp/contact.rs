use jiff::{SignedDuration, Timestamp};

use crate::message::consent::{Consent, Keyword};

/// How long after a person's last message they may be sent free text
/// (<https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/send-messages>).
const WINDOW: SignedDuration = SignedDuration::from_hours(24);

/// How many inbound messages a contact remembers. What comes again later than that meets the
/// times, which only move forward.
const MOST_CLAIMS: usize = 32;

/// What a merchant knows of a phone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contact {
    /// Whether they want messages, since when not, and by which word; what was answered.
    pub consent: Consent,
    /// When they last wrote, by the vendor's clock.
    pub last_inbound: Option<Timestamp>,
    /// The inbound messages taken last, oldest first.
    pub claims: Vec<String>,
    /// Counts its commits.
    pub version: u64,
}

/// An inbound message, as far as a contact is changed by it.
#[derive(Clone, Debug)]
pub struct Written<'a> {
    /// Stands for its id.
    pub claim: String,
    /// What was typed.
    pub text: Option<&'a str>,
    /// When, by the vendor's clock.
    pub at: Timestamp,
}

/// What inbound messages come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The contact as it is then.
    pub next: Contact,
    /// The keyword in them that holds now, where one changed anything.
    pub heard: Option<Keyword>,
    /// Whether that is answered.
    pub answer: bool,
    /// How many of them were not taken before.
    pub fresh: usize,
}

impl Contact {
    /// Takes an inbound message written at `at`; `claim` stands for its id. None where it was taken
    /// before.
    #[must_use]
    pub fn take(&self, claim: &str, text: Option<&str>, at: Timestamp) -> Option<Taken> {
        if self.claims.iter().any(|known| known == claim) {
            return None;
        }
        let keyword = text.and_then(Keyword::read);
        let heard = keyword.and_then(|keyword| self.consent.hear(keyword, at));
        let mut claims = self.claims.clone();
        claims.push(claim.to_owned());
        let surplus = claims.len().saturating_sub(MOST_CLAIMS);
        claims.drain(..surplus);
        Some(Taken {
            next: Self {
                consent: heard.map_or(self.consent, |heard| heard.consent),
                last_inbound: self.last_inbound.max(Some(at)),
                claims,
                version: self.version.saturating_add(1),
            },
            heard: keyword.filter(|_| heard.is_some()),
            answer: heard.is_some_and(|heard| heard.answer),
            fresh: 1,
        })
    }

    /// Takes what a person wrote, in that order and as one commit: of several keywords the one
    /// that holds in the end is answered. None where all of it was taken before.
    #[must_use]
    pub fn take_all(&self, written: &[Written<'_>]) -> Option<Taken> {
        let mut all: Option<Taken> = None;
        for message in written {
            let contact = all.as_ref().map_or(self, |taken| &taken.next);
            let Some(taken) = contact.take(&message.claim, message.text, message.at) else {
                continue;
            };
            all = Some(match all {
                None => taken,
                Some(before) => Taken {
                    next: Self {
                        version: before.next.version,
                        ..taken.next
                    },
                    heard: taken.heard.or(before.heard),
                    answer: taken.answer || before.answer,
                    fresh: before.fresh.saturating_add(1),
                },
            });
        }
        all
    }

    /// Whether free text may be sent.
    #[must_use]
    pub fn window_is_open(&self, now: Timestamp) -> bool {
        self.last_inbound
            .is_some_and(|last| now.duration_since(last) < WINDOW)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_796_000_000 + second).unwrap()
    }

    #[test]
    fn a_message_is_taken_once_and_the_window_only_moves_on() {
        let first = Contact::default().take("a", Some("Halo"), at(10)).unwrap();
        assert_eq!((first.heard, first.answer), (None, false));
        assert_eq!(first.next.take("a", Some("Halo"), at(10)), None);
        let late = first.next.take("b", None, at(5)).unwrap().next;
        assert_eq!(late.last_inbound, Some(at(10)));
        assert_eq!(late.version, 2);
        let day = 24 * 60 * 60;
        assert!(late.window_is_open(at(10 + day - 1)));
        assert!(!late.window_is_open(at(10 + day)));
        assert!(!Contact::default().window_is_open(at(0)));
    }

    #[test]
    fn a_forgotten_message_that_comes_again_changes_nothing_but_its_claim() {
        let mut contact = Contact::default();
        let mut take = |claim: &str, text, second| {
            let taken = contact.take(claim, Some(text), at(second)).unwrap();
            contact = taken.next.clone();
            taken
        };
        assert!(take("stop", "STOP", 0).answer);
        for nth in 1..=40 {
            take(&nth.to_string(), "ya", nth);
        }
        let again = take("stop", "STOP", 0);
        assert_eq!((again.heard, again.answer), (None, false));
        assert_eq!(again.next.last_inbound, Some(at(40)));
        assert_eq!(again.next.claims.len(), MOST_CLAIMS);
    }

    #[test]
    fn e11_what_one_person_wrote_is_one_commit_and_the_word_that_holds_is_answered() {
        let written = |claim: &str, text: &'static str, second| Written {
            claim: claim.to_owned(),
            text: Some(text),
            at: at(second),
        };
        let known = Contact::default().take("a", Some("Halo"), at(0)).unwrap();
        let taken = known
            .next
            .take_all(&[
                written("a", "Halo", 0),
                written("b", "STOP", 1),
                written("b", "STOP", 1),
                written("c", "stop", 2),
                written("d", "Halo?", 9),
            ])
            .unwrap();
        assert_eq!(
            (taken.heard, taken.answer, taken.fresh),
            (Some(Keyword::Stop), true, 3)
        );
        assert_eq!(taken.next.version, 2);
        assert_eq!(taken.next.claims, ["a", "b", "c", "d"]);
        assert_eq!(taken.next.last_inbound, Some(at(9)));
        assert_eq!(taken.next.consent.opted_out_at, Some(at(1)));

        let back = taken
            .next
            .take_all(&[written("e", "mulai", 10), written("f", "STOP", 3)])
            .unwrap();
        assert_eq!((back.heard, back.answer), (Some(Keyword::Start), true));
        assert_eq!(back.next.consent.opted_out_at, None);
        assert_eq!(back.next.take_all(&[written("f", "STOP", 3)]), None);
        assert_eq!(back.next.take_all(&[]), None);
    }

    #[test]
    fn the_word_that_ends_messages_is_kept_with_its_time() {
        let taken = Contact::default()
            .take("a", Some("Berhenti."), at(3))
            .unwrap();
        assert_eq!((taken.heard, taken.answer), (Some(Keyword::Stop), true));
        assert_eq!(taken.next.consent.opted_out_at, Some(at(3)));
        assert_eq!(taken.next.consent.answered, Some(Keyword::Stop));
    }
}
