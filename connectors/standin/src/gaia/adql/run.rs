//! Answering a query: join, filter, group, order, cut.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use super::AdqlError;
use super::bind::{Named, Scope, check_grouped};
use super::evaluate::{Place, Row};
use super::tree::{Expr, From, Item, Join, On, Operator, Query, Source};
use crate::gaia::value::{Column, Table, Value};

const MAX_JOINED_ROWS: usize = 1_000_000;
const ROWS_BETWEEN_LOOKS: usize = 256;

/// How much a query may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) time: Duration,
    pub(crate) max_rows: usize,
}

/// The rows of an answer, and whether there would have been more.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) table: Table,
    pub(crate) overflowed: bool,
}

/// Runs a query over the tables that `find` gives by full name.
///
/// # Errors
/// What cannot be resolved or worked out, or what took too long.
pub(crate) fn run<'t>(
    query: &Query,
    find: &dyn Fn(&str) -> Option<&'t Table>,
    bounds: Bounds,
) -> Result<Answer, AdqlError> {
    let clock = Clock {
        end: Instant::now() + bounds.time,
        time: bounds.time,
    };
    let mut table = select(query, find, &clock)?;
    let overflowed = table.rows.len() > bounds.max_rows;
    table.rows.truncate(bounds.max_rows);
    Ok(Answer { table, overflowed })
}

struct Clock {
    end: Instant,
    time: Duration,
}

impl Clock {
    fn look(&self, n: usize) -> Result<(), AdqlError> {
        if n.is_multiple_of(ROWS_BETWEEN_LOOKS) && Instant::now() > self.end {
            return Err(AdqlError::Bounded(format!(
                "it took more than {} s",
                self.time.as_secs()
            )));
        }
        Ok(())
    }
}

fn select<'t>(
    query: &Query,
    find: &dyn Fn(&str) -> Option<&'t Table>,
    clock: &Clock,
) -> Result<Table, AdqlError> {
    let inner: Vec<Option<Table>> = query
        .from
        .iter()
        .map(|from| match &from.source {
            Source::Query(query) => select(query, find, clock).map(Some),
            Source::Table(_) => Ok(None),
        })
        .collect::<Result<_, _>>()?;
    let mut scope = Scope::default();
    let mut rows: Vec<Row<'_>> = Vec::new();
    for (from, inner) in query.from.iter().zip(&inner) {
        let (name, table) = match (&from.source, inner) {
            (Source::Table(name), _) => (name.clone(), find(name)),
            (Source::Query(_), inner) => (String::new(), inner.as_ref()),
        };
        let table =
            table.ok_or_else(|| AdqlError::Unresolved(format!("{name} (no such table)")))?;
        scope.tables.push(Named {
            alias: from.alias.clone(),
            name,
            columns: &table.columns,
            hidden: Vec::new(),
        });
        rows = match &from.join {
            None => table
                .rows
                .iter()
                .map(|row| vec![Some(row.as_slice())])
                .collect(),
            Some(join) => join_table(&mut scope, rows, from, join, table, clock)?,
        };
    }
    if let Some(filter) = &query.filter {
        rows = filtered(&scope, rows, filter, clock)?;
    }
    project(query, &scope, &rows, clock)
}

fn filtered<'t>(
    scope: &Scope<'_>,
    rows: Vec<Row<'t>>,
    filter: &Expr,
    clock: &Clock,
) -> Result<Vec<Row<'t>>, AdqlError> {
    let filter = bound(scope, filter)?;
    if filter.has_aggregate() {
        return Err(AdqlError::NotUnderstood(
            "an aggregate in WHERE; it belongs into HAVING".to_owned(),
        ));
    }
    let mut kept = Vec::new();
    for (n, row) in rows.into_iter().enumerate() {
        clock.look(n)?;
        if Place::row(&row).value(&filter)?.truth() == Some(true) {
            kept.push(row);
        }
    }
    Ok(kept)
}

