//! What a customer does: types a text, or presses a button.

use jiff::civil::Date;

use crate::calendar::parse_typed_date;
use crate::ids::{BookingCode, DeviceId, ItemId, SubscriberId};
use crate::whatsapp::Phone;

/// What an update of the chat carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// `/name`, with what stood behind it.
    Command {
        /// Without slash and without the bot's name, in lower case.
        name: String,
        /// The rest; a deep link's payload for `/start`.
        argument: String,
    },
    /// Any other text.
    Text(String),
    /// A button.
    Press(Press),
    /// A button that no keyboard of ours has.
    UnknownButton,
    /// A contact card.
    Contact(Card),
}

/// A contact card: of the one who sent it, or of anybody else
/// (<https://core.telegram.org/bots/api#contact>).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Card {
    /// The sender's own number.
    Own(Phone),
    /// The sender's own, and no phone number of any country.
    Unreadable,
    /// Somebody else's, or of nobody that Telegram knows: anybody's card can be sent on.
    Foreign,
}

impl Input {
    /// Reads a pressed button's data.
    #[must_use]
    pub fn pressed(data: &str) -> Self {
        Press::parse(data).map_or(Self::UnknownButton, Self::Press)
    }

    /// Reads a contact card that `sender` sent. Whose it is Telegram says by its `owner`.
    #[must_use]
    pub fn contact(number: &str, owner: Option<i64>, sender: i64) -> Self {
        let card = if owner == Some(sender) {
            Phone::from_contact(number).map_or(Card::Unreadable, Card::Own)
        } else {
            Card::Foreign
        };
        Self::Contact(card)
    }

    /// The day the input itself names, before anything is known of the chat.
    #[must_use]
    pub fn names_day(&self) -> Option<Date> {
        match self {
            Self::Text(text) => parse_typed_date(text).ok(),
            Self::Press(Press {
                button: Button::Date(date),
                ..
            }) => Some(*date),
            Self::Command { .. } | Self::Press(_) | Self::UnknownButton | Self::Contact(_) => None,
        }
    }

    /// What a subscriber's deep link says, if it is one.
    #[must_use]
    pub fn chat_link(&self) -> Option<ChatLink> {
        match self {
            Self::Command { name, argument } if name == "start" => ChatLink::parse(argument),
            Self::Command { .. }
            | Self::Text(_)
            | Self::Press(_)
            | Self::UnknownButton
            | Self::Contact(_) => None,
        }
    }

    /// Whether it only turns a page of what is shown.
    #[must_use]
    pub fn turns_page(&self) -> bool {
        matches!(
            self,
            Self::Press(Press {
                button: Button::Page(_),
                ..
            })
        )
    }

    /// Reads what was typed. `/order@demo_bot` is the command `order`.
    #[must_use]
    pub fn typed(text: &str) -> Self {
        let text = text.trim();
        let Some(command) = text.strip_prefix('/') else {
            return Self::Text(text.to_owned());
        };
        let (name, argument) = command
            .split_once(char::is_whitespace)
            .unwrap_or((command, ""));
        let name = name.split('@').next().unwrap_or_default();
        Self::Command {
            name: name.to_ascii_lowercase(),
            argument: argument.trim().to_owned(),
        }
    }
}

/// What a subscriber's deep link says: whose bills are to come to the chat, and the proof that the
/// merchant gave it out. As a payload it is `s_ani_` and the proof, within Telegram's 64 letters,
/// digits, `_` and `-` (<https://core.telegram.org/bots/features#deep-linking>).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatLink {
    /// Whose bills.
    pub subscriber: SubscriberId,
    /// The proof.
    pub token: String,
}

impl ChatLink {
    const PREFIX: &str = "s_";

    /// As a deep link carries it.
    #[must_use]
    pub fn payload(&self) -> String {
        format!("{}{}_{}", Self::PREFIX, self.subscriber, self.token)
    }

    fn parse(payload: &str) -> Option<Self> {
        let (subscriber, token) = payload.strip_prefix(Self::PREFIX)?.split_once('_')?;
        Some(Self {
            subscriber: SubscriberId::parse(subscriber).ok()?,
            token: token.to_owned(),
        })
    }
}

/// A pressed button, as far as its data could be read. The data is the client's word: what it
/// names is looked up, never believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Press {
    /// The version of the chat that the keyboard was made for.
    pub version: u64,
    /// Which button.
    pub button: Button,
}

/// The buttons of the dialogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Button {
    /// Begin to book.
    Booking,
    /// Back to the start.
    Cancel,
    /// A day.
    Date(Date),
    /// Choose another day.
    ChangeDate,
    /// A device.
    Device(DeviceId),
    /// A slot, by its id.
    Slot(String),
    /// A part.
    Part(ItemId),
    /// Another page of what is shown.
    Page(u16),
    /// Claim the seat.
    BookNow,
    /// The way to pay a booking. It names the booking, so it works however old its keyboard is.
    PayNow(BookingCode),
    /// To be asked for the number. Like the way to pay it works however old its keyboard is.
    ShareNumber,
}

