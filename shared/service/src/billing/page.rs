//! Reading a page of the tape behind the head.

use std::collections::BTreeMap;

use pesan_adapters::dynamodb::{StoreError, Tape};
use pesan_domain::billing::{
    Cell, Facts, LineItem, LineItems, Page, Run, RunId, Shard, Square, State, Subscription, Symbol,
};
use pesan_domain::ids::SubscriberId;
use pesan_domain::message::activation::Activation;
use pesan_domain::subscriber::{Plans, Subscriber};

use crate::App;

/// A page with the subscribers that it is decided from.
pub(super) struct Read {
    pub page: Page,
    pub subscribers: BTreeMap<SubscriberId, Subscriber>,
}

/// A run with what its bills are made of.
pub(super) struct Billed<'a> {
    pub run: &'a Run,
    pub plans: &'a Plans,
    pub whatsapp: Activation,
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
    fn facts(&self, subscriber: &Subscriber) -> Facts {
        Facts {
            made_at: subscriber.made_at,
            subscription: if subscriber.is_paused {
                Subscription::Paused
            } else {
                Subscription::Active
            },
            lines: self.lines(subscriber),
            anchor: subscriber.anchor_day,
            reach: subscriber.reach(self.whatsapp),
        }
    }

    /// What their plan costs; none where it is not there or cannot be billed.
    fn lines(&self, subscriber: &Subscriber) -> Option<LineItems> {
        let plan = self.plans.get(&subscriber.plan)?;
        let price = self.run.price(&plan.id, plan.monthly_fee);
        let line = LineItem::new(&plan.name, price).ok()?;
        LineItems::new(vec![line]).ok()
    }

    fn square(
        &self,
        id: SubscriberId,
        subscriber: Option<&Subscriber>,
        cell: Option<Cell>,
    ) -> Square {
        Square {
            subscriber: id,
            facts: subscriber.map(|subscriber| self.facts(subscriber)),
            cell,
        }
    }

    /// A row that another hand has spoilt costs its subscriber a bill and holds up nobody else.
    pub fn say_who_cannot_be_billed(&self, page: &Page) {
        let is_spoilt = |square: &&Square| {
            let is_billed = |facts: &Facts| {
                facts.made_at < self.run.members_before()
                    && facts.subscription == Subscription::Active
                    && facts.lines.is_none()
            };
            square.cell.is_none() && square.facts.as_ref().is_some_and(is_billed)
        };
        for square in page.squares.iter().filter(is_spoilt) {
            tracing::error!(
                merchant = %self.run.merchant,
                kind = "billing",
                alarm = "plan missing",
                run = %self.run.id,
                subscriber = %square.subscriber,
            );
        }
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
        squares.insert(id.clone(), billed.square(id, Some(subscriber), cell));
    }
    for (id, cell) in cells {
        squares.insert(id.clone(), billed.square(id, None, Some(cell)));
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
    // Who is passed is not read; the machine decides.
    let run = billed.run;
    let is_open = |cell: &&Cell| run.is_on_tape(cell) && cell.symbol(run.id.track()) == Symbol::U;
    let open = found.cells.iter().filter(is_open);
    let open: Vec<SubscriberId> = open.map(|cell| cell.subscriber.clone()).collect();
    let subscribers = if open.is_empty() {
        BTreeMap::new()
    } else {
        by_id(app.store.subscribers(&billed.run.merchant, &open).await?)
    };
    let squares = found.cells.into_iter().map(|cell| {
        let id = cell.subscriber.clone();
        let owes = |one: &&Subscriber| cell.bill.as_ref().is_some_and(|bill| one.owes(bill));
        let debtor = subscribers.get(&id).filter(owes);
        billed.square(id, debtor, Some(cell))
    });
    Ok(Read {
        page: Page {
            squares: squares.collect(),
            is_last: found.is_last,
        },
        subscribers,
    })
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
