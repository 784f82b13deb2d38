//! A row of a file: judged, and written so that it reads back.

use jiff::Timestamp;
use jiff::civil::Date;

use super::{AnchorDay, Column, Entry, Heading, Noted, Plans, Subscriber, harmless, plain};
use crate::calendar::Zone;
use crate::field::FieldRefused;
use crate::ids::SubscriberId;
use crate::language::Language;
use crate::whatsapp::Phone;

/// What was read otherwise than it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Correction {
    /// Where.
    pub column: Column,
    /// What was written.
    pub from: String,
    /// What it was read as.
    pub to: String,
}

/// A row that can be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// What it says.
    pub entry: Entry,
    /// What was read otherwise than it was written.
    pub corrections: Vec<Correction>,
}

/// Judges the row `cells` under `heading`. An empty cell says nothing, and so does a cell that is
/// not there: spreadsheets leave out the last ones. `zone` is the merchant's.
///
/// # Errors
/// [`FieldRefused`] by the column's name.
pub fn judge(
    heading: &Heading,
    cells: &[&str],
    plans: &Plans,
    zone: Zone,
) -> Result<Judged, FieldRefused> {
    if cells.len() > heading.width() {
        let reason = format!(
            "{} cells stand under {} headings: put what holds a separator into quotation marks",
            cells.len(),
            heading.width()
        );
        return Err(FieldRefused::new("row", reason));
    }
    let mut row = Row {
        heading,
        cells,
        corrections: Vec::new(),
    };
    let name = row.name()?;
    let phone = row.phone()?;
    let own_zone = row.zone()?;
    let dates_in = own_zone.unwrap_or(zone);
    let entry = Entry {
        id: row.id()?,
        name,
        phone,
        plan: row.plan(plans)?,
        anchor_day: row.anchor_day()?,
        language: row.language()?,
        zone: own_zone,
        is_paused: row.paused()?,
        opted_out: row.noted(Column::OptedOutAt, Column::OptedOutSource, dates_in)?,
        consent: row.noted(Column::ConsentAt, Column::ConsentSource, dates_in)?,
        telegram_chat: row.telegram_chat()?,
    };
    Ok(Judged {
        entry,
        corrections: row.corrections,
    })
}

/// A subscriber's row under [`Column::ALL`], such that a spreadsheet opens it as texts and
/// [`judge`] reads it back without a correction. A number stands as `'+62…`: without the
/// apostrophe a spreadsheet takes it for an amount and shortens it.
#[must_use]
pub fn cells(subscriber: &Subscriber) -> [String; 13] {
    let at = |noted: &Option<Noted>| {
        noted.as_ref().map_or_else(String::new, |noted| {
            let zoned = noted.at().to_zoned(subscriber.zone.tz());
            zoned.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
        })
    };
    let source = |noted: &Option<Noted>| {
        noted
            .as_ref()
            .map_or_else(String::new, |noted| harmless(noted.source()))
    };
    Column::ALL.map(|column| match column {
        Column::Id => subscriber.id.to_string(),
        Column::Name => harmless(&subscriber.name),
        Column::Phone => harmless(&subscriber.phone.international()),
        Column::Plan => subscriber.plan.to_string(),
        Column::AnchorDay => subscriber.anchor_day.get().to_string(),
        Column::Language => language_code(subscriber.language).to_owned(),
        Column::Zone => subscriber.zone.as_str().to_owned(),
        Column::Paused => if subscriber.is_paused { "yes" } else { "no" }.to_owned(),
        Column::OptedOutAt => at(&subscriber.opted_out),
        Column::OptedOutSource => source(&subscriber.opted_out),
        Column::ConsentAt => at(&subscriber.consent),
        Column::ConsentSource => source(&subscriber.consent),
        Column::TelegramChat => subscriber
            .telegram_chat
            .map_or_else(String::new, |chat| harmless(&chat.to_string())),
    })
}

