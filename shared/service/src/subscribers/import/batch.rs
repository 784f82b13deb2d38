//! Rows that are compared in one read, and written in as few commits as they fit into.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::future::try_join_all;
use jiff::Timestamp;
use pesan_adapters::dynamodb::{Store, SubscriberChange};
use pesan_domain::field::FieldRefused;
use pesan_domain::ids::SubscriberId;
use pesan_domain::subscriber::{Judged, Settled, Subscriber};

use super::{Outcome, Reported, Stage};
use crate::subscribers::RegistryError;
use crate::subscribers::registrar::Registrar;
use crate::{TRIES, step_aside};

/// What one read takes.
const ROWS: usize = 100;

/// A row before it is compared with what is stored.
#[derive(Debug)]
pub(super) struct Candidate {
    pub line: u64,
    pub verdict: Verdict,
}

/// What a row is by itself.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It says something of somebody.
    Taken { id: SubscriberId, judged: Judged },
    /// It cannot be taken.
    Refused {
        /// Whose it is, as far as that can be read.
        id: Option<SubscriberId>,
        why: FieldRefused,
    },
}

#[derive(Debug, Default)]
pub(super) struct Batch(Vec<Candidate>);

/// A change with the row it came from.
struct Pending {
    row: usize,
    change: SubscriberChange,
}

impl Batch {
    pub fn push(&mut self, candidate: Candidate) {
        self.0.push(candidate);
    }

    pub fn is_full(&self) -> bool {
        self.0.len() >= ROWS
    }

    /// Compares the rows with what is stored and, at that stage, writes what is new.
    pub async fn settle(
        self,
        registrar: &Registrar<'_>,
        made_at: Timestamp,
        stage: Stage,
    ) -> Result<Vec<Reported>, RegistryError> {
        let stored = self.stored(registrar).await?;
        let known = self.known_numbers(registrar, &stored).await?;
        let mut reported = Vec::with_capacity(self.0.len());
        let mut pending = Vec::new();
        for (row, candidate) in self.0.iter().enumerate() {
            if let Some(other) = known.get(&row) {
                reported.push(candidate.reported(Outcome::Refused(is_of(other))));
                continue;
            }
            let before = candidate.taken().and_then(|(id, _)| stored.get(id));
            let (outcome, next) = candidate.compared(registrar, before, made_at)?;
            if let Some(next) = next {
                let change = registrar.change(before, next)?;
                pending.push(Pending { row, change });
            }
            reported.push(candidate.reported(outcome));
        }
        if stage == Stage::Writing {
            let mut commits = Vec::new();
            while !pending.is_empty() {
                let most = pending.len().min(Store::SUBSCRIBER_CHANGES);
                let some: Vec<Pending> = pending.drain(..most).collect();
                commits.push(self.write(registrar, made_at, some));
            }
            for (row, outcome) in try_join_all(commits).await?.into_iter().flatten() {
                if let Some(told) = reported.get_mut(row) {
                    told.outcome = outcome;
                }
            }
        }
        Ok(reported)
    }

    async fn stored(
        &self,
        registrar: &Registrar<'_>,
    ) -> Result<HashMap<SubscriberId, Subscriber>, RegistryError> {
        let taken = self.0.iter().filter_map(Candidate::taken);
        let ids: Vec<SubscriberId> = taken.map(|(id, _)| id.clone()).collect();
        let store = &registrar.app.store;
        let read = || async { Ok(store.subscribers(&registrar.merchant.id, &ids).await?) };
        let stored = patiently(read).await?;
        Ok(stored
            .into_iter()
            .map(|subscriber| (subscriber.id.clone(), subscriber))
            .collect())
    }

    /// Of rows without an id that would make somebody new, those whose number somebody has already: it
    /// may be the same person, whose name was corrected.
    async fn known_numbers(
        &self,
        registrar: &Registrar<'_>,
        stored: &HashMap<SubscriberId, Subscriber>,
    ) -> Result<HashMap<usize, SubscriberId>, RegistryError> {
        let rows = self.0.iter().enumerate();
        let looked_for = rows.filter_map(|(row, candidate)| {
            let (id, judged) = candidate.taken()?;
            let is_new = judged.entry.id.is_none() && !stored.contains_key(id);
            is_new.then_some((row, &judged.entry.phone))
        });
        let looked_for = looked_for.map(async |(row, phone)| {
            let who = patiently(|| registrar.who_has(phone)).await?;
            Ok(who.into_iter().next().map(|one| (row, one)))
        });
        let found: Vec<_> = looked_for.collect();
        let found: Result<_, RegistryError> = try_join_all(found).await;
        Ok(found?.into_iter().flatten().collect())
    }

