//! `gantry serve`.

use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use gantry_labs::{Environment, EnvironmentState};
use serde_json::json;
use tokio::net::TcpListener;

use super::output::Output;
use crate::app::{App, Roles};
use crate::config::{AuthMode, Config, cache_dir};

/// The arguments of `serve`.
#[derive(Args)]
pub(super) struct Serve {
    /// Which parts run in this process.
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "api,worker,harvester,launcher"
    )]
    roles: Vec<String>,
}

pub(super) async fn run(
    args: &Serve,
    mut config: Config,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let roles = roles(&args.roles)?;
    let listener = match roles.api {
        true => Some(listen(&config).await?),
        false => None,
    };
    if let Some(listener) = &listener {
        // With port 0 the system chose one, and addresses name it.
        config.server.listen = listener.local_addr()?;
    }
    let app = App::open(config, false).await?;
    let login = match app.config.auth.mode {
        AuthMode::Local => Some(login_url(&app).await?),
        AuthMode::Oidc | AuthMode::Jupyterhub => None,
    };
    app.start(roles);
    make_environment(&app);
    output.answer(
        &json!({"url": app.public_url(), "login_url": login}),
        &match &login {
            Some(login) => format!(
                "Gantry is at {}\nLog in once with {login}",
                app.public_url()
            ),
            None => format!("Gantry is at {}", app.public_url()),
        },
    )?;
    let stopping = app.clone();
    tokio::spawn(async move {
        stop_signal().await;
        stopping.stop.cancel();
    });
    match listener {
        Some(listener) => crate::listen::serve(app.clone(), listener)
            .await
            .context("the service stopped")?,
        None => app.stop.cancelled().await,
    }
    app.shutdown().await;
    Ok(ExitCode::SUCCESS)
}

fn roles(names: &[String]) -> anyhow::Result<Roles> {
    let mut roles = Roles {
        api: false,
        worker: false,
        harvester: false,
        launcher: false,
    };
    for name in names {
        match name.as_str() {
            "api" => roles.api = true,
            "worker" => roles.worker = true,
            "harvester" => roles.harvester = true,
            "launcher" => roles.launcher = true,
            other => {
                bail!("--roles: `{other}` is not known; allowed: api, worker, harvester, launcher")
            }
        }
    }
    Ok(roles)
}

/// Listens where the configuration says.
pub(super) async fn listen(config: &Config) -> anyhow::Result<TcpListener> {
    let at = config.server.listen;
    TcpListener::bind(at)
        .await
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::AddrInUse => anyhow::anyhow!(
                "port {} is in use; stop what listens there, or choose another with server.listen",
                at.port()
            ),
            _ => anyhow::Error::new(error).context(format!("cannot listen on {at}")),
        })
}

/// A one-time login address for the local user.
pub(super) async fn login_url(app: &App) -> anyhow::Result<String> {
    let user = app.local_user().await?;
    let code = app.store.new_login(&user, 24 * 3600).await?;
    Ok(app.login_address(&code))
}

/// Makes the labs' environment beside everything else; labs wait for it and say so.
pub(super) fn make_environment(app: &App) {
    if !app.labs.are_here() {
        return;
    }
    let app = app.clone();
    tokio::spawn(async move {
        let state = environment(&app.config, |text| {
            drop(app.environment.send(EnvironmentState::Making(text)))
        })
        .await;
        drop(app.environment.send(state));
    });
}

/// The environment that is configured, or the one Gantry makes.
pub(super) async fn environment(
    config: &Config,
    progress: impl Fn(String) + Send + Sync,
) -> EnvironmentState {
    let made = match &config.labs.environment {
        Some(path) => Environment::at(path),
        None => {
            Environment::ensure(&cache_dir(), std::path::Path::new("python3"), |step| {
                progress(format!("{} ({} of {})", step.text, step.done, step.total))
            })
            .await
        }
    };
    match made {
        Ok(environment) => EnvironmentState::Ready(environment),
        Err(error) => {
            let text = crate::format::sentence(&error);
            tracing::warn!(error = text, "labs cannot be started");
            EnvironmentState::Failed(text)
        }
    }
}

/// Comes back when the process is asked to stop.
pub(super) async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
        }
        Err(_) => drop(tokio::signal::ctrl_c().await),
    }
}
