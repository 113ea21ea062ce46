//! Preferences and sets: what a request wishes, and the products there are for it.
//!
//! The rules are staging's; the index knows which products cover a day, and the connector when they are due.

use std::collections::BTreeSet;

use chrono::Utc;
use gantry_asset::{AssetId, Day, DayRange, FacetPath};
use gantry_connector_gssc::products;
use gantry_search::Query;
use gantry_staging::{Candidate, Draft, Knowledge, MAX_ASSETS, Prefer, Sets, With, candidates};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::app::App;
use crate::problem::{BAD_REQUEST, Problem, TOO_MANY_ASSETS};
use crate::select::Take;

/// How many days are looked up at once.
const DAYS: i32 = 31;

/// What is wished beside what is taken.
#[derive(Default)]
pub(crate) struct Wishes {
    prefer: Option<Prefer>,
    with: Option<With>,
}

impl Wishes {
    /// The wishes of a request, each checked.
    pub(crate) fn of(take: &Take) -> Result<Self, Problem> {
        let prefer: Option<Prefer> = read("prefer", take.prefer.as_ref())?;
        let with: Option<With> = read("with", take.with.as_ref())?;
        prefer.iter().try_for_each(Prefer::check)?;
        with.iter().try_for_each(With::check)?;
        Ok(Self { prefer, with })
    }

    /// Leaves out of a draft what is not preferred, and adds the products that belong to it.
    pub(crate) async fn fulfil(&self, app: &App, draft: &mut Draft) -> Result<(), Problem> {
        if let Some(prefer) = &self.prefer {
            draft.prefer(prefer);
        }
        let Some(with) = &self.with else {
            return Ok(());
        };
        let days = draft.nominal_days()?;
        let antennas = match with.antenna {
            true => find(app, &[("content", "ANTEX")], None).await?,
            false => Vec::new(),
        };
        let known = Knowledge {
            due_after: products::due_after,
            antenna_family: products::antenna_family,
        };
        let mut sets = Sets::new(with, known, &days, &antennas, Utc::now());
        for run in runs(&days) {
            sets.add(&run, &around(app, with, &run).await?);
        }
        Ok(draft.add(&app.store, sets.chosen()).await?)
    }
}

fn read<T: DeserializeOwned>(name: &str, value: Option<&Value>) -> Result<Option<T>, Problem> {
    let Some(value) = value else {
        return Ok(None);
    };
    let wrong = |why: String| Problem::new(&BAD_REQUEST, format!("`{name}`: {why}"));
    if !value.is_object() {
        return Err(wrong(
            "write it as an object, `{}` for what is usual".to_owned(),
        ));
    }
    let read = T::deserialize(value).map_err(|error| wrong(error.to_string()));
    read.map(Some)
}

/// Days in groups, none longer than a month.
fn runs(days: &BTreeSet<Day>) -> Vec<Vec<Day>> {
    let mut runs: Vec<Vec<Day>> = Vec::new();
    for day in days {
        match runs.last_mut() {
            Some(run)
                if run
                    .first()
                    .is_some_and(|first| day.number() - first.number() < DAYS) =>
            {
                run.push(*day);
            }
            _ => runs.push(vec![*day]),
        }
    }
    runs
}

/// All that may be taken for some days: products with their margin, merged navigation messages.
async fn around(app: &App, with: &With, run: &[Day]) -> Result<Vec<Candidate>, Problem> {
    let (Some(first), Some(last)) = (run.first(), run.last()) else {
        return Ok(Vec::new());
    };
    let margin = i32::try_from(with.margin_days).unwrap_or_default();
    let beside = |day: &Day, n: i32| Day::of_number(day.number() + n).unwrap_or(*day);
    let wide = DayRange {
        first: beside(first, -margin),
        last: beside(last, margin),
    };
    let mut found = Vec::new();
    if !with.content.is_empty() {
        let fields = [
            ("content", &with.content),
            ("latency", &with.latency),
            ("analysis_centre", &with.analysis_centre),
        ];
        let facets: Vec<(&str, &str)> = fields
            .iter()
            .flat_map(|(field, values)| values.iter().map(|value| (*field, value.as_str())))
            .collect();
        found = find(app, &facets, Some(wide)).await?;
    }
    if with.nav.is_some() {
        let (first, last) = (*first, *last);
        let facets = [("content", "NAV"), ("tag", "BRDC")];
        found.extend(find(app, &facets, Some(DayRange { first, last })).await?);
    }
    Ok(found)
}

/// The candidates that have these facets and cover one of these days.
async fn find(
    app: &App,
    facets: &[(&str, &str)],
    days: Option<DayRange>,
) -> Result<Vec<Candidate>, Problem> {
    let facet = |(field, path): &(&str, &str)| FacetPath {
        field: (*field).to_owned(),
        path: (*path).to_owned(),
    };
    let query = Query {
        facets: facets.iter().map(facet).collect(),
        days,
        ..Query::default()
    };
    let max = usize::try_from(MAX_ASSETS).unwrap_or(usize::MAX);
    let found = crate::rest::blocking(app, move |app| app.index.resolve(&query, max + 1)).await??;
    if found.len() > max {
        return Err(Problem::new(
            &TOO_MANY_ASSETS,
            format!("more than {MAX_ASSETS} products could be taken; name centres in `with`"),
        ));
    }
    let ids: Vec<AssetId> = found.into_iter().map(|found| found.id).collect();
    Ok(candidates(&app.store, &ids).await?)
}
