//! A table, the vendors' and AWS' wire as far as a message meets them, and a customer who has paid.

#![allow(
    dead_code,
    clippy::allow_attributes,
    reason = "each test file uses a part of it"
)]

pub mod billing;
pub mod gate;
pub mod whatsapp;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType,
    ScalarAttributeType,
};
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use jiff::civil::{date, time};
use jiff::{SignedDuration, Timestamp};
use pesan_adapters::clock::Clock;
use pesan_adapters::dynamodb::{
    Announced, Booking, ChatRecord, DueKind, Look, MessageRecord, SHARDS, StoreError,
};
use pesan_adapters::events::Envelope;
use pesan_domain::calendar::{SlotTime, Zone};
use pesan_domain::dialogue::{Chat, Dialogue};
use pesan_domain::ids::{BookingCode, ItemId, MerchantId, OrderId};
use pesan_domain::language::Language;
use pesan_domain::merchant::{Merchant, MidtransAccount, MidtransEnvironment, Slots};
use pesan_domain::money::Rupiah;
use pesan_domain::payment::Payment;
use pesan_domain::reservation::{Reservation, ReservationState};
use pesan_service::notification::{self, Notification};
use pesan_service::{App, Config, messages, relay};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha512};
use tokio::net::TcpListener;
use tokio::sync::Notify;

pub const CHAT: i64 = 7_001;

/// How Telegram takes a message.
#[derive(Clone, Debug)]
pub enum Does {
    /// Takes it and says so.
    Takes,
    /// Refuses it with a body of its own.
    Refuses(u16, Value),
    /// Takes it; the answer is lost on the way back.
    TakesUnsaid,
    /// Never answers; whether it takes it before.
    Hangs { taken: bool },
}

/// What stands in for the vendors and AWS.
#[derive(Default)]
pub struct Stand {
    pub telegram: Mutex<VecDeque<Does>>,
    /// The chats and texts that Telegram took.
    pub told: Mutex<Vec<(i64, String)>>,
    /// Every call to Telegram, with the token.
    pub calls: Mutex<Vec<String>>,
    pub reached: Notify,
    /// The entries that the bus took.
    pub bus: Mutex<VecDeque<Value>>,
    /// Entries in each call to the bus.
    pub puts: Mutex<Vec<usize>>,
    /// How many further entries the bus refuses, each alone.
    pub bus_refuses: Mutex<usize>,
    /// Whether the bus is down.
    pub bus_down: Mutex<bool>,
    /// The status of every transaction.
    pub status: Mutex<Value>,
    /// How often a status was asked for.
    pub asked: AtomicUsize,
    pub token: Mutex<String>,
    pub meta: whatsapp::Meta,
}

impl Stand {
    async fn answer(self: Arc<Self>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
        let path = uri.path().to_owned();
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        if let Some(bot) = path.strip_prefix("/telegram/bot") {
            return self.telegram(bot, &body).await;
        }
        if path.starts_with("/graph/") {
            return self.meta.answer(&headers, &body, &self.reached).await;
        }
        let target = headers
            .get("x-amz-target")
            .map(|value| value.to_str().unwrap());
        let (status, answer) = match target {
            Some("AmazonSSM.GetParameters") => (200, self.parameters(&body)),
            Some("AWSEvents.PutEvents") => self.put_events(&body),
            _ => self.status(),
        };
        reply(status, &answer)
    }

    fn status(&self) -> (u16, Value) {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let unknown = json!({"status_code": "404", "status_message": "Transaction doesn't exist."});
        let status = self.status.lock().unwrap().clone();
        (200, if status.is_null() { unknown } else { status })
    }

    async fn telegram(&self, bot: &str, body: &Value) -> Response {
        let (token, _) = bot.split_once('/').unwrap();
        self.calls.lock().unwrap().push(token.to_owned());
        if token != self.token.lock().unwrap().as_str() {
            let refusal = json!({"ok": false, "error_code": 401, "description": "Unauthorized"});
            return reply(401, &refusal);
        }
        let does = self.telegram.lock().unwrap().pop_front();
        let does = does.unwrap_or(Does::Takes);
        let taken = !matches!(does, Does::Refuses(..) | Does::Hangs { taken: false });
        let id = {
            let mut told = self.told.lock().unwrap();
            if taken {
                let text = body["text"].as_str().unwrap().to_owned();
                told.push((body["chat_id"].as_i64().unwrap(), text));
            }
            told.len()
        };
        match does {
            Does::Takes => reply(200, &json!({"ok": true, "result": {"message_id": id}})),
            Does::Refuses(status, body) => reply(status, &body),
            Does::TakesUnsaid => reply(504, &json!("gateway timeout")),
            Does::Hangs { .. } => {
                self.reached.notify_one();
                std::future::pending().await
            }
        }
    }

