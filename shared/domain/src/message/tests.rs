mod model;
mod refusals;
mod table;

use jiff::{SignedDuration, Timestamp};

use super::verdict::{Refusal, Verdict, whatsapp};
use super::*;
use crate::calendar::Zone;
use crate::ids::MerchantId;
use MessageState as S;

const PRICE: Rupiah = Rupiah::new(367);

fn now() -> Timestamp {
    "2026-12-01T10:00:00+07:00".parse().unwrap()
}

fn later(seconds: i64) -> Timestamp {
    now() + SignedDuration::from_secs(seconds)
}

fn new(purpose: Purpose) -> NewMessage {
    NewMessage {
        id: MessageId::parse("m-1").unwrap(),
        merchant: MerchantId::parse("demo").unwrap(),
        channel: Channel::WhatsApp,
        purpose,
        asked_for: false,
        zone: Zone::Jakarta,
        price: PRICE,
        reserved: false,
        ends_at: None,
    }
}

fn queued(purpose: Purpose) -> Message {
    Message::queue(new(purpose), Activation::Active, now())
        .unwrap()
        .next
}

fn wamid(text: &str) -> VendorId {
    VendorId::parse(text).unwrap()
}

fn lease(standing: Standing, at: Timestamp) -> Input {
    Input::Lease {
        until: at + SignedDuration::from_secs(30),
        standing,
    }
}

fn outcome(attempt: u16, outcome: Outcome) -> Input {
    Input::Outcome {
        attempt,
        outcome,
        jitter: Jitter(0),
    }
}

fn refused(attempt: u16, code: u32) -> Input {
    outcome(attempt, Outcome::Refused(whatsapp(Some(code), 400)))
}

fn accepted(attempt: u16) -> Input {
    outcome(attempt, Outcome::Accepted(wamid("wamid.1")))
}

fn receipt(report: Report) -> Input {
    Input::Receipt(Receipt {
        vendor_id: wamid("wamid.1"),
        report,
    })
}

fn bounce(code: u32) -> Input {
    receipt(Report::Failed(whatsapp(Some(code), 200)))
}

/// A message after inputs, each a number of seconds after it was queued, with all effects.
fn run(message: Message, inputs: Vec<(i64, Input)>) -> (Message, Vec<Effect>) {
    let mut effects = vec![];
    let mut message = message;
    for (seconds, input) in inputs {
        let step = message.clone().step(input.clone(), later(seconds));
        let step = step.unwrap_or_else(|refused| panic!("{input:?} at {seconds}: {refused}"));
        assert_eq!(step.next.version, message.version + 1);
        message = step.next;
        effects.extend(step.effects);
    }
    (message, effects)
}

/// One that a sender has.
fn sending(purpose: Purpose) -> Message {
    run(queued(purpose), vec![(0, lease(Standing::CLEAR, now()))]).0
}

fn count(effects: &[Effect], wanted: Effect) -> usize {
    effects.iter().filter(|effect| **effect == wanted).count()
}

#[test]
fn a_message_goes_out_and_is_read() {
    let (message, effects) = run(
        sending(Purpose::Bill),
        vec![
            (1, accepted(1)),
            (2, receipt(Report::Sent)),
            (3, receipt(Report::Delivered)),
            (4, receipt(Report::Read)),
        ],
    );
    assert_eq!(message.state, S::Read);
    assert_eq!(message.funds, Funds::Posted);
    let published = [Event::Accepted, Event::Delivered, Event::Read].map(Effect::Publish);
    assert_eq!(effects, [&[Effect::Post], &published[..]].concat());
}

#[test]
fn whatsapp_that_is_not_active_queues_nothing_and_says_how_to_ask() {
    for activation in [
        Activation::Inactive,
        Activation::Requested,
        Activation::Suspended,
    ] {
        let refused = Message::queue(new(Purpose::Bill), activation, now()).unwrap_err();
        assert_eq!(refused, NotActive(activation));
        assert!(
            !refused
                .in_words(crate::language::Language::Indonesian)
                .is_empty()
        );
    }
    let telegram = NewMessage {
        channel: Channel::Telegram,
        ..new(Purpose::Bill)
    };
    let step = Message::queue(telegram, Activation::Inactive, now()).unwrap();
    assert_eq!(step.next.funds, Funds::Free, "Telegram costs nothing");
}

