mod model;

use std::collections::BTreeSet;

use super::*;
use crate::message::Purpose;

fn rupiah(amount: u64) -> Rupiah {
    Rupiah::new(amount)
}

fn id(number: u64) -> MessageId {
    MessageId::parse(&format!("m-{number}")).unwrap()
}

fn ask(number: u64, purpose: Purpose) -> Ask {
    Ask {
        line: line(number),
        purpose,
    }
}

fn line(number: u64) -> Line {
    Line {
        message: id(number),
        price: PRICE,
    }
}

fn bills(numbers: std::ops::Range<u64>) -> Vec<Ask> {
    numbers.map(|number| ask(number, Purpose::Bill)).collect()
}

fn with(available: u64, low_mark: u64, protected: u64) -> Balance {
    let empty = Balance::new(rupiah(low_mark), rupiah(protected));
    empty.top_up("T-1", rupiah(available)).unwrap().balance
}

#[test]
fn g1_ten_messages_worth_of_balance_sends_ten_of_a_hundred() {
    let mut balance = with(3_670, 0, 0);
    let mut funded = 0;
    for number in 0..100 {
        let reserved = balance.reserve(&[ask(number, Purpose::Bill)]).unwrap();
        funded += reserved.funded.len();
        balance = reserved.change.map_or(balance, |change| change.balance);
    }
    assert_eq!(funded, 10);
    assert_eq!(balance.available, Rupiah::ZERO);
    let batch = with(3_670, 0, 0).reserve(&bills(0..100)).unwrap();
    assert_eq!(batch.funded.len(), 10);
    assert_eq!(batch.held.len(), 90);
    assert_eq!(batch.held[0], id(10), "in the order they were asked for");
}

#[test]
fn g2_366_buys_nothing_and_367_one() {
    for (available, messages) in [(366, 0), (367, 1), (733, 1), (734, 2)] {
        let reserved = with(available, 0, 0).reserve(&bills(0..5)).unwrap();
        assert_eq!(reserved.funded.len(), messages, "{available}");
        assert_eq!(reserved.change.is_some(), messages > 0);
    }
    let empty = Balance::new(Rupiah::ZERO, Rupiah::ZERO);
    assert_eq!(
        empty.top_up("T-1", Rupiah::ZERO),
        Err(BalanceError::Nothing)
    );
    let full = with(u64::MAX, 0, 0);
    assert_eq!(full.top_up("T-2", rupiah(1)), Err(BalanceError::TooLarge));
    for bad in ["0", "-367", "367.5", "1e3", "18446744073709551616"] {
        assert!(crate::money::parse_gross_amount(bad).is_err(), "{bad}");
    }
}

#[test]
fn codes_go_first_and_alone_use_the_protected_share() {
    let balance = with(367 * 4, 0, 367 * 2);
    let asks = [
        ask(1, Purpose::Bill),
        ask(2, Purpose::Receipt),
        ask(3, Purpose::Otp),
        ask(4, Purpose::Approval),
        ask(5, Purpose::Bill),
    ];
    let reserved = balance.reserve(&asks).unwrap();
    assert_eq!(reserved.funded, BTreeSet::from([id(3), id(4)]));
    assert_eq!(reserved.held, [id(1), id(2), id(5)]);
    assert_eq!(reserved.floor, rupiah(367 * 2));
    let left = reserved.change.unwrap().balance;
    assert_eq!(left.available, rupiah(367 * 2));
    assert_eq!(left.wanted_by(&asks[0]), rupiah(367 * 3));
    assert_eq!(left.wanted_by(&asks[2]), rupiah(367));
    assert!(left.reserve(&bills(6..7)).unwrap().change.is_none());
    let codes = [7, 8, 9].map(|number| ask(number, Purpose::Otp));
    let codes = left.reserve(&codes).unwrap();
    assert_eq!(codes.funded, BTreeSet::from([id(7), id(8)]));
    assert_eq!(codes.floor, Rupiah::ZERO);
}

