//! The transition table as people read it; `docs/BILLING.md` holds both, and a test holds them to
//! the table.

use super::{Row, State, TABLE, Under, Writes};

/// The table as a mermaid state diagram: an arrow a row, `reads / writes, move`.
#[must_use]
pub fn diagram() -> String {
    let mut text = format!("stateDiagram-v2\n    [*] --> {}\n", State::Scan.name());
    for row in TABLE {
        text.push_str(&format!(
            "    {} --> {}: {} / {}, {}\n",
            row.state.name(),
            row.next.name(),
            row.reads_in_words(),
            row.writes_in_words(),
            row.moves.name(),
        ));
    }
    text.push_str(&format!("    {} --> [*]\n", State::Halt.name()));
    text
}

/// The table as a table.
#[must_use]
pub fn markdown() -> String {
    let mut text = "| State | Reads | Writes | Next | Move |\n|---|---|---|---|---|\n".to_owned();
    for row in TABLE {
        text.push_str(&format!(
            "| {} | {} | {} | {} | {} |\n",
            row.state.name(),
            row.reads_in_words(),
            row.writes_in_words(),
            row.next.name(),
            row.moves.name(),
        ));
    }
    text
}

impl Row {
    fn reads_in_words(&self) -> String {
        let reads: Vec<String> = self.reads.iter().map(ToString::to_string).collect();
        let given = self.given.map(|known| format!(", {}", known.in_words()));
        format!("{}{}", reads.join(", "), given.unwrap_or_default())
    }

    fn writes_in_words(&self) -> String {
        match (self.writes, self.reads) {
            (Writes::Put(symbol), _) => symbol.name().to_owned(),
            (Writes::Same, [Under::Blank]) => Under::Blank.to_string(),
            (Writes::Same, _) => "same".to_owned(),
        }
    }
}
