//! Why a message waits, failed or was dropped, in words that somebody can act on.

use crate::language::Language;
use crate::message::named;

/// Why a message waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HoldReason {
    /// The balance does not cover it.
    Balance,
    /// It is night where the recipient is.
    QuietHours,
    /// The day's new recipients are used up at Meta.
    RecipientLimit,
    /// Its template is not approved.
    Template,
    /// The merchant's channel is paused.
    Paused,
}

/// Why a message is not sent any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DropReason {
    /// Too old to make sense.
    TooOld,
    /// What it asks for is paid.
    Paid,
    /// What it is about was called off or is gone.
    CalledOff,
    /// The subscriber whom it was for is paused.
    SubscriberPaused,
    /// The subscriber whom it was for is no longer there.
    SubscriberRemoved,
    /// A newer one says more.
    Replaced,
    /// The recipient said STOP.
    OptedOut,
    /// The chat takes no messages.
    Unreachable,
    /// Its run is over.
    RunOver,
}

/// Why a message failed for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FailReason {
    /// The number has no WhatsApp that takes it.
    NotOnWhatsApp,
    /// Free text more than a day after the customer's last message.
    WindowClosed,
    /// The person, or Meta for them, takes no promotion.
    MarketingRefused,
    /// Meta withholds messages from this person for a study of its own.
    Experiment,
    /// The shop itself has blocked the number.
    BlockedByShop,
    /// Sender and recipient are the same.
    OwnNumber,
    /// The number has a new owner.
    NumberChangedHands,
    /// A text is too long or of a form that Meta refuses.
    TextRefused,
    /// We asked wrongly.
    OurMistake,
    /// The chat takes no messages.
    Unreachable,
    /// The vendor took it and could not deliver it.
    NotDelivered,
    /// Every try was refused.
    TriesExhausted,
    /// Sent twice, and nobody said that it arrived.
    Unanswered,
}

/// Why nothing of a merchant goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PauseReason {
    /// WhatsApp's token is invalid.
    Token,
    /// The token lacks a permission.
    Permission,
    /// Meta has locked or restricted the account.
    AccountRestricted,
    /// Meta has restricted the number: too many people blocked or reported it.
    NumberRestricted,
    /// Meta limits the account for templates in a wrong category.
    TemplateMisuse,
    /// Meta cannot charge the account.
    VendorPayment,
    /// The number is not registered.
    NumberNotRegistered,
    /// A registered template differs from ours.
    TemplateMismatch,
    /// The bot's token is invalid.
    BotToken,
}

named!(HoldReason, "hold reason", {
    Balance = "balance",
    QuietHours = "quiet-hours",
    RecipientLimit = "recipient-limit",
    Template = "template",
    Paused = "paused",
});
named!(DropReason, "drop reason", {
    TooOld = "too-old",
    Paid = "paid",
    CalledOff = "called-off",
    SubscriberPaused = "subscriber-paused",
    SubscriberRemoved = "subscriber-removed",
    Replaced = "replaced",
    OptedOut = "opted-out",
    Unreachable = "unreachable",
    RunOver = "run-over",
});
named!(FailReason, "fail reason", {
    NotOnWhatsApp = "not-on-whatsapp",
    WindowClosed = "window-closed",
    MarketingRefused = "marketing-refused",
    Experiment = "experiment",
    BlockedByShop = "blocked-by-shop",
    OwnNumber = "own-number",
    NumberChangedHands = "number-changed-hands",
    TextRefused = "text-refused",
    OurMistake = "our-mistake",
    Unreachable = "unreachable",
    NotDelivered = "not-delivered",
    TriesExhausted = "tries-exhausted",
    Unanswered = "unanswered",
});
named!(PauseReason, "pause reason", {
    Token = "token",
    Permission = "permission",
    AccountRestricted = "account-restricted",
    NumberRestricted = "number-restricted",
    TemplateMisuse = "template-misuse",
    VendorPayment = "vendor-payment",
    NumberNotRegistered = "number-not-registered",
    TemplateMismatch = "template-mismatch",
    BotToken = "bot-token",
});

