//! A cell and its bill: money, receipts, and what both write.

use super::*;
use crate::ids::OrderId;

const HALF: Rupiah = Rupiah::new(75_000);
const ACCEPTED: News = News::Accepted(Channel::WhatsApp);
const FAILED: News = News::Failed(FailReason::NotOnWhatsApp);

fn later() -> Timestamp {
    at("2026-12-01T12:00:00+07:00")
}

fn order() -> OrderId {
    OrderId::parse("62473383").unwrap()
}

fn cash() -> Source {
    Source::Cash(who())
}

/// Its symbols, the bill's first and then the reminders in order.
fn symbols(cell: &Cell) -> String {
    cell.marks.values().map(|mark| mark.symbol.name()).collect()
}

fn bill(cell: &Cell) -> &Bill {
    cell.bill.as_ref().unwrap()
}

#[test]
fn a_bill_is_made_with_its_number_lines_and_due_day() {
    let cell = billed(&owing());
    let bill = bill(&cell);
    assert_eq!(bill.id.as_str(), "B-202611-ani");
    assert_eq!((bill.amount(), bill.remaining()), (FEE, FEE));
    assert_eq!(bill.due, date(2026, 12, 10));
    assert_eq!((bill.made_at, bill.state()), (month_end(), BillState::Owed));
    assert_eq!(symbols(&cell), "CUUUU");
    assert_eq!(cell.version, 1);
    let trace = Entry {
        at: month_end(),
        track: Track::Bill,
        old: Symbol::U,
        new: Symbol::C,
        why: Why::Made(Channel::WhatsApp),
    };
    assert_eq!(cell.trace, [trace]);
}

#[test]
fn money_in_part_changes_no_symbol_and_the_whole_ends_every_track() {
    let part = billed(&owing()).pay(HALF, cash(), later()).unwrap();
    assert_eq!((symbols(&part).as_str(), part.version), ("CUUUU", 2));
    assert_eq!(bill(&part).remaining(), HALF);
    let whole = part.pay(HALF, Source::Transfer(who()), later()).unwrap();
    assert_eq!((symbols(&whole).as_str(), whole.version), ("PPPPP", 3));
    assert_eq!(bill(&whole).state(), BillState::Paid);
    assert_eq!(bill(&whole).remaining(), Rupiah::ZERO);
    assert_eq!(whole.trace.len(), 6);
    assert_eq!(whole.trace.last().map(|entry| entry.why), Some(Why::Paid));
}

#[test]
fn money_that_a_bill_cannot_take_is_refused_with_what_it_can() {
    let cell = billed(&owing());
    let more = Rupiah::new(150_001);
    let refused = |amount| cell.pay(amount, cash(), later()).unwrap_err();
    assert_eq!(refused(more), Refused::TooMuch { most: FEE });
    assert_eq!(refused(Rupiah::ZERO), Refused::Nothing);
    let online = |cell: &Cell, amount| cell.pay(amount, Source::Online(order()), later());
    let part = online(&cell, HALF).unwrap();
    // The same order's money twice, also when the bill is closed by then.
    assert_eq!(online(&part, HALF), Err(Refused::Known));
    let paid = part.pay(HALF, cash(), later()).unwrap();
    assert_eq!(online(&paid, HALF), Err(Refused::Known));
    let again = paid.pay(HALF, cash(), later());
    assert_eq!(again, Err(Refused::Closed(BillState::Paid)));
    let free = Facts {
        subscription: Subscription::Paused,
        ..owing()
    };
    let none = billed(&free).pay(HALF, cash(), later());
    assert_eq!(none, Err(Refused::NoBill));
    let coins = (0..30).try_fold(cell, |cell, _| cell.pay(Rupiah::new(1), cash(), later()));
    assert_eq!(coins, Err(Refused::TooMany));
}

#[test]
fn a_bill_is_called_off_with_a_reason_and_not_over_somebody_s_money() {
    let cell = billed(&owing());
    let part = cell.pay(HALF, cash(), later()).unwrap();
    let refused = part.void(reason(), who(), later());
    assert_eq!(refused, Err(Refused::PartlyPaid { kept: HALF }));
    let back = part.refund(HALF, reason(), who(), later()).unwrap();
    assert_eq!(
        (symbols(&back).as_str(), bill(&back).remaining()),
        ("CUUUU", FEE)
    );
    let voided = back.void(reason(), who(), later()).unwrap();
    // What has not run is passed by its run, which finds nothing owed.
    assert_eq!(symbols(&voided), "KUUUU");
    assert_eq!(bill(&voided).state(), BillState::Voided);
    assert!(!bill(&voided).is_owed());
    let again = voided.void(reason(), who(), later());
    assert_eq!(again, Err(Refused::Closed(BillState::Voided)));
}

#[test]
fn a_refund_in_part_leaves_a_bill_paid_and_all_of_it_closes_it() {
    let paid = billed(&owing()).pay(FEE, cash(), later()).unwrap();
    let part = paid.refund(HALF, reason(), who(), later()).unwrap();
    assert_eq!(
        (symbols(&part).as_str(), bill(&part).remaining()),
        ("PPPPP", Rupiah::ZERO)
    );
    let too_much = part.refund(FEE, reason(), who(), later());
    assert_eq!(too_much, Err(Refused::TooMuch { most: HALF }));
    let all = part.refund(HALF, reason(), who(), later()).unwrap();
    assert_eq!(symbols(&all), "KKKKK");
    assert_eq!(bill(&all).state(), BillState::Refunded);
    assert_eq!(bill(&all).remaining(), Rupiah::ZERO);
}

