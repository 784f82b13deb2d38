//! A webhook's body as Meta sends it, as far as it is used. Fields and kinds are added several
//! times a year, and one part that cannot be read does not spoil the others
//! (<https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages>).

use jiff::Timestamp;
use pesan_domain::ids::{MessageId, VendorId};
use pesan_domain::language::Language;
use pesan_domain::message::text::Kind;
use pesan_domain::message::{Receipt, Report, verdict};
use pesan_domain::whatsapp::{News, Phone, Quality, TemplateStatus, category_of};
use pesan_lambda::json;
use pesan_service::whatsapp::{Delivery, Heard, Inbound, TemplateNews};
use serde::Deserialize;
use serde_json::Value;

/// Of an inbound message's id.
const LONGEST_ID: usize = 256;
/// Of a number's or a business account's id, in digits.
const LONGEST_OBJECT_ID: usize = 32;

#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    entry: Vec<Value>,
}

#[derive(Deserialize)]
struct Entry {
    /// The business account.
    id: String,
    /// Of templates' news, in seconds.
    time: Option<i64>,
    #[serde(default)]
    changes: Vec<Value>,
}

#[derive(Deserialize)]
struct Change {
    field: String,
    value: Value,
}

#[derive(Deserialize)]
struct Messages {
    metadata: Metadata,
    #[serde(default)]
    messages: Vec<Value>,
    #[serde(default)]
    statuses: Vec<Value>,
}

#[derive(Deserialize)]
struct Metadata {
    phone_number_id: String,
}

#[derive(Deserialize)]
struct WireMessage {
    id: String,
    /// Absent where the person hides their number.
    from: Option<String>,
    timestamp: String,
    text: Option<WireText>,
    /// A template's button that was pressed.
    button: Option<WireButton>,
}

#[derive(Deserialize)]
struct WireButton {
    text: String,
}

#[derive(Deserialize)]
struct WireText {
    body: String,
}

#[derive(Deserialize)]
struct WireStatus {
    id: String,
    status: String,
    timestamp: String,
    biz_opaque_callback_data: Option<String>,
    #[serde(default)]
    errors: Vec<WireError>,
}

#[derive(Deserialize)]
struct WireError {
    code: u32,
}

#[derive(Deserialize)]
struct WireTemplate {
    message_template_name: String,
    message_template_language: String,
    event: Option<String>,
    reason: Option<String>,
    new_category: Option<String>,
    new_quality_score: Option<String>,
}

/// Reads a body. What in it cannot be read, or is of no use, is counted.
///
/// # Errors
/// The body as a whole is no JSON of that form.
pub(crate) fn read(body: &[u8]) -> Result<Delivery, serde_json::Error> {
    let body: Body = json::strict(body)?;
    let mut delivery = Delivery::default();
    for entry in body.entry {
        let Some(entry) = part::<Entry>(entry, &mut delivery) else {
            continue;
        };
        if !is_object_id(&entry.id) {
            delivery.malformed = delivery.malformed.saturating_add(1);
            continue;
        }
        for change in &entry.changes {
            if let Some(change) = part::<Change>(change.clone(), &mut delivery) {
                read_change(&entry, change, &mut delivery);
            }
        }
    }
    Ok(delivery)
}

/// Whether it can be a key.
fn is_object_id(id: &str) -> bool {
    (1..=LONGEST_OBJECT_ID).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_digit())
}

/// One part, counted where it cannot be read.
fn part<T: serde::de::DeserializeOwned>(value: Value, delivery: &mut Delivery) -> Option<T> {
    let read = serde_json::from_value(value).ok();
    if read.is_none() {
        delivery.malformed = delivery.malformed.saturating_add(1);
    }
    read
}

fn read_change(entry: &Entry, change: Change, delivery: &mut Delivery) {
    match change.field.as_str() {
        "messages" => {
            if let Some(messages) = part::<Messages>(change.value, delivery) {
                read_messages(messages, delivery);
            }
        }
        "message_template_status_update"
        | "template_category_update"
        | "message_template_quality_update" => {
            if let Some(template) = part::<WireTemplate>(change.value, delivery) {
                read_template(entry, template, delivery);
            }
        }
        _ => delivery.ignored = delivery.ignored.saturating_add(1),
    }
}

