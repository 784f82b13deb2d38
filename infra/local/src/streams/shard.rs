//! What has been read of a stream and is not done with. The time, in milliseconds, is an argument
//! (<https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html>).

use std::collections::{BTreeSet, VecDeque};

use serde_json::Value;

use crate::template::messaging::StreamSource;

/// One record.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Its place in the stream.
    pub sequence: String,
    /// As Lambda gives it to a function.
    pub event: Value,
    /// When it was first read.
    pub arrived_millis: i64,
}

/// Records that a function is given together.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// In the order of the stream.
    pub records: Vec<Record>,
    /// How often they have failed.
    pub failures: u32,
    /// When they are tried.
    pub due_millis: i64,
}

/// Records that are not tried any more, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct GivenUp {
    /// In the order of the stream.
    pub records: Vec<Record>,
    /// How often they have failed.
    pub failures: u32,
    /// In Lambda's words.
    pub condition: &'static str,
}

/// Batches in the order of the stream: the first holds up all others.
#[derive(Debug, Default)]
pub struct Shard {
    batches: VecDeque<Batch>,
}

const LONGEST_WAIT_SECONDS: i64 = 60;

/// At once, then after 1, 2, 4 … seconds.
fn wait_millis(failures: u32) -> i64 {
    match failures.checked_sub(2) {
        None => 0,
        Some(doublings) => {
            let seconds = 1_i64
                .checked_shl(doublings.min(10))
                .unwrap_or(LONGEST_WAIT_SECONDS);
            seconds.min(LONGEST_WAIT_SECONDS) * 1_000
        }
    }
}

impl Shard {
    /// Takes in what was read.
    pub fn read(&mut self, records: &[Record], source: &StreamSource) {
        for records in records.chunks(source.batch.max(1)) {
            let due_millis = records.first().map_or(0, |record| record.arrived_millis);
            self.batches.push_back(Batch {
                records: records.to_vec(),
                failures: 0,
                due_millis,
            });
        }
    }

    /// When the first batch is tried; none where there is nothing.
    pub fn due(&self) -> Option<i64> {
        self.batches.front().map(|batch| batch.due_millis)
    }

    /// How many records wait.
    pub fn len(&self) -> usize {
        self.batches.iter().map(|batch| batch.records.len()).sum()
    }

    /// Takes the first batch out, without what has become too old.
    pub fn next(&mut self, source: &StreamSource, now: i64) -> (Option<Batch>, Option<GivenUp>) {
        let Some(mut batch) = self.batches.pop_front() else {
            return (None, None);
        };
        let oldest = source.most_seconds.map(|most| now - most * 1_000);
        let is_old = |record: &Record| oldest.is_some_and(|oldest| record.arrived_millis < oldest);
        let (old, young) = batch.records.into_iter().partition(is_old);
        batch.records = young;
        let failures = batch.failures;
        let given_up = given_up(old, failures, "RecordAgeExceeded");
        ((!batch.records.is_empty()).then_some(batch), given_up)
    }

    /// Puts back what failed of a batch: the records from the first that the function named, or
    /// all where it named none that is there.
    pub fn failed(
        &mut self,
        mut batch: Batch,
        named: &BTreeSet<String>,
        source: &StreamSource,
        now: i64,
    ) -> Option<GivenUp> {
        let is_named = |record: &Record| named.contains(&record.sequence);
        let from = batch.records.iter().position(is_named).unwrap_or(0);
        batch.records.drain(..from);
        if from == 0 && source.bisects && batch.records.len() > 1 {
            // Halving is no retry.
            let second = batch.records.split_off(batch.records.len() / 2);
            let failures = batch.failures;
            for records in [second, batch.records] {
                self.batches.push_front(Batch {
                    records,
                    failures,
                    due_millis: now,
                });
            }
            return None;
        }
        batch.failures += 1;
        if source
            .most_retries
            .is_some_and(|most| batch.failures > most)
        {
            return given_up(batch.records, batch.failures, "RetryAttemptsExhausted");
        }
        batch.due_millis = now + wait_millis(batch.failures);
        self.batches.push_front(batch);
        None
    }
}

