//! Binary streams: rows of BINARY and BINARY2.
//!
//! # Source
//! IVOA VOTable 1.4, sections 5.3 and 5.4: numbers are big-endian, arrays that vary begin with a 4-byte count of items,
//! bits are packed; a row of BINARY2 begins with a flag for each cell that is null, most significant bit first.

use std::io::{self, Read};

use super::VotableError;
use super::place::Place;
use super::value::{Column, Datatype, Value};

/// Reads a row into `values`; `false` where the stream ends before it.
pub(crate) fn row(
    stream: &mut dyn Read,
    columns: &[Column],
    has_flags: bool,
    place: &mut Place,
    values: &mut Vec<Value>,
) -> Result<bool, VotableError> {
    values.clear();
    if !has_flags && !columns.iter().any(takes_bytes) {
        return Err(VotableError::NoBytes);
    }
    let mut flags = vec![
        0_u8;
        if has_flags {
            columns.len().div_ceil(8)
        } else {
            0
        }
    ];
    if has_flags && !fill(stream, &mut flags, *place, true)? {
        return Ok(false);
    }
    let mut may_end = !has_flags;
    for (n, column) in columns.iter().enumerate() {
        let Some(value) = cell(stream, column, place, may_end)? else {
            return Ok(false);
        };
        may_end &= !takes_bytes(column);
        let is_null = flags
            .get(n / 8)
            .is_some_and(|byte| byte & (0x80 >> (n % 8)) != 0);
        values.push(if is_null { Value::Null } else { value });
    }
    Ok(!columns.is_empty())
}

/// Whether a cell of the column takes a byte at least.
fn takes_bytes(column: &Column) -> bool {
    column.shape.varies || column.shape.fixed > 0
}

/// Fills a buffer; `false` when the stream is at its end and may be.
fn fill(
    stream: &mut dyn Read,
    buffer: &mut [u8],
    place: Place,
    may_end: bool,
) -> Result<bool, VotableError> {
    let mut n = 0;
    while n < buffer.len() {
        match stream.read(&mut buffer[n..]) {
            Ok(0) if n == 0 && may_end => return Ok(false),
            Ok(0) => return Err(VotableError::CutStream { row: place.row }),
            Ok(read) => n += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(source) => {
                let row = place.row;
                return Err(VotableError::Stream { row, source });
            }
        }
    }
    Ok(true)
}

fn cell(
    stream: &mut dyn Read,
    column: &Column,
    place: &mut Place,
    may_end: bool,
) -> Result<Option<Value>, VotableError> {
    let mut n_items = column.shape.fixed;
    let mut may_end = may_end;
    if column.shape.varies {
        let mut count = [0; 4];
        if !fill(stream, &mut count, *place, may_end)? {
            return Ok(None);
        }
        may_end = false;
        // A count of items of the last dimension, or of items in all: of one dimension the two are the same, and of
        // more the standard says items in all.
        n_items = u64::from(u32::from_be_bytes(count));
    }
    let n_bytes = match column.datatype {
        Datatype::Bit => n_items.div_ceil(8),
        datatype => n_items.saturating_mul(datatype.n_bytes() as u64),
    };
    let n_values = match column.shape.string_length {
        Some(length) => n_items.div_ceil(length.max(1)),
        None if column.datatype.is_text() => 1,
        None => n_items.max(1),
    };
    place.spend(&column.name, n_bytes, n_values)?;
    let mut bytes = vec![0; usize::try_from(n_bytes).unwrap_or(usize::MAX)];
    if !fill(stream, &mut bytes, *place, may_end)? {
        return Ok(None);
    }
    Ok(Some(value(column, &bytes, n_items)))
}

/// The value of a cell of TABLEDATA that is written in base64, its bytes decoded; there is no count before them.
pub(crate) fn lone_cell(column: &Column, bytes: &[u8], place: &mut Place) -> Option<Value> {
    let n_items = match column.datatype {
        Datatype::Bit if !column.shape.varies => column.shape.fixed,
        Datatype::Bit => bytes.len() as u64 * 8,
        datatype => (bytes.len() / datatype.n_bytes()) as u64,
    };
    let is_whole = match column.datatype {
        Datatype::Bit => n_items.div_ceil(8) == bytes.len() as u64,
        datatype => n_items * datatype.n_bytes() as u64 == bytes.len() as u64,
    };
    let fits = column.shape.varies || n_items == column.shape.fixed;
    place.spend(&column.name, 0, n_items).ok()?;
    (is_whole && fits).then(|| value(column, bytes, n_items))
}

fn value(column: &Column, bytes: &[u8], n_items: u64) -> Value {
    if column.datatype.is_text() {
        return column.text(&text(column.datatype, bytes));
    }
    if column.datatype == Datatype::Bit {
        let bit = |n: u64| {
            let byte = bytes[usize::try_from(n / 8).unwrap_or(usize::MAX)];
            Value::Int(i64::from(byte >> (7 - n % 8) & 1))
        };
        return match column.shape.is_array {
            true => column.or_null(Value::List((0..n_items).map(bit).collect())),
            false => column.or_null(bit(0)),
        };
    }
    let mut items = bytes
        .chunks_exact(column.datatype.n_bytes())
        .map(|item| number(column.datatype, item));
    let value = match column.shape.is_array {
        true => Value::List(items.collect()),
        false => items.next().unwrap_or_default(),
    };
    column.or_null(value)
}

/// Text ends at the first NUL, if there is one.
fn text(datatype: Datatype, bytes: &[u8]) -> String {
    let text = if datatype == Datatype::UnicodeChar {
        let units = bytes
            .chunks_exact(2)
            .map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
        String::from_utf16_lossy(&units.collect::<Vec<_>>())
    } else {
        String::from_utf8_lossy(bytes).into_owned()
    };
    match text.find('\0') {
        Some(end) if text[end..].bytes().all(|byte| byte == 0) => text[..end].to_owned(),
        _ => text,
    }
}

fn number(datatype: Datatype, item: &[u8]) -> Value {
    let four = |at: usize| [item[at], item[at + 1], item[at + 2], item[at + 3]];
    let eight = |at: usize| {
        let (high, low) = (four(at), four(at + 4));
        [
            high[0], high[1], high[2], high[3], low[0], low[1], low[2], low[3],
        ]
    };
    match datatype {
        Datatype::Boolean => match item[0] {
            b'T' | b't' | b'1' => Value::Bool(true),
            b'F' | b'f' | b'0' => Value::Bool(false),
            _ => Value::Null,
        },
        Datatype::UnsignedByte => Value::Int(i64::from(item[0])),
        Datatype::Short => Value::Int(i64::from(i16::from_be_bytes([item[0], item[1]]))),
        Datatype::Int => Value::Int(i64::from(i32::from_be_bytes(four(0)))),
        Datatype::Long => Value::Int(i64::from_be_bytes(eight(0))),
        Datatype::Float => Value::Float(f64::from(f32::from_be_bytes(four(0)))),
        Datatype::Double => Value::Float(f64::from_be_bytes(eight(0))),
        Datatype::FloatComplex => Value::Complex(
            f64::from(f32::from_be_bytes(four(0))),
            f64::from(f32::from_be_bytes(four(4))),
        ),
        Datatype::DoubleComplex => {
            Value::Complex(f64::from_be_bytes(eight(0)), f64::from_be_bytes(eight(8)))
        }
        Datatype::Bit | Datatype::Char | Datatype::UnicodeChar => Value::Null,
    }
}
