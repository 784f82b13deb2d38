//! A run's tape, page by page, and what became of the messages of its cells.

use std::collections::HashMap;

use pesan_adapters::dynamodb::Tape;
use pesan_domain::billing::{Cell, RunId, Symbol, Track};
use pesan_domain::ids::{MerchantId, MessageId, SubscriberId};
use pesan_domain::message::Message;

use super::BillingError;
use crate::App;
use crate::messages::messages_of_bill;
use crate::subscribers::Position;

/// A part of a run's tape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TapePage {
    /// Cells that are on it.
    pub cells: Vec<Cell>,
    /// Where it goes on; none at its end.
    pub next: Option<Position>,
}

/// At most `limit` cells of a run's tape from `after` on, or from its beginning: shard by shard, by
/// the subscribers' ids. A cell is there once a run has written to it.
///
/// # Errors
/// [`BillingError::UnknownRun`]
pub async fn tape(
    app: &App,
    merchant: &MerchantId,
    run: RunId,
    after: Option<&Position>,
    limit: u16,
) -> Result<TapePage, BillingError> {
    if app.store.runs(merchant, &[run]).await?.is_empty() {
        return Err(BillingError::UnknownRun(run));
    }
    let mut cells = Vec::new();
    let mut next = Some(after.cloned().unwrap_or(Position::START));
    while let Some(position) = &next {
        let left = usize::from(limit.max(1)).saturating_sub(cells.len());
        let Some(left) = u16::try_from(left).ok().filter(|left| *left > 0) else {
            break;
        };
        let tape = Tape {
            merchant,
            period: run.period(),
            shard: position.shard,
        };
        let behind = position.after.as_ref();
        let page = app.store.cell_page(tape, behind, true, left).await?;
        let last = page.cells.last().map(|cell| cell.subscriber.clone());
        let following = if page.is_last {
            position.next_shard()
        } else {
            Some(Position {
                shard: position.shard,
                after: last.or_else(|| position.after.clone()),
            })
        };
        let on_it = page.cells.into_iter().filter(|cell| is_on(run, cell));
        cells.extend(on_it);
        next = following;
    }
    Ok(TapePage { cells, next })
}

/// Whether a cell is on a run's tape.
pub(super) fn is_on(run: RunId, cell: &Cell) -> bool {
    match run {
        RunId::Bill { .. } => true,
        RunId::Reminder { offset, date, .. } => cell.reminder_day(offset) == Some(date),
    }
}

/// The messages of cells on a track as they are now: a run's own, and where WhatsApp did not bring that
/// one, what the bot was given after it.
///
/// # Errors
/// [`BillingError::Unavailable`]
pub async fn told(
    app: &App,
    merchant: &MerchantId,
    track: Track,
    cells: &[Cell],
) -> Result<HashMap<SubscriberId, Vec<Message>>, BillingError> {
    let mut asked: Vec<(&SubscriberId, MessageId)> = Vec::new();
    for cell in cells {
        let Some(bill) = cell.bill.as_ref() else {
            continue;
        };
        let mut written = cell.trace.iter().filter(|entry| entry.track == track);
        let was_given_up = written.any(|entry| entry.new == Symbol::G);
        let [first, second] = messages_of_bill(merchant, &bill.id, track)?;
        asked.push((&cell.subscriber, first));
        asked.extend(was_given_up.then_some((&cell.subscriber, second)));
    }
    let ids: Vec<MessageId> = asked.iter().map(|(_, id)| id.clone()).collect();
    let mut found = app.store.messages(&ids).await?;
    let mut told: HashMap<SubscriberId, Vec<Message>> = HashMap::new();
    for (subscriber, id) in asked {
        if let Some(record) = found.remove(&id) {
            let messages = told.entry(subscriber.clone()).or_default();
            messages.push(record?.message);
        }
    }
    Ok(told)
}
