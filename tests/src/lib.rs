//! A local stack of its own for each test, and a customer and a bank to act on it. Everything goes
//! over HTTP: what holds here holds for whoever else speaks that wire.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands"
)]

pub mod bill;
pub mod log;
pub mod operator;
pub mod payment;
pub mod runtime_api;
pub mod samples;
pub mod whatsapp;

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

pub use log::Log;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha512};

/// The webhook secret of the merchant `demo`.
pub const TELEGRAM_SECRET: &str = "demo-telegram-secret";
/// The header it stands in.
pub const TELEGRAM_SECRET_HEADER: &str = "X-Telegram-Bot-Api-Secret-Token";
/// The Midtrans server key of the merchant `demo`.
pub const SERVER_KEY: &str = "SB-Mid-server-demo";
/// The Midtrans account of the merchant `demo`.
pub const MIDTRANS_MERCHANT: &str = "G000000001";
/// The API key of the merchant `demo`; it has every scope.
pub const API_KEY: &str = "pk_demo_local";
/// When most tests begin: a Tuesday, an hour before the first slot.
pub const MORNING: &str = "2026-12-01T08:00:00+07:00";

/// How a stack is started.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// Its clock at the start; [`MORNING`] unless said.
    pub clock: Option<String>,
    /// Where its state is kept; in memory unless said.
    pub data: Option<PathBuf>,
    /// Another wiring than the project's.
    pub template: Option<PathBuf>,
    /// Without the demo's merchants and secrets.
    pub empty: bool,
}

/// A running local stack; it ends with this value.
pub struct Stack {
    process: Running,
    base_url: String,
    dynamodb_url: String,
    environment: Vec<(String, String)>,
    log: Log,
    http: reqwest::Client,
}

/// A binary of the workspace, beside the tests' own.
fn built(name: &str) -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let target = own.parent().and_then(Path::parent).unwrap();
    let binary = target.join(name);
    assert!(
        binary.exists(),
        "{} is not built: run cargo build --workspace",
        binary.display()
    );
    binary
}

/// A process that ends with this value.
#[derive(Debug)]
pub struct Running(Child);

