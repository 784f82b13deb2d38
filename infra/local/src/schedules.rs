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
use crate::template::timing::Timing;

const SCHEDULED_TIME: &str = "<aws.scheduler.scheduled-time>";
const MINUTE_MILLIS: i64 = 60_000;

/// A clone is the same ones.
#[derive(Clone)]
pub struct Schedules(Arc<Inner>);

struct Inner {
    /// Each with when it is next due.
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
        let mut schedules = Vec::new();
        for schedule in &messaging.schedules {
            payload(schedule, clock.now()).with_context(|| {
                format!(
                    "the schedule {} has an Input that is no JSON",
                    schedule.name
                )
            })?;
            let next = AtomicI64::new(next_millis(schedule, clock.now()));
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

    /// Calls every function whose rate has come, once.
    pub async fn run_due(&self) {
        let now = self.now();
        for (schedule, next) in &self.0.schedules {
            if let Timing::Rate { every_seconds } = schedule.timing
                && next.load(Ordering::SeqCst) <= now
            {
                next.store(now + every_seconds * 1_000, Ordering::SeqCst);
                self.fire(&schedule.name, self.0.clock.now()).await;
            }
        }
    }

    /// When a function is next called by the clock of a zone.
    pub fn next_cron(&self) -> Option<i64> {
        self.first_cron()
            .map(|(_, next)| next.load(Ordering::SeqCst))
    }

    /// Calls the functions whose hour has come, in order, each for its own instant.
    pub async fn run_crons(&self) {
        while let Some((schedule, next)) = self.first_cron() {
            let instant = next.load(Ordering::SeqCst);
            let Ok(scheduled_at) = Timestamp::from_millisecond(instant) else {
                return;
            };
            if instant > self.now() {
                return;
            }
            next.store(next_millis(schedule, scheduled_at), Ordering::SeqCst);
            self.fire(&schedule.name, scheduled_at).await;
        }
    }

    fn first_cron(&self) -> Option<&(Schedule, AtomicI64)> {
        let schedules = self.0.schedules.iter();
        let crons = schedules.filter(|(schedule, _)| match schedule.timing {
            Timing::Cron(_) => true,
            Timing::Rate { .. } => false,
        });
        crons.min_by_key(|(_, next)| next.load(Ordering::SeqCst))
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

/// When a schedule is due after an instant; never again at the end of all time.
fn next_millis(schedule: &Schedule, after: Timestamp) -> i64 {
    match &schedule.timing {
        Timing::Rate { every_seconds } => after.as_millisecond() + every_seconds * 1_000,
        Timing::Cron(cron) => cron
            .next(after)
            .map_or(i64::MAX, |next| next.as_millisecond()),
    }
}

#[cfg(test)]
mod tests {
    use pesan_lambda::Env;

    use super::*;
    use crate::invoke::Environments;

    fn schedule(name: &str, expression: &str, zone: Option<&str>) -> Schedule {
        Schedule {
            name: name.to_owned(),
            function: "BillingFunction".to_owned(),
            timing: Timing::parse(expression, zone).unwrap(),
            input: format!(r#"{{"schedule":"{name}","scheduled_at":"{SCHEDULED_TIME}"}}"#),
        }
    }

    /// Schedules of a function that never ends well, so that what it was called with is kept.
    fn opened(clock: &Turnable) -> Schedules {
        let messaging = Messaging {
            schedules: vec![
                schedule("MonthEnd", "cron(0 9 L * ? *)", Some("Asia/Jakarta")),
                schedule("Daily", "cron(0 9 * * ? *)", Some("Asia/Jayapura")),
                schedule("Minute", "rate(1 minute)", None),
            ],
            ..Messaging::default()
        };
        let pool = Environments::new(clock.clock()).pool("no-function", |_| Env::default());
        let pools = BTreeMap::from([("BillingFunction".to_owned(), pool)]);
        let activity = Activity::default();
        let queues = Queues::open(&messaging, |_| None, clock.clone(), activity.clone()).unwrap();
        Schedules::open(
            &messaging,
            Arc::new(pools),
            queues,
            None,
            clock.clone(),
            activity,
        )
        .unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[tokio::test]
    async fn d16_each_cron_is_called_for_its_own_instant_and_in_order() {
        let clock = Turnable::open(None);
        clock.set(at("2026-11-29T12:00:00Z")).unwrap();
        let schedules = opened(&clock);
        let next = |schedules: &Schedules| {
            Timestamp::from_millisecond(schedules.next_cron().unwrap()).unwrap()
        };
        assert_eq!(next(&schedules), at("2026-11-30T00:00:00Z"));
        schedules.run_crons().await;
        assert_eq!(schedules.events().iter().count(), 0, "nothing is due yet");

        // However late the clock is looked at.
        clock.set(at("2026-12-01T12:00:00Z")).unwrap();
        schedules.run_crons().await;
        schedules.run_crons().await;
        let events = schedules.events();
        let called = events.iter().map(|(_, event)| event.payload.clone());
        assert_eq!(
            called.collect::<Vec<_>>(),
            [
                json!({"schedule": "Daily", "scheduled_at": "2026-11-30T00:00:00Z"}),
                json!({"schedule": "MonthEnd", "scheduled_at": "2026-11-30T02:00:00Z"}),
                json!({"schedule": "Daily", "scheduled_at": "2026-12-01T00:00:00Z"}),
            ]
        );
        drop(events);
        assert_eq!(next(&schedules), at("2026-12-02T00:00:00Z"));
    }
}
