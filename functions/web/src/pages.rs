//! The pages as views: what a page shows, in words already chosen, and nothing else.

use askama::Template;

/// The stylesheet, at [`STYLE_PATH`].
pub const STYLE: &str = include_str!("assets/style.css");
/// The order page's script, at [`PAY_SCRIPT_PATH`]. The page works without it.
pub const PAY_SCRIPT: &str = include_str!("assets/pay.js");
/// The icon, at [`ICON_PATH`].
pub const ICON: &str = include_str!("assets/icon.svg");
/// Where the pages look for [`STYLE`].
pub const STYLE_PATH: &str = "/assets/style.css";
/// Where the order page looks for [`PAY_SCRIPT`].
pub const PAY_SCRIPT_PATH: &str = "/assets/pay.js";
/// Where the pages look for [`ICON`].
pub const ICON_PATH: &str = "/assets/icon.svg";

/// Content type and body of the asset at `path`.
#[must_use]
pub fn asset(path: &str) -> Option<(&'static str, &'static str)> {
    match path {
        STYLE_PATH => Some(("text/css; charset=utf-8", STYLE)),
        PAY_SCRIPT_PATH => Some(("text/javascript; charset=utf-8", PAY_SCRIPT)),
        ICON_PATH => Some(("image/svg+xml", ICON)),
        _ => None,
    }
}

/// *Data Order*: what one booking is, costs and has come to.
#[derive(Clone, Debug, PartialEq, Eq, Template)]
#[template(path = "order.html")]
pub struct OrderPage {
    /// English instead of Indonesian.
    pub english: bool,
    /// The order id of the current attempt at paying.
    pub order_id: String,
    /// The total in rupiah, for machines.
    pub total_number: u64,
    /// The total as people read it, `Rp70.000`.
    pub total: String,
    /// The payment's state by the domain's name, `Paid`.
    pub payment_state: &'static str,
    /// The payment's state in words.
    pub payment_words: String,
    /// The repair's state by the domain's name, `Confirmed`.
    pub repair_state: &'static str,
    /// The repair's state in words.
    pub repair_words: String,
    /// The day of the visit in words.
    pub date_words: String,
    /// The time of the visit in words, with its zone.
    pub time_words: String,
    /// The device to repair.
    pub device: String,
    /// The part to replace.
    pub part: String,
    /// The shop's name.
    pub shop_name: String,
    /// Where the shop's page is.
    pub shop_path: String,
    /// Until when the slot is held, while it is.
    pub hold_until_words: Option<String>,
    /// Whether the button to pay is shown.
    pub payable: bool,
    /// Where the button posts to.
    pub pay_path: String,
    /// Midtrans' popup, where it is to be used.
    pub snap: Option<Snap>,
    /// Something to say above everything else.
    pub notice: Option<String>,
}

/// *Tagihan*: what a subscriber owes for a month, what was paid of it, and the way to pay the rest.
#[derive(Clone, Debug, PartialEq, Eq, Template)]
#[template(path = "bill.html")]
pub struct BillPage {
    /// English instead of Indonesian.
    pub english: bool,
    /// The order id of the newest attempt at paying; the bill's own number before the first.
    pub order_id: String,
    /// What remains in rupiah, or all of it where nothing does, for machines.
    pub total_number: u64,
    /// The same as people read it, `Rp150.000`.
    pub total: String,
    /// What the total is: of the bill, or of its rest.
    pub total_label: &'static str,
    /// The payment's state by the domain's name, `Paid`.
    pub payment_state: &'static str,
    /// The payment's state in words.
    pub payment_words: &'static str,
    /// How it is coloured.
    pub tone: &'static str,
    /// What more there is to say of it, such as how long it is overdue.
    pub said: Option<String>,
    /// The bill's number.
    pub number: String,
    /// The month that is billed, `November 2026`.
    pub period: String,
    /// Whose it is, as long as they are among the subscribers.
    pub subscriber_name: Option<String>,
    /// When it is due, in words.
    pub due: String,
    /// What it is made of.
    pub lines: Vec<MoneyRow>,
    /// Their sum.
    pub amount: String,
    /// What came and went, the oldest first.
    pub money: Vec<MoneyRow>,
    /// What remains, where a part is paid.
    pub remaining: Option<String>,
    /// The business's name.
    pub shop_name: String,
    /// Where its page is.
    pub shop_path: String,
    /// Whether the button to pay is shown.
    pub payable: bool,
    /// Where the button posts to.
    pub pay_path: String,
    /// Midtrans' popup, where it is to be used.
    pub snap: Option<Snap>,
    /// Something to say above everything else.
    pub notice: Option<String>,
}

