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
