//! A numbered list that survives a power cut: each change is one line more of a file, which is
//! written anew when most of its lines say nothing any more.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Lines below which a file is left as it is.
const MANY_LINES: usize = 1_000;

/// Its items in the order of their numbers.
#[derive(Debug)]
pub struct Kept<T> {
    items: BTreeMap<u64, T>,
    next: u64,
    log: Option<Log>,
}

#[derive(Debug)]
struct Log {
    path: PathBuf,
    file: File,
    lines: usize,
}

impl<T: Serialize + DeserializeOwned> Kept<T> {
    /// With what the last run kept; in memory only where there is no file.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn open(path: Option<PathBuf>) -> anyhow::Result<Self> {
        let mut items = BTreeMap::new();
        let mut log = None;
        if let Some(path) = path {
            items = replayed(&path)?;
            log = Some(rewritten(path, &items)?);
        }
        let next = items.keys().next_back().map_or(1, |last| last + 1);
        Ok(Self { items, next, log })
    }

    /// In the order they came in.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &T)> {
        self.items.iter().map(|(number, item)| (*number, item))
    }

    /// Adds one at the end; its number.
    pub fn add(&mut self, item: T) -> u64 {
        let number = self.next;
        self.next += 1;
        self.put(number, item);
        number
    }

    /// Changes one, where it is still there.
    pub fn change(&mut self, number: u64, change: impl FnOnce(&mut T)) {
        if let Some(mut item) = self.items.remove(&number) {
            change(&mut item);
            self.put(number, item);
        }
    }

    /// Takes one out.
    pub fn take(&mut self, number: u64) -> Option<T> {
        let item = self.items.remove(&number)?;
        self.note(number);
        Some(item)
    }

    fn put(&mut self, number: u64, item: T) {
        self.items.insert(number, item);
        self.note(number);
    }

    /// Writes down what one has become.
    fn note(&mut self, number: u64) {
        let Some(log) = &mut self.log else { return };
        let noted = if log.lines > MANY_LINES && log.lines > 4 * self.items.len() {
            rewritten(log.path.clone(), &self.items).map(|fresh| *log = fresh)
        } else {
            append(log, number, self.items.get(&number))
        };
        if let Err(error) = noted {
            tracing::error!(kind = "state", outcome = "not kept", error = %format_args!("{error:#}"));
        }
    }
}

fn append<T: Serialize>(log: &mut Log, number: u64, item: Option<&T>) -> anyhow::Result<()> {
    let mut line = serde_json::to_vec(&(number, item))?;
    line.push(b'\n');
    log.file.write_all(&line)?;
    log.lines += 1;
    Ok(())
}

fn replayed<T: DeserializeOwned>(path: &Path) -> anyhow::Result<BTreeMap<u64, T>> {
    let mut items = BTreeMap::new();
    let Ok(text) = std::fs::read_to_string(path) else {
        return Ok(items);
    };
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let (number, item): (u64, Option<T>) = match serde_json::from_str(line) {
            Ok(read) => read,
            // The power was cut within the last line.
            Err(_) if lines.peek().is_none() => break,
            Err(error) => return Err(error).with_context(|| format!("{}", path.display())),
        };
        match item {
            Some(item) => items.insert(number, item),
            None => items.remove(&number),
        };
    }
    Ok(items)
}

fn rewritten<T: Serialize>(path: PathBuf, items: &BTreeMap<u64, T>) -> anyhow::Result<Log> {
    let fresh = path.with_extension("fresh");
    let mut text = Vec::new();
    for (number, item) in items {
        serde_json::to_writer(&mut text, &(number, Some(item)))?;
        text.push(b'\n');
    }
    std::fs::write(&fresh, text).with_context(|| format!("{}", fresh.display()))?;
    std::fs::rename(&fresh, &path)?;
    let file = OpenOptions::new().append(true).open(&path)?;
    Ok(Log {
        path,
        file,
        lines: items.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(kept: &Kept<String>) -> Vec<(u64, String)> {
        kept.iter().map(|(n, item)| (n, item.clone())).collect()
    }

    #[test]
    fn what_is_kept_is_there_again() {
        let folder = std::env::temp_dir().join(format!("kept-{:x}", rand::random::<u64>()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("list.jsonl");
        let open = || Kept::<String>::open(Some(path.clone())).unwrap();

        let mut kept = open();
        let first = kept.add("a".to_owned());
        let second = kept.add("b".to_owned());
        kept.change(second, |item| item.push('!'));
        assert_eq!(kept.take(first).as_deref(), Some("a"));
        assert_eq!(items(&open()), [(second, "b!".to_owned())]);

        // Thousands of changes leave few lines, and nothing is lost by it.
        let mut kept = open();
        for _ in 0..3 * MANY_LINES {
            let number = kept.add("c".to_owned());
            kept.take(number);
        }
        let last = kept.add("d".to_owned());
        let lines = std::fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= MANY_LINES + 3, "{lines}");
        assert_eq!(
            items(&open()),
            [(second, "b!".to_owned()), (last, "d".to_owned())]
        );

        // A line that was not written to its end is not there.
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"[9,\"e").unwrap();
        assert_eq!(items(&open()).len(), 2);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
