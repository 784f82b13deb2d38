//! The few Bot API methods Pesan calls. <https://core.telegram.org/bots/api>

use pesan_domain::dialogue::{Command, Key, KeyDoes, Keyboard, Reply};
use pesan_domain::message::verdict::{self, Refusal, Verdict};
use pesan_domain::message::{Outcome, Schedule, VendorId};
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
    result: Value,
    #[serde(default)]
    description: String,
    #[serde(default)]
    error_code: u16,
    #[serde(default)]
    parameters: Parameters,
}

/// <https://core.telegram.org/bots/api#responseparameters>
#[derive(Default, Deserialize)]
struct Parameters {
    retry_after: Option<u32>,
}

/// A bot as Telegram knows it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Bot {
    /// Without the `@`.
    pub username: String,
}

/// What Telegram knows of a webhook (<https://core.telegram.org/bots/api#webhookinfo>).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct WebhookInfo {
    /// Empty where none is set.
    pub url: String,
    /// Updates that wait to be delivered.
    pub pending_update_count: u64,
    /// When the last delivery failed, in seconds since 1970.
    pub last_error_date: Option<i64>,
    /// How it failed.
    pub last_error_message: Option<String>,
    /// Deliveries at the same time.
    pub max_connections: Option<u32>,
    /// None where they are Telegram's default.
    pub allowed_updates: Option<Vec<String>>,
}

/// The fields of a message, as `sendMessage` and `editMessageText` take them.
#[must_use]
pub fn message(chat: i64, reply: &Reply) -> Value {
    let mut body = json!({
        "chat_id": chat,
        "text": reply.html,
        "parse_mode": "HTML",
        "link_preview_options": {"is_disabled": true},
    });
    if let (Some(markup), Some(fields)) = (markup(&reply.keyboard), body.as_object_mut()) {
        fields.insert("reply_markup".to_owned(), markup);
    }
    body
}

fn markup(keyboard: &Keyboard) -> Option<Value> {
    match keyboard {
        Keyboard::Buttons(rows) => {
            let rows: Vec<Vec<Value>> = rows
                .iter()
                .map(|row| row.iter().map(key).collect())
                .collect();
            (!rows.is_empty()).then(|| json!({"inline_keyboard": rows}))
        }
        Keyboard::AsksNumber { share, not_now } => Some(json!({
            "keyboard": [[{"text": share, "request_contact": true}], [{"text": not_now}]],
            "resize_keyboard": true,
            "one_time_keyboard": true,
        })),
        Keyboard::GivenBack => Some(json!({"remove_keyboard": true})),
    }
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

    /// Sends a message to a chat. After [`Outcome::Unknown`] it may have been sent: there is no
    /// key against doubles.
    pub async fn send_message(&self, token: &SecretString, chat: i64, reply: &Reply) -> Outcome {
        let body = message(chat, reply);
        match self.post(token, "sendMessage", &body).await {
            Ok((status, body)) => outcome(status, &body),
            // It never left.
            Err(error) if error.is_connect() => Outcome::Refused(Refusal {
                code: 0,
                verdict: Verdict::RetryLater(Schedule::Server),
            }),
            Err(_) => Outcome::Unknown,
        }
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
        let body = json!({"callback_query_id": query});
        self.call(token, "answerCallbackQuery", &body).await?;
        Ok(())
    }

    /// The bot behind a token: the way to find out whether the token is right.
    ///
    /// # Errors
    /// [`CallError`]; 401 or 404 for a token that is none.
    pub async fn get_me(&self, token: &SecretString) -> Result<Bot, CallError> {
        read(self.call(token, "getMe", &json!({})).await?.result)
    }

    /// Registers the webhook; the answer is Telegram's own words. The secret must be given each
    /// time: leaving it out removes it, and leaving out the kinds of updates keeps the old ones.
    ///
    /// # Errors
    /// [`CallError`] with Telegram's own words.
    pub async fn set_webhook(
        &self,
        token: &SecretString,
        url: &str,
        secret: &SecretString,
    ) -> Result<String, CallError> {
        let body = json!({
            "url": url,
            "secret_token": secret.expose_secret(),
            "allowed_updates": ["message", "callback_query", "my_chat_member"],
            "max_connections": 40,
        });
        Ok(self.call(token, "setWebhook", &body).await?.description)
    }

    /// Removes the webhook; the answer is Telegram's own words. Updates that wait are kept.
    ///
    /// # Errors
    /// [`CallError`] with Telegram's own words.
    pub async fn delete_webhook(&self, token: &SecretString) -> Result<String, CallError> {
        let answer = self.call(token, "deleteWebhook", &json!({})).await?;
        Ok(answer.description)
    }

    /// What Telegram knows of the webhook.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn get_webhook_info(&self, token: &SecretString) -> Result<WebhookInfo, CallError> {
        read(self.call(token, "getWebhookInfo", &json!({})).await?.result)
    }

    /// Lists the commands in the clients of one language, of all others where none is given.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn set_my_commands(
        &self,
        token: &SecretString,
        commands: &[Command],
        language_code: Option<&str>,
    ) -> Result<(), CallError> {
        let commands: Vec<Value> = commands
            .iter()
            .map(|command| json!({"command": command.name, "description": command.description}))
            .collect();
        let body = json!({"commands": commands, "language_code": language_code.unwrap_or("")});
        self.call(token, "setMyCommands", &body).await?;
        Ok(())
    }

    async fn call(
        &self,
        token: &SecretString,
        method: &str,
        body: &Value,
    ) -> Result<Answer, CallError> {
        let (status, body) = self.post(token, method, body).await?;
        let answer: Answer = serde_json::from_slice(&body)
            .map_err(|_| CallError::Unknown("unreadable answer".to_owned()))?;
        if answer.ok {
            return Ok(answer);
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

    async fn post(
        &self,
        token: &SecretString,
        method: &str,
        body: &Value,
    ) -> Result<(u16, Vec<u8>), reqwest::Error> {
        let url = format!("{}/bot{}/{method}", self.base_url, token.expose_secret());
        crate::http::leaves("telegram").await;
        let response = self.http.post(url).json(body).send().await?;
        let status = response.status().as_u16();
        Ok((status, response.bytes().await?.to_vec()))
    }
}

/// What an answer to a send says. One that cannot be read is judged by its status alone.
fn outcome(status: u16, body: &[u8]) -> Outcome {
    let answer = serde_json::from_slice::<Answer>(body).ok();
    match answer {
        Some(Answer {
            ok: true, result, ..
        }) => {
            let id = result.get("message_id").and_then(Value::as_i64);
            VendorId::parse(&id.unwrap_or_default().to_string())
                .map_or(Outcome::Unknown, Outcome::Accepted)
        }
        Some(answer) => {
            let code = Some(answer.error_code).filter(|code| *code != 0);
            let code = code.unwrap_or(status);
            let wait = answer.parameters.retry_after;
            Outcome::Refused(verdict::telegram(code, wait, &answer.description))
        }
        None if status < 300 => Outcome::Unknown,
        None => Outcome::Refused(verdict::telegram(status, None, "")),
    }
}

fn read<T: serde::de::DeserializeOwned>(result: Value) -> Result<T, CallError> {
    serde_json::from_value(result).map_err(|_| CallError::Unknown("unreadable answer".to_owned()))
}
