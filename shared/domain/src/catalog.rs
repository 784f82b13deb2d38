//! What a shop sells: parts, each for one device at one price.

use std::collections::{BTreeMap, BTreeSet};

use crate::field::{self, FieldRefused};
use crate::ids::{DeviceId, ItemId};
use crate::money::{self, Rupiah};

/// A part for a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Stable: buttons and deep links carry it.
    pub id: ItemId,
    /// The device's name.
    pub device: String,
    /// The device's stable id.
    pub device_id: DeviceId,
    /// The part's name.
    pub part: String,
    /// What it costs, work included.
    pub price: Rupiah,
    /// How long the work takes.
    pub minutes: u16,
    /// How many are there; none where they are not counted.
    pub stock: Option<u32>,
}

/// What a person wrote of an item, field by field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ItemFields<'a> {
    /// Empty to derive it from device and part.
    pub id: &'a str,
    /// The device's name.
    pub device: &'a str,
    /// The part's name.
    pub part: &'a str,
    /// Whole rupiah without separators.
    pub price: &'a str,
    /// Whole minutes.
    pub minutes: &'a str,
    /// Empty where it is not counted.
    pub stock: &'a str,
}

/// The dearest item.
const MOST_RUPIAH: u64 = 999_999_999;
/// The longest work, in minutes.
const MOST_MINUTES: u64 = 1440;

impl Item {
    /// Reads an item as a person wrote it.
    ///
    /// # Errors
    /// [`FieldRefused`] names the field.
    pub fn read(fields: &ItemFields<'_>) -> Result<Self, FieldRefused> {
        field::check_text("device", fields.device, 1, 40)?;
        field::check_text("part", fields.part, 1, 40)?;
        let device_id = DeviceId::parse(&slug(fields.device))
            .map_err(|_| FieldRefused::new("device", "holds no letter from a to z and no digit"))?;
        let id = match fields.id {
            "" => ItemId::parse(&format!("{device_id}-{}", slug(fields.part))).map_err(|_| {
                FieldRefused::new(
                    "id",
                    "device and part make none of at most 40 characters: give one",
                )
            })?,
            given => ItemId::parse(given).map_err(|_| {
                FieldRefused::new("id", "not 1 to 40 small letters, digits and hyphens")
            })?,
        };
        let price = money::parse_gross_amount(fields.price)
            .ok()
            .filter(|price| !fields.price.contains('.') && price.get() <= MOST_RUPIAH)
            .ok_or_else(|| {
                FieldRefused::new(
                    "price",
                    "not whole rupiah without separators, such as 70000",
                )
            })?;
        let minutes = whole("minutes", fields.minutes)?;
        field::check_number("minutes", minutes, 1, MOST_MINUTES)?;
        let stock = match fields.stock {
            "" => None,
            given => Some(whole("stock", given)?),
        };
        Ok(Self {
            id,
            device: fields.device.to_owned(),
            device_id,
            part: fields.part.to_owned(),
            price,
            minutes: u16::try_from(minutes).unwrap_or(u16::MAX),
            stock: stock
                .map(u32::try_from)
                .transpose()
                .map_err(|_| FieldRefused::new("stock", "too many"))?,
        })
    }
}

fn whole(field: &'static str, text: &str) -> Result<u64, FieldRefused> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse()
        .ok()
        .filter(|_| digits)
        .ok_or_else(|| FieldRefused::new(field, "not a whole number"))
}

