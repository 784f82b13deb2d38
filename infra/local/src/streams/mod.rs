//! The table's stream, read for the functions that the template gives it to. Nothing polls: the
//! door before the database says when something was written.

mod shard;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use pesan_sandbox::Wire;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::activity::Activity;
use crate::clock::Turnable;
use crate::database::Stream;
use crate::invoke::{Outcome, Pool};
use crate::queues::{Queues, failures};
use crate::stack::REGION;
use crate::template::messaging::StreamSource;

use shard::{Batch, GivenUp, Record, Shard};

const READ_AGAIN: Duration = Duration::from_millis(10);

/// How many writes there have been, and who is told of them.
#[derive(Clone, Default)]
pub struct Writes(Arc<WritesInner>);

#[derive(Default)]
struct WritesInner {
    count: AtomicU64,
    news: Mutex<Vec<Arc<Notify>>>,
}

impl Writes {
    /// Something was written. Said before whoever wrote it is told.
    pub fn seen(&self, activity: &Activity) {
        self.0.count.fetch_add(1, Ordering::SeqCst);
        activity.moved();
        self.wake();
    }

    fn count(&self) -> u64 {
        self.0.count.load(Ordering::SeqCst)
    }

    fn wake(&self) {
        let news = self.0.news.lock().unwrap_or_else(PoisonError::into_inner);
        for reader in news.iter() {
            reader.notify_one();
        }
    }

    fn tell(&self, reader: Arc<Notify>) {
        let mut news = self.0.news.lock().unwrap_or_else(PoisonError::into_inner);
        news.push(reader);
    }
}

/// What the readers share.
#[derive(Clone)]
pub struct Shared {
    /// The table's stream, if it has one.
    pub stream: Option<Stream>,
    /// What was written to it.
    pub writes: Writes,
    /// Where dead letters go.
    pub queues: Queues,
    /// Faults.
    pub wire: Wire,
    /// The clock.
    pub clock: Turnable,
    /// What is under way.
    pub activity: Activity,
}

/// All readers. A clone is the same ones.
#[derive(Clone)]
pub struct Streams {
    readers: Arc<Vec<Arc<Reader>>>,
    shared: Shared,
}

struct Reader {
    source: StreamSource,
    pool: Pool,
    stream: Stream,
    shared: Shared,
    shard: Mutex<Shard>,
    /// How many writes it has been through.
    done: AtomicU64,
    file: Option<PathBuf>,
}

impl Streams {
    /// Begins to read where the last run has stopped, for as long as the process lives.
    ///
    /// # Errors
    /// When there is no stream to read.
    pub fn start(
        sources: Vec<(StreamSource, Pool)>,
        shared: Shared,
        file: impl Fn(&str) -> Option<PathBuf>,
    ) -> anyhow::Result<Self> {
        // Whatever was written before: read at least once.
        shared.writes.0.count.fetch_add(1, Ordering::SeqCst);
        let mut readers = Vec::new();
        for (source, pool) in sources {
            let news = Arc::new(Notify::new());
            let stream = shared.stream.clone();
            let stream = stream
                .with_context(|| format!("{} reads a table without a stream", source.function))?;
            shared.writes.tell(Arc::clone(&news));
            let reader = Arc::new(Reader {
                file: file(&format!("stream-{}", source.function)),
                source,
                pool,
                stream,
                shared: shared.clone(),
                shard: Mutex::default(),
                done: AtomicU64::new(0),
            });
            tokio::spawn(Arc::clone(&reader).run(news));
            readers.push(reader);
        }
        Ok(Self {
            readers: Arc::new(readers),
            shared,
        })
    }

    /// Looks again whether something is due.
    pub fn wake(&self) {
        self.shared.writes.wake();
    }

    /// Records that are to be given to a function now; at least one where something written was
    /// not looked at yet.
    pub fn waiting(&self) -> usize {
        let now = self.shared.clock.now().as_millisecond();
        let waiting = self.readers.iter().map(|reader| {
            let shard = reader.locked();
            match shard.due() {
                Some(due) if due <= now => shard.len(),
                // What is behind it waits as long.
                Some(_) => 0,
                None => {
                    let done = reader.done.load(Ordering::SeqCst);
                    usize::from(done < self.shared.writes.count())
                }
            }
        });
        waiting.sum()
    }

    /// When a batch is next tried again.
    pub fn next_due(&self) -> Option<i64> {
        let now = self.shared.clock.now().as_millisecond();
        let due = self
            .readers
            .iter()
            .filter_map(|reader| reader.locked().due());
        due.filter(|due| *due > now).min()
    }
}

impl Reader {
    fn locked(&self) -> MutexGuard<'_, Shard> {
        self.shard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> i64 {
        self.shared.clock.now().as_millisecond()
    }

    async fn run(self: Arc<Self>, news: Arc<Notify>) {
        let kept = self
            .file
            .as_ref()
            .and_then(|file| std::fs::read_to_string(file).ok());
        let mut position = kept;
        loop {
            let written = self.shared.writes.count();
            if self.has_caught_up(&mut position).await {
                self.done.store(written, Ordering::SeqCst);
            }
            news.notified().await;
        }
    }

