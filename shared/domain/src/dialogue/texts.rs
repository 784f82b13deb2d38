//! What the bot says, in both languages. Arguments are escaped by the caller.

use jiff::civil::Date;

use super::{Note, NumberTold};
use crate::calendar::{date_in_words, time_in_words};
use crate::language::Language;
use crate::merchant::{DayRefused, Merchant};
use crate::payment::Notice;

pub(super) fn greeting(language: Language, name: &str, shop: &str) -> String {
    let name = if name.is_empty() {
        String::new()
    } else {
        format!(" {name}")
    };
    language.pick(
        format!(
            "Halo{name}! Selamat datang di <b>{shop}</b>.\n\nKetik /order untuk reservasi servis, \
             /catalog untuk daftar harga, /status untuk melihat pesanan Anda, atau /help untuk bantuan."
        ),
        format!(
            "Hello{name}! Welcome to <b>{shop}</b>.\n\nType /order to book a repair, /catalog for \
             the price list, /status to see your booking, or /help for help."
        ),
    )
}

/// A command of the bot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Command {
    /// Without the slash.
    pub name: &'static str,
    /// What it does.
    pub description: &'static str,
}

/// The commands that the bot understands, as its help and its menu list them.
#[must_use]
pub fn commands(language: Language) -> [Command; 5] {
    let command = |name, indonesian, english| Command {
        name,
        description: language.pick(indonesian, english),
    };
    [
        command("help", "daftar perintah ini", "this list"),
        command("order", "reservasi servis", "book a repair"),
        command("catalog", "komponen dan harganya", "spare parts and prices"),
        command("status", "status pesanan Anda", "how your booking stands"),
        Command {
            name: forget(language),
            description: language.pick(
                "hapus nomor WhatsApp Anda dari catatan kami",
                "take your WhatsApp number back",
            ),
        },
    ]
}

/// The command that forgets the customer's number.
fn forget(language: Language) -> &'static str {
    language.pick("hapusnomor", "forgetnumber")
}

/// Whether a command, in lower case, is the one that forgets the number, in either language.
pub(super) fn is_forget(name: &str) -> bool {
    [Language::Indonesian, Language::English]
        .into_iter()
        .any(|language| name == forget(language))
}

/// On the buttons that ask for the number.
pub(super) fn share_number(language: Language) -> &'static str {
    language.pick("Bagikan nomor", "Share my number")
}

/// On the button beside it. What a reply keyboard's button sends is its label, as a text.
pub(super) fn not_now(language: Language) -> &'static str {
    language.pick("Nanti saja", "Not now")
}

/// Whether a text, in lower case, is that button's, in either language.
pub(super) fn is_not_now(text: &str) -> bool {
    [Language::Indonesian, Language::English]
        .into_iter()
        .any(|language| text == not_now(language).to_lowercase())
}

pub(super) fn offer_number(language: Language) -> &'static str {
    language.pick(
        "Ingin bukti pembayaran juga lewat WhatsApp? Tekan <b>Bagikan nomor</b>.",
        "Would you like the receipt by WhatsApp as well? Press <b>Share my number</b>.",
    )
}

pub(super) fn ask_number(language: Language, shop: &str) -> String {
    let forget = forget(language);
    language.pick(
        format!(
            "Tekan <b>Bagikan nomor</b> di bawah kolom pesan, dan bukti pembayaran juga dikirim \
             lewat WhatsApp.\n\nNomor Anda hanya dipakai <b>{shop}</b> untuk pesan tentang pesanan \
             Anda, dan bisa dihapus kapan saja dengan /{forget}."
        ),
        format!(
            "Press <b>Share my number</b> below the message field, and the receipt also comes by \
             WhatsApp.\n\nOnly <b>{shop}</b> uses your number, for messages about your bookings, \
             and you can take it back at any time with /{forget}."
        ),
    )
}