fn read_messages(messages: Messages, delivery: &mut Delivery) {
    let number = messages.metadata.phone_number_id;
    if !is_object_id(&number) {
        delivery.malformed = delivery.malformed.saturating_add(1);
        return;
    }
    for message in messages.messages {
        let Some(wire) = part::<WireMessage>(message, delivery) else {
            continue;
        };
        match wire.inbound(&number) {
            Some(inbound) => delivery.messages.push(inbound),
            None => delivery.malformed = delivery.malformed.saturating_add(1),
        }
    }
    for status in messages.statuses {
        let Some(wire) = part::<WireStatus>(status, delivery) else {
            continue;
        };
        match wire.heard(&number) {
            Reading::Taken(heard) => delivery.receipts.push(heard),
            Reading::Malformed => delivery.malformed = delivery.malformed.saturating_add(1),
            Reading::Ignored => delivery.ignored = delivery.ignored.saturating_add(1),
        }
    }
}

enum Reading<T> {
    Taken(T),
    Malformed,
    /// Of a kind that nothing here takes.
    Ignored,
}

/// Seconds since 1970 as a text.
fn instant(text: &str) -> Option<Timestamp> {
    Timestamp::from_second(text.parse().ok()?).ok()
}

impl WireMessage {
    fn inbound(self, number: &str) -> Option<Inbound> {
        if self.id.is_empty() || self.id.len() > LONGEST_ID {
            return None;
        }
        let from = self.from.as_deref().map(Phone::from_digits).transpose();
        Some(Inbound {
            number: number.to_owned(),
            from: from.ok()?,
            text: match (self.text, self.button) {
                (Some(text), _) => Some(text.body),
                (None, pressed) => pressed.map(|button| button.text),
            },
            at: instant(&self.timestamp)?,
            id: self.id,
        })
    }
}

impl WireStatus {
    fn heard(self, number: &str) -> Reading<Heard> {
        let report = match self.status.as_str() {
            "sent" => Report::Sent,
            "delivered" => Report::Delivered,
            "read" => Report::Read,
            "failed" => {
                let code = self.errors.first().map(|error| error.code);
                Report::Failed(verdict::whatsapp(code, 200))
            }
            _ => return Reading::Ignored,
        };
        let (Ok(vendor_id), Some(at)) = (VendorId::parse(&self.id), instant(&self.timestamp))
        else {
            return Reading::Malformed;
        };
        // One that is not of our form is another sender's of the same number.
        let ours = self.biz_opaque_callback_data.as_deref();
        Reading::Taken(Heard {
            number: number.to_owned(),
            message: ours.and_then(|id| MessageId::parse(id).ok()),
            receipt: Receipt { vendor_id, report },
            at,
        })
    }
}

fn read_template(entry: &Entry, wire: WireTemplate, delivery: &mut Delivery) {
    let at = entry
        .time
        .and_then(|second| Timestamp::from_second(second).ok());
    let Some(at) = at else {
        delivery.malformed = delivery.malformed.saturating_add(1);
        return;
    };
    match wire.told() {
        Some((kind, language, news)) => delivery.templates.push(TemplateNews {
            account: entry.id.clone(),
            kind,
            language,
            news,
            at,
        }),
        None => delivery.ignored = delivery.ignored.saturating_add(1),
    }
}

