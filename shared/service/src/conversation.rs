//! One Telegram update: claim, load, step, commit, answer.

use jiff::Timestamp;
use jiff::civil::Date;
use pesan_adapters::dynamodb::{Booking, ChatRecord, Look, StoreError};
use pesan_domain::dialogue::{
    Aim, Chat, ChatLink, Day, Dialogue, Facts, Hold, Input, Landing, Links, Needs, NumberStep,
    Reply, aim, land, needs, private_only, render,
};
use pesan_domain::ids::{BookingCode, MerchantId, OrderId};
use pesan_domain::language::Language;
use pesan_domain::payment::Payment;
use pesan_domain::reservation::{Order, Reservation, ReservationState};
use pesan_domain::subscriber::Subscriber;
use secrecy::SecretString;

use crate::{App, Failure, Shop, TRIES, links, orders, same_secret, step_aside};

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

/// A command outside a private chat.
#[derive(Clone, Debug)]
pub struct Elsewhere {
    /// The group.
    pub chat: i64,
    /// What the client of who typed it is set to.
    pub language_code: Option<String>,
    /// The bot it names, as in `/order@demo_bot`.
    pub bot: Option<String>,
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
    for nth in 1..=TRIES {
        match attempt(app, merchant, update, nth).await {
            Err(Attempt::Stale) => step_aside(nth).await,
            Err(Attempt::Failed(failure)) => return Err(failure),
            Ok(answer) => return Ok(answer),
        }
    }
    Err(Failure::Unavailable(
        "the chat or the seat is being written by others".to_owned(),
    ))
}

/// The way to the private chat, where a command of ours is typed elsewhere; nothing is kept. None
/// for another bot's command, and where no bot is connected.
///
/// # Errors
/// As [`take`].
pub async fn elsewhere(
    app: &App,
    id: &MerchantId,
    command: &Elsewhere,
) -> Result<Option<Reply>, Failure> {
    let merchant = app.shop(id).await?.merchant;
    let Some(own) = &merchant.bot_username else {
        return Ok(None);
    };
    let another = |bot: &String| !bot.eq_ignore_ascii_case(own);
    if command.bot.as_ref().is_some_and(another) {
        return Ok(None);
    }
    tracing::info!(merchant = %id, kind = "conversation", outcome = "elsewhere");
    let language = Language::from_code(command.language_code.as_deref());
    let link = format!("{}/{own}", app.telegram_link_url);
    Ok(Some(private_only(language, &link)))
}

enum Attempt {
    /// Another commit came first.
    Stale,
    Failed(Failure),
}

impl From<Failure> for Attempt {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<StoreError> for Attempt {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict | StoreError::SeatTaken => Self::Stale,
            error => Self::Failed(error.into()),
        }
    }
}

async fn attempt(app: &App, id: &MerchantId, update: &Update, nth: u32) -> Result<Answer, Attempt> {
    let now = app.clock.now();
    let (shop, before, day) = open(app, id, update, now).await?;
    let mut turn = Turn {
        app,
        shop,
        chat_id: update.chat,
        day,
        facts: Facts::default(),
        now,
    };
    if before.has_taken(update.id) {
        tracing::info!(merchant = %id, kind = "conversation", outcome = "repeated");
        turn.load(&needs(&before.chat.dialogue)).await?;
        let mut chat = before.chat.clone();
        if !before.took_last(update.id) {
            chat.note = None;
        }
        let edit = update.input.turns_page();
        return Ok(turn.answer(&chat, edit).await?);
    }
    let mut chat = before.chat.clone();
    if let Some(code) = &update.language_code {
        chat.language = Language::from_code(Some(code));
    }
    if let Some(name) = &update.first_name {
        chat.first_name.clone_from(name);
    }
    if let Some(link) = update.input.chat_link() {
        return turn.follow(&before, chat, update.id, &link).await;
    }
    let fresh_code = BookingCode::from_number(rand::random());
    let aimed = aim(&chat, &update.input, &turn.shop.merchant, &fresh_code, now);
    match &aimed.number {
        Some(NumberStep::Keep(phone)) => chat.share_number(phone.clone(), now),
        Some(NumberStep::Forget) => chat.phone = None,
        None => {}
    }
    let (landing, edit) = turn.land(aimed).await?;
    if landing.wrong_code {
        chat.count_wrong_code(now);
    }
    chat.version = chat.version.saturating_add(1);
    let Some(hold) = landing.hold else {
        chat.dialogue = landing.dialogue;
        chat.note = landing.note;
        let after = before.after(update.id, chat);
        app.store.save_chat(id, &after).await?;
        tracing::info!(merchant = %id, kind = "conversation", outcome = "stepped");
        return Ok(turn.answer(&after.chat, edit).await?);
    };
    // A code that was shown may be another booking's by now: a third try takes a new one.
    let code = hold
        .draft
        .code
        .clone()
        .filter(|_| nth < 3)
        .unwrap_or(fresh_code);
    let order = turn.held(&chat, hold, code)?;
    chat.dialogue = Dialogue::Booked {
        code: order.reservation.code.clone(),
    };
    chat.note = None;
    let after = before.after(update.id, chat);
    turn.book(&after, order).await?;
    Ok(turn.answer(&after.chat, false).await?)
}

