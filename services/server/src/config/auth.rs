//! `[auth]`: who may come in.

use std::path::PathBuf;

use serde::Deserialize;
use url::Url;

use super::{Config, ConfigError, LauncherKind};

/// `[auth]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuthConfig {
    /// How people come in.
    pub mode: AuthMode,
    /// How long a session lasts, in seconds; 14 days by default.
    pub session_s: Option<u32>,
    /// Who comes in by one of these groups of its provider operates this Gantry.
    pub operator_groups: Vec<String>,
    /// The providers that vouch for people, with `mode = "oidc"`.
    pub provider: Vec<ProviderConfig>,
    /// The Hub that vouches for people, with `mode = "jupyterhub"`.
    pub hub: HubAuthConfig,
}

/// `[auth.hub]`; what is not said is that of the launcher.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HubAuthConfig {
    /// The Hub's address as browsers reach it.
    pub url: Option<Url>,
    /// The file with the token of Gantry's service at the Hub.
    pub token_file: Option<PathBuf>,
    /// What Gantry is called there; `service-gantry` by default.
    pub client_id: Option<String>,
    /// Who may come in: members of one of these groups, everybody where there are none.
    pub allowed_groups: Vec<String>,
}

/// The Hub that vouches for people, whole.
#[derive(Debug, Clone)]
pub(crate) struct HubAuth {
    pub(crate) url: Url,
    pub(crate) token_file: PathBuf,
    pub(crate) client_id: String,
    pub(crate) allowed_groups: Vec<String>,
}

impl Config {
    /// The Hub that vouches for people.
    ///
    /// # Errors
    /// [`ConfigError::Bad`] where neither `[auth.hub]` nor a launcher says which.
    pub(crate) fn hub_auth(&self) -> Result<HubAuth, ConfigError> {
        let hub = &self.auth.hub;
        let launcher = self
            .launcher
            .values()
            .find(|launcher| launcher.kind == LauncherKind::Jupyterhub);
        let url = hub.url.clone();
        let url = url.or_else(|| launcher?.url.clone());
        let token_file = hub.token_file.clone();
        let token_file = token_file.or_else(|| launcher?.token_file.clone());
        let (Some(url), Some(token_file)) = (url, token_file) else {
            return Err(ConfigError::Bad(
                "auth.hub: `url` and `token_file` are needed, there or at a launcher of kind `jupyterhub`"
                    .to_owned(),
            ));
        };
        Ok(HubAuth {
            url,
            token_file,
            client_id: hub
                .client_id
                .clone()
                .unwrap_or_else(|| "service-gantry".to_owned()),
            allowed_groups: hub.allowed_groups.clone(),
        })
    }
}

/// How people come in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AuthMode {
    /// Loopback, one user, a one-time login address.
    #[default]
    Local,
    /// A provider of OpenID Connect vouches for them.
    Oidc,
    /// A JupyterHub does, by its OAuth.
    Jupyterhub,
}

/// `[[auth.provider]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderConfig {
    /// Its name in addresses: small letters, digits, hyphens.
    pub id: String,
    /// What people call it; its id by default.
    pub title: Option<String>,
    /// The issuer, below which its description is found.
    pub issuer: Url,
    /// Who Gantry is there.
    pub client_id: String,
    /// The file with Gantry's secret there; none for a public client.
    pub client_secret_file: Option<PathBuf>,
    /// What is asked for; `openid`, `profile` and `email` by default, and `offline_access` where refresh tokens need it.
    #[serde(default = "default_scopes")]
    pub scopes: Vec<String>,
    /// The claim that names people; `preferred_username`, else `email`, else the subject by default.
    pub user_claim: Option<String>,
    /// The claim with their groups.
    #[serde(default = "default_groups_claim")]
    pub groups_claim: String,
    /// Who may come in: members of one of these groups, everybody where there are none.
    #[serde(default)]
    pub allowed_groups: Vec<String>,
}

fn default_scopes() -> Vec<String> {
    ["openid", "profile", "email"].map(str::to_owned).to_vec()
}

fn default_groups_claim() -> String {
    "groups".to_owned()
}

