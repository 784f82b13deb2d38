//! Who is billed each month.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use data_encoding::BASE32_NOPAD;
use jiff::Timestamp;
use pesan_domain::calendar::Zone;
use pesan_domain::field::{FieldRefused, check_number};
use pesan_domain::ids::{PlanId, SubscriberId};
use pesan_domain::language::Language;
use pesan_domain::subscriber::{AnchorDay, Entry, Noted, Subscriber as Domain};
use pesan_domain::whatsapp::Phone;
use pesan_service::App;
use pesan_service::idempotency::Seed;
use pesan_service::subscribers::{self, Position, RegistryError};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::gate::{Caller, Seeded, Unkept};
use crate::json::{Json, given};
use crate::parameters::{Paging, Parameters};
use crate::problem::Problem;
use crate::segment::Segment;

/// The list's name under the seal of its cursors.
pub(crate) const LIST: &str = "subscribers";
/// Telegram's ids have at most 52 bits (<https://core.telegram.org/bots/api#chat>).
const CHAT_MOST: u64 = 1 << 52;

/// Who is billed each month
#[derive(Serialize, ToSchema)]
pub(crate) struct Subscriber {
    /// Stable: bills and their order ids carry it
    #[schema(pattern = "id", example = "plg-001")]
    id: String,
    /// As they are addressed
    #[schema(example = "Siti Rahma")]
    name: String,
    /// Their number at WhatsApp
    #[schema(pattern = r"^\+[1-9][0-9]{6,14}$", example = "+6281234567890")]
    phone: String,
    /// The id of their plan
    #[schema(example = "dasar")]
    plan: String,
    /// The day of the month on which their bills fall due
    #[schema(minimum = 1, maximum = 31, example = 10)]
    anchor_day: i8,
    /// What they are written to in
    language: LanguageCode,
    /// Whose night is kept quiet, and whose days their dates are
    zone: ZoneName,
    /// Owes nothing for now
    #[schema(example = false)]
    paused: bool,
    /// That they want nothing on WhatsApp
    #[schema(required)]
    opted_out: Option<Said>,
    /// That they agreed to be written to
    #[schema(required)]
    consent: Option<Said>,
    /// Their chat with the merchant's bot
    #[schema(required, example = json!(null))]
    telegram_chat: Option<i64>,
    /// When they were made
    #[schema(format = DateTime, example = "2026-12-01T01:00:00Z")]
    created_at: String,
}

/// A language: Indonesian or English
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
#[schema(as = Language)]
pub(crate) enum LanguageCode {
    #[serde(rename = "id")]
    Indonesian,
    #[serde(rename = "en")]
    English,
}

/// A zone of Indonesia
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
#[schema(as = Zone)]
pub(crate) enum ZoneName {
    #[serde(rename = "Asia/Jakarta")]
    Jakarta,
    #[serde(rename = "Asia/Makassar")]
    Makassar,
    #[serde(rename = "Asia/Jayapura")]
    Jayapura,
}

/// That something was said: when, and where it is known from
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Noted)]
pub(crate) struct Said {
    /// When
    #[schema(format = DateTime, example = "2026-11-20T03:00:00Z")]
    at: String,
    /// Where it is known from
    #[schema(
        min_length = 1,
        max_length = 60,
        example = "paper form",
        pattern = "line"
    )]
    source: String,
}

/// A page of subscribers
#[derive(Serialize, ToSchema)]
#[schema(as = SubscriberList)]
pub(crate) struct List {
    subscribers: Vec<Subscriber>,
    /// The `cursor` of the next page; null on the last
    #[schema(required, example = json!(null))]
    next: Option<String>,
}

