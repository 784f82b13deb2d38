//! What can be typed.

mod subscribers;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use jiff::civil::{Date, Time, Weekday};
use pesan_domain::api_key::{KeyId, Rate, Scope, ScopeError};
use pesan_domain::billing::{BillId, Offset, Period, PeriodError, Reminders, Track, TrackError};
use pesan_domain::calendar::{SlotTime, Zone, ZoneError};
use pesan_domain::field::FieldRefused;
use pesan_domain::ids::{MerchantId, PlanId, SubscriberId};
use pesan_domain::language::Language;
use pesan_domain::message::text::Kind;
use pesan_domain::money::{self, Rupiah};
use pesan_domain::whatsapp::{Phone, TypedPhoneError};
use pesan_service::billing::ByHand;

pub use subscribers::*;

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

/// `pesan merchant`
#[derive(Debug, Subcommand)]
pub enum MerchantCommand {
    /// Makes a merchant
    Add {
        /// 2 to 32 small letters, digits and hyphens: a part of every address, for good
        #[arg(value_parser = merchant_id)]
        id: MerchantId,
        /// As customers know it
        #[arg(long)]
        name: String,
        /// Asia/Jakarta, Asia/Makassar or Asia/Jayapura, for good: all its days are days there
        #[arg(long, value_parser = zone)]
        zone: Zone,
        /// The rest
        #[command(flatten)]
        settings: Settings,
    },
    /// Lists the merchants
    List,
    /// Shows a merchant
    Show {
        /// The merchant
        #[arg(value_parser = merchant_id)]
        id: MerchantId,
    },
    /// Changes a merchant's settings; what is not named stays
    Set {
        /// The merchant
        #[arg(value_parser = merchant_id)]
        id: MerchantId,
        /// As customers know it
        #[arg(long)]
        name: Option<String>,
        /// The rest
        #[command(flatten)]
        settings: Settings,
    },
}

/// Settings that can be changed.
#[derive(Args, Clone, Debug)]
pub struct Settings {
    /// What it does, in Indonesian
    #[arg(long, value_name = "TEXT")]
    pub about_id: Option<String>,
    /// What it does, in English
    #[arg(long, value_name = "TEXT")]
    pub about_en: Option<String>,
    /// How many customers a slot takes
    #[arg(long, value_name = "N")]
    pub seats: Option<u8>,
    /// How long an unpaid booking holds its seat
    #[arg(long, value_name = "MINUTES")]
    pub hold_minutes: Option<u16>,
    /// How far ahead it takes bookings
    #[arg(long, value_name = "DAYS")]
    pub horizon_days: Option<u16>,
    /// What a WhatsApp message costs it, such as 367; by category with --price-otp and
    /// --price-answer
    #[arg(long, value_parser = rupiah, value_name = "RUPIAH")]
    pub price: Option<Rupiah>,
    /// What a one-time code costs it
    #[arg(long, value_parser = rupiah, value_name = "RUPIAH")]
    pub price_otp: Option<Rupiah>,
    /// What an answer within 24 hours costs it
    #[arg(long, value_parser = rupiah, value_name = "RUPIAH")]
    pub price_answer: Option<Rupiah>,
    /// Below this the balance is low
    #[arg(long, value_parser = rupiah, value_name = "RUPIAH")]
    pub low_mark: Option<Rupiah>,
    /// What of the balance only one-time codes may use
    #[arg(long, value_parser = rupiah, value_name = "RUPIAH")]
    pub protected: Option<Rupiah>,
    /// WhatsApp messages a second: 80, or 1000 once Meta has raised it
    #[arg(long, value_name = "N")]
    pub per_second: Option<u32>,
    /// How many people a day Meta lets it write to first; 0 for no limit
    #[arg(long, value_name = "N")]
    pub recipients_a_day: Option<u32>,
    /// Days from the due day on which unpaid bills are called to mind, such as -3,0,3,7; empty for
    /// none
    #[arg(long, allow_hyphen_values = true, value_parser = reminders, value_name = "DAYS")]
    pub reminders: Option<Reminders>,
}

fn reminders(days: &str) -> Result<Reminders, String> {
    let days = days.split(',').map(str::trim).filter(|day| !day.is_empty());
    let offsets = days
        .map(|day| {
            let offset = day.parse().ok().and_then(|days| Offset::new(days).ok());
            offset.ok_or_else(|| format!("{day:?} is no number of days from the due day"))
        })
        .collect::<Result<Vec<Offset>, String>>()?;
    Reminders::new(&offsets).map_err(|refused| refused.to_string())
}

