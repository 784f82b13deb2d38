//! Messages of one merchant and channel: check again, lease together, send, record, settle.

use std::collections::{BTreeMap, HashMap};

use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use pesan_adapters::dynamodb::{
    BatchRecord, DueKind, MessageRecord, Moved, PaceRecord, Recipients, Reserving, StoreError,
    Surroundings, To, Together,
};
use pesan_adapters::events::Envelope;
use pesan_domain::balance::{Batch, BatchId, Entry};
use pesan_domain::ids::{MerchantId, MessageId};
use pesan_domain::message::verdict::{Refusal, Verdict};
use pesan_domain::message::{
    Channel, Funds, Input, Jitter, Message, MessageState, Outcome, Refused, Standing,
};
use pesan_domain::pace::Pace;
use pesan_domain::whatsapp::{News, TemplateStatus};

use super::letter::Letter;
use super::news::twin;
use super::plan::{Plan, Planned, language_of, plan};
use super::record::{Moving, told};
use super::{Ended, bill, call, pace, settle};
use crate::{App, TRIES, event_id, step_aside, whatsapp};

/// How long a sender has for a message: longer than an invocation goes on after the lease.
pub(super) const LEASE: SignedDuration = SignedDuration::from_secs(60);

/// When it is looked whether a template that was refused is approved already.
const LOOKED_AT_AGAIN: SignedDuration = SignedDuration::from_mins(2);

/// How often a batch is decided anew after another commit came first: senders side by side share
/// balance and pace.
const BATCH_TRIES: u32 = 10;

/// What became of each message.
type Results = Vec<(MessageId, Ended)>;

/// Sends messages of one merchant and channel, as far as nothing stands in their way.
pub(super) async fn send(app: &App, records: Vec<MessageRecord>) -> Results {
    let mut ended = Results::new();
    let mut open = records;
    for nth in 1..=BATCH_TRIES {
        let ids: Vec<MessageId> = ids(&open);
        open = match attempt(app, open, &mut ended).await {
            Ok(again) => again,
            Err(error) => {
                let left = ids
                    .into_iter()
                    .filter(|id| ended.iter().all(|(one, _)| one != id));
                let left: Results = left.map(|id| (id, Ended::Unrecorded)).collect();
                unrecorded(&error);
                ended.extend(left);
                return ended;
            }
        };
        if open.is_empty() {
            return ended;
        }
        step_aside(nth).await;
        open = match reload(app, &open).await {
            Ok(fresh) => fresh,
            Err(error) => {
                unrecorded(&error);
                break;
            }
        };
    }
    ended.extend(ids(&open).into_iter().map(|id| (id, Ended::Unrecorded)));
    ended
}

fn ids(records: &[MessageRecord]) -> Vec<MessageId> {
    records
        .iter()
        .map(|record| record.message.id.clone())
        .collect()
}

fn unrecorded(error: &StoreError) {
    tracing::error!(kind = "message", outcome = "unrecorded", alarm = "message unrecorded", %error);
}

async fn reload(app: &App, records: &[MessageRecord]) -> Result<Vec<MessageRecord>, StoreError> {
    let mut found = app.store.messages(&ids(records)).await?;
    let order = records.iter().map(|record| &record.message.id);
    order.filter_map(|id| found.remove(id)).collect()
}

/// One go at a batch: what could not be written because somebody else was first is left over.
async fn attempt(
    app: &App,
    records: Vec<MessageRecord>,
    ended: &mut Results,
) -> Result<Vec<MessageRecord>, StoreError> {
    let now = app.clock.now();
    let mut live = vec![];
    for record in records {
        let looked = record
            .message
            .clone()
            .step(lease(Standing::CLEAR, now), now);
        match looked {
            Err(refused) => {
                let left = let_be(app, &record, refused).await?;
                ended.push((record.message.id, left));
            }
            Ok(_) => live.push(record),
        }
    }
    settle_before(app, &live).await?;
    let Some(mut around) = app.store.surroundings(&live, now).await? else {
        return Ok(vec![]);
    };
    if bill::readdress(app, &mut live, &around).await? {
        let anew = app.store.surroundings(&live, now).await?;
        around = anew.unwrap_or(around);
    }
    let plan = plan(app, live, &around, now).await?;
    carry_out(app, plan, &around, ended).await
}

fn lease(standing: Standing, now: Timestamp) -> Input {
    let until = now.checked_add(LEASE).unwrap_or(now);
    Input::Lease { until, standing }
}