    /// Gives everything that there is to the function. Not so where what comes first has to wait:
    /// what is behind it is not looked at.
    async fn has_caught_up(&self, position: &mut Option<String>) -> bool {
        loop {
            while let Some(due) = self.due() {
                if due > self.now() {
                    return false;
                }
                self.try_first().await;
            }
            self.keep(position.as_deref());
            let Some(page) = self.read(position.as_deref()).await else {
                tokio::time::sleep(READ_AGAIN).await;
                continue;
            };
            let Some(last) = page.last().and_then(sequence) else {
                return true;
            };
            *position = Some(last);
            self.locked().read(&self.wanted(page), &self.source);
        }
    }

    fn due(&self) -> Option<i64> {
        self.locked().due()
    }

    async fn read(&self, position: Option<&str>) -> Option<Vec<Value>> {
        if self.shared.wire.trip("streams", "GetRecords").is_some() {
            return None;
        }
        let read = self.stream.read(position.map(str::to_owned)).await;
        read.inspect_err(|error| {
            tracing::error!(kind = "stream", outcome = "not read", error = %format_args!("{error:#}"));
        })
        .ok()
    }

    fn wanted(&self, page: Vec<Value>) -> Vec<Record> {
        let arrived_millis = self.now();
        let filters = &self.source.filters;
        let is_wanted =
            |event: &Value| filters.is_empty() || filters.iter().any(|filter| filter.takes(event));
        let record = |mut event: Value| {
            let sequence = sequence(&event)?;
            if let Some(fields) = event.as_object_mut() {
                fields.insert("awsRegion".to_owned(), json!(REGION));
                fields.insert("eventSourceARN".to_owned(), json!(self.stream.arn()));
            }
            Some(Record {
                sequence,
                event,
                arrived_millis,
            })
        };
        page.into_iter()
            .filter(is_wanted)
            .filter_map(record)
            .collect()
    }

    async fn try_first(&self) {
        let _flight = self.shared.activity.flight();
        let (batch, too_old) = self.locked().next(&self.source, self.now());
        if let Some(given_up) = too_old {
            self.bury(&given_up);
        }
        let Some(batch) = batch else { return };
        let last = batch.records.last().map(|record| record.sequence.clone());
        match self.invoke(&batch).await {
            Some(named) if named.is_empty() => self.keep(last.as_deref()),
            failed => {
                let named = failed.unwrap_or_default();
                let given_up = self
                    .locked()
                    .failed(batch, &named, &self.source, self.now());
                if let Some(given_up) = given_up {
                    self.bury(&given_up);
                    self.keep(last.as_deref());
                }
            }
        }
    }

    /// The records that failed; none where the invocation did.
    async fn invoke(&self, batch: &Batch) -> Option<BTreeSet<String>> {
        let records: Vec<&Value> = batch.records.iter().map(|record| &record.event).collect();
        match self.pool.send(json!({"Records": records})).await {
            Outcome::Answered(Ok(answer)) if self.source.names_failures => failures(&answer),
            Outcome::Answered(Ok(_)) => Some(BTreeSet::new()),
            Outcome::Answered(Err(_)) | Outcome::Killed => None,
            Outcome::Broken(error) => {
                tracing::error!(kind = "function", outcome = "not made", %error);
                None
            }
        }
    }

    /// As Lambda does: which records, not what is in them
    /// (<https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html>).
    fn bury(&self, given_up: &GivenUp) {
        let place = |record: Option<&Record>| record.map(|record| record.sequence.clone());
        let body = json!({
            "requestContext": {
                "requestId": pesan_sandbox::fresh_id(),
                "functionArn":
                    format!("arn:aws:lambda:{REGION}:000000000000:function:{}", self.source.function),
                "condition": given_up.condition,
                "approximateInvokeCount": given_up.failures,
            },
            "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
            "version": "1.0",
            "timestamp": self.shared.clock.now().to_string(),
            "DDBStreamBatchInfo": {
                "shardId": "shardId-local",
                "startSequenceNumber": place(given_up.records.first()),
                "endSequenceNumber": place(given_up.records.last()),
                "batchSize": given_up.records.len(),
                "streamArn": self.stream.arn(),
            },
        });
        let letters = self.source.dead_letters.as_deref();
        self.shared
            .queues
            .bury(letters, body.to_string(), BTreeMap::new());
    }

    /// Everything up to here is done with.
    fn keep(&self, position: Option<&str>) {
        let (Some(file), Some(position)) = (&self.file, position) else {
            return;
        };
        let fresh = file.with_extension("fresh");
        let written = std::fs::write(&fresh, position).and_then(|()| std::fs::rename(&fresh, file));
        if let Err(error) = written {
            tracing::error!(kind = "stream", outcome = "not kept", %error);
        }
    }
}

fn sequence(event: &Value) -> Option<String> {
    let sequence = event.pointer("/dynamodb/SequenceNumber")?;
    Some(sequence.as_str()?.to_owned())
}
