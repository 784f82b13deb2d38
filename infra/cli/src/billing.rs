//! `pesan billing`.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::bail;
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use pesan_domain::billing::{Cell, Entry, NotNow, Period, RunId, State, Symbol, Track};
use pesan_domain::calendar::date_in_words;
use pesan_domain::ids::{MerchantId, SubscriberId};
use pesan_domain::language::Language;
use pesan_domain::message::Message;
use pesan_service::App;
use pesan_service::billing::{
    self, Begun, BillingError, Forecast, Listed, Obstacle, Progress, Sample, Wanted, begin,
    progress,
};
use pesan_service::merchants::find;
use serde_json::{Map, Value, json};

use crate::arguments::{BillingCommand, BillingRun, OneRun};
use crate::report::Report;
use crate::table::Table;

/// Cells that are read at once.
const PAGE: u16 = 500;
/// How often a run that is watched is looked at.
const LOOK: Duration = Duration::from_millis(250);

/// Runs a command about billing runs.
pub async fn run(app: &App, command: BillingCommand) -> anyhow::Result<Report> {
    match command {
        BillingCommand::Run(asked) => begun(app, asked).await,
        BillingCommand::Show(one) => {
            let run = one.run()?;
            let now = progress(app, &one.id, run).await?;
            Ok(Report::good(shown(&now), as_json(&now)))
        }
        BillingCommand::Tape(one) => tape(app, &one).await,
        BillingCommand::Resume(one) => resumed(app, &one).await,
    }
}

impl OneRun {
    /// Which one.
    fn run(&self) -> anyhow::Result<RunId> {
        let period = self.period;
        match (self.track, self.date) {
            (Track::Bill, None) => Ok(RunId::Bill { period }),
            (Track::Reminder(offset), Some(date)) => Ok(RunId::Reminder {
                period,
                offset,
                date,
            }),
            (Track::Bill, Some(_)) => {
                bail!("the bills' run has no date: leave out --date, or name a reminder's --track")
            }
            (Track::Reminder(offset), None) => {
                bail!("the run {offset} is one of a day: give it with --date, such as 2026-12-07")
            }
        }
    }
}

async fn resumed(app: &App, one: &OneRun) -> anyhow::Result<Report> {
    let run = one.run()?;
    let shards = billing::resume(app, &one.id, run).await?;
    let json = json!({ "resumed": shards });
    if shards.is_empty() {
        let text = "nothing stands still: every shard is over, or goes on by itself";
        return Ok(Report::good(text, json));
    }
    let shards: Vec<String> = shards.iter().map(u8::to_string).collect();
    let text = format!("shards that go on: {}", shards.join(", "));
    Ok(Report::good(text, json))
}

async fn begun(app: &App, asked: BillingRun) -> anyhow::Result<Report> {
    let id = &asked.id;
    let period = match asked.period {
        Some(period) => period,
        None => this_month(app, id, asked.dry_run).await?,
    };
    let wanted = Wanted {
        period,
        dry_run: asked.dry_run,
        old: asked.old,
    };
    let begun = match begin(app, id, wanted).await {
        Err(error @ BillingError::NotNow(NotNow::Old(_))) => {
            bail!("{error}: its bills would be overdue at once. Where that is meant, add --old")
        }
        begun => begun?,
    };
    let (is_first, now) = match begun {
        Begun::Forecast(forecast) => {
            let sample = match asked.sample_to {
                Some(phone) => Some(billing::sample(app, id, &forecast, phone).await?),
                None => None,
            };
            let json = forecast_json(&forecast, sample);
            return Ok(Report::good(foreseen(&forecast, sample), json));
        }
        Begun::Now(now) => (true, now),
        Begun::Before(now) => (false, now),
    };
    let mut text = if is_first {
        let early = if now.run.is_early() {
            "; it was begun before the month's last day, and who comes until then is billed by none"
        } else {
            ""
        };
        format!("the run of {period} has begun, and goes on by itself{early}\n")
    } else {
        let at = now.run.begun_at;
        format!("the run of {period} had begun before, {at}: nothing is begun again\n")
    };
    if !asked.watch {
        text.push_str(&shown(&now));
        let json = with(as_json(&now), [("begun", is_first)]);
        return Ok(Report::good(text, json));
    }
    let watched = watch(app, id, now.run.id, asked.patience).await?;
    let now = progress(app, id, watched.run).await?;
    text.push_str(&watched.in_words(id));
    text.push_str(&shown(&now));
    let outcome = [("begun", is_first), ("told", watched.is_told)];
    let json = with(as_json(&now), outcome);
    Ok(if watched.is_told {
        Report::good(text, json)
    } else {
        Report::bad(text, json)
    })
}

