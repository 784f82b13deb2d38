//! The transition table and the writes from outside as people read them; `docs/BILLING.md` holds
//! them, and a test holds it to the tables.

use super::{Before, Event, Row, Rule, State, TABLE, TrackKind, Under, WRITES, Writes};

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

/// The legal writes from outside as a table.
#[must_use]
pub fn outside_markdown() -> String {
    let mut text = "| Track | From | When | To |\n|---|---|---|---|\n".to_owned();
    for rule in WRITES {
        let from: Vec<String> = rule.from.iter().map(|from| code(from.name())).collect();
        text.push_str(&format!(
            "| {} | {} | {} | {} |\n",
            rule.tracks_in_words(),
            from.join(", "),
            rule.event.in_words(),
            code(rule.to.name()),
        ));
    }
    text
}

fn code(name: &str) -> String {
    format!("`{name}`")
}

impl Rule {
    fn tracks_in_words(&self) -> &'static str {
        match self.tracks {
            [TrackKind::Reminder] => "reminder",
            [TrackKind::Bill] => "bill",
            [] | [TrackKind::Bill | TrackKind::Reminder, _, ..] => "each",
        }
    }
}

impl Event {
    fn in_words(self) -> &'static str {
        match self {
            Self::Accepted => "a channel accepted the message, or says later that it arrived",
            Self::GivenUp => "the message failed or was dropped",
            Self::Paid => "the bill is paid in full",
            Self::Voided => "the bill is called off",
            Self::Refunded => "all of the money is given back",
            Self::Reversed(Before::NotRun) => {
                "the money is taken back, and the day of the reminder is still to come"
            }
            Self::Reversed(Before::Accepted) => {
                "the money is taken back, and a channel had accepted the message"
            }
            Self::Reversed(Before::Neither) => "the money is taken back otherwise",
        }
    }
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
