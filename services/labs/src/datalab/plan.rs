//! What is asked of a datalab, and what it will be.

use std::collections::BTreeMap;

use gantry_staging::volume::VolumePath;
use gantry_store::{Seal, SealError, StoreError, User, Volume};
use serde::{Deserialize, Serialize};

use super::Labs;
use crate::LabError;

/// How many variables a datalab may be given.
const VARIABLES: usize = 100;

/// How long the value of a variable may be.
const VALUE_BYTES: usize = 32 << 10;

/// What is asked of a new datalab; the body of `POST /datalabs`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LaunchRequest {
    /// Which lab, `sepp/jupyterlab:v1`.
    pub lab: String,
    /// Its name for people; the lab's title where it is not given.
    #[serde(default)]
    pub name: Option<String>,
    /// Volumes besides the workspace, which is always there.
    #[serde(default)]
    pub volumes: Vec<VolumeRequest>,
    /// Variables it gets.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Whether the page opens it as soon as it is ready.
    #[serde(default)]
    pub select_when_ready: bool,
    /// Whether it leaves the list once it has ended; it does where this is not given.
    #[serde(default)]
    pub auto_remove: Option<bool>,
    /// For how long it may run, in seconds.
    #[serde(default)]
    pub time_limit_s: Option<u64>,
    /// Whether only the plan is wanted.
    #[serde(default)]
    pub dry_run: bool,
}

/// A volume that is to be in a datalab.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VolumeRequest {
    /// Its name.
    pub name: String,
    /// The folder of it that is mounted.
    #[serde(default)]
    pub subpath: Option<String>,
    /// Where it is mounted.
    #[serde(default)]
    pub mount_path: Option<String>,
    /// Whether nothing may be written to it.
    #[serde(default)]
    pub read_only: bool,
}

/// What a datalab will be; the answer to a dry run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LaunchPlan {
    /// The volumes in it, the workspace first.
    pub volumes: Vec<PlannedVolume>,
    /// The volumes that cannot be in it.
    pub refused: Vec<RefusedVolume>,
}

/// A volume in a datalab.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedVolume {
    /// Its name.
    pub name: String,
    /// Where it really is.
    pub path: String,
    /// The folder of it that is mounted, where it is not the whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subpath: Option<String>,
    /// Where it is mounted; nowhere else where nothing is mounted.
    pub mount_path: Option<String>,
    /// Whether the launcher sees to it that nothing is written to it.
    pub read_only: bool,
    /// What was asked for and the launcher cannot see to.
    pub not_enforced: Vec<String>,
}

/// A volume that cannot be in a datalab.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RefusedVolume {
    /// Its name.
    pub name: String,
    /// Why not.
    pub reason: String,
}

impl LaunchRequest {
    /// Adds a volume that must be in it.
    pub(super) fn needs(&mut self, name: &str) {
        if self.volumes.iter().all(|volume| volume.name != name) {
            self.volumes.push(VolumeRequest {
                name: name.to_owned(),
                ..VolumeRequest::default()
            });
        }
    }

    fn check_variables(&self, reserved: Option<&str>) -> Result<(), LabError> {
        for (n, (name, value)) in self.env.iter().enumerate() {
            let letters = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            let why =
                if name.is_empty() || !letters || name.starts_with(|c: char| c.is_ascii_digit()) {
                    "a name is letters, digits and `_`, and starts with no digit"
                } else if name.starts_with("GANTRY_") || Some(name.as_str()) == reserved {
                    "Gantry sets it itself"
                } else if value.contains('\0') {
                    "its value holds a zero byte"
                } else if value.len() > VALUE_BYTES {
                    "its value is longer than 32 KiB"
                } else if n >= VARIABLES {
                    "a datalab gets at most 100 variables"
                } else {
                    continue;
                };
            return Err(LabError::Variable {
                name: name.clone(),
                why,
            });
        }
        Ok(())
    }
}

