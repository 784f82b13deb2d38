//! A person wrote: the window opens, and STOP and MULAI are heard.

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use futures_util::{StreamExt as _, stream};
use pesan_adapters::dynamodb::{CONTACTS_A_READ, StoreError};
use pesan_adapters::secrets::{CONTACT_KEY, MerchantSecret};
use pesan_adapters::whatsapp::Content;
use pesan_domain::ids::MerchantId;
use pesan_domain::merchant::Merchant;
use pesan_domain::message::activation::Activation;
use pesan_domain::message::consent::{self, Keyword};
use pesan_domain::whatsapp::{Contact, Phone, Taken, Written};
use sha2::{Digest, Sha256};

use super::{Inbound, Part, SIDE_BY_SIDE};
use crate::{App, Failure, TRIES, links, step_aside};

/// What was read of a person.
#[derive(Debug)]
struct Known {
    profile: Option<Merchant>,
    contact: Contact,
}

/// What stands for a phone number in the keys of a merchant's rows. Another merchant's is another,
/// so that a copy of the table does not say who buys where.
///
/// # Errors
/// [`Failure::Unavailable`] when the contact key is missing or cannot be read.
pub(crate) async fn contact_hash(
    app: &App,
    merchant: &MerchantId,
    phone: &Phone,
) -> Result<String, Failure> {
    let key = app.deployment_secret(CONTACT_KEY).await?;
    let subject = format!("contact\0{}\0{}", merchant.as_str(), phone.digits());
    links::token(&key, &subject)
}

/// What stands for an inbound message: its own id carries the phone number.
fn claim(id: &str) -> String {
    let digest = Sha256::digest(id.as_bytes());
    let short: Vec<u8> = digest.iter().copied().take(8).collect();
    HEXLOWER.encode(&short)
}

/// What one person wrote to one merchant.
struct Person<'a> {
    merchant: &'a MerchantId,
    phone: &'a Phone,
    hash: String,
    messages: Vec<&'a Inbound>,
}

/// Takes each message once, however often and at whatever moments it comes; what became of each, in
/// no order. What one person wrote is taken in order and as one commit, different people side by
/// side: a thousand may write before this answers.
pub(super) async fn take(
    app: &App,
    messages: &[(&MerchantId, &Phone, &Inbound)],
) -> Vec<Result<Part, Failure>> {
    let people = match people(app, messages).await {
        Ok(people) => people,
        Err(failure) => return vec![Err(failure)],
    };
    let known = read(app, &people).await;
    let each: Vec<_> = people
        .iter()
        .zip(known)
        .map(|(person, known)| parts(app, person, known))
        .collect();
    let done: Vec<Vec<_>> = stream::iter(each)
        .buffer_unordered(SIDE_BY_SIDE)
        .collect()
        .await;
    done.into_iter().flatten().collect()
}

/// What became of each message of a person.
async fn parts(
    app: &App,
    person: &Person<'_>,
    known: Result<Known, Failure>,
) -> Vec<Result<Part, Failure>> {
    let recorded = match known {
        Ok(known) => record(app, person, known).await,
        Err(failure) => Err(failure),
    };
    match recorded {
        Ok(taken) => (0..person.messages.len())
            .map(|nth| {
                Ok(if nth < taken {
                    Part::Taken
                } else {
                    Part::Repeated
                })
            })
            .collect(),
        Err(failure) => vec![Err(failure)],
    }
}

/// The messages by who wrote them, by merchant.
async fn people<'a>(
    app: &App,
    messages: &[(&'a MerchantId, &'a Phone, &'a Inbound)],
) -> Result<Vec<Person<'a>>, Failure> {
    let mut wrote: BTreeMap<(&MerchantId, &Phone), Vec<&Inbound>> = BTreeMap::new();
    for (merchant, phone, message) in messages {
        wrote.entry((merchant, phone)).or_default().push(message);
    }
    let mut people = Vec::with_capacity(wrote.len());
    for ((merchant, phone), messages) in wrote {
        people.push(Person {
            merchant,
            phone,
            hash: contact_hash(app, merchant, phone).await?,
            messages,
        });
    }
    Ok(people)
}

