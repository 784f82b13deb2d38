//! Money: whole rupiah, never a float.

use std::fmt;

/// An amount in rupiah.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rupiah(u64);

impl Rupiah {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// So many rupiah.
    #[must_use]
    pub const fn new(rupiah: u64) -> Self {
        Self(rupiah)
    }

    /// As a plain number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The sum, unless it overflows.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The sum, or the most there can be where it overflows.
    #[must_use]
    pub fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The rest, unless it would be negative.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// So many times the amount, unless it overflows.
    #[must_use]
    pub fn checked_mul(self, times: u64) -> Option<Self> {
        self.0.checked_mul(times).map(Self)
    }

    /// How many times a price goes into it; none for a price of nothing.
    #[must_use]
    pub fn buys(self, price: Self) -> Option<u64> {
        self.0.checked_div(price.0)
    }

    /// The rest, or nothing where it would be negative.
    #[must_use]
    pub fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

/// Reads `Rp70.000`.
impl fmt::Display for Rupiah {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        f.write_str("Rp")?;
        for (place, digit) in digits.chars().enumerate() {
            let left = digits.len().saturating_sub(place);
            if place > 0 && left.is_multiple_of(3) {
                f.write_str(".")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}

/// A text that is no amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a positive amount of whole rupiah")]
pub struct AmountError;

/// Reads an amount as Midtrans writes it: `70000.00`, or `70000` in old shapes. Positive, whole,
/// without sign, spaces, separators or leading zeros.
///
/// # Errors
/// [`AmountError`] for everything else.
pub fn parse_gross_amount(text: &str) -> Result<Rupiah, AmountError> {
    let whole = text.strip_suffix(".00").unwrap_or(text);
    let canonical = whole.bytes().all(|byte| byte.is_ascii_digit()) && !whole.starts_with('0');
    if !canonical {
        return Err(AmountError);
    }
    whole.parse().map(Rupiah).map_err(|_| AmountError)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i2_only_canonical_positive_rupiah_is_an_amount() {
        for bad in [
            "",
            "-1",
            "0",
            "0.00",
            "-150000.00",
            "1.5",
            "1,000",
            "1.000",
            " 100",
            "100 ",
            "١٠٠",
            "1e400",
            "1e5",
            "007",
            "70000.0",
            "70000.000",
            "+5",
            ".00",
            "18446744073709551616",
        ] {
            assert_eq!(parse_gross_amount(bad), Err(AmountError), "{bad}");
        }
        assert_eq!(parse_gross_amount("70000.00"), Ok(Rupiah::new(70_000)));
        assert_eq!(
            parse_gross_amount("9007199254740993"),
            Ok(Rupiah::new(9_007_199_254_740_993))
        );
    }

    #[test]
    fn money_reads_as_indonesians_write_it() {
        for (amount, text) in [
            (0, "Rp0"),
            (367, "Rp367"),
            (70_000, "Rp70.000"),
            (1_234_567, "Rp1.234.567"),
        ] {
            assert_eq!(Rupiah::new(amount).to_string(), text);
        }
    }
}
