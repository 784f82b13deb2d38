//! The runs that make a month's bills and remind of them, and the tapes they write.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::civil::Date;
use pesan_adapters::dynamodb::subscriber_shard;
use pesan_domain::billing::{self, Cell as DomainCell, Counts, Period, RunId, Symbol, Track};
use pesan_domain::ids::SubscriberId;
use pesan_domain::message::Message;
use pesan_domain::whatsapp::Phone;
use pesan_service::App;
use pesan_service::billing::{
    Begun, Forecast as Foreseen, Listed, Obstacle, Progress, Sample, Wanted, begin, sample,
};
use pesan_service::subscribers::Position;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::gate::Caller;
use crate::json::{Json, given};
use crate::parameters::{Paging, Parameters};
use crate::problem::{Kind, Problem};
use crate::segment::Segment;

/// A run to be begun
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRun {
    /// The month that is billed: this one or the last, or with `old` one before. Who came after it is not
    /// billed. A month has one run: begun before its last day, it bills nobody who comes later
    #[schema(pattern = "month", example = "2026-11")]
    period: String,
    /// Only say what it would come to
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, example = true)]
    dry_run: Option<bool>,
    /// That a month before the last one is meant, whose bills are overdue when they are made
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, example = false)]
    old: Option<bool>,
    /// With `dry_run`: a WhatsApp number that one bill is sent to, as subscribers would get
    /// it. It costs a message
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, example = "+6281200000001")]
    sample_to: Option<String>,
}

/// What came of asking for a run
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = BillingRunAnswer)]
pub(crate) enum Outcome {
    /// Of a dry run
    Forecast(Box<Forecast>),
    /// Of a run that had begun before
    Run(Box<Run>),
}

/// How far a run is
#[derive(Serialize, ToSchema)]
#[schema(as = BillingRun)]
pub(crate) struct Run {
    /// The month that is billed
    #[schema(example = "2026-11")]
    period: String,
    /// `bill`, or a reminder so many days from the due day
    #[schema(example = "bill")]
    track: String,
    /// The day of a reminder's run; null for the bills
    #[schema(required, format = Date, example = json!(null))]
    date: Option<String>,
    /// What the least advanced shard is doing
    state: StateName,
    /// How many cells all shards have passed
    #[schema(example = 25)]
    head: u64,
    /// How many cells it is likely to have: those of the month before; null where there was no run, and
    /// of a reminder's
    #[schema(required, example = 25)]
    expected: Option<u64>,
    /// How many cells hold each symbol: of up to a thousand cells as it is now, of more as the machines
    /// last saw it, which look again every quarter of an hour until the run is over. The tape is always
    /// as it is now
    counts: SymbolCounts,
    /// Each shard of the tape
    shards: Vec<Shard>,
    /// How many cells a second are passed, or were until the end of the tape was reached; null where
    /// it is too early to say, and where it is less than one
    #[schema(required, example = 40)]
    per_second: Option<u64>,
    /// When everybody is likely to have been told; null where nothing is known to tell by, and once
    /// everybody is
    #[schema(required, format = DateTime, example = "2026-11-30T02:00:05Z")]
    ends_at: Option<String>,
    /// Whether it was begun before the last day of its month
    #[schema(example = false)]
    early: bool,
    /// How many subscribers came after a run that was begun early, within its month: no run bills them
    /// for it. Null of any other run, while it scans, and where it has more than a thousand cells
    #[schema(required, example = json!(null))]
    came_later: Option<u64>,
    /// What keeps its messages from leaving now: `not-active`, `stopped` (see `pesan doctor`), `template`,
    /// `balance`, `night`; empty where none is on its way
    #[schema(example = json!([]))]
    held_up_by: Vec<&'static str>,
    /// The time by which it belongs to its month. Who was a subscriber then, and before the month was
    /// over, is billed
    #[schema(format = DateTime, example = "2026-11-30T02:00:00Z")]
    scheduled_at: String,
    /// When it began
    #[schema(format = DateTime, example = "2026-11-30T02:00:01Z")]
    begun_at: String,
    /// When it stops waiting for what becomes of its messages
    #[schema(format = DateTime, example = "2026-12-03T02:00:00Z")]
    deadline: String,
}

