//! `pesan merchant` and `pesan hours`.

use pesan_domain::billing::Offset;
use pesan_domain::calendar::weekday_in_words;
use pesan_domain::catalog::Catalog;
use pesan_domain::field::FieldRefused;
use pesan_domain::language::Language;
use pesan_domain::merchant::{Merchant, MidtransEnvironment, Slots};
use pesan_domain::messaging::Messaging;
use pesan_service::App;
use pesan_service::merchants::{self, OperatorError};
use serde_json::{Value, json};

use crate::arguments::{Hours, MerchantCommand, Settings, all_or_none};
use crate::report::Report;
use crate::table::Table;

/// Runs a command about merchants.
pub async fn run(app: &App, command: MerchantCommand) -> anyhow::Result<Report> {
    match command {
        MerchantCommand::Add {
            id,
            name,
            zone,
            settings,
        } => {
            let mut merchant = Merchant::new(id, &name, zone);
            apply(&mut merchant, &settings);
            merchants::add(app, &merchant).await?;
            let text = format!(
                "{} is made; `pesan doctor {}` says what it lacks",
                merchant.id, merchant.id
            );
            Ok(Report::good(text, as_json(&merchant)))
        }
        MerchantCommand::List => list(app).await,
        MerchantCommand::Show { id } => {
            let (merchant, catalog) = merchants::find(app, &id).await?;
            Ok(shown(&merchant, &catalog))
        }
        MerchantCommand::Set { id, name, settings } => {
            let merchant = merchants::change(app, &id, |merchant| {
                if let Some(name) = &name {
                    merchant.name.clone_from(name);
                }
                apply(merchant, &settings);
            })
            .await?;
            Ok(changed(&merchant))
        }
    }
}

/// Changes the hours of a merchant.
pub async fn set_hours(app: &App, hours: Hours) -> anyhow::Result<Report> {
    let slots = hours.slots.map(Slots::new).transpose();
    let slots = slots
        .map_err(|error| OperatorError::from(FieldRefused::new("slots", error.to_string())))?;
    let closed = all_or_none("closed", hours.closed.as_deref()).map_err(OperatorError::from)?;
    let dates =
        all_or_none("closed-dates", hours.closed_dates.as_deref()).map_err(OperatorError::from)?;
    let merchant = merchants::change(app, &hours.id, |merchant| {
        if let Some(slots) = &slots {
            merchant.slots = slots.clone();
        }
        if let Some(closed) = &closed {
            merchant.closed_weekdays.clone_from(closed);
            merchant
                .closed_weekdays
                .sort_by_key(|day| day.to_monday_one_offset());
            merchant.closed_weekdays.dedup();
        }
        if let Some(dates) = &dates {
            merchant.closed_dates.clone_from(dates);
            merchant.closed_dates.sort_unstable();
            merchant.closed_dates.dedup();
        }
    })
    .await?;
    Ok(changed(&merchant))
}

fn apply(merchant: &mut Merchant, settings: &Settings) {
    if let Some(about) = &settings.about_id {
        merchant.about_id.clone_from(about);
    }
    if let Some(about) = &settings.about_en {
        merchant.about_en.clone_from(about);
    }
    merchant.seats_per_slot = settings.seats.unwrap_or(merchant.seats_per_slot);
    merchant.hold_minutes = settings.hold_minutes.unwrap_or(merchant.hold_minutes);
    merchant.horizon_days = settings.horizon_days.unwrap_or(merchant.horizon_days);
    if let Some(reminders) = &settings.reminders {
        merchant.reminders.clone_from(reminders);
    }
    apply_messaging(&mut merchant.messaging, settings);
}

fn apply_messaging(messaging: &mut Messaging, settings: &Settings) {
    let prices = &mut messaging.prices;
    prices.utility = settings.price.unwrap_or(prices.utility);
    prices.marketing = settings.price.unwrap_or(prices.marketing);
    let otp = settings.price_otp.or(settings.price);
    prices.authentication = otp.unwrap_or(prices.authentication);
    let answer = settings.price_answer.or(settings.price);
    prices.service = answer.unwrap_or(prices.service);
    messaging.low_mark = settings.low_mark.unwrap_or(messaging.low_mark);
    messaging.protected = settings.protected.unwrap_or(messaging.protected);
    messaging.whatsapp_per_second = settings.per_second.unwrap_or(messaging.whatsapp_per_second);
    if let Some(recipients) = settings.recipients_a_day {
        messaging.recipients_a_day = (recipients > 0).then_some(recipients);
    }
}

async fn list(app: &App) -> anyhow::Result<Report> {
    let all = merchants::list(app).await?;
    if all.is_empty() {
        let text = "there is no merchant yet: `pesan merchant add` makes one";
        return Ok(Report::good(text, json!({"merchants": []})));
    }
    let mut table = Table::new(["id", "name", "zone", "bot", "midtrans"]);
    for merchant in &all {
        table.row([
            merchant.id.to_string(),
            merchant.name.clone(),
            merchant.zone.as_str().to_owned(),
            merchant.bot_username.clone().unwrap_or_default(),
            midtrans(merchant),
        ]);
    }
    let json: Vec<Value> = all.iter().map(as_json).collect();
    Ok(Report::good(table.to_string(), json!({"merchants": json})))
}

