//! The event bus: `PutEvents` on its own wire, the rules of the template, their targets with
//! retries and dead letters
//! (<https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html>).

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{Extensions, HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use pesan_sandbox::{PartialFailure, Trip, Wire};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::activity::Activity;
use crate::clock::Turnable;
use crate::kept::Kept;
use crate::queues::Queues;
use crate::stack::{EVENT_BUS, REGION};
use crate::template::messaging::{Rule, Target};

const WIRE: &str = "application/x-amz-json-1.1";
/// What one call takes.
const MOST_ENTRIES: usize = 10;
const MOST_BYTES: usize = 1024 * 1024;
/// Between the tries at a target, doubled each time.
const FIRST_WAIT_SECONDS: i64 = 1;
const LONGEST_WAIT_SECONDS: i64 = 3_600;

/// A clone is the same one.
#[derive(Clone)]
pub struct Bus(Arc<Inner>);

struct Inner {
    rules: Vec<Rule>,
    queues: Queues,
    undelivered: Mutex<Kept<Undelivered>>,
    wire: Wire,
    clock: Turnable,
    activity: Activity,
}

/// An event that a target has not taken yet.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Undelivered {
    rule: String,
    queue: String,
    event: Value,
    first_millis: i64,
    due_millis: i64,
    retries: u32,
}

impl Bus {
    /// With what the last run had not delivered yet.
    ///
    /// # Errors
    /// When that cannot be read.
    pub fn open(
        rules: Vec<Rule>,
        queues: Queues,
        file: Option<PathBuf>,
        wire: Wire,
        clock: Turnable,
        activity: Activity,
    ) -> anyhow::Result<Self> {
        Ok(Self(Arc::new(Inner {
            rules,
            queues,
            undelivered: Mutex::new(Kept::open(file)?),
            wire,
            clock,
            activity,
        })))
    }

    /// The bus behind any path.
    pub fn router(&self) -> Router {
        Router::new().fallback(call).with_state(self.clone())
    }

    fn now(&self) -> i64 {
        self.0.clock.now().as_millisecond()
    }

    fn undelivered(&self) -> MutexGuard<'_, Kept<Undelivered>> {
        self.0
            .undelivered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Deliveries that are to be tried now.
    pub fn waiting(&self) -> usize {
        let now = self.now();
        let undelivered = self.undelivered();
        undelivered
            .iter()
            .filter(|(_, one)| one.due_millis <= now)
            .count()
    }

    /// When a delivery is next tried.
    pub fn next_due(&self) -> Option<i64> {
        let now = self.now();
        let undelivered = self.undelivered();
        let due = undelivered.iter().map(|(_, one)| one.due_millis);
        due.filter(|due| *due > now).min()
    }

    /// Tries again what is due.
    pub fn run_due(&self) {
        let _flight = self.0.activity.flight();
        let now = self.now();
        let due: Vec<u64> = {
            let undelivered = self.undelivered();
            let due = undelivered.iter().filter(|(_, one)| one.due_millis <= now);
            due.map(|(number, _)| number).collect()
        };
        for number in due {
            self.try_again(number, now);
        }
    }

    fn target(&self, rule: &str, queue: &str) -> Option<&Target> {
        let rule = self.0.rules.iter().find(|known| known.id == rule)?;
        rule.targets.iter().find(|target| target.queue == queue)
    }

    fn try_again(&self, number: u64, now: i64) {
        let one = {
            let undelivered = self.undelivered();
            let one = undelivered.iter().find(|(there, _)| *there == number);
            one.map(|(_, one)| one.clone())
        };
        let Some(one) = one else { return };
        let target = self.target(&one.rule, &one.queue);
        // A rule that is gone since the last run takes its retries with it.
        let Some(target) = target.cloned() else {
            self.undelivered().take(number);
            return;
        };
        if self.deliver(&target, &one.event) {
            self.undelivered().take(number);
            return;
        }
        let retries = one.retries + 1;
        let wait = FIRST_WAIT_SECONDS
            .checked_shl(retries)
            .unwrap_or(LONGEST_WAIT_SECONDS)
            .clamp(FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS);
        let due_millis = now + wait * 1_000;
        let is_late = due_millis > one.first_millis + target.most_seconds * 1_000;
        if retries >= target.most_retries || is_late {
            self.bury(&target, &one);
            self.undelivered().take(number);
        } else {
            self.undelivered().change(number, |one| {
                one.retries = retries;
                one.due_millis = due_millis;
            });
        }
    }

    /// As EventBridge does: the event as it came, and why it is here
    /// (<https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html>).
    fn bury(&self, target: &Target, one: &Undelivered) {
        let text = |text: String| json!({"DataType": "String", "StringValue": text});
        let arn = |kind: &str| format!("arn:aws:{kind}:{REGION}:000000000000:");
        let attributes = BTreeMap::from([
            (
                "RULE_ARN".to_owned(),
                text(format!("{}rule/{EVENT_BUS}/{}", arn("events"), one.rule)),
            ),
            ("TARGET_ARN".to_owned(), text(arn("sqs") + &one.queue)),
            ("ERROR_CODE".to_owned(), text("SDK_CLIENT_ERROR".to_owned())),
            ("RETRY_ATTEMPTS".to_owned(), text(one.retries.to_string())),
        ]);
        let letters = target.dead_letters.as_deref();
        self.0
            .queues
            .bury(letters, one.event.to_string(), attributes);
    }

