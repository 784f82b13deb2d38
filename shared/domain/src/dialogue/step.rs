//! What an input leads to.

use jiff::Timestamp;
use jiff::civil::Date;

use super::{Button, Card, Chat, Dialogue, Draft, Facts, Input, Note, NumberTold, Press, texts};
use crate::calendar::{DateProblem, parse_typed_date};
use crate::catalog::Item;
use crate::ids::{BookingCode, ItemId};
use crate::merchant::{DayRefused, Merchant};
use crate::whatsapp::{Phone, WhatsAppAccount};

/// Where an input leads, before what is stored was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aim {
    /// Where to.
    pub dialogue: Dialogue,
    /// What is said with it.
    pub note: Option<Note>,
    /// Whether the customer pressed *Book Now* on the summary.
    pub books: bool,
    /// Whether the answer takes the place of the message whose button was pressed.
    pub edit: bool,
    /// Whether a booking of this chat was asked for by its code.
    pub asks_code: bool,
    /// What happens to the customer's number.
    pub number: Option<NumberStep>,
}

/// What happens to the customer's number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NumberStep {
    /// It is kept.
    Keep(Phone),
    /// It is forgotten.
    Forget,
}

impl Aim {
    fn at(dialogue: Dialogue) -> Self {
        Self {
            dialogue,
            note: None,
            books: false,
            edit: false,
            asks_code: false,
            number: None,
        }
    }

    fn noting(dialogue: Dialogue, note: Note) -> Self {
        Self {
            note: Some(note),
            ..Self::at(dialogue)
        }
    }
}

/// What must be loaded to judge and show a dialogue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// The whole catalog.
    pub catalog: bool,
    /// One item.
    pub item: Option<ItemId>,
    /// The seats of a day.
    pub day: Option<Date>,
    /// One booking of this chat.
    pub order: Option<BookingCode>,
}

/// The seat, part and price of a booking to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// What was gathered; complete.
    pub draft: Draft,
    /// The part, at the price that was shown.
    pub item: Item,
    /// The seat of the slot, from 1.
    pub seat: u8,
}

/// Where an input leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Landing {
    /// Where the customer is now, unless the booking is made.
    pub dialogue: Dialogue,
    /// What is said with it.
    pub note: Option<Note>,
    /// The booking to be made.
    pub hold: Option<Hold>,
    /// Whether a wrong code is to be counted.
    pub wrong_code: bool,
}

/// Reads an input. `fresh_code` becomes the code of a booking whose summary is now shown.
#[must_use]
pub fn aim(
    chat: &Chat,
    input: &Input,
    merchant: &Merchant,
    fresh_code: &BookingCode,
    now: Timestamp,
) -> Aim {
    let at = &chat.dialogue;
    match input {
        // In the middle of a booking help does not lose what was chosen.
        Input::Command { name, .. } if name == "help" && is_booking(at) => {
            Aim::noting(at.clone(), Note::Help)
        }
        Input::Command { name, .. } if texts::is_forget(name) => forgetting(chat),
        Input::Command { name, argument } => Aim::at(commanded(name, argument)),
        Input::Text(text) => typed(chat, text, merchant, fresh_code, now),
        Input::UnknownButton => Aim::noting(at.clone(), Note::NotNow),
        Input::Contact(card) => carded(at, card, merchant),
        Input::Press(Press {
            button: Button::PayNow(code),
            ..
        }) => by_code(code),
        // In the middle of a booking it would lose what was chosen.
        Input::Press(Press {
            button: Button::ShareNumber,
            ..
        }) if !is_booking(at) => ask_number(merchant),
        Input::Press(press) if press.version != chat.version => {
            Aim::noting(at.clone(), Note::OldKeyboard)
        }
        Input::Press(press) => pressed(at, &press.button, merchant, fresh_code, now),
    }
}

/// The question for the number, where the shop would use it.
fn ask_number(merchant: &Merchant) -> Aim {
    if writes_on_whatsapp(merchant) {
        Aim::at(Dialogue::AskNumber)
    } else {
        Aim::at(Dialogue::Number {
            told: NumberTold::NotUsed,
        })
    }
}

