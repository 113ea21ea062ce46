//! The lab catalogue over REST.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use gantry_labs::{Lab, Opens};
use gantry_staging::members;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;

use crate::app::App;
use crate::extract::{FromPath, FromQuery, once};
use crate::identity::Caller;
use crate::problem::{BAD_REQUEST, Problem};
use crate::rest::selections::SelectionPath;

/// Of so many products of a selection the files are looked at.
const LOOKED_AT: u32 = 1_000;

/// Which labs.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LabParams {
    /// Those that open files of this selection, the best first.
    #[serde(deserialize_with = "once")]
    selection: Option<String>,
    /// Those that open files of these media types.
    #[param(explode = true)]
    media_type: Vec<String>,
}

/// The lab catalogue, or the labs that open a selection.
#[utoipa::path(get, path = "/api/v1/labs", tag = "labs", operation_id = "listLabs", params(LabParams),
    responses((status = 200, description = "what can be launched; `available` is whether it can be here, `why_not` says what to do", body = Object), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn list_labs(
    State(app): State<App>,
    caller: Option<Caller>,
    FromQuery(params): FromQuery<LabParams>,
) -> Result<Json<Value>, Problem> {
    let labs: Vec<Value> = match asked(&app, caller.as_ref(), &params).await? {
        Some(n_files) => app
            .labs
            .catalogue()
            .opening(&n_files)
            .into_iter()
            .map(|(lab, opens)| lab_json(&app, lab, Some(opens)))
            .collect(),
        None => {
            let labs = app.labs.catalogue().iter();
            labs.map(|lab| lab_json(&app, lab, None)).collect()
        }
    };
    Ok(Json(json!({"labs": labs, "next": null})))
}

/// The media types that are asked about, each with how many files there are of it; `None` when nothing is asked.
async fn asked(
    app: &App,
    caller: Option<&Caller>,
    params: &LabParams,
) -> Result<Option<BTreeMap<String, u64>>, Problem> {
    match (&params.selection, params.media_type.as_slice()) {
        (None, []) => Ok(None),
        (Some(id), []) => {
            let path = SelectionPath { id: id.clone() };
            let selection = path.selection(app, caller).await?;
            Ok(Some(media_types(app, &selection.id).await?))
        }
        (None, types) => {
            if let Some(odd) = types.iter().find(|name| !name.contains('/')) {
                let why = format!("media_type=`{odd}` is no media type such as `application/fits`");
                return Err(Problem::new(&BAD_REQUEST, why));
            }
            Ok(Some(types.iter().map(|name| (name.clone(), 1)).collect()))
        }
        (Some(_), _) => Err(Problem::new(
            &BAD_REQUEST,
            "ask either for a `selection` or for `media_type`s",
        )),
    }
}

/// How many files of each media type a selection has, by its first thousand products.
pub(crate) async fn media_types(
    app: &App,
    selection: &str,
) -> Result<BTreeMap<String, u64>, Problem> {
    let mut n_files = BTreeMap::new();
    for (_, record) in members(&app.store, selection, 0, LOOKED_AT).await? {
        for file in record.asset.files {
            *n_files.entry(file.media_type).or_default() += 1;
        }
    }
    Ok(n_files)
}

fn lab_json(app: &App, lab: &Lab, opens: Option<Opens>) -> Value {
    let why_not = app.labs.why_not(lab);
    let mut value = json!({
        "id": lab.id(), "namespace": lab.namespace, "name": lab.name, "version": lab.version, "title": lab.title,
        "description": lab.description, "icon": lab.icon, "domain": lab.domain, "kind": lab.kind,
        "media_types": lab.media_types, "login_hint": lab.login_hint, "programs": lab.programs, "options": lab.options,
        "resources": lab.resources, "available": why_not.is_none(), "why_not": why_not,
    });
    if let Some(opens) = opens {
        value["opens"] = json!(opens);
    }
    value
}

/// The path of a lab.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct LabPath {
    /// Whose it is.
    pub(crate) namespace: String,
    /// Its name, with or without `:version`.
    pub(crate) name: String,
}

impl LabPath {
    pub(crate) fn lab<'a>(&self, app: &'a App) -> Result<&'a Lab, Problem> {
        let asked = format!("{}/{}", self.namespace, self.name);
        Ok(app.labs.catalogue().lab(&asked)?)
    }
}

/// One lab.
#[utoipa::path(get, path = "/api/v1/labs/{namespace}/{name}", tag = "labs", operation_id = "showLab", params(LabPath),
    responses((status = 200, description = "the lab", body = Object), (status = "4XX", description = "a problem", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn show_lab(
    State(app): State<App>,
    FromPath(path): FromPath<LabPath>,
) -> Result<Json<Value>, Problem> {
    let lab = path.lab(&app)?;
    Ok(Json(lab_json(&app, lab, None)))
}
