//! What subscribers are asked for, and the money that came and went for it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use pesan_domain::billing::{
    self, BillId, BillState, Cell, Period, Reason, Reference, Slip, Source, Who,
};
use pesan_domain::field::check_number;
use pesan_domain::ids::{EventId, MerchantId, SlipId, SubscriberId};
use pesan_domain::money::Rupiah;
use pesan_service::billing::{
    BillingError, ByHand, Received, Returned, bills_of_period, bills_of_subscriber, pay_by_hand,
    refund, void,
};
use pesan_service::idempotency::Seed;
use pesan_service::subscribers::Position;
use pesan_service::{App, links};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::billing_runs::{SymbolName, period};
use crate::gate::{Caller, Seeded};
use crate::json::{Json, given};
use crate::parameters::{Paging, Parameters};
use crate::problem::{Kind, Problem};
use crate::segment::Segment;

/// A bill is of at most so much.
const MOST_RUPIAH: u64 = 999_999_999;

/// A subscriber's bill for a month
#[derive(Serialize, ToSchema)]
pub(crate) struct Bill {
    /// Its number, which stands in the order ids of its payments too
    #[schema(example = "B-202611-plg-001")]
    number: String,
    /// The id of who owes it
    #[schema(example = "plg-001")]
    subscriber: String,
    /// The month it is for
    #[schema(example = "2026-11")]
    period: String,
    /// The day on which it falls due
    #[schema(format = Date, example = "2026-12-10")]
    due: String,
    /// How it stands
    state: StateName,
    /// What is asked for in all, in rupiah
    #[schema(example = 150_000)]
    amount: u64,
    /// What remains to be paid, in rupiah
    #[schema(example = 100_000)]
    remaining: u64,
    /// What it is made of; the amount is their sum
    lines: Vec<Line>,
    /// The money that came, the oldest first
    payments: Vec<Payment>,
    /// The money that was given back, the oldest first
    refunds: Vec<Refund>,
    /// What of that was given back twice, in rupiah: the shop has lost it
    #[schema(example = 0)]
    lost: u64,
    /// Money that came for it and that the shop must decide about; it is not asked for meanwhile
    in_review: Vec<InReview>,
    /// That it was called off
    #[schema(required)]
    voided: Option<Voided>,
    /// What its cell holds, by track: `bill`, and the reminders such as `d-3` and `d+7`
    #[schema(value_type = BTreeMap<String, SymbolName>, example = json!({"bill": "A", "d-3": "U"}))]
    symbols: BTreeMap<String, SymbolName>,
    /// Its page, on which it is paid and which opens without a login. Null in the answer to a change,
    /// which is kept for a retry
    #[schema(
        required,
        example = "https://pesan.example.com/b/mzxw6ytboi4dcnrvha3tmojrgi"
    )]
    page: Option<String>,
    /// When it was made
    #[schema(format = DateTime, example = "2026-11-30T02:00:02Z")]
    created_at: String,
    /// Since when it is paid in full
    #[schema(required, format = DateTime, example = json!(null))]
    paid_at: Option<String>,
}

/// `Owed`: something remains to be paid. `Paid`: in full. `Voided`: called off. `Refunded`: paid, and
/// all of it given back
#[derive(Serialize, ToSchema)]
#[schema(as = BillState)]
pub(crate) enum StateName {
    Owed,
    Paid,
    Voided,
    Refunded,
}

/// A line of a bill
#[derive(Serialize, ToSchema)]
#[schema(as = BillLine)]
pub(crate) struct Line {
    /// What it is for
    #[schema(example = "Paket Dasar, November 2026")]
    text: String,
    /// What it costs, in rupiah
    #[schema(example = 150_000)]
    amount: u64,
}

