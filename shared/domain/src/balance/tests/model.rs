//! Random schedules of top-ups, reservations, settlements, crashes and duplicates.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

/// What can happen to a balance and the messages it pays for.
#[derive(Clone, Debug)]
enum Move {
    TopUp {
        reference: u8,
        amount: u16,
    },
    /// A top-up is reversed or refunded, all of it or in parts.
    Refund {
        reference: u8,
        refunded: u16,
    },
    Reserve {
        first: u8,
        count: u8,
        purpose: Purpose,
    },
    Post {
        message: u8,
    },
    Void {
        message: u8,
    },
    /// The commit before is tried again by one who does not know that it happened.
    Again,
    /// The sender dies: what it had is posted or voided later, or never.
    Crash,
}

/// A move out of four numbers: far cheaper to make and to shrink than a tree of choices.
fn read((kind, number, count, amount): (u8, u8, u8, u16)) -> Move {
    let purposes = Purpose::ALL;
    match kind % 9 {
        0 => Move::TopUp {
            reference: number % 6,
            amount: amount % 4_000,
        },
        1..=2 => Move::Reserve {
            first: number % 24,
            count: count % 6 + 1,
            purpose: purposes[usize::from(amount) % purposes.len()],
        },
        3..=4 => Move::Post {
            message: number % 30,
        },
        5 => Move::Void {
            message: number % 30,
        },
        6 => Move::Again,
        7 => Move::Refund {
            reference: number % 6,
            refunded: amount % 5_000,
        },
        _ => Move::Crash,
    }
}

fn moves() -> impl Strategy<Value = Vec<(u8, u8, u8, u16)>> {
    prop::collection::vec(any::<(u8, u8, u8, u16)>(), 1..32)
}

/// A table in small: the balance on condition of its version, entries, and what the rows beside it
/// know: each message's money, each top-up that was applied.
#[derive(Default)]
struct World {
    ledger: Vec<Entry>,
    open: BTreeSet<MessageId>,
    accepted: BTreeSet<MessageId>,
    top_ups: BTreeMap<String, Credit>,
}

impl World {
    fn decide(&self, balance: &Balance, one: &Move) -> Option<Change> {
        match one {
            Move::TopUp { reference, amount } => {
                let (reference, amount) = (format!("T-{reference}"), rupiah(u64::from(*amount)));
                let seen = judge_top_up(
                    self.top_ups.get(&reference).map(|credit| credit.amount),
                    amount,
                );
                (seen == Seen::New).then(|| balance.top_up(&reference, amount).ok())?
            }
            Move::Refund {
                reference,
                refunded,
            } => {
                let reference = format!("T-{reference}");
                let credit = self.top_ups.get(&reference)?;
                let refunded = rupiah(u64::from(*refunded));
                balance
                    .take_back(&reference, *credit, refunded)
                    .unwrap()?
                    .change
            }
            Move::Reserve {
                first,
                count,
                purpose,
            } => {
                let numbers = u64::from(*first)..u64::from(*first) + u64::from(*count);
                let wanted = numbers.map(|number| ask(number, *purpose));
                let wanted: Vec<Ask> = wanted
                    .filter(|ask| !self.knows(&ask.line.message))
                    .collect();
                balance.reserve(&wanted).unwrap().change
            }
            Move::Post { message } => self.settle(balance, *message, true),
            Move::Void { message } => self.settle(balance, *message, false),
            Move::Again | Move::Crash => None,
        }
    }

    fn knows(&self, id: &MessageId) -> bool {
        self.open.contains(id) || self.accepted.contains(id)
    }

    fn settle(&self, balance: &Balance, message: u8, posted: bool) -> Option<Change> {
        let line = line(u64::from(message));
        self.open.contains(&line.message).then(|| {
            let (posted, voided) = if posted {
                (vec![line], vec![])
            } else {
                (vec![], vec![line])
            };
            balance.settle(posted, voided).unwrap()
        })
    }

    fn commit(&mut self, change: &Change) {
        match &change.entry {
            Entry::TopUp { reference, amount } => {
                self.top_ups.insert(reference.clone(), credit_of(*amount));
            }
            Entry::Refund { reference, amount } => {
                let credit = self.top_ups.get_mut(reference).unwrap();
                credit.taken_back = add(credit.taken_back, *amount).unwrap();
            }
            Entry::Reserve(lines) => {
                self.open
                    .extend(lines.iter().map(|line| line.message.clone()));
            }
            Entry::Settle { posted, voided } => {
                for line in posted.iter().chain(voided) {
                    self.open.remove(&line.message);
                }
                self.accepted
                    .extend(posted.iter().map(|line| line.message.clone()));
            }
        }
        self.ledger.push(change.entry.clone());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn g12_random_schedules_keep_the_books(schedule in moves(), protected in 0_u64..3_000, low in 0_u64..9_000) {
        let mut balance = Balance::new(rupiah(low), rupiah(protected));
        let mut world = World::default();
        let mut before = None;
        for one in schedule.into_iter().map(read) {
            let one = match one {
                Move::Again => before.clone(),
                other => Some(other),
            };
            let Some(one) = one else { continue };
            if let Some(change) = world.decide(&balance, &one) {
                prop_assert_eq!(change.balance.version, balance.version + 1);
                let told = change.effects.contains(&Effect::TellLow);
                prop_assert!(!(told && balance.told_low), "told twice");
                balance = change.balance.clone();
                world.commit(&change);
            }
            before = Some(one);
            // (b); (a) is in the type, and every subtraction is checked.
            prop_assert!(balance.is_sound());
        }
        // (c) is that the ledger folds; (e) that it folds to the balance.
        let folded = fold(&world.ledger).unwrap();
        prop_assert_eq!(folded.available, balance.available);
        prop_assert_eq!(folded.reserved, balance.reserved);
        prop_assert_eq!(folded.spent, balance.spent);
        prop_assert_eq!(folded.topped_up, balance.topped_up);
        // (d)
        prop_assert_eq!(&folded.posted, &world.accepted);
        prop_assert_eq!(balance.spent.get(), 367 * u64::try_from(world.accepted.len()).unwrap());
        let open: BTreeSet<MessageId> = folded.open.into_keys().collect();
        prop_assert_eq!(open, world.open);
    }
}
