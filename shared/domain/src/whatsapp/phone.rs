use std::fmt;

use crate::language::Language;

/// A phone number as WhatsApp writes it: 7 to 15 digits with the country code and no plus.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Phone(String);

/// A text that is no phone number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a phone number of 7 to 15 digits with its country code")]
pub struct PhoneError;

impl Phone {
    /// Reads the digits that a webhook carries. What a person types is not read here.
    ///
    /// # Errors
    /// [`PhoneError`], which does not quote it.
    pub fn from_digits(digits: &str) -> Result<Self, PhoneError> {
        let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
        if plain && (7..=15).contains(&digits.len()) && !digits.starts_with('0') {
            Ok(Self(digits.to_owned()))
        } else {
            Err(PhoneError)
        }
    }

    /// Reads the number of a contact card as Telegram sends it: with or without the plus, and with
    /// what may stand between the digits. A number without its country code is refused.
    ///
    /// # Errors
    /// [`PhoneError`], which does not quote it.
    pub fn from_contact(number: &str) -> Result<Self, PhoneError> {
        let number = number.trim();
        let digits: String = number
            .strip_prefix('+')
            .unwrap_or(number)
            .chars()
            .filter(|letter| !matches!(letter, ' ' | '\u{a0}' | '-' | '(' | ')'))
            .collect();
        Self::from_digits(&digits)
    }

    /// As webhooks name it.
    #[must_use]
    pub fn digits(&self) -> &str {
        &self.0
    }

    /// As a send call takes it: without the plus the sender's own country code may be put before it.
    #[must_use]
    pub fn international(&self) -> String {
        format!("+{}", self.0)
    }

    /// What its owner is written to in, as long as nothing else is known.
    #[must_use]
    pub fn language(&self) -> Language {
        if self.0.starts_with("62") {
            Language::Indonesian
        } else {
            Language::English
        }
    }
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Phone(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contacts_number_is_read_with_or_without_its_plus() {
        let phone = Phone::from_digits("6281200000001");
        for number in [
            "6281200000001",
            "+6281200000001",
            " +62 812-0000-0001 ",
            "+62 (812) 0000\u{a0}0001",
        ] {
            assert_eq!(Phone::from_contact(number), phone, "{number}");
        }
        for number in [
            "",
            "+",
            "081200000001",
            "++6281200000001",
            "+62812x0000001",
            "+628120000000１",
            "+6281200000001234",
        ] {
            assert_eq!(Phone::from_contact(number), Err(PhoneError), "{number}");
        }
    }

    #[test]
    fn only_digits_with_a_country_code_are_a_phone() {
        let phone = Phone::from_digits("6281200000001").unwrap();
        assert_eq!(phone.international(), "+6281200000001");
        assert_eq!(format!("{phone:?}"), "Phone(…)");
        assert_eq!(phone.language(), Language::Indonesian);
        assert_eq!(
            Phone::from_digits("16505551234").unwrap().language(),
            Language::English
        );
        for other in [
            "",
            "628",
            "081200000001",
            "+6281200000001",
            "62 812 0000",
            "６２８１２００００",
            "6281200000001234",
            "ID.12345678",
        ] {
            assert_eq!(Phone::from_digits(other), Err(PhoneError), "{other}");
        }
    }
}
