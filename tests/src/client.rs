//! Somebody who asks: nobody, a program with a personal token, or a browser that is logged in.

use std::net::SocketAddr;

use gantry_store::User;
use serde_json::{Value, json};

use crate::http::{Answer, Events, Request, send, stream};
use crate::{eventually, sha256};

/// Everything that a token may be allowed.
pub const SCOPES: [&str; 6] = [
    "search",
    "volumes:read",
    "volumes:write",
    "staging",
    "datalabs",
    "admin",
];

#[derive(Debug, Clone)]
enum Credentials {
    Nobody,
    Token(String),
    Session { cookie: String, csrf: String },
}

/// Somebody who asks.
#[derive(Debug, Clone)]
pub struct Client {
    address: SocketAddr,
    /// Who; a user without a name for nobody.
    pub user: User,
    credentials: Credentials,
}

impl Client {
    pub(crate) fn nobody(address: SocketAddr) -> Self {
        let user = User {
            id: String::new(),
            name: String::new(),
            operator: false,
        };
        Self {
            address,
            user,
            credentials: Credentials::Nobody,
        }
    }

    pub(crate) fn with_token(address: SocketAddr, user: User, secret: String) -> Self {
        Self {
            address,
            user,
            credentials: Credentials::Token(secret),
        }
    }

    pub(crate) fn with_session(
        address: SocketAddr,
        user: User,
        cookie: String,
        csrf: String,
    ) -> Self {
        Self {
            address,
            user,
            credentials: Credentials::Session { cookie, csrf },
        }
    }

    /// What no answer may repeat.
    #[must_use]
    pub fn secret(&self) -> Option<&str> {
        match &self.credentials {
            Credentials::Nobody => None,
            Credentials::Token(secret) => Some(secret),
            Credentials::Session { cookie, .. } => cookie.split_once('=').map(|(_, secret)| secret),
        }
    }

    /// The session's cookie, as a browser sends it.
    #[must_use]
    pub fn cookie(&self) -> Option<&str> {
        match &self.credentials {
            Credentials::Session { cookie, .. } => Some(cookie),
            _ => None,
        }
    }

    /// What the session's forms carry.
    #[must_use]
    pub fn csrf(&self) -> Option<&str> {
        match &self.credentials {
            Credentials::Session { csrf, .. } => Some(csrf),
            _ => None,
        }
    }

    /// A request to be described further.
    #[must_use]
    pub fn ask(&self, method: &str, target: &str) -> Ask {
        let mut headers = vec![(
            "Host".to_owned(),
            format!("localhost:{}", self.address.port()),
        )];
        match &self.credentials {
            Credentials::Nobody => {}
            Credentials::Token(secret) => {
                headers.push(("Authorization".to_owned(), format!("Bearer {secret}")));
            }
            Credentials::Session { cookie, .. } => {
                headers.push(("Cookie".to_owned(), cookie.clone()));
            }
        }
        Ask {
            to: self.address,
            csrf: self.csrf().map(ToOwned::to_owned),
            request: Request {
                method: method.to_owned(),
                target: target.to_owned(),
                headers,
                body: None,
            },
        }
    }

    /// `GET`.
    pub async fn get(&self, target: &str) -> Answer {
        self.ask("GET", target).send().await
    }

    /// `POST` of JSON.
    pub async fn post(&self, target: &str, body: Value) -> Answer {
        self.ask("POST", target).csrf().json(&body).send().await
    }

    /// `POST` of a form, with its token in a browser.
    pub async fn submit(&self, target: &str, fields: &[(&str, &str)]) -> Answer {
        self.ask("POST", target)
            .html()
            .signed_form(fields)
            .send()
            .await
    }

    /// `PUT` of bytes.
    pub async fn put(&self, target: &str, bytes: impl Into<Vec<u8>>) -> Answer {
        self.ask("PUT", target).csrf().body(bytes).send().await
    }

    /// `DELETE`.
    pub async fn delete(&self, target: &str) -> Answer {
        self.ask("DELETE", target).csrf().send().await
    }

    /// This user, who has a volume of this name from now on.
    #[must_use]
    pub async fn with_volume(self, name: &str) -> Self {
        let made = self.post("/api/v1/volumes", json!({"name": name})).await;
        drop(made.is(201));
        self
    }

