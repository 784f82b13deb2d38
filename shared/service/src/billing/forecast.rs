//! What a run would come to: the machine, asked without committing anything.

use std::collections::BTreeMap;

use futures_util::future::try_join_all;
use jiff::Timestamp;
use pesan_domain::billing::{
    Bill, Decision, Effect, NoChannel, NothingOwed, RunId, Shard, State, Symbol, Then, Why,
};
use pesan_domain::ids::SubscriberId;
use pesan_domain::merchant::Merchant;
use pesan_domain::message::{Channel, DayOfRecipients, Purpose};
use pesan_domain::money::Rupiah;

use super::BillingError;
use super::begin::new_run;
use super::obstacles::{Obstacle, obstacles};
use super::page::{Billed, read};
use crate::App;

/// Nothing is committed, so a page may be large.
const PAGE: u16 = 500;

/// How many subscribers of a list are named.
const MOST_NAMED: usize = 100;

/// What a run would come to, of the subscribers that it has not done yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forecast {
    /// The run.
    pub run: RunId,
    /// Cells that an earlier beginning of the run has done.
    pub done: u64,
    /// Bills that would be made, with those that nobody can be told of.
    pub bills: u64,
    /// What they would ask for in all.
    pub total: Rupiah,
    /// Messages over WhatsApp.
    pub whatsapp: u64,
    /// Messages over Telegram, which cost nothing.
    pub telegram: u64,
    /// What the messages would cost.
    pub cost: Rupiah,
    /// What the balance has for them.
    pub available: Rupiah,
    /// Over how many days Meta's limit of recipients stretches them; 1 where it does not.
    pub days: u64,
    /// For how many seconds they would go out at the number's own speed.
    pub seconds: u64,
    /// Whether the last day of the month is still to come: who comes until then would be billed by no
    /// run, since a month has one.
    pub early: bool,
    /// Subscribers who came after the month, or after the run had begun: it does not bill them.
    pub came_later: u64,
    /// What would keep the messages over WhatsApp from leaving now.
    pub held_up_by: Vec<Obstacle>,
    /// The first bill that would be told over WhatsApp.
    pub first: Option<Bill>,
    /// Who cannot be told.
    pub no_channel: Listed<NoChannel>,
    /// Who owes nothing.
    pub nothing_owed: Listed<NothingOwed>,
}

impl Forecast {
    /// Whether the balance pays for all of the messages.
    #[must_use]
    pub fn is_covered(&self) -> bool {
        self.cost <= self.available
    }
}

/// Subscribers by a reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed<R> {
    /// How many for each reason.
    pub counts: BTreeMap<R, u64>,
    /// The first hundred of them, in no order.
    pub named: Vec<(SubscriberId, R)>,
}

impl<R> Default for Listed<R> {
    fn default() -> Self {
        Self {
            counts: BTreeMap::new(),
            named: Vec::new(),
        }
    }
}

impl<R: Ord + Copy> Listed<R> {
    fn add(&mut self, subscriber: &SubscriberId, reason: R) {
        let count = self.counts.entry(reason).or_default();
        *count = count.saturating_add(1);
        if self.named.len() < MOST_NAMED {
            self.named.push((subscriber.clone(), reason));
        }
    }

    fn join(&mut self, other: Self) {
        for (reason, more) in other.counts {
            let count = self.counts.entry(reason).or_default();
            *count = count.saturating_add(more);
        }
        self.named.extend(other.named);
        self.named.truncate(MOST_NAMED);
    }
}

/// What one shard comes to.
#[derive(Default)]
struct Sums {
    done: u64,
    came_later: u64,
    bills: u64,
    total: Rupiah,
    whatsapp: u64,
    telegram: u64,
    first: Option<Bill>,
    no_channel: Listed<NoChannel>,
    nothing_owed: Listed<NothingOwed>,
}

impl Sums {
    fn add(&mut self, decision: &Decision) {
        let cell = &decision.cell;
        if let Some(bill) = &cell.bill {
            self.bills = self.bills.saturating_add(1);
            self.total = plus(self.total, bill.amount());
        }
        match cell.trace.last().map(|entry| entry.why) {
            Some(Why::NoChannel(reason)) => self.no_channel.add(&cell.subscriber, reason),
            Some(Why::NothingOwed(reason)) => self.nothing_owed.add(&cell.subscriber, reason),
            Some(
                Why::Made(_)
                | Why::Deadline
                | Why::Accepted(_)
                | Why::Failed(_)
                | Why::Dropped(_)
                | Why::Paid
                | Why::Voided
                | Why::Refunded
                | Why::Reversed
                | Why::Struck,
            )
            | None => {}
        }
        for effect in &decision.effects {
            match effect {
                Effect::Tell(Channel::WhatsApp) => {
                    self.whatsapp = self.whatsapp.saturating_add(1);
                    self.first = self.first.take().or_else(|| cell.bill.clone());
                }
                Effect::Tell(Channel::Telegram) => self.telegram = self.telegram.saturating_add(1),
                Effect::Withdraw | Effect::LastReminder => {}
            }
        }
    }

