//! Reading a page of the tape behind the head.

use std::collections::BTreeMap;

use pesan_adapters::dynamodb::{StoreError, Tape};
use pesan_domain::billing::{
    Cell, Facts, LineItem, LineItems, NoChannel, Page, Reach, Run, RunId, Shard, Square, State,
    Subscription, Symbol,
};
use pesan_domain::ids::SubscriberId;
use pesan_domain::message::Channel;
use pesan_domain::money::Rupiah;
use pesan_domain::subscriber::{Plans, Subscriber};

use crate::App;

/// A page with the subscribers that it is decided from.
pub(super) struct Read {
    pub page: Page,
    pub subscribers: BTreeMap<SubscriberId, Subscriber>,
}

/// A run with the plans that its bills name.
pub(super) struct Billed<'a> {
    pub run: &'a Run,
    pub plans: &'a Plans,
}

impl Billed<'_> {
    fn tape(&self, shard: &Shard) -> Tape<'_> {
        Tape {
            merchant: &self.run.merchant,
            period: self.run.id.period(),
            shard: shard.number,
        }
    }

    /// What a subscriber is billed from.
    fn facts(&self, subscriber: &Subscriber) -> Result<Facts, StoreError> {
        let broken = |refused: pesan_domain::field::FieldRefused| {
            StoreError::Broken(format!("a plan that cannot be billed: {}", refused.field))
        };
        let plan = self.plans.get(&subscriber.plan);
        let (name, fee) = plan.map_or((subscriber.plan.as_str(), Rupiah::ZERO), |plan| {
            (plan.name.as_str(), plan.monthly_fee)
        });
        let price = self.run.price(&subscriber.plan, fee);
        let line = LineItem::new(name, price).map_err(broken)?;
        Ok(Facts {
            made_at: subscriber.made_at,
            subscription: if subscriber.is_paused {
                Subscription::Paused
            } else {
                Subscription::Active
            },
            lines: LineItems::new(vec![line]).map_err(broken)?,
            anchor: subscriber.anchor_day,
            reach: reach(subscriber),
        })
    }

    fn square(
        &self,
        id: SubscriberId,
        subscriber: Option<&Subscriber>,
        cell: Option<Cell>,
    ) -> Result<Square, StoreError> {
        let facts = subscriber.map(|subscriber| self.facts(subscriber));
        Ok(Square {
            subscriber: id,
            facts: facts.transpose()?,
            cell,
        })
    }
}

/// How a subscriber is told: over WhatsApp, unless they want nothing there; then by the chat that
/// they have linked.
fn reach(subscriber: &Subscriber) -> Reach {
    match (&subscriber.opted_out, subscriber.telegram_chat) {
        (None, _) => Reach::By(Channel::WhatsApp),
        (Some(_), Some(_)) => Reach::By(Channel::Telegram),
        (Some(_), None) => Reach::Nothing(NoChannel::OptedOut),
    }
}

/// Reads at most `limit` squares behind the head.
///
/// # Errors
/// [`StoreError`]
pub(super) async fn read(
    app: &App,
    billed: &Billed<'_>,
    shard: &Shard,
    limit: u16,
) -> Result<Read, StoreError> {
    match (shard.state, billed.run.id) {
        (State::Scan, RunId::Bill { .. }) => of_subscribers(app, billed, shard, limit).await,
        (State::Scan, RunId::Reminder { .. }) => of_reminder(app, billed, shard, limit).await,
        (State::Settle | State::Halt, _) => of_cells(app, billed, shard, limit).await,
    }
}

/// Subscribers and cells side by side: there may be either without the other.
async fn of_subscribers(
    app: &App,
    billed: &Billed<'_>,
    shard: &Shard,
    limit: u16,
) -> Result<Read, StoreError> {
    let head = shard.head.as_ref();
    let found = app
        .store
        .subscriber_page(&billed.run.merchant, shard.number, head, limit)
        .await?;
    let last = found.subscribers.last().map(|last| &last.id);
    let up_to = last.filter(|_| !found.is_last);
    let cells = app
        .store
        .cells_up_to(billed.tape(shard), head, up_to)
        .await?;
    let mut cells: BTreeMap<SubscriberId, Cell> = cells
        .into_iter()
        .map(|cell| (cell.subscriber.clone(), cell))
        .collect();
    let mut squares = BTreeMap::new();
    for subscriber in &found.subscribers {
        let id = subscriber.id.clone();
        let cell = cells.remove(&id);
        squares.insert(id.clone(), billed.square(id, Some(subscriber), cell)?);
    }
    for (id, cell) in cells {
        squares.insert(id.clone(), billed.square(id, None, Some(cell))?);
    }
    Ok(Read {
        page: Page {
            squares: squares.into_values().collect(),
            is_last: found.is_last,
        },
        subscribers: by_id(found.subscribers),
    })
}

/// The cells, with the subscribers of those that are to be reminded.
async fn of_reminder(
    app: &App,
    billed: &Billed<'_>,
    shard: &Shard,
    limit: u16,
) -> Result<Read, StoreError> {
    let head = shard.head.as_ref();
    let found = app
        .store
        .cell_page(billed.tape(shard), head, true, limit)
        .await?;
    let open = found
        .cells
        .iter()
        .filter(|cell| is_to_be_reminded(billed.run, cell));
    let open: Vec<SubscriberId> = open.map(|cell| cell.subscriber.clone()).collect();
    let subscribers = if open.is_empty() {
        BTreeMap::new()
    } else {
        by_id(app.store.subscribers(&billed.run.merchant, &open).await?)
    };
    let squares = found.cells.into_iter().map(|cell| {
        let id = cell.subscriber.clone();
        billed.square(id.clone(), subscribers.get(&id), Some(cell))
    });
    Ok(Read {
        page: Page {
            squares: squares.collect::<Result<_, _>>()?,
            is_last: found.is_last,
        },
        subscribers,
    })
}

/// Whether a cell is on the tape of a reminder run and not done. It saves reads; the machine
/// decides.
fn is_to_be_reminded(run: &Run, cell: &Cell) -> bool {
    match run.id {
        RunId::Bill { .. } => false,
        RunId::Reminder { offset, date, .. } => {
            cell.reminder_day(offset) == Some(date) && cell.symbol(run.id.track()) == Symbol::U
        }
    }
}

/// The cells alone, to the left.
async fn of_cells(
    app: &App,
    billed: &Billed<'_>,
    shard: &Shard,
    limit: u16,
) -> Result<Read, StoreError> {
    let head = shard.head.as_ref();
    let found = app
        .store
        .cell_page(billed.tape(shard), head, false, limit)
        .await?;
    let square = |cell: Cell| Square {
        subscriber: cell.subscriber.clone(),
        facts: None,
        cell: Some(cell),
    };
    Ok(Read {
        page: Page {
            squares: found.cells.into_iter().map(square).collect(),
            is_last: found.is_last,
        },
        subscribers: BTreeMap::new(),
    })
}

fn by_id(subscribers: Vec<Subscriber>) -> BTreeMap<SubscriberId, Subscriber> {
    subscribers
        .into_iter()
        .map(|subscriber| (subscriber.id.clone(), subscriber))
        .collect()
}