/// The month, where it is clear which is meant: before its last day the one before may be.
async fn this_month(app: &App, id: &MerchantId, dry_run: bool) -> anyhow::Result<Period> {
    let (merchant, _) = find(app, id).await?;
    let now = app.clock.now();
    let period = Period::at(now, merchant.zone);
    let is_last_day = now.to_zoned(merchant.zone.tz()).date() == period.first_day().last_of_month();
    if dry_run || is_last_day {
        return Ok(period);
    }
    let before = period.plus(-1);
    bail!(
        "say which month: --period {before} for the one that is over, or --period {period} for this \
         one, which is not over yet"
    )
}

/// What was seen of a run.
struct Watched {
    run: RunId,
    /// Whether no message of it is on its way any more.
    is_told: bool,
    /// How many cells were seen to be done.
    done: u64,
}

impl Watched {
    fn in_words(&self, merchant: &MerchantId) -> String {
        let Self { run, is_told, done } = self;
        if *is_told {
            return format!("everybody is told: {done} cells\n");
        }
        let period = run.period();
        format!(
            "{done} cells are done, and nothing moves any more. The run goes on by itself: look \
             whether the balance, the template or the number holds it up (`pesan doctor {merchant}`), \
             and again later with `pesan billing show {merchant} --period {period}`\n"
        )
    }
}

/// Looks on until everybody is told, or until nothing has moved for so many seconds.
async fn watch(app: &App, id: &MerchantId, run: RunId, patience: u32) -> anyhow::Result<Watched> {
    let mut watcher = Watcher {
        bar: ProgressBar::no_length(),
        done: 0,
        looks: 0,
        patience: Duration::from_secs(patience.into()),
    };
    let is_told = watcher.scan(app, id, run).await? && watcher.tell(app, id, run).await?;
    watcher.bar.finish_and_clear();
    Ok(Watched {
        run,
        is_told,
        done: watcher.done,
    })
}

/// The bar goes to standard error, and only where that is a terminal.
struct Watcher {
    bar: ProgressBar,
    done: u64,
    /// How often it was looked since anything moved.
    looks: u32,
    patience: Duration,
}

impl Watcher {
    /// Until the heads have reached the end of the tape; whether they have.
    async fn scan(&mut self, app: &App, id: &MerchantId, run: RunId) -> anyhow::Result<bool> {
        let style = "making bills: {pos}, {per_sec}";
        self.bar.set_style(ProgressStyle::with_template(style)?);
        loop {
            let now = progress(app, id, run).await?;
            match now.state {
                State::Scan => {}
                State::Settle | State::Halt => {
                    self.done = 0;
                    self.looks = 0;
                    self.bar.set_length(now.head);
                    return Ok(true);
                }
            }
            if !self.goes_on(now.head).await {
                return Ok(false);
            }
        }
    }

    /// Along the tape, waiting at each page until none of its messages is on its way; whether it
    /// has come to the end. So each cell is read about once, however many there are.
    async fn tell(&mut self, app: &App, id: &MerchantId, run: RunId) -> anyhow::Result<bool> {
        let style = "telling [{bar:30}] {pos}/{len}, {eta} left";
        let style = ProgressStyle::with_template(style)?.progress_chars("=> ");
        self.bar.set_style(style);
        self.bar.reset();
        let (mut after, mut behind) = (None, 0_u64);
        loop {
            let page = billing::tape(app, id, run, after.as_ref(), PAGE).await?;
            let on_its_way = |cell: &&Cell| cell.symbol(run.track()) == Symbol::C;
            let open = count(page.cells.iter().filter(on_its_way).count());
            let done = count(page.cells.len()).saturating_sub(open);
            let done = behind.saturating_add(done);
            if open > 0 {
                if !self.goes_on(done).await {
                    return Ok(false);
                }
                continue;
            }
            self.bar.set_position(done);
            (self.done, behind, after) = (done, done, page.next);
            if after.is_none() {
                return Ok(true);
            }
        }
    }

