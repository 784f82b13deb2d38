use super::*;
use crate::ids::BookingCode;
use PaymentState as P;

const ALL: [&str; 12] = [
    "pending",
    "capture",
    "settlement",
    "authorize",
    "deny",
    "cancel",
    "expire",
    "failure",
    "refund",
    "partial_refund",
    "chargeback",
    "SURPRISE",
];

fn now() -> Timestamp {
    "2026-12-01T08:00:00+07:00".parse().unwrap()
}

fn payment(state: P) -> Payment {
    let order = OrderId::of(&BookingCode::parse("62473383").unwrap(), 1);
    Payment {
        state,
        transaction: (state != P::Created).then(|| TransactionId::parse("t-1").unwrap()),
        ..Payment::new(order, Rupiah::new(70_000), now(), now())
    }
}

fn seen(status: &str) -> Observation {
    Observation {
        transaction: TransactionId::parse("t-1").unwrap(),
        status: VendorStatus::parse(status),
        status_code: "200".to_owned(),
        fraud: Some("accept".to_owned()),
        gross: Some(Rupiah::new(70_000)),
        imposed: None,
        currency: Some("IDR".to_owned()),
        settled_at: Some(now()),
        refunded: None,
    }
}

fn other(status: &str) -> Observation {
    Observation {
        transaction: TransactionId::parse("t-2").unwrap(),
        ..seen(status)
    }
}

fn after(from: P, observation: &Observation) -> Option<P> {
    payment(from)
        .apply(observation, now())
        .payment
        .map(|payment| payment.state)
}

#[test]
fn the_machine_is_the_table_of_the_design() {
    let table: [(P, [Option<P>; 12]); 8] = [
        (
            P::Created,
            [
                Some(P::Pending),
                Some(P::Paid),
                Some(P::Paid),
                None,
                Some(P::Denied),
                Some(P::Cancelled),
                Some(P::Expired),
                Some(P::Cancelled),
                Some(P::Refunded),
                None,
                Some(P::ChargedBack),
                None,
            ],
        ),
        (
            P::Pending,
            [
                None,
                Some(P::Paid),
                Some(P::Paid),
                None,
                Some(P::Denied),
                Some(P::Cancelled),
                Some(P::Expired),
                Some(P::Cancelled),
                Some(P::Refunded),
                None,
                Some(P::ChargedBack),
                None,
            ],
        ),
        (
            P::Denied,
            [
                Some(P::Pending),
                Some(P::Paid),
                Some(P::Paid),
                None,
                None,
                Some(P::Cancelled),
                Some(P::Expired),
                Some(P::Cancelled),
                Some(P::Refunded),
                None,
                Some(P::ChargedBack),
                None,
            ],
        ),
        (
            P::Expired,
            [
                None,
                Some(P::Paid),
                Some(P::Paid),
                None,
                None,
                None,
                None,
                None,
                Some(P::Refunded),
                None,
                Some(P::ChargedBack),
                None,
            ],
        ),
        (
            P::Paid,
            [
                None,
                None,
                None,
                None,
                Some(P::Reversed),
                None,
                None,
                None,
                Some(P::Refunded),
                None,
                Some(P::ChargedBack),
                None,
            ],
        ),
        (
            P::Review,
            [
                None,
                None,
                None,
                None,
                Some(P::Reversed),
                None,
                None,
                None,
                Some(P::Refunded),
                None,
                Some(P::ChargedBack),
                None,
            ],
        ),
        (P::Refunded, [None; 12]),
        (P::Reversed, [None; 12]),
    ];
    for (from, row) in table {
        for (status, expected) in ALL.iter().zip(row) {
            assert_eq!(after(from, &seen(status)), expected, "{from:?} {status}");
        }
    }
}