impl Running {
    fn end(&mut self) {
        // It may have ended by itself, which is as good.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// How large a function's binary is, in bytes.
pub fn function_size(name: &str) -> u64 {
    std::fs::metadata(built(name)).unwrap().len()
}

/// Runs a function's binary against a Runtime API at `runtime_api`, in a stack's environment with
/// some variables changed; also what it logs.
pub fn function_with(
    name: &str,
    stack: &Stack,
    runtime_api: &str,
    changed: &[(&str, &str)],
) -> (Running, Log) {
    let mut process = Command::new(built(name))
        .env_clear()
        .envs(stack.environment.iter().cloned())
        .envs(changed.iter().copied())
        .env("AWS_LAMBDA_RUNTIME_API", runtime_api)
        .env("AWS_LAMBDA_FUNCTION_NAME", name)
        .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
        .env("AWS_LAMBDA_LOG_GROUP_NAME", "sample")
        .env("AWS_LAMBDA_LOG_STREAM_NAME", "sample")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let log = Log::read(process.stdout.take().unwrap());
    (Running(process), log)
}

/// Runs the binary to its end; its exit code, stdout and stderr.
pub fn run_to_end(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(built("pesan-local"))
        .args(arguments)
        .output()
        .unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

impl Stack {
    /// Starts one in memory, at [`MORNING`].
    pub fn start() -> Self {
        Self::start_with(&Setup::default())
    }

    /// Starts one.
    pub fn start_with(setup: &Setup) -> Self {
        let mut command = Command::new(built("pesan-local"));
        command.args(["--port", "0", "--dynamodb-port", "0"]);
        match &setup.data {
            Some(data) => command.arg("--data").arg(data),
            None => command.arg("--ephemeral"),
        };
        command
            .arg("--clock")
            .arg(setup.clock.as_deref().unwrap_or(MORNING));
        if let Some(template) = &setup.template {
            command.arg("--template").arg(template);
        }
        if setup.empty {
            command.arg("--empty");
        }
        let mut process = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Log::read(process.stderr.take().unwrap());
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        let (mut base_url, mut dynamodb_url) = (None, String::new());
        let mut environment = Vec::new();
        let mut line = String::new();
        while stdout.read_line(&mut line).unwrap() > 0 {
            if let Some(url) = line.strip_prefix("dynamodb ") {
                url.trim().clone_into(&mut dynamodb_url);
            }
            if let Some((name, value)) = line
                .strip_prefix("export ")
                .and_then(|variable| variable.split_once('='))
            {
                environment.push((name.to_owned(), value.trim().to_owned()));
            }
            if let Some(url) = line.strip_prefix("ready ") {
                base_url = Some(url.trim().to_owned());
                break;
            }
            line.clear();
        }
        let base_url = base_url.unwrap_or_else(|| {
            process.wait().unwrap();
            panic!("the stack did not start: {}", log.text())
        });
        std::thread::spawn(move || {
            let mut rest = Vec::new();
            drop(stdout.read_to_end(&mut rest));
        });
        // Another test of this process may have installed it.
        drop(rustls::crypto::ring::default_provider().install_default());
        Self {
            process: Running(process),
            base_url,
            dynamodb_url,
            environment,
            log,
            http: reqwest::Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .unwrap(),
        }
    }

    /// Ends it as a power cut would.
    pub fn cut(self) {
        drop(self);
    }

    /// `http://127.0.0.1:PORT`
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// What it tells a function that is run beside it: its `export` lines.
    pub fn environment(&self) -> &[(String, String)] {
        &self.environment
    }

    /// A request to a path of it, to be bent before it is sent.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.base_url))
    }

    /// Status and body of a GET.
    pub async fn get(&self, path: &str) -> (StatusCode, String) {
        let response = self.request(Method::GET, path).send().await.unwrap();
        (response.status(), response.text().await.unwrap())
    }

    /// The JSON of a GET that must succeed.
    pub async fn get_json(&self, path: &str) -> Value {
        let response = self.request(Method::GET, path).send().await.unwrap();
        response.error_for_status().unwrap().json().await.unwrap()
    }

    /// A POST of JSON.
    pub async fn post(&self, path: &str, body: &Value) -> Response {
        self.request(Method::POST, path)
            .json(body)
            .send()
            .await
            .unwrap()
    }

    /// The JSON that a handle answers; it must succeed.
    pub async fn handle(&self, path: &str, body: &Value) -> Value {
        let response = self.post(path, body).await;
        let status = response.status();
        let text = response.text().await.unwrap();
        assert!(status.is_success(), "{path} {body}: {status} {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    /// Turns the clock on by `24h`, `90m`.
    pub async fn advance(&self, by: &str) {
        self.handle("/sandbox/clock", &json!({"advance": by})).await;
    }

    /// Turns the clock to an instant.
    pub async fn set_clock(&self, instant: &str) {
        self.handle("/sandbox/clock", &json!({"set": instant}))
            .await;
    }

    /// Injects a fault: `{"at","fault","times"?,"op"?,"skip"?}`.
    pub async fn fault(&self, fault: Value) {
        self.handle("/sandbox/faults", &fault).await;
    }

    /// Ends all faults; how many of those that were ordered met no call.
    pub async fn end_faults(&self) -> u64 {
        let response = self
            .request(Method::DELETE, "/sandbox/faults")
            .send()
            .await
            .unwrap();
        assert!(response.status().is_success());
        let ended: Value = response.json().await.unwrap();
        ended["unmet"].as_u64().unwrap()
    }

    /// Every call a vendor received, oldest first.
    pub async fn calls(&self, vendor: &str) -> Vec<Value> {
        let log = self.get_json(&format!("/sandbox/log/{vendor}")).await;
        log.as_array().unwrap().clone()
    }

    /// How many calls a vendor received, of one operation where it is named.
    pub async fn count(&self, vendor: &str, op: Option<&str>) -> usize {
        let calls = self.calls(vendor).await;
        calls
            .iter()
            .filter(|call| op.is_none_or(|op| call["op"] == op))
            .count()
    }

    /// Changes a secret, as an operator does: `merchants/demo/telegram-webhook-secret`.
    pub async fn put_parameter(&self, name: &str, value: &str) {
        self.keep_private(value.trim());
        self.ssm("PutParameter", json!({"Name": format!("/pesan/local/{name}"), "Value": value, "Type": "SecureString", "Overwrite": true}))
            .await;
    }

    /// Takes a secret away.
    pub async fn delete_parameter(&self, name: &str) {
        self.ssm(
            "DeleteParameter",
            json!({"Name": format!("/pesan/local/{name}")}),
        )
        .await;
    }

    async fn ssm(&self, operation: &str, body: Value) {
        let response = self
            .request(Method::POST, "/sandbox/ssm/")
            .header("X-Amz-Target", format!("AmazonSSM.{operation}"))
            .json(&body)
            .send()
            .await
            .unwrap();
        assert!(response.status().is_success());
    }

    /// Every row of the table with its keys.
    pub async fn rows(&self) -> Vec<Value> {
        let response = self
            .http
            .post(&self.dynamodb_url)
            .header("X-Amz-Target", "DynamoDB_20120810.Scan")
            .header("Content-Type", "application/x-amz-json-1.0")
            .header("X-Amz-Date", "20261201T010000Z")
            .header("Authorization", "AWS4-HMAC-SHA256 Credential=local/20261201/local/dynamodb/aws4_request, SignedHeaders=host;x-amz-date, Signature=00")
            .body(json!({"TableName": "pesan"}).to_string())
            .send()
            .await
            .unwrap();
        let answer: Value = response.json().await.unwrap();
        answer["Items"].as_array().expect("Items").clone()
    }

    /// The rows whose sort key begins so: `RESERVATION`, `SLOT#`.
    pub async fn rows_at(&self, sort_key: &str) -> Vec<Value> {
        let mut rows = self.rows().await;
        rows.retain(|row| row["SK"]["S"].as_str().unwrap().starts_with(sort_key));
        rows
    }

    /// A customer of the merchant `demo` whose client speaks Indonesian.
    pub fn customer(&self, chat: i64) -> Customer<'_> {
        self.customer_of("demo", chat, "id")
    }

    /// A customer.
    pub fn customer_of(&self, merchant: &str, chat: i64, language: &str) -> Customer<'_> {
        self.keep_private(&chat.to_string());
        self.keep_private(&phone_of(chat));
        Customer {
            stack: self,
            path: format!("/sandbox/telegram/{merchant}/chats/{chat}"),
            language: language.to_owned(),
        }
    }

    /// Sends an update to the webhook as Telegram would, with any secret.
    pub async fn update(&self, secret: Option<&str>, body: &Value) -> Response {
        let mut request = self.request(Method::POST, "/telegram/demo").json(body);
        if let Some(secret) = secret {
            self.keep_private(secret);
            request = request.header(TELEGRAM_SECRET_HEADER, secret);
        }
        request.send().await.unwrap()
    }

    /// Makes Midtrans do something with an order: `{"do": "pay", "method": "bca_va"}`. What that
    /// causes has then come to rest, the customer's receipt too.
    pub async fn bank(&self, order: &str, act: Value) -> Value {
        let path = format!("/sandbox/midtrans/transactions/{order}");
        let answer = self.handle(&path, &act).await;
        self.idle().await;
        answer
    }

    /// Midtrans' view of an order.
    pub async fn transaction(&self, order: &str) -> Option<Value> {
        let all = self.get_json("/sandbox/midtrans/transactions").await;
        let all = all.as_array().unwrap();
        all.iter().rfind(|one| one["order_id"] == order).cloned()
    }

    /// Sends a notification to the webhook as Midtrans would. What it causes has then come to
    /// rest, too.
    pub async fn notify(&self, body: &Value) -> Response {
        self.keep_private(body["signature_key"].as_str().unwrap_or_default());
        let answer = self.post("/midtrans/demo", body).await;
        self.idle().await;
        answer
    }

    /// Waits until nothing is under way.
    pub async fn idle(&self) {
        self.handle("/sandbox/idle", &json!({"within_ms": 10_000}))
            .await;
    }
}

/// What stands on an order's page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The order id.
    pub order_id: String,
    /// Rupiah.
    pub total: u64,
    /// The payment's state.
    pub payment: String,
    /// The repair's state.
    pub repair: String,
}

impl Stack {
    /// Reads an order's page by its path or address.
    pub async fn page(&self, page: &str) -> Page {
        let path = page.strip_prefix(&self.base_url).unwrap_or(page);
        let (status, html) = self.get(path).await;
        assert_eq!(status, 200, "{html}");
        let attribute = |name: &str| {
            let start = html
                .split_once(&format!("{name}=\""))
                .unwrap_or_else(|| panic!("no {name} on {page}"))
                .1;
            start.split('"').next().unwrap().to_owned()
        };
        Page {
            order_id: attribute("data-order-id"),
            total: attribute("data-total").parse().unwrap(),
            payment: attribute("data-payment"),
            repair: attribute("data-repair"),
        }
    }
}

/// A message of a chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its id within the chat.
    pub id: i64,
    /// Whether the bot wrote it.
    pub from_bot: bool,
    /// As it is read.
    pub text: String,
    /// The labels of its buttons in order.
    pub buttons: Vec<String>,
    /// What the buttons send, beside their labels.
    pub data: Vec<String>,
    /// Whether it was edited.
    pub edited: bool,
}