/// Money for a bill, all of it or a part
#[derive(Serialize, ToSchema)]
#[schema(as = BillPayment)]
pub(crate) struct Payment {
    /// How much, in rupiah
    #[schema(example = 50_000)]
    amount: u64,
    /// How it came
    source: SourceName,
    /// Who says so, or let money from Midtrans count; null where Midtrans alone does
    #[schema(required, example = "sari")]
    by: Option<String>,
    /// Its order at Midtrans; null where it came past Midtrans
    #[schema(required, example = json!(null))]
    order: Option<String>,
    /// The number of its receipt or transfer; null where none was given
    #[schema(required, example = json!(null))]
    reference: Option<String>,
    /// When it was recorded
    #[schema(format = DateTime, example = "2026-12-01T03:00:00Z")]
    at: String,
    /// When the bank took it back, or the shop struck it out; null where neither did
    #[schema(required, format = DateTime, example = json!(null))]
    reversed_at: Option<String>,
    /// Why the shop struck it out: it never came or, online, was given back by hand and never counted;
    /// null where it did not
    #[schema(required, example = json!(null))]
    struck: Option<String>,
}

/// Money that waits for a decision
#[derive(Serialize, ToSchema)]
#[schema(as = BillPaymentInReview)]
pub(crate) struct InReview {
    /// Its order at Midtrans
    #[schema(example = "B-202611-plg-001-A2")]
    order: String,
    /// What came and has not gone back
    #[schema(example = 150_000)]
    amount: u64,
    /// Since when
    #[schema(format = DateTime, example = "2026-12-01T03:00:00Z")]
    since: String,
}

/// `cash`, `transfer`: past Midtrans. `online`: through Midtrans
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = BillPaymentSource)]
pub(crate) enum SourceName {
    Cash,
    Transfer,
    Online,
}

/// Money that was given back
#[derive(Serialize, ToSchema)]
#[schema(as = BillRefund)]
pub(crate) struct Refund {
    /// How much, in rupiah
    #[schema(example = 50_000)]
    amount: u64,
    /// Why
    #[schema(example = "paid twice")]
    reason: String,
    /// Who says so
    #[schema(example = "sari")]
    by: String,
    /// The number of its receipt or transfer; null where none was given
    #[schema(required, example = json!(null))]
    reference: Option<String>,
    /// When it was recorded
    #[schema(format = DateTime, example = "2026-12-02T03:00:00Z")]
    at: String,
}

/// That a bill was called off
#[derive(Serialize, ToSchema)]
#[schema(as = BillVoided)]
pub(crate) struct Voided {
    /// Why
    #[schema(example = "moved away")]
    reason: String,
    /// Who says so
    #[schema(example = "sari")]
    by: String,
    /// When
    #[schema(format = DateTime, example = "2026-12-02T03:00:00Z")]
    at: String,
}

/// A page of bills
#[derive(Serialize, ToSchema)]
#[schema(as = BillList)]
pub(crate) struct List {
    bills: Vec<Bill>,
    /// The `cursor` of the next page; null on the last
    #[schema(required, example = json!(null))]
    next: Option<String>,
}

/// Money that came past Midtrans
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewBillPayment)]
pub(crate) struct NewPayment {
    /// How much, in rupiah: all that remains or a part of it
    #[schema(minimum = 1, maximum = 999_999_999, example = 50_000)]
    amount: u64,
    /// How it came
    source: ByHandName,
    /// The number of its receipt or transfer. A bill takes it once, however the request is named
    #[serde(default, deserialize_with = "given")]
    #[schema(
        nullable = false,
        min_length = 1,
        max_length = 64,
        example = "TRX-1182",
        pattern = "line"
    )]
    reference: Option<String>,
    /// Who says so, as your system knows them
    #[schema(min_length = 1, max_length = 64, example = "sari", pattern = "line")]
    by: String,
}

/// How money comes past Midtrans
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = NewBillPaymentSource)]
pub(crate) enum ByHandName {
    Cash,
    Transfer,
}