#[test]
fn a_message_twice_in_a_batch_counts_once_and_a_free_one_costs_nothing() {
    let free = Ask {
        line: Line {
            price: Rupiah::ZERO,
            ..line(2)
        },
        purpose: Purpose::Bill,
    };
    let asks = [ask(1, Purpose::Bill), ask(1, Purpose::Bill), free];
    let reserved = with(10_000, 0, 0).reserve(&asks).unwrap();
    assert_eq!(reserved.funded, BTreeSet::from([id(1), id(2)]));
    let change = reserved.change.unwrap();
    assert_eq!(change.entry, Entry::Reserve(vec![line(1)]));
    assert_eq!(change.balance.reserved, PRICE);
}

#[test]
fn g4_g5_unknown_stays_reserved_until_it_is_posted_or_voided() {
    let reserved = with(1_101, 0, 0)
        .reserve(&bills(0..3))
        .unwrap()
        .change
        .unwrap()
        .balance;
    let settled = reserved.settle(vec![line(0)], vec![line(1)]).unwrap();
    assert_eq!(settled.balance.reserved, PRICE, "the third is unknown");
    assert_eq!(settled.balance.spent, PRICE);
    assert_eq!(settled.balance.available, PRICE);
    assert_eq!(settled.effects, [Effect::ReleaseHeld]);
    let posted = settled.balance.settle(vec![line(2)], vec![]).unwrap();
    assert_eq!(posted.balance.spent, rupiah(734));
    assert_eq!(
        posted.balance.settle(vec![], vec![line(2)]),
        Err(BalanceError::NotReserved)
    );
}

#[test]
fn g7_a_top_up_counts_once() {
    assert_eq!(judge_top_up(None, PRICE), Seen::New);
    assert_eq!(judge_top_up(Some(PRICE), PRICE), Seen::Already);
    assert_eq!(judge_top_up(Some(PRICE), rupiah(368)), Seen::OtherAmount);
    let top_up = |amount| Entry::TopUp {
        reference: "T-1".to_owned(),
        amount: rupiah(amount),
    };
    let twice = Err(LedgerFault::AppliedTwice("T-1".to_owned()));
    assert_eq!(fold(&[top_up(367), top_up(367)]), twice);
    assert_eq!(fold(&[top_up(367), top_up(368)]), twice);
}

#[test]
fn g11_the_owner_is_told_once_a_crossing() {
    let mut balance = with(4_000, 3_670, 0);
    let mut told = 0;
    for number in 0..20 {
        let change = balance
            .reserve(&bills(number..number + 1))
            .unwrap()
            .change
            .unwrap();
        told += change.effects.len();
        // Given back: above the mark again, but no top-up has come.
        balance = change
            .balance
            .settle(vec![], vec![line(number)])
            .unwrap()
            .balance;
    }
    assert_eq!(told, 1);
    let small = Balance {
        available: rupiah(100),
        ..balance.clone()
    };
    assert!(
        small.top_up("T-2", rupiah(100)).unwrap().balance.told_low,
        "still below"
    );
    let topped = balance.top_up("T-3", rupiah(36_700)).unwrap();
    assert_eq!(topped.effects, [Effect::ReleaseHeld]);
    let drained = topped
        .balance
        .reserve(&bills(100..210))
        .unwrap()
        .change
        .unwrap();
    assert_eq!(drained.effects, [Effect::TellLow], "a new crossing");
}

