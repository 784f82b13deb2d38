//! A CSV file as spreadsheets write it, read row by row in flat memory.

use std::io::{self, BufReader, Read, Seek, SeekFrom};

use csv::{ByteRecord, Reader, ReaderBuilder};
use pesan_domain::subscriber::{Heading, HeadingError};

/// Why a file is taken in no part.
#[derive(Debug, thiserror::Error)]
pub enum SheetError {
    /// Saved with two bytes a letter.
    #[error("is UTF-16: save it as \"CSV UTF-8\"")]
    Utf16,
    /// Saved in an old encoding, or no text at all.
    #[error("line {0} is not UTF-8: save it as \"CSV UTF-8\"")]
    NotUtf8(u64),
    /// Its first line.
    #[error(transparent)]
    Heading(#[from] HeadingError),
    /// No row below it.
    #[error("there are no rows below the heading")]
    NoRows,
    /// Whoever asked has not the time for so many.
    #[error(
        "has {rows} rows, and at most {most} are taken at once: split it, or have the operator \
             import it with `pesan subscribers import`"
    )]
    TooManyRows {
        /// So many it has.
        rows: u64,
        /// So many are taken.
        most: u64,
    },
    /// What follows would be one endless cell.
    #[error("line {0}: a quotation mark is opened and not closed, or a cell is endless")]
    Endless(u64),
    /// It cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(#[from] io::Error),
}

impl From<csv::Error> for SheetError {
    fn from(error: csv::Error) -> Self {
        Self::Unreadable(error.into())
    }
}

/// A row longer than this holds others.
const MOST_ROW_BYTES: usize = 16 << 10;
/// A name in two lines is met, and a row with an address in several; not more.
const MOST_BREAKS: usize = 8;
/// The reader reads on behind a row, by its buffer of 8 KB.
const AHEAD: usize = 16 << 10;
const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";
const UTF16_MARKS: [&[u8]; 2] = [b"\xff\xfe", b"\xfe\xff"];

/// A file that was looked through.
#[derive(Debug)]
pub(super) struct Sheet<R> {
    source: R,
    begins_at: u64,
    delimiter: u8,
    pub heading: Heading,
    /// Rows below the heading, blank ones left out.
    pub rows: u64,
}

/// The rows of a file, one at a time.
pub(super) struct Rows<'a, R> {
    reader: Reader<LineFeeds<BufReader<&'a mut R>>>,
    record: ByteRecord,
    delimiter: u8,
}

/// A row.
pub(super) struct Row<'a> {
    /// Where it begins, from 1.
    pub line: u64,
    pub cells: Vec<&'a str>,
}

impl<R: Read + Seek> Sheet<R> {
    /// Looks through a whole file, so that one which cannot be taken is refused before anything of
    /// it is.
    pub fn open(mut source: R) -> Result<Self, SheetError> {
        let (begins_at, delimiter) = beginning(&mut source)?;
        let mut rows = rows_from(&mut source, begins_at, delimiter)?;
        let heading = match rows.next()? {
            Some(heading) => Heading::read(heading.cells.into_iter())?,
            None => Heading::read(std::iter::empty())?,
        };
        let mut count = 0_u64;
        while rows.next()?.is_some() {
            count = count.saturating_add(1);
        }
        if count == 0 {
            return Err(SheetError::NoRows);
        }
        Ok(Self {
            source,
            begins_at,
            delimiter,
            heading,
            rows: count,
        })
    }

    /// # Errors
    /// [`SheetError::TooManyRows`]
    pub fn check_size(&self, most: Option<u64>) -> Result<(), SheetError> {
        match most {
            Some(most) if self.rows > most => Err(SheetError::TooManyRows {
                rows: self.rows,
                most,
            }),
            Some(_) | None => Ok(()),
        }
    }

    /// The rows below the heading.
    pub fn rows(&mut self) -> Result<Rows<'_, R>, SheetError> {
        let mut rows = rows_from(&mut self.source, self.begins_at, self.delimiter)?;
        rows.next()?;
        Ok(rows)
    }
}

/// Where the heading begins, and what stands between cells: in Indonesia spreadsheets write
/// semicolons.
fn beginning(source: &mut (impl Read + Seek)) -> Result<(u64, u8), SheetError> {
    source.seek(SeekFrom::Start(0))?;
    let mut start = Vec::new();
    let most = u64::try_from(MOST_ROW_BYTES).unwrap_or(u64::MAX);
    source.by_ref().take(most).read_to_end(&mut start)?;
    if UTF16_MARKS.iter().any(|mark| start.starts_with(mark)) {
        return Err(SheetError::Utf16);
    }
    let mark = if start.starts_with(UTF8_MARK) { 3 } else { 0 };
    let heading = start.split(|byte| matches!(byte, b'\n' | b'\r')).next();
    let has_semicolon = heading.is_some_and(|heading| heading.contains(&b';'));
    Ok((mark, if has_semicolon { b';' } else { b',' }))
}

