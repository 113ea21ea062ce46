//! Signed hand-overs: a portal says, with its key, what one of its users clicked.
//!
//! A hand-over is a JWS with the claims `iss` (the portal's origin), `aud` (this service), `sub` (a pseudonym), `jti`,
//! `exp`, `action`, and what is wanted: `assets`, or `archive` with `names` or `adql`.

use chrono::{DateTime, TimeDelta, Utc};
use gantry_store::secret_hash;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;

use super::{ACTIONS, Portals, Signed, Wanted};

/// How long a hand-over may be good for, from when it comes.
const LASTS_AT_MOST: TimeDelta = TimeDelta::minutes(15);
/// How far the portal's clock may be from ours, in seconds.
const LEEWAY_S: u64 = 30;
/// How long a pseudonym and the name of a hand-over may be, in bytes.
const NAME_BYTES: usize = 200;

/// A portal's public key.
#[derive(Debug)]
pub(crate) struct Key {
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
}

/// How a kind of key is read, and what may be signed with it.
type Kind = (
    fn(&[u8]) -> jsonwebtoken::errors::Result<DecodingKey>,
    &'static [Algorithm],
);

impl Key {
    /// Reads a public key, as PEM or from the file of this path.
    ///
    /// # Errors
    /// Why it is none, in words.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let is_pem = text.trim_start().starts_with("-----BEGIN");
        let pem = match is_pem {
            true => text.trim().as_bytes().to_vec(),
            false => std::fs::read(text).map_err(|error| format!("`{text}`: {error}"))?,
        };
        let kinds: [Kind; 3] = [
            (DecodingKey::from_ed_pem, &[Algorithm::EdDSA]),
            (DecodingKey::from_ec_pem, &[Algorithm::ES256]),
            (
                DecodingKey::from_rsa_pem,
                &[Algorithm::RS256, Algorithm::PS256],
            ),
        ];
        let read = kinds.into_iter().find_map(|(read, algorithms)| {
            let algorithms = algorithms.to_vec();
            read(&pem).ok().map(|key| Self { algorithms, key })
        });
        let which = if is_pem { "a key" } else { text };
        read.ok_or_else(|| {
            format!("`{which}` is no public key of Ed25519, P-256 or RSA in PEM, `-----BEGIN PUBLIC KEY-----`")
        })
    }
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    jti: String,
    exp: i64,
    action: String,
    #[serde(flatten)]
    wanted: Wanted,
}

/// A hand-over whose signature is good.
#[derive(Debug)]
pub(crate) struct Handover {
    pub(crate) signed: Signed,
    pub(crate) jti: String,
    pub(crate) expires: DateTime<Utc>,
    pub(crate) content_hash: String,
    pub(crate) action: String,
    pub(crate) wanted: Wanted,
}

/// Reads a hand-over to `audience` that came from a page of `origin`, where the browser said so.
///
/// # Errors
/// Why it does not count, as the end of a sentence.
pub(crate) fn read(
    portals: &Portals,
    token: &str,
    (audience, origin): (&str, Option<&str>),
) -> Result<Handover, String> {
    let issuer = issuer(token).ok_or("it is no JWS whose `iss` is an origin")?;
    let portal = portals
        .get(&issuer)
        .filter(|portal| !portal.keys.is_empty())
        .ok_or("this Gantry has no key of its portal")?;
    if origin.is_some_and(|origin| origin != issuer) {
        return Err("it came from another portal's page than that which signed it".to_owned());
    }
    let mut claims = Err("its signature does not fit".to_owned());
    for key in &portal.keys {
        claims = claims_of(token, key, (&issuer, audience));
        // With a key that is not the signer's the next may be.
        if !matches!(&claims, Err(why) if why == "its signature does not fit") {
            break;
        }
    }
    let claims = claims?;
    let expires = DateTime::from_timestamp(claims.exp, 0).ok_or("its end is no time")?;
    if expires > Utc::now() + LASTS_AT_MOST {
        let minutes = LASTS_AT_MOST.num_minutes();
        return Err(format!(
            "it would be good for longer than {minutes} minutes"
        ));
    }
    let is_name = |text: &str| (1..=NAME_BYTES).contains(&text.len());
    if !is_name(&claims.sub) || !is_name(&claims.jti) {
        return Err(format!("`sub` and `jti` have 1 to {NAME_BYTES} bytes"));
    }
    if !ACTIONS.contains(&claims.action.as_str()) {
        return Err(format!("`action` is one of {}", ACTIONS.join(", ")));
    }
    claims.wanted.check().map_err(|problem| problem.detail)?;
    Ok(Handover {
        signed: Signed {
            portal: issuer,
            subject_hash: secret_hash(&claims.sub),
        },
        // Somebody may find the same claims signed anew; what is in them is what counts, and that is the token.
        content_hash: secret_hash(token),
        jti: claims.jti,
        expires: expires + TimeDelta::seconds(i64::try_from(LEEWAY_S).unwrap_or_default()),
        action: claims.action,
        wanted: claims.wanted,
    })
}

/// Who says to have signed it; only for finding the key.
fn issuer(token: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Issuer {
        iss: String,
    }
    let claimed: Issuer = jsonwebtoken::dangerous::insecure_decode_claims(token).ok()?;
    Some(claimed.iss)
}

fn claims_of(token: &str, key: &Key, (issuer, audience): (&str, &str)) -> Result<Claims, String> {
    use jsonwebtoken::errors::ErrorKind;
    let mut validation = Validation::new(key.algorithms[0]);
    validation.algorithms.clone_from(&key.algorithms);
    validation.leeway = LEEWAY_S;
    validation.validate_nbf = true;
    let audience = audience.trim_end_matches('/');
    validation.set_audience(&[audience.to_owned(), format!("{audience}/")]);
    validation.set_issuer(&[issuer]);
    validation.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
    let read = jsonwebtoken::decode::<Claims>(token, &key.key, &validation);
    read.map(|read| read.claims)
        .map_err(|error| match error.kind() {
            ErrorKind::ExpiredSignature => "its time is over".to_owned(),
            ErrorKind::ImmatureSignature => "its time has not come".to_owned(),
            ErrorKind::InvalidAudience => format!("it is not for {audience}"),
            ErrorKind::MissingRequiredClaim(claim) => format!("it lacks `{claim}`"),
            ErrorKind::Json(error) => format!("it cannot be read: {error}"),
            _ => "its signature does not fit".to_owned(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_public_key_is_refused_with_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let secret = folder.path().join("secret.pem");
        std::fs::write(
            &secret,
            "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
        )
        .unwrap();
        let missing = Key::read("/nowhere/key.pem").unwrap_err();
        assert!(missing.starts_with("`/nowhere/key.pem`: "), "{missing}");
        let secret = Key::read(secret.to_str().unwrap()).unwrap_err();
        assert!(secret.contains("is no public key"), "{secret}");
    }
}
