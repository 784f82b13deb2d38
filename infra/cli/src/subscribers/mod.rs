//! `pesan subscribers`.

mod import;

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use anyhow::{Context as _, bail};
use pesan_domain::ids::MerchantId;
use pesan_domain::subscriber::{Entry, Noted, Subscriber};
use pesan_service::App;
use pesan_service::subscribers::{self, Listed, Position};
use serde_json::{Value, json};

use crate::arguments::{About, NewSubscriber, OneSubscriber, SubscriberChange, SubscribersCommand};
use crate::report::Report;
use crate::table::Table;

/// Runs a command about subscribers.
pub async fn run(app: &App, command: SubscribersCommand) -> anyhow::Result<Report> {
    match command {
        SubscribersCommand::List { id, limit, from } => {
            let from = from.as_deref().map(Position::parse).transpose()?;
            let part = subscribers::list(app, &id, from.as_ref(), limit).await?;
            Ok(listed(&id, &part))
        }
        SubscribersCommand::Import(import) => import::run(app, &import).await,
        SubscribersCommand::Export { id, output } => export(app, &id, output.as_deref()).await,
        SubscribersCommand::Show(OneSubscriber { id, subscriber }) => {
            let subscriber = subscribers::find(app, &id, &subscriber).await?;
            Ok(Report::good(shown(&subscriber), as_json(&subscriber)))
        }
        SubscribersCommand::Add(new) => add(app, new).await,
        SubscribersCommand::Set(change) => set(app, change).await,
        SubscribersCommand::Remove { one, yes } => remove(app, &one, yes).await,
        SubscribersCommand::Pause(one) => set_paused(app, &one, true).await,
        SubscribersCommand::Resume(one) => set_paused(app, &one, false).await,
        SubscribersCommand::Link(OneSubscriber { id, subscriber }) => {
            let link = subscribers::chat_link(app, &id, &subscriber).await?;
            Ok(Report::good(link.clone(), json!({"link": link})))
        }
    }
}

async fn add(app: &App, new: NewSubscriber) -> anyhow::Result<Report> {
    let About {
        anchor_day,
        language,
        zone,
    } = new.about;
    let entry = Entry {
        id: new.subscriber,
        name: new.name,
        phone: new.phone,
        plan: new.plan,
        anchor_day,
        language: language.map(|tongue| tongue.0),
        zone,
        is_paused: None,
        opted_out: None,
        consent: said(app, "consent", new.consent.as_deref())?,
        telegram_chat: None,
    };
    let made = subscribers::add(app, &new.id, &entry).await?;
    Ok(Report::good(shown(&made), as_json(&made)))
}

async fn set(app: &App, asked: SubscriberChange) -> anyhow::Result<Report> {
    let OneSubscriber { id, subscriber } = &asked.one;
    let opted_out = said(app, "opted_out", asked.opted_out.as_deref())?;
    let consent = said(app, "consent", asked.consent.as_deref())?;
    let changed = subscribers::change(app, id, subscriber, |known| {
        let About {
            anchor_day,
            language,
            zone,
        } = &asked.about;
        known.name = asked.name.clone().unwrap_or_else(|| known.name.clone());
        known.phone = asked.phone.clone().unwrap_or_else(|| known.phone.clone());
        known.plan = asked.plan.clone().unwrap_or_else(|| known.plan.clone());
        known.anchor_day = anchor_day.unwrap_or(known.anchor_day);
        known.language = language.map_or(known.language, |tongue| tongue.0);
        known.zone = zone.unwrap_or(known.zone);
        if opted_out.is_some() {
            known.note_opt_out(opted_out.as_ref())?;
        }
        if consent.is_some() {
            known.note_opt_out(None)?;
            known.consent.clone_from(&consent);
        }
        if asked.no_chat {
            *known = known.clone().without_chat();
        }
        Ok(())
    });
    let changed = changed.await?;
    Ok(Report::good(shown(&changed), as_json(&changed)))
}

/// What was said now, and how.
fn said(app: &App, field: &'static str, source: Option<&str>) -> anyhow::Result<Option<Noted>> {
    let noted = source.map(|source| Noted::new(field, app.clock.now(), source));
    Ok(noted.transpose()?)
}

async fn remove(app: &App, one: &OneSubscriber, yes: bool) -> anyhow::Result<Report> {
    let OneSubscriber { id, subscriber } = one;
    subscribers::find(app, id, subscriber).await?;
    if !yes {
        bail!(
            "{subscriber} would be taken out, with their number and what they agreed to; their bills \
             stay. Add --yes if you mean it, or use `pesan subscribers pause {id} {subscriber}`"
        );
    }
    subscribers::remove(app, id, subscriber).await?;
    let text = format!("{subscriber} is taken out; their bills stay");
    Ok(Report::good(text, json!({"removed": subscriber.as_str()})))
}

