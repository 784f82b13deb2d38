//! One queue. The time, in milliseconds, is an argument.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::kept::Kept;
use crate::template::messaging::Queue as Settings;

/// A message and what became of it so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Its id, which it keeps among the dead letters.
    pub id: String,
    /// What it says.
    pub body: String,
    /// What was said about it.
    pub attributes: BTreeMap<String, Value>,
    /// When it was first sent.
    pub sent_millis: i64,
    /// Until when nobody sees it.
    pub hidden_until: i64,
    /// How often it was received.
    pub receives: u32,
    /// When it was first received.
    pub first_received_millis: Option<i64>,
}

impl Message {
    /// Not sent yet.
    pub fn new(id: String, body: String, attributes: BTreeMap<String, Value>) -> Self {
        Self {
            id,
            body,
            attributes,
            sent_millis: 0,
            hidden_until: 0,
            receives: 0,
            first_received_millis: None,
        }
    }
}

/// How many messages are where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Depths {
    /// To be received now.
    pub visible: usize,
    /// Received, and neither deleted nor seen again yet.
    pub in_flight: usize,
    /// Sent, and not to be seen yet.
    pub delayed: usize,
}

/// A queue's messages.
#[derive(Debug)]
pub struct Queue {
    settings: Settings,
    messages: Kept<Message>,
}

impl Queue {
    /// With what the last run kept.
    ///
    /// # Errors
    /// When that cannot be read.
    pub fn open(settings: Settings, file: Option<PathBuf>) -> anyhow::Result<Self> {
        let messages = Kept::open(file)?;
        Ok(Self { settings, messages })
    }

    /// Where dead letters go.
    pub fn redrive(&self) -> Option<&str> {
        let (to, _) = self.settings.redrive.as_ref()?;
        Some(to)
    }

    /// Takes a message in.
    pub fn send(&mut self, mut message: Message, now: i64) {
        message.sent_millis = now;
        message.receives = 0;
        message.first_received_millis = None;
        message.hidden_until = now + self.settings.delay_seconds * 1_000;
        self.messages.add(message);
    }

    /// Messages that were received too often to be received once more. They stay until they are
    /// deleted.
    pub fn dead(&self, now: i64) -> Vec<(u64, Message)> {
        let Some((_, most)) = &self.settings.redrive else {
            return Vec::new();
        };
        let visible = self
            .messages
            .iter()
            .filter(|(_, message)| message.hidden_until <= now);
        visible
            .filter(|(_, message)| message.receives >= *most)
            .map(|(number, message)| (number, message.clone()))
            .collect()
    }

    /// Receives up to `most` messages, oldest first, and hides them.
    pub fn receive(&mut self, most: usize, now: i64) -> Vec<(u64, Message)> {
        let visible = self
            .messages
            .iter()
            .filter(|(_, message)| message.hidden_until <= now);
        let numbers: Vec<u64> = visible.take(most).map(|(number, _)| number).collect();
        let hidden_until = now + self.settings.visibility_seconds * 1_000;
        let mut received = Vec::new();
        for number in numbers {
            self.messages.change(number, |message| {
                message.receives += 1;
                message.hidden_until = hidden_until;
                message.first_received_millis.get_or_insert(now);
                received.push((number, message.clone()));
            });
        }
        received
    }

    /// Done with.
    pub fn delete(&mut self, number: u64) -> Option<Message> {
        self.messages.take(number)
    }

    /// Forgets what was kept for as long as it is kept.
    pub fn expire(&mut self, now: i64) {
        let oldest = now - self.settings.retention_seconds * 1_000;
        let old = self
            .messages
            .iter()
            .filter(|(_, message)| message.sent_millis < oldest);
        let old: Vec<u64> = old.map(|(number, _)| number).collect();
        for number in old {
            self.messages.take(number);
        }
    }

