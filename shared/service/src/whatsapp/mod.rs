//! What Meta tells of a merchant's WhatsApp: people's messages, receipts, news of templates
//! (<https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/overview>).
//! Everything of one delivery is taken apart from the rest of it: what cannot be recorded now makes
//! Meta send all of it again, and what was recorded before then changes nothing.

mod inbound;
mod proof;
mod templates;

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use pesan_domain::ids::{MerchantId, MessageId};
use pesan_domain::language::Language;
use pesan_domain::message::Receipt;
use pesan_domain::message::text::Kind;
use pesan_domain::whatsapp::{News, Phone};

use crate::{App, Failure};

pub(crate) use inbound::contact_hash_under;
pub use proof::{authentic, verified};
pub(crate) use templates::record;

/// What one webhook carries, parsed.
#[derive(Clone, Debug, Default)]
pub struct Delivery {
    /// People's messages, in order.
    pub messages: Vec<Inbound>,
    /// What became of ours.
    pub receipts: Vec<Heard>,
    /// What became of templates.
    pub templates: Vec<TemplateNews>,
    /// Things that nothing here takes.
    pub ignored: usize,
    /// Things that cannot be read.
    pub malformed: usize,
}

/// A person's message, as far as it is used.
#[derive(Clone)]
pub struct Inbound {
    /// The id of the number that it was written to.
    pub number: String,
    /// Its own id.
    pub id: String,
    /// Who wrote it; none for people who hide their number
    /// (<https://developers.facebook.com/documentation/business-messaging/whatsapp/business-scoped-user-ids>).
    pub from: Option<Phone>,
    /// What they typed; none for a press or a picture.
    pub text: Option<String>,
    /// When, by Meta's clock.
    pub at: Timestamp,
}

impl std::fmt::Debug for Inbound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Inbound(…)")
    }
}

/// A receipt with whose number it is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// The id of the number that sent the message.
    pub number: String,
    /// Our id of the message; none where it went out without one.
    pub message: Option<MessageId>,
    /// What it says.
    pub receipt: Receipt,
    /// When, by Meta's clock.
    pub at: Timestamp,
}

/// News of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateNews {
    /// The business account.
    pub account: String,
    /// Which template.
    pub kind: Kind,
    /// In which language.
    pub language: Language,
    /// What.
    pub news: News,
    /// When, by Meta's clock.
    pub at: Timestamp,
}

/// What became of the parts of a delivery.
#[derive(Debug, Default)]
struct Tally {
    taken: usize,
    repeated: usize,
    /// From people who hide their number.
    nameless: usize,
    /// To a number or account that no merchant has.
    unknown: usize,
    failed: Option<Failure>,
}

enum Part {
    Taken,
    Repeated,
}

impl Tally {
    fn count(&mut self, part: Result<Part, Failure>) {
        let counted = match part {
            Ok(Part::Taken) => &mut self.taken,
            Ok(Part::Repeated) => &mut self.repeated,
            Err(failure) => {
                self.failed = Some(failure);
                return;
            }
        };
        *counted = counted.saturating_add(1);
    }

    fn outcome(&self, delivery: &Delivery) -> &'static str {
        if self.failed.is_some() {
            "not recorded"
        } else if self.unknown > 0 {
            "unknown number"
        } else if delivery.malformed > 0 {
            "malformed part"
        } else if self.nameless > 0 {
            "no phone number"
        } else if self.taken > 0 {
            "taken"
        } else if self.repeated > 0 {
            "repeated"
        } else {
            "ignored"
        }
    }
}

/// Takes a delivery whose signature was right.
///
/// # Errors
/// [`Failure::Unavailable`] when Meta should send it again; what could be recorded is.
pub async fn take(app: &App, delivery: &Delivery) -> Result<(), Failure> {
    let owners = owners(app, delivery).await?;
    let mut tally = Tally::default();
    for message in &delivery.messages {
        match (owners.get(&message.number), &message.from) {
            (None, _) => tally.unknown = tally.unknown.saturating_add(1),
            (Some(_), None) => tally.nameless = tally.nameless.saturating_add(1),
            (Some(merchant), Some(phone)) => {
                tally.count(inbound::take(app, merchant, phone, message).await);
            }
        }
    }
    for news in &delivery.templates {
        match owners.get(&news.account) {
            None => tally.unknown = tally.unknown.saturating_add(1),
            Some(merchant) => tally.count(templates::take(app, merchant, news).await),
        }
    }
    take_receipts(app, delivery, &owners, &mut tally).await;
    say(delivery, &tally, &owners);
    tally.failed.map_or(Ok(()), Err)
}

async fn owners(app: &App, delivery: &Delivery) -> Result<HashMap<String, MerchantId>, Failure> {
    let messages = delivery.messages.iter().map(|message| &message.number);
    let receipts = delivery.receipts.iter().map(|heard| &heard.number);
    let numbers: HashSet<String> = messages.chain(receipts).cloned().collect();
    let accounts: HashSet<String> = delivery
        .templates
        .iter()
        .map(|news| news.account.clone())
        .collect();
    if numbers.is_empty() && accounts.is_empty() {
        return Ok(HashMap::new());
    }
    Ok(app.store.whatsapp_owners(&numbers, &accounts).await?)
}

async fn take_receipts(
    app: &App,
    delivery: &Delivery,
    owners: &HashMap<String, MerchantId>,
    tally: &mut Tally,
) {
    let mut by_merchant: HashMap<&MerchantId, Vec<&Heard>> = HashMap::new();
    for heard in &delivery.receipts {
        match owners.get(&heard.number) {
            None => tally.unknown = tally.unknown.saturating_add(1),
            Some(merchant) => by_merchant.entry(merchant).or_default().push(heard),
        }
    }
    for (merchant, heard) in by_merchant {
        for taken in receipts(app, merchant, &heard).await {
            tally.count(taken.map(|()| Part::Taken));
        }
    }
}

/// Takes a merchant's receipts, each with what became of it. Here a receipt meets its message's
/// row, once there are rows of messages; until then it is only counted.
async fn receipts(
    _app: &App,
    _merchant: &MerchantId,
    heard: &[&Heard],
) -> Vec<Result<(), Failure>> {
    heard.iter().map(|_| Ok(())).collect()
}

fn say(delivery: &Delivery, tally: &Tally, owners: &HashMap<String, MerchantId>) {
    let mut merchants: Vec<&MerchantId> = owners.values().collect();
    merchants.dedup();
    if let [merchant] = merchants.as_slice() {
        tracing::info!(%merchant);
    }
    tracing::info!(
        kind = "whatsapp",
        outcome = tally.outcome(delivery),
        messages = delivery.messages.len(),
        receipts = delivery.receipts.len(),
        templates = delivery.templates.len(),
        ignored = delivery.ignored,
        malformed = delivery.malformed,
        unknown = tally.unknown,
        nameless = tally.nameless,
        repeated = tally.repeated,
    );
}