/// Money that was given back past Midtrans
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewBillRefund)]
pub(crate) struct NewRefund {
    /// How much, in rupiah: all that was paid or a part of it
    #[schema(minimum = 1, maximum = 999_999_999, example = 50_000)]
    amount: u64,
    /// Why
    #[schema(
        min_length = 1,
        max_length = 200,
        example = "paid twice",
        pattern = "line"
    )]
    reason: String,
    /// The number of its receipt or transfer. A bill takes it once, however the request is named
    #[serde(default, deserialize_with = "given")]
    #[schema(
        nullable = false,
        min_length = 1,
        max_length = 64,
        example = "TRX-1182",
        pattern = "line"
    )]
    reference: Option<String>,
    /// Who says so, as your system knows them
    #[schema(min_length = 1, max_length = 64, example = "sari", pattern = "line")]
    by: String,
}

/// Why a bill is called off
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewBillVoid)]
pub(crate) struct NewVoid {
    /// Why
    #[schema(
        min_length = 1,
        max_length = 200,
        example = "moved away",
        pattern = "line"
    )]
    reason: String,
    /// Who says so, as your system knows them
    #[schema(min_length = 1, max_length = 64, example = "sari", pattern = "line")]
    by: String,
}

impl From<BillState> for StateName {
    fn from(state: BillState) -> Self {
        match state {
            BillState::Owed => Self::Owed,
            BillState::Paid => Self::Paid,
            BillState::Voided => Self::Voided,
            BillState::Refunded => Self::Refunded,
        }
    }
}

impl From<ByHandName> for ByHand {
    fn from(name: ByHandName) -> Self {
        match name {
            ByHandName::Cash => Self::Cash,
            ByHandName::Transfer => Self::Transfer,
        }
    }
}

impl From<&billing::Instalment> for Payment {
    fn from(one: &billing::Instalment) -> Self {
        let slip = one.slip.as_ref();
        let counted_by = slip.and_then(|slip| slip.counted_by.as_ref());
        let counted_by = counted_by.map(Who::as_str);
        let (source, by, order) = match &one.source {
            Source::Cash(who) => (SourceName::Cash, Some(who.as_str()), None),
            Source::Transfer(who) => (SourceName::Transfer, Some(who.as_str()), None),
            Source::Online(order) => (SourceName::Online, counted_by, Some(order.as_str())),
        };
        Self {
            amount: one.amount.get(),
            source,
            by: by.map(str::to_owned),
            order: order.map(str::to_owned),
            reference: reference(one.slip.as_ref()).map(|text| text.as_str().to_owned()),
            at: one.at.to_string(),
            reversed_at: one.reversed_at.map(|at| at.to_string()),
            struck: one
                .struck
                .as_ref()
                .map(|struck| struck.reason.as_str().to_owned()),
        }
    }
}

impl From<&billing::InReview> for InReview {
    fn from(one: &billing::InReview) -> Self {
        Self {
            order: one.order.as_str().to_owned(),
            amount: one.amount.get(),
            since: one.since.to_string(),
        }
    }
}

impl From<&billing::GivenBack> for Refund {
    fn from(one: &billing::GivenBack) -> Self {
        Self {
            amount: one.amount.get(),
            reason: one.reason.as_str().to_owned(),
            by: one.by.as_str().to_owned(),
            reference: reference(one.slip.as_ref()).map(|text| text.as_str().to_owned()),
            at: one.at.to_string(),
        }
    }
}

impl From<&billing::Voided> for Voided {
    fn from(one: &billing::Voided) -> Self {
        Self {
            reason: one.reason.as_str().to_owned(),
            by: one.by.as_str().to_owned(),
            at: one.at.to_string(),
        }
    }
}

