//! What TLS costs the first HTTPS call of a process: `tests/bench/first-call/run`.
//!
//! `first-call OTHER` serves a page on loopback under a certificate made just now, and has this
//! program and OTHER, in turns, call it from processes of their own. The two differ in how
//! reqwest is built: as the functions have it, or with its default features.

mod client;
mod server;

use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};

const SAMPLES: usize = 40;

/// Three calls of one process, in microseconds.
struct Sample {
    /// The client is made, and calls.
    first: u64,
    /// The same client again, on the connection it has.
    kept: u64,
    /// A new client on a new connection.
    anew: u64,
}

fn sample(program: &str, url: &str, certificate: &str) -> anyhow::Result<Sample> {
    let output = Command::new(program)
        .args(["call", url, certificate])
        .output()?;
    ensure!(
        output.status.success(),
        "{program}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout)?;
    let mut numbers = text.split_whitespace().map(str::parse);
    let mut number = || numbers.next().context("three numbers")?.context("a number");
    Ok(Sample {
        first: number()?,
        kept: number()?,
        anew: number()?,
    })
}

fn ratio(one: u64, other: u64) -> f64 {
    one as f64 / other as f64
}

/// The middle of what was measured, with its quartiles.
fn report(what: &str, mut values: Vec<u64>) -> u64 {
    values.sort_unstable();
    let at = |share: usize| values[(values.len() - 1) * share / 100];
    let shown = |share| Duration::from_micros(at(share));
    println!(
        "{what:<32} median {:>9.2?}  quartiles {:>9.2?} {:>9.2?}",
        shown(50),
        shown(25),
        shown(75)
    );
    at(50)
}

fn compare(other: &str) -> anyhow::Result<()> {
    let own = std::env::current_exe()?;
    let own = own.to_str().context("a path in UTF-8")?;
    let (url, certificate) = server::start()?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..SAMPLES {
        ours.push(sample(own, &url, &certificate)?);
        theirs.push(sample(other, &url, &certificate)?);
    }
    let mut firsts = Vec::new();
    for (name, samples) in [("ours", ours), ("default features", theirs)] {
        let of = |part: fn(&Sample) -> u64| samples.iter().map(part).collect();
        let first = report(&format!("{name}: first call"), of(|one| one.first));
        let kept = report(&format!("{name}: second call"), of(|one| one.kept));
        let anew = report(&format!("{name}: new client"), of(|one| one.anew));
        println!(
            "{name}: first over second {:.1}, over a new client {:.1}",
            ratio(first, kept),
            ratio(first, anew)
        );
        firsts.push(first);
    }
    println!(
        "first call, default features over ours {:.1}",
        ratio(firsts[1], firsts[0])
    );
    Ok(())
}

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["call", url, certificate] => client::call(url, certificate),
        [other] => compare(other),
        _ => anyhow::bail!("first-call OTHER"),
    }
}
