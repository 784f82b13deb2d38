//! `pesan bills`.

use jiff::Timestamp;
use pesan_domain::billing::{
    Bill, BillId, BillState, Cell, GivenBack, Instalment, Period, Reason, Reference, RunId, Slip,
    Source, Struck, Symbol, Track, Who,
};
use pesan_domain::ids::MerchantId;
use pesan_domain::money::Rupiah;
use pesan_service::billing::{self, Accepted, BillingError, Received, Returned};
use pesan_service::{App, links};
use serde_json::{Value, json};

use crate::arguments::{BillsCommand, OneBill};
use crate::report::Report;
use crate::table::Table;

/// Cells that are read at once.
const PAGE: u16 = 500;

/// Runs a command about bills.
pub async fn run(app: &App, command: BillsCommand) -> anyhow::Result<Report> {
    match command {
        BillsCommand::List { id, period, unpaid } => list(app, &id, period, unpaid).await,
        BillsCommand::Show(OneBill { id, bill }) => {
            let unknown = || BillingError::UnknownBill(bill.clone());
            let cell = billing::cell(app, &id, &bill).await?.ok_or_else(unknown)?;
            let bill = cell.bill.as_ref().ok_or_else(unknown)?;
            let token = links::bill_token(app, &id, &bill.id).await?;
            let page = links::bill_url(app, &token);
            let mut json = as_json(&cell, bill);
            if let Value::Object(fields) = &mut json {
                fields.insert("page".to_owned(), json!(page));
            }
            Ok(Report::good(shown(&cell, bill, &page), json))
        }
        BillsCommand::Pay {
            one,
            amount,
            source,
            reference,
            by,
        } => {
            let OneBill { id, bill } = one;
            let received = Received {
                slip: billing::fresh_slip(app),
                amount,
                source: source.into(),
                reference: reference.as_deref().map(Reference::new).transpose()?,
                by: Who::new(&by)?,
            };
            let cell = billing::pay_by_hand(app, &id, &bill, &received).await?;
            done(&cell, &bill, |now| {
                let rest = now.remaining();
                match now.state() {
                    BillState::Paid => format!("{amount} is recorded, and {bill} is paid"),
                    BillState::Owed | BillState::Voided | BillState::Refunded => {
                        format!("{amount} is recorded, and {rest} of {bill} remains")
                    }
                }
            })
        }
        BillsCommand::Strike {
            one,
            payment,
            reason,
            by,
        } => {
            let OneBill { id, bill } = one;
            let struck = Struck {
                by: Who::new(&by)?,
                reason: Reason::new(&reason)?,
            };
            let cell = billing::strike(app, &id, &bill, payment, &struck).await?;
            done(&cell, &bill, |now| {
                let rest = now.remaining();
                format!("record {payment} is struck out, and {rest} of {bill} remains")
            })
        }
        BillsCommand::Accept {
            one,
            order,
            amount,
            by,
        } => {
            let OneBill { id, bill } = one;
            let by = Who::new(&by)?;
            let accepted = Accepted { order, amount, by };
            let cell = billing::accept(app, &id, &bill, &accepted).await?;
            done(&cell, &bill, |now| {
                let (order, rest) = (accepted.order.as_str(), now.remaining());
                let counts = format!("the money of {order} counts, and {rest} of {bill} remains");
                match now.surplus_of(&accepted.order) {
                    Rupiah::ZERO => counts,
                    surplus => format!("{counts}. {}", to_give_back(surplus)),
                }
            })
        }
        BillsCommand::Return {
            one,
            order,
            reason,
            by,
        } => {
            let OneBill { id, bill } = one;
            let struck = Struck {
                by: Who::new(&by)?,
                reason: Reason::new(&reason)?,
            };
            let cell = billing::give_back_uncounted(app, &id, &bill, &order, &struck).await?;
            done(&cell, &bill, |now| {
                let (order, rest) = (order.as_str(), now.remaining());
                format!("the money of {order} is given back, and {rest} of {bill} remains")
            })
        }
        BillsCommand::Void { one, reason, by } => {
            let OneBill { id, bill } = one;
            let (reason, who) = (Reason::new(&reason)?, Who::new(&by)?);
            let cell = billing::void(app, &id, &bill, &reason, &who).await?;
            done(&cell, &bill, |_| format!("{bill} is called off"))
        }
        BillsCommand::Refund {
            one,
            amount,
            reason,
            reference,
            by,
        } => {
            let OneBill { id, bill } = one;
            let returned = Returned {
                slip: billing::fresh_slip(app),
                amount,
                reason: Reason::new(&reason)?,
                reference: reference.as_deref().map(Reference::new).transpose()?,
                by: Who::new(&by)?,
            };
            let cell = billing::refund(app, &id, &bill, &returned).await?;
            done(&cell, &bill, |now| {
                let (back, kept) = (now.refunded(), now.kept());
                format!("{back} of {bill} is given back in all, and {kept} of it is kept")
            })
        }
    }
}

fn done(cell: &Cell, id: &BillId, text: impl FnOnce(&Bill) -> String) -> anyhow::Result<Report> {
    let unknown = || BillingError::UnknownBill(id.clone());
    let bill = cell.bill.as_ref().ok_or_else(unknown)?;
    Ok(Report::good(text(bill), as_json(cell, bill)))
}

async fn list(app: &App, id: &MerchantId, period: Period, unpaid: bool) -> anyhow::Result<Report> {
    let run = RunId::Bill { period };
    let (mut next, mut cells) = (None, Vec::new());
    loop {
        let page = billing::tape(app, id, run, next.as_ref(), PAGE).await?;
        cells.extend(page.cells);
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    let mut bills: Vec<(&Cell, &Bill)> = cells
        .iter()
        .filter_map(|cell| Some((cell, cell.bill.as_ref()?)))
        .filter(|(_, bill)| !unpaid || bill.is_owed())
        .collect();
    bills.sort_by(|(_, one), (_, other)| one.id.as_str().cmp(other.id.as_str()));
    let all: Vec<Value> = bills
        .iter()
        .map(|(cell, bill)| as_json(cell, bill))
        .collect();
    let json = json!({"bills": all});
    if bills.is_empty() {
        let text = if unpaid {
            "every bill is paid"
        } else {
            "there is no bill"
        };
        return Ok(Report::good(text, json));
    }
    let mut table = Table::new(["bill", "due", "amount", "remains", "state", "message"]);
    let (mut asked, mut remains) = (Rupiah::ZERO, Rupiah::ZERO);
    for (cell, bill) in &bills {
        let counts = bill.voided.is_none();
        asked = asked.saturating_add(if counts { bill.amount() } else { Rupiah::ZERO });
        remains = remains.saturating_add(bill.remaining());
        table.row([
            bill.id.to_string(),
            bill.due.to_string(),
            bill.amount().to_string(),
            bill.remaining().to_string(),
            standing(bill).to_owned(),
            told(cell).to_owned(),
        ]);
    }
    let count = bills.len();
    let text = format!("{table}{count} bills, {asked} in all, {remains} remains\n");
    Ok(Report::good(text, json))
}

/// How it stands: money that somebody must look at comes first.
fn standing(bill: &Bill) -> &'static str {
    if bill.in_review.is_empty() {
        bill.state().name()
    } else {
        "Review"
    }
}

/// What became of the message that told the subscriber of the bill.
fn told(cell: &Cell) -> &'static str {
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

fn shown(cell: &Cell, bill: &Bill, page: &str) -> String {
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

fn to_give_back(surplus: Rupiah) -> String {
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

fn as_json(cell: &Cell, bill: &Bill) -> Value {
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