fn carded(at: &Dialogue, card: &Card, merchant: &Merchant) -> Aim {
    match card {
        Card::Own(phone) if writes_on_whatsapp(merchant) => Aim {
            number: Some(NumberStep::Keep(phone.clone())),
            ..telling(at, NumberTold::Kept)
        },
        Card::Own(_) => telling(at, NumberTold::NotUsed),
        Card::Unreadable => ask_again(at, Note::NoPhoneNumber, merchant),
        Card::Foreign => ask_again(at, Note::ForeignContact, merchant),
    }
}

/// Says why a card was not taken, with the button that shares the right one; a booking that was
/// begun goes on.
fn ask_again(at: &Dialogue, note: Note, merchant: &Merchant) -> Aim {
    if is_booking(at) {
        return Aim::noting(at.clone(), note);
    }
    Aim {
        note: writes_on_whatsapp(merchant).then_some(note),
        ..ask_number(merchant)
    }
}

fn forgetting(chat: &Chat) -> Aim {
    if chat.phone.is_none() {
        return telling(&chat.dialogue, NumberTold::NoneKept);
    }
    Aim {
        number: Some(NumberStep::Forget),
        ..telling(&chat.dialogue, NumberTold::Forgotten)
    }
}

/// Tells what became of the number; a booking that was begun goes on.
fn telling(at: &Dialogue, told: NumberTold) -> Aim {
    if is_booking(at) {
        Aim::noting(at.clone(), Note::Number(told))
    } else {
        Aim::at(Dialogue::Number { told })
    }
}

/// Whether the shop's messages also go by WhatsApp.
pub(super) fn writes_on_whatsapp(merchant: &Merchant) -> bool {
    let account = merchant.whatsapp.as_ref();
    account.is_some_and(WhatsAppAccount::is_active)
}

fn commanded(name: &str, argument: &str) -> Dialogue {
    match name {
        "start" => match argument.strip_prefix("i_").map(ItemId::parse) {
            Some(Ok(item)) => Dialogue::Welcome {
                draft: Draft {
                    item: Some(item),
                    ..Draft::default()
                },
            },
            _ => Dialogue::Start,
        },
        "order" => Dialogue::Welcome {
            draft: Draft::default(),
        },
        "catalog" => Dialogue::Catalog { page: 0 },
        "status" => Dialogue::AskCode,
        _ => Dialogue::Help,
    }
}

fn typed(
    chat: &Chat,
    text: &str,
    merchant: &Merchant,
    fresh_code: &BookingCode,
    now: Timestamp,
) -> Aim {
    let at = &chat.dialogue;
    let text_in_lower_case = text.to_lowercase();
    if texts::is_not_now(&text_in_lower_case) {
        return telling(at, NumberTold::Declined);
    }
    let button = match text_in_lower_case.as_str() {
        "cancel" | "batal" if *at == Dialogue::AskNumber => {
            return telling(at, NumberTold::Declined);
        }
        "booking" => Some(Button::Booking),
        "cancel" | "batal" => Some(Button::Cancel),
        "book now" => Some(Button::BookNow),
        _ => None,
    };
    if let Some(button) = button {
        return pressed(at, &button, merchant, fresh_code, now);
    }
    match at {
        Dialogue::AskDate { draft } => match parse_typed_date(text) {
            Ok(date) => dated(draft, date, merchant, fresh_code, now),
            Err(DateProblem::Format) => Aim::noting(at.clone(), Note::DateFormat),
            Err(DateProblem::Impossible) => Aim::noting(at.clone(), Note::DateImpossible),
        },
        Dialogue::AskCode => match BookingCode::parse(text) {
            Ok(code) => match chat.locked_until(now) {
                Some(until) => Aim::noting(at.clone(), Note::Locked { until }),
                None => by_code(&code),
            },
            Err(_) => Aim::noting(at.clone(), Note::CodeFormat),
        },
        Dialogue::Welcome { .. }
        | Dialogue::AskDevice { .. }
        | Dialogue::AskSlot { .. }
        | Dialogue::AskPart { .. }
        | Dialogue::Confirm { .. }
        | Dialogue::AskNumber => Aim::noting(at.clone(), Note::UseButtons),
        Dialogue::Start
        | Dialogue::Help
        | Dialogue::Catalog { .. }
        | Dialogue::Booked { .. }
        | Dialogue::Status { .. }
        | Dialogue::Number { .. }
        | Dialogue::Linked
        | Dialogue::LinkRefused => Aim::at(Dialogue::Help),
    }
}