/// Merchant, chat and, where the input itself names a day, that day's seats: one read, two where
/// the merchant is not in memory and a day is named.
async fn open(
    app: &App,
    id: &MerchantId,
    update: &Update,
    now: Timestamp,
) -> Result<(Shop, ChatRecord, Option<(Date, Day)>), Attempt> {
    let named = update.input.names_day();
    let mut shop = app.kept_shop(id);
    if shop.is_none() && named.is_some() {
        shop = Some(app.shop(id).await?);
    }
    let seats = shop
        .as_ref()
        .zip(named)
        .filter(|(shop, date)| shop.merchant.check_day(*date, now).is_ok())
        .map(|(shop, date)| (&shop.merchant, date, now));
    let look = Look {
        chat: Some(update.chat),
        profile: shop.is_none(),
        seats,
        ..Look::default()
    };
    let found = app.store.look(id, look).await?;
    let day = seats.map(|(_, date, _)| date).zip(found.day);
    let shop = match shop {
        Some(shop) => shop,
        None => {
            let shop = Shop {
                merchant: found.merchant.ok_or(Failure::Unknown)?,
                catalog: None,
            };
            app.keep_shop(&shop);
            shop
        }
    };
    let chat = found.chat.unwrap_or_else(|| {
        ChatRecord::new(update.chat, Chat::new(Language::Indonesian, String::new()))
    });
    Ok((shop, chat, day))
}

/// One update being taken.
struct Turn<'a> {
    app: &'a App,
    shop: Shop,
    chat_id: i64,
    day: Option<(Date, Day)>,
    facts: Facts,
    now: Timestamp,
}

