//! `gantry key rotate`: a new key for what is sealed.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use gantry_labs::resealed_request;
use gantry_store::Resealed;
use serde_json::json;

use super::output::Output;
use crate::app::App;
use crate::config::Config;
use crate::format;

/// The arguments of `key`.
#[derive(Args)]
pub(super) struct KeyArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Seal every secret anew, with a new key; also beside a running service.
    Rotate,
}

pub(super) async fn run(
    args: KeyArgs,
    config: Config,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let Action::Rotate = args.action;
    let is_given = config.store.seal_key.is_some();
    let app = App::open(config, false).await?;
    if !is_given {
        app.seal.add_key()?;
    }
    let done = reseal(&app).await?;
    // What another process sealed with the old key while it was still the first is sealed by now.
    reseal(&app).await?;
    if !is_given {
        app.seal.drop_old_keys()?;
    }
    app.shutdown().await;
    let mut text = format!("{} sealed anew.", format::plural(done.n_sealed, "secret"));
    if done.n_lost > 0 {
        text.push_str(&format!(
            " {} that no key opens: their volumes need their logins again.",
            format::plural(done.n_lost, "secret")
        ));
    }
    if is_given {
        text.push_str(" The keys behind the first can be taken out of `store.seal_key` now.");
    }
    output.answer(
        &json!({"sealed": done.n_sealed, "lost": done.n_lost}),
        &text,
    )?;
    Ok(ExitCode::SUCCESS)
}

async fn reseal(app: &App) -> anyhow::Result<Resealed> {
    let request = |owner: &str, text: &str| resealed_request(&app.seal, owner, text);
    Ok(app.store.reseal(&app.seal, &request).await?)
}
