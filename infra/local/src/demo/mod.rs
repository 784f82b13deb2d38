//! `cargo run -- demo`: a booking, the messages it costs, and the ends of two months, played over HTTP
//! as customers and the vendors would, each step said as it happens. It ends well only if every step
//! held.

mod balance;
mod billing;

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use jiff::Timestamp;
use pesan_adapters::clock::Clock;
use pesan_domain::ids::MerchantId;
use pesan_service::{App, Config};
use serde_json::{Value, json};

use crate::database;
use crate::stack::{self, Addresses, Options};

const CHAT: &str = "/sandbox/telegram/demo/chats/4711";
/// The number that the customer shares.
const PHONE: &str = "6281345678901";

struct Player {
    http: reqwest::Client,
    addresses: Addresses,
}

/// A turn of the clock plays all that happens on the way.
const PATIENCE: Duration = Duration::from_secs(300);

/// When the demo begins: some days before a month's end.
const BEGINS: &str = "2026-11-26T10:00:00+07:00";

/// Plays it on an ephemeral stack.
pub async fn play(template: &Path) -> anyhow::Result<()> {
    let addresses = stack::start(Options {
        port: 0,
        dynamodb_port: 0,
        data: None,
        clock: Some(BEGINS.parse()?),
        template: template.to_owned(),
        empty: false,
    })
    .await?;
    let player = Player {
        http: pesan_adapters::http::client()?,
        addresses,
    };
    let code = player.book().await?;
    player.share().await?;
    let page = player.pay(&code).await?;
    player.show(&page).await?;
    player.debited().await?;
    player.topped_up().await?;
    player.months_end().await?;
    player.bills_are_paid().await?;
    player.reminded().await?;
    player.killed_in_the_middle().await?;
    player.books_hold().await?;
    player.stored().await?;
    say("\nevery step held")
}

fn demo() -> anyhow::Result<MerchantId> {
    Ok(MerchantId::parse("demo")?)
}

impl Player {
    /// The use cases, by the stack's clock.
    async fn app(&self) -> anyhow::Result<App> {
        let url = format!("{}/sandbox/clock", self.addresses.base_url);
        let clock: Value = self.http.get(url).send().await?.json().await?;
        let now = clock.get("now").and_then(Value::as_str);
        let now: Timestamp = now.context("a clock without its time")?.parse()?;
        let offset = now.duration_since(Clock::system().now()).as_millis();
        let offset = Arc::new(AtomicI64::new(i64::try_from(offset)?));
        let mut variables = self.addresses.variables("");
        variables.insert("TOP_UP_SELLER".to_owned(), demo()?.to_string());
        let config = Config::read(|name| variables.get(name).cloned())?;
        Ok(App::new(&config, Clock::turnable(offset))?)
    }

    async fn book(&self) -> anyhow::Result<String> {
        say("== the customer books in the chat")?;
        self.types("/order").await?;
        self.presses("Booking").await?;
        let days = self.buttons().await?;
        let day = days.get(1).context("no second day is offered")?.clone();
        self.presses(&day).await?;
        self.presses("iPhone 6").await?;
        self.presses("09.00–11.00 WIB").await?;
        self.presses("Battery").await?;
        let booked = self.presses("Book Now").await?;
        let code = booked
            .split_whitespace()
            .find(|word| word.len() == 8 && word.bytes().all(|byte| byte.is_ascii_digit()))
            .context("no booking code was shown")?;
        Ok(code.to_owned())
    }

    async fn share(&self) -> anyhow::Result<()> {
        say("\n== the customer shares the number, for a receipt by WhatsApp too")?;
        self.presses("Bagikan nomor").await?;
        say("-> (the own contact)")?;
        self.post(&format!("{CHAT}/contact"), &json!({"phone": PHONE}))
            .await?;
        let kept = self.say_newest().await?;
        ensure!(kept.contains("WhatsApp"), "the number was not taken");
        Ok(())
    }

    /// The order page's address.
    async fn pay(&self, code: &str) -> anyhow::Result<String> {
        say("\n== the customer opens the order page and pays by virtual account")?;
        let shown = self.presses("Bayar Sekarang").await?;
        let page = shown
            .split_whitespace()
            .find(|word| word.starts_with("http") && word.contains("/o/"))
            .context("no link to the order page was shown")?
            .to_owned();
        self.expect_page(&page, "Created", "Held").await?;
        let midtrans = self.http.post(format!("{page}/pay")).send().await?;
        let location = midtrans
            .headers()
            .get("location")
            .and_then(|value| value.to_str().ok())
            .context("the order page leads nowhere to pay")?;
        say(&format!("   303 to {location}"))?;
        let paid = self
            .post(
                &format!("/sandbox/midtrans/transactions/{code}"),
                &json!({"do": "pay", "method": "bca_va"}),
            )
            .await?;
        say(&format!("   the bank says {paid}"))?;
        // The receipt goes by outbox, bus and queue.
        self.post("/sandbox/idle", &json!({})).await?;
        Ok(page)
    }

