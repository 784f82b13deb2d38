//! The words, with blanks `{{1}}`, `{{2}}`, … as Meta counts them. No text begins or ends with a
//! blank (Meta refuses that, 2388299), and none has a character that HTML or JSON would escape.

use crate::language::Language;
use crate::message::{Purpose, named};

/// The kinds of templates, named as they are registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// See [`Template::Bill`](super::Template::Bill).
    Bill,
    /// See [`Template::Reminder`](super::Template::Reminder).
    Reminder,
    /// See [`Template::Receipt`](super::Template::Receipt).
    Receipt,
    /// See [`Template::Otp`](super::Template::Otp).
    Otp,
    /// See [`Template::Approval`](super::Template::Approval).
    Approval,
    /// See [`Template::RepairStatus`](super::Template::RepairStatus).
    RepairStatus,
    /// See [`Template::LowBalance`](super::Template::LowBalance).
    LowBalance,
}

named!(Kind, "template", {
    Bill = "monthly_bill",
    Reminder = "payment_reminder",
    Receipt = "payment_receipt",
    Otp = "one_time_code",
    Approval = "approval_request",
    RepairStatus = "repair_status",
    LowBalance = "low_balance",
});

impl Kind {
    /// What messages of this kind are for, and so their category.
    #[must_use]
    pub fn purpose(self) -> Purpose {
        match self {
            Self::Bill => Purpose::Bill,
            Self::Reminder => Purpose::Reminder,
            Self::Receipt => Purpose::Receipt,
            Self::Otp => Purpose::Otp,
            Self::Approval => Purpose::Approval,
            Self::RepairStatus => Purpose::RepairStatus,
            Self::LowBalance => Purpose::LowBalance,
        }
    }

    /// Its text. Meta puts words of its own around a code; these are for other channels.
    #[must_use]
    pub fn wording(self, language: Language) -> &'static str {
        let (indonesian, english) = match self {
            Self::Bill => (
                "Halo {{1}}, tagihan {{2}} dari {{3}} sebesar {{4}} sudah terbit. Mohon dibayar \
                 paling lambat {{5}}. Terima kasih.",
                "Hello {{1}}, your {{2}} bill from {{3}} is {{4}}. Please pay it by {{5}}. Thank \
                 you.",
            ),
            Self::Reminder => (
                "Halo {{1}}, kami belum menerima pembayaran tagihan {{2}} dari {{3}} sebesar \
                 {{4}}, jatuh tempo {{5}}. Abaikan pesan ini jika Anda sudah membayar.",
                "Hello {{1}}, your {{2}} bill from {{3}} of {{4}}, due on {{5}}, is not paid yet. \
                 Please ignore this message if you have paid it.",
            ),
            Self::Receipt => (
                "Halo {{1}}, pembayaran Anda kepada {{2}} sebesar {{3}} untuk {{4}} sudah diterima \
                 pada {{5}}. Terima kasih.",
                "Hello {{1}}, your payment to {{2}} of {{3}} for {{4}} was received on {{5}}. Thank \
                 you.",
            ),
            Self::Otp => (
                "Kode verifikasi Anda {{1}}. Demi keamanan, jangan bagikan kode ini kepada siapa \
                 pun.",
                "Your verification code is {{1}}. For your security, do not share it with anyone.",
            ),
            Self::Approval => (
                "Halo {{1}}, permintaan dari {{2}} menunggu persetujuan Anda: {{3}} di {{4}}. Mohon \
                 diputuskan sebelum {{5}}. Terima kasih.",
                "Hello {{1}}, a request from {{2}} is waiting for your approval: {{3}} at {{4}}. \
                 Please decide before {{5}}. Thank you.",
            ),
            Self::RepairStatus => (
                "Halo {{1}}, status perbaikan {{2}} Anda (kode {{3}}) di {{4}} sekarang: {{5}}. \
                 Rincian selengkapnya ada di tombol di bawah.",
                "Hello {{1}}, the repair of your {{2}} (code {{3}}) at {{4}} is now: {{5}}. The \
                 button below shows the details.",
            ),
            Self::LowBalance => (
                "Halo {{1}}, saldo pesan Anda tinggal {{2}}, cukup untuk sekitar {{3}} pesan lagi. \
                 Isi saldo agar pengiriman tidak terhenti.",
                "Hello {{1}}, your message balance is down to {{2}}, enough for about {{3}} more \
                 messages. Top it up so that sending does not stop.",
            ),
        };
        language.pick(indonesian, english)
    }

    /// The label of the button that opens its page; none for a code.
    #[must_use]
    pub fn link_label(self, language: Language) -> Option<&'static str> {
        let (indonesian, english) = match self {
            Self::Bill | Self::Reminder => ("Bayar Sekarang", "Pay now"),
            Self::Receipt | Self::Approval | Self::RepairStatus => {
                ("Lihat Rincian", "View details")
            }
            Self::LowBalance => ("Isi Saldo", "Top up"),
            Self::Otp => return None,
        };
        Some(language.pick(indonesian, english))
    }
}

/// "Approve".
pub(super) fn approve(language: Language) -> &'static str {
    language.pick("Setujui", "Approve")
}

/// "Reject".
pub(super) fn reject(language: Language) -> &'static str {
    language.pick("Tolak", "Reject")
}
