use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use jiff::Timestamp;
use jiff::civil::Weekday;
use pesan_domain::dialogue::{Chat, Dialogue, Draft, Note, NumberTold};
use pesan_domain::ids::{BookingCode, DeviceId, ItemId, MerchantId};
use pesan_domain::language::Language;
use pesan_domain::merchant::DayRefused;
use pesan_domain::money::Rupiah;
use pesan_domain::whatsapp::{ConsentSource, Phone, SharedPhone};
use serde::{Deserialize, Serialize};

use super::rows::{Keyed, language_code};
use super::{Store, StoreError, broken, from_item, keys, to_item};

/// How many update ids a chat remembers. A claim lives as long as 64 further updates.
const REMEMBERED_UPDATES: usize = 64;

/// A chat as it is stored: where the dialogue is, and which updates brought it there.
#[derive(Clone, Debug)]
pub struct ChatRecord {
    /// The vendor's id, 64 bits and negative for groups.
    pub id: i64,
    /// The dialogue.
    pub chat: Chat,
    /// The newest update ids, oldest first.
    pub updates: Vec<i64>,
    /// Whether the vendor says that it takes no messages; the customer's next update ends that.
    pub unreachable: bool,
}

impl ChatRecord {
    /// A chat nobody has written in.
    #[must_use]
    pub fn new(id: i64, chat: Chat) -> Self {
        Self {
            id,
            chat,
            updates: Vec::new(),
            unreachable: false,
        }
    }

    /// Whether this update has been taken.
    #[must_use]
    pub fn has_taken(&self, update: i64) -> bool {
        self.updates.contains(&update)
    }

    /// Whether it was the last one that was taken.
    #[must_use]
    pub fn took_last(&self, update: i64) -> bool {
        self.updates.last() == Some(&update)
    }

