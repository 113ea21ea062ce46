//! Writing: one binary table behind an empty primary HDU, row by row.
//!
//! This is the shape of the archives' sky maps and source lists. The length of the file follows
//! from its layout alone, before a row is written.

use std::io::{Seek, SeekFrom, Write};

use super::card::{CARD_BYTES, Card, Value};
use super::checksum::{self, Sum};
use super::column::ColumnType;
use super::{BLOCK_BYTES, FitsError, padded};

/// A column to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct NewColumn {
    name: String,
    kind: ColumnType,
    repeat: u64,
    unit: Option<String>,
}

impl NewColumn {
    /// A column of single values; of text, it needs [`repeat`](Self::repeat) for its width.
    pub fn new(name: &str, kind: ColumnType) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            repeat: 1,
            unit: None,
        }
    }

    /// Values per row; of a text column, characters.
    #[must_use]
    pub fn repeat(mut self, repeat: u64) -> Self {
        self.repeat = repeat;
        self
    }

    /// The unit of its values.
    #[must_use]
    pub fn unit(mut self, unit: &str) -> Self {
        self.unit = Some(unit.to_owned());
        self
    }

    fn width_bytes(&self) -> u64 {
        self.kind.n_bytes() * self.repeat
    }

    fn format(&self) -> Result<String, FitsError> {
        let letter = match self.kind {
            ColumnType::Byte => 'B',
            ColumnType::Short => 'I',
            ColumnType::Int => 'J',
            ColumnType::Long => 'K',
            ColumnType::Text => 'A',
            ColumnType::Float => 'E',
            ColumnType::Double => 'D',
            other => return Err(unwritable(format!("columns of {other:?} are not written"))),
        };
        Ok(match self.repeat {
            1 => letter.to_string(),
            n => format!("{n}{letter}"),
        })
    }
}

/// A value to be written; one per value of a row, but one for the whole text of a text column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell<'a> {
    /// For E and D.
    Float(f64),
    /// For B, I, J and K.
    Int(i64),
    /// For A; cut or padded to the column's width.
    Text(&'a str),
}

/// What a file with one table shall be: cards, columns, rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    /// Cards of the primary header, behind the mandatory ones.
    pub primary: Vec<Card>,
    /// Cards of the table's header, behind those of the columns.
    pub cards: Vec<Card>,
    /// The columns.
    pub columns: Vec<NewColumn>,
    /// The number of rows that will be written.
    pub n_rows: u64,
    /// Whether both HDUs get CHECKSUM and DATASUM.
    pub checksums: bool,
}

impl Layout {
    /// How long the file will be.
    pub fn n_bytes(&self) -> u64 {
        let n_sums = if self.checksums { 2 } else { 0 };
        let n_primary = 4 + self.primary.len() + n_sums + 1;
        let n_units = self
            .columns
            .iter()
            .filter(|column| column.unit.is_some())
            .count();
        let n_table = 8 + 2 * self.columns.len() + n_units + self.cards.len() + n_sums + 1;
        let cards = |n: usize| padded((n * CARD_BYTES) as u64).unwrap_or(u64::MAX);
        let data = padded(self.row_bytes().saturating_mul(self.n_rows)).unwrap_or(u64::MAX);
        cards(n_primary)
            .saturating_add(cards(n_table))
            .saturating_add(data)
    }

    fn row_bytes(&self) -> u64 {
        self.columns.iter().map(NewColumn::width_bytes).sum()
    }

    fn primary_header(&self) -> Result<Header, FitsError> {
        let mut cards = vec![
            Card::new("SIMPLE", Value::Logical(true)).with_comment("conforms to FITS"),
            Card::int("BITPIX", 8),
            Card::int("NAXIS", 0).with_comment("no data here"),
            Card::new("EXTEND", Value::Logical(true)),
        ];
        cards.extend_from_slice(&self.primary);
        Header::new(cards, self.checksums)
    }

