//! `pesan bills`.

mod view;

use anyhow::anyhow;
use pesan_domain::billing::{
    Bill, BillId, BillState, Cell, Period, Reason, Reference, Refused, RunId, Struck, Who,
};
use pesan_domain::ids::{MerchantId, OrderId};
use pesan_domain::money::Rupiah;
use pesan_service::billing::{self, Accepted, BillingError, Received, Returned};
use pesan_service::{App, links};
use serde_json::{Value, json};

use crate::arguments::{BillsCommand, OneBill};
use crate::report::Report;
use crate::table::Table;
use view::{as_json, shown, standing, to_give_back, told};

/// Cells that are read at once.
const PAGE: u16 = 500;

/// Runs a command about bills.
pub async fn run(app: &App, command: BillsCommand) -> anyhow::Result<Report> {
    match command {
        BillsCommand::List { id, period, unpaid } => list(app, &id, period, unpaid).await,
        BillsCommand::Show(one) => show(app, &one).await,
        BillsCommand::Pay {
            one,
            amount,
            source,
            reference,
            by,
        } => {
            let received = Received {
                slip: billing::fresh_slip(app),
                amount,
                source: source.into(),
                reference: reference.as_deref().map(Reference::new).transpose()?,
                by: Who::new(&by)?,
            };
            pay(app, &one, &received).await
        }
        BillsCommand::Strike {
            one,
            payment,
            reason,
            by,
        } => strike(app, &one, payment, &struck(&reason, &by)?).await,
        BillsCommand::Accept {
            one,
            order,
            amount,
            by,
        } => {
            let by = Who::new(&by)?;
            accept(app, &one, &Accepted { order, amount, by }).await
        }
        BillsCommand::Return {
            one,
            order,
            reason,
            by,
        } => give_back(app, &one, &order, &struck(&reason, &by)?).await,
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
            let returned = Returned {
                slip: billing::fresh_slip(app),
                amount,
                reason: Reason::new(&reason)?,
                reference: reference.as_deref().map(Reference::new).transpose()?,
                by: Who::new(&by)?,
            };
            refund(app, &one, &returned).await
        }
    }
}

fn struck(reason: &str, by: &str) -> anyhow::Result<Struck> {
    Ok(Struck {
        by: Who::new(by)?,
        reason: Reason::new(reason)?,
    })
}

/// Of what names nothing that is there, where to look.
fn unless_there(error: BillingError, OneBill { id, bill }: &OneBill) -> anyhow::Error {
    match error {
        BillingError::Refused(Refused::NotPaid) => anyhow!(
            "{error}: `pesan bills show {id} {bill}` says what came, and what waits for a decision"
        ),
        error => error.into(),
    }
}

async fn show(app: &App, OneBill { id, bill }: &OneBill) -> anyhow::Result<Report> {
    let unknown = || BillingError::UnknownBill(bill.clone());
    let cell = billing::cell(app, id, bill).await?.ok_or_else(unknown)?;
    let bill = cell.bill.as_ref().ok_or_else(unknown)?;
    let token = links::bill_token(app, id, &bill.id).await?;
    let page = links::bill_url(app, &token);
    let mut json = as_json(&cell, bill);
    if let Value::Object(fields) = &mut json {
        fields.insert("page".to_owned(), json!(page));
    }
    Ok(Report::good(shown(&cell, bill, &page), json))
}

async fn pay(
    app: &App,
    OneBill { id, bill }: &OneBill,
    received: &Received,
) -> anyhow::Result<Report> {
    let cell = billing::pay_by_hand(app, id, bill, received).await?;
    done(&cell, bill, |now| {
        let (amount, rest) = (received.amount, now.remaining());
        match now.state() {
            BillState::Paid => format!("{amount} is recorded, and {bill} is paid"),
            BillState::Owed | BillState::Voided | BillState::Refunded => {
                format!("{amount} is recorded, and {rest} of {bill} remains")
            }
        }
    })
}

async fn strike(
    app: &App,
    one: &OneBill,
    number: usize,
    struck: &Struck,
) -> anyhow::Result<Report> {
    let OneBill { id, bill } = one;
    let cell = billing::strike(app, id, bill, number, struck).await;
    let cell = cell.map_err(|error| unless_there(error, one))?;
    done(&cell, bill, |now| {
        let rest = now.remaining();
        format!("record {number} is struck out, and {rest} of {bill} remains")
    })
}

async fn accept(app: &App, one: &OneBill, accepted: &Accepted) -> anyhow::Result<Report> {
    let OneBill { id, bill } = one;
    let cell = billing::accept(app, id, bill, accepted).await;
    let cell = cell.map_err(|error| unless_there(error, one))?;
    done(&cell, bill, |now| {
        let (order, rest) = (accepted.order.as_str(), now.remaining());
        let counts = format!("the money of {order} counts, and {rest} of {bill} remains");
        match now.surplus_of(&accepted.order) {
            Rupiah::ZERO => counts,
            surplus => format!("{counts}. {}", to_give_back(surplus)),
        }
    })
}

async fn give_back(
    app: &App,
    one: &OneBill,
    order: &OrderId,
    struck: &Struck,
) -> anyhow::Result<Report> {
    let OneBill { id, bill } = one;
    let cell = billing::give_back_uncounted(app, id, bill, order, struck).await;
    let cell = cell.map_err(|error| unless_there(error, one))?;
    done(&cell, bill, |now| {
        let (order, rest) = (order.as_str(), now.remaining());
        format!("the money of {order} is given back, and {rest} of {bill} remains")
    })
}

async fn refund(
    app: &App,
    OneBill { id, bill }: &OneBill,
    returned: &Returned,
) -> anyhow::Result<Report> {
    let cell = billing::refund(app, id, bill, returned).await?;
    done(&cell, bill, |now| {
        let (back, kept) = (now.refunded(), now.kept());
        format!("{back} of {bill} is given back in all, and {kept} of it is kept")
    })
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
