//! One Telegram update: claim, load, step, commit, answer.

use jiff::Timestamp;
use pesan_adapters::dynamodb::{Booking, ChatRecord, StoreError};
use pesan_domain::dialogue::{Chat, Dialogue, Draft, Effect, Facts, Input, Reply, step, taken};
use pesan_domain::ids::{BookingCode, MerchantId, OrderId};
use pesan_domain::language::Language;
use pesan_domain::merchant::Merchant;
use pesan_domain::payment::Payment;
use pesan_domain::reservation::{Reservation, ReservationState};

use crate::{ATTEMPTS, App, Failure, links, orders};

/// An update as far as the dialogue uses it.
#[derive(Clone, Debug)]
pub struct Update {
    /// Telegram's id, the same each time it is sent again.
    pub id: i64,
    /// Whose chat.
    pub chat: i64,
    /// What the customer's client is set to.
    pub language_code: Option<String>,
    /// As the customer calls themselves.
    pub first_name: Option<String>,
    /// What they typed or pressed.
    pub input: Input,
}

/// What the customer is shown.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Text and keys.
    pub reply: Reply,
    /// Whether it takes the place of the message whose button was pressed.
    pub edit: bool,
}

/// Takes one update of a merchant's bot. The same update again changes nothing and is answered
/// from where the dialogue now is.
///
/// # Errors
/// [`Failure::Unknown`] for an unknown merchant, [`Failure::Unavailable`] when nothing was taken
/// and Telegram should send it again.
pub async fn take(app: &App, merchant: &MerchantId, update: &Update) -> Result<Answer, Failure> {
    for _ in 0..ATTEMPTS {
        match attempt(app, merchant, update).await {
            Err(Attempt::Stale) => {}
            Err(Attempt::Failed(failure)) => return Err(failure),
            Ok(answer) => return Ok(answer),
        }
    }
    Err(Failure::Unavailable("the chat is being written by others".to_owned()))
}

enum Attempt {
    /// Another commit came first.
    Stale,
    Failed(Failure),
}

impl<T: Into<Failure>> From<T> for Attempt {
    fn from(failure: T) -> Self {
        Self::Failed(failure.into())
    }
}

async fn attempt(app: &App, id: &MerchantId, update: &Update) -> Result<Answer, Attempt> {
    let now = app.clock.now();
    let kept = app.kept_merchant(id);
    let opening = app.store.opening(id, update.chat, kept.is_none()).await?;
    let merchant = match kept {
        Some(merchant) => merchant,
        None => {
            let merchant = opening.merchant.ok_or(Failure::Unknown)?;
            app.keep_merchant(&merchant);
            merchant
        }
    };
    let before = opening.chat.unwrap_or_else(|| {
        ChatRecord::new(update.chat, Chat::new(Language::Indonesian, String::new()))
    });
    if before.has_taken(update.id) {
        return Ok(show(app, &merchant, &before.chat, now).await?);
    }
    let mut chat = before.chat.clone();
    if let Some(code) = &update.language_code {
        chat.language = Language::from_code(Some(code));
    }
    if let Some(name) = &update.first_name {
        chat.first_name.clone_from(name);
    }
    let needs = pesan_domain::dialogue::needs(&chat, &update.input, &merchant, now);
    let facts = load(app, &merchant, update.chat, &needs, now).await?;
    let stepped = step(&chat, &update.input, &merchant, &facts, fresh_code(), now);
    chat.dialogue = stepped.dialogue;
    chat.version = chat.version.saturating_add(1);
    match stepped.effect {
        Some(Effect::Book(draft)) => {
            return book(app, &merchant, &before, chat, update, &draft, &facts, now).await;
        }
        Some(Effect::WrongCode) => chat.count_wrong_code(now),
        None => {}
    }
    let after = before.after(update.id, chat);
    commit(app, &merchant, &after).await?;
    let reply = render(app, &merchant, &after.chat, stepped.refusal.as_ref(), &facts, now).await?;
    Ok(Answer {
        reply,
        edit: stepped.edit,
    })
}