fn rows_from<R: Read + Seek>(
    source: &mut R,
    begins_at: u64,
    delimiter: u8,
) -> Result<Rows<'_, R>, SheetError> {
    source.seek(SeekFrom::Start(begins_at))?;
    let reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(LineFeeds::new(BufReader::new(source)));
    Ok(Rows {
        reader,
        record: ByteRecord::new(),
        delimiter,
    })
}

impl<R: Read> Rows<'_, R> {
    /// The next row that is not blank.
    pub fn next(&mut self) -> Result<Option<Row<'_>>, SheetError> {
        loop {
            let begins = self.reader.position().line();
            self.reader.get_mut().left = MOST_ROW_BYTES.saturating_add(AHEAD);
            match self.reader.read_byte_record(&mut self.record) {
                Ok(true) => {}
                Ok(false) => return Ok(None),
                Err(_) if self.reader.get_ref().left == 0 => {
                    return Err(SheetError::Endless(begins));
                }
                Err(error) => return Err(error.into()),
            }
            if !self.record.iter().all(|cell| cell.trim_ascii().is_empty()) {
                break;
            }
        }
        let line = self.line();
        if self.record.as_slice().len() > MOST_ROW_BYTES || self.is_left_open() {
            return Err(SheetError::Endless(line));
        }
        let cells: Result<Vec<&str>, _> = self.record.iter().map(std::str::from_utf8).collect();
        let cells = cells.map_err(|_| SheetError::NotUtf8(line))?;
        Ok(Some(Row { line, cells }))
    }

    /// Whether a quotation mark swallowed the rows behind it: more lines than a cell has, what stands
    /// between cells beside a line break, or the line feed that ends the file.
    fn is_left_open(&self) -> bool {
        let breaks = self.record.as_slice().iter();
        let breaks = breaks.filter(|byte| **byte == b'\n').count();
        let last = self.record.iter().next_back().unwrap_or_default();
        let has_row = |cell: &[u8]| cell.contains(&b'\n') && cell.contains(&self.delimiter);
        breaks > MOST_BREAKS
            || self.record.iter().any(has_row)
            || (self.reader.get_ref().is_over && last.ends_with(b"\n"))
    }

    /// Where the record begins. The reader says where it was before it skipped blank lines, so it is
    /// counted back from where the record ends, unless that is the end of a file within quotation
    /// marks.
    fn line(&self) -> u64 {
        let breaks = self.record.as_slice().iter();
        let breaks = breaks.filter(|byte| **byte == b'\n').count();
        let after = self.reader.position().line();
        let counted = after
            .saturating_sub(1)
            .saturating_sub(u64::try_from(breaks).unwrap_or(u64::MAX));
        let said = self.record.position().map_or(0, csv::Position::line);
        counted.max(said)
    }
}

/// A file whose lines all end in one line feed, the last one too, and of which no more than `left` is
/// read until that is set anew.
struct LineFeeds<R> {
    source: R,
    left: usize,
    is_after_return: bool,
    is_within_line: bool,
    /// Whether the file was read to its end.
    is_over: bool,
}

impl<R> LineFeeds<R> {
    fn new(source: R) -> Self {
        Self {
            source,
            left: 0,
            is_after_return: false,
            is_within_line: false,
            is_over: false,
        }
    }

    /// Rewrites the first `read` bytes in their place. Returns how many are left.
    fn rewrite(&mut self, bytes: &mut [u8], read: usize) -> usize {
        let mut kept = 0_usize;
        for at in 0..read {
            let Some(byte) = bytes.get(at).copied() else {
                break;
            };
            let is_second = byte == b'\n' && self.is_after_return;
            self.is_after_return = byte == b'\r';
            if is_second {
                continue;
            }
            let rewritten = if byte == b'\r' { b'\n' } else { byte };
            self.is_within_line = rewritten != b'\n';
            if let Some(place) = bytes.get_mut(kept) {
                *place = rewritten;
            }
            kept = kept.saturating_add(1);
        }
        kept
    }
}