    fn parameters(&self, body: &Value) -> Value {
        let name = body["Names"][0].as_str().unwrap();
        let value = match name.rsplit('/').next().unwrap() {
            "telegram-token" => self.token.lock().unwrap().clone(),
            "whatsapp-token" => self.meta.token.lock().unwrap().clone(),
            "midtrans-server-key" => SERVER_KEY.to_owned(),
            _ => "a link key of the test".to_owned(),
        };
        let found = json!([{"Name": name, "Value": value, "Type": "SecureString"}]);
        let empty = value.is_empty();
        json!({"Parameters": if empty { json!([]) } else { found }, "InvalidParameters": []})
    }

    fn put_events(&self, body: &Value) -> (u16, Value) {
        let entries = body["Entries"].as_array().unwrap();
        self.puts.lock().unwrap().push(entries.len());
        if *self.bus_down.lock().unwrap() {
            return (400, json!({"__type": "ResourceNotFoundException"}));
        }
        let mut refuses = self.bus_refuses.lock().unwrap();
        let mut failed = 0;
        let results: Vec<Value> = entries
            .iter()
            .map(|entry| {
                if *refuses > 0 {
                    *refuses -= 1;
                    failed += 1;
                    return json!({"ErrorCode": "ThrottlingException"});
                }
                self.bus.lock().unwrap().push_back(entry.clone());
                json!({"EventId": "e"})
            })
            .collect();
        (200, json!({"FailedEntryCount": failed, "Entries": results}))
    }
}

pub fn reply(status: u16, body: &Value) -> Response {
    let status = StatusCode::from_u16(status).unwrap();
    let headers = [("content-type", "application/x-amz-json-1.1")];
    (status, headers, body.to_string()).into_response()
}

pub const SERVER_KEY: &str = "SB-Mid-server-test";

/// A deployment of the test's own.
pub struct World {
    pub app: App,
    pub stand: Arc<Stand>,
    pub clock: Clock,
    pub variables: Vec<(String, String)>,
    offset: Arc<AtomicI64>,
    dynamodb: aws_sdk_dynamodb::Client,
}

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub const MORNING: &str = "2026-12-01T08:00:00+07:00";

impl World {
    pub async fn new() -> Self {
        let table = table().await;
        Self::over(&table, &table).await
    }

