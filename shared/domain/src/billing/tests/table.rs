//! The transition table, to be held against the design.

use super::*;

const UNDERS: [Under; 9] = [
    Under::Cell(Symbol::U),
    Under::Cell(Symbol::C),
    Under::Cell(Symbol::N),
    Under::Cell(Symbol::K),
    Under::Cell(Symbol::A),
    Under::Cell(Symbol::G),
    Under::Cell(Symbol::P),
    Under::Blank,
    Under::LeftEnd,
];
const KNOWN: [Option<Known>; 6] = [
    None,
    Some(Known::HasChannel),
    Some(Known::NoChannel),
    Some(Known::OwesNothing),
    Some(Known::BeforeDeadline),
    Some(Known::AfterDeadline),
];

#[test]
fn the_table_reads_like_the_design() {
    let design = "\
| State | Reads | Writes | Next | Move |
|---|---|---|---|---|
| scan | U, owes, has a channel | C | scan | R |
| scan | U, owes, no channel | N | scan | R |
| scan | U, owes nothing | K | scan | R |
| scan | C, A, G, K, N, P | same | scan | R |
| scan | b | b | settle | L |
| settle | C, before the run's deadline | C | settle | – |
| settle | C, after the run's deadline | G | settle | L |
| settle | A, G, K, N, P | same | settle | L |
| settle | left end | same | halt | – |
";
    assert_eq!(markdown(), design);
}

#[test]
fn no_two_rows_apply_at_once() {
    for state in State::ALL {
        for under in UNDERS {
            for known in KNOWN {
                let rows = TABLE.iter().filter(|row| row.applies(*state, under, known));
                assert!(rows.count() <= 1, "{state:?} {under:?} {known:?}");
            }
        }
    }
}

#[test]
fn a_settle_that_meets_u_stops_the_machine() {
    for known in KNOWN {
        let stuck = step(State::Settle, Under::Cell(Symbol::U), known).unwrap_err();
        let words = "settle meets U, and no row says what to do";
        assert_eq!(stuck.to_string(), words);
    }
    // Nor is anything done to a cell that nothing is known of, or when all is over.
    assert!(step(State::Scan, Under::Cell(Symbol::U), None).is_err());
    for under in UNDERS {
        assert!(step(State::Halt, under, None).is_err());
    }

    // On the tape: a cell has lost its mark.
    let mut tape = Tape::of([("ani", owing()), ("budi", owing()), ("citra", owing())]);
    let run = bill_run();
    assert!(matches!(tape.drive(&run, month_end()), Then::Wait { .. }));
    tape.cells.get_mut(&id("budi")).unwrap().marks.clear();
    let commits = tape.commits;
    let stuck = Stuck {
        state: State::Settle,
        under: Under::Cell(Symbol::U),
    };
    assert_eq!(tape.drive(&run, run.deadline), Then::Stopped(stuck));
    // The head stands before it, and what was passed is done.
    assert_eq!(tape.shard.head, Some(id("citra")));
    assert_eq!(tape.shard.state, State::Settle);
    assert_eq!(tape.commits, commits + 1);
    assert_eq!(tape.symbols("bill"), "CUG");
}

/// Six cells, one for each way a bill can go, and an invocation that was killed before it saved
/// where it was, so that the next one scans what is written.
fn run_by(table: &[Row]) -> Result<String, Then> {
    let mut paused = owing();
    paused.subscription = Subscription::Paused;
    let mut opted_out = owing();
    opted_out.reach = Reach::Nothing(NoChannel::OptedOut);
    let mut tape = Tape::of([
        ("a", owing()),
        ("c", owing()),
        ("g", owing()),
        ("k", paused),
        ("n", opted_out),
        ("p", owing()),
    ]);
    let (run, now) = (bill_run(), month_end());
    let waits = |then| match then {
        Then::Wait { .. } => Ok(()),
        other => Err(other),
    };
    waits(tape.drive_by(table, &run, now))?;
    tape.shard = Shard::new(0);
    let accepted = News::Accepted(Channel::WhatsApp);
    let failed = News::Failed(FailReason::NotOnWhatsApp);
    tape.happens("a", |cell| cell.hear(Track::Bill, accepted, now));
    tape.happens("g", |cell| cell.hear(Track::Bill, failed, now));
    tape.happens("p", |cell| cell.pay(FEE, Source::Cash(who()), now));
    waits(tape.drive_by(table, &run, now))?;
    match tape.drive_by(table, &run, run.deadline) {
        Then::Halted => Ok(tape.symbols("bill")),
        other => Err(other),
    }
}

#[test]
fn every_row_is_needed_and_every_symbol_that_it_reads() {
    assert_eq!(run_by(TABLE), Ok("AGGKNP".to_owned()));
    for (place, row) in TABLE.iter().enumerate() {
        let mut without = TABLE.to_vec();
        without.remove(place);
        assert!(run_by(&without).is_err(), "row {place} is not needed");
        for read in row.reads {
            let others = row.reads.iter().copied().filter(|one| one != read);
            let mut poorer = TABLE.to_vec();
            poorer[place].reads = others.collect::<Vec<_>>().leak();
            let end = run_by(&poorer);
            assert!(end.is_err(), "row {place} does not need {read}");
        }
    }
}

#[test]
fn a_symbol_written_over_itself_is_no_write() {
    let under = Under::Cell(Symbol::C);
    let early = step(State::Settle, under, Some(Known::BeforeDeadline)).unwrap();
    assert_eq!((early.writes, early.moves), (None, Move::Stay));
    let late = step(State::Settle, under, Some(Known::AfterDeadline)).unwrap();
    assert_eq!((late.writes, late.moves), (Some(Symbol::G), Move::Left));
}
