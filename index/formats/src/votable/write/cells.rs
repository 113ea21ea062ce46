//! Cells: values as the text of TABLEDATA and as the bytes of BINARY2.
//!
//! # Source
//! IVOA VOTable 1.4, sections 2.1, 5.1 and 5.4.

use super::super::VotableError;
use super::super::value::{Column, Datatype, Value};

/// A value on its way into a column.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cell<'a> {
    column: &'a Column,
    value: &'a Value,
    row: u64,
}

impl<'a> Cell<'a> {
    pub(super) fn new(column: &'a Column, value: &'a Value, row: u64) -> Self {
        Self { column, value, row }
    }

    /// What to say when the column cannot hold it.
    fn wrong(&self) -> VotableError {
        VotableError::Value {
            row: self.row,
            field: self.column.name.clone(),
            found: format!("{:?}", self.value).chars().take(60).collect(),
        }
    }

    /// The values in it, as many as its column asks for.
    fn items(&self) -> Result<&'a [Value], VotableError> {
        let items = match self.value {
            Value::List(items) if self.column.shape.is_array => items.as_slice(),
            Value::List(_) => return Err(self.wrong()),
            _ if self.column.shape.is_array => return Err(self.wrong()),
            single => std::slice::from_ref(single),
        };
        let shape = &self.column.shape;
        let n_items = items.len() as u64;
        let fits = match shape.varies {
            true => shape.fixed == 0 || n_items.is_multiple_of(shape.fixed),
            false => n_items == shape.fixed,
        };
        fits.then_some(items).ok_or_else(|| self.wrong())
    }

    /// The strings in it and the width of each, if its column is an array of strings.
    fn strings(&self) -> Result<Option<(Vec<&'a str>, usize)>, VotableError> {
        let Some(width) = self.column.shape.string_length else {
            return Ok(None);
        };
        let width = usize::try_from(width).map_err(|_| self.wrong())?;
        let Value::List(items) = self.value else {
            return Err(self.wrong());
        };
        let texts: Option<Vec<&str>> = items.iter().map(Value::as_text).collect();
        let texts = texts.ok_or_else(|| self.wrong())?;
        let too_long = |text: &&str| n_units(self.column.datatype, text) > width;
        let n_units = texts.len() as u64 * width as u64;
        let is_whole = self.column.shape.varies || n_units == self.column.shape.fixed;
        match !is_whole || texts.iter().any(too_long) {
            true => Err(self.wrong()),
            false => Ok(Some((texts, width))),
        }
    }

    /// The whole number of an item, within the range of its datatype; the one that stands for nothing where it is null.
    fn whole(&self, item: &Value) -> Result<i64, VotableError> {
        let value = match (item, &self.column.null) {
            (Value::Int(value), _) | (Value::Null, Some(Value::Int(value))) => *value,
            _ => return Err(self.wrong()),
        };
        let fits = match self.column.datatype {
            Datatype::Bit => (0..=1).contains(&value),
            Datatype::UnsignedByte => u8::try_from(value).is_ok(),
            Datatype::Short => i16::try_from(value).is_ok(),
            Datatype::Int => i32::try_from(value).is_ok(),
            _ => true,
        };
        fits.then_some(value).ok_or_else(|| self.wrong())
    }

    /// The number of an item; nothing is NaN.
    fn number(&self, item: &Value) -> Result<f64, VotableError> {
        match item {
            Value::Null => Ok(f64::NAN),
            other => other.as_float().ok_or_else(|| self.wrong()),
        }
    }

    /// Real and imaginary part of an item.
    fn complex(&self, item: &Value) -> Result<[f64; 2], VotableError> {
        match item {
            Value::Complex(real, imaginary) => Ok([*real, *imaginary]),
            other => self.number(other).map(|real| [real, 0.0]),
        }
    }
}

/// Writes a value as the text of a cell; nothing is an empty one.
pub(super) fn write_text(cell: Cell<'_>, out: &mut String) -> Result<(), VotableError> {
    if cell.value.is_null() {
        return Ok(());
    }
    if let Some((strings, width)) = cell.strings()? {
        for text in strings {
            let n_blanks = width - n_units(cell.column.datatype, text);
            out.push_str(text);
            out.extend(std::iter::repeat_n(' ', n_blanks));
        }
        return Ok(());
    }
    if cell.column.datatype.is_text() {
        out.push_str(cell.value.as_text().ok_or_else(|| cell.wrong())?);
        return Ok(());
    }
    for (n, item) in cell.items()?.iter().enumerate() {
        if n > 0 {
            out.push(' ');
        }
        write_item_text(cell, item, out)?;
    }
    Ok(())
}

fn write_item_text(cell: Cell<'_>, item: &Value, out: &mut String) -> Result<(), VotableError> {
    use std::fmt::Write as _;
    let written = match cell.column.datatype {
        Datatype::Boolean => match item {
            Value::Bool(value) => write!(out, "{value}"),
            Value::Null => write!(out, "?"),
            _ => return Err(cell.wrong()),
        },
        Datatype::Float => {
            write_number(cell.number(item)?, true, out);
            Ok(())
        }
        Datatype::Double => {
            write_number(cell.number(item)?, false, out);
            Ok(())
        }
        Datatype::FloatComplex | Datatype::DoubleComplex => {
            let is_single = cell.column.datatype == Datatype::FloatComplex;
            let [real, imaginary] = cell.complex(item)?;
            write_number(real, is_single, out);
            out.push(' ');
            write_number(imaginary, is_single, out);
            Ok(())
        }
        _ => write!(out, "{}", cell.whole(item)?),
    };
    written.map_err(|_| cell.wrong())
}