    async fn show(&self, page: &str) -> anyhow::Result<()> {
        say("\n== Midtrans has notified; the chat has its receipt, the page shows it")?;
        let receipt = self.newest_text().await?;
        say(&indented(&receipt))?;
        ensure!(
            receipt.contains("Pembayaran diterima"),
            "the newest message is no receipt"
        );
        self.expect_page(page, "Paid", "Confirmed").await?;
        say("\n== and so has the phone")?;
        let inbox = self.inbox(PHONE).await?;
        let [receipt] = inbox.as_slice() else {
            bail!("the phone holds {} messages", inbox.len());
        };
        say(&indented(receipt))?;
        ensure!(
            receipt.contains("sudah diterima"),
            "the message on the phone is no receipt"
        );
        Ok(())
    }

    /// The texts that a phone holds.
    async fn inbox(&self, phone: &str) -> anyhow::Result<Vec<String>> {
        let url = format!("{}/sandbox/whatsapp/{phone}", self.addresses.base_url);
        let inbox: Value = self.http.get(url).send().await?.json().await?;
        let messages = inbox.get("messages").and_then(Value::as_array);
        let text = |message: &Value| message.get("text")?.as_str().map(str::to_owned);
        Ok(messages.into_iter().flatten().filter_map(text).collect())
    }

    async fn stored(&self) -> anyhow::Result<()> {
        say("\n== what was stored for it")?;
        for row in database::rows(&self.addresses.aws(self.http.clone())).await? {
            let key = row.get("PK").and_then(Value::as_str).unwrap_or_default();
            let is_new = [
                "#CHAT#", "#DAY#", "#RSV#", "#PAY#", "LINK#", "MSG#", "#LEDGER#", "#BALANCE",
            ]
            .iter()
            .any(|part| key.contains(part));
            if is_new {
                let sort = row.get("SK").and_then(Value::as_str).unwrap_or_default();
                let state = row.get("state");
                let state = state.and_then(|state| state.get("at")).or(state);
                let state = state.and_then(Value::as_str).unwrap_or("-");
                say(&format!("   {key:<44} {sort:<24.24} {state}"))?;
            }
        }
        Ok(())
    }

    async fn expect_page(&self, page: &str, payment: &str, repair: &str) -> anyhow::Result<()> {
        let html = self
            .http
            .get(page)
            .send()
            .await?
            .error_for_status()?
            .text()
            .await?;
        let state = format!(r#"data-payment="{payment}" data-repair="{repair}""#);
        ensure!(html.contains(&state), "the order page does not say {state}");
        say(&format!("   {page} says {payment}, {repair}"))
    }

    async fn types(&self, text: &str) -> anyhow::Result<String> {
        say(&format!("-> {text}"))?;
        self.post(
            &format!("{CHAT}/text"),
            &json!({"text": text, "first_name": "Budi"}),
        )
        .await?;
        self.say_newest().await
    }

    async fn presses(&self, button: &str) -> anyhow::Result<String> {
        say(&format!("-> [{button}]"))?;
        self.post(&format!("{CHAT}/press"), &json!({"button": button}))
            .await?;
        self.say_newest().await
    }

    async fn say_newest(&self) -> anyhow::Result<String> {
        let text = self.newest_text().await?;
        say(&indented(&text))?;
        Ok(text)
    }

    async fn newest(&self) -> anyhow::Result<Value> {
        let url = format!("{}{CHAT}", self.addresses.base_url);
        let chat: Value = self.http.get(url).send().await?.json().await?;
        chat.pointer("/messages")
            .and_then(Value::as_array)
            .and_then(|messages| messages.last())
            .filter(|message| message.get("from").and_then(Value::as_str) == Some("bot"))
            .cloned()
            .context("the bot did not answer")
    }

    async fn newest_text(&self) -> anyhow::Result<String> {
        let newest = self.newest().await?;
        let text = newest.get("text").and_then(Value::as_str);
        Ok(text.context("a message without text")?.to_owned())
    }

    async fn buttons(&self) -> anyhow::Result<Vec<String>> {
        let newest = self.newest().await?;
        let rows = newest.get("buttons").and_then(Value::as_array);
        Ok(rows
            .into_iter()
            .flatten()
            .filter_map(Value::as_array)
            .flatten()
            .filter_map(|button| button.get("text").and_then(Value::as_str))
            .map(str::to_owned)
            .collect())
    }

    async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let url = format!("{}{path}", self.addresses.base_url);
        let call = self.http.post(url).timeout(PATIENCE).json(body);
        let response = call.send().await?;
        let status = response.status();
        let answer: Value = response.json().await?;
        ensure!(status.is_success(), "{path} answered {status}: {answer}");
        Ok(answer)
    }
}

fn indented(text: &str) -> String {
    text.lines()
        .map(|line| format!("   {line}"))
        .collect::<Vec<_>>()
        .join("\n")
}

fn say(line: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}
