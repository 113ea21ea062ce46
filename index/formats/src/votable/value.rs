//! Values of cells, and what a field says of them.

use super::VotableError;

/// The value of a cell.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Value {
    /// Nothing.
    #[default]
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number: `bit`, `unsignedByte`, `short`, `int`, `long`; exact to the last digit.
    Int(i64),
    /// A number; NaN is a number here and not a null.
    Float(f64),
    /// Real and imaginary part.
    Complex(f64, f64),
    /// Text.
    Text(String),
    /// An array in the order of the file, the first dimension fastest.
    List(Vec<Value>),
}

impl Value {
    /// The whole number, if it is one.
    #[must_use]
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(*value),
            _ => None,
        }
    }

    /// The number, whole or not.
    #[must_use]
    pub fn as_float(&self) -> Option<f64> {
        match self {
            Self::Float(value) => Some(*value),
            Self::Int(value) => Some(*value as f64),
            _ => None,
        }
    }

    /// The text, if it is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// How much memory it takes.
    pub(crate) fn n_bytes(&self) -> u64 {
        let beneath = match self {
            Self::Text(text) => text.len() as u64,
            Self::List(items) => items.iter().map(Self::n_bytes).sum(),
            _ => 0,
        };
        size_of::<Self>() as u64 + beneath
    }

    /// Whether it is nothing.
    #[must_use]
    pub fn is_null(&self) -> bool {
        *self == Self::Null
    }
}

/// The types of VOTable, section 2.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Datatype {
    /// `boolean`
    Boolean,
    /// `bit`
    Bit,
    /// `unsignedByte`
    UnsignedByte,
    /// `short`
    Short,
    /// `int`
    Int,
    /// `long`
    Long,
    /// `char`, UTF-8 in practice
    Char,
    /// `unicodeChar`, UTF-16 big-endian
    UnicodeChar,
    /// `float`
    Float,
    /// `double`
    Double,
    /// `floatComplex`
    FloatComplex,
    /// `doubleComplex`
    DoubleComplex,
}

impl Datatype {
    pub(crate) fn read(text: &str) -> Option<Self> {
        Some(match text {
            "boolean" => Self::Boolean,
            "bit" => Self::Bit,
            "unsignedByte" => Self::UnsignedByte,
            "short" => Self::Short,
            "int" => Self::Int,
            "long" => Self::Long,
            // The second of each is of no version of the standard, and in use.
            "char" | "string" => Self::Char,
            "unicodeChar" | "unicodeString" => Self::UnicodeChar,
            "float" => Self::Float,
            "double" => Self::Double,
            "floatComplex" => Self::FloatComplex,
            "doubleComplex" => Self::DoubleComplex,
            _ => return None,
        })
    }

    pub(crate) fn is_text(self) -> bool {
        matches!(self, Self::Char | Self::UnicodeChar)
    }

    /// Bytes of one item in a binary stream; bits are packed.
    pub(crate) fn n_bytes(self) -> usize {
        match self {
            Self::Boolean | Self::Bit | Self::UnsignedByte | Self::Char => 1,
            Self::Short | Self::UnicodeChar => 2,
            Self::Int | Self::Float => 4,
            Self::Long | Self::Double | Self::FloatComplex => 8,
            Self::DoubleComplex => 16,
        }
    }
}

/// How many items a cell has, VOTable section 2.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Items of the dimensions that do not vary.
    pub(crate) fixed: u64,
    /// Whether the last dimension varies, so that a count comes first in a binary stream.
    pub(crate) varies: bool,
    /// Whether there is an array at all.
    pub(crate) is_array: bool,
    /// Of an array of strings, the length of one.
    pub(crate) string_length: Option<u64>,
}

impl Shape {
    /// Reads an `arraysize`: `*`, `n`, `n*`, `2x3`, `2x*`.
    pub(crate) fn read(datatype: Datatype, arraysize: Option<&str>) -> Option<Self> {
        let Some(text) = arraysize.map(str::trim).filter(|text| !text.is_empty()) else {
            return Some(Self {
                fixed: 1,
                varies: false,
                is_array: false,
                string_length: None,
            });
        };
        let dims: Vec<&str> = text.split('x').map(str::trim).collect();
        let (last, first) = dims.split_last()?;
        let mut fixed = 1_u64;
        for dim in first {
            fixed = fixed.checked_mul(dim.parse().ok()?)?;
        }
        let varies = last.ends_with('*');
        if !varies {
            fixed = fixed.checked_mul(last.parse().ok()?)?;
        } else if last.len() > 1 {
            last.trim_end_matches('*').parse::<u64>().ok()?;
        }
        let string_length = match first.first() {
            Some(length) if datatype.is_text() => Some(length.parse().ok()?),
            _ => None,
        };
        Some(Self {
            fixed,
            varies,
            // A single one is written as an array by some; it is a value all the same.
            is_array: varies || fixed != 1 || !first.is_empty(),
            string_length,
        })
    }
}

/// What is needed of a field to read its cells.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) datatype: Datatype,
    pub(crate) shape: Shape,
    /// The value that stands for nothing.
    pub(crate) null: Option<Value>,
}