#[test]
fn a_reversal_brings_back_what_was_so_that_the_rest_can_be_reminded() {
    let online = |cell: &Cell| cell.pay(FEE, Source::Online(order()), later()).unwrap();
    let back = |cell: &Cell, today| cell.take_back(&order(), today, later()).unwrap();
    let made = billed(&owing());
    let told = made.hear(Track::Bill, ACCEPTED, later()).unwrap();
    let lost = made.hear(Track::Bill, FAILED, later()).unwrap();
    // d-3 is 7 December, d0 the 10th, d+3 the 13th, d+7 the 17th. A day that has come may have run.
    for (cell, today, expected) in [
        (&told, date(2026, 12, 1), "AUUUU"),
        (&told, date(2026, 12, 7), "AGUUU"),
        (&told, date(2026, 12, 13), "AGGGU"),
        (&lost, date(2026, 12, 1), "GUUUU"),
        (&made, date(2026, 12, 20), "GGGGG"),
    ] {
        let cell = back(&online(cell), today);
        assert_eq!(symbols(&cell), expected, "{today}");
        assert_eq!(bill(&cell).remaining(), FEE);
        assert_eq!(bill(&cell).state(), BillState::Owed);
    }
    // A channel that accepts while the bill is paid is remembered, one that then fails too.
    let paid = online(&made);
    let heard = paid.hear(Track::Bill, ACCEPTED, later()).unwrap();
    assert_eq!(
        (symbols(&heard).as_str(), heard.trace.len()),
        ("PPPPP", paid.trace.len())
    );
    assert_eq!(symbols(&back(&heard, date(2026, 12, 1))), "AUUUU");
    let failed = heard.hear(Track::Bill, FAILED, later()).unwrap();
    assert_eq!(symbols(&back(&failed, date(2026, 12, 1))), "GUUUU");
    // The money is there again, by the next attempt at paying.
    let other = Source::Online(OrderId::parse("62473383-A2").unwrap());
    let again = back(&paid, date(2026, 12, 1)).pay(FEE, other, later());
    assert_eq!(symbols(&again.unwrap()), "PPPPP");
    assert_eq!(
        made.take_back(&order(), date(2026, 12, 1), later()),
        Err(Refused::NotPaid)
    );
    // What was given back already stays closed.
    let refunded = paid.refund(FEE, reason(), who(), later()).unwrap();
    let after = back(&refunded, date(2026, 12, 1));
    assert_eq!(symbols(&after), "KKKKK");
    assert!(!bill(&after).is_owed());
}

#[test]
fn receipts_go_back_and_forth_and_say_nothing_twice() {
    let made = billed(&owing());
    let told = made.hear(Track::Bill, ACCEPTED, later()).unwrap();
    assert!(told.hear(Track::Bill, ACCEPTED, later()).is_err());
    let failed = told.hear(Track::Bill, FAILED, later()).unwrap();
    let arrived = failed.hear(Track::Bill, ACCEPTED, later()).unwrap();
    assert_eq!(
        (symbols(&failed).as_str(), symbols(&arrived).as_str()),
        ("GUUUU", "AUUUU")
    );
    // Of a reminder that no run has made there is no news.
    assert!(made.hear(track("d-3"), ACCEPTED, later()).is_err());
    let dropped = News::Dropped(DropReason::OptedOut);
    let silent = made.hear(Track::Bill, dropped, later()).unwrap();
    assert_eq!(
        silent.trace.last().unwrap().why.to_string(),
        "dropped:opted-out"
    );
    // The trace is bounded, and the newest is kept.
    let busy = (0..100).fold(made, |cell, turn| {
        let news = if turn % 2 == 0 { ACCEPTED } else { FAILED };
        cell.hear(Track::Bill, news, later()).unwrap()
    });
    assert_eq!(busy.trace.len(), MOST_TRACED);
    assert_eq!(busy.trace.last().map(|entry| entry.new), Some(Symbol::G));
    assert_eq!(busy.version, 101);
}

#[test]
fn i10_reasons_read_back() {
    let mut reasons = vec![
        Why::Deadline,
        Why::Paid,
        Why::Voided,
        Why::Refunded,
        Why::Reversed,
        Why::Struck,
    ];
    for channel in Channel::ALL {
        reasons.extend([Why::Made(*channel), Why::Accepted(*channel)]);
    }
    reasons.extend(NoChannel::ALL.iter().map(|one| Why::NoChannel(*one)));
    reasons.extend(NothingOwed::ALL.iter().map(|one| Why::NothingOwed(*one)));
    reasons.extend(FailReason::ALL.iter().map(|one| Why::Failed(*one)));
    reasons.extend(DropReason::ALL.iter().map(|one| Why::Dropped(*one)));
    for why in reasons {
        assert_eq!(Why::parse(&why.to_string()), Ok(why));
    }
    for bad in ["", "paid:", "made", "made:pigeon", "failed:", "deadline:x"] {
        assert!(Why::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn i2_a_bill_s_lines_are_bounded() {
    let line = |rupiah| LineItem::new("Paket", Rupiah::new(rupiah));
    assert!(line(1_000_000_000).is_err());
    assert!(LineItem::new("", FEE).is_err());
    assert!(LineItem::new("a\nb", FEE).is_err());
    let of = |count: usize, rupiah| LineItems::new(vec![line(rupiah).unwrap(); count]);
    assert_eq!(of(3, 100).unwrap().total(), Rupiah::new(300));
    assert_eq!(of(2, 999_999_999).unwrap_err().field, "amount");
    assert_eq!(of(21, 1).unwrap_err().field, "lines");
    assert_eq!(LineItems::new(vec![]).unwrap().total(), Rupiah::ZERO);
}
