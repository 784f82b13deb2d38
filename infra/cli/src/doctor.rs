//! `pesan doctor`.

use pesan_domain::ids::MerchantId;
use pesan_service::App;
use pesan_service::merchants::{Finding, OperatorError, Verdict, examine, examine_deployment};
use serde_json::{Value, json};

use crate::report::Report;

/// Looks at the deployment and, where one is named, at a merchant.
pub async fn run(app: &App, id: Option<&MerchantId>) -> anyhow::Result<Report> {
    let mut findings = examine_deployment(app).await?;
    if let Some(id) = id {
        match examine(app, id).await {
            Err(OperatorError::Unknown(id)) => findings.push(Finding {
                what: "merchant",
                verdict: Verdict::Lacking {
                    remedy: format!("pesan merchant add {id} --name … --zone …"),
                },
                detail: format!("there is no merchant {id}"),
            }),
            found => findings.extend(found?),
        }
    }
    Ok(report(&findings))
}

/// Findings in order, good only if nothing lacks.
pub fn report(findings: &[Finding]) -> Report {
    let mut text = String::new();
    let mut rows = Vec::new();
    let (mut lacking, mut unknown) = (0_usize, 0_usize);
    for Finding {
        what,
        verdict,
        detail,
    } in findings
    {
        let (word, remedy) = match verdict {
            Verdict::Good => ("ok", None),
            Verdict::Note => ("note", None),
            Verdict::NotKnown => {
                unknown = unknown.saturating_add(1);
                ("unknown", None)
            }
            Verdict::Lacking { remedy } => {
                lacking = lacking.saturating_add(1);
                ("lacking", Some(remedy))
            }
        };
        text.push_str(&format!("{word:<9}{what}: {detail}\n"));
        if let Some(remedy) = remedy {
            text.push_str(&format!("         → {remedy}\n"));
        }
        rows.push(json!({"what": what, "verdict": word, "detail": detail, "remedy": remedy}));
    }
    finish(text, rows, lacking, unknown)
}

fn finish(mut text: String, rows: Vec<Value>, lacking: usize, unknown: usize) -> Report {
    let json = json!({"findings": rows, "lacking": lacking, "unknown": unknown});
    match (lacking, unknown) {
        (0, 0) => {
            text.push_str("\nnothing is lacking");
            return Report::good(text, json);
        }
        (0, _) => text.push_str("\nnot everything could be found out: try again"),
        _ => text.push_str(&format!("\n{lacking} lacking: begin with the first")),
    }
    Report::bad(text, json)
}