impl<R: Read> Read for LineFeeds<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        loop {
            let read = self.source.read(bytes)?;
            self.left = self.left.saturating_sub(read);
            let kept = self.rewrite(bytes, read);
            if kept > 0 {
                return Ok(kept);
            }
            if read == 0 {
                self.is_over = true;
                break;
            }
        }
        match bytes.first_mut() {
            Some(first) if self.is_within_line => {
                *first = b'\n';
                self.is_within_line = false;
                Ok(1)
            }
            _ => Ok(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    const HEADING: &str = "name,phone,plan\n";

    fn lines(file: &str) -> Vec<(u64, Vec<String>)> {
        let mut sheet = Sheet::open(Cursor::new(file.as_bytes().to_vec())).unwrap();
        let mut rows = sheet.rows().unwrap();
        let mut lines = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            let cells = row.cells.into_iter().map(str::to_owned).collect();
            lines.push((row.line, cells));
        }
        lines
    }

    fn refused(file: impl AsRef<[u8]>) -> String {
        let opened = Sheet::open(Cursor::new(file.as_ref().to_vec()));
        opened.unwrap_err().to_string()
    }

    #[test]
    fn what_spreadsheets_write_is_read_with_its_lines() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        let expected = [
            (2, row(["a", "1", "x"])),
            (3, row(["b\nc", "2;3", "y"])),
            (5, row(["d", "4", "z"])),
        ];
        let comma = "a,1,x\n\"b\nc\",2;3,y\nd,4,z\n";
        assert_eq!(lines(&format!("{HEADING}{comma}")), expected);
        let semicolon = "\u{feff}Nama;No. WA;Paket\r\na;1;x\r\n\"b\nc\";\"2;3\";y\r\nd;4;z";
        assert_eq!(lines(semicolon), expected);
        let old_mac = "name,phone,plan\ra,1,x\r\"b\rc\",2;3,y\rd,4,z";
        assert_eq!(lines(old_mac), expected);
        let blank = format!("{HEADING}a,1,x\n\n,,\n , ,\n\nd,4,z\n");
        assert_eq!(
            lines(&blank),
            [(2, row(["a", "1", "x"])), (7, row(["d", "4", "z"]))]
        );
    }

    /// Counts what is read of it.
    #[derive(Debug)]
    struct Counted<'a> {
        file: Cursor<Vec<u8>>,
        read: &'a mut usize,
    }

    impl Read for Counted<'_> {
        fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
            let read = self.file.read(bytes)?;
            *self.read += read;
            Ok(read)
        }
    }

    impl Seek for Counted<'_> {
        fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
            self.file.seek(to)
        }
    }

    #[test]
    fn of_an_endless_row_no_more_is_read_than_a_row_may_hold() {
        let endless = format!("{HEADING}\"a,1,x\n{}", "b,1,x\n".repeat(1_000_000));
        let mut read = 0;
        let file = Counted {
            file: Cursor::new(endless.into_bytes()),
            read: &mut read,
        };
        let refused = Sheet::open(file).unwrap_err().to_string();
        assert!(refused.contains("line 2: a quotation mark"), "{refused}");
        assert!(read < 100_000, "{read} bytes");
    }

    #[test]
    fn a_quotation_mark_that_is_left_open_drops_nobody_behind_it() {
        for behind in [1, 3, 40] {
            let file = format!("{HEADING}a,1,x\n\"b,1,x\n{}", "c,1,x\n".repeat(behind));
            assert!(
                refused(file).contains("line 3: a quotation mark"),
                "{behind}"
            );
        }
        assert!(refused(format!("{HEADING}a,1,x\nb,1,\"x")).contains("line 3"));
    }

    #[test]
    fn a_quotation_mark_that_a_later_one_closes_swallows_nobody() {
        let file = format!("{HEADING}\"Ani,081277700020,x\nq3,\"Cici\",1\n");
        assert!(refused(file).contains("line 2: a quotation mark"));
    }

    #[test]
    fn a_cell_may_end_in_a_line_break() {
        let file = format!("{HEADING}\"a\n\",1,\"x\n\"\nb,1,y\n");
        assert_eq!(lines(&file).len(), 2);
    }

    #[test]
    fn a_row_as_long_as_a_row_may_be_is_taken() {
        let long = "x".repeat(MOST_ROW_BYTES - 4);
        let file = format!("{HEADING}{long},1,x\n{long},2,y\n");
        assert_eq!(lines(&file).len(), 2);
        assert!(refused(format!("{HEADING}{long}xxxxx,1,x\n")).contains("line 2"));
    }

    #[test]
    fn a_file_that_is_no_list_of_subscribers_is_refused_as_a_whole() {
        for (file, why) in [
            ("", "name is missing"),
            ("name,phone,plan\n", "no rows"),
            ("name,phone\na,b\n", "plan is missing"),
            ("name,phone,plan,alamat\na,b,c,d\n", "\"alamat\""),
        ] {
            assert!(refused(file).contains(why), "{file:?}");
        }
        let latin1 = [HEADING.as_bytes(), b"a,1,x\nRen\xe9,1,x\n"].concat();
        assert!(refused(latin1).contains("line 3 is not UTF-8"));
        let utf16: Vec<u8> = "\u{feff}name"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        assert!(refused(utf16).contains("UTF-16"));
        let open = format!("{HEADING}a,1,x\n\"b,1,x\n{}", "c,1,x\n".repeat(5_000));
        assert!(refused(open).contains("line 3: a quotation mark"));
    }
}
