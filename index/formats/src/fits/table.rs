//! Tables: columns read as numbers or strings, a range of rows at a time.
//!
//! Read by own code; see the README for why CFITSIO's binding is not used here.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use super::FitsError;
use super::card::read_float;
use super::column::{Column, ColumnType};
use super::header::{Hdu, HduKind};

/// Bytes of rows held at once.
const CHUNK_BYTES: u64 = 1 << 20;

/// Takes a row's number and the bytes of its cell.
type TakeCell<'t> = dyn FnMut(u64, &[u8]) -> Result<(), FitsError> + 't;

/// A table in an opened file.
#[derive(Debug)]
pub struct Table<'f> {
    file: &'f File,
    columns: Vec<Column>,
    row_bytes: u64,
    n_rows: u64,
    start: u64,
    is_text: bool,
}

impl<'f> Table<'f> {
    /// The table that `hdu` describes; `hdu` comes from a scan of the same file.
    ///
    /// # Errors
    /// [`FitsError::NotATable`] for other HDUs, [`FitsError::BadCard`] for columns that cannot be,
    /// [`FitsError::OutOfRange`] when the file does not hold all rows.
    pub fn new(file: &'f File, hdu: &Hdu) -> Result<Self, FitsError> {
        if !matches!(hdu.kind, HduKind::Table | HduKind::BinTable) {
            return Err(FitsError::NotATable { hdu: hdu.index });
        }
        let row_bytes = hdu.shape()?.first().copied().unwrap_or(0);
        let n_rows = if row_bytes == 0 { 0 } else { hdu.n_rows() };
        let file_bytes = file.metadata()?.len();
        let end = row_bytes
            .checked_mul(n_rows)
            .and_then(|n| n.checked_add(hdu.data_start));
        if end.is_none_or(|end| end > file_bytes) {
            let asked = format!("a table of {n_rows} rows of {row_bytes} bytes");
            let held = format!("a file of {file_bytes} bytes");
            return Err(FitsError::OutOfRange { asked, held });
        }
        Ok(Self {
            file,
            columns: hdu.columns()?,
            row_bytes,
            n_rows,
            start: hdu.data_start,
            is_text: hdu.kind == HduKind::Table,
        })
    }

    /// Its columns, in order.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Its number of rows.
    pub fn n_rows(&self) -> u64 {
        self.n_rows
    }

    /// The column of this name: exactly, or else the first that differs in case only.
    ///
    /// # Errors
    /// [`FitsError::NoSuchColumn`].
    pub fn column(&self, name: &str) -> Result<&Column, FitsError> {
        let exact = self.columns.iter().find(|column| column.name == name);
        let alike = || {
            self.columns
                .iter()
                .find(|column| column.name.eq_ignore_ascii_case(name))
        };
        exact.or_else(alike).ok_or_else(|| FitsError::NoSuchColumn {
            name: name.to_owned(),
        })
    }

    /// Numbers, scaled, of the rows of a column; the cells of a vector column one after the other.
    ///
    /// A null of a whole-number or text column is NaN. BAD_DATA is a number like others.
    ///
    /// # Errors
    /// [`FitsError::Unsupported`] for columns without numbers, complex ones and those of variable
    /// length; [`FitsError::OutOfRange`] for rows that are not there; [`FitsError::Unreadable`].
    pub fn floats(&self, name: &str, rows: Range<u64>) -> Result<Vec<f64>, FitsError> {
        let column = self.column(name)?;
        let mut values = Vec::new();
        self.each_cell(column, rows, &mut |row, cell| {
            if self.is_text {
                values.push(text_float(column, row, cell)?);
                return Ok(());
            }
            let scaled = |raw: f64| raw * column.scale + column.zero;
            match column.kind {
                ColumnType::Float => {
                    values.extend(words(cell).map(|w| scaled(f32::from_be_bytes(w).into())))
                }
                ColumnType::Double => {
                    values.extend(words(cell).map(|w| scaled(f64::from_be_bytes(w))))
                }
                _ => each_int(column, cell, &mut |raw| {
                    values.push(raw.map_or(f64::NAN, |raw| scaled(raw as f64)));
                    Ok(())
                })?,
            }
            Ok(())
        })?;
        Ok(values)
    }

