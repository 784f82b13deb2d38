//! A registered template to a list of people, as an operator gives it.

use futures_util::{StreamExt as _, stream};
use pesan_adapters::dynamodb::{StoreError, Subject, To};
use pesan_domain::field::FieldRefused;
use pesan_domain::language::Language;
use pesan_domain::merchant::Merchant;
use pesan_domain::message::activation::NotActive;
use pesan_domain::message::text::{Arguments, Kind};
use pesan_domain::message::{Channel, NewMessage, Purpose};
use pesan_domain::money::Rupiah;
use pesan_domain::whatsapp::Phone;

use super::news::{hashed, queued};
use crate::whatsapp::contact_hash;
use crate::{App, Failure};

/// How many are queued side by side.
const SIDE_BY_SIDE: usize = 32;

/// A message of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    phone: Phone,
    arguments: Arguments,
    /// Whether somebody waits for it, be it night.
    asked_for: bool,
}

impl Listed {
    /// To somebody who has just asked for it.
    pub(crate) fn asked_for(
        kind: Kind,
        language: Language,
        phone: Phone,
        body: &[String],
        link: &str,
    ) -> Result<Self, FieldRefused> {
        Ok(Self {
            phone,
            arguments: Arguments::new(kind, language, body, Some(link))?,
            asked_for: true,
        })
    }
}

/// What became of some of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Queued {
    /// On their way now.
    pub new: usize,
    /// Queued before on this day: the same template with the same words to the same number.
    pub before: usize,
}

/// Whether a template may go to a list.
///
/// # Errors
/// [`FieldRefused`] for those that only the system itself sends.
pub fn check(kind: Kind) -> Result<(), FieldRefused> {
    match kind.purpose() {
        Purpose::Otp | Purpose::Approval => Err(FieldRefused::new(
            "template",
            format!("{} goes out by the API alone", kind.name()),
        )),
        Purpose::Answer
        | Purpose::Receipt
        | Purpose::RepairStatus
        | Purpose::LowBalance
        | Purpose::Bill
        | Purpose::Reminder => Ok(()),
    }
}

/// Reads a row of a list.
///
/// # Errors
/// [`FieldRefused`] names the column: `phone`, the number of a blank, or `link`.
pub fn read(
    kind: Kind,
    language: Language,
    phone: &str,
    body: &[String],
    link: Option<&str>,
) -> Result<Listed, FieldRefused> {
    let phone = Phone::read(phone).map_err(|error| FieldRefused::new("phone", error.to_string()));
    Ok(Listed {
        phone: phone?,
        arguments: Arguments::new(kind, language, body, link)?,
        asked_for: false,
    })
}

/// What a message of a template costs a merchant.
#[must_use]
pub fn price(merchant: &Merchant, kind: Kind) -> Rupiah {
    merchant.messaging.prices.of(kind.purpose().category())
}

/// Whether a merchant may send over WhatsApp.
///
/// # Errors
/// [`NotActive`] says how far it is.
pub fn check_active(merchant: &Merchant) -> Result<(), NotActive> {
    merchant.whatsapp_activation().check()
}

/// Queues some of a list, each once a day however often it is asked for.
///
/// # Errors
/// [`Failure::Unavailable`]; what was queued before it stays so, and the same again goes on.
pub async fn send(app: &App, merchant: &Merchant, some: &[Listed]) -> Result<Queued, Failure> {
    let each: Vec<_> = some
        .iter()
        .map(|listed| one(app, merchant, listed))
        .collect();
    let mut each = stream::iter(each).buffer_unordered(SIDE_BY_SIDE);
    let mut queued = Queued::default();
    while let Some(is_new) = each.next().await {
        let count = if is_new? {
            &mut queued.new
        } else {
            &mut queued.before
        };
        *count = count.saturating_add(1);
    }
    Ok(queued)
}

async fn one(app: &App, merchant: &Merchant, listed: &Listed) -> Result<bool, Failure> {
    let Listed {
        phone,
        arguments,
        asked_for,
    } = listed;
    let now = app.clock.now();
    let day = now.to_zoned(merchant.zone.tz()).date();
    let kind = arguments.kind();
    let key = [
        "list",
        merchant.id.as_str(),
        kind.name(),
        arguments.language().pick("id", "en"),
        phone.digits(),
        &day.to_string(),
        &arguments.body().join("\0"),
    ]
    .join("\0");
    let new = NewMessage {
        id: hashed(&key).map_err(|error| Failure::Unavailable(error.to_string()))?,
        merchant: merchant.id.clone(),
        channel: Channel::WhatsApp,
        purpose: kind.purpose(),
        asked_for: *asked_for,
        zone: merchant.zone,
        price: price(merchant, kind),
        reserved: false,
        ends_at: None,
    };
    let to = To::Phone {
        phone: phone.clone(),
        contact: contact_hash(app, &merchant.id, phone).await?,
    };
    let subject = Subject::Template(arguments.clone());
    let Some((record, envelope)) = queued(merchant, new, subject, to, now) else {
        return Err(Failure::Unavailable("WhatsApp is not active".to_owned()));
    };
    match app.store.queue_message(&record, &envelope).await {
        Ok(()) => Ok(true),
        Err(StoreError::AlreadyQueued) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