    /// Makes a selection and gives its id.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn select(&self, assets: &[&str]) -> String {
        let made = self.post("/api/v1/selections", json!({"assets": assets}));
        let selection = made.await.is(201).json();
        selection["id"].as_str().expect("an id").to_owned()
    }

    /// Adds products to a volume.
    pub async fn add_to_volume(&self, assets: &[&str], volume: &str) -> Job {
        let body = json!({"assets": assets, "volume": volume});
        let answer = self.post("/api/v1/add-to-volume", body).await.is(202);
        self.job(&answer)
    }

    /// The job that an answer is about.
    ///
    /// # Panics
    /// When the answer names none.
    #[must_use]
    pub fn job(&self, answer: &Answer) -> Job {
        let id = answer.json()["id"].as_str().map(ToOwned::to_owned);
        Job {
            client: self.clone(),
            id: id.unwrap_or_else(|| panic!("no job in {}", answer.text())),
        }
    }

    /// The SHA-256 of a file in a volume, read back through the service.
    pub async fn sha256_in(&self, volume: &str, path: &str) -> String {
        let path = format!("/api/v1/volumes/{volume}/files/{path}");
        sha256(&self.get(&path).await.is(200).body)
    }

    /// The files in a volume, manifests left out, sorted.
    pub async fn listing(&self, volume: &str) -> Vec<String> {
        let (mut found, mut folders) = (Vec::new(), vec![String::new()]);
        while let Some(folder) = folders.pop() {
            let target = format!("/api/v1/volumes/{volume}/files/{folder}");
            let target = target.trim_end_matches('/');
            let listed = self.get(target).await.is(200).json();
            for entry in listed["files"].as_array().into_iter().flatten() {
                let path = entry["path"].as_str().unwrap_or_default().to_owned();
                if entry["is_folder"] == true {
                    folders.push(path);
                } else if !is_manifest(entry["name"].as_str().unwrap_or_default()) {
                    found.push(path);
                }
            }
        }
        found.sort();
        found
    }
}

fn is_manifest(name: &str) -> bool {
    matches!(name, "ro-crate-metadata.json" | "CITATION.bib")
        || (name.starts_with("report-") && name.ends_with(".json"))
}

/// A request that is being described.
#[derive(Debug, Clone)]
pub struct Ask {
    to: SocketAddr,
    csrf: Option<String>,
    request: Request,
}

impl Ask {
    /// One more header; one of the same name is replaced.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let headers = &mut self.request.headers;
        headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Asks for a page.
    #[must_use]
    pub fn html(self) -> Self {
        self.header("Accept", "text/html,application/xhtml+xml")
    }

    /// Shows in a header what a browser's session must show.
    #[must_use]
    pub fn csrf(self) -> Self {
        match self.csrf.clone() {
            Some(csrf) => self.header("X-CSRF-Token", &csrf),
            None => self,
        }
    }

    /// A body of bytes.
    #[must_use]
    pub fn body(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.request.body = Some(bytes.into());
        self
    }

    /// A body of JSON.
    #[must_use]
    pub fn json(self, value: &Value) -> Self {
        self.header("Content-Type", "application/json")
            .body(value.to_string())
    }

    /// The fields of a form.
    #[must_use]
    pub fn form(self, fields: &[(&str, &str)]) -> Self {
        let mut text = url::form_urlencoded::Serializer::new(String::new());
        text.extend_pairs(fields);
        self.header("Content-Type", "application/x-www-form-urlencoded")
            .body(text.finish())
    }

    /// The fields of a form, and its token in a browser.
    #[must_use]
    pub fn signed_form(self, fields: &[(&str, &str)]) -> Self {
        let csrf = self.csrf.clone();
        let mut all = fields.to_vec();
        all.extend(csrf.as_deref().map(|csrf| ("csrf", csrf)));
        self.form(&all)
    }

    /// Sends it.
    pub async fn send(self) -> Answer {
        send(self.to, self.request).await
    }

    /// Sends it and reads events.
    pub async fn events(self) -> Events {
        stream(self.to, self.request).await
    }
}

/// A staging job of a user.
#[derive(Debug, Clone)]
pub struct Job {
    client: Client,
    /// Its id.
    pub id: String,
}

impl Job {
    /// Its address, or that of something below it.
    #[must_use]
    pub fn at(&self, below: &str) -> String {
        format!("/api/v1/staging-jobs/{}{below}", self.id)
    }

    /// What it is now.
    pub async fn now(&self) -> Value {
        self.client.get(&self.at("")).await.is(200).json()
    }

    /// What it is once it has reached a phase.
    ///
    /// # Panics
    /// When it ends otherwise, or not in time.
    pub async fn becomes(&self, phase: &str) -> Value {
        eventually(&format!("the job is {phase}"), || async {
            let job = self.now().await;
            let now = job["phase"].as_str().unwrap_or_default().to_owned();
            let ended = matches!(now.as_str(), "COMPLETED" | "ERROR" | "ABORTED");
            assert!(now == phase || !ended, "not {phase}: {job}");
            (now == phase).then_some(job)
        })
        .await
    }

    /// What it is at its end, every file with an outcome and none failed.
    ///
    /// # Panics
    /// When a file failed or the job could not go on.
    pub async fn completes(&self) -> Value {
        let job = self.becomes("COMPLETED").await;
        assert_eq!(job["files"]["failed"], 0, "{job}");
        job
    }

    /// Its files.
    pub async fn files(&self) -> Vec<Value> {
        let answer = self.client.get(&self.at("/files?limit=1000")).await;
        let files = answer.is(200).json()["files"].as_array().cloned();
        files.unwrap_or_default()
    }

    /// Asks for something: `hold`, `release`, `retry`.
    pub async fn ask(&self, action: &str) -> Answer {
        self.client
            .post(&self.at(&format!("/{action}")), json!({}))
            .await
    }
}