fn bound(scope: &Scope<'_>, expr: &Expr) -> Result<Expr, AdqlError> {
    let mut expr = expr.clone();
    scope.bind(&mut expr)?;
    Ok(expr)
}

/// Joins one more table by equality of columns.
fn join_table<'t>(
    scope: &mut Scope<'_>,
    rows: Vec<Row<'t>>,
    from: &From,
    join: &Join,
    table: &'t Table,
    clock: &Clock,
) -> Result<Vec<Row<'t>>, AdqlError> {
    let last = scope.tables.len() - 1;
    let keys = join_keys(scope, join, last)?;
    let mut by_key: HashMap<String, Vec<&'t [Value]>> = HashMap::new();
    for row in &table.rows {
        let key = key_of(keys.iter().map(|key| row.get(key.right)));
        by_key.entry(key).or_default().push(row);
    }
    let mut joined = Vec::new();
    for (n, row) in rows.into_iter().enumerate() {
        clock.look(n)?;
        let left = keys.iter().map(|key| {
            row.get(key.source)
                .copied()
                .flatten()
                .and_then(|part| part.get(key.left))
        });
        let key = key_of(left.clone());
        let is_null = left
            .into_iter()
            .any(|value| value.is_none_or(|value| *value == Value::Null));
        let found = if is_null { None } else { by_key.get(&key) };
        for part in found.into_iter().flatten() {
            joined.push([row.clone(), vec![Some(*part)]].concat());
        }
        if found.is_none() && join.is_left {
            joined.push([row, vec![None]].concat());
        }
        if joined.len() > MAX_JOINED_ROWS {
            return Err(AdqlError::Bounded(format!(
                "joining `{}` gives more than {MAX_JOINED_ROWS} rows",
                from.alias
            )));
        }
    }
    Ok(joined)
}

struct Key {
    source: usize,
    left: usize,
    right: usize,
}

fn key_of<'v>(values: impl Iterator<Item = Option<&'v Value>>) -> String {
    values
        .map(|value| value.map(Value::key).unwrap_or_default() + "\u{1f}")
        .collect()
}

fn join_keys(scope: &mut Scope<'_>, join: &Join, last: usize) -> Result<Vec<Key>, AdqlError> {
    let names = match &join.on {
        On::Expr(expr) => {
            let mut keys = Vec::new();
            equalities(&bound(scope, expr)?, last, &mut keys)?;
            return Ok(keys);
        }
        On::Using(names) => names.clone(),
        On::Natural => common_names(scope, last),
    };
    let mut keys = Vec::new();
    for name in names {
        let right = scope.tables[last].position(&name);
        let left = scope.tables[..last]
            .iter()
            .enumerate()
            .find_map(|(n, named)| Some((n, named.position(&name)?)));
        let ((source, left), right) = left.zip(right).ok_or(AdqlError::Unresolved(name))?;
        scope.tables[last].hidden.push(right);
        keys.push(Key {
            source,
            left,
            right,
        });
    }
    if keys.is_empty() {
        return Err(AdqlError::NotUnderstood(
            "the joined tables have no column in common".to_owned(),
        ));
    }
    Ok(keys)
}

fn common_names(scope: &Scope<'_>, last: usize) -> Vec<String> {
    let before = &scope.tables[..last];
    let is_before = |name: &str| before.iter().any(|named| named.position(name).is_some());
    let columns = scope.tables[last].columns.iter();
    columns
        .map(|column| column.name.clone())
        .filter(|name| is_before(name))
        .collect()
}

