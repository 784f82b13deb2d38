//! `pesan catalog`: a merchant's items as a CSV file that a spreadsheet reads and writes.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use csv::{ReaderBuilder, StringRecord, WriterBuilder};
use pesan_domain::catalog::{Catalog, Comparison, Item, ItemFields};
use pesan_domain::field::FieldRefused;
use pesan_domain::ids::{ItemId, MerchantId};
use pesan_service::App;
use pesan_service::merchants::{Import, find, import_catalog};
use serde_json::{Value, json};

use crate::arguments::CatalogImport;
use crate::report::Report;

const COLUMNS: [&str; 6] = ["device", "part", "price", "minutes", "stock", "id"];
const NEEDED: [&str; 4] = ["device", "part", "price", "minutes"];
/// Larger files are no price list.
const MOST_BYTES: u64 = 4 << 20;

/// A row that was refused.
#[derive(Debug, PartialEq, Eq)]
struct Refused {
    line: u64,
    why: FieldRefused,
}

/// The rows of a file.
#[derive(Debug, Default)]
struct Sheet {
    items: Vec<Item>,
    refused: Vec<Refused>,
}

/// Imports a file.
pub async fn import(app: &App, import: &CatalogImport) -> anyhow::Result<Report> {
    let file = import.file.display();
    let mut bytes = Vec::new();
    File::open(&import.file)
        .and_then(|file| {
            file.take(MOST_BYTES.saturating_add(1))
                .read_to_end(&mut bytes)
        })
        .with_context(|| format!("{file} cannot be read"))?;
    let size = u64::try_from(bytes.len())?;
    ensure!(size <= MOST_BYTES, "{file} is larger than 4 MB");
    let sheet = read(&bytes).with_context(|| file.to_string())?;
    let stopped = !sheet.refused.is_empty() && !import.skip_refused;
    let how = Import {
        dry_run: import.dry_run || stopped,
        remove_absent: import.remove_absent,
    };
    let comparison = import_catalog(app, &import.id, &sheet.items, how).await?;
    Ok(imported(&sheet.refused, &comparison, how, stopped))
}

fn imported(refused: &[Refused], comparison: &Comparison, how: Import, stopped: bool) -> Report {
    let mut text = String::new();
    for Refused { line, why } in refused {
        text.push_str(&format!("line {line}: {why}\n"));
    }
    let absent = comparison.absent.len();
    let fate = if how.remove_absent {
        "taken out"
    } else {
        "stay"
    };
    text.push_str(&format!(
        "{} new, {} changed, {} unchanged, {} refused; {absent} not in the file {fate}\n",
        comparison.added.len(),
        comparison.changed.len(),
        comparison.unchanged,
        refused.len(),
    ));
    if stopped {
        text.push_str(
            "nothing was written: mend the refused rows, or leave them out with --skip-refused",
        );
    } else if how.dry_run {
        text.push_str("nothing was written: this was a dry run");
    } else {
        text.push_str("written; the bot and the price list know within a minute");
    }
    let ids = |items: &[Item]| -> Vec<Value> {
        items.iter().map(|item| json!(item.id.as_str())).collect()
    };
    let rows: Vec<Value> = refused
        .iter()
        .map(|row| json!({"line": row.line, "field": row.why.field, "reason": row.why.reason}))
        .collect();
    let json = json!({
        "written": !how.dry_run,
        "new": ids(&comparison.added),
        "changed": ids(&comparison.changed),
        "unchanged": comparison.unchanged,
        "absent": ids(&comparison.absent),
        "refused": rows,
    });
    if stopped {
        Report::bad(text, json)
    } else {
        Report::good(text, json)
    }
}

/// Reads a file as spreadsheets write it: with commas or, in Indonesia, semicolons, and with or
/// without a byte order mark.
fn read(bytes: &[u8]) -> anyhow::Result<Sheet> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).context("not UTF-8: save it as CSV UTF-8")?;
    let heading = text.lines().next().unwrap_or_default();
    let delimiter = if heading.contains(';') { b';' } else { b',' };
    let mut reader = ReaderBuilder::new()
        .delimiter(delimiter)
        .from_reader(text.as_bytes());
    let places = places(reader.headers()?)?;
    let mut sheet = Sheet::default();
    let mut lines: BTreeMap<ItemId, u64> = BTreeMap::new();
    for record in reader.records() {
        let record = record?;
        let line = record.position().map_or(0, csv::Position::line);
        if record.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        match item(&record, &places) {
            Err(why) => sheet.refused.push(Refused { line, why }),
            Ok(item) => match lines.get(&item.id) {
                Some(first) => sheet.refused.push(Refused {
                    line,
                    why: FieldRefused::new("id", format!("{} is line {first} already", item.id)),
                }),
                None => {
                    lines.insert(item.id.clone(), line);
                    sheet.items.push(item);
                }
            },
        }
    }
    let rows = sheet.items.len().saturating_add(sheet.refused.len());
    ensure!(rows > 0, "there are no rows below the heading");
    Ok(sheet)
}