#[test]
fn the_ledger_names_what_cannot_be() {
    let top_up = Entry::TopUp {
        reference: "T-1".to_owned(),
        amount: rupiah(1_000),
    };
    let reserve = Entry::Reserve(vec![line(1)]);
    let settle = |posted: bool| {
        let (posted, voided) = if posted {
            (vec![line(1)], vec![])
        } else {
            (vec![], vec![line(1)])
        };
        Entry::Settle { posted, voided }
    };
    let dear = Entry::Settle {
        posted: vec![Line {
            price: rupiah(368),
            ..line(1)
        }],
        voided: vec![],
    };
    for (entries, fault) in [
        (vec![&reserve], LedgerFault::BelowNothing),
        (
            vec![&top_up, &reserve, &reserve],
            LedgerFault::ReservedTwice(id(1)),
        ),
        (
            vec![&top_up, &reserve, &settle(true), &settle(true)],
            LedgerFault::NotReserved(id(1)),
        ),
        (
            vec![&top_up, &reserve, &settle(true), &settle(false)],
            LedgerFault::NotReserved(id(1)),
        ),
        (
            vec![&top_up, &reserve, &settle(true), &reserve],
            LedgerFault::ReservedTwice(id(1)),
        ),
        (
            vec![&top_up, &reserve, &dear],
            LedgerFault::NotReserved(id(1)),
        ),
    ] {
        assert_eq!(fold(entries), Err(fault));
    }
    let anew = [&top_up, &reserve, &settle(false), &reserve, &settle(true)];
    assert_eq!(
        fold(anew).unwrap().spent,
        PRICE,
        "what was given back may be set aside anew"
    );
}

fn credit_of(amount: Rupiah) -> Credit {
    Credit {
        amount,
        taken_back: Rupiah::ZERO,
        owed: Rupiah::ZERO,
    }
}

#[test]
fn g7_money_that_went_back_before_it_was_known_to_have_come_is_not_credited() {
    let balance = Balance::new(Rupiah::ZERO, Rupiah::ZERO);
    let credit = |gone| balance.credit("T-1", rupiah(600), rupiah(gone)).unwrap();
    let part = credit(400);
    let change = part.change.unwrap();
    assert_eq!(change.balance.available, rupiah(200));
    // 100 more goes back: 500 in all, of which 400 never came.
    let more = change.balance.take_back("T-1", part.credit, rupiah(500));
    let more = more.unwrap().unwrap().change.unwrap();
    assert_eq!(more.balance.available, rupiah(100));
    assert_eq!(
        fold([&change.entry, &more.entry]).unwrap().available,
        rupiah(100)
    );
    assert_eq!(credit(600).change, None);
    assert_eq!(
        balance.credit("T-1", Rupiah::ZERO, Rupiah::ZERO),
        Err(BalanceError::Nothing)
    );
}

#[test]
fn g7_a_top_up_that_went_back_is_taken_back_as_far_as_it_goes() {
    let balance = with(1_000, 500, 0);
    let credit = credit_of(rupiah(600));
    let part = balance.take_back("T-1", credit, rupiah(400)).unwrap();
    let part = part.unwrap();
    assert_eq!(part.missing, Rupiah::ZERO);
    let change = part.change.unwrap();
    assert_eq!(change.balance.available, rupiah(600));
    assert!(change.balance.is_sound());
    let again = change.balance.take_back("T-1", part.credit, rupiah(400));
    assert_eq!(again.unwrap(), None, "the same news twice");

    let spent = Balance {
        available: rupiah(50),
        spent: rupiah(550),
        ..change.balance
    };
    let rest = spent.take_back("T-1", part.credit, rupiah(9_999)).unwrap();
    let rest = rest.unwrap();
    assert_eq!(rest.missing, rupiah(150), "never more than was paid in");
    let change = rest.change.unwrap();
    assert_eq!(change.balance.available, Rupiah::ZERO);
    assert_eq!(change.effects, [Effect::TellLow]);
    assert!(change.balance.is_sound());
    let over = change.balance.take_back("T-1", rest.credit, rupiah(9_999));
    assert_eq!(over.unwrap(), None, "what is owed is not asked for again");

    let top_up = Entry::TopUp {
        reference: "T-1".to_owned(),
        amount: rupiah(600),
    };
    let refund = |amount| Entry::Refund {
        reference: "T-1".to_owned(),
        amount: rupiah(amount),
    };
    assert_eq!(
        fold([&top_up, &refund(400)]).unwrap().topped_up,
        rupiah(200)
    );
    let fault = Err(LedgerFault::NotPaidIn("T-1".to_owned()));
    assert_eq!(fold([&top_up, &refund(400), &refund(201)]), fault);
    assert_eq!(fold([&refund(1)]), fault);
}