/// What changes nothing. Whoever was woken too early is woken again.
async fn let_be(app: &App, record: &MessageRecord, refused: Refused) -> Result<Ended, StoreError> {
    let message = &record.message;
    tracing::info!(merchant = %message.merchant, kind = "message", outcome = "nothing to do", reason = %refused);
    if let Some(at) = message.wakes_at() {
        let due = DueKind::Message(message.id.clone());
        app.store.wake_later(&due, at).await?;
    }
    Ok(Ended::NothingToDo)
}

/// What was given back must be so in the ledger before it is set aside anew.
async fn settle_before(app: &App, records: &[MessageRecord]) -> Result<(), StoreError> {
    let anew = records
        .iter()
        .filter(|record| record.message.funds.must_reserve());
    for record in anew {
        if let Some(batch) = &record.batch {
            settle::settle(app, &record.message.merchant, batch)
                .await
                .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        }
    }
    Ok(())
}

/// A message that is under lease, with what is sent and when.
struct Leased {
    record: MessageRecord,
    letter: Letter,
    slot: Timestamp,
}

async fn carry_out(
    app: &App,
    plan: Plan,
    around: &Surroundings,
    ended: &mut Results,
) -> Result<Vec<MessageRecord>, StoreError> {
    let now = app.clock.now();
    let batch = BatchId::from(event_id(now));
    let (mut going, mut letters, mut staying, mut again) = (vec![], vec![], vec![], vec![]);
    let Plan {
        messages,
        reserved,
        reached,
    } = plan;
    let reserves = |message: &MessageId| {
        let reserved = reserved.as_ref();
        reserved.is_some_and(|reserved| reserved.funded.contains(message))
    };
    for planned in messages {
        let Planned {
            record,
            standing,
            ready,
        } = planned;
        let Ok(step) = record.message.clone().step(lease(standing, now), now) else {
            ended.push((record.message.id, Ended::NothingToDo));
            continue;
        };
        let sending = matches!(step.next.state, MessageState::Sending { .. });
        let own = Some(&batch).filter(|_| reserves(&record.message.id));
        let mut moving = Moving::of(&record, step, around, own, now);
        if moving.twin.is_none() {
            moving.twin = twin(app, &record, around, now).await;
        }
        match ready {
            Some(ready) if sending => {
                going.push(moving);
                letters.push((record, ready));
            }
            // The clock went on between the plan and this: it is planned again.
            None if sending => again.push(record),
            Some(_) | None => staying.push((record, moving)),
        }
    }
    let together = Lease {
        around,
        batch: &batch,
        reserved: reserved.as_ref(),
        reached,
        now,
    };
    let mut known = HashMap::new();
    let mut leased = vec![];
    if !going.is_empty() {
        match together.commit(app, &going).await {
            Err(StoreError::Conflict) => {
                again.extend(letters.into_iter().map(|(record, _)| record));
            }
            Err(error) => return Err(error),
            Ok(()) => {
                let going = going.into_iter().zip(letters);
                leased.extend(going.map(|(moving, (_, (letter, slot)))| Leased {
                    record: moving.after,
                    letter,
                    slot,
                }));
            }
        }
    }
    // After the money of the others is set aside: what waits for money does so only where there is
    // too little of it.
    again.extend(stay(app, staying, ended, &mut known).await);
    hand_over(app, leased, around, ended, &mut known).await;
    settle_after(app, around, together.record(), &known).await;
    Ok(again)
}

/// Writes those that do not go: held, dropped, put off. What is left over is decided anew.
async fn stay(
    app: &App,
    staying: Vec<(MessageRecord, Moving)>,
    ended: &mut Results,
    known: &mut HashMap<MessageId, MessageRecord>,
) -> Vec<MessageRecord> {
    let commits = staying.iter().map(|(_, moving)| moving.commit(app));
    let commits = join_all(commits).await;
    let mut again = vec![];
    for ((record, moving), committed) in staying.into_iter().zip(commits) {
        match committed {
            Err(StoreError::Conflict) => again.push(record),
            Err(error) => {
                unrecorded(&error);
                ended.push((record.message.id, Ended::Unrecorded));
            }
            Ok(()) => {
                let resolves = moving.resolves();
                ended.push((record.message.id.clone(), told(&moving.after)));
                if resolves {
                    known.insert(record.message.id, moving.after);
                }
            }
        }
    }
    again
}

/// What goes with the leases of a batch.
struct Lease<'a> {
    around: &'a Surroundings,
    batch: &'a BatchId,
    reserved: Option<&'a pesan_domain::balance::Reserved>,
    reached: Option<(Vec<String>, u32)>,
    now: Timestamp,
}

