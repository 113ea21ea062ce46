//! Columns of a table, as its header describes them.

use super::FitsError;
use super::header::{Hdu, HduKind};

/// What a cell of a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ColumnType {
    /// `L`
    Logical,
    /// `X`
    Bit,
    /// `B`, unsigned.
    Byte,
    /// `I`, 16 bits; in a text table, any whole number.
    Short,
    /// `J`, 32 bits.
    Int,
    /// `K`, 64 bits.
    Long,
    /// `A`; in a table of text also `A`.
    Text,
    /// `E`, 32 bits; in a table of text also `F`.
    Float,
    /// `D`, 64 bits.
    Double,
    /// `C`, two times 32 bits.
    Complex,
    /// `M`, two times 64 bits.
    DoubleComplex,
    /// `P` or `Q`: a pointer into the heap behind the table.
    Variable,
}

/// One column of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// TTYPE, or nothing.
    pub name: String,
    /// TFORM as given, such as `1024E`.
    pub format: String,
    /// TUNIT as given: the literal text `None` or `unknown` is kept.
    pub unit: Option<String>,
    /// Values per row; of a text column, characters.
    pub repeat: u64,
    /// What the values are.
    pub kind: ColumnType,
    /// Where the cell begins in its row, in bytes.
    pub offset_bytes: u64,
    /// How many bytes of the row the cell takes.
    pub width_bytes: u64,
    /// TSCAL, 1 if not given.
    pub scale: f64,
    /// TZERO, 0 if not given.
    pub zero: f64,
    /// TNULL of a column of whole numbers.
    pub null: Option<i64>,
    /// TNULL of a column of text.
    pub null_text: Option<String>,
}

impl ColumnType {
    /// Bytes of one value in a binary table; bits are counted by eights elsewhere.
    pub(crate) fn n_bytes(self) -> u64 {
        match self {
            Self::Logical | Self::Bit | Self::Byte | Self::Text => 1,
            Self::Short => 2,
            Self::Int | Self::Float => 4,
            Self::Long | Self::Double | Self::Complex => 8,
            Self::DoubleComplex => 16,
            Self::Variable => 8,
        }
    }
}

impl Hdu {
    /// The columns of a table; none for anything else.
    ///
    /// # Errors
    /// [`FitsError::BadCard`] when TFIELDS, a TFORM or a TBCOL is missing or cannot be.
    pub fn columns(&self) -> Result<Vec<Column>, FitsError> {
        if !matches!(self.kind, HduKind::Table | HduKind::BinTable) {
            return Ok(Vec::new());
        }
        let n_columns = self.int("TFIELDS").filter(|n| (0..=999).contains(n));
        let n_columns = n_columns.ok_or_else(|| self.bad("TFIELDS"))?;
        let row_bytes = self.shape()?.first().copied().unwrap_or(0);
        let mut columns = Vec::new();
        let mut offset_bytes = 0_u64;
        for n in 1..=n_columns {
            let column = self.column(n, offset_bytes)?;
            let end = column.offset_bytes.checked_add(column.width_bytes);
            offset_bytes = end
                .filter(|end| *end <= row_bytes)
                .ok_or_else(|| self.bad(&format!("TFORM{n}")))?;
            columns.push(column);
        }
        Ok(columns)
    }

    fn column(&self, n: i64, next_offset: u64) -> Result<Column, FitsError> {
        let key = |stem: &str| format!("{stem}{n}");
        let bad_format = || self.bad(&key("TFORM"));
        let format = self.text(&key("TFORM")).ok_or_else(bad_format)?.trim();
        let is_text = self.kind == HduKind::Table;
        let form = if is_text {
            text_form(format)
        } else {
            binary_form(format)
        };
        let (kind, repeat, width_bytes) = form.ok_or_else(bad_format)?;
        let offset_bytes = if is_text {
            let begin = self
                .int(&key("TBCOL"))
                .and_then(|n| u64::try_from(n - 1).ok());
            begin.ok_or_else(|| self.bad(&key("TBCOL")))?
        } else {
            next_offset
        };
        Ok(Column {
            name: self.text(&key("TTYPE")).unwrap_or_default().to_owned(),
            format: format.to_owned(),
            unit: self.text(&key("TUNIT")).map(str::to_owned),
            repeat,
            kind,
            offset_bytes,
            width_bytes,
            scale: self.float(&key("TSCAL")).unwrap_or(1.0),
            zero: self.float(&key("TZERO")).unwrap_or(0.0),
            null: self.int(&key("TNULL")),
            null_text: self.text(&key("TNULL")).map(str::to_owned),
        })
    }
}

/// `rTa` of a binary table: type, values per row, bytes per row.
fn binary_form(format: &str) -> Option<(ColumnType, u64, u64)> {
    let letter_at = format.find(|c: char| !c.is_ascii_digit())?;
    let (digits, rest) = format.split_at(letter_at);
    let repeat = if digits.is_empty() {
        1
    } else {
        digits.parse().ok()?
    };
    let kind = match rest.chars().next()? {
        'L' => ColumnType::Logical,
        'X' => ColumnType::Bit,
        'B' => ColumnType::Byte,
        'I' => ColumnType::Short,
        'J' => ColumnType::Int,
        'K' => ColumnType::Long,
        'A' => ColumnType::Text,
        'E' => ColumnType::Float,
        'D' => ColumnType::Double,
        'C' => ColumnType::Complex,
        'M' => ColumnType::DoubleComplex,
        'P' => ColumnType::Variable,
        'Q' => return Some((ColumnType::Variable, repeat, repeat.checked_mul(16)?)),
        _ => return None,
    };
    let n_bytes = match kind {
        ColumnType::Bit => repeat.div_ceil(8),
        _ => repeat.checked_mul(kind.n_bytes())?,
    };
    Some((kind, repeat, n_bytes))
}

/// `Tw.d` of a table of text: type, one value per row, its characters.
fn text_form(format: &str) -> Option<(ColumnType, u64, u64)> {
    let mut letters = format.chars();
    let kind = match letters.next()? {
        'A' => ColumnType::Text,
        'I' => ColumnType::Short,
        'E' | 'F' => ColumnType::Float,
        'D' => ColumnType::Double,
        _ => return None,
    };
    let width = letters.as_str().split('.').next()?.trim();
    let width: u64 = if width.is_empty() {
        1
    } else {
        width.parse().ok()?
    };
    let repeat = if kind == ColumnType::Text { width } else { 1 };
    Some((kind, repeat, width))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binary_formats_give_type_repeat_and_width() {
        assert_eq!(binary_form("1024E"), Some((ColumnType::Float, 1024, 4096)));
        assert_eq!(binary_form("J"), Some((ColumnType::Int, 1, 4)));
        assert_eq!(binary_form("18A"), Some((ColumnType::Text, 18, 18)));
        assert_eq!(binary_form("11X"), Some((ColumnType::Bit, 11, 2)));
        assert_eq!(binary_form("PJ(5)"), Some((ColumnType::Variable, 1, 8)));
        assert_eq!(binary_form("99999999999999999999D"), None);
        assert_eq!(binary_form("12"), None);
    }

    #[test]
    fn text_formats_give_their_characters() {
        assert_eq!(text_form("E15.7"), Some((ColumnType::Float, 1, 15)));
        assert_eq!(text_form("A8"), Some((ColumnType::Text, 8, 8)));
        assert_eq!(text_form("Z3"), None);
    }
}
