//! What the customer is shown: always the same for the same state.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::civil::Date;

use super::step::writes_on_whatsapp;
use super::{Button, Chat, Dialogue, Draft, Facts, Press, texts};
use crate::calendar::{date_in_words, time_in_words};
use crate::catalog::{Catalog, Item};
use crate::language::Language;
use crate::merchant::Merchant;
use crate::payment::Notice;
use crate::reservation::{Order, ReservationState};
use crate::texts::{escaped, payment_in_words, repair_in_words};

/// How many of the next open days are offered.
const DAYS_OFFERED: usize = 7;
/// Devices or parts on a page of buttons.
const BUTTONS_A_PAGE: usize = 8;
/// Devices on a page of the price list: a message holds 4,096 characters.
const DEVICES_A_PAGE: usize = 3;

/// A button under a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// What stands on it.
    pub label: String,
    /// What it does.
    pub does: KeyDoes,
}

/// What a button does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyDoes {
    /// Sends data back, at most 64 bytes.
    Press(String),
    /// Opens a page.
    Open(String),
}

/// What stands below a message. The buttons under it and the customer's own keyboard are two
/// things, and a message changes one of them
/// (<https://core.telegram.org/bots/api#sendmessage>, `reply_markup`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keyboard {
    /// Rows of buttons under the message; the customer's keyboard stays as it is.
    Buttons(Vec<Vec<Key>>),
    /// In place of the customer's keyboard: a button that shares their number, and one that sends
    /// its label.
    AsksNumber {
        /// On the first.
        share: &'static str,
        /// On the second.
        not_now: &'static str,
    },
    /// The customer's keyboard is theirs again.
    GivenBack,
}

/// A message to the customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// HTML as Telegram reads it, at most 4,096 characters.
    pub html: String,
    /// What stands below it.
    pub keyboard: Keyboard,
}

impl Reply {
    fn with_buttons(html: String, rows: Vec<Vec<Key>>) -> Self {
        Self {
            html,
            keyboard: Keyboard::Buttons(rows),
        }
    }
}

/// Where the customer can go from a message about an order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Links {
    /// The order's page; it always stands in the text.
    pub order: Option<String>,
    /// Whether it may also stand on a button: Telegram refuses loopback addresses there.
    pub on_buttons: bool,
}

struct Page<'a> {
    chat: &'a Chat,
    merchant: &'a Merchant,
    facts: &'a Facts,
    links: &'a Links,
    now: Timestamp,
}

/// The message for where `chat` is, with its note above it.
#[must_use]
pub fn render(
    chat: &Chat,
    merchant: &Merchant,
    facts: &Facts,
    links: &Links,
    now: Timestamp,
) -> Reply {
    let page = Page {
        chat,
        merchant,
        facts,
        links,
        now,
    };
    let mut reply = page.reply();
    if let Some(note) = chat.note {
        let note = texts::note(chat.language, note, merchant);
        reply.html = format!("{note}\n\n{}", reply.html);
    }
    reply
}

/// News about an order's payment.
#[must_use]
pub fn news(
    order: &Order,
    notice: Notice,
    merchant: &Merchant,
    links: &Links,
    now: Timestamp,
) -> Reply {
    let language = order.reservation.language;
    let html = format!(
        "{}\n\n{}{}",
        texts::notice(language, notice),
        order_lines(order, merchant, language, now),
        link_line(links, language)
    );
    Reply::with_buttons(html, link_key(links, language).into_iter().collect())
}

/// What a command in a group is answered with: the way to the private chat.
#[must_use]
pub fn private_only(language: Language, link: &str) -> Reply {
    let html = format!("{}\n{}", texts::private_only(language), escaped(link));
    Reply::with_buttons(html, vec![])
}

