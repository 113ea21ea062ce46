//! Starting a named server, or finding that it has started.

use std::time::Duration;

use futures::FutureExt;
use futures::future::{Either, select};
use gantry_net::StatusCode;
use tokio::time::sleep;
use uuid::Uuid;

use super::api::{HubError, Pending, Server};
use super::options::{Mark, Start, server_name};
use super::progress::Outcome;
use super::{Handle, HubLauncher};
use crate::LabError;
use crate::launcher::{Running, StartRequest};

/// How long an answer to a start may take before it is looked whether the server starts.
const LOOK_AFTER: Duration = Duration::from_secs(1);

/// How long the Hub may take to say why a start failed.
const TOLD_WITHIN: Duration = Duration::from_secs(5);

/// How long the server of an earlier start may take to stop.
const REPLACED_WITHIN: Duration = Duration::from_secs(30);

/// How a start that was asked for has gone so far.
enum Asked {
    /// It was this start, and it is ready or on its way.
    Ours(Server),
    /// The server runs by another start, whose token has been withdrawn.
    Others,
}

impl HubLauncher {
    pub(super) async fn start_server(&self, request: &StartRequest) -> Result<Running, LabError> {
        let (datalab, user) = (&request.datalab, &request.user);
        let mark = Mark {
            datalab: datalab.clone(),
            gantry: self.config.gantry.clone(),
            attempt: Uuid::new_v4().to_string(),
        };
        self.users().insert(datalab.clone(), user.clone());
        let server = match self.ask_for(request, &mark).await? {
            Asked::Ours(server) => server,
            Asked::Others => {
                self.stop_server(datalab, Some(user), REPLACED_WITHIN)
                    .await?;
                let text = "the lab of an earlier start has been stopped; it is started again";
                return Err(LabError::Away(text.to_owned()));
            }
        };
        tracing::info!(
            datalab.id = datalab,
            lab.id = request.lab.id(),
            "asked the Hub for a lab"
        );
        Ok(self.running(datalab, user, &server))
    }

    async fn ask_for(&self, request: &StartRequest, mark: &Mark) -> Result<Asked, LabError> {
        if self.hub.user(&request.user).await?.is_none() {
            self.make_user(request).await?;
        }
        let (user, name) = (&request.user, server_name(&request.datalab));
        let body = Start::new(&self.config, request, mark);
        let answer = self.hub.start(user, &name, &body).boxed();
        let seen = self.seen_to_start(request, mark).boxed();
        let answer = match select(answer, seen).await {
            Either::Left((answer, _)) => answer,
            // The Hub goes on with a start, whoever waits for its answer.
            Either::Right((server, _)) => return Ok(Asked::Ours(server)),
        };
        let failed = |why: String| LabError::Start {
            lab: request.lab.title.clone(),
            why,
        };
        match answer {
            Ok(status) => self.started(request, mark, status).await,
            Err(HubError::Said(status, text)) if status == StatusCode::BAD_REQUEST => {
                let server = self.server(&request.datalab, user).await?;
                match server.filter(Server::lives) {
                    // Running already, or about to stop.
                    Some(server) => Ok(of(mark, server)),
                    None => Err(failed(format!("the Hub refused: {text}"))),
                }
            }
            Err(HubError::Said(status, text)) => {
                let why = self.why(request, &name).await;
                Err(failed(why.unwrap_or_else(|| {
                    format!("the Hub answered {}: {text}", status.as_u16())
                })))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// What came of a start that the Hub took.
    async fn started(
        &self,
        request: &StartRequest,
        mark: &Mark,
        status: StatusCode,
    ) -> Result<Asked, LabError> {
        let server = self.server(&request.datalab, &request.user).await?;
        match server.filter(Server::lives) {
            Some(server) => Ok(of(mark, server)),
            None => {
                let name = server_name(&request.datalab);
                let why = self.why(request, &name).await.unwrap_or_else(|| {
                    format!(
                        "it was gone as soon as the Hub had answered {}",
                        status.as_u16()
                    )
                });
                Err(LabError::Start {
                    lab: request.lab.title.clone(),
                    why,
                })
            }
        }
    }

    /// Comes back when the server is seen to start by this attempt.
    async fn seen_to_start(&self, request: &StartRequest, mark: &Mark) -> Server {
        loop {
            sleep(LOOK_AFTER).await;
            let server = self.server(&request.datalab, &request.user).await;
            let starts = |server: &Server| {
                server.pending == Some(Pending::Spawn) && Mark::of(server).as_ref() == Some(mark)
            };
            if let Some(server) = server.ok().flatten().filter(starts) {
                return server;
            }
        }
    }

    /// Makes the Hub's user, as far as Gantry may.
    async fn make_user(&self, request: &StartRequest) -> Result<(), LabError> {
        let user = &request.user;
        let failed = |why: String| LabError::Start {
            lab: request.lab.title.clone(),
            why,
        };
        match self.hub.new_user(user).await {
            Ok(name) if name == *user => Ok(()),
            Ok(name) => Err(failed(format!(
                "the Hub made a user `{name}` of `{user}`; names must be the same at both"
            ))),
            // Somebody else made it just now.
            Err(HubError::Said(StatusCode::CONFLICT, _)) => Ok(()),
            Err(HubError::Denied(_)) => Err(failed(format!(
                "the Hub has no user `{user}`, and Gantry may not make one; log in at the Hub once"
            ))),
            Err(HubError::Said(_, text)) => {
                Err(failed(format!("the Hub makes no user `{user}`: {text}")))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Why a start failed, in the Hub's words.
    async fn why(&self, request: &StartRequest, name: &str) -> Option<String> {
        let handle = Handle {
            user: request.user.clone(),
            server: name.to_owned(),
        };
        let progress = self.follow(&request.datalab, &handle);
        match progress.outcome_within(TOLD_WITHIN).await? {
            Outcome::Failed(why) => Some(why),
            Outcome::Ready | Outcome::BrokenOff => None,
        }
    }
}

fn of(mark: &Mark, server: Server) -> Asked {
    match Mark::of(&server) {
        Some(known) if known == *mark => Asked::Ours(server),
        _ => Asked::Others,
    }
}
