//! The end of a month: bills, money, reminders, and a power failure in the middle of the next.

use std::collections::BTreeMap;

use anyhow::{Context as _, ensure};
use jiff::civil::date;
use pesan_domain::billing::{Period, RunId};
use pesan_domain::calendar::Zone;
use pesan_service::billing;
use serde_json::{Value, json};

use super::{Player, demo, indented, say};

/// So many subscribers has the demo's merchant, on as many phones.
const SUBSCRIBERS: usize = 25;
/// The first of them pay.
const PAYING: usize = 3;

/// What each phone got, by the template's name: counted at the vendor's door.
type Sent = BTreeMap<String, BTreeMap<String, usize>>;

impl Player {
    pub(super) async fn months_end(&self) -> anyhow::Result<()> {
        say("\n== the month ends: every subscriber gets the bill")?;
        self.turn_to("2026-11-30T09:00:30+07:00").await?;
        self.expect_each("monthly_bill", |_| 1).await?;
        let first = self.inbox(&phone(1)).await?;
        say(&indented(first.first().context("no bill has come")?))?;
        self.show_tape("2026-11").await
    }

    pub(super) async fn bills_are_paid(&self) -> anyhow::Result<()> {
        say("\n== some pay from the phone")?;
        for nth in 1..=PAYING {
            let link = self.bill_link(nth).await?;
            let to = self.http.post(format!("{link}/pay")).send().await?;
            ensure!(to.status().as_u16() == 303, "the bill's page leads nowhere");
            let order = format!("B-202611-plg-{nth:03}");
            let pay = json!({"do": "pay", "method": "qris"});
            self.post(&format!("/sandbox/midtrans/transactions/{order}"), &pay)
                .await?;
            let page = self.http.get(&link).send().await?.text().await?;
            ensure!(
                page.contains(r#"data-payment="Paid""#),
                "the page does not say that {order} is paid"
            );
            say(&format!("   {order} is paid, and its page says so"))?;
        }
        self.post("/sandbox/idle", &json!({})).await?;
        self.expect_each("payment_receipt", |nth| usize::from(nth <= PAYING))
            .await?;
        self.show_tape("2026-11").await
    }

    pub(super) async fn reminded(&self) -> anyhow::Result<()> {
        for (days, instant, reminders) in [
            (
                "three days before the due day",
                "2026-12-07T09:00:30+07:00",
                1,
            ),
            ("on the due day", "2026-12-10T09:00:30+07:00", 2),
        ] {
            say(&format!("\n== {days}: a reminder to who has not paid"))?;
            self.turn_to(instant).await?;
            self.expect_each("payment_reminder", |nth| {
                if nth <= PAYING { 0 } else { reminders }
            })
            .await?;
        }
        Ok(())
    }

    pub(super) async fn killed_in_the_middle(&self) -> anyhow::Result<()> {
        say("\n== the next month ends, and a function dies in the middle of it")?;
        self.turn_to("2026-12-31T08:59:30+07:00").await?;
        let dies = json!({
            "at": "dynamodb", "op": "TransactWriteItems", "fault": "kill_after", "skip": 12,
        });
        self.post("/sandbox/faults", &dies).await?;
        self.turn_to("2026-12-31T09:00:30+07:00").await?;
        // What died is tried again once the queue shows it again.
        self.turn_to("2026-12-31T09:40:00+07:00").await?;
        self.expect_each("monthly_bill", |_| 2).await?;
        self.show_tape("2026-12").await
    }

    async fn turn_to(&self, instant: &str) -> anyhow::Result<()> {
        say(&format!("   (the clock is turned to {instant})"))?;
        self.post("/sandbox/clock", &json!({"set": instant}))
            .await?;
        self.post("/sandbox/idle", &json!({"within_ms": 60_000}))
            .await?;
        Ok(())
    }

    /// Holds every phone to what it should have got of a template.
    async fn expect_each(
        &self,
        template: &str,
        wanted: impl Fn(usize) -> usize,
    ) -> anyhow::Result<()> {
        let sent = self.sent().await?;
        let mut all = 0;
        for nth in 1..=SUBSCRIBERS {
            let got = sent.get(&phone(nth)).and_then(|got| got.get(template));
            let (got, wanted) = (got.copied().unwrap_or_default(), wanted(nth));
            ensure!(
                got == wanted,
                "subscriber {nth} got {got} of {template} and should have got {wanted}"
            );
            all += got;
        }
        say(&format!(
            "   WhatsApp was handed {all} of {template} in all, each phone as many as it should"
        ))
    }

    /// What WhatsApp took, from its own log.
    async fn sent(&self) -> anyhow::Result<Sent> {
        let url = format!("{}/sandbox/log/whatsapp", self.addresses.base_url);
        let log: Vec<Value> = self.http.get(url).send().await?.json().await?;
        let mut sent = Sent::new();
        for call in log {
            let at = |pointer: &str| call.pointer(pointer).and_then(Value::as_str);
            let is_taken = call.get("status").and_then(Value::as_u64) == Some(200);
            if let (true, Some(to), Some(name)) =
                (is_taken, at("/body/to"), at("/body/template/name"))
            {
                let phone = to.trim_start_matches('+').to_owned();
                *sent
                    .entry(phone)
                    .or_default()
                    .entry(name.to_owned())
                    .or_default() += 1;
            }
        }
        Ok(sent)
    }

    /// How many messages WhatsApp took in all.
    pub(super) async fn taken(&self) -> anyhow::Result<u64> {
        let sent = self.sent().await?;
        let taken: usize = sent.values().flat_map(BTreeMap::values).sum();
        Ok(u64::try_from(taken)?)
    }

    /// Where a subscriber's phone says that the bill is paid.
    async fn bill_link(&self, nth: usize) -> anyhow::Result<String> {
        let url = format!(
            "{}/sandbox/whatsapp/{}",
            self.addresses.base_url,
            phone(nth)
        );
        let inbox: Value = self.http.get(url).send().await?.json().await?;
        let link = inbox.pointer("/messages/0/buttons/0/url");
        let link = link
            .and_then(Value::as_str)
            .context("a bill without a link")?;
        Ok(link.to_owned())
    }

    async fn show_tape(&self, period: &str) -> anyhow::Result<()> {
        let app = self.app().await?;
        let run = RunId::bill(months_last_instant(period)?, Zone::Jakarta);
        let progress = billing::progress(&app, &demo()?, run).await?;
        let tape = billing::tape(&app, &demo()?, run, None, 100).await?;
        let track = run.track();
        let symbols: Vec<String> = tape
            .cells
            .iter()
            .map(|cell| cell.symbol(track).name().to_owned())
            .collect();
        say(&format!(
            "   the tape of {period}: {}  ({:?}, {} cells passed)",
            symbols.join(" "),
            progress.state,
            progress.head
        ))
    }
}

fn phone(nth: usize) -> String {
    format!("628120000010{nth:02}")
}

/// Some instant of a period.
fn months_last_instant(period: &str) -> anyhow::Result<jiff::Timestamp> {
    let period = Period::parse(period)?;
    let day = date(period.year(), period.month(), 28).at(12, 0, 0, 0);
    Ok(day.to_zoned(Zone::Jakarta.tz())?.timestamp())
}
