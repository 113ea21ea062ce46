//! What the forms with the two buttons do.

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use gantry_asset::{Day, NoDay};
use serde::Deserialize;

use crate::app::App;
use crate::extract::{FromForm, once};
use crate::format;
use crate::identity::Caller;
use crate::problem::{BAD_REQUEST, Problem, UNPROCESSABLE};
use crate::rest::datalabs::{OpenInNotebook, open};
use crate::rest::staging_jobs::{AddToVolume, start_staging};
use crate::select::{Take, TakeSearch, selection_of};

/// The form of the two buttons.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct SelectionForm {
    #[serde(deserialize_with = "once")]
    csrf: Option<String>,
    asset: Vec<String>,
    #[serde(deserialize_with = "once")]
    selection: Option<String>,
    /// The query string of a search, counted only with `all`.
    #[serde(deserialize_with = "once")]
    search: Option<String>,
    #[serde(deserialize_with = "once")]
    all: Option<String>,
    #[serde(deserialize_with = "once")]
    volume: Option<String>,
    #[serde(deserialize_with = "once")]
    lab: Option<String>,
    #[serde(deserialize_with = "once")]
    action: Option<String>,
    /// Of a series: from which day, and to which, on.
    #[serde(deserialize_with = "once")]
    days_from: Option<String>,
    #[serde(deserialize_with = "once")]
    days_to: Option<String>,
    /// Of a table: the query.
    #[serde(deserialize_with = "once")]
    adql: Option<String>,
    /// Of a kind of product: which sources, the kind, the release.
    #[serde(deserialize_with = "once")]
    sources: Option<String>,
    #[serde(deserialize_with = "once")]
    kind: Option<String>,
    #[serde(deserialize_with = "once")]
    release: Option<String>,
}

pub(crate) async fn selections(
    State(app): State<App>,
    caller: Option<Caller>,
    FromForm(form): FromForm<SelectionForm>,
) -> Result<Response, Problem> {
    let Some(caller) = caller else {
        return Ok(login_first(&form));
    };
    caller.check_form(form.csrf.as_deref())?;
    let user = caller.may("staging")?;
    let take = take(&form)?;
    match form.action.as_deref() {
        Some("open-in-notebook") => {
            caller.may("datalabs")?;
            let asked = OpenInNotebook {
                take,
                lab: form.lab,
                volume: form.volume,
                ..OpenInNotebook::default()
            };
            let (datalab, _) = open(&app, user, &asked).await?;
            Ok(Redirect::to(&format!("/datalabs/{}", datalab.id)).into_response())
        }
        Some("add-to-volume") => {
            let asked = AddToVolume {
                take,
                volume: form
                    .volume
                    .unwrap_or_else(|| gantry_staging::WORKSPACE.to_owned()),
                ..AddToVolume::default()
            };
            let job = start_staging(&app, user, &asked).await?;
            Ok(Redirect::to(&format!("/staging-jobs/{}", job.id)).into_response())
        }
        Some("view") => {
            let selection = selection_of(&app, Some(user), &take).await?;
            let volume = form
                .volume
                .map(|volume| format!("?volume={}", format::encode(&volume)))
                .unwrap_or_default();
            Ok(Redirect::to(&format!("/selections/{}{volume}", selection.id)).into_response())
        }
        _ => Err(Problem::new(
            &BAD_REQUEST,
            "the form says neither open-in-notebook nor add-to-volume nor view",
        )),
    }
}

/// Somebody who is not logged in comes back to the same question afterwards.
fn login_first(form: &SelectionForm) -> Response {
    let action = form
        .action
        .as_deref()
        .filter(|action| *action == "add-to-volume")
        .unwrap_or("open-in-notebook");
    let assets: Vec<String> = form
        .asset
        .iter()
        .map(|id| format!("asset={}", format::encode(id)))
        .collect();
    let next = if assets.is_empty() {
        "/".to_owned()
    } else {
        format!("/{action}?{}", assets.join("&"))
    };
    Redirect::to(&format!("/login?next={}", format::encode(&next))).into_response()
}