    /// Shows how much is done and waits for the next look; false where patience is at its end.
    async fn goes_on(&mut self, done: u64) -> bool {
        self.bar.set_position(done);
        self.looks = if done == self.done {
            self.looks.saturating_add(1)
        } else {
            0
        };
        self.done = done;
        if LOOK.saturating_mul(self.looks) >= self.patience {
            return false;
        }
        tokio::time::sleep(LOOK).await;
        true
    }
}

fn count(cells: usize) -> u64 {
    u64::try_from(cells).unwrap_or(u64::MAX)
}

fn foreseen(forecast: &Forecast, sample: Option<Sample>) -> String {
    let mut lines = Lines::default();
    let period = forecast.run.period().in_words(Language::English);
    lines.add("period", period);
    if forecast.done > 0 {
        lines.add("done before", forecast.done);
    }
    lines.add("bills", forecast.bills);
    lines.add("total", forecast.total);
    lines.add("whatsapp", forecast.whatsapp);
    lines.add("telegram", forecast.telegram);
    lines.add("cost", forecast.cost);
    let holds = if forecast.is_covered() {
        "enough"
    } else {
        "not enough: the rest waits for a top-up (`pesan topup`)"
    };
    lines.add("balance", format!("{}, {holds}", forecast.available));
    lines.add("days", days(forecast));
    for (reason, count) in &forecast.no_channel.counts {
        let words = reason.in_words(Language::English);
        lines.add("no channel", format!("{count}: {words}"));
    }
    lines.names(&forecast.no_channel);
    for (reason, count) in &forecast.nothing_owed.counts {
        let words = reason.in_words(Language::English);
        lines.add("owe nothing", format!("{count}: {words}"));
    }
    lines.names(&forecast.nothing_owed);
    if forecast.early {
        let day = date_in_words(forecast.run.period().last_day(), Language::English);
        lines.add(
            "early",
            format!(
                "a month has one run, and bills who came before it: who comes until {day} would be \
                 billed by none"
            ),
        );
    }
    if forecast.came_later > 0 {
        let count = forecast.came_later;
        lines.add("came later", format!("{count}: they are not billed"));
    }
    for obstacle in &forecast.held_up_by {
        lines.add("in the way", obstacle.in_words(Language::English));
    }
    if let Some(sample) = sample {
        let words = match sample {
            Sample::Queued => "on its way",
            Sample::QueuedBefore => "the same one went to this number today",
            Sample::NobodyToTell => "none: nobody would be told over WhatsApp",
        };
        lines.add("sample", words);
    }
    format!("{}no bill was made: this was a dry run", lines.0)
}

fn days(forecast: &Forecast) -> String {
    if forecast.days > 1 {
        return format!("{}, by Meta's limit of recipients a day", forecast.days);
    }
    format!("1, about {} s of sending", forecast.seconds)
}

/// Names with what they are.
#[derive(Default)]
struct Lines(String);

impl Lines {
    fn add(&mut self, name: &str, value: impl std::fmt::Display) {
        self.0.push_str(&format!("{name:<12}{value}\n"));
    }

    fn names<R>(&mut self, listed: &Listed<R>) {
        let named = listed.named.iter();
        let named: Vec<&str> = named.map(|(id, _)| id.as_str()).collect();
        if !named.is_empty() {
            self.add("", named.join(", "));
        }
    }
}

