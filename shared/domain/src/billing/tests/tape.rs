//! A tape in memory and a driver that commits as the service does: cell by cell, each on condition
//! of the version before, then the shard.

use super::*;

const PAGE: usize = 3;

#[derive(Clone, Debug)]
pub(super) struct Tape {
    pub people: BTreeMap<SubscriberId, Facts>,
    pub cells: BTreeMap<SubscriberId, Cell>,
    pub shard: Shard,
    /// Every effect that was committed, in order.
    pub effects: Vec<(SubscriberId, Effect)>,
    /// How many commits of cells there were.
    pub commits: usize,
}

impl Tape {
    pub fn of<const N: usize>(people: [(&str, Facts); N]) -> Self {
        Self {
            people: people.map(|(name, facts)| (id(name), facts)).into(),
            cells: BTreeMap::new(),
            shard: Shard::new(0),
            effects: Vec::new(),
            commits: 0,
        }
    }

    /// The squares behind the head. The bill run reads subscribers, with their cells; everything
    /// else reads cells, a reminder's scan with their subscribers.
    pub fn page(&self, run: &Run, shard: &Shard) -> Page {
        let is_settling = shard.state != State::Scan;
        let reads_people = run.id.track() == Track::Bill && !is_settling;
        let mut ids: Vec<&SubscriberId> = if reads_people {
            self.people.keys().collect()
        } else {
            self.cells.keys().collect()
        };
        if is_settling {
            ids.reverse();
        }
        let is_behind = |id: &SubscriberId| match &shard.head {
            None => true,
            Some(head) if is_settling => id < head,
            Some(head) => id > head,
        };
        ids.retain(|id| is_behind(id));
        let squares = ids.iter().take(PAGE).map(|id| Square {
            subscriber: (*id).clone(),
            facts: self.people.get(*id).filter(|_| !is_settling).cloned(),
            cell: self.cells.get(*id).cloned(),
        });
        Page {
            squares: squares.collect(),
            is_last: ids.len() <= PAGE,
        }
    }

    /// Whether a decision found its cell as it was.
    pub fn commit(&mut self, decision: &Decision) -> bool {
        let cell = &decision.cell;
        let stored = self.cells.get(&cell.subscriber);
        if stored.map_or(0, |stored| stored.version) != cell.version - 1 {
            return false;
        }
        let effects = decision.effects.iter();
        self.effects
            .extend(effects.map(|effect| (cell.subscriber.clone(), *effect)));
        self.commits += 1;
        self.cells.insert(cell.subscriber.clone(), cell.clone());
        true
    }

    /// One invocation, from the stored shard until it ends.
    pub fn drive(&mut self, run: &Run, now: Timestamp) -> Then {
        self.drive_by(TABLE, run, now)
    }

    pub fn drive_by(&mut self, table: &[Row], run: &Run, now: Timestamp) -> Then {
        for _ in 0..1_000 {
            let page = self.page(run, &self.shard);
            let turn = run.turn_by(table, &self.shard, &page, now, false);
            for decision in &turn.decisions {
                assert!(self.commit(decision));
            }
            self.shard = turn.shard;
            if turn.then != Then::Page {
                return turn.then;
            }
        }
        unreachable!("the machine does not end")
    }

    /// Something that happens to a cell outside the run.
    pub fn happens<E: std::fmt::Debug>(
        &mut self,
        name: &str,
        change: impl FnOnce(&Cell) -> Result<Cell, E>,
    ) {
        let cell = self.cells.get_mut(&id(name)).unwrap();
        *cell = change(cell).unwrap();
    }

    /// The symbols of a track, in order.
    pub fn symbols(&self, on: &str) -> String {
        let cells = self.cells.values();
        cells.map(|cell| cell.symbol(track(on)).name()).collect()
    }
}
