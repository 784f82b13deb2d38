//! A person wrote: the window opens, and STOP and MULAI are heard.

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use futures_util::{StreamExt as _, stream};
use pesan_adapters::dynamodb::{MessageRecord, PHONES_A_READ, PhoneState, StoreError, To};
use pesan_adapters::events::Envelope;
use pesan_adapters::secrets::CONTACT_KEY;
use pesan_domain::ids::MerchantId;
use pesan_domain::merchant::Merchant;
use pesan_domain::message::consent::Keyword;
use pesan_domain::whatsapp::{Phone, Taken, Written};
use secrecy::SecretString;
use sha2::{Digest, Sha256};

use super::{Inbound, Part, SIDE_BY_SIDE};
use crate::{App, Failure, TRIES, links, messages, step_aside, subscribers};

/// What was read of a person.
#[derive(Debug)]
struct Known {
    profile: Option<Merchant>,
    phone: PhoneState,
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
    contact_hash_under(&key, merchant, phone)
}

/// As [`contact_hash`], for who asks for many.
pub(crate) fn contact_hash_under(
    key: &SecretString,
    merchant: &MerchantId,
    phone: &Phone,
) -> Result<String, Failure> {
    let subject = format!("contact\0{}\0{}", merchant.as_str(), phone.digits());
    links::token(key, &subject)
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
        .flat_map(|people| people.chunks(PHONES_A_READ))
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
    match app.store.phones(merchant, &hashes).await {
        Ok((profile, mut phones)) => hashes
            .iter()
            .map(|hash| {
                Ok(Known {
                    profile: profile.clone(),
                    phone: phones.remove(*hash).unwrap_or_default(),
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
    let keywords = written.iter().filter_map(|written| written.text);
    let hears_keyword = keywords.filter_map(Keyword::read).next().is_some();
    for nth in 1..=TRIES {
        let Some(taken) = known.phone.contact.take_all(&written) else {
            return Ok(0);
        };
        if hears_keyword {
            // Before the commit: who dies between them is told again by Meta, and hears it again.
            let opted_out_at = taken.next.consent.opted_out_at;
            let heard = subscribers::hear(app, merchant, hash, opted_out_at).await;
            heard.map_err(|error| Failure::Unavailable(error.to_string()))?;
        }
        let answer = answer(app, person, &known, &taken, &written)?;
        let answer = answer.as_ref().map(|(record, envelope)| (record, envelope));
        let next = PhoneState {
            contact: taken.next,
            ..known.phone
        };
        match app.store.put_phone(merchant, hash, &next, answer).await {
            Err(StoreError::Conflict) => {
                step_aside(nth).await;
                let (profile, phone) = app.store.phone(merchant, hash).await?;
                known = Known { profile, phone };
            }
            // The answer is on its way already: only what was written is left to record.
            Err(StoreError::AlreadyQueued) => {
                app.store.put_phone(merchant, hash, &next, None).await?;
                return Ok(taken.fresh);
            }
            done => {
                done?;
                return Ok(taken.fresh);
            }
        }
    }
    Err(Failure::Unavailable(
        "the contact is being written by others".to_owned(),
    ))
}

/// The message that tells a person that their keyword holds, in the commit that makes it so.
fn answer(
    app: &App,
    person: &Person<'_>,
    known: &Known,
    taken: &Taken,
    written: &[Written<'_>],
) -> Result<Option<(MessageRecord, Envelope)>, Failure> {
    let now = app.clock.now();
    let (Some(keyword), Some(merchant)) = (taken.heard.filter(|_| taken.answer), &known.profile)
    else {
        return Ok(None);
    };
    if !taken.next.window_is_open(now) {
        tracing::info!(kind = "whatsapp", answer = "too late");
        return Ok(None);
    }
    let claim = written.last().map_or("", |written| &written.claim);
    let to = To::Phone {
        phone: person.phone.clone(),
        contact: person.hash.clone(),
    };
    messages::answer(merchant, to, keyword, person.phone.language(), claim, now)
}
