//! A bill on its page: what it shows, and what a click comes to.

use jiff::ToSpan as _;

use super::*;
use crate::payment::{Payment, PaymentState};

const PART: Rupiah = Rupiah::new(50_000);

fn cash() -> Source {
    Source::Cash(who())
}

/// The cell and its page after a click.
fn clicked(cell: &Cell) -> (Cell, BillOrder) {
    let (cell, payment) = cell.next_attempt(month_end()).unwrap();
    let order = shown(&cell, Some(payment));
    (cell, order)
}

fn shown(cell: &Cell, payment: Option<Payment>) -> BillOrder {
    let bill = cell.bill.clone().unwrap();
    BillOrder { bill, payment }
}

fn with(order: &BillOrder, state: PaymentState) -> BillOrder {
    let payment = order
        .payment
        .clone()
        .map(|payment| Payment { state, ..payment });
    BillOrder {
        payment,
        ..order.clone()
    }
}

/// Its newest attempt, as it was asked for.
fn payment_of(cell: &Cell) -> Payment {
    let order = cell.bill.as_ref().unwrap().newest_attempt().unwrap();
    Payment::new(order, FEE, month_end() + 24.hours(), month_end())
}

#[test]
fn before_the_first_click_a_bill_shows_its_own_number() {
    let order = shown(&billed(&owing()), None);
    assert_eq!(order.order_id().as_str(), "B-202611-ani");
    assert_eq!((order.state(), order.total()), (PaymentState::Created, FEE));
    assert_eq!(order.click(month_end()), Click::Next { ends: None });
    assert_eq!(order.bill.newest_attempt(), None);
}

#[test]
fn one_attempt_is_payable_at_a_time() {
    let (cell, order) = clicked(&billed(&owing()));
    let payment = order.payment.clone().unwrap();
    assert_eq!(payment.order_id.as_str(), "B-202611-ani");
    assert_eq!(
        cell.bill.as_ref().unwrap().newest_attempt(),
        Some(payment.order_id.clone())
    );
    assert_eq!(payment.amount, FEE);
    for state in [
        PaymentState::Created,
        PaymentState::Pending,
        PaymentState::Denied,
    ] {
        let live = with(&order, state);
        assert!(
            matches!(live.click(month_end()), Click::Live(_)),
            "{state:?}"
        );
    }
    let a_day_on = month_end() + 24.hours();
    let ends = Some(payment.order_id.clone());
    assert_eq!(order.click(a_day_on), Click::Next { ends: ends.clone() });
    let expired = with(&order, PaymentState::Expired);
    assert_eq!(expired.click(month_end()), Click::Next { ends: None });
    for state in [PaymentState::Challenge, PaymentState::Review] {
        assert_eq!(with(&order, state).click(month_end()), Click::Closed);
    }
    let (_, second) = clicked(&cell);
    assert_eq!(second.order_id().as_str(), "B-202611-ani-A2");

    // What asks for more than remains is ended before the next.
    let part = cell.pay(PART, cash(), month_end()).unwrap();
    let order = shown(&part, Some(payment));
    assert_eq!(order.click(month_end()), Click::Next { ends });
    assert_eq!(
        clicked(&part).1.payment.unwrap().amount,
        Rupiah::new(100_000)
    );
}

#[test]
fn a_bill_has_so_many_attempts() {
    let mut cell = billed(&owing());
    for _ in 0..20 {
        cell = clicked(&cell).0;
    }
    assert_eq!(cell.next_attempt(month_end()), Err(Refused::TooMany));
    // The newest goes on taking money; what would follow it, the shop takes another way.
    let (last, _) = (0..19).fold(clicked(&billed(&owing())), |(cell, _), _| clicked(&cell));
    let order = shown(&last, Some(payment_of(&last)));
    assert!(matches!(order.click(month_end()), Click::Live(_)));
    assert_eq!(order.click(month_end() + 24.hours()), Click::UsedUp);
    let expired = with(&order, PaymentState::Expired);
    assert_eq!(expired.click(month_end()), Click::UsedUp);
    let part = last.pay(PART, cash(), month_end()).unwrap();
    let order = shown(&part, Some(payment_of(&last)));
    assert_eq!(order.click(month_end()), Click::UsedUp);
    let paid = billed(&owing()).pay(FEE, cash(), month_end()).unwrap();
    assert_eq!(
        paid.next_attempt(month_end()),
        Err(Refused::Closed(BillState::Paid))
    );
}

#[test]
fn the_page_says_how_the_bill_stands_and_not_how_one_attempt_does() {
    let (cell, order) = clicked(&billed(&owing()));
    let payment = order.payment.clone();
    let is = |cell: &Cell, state, total| {
        let order = shown(cell, payment.clone());
        assert_eq!((order.state(), order.total()), (state, total));
        order
    };
    assert_eq!(
        with(&order, PaymentState::Pending).state(),
        PaymentState::Pending
    );
    assert_eq!(
        with(&order, PaymentState::Expired).state(),
        PaymentState::Expired
    );

    let part = cell.pay(PART, cash(), month_end()).unwrap();
    let order = is(&part, PaymentState::Created, Rupiah::new(100_000));
    // A code for all of it is no way to pay the rest.
    assert_eq!(
        with(&order, PaymentState::Pending).state(),
        PaymentState::Created
    );

    let paid = cell.pay(FEE, cash(), month_end()).unwrap();
    let order = is(&paid, PaymentState::Paid, FEE);
    assert_eq!(order.click(month_end()), Click::Closed);
    assert_eq!(
        with(&order, PaymentState::Challenge).state(),
        PaymentState::Paid
    );
    assert_eq!(
        with(&order, PaymentState::Review).state(),
        PaymentState::Review
    );

    // An attempt that was for a part of it has its money, and something remains.
    for state in [
        PaymentState::Paid,
        PaymentState::PartlyRefunded,
        PaymentState::Refunded,
    ] {
        let order = with(&shown(&part, payment.clone()), state);
        assert_eq!(order.state(), PaymentState::Created, "{state:?}");
        assert_eq!(order.click(month_end()), Click::Next { ends: None });
    }

    let back = paid.refund(PART, reason(), who(), month_end()).unwrap();
    is(&back, PaymentState::PartlyRefunded, FEE);
    let back = paid.refund(FEE, reason(), who(), month_end()).unwrap();
    is(&back, PaymentState::Refunded, FEE);
    let voided = cell.void(reason(), who(), month_end()).unwrap();
    assert_eq!(
        is(&voided, PaymentState::Cancelled, FEE).click(month_end()),
        Click::Closed
    );

    // The bank took the money back: it can be paid again.
    let id = cell.bill.as_ref().unwrap().attempt(1);
    let (newer, second) = clicked(&cell);
    let late = newer
        .pay(FEE, Source::Online(id.clone()), month_end())
        .unwrap();
    let late = shown(&late, second.payment);
    assert_eq!(
        (late.order_id(), late.state()),
        (id.clone(), PaymentState::Paid)
    );
    let online = cell
        .pay(FEE, Source::Online(id.clone()), month_end())
        .unwrap();
    let taken = online
        .take_back(&id, date(2026, 12, 1), month_end())
        .unwrap();
    let order = with(&shown(&taken, payment.clone()), PaymentState::Reversed);
    assert_eq!(
        (order.state(), order.total()),
        (PaymentState::Reversed, FEE)
    );
    assert_eq!(order.click(month_end()), Click::Next { ends: None });
}
