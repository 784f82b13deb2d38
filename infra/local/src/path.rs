//! The message path put together: the stream, the bus, the queues and the schedules, as the template
//! wires them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use jiff::Timestamp;
use pesan_sandbox::Wire;
use serde_json::{Value, json};

use crate::activity::Activity;
use crate::bus::Bus;
use crate::clock::Turnable;
use crate::database::Embedded;
use crate::invoke::Pool;
use crate::queues::Queues;
use crate::schedules::Schedules;
use crate::streams::{Shared, Streams, Writes};
use crate::template::messaging::Messaging;

/// A clone is the same one.
#[derive(Clone)]
pub struct MessagePath {
    /// The bus.
    pub bus: Bus,
    /// The queues.
    pub queues: Queues,
    /// The schedules.
    pub schedules: Schedules,
    streams: Streams,
    activity: Activity,
}

/// What the path is built of.
pub struct Parts {
    /// The wiring.
    pub messaging: Messaging,
    /// The functions by logical id.
    pub pools: Arc<BTreeMap<String, Pool>>,
    /// The database.
    pub database: Embedded,
    /// Who says when something was written.
    pub writes: Writes,
    /// Faults.
    pub wire: Wire,
    /// The clock.
    pub clock: Turnable,
    /// What is under way.
    pub activity: Activity,
}

impl MessagePath {
    /// Starts all of it; `file` says where a thing of a name is kept.
    ///
    /// # Errors
    /// Names what cannot be honoured or read.
    pub fn start(parts: Parts, file: impl Fn(&str) -> Option<PathBuf>) -> anyhow::Result<Self> {
        let Parts {
            messaging,
            pools,
            database,
            writes,
            wire,
            clock,
            activity,
        } = parts;
        let queues = Queues::open(&messaging, &file, clock.clone(), activity.clone())?;
        let schedules = Schedules::open(
            &messaging,
            Arc::clone(&pools),
            queues.clone(),
            file("invocations.jsonl"),
            clock.clone(),
            activity.clone(),
        )?;
        let pool = |id: &str| {
            let pool = pools.get(id).cloned();
            pool.with_context(|| format!("there is no function {id}"))
        };
        for consumer in messaging.consumers {
            let pool = pool(&consumer.function)?;
            queues.consume(consumer, pool);
        }
        let bus = Bus::open(
            messaging.rules,
            queues.clone(),
            file("bus.jsonl"),
            wire.clone(),
            clock.clone(),
            activity.clone(),
        )?;
        let mut sources = Vec::new();
        for source in messaging.streams {
            let pool = pool(&source.function)?;
            sources.push((source, pool));
        }
        let shared = Shared {
            stream: database.stream()?,
            writes,
            queues: queues.clone(),
            wire,
            clock: clock.clone(),
            activity: activity.clone(),
        };
        let streams = Streams::start(sources, shared, &file)?;
        Ok(Self {
            bus,
            queues,
            schedules,
            streams,
            activity,
        })
    }

    /// What is still to be done now.
    pub fn depths(&self) -> Depths {
        Depths {
            streams: self.streams.waiting(),
            bus: self.bus.waiting(),
            queues: self.queues.waiting(),
            under_way: self.activity.flights(),
        }
    }

    /// Work that has come in so far: who has seen no depths and the same count before and after
    /// has missed nothing between.
    pub fn moves(&self) -> u64 {
        self.activity.moves()
    }

    /// When the next message becomes visible, a retry is due, or a function is called by the clock.
    pub fn next_due(&self) -> Option<Timestamp> {
        let due = [
            self.streams.next_due(),
            self.bus.next_due(),
            self.queues.next_due(),
            self.schedules.next_retry(),
            self.schedules.next_cron(),
        ];
        let first = due.into_iter().flatten().min()?;
        Timestamp::from_millisecond(first).ok()
    }

    /// Does what is due, but for what comes at a rate.
    pub async fn run_due(&self) {
        self.streams.wake();
        self.bus.run_due();
        self.queues.wake();
        self.schedules.retry_due().await;
        self.schedules.run_crons().await;
    }
}

/// How much is where.
#[derive(Clone, Copy, Debug)]
pub struct Depths {
    streams: usize,
    bus: usize,
    queues: usize,
    under_way: usize,
}

impl Depths {
    /// Whether nothing is anywhere.
    pub fn are_none(self) -> bool {
        self.streams + self.bus + self.queues + self.under_way == 0
    }

    /// As the handle says it.
    pub fn report(self) -> Value {
        json!({
            "streams": self.streams,
            "bus": self.bus,
            "queues": self.queues,
            "under_way": self.under_way,
        })
    }
}