impl Turn<'_> {
    /// Loads what is needed and not there yet: one read, two where the catalog is not in memory.
    async fn load(&mut self, needs: &Needs) -> Result<(), Attempt> {
        let id = self.shop.merchant.id.clone();
        if needs.catalog && self.shop.catalog.is_none() {
            self.shop = self.app.shop(&id).await?;
        }
        self.facts.catalog.clone_from(&self.shop.catalog);
        let date = needs
            .day
            .filter(|date| self.day.as_ref().is_none_or(|(known, _)| known != date));
        let item = needs.item.as_ref().filter(|_| self.facts.item.is_none());
        let booking = needs.order.as_ref().filter(|_| self.facts.order.is_none());
        if date.is_some() || item.is_some() || booking.is_some() {
            let look = Look {
                seats: date.map(|date| (&self.shop.merchant, date, self.now)),
                item,
                booking,
                ..Look::default()
            };
            let found = self.app.store.look(&id, look).await?;
            if item.is_some() {
                self.facts.item = Some(found.item);
            }
            if booking.is_some() {
                let chat = self.chat_id;
                let own = found.order.filter(|order| order.reservation.chat == chat);
                self.facts.order = Some(own);
            }
            if let Some(day) = date.zip(found.day) {
                self.day = Some(day);
            }
        }
        self.facts.day = self
            .day
            .as_ref()
            .filter(|(date, _)| needs.day == Some(*date))
            .map(|(_, day)| day.clone());
        Ok(())
    }

    /// Follows a subscriber's deep link: their bills come to this chat from now on, unless the
    /// link is none that was given out, or was used by another chat.
    async fn follow(
        &self,
        before: &ChatRecord,
        mut chat: Chat,
        update: i64,
        link: &ChatLink,
    ) -> Result<Answer, Attempt> {
        let id = &self.shop.merchant.id;
        let ids = std::slice::from_ref(&link.subscriber);
        let found = self.app.store.subscribers(id, ids).await?.pop();
        let leads_here = |one: &Subscriber| one.telegram_chat == Some(self.chat_id);
        let (dialogue, changed) = match found {
            Some(subscriber) if leads_here(&subscriber) => (Dialogue::Linked, None),
            Some(subscriber) if self.proves(&subscriber, link).await? => {
                let linked = Subscriber {
                    version: subscriber.version.saturating_add(1),
                    ..subscriber.with_chat(Some(self.chat_id))
                };
                (Dialogue::Linked, Some(linked))
            }
            Some(_) | None => (Dialogue::LinkRefused, None),
        };
        chat.dialogue = dialogue;
        chat.note = None;
        chat.version = chat.version.saturating_add(1);
        let after = before.after(update, chat);
        match &changed {
            Some(subscriber) => self.app.store.link_chat(id, &after, subscriber).await?,
            None => self.app.store.save_chat(id, &after).await?,
        }
        tracing::info!(merchant = %id, kind = "conversation", outcome = "deep link");
        Ok(self.answer(&after.chat, false).await?)
    }

    async fn proves(&self, subscriber: &Subscriber, link: &ChatLink) -> Result<bool, Failure> {
        let merchant = &self.shop.merchant.id;
        let token = links::chat_token(self.app, merchant, subscriber).await?;
        Ok(same_secret(&SecretString::from(token), &link.token))
    }

    /// Follows an aim to where it lands. A correction may need other facts to be judged and shown;
    /// each leads further back, so it ends.
    async fn land(&mut self, mut aim: Aim) -> Result<(Landing, bool), Attempt> {
        let mut wrong_code = false;
        loop {
            self.load(&needs(&aim.dialogue)).await?;
            let mut landing = land(&aim, &self.shop.merchant, &self.facts, self.now);
            wrong_code |= landing.wrong_code;
            if landing.hold.is_some() || landing.dialogue == aim.dialogue {
                landing.wrong_code = wrong_code;
                return Ok((landing, aim.edit));
            }
            aim = Aim {
                dialogue: landing.dialogue,
                note: landing.note,
                books: false,
                edit: false,
                asks_code: false,
                number: None,
            };
        }
    }

    async fn answer(&self, chat: &Chat, edit: bool) -> Result<Answer, Failure> {
        let merchant = &self.shop.merchant;
        let links = match &self.facts.order {
            Some(Some(order)) => {
                links::order_links(self.app, &merchant.id, &order.reservation.code).await?
            }
            _ => Links::default(),
        };
        Ok(Answer {
            reply: render(chat, merchant, &self.facts, &links, self.now),
            edit,
        })
    }

    /// The order that *Book Now* asks for.
    fn held(&self, chat: &Chat, hold: Hold, code: BookingCode) -> Result<Order, Failure> {
        let incomplete = || Failure::Unavailable("an incomplete summary".to_owned());
        let merchant = &self.shop.merchant;
        let date = hold.draft.date.ok_or_else(incomplete)?;
        let slot = hold
            .draft
            .slot
            .as_deref()
            .and_then(|id| merchant.slot(id))
            .ok_or_else(incomplete)?;
        let held_until = merchant.held_until(self.now);
        let order_id = OrderId::of(&code, 1);
        let payment = Payment::new(order_id.clone(), hold.item.price, held_until, self.now);
        let reservation = Reservation {
            code,
            chat: self.chat_id,
            customer_name: chat.first_name.clone(),
            language: chat.language,
            item: hold.item.id,
            device: hold.item.device,
            part: hold.item.part,
            price: hold.item.price,
            date,
            slot: slot.clone(),
            seat: hold.seat,
            state: ReservationState::Held,
            held_until,
            made_at: self.now,
            order_id,
            version: 1,
        };
        Ok(Order {
            reservation,
            payment,
        })
    }

    /// Claims the seat, then opens Midtrans' page. The booking stands without the page: the order
    /// page asks for it again.
    async fn book(&mut self, after: &ChatRecord, order: Order) -> Result<(), Attempt> {
        let merchant = &self.shop.merchant;
        let token = links::order_token(self.app, &merchant.id, &order.reservation.code).await?;
        let booking = Booking {
            chat: after,
            reservation: &order.reservation,
            payment: &order.payment,
            link_hash: &links::token_hash(&token),
            now: self.now,
        };
        self.app.store.book(merchant, &booking).await?;
        tracing::info!(merchant = %merchant.id, kind = "reservation", outcome = "held");
        if let Err(error) = orders::open_page(self.app, merchant, &order).await {
            tracing::warn!(merchant = %merchant.id, kind = "payment", outcome = "no page yet", %error);
        }
        self.facts.order = Some(Some(order));
        Ok(())
    }
}
