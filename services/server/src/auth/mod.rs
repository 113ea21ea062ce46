//! Logins that somebody else vouches for.
//!
//! A login goes to a [`Provider`] with a state, a nonce and the hash of a verifier (PKCE), which are kept for ten minutes
//! and belong to the browser that began. What comes back is used once, and gives a new session; the provider is asked
//! again before its access token has run out, and when it takes the session back, the session ends.

mod http;
mod hub;
mod oidc;

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use gantry_net::{Client, Limits, Net, Scope};
use gantry_store::{Identity, ProviderSession, Session, User, random_secret};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use crate::account;
use crate::app::App;
use crate::config::{AuthMode, Config, ConfigError};
use crate::problem::Problem;
use hub::Hub;
use oidc::Oidc;

/// The providers of the configuration, by id.
#[derive(Default)]
pub(crate) struct Providers(BTreeMap<String, Provider>);

impl Providers {
    /// # Errors
    /// [`ConfigError::Bad`] for a secret that cannot be read.
    pub(crate) fn of(config: &Config, net: &Net, public_url: &Url) -> Result<Self, ConfigError> {
        if config.auth.mode == AuthMode::Jupyterhub {
            let bad = |why: String| ConfigError::Bad(format!("auth.hub: {why}"));
            let hub = config.hub_auth()?;
            let hub = Hub::new(hub, net, public_url).map_err(bad)?;
            let made = (Hub::ID.to_owned(), Provider::Hub(Box::new(hub)));
            return Ok(Self([made].into()));
        }
        let providers = config.auth.provider.iter().map(|provider| {
            Oidc::new(provider.clone(), net, public_url)
                .map(|made| (provider.id.clone(), Provider::Oidc(Box::new(made))))
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

/// Somebody who vouches for people.
pub(crate) enum Provider {
    /// By OpenID Connect.
    Oidc(Box<Oidc>),
    /// A JupyterHub, by its OAuth.
    Hub(Box<Hub>),
}

/// How long a name may be, in characters.
const NAME_CHARS: usize = 60;

impl Provider {
    pub(crate) fn id(&self) -> &str {
        match self {
            Self::Oidc(oidc) => &oidc.config.id,
            Self::Hub(_) => Hub::ID,
        }
    }

    pub(crate) fn title(&self) -> &str {
        match self {
            Self::Oidc(oidc) => oidc.title(),
            Self::Hub(_) => "JupyterHub",
        }
    }

    /// Where its pages are.
    pub(crate) fn url(&self) -> &Url {
        match self {
            Self::Oidc(oidc) => &oidc.config.issuer,
            Self::Hub(hub) => hub.url(),
        }
    }

    /// The address that a login goes to, its state, and what must be known when it comes back.
    ///
    /// # Errors
    /// [`AuthError::Away`].
    pub(crate) async fn begin(&self) -> Result<(Url, String, Began), AuthError> {
        match self {
            Self::Oidc(oidc) => oidc.begin().await,
            Self::Hub(hub) => hub.begin(),
        }
    }

    /// Who came back with a code.
    ///
    /// # Errors
    /// [`AuthError`].
    pub(crate) async fn finish(
        &self,
        code: &str,
        issuer: Option<&str>,
        began: &Began,
    ) -> Result<Vouched, AuthError> {
        match self {
            Self::Oidc(oidc) => oidc.finish(code, issuer, began).await,
            Self::Hub(hub) => hub.finish(code).await,
        }
    }

    async fn ask_again(&self, tokens: &Tokens) -> Result<Vouched, AuthError> {
        match self {
            Self::Oidc(oidc) => oidc.ask_again(tokens).await,
            Self::Hub(hub) => hub.ask_again(tokens).await,
        }
    }

    fn groups(&self, claims: &Value) -> Vec<String> {
        let claim = match self {
            Self::Oidc(oidc) => &oidc.config.groups_claim,
            Self::Hub(_) => "groups",
        };
        match &claims[claim] {
            Value::Array(groups) => groups
                .iter()
                .filter_map(|group| group.as_str().map(ToOwned::to_owned))
                .collect(),
            Value::String(group) => vec![group.clone()],
            _ => Vec::new(),
        }
    }

    /// Whether somebody of these groups may come in.
    fn allows(&self, groups: &[String]) -> bool {
        let allowed = match self {
            Self::Oidc(oidc) => &oidc.config.allowed_groups,
            Self::Hub(hub) => &hub.allowed_groups,
        };
        allowed.is_empty() || groups.iter().any(|group| allowed.contains(group))
    }

    /// Whether somebody operates this Gantry; `None` where nothing says so.
    fn operates(&self, claims: &Value, operators: &[String]) -> Option<bool> {
        let groups = self.groups(claims);
        let by_group = groups.iter().any(|group| operators.contains(group));
        match self {
            // Whoever administers the Hub may do everything there.
            Self::Hub(_) => Some(by_group || claims["admin"] == true),
            Self::Oidc(_) => (!operators.is_empty()).then_some(by_group),
        }
    }

    /// What people call somebody, of letters, digits and `._-@`.
    fn name(&self, vouched: &Vouched) -> String {
        let named = match self {
            Self::Oidc(oidc) => oidc.named(vouched),
            Self::Hub(_) => None,
        };
        let name: String = named
            .unwrap_or(&vouched.subject)
            .chars()
            .map(|c| match c {
                c if c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '@') => c,
                _ => '-',
            })
            .take(NAME_CHARS)
            .collect();
        match name.trim_matches('-') {
            "" => "somebody".to_owned(),
            name => name.to_owned(),
        }
    }

    /// Why somebody of this name here would be taken for somebody else at the Hub, where their labs run under it.
    fn mistakes(&self, name: &str, vouched: &Vouched) -> Option<String> {
        let subject = &vouched.subject;
        (matches!(self, Self::Hub(_)) && name != subject).then(|| {
            format!("the Hub's user `{subject}` would be `{name}` here, who is somebody else at the Hub; ask the operator for another name")
        })
    }

    /// Where a browser goes to log out there too, and from there back to `next`; `None` where that is not offered.
    pub(crate) async fn end_session(&self, tokens: &Tokens, next: &Url) -> Option<Url> {
        match self {
            Self::Oidc(oidc) => oidc.end_session(tokens, next).await,
            Self::Hub(hub) => hub.url().join("hub/logout").ok(),
        }
    }
}

/// The client that speaks to a provider at this address.
fn client(net: &Net, name: &str, url: &Url) -> Client {
    let mut scope = Scope::new(format!("login:{name}"), [url]);
    scope.limits = Limits {
        headers: Duration::from_secs(15),
        attempts: 2,
        // What is asked with a secret is not asked elsewhere.
        max_redirects: 0,
        max_in_flight: 16,
        per_second: 100.0,
        ..Limits::default()
    };
    net.client(scope)
}

fn refused(why: &str) -> AuthError {
    AuthError::Refused(why.to_owned())
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
        let (issuer, subject) = (&vouched.issuer, &vouched.subject);
        if let Some(owner) = app.store.identity_owner(issuer, subject).await? {
            shut_out(app, provider, &owner).await?;
        }
        let why = "you are in none of the groups that may use this Gantry; ask its operator";
        return Ok(Err(AuthError::Refused(why.to_owned())));
    }
    if let Some(why) = provider.mistakes(&provider.name(vouched), vouched) {
        return Ok(Err(AuthError::Refused(why)));
    }
    let user = identified(app, provider, vouched).await?;
    if let Some(why) = provider.mistakes(&user.name, vouched) {
        return Ok(Err(AuthError::Refused(why)));
    }
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
    let identity = Identity {
        issuer: &vouched.issuer,
        subject: &vouched.subject,
        name: &provider.name(vouched),
        operator: provider.operates(&vouched.claims, operators),
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
        // Who may not come in any more may not send programs either.
        Ok(_) => {
            shut_out(app, provider, &session.user.id).await?;
            Ok(None)
        }
        Err(AuthError::Refused(_)) => {
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

/// Ends what lets somebody in who may not come in any more.
async fn shut_out(app: &App, provider: &Provider, user: &str) -> Result<(), Problem> {
    app.store.shut_out(user).await?;
    account::end_datalabs(app, user).await?;
    app.store
        .audit(Some(user), "user.shut-out", provider.id())
        .await?;
    Ok(())
}
