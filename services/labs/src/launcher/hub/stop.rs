//! Stopping a named server, and waiting until the Hub has forgotten it.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::HubLauncher;
use super::api::{HubError, Pending};
use super::options::server_name;
use crate::LabError;

/// How long a Hub may take beyond the grace; on Kubernetes a pod alone has 30 s.
const GONE_WITHIN: Duration = Duration::from_secs(120);

/// How often it is looked whether a server is gone.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// How long it is waited after the Hub failed over a stop, as it does while a start ends.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

impl HubLauncher {
    pub(super) async fn stop_server(
        &self,
        datalab: &str,
        user: Option<&str>,
        grace: Duration,
    ) -> Result<(), LabError> {
        let Some(user) = self.user_of(datalab, user).await? else {
            return Ok(());
        };
        let name = server_name(datalab);
        let deadline = Instant::now() + grace + GONE_WITHIN;
        loop {
            let pause = match self.server(datalab, &user).await? {
                None => break,
                Some(server) if server.pending == Some(Pending::Stop) => LOOK_EVERY,
                Some(_) => match self.hub.stop(&user, &name).await {
                    Ok(()) => LOOK_EVERY,
                    Err(HubError::NotFound) => break,
                    Err(HubError::Said(status, text)) => {
                        tracing::info!(
                            datalab.id = datalab,
                            hub.status = status.as_u16(),
                            hub.text = text,
                            "the Hub does not stop a lab yet"
                        );
                        AGAIN_AFTER
                    }
                    Err(error) => return Err(error.into()),
                },
            };
            if Instant::now() > deadline {
                return Err(LabError::Unstoppable(datalab.to_owned()));
            }
            sleep(pause).await;
        }
        self.users().remove(datalab);
        Ok(())
    }

    /// Whose a datalab is at the Hub: as the record says, as was seen, else as the Hub says.
    async fn user_of(&self, datalab: &str, user: Option<&str>) -> Result<Option<String>, LabError> {
        let seen = || self.users().get(datalab).cloned();
        if let Some(known) = user.map(ToOwned::to_owned).or_else(seen) {
            return Ok(Some(known));
        }
        self.alive_ids().await?;
        Ok(seen())
    }
}
