//! What a shop sells: parts, each for one device at one price.

use crate::ids::{DeviceId, ItemId};
use crate::money::Rupiah;

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
