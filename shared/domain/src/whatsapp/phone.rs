use std::fmt;

use crate::language::Language;
use crate::message::consent::narrow;

/// A phone number as WhatsApp writes it: 7 to 15 digits with the country code and no plus.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Phone(String);

/// A text that is no phone number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a phone number of 7 to 15 digits with its country code")]
pub struct PhoneError;

/// Why what a person typed is no number that WhatsApp reaches. It does not quote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TypedPhoneError {
    /// Nothing is there.
    #[error("is empty: give a WhatsApp number such as 081234567890")]
    Empty,
    /// Something in it is neither a digit nor put between digits.
    #[error("holds something that is no digit: write a number such as 081234567890")]
    NoDigit,
    /// A spreadsheet took it for an amount, and its last digits are lost.
    #[error(
        "was shortened by a spreadsheet, as in 6.28E+12: set its column to Text and enter it again"
    )]
    Shortened,
    /// A spreadsheet or a program took it for an amount with decimals.
    #[error("ends in a decimal, as in 6281234567890.0: set its column to Text and enter it again")]
    Decimal,
    /// With Indonesia's code, or none, and no mobile number there.
    #[error("is no Indonesian mobile number: 08 and 8 to 11 more digits")]
    NotMobile,
    /// Neither with a country code nor Indonesian.
    #[error("begins with neither 08 nor 628: put + and the country code before a foreign number")]
    NoCountry,
    /// Too short or too long for any country.
    #[error("is not 8 to 15 digits with its country code")]
    Length,
}

impl Phone {
    /// Reads what a person typed or a spreadsheet made of it: `0812…`, `62812…`, `+62 812-…`,
    /// `812…` (a spreadsheet drops the zero), in full-width digits, with invisible characters. All
    /// are one number. Without a country code it is Indonesian.
    ///
    /// Indonesian numbers must be mobile: `8`, neither 0 nor 4, and 7 to 10 more digits, as in
    /// Google's libphonenumber; of others only the length is known (ITU-T E.164).
    ///
    /// # Errors
    /// [`TypedPhoneError`]
    pub fn read(typed: &str) -> Result<Self, TypedPhoneError> {
        let wide: String = typed.chars().map(narrow).collect();
        if is_decimal(wide.trim()) {
            return Err(TypedPhoneError::Decimal);
        }
        let bare: String = wide.chars().filter(|sign| !is_between(*sign)).collect();
        if bare.is_empty() {
            return Err(TypedPhoneError::Empty);
        }
        let (has_plus, digits) = match bare.strip_prefix('+').or_else(|| bare.strip_prefix("00")) {
            Some(digits) => (true, digits),
            None => (false, bare.as_str()),
        };
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(if is_scientific(digits) {
                TypedPhoneError::Shortened
            } else {
                TypedPhoneError::NoDigit
            });
        }
        let national = if let Some(national) = digits.strip_prefix("62") {
            // The zero of `+62 0812…` is for calls within the country.
            Some(national.strip_prefix('0').unwrap_or(national))
        } else if has_plus {
            None
        } else {
            let national = digits.strip_prefix('0').unwrap_or(digits);
            if national == digits && !digits.starts_with('8') {
                return Err(TypedPhoneError::NoCountry);
            }
            Some(national)
        };
        match national {
            Some(national) if is_mobile(national) => Ok(Self(format!("62{national}"))),
            Some(_) => Err(TypedPhoneError::NotMobile),
            None if digits.len() < 8 => Err(TypedPhoneError::Length),
            None => Self::from_digits(digits).map_err(|_| TypedPhoneError::Length),
        }
    }

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

/// An Indonesian mobile number without code and zero.
fn is_mobile(national: &str) -> bool {
    let mut digits = national.bytes();
    digits.next() == Some(b'8')
        && digits
            .next()
            .is_some_and(|digit| !matches!(digit, b'0' | b'4'))
        && (9..=12).contains(&national.len())
}

/// What people put between digits, and what nobody sees.
fn is_between(sign: char) -> bool {
    sign.is_whitespace()
        || matches!(sign,
            '-' | '.' | '(' | ')' | '/' | '\u{2010}'..='\u{2015}' | '\u{2212}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'
            | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// `628123450001.0`: without its point it would be a stranger's number.
fn is_decimal(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    text.split_once('.').is_some_and(|(whole, decimals)| {
        digits(whole) && whole.len() > 6 && digits(decimals) && decimals.len() < 3
    })
}

/// `628E+12`, the point between having been taken out.
fn is_scientific(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    text.split_once(['E', 'e']).is_some_and(|(before, after)| {
        digits(&before.replace(',', "")) && digits(after.strip_prefix('+').unwrap_or(after))
    })
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Phone(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn f11_every_way_to_write_a_number_is_one_number() {
        for typed in [
            "081200000001",
            "81200000001",
            "6281200000001",
            "+6281200000001",
            "+62 812-0000-0001",
            "+62 (0) 812 0000 0001",
            "006281200000001",
            " 0812.0000.0001\u{a0}",
            "0812\u{200b}0000\u{2011}0001\u{202c}",
            "＋６２８１２０００００００１",
        ] {
            let read = Phone::read(typed).map(|phone| phone.0);
            assert_eq!(read.as_deref(), Ok("6281200000001"), "{typed}");
        }
        let foreign = Phone::read("+1 (650) 555-1234").unwrap();
        assert_eq!(foreign.digits(), "16505551234");
    }

    #[test]
    fn what_cannot_be_a_whatsapp_number_is_refused_with_what_is_wrong() {
        use TypedPhoneError::{Decimal, Empty, Length, NoCountry, NoDigit, NotMobile, Shortened};
        for (typed, why) in [
            ("", Empty),
            (" \u{200b}", Empty),
            ("6.2812E+12", Shortened),
            ("6,28120000001e12", Shortened),
            ("0812000000x", NoDigit),
            ("+62+81200000001", NoDigit),
            ("٠٨١٢٠٠٠٠٠٠٠١", NoDigit),
            ("E12", NoDigit),
            ("0215551234", NotMobile),
            ("+62215551234", NotMobile),
            ("08123456", NotMobile),
            ("08123456789012", NotMobile),
            ("084123456789", NotMobile),
            ("080123456789", NotMobile),
            ("08123450001.0", Decimal),
            ("628123450001.00", Decimal),
            (" 8123450001.5 ", Decimal),
            ("16505551234", NoCountry),
            ("+1650555", Length),
            ("+1650555123456789", Length),
            ("+0123456789", Length),
        ] {
            assert_eq!(Phone::read(typed), Err(why), "{typed}");
        }
    }

    proptest! {
        #[test]
        fn i10_a_number_reads_back_and_nothing_typed_panics(text in "\\PC{0,20}", mobile in "8[1-35-9][0-9]{7,10}") {
            let phone = Phone::read(&format!("0{mobile}")).unwrap();
            prop_assert_eq!(Phone::read(&phone.international()), Ok(phone.clone()));
            prop_assert_eq!(Phone::read(phone.digits()), Ok(phone));
            if let Ok(phone) = Phone::read(&text) {
                prop_assert_eq!(Phone::read(&phone.international()), Ok(phone));
            }
        }
    }

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
