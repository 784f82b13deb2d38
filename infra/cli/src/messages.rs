//! `pesan messages`.

use std::fs::File;
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use csv::{ReaderBuilder, StringRecord, Trim};
use indicatif::{ProgressBar, ProgressStyle};
use pesan_domain::field::FieldRefused;
use pesan_domain::language::Language;
use pesan_domain::merchant::Merchant;
use pesan_domain::message::text::{Arguments, Kind};
use pesan_domain::money::Rupiah;
use pesan_service::App;
use pesan_service::messages::list::{self, Listed, Queued};
use pesan_service::top_up::balance;
use serde_json::json;

use crate::arguments::{MessagesCommand, MessagesSend};
use crate::report::Report;

/// Rows that are queued at once.
const PAGE: usize = 500;

/// Refused rows that the terminal shows.
const SHOWN: usize = 20;

/// Runs a command about messages.
pub async fn run(app: &App, command: MessagesCommand) -> anyhow::Result<Report> {
    match command {
        MessagesCommand::Send(send) => sent(app, &send).await,
    }
}

/// A row that is not sent.
struct RefusedRow {
    line: u64,
    refused: FieldRefused,
}

/// What a file holds.
#[derive(Default)]
struct Checked {
    good: usize,
    refused: Vec<RefusedRow>,
}

/// The whole file is read before the first row of it is sent.
async fn sent(app: &App, asked: &MessagesSend) -> anyhow::Result<Report> {
    list::check(asked.template)?;
    let (merchant, account) = balance(app, &asked.id).await?;
    if let Err(not_active) = list::check_active(&merchant) {
        bail!("{}", not_active.in_words(Language::English));
    }
    let checked = checked(asked)?;
    let price = list::price(&merchant, asked.template);
    let cost = u64::try_from(checked.good).ok();
    let cost = cost.and_then(|rows| price.checked_mul(rows));
    let cost = cost.context("so many messages cost more than any balance holds")?;
    let available = account.balance.available;
    let stops = asked.dry_run || (!checked.refused.is_empty() && !asked.skip_refused);
    let queued = if stops {
        None
    } else {
        Some(queued(app, &merchant, asked, checked.good).await?)
    };
    Ok(report(asked, &checked, queued, cost, available))
}

fn checked(asked: &MessagesSend) -> anyhow::Result<Checked> {
    let mut checked = Checked::default();
    for row in Rows::open(asked)? {
        match row? {
            Ok(_) => checked.good = checked.good.saturating_add(1),
            Err(refused) => checked.refused.push(refused),
        }
    }
    Ok(checked)
}

async fn queued(
    app: &App,
    merchant: &Merchant,
    asked: &MessagesSend,
    rows: usize,
) -> anyhow::Result<Queued> {
    let bar = bar(rows)?;
    let mut queued = Queued::default();
    let mut page = Vec::with_capacity(PAGE);
    let mut left = Rows::open(asked)?;
    loop {
        let next = left.next().transpose()?;
        let is_over = next.is_none();
        if let Some(Ok(listed)) = next {
            page.push(listed);
        }
        if page.len() >= PAGE || (is_over && !page.is_empty()) {
            let some = list::send(app, merchant, &page).await?;
            queued.new = queued.new.saturating_add(some.new);
            queued.before = queued.before.saturating_add(some.before);
            bar.inc(u64::try_from(page.len())?);
            page.clear();
        }
        if is_over {
            bar.finish_and_clear();
            return Ok(queued);
        }
    }
}

/// To standard error, and only where that is a terminal.
fn bar(rows: usize) -> anyhow::Result<ProgressBar> {
    let bar = ProgressBar::new(u64::try_from(rows)?);
    let style = "queueing [{bar:30}] {pos}/{len} messages, {eta} left";
    bar.set_style(ProgressStyle::with_template(style)?.progress_chars("=> "));
    Ok(bar)
}

/// A file's rows, read one by one.
struct Rows {
    records: csv::StringRecordsIntoIter<File>,
    kind: Kind,
    language: Language,
    /// Where each blank's argument stands, then the phone's and the link's place.
    blanks: Vec<usize>,
    phone: usize,
    link: Option<usize>,
}