pub(super) fn number_told(language: Language, told: NumberTold) -> String {
    let forget = forget(language);
    match told {
        NumberTold::Kept => language.pick(
            format!(
                "Terima kasih, nomor Anda kami simpan. Mulai sekarang bukti pembayaran juga \
                 dikirim lewat WhatsApp. Untuk menghapusnya kapan saja, ketik /{forget}."
            ),
            format!(
                "Thank you, we have kept your number. From now on the receipt also comes by \
                 WhatsApp. To take the number back at any time, type /{forget}."
            ),
        ),
        NumberTold::Forgotten => language.pick(
            "Nomor Anda sudah kami hapus. Pesan selanjutnya hanya dikirim di sini.".to_owned(),
            "Your number is deleted. From now on you are written to only here.".to_owned(),
        ),
        NumberTold::NoneKept => language.pick(
            "Tidak ada nomor Anda yang kami simpan, jadi tidak ada yang perlu dihapus.".to_owned(),
            "We keep no number of yours, so there is nothing to delete.".to_owned(),
        ),
        NumberTold::Declined => language.pick(
            "Baik, kami tidak meminta nomor Anda. Bukti pembayaran dikirim di sini.".to_owned(),
            "All right, no number then. The receipt comes here.".to_owned(),
        ),
        NumberTold::NotUsed => language.pick(
            "Toko ini belum mengirim pesan lewat WhatsApp, jadi nomor Anda tidak kami simpan. \
             Bukti pembayaran dikirim di sini."
                .to_owned(),
            "This shop does not write by WhatsApp yet, so your number was not kept. The receipt \
             comes here."
                .to_owned(),
        ),
    }
}

pub(super) fn help(language: Language) -> String {
    let mut text = language
        .pick("Perintah yang saya mengerti:", "The commands I understand:")
        .to_owned();
    for Command { name, description } in commands(language) {
        text.push_str(&format!("\n/{name} – {description}"));
    }
    text
}

pub(super) fn private_only(language: Language) -> &'static str {
    language.pick(
        "Saya melayani pesanan di chat pribadi saja. Silakan lanjutkan di sana:",
        "I take bookings in a private chat only. Please go on there:",
    )
}

pub(super) fn welcome(language: Language, shop: &str) -> String {
    language.pick(
        format!(
            "Selamat datang di layanan reservasi <b>{shop}</b>. Anda akan memilih tanggal, \
             perangkat, jam, dan komponen; pembayaran dilakukan setelahnya.\n\nTekan <b>Booking</b> \
             untuk mulai atau <b>Cancel</b> untuk batal."
        ),
        format!(
            "Welcome to the booking desk of <b>{shop}</b>. You will choose a date, a device, a \
             time and a part, and pay afterwards.\n\nPress <b>Booking</b> to begin or <b>Cancel</b> \
             to stop."
        ),
    )
}

pub(super) fn chosen(language: Language, part: &str) -> String {
    language.pick(
        format!("Pilihan Anda: <b>{part}</b>."),
        format!("You chose <b>{part}</b>."),
    )
}

pub(super) fn ask_date(language: Language) -> &'static str {
    language.pick(
        "Kapan Anda mau datang? Pilih tanggal di bawah, atau ketik sebagai hari/bulan/tahun, \
         misalnya <code>05/12/2026</code>.",
        "When would you like to come? Choose a date below, or type it as day/month/year, such as \
         <code>05/12/2026</code>.",
    )
}

pub(super) fn no_open_day(language: Language) -> &'static str {
    language.pick(
        "Belum ada hari yang bisa dipesan. Silakan coba lagi nanti.",
        "There is no day to book yet. Please try again later.",
    )
}

pub(super) fn date_read_back(language: Language, date: Date) -> String {
    let words = date_in_words(date, language);
    language.pick(
        format!("Tanggal: <b>{words}</b>."),
        format!("Date: <b>{words}</b>."),
    )
}

pub(super) fn ask_device(language: Language) -> &'static str {
    language.pick("Perangkat apa yang diservis?", "Which device is it?")
}

