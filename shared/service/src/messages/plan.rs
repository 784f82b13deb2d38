//! What is to become of each message of a batch: everything it claims is checked again, then there
//! must be an instant to send it at, and money for it.

use std::collections::{BTreeSet, HashSet};

use jiff::{SignedDuration, Timestamp};
use pesan_adapters::dynamodb::{MessageRecord, Pause, StoreError, Subject, Surroundings, To};
use pesan_domain::balance::{Ask, Reserved};
use pesan_domain::ids::MessageId;
use pesan_domain::language::Language;
use pesan_domain::message::activation::Activation;
use pesan_domain::message::{Channel, DayOfRecipients, DropReason, Standing};

use super::letter::{self, Letter, NotWritten};
use super::pace::{self, Slots};
use super::record::ask;
use super::{bill, bill_money};
use crate::App;

/// When what lacks a secret is tried again: those that are there are kept five minutes.
const SECRET_AGAIN: SignedDuration = SignedDuration::from_mins(5);

/// A message with what stands in its way, and what is sent where nothing does.
pub(super) struct Planned {
    pub record: MessageRecord,
    pub standing: Standing,
    pub ready: Option<(Letter, Timestamp)>,
}

/// A batch, decided.
pub(super) struct Plan {
    pub messages: Vec<Planned>,
    /// What is set aside for those that are ready; none where all are free or paid for.
    pub reserved: Option<Reserved>,
    /// People who count among the day's recipients from now on, and how many there is room for.
    pub reached: Option<(Vec<String>, u32)>,
}

/// Decides what becomes of each message.
///
/// # Errors
/// [`StoreError`] where the pace could not be taken.
pub(super) async fn plan(
    app: &App,
    records: Vec<MessageRecord>,
    around: &Surroundings,
    now: Timestamp,
) -> Result<Plan, StoreError> {
    let mut messages = vec![];
    let mut day = Day::of(around);
    for record in records {
        messages.push(prepare(app, record, around, &mut day, now).await);
    }
    // Who has no money takes no instant from those who have.
    give_money(&mut messages, around)?;
    give_slots(app, &mut messages, around, now).await?;
    let reserved = give_money(&mut messages, around)?;
    let reached = day.reached(&messages, now);
    let messages = messages.into_iter().map(Draft::planned).collect();
    Ok(Plan {
        messages,
        reserved,
        reached,
    })
}

/// A message on the way to be planned.
struct Draft {
    record: MessageRecord,
    standing: Standing,
    letter: Option<Letter>,
    slot: Option<Timestamp>,
}

impl Draft {
    fn planned(self) -> Planned {
        Planned {
            record: self.record,
            standing: self.standing,
            ready: self.letter.zip(self.slot),
        }
    }
}

async fn prepare(
    app: &App,
    record: MessageRecord,
    around: &Surroundings,
    day: &mut Day<'_>,
    now: Timestamp,
) -> Draft {
    let mut standing = standing(&record, around, now);
    standing.recipients_used_up_until = day.used_up_until(&record, now);
    // Money is asked for last, of all messages together.
    standing.funded = true;
    let mut letter = None;
    if record.message.obstacle(&standing, now).is_none() {
        match letter::write(app, &record, around, now).await {
            Ok(written) => {
                day.count(&record, now);
                letter = Some(written);
            }
            Err(NotWritten::Nothing) => standing.gone = Some(DropReason::CalledOff),
            Err(NotWritten::Later(error)) => {
                tracing::warn!(merchant = %record.message.merchant, kind = "message", outcome = "not written", %error);
                standing.not_before = now.checked_add(SECRET_AGAIN).ok();
            }
        }
    }
    Draft {
        record,
        standing,
        letter,
        slot: None,
    }
}

/// What the world says about a message, its money and the day's recipients apart.
fn standing(record: &MessageRecord, around: &Surroundings, now: Timestamp) -> Standing {
    let stopped = matches!(around.pause, Some(Pause::Stopped(_)));
    let bot_rests = match around.pause {
        Some(Pause::Until(until)) => Some(until),
        Some(Pause::Stopped(_)) | None => None,
    };
    let (phone, unreachable) = match &record.to {
        To::Chat(chat) => {
            let is_gone =
                around.chat(*chat).unreachable || bill::is_unlinked(record, *chat, around);
            (None, is_gone)
        }
        To::Phone { contact, .. } => (Some(around.phone(contact)), false),
    };
    let rests = phone.as_ref().and_then(|phone| phone.rests_until);
    Standing {
        gone: gone(record, around),
        opted_out: phone.is_some_and(|phone| phone.contact.consent.is_opted_out())
            || bill::is_opted_out(record, around),
        unreachable,
        paused: stopped || !is_active(record.message.channel, around),
        template_approved: is_approved(record, around),
        not_before: bot_rests.max(rests).filter(|at| *at > now),
        ..Standing::CLEAR
    }
}

fn is_active(channel: Channel, around: &Surroundings) -> bool {
    match channel {
        Channel::Telegram => true,
        Channel::WhatsApp => around
            .merchant
            .as_ref()
            .is_some_and(|merchant| merchant.whatsapp_activation() == Activation::Active),
    }
}

/// Why a message is not wanted any more.
fn gone(record: &MessageRecord, around: &Surroundings) -> Option<DropReason> {
    if around.merchant.is_none() {
        return Some(DropReason::CalledOff);
    }
    match &record.subject {
        Subject::Payment { order, notice, .. } if order.bill().is_some() => {
            bill_money::gone(order, *notice, around)
        }
        Subject::Payment { order, notice, .. } => around
            .order(order)
            .map_or(Some(DropReason::CalledOff), |order| {
                notice.gone(order.payment.state)
            }),
        Subject::Bill { bill, track } => bill::gone(&record.message, bill, *track, around),
        Subject::Keyword { .. } | Subject::Template(_) => None,
    }
}