/// `iPhone 6s` as `iphone-6s`, `iPhone 6+` as `iphone-6-plus`.
fn slug(name: &str) -> String {
    name.replace('+', " plus ")
        .split(|letter: char| !letter.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect::<Vec<_>>()
        .join("-")
}

/// A shop's items, by device and part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalog(Vec<Item>);

impl Catalog {
    /// Takes items in any order.
    #[must_use]
    pub fn new(mut items: Vec<Item>) -> Self {
        items.sort_by(|a, b| (natural(&a.device), &a.part).cmp(&(natural(&b.device), &b.part)));
        Self(items)
    }

    /// Every item, in order.
    #[must_use]
    pub fn items(&self) -> &[Item] {
        &self.0
    }

    /// What makes this catalog that of `wanted`.
    #[must_use]
    pub fn compare(&self, wanted: &[Item]) -> Comparison {
        let mut comparison = Comparison::default();
        for item in wanted {
            match self.item(&item.id) {
                None => comparison.added.push(item.clone()),
                Some(there) if there == item => {
                    comparison.unchanged = comparison.unchanged.saturating_add(1);
                }
                Some(_) => comparison.changed.push(item.clone()),
            }
        }
        let ids: BTreeSet<&ItemId> = wanted.iter().map(|item| &item.id).collect();
        comparison.absent = self
            .0
            .iter()
            .filter(|item| !ids.contains(&item.id))
            .cloned()
            .collect();
        comparison
    }

    /// The first two items that customers could not tell apart, or that would stand under another
    /// device's name: with one device's id and two names, or with one device and part twice.
    ///
    /// # Errors
    /// [`FieldRefused`] of the second, which is returned with it.
    pub fn check(&self) -> Result<(), (ItemId, FieldRefused)> {
        let mut names: BTreeMap<&DeviceId, &str> = BTreeMap::new();
        let mut parts: BTreeMap<(&DeviceId, String), &ItemId> = BTreeMap::new();
        for item in &self.0 {
            let name = *names.entry(&item.device_id).or_insert(&item.device);
            if name != item.device {
                let reason = format!(
                    "{} and {name} are told apart by nothing but signs or capitals: write both alike, \
                     or give one another name",
                    item.device
                );
                return Err((item.id.clone(), FieldRefused::new("device", reason)));
            }
            let part = (&item.device_id, item.part.to_lowercase());
            if let Some(first) = parts.insert(part, &item.id) {
                let reason = format!("{} of {name} is {first} already", item.part);
                return Err((item.id.clone(), FieldRefused::new("part", reason)));
            }
        }
        Ok(())
    }

    /// Every device once, with its name.
    #[must_use]
    pub fn devices(&self) -> Vec<(DeviceId, String)> {
        let mut devices: Vec<(DeviceId, String)> = Vec::new();
        for item in &self.0 {
            if !devices.iter().any(|(id, _)| *id == item.device_id) {
                devices.push((item.device_id.clone(), item.device.clone()));
            }
        }
        devices
    }

    /// The parts that fit a device.
    #[must_use]
    pub fn parts_of(&self, device: &DeviceId) -> Vec<&Item> {
        self.0
            .iter()
            .filter(|item| item.device_id == *device)
            .collect()
    }

    /// One item.
    #[must_use]
    pub fn item(&self, id: &ItemId) -> Option<&Item> {
        self.0.iter().find(|item| item.id == *id)
    }
}

/// How a catalog differs from the one that is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Not there yet.
    pub added: Vec<Item>,
    /// There, and different.
    pub changed: Vec<Item>,
    /// There already, as they are wanted.
    pub unchanged: usize,
    /// There, and not wanted.
    pub absent: Vec<Item>,
}