pub(super) fn ask_slot(language: Language) -> &'static str {
    language.pick(
        "Pilih jam yang masih kosong:",
        "Choose one of the free times:",
    )
}

pub(super) fn ask_part(language: Language) -> &'static str {
    language.pick(
        "Komponen apa yang diganti? Harga sudah termasuk pemasangan.",
        "Which part is to be replaced? The price includes the work.",
    )
}

pub(super) fn ask_code(language: Language) -> &'static str {
    language.pick(
        "Ketik kode booking Anda (8 angka).",
        "Type your booking code (8 digits).",
    )
}

pub(super) fn empty_catalog(language: Language) -> &'static str {
    language.pick(
        "Daftar harga masih kosong. Silakan coba lagi nanti.",
        "The price list is empty for now. Please try again later.",
    )
}

pub(super) fn confirm_question(language: Language) -> &'static str {
    language.pick(
        "Sudah benar? Tekan <b>Book Now</b> untuk memesan.",
        "All right? Press <b>Book Now</b> to book.",
    )
}

pub(super) fn notice(language: Language, notice: Notice) -> &'static str {
    let (indonesian, english) = match notice {
        Notice::Receipt => (
            "<b>Pembayaran diterima. Terima kasih!</b>\nSampai jumpa pada jadwal Anda.",
            "<b>Payment received. Thank you!</b>\nSee you at your time.",
        ),
        Notice::Reversed => (
            "<b>Pembayaran Anda dibatalkan oleh bank.</b>\nDananya kembali ke rekening Anda. \
             Toko akan menghubungi Anda di sini.",
            "<b>Your bank has reversed the payment.</b>\nThe money goes back to your account. \
             The shop will contact you here.",
        ),
        Notice::Review => (
            "<b>Pembayaran Anda sudah masuk, tetapi perlu ditinjau toko.</b>\nJadwal Anda belum \
             terkonfirmasi; toko akan menawarkan jadwal lain atau pengembalian dana.",
            "<b>Your payment has arrived, but the shop must look at it.</b>\nYour time is not \
             confirmed; the shop will offer another time or a refund.",
        ),
    };
    language.pick(indonesian, english)
}

pub(super) fn linked(language: Language, shop: &str) -> String {
    language.pick(
        format!(
            "<b>Chat ini sudah terhubung.</b>\nTagihan dan bukti pembayaran dari {shop} dikirim ke \
             sini bila tidak bisa lewat WhatsApp."
        ),
        format!(
            "<b>This chat is linked now.</b>\nBills and receipts from {shop} come here when they \
             cannot go by WhatsApp."
        ),
    )
}

pub(super) fn link_refused(language: Language, shop: &str) -> String {
    language.pick(
        format!(
            "Tautan itu tidak berlaku atau sudah dipakai. Mintalah tautan baru kepada {shop}; chat \
             ini tetap seperti semula."
        ),
        format!(
            "That link is not valid or was used already. Please ask {shop} for a new one; this chat \
             stays as it was."
        ),
    )
}