#[test]
fn d10_no_answer_is_unknown_and_keeps_the_money_aside() {
    let (message, effects) = run(
        sending(Purpose::Bill),
        vec![(1, outcome(1, Outcome::Unknown))],
    );
    let until = later(1) + Purpose::Bill.grace();
    assert_eq!(message.state, S::Unknown { until });
    assert_eq!(message.funds, Funds::Reserved);
    assert_eq!(effects, [Effect::WakeAt(until)]);
}

#[test]
fn d7_a_receipt_settles_what_nobody_knew() {
    for report in [Report::Sent, Report::Delivered, Report::Read] {
        let (message, effects) = run(
            sending(Purpose::Bill),
            vec![(1, outcome(1, Outcome::Unknown)), (2, receipt(report))],
        );
        assert_eq!(message.funds, Funds::Posted);
        assert_eq!(count(&effects, Effect::Post), 1);
        assert_eq!(count(&effects, Effect::Publish(Event::Accepted)), 1);
        assert!(!message.possibly_double);
        let again = message.step(lease(Standing::CLEAR, later(9_999)), later(9_999));
        assert_eq!(again, Err(Refused::Over));
    }
}

#[test]
fn a_receipt_may_come_before_our_own_save() {
    let early = run(sending(Purpose::Otp), vec![(1, receipt(Report::Delivered))]).0;
    assert_eq!(early.state, S::Delivered);
    assert_eq!(early.step(accepted(1), later(2)), Err(Refused::Known));
    // And after the vendor's 500, which had taken it all the same: it is not sent again.
    let retried = vec![(1, refused(1, 131_000)), (2, receipt(Report::Sent))];
    let (message, effects) = run(sending(Purpose::Bill), retried);
    assert_eq!(message.state, S::Sent);
    assert_eq!(count(&effects, Effect::Post), 1);
}

#[test]
fn d8_without_a_receipt_it_is_sent_again_once_and_marked() {
    let grace = Purpose::Bill.grace().as_secs();
    let unknown = outcome(1, Outcome::Unknown);
    let (second, _) = run(
        sending(Purpose::Bill),
        vec![(0, unknown), (grace, lease(Standing::CLEAR, later(grace)))],
    );
    assert!(second.possibly_double);
    assert_eq!(second.tries, 2);
    // A crash this time: the lease runs out, then its grace.
    let (lost, _) = run(second, vec![(grace + 30, lease(Standing::CLEAR, later(0)))]);
    assert!(matches!(lost.state, S::Unknown { .. }), "{:?}", lost.state);
    let early = lost
        .clone()
        .step(lease(Standing::CLEAR, later(0)), later(grace + 31));
    assert_eq!(early, Err(Refused::NotDue));
    let (over, effects) = run(lost, vec![(3 * grace, lease(Standing::CLEAR, later(0)))]);
    let failure = Failure {
        code: 0,
        reason: FailReason::Unanswered,
    };
    assert_eq!(over.state, S::Failed(failure));
    assert_eq!(
        effects,
        [Effect::Void, Effect::Publish(Event::Failed(failure))]
    );
    assert_eq!(over.tries, 2, "never a third time");
}

#[test]
fn the_word_of_an_earlier_try_moves_nothing_but_an_acceptance_counts() {
    let grace = Purpose::Bill.grace().as_secs();
    let second = run(
        sending(Purpose::Bill),
        vec![
            (0, outcome(1, Outcome::Unknown)),
            (grace, lease(Standing::CLEAR, later(grace))),
        ],
    )
    .0;
    assert_eq!(
        second.clone().step(refused(1, 131_026), later(grace)),
        Err(Refused::Stale)
    );
    let unknown = second
        .clone()
        .step(outcome(1, Outcome::Unknown), later(grace));
    assert_eq!(unknown, Err(Refused::Stale));
    let (message, _) = run(second, vec![(grace, accepted(1))]);
    assert_eq!(message.state, S::Accepted);
    assert!(message.possibly_double);
    assert_eq!(
        message.step(refused(2, 131_026), later(grace)),
        Err(Refused::Stale)
    );
}

#[test]
fn a_late_refusal_ends_the_wait_for_a_receipt() {
    let lost = vec![
        (31, lease(Standing::CLEAR, later(31))),
        (40, refused(1, 131_000)),
    ];
    let (message, _) = run(sending(Purpose::Bill), lost);
    assert_eq!(message.state, S::Retry { at: later(42) });
    assert_eq!(message.unanswered, 0);
}