    /// Whether the target has taken the event, as far as the bus knows.
    fn deliver(&self, target: &Target, event: &Value) -> bool {
        let trip = self.0.wire.trip("sqs", "SendMessage");
        if trip == Some(Trip::Before) {
            return false;
        }
        let mut fields = target.input_path.iter();
        let part = fields.try_fold(event, |part, field| part.get(field));
        let body = part.unwrap_or(&Value::Null).to_string();
        self.0.queues.send(&target.queue, body, BTreeMap::new());
        trip.is_none()
    }

    /// Leads an event to every target whose rule takes it.
    fn publish(&self, event: &Value) {
        let now = self.now();
        for rule in self.0.rules.iter().filter(|rule| rule.pattern.takes(event)) {
            for target in &rule.targets {
                if !self.deliver(target, event) {
                    self.undelivered().add(Undelivered {
                        rule: rule.id.clone(),
                        queue: target.queue.clone(),
                        event: event.clone(),
                        first_millis: now,
                        due_millis: now + FIRST_WAIT_SECONDS * 1_000,
                        retries: 0,
                    });
                }
            }
        }
    }

    /// The event of an entry, or what EventBridge says is wrong with it.
    fn event(&self, entry: &Value) -> Result<Value, (&'static str, &'static str)> {
        let text = |field: &str| {
            let text = entry.get(field).and_then(Value::as_str);
            text.filter(|text| !text.is_empty())
        };
        let malformed = ("MalformedDetail", "Detail is malformed.");
        let missing = (
            "InvalidArgument",
            "Parameter Source, DetailType or Detail is not valid.",
        );
        let source = text("Source").ok_or(missing)?;
        let detail_type = text("DetailType").ok_or(missing)?;
        let detail = text("Detail").ok_or(missing)?;
        let detail: Value = serde_json::from_str(detail).map_err(|_| malformed)?;
        if !detail.is_object() {
            return Err(malformed);
        }
        let time = match entry.get("Time").and_then(Value::as_f64) {
            Some(seconds) => jiff::SignedDuration::try_from_secs_f64(seconds)
                .ok()
                .and_then(|since| jiff::Timestamp::UNIX_EPOCH.checked_add(since).ok())
                .ok_or(("InvalidArgument", "Parameter Time is not valid."))?,
            None => self.0.clock.now(),
        };
        Ok(json!({
            "version": "0",
            "id": pesan_sandbox::fresh_id(),
            "detail-type": detail_type,
            "source": source,
            "account": "000000000000",
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "region": REGION,
            "resources": entry.get("Resources").cloned().unwrap_or_else(|| json!([])),
            "detail": detail,
        }))
    }

    fn put_events(&self, entries: &[Value], every_other_fails: bool) -> Value {
        let mut failed = 0;
        let mut answers = Vec::new();
        for (place, entry) in entries.iter().enumerate() {
            let event = if every_other_fails && place % 2 == 0 {
                Err(("InternalFailure", "a fault on order"))
            } else {
                self.event(entry)
            };
            answers.push(match event {
                Ok(event) => {
                    self.publish(&event);
                    json!({"EventId": event.get("id")})
                }
                Err((code, message)) => {
                    failed += 1;
                    json!({"ErrorCode": code, "ErrorMessage": message})
                }
            });
        }
        json!({"FailedEntryCount": failed, "Entries": answers})
    }
}

async fn call(
    State(bus): State<Bus>,
    headers: HeaderMap,
    extensions: Extensions,
    body: Bytes,
) -> Response {
    let target = headers
        .get("x-amz-target")
        .and_then(|value| value.to_str().ok());
    if target != Some("AWSEvents.PutEvents") {
        return refused("UnknownOperationException", "only PutEvents is here");
    }
    let request: Value = serde_json::from_slice(&body).unwrap_or_default();
    let Some(entries) = request.get("Entries").and_then(Value::as_array) else {
        return refused("ValidationException", "Entries must not be null");
    };
    if entries.is_empty() || entries.len() > MOST_ENTRIES || body.len() > MOST_BYTES {
        return refused(
            "ValidationException",
            "from 1 to 10 entries of 1 MB together",
        );
    }
    // An entry without a name would go to the account's default bus, where nobody listens.
    let is_ours =
        |entry: &Value| entry.get("EventBusName").and_then(Value::as_str) == Some(EVENT_BUS);
    if !entries.iter().all(is_ours) {
        return refused("ResourceNotFoundException", "there is no such event bus");
    }
    let partial = extensions.get::<PartialFailure>().is_some();
    let answer = bus.put_events(entries, partial);
    ([(header::CONTENT_TYPE, WIRE)], answer.to_string()).into_response()
}

fn refused(kind: &str, message: &str) -> Response {
    let body = json!({"__type": kind, "message": message}).to_string();
    (
        StatusCode::BAD_REQUEST,
        [(header::CONTENT_TYPE, WIRE)],
        body,
    )
        .into_response()
}
