//! Who pays a merchant each month.

mod error;
mod export;
pub mod import;
mod position;
mod registrar;

use jiff::Timestamp;
use pesan_adapters::dynamodb::{StoreError, SubscriberChange};
use pesan_domain::dialogue::ChatLink;
use pesan_domain::ids::{MerchantId, SubscriberId};
use pesan_domain::merchant::Merchant;
use pesan_domain::subscriber::{Entry, Settled, Subscriber, check_plan};

use crate::{App, TRIES, links, step_aside};

pub use error::RegistryError;
pub use export::{ExportError, export, export_part};
pub use position::Position;
use registrar::Registrar;

/// Subscribers of one page of an export or a list.
const PAGE: u16 = 200;

/// The merchant, which must be there.
pub(crate) async fn known(app: &App, id: &MerchantId) -> Result<Merchant, RegistryError> {
    let shop = app.shop(id).await;
    shop.map(|shop| shop.merchant)
        .map_err(|failure| RegistryError::of(failure, id))
}

/// One subscriber.
///
/// # Errors
/// [`RegistryError::UnknownSubscriber`]
pub async fn find(
    app: &App,
    merchant: &MerchantId,
    id: &SubscriberId,
) -> Result<Subscriber, RegistryError> {
    known(app, merchant).await?;
    let ids = std::slice::from_ref(id);
    let found = app.store.subscribers(merchant, ids).await?;
    let mut found = found.into_iter();
    found
        .next()
        .ok_or_else(|| RegistryError::UnknownSubscriber(id.clone()))
}

/// The deep link that leads a subscriber's bills to the chat in which it is followed, once.
///
/// # Errors
/// [`RegistryError::UnknownSubscriber`], [`RegistryError::NoBot`]
pub async fn chat_link(
    app: &App,
    merchant: &MerchantId,
    id: &SubscriberId,
) -> Result<String, RegistryError> {
    let profile = known(app, merchant).await?;
    let bot = profile.bot_username.ok_or(RegistryError::NoBot)?;
    let subscriber = find(app, merchant, id).await?;
    let token = links::chat_token(app, merchant, &subscriber).await;
    let link = ChatLink {
        subscriber: id.clone(),
        token: token.map_err(|failure| RegistryError::of(failure, merchant))?,
    };
    let address = &app.telegram_link_url;
    Ok(format!("{address}/{bot}?start={}", link.payload()))
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The subscribers.
    pub subscribers: Vec<Subscriber>,
    /// Where the list goes on; none at its end.
    pub next: Option<Position>,
}

/// At most `limit` subscribers from `position` on, or from the beginning. Their order stays the
/// same and means nothing; who comes or goes meanwhile may be in the list or not, and nobody is in
/// it twice.
///
/// # Errors
/// [`RegistryError::UnknownMerchant`]
pub async fn list(
    app: &App,
    merchant: &MerchantId,
    position: Option<&Position>,
    limit: u16,
) -> Result<Listed, RegistryError> {
    known(app, merchant).await?;
    let mut subscribers = Vec::new();
    let mut next = Some(position.cloned().unwrap_or(Position::START));
    while let Some(Position { shard, after }) = &next {
        let left = usize::from(limit.max(1)).saturating_sub(subscribers.len());
        let Some(left) = u16::try_from(left).ok().filter(|left| *left > 0) else {
            break;
        };
        let store = &app.store;
        let page = store
            .subscriber_page(merchant, *shard, after.as_ref(), left)
            .await?;
        let last = page.subscribers.last().map(|last| last.id.clone());
        next = if page.is_last {
            next.as_ref().and_then(Position::next_shard)
        } else {
            Some(Position {
                shard: *shard,
                after: last.or_else(|| after.clone()),
            })
        };
        subscribers.extend(page.subscribers);
    }
    Ok(Listed { subscribers, next })
}

