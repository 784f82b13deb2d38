//! `pesan subscribers import`.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;

use anyhow::{Context as _, ensure};
use csv::{Writer, WriterBuilder};
use indicatif::{ProgressBar, ProgressStyle};
use pesan_domain::ids::SubscriberId;
use pesan_domain::subscriber::{Correction, harmless};
use pesan_service::App;
use pesan_service::subscribers::import::{
    Import, ImportError, Outcome, Progress, Reported, Stage, Summary, import,
};
use serde_json::{Value, json};

use crate::arguments::SubscribersImport;
use crate::report::Report;

/// Rows that the terminal shows of each kind; the report file has all.
const SHOWN: usize = 20;

/// Imports a file.
pub async fn run(app: &App, asked: &SubscribersImport) -> anyhow::Result<Report> {
    let name = asked.file.display();
    let file = File::open(&asked.file).with_context(|| format!("{name} cannot be read"))?;
    let mut rows = Rows {
        report: asked
            .report
            .as_deref()
            .map(|report| report_file(report, &asked.file))
            .transpose()?,
        refused: Vec::new(),
        corrected: Vec::new(),
    };
    let bar = bar()?;
    let how = Import {
        dry_run: asked.dry_run,
        skip_refused: asked.skip_refused,
        made_at: app.clock.now(),
        most_rows: None,
    };
    let mut take = |row: &Reported| rows.take(row);
    let mut watch = |progress| show(&bar, progress);
    let done = import(app, &asked.id, file, how, &mut take, &mut watch);
    let summary = Box::pin(done).await.map_err(|error| match error {
        ImportError::Sheet(sheet) => anyhow::Error::from(sheet).context(name.to_string()),
        ImportError::Registry(error) => error.into(),
        ImportError::Report(error) => error.into(),
    })?;
    bar.finish_and_clear();
    rows.finish()?;
    Ok(imported(&rows, &summary, asked))
}

/// To standard error, and only where that is a terminal.
fn bar() -> anyhow::Result<ProgressBar> {
    let style = "{msg} [{bar:30}] {pos}/{len} rows, {eta} left";
    let bar = ProgressBar::no_length();
    bar.set_style(ProgressStyle::with_template(style)?.progress_chars("=> "));
    Ok(bar)
}

fn show(bar: &ProgressBar, progress: Progress) {
    bar.set_message(match progress.stage {
        Stage::Checking => "checking",
        Stage::Writing => "writing ",
    });
    bar.set_length(progress.of);
    bar.set_position(progress.done);
}

/// Makes the report file, which must not be the file that is imported.
fn report_file(report: &Path, import: &Path) -> anyhow::Result<Writer<BufWriter<File>>> {
    let is_import = report
        .canonicalize()
        .is_ok_and(|report| import.canonicalize().is_ok_and(|import| import == report));
    ensure!(
        !is_import,
        "the report would be written over {}: give another --report",
        import.display()
    );
    let file =
        File::create(report).with_context(|| format!("{} is not written", report.display()))?;
    let mut writer = WriterBuilder::new().from_writer(BufWriter::new(file));
    writer.write_record(["line", "id", "outcome", "column", "reason", "corrections"])?;
    Ok(writer)
}

/// What is kept of the rows while they go by.
struct Rows {
    report: Option<Writer<BufWriter<File>>>,
    /// The first ones.
    refused: Vec<Reported>,
    corrected: Vec<Reported>,
}

impl Rows {
    fn take(&mut self, row: &Reported) -> io::Result<()> {
        if let Some(report) = &mut self.report {
            report.write_record(record(row))?;
        }
        let kept = match row.outcome {
            Outcome::Refused(_) => &mut self.refused,
            Outcome::New | Outcome::Changed | Outcome::Unchanged => &mut self.corrected,
        };
        let is_told = matches!(row.outcome, Outcome::Refused(_)) || !row.corrections.is_empty();
        if is_told && kept.len() < SHOWN {
            kept.push(row.clone());
        }
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        match &mut self.report {
            Some(report) => report.flush(),
            None => Ok(()),
        }
    }
}

/// A line of the report file.
fn record(row: &Reported) -> [String; 6] {
    let (column, reason) = match &row.outcome {
        Outcome::Refused(refused) => (refused.field, refused.reason.as_str()),
        Outcome::New | Outcome::Changed | Outcome::Unchanged => ("", ""),
    };
    [
        row.line.to_string(),
        row.id.as_ref().map_or("", SubscriberId::as_str).to_owned(),
        word(&row.outcome).to_owned(),
        column.to_owned(),
        harmless(reason),
        harmless(&corrections(&row.corrections)),
    ]
}

fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::New => "new",
        Outcome::Changed => "changed",
        Outcome::Unchanged => "unchanged",
        Outcome::Refused(_) => "refused",
    }
}

fn corrections(corrections: &[Correction]) -> String {
    let one = |correction: &Correction| {
        let Correction { column, from, to } = correction;
        format!("{column}: {from:?} read as {to:?}")
    };
    corrections.iter().map(one).collect::<Vec<_>>().join("; ")
}

fn imported(rows: &Rows, summary: &Summary, asked: &SubscribersImport) -> Report {
    let mut text = String::new();
    for row in &rows.refused {
        if let Outcome::Refused(refused) = &row.outcome {
            text.push_str(&format!("line {}: {refused}\n", row.line));
        }
    }
    text.push_str(&more(summary.refused, rows.refused.len(), "refused"));
    for row in &rows.corrected {
        let said = corrections(&row.corrections);
        text.push_str(&format!("line {}: {said}\n", row.line));
    }
    text.push_str(&more(summary.corrected, rows.corrected.len(), "corrected"));
    text.push_str(&format!(
        "{} new, {} changed, {} unchanged, {} refused; {} corrected\n",
        summary.new, summary.changed, summary.unchanged, summary.refused, summary.corrected
    ));
    let is_stopped = !summary.is_written && !asked.dry_run;
    text.push_str(if is_stopped {
        "nothing was written: mend the refused rows, or leave them out with --skip-refused"
    } else if summary.is_written {
        "written"
    } else {
        "nothing was written: this was a dry run"
    });
    let json = as_json(rows, summary);
    if is_stopped {
        Report::bad(text, json)
    } else {
        Report::good(text, json)
    }
}

fn more(all: u64, shown: usize, what: &str) -> String {
    let left = all.saturating_sub(u64::try_from(shown).unwrap_or(u64::MAX));
    if left == 0 {
        return String::new();
    }
    format!("and {left} more rows {what}: --report FILE has all\n")
}

fn as_json(rows: &Rows, summary: &Summary) -> Value {
    let refused: Vec<Value> = rows
        .refused
        .iter()
        .filter_map(|row| match &row.outcome {
            Outcome::Refused(refused) => {
                Some(json!({"line": row.line, "field": refused.field, "reason": refused.reason}))
            }
            Outcome::New | Outcome::Changed | Outcome::Unchanged => None,
        })
        .collect();
    json!({
        "written": summary.is_written,
        "rows": summary.rows,
        "new": summary.new,
        "changed": summary.changed,
        "unchanged": summary.unchanged,
        "corrected": summary.corrected,
        "refused": summary.refused,
        "first_refused": refused,
    })
}