/// A subscriber to be made
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSubscriber {
    /// Chosen by you, for good; one is made where it is left out. No phone number: it stands in bills'
    /// numbers and in logs
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, pattern = "id", example = "plg-001")]
    id: Option<String>,
    /// As they are addressed
    #[schema(
        min_length = 1,
        max_length = 60,
        example = "Siti Rahma",
        pattern = "line"
    )]
    name: String,
    /// Their number at WhatsApp; without a country code it is Indonesian
    #[schema(
        example = "081234567890",
        pattern = r"^(08[1-35-9][0-9]{7,10}|\+628[1-35-9][0-9]{7,10}|\+[13-57-9][0-9]{7,14}|\+6[013-9][0-9]{6,13})$"
    )]
    phone: String,
    /// The id of a plan that takes new subscribers
    #[schema(pattern = "id", example = "dasar")]
    plan: String,
    /// The day of the month on which their bills fall due; the 10th where it is left out, and a
    /// month's last day where the month has no such day
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, minimum = 1, maximum = 31, example = 10)]
    anchor_day: Option<u64>,
    /// What they are written to in; that of their number where it is left out
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    language: Option<LanguageCode>,
    /// The merchant's where it is left out
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    zone: Option<ZoneName>,
    /// Owes nothing for now
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, example = false)]
    paused: Option<bool>,
    /// That they want nothing on WhatsApp
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    opted_out: Option<Said>,
    /// That they agreed to be written to
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    consent: Option<Said>,
    /// Their chat with the merchant's bot
    #[serde(default, deserialize_with = "given")]
    #[schema(
        nullable = false, minimum = -4_503_599_627_370_496_i64, maximum = 4_503_599_627_370_496_i64,
        example = 5_551_234
    )]
    telegram_chat: Option<i64>,
}

/// What to change of a subscriber; what is left out stays, and null takes out what may be absent
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SubscriberChange {
    /// As they are addressed
    #[serde(default, deserialize_with = "given")]
    #[schema(
        nullable = false,
        min_length = 1,
        max_length = 60,
        example = "Siti Rahma",
        pattern = "line"
    )]
    name: Option<String>,
    /// Their number at WhatsApp; without a country code it is Indonesian
    #[serde(default, deserialize_with = "given")]
    #[schema(
        nullable = false,
        example = "081234567890",
        pattern = r"^(08[1-35-9][0-9]{7,10}|\+628[1-35-9][0-9]{7,10}|\+[13-57-9][0-9]{7,14}|\+6[013-9][0-9]{6,13})$"
    )]
    phone: Option<String>,
    /// The id of a plan that takes new subscribers, or of their own
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, pattern = "id", example = "dasar")]
    plan: Option<String>,
    /// The day of the month on which their bills fall due
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, minimum = 1, maximum = 31, example = 25)]
    anchor_day: Option<u64>,
    /// What they are written to in
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    language: Option<LanguageCode>,
    /// Whose night is kept quiet, and whose days their dates are
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    zone: Option<ZoneName>,
    /// Owes nothing for now
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, example = true)]
    paused: Option<bool>,
    /// That they want nothing on WhatsApp. What they said themselves with STOP only they take back
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Said>)]
    opted_out: Option<Option<Said>>,
    /// That they agreed to be written to
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Said>)]
    consent: Option<Option<Said>>,
    /// Their chat with the merchant's bot
    #[serde(default, deserialize_with = "given")]
    #[schema(
        value_type = Option<i64>, minimum = -4_503_599_627_370_496_i64,
        maximum = 4_503_599_627_370_496_i64, example = 5_551_234
    )]
    telegram_chat: Option<Option<i64>>,
}

impl From<Domain> for Subscriber {
    fn from(subscriber: Domain) -> Self {
        Self {
            id: subscriber.id.as_str().to_owned(),
            name: subscriber.name,
            phone: subscriber.phone.international(),
            plan: subscriber.plan.as_str().to_owned(),
            anchor_day: subscriber.anchor_day.get(),
            language: subscriber.language.into(),
            zone: subscriber.zone.into(),
            paused: subscriber.is_paused,
            opted_out: subscriber.opted_out.as_ref().map(Said::of),
            consent: subscriber.consent.as_ref().map(Said::of),
            telegram_chat: subscriber.telegram_chat,
            created_at: subscriber.made_at.to_string(),
        }
    }
}

impl From<Language> for LanguageCode {
    fn from(language: Language) -> Self {
        match language {
            Language::Indonesian => Self::Indonesian,
            Language::English => Self::English,
        }
    }
}

