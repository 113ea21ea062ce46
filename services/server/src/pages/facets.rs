//! The page of a facet field: all its values among the results of a search.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::chosen::{address, toggled};
use super::page;
use super::search_facets::{FacetValue, depth_of};
use super::shell::{Link, Pair, Shell};
use crate::app::App;
use crate::extract::{FromPath, FromQuery};
use crate::format;
use crate::identity::Caller;
use crate::problem::Problem;
use crate::rest::facets::{Bar, FieldParams, FieldPath, values};
use crate::search_query::SearchParams;
use crate::words::{filters, t, tn};

#[derive(Template)]
#[template(path = "facet.html")]
struct FacetPage {
    shell: Shell,
    field: String,
    label: String,
    q: String,
    keep: Vec<Pair>,
    back: String,
    total: String,
    bars: Vec<FacetValue>,
    values: Vec<FacetValue>,
    first_href: Option<String>,
    next: Option<Link>,
}

pub(crate) async fn show(
    State(app): State<App>,
    caller: Option<Caller>,
    FromPath(path): FromPath<FieldPath>,
    FromQuery(params): FromQuery<FieldParams>,
) -> Result<Response, Problem> {
    let search = params.search()?;
    let found = values(&app, &path.field, &params).await?;
    let route = format!("/facets/{}", found.field);
    let most = |counts: &mut dyn Iterator<Item = u64>| counts.max().unwrap_or(1).max(1);
    let bars = found.histogram.unwrap_or_default();
    let (most_of_bars, most_of_values) = (
        most(&mut bars.iter().map(|bar| bar.count)),
        most(&mut found.values.iter().map(|value| value.count)),
    );
    let value = |value: &gantry_search::FacetCount| {
        let text = crate::views::facet_text(&found.field, &value.path);
        FacetValue {
            label: value.label.clone(),
            count: format::count(value.count),
            selected: value.selected,
            href: toggled(&search, &text, value.selected),
            share: format::percent(value.count, most_of_values),
            depth: depth_of(&value.path),
        }
    };
    let next = found.next.as_deref().and_then(next_first);
    page(&FacetPage {
        shell: Shell::new(&app, caller.as_ref(), "search", found.label.clone()).await?,
        q: params.q.clone().unwrap_or_default(),
        keep: params
            .search
            .iter()
            .map(|search| Pair::new("search", search.clone()))
            .collect(),
        back: address(&search),
        total: tn("{n} value", "{n} values", found.total).into(),
        bars: bars
            .iter()
            .map(|one| bar(&search, one, most_of_bars))
            .collect(),
        values: found.values.iter().map(value).collect(),
        first_href: params.after.is_some().then(|| params.page_from(&route, 0)),
        next: next.map(|first| Link::new(t("More values"), params.page_from(&route, first))),
        label: found.label,
        field: found.field,
    })
}

/// The place at which the next page begins.
fn next_first(next: &str) -> Option<usize> {
    let (_, rest) = next.split_once("after=")?;
    rest.split('&').next()?.parse().ok()
}

fn bar(search: &SearchParams, bar: &Bar, most: u64) -> FacetValue {
    let selected = search.facet.contains(&bar.facet);
    FacetValue {
        label: bar.label.clone(),
        count: format::count(bar.count),
        selected,
        href: toggled(search, &bar.facet, selected),
        share: format::percent(bar.count, most),
        depth: 0,
    }
}
