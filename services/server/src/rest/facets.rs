//! The values of one facet field over REST: all of them, those that hold a text, and how they are spread.

use axum::Json;
use axum::extract::State;
use gantry_asset::{FacetField, FacetOrder, vocabulary};
use gantry_search::{FacetCount, Query};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::extract::{FromPath, FromQuery, once, read_query};
use crate::format::encode;
use crate::problem::{BAD_REQUEST, Problem};
use crate::rest::blocking;
use crate::search_query::SearchParams;
use crate::views::facet_text;

/// Up to so many values each has a bar of its own.
const BARS: usize = 40;

/// So many bars there are where there are more values.
const BINS: usize = 20;

/// The path of a facet field.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct FieldPath {
    /// The field's name.
    pub(crate) field: String,
}

/// Which values of a field.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct FieldParams {
    /// Part of the value, or of what people read for it.
    #[serde(deserialize_with = "once")]
    pub(crate) q: Option<String>,
    /// How many, 1 to 1000; 100 by default.
    #[serde(deserialize_with = "once")]
    limit: Option<u32>,
    /// Where the page before ended; take `next` as it is.
    #[serde(deserialize_with = "once")]
    pub(crate) after: Option<String>,
    /// Counted are the results of this search, written as in its own address: `q=planck&facet=band/100 GHz`; all assets
    /// without.
    #[serde(deserialize_with = "once")]
    pub(crate) search: Option<String>,
}

/// The values of a field.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FieldView {
    /// The field.
    #[schema(example = "band")]
    pub(crate) field: String,
    /// Its name for people.
    #[schema(example = "Band")]
    pub(crate) label: String,
    /// How many values there are.
    pub(crate) total: usize,
    /// This page of them.
    #[schema(value_type = Vec<Object>)]
    pub(crate) values: Vec<FacetCount>,
    /// How numbers and dates are spread, in their order; null for other fields.
    pub(crate) histogram: Option<Vec<Bar>>,
    /// The relative address of the next page.
    pub(crate) next: Option<String>,
}

/// Some values that lie beside each other.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Bar {
    /// What people read.
    #[schema(example = "2010 – 2014")]
    pub(crate) label: String,
    /// The facet that selects them.
    #[schema(example = "year/2010..2014")]
    pub(crate) facet: String,
    /// The sum of their counts.
    pub(crate) count: u64,
}

