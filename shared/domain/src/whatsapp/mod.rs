//! A merchant's WhatsApp: its number, the people who write to it, and the templates it has.

mod contact;
mod phone;
mod template;

pub use contact::{Contact, Taken};
pub use phone::{Phone, PhoneError, TypedPhoneError};
pub use template::{News, Quality, Registered, Said, TemplateStatus, category_of};

use crate::field::FieldRefused;
use crate::message::activation::Activation;

/// A merchant's number at WhatsApp; its token is a secret and lives elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhatsAppAccount {
    /// In the path of a send call, and in every webhook about messages.
    pub phone_number_id: String,
    /// The business account, which holds the templates.
    pub waba_id: String,
    /// As people see it: `+62 811-1000-001`.
    pub display_phone_number: String,
    /// Whether messages go out.
    pub activation: Activation,
}

impl WhatsAppAccount {
    /// Whether the ids are such as Meta gives out.
    ///
    /// # Errors
    /// [`FieldRefused`] names the one that is not.
    pub fn check(&self) -> Result<(), FieldRefused> {
        check_id("phone-number-id", &self.phone_number_id)?;
        check_id("waba-id", &self.waba_id)?;
        if self.phone_number_id == self.waba_id {
            let reason = "the same as the number's: the business account has an id of its own";
            return Err(FieldRefused::new("waba-id", reason));
        }
        Ok(())
    }
}

fn check_id(field: &'static str, id: &str) -> Result<(), FieldRefused> {
    let digits = id.bytes().all(|byte| byte.is_ascii_digit());
    if digits && (1..=32).contains(&id.len()) {
        return Ok(());
    }
    Err(FieldRefused::new(
        field,
        "not an id such as 106540352242922",
    ))
}