impl Bill {
    /// None where nothing was asked for.
    fn of(cell: &Cell, page: Option<String>) -> Option<Self> {
        let bill = cell.bill.as_ref()?;
        let line = |line: &billing::LineItem| Line {
            text: line.text().to_owned(),
            amount: line.amount().get(),
        };
        let symbols = cell.marks.iter();
        Some(Self {
            number: bill.id.as_str().to_owned(),
            subscriber: cell.subscriber.as_str().to_owned(),
            period: cell.period.to_string(),
            due: bill.due.to_string(),
            state: bill.state().into(),
            amount: bill.amount().get(),
            remaining: bill.remaining().get(),
            lines: bill.lines.as_slice().iter().map(line).collect(),
            payments: bill.instalments.iter().map(Payment::from).collect(),
            refunds: bill.given_back.iter().map(Refund::from).collect(),
            lost: bill.lost.get(),
            in_review: bill.in_review.iter().map(InReview::from).collect(),
            voided: bill.voided.as_ref().map(Voided::from),
            symbols: symbols
                .map(|(track, mark)| (track.to_string(), mark.symbol.into()))
                .collect(),
            page,
            created_at: bill.made_at.to_string(),
            paid_at: bill.settled_at.map(|at| at.to_string()),
        })
    }

    /// With the address of its page.
    async fn shown(app: &App, merchant: &MerchantId, cell: &Cell) -> Result<Option<Self>, Problem> {
        let Some(bill) = &cell.bill else {
            return Ok(None);
        };
        let token = links::bill_token(app, merchant, &bill.id).await?;
        Ok(Self::of(cell, Some(links::bill_url(app, &token))))
    }

    async fn all(app: &App, merchant: &MerchantId, cells: &[Cell]) -> Result<Vec<Self>, Problem> {
        let mut bills = Vec::new();
        for cell in cells {
            bills.extend(Self::shown(app, merchant, cell).await?);
        }
        Ok(bills)
    }
}

fn number_of(segment: &str) -> Result<BillId, Problem> {
    BillId::parse(segment).map_err(|_| Problem::not_found())
}

fn reference(slip: Option<&Slip>) -> Option<&Reference> {
    slip?.reference.as_ref()
}

fn referred(text: Option<&str>) -> Result<Option<Reference>, Problem> {
    Ok(text.map(Reference::new).transpose()?)
}

fn amount(rupiah: u64) -> Result<Rupiah, Problem> {
    check_number("amount", rupiah, 1, MOST_RUPIAH)?;
    Ok(Rupiah::new(rupiah))
}

/// What the operator's own commands do too, each once for all runs of one request.
enum Record {
    Payment(Received),
    Refund(Returned),
    Void { reason: Reason, by: Who },
}

impl Record {
    /// Writes it, unless a run before this one has.
    async fn write(
        &self,
        app: &App,
        merchant: &MerchantId,
        bill: &BillId,
        seed: Seed,
    ) -> Result<Cell, BillingError> {
        if let Some(since) = seed.again_since
            && let Some(cell) = pesan_service::billing::cell(app, merchant, bill).await?
            && cell
                .bill
                .as_ref()
                .is_some_and(|bill| self.is_in(bill, since))
        {
            return Ok(cell);
        }
        match self {
            Self::Payment(received) => pay_by_hand(app, merchant, bill, received).await,
            Self::Refund(returned) => refund(app, merchant, bill, returned).await,
            Self::Void { reason, by } => void(app, merchant, bill, reason, by).await,
        }
    }

    /// Whether the same was recorded since then.
    fn is_in(&self, bill: &billing::Bill, since: Timestamp) -> bool {
        match self {
            Self::Payment(received) => bill.has_slip(&received.slip),
            Self::Refund(returned) => bill.has_slip(&returned.slip),
            Self::Void { reason, by } => bill
                .voided
                .as_ref()
                .is_some_and(|one| one.reason == *reason && one.by == *by && one.at >= since),
        }
    }

    /// Writes it and says how the bill stands then.
    async fn recorded(
        self,
        app: &App,
        caller: &Caller,
        segment: &str,
        seed: Seed,
    ) -> Result<Answer<Bill>, Problem> {
        let number = number_of(segment)?;
        let cell = self.write(app, &caller.key.merchant, &number, seed).await?;
        let bill = Bill::of(&cell, None).ok_or(BillingError::UnknownBill(number))?;
        Ok(Answer(bill))
    }
}

