//! `pesan messages`.

use clap::{Args, Subcommand};
use pesan_domain::ids::MerchantId;
use pesan_domain::language::Language;
use pesan_domain::message::text::Kind;
use std::path::PathBuf;

use super::read::merchant_id;

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

pub(super) fn language(code: &str) -> Result<Tongue, String> {
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