    /// Whole numbers of the rows of a column; nothing for a null. Logicals are 1 and 0.
    ///
    /// # Errors
    /// As [`floats`](Self::floats), also for columns of fractions or with a fractional scale.
    pub fn ints(&self, name: &str, rows: Range<u64>) -> Result<Vec<Option<i64>>, FitsError> {
        let column = self.column(name)?;
        if column.scale != 1.0 || column.zero.fract() != 0.0 {
            return Err(unsupported(column, "whole numbers"));
        }
        let mut values = Vec::new();
        self.each_cell(column, rows, &mut |row, cell| {
            let unreadable = || FitsError::Unreadable {
                name: column.name.clone(),
                row,
            };
            if self.is_text {
                let value = text_float(column, row, cell)?;
                let whole = value.fract() == 0.0 && value.abs() < 9e15;
                values.push((!value.is_nan() && whole).then_some(value as i64));
                return if value.is_nan() || whole {
                    Ok(())
                } else {
                    Err(unreadable())
                };
            }
            each_int(column, cell, &mut |raw| {
                let shifted = raw.map(|raw| i128::from(raw) + column.zero as i128);
                let value = shifted
                    .map(|n| i64::try_from(n).map_err(|_| unreadable()))
                    .transpose()?;
                values.push(value);
                Ok(())
            })
        })?;
        Ok(values)
    }

    /// The strings of the rows of a text column, without trailing blanks and what follows a NUL.
    ///
    /// # Errors
    /// As [`floats`](Self::floats), for other columns than of text. In a table of text every
    /// column can be had as text.
    pub fn strings(&self, name: &str, rows: Range<u64>) -> Result<Vec<String>, FitsError> {
        let column = self.column(name)?;
        if !self.is_text && column.kind != ColumnType::Text {
            return Err(unsupported(column, "text"));
        }
        let mut values = Vec::new();
        self.each_cell(column, rows, &mut |_, cell| {
            let text = cell.split(|byte| *byte == 0).next().unwrap_or_default();
            values.push(String::from_utf8_lossy(text).trim_end().to_owned());
            Ok(())
        })?;
        Ok(values)
    }

    fn each_cell(
        &self,
        column: &Column,
        rows: Range<u64>,
        take: &mut TakeCell<'_>,
    ) -> Result<(), FitsError> {
        if rows.start > rows.end || rows.end > self.n_rows {
            let asked = format!("rows {}..{}", rows.start, rows.end);
            let held = format!("a table of {} rows", self.n_rows);
            return Err(FitsError::OutOfRange { asked, held });
        }
        let n_rows_at_once = (CHUNK_BYTES / self.row_bytes.max(1)).max(1);
        let cell_at =
            column.offset_bytes as usize..(column.offset_bytes + column.width_bytes) as usize;
        let mut buffer = Vec::new();
        let mut row = rows.start;
        while row < rows.end {
            let n = n_rows_at_once.min(rows.end - row);
            buffer.resize((n * self.row_bytes) as usize, 0);
            read_at(self.file, &mut buffer, self.start + row * self.row_bytes)?;
            for (k, bytes) in buffer.chunks_exact(self.row_bytes as usize).enumerate() {
                take(row + k as u64, &bytes[cell_at.clone()])?;
            }
            row += n;
        }
        Ok(())
    }
}

fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    file.read_exact_at(buffer, offset)
}

fn words<const N: usize>(cell: &[u8]) -> impl Iterator<Item = [u8; N]> {
    cell.as_chunks::<N>().0.iter().copied()
}

fn each_int(
    column: &Column,
    cell: &[u8],
    take: &mut dyn FnMut(Option<i64>) -> Result<(), FitsError>,
) -> Result<(), FitsError> {
    let known = |raw: i64| (column.null != Some(raw)).then_some(raw);
    match column.kind {
        ColumnType::Byte => cell
            .iter()
            .try_for_each(|byte| take(known(i64::from(*byte)))),
        ColumnType::Short => {
            words(cell).try_for_each(|w| take(known(i16::from_be_bytes(w).into())))
        }
        ColumnType::Int => words(cell).try_for_each(|w| take(known(i32::from_be_bytes(w).into()))),
        ColumnType::Long => words(cell).try_for_each(|w| take(known(i64::from_be_bytes(w)))),
        ColumnType::Logical => cell.iter().try_for_each(|byte| match byte {
            b'T' => take(Some(1)),
            b'F' => take(Some(0)),
            _ => take(None),
        }),
        _ => Err(unsupported(column, "whole numbers")),
    }
}

fn text_float(column: &Column, row: u64, cell: &[u8]) -> Result<f64, FitsError> {
    if column.kind == ColumnType::Text {
        return Err(unsupported(column, "numbers"));
    }
    let unreadable = || FitsError::Unreadable {
        name: column.name.clone(),
        row,
    };
    let text = std::str::from_utf8(cell).map_err(|_| unreadable())?.trim();
    if text.is_empty()
        || column
            .null_text
            .as_deref()
            .is_some_and(|null| null.trim() == text)
    {
        return Ok(f64::NAN);
    }
    let raw = read_float(text).ok_or_else(unreadable)?;
    Ok(raw * column.scale + column.zero)
}

fn unsupported(column: &Column, wanted: &'static str) -> FitsError {
    FitsError::Unsupported {
        name: column.name.clone(),
        format: column.format.clone(),
        wanted,
    }
}
