//! Money of a bill that came and went in any legal order.

use proptest::prelude::*;

use super::*;
use crate::ids::{EventId, OrderId};

const PART: Rupiah = Rupiah::new(50_000);
const REST: Rupiah = Rupiah::new(100_000);

fn order(attempt: u8) -> OrderId {
    bill_of(&billed(&owing())).attempt(attempt)
}

fn bill_of(cell: &Cell) -> &Bill {
    cell.bill.as_ref().unwrap()
}

fn online(cell: &Cell, attempt: u8, amount: Rupiah) -> Result<Cell, Refused> {
    cell.pay(amount, Source::Online(order(attempt)), month_end())
}

fn by_hand(cell: &Cell, amount: Rupiah) -> Result<Cell, Refused> {
    cell.refund(amount, reason(), who(), month_end())
}

fn at_midtrans(cell: &Cell, attempt: u8, amount: Rupiah) -> Result<Cell, Refused> {
    let money = GivenBack::new(amount, reason(), who(), month_end());
    cell.gave_back(&order(attempt), money)
}

fn reversed(cell: &Cell, attempt: u8) -> Result<Cell, Refused> {
    cell.take_back(&order(attempt), date(2026, 12, 1), month_end())
}

/// What is kept, what is lost, what remains.
fn sums(cell: &Cell) -> [u64; 3] {
    let bill = bill_of(cell);
    [bill.kept(), bill.lost, bill.remaining()].map(Rupiah::get)
}

fn accepted(cell: &Cell, attempt: u8, came: Rupiah, counts: Rupiah) -> Result<Cell, Refused> {
    let waits = cell.reviewing(&order(attempt), Some(came), month_end());
    let slip = slip(100, None).unwrap();
    let waits = waits.unwrap();
    waits.accept(&order(attempt), came, Some(counts), slip, month_end())
}

fn returned(cell: &Cell, attempt: u8) -> Result<Cell, Refused> {
    let (slip, by, reason) = (slip(101, None).unwrap(), who(), reason());
    let struck = Struck { by, reason };
    cell.give_back_uncounted(&order(attempt), struck, slip, month_end())
}

#[test]
fn what_more_came_than_counts_goes_back_without_a_bill_that_is_less_paid() {
    let part = billed(&owing()).pay(PART, Source::Cash(who()), month_end());
    let paid = accepted(&part.unwrap(), 1, FEE, REST).unwrap();
    assert_eq!(bill_of(&paid).surplus_of(&order(1)), PART);
    let back = at_midtrans(&paid, 1, PART).unwrap();
    assert_eq!(sums(&back), [150_000, 0, 0]);
    assert_eq!(bill_of(&back).given_back, []);
    // Only the rest is the bill's.
    let more = at_midtrans(&back, 1, PART).unwrap();
    assert_eq!(sums(&more), [100_000, 0, 0]);
    let at_once = at_midtrans(&paid, 1, REST).unwrap();
    assert_eq!(sums(&at_once), [100_000, 0, 0]);
    // The bank takes all of it.
    let taken = reversed(&paid, 1).unwrap();
    assert_eq!(sums(&taken), [50_000, 0, 100_000]);
    assert_eq!(bill_of(&taken).surplus_of(&order(1)), Rupiah::ZERO);

    let much = Rupiah::new(300_000);
    let paid = accepted(&billed(&owing()), 1, much, FEE).unwrap();
    let back = at_midtrans(&paid, 1, FEE).unwrap();
    assert_eq!(sums(&back), [150_000, 0, 0]);
    assert_eq!(bill_of(&back).state(), BillState::Paid);
    assert_eq!(back.symbol(Track::Bill), Symbol::P);
    let by_hand = returned(&paid, 1).unwrap();
    assert_eq!(sums(&by_hand), [150_000, 0, 0]);
    assert_eq!(returned(&by_hand, 1), Err(Refused::NotPaid), "once");
}

#[test]
fn no_more_of_what_waits_counts_than_came_and_than_the_bill_asks_for() {
    let few = Rupiah::new(15_000);
    let billed = billed(&owing());
    let accept = |cell: &Cell, left, amount| {
        let slip = slip(100, None).unwrap();
        cell.accept(&order(1), left, amount, slip, month_end())
    };
    assert_eq!(accept(&billed, few, None), Err(Refused::NotPaid));
    let waits = billed.reviewing(&order(1), Some(few), month_end()).unwrap();
    let known = waits.reviewing(&order(1), Some(few), month_end());
    assert_eq!(known, None, "known");
    assert_eq!(
        accept(&waits, few, Some(FEE)),
        Err(Refused::TooMuch { most: few })
    );
    let counted = accept(&waits, few, None).unwrap();
    assert_eq!(sums(&counted), [15_000, 0, 135_000]);
    assert_eq!(bill_of(&counted).in_review, []);
    assert_eq!(bill_of(&counted).surplus_of(&order(1)), Rupiah::ZERO);
    let much = accept(&waits, Rupiah::new(300_000), None).unwrap();
    assert_eq!(sums(&much), [150_000, 0, 0]);
    assert_eq!(bill_of(&much).surplus_of(&order(1)), FEE);
    // Of what only the method's fee is left, nobody can be stuck with the decision.
    let none = waits.reviewing(&order(1), Some(Rupiah::ZERO), month_end());
    assert_eq!(bill_of(&returned(&none.unwrap(), 1).unwrap()).in_review, []);
    // A part of it went back before anybody decided.
    let less = waits.reviewing(&order(1), Some(Rupiah::new(5_000)), month_end());
    assert_eq!(
        bill_of(&less.unwrap()).in_review[0].amount,
        Rupiah::new(5_000)
    );
}

