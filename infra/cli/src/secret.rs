//! Secrets come from a file or a prompt, never from an argument: arguments are seen by every
//! process of the machine and kept in the shell's history.

use std::io::{IsTerminal as _, Read as _};
use std::path::Path;

use anyhow::{Context as _, ensure};
use secrecy::SecretString;

/// A secret is a line; more than this is another file.
const MOST_BYTES: u64 = 4096;

/// The secret in a file, or in standard input where the file is `-`.
pub fn in_file(file: &Path) -> anyhow::Result<SecretString> {
    let mut text = String::new();
    let read = if file == Path::new("-") {
        std::io::stdin().take(MOST_BYTES).read_to_string(&mut text)
    } else {
        std::fs::File::open(file)
            .and_then(|opened| opened.take(MOST_BYTES).read_to_string(&mut text))
    };
    read.with_context(|| format!("{} cannot be read", file.display()))?;
    one_line(&text).with_context(|| file.display().to_string())
}

/// The secret that a person types, unseen.
pub fn asked(what: &str, option: &str) -> anyhow::Result<SecretString> {
    ensure!(
        std::io::stdin().is_terminal(),
        "{what} is needed: give {option} FILE, or run this in a terminal to be asked"
    );
    one_line(&rpassword::prompt_password(format!("{what}: "))?)
}

fn one_line(text: &str) -> anyhow::Result<SecretString> {
    // Some editors begin a file with a byte order mark.
    let line = text.trim_start_matches('\u{feff}').trim();
    ensure!(!line.is_empty(), "it is empty");
    ensure!(
        line.bytes().all(|byte| byte.is_ascii_graphic()),
        "it is not one line of letters, digits and signs"
    );
    Ok(SecretString::from(line))
}