    /// How many messages are where.
    pub fn depths(&self, now: i64) -> Depths {
        let mut depths = Depths::default();
        for (_, message) in self.messages.iter() {
            let place = match (message.hidden_until <= now, message.receives) {
                (true, _) => &mut depths.visible,
                (false, 0) => &mut depths.delayed,
                (false, _) => &mut depths.in_flight,
            };
            *place += 1;
        }
        depths
    }

    /// When the next message is seen.
    pub fn next_due(&self, now: i64) -> Option<i64> {
        let hidden = self
            .messages
            .iter()
            .map(|(_, message)| message.hidden_until);
        hidden.filter(|until| *until > now).min()
    }

    /// Everything in it.
    pub fn messages(&self) -> impl Iterator<Item = (u64, &Message)> {
        self.messages.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(delay_seconds: i64) -> Queue {
        let settings = Settings {
            visibility_seconds: 90,
            delay_seconds,
            retention_seconds: 1_000,
            redrive: Some(("Dead".to_owned(), 2)),
        };
        Queue::open(settings, None).unwrap()
    }

    fn message(id: &str) -> Message {
        Message::new(id.to_owned(), format!("body of {id}"), BTreeMap::new())
    }

    fn ids(messages: &[(u64, Message)]) -> Vec<&str> {
        messages
            .iter()
            .map(|(_, message)| message.id.as_str())
            .collect()
    }

    fn depths(visible: usize, in_flight: usize, delayed: usize) -> Depths {
        Depths {
            visible,
            in_flight,
            delayed,
        }
    }

    #[test]
    fn what_is_received_is_hidden_until_its_time_is_over() {
        let mut queue = queue(0);
        queue.send(message("a"), 0);
        queue.send(message("b"), 1);
        let first = queue.receive(1, 10);
        assert_eq!(ids(&first), ["a"]);
        assert_eq!(first[0].1.receives, 1);
        assert_eq!(queue.depths(10), depths(1, 1, 0));
        assert_eq!(ids(&queue.receive(10, 10)), ["b"]);
        assert_eq!(ids(&queue.receive(10, 90_009)), [""; 0]);
        assert_eq!(queue.next_due(10), Some(90_010));
        let again = queue.receive(10, 90_010);
        assert_eq!(ids(&again), ["a", "b"]);
        assert_eq!(
            (again[0].1.receives, again[0].1.first_received_millis),
            (2, Some(10))
        );
        queue.delete(again[0].0);
        assert_eq!(queue.depths(90_010), depths(0, 1, 0));
    }

    #[test]
    fn what_is_delayed_is_seen_when_it_is_due() {
        let mut queue = queue(5);
        queue.send(message("a"), 0);
        assert_eq!(queue.depths(4_999), depths(0, 0, 1));
        assert_eq!(queue.next_due(0), Some(5_000));
        assert_eq!(queue.depths(5_000), depths(1, 0, 0));
        assert_eq!(queue.next_due(5_000), None);
    }

    #[test]
    fn what_was_received_too_often_is_dead_and_begins_anew_elsewhere() {
        let mut queue = queue(0);
        queue.send(message("a"), 0);
        queue.receive(1, 0);
        assert_eq!(queue.dead(90_000), []);
        queue.receive(1, 90_000);
        assert_eq!(queue.dead(179_999), []);
        let dead = queue.dead(180_000);
        assert_eq!(ids(&dead), ["a"]);
        let letter = queue.delete(dead[0].0).unwrap();
        let mut other = super::Queue::open(
            Settings {
                redrive: None,
                ..queue.settings.clone()
            },
            None,
        )
        .unwrap();
        other.send(letter, 180_000);
        let (_, again) = other.receive(1, 180_000).remove(0);
        assert_eq!((again.id.as_str(), again.receives), ("a", 1));
    }

    #[test]
    fn what_is_old_is_forgotten() {
        let mut queue = queue(0);
        queue.send(message("a"), 0);
        queue.expire(1_000_000);
        assert_eq!(queue.depths(1_000_000), depths(1, 0, 0));
        queue.expire(1_000_001);
        assert_eq!(queue.depths(1_000_001), depths(0, 0, 0));
    }
}
