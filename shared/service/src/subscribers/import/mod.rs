//! Subscribers from a CSV file, a hundred rows at a time: of the others memory holds some eighty bytes
//! each, by which an id or a number that stands in the file twice is found. The same file again changes
//! nothing.

mod batch;
mod sheet;

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::io::{self, Read, Seek};

use jiff::Timestamp;
use pesan_domain::field::FieldRefused;
use pesan_domain::ids::{MerchantId, SubscriberId};
use pesan_domain::subscriber::{Correction, Heading, judge};
use sha2::{Digest as _, Sha256};

use super::RegistryError;
use super::registrar::Registrar;
use crate::App;
use batch::{Batch, Candidate, Verdict};
use sheet::{Row, Sheet};

pub use sheet::SheetError;

/// What becomes of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Import {
    /// Only say what would be done.
    pub dry_run: bool,
    /// Leave refused rows out; otherwise one refused row stops all.
    pub skip_refused: bool,
    /// When those who are new count as made.
    pub made_at: Timestamp,
    /// At most so many rows, where whoever asks has not the time for more.
    pub most_rows: Option<u64>,
}

/// Which way through the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Each row is judged and compared; nothing is written.
    Checking,
    /// What is new is written.
    Writing,
}

/// How far an import is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Which way through the file.
    pub stage: Stage,
    /// Rows that are done with.
    pub done: u64,
    /// Rows of the file.
    pub of: u64,
}

/// What came of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Somebody new.
    New,
    /// Somebody known, of whom something else is said.
    Changed,
    /// Nothing new.
    Unchanged,
    /// It cannot be taken.
    Refused(FieldRefused),
}

/// A row and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reported {
    /// Where it begins, from 1.
    pub line: u64,
    /// Whose it is, as far as that can be read.
    pub id: Option<SubscriberId>,
    /// What came of it.
    pub outcome: Outcome,
    /// What was read otherwise than it was written.
    pub corrections: Vec<Correction>,
}

/// What came of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Rows, blank ones left out.
    pub rows: u64,
    /// New subscribers.
    pub new: u64,
    /// Known ones of whom something else is said.
    pub changed: u64,
    /// Known ones of whom nothing new is said.
    pub unchanged: u64,
    /// Rows that cannot be taken.
    pub refused: u64,
    /// Rows among the others in which something was read otherwise than it was written.
    pub corrected: u64,
    /// Whether anything was meant to be written: it was no dry run, and no refused row stopped it.
    pub is_written: bool,
}

/// Why an import ended early. What it had written stays, and the same file again goes on from
/// there.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file is taken in no part.
    #[error(transparent)]
    Sheet(#[from] SheetError),
    /// The table.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The report could not be written.
    #[error("the report cannot be written: {0}")]
    Report(io::Error),
}

/// Takes each row and what came of it, in order of the lines.
pub type Report<'a> = &'a mut (dyn FnMut(&Reported) -> io::Result<()> + Send);
/// Is told how far an import is.
pub type Watch<'a> = &'a mut (dyn FnMut(Progress) + Send);

/// Imports a file. Each row is reported once; if it is refused after that, because something
/// changed meanwhile, it is reported again.
///
/// # Errors
/// [`ImportError`]
pub async fn import(
    app: &App,
    merchant: &MerchantId,
    file: impl Read + Seek + Send,
    import: Import,
    report: Report<'_>,
    watch: Watch<'_>,
) -> Result<Summary, ImportError> {
    let registrar = Registrar::of(app, merchant).await?;
    let mut sheet = Sheet::open(file)?;
    sheet.check_size(import.most_rows)?;
    let mut importer = Importer {
        registrar: &registrar,
        made_at: import.made_at,
        report,
        watch,
    };
    if import.skip_refused && !import.dry_run {
        return importer
            .pass(&mut sheet, Stage::Writing, Reports::All)
            .await;
    }
    let checked = importer
        .pass(&mut sheet, Stage::Checking, Reports::All)
        .await?;
    if import.dry_run || checked.refused > 0 {
        return Ok(checked);
    }
    let written = importer.pass(&mut sheet, Stage::Writing, Reports::Refused);
    written.await
}

/// On which line each id and each number stands first: by 128 bits of their hash.
#[derive(Default)]
struct Lines(HashMap<[u8; 16], u64>);

