//! STOP and MULAI: a recipient leaves and comes back. Meta's policy asks that an opt-out is
//! honoured however it is made (<https://business.whatsapp.com/policy>).

use jiff::Timestamp;

use crate::language::Language;
use crate::message::named;

/// What a recipient asks for with one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keyword {
    /// No more messages of this merchant.
    Stop,
    /// Messages again.
    Start,
}

named!(Keyword, "keyword", { Stop = "stop", Start = "start" });

const STOP: [&str; 8] = [
    "stop",
    "berhenti",
    "unsubscribe",
    "stop langganan",
    "berhenti langganan",
    "berhenti berlangganan",
    "stop pesan",
    "berhenti kirim pesan",
];
const START: [&str; 5] = [
    "mulai",
    "start",
    "mulai lagi",
    "mulai langganan",
    "subscribe",
];

impl Keyword {
    /// Reads a message that is a keyword and nothing else, whatever its case, spaces, punctuation
    /// and emoji: who writes that the screen "stop working" is not leaving.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        if text.len() > 256 {
            return None;
        }
        let said = words(text);
        let among = |list: &[&str]| list.contains(&said.as_str());
        if among(&STOP) {
            Some(Self::Stop)
        } else if among(&START) {
            Some(Self::Start)
        } else {
            None
        }
    }
}

/// Lower-case words with one space between them.
fn words(text: &str) -> String {
    text.chars()
        .filter(|letter| !matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}'))
        .map(narrow)
        .collect::<String>()
        .to_lowercase()
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// A full-width letter as a plain one.
pub(crate) fn narrow(letter: char) -> char {
    match letter {
        '\u{ff01}'..='\u{ff5e}' => u32::from(letter)
            .checked_sub(0xfee0)
            .and_then(char::from_u32)
            .unwrap_or(letter),
        other => other,
    }
}

/// Whether a recipient wants a merchant's messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Consent {
    /// Since when no more messages are wanted.
    pub opted_out_at: Option<Timestamp>,
    /// When the newest keyword was written, by the vendor's clock.
    pub heard_at: Option<Timestamp>,
    /// The newest keyword, which was answered.
    pub answered: Option<Keyword>,
}

/// What a keyword comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    /// What holds now.
    pub consent: Consent,
    /// Whether it is answered: the first time, not when it is repeated.
    pub answer: bool,
}

impl Consent {
    /// Whether no more messages are wanted.
    #[must_use]
    pub fn is_opted_out(&self) -> bool {
        self.opted_out_at.is_some()
    }

    /// Takes a keyword written at `at`. `None` where a newer one was heard already, or the same
    /// one; of two in the same second STOP holds.
    #[must_use]
    pub fn hear(&self, keyword: Keyword, at: Timestamp) -> Option<Heard> {
        let overtaken = self.heard_at.is_some_and(|heard| match keyword {
            Keyword::Stop => at < heard,
            Keyword::Start => at < heard || (at == heard && self.is_opted_out()),
        });
        let repeated = self.answered == Some(keyword) && self.heard_at == Some(at);
        if overtaken || repeated {
            return None;
        }
        let opted_out_at = match keyword {
            Keyword::Stop => Some(self.opted_out_at.unwrap_or(at)),
            Keyword::Start => None,
        };
        Some(Heard {
            consent: Self {
                opted_out_at,
                heard_at: Some(at),
                answered: Some(keyword),
            },
            answer: self.answered != Some(keyword),
        })
    }
}

/// What a keyword is answered with, as plain text.
#[must_use]
pub fn answer(keyword: Keyword, shop: &str, language: Language) -> String {
    match keyword {
        Keyword::Stop => language.pick(
            format!(
                "Baik, Anda tidak akan menerima pesan dari {shop} lagi, kecuali kode OTP yang Anda \
                 minta sendiri. Balas MULAI jika ingin menerimanya kembali."
            ),
            format!(
                "All right, you will get no more messages from {shop}, except for codes that you \
                 ask for. Reply MULAI to get them again."
            ),
        ),
        Keyword::Start => language.pick(
            format!(
                "Terima kasih, Anda akan menerima pesan dari {shop} kembali. Balas STOP kapan saja \
                 untuk berhenti."
            ),
            format!(
                "Thank you, you will get messages from {shop} again. Reply STOP at any time to end \
                 them."
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_796_000_000 + second).unwrap()
    }

    #[test]
    fn keywords_are_read_however_they_are_written() {
        for stop in [
            "STOP",
            "stop",
            " Stop. ",
            "S\u{200b}TOP",
            "«BERHENTI»!!",
            "berhenti 🙏",
            "ＳＴＯＰ",
            "Berhenti\nlangganan",
            "unsubscribe",
        ] {
            assert_eq!(Keyword::read(stop), Some(Keyword::Stop), "{stop}");
        }
        for start in ["MULAI", "mulai.", "Start", "mulai lagi ya"] {
            let expected = (start != "mulai lagi ya").then_some(Keyword::Start);
            assert_eq!(Keyword::read(start), expected, "{start}");
        }
    }

    #[test]
    fn other_words_are_no_keyword() {
        let long = "stop ".repeat(100);
        for other in [
            "",
            "   ",
            "!!!",
            "HP saya stop charging",
            "jangan berhenti",
            "stopkontak",
            "mulai jam berapa?",
            "s t o p",
            "stop stop",
            &long,
        ] {
            assert_eq!(Keyword::read(other), None, "{other}");
        }
    }

    #[test]
    fn each_is_answered_once_and_the_newest_holds() {
        let mut consent = Consent::default();
        let mut hear = |keyword, second| {
            let heard = consent.hear(keyword, at(second));
            consent = heard.map_or(consent, |heard| heard.consent);
            (heard.map(|heard| heard.answer), consent.is_opted_out())
        };
        use Keyword::{Start, Stop};
        assert_eq!(hear(Stop, 10), (Some(true), true));
        assert_eq!(hear(Stop, 10), (None, true), "delivered twice");
        assert_eq!(hear(Stop, 20), (Some(false), true), "said again");
        assert_eq!(hear(Start, 15), (None, true), "late, overtaken");
        assert_eq!(hear(Start, 20), (None, true), "the same second: STOP holds");
        assert_eq!(hear(Start, 30), (Some(true), false));
        assert_eq!(hear(Start, 40), (Some(false), false));
        assert_eq!(
            hear(Stop, 40),
            (Some(true), true),
            "the same second: STOP holds"
        );
    }

    #[test]
    fn an_opt_out_keeps_its_first_time() {
        let first = Consent::default()
            .hear(Keyword::Stop, at(1))
            .unwrap()
            .consent;
        let again = first.hear(Keyword::Stop, at(9)).unwrap().consent;
        assert_eq!(again.opted_out_at, Some(at(1)));
    }

    #[test]
    fn the_answers_say_the_way_back() {
        for language in [Language::Indonesian, Language::English] {
            assert!(answer(Keyword::Stop, "Jaya", language).contains("MULAI"));
            assert!(answer(Keyword::Start, "Jaya", language).contains("STOP"));
        }
    }
}