impl Lease<'_> {
    async fn commit(&self, app: &App, going: &[Moving]) -> Result<(), StoreError> {
        let merchant = self.around.merchant.as_ref();
        let account = self.around.account.as_ref();
        let reserved = self.reserved.filter(|reserved| reserved.change.is_some());
        let reserving = match (merchant, account, reserved) {
            (Some(merchant), Some(account), Some(reserved)) => Some(Reserving {
                merchant: &merchant.id,
                zone: merchant.zone,
                before: &account.balance,
                reserved,
                batch: self.batch,
                wakes_at: self.looked_at(),
                at: self.now,
            }),
            _ => None,
        };
        let recipients = match (merchant, &self.reached) {
            (Some(merchant), Some((contacts, most))) => Some(Recipients {
                merchant: &merchant.id,
                day: self.around.day,
                most: *most,
                contacts: contacts.iter().map(String::as_str).collect(),
            }),
            _ => None,
        };
        let low = merchant
            .filter(|_| reserved.is_some_and(pesan_domain::balance::Reserved::tells_low))
            .map(|merchant| Envelope::balance_low(event_id(self.now), &merchant.id, self.now));
        let together = Together {
            reserving,
            recipients,
            announced: low.as_ref(),
        };
        let moves: Vec<Moved<'_>> = going.iter().map(Moving::moved).collect();
        app.store.move_together(&moves, &together).await?;
        if let (Some(merchant), Some(_)) = (merchant, &low) {
            tracing::warn!(merchant = %merchant.id, kind = "balance", outcome = "low");
        }
        Ok(())
    }

    fn looked_at(&self) -> Timestamp {
        self.now.checked_add(settle::LOOKED_AT).unwrap_or(self.now)
    }

    /// The batch as it is stored, where anything was set aside.
    fn record(&self) -> Option<BatchRecord> {
        let change = self.reserved?.change.as_ref()?;
        let Entry::Reserve(open) = &change.entry else {
            return None;
        };
        Some(BatchRecord {
            batch: Batch {
                id: self.batch.clone(),
                open: open.clone(),
                version: 1,
            },
            wakes_at: self.looked_at(),
        })
    }
}

/// Sends what is under lease: to one recipient one after the other, to others beside that.
async fn hand_over(
    app: &App,
    leased: Vec<Leased>,
    around: &Surroundings,
    ended: &mut Results,
    known: &mut HashMap<MessageId, MessageRecord>,
) {
    let Some(first) = leased.first() else { return };
    let merchant = first.record.message.merchant.clone();
    let channel = first.record.message.channel;
    let mut recipients: BTreeMap<String, Vec<Leased>> = BTreeMap::new();
    for one in leased {
        recipients
            .entry(recipient(&one.record.to))
            .or_default()
            .push(one);
    }
    let sent = join_all(
        recipients
            .into_values()
            .map(|leased| in_order(app, leased, around)),
    );
    let sent: Vec<Sent> = sent.await.into_iter().flatten().collect();
    learn(app, &merchant, channel, around.pace, &sent).await;
    for one in sent {
        ended.push((one.id.clone(), one.ended));
        known.extend(one.after.map(|after| (one.id, after)));
    }
}

fn recipient(to: &To) -> String {
    match to {
        To::Chat(chat) => chat.to_string(),
        To::Phone { contact, .. } => contact.clone(),
    }
}

/// A message that was handed to its vendor.
struct Sent {
    id: MessageId,
    outcome: Outcome,
    ended: Ended,
    after: Option<MessageRecord>,
}

async fn in_order(app: &App, leased: Vec<Leased>, around: &Surroundings) -> Vec<Sent> {
    let mut sent = vec![];
    for one in leased {
        pace::wait_for(app, one.slot).await;
        let outcome = call::call(app, &one.record, &one.letter).await;
        let id = one.record.message.id.clone();
        let (ended, after) = match record(app, one.record, &outcome, around).await {
            Ok((ended, after)) => (ended, after),
            Err(error) => {
                unrecorded(&error);
                (Ended::Unrecorded, None)
            }
        };
        sent.push(Sent {
            id,
            outcome,
            ended,
            after,
        });
    }
    sent
}