fn equalities(expr: &Expr, last: usize, keys: &mut Vec<Key>) -> Result<(), AdqlError> {
    match expr {
        Expr::Binary(Operator::And, left, right) => {
            equalities(left, last, keys)?;
            return equalities(right, last, keys);
        }
        Expr::Binary(Operator::Equal, left, right) => {
            if let (
                Expr::At {
                    source: a,
                    column: x,
                },
                Expr::At {
                    source: b,
                    column: y,
                },
            ) = (&**left, &**right)
            {
                if *b == last && *a != last {
                    keys.push(Key {
                        source: *a,
                        left: *x,
                        right: *y,
                    });
                    return Ok(());
                }
                if *a == last && *b != last {
                    keys.push(Key {
                        source: *b,
                        left: *y,
                        right: *x,
                    });
                    return Ok(());
                }
            }
        }
        _ => {}
    }
    Err(AdqlError::NotUnderstood(
        "JOIN … ON takes equalities of columns of both tables, with AND".to_owned(),
    ))
}

/// The columns of the answer: each with the expression that gives it.
fn outputs(query: &Query, scope: &Scope<'_>) -> Result<Vec<(Column, Expr)>, AdqlError> {
    let mut outputs = Vec::new();
    for item in &query.items {
        match item {
            Item::All(of) => all_of(scope, of.as_deref(), &mut outputs)?,
            Item::Value { expr, alias } => {
                let name = match (alias, expr) {
                    (Some(alias), _) => alias.clone(),
                    (None, Expr::Name(path)) => path.last().cloned().unwrap_or_default(),
                    (None, expr) => unnamed(expr, outputs.len()),
                };
                let expr = bound(scope, expr)?;
                let column = match &expr {
                    Expr::At { source, column } => scope.column(*source, *column).cloned(),
                    _ => None,
                };
                let column = column.unwrap_or_else(|| Column::new("", scope.kind(&expr)));
                outputs.push((Column { name, ..column }, expr));
            }
        }
    }
    let mut names = HashSet::new();
    for (column, _) in &mut outputs {
        while !names.insert(column.name.to_lowercase()) {
            column.name.push_str("_2");
        }
    }
    Ok(outputs)
}

fn unnamed(expr: &Expr, n: usize) -> String {
    match expr {
        Expr::Aggregate { kind, .. } => format!("{kind:?}").to_uppercase(),
        Expr::Call { name, .. } => name.clone(),
        Expr::Distance { .. } => "DISTANCE".to_owned(),
        _ => format!("col_{}", n + 1),
    }
}

fn all_of(
    scope: &Scope<'_>,
    of: Option<&str>,
    outputs: &mut Vec<(Column, Expr)>,
) -> Result<(), AdqlError> {
    let n_before = outputs.len();
    for (source, named) in scope.tables.iter().enumerate() {
        if of.is_some_and(|of| !of.eq_ignore_ascii_case(&named.alias)) {
            continue;
        }
        for (n, column) in named.columns.iter().enumerate() {
            if !named.hidden.contains(&n) {
                outputs.push((column.clone(), Expr::At { source, column: n }));
            }
        }
    }
    match of {
        Some(of) if outputs.len() == n_before => Err(AdqlError::Unresolved(format!("{of}.*"))),
        _ => Ok(()),
    }
}

/// An expression of ORDER BY or GROUP BY, which may also be a place or a name of the answer.
fn output_or_bound(
    scope: &Scope<'_>,
    outputs: &[(Column, Expr)],
    expr: &Expr,
) -> Result<Expr, AdqlError> {
    match expr {
        Expr::Literal(Value::Int(n)) => {
            let place = usize::try_from(*n)
                .ok()
                .and_then(|n| outputs.get(n.wrapping_sub(1)));
            return place
                .map(|(_, expr)| expr.clone())
                .ok_or_else(|| AdqlError::Unresolved(n.to_string()));
        }
        Expr::Name(path) if path.len() == 1 => {
            let named = outputs
                .iter()
                .find(|(column, _)| column.name.eq_ignore_ascii_case(&path[0]));
            if let Some((_, expr)) = named {
                return Ok(expr.clone());
            }
        }
        _ => {}
    }
    bound(scope, expr)
}