/// `pesan messages`
#[derive(Debug, Subcommand)]
pub enum MessagesCommand {
    /// Sends a registered template to a list; the same file again on the same day sends nothing
    Send(MessagesSend),
}

/// `pesan messages send`
#[derive(Args, Debug)]
pub struct MessagesSend {
    /// The merchant
    #[arg(value_parser = merchant_id)]
    pub id: MerchantId,
    /// The template's registered name, such as low_balance
    #[arg(long, value_parser = template, value_name = "NAME")]
    pub template: Kind,
    /// CSV with the columns phone, one for each blank (1, 2, …), and link where the template has a
    /// button that opens a page
    #[arg(long, value_name = "FILE")]
    pub csv: PathBuf,
    /// Which of the template's languages
    #[arg(long, default_value = "id", value_parser = language, value_name = "id|en")]
    pub language: Tongue,
    /// Only say what would be sent, and what it costs
    #[arg(long)]
    pub dry_run: bool,
    /// Send the other rows where some are refused
    #[arg(long)]
    pub skip_refused: bool,
}

/// A language of templates.
#[derive(Clone, Copy, Debug)]
pub struct Tongue(pub Language);

fn language(code: &str) -> Result<Tongue, String> {
    match code {
        "id" => Ok(Tongue(Language::Indonesian)),
        "en" => Ok(Tongue(Language::English)),
        _ => Err("the languages are id and en".to_owned()),
    }
}

fn template(name: &str) -> Result<Kind, String> {
    Kind::parse(name).map_err(|_| {
        let names: Vec<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
        format!("the templates are {}", names.join(", "))
    })
}