/// `scan`: bills are being made. `settle`: it waits for what becomes of the messages. `halt`: it is
/// over
#[derive(Serialize, ToSchema)]
#[schema(as = BillingRunState)]
pub(crate) enum StateName {
    #[serde(rename = "scan")]
    Scan,
    #[serde(rename = "settle")]
    Settle,
    #[serde(rename = "halt")]
    Halt,
}

/// How many cells hold each symbol
#[derive(Serialize, ToSchema)]
#[schema(as = SymbolCounts)]
pub(crate) struct SymbolCounts {
    /// Not yet done
    #[serde(rename = "U")]
    #[schema(example = 0)]
    undone: u64,
    /// Made, and its message is on its way
    #[serde(rename = "C")]
    #[schema(example = 3)]
    committed: u64,
    /// Made, with no channel to tell it over
    #[serde(rename = "N")]
    #[schema(example = 1)]
    no_channel: u64,
    /// Nothing is owed, or the bill was called off
    #[serde(rename = "K")]
    #[schema(example = 0)]
    nothing_owed: u64,
    /// A channel took its message
    #[serde(rename = "A")]
    #[schema(example = 20)]
    accepted: u64,
    /// Its message was given up
    #[serde(rename = "G")]
    #[schema(example = 0)]
    given_up: u64,
    /// Paid
    #[serde(rename = "P")]
    #[schema(example = 1)]
    paid: u64,
}

/// What a cell holds: `U` not yet done, `C` made and on its way, `N` made with no channel to tell it
/// over, `K` nothing owed or called off, `A` taken by a channel, `G` given up, `P` paid
#[derive(Serialize, ToSchema)]
#[schema(as = Symbol)]
pub(crate) enum SymbolName {
    A,
    C,
    G,
    K,
    N,
    P,
    U,
}

/// How far a shard is
#[derive(Serialize, ToSchema)]
#[schema(as = BillingRunShard)]
pub(crate) struct Shard {
    /// Which
    #[schema(example = 0)]
    n: u8,
    /// What its machine is doing
    state: StateName,
    /// How many cells its head has passed
    #[schema(example = 3)]
    head: u64,
    /// Whether it met what its table has no row for. The operator has been told, and has it go on
    #[schema(example = false)]
    stopped: bool,
}

/// What a run would come to, of those whom it has not done yet
#[derive(Serialize, ToSchema)]
#[schema(as = BillingForecast)]
pub(crate) struct Forecast {
    /// The month that would be billed
    #[schema(example = "2026-11")]
    period: String,
    /// Always true: no bill was made, and nobody was told but of a sample
    #[schema(example = true)]
    dry_run: bool,
    /// Subscribers whom the run has done already, where it has begun
    #[schema(example = 0)]
    done: u64,
    /// Bills that it would make
    #[schema(example = 25)]
    bills: u64,
    /// What they would ask for in all, in rupiah
    #[schema(example = 3_750_000)]
    total: u64,
    /// Messages over WhatsApp, which are paid for
    #[schema(example = 24)]
    whatsapp: u64,
    /// Messages over Telegram, which cost nothing
    #[schema(example = 0)]
    telegram: u64,
    /// What the messages would cost, in rupiah
    #[schema(example = 8_808)]
    cost: u64,
    /// What the balance has for them, in rupiah
    #[schema(example = 36_700)]
    available: u64,
    /// Whether that pays for all of them. Where it does not, the rest waits for a top-up
    #[schema(example = true)]
    covered: bool,
    /// Over how many days Meta's limit of recipients stretches them
    #[schema(example = 1)]
    days: u64,
    /// For how many seconds they go out at the number's own speed, where no limit stops them
    #[schema(example = 1)]
    seconds: u64,
    /// Whether the last day of the month is still to come. Who comes until then would be billed by no
    /// run, since a month has one
    #[schema(example = false)]
    early: bool,
    /// Subscribers who came after the month, or after the run had begun: it does not bill them
    #[schema(example = 0)]
    came_later: u64,
    /// What would keep the messages over WhatsApp from leaving now: `not-active`, `stopped` (see `pesan
    /// doctor`), `template`, `balance`, `night`
    #[schema(example = json!([]))]
    held_up_by: Vec<&'static str>,
    /// What became of the sample; null where none was asked for
    #[schema(required, example = json!(null))]
    sample: Option<SampleName>,
    /// Whose bill would be made, with no channel to tell it over
    no_channel: ByReason,
    /// Who would not be billed
    nothing_owed: ByReason,
}

