//! Functions of numbers and texts.

use std::ops::RangeInclusive;

use super::AdqlError;
use crate::gaia::value::{Kind, Value};

/// How many arguments a function takes; nothing when it is not known.
pub(super) fn n_arguments(name: &str) -> Option<RangeInclusive<usize>> {
    Some(match name {
        "ABS" | "SQRT" | "LOG10" | "LOG" | "EXP" | "FLOOR" | "CEILING" | "SIN" | "COS" | "TAN"
        | "ASIN" | "ACOS" | "ATAN" | "RADIANS" | "DEGREES" | "LOWER" | "UPPER" | "TO_INTEGER"
        | "SIGN" => 1..=1,
        "POWER" | "MOD" | "ATAN2" | "GAIA_HEALPIX_INDEX" => 2..=2,
        "ROUND" | "TRUNCATE" => 1..=2,
        "PI" => 0..=0,
        "COALESCE" => 1..=16,
        _ => return None,
    })
}

/// What a function gives, by what it is given.
pub(super) fn kind(name: &str, arguments: &[Kind]) -> Kind {
    let first = arguments.first().copied().unwrap_or(Kind::Double);
    match name {
        "LOWER" | "UPPER" => Kind::Char,
        "GAIA_HEALPIX_INDEX" | "TO_INTEGER" => Kind::Long,
        "ABS" | "COALESCE" => first,
        "MOD" if arguments.iter().all(|kind| kind.is_integer()) => Kind::Long,
        _ => Kind::Double,
    }
}

/// Calls a function; a null or a number out of its domain gives null.
pub(super) fn call(name: &str, arguments: &[Value]) -> Result<Value, AdqlError> {
    if name == "COALESCE" {
        let first = arguments.iter().find(|value| **value != Value::Null);
        return Ok(first.cloned().unwrap_or(Value::Null));
    }
    if arguments.contains(&Value::Null) {
        return Ok(Value::Null);
    }
    match (name, arguments) {
        ("LOWER", [Value::Text(text)]) => return Ok(Value::text(text.to_lowercase())),
        ("UPPER", [Value::Text(text)]) => return Ok(Value::text(text.to_uppercase())),
        ("ABS", [Value::Int(value)]) => return Ok(Value::Int(value.wrapping_abs())),
        ("MOD", [Value::Int(value), Value::Int(by)]) => {
            return Ok(value.checked_rem(*by).map_or(Value::Null, Value::Int));
        }
        ("GAIA_HEALPIX_INDEX", [Value::Int(order @ 0..=12), Value::Int(source_id)]) => {
            return Ok(Value::Int(source_id >> (59 - 2 * order)));
        }
        _ => {}
    }
    let numbers: Option<Vec<f64>> = arguments.iter().map(Value::as_f64).collect();
    let numbers = numbers
        .ok_or_else(|| AdqlError::NotUnderstood(format!("`{name}` of what is not a number")))?;
    let result = number(name, &numbers);
    Ok(match name {
        _ if !result.is_finite() => Value::Null,
        "TO_INTEGER" => Value::Int(result as i64),
        _ => Value::Float(result),
    })
}

fn number(name: &str, arguments: &[f64]) -> f64 {
    let x = arguments.first().copied().unwrap_or_default();
    let y = arguments.get(1).copied().unwrap_or_default();
    let scale = 10_f64.powi(y.clamp(-300.0, 300.0) as i32);
    match name {
        "ABS" => x.abs(),
        "SQRT" => x.sqrt(),
        "LOG10" => x.log10(),
        "LOG" => x.ln(),
        "EXP" => x.exp(),
        "FLOOR" => x.floor(),
        "CEILING" => x.ceil(),
        "SIN" => x.sin(),
        "COS" => x.cos(),
        "TAN" => x.tan(),
        "ASIN" => x.asin(),
        "ACOS" => x.acos(),
        "ATAN" => x.atan(),
        "ATAN2" => x.atan2(y),
        "RADIANS" => x.to_radians(),
        "DEGREES" => x.to_degrees(),
        "POWER" => x.powf(y),
        "MOD" => x % y,
        "SIGN" => x.signum(),
        "ROUND" => (x * scale).round() / scale,
        "TRUNCATE" | "TO_INTEGER" => (x * scale).trunc() / scale,
        "PI" => std::f64::consts::PI,
        _ => f64::NAN,
    }
}