/// Orders `iPhone 6` before `iPhone 11`.
fn natural(name: &str) -> (String, u32, String) {
    let start = name
        .find(|letter: char| letter.is_ascii_digit())
        .unwrap_or(name.len());
    let (words, rest) = name.split_at(start);
    let end = rest
        .find(|letter: char| !letter.is_ascii_digit())
        .unwrap_or(rest.len());
    let (digits, tail) = rest.split_at(end);
    (
        words.to_lowercase(),
        digits.parse().unwrap_or(u32::MAX),
        tail.to_lowercase(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const BATTERY: ItemFields<'_> = ItemFields {
        id: "",
        device: "iPhone 6s",
        part: "Back Camera",
        price: "180000",
        minutes: "60",
        stock: "",
    };

    #[test]
    fn an_item_is_read_and_named_by_device_and_part() {
        let item = Item::read(&BATTERY).unwrap();
        assert_eq!(item.id.as_str(), "iphone-6s-back-camera");
        assert_eq!(item.device_id.as_str(), "iphone-6s");
        assert_eq!(item.price, Rupiah::new(180_000));
        assert_eq!((item.minutes, item.stock), (60, None));
        let stocked = ItemFields {
            id: "bc-6s",
            stock: "0",
            ..BATTERY
        };
        let item = Item::read(&stocked).unwrap();
        assert_eq!((item.id.as_str(), item.stock), ("bc-6s", Some(0)));
    }

    #[test]
    fn i2_a_field_that_cannot_be_is_refused_by_its_name() {
        let long = "a".repeat(41);
        for (field, fields) in [
            (
                "device",
                ItemFields {
                    device: "",
                    ..BATTERY
                },
            ),
            (
                "device",
                ItemFields {
                    device: " iPhone",
                    ..BATTERY
                },
            ),
            (
                "device",
                ItemFields {
                    device: "手机",
                    ..BATTERY
                },
            ),
            (
                "device",
                ItemFields {
                    device: &long,
                    ..BATTERY
                },
            ),
            (
                "part",
                ItemFields {
                    part: "LCD\n",
                    ..BATTERY
                },
            ),
            (
                "part",
                ItemFields {
                    part: "",
                    ..BATTERY
                },
            ),
            (
                "id",
                ItemFields {
                    id: "LCD",
                    ..BATTERY
                },
            ),
            (
                "id",
                ItemFields {
                    id: &long,
                    ..BATTERY
                },
            ),
            (
                "id",
                ItemFields {
                    device: "Samsung Galaxy A52s",
                    part: "Layar sentuh dan bingkai",
                    ..BATTERY
                },
            ),
            (
                "price",
                ItemFields {
                    price: "0",
                    ..BATTERY
                },
            ),
            (
                "price",
                ItemFields {
                    price: "-1",
                    ..BATTERY
                },
            ),
            (
                "price",
                ItemFields {
                    price: "70.000",
                    ..BATTERY
                },
            ),
            (
                "price",
                ItemFields {
                    price: "70000.00",
                    ..BATTERY
                },
            ),
            (
                "price",
                ItemFields {
                    price: "1e5",
                    ..BATTERY
                },
            ),
            (
                "price",
                ItemFields {
                    price: "٧٠",
                    ..BATTERY
                },
            ),
            (
                "price",
                ItemFields {
                    price: "1000000000",
                    ..BATTERY
                },
            ),
            (
                "minutes",
                ItemFields {
                    minutes: "",
                    ..BATTERY
                },
            ),
            (
                "minutes",
                ItemFields {
                    minutes: "0",
                    ..BATTERY
                },
            ),
            (
                "minutes",
                ItemFields {
                    minutes: "1441",
                    ..BATTERY
                },
            ),
            (
                "minutes",
                ItemFields {
                    minutes: "+5",
                    ..BATTERY
                },
            ),
            (
                "stock",
                ItemFields {
                    stock: "1.5",
                    ..BATTERY
                },
            ),
            (
                "stock",
                ItemFields {
                    stock: "4294967296",
                    ..BATTERY
                },
            ),
        ] {
            assert_eq!(Item::read(&fields).unwrap_err().field, field, "{fields:?}");
        }
    }

    #[test]
    fn items_that_customers_could_not_tell_apart_are_refused() {
        let item = |id, device, part| {
            Item::read(&ItemFields {
                id,
                device,
                part,
                ..BATTERY
            })
            .unwrap()
        };
        let refused = |items: Vec<Item>| Catalog::new(items).check().unwrap_err().1.field;
        assert_eq!(
            item("", "iPhone 6+", "LCD").device_id.as_str(),
            "iphone-6-plus"
        );
        let capitals = vec![
            item("a", "iPhone 6", "LCD"),
            item("b", "IPHONE 6", "Battery"),
        ];
        assert_eq!(refused(capitals), "device");
        let signs = vec![
            item("a", "iPhone 6", "LCD"),
            item("b", "iPhone-6", "Battery"),
        ];
        assert_eq!(refused(signs), "device");
        let twice = vec![item("a", "iPhone 6", "LCD"), item("b", "iPhone 6", "lcd")];
        assert_eq!(refused(twice), "part");
        let fine = vec![item("a", "iPhone 6", "LCD"), item("b", "iPhone 6+", "LCD")];
        assert_eq!(Catalog::new(fine).check(), Ok(()));
    }

    #[test]
    fn a_comparison_tells_new_changed_unchanged_and_absent_apart() {
        let item = |part: &str, price: &str| {
            Item::read(&ItemFields {
                part,
                price,
                ..BATTERY
            })
            .unwrap()
        };
        let catalog = Catalog::new(vec![
            item("LCD", "1"),
            item("Battery", "1"),
            item("Finger", "1"),
        ]);
        let wanted = [item("LCD", "1"), item("Battery", "2"), item("Speaker", "1")];
        assert_eq!(
            catalog.compare(&wanted),
            Comparison {
                added: vec![item("Speaker", "1")],
                changed: vec![item("Battery", "2")],
                unchanged: 1,
                absent: vec![item("Finger", "1")],
            }
        );
        assert_eq!(catalog.compare(catalog.items()).unchanged, 3);
    }
}
