//! `pesan whatsapp`. What is said of numbers and templates is Meta's own answer.

use pesan_adapters::whatsapp::NumberInfo;
use pesan_domain::ids::MerchantId;
use pesan_domain::message::activation::Activation;
use pesan_domain::whatsapp::Registered;
use pesan_service::App;
use pesan_service::merchants::OperatorError;
use pesan_service::merchants::whatsapp::{
    connect, info, push, refresh, set_activation, set_app, webhook_url,
};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use crate::arguments::{TemplatesCommand, WhatsAppCommand, WhatsAppConnect};
use crate::report::Report;
use crate::secret;
use crate::table::Table;

/// Runs a command about WhatsApp.
pub async fn run(app: &App, command: WhatsAppCommand) -> anyhow::Result<Report> {
    match command {
        WhatsAppCommand::App {
            secret_file,
            beside_old,
        } => {
            let secret = secret_file.as_deref().map(secret::in_file).transpose()?;
            set_up(app, secret, beside_old).await
        }
        WhatsAppCommand::Connect(connect) => connected(app, &connect).await,
        WhatsAppCommand::Activate { id } => {
            activated(app, &id, Activation::Active, "messages go out").await
        }
        WhatsAppCommand::Suspend { id } => {
            activated(app, &id, Activation::Suspended, "no message goes out").await
        }
        WhatsAppCommand::Info { id } => {
            let (account, info) = info(app, &id).await?;
            let activation = account.activation.name();
            let mut json = as_json(&info);
            if let Some(fields) = json.as_object_mut() {
                fields.insert("phone_number_id".to_owned(), json!(account.phone_number_id));
                fields.insert("waba_id".to_owned(), json!(account.waba_id));
                fields.insert("activation".to_owned(), json!(activation));
            }
            Ok(Report::good(lines(&info, activation), json))
        }
        WhatsAppCommand::Templates {
            command: TemplatesCommand::Push { id },
        } => Ok(listed(&push(app, &id).await?)),
        WhatsAppCommand::Templates {
            command: TemplatesCommand::Status { id },
        } => Ok(listed(&refresh(app, &id).await?)),
    }
}

async fn set_up(app: &App, secret: Option<SecretString>, beside: bool) -> anyhow::Result<Report> {
    let set = match set_app(app, secret, beside).await {
        Err(OperatorError::NoSecret { .. }) => {
            let secret = secret::asked("the app secret", "--secret-file")?;
            set_app(app, Some(secret), beside).await?
        }
        set => set?,
    };
    let token = set.verify_token.expose_secret();
    let text = format!(
        "Enter in Meta's app dashboard, under WhatsApp, Configuration:\ncallback URL  {}\nverify \
         token  {token}\nSubscribe to messages, message_template_status_update, \
         template_category_update, message_template_quality_update",
        set.url
    );
    let json = json!({"callback_url": set.url, "verify_token": token});
    Ok(Report::good(text, json))
}

async fn connected(app: &App, asked: &WhatsAppConnect) -> anyhow::Result<Report> {
    let WhatsAppConnect {
        id,
        phone_number_id,
        waba_id,
        token_file,
    } = asked;
    let token = token_file.as_deref().map(secret::in_file).transpose()?;
    let info = connect(app, id, phone_number_id, waba_id, token).await?;
    let text = format!(
        "{id} is reached at {}; its messages come to {}\n`pesan whatsapp templates push {id}`, \
         then `pesan whatsapp activate {id}`",
        info.display_phone_number,
        webhook_url(app)
    );
    Ok(Report::good(text, as_json(&info)))
}

async fn activated(
    app: &App,
    id: &MerchantId,
    activation: Activation,
    meaning: &str,
) -> anyhow::Result<Report> {
    set_activation(app, id, activation).await?;
    let name = activation.name();
    let text = format!("{id} is {name}: {meaning}; its functions know within a minute");
    Ok(Report::good(text, json!({"activation": name})))
}

fn lines(info: &NumberInfo, activation: &str) -> String {
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "–".to_owned());
    [
        ("number", info.display_phone_number.clone()),
        ("name", or_dash(&info.verified_name)),
        ("status", or_dash(&info.status)),
        ("quality", or_dash(&info.quality_rating)),
        ("throughput", or_dash(&info.throughput)),
        ("limit", or_dash(&info.messaging_limit)),
        ("activation", activation.to_owned()),
    ]
    .iter()
    .map(|(name, value)| format!("{name:<13}{value}\n"))
    .collect()
}

fn as_json(info: &NumberInfo) -> Value {
    json!({
        "display_phone_number": info.display_phone_number,
        "verified_name": info.verified_name,
        "status": info.status,
        "quality_rating": info.quality_rating,
        "throughput": info.throughput,
        "messaging_limit": info.messaging_limit,
    })
}

fn listed(templates: &[Registered]) -> Report {
    let mut table = Table::new(["template", "language", "status", "category", "quality", ""]);
    let mut rows = Vec::new();
    for template in templates {
        let status = template.status.map(|said| said.value.name());
        let since = template.status.map(|said| said.since.to_string());
        let category = template.category.map(|said| said.value.name());
        let quality = template.quality.map(|said| said.value.name());
        let language = template.language.pick("id", "en");
        let or_dash = |text: Option<&str>| text.unwrap_or("–").to_owned();
        table.row([
            template.kind.name().to_owned(),
            language.to_owned(),
            or_dash(status),
            or_dash(category),
            or_dash(quality),
            template.reason.clone().unwrap_or_default(),
        ]);
        rows.push(json!({
            "name": template.kind.name(),
            "language": language,
            "status": status,
            "since": since,
            "reason": template.reason,
            "category": category,
            "quality": quality,
        }));
    }
    Report::good(table.to_string(), json!({ "templates": rows }))
}