    /// Writes all at once; where another change came first, or the answer of the commit was lost,
    /// what is stored now is read and decided anew. Returns what came of rows otherwise than they were
    /// decided at first.
    async fn write(
        &self,
        registrar: &Registrar<'_>,
        made_at: Timestamp,
        mut pending: Vec<Pending>,
    ) -> Result<Vec<(usize, Outcome)>, RegistryError> {
        let mut otherwise = Vec::new();
        for nth in 1..=TRIES {
            let changes: Vec<SubscriberChange> =
                pending.iter().map(|one| one.change.clone()).collect();
            let put = async || registrar.put_all(&mut changes.clone()).await;
            if changes.is_empty() || patiently(put).await? {
                return Ok(otherwise);
            }
            step_aside(nth).await;
            let stored = self.stored(registrar).await?;
            let mut left = Vec::new();
            for Pending { row, .. } in pending {
                let Some(candidate) = self.0.get(row) else {
                    continue;
                };
                let before = candidate.taken().and_then(|(id, _)| stored.get(id));
                let (outcome, next) = candidate.compared(registrar, before, made_at)?;
                // What is there as the row says was written by the commit whose answer was lost.
                if outcome != Outcome::Unchanged {
                    otherwise.push((row, outcome));
                }
                if let Some(next) = next {
                    let change = registrar.change(before, next)?;
                    left.push(Pending { row, change });
                }
            }
            pending = left;
        }
        Err(RegistryError::contended("a subscriber of the file"))
    }
}

fn is_of(other: &SubscriberId) -> FieldRefused {
    let reason = format!(
        "{other} has this number: give the id {other} if it is the same person, or another one"
    );
    FieldRefused::new("phone", reason)
}

/// How long the table is waited for at most: a moment's trouble is not to end a long import.
const PAUSES: [Duration; 4] = [
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
];

/// Does what may be done twice, again where the table did not answer.
async fn patiently<T, F>(act: impl Fn() -> F) -> Result<T, RegistryError>
where
    F: Future<Output = Result<T, RegistryError>>,
{
    for pause in PAUSES {
        match act().await {
            Err(RegistryError::Unavailable(_)) => tokio::time::sleep(pause).await,
            done => return done,
        }
    }
    act().await
}

impl Candidate {
    fn taken(&self) -> Option<(&SubscriberId, &Judged)> {
        match &self.verdict {
            Verdict::Taken { id, judged } => Some((id, judged)),
            Verdict::Refused { .. } => None,
        }
    }

    /// What comes of the row where `before` is stored, and what is to be written then.
    fn compared(
        &self,
        registrar: &Registrar<'_>,
        before: Option<&Subscriber>,
        made_at: Timestamp,
    ) -> Result<(Outcome, Option<Subscriber>), RegistryError> {
        let (id, judged) = match &self.verdict {
            Verdict::Taken { id, judged } => (id, judged),
            Verdict::Refused { why, .. } => return Ok((Outcome::Refused(why.clone()), None)),
        };
        match registrar.settle(id, &judged.entry, before, made_at) {
            Ok(Settled::New(next)) => Ok((Outcome::New, Some(next))),
            Ok(Settled::Changed(next)) => Ok((Outcome::Changed, Some(next))),
            Ok(Settled::Unchanged) => Ok((Outcome::Unchanged, None)),
            Err(RegistryError::Field(refused)) => Ok((Outcome::Refused(refused), None)),
            Err(error) => Err(error),
        }
    }

    fn reported(&self, outcome: Outcome) -> Reported {
        let (id, corrections) = match &self.verdict {
            Verdict::Taken { id, judged } => (Some(id.clone()), judged.corrections.clone()),
            Verdict::Refused { id, .. } => (id.clone(), Vec::new()),
        };
        let is_refused = matches!(outcome, Outcome::Refused(_));
        Reported {
            line: self.line,
            id,
            outcome,
            corrections: if is_refused { Vec::new() } else { corrections },
        }
    }
}
