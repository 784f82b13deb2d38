//! The line itself: what is folded into it, and how it is written.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Instant, SystemTime};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::{Event, Level};

/// A vendor's words are cut here.
const LONGEST: usize = 300;

/// What came of a request.
const WORD: [&str; 4] = ["kind", "outcome", "error", "reason"];

/// What the line itself says, whoever else would.
const OWN: [&str; 13] = [
    "timestamp",
    "level",
    "request_id",
    "function",
    "status",
    "alarm_names",
    "alarms",
    "requests",
    "faults",
    "milliseconds",
    "round_trips",
    "parameter_reads",
    "vendor_calls",
];

/// One request as it goes on.
pub(super) struct Line {
    began: Instant,
    level: Level,
    request_id: String,
    function: String,
    status: Option<u64>,
    word: BTreeMap<&'static str, Value>,
    word_level: Level,
    facts: BTreeMap<&'static str, Value>,
    alarms: Vec<String>,
    round_trips: u64,
    parameter_reads: u64,
    vendor_calls: u64,
}

impl Line {
    pub fn begin() -> Self {
        Self {
            began: Instant::now(),
            level: Level::INFO,
            request_id: String::new(),
            function: String::new(),
            status: None,
            word: BTreeMap::new(),
            word_level: Level::TRACE,
            facts: BTreeMap::new(),
            alarms: Vec::new(),
            round_trips: 0,
            parameter_reads: 0,
            vendor_calls: 0,
        }
    }

    /// Takes what the request's span itself carries.
    pub fn own(&mut self) -> impl Visit {
        Values(|field: &'static str, value: Value| match (field, value) {
            ("request_id", Value::String(id)) => self.request_id = id,
            ("function", Value::String(name)) => self.function = name,
            ("status", value) => self.status = value.as_u64(),
            _ => {}
        })
    }

    /// Counts a call that leaves.
    pub fn calls(&mut self) -> impl Visit {
        Values(|_, to: Value| {
            let count = match to.as_str() {
                Some("dynamodb") => &mut self.round_trips,
                Some("ssm") => &mut self.parameter_reads,
                _ => &mut self.vendor_calls,
            };
            *count = count.saturating_add(1);
        })
    }

    /// Takes an event's fields. What came of the request is said by one event as a whole: the
    /// gravest that names an outcome, the last of several. Other facts are gathered from all.
    pub fn fold(&mut self, event: &Event<'_>) {
        let level = *event.metadata().level();
        self.level = self.level.min(level);
        let mut said = BTreeMap::new();
        event.record(&mut Values(|field: &'static str, value: Value| {
            said.insert(field, value);
        }));
        said.retain(|field, _| !OWN.contains(field));
        if let Some(Value::String(alarm)) = said.remove("alarm")
            && !self.alarms.contains(&alarm)
        {
            self.alarms.push(alarm);
        }
        if said.contains_key("outcome") {
            let word: BTreeMap<_, _> = WORD
                .iter()
                .filter_map(|field| said.remove_entry(field))
                .collect();
            if level <= self.word_level {
                self.word_level = level;
                self.word = word;
            }
        }
        self.facts.extend(said);
    }

    /// What is written when the request is over.
    pub fn end(self, namespace: &str) -> String {
        let mut said = self.facts;
        said.extend(self.word);
        said.entry("kind").or_insert_with(|| "request".into());
        said.entry("outcome")
            .or_insert_with(|| match (self.status, self.alarms.as_slice()) {
                (None, _) => "cut off".into(),
                (Some(_), [alarm, ..]) => alarm.as_str().into(),
                (Some(_), []) => "answered".into(),
            });
        let now = now();
        let milliseconds = (self.began.elapsed().as_secs_f64() * 10_000.0).round() / 10.0;
        written(&Request {
            timestamp: format!("{now:.3}"),
            level: self.level.as_str(),
            request_id: &self.request_id,
            function: &self.function,
            said,
            alarm_names: &self.alarms,
            status: self.status,
            parameter_reads: self.parameter_reads,
            vendor_calls: self.vendor_calls,
            requests: 1,
            faults: u8::from(self.status.is_none_or(|status| status >= 500)),
            alarms: self.alarms.len(),
            milliseconds,
            round_trips: self.round_trips,
            metrics: Metrics::at(now, namespace),
        })
    }
}

/// The line of an event that no request caused.
pub(super) fn outside(event: &Event<'_>) -> String {
    let mut said = BTreeMap::new();
    event.record(&mut Values(|field: &'static str, value: Value| {
        said.insert(field, value);
    }));
    written(&Outside {
        timestamp: format!("{:.3}", now()),
        level: event.metadata().level().as_str(),
        target: event.metadata().target(),
        said,
    })
}

#[derive(Serialize)]
struct Request<'a> {
    timestamp: String,
    level: &'a str,
    request_id: &'a str,
    function: &'a str,
    #[serde(flatten)]
    said: BTreeMap<&'a str, Value>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    alarm_names: &'a [String],
    /// None where the environment ended before there was an answer.
    status: Option<u64>,
    parameter_reads: u64,
    vendor_calls: u64,
    requests: u8,
    faults: u8,
    alarms: usize,
    milliseconds: f64,
    round_trips: u64,
    #[serde(rename = "_aws")]
    metrics: Metrics<'a>,
}

#[derive(Serialize)]
struct Outside<'a> {
    timestamp: String,
    level: &'a str,
    target: &'a str,
    #[serde(flatten)]
    said: BTreeMap<&'a str, Value>,
}

/// Which members of the line are metrics.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metrics<'a> {
    timestamp: i64,
    cloud_watch_metrics: [Directive<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Directive<'a> {
    namespace: &'a str,
    dimensions: [[&'static str; 1]; 1],
    metrics: [Metric; 5],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metric {
    name: &'static str,
    unit: &'static str,
}

impl<'a> Metrics<'a> {
    fn at(now: Timestamp, namespace: &'a str) -> Self {
        let metric = |name, unit| Metric { name, unit };
        Self {
            timestamp: now.as_millisecond(),
            cloud_watch_metrics: [Directive {
                namespace,
                dimensions: [["function"]],
                metrics: [
                    metric("requests", "Count"),
                    metric("faults", "Count"),
                    metric("alarms", "Count"),
                    metric("milliseconds", "Milliseconds"),
                    metric("round_trips", "Count"),
                ],
            }],
        }
    }
}

/// The machine's time: it dates the log and decides nothing.
fn now() -> Timestamp {
    Timestamp::try_from(SystemTime::now()).unwrap_or_default()
}

fn written(line: &impl Serialize) -> String {
    let mut text = serde_json::to_string(line).unwrap_or_default();
    text.push('\n');
    text
}

/// Hands each field on as JSON.
struct Values<F>(F);

impl<F: FnMut(&'static str, Value)> Values<F> {
    fn text(&mut self, field: &Field, text: &str) {
        let text: String = text.chars().take(LONGEST).collect();
        (self.0)(field.name(), text.into());
    }
}

impl<F: FnMut(&'static str, Value)> Visit for Values<F> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        (self.0)(field.name(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        (self.0)(field.name(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        (self.0)(field.name(), value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        (self.0)(field.name(), value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.text(field, &format!("{value:?}"));
    }
}
