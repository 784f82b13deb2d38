//! Random tapes under two continuations that are killed at any moment, while receipts, money and
//! the operator write from outside.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;
use crate::ids::OrderId;

/// What happens next, out of three numbers: far cheaper to make and to shrink than a tree.
type Draw = (u8, u8, u8);

/// An invocation between two of its calls to the store.
#[derive(Clone, Debug)]
struct Worker {
    shard: Shard,
    turn: Option<(VecDeque<Decision>, Turn)>,
}

struct World {
    run: Run,
    tape: Tape,
    now: Timestamp,
    workers: [Option<Worker>; 2],
    orders: u32,
    /// What the run wrote on its track, each write with the symbol.
    written: Vec<(SubscriberId, Symbol)>,
}

const LEASE: SignedDuration = SignedDuration::from_secs(60);

impl World {
    fn new(run: Run, mut tape: Tape) -> Self {
        tape.shard = Shard::new(0);
        tape.effects.clear();
        Self {
            now: run.scheduled_at,
            run,
            tape,
            workers: [None, None],
            orders: 0,
            written: Vec::new(),
        }
    }

    /// One call of one invocation to the store: it takes the shard, commits a cell, or saves.
    fn act(&mut self, place: usize) {
        let next = match self.workers[place].take() {
            None => self.take(place),
            Some(Worker { shard, turn: None }) => {
                let page = self.tape.page(&self.run, &shard);
                let turn = self
                    .run
                    .turn(&shard, &page, self.now, self.now.as_second() % 3 == 0);
                let turn = Some((turn.decisions.clone().into(), turn));
                Some(Worker { shard, turn })
            }
            Some(Worker {
                shard,
                turn: Some((mut left, turn)),
            }) => match left.pop_front() {
                Some(decision) if self.commit(&decision) => {
                    let turn = Some((left, turn));
                    Some(Worker { shard, turn })
                }
                // The cell has changed: the page is read again.
                Some(_) => Some(Worker { shard, turn: None }),
                None => self.save(&shard, turn),
            },
        };
        self.workers[place] = next;
    }

    fn take(&mut self, place: usize) -> Option<Worker> {
        let holder = Holder::new(&format!("worker-{place}")).unwrap();
        let shard = self
            .tape
            .shard
            .lease(holder, self.now + LEASE, self.now)
            .ok()?;
        self.tape.shard = shard.clone();
        Some(Worker { shard, turn: None })
    }

    fn commit(&mut self, decision: &Decision) -> bool {
        let done = self.tape.commit(decision);
        if done {
            let symbol = decision.cell.symbol(self.run.id.track());
            self.written
                .push((decision.cell.subscriber.clone(), symbol));
        }
        done
    }

    fn save(&mut self, shard: &Shard, turn: Turn) -> Option<Worker> {
        if self.tape.shard.version != shard.version {
            return None;
        }
        assert!(!matches!(turn.then, Then::Stopped(_)), "{:?}", turn.then);
        self.tape.shard = turn.shard.clone();
        (turn.then == Then::Page).then_some(Worker {
            shard: turn.shard,
            turn: None,
        })
    }

