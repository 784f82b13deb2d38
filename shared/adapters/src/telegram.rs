//! The few Bot API methods Pesan calls. <https://core.telegram.org/bots/api>

use pesan_domain::dialogue::{Key, KeyDoes, Reply};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::http::CallError;

/// A bot's way to the Bot API.
#[derive(Clone, Debug)]
pub struct Telegram {
    http: reqwest::Client,
    base_url: String,
}

#[derive(Deserialize)]
struct Answer {
    ok: bool,
    #[serde(default)]
    description: String,
    #[serde(default)]
    error_code: u16,
}

/// The fields of a message, as `sendMessage` and `editMessageText` take them.
#[must_use]
pub fn message(chat: i64, reply: &Reply) -> Value {
    let rows: Vec<Vec<Value>> = reply
        .keyboard
        .iter()
        .map(|row| row.iter().map(key).collect())
        .collect();
    let mut body = json!({
        "chat_id": chat,
        "text": reply.html,
        "parse_mode": "HTML",
        "link_preview_options": {"is_disabled": true},
    });
    if let (false, Some(fields)) = (rows.is_empty(), body.as_object_mut()) {
        fields.insert("reply_markup".to_owned(), json!({"inline_keyboard": rows}));
    }
    body
}

fn key(key: &Key) -> Value {
    match &key.does {
        KeyDoes::Press(data) => json!({"text": key.label, "callback_data": data}),
        KeyDoes::Open(url) => json!({"text": key.label, "url": url}),
    }
}

impl Telegram {
    /// Speaks to `base_url`, which is `https://api.telegram.org` unless a stand-in is meant.
    #[must_use]
    pub fn new(http: reqwest::Client, base_url: &str) -> Self {
        Self {
            http,
            base_url: base_url.trim_end_matches('/').to_owned(),
        }
    }

    /// Sends a message to a chat.
    ///
    /// # Errors
    /// [`CallError`]; after `Unknown` the message may have been sent, there is no key against doubles.
    pub async fn send_message(
        &self,
        token: &SecretString,
        chat: i64,
        reply: &Reply,
    ) -> Result<(), CallError> {
        self.call(token, "sendMessage", &message(chat, reply)).await
    }

    /// Ends the spinner on a pressed button.
    ///
    /// # Errors
    /// [`CallError`]; the press itself has been taken all the same.
    pub async fn answer_callback_query(
        &self,
        token: &SecretString,
        query: &str,
    ) -> Result<(), CallError> {
        self.call(
            token,
            "answerCallbackQuery",
            &json!({"callback_query_id": query}),
        )
        .await
    }

    /// Registers the webhook. The secret must be given each time: leaving it out removes it.
    ///
    /// # Errors
    /// [`CallError`] with Telegram's own words.
    pub async fn set_webhook(
        &self,
        token: &SecretString,
        url: &str,
        secret: &SecretString,
    ) -> Result<(), CallError> {
        self.call(
            token,
            "setWebhook",
            &json!({
                "url": url,
                "secret_token": secret.expose_secret(),
                "allowed_updates": ["message", "callback_query", "my_chat_member"],
                "max_connections": 40,
            }),
        )
        .await
    }

    async fn call(
        &self,
        token: &SecretString,
        method: &str,
        body: &Value,
    ) -> Result<(), CallError> {
        let url = format!("{}/bot{}/{method}", self.base_url, token.expose_secret());
        crate::http::leaves("telegram").await;
        let response = self.http.post(url).json(body).send().await?;
        let status = response.status().as_u16();
        let answer: Answer = response.json().await?;
        if answer.ok {
            return Ok(());
        }
        match if answer.error_code == 0 {
            status
        } else {
            answer.error_code
        } {
            code if code >= 500 => Err(CallError::Unknown(format!("status {code}"))),
            code => Err(CallError::Refused {
                status: code,
                reason: answer.description,
            }),
        }
    }
}