impl HoldReason {
    /// Whether something must happen before it goes on, so that it stands in the waiting list;
    /// the others end by the clock.
    #[must_use]
    pub fn waits_for_an_event(self) -> bool {
        match self {
            Self::Balance | Self::Template | Self::Paused => true,
            Self::QuietHours | Self::RecipientLimit => false,
        }
    }

    /// The reason as the merchant reads it.
    #[must_use]
    pub fn in_words(self, language: Language) -> &'static str {
        let (indonesian, english) = match self {
            Self::Balance => ("Menunggu saldo diisi", "Waiting for a top-up"),
            Self::QuietHours => (
                "Menunggu pagi (pukul 08.00)",
                "Waiting for the morning (08.00)",
            ),
            Self::RecipientLimit => (
                "Batas penerima harian WhatsApp tercapai; dilanjutkan besok pagi",
                "WhatsApp's daily recipient limit is reached; goes on tomorrow morning",
            ),
            Self::Template => (
                "Menunggu template disetujui Meta",
                "Waiting for Meta to approve the template",
            ),
            Self::Paused => ("Pengiriman sedang dijeda", "Sending is paused"),
        };
        language.pick(indonesian, english)
    }
}

impl DropReason {
    /// The reason as the merchant reads it.
    #[must_use]
    pub fn in_words(self, language: Language) -> &'static str {
        let (indonesian, english) = match self {
            Self::TooOld => ("Sudah terlambat untuk dikirim", "Too late to be sent"),
            Self::Paid => ("Sudah dibayar", "Paid already"),
            Self::CalledOff => ("Sudah dibatalkan", "Called off"),
            Self::SubscriberPaused => ("Langganan sedang dijeda", "The subscription is paused"),
            Self::SubscriberRemoved => ("Pelanggan sudah dihapus", "The subscriber was removed"),
            Self::Replaced => (
                "Digantikan pesan yang lebih baru",
                "Replaced by a newer message",
            ),
            Self::OptedOut => (
                "Penerima berhenti berlangganan (STOP)",
                "The recipient opted out (STOP)",
            ),
            Self::Unreachable => (
                "Penerima memblokir bot atau menutup akunnya",
                "The recipient blocked the bot or closed their account",
            ),
            Self::RunOver => (
                "Batas waktu penagihan sudah lewat",
                "The billing run is over",
            ),
        };
        language.pick(indonesian, english)
    }
}

impl FailReason {
    /// The reason as the merchant reads it, with what can be done.
    #[must_use]
    pub fn in_words(self, language: Language) -> &'static str {
        let (indonesian, english) = match self {
            Self::NotOnWhatsApp => (
                "Nomor ini tidak aktif di WhatsApp. Periksa nomornya atau pakai saluran lain.",
                "This number is not active on WhatsApp. Check it or use another channel.",
            ),
            Self::WindowClosed => (
                "Pelanggan terakhir menulis lebih dari 24 jam lalu. Kirim dengan template.",
                "The customer last wrote more than 24 hours ago. Send a template.",
            ),
            Self::MarketingRefused => (
                "Penerima tidak menerima pesan promosi.",
                "The recipient takes no promotional messages.",
            ),
            Self::Experiment => (
                "Meta menahan pesan untuk penerima ini sebagai bagian dari uji coba.",
                "Meta withholds messages from this recipient as part of an experiment.",
            ),
            Self::BlockedByShop => (
                "Nomor ini Anda blokir. Buka blokirnya di WhatsApp.",
                "You have blocked this number. Unblock it on WhatsApp.",
            ),
            Self::OwnNumber => (
                "Nomor tujuan sama dengan nomor pengirim.",
                "The number is the sender's own.",
            ),
            Self::NumberChangedHands => (
                "Nomor ini mungkin sudah berganti pemilik. Pastikan dulu kepada pelanggan.",
                "This number may have a new owner. Ask the customer first.",
            ),
            Self::TextRefused => (
                "Isi pesan terlalu panjang atau formatnya ditolak Meta. Periksa nama dan keterangannya.",
                "A text is too long or of a form Meta refuses. Check names and descriptions.",
            ),
            Self::OurMistake => (
                "Permintaan ditolak. Hubungi operator Pesan.",
                "The request was refused. Contact Pesan's operator.",
            ),
            Self::Unreachable => (
                "Penerima memblokir bot atau menutup akunnya.",
                "The recipient blocked the bot or closed their account.",
            ),
            Self::NotDelivered => (
                "WhatsApp menerima pesan ini, tetapi tidak dapat mengantarkannya.",
                "WhatsApp took this message but could not deliver it.",
            ),
            Self::TriesExhausted => (
                "Sudah dicoba berkali-kali, tetapi selalu gagal.",
                "Tried many times, refused each time.",
            ),
            Self::Unanswered => (
                "Dikirim dua kali, tetapi tidak ada kabar bahwa pesan sampai.",
                "Sent twice, but no word that it arrived.",
            ),
        };
        language.pick(indonesian, english)
    }
}

