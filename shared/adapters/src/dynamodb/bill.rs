//! Bills, as the tape has them: a row a cell, in shards beside those of the subscribers.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use jiff::civil::Date;
use pesan_domain::billing::{
    Bill, BillId, Cell, Entry, GivenBack, InReview, Instalment, LineItem, LineItems, Mark, Period,
    Reason, Reference, Slip, Source, Struck, Symbol, Track, Voided, Who, Why,
};
use pesan_domain::ids::{MerchantId, OrderId, SlipId, SubscriberId};
use pesan_domain::money::Rupiah;
use serde::{Deserialize, Serialize};

use super::contact::text;
use super::rows::{Keyed, LinkRow};
use super::{
    Item, MessageRecord, Places, Store, StoreError, broken, from_item, keys, outbox_item, to_item,
    unavailable,
};
use crate::events::Envelope;

#[derive(Clone, Debug, Serialize, Deserialize)]
struct MarkRow {
    symbol: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    ran: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    accepted: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct EntryRow {
    /// In milliseconds, as every time of a cell.
    at: i64,
    track: String,
    old: String,
    new: String,
    why: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct LineRow {
    text: String,
    amount: u64,
}

/// How money came, and the person or the order that says so.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum SourceRow {
    Cash(String),
    Transfer(String),
    Online(String),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct SlipRow {
    id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    counted_by: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct InstalmentRow {
    amount: u64,
    #[serde(default, skip_serializing_if = "is_nothing")]
    surplus: u64,
    source: SourceRow,
    at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reversed_at: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    struck: Option<StruckRow>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    slip: Option<SlipRow>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct StruckRow {
    by: String,
    reason: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct InReviewRow {
    order: String,
    #[serde(default)]
    amount: u64,
    since: i64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct GivenBackRow {
    amount: u64,
    reason: String,
    by: String,
    at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    order: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    slip: Option<SlipRow>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct VoidedRow {
    reason: String,
    by: String,
    at: i64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct BillRow {
    lines: Vec<LineRow>,
    due: String,
    made_at: i64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    instalments: Vec<InstalmentRow>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    given_back: Vec<GivenBackRow>,
    #[serde(default, skip_serializing_if = "is_nothing")]
    lost: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    settled_at: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    voided: Option<VoidedRow>,
    #[serde(default)]
    attempts: u8,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    in_review: Vec<InReviewRow>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct CellRow {
    subscriber: String,
    period: String,
    marks: BTreeMap<String, MarkRow>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bill: Option<BillRow>,
    trace: Vec<EntryRow>,
    version: u64,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands out a reference"
)]
fn is_nothing(amount: &u64) -> bool {
    *amount == 0
}

fn millis(at: Timestamp) -> i64 {
    at.as_millisecond()
}

fn moment(millis: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_millisecond(millis).map_err(broken)
}

/// Only the field's name: what stands in it may be personal.
fn who(name: &str) -> Result<Who, StoreError> {
    Who::new(name).map_err(|refused| broken(refused.field))
}

fn reason(text: &str) -> Result<Reason, StoreError> {
    Reason::new(text).map_err(|refused| broken(refused.field))
}

impl From<&Slip> for SlipRow {
    fn from(slip: &Slip) -> Self {
        let reference = slip.reference.as_ref();
        Self {
            id: slip.id.to_string(),
            reference: reference.map(|text| text.as_str().to_owned()),
            counted_by: slip.counted_by.as_ref().map(|by| by.as_str().to_owned()),
        }
    }
}

impl SlipRow {
    fn slip(&self) -> Result<Slip, StoreError> {
        let reference = self.reference.as_deref().map(Reference::new).transpose();
        Ok(Slip {
            id: SlipId::parse(&self.id).map_err(broken)?,
            reference: reference.map_err(|refused| broken(refused.field))?,
            counted_by: self.counted_by.as_deref().map(who).transpose()?,
        })
    }
}

impl From<&Source> for SourceRow {
    fn from(source: &Source) -> Self {
        match source {
            Source::Cash(who) => Self::Cash(who.as_str().to_owned()),
            Source::Transfer(who) => Self::Transfer(who.as_str().to_owned()),
            Source::Online(order) => Self::Online(order.as_str().to_owned()),
        }
    }
}

impl SourceRow {
    fn source(&self) -> Result<Source, StoreError> {
        Ok(match self {
            Self::Cash(name) => Source::Cash(who(name)?),
            Self::Transfer(name) => Source::Transfer(who(name)?),
            Self::Online(order) => Source::Online(OrderId::parse(order).map_err(broken)?),
        })
    }
}

impl From<&Instalment> for InstalmentRow {
    fn from(instalment: &Instalment) -> Self {
        Self {
            amount: instalment.amount.get(),
            surplus: instalment.surplus.get(),
            source: SourceRow::from(&instalment.source),
            at: millis(instalment.at),
            reversed_at: instalment.reversed_at.map(millis),
            struck: instalment.struck.as_ref().map(StruckRow::from),
            slip: instalment.slip.as_ref().map(SlipRow::from),
        }
    }
}

impl InstalmentRow {
    fn instalment(&self) -> Result<Instalment, StoreError> {
        Ok(Instalment {
            amount: Rupiah::new(self.amount),
            surplus: Rupiah::new(self.surplus),
            source: self.source.source()?,
            at: moment(self.at)?,
            reversed_at: self.reversed_at.map(moment).transpose()?,
            struck: self.struck.as_ref().map(StruckRow::struck).transpose()?,
            slip: self.slip.as_ref().map(SlipRow::slip).transpose()?,
        })
    }
}

impl From<&Struck> for StruckRow {
    fn from(struck: &Struck) -> Self {
        Self {
            by: struck.by.as_str().to_owned(),
            reason: struck.reason.as_str().to_owned(),
        }
    }
}

impl StruckRow {
    fn struck(&self) -> Result<Struck, StoreError> {
        Ok(Struck {
            by: who(&self.by)?,
            reason: reason(&self.reason)?,
        })
    }
}

impl From<&InReview> for InReviewRow {
    fn from(in_review: &InReview) -> Self {
        Self {
            order: in_review.order.as_str().to_owned(),
            amount: in_review.amount.get(),
            since: millis(in_review.since),
        }
    }
}

impl InReviewRow {
    fn in_review(&self) -> Result<InReview, StoreError> {
        Ok(InReview {
            order: OrderId::parse(&self.order).map_err(broken)?,
            amount: Rupiah::new(self.amount),
            since: moment(self.since)?,
        })
    }
}

impl From<&GivenBack> for GivenBackRow {
    fn from(given: &GivenBack) -> Self {
        Self {
            amount: given.amount.get(),
            reason: given.reason.as_str().to_owned(),
            by: given.by.as_str().to_owned(),
            at: millis(given.at),
            order: given.order.as_ref().map(|one| one.as_str().to_owned()),
            slip: given.slip.as_ref().map(SlipRow::from),
        }
    }
}

impl GivenBackRow {
    fn given_back(&self) -> Result<GivenBack, StoreError> {
        let order = self.order.as_deref().map(OrderId::parse).transpose();
        Ok(GivenBack {
            amount: Rupiah::new(self.amount),
            reason: reason(&self.reason)?,
            by: who(&self.by)?,
            at: moment(self.at)?,
            order: order.map_err(broken)?,
            slip: self.slip.as_ref().map(SlipRow::slip).transpose()?,
        })
    }
}

impl From<&Voided> for VoidedRow {
    fn from(voided: &Voided) -> Self {
        Self {
            reason: voided.reason.as_str().to_owned(),
            by: voided.by.as_str().to_owned(),
            at: millis(voided.at),
        }
    }
}

impl VoidedRow {
    fn voided(&self) -> Result<Voided, StoreError> {
        Ok(Voided {
            reason: reason(&self.reason)?,
            by: who(&self.by)?,
            at: moment(self.at)?,
        })
    }
}

impl From<&Bill> for BillRow {
    fn from(bill: &Bill) -> Self {
        let line = |line: &LineItem| LineRow {
            text: line.text().to_owned(),
            amount: line.amount().get(),
        };
        Self {
            lines: bill.lines.as_slice().iter().map(line).collect(),
            due: bill.due.to_string(),
            made_at: millis(bill.made_at),
            instalments: bill.instalments.iter().map(InstalmentRow::from).collect(),
            given_back: bill.given_back.iter().map(GivenBackRow::from).collect(),
            lost: bill.lost.get(),
            settled_at: bill.settled_at.map(millis),
            voided: bill.voided.as_ref().map(VoidedRow::from),
            attempts: bill.attempts,
            in_review: bill.in_review.iter().map(InReviewRow::from).collect(),
        }
    }
}

impl BillRow {
    fn bill(&self, id: BillId) -> Result<Bill, StoreError> {
        let refused = |refused: pesan_domain::field::FieldRefused| broken(refused.field);
        let line = |line: &LineRow| LineItem::new(&line.text, Rupiah::new(line.amount));
        let lines: Result<Vec<LineItem>, _> = self.lines.iter().map(line).collect();
        let lines = LineItems::new(lines.map_err(refused)?).map_err(refused)?;
        let instalments = self.instalments.iter().map(InstalmentRow::instalment);
        let given_back = self.given_back.iter().map(GivenBackRow::given_back);
        let in_review = self.in_review.iter().map(InReviewRow::in_review);
        Ok(Bill {
            due: self.due.parse::<Date>().map_err(broken)?,
            instalments: instalments.collect::<Result<_, _>>()?,
            given_back: given_back.collect::<Result<_, _>>()?,
            lost: Rupiah::new(self.lost),
            settled_at: self.settled_at.map(moment).transpose()?,
            voided: self.voided.as_ref().map(VoidedRow::voided).transpose()?,
            attempts: self.attempts,
            in_review: in_review.collect::<Result<_, _>>()?,
            ..Bill::new(id, lines, Date::MIN, moment(self.made_at)?)
        })
    }
}

impl From<&Entry> for EntryRow {
    fn from(entry: &Entry) -> Self {
        Self {
            at: millis(entry.at),
            track: entry.track.to_string(),
            old: entry.old.name().to_owned(),
            new: entry.new.name().to_owned(),
            why: entry.why.to_string(),
        }
    }
}

impl EntryRow {
    fn entry(&self) -> Result<Entry, StoreError> {
        Ok(Entry {
            at: moment(self.at)?,
            track: Track::parse(&self.track).map_err(broken)?,
            old: Symbol::parse(&self.old).map_err(broken)?,
            new: Symbol::parse(&self.new).map_err(broken)?,
            why: Why::parse(&self.why).map_err(broken)?,
        })
    }
}

impl From<&Cell> for CellRow {
    fn from(cell: &Cell) -> Self {
        let mark = |(track, mark): (&Track, &Mark)| {
            let row = MarkRow {
                symbol: mark.symbol.name().to_owned(),
                ran: mark.ran,
                accepted: mark.accepted,
            };
            (track.to_string(), row)
        };
        Self {
            subscriber: cell.subscriber.to_string(),
            period: cell.period.to_string(),
            marks: cell.marks.iter().map(mark).collect(),
            bill: cell.bill.as_ref().map(BillRow::from),
            trace: cell.trace.iter().map(EntryRow::from).collect(),
            version: cell.version,
        }
    }
}

impl CellRow {
    pub fn cell(&self) -> Result<Cell, StoreError> {
        let subscriber = SubscriberId::parse(&self.subscriber).map_err(broken)?;
        let period = Period::parse(&self.period).map_err(broken)?;
        let id = BillId::new(period, subscriber.clone());
        let marks = self.marks.iter().map(|(track, row)| {
            let mark = Mark {
                symbol: Symbol::parse(&row.symbol).map_err(broken)?,
                ran: row.ran,
                accepted: row.accepted,
            };
            Ok::<_, StoreError>((Track::parse(track).map_err(broken)?, mark))
        });
        let bill = self.bill.as_ref().map(|row| row.bill(id));
        Ok(Cell {
            subscriber,
            period,
            marks: marks.collect::<Result<_, _>>()?,
            bill: bill.transpose()?,
            trace: self
                .trace
                .iter()
                .map(EntryRow::entry)
                .collect::<Result<_, _>>()?,
            version: self.version,
        })
    }
}

fn cell(item: Item) -> Result<Cell, StoreError> {
    from_item::<Keyed<CellRow>>(item)?.row.cell()
}

/// Its row; the index keys follow from whose it is, so they never change.
pub(super) fn cell_item(merchant: &MerchantId, cell: &Cell) -> Result<Item, StoreError> {
    let id = BillId::new(cell.period, cell.subscriber.clone());
    let row = Keyed::new(keys::bill(merchant, &id), CellRow::from(cell));
    to_item(&row.indexed(
        keys::bills_of(merchant, &cell.subscriber),
        cell.period.to_string(),
    ))
}

/// A cell in the version to be written, with all that goes with it.
#[derive(Clone, Debug)]
pub struct CellChange<'a> {
    /// Whose.
    pub merchant: &'a MerchantId,
    /// As it is then, over the version before it or, as version 1, where there is none.
    pub cell: &'a Cell,
    /// The hash of the token that leads to its page from now on.
    pub link: Option<&'a str>,
    /// The message that tells its subscriber, and the event that has it sent.
    pub queued: Option<(&'a MessageRecord, &'a Envelope)>,
    /// What is announced with it.
    pub announced: Vec<&'a Envelope>,
}

impl<'a> CellChange<'a> {
    /// A change with nothing beside it.
    #[must_use]
    pub fn plain(merchant: &'a MerchantId, cell: &'a Cell) -> Self {
        Self {
            merchant,
            cell,
            link: None,
            queued: None,
            announced: vec![],
        }
    }
}

/// Some of a shard's cells, in the order that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellPage {
    /// The cells.
    pub cells: Vec<Cell>,
    /// Whether there are none behind them.
    pub is_last: bool,
}

/// One tape of a merchant's period.
#[derive(Clone, Copy, Debug)]
pub struct Tape<'a> {
    /// Whose.
    pub merchant: &'a MerchantId,
    /// Of which period.
    pub period: Period,
    /// Which of them.
    pub shard: u8,
}

impl Tape<'_> {
    fn pk(&self) -> String {
        keys::bills(self.merchant, self.period, self.shard)
    }

    /// Where a page begins that follows a cell.
    fn start(&self, after: Option<&SubscriberId>) -> Option<Item> {
        after.map(|id| {
            Item::from([
                ("PK".to_owned(), text(&self.pk())),
                ("SK".to_owned(), text(id.as_str())),
            ])
        })
    }
}

impl Store {
    /// Bills' cells by their ids, those that are there, in any order; a hundred in one round trip.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn cells(
        &self,
        merchant: &MerchantId,
        ids: &[BillId],
    ) -> Result<Vec<Cell>, StoreError> {
        let wanted = ids.iter().map(|id| keys::bill(merchant, id).item());
        let items = self.batch_get(wanted.collect()).await?;
        items.into_iter().map(cell).collect()
    }

    /// At most `limit` periods of which a subscriber has a cell, the newest first, before `before`; and
    /// whether there are none behind them. The index may not know of the last moment yet.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn periods_of(
        &self,
        merchant: &MerchantId,
        subscriber: &SubscriberId,
        before: Option<Period>,
        limit: u16,
    ) -> Result<(Vec<Period>, bool), StoreError> {
        let condition = match before {
            Some(_) => "GSI1PK = :pk AND GSI1SK < :before",
            None => "GSI1PK = :pk",
        };
        let pk = Some(text(&keys::bills_of(merchant, subscriber)));
        let before = before.map(|period| text(&period.to_string()));
        let values = [(":pk", pk), (":before", before)];
        let values = values
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)));
        let answer = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("GSI1")
            .key_condition_expression(condition)
            .set_expression_attribute_values(Some(values.collect()))
            .scan_index_forward(false)
            .limit(limit.max(1).into())
            .send()
            .await
            .map_err(unavailable)?;
        let is_last = answer.last_evaluated_key.is_none();
        let period = |item: Item| {
            let row = from_item::<Keyed<()>>(item)?;
            Period::parse(row.gsi1sk.as_deref().unwrap_or_default()).map_err(broken)
        };
        let items = answer.items.unwrap_or_default();
        let periods: Result<Vec<Period>, StoreError> = items.into_iter().map(period).collect();
        Ok((periods?, is_last))
    }

    /// At most `limit` cells of a tape behind `after`: from there on to the right, or to the left.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn cell_page(
        &self,
        tape: Tape<'_>,
        after: Option<&SubscriberId>,
        to_the_right: bool,
        limit: u16,
    ) -> Result<CellPage, StoreError> {
        let answer = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("PK = :pk")
            .expression_attribute_values(":pk", text(&tape.pk()))
            .scan_index_forward(to_the_right)
            .consistent_read(true)
            .limit(limit.max(1).into())
            .set_exclusive_start_key(tape.start(after))
            .send()
            .await
            .map_err(unavailable)?;
        let is_last = answer.last_evaluated_key.is_none();
        let items = answer.items.unwrap_or_default();
        let cells: Result<Vec<Cell>, StoreError> = items.into_iter().map(cell).collect();
        Ok(CellPage {
            cells: cells?,
            is_last,
        })
    }

    /// Every cell of a tape behind `after`, up to and with `last`, or up to the end.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn cells_up_to(
        &self,
        tape: Tape<'_>,
        after: Option<&SubscriberId>,
        last: Option<&SubscriberId>,
    ) -> Result<Vec<Cell>, StoreError> {
        let mut cells = Vec::new();
        let mut start = tape.start(after);
        loop {
            let condition = match last {
                Some(_) => "PK = :pk AND SK <= :last",
                None => "PK = :pk",
            };
            let values = [
                (":pk", Some(text(&tape.pk()))),
                (":last", last.map(|id| text(id.as_str()))),
            ];
            let values = values
                .into_iter()
                .filter_map(|(name, value)| Some((name.to_owned(), value?)));
            let values: std::collections::HashMap<String, AttributeValue> = values.collect();
            let answer = self
                .client
                .query()
                .table_name(&self.table)
                .key_condition_expression(condition)
                .set_expression_attribute_values(Some(values))
                .consistent_read(true)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(unavailable)?;
            for item in answer.items.unwrap_or_default() {
                cells.push(cell(item)?);
            }
            start = answer.last_evaluated_key;
            if start.is_none() {
                return Ok(cells);
            }
        }
    }

    /// Writes a cell with all that goes with it, all or nothing.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where another write of the cell came first, or its message is there
    /// already: it is read and decided again.
    pub async fn change_cell(&self, change: &CellChange<'_>) -> Result<(), StoreError> {
        let CellChange {
            merchant,
            cell,
            link,
            queued,
            announced,
        } = change;
        let item = cell_item(merchant, cell)?;
        if link.is_none() && queued.is_none() && announced.is_empty() {
            return self.put_next(item, cell.version).await;
        }
        let mut writes = vec![self.next(item, cell.version)?];
        if let Some(hash) = link {
            let id = BillId::new(cell.period, cell.subscriber.clone());
            let row = LinkRow::of_bill(merchant, &id);
            writes.push(self.put(to_item(&Keyed::new(keys::link(hash), row))?)?);
        }
        if let Some((record, envelope)) = queued {
            writes.push(self.put_new(record.item()?)?);
            writes.push(self.put(outbox_item(envelope)?)?);
        }
        for envelope in announced {
            writes.push(self.put(outbox_item(envelope)?)?);
        }
        self.transact(writes, Places::default()).await
    }
}