impl Message {
    fn read(message: &Value) -> Self {
        let keys: Vec<&Value> = message["buttons"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_array)
            .flatten()
            .collect();
        let all = |field: &str| {
            keys.iter()
                .map(|key| key[field].as_str().unwrap_or_default().to_owned())
                .collect()
        };
        Self {
            id: message["id"].as_i64().unwrap_or_default(),
            from_bot: message["from"] == "bot",
            text: message["text"].as_str().unwrap_or_default().to_owned(),
            buttons: all("text"),
            data: all("data"),
            edited: message["edited"].as_bool().unwrap_or_default(),
        }
    }

    /// The booking code in it.
    pub fn code(&self) -> Option<String> {
        self.text
            .split_whitespace()
            .find(|word| word.len() == 8 && word.bytes().all(|byte| byte.is_ascii_digit()))
            .map(str::to_owned)
    }

    /// What the button sends that has this label, or the first that begins so.
    pub fn data_of(&self, label: &str) -> &str {
        let place = |is: fn(&str, &str) -> bool| {
            let mut labels = self.buttons.iter();
            labels.position(|button| is(button, label))
        };
        let place = place(|button, label| button == label)
            .or_else(|| place(|button, label| button.starts_with(label)));
        let place = place.unwrap_or_else(|| panic!("no {label} under {}", self.text));
        &self.data[place]
    }