/// What is known of each person, in order.
async fn read(app: &App, people: &[Person<'_>]) -> Vec<Result<Known, Failure>> {
    let pages: Vec<_> = people
        .chunk_by(|one, other| one.merchant == other.merchant)
        .flat_map(|people| people.chunks(CONTACTS_A_READ))
        .map(|people| read_page(app, people))
        .collect();
    let pages: Vec<Vec<_>> = stream::iter(pages).buffered(SIDE_BY_SIDE).collect().await;
    pages.into_iter().flatten().collect()
}

/// The same of people of one merchant, in one read.
async fn read_page(app: &App, people: &[Person<'_>]) -> Vec<Result<Known, Failure>> {
    let Some(merchant) = people.first().map(|person| person.merchant) else {
        return Vec::new();
    };
    let hashes: Vec<&str> = people.iter().map(|person| person.hash.as_str()).collect();
    match app.store.contacts(merchant, &hashes).await {
        Ok((profile, mut contacts)) => hashes
            .iter()
            .map(|hash| {
                Ok(Known {
                    profile: profile.clone(),
                    contact: contacts.remove(*hash).unwrap_or_default(),
                })
            })
            .collect(),
        Err(error) => hashes.iter().map(|_| Err(error.clone().into())).collect(),
    }
}

/// Commits what a person wrote, over what is known of them; how much of it was new.
async fn record(app: &App, person: &Person<'_>, mut known: Known) -> Result<usize, Failure> {
    let Person { merchant, hash, .. } = person;
    let messages = person.messages.iter();
    let written: Vec<Written<'_>> = messages
        .map(|message| Written {
            claim: claim(&message.id),
            text: message.text.as_deref(),
            at: message.at,
        })
        .collect();
    for nth in 1..=TRIES {
        let Some(taken) = known.contact.take_all(&written) else {
            return Ok(0);
        };
        match app.store.put_contact(merchant, hash, &taken.next).await {
            Err(StoreError::Conflict) => {
                step_aside(nth).await;
                let (profile, contact) = app.store.contact(merchant, hash).await?;
                known = Known { profile, contact };
            }
            done => {
                done?;
                answer(app, known.profile.as_ref(), person.phone, &taken).await;
                return Ok(taken.fresh);
            }
        }
    }
    Err(Failure::Unavailable(
        "the contact is being written by others".to_owned(),
    ))
}

/// Tells a person that their keyword holds, once; only who committed it comes here. A plain send
/// after the commit: it may be lost, and what was asked for holds all the same.
async fn answer(app: &App, merchant: Option<&Merchant>, phone: &Phone, taken: &Taken) {
    let Some(keyword) = taken.heard.filter(|_| taken.answer) else {
        return;
    };
    let Some(merchant) = merchant else { return };
    if !taken.next.window_is_open(app.clock.now()) {
        tracing::info!(kind = "whatsapp", answer = "too late");
        return;
    }
    if let Err(failure) = send(app, merchant, phone, keyword).await {
        tracing::warn!(kind = "whatsapp", answer = "not sent", error = %failure);
    }
}

async fn send(
    app: &App,
    merchant: &Merchant,
    phone: &Phone,
    keyword: Keyword,
) -> Result<(), Failure> {
    let Some(account) = &merchant.whatsapp else {
        return Ok(());
    };
    if account.activation != Activation::Active {
        return Ok(());
    }
    let token = MerchantSecret::WhatsAppToken.name(&merchant.id);
    let token = app.deployment_secret(&token).await?;
    let text = consent::answer(keyword, &merchant.name, phone.language());
    let sent = app
        .whatsapp
        .send(
            &account.phone_number_id,
            &token,
            phone,
            Content::Text(&text),
            None,
        )
        .await;
    sent.map(drop)
        .map_err(|error| Failure::Unavailable(error.to_string()))
}
