//! Values of cells, and what a field says of them.

use super::VotableError;
use super::place::Place;

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
        Some(match text.trim() {
            "boolean" => Self::Boolean,
            "bit" => Self::Bit,
            "unsignedByte" => Self::UnsignedByte,
            "short" => Self::Short,
            "int" => Self::Int,
            "long" => Self::Long,
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
    ///
    /// A number is not held to the range of its datatype, since texts keep what is beyond it. Whole numbers have no NaN;
    /// where one is written it is taken for nothing.
    pub(crate) fn parse(&self, text: &str, place: &mut Place) -> Result<Value, VotableError> {
        let row = place.row;
        let wrong = || VotableError::Cell {
            row,
            field: self.name.clone(),
            found: text.chars().take(60).collect(),
        };
        if self.datatype.is_text() {
            place.spend(&self.name, text.len() as u64, self.n_strings(text))?;
            return Ok(self.text(text));
        }
        place.spend(&self.name, text.len() as u64, 1)?;
        let text = text.trim();
        if text.is_empty() {
            return Ok(Value::Null);
        }
        let value = if self.shape.is_array {
            let mut words = words(self.datatype, text);
            let mut items = Vec::new();
            while let Some(word) = words.next() {
                place.spend(&self.name, 0, 1)?;
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

    /// Nothing where the value is the one that stands for nothing.
    pub(crate) fn or_null(&self, value: Value) -> Value {
        match (&self.null, value) {
            (None, value) => value,
            (Some(_), Value::List(items)) => {
                Value::List(items.into_iter().map(|item| self.or_null(item)).collect())
            }
            (Some(null), value) if *null == value => Value::Null,
            (Some(_), value) => value,
        }
    }

    /// What the text of a null stands for, one value also where the cells are arrays.
    pub(crate) fn read_null(&self, text: &str) -> Option<Value> {
        if self.datatype.is_text() {
            return Some(Value::Text(text.to_owned()));
        }
        let value = self.item(text.trim(), None)?;
        (!value.is_null()).then_some(value)
    }

    /// Text of a cell; an empty one is nothing, since the two are not told apart.
    pub(crate) fn text(&self, text: &str) -> Value {
        match self.shape.string_length {
            _ if text.is_empty() => Value::Null,
            Some(length) => {
                let mut rest = text;
                let mut strings = Vec::new();
                while !rest.is_empty() {
                    let (string, behind) = rest.split_at(self.end_of_string(rest, length));
                    strings.push(Value::Text(string.trim_end_matches('\0').to_owned()));
                    rest = behind;
                }
                Value::List(strings)
            }
            None => self.or_null(Value::Text(text.to_owned())),
        }
    }

    /// How many strings a text is cut into, at most.
    fn n_strings(&self, text: &str) -> u64 {
        let length = self.shape.string_length.unwrap_or(u64::MAX).max(1);
        (text.len() as u64).div_ceil(length).max(1)
    }

    /// Where the first of the strings of `length` ends in an array of them: bytes of UTF-8 for `char`, units of UTF-16
    /// for `unicodeChar`, and never within a character.
    fn end_of_string(&self, text: &str, length: u64) -> usize {
        let mut n_units = 0_u64;
        for (at, c) in text.char_indices() {
            if n_units >= length.max(1) {
                return at;
            }
            n_units += match self.datatype {
                Datatype::UnicodeChar => c.len_utf16() as u64,
                _ => c.len_utf8() as u64,
            };
        }
        text.len()
    }

    pub(crate) fn is_complex(&self) -> bool {
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
            Datatype::Bit | Datatype::UnsignedByte | Datatype::Long => Value::Int(whole(word, 64)?),
            Datatype::Short => Value::Int(whole(word, 16)?),
            Datatype::Int => Value::Int(whole(word, 32)?),
            Datatype::Float => Value::Float(single(word)?),
            Datatype::Double => Value::Float(number(word)?),
            Datatype::FloatComplex => {
                Value::Complex(single(word)?, second.map_or(Some(0.0), single)?)
            }
            Datatype::DoubleComplex => {
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

/// A number of single precision: the same as a binary serialisation gives.
fn single(word: &str) -> Option<f64> {
    match word.parse::<f32>() {
        Ok(value) => Some(f64::from(value)),
        Err(_) => number(word),
    }
}

fn number(word: &str) -> Option<f64> {
    match word {
        "NaN" | "nan" => Some(f64::NAN),
        "+Inf" | "Inf" | "inf" | "+inf" => Some(f64::INFINITY),
        "-Inf" | "-inf" => Some(f64::NEG_INFINITY),
        _ => word.parse().ok(),
    }
}
