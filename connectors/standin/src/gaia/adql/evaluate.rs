//! Expressions over a row, or over the rows of a group.

use super::AdqlError;
use super::aggregate::aggregate;
use super::functions;
use super::sphere::{is_in_box, separation_deg};
use super::tree::{Expr, Operator, Region};
use crate::gaia::value::Value;

/// A row of the joined tables: one part for each; nothing where a left join found none.
pub(super) type Row<'t> = Vec<Option<&'t [Value]>>;

/// Where an expression is worked out.
#[derive(Clone, Copy)]
pub(super) struct Place<'p, 't> {
    pub(super) row: Option<&'p Row<'t>>,
    /// The rows that aggregates are taken over.
    pub(super) group: &'p [Row<'t>],
}

impl<'p, 't> Place<'p, 't> {
    pub(super) fn row(row: &'p Row<'t>) -> Self {
        Self {
            row: Some(row),
            group: &[],
        }
    }

    pub(super) fn group(group: &'p [Row<'t>]) -> Self {
        Self {
            row: group.first(),
            group,
        }
    }

    fn cell(&self, source: usize, column: usize) -> Value {
        let part = self.row.and_then(|row| row.get(source).copied().flatten());
        part.and_then(|part| part.get(column))
            .cloned()
            .unwrap_or(Value::Null)
    }

    pub(super) fn value(&self, expr: &Expr) -> Result<Value, AdqlError> {
        Ok(match expr {
            Expr::Literal(value) => value.clone(),
            Expr::At { source, column } => self.cell(*source, *column),
            Expr::Name(path) => return Err(AdqlError::Unresolved(path.join("."))),
            Expr::Not(inner) => self
                .value(inner)?
                .truth()
                .map_or(Value::Null, |truth| Value::Bool(!truth)),
            Expr::Negative(inner) => match self.value(inner)? {
                Value::Int(value) => Value::Int(value.wrapping_neg()),
                Value::Float(value) => Value::Float(-value),
                Value::Null => Value::Null,
                _ => {
                    return Err(AdqlError::NotUnderstood(
                        "`-` of what is not a number".to_owned(),
                    ));
                }
            },
            Expr::Binary(operator, left, right) => self.binary(*operator, left, right)?,
            Expr::Between { value, low, high } => {
                let value = self.value(value)?;
                let above = compare(Operator::GreaterEqual, &value, &self.value(low)?)?;
                and(above.truth(), || {
                    Ok(compare(Operator::LessEqual, &value, &self.value(high)?)?.truth())
                })?
            }
            Expr::In { value, list } => self.is_in(value, list)?,
            Expr::Like {
                value,
                pattern,
                is_caseless,
            } => like(&self.value(value)?, &self.value(pattern)?, *is_caseless),
            Expr::IsNull(inner) => Value::Bool(self.value(inner)? == Value::Null),
            Expr::Call { name, arguments } => {
                let values: Result<Vec<_>, _> = arguments
                    .iter()
                    .map(|argument| self.value(argument))
                    .collect();
                functions::call(name, &values?)?
            }
            Expr::Aggregate {
                kind,
                argument,
                distinct,
            } => aggregate(*kind, argument.as_deref(), *distinct, self.group)?,
            Expr::Contains { point, region } => self.contains(point, region)?,
            Expr::Distance { from, to } => match (self.numbers(from)?, self.numbers(to)?) {
                (Some(from), Some(to)) => Value::Float(separation_deg(from, to)),
                _ => Value::Null,
            },
        })
    }

    fn binary(&self, operator: Operator, left: &Expr, right: &Expr) -> Result<Value, AdqlError> {
        let left = self.value(left)?;
        match operator {
            Operator::And => and(left.truth(), || Ok(self.value(right)?.truth())),
            Operator::Or => match (left.truth(), left.truth() != Some(true)) {
                (Some(true), _) => Ok(Value::Bool(true)),
                (left, _) => Ok(match (left, self.value(right)?.truth()) {
                    (_, Some(true)) => Value::Bool(true),
                    (Some(false), Some(false)) => Value::Bool(false),
                    _ => Value::Null,
                }),
            },
            Operator::Add | Operator::Subtract | Operator::Multiply | Operator::Divide => {
                arithmetic(operator, &left, &self.value(right)?)
            }
            Operator::Join => {
                let (left, right) = (left, self.value(right)?);
                let text = |value: &Value| value.show(crate::gaia::value::Kind::Double);
                Ok(text(&left)
                    .zip(text(&right))
                    .map_or(Value::Null, |(a, b)| Value::text(a + &b)))
            }
            _ => compare(operator, &left, &self.value(right)?),
        }
    }

    fn is_in(&self, value: &Expr, list: &[Expr]) -> Result<Value, AdqlError> {
        let value = self.value(value)?;
        let mut found = Value::Bool(false);
        for item in list {
            match compare(Operator::Equal, &value, &self.value(item)?)? {
                Value::Bool(true) => return Ok(Value::Bool(true)),
                Value::Null => found = Value::Null,
                _ => {}
            }
        }
        Ok(found)
    }

    fn contains(&self, point: &[Box<Expr>; 2], region: &Region) -> Result<Value, AdqlError> {
        let Some(point) = self.numbers(point)? else {
            return Ok(Value::Int(0));
        };
        let is_within = match region {
            Region::Circle(parts) => self.numbers(parts)?.is_some_and(|[ra, dec, radius]| {
                (point[1] - dec).abs() <= radius && separation_deg(point, [ra, dec]) <= radius
            }),
            Region::Box(parts) => self
                .numbers(parts)?
                .is_some_and(|parts| is_in_box(point, parts)),
        };
        Ok(Value::Int(i64::from(is_within)))
    }

    fn numbers<const N: usize>(
        &self,
        parts: &[Box<Expr>; N],
    ) -> Result<Option<[f64; N]>, AdqlError> {
        let mut numbers = [0.0; N];
        for (number, part) in numbers.iter_mut().zip(parts) {
            match self.value(part)?.as_f64() {
                Some(value) => *number = value,
                None => return Ok(None),
            }
        }
        Ok(Some(numbers))
    }
}

