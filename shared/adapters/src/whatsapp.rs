//! The few calls of WhatsApp's Cloud API that Pesan makes.
//! <https://developers.facebook.com/documentation/business-messaging/whatsapp>

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use pesan_domain::ids::VendorId;
use pesan_domain::message::Schedule;
use pesan_domain::message::text::{Action, Call};
use pesan_domain::message::verdict::{self, Refusal, Verdict};
use pesan_domain::whatsapp::Phone;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::http::{CallError, leaves};

/// The version of the Graph API: left out, it would be the newest that the app may use.
const VERSION: &str = "v24.0";
/// Templates a page, and pages at most: an account has 6,000 templates at most.
const PAGE: &str = "100";
const MOST_PAGES: usize = 60;
/// What of a number is asked for.
const NUMBER_FIELDS: &str = "display_phone_number,verified_name,quality_rating,status,throughput,\
                             whatsapp_business_manager_messaging_limit";
const TEMPLATE_FIELDS: &str = "name,language,status,category,rejected_reason,quality_score";
const QUERY_VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// A number's way to the Cloud API.
#[derive(Clone, Debug)]
pub struct WhatsApp {
    http: reqwest::Client,
    base_url: String,
}

/// What is sent. Only a template may go to whom has not written for 24 hours. It is personal, so
/// it has no `Debug`.
#[derive(Clone, Copy)]
pub enum Content<'a> {
    /// A registered template with its arguments.
    Template(&'a Call),
    /// Free text.
    Text(&'a str),
    /// Free text with up to three buttons, each with the id it sends back and a label of up to 20
    /// characters.
    Buttons(&'a str, &'a [(&'a str, &'a str)]),
}

/// Meta took a message; that is not its delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// What receipts name it by.
    pub vendor_id: VendorId,
}

/// What became of a call that was not done
/// (<https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes>).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GraphError {
    /// Meta said no.
    #[error("refused with code {}", self.code())]
    Refused {
        /// Its own code; none where it gave only a status.
        code: Option<u32>,
        /// The HTTP status.
        http_status: u16,
        /// Its words. They may quote what was sent, so they are for the operator's terminal and no
        /// log.
        reason: String,
    },
    /// Meta could not be reached: it was not done.
    #[error("not connected")]
    NotConnected,
    /// No answer, or one that cannot be read: it may have been done.
    #[error("unknown: {0}")]
    Unknown(String),
}

impl GraphError {
    /// What the domain makes of it; none where nobody knows what happened.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::Refused {
                code, http_status, ..
            } => Some(verdict::whatsapp(*code, *http_status)),
            Self::NotConnected => Some(Refusal {
                code: 0,
                verdict: Verdict::RetryLater(Schedule::Server),
            }),
            Self::Unknown(_) => None,
        }
    }

    /// Meta's code, or the HTTP status where there is none; 0 where nothing was answered.
    #[must_use]
    pub fn code(&self) -> u32 {
        self.refusal().map_or(0, |refusal| refusal.code)
    }
}

impl From<reqwest::Error> for GraphError {
    fn from(error: reqwest::Error) -> Self {
        if error.is_connect() {
            return Self::NotConnected;
        }
        Self::Unknown(match CallError::from(error) {
            CallError::Unknown(how) => how,
            other => other.to_string(),
        })
    }
}

/// A number as Meta knows it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct NumberInfo {
    /// `+62 811-1000-001`
    pub display_phone_number: String,
    /// The name that people see.
    pub verified_name: Option<String>,
    /// GREEN, YELLOW or RED.
    pub quality_rating: Option<String>,
    /// Such as CONNECTED.
    pub status: Option<String>,
    /// STANDARD is 80 messages a second, HIGH 1,000.
    #[serde(default, deserialize_with = "level")]
    pub throughput: Option<String>,
    /// How many people a day may be written to first, such as `TIER_250`.
    #[serde(rename = "whatsapp_business_manager_messaging_limit")]
    pub messaging_limit: Option<String>,
}

fn level<'de, D: serde::Deserializer<'de>>(field: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    struct Throughput {
        level: Option<String>,
    }
    let throughput = Option::<Throughput>::deserialize(field)?;
    Ok(throughput.and_then(|throughput| throughput.level))
}

