//! What a bill is made of.

use crate::field::{self, FieldRefused};
use crate::money::Rupiah;

/// A bill of more is a slip of the finger.
const MOST_RUPIAH: u64 = 999_999_999;
/// A cell is one row, and its lines are read with it.
const MOST_LINES: usize = 20;

/// A line of a bill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineItem {
    text: String,
    amount: Rupiah,
}

impl LineItem {
    /// A line with 1 to 80 characters.
    ///
    /// # Errors
    /// [`FieldRefused`]
    pub fn new(text: &str, amount: Rupiah) -> Result<Self, FieldRefused> {
        field::check_text("line", text, 1, 80)?;
        field::check_number("amount", amount.get(), 0, MOST_RUPIAH)?;
        Ok(Self {
            text: text.to_owned(),
            amount,
        })
    }

    /// What it is for.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What it costs.
    #[must_use]
    pub fn amount(&self) -> Rupiah {
        self.amount
    }
}

/// The lines of a bill, with a sum that is a bill's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineItems {
    lines: Vec<LineItem>,
    total: Rupiah,
}

impl LineItems {
    /// These lines.
    ///
    /// # Errors
    /// [`FieldRefused`] for more than 20, or a sum above Rp999.999.999.
    pub fn new(lines: Vec<LineItem>) -> Result<Self, FieldRefused> {
        if lines.len() > MOST_LINES {
            let reason = format!("{} are more than {MOST_LINES}", lines.len());
            return Err(FieldRefused::new("lines", reason));
        }
        let sum = lines
            .iter()
            .try_fold(Rupiah::ZERO, |sum, line| sum.checked_add(line.amount));
        let total = sum.unwrap_or(Rupiah::new(u64::MAX));
        field::check_number("amount", total.get(), 0, MOST_RUPIAH)?;
        Ok(Self { lines, total })
    }

    /// Their sum.
    #[must_use]
    pub fn total(&self) -> Rupiah {
        self.total
    }

    /// One by one.
    #[must_use]
    pub fn as_slice(&self) -> &[LineItem] {
        &self.lines
    }
}