/// `pesan catalog`
#[derive(Debug, Subcommand)]
pub enum CatalogCommand {
    /// Writes what a file lists; the same file again changes nothing
    Import(CatalogImport),
    /// Prints the catalog as the CSV that import reads
    Export {
        /// The merchant
        #[arg(value_parser = merchant_id)]
        id: MerchantId,
        /// A file instead of the terminal
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

/// `pesan catalog import`
#[derive(Args, Debug)]
pub struct CatalogImport {
    /// The merchant
    #[arg(value_parser = merchant_id)]
    pub id: MerchantId,
    /// CSV with the columns device, part, price, minutes, and optionally stock and id
    pub file: PathBuf,
    /// Only say what would be done
    #[arg(long)]
    pub dry_run: bool,
    /// Take out what the file does not list
    #[arg(long)]
    pub remove_absent: bool,
    /// Import the other rows where some are refused
    #[arg(long, conflicts_with = "remove_absent")]
    pub skip_refused: bool,
}

/// `pesan plans`
#[derive(Debug, Subcommand)]
pub enum PlansCommand {
    /// Makes a plan
    Add {
        /// The merchant
        #[arg(value_parser = merchant_id)]
        id: MerchantId,
        /// 1 to 24 small letters, digits and hyphens, for good
        #[arg(value_parser = plan_id)]
        plan: PlanId,
        /// As it stands on the bill
        #[arg(long)]
        name: String,
        /// What a month costs, such as 150000
        #[arg(long, value_parser = rupiah, value_name = "RUPIAH")]
        fee: Rupiah,
    },
    /// Lists the plans
    List {
        /// The merchant
        #[arg(value_parser = merchant_id)]
        id: MerchantId,
    },
    /// Changes a plan from the next bill on; what is not named stays
    Set(PlanSettings),
    /// Archives a plan: who has it keeps it, and nobody new gets it
    Remove {
        /// The merchant
        #[arg(value_parser = merchant_id)]
        id: MerchantId,
        /// The plan
        #[arg(value_parser = plan_id)]
        plan: PlanId,
    },
}

/// `pesan plans set`
#[derive(Args, Debug)]
pub struct PlanSettings {
    /// The merchant
    #[arg(value_parser = merchant_id)]
    pub id: MerchantId,
    /// The plan
    #[arg(value_parser = plan_id)]
    pub plan: PlanId,
    /// As it stands on the bill
    #[arg(long)]
    pub name: Option<String>,
    /// What a month costs, such as 150000
    #[arg(long, value_parser = rupiah, value_name = "RUPIAH")]
    pub fee: Option<Rupiah>,
    /// Whether it takes nobody new
    #[arg(long, value_name = "true|false")]
    pub archived: Option<bool>,
}

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

/// `pesan hours`
#[derive(Debug, Subcommand)]
pub enum HoursCommand {
    /// Changes the hours; what is not named stays
    Set(Hours),
}

/// `pesan hours set`
#[derive(Args, Clone, Debug)]
pub struct Hours {
    /// The merchant
    #[arg(value_parser = merchant_id)]
    pub id: MerchantId,
    /// The slots of a day, such as 09:00-11:00,13:00-15:00
    #[arg(long, value_delimiter = ',', value_parser = slot, value_name = "FROM-TO")]
    pub slots: Option<Vec<SlotTime>>,
    /// Weekdays it is closed on, such as saturday,sunday, or none
    #[arg(long, value_delimiter = ',', value_parser = weekday, value_name = "WEEKDAY")]
    pub closed: Option<Vec<Closed>>,
    /// Single days it is closed on, such as 2026-12-25,2027-01-01, or none
    #[arg(long, value_delimiter = ',', value_parser = closed_date, value_name = "DATE")]
    pub closed_dates: Option<Vec<ClosedDate>>,
}

/// A weekday, or that there is none.
pub type Closed = Option<Weekday>;
/// A date, or that there is none.
pub type ClosedDate = Option<Date>;

/// What a list says: all of its values, or that there are none.
pub fn all_or_none<T: Clone>(
    field: &'static str,
    list: Option<&[Option<T>]>,
) -> Result<Option<Vec<T>>, FieldRefused> {
    let Some(list) = list else { return Ok(None) };
    let values: Vec<T> = list.iter().flatten().cloned().collect();
    if values.is_empty() || values.len() == list.len() {
        return Ok(Some(values));
    }
    Err(FieldRefused::new(field, "none stands alone"))
}

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

fn merchant_id(text: &str) -> Result<MerchantId, String> {
    MerchantId::parse(text).map_err(|_| "not 2 to 32 small letters, digits and hyphens".to_owned())
}

fn key_id(text: &str) -> Result<KeyId, String> {
    KeyId::parse(text).map_err(|_| "not 12 hexadecimal digits: see `pesan key list`".to_owned())
}

fn scope(text: &str) -> Result<Scope, ScopeError> {
    Scope::parse(text.trim())
}

fn plan_id(text: &str) -> Result<PlanId, String> {
    PlanId::parse(text).map_err(|_| "not 1 to 24 small letters, digits and hyphens".to_owned())
}

fn subscriber_id(text: &str) -> Result<SubscriberId, String> {
    SubscriberId::parse(text)
        .map_err(|_| "not 1 to 24 small letters, digits and hyphens".to_owned())
}

fn bill_id(text: &str) -> Result<BillId, String> {
    BillId::parse(text).map_err(|_| "not a bill such as B-202611-ani".to_owned())
}

fn phone(text: &str) -> Result<Phone, TypedPhoneError> {
    Phone::read(text)
}

fn period(text: &str) -> Result<Period, PeriodError> {
    Period::parse(text)
}

fn track(text: &str) -> Result<Track, TrackError> {
    Track::parse(text)
}

fn rupiah(text: &str) -> Result<Rupiah, String> {
    money::parse_gross_amount(text)
        .ok()
        .filter(|_| !text.contains('.'))
        .ok_or_else(|| "not whole rupiah without separators, such as 150000".to_owned())
}

fn zone(text: &str) -> Result<Zone, ZoneError> {
    Zone::parse(text)
}

fn slot(text: &str) -> Result<SlotTime, String> {
    let wrong = || format!("{text} is no slot such as 09:00-11:00");
    let time = |text: &str| {
        let text = text.trim().replace('.', ":");
        Time::strptime("%H:%M", text).map_err(|_| wrong())
    };
    let (start, end) = text.split_once(['-', '–']).ok_or_else(wrong)?;
    Ok(SlotTime {
        start: time(start)?,
        end: time(end)?,
    })
}

fn weekday(text: &str) -> Result<Closed, String> {
    Ok(Some(match text.trim().to_ascii_lowercase().as_str() {
        "none" => return Ok(None),
        "monday" => Weekday::Monday,
        "tuesday" => Weekday::Tuesday,
        "wednesday" => Weekday::Wednesday,
        "thursday" => Weekday::Thursday,
        "friday" => Weekday::Friday,
        "saturday" => Weekday::Saturday,
        "sunday" => Weekday::Sunday,
        _ => return Err(format!("{text} is no weekday such as sunday, and not none")),
    }))
}

fn closed_date(text: &str) -> Result<ClosedDate, String> {
    match text.trim() {
        "none" => Ok(None),
        date => date
            .parse()
            .map(Some)
            .map_err(|_| format!("{date} is no date such as 2026-12-25, and not none")),
    }
}