/// A template as the business account lists it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct TemplateInfo {
    /// Its name.
    pub name: String,
    /// `id`, `en_US`.
    pub language: String,
    /// Such as APPROVED.
    pub status: String,
    /// UTILITY, AUTHENTICATION or MARKETING.
    pub category: String,
    /// Why it was rejected; `NONE` where it was not.
    pub rejected_reason: Option<String>,
    /// How people took it.
    #[serde(default, deserialize_with = "score")]
    pub quality_score: Option<String>,
}

fn score<'de, D: serde::Deserializer<'de>>(field: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    struct Quality {
        score: Option<String>,
    }
    Ok(Option::<Quality>::deserialize(field)?.and_then(|quality| quality.score))
}

/// What making a template came to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Created {
    /// Such as PENDING.
    pub status: String,
    /// The category it was taken in, which may be another than asked for.
    pub category: String,
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    data: Vec<TemplateInfo>,
    paging: Option<Paging>,
}

#[derive(Deserialize)]
struct Paging {
    cursors: Option<Cursors>,
    /// There is another page. The address itself is not followed: it may name another host.
    next: Option<String>,
}

#[derive(Deserialize)]
struct Cursors {
    after: Option<String>,
}

impl Page {
    fn next(&self) -> Option<String> {
        let paging = self.paging.as_ref()?;
        paging.next.as_ref()?;
        paging.cursors.as_ref()?.after.clone()
    }
}

#[derive(Deserialize)]
struct Sent {
    messages: Vec<SentMessage>,
}

#[derive(Deserialize)]
struct SentMessage {
    id: String,
}

#[derive(Default, Deserialize)]
struct Failed {
    #[serde(default)]
    error: Failure,
}

#[derive(Default, Deserialize)]
struct Failure {
    code: Option<u32>,
    #[serde(default)]
    message: String,
    error_user_msg: Option<String>,
    error_data: Option<Value>,
}

impl Failure {
    fn words(&self) -> String {
        let details = self
            .error_data
            .as_ref()
            .and_then(|data| data.get("details"));
        let more = self.error_user_msg.as_deref();
        match more.or_else(|| details.and_then(Value::as_str)) {
            Some(more) if !more.is_empty() => format!("{}: {more}", self.message),
            _ => self.message.clone(),
        }
    }
}

impl WhatsApp {
    /// Speaks to `base_url`, which is `https://graph.facebook.com` unless a stand-in is meant.
    #[must_use]
    pub fn new(http: reqwest::Client, base_url: &str) -> Self {
        Self {
            http,
            base_url: base_url.trim_end_matches('/').to_owned(),
        }
    }

    /// Sends a message from the number of an id. `opaque_id` comes back in its receipts; it is no
    /// key against doubles, and there is none.
    ///
    /// # Errors
    /// [`GraphError`]; after `Unknown` it may have been sent.
    pub async fn send(
        &self,
        number: &str,
        token: &SecretString,
        to: &Phone,
        content: Content<'_>,
        opaque_id: Option<&str>,
    ) -> Result<Accepted, GraphError> {
        let body = message(to, content, opaque_id);
        let call = self.http.post(self.url(number, "/messages")).json(&body);
        let sent: Sent = called(call, token).await?;
        let id = sent.messages.first().map(|message| message.id.as_str());
        id.and_then(|id| VendorId::parse(id).ok())
            .map(|vendor_id| Accepted { vendor_id })
            .ok_or_else(|| GraphError::Unknown("an answer without a message".to_owned()))
    }

    /// What Meta knows of a number: the way to find out whether a token is right.
    ///
    /// # Errors
    /// [`GraphError`]; 190 for a token that is none, 100 for a number that it may not see.
    pub async fn number(
        &self,
        number: &str,
        token: &SecretString,
    ) -> Result<NumberInfo, GraphError> {
        let url = format!("{}?fields={NUMBER_FIELDS}", self.url(number, ""));
        called(self.http.get(url), token).await
    }

    /// Lets the token's app hear of a business account. Again is no error.
    ///
    /// # Errors
    /// [`GraphError`]
    pub async fn subscribe(&self, waba: &str, token: &SecretString) -> Result<(), GraphError> {
        let call = self.http.post(self.url(waba, "/subscribed_apps"));
        called::<Value>(call, token).await.map(drop)
    }

