//! Two providers, a Gantry that they vouch for, and browsers that go between them.

use std::net::SocketAddr;
use std::path::PathBuf;

use gantry_server::config::{AuthMode, LauncherConfig, LauncherKind, ProviderConfig};
use gantry_tests::{Answer, Builder, Request, TestApp, send};
use serde_json::{Value, json};
use url::Url;

use crate::servers::{Server, free_port, program};

/// A provider that runs.
pub(crate) struct Provider {
    _server: Server,
    pub(crate) port: u16,
    pub(crate) folder: tempfile::TempDir,
}

impl Provider {
    /// The one whose answers can be spoiled; it lets everybody in as `johndoe`.
    pub(crate) fn node() -> Option<Self> {
        let (node, launcher) = (program("node")?, program("oauth2-mock-server")?);
        let launcher = PathBuf::from(launcher).canonicalize().unwrap();
        let library = launcher.with_file_name("index.mjs");
        let folder = tempfile::tempdir().unwrap();
        let (script, wishes) = (
            folder.path().join("provider.mjs"),
            folder.path().join("wishes.json"),
        );
        std::fs::write(&script, include_str!("provider.mjs")).unwrap();
        std::fs::write(&wishes, "{}").unwrap();
        let port = free_port();
        let arguments = [&script, &library, &PathBuf::from(port.to_string()), &wishes];
        let arguments = arguments.map(|path| path.display().to_string());
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let log = folder.path().join("log");
        let server = Server::start_telling(&node, &arguments, port, &log);
        Some(Self {
            _server: server,
            port,
            folder,
        })
    }

    /// The one that asks who one is.
    pub(crate) fn python() -> Option<Self> {
        let program = program("oidc-provider-mock")?;
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let arguments = ["--port", &port.to_string(), "--require-nonce", "true"];
        let log = folder.path().join("log");
        let server = Server::start_telling(&program, &arguments, port, &log);
        Some(Self {
            _server: server,
            port,
            folder,
        })
    }

    /// Says how its next answers are spoiled.
    pub(crate) fn spoils(&self, wishes: &Value) {
        let file = self.folder.path().join("wishes.json");
        std::fs::write(file, wishes.to_string()).unwrap();
    }

    pub(crate) fn issuer(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    pub(crate) async fn ask(
        &self,
        method: &str,
        target: &str,
        body: Option<(&str, String)>,
    ) -> Answer {
        let mut headers = vec![("Host".to_owned(), self.address().to_string())];
        if let Some((media_type, _)) = &body {
            headers.push(("Content-Type".to_owned(), (*media_type).to_owned()));
        }
        let request = Request {
            method: method.to_owned(),
            target: target.to_owned(),
            headers,
            body: body.map(|(_, body)| body.into_bytes()),
        };
        send(self.address(), request).await
    }

    pub(crate) fn config(&self, id: &str) -> ProviderConfig {
        let secret = self.folder.path().join("secret");
        std::fs::write(&secret, "s3cret\n").unwrap();
        let config = json!({"id": id, "title": format!("Institute {id}"), "issuer": self.issuer(), "client_id": "gantry", "client_secret_file": secret});
        serde_json::from_value(config).unwrap()
    }
}

/// A Gantry that people come into by these providers.
pub(crate) fn vouched_for(providers: Vec<ProviderConfig>) -> Builder {
    let hub = LauncherConfig {
        kind: LauncherKind::Jupyterhub,
        url: Some(Url::parse("http://127.0.0.1:9/").unwrap()),
        token_file: Some(PathBuf::from("/dev/null")),
        mounts: None,
        labs: None,
    };
    TestApp::builder().at_rest().configure(move |config| {
        config.auth.mode = AuthMode::Oidc;
        config.auth.provider = providers;
        config.auth.operator_groups = vec!["operators".to_owned()];
        config.launcher = [("hub".to_owned(), hub)].into();
        let port = config.server.listen.port();
        config.server.public_url = Some(Url::parse(&format!("http://localhost:{port}/")).unwrap());
    })
}

pub(crate) fn location(answer: &Answer) -> String {
    answer.header("location").unwrap_or_default().to_owned()
}

/// What stands behind the host of an address.
pub(crate) fn target(address: &str) -> String {
    let url = Url::parse(address).unwrap_or_else(|error| panic!("{address}: {error}"));
    url[url::Position::BeforePath..].to_owned()
}

pub(crate) fn cookie(answer: &Answer, name: &str) -> Option<String> {
    let set = answer
        .headers
        .iter()
        .filter(|(known, _)| known == "set-cookie");
    set.filter_map(|(_, value)| value.split(';').next())
        .find(|pair| pair.starts_with(&format!("{name}=")))
        .map(ToOwned::to_owned)
}

/// A login that has come to its provider.
pub(crate) struct Begun {
    pub(crate) at_provider: String,
    pub(crate) cookie: String,
}

pub(crate) async fn begin(app: &TestApp, id: &str) -> Begun {
    let begun = app
        .nobody()
        .get(&format!("/login/{id}?next=/volumes"))
        .await;
    let begun = begun.is(303);
    assert_eq!(begun.header("cache-control"), Some("no-store"));
    assert_eq!(begun.header("referrer-policy"), Some("no-referrer"));
    let name = format!("gantry_{}_login", app.address.port());
    Begun {
        at_provider: location(&begun),
        cookie: cookie(&begun, &name).unwrap(),
    }
}

/// Comes back from the provider to this target, in a browser with this cookie.
pub(crate) async fn come_back(app: &TestApp, at: &str, cookie: &str) -> Answer {
    let ask = app.nobody().ask("GET", at).html();
    ask.header("Cookie", cookie).send().await
}

/// The session's cookie of somebody who came in.
pub(crate) async fn session(app: &TestApp, back: &Answer) -> String {
    assert_eq!(
        (back.status, location(back).as_str()),
        (303, "/volumes"),
        "{}",
        back.text()
    );
    cookie(back, &format!("gantry_{}", app.address.port())).unwrap()
}

pub(crate) async fn me(app: &TestApp, session: &str) -> Answer {
    let ask = app
        .nobody()
        .ask("GET", "/api/v1/me")
        .header("Cookie", session);
    ask.send().await
}

/// A whole login at the provider of Node.
pub(crate) async fn log_in_at_node(app: &TestApp, provider: &Provider) -> Answer {
    let begun = begin(app, "node").await;
    let sent = provider
        .ask("GET", &target(&begun.at_provider), None)
        .await
        .is(302);
    come_back(app, &target(&location(&sent)), &begun.cookie).await
}

/// A whole login at the provider of Python.
pub(crate) async fn log_in_at_python(app: &TestApp, provider: &Provider, sub: &str) -> Answer {
    let begun = begin(app, "python").await;
    let form = ("application/x-www-form-urlencoded", format!("sub={sub}"));
    let sent = provider
        .ask("POST", &target(&begun.at_provider), Some(form))
        .await
        .is(302);
    come_back(app, &target(&location(&sent)), &begun.cookie).await
}

pub(crate) async fn claims(provider: &Provider, sub: &str, claims: Value) {
    let body = ("application/json", claims.to_string());
    drop(
        provider
            .ask("PUT", &format!("/users/{sub}"), Some(body))
            .await
            .is(204),
    );
}