pub(super) fn note(language: Language, note: Note, merchant: &Merchant) -> String {
    let zone = merchant.zone;
    let fixed = |indonesian: &str, english: &str| language.pick(indonesian, english).to_owned();
    match note {
        Note::Help => help(language).to_owned(),
        Note::Cancelled => fixed("Reservasi dibatalkan.", "The booking was called off."),
        Note::OldKeyboard => fixed(
            "Tombol itu dari pesan lama. Ini langkah Anda sekarang:",
            "That button belongs to an older message. This is where you are:",
        ),
        Note::NotNow => fixed(
            "Tombol itu tidak berlaku di langkah ini. Ini langkah Anda sekarang:",
            "That button does not belong to this step. This is where you are:",
        ),
        Note::UseButtons => fixed(
            "Silakan tekan salah satu tombol di bawah, atau /help untuk bantuan.",
            "Please press one of the buttons below, or /help for help.",
        ),
        Note::DateFormat => fixed(
            "Itu belum bisa saya baca sebagai tanggal.",
            "I cannot read that as a date.",
        ),
        Note::DateImpossible => fixed(
            "Tanggal itu tidak ada di kalender.",
            "There is no such day in the calendar.",
        ),
        Note::Day(DayRefused::Past) => fixed(
            "Tanggal itu sudah lewat. Pilih hari ini atau sesudahnya.",
            "That day is past. Choose today or a later day.",
        ),
        Note::Day(DayRefused::TooFar { last }) => {
            let last = date_in_words(last, language);
            language.pick(
                format!("Tanggal itu terlalu jauh. Paling jauh {last}."),
                format!("That day is too far ahead. The last one is {last}."),
            )
        }
        Note::Day(DayRefused::ClosedWeekday { weekday }) => {
            let day = crate::calendar::weekday_in_words(weekday, language);
            language.pick(
                format!("Kami tutup setiap hari {day}. Pilih hari lain."),
                format!("We are closed on {day}s. Choose another day."),
            )
        }
        Note::Day(DayRefused::ClosedDate) => fixed(
            "Kami tutup pada tanggal itu. Pilih tanggal lain.",
            "We are closed on that date. Choose another one.",
        ),
        Note::Day(DayRefused::AfterClosing) => fixed(
            "Semua jam hari ini sudah lewat. Pilih tanggal lain.",
            "All of today's times have passed. Choose another day.",
        ),
        Note::DayFull => fixed(
            "Semua jam pada tanggal itu sudah penuh. Pilih tanggal lain.",
            "Every time on that day is taken. Choose another day.",
        ),
        Note::SlotGone => fixed(
            "Jam itu tidak bisa dipesan lagi. Pilih jam lain.",
            "That time can no longer be booked. Choose another one.",
        ),
        Note::SlotTaken => fixed(
            "Maaf, jam itu baru saja diambil pelanggan lain. Pilih jam lain.",
            "Sorry, another customer has just taken that time. Choose another one.",
        ),
        Note::NotOffered => fixed(
            "Pilihan itu tidak ada di daftar kami. Silakan pilih lagi.",
            "That is not on our list. Please choose again.",
        ),
        Note::PriceChanged => fixed(
            "Harganya baru saja berubah. Periksa lagi sebelum memesan.",
            "The price has just changed. Check it again before you book.",
        ),
        Note::CodeFormat => fixed(
            "Kode booking terdiri dari 8 angka, misalnya 62473383.",
            "A booking code has 8 digits, such as 62473383.",
        ),
        Note::WrongCode => fixed(
            "Tidak ada pesanan Anda dengan kode itu. Periksa lagi kodenya.",
            "You have no booking with that code. Check it again.",
        ),
        Note::Number(told) => number_told(language, told),
        Note::ForeignContact => fixed(
            "Itu bukan kontak Anda sendiri, jadi tidak kami simpan. Hanya nomor Anda sendiri yang \
             bisa dibagikan, dengan tombol <b>Bagikan nomor</b>.",
            "That contact is not your own, so we have not kept it. You can share only your own \
             number, with the button <b>Share my number</b>.",
        ),
        Note::NoPhoneNumber => fixed(
            "Nomor di kontak itu belum bisa kami pakai: harus lengkap dengan kode negaranya, \
             misalnya +62 812 3456 7890. Periksa nomor Anda di Telegram, lalu bagikan lagi.",
            "We cannot use the number in that contact: it needs its country code, as in \
             +62 812 3456 7890. Check your number in Telegram and share it again.",
        ),
        Note::Locked { until } => {
            let until = time_in_words(until.to_zoned(zone.tz()).time(), zone);
            language.pick(
                format!("Terlalu banyak kode yang salah. Coba lagi setelah {until}."),
                format!("Too many wrong codes. Try again after {until}."),
            )
        }
    }
}
