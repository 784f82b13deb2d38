//! What Meta sends to the webhook, made and signed by hand.

use hmac::{Hmac, KeyInit, Mac};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::Stack;

/// The secret of the deployment's app.
pub const APP_SECRET: &str = "demo-app-secret";
/// The header that proves it.
pub const SIGNATURE_HEADER: &str = "X-Hub-Signature-256";
/// The number of the merchant `demo`.
pub const NUMBER: &str = "1000001";
/// The business account of the merchant `demo`.
pub const ACCOUNT: &str = "2000001";
/// [`crate::MORNING`] in seconds.
pub const MORNING_SECONDS: i64 = 1_796_086_800;

/// The header over these bytes.
pub fn sign(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    let digest = data_encoding::HEXLOWER.encode(&mac.finalize().into_bytes());
    format!("sha256={digest}")
}

/// A body of changes in one entry.
pub fn body(account: &str, changes: &[Value]) -> Value {
    json!({
        "object": "whatsapp_business_account",
        "entry": [{"id": account, "time": MORNING_SECONDS, "changes": changes}],
    })
}

/// A change that carries messages to a number.
pub fn messages(number: &str, messages: &[Value]) -> Value {
    json!({"field": "messages", "value": {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "628111000001", "phone_number_id": number},
        "messages": messages,
    }})
}

/// A change that carries receipts of a number.
pub fn statuses(number: &str, statuses: &[Value]) -> Value {
    json!({"field": "messages", "value": {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "628111000001", "phone_number_id": number},
        "statuses": statuses,
    }})
}

/// A typed text.
pub fn typed(id: &str, from: &str, text: &str, second: i64) -> Value {
    json!({"from": from, "id": id, "timestamp": second.to_string(),
           "type": "text", "text": {"body": text}})
}

/// A body with one typed text to the merchant `demo`.
pub fn said(id: &str, from: &str, text: &str, second: i64) -> Value {
    body(
        ACCOUNT,
        &[messages(NUMBER, &[typed(id, from, text, second)])],
    )
}

impl Stack {
    /// Sends bytes to the webhook with any header.
    pub async fn hook_bytes(&self, bytes: Vec<u8>, signature: Option<&str>) -> Response {
        let mut request = self
            .request(Method::POST, "/whatsapp")
            .header("Content-Type", "application/json");
        if let Some(signature) = signature {
            self.keep_private(signature);
            request = request.header(SIGNATURE_HEADER, signature);
        }
        request.body(bytes).send().await.unwrap()
    }

    /// Sends a body to the webhook as Meta would.
    pub async fn hook(&self, body: &Value) -> Response {
        let bytes = body.to_string().into_bytes();
        let signature = sign(APP_SECRET, &bytes);
        self.hook_bytes(bytes, Some(&signature)).await
    }

    /// What a phone got, oldest first, once nothing is on its way any more.
    pub async fn inbox(&self, phone: &str) -> Vec<String> {
        self.keep_private(phone);
        self.idle().await;
        let inbox = self.get_json(&format!("/sandbox/whatsapp/{phone}")).await;
        let messages = inbox["messages"].as_array().unwrap().iter();
        messages
            .map(|message| message["text"].as_str().unwrap().to_owned())
            .collect()
    }

    /// A person writes to the merchant `demo`; what the webhook answered last.
    pub async fn writes(&self, phone: &str, text: &str, times: u8) -> Value {
        self.keep_private(phone);
        let path = format!("/sandbox/whatsapp/{phone}/text");
        let body = json!({"text": text, "times": times});
        self.handle(&path, &body).await["status"].clone()
    }

    /// The one row of a contact.
    pub async fn contact(&self) -> Value {
        let rows = self.rows_at("CONTACT").await;
        assert_eq!(rows.len(), 1, "{rows:#?}");
        rows.into_iter().next().unwrap()
    }

    /// A row of the registry of the merchant `demo`: `monthly_bill#id`.
    pub async fn template_row(&self, which: &str) -> Value {
        let rows = self.rows_at(which).await;
        let ours = |row: &&Value| row["PK"]["S"] == "M#demo#TEMPLATES";
        rows.iter().find(ours).cloned().unwrap_or_default()
    }

    /// The line of a request that was answered, and which is known to come.
    pub fn line(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        self.log.line(wanted)
    }

    /// How many messages Meta was asked to send, once nothing is on its way any more.
    pub async fn sends(&self) -> usize {
        self.idle().await;
        self.count("whatsapp", Some("messages")).await
    }
}
