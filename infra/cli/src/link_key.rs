//! `pesan link-key`.

use pesan_service::App;
use pesan_service::link_key::{self, HandedOut, Linked};
use serde_json::json;

use crate::arguments::LinkKeyCommand;
use crate::report::Report;

/// Runs a command about the key.
pub async fn run(app: &App, command: LinkKeyCommand) -> anyhow::Result<Report> {
    let (text, linked) = match command {
        LinkKeyCommand::Rotate { days, revoke } => {
            let (handed_out, fate) = if revoke {
                (HandedOut::Revoked, "in the place of the old one")
            } else {
                (HandedOut::Kept, "beside the old one")
            };
            let linked = link_key::rotate(app, days, handed_out).await?;
            let text = format!(
                "the link key is exchanged, and {} have a new link {fate}\nFunctions \
                 hold the old key for five minutes: run `pesan link-key reissue` after that",
                in_words(linked),
            );
            (text, linked)
        }
        LinkKeyCommand::Reissue { days } => {
            let linked = link_key::reissue(app, days).await?;
            (format!("{} have a link", in_words(linked)), linked)
        }
    };
    let Linked { bookings, bills } = linked;
    let json = json!({"bookings": bookings, "bills": bills});
    Ok(Report::good(text, json))
}

fn in_words(linked: Linked) -> String {
    format!("{} bookings and {} bills", linked.bookings, linked.bills)
}