fn take(form: &SelectionForm) -> Result<Take, Problem> {
    if form.all.as_deref() == Some("1") {
        // The search for everything has nothing in its address.
        let text = form.search.as_deref().unwrap_or_default();
        let (mut facet, mut search) = (Vec::new(), serde_json::Map::new());
        for (name, value) in url::form_urlencoded::parse(text.as_bytes()) {
            match name.as_ref() {
                "facet" => facet.push(serde_json::Value::String(value.into_owned())),
                "sort" | "collapse" | "view" => {}
                "since" => drop(search.insert(name.into_owned(), value.parse::<u64>().ok().into())),
                name => drop(search.insert(
                    name.to_owned(),
                    serde_json::Value::String(value.into_owned()),
                )),
            }
        }
        search.insert("facet".to_owned(), serde_json::Value::Array(facet));
        let search =
            serde_json::from_value(serde_json::Value::Object(search)).map_err(|error| {
                Problem::new(&BAD_REQUEST, format!("the search cannot be read: {error}"))
            })?;
        return Ok(Take {
            search: Some(search),
            ..Take::default()
        });
    }
    if let Some(selection) = &form.selection {
        return Ok(Take {
            selection: Some(selection.clone()),
            ..Take::default()
        });
    }
    if form.asset.is_empty() {
        return Err(Problem::new(
            &UNPROCESSABLE,
            "nothing is marked; go back and mark what to take",
        ));
    }
    if let Some(take) = question(form)? {
        return Ok(take);
    }
    let days = days(form.days_from.as_deref(), form.days_to.as_deref())?;
    if let (Some(days), [series]) = (days, form.asset.as_slice()) {
        return Ok(Take {
            search: Some(TakeSearch::of_series(series, days)),
            ..Take::default()
        });
    }
    Ok(Take {
        assets: Some(form.asset.clone()),
        ..Take::default()
    })
}

/// What is asked of the archive of a table or of a kind of product.
fn question(form: &SelectionForm) -> Result<Option<Take>, Problem> {
    let [asset] = form.asset.as_slice() else {
        return Ok(None);
    };
    let archive = asset.split(':').next().unwrap_or_default().to_owned();
    if let Some(adql) = &form.adql {
        return Ok(Some(Take {
            adql: Some(adql.trim().to_owned()),
            archive: Some(archive),
            ..Take::default()
        }));
    }
    let (Some(sources), Some(kind)) = (&form.sources, &form.kind) else {
        return Ok(None);
    };
    let numbers = sources.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';'));
    let sources: Vec<&str> = numbers.filter(|number| !number.is_empty()).collect();
    let asked = serde_json::json!({
        "archive": archive, "release": form.release, "sources": sources, "types": [kind],
    });
    let datalink = serde_json::from_value(asked)
        .map_err(|error| Problem::new(&BAD_REQUEST, error.to_string()))?;
    Ok(Some(Take {
        datalink: Some(datalink),
        ..Take::default()
    }))
}

/// The range between two days, each of which may be left open.
fn days(from: Option<&str>, to: Option<&str>) -> Result<Option<String>, Problem> {
    let (from, to) = (day(from)?, day(to)?);
    if from.is_none() && to.is_none() {
        return Ok(None);
    }
    let or =
        |day: Option<Day>, open: &str| day.map_or_else(|| open.to_owned(), |day| day.to_string());
    Ok(Some(format!(
        "{}/{}",
        or(from, FIRST_DAY),
        or(to, LAST_DAY)
    )))
}

/// No archive has days before or after these.
const FIRST_DAY: &str = "1800-001";
const LAST_DAY: &str = "2999-365";

fn day(text: Option<&str>) -> Result<Option<Day>, Problem> {
    let text = text.map(str::trim).filter(|text| !text.is_empty());
    text.map(str::parse)
        .transpose()
        .map_err(|error: NoDay| Problem::new(&BAD_REQUEST, error.to_string()))
}