    /// The version of the chat that its keyboard was made for.
    pub fn version(&self) -> &str {
        self.data[0].split(':').next().unwrap()
    }

    /// What a person sees, button by button, with a booking's code and page masked: every booking
    /// has its own.
    pub fn seen(&self) -> String {
        let mut seen = String::new();
        for word in self.text.split_inclusive(char::is_whitespace) {
            let (word, space) = word.split_at(word.trim_end().len());
            if Some(word) == self.code().as_deref() {
                seen.push_str("[code]");
            } else if Some(word) == self.link().as_deref() {
                seen.push_str("[page]");
            } else {
                seen.push_str(word);
            }
            seen.push_str(space);
        }
        for button in &self.buttons {
            seen.push_str(&format!("\n[{button}]"));
        }
        seen
    }

    /// What opens the order's page in it.
    pub fn token(&self) -> Option<String> {
        let link = self.link()?;
        link.split_once("/o/").map(|(_, token)| token.to_owned())
    }

    /// The link to the order's page in it.
    pub fn link(&self) -> Option<String> {
        self.text
            .split_whitespace()
            .find(|word| word.starts_with("http") && word.contains("/o/"))
            .map(str::to_owned)
    }
}

/// The number of the customer of a chat, as Telegram shares it.
pub fn phone_of(chat: i64) -> String {
    format!("62813{:08}", chat.rem_euclid(100_000_000))
}

/// A customer with a chat.
#[derive(Clone, Debug)]
pub struct Customer<'a> {
    stack: &'a Stack,
    path: String,
    language: String,
}

impl std::fmt::Debug for Stack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.base_url)
    }
}

/// A booking that was made.
#[derive(Clone, Debug)]
pub struct Booked {
    /// The booking code, which is the first order id.
    pub code: String,
    /// The order's page.
    pub link: String,
}

