//! Words that more than one channel says. A text is a function of language and arguments, so a
//! missing one does not compile.

use crate::language::Language;
use crate::payment::PaymentState;
use crate::reservation::ReservationState;

impl Language {
    /// The text of this language.
    #[must_use]
    pub fn pick<T>(self, indonesian: T, english: T) -> T {
        match self {
            Self::Indonesian => indonesian,
            Self::English => english,
        }
    }
}

/// How a payment stands.
#[must_use]
pub fn payment_in_words(state: PaymentState, language: Language) -> &'static str {
    let (indonesian, english) = match state {
        PaymentState::Created => ("Belum dibayar", "Not paid yet"),
        PaymentState::Pending => ("Menunggu pembayaran", "Waiting for the payment"),
        PaymentState::Challenge => ("Sedang diperiksa bank", "Being checked by the bank"),
        PaymentState::Paid => ("Lunas", "Paid"),
        PaymentState::Denied => ("Ditolak bank", "Declined by the bank"),
        PaymentState::Cancelled => ("Dibatalkan", "Cancelled"),
        PaymentState::Expired => ("Kedaluwarsa", "Expired"),
        PaymentState::PartlyRefunded => ("Dikembalikan sebagian", "Partly refunded"),
        PaymentState::Refunded => ("Dikembalikan", "Refunded"),
        PaymentState::ChargedBack => ("Ditarik kembali bank", "Charged back"),
        PaymentState::Reversed => ("Dibatalkan bank", "Reversed by the bank"),
        PaymentState::Review => ("Sedang ditinjau toko", "Being reviewed by the shop"),
    };
    language.pick(indonesian, english)
}

/// How a repair stands.
#[must_use]
pub fn repair_in_words(state: ReservationState, language: Language) -> &'static str {
    let (indonesian, english) = match state {
        ReservationState::Held => ("Menunggu pembayaran", "Waiting for the payment"),
        ReservationState::Confirmed => ("Terkonfirmasi", "Confirmed"),
        ReservationState::Received => ("Diterima toko", "Received"),
        ReservationState::Diagnosed => ("Diperiksa", "Diagnosed"),
        ReservationState::Estimated => ("Estimasi biaya", "Estimate"),
        ReservationState::InRepair => ("Diperbaiki", "In repair"),
        ReservationState::Ready => ("Siap diambil", "Ready"),
        ReservationState::PickedUp => ("Selesai", "Picked up"),
        ReservationState::Expired => ("Tidak dibayar tepat waktu", "Not paid in time"),
        ReservationState::Cancelled => ("Dibatalkan", "Cancelled"),
        ReservationState::NoShow => ("Tidak datang", "Did not come"),
    };
    language.pick(indonesian, english)
}

/// That the bank took back what a subscriber paid of a bill, for Telegram.
#[must_use]
pub fn bill_reversed(period: &str, language: Language) -> String {
    language.pick(
        format!(
            "<b>Pembayaran Anda dibatalkan oleh bank.</b>\nDananya kembali ke rekening Anda, dan \
             tagihan {period} belum lunas. Silakan bayar lagi di halaman tagihan:"
        ),
        format!(
            "<b>Your bank has reversed the payment.</b>\nThe money goes back to your account, and \
             the bill for {period} is not paid. Please pay it again on its page:"
        ),
    )
}

/// That money for a bill waits for a person, for Telegram.
#[must_use]
pub fn bill_in_review(period: &str, language: Language) -> String {
    language.pick(
        format!(
            "<b>Pembayaran tagihan {period} sudah masuk, tetapi perlu ditinjau.</b>\nAnda tidak \
             perlu membayar lagi. Halaman tagihan Anda:"
        ),
        format!(
            "<b>Your payment for {period} has arrived, but somebody must look at it.</b>\nThere is \
             no need to pay again. The bill's page:"
        ),
    )
}

/// A text as it may stand in Telegram's HTML, which knows these three (<https://core.telegram.org/bots/api#html-style>).
#[must_use]
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