impl Labs {
    /// What a datalab would be; touches nothing.
    ///
    /// # Errors
    /// [`LabError::NoSuchLab`], [`LabError::Unavailable`], [`LabError::Variable`], and [`LabError::Store`], also for
    /// a user without a workspace.
    pub async fn plan(&self, user: &User, request: &LaunchRequest) -> Result<LaunchPlan, LabError> {
        let lab = self.config.catalogue.lab(&request.lab)?;
        if let Some(why) = self.launcher.lacks(lab) {
            return Err(LabError::Unavailable {
                lab: lab.title.clone(),
                why,
            });
        }
        request.check_variables(lab.secret_variable.as_deref())?;
        let workspace = self.config.store.volume(&user.id, "workspace").await?;
        let asked = request
            .volumes
            .iter()
            .find(|volume| volume.name == workspace.name);
        let mut plan = LaunchPlan {
            volumes: Vec::new(),
            refused: Vec::new(),
        };
        let workspace_request = VolumeRequest {
            name: workspace.name.clone(),
            ..VolumeRequest::default()
        };
        self.add(&mut plan, &workspace, asked.unwrap_or(&workspace_request));
        for wanted in &request.volumes {
            if plan.volumes.iter().any(|volume| volume.name == wanted.name) {
                continue;
            }
            match self.config.store.volume(&user.id, &wanted.name).await {
                Ok(volume) => self.add(&mut plan, &volume, wanted),
                Err(StoreError::NotFound { .. }) => {
                    let reason = "there is no such volume".to_owned();
                    plan.refused.push(RefusedVolume {
                        name: wanted.name.clone(),
                        reason,
                    });
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(plan)
    }

    fn add(&self, plan: &mut LaunchPlan, volume: &Volume, wanted: &VolumeRequest) {
        if !self.launcher.mountable(&volume.kind) {
            let reason = format!(
                "a volume of kind `{}` cannot be in a datalab here",
                volume.kind
            );
            plan.refused.push(RefusedVolume {
                name: volume.name.clone(),
                reason,
            });
            return;
        }
        let mounts = self.launcher.mounts();
        if mounts && let Err(reason) = mountable_at(plan, wanted) {
            plan.refused.push(RefusedVolume {
                name: volume.name.clone(),
                reason,
            });
            return;
        }
        // What the operator shares is never written to.
        let read_only = wanted.read_only || volume.catalogue.is_some();
        let asked = [
            ("subpath", wanted.subpath.is_some()),
            ("mount_path", wanted.mount_path.is_some()),
            ("read_only", read_only),
        ];
        let not_enforced = asked
            .iter()
            .filter(|(_, is_asked)| *is_asked && !mounts)
            .map(|(name, _)| (*name).to_owned());
        plan.volumes.push(PlannedVolume {
            name: volume.name.clone(),
            path: volume.path.clone(),
            subpath: wanted.subpath.clone().filter(|_| mounts),
            mount_path: wanted.mount_path.clone().filter(|_| mounts),
            read_only: read_only && mounts,
            not_enforced: not_enforced.collect(),
        });
    }
}

/// Where mounts would hide what a lab itself needs.
const KEPT: &[&str] = &[
    "bin", "boot", "dev", "etc", "lib", "lib64", "proc", "root", "run", "sbin", "sys", "usr", "var",
];

/// Whether a volume can be mounted as it is wanted, beside those that are there.
fn mountable_at(plan: &LaunchPlan, wanted: &VolumeRequest) -> Result<(), String> {
    if let Some(subpath) = &wanted.subpath {
        if plan.volumes.is_empty() {
            return Err("the workspace is always there as a whole".to_owned());
        }
        VolumePath::parse(subpath)
            .map_err(|error| format!("its `subpath` cannot be used: {error}"))?;
    }
    let Some(mount_path) = &wanted.mount_path else {
        return Ok(());
    };
    let refuse = |why: &str| Err(format!("its `mount_path` `{mount_path}` {why}"));
    let Some(Ok(steps)) = mount_path.strip_prefix('/').map(VolumePath::parse) else {
        return refuse("must be a plain path that starts with `/`");
    };
    let first = steps.as_str().split('/').next().unwrap_or_default();
    if first.is_empty() || KEPT.contains(&first) {
        return refuse("would hide what the lab itself needs");
    }
    let place = format!("/{steps}/");
    let taken = plan.volumes.iter().find(|other| {
        let paths = [Some(&other.path), other.mount_path.as_ref()];
        paths.into_iter().flatten().any(|path| {
            let path = format!("{}/", path.trim_end_matches('/'));
            path.starts_with(&place) || place.starts_with(&path)
        })
    });
    match taken {
        Some(other) => refuse(&format!("is in the way of volume `{}`", other.name)),
        None => Ok(()),
    }
}

/// What is recorded of the request, so that it can be carried out later; two alike are the same datalab.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Asked {
    pub(super) volumes: Vec<PlannedVolume>,
    #[serde(default)]
    pub(super) select_when_ready: bool,
    /// Another time limit is another datalab.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    time_limit_s: Option<u64>,
    /// The variables, sealed, since they may hold secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    env: Option<String>,
}

impl Asked {
    pub(super) fn new(
        volumes: Vec<PlannedVolume>,
        request: &LaunchRequest,
        seal: impl Fn(&str) -> String,
    ) -> Self {
        let text = || serde_json::to_string(&request.env).expect("it has only string keys");
        let env = (!request.env.is_empty()).then(|| seal(&text()));
        Self {
            volumes,
            select_when_ready: request.select_when_ready,
            time_limit_s: request.time_limit_s,
            env,
        }
    }

    /// What the variables of a user are sealed for; the datalab has no id yet when they are.
    pub(super) fn sealed_for(owner: &str) -> String {
        format!("variables of {owner}")
    }

    pub(super) fn to_text(&self) -> String {
        serde_json::to_string(self).expect("it has only string keys")
    }

    pub(super) fn of(datalab: &gantry_store::Datalab) -> Result<Self, LabError> {
        serde_json::from_str(&datalab.request).map_err(|source| {
            LabError::Store(StoreError::Unreadable {
                what: "the request of a datalab",
                source,
            })
        })
    }

    pub(super) fn env(
        &self,
        open: impl Fn(&str) -> Result<String, gantry_store::SealError>,
    ) -> Result<BTreeMap<String, String>, LabError> {
        let Some(sealed) = &self.env else {
            return Ok(BTreeMap::new());
        };
        Ok(serde_json::from_str(&open(sealed)?).unwrap_or_default())
    }
}

/// Seals what is sealed in the request of a datalab anew, with the key that seals now; `None` when nothing is.
///
/// # Errors
/// [`SealError`] when no key opens it.
pub fn resealed_request(
    seal: &Seal,
    owner: &str,
    request: &str,
) -> Result<Option<String>, SealError> {
    let Ok(mut asked) = serde_json::from_str::<Asked>(request) else {
        return Ok(None);
    };
    let Some(sealed) = &asked.env else {
        return Ok(None);
    };
    let of = Asked::sealed_for(owner);
    let text = seal.open_sealed(&of, sealed)?;
    asked.env = Some(seal.seal(&of, &text));
    Ok(Some(asked.to_text()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_of_gantrys_own_or_with_an_odd_name_is_refused() {
        for name in ["GANTRY_TOKEN", "SECRET", "1A", "A B", "", "A=B"] {
            let env = BTreeMap::from([(name.to_owned(), "x".to_owned())]);
            let request = LaunchRequest {
                env,
                ..LaunchRequest::default()
            };
            assert!(
                matches!(
                    request.check_variables(Some("SECRET")),
                    Err(LabError::Variable { .. })
                ),
                "{name}"
            );
        }
    }

    #[test]
    fn more_variables_than_a_hundred_and_values_without_end_are_refused() {
        let of = |n: usize, bytes: usize| {
            let variable = |n| (format!("A{n}"), "x".repeat(bytes));
            let request = LaunchRequest {
                env: (0..n).map(variable).collect(),
                ..LaunchRequest::default()
            };
            request.check_variables(None)
        };
        of(100, 32 << 10).unwrap();
        assert!(
            of(101, 1)
                .unwrap_err()
                .to_string()
                .contains("at most 100 variables")
        );
        assert!(
            of(1, (32 << 10) + 1)
                .unwrap_err()
                .to_string()
                .contains("32 KiB")
        );
    }
}