    /// A legal write from outside, or one that is refused.
    fn outside(&mut self, which: u8, what: u8) {
        let count = self.tape.cells.len().max(1);
        let Some((name, cell)) = self.tape.cells.iter().nth(usize::from(which) % count) else {
            return;
        };
        let today = self.now.to_zoned(Zone::Jakarta.tz()).date();
        let track = self.run.id.track();
        let remaining = cell.bill.as_ref().map_or(Rupiah::ZERO, Bill::remaining);
        let order = |number: u32| OrderId::parse(&(10_000_000 + number).to_string()).unwrap();
        let next = match what % 9 {
            0 | 1 => cell
                .hear(track, News::Accepted(Channel::WhatsApp), self.now)
                .ok(),
            2 => cell
                .hear(track, News::Failed(FailReason::NotOnWhatsApp), self.now)
                .ok(),
            3 | 4 => {
                self.orders += 1;
                cell.pay(remaining, Source::Online(order(self.orders)), self.now)
                    .ok()
            }
            5 => cell
                .pay(Rupiah::new(1_000), Source::Cash(who()), self.now)
                .ok(),
            6 => (1..=self.orders)
                .find_map(|number| cell.take_back(&order(number), today, self.now).ok()),
            7 => cell.void(reason(), who(), self.now).ok(),
            _ => {
                let kept = cell.bill.as_ref().map_or(Rupiah::ZERO, Bill::kept);
                cell.refund(kept, reason(), who(), self.now).ok()
            }
        };
        if let Some(next) = next {
            assert_eq!(next.version, cell.version + 1);
            let name = name.clone();
            self.tape.cells.insert(name, next);
        }
    }

    /// Somebody comes, is paused, opts out or comes back.
    fn people(&mut self, which: u8, what: u8) {
        if what.is_multiple_of(4) {
            let late = Facts {
                made_at: self.now,
                ..owing()
            };
            self.tape
                .people
                .entry(id(&format!("late-{which}")))
                .or_insert(late);
            return;
        }
        let count = self.tape.people.len().max(1);
        if let Some(facts) = self
            .tape
            .people
            .values_mut()
            .nth(usize::from(which) % count)
        {
            facts.subscription =
                [Subscription::Active, Subscription::Paused][usize::from(what % 2)];
            let mute = Reach::Nothing(NoChannel::OptedOut);
            facts.reach = if what.is_multiple_of(3) {
                mute
            } else {
                WHATSAPP
            };
        }
    }

    fn draw(&mut self, (kind, which, what): Draw) {
        match kind % 16 {
            0..=8 => self.act(usize::from(which % 2)),
            9 => self.workers[usize::from(which % 2)] = None,
            10..=12 => self.outside(which, what),
            13 => self.people(which, what),
            14 => self.now += SignedDuration::from_secs(i64::from(what)),
            _ => self.now += SignedDuration::from_hours(i64::from(what % 5)),
        }
    }

    /// Lets one invocation after another go on until the machine halts.
    fn finish(&mut self) {
        self.workers = [None, None];
        for _ in 0..2_000 {
            if self.tape.shard.state == State::Halt {
                return;
            }
            self.act(0);
            if self.workers[0].is_none() {
                self.now += LOOK_AGAIN;
            }
        }
        unreachable!("the machine does not halt: {:?}", self.tape.shard);
    }

    /// Who is on the tape of the run.
    fn members(&self, before: &Tape) -> Vec<SubscriberId> {
        match self.run.id {
            RunId::Bill { .. } => {
                let people = before.people.iter();
                let billed = people.filter(|(_, facts)| facts.lines.is_some());
                billed.map(|(name, _)| name.clone()).collect()
            }
            RunId::Reminder { offset, date, .. } => {
                let cells = before.cells.iter();
                let today = cells.filter(|(_, cell)| cell.reminder_day(offset) == Some(date));
                today.map(|(name, _)| name.clone()).collect()
            }
        }
    }

