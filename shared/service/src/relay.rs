//! From the outbox to the event bus.

use pesan_adapters::dynamodb::Announced;
use pesan_adapters::eventbridge::{Bus, Entry, MOST_ENTRIES};

use crate::App;

/// Puts what was committed on the bus and takes what the bus took out of the outbox; for each, in
/// order, whether it was taken. What cannot be read is said with an alarm, stays in the outbox for
/// whoever looks, and counts as taken: trying it again would only hold up what follows.
///
/// What is taken and cannot be taken out of the outbox is announced again later: twice is no harm.
pub async fn take(app: &App, bus: &Bus, announced: &[Announced]) -> Vec<bool> {
    let entries: Vec<Option<Entry>> = announced.iter().map(entry).collect();
    let mut taken: Vec<bool> = entries.iter().map(Option::is_none).collect();
    let readable: Vec<usize> = (0..)
        .zip(&entries)
        .filter(|(_, entry)| entry.is_some())
        .map(|(place, _)| place)
        .collect();
    let mut relayed = Vec::new();
    for places in readable.chunks(MOST_ENTRIES) {
        let some: Vec<Entry> = places
            .iter()
            .filter_map(|place| entries.get(*place).cloned().flatten())
            .collect();
        for (place, was_taken) in places.iter().zip(put(bus, &some).await) {
            if let (true, Some(row), Some(taken)) =
                (was_taken, announced.get(*place), taken.get_mut(*place))
            {
                *taken = true;
                relayed.push(row);
            }
        }
    }
    if let Err(error) = app.store.relayed(&relayed).await {
        tracing::warn!(kind = "outbox", outcome = "not taken out", %error);
    }
    let mut merchants = announced
        .iter()
        .filter_map(|row| Some(&row.envelope.as_ref().ok()?.merchant));
    if let Some(first) = merchants.next()
        && merchants.all(|merchant| merchant == first)
    {
        tracing::info!(merchant = %first);
    }
    tracing::info!(
        kind = "outbox",
        outcome = "relayed",
        events = announced.len(),
        relayed = relayed.len(),
        unreadable = announced.len().saturating_sub(readable.len()),
    );
    taken
}

fn entry(row: &Announced) -> Option<Entry> {
    match &row.envelope {
        Ok(envelope) => Some(Entry {
            kind: envelope.kind().to_owned(),
            detail: row.json.clone(),
        }),
        Err(error) => {
            tracing::error!(kind = "outbox", outcome = "unreadable", alarm = "event unreadable", %error);
            None
        }
    }
}

/// All at once, and what was not taken one by one: one entry may be why all are refused.
async fn put(bus: &Bus, entries: &[Entry]) -> Vec<bool> {
    let mut taken = match bus.put(entries).await {
        Ok(taken) => taken,
        Err(error) => {
            tracing::warn!(kind = "outbox", outcome = "refused", %error);
            vec![]
        }
    };
    taken.resize(entries.len(), false);
    for (entry, taken) in entries.iter().zip(&mut taken) {
        if !*taken {
            let alone = bus.put(std::slice::from_ref(entry)).await;
            *taken = alone.is_ok_and(|taken| taken == [true]);
        }
    }
    taken
}
