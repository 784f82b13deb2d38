//! What the template says about streams, the event bus, queues and schedules. A property that is
//! not named here is refused by its name: what nothing honours must not look as if it were.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, bail, ensure};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::timing::Timing;
use crate::patterns::Pattern;

/// The message path, by logical ids.
#[derive(Debug, Default)]
pub struct Messaging {
    /// The event bus; its rules are its own.
    pub bus: Option<String>,
    /// The rules of the bus.
    pub rules: Vec<Rule>,
    /// The queues.
    pub queues: BTreeMap<String, Queue>,
    /// Functions that read the table's stream.
    pub streams: Vec<StreamSource>,
    /// Functions that read a queue.
    pub consumers: Vec<Consumer>,
    /// Functions that are called at times.
    pub schedules: Vec<Schedule>,
    /// What becomes of a function's asynchronous invocations that fail.
    pub failures: BTreeMap<String, Failures>,
}

/// A queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queue {
    /// How long a received message is hidden, in seconds.
    pub visibility_seconds: i64,
    /// How long a message waits before it is first seen, in seconds.
    pub delay_seconds: i64,
    /// How long a message is kept, in seconds.
    pub retention_seconds: i64,
    /// Where a message goes that was received this often, and not done with.
    pub redrive: Option<(String, u32)>,
}

/// A rule of the bus.
#[derive(Debug)]
pub struct Rule {
    /// Its logical id.
    pub id: String,
    /// What it takes.
    pub pattern: Pattern,
    /// Where it leads.
    pub targets: Vec<Target>,
}

/// A queue that a rule sends to.
#[derive(Clone, Debug)]
pub struct Target {
    /// The queue.
    pub queue: String,
    /// The fields from the event's root to what is sent; none for all of it.
    pub input_path: Vec<String>,
    /// Where goes what could not be sent.
    pub dead_letters: Option<String>,
    /// How long it is tried, in seconds.
    pub most_seconds: i64,
    /// How often it is tried again.
    pub most_retries: u32,
}

/// How a function reads the table's stream.
#[derive(Clone, Debug)]
pub struct StreamSource {
    /// The function.
    pub function: String,
    /// One of them is enough; none takes everything.
    pub filters: Vec<Pattern>,
    /// Records an invocation.
    pub batch: usize,
    /// Whether a batch that fails is halved.
    pub bisects: bool,
    /// How often a batch is tried again; none for ever.
    pub most_retries: Option<u32>,
    /// How old a record may become, in seconds; none for ever.
    pub most_seconds: Option<i64>,
    /// Whether the answer names the records that failed.
    pub names_failures: bool,
    /// Where the news goes of records that were given up.
    pub dead_letters: Option<String>,
}

/// How a function reads a queue.
#[derive(Clone, Debug)]
pub struct Consumer {
    /// The function.
    pub function: String,
    /// The queue.
    pub queue: String,
    /// Messages an invocation.
    pub batch: usize,
    /// Invocations at the same moment.
    pub concurrency: usize,
    /// Whether the answer names the messages that failed.
    pub names_failures: bool,
}

/// When a function is called.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// The event's name in the function.
    pub name: String,
    /// The function.
    pub function: String,
    /// When.
    pub timing: Timing,
    /// What it is called with, the scheduled time not written into it yet.
    pub input: String,
}

/// What becomes of an asynchronous invocation that fails.
#[derive(Clone, Debug)]
pub struct Failures {
    /// How often it is tried again.
    pub most_retries: u32,
    /// How long it is tried, in seconds.
    pub most_seconds: i64,
    /// Where the news goes of an event that was given up.
    pub dead_letters: Option<String>,
}

impl Default for Failures {
    fn default() -> Self {
        Self {
            most_retries: 2,
            most_seconds: 6 * 3600,
            dead_letters: None,
        }
    }
}

const REPORT: &str = "ReportBatchItemFailures";
/// What a queue source takes at once where nothing is said.
const MOST_CONCURRENCY: usize = 1_000;

