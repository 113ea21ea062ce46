//! `gantry token`.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use gantry_store::NewToken;
use serde_json::json;

use super::output::Output;
use crate::app::App;
use crate::config::Config;
use crate::identity::SCOPES;

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
        #[arg(long, value_delimiter = ',', value_parser = SCOPES, default_values = ["search", "volumes:read", "staging"])]
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
            let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
            let (secret, token) = app
                .store
                .new_token(
                    &user.id,
                    &NewToken {
                        name: &name,
                        scopes: &scopes,
                        lasts_s: i64::from(days) * 86_400,
                        datalab: None,
                    },
                )
                .await?;
            output.answer(&json!({"id": token.id, "token": secret, "scopes": token.scopes, "expires": token.expires}), &secret)?;
        }
        Action::List => {
            let tokens = app.store.tokens(&user.id).await?;
            let rows: Vec<_> = tokens.iter().map(|token| json!({"id": token.id, "name": token.name, "scopes": token.scopes, "expires": token.expires})).collect();
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
            app.store.revoke_token(&user.id, &id).await?;
            output.answer(&json!({"revoked": id}), "revoked")?;
        }
    }
    app.shutdown().await;
    Ok(ExitCode::SUCCESS)
}
