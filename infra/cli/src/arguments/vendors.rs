//! `pesan telegram`, `pesan midtrans` and `pesan whatsapp`.

use clap::{Args, Subcommand};
use pesan_domain::ids::MerchantId;
use std::path::PathBuf;

use super::read::merchant_id;

/// `pesan telegram`
#[derive(Debug, Subcommand)]
pub enum TelegramCommand {
    /// Lets the bot send its updates here, and lists its commands
    SetWebhook {
        /// The merchant
        #[arg(value_parser = merchant_id)]
        id: MerchantId,
        /// A file with the token that BotFather gave; - for standard input. Without it the stored
        /// token is used, or asked for
        #[arg(long, value_name = "FILE")]
        token_file: Option<PathBuf>,
        /// Exchange the secret that Telegram sends with each update
        #[arg(long)]
        new_secret: bool,
    },
    /// Takes the webhook off; updates wait at Telegram for a day
    RemoveWebhook {
        /// The merchant
        #[arg(value_parser = merchant_id)]
        id: MerchantId,
    },
    /// Shows what Telegram knows of the webhook
    Info {
        /// The merchant
        #[arg(value_parser = merchant_id)]
        id: MerchantId,
    },
}

/// `pesan midtrans`
#[derive(Debug, Subcommand)]
pub enum MidtransCommand {
    /// Connects an account; its key is stored once Midtrans has taken it
    Connect {
        /// The merchant
        #[arg(value_parser = merchant_id)]
        id: MerchantId,
        /// Such as G123456789, from the dashboard; without it the connected account stays
        #[arg(long, value_name = "ID", requires = "client_key")]
        merchant_id: Option<String>,
        /// The public key for the customer's browser, from the dashboard
        #[arg(long, value_name = "KEY", requires = "merchant_id")]
        client_key: Option<String>,
        /// A file with the server key; - for standard input. Without it the stored key is used, or
        /// asked for
        #[arg(long, value_name = "FILE")]
        server_key_file: Option<PathBuf>,
        /// The account takes real money
        #[arg(long, requires = "merchant_id")]
        production: bool,
    },
    /// Follows money's way: account, key, and a notification through the public address
    Check {
        /// The merchant
        #[arg(value_parser = merchant_id)]
        id: MerchantId,
    },
}

/// `pesan whatsapp`
#[derive(Debug, Subcommand)]
pub enum WhatsAppCommand {
    /// Stores the secret of the app that all merchants share, and shows what to enter in its
    /// dashboard
    App {
        /// A file with the app secret; - for standard input. Without it the stored one is used, or
        /// asked for
        #[arg(long, value_name = "FILE")]
        secret_file: Option<PathBuf>,
        /// Take what is signed with the secret before it too, until it is stored again without this
        #[arg(long, requires = "secret_file")]
        beside_old: bool,
    },
    /// Connects a number; its token is stored once Meta has taken it
    Connect(WhatsAppConnect),
    /// Lets messages go out
    Activate {
        /// The merchant
        #[arg(value_parser = merchant_id)]
        id: MerchantId,
    },
    /// Lets no more messages go out
    Suspend {
        /// The merchant
        #[arg(value_parser = merchant_id)]
        id: MerchantId,
    },
    /// The texts that Meta has to approve
    Templates {
        /// What to do
        #[command(subcommand)]
        command: TemplatesCommand,
    },
    /// Shows what Meta knows of the number
    Info {
        /// The merchant
        #[arg(value_parser = merchant_id)]
        id: MerchantId,
    },
}

/// `pesan whatsapp connect`
#[derive(Args, Debug)]
pub struct WhatsAppConnect {
    /// The merchant
    #[arg(value_parser = merchant_id)]
    pub id: MerchantId,
    /// Of the number, from the WhatsApp Manager
    #[arg(long, value_name = "ID")]
    pub phone_number_id: String,
    /// Of the business account, from the WhatsApp Manager
    #[arg(long, value_name = "ID")]
    pub waba_id: String,
    /// A file with a system user's token; - for standard input. Without it the stored one is used
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
}

/// `pesan whatsapp templates`
#[derive(Debug, Subcommand)]
pub enum TemplatesCommand {
    /// Registers the ones that are missing; what is there is left as it is
    Push {
        /// The merchant
        #[arg(value_parser = merchant_id)]
        id: MerchantId,
    },
    /// Asks Meta how they stand, and records it
    Status {
        /// The merchant
        #[arg(value_parser = merchant_id)]
        id: MerchantId,
    },
}