/// Refuses what no single key shows to be wrong.
pub(super) fn check(config: &Config) -> Result<(), ConfigError> {
    let (auth, listen) = (&config.auth, config.server.listen);
    if auth.mode == AuthMode::Local {
        if !listen.ip().is_loopback() {
            return bad(format!(
                "server.listen = `{listen}`: with auth.mode = `local` only a loopback address is allowed, such as 127.0.0.1:8080"
            ));
        }
        return match auth.provider.first() {
            Some(_) => bad("auth.provider: only auth.mode = `oidc` takes it".to_owned()),
            None => Ok(()),
        };
    }
    let local = config
        .launcher
        .iter()
        .find(|(_, launcher)| launcher.kind == LauncherKind::Local);
    if let Some((name, _)) = local {
        return bad(format!(
            "launcher.{name}.kind = `local`: its labs share the service's system user, so it starts with auth.mode = `local` only; name a launcher of kind `jupyterhub`"
        ));
    }
    let is_safe = config.server.public_url.as_ref().is_some_and(|url| {
        url.scheme() == "https" || matches!(url.host_str(), Some("localhost" | "127.0.0.1"))
    });
    if !is_safe {
        return bad(
            "server.public_url: with logins from elsewhere an address of https is needed, such as https://gantry.example/"
                .to_owned(),
        );
    }
    match (auth.mode, auth.provider.first()) {
        (AuthMode::Jupyterhub, Some(_)) => {
            bad("auth.provider: only auth.mode = `oidc` takes it".to_owned())
        }
        (AuthMode::Jupyterhub, None) => config.hub_auth().map(drop),
        _ => providers(&auth.provider),
    }
}

fn providers(providers: &[ProviderConfig]) -> Result<(), ConfigError> {
    if providers.is_empty() {
        return bad("auth.mode = `oidc` needs a `[[auth.provider]]`".to_owned());
    }
    for (n, provider) in providers.iter().enumerate() {
        let id = &provider.id;
        let is_name = !id.is_empty()
            && id
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !is_name || id == "local" {
            return bad(format!(
                "auth.provider.id = `{id}`: allowed are small letters, digits and hyphens"
            ));
        }
        if providers[..n].iter().any(|other| other.id == *id) {
            return bad(format!("auth.provider.id = `{id}`: two providers have it"));
        }
        if !provider.scopes.iter().any(|scope| scope == "openid") {
            return bad(format!("auth.provider `{id}`: `scopes` must have `openid`"));
        }
    }
    Ok(())
}

fn bad(why: String) -> Result<(), ConfigError> {
    Err(ConfigError::Bad(why))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> String {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let checked = Config::load(Some(file.path())).and_then(|config| config.check());
        checked.map_or_else(|error| error.to_string(), |()| "usable".to_owned())
    }

    const HUB: &str =
        "[launcher.hub]\nkind = 'jupyterhub'\nurl = 'https://hub.example/'\ntoken_file = '/t'\n";
    const HTTPS: &str = "[server]\npublic_url = 'https://gantry.example/'\n";

    #[test]
    fn ways_in_that_are_not_safe_or_not_whole_are_refused_with_the_key() {
        let provider =
            "[[auth.provider]]\nid = 'a'\nissuer = 'https://a.example/'\nclient_id = 'g'\n";
        let oidc = "[auth]\nmode = 'oidc'\n";
        let hub = "[auth]\nmode = 'jupyterhub'\n";
        for (text, why) in [
            (format!("{HTTPS}{oidc}{provider}"), "launcher.local.kind"),
            (format!("{oidc}{provider}{HUB}"), "server.public_url"),
            (
                format!("[server]\npublic_url = 'http://gantry.example/'\n{oidc}{provider}{HUB}"),
                "an address of https",
            ),
            (
                format!(
                    "[server]\npublic_url = 'https://a.example/gan,try/'\n{oidc}{provider}{HUB}"
                ),
                "letters, digits",
            ),
            (format!("{HTTPS}{oidc}{HUB}"), "[[auth.provider]]"),
            (
                format!("{HTTPS}{oidc}{provider}{provider}{HUB}"),
                "two providers",
            ),
            (
                format!("{HTTPS}{oidc}{}{HUB}", provider.replace("'a'", "'A b'")),
                "`A b`",
            ),
            (
                format!("{HTTPS}{oidc}{provider}scopes = ['email']\n{HUB}"),
                "must have `openid`",
            ),
            (provider.to_owned(), "auth.provider"),
            (format!("{HTTPS}{hub}{provider}{HUB}"), "auth.provider"),
            (
                "[portal.'https://a.example/x']\n".to_owned(),
                "the origin of its pages",
            ),
            (
                "[portal.'https://a.example']\ntrusted = true\n".to_owned(),
                "needs `keys`",
            ),
        ] {
            let said = said(&text);
            assert!(said.contains(why), "{why}: {said}");
        }
        for text in [
            format!("{HTTPS}{oidc}{provider}{HUB}"),
            format!("{HTTPS}{hub}{HUB}"),
            "[portal.'https://a.example']\n".to_owned(),
        ] {
            assert_eq!(said(&text), "usable");
        }
    }
}
