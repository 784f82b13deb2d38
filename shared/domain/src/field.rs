//! Refusing what a person entered, by the name of the field.

/// A field whose value cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct FieldRefused {
    /// As the person knows it.
    pub field: &'static str,
    /// What is wrong with it, and what would be right.
    pub reason: String,
}

impl FieldRefused {
    /// Refuses `field`.
    #[must_use]
    pub fn new(field: &'static str, reason: impl Into<String>) -> Self {
        Self {
            field,
            reason: reason.into(),
        }
    }
}

/// Takes a text of `fewest` to `most` characters without line breaks or other control characters,
/// and with nothing blank around it.
///
/// # Errors
/// [`FieldRefused`]
pub fn check_text(
    field: &'static str,
    text: &str,
    fewest: usize,
    most: usize,
) -> Result<(), FieldRefused> {
    if text.trim() != text {
        return Err(FieldRefused::new(field, "begins or ends with a blank"));
    }
    if text.chars().any(char::is_control) {
        return Err(FieldRefused::new(
            field,
            "holds a line break or another control character",
        ));
    }
    if text.chars().any(is_invisible) {
        return Err(FieldRefused::new(
            field,
            "holds a character that nobody sees: type it anew",
        ));
    }
    let length = text.chars().count();
    if length < fewest {
        return Err(FieldRefused::new(field, "is empty"));
    }
    if length > most {
        let reason = format!("{length} characters are more than {most}");
        return Err(FieldRefused::new(field, reason));
    }
    Ok(())
}

/// What has no width, or turns the direction of the text behind it. The joiners are spared: they belong
/// to some scripts, and to faces.
fn is_invisible(letter: char) -> bool {
    matches!(
        letter,
        '\u{ad}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
    )
}

/// Takes a number from `least` to `most`.
///
/// # Errors
/// [`FieldRefused`]
pub fn check_number(
    field: &'static str,
    number: u64,
    least: u64,
    most: u64,
) -> Result<(), FieldRefused> {
    if (least..=most).contains(&number) {
        return Ok(());
    }
    let reason = format!("{number} is not from {least} to {most}");
    Err(FieldRefused::new(field, reason))
}