impl Page<'_> {
    fn reply(&self) -> Reply {
        let language = self.language();
        match &self.chat.dialogue {
            Dialogue::Start => Reply::with_buttons(
                texts::greeting(
                    language,
                    &escaped(&self.chat.first_name),
                    &escaped(&self.merchant.name),
                ),
                vec![vec![self.key("Booking", Button::Booking)]],
            ),
            Dialogue::Help => Reply::with_buttons(texts::help(language), vec![]),
            Dialogue::Catalog { page } => self.catalog(*page),
            Dialogue::Welcome { draft } => self.welcome(draft),
            Dialogue::AskDate { draft } => self.ask_date(draft),
            Dialogue::AskDevice { draft, page } => self.ask_device(draft, *page),
            Dialogue::AskSlot { draft } => self.ask_slot(draft),
            Dialogue::AskPart { draft, page } => self.ask_part(draft, *page),
            Dialogue::Confirm { draft } => self.confirm(draft),
            Dialogue::AskCode => {
                Reply::with_buttons(texts::ask_code(language).to_owned(), vec![self.cancel()])
            }
            Dialogue::Booked { .. } => self.order(true),
            Dialogue::Status { .. } => self.order(false),
            Dialogue::AskNumber => Reply {
                html: texts::ask_number(language, &escaped(&self.merchant.name)),
                keyboard: Keyboard::AsksNumber {
                    share: texts::share_number(language),
                    not_now: texts::not_now(language),
                },
            },
            Dialogue::Linked => Reply::with_buttons(
                texts::linked(language, &escaped(&self.merchant.name)),
                vec![],
            ),
            Dialogue::LinkRefused => Reply::with_buttons(
                texts::link_refused(language, &escaped(&self.merchant.name)),
                vec![],
            ),
            Dialogue::Number { told } => Reply {
                html: texts::number_told(language, *told),
                keyboard: Keyboard::GivenBack,
            },
        }
    }

    fn language(&self) -> Language {
        self.chat.language
    }

    fn key(&self, label: impl Into<String>, button: Button) -> Key {
        let press = Press {
            version: self.chat.version,
            button,
        };
        Key {
            label: label.into(),
            does: KeyDoes::Press(press.data()),
        }
    }

    fn cancel(&self) -> Vec<Key> {
        vec![self.key("Cancel", Button::Cancel)]
    }

    fn change_date(&self) -> Vec<Key> {
        let label = self.language().pick("Ganti tanggal", "Change date");
        vec![
            self.key(label, Button::ChangeDate),
            self.key("Cancel", Button::Cancel),
        ]
    }

    fn catalog(&self, page: u16) -> Reply {
        let language = self.language();
        let catalog = self.facts.catalog.clone().unwrap_or_default();
        let devices = catalog.devices();
        let shown = Shown::of(&devices, page, DEVICES_A_PAGE);
        let mut html = language
            .pick("<b>Daftar harga</b>", "<b>Price list</b>")
            .to_owned();
        if devices.is_empty() {
            texts::empty_catalog(language).clone_into(&mut html);
        }
        for (id, name) in shown.items {
            append(&mut html, format_args!("\n\n<b>{}</b>", escaped(name)));
            for item in catalog.parts_of(id) {
                append(
                    &mut html,
                    format_args!("\n{} – {}", escaped(&item.part), item.price),
                );
            }
        }
        let mut keyboard = self.turning(&shown);
        keyboard.push(vec![self.key("Booking", Button::Booking)]);
        Reply::with_buttons(html, keyboard)
    }

    fn welcome(&self, draft: &Draft) -> Reply {
        let language = self.language();
        let mut html = texts::welcome(language, &escaped(&self.merchant.name));
        if let (Some(_), Some(Some(item))) = (&draft.item, &self.facts.item) {
            html = format!("{}\n\n{html}", texts::chosen(language, &priced(item)));
        }
        let row = vec![
            self.key("Booking", Button::Booking),
            self.key("Cancel", Button::Cancel),
        ];
        Reply::with_buttons(html, vec![row])
    }

    fn ask_date(&self, _draft: &Draft) -> Reply {
        let language = self.language();
        let days = self.merchant.open_days(self.now, DAYS_OFFERED);
        let html = if days.is_empty() {
            texts::no_open_day(language)
        } else {
            texts::ask_date(language)
        };
        let mut keyboard: Vec<Vec<Key>> = days
            .into_iter()
            .map(|day| vec![self.key(date_in_words(day, language), Button::Date(day))])
            .collect();
        keyboard.push(self.cancel());
        Reply::with_buttons(html.to_owned(), keyboard)
    }

    fn ask_device(&self, draft: &Draft, page: u16) -> Reply {
        let language = self.language();
        let devices = self
            .facts
            .catalog
            .as_ref()
            .map(Catalog::devices)
            .unwrap_or_default();
        let shown = Shown::of(&devices, page, BUTTONS_A_PAGE);
        let mut keyboard: Vec<Vec<Key>> = shown
            .items
            .iter()
            .map(|(id, name)| vec![self.key(name.clone(), Button::Device(id.clone()))])
            .collect();
        keyboard.extend(self.turning(&shown));
        keyboard.push(self.change_date());
        let question = if devices.is_empty() {
            texts::empty_catalog(language)
        } else {
            texts::ask_device(language)
        };
        Reply::with_buttons(self.asking(draft.date, question), keyboard)
    }

    fn ask_slot(&self, draft: &Draft) -> Reply {
        let slots = match (draft.date, &self.facts.day) {
            (Some(date), Some(day)) => day.free_slots(self.merchant, date, self.now),
            _ => vec![],
        };
        let mut keyboard: Vec<Vec<Key>> = slots
            .into_iter()
            .map(|slot| vec![self.key(slot.label(self.merchant.zone), Button::Slot(slot.id()))])
            .collect();
        keyboard.push(self.change_date());
        let question = texts::ask_slot(self.language());
        Reply::with_buttons(self.asking(draft.date, question), keyboard)
    }

    fn ask_part(&self, draft: &Draft, page: u16) -> Reply {
        let parts: Vec<Item> = match (&draft.device, &self.facts.catalog) {
            (Some(device), Some(catalog)) => {
                catalog.parts_of(device).into_iter().cloned().collect()
            }
            _ => vec![],
        };
        let shown = Shown::of(&parts, page, BUTTONS_A_PAGE);
        let mut keyboard: Vec<Vec<Key>> = shown
            .items
            .iter()
            .map(|item| {
                let label = format!("{} · {}", item.part, item.price);
                vec![self.key(label, Button::Part(item.id.clone()))]
            })
            .collect();
        keyboard.extend(self.turning(&shown));
        keyboard.push(self.change_date());
        let language = self.language();
        let question = match parts.first() {
            Some(item) => format!(
                "<b>{}</b>\n{}",
                escaped(&item.device),
                texts::ask_part(language)
            ),
            None => texts::ask_part(language).to_owned(),
        };
        Reply::with_buttons(question, keyboard)
    }

    fn confirm(&self, draft: &Draft) -> Reply {
        let language = self.language();
        let zone = self.merchant.zone;
        let mut html = language
            .pick("<b>Ringkasan pesanan</b>", "<b>Your booking</b>")
            .to_owned();
        let item = self.facts.item.as_ref().and_then(Option::as_ref);
        let slot = draft.slot.as_deref().and_then(|id| self.merchant.slot(id));
        let mut line = |indonesian: &str, english: &str, value: String| {
            let label = language.pick(indonesian, english);
            append(&mut html, format_args!("\n{label}: <b>{value}</b>"));
        };
        if let Some(code) = &draft.code {
            line("ID order", "Order ID", code.to_string());
        }
        if let Some(item) = item {
            line("Total", "Total", item.price.to_string());
        }
        if let Some(date) = draft.date {
            line("Tanggal", "Date", date_in_words(date, language));
        }
        if let Some(slot) = slot {
            line("Jam", "Time", slot.label(zone));
        }
        if let Some(item) = item {
            line("Perangkat", "Device", escaped(&item.device));
            line("Komponen", "Part", escaped(&item.part));
        }
        append(
            &mut html,
            format_args!("\n\n{}", texts::confirm_question(language)),
        );
        let book = vec![
            self.key("Book Now", Button::BookNow),
            self.key("Cancel", Button::Cancel),
        ];
        let label = language.pick("Ganti tanggal", "Change date");
        let redate = vec![self.key(label, Button::ChangeDate)];
        Reply::with_buttons(html, vec![book, redate])
    }

    /// A booking just made, or one that was asked for.
    fn order(&self, just_made: bool) -> Reply {
        let language = self.language();
        let Some(Some(order)) = &self.facts.order else {
            let question = texts::ask_code(language).to_owned();
            return Reply::with_buttons(question, vec![self.cancel()]);
        };
        let zone = self.merchant.zone;
        let reservation = &order.reservation;
        let held = reservation.state_at(self.now) == ReservationState::Held;
        let mut html = String::new();
        if just_made {
            let code = &reservation.code;
            html = language.pick(
                format!("<b>Reservasi dibuat.</b>\nKode booking: <b><code>{code}</code></b>\n\n"),
                format!(
                    "<b>Your booking is made.</b>\nBooking code: <b><code>{code}</code></b>\n\n"
                ),
            );
        }
        html.push_str(&order_lines(order, self.merchant, language, self.now));
        if held && order.payment.state.is_unpaid() {
            let until = reservation.held_until.to_zoned(zone.tz());
            let time = time_in_words(until.time(), zone);
            let day = date_in_words(until.date(), language);
            html.push_str(&language.pick(
                format!(
                    "\n\nBayar sebelum <b>{time}</b>, {day}; sampai saat itu jam Anda kami tahan."
                ),
                format!(
                    "\n\nPay before <b>{time}</b>, {day}; until then we keep your time for you."
                ),
            ));
        }
        html.push_str(&link_line(self.links, language));
        let mut keyboard = Vec::new();
        if order.is_payable(self.now) {
            let label = language.pick("Bayar Sekarang", "Pay now");
            keyboard.push(vec![
                self.key(label, Button::PayNow(reservation.code.clone())),
            ]);
        }
        keyboard.extend(link_key(self.links, language));
        if just_made && self.chat.phone.is_none() && writes_on_whatsapp(self.merchant) {
            html.push_str("\n\n");
            html.push_str(texts::offer_number(language));
            let label = texts::share_number(language);
            keyboard.push(vec![self.key(label, Button::ShareNumber)]);
        }
        Reply::with_buttons(html, keyboard)
    }

    fn asking(&self, date: Option<Date>, question: &str) -> String {
        match date {
            Some(date) => format!(
                "{}\n\n{question}",
                texts::date_read_back(self.language(), date)
            ),
            None => question.to_owned(),
        }
    }

    fn turning<T>(&self, shown: &Shown<'_, T>) -> Vec<Vec<Key>> {
        let language = self.language();
        let mut row = Vec::new();
        if let Some(page) = shown.before {
            let label = language.pick("‹ Sebelumnya", "‹ Previous");
            row.push(self.key(label, Button::Page(page)));
        }
        if let Some(page) = shown.after {
            let label = language.pick("Berikutnya ›", "Next ›");
            row.push(self.key(label, Button::Page(page)));
        }
        if row.is_empty() { vec![] } else { vec![row] }
    }
}

