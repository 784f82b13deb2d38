//! Values that several commands take, as they are typed.

use pesan_domain::calendar::{Zone, ZoneError};
use pesan_domain::ids::{MerchantId, PlanId, SubscriberId};
use pesan_domain::money;
use pesan_domain::money::Rupiah;
use pesan_domain::whatsapp::{Phone, TypedPhoneError};

pub fn merchant_id(text: &str) -> Result<MerchantId, String> {
    MerchantId::parse(text).map_err(|_| "not 2 to 32 small letters, digits and hyphens".to_owned())
}

pub fn plan_id(text: &str) -> Result<PlanId, String> {
    PlanId::parse(text).map_err(|_| "not 1 to 24 small letters, digits and hyphens".to_owned())
}

pub fn subscriber_id(text: &str) -> Result<SubscriberId, String> {
    SubscriberId::parse(text)
        .map_err(|_| "not 1 to 24 small letters, digits and hyphens".to_owned())
}

pub fn phone(text: &str) -> Result<Phone, TypedPhoneError> {
    Phone::read(text)
}

pub fn rupiah(text: &str) -> Result<Rupiah, String> {
    money::parse_gross_amount(text)
        .ok()
        .filter(|_| !text.contains('.'))
        .ok_or_else(|| "not whole rupiah without separators, such as 150000".to_owned())
}

pub fn zone(text: &str) -> Result<Zone, ZoneError> {
    Zone::parse(text)
}
