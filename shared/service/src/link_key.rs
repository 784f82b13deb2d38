//! Exchanging the key of the pages' links, with or without the links that were handed out.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use pesan_adapters::dynamodb::{LinkedPage, Tape};
use pesan_adapters::secrets::{LINK_KEY, LINK_KEYS_BEFORE};
use pesan_domain::billing::{Period, RunId, Shard};
use pesan_domain::ids::MerchantId;
use pesan_domain::merchant::Merchant;
use secrecy::{ExposeSecret as _, SecretString};

use crate::links::{bill_token_of, order_token_of, token_hash};
use crate::merchants::{OperatorError, list, stored};
use crate::{App, fresh_secret};

/// Links that are written side by side.
const SIDE_BY_SIDE: usize = 32;
/// Cells that are read at once.
const PAGE: u16 = 500;

/// What becomes of the links that were handed out when the key is exchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandedOut {
    /// They go on opening.
    Kept,
    /// They open nothing any more: the key is known to somebody, who could make each of them.
    Revoked,
}

/// How many pages have a link under the present key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Linked {
    /// Order pages.
    pub bookings: usize,
    /// Bills' pages.
    pub bills: usize,
}

/// Exchanges the key: first every booking and bill of the last `days` gets a link under the new key,
/// then the key is written, then the links under all keys before it are taken out if they are revoked.
///
/// # Errors
/// [`OperatorError::NotMade`] where there is none. Broken off before the key was written, the old one
/// holds; broken off later, some old links still open, and the same again takes them out.
pub async fn rotate(app: &App, days: u16, handed_out: HandedOut) -> Result<Linked, OperatorError> {
    let old = stored(app, LINK_KEY).await?;
    let old = old.ok_or_else(|| OperatorError::NotMade("link key".to_owned()))?;
    let mut before = before(app).await?;
    before.push(old.expose_secret().to_owned());
    note(app, &before).await?;
    let fresh = fresh_secret();
    let linked = each(app, days, Does::Add(&fresh)).await?;
    app.parameters.put(LINK_KEY, &fresh).await?;
    if handed_out == HandedOut::Revoked {
        let before: Vec<SecretString> = before.into_iter().map(SecretString::from).collect();
        each(app, days, Does::Remove(&before)).await?;
        note(app, &[]).await?;
    }
    Ok(linked)
}

/// What stands for no keys: a parameter is never empty.
const NONE: &str = "none";
/// As many keys fit into a parameter of 4 KB.
const MOST_BEFORE: usize = 32;

/// The keys before the present one whose links may still open, the oldest first.
async fn before(app: &App) -> Result<Vec<String>, OperatorError> {
    let noted = stored(app, LINK_KEYS_BEFORE).await?;
    let noted = noted.as_ref().map_or("", |noted| noted.expose_secret());
    let keys = noted.lines().filter(|line| *line != NONE);
    Ok(keys.map(str::to_owned).collect())
}

async fn note(app: &App, keys: &[String]) -> Result<(), OperatorError> {
    let oldest = keys.len().saturating_sub(MOST_BEFORE);
    let kept = keys.get(oldest..).unwrap_or_default().join("\n");
    let kept = if kept.is_empty() {
        NONE.to_owned()
    } else {
        kept
    };
    Ok(app.parameters.put(LINK_KEYS_BEFORE, &kept.into()).await?)
}

/// Gives every booking and bill of the last `days` a link under the key that is stored: for those that
/// were made with the old key while functions still held it.
///
/// # Errors
/// [`OperatorError`]
pub async fn reissue(app: &App, days: u16) -> Result<Linked, OperatorError> {
    let key = app.parameters.get(LINK_KEY).await?;
    each(app, days, Does::Add(&key)).await
}