    /// All templates of a business account, page by page.
    ///
    /// # Errors
    /// [`GraphError`]
    pub async fn templates(
        &self,
        waba: &str,
        token: &SecretString,
    ) -> Result<Vec<TemplateInfo>, GraphError> {
        let url = self.url(waba, "/message_templates");
        let first = format!("{url}?fields={TEMPLATE_FIELDS}&limit={PAGE}");
        let (mut all, mut after) = (Vec::new(), None::<String>);
        for _ in 0..MOST_PAGES {
            let url = after.as_ref().map_or_else(
                || first.clone(),
                |after| format!("{first}&after={}", utf8_percent_encode(after, QUERY_VALUE)),
            );
            let page: Page = called(self.http.get(url), token).await?;
            after = page.next();
            all.extend(page.data);
            if after.is_none() {
                return Ok(all);
            }
        }
        Err(GraphError::Unknown("a list without an end".to_owned()))
    }

    /// Registers a template, as a file of `infra/whatsapp-templates` has it.
    ///
    /// # Errors
    /// [`GraphError`]; after `Unknown` it may be there, and the list says so.
    pub async fn create_template(
        &self,
        waba: &str,
        token: &SecretString,
        template: &Value,
    ) -> Result<Created, GraphError> {
        let url = self.url(waba, "/message_templates");
        called(self.http.post(url).json(template), token).await
    }

    fn url(&self, object: &str, edge: &str) -> String {
        let object = utf8_percent_encode(object, QUERY_VALUE);
        format!("{}/{VERSION}/{object}{edge}", self.base_url)
    }
}

async fn called<T: DeserializeOwned>(
    call: reqwest::RequestBuilder,
    token: &SecretString,
) -> Result<T, GraphError> {
    leaves("whatsapp").await;
    let response = call.bearer_auth(token.expose_secret()).send().await?;
    let status = response.status();
    if status.is_success() {
        return Ok(response.json().await?);
    }
    let body = response.bytes().await?;
    // A proxy on the way speaks no JSON; then the status is all there is.
    let failed: Failed = serde_json::from_slice(&body).unwrap_or_default();
    Err(GraphError::Refused {
        code: failed.error.code,
        http_status: status.as_u16(),
        reason: failed.error.words(),
    })
}

/// The fields of a message
/// (<https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/send-messages>).
fn message(to: &Phone, content: Content<'_>, opaque_id: Option<&str>) -> Value {
    let mut body = json!({
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": to.international(),
    });
    let (kind, fields) = match content {
        Content::Template(call) => ("template", template(call)),
        Content::Text(text) => ("text", json!({"preview_url": false, "body": text})),
        Content::Buttons(text, buttons) => ("interactive", interactive(text, buttons)),
    };
    if let Some(body) = body.as_object_mut() {
        body.insert("type".to_owned(), json!(kind));
        body.insert(kind.to_owned(), fields);
        if let Some(id) = opaque_id {
            body.insert("biz_opaque_callback_data".to_owned(), json!(id));
        }
    }
    body
}

fn template(call: &Call) -> Value {
    let text = |text: &String| json!({"type": "text", "text": text});
    let body: Vec<Value> = call.body.iter().map(text).collect();
    let mut components = vec![json!({"type": "body", "parameters": body})];
    for (place, action) in call.buttons.iter().enumerate() {
        let (kind, parameter) = match action {
            // A code's button is one that opens a page, to Meta.
            Action::Open(suffix) | Action::Copy(suffix) => ("url", text(suffix)),
            Action::Reply(payload) => (
                "quick_reply",
                json!({"type": "payload", "payload": payload}),
            ),
        };
        components.push(json!({
            "type": "button",
            "sub_type": kind,
            "index": place.to_string(),
            "parameters": [parameter],
        }));
    }
    json!({
        "name": call.name,
        "language": {"code": call.language},
        "components": components,
    })
}

fn interactive(text: &str, buttons: &[(&str, &str)]) -> Value {
    let buttons: Vec<Value> = buttons
        .iter()
        .map(|(id, title)| json!({"type": "reply", "reply": {"id": id, "title": title}}))
        .collect();
    json!({"type": "button", "body": {"text": text}, "action": {"buttons": buttons}})
}