/// Records what came of a call.
async fn record(
    app: &App,
    mut record: MessageRecord,
    outcome: &Outcome,
    around: &Surroundings,
) -> Result<(Ended, Option<MessageRecord>), StoreError> {
    let MessageState::Sending { attempt, .. } = record.message.state else {
        return Ok((Ended::NothingToDo, None));
    };
    let jitter = Jitter(rand::random());
    // Only where another write came first: what was read with the batch holds mostly.
    let mut anew: Option<Surroundings> = None;
    for nth in 1..=TRIES {
        let now = app.clock.now();
        let input = Input::Outcome {
            attempt,
            outcome: outcome.clone(),
            jitter,
        };
        let Ok(step) = record.message.clone().step(input, now) else {
            tracing::info!(merchant = %record.message.merchant, kind = "message", outcome = "answered too late");
            return Ok((Ended::NothingToDo, Some(record)));
        };
        let around = anew.as_ref().unwrap_or(around);
        let moving = Moving::of(&record, step, around, None, now);
        if moving.holds_template() {
            hold_template(app, &record, around, now).await?;
        }
        match moving.commit(app).await {
            Err(StoreError::Conflict) => {
                step_aside(nth).await;
                let mut around = bill::reloaded(app, &record, around).await?;
                let Message {
                    merchant, channel, ..
                } = &record.message;
                around.pause = app.store.pause(merchant, *channel).await?;
                anew = Some(around);
                record = reload_one(app, record).await?;
            }
            committed => {
                committed?;
                return Ok((told(&moving.after), Some(moving.after)));
            }
        }
    }
    Err(StoreError::Conflict)
}

/// Notes that Meta does not take a template any more, before its message waits for that to end.
async fn hold_template(
    app: &App,
    record: &MessageRecord,
    around: &Surroundings,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (Some(kind), Some(language)) = (record.template(), language_of(record, around)) else {
        return Ok(());
    };
    let merchant = &record.message.merchant;
    tracing::error!(%merchant, kind = "message", alarm = "template refused", template = kind.name());
    let news = [News::Status(TemplateStatus::Paused, None)];
    whatsapp::record(app, merchant, (kind, language), &news, now)
        .await
        .map_err(|error| StoreError::Unavailable(error.to_string()))?;
    // The hold is a commit of its own: an approval between the two would pass it by.
    let release = DueKind::Release(merchant.clone());
    let soon = now.checked_add(LOOKED_AT_AGAIN).unwrap_or(now);
    app.store.wake_later(&release, soon).await
}

async fn reload_one(app: &App, record: MessageRecord) -> Result<MessageRecord, StoreError> {
    let mut found = reload(app, std::slice::from_ref(&record)).await?;
    Ok(found.pop().unwrap_or(record))
}

/// What the vendor did with a batch, for those who come after it.
async fn learn(
    app: &App,
    merchant: &MerchantId,
    channel: Channel,
    kept: PaceRecord,
    sent: &[Sent],
) {
    let is_too_fast = |one: &Sent| {
        let verdict = match &one.outcome {
            Outcome::Refused(Refusal { verdict, .. }) => *verdict,
            Outcome::Accepted(_) | Outcome::Unknown => return false,
        };
        verdict == Verdict::SlowNumber
    };
    let accepted = sent
        .iter()
        .any(|one| matches!(one.outcome, Outcome::Accepted(_)));
    let trouble = sent
        .iter()
        .all(|one| call::is_trouble(channel, &one.outcome));
    if trouble {
        tracing::info!(%merchant, kind = "message", channel = channel.name(), pace = "failed");
        pace::learn(app, merchant, channel, kept, Pace::failed).await;
    } else if sent.iter().any(is_too_fast) {
        tracing::info!(%merchant, kind = "message", channel = channel.name(), pace = "slowed");
        pace::learn(app, merchant, channel, kept, Pace::slowed).await;
    } else if accepted && kept.pace.failures > 0 {
        pace::learn(app, merchant, channel, kept, |pace, _| pace.recovered()).await;
    }
}

/// Settles the batch of this go, and those of messages that were set aside before it.
async fn settle_after(
    app: &App,
    around: &Surroundings,
    batch: Option<BatchRecord>,
    known: &HashMap<MessageId, MessageRecord>,
) {
    let Some(merchant) = &around.merchant else {
        return;
    };
    let own = batch.as_ref().map(|batch| &batch.batch.id);
    let mut earlier: Vec<&BatchId> = known
        .values()
        // What is set aside still is looked at when its outcome is known.
        .filter(|record| record.message.funds != Funds::Reserved)
        .filter_map(|record| record.batch.as_ref())
        .filter(|id| Some(*id) != own)
        .collect();
    earlier.sort();
    earlier.dedup();
    for id in earlier {
        if let Err(error) = settle::settle(app, &merchant.id, id).await {
            tracing::warn!(merchant = %merchant.id, kind = "message", outcome = "not settled", %error);
        }
    }
    if let Some(batch) = &batch {
        settle::ended(app, merchant, batch, known).await;
    }
}