#[test]
fn e8_e10_receipts_only_move_forward() {
    let accepted = run(sending(Purpose::Bill), vec![(1, accepted(1))]).0;
    let reports = [Report::Sent, Report::Delivered, Report::Read];
    let states = [S::Sent, S::Delivered, S::Read];
    for (first, report) in reports.into_iter().enumerate() {
        let message = run(accepted.clone(), vec![(2, receipt(report))]).0;
        assert_eq!(message.state, states[first]);
        for earlier in &reports[..=first] {
            let again = message.clone().step(receipt(*earlier), later(3));
            assert_eq!(again, Err(Refused::Known), "{earlier:?} after {report:?}");
        }
    }
}

#[test]
fn a_failure_beside_a_delivery_is_kept_and_undoes_nothing() {
    let failure = Failure {
        code: 131_026,
        reason: FailReason::NotOnWhatsApp,
    };
    let start = run(sending(Purpose::Bill), vec![(1, accepted(1))]).0;
    let delivered = (2, receipt(Report::Delivered));
    let bounced = (2, bounce(131_026));
    for inputs in [
        vec![delivered.clone(), bounced.clone()],
        vec![bounced.clone(), delivered],
    ] {
        let (message, effects) = run(start.clone(), inputs);
        assert_eq!(message.state, S::Delivered);
        assert_eq!(message.failure, Some(failure));
        assert_eq!(count(&effects, Effect::Void), 0);
    }
    let failed = run(start, vec![bounced]).0;
    assert_eq!(failed.state, S::Failed(failure));
    assert_eq!(failed.funds, Funds::Posted, "the vendor took it");
    assert_eq!(
        failed.clone().step(bounce(131_026), later(3)),
        Err(Refused::Known)
    );
    assert_eq!(
        failed.clone().step(receipt(Report::Sent), later(3)),
        Err(Refused::Known)
    );
    assert_eq!(failed.step(accepted(1), later(3)), Err(Refused::Known));
}

#[test]
fn a_receipt_for_what_was_never_sent_is_refused() {
    let message = queued(Purpose::Bill);
    for input in [receipt(Report::Read), bounce(131_026), accepted(0)] {
        assert_eq!(message.clone().step(input, now()), Err(Refused::NeverSent));
    }
}

#[test]
fn what_was_given_back_and_still_arrives_is_an_alarm() {
    let failed = run(sending(Purpose::Bill), vec![(1, refused(1, 131_026))]).0;
    assert_eq!(failed.funds, Funds::Voided);
    let (message, effects) = run(failed, vec![(2, receipt(Report::Delivered))]);
    assert_eq!(message.state, S::Delivered);
    assert_eq!(count(&effects, Effect::Alarm(Alarm::TakenUnpaid)), 1);
    assert_eq!(count(&effects, Effect::Post), 0);
}

#[test]
fn what_is_in_flight_is_left_alone() {
    let withdraw = Input::Withdraw(DropReason::Paid);
    let flying = sending(Purpose::Bill);
    assert_eq!(
        flying.clone().step(withdraw.clone(), now()),
        Err(Refused::InFlight)
    );
    let lost = run(flying, vec![(1, outcome(1, Outcome::Unknown))]).0;
    assert_eq!(
        lost.step(withdraw.clone(), later(2)),
        Err(Refused::InFlight)
    );
    let reserved = NewMessage {
        reserved: true,
        ..new(Purpose::Bill)
    };
    let reserved = Message::queue(reserved, Activation::Active, now())
        .unwrap()
        .next;
    let (message, effects) = run(reserved, vec![(1, withdraw)]);
    assert_eq!(message.state, S::Dropped(DropReason::Paid));
    assert_eq!(count(&effects, Effect::Void), 1);
}

#[test]
fn no_token_is_no_refusal() {
    let at = later(5);
    let (message, effects) = run(
        sending(Purpose::Bill),
        vec![(1, Input::Postpone { attempt: 1, at })],
    );
    assert_eq!(message.state, S::Retry { at });
    assert_eq!(message.refusals, 0);
    assert_eq!(effects, [Effect::WakeAt(at)]);
}