impl WireTemplate {
    /// None for a template that is none of ours, and for news that change nothing.
    fn told(self) -> Option<(Kind, Language, News)> {
        let kind = Kind::parse(&self.message_template_name).ok()?;
        let language = match self.message_template_language.as_str() {
            "id" => Language::Indonesian,
            "en" => Language::English,
            _ => return None,
        };
        let news = if let Some(event) = self.event {
            let reason = self.reason.filter(|reason| reason != "NONE");
            News::Status(TemplateStatus::after_event(&event)?, reason)
        } else if let Some(category) = self.new_category {
            News::Category(category_of(&category)?)
        } else {
            News::Quality(Quality::parse(&self.new_quality_score?).ok()?)
        };
        Some((kind, language, news))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn status(id: &str) -> Value {
        json!({"id": id, "status": "sent", "timestamp": "1796000000",
               "biz_opaque_callback_data": "m-1"})
    }

    fn statuses(statuses: Vec<Value>) -> Value {
        json!({"field": "messages", "value": {
            "metadata": {"phone_number_id": "1"}, "statuses": statuses}})
    }

    fn body(entry: Value) -> Vec<u8> {
        json!({"object": "whatsapp_business_account", "entry": entry})
            .to_string()
            .into_bytes()
    }

    #[test]
    fn e11_one_malformed_receipt_of_150_leaves_149() {
        let many = || (0..50).map(|nth| status(&nth.to_string())).collect();
        let mut bent: Vec<Value> = many();
        bent[7] = json!({"id": 7});
        let entries = json!([
            {"id": "9", "changes": [statuses(many()), statuses(bent)]},
            {"id": "9", "changes": [statuses(many())]},
        ]);
        let delivery = read(&body(entries)).unwrap();
        assert_eq!((delivery.receipts.len(), delivery.malformed), (149, 1));
        assert_eq!(
            delivery.receipts[0].message,
            Some(MessageId::parse("m-1").unwrap())
        );
    }

    #[test]
    fn an_id_that_can_be_no_key_spoils_its_own_part_alone() {
        let text = |number: &str| {
            json!({"field": "messages", "value": {
                "metadata": {"phone_number_id": number},
                "messages": [{"id": "a", "from": "6281200000001", "timestamp": "1796000000",
                              "text": {"body": "STOP"}}]}})
        };
        let long = "9".repeat(5_000);
        let entries = json!([
            {"id": "9", "changes": [text(&long), text("1/2"), text("1")]},
            {"id": long, "changes": [text("1")]},
        ]);
        let delivery = read(&body(entries)).unwrap();
        assert_eq!((delivery.messages.len(), delivery.malformed), (1, 3));
    }

    #[test]
    fn a_pressed_button_is_heard_as_its_text() {
        let pressed = json!({"field": "messages", "value": {
            "metadata": {"phone_number_id": "1"},
            "messages": [{"id": "a", "from": "6281200000001", "timestamp": "1796000000",
                          "type": "button", "button": {"text": "STOP", "payload": "STOP"}}]}});
        let entries = json!([{"id": "9", "changes": [pressed]}]);
        let delivery = read(&body(entries)).unwrap();
        assert_eq!(delivery.messages[0].text.as_deref(), Some("STOP"));
    }

    #[test]
    fn parts_of_any_other_form_are_counted_and_spoil_nothing() {
        let text = json!({"id": "a", "from": "6281200000001", "timestamp": "1796000000",
                          "type": "text", "text": {"body": "Halo"}});
        let hidden = json!({"id": "b", "from_user_id": "ID.1", "timestamp": "1796000000",
                            "type": "text", "text": {"body": "STOP"}});
        let mut nobody = text.clone();
        nobody["from"] = json!("0812");
        let mut never = text.clone();
        never["timestamp"] = json!("yesterday");
        let messages = json!({"field": "messages", "value": {
            "metadata": {"phone_number_id": "1"}, "messages": [text, hidden, nobody, never, 3]}});
        let played = json!({"id": "x", "status": "played", "timestamp": "1796000000"});
        let entries = json!([
            "no entry",
            {"id": "9", "changes": [messages, statuses(vec![played]), {"field": "flows", "value": {}}, 5]},
            {"id": "9", "changes": [{"field": "messages", "value": {"messages": []}}]},
        ]);
        let delivery = read(&body(entries)).unwrap();
        let from: Vec<bool> = delivery
            .messages
            .iter()
            .map(|message| message.from.is_some())
            .collect();
        assert_eq!(from, [true, false]);
        assert_eq!((delivery.malformed, delivery.ignored), (6, 2));
    }

    #[test]
    fn news_of_templates_are_read_with_their_time() {
        let template = |field: &str, more: Value| {
            let mut value = json!({"message_template_id": 1_689_556_908_129_832_i64,
                "message_template_name": "monthly_bill", "message_template_language": "id"});
            value
                .as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            json!({"field": field, "value": value})
        };
        let changes = vec![
            template(
                "message_template_status_update",
                json!({"event": "REJECTED", "reason": "INVALID_FORMAT"}),
            ),
            template(
                "message_template_status_update",
                json!({"event": "FLAGGED", "reason": "NONE"}),
            ),
            template(
                "template_category_update",
                json!({"new_category": "MARKETING"}),
            ),
            template(
                "message_template_quality_update",
                json!({"new_quality_score": "RED"}),
            ),
            template(
                "message_template_status_update",
                json!({"message_template_name": "another", "event": "APPROVED"}),
            ),
        ];
        let entry = json!([{"id": "9", "time": 1_796_000_000, "changes": changes}]);
        let delivery = read(&body(entry)).unwrap();
        let news: Vec<&News> = delivery.templates.iter().map(|one| &one.news).collect();
        let reason = Some("INVALID_FORMAT".to_owned());
        assert_eq!(
            news,
            [
                &News::Status(TemplateStatus::Rejected, reason),
                &News::Category(pesan_domain::message::Category::Marketing),
                &News::Quality(Quality::Red),
            ]
        );
        assert_eq!(delivery.ignored, 2);
    }

    #[test]
    fn a_body_of_another_form_is_refused_as_a_whole() {
        for bad in ["", "[]x", "3", r#"{"entry":"x"}"#, r#"{"entry":[]"#] {
            assert!(read(bad.as_bytes()).is_err(), "{bad}");
        }
        let empty = read(br#"{"text":"caf\u00e9"}"#).unwrap();
        assert!(empty.messages.is_empty());
    }
}
