use std::fmt;

/// A column of a file of subscribers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Column {
    /// Their id; without it one is made of name and number.
    Id,
    /// Their name.
    Name,
    /// Their number at WhatsApp.
    Phone,
    /// Their plan, by id or name.
    Plan,
    /// The day of the month on which bills fall due.
    AnchorDay,
    /// What they are written to in.
    Language,
    /// Their zone.
    Zone,
    /// Whether they owe nothing for now.
    Paused,
    /// When they opted out of WhatsApp.
    OptedOutAt,
    /// How that is known.
    OptedOutSource,
    /// When they agreed to be written to.
    ConsentAt,
    /// How that is known.
    ConsentSource,
    /// Their chat with the merchant's bot.
    TelegramChat,
}

impl Column {
    /// All of them, in the order they are written in.
    pub const ALL: [Self; 13] = [
        Self::Id,
        Self::Name,
        Self::Phone,
        Self::Plan,
        Self::AnchorDay,
        Self::Language,
        Self::Zone,
        Self::Paused,
        Self::OptedOutAt,
        Self::OptedOutSource,
        Self::ConsentAt,
        Self::ConsentSource,
        Self::TelegramChat,
    ];

    /// Those without which a file says nothing.
    const NEEDED: [Self; 3] = [Self::Name, Self::Phone, Self::Plan];

    /// The name it is written and refused by.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Name => "name",
            Self::Phone => "phone",
            Self::Plan => "plan",
            Self::AnchorDay => "anchor_day",
            Self::Language => "language",
            Self::Zone => "zone",
            Self::Paused => "paused",
            Self::OptedOutAt => "opted_out_at",
            Self::OptedOutSource => "opted_out_source",
            Self::ConsentAt => "consent_at",
            Self::ConsentSource => "consent_source",
            Self::TelegramChat => "telegram_chat",
        }
    }

    /// What else people call it, in Indonesian and English.
    fn also(self) -> &'static [&'static str] {
        match self {
            Self::Id => &[
                "kode",
                "kode pelanggan",
                "id pelanggan",
                "no pelanggan",
                "nomor pelanggan",
                "referensi",
                "customer id",
                "subscriber id",
                "reference",
            ],
            Self::Name => &["nama", "nama pelanggan", "customer name", "full name"],
            Self::Phone => &[
                "whatsapp",
                "wa",
                "no wa",
                "nomor wa",
                "no whatsapp",
                "nomor whatsapp",
                "no hp",
                "nomor hp",
                "hp",
                "telepon",
                "no telepon",
                "nomor telepon",
                "whatsapp number",
                "phone number",
                "mobile",
            ],
            Self::Plan => &["paket", "nama paket", "kode paket", "plan id", "plan name"],
            Self::AnchorDay => &[
                "jatuh tempo",
                "tanggal jatuh tempo",
                "tgl jatuh tempo",
                "due day",
            ],
            Self::Language => &["bahasa"],
            Self::Zone => &["zona", "zona waktu", "time zone", "timezone"],
            Self::Paused => &["jeda", "dijeda"],
            Self::OptedOutAt => &["berhenti whatsapp pada", "tolak whatsapp pada"],
            Self::OptedOutSource => &["sumber berhenti whatsapp", "sumber tolak whatsapp"],
            Self::ConsentAt => &["persetujuan pada", "tanggal persetujuan", "setuju pada"],
            Self::ConsentSource => &["sumber persetujuan"],
            Self::TelegramChat => &["chat telegram", "id chat telegram", "telegram chat id"],
        }
    }

    fn called(text: &str) -> Option<Self> {
        let words = text.to_lowercase().replace(['_', '-', '.'], " ");
        let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
        Self::ALL.into_iter().find(|column| {
            column.name().replace('_', " ") == words || column.also().contains(&words.as_str())
        })
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where each column of a file stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heading {
    columns: Vec<Column>,
}

/// Why a file's first line is no heading of subscribers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeadingError {
    /// A column that nobody asked for: what it says would be lost.
    #[error("the column {name:?} is none of {all}", name = .0, all = names())]
    Unknown(String),
    /// Two columns for one thing.
    #[error("the column {0} is there twice")]
    Twice(Column),
    /// One that is needed.
    #[error("the column {0} is missing")]
    Missing(Column),
}

fn names() -> String {
    Column::ALL.map(Column::name).join(", ")
}

impl Heading {
    /// Reads the first line of a file. Columns may stand in any order, in Indonesian or English.
    ///
    /// # Errors
    /// [`HeadingError`]
    pub fn read<'a>(cells: impl Iterator<Item = &'a str>) -> Result<Self, HeadingError> {
        let mut columns = Vec::new();
        for cell in cells {
            let cell = cell.trim();
            let column =
                Column::called(cell).ok_or_else(|| HeadingError::Unknown(cell.to_owned()))?;
            if columns.contains(&column) {
                return Err(HeadingError::Twice(column));
            }
            columns.push(column);
        }
        match Column::NEEDED
            .into_iter()
            .find(|column| !columns.contains(column))
        {
            Some(column) => Err(HeadingError::Missing(column)),
            None => Ok(Self { columns }),
        }
    }

    /// How many cells stand under it.
    #[must_use]
    pub fn width(&self) -> usize {
        self.columns.len()
    }

    /// Where a column stands; nowhere if it is not there.
    pub(super) fn place(&self, column: Column) -> Option<usize> {
        self.columns.iter().position(|there| *there == column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Heading, String> {
        Heading::read(line.split(';')).map_err(|error| error.to_string())
    }

    #[test]
    fn headings_are_indonesian_or_english_in_any_order() {
        let english = read("name;phone;plan;anchor_day").unwrap();
        let indonesian = read("Nama;No. WhatsApp; Paket ;Tanggal Jatuh Tempo").unwrap();
        assert_eq!(english, indonesian);
        let other = read("paket;NOMOR_WA;nama pelanggan;kode-pelanggan").unwrap();
        assert_eq!(other.place(Column::Phone), Some(1));
        assert_eq!(other.place(Column::Id), Some(3));
        assert_eq!(other.place(Column::Zone), None);
    }

    #[test]
    fn a_heading_that_would_lose_something_is_refused_by_name() {
        for (line, why) in [
            ("name;phone;plan;alamat", "\"alamat\""),
            ("name;phone;plan;", "\"\""),
            ("nama;name;phone;plan", "name is there twice"),
            ("nama;wa", "plan is missing"),
            ("", "\"\""),
        ] {
            let refused = read(line).unwrap_err();
            assert!(refused.contains(why), "{line}: {refused}");
        }
    }

    #[test]
    fn no_column_is_called_as_another() {
        for column in Column::ALL {
            for name in column.also().iter().chain([&column.name()]) {
                assert_eq!(Column::called(name), Some(column), "{name}");
            }
        }
    }
}