fn is_booking(at: &Dialogue) -> bool {
    match at {
        Dialogue::Welcome { .. }
        | Dialogue::AskDate { .. }
        | Dialogue::AskDevice { .. }
        | Dialogue::AskSlot { .. }
        | Dialogue::AskPart { .. }
        | Dialogue::Confirm { .. } => true,
        Dialogue::Start
        | Dialogue::Help
        | Dialogue::Catalog { .. }
        | Dialogue::Booked { .. }
        | Dialogue::AskCode
        | Dialogue::Status { .. }
        | Dialogue::AskNumber
        | Dialogue::Number { .. }
        | Dialogue::Linked
        | Dialogue::LinkRefused => false,
    }
}

/// The booking of a code. A button's code is not held to the lock: whoever books five minutes
/// after mistyping must be able to pay, and only this chat's own bookings are ever shown.
fn by_code(code: &BookingCode) -> Aim {
    Aim {
        asks_code: true,
        ..Aim::at(Dialogue::Status { code: code.clone() })
    }
}

fn pressed(
    at: &Dialogue,
    button: &Button,
    merchant: &Merchant,
    fresh_code: &BookingCode,
    now: Timestamp,
) -> Aim {
    let not_now = || Aim::noting(at.clone(), Note::NotNow);
    let next = |draft| Aim::at(next(draft, fresh_code));
    match (at, button) {
        (_, Button::Cancel) if is_booking(at) => Aim::noting(Dialogue::Start, Note::Cancelled),
        // Nothing was begun, or it stands already.
        (_, Button::Cancel) => Aim::at(Dialogue::Start),
        (Dialogue::Welcome { draft }, Button::Booking) => next(draft.clone()),
        (Dialogue::Start | Dialogue::Help | Dialogue::Catalog { .. }, Button::Booking) => {
            next(Draft::default())
        }
        (Dialogue::AskDate { draft }, Button::Date(date)) => {
            dated(draft, *date, merchant, fresh_code, now)
        }
        (
            Dialogue::AskDevice { draft, .. }
            | Dialogue::AskSlot { draft }
            | Dialogue::AskPart { draft, .. }
            | Dialogue::Confirm { draft },
            Button::ChangeDate,
        ) => next(draft.clone().without_date()),
        (Dialogue::AskDevice { draft, .. }, Button::Device(device)) => next(Draft {
            device: Some(device.clone()),
            ..draft.clone()
        }),
        (Dialogue::AskSlot { draft }, Button::Slot(slot)) => next(Draft {
            slot: Some(slot.clone()),
            ..draft.clone()
        }),
        (Dialogue::AskPart { draft, .. }, Button::Part(item)) => next(Draft {
            item: Some(item.clone()),
            ..draft.clone()
        }),
        (Dialogue::Catalog { .. }, Button::Page(page)) => Aim {
            edit: true,
            ..Aim::at(Dialogue::Catalog { page: *page })
        },
        (Dialogue::AskDevice { draft, .. }, Button::Page(page)) => Aim {
            edit: true,
            ..Aim::at(Dialogue::AskDevice {
                draft: draft.clone(),
                page: *page,
            })
        },
        (Dialogue::AskPart { draft, .. }, Button::Page(page)) => Aim {
            edit: true,
            ..Aim::at(Dialogue::AskPart {
                draft: draft.clone(),
                page: *page,
            })
        },
        (Dialogue::Confirm { .. }, Button::BookNow) => Aim {
            books: true,
            ..Aim::at(at.clone())
        },
        (
            _,
            Button::Booking
            | Button::Date(_)
            | Button::ChangeDate
            | Button::Device(_)
            | Button::Slot(_)
            | Button::Part(_)
            | Button::Page(_)
            | Button::BookNow
            | Button::PayNow(_)
            | Button::ShareNumber,
        ) => not_now(),
    }
}

fn dated(
    draft: &Draft,
    date: Date,
    merchant: &Merchant,
    fresh_code: &BookingCode,
    now: Timestamp,
) -> Aim {
    match merchant.check_day(date, now) {
        Err(refused) => Aim::noting(
            Dialogue::AskDate {
                draft: draft.clone(),
            },
            Note::Day(refused),
        ),
        Ok(()) => Aim::at(next(
            Draft {
                date: Some(date),
                ..draft.clone()
            },
            fresh_code,
        )),
    }
}

