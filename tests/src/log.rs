//! What a stack writes to its log, and what must never stand there.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use reqwest::Response;
use serde_json::Value;

use crate::Stack;

/// How long a line may take to come that must come.
const PATIENCE: Duration = Duration::from_secs(20);

/// What every stack knows and no log may: the seeds' secrets, as they are and as they travel, and
/// the name that the tests' customers go by.
const PRIVATE: [&str; 17] = [
    "demo-telegram-secret",
    "demo2-telegram-secret",
    "SB-Mid-server",
    // `SB-Mid-server-demo` as the beginning of what `Authorization: Basic` carries.
    "U0ItTWlkLXNlcnZlci1kZW1v",
    "1:demo",
    "2:demo2",
    "demo-link-key",
    "pk_demo",
    "demo-contact-key",
    "demo-whatsapp-token",
    "demo2-whatsapp-token",
    "demo-app-secret",
    "demo-verify-token",
    "Authorization",
    "AWS4-HMAC",
    "Basic ",
    "Budi",
];

/// A process's log, read beside the test.
#[derive(Debug)]
pub struct Log {
    kept: Arc<Kept>,
    reader: Option<JoinHandle<()>>,
    private: Mutex<BTreeSet<String>>,
}

#[derive(Debug, Default)]
struct Kept {
    text: Mutex<String>,
    grown: Condvar,
}

impl Log {
    /// Reads it until it ends.
    pub fn read(source: impl Read + Send + 'static) -> Self {
        let kept = Arc::new(Kept::default());
        let read = Arc::clone(&kept);
        let reader = std::thread::spawn(move || {
            let mut source = BufReader::new(source);
            let mut line = Vec::new();
            while source
                .read_until(b'\n', &mut line)
                .is_ok_and(|read| read > 0)
            {
                let text = String::from_utf8_lossy(&line).into_owned();
                read.text.lock().unwrap().push_str(&text);
                read.grown.notify_all();
                line.clear();
            }
        });
        Self {
            kept,
            reader: Some(reader),
            private: Mutex::default(),
        }
    }

    /// What it says so far.
    pub fn text(&self) -> String {
        self.kept.text.lock().unwrap().clone()
    }

    /// The first line that is `wanted`, which is known to come.
    pub fn line(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        let find = |text: &str| lines(text).into_iter().find(&wanted);
        let text = self.kept.text.lock().unwrap();
        let (text, _) = self
            .kept
            .grown
            .wait_timeout_while(text, PATIENCE, |text| find(text).is_none())
            .unwrap();
        find(&text).unwrap_or_else(|| panic!("no such line: {text}"))
    }

    /// From now on this must not stand in it. What is as short as a word of ours is let be.
    pub fn keep_private(&self, text: &str) {
        if text.len() >= 8 {
            self.private.lock().unwrap().insert(text.to_owned());
        }
    }

    /// Waits for its end, and holds it to what a log may say.
    pub fn judge(&mut self) -> Result<(), String> {
        if let Some(reader) = self.reader.take() {
            reader.join().map_err(|_| "the log was not read")?;
        }
        let private = self.private.lock().unwrap();
        for (place, line) in self.text().lines().enumerate() {
            let place = place + 1;
            let private = private.iter().map(String::as_str);
            if let Some(found) = PRIVATE
                .into_iter()
                .chain(private)
                .find(|private| says(line, private))
            {
                return Err(format!("line {place} of the log says {found}: {line}"));
            }
            let object = serde_json::from_str::<Value>(line).unwrap_or_default();
            if !object["timestamp"].is_string() || !object["level"].is_string() {
                return Err(format!(
                    "line {place} of the log is no line of ours: {line}"
                ));
            }
        }
        Ok(())
    }
}

/// The lines that are JSON.
pub fn lines(text: &str) -> Vec<Value> {
    let lines = text.lines().map(serde_json::from_str);
    lines.filter_map(Result::ok).collect()
}

/// Whether a line says it. Digits count where they stand alone: within a longer number or an id
/// they are something else.
fn says(line: &str, private: &str) -> bool {
    if !private.bytes().all(|byte| byte.is_ascii_digit()) {
        return line.contains(private);
    }
    line.split(|letter: char| !letter.is_ascii_alphanumeric())
        .any(|word| word == private)
}

impl Stack {
    /// What it has logged so far.
    pub fn log(&self) -> String {
        self.log.text()
    }

    /// The line of the request that was answered so.
    pub fn line_of(&self, response: &Response) -> Value {
        let id = response.headers()["x-amzn-requestid"].to_str().unwrap();
        self.log.line(|line| line["request_id"] == id)
    }

    /// From now on this must not stand in its log.
    pub fn keep_private(&self, text: &str) {
        self.log.keep_private(text);
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        self.process.end();
        let judged = self.log.judge();
        if let (Err(verdict), false) = (judged, std::thread::panicking()) {
            panic!("{verdict}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Log, says};

    const LINE: &str = r#"{"timestamp":"2026-12-01T01:00:00.000Z","level":"INFO","order":"x"}"#;

    fn judged(line: &str) -> Result<(), String> {
        let mut log = Log::read(std::io::Cursor::new(format!("{LINE}\n{line}\n")));
        log.keep_private("62473383");
        log.judge()
    }

    #[test]
    fn h11_what_is_private_is_found_wherever_it_stands() {
        assert_eq!(judged(LINE), Ok(()));
        for private in [
            "/bot1:demo/",
            "62473383",
            "U0ItTWlkLXNlcnZlci1kZW1vOg==",
            "Budi",
        ] {
            let verdict = judged(&LINE.replace('x', private));
            assert!(verdict.unwrap_err().starts_with("line 2 of the log says"));
        }
        for foreign in ["panicked", "{}", r#"{"timestamp":"now"}"#] {
            assert!(judged(foreign).unwrap_err().contains("no line of ours"));
        }
    }

    #[test]
    fn digits_within_others_are_something_else() {
        assert!(says(r#""order":"62473383-A2""#, "62473383"));
        assert!(!says(
            r#""Timestamp":1624733836,"id":"a62473383b""#,
            "62473383"
        ));
    }
}
