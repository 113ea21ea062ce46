//! A JupyterHub as the one who vouches for people, by its OAuth.

use std::path::PathBuf;

use chrono::{TimeDelta, Utc};
use gantry_net::{Client, Method, Net, NetError, Request, StatusCode};
use gantry_store::random_secret;
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::{AuthError, Began, Tokens, Vouched, refused};
use crate::config::HubAuth;

/// How often the Hub is asked whether somebody is still its user.
const ASKED_EVERY: TimeDelta = TimeDelta::minutes(5);
/// How large an answer of the Hub may be.
const ANSWER_BYTES: u64 = 1 << 20;

/// A JupyterHub at which Gantry is a service with OAuth.
pub(crate) struct Hub {
    url: Url,
    client_id: String,
    token_file: PathBuf,
    redirect: Url,
    client: Client,
    pub(super) allowed_groups: Vec<String>,
}

#[derive(Deserialize)]
struct Given {
    access_token: String,
}

impl Hub {
    pub(super) fn new(config: HubAuth, net: &Net, public_url: &Url) -> Result<Self, String> {
        let redirect = public_url.join(&format!("login/{}/callback", Self::ID));
        let mut url = config.url;
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        Ok(Self {
            redirect: redirect.map_err(|error| error.to_string())?,
            client_id: config.client_id,
            token_file: config.token_file,
            client: super::client(net, Self::ID, &url),
            allowed_groups: config.allowed_groups,
            url,
        })
    }

    pub(super) const ID: &str = "jupyterhub";

    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    fn below(&self, path: &str) -> Result<Url, AuthError> {
        self.url
            .join(path)
            .map_err(|error| AuthError::Away(error.to_string()))
    }

    pub(super) fn begin(&self) -> Result<(Url, String, Began), AuthError> {
        let state = random_secret("");
        let mut url = self.below("hub/api/oauth2/authorize")?;
        url.query_pairs_mut()
            .append_pair("client_id", &self.client_id)
            .append_pair("redirect_uri", self.redirect.as_str())
            .append_pair("response_type", "code")
            .append_pair("state", &state);
        // The Hub's OAuth has neither nonce nor verifier.
        let began = Began {
            nonce: String::new(),
            verifier: String::new(),
        };
        Ok((url, state, began))
    }

    pub(super) async fn finish(&self, code: &str) -> Result<Vouched, AuthError> {
        let secret = tokio::fs::read_to_string(&self.token_file).await;
        let secret = secret.map_err(|error| {
            AuthError::Away(format!(
                "the token of Gantry at the Hub cannot be read: {error}"
            ))
        })?;
        let form = [
            ("client_id", self.client_id.as_str()),
            ("client_secret", secret.trim()),
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", self.redirect.as_str()),
        ];
        let form: Vec<(String, String)> = form
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let request = Request::new(Method::POST, self.below("hub/api/oauth2/token")?).form(&form);
        let given: Given = self.ask(request).await?;
        self.user_of(given.access_token).await
    }

    pub(super) async fn ask_again(&self, tokens: &Tokens) -> Result<Vouched, AuthError> {
        let kept = tokens.refresh.clone();
        self.user_of(kept.ok_or_else(|| refused("nothing to ask with"))?)
            .await
    }

    /// Who a token of the Hub belongs to.
    async fn user_of(&self, token: String) -> Result<Vouched, AuthError> {
        let request =
            Request::new(Method::GET, self.below("hub/api/user")?).authorization("token", &token);
        let user: Value = self.ask(request).await?;
        let name = user["name"].as_str().filter(|_| user["kind"] == "user");
        let name = name.ok_or_else(|| refused("the Hub does not say who it is"))?;
        Ok(Vouched {
            issuer: self.url.to_string(),
            subject: name.to_owned(),
            claims: user,
            tokens: Tokens {
                id_token: None,
                refresh: Some(token),
            },
            check_at: Some(Utc::now() + ASKED_EVERY),
        })
    }

    async fn ask<T: serde::de::DeserializeOwned>(&self, request: Request) -> Result<T, AuthError> {
        let answer = match self.client.request(request).await {
            Ok(answer) => answer,
            Err(NetError::Status {
                status, excerpt, ..
            }) if is_refusal(status) => {
                return Err(refused(&format!("the Hub refused it: {excerpt}")));
            }
            Err(error) => return Err(AuthError::Away(format!("the Hub does not answer: {error}"))),
        };
        let away = |why: String| AuthError::Away(format!("the Hub cannot be understood: {why}"));
        let bytes = answer.bytes(ANSWER_BYTES).await;
        let bytes = bytes.map_err(|error| away(error.to_string()))?;
        serde_json::from_slice(&bytes).map_err(|error| away(error.to_string()))
    }
}

fn is_refusal(status: StatusCode) -> bool {
    matches!(status.as_u16(), 400 | 401 | 403 | 404)
}