/// `queued`: it is on its way. `queued-before`: the same one went to the same number on this day.
/// `nobody-to-tell`: nobody would be told over WhatsApp
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = BillingSample)]
pub(crate) enum SampleName {
    Queued,
    QueuedBefore,
    NobodyToTell,
}

/// Subscribers by a reason
#[derive(Serialize, ToSchema)]
#[schema(as = SubscribersByReason)]
pub(crate) struct ByReason {
    /// How many for each reason
    #[schema(example = json!({"opted-out": 1}))]
    counts: BTreeMap<&'static str, u64>,
    /// The first hundred of them, in no order
    subscribers: Vec<Reasoned>,
}

/// A subscriber with the reason
#[derive(Serialize, ToSchema)]
#[schema(as = SubscriberWithReason)]
pub(crate) struct Reasoned {
    /// The subscriber's id
    #[schema(example = "plg-001")]
    subscriber: String,
    /// No channel: `opted-out`, `removed`; nothing owed: `paused`, `closed`
    #[schema(example = "opted-out")]
    reason: &'static str,
}

/// A page of a tape
#[derive(Serialize, ToSchema)]
#[schema(as = Tape)]
pub(crate) struct TapePage {
    cells: Vec<Cell>,
    /// The `cursor` of the next page; null on the last
    #[schema(required, example = json!(null))]
    next: Option<String>,
}

/// A subscriber's cell
#[derive(Serialize, ToSchema)]
#[schema(as = Cell)]
pub(crate) struct Cell {
    /// The subscriber's id
    #[schema(example = "plg-001")]
    subscriber: String,
    /// The shard of the tape that it is on
    #[schema(minimum = 0, maximum = 7, example = 0)]
    shard: u8,
    /// What it holds now
    symbol: SymbolName,
    /// The bill; null where nothing was asked for
    #[schema(required, example = "B-202611-plg-001")]
    bill: Option<String>,
    /// What was written to it on this track, the oldest first
    trace: Vec<Write>,
    /// Its messages on this track as they are now: the run's own, and where WhatsApp did not bring that
    /// one, what the bot was given after it
    messages: Vec<Told>,
}

/// A message of a cell
#[derive(Serialize, ToSchema)]
#[schema(as = CellMessage)]
pub(crate) struct Told {
    /// Its id, which stands in logs and events
    #[schema(example = "3w5ekuszbu6bqpzqo5zdeypb6y")]
    id: String,
    /// `whatsapp` or `telegram`
    #[schema(example = "whatsapp")]
    channel: &'static str,
    /// `Queued`, `Sending`, `Held`, `Retry`, `Unknown`, `Accepted`, `Sent`, `Delivered`, `Read`,
    /// `Failed` or `Dropped`
    #[schema(example = "Read")]
    state: &'static str,
    /// Why it is held, failed or was dropped; null in any other state
    #[schema(required, example = json!(null))]
    reason: Option<&'static str>,
    /// Whether it may have arrived twice, since nobody knew what became of a try
    #[schema(example = false)]
    possibly_double: bool,
}

/// A symbol that was written over another
#[derive(Serialize, ToSchema)]
#[schema(as = TraceEntry)]
pub(crate) struct Write {
    /// When
    #[schema(format = DateTime, example = "2026-11-30T02:00:02Z")]
    at: String,
    /// What was there
    from: SymbolName,
    /// What was written
    to: SymbolName,
    /// Why: `made`, `accepted`, `failed` or `dropped` with the channel or the reason behind a colon,
    /// `no-channel` or `nothing-owed` with the reason, `deadline`, `paid`, `voided`, `refunded`,
    /// `reversed`, `struck`
    #[schema(example = "made:whatsapp")]
    why: String,
}

