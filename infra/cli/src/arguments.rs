//! What can be typed.

mod billing;
mod catalog;
mod keys;
mod merchant;
mod messages;
mod read;
mod subscribers;
mod vendors;

use clap::{Parser, Subcommand};
use clap_complete::Shell;
use pesan_domain::ids::MerchantId;

pub use billing::*;
pub use catalog::*;
pub use keys::*;
pub use merchant::*;
pub use messages::*;
use read::merchant_id;
pub use subscribers::*;
pub use vendors::*;

/// Runs a deployment of Pesan: its merchants, their prices and hours, their bots and accounts
#[derive(Debug, Parser)]
#[command(name = "pesan", version)]
pub struct Arguments {
    /// The path of the deployment's parameters, such as /pesan/prod [env: PESAN_PREFIX]
    #[arg(long, global = true, value_name = "PATH")]
    pub prefix: Option<String>,
    /// A local stack instead of AWS, such as http://127.0.0.1:8787
    #[arg(long, global = true, env = "PESAN_ENDPOINT", value_name = "URL")]
    pub endpoint: Option<String>,
    /// Answer in JSON
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Businesses
    Merchant {
        /// What to do
        #[command(subcommand)]
        command: MerchantCommand,
    },
    /// What a merchant offers, as a CSV file
    Catalog {
        /// What to do
        #[command(subcommand)]
        command: CatalogCommand,
    },
    /// What a merchant's subscribers pay for each month
    Plans {
        /// What to do
        #[command(subcommand)]
        command: PlansCommand,
    },
    /// Who pays a merchant each month
    Subscribers {
        /// What to do
        #[command(subcommand)]
        command: SubscribersCommand,
    },
    /// What a merchant's subscribers owe for a month
    Bills {
        /// What to do
        #[command(subcommand)]
        command: BillsCommand,
    },
    /// The runs that make a merchant's bills and remind of them
    Billing {
        /// What to do
        #[command(subcommand)]
        command: BillingCommand,
    },
    /// When a merchant takes customers
    Hours {
        /// What to do
        #[command(subcommand)]
        command: HoursCommand,
    },
    /// A merchant's bot
    Telegram {
        /// What to do
        #[command(subcommand)]
        command: TelegramCommand,
    },
    /// A merchant's account at Midtrans
    Midtrans {
        /// What to do
        #[command(subcommand)]
        command: MidtransCommand,
    },
    /// A merchant's number at WhatsApp
    #[command(name = "whatsapp")]
    WhatsApp {
        /// What to do
        #[command(subcommand)]
        command: WhatsAppCommand,
    },
    /// Messages to people, over WhatsApp
    Messages {
        /// What to do
        #[command(subcommand)]
        command: MessagesCommand,
    },
    /// Keys with which a merchant's own systems call the REST API
    #[command(
        long_about = "Keys with which a merchant's own systems call the REST API. The secrets that a \
                      deployment itself works with are made by `pesan keys create`."
    )]
    Key {
        /// What to do
        #[command(subcommand)]
        command: KeyCommand,
    },
    /// The secrets that a deployment itself works with, for all merchants
    #[command(
        long_about = "The secrets that a deployment itself works with, for all merchants. Keys to the \
                      REST API are made by `pesan key add`."
    )]
    Keys {
        /// What to do
        #[command(subcommand)]
        command: KeysCommand,
    },
    /// The key of the order pages' links
    LinkKey {
        /// What to do
        #[command(subcommand)]
        command: LinkKeyCommand,
    },
    /// Sells a merchant credit for its messages: prints a link to pay by, or the price list
    #[command(name = "topup")]
    TopUp {
        /// The merchant that is credited
        #[arg(value_parser = merchant_id)]
        id: MerchantId,
        /// How many messages; without it the price list is printed
        #[arg(long, value_name = "N")]
        package: Option<String>,
        /// The money has come another way: credits the package at once, and once a reference, such
        /// as a bank transfer's number
        #[arg(long, value_name = "REFERENCE", requires = "package")]
        received: Option<String>,
    },
    /// Shows a merchant's prepaid balance
    Balance {
        /// The merchant
        #[arg(value_parser = merchant_id)]
        id: MerchantId,
    },
    /// Says what the deployment, and a merchant, lack to go live, in order
    Doctor {
        /// The merchant
        #[arg(value_parser = merchant_id)]
        id: Option<MerchantId>,
    },
    /// Prints a script that completes commands in a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}