    fn join(mut self, other: Self) -> Self {
        self.no_channel.join(other.no_channel);
        self.nothing_owed.join(other.nothing_owed);
        Self {
            done: self.done.saturating_add(other.done),
            came_later: self.came_later.saturating_add(other.came_later),
            bills: self.bills.saturating_add(other.bills),
            total: plus(self.total, other.total),
            whatsapp: self.whatsapp.saturating_add(other.whatsapp),
            telegram: self.telegram.saturating_add(other.telegram),
            first: self.first.or(other.first),
            ..self
        }
    }
}

fn plus(sum: Rupiah, more: Rupiah) -> Rupiah {
    Rupiah::new(sum.get().saturating_add(more.get()))
}

pub(super) async fn forecast(
    app: &App,
    merchant: &Merchant,
    id: RunId,
    now: Timestamp,
) -> Result<Forecast, BillingError> {
    let begun = app.store.run(&merchant.id, id).await?;
    let run = match begun {
        Some((record, _)) => record.run,
        None => new_run(app, merchant, id, now, now).await?,
    };
    let plans = app.store.plans(&merchant.id).await?;
    let billed = Billed {
        run: &run,
        plans: &plans,
        whatsapp: merchant.whatsapp_activation(),
    };
    let shards = Shard::all().into_iter();
    let shards = shards.map(|shard| of_shard(app, &billed, shard, now));
    let sums = try_join_all(shards).await?;
    let sums = sums.into_iter().fold(Sums::default(), Sums::join);
    let account = app.store.account(merchant).await?;
    let messaging = &merchant.messaging;
    let price = messaging.prices.of(Purpose::Bill.category());
    let day = DayOfRecipients {
        limit: messaging.recipients_a_day,
        reached: 0,
    };
    let a_day = day.most(Purpose::Bill).map(u64::from);
    Ok(Forecast {
        run: id,
        done: sums.done,
        bills: sums.bills,
        total: sums.total,
        whatsapp: sums.whatsapp,
        telegram: sums.telegram,
        cost: Rupiah::new(price.get().saturating_mul(sums.whatsapp)),
        available: account
            .balance
            .available
            .saturating_sub(messaging.protected),
        days: a_day.map_or(1, |most| sums.whatsapp.div_ceil(most.max(1)).max(1)),
        seconds: sums
            .whatsapp
            .div_ceil(u64::from(messaging.whatsapp_per_second.max(1))),
        early: run.is_early(),
        came_later: sums.came_later,
        held_up_by: obstacles(app, merchant, id.track()).await?,
        first: sums.first,
        no_channel: sums.no_channel,
        nothing_owed: sums.nothing_owed,
    })
}

/// Asks the machine for the turns of a shard, until its head has reached the end of the tape.
async fn of_shard(
    app: &App,
    billed: &Billed<'_>,
    mut shard: Shard,
    now: Timestamp,
) -> Result<Sums, BillingError> {
    let run = billed.run;
    let mut sums = Sums::default();
    while shard.state == State::Scan {
        let read = read(app, billed, &shard, PAGE).await?;
        let done = read.page.squares.iter().filter(|square| {
            let cell = square.cell.as_ref();
            cell.is_some_and(|cell| cell.symbol(run.id.track()) != Symbol::U)
        });
        let done = u64::try_from(done.count()).unwrap_or(u64::MAX);
        sums.done = sums.done.saturating_add(done);
        let late = read.page.squares.iter().filter(|square| {
            let facts = square.facts.as_ref();
            let made_at = facts.map(|facts| facts.made_at);
            square.cell.is_none() && made_at.is_some_and(|at| at >= run.members_before())
        });
        let late = u64::try_from(late.count()).unwrap_or(u64::MAX);
        sums.came_later = sums.came_later.saturating_add(late);
        let turn = run.turn(&shard, &read.page, now, false);
        for decision in &turn.decisions {
            sums.add(decision);
        }
        shard = turn.shard;
        match turn.then {
            Then::Page => {}
            Then::Continue | Then::Wait { .. } | Then::Halted => break,
            Then::Stopped(stuck) => return Err(BillingError::Unavailable(stuck.to_string())),
        }
    }
    Ok(sums)
}