impl From<billing::State> for StateName {
    fn from(state: billing::State) -> Self {
        match state {
            billing::State::Scan => Self::Scan,
            billing::State::Settle => Self::Settle,
            billing::State::Halt => Self::Halt,
        }
    }
}

impl From<Symbol> for SymbolName {
    fn from(symbol: Symbol) -> Self {
        match symbol {
            Symbol::U => Self::U,
            Symbol::C => Self::C,
            Symbol::N => Self::N,
            Symbol::K => Self::K,
            Symbol::A => Self::A,
            Symbol::G => Self::G,
            Symbol::P => Self::P,
        }
    }
}

impl From<&Counts> for SymbolCounts {
    fn from(counts: &Counts) -> Self {
        Self {
            undone: counts.get(Symbol::U),
            committed: counts.get(Symbol::C),
            no_channel: counts.get(Symbol::N),
            nothing_owed: counts.get(Symbol::K),
            accepted: counts.get(Symbol::A),
            given_up: counts.get(Symbol::G),
            paid: counts.get(Symbol::P),
        }
    }
}

impl From<Progress> for Run {
    fn from(progress: Progress) -> Self {
        let id = progress.run.id;
        let shards = progress.shards.iter().map(|shard| Shard {
            n: shard.number,
            state: shard.state.into(),
            head: shard.head,
            stopped: shard.is_stopped,
        });
        Self {
            period: id.period().to_string(),
            track: id.track().to_string(),
            date: day(id).map(|date| date.to_string()),
            state: progress.state.into(),
            head: progress.head,
            expected: progress.expected,
            counts: (&progress.counts).into(),
            shards: shards.collect(),
            per_second: progress.per_second,
            ends_at: progress.ends_at.map(|at| at.to_string()),
            early: progress.run.is_early(),
            came_later: progress.came_later,
            held_up_by: names(&progress.held_up_by),
            scheduled_at: progress.run.scheduled_at.to_string(),
            begun_at: progress.run.begun_at.to_string(),
            deadline: progress.run.deadline.to_string(),
        }
    }
}

fn names(obstacles: &[Obstacle]) -> Vec<&'static str> {
    obstacles.iter().map(|one| one.name()).collect()
}

/// The day of a reminder's run.
fn day(id: RunId) -> Option<Date> {
    match id {
        RunId::Bill { .. } => None,
        RunId::Reminder { date, .. } => Some(date),
    }
}

impl From<Sample> for SampleName {
    fn from(sample: Sample) -> Self {
        match sample {
            Sample::Queued => Self::Queued,
            Sample::QueuedBefore => Self::QueuedBefore,
            Sample::NobodyToTell => Self::NobodyToTell,
        }
    }
}

impl Forecast {
    fn of(forecast: &Foreseen, sample: Option<Sample>) -> Self {
        Self {
            sample: sample.map(SampleName::from),
            covered: forecast.is_covered(),
            period: forecast.run.period().to_string(),
            dry_run: true,
            done: forecast.done,
            bills: forecast.bills,
            total: forecast.total.get(),
            whatsapp: forecast.whatsapp,
            telegram: forecast.telegram,
            cost: forecast.cost.get(),
            available: forecast.available.get(),
            days: forecast.days,
            seconds: forecast.seconds,
            early: forecast.early,
            came_later: forecast.came_later,
            held_up_by: names(&forecast.held_up_by),
            no_channel: ByReason::of(&forecast.no_channel, |reason| reason.name()),
            nothing_owed: ByReason::of(&forecast.nothing_owed, |reason| reason.name()),
        }
    }
}

impl ByReason {
    fn of<R: Ord + Copy>(listed: &Listed<R>, name: fn(R) -> &'static str) -> Self {
        let counts = listed.counts.iter();
        let named = listed.named.iter();
        let reasoned = |(subscriber, reason): &(SubscriberId, R)| Reasoned {
            subscriber: subscriber.as_str().to_owned(),
            reason: name(*reason),
        };
        Self {
            counts: counts
                .map(|(reason, count)| (name(*reason), *count))
                .collect(),
            subscribers: named.map(reasoned).collect(),
        }
    }
}

impl From<&Message> for Told {
    fn from(message: &Message) -> Self {
        Self {
            id: message.id.to_string(),
            channel: message.channel.name(),
            state: message.state.name(),
            reason: message.state.reason(),
            possibly_double: message.possibly_double,
        }
    }
}

