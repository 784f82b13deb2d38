//! Begins the runs that a schedule names, and drives the shards that a queue names. A schedule that
//! could not be seen to when it fired comes by the queue as well.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use pesan_adapters::clock::Clock;
use pesan_adapters::events::{Envelope, Event};
use pesan_domain::calendar::Zone;
use pesan_lambda::batch::{self, Record};
use pesan_lambda::{Env, EventHandler, InvocationFailed, event_handler};
use pesan_service::{App, Config, Failure, billing};
use serde::Deserialize;
use serde_json::{Value, json};

/// How long an invocation drives: the function's timeout of 60 s, less what the last page may take
/// where the table is slow.
const DRIVES: Duration = Duration::from_secs(40);

/// Makes the function from its environment.
///
/// # Errors
/// Names the variable that is missing.
pub async fn handler(env: &Env, clock: Clock) -> anyhow::Result<EventHandler> {
    let config = Config::read(|name| env.optional(name).map(str::to_owned))?;
    let app = Arc::new(App::new(&config, clock)?);
    Ok(event_handler(env!("CARGO_PKG_NAME"), move |event| {
        let app = Arc::clone(&app);
        async move {
            if event.get("Records").is_some() {
                drive(&app, &event).await
            } else {
                begin(&app, event).await
            }
        }
    }))
}

/// What the schedules send.
#[derive(Deserialize)]
struct Scheduled {
    runs: Runs,
    zone: String,
    scheduled_at: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Runs {
    Bills,
    Reminders,
}

async fn begin(app: &App, event: Value) -> Result<Value, InvocationFailed> {
    let Some((kind, zone, scheduled_at)) = read_schedule(event) else {
        tracing::error!(
            kind = "billing",
            outcome = "unreadable",
            alarm = "event unreadable"
        );
        return Err(InvocationFailed);
    };
    match billing::begin_zone(app, zone, kind, scheduled_at).await {
        Ok(begun) => Ok(json!({"begun": begun})),
        // Said where it happened; Lambda sends the event again.
        Err(_) => Err(InvocationFailed),
    }
}

fn read_schedule(event: Value) -> Option<(billing::Kind, Zone, Timestamp)> {
    let scheduled: Scheduled = serde_json::from_value(event).ok()?;
    let kind = match scheduled.runs {
        Runs::Bills => billing::Kind::Bills,
        Runs::Reminders => billing::Kind::Reminders,
    };
    let zone = Zone::parse(&scheduled.zone).ok()?;
    Some((kind, zone, scheduled.scheduled_at.parse().ok()?))
}

async fn drive(app: &App, event: &Value) -> Result<Value, InvocationFailed> {
    let ends = Instant::now()
        .checked_add(DRIVES)
        .unwrap_or_else(Instant::now);
    let mut again = vec![];
    for record in batch::queue(event)? {
        if !is_driven(app, &record, ends).await {
            again.push(record.id);
        }
    }
    Ok(batch::again(again))
}

/// The event of a schedule, as Lambda hands it on after its last try, or as it is redriven.
fn missed_schedule(body: &str) -> Option<Value> {
    let mut body: Value = serde_json::from_str(body).ok()?;
    if body.get("runs").is_some() {
        return Some(body);
    }
    body.get_mut("requestPayload").map(Value::take)
}

/// Whether a record is seen to; else the queue gives it again.
async fn is_driven(app: &App, record: &Record<'_>, ends: Instant) -> bool {
    let body = record.record.get("body").and_then(Value::as_str);
    let body = body.unwrap_or_default();
    if let Some(event) = missed_schedule(body) {
        return begin(app, event).await.is_ok();
    }
    let envelope = match Envelope::parse(body) {
        Ok(envelope) => envelope,
        Err(error) => {
            tracing::error!(kind = "billing", outcome = "unreadable", alarm = "event unreadable", %error);
            return false;
        }
    };
    let shard = match envelope.event {
        Event::BillingContinue { run, shard } => billing::Shard {
            merchant: envelope.merchant,
            run,
            number: shard,
        },
        Event::MessageQueued { .. }
        | Event::ChannelPaused { .. }
        | Event::BalanceLow
        | Event::BalanceToppedUp { .. }
        | Event::BillLastReminder { .. } => {
            // A rule that sends other events here is none of ours.
            tracing::error!(
                kind = "billing",
                outcome = "ignored",
                alarm = "event misrouted"
            );
            return true;
        }
    };
    match billing::drive(app, &shard, ends).await {
        Ok(_) => true,
        Err(Failure::Unknown) => {
            // It was committed with its event: nobody of ours wrote this one.
            tracing::error!(merchant = %shard.merchant, kind = "billing", outcome = "unknown", alarm = "run unknown");
            true
        }
        Err(error @ (Failure::NotAuthentic | Failure::Malformed(_) | Failure::Unavailable(_))) => {
            tracing::error!(merchant = %shard.merchant, kind = "billing", outcome = "broke off", run = %shard.run, shard = shard.number, %error);
            false
        }
    }
}