impl Column {
    /// The value of a cell's text, VOTable section 6.
    pub(crate) fn parse(&self, text: &str, row: u64) -> Result<Value, VotableError> {
        let wrong = || VotableError::Cell {
            row,
            field: self.name.clone(),
            found: text.chars().take(60).collect(),
        };
        if self.datatype.is_text() {
            return Ok(self.text(text));
        }
        let text = text.trim();
        if text.is_empty() {
            return Ok(Value::Null);
        }
        let value = if self.shape.is_array {
            let mut words = words(self.datatype, text);
            let mut items = Vec::new();
            while let Some(word) = words.next() {
                let second = self.is_complex().then(|| words.next()).flatten();
                items.push(self.item(word, second).ok_or_else(wrong)?);
            }
            Value::List(items)
        } else {
            let mut words = text.split_ascii_whitespace();
            let first = words.next().unwrap_or_default();
            self.item(first, words.next()).ok_or_else(wrong)?
        };
        Ok(self.or_null(value))
    }

    /// Nothing where the value is the one that stands for nothing, in arrays where an item is.
    pub(crate) fn or_null(&self, value: Value) -> Value {
        match value {
            Value::List(mut items) if self.null.is_some() => {
                let nulls = items
                    .iter_mut()
                    .filter(|item| self.null.as_ref() == Some(item));
                nulls.for_each(|item| *item = Value::Null);
                Value::List(items)
            }
            value if self.null.as_ref() == Some(&value) => Value::Null,
            value => value,
        }
    }

    /// Text of a cell; an empty one is nothing, since the two are not told apart.
    pub(crate) fn text(&self, text: &str) -> Value {
        match self.shape.string_length {
            _ if text.is_empty() => Value::Null,
            Some(length) => {
                let length = usize::try_from(length).unwrap_or(usize::MAX).max(1);
                Value::List(strings(self.datatype, text, length))
            }
            None => self.or_null(Value::Text(text.to_owned())),
        }
    }

    /// The value that stands for nothing, from how it is written.
    pub(crate) fn null_of(&self, text: &str) -> Option<Value> {
        match self.datatype.is_text() {
            true => Some(Value::Text(text.to_owned())),
            false => self.item(text.trim(), None),
        }
        .filter(|value| !value.is_null())
    }

    fn is_complex(&self) -> bool {
        matches!(
            self.datatype,
            Datatype::FloatComplex | Datatype::DoubleComplex
        )
    }

    fn item(&self, word: &str, second: Option<&str>) -> Option<Value> {
        Some(match self.datatype {
            Datatype::Boolean => match word {
                "T" | "t" | "1" => Value::Bool(true),
                "F" | "f" | "0" => Value::Bool(false),
                "?" => Value::Null,
                _ if word.eq_ignore_ascii_case("true") => Value::Bool(true),
                _ if word.eq_ignore_ascii_case("false") => Value::Bool(false),
                _ => return None,
            },
            Datatype::Bit
            | Datatype::UnsignedByte
            | Datatype::Short
            | Datatype::Int
            | Datatype::Long
                if word.eq_ignore_ascii_case("nan") =>
            {
                Value::Null
            }
            Datatype::Bit | Datatype::UnsignedByte => Value::Int(whole(word, 64)?),
            Datatype::Short => Value::Int(whole(word, 16)?),
            Datatype::Int => Value::Int(whole(word, 32)?),
            Datatype::Long => Value::Int(whole(word, 64)?),
            Datatype::Float | Datatype::Double => Value::Float(number(word)?),
            Datatype::FloatComplex | Datatype::DoubleComplex => {
                Value::Complex(number(word)?, second.map_or(Some(0.0), number)?)
            }
            Datatype::Char | Datatype::UnicodeChar => Value::Text(word.to_owned()),
        })
    }
}

/// The items of an array; bits may stand without blanks between them.
fn words(datatype: Datatype, text: &str) -> Box<dyn Iterator<Item = &str> + '_> {
    if datatype == Datatype::Bit {
        let bits = text.char_indices().filter(|(_, c)| !c.is_whitespace());
        return Box::new(bits.map(|(at, c)| &text[at..at + c.len_utf8()]));
    }
    Box::new(
        text.split(|c: char| c.is_ascii_whitespace() || c == ',')
            .filter(|word| !word.is_empty()),
    )
}

/// A whole number as it is written, though its type may not hold it; in hexadecimal its highest bit is the sign.
fn whole(word: &str, n_bits: u32) -> Option<i64> {
    let hex = word.strip_prefix("0x").or_else(|| word.strip_prefix("0X"));
    let Some(digits) = hex else {
        return word.parse().ok();
    };
    let bits = u64::from_str_radix(digits, 16).ok()?;
    let is_negative = n_bits < 64 && bits >> (n_bits - 1) == 1;
    let sign = if is_negative { u64::MAX << n_bits } else { 0 };
    Some((bits | sign).cast_signed())
}

/// The strings of an array of strings: the length counts bytes of UTF-8, or units of UTF-16.
fn strings(datatype: Datatype, text: &str, length: usize) -> Vec<Value> {
    let value = |text: String| Value::Text(text.trim_end_matches('\0').to_owned());
    if datatype == Datatype::UnicodeChar {
        let units: Vec<u16> = text.encode_utf16().collect();
        let chunks = units.chunks(length);
        return chunks
            .map(|units| value(String::from_utf16_lossy(units)))
            .collect();
    }
    let chunks = text.as_bytes().chunks(length);
    chunks
        .map(|bytes| value(String::from_utf8_lossy(bytes).into_owned()))
        .collect()
}

fn number(word: &str) -> Option<f64> {
    match word {
        "NaN" | "nan" => Some(f64::NAN),
        "+Inf" | "Inf" | "inf" | "+inf" => Some(f64::INFINITY),
        "-Inf" | "-inf" => Some(f64::NEG_INFINITY),
        _ => word.parse().ok(),
    }
}
