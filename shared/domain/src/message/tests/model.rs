//! Random schedules of everything that can happen to a message.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Move {
    Wake,
    Crash,
    Accept,
    Refuse(u32),
    Silence,
    Late(u16),
    Receipt(u8),
    Withdraw,
    Release,
    Hours(u8),
}

/// A move out of two numbers: far cheaper to make and to shrink than a tree of choices.
fn read((kind, number): (u8, u8)) -> Move {
    let codes = [
        2, 190, 130_429, 131_056, 131_026, 132_001, 131_042, 1, 999_999,
    ];
    match kind % 24 {
        0..=6 => Move::Wake,
        7 => Move::Crash,
        8..=9 => Move::Accept,
        10..=12 => Move::Refuse(codes[usize::from(number) % codes.len()]),
        13..=15 => Move::Silence,
        16 => Move::Late(u16::from(number % 4)),
        17..=18 => Move::Receipt(number % 4),
        19 => Move::Withdraw,
        20..=21 => Move::Release,
        _ => Move::Hours(number % 30),
    }
}

fn moves() -> impl Strategy<Value = Vec<(u8, u8, u16)>> {
    prop::collection::vec(any::<(u8, u8, u16)>(), 1..40)
}

fn input(message: &Message, one: &Move, jitter: u16, at: Timestamp) -> Option<Input> {
    let say = |attempt, outcome| Input::Outcome {
        attempt,
        outcome,
        jitter: Jitter(jitter),
    };
    let funded = !jitter.is_multiple_of(5);
    let tries = message.tries;
    Some(match one {
        Move::Wake | Move::Crash => lease(
            Standing {
                funded,
                ..Standing::CLEAR
            },
            at,
        ),
        Move::Accept => say(tries, Outcome::Accepted(wamid("wamid.1"))),
        Move::Refuse(code) => say(tries, Outcome::Refused(whatsapp(Some(*code), 400))),
        Move::Silence => say(tries, Outcome::Unknown),
        Move::Late(back) => say(
            tries.saturating_sub(*back),
            Outcome::Refused(whatsapp(None, 500)),
        ),
        Move::Receipt(0) => receipt(Report::Sent),
        Move::Receipt(1) => receipt(Report::Delivered),
        Move::Receipt(2) => receipt(Report::Read),
        Move::Receipt(_) => bounce(131_026),
        Move::Withdraw => Input::Withdraw(DropReason::Paid),
        Move::Release => match message.state {
            S::Held { reason, .. } => Input::Release(reason),
            _ => Input::Release(HoldReason::Balance),
        },
        Move::Hours(_) => return None,
    })
}

/// An arrival is never taken back.
fn rank(state: S) -> u8 {
    match state {
        S::Delivered => 2,
        S::Read => 3,
        _ => 0,
    }
}

/// What must hold between a message and the one after it.
fn holds(before: &Message, step: &Step, at: Timestamp) {
    let next = &step.next;
    assert!(
        rank(next.state) >= rank(before.state),
        "went back: {before:?} {next:?}"
    );
    assert!(next.tries - before.tries <= 1);
    if next.tries > before.tries {
        assert!(
            before.vendor_id.is_none(),
            "sent again though the vendor has it"
        );
        assert!(at < next.deadline, "sent though too old");
        assert!(matches!(next.funds, Funds::Reserved), "sent unpaid");
        assert_eq!(
            next.possibly_double,
            before.possibly_double || before.unanswered > 0
        );
    }
    if matches!(before.state, S::Unknown { until } if until > at) {
        assert_eq!(before.tries, next.tries, "sent again within the grace");
    }
    if matches!(next.state, S::Unknown { .. } | S::Sending { .. }) {
        assert_eq!(
            next.funds,
            Funds::Reserved,
            "an open outcome keeps its money aside"
        );
    }
    // Whatever is not over and not with an event has something that wakes it.
    if matches!(
        next.state,
        S::Held { .. } | S::Retry { .. } | S::Unknown { .. }
    ) {
        let wakes_at = next.wakes_at().map(Effect::WakeAt);
        assert!(
            wakes_at.is_some_and(|wake| step.effects.contains(&wake)),
            "{step:?}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn g4_g5_every_schedule_keeps_the_rules(schedule in moves()) {
        let mut message = queued(Purpose::Bill);
        let (mut at, mut reserved, mut unresolved) = (now(), false, 0_u8);
        for (kind, number, jitter) in schedule {
            let one = read((kind, number));
            at += match one {
                Move::Hours(hours) => SignedDuration::from_hours(i64::from(hours)),
                Move::Crash => SignedDuration::from_secs(31),
                _ => SignedDuration::from_secs(i64::from(jitter % 100)),
            };
            let Some(input) = input(&message, &one, jitter, at) else { continue };
            let accepted_before = message.vendor_id.is_some();
            let Ok(step) = message.clone().step(input, at) else { continue };
            holds(&message, &step, at);
            let resolved = count(&step.effects, Effect::Post) + count(&step.effects, Effect::Void);
            let now_reserved = step.next.funds == Funds::Reserved;
            // Each reservation is resolved exactly once, in the step that ends it.
            prop_assert_eq!(resolved, usize::from(reserved && !now_reserved));
            let accepted = count(&step.effects, Effect::Publish(Event::Accepted));
            prop_assert_eq!(accepted, usize::from(!accepted_before && step.next.vendor_id.is_some()));
            unresolved += u8::from(step.next.tries > message.tries && message.unanswered > 0);
            prop_assert!(unresolved <= 1 || step.next.unanswered <= MOST_UNANSWERED);
            prop_assert!(step.next.unanswered <= MOST_UNANSWERED);
            reserved = now_reserved;
            message = step.next;
        }
    }
}
