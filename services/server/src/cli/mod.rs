//! The command line.
//!
//! Without a service a command works on the configured stores themselves, also beside a running one.

mod backup;
mod check;
mod demo;
mod harvest;
mod import;
mod key;
mod output;
mod portal;
mod portal_check;
mod search;
mod serve;
mod stage;
mod stand_ins;
mod token;
mod user;
mod verify;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};

use crate::config::Config;
use output::Output;

/// The bridge between science archives and labs.
#[derive(Parser)]
#[command(name = "gantry", version, about)]
struct Cli {
    /// The configuration file.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print JSON instead of text.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Try Gantry: stand-in archives on loopback, a service, everything harvested; prints a one-time login address.
    Demo(demo::Demo),
    /// Run the service.
    Serve(serve::Serve),
    /// Harvest archives into the catalogue.
    Harvest(harvest::HarvestArgs),
    /// Search the catalogue.
    Search(search::SearchArgs),
    /// Put products into a data volume.
    AddToVolume(stage::AddToVolumeArgs),
    /// Put products into a volume and open a notebook on them.
    OpenInNotebook(stage::OpenInNotebookArgs),
    /// Compare the files of a volume with the manifests beside them.
    Verify(verify::VerifyArgs),
    /// Stage again what a manifest says was staged.
    Restage(stage::RestageArgs),
    /// Make, list and revoke personal tokens.
    Token(token::TokenArgs),
    /// Users: what is kept of them, who operates, logins.
    User(user::UserArgs),
    /// Write the record and its key to a new folder, also beside a running service.
    Backup(backup::BackupArgs),
    /// Put a backup back where no record is.
    Restore(backup::BackupArgs),
    /// Exchange the key that secrets are sealed with.
    Key(key::KeyArgs),
    /// Try the configuration, every archive, the volume root and the launcher.
    Check,
    /// Try a portal's buttons and its hand-over, as its own CI does.
    PortalCheck(portal_check::PortalCheckArgs),
    /// Print the description of the REST interface.
    Openapi,
    /// Write the catalogue as JSON Lines, one asset a line.
    Export(harvest::ExportArgs),
    /// Read assets from JSON Lines, as export writes them, into the catalogue.
    Import(import::ImportArgs),
    /// Build the search index anew from the catalogue.
    RebuildIndex,
    /// Make the labs' Python environment, and print where it is.
    LabsEnvironment,
    /// Become a lab; used by the launcher.
    #[command(hide = true)]
    LabRun {
        /// What the launcher hands over.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
}

/// Runs the command line; 0 when it worked, 1 when it failed, 2 when it was not understood.
#[must_use]
pub fn main() -> ExitCode {
    // What Gantry keeps is its user's own: the record, volumes, notebooks.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let cli = Cli::parse();
    if let Command::LabRun { args } = cli.command {
        // Returns only when it fails.
        let Err(error) = gantry_labs::lab_run(args);
        eprintln!("gantry: {error}");
        return ExitCode::FAILURE;
    }
    let output = Output::new(cli.json);
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            output.error(&anyhow::Error::new(error).context("cannot start"));
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(cli, &output)) {
        Ok(code) => code,
        Err(error) => {
            output.error(&error);
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli, output: &Output) -> anyhow::Result<ExitCode> {
    if let Command::Openapi = cli.command {
        output.raw(&crate::rest::openapi_json(""))?;
        return Ok(ExitCode::SUCCESS);
    }
    log_to_stderr(matches!(cli.command, Command::Serve(_)));
    let config = || {
        Config::load(cli.config.as_deref())
            .and_then(|config| config.check().map(|()| config))
            .context("the configuration cannot be used")
    };
    match cli.command {
        Command::Demo(args) => demo::run(args, config()?, output).await,
        Command::Serve(args) => serve::run(&args, config()?, output).await,
        Command::Harvest(args) => harvest::run(&args, config()?, output).await,
        Command::Search(args) => search::run(&args, config()?, output).await,
        Command::AddToVolume(args) => stage::add_to_volume(args, config()?, output).await,
        Command::OpenInNotebook(args) => stage::open_in_notebook(args, config()?, output).await,
        Command::Verify(args) => verify::run(args, config()?, output).await,
        Command::Restage(args) => stage::restage(args, config()?, output).await,
        Command::Token(args) => token::run(args, config()?, output).await,
        Command::User(args) => user::run(args, config()?, output).await,
        Command::Backup(args) => backup::backup(&args, config()?, output).await,
        Command::Restore(args) => backup::restore(&args, config()?, output).await,
        Command::Key(args) => key::run(args, config()?, output).await,
        Command::PortalCheck(args) => portal_check::run(args, config()?, output).await,
        Command::Check => check::run(config()?, output).await,
        Command::Export(args) => harvest::export(&args, config()?, output).await,
        Command::Import(args) => import::run(&args, config()?, output).await,
        Command::RebuildIndex => harvest::rebuild_index(config()?, output).await,
        Command::LabsEnvironment => demo::labs_environment(config()?, output).await,
        Command::Openapi | Command::LabRun { .. } => Ok(ExitCode::SUCCESS),
    }
}

/// Logs go to stderr: as JSON for a service, else only what is worth a look.
fn log_to_stderr(service: bool) {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| {
        EnvFilter::new(if service {
            "info,tantivy=warn"
        } else {
            "error"
        })
    });
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    let set = if service {
        builder.json().try_init()
    } else {
        builder.try_init()
    };
    // In a test another part may have set a subscriber before.
    drop(set);
}