#[test]
fn what_waits_and_is_given_back_by_hand_is_recorded_and_never_counts() {
    let cash = billed(&owing()).pay(FEE, Source::Cash(who()), month_end());
    let void = billed(&owing()).void(reason(), who(), month_end());
    for (closed, kept) in [(cash.unwrap(), 150_000), (void.unwrap(), 0)] {
        let waits = closed.reviewing(&order(1), Some(FEE), month_end()).unwrap();
        assert_eq!(returned(&waits, 2), Err(Refused::NotPaid));
        let back = returned(&waits, 1).unwrap();
        assert_eq!(sums(&back), [kept, 0, 0]);
        let bill = bill_of(&back);
        assert_eq!(
            (bill.state(), &bill.in_review[..]),
            (bill_of(&closed).state(), &[][..])
        );
        let record = bill.instalments.last().unwrap();
        assert_eq!(record.amount, FEE);
        assert_eq!(record.struck.as_ref().unwrap().by, who());
        assert!(!bill.has_money_of(&order(1)));
        // What Midtrans tells of it later is no money of the bill's.
        assert_eq!(at_midtrans(&back, 1, FEE), Err(Refused::NotPaid));
        assert_eq!(returned(&back, 1), Err(Refused::NotPaid));
    }
}

#[test]
fn what_was_entered_by_mistake_is_struck_out_and_asked_for_again() {
    let struck = || Struck {
        by: who(),
        reason: reason(),
    };
    let strike = |cell: &Cell, place| cell.strike(place, struck(), date(2026, 12, 1), month_end());
    let cash = |cell: &Cell, amount| cell.pay(amount, Source::Cash(who()), month_end());
    let part = cash(&billed(&owing()), PART).unwrap();
    let paid = online(&part, 1, REST).unwrap();
    assert_eq!(
        strike(&paid, 1),
        Err(Refused::NotPaid),
        "Midtrans told of it"
    );
    assert_eq!(strike(&paid, 2), Err(Refused::NotPaid));
    let open = strike(&paid, 0).unwrap();
    assert_eq!(sums(&open), [100_000, 0, 50_000]);
    assert_eq!(
        open.symbol(Track::Bill),
        Symbol::G,
        "no channel had taken it"
    );
    assert_eq!(strike(&open, 0), Err(Refused::Struck));
    assert_eq!(sums(&cash(&open, PART).unwrap()), [150_000, 0, 0]);
    let closed = by_hand(&cash(&billed(&owing()), FEE).unwrap(), FEE).unwrap();
    assert_eq!(
        strike(&closed, 0),
        Err(Refused::Closed(BillState::Refunded))
    );
}

#[test]
fn money_given_back_that_the_bank_then_takes_too_is_lost_and_the_bill_can_be_settled() {
    let paid = online(&billed(&owing()), 1, FEE).unwrap();
    let back = by_hand(&paid, PART).unwrap();
    let taken = reversed(&back, 1).unwrap();
    assert_eq!(sums(&taken), [0, 50_000, 150_000]);
    let again = online(&taken, 2, FEE).unwrap();
    assert_eq!(sums(&again), [150_000, 50_000, 0]);
    assert_eq!(bill_of(&again).state(), BillState::Paid);
    let order = BillOrder {
        bill: bill_of(&again).clone(),
        payment: None,
    };
    assert_eq!(order.state(), crate::payment::PaymentState::Paid);

    // All of it was given back, so it stays closed; the shop has paid it out twice.
    let closed = reversed(&by_hand(&paid, FEE).unwrap(), 1).unwrap();
    assert_eq!(sums(&closed), [0, 150_000, 0]);
    assert_eq!(bill_of(&closed).state(), BillState::Refunded);

    // What Midtrans had given back, the bank did not take once more.
    let back = at_midtrans(&paid, 1, PART).unwrap();
    let taken = reversed(&back, 1).unwrap();
    assert_eq!(sums(&taken), [0, 0, 150_000]);
    assert_eq!(sums(&online(&taken, 2, FEE).unwrap()), [150_000, 0, 0]);

    // Of what Midtrans had given back whole, there was nothing to take.
    let part = online(&billed(&owing()), 1, PART).unwrap();
    let none = at_midtrans(&part, 1, PART).unwrap();
    let paid = none.pay(FEE, Source::Cash(who()), month_end()).unwrap();
    assert_eq!(sums(&reversed(&paid, 1).unwrap()), [150_000, 0, 0]);
}