fn language_code(language: Language) -> &'static str {
    match language {
        Language::Indonesian => "id",
        Language::English => "en",
    }
}

struct Row<'a> {
    heading: &'a Heading,
    cells: &'a [&'a str],
    corrections: Vec<Correction>,
}

impl Row<'_> {
    /// What stands in a column; nothing where that is nothing.
    fn cell(&self, column: Column) -> Option<String> {
        let place = self.heading.place(column)?;
        let cell = plain(self.cells.get(place)?);
        (!cell.trim().is_empty()).then_some(cell)
    }

    fn needed(&self, column: Column) -> Result<String, FieldRefused> {
        self.cell(column)
            .ok_or_else(|| FieldRefused::new(column.name(), "is empty"))
    }

    /// Notes where `to` was not what was written.
    fn read_as(&mut self, column: Column, from: &str, to: &str) {
        if from != to {
            self.corrections.push(Correction {
                column,
                from: from.to_owned(),
                to: to.to_owned(),
            });
        }
    }

    /// A cell that one of `readings` takes; the first of each is how it is written.
    fn choice<T: Copy>(
        &mut self,
        column: Column,
        readings: &[(T, &[&str])],
    ) -> Result<Option<T>, FieldRefused> {
        let Some(cell) = self.cell(column) else {
            return Ok(None);
        };
        let word = cell.trim().to_lowercase();
        let found = readings.iter().find(|(_, words)| {
            let mut words = words.iter();
            words.any(|known| known.to_lowercase() == word)
        });
        let Some((value, words)) = found else {
            let known: Vec<&str> = readings
                .iter()
                .filter_map(|(_, words)| words.first().copied())
                .collect();
            let reason = format!("is none of {}", known.join(", "));
            return Err(FieldRefused::new(column.name(), reason));
        };
        self.read_as(column, &cell, words.first().copied().unwrap_or_default());
        Ok(Some(*value))
    }

    /// Small letters, and a hyphen for whatever is no letter or digit: `PLG/001` is `plg-001`.
    fn id(&mut self) -> Result<Option<SubscriberId>, FieldRefused> {
        let Some(cell) = self.cell(Column::Id) else {
            return Ok(None);
        };
        let slug = cell
            .to_lowercase()
            .split(|letter: char| !letter.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .collect::<Vec<_>>()
            .join("-");
        let as_written = SubscriberId::parse(cell.trim());
        let id = as_written
            .or_else(|_| SubscriberId::parse(&slug))
            .map_err(|_| {
                let reason = "is not 1 to 24 letters from a to z, digits and hyphens";
                FieldRefused::new(Column::Id.name(), reason)
            })?;
        self.read_as(Column::Id, &cell, id.as_str());
        Ok(Some(id))
    }

    /// Line breaks and rows of blanks are one blank.
    fn name(&mut self) -> Result<String, FieldRefused> {
        self.text(Column::Name)
    }

    fn text(&mut self, column: Column) -> Result<String, FieldRefused> {
        let cell = self.needed(column)?;
        let text = cell.split_whitespace().collect::<Vec<_>>().join(" ");
        crate::field::check_text(column.name(), &text, 1, 60)?;
        self.read_as(column, &cell, &text);
        Ok(text)
    }

    fn phone(&mut self) -> Result<Phone, FieldRefused> {
        let cell = self.needed(Column::Phone)?;
        let phone = Phone::read(&cell)
            .map_err(|error| FieldRefused::new(Column::Phone.name(), error.to_string()))?;
        self.read_as(Column::Phone, &cell, &phone.international());
        Ok(phone)
    }

    fn plan(&mut self, plans: &Plans) -> Result<crate::ids::PlanId, FieldRefused> {
        let cell = self.needed(Column::Plan)?;
        let Some(plan) = plans.called(cell.trim()) else {
            let reason = format!("there is no plan {:?}", cell.trim());
            return Err(FieldRefused::new(Column::Plan.name(), reason));
        };
        self.read_as(Column::Plan, &cell, plan.id.as_str());
        Ok(plan.id.clone())
    }

    fn anchor_day(&mut self) -> Result<Option<AnchorDay>, FieldRefused> {
        let Some(cell) = self.cell(Column::AnchorDay) else {
            return Ok(None);
        };
        let digits = cell.trim();
        let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
        let day = digits
            .parse()
            .ok()
            .filter(|_| is_number)
            .ok_or_else(|| FieldRefused::new(Column::AnchorDay.name(), "is no whole number"))?;
        let day = AnchorDay::new(day)?;
        self.read_as(Column::AnchorDay, &cell, &day.get().to_string());
        Ok(Some(day))
    }

    fn language(&mut self) -> Result<Option<Language>, FieldRefused> {
        self.choice(
            Column::Language,
            &[
                (
                    Language::Indonesian,
                    &["id", "indonesia", "indonesian", "bahasa indonesia"],
                ),
                (Language::English, &["en", "english", "inggris"]),
            ],
        )
    }

    fn zone(&mut self) -> Result<Option<Zone>, FieldRefused> {
        let readings = [Zone::Jakarta, Zone::Makassar, Zone::Jayapura]
            .map(|zone| (zone, [zone.as_str(), zone.abbreviation()]));
        let readings: Vec<(Zone, &[&str])> = readings
            .iter()
            .map(|(zone, words)| (*zone, words.as_slice()))
            .collect();
        self.choice(Column::Zone, &readings)
    }

    fn paused(&mut self) -> Result<Option<bool>, FieldRefused> {
        self.choice(
            Column::Paused,
            &[
                (true, &["yes", "ya", "true", "1", "y"]),
                // A "t" is "tidak" to one and "true" to another.
                (false, &["no", "tidak", "false", "0", "n"]),
            ],
        )
    }

    fn noted(
        &mut self,
        at: Column,
        source: Column,
        zone: Zone,
    ) -> Result<Option<Noted>, FieldRefused> {
        let Some(cell) = self.cell(at) else {
            return match self.cell(source) {
                Some(_) => Err(FieldRefused::new(at.name(), "is empty: when was it said?")),
                None => Ok(None),
            };
        };
        let moment =
            moment(cell.trim(), zone).ok_or_else(|| FieldRefused::new(at.name(), NO_MOMENT))?;
        let source_text = self.text(source)?;
        if let Moment::Day(instant) = moment {
            self.read_as(
                at,
                &cell,
                &instant
                    .to_zoned(zone.tz())
                    .strftime("%Y-%m-%dT%H:%M:%S%:z")
                    .to_string(),
            );
        }
        Noted::new(source.name(), moment.instant(), &source_text).map(Some)
    }

    fn telegram_chat(&mut self) -> Result<Option<i64>, FieldRefused> {
        let Some(cell) = self.cell(Column::TelegramChat) else {
            return Ok(None);
        };
        let chat: i64 = cell
            .trim()
            .parse()
            .map_err(|_| FieldRefused::new(Column::TelegramChat.name(), "is no chat's number"))?;
        self.read_as(Column::TelegramChat, &cell, &chat.to_string());
        Ok(Some(chat))
    }
}

const NO_MOMENT: &str =
    "is no time such as 2026-11-01T08:00:00+07:00 and no day such as 2026-11-01";

/// When something was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    Instant(Timestamp),
    /// The beginning of a day of which nothing else is known.
    Day(Timestamp),
}

impl Moment {
    fn instant(self) -> Timestamp {
        match self {
            Self::Instant(at) | Self::Day(at) => at,
        }
    }
}

/// Days are not read as 03/04/2026: nobody knows which is the month.
fn moment(text: &str, zone: Zone) -> Option<Moment> {
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Some(Moment::Instant(instant));
    }
    let date: Date = text.parse().ok().filter(|_| text.len() == 10)?;
    let start = date.to_zoned(zone.tz()).ok()?;
    Some(Moment::Day(start.timestamp()))
}

#[cfg(test)]
mod tests;
