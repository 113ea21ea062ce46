//! A portal with keys, a Gantry that knows it, and browsers that come from its pages.

use std::process::Command;

use gantry_server::config::PortalConfig;
use gantry_tests::{Answer, Builder, Client, TestApp, product};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

pub(crate) const MAP: &str = "HFI_SkyMap_100_NSIDE_R3.01_full";
pub(crate) const OTHER_MAP: &str = "HFI_SkyMap_143_NSIDE_R3.01_full";
pub(crate) const PLA: &str = "https://pla.example";

/// A portal's key pair.
pub(crate) struct Keys {
    folder: tempfile::TempDir,
    algorithm: Algorithm,
}

impl Keys {
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (kind, options): (&str, &[&str]) = match algorithm {
            Algorithm::EdDSA => ("ED25519", &[]),
            Algorithm::ES256 => ("EC", &["-pkeyopt", "ec_paramgen_curve:P-256"]),
            _ => ("RSA", &["-pkeyopt", "rsa_keygen_bits:2048"]),
        };
        let (secret, public) = (
            folder.path().join("secret.pem"),
            folder.path().join("key.pem"),
        );
        let made = Command::new("openssl")
            .args(["genpkey", "-algorithm", kind])
            .args(options)
            .arg("-out")
            .arg(&secret)
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        let made = Command::new("openssl")
            .args(["pkey", "-pubout", "-in"])
            .arg(&secret)
            .arg("-out")
            .arg(&public)
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        Self { folder, algorithm }
    }

    pub(crate) fn public(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("key.pem")).unwrap()
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        let pem = std::fs::read(self.folder.path().join("secret.pem")).unwrap();
        let key = match self.algorithm {
            Algorithm::EdDSA => EncodingKey::from_ed_pem(&pem),
            Algorithm::ES256 => EncodingKey::from_ec_pem(&pem),
            _ => EncodingKey::from_rsa_pem(&pem),
        };
        jsonwebtoken::encode(&Header::new(self.algorithm), claims, &key.unwrap()).unwrap()
    }
}

/// A Gantry that knows the portal.
pub(crate) fn knowing(
    keys: &Keys,
    change: impl FnOnce(&mut PortalConfig) + Send + 'static,
) -> Builder {
    let mut portal = PortalConfig {
        title: Some("Planck Legacy Archive".to_owned()),
        keys: vec![keys.public()],
        trusted: true,
        ..PortalConfig::default()
    };
    change(&mut portal);
    TestApp::builder().configure(move |config| {
        config.portal.insert(PLA.to_owned(), portal);
    })
}

pub(crate) fn in_seconds(seconds: i64) -> i64 {
    chrono::Utc::now().timestamp() + seconds
}

pub(crate) fn claims(app: &TestApp, jti: &str) -> Value {
    json!({
        "iss": PLA, "aud": format!("http://localhost:{}", app.address.port()), "sub": "a1b2", "jti": jti,
        "exp": in_seconds(300), "action": "add-to-volume", "assets": [product(MAP)],
    })
}

/// Somebody's browser sends the form of another site: no cookies, the site's origin.
pub(crate) async fn click(app: &TestApp, origin: &str, fields: &[(&str, &str)]) -> Answer {
    let ask = app.nobody().ask("POST", "/portal/selections").form(fields);
    ask.header("Origin", origin).html().send().await
}

/// Where a click led to.
pub(crate) async fn kept(app: &TestApp, origin: &str, fields: &[(&str, &str)]) -> String {
    let to = click(app, origin, fields).await.is(303);
    assert_eq!(to.header("cache-control"), Some("no-store"));
    assert_eq!(to.header("set-cookie"), None);
    location(&to)
}

pub(crate) fn location(answer: &Answer) -> String {
    answer.header("location").unwrap_or_default().to_owned()
}

pub(crate) async fn see(client: &Client, at: &str) -> Answer {
    client.ask("GET", at).html().send().await
}

pub(crate) async fn jobs(client: &Client) -> usize {
    let jobs = client.get("/api/v1/staging-jobs").await.is(200).json();
    jobs["staging_jobs"].as_array().unwrap().len()
}
