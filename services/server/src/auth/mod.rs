//! Logins that somebody else vouches for.
//!
//! A login goes to a [`Provider`] with a state, a nonce and the hash of a verifier (PKCE), which are kept for ten minutes
//! and belong to the browser that began. What comes back is used once, and gives a new session; the provider is asked
//! again when its access token has run out, and when it takes the session back, the session ends.

mod http;
mod oidc;

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use gantry_net::Net;
use gantry_store::{Identity, ProviderSession, Session, User, random_secret};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use crate::app::App;
use crate::config::{AuthConfig, ConfigError};
use crate::problem::Problem;
pub(crate) use oidc::Provider;

/// The providers of the configuration, by id.
#[derive(Default)]
pub(crate) struct Providers(BTreeMap<String, Provider>);

impl Providers {
    /// # Errors
    /// [`ConfigError::Bad`] for a secret that cannot be read.
    pub(crate) fn of(
        config: &AuthConfig,
        net: &Net,
        public_url: &Url,
    ) -> Result<Self, ConfigError> {
        let providers = config.provider.iter().map(|provider| {
            Provider::new(provider.clone(), net, public_url)
                .map(|made| (provider.id.clone(), made))
                .map_err(|why| ConfigError::Bad(format!("auth.provider `{}`: {why}", provider.id)))
        });
        providers.collect::<Result<_, _>>().map(Self)
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Provider> {
        self.0.get(id)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Provider> {
        self.0.values()
    }
}

/// Why somebody did not come in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AuthError {
    /// What came back is not what went out, or does not show who it is.
    #[error("{0}")]
    Refused(String),
    /// The provider does not answer, or not as it should.
    #[error("{0}")]
    Away(String),
}

/// What must be known when a login comes back.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Began {
    pub(crate) nonce: String,
    pub(crate) verifier: String,
}

/// Somebody whom a provider vouches for.
#[derive(Debug)]
pub(crate) struct Vouched {
    pub(crate) issuer: String,
    pub(crate) subject: String,
    /// All that it says of them.
    pub(crate) claims: Value,
    pub(crate) tokens: Tokens,
    /// When it is to be asked again; never where it gave nothing to ask with.
    pub(crate) check_at: Option<DateTime<Utc>>,
}

/// What a provider gave to ask it again with, and to log out there.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub(crate) struct Tokens {
    pub(crate) id_token: Option<String>,
    pub(crate) refresh: Option<String>,
}

/// How long a session lasts whose provider cannot be asked again.
const UNCHECKED_S: i64 = 12 * 3600;
/// When a provider that does not answer is asked again.
const ASKED_AGAIN: TimeDelta = TimeDelta::seconds(60);

/// Lets somebody in: their user and the secret of a new session.
///
/// # Errors
/// [`AuthError::Refused`] inside, when they are in none of the groups that may come in.
pub(crate) async fn let_in(
    app: &App,
    provider: &Provider,
    vouched: &Vouched,
) -> Result<Result<(User, String, i64), AuthError>, Problem> {
    let groups = provider.groups(&vouched.claims);
    if !provider.allows(&groups) {
        let why = "you are in none of the groups that may use this Gantry; ask its operator";
        return Ok(Err(AuthError::Refused(why.to_owned())));
    }
    let user = identified(app, provider, vouched).await?;
    let workspace = app.volumes.ensure_workspace(&user).await;
    workspace.map_err(Problem::from)?;
    let longest = session_s(app);
    let lasts_s = match vouched.check_at {
        Some(_) => longest,
        None => longest.min(UNCHECKED_S),
    };
    let secret = random_secret("");
    let session = sealed(app, provider, &gantry_store::secret_hash(&secret), vouched)?;
    let new = gantry_store::NewSession {
        secret: &secret,
        lasts_s,
        provider: Some(&session),
    };
    app.store.begin_session(&user, new).await?;
    Ok(Ok((user, secret, lasts_s)))
}

/// How long a session lasts at most, in seconds.
pub(crate) fn session_s(app: &App) -> i64 {
    app.config.auth.session_s.map_or(14 * 86_400, i64::from)
}

async fn identified(app: &App, provider: &Provider, vouched: &Vouched) -> Result<User, Problem> {
    let operators = &app.config.auth.operator_groups;
    let groups = provider.groups(&vouched.claims);
    let operator = groups.iter().any(|group| operators.contains(group));
    let identity = Identity {
        issuer: &vouched.issuer,
        subject: &vouched.subject,
        name: &provider.name(vouched),
        operator: (!operators.is_empty()).then_some(operator),
    };
    Ok(app.store.identified(identity).await?)
}

fn sealed(
    app: &App,
    provider: &Provider,
    session: &str,
    vouched: &Vouched,
) -> Result<ProviderSession, Problem> {
    let tokens =
        serde_json::to_string(&vouched.tokens).map_err(|error| Problem::internal(&error))?;
    Ok(ProviderSession {
        provider: provider.id().to_owned(),
        sealed: Some(app.seal.seal(session, &tokens)),
        check_at: vouched.check_at,
    })
}

/// The tokens of a session.
pub(crate) fn tokens(app: &App, session: &Session) -> Tokens {
    let sealed = session
        .provider
        .as_ref()
        .and_then(|provider| provider.sealed.as_deref());
    sealed
        .and_then(|sealed| app.seal.open_sealed(&session.id, sealed).ok())
        .and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default()
}

/// The session as it is once its provider was asked, where that is due; `None` when the provider takes it back.
pub(crate) async fn still_holds(app: &App, session: Session) -> Result<Option<Session>, Problem> {
    let Some(vouching) = &session.provider else {
        return Ok(Some(session));
    };
    let Some(provider) = app.providers.get(&vouching.provider) else {
        // The operator took the provider out.
        app.store.end_session_of_id(&session.id).await?;
        return Ok(None);
    };
    let now = Utc::now();
    let is_due = vouching.check_at.is_some_and(|at| at <= now);
    if !is_due
        || !app
            .store
            .take_session_check(&session.id, now + ASKED_AGAIN)
            .await?
    {
        return Ok(Some(session));
    }
    let tokens = tokens(app, &session);
    match provider.ask_again(&tokens).await {
        Ok(vouched) if provider.allows(&provider.groups(&vouched.claims)) => {
            let user = identified(app, provider, &vouched).await?;
            if user.id != session.user.id {
                app.store.end_session_of_id(&session.id).await?;
                return Ok(None);
            }
            let kept = sealed(app, provider, &session.id, &vouched)?;
            app.store.keep_session_check(&session.id, &kept).await?;
            Ok(Some(Session {
                user,
                provider: Some(kept),
                ..session
            }))
        }
        Ok(_) | Err(AuthError::Refused(_)) => {
            app.store.end_session_of_id(&session.id).await?;
            let user = &session.user.id;
            app.store
                .audit(Some(user), "session.revoked", provider.id())
                .await?;
            Ok(None)
        }
        Err(AuthError::Away(why)) => {
            tracing::warn!(
                auth.provider = provider.id(),
                error = why,
                "not asked again"
            );
            Ok(Some(session))
        }
    }
}
