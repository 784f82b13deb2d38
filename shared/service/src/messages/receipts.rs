//! What became of messages, as their vendor tells later.

use std::collections::HashMap;

use futures_util::future::join_all;
use jiff::Timestamp;
use pesan_adapters::dynamodb::{DueKind, MessageRecord, StoreError};
use pesan_domain::ids::{MerchantId, MessageId};
use pesan_domain::message::{Input, Message, Receipt, Refused};

use super::bill;
use super::record::Moving;
use crate::{App, Failure, TRIES, step_aside};

/// What a receipt came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It moved its message.
    Moved,
    /// It says nothing new.
    Known,
    /// It is of no message of ours.
    Foreign,
}

/// Takes a merchant's receipts, each with the id that went out with its message; what became of
/// each, in order. Those of one message are taken one after the other, others beside them.
pub(crate) async fn receipts(
    app: &App,
    merchant: &MerchantId,
    heard: &[(Option<MessageId>, Receipt)],
) -> Vec<Result<Taken, Failure>> {
    let ids: Vec<MessageId> = heard.iter().filter_map(|(id, _)| id.clone()).collect();
    let found = match app.store.messages(&ids).await {
        Ok(found) => found,
        Err(error) => {
            let failed = |_: &_| Err(Failure::from(error.clone()));
            return heard.iter().map(failed).collect();
        }
    };
    let mut by_message: HashMap<&MessageId, Vec<(usize, &Receipt)>> = HashMap::new();
    for (place, (id, receipt)) in heard.iter().enumerate() {
        if let Some(id) = id {
            by_message.entry(id).or_default().push((place, receipt));
        }
    }
    let taken = by_message.into_iter().map(|(id, receipts)| {
        let record = found.get(id).cloned();
        async move { of_message(app, merchant, record, receipts).await }
    });
    let mut results: Vec<Result<Taken, Failure>> =
        heard.iter().map(|_| Ok(Taken::Foreign)).collect();
    for (place, result) in join_all(taken).await.into_iter().flatten() {
        if let Some(slot) = results.get_mut(place) {
            *slot = result;
        }
    }
    results
}

async fn of_message(
    app: &App,
    merchant: &MerchantId,
    record: Option<Result<MessageRecord, StoreError>>,
    receipts: Vec<(usize, &Receipt)>,
) -> Vec<(usize, Result<Taken, Failure>)> {
    let mut record = match record {
        Some(Ok(record)) if record.message.merchant == *merchant => record,
        // Another merchant's, or nobody's: whoever made the id up moves nothing.
        Some(Ok(_)) | None => return same(&receipts, &Ok(Taken::Foreign)),
        Some(Err(error)) => return same(&receipts, &Err(error.into())),
    };
    let mut results = vec![];
    for (place, receipt) in receipts {
        let result = one(app, &mut record, receipt).await;
        results.push((place, result.map_err(Failure::from)));
    }
    results
}

fn same(
    receipts: &[(usize, &Receipt)],
    result: &Result<Taken, Failure>,
) -> Vec<(usize, Result<Taken, Failure>)> {
    receipts
        .iter()
        .map(|(place, _)| (*place, result.clone()))
        .collect()
}

async fn one(
    app: &App,
    record: &mut MessageRecord,
    receipt: &Receipt,
) -> Result<Taken, StoreError> {
    let mut pause = None;
    for nth in 1..=TRIES {
        let now = app.clock.now();
        let input = Input::Receipt(receipt.clone());
        let step = match record.message.clone().step(input, now) {
            Ok(step) => step,
            Err(refused) => return Ok(of_refused(refused)),
        };
        let mut around = bill::around(app, record, &step, now).await?;
        around.pause = pause;
        let moving = Moving::of(record, step, &around, None, now);
        match commit(app, &moving, now).await {
            Err(StoreError::Conflict) => {
                step_aside(nth).await;
                let Message {
                    id,
                    merchant,
                    channel,
                    ..
                } = record.message.clone();
                pause = app.store.pause(&merchant, channel).await?;
                let mut found = app.store.messages(std::slice::from_ref(&id)).await?;
                if let Some(fresh) = found.remove(&id) {
                    *record = fresh?;
                }
            }
            committed => {
                committed?;
                *record = moving.after;
                return Ok(Taken::Moved);
            }
        }
    }
    Err(StoreError::Conflict)
}

fn of_refused(refused: Refused) -> Taken {
    match refused {
        Refused::Known | Refused::Over | Refused::Stale => Taken::Known,
        Refused::NeverSent | Refused::NotDue | Refused::InFlight | Refused::Leased { .. } => {
            Taken::Foreign
        }
    }
}

/// Writes the move. Where it says what became of the price, the batch is looked at soon.
async fn commit(app: &App, moving: &Moving, now: Timestamp) -> Result<(), StoreError> {
    if let (true, Some(batch)) = (moving.resolves(), &moving.after.batch) {
        let due = DueKind::Batch(moving.after.message.merchant.clone(), batch.clone());
        app.store.wake_later(&due, now).await?;
    }
    moving.commit(app).await
}
