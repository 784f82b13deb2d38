use std::fmt;

use data_encoding::BASE64URL_NOPAD;
use pesan_adapters::dynamodb::SUBSCRIBER_SHARDS;
use pesan_domain::ids::SubscriberId;

use super::RegistryError;

/// Where a list of subscribers goes on: opaque, for who was given it to give it back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    pub(crate) shard: u8,
    /// The last one listed; none at a shard's beginning.
    pub(crate) after: Option<SubscriberId>,
}

impl Position {
    pub(crate) const START: Self = Self {
        shard: 0,
        after: None,
    };

    /// The beginning of the next shard, if there is one.
    pub(crate) fn next_shard(&self) -> Option<Self> {
        let shard = self.shard.saturating_add(1);
        (shard < SUBSCRIBER_SHARDS).then_some(Self { shard, after: None })
    }

    /// Reads one that was handed out.
    ///
    /// # Errors
    /// [`RegistryError::Position`]
    pub fn parse(text: &str) -> Result<Self, RegistryError> {
        Self::read(text).ok_or(RegistryError::Position)
    }

    fn read(text: &str) -> Option<Self> {
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
        let text = String::from_utf8(bytes).ok()?;
        let (shard, after) = text.split_once('.')?;
        let shard = shard.parse().ok()?;
        let after = match after {
            "" => None,
            id => Some(SubscriberId::parse(id).ok()?),
        };
        (shard < SUBSCRIBER_SHARDS).then_some(Self { shard, after })
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let after = self.after.as_ref().map_or("", SubscriberId::as_str);
        let text = format!("{}.{after}", self.shard);
        f.write_str(&BASE64URL_NOPAD.encode(text.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i10_a_position_reads_back_and_anything_else_is_refused() {
        for after in [None, SubscriberId::parse("plg-001").ok()] {
            let position = Position { shard: 7, after };
            assert_eq!(Position::parse(&position.to_string()), Ok(position));
        }
        let encoded = |text: &str| BASE64URL_NOPAD.encode(text.as_bytes());
        for bad in ["", "x", "!", &encoded("8."), &encoded("0"), &encoded("0.A")] {
            assert_eq!(Position::parse(bad), Err(RegistryError::Position), "{bad}");
        }
    }
}