    /// The record after `update` led to `chat`.
    #[must_use]
    pub fn after(&self, update: i64, chat: Chat) -> Self {
        let mut updates = self.updates.clone();
        updates.push(update);
        let surplus = updates.len().saturating_sub(REMEMBERED_UPDATES);
        updates.drain(..surplus);
        Self {
            id: self.id,
            chat,
            updates,
            unreachable: false,
        }
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct ChatRow {
    chat: i64,
    language: String,
    first_name: String,
    version: u64,
    wrong_codes: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    wrong_codes_since: Option<i64>,
    updates: Vec<i64>,
    // Written by whoever sends; a put of the whole row leaves it out and so ends it.
    #[serde(default, skip_serializing)]
    unreachable: bool,
    dialogue: DialogueRow,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<NoteRow>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    phone: Option<PhoneRow>,
}

/// The number that the customer shared: their consent, with how and when it was given.
#[derive(Serialize, Deserialize)]
struct PhoneRow {
    digits: String,
    source: String,
    shared_at: i64,
}

impl From<&SharedPhone> for PhoneRow {
    fn from(shared: &SharedPhone) -> Self {
        Self {
            digits: shared.phone.digits().to_owned(),
            source: shared.source.name().to_owned(),
            shared_at: shared.at.as_second(),
        }
    }
}

impl PhoneRow {
    fn shared(&self) -> Result<SharedPhone, StoreError> {
        Ok(SharedPhone {
            phone: Phone::from_digits(&self.digits).map_err(broken)?,
            source: ConsentSource::parse(&self.source).map_err(broken)?,
            at: Timestamp::from_second(self.shared_at).map_err(broken)?,
        })
    }
}

/// What was said, with the one thing it may be about.
#[derive(Serialize, Deserialize)]
struct NoteRow {
    says: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    about: Option<String>,
}

impl From<Note> for NoteRow {
    fn from(note: Note) -> Self {
        let (says, about) = match note {
            Note::Help => ("help", None),
            Note::Cancelled => ("cancelled", None),
            Note::OldKeyboard => ("old-keyboard", None),
            Note::NotNow => ("not-now", None),
            Note::UseButtons => ("use-buttons", None),
            Note::DateFormat => ("date-format", None),
            Note::DateImpossible => ("date-impossible", None),
            Note::Day(DayRefused::Past) => ("past", None),
            Note::Day(DayRefused::TooFar { last }) => ("too-far", Some(last.to_string())),
            Note::Day(DayRefused::ClosedWeekday { weekday }) => (
                "closed-weekday",
                Some(weekday.to_monday_one_offset().to_string()),
            ),
            Note::Day(DayRefused::ClosedDate) => ("closed-date", None),
            Note::Day(DayRefused::AfterClosing) => ("after-closing", None),
            Note::DayFull => ("day-full", None),
            Note::SlotGone => ("slot-gone", None),
            Note::SlotTaken => ("slot-taken", None),
            Note::NotOffered => ("not-offered", None),
            Note::PriceChanged => ("price-changed", None),
            Note::CodeFormat => ("code-format", None),
            Note::WrongCode => ("wrong-code", None),
            Note::Locked { until } => ("locked", Some(until.as_second().to_string())),
            Note::Number(told) => ("number", Some(told_name(told).to_owned())),
            Note::ForeignContact => ("foreign-contact", None),
            Note::NoPhoneNumber => ("no-phone-number", None),
        };
        Self {
            says: says.to_owned(),
            about,
        }
    }
}

impl NoteRow {
    fn note(&self) -> Result<Note, StoreError> {
        let about = self.about.as_deref().unwrap_or_default();
        Ok(match self.says.as_str() {
            "help" => Note::Help,
            "cancelled" => Note::Cancelled,
            "old-keyboard" => Note::OldKeyboard,
            "not-now" => Note::NotNow,
            "use-buttons" => Note::UseButtons,
            "date-format" => Note::DateFormat,
            "date-impossible" => Note::DateImpossible,
            "past" => Note::Day(DayRefused::Past),
            "too-far" => Note::Day(DayRefused::TooFar {
                last: about.parse().map_err(broken)?,
            }),
            "closed-weekday" => Note::Day(DayRefused::ClosedWeekday {
                weekday: Weekday::from_monday_one_offset(about.parse().map_err(broken)?)
                    .map_err(broken)?,
            }),
            "closed-date" => Note::Day(DayRefused::ClosedDate),
            "after-closing" => Note::Day(DayRefused::AfterClosing),
            "day-full" => Note::DayFull,
            "slot-gone" => Note::SlotGone,
            "slot-taken" => Note::SlotTaken,
            "not-offered" => Note::NotOffered,
            "price-changed" => Note::PriceChanged,
            "code-format" => Note::CodeFormat,
            "wrong-code" => Note::WrongCode,
            "locked" => Note::Locked {
                until: Timestamp::from_second(about.parse().map_err(broken)?).map_err(broken)?,
            },
            "number" => Note::Number(told_of(about)?),
            "foreign-contact" => Note::ForeignContact,
            "no-phone-number" => Note::NoPhoneNumber,
            other => return Err(broken(format!("a note that says {other}"))),
        })
    }
}

fn told_name(told: NumberTold) -> &'static str {
    match told {
        NumberTold::Kept => "kept",
        NumberTold::Forgotten => "forgotten",
        NumberTold::NoneKept => "none-kept",
        NumberTold::Declined => "declined",
        NumberTold::NotUsed => "not-used",
    }
}

fn told_of(name: &str) -> Result<NumberTold, StoreError> {
    Ok(match name {
        "kept" => NumberTold::Kept,
        "forgotten" => NumberTold::Forgotten,
        "none-kept" => NumberTold::NoneKept,
        "declined" => NumberTold::Declined,
        "not-used" => NumberTold::NotUsed,
        other => return Err(broken(format!("a number that is {other}"))),
    })
}

impl ChatRow {
    /// The number that its customer has shared.
    pub fn phone(&self) -> Result<Option<SharedPhone>, StoreError> {
        self.phone.as_ref().map(PhoneRow::shared).transpose()
    }

    pub fn is_unreachable(&self) -> bool {
        self.unreachable
    }

