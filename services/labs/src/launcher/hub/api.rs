//! The Hub's REST interface, as far as Gantry speaks it.
//!
//! Nothing is repeated here, since who asks waits and asks again; a redirect is not followed, since it would take the
//! token elsewhere.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use gantry_net::{
    Body, Client, HeaderValue, Limits, Method, NetError, Request, Response, Scope, StatusCode, Url,
    header,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::HubLauncherConfig;
use crate::LabError;

/// How large an answer may be.
const ANSWER_BYTES: u64 = 16 << 20;

/// How many users are asked for at once; a Hub gives at most 200.
const PAGE: usize = 200;

/// How many pages of users are read.
const MAX_PAGES: usize = 1_000;

/// A Hub may take as long as its `slow_spawn_timeout` until it answers to a start.
const STARTS_WITHIN: Duration = Duration::from_secs(60);

/// A Hub says nothing for 8 s at most while a server starts.
const SILENT_FOR: Duration = Duration::from_secs(60);

/// The Hub; cheap to clone.
#[derive(Clone)]
pub(super) struct Hub {
    url: Url,
    token_file: Arc<PathBuf>,
    client: Client,
    /// Streams stay open for as long as labs start, and must not take the places of requests.
    streams: Client,
}

/// A user of the Hub.
#[derive(Debug, Clone)]
pub(super) struct User {
    pub(super) name: String,
    pub(super) servers: BTreeMap<String, Server>,
}

/// A server of a user.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Server {
    pub(super) pending: Option<Pending>,
    pub(super) ready: bool,
    /// Whether nothing of it runs; Hubs before 3.0 list none that does not.
    #[serde(default)]
    stopped: bool,
    pub(super) last_activity: Option<DateTime<Utc>>,
    /// Where it is, below the Hub's own address or on a host of its own.
    url: String,
    /// The same for browsers, where the Hub was told its address.
    #[serde(default)]
    full_url: Option<String>,
    #[serde(default)]
    pub(super) user_options: Value,
}

/// What a server is about to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Pending {
    Spawn,
    Stop,
    /// Something later Hubs may know.
    #[serde(other)]
    Other,
}

impl Server {
    /// Whether something of it runs, or is about to.
    pub(super) fn lives(&self) -> bool {
        self.ready || self.pending.is_some() || !self.stopped
    }
}

/// Why the Hub did not do what it was asked for.
#[derive(Debug)]
pub(super) enum HubError {
    /// It cannot be asked just now.
    Away(String),
    /// It does not let Gantry do this; the text says what to do.
    Denied(String),
    /// There is no such user or server.
    NotFound,
    /// It has no place for another server just now.
    Full(String),
    /// It refused, or failed over it.
    Said(StatusCode, String),
}

impl From<HubError> for LabError {
    fn from(error: HubError) -> Self {
        match error {
            HubError::Away(text) | HubError::Denied(text) => Self::Away(text),
            HubError::NotFound => Self::Away("the Hub does not know the user or server".to_owned()),
            HubError::Full(text) => Self::Away(format!("the Hub has no place just now: {text}")),
            HubError::Said(status, text) => {
                Self::Away(format!("the Hub answered {}: {text}", status.as_u16()))
            }
        }
    }
}

/// A user as the Hub sends it; without `servers` where the token may not see them.
#[derive(Deserialize)]
struct UserModel {
    name: String,
    servers: Option<BTreeMap<String, Server>>,
}

#[derive(Deserialize)]
struct Page {
    items: Vec<UserModel>,
    #[serde(rename = "_pagination")]
    pagination: Pagination,
}

#[derive(Deserialize)]
struct Pagination {
    next: Option<Value>,
}

impl Hub {
    pub(super) fn new(config: &HubLauncherConfig) -> Self {
        let client = |name: &str, max_in_flight| {
            let limits = Limits {
                max_in_flight,
                per_second: 1_000.0,
                headers: STARTS_WITHIN,
                idle: SILENT_FOR,
                attempts: 1,
                // One server that does not start says nothing about the others.
                failures: u32::MAX,
                max_redirects: 0,
                ..Limits::default()
            };
            config.net.client(Scope {
                limits,
                ..Scope::new(name, [&config.url])
            })
        };
        let mut url = config.url.clone();
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        Self {
            client: client(&format!("hub {url}"), 64),
            streams: client(&format!("hub {url}, starts"), 10_000),
            token_file: Arc::new(config.token_file.clone()),
            url,
        }
    }

