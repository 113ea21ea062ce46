//! Logins that a real JupyterHub vouches for.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use gantry_server::config::{AuthMode, LauncherConfig, LauncherKind};
use gantry_store::ProviderSession;
use gantry_tests::{Answer, Request, TestApp, send};
use url::Url;

use crate::servers::{Server, free_port, program};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// A Gantry, and the Hub that vouches for its users.
struct World {
    app: TestApp,
    hub: SocketAddr,
    _server: Server,
    _folder: tempfile::TempDir,
}

impl World {
    /// Nothing where no Hub is installed.
    async fn begin() -> Option<Self> {
        let jupyterhub = program("jupyterhub")?;
        program("configurable-http-proxy")?;
        let folder = tempfile::tempdir().unwrap();
        let token_file = folder.path().join("token");
        std::fs::write(&token_file, TOKEN).unwrap();
        let port = free_port();
        let app = gantry(port, token_file).await;
        let back = format!(
            "http://localhost:{}/login/jupyterhub/callback",
            app.address.port()
        );
        let config = folder.path().join("hub.py");
        let text = format!(
            "c.JupyterHub.bind_url = 'http://127.0.0.1:{port}/'\n\
             c.JupyterHub.hub_port = {}\n\
             c.ConfigurableHTTPProxy.api_url = 'http://127.0.0.1:{}'\n\
             c.JupyterHub.db_url = 'sqlite:///{place}/hub.sqlite'\n\
             c.JupyterHub.cookie_secret_file = '{place}/cookie_secret'\n\
             c.ConfigurableHTTPProxy.pid_file = '{place}/proxy.pid'\n\
             c.JupyterHub.authenticator_class = 'dummy'\n\
             c.DummyAuthenticator.password = 'secret'\n\
             c.Authenticator.allow_all = True\n\
             c.Authenticator.admin_users = {{'olga'}}\n\
             c.JupyterHub.load_groups = {{'science': {{'users': ['ada', 'olga']}}}}\n\
             c.JupyterHub.load_roles = [{{'name': 'user', 'scopes': ['self', 'access:services!service=gantry']}}]\n\
             c.JupyterHub.services = [{{'name': 'gantry', 'api_token': '{TOKEN}', 'oauth_redirect_uri': '{back}',\n\
             \x20   'oauth_no_confirm': True, 'oauth_client_allowed_scopes': ['inherit']}}]\n",
            free_port(),
            free_port(),
            place = folder.path().display(),
        );
        std::fs::write(&config, text).unwrap();
        let arguments = ["--config", &config.display().to_string()];
        let log = folder.path().join("log");
        let server = Server::start_telling(&jupyterhub, &arguments, port, &log);
        let hub = SocketAddr::from(([127, 0, 0, 1], port));
        let world = Self {
            app,
            hub,
            _server: server,
            _folder: folder,
        };
        // The proxy is there before the Hub is.
        gantry_tests::eventually("the Hub answers", || async {
            let answer = world
                .at_hub("GET", "/hub/login", &BTreeMap::new(), None)
                .await;
            (answer.status == 200).then_some(())
        })
        .await;
        Some(world)
    }

    async fn at_hub(
        &self,
        method: &str,
        target: &str,
        cookies: &BTreeMap<String, String>,
        form: Option<&str>,
    ) -> Answer {
        let mut headers = vec![("Host".to_owned(), self.hub.to_string())];
        let pairs = cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        headers.push(("Cookie".to_owned(), pairs.collect::<Vec<_>>().join("; ")));
        if form.is_some() {
            let media_type = "application/x-www-form-urlencoded".to_owned();
            headers.push(("Content-Type".to_owned(), media_type));
        }
        let request = Request {
            method: method.to_owned(),
            target: target.to_owned(),
            headers,
            body: form.map(|form| form.as_bytes().to_vec()),
        };
        send(self.hub, request).await
    }

