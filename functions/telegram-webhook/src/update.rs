//! An update as Telegram sends it, as far as it is used. Fields and kinds are added several times
//! a year: what is not named here is ignored (<https://core.telegram.org/bots/api#update>).

use pesan_domain::dialogue::Input;
use pesan_service::conversation::{Elsewhere, Update};
use serde::Deserialize;

#[derive(Deserialize)]
pub(crate) struct WireUpdate {
    update_id: i64,
    message: Option<WireMessage>,
    callback_query: Option<WireQuery>,
}

#[derive(Deserialize)]
struct WireMessage {
    from: Option<WireUser>,
    chat: WireChat,
    text: Option<String>,
    contact: Option<WireContact>,
}

/// <https://core.telegram.org/bots/api#contact>
#[derive(Deserialize)]
struct WireContact {
    phone_number: String,
    user_id: Option<i64>,
}

#[derive(Deserialize)]
struct WireQuery {
    id: String,
    from: WireUser,
    /// May be an inaccessible message: an id and a chat are all it is sure to have.
    message: Option<WirePressed>,
    data: Option<String>,
}

#[derive(Deserialize)]
struct WirePressed {
    message_id: i64,
    chat: WireChat,
}

#[derive(Deserialize)]
struct WireChat {
    id: i64,
    #[serde(rename = "type")]
    kind: Option<String>,
}

impl WireChat {
    /// A group or channel. What does not say so is a private chat.
    fn is_shared(&self) -> bool {
        self.kind.as_deref().is_some_and(|kind| kind != "private")
    }
}

#[derive(Deserialize)]
struct WireUser {
    id: i64,
    first_name: Option<String>,
    language_code: Option<String>,
}

/// An update that is answered.
pub(crate) enum Received {
    /// The dialogue takes it.
    Private {
        update: Update,
        pressed: Option<Pressed>,
    },
    /// A command in a group, where there is no dialogue: it would be everybody's.
    Shared(Elsewhere),
}

/// A press, and the message whose button it was.
pub(crate) struct Pressed {
    pub query: String,
    pub message_id: i64,
}

/// What a customer calls themselves is shown back to them; nobody's name is this long.
const LONGEST_NAME: usize = 64;

impl WireUpdate {
    /// None for a kind, or a message, that nothing here takes.
    pub fn received(self) -> Option<Received> {
        match (self.message, self.callback_query) {
            (Some(message), _) if message.chat.is_shared() => message.elsewhere(),
            (Some(message), _) => message.received(self.update_id),
            (None, Some(query)) => query.received(self.update_id),
            (None, None) => None,
        }
    }
}

impl WireMessage {
    fn received(self, update_id: i64) -> Option<Received> {
        let from = self.from?;
        let input = match (self.text, self.contact) {
            (Some(text), _) => Input::typed(&text),
            (None, Some(contact)) => {
                Input::contact(&contact.phone_number, contact.user_id, from.id)
            }
            (None, None) => return None,
        };
        Some(Received::Private {
            update: update(update_id, self.chat.id, from, input),
            pressed: None,
        })
    }

    fn elsewhere(self) -> Option<Received> {
        let text = self.text?;
        let command = text.strip_prefix('/')?.split_whitespace().next()?;
        let bot = command.split_once('@').map(|(_, bot)| bot.to_owned());
        Some(Received::Shared(Elsewhere {
            chat: self.chat.id,
            language_code: self.from?.language_code,
            bot,
        }))
    }
}

impl WireQuery {
    fn received(self, update_id: i64) -> Option<Received> {
        let message = self.message.filter(|message| !message.chat.is_shared())?;
        let input = Input::pressed(&self.data?);
        Some(Received::Private {
            update: update(update_id, message.chat.id, self.from, input),
            pressed: Some(Pressed {
                query: self.id,
                message_id: message.message_id,
            }),
        })
    }
}

fn update(id: i64, chat: i64, from: WireUser, input: Input) -> Update {
    Update {
        id,
        chat,
        language_code: from.language_code,
        first_name: from
            .first_name
            .map(|name| name.chars().take(LONGEST_NAME).collect()),
        input,
    }
}