impl Messaging {
    /// Takes a resource in, if it is of the message path.
    pub(super) fn take(
        &mut self,
        id: &str,
        kind: &str,
        properties: &Value,
    ) -> anyhow::Result<bool> {
        match kind {
            "AWS::Events::EventBus" => {
                ensure!(self.bus.is_none(), "it is a second bus");
                let BusProperties { .. } = read(properties)?;
                self.bus = Some(id.to_owned());
            }
            "AWS::Events::Rule" => self.rules.push(rule(id, read(properties)?)?),
            "AWS::SQS::Queue" => {
                self.queues
                    .insert(id.to_owned(), queue(&read(properties)?)?);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Takes a function's events in.
    pub(super) fn take_function(&mut self, id: &str, properties: &Value) -> anyhow::Result<()> {
        let events = properties.get("Events").and_then(Value::as_object);
        for (name, event) in events.into_iter().flatten() {
            self.take_event(id, name, event)
                .with_context(|| format!("{id} has the event {name}"))?;
        }
        if let Some(config) = properties.get("EventInvokeConfig") {
            let failures = failures(read(config)?)
                .with_context(|| format!("{id} has an EventInvokeConfig"))?;
            self.failures.insert(id.to_owned(), failures);
        }
        Ok(())
    }

    fn take_event(&mut self, id: &str, name: &str, event: &Value) -> anyhow::Result<()> {
        let properties = event.get("Properties").cloned().unwrap_or_default();
        let function = id.to_owned();
        match event.get("Type").and_then(Value::as_str) {
            Some("DynamoDB") => self.streams.push(stream(function, read(&properties)?)?),
            Some("SQS") => self.consumers.push(consumer(function, read(&properties)?)?),
            Some("ScheduleV2") => {
                self.schedules
                    .push(schedule(function, name, read(&properties)?)?);
            }
            kind => bail!(
                "the local stack does not send {}",
                kind.unwrap_or("nothing")
            ),
        }
        Ok(())
    }

    /// Holds that everything that is named is there.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        let mut named: Vec<&String> = Vec::new();
        for rule in &self.rules {
            ensure!(self.bus.is_some(), "{} is a rule of no bus", rule.id);
            for target in &rule.targets {
                named.push(&target.queue);
                named.extend(&target.dead_letters);
            }
        }
        named.extend(
            self.queues
                .values()
                .filter_map(|queue| Some(&queue.redrive.as_ref()?.0)),
        );
        named.extend(
            self.streams
                .iter()
                .filter_map(|source| source.dead_letters.as_ref()),
        );
        named.extend(
            self.failures
                .values()
                .filter_map(|failures| failures.dead_letters.as_ref()),
        );
        named.extend(self.consumers.iter().map(|consumer| &consumer.queue));
        for name in named {
            ensure!(
                self.queues.contains_key(name),
                "{name} is no queue of the template"
            );
        }
        let queues = self.consumers.iter().map(|one| one.queue.as_str());
        if let Some(queue) = twice(queues) {
            bail!("{queue} is read by two functions");
        }
        if let Some(name) = twice(self.schedules.iter().map(|one| one.name.as_str())) {
            bail!("two schedules are called {name}");
        }
        Ok(())
    }
}

fn twice<'a>(names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut seen = BTreeSet::new();
    names.into_iter().find(|name| !seen.insert(*name))
}

fn read<T: DeserializeOwned>(properties: &Value) -> anyhow::Result<T> {
    let properties = match properties {
        Value::Null => Value::Object(Map::new()),
        there => there.clone(),
    };
    serde_json::from_value(properties)
        .map_err(|error| anyhow::anyhow!("not honoured here: {error}"))
}

/// The logical id in `!GetAtt Id.Attribute`.
fn of(reference: &Value, attribute: &str) -> anyhow::Result<String> {
    let id = match reference.get("Fn::GetAtt") {
        Some(Value::String(path)) => path
            .strip_suffix(attribute)
            .and_then(|id| id.strip_suffix('.')),
        Some(Value::Array(path)) if path.get(1).and_then(Value::as_str) == Some(attribute) => {
            path.first().and_then(Value::as_str)
        }
        _ => None,
    };
    id.map(str::to_owned)
        .with_context(|| format!("{reference} is not the {attribute} of something in the template"))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct BusProperties {
    #[serde(rename = "Name")]
    _name: Value,
    #[serde(rename = "Description")]
    _description: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct QueueProperties {
    visibility_timeout: Option<i64>,
    delay_seconds: Option<i64>,
    message_retention_period: Option<i64>,
    redrive_policy: Option<Redrive>,
    #[serde(rename = "SqsManagedSseEnabled")]
    _encrypted: Option<bool>,
    #[serde(rename = "RedriveAllowPolicy")]
    _allowed: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Redrive {
    dead_letter_target_arn: Value,
    max_receive_count: u32,
}

fn queue(properties: &QueueProperties) -> anyhow::Result<Queue> {
    let redrive = properties.redrive_policy.as_ref();
    let redrive = redrive.map(|redrive| {
        let to = of(&redrive.dead_letter_target_arn, "Arn")?;
        anyhow::Ok((to, redrive.max_receive_count))
    });
    Ok(Queue {
        visibility_seconds: properties.visibility_timeout.unwrap_or(30),
        delay_seconds: properties.delay_seconds.unwrap_or(0),
        retention_seconds: properties.message_retention_period.unwrap_or(345_600),
        redrive: redrive.transpose()?,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct RuleProperties {
    #[serde(rename = "Description")]
    _description: Option<String>,
    event_bus_name: Value,
    event_pattern: Value,
    state: Option<String>,
    targets: Vec<TargetProperties>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct TargetProperties {
    #[serde(rename = "Id")]
    _id: String,
    arn: Value,
    input_path: Option<String>,
    dead_letter_config: Option<ArnOnly>,
    retry_policy: Option<Retries>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct ArnOnly {
    arn: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Retries {
    maximum_event_age_in_seconds: Option<i64>,
    maximum_retry_attempts: Option<u32>,
}

fn rule(id: &str, properties: RuleProperties) -> anyhow::Result<Rule> {
    ensure!(
        properties.event_bus_name.get("Ref").is_some(),
        "EventBusName is no reference to the template's bus"
    );
    ensure!(
        properties.state.as_deref().unwrap_or("ENABLED") == "ENABLED",
        "it is not enabled"
    );
    let targets = properties.targets.into_iter().map(target);
    Ok(Rule {
        id: id.to_owned(),
        pattern: Pattern::parse(&properties.event_pattern).context("EventPattern")?,
        targets: targets.collect::<anyhow::Result<_>>()?,
    })
}

fn target(properties: TargetProperties) -> anyhow::Result<Target> {
    let retries = properties.retry_policy;
    let dead_letters = properties.dead_letter_config;
    let path = properties.input_path.as_deref().unwrap_or("$");
    let fields = path.strip_prefix('$').context("InputPath begins with $")?;
    let fields = fields.split('.').filter(|field| !field.is_empty());
    ensure!(
        !path.contains(['[', '*']),
        "InputPath {path} is more than the local stack reads"
    );
    Ok(Target {
        queue: of(&properties.arn, "Arn")?,
        input_path: fields.map(str::to_owned).collect(),
        dead_letters: dead_letters.map(|to| of(&to.arn, "Arn")).transpose()?,
        most_seconds: retries
            .as_ref()
            .and_then(|retries| retries.maximum_event_age_in_seconds)
            .unwrap_or(86_400),
        most_retries: retries
            .and_then(|retries| retries.maximum_retry_attempts)
            .unwrap_or(185),
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct StreamProperties {
    stream: Value,
    starting_position: String,
    batch_size: Option<usize>,
    maximum_batching_window_in_seconds: Option<u32>,
    filter_criteria: Option<Filters>,
    bisect_batch_on_function_error: Option<bool>,
    maximum_retry_attempts: Option<u32>,
    maximum_record_age_in_seconds: Option<i64>,
    function_response_types: Option<Vec<String>>,
    destination_config: Option<Destinations>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Filters {
    filters: Vec<Filter>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Filter {
    pattern: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Destinations {
    on_failure: Destination,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Destination {
    #[serde(rename = "Type")]
    kind: String,
    destination: Value,
}

impl Destinations {
    fn queue(&self) -> anyhow::Result<String> {
        let kind = &self.on_failure.kind;
        ensure!(kind == "SQS", "OnFailure is a {kind}");
        of(&self.on_failure.destination, "Arn")
    }
}

fn names_failures(types: Option<&Vec<String>>) -> anyhow::Result<bool> {
    let types = types.map(Vec::as_slice).unwrap_or_default();
    match types.iter().find(|one| *one != REPORT) {
        Some(other) => bail!("FunctionResponseTypes: {other}"),
        None => Ok(!types.is_empty()),
    }
}

fn no_window(seconds: Option<u32>) -> anyhow::Result<()> {
    ensure!(
        seconds.unwrap_or(0) == 0,
        "MaximumBatchingWindowInSeconds: the local stack waits for no batch to fill"
    );
    Ok(())
}

fn stream(function: String, properties: StreamProperties) -> anyhow::Result<StreamSource> {
    of(&properties.stream, "StreamArn")?;
    no_window(properties.maximum_batching_window_in_seconds)?;
    let start = &properties.starting_position;
    ensure!(start == "TRIM_HORIZON", "StartingPosition: {start}");
    let filters = properties.filter_criteria.map(|criteria| criteria.filters);
    let filters = filters.unwrap_or_default().into_iter().map(|filter| {
        let pattern = serde_json::from_str(&filter.pattern).context("a filter that is no JSON")?;
        Pattern::parse(&pattern)
    });
    let destinations = properties.destination_config;
    Ok(StreamSource {
        function,
        filters: filters.collect::<anyhow::Result<_>>()?,
        batch: properties.batch_size.unwrap_or(100),
        bisects: properties.bisect_batch_on_function_error.unwrap_or(false),
        most_retries: properties.maximum_retry_attempts,
        most_seconds: properties.maximum_record_age_in_seconds,
        names_failures: names_failures(properties.function_response_types.as_ref())?,
        dead_letters: destinations.map(|to| to.queue()).transpose()?,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct ConsumerProperties {
    queue: Value,
    batch_size: Option<usize>,
    maximum_batching_window_in_seconds: Option<u32>,
    function_response_types: Option<Vec<String>>,
    scaling_config: Option<Scaling>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Scaling {
    maximum_concurrency: usize,
}

fn consumer(function: String, properties: ConsumerProperties) -> anyhow::Result<Consumer> {
    no_window(properties.maximum_batching_window_in_seconds)?;
    let scaling = properties.scaling_config;
    Ok(Consumer {
        function,
        queue: of(&properties.queue, "Arn")?,
        batch: properties.batch_size.unwrap_or(10),
        concurrency: scaling.map_or(MOST_CONCURRENCY, |scaling| scaling.maximum_concurrency),
        names_failures: names_failures(properties.function_response_types.as_ref())?,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct ScheduleProperties {
    #[serde(rename = "Description")]
    _description: Option<String>,
    schedule_expression: String,
    schedule_expression_timezone: Option<String>,
    input: Option<String>,
    // What keeps the scheduler from calling a function at all does not happen here.
    #[serde(rename = "RetryPolicy")]
    _retries: Option<Retries>,
    dead_letter_config: Option<ArnOnly>,
}

fn schedule(
    function: String,
    name: &str,
    properties: ScheduleProperties,
) -> anyhow::Result<Schedule> {
    if let Some(to) = &properties.dead_letter_config {
        of(&to.arn, "Arn")?;
    }
    let zone = properties.schedule_expression_timezone.as_deref();
    Ok(Schedule {
        name: name.to_owned(),
        function,
        timing: Timing::parse(&properties.schedule_expression, zone)?,
        input: properties.input.unwrap_or_else(|| "{}".to_owned()),
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct InvokeConfig {
    maximum_event_age_in_seconds: Option<i64>,
    maximum_retry_attempts: Option<u32>,
    destination_config: Option<Destinations>,
}

fn failures(config: InvokeConfig) -> anyhow::Result<Failures> {
    let usual = Failures::default();
    let destinations = config.destination_config;
    Ok(Failures {
        most_retries: config.maximum_retry_attempts.unwrap_or(usual.most_retries),
        most_seconds: config
            .maximum_event_age_in_seconds
            .unwrap_or(usual.most_seconds),
        dead_letters: destinations.map(|to| to.queue()).transpose()?,
    })
}
