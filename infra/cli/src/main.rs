//! `pesan`: what the operator of a deployment does from a terminal.

mod arguments;
mod balance;
mod billing;
mod bills;
mod catalog;
mod deployment;
mod doctor;
mod key;
mod keys;
mod link_key;
mod merchant;
mod messages;
mod midtrans;
mod plans;
mod report;
mod secret;
mod subscribers;
mod table;
mod telegram;
mod whatsapp;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};

use arguments::{Arguments, CatalogCommand, Command, HoursCommand};
use report::Report;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let json = arguments.json;
    let done = Box::pin(run(arguments)).await;
    let printed = match &done {
        Ok(report) => report.print(json),
        Err(error) => report::print_error(error, json),
    };
    match (done, printed) {
        (Ok(report), Ok(())) if report.is_good => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<Report> {
    if let Command::Completions { shell } = arguments.command {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Arguments::command(), "pesan", &mut script);
        return Ok(Report::text(String::from_utf8(script)?));
    }
    let app = deployment::connect(&arguments).await?;
    match arguments.command {
        Command::Merchant { command } => merchant::run(&app, command).await,
        Command::Catalog {
            command: CatalogCommand::Import(import),
        } => catalog::import(&app, &import).await,
        Command::Catalog {
            command: CatalogCommand::Export { id, output },
        } => catalog::export(&app, &id, output.as_deref()).await,
        Command::Plans { command } => plans::run(&app, command).await,
        Command::Subscribers { command } => subscribers::run(&app, command).await,
        Command::Bills { command } => bills::run(&app, command).await,
        Command::Billing { command } => billing::run(&app, command).await,
        Command::Hours {
            command: HoursCommand::Set(hours),
        } => merchant::set_hours(&app, hours).await,
        Command::Telegram { command } => telegram::run(&app, command).await,
        Command::Midtrans { command } => midtrans::run(&app, command).await,
        Command::WhatsApp { command } => whatsapp::run(&app, command).await,
        Command::Messages { command } => messages::run(&app, command).await,
        Command::Key { command } => key::run(&app, command).await,
        Command::Keys { command } => keys::run(&app, command).await,
        Command::LinkKey { command } => link_key::run(&app, command).await,
        Command::TopUp {
            id,
            package,
            received,
        } => balance::top_up(&app, &id, package.as_deref(), received.as_deref()).await,
        Command::Balance { id } => balance::show(&app, &id).await,
        Command::Doctor { id } => doctor::run(&app, id.as_ref()).await,
        Command::Completions { .. } => anyhow::bail!("completions need no deployment"),
    }
}