#[test]
fn what_midtrans_gave_back_is_gone_whatever_was_given_back_by_hand() {
    let paid = online(&billed(&owing()), 1, FEE).unwrap();
    let back = by_hand(&paid, PART).unwrap();
    let gone = at_midtrans(&back, 1, FEE).unwrap();
    assert_eq!(sums(&gone), [0, 50_000, 0]);
    assert_eq!(bill_of(&gone).state(), BillState::Refunded);
    assert_eq!(gone.symbol(Track::Bill), Symbol::K);
    assert_eq!(bill_of(&gone).refunded(), Rupiah::new(200_000));

    let part = online(&billed(&owing()), 1, REST).unwrap();
    let part = part.pay(PART, Source::Cash(who()), month_end()).unwrap();
    // Where other money is there, it went out of that.
    let gone = at_midtrans(&by_hand(&part, PART).unwrap(), 1, REST).unwrap();
    assert_eq!(sums(&gone), [0, 0, 0]);

    assert_eq!(at_midtrans(&paid, 2, PART), Err(Refused::NotPaid));
    assert_eq!(at_midtrans(&paid, 1, Rupiah::ZERO), Err(Refused::Nothing));
    let coins = (0..30).try_fold(paid, |cell, _| at_midtrans(&cell, 1, Rupiah::new(1)));
    assert_eq!(coins, Err(Refused::TooMany));
}

fn slip(number: u128, reference: Option<&str>) -> Option<Slip> {
    Some(Slip {
        counted_by: None,
        id: EventId::new(month_end(), number).into(),
        reference: reference.map(|text| Reference::new(text).unwrap()),
    })
}

#[test]
fn a_reference_is_taken_once_and_the_second_time_says_when_it_was() {
    let came = |cell: &Cell, amount, slip: &Option<Slip>, hour: i64| {
        let at = month_end() + SignedDuration::from_hours(hour);
        cell.receive(Instalment {
            slip: slip.clone(),
            ..Instalment::new(amount, Source::Cash(who()), at)
        })
    };
    let went = |cell: &Cell, slip: &Option<Slip>| {
        cell.give_back(GivenBack {
            slip: slip.clone(),
            ..GivenBack::new(PART, reason(), who(), month_end())
        })
    };
    let (first, again) = (slip(1, Some("KW-17")), slip(2, Some("KW-17")));
    let (other, none) = (slip(3, Some("KW-18")), slip(4, None));
    let recorded = Err(Refused::Recorded { at: month_end() });
    let part = came(&billed(&owing()), PART, &first, 0).unwrap();
    assert_eq!(came(&part, PART, &again, 1), recorded);
    assert!(bill_of(&part).has_slip(&first.as_ref().unwrap().id));
    assert!(!bill_of(&part).has_slip(&again.as_ref().unwrap().id));
    let more = came(&part, PART, &other, 1).unwrap();
    let paid = came(&more, PART, &none, 1).unwrap();
    // Also when the bill is closed by then, and not that it takes no more.
    assert_eq!(came(&paid, PART, &again, 2), recorded);
    assert_eq!(
        came(&paid, PART, &none, 2),
        Err(Refused::Closed(BillState::Paid))
    );
    // A record that was a mistake leaves its receipt to the right one.
    let struck = Struck {
        by: who(),
        reason: reason(),
    };
    let open = part.strike(0, struck, date(2026, 12, 1), month_end());
    assert!(came(&open.unwrap(), PART, &again, 1).is_ok());
    // What came with a receipt may go back with it.
    let back = went(&paid, &first).unwrap();
    assert_eq!(went(&back, &again), recorded);
    assert!(bill_of(&back).has_slip(&first.unwrap().id));
    assert!(went(&back, &none).is_ok());
    for bad in ["", " a", "a\nb", &"a".repeat(65)] {
        assert_eq!(Reference::new(bad).unwrap_err().field, "reference");
    }
}

#[test]
fn a_sum_that_no_number_holds_is_not_a_smaller_one() {
    let cell = billed(&owing());
    let mut bill = bill_of(&cell).clone();
    let cash = |amount| Instalment::new(Rupiah::new(amount), Source::Cash(who()), month_end());
    bill.instalments = vec![cash(1), cash(u64::MAX)];
    assert_eq!(bill.paid(), Rupiah::new(u64::MAX));
}