/// The same for every run of one request.
fn slip(seed: Seed) -> SlipId {
    EventId::new(Timestamp::UNIX_EPOCH, seed.number).into()
}

/// Which bills are asked for.
enum Wanted {
    Period(Period),
    Subscriber(SubscriberId),
}

impl Wanted {
    fn read(parameters: &mut Parameters) -> Result<Self, Problem> {
        let refused = |field: &'static str, reason: &str| {
            let detail = format!("{field}: {reason}");
            Err(Problem::at(Kind::InvalidField, field, detail))
        };
        match (parameters.take("period")?, parameters.take("subscriber")?) {
            (Some(text), None) => Ok(Self::Period(period(&text)?)),
            (None, Some(text)) => match SubscriberId::parse(&text) {
                Ok(id) => Ok(Self::Subscriber(id)),
                Err(_) => refused("subscriber", "not an id such as plg-001"),
            },
            (None, None) => refused(
                "period",
                "give a month such as 2026-11, or the id of a subscriber as `subscriber`",
            ),
            (Some(_), Some(_)) => refused(
                "subscriber",
                "give it or `period`, not both; a bill of both is /v1/bills/B-202611-plg-001",
            ),
        }
    }

    /// The list's name under the seal of its cursors.
    fn list(&self) -> String {
        match self {
            Self::Period(period) => format!("bills of {period}"),
            Self::Subscriber(id) => format!("bills of subscriber {id}"),
        }
    }
}

/// The bills of a month, or of a subscriber
///
/// Those of a month in an order that stays the same and means nothing; those of a subscriber the newest
/// first, whoever was taken out too. A bill of the last moments may not be among a subscriber's yet.
#[utoipa::path(
    get,
    path = "/v1/bills",
    operation_id = "list_bills",
    tag = "Bills",
    params(
        ("period" = Option<String>, Query, description = "The month that was billed; this or \
            `subscriber`", example = "2026-11",
            pattern = "month"),
        ("subscriber" = Option<String>, Query, description = "The id of who owes them; this or \
            `period`", pattern = "id"),
        Paging,
    ),
    responses((status = 200, description = "A page of bills", body = List))
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    mut parameters: Parameters,
) -> Result<Answer<List>, Problem> {
    let wanted = Wanted::read(&mut parameters)?;
    let name = wanted.list();
    let page = parameters.page(&caller, &name)?;
    parameters.end()?;
    let (merchant, after) = (&caller.key.merchant, page.after.as_deref());
    let (cells, next) = match wanted {
        Wanted::Period(period) => {
            let after = after.map(Position::parse).transpose()?;
            let read = bills_of_period(&app, merchant, period, after.as_ref(), page.limit).await?;
            (read.cells, read.next.map(|next| next.to_string()))
        }
        Wanted::Subscriber(id) => {
            let before = after.map(Period::parse).transpose();
            let before = before.map_err(|_| Problem::invalid_cursor())?;
            let read = bills_of_subscriber(&app, merchant, &id, before, page.limit).await?;
            (read.cells, read.next.map(|next| next.to_string()))
        }
    };
    Ok(Answer(List {
        bills: Bill::all(&app, merchant, &cells).await?,
        next: next.map(|next| caller.cursors.seal(&name, &next)),
    }))
}

/// One bill
#[utoipa::path(
    get,
    path = "/v1/bills/{number}",
    operation_id = "get_bill",
    tag = "Bills",
    params(("number" = String, Path, description = "Its number", example = "B-202611-plg-001",
        pattern = "bill number")),
    responses((status = 200, description = "The bill", body = Bill))
)]
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segment(segment): Segment,
    parameters: Parameters,
) -> Result<Answer<Bill>, Problem> {
    parameters.end()?;
    let (merchant, number) = (&caller.key.merchant, number_of(&segment)?);
    let found = pesan_service::billing::cell(&app, merchant, &number).await?;
    let bill = match &found {
        Some(cell) => Bill::shown(&app, merchant, cell).await?,
        None => None,
    };
    let bill = bill.ok_or(BillingError::UnknownBill(number))?;
    Ok(Answer(bill))
}

