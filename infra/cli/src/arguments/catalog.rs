//! `pesan catalog` and `pesan plans`.

use clap::{Args, Subcommand};
use pesan_domain::ids::{MerchantId, PlanId};
use pesan_domain::money::Rupiah;
use std::path::PathBuf;

use super::read::{merchant_id, plan_id, rupiah};

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
