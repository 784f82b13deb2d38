//! `pesan key`, `pesan keys` and `pesan link-key`.

use clap::{Args, Subcommand};
use pesan_domain::api_key::{KeyId, Rate, Scope, ScopeError};
use pesan_domain::ids::MerchantId;

use super::read::merchant_id;

/// `pesan key`
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Makes a key, and shows it this once
    Add(KeyAdd),
    /// Lists a merchant's keys, which are not shown again
    List {
        /// The merchant
        #[arg(value_parser = merchant_id)]
        id: MerchantId,
    },
    /// Lets a key open nothing any more, within a minute
    Revoke {
        /// The merchant
        #[arg(value_parser = merchant_id)]
        id: MerchantId,
        /// Its id, as `pesan key list` shows it
        #[arg(value_parser = key_id)]
        key: KeyId,
    },
}

/// `pesan key add`
#[derive(Args, Debug)]
pub struct KeyAdd {
    /// The merchant
    #[arg(value_parser = merchant_id)]
    pub id: MerchantId,
    /// What it is for, such as "billing system"
    #[arg(long)]
    pub name: String,
    /// What it may do: billing, messages or balance, each with :read or :write
    #[arg(long, value_delimiter = ',', required = true, value_parser = scope, value_name = "SCOPE")]
    pub scopes: Vec<Scope>,
    /// Requests a second, lastingly
    #[arg(long, default_value_t = Rate::USUAL.per_second, value_name = "N")]
    pub rate: u32,
    /// Requests at once, after a rest
    #[arg(long, default_value_t = Rate::USUAL.burst, value_name = "N")]
    pub burst: u32,
}

/// `pesan keys`
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Makes the keys that are missing
    Create,
}

/// `pesan link-key`
#[derive(Debug, Subcommand)]
pub enum LinkKeyCommand {
    /// Exchanges the key; links that were handed out go on opening
    Rotate {
        /// The key is known to somebody: links that were handed out open nothing any more
        #[arg(long)]
        revoke: bool,
        /// Bookings and bills of so many days get a link under the new key
        #[arg(long, default_value_t = 400)]
        days: u16,
    },
    /// Gives bookings and bills a link under the present key; run it five minutes after rotate
    Reissue {
        /// Those of so many days
        #[arg(long, default_value_t = 400)]
        days: u16,
    },
}

fn key_id(text: &str) -> Result<KeyId, String> {
    KeyId::parse(text).map_err(|_| "not 12 hexadecimal digits: see `pesan key list`".to_owned())
}

fn scope(text: &str) -> Result<Scope, ScopeError> {
    Scope::parse(text.trim())
}