    fn table_header(&self) -> Result<Header, FitsError> {
        let count = |n: u64| {
            i64::try_from(n).map_err(|_| unwritable("more than 2^63 bytes or rows".into()))
        };
        let mut cards = vec![
            Card::text("XTENSION", "BINTABLE"),
            Card::int("BITPIX", 8),
            Card::int("NAXIS", 2),
            Card::int("NAXIS1", count(self.row_bytes())?).with_comment("bytes per row"),
            Card::int("NAXIS2", count(self.n_rows)?).with_comment("rows"),
            Card::int("PCOUNT", 0),
            Card::int("GCOUNT", 1),
            Card::int("TFIELDS", count(self.columns.len() as u64)?),
        ];
        for (n, column) in (1..).zip(&self.columns) {
            cards.push(Card::text(&format!("TTYPE{n}"), &column.name));
            cards.push(Card::text(&format!("TFORM{n}"), &column.format()?));
            if let Some(unit) = &column.unit {
                cards.push(Card::text(&format!("TUNIT{n}"), unit));
            }
        }
        cards.extend_from_slice(&self.cards);
        Header::new(cards, self.checksums)
    }
}

/// The bytes of a header, with sums that can still be set.
struct Header {
    bytes: Vec<u8>,
    sums_at: Option<usize>,
}

impl Header {
    fn new(cards: Vec<Card>, with_sums: bool) -> Result<Self, FitsError> {
        let mut bytes = Vec::new();
        for card in &cards {
            bytes.extend(card.encode()?);
        }
        let sums_at = with_sums.then_some(bytes.len());
        if with_sums {
            bytes.extend([b' '; 2 * CARD_BYTES]);
        }
        bytes.extend(b"END");
        bytes.resize(bytes.len().next_multiple_of(BLOCK_BYTES), b' ');
        let mut header = Self { bytes, sums_at };
        header.set_sums(Sum::default())?;
        Ok(header)
    }

    fn set_sums(&mut self, of_data: Sum) -> Result<(), FitsError> {
        let Some(at) = self.sums_at else {
            return Ok(());
        };
        let datasum = Card::text("DATASUM", &of_data.value().to_string()).encode()?;
        self.bytes[at + CARD_BYTES..at + 2 * CARD_BYTES].copy_from_slice(&datasum);
        let mut set = |text: &str| -> Result<(), FitsError> {
            let card = Card::text("CHECKSUM", text).encode()?;
            self.bytes[at..at + CARD_BYTES].copy_from_slice(&card);
            Ok(())
        };
        set("0000000000000000")?;
        let mut sum = of_data;
        sum.add(&self.bytes);
        let text = checksum::encode(sum.value());
        let card = Card::text("CHECKSUM", &text).encode()?;
        self.bytes[at..at + CARD_BYTES].copy_from_slice(&card);
        Ok(())
    }
}

/// Writes the rows of a [`Layout`].
pub struct TableWriter<W> {
    out: W,
    layout: Layout,
    header: Header,
    header_at: u64,
    buffer: Vec<u8>,
    sum: Sum,
    n_rows: u64,
}

/// Bytes gathered before they are written; a multiple of four, for the sum.
const BUFFER_BYTES: usize = 64 * BLOCK_BYTES;

impl<W: Write + Seek> TableWriter<W> {
    /// Writes the headers; `out` stands at its beginning.
    ///
    /// # Errors
    /// [`FitsError::Unwritable`] for cards or columns that cannot be, [`FitsError::Io`].
    pub fn start(mut out: W, layout: Layout) -> Result<Self, FitsError> {
        let primary = layout.primary_header()?;
        let header = layout.table_header()?;
        out.write_all(&primary.bytes)?;
        out.write_all(&header.bytes)?;
        Ok(Self {
            out,
            layout,
            header,
            header_at: primary.bytes.len() as u64,
            buffer: Vec::with_capacity(BUFFER_BYTES + 4096),
            sum: Sum::default(),
            n_rows: 0,
        })
    }