fn and(
    left: Option<bool>,
    right: impl FnOnce() -> Result<Option<bool>, AdqlError>,
) -> Result<Value, AdqlError> {
    if left == Some(false) {
        return Ok(Value::Bool(false));
    }
    Ok(match (left, right()?) {
        (_, Some(false)) => Value::Bool(false),
        (Some(true), Some(true)) => Value::Bool(true),
        _ => Value::Null,
    })
}

fn compare(operator: Operator, left: &Value, right: &Value) -> Result<Value, AdqlError> {
    let Some(order) = left.compare(right) else {
        let is_known = *left == Value::Null || *right == Value::Null;
        let is_text = |value: &Value| matches!(value, Value::Text(_));
        return if !is_known && (is_text(left) != is_text(right)) {
            Err(AdqlError::NotUnderstood(
                "a text is compared with what is none".to_owned(),
            ))
        } else {
            Ok(Value::Null)
        };
    };
    Ok(Value::Bool(match operator {
        Operator::Equal => order.is_eq(),
        Operator::Unequal => order.is_ne(),
        Operator::Less => order.is_lt(),
        Operator::LessEqual => order.is_le(),
        Operator::Greater => order.is_gt(),
        _ => order.is_ge(),
    }))
}

fn arithmetic(operator: Operator, left: &Value, right: &Value) -> Result<Value, AdqlError> {
    if let (Value::Int(left), Value::Int(right)) = (left, right) {
        let result = match operator {
            Operator::Add => left.checked_add(*right),
            Operator::Subtract => left.checked_sub(*right),
            Operator::Multiply => left.checked_mul(*right),
            _ => left.checked_div(*right),
        };
        let error =
            || AdqlError::NotUnderstood("an integer is divided by 0 or leaves 64 bits".to_owned());
        return result.map(Value::Int).ok_or_else(error);
    }
    let (Some(a), Some(b)) = (left.as_f64(), right.as_f64()) else {
        return if *left == Value::Null || *right == Value::Null {
            Ok(Value::Null)
        } else {
            Err(AdqlError::NotUnderstood(
                "arithmetic with what is not a number".to_owned(),
            ))
        };
    };
    let result = match operator {
        Operator::Add => a + b,
        Operator::Subtract => a - b,
        Operator::Multiply => a * b,
        _ => a / b,
    };
    Ok(if result.is_finite() {
        Value::Float(result)
    } else {
        Value::Null
    })
}

/// `%` stands for any characters, `_` for one.
fn like(value: &Value, pattern: &Value, is_caseless: bool) -> Value {
    let (Value::Text(text), Value::Text(pattern)) = (value, pattern) else {
        return Value::Null;
    };
    let chars = |text: &str| -> Vec<char> {
        if is_caseless {
            text.to_lowercase().chars().collect()
        } else {
            text.chars().collect()
        }
    };
    Value::Bool(matches(&chars(text), &chars(pattern)))
}

/// Matching with one place to come back to, so that it takes at most n·m steps.
fn matches(text: &[char], pattern: &[char]) -> bool {
    let (mut t, mut p) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('%') => {
                back = Some((p + 1, t));
                p += 1;
            }
            Some(c) if *c == '_' || *c == text[t] => {
                t += 1;
                p += 1;
            }
            _ => match &mut back {
                Some((after, from)) => {
                    *from += 1;
                    (p, t) = (*after, *from);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '%')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_sql_has_them() {
        let matches =
            |text: &str, pattern: &str| like(&Value::text(text), &Value::text(pattern), false);
        assert_eq!(
            matches("gaiadr3.gaia_source", "gaiadr3.%"),
            Value::Bool(true)
        );
        assert_eq!(matches("gaiadr3.gaia_source", "%source"), Value::Bool(true));
        assert_eq!(matches("abc", "a_c"), Value::Bool(true));
        assert_eq!(matches("abcd", "a_c"), Value::Bool(false));
        assert_eq!(matches("aXbXc", "a%b%c"), Value::Bool(true));
    }
}