fn changed(merchant: &Merchant) -> Report {
    let text = format!(
        "{} is as follows; its functions know within a minute\n\n{}",
        merchant.id,
        lines(merchant)
    );
    Report::good(text, as_json(merchant))
}

fn shown(merchant: &Merchant, catalog: &Catalog) -> Report {
    let items = catalog.items().len();
    let mut json = as_json(merchant);
    if let Some(fields) = json.as_object_mut() {
        fields.insert("items".to_owned(), json!(items));
    }
    let text = format!("{}{:<13}{items} items", lines(merchant), "catalog");
    Report::good(text, json)
}

fn midtrans(merchant: &Merchant) -> String {
    let Some(account) = &merchant.midtrans else {
        return String::new();
    };
    match account.environment {
        MidtransEnvironment::Sandbox => format!("{} (sandbox)", account.merchant_id),
        MidtransEnvironment::Production => account.merchant_id.clone(),
    }
}

fn whatsapp(merchant: &Merchant) -> String {
    merchant
        .whatsapp
        .as_ref()
        .map_or_else(String::new, |account| {
            let activation = account.activation.name();
            format!("{} ({activation})", account.display_phone_number)
        })
}

fn slots(merchant: &Merchant) -> Vec<String> {
    let time = |time: jiff::civil::Time| time.strftime("%H:%M").to_string();
    merchant
        .slots
        .iter()
        .map(|slot| format!("{}-{}", time(slot.start), time(slot.end)))
        .collect()
}

fn closed(merchant: &Merchant) -> Vec<String> {
    merchant
        .closed_weekdays
        .iter()
        .map(|day| weekday_in_words(*day, Language::English).to_lowercase())
        .collect()
}

fn closed_dates(merchant: &Merchant) -> Vec<String> {
    merchant
        .closed_dates
        .iter()
        .map(ToString::to_string)
        .collect()
}

fn lines(merchant: &Merchant) -> String {
    [
        ("id", merchant.id.to_string()),
        ("name", merchant.name.clone()),
        ("about-id", merchant.about_id.clone()),
        ("about-en", merchant.about_en.clone()),
        ("zone", merchant.zone.as_str().to_owned()),
        ("slots", slots(merchant).join(",")),
        ("seats", merchant.seats_per_slot.to_string()),
        ("closed", closed(merchant).join(",")),
        ("closed-dates", closed_dates(merchant).join(",")),
        ("horizon", format!("{} days", merchant.horizon_days)),
        ("hold", format!("{} minutes", merchant.hold_minutes)),
        ("bot", merchant.bot_username.clone().unwrap_or_default()),
        ("midtrans", midtrans(merchant)),
        ("whatsapp", whatsapp(merchant)),
        ("messages", messages(&merchant.messaging)),
        ("reminders", reminder_days(merchant).join(",")),
    ]
    .iter()
    .map(|(name, value)| {
        let value = if value.is_empty() { "–" } else { value };
        format!("{name:<13}{value}\n")
    })
    .collect()
}

fn reminder_days(merchant: &Merchant) -> Vec<String> {
    let days = merchant.reminders.iter();
    days.map(|offset| offset.days().to_string()).collect()
}

fn messages(messaging: &Messaging) -> String {
    let recipients = messaging.recipients_a_day;
    format!(
        "{} each (codes {}, answers {}), {} a second, {} people a day; low below {}, {} kept for \
         codes",
        messaging.prices.utility,
        messaging.prices.authentication,
        messaging.prices.service,
        messaging.whatsapp_per_second,
        recipients.map_or_else(|| "any number of".to_owned(), |people| people.to_string()),
        messaging.low_mark,
        messaging.protected,
    )
}

fn as_json(merchant: &Merchant) -> Value {
    let account = merchant.midtrans.as_ref().map(|account| {
        json!({
            "merchant_id": account.merchant_id,
            "client_key": account.client_key,
            "production": account.environment == MidtransEnvironment::Production,
        })
    });
    let whatsapp = merchant.whatsapp.as_ref().map(|account| {
        json!({
            "phone_number_id": account.phone_number_id,
            "waba_id": account.waba_id,
            "display_phone_number": account.display_phone_number,
            "activation": account.activation.name(),
        })
    });
    json!({
        "id": merchant.id.as_str(),
        "name": merchant.name,
        "about_id": merchant.about_id,
        "about_en": merchant.about_en,
        "zone": merchant.zone.as_str(),
        "slots": slots(merchant),
        "seats": merchant.seats_per_slot,
        "closed": closed(merchant),
        "closed_dates": closed_dates(merchant),
        "horizon_days": merchant.horizon_days,
        "hold_minutes": merchant.hold_minutes,
        "bot_username": merchant.bot_username,
        "midtrans": account,
        "whatsapp": whatsapp,
        "messaging": {
            "price": merchant.messaging.prices.utility.get(),
            "price_otp": merchant.messaging.prices.authentication.get(),
            "price_answer": merchant.messaging.prices.service.get(),
            "low_mark": merchant.messaging.low_mark.get(),
            "protected": merchant.messaging.protected.get(),
            "per_second": merchant.messaging.whatsapp_per_second,
            "recipients_a_day": merchant.messaging.recipients_a_day,
        },
        "reminders": merchant.reminders.iter().map(Offset::days).collect::<Vec<_>>(),
    })
}