impl Rows {
    fn open(asked: &MessagesSend) -> anyhow::Result<Self> {
        let name = asked.csv.display();
        let delimiter = delimiter(&asked.csv)?;
        let mut reader = ReaderBuilder::new()
            .delimiter(delimiter)
            .flexible(true)
            .trim(Trim::All)
            .from_path(&asked.csv)
            .with_context(|| format!("{name} cannot be read"))?;
        let headers = reader.headers().with_context(|| name.to_string())?.clone();
        let (kind, language) = (asked.template, asked.language.0);
        let wanted = Arguments::blanks(kind, language);
        let place = |names: &[&str]| {
            let is_it = |header: &str| {
                let header = header.trim_start_matches('\u{feff}');
                names.iter().any(|name| header.eq_ignore_ascii_case(name))
            };
            headers.iter().position(is_it)
        };
        let blanks = (1..=wanted)
            .map(|blank| {
                place(&[&blank.to_string()]).with_context(|| missing(asked, &blank.to_string()))
            })
            .collect::<anyhow::Result<Vec<_>>>()?;
        let phone = place(&["phone", "nomor"]).with_context(|| missing(asked, "phone"))?;
        let link = place(&["link", "tautan"]);
        let known = blanks.len().saturating_add(1 + usize::from(link.is_some()));
        ensure!(
            headers.len() == known,
            "{name}: the columns are phone, {}{}, and no others",
            columns(wanted),
            if kind.link_label(language).is_some() {
                ", link"
            } else {
                ""
            }
        );
        Ok(Self {
            records: reader.into_records(),
            kind,
            language,
            blanks,
            phone,
            link,
        })
    }

    fn read(&self, record: &StringRecord) -> Result<Listed, RefusedRow> {
        let field = |place: usize| record.get(place).unwrap_or_default();
        let body: Vec<String> = self
            .blanks
            .iter()
            .map(|place| field(*place).to_owned())
            .collect();
        let link = self.link.map(field);
        list::read(self.kind, self.language, field(self.phone), &body, link).map_err(|refused| {
            RefusedRow {
                line: record.position().map_or(0, csv::Position::line),
                refused,
            }
        })
    }
}

impl Iterator for Rows {
    type Item = anyhow::Result<Result<Listed, RefusedRow>>;

    fn next(&mut self) -> Option<Self::Item> {
        let record = self.records.next()?;
        Some(match record {
            Ok(record) => Ok(self.read(&record)),
            Err(error) => Err(error.into()),
        })
    }
}

fn columns(blanks: usize) -> String {
    let names: Vec<String> = (1..=blanks).map(|blank| blank.to_string()).collect();
    names.join(", ")
}

fn missing(asked: &MessagesSend, column: &str) -> String {
    format!(
        "{}: there is no column {column}; {} is: {}",
        asked.csv.display(),
        asked.template.name(),
        asked.template.wording(asked.language.0)
    )
}

/// Excel writes `;` where the comma is the decimal mark, as in Indonesia.
fn delimiter(file: &Path) -> anyhow::Result<u8> {
    use std::io::{BufRead as _, BufReader};
    let name = file.display();
    let mut first = String::new();
    BufReader::new(File::open(file).with_context(|| format!("{name} cannot be read"))?)
        .read_line(&mut first)
        .with_context(|| format!("{name} is no UTF-8 text: save it as CSV UTF-8"))?;
    let semicolons = first.matches(';').count() > first.matches(',').count();
    Ok(if semicolons { b';' } else { b',' })
}

fn report(
    asked: &MessagesSend,
    checked: &Checked,
    queued: Option<Queued>,
    cost: Rupiah,
    available: Rupiah,
) -> Report {
    let mut text = String::new();
    for RefusedRow { line, refused } in checked.refused.iter().take(SHOWN) {
        text.push_str(&format!("line {line}: {refused}\n"));
    }
    let hidden = checked.refused.len().saturating_sub(SHOWN);
    if hidden > 0 {
        text.push_str(&format!("and {hidden} more rows are refused\n"));
    }
    let refused = checked.refused.len();
    text.push_str(&format!(
        "{} messages, {refused} rows refused; they cost {cost}, the balance has {available}\n",
        checked.good
    ));
    if cost > available {
        let id = &asked.id;
        text.push_str(&format!(
            "what the balance does not cover waits for a top-up: `pesan topup {id}`\n"
        ));
    }
    let is_stopped = queued.is_none() && !asked.dry_run;
    text.push_str(&match queued {
        Some(Queued { new, before }) if before > 0 => {
            format!("{new} queued; {before} were queued before today and are not sent again")
        }
        Some(Queued { new, .. }) => format!("{new} queued"),
        None if asked.dry_run => "nothing was queued: this was a dry run".to_owned(),
        None => "nothing was queued: mend the refused rows, or leave them out with --skip-refused"
            .to_owned(),
    });
    let json = json!({
        "messages": checked.good,
        "refused": refused,
        "first_refused": checked.refused.iter().take(SHOWN).map(|row| json!({
            "line": row.line, "field": row.refused.field, "reason": row.refused.reason,
        })).collect::<Vec<_>>(),
        "cost": cost.get(),
        "available": available.get(),
        "queued": queued.map(|queued| queued.new),
        "queued_before": queued.map(|queued| queued.before),
    });
    if is_stopped {
        Report::bad(text, json)
    } else {
        Report::good(text, json)
    }
}
