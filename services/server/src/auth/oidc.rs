//! One provider of OpenID Connect.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use gantry_net::{Client, Net, Request};
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreErrorResponseType,
    CoreGenderClaim, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm,
    CoreRevocableToken, CoreRevocationErrorResponse, CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AccessToken, AdditionalClaims, AuthorizationCode, ClientId, ClientSecret, CsrfToken,
    EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet, EndpointSet, IdTokenFields, IssuerUrl,
    Nonce, OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier, ProviderMetadataWithLogout,
    RedirectUrl, RefreshToken, RequestTokenError, Scope, StandardErrorResponse,
    StandardTokenResponse, TokenResponse,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::sync::Mutex;
use url::Url;

use super::{AuthError, Began, Tokens, Vouched, http, refused};
use crate::config::ProviderConfig;

/// What a provider says of somebody beside the standard.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Further(Map<String, Value>);

impl AdditionalClaims for Further {}

type Fields = IdTokenFields<
    Further,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;
type Answer = StandardTokenResponse<Fields, CoreTokenType>;
type Asked = openidconnect::Client<
    Further,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    Answer,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// How long the description of a provider, its keys among it, is believed.
const BELIEVED_FOR: Duration = Duration::from_secs(3600);
/// How large what it says of somebody may be.
const CLAIMS_BYTES: u64 = 1 << 20;

/// A provider of OpenID Connect.
pub(crate) struct Oidc {
    pub(super) config: ProviderConfig,
    secret: Option<ClientSecret>,
    redirect: RedirectUrl,
    client: Client,
    described: Mutex<Option<(Instant, Arc<Described>)>>,
}

/// What a provider says of itself.
struct Described {
    asked: Asked,
    issuer: String,
    user_info: Option<Url>,
    end_session: Option<Url>,
}

