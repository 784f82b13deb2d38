//! News of templates, into a merchant's registry.

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;
use pesan_adapters::dynamodb::StoreError;
use pesan_domain::ids::MerchantId;
use pesan_domain::language::Language;
use pesan_domain::message::text::Kind;
use pesan_domain::whatsapp::{News, Registered};

use super::{Part, SIDE_BY_SIDE, TemplateNews};
use crate::{App, Failure, TRIES, step_aside};

/// Takes news, each with what became of it, in no order. Those of one template are taken in order,
/// different templates side by side.
pub(super) async fn take(
    app: &App,
    news: &[(&MerchantId, &TemplateNews)],
) -> Vec<Result<Part, Failure>> {
    let mut by_template: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (merchant, news) in news {
        let template = (*merchant, news.kind.name(), news.language.pick("id", "en"));
        by_template.entry(template).or_default().push(*news);
    }
    let each: Vec<_> = by_template
        .into_iter()
        .map(|((merchant, ..), news)| in_order(app, merchant, news))
        .collect();
    let parts: Vec<Vec<_>> = stream::iter(each)
        .buffer_unordered(SIDE_BY_SIDE)
        .collect()
        .await;
    parts.into_iter().flatten().collect()
}

async fn in_order(
    app: &App,
    merchant: &MerchantId,
    news: Vec<&TemplateNews>,
) -> Vec<Result<Part, Failure>> {
    let mut parts = Vec::with_capacity(news.len());
    for heard in news {
        parts.push(take_one(app, merchant, heard).await);
    }
    parts
}

async fn take_one(app: &App, merchant: &MerchantId, heard: &TemplateNews) -> Result<Part, Failure> {
    let TemplateNews {
        kind,
        language,
        news,
        at,
        ..
    } = heard;
    let changed = record(
        app,
        merchant,
        (*kind, *language),
        std::slice::from_ref(news),
        *at,
    )
    .await?;
    Ok(if changed { Part::Taken } else { Part::Repeated })
}

/// Writes what Meta said of a template at one moment; whether that changed anything.
///
/// # Errors
/// [`Failure::Unavailable`]
pub(crate) async fn record(
    app: &App,
    merchant: &MerchantId,
    (kind, language): (Kind, Language),
    news: &[News],
    at: Timestamp,
) -> Result<bool, Failure> {
    for nth in 1..=TRIES {
        let before = app.store.template(merchant, kind, language).await?;
        let before = before.unwrap_or_else(|| Registered::unheard(kind, language));
        let mut next = before.clone();
        for news in news {
            next = next.hear(news, at).unwrap_or(next);
        }
        if next == before {
            return Ok(false);
        }
        next.version = before.version.saturating_add(1);
        match app
            .store
            .put_template(merchant, &next, app.clock.now())
            .await
        {
            Err(StoreError::Conflict) => step_aside(nth).await,
            done => {
                done?;
                return Ok(true);
            }
        }
    }
    Err(Failure::Unavailable(
        "the template is being written by others".to_owned(),
    ))
}
