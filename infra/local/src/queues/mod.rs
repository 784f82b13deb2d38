//! Queues, and the functions that read them: batches, partial failures, visibility and dead letters
//! as SQS and Lambda have them
//! (<https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>).

mod state;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tokio::sync::{Notify, Semaphore};

use crate::activity::{Activity, Flight};
use crate::clock::Turnable;
use crate::invoke::{Outcome, Pool};
use crate::stack::REGION;
use crate::template::messaging::{Consumer, Messaging};

use state::{Message, Queue};

/// All queues. A clone is the same ones.
#[derive(Clone)]
pub struct Queues(Arc<Inner>);

struct Inner {
    queues: BTreeMap<String, Slot>,
    /// Names of queues that hold dead letters and are read by nobody.
    dead: BTreeSet<String>,
    clock: Turnable,
    activity: Activity,
}

struct Slot {
    queue: Mutex<Queue>,
    /// Told when there may be something to receive.
    news: Notify,
    consumed: bool,
}

impl Slot {
    fn locked(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queues {
    /// As the template has them, with what the last run kept.
    pub fn open(
        messaging: &Messaging,
        file: impl Fn(&str) -> Option<PathBuf>,
        clock: Turnable,
        activity: Activity,
    ) -> anyhow::Result<Self> {
        let read: BTreeSet<&String> = messaging.consumers.iter().map(|one| &one.queue).collect();
        let mut queues = BTreeMap::new();
        for (name, settings) in &messaging.queues {
            let slot = Slot {
                queue: Mutex::new(Queue::open(
                    settings.clone(),
                    file(&format!("queue-{name}.jsonl")),
                )?),
                news: Notify::new(),
                consumed: read.contains(name),
            };
            queues.insert(name.clone(), slot);
        }
        let unread = queues.iter().filter(|(_, slot)| !slot.consumed);
        let dead = unread.map(|(name, _)| name.clone()).collect();
        Ok(Self(Arc::new(Inner {
            queues,
            dead,
            clock,
            activity,
        })))
    }

    fn now(&self) -> i64 {
        self.0.clock.now().as_millisecond()
    }

    /// Sends a message.
    pub fn send(&self, name: &str, body: String, attributes: BTreeMap<String, Value>) {
        let id = pesan_sandbox::fresh_id();
        self.accept(name, Message::new(id, body, attributes));
    }

    fn accept(&self, name: &str, message: Message) {
        // The template was checked: whatever is named is there.
        let Some(slot) = self.0.queues.get(name) else {
            return;
        };
        slot.locked().send(message, self.now());
        self.0.activity.moved();
        slot.news.notify_one();
    }

    /// Sends a dead letter, where there is a queue for it.
    pub fn bury(&self, name: Option<&str>, body: String, attributes: BTreeMap<String, Value>) {
        tracing::warn!(kind = "dead letter", queue = name.unwrap_or("none"));
        if let Some(name) = name {
            self.send(name, body, attributes);
        }
    }

    /// Looks again whether something has become visible.
    pub fn wake(&self) {
        for slot in self.0.queues.values() {
            slot.news.notify_one();
        }
    }

    /// Messages that a function is to be given now.
    pub fn waiting(&self) -> usize {
        let now = self.now();
        let consumed = self.0.queues.values().filter(|slot| slot.consumed);
        consumed.map(|slot| slot.locked().depths(now).visible).sum()
    }

    /// When the next message becomes visible to a function.
    pub fn next_due(&self) -> Option<i64> {
        let now = self.now();
        let consumed = self.0.queues.values().filter(|slot| slot.consumed);
        consumed
            .filter_map(|slot| slot.locked().next_due(now))
            .min()
    }

    /// What `GET /sandbox/queues` says.
    pub fn report(&self) -> Value {
        let now = self.now();
        let depth = |slot: &Slot| slot.locked().depths(now);
        let report = self.0.queues.iter().map(|(name, slot)| {
            slot.locked().expire(now);
            let mut own = depth(slot);
            let dead = if self.0.dead.contains(name) {
                let all = own.visible + own.in_flight + own.delayed;
                own = state::Depths::default();
                all
            } else {
                let letters = slot.locked().redrive().map(str::to_owned);
                let letters = letters.and_then(|name| self.0.queues.get(&name));
                letters.map_or(0, |slot| depth(slot).visible)
            };
            json!({
                "name": name,
                "visible": own.visible,
                "in_flight": own.in_flight,
                "delayed": own.delayed,
                "dead": dead,
            })
        });
        report.collect()
    }

    /// Everything in a queue, oldest first; none where there is no such queue.
    pub fn messages(&self, name: &str) -> Option<Value> {
        let queue = self.0.queues.get(name)?.locked();
        let messages = queue.messages();
        Some(messages.map(|(_, message)| json!(message)).collect())
    }

    /// Sends a queue's dead letters back into it; how many there were.
    pub fn redrive(&self, name: &str) -> Option<usize> {
        let letters = self.0.queues.get(name)?.locked().redrive()?.to_owned();
        let letters = self.0.queues.get(&letters)?;
        let numbers: Vec<u64> = letters
            .locked()
            .messages()
            .map(|(number, _)| number)
            .collect();
        for number in &numbers {
            let letter = letters.locked().delete(*number);
            if let Some(letter) = letter {
                self.accept(name, letter);
            }
        }
        Some(numbers.len())
    }

    /// Gives a function what comes into its queue, for as long as the process lives.
    pub fn consume(&self, consumer: Consumer, pool: Pool) {
        let queues = self.clone();
        let places = Arc::new(Semaphore::new(consumer.concurrency));
        tokio::spawn(async move {
            while let Ok(place) = Arc::clone(&places).acquire_owned().await {
                let Some(slot) = queues.0.queues.get(&consumer.queue) else {
                    return;
                };
                match queues.receive(slot, consumer.batch) {
                    Some((batch, flight)) => {
                        let (queues, consumer) = (queues.clone(), consumer.clone());
                        let pool = pool.clone();
                        tokio::spawn(async move {
                            queues.handle(&consumer, &pool, batch).await;
                            drop(flight);
                            drop(place);
                        });
                    }
                    None => {
                        drop(place);
                        slot.news.notified().await;
                    }
                }
            }
        });
    }

    fn receive(&self, slot: &Slot, most: usize) -> Option<(Vec<(u64, Message)>, Flight)> {
        let now = self.now();
        // Begun before the messages are hidden: idle sees the one or the other.
        let flight = self.0.activity.flight();
        let (dead, to) = {
            let mut queue = slot.locked();
            queue.expire(now);
            (queue.dead(now), queue.redrive().map(str::to_owned))
        };
        for (number, letter) in dead {
            let moved = Message {
                attributes: BTreeMap::new(),
                ..letter
            };
            self.accept(to.as_deref().unwrap_or_default(), moved);
            slot.locked().delete(number);
        }
        let batch = slot.locked().receive(most, now);
        (!batch.is_empty()).then_some((batch, flight))
    }

    async fn handle(&self, consumer: &Consumer, pool: &Pool, batch: Vec<(u64, Message)>) {
        let records: Vec<Value> = batch
            .iter()
            .map(|(_, message)| record(&consumer.queue, message))
            .collect();
        let answer = match pool.send(json!({"Records": records})).await {
            Outcome::Answered(Ok(answer)) => answer,
            // What is not deleted is seen again when its time is over.
            Outcome::Answered(Err(_)) | Outcome::Killed => return,
            Outcome::Broken(error) => {
                tracing::error!(kind = "function", outcome = "not made", %error);
                return;
            }
        };
        let failed = if consumer.names_failures {
            failures(&answer)
        } else {
            Some(BTreeSet::new())
        };
        let Some(failed) = failed else { return };
        let known = |id: &String| batch.iter().any(|(_, message)| message.id == *id);
        if !failed.iter().all(known) {
            return;
        }
        if let Some(slot) = self.0.queues.get(&consumer.queue) {
            for (number, message) in &batch {
                if !failed.contains(&message.id) {
                    slot.locked().delete(*number);
                }
            }
        }
    }
}

/// The items that a function says it failed; none where the answer is not one, which fails all.
pub fn failures(answer: &Value) -> Option<BTreeSet<String>> {
    let items = match answer.get("batchItemFailures") {
        None | Some(Value::Null) => return Some(BTreeSet::new()),
        Some(items) => items.as_array()?,
    };
    let id = |item: &Value| {
        let id = item.get("itemIdentifier")?.as_str()?;
        (!id.is_empty()).then(|| id.to_owned())
    };
    items.iter().map(id).collect()
}

/// A message as Lambda gives it to a function
/// (<https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html>).
fn record(queue: &str, message: &Message) -> Value {
    json!({
        "messageId": message.id,
        "receiptHandle": format!("{}-{}", message.id, message.receives),
        "body": message.body,
        "attributes": {
            "ApproximateReceiveCount": message.receives.to_string(),
            "SentTimestamp": message.sent_millis.to_string(),
            "SenderId": "local",
            "ApproximateFirstReceiveTimestamp":
                message.first_received_millis.unwrap_or_default().to_string(),
        },
        "messageAttributes": message.attributes,
        "eventSource": "aws:sqs",
        "eventSourceARN": format!("arn:aws:sqs:{REGION}:000000000000:{queue}"),
        "awsRegion": REGION,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_is_none_fails_the_whole_batch() {
        for (answer, failed) in [
            (json!(null), Some(vec![])),
            (json!({}), Some(vec![])),
            (json!({"batchItemFailures": null}), Some(vec![])),
            (json!({"batchItemFailures": []}), Some(vec![])),
            (
                json!({"batchItemFailures": [{"itemIdentifier": "a"}]}),
                Some(vec!["a"]),
            ),
            (json!({"batchItemFailures": [{"itemIdentifier": ""}]}), None),
            (
                json!({"batchItemFailures": [{"itemIdentifier": null}]}),
                None,
            ),
            (json!({"batchItemFailures": [{"id": "a"}]}), None),
            (json!({"batchItemFailures": "a"}), None),
        ] {
            let expected = failed.map(|ids| ids.into_iter().map(str::to_owned).collect());
            assert_eq!(failures(&answer), expected, "{answer}");
        }
    }
}