fn shown(now: &Progress) -> String {
    let mut lines = Lines::default();
    let period = now.run.id.period().in_words(Language::English);
    lines.add("period", period);
    match now.run.id {
        RunId::Bill { .. } => lines.add("track", Track::Bill),
        RunId::Reminder { offset, date, .. } => lines.add("track", format!("{offset} of {date}")),
    }
    lines.add("state", in_words(now.state, now.run.id.track()));
    lines.add("begun", now.run.begun_at);
    let expected = now.expected.filter(|_| now.state == State::Scan);
    let expected = expected.map(|cells| format!(" of about {cells}"));
    lines.add(
        "head",
        format!("{}{}", now.head, expected.unwrap_or_default()),
    );
    for (symbol, count) in now.counts.iter().filter(|(_, count)| *count > 0) {
        lines.add(
            "",
            format!("{} {count:>7}  {}", symbol.name(), meaning(symbol)),
        );
    }
    if let Some(speed) = now.per_second {
        lines.add("speed", format!("{speed} a second"));
    }
    if let Some(at) = now.ends_at {
        lines.add("told by", at);
    }
    for obstacle in &now.held_up_by {
        lines.add("held up", obstacle.in_words(Language::English));
    }
    if let Some(count) = now.came_later {
        lines.add(
            "came later",
            format!(
                "{count}, after a run that was begun before the month's end: no run bills them"
            ),
        );
    }
    for shard in &now.shards {
        let (number, state, head) = (shard.number, shard.state.name(), shard.head);
        let stopped = if shard.is_stopped {
            "  stopped: see the runbook, then `pesan billing resume`"
        } else {
            ""
        };
        lines.add("shard", format!("{number} {state:<6} {head:>7}{stopped}"));
    }
    lines.0
}

fn in_words(state: State, track: Track) -> &'static str {
    match (state, track) {
        (State::Scan, Track::Bill) => "scan: bills are being made",
        (State::Scan, Track::Reminder(_)) => "scan: who owes is being reminded",
        (State::Settle, _) => "settle: it waits for what becomes of the messages",
        (State::Halt, _) => "halt: it is over",
    }
}

fn meaning(symbol: Symbol) -> &'static str {
    match symbol {
        Symbol::U => "not yet done",
        Symbol::C => "made, the message is on its way",
        Symbol::N => "made, with no channel to tell it over",
        Symbol::K => "nothing owed, or called off",
        Symbol::A => "a channel took the message",
        Symbol::G => "the message was given up",
        Symbol::P => "paid",
    }
}