    /// Writes one row.
    ///
    /// # Errors
    /// [`FitsError::Unwritable`] when the cells are not those of the columns, [`FitsError::Io`].
    pub fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), FitsError> {
        let mut cells = cells.iter();
        for column in &self.layout.columns {
            let n_cells = if column.kind == ColumnType::Text {
                1
            } else {
                column.repeat
            };
            for _ in 0..n_cells {
                let cell = cells
                    .next()
                    .ok_or_else(|| unwritable("a row with too few cells".into()))?;
                put(&mut self.buffer, column, *cell)?;
            }
        }
        if cells.next().is_some() {
            return Err(unwritable("a row with too many cells".into()));
        }
        self.count_row()
    }

    /// Writes one row whose bytes are those of its cells, as they stand in another table.
    pub(super) fn raw_row(&mut self, bytes: &[u8]) -> Result<(), FitsError> {
        if bytes.len() as u64 != self.layout.row_bytes() {
            return Err(unwritable("a row of another length".into()));
        }
        self.buffer.extend_from_slice(bytes);
        self.count_row()
    }

    fn count_row(&mut self) -> Result<(), FitsError> {
        self.n_rows += 1;
        if self.buffer.len() >= BUFFER_BYTES {
            self.flush_words()?;
        }
        Ok(())
    }

    /// Pads the data, sets the sums, and gives the writer back.
    ///
    /// # Errors
    /// [`FitsError::Unwritable`] when there were not as many rows as the layout said,
    /// [`FitsError::Io`].
    pub fn finish(mut self) -> Result<W, FitsError> {
        if self.n_rows != self.layout.n_rows {
            let reason = format!("{} rows instead of {}", self.n_rows, self.layout.n_rows);
            return Err(unwritable(reason));
        }
        let data_bytes = self.layout.row_bytes() * self.n_rows;
        let n_missing = padded(data_bytes).unwrap_or(data_bytes) - data_bytes;
        self.buffer
            .resize(self.buffer.len() + n_missing as usize, 0);
        self.flush_words()?;
        if self.layout.checksums {
            self.header.set_sums(self.sum)?;
            self.out.seek(SeekFrom::Start(self.header_at))?;
            self.out.write_all(&self.header.bytes)?;
            self.out.seek(SeekFrom::End(0))?;
        }
        self.out.flush()?;
        Ok(self.out)
    }

    fn flush_words(&mut self) -> Result<(), FitsError> {
        let n = self.buffer.len() / 4 * 4;
        if self.layout.checksums {
            self.sum.add(&self.buffer[..n]);
        }
        self.out.write_all(&self.buffer[..n])?;
        self.buffer.drain(..n);
        Ok(())
    }
}

fn put(buffer: &mut Vec<u8>, column: &NewColumn, cell: Cell<'_>) -> Result<(), FitsError> {
    let misfit = || unwritable(format!("{cell:?} does not fit column `{}`", column.name));
    match (column.kind, cell) {
        (ColumnType::Float, Cell::Float(value)) => buffer.extend((value as f32).to_be_bytes()),
        (ColumnType::Double, Cell::Float(value)) => buffer.extend(value.to_be_bytes()),
        (ColumnType::Byte, Cell::Int(value)) => {
            buffer.push(u8::try_from(value).map_err(|_| misfit())?);
        }
        (ColumnType::Short, Cell::Int(value)) => {
            buffer.extend(i16::try_from(value).map_err(|_| misfit())?.to_be_bytes());
        }
        (ColumnType::Int, Cell::Int(value)) => {
            buffer.extend(i32::try_from(value).map_err(|_| misfit())?.to_be_bytes());
        }
        (ColumnType::Long, Cell::Int(value)) => buffer.extend(value.to_be_bytes()),
        (ColumnType::Text, Cell::Text(text)) => {
            let end = buffer.len() + column.repeat as usize;
            let n = text.len().min(column.repeat as usize);
            buffer.extend_from_slice(&text.as_bytes()[..n]);
            buffer.resize(end, b' ');
        }
        _ => return Err(misfit()),
    }
    Ok(())
}

fn unwritable(reason: String) -> FitsError {
    FitsError::Unwritable { reason }
}
