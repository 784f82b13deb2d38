use std::io::Write;

use csv::WriterBuilder;
use pesan_domain::ids::MerchantId;
use pesan_domain::subscriber::{Column, cells};

use super::{PAGE, Position, RegistryError, list};
use crate::App;

/// Why an export ended early.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The subscribers could not be read.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// They could not be written.
    #[error("cannot be written: {0}")]
    Write(#[from] std::io::Error),
}

/// Writes all subscribers as a CSV file that a spreadsheet opens safely and an import reads back
/// unchanged, page by page. Returns how many they are.
///
/// # Errors
/// [`ExportError`]
pub async fn export(app: &App, merchant: &MerchantId, to: impl Write) -> Result<u64, ExportError> {
    let part = part(app, merchant, None, usize::MAX, to).await?;
    Ok(part.count)
}

/// As [`export`], from `position` on and no more than about `most` of them; where it goes on.
///
/// # Errors
/// [`ExportError`]
pub async fn export_part(
    app: &App,
    merchant: &MerchantId,
    position: Option<&Position>,
    most: usize,
    to: impl Write,
) -> Result<Option<Position>, ExportError> {
    let part = part(app, merchant, position.cloned(), most, to).await?;
    Ok(part.next)
}

struct Part {
    count: u64,
    next: Option<Position>,
}

async fn part(
    app: &App,
    merchant: &MerchantId,
    mut position: Option<Position>,
    most: usize,
    to: impl Write,
) -> Result<Part, ExportError> {
    let mut writer = WriterBuilder::new().from_writer(to);
    write(&mut writer, Column::ALL.map(Column::name))?;
    let mut count = 0_u64;
    loop {
        let listed = list(app, merchant, position.as_ref(), PAGE).await?;
        for subscriber in &listed.subscribers {
            write(&mut writer, cells(subscriber))?;
            count = count.saturating_add(1);
        }
        position = listed.next;
        let is_full = usize::try_from(count).is_ok_and(|count| count >= most);
        if position.is_none() || is_full {
            writer.flush()?;
            return Ok(Part {
                count,
                next: position,
            });
        }
    }
}

fn write<T: AsRef<[u8]>>(
    writer: &mut csv::Writer<impl Write>,
    cells: [T; 13],
) -> Result<(), std::io::Error> {
    Ok(writer.write_record(cells)?)
}