/// The first thing that is not known yet.
fn next(draft: Draft, fresh_code: &BookingCode) -> Dialogue {
    if draft.date.is_none() {
        Dialogue::AskDate { draft }
    } else if draft.device.is_none() && draft.item.is_none() {
        Dialogue::AskDevice { draft, page: 0 }
    } else if draft.slot.is_none() {
        Dialogue::AskSlot { draft }
    } else if draft.item.is_none() {
        Dialogue::AskPart { draft, page: 0 }
    } else {
        Dialogue::Confirm {
            draft: Draft {
                code: draft.code.or_else(|| Some(fresh_code.clone())),
                ..draft
            },
        }
    }
}

/// What must be loaded to judge and show `dialogue`. Which of a day's seats are free is judged
/// where the day is chosen, where its slots are shown, and where all is summed up.
#[must_use]
pub fn needs(dialogue: &Dialogue) -> Needs {
    match dialogue {
        Dialogue::Start
        | Dialogue::Help
        | Dialogue::AskCode
        | Dialogue::AskDate { .. }
        | Dialogue::AskNumber
        | Dialogue::Number { .. }
        | Dialogue::Linked
        | Dialogue::LinkRefused => Needs::default(),
        Dialogue::Catalog { .. } | Dialogue::AskPart { .. } => Needs {
            catalog: true,
            ..Needs::default()
        },
        Dialogue::Welcome { draft } => Needs {
            item: draft.item.clone(),
            ..Needs::default()
        },
        Dialogue::AskDevice { draft, .. } => Needs {
            catalog: true,
            day: draft.date,
            ..Needs::default()
        },
        Dialogue::AskSlot { draft } => Needs {
            day: draft.date,
            ..Needs::default()
        },
        Dialogue::Confirm { draft } => Needs {
            item: draft.item.clone(),
            day: draft.date,
            ..Needs::default()
        },
        Dialogue::Booked { code } | Dialogue::Status { code } => Needs {
            order: Some(code.clone()),
            ..Needs::default()
        },
    }
}

/// Corrects an aim by what was found. Where the landing differs from the aim, other facts may be
/// needed to show it.
#[must_use]
pub fn land(aim: &Aim, merchant: &Merchant, facts: &Facts, now: Timestamp) -> Landing {
    let stay = |dialogue: Dialogue| Landing {
        dialogue,
        note: aim.note,
        hold: None,
        wrong_code: false,
    };
    let turn = |dialogue: Dialogue, note: Note| Landing {
        note: Some(note),
        ..stay(dialogue)
    };
    match &aim.dialogue {
        Dialogue::Welcome { draft } => match (&draft.item, &facts.item) {
            (Some(_), Some(None)) => turn(
                Dialogue::Welcome {
                    draft: Draft::default(),
                },
                Note::NotOffered,
            ),
            _ => stay(aim.dialogue.clone()),
        },
        Dialogue::AskDevice { draft, .. } | Dialogue::AskSlot { draft } => {
            if let Some(note) = refused_day(draft, merchant, facts, now) {
                turn(ask_date(draft), note)
            } else if device_is_unknown(draft, facts) {
                let draft = Draft {
                    device: None,
                    ..draft.clone()
                };
                turn(Dialogue::AskDevice { draft, page: 0 }, Note::NotOffered)
            } else {
                stay(aim.dialogue.clone())
            }
        }
        Dialogue::AskPart { draft, .. } => {
            if let Some(note) = closed_day(draft, merchant, now) {
                turn(ask_date(draft), note)
            } else if slot_has_gone(draft, merchant, now) {
                turn(ask_slot(draft), Note::SlotGone)
            } else if device_is_unknown(draft, facts) {
                let draft = Draft {
                    device: None,
                    ..draft.clone()
                };
                turn(Dialogue::AskDevice { draft, page: 0 }, Note::NotOffered)
            } else {
                stay(aim.dialogue.clone())
            }
        }
        Dialogue::Confirm { draft } => confirmed(aim, draft, merchant, facts, now),
        Dialogue::Booked { .. } | Dialogue::Status { .. } => match &facts.order {
            Some(None) if aim.asks_code => Landing {
                wrong_code: true,
                ..turn(Dialogue::AskCode, Note::WrongCode)
            },
            Some(None) => stay(Dialogue::Start),
            _ => stay(aim.dialogue.clone()),
        },
        Dialogue::Start
        | Dialogue::Help
        | Dialogue::Catalog { .. }
        | Dialogue::AskDate { .. }
        | Dialogue::AskCode
        | Dialogue::AskNumber
        | Dialogue::Number { .. }
        | Dialogue::Linked
        | Dialogue::LinkRefused => stay(aim.dialogue.clone()),
    }
}

