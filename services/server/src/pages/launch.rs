//! What the form that launches a lab does, with products or without.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use gantry_labs::{LaunchRequest, VolumeRequest};
use serde::Deserialize;

use crate::app::App;
use crate::extract::{FromForm, once};
use crate::identity::Caller;
use crate::problem::{Problem, UNPROCESSABLE};
use crate::rest::datalabs::{OpenInNotebook, open};
use crate::select::Take;

/// The form that launches a lab, with products or without. Of the volumes each field has as many values as there are
/// rows, in the same order.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct LaunchForm {
    #[serde(deserialize_with = "once")]
    csrf: Option<String>,
    #[serde(deserialize_with = "once")]
    lab: Option<String>,
    #[serde(deserialize_with = "once")]
    name: Option<String>,
    #[serde(deserialize_with = "once")]
    selection: Option<String>,
    #[serde(deserialize_with = "once")]
    into: Option<String>,
    #[serde(deserialize_with = "once")]
    select_when_ready: Option<String>,
    #[serde(deserialize_with = "once")]
    auto_remove: Option<String>,
    #[serde(deserialize_with = "once")]
    time_limit_s: Option<u64>,
    #[serde(deserialize_with = "once")]
    env: Option<String>,
    option: Vec<String>,
    volume: Vec<String>,
    read_only: Vec<String>,
    row: Vec<String>,
    subpath: Vec<String>,
    mount_path: Vec<String>,
}

pub(crate) async fn launch(
    State(app): State<App>,
    caller: Caller,
    FromForm(form): FromForm<LaunchForm>,
) -> Result<Response, Problem> {
    caller.check_form(form.csrf.as_deref())?;
    let user = caller.may("datalabs")?;
    let request = LaunchRequest {
        lab: form.lab.clone().unwrap_or_default(),
        name: form.name.clone(),
        volumes: form.volumes(),
        env: form.env()?,
        select_when_ready: form.select_when_ready.is_some(),
        auto_remove: Some(form.auto_remove.is_some()),
        time_limit_s: form.time_limit_s,
        dry_run: false,
    };
    let datalab = match form.selection {
        Some(selection) => {
            caller.may("staging")?;
            let asked = OpenInNotebook {
                take: Take {
                    selection: Some(selection),
                    ..Take::default()
                },
                lab: Some(request.lab.clone()),
                volume: form.into,
                name: request.name.clone(),
                select_when_ready: Some(request.select_when_ready),
                auto_remove: request.auto_remove,
                launch: request,
            };
            open(&app, user, &asked).await?.0
        }
        None => {
            let datalab = app.labs.launch(user, request, None).await?;
            app.store
                .audit(Some(&user.id), "datalab.create", &datalab.id)
                .await?;
            datalab
        }
    };
    Ok(Redirect::to(&format!("/datalabs/{}", datalab.id)).into_response())
}

impl LaunchForm {
    /// The volumes whose boxes are ticked, each with the fields of its row.
    fn volumes(&self) -> Vec<VolumeRequest> {
        let field = |of: &[String], name: &str| {
            let at = self.row.iter().position(|row| row == name)?;
            let value = of.get(at)?.trim();
            (!value.is_empty()).then(|| value.to_owned())
        };
        let chosen = self.volume.iter();
        chosen
            .map(|name| VolumeRequest {
                subpath: field(&self.subpath, name),
                mount_path: field(&self.mount_path, name),
                read_only: self.read_only.contains(name),
                name: name.clone(),
            })
            .collect()
    }

    /// The variables: what was chosen of the lab's options, and the lines `NAME=value`.
    fn env(&self) -> Result<BTreeMap<String, String>, Problem> {
        let chosen = self.option.iter().map(String::as_str);
        let lines = self.env.as_deref().unwrap_or_default().lines();
        let mut env = BTreeMap::new();
        for line in chosen
            .chain(lines.map(str::trim))
            .filter(|line| !line.is_empty())
        {
            let (name, value) = line.split_once('=').ok_or_else(|| {
                Problem::new(
                    &UNPROCESSABLE,
                    format!("the variable in the line `{line}` cannot be read; write NAME=value, one a line"),
                )
            })?;
            env.insert(name.trim().to_owned(), value.to_owned());
        }
        Ok(env)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_has_the_fields_of_its_own_row_and_a_line_without_a_name_is_refused() {
        let text = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let form = LaunchForm {
            row: text(&["a", "b"]),
            volume: text(&["b"]),
            subpath: text(&["x", " maps "]),
            mount_path: text(&["", ""]),
            read_only: text(&["a", "b"]),
            env: Some("A=1=2\n\n B = x".to_owned()),
            option: text(&["", "T=4"]),
            ..LaunchForm::default()
        };
        let wanted = VolumeRequest {
            name: "b".to_owned(),
            subpath: Some("maps".to_owned()),
            mount_path: None,
            read_only: true,
        };
        assert_eq!(form.volumes(), [wanted]);
        let env = [("A", "1=2"), ("B", " x"), ("T", "4")];
        let env = env.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(form.env().unwrap(), BTreeMap::from(env));
        let odd = LaunchForm {
            env: Some("nothing".to_owned()),
            ..LaunchForm::default()
        };
        assert!(odd.env().is_err());
    }
}