impl Oidc {
    pub(super) fn new(config: ProviderConfig, net: &Net, public_url: &Url) -> Result<Self, String> {
        let secret = match &config.client_secret_file {
            None => None,
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|error| format!("client_secret_file `{}`: {error}", path.display()))?;
                Some(ClientSecret::new(text.trim().to_owned()))
            }
        };
        let redirect = public_url
            .join(&format!("login/{}/callback", config.id))
            .map_err(|error| error.to_string())?;
        Ok(Self {
            secret,
            redirect: RedirectUrl::from_url(redirect),
            client: super::client(net, &config.id, &config.issuer),
            described: Mutex::new(None),
            config,
        })
    }

    pub(super) fn title(&self) -> &str {
        self.config.title.as_deref().unwrap_or(&self.config.id)
    }

    /// The description of the provider, asked for anew from time to time, and where a key is not known any more.
    async fn described(&self, anew: bool) -> Result<Arc<Described>, AuthError> {
        let mut kept = self.described.lock().await;
        if let Some((at, described)) = &*kept
            && at.elapsed() < BELIEVED_FOR
            && !anew
        {
            return Ok(Arc::clone(described));
        }
        // What it says of itself must name the issuer exactly as it is configured, with a slash at its end or without.
        let text = self.config.issuer.as_str();
        let mut found = self.discover(text).await;
        if let (Err(_), Some(bare)) = (&found, text.strip_suffix('/')) {
            found = self.discover(bare).await;
        }
        let described = Arc::new(found?);
        *kept = Some((Instant::now(), Arc::clone(&described)));
        Ok(described)
    }

    async fn discover(&self, issuer: &str) -> Result<Described, AuthError> {
        let away = |error: &dyn std::error::Error| {
            let why = crate::format::sentence(error);
            AuthError::Away(format!("{} does not describe itself: {why}", self.title()))
        };
        let issuer = IssuerUrl::new(issuer.to_owned()).map_err(|error| away(&error))?;
        let send = |request| http::send(self.client.clone(), request);
        let metadata = ProviderMetadataWithLogout::discover_async(issuer, &send)
            .await
            .map_err(|error| away(&error))?;
        let end_session = metadata
            .additional_metadata()
            .end_session_endpoint
            .as_ref()
            .map(|address| address.url().clone());
        let user_info = metadata
            .userinfo_endpoint()
            .map(|address| address.url().clone());
        let issuer = metadata.issuer().to_string();
        let id = ClientId::new(self.config.client_id.clone());
        let asked = Asked::from_provider_metadata(metadata, id, self.secret.clone())
            .set_redirect_uri(self.redirect.clone());
        Ok(Described {
            asked,
            issuer,
            user_info,
            end_session,
        })
    }

    /// The address that a login goes to, its state, and what must be known when it comes back.
    ///
    /// # Errors
    /// [`AuthError::Away`].
    pub(super) async fn begin(&self) -> Result<(Url, String, Began), AuthError> {
        let described = self.described(false).await?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let request = described.asked.authorize_url(
            CoreAuthenticationFlow::AuthorizationCode,
            CsrfToken::new_random,
            Nonce::new_random,
        );
        // `openid` is asked for by itself.
        let scopes = self.config.scopes.iter().filter(|scope| *scope != "openid");
        let (url, state, nonce) = request
            .add_scopes(scopes.map(|scope| Scope::new(scope.clone())))
            .set_pkce_challenge(challenge)
            .url();
        let began = Began {
            nonce: nonce.secret().clone(),
            verifier: verifier.secret().clone(),
        };
        Ok((url, state.secret().clone(), began))
    }

    /// Who came back with a code.
    ///
    /// # Errors
    /// [`AuthError`].
    pub(super) async fn finish(
        &self,
        code: &str,
        issuer: Option<&str>,
        began: &Began,
    ) -> Result<Vouched, AuthError> {
        let described = self.described(false).await?;
        if issuer.is_some_and(|issuer| issuer != described.issuer) {
            return Err(refused("the answer is another provider's"));
        }
        let send = |request| http::send(self.client.clone(), request);
        let request = described
            .asked
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .map_err(|error| AuthError::Away(error.to_string()))?;
        let answer = request
            .set_pkce_verifier(PkceCodeVerifier::new(began.verifier.clone()))
            .request_async(&send)
            .await
            .map_err(|error| self.said(error))?;
        let nonce = Nonce::new(began.nonce.clone());
        let checked = self.claims(&described, &answer, Some(&nonce));
        let claims = match checked {
            Ok(claims) => claims,
            // Its keys may be newer than what we know.
            Err(_) => self.claims(&*self.described(true).await?, &answer, Some(&nonce))?,
        };
        let claims = claims.ok_or_else(|| refused("the provider gave no ID token"))?;
        self.vouched(&described, answer, claims, None).await
    }

    /// Who it is still, by what the provider gave before.
    ///
    /// # Errors
    /// [`AuthError::Refused`] when the provider takes it back, [`AuthError::Away`] when it does not answer.
    pub(super) async fn ask_again(&self, tokens: &Tokens) -> Result<Vouched, AuthError> {
        let refresh = tokens.refresh.clone();
        let refresh = RefreshToken::new(refresh.ok_or_else(|| refused("nothing to ask with"))?);
        let described = self.described(false).await?;
        let send = |request| http::send(self.client.clone(), request);
        let request = described
            .asked
            .exchange_refresh_token(&refresh)
            .map_err(|error| AuthError::Away(error.to_string()))?;
        let answer = request
            .request_async(&send)
            .await
            .map_err(|error| self.said(error))?;
        let claims = self.claims(&described, &answer, None)?;
        let claims = claims.unwrap_or_else(|| Value::Object(Map::new()));
        self.vouched(&described, answer, claims, Some(tokens)).await
    }

    /// What an ID token says, once its signature, issuer, audience, time and nonce were checked.
    fn claims(
        &self,
        described: &Described,
        answer: &Answer,
        nonce: Option<&Nonce>,
    ) -> Result<Option<Value>, AuthError> {
        let Some(token) = answer.id_token() else {
            return Ok(None);
        };
        let verifier = described.asked.id_token_verifier();
        let checked = match nonce {
            Some(nonce) => token.claims(&verifier, nonce),
            // The one that comes with a refresh need not repeat it.
            None => token.claims(&verifier, |_: Option<&Nonce>| Ok(())),
        };
        let claims = checked.map_err(|error| {
            let why = crate::format::sentence(&error);
            refused(&format!(
                "the ID token of {} does not hold: {why}",
                self.title()
            ))
        })?;
        let claims = serde_json::to_value(claims);
        claims
            .map(Some)
            .map_err(|error| refused(&error.to_string()))
    }

    async fn vouched(
        &self,
        described: &Described,
        answer: Answer,
        mut claims: Value,
        before: Option<&Tokens>,
    ) -> Result<Vouched, AuthError> {
        if claims.get(&self.config.groups_claim).is_none() || claims.get("sub").is_none() {
            self.add_user_info(described, answer.access_token(), &mut claims)
                .await?;
        }
        let subject = claims["sub"]
            .as_str()
            .filter(|subject| (1..=255).contains(&subject.len()))
            .ok_or_else(|| refused("the provider does not say who it is"))?
            .to_owned();
        let before = before.cloned().unwrap_or_default();
        let refresh = answer.refresh_token().map(|token| token.secret().clone());
        let refresh = refresh.or(before.refresh);
        let lasts = answer
            .expires_in()
            .and_then(|lasts| TimeDelta::from_std(lasts).ok());
        let check_at = refresh
            .as_ref()
            // Before it runs out, since a refresh token may run out with it.
            .map(|_| Utc::now() + lasts.unwrap_or(TimeDelta::minutes(5)) * 4 / 5);
        let id_token = answer.id_token().map(ToString::to_string);
        Ok(Vouched {
            issuer: described.issuer.clone(),
            subject,
            claims,
            tokens: Tokens {
                id_token: id_token.or(before.id_token),
                refresh,
            },
            check_at,
        })
    }

    /// Adds what the provider says of somebody beside the ID token; it must be the same person.
    async fn add_user_info(
        &self,
        described: &Described,
        token: &AccessToken,
        claims: &mut Value,
    ) -> Result<(), AuthError> {
        let Some(url) = &described.user_info else {
            return Ok(());
        };
        let request = Request::new(gantry_net::Method::GET, url.clone())
            .authorization("Bearer", token.secret());
        let away = |error: gantry_net::NetError| {
            AuthError::Away(format!("{} does not say who it is: {error}", self.title()))
        };
        let answer = self.client.request(request).await.map_err(away)?;
        let bytes = answer.bytes(CLAIMS_BYTES).await.map_err(away)?;
        let more: Map<String, Value> = serde_json::from_slice(&bytes)
            .map_err(|error| refused(&format!("what the provider says cannot be read: {error}")))?;
        if claims
            .get("sub")
            .is_some_and(|sub| more.get("sub") != Some(sub))
        {
            return Err(refused("the provider speaks of somebody else"));
        }
        if let Some(claims) = claims.as_object_mut() {
            for (name, value) in more {
                claims.entry(name).or_insert(value);
            }
        }
        Ok(())
    }

    /// What the provider said instead of giving tokens.
    fn said<E: std::error::Error + 'static>(
        &self,
        error: RequestTokenError<E, StandardErrorResponse<CoreErrorResponseType>>,
    ) -> AuthError {
        match error {
            RequestTokenError::ServerResponse(said) => {
                refused(&format!("{} refused it: {said}", self.title()))
            }
            error => AuthError::Away(format!(
                "{} gave no tokens: {}",
                self.title(),
                crate::format::sentence(&error)
            )),
        }
    }

    /// What somebody is called by the claims that name people.
    pub(super) fn named<'a>(&self, vouched: &'a Vouched) -> Option<&'a str> {
        match &self.config.user_claim {
            Some(claim) => vouched.claims[claim].as_str(),
            None => ["preferred_username", "email"]
                .iter()
                .find_map(|claim| vouched.claims[*claim].as_str()),
        }
    }

    /// Where a browser goes to log out at the provider too, and from there back to `next`; `None` where that is not offered.
    pub(super) async fn end_session(&self, tokens: &Tokens, next: &Url) -> Option<Url> {
        let described = self.described(false).await.ok()?;
        let mut url = described.end_session.clone()?;
        let mut query = url.query_pairs_mut();
        if let Some(hint) = &tokens.id_token {
            query.append_pair("id_token_hint", hint);
        }
        query
            .append_pair("client_id", &self.config.client_id)
            .append_pair("post_logout_redirect_uri", next.as_str());
        drop(query);
        Some(url)
    }
}