/// Where each column stands.
fn places(heading: &StringRecord) -> anyhow::Result<BTreeMap<&'static str, usize>> {
    let mut places = BTreeMap::new();
    for (place, name) in heading.iter().enumerate() {
        let name = name.trim().to_lowercase();
        let Some(column) = COLUMNS.iter().find(|column| **column == name) else {
            bail!("the column {name:?} is none of {}", COLUMNS.join(", "));
        };
        if places.insert(*column, place).is_some() {
            bail!("the column {column} is there twice");
        }
    }
    for column in NEEDED {
        ensure!(
            places.contains_key(column),
            "the column {column} is missing"
        );
    }
    Ok(places)
}

fn item(
    record: &StringRecord,
    places: &BTreeMap<&'static str, usize>,
) -> Result<Item, FieldRefused> {
    let cell = |column| {
        let text = places.get(column).and_then(|place| record.get(*place));
        plain(text.unwrap_or_default().trim())
    };
    Item::read(&ItemFields {
        id: cell("id"),
        device: cell("device"),
        part: cell("part"),
        price: cell("price"),
        minutes: cell("minutes"),
        stock: cell("stock"),
    })
}

/// Exports the catalog.
pub async fn export(app: &App, id: &MerchantId, output: Option<&Path>) -> anyhow::Result<Report> {
    let (_, catalog) = find(app, id).await?;
    let csv = write(&catalog)?;
    let Some(output) = output else {
        return Ok(Report::text(csv));
    };
    std::fs::write(output, csv).with_context(|| format!("{} is not written", output.display()))?;
    let items = catalog.items().len();
    let text = format!("{items} items are in {}", output.display());
    Ok(Report::good(text, json!({"items": items})))
}

fn write(catalog: &Catalog) -> anyhow::Result<String> {
    let mut writer = WriterBuilder::new().from_writer(Vec::new());
    writer.write_record(COLUMNS)?;
    for item in catalog.items() {
        let stock = item.stock.map(|stock| stock.to_string());
        writer.write_record([
            harmless(&item.device),
            harmless(&item.part),
            item.price.get().to_string(),
            item.minutes.to_string(),
            stock.unwrap_or_default(),
            item.id.to_string(),
        ])?;
    }
    Ok(String::from_utf8(writer.into_inner()?)?)
}

/// What a spreadsheet would run as a formula (CWE-1236).
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// With an apostrophe before what a spreadsheet would run.
fn harmless(cell: &str) -> String {
    if cell.starts_with(FORMULA) {
        format!("'{cell}")
    } else {
        cell.to_owned()
    }
}

/// Without the apostrophe that [`harmless`] put there.
fn plain(cell: &str) -> &str {
    cell.strip_prefix('\'')
        .filter(|rest| rest.starts_with(FORMULA))
        .unwrap_or(cell)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADING: &str = "device,part,price,minutes,stock,id\n";

    fn refusals(rows: &str) -> Vec<(u64, &'static str)> {
        let sheet = read(format!("{HEADING}{rows}").as_bytes()).unwrap();
        let refused = sheet.refused.iter();
        refused.map(|row| (row.line, row.why.field)).collect()
    }

    #[test]
    fn each_refused_row_is_named_by_line_and_field() {
        let rows = "iPhone 6,LCD,250000,90,,\n\
                    iPhone 6,Battery,70.000,45,,\n\
                    \"iPhone\n7\",LCD,1,1,,\n\
                    iphone 6,lcd,1,1,,\n\
                    iPhone 8,LCD,1,0,,\n";
        assert_eq!(
            refusals(rows),
            [(3, "price"), (4, "device"), (6, "id"), (7, "minutes")]
        );
    }

    #[test]
    fn a_file_that_is_no_catalog_is_refused_as_a_whole() {
        for (file, why) in [
            ("", "the column device is missing"),
            ("device,part,price,minutes\n", "no rows"),
            (
                "device,part,price\na,b,1\n",
                "the column minutes is missing",
            ),
            ("device,part,price,minutes,harga\na,b,1,1,1\n", "harga"),
            ("device,part,price,minutes,part\na,b,1,1,1\n", "twice"),
            ("device,part,price,minutes\na,b\n", "2 fields"),
        ] {
            let refused = format!("{:#}", read(file.as_bytes()).unwrap_err());
            assert!(refused.contains(why), "{file:?}: {refused}");
        }
        let refused = format!("{:#}", read(b"device,part\xff").unwrap_err());
        assert!(refused.contains("UTF-8"), "{refused}");
    }

    #[test]
    fn a_spreadsheet_s_semicolons_and_byte_order_mark_are_read() {
        let file = "\u{feff}Device;Part;Price;Minutes\r\niPhone 6;LCD;250000;90\r\n";
        assert_eq!(read(file.as_bytes()).unwrap().items.len(), 1);
    }

    #[test]
    fn h8_an_export_runs_no_formula_and_reads_back() {
        let rows = "=1+1,\"@a, \"\"b\"\"\",1,1,,x\n+62,-LCD,2,2,3,y\n";
        let sheet = read(format!("{HEADING}{rows}").as_bytes()).unwrap();
        assert_eq!(sheet.refused, []);
        let catalog = Catalog::new(sheet.items);
        let csv = write(&catalog).unwrap();
        for cell in ["'=1+1", "\"'@a, \"\"b\"\"\"", "'+62", "'-LCD"] {
            assert!(csv.contains(cell), "{csv}");
        }
        let again = Catalog::new(read(csv.as_bytes()).unwrap().items);
        assert_eq!(again.items(), catalog.items());
    }
}
