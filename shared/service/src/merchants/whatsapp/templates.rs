//! The templates of a merchant's business account: registering them with Meta, and what Meta says
//! of each.

use jiff::{SignedDuration, Timestamp};
use pesan_adapters::whatsapp::{GraphError, TemplateInfo};
use pesan_domain::ids::MerchantId;
use pesan_domain::language::Language;
use pesan_domain::message::text::Kind;
use pesan_domain::whatsapp::{News, Quality, Registered, TemplateStatus, category_of};
use serde_json::Value;

use super::super::{Finding, OperatorError};
use super::opened;
use crate::App;
use crate::whatsapp::record;

/// What stands for the public address in the files.
const PLACEHOLDER: &str = "https://pesan.example.id";

macro_rules! files {
    ($($kind:ident = $name:literal),+ $(,)?) => {
        [$(
            (Kind::$kind, Language::Indonesian, text_of!($name, "id")),
            (Kind::$kind, Language::English, text_of!($name, "en")),
        )+]
    };
}
macro_rules! text_of {
    ($name:literal, $language:literal) => {
        include_str!(concat!(
            "../../../../../infra/whatsapp-templates/",
            $name,
            ".",
            $language,
            ".json"
        ))
    };
}

const FILES: [(Kind, Language, &str); 14] = files!(
    Bill = "monthly_bill",
    Reminder = "payment_reminder",
    Receipt = "payment_receipt",
    Otp = "one_time_code",
    Approval = "approval_request",
    RepairStatus = "repair_status",
    LowBalance = "low_balance",
);

/// Registers the templates that the business account does not have; what it has is left as it is.
/// All of them, as Meta says they stand.
///
/// # Errors
/// As [`super::connect`]; what was registered before is there, and the same again goes on.
pub async fn push(app: &App, id: &MerchantId) -> Result<Vec<Registered>, OperatorError> {
    let (account, token) = opened(app, id).await?;
    let listed = app.whatsapp.templates(&account.waba_id, &token).await?;
    for (kind, language, file) in FILES {
        if listed.iter().any(|one| ours(one) == Some((kind, language))) {
            continue;
        }
        let template = filled(file, &app.public_base_url)?;
        app.whatsapp
            .create_template(&account.waba_id, &token, &template)
            .await
            .map_err(|error| named(kind, language, error))?;
    }
    refresh(app, id).await
}

/// A file with the deployment's address in the placeholder's place.
fn filled(file: &str, base_url: &str) -> Result<Value, OperatorError> {
    serde_json::from_str(&file.replace(PLACEHOLDER, base_url))
        .map_err(|error| OperatorError::Unavailable(format!("a template is no JSON: {error}")))
}

fn named(kind: Kind, language: Language, error: GraphError) -> OperatorError {
    let name = kind.name();
    let language = language.pick("id", "en");
    match OperatorError::from(error) {
        OperatorError::Refused { vendor, reason } => OperatorError::Refused {
            vendor,
            reason: format!("{name} ({language}): {reason}"),
        },
        other => other,
    }
}

/// Asks Meta how the templates stand, and records it.
///
/// # Errors
/// As [`super::connect`].
pub async fn refresh(app: &App, id: &MerchantId) -> Result<Vec<Registered>, OperatorError> {
    let (account, token) = opened(app, id).await?;
    let at = just_before(app.clock.now());
    let listed = app.whatsapp.templates(&account.waba_id, &token).await?;
    let known = app.store.templates(id).await?;
    for (kind, language, _) in FILES {
        let which = (kind, language);
        let there = listed.iter().find(|one| ours(one) == Some(which));
        let was = known.iter().any(|one| (one.kind, one.language) == which);
        let news = match there {
            Some(info) => news(info),
            None if was => vec![News::Status(TemplateStatus::Deleted, None)],
            None => continue,
        };
        record(app, id, which, &news, at)
            .await
            .map_err(|failure| OperatorError::Unavailable(failure.to_string()))?;
    }
    Ok(app.store.templates(id).await?)
}

/// Webhooks carry whole seconds: what Meta tells by itself in the second of the question may be
/// newer than the answer.
fn just_before(now: Timestamp) -> Timestamp {
    now.checked_sub(SignedDuration::from_secs(1)).unwrap_or(now)
}

fn ours(info: &TemplateInfo) -> Option<(Kind, Language)> {
    let language = match info.language.as_str() {
        "id" => Language::Indonesian,
        "en" => Language::English,
        _ => return None,
    };
    Some((Kind::parse(&info.name).ok()?, language))
}

fn news(info: &TemplateInfo) -> Vec<News> {
    let status = TemplateStatus::after_event(&info.status);
    let reason = info.rejected_reason.clone();
    let reason = reason.filter(|reason| reason != "NONE" && !reason.is_empty());
    let quality = info.quality_score.as_deref();
    let all = [
        status.map(|status| News::Status(status, reason)),
        category_of(&info.category).map(News::Category),
        quality
            .and_then(|score| Quality::parse(score).ok())
            .map(News::Quality),
    ];
    all.into_iter().flatten().collect()
}

/// Whether every template can be sent, by what was last heard.
pub(super) async fn examine(app: &App, id: &MerchantId) -> Result<Finding, OperatorError> {
    const WHAT: &str = "whatsapp templates";
    let known = app.store.templates(id).await?;
    let approved = known.iter().filter(|one| one.can_be_sent()).count();
    let all = FILES.len();
    Ok(if approved == all {
        Finding::good(WHAT, &format!("{approved} approved"))
    } else {
        let why = format!(
            "{approved} of {all} are approved: `pesan whatsapp templates push {id}` registers \
             what is missing, `templates status {id}` says the rest"
        );
        Finding::note(WHAT, &why)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_the_template_that_it_is_listed_as() {
        for (kind, language, file) in FILES {
            let template = filled(file, "https://shop.example").unwrap();
            assert_eq!(template["name"], kind.name());
            assert_eq!(template["language"], language.pick("id", "en"));
            assert!(!template.to_string().contains(PLACEHOLDER));
        }
        assert_eq!(FILES.len(), Kind::ALL.len() * 2);
    }
}