    /// Over a table that the functions reach at another address than the test.
    pub async fn over(table: &str, dynamodb_url: &str) -> Self {
        let stand = Arc::new(Stand::default());
        *stand.token.lock().unwrap() = "1:test".to_owned();
        let stand_url = serve(Arc::clone(&stand)).await;
        let variables: Vec<(String, String)> = [
            ("AWS_REGION", "ap-southeast-3".to_owned()),
            ("AWS_ACCESS_KEY_ID", "test".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
            ("AWS_ENDPOINT_URL_DYNAMODB", dynamodb_url.to_owned()),
            ("AWS_ENDPOINT_URL_SSM", stand_url.clone()),
            ("AWS_ENDPOINT_URL_EVENTBRIDGE", stand_url.clone()),
            ("EVENT_BUS_NAME", "pesan".to_owned()),
            ("TABLE_NAME", "pesan".to_owned()),
            ("PARAMETER_PREFIX", "/pesan/test".to_owned()),
            ("PUBLIC_BASE_URL", "https://pesan.example.com".to_owned()),
            ("TELEGRAM_API_URL", format!("{stand_url}/telegram")),
            ("MIDTRANS_API_URL", stand_url.clone()),
            ("WHATSAPP_API_URL", format!("{stand_url}/graph")),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
        let offset = Arc::new(AtomicI64::new(0));
        let clock = Clock::turnable(Arc::clone(&offset));
        let world = Self {
            app: Self::app_of(&variables, clock.clone()),
            stand,
            clock,
            variables,
            offset,
            dynamodb: client(table),
        };
        world.set(MORNING);
        world.app.store.add_merchant(&shop()).await.unwrap();
        world
    }

    fn app_of(variables: &[(String, String)], clock: Clock) -> App {
        let config = Config::read(|name| {
            let found = variables.iter().find(|(variable, _)| variable == name);
            found.map(|(_, value)| value.clone())
        });
        App::new(&config.unwrap(), clock).unwrap()
    }

    /// As a new environment would have it, with nothing in memory.
    pub fn another_app(&self) -> App {
        Self::app_of(&self.variables, self.clock.clone())
    }

    /// The same over another way to the table.
    pub fn app_over(&self, dynamodb: &str) -> App {
        let mut variables = self.variables.clone();
        for (name, value) in &mut variables {
            if name == "AWS_ENDPOINT_URL_DYNAMODB" {
                dynamodb.clone_into(value);
            }
        }
        Self::app_of(&variables, self.clock.clone())
    }

    pub fn set(&self, instant: &str) {
        let to = at(instant).duration_since(Clock::system().now());
        let to = i64::try_from(to.as_millis()).unwrap();
        self.offset.store(to, Ordering::SeqCst);
    }

    pub fn turn(&self, seconds: i64) {
        self.offset.fetch_add(seconds * 1_000, Ordering::SeqCst);
    }

    pub fn telegram(&self, does: impl IntoIterator<Item = Does>) {
        self.stand.telegram.lock().unwrap().extend(does);
    }

    pub fn told(&self) -> usize {
        self.stand.told.lock().unwrap().len()
    }

    /// Books a seat in the chat of this number.
    pub async fn book(&self, number: u32, chat: i64) -> BookingCode {
        let now = self.clock.now();
        let code = BookingCode::from_number(number);
        let order_id = OrderId::of(&code, 1);
        let held_until = now + SignedDuration::from_mins(60);
        let mut record = Chat::new(Language::Indonesian, "Budi".to_owned());
        let look = Look {
            chat: Some(chat),
            ..Look::default()
        };
        let found = self.app.store.look(&shop().id, look).await.unwrap();
        record.version = found.chat.map_or(0, |found| found.chat.version) + 1;
        record.dialogue = Dialogue::Booked { code: code.clone() };
        let record = ChatRecord::new(chat, record.clone()).after(i64::from(number), record);
        let reservation = Reservation {
            code: code.clone(),
            chat,
            customer_name: "Budi".to_owned(),
            language: Language::Indonesian,
            item: ItemId::parse("iphone-x-battery").unwrap(),
            device: "iPhone X".to_owned(),
            part: "Battery".to_owned(),
            price: Rupiah::new(70_000),
            date: date(2026, 12, 5),
            slot: slot(),
            seat: u8::try_from(number).unwrap(),
            state: ReservationState::Held,
            held_until,
            made_at: now,
            order_id: order_id.clone(),
            version: 1,
        };
        let payment = Payment::new(order_id, Rupiah::new(70_000), held_until, now);
        let booking = Booking {
            chat: &record,
            reservation: &reservation,
            payment: &payment,
            link_hash: &format!("hash-{number}"),
            now,
        };
        self.app.store.book(&shop(), &booking).await.unwrap();
        code
    }

    /// Midtrans says that this became of an order's one transaction.
    pub async fn notify(&self, code: &BookingCode, status: &str, status_code: &str) {
        self.notify_with(code, status, status_code, json!({})).await;
    }

    /// Something becomes of an order's one transaction at Midtrans, and nobody is told.
    pub fn silently(&self, code: &BookingCode, status: &str, status_code: &str) -> Value {
        let order = code.as_str().to_owned();
        let jakarta = self.clock.now().to_zoned(Zone::Jakarta.tz());
        let body = json!({
            "order_id": order,
            "transaction_id": format!("t-{order}"),
            "transaction_status": status,
            "status_code": status_code,
            "gross_amount": "70000.00",
            "fraud_status": "accept",
            "settlement_time": jakarta.strftime("%Y-%m-%d %H:%M:%S").to_string(),
        });
        *self.stand.status.lock().unwrap() = body.clone();
        body
    }

    pub async fn notify_with(
        &self,
        code: &BookingCode,
        status: &str,
        status_code: &str,
        more: Value,
    ) {
        let mut body = self.silently(code, status, status_code);
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        *self.stand.status.lock().unwrap() = body.clone();
        notified(&self.app, &body).await;
    }

    /// A customer books and pays; their receipt waits in the outbox.
    pub async fn paid(&self) -> BookingCode {
        let code = self.book(1, CHAT).await;
        self.notify(&code, "settlement", "200").await;
        code
    }

    pub async fn rows(
        &self,
        partition: &str,
    ) -> Vec<std::collections::HashMap<String, AttributeValue>> {
        let (mut rows, mut start) = (vec![], None);
        loop {
            let page = self
                .dynamodb
                .scan()
                .table_name("pesan")
                .set_exclusive_start_key(start)
                .send()
                .await
                .unwrap();
            rows.extend(page.items.unwrap_or_default());
            start = page.last_evaluated_key;
            if start.is_none() {
                break;
            }
        }
        rows.retain(|row| row["PK"].as_s().unwrap().starts_with(partition));
        rows
    }

    /// The outbox as the table's stream shows it: each row's image.
    pub async fn images(&self) -> Vec<Value> {
        let rows = self.rows("OUTBOX#").await;
        let text = |value: &AttributeValue| json!({"S": value.as_s().unwrap()});
        rows.iter()
            .map(|row| {
                row.iter()
                    .map(|(name, value)| (name.clone(), text(value)))
                    .collect()
            })
            .collect()
    }

    /// A stream's event of everything in the outbox.
    pub async fn stream_event(&self) -> Value {
        let records: Vec<Value> = (1..)
            .zip(self.images().await)
            .map(|(number, image): (u32, Value)| {
                json!({
                    "eventID": number.to_string(),
                    "eventName": "INSERT",
                    "eventSource": "aws:dynamodb",
                    "dynamodb": {
                        "Keys": {"PK": image["PK"], "SK": image["SK"]},
                        "NewImage": image,
                        "SequenceNumber": format!("{number:021}"),
                        "StreamViewType": "NEW_IMAGE",
                    },
                })
            })
            .collect();
        json!({"Records": records})
    }

    /// The relay runs over the outbox.
    pub async fn relay(&self) -> Vec<bool> {
        let rows: Vec<Announced> = self
            .images()
            .await
            .iter()
            .map(|image| Announced::of_stream(image).unwrap().unwrap())
            .collect();
        relay::take(&self.app, self.app.bus.as_ref().unwrap(), &rows).await
    }

    /// What the bus has handed to the queue.
    pub fn queued(&self) -> Vec<Envelope> {
        let entries = std::mem::take(&mut *self.stand.bus.lock().unwrap());
        entries
            .iter()
            .map(|entry| Envelope::parse(entry["Detail"].as_str().unwrap()).unwrap())
            .collect()
    }

    /// Relay and sender run.
    pub async fn deliver(&self) {
        self.relay().await;
        let queued = self.queued();
        let seen_to = messages::take(&self.app, &queued).await;
        assert!(seen_to.iter().all(|seen_to| *seen_to), "{seen_to:?}");
    }

    /// A sender dies while it waits for Telegram.
    pub async fn deliver_and_die(&self) -> Vec<Envelope> {
        self.relay().await;
        let queued = self.queued();
        tokio::select! {
            _ = messages::take(&self.app, &queued) => panic!("it was to die"),
            () = self.stand.reached.notified() => {}
        }
        queued
    }

    /// Every message, oldest first.
    pub async fn messages(&self) -> Vec<MessageRecord> {
        let rows = self.rows("MSG#").await;
        let ids: Vec<_> = rows
            .iter()
            .map(|row| pesan_domain::ids::MessageId::parse(row["id"].as_s().unwrap()).unwrap())
            .collect();
        let found = self.app.store.messages(&ids).await.unwrap();
        let mut found: Vec<MessageRecord> = found
            .into_values()
            .collect::<Result<_, StoreError>>()
            .unwrap();
        found.sort_by_key(|record| record.message.made_at);
        found
    }

    pub async fn message(&self) -> MessageRecord {
        let mut messages = self.messages().await;
        assert_eq!(messages.len(), 1);
        messages.remove(0)
    }

    /// The name of the one message's state.
    pub async fn state(&self) -> &'static str {
        self.message().await.message.state.name()
    }

    /// How many messages are due at some time.
    pub async fn due(&self) -> usize {
        let mut due = 0;
        for shard in 0..SHARDS {
            let rows = self
                .app
                .store
                .due(shard, Timestamp::MAX, None, 100)
                .await
                .unwrap();
            due += rows
                .iter()
                .filter(|due| matches!(due.kind, DueKind::Message(_)))
                .count();
        }
        due
    }

    /// Writes a row back as it was.
    pub async fn restore(&self, row: std::collections::HashMap<String, AttributeValue>) {
        let put = self.dynamodb.put_item().table_name("pesan");
        put.set_item(Some(row)).send().await.unwrap();
    }

    /// Writes any row.
    pub async fn put(&self, row: &[(&str, &str)]) {
        let item = row
            .iter()
            .map(|(name, value)| ((*name).to_owned(), AttributeValue::S((*value).to_owned())))
            .collect();
        let put = self.dynamodb.put_item().table_name("pesan");
        put.set_item(Some(item)).send().await.unwrap();
    }
}

/// Midtrans tells of a transaction what it answers when asked.
pub async fn notified(app: &App, body: &Value) {
    let text = |field: &str| body[field].as_str().unwrap().to_owned();
    let (order_id, status_code, gross_amount) =
        (text("order_id"), text("status_code"), text("gross_amount"));
    let signed = format!("{order_id}{status_code}{gross_amount}{SERVER_KEY}");
    let notification = Notification {
        order_id,
        status_code,
        gross_amount,
        signature_key: Sha512::digest(signed)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect(),
        transaction_id: text("transaction_id"),
        transaction_status: text("transaction_status"),
        merchant_id: "G000000001".to_owned(),
    };
    let (key, raw) = (SERVER_KEY.into(), body.to_string());
    notification::take(app, &shop().id, key, &notification, raw.as_bytes())
        .await
        .unwrap();
}

pub fn shop() -> Merchant {
    Merchant {
        id: MerchantId::parse("demo").unwrap(),
        name: "Demo".to_owned(),
        about_id: "Servis ponsel".to_owned(),
        about_en: "Phone repair".to_owned(),
        zone: Zone::Jakarta,
        bot_username: Some("demo_bot".to_owned()),
        midtrans: Some(MidtransAccount {
            merchant_id: "G000000001".to_owned(),
            client_key: "client".to_owned(),
            environment: MidtransEnvironment::Sandbox,
        }),
        slots: Slots::new(vec![slot()]).unwrap(),
        seats_per_slot: 20,
        closed_weekdays: vec![],
        closed_dates: vec![],
        horizon_days: 60,
        hold_minutes: 60,
        whatsapp: None,
        messaging: pesan_domain::messaging::Messaging::default(),
        reminders: pesan_domain::billing::Reminders::default(),
        version: 0,
    }
}

fn slot() -> SlotTime {
    SlotTime {
        start: time(9, 0, 0, 0),
        end: time(11, 0, 0, 0),
    }
}

async fn serve(stand: Arc<Stand>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = axum::Router::new().fallback(move |uri: Uri, headers: HeaderMap, body: Bytes| {
        let stand = Arc::clone(&stand);
        stand.answer(uri, headers, body)
    });
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

fn client(endpoint: &str) -> aws_sdk_dynamodb::Client {
    let aws = pesan_adapters::aws::Aws {
        region: "ap-southeast-3".to_owned(),
        credentials: aws_credential_types::Credentials::new("test", "test", None, None, "test"),
        http: pesan_adapters::http::client().unwrap(),
        dynamodb_endpoint: Some(endpoint.to_owned()),
        ssm_endpoint: None,
        eventbridge_endpoint: None,
    };
    aws.dynamodb()
}

pub async fn table() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let database = dynoxide::Database::memory().unwrap();
    tokio::spawn(dynoxide::server::serve_with_shutdown(
        listener,
        database,
        std::future::pending(),
    ));
    let attribute = |name: &str| {
        AttributeDefinition::builder()
            .attribute_name(name)
            .attribute_type(ScalarAttributeType::S)
            .build()
            .unwrap()
    };
    let key = |name: &str, kind| {
        KeySchemaElement::builder()
            .attribute_name(name)
            .key_type(kind)
            .build()
            .unwrap()
    };
    client(&endpoint)
        .create_table()
        .table_name("pesan")
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(attribute("PK"))
        .attribute_definitions(attribute("SK"))
        .key_schema(key("PK", KeyType::Hash))
        .key_schema(key("SK", KeyType::Range))
        .send()
        .await
        .unwrap();
    endpoint
}
