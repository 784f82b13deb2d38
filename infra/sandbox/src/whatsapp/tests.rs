mod limits;
mod send;
mod templates;
mod webhooks;

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::{Value, json};

use super::{WhatsAppAccount, WhatsAppApp};
use crate::testing::Rig;

const PHONE: &str = "6281200000001";
const INBOX: &str = "/sandbox/whatsapp/6281200000001";
const TEXT: &str = "/sandbox/whatsapp/6281200000001/text";
const PRESS: &str = "/sandbox/whatsapp/6281200000001/press";
const MESSAGES: &str = "1000001/messages";
const TEMPLATES: &str = "2000001/message_templates";

fn account(merchant: &str, number: u8) -> WhatsAppAccount {
    WhatsAppAccount {
        merchant: merchant.to_owned(),
        phone_number_id: format!("100000{number}"),
        display_phone_number: format!("+62 811-1000-00{number}"),
        waba_id: format!("200000{number}"),
        access_token: format!("{merchant}-token"),
    }
}

async fn rig() -> Rig {
    let rig = Rig::new().await;
    start(&rig);
    rig
}

fn start(rig: &Rig) {
    rig.sandbox.register_whatsapp(account("demo", 1));
    rig.sandbox.register_whatsapp(account("demo2", 2));
    rig.sandbox.set_whatsapp_app(WhatsAppApp {
        app_secret: "test_app_secret".to_owned(),
        webhook_url: rig.hook_url.clone(),
        verify_token: "demo-verify-token".to_owned(),
    });
}

async fn graph_as(rig: &Rig, token: &str, method: Method, at: &str, body: Value) -> (u16, Value) {
    let request = Request::builder()
        .method(method)
        .uri(format!("/sandbox/graph.facebook.com/v23.0/{at}"))
        .header("authorization", format!("Bearer {token}"))
        .body(Body::from(body.to_string()))
        .unwrap();
    let (status, _, text) = rig.raw(request).await;
    (status.as_u16(), serde_json::from_str(&text).unwrap())
}

async fn graph(rig: &Rig, method: Method, at: &str, body: Value) -> (u16, Value) {
    graph_as(rig, "demo-token", method, at, body).await
}

async fn send(rig: &Rig, message: Value) -> (u16, Value) {
    let answer = graph(rig, Method::POST, MESSAGES, to(PHONE, message)).await;
    settled(rig).await;
    answer
}

/// A send call's body to this phone.
fn to(phone: &str, message: Value) -> Value {
    let mut body = json!({
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": format!("+{phone}"),
    });
    let more = message.as_object().unwrap().clone();
    body.as_object_mut().unwrap().extend(more);
    body
}

/// Every webhook under way was answered.
async fn settled(rig: &Rig) {
    while rig.sandbox.in_flight() > 0 {
        tokio::task::yield_now().await;
    }
}

fn code((status, answer): &(u16, Value)) -> (u16, u64) {
    (
        *status,
        answer["error"]["code"].as_u64().unwrap_or_default(),
    )
}

fn bill_template() -> Value {
    json!({
        "name": "bill", "language": "id", "category": "utility",
        "components": [
            {"type": "body", "text": "Halo {{1}}, tagihan Anda {{2}} jatuh tempo.",
             "example": {"body_text": [["Budi", "Rp150.000"]]}},
            {"type": "footer", "text": "Balas STOP untuk berhenti"},
            {"type": "buttons", "buttons": [
                {"type": "url", "text": "Bayar", "url": "https://pesan.example/{{1}}",
                 "example": ["https://pesan.example/b/x"]},
                {"type": "quick_reply", "text": "Setujui"},
                {"type": "quick_reply", "text": "Tolak"},
            ]},
        ],
    })
}

fn code_template() -> Value {
    json!({
        "name": "code", "language": "en_US", "category": "authentication",
        "components": [
            {"type": "body", "add_security_recommendation": true},
            {"type": "footer", "code_expiration_minutes": 5},
            {"type": "buttons", "buttons": [
                {"type": "otp", "otp_type": "copy_code", "text": "Copy Code"},
            ]},
        ],
    })
}

async fn create(rig: &Rig, template: Value) -> (u16, Value) {
    let answer = graph(rig, Method::POST, TEMPLATES, template).await;
    settled(rig).await;
    answer
}

fn bill() -> Value {
    json!({"type": "template", "biz_opaque_callback_data": "m-1", "template": {
    "name": "bill", "language": {"code": "id"}, "components": [
        {"type": "body", "parameters": [
            {"type": "text", "text": "{{2}} & é"}, {"type": "text", "text": "Rp150.000"}]},
        {"type": "button", "sub_type": "url", "index": "0",
         "parameters": [{"type": "text", "text": "b/Ab3"}]},
        {"type": "button", "sub_type": "quick_reply", "index": 1,
         "parameters": [{"type": "payload", "payload": "yes-1"}]},
    ]}})
}

fn otp(body: &str, button: &str) -> Value {
    json!({"type": "template", "template": {
    "name": "code", "language": {"code": "en_US"}, "components": [
        {"type": "body", "parameters": [{"type": "text", "text": body}]},
        {"type": "button", "sub_type": "url", "index": "0",
         "parameters": [{"type": "text", "text": button}]},
    ]}})
}

fn text(body: &str) -> Value {
    json!({"type": "text", "text": {"body": body}})
}

/// Opens the window.
async fn write(rig: &Rig, text: &str) {
    let said = rig.post(TEXT, json!({"text": text}));
    assert_eq!(said.await, (200, json!({"ok": true, "status": 200})));
}

/// The statuses that the webhook heard, in order.
fn statuses(rig: &Rig) -> Vec<String> {
    let bodies = rig.hook.bodies();
    let receipts = bodies.iter().flat_map(|body| {
        let entries = body["entry"].as_array().unwrap().iter();
        let changes = entries.flat_map(|entry| entry["changes"].as_array().unwrap());
        changes.flat_map(|change| change["value"]["statuses"].as_array().into_iter().flatten())
    });
    receipts
        .map(|receipt| receipt["status"].as_str().unwrap().to_owned())
        .collect()
}

/// What differs from run to run gets a name.
fn fixed(value: &Value) -> String {
    let mut value = value.clone();
    mask(&mut value);
    serde_json::to_string_pretty(&value).unwrap()
}

fn mask(value: &mut Value) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(mask),
        Value::Object(fields) => fields.iter_mut().for_each(|(name, value)| {
            let text = value.as_str().unwrap_or_default();
            match name.as_str() {
                "id" if text.starts_with("wamid.") => *value = json!("wamid"),
                "timestamp" if text.len() == 10 => *value = json!("seconds"),
                "time" if value.is_u64() => *value = json!("seconds"),
                "message_template_id" if value.is_u64() => *value = json!("number"),
                "fbtrace_id" if !text.is_empty() => *value = json!("trace"),
                _ => mask(value),
            }
        }),
        _ => {}
    }
}