fn is_approved(record: &MessageRecord, around: &Surroundings) -> bool {
    let Some(kind) = record.template() else {
        return true;
    };
    // What is gone needs no template.
    language_of(record, around).is_none_or(|language| {
        around
            .template(kind, language)
            .is_some_and(|template| template.can_be_sent())
    })
}

/// The language that a message is written in; none where what it is about is gone.
pub(super) fn language_of(record: &MessageRecord, around: &Surroundings) -> Option<Language> {
    match &record.subject {
        Subject::Payment { order, .. } => match bill_money::subscriber(order, around) {
            Some(subscriber) => Some(subscriber.language),
            None => Some(around.order(order)?.reservation.language),
        },
        Subject::Bill { bill, .. } => {
            let subscriber = around.debtor(bill)?;
            Some(subscriber.language)
        }
        Subject::Keyword { language, .. } => Some(*language),
        Subject::Template(arguments) => Some(arguments.language()),
    }
}

/// Gives each that could go an instant to go at.
async fn give_slots(
    app: &App,
    drafts: &mut [Draft],
    around: &Surroundings,
    now: Timestamp,
) -> Result<(), StoreError> {
    let ready = drafts.iter().filter(|draft| draft.letter.is_some());
    let Ok(wanted @ 1..) = u32::try_from(ready.count()) else {
        return Ok(());
    };
    let Some(first) = drafts.first() else {
        return Ok(());
    };
    let (merchant, channel) = (
        first.record.message.merchant.clone(),
        first.record.message.channel,
    );
    let slots: Slots = pace::take(app, &merchant, channel, around, wanted).await?;
    let ready = drafts.iter_mut().filter(|draft| draft.letter.is_some());
    for (draft, place) in ready.zip(0_u32..) {
        draft.slot = slots.of(place);
        if draft.slot.is_none() {
            draft.letter = None;
            let again = slots.again_at();
            draft.standing.not_before = draft.standing.not_before.max(Some(again.max(now)));
        }
    }
    Ok(())
}

/// Sets the prices of those aside that could go; the others wait for money.
fn give_money(drafts: &mut [Draft], around: &Surroundings) -> Result<Option<Reserved>, StoreError> {
    let unpaid =
        |draft: &&Draft| draft.letter.is_some() && draft.record.message.funds.must_reserve();
    let asks: Vec<Ask> = drafts
        .iter()
        .filter(unpaid)
        .map(|draft| ask(&draft.record.message))
        .collect();
    let (Some(account), false) = (&around.account, asks.is_empty()) else {
        return Ok(None);
    };
    let reserved = account
        .balance
        .reserve(&asks)
        .map_err(|error| StoreError::Broken(error.to_string()))?;
    let held: BTreeSet<&MessageId> = reserved.held.iter().collect();
    for draft in drafts {
        if held.contains(&draft.record.message.id) {
            draft.standing.funded = false;
            draft.letter = None;
        }
    }
    Ok(Some(reserved))
}

/// The day's recipients, as a batch uses them up.
struct Day<'a> {
    around: &'a Surroundings,
    limit: Option<u32>,
    new: HashSet<String>,
}

impl<'a> Day<'a> {
    fn of(around: &'a Surroundings) -> Self {
        let merchant = around.merchant.as_ref();
        Self {
            around,
            limit: merchant.and_then(|merchant| merchant.messaging.recipients_a_day),
            new: HashSet::new(),
        }
    }

    fn now(&self) -> DayOfRecipients {
        let new = u32::try_from(self.new.len()).unwrap_or(u32::MAX);
        DayOfRecipients {
            limit: self.limit,
            reached: self.around.reached.saturating_add(new),
        }
    }

    /// What stands for the recipient, where a message to them counts: they have not written lately
    /// and were not reached today.
    fn counts<'r>(&self, record: &'r MessageRecord, now: Timestamp) -> Option<&'r str> {
        let (To::Phone { contact, .. }, Some(_)) = (&record.to, self.limit) else {
            return None;
        };
        let phone = self.around.phone(contact);
        let known = phone.contact.window_is_open(now) || phone.reached_on == Some(self.around.day);
        (!known).then_some(contact.as_str())
    }

    fn used_up_until(&self, record: &MessageRecord, now: Timestamp) -> Option<Timestamp> {
        let message = &record.message;
        let counts = self
            .counts(record, now)
            .is_some_and(|contact| !self.new.contains(contact));
        self.now().wait(message.purpose, counts, message.zone, now)
    }

    fn count(&mut self, record: &MessageRecord, now: Timestamp) {
        if let Some(contact) = self.counts(record, now) {
            self.new.insert(contact.to_owned());
        }
    }

    /// Who is reached for the first time by what goes, and how many the day has room for.
    fn reached(&self, drafts: &[Draft], now: Timestamp) -> Option<(Vec<String>, u32)> {
        let going = drafts.iter().filter(|draft| draft.letter.is_some());
        let (mut contacts, mut most) = (BTreeSet::new(), 0);
        for draft in going {
            if let Some(contact) = self.counts(&draft.record, now) {
                contacts.insert(contact.to_owned());
                let purpose = draft.record.message.purpose;
                most = most.max(self.now().most(purpose).unwrap_or(u32::MAX));
            }
        }
        (!contacts.is_empty()).then(|| (contacts.into_iter().collect(), most))
    }
}