/// What happened to a bill, and what the shop has of it, counted by itself.
struct History {
    cell: Cell,
    attempts: u8,
    /// By attempt: what came and counts, and what more came, and Midtrans has of either.
    open: Vec<(u8, u64, u64)>,
    has: i128,
}

impl History {
    fn new() -> Self {
        Self {
            cell: billed(&owing()),
            attempts: 0,
            open: Vec::new(),
            has: 0,
        }
    }

    /// One step, where it is a legal one.
    fn step(&mut self, (kind, which, share): (u8, u8, u8)) {
        let bill = bill_of(&self.cell);
        let of = |most: u64| (most * (u64::from(share) + 1) / 256).max(1);
        let (remaining, kept) = (bill.remaining().get(), bill.kept().get());
        let place = usize::from(which) % self.open.len().max(1);
        let next = match kind % 10 {
            0 | 1 => {
                let amount = if kind % 10 == 0 {
                    remaining
                } else {
                    of(remaining)
                };
                self.attempts += 1;
                let next = online(&self.cell, self.attempts, Rupiah::new(amount));
                if next.is_ok() {
                    self.open.push((self.attempts, amount, 0));
                    self.has += i128::from(amount);
                }
                next
            }
            2 | 3 => {
                let amount = of(remaining);
                let cash = Source::Cash(who());
                let next = self.cell.pay(Rupiah::new(amount), cash, month_end());
                self.has += next.as_ref().map_or(0, |_| i128::from(amount));
                next
            }
            4 => {
                let amount = of(kept);
                let next = by_hand(&self.cell, Rupiah::new(amount));
                self.has -= next.as_ref().map_or(0, |_| i128::from(amount));
                next
            }
            5 => {
                let Some((attempt, left, more)) = self.open.get_mut(place) else {
                    return;
                };
                let all = *left + *more;
                let amount = of(all).min(all);
                let next = at_midtrans(&self.cell, *attempt, Rupiah::new(amount));
                if next.is_ok() {
                    let uncounted = amount.min(*more);
                    *more -= uncounted;
                    *left -= amount - uncounted;
                    self.has -= i128::from(amount - uncounted);
                }
                next
            }
            6 => {
                if self.open.is_empty() {
                    return;
                }
                let (attempt, left, _) = self.open.remove(place);
                self.has -= i128::from(left);
                Ok(reversed(&self.cell, attempt).unwrap())
            }
            7 => {
                let counts = of(remaining);
                let came = counts + u64::from(which) * 1_000;
                self.attempts += 1;
                let amounts = [came, counts].map(Rupiah::new);
                let next = accepted(&self.cell, self.attempts, amounts[0], amounts[1]);
                if next.is_ok() {
                    self.open.push((self.attempts, counts, came - counts));
                    self.has += i128::from(counts);
                }
                next
            }
            8 => {
                let Some((attempt, _, more)) = self.open.get_mut(place) else {
                    return;
                };
                let next = returned(&self.cell, *attempt);
                if next.is_ok() {
                    assert!(*more > 0);
                    *more = 0;
                }
                next
            }
            _ if which.is_multiple_of(8) => self.cell.void(reason(), who(), month_end()),
            _ => return,
        };
        if let Ok(next) = next {
            self.cell = next;
        }
    }

    fn holds(&self) {
        let bill = bill_of(&self.cell);
        let [kept, lost, remaining] = sums(&self.cell);
        let (amount, state) = (bill.amount().get(), bill.state());
        let has = i128::from(kept) - i128::from(lost);
        assert_eq!(has, self.has, "what the shop has: {bill:#?}");
        assert!(kept <= amount && remaining <= amount, "{bill:#?}");
        match state {
            BillState::Owed => {
                assert_eq!(remaining, amount - kept);
                let paid = online(&self.cell, 99, bill.remaining());
                let paid = match paid {
                    Err(Refused::TooMany) => return,
                    paid => paid.unwrap(),
                };
                assert_eq!(sums(&paid), [amount, lost, 0], "{bill:#?}");
                assert_eq!(bill_of(&paid).state(), BillState::Paid);
                let settled = |mark: &Mark| mark.symbol == Symbol::P;
                assert!(paid.marks.values().all(settled), "{:?}", paid.marks);
            }
            BillState::Paid => assert!(kept > 0 && remaining == 0, "{bill:#?}"),
            BillState::Refunded | BillState::Voided => {
                assert_eq!((kept, remaining), (0, 0), "{bill:#?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_came_and_went_paying_what_remains_settles_a_bill(
        steps in prop::collection::vec(any::<(u8, u8, u8)>(), 0..30),
    ) {
        let mut history = History::new();
        for step in steps {
            history.step(step);
            history.holds();
        }
    }
}
