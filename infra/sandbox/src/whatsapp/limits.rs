//! What a number may do: messages a second, messages to one person, the 24-hour window.
//! <https://developers.facebook.com/documentation/business-messaging/whatsapp/about-the-platform>

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::error::Refusal;

/// One message to the same person in this time, in milliseconds…
const PAIR_PAUSE: i64 = 6_000;
/// …and this many at once, borrowed from the time after.
const PAIR_BURST: i64 = 45;
const WINDOW: i64 = 24 * 60 * 60 * 1000;

#[derive(Clone, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Number {
    pub(super) quality: String,
    /// Messages a second, in and out.
    pub(super) throughput: usize,
    /// When each person last wrote.
    windows: BTreeMap<String, i64>,
    pairs: BTreeMap<String, Pair>,
    /// The last second's messages.
    #[serde(skip)]
    recent: VecDeque<i64>,
}

impl Default for Number {
    fn default() -> Self {
        Self {
            quality: "GREEN".to_owned(),
            throughput: 80,
            windows: BTreeMap::new(),
            pairs: BTreeMap::new(),
            recent: VecDeque::new(),
        }
    }
}

/// What a pair has borrowed.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Pair {
    paid_off: i64,
    /// Borrowed all: nothing more before it is paid off.
    exhausted: bool,
}

impl Pair {
    fn admits(&mut self, now: i64) -> bool {
        if self.paid_off <= now {
            *self = Self {
                paid_off: now,
                exhausted: false,
            };
        }
        let after = self.paid_off + PAIR_PAUSE;
        self.exhausted |= after - now > PAIR_PAUSE * PAIR_BURST;
        if !self.exhausted {
            self.paid_off = after;
        }
        !self.exhausted
    }
}

impl Number {
    /// Counts a message out, or says which limit it met.
    pub(super) fn admit(&mut self, phone: &str, now: i64) -> Result<(), Refusal> {
        self.forget(now);
        if self.recent.len() >= self.throughput {
            let details = "Cloud API message throughput has been reached.";
            return Err(Refusal::new(130_429, details));
        }
        if !self.pairs.entry(phone.to_owned()).or_default().admits(now) {
            let details = "Message failed to send because there were too many messages sent from \
                           this phone number to the same phone number in a short period of time.";
            return Err(Refusal::new(131_056, details));
        }
        self.recent.push_back(now);
        Ok(())
    }

    /// The person wrote.
    pub(super) fn heard(&mut self, phone: &str, now: i64) {
        self.forget(now);
        self.recent.push_back(now);
        self.windows.insert(phone.to_owned(), now);
    }

    pub(super) fn in_window(&self, phone: &str, now: i64) -> bool {
        let last = self.windows.get(phone);
        last.is_some_and(|last| now - last < WINDOW)
    }

    fn forget(&mut self, now: i64) {
        while self.recent.front().is_some_and(|at| now - at >= 1000) {
            self.recent.pop_front();
        }
    }
}
