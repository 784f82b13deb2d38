//! What becomes of a sent message, and the status webhooks that tell it.
//! <https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages/status>

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::webhook::Notice;
use super::{State, WhatsAppAccount, error, user_id};

const NOT_ON_WHATSAPP: u32 = 131_026;

/// In the order in which one displaces another: a delivery stands beside a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Status {
    Accepted,
    Sent,
    Failed,
    Delivered,
    Read,
}

impl Status {
    fn word(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Delivered => "delivered",
            Self::Read => "read",
        }
    }
}

/// One receipt: its word alone, or with what a failure says and when it comes.
#[derive(Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Step {
    Word(Status),
    Full {
        status: Status,
        #[serde(default = "undeliverable")]
        code: u32,
        #[serde(default)]
        after_seconds: i64,
    },
}

fn undeliverable() -> u32 {
    NOT_ON_WHATSAPP
}

impl Step {
    fn parts(&self) -> (Status, u32, i64) {
        match self {
            Self::Word(status) => (*status, NOT_ON_WHATSAPP, 0),
            Self::Full {
                status,
                code,
                after_seconds,
            } => (*status, *code, *after_seconds),
        }
    }
}

/// What a test's handle wants to come of later messages.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Order {
    receipts: Vec<Step>,
    /// This phone's only.
    pub(super) phone: Option<String>,
    /// This many messages; then it is forgotten.
    times: Option<u64>,
    /// Before the send call's answer.
    #[serde(default)]
    early: bool,
}

impl Order {
    /// The error names the field.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        let good = |step: &Step| {
            let (status, _, after) = step.parts();
            status != Status::Accepted && (0..=7 * 86_400).contains(&after)
        };
        match (self.receipts.len() <= 100, self.receipts.iter().all(good)) {
            (true, true) if self.times != Some(0) => Ok(()),
            (true, true) => Err("times: 1 or more"),
            _ => Err("receipts: up to 100 of sent, delivered, read, failed, within seven days"),
        }
    }
}

/// Which message's status moves.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Mark {
    phone: String,
    wamid: String,
    status: Status,
}

/// What its receipts say of a message.
pub(super) struct About<'a> {
    pub(super) phone: &'a str,
    pub(super) wamid: &'a str,
    pub(super) opaque: Option<&'a str>,
    pub(super) category: &'a str,
}

impl State {
    pub(super) fn mark(&mut self, mark: &Mark) {
        let thread = self.phones.get_mut(&mark.phone);
        let mut newest = thread
            .into_iter()
            .flat_map(|phone| phone.thread.iter_mut().rev());
        if let Some(message) = newest.find(|message| message.id == mark.wamid) {
            message.status = message.status.max(Some(mark.status));
        }
    }

    /// Puts a message's receipts on their way; whether they come before the call's answer.
    pub(super) fn receipts(
        &mut self,
        account: &WhatsAppAccount,
        about: &About<'_>,
        now: i64,
    ) -> (Vec<u64>, bool) {
        let (steps, early) = self.ordered(about.phone);
        let hides = self
            .phones
            .get(about.phone)
            .is_some_and(|phone| phone.hides_number);
        let mut priced = false;
        let mut hooks = Vec::new();
        for step in steps {
            let (status, code, after_seconds) = step.parts();
            let after = after_seconds.saturating_mul(1000);
            let mut receipt = about.receipt(status, now.saturating_add(after), hides);
            if status == Status::Failed {
                receipt.insert("errors".to_owned(), json!([error::of_receipt(code)]));
            } else if !priced {
                priced = true;
                receipt.insert("pricing".to_owned(), pricing(about.category));
            }
            let mut value = account.value();
            if let Some(fields) = value.as_object_mut() {
                fields.insert("statuses".to_owned(), json!([receipt]));
            }
            let mark = Mark {
                phone: about.phone.to_owned(),
                wamid: about.wamid.to_owned(),
                status,
            };
            let notice = Notice::of_messages(&account.waba_id, value).marking(mark, after);
            hooks.extend(self.accept(notice, now));
        }
        (hooks, early)
    }

    fn ordered(&mut self, phone: &str) -> (Vec<Step>, bool) {
        // A user typed `+62 0812…`: no such number.
        let reachable = self.phones.get(phone).is_none_or(|phone| phone.on_whatsapp);
        if !reachable || phone.starts_with("620") {
            return (vec![Step::Word(Status::Failed)], false);
        }
        let fits = |order: &Order| order.phone.as_ref().is_none_or(|wanted| wanted == phone);
        let Some(place) = self.receipts.iter().rposition(fits) else {
            let all = [Status::Sent, Status::Delivered, Status::Read];
            return (all.map(Step::Word).to_vec(), false);
        };
        let Some(order) = self.receipts.get_mut(place) else {
            return (Vec::new(), false);
        };
        let found = (order.receipts.clone(), order.early);
        if let Some(times) = &mut order.times {
            *times = times.saturating_sub(1);
            if *times == 0 {
                self.receipts.remove(place);
            }
        }
        found
    }
}

impl About<'_> {
    fn receipt(&self, status: Status, at: i64, hides: bool) -> Map<String, Value> {
        let mut receipt = Map::new();
        receipt.insert("id".to_owned(), json!(self.wamid));
        receipt.insert("status".to_owned(), json!(status.word()));
        receipt.insert("timestamp".to_owned(), json!((at / 1000).to_string()));
        if !hides {
            receipt.insert("recipient_id".to_owned(), json!(self.phone));
        }
        let user = json!(user_id(self.phone));
        receipt.insert("recipient_user_id".to_owned(), user);
        if let Some(opaque) = self.opaque {
            receipt.insert("biz_opaque_callback_data".to_owned(), json!(opaque));
        }
        receipt
    }
}

/// On one of a message's receipts only.
fn pricing(category: &str) -> Value {
    let free = category == "service";
    json!({
        "billable": !free,
        "pricing_model": "PMP",
        "type": if free { "free_customer_service" } else { "regular" },
        "category": category,
    })
}

impl WhatsAppAccount {
    /// The head of a change about messages.
    pub(super) fn value(&self) -> Value {
        json!({
            "messaging_product": "whatsapp",
            "metadata": {
                "display_phone_number": self.digits(),
                "phone_number_id": self.phone_number_id,
            },
        })
    }
}