/// What is done with links: one is added under a key, or those under keys are taken out.
#[derive(Clone, Copy)]
enum Does<'a> {
    Add(&'a SecretString),
    Remove(&'a [SecretString]),
}

impl Does<'_> {
    async fn with(
        self,
        app: &App,
        merchant: &MerchantId,
        page: LinkedPage,
    ) -> Result<(), OperatorError> {
        match self {
            Self::Add(key) => {
                let hash = hash_of(key, merchant, &page)?;
                app.store.add_link(&hash, merchant, &page).await?;
            }
            Self::Remove(keys) => {
                for key in keys {
                    let hash = hash_of(key, merchant, &page)?;
                    app.store.remove_link(&hash).await?;
                }
            }
        }
        Ok(())
    }

    async fn with_all(
        self,
        app: &App,
        merchant: &MerchantId,
        pages: Vec<LinkedPage>,
    ) -> Result<usize, OperatorError> {
        let count = pages.len();
        let each: Vec<_> = pages
            .into_iter()
            .map(|page| self.with(app, merchant, page))
            .collect();
        let mut each = stream::iter(each).buffer_unordered(SIDE_BY_SIDE);
        while let Some(()) = each.try_next().await? {}
        Ok(count)
    }
}

fn hash_of(
    key: &SecretString,
    merchant: &MerchantId,
    page: &LinkedPage,
) -> Result<String, OperatorError> {
    let token = match page {
        LinkedPage::Order(code) => order_token_of(key, merchant, code),
        LinkedPage::Bill(bill) => bill_token_of(key, merchant, bill),
    };
    token
        .map(|token| token_hash(&token))
        .map_err(|failure| OperatorError::Unavailable(failure.to_string()))
}

/// Goes over the bookings and bills of the last `days`, the newest last: today's may still be growing.
async fn each(app: &App, days: u16, does: Does<'_>) -> Result<Linked, OperatorError> {
    let now = app.clock.now();
    let mut linked = Linked::default();
    for merchant in list(app).await? {
        for ago in (0..=days).rev() {
            let day = ago_of(now, ago)?;
            let codes = app.store.bookings_made(&merchant, day).await?;
            let pages = codes.into_iter().map(LinkedPage::Order).collect();
            let count = does.with_all(app, &merchant.id, pages).await?;
            linked.bookings = linked.bookings.saturating_add(count);
        }
        let first = Period::at(ago_of(now, days)?, merchant.zone);
        for period in billed(app, &merchant, first, Period::at(now, merchant.zone)).await? {
            let count = bills(app, &merchant, period, does).await?;
            linked.bills = linked.bills.saturating_add(count);
        }
    }
    Ok(linked)
}

fn ago_of(now: Timestamp, days: u16) -> Result<Timestamp, OperatorError> {
    let hours = SignedDuration::from_hours(i64::from(days).saturating_mul(24));
    now.checked_sub(hours)
        .map_err(|error| OperatorError::Unavailable(error.to_string()))
}

/// The months from `first` to `last` that were billed.
async fn billed(
    app: &App,
    merchant: &Merchant,
    first: Period,
    last: Period,
) -> Result<Vec<Period>, OperatorError> {
    let months = (0..).map(|month| first.plus(month));
    let runs: Vec<RunId> = months
        .take_while(|period| *period <= last)
        .map(|period| RunId::Bill { period })
        .collect();
    let begun = app.store.runs(&merchant.id, &runs).await?;
    let mut periods: Vec<Period> = begun.iter().map(|one| one.run.id.period()).collect();
    periods.sort();
    Ok(periods)
}

async fn bills(
    app: &App,
    merchant: &Merchant,
    period: Period,
    does: Does<'_>,
) -> Result<usize, OperatorError> {
    let mut count = 0_usize;
    for shard in Shard::all() {
        let tape = Tape {
            merchant: &merchant.id,
            period,
            shard: shard.number,
        };
        let mut after = None;
        loop {
            let page = app
                .store
                .cell_page(tape, after.as_ref(), true, PAGE)
                .await?;
            after = page.cells.last().map(|cell| cell.subscriber.clone());
            let made = page.cells.into_iter().filter_map(|cell| cell.bill);
            let made = made.map(|bill| LinkedPage::Bill(bill.id)).collect();
            count = count.saturating_add(does.with_all(app, &merchant.id, made).await?);
            if page.is_last || after.is_none() {
                break;
            }
        }
    }
    Ok(count)
}
