//! News of templates, into a merchant's registry.

use jiff::Timestamp;
use pesan_adapters::dynamodb::StoreError;
use pesan_domain::ids::MerchantId;
use pesan_domain::language::Language;
use pesan_domain::message::text::Kind;
use pesan_domain::whatsapp::{News, Registered};

use super::{Part, TemplateNews};
use crate::{App, Failure, TRIES, step_aside};

pub(super) async fn take(
    app: &App,
    merchant: &MerchantId,
    heard: &TemplateNews,
) -> Result<Part, Failure> {
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
        match app.store.put_template(merchant, &next).await {
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