impl Cell {
    fn of(cell: &DomainCell, track: Track, told: &[Message]) -> Self {
        let written = cell.trace.iter().filter(|entry| entry.track == track);
        let written = written.map(|entry| Write {
            at: entry.at.to_string(),
            from: entry.old.into(),
            to: entry.new.into(),
            why: entry.why.to_string(),
        });
        Self {
            subscriber: cell.subscriber.as_str().to_owned(),
            shard: subscriber_shard(&cell.subscriber),
            symbol: cell.symbol(track).into(),
            bill: cell.bill.as_ref().map(|bill| bill.id.as_str().to_owned()),
            trace: written.collect(),
            messages: told.iter().map(Told::from).collect(),
        }
    }
}

pub(crate) fn period(text: &str) -> Result<Period, Problem> {
    Period::parse(text).map_err(|error| {
        let detail = format!("period: {error}");
        Problem::at(Kind::InvalidField, "period", detail)
    })
}

/// Where a sample goes, which only a dry run sends.
fn sample_to(typed: Option<&str>, dry_run: bool) -> Result<Option<Phone>, Problem> {
    let field = "sample_to";
    let refused = |reason: String| Problem::at(Kind::InvalidField, field, reason);
    match typed {
        Some(_) if !dry_run => Err(refused(format!(
            "{field}: only a dry run sends a sample; leave it out, or add \"dry_run\": true"
        ))),
        Some(typed) => match Phone::read(typed) {
            Ok(phone) => Ok(Some(phone)),
            Err(error) => Err(refused(format!("{field}: {error}"))),
        },
        None => Ok(None),
    }
}

/// Which run a path and its query name.
fn run(period: Period, parameters: &mut Parameters) -> Result<RunId, Problem> {
    let track = match parameters.take("track")? {
        None => Track::Bill,
        // In a query a plus that is not encoded is a space, and no track has one.
        Some(text) => Track::parse(&text.replace(' ', "+"))
            .map_err(|error| Problem::at(Kind::InvalidField, "track", format!("track: {error}")))?,
    };
    let date = parameters
        .take("date")?
        .map(|text| date(&text))
        .transpose()?;
    match (track, date) {
        (Track::Bill, None) => Ok(RunId::Bill { period }),
        (Track::Reminder(offset), Some(date)) => Ok(RunId::Reminder {
            period,
            offset,
            date,
        }),
        (Track::Bill, Some(_)) => {
            let detail =
                "date: the bills' run has no date; leave it out, or name a reminder's track";
            Err(Problem::at(Kind::InvalidField, "date", detail))
        }
        (Track::Reminder(_), None) => {
            let detail = "date: a reminder's run is one of a day; give the day, such as 2026-12-07";
            Err(Problem::at(Kind::InvalidField, "date", detail))
        }
    }
}

/// `2026-12-07` and no other spelling.
fn date(text: &str) -> Result<Date, Problem> {
    let read = text.parse::<Date>().ok();
    read.filter(|date| date.to_string() == text).ok_or_else(|| {
        let detail = "date: not a day such as 2026-12-07";
        Problem::at(Kind::InvalidField, "date", detail)
    })
}

/// Begins a month's run, or says what it would come to
///
/// At a month's end it begins by itself. A month has one run, whoever begins it: asked for again, it
/// is let be and reported as it stands.
#[utoipa::path(
    post,
    path = "/v1/billing-runs",
    operation_id = "begin_billing_run",
    tag = "Billing runs",
    request_body = NewRun,
    responses(
        (status = 200, description = "What it would come to, or how far the run is that had begun \
            before", body = Outcome),
        (status = 202, description = "It has begun and goes on by itself", body = Run,
            headers(("Location" = String, description = "Where to see how far it is"))),
    )
)]
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    parameters: Parameters,
    Json(new): Json<NewRun>,
) -> Result<Response, Problem> {
    parameters.end()?;
    let (period, dry_run) = (period(&new.period)?, new.dry_run.unwrap_or(false));
    let sample_to = sample_to(new.sample_to.as_deref(), dry_run)?;
    let merchant = &caller.key.merchant;
    let wanted = Wanted {
        period,
        dry_run,
        old: new.old.unwrap_or(false),
    };
    let outcome = match begin(&app, merchant, wanted).await? {
        Begun::Now(progress) => {
            let location = [(header::LOCATION, format!("/v1/billing-runs/{period}"))];
            let run = Answer(Run::from(progress));
            return Ok((StatusCode::ACCEPTED, location, run).into_response());
        }
        Begun::Before(progress) => Outcome::Run(Box::new(progress.into())),
        Begun::Forecast(forecast) => {
            let sample = match sample_to {
                Some(phone) => Some(sample(&app, merchant, &forecast, phone).await?),
                None => None,
            };
            Outcome::Forecast(Box::new(Forecast::of(&forecast, sample)))
        }
    };
    Ok(Answer(outcome).into_response())
}

