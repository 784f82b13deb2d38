//! Whether a merchant may send over WhatsApp.

use crate::language::Language;
use crate::message::named;

/// How far a merchant's WhatsApp is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// Nobody has asked for it.
    Inactive,
    /// The owner has asked; the operator connects the number.
    Requested,
    /// Messages go out.
    Active,
    /// The operator has switched it off.
    Suspended,
}

named!(Activation, "activation", {
    Inactive = "inactive",
    Requested = "requested",
    Active = "active",
    Suspended = "suspended",
});

/// WhatsApp is not active, so nothing was queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("WhatsApp is not active for this merchant: {}", .0.name())]
pub struct NotActive(pub Activation);

impl Activation {
    /// Whether messages may be queued.
    ///
    /// # Errors
    /// [`NotActive`] says how far it is.
    pub fn check(self) -> Result<(), NotActive> {
        match self {
            Self::Active => Ok(()),
            Self::Inactive | Self::Requested | Self::Suspended => Err(NotActive(self)),
        }
    }
}

impl NotActive {
    /// What the merchant can do about it.
    #[must_use]
    pub fn in_words(self, language: Language) -> &'static str {
        let (indonesian, english) = match self.0 {
            Activation::Inactive => (
                "WhatsApp belum aktif untuk usaha Anda. Buka Pengaturan → WhatsApp → Minta aktivasi, \
                 lalu operator Pesan akan menghubungkan nomor Anda.",
                "WhatsApp is not active for your business yet. Open Settings → WhatsApp → Request \
                 activation, and Pesan's operator will connect your number.",
            ),
            Activation::Requested => (
                "Permintaan aktivasi WhatsApp Anda sedang diproses. Kami akan mengabari Anda.",
                "Your request to activate WhatsApp is being handled. We will tell you.",
            ),
            Activation::Suspended => (
                "WhatsApp untuk usaha Anda sedang dinonaktifkan. Hubungi operator Pesan.",
                "WhatsApp is switched off for your business. Contact Pesan's operator.",
            ),
            Activation::Active => ("WhatsApp aktif.", "WhatsApp is active."),
        };
        language.pick(indonesian, english)
    }
}
