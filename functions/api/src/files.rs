//! Subscribers as CSV files, in and out.

use std::io::Cursor;
use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use pesan_domain::subscriber::Correction;
use pesan_service::subscribers::import::{
    Import, ImportError, Outcome, Reported, SheetError, Summary, import as import_file,
};
use pesan_service::subscribers::{ExportError, Position, export_part};
use pesan_service::{App, Failure};
use serde::Serialize;
use utoipa::ToSchema;

use crate::gate::Caller;
use crate::json::require_type;
use crate::parameters::Parameters;
use crate::problem::{Kind, Problem};
use crate::subscribers::LIST;

/// As much as is imported within a third of a function's time; the operator's command line takes any
/// file.
const MOST_ROWS: u64 = 5_000;
const LARGEST_FILE: usize = 1024 * 1024;
/// Rows of each kind that are reported: an answer must fit into the table to be given again.
const MOST_REPORTED: usize = 500;
/// Subscribers of one part of an export: what an answer holds.
const PART: usize = 10_000;
const CSV: &str = "text/csv";

/// What came of a file
#[derive(Serialize, ToSchema)]
pub(crate) struct ImportReport {
    /// Rows, blank ones left out
    #[schema(example = 3)]
    rows: u64,
    /// New subscribers
    #[schema(example = 2)]
    new: u64,
    /// Known ones of whom something else is said
    #[schema(example = 0)]
    changed: u64,
    /// Known ones of whom nothing new is said
    #[schema(example = 1)]
    unchanged: u64,
    /// Rows that cannot be taken
    #[schema(example = 0)]
    refused: u64,
    /// Rows in which something was read otherwise than it was written
    #[schema(example = 1)]
    corrected: u64,
    /// Whether anything was written: it was no dry run, and no refused row stopped it
    #[schema(example = true)]
    written: bool,
    /// The first 500 rows that were refused, and the first 500 that were corrected, in order
    reports: Vec<RowReport>,
}

/// A row that was refused or corrected
#[derive(Serialize, ToSchema)]
pub(crate) struct RowReport {
    /// Where it begins, from 1
    #[schema(example = 2)]
    line: u64,
    /// Whose it is, as far as that can be read
    #[schema(required, example = "plg-001")]
    id: Option<String>,
    /// What came of it
    outcome: RowOutcome,
    /// The column at fault, where it was refused
    #[schema(required, example = json!(null))]
    field: Option<String>,
    /// Why it was refused
    #[schema(required, example = json!(null))]
    reason: Option<String>,
    /// What was read otherwise than it was written
    corrections: Vec<RowCorrection>,
}

/// What came of a row
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RowOutcome {
    New,
    Changed,
    Unchanged,
    Refused,
}

/// What was read otherwise than it was written
#[derive(Serialize, ToSchema)]
pub(crate) struct RowCorrection {
    /// The column
    #[schema(example = "phone")]
    field: &'static str,
    /// What was written
    #[schema(example = "0812-3456-7890")]
    from: String,
    /// What it was read as
    #[schema(example = "+6281234567890")]
    to: String,
}

impl From<Correction> for RowCorrection {
    fn from(correction: Correction) -> Self {
        Self {
            field: correction.column.name(),
            from: correction.from,
            to: correction.to,
        }
    }
}

impl RowReport {
    fn of(reported: &Reported) -> Self {
        let (outcome, refused) = match &reported.outcome {
            Outcome::New => (RowOutcome::New, None),
            Outcome::Changed => (RowOutcome::Changed, None),
            Outcome::Unchanged => (RowOutcome::Unchanged, None),
            Outcome::Refused(why) => (RowOutcome::Refused, Some(why)),
        };
        Self {
            line: reported.line,
            id: reported.id.as_ref().map(|id| id.as_str().to_owned()),
            outcome,
            field: refused.map(|why| why.field.to_owned()),
            reason: refused.map(|why| why.reason.clone()),
            corrections: reported
                .corrections
                .iter()
                .cloned()
                .map(RowCorrection::from)
                .collect(),
        }
    }
}

impl ImportReport {
    fn of(summary: Summary, reports: Vec<RowReport>) -> Self {
        Self {
            rows: summary.rows,
            new: summary.new,
            changed: summary.changed,
            unchanged: summary.unchanged,
            refused: summary.refused,
            corrected: summary.corrected,
            written: summary.is_written,
            reports,
        }
    }
}