async fn tape(app: &App, one: &OneRun) -> anyhow::Result<Report> {
    let run = one.run()?;
    let track = run.track();
    let (mut next, mut cells, mut told) = (None, Vec::new(), HashMap::new());
    loop {
        let page = billing::tape(app, &one.id, run, next.as_ref(), PAGE).await?;
        told.extend(billing::told(app, &one.id, track, &page.cells).await?);
        cells.extend(page.cells);
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    let messages = |cell: &Cell| {
        told.get(&cell.subscriber)
            .map(Vec::as_slice)
            .unwrap_or_default()
    };
    let all = cells
        .iter()
        .map(|cell| cell_json(cell, track, messages(cell)));
    let all: Vec<Value> = all.collect();
    let json = json!({ "cells": all });
    if cells.is_empty() {
        return Ok(Report::good("nothing is written to the tape", json));
    }
    let mut table = Table::new(["subscriber", "symbol", "bill", "trace", "messages"]);
    for cell in &cells {
        let writes: Vec<String> = written(cell, track).map(in_short).collect();
        let bill = cell.bill.as_ref();
        table.row([
            cell.subscriber.to_string(),
            cell.symbol(track).name().to_owned(),
            bill.map_or_else(String::new, |bill| bill.id.to_string()),
            writes.join(", "),
            messages(cell)
                .iter()
                .map(as_told)
                .collect::<Vec<_>>()
                .join(", "),
        ]);
    }
    Ok(Report::good(table.to_string(), json))
}

/// What was written to a cell on a track, the oldest first.
fn written(cell: &Cell, track: Track) -> impl Iterator<Item = &Entry> {
    cell.trace.iter().filter(move |entry| entry.track == track)
}

fn in_short(entry: &Entry) -> String {
    let Entry { old, new, why, .. } = entry;
    format!("{}→{} {why}", old.name(), new.name())
}

/// `whatsapp Read`, `whatsapp Held: balance`.
fn as_told(message: &Message) -> String {
    let (channel, state) = (message.channel.name(), message.state.name());
    let reason = message.state.reason();
    let reason = reason
        .map(|reason| format!(": {reason}"))
        .unwrap_or_default();
    format!("{channel} {state}{reason}")
}

fn cell_json(cell: &Cell, track: Track, told: &[Message]) -> Value {
    let trace = written(cell, track).map(|entry| {
        json!({
            "at": entry.at.to_string(),
            "from": entry.old.name(),
            "to": entry.new.name(),
            "why": entry.why.to_string(),
        })
    });
    let messages = told.iter().map(|message| {
        json!({
            "id": message.id.as_str(),
            "channel": message.channel.name(),
            "state": message.state.name(),
            "reason": message.state.reason(),
            "possibly_double": message.possibly_double,
        })
    });
    json!({
        "subscriber": cell.subscriber.as_str(),
        "symbol": cell.symbol(track).name(),
        "bill": cell.bill.as_ref().map(|bill| bill.id.as_str()),
        "trace": trace.collect::<Vec<Value>>(),
        "messages": messages.collect::<Vec<Value>>(),
    })
}

fn as_json(now: &Progress) -> Value {
    let date = match now.run.id {
        RunId::Bill { .. } => None,
        RunId::Reminder { date, .. } => Some(date.to_string()),
    };
    let counts = now.counts.iter();
    let counts = counts.map(|(symbol, count)| (symbol.name().to_owned(), json!(count)));
    let shards = now.shards.iter().map(|shard| {
        json!({
            "n": shard.number,
            "state": shard.state.name(),
            "head": shard.head,
            "stopped": shard.is_stopped,
        })
    });
    let time = |at: Timestamp| at.to_string();
    json!({
        "period": now.run.id.period().to_string(),
        "track": now.run.id.track().to_string(),
        "date": date,
        "state": now.state.name(),
        "head": now.head,
        "expected": now.expected,
        "counts": counts.collect::<Map<String, Value>>(),
        "shards": shards.collect::<Vec<Value>>(),
        "per_second": now.per_second,
        "ends_at": now.ends_at.map(time),
        "early": now.run.is_early(),
        "came_later": now.came_later,
        "held_up_by": names(&now.held_up_by),
        "scheduled_at": time(now.run.scheduled_at),
        "begun_at": time(now.run.begun_at),
        "deadline": time(now.run.deadline),
    })
}

/// A run with what came of the command.
fn with<const N: usize>(mut run: Value, outcome: [(&str, bool); N]) -> Value {
    let outcome = outcome.map(|(name, is_so)| (name.to_owned(), json!(is_so)));
    if let Some(fields) = run.as_object_mut() {
        fields.extend(outcome);
    }
    run
}

fn forecast_json(forecast: &Forecast, sample: Option<Sample>) -> Value {
    let sample = sample.map(|sample| match sample {
        Sample::Queued => "queued",
        Sample::QueuedBefore => "queued-before",
        Sample::NobodyToTell => "nobody-to-tell",
    });
    json!({
        "sample": sample,
        "period": forecast.run.period().to_string(),
        "dry_run": true,
        "done": forecast.done,
        "bills": forecast.bills,
        "total": forecast.total.get(),
        "whatsapp": forecast.whatsapp,
        "telegram": forecast.telegram,
        "cost": forecast.cost.get(),
        "available": forecast.available.get(),
        "covered": forecast.is_covered(),
        "days": forecast.days,
        "seconds": forecast.seconds,
        "early": forecast.early,
        "came_later": forecast.came_later,
        "held_up_by": names(&forecast.held_up_by),
        "no_channel": listed_json(&forecast.no_channel, |reason| reason.name()),
        "nothing_owed": listed_json(&forecast.nothing_owed, |reason| reason.name()),
    })
}

fn names(obstacles: &[Obstacle]) -> Vec<&'static str> {
    obstacles.iter().map(|one| one.name()).collect()
}

fn listed_json<R: Copy>(listed: &Listed<R>, name: fn(R) -> &'static str) -> Value {
    let counts = listed.counts.iter();
    let counts = counts.map(|(reason, count)| (name(*reason).to_owned(), json!(count)));
    let named = listed.named.iter();
    let named = named.map(|(id, reason): &(SubscriberId, R)| {
        json!({"subscriber": id.as_str(), "reason": name(*reason)})
    });
    json!({
        "counts": counts.collect::<Map<String, Value>>(),
        "subscribers": named.collect::<Vec<Value>>(),
    })
}
