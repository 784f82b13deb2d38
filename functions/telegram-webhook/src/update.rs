//! An update as Telegram sends it, as far as it is used. Fields and kinds are added several times
//! a year: what is not named here is ignored (<https://core.telegram.org/bots/api#update>).

use pesan_domain::dialogue::Input;
use pesan_service::conversation::Update;
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
}

#[derive(Deserialize)]
struct WireUser {
    first_name: Option<String>,
    language_code: Option<String>,
}

/// An update that the dialogue takes.
pub(crate) struct Received {
    pub update: Update,
    /// The press to be answered.
    pub query: Option<String>,
    /// The message whose button was pressed.
    pub message_id: Option<i64>,
}

/// What a customer calls themselves is shown back to them; nobody's name is this long.
const LONGEST_NAME: usize = 64;

impl WireUpdate {
    /// None for a kind, or a message, that the dialogue does not take.
    pub fn received(self) -> Option<Received> {
        if let Some(message) = self.message {
            let (from, text) = (message.from?, message.text?);
            let input = Input::typed(&text);
            return Some(Received {
                update: update(self.update_id, message.chat.id, from, input),
                query: None,
                message_id: None,
            });
        }
        let query = self.callback_query?;
        let pressed = query.message?;
        let input = Input::pressed(&query.data?);
        Some(Received {
            update: update(self.update_id, pressed.chat.id, query.from, input),
            query: Some(query.id),
            message_id: Some(pressed.message_id),
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