impl PauseReason {
    /// The reason as the operator reads it, with what ends the pause.
    #[must_use]
    pub fn in_words(self, language: Language) -> &'static str {
        let (indonesian, english) = match self {
            Self::Token => (
                "Token WhatsApp tidak berlaku lagi. Buat token baru di Meta Business, simpan, lalu lanjutkan.",
                "WhatsApp's token is no longer valid. Make a new one in Meta Business, store it, then resume.",
            ),
            Self::Permission => (
                "Token WhatsApp tidak punya izin mengirim. Tambahkan izin whatsapp_business_messaging, lalu lanjutkan.",
                "WhatsApp's token may not send. Grant whatsapp_business_messaging, then resume.",
            ),
            Self::AccountRestricted => (
                "Meta membatasi akun WhatsApp ini. Ajukan peninjauan di Meta Business, lalu lanjutkan.",
                "Meta has restricted this WhatsApp account. Ask for a review in Meta Business, then resume.",
            ),
            Self::NumberRestricted => (
                "Meta membatasi nomor ini karena terlalu banyak diblokir atau dilaporkan. Tunggu pembatasannya berakhir, lalu lanjutkan.",
                "Meta has restricted this number: too many people blocked or reported it. Wait for the end of it, then resume.",
            ),
            Self::TemplateMisuse => (
                "Meta membatasi akun karena kategori template tidak sesuai. Perbaiki kategorinya, lalu lanjutkan.",
                "Meta limits the account for templates in a wrong category. Correct the category, then resume.",
            ),
            Self::VendorPayment => (
                "Meta tidak dapat menagih akun WhatsApp ini. Perbarui metode pembayaran di Meta Business, lalu lanjutkan.",
                "Meta cannot charge this WhatsApp account. Renew the payment method in Meta Business, then resume.",
            ),
            Self::NumberNotRegistered => (
                "Nomor WhatsApp ini belum terdaftar di Cloud API. Daftarkan nomornya, lalu lanjutkan.",
                "This WhatsApp number is not registered with the Cloud API. Register it, then resume.",
            ),
            Self::TemplateMismatch => (
                "Template di Meta berbeda dari yang dikirim. Daftarkan ulang template, lalu lanjutkan.",
                "A template at Meta differs from what is sent. Register the templates again, then resume.",
            ),
            Self::BotToken => (
                "Token bot Telegram tidak berlaku. Ambil token baru dari @BotFather, simpan, lalu lanjutkan.",
                "The Telegram bot's token is invalid. Get a new one from @BotFather, store it, then resume.",
            ),
        };
        language.pick(indonesian, english)
    }
}