/// More values of a facet field, those that hold a text; numbers and dates as a histogram too.
#[utoipa::path(get, path = "/api/v1/facets/{field}", tag = "assets", operation_id = "listFacetValues", params(FieldPath, FieldParams),
    responses((status = 200, description = "its values", body = FieldView), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn list_facet_values(
    State(app): State<App>,
    FromPath(path): FromPath<FieldPath>,
    FromQuery(params): FromQuery<FieldParams>,
) -> Result<Json<FieldView>, Problem> {
    values(&app, &path.field, &params).await.map(Json)
}

impl FieldParams {
    /// The search that is counted in.
    pub(crate) fn search(&self) -> Result<SearchParams, Problem> {
        let text = self.search.as_deref().unwrap_or_default();
        read_query(text).map_err(|problem| {
            Problem::new(&BAD_REQUEST, format!("search=`{text}`: {}", problem.detail))
        })
    }

    fn n_values(&self) -> Result<usize, Problem> {
        match self.limit {
            None => Ok(100),
            Some(n @ 1..=1000) => Ok(n as usize),
            Some(n) => Err(Problem::new(
                &BAD_REQUEST,
                format!("limit=`{n}`: allowed is 1 to 1000"),
            )),
        }
    }

    fn first(&self) -> Result<usize, Problem> {
        let Some(after) = &self.after else {
            return Ok(0);
        };
        after.parse().map_err(|_| {
            Problem::new(
                &BAD_REQUEST,
                format!("after=`{after}`: take `next` of the page before as it is"),
            )
        })
    }

    /// The address of the page that begins with a value.
    pub(crate) fn page_from(&self, route: &str, first: usize) -> String {
        let mut text = format!("{route}?after={first}");
        if let Some(limit) = self.limit {
            text.push_str(&format!("&limit={limit}"));
        }
        for (name, value) in [("q", &self.q), ("search", &self.search)] {
            if let Some(value) = value {
                text.push_str(&format!("&{name}={}", encode(value)));
            }
        }
        text
    }
}

/// The values of a field that are asked for.
pub(crate) async fn values(
    app: &App,
    name: &str,
    params: &FieldParams,
) -> Result<FieldView, Problem> {
    let field = vocabulary()
        .field(name)
        .ok_or_else(|| Problem::not_found("facet field", name))?;
    let (first, limit) = (params.first()?, params.n_values()?);
    let query = Query {
        limit: 0,
        ..params.search()?.query()?
    };
    let contains = params.q.clone();
    let found = blocking(app, move |app| {
        let contains = contains.as_deref();
        app.index
            .facet_values(&field.name, &query, contains, usize::MAX)
    });
    let mut all = found.await??;
    let (total, histogram) = (all.len(), histogram(field, &all));
    let end = first.saturating_add(limit);
    all.truncate(end);
    Ok(FieldView {
        field: field.name.clone(),
        label: field.label.clone(),
        total,
        values: all.split_off(first.min(all.len())),
        histogram,
        next: (end < total)
            .then(|| params.page_from(&app.at(&format!("/api/v1/facets/{name}")), end)),
    })
}

/// How the values of a field with an order of its own are spread: a bar for each, or for some that lie beside each
/// other where there are many. Whole numbers that nothing has are there too, so that a gap is seen.
fn histogram(field: &FacetField, values: &[FacetCount]) -> Option<Vec<Bar>> {
    if field.order == FacetOrder::Count {
        return None;
    }
    let bar = |value: &FacetCount| Bar {
        label: value.label.clone(),
        facet: facet_text(&field.name, &value.path),
        count: value.count,
    };
    let whole: Option<Vec<i64>> = values.iter().map(|value| value.path.parse().ok()).collect();
    let whole = whole.filter(|all| field.order == FacetOrder::Number && !all.is_empty());
    let bounds = whole.and_then(|all| Some((*all.iter().min()?, *all.iter().max()?)));
    if let Some((low, high)) = bounds {
        return Some(of_whole(field, values, low, high));
    }
    if values.len() <= BARS || field.order == FacetOrder::Date {
        return Some(values.iter().map(bar).collect());
    }
    let several = |values: &[FacetCount]| {
        let (first, last) = (values.first()?, values.last()?);
        let bound = |path| {
            if field.units.is_empty() {
                number_of(path)
            } else {
                path
            }
        };
        let range = format!("{}..{}", bound(&first.path), bound(&last.path));
        Some(Bar {
            label: format!("{} – {}", first.label, last.label),
            facet: facet_text(&field.name, &range),
            count: values.iter().map(|value| value.count).sum(),
        })
    };
    // Values of one number, `1 d` and `24 h`, stay together, since a range cannot tell them apart.
    let mut bars = Vec::new();
    let mut rest = values;
    let width = values.len().div_ceil(BINS);
    while !rest.is_empty() {
        let mut end = width.min(rest.len());
        let place = |at: usize| field.place(&rest[at].path);
        while end < rest.len() && place(end) == place(end - 1) {
            end += 1;
        }
        let (here, after) = rest.split_at(end);
        bars.extend(several(here));
        rest = after;
    }
    Some(bars)
}

/// Bars of equal width over whole numbers.
fn of_whole(field: &FacetField, values: &[FacetCount], low: i64, high: i64) -> Vec<Bar> {
    let n_numbers = high.abs_diff(low).saturating_add(1);
    // A few numbers far apart, such as 1 and 2048, are no axis.
    if n_numbers > BARS as u64 && values.len() <= BARS / 2 {
        let of = |value: &FacetCount| Bar {
            label: value.label.clone(),
            facet: facet_text(&field.name, &value.path),
            count: value.count,
        };
        return values.iter().map(of).collect();
    }
    let width = match n_numbers <= BARS as u64 {
        true => 1,
        false => n_numbers.div_ceil(BINS as u64),
    };
    let mut counts = vec![0; usize::try_from(n_numbers.div_ceil(width)).unwrap_or(BARS)];
    for value in values {
        let number: i64 = value.path.parse().unwrap_or(low);
        let at = usize::try_from(number.abs_diff(low) / width).unwrap_or(usize::MAX);
        if let Some(count) = counts.get_mut(at) {
            *count += value.count;
        }
    }
    let bar = |(at, count): (u64, u64)| {
        let first = low.saturating_add_unsigned(at * width);
        let last = first.saturating_add_unsigned(width - 1).min(high);
        let (label, path) = match first == last {
            true => (first.to_string(), first.to_string()),
            false => (format!("{first} – {last}"), format!("{first}..{last}")),
        };
        Bar {
            label,
            facet: facet_text(&field.name, &path),
            count,
        }
    };
    (0..).zip(counts).map(bar).collect()
}

/// The number a value begins with, as it is written.
fn number_of(path: &str) -> &str {
    let end = path.find(|c: char| !c.is_ascii_digit() && c != '.');
    &path[..end.unwrap_or(path.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(values: &[(&str, u64)]) -> Vec<FacetCount> {
        let value = |(path, count): &(&str, u64)| FacetCount {
            path: (*path).to_owned(),
            label: (*path).to_owned(),
            count: *count,
            selected: false,
        };
        values.iter().map(value).collect()
    }

    fn bars(field: &str, values: &[FacetCount]) -> Vec<(String, u64)> {
        let field = vocabulary().field(field).unwrap();
        let bars = histogram(field, values).unwrap();
        bars.into_iter().map(|bar| (bar.facet, bar.count)).collect()
    }

    fn expected(bars: &[(&str, u64)]) -> Vec<(String, u64)> {
        let own = |(facet, count): &(&str, u64)| ((*facet).to_owned(), *count);
        bars.iter().map(own).collect()
    }

    #[test]
    fn years_without_anything_are_bars_of_nothing() {
        let few = bars("year", &counted(&[("2019", 3), ("2022", 1)]));
        assert_eq!(
            few,
            expected(&[
                ("year/2019", 3),
                ("year/2020", 0),
                ("year/2021", 0),
                ("year/2022", 1)
            ])
        );
    }

    #[test]
    fn many_numbers_are_put_together_and_each_counts_once() {
        let years: Vec<(String, u64)> = (1950..2025).map(|year| (year.to_string(), 1)).collect();
        let years: Vec<(&str, u64)> = years.iter().map(|(year, n)| (year.as_str(), *n)).collect();
        let bars_of_years = bars("year", &counted(&years));
        assert_eq!(
            bars_of_years.first(),
            expected(&[("year/1950..1953", 4)]).first()
        );
        assert_eq!(
            bars_of_years.last(),
            expected(&[("year/2022..2024", 3)]).first()
        );
        assert_eq!(bars_of_years.iter().map(|(_, n)| n).sum::<u64>(), 75);

        let bands: Vec<(String, u64)> = (0..100).map(|n| (format!("{}.5 GHz", n + 1), 2)).collect();
        let bands: Vec<(&str, u64)> = bands.iter().map(|(band, n)| (band.as_str(), *n)).collect();
        let bars_of_bands = bars("band", &counted(&bands));
        assert_eq!(bars_of_bands.len(), BINS);
        assert_eq!(
            bars_of_bands.first(),
            expected(&[("band/1.5..5.5", 10)]).first()
        );
    }

    #[test]
    fn few_numbers_far_apart_and_releases_have_a_bar_each() {
        let nside = [("128", 1), ("2048", 9)];
        assert_eq!(
            bars("nside", &counted(&nside)),
            expected(&[("nside/128", 1), ("nside/2048", 9)])
        );
        let releases = [("PR1", 1), ("DR3", 4)];
        assert_eq!(
            bars("release", &counted(&releases)),
            expected(&[("release/PR1", 1), ("release/DR3", 4)])
        );
        assert_eq!(histogram(vocabulary().field("tag").unwrap(), &[]), None);
    }
}