/// An amount and what it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MoneyRow {
    /// What it is for.
    pub words: String,
    /// How much, `Rp150.000`.
    pub amount: String,
}

/// What Midtrans' popup needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snap {
    /// Where Snap.js is.
    pub js_url: String,
    /// The merchant's public key.
    pub client_key: String,
}

/// One step of a repair, as the order page lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RepairStep {
    /// Its name.
    pub label: &'static str,
    /// `done`, `now` or `later`.
    pub progress: &'static str,
}

/// The steps of a repair in order: domain name, Indonesian, English.
const REPAIR_STEPS: [(&str, &str, &str); 7] = [
    ("Confirmed", "Terkonfirmasi", "Confirmed"),
    ("Received", "Diterima toko", "Received"),
    ("Diagnosed", "Diperiksa", "Diagnosed"),
    ("Estimated", "Estimasi biaya", "Estimate"),
    ("InRepair", "Diperbaiki", "In repair"),
    ("Ready", "Siap diambil", "Ready"),
    ("PickedUp", "Selesai", "Picked up"),
];

impl OrderPage {
    /// The repair's steps; none where the reservation is over without one.
    #[must_use]
    pub fn steps(&self) -> Vec<RepairStep> {
        let now = REPAIR_STEPS
            .iter()
            .position(|(name, _, _)| *name == self.repair_state);
        if now.is_none() && self.repair_state != "Held" {
            return Vec::new();
        }
        REPAIR_STEPS
            .iter()
            .enumerate()
            .map(|(index, (_, indonesian, english))| RepairStep {
                label: if self.english { english } else { indonesian },
                progress: match now {
                    Some(now) if index < now || self.repair_state == "PickedUp" => "done",
                    Some(now) if index == now => "now",
                    _ => "later",
                },
            })
            .collect()
    }

    /// How the payment's state is coloured.
    #[must_use]
    pub fn payment_tone(&self) -> &'static str {
        payment_tone(self.payment_state)
    }

    /// How the repair's state is coloured.
    #[must_use]
    pub fn repair_tone(&self) -> &'static str {
        match self.repair_state {
            "Held" => "wait",
            "Expired" | "Cancelled" | "NoShow" => "bad",
            "Received" | "Diagnosed" | "Estimated" | "InRepair" => "calm",
            _ => "good",
        }
    }
}

/// How a payment's state of this name is coloured.
pub(crate) fn payment_tone(state: &str) -> &'static str {
    match state {
        "Paid" => "good",
        "Created" | "Pending" | "Challenge" | "Review" => "wait",
        "Refunded" | "PartlyRefunded" => "calm",
        _ => "bad",
    }
}

/// A shop's front door.
#[derive(Clone, Debug, PartialEq, Eq, Template)]
#[template(path = "shop.html")]
pub struct ShopPage {
    /// English instead of Indonesian.
    pub english: bool,
    /// The shop's name.
    pub name: String,
    /// The shop in its own words.
    pub about: String,
    /// The zone its hours are in, `WIB`.
    pub zone: String,
    /// Its slots, `09.00–11.00`.
    pub hours: Vec<String>,
    /// Where the booking chat opens, once there is a bot.
    pub bot_link: Option<String>,
    /// Where its price list is.
    pub catalog_path: String,
    /// What it repairs, at a glance.
    pub devices: Vec<DeviceCard>,
}

/// One device the shop repairs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceCard {
    /// Its name.
    pub name: String,
    /// How many parts can be replaced.
    pub parts: usize,
    /// The lowest price, `Rp70.000`.
    pub from_price: String,
}