impl From<LanguageCode> for Language {
    fn from(code: LanguageCode) -> Self {
        match code {
            LanguageCode::Indonesian => Self::Indonesian,
            LanguageCode::English => Self::English,
        }
    }
}

impl From<Zone> for ZoneName {
    fn from(zone: Zone) -> Self {
        match zone {
            Zone::Jakarta => Self::Jakarta,
            Zone::Makassar => Self::Makassar,
            Zone::Jayapura => Self::Jayapura,
        }
    }
}

impl From<ZoneName> for Zone {
    fn from(name: ZoneName) -> Self {
        match name {
            ZoneName::Jakarta => Self::Jakarta,
            ZoneName::Makassar => Self::Makassar,
            ZoneName::Jayapura => Self::Jayapura,
        }
    }
}

impl Said {
    fn of(noted: &Noted) -> Self {
        Self {
            at: noted.at().to_string(),
            source: noted.source().to_owned(),
        }
    }

    fn read(&self, at: &'static str, source: &'static str) -> Result<Noted, FieldRefused> {
        let instant: Timestamp = self
            .at
            .parse()
            .map_err(|_| FieldRefused::new(at, "no instant such as 2026-11-20T10:00:00+07:00"))?;
        Noted::new(source, instant, &self.source)
    }
}

fn opted_out(said: &Said) -> Result<Noted, FieldRefused> {
    said.read("opted_out.at", "opted_out.source")
}

fn consent(said: &Said) -> Result<Noted, FieldRefused> {
    said.read("consent.at", "consent.source")
}

fn phone(typed: &str) -> Result<Phone, FieldRefused> {
    Phone::read(typed).map_err(|error| FieldRefused::new("phone", error.to_string()))
}

fn plan(text: &str) -> Result<PlanId, FieldRefused> {
    PlanId::parse(text)
        .map_err(|_| FieldRefused::new("plan", format!("there is no plan {text:.24}")))
}

fn chat(id: i64) -> Result<i64, FieldRefused> {
    check_number("telegram_chat", id.unsigned_abs(), 0, CHAT_MOST)?;
    Ok(id)
}

impl NewSubscriber {
    fn entry(&self, seed: Seed) -> Result<Entry, FieldRefused> {
        Ok(Entry {
            id: Some(match &self.id {
                Some(id) => chosen_id(id)?,
                None => made_id(seed)?,
            }),
            name: self.name.clone(),
            phone: phone(&self.phone)?,
            plan: plan(&self.plan)?,
            anchor_day: self.anchor_day.map(AnchorDay::new).transpose()?,
            language: self.language.map(Language::from),
            zone: self.zone.map(Zone::from),
            is_paused: self.paused,
            opted_out: self.opted_out.as_ref().map(opted_out).transpose()?,
            consent: self.consent.as_ref().map(consent).transpose()?,
            telegram_chat: self.telegram_chat.map(chat).transpose()?,
        })
    }
}

fn chosen_id(text: &str) -> Result<SubscriberId, FieldRefused> {
    SubscriberId::parse(text)
        .map_err(|_| FieldRefused::new("id", "not 1 to 24 small letters, digits and hyphens"))
}

/// `s-` and 80 bits of the seed: no two of a million are alike.
fn made_id(seed: Seed) -> Result<SubscriberId, FieldRefused> {
    const BYTES: usize = 10;
    let bytes: Vec<u8> = seed.number.to_be_bytes().into_iter().take(BYTES).collect();
    let id = format!("s-{}", BASE32_NOPAD.encode(&bytes).to_ascii_lowercase());
    SubscriberId::parse(&id).map_err(|error| FieldRefused::new("id", error.to_string()))
}

/// A change that can be made.
struct Change {
    name: Option<String>,
    phone: Option<Phone>,
    plan: Option<PlanId>,
    anchor_day: Option<AnchorDay>,
    language: Option<Language>,
    zone: Option<Zone>,
    is_paused: Option<bool>,
    opted_out: Option<Option<Noted>>,
    consent: Option<Option<Noted>>,
    telegram_chat: Option<Option<i64>>,
}

