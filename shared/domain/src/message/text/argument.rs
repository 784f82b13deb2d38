//! What stands in the blanks. Meta refuses line breaks, tabs and more than four spaces in a row
//! (code 132018), and an empty argument; links and codes are secrets.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::calendar::{Zone, date_in_words, month_in_words, time_in_words};
use crate::language::Language;

/// A text that is no argument of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a well-formed {0}")]
pub struct ArgumentError(&'static str);

/// A page's path below the base URL, without the leading slash: `b/…`. Who has it is let in, so
/// its `Debug` masks it.
#[derive(Clone, PartialEq, Eq)]
pub struct LinkPath(String);

impl LinkPath {
    /// Reads one.
    ///
    /// # Errors
    /// [`ArgumentError`] for what is no plain path of lower-case letters, digits, `-` and `/`.
    pub fn parse(text: &str) -> Result<Self, ArgumentError> {
        let plain = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'/'
        };
        let edges = text.starts_with('/') || text.ends_with('/') || text.contains("//");
        if (1..=200).contains(&text.len()) && text.bytes().all(plain) && !edges {
            Ok(Self(text.to_owned()))
        } else {
            Err(ArgumentError("path"))
        }
    }

    /// As it goes into a link.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for LinkPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkPath(…)")
    }
}

/// A one-time code of four to eight digits. Its `Debug` masks it.
#[derive(Clone, PartialEq, Eq)]
pub struct OtpCode(String);

impl OtpCode {
    /// Reads one.
    ///
    /// # Errors
    /// [`ArgumentError`] for what is not four to eight digits.
    pub fn parse(text: &str) -> Result<Self, ArgumentError> {
        if (4..=8).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ArgumentError("code"))
        }
    }

    /// As it is typed.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for OtpCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OtpCode(…)")
    }
}

/// One line without control characters and without marks that turn the reading direction, at most
/// so many characters long; what does not fit ends in `…`. Nothing left is `–`.
pub(super) fn line(text: &str, most: usize) -> String {
    let shown = |letter: &char| !matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
    let spaced = |letter: char| if letter.is_control() { ' ' } else { letter };
    let plain: String = text.chars().filter(shown).map(spaced).collect();
    let line = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.is_empty() {
        "–".to_owned()
    } else {
        shortened(line, most)
    }
}

/// Cuts where a new sign begins, so that no accent, flag or joined emoji is torn.
fn shortened(line: String, most: usize) -> String {
    let letters: Vec<char> = line.chars().collect();
    if letters.len() <= most {
        return line;
    }
    let mut kept = most.saturating_sub(1);
    let joined = |at: usize| {
        let next = letters.get(at).copied().unwrap_or(' ');
        let before = at.checked_sub(1).and_then(|at| letters.get(at)).copied();
        continues(next)
            || before == Some('\u{200d}')
            || (is_flag(next) && before.is_some_and(is_flag))
    };
    while kept > 0 && joined(kept) {
        kept = kept.saturating_sub(1);
    }
    let short: String = letters.into_iter().take(kept).collect();
    format!("{}…", short.trim_end())
}

/// Whether it belongs to the sign before it.
fn continues(letter: char) -> bool {
    matches!(
        letter,
        '\u{300}'..='\u{36f}'
            | '\u{1ab0}'..='\u{1aff}'
            | '\u{20d0}'..='\u{20ff}'
            | '\u{200c}'..='\u{200d}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{1f3fb}'..='\u{1f3ff}'
            | '\u{e0020}'..='\u{e007f}'
    )
}

fn is_flag(letter: char) -> bool {
    matches!(letter, '\u{1f1e6}'..='\u{1f1ff}')
}

/// `November 2026`.
pub(super) fn month(date: Date, language: Language) -> String {
    format!("{} {}", month_in_words(date.month(), language), date.year())
}

/// `Sabtu, 5 Desember 2026 pukul 15.00 WIB`.
pub(super) fn moment(at: Timestamp, zone: Zone, language: Language) -> String {
    let local = at.to_zoned(zone.tz()).datetime();
    format!(
        "{} {} {}",
        date_in_words(local.date(), language),
        language.pick("pukul", "at"),
        time_in_words(local.time(), zone)
    )
}
