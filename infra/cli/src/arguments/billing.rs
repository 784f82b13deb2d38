//! `pesan bills` and `pesan billing`.

use clap::{Args, Subcommand, ValueEnum};
use jiff::civil::Date;
use pesan_domain::billing::{BillId, Period, PeriodError, Track, TrackError};
use pesan_domain::ids::{MerchantId, OrderId};
use pesan_domain::money::Rupiah;
use pesan_domain::whatsapp::Phone;
use pesan_service::billing::ByHand;

use super::read::{merchant_id, phone, rupiah};

/// `pesan bills`
#[derive(Debug, Subcommand)]
pub enum BillsCommand {
    /// Lists the bills of a month
    List {
        /// The merchant
        #[arg(value_parser = merchant_id)]
        id: MerchantId,
        /// The month, such as 2026-11
        #[arg(long, value_name = "MONTH", value_parser = period)]
        period: Period,
        /// Only those of which something remains to be paid
        #[arg(long)]
        unpaid: bool,
    },
    /// Shows a bill, what was paid of it, and the link to its page
    Show(OneBill),
    /// Records money that came past Midtrans, for all of a bill or a part of it
    Pay {
        /// Which
        #[command(flatten)]
        one: OneBill,
        /// How much, in rupiah
        #[arg(long, value_name = "RUPIAH", value_parser = rupiah)]
        amount: Rupiah,
        /// How it came
        #[arg(long, value_enum)]
        source: PaidBy,
        /// The number of its receipt or transfer: recorded again, it is refused
        #[arg(long, value_name = "TEXT")]
        reference: Option<String>,
        /// Who says so
        #[arg(long, value_name = "NAME")]
        by: String,
    },
    /// Strikes out a record of cash or of a transfer that never came: the bill asks for it again
    Strike {
        /// The bill
        #[command(flatten)]
        one: OneBill,
        /// Which: the number before it in `pesan bills show`
        #[arg(long, value_name = "N")]
        payment: usize,
        /// Why, such as "entered for the wrong bill"
        #[arg(long)]
        reason: String,
        /// Who says so
        #[arg(long, value_name = "NAME")]
        by: String,
    },
    /// Counts money that waits for a decision, as `pesan bills show` names it
    Accept {
        /// The bill
        #[command(flatten)]
        one: OneBill,
        /// The order that it was paid with
        #[arg(long, value_parser = order_id)]
        order: OrderId,
        /// How much of it counts; what came, at most what the bill asks for, unless said
        #[arg(long, value_parser = rupiah)]
        amount: Option<Rupiah>,
        /// Who decides
        #[arg(long, value_name = "NAME")]
        by: String,
    },
    /// Records that money that counts for nothing was given back by hand, all of it: what waits for a
    /// decision, or what more came than was let count. What is given back in Midtrans' dashboard
    /// records itself
    Return {
        /// The bill
        #[command(flatten)]
        one: OneBill,
        /// The order that it was paid with
        #[arg(long, value_parser = order_id)]
        order: OrderId,
        /// Why, and how it went back
        #[arg(long)]
        reason: String,
        /// Who says so
        #[arg(long, value_name = "NAME")]
        by: String,
    },
    /// Calls a bill off that nothing was paid of
    Void {
        /// Which
        #[command(flatten)]
        one: OneBill,
        /// Why
        #[arg(long)]
        reason: String,
        /// Who says so
        #[arg(long, value_name = "NAME")]
        by: String,
    },
    /// Records money that was given back by hand. What is given back in Midtrans' dashboard
    /// records itself
    Refund {
        /// Which
        #[command(flatten)]
        one: OneBill,
        /// How much, in rupiah; all that was paid unless said
        #[arg(long, value_name = "RUPIAH", value_parser = rupiah)]
        amount: Option<Rupiah>,
        /// Why
        #[arg(long)]
        reason: String,
        /// The number of its receipt or transfer: recorded again, it is refused
        #[arg(long, value_name = "TEXT")]
        reference: Option<String>,
        /// Who says so
        #[arg(long, value_name = "NAME")]
        by: String,
    },
}

/// `pesan billing`
#[derive(Debug, Subcommand)]
pub enum BillingCommand {
    /// Begins a month's run, which begins by itself on the month's last day; a month has one run,
    /// and the second command reports it
    Run(BillingRun),
    /// Shows how far a run is
    Show(OneRun),
    /// Prints a run's tape: what became of each subscriber's bill, and why
    Tape(OneRun),
    /// Has a run go on that was stopped, or that nothing moves any more
    Resume(OneRun),
}

/// `pesan billing run`
#[derive(Args, Debug)]
pub struct BillingRun {
    /// The merchant
    #[arg(value_parser = merchant_id)]
    pub id: MerchantId,
    /// The month, such as 2026-11; this one unless said
    #[arg(long, value_name = "MONTH", value_parser = period)]
    pub period: Option<Period>,
    /// Bill a month before the last one: its bills are overdue when they are made
    #[arg(long)]
    pub old: bool,
    /// Only say how many bills it would make, what they would cost to send, and who gets none
    #[arg(long)]
    pub dry_run: bool,
    /// With --dry-run: send one bill to this WhatsApp number, as subscribers would get it. It costs a
    /// message
    #[arg(long, value_name = "PHONE", requires = "dry_run", value_parser = phone)]
    pub sample_to: Option<Phone>,
    /// Look on until everybody is told
    #[arg(long, conflicts_with = "dry_run")]
    pub watch: bool,
    /// With --watch: stop looking when nothing has moved for so long. The run goes on
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    pub patience: u32,
}

/// A run of a merchant.
#[derive(Args, Debug)]
pub struct OneRun {
    /// The merchant
    #[arg(value_parser = merchant_id)]
    pub id: MerchantId,
    /// The month that is billed, such as 2026-11
    #[arg(long, value_name = "MONTH", value_parser = period)]
    pub period: Period,
    /// The bills, or a reminder such as d-3, d0 or d+7
    #[arg(long, default_value = "bill", value_parser = track)]
    pub track: Track,
    /// The day of a reminder's run, such as 2026-12-07
    #[arg(long)]
    pub date: Option<Date>,
}

/// A bill of a merchant's subscriber.
#[derive(Args, Debug)]
pub struct OneBill {
    /// The merchant
    #[arg(value_parser = merchant_id)]
    pub id: MerchantId,
    /// The bill, such as B-202611-ani
    #[arg(value_parser = bill_id)]
    pub bill: BillId,
}

/// How money came past Midtrans.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum PaidBy {
    /// In cash
    Cash,
    /// By a bank transfer
    Transfer,
}

impl From<PaidBy> for ByHand {
    fn from(paid: PaidBy) -> Self {
        match paid {
            PaidBy::Cash => Self::Cash,
            PaidBy::Transfer => Self::Transfer,
        }
    }
}

fn bill_id(text: &str) -> Result<BillId, String> {
    BillId::parse(text).map_err(|_| "not a bill such as B-202611-ani".to_owned())
}

fn order_id(text: &str) -> Result<OrderId, String> {
    OrderId::parse(text).map_err(|_| "not an order such as B-202611-ani-A2".to_owned())
}

fn period(text: &str) -> Result<Period, PeriodError> {
    Period::parse(text)
}

fn track(text: &str) -> Result<Track, TrackError> {
    Track::parse(text)
}