    pub fn record(self) -> Result<ChatRecord, StoreError> {
        Ok(ChatRecord {
            id: self.chat,
            chat: Chat {
                language: Language::from_code(Some(&self.language)),
                first_name: self.first_name,
                dialogue: self.dialogue.dialogue()?,
                note: self.note.map(|note| note.note()).transpose()?,
                version: self.version,
                wrong_codes: self.wrong_codes,
                wrong_codes_since: self
                    .wrong_codes_since
                    .map(Timestamp::from_second)
                    .transpose()
                    .map_err(broken)?,
                phone: self.phone.map(|phone| phone.shared()).transpose()?,
            },
            updates: self.updates,
            unreachable: self.unreachable,
        })
    }
}

#[derive(Default, Serialize, Deserialize)]
struct DialogueRow {
    at: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    page: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    date: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    slot: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    device: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    item: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    quoted: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    told: Option<String>,
}

impl DialogueRow {
    fn at(at: &str) -> Self {
        Self {
            at: at.to_owned(),
            ..Self::default()
        }
    }

    fn with_draft(at: &str, draft: &Draft, page: Option<u16>) -> Self {
        Self {
            at: at.to_owned(),
            page,
            date: draft.date.map(|date| date.to_string()),
            slot: draft.slot.clone(),
            device: draft.device.as_ref().map(|id| id.as_str().to_owned()),
            item: draft.item.as_ref().map(|id| id.as_str().to_owned()),
            code: draft.code.as_ref().map(|code| code.as_str().to_owned()),
            quoted: draft.quoted.map(Rupiah::get),
            told: None,
        }
    }

    fn with_code(at: &str, code: &BookingCode) -> Self {
        Self {
            at: at.to_owned(),
            code: Some(code.as_str().to_owned()),
            ..Self::default()
        }
    }

    fn code(&self) -> Result<BookingCode, StoreError> {
        BookingCode::parse(self.code.as_deref().unwrap_or_default()).map_err(broken)
    }

    fn draft(&self) -> Result<Draft, StoreError> {
        Ok(Draft {
            date: self
                .date
                .as_deref()
                .map(str::parse)
                .transpose()
                .map_err(broken)?,
            slot: self.slot.clone(),
            device: self
                .device
                .as_deref()
                .map(DeviceId::parse)
                .transpose()
                .map_err(broken)?,
            item: self
                .item
                .as_deref()
                .map(ItemId::parse)
                .transpose()
                .map_err(broken)?,
            code: self
                .code
                .as_deref()
                .map(BookingCode::parse)
                .transpose()
                .map_err(broken)?,
            quoted: self.quoted.map(Rupiah::new),
        })
    }
}

impl From<&Dialogue> for DialogueRow {
    fn from(dialogue: &Dialogue) -> Self {
        match dialogue {
            Dialogue::Start => Self::at("start"),
            Dialogue::Help => Self::at("help"),
            Dialogue::Catalog { page } => Self {
                page: Some(*page),
                ..Self::at("catalog")
            },
            Dialogue::Welcome { draft } => Self::with_draft("welcome", draft, None),
            Dialogue::AskDate { draft } => Self::with_draft("date", draft, None),
            Dialogue::AskDevice { draft, page } => Self::with_draft("device", draft, Some(*page)),
            Dialogue::AskSlot { draft } => Self::with_draft("slot", draft, None),
            Dialogue::AskPart { draft, page } => Self::with_draft("part", draft, Some(*page)),
            Dialogue::Confirm { draft } => Self::with_draft("confirm", draft, None),
            Dialogue::Booked { code } => Self::with_code("booked", code),
            Dialogue::AskCode => Self::at("code"),
            Dialogue::Status { code } => Self::with_code("status", code),
            Dialogue::AskNumber => Self::at("ask-number"),
            Dialogue::Number { told } => Self {
                told: Some(told_name(*told).to_owned()),
                ..Self::at("number")
            },
            Dialogue::Linked => Self::at("linked"),
            Dialogue::LinkRefused => Self::at("link-refused"),
        }
    }
}

impl DialogueRow {
    fn dialogue(&self) -> Result<Dialogue, StoreError> {
        let page = self.page.unwrap_or_default();
        Ok(match self.at.as_str() {
            "start" => Dialogue::Start,
            "help" => Dialogue::Help,
            "catalog" => Dialogue::Catalog { page },
            "welcome" => Dialogue::Welcome {
                draft: self.draft()?,
            },
            "date" => Dialogue::AskDate {
                draft: self.draft()?,
            },
            "device" => Dialogue::AskDevice {
                draft: self.draft()?,
                page,
            },
            "slot" => Dialogue::AskSlot {
                draft: self.draft()?,
            },
            "part" => Dialogue::AskPart {
                draft: self.draft()?,
                page,
            },
            "confirm" => Dialogue::Confirm {
                draft: self.draft()?,
            },
            "booked" => Dialogue::Booked { code: self.code()? },
            "code" => Dialogue::AskCode,
            "status" => Dialogue::Status { code: self.code()? },
            "ask-number" => Dialogue::AskNumber,
            "number" => Dialogue::Number {
                told: told_of(self.told.as_deref().unwrap_or_default())?,
            },
            "linked" => Dialogue::Linked,
            "link-refused" => Dialogue::LinkRefused,
            other => return Err(broken(format!("a dialogue at {other}"))),
        })
    }
}

impl Store {
    /// The number that the customer of a chat shared; none where they shared none or took it back.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn chat_phone(
        &self,
        merchant: &MerchantId,
        chat: i64,
    ) -> Result<Option<SharedPhone>, StoreError> {
        let items = self
            .batch_get(vec![keys::chat(merchant, chat).item()])
            .await?;
        let Some(item) = items.into_iter().next() else {
            return Ok(None);
        };
        let row = from_item::<Keyed<ChatRow>>(item)?.row;
        row.phone.map(|phone| phone.shared()).transpose()
    }