/// A shop's price list.
#[derive(Clone, Debug, PartialEq, Eq, Template)]
#[template(path = "catalog.html")]
pub struct CatalogPage {
    /// English instead of Indonesian.
    pub english: bool,
    /// The shop's name.
    pub name: String,
    /// Where the shop's page is.
    pub shop_path: String,
    /// Devices with their parts.
    pub groups: Vec<CatalogGroup>,
    /// Where the booking chat opens with nothing chosen, once there is a bot.
    pub bot_link: Option<String>,
}

/// The parts of one device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogGroup {
    /// The device's name.
    pub device: String,
    /// Its parts.
    pub rows: Vec<CatalogRow>,
}

/// One part with its price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogRow {
    /// The part's name.
    pub part: String,
    /// Its price, `Rp70.000`.
    pub price: String,
    /// Where the booking chat opens with this part chosen, once there is a bot.
    pub link: Option<String>,
}

/// What Pesan is.
#[derive(Clone, Debug, PartialEq, Eq, Template)]
#[template(path = "home.html")]
pub struct HomePage {
    /// English instead of Indonesian.
    pub english: bool,
}

/// Why there is no page.
#[derive(Clone, Debug, PartialEq, Eq, Template)]
#[template(path = "error.html")]
pub struct ErrorPage {
    /// English instead of Indonesian.
    pub english: bool,
    /// What happened, in a few words.
    pub title: String,
    /// What to do about it.
    pub text: String,
    /// The HTTP status.
    pub status: u16,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order() -> OrderPage {
        OrderPage {
            english: false,
            order_id: "62473383".to_owned(),
            total_number: 70_000,
            total: "Rp70.000".to_owned(),
            payment_state: "Created",
            payment_words: "Menunggu pembayaran".to_owned(),
            repair_state: "Held",
            repair_words: "Slot ditahan".to_owned(),
            date_words: "Sabtu, 5 Desember 2026".to_owned(),
            time_words: "15.00–17.00 WIB".to_owned(),
            device: "iPhone 7".to_owned(),
            part: "Battery".to_owned(),
            shop_name: "Toko <Demo>".to_owned(),
            shop_path: "/m/demo".to_owned(),
            hold_until_words: Some("14.05 WIB".to_owned()),
            payable: true,
            pay_path: "/o/abc/pay".to_owned(),
            snap: Some(Snap {
                js_url: "https://app.sandbox.midtrans.com/snap/snap.js".to_owned(),
                client_key: "SB-Mid-client-demo".to_owned(),
            }),
            notice: None,
        }
    }

    #[test]
    fn order_page_names_its_states_for_machines_and_escapes_words() {
        let html = order().render().unwrap();
        assert!(html.contains(
            r#"<main data-order-id="62473383" data-total="70000" data-payment="Created" data-repair="Held">"#
        ));
        assert!(html.contains(r#"<form method="post" action="/o/abc/pay""#));
        assert!(html.contains("Bayar Sekarang"));
        assert!(!html.contains("<Demo>"));
        assert!(!html.contains(" style=") && !html.contains("<style"));
    }

    #[test]
    fn order_page_in_english_without_a_way_to_pay() {
        let html = OrderPage {
            english: true,
            payable: false,
            payment_state: "Paid",
            repair_state: "Confirmed",
            ..order()
        }
        .render()
        .unwrap();
        assert!(html.contains(r#"data-payment="Paid" data-repair="Confirmed""#));
        assert!(!html.contains("<form"));
        assert!(html.contains("<html lang=\"en\">"));
    }

    #[test]
    fn steps_follow_the_repair_and_vanish_with_it() {
        let progress = |repair_state| {
            let page = OrderPage {
                repair_state,
                ..order()
            };
            page.steps()
                .iter()
                .map(|step| step.progress)
                .collect::<Vec<_>>()
        };
        assert_eq!(progress("Held"), ["later"; 7]);
        assert_eq!(
            progress("Diagnosed"),
            ["done", "done", "now", "later", "later", "later", "later"]
        );
        assert_eq!(progress("PickedUp"), ["done"; 7]);
        assert!(progress("Cancelled").is_empty());
    }
}
