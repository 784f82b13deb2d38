//! What the document shows is made of the table.

use super::*;

const DOCUMENT: &str = include_str!("../../../../../docs/BILLING.md");

#[test]
fn the_document_shows_the_machine_as_it_is() {
    let shown = DOCUMENT.split("```mermaid\n").nth(1).unwrap();
    assert_eq!(shown.split("```").next().unwrap(), diagram());
    for table in [markdown(), outside_markdown()] {
        assert!(DOCUMENT.contains(&table), "{table}");
    }
}