fn refused_day(draft: &Draft, merchant: &Merchant, facts: &Facts, now: Timestamp) -> Option<Note> {
    let date = draft.date?;
    if let Err(refused) = merchant.check_day(date, now) {
        return Some(Note::Day(refused));
    }
    let day = facts.day.as_ref()?;
    day.free_slots(merchant, date, now)
        .is_empty()
        .then_some(Note::DayFull)
}

/// A device that nothing is on offer for. It is judged wherever the catalog is at hand.
fn device_is_unknown(draft: &Draft, facts: &Facts) -> bool {
    match (&draft.device, &facts.catalog) {
        (Some(device), Some(catalog)) => catalog.parts_of(device).is_empty(),
        _ => false,
    }
}

fn slot_has_gone(draft: &Draft, merchant: &Merchant, now: Timestamp) -> bool {
    let Some((date, id)) = draft.date.zip(draft.slot.as_deref()) else {
        return true;
    };
    !merchant
        .bookable_slots(date, now)
        .iter()
        .any(|slot| slot.id() == id)
}

/// A day that the shop has closed since it was chosen. One whose slots have begun is told by them.
fn closed_day(draft: &Draft, merchant: &Merchant, now: Timestamp) -> Option<Note> {
    match merchant.check_day(draft.date?, now) {
        Ok(()) | Err(DayRefused::AfterClosing) => None,
        Err(
            refused @ (DayRefused::Past
            | DayRefused::TooFar { .. }
            | DayRefused::ClosedWeekday { .. }
            | DayRefused::ClosedDate),
        ) => Some(Note::Day(refused)),
    }
}

fn ask_date(draft: &Draft) -> Dialogue {
    Dialogue::AskDate {
        draft: draft.clone().without_date(),
    }
}

fn ask_slot(draft: &Draft) -> Dialogue {
    Dialogue::AskSlot {
        draft: Draft {
            slot: None,
            ..draft.clone()
        },
    }
}

/// The summary, or the booking where *Book Now* was pressed, if all of it still holds.
fn confirmed(
    aim: &Aim,
    draft: &Draft,
    merchant: &Merchant,
    facts: &Facts,
    now: Timestamp,
) -> Landing {
    let landing = |dialogue, note, hold| Landing {
        dialogue,
        note,
        hold,
        wrong_code: false,
    };
    if let Some(note) = closed_day(draft, merchant, now) {
        return landing(ask_date(draft), Some(note), None);
    }
    if slot_has_gone(draft, merchant, now) {
        return landing(ask_slot(draft), Some(Note::SlotGone), None);
    }
    let (Some(day), Some(item)) = (&facts.day, &facts.item) else {
        return landing(aim.dialogue.clone(), aim.note, None);
    };
    let fits = |item: &&Item| {
        draft
            .device
            .as_ref()
            .is_none_or(|device| *device == item.device_id)
    };
    let Some(item) = item.as_ref().filter(fits) else {
        let draft = Draft {
            item: None,
            ..draft.clone()
        };
        let dialogue = if draft.device.is_some() {
            Dialogue::AskPart { draft, page: 0 }
        } else {
            Dialogue::AskDevice { draft, page: 0 }
        };
        return landing(dialogue, Some(Note::NotOffered), None);
    };
    let slot = draft.slot.as_deref().and_then(|id| merchant.slot(id));
    let Some(seat) = slot.and_then(|slot| day.free_seat(merchant, slot)) else {
        return landing(ask_slot(draft), Some(Note::SlotTaken), None);
    };
    let quoted = Draft {
        quoted: Some(item.price),
        ..draft.clone()
    };
    let shown = Dialogue::Confirm {
        draft: quoted.clone(),
    };
    match draft.quoted {
        Some(price) if price != item.price => landing(shown, Some(Note::PriceChanged), None),
        Some(_) if aim.books => {
            let hold = Hold {
                draft: quoted,
                item: item.clone(),
                seat,
            };
            landing(shown, None, Some(hold))
        }
        _ => landing(shown, aim.note, None),
    }
}
