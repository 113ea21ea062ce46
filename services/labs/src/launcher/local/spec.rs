//! What is to be started: the command of a lab on a port that is free.

use std::path::Path;

use tokio::net::TcpListener;
use uuid::Uuid;

use crate::launcher::StartRequest;
use crate::launcher::folder::{Folder, Spec};
use crate::launcher::process::Process;
use crate::{LabEnvironment, LabError};

/// Where the search for a port begins.
const FIRST_PORT: u16 = 20_000;

/// How many ports are tried before the system is asked for one.
const TRIES: u32 = 20;

/// What is to be started, on a port that is free; `desktop` is the program that shows desktops.
pub(super) async fn wanted(request: &StartRequest, desktop: &Path) -> Result<Spec, LabError> {
    let lab = &request.lab;
    let fail = |why: String| LabError::Start {
        lab: lab.title.clone(),
        why,
    };
    let port = free_port()
        .await
        .map_err(|error| fail(format!("no port is free: {error}")))?;
    let text = |path: &Path| {
        path.to_str()
            .map(ToOwned::to_owned)
            .ok_or_else(|| fail(format!("`{}` is no text", path.display())))
    };
    let (port_text, workspace) = (port.to_string(), text(&request.workspace)?);
    let desktop = text(desktop)?;
    let mut values = vec![
        ("port", port_text.as_str()),
        ("workspace", &workspace),
        ("desktop", &desktop),
    ];
    let programs = match &request.environment {
        Some(environment) => Some((text(&environment.bin)?, text(&environment.python)?)),
        None if lab.environment == LabEnvironment::Python => {
            return Err(fail("there is no Python environment".to_owned()));
        }
        None => None,
    };
    if let Some((bin, python)) = &programs {
        values.extend([("bin", bin.as_str()), ("python", python)]);
    }
    let mut command = lab.command_line(&values, rustix::process::geteuid().is_root());
    command.extend(request.arguments.iter().cloned());
    Ok(Spec {
        attempt: Uuid::new_v4().to_string(),
        command,
        workspace: request.workspace.clone(),
        port,
        health: lab.health.clone(),
        resources: lab.resources,
    })
}

/// Writes down what is wanted, unless it is there already.
pub(super) fn claim(folder: &Folder, spec: &Spec) -> Result<Option<(Spec, Process)>, LabError> {
    folder.create()?;
    let _lock = folder.lock()?;
    if let Some(living) = folder.living() {
        return Ok(Some(living));
    }
    folder.write_spec(spec)?;
    Ok(None)
}

/// A port that nobody listens on.
///
/// A lab takes seconds until it listens, so the port lies below those that the system gives to connections meanwhile.
async fn free_port() -> std::io::Result<u16> {
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range");
    let lowest = range
        .ok()
        .and_then(|text| text.split_whitespace().next()?.parse().ok());
    let n_below = lowest.unwrap_or(FIRST_PORT).saturating_sub(FIRST_PORT);
    for _ in 0..TRIES {
        let (_, chance, _, _) = Uuid::new_v4().as_fields();
        let Some(above) = chance.checked_rem(n_below) else {
            break;
        };
        let port = FIRST_PORT + above;
        if TcpListener::bind(("127.0.0.1", port)).await.is_ok() {
            return Ok(port);
        }
    }
    Ok(TcpListener::bind(("127.0.0.1", 0))
        .await?
        .local_addr()?
        .port())
}
