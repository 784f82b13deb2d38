//! What the tests of payments look at, and a Midtrans that says what a test wants.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex};

use reqwest::header::LOCATION;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::log::lines;
use crate::{Booked, Customer, Message, SERVER_KEY, Setup, Stack, notification};

/// In every receipt.
pub const RECEIPT: &str = "Pembayaran diterima";
/// In the news that the bank took a payment back.
pub const REVERSED: &str = "dibatalkan oleh bank";
/// In the news that a person looks at a payment.
pub const REVIEW: &str = "perlu ditinjau toko";

impl Stack {
    /// Everything stored but chats, the notifications kept for the record, and what is only due
    /// later, once it has come to rest.
    pub async fn books(&self) -> Vec<Value> {
        self.idle().await;
        let is_record = |row: &Value| {
            let key = |name: &str| row[name]["S"].as_str().unwrap_or_default().to_owned();
            key("SK").starts_with("EVENT#")
                || key("PK").contains("#CHAT#")
                || key("PK").starts_with("DUE#")
        };
        let mut rows = self.rows().await;
        rows.retain(|row| !is_record(row));
        rows.sort_by_key(ToString::to_string);
        rows
    }

    /// A row of the table.
    pub async fn row(&self, pk: &str, sk: &str) -> Option<Value> {
        let rows = self.rows().await;
        rows.into_iter()
            .find(|row| row["PK"]["S"] == pk && row["SK"]["S"] == sk)
    }

    /// A number of an order's payment as it is stored.
    pub async fn payment_number(&self, order: &str, field: &str) -> Option<i64> {
        let row = self.row(&format!("M#demo#PAY#{order}"), "PAYMENT").await?;
        row[field]["N"].as_str()?.parse().ok()
    }

    /// The transactions that wait for a person, by the task's name.
    pub async fn waiting(&self, task: &str) -> Vec<String> {
        let rows = self.rows().await;
        let pk = format!("M#demo#WAIT#{task}#0");
        let mut transactions: Vec<String> = rows
            .iter()
            .filter(|row| row["PK"]["S"] == pk)
            .map(|row| row["transaction"]["S"].as_str().unwrap().to_owned())
            .collect();
        transactions.sort();
        transactions
    }

    /// What the log calls an alarm so far. The log is read beside the test: a line that is known
    /// to come is caused and waited for.
    pub async fn alarms(&self) -> Vec<String> {
        let key = format!("{SERVER_KEY}2");
        let mut marker = notification("99999999", "t-marker", "pending", "201", "1.00");
        marker["signature_key"] = json!(crate::signature("99999999", "201", "1.00", &key));
        marker["merchant_id"] = json!("G000000002");
        let marked = self.post("/midtrans/demo2", &marker).await;
        assert_eq!(marked.status(), 404);
        self.line_of(&marked);
        lines(&self.log())
            .iter()
            .filter_map(|line| line["alarm_names"].as_array())
            .flatten()
            .map(|alarm| alarm.as_str().unwrap().to_owned())
            .collect()
    }

    /// Status and body of the answer to a handle that may refuse.
    pub async fn try_bank(&self, order: &str, act: Value) -> (StatusCode, Value) {
        let path = format!("/sandbox/midtrans/transactions/{order}");
        let response = self.post(&path, &act).await;
        (response.status(), response.json().await.unwrap())
    }

    /// The id of an order's newest transaction at Midtrans.
    pub async fn transaction_id(&self, order: &str) -> String {
        let transaction = self.transaction(order).await.unwrap();
        transaction["transaction_id"].as_str().unwrap().to_owned()
    }

    /// Presses the order page's button; the status, and where it leads.
    pub async fn click_pay(&self, link: &str) -> (StatusCode, Option<String>) {
        let answer = self.send_pay(link, None).await;
        let location = answer.headers().get(LOCATION);
        let location = location.map(|value| value.to_str().unwrap().to_owned());
        (answer.status(), location)
    }

    /// The request of the order page's button.
    pub async fn send_pay(&self, link: &str, accept: Option<&str>) -> Response {
        let path = link.strip_prefix(self.base_url()).unwrap();
        let mut request = self.request(Method::POST, &format!("{path}/pay"));
        if let Some(accept) = accept {
            request = request.header("Accept", accept);
        }
        request.send().await.unwrap()
    }