impl Lines {
    /// The line on which it stood before; none where it is new, and stands on `line`.
    fn first_of(&mut self, it: &str, line: u64) -> Option<u64> {
        let mut short = [0; 16];
        let hash = Sha256::digest(it.as_bytes());
        short.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
        match self.0.entry(short) {
            Slot::Vacant(free) => {
                free.insert(line);
                None
            }
            Slot::Occupied(first) => Some(*first.get()),
        }
    }
}

/// Which rows are reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reports {
    All,
    /// The others were, when they were checked.
    Refused,
}

struct Importer<'a> {
    registrar: &'a Registrar<'a>,
    made_at: Timestamp,
    report: Report<'a>,
    watch: Watch<'a>,
}

impl Importer<'_> {
    async fn pass<R: Read + Seek + Send>(
        &mut self,
        sheet: &mut Sheet<R>,
        stage: Stage,
        reports: Reports,
    ) -> Result<Summary, ImportError> {
        let mut summary = Summary {
            is_written: stage == Stage::Writing,
            ..Summary::default()
        };
        let (heading, of) = (sheet.heading.clone(), sheet.rows);
        let mut lines = Lines::default();
        let mut rows = sheet.rows()?;
        let mut batch = Batch::default();
        loop {
            let row = rows.next()?;
            let is_last = row.is_none();
            if let Some(row) = row {
                let verdict = self.verdict(&heading, &row, &mut lines)?;
                let line = row.line;
                batch.push(Candidate { line, verdict });
            }
            if is_last || batch.is_full() {
                let settled = std::mem::take(&mut batch);
                let reported = settled.settle(self.registrar, self.made_at, stage).await?;
                self.tell(&reported, reports, &mut summary)?;
                let done = summary.rows;
                (self.watch)(Progress { stage, done, of });
            }
            if is_last {
                return Ok(summary);
            }
        }
    }

    /// A row by itself: what it says, or why it cannot be taken.
    fn verdict(
        &self,
        heading: &Heading,
        row: &Row<'_>,
        lines: &mut Lines,
    ) -> Result<Verdict, RegistryError> {
        let registrar = self.registrar;
        let zone = registrar.merchant.zone;
        let judged = match judge(heading, &row.cells, &registrar.plans, zone) {
            Ok(judged) => judged,
            Err(why) => return Ok(Verdict::Refused { id: None, why }),
        };
        let id = match &judged.entry.id {
            Some(id) => id.clone(),
            None => registrar.derived_id(&judged.entry)?,
        };
        let is_bare = judged.entry.id.is_none();
        let first = lines.first_of(id.as_str(), row.line);
        let same_number = lines.first_of(&judged.entry.phone.international(), row.line);
        Ok(match first {
            None => match same_number.filter(|_| is_bare) {
                None => Verdict::Taken { id, judged },
                Some(first) => Verdict::Refused {
                    id: Some(id),
                    why: FieldRefused::new(
                        "phone",
                        format!(
                            "the number is that of line {first}: give both an id, or leave one out"
                        ),
                    ),
                },
            },
            Some(first) => {
                let reason = match &judged.entry.id {
                    Some(id) => format!("{id} is line {first} already"),
                    None => format!("name and number are those of line {first}: give both an id"),
                };
                Verdict::Refused {
                    id: Some(id),
                    why: FieldRefused::new("id", reason),
                }
            }
        })
    }

    fn tell(
        &mut self,
        reported: &[Reported],
        reports: Reports,
        summary: &mut Summary,
    ) -> Result<(), ImportError> {
        for row in reported {
            summary.count(row);
            let is_told = match reports {
                Reports::All => true,
                Reports::Refused => matches!(row.outcome, Outcome::Refused(_)),
            };
            if is_told {
                (self.report)(row).map_err(ImportError::Report)?;
            }
        }
        Ok(())
    }
}

impl Summary {
    fn count(&mut self, row: &Reported) {
        let one_more = |count: &mut u64| *count = count.saturating_add(1);
        one_more(&mut self.rows);
        one_more(match row.outcome {
            Outcome::New => &mut self.new,
            Outcome::Changed => &mut self.changed,
            Outcome::Unchanged => &mut self.unchanged,
            Outcome::Refused(_) => &mut self.refused,
        });
        if !row.corrections.is_empty() {
            one_more(&mut self.corrected);
        }
    }
}
