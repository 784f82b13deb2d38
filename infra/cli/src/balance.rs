//! `pesan topup` and `pesan balance`.

use jiff::Timestamp;
use pesan_domain::balance::PACKAGES;
use pesan_domain::calendar::{Zone, date_in_words, time_in_words};
use pesan_domain::ids::MerchantId;
use pesan_domain::language::Language;
use pesan_service::App;
use pesan_service::top_up::{balance, open, receive};
use serde_json::json;

use crate::report::Report;
use crate::table::Table;

/// Sells a package, credits one that was paid for another way, or lists them.
pub async fn top_up(
    app: &App,
    id: &MerchantId,
    package: Option<&str>,
    received: Option<&str>,
) -> anyhow::Result<Report> {
    match (package, received) {
        (Some(package), Some(reference)) => credited(app, id, package, reference).await,
        (Some(package), None) => sold(app, id, package).await,
        (None, _) => listed(app, id).await,
    }
}

async fn credited(
    app: &App,
    id: &MerchantId,
    package: &str,
    reference: &str,
) -> anyhow::Result<Report> {
    let received = receive(app, id, package, reference).await?;
    let amount = received.amount;
    let text = if received.now {
        format!("{id} is credited with {amount}")
    } else {
        format!("{reference} was credited before, with {amount}: nothing is credited again")
    };
    let json = json!({
        "merchant": id.as_str(),
        "amount": amount.get(),
        "credited": received.now,
    });
    Ok(Report::good(text, json))
}

async fn sold(app: &App, id: &MerchantId, package: &str) -> anyhow::Result<Report> {
    let top_up = open(app, id, package).await?;
    let (order, amount) = (top_up.order.as_str(), top_up.package.amount);
    let text = format!(
        "{order} credits {id} with {amount}, paid to {}\nIt can be paid until {}:\n{}",
        top_up.seller,
        in_words(top_up.until, top_up.merchant.zone),
        top_up.url
    );
    let json = json!({
        "order_id": order,
        "merchant": id.as_str(),
        "seller": top_up.seller.as_str(),
        "package": top_up.package.id,
        "amount": amount.get(),
        "until": top_up.until.to_string(),
        "url": top_up.url,
    });
    Ok(Report::good(text, json))
}

/// At the merchant's own price of a message.
async fn listed(app: &App, id: &MerchantId) -> anyhow::Result<Report> {
    let (merchant, _) = balance(app, id).await?;
    let price = merchant.messaging.prices.utility;
    let mut table = Table::new(["package", "messages", "price"]);
    let mut packages = Vec::new();
    for package in PACKAGES {
        let messages = package.messages(price);
        table.row([
            package.id.to_owned(),
            messages.map_or_else(|| "any number".to_owned(), |messages| messages.to_string()),
            package.amount.to_string(),
        ]);
        packages.push(json!({
            "package": package.id,
            "messages": messages,
            "amount": package.amount.get(),
        }));
    }
    let text = format!("{table}`pesan topup {id} --package N` prints a link to pay by");
    Ok(Report::good(text, json!({ "packages": packages })))
}

/// Shows a balance.
pub async fn show(app: &App, id: &MerchantId) -> anyhow::Result<Report> {
    let (_, account) = balance(app, id).await?;
    let balance = account.balance;
    let lines: String = [
        ("available", balance.available),
        ("reserved", balance.reserved),
        ("spent", balance.spent),
        ("low mark", balance.low_mark),
    ]
    .iter()
    .map(|(name, amount)| format!("{name:<11}{amount}\n"))
    .collect();
    let json = json!({
        "available": balance.available.get(),
        "reserved": balance.reserved.get(),
        "spent": balance.spent.get(),
        "low_mark": balance.low_mark.get(),
    });
    Ok(Report::good(lines, json))
}

fn in_words(at: Timestamp, zone: Zone) -> String {
    let there = at.to_zoned(zone.tz());
    let date = date_in_words(there.date(), Language::English);
    format!("{date}, {}", time_in_words(there.time(), zone))
}