/// The longest data of a button (<https://core.telegram.org/bots/api#inlinekeyboardbutton>).
pub const LONGEST_DATA: usize = 64;

impl Press {
    /// As the button carries it: the version, what it is, and a stable id. Under 64 bytes, since
    /// ids are at most 40.
    #[must_use]
    pub fn data(&self) -> String {
        let version = self.version;
        match &self.button {
            Button::Booking => format!("{version}:booking"),
            Button::Cancel => format!("{version}:cancel"),
            Button::Date(date) => format!("{version}:date:{date}"),
            Button::ChangeDate => format!("{version}:redate"),
            Button::Device(id) => format!("{version}:dev:{id}"),
            Button::Slot(id) => format!("{version}:slot:{id}"),
            Button::Part(id) => format!("{version}:part:{id}"),
            Button::Page(page) => format!("{version}:page:{page}"),
            Button::BookNow => format!("{version}:book"),
            Button::PayNow(code) => format!("{version}:pay:{code}"),
            Button::ShareNumber => format!("{version}:number"),
        }
    }

    /// Reads a button's data; none for what no keyboard of ours carries.
    #[must_use]
    pub fn parse(data: &str) -> Option<Self> {
        if data.len() > LONGEST_DATA {
            return None;
        }
        let mut parts = data.splitn(3, ':');
        let version = parts.next()?.parse().ok()?;
        let button = match (parts.next()?, parts.next()) {
            ("booking", None) => Button::Booking,
            ("cancel", None) => Button::Cancel,
            ("redate", None) => Button::ChangeDate,
            ("book", None) => Button::BookNow,
            ("number", None) => Button::ShareNumber,
            ("pay", Some(code)) => Button::PayNow(BookingCode::parse(code).ok()?),
            ("date", Some(date)) => Button::Date(date.parse().ok()?),
            ("dev", Some(id)) => Button::Device(DeviceId::parse(id).ok()?),
            ("part", Some(id)) => Button::Part(ItemId::parse(id).ok()?),
            ("page", Some(page)) => Button::Page(page.parse().ok()?),
            ("slot", Some(id)) if id.len() == 4 && id.bytes().all(|b| b.is_ascii_digit()) => {
                Button::Slot(id.to_owned())
            }
            _ => return None,
        };
        let press = Self { version, button };
        // One spelling only: what another spelling would do is nobody's wish.
        (press.data() == data).then_some(press)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn i10_every_button_reads_back_and_fits() {
        let id = "a".repeat(40);
        for button in [
            Button::Booking,
            Button::Cancel,
            Button::ChangeDate,
            Button::BookNow,
            Button::ShareNumber,
            Button::PayNow(BookingCode::from_number(7)),
            Button::Date(date(2026, 12, 5)),
            Button::Device(DeviceId::parse(&id).unwrap()),
            Button::Part(ItemId::parse(&id).unwrap()),
            Button::Page(u16::MAX),
            Button::Slot("0900".to_owned()),
        ] {
            for version in [0, 7, 999_999_999_999] {
                let press = Press {
                    version,
                    button: button.clone(),
                };
                let data = press.data();
                assert!(data.len() <= LONGEST_DATA, "{data}");
                assert_eq!(Press::parse(&data), Some(press), "{data}");
            }
        }
    }

    #[test]
    fn c13_forged_data_is_no_button() {
        for forged in [
            "",
            "1",
            "1:",
            "1:price:1",
            "book:12345678",
            "1:book:12345678",
            "01:book",
            "+1:book",
            "1:date:2026-12-05T09:00",
            "1:date:05/12/2026",
            "1:dev:UPPER",
            "1:slot:900",
            "1:slot:09:0",
            "1:page:-1",
            "99999999999999999999:book",
            &format!("1:part:{}", "a".repeat(58)),
        ] {
            assert_eq!(Press::parse(forged), None, "{forged}");
        }
    }

    #[test]
    fn only_the_senders_own_card_is_read() {
        let own = Phone::from_digits("6281200000001").unwrap();
        for (number, owner, card) in [
            ("+62 812-0000-0001", Some(7), Card::Own(own)),
            ("081200000001", Some(7), Card::Unreadable),
            ("6281200000001", Some(8), Card::Foreign),
            ("6281200000001", None, Card::Foreign),
        ] {
            let read = Input::contact(number, owner, 7);
            assert_eq!(read, Input::Contact(card), "{number} {owner:?}");
        }
    }

    #[test]
    fn commands_are_read_as_telegram_sends_them() {
        let command = |name: &str, argument: &str| Input::Command {
            name: name.to_owned(),
            argument: argument.to_owned(),
        };
        assert_eq!(Input::typed("/order@demo_bot"), command("order", ""));
        assert_eq!(
            Input::typed(" /START  i_iphone-11-battery "),
            command("start", "i_iphone-11-battery")
        );
        assert_eq!(
            Input::typed("05/12/2026"),
            Input::Text("05/12/2026".to_owned())
        );
    }
}