impl Customer<'_> {
    /// The whole chat, oldest first.
    pub async fn messages(&self) -> Vec<Message> {
        let chat = self.stack.get_json(&self.path).await;
        let messages = chat["messages"].as_array().unwrap();
        let messages: Vec<Message> = messages.iter().map(Message::read).collect();
        for message in messages.iter().filter(|message| message.from_bot) {
            for private in message.code().into_iter().chain(message.token()) {
                self.stack.keep_private(&private);
            }
        }
        messages
    }

    /// The newest message of the bot.
    pub async fn newest(&self) -> Message {
        let messages = self.messages().await;
        let newest = messages.into_iter().rfind(|message| message.from_bot);
        newest.expect("the bot wrote nothing")
    }

    /// Types a text; what the bot then wrote last.
    pub async fn say(&self, text: &str) -> Message {
        let body = json!({"text": text, "language_code": self.language, "first_name": "Budi"});
        self.stack
            .handle(&format!("{}/text", self.path), &body)
            .await;
        self.newest().await
    }

    /// Types a text that the bot may not get.
    pub async fn try_say(&self, text: &str) {
        let body = json!({"text": text, "language_code": self.language, "first_name": "Budi"});
        self.stack.post(&format!("{}/text", self.path), &body).await;
    }

    /// Presses a button; what the bot then wrote last.
    pub async fn press(&self, button: &str) -> Message {
        self.stack
            .handle(&format!("{}/press", self.path), &json!({"button": button}))
            .await;
        self.newest().await
    }

    /// Sends a contact card: `{"phone"?,"user_id"?}`, the customer's own unless said; what the bot
    /// then wrote last.
    pub async fn contact(&self, card: Value) -> Message {
        let phone = card["phone"].as_str().unwrap_or_default();
        self.stack.keep_private(phone);
        let digits = |letter: &char| letter.is_ascii_digit();
        let digits: String = phone.chars().filter(digits).collect();
        self.stack.keep_private(&digits);
        let path = format!("{}/contact", self.path);
        self.stack.handle(&path, &card).await;
        self.newest().await
    }

    /// Presses a button; the last status that Telegram got for it from the webhook.
    pub async fn press_for_status(&self, button: &str) -> Option<u64> {
        let (path, body) = (format!("{}/press", self.path), json!({"button": button}));
        self.stack.handle(&path, &body).await["status"].as_u64()
    }

    /// Sends any data, as a client that was tampered with could.
    pub async fn press_data(&self, data: &str) -> Message {
        self.stack
            .handle(&format!("{}/press", self.path), &json!({"data": data}))
            .await;
        self.newest().await
    }

    /// Goes to the summary: the first device's battery on `date` (dd/mm/yyyy) at `slot`
    /// (`09.00`).
    pub async fn summary(&self, date: &str, slot: &str) -> Message {
        self.say("/order").await;
        self.press("Booking").await;
        self.say(date).await;
        self.press("iPhone 6").await;
        self.press(slot).await;
        self.press("Battery").await
    }

    /// Books the first device's battery on 5 December 2026 at `slot`.
    pub async fn book(&self, slot: &str) -> Booked {
        self.book_on("05/12/2026", slot).await
    }

    /// Books the first device's battery.
    pub async fn book_on(&self, date: &str, slot: &str) -> Booked {
        let summary = self.summary(date, slot).await;
        assert!(summary.text.contains("Rp70.000"), "{}", summary.text);
        let booked = self.press("Book Now").await;
        Booked {
            code: booked.code().unwrap_or_else(|| panic!("{}", booked.text)),
            link: booked.link().unwrap_or_else(|| panic!("{}", booked.text)),
        }
    }
}

/// A notification's body as Midtrans makes it, signed with the merchant's key.
pub fn notification(
    order: &str,
    transaction: &str,
    status: &str,
    code: &str,
    amount: &str,
) -> Value {
    json!({
        "order_id": order,
        "transaction_id": transaction,
        "transaction_status": status,
        "status_code": code,
        "gross_amount": amount,
        "merchant_id": MIDTRANS_MERCHANT,
        "currency": "IDR",
        "payment_type": "bank_transfer",
        "fraud_status": "accept",
        "transaction_time": "2026-12-01 08:00:00",
        "signature_key": signature(order, code, amount, SERVER_KEY),
    })
}

/// A typed text's update as Telegram makes it.
pub fn text_update(id: i64, chat: i64, text: &str) -> Value {
    json!({
        "update_id": id,
        "message": {
            "message_id": id,
            "date": 1_764_550_800,
            "from": {"id": chat, "is_bot": false, "first_name": "Budi", "language_code": "id"},
            "chat": {"id": chat, "type": "private", "first_name": "Budi"},
            "text": text,
        },
    })
}

/// A pressed button's update as Telegram makes it.
pub fn press_update(id: i64, chat: i64, message: i64, data: &str) -> Value {
    json!({
        "update_id": id,
        "callback_query": {
            "id": id.to_string(),
            "from": {"id": chat, "is_bot": false, "first_name": "Budi", "language_code": "id"},
            "message": {"message_id": message, "date": 0, "chat": {"id": chat, "type": "private"}},
            "chat_instance": "1",
            "data": data,
        },
    })
}

/// SHA512 over the four parts in lower hex.
pub fn signature(order: &str, code: &str, amount: &str, key: &str) -> String {
    let digest = Sha512::digest(format!("{order}{code}{amount}{key}"));
    data_encoding::HEXLOWER.encode(&digest)
}