/// Records money that came past Midtrans
///
/// All that remains or a part. Paid in full, the bill's reminders stop. Name the request with an
/// `Idempotency-Key`: without one a retry is another payment.
#[utoipa::path(
    post,
    path = "/v1/bills/{number}/payments",
    operation_id = "record_bill_payment",
    tag = "Bills",
    params(("number" = String, Path, description = "The bill's number", example = "B-202611-plg-001",
        pattern = "bill number")),
    request_body = NewPayment,
    responses((status = 201, description = "It is recorded: the bill as it stands", body = Bill))
)]
pub(crate) async fn pay(
    State(app): State<Arc<App>>,
    caller: Caller,
    Seeded(seed): Seeded,
    Segment(segment): Segment,
    parameters: Parameters,
    Json(new): Json<NewPayment>,
) -> Result<(StatusCode, Answer<Bill>), Problem> {
    parameters.end()?;
    let payment = Record::Payment(Received {
        slip: slip(seed),
        amount: amount(new.amount)?,
        source: new.source.into(),
        reference: referred(new.reference.as_deref())?,
        by: Who::new(&new.by)?,
    });
    let bill = payment.recorded(&app, &caller, &segment, seed).await?;
    Ok((StatusCode::CREATED, bill))
}

/// Records money that was given back past Midtrans
///
/// What is given back in Midtrans' dashboard is told by Midtrans and not recorded here. A paid bill of
/// which all is given back is closed; of one that is not paid in full it is owed again. Name the request
/// with an `Idempotency-Key`: without one a retry is another refund.
#[utoipa::path(
    post,
    path = "/v1/bills/{number}/refunds",
    operation_id = "record_bill_refund",
    tag = "Bills",
    params(("number" = String, Path, description = "The bill's number", example = "B-202611-plg-001",
        pattern = "bill number")),
    request_body = NewRefund,
    responses((status = 201, description = "It is recorded: the bill as it stands", body = Bill))
)]
pub(crate) async fn give_back(
    State(app): State<Arc<App>>,
    caller: Caller,
    Seeded(seed): Seeded,
    Segment(segment): Segment,
    parameters: Parameters,
    Json(new): Json<NewRefund>,
) -> Result<(StatusCode, Answer<Bill>), Problem> {
    parameters.end()?;
    let refund = Record::Refund(Returned {
        slip: slip(seed),
        amount: Some(amount(new.amount)?),
        reason: Reason::new(&new.reason)?,
        reference: referred(new.reference.as_deref())?,
        by: Who::new(&new.by)?,
    });
    let bill = refund.recorded(&app, &caller, &segment, seed).await?;
    Ok((StatusCode::CREATED, bill))
}

/// Calls a bill off
///
/// Nothing is asked for any more, and its reminders stop. What was paid of it is given back first.
#[utoipa::path(
    post,
    path = "/v1/bills/{number}/void",
    operation_id = "void_bill",
    tag = "Bills",
    params(("number" = String, Path, description = "The bill's number", example = "B-202611-plg-001",
        pattern = "bill number")),
    request_body = NewVoid,
    responses((status = 200, description = "It is called off: the bill as it stands", body = Bill))
)]
pub(crate) async fn call_off(
    State(app): State<Arc<App>>,
    caller: Caller,
    Seeded(seed): Seeded,
    Segment(segment): Segment,
    parameters: Parameters,
    Json(new): Json<NewVoid>,
) -> Result<Answer<Bill>, Problem> {
    parameters.end()?;
    let void = Record::Void {
        reason: Reason::new(&new.reason)?,
        by: Who::new(&new.by)?,
    };
    void.recorded(&app, &caller, &segment, seed).await
}