    /// Where browsers find a server.
    pub(super) fn address_of(&self, server: &Server) -> Url {
        let full = server.full_url.as_deref().and_then(|url| url.parse().ok());
        let below = || self.url.join(&server.url).ok();
        full.or_else(below).unwrap_or_else(|| self.url.clone())
    }

    /// A user with all servers, those that do not run among them; `None` where there is no such user.
    pub(super) async fn user(&self, name: &str) -> Result<Option<User>, HubError> {
        let mut url = self.at(&["users", name]);
        url.set_query(Some("include_stopped_servers"));
        match self.json::<UserModel>(Request::new(Method::GET, url)).await {
            Ok(model) => self.seen(model).map(Some),
            Err(HubError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All users of whom something runs.
    pub(super) async fn active_users(&self) -> Result<Vec<User>, HubError> {
        let mut users = Vec::new();
        for page in 0..MAX_PAGES {
            let mut url = self.at(&["users"]);
            url.query_pairs_mut()
                .append_pair("state", "active")
                .append_pair("limit", &PAGE.to_string())
                .append_pair("offset", &(page * PAGE).to_string());
            let paged = HeaderValue::from_static("application/jupyterhub-pagination+json");
            let request = Request::new(Method::GET, url).header(header::ACCEPT, paged);
            let page: Page = self.json(request).await?;
            for model in page.items {
                users.push(self.seen(model)?);
            }
            if page.pagination.next.is_none() {
                break;
            }
        }
        Ok(users)
    }

    /// Makes a user; the answer is the name the Hub gave it.
    pub(super) async fn new_user(&self, name: &str) -> Result<String, HubError> {
        #[derive(Deserialize)]
        struct Made {
            name: String,
        }
        let request = Request::new(Method::POST, self.at(&["users", name]));
        Ok(self.json::<Made>(request).await?.name)
    }

    /// Asks for a server; comes back when it serves (201) or takes long (202).
    pub(super) async fn start(
        &self,
        user: &str,
        server: &str,
        body: &impl Serialize,
    ) -> Result<StatusCode, HubError> {
        let url = self.at(&["users", user, "servers", server]);
        let body = serde_json::to_vec(body).expect("it has only string keys");
        let request = Request::new(Method::POST, url).body("application/json", body);
        Ok(self.ask(&self.client, request).await?.status())
    }

    /// Asks a server to stop and to be forgotten; it may be there for a while yet.
    pub(super) async fn stop(&self, user: &str, server: &str) -> Result<(), HubError> {
        let url = self.at(&["users", user, "servers", server]);
        let body = json!({"remove": true}).to_string();
        let request = Request::new(Method::DELETE, url).body("application/json", body);
        self.ask(&self.client, request).await.map(|_| ())
    }

    /// What the Hub tells of a start, as it comes.
    pub(super) async fn progress(&self, user: &str, server: &str) -> Result<Body, HubError> {
        let url = self.at(&["users", user, "servers", server, "progress"]);
        let response = self
            .ask(&self.streams, Request::new(Method::GET, url))
            .await?;
        Ok(response.into_stream())
    }

    /// A token of the user that opens one server and nothing else, for so many seconds.
    pub(super) async fn new_token(
        &self,
        user: &str,
        server: &str,
        lasts_s: u64,
    ) -> Result<String, HubError> {
        #[derive(Deserialize)]
        struct Made {
            token: String,
        }
        let body = json!({
            "note": "opens a datalab of Gantry",
            "scopes": [format!("access:servers!server={user}/{server}")],
            "expires_in": lasts_s,
        });
        let request = Request::new(Method::POST, self.at(&["users", user, "tokens"]))
            .body("application/json", body.to_string());
        Ok(self.json::<Made>(request).await?.token)
    }

    /// Whether the Hub answers and lets Gantry see, start and stop servers and make tokens, in a sentence.
    pub(super) async fn check(&self) -> Result<String, LabError> {
        #[derive(Deserialize)]
        struct Info {
            version: String,
        }
        #[derive(Deserialize)]
        struct Me {
            name: String,
            #[serde(default)]
            scopes: Vec<String>,
        }
        let info: Info = self.json(Request::new(Method::GET, self.at(&[""]))).await?;
        let me: Me = self
            .json(Request::new(Method::GET, self.at(&["user"])))
            .await?;
        let has = |needed: &&str| me.scopes.iter().any(|scope| scope == needed);
        let missing: Vec<&str> = NEEDED.iter().copied().filter(|scope| !has(scope)).collect();
        if !missing.is_empty() {
            return Err(LabError::Away(format!(
                "the token of `{}` at the Hub at `{}` lacks the scopes {}; add them to its role",
                me.name,
                self.url,
                missing.join(", ")
            )));
        }
        Ok(format!(
            "JupyterHub {} lets Gantry in as `{}`",
            info.version, me.name
        ))
    }

    fn seen(&self, model: UserModel) -> Result<User, HubError> {
        let Some(servers) = model.servers else {
            return Err(HubError::Denied(format!(
                "the Hub at `{}` does not let Gantry see servers; its role there needs the scope `servers`",
                self.url
            )));
        };
        Ok(User {
            name: model.name,
            servers,
        })
    }

    /// An address of the interface.
    fn at(&self, steps: &[&str]) -> Url {
        let mut url = self.url.clone();
        url.path_segments_mut()
            .expect("the configuration takes only addresses with a host")
            .pop_if_empty()
            .extend(["hub", "api"])
            .extend(steps);
        url
    }

    async fn json<T: DeserializeOwned>(&self, request: Request) -> Result<T, HubError> {
        let response = self.ask(&self.client, request).await?;
        let bytes = response.bytes(ANSWER_BYTES).await;
        let bytes = bytes.map_err(|error| self.down(&error))?;
        serde_json::from_slice(&bytes).map_err(|error| {
            let text = format!(
                "`{}` answers like no JupyterHub: {error}; check its address",
                self.url
            );
            HubError::Away(text)
        })
    }

    async fn ask(&self, client: &Client, request: Request) -> Result<Response, HubError> {
        let token = self.token().await?;
        let request = request.authorization("token", &token);
        client
            .request(request)
            .await
            .map_err(|error| self.judged(&error))
    }

    async fn token(&self) -> Result<String, HubError> {
        let file = self.token_file.display();
        let text = tokio::fs::read_to_string(self.token_file.as_path()).await;
        let text = text.map_err(|error| {
            HubError::Away(format!("cannot read the Hub's token in `{file}`: {error}"))
        })?;
        match text.trim() {
            "" => Err(HubError::Away(format!(
                "the file of the Hub's token `{file}` is empty"
            ))),
            token => Ok(token.to_owned()),
        }
    }

    fn judged(&self, error: &NetError) -> HubError {
        let Some(status) = error.status() else {
            return self.down(error);
        };
        let said = error.excerpt().unwrap_or_default();
        let answer = serde_json::from_str::<Value>(said).ok();
        let answer = answer.filter(Value::is_object);
        let message = match &answer {
            Some(answer) => {
                let reason = status.canonical_reason().unwrap_or("no reason given");
                let message = answer.get("message").and_then(Value::as_str);
                message.unwrap_or(reason).to_owned()
            }
            None => said.to_owned(),
        };
        match status.as_u16() {
            401 | 403 => HubError::Denied(format!(
                "the Hub at `{}` does not let Gantry do this ({}: {message}); the token in `token_file` must be valid \
                 and have the scopes Gantry needs",
                self.url,
                status.as_u16()
            )),
            // While a Hub starts, its proxy knows no way to it and answers so; that says nothing about a server.
            404 if answer.is_none() => self.down(error),
            404 => HubError::NotFound,
            429 => HubError::Full(message),
            502..=504 => self.down(error),
            _ => HubError::Said(status, message),
        }
    }

    fn down(&self, error: &NetError) -> HubError {
        HubError::Away(format!(
            "the Hub at `{}` does not answer: {}",
            self.url,
            error.told()
        ))
    }
}

/// The scopes that Gantry cannot do without, as the Hub expands them.
const NEEDED: &[&str] = &[
    "list:users",
    "read:servers",
    "start:servers",
    "delete:servers",
    "tokens",
];

/// Leaves out everything that may be secret.
impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Hub").field(&self.url.as_str()).finish()
    }
}
