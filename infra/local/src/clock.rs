//! The turnable clock: the machine's time plus an offset.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use anyhow::{Context as _, bail};
use jiff::{SignedDuration, Timestamp};
use pesan_adapters::clock::Clock;

/// The stack's clock and where its offset is kept.
#[derive(Clone, Debug)]
pub struct Turnable {
    offset: Arc<AtomicI64>,
    file: Option<PathBuf>,
}

impl Turnable {
    /// With the offset of the last run, if there is one.
    pub fn open(file: Option<PathBuf>) -> Self {
        let kept = file
            .as_ref()
            .and_then(|file| std::fs::read_to_string(file).ok())
            .and_then(|text| text.trim().parse().ok())
            .unwrap_or(0);
        Self {
            offset: Arc::new(AtomicI64::new(kept)),
            file,
        }
    }

    /// What the stand-ins read.
    pub fn offset(&self) -> Arc<AtomicI64> {
        Arc::clone(&self.offset)
    }

    /// What the functions read.
    pub fn clock(&self) -> Clock {
        Clock::turnable(self.offset())
    }

    /// The stack's time.
    pub fn now(&self) -> Timestamp {
        self.clock().now()
    }

    /// Turns the clock so that it is `instant` now.
    pub fn set(&self, instant: Timestamp) -> anyhow::Result<()> {
        // Rounded up: what is due at the instant must be due by the clock.
        let turned = instant
            .duration_since(self.now())
            .as_millis()
            .saturating_add(1);
        let turned = i64::try_from(turned).context("that far the clock does not turn")?;
        let offset = self.offset.load(Ordering::SeqCst).saturating_add(turned);
        self.offset.store(offset, Ordering::SeqCst);
        if let Some(file) = &self.file {
            std::fs::write(file, offset.to_string()).context("the clock's offset is not kept")?;
        }
        Ok(())
    }
}

/// Reads `24h`, `90m`, `1h30m` or `7d`.
pub fn parse_advance(text: &str) -> anyhow::Result<SignedDuration> {
    let days = text
        .strip_suffix('d')
        .and_then(|days| days.parse::<i64>().ok());
    let duration = match days {
        Some(days) => SignedDuration::from_hours(days.saturating_mul(24)),
        None => text
            .parse()
            .with_context(|| format!("advance: {text} is no duration such as 24h or 90m"))?,
    };
    if duration.is_negative() {
        bail!("advance: the clock does not turn backwards");
    }
    Ok(duration)
}
