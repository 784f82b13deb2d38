//! The client of the Cloud API against its stand-in: what it sends is what Meta takes.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::date;
use pesan_adapters::whatsapp::{Content, GraphError, WhatsApp};
use pesan_domain::calendar::Zone;
use pesan_domain::language::Language;
use pesan_domain::message::FailReason;
use pesan_domain::message::text::{LinkPath, OtpCode, Template};
use pesan_domain::message::verdict::Verdict;
use pesan_domain::money::Rupiah;
use pesan_domain::whatsapp::Phone;
use pesan_sandbox::{Options, Sandbox, WhatsAppAccount};
use secrecy::SecretString;
use serde_json::Value;

const TEMPLATES: [&str; 3] = [
    include_str!("../../whatsapp-templates/monthly_bill.id.json"),
    include_str!("../../whatsapp-templates/one_time_code.en.json"),
    include_str!("../../whatsapp-templates/approval_request.id.json"),
];

struct Meta {
    base_url: String,
    http: reqwest::Client,
    whatsapp: WhatsApp,
    token: SecretString,
    phone: Phone,
}

impl Meta {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}", listener.local_addr().unwrap());
        let sandbox = Sandbox::open(Options {
            base_url: base_url.clone(),
            clock_offset_millis: Arc::default(),
            state_file: None,
        })
        .unwrap();
        sandbox.register_whatsapp(WhatsAppAccount {
            merchant: "demo".to_owned(),
            phone_number_id: "1".to_owned(),
            display_phone_number: "+62 811-1000-001".to_owned(),
            waba_id: "2".to_owned(),
            access_token: "token".to_owned(),
        });
        let router = sandbox.router();
        tokio::spawn(async move { axum::serve(listener, router).await });
        let http = pesan_adapters::http::client().unwrap();
        Self {
            whatsapp: WhatsApp::new(
                http.clone(),
                &format!("{base_url}/sandbox/graph.facebook.com"),
            ),
            base_url,
            http,
            token: SecretString::from("token"),
            phone: Phone::from_digits("6281200000042").unwrap(),
        }
    }

    async fn send(&self, content: Content<'_>) -> Result<String, GraphError> {
        let sent = self
            .whatsapp
            .send("1", &self.token, &self.phone, content, Some("m-1"))
            .await?;
        Ok(sent.vendor_id.as_str().to_owned())
    }

    async fn says(&self, text: &str) {
        let path = format!("/sandbox/whatsapp/{}/text", self.phone.digits());
        let body = serde_json::json!({ "text": text });
        let url = format!("{}{path}", self.base_url);
        self.http.post(url).json(&body).send().await.unwrap();
    }

    async fn inbox(&self) -> Vec<Value> {
        let path = format!("/sandbox/whatsapp/{}", self.phone.digits());
        let url = format!("{}{path}", self.base_url);
        let answer = self.http.get(url).send().await.unwrap();
        let inbox: Value = answer.json().await.unwrap();
        inbox["messages"].as_array().unwrap().clone()
    }
}

fn labels(message: &Value) -> Vec<&str> {
    let buttons = message["buttons"].as_array().unwrap();
    buttons
        .iter()
        .filter_map(|button| button["text"].as_str())
        .collect()
}

#[tokio::test]
async fn every_kind_of_content_is_taken_and_arrives() {
    let meta = Meta::start().await;
    for template in TEMPLATES {
        let template = serde_json::from_str(template).unwrap();
        let made = meta
            .whatsapp
            .create_template("2", &meta.token, &template)
            .await;
        assert_eq!(made.unwrap().status, "PENDING");
    }
    let link = LinkPath::parse("b/k7q2").unwrap();
    let bill = Template::Bill {
        name: "Budi".to_owned(),
        shop: "Jaya".to_owned(),
        period: date(2026, 11, 1),
        amount: Rupiah::new(150_000),
        due: date(2026, 12, 10),
        link: link.clone(),
    };
    let code = Template::Otp {
        code: OtpCode::parse("042137").unwrap(),
    };
    let approval = Template::Approval {
        name: "Budi".to_owned(),
        requester: "Siti".to_owned(),
        subject: "Rp1.500.000".to_owned(),
        shop: "Jaya".to_owned(),
        until: Timestamp::UNIX_EPOCH,
        zone: Zone::Jakarta,
        link,
        approve: "approve:1".to_owned(),
        reject: "reject:1".to_owned(),
    };
    for (template, language) in [
        (bill, Language::Indonesian),
        (code, Language::English),
        (approval, Language::Indonesian),
    ] {
        let call = template.call(language);
        let id = meta.send(Content::Template(&call)).await.unwrap();
        assert!(id.starts_with("wamid."));
    }
    let shut = meta.send(Content::Text("Halo")).await.unwrap_err();
    let refusal = shut.refusal().unwrap();
    assert_eq!(refusal.code, 131_047);
    assert_eq!(refusal.verdict, Verdict::FailOnce(FailReason::WindowClosed));
    meta.says("Halo").await;
    let buttons = [("pay", "Bayar"), ("later", "Nanti")];
    meta.send(Content::Buttons("Bayar sekarang?", &buttons))
        .await
        .unwrap();
    let inbox = meta.inbox().await;
    assert_eq!(inbox.len(), 4);
    let text = inbox[0]["text"].as_str().unwrap();
    assert!(text.contains("Rp150.000"), "{text}");
    assert!(inbox[1].to_string().contains("042137"));
    assert_eq!(labels(&inbox[2]), ["Setujui", "Tolak", "Lihat Rincian"]);
    assert_eq!(labels(&inbox[3]), ["Bayar", "Nanti"]);
}

#[tokio::test]
async fn a_list_of_several_pages_is_read_to_its_end() {
    let meta = Meta::start().await;
    let template: Value = serde_json::from_str(TEMPLATES[0]).unwrap();
    for nth in 0..101 {
        let mut template = template.clone();
        template["name"] = Value::String(format!("template_{nth}"));
        let made = meta
            .whatsapp
            .create_template("2", &meta.token, &template)
            .await;
        made.unwrap();
    }
    let all = meta.whatsapp.templates("2", &meta.token).await.unwrap();
    assert_eq!(all.len(), 101);
    assert!(all.iter().all(|one| one.status == "APPROVED"));
}
