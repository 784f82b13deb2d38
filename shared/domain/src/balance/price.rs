//! What a message costs, and what can be bought.

use crate::message::Category;
use crate::money::Rupiah;

/// What a WhatsApp message costs unless the merchant's price says otherwise.
pub const PRICE: Rupiah = Rupiah::new(367);

/// What a WhatsApp message costs a merchant, by category. Telegram is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prices {
    /// See [`Category::Utility`].
    pub utility: Rupiah,
    /// See [`Category::Authentication`].
    pub authentication: Rupiah,
    /// See [`Category::Marketing`].
    pub marketing: Rupiah,
    /// See [`Category::Service`].
    pub service: Rupiah,
}

impl Default for Prices {
    fn default() -> Self {
        Self {
            utility: PRICE,
            authentication: PRICE,
            marketing: PRICE,
            service: PRICE,
        }
    }
}

impl Prices {
    /// The price of a category.
    #[must_use]
    pub fn of(self, category: Category) -> Rupiah {
        match category {
            Category::Utility => self.utility,
            Category::Authentication => self.authentication,
            Category::Marketing => self.marketing,
            Category::Service => self.service,
        }
    }
}

/// A top-up that can be bought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Package {
    /// What it is named by.
    pub id: &'static str,
    /// What is paid and paid in: a top-up has no bonus and no fee.
    pub amount: Rupiah,
}

/// The price list, from small to large.
pub const PACKAGES: [Package; 5] = [
    of_messages("100", 100),
    of_messages("250", 250),
    of_messages("500", 500),
    of_messages("1000", 1_000),
    of_messages("5000", 5_000),
];

const fn of_messages(id: &'static str, messages: u64) -> Package {
    Package {
        id,
        amount: Rupiah::new(PRICE.get().saturating_mul(messages)),
    }
}

impl Package {
    /// How many messages it buys at a price; none where they are free.
    #[must_use]
    pub fn messages(self, price: Rupiah) -> Option<u64> {
        self.amount.buys(price)
    }
}

/// The package of an id.
#[must_use]
pub fn package(id: &str) -> Option<Package> {
    PACKAGES.into_iter().find(|package| package.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_package_buys_what_its_name_says() {
        for package in PACKAGES {
            let messages = package.messages(PRICE).unwrap().to_string();
            assert_eq!(messages, package.id);
        }
        assert!(PACKAGES.is_sorted_by_key(|package| package.amount));
        assert_eq!(package("100").unwrap().amount.to_string(), "Rp36.700");
        assert_eq!(package("7"), None);
        assert_eq!(PACKAGES[0].messages(Rupiah::ZERO), None);
    }

    #[test]
    fn a_price_is_set_by_category() {
        let prices = Prices {
            marketing: Rupiah::new(700),
            ..Prices::default()
        };
        assert_eq!(prices.of(Category::Utility), Rupiah::new(367));
        assert_eq!(prices.of(Category::Marketing), Rupiah::new(700));
    }
}
