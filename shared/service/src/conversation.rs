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

#[expect(clippy::too_many_arguments, reason = "the parts of one commit")]
async fn book(
    app: &App,
    merchant: &Merchant,
    before: &ChatRecord,
    mut chat: Chat,
    update: &Update,
    draft: &Draft,
    facts: &Facts,
    now: Timestamp,
) -> Result<Answer, Attempt> {
    let Some((reservation, payment)) = hold(merchant, &chat, update.chat, draft, facts, now) else {
        return lost(app, merchant, before, chat, update, draft, now).await;
    };
    chat.dialogue = Dialogue::Booked {
        code: reservation.code.clone(),
    };
    let after = before.after(update.id, chat);
    let token = links::order_token(app, &merchant.id, &reservation.code).await?;
    let committed = app
        .store
        .book(
            merchant,
            &Booking {
                chat: &after,
                reservation: &reservation,
                payment: &payment,
                link_hash: &links::token_hash(&token),
                now,
            },
        )
        .await;
    match committed {
        Ok(()) => {}
        Err(StoreError::SeatTaken) => {
            return lost(app, merchant, before, after.chat, update, draft, now).await;
        }
        Err(StoreError::Conflict) => return Err(Attempt::Stale),
        Err(error) => return Err(error.into()),
    }
    tracing::info!(kind = "reservation", outcome = "held", "booked");
    // The seat is held; the page asks again if Midtrans does not answer now.
    orders::open_page_quietly(app, merchant, &reservation, &payment).await;
    let facts = Facts {
        reservation: Some((reservation, payment)),
        ..Facts::default()
    };
    let reply = render(app, merchant, &after.chat, None, &facts, now).await?;
    Ok(Answer { reply, edit: false })
}

/// The reservation and payment that *Book Now* asks for, on the first seat that is free; none
/// when no seat is.
fn hold(
    merchant: &Merchant,
    chat: &Chat,
    chat_id: i64,
    draft: &Draft,
    facts: &Facts,
    now: Timestamp,
) -> Option<(Reservation, Payment)> {
    let date = draft.date?;
    let slot = merchant.slot(draft.slot.as_deref()?)?.clone();
    let item = facts.catalog.as_ref()?.item(draft.item.as_ref()?)?.clone();
    let code = draft.code.clone()?;
    let day = facts.day.as_ref()?;
    let seat = (1..=merchant.seats_per_slot).find(|seat| !day.is_taken(&slot.id(), *seat))?;
    let held_until = now
        .checked_add(jiff::SignedDuration::from_mins(i64::from(merchant.hold_minutes)))
        .ok()?;
    let order_id = OrderId::of(&code, 1);
    let payment = Payment::new(order_id.clone(), item.price, held_until, now);
    let reservation = Reservation {
        code,
        chat: chat_id,
        customer_name: chat.first_name.clone(),
        language: chat.language,
        item: item.id,
        device: item.device,
        part: item.part,
        price: item.price,
        date,
        slot,
        seat,
        state: ReservationState::Held,
        held_until,
        made_at: now,
        order_id,
        version: 1,
    };
    Some((reservation, payment))
}

/// The seat went to somebody else: the customer is asked for another slot.
async fn lost(
    app: &App,
    merchant: &Merchant,
    before: &ChatRecord,
    mut chat: Chat,
    update: &Update,
    draft: &Draft,
    now: Timestamp,
) -> Result<Answer, Attempt> {
    let day = match draft.date {
        Some(date) => Some(load_day(app, merchant, date, now).await?),
        None => None,
    };
    let facts = Facts {
        day,
        ..Facts::default()
    };
    let (dialogue, refusal) = taken(draft, merchant, &facts, now);
    chat.dialogue = dialogue;
    let after = before.after(update.id, chat);
    commit(app, merchant, &after).await?;
    let reply = render(app, merchant, &after.chat, Some(&refusal), &facts, now).await?;
    Ok(Answer { reply, edit: false })
}

async fn commit(app: &App, merchant: &Merchant, after: &ChatRecord) -> Result<(), Attempt> {
    match app.store.save_chat(&merchant.id, after).await {
        Ok(()) => Ok(()),
        Err(StoreError::Conflict) => Err(Attempt::Stale),
        Err(error) => Err(error.into()),
    }
}
