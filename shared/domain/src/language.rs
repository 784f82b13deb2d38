//! The two languages every text is complete in.

/// A language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// What is used when in doubt.
    Indonesian,
    /// For clients set to English.
    English,
}

impl Language {
    /// From an IETF tag such as `en-GB`; Indonesian for every other language and for none.
    #[must_use]
    pub fn from_code(code: Option<&str>) -> Self {
        let primary = code.and_then(|code| code.split('-').next());
        match primary {
            Some(primary) if primary.eq_ignore_ascii_case("en") => Self::English,
            _ => Self::Indonesian,
        }
    }
}
