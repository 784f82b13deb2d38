//! The runbook has a row for each alarm of the sources, and none that nothing raises.

#![expect(
    clippy::unwrap_used,
    clippy::string_slice,
    reason = "a test may stop where it stands"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Behind which words an alarm's name stands; what reads names out of a `match` is named by its file.
const BEFORE: [&str; 3] = ["alarm = \"", ".alarm(\"", "alarms.push(\""];
const TABLES: [(&str, &str); 3] = [
    (
        "shared/service/src/notification/decided.rs",
        "fn alarm_name",
    ),
    ("shared/service/src/app.rs", "let alarm = match"),
    ("shared/adapters/src/aws.rs", "let (refusal, alarm) = match"),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn sources(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if !path.ends_with("tests") && !path.ends_with("target") {
                sources(&path, found);
            }
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            // Unit tests raise alarms of their own.
            let text = text.split("#[cfg(test)]").next().unwrap();
            found.push(text.to_owned());
        }
    }
}

fn quoted(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split('"').skip(1).step_by(2).map(str::to_owned)
}

fn raised() -> BTreeSet<String> {
    let mut texts = Vec::new();
    for folder in ["shared", "functions"] {
        sources(&root().join(folder), &mut texts);
    }
    let mut names = BTreeSet::new();
    for text in &texts {
        for before in BEFORE {
            let behind = text.split(before).skip(1);
            names.extend(behind.map(|rest| rest.split('"').next().unwrap().to_owned()));
        }
    }
    for (file, begins) in TABLES {
        let text = fs::read_to_string(root().join(file)).unwrap();
        let table = &text[text.find(begins).unwrap()..];
        let table = table.split('}').next().unwrap();
        // AWS' own codes are capitalised.
        names.extend(quoted(table).filter(|name| name.starts_with(char::is_lowercase)));
    }
    names
}

/// The names in the first column of the table of alarms.
fn written() -> BTreeSet<String> {
    let text = fs::read_to_string(root().join("docs/RUNBOOK.md")).unwrap();
    let table = text.split("| Alarm | It is | Then |").nth(1).unwrap();
    let rows = table
        .lines()
        .skip(1)
        .take_while(|line| line.starts_with('|'));
    let names = rows.filter_map(|row| row.split('|').nth(1));
    let names = names.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    names.map(str::to_owned).collect()
}

#[test]
fn every_alarm_is_in_the_runbook_and_every_row_is_an_alarm() {
    let (raised, written) = (raised(), written());
    let missing: Vec<_> = raised.difference(&written).collect();
    assert!(missing.is_empty(), "not in docs/RUNBOOK.md: {missing:?}");
    let stale: Vec<_> = written.difference(&raised).collect();
    assert!(stale.is_empty(), "nothing raises: {stale:?}");
}