/// How far a run is
///
/// State, head, counts, speed, and when everybody is likely to have been told.
#[utoipa::path(
    get,
    path = "/v1/billing-runs/{period}",
    operation_id = "get_billing_run",
    tag = "Billing runs",
    params(
        ("period" = String, Path, description = "The month that is billed", example = "2026-11",
            pattern = "month"),
        ("track" = Option<String>, Query, description = "`bill` where nothing is said, or a \
            reminder: `d-3`, `d0`, `d+7`; the plus is encoded as `%2B`", example = "bill",
            pattern = "^(bill|d0|d[+-]([1-9]|1[0-9]|2[0-7]))$"),
        ("date" = Option<String>, Query, description = "The day of a reminder's run, which needs it; \
            the bills' run has none", format = Date, example = "2026-12-07"),
    ),
    responses((status = 200, description = "How far it is", body = Run))
)]
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segment(segment): Segment,
    mut parameters: Parameters,
) -> Result<Answer<Run>, Problem> {
    let id = run(period(&segment)?, &mut parameters)?;
    parameters.end()?;
    let progress = pesan_service::billing::progress(&app, &caller.key.merchant, id).await?;
    Ok(Answer(progress.into()))
}

/// A run's tape
///
/// Shard by shard. A cell is there once a run has written to it. The cells of a reminder may lie far
/// apart, so that a page has fewer than asked for, or none, and still a `next`.
#[utoipa::path(
    get,
    path = "/v1/billing-runs/{period}/tape",
    operation_id = "get_billing_tape",
    tag = "Billing runs",
    params(
        ("period" = String, Path, description = "The month that is billed", example = "2026-11",
            pattern = "month"),
        ("track" = Option<String>, Query, description = "`bill` where nothing is said, or a \
            reminder: `d-3`, `d0`, `d+7`; the plus is encoded as `%2B`", example = "bill",
            pattern = "^(bill|d0|d[+-]([1-9]|1[0-9]|2[0-7]))$"),
        ("date" = Option<String>, Query, description = "The day of a reminder's run, which needs it; \
            the bills' run has none", format = Date, example = "2026-12-07"),
        Paging,
    ),
    responses((status = 200, description = "A page of cells", body = TapePage))
)]
pub(crate) async fn tape(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segment(segment): Segment,
    mut parameters: Parameters,
) -> Result<Answer<TapePage>, Problem> {
    let id = run(period(&segment)?, &mut parameters)?;
    let list = format!("tape {id}");
    let page = parameters.page(&caller, &list)?;
    parameters.end()?;
    let after = page.after.as_deref().map(Position::parse).transpose()?;
    let merchant = &caller.key.merchant;
    let read = pesan_service::billing::tape(&app, merchant, id, after.as_ref(), page.limit);
    let read = read.await?;
    let next = read
        .next
        .map(|next| caller.cursors.seal(&list, &next.to_string()));
    let track = id.track();
    let told = pesan_service::billing::told(&app, merchant, track, &read.cells).await?;
    let told = |cell: &DomainCell| {
        told.get(&cell.subscriber)
            .map(Vec::as_slice)
            .unwrap_or_default()
    };
    let cells = read
        .cells
        .iter()
        .map(|cell| Cell::of(cell, track, told(cell)));
    Ok(Answer(TapePage {
        cells: cells.collect(),
        next,
    }))
}
