//! Runs over the tapes of bills (docs/BILLING.md): the machine of the domain, driven page by page,
//! and what an operator asks and writes.

mod begin;
mod bill_page;
mod bills;
mod by_hand;
mod commit;
mod drive;
mod forecast;
mod late;
mod obstacles;
mod page;
mod progress;
mod resume;
mod sample;
mod tape;

use jiff::Timestamp;
use pesan_adapters::dynamodb::StoreError;
use pesan_domain::billing::{BillId, NotNow, Period, Refused, RunId};
use pesan_domain::ids::MerchantId;
use pesan_domain::merchant::Merchant;
use pesan_domain::message::activation::NotActive;

use crate::{App, Failure};

pub use begin::{Kind, begin_zone};
pub use bill_page::{BillView, by_token, pay};
pub use bills::{BillsOf, bills_of_period, bills_of_subscriber};
pub use by_hand::{
    Accepted, ByHand, Received, Returned, accept, cell, fresh_slip, give_back_uncounted,
    pay_by_hand, refund, strike, void,
};
pub use drive::{Driven, Shard, drive};
pub use forecast::{Forecast, Listed};
pub use obstacles::Obstacle;
pub use progress::{Progress, ShardProgress, progress};
pub use resume::resume;
pub use sample::{Sample, sample};
pub use tape::{TapePage, tape, told};

/// Why nothing was begun, found or written, told apart by what the caller answers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BillingError {
    /// No such merchant.
    #[error("there is no merchant {0}")]
    UnknownMerchant(MerchantId),
    /// It has not begun.
    #[error("there is no run {0}: it has not begun")]
    UnknownRun(RunId),
    /// Nothing was asked of the subscriber for the period, or there is no such subscriber.
    #[error("there is no bill {0}")]
    UnknownBill(BillId),
    /// A month to come, or one that is long over.
    #[error(transparent)]
    NotNow(#[from] NotNow),
    /// The bill cannot take that.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The merchant's WhatsApp is not active.
    #[error(transparent)]
    NotActive(#[from] NotActive),
    /// AWS refuses, whatever is tried.
    #[error("AWS refuses: {0}")]
    NotAllowed(String),
    /// A row that this version cannot read: trying again does not help, and somebody has to look.
    #[error("what is stored cannot be read: {0}")]
    Broken(String),
    /// A secret is missing, the table did not answer, or others were faster each time: to be tried
    /// again.
    #[error("could not: {0}")]
    Unavailable(String),
}

impl From<StoreError> for BillingError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Refused(_) => Self::NotAllowed(error.to_string()),
            StoreError::Conflict
            | StoreError::SeatTaken
            | StoreError::AlreadyQueued
            | StoreError::Unavailable(_) => Self::Unavailable(error.to_string()),
            StoreError::Broken(what) => Self::Broken(what),
        }
    }
}

impl From<Failure> for BillingError {
    fn from(failure: Failure) -> Self {
        Self::Unavailable(failure.to_string())
    }
}

/// What came of asking for a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// What it would come to; nothing was written.
    Forecast(Forecast),
    /// It has begun.
    Now(Progress),
    /// It had begun before, and was let be.
    Before(Progress),
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The month that is billed.
    pub period: Period,
    /// Only say what it would come to.
    pub dry_run: bool,
    /// That the month may be older than the last one.
    pub old: bool,
}

/// Begins the bill run of a period, or says what it would come to. The period has one run, whoever
/// begins it: asked for again, it is reported as it stands.
///
/// # Errors
/// [`BillingError::UnknownMerchant`], [`BillingError::NotNow`]
pub async fn begin(
    app: &App,
    merchant: &MerchantId,
    wanted: Wanted,
) -> Result<Begun, BillingError> {
    let profile = profile(app, merchant).await?;
    let now = app.clock.now();
    let id = RunId::by_hand(wanted.period, now, profile.zone, wanted.old)?;
    if wanted.dry_run {
        let forecast = forecast::forecast(app, &profile, id, now).await?;
        return Ok(Begun::Forecast(forecast));
    }
    let begins = begin::begin_run(app, &profile, id, now).await?;
    let progress = progress(app, merchant, id).await?;
    Ok(if begins {
        Begun::Now(progress)
    } else {
        Begun::Before(progress)
    })
}

/// The merchant as it is now: what it charges is frozen in a run.
async fn profile(app: &App, merchant: &MerchantId) -> Result<Merchant, BillingError> {
    let found = app.store.profile(merchant).await?;
    found.ok_or_else(|| BillingError::UnknownMerchant(merchant.clone()))
}

fn later(now: Timestamp, by: jiff::SignedDuration) -> Timestamp {
    now.checked_add(by).unwrap_or(now)
}
