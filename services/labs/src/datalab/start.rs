//! Starting the lab of a datalab: what it needs, what it is told, and what is recorded before.

use std::collections::BTreeMap;

use gantry_store::{DatalabUpdate, NewToken, random_secret};
use tokio::sync::watch;

use super::care::{Care, to_text};
use super::paths;
use super::plan::Asked;
use super::waiting::{ENVIRONMENT, LAB_STARTING};
use crate::launcher::{Running, StartRequest};
use crate::{Environment, EnvironmentState, LabEnvironment, LabError};

/// How long a lab's token lasts at most, in seconds; it is revoked when the datalab ends.
const TOKEN_LASTS_S: i64 = 366 * 24 * 3_600;

/// What a lab may do with Gantry in its user's name.
const TOKEN_SCOPES: &[&str] = &["search", "volumes:read", "staging"];

impl Care<'_> {
    /// Starts the lab; the secret is in the record before.
    pub(super) async fn start(&self) -> Result<Running, LabError> {
        let arguments = self.files_to_open().await?;
        let environment = self.environment().await?;
        self.waiting
            .on(LAB_STARTING, &format!("{} is starting", self.lab.title))
            .await?;
        self.waiting.over(ENVIRONMENT).await?;
        self.link_volumes().await;
        let secret = self.secret().await?;
        let workspace = &self
            .volumes
            .first()
            .ok_or_else(|| LabError::NotServing(self.datalab.id.clone()))?
            .path;
        let request = StartRequest {
            datalab: self.datalab.id.clone(),
            owner: self.datalab.owner.clone(),
            user: self.user.clone(),
            lab: self.lab.clone(),
            environment,
            workspace: workspace.into(),
            volumes: self.volumes.clone(),
            variables: self.variables().await?,
            arguments,
            secret,
        };
        let running = self.labs.launcher.start(&request).await?;
        let update = DatalabUpdate {
            running: Some(&to_text(&running)),
            ..DatalabUpdate::default()
        };
        self.labs
            .config
            .store
            .update_datalab(&self.lease, &update)
            .await?;
        Ok(running)
    }

    /// The Python environment, once it is there.
    async fn environment(&self) -> Result<Option<Environment>, LabError> {
        if self.lab.environment == LabEnvironment::System || !self.labs.launcher.is_here() {
            return Ok(None);
        }
        let mut environment = self.labs.config.environment.clone();
        loop {
            let state = environment.borrow_and_update().clone();
            match state {
                EnvironmentState::Ready(environment) => {
                    return self.with_packages(environment).await.map(Some);
                }
                EnvironmentState::Failed(why) => {
                    return Err(LabError::Start {
                        lab: self.lab.title.clone(),
                        why,
                    });
                }
                EnvironmentState::Making(text) => self.waiting.on(ENVIRONMENT, &text).await?,
            }
            if environment.changed().await.is_err() {
                let why = "nobody makes the Python environment".to_owned();
                return Err(LabError::Start {
                    lab: self.lab.title.clone(),
                    why,
                });
            }
        }
    }

    /// The environment with the packages that this lab needs besides; they are installed when first asked for.
    async fn with_packages(&self, environment: Environment) -> Result<Environment, LabError> {
        let Some(packages) = &self.lab.packages else {
            return Ok(environment);
        };
        let (told, mut tells) = watch::channel(String::new());
        let tell = async {
            while tells.changed().await.is_ok() {
                let text = tells.borrow_and_update().clone();
                self.waiting.on(ENVIRONMENT, &text).await?;
            }
            Ok::<_, LabError>(())
        };
        let install = async move {
            // Dropped at the end, which ends the telling too.
            let told = told;
            environment
                .with_packages(&self.labs.config.cache_dir, packages, |step| {
                    told.send_replace(step.text);
                })
                .await
                .map_err(|error| LabError::Start {
                    lab: self.lab.title.clone(),
                    why: error.to_string(),
                })
        };
        let (installed, ()) = tokio::try_join!(install, tell)?;
        Ok(installed)
    }

    /// What opens the lab: the secret of the record, or a new one that is recorded first.
    pub(super) async fn secret(&self) -> Result<String, LabError> {
        let config = &self.labs.config;
        let recorded = config.store.datalab_by_id(&self.datalab.id).await?.secret;
        if let Some(sealed) = recorded {
            return Ok(config.seal.open_sealed(&self.datalab.id, &sealed)?);
        }
        let secret = random_secret("");
        let sealed = config.seal.seal(&self.datalab.id, &secret);
        config
            .store
            .update_datalab(
                &self.lease,
                &DatalabUpdate {
                    secret: Some(&sealed),
                    ..DatalabUpdate::default()
                },
            )
            .await?;
        Ok(secret)
    }

    async fn variables(&self) -> Result<BTreeMap<String, String>, LabError> {
        let config = &self.labs.config;
        let mut variables = self.asked.env(|sealed| {
            config
                .seal
                .open_sealed(&Asked::sealed_for(&self.datalab.owner), sealed)
        })?;
        // A token of a start that came to nothing is of no more use.
        config.store.revoke_datalab_tokens(&self.datalab.id).await?;
        let token = NewToken {
            name: "datalab",
            scopes: TOKEN_SCOPES,
            lasts_s: TOKEN_LASTS_S,
            datalab: Some(&self.datalab.id),
        };
        let (token, _) = config.store.new_token(&self.datalab.owner, &token).await?;
        let volumes =
            serde_json::to_string(&paths(&self.volumes)).expect("it has only string keys");
        let own = [
            ("GANTRY_URL", config.public_url.clone()),
            ("GANTRY_TOKEN", token),
            ("GANTRY_VOLUMES", volumes),
        ];
        variables.extend(own.map(|(name, value)| (name.to_owned(), value)));
        Ok(variables)
    }
}