#[test]
fn only_a_captured_payment_is_called_off_once_it_is_paid() {
    let captured = payment(P::Pending).apply(&seen("capture"), now()).payment;
    let captured = captured.unwrap();
    assert_eq!(captured.state, P::Paid);
    let cancelled = captured.apply(&seen("cancel"), now()).payment.unwrap();
    assert_eq!(cancelled.state, P::Cancelled);
    assert_eq!(after(P::Paid, &seen("cancel")), None);
}

#[test]
fn a_refund_first_seen_while_unpaid_takes_its_subject_first() {
    for status in ["refund", "chargeback"] {
        let first = |state| payment(state).apply(&seen(status), now()).effects;
        assert!(first(P::Pending).contains(&Effect::ConfirmSubject));
        assert!(!first(P::Paid).contains(&Effect::ConfirmSubject));
    }
}

#[test]
fn b1_pending_after_settlement_changes_nothing() {
    assert_eq!(
        payment(P::Paid).apply(&seen("pending"), now()),
        Verdict::default()
    );
}

#[test]
fn b2_the_second_settlement_gives_no_second_receipt() {
    let first = payment(P::Pending).apply(&seen("settlement"), now());
    assert_eq!(
        first.effects,
        [Effect::ConfirmSubject, Effect::Notify(Notice::Receipt)]
    );
    let paid = first.payment.unwrap();
    assert_eq!(paid.version, 2);
    assert_eq!(paid.apply(&seen("settlement"), now()), Verdict::default());
}

#[test]
fn b3_a_wrong_amount_goes_to_review_with_an_alarm() {
    for gross in [None, Some(Rupiah::new(1))] {
        let verdict = payment(P::Pending).apply(
            &Observation {
                gross,
                ..seen("settlement")
            },
            now(),
        );
        assert_eq!(verdict.payment.unwrap().state, P::Review);
        assert!(verdict.effects.contains(&Effect::Alarm(Alarm::WrongAmount)));
        assert!(!verdict.effects.contains(&Effect::ConfirmSubject));
    }
}

#[test]
fn b3_of_a_wrong_amount_goes_back_what_came_and_not_what_was_asked() {
    let rupiah = Rupiah::new;
    let in_review = |gross, imposed| {
        let seen = Observation {
            gross: Some(rupiah(gross)),
            imposed,
            ..seen("settlement")
        };
        payment(P::Pending).apply(&seen, now()).payment.unwrap()
    };
    let part = |payment: &Payment, refunded| {
        let seen = Observation {
            refunded: Some(rupiah(refunded)),
            ..seen("partial_refund")
        };
        payment.apply(&seen, now()).payment.unwrap()
    };
    let twice = in_review(140_000, None);
    assert_eq!(
        (twice.received(), twice.left()),
        (rupiah(140_000), rupiah(140_000))
    );
    let back = part(&twice.clone().accepted(), 70_000);
    assert_eq!(
        (back.state, back.left()),
        (P::PartlyRefunded, rupiah(70_000))
    );
    let whole = twice.apply(&seen("refund"), now()).payment.unwrap();
    assert_eq!(
        (whole.state, whole.gone_back()),
        (P::Refunded, rupiah(140_000))
    );
    let few = part(&in_review(7_000, None), 7_000);
    assert_eq!((few.state, few.left()), (P::Refunded, Rupiah::ZERO));
    // The method's fee is not the shop's.
    let fee = ImposedFee {
        original: rupiah(140_000),
        fee: rupiah(71),
    };
    let with_fee = in_review(140_071, Some(fee));
    assert_eq!(with_fee.received(), rupiah(140_000));
    assert_eq!(part(&with_fee, 140_071).state, P::Refunded);
}

#[test]
fn what_a_person_gave_back_of_money_in_review_is_refunded() {
    for state in PaymentState::ALL {
        let expected = match state {
            P::Review | P::PartlyRefunded => P::Refunded,
            _ => state,
        };
        let returned = payment(state).returned();
        assert_eq!(
            (returned.state, returned.version),
            (expected, 2),
            "{state:?}"
        );
    }
}

