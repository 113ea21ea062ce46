//! `gantry demo`: everything on this machine, nothing to set up.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context;
use clap::Args;
use gantry_connector::ArchiveConfig;
use gantry_labs::EnvironmentState;
use gantry_store::NewToken;
use serde_json::json;
use tokio::net::TcpListener;
use url::Url;

use super::harvest::harvest_one;
use super::output::Output;
use super::serve::{environment, login_url, stop_signal};
use super::stand_ins::StandIns;
use crate::app::{App, Roles};
use crate::base;
use crate::config::{AuthConfig, Config, cache_dir};
use crate::identity::SCOPES;

/// The arguments of `demo`.
#[derive(Args)]
pub(super) struct Demo {
    /// The port of the service; 0 takes a free one.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Where the demo keeps everything; a folder in the user's cache by default.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// The path of its host that the service lies below, as behind a proxy that gives it no more: `/gantry/`.
    #[arg(long, default_value = "/")]
    path: String,
    /// Leave as soon as everything is ready.
    #[arg(long)]
    exit_when_ready: bool,
}

pub(super) async fn run(args: Demo, config: Config, output: &Output) -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    let dir = args.dir.unwrap_or_else(|| cache_dir().join("demo"));
    std::fs::create_dir_all(&dir)
        .with_context(|| format!("cannot make the folder `{}`", dir.display()))?;
    let dir = dir.canonicalize()?;
    let listener =
        TcpListener::bind(("127.0.0.1", args.port))
            .await
            .map_err(|error| match error.kind() {
                std::io::ErrorKind::AddrInUse => anyhow::anyhow!(
                    "port {} is in use; stop what listens there, or choose another with --port",
                    args.port
                ),
                _ => anyhow::Error::new(error).context("cannot listen on loopback"),
            })?;
    let stand_ins = StandIns::start(&dir)?;
    let port = listener.local_addr()?.port();
    let mut config = demo_config(config, &dir, port, stand_ins.archives()?);
    config.server.public_url = Some(at(port, &args.path)?);
    // The portal shows what is harvested, but the service knows it from the beginning; so its port is held until then.
    let held =
        std::net::TcpListener::bind(("127.0.0.1", 0)).context("cannot listen on loopback")?;
    let portal_at = held.local_addr()?;
    config.portal = super::portal::known(portal_at);
    let written = dir.join("gantry.toml");
    std::fs::write(&written, as_file(&config)?)
        .with_context(|| format!("cannot write `{}`", written.display()))?;
    let made = make_labs_environment(&config, output).await;
    let app = App::open(config, true).await?;
    app.environment.send_replace(made);
    app.start(Roles::ALL);
    let serving = tokio::spawn(crate::listen::serve(app.clone(), listener));
    for (id, access) in app.archives.iter() {
        harvest_one(&app, id, &*access.connector, false, output).await?;
    }
    app.follow().await?;
    drop(held);
    let portal = super::portal::start(&app, portal_at)?;
    announce(&app, &portal.url(), started, output).await?;
    if !args.exit_when_ready {
        tokio::select! {
            () = stop_signal() => {}
            served = serving => served?.context("the service stopped")?,
        }
    }
    app.shutdown().await;
    drop((stand_ins, portal));
    Ok(ExitCode::SUCCESS)
}

/// Where the demo is reached.
fn at(port: u16, path: &str) -> anyhow::Result<Url> {
    let mut url = Url::parse(&format!("http://localhost:{port}/"))?;
    url.set_path(path);
    match base::wrong(&url) {
        Some(rule) => anyhow::bail!("--path {path}: {url} is no address of Gantry; {rule}"),
        None => Ok(url),
    }
}

/// Embedded stores below the demo's folder, and the stand-ins as the only archives.
fn demo_config(
    mut config: Config,
    dir: &Path,
    port: u16,
    archives: BTreeMap<String, ArchiveConfig>,
) -> Config {
    config.data_dir = dir.to_owned();
    config.server.listen.set_port(port);
    config.server.listen.set_ip([127, 0, 0, 1].into());
    config.auth = AuthConfig::default();
    config.store.url = None;
    config.search.dir = None;
    config.staging.volume_root = None;
    config.archive = archives;
    config
}

/// The demo's configuration as a file, for commands beside it.
fn as_file(config: &Config) -> anyhow::Result<String> {
    let archives = config.archive.iter().map(|(id, archive)| {
        let mut keys = json!({
            "kind": archive.kind, "url": archive.url, "folders": archive.folders,
            "limits": {"per_second": archive.limits.per_second},
        });
        for (key, value) in [
            ("title", &archive.title),
            ("products", &archive.products),
            ("peek", &archive.peek),
        ] {
            if let Some(value) = value {
                keys[key] = json!(value);
            }
        }
        (id.clone(), keys)
    });
    let archives: serde_json::Map<String, serde_json::Value> = archives.collect();
    let file = json!({
        "data_dir": config.data_dir,
        "server": {"listen": config.server.listen, "public_url": config.server.public_url},
        "archive": archives,
    });
    Ok(toml::to_string(&file)?)
}

async fn make_labs_environment(config: &Config, output: &Output) -> EnvironmentState {
    let bar = output.bar("Making the labs' Python environment, once", None);
    let state = environment(config, |text| bar.say(&text)).await;
    bar.end();
    match &state {
        EnvironmentState::Ready(environment) => {
            output.note(&format!("Labs use {}", environment.python.display()))
        }
        EnvironmentState::Failed(text) => {
            output.note(&format!("No labs: {text}. Everything else works."))
        }
        EnvironmentState::Making(_) => {}
    }
    state
}

async fn announce(
    app: &App,
    portal_url: &str,
    started: Instant,
    output: &Output,
) -> anyhow::Result<()> {
    let login = login_url(app).await?;
    let user = app.local_user().await?;
    let (token, _) = app
        .store
        .new_token(
            &user.id,
            &NewToken {
                name: "demo",
                scopes: &SCOPES,
                lasts_s: 86_400,
                datalab: None,
            },
        )
        .await?;
    let archives: Vec<&str> = app.archives.iter().map(|(id, _)| id.as_str()).collect();
    let took = started.elapsed().as_secs_f64();
    let answer = json!({"url": app.public_url(), "login_url": login, "portal_url": portal_url, "token": token, "archives": archives, "took_s": (took * 10.0).round() / 10.0});
    let text = format!(
        "\nGantry is ready after {took:.0} s. Open this address once, it logs you in:\n\n  {login}\n\nThen it is at {}. An archive's portal with its buttons is at {portal_url}. Stop it with Ctrl-C; its labs end with it.\n\nCommands beside it, in another terminal:\n\n  gantry --config {} search \"100 GHz\"\n",
        app.public_url(),
        app.config.data_dir.join("gantry.toml").display()
    );
    output.answer(&answer, &text)?;
    Ok(())
}

/// `gantry labs-environment`.
pub(super) async fn labs_environment(config: Config, output: &Output) -> anyhow::Result<ExitCode> {
    match make_labs_environment(&config, output).await {
        EnvironmentState::Ready(environment) => {
            output.answer(
                &json!({"python": environment.python, "bin": environment.bin}),
                &environment.python.display().to_string(),
            )?;
            Ok(ExitCode::SUCCESS)
        }
        EnvironmentState::Failed(text) | EnvironmentState::Making(text) => anyhow::bail!(text),
    }
}
