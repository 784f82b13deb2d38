//! The machine as a table, to be held against the design.

use super::*;

/// How a message comes into each state.
fn states() -> Vec<(&'static str, Message)> {
    let sending = || sending(Purpose::Bill);
    let after = |inputs| run(sending(), inputs).0;
    let held = Standing {
        funded: false,
        ..Standing::CLEAR
    };
    vec![
        ("Queued", queued(Purpose::Bill)),
        ("Sending", sending()),
        ("Accepted", after(vec![(0, accepted(1))])),
        ("Sent", after(vec![(0, receipt(Report::Sent))])),
        ("Delivered", after(vec![(0, receipt(Report::Delivered))])),
        ("Read", after(vec![(0, receipt(Report::Read))])),
        (
            "Held",
            run(queued(Purpose::Bill), vec![(0, lease(held, now()))]).0,
        ),
        ("Retry", after(vec![(0, refused(1, 131_000))])),
        ("Failed", after(vec![(0, refused(1, 131_026))])),
        (
            "Dropped",
            run(
                queued(Purpose::Bill),
                vec![(0, Input::Withdraw(DropReason::Paid))],
            )
            .0,
        ),
        ("Unknown", after(vec![(0, outcome(1, Outcome::Unknown))])),
    ]
}

/// The inputs of the table's columns, each at a time when what is due is due.
fn inputs() -> Vec<Input> {
    let at = later(HOUR);
    vec![
        lease(Standing::CLEAR, at),
        Input::Release(HoldReason::Balance),
        Input::Withdraw(DropReason::Paid),
        accepted(1),
        refused(1, 131_000),
        refused(1, 190),
        refused(1, 132_001),
        refused(1, 131_026),
        outcome(1, Outcome::Unknown),
        receipt(Report::Sent),
        receipt(Report::Delivered),
        receipt(Report::Read),
        bounce(131_026),
    ]
}

const HOUR: i64 = 3_600;

#[test]
fn the_machine_is_the_table_of_the_design() {
    let no = "·";
    #[rustfmt::skip]
    let table = [
        //             due        released  withdrawn  accepted    server    token   template  recipient unknown    sent    delivered    read    bounced
        ("Queued",    ["Sending", no,       "Dropped", no,         no,       no,     no,       no,       no,        no,     no,          no,     no]),
        ("Sending",   ["Unknown", no,       no,        "Accepted", "Retry",  "Held", "Held",   "Failed", "Unknown", "Sent", "Delivered", "Read", "Failed"]),
        ("Accepted",  [no,        no,       no,        no,         no,       no,     no,       no,       no,        "Sent", "Delivered", "Read", "Failed"]),
        ("Sent",      [no,        no,       no,        no,         no,       no,     no,       no,       no,        no,     "Delivered", "Read", "Failed"]),
        ("Delivered", [no,        no,       no,        no,         no,       no,     no,       no,       no,        no,     no,          "Read", "Delivered"]),
        ("Read",      [no,        no,       no,        no,         no,       no,     no,       no,       no,        no,     no,          no,     "Read"]),
        ("Held",      [no,        "Queued", "Dropped", no,         no,       no,     no,       no,       no,        no,     no,          no,     no]),
        ("Retry",     ["Sending", no,       "Dropped", "Accepted", no,       no,     no,       no,       no,        "Sent", "Delivered", "Read", "Failed"]),
        // Refused for good, yet the vendor had it: another device, or its own contradiction.
        ("Failed",    [no,        no,       no,        "Accepted", no,       no,     no,       no,       no,        "Sent", "Delivered", "Read", no]),
        ("Dropped",   [no,        no,       no,        no,         no,       no,     no,       no,       no,        no,     no,          no,     no]),
        ("Unknown",   ["Sending", no,       no,        "Accepted", "Retry",  "Held", "Held",   "Failed", no,        "Sent", "Delivered", "Read", "Failed"]),
    ];
    for ((name, message), (row, cells)) in states().into_iter().zip(table) {
        assert_eq!(name, row);
        assert_eq!(message.state.name(), name);
        for (input, cell) in inputs().into_iter().zip(cells) {
            let step = message.clone().step(input.clone(), later(HOUR));
            let found = step.map_or(no, |step| step.next.state.name());
            assert_eq!(found, cell, "{name}, {input:?}");
        }
    }
}