    /// Calls Midtrans' own API as the merchant `demo`, as another system of the shop could.
    pub async fn midtrans(&self, method: Method, path: &str, body: Option<&Value>) -> Value {
        let mut request = self
            .request(method, &format!("/sandbox/midtrans{path}"))
            .basic_auth(SERVER_KEY, Some(""));
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.unwrap();
        response.json().await.unwrap()
    }

    /// Has Midtrans give out a virtual account that outlives the hold: 24 hours.
    pub async fn charge_for_a_day(&self, order: &str, amount: u64) {
        let charge = json!({
            "payment_type": "bank_transfer",
            "bank_transfer": {"bank": "bca"},
            "transaction_details": {"order_id": order, "gross_amount": amount},
        });
        let charged = self
            .midtrans(Method::POST, "/v2/charge", Some(&charge))
            .await;
        assert_eq!(charged["status_code"], "201", "{charged}");
        self.idle().await;
    }

    /// Payment and repair as the order's page says them.
    pub async fn states(&self, booked: &Booked) -> (String, String) {
        let page = self.page(&booked.link).await;
        (page.payment, page.repair)
    }

    /// Holds that the order's page says these two states.
    #[track_caller]
    pub fn expect_states<'a>(
        &'a self,
        booked: &'a Booked,
        payment: &'a str,
        repair: &'a str,
    ) -> impl Future<Output = ()> + 'a {
        let caller = std::panic::Location::caller();
        async move {
            let (is_payment, is_repair) = self.states(booked).await;
            assert_eq!(
                (is_payment.as_str(), is_repair.as_str()),
                (payment, repair),
                "{caller}"
            );
        }
    }
}

impl Customer<'_> {
    /// How many of the bot's messages contain a text, once no more are under way.
    pub async fn told(&self, text: &str) -> usize {
        self.stack.idle().await;
        let messages = self.messages().await;
        let has = |message: &&Message| message.from_bot && message.text.contains(text);
        messages.iter().filter(has).count()
    }
}

/// A Midtrans of a test's own. It answers what a transaction's status is with what the test says,
/// where the stand-in says only what a bank can do; everything else stays the stand-in's.
pub struct OwnMidtrans {
    url: String,
    answers: Arc<Mutex<HashMap<String, Value>>>,
}

impl std::fmt::Debug for OwnMidtrans {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.url)
    }
}

impl OwnMidtrans {
    /// Starts it, and a stack that asks it for statuses.
    pub fn start_with_stack() -> (Self, Stack) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let own = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            answers: Arc::default(),
        };
        let answers = Arc::clone(&own.answers);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                let mut lines = BufReader::new(&stream).lines();
                let head = lines.next().unwrap().unwrap();
                while lines.next().is_some_and(|line| !line.unwrap().is_empty()) {}
                let id = head
                    .strip_prefix("GET /v2/")
                    .and_then(|rest| rest.split_once("/status "))
                    .map_or("", |(id, _)| id);
                let unknown =
                    json!({"status_code": "404", "status_message": "Transaction doesn't exist."});
                let answer = answers.lock().unwrap().get(id).cloned();
                let body = answer.unwrap_or(unknown).to_string();
                write!(
                    &stream,
                    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\
                     Content-Length: {}\r\n\r\n{body}",
                    body.len()
                )
                .unwrap();
            }
        });
        let folder = tempfile::tempdir().unwrap();
        let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("../template.yaml");
        let wiring = std::fs::read_to_string(project).unwrap();
        let anchor = "        TABLE_NAME: !Ref Table\n";
        assert!(wiring.contains(anchor));
        let wiring = wiring.replace(
            anchor,
            &format!("{anchor}        MIDTRANS_API_URL: {}\n", own.url),
        );
        let template = folder.path().join("template.yaml");
        std::fs::write(&template, wiring).unwrap();
        let stack = Stack::start_with(&Setup {
            template: Some(template),
            ..Setup::default()
        });
        (own, stack)
    }

    /// From now on this is a transaction's status; its body names the transaction.
    pub fn says(&self, answer: &Value) {
        let id = answer["transaction_id"].as_str().unwrap().to_owned();
        self.answers.lock().unwrap().insert(id, answer.clone());
    }

    /// Makes this a transaction's status and sends it as a notification too.
    pub async fn tells(&self, stack: &Stack, body: &Value) -> StatusCode {
        self.says(body);
        stack.notify(body).await.status()
    }
}

/// A body of a transaction of demo's first price, Rp70.000.
pub fn of_transaction(order: &str, transaction: &str, status: &str, code: &str) -> Value {
    notification(order, transaction, status, code, "70000.00")
}
