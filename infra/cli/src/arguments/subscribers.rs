//! `pesan subscribers`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use pesan_domain::calendar::Zone;
use pesan_domain::ids::{MerchantId, PlanId, SubscriberId};
use pesan_domain::subscriber::AnchorDay;
use pesan_domain::whatsapp::Phone;

use super::messages::{Tongue, language};
use super::read::{merchant_id, phone, plan_id, subscriber_id, zone};

/// `pesan subscribers`
#[derive(Debug, Subcommand)]
pub enum SubscribersCommand {
    /// Lists subscribers, in an order that means nothing and stays
    List {
        /// The merchant
        #[arg(value_parser = merchant_id)]
        id: MerchantId,
        /// So many at most
        #[arg(long, default_value_t = 100, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=10_000))]
        limit: u16,
        /// Where the list before this one ended
        #[arg(long, value_name = "POSITION")]
        from: Option<String>,
    },
    /// Writes what a file lists; the same file again changes nothing
    Import(SubscribersImport),
    /// Prints the subscribers as the CSV that import reads
    Export {
        /// The merchant
        #[arg(value_parser = merchant_id)]
        id: MerchantId,
        /// A file instead of the terminal
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Makes a subscriber
    Add(NewSubscriber),
    /// Changes a subscriber; what is not named stays
    Set(SubscriberChange),
    /// Takes out a subscriber with what is known of them. Their bills stay
    Remove {
        /// Who
        #[command(flatten)]
        one: OneSubscriber,
        /// That you mean it
        #[arg(long)]
        yes: bool,
    },
    /// Shows a subscriber
    Show(OneSubscriber),
    /// Lets a subscriber owe nothing until they are resumed
    Pause(OneSubscriber),
    /// Lets a paused subscriber be billed again
    Resume(OneSubscriber),
    /// Prints the link with which a subscriber gets their bills in a Telegram chat, where WhatsApp
    /// does not reach them; whoever follows it first does
    Link(OneSubscriber),
}

/// A subscriber of a merchant.
#[derive(Args, Debug)]
pub struct OneSubscriber {
    /// The merchant
    #[arg(value_parser = merchant_id)]
    pub id: MerchantId,
    /// The subscriber
    #[arg(value_parser = subscriber_id)]
    pub subscriber: SubscriberId,
}

/// `pesan subscribers import`
#[derive(Args, Debug)]
pub struct SubscribersImport {
    /// The merchant
    #[arg(value_parser = merchant_id)]
    pub id: MerchantId,
    /// CSV with the columns name, phone, plan, and optionally id, anchor_day, language, zone,
    /// paused, opted_out_at, opted_out_source, consent_at, consent_source and telegram_chat, in
    /// English or Indonesian. An empty cell leaves what is stored as it is
    pub file: PathBuf,
    /// Only say what would be done
    #[arg(long)]
    pub dry_run: bool,
    /// Import the other rows where some are refused
    #[arg(long)]
    pub skip_refused: bool,
    /// A CSV file for what came of each row
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
}

/// `pesan subscribers add`
#[derive(Args, Debug)]
pub struct NewSubscriber {
    /// The merchant
    #[arg(value_parser = merchant_id)]
    pub id: MerchantId,
    /// Their id, which stands in the numbers of their bills; one is chosen unless said
    #[arg(long, value_name = "ID", value_parser = subscriber_id)]
    pub subscriber: Option<SubscriberId>,
    /// As they are addressed
    #[arg(long)]
    pub name: String,
    /// Their WhatsApp number, such as 0812-3456-7890
    #[arg(long, value_parser = phone)]
    pub phone: Phone,
    /// What they pay for: see `pesan plans list`
    #[arg(long, value_parser = plan_id)]
    pub plan: PlanId,
    /// How they agreed to be written to, such as "contract of 2026-11-02"
    #[arg(long, value_name = "SOURCE")]
    pub consent: Option<String>,
    /// What else is known
    #[command(flatten)]
    pub about: About,
}

/// `pesan subscribers set`
#[derive(Args, Debug)]
pub struct SubscriberChange {
    /// Who
    #[command(flatten)]
    pub one: OneSubscriber,
    /// As they are addressed
    #[arg(long)]
    pub name: Option<String>,
    /// Their WhatsApp number
    #[arg(long, value_parser = phone)]
    pub phone: Option<Phone>,
    /// What they pay for: see `pesan plans list`
    #[arg(long, value_parser = plan_id)]
    pub plan: Option<PlanId>,
    /// They want nothing on WhatsApp: how they said so, such as "phone call"
    #[arg(long, value_name = "SOURCE")]
    pub opted_out: Option<String>,
    /// They want messages again: how they said so. Who wrote STOP must write MULAI themselves
    #[arg(long, value_name = "SOURCE", conflicts_with = "opted_out")]
    pub consent: Option<String>,
    /// Their Telegram chat is not theirs any more
    #[arg(long)]
    pub no_chat: bool,
    /// What else is known
    #[command(flatten)]
    pub about: About,
}

/// What is known of a subscriber, or follows from what is.
#[derive(Args, Debug)]
pub struct About {
    /// The day of the month on which their bills fall due; 10 unless said
    #[arg(long, value_name = "DAY", value_parser = anchor_day)]
    pub anchor_day: Option<AnchorDay>,
    /// What they are written to in; that of their number unless said
    #[arg(long, value_parser = language, value_name = "id|en")]
    pub language: Option<Tongue>,
    /// Whose clock is theirs; the merchant's unless said
    #[arg(long, value_parser = zone)]
    pub zone: Option<Zone>,
}

fn anchor_day(text: &str) -> Result<AnchorDay, String> {
    let day = text.parse().ok().and_then(|day| AnchorDay::new(day).ok());
    day.ok_or_else(|| "not a day from 1 to 31".to_owned())
}
