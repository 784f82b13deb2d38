//! Functions that are called at times, and asynchronously: what fails is tried again after one
//! minute and after two, then goes to the dead letters
//! (<https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html>).

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::activity::Activity;
use crate::clock::Turnable;
use crate::invoke::{Outcome, Pool};
use crate::kept::Kept;
use crate::queues::Queues;
use crate::stack::REGION;
use crate::template::messaging::{Failures, Messaging, Schedule};

const SCHEDULED_TIME: &str = "<aws.scheduler.scheduled-time>";
const MINUTE_MILLIS: i64 = 60_000;

/// A clone is the same ones.
#[derive(Clone)]
pub struct Schedules(Arc<Inner>);

struct Inner {
    schedules: Vec<(Schedule, AtomicI64)>,
    /// The one that looks for due rows.
    reconciler: Option<String>,
    pools: Arc<BTreeMap<String, Pool>>,
    failures: BTreeMap<String, Failures>,
    events: Mutex<Kept<Event>>,
    queues: Queues,
    clock: Turnable,
    activity: Activity,
}

/// An event that no invocation has ended well with yet.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Event {
    function: String,
    payload: Value,
    first_millis: i64,
    /// When it is tried again, should the try under way fail.
    due_millis: i64,
    tries: u32,
}

impl Schedules {
    /// As the template has them, with what the last run had still to try.
    ///
    /// # Errors
    /// When that cannot be read, or an input is no JSON.
    pub fn open(
        messaging: &Messaging,
        pools: Arc<BTreeMap<String, Pool>>,
        queues: Queues,
        file: Option<PathBuf>,
        clock: Turnable,
        activity: Activity,
    ) -> anyhow::Result<Self> {
        let now = clock.now().as_millisecond();
        let mut schedules = Vec::new();
        for schedule in &messaging.schedules {
            payload(schedule, clock.now()).with_context(|| {
                format!(
                    "the schedule {} has an Input that is no JSON",
                    schedule.name
                )
            })?;
            let next = AtomicI64::new(now + schedule.every_seconds * 1_000);
            schedules.push((schedule.clone(), next));
        }
        let wakes = |schedule: &&Schedule| {
            pools
                .get(&schedule.function)
                .is_some_and(|pool| pool.binary() == "reconciler")
        };
        let reconciler = messaging.schedules.iter().find(wakes);
        Ok(Self(Arc::new(Inner {
            reconciler: reconciler.map(|schedule| schedule.name.clone()),
            schedules,
            pools,
            failures: messaging.failures.clone(),
            events: Mutex::new(Kept::open(file)?),
            queues,
            clock,
            activity,
        })))
    }

    fn now(&self) -> i64 {
        self.0.clock.now().as_millisecond()
    }

    fn events(&self) -> MutexGuard<'_, Kept<Event>> {
        self.0.events.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Their names.
    pub fn names(&self) -> Vec<&str> {
        let schedules = self.0.schedules.iter();
        schedules
            .map(|(schedule, _)| schedule.name.as_str())
            .collect()
    }

    /// Calls the function of a schedule, whatever the case of its name, and returns when it has
    /// answered; whether there is such a schedule.
    pub async fn fire(&self, name: &str, scheduled_at: Timestamp) -> bool {
        let known = self.0.schedules.iter().map(|(schedule, _)| schedule);
        let Some(schedule) = known
            .into_iter()
            .find(|one| one.name.eq_ignore_ascii_case(name))
        else {
            return false;
        };
        if let Ok(payload) = payload(schedule, scheduled_at) {
            self.invoke(&schedule.function, payload).await;
        }
        true
    }

    /// Calls the function that looks for due rows, where the template has it.
    pub async fn reconcile(&self) {
        if let Some(name) = &self.0.reconciler {
            self.fire(name, self.0.clock.now()).await;
        }
    }

    /// Calls every function whose time has come, once.
    pub async fn run_due(&self) {
        let now = self.now();
        for (schedule, next) in &self.0.schedules {
            if next.load(Ordering::SeqCst) <= now {
                next.store(now + schedule.every_seconds * 1_000, Ordering::SeqCst);
                self.fire(&schedule.name, self.0.clock.now()).await;
            }
        }
    }

    /// When an event is next tried again.
    pub fn next_retry(&self) -> Option<i64> {
        let now = self.now();
        let events = self.events();
        let due = events.iter().map(|(_, event)| event.due_millis);
        due.filter(|due| *due > now).min()
    }

    /// Tries the events again that are due.
    pub async fn retry_due(&self) {
        let now = self.now();
        let due: Vec<u64> = {
            let events = self.events();
            let due = events.iter().filter(|(_, event)| event.due_millis <= now);
            due.map(|(number, _)| number).collect()
        };
        for number in due {
            self.attempt(number).await;
        }
    }

    async fn invoke(&self, function: &str, payload: Value) {
        let now = self.now();
        let number = self.events().add(Event {
            function: function.to_owned(),
            payload,
            first_millis: now,
            due_millis: now,
            tries: 0,
        });
        self.attempt(number).await;
    }

    async fn attempt(&self, number: u64) {
        let _flight = self.0.activity.flight();
        let now = self.now();
        let mut begun = None;
        self.events().change(number, |event| {
            event.tries += 1;
            event.due_millis = now + i64::from(event.tries) * MINUTE_MILLIS;
            begun = Some(event.clone());
        });
        let Some(event) = begun else { return };
        let Some(pool) = self.0.pools.get(&event.function) else {
            self.events().take(number);
            return;
        };
        if matches!(
            pool.send(event.payload.clone()).await,
            Outcome::Answered(Ok(_))
        ) {
            self.events().take(number);
            return;
        }
        let failures = self
            .0
            .failures
            .get(&event.function)
            .cloned()
            .unwrap_or_default();
        let is_late = event.due_millis > event.first_millis + failures.most_seconds * 1_000;
        if event.tries > failures.most_retries || is_late {
            self.bury(&event, &failures);
            self.events().take(number);
        }
    }

    /// As Lambda does: the whole event, which is enough to send it again.
    fn bury(&self, event: &Event, failures: &Failures) {
        let body = json!({
            "version": "1.0",
            "timestamp": self.0.clock.now().to_string(),
            "requestContext": {
                "requestId": pesan_sandbox::fresh_id(),
                "functionArn":
                    format!("arn:aws:lambda:{REGION}:000000000000:function:{}", event.function),
                "condition": "RetriesExhausted",
                "approximateInvokeCount": event.tries,
            },
            "requestPayload": event.payload,
            "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
            "responsePayload": null,
        });
        let letters = failures.dead_letters.as_deref();
        self.0
            .queues
            .bury(letters, body.to_string(), BTreeMap::new());
    }
}

fn payload(schedule: &Schedule, scheduled_at: Timestamp) -> anyhow::Result<Value> {
    let time = scheduled_at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    Ok(serde_json::from_str(
        &schedule.input.replace(SCHEDULED_TIME, &time),
    )?)
}
