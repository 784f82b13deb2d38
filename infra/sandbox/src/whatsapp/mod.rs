//! WhatsApp's Cloud API: messages, templates, numbers, the app's webhook, and the people's phones.
//! <https://developers.facebook.com/documentation/business-messaging/whatsapp>
//!
//! Every number is on WhatsApp until a handle says otherwise; receipts are `sent`, `delivered`
//! and `read`, posted after the call was answered; a template passes its review at once; an
//! account is subscribed to the app from the start. A test's handles beside the phones' own:
//!
//! | Call | Does |
//! |---|---|
//! | `GET /sandbox/whatsapp-phones` | the 24 phones lately written to or from, with their newest messages; `?phone=` one |
//! | `POST /sandbox/whatsapp-phones/{phone}` `{"on_whatsapp":false}` | also `name`; `hides_number`: webhooks name the person by user id alone |
//! | `POST /sandbox/whatsapp-receipts` `{"receipts":["read","sent",{"status":"failed","code":131049,"after_seconds":60}]}` | what later messages cause, in this order; `[]`: nothing; `phone`, `times` narrow it, `early`: before the send call's answer; the newest order counts. `DELETE` |
//! | `POST /sandbox/whatsapp-webhooks` `{"lose":2}`, `{"hold":true}`, `{"hold":false}` | the next two never arrive; held ones then arrive in one POST |
//! | `POST /sandbox/whatsapp-templates` `{"review":"by_hand"}` | new templates stay `PENDING` (else `at_once`) |
//! | `POST /sandbox/whatsapp-templates/{name}` `{"event":"PAUSED"}` | the review, or Meta, decides; also `reason`, `category`, `quality`; `language`, `merchant` narrow it |
//! | `POST /sandbox/whatsapp-numbers/{id}` `{"quality":"RED","event":"FLAGGED"}` | also `throughput`: messages a second |
//! | `POST /sandbox/whatsapp-app` `{"app_secret":"…","webhook_url":"…","verify_token":"…"}` | the app's dashboard: who signs webhooks, and where they go |
//! | `POST /sandbox/whatsapp-verify` | Meta's `GET` to the webhook; `mode`, `verify_token` bend it |

mod compose;
mod error;
mod graph;
mod handles;
mod limits;
mod messages;
mod phones;
mod receipts;
mod review;
mod template;
#[cfg(test)]
mod tests;
mod webhook;

use std::collections::BTreeMap;
use std::io;
use std::sync::Mutex;
use std::time::Duration;

use axum::Router;
use axum::routing::{any, get, post};
use data_encoding::BASE64;
use reqwest::redirect::Policy;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub(crate) use error::on_order;
use limits::Number;
use template::Template;

use crate::Sandbox;
use crate::store::locked;

/// How many webhooks are on the wire at once.
const MOST_POSTS: usize = 64;
/// A phone remembers this many messages.
const MOST_MESSAGES: usize = 200;

/// A merchant's number and the business account that holds its templates.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WhatsAppAccount {
    /// The name under which a test's handles know it. In a shop's accounts it is the shop's.
    #[serde(default)]
    pub merchant: String,
    /// In the path of a send call.
    pub phone_number_id: String,
    /// `+62 811-1000-001`: the country code stands before the first space or hyphen.
    pub display_phone_number: String,
    /// In the path of the template calls.
    pub waba_id: String,
    /// The system user's token.
    pub access_token: String,
}

/// The app that owns the webhook, one for all accounts.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WhatsAppApp {
    /// Signs the webhooks.
    pub app_secret: String,
    /// Where they go.
    pub webhook_url: String,
    /// What the webhook's verification carries.
    pub verify_token: String,
}

/// What is set at start and not remembered.
pub(crate) struct Setup {
    accounts: Mutex<Vec<WhatsAppAccount>>,
    app: Mutex<Option<WhatsAppApp>>,
    http: reqwest::Client,
    posts: tokio::sync::Semaphore,
}

impl Setup {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            accounts: Mutex::default(),
            app: Mutex::default(),
            http: crate::client(Duration::from_secs(20), Policy::none())?,
            posts: tokio::sync::Semaphore::new(MOST_POSTS),
        })
    }
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    /// By the business account's id.
    businesses: BTreeMap<String, Business>,
    /// By the phone number's id.
    numbers: BTreeMap<String, Number>,
    /// People's, by their digits.
    phones: BTreeMap<String, Phone>,
    receipts: Vec<receipts::Order>,
    outbox: webhook::Outbox,
    review_by_hand: bool,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Business {
    templates: Vec<Template>,
    /// The app does not hear of it.
    unsubscribed: bool,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(default)]
struct Phone {
    name: String,
    on_whatsapp: bool,
    hides_number: bool,
    /// Oldest first.
    thread: Vec<Message>,
}

impl Default for Phone {
    fn default() -> Self {
        Self {
            name: "Budi".to_owned(),
            on_whatsapp: true,
            hides_number: false,
            thread: Vec::new(),
        }
    }
}