    /// Writes a plain step of the dialogue, which is also the claim on its update.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when another update of the chat came first.
    pub async fn save_chat(
        &self,
        merchant: &MerchantId,
        chat: &ChatRecord,
    ) -> Result<(), StoreError> {
        let put = self.chat_put_parts(merchant, chat)?;
        self.client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(put.item))
            .condition_expression(put.condition)
            .expression_attribute_values(":before", put.before)
            .send()
            .await
            .map_err(super::lost_or_unavailable)?;
        Ok(())
    }

    pub(super) fn chat_put(
        &self,
        merchant: &MerchantId,
        chat: &ChatRecord,
    ) -> Result<TransactWriteItem, StoreError> {
        let parts = self.chat_put_parts(merchant, chat)?;
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(parts.item))
            .condition_expression(parts.condition)
            .expression_attribute_values(":before", parts.before)
            .build()
            .map_err(broken)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    fn chat_put_parts(
        &self,
        merchant: &MerchantId,
        record: &ChatRecord,
    ) -> Result<ChatPut, StoreError> {
        let chat = &record.chat;
        let before = chat.version.saturating_sub(1);
        let item = to_item(&Keyed::new(
            keys::chat(merchant, record.id),
            ChatRow {
                chat: record.id,
                language: language_code(chat.language),
                first_name: chat.first_name.clone(),
                version: chat.version,
                wrong_codes: chat.wrong_codes,
                wrong_codes_since: chat.wrong_codes_since.map(Timestamp::as_second),
                updates: record.updates.clone(),
                unreachable: false,
                dialogue: DialogueRow::from(&chat.dialogue),
                note: chat.note.map(NoteRow::from),
                phone: chat.phone.as_ref().map(PhoneRow::from),
            },
        ))?;
        Ok(ChatPut {
            item,
            condition: if before == 0 {
                "attribute_not_exists(PK) OR version = :before"
            } else {
                "version = :before"
            },
            before: AttributeValue::N(before.to_string()),
        })
    }
}

struct ChatPut {
    item: super::Item,
    condition: &'static str,
    before: AttributeValue,
}
