//! Values, columns and tables: what queries run over and answers are written from.

use std::cmp::Ordering;
use std::sync::Arc;

/// A cell.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Arc<str>),
    Array(Arc<[f64]>),
}

/// What a column holds, by the datatypes of VOTable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Boolean,
    Short,
    Int,
    Long,
    Float,
    Double,
    Char,
    FloatArray,
    DoubleArray,
}

/// A column; `description`, `unit` and `ucd` may be empty.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) unit: String,
    pub(crate) ucd: String,
    pub(crate) description: String,
}

/// Columns and rows of them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Table {
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: Vec<Vec<Value>>,
}

impl Kind {
    pub(crate) fn datatype(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Short => "short",
            Self::Int => "int",
            Self::Long => "long",
            Self::Float | Self::FloatArray => "float",
            Self::Double | Self::DoubleArray => "double",
            Self::Char => "char",
        }
    }

    pub(crate) fn arraysize(self) -> Option<&'static str> {
        matches!(self, Self::Char | Self::FloatArray | Self::DoubleArray).then_some("*")
    }

    pub(crate) fn is_float(self) -> bool {
        matches!(self, Self::Float | Self::Double)
    }

    pub(crate) fn is_integer(self) -> bool {
        matches!(self, Self::Short | Self::Int | Self::Long)
    }

    fn of(datatype: &str) -> Self {
        match datatype {
            "boolean" => Self::Boolean,
            "short" => Self::Short,
            "int" => Self::Int,
            "long" => Self::Long,
            "float" => Self::Float,
            "double" => Self::Double,
            "float[]" => Self::FloatArray,
            "double[]" => Self::DoubleArray,
            _ => Self::Char,
        }
    }
}

impl Column {
    pub(crate) fn new(name: &str, kind: Kind) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            unit: String::new(),
            ucd: String::new(),
            description: String::new(),
        }
    }

    /// One line of a list of columns: `name|datatype|unit|ucd|description`.
    fn read(line: &str) -> Self {
        let mut parts = line.splitn(5, '|').map(str::to_owned);
        let mut next = || parts.next().unwrap_or_default();
        let (name, datatype) = (next(), next());
        Self {
            kind: Kind::of(&datatype),
            name,
            unit: next(),
            ucd: next(),
            description: next(),
        }
    }
}

/// The columns of a list in the tree; lines that begin with `#` are not columns.
pub(crate) fn read_columns(list: &str) -> Vec<Column> {
    list.lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(Column::read)
        .collect()
}

impl Value {
    pub(crate) fn text(text: impl AsRef<str>) -> Self {
        Self::Text(text.as_ref().into())
    }

    /// A number, rounded to what a `float` holds.
    pub(crate) fn float(value: f64) -> Self {
        Self::Float(f64::from(value as f32))
    }

    pub(crate) fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Int(value) => Some(*value as f64),
            Self::Float(value) => Some(*value),
            _ => None,
        }
    }

    pub(crate) fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(*value),
            _ => None,
        }
    }

    /// As a condition: nothing when unknown.
    pub(crate) fn truth(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            Self::Int(value) => Some(*value != 0),
            Self::Text(text) => truth_of(text),
            _ => None,
        }
    }

    /// The order of two values; nothing when one is null or they cannot be compared.
    pub(crate) fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => Some(a.cmp(b)),
            (Self::Text(a), Self::Text(b)) => Some(a.cmp(b)),
            (Self::Bool(a), b) => Some(a.cmp(&b.truth()?)),
            (a, Self::Bool(b)) => Some(a.truth()?.cmp(b)),
            (a, b) => a.as_f64()?.partial_cmp(&b.as_f64()?),
        }
    }

    /// An order for sorting, in which nulls come last.
    pub(crate) fn sort_order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Null, Self::Null) => Ordering::Equal,
            (Self::Null, _) => Ordering::Greater,
            (_, Self::Null) => Ordering::Less,
            (a, b) => a.compare(b).unwrap_or(Ordering::Equal),
        }
    }

    /// As text with which two equal values are the same, for grouping.
    pub(crate) fn key(&self) -> String {
        match self {
            Self::Null => "n".to_owned(),
            Self::Bool(value) => format!("b{value}"),
            Self::Int(value) => format!("i{value}"),
            Self::Float(value) => format!("f{:x}", value.to_bits()),
            Self::Text(text) => format!("t{text}"),
            Self::Array(values) => format!("a{values:?}"),
        }
    }

    /// As it stands in text answers; a null is nothing.
    pub(crate) fn show(&self, kind: Kind) -> Option<String> {
        Some(match self {
            Self::Null => return None,
            Self::Bool(value) => value.to_string(),
            Self::Int(value) => value.to_string(),
            Self::Float(value) => show_float(*value, kind),
            Self::Text(text) => text.to_string(),
            Self::Array(values) => {
                let item = if kind == Kind::FloatArray {
                    Kind::Float
                } else {
                    Kind::Double
                };
                values
                    .iter()
                    .map(|value| show_float(*value, item))
                    .collect::<Vec<_>>()
                    .join(" ")
            }
        })
    }
}

fn truth_of(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "t" | "true" | "1" => Some(true),
        "f" | "false" | "0" => Some(false),
        _ => None,
    }
}

/// The shortest text that reads back as the same number, in the manner of the archive: `2.9E7`.
fn show_float(value: f64, kind: Kind) -> String {
    if !value.is_finite() {
        return if value.is_nan() {
            "NaN"
        } else if value > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        }
        .to_owned();
    }
    let is_plain = value == 0.0 || (1e-3..1e7).contains(&value.abs());
    match (is_plain, kind) {
        (true, Kind::Float) => format!("{:?}", value as f32),
        (true, _) => format!("{value:?}"),
        (false, Kind::Float) => with_fraction(format!("{:E}", value as f32)),
        (false, _) => with_fraction(format!("{value:E}")),
    }
}

fn with_fraction(text: String) -> String {
    match text.split_once('E') {
        Some((mantissa, exponent)) if !mantissa.contains('.') => format!("{mantissa}.0E{exponent}"),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shown_as_the_archive_shows_them() {
        let show = |value, kind| Value::Float(value).show(kind).unwrap();
        assert_eq!(show(2016.0, Kind::Double), "2016.0");
        assert_eq!(
            show(2.952_156_408_802_986_5e7, Kind::Double),
            "2.9521564088029865E7"
        );
        assert_eq!(
            show(f64::from(1.020_645_3e-13_f32), Kind::Float),
            "1.0206453E-13"
        );
        assert_eq!(
            show(f64::from(0.020_685_712_f32), Kind::Float),
            "0.020685712"
        );
    }

    #[test]
    fn flags_compare_with_the_texts_people_write() {
        assert_eq!(
            Value::Bool(true).compare(&Value::text("True")),
            Some(Ordering::Equal)
        );
        assert_eq!(
            Value::text("f").compare(&Value::Bool(false)),
            Some(Ordering::Equal)
        );
        assert_eq!(Value::Null.compare(&Value::Int(1)), None);
    }
}
