//! What the vendor refuses, and what is too old.

use super::*;

#[test]
fn e2_a_pair_limit_delays_that_recipient() {
    let (message, effects) = run(sending(Purpose::Bill), vec![(1, refused(1, 131_056))]);
    assert_eq!(message.state, S::Retry { at: later(7) });
    let expected = [
        Effect::WakeAt(later(7)),
        Effect::PauseRecipient { until: later(7) },
    ];
    assert_eq!(effects, expected);
}

#[test]
fn e1_too_fast_slows_the_number_and_loses_nothing() {
    let mut message = queued(Purpose::Bill);
    let mut seconds = 0;
    for attempt in 1..=200 {
        let inputs = vec![
            (seconds, lease(Standing::CLEAR, later(seconds))),
            (seconds, refused(attempt, 130_429)),
        ];
        let (next, effects) = run(message, inputs);
        assert_eq!(count(&effects, Effect::SlowNumber), 1);
        let S::Retry { at } = next.state else {
            panic!("try {attempt}: {:?}", next.state);
        };
        seconds = at.duration_since(now()).as_secs();
        message = next;
    }
}

#[test]
fn e1_waiting_for_others_costs_no_tries() {
    let slow = Message {
        delays: 500,
        ..sending(Purpose::Bill)
    };
    let (message, _) = run(slow, vec![(1, refused(1, 131_000))]);
    assert_eq!(
        message.state,
        S::Retry { at: later(3) },
        "the first of nine"
    );
    for code in [130_429, 131_056, 190, 132_001] {
        let (message, _) = run(sending(Purpose::Bill), vec![(1, refused(1, code))]);
        assert_eq!(message.refusals, 0, "{code}");
    }
}

#[test]
fn e5_tries_are_bounded() {
    for refusals in 0..=9 {
        let message = Message {
            refusals,
            ..sending(Purpose::Bill)
        };
        let (message, effects) = run(message, vec![(1, refused(1, 131_000))]);
        if refusals < 9 {
            assert!(matches!(message.state, S::Retry { .. }), "after {refusals}");
            assert_eq!(message.funds, Funds::Reserved);
            continue;
        }
        let failure = Failure {
            code: 131_000,
            reason: FailReason::TriesExhausted,
        };
        assert_eq!(message.state, S::Failed(failure));
        assert_eq!(
            effects,
            [Effect::Void, Effect::Publish(Event::Failed(failure))]
        );
    }
}

#[test]
fn d19_g8_an_account_error_pauses_the_merchant_and_ties_up_no_money() {
    for (code, reason) in [
        (190, PauseReason::Token),
        (132_000, PauseReason::TemplateMismatch),
        (131_042, PauseReason::VendorPayment),
    ] {
        let (message, effects) = run(sending(Purpose::Bill), vec![(1, refused(1, code))]);
        let held = S::Held {
            reason: HoldReason::Paused,
            until: None,
        };
        assert_eq!(message.state, held, "{code}");
        assert_eq!(count(&effects, Effect::PauseMerchant(reason)), 1);
        assert_eq!(count(&effects, Effect::Void), 1);
        assert_eq!(message.funds, Funds::Unreserved);
        let (resumed, effects) = run(message, vec![(60, Input::Release(HoldReason::Paused))]);
        assert_eq!(resumed.state, S::Queued);
        assert_eq!(
            effects,
            [Effect::Enqueue, Effect::EndWait(HoldReason::Paused)]
        );
    }
}

#[test]
fn d20_a_bad_recipient_fails_after_one_try() {
    let (message, effects) = run(sending(Purpose::Bill), vec![(1, refused(1, 131_009))]);
    let failure = Failure {
        code: 131_009,
        reason: FailReason::OurMistake,
    };
    assert_eq!(message.state, S::Failed(failure));
    assert_eq!(
        effects,
        [Effect::Void, Effect::Publish(Event::Failed(failure))]
    );
}

#[test]
fn e7_a_blocked_bot_and_a_bot_that_must_wait() {
    let verdict = |verdict| {
        let refusal = Refusal { code: 403, verdict };
        let telegram = Message {
            funds: Funds::Free,
            ..sending(Purpose::Receipt)
        };
        run(telegram, vec![(1, outcome(1, Outcome::Refused(refusal)))])
    };
    let (message, effects) = verdict(Verdict::Unreachable);
    assert!(matches!(message.state, S::Failed(_)));
    assert_eq!(count(&effects, Effect::MarkUnreachable), 1);
    let (message, effects) = verdict(Verdict::RetryAfter(35));
    assert_eq!(message.state, S::Retry { at: later(36) });
    assert_eq!(count(&effects, Effect::PauseBot { until: later(36) }), 1);
}

#[test]
fn j11_what_is_too_old_is_dropped_with_its_reason() {
    let week = 7 * 86_400;
    for purpose in Purpose::ALL {
        let (message, effects) = run(
            queued(*purpose),
            vec![(week, lease(Standing::CLEAR, later(week)))],
        );
        assert_eq!(message.state, S::Dropped(DropReason::TooOld));
        assert_eq!(
            effects,
            [Effect::Publish(Event::Dropped(DropReason::TooOld))]
        );
    }
    // A code that lives five minutes is not sent after them.
    let code = NewMessage {
        ends_at: Some(later(300)),
        ..new(Purpose::Otp)
    };
    let code = Message::queue(code, Activation::Active, now())
        .unwrap()
        .next;
    let (message, _) = run(code, vec![(300, lease(Standing::CLEAR, later(300)))]);
    assert_eq!(message.state, S::Dropped(DropReason::TooOld));
}

#[test]
fn what_could_only_go_after_its_deadline_is_dropped_at_once() {
    let code = run(
        queued(Purpose::Otp),
        vec![(0, lease(Standing::CLEAR, now()))],
    )
    .0;
    let late = Message {
        refusals: 5,
        ..code
    };
    let (message, _) = run(late, vec![(1, refused(1, 131_000))]);
    assert_eq!(message.state, S::Dropped(DropReason::TooOld));
}