/// Imports a CSV file
///
/// Columns `name`, `phone` and `plan`, and those of the export that you like. The same file again
/// changes nothing. A row that cannot be taken stops the whole file unless `skip_refused`. Files over
/// 1 MB or 5,000 rows: `pesan subscribers import`.
#[utoipa::path(
    post,
    path = "/v1/subscribers/import",
    operation_id = "import_subscribers",
    tag = "Subscribers",
    params(
        ("dry_run" = Option<bool>, Query, description = "Only say what would be done",
            example = true),
        ("skip_refused" = Option<bool>, Query, description = "Leave refused rows out",
            example = false),
    ),
    request_body(content = String, content_type = "text/csv",
        example = "id,name,phone,plan\nplg-001,Siti Rahma,081234567890,dasar\n"),
    responses((status = 200, description = "What came of it", body = ImportReport))
)]
pub(crate) async fn import(
    State(app): State<Arc<App>>,
    caller: Caller,
    mut parameters: Parameters,
    request: Request,
) -> Result<Answer<ImportReport>, Problem> {
    let (dry_run, skip_refused) = (
        parameters.flag("dry_run")?,
        parameters.flag("skip_refused")?,
    );
    parameters.end()?;
    require_type(request.headers(), CSV)?;
    let file = axum::body::to_bytes(request.into_body(), LARGEST_FILE).await;
    let file = file.map_err(|_| Problem::too_large(LARGEST_FILE))?;
    let how = Import {
        dry_run,
        skip_refused,
        made_at: app.clock.now(),
        most_rows: Some(MOST_ROWS),
    };
    let mut reports = Vec::new();
    let (mut refused, mut corrected) = (0, 0);
    let mut report = |row: &Reported| {
        let of_kind = match row.outcome {
            Outcome::Refused(_) => &mut refused,
            Outcome::New | Outcome::Changed | Outcome::Unchanged if row.corrections.is_empty() => {
                return Ok(());
            }
            Outcome::New | Outcome::Changed | Outcome::Unchanged => &mut corrected,
        };
        if *of_kind < MOST_REPORTED {
            *of_kind += 1;
            reports.push(RowReport::of(row));
        }
        Ok(())
    };
    let merchant = &caller.key.merchant;
    let done = import_file(
        &app,
        merchant,
        Cursor::new(file),
        how,
        &mut report,
        &mut |_| {},
    )
    .await;
    match done {
        Ok(summary) => Ok(Answer(ImportReport::of(summary, reports))),
        Err(ImportError::Sheet(error @ SheetError::TooManyRows { .. })) => {
            Err(Problem::new(Kind::TooLarge, format!("the file {error}")))
        }
        Err(ImportError::Sheet(error)) => {
            let detail = format!("the file {error}");
            Err(Problem::new(Kind::MalformedBody, detail))
        }
        Err(ImportError::Registry(error)) => Err(error.into()),
        Err(ImportError::Report(error)) => Err(Failure::Unavailable(error.to_string()).into()),
    }
}

/// The subscribers as a CSV file
///
/// A spreadsheet opens it safely, and the import reads it back unchanged. 10,000 subscribers at
/// once: where there are more, the header `Link` leads on (`rel="next"`), and each part is a file.
#[utoipa::path(
    get,
    path = "/v1/subscribers/export",
    operation_id = "export_subscribers",
    tag = "Subscribers",
    params(("cursor" = Option<String>, Query, description = "From the Link header of the part before",
        max_length = 1024, example = "CzwgnG_k0EsnSeM0EPiruGRhc2Fy")),
    responses((status = 200, description = "A CSV file", body = String, content_type = "text/csv",
        example = "id,name,phone,plan\nplg-001,Siti Rahma,+6281234567890,dasar\n"))
)]
pub(crate) async fn export(
    State(app): State<Arc<App>>,
    caller: Caller,
    mut parameters: Parameters,
) -> Result<Response, Problem> {
    let after = parameters.cursor(&caller, LIST)?;
    parameters.end()?;
    let position = after.as_deref().map(Position::parse).transpose()?;
    let mut file = Vec::new();
    let merchant = &caller.key.merchant;
    let next = export_part(&app, merchant, position.as_ref(), PART, &mut file).await;
    let next = match next {
        Ok(next) => next,
        Err(ExportError::Registry(error)) => return Err(error.into()),
        Err(ExportError::Write(error)) => {
            return Err(Failure::Unavailable(error.to_string()).into());
        }
    };
    let mut headers = HeaderMap::new();
    let fixed = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"subscribers.csv\"",
        ),
    ];
    headers.extend(fixed.map(|(name, value)| (name, HeaderValue::from_static(value))));
    let link = next.map(|next| {
        let cursor = caller.cursors.seal(LIST, &next.to_string());
        format!("</v1/subscribers/export?cursor={cursor}>; rel=\"next\"")
    });
    if let Some(link) = link.and_then(|link| HeaderValue::from_str(&link).ok()) {
        headers.insert(header::LINK, link);
    }
    Ok((headers, file).into_response())
}