fn given_up(records: Vec<Record>, failures: u32, condition: &'static str) -> Option<GivenUp> {
    (!records.is_empty()).then_some(GivenUp {
        records,
        failures,
        condition,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(batch: usize, bisects: bool) -> StreamSource {
        StreamSource {
            function: "Relay".to_owned(),
            filters: vec![],
            batch,
            bisects,
            most_retries: Some(3),
            most_seconds: Some(60),
            names_failures: true,
            dead_letters: None,
        }
    }

    fn shard(records: &[&str], source: &StreamSource) -> Shard {
        let record = |sequence: &&str| Record {
            sequence: (*sequence).to_owned(),
            event: Value::Null,
            arrived_millis: 0,
        };
        let mut shard = Shard::default();
        shard.read(&records.iter().map(record).collect::<Vec<_>>(), source);
        shard
    }

    fn sequences(records: &[Record]) -> String {
        records
            .iter()
            .map(|record| record.sequence.as_str())
            .collect()
    }

    /// The batches that are tried one after the other where the poisoned records fail, and what is
    /// given up.
    fn played(
        records: &[&str],
        poison: &str,
        names: bool,
        source: &StreamSource,
    ) -> (Vec<String>, Vec<String>) {
        let mut shard = shard(records, source);
        let (mut tried, mut lost) = (Vec::new(), Vec::new());
        while let (Some(batch), _) = shard.next(source, 0) {
            tried.push(sequences(&batch.records));
            let bad: BTreeSet<String> = batch
                .records
                .iter()
                .map(|record| record.sequence.clone())
                .filter(|sequence| poison.contains(sequence.as_str()))
                .collect();
            if !bad.is_empty() {
                let named = if names { bad } else { BTreeSet::new() };
                let given_up = shard.failed(batch, &named, source, 0);
                lost.extend(given_up.map(|given_up| sequences(&given_up.records)));
            }
        }
        (tried, lost)
    }

    #[test]
    fn a_batch_that_fails_is_halved_until_what_is_bad_stands_alone() {
        let (tried, lost) = played(&["a", "b", "c", "d"], "c", false, &source(100, true));
        assert_eq!(tried, ["abcd", "ab", "cd", "c", "c", "c", "c", "d"]);
        assert_eq!(lost, ["c"]);
    }

    #[test]
    fn what_stands_before_a_named_record_is_done() {
        let (tried, lost) = played(&["a", "b", "c", "d"], "c", true, &source(100, true));
        assert_eq!(tried, ["abcd", "cd", "c", "c", "c", "d"]);
        assert_eq!(lost, ["c"]);
    }

    #[test]
    fn without_halving_a_batch_is_given_up_as_a_whole() {
        let (tried, lost) = played(&["a", "b", "c"], "a", false, &source(2, false));
        assert_eq!(tried, ["ab", "ab", "ab", "ab", "c"]);
        assert_eq!(lost, ["ab"]);
    }

    #[test]
    fn retries_wait_longer_each_time_and_hold_up_what_comes_after() {
        let source = source(1, true);
        let mut shard = shard(&["a", "b"], &source);
        let mut waits = Vec::new();
        for _ in 0..3 {
            let (batch, _) = shard.next(&source, 1_000);
            shard.failed(batch.unwrap(), &BTreeSet::new(), &source, 1_000);
            waits.push(shard.due().unwrap() - 1_000);
        }
        assert_eq!(waits, [0, 1_000, 2_000]);
        assert_eq!(wait_millis(30), 60_000);
    }

    #[test]
    fn what_has_become_too_old_is_given_up() {
        let source = source(10, true);
        let mut shard = shard(&["a", "b"], &source);
        shard.read(
            &[Record {
                sequence: "c".to_owned(),
                event: Value::Null,
                arrived_millis: 9,
            }],
            &source,
        );
        let (batch, lost) = shard.next(&source, 60_001);
        assert_eq!(batch, None);
        let lost = lost.unwrap();
        assert_eq!(
            (sequences(&lost.records).as_str(), lost.condition),
            ("ab", "RecordAgeExceeded")
        );
        let (batch, lost) = shard.next(&source, 60_001);
        assert_eq!(
            (sequences(&batch.unwrap().records).as_str(), lost),
            ("c", None)
        );
    }
}