    /// Logs in at the Hub, and comes back from it to Gantry.
    async fn log_in(&self, name: &str) -> Answer {
        let begun = self
            .app
            .nobody()
            .get("/login/jupyterhub?next=/volumes")
            .await
            .is(303);
        let authorize = target(&location(&begun));
        let browser = cookie(&begun);
        let mut cookies = BTreeMap::new();
        let page = self.at_hub("GET", "/hub/login", &cookies, None).await;
        keep(&mut cookies, &page);
        let xsrf = cookies["_xsrf"].clone();
        let form = format!("username={name}&password=secret&_xsrf={xsrf}");
        let entered = self
            .at_hub("POST", "/hub/login", &cookies, Some(&form))
            .await
            .is(302);
        keep(&mut cookies, &entered);
        let mut at = authorize;
        for _ in 0..5 {
            let sent = self.at_hub("GET", &at, &cookies, None).await;
            keep(&mut cookies, &sent);
            let to = location(&sent.is(302));
            if to.contains("/login/jupyterhub/callback") {
                let ask = self.app.nobody().ask("GET", &target(&to)).html();
                return ask.header("Cookie", &browser).send().await;
            }
            at = if to.starts_with('/') { to } else { target(&to) };
        }
        panic!("the Hub leads to {at}");
    }

    async fn me(&self, session: &str) -> Answer {
        let ask = self.app.nobody().ask("GET", "/api/v1/me");
        ask.header("Cookie", session).send().await
    }
}

async fn gantry(port: u16, token_file: PathBuf) -> TestApp {
    let builder = TestApp::builder().at_rest().configure(move |config| {
        let hub = LauncherConfig {
            kind: LauncherKind::Jupyterhub,
            url: Some(Url::parse(&format!("http://127.0.0.1:{port}")).unwrap()),
            token_file: Some(token_file),
            mounts: None,
            labs: None,
        };
        config.auth.mode = AuthMode::Jupyterhub;
        config.auth.hub.allowed_groups = vec!["science".to_owned()];
        config.launcher = [("hub".to_owned(), hub)].into();
        let port = config.server.listen.port();
        let url = Url::parse(&format!("http://localhost:{port}/")).unwrap();
        config.server.public_url = Some(url);
    });
    builder.start().await
}

fn location(answer: &Answer) -> String {
    answer.header("location").unwrap_or_default().to_owned()
}

fn target(address: &str) -> String {
    let url = Url::parse(address).unwrap_or_else(|error| panic!("{address}: {error}"));
    url[url::Position::BeforePath..].to_owned()
}

fn cookie(answer: &Answer) -> String {
    let set = answer.header("set-cookie").unwrap_or_default();
    set.split(';').next().unwrap_or_default().to_owned()
}

/// Keeps the cookies of an answer, as a browser does.
fn keep(cookies: &mut BTreeMap<String, String>, answer: &Answer) {
    let set = answer
        .headers
        .iter()
        .filter(|(name, _)| name == "set-cookie");
    for (_, value) in set {
        if let Some((name, value)) = value
            .split(';')
            .next()
            .and_then(|pair| pair.split_once('='))
        {
            cookies.insert(name.to_owned(), value.to_owned());
        }
    }
}

#[tokio::test]
async fn a_hubs_users_come_in_under_their_names_its_administrators_operate_and_strangers_stay_out()
{
    let Some(world) = World::begin().await else {
        return;
    };
    let entered = world.log_in("ada").await.is(303);
    assert_eq!(location(&entered), "/volumes");
    let ada = cookie(&entered);
    let me = world.me(&ada).await.is(200).json();
    assert_eq!(
        (&me["name"], &me["operator"]),
        (&"ada".into(), &false.into())
    );
    let olga = cookie(&world.log_in("olga").await.is(303));
    assert_eq!(world.me(&olga).await.is(200).json()["operator"], true);
    let refused = world.log_in("eve").await.is(403);
    assert!(
        refused.text().contains("none of the groups"),
        "{}",
        refused.text()
    );
    // The Hub is asked again, and its word counts; a token that it does not know any more ends the session.
    let due = async |sealed: Option<String>| {
        let secret = ada.split_once('=').unwrap().1;
        let kept = world.app.app.store.session(secret).await.unwrap().unwrap();
        let kept_provider = kept.provider.unwrap();
        let due = ProviderSession {
            sealed: sealed.or(kept_provider.sealed),
            check_at: Some(chrono::Utc::now() - chrono::Duration::seconds(1)),
            provider: kept_provider.provider,
        };
        world
            .app
            .app
            .store
            .keep_session_check(&kept.id, &due)
            .await
            .unwrap();
        kept.id
    };
    let id = due(None).await;
    assert_eq!(world.me(&ada).await.status, 200);
    let revoked = r#"{"id_token": null, "refresh": "revoked"}"#;
    due(Some(world.app.app.seal.seal(&id, revoked))).await;
    assert_eq!(world.me(&ada).await.status, 401);
}
