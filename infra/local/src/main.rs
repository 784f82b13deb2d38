//! The local stack: the whole product in one process, on an embedded DynamoDB, with stand-ins for
//! Telegram and Midtrans and a page to play them. `cargo run` starts it.

mod activity;
mod bus;
mod clock;
mod database;
mod demo;
mod edge;
mod handles;
mod invoke;
mod kept;
mod parameters;
mod path;
mod patterns;
mod queues;
mod schedules;
mod seed;
mod server;
mod stack;
mod streams;
mod template;
#[cfg(test)]
mod whatsapp;

use std::io::Write as _;
use std::path::PathBuf;

use clap::{Parser, Subcommand};
use jiff::Timestamp;

use stack::{Addresses, Options};

/// Pesan on this machine, playable, with nothing but Rust.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Where the product and its sandbox answer (0 = any free port)
    #[arg(long, default_value_t = 8787)]
    port: u16,
    /// Where DynamoDB answers (0 = any free port)
    #[arg(long, default_value_t = 8788)]
    dynamodb_port: u16,
    /// Where the state is kept between runs
    #[arg(long, default_value = ".pesan", value_name = "DIR")]
    data: PathBuf,
    /// Keep nothing: everything is in memory
    #[arg(long)]
    ephemeral: bool,
    /// Without the demo's merchants and secrets: as an account is after the first deploy
    #[arg(long)]
    empty: bool,
    /// What time it is at the start, with its offset
    #[arg(long, value_name = "2026-11-30T08:00:00+07:00")]
    clock: Option<Timestamp>,
    /// Another wiring than the project's
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../../template.yaml"), value_name = "FILE")]
    template: PathBuf,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Plays a whole booking by itself and says each step
    Demo,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    pesan_lambda::telemetry::init(pesan_lambda::telemetry::NAMESPACE, std::io::stderr);
    let arguments = Arguments::parse();
    match arguments.command {
        Some(Command::Demo) => demo::play(&arguments.template).await,
        None => serve(arguments).await,
    }
}

async fn serve(arguments: Arguments) -> anyhow::Result<()> {
    let addresses = stack::start(Options {
        port: arguments.port,
        dynamodb_port: arguments.dynamodb_port,
        data: (!arguments.ephemeral).then_some(arguments.data),
        clock: arguments.clock,
        template: arguments.template,
        empty: arguments.empty,
    })
    .await?;
    announce(&addresses, arguments.empty)?;
    tokio::signal::ctrl_c().await?;
    Ok(())
}

/// How accounts at the vendors are opened, where a person would go to BotFather and to Midtrans.
fn opening(base: &str) -> String {
    format!(
        "\nto open a merchant's accounts at the vendors:\n\
         curl {base}/sandbox/accounts -d '{{\"merchant\":\"jaya\",\"bot_username\":\"jaya_bot\",\
         \"bot_token\":\"4711:jaya\",\"midtrans_merchant_id\":\"G123456789\",\
         \"server_key\":\"SB-Mid-server-jaya\",\"client_key\":\"SB-Mid-client-0123456789abcdef\",\
         \"notification_url\":\"{base}/midtrans/jaya\"}}'\n\
         for the operator's commands:\nexport PESAN_ENDPOINT={base}\n"
    )
}

fn announce(addresses: &Addresses, empty: bool) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    let base = &addresses.base_url;
    writeln!(out, "sandbox   {base}/sandbox")?;
    if empty {
        writeln!(out, "{}", opening(base))?;
    } else {
        writeln!(out, "shop      {base}/m/demo")?;
    }
    writeln!(
        out,
        "desk      not there yet: the shop's side is still to come"
    )?;
    writeln!(out, "dynamodb  {}", addresses.dynamodb_url)?;
    writeln!(out, "\nfor `cargo lambda watch`:")?;
    for (name, value) in addresses.variables("") {
        writeln!(out, "export {name}={value}")?;
    }
    writeln!(out, "\nready {base}")?;
    out.flush()
}
