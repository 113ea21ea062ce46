//! Names: which column of which table each one means, and what an expression gives.

use super::AdqlError;
use super::functions;
use super::tree::{Aggregate, Expr, Operator};
use crate::gaia::value::{Column, Kind};

/// The tables of FROM, in order.
#[derive(Default)]
pub(super) struct Scope<'t> {
    pub(super) tables: Vec<Named<'t>>,
}

pub(super) struct Named<'t> {
    pub(super) alias: String,
    pub(super) name: String,
    pub(super) columns: &'t [Column],
    /// Columns that are the same as one before, by USING or NATURAL.
    pub(super) hidden: Vec<usize>,
}

impl Named<'_> {
    fn is_called(&self, path: &[String]) -> bool {
        let called = path.join(".");
        path.is_empty()
            || called.eq_ignore_ascii_case(&self.alias)
            || called.eq_ignore_ascii_case(&self.name)
    }

    pub(super) fn position(&self, name: &str) -> Option<usize> {
        self.columns
            .iter()
            .position(|column| column.name.eq_ignore_ascii_case(name))
    }
}

impl Scope<'_> {
    pub(super) fn column(&self, source: usize, column: usize) -> Option<&Column> {
        self.tables.get(source)?.columns.get(column)
    }

    /// Replaces every name by what it means.
    pub(super) fn bind(&self, expr: &mut Expr) -> Result<(), AdqlError> {
        if let Expr::Name(path) = expr {
            *expr = self.find(path)?;
            return Ok(());
        }
        expr.children_mut()
            .into_iter()
            .try_for_each(|child| self.bind(child))
    }

    fn find(&self, path: &[String]) -> Result<Expr, AdqlError> {
        let shown = path.join(".");
        let (name, table) = path
            .split_last()
            .ok_or_else(|| AdqlError::Unresolved(shown.clone()))?;
        let mut found = self
            .tables
            .iter()
            .enumerate()
            .filter_map(|(source, named)| {
                let column = named
                    .is_called(table)
                    .then(|| named.position(name))
                    .flatten()?;
                (!(table.is_empty() && named.hidden.contains(&column)))
                    .then_some(Expr::At { source, column })
            });
        match (found.next(), found.next()) {
            (Some(at), None) => Ok(at),
            (None, _) => Err(AdqlError::Unresolved(shown)),
            _ => Err(AdqlError::NotUnderstood(format!(
                "`{shown}` is a column of several tables"
            ))),
        }
    }

    /// What an expression gives.
    pub(super) fn kind(&self, expr: &Expr) -> Kind {
        use crate::gaia::value::Value;
        match expr {
            Expr::Literal(Value::Int(_)) => Kind::Long,
            Expr::Literal(Value::Text(_)) => Kind::Char,
            Expr::At { source, column } => self
                .column(*source, *column)
                .map_or(Kind::Char, |column| column.kind),
            Expr::Contains { .. } => Kind::Int,
            Expr::Not(_)
            | Expr::Between { .. }
            | Expr::In { .. }
            | Expr::Like { .. }
            | Expr::IsNull(_)
            | Expr::Literal(Value::Bool(_)) => Kind::Boolean,
            Expr::Negative(inner) => self.kind(inner),
            Expr::Call { name, arguments } => {
                let kinds: Vec<_> = arguments
                    .iter()
                    .map(|argument| self.kind(argument))
                    .collect();
                functions::kind(name, &kinds)
            }
            Expr::Aggregate {
                kind: Aggregate::Count,
                ..
            } => Kind::Long,
            Expr::Aggregate { kind, argument, .. } => {
                let of = argument
                    .as_ref()
                    .map_or(Kind::Double, |argument| self.kind(argument));
                match kind {
                    Aggregate::Average => Kind::Double,
                    Aggregate::Sum if of.is_integer() => Kind::Long,
                    Aggregate::Sum => Kind::Double,
                    _ => of,
                }
            }
            Expr::Binary(operator, left, right) => match operator {
                Operator::Join => Kind::Char,
                Operator::Add | Operator::Subtract | Operator::Multiply | Operator::Divide => {
                    let are_integers =
                        self.kind(left).is_integer() && self.kind(right).is_integer();
                    if are_integers {
                        Kind::Long
                    } else {
                        Kind::Double
                    }
                }
                _ => Kind::Boolean,
            },
            _ => Kind::Double,
        }
    }
}

/// Whether every column outside of an aggregate is one of the grouped expressions.
pub(super) fn check_grouped(
    scope: &Scope<'_>,
    expr: &Expr,
    groups: &[Expr],
) -> Result<(), AdqlError> {
    if groups.contains(expr) || matches!(expr, Expr::Aggregate { .. }) {
        return Ok(());
    }
    if let Expr::At { source, column } = expr {
        let name = scope
            .column(*source, *column)
            .map(|column| column.name.as_str())
            .unwrap_or_default();
        return Err(AdqlError::NotUnderstood(format!(
            "`{name}` is neither grouped by nor within an aggregate"
        )));
    }
    expr.children()
        .into_iter()
        .try_for_each(|child| check_grouped(scope, child, groups))
}