    /// What must hold of a run that is over, whatever happened while it went.
    fn holds(&self, before: &Tape) {
        let track = self.run.id.track();
        let members = self.members(before);
        for (name, cell) in &self.tape.cells {
            let writes = |symbol| {
                let this = (name.clone(), symbol);
                self.written.iter().filter(|one| **one == this).count()
            };
            let made = [Symbol::C, Symbol::N, Symbol::K]
                .map(writes)
                .iter()
                .sum::<usize>();
            if !members.contains(name) {
                assert_eq!(made, 0, "{name} is not on the tape");
                continue;
            }
            assert!(made <= 1, "{name} was written {made} times");
            let symbol = cell.symbol(track);
            assert!(
                !matches!(symbol, Symbol::U | Symbol::C),
                "{name} is left at {symbol:?}"
            );
            // Before a bill there is nothing to pay, so everybody is written; a reminder that was
            // paid before its run is passed.
            assert!(made == 1 || track != Track::Bill, "{name} was passed");
            let told = self
                .tape
                .effects
                .iter()
                .filter(|(who, effect)| who == name && matches!(effect, Effect::Tell(_)));
            assert_eq!(told.count(), writes(Symbol::C), "one message a C");
            let traced = cell.trace.iter().filter(|entry| entry.track == track);
            let to_c = traced.filter(|entry| entry.new == Symbol::C).count();
            assert!(to_c <= 1, "{name}");
        }
        for name in &members {
            assert!(self.tape.cells.contains_key(name), "{name} is missing");
        }
        let counted = usize::try_from(self.tape.shard.counts.total()).unwrap();
        assert_eq!(
            counted,
            members.len(),
            "each cell of the tape is counted once"
        );
    }
}

fn people() -> impl Strategy<Value = Vec<Draw>> {
    prop::collection::vec(any::<Draw>(), 0..9)
}

fn draws() -> impl Strategy<Value = Vec<Draw>> {
    prop::collection::vec(any::<Draw>(), 0..120)
}

fn tape(people: &[Draw]) -> Tape {
    let mut tape = Tape::of([]);
    for (place, (plan, reach, anchor)) in people.iter().enumerate() {
        let facts = Facts {
            subscription: Subscription::ALL[usize::from(plan / 4 % 4).min(1)],
            lines: (!plan.is_multiple_of(7)).then(|| lines(FEE)),
            anchor: AnchorDay::new(u64::from(9 + anchor % 3)).unwrap(),
            reach: match reach % 5 {
                0 => Reach::Nothing(NoChannel::OptedOut),
                1 => Reach::By(Channel::Telegram),
                _ => WHATSAPP,
            },
            ..owing()
        };
        tape.people.insert(id(&format!("s{place}")), facts);
    }
    tape
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn d3_d4_any_kill_and_any_outside_write_leave_one_bill_each(
        people in people(), during in draws(), between in draws(), reminded in draws(),
    ) {
        let before = tape(&people);
        let mut bills = World::new(bill_run(), before.clone());
        for draw in during {
            bills.draw(draw);
        }
        bills.finish();
        bills.holds(&before);

        // Money comes and goes until the day of a reminder, and then during its run.
        bills.now = bills.now.max(at("2026-12-03T12:00:00+07:00"));
        for (_, which, what) in between.into_iter().take(20) {
            bills.outside(which, what);
        }
        let before = bills.tape.clone();
        let mut reminders = World::new(reminder_run("d-3", "2026-12-07"), before.clone());
        reminders.orders = bills.orders;
        for draw in reminded {
            reminders.draw(draw);
        }
        reminders.finish();
        reminders.holds(&before);
        for (name, symbol) in &reminders.written {
            let is_new = !before.cells.contains_key(name);
            prop_assert!(!is_new, "{} was written {:?} without a bill", name, symbol);
        }
    }

    /// Nobody disturbs: who owes and can be told is told once, and the others for their reasons.
    #[test]
    fn two_continuations_in_any_order_write_what_one_would(
        people in people(), order in prop::collection::vec(any::<(bool, u8)>(), 0..150),
    ) {
        let alone = {
            let mut tape = tape(&people);
            tape.drive(&bill_run(), month_end());
            tape.symbols("bill")
        };
        let mut both = World::new(bill_run(), tape(&people));
        for (second, pause) in order {
            both.act(usize::from(second));
            // A lease that runs out lets the other in while this one goes on.
            both.now += SignedDuration::from_secs(i64::from(pause % 40));
        }
        both.workers = [None, None];
        for _ in 0..400 {
            both.act(0);
            both.now += if both.workers[0].is_none() { LEASE } else { SignedDuration::ZERO };
        }
        prop_assert_eq!(both.tape.symbols("bill"), alone);
    }
}
