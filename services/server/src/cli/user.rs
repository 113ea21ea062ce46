//! `gantry user`: who uses this Gantry, what is kept of them, and that it can be erased.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use super::output::Output;
use crate::account;
use crate::app::App;
use crate::config::Config;
use crate::rest::me::user_json;

/// The arguments of `user`.
#[derive(Args)]
pub(super) struct UserArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// List the users.
    List,
    /// Write everything that is kept of a user, as JSON.
    Export {
        /// Their name.
        name: String,
        /// The file to write; standard output by default.
        #[arg(long)]
        to: Option<PathBuf>,
    },
    /// Erase a user with all that is kept of them and their files on this machine.
    Erase {
        /// Their name.
        name: String,
        /// That this is meant, since it cannot be taken back.
        #[arg(long)]
        yes: bool,
    },
    /// Let a user operate this Gantry, or no longer.
    Operator {
        /// Their name.
        name: String,
        /// Whether they do.
        does: YesNo,
    },
    /// End all sessions of a user.
    LogOut {
        /// Their name.
        name: String,
    },
    /// Print an address that logs a user in once, for when their provider cannot.
    Login {
        /// Their name.
        name: String,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum YesNo {
    Yes,
    No,
}

/// How long a printed login is good for, in seconds.
const LOGIN_S: i64 = 3600;

pub(super) async fn run(
    args: UserArgs,
    config: Config,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let app = App::open(config, false).await?;
    act(&app, args.action, output).await?;
    app.shutdown().await;
    Ok(ExitCode::SUCCESS)
}

async fn act(app: &App, action: Action, output: &Output) -> anyhow::Result<()> {
    match action {
        Action::List => list(app, output).await?,
        Action::Export { name, to } => export(app, &name, to, output).await?,
        Action::Erase { name, yes } => erase(app, &name, yes, output).await?,
        Action::Operator { name, does } => {
            let user = app.store.user_by_name(&name).await?;
            let does = matches!(does, YesNo::Yes);
            app.store.set_operator(&user.id, does).await?;
            app.store.audit(None, "user.operator", &user.id).await?;
            let text = match does {
                true => format!("{name} operates this Gantry"),
                false => format!("{name} does not operate this Gantry"),
            };
            output.answer(&json!({"name": name, "operator": does}), &text)?;
        }
        Action::LogOut { name } => {
            let user = app.store.user_by_name(&name).await?;
            let n = app.store.end_sessions(&user.id).await?;
            app.store.audit(None, "user.log-out", &user.id).await?;
            output.answer(
                &json!({"ended": n}),
                &format!("{} ended", crate::format::plural(n, "session")),
            )?;
        }
        Action::Login { name } => {
            let user = app.store.user_by_name(&name).await?;
            let code = app.store.new_login(&user, LOGIN_S).await?;
            app.store.audit(None, "user.login", &user.id).await?;
            let url = app.login_address(&code);
            output.answer(&json!({"login_url": url}), &url)?;
        }
    }
    Ok(())
}

async fn list(app: &App, output: &Output) -> anyhow::Result<()> {
    let users = app.store.users("", u32::MAX).await?;
    let rows: Vec<_> = users.iter().map(user_json).collect();
    let lines: Vec<String> = users
        .iter()
        .map(|user| {
            let operator = if user.operator { "  operator" } else { "" };
            format!("{}  {}{operator}", user.id, user.name)
        })
        .collect();
    output.answer(&json!({"users": rows}), &lines.join("\n"))?;
    Ok(())
}

async fn export(app: &App, name: &str, to: Option<PathBuf>, output: &Output) -> anyhow::Result<()> {
    let user = app.store.user_by_name(name).await?;
    let kept = account::export(app, &user).await.map_err(said)?;
    app.store.audit(None, "user.export", &user.id).await?;
    let text = serde_json::to_string_pretty(&kept)? + "\n";
    match to {
        None => output.raw(&text)?,
        Some(file) => {
            std::fs::write(&file, text)
                .with_context(|| format!("cannot write `{}`", file.display()))?;
            output.answer(
                &json!({"file": file}),
                &format!("written to {}", file.display()),
            )?;
        }
    }
    Ok(())
}

async fn erase(app: &App, name: &str, yes: bool, output: &Output) -> anyhow::Result<()> {
    let user = app.store.user_by_name(name).await?;
    if !yes {
        bail!(
            "this erases {name} with all jobs, datalabs, volumes on this machine and their files; say --yes when you mean it, and `gantry user export {name}` before"
        );
    }
    account::erase(app, &user).await.map_err(said)?;
    output.answer(&json!({"erased": user.id}), &format!("{name} is erased"))?;
    Ok(())
}

/// A problem as an error of the command line.
fn said(problem: crate::Problem) -> anyhow::Error {
    anyhow::anyhow!("{}", problem.detail)
}
