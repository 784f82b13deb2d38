//! An operator with the command line, in a folder of their own.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::{Stack, built};

/// An operator of a stack.
pub struct Operator {
    endpoint: String,
    folder: TempDir,
}

/// What a command came to.
#[derive(Clone, Debug)]
pub struct Done {
    /// Whether it exited with 0.
    pub is_good: bool,
    /// What it printed.
    pub out: String,
    /// What it complained of.
    pub err: String,
}

impl Done {
    fn of(output: Output) -> Self {
        Self {
            is_good: output.status.success(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Its JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }
}

impl Operator {
    /// The operator of a stack.
    pub fn of(stack: &Stack) -> Self {
        Self {
            endpoint: stack.base_url().to_owned(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// Puts a file into their folder.
    pub fn file(&self, name: &str, content: &str) {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// What a file of their folder holds.
    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).unwrap()
    }

    /// Their folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The command `line`, as it would be typed, not run yet.
    pub fn command(&self, line: &str) -> Command {
        let mut words = shlex::split(line)
            .expect("a line that a shell can read")
            .into_iter();
        assert_eq!(words.next().as_deref(), Some("pesan"), "{line}");
        let mut command = Command::new(built("pesan"));
        command
            .args(words)
            .current_dir(self.folder.path())
            .env_clear()
            .env("PESAN_ENDPOINT", &self.endpoint)
            .stdin(Stdio::null());
        command
    }

    /// Types `line`, whatever comes of it.
    pub fn tries(&self, line: &str) -> Done {
        Done::of(self.command(line).output().unwrap())
    }

    /// Types `line`, which must do what it says.
    pub fn does(&self, line: &str) -> Done {
        let done = self.tries(line);
        assert!(done.is_good, "{line}: {done:?}");
        done
    }

    /// Types `line`, which must be refused; what it complained of.
    pub fn is_refused(&self, line: &str) -> String {
        let done = self.tries(line);
        assert!(!done.is_good, "{line}: {done:?}");
        format!("{}{}", done.out, done.err)
    }
}
