//! COUNT, AVG, MIN, MAX and SUM.

use std::collections::HashSet;

use super::AdqlError;
use super::evaluate::{Place, Row};
use super::tree::{Aggregate, Expr};
use crate::gaia::value::Value;

/// An aggregate over rows; nulls do not count.
pub(super) fn aggregate(
    kind: Aggregate,
    argument: Option<&Expr>,
    distinct: bool,
    rows: &[Row<'_>],
) -> Result<Value, AdqlError> {
    let Some(argument) = argument else {
        return Ok(Value::Int(rows.len() as i64));
    };
    let mut values = Vec::new();
    let mut seen = HashSet::new();
    for row in rows {
        let value = Place::row(row).value(argument)?;
        if value != Value::Null && (!distinct || seen.insert(value.key())) {
            values.push(value);
        }
    }
    let is_number = |value: &Value| value.as_f64().is_some();
    if matches!(kind, Aggregate::Sum | Aggregate::Average) && !values.iter().all(is_number) {
        return Err(AdqlError::NotUnderstood(
            "a sum or mean of what is not a number".to_owned(),
        ));
    }
    let n = values.len();
    let sum = || values.iter().filter_map(Value::as_f64).sum::<f64>();
    Ok(match kind {
        Aggregate::Count => Value::Int(n as i64),
        _ if n == 0 => Value::Null,
        Aggregate::Average => Value::Float(sum() / n as f64),
        Aggregate::Sum => integer_sum(&values).unwrap_or_else(|| Value::Float(sum())),
        Aggregate::Minimum => values
            .into_iter()
            .min_by(Value::sort_order)
            .unwrap_or(Value::Null),
        Aggregate::Maximum => values
            .into_iter()
            .max_by(Value::sort_order)
            .unwrap_or(Value::Null),
    })
}

fn integer_sum(values: &[Value]) -> Option<Value> {
    let sum = values
        .iter()
        .try_fold(0_i64, |sum, value| sum.checked_add(value.as_i64()?))?;
    Some(Value::Int(sum))
}
