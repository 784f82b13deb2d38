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

/// What one read takes of a tape, and how many a page is made of at most: the cells of a reminder may
/// lie far apart among those of other days.
const READ: u16 = 250;
const READS: usize = 16;

/// At most `limit` cells of a run's tape from `after` on, or from its beginning: shard by shard, by
/// the subscribers' ids. A cell is there once a run has written to it. There may be fewer, or none, and
/// still a next page.
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
    let record = app.store.runs(merchant, &[run]).await?.pop();
    let run = record.ok_or(BillingError::UnknownRun(run))?.run;
    let limit = usize::from(limit.max(1));
    let mut cells = Vec::new();
    let mut next = Some(after.cloned().unwrap_or(Position::START));
    for _ in 0..READS {
        let Some(position) = &next else { break };
        let left = limit.saturating_sub(cells.len());
        if left == 0 {
            break;
        }
        let tape = Tape {
            merchant,
            period: run.id.period(),
            shard: position.shard,
        };
        let behind = position.after.as_ref();
        let size = match run.id {
            // Each of them is on the tape.
            RunId::Bill { .. } => u16::try_from(left).unwrap_or(READ).min(READ),
            RunId::Reminder { .. } => READ,
        };
        let page = app.store.cell_page(tape, behind, true, size).await?;
        let found = page.cells.iter().filter(|cell| run.is_on_tape(cell));
        let taken: Vec<Cell> = found.take(left).cloned().collect();
        // Where the limit is reached within the read, the next page begins behind its last cell.
        let last = if taken.len() == left {
            taken.last()
        } else {
            page.cells.last()
        };
        let last = last.map(|cell| cell.subscriber.clone());
        let is_read = page.cells.last().map(|cell| &cell.subscriber) == last.as_ref();
        next = if page.is_last && is_read {
            position.next_shard()
        } else {
            Some(Position {
                shard: position.shard,
                after: last.or_else(|| position.after.clone()),
            })
        };
        cells.extend(taken);
    }
    Ok(TapePage { cells, next })
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