/// Makes a subscriber. Without an id one is chosen at random.
///
/// # Errors
/// [`RegistryError::SubscriberExists`], [`RegistryError::Field`] for a name or plan that cannot be.
pub async fn add(
    app: &App,
    merchant: &MerchantId,
    entry: &Entry,
) -> Result<Subscriber, RegistryError> {
    let registrar = Registrar::of(app, merchant).await?;
    let id = match &entry.id {
        Some(id) => id.clone(),
        None => registrar::random_id()?,
    };
    let now = app.clock.now();
    let Settled::New(subscriber) = registrar.settle(&id, entry, None, now)? else {
        return Err(RegistryError::SubscriberExists(id));
    };
    let added = registrar.put(None, &subscriber).await?;
    added.ok_or(RegistryError::SubscriberExists(id))
}

/// Changes a subscriber; another change at the same moment is not lost. Their id, when they were
/// made and their version are not changed by `change`, which judges them as they are when it is written.
///
/// # Errors
/// [`RegistryError::UnknownSubscriber`], [`RegistryError::Field`] for a name or plan that cannot be, and
/// what `change` refuses.
pub async fn change(
    app: &App,
    merchant: &MerchantId,
    id: &SubscriberId,
    change: impl Fn(&mut Subscriber) -> Result<(), RegistryError>,
) -> Result<Subscriber, RegistryError> {
    let registrar = Registrar::of(app, merchant).await?;
    for nth in 1..=TRIES {
        let before = find(app, merchant, id).await?;
        let mut changed = before.clone();
        change(&mut changed)?;
        changed.id = before.id.clone();
        changed.made_at = before.made_at;
        changed.version = before.version;
        if changed == before {
            return Ok(before);
        }
        changed.check()?;
        check_plan(&changed.plan, Some(&before), &registrar.plans)?;
        changed.version = before.version.saturating_add(1);
        if let Some(changed) = registrar.put(Some(&before), &changed).await? {
            return Ok(changed);
        }
        step_aside(nth).await;
    }
    Err(RegistryError::contended(id.as_str()))
}

/// Takes out a subscriber. Their bills stay.
///
/// # Errors
/// [`RegistryError::UnknownSubscriber`]
pub async fn remove(
    app: &App,
    merchant: &MerchantId,
    id: &SubscriberId,
) -> Result<(), RegistryError> {
    let registrar = Registrar::of(app, merchant).await?;
    for nth in 1..=TRIES {
        let subscriber = find(app, merchant, id).await?;
        let hash = registrar.hash(&subscriber.phone)?;
        let removed = app
            .store
            .remove_subscriber(merchant, &subscriber, &hash)
            .await;
        match removed {
            Err(StoreError::Conflict) => step_aside(nth).await,
            done => return Ok(done?),
        }
    }
    Err(RegistryError::contended(id.as_str()))
}

/// Lets what a phone's owner said on WhatsApp hold for those whose number it is: since
/// `opted_out_at` they want nothing there, or they want it again. The same again changes nothing.
///
/// # Errors
/// [`RegistryError::Unavailable`]
pub(crate) async fn hear(
    app: &App,
    merchant: &MerchantId,
    hash: &str,
    opted_out_at: Option<Timestamp>,
) -> Result<(), RegistryError> {
    for id in app.store.subscribers_of_contact(merchant, hash).await? {
        hear_one(app, merchant, &id, hash, opted_out_at).await?;
    }
    Ok(())
}

async fn hear_one(
    app: &App,
    merchant: &MerchantId,
    id: &SubscriberId,
    hash: &str,
    opted_out_at: Option<Timestamp>,
) -> Result<(), RegistryError> {
    for nth in 1..=TRIES {
        let found = app
            .store
            .subscribers(merchant, std::slice::from_ref(id))
            .await?;
        let Some(before) = found.into_iter().next() else {
            return Ok(());
        };
        let heard = before.heard(opted_out_at);
        if heard == before {
            return Ok(());
        }
        let change = SubscriberChange {
            subscriber: Subscriber {
                version: before.version.saturating_add(1),
                ..heard
            },
            hash: hash.to_owned(),
            old_hash: None,
        };
        match app.store.put_subscribers(merchant, &[change]).await {
            Err(StoreError::Conflict) => step_aside(nth).await,
            done => return Ok(done?),
        }
    }
    Err(RegistryError::contended(id.as_str()))
}