#[test]
fn b4_a_fee_on_top_is_paid_and_kept_apart() {
    let fee = |fee| Observation {
        gross: Some(Rupiah::new(70_071)),
        imposed: Some(ImposedFee {
            original: Rupiah::new(70_000),
            fee: Rupiah::new(fee),
        }),
        ..seen("settlement")
    };
    let paid = payment(P::Pending).apply(&fee(71), now()).payment.unwrap();
    assert_eq!((paid.state, paid.fee), (P::Paid, Some(Rupiah::new(71))));
    assert_eq!(after(P::Pending, &fee(70)), Some(P::Review));
}

#[test]
fn b5_another_currency_goes_to_review() {
    let dollars = Observation {
        currency: Some("USD".to_owned()),
        ..seen("settlement")
    };
    assert_eq!(after(P::Pending, &dollars), Some(P::Review));
}

#[test]
fn b7_paid_needs_code_200_and_a_fraud_status_that_is_absent_or_accepts() {
    let fraud = |fraud: Option<&str>| Observation {
        fraud: fraud.map(str::to_owned),
        ..seen("settlement")
    };
    assert_eq!(after(P::Pending, &fraud(None)), Some(P::Paid));
    assert_eq!(after(P::Pending, &fraud(Some("deny"))), None);
    let code = Observation {
        status_code: "201".to_owned(),
        ..seen("settlement")
    };
    assert_eq!(after(P::Pending, &code), None);
}

#[test]
fn b8_a_deny_after_the_settlement_is_a_reversal_that_is_told() {
    let verdict = payment(P::Paid).apply(&seen("deny"), now());
    assert_eq!(verdict.payment.unwrap().state, P::Reversed);
    assert_eq!(
        verdict.effects,
        [
            Effect::Alarm(Alarm::Reversed),
            Effect::Notify(Notice::Reversed)
        ]
    );
}

#[test]
fn b10_refunds_are_capped_at_what_was_paid() {
    let part = |refunded| Observation {
        refunded: Some(Rupiah::new(refunded)),
        ..seen("partial_refund")
    };
    let once = payment(P::Paid)
        .apply(&part(30_000), now())
        .payment
        .unwrap();
    assert_eq!(
        (once.state, once.refunded),
        (P::PartlyRefunded, Rupiah::new(30_000))
    );
    assert_eq!(once.apply(&part(30_000), now()), Verdict::default());
    let more = once.apply(&part(90_000), now());
    assert_eq!(more.effects, [Effect::Alarm(Alarm::RefundedTooMuch)]);
    let more = more.payment.unwrap();
    assert_eq!(
        (more.state, more.refunded),
        (P::Refunded, Rupiah::new(70_000))
    );
}

#[test]
fn another_transaction_of_the_order_moves_nothing_but_a_second_payment_is_given_back() {
    for status in ["deny", "cancel", "expire", "refund", "chargeback"] {
        assert_eq!(
            payment(P::Paid).apply(&other(status), now()),
            Verdict::default(),
            "{status}"
        );
    }
    let twice = payment(P::Paid).apply(&other("settlement"), now());
    assert_eq!(twice.payment, None);
    assert_eq!(
        twice.effects,
        [
            Effect::Alarm(Alarm::PaidTwice),
            Effect::RefundTask(TransactionId::parse("t-2").unwrap())
        ]
    );
}

#[test]
fn a_challenged_card_freezes_the_hold_for_a_day() {
    let challenged = Observation {
        fraud: Some("challenge".to_owned()),
        ..seen("capture")
    };
    let verdict = payment(P::Pending).apply(&challenged, now());
    assert_eq!(verdict.payment.unwrap().state, P::Challenge);
    assert_eq!(
        verdict.effects,
        [Effect::FreezeHold {
            until: "2026-12-02T08:00:00+07:00".parse().unwrap()
        }]
    );
    assert_eq!(after(P::Challenge, &seen("capture")), Some(P::Paid));
    assert_eq!(after(P::Challenge, &seen("deny")), Some(P::Denied));
}