#[test]
fn before_its_time_nothing_is_sent() {
    for (name, message) in states() {
        let early = message.step(lease(Standing::CLEAR, now()), now());
        let found = early
            .map(|step| step.next.state.name())
            .map_err(|refused| refused.to_string());
        let expected = match name {
            "Queued" => Ok("Sending"),
            "Sending" => Err("leased until 2026-12-01T03:00:30Z".to_owned()),
            "Held" | "Retry" | "Unknown" => Err("not due".to_owned()),
            _ => Err("over".to_owned()),
        };
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn d11_e20_what_is_checked_again_before_each_send() {
    let night: Timestamp = "2026-12-01T22:00:00+07:00".parse().unwrap();
    let morning: Timestamp = "2026-12-02T08:00:00+07:00".parse().unwrap();
    let soon = later(60);
    let clear = Standing::CLEAR;
    let dropped = |reason| Some(Obstacle::Drop(reason));
    let held = |reason, until| Some(Obstacle::Hold { reason, until });
    let made = |purpose, asked_for| Message {
        asked_for,
        made_at: now(),
        ..queued(purpose)
    };
    let (bill, otp, approval) = (
        made(Purpose::Bill, false),
        made(Purpose::Otp, false),
        made(Purpose::Approval, false),
    );
    let asked_in_the_morning = made(Purpose::RepairStatus, true);
    let asked_for = Message {
        made_at: night,
        ..asked_in_the_morning.clone()
    };
    let otp_at_night = Message {
        deadline: morning,
        ..otp.clone()
    };
    let cases = [
        (&bill, clear, now(), None),
        (
            &bill,
            Standing {
                gone: Some(DropReason::Paid),
                ..clear
            },
            now(),
            dropped(DropReason::Paid),
        ),
        (
            &bill,
            Standing {
                opted_out: true,
                ..clear
            },
            now(),
            dropped(DropReason::OptedOut),
        ),
        (
            &approval,
            Standing {
                opted_out: true,
                ..clear
            },
            now(),
            dropped(DropReason::OptedOut),
        ),
        (
            &otp,
            Standing {
                opted_out: true,
                ..clear
            },
            now(),
            None,
        ),
        (
            &bill,
            Standing {
                unreachable: true,
                ..clear
            },
            now(),
            dropped(DropReason::Unreachable),
        ),
        (
            &bill,
            Standing {
                paused: true,
                ..clear
            },
            now(),
            held(HoldReason::Paused, None),
        ),
        (
            &otp,
            Standing {
                paused: true,
                ..clear
            },
            now(),
            held(HoldReason::Paused, None),
        ),
        (
            &bill,
            Standing {
                template_approved: false,
                ..clear
            },
            now(),
            held(HoldReason::Template, None),
        ),
        (
            &bill,
            clear,
            night,
            held(HoldReason::QuietHours, Some(morning)),
        ),
        (&otp_at_night, clear, night, None),
        (&approval, clear, night, None),
        (&asked_for, clear, night, None),
        // Who asked hours ago sleeps by now.
        (
            &asked_in_the_morning,
            clear,
            night,
            held(HoldReason::QuietHours, Some(morning)),
        ),
        (
            &bill,
            Standing {
                recipients_used_up_until: Some(morning),
                ..clear
            },
            now(),
            held(HoldReason::RecipientLimit, Some(morning)),
        ),
        // A code cannot wait for the morning.
        (
            &otp,
            Standing {
                recipients_used_up_until: Some(morning),
                ..clear
            },
            now(),
            dropped(DropReason::TooOld),
        ),
        (
            &bill,
            Standing {
                not_before: Some(soon),
                ..clear
            },
            now(),
            Some(Obstacle::Wait { at: soon }),
        ),
        (
            &bill,
            Standing {
                not_before: Some(soon),
                ..clear
            },
            soon,
            None,
        ),
        (
            &bill,
            Standing {
                funded: false,
                ..clear
            },
            now(),
            held(HoldReason::Balance, None),
        ),
        // What is gone is dropped before it is held, and money is asked for last.
        (
            &bill,
            Standing {
                gone: Some(DropReason::Paid),
                paused: true,
                funded: false,
                ..clear
            },
            now(),
            dropped(DropReason::Paid),
        ),
        (
            &bill,
            Standing {
                paused: true,
                funded: false,
                ..clear
            },
            now(),
            held(HoldReason::Paused, None),
        ),
    ];
    for (place, (message, standing, at, expected)) in cases.into_iter().enumerate() {
        assert_eq!(message.obstacle(&standing, at), expected, "case {place}");
    }
    let reserved = Message {
        funds: Funds::Reserved,
        ..bill
    };
    let unfunded = Standing {
        funded: false,
        ..clear
    };
    assert_eq!(
        reserved.obstacle(&unfunded, now()),
        None,
        "reserved once is enough"
    );
}

#[test]
fn what_waits_for_an_event_stands_in_its_list_and_leaves_it() {
    let short = Standing {
        funded: false,
        ..Standing::CLEAR
    };
    let (held, effects) = run(queued(Purpose::Bill), vec![(0, lease(short, now()))]);
    let wake = Effect::WakeAt(held.deadline);
    assert_eq!(effects, [wake, Effect::Wait(HoldReason::Balance)]);
    let end = Effect::EndWait(HoldReason::Balance);
    for (at, input, expected) in [
        (
            1,
            Input::Release(HoldReason::Balance),
            vec![Effect::Enqueue, end],
        ),
        (
            1,
            Input::Withdraw(DropReason::Paid),
            vec![Effect::Publish(Event::Dropped(DropReason::Paid)), end],
        ),
        (
            72 * HOUR,
            lease(Standing::CLEAR, later(72 * HOUR)),
            vec![Effect::Publish(Event::Dropped(DropReason::TooOld)), end],
        ),
    ] {
        assert_eq!(run(held.clone(), vec![(at, input)]).1, expected);
    }
    let other = held.step(Input::Release(HoldReason::Template), now());
    assert_eq!(other, Err(Refused::Known));
    // The night ends by the clock: a due row, and no list.
    let night: Timestamp = "2026-12-01T22:00:00+07:00".parse().unwrap();
    let seconds = night.duration_since(now()).as_secs();
    let (_, effects) = run(
        queued(Purpose::Bill),
        vec![(seconds, lease(Standing::CLEAR, night))],
    );
    let morning = "2026-12-02T08:00:00+07:00".parse().unwrap();
    assert_eq!(effects, [Effect::WakeAt(morning)]);
}
