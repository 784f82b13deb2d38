//! Bills as the terminal and programs are shown them.

use jiff::Timestamp;
use pesan_domain::billing::{Bill, Cell, GivenBack, Instalment, Slip, Source, Symbol, Track};
use pesan_domain::money::Rupiah;
use serde_json::{Value, json};

/// How it stands: money that somebody must look at comes first.
pub fn standing(bill: &Bill) -> &'static str {
    if bill.in_review.is_empty() {
        bill.state().name()
    } else {
        "Review"
    }
}

/// What became of the message that told the subscriber of the bill.
pub fn told(cell: &Cell) -> &'static str {
    match cell.symbol(Track::Bill) {
        Symbol::U => "",
        Symbol::C => "on its way",
        Symbol::N => "no channel",
        Symbol::K => "none",
        Symbol::A => "sent",
        Symbol::G => "not delivered",
        Symbol::P => "paid",
    }
}

pub fn shown(cell: &Cell, bill: &Bill, page: &str) -> String {
    let mut lines = vec![
        ("bill", bill.id.to_string()),
        ("subscriber", cell.subscriber.to_string()),
        ("due", bill.due.to_string()),
        ("state", standing(bill).to_owned()),
    ];
    for line in bill.lines.as_slice() {
        lines.push(("line", format!("{}: {}", line.text(), line.amount())));
    }
    lines.push(("amount", bill.amount().to_string()));
    for (number, one) in (1_u32..).zip(&bill.instalments) {
        lines.push(("paid", format!("{number}: {}", came(one))));
    }
    for one in &bill.in_review {
        let (amount, order, since) = (one.amount, one.order.as_str(), one.since);
        let ways = "`pesan bills accept`, a refund at Midtrans, or `pesan bills return` once it is \
                    given back by hand";
        lines.push(("in review", format!("{amount} ({order}), {since}: {ways}")));
    }
    for one in &bill.given_back {
        lines.push(("given back", went(one)));
    }
    if bill.lost > Rupiah::ZERO {
        lines.push(("lost", format!("{}, given back twice", bill.lost)));
    }
    if let Some(voided) = &bill.voided {
        let (by, at, reason) = (voided.by.as_str(), voided.at, voided.reason.as_str());
        lines.push(("called off", format!("by {by}, {at}: {reason}")));
    }
    lines.push(("remains", bill.remaining().to_string()));
    lines.push(("message", told(cell).to_owned()));
    lines.push(("page", page.to_owned()));
    let mut text = String::new();
    for (name, value) in lines {
        text.push_str(&format!("{name:<12}{value}\n"));
    }
    text
}

pub fn to_give_back(surplus: Rupiah) -> String {
    format!(
        "{surplus} more came: give it back at Midtrans, or by hand and then say so with `pesan bills \
         return`"
    )
}

fn came(one: &Instalment) -> String {
    let (way, who) = source(&one.source);
    let taken = match (&one.struck, one.reversed_at) {
        (Some(struck), Some(at)) => {
            let (by, reason) = (struck.by.as_str(), struck.reason.as_str());
            let what = match &one.source {
                Source::Cash(_) | Source::Transfer(_) => "struck out",
                Source::Online(_) => "given back",
            };
            format!(", {what} by {by} {at}: {reason}")
        }
        (None, Some(at)) => format!(", taken back by the bank {at}"),
        (_, None) if one.surplus > Rupiah::ZERO => format!(". {}", to_give_back(one.surplus)),
        (_, None) => String::new(),
    };
    let known = known_by(one.slip.as_ref());
    let counted = counted_by(one.slip.as_ref());
    let counted = counted.map_or_else(String::new, |by| format!(", counted by {by}"));
    format!(
        "{} ({way}, {who}{known}{counted}), {}{taken}",
        one.amount, one.at
    )
}

fn went(one: &GivenBack) -> String {
    let (amount, by, at) = (one.amount, one.by.as_str(), one.at);
    let (known, reason) = (known_by(one.slip.as_ref()), one.reason.as_str());
    format!("{amount} by {by}{known}, {at}: {reason}")
}

/// The reference that a record was given, if any.
fn reference(slip: Option<&Slip>) -> Option<&str> {
    Some(slip?.reference.as_ref()?.as_str())
}

/// Who let it count, where somebody had to.
fn counted_by(slip: Option<&Slip>) -> Option<&str> {
    Some(slip?.counted_by.as_ref()?.as_str())
}

fn known_by(slip: Option<&Slip>) -> String {
    reference(slip).map_or_else(String::new, |text| format!(", {text}"))
}

/// How money came, and who says so.
fn source(source: &Source) -> (&'static str, &str) {
    match source {
        Source::Cash(who) => ("cash", who.as_str()),
        Source::Transfer(who) => ("transfer", who.as_str()),
        Source::Online(order) => ("online", order.as_str()),
    }
}

pub fn as_json(cell: &Cell, bill: &Bill) -> Value {
    let time = |at: Timestamp| at.to_string();
    let payments = bill.instalments.iter().map(|one| {
        let (way, who) = source(&one.source);
        json!({
            "amount": one.amount.get(),
            "surplus": one.surplus.get(),
            "source": way,
            "by": who,
            "at": time(one.at),
            "counted_by": counted_by(one.slip.as_ref()),
            "reference": reference(one.slip.as_ref()),
            "reversed_at": one.reversed_at.map(time),
            "struck": one.struck.as_ref().map(|struck| {
                json!({"by": struck.by.as_str(), "reason": struck.reason.as_str()})
            }),
        })
    });
    let refunds = bill.given_back.iter().map(|one| {
        json!({
            "amount": one.amount.get(),
            "reason": one.reason.as_str(),
            "by": one.by.as_str(),
            "at": time(one.at),
            "reference": reference(one.slip.as_ref()),
        })
    });
    let in_review = bill.in_review.iter();
    let in_review = in_review.map(|one| {
        let (order, amount) = (one.order.as_str(), one.amount.get());
        json!({"order": order, "amount": amount, "since": time(one.since)})
    });
    let voided = bill.voided.as_ref().map(
        |one| json!({"reason": one.reason.as_str(), "by": one.by.as_str(), "at": time(one.at)}),
    );
    let lines = bill.lines.as_slice().iter();
    let lines = lines.map(|line| json!({"text": line.text(), "amount": line.amount().get()}));
    let symbols = cell.marks.iter();
    let symbols = symbols.map(|(track, mark)| (track.to_string(), json!(mark.symbol.name())));
    json!({
        "id": bill.id.as_str(),
        "subscriber": cell.subscriber.as_str(),
        "period": cell.period.to_string(),
        "due": bill.due.to_string(),
        "state": bill.state().name(),
        "amount": bill.amount().get(),
        "remaining": bill.remaining().get(),
        "lines": lines.collect::<Vec<Value>>(),
        "payments": payments.collect::<Vec<Value>>(),
        "refunds": refunds.collect::<Vec<Value>>(),
        "lost": bill.lost.get(),
        "in_review": in_review.collect::<Vec<Value>>(),
        "voided": voided,
        "symbols": symbols.collect::<serde_json::Map<String, Value>>(),
    })
}