/// One page of a list. A page behind the last shows the last.
struct Shown<'a, T> {
    items: &'a [T],
    before: Option<u16>,
    after: Option<u16>,
}

impl<'a, T> Shown<'a, T> {
    fn of(all: &'a [T], page: u16, size: usize) -> Self {
        let last = all.len().saturating_sub(1).checked_div(size).unwrap_or(0);
        let page = page.min(u16::try_from(last).unwrap_or(u16::MAX));
        let items = all.chunks(size).nth(usize::from(page)).unwrap_or_default();
        Self {
            items,
            before: page.checked_sub(1),
            after: page
                .checked_add(1)
                .filter(|next| usize::from(*next) <= last),
        }
    }
}

fn order_lines(order: &Order, merchant: &Merchant, language: Language, now: Timestamp) -> String {
    let Order {
        reservation,
        payment,
    } = order;
    let lines = [
        (
            language.pick("ID order", "Order ID"),
            payment.order_id.as_str().to_owned(),
        ),
        ("Total", payment.amount.to_string()),
        (
            language.pick("Status pembayaran", "Payment"),
            payment_in_words(payment.state, language).to_owned(),
        ),
        (
            language.pick("Status perbaikan", "Repair"),
            repair_in_words(reservation.state_at(now), language).to_owned(),
        ),
        (
            language.pick("Tanggal", "Date"),
            date_in_words(reservation.date, language),
        ),
        (
            language.pick("Jam", "Time"),
            reservation.slot.label(merchant.zone),
        ),
        (
            language.pick("Perangkat", "Device"),
            escaped(&reservation.device),
        ),
        (
            language.pick("Komponen", "Part"),
            escaped(&reservation.part),
        ),
    ];
    lines
        .map(|(label, value)| format!("{label}: <b>{value}</b>"))
        .join("\n")
}

fn link_line(links: &Links, language: Language) -> String {
    match &links.order {
        Some(url) => format!(
            "\n\n{}\n{}",
            language.pick("Halaman pesanan Anda:", "Your order page:"),
            escaped(url)
        ),
        None => String::new(),
    }
}

fn link_key(links: &Links, language: Language) -> Option<Vec<Key>> {
    let url = links.order.clone().filter(|_| links.on_buttons)?;
    Some(vec![Key {
        label: language.pick("Lihat pesanan", "See the order").to_owned(),
        does: KeyDoes::Open(url),
    }])
}

fn priced(item: &Item) -> String {
    format!(
        "{} {} · {}",
        escaped(&item.part),
        escaped(&item.device),
        item.price
    )
}

fn append(html: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    html.write_fmt(text).unwrap_or_default();
}
