//! Driving the machine on one shard of a run, page by page, for as long as an invocation lasts.

use std::time::{Duration, Instant};

use jiff::SignedDuration;
use pesan_adapters::dynamodb::{DueKind, GoesOn, RunRecord, ShardRecord, StoreError};
use pesan_adapters::events::Envelope;
use pesan_domain::billing::{Holder, LeaseRefused, RunId, State, Then, Turn};
use pesan_domain::ids::MerchantId;
use pesan_domain::subscriber::Plans;

use super::commit::{NotAll, Office, commit_all};
use super::later;
use super::page::{Billed, read};
use crate::{App, Failure, TRIES, event_id, step_aside};

/// How long a shard is kept: longer than an invocation lasts, so that a lease that has run out is
/// of one that died.
const LEASE: SignedDuration = SignedDuration::from_secs(90);

/// What is read of the tape at once, and committed before the head is saved.
const PAGE: u16 = 50;

/// What a page may take: with less left, the invocation ends behind the one that it is at.
const OF_A_PAGE: Duration = Duration::from_secs(5);

/// Which shard of which run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Whose.
    pub merchant: MerchantId,
    /// Which run.
    pub run: RunId,
    /// Which shard.
    pub number: u8,
}

/// How an invocation left a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driven {
    /// The machine has halted.
    Halted,
    /// It stands still, and is woken.
    Waits,
    /// The time ran short: an event calls the next one.
    Continues,
    /// Another drives it; should that one die, it is woken when the lease has run out.
    Leased,
    /// There was nothing to do.
    Over,
    /// No row says what to do; the operator is told.
    Stopped,
}

impl Driven {
    /// As it is logged and answered.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Halted => "halted",
            Self::Waits => "waits",
            Self::Continues => "continues",
            Self::Leased => "leased",
            Self::Over => "over",
            Self::Stopped => "stopped",
        }
    }
}

/// Drives a shard until the machine halts or stands still, or until so little is left of the time
/// before `ends` that another invocation goes on.
///
/// # Errors
/// [`Failure::Unknown`] where there is no such run, [`Failure::Unavailable`] where it broke off:
/// what was committed stays, and who drives it again goes on from there.
pub async fn drive(app: &App, shard: &Shard, ends: Instant) -> Result<Driven, Failure> {
    let driven = lease_and_drive(app, shard, ends).await?;
    tracing::info!(
        merchant = %shard.merchant,
        kind = "billing",
        outcome = driven.name(),
        run = %shard.run,
        shard = shard.number,
    );
    Ok(driven)
}

async fn lease_and_drive(app: &App, shard: &Shard, ends: Instant) -> Result<Driven, Failure> {
    let Shard {
        merchant,
        run,
        number,
    } = shard;
    let found = app.store.run_shard(merchant, *run, *number).await?;
    let (record, kept) = found.ok_or(Failure::Unknown)?;
    let now = app.clock.now();
    let holder = Holder::new(event_id(now).as_str());
    let holder = holder.map_err(|error| Failure::Unavailable(error.to_string()))?;
    let leased = match kept.shard.lease(holder, later(now, LEASE), now) {
        Ok(leased) => leased,
        Err(LeaseRefused::Over) => return Ok(Driven::Over),
        Err(LeaseRefused::Leased { until }) => {
            let due = DueKind::Run(merchant.clone(), *run, *number);
            app.store.wake_later(&due, until).await?;
            return Ok(Driven::Leased);
        }
    };
    let kept = ShardRecord {
        shard: leased,
        moved_at: now,
        is_stopped: false,
        ..kept
    };
    let goes_on = GoesOn::ByItself;
    app.store.save_shard(merchant, *run, &kept, goes_on).await?;
    let profile = app.store.profile(merchant).await?;
    let profile = profile.ok_or(Failure::Unknown)?;
    let driver = Driver {
        app,
        record: &record,
        plans: app.store.plans(merchant).await?,
        office: Office::of(app, profile).await?,
        ends,
    };
    driver.drive(kept).await
}

struct Driver<'a> {
    app: &'a App,
    record: &'a RunRecord,
    plans: Plans,
    office: Office,
    ends: Instant,
}

impl Driver<'_> {
    async fn drive(&self, mut kept: ShardRecord) -> Result<Driven, Failure> {
        loop {
            let turn = self.turn(&kept).await?;
            let then = turn.then;
            kept = self.save(kept, turn).await?;
            match then {
                Then::Page => {}
                Then::Continue => return Ok(Driven::Continues),
                Then::Wait { .. } => return Ok(Driven::Waits),
                Then::Halted => return Ok(Driven::Halted),
                Then::Stopped(stuck) => {
                    let run = &self.record.run;
                    tracing::error!(merchant = %run.merchant, kind = "billing", alarm = "run stopped", run = %run.id, shard = kept.shard.number, %stuck);
                    return Ok(Driven::Stopped);
                }
            }
        }
    }

    /// A page, committed: read and decided again while other writes come first.
    async fn turn(&self, kept: &ShardRecord) -> Result<Turn, Failure> {
        let run = &self.record.run;
        let billed = Billed {
            run,
            plans: &self.plans,
            whatsapp: self.office.merchant.whatsapp_activation(),
        };
        let mut lost = None;
        for nth in 1..=TRIES {
            let read = read(self.app, &billed, &kept.shard, PAGE).await?;
            if nth == 1 {
                billed.say_who_cannot_be_billed(&read.page);
            }
            let turn = run.turn(
                &kept.shard,
                &read.page,
                self.app.clock.now(),
                self.is_hurried(),
            );
            let committed = commit_all(
                self.app,
                &self.office,
                run,
                &turn.decisions,
                &read.subscribers,
            );
            match committed.await {
                Ok(()) => return Ok(turn),
                Err(NotAll::Again(error)) => lost = Some(error),
                Err(NotAll::Failed(failure)) => return Err(failure),
            }
            step_aside(nth).await;
        }
        let lost = lost.unwrap_or(StoreError::Conflict);
        Err(Failure::Unavailable(lost.to_string()))
    }

    fn is_hurried(&self) -> bool {
        self.ends.saturating_duration_since(Instant::now()) < OF_A_PAGE
    }

    /// Saves where the machine stands, with how it goes on.
    async fn save(&self, before: ShardRecord, turn: Turn) -> Result<ShardRecord, Failure> {
        let run = &self.record.run;
        let now = self.app.clock.now();
        let ends_scan = before.shard.state == State::Scan && turn.shard.state != State::Scan;
        let after = ShardRecord {
            shard: turn.shard,
            moved_at: now,
            scanned_at: before.scanned_at.or(ends_scan.then_some(now)),
            is_stopped: matches!(turn.then, Then::Stopped(_)),
        };
        let number = after.shard.number;
        let event = Envelope::billing_continue(event_id(now), &run.merchant, run.id, number, now);
        let goes_on = match turn.then {
            Then::Page | Then::Halted | Then::Stopped(_) => GoesOn::ByItself,
            Then::Continue => GoesOn::By(&event),
            Then::Wait { until } => GoesOn::At(until),
        };
        self.app
            .store
            .save_shard(&run.merchant, run.id, &after, goes_on)
            .await?;
        Ok(after)
    }
}