impl SubscriberChange {
    fn read(self) -> Result<Change, FieldRefused> {
        let said = |said: Option<Option<Said>>, read: fn(&Said) -> Result<Noted, FieldRefused>| {
            let read = said.map(|said| said.as_ref().map(read).transpose());
            read.transpose()
        };
        let telegram_chat = self.telegram_chat.map(|id| id.map(chat).transpose());
        Ok(Change {
            name: self.name,
            phone: self.phone.as_deref().map(phone).transpose()?,
            plan: self.plan.as_deref().map(plan).transpose()?,
            anchor_day: self.anchor_day.map(AnchorDay::new).transpose()?,
            language: self.language.map(Language::from),
            zone: self.zone.map(Zone::from),
            is_paused: self.paused,
            opted_out: said(self.opted_out, opted_out)?,
            consent: said(self.consent, consent)?,
            telegram_chat: telegram_chat.transpose()?,
        })
    }
}

impl Change {
    /// Changes somebody as they are, or nothing of them.
    fn apply(&self, to: &mut Domain) -> Result<(), RegistryError> {
        if let Some(opted_out) = &self.opted_out {
            to.note_opt_out(opted_out.as_ref())?;
        }
        if let Some(name) = &self.name {
            to.name.clone_from(name);
        }
        if let Some(phone) = &self.phone {
            to.phone.clone_from(phone);
        }
        if let Some(plan) = &self.plan {
            to.plan.clone_from(plan);
        }
        to.anchor_day = self.anchor_day.unwrap_or(to.anchor_day);
        to.language = self.language.unwrap_or(to.language);
        to.zone = self.zone.unwrap_or(to.zone);
        to.is_paused = self.is_paused.unwrap_or(to.is_paused);
        if let Some(consent) = &self.consent {
            to.consent.clone_from(consent);
        }
        if let Some(chat) = self.telegram_chat {
            *to = match chat {
                Some(_) => to.clone().with_chat(chat),
                None => to.clone().without_chat(),
            };
        }
        Ok(())
    }
}

fn id_of(segment: &str) -> Result<SubscriberId, Problem> {
    SubscriberId::parse(segment).map_err(|_| Problem::not_found())
}

/// The subscribers
///
/// In an order that stays the same and means nothing.
#[utoipa::path(
    get,
    path = "/v1/subscribers",
    operation_id = "list_subscribers",
    tag = "Subscribers",
    params(Paging),
    responses((status = 200, description = "A page of subscribers", body = List))
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    mut parameters: Parameters,
) -> Result<Answer<List>, Problem> {
    let page = parameters.page(&caller, LIST)?;
    parameters.end()?;
    let position = page.after.as_deref().map(Position::parse).transpose()?;
    let merchant = &caller.key.merchant;
    let listed = subscribers::list(&app, merchant, position.as_ref(), page.limit).await?;
    let next = listed
        .next
        .map(|next| caller.cursors.seal(LIST, &next.to_string()));
    Ok(Answer(List {
        subscribers: listed
            .subscribers
            .into_iter()
            .map(Subscriber::from)
            .collect(),
        next,
    }))
}

/// Makes a subscriber
#[utoipa::path(
    post,
    path = "/v1/subscribers",
    operation_id = "create_subscriber",
    tag = "Subscribers",
    request_body = NewSubscriber,
    responses((status = 201, description = "The subscriber", body = Subscriber,
        headers(("Location" = String, description = "Where they are"))))
)]
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Seeded(seed): Seeded,
    parameters: Parameters,
    Json(new): Json<NewSubscriber>,
) -> Result<Response, Problem> {
    parameters.end()?;
    let entry = new.entry(seed)?;
    let subscriber = made(&app, &caller, &entry, seed).await?;
    let location = [(
        header::LOCATION,
        format!("/v1/subscribers/{}", subscriber.id),
    )];
    let answer = Answer(Subscriber::from(subscriber));
    Ok((StatusCode::CREATED, location, answer).into_response())
}