impl Phone {
    fn keep(&mut self, message: Message) {
        self.thread.push(message);
        let surplus = self.thread.len().saturating_sub(MOST_MESSAGES);
        self.thread.drain(..surplus);
    }
}

#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
struct Message {
    id: String,
    merchant: String,
    from_business: bool,
    /// In seconds.
    at: i64,
    template: Option<String>,
    text: String,
    buttons: Vec<Button>,
    /// How far the receipts came. A person's own message has none.
    status: Option<receipts::Status>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Button {
    text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(flatten)]
    does: Does,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Does {
    Url(String),
    /// Copies it.
    Code(String),
    /// A template's quick reply.
    Payload(String),
    /// An interactive message's reply, by its id.
    Reply(String),
    /// A list's row, by its id.
    Row(String),
}

/// `+62 812-0000-0001` as webhooks write it.
fn digits(phone: &str) -> String {
    phone.chars().filter(char::is_ascii_digit).collect()
}

impl WhatsAppAccount {
    fn digits(&self) -> String {
        digits(&self.display_phone_number)
    }

    fn country_code(&self) -> String {
        let head = self.display_phone_number.split([' ', '-']).next();
        match head {
            Some(head) if head.len() < self.display_phone_number.len() => digits(head),
            _ => "62".to_owned(),
        }
    }
}

/// The id that stands for a person since numbers may be hidden.
fn user_id(phone: &str) -> String {
    let country = if phone.starts_with("62") { "ID" } else { "US" };
    let hash = Sha256::digest(phone.as_bytes());
    let number = hash
        .iter()
        .take(8)
        .fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    format!("{country}.{number}")
}

/// A real one carries the other side's number, in base64, as this one does.
fn fresh_wamid(phone: &str) -> String {
    let random = format!("{:018X}", rand::random::<u128>() >> 56);
    let mut bytes = vec![0x1c, 0x18, u8::try_from(phone.len()).unwrap_or(u8::MAX)];
    bytes.extend(phone.as_bytes());
    bytes.extend([0x15, 0x02, 0x00, 0x11, 0x18, 0x12]);
    bytes.extend(random.as_bytes());
    bytes.push(0);
    format!("wamid.{}", BASE64.encode(&bytes))
}

impl Sandbox {
    /// Makes a merchant's number known. Known again after a restart by being called again.
    pub fn register_whatsapp(&self, account: WhatsAppAccount) {
        let mut accounts = locked(&self.0.whatsapp.accounts);
        accounts.retain(|known| known.phone_number_id != account.phone_number_id);
        accounts.push(account);
    }

    /// Sets the app whose webhook hears of every account.
    pub fn set_whatsapp_app(&self, app: WhatsAppApp) {
        *locked(&self.0.whatsapp.app) = Some(app);
    }

    fn account(&self, wanted: impl Fn(&WhatsAppAccount) -> bool) -> Option<WhatsAppAccount> {
        let accounts = locked(&self.0.whatsapp.accounts);
        accounts.iter().find(|account| wanted(account)).cloned()
    }
}

pub(crate) fn routes(sandbox: &Sandbox) -> Router {
    const GRAPH: &str = "/sandbox/graph.facebook.com/{version}/{object}";
    let wire = Router::new()
        .route(GRAPH, get(graph::number).fallback(graph::nowhere))
        .route(
            &format!("{GRAPH}/messages"),
            post(messages::call).fallback(graph::nowhere),
        )
        .route(
            &format!("{GRAPH}/message_templates"),
            get(review::list)
                .post(review::create)
                .delete(review::delete)
                .fallback(graph::nowhere),
        )
        .route(
            &format!("{GRAPH}/subscribed_apps"),
            get(graph::subscription)
                .post(graph::subscription)
                .delete(graph::subscription)
                .fallback(graph::nowhere),
        )
        .route(&format!("{GRAPH}/{{edge}}"), any(graph::nowhere))
        .route("/sandbox/graph.facebook.com/{object}", any(graph::nowhere))
        .with_state(sandbox.clone());
    let handles = Router::new()
        .route("/sandbox/whatsapp/{phone}", get(phones::inbox))
        .route("/sandbox/whatsapp/{phone}/text", post(phones::text))
        .route("/sandbox/whatsapp/{phone}/press", post(phones::press))
        .route("/sandbox/whatsapp-phones", get(handles::phones))
        .route("/sandbox/whatsapp-phones/{phone}", post(handles::phone))
        .route(
            "/sandbox/whatsapp-receipts",
            post(handles::receipts).delete(handles::clear_receipts),
        )
        .route("/sandbox/whatsapp-webhooks", post(handles::webhooks))
        .route("/sandbox/whatsapp-templates", post(handles::review))
        .route("/sandbox/whatsapp-templates/{name}", post(handles::decide))
        .route("/sandbox/whatsapp-numbers/{id}", post(handles::number))
        .route("/sandbox/whatsapp-app", post(handles::app))
        .route("/sandbox/whatsapp-verify", post(handles::verify))
        .with_state(sandbox.clone());
    sandbox.0.wire.guard("whatsapp", wire).merge(handles)
}