fn project(
    query: &Query,
    scope: &Scope<'_>,
    rows: &[Row<'_>],
    clock: &Clock,
) -> Result<Table, AdqlError> {
    let outputs = outputs(query, scope)?;
    let order: Vec<(Expr, bool)> = query
        .order
        .iter()
        .map(|order| {
            Ok((
                output_or_bound(scope, &outputs, &order.expr)?,
                order.is_descending,
            ))
        })
        .collect::<Result<_, AdqlError>>()?;
    let groups: Vec<Expr> = query
        .groups
        .iter()
        .map(|expr| output_or_bound(scope, &outputs, expr))
        .collect::<Result<_, _>>()?;
    let having = query
        .having
        .as_ref()
        .map(|expr| bound(scope, expr))
        .transpose()?;
    let is_grouped = !groups.is_empty()
        || having.is_some()
        || outputs.iter().any(|(_, expr)| expr.has_aggregate())
        || order.iter().any(|(expr, _)| expr.has_aggregate());
    let grouped;
    let places: Vec<Place<'_, '_>> = if is_grouped {
        let all = outputs
            .iter()
            .map(|(_, expr)| expr)
            .chain(order.iter().map(|(expr, _)| expr))
            .chain(&having);
        all.into_iter()
            .try_for_each(|expr| check_grouped(scope, expr, &groups))?;
        grouped = into_groups(rows, &groups, clock)?;
        grouped.iter().map(|group| Place::group(group)).collect()
    } else {
        rows.iter().map(Place::row).collect()
    };
    let mut made: Vec<(Vec<Value>, Vec<Value>)> = Vec::new();
    let mut seen = HashSet::new();
    // Without an order the rows that are asked for are enough.
    let enough = query
        .top
        .filter(|_| order.is_empty())
        .map(|top| top.saturating_add(query.offset));
    for (n, place) in places.iter().enumerate() {
        clock.look(n)?;
        if enough.is_some_and(|enough| made.len() >= enough) {
            break;
        }
        if let Some(having) = &having
            && place.value(having)?.truth() != Some(true)
        {
            continue;
        }
        let row: Vec<Value> = outputs
            .iter()
            .map(|(_, expr)| place.value(expr))
            .collect::<Result<_, _>>()?;
        if query.distinct && !seen.insert(key_of(row.iter().map(Some))) {
            continue;
        }
        let keys = order
            .iter()
            .map(|(expr, _)| place.value(expr))
            .collect::<Result<_, _>>()?;
        made.push((keys, row));
    }
    sort(&mut made, &order);
    let rows = made
        .into_iter()
        .map(|(_, row)| row)
        .skip(query.offset)
        .take(query.top.unwrap_or(usize::MAX));
    Ok(Table {
        rows: rows.collect(),
        columns: outputs.into_iter().map(|(column, _)| column).collect(),
    })
}

fn sort(made: &mut [(Vec<Value>, Vec<Value>)], order: &[(Expr, bool)]) {
    made.sort_by(|(a, _), (b, _)| {
        let places = a.iter().zip(b).zip(order);
        let mut orders = places.map(|((a, b), (_, is_descending))| {
            let order = a.sort_order(b);
            if *is_descending {
                order.reverse()
            } else {
                order
            }
        });
        orders
            .find(|order| order.is_ne())
            .unwrap_or(std::cmp::Ordering::Equal)
    });
}

fn into_groups<'t>(
    rows: &[Row<'t>],
    groups: &[Expr],
    clock: &Clock,
) -> Result<Vec<Vec<Row<'t>>>, AdqlError> {
    if groups.is_empty() {
        return Ok(vec![rows.to_vec()]);
    }
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut grouped: Vec<Vec<Row<'t>>> = Vec::new();
    for (n, row) in rows.iter().enumerate() {
        clock.look(n)?;
        let values: Vec<Value> = groups
            .iter()
            .map(|expr| Place::row(row).value(expr))
            .collect::<Result<_, _>>()?;
        let place = *places
            .entry(key_of(values.iter().map(Some)))
            .or_insert_with(|| {
                grouped.push(Vec::new());
                grouped.len() - 1
            });
        grouped[place].push(row.clone());
    }
    Ok(grouped)
}