async fn made(
    app: &App,
    caller: &Caller,
    entry: &Entry,
    seed: Seed,
) -> Result<Domain, RegistryError> {
    let merchant = &caller.key.merchant;
    match subscribers::add(app, merchant, entry).await {
        // The run before this one made them, unless it lost to another request.
        Err(RegistryError::SubscriberExists(id)) if seed.is_again() => {
            let there = subscribers::find(app, merchant, &id).await?;
            let is_seeds = made_id(seed).is_ok_and(|made| made == id);
            let same = there.name == entry.name && there.phone == entry.phone;
            (is_seeds || same)
                .then_some(there)
                .ok_or(RegistryError::SubscriberExists(id))
        }
        done => done,
    }
}

/// One subscriber
#[utoipa::path(
    get,
    path = "/v1/subscribers/{id}",
    operation_id = "get_subscriber",
    tag = "Subscribers",
    params(("id" = String, Path, description = "Their id", example = "plg-001",
        pattern = "id")),
    responses((status = 200, description = "The subscriber", body = Subscriber))
)]
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segment(id): Segment,
    parameters: Parameters,
) -> Result<Answer<Subscriber>, Problem> {
    parameters.end()?;
    let found = subscribers::find(&app, &caller.key.merchant, &id_of(&id)?).await?;
    Ok(Answer(found.into()))
}

/// Changes a subscriber
#[utoipa::path(
    patch,
    path = "/v1/subscribers/{id}",
    operation_id = "change_subscriber",
    tag = "Subscribers",
    params(("id" = String, Path, description = "Their id", example = "plg-001",
        pattern = "id")),
    request_body = SubscriberChange,
    responses((status = 200, description = "The subscriber", body = Subscriber))
)]
pub(crate) async fn change(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segment(id): Segment,
    parameters: Parameters,
    Json(change): Json<SubscriberChange>,
) -> Result<Answer<Subscriber>, Problem> {
    parameters.end()?;
    let (change, id) = (change.read()?, id_of(&id)?);
    let apply = |subscriber: &mut Domain| change.apply(subscriber);
    let changed = subscribers::change(&app, &caller.key.merchant, &id, apply).await?;
    Ok(Answer(changed.into()))
}

/// Takes out a subscriber
///
/// Their bills stay, which carry what they need.
#[utoipa::path(
    delete,
    path = "/v1/subscribers/{id}",
    operation_id = "delete_subscriber",
    tag = "Subscribers",
    params(("id" = String, Path, description = "Their id", example = "plg-001",
        pattern = "id")),
    responses((status = 204, description = "They are gone"))
)]
pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    caller: Caller,
    Seeded(seed): Seeded,
    Segment(id): Segment,
    parameters: Parameters,
) -> Result<StatusCode, Problem> {
    parameters.end()?;
    match subscribers::remove(&app, &caller.key.merchant, &id_of(&id)?).await {
        // The run before this one took them out.
        Err(RegistryError::UnknownSubscriber(_)) if seed.is_again() => Ok(StatusCode::NO_CONTENT),
        done => {
            done?;
            Ok(StatusCode::NO_CONTENT)
        }
    }
}

/// Where a subscriber opens the merchant's bot to get their bills there
#[derive(Serialize, ToSchema)]
pub(crate) struct TelegramLink {
    /// It works once, and leads their bills to the chat in which it is followed
    #[schema(example = "https://t.me/toko_jaya_bot?start=s_plg-001_mzxw6ytboi4dcnrvha3tmojrgi")]
    link: String,
}

/// The link that leads a subscriber's bills to Telegram
///
/// Give it to nobody but them: whoever follows it first gets their bills. It is the same until it was
/// followed, and is not kept under an `Idempotency-Key`.
#[utoipa::path(
    post,
    path = "/v1/subscribers/{id}/telegram-link",
    operation_id = "make_telegram_link",
    tag = "Subscribers",
    params(("id" = String, Path, description = "Their id", example = "plg-001",
        pattern = "id")),
    responses((status = 200, description = "The link", body = TelegramLink))
)]
pub(crate) async fn telegram_link(
    State(app): State<Arc<App>>,
    caller: Caller,
    Segment(id): Segment,
    parameters: Parameters,
) -> Result<Response, Problem> {
    parameters.end()?;
    let link = subscribers::chat_link(&app, &caller.key.merchant, &id_of(&id)?).await?;
    Ok((Unkept, Answer(TelegramLink { link })).into_response())
}