/// The shortest text that is read back as the same number of its precision.
fn write_number(value: f64, is_single: bool, out: &mut String) {
    let text = match value {
        _ if value.is_nan() => "NaN".to_owned(),
        f64::INFINITY => "+Inf".to_owned(),
        f64::NEG_INFINITY => "-Inf".to_owned(),
        _ if is_single && (value as f32).is_infinite() => {
            let sign = if value > 0.0 { '+' } else { '-' };
            format!("{sign}Inf")
        }
        _ if is_single => format!("{:?}", value as f32),
        _ => format!("{value:?}"),
    };
    out.push_str(&text);
}

/// Writes a value as the bytes of a cell; nothing takes the room of one, or is empty where the length varies.
pub(super) fn write_bytes(cell: Cell<'_>, out: &mut Vec<u8>) -> Result<(), VotableError> {
    let (datatype, shape) = (cell.column.datatype, &cell.column.shape);
    if cell.value.is_null() {
        let n_bytes = match (shape.varies, datatype) {
            (true, _) => 4,
            (false, Datatype::Bit) => shape.fixed.div_ceil(8),
            (false, _) => shape.fixed * datatype.n_bytes() as u64,
        };
        let n_bytes = usize::try_from(n_bytes).map_err(|_| cell.wrong())?;
        out.resize(out.len() + n_bytes, 0);
        return Ok(());
    }
    let count_at = out.len();
    if shape.varies {
        out.extend([0; 4]);
    }
    let begin = out.len();
    let n_items = if datatype.is_text() {
        write_text_bytes(cell, out)?;
        (out.len() - begin) / datatype.n_bytes()
    } else {
        let items = cell.items()?;
        write_items(cell, items, out)?;
        items.len()
    };
    if shape.varies {
        let count = u32::try_from(n_items).map_err(|_| cell.wrong())?;
        out[count_at..begin].copy_from_slice(&count.to_be_bytes());
    }
    Ok(())
}

/// Writes texts; where their length is given, the rest of it is NUL.
fn write_text_bytes(cell: Cell<'_>, out: &mut Vec<u8>) -> Result<(), VotableError> {
    let (datatype, shape) = (cell.column.datatype, &cell.column.shape);
    let (texts, width) = match cell.strings()? {
        Some((texts, width)) => (texts, width),
        None => {
            let text = cell.value.as_text().ok_or_else(|| cell.wrong())?;
            let width = match shape.varies {
                true => n_units(datatype, text),
                false => usize::try_from(shape.fixed).map_err(|_| cell.wrong())?,
            };
            (vec![text], width)
        }
    };
    for text in texts {
        let padding = width.checked_sub(n_units(datatype, text));
        let padding = padding.ok_or_else(|| cell.wrong())?;
        match datatype {
            Datatype::UnicodeChar => out.extend(text.encode_utf16().flat_map(u16::to_be_bytes)),
            _ => out.extend(text.bytes()),
        }
        out.resize(out.len() + padding * datatype.n_bytes(), 0);
    }
    Ok(())
}

fn write_items(cell: Cell<'_>, items: &[Value], out: &mut Vec<u8>) -> Result<(), VotableError> {
    if cell.column.datatype == Datatype::Bit {
        for eight in items.chunks(8) {
            let mut byte = 0_u8;
            for (n, bit) in eight.iter().enumerate() {
                if cell.whole(bit)? == 1 {
                    byte |= 0x80 >> n;
                }
            }
            out.push(byte);
        }
        return Ok(());
    }
    for item in items {
        write_item(cell, item, out)?;
    }
    Ok(())
}

fn write_item(cell: Cell<'_>, item: &Value, out: &mut Vec<u8>) -> Result<(), VotableError> {
    match cell.column.datatype {
        Datatype::Boolean => out.push(match item {
            Value::Bool(true) => b'T',
            Value::Bool(false) => b'F',
            Value::Null => b'?',
            _ => return Err(cell.wrong()),
        }),
        Datatype::Float => out.extend((cell.number(item)? as f32).to_be_bytes()),
        Datatype::Double => out.extend(cell.number(item)?.to_be_bytes()),
        Datatype::FloatComplex => {
            let parts = cell.complex(item)?;
            out.extend(
                parts
                    .into_iter()
                    .flat_map(|part| (part as f32).to_be_bytes()),
            );
        }
        Datatype::DoubleComplex => {
            out.extend(cell.complex(item)?.into_iter().flat_map(f64::to_be_bytes));
        }
        // The lowest bytes: the range was looked at.
        datatype => {
            let bytes = cell.whole(item)?.to_be_bytes();
            out.extend(&bytes[8 - datatype.n_bytes()..]);
        }
    }
    Ok(())
}

/// The length of a text in the units that an arraysize counts: bytes of UTF-8 or units of UTF-16.
fn n_units(datatype: Datatype, text: &str) -> usize {
    match datatype {
        Datatype::UnicodeChar => text.encode_utf16().count(),
        _ => text.len(),
    }
}