async fn set_paused(app: &App, one: &OneSubscriber, is_paused: bool) -> anyhow::Result<Report> {
    let OneSubscriber { id, subscriber } = one;
    let changed = subscribers::change(app, id, subscriber, |subscriber| {
        subscriber.is_paused = is_paused;
        Ok(())
    });
    let changed = changed.await?;
    let text = if is_paused {
        format!("{subscriber} owes nothing until `pesan subscribers resume {id} {subscriber}`")
    } else {
        format!("{subscriber} is billed from the next run on")
    };
    Ok(Report::good(text, as_json(&changed)))
}

async fn export(app: &App, id: &MerchantId, output: Option<&Path>) -> anyhow::Result<Report> {
    let Some(output) = output else {
        let mut csv = Vec::new();
        subscribers::export(app, id, &mut csv).await?;
        return Ok(Report::text(String::from_utf8(csv)?));
    };
    let file = output.display();
    let created = File::create(output).with_context(|| format!("{file} is not written"))?;
    let count = subscribers::export(app, id, BufWriter::new(created)).await?;
    let text = format!("{count} subscribers are in {file}");
    Ok(Report::good(text, json!({"subscribers": count})))
}

fn listed(id: &MerchantId, part: &Listed) -> Report {
    let all: Vec<Value> = part.subscribers.iter().map(as_json).collect();
    let next = part.next.as_ref().map(Position::to_string);
    let json = json!({"subscribers": all, "next": next});
    if part.subscribers.is_empty() {
        let text = "there is no subscriber: `pesan subscribers import` takes a file of them";
        return Report::good(text, json);
    }
    let mut table = Table::new(["id", "name", "phone", "plan", "due", ""]);
    for subscriber in &part.subscribers {
        table.row([
            subscriber.id.to_string(),
            subscriber.name.clone(),
            subscriber.phone.international(),
            subscriber.plan.to_string(),
            subscriber.anchor_day.get().to_string(),
            standing(subscriber).join(", "),
        ]);
    }
    let mut text = table.to_string();
    if let Some(next) = next {
        text.push_str(&format!(
            "more: pesan subscribers list {id} --from {next}\n"
        ));
    }
    Report::good(text, json)
}

/// What keeps bills from them.
fn standing(subscriber: &Subscriber) -> Vec<&'static str> {
    let mut standing = Vec::new();
    if subscriber.is_paused {
        standing.push("paused");
    }
    if subscriber.opted_out.is_some() {
        standing.push("opted out of WhatsApp");
    }
    standing
}

fn shown(subscriber: &Subscriber) -> String {
    let said = |noted: Option<&Noted>| {
        noted.map_or_else(
            || "no".to_owned(),
            |noted| format!("{}, {}", when(subscriber, noted), noted.source()),
        )
    };
    let chat = subscriber.telegram_chat;
    let lines = [
        ("id", subscriber.id.to_string()),
        ("name", subscriber.name.clone()),
        ("phone", subscriber.phone.international()),
        ("plan", subscriber.plan.to_string()),
        ("due on day", subscriber.anchor_day.get().to_string()),
        ("language", subscriber.language.pick("id", "en").to_owned()),
        ("zone", subscriber.zone.as_str().to_owned()),
        ("paused", yes_or_no(subscriber.is_paused).to_owned()),
        ("opted out", said(subscriber.opted_out.as_ref())),
        ("consent", said(subscriber.consent.as_ref())),
        (
            "telegram",
            chat.map_or_else(|| "no chat".to_owned(), |chat| chat.to_string()),
        ),
    ];
    let mut text = String::new();
    for (name, value) in lines {
        text.push_str(&format!("{name:<12}{value}\n"));
    }
    text
}

fn yes_or_no(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}

/// In the subscriber's zone.
fn when(subscriber: &Subscriber, noted: &Noted) -> String {
    let zoned = noted.at().to_zoned(subscriber.zone.tz());
    zoned.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

fn as_json(subscriber: &Subscriber) -> Value {
    let said = |noted: Option<&Noted>| {
        noted.map(|noted| json!({"at": when(subscriber, noted), "source": noted.source()}))
    };
    json!({
        "id": subscriber.id.as_str(),
        "name": subscriber.name,
        "phone": subscriber.phone.international(),
        "plan": subscriber.plan.as_str(),
        "anchor_day": subscriber.anchor_day.get(),
        "language": subscriber.language.pick("id", "en"),
        "zone": subscriber.zone.as_str(),
        "paused": subscriber.is_paused,
        "opted_out": said(subscriber.opted_out.as_ref()),
        "consent": said(subscriber.consent.as_ref()),
        "telegram_chat": subscriber.telegram_chat,
        "made_at": subscriber.made_at.to_string(),
    })
}
