//! `gantry token`.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;

use super::output::Output;
use crate::app::App;
use crate::config::Config;
use crate::identity::{DEFAULT_SCOPES, SCOPES};
use crate::problem::Problem;
use crate::rest::me::{CreateToken, make_token_for, revoke_for, token_json};

/// The arguments of `token`.
#[derive(Args)]
pub(super) struct TokenArgs {
    /// Whose tokens; by default those of who uses this machine, with `auth.mode = "local"`.
    #[arg(long, global = true)]
    user: Option<String>,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Make a token; its secret is printed once and kept nowhere.
    Create {
        /// What it is for.
        name: String,
        /// What it may do.
        #[arg(long, value_delimiter = ',', value_parser = SCOPES, default_values = DEFAULT_SCOPES)]
        scopes: Vec<String>,
        /// For how many days.
        #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=366))]
        days: u16,
    },
    /// List the tokens.
    List,
    /// Revoke a token.
    Revoke {
        /// Its id.
        id: String,
    },
}

pub(super) async fn run(
    args: TokenArgs,
    config: Config,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let app = App::open(config, false).await?;
    let user = app.user_named(args.user.as_deref()).await?;
    match args.action {
        Action::Create { name, scopes, days } => {
            let asked = CreateToken {
                name,
                scopes,
                lasts_s: Some(i64::from(days) * 86_400),
            };
            let made = make_token_for(&app, &user, &asked).await;
            let (secret, token) = made.map_err(in_words)?;
            let mut answer = token_json(&token);
            answer["token"] = json!(secret);
            output.answer(&answer, &secret)?;
        }
        Action::List => {
            let tokens = app.store.tokens(&user.id).await?;
            let rows: Vec<_> = tokens.iter().map(token_json).collect();
            let lines: Vec<String> = tokens
                .iter()
                .map(|token| {
                    format!(
                        "{}  {}  {}  until {}",
                        token.id,
                        token.name,
                        token.scopes.join(","),
                        token.expires.format("%Y-%m-%d")
                    )
                })
                .collect();
            output.answer(&json!({"tokens": rows}), &lines.join("\n"))?;
        }
        Action::Revoke { id } => {
            revoke_for(&app, &user, &id).await.map_err(in_words)?;
            output.answer(&json!({"revoked": id}), "revoked")?;
        }
    }
    app.shutdown().await;
    Ok(ExitCode::SUCCESS)
}

fn in_words(problem: Problem) -> anyhow::Error {
    anyhow::anyhow!(problem.detail)
}
