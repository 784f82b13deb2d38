//! The legal writes from outside as a table: every track, symbol and event.

use super::*;

const NO: &str = "";

const EVENTS: [Event; 8] = [
    Event::Accepted,
    Event::GivenUp,
    Event::Paid,
    Event::Voided,
    Event::Refunded,
    Event::Reversed(Before::NotRun),
    Event::Reversed(Before::Accepted),
    Event::Reversed(Before::Neither),
];

fn holds(kind: TrackKind, table: [(&str, [&str; 8]); 7]) {
    assert_eq!(table.len(), Symbol::ALL.len());
    for (symbol, (row, cells)) in Symbol::ALL.iter().zip(table) {
        assert_eq!(symbol.name(), row);
        for (event, expected) in EVENTS.into_iter().zip(cells) {
            let written = write(kind, *symbol, event).map_or(NO, Symbol::name);
            assert_eq!(written, expected, "{kind:?} {row} {event:?}");
        }
    }
}

#[test]
#[rustfmt::skip]
fn what_may_be_written_from_outside_and_nothing_else() {
    holds(TrackKind::Bill, [
        // holds accepted, given up, paid, voided, refunded; reversed: not run, accepted, neither
        ("U", [NO,  NO,  NO,  NO,  NO,  NO,  NO,  NO]),
        ("C", ["A", "G", "P", "K", NO,  NO,  NO,  NO]),
        ("N", [NO,  NO,  "P", "K", NO,  NO,  NO,  NO]),
        ("K", [NO,  NO,  NO,  NO,  NO,  NO,  NO,  NO]),
        ("A", [NO,  "G", "P", "K", NO,  NO,  NO,  NO]),
        ("G", ["A", NO,  "P", "K", NO,  NO,  NO,  NO]),
        ("P", [NO,  NO,  NO,  NO,  "K", NO,  "A", "G"]),
    ]);
    holds(TrackKind::Reminder, [
        ("U", [NO,  NO,  "P", NO,  NO,  NO,  NO,  NO]),
        ("C", ["A", "G", "P", "K", NO,  NO,  NO,  NO]),
        ("N", [NO,  NO,  "P", "K", NO,  NO,  NO,  NO]),
        ("K", [NO,  NO,  NO,  NO,  NO,  NO,  NO,  NO]),
        ("A", [NO,  "G", "P", "K", NO,  NO,  NO,  NO]),
        ("G", ["A", NO,  "P", "K", NO,  NO,  NO,  NO]),
        ("P", [NO,  NO,  NO,  NO,  "K", "U", "A", "G"]),
    ]);
}

#[test]
fn no_two_rules_apply_at_once_and_none_makes_a_message() {
    for rule in WRITES {
        assert_ne!(rule.to, Symbol::C, "only a run makes a message");
        for other in WRITES.iter().filter(|other| *other != rule) {
            let overlaps = other.event == rule.event
                && other.tracks.iter().any(|kind| rule.tracks.contains(kind))
                && other.from.iter().any(|from| rule.from.contains(from));
            assert!(!overlaps, "{rule:?} {other:?}");
        }
    }
}
