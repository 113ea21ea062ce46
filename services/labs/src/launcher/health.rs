//! Asking a lab whether it serves, and when somebody last used it.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use gantry_net::{Limits, Method, Net, Request, Scope, Url};
use serde::Deserialize;

use super::{Running, State};

/// How long a lab on this machine may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a Jupyter server says of itself at `/api/status`; other labs say nothing of the kind.
#[derive(Debug, Deserialize)]
struct Status {
    last_activity: DateTime<Utc>,
    kernels: u64,
}

#[derive(Debug, Deserialize)]
struct Kernel {
    execution_state: String,
}

/// Whether a lab that runs also serves.
pub(super) async fn ask(net: &Net, running: &Running, secret: &str) -> State {
    let starting = || State::Starting { text: None };
    let Ok(url) = running.address.join(&running.health) else {
        return starting();
    };
    let Some(body) = get(net, running, &url, secret).await else {
        return starting();
    };
    let Ok(status) = serde_json::from_slice::<Status>(&body) else {
        return State::Serving {
            last_activity: None,
        };
    };
    let long_ago = Utc::now() - status.last_activity > TimeDelta::minutes(1);
    let busy = long_ago && status.kernels > 0 && computes(net, running, secret).await;
    State::Serving {
        last_activity: Some(if busy {
            Utc::now()
        } else {
            status.last_activity
        }),
    }
}

/// Whether a kernel computes, which a Jupyter server does not take for activity.
async fn computes(net: &Net, running: &Running, secret: &str) -> bool {
    let Ok(url) = running.address.join("/api/kernels?no_track_activity=1") else {
        return false;
    };
    let Some(body) = get(net, running, &url, secret).await else {
        return false;
    };
    let kernels: Vec<Kernel> = serde_json::from_slice(&body).unwrap_or_default();
    kernels
        .iter()
        .any(|kernel| kernel.execution_state == "busy")
}

async fn get(net: &Net, running: &Running, url: &Url, secret: &str) -> Option<Vec<u8>> {
    let limits = Limits {
        per_second: 1_000.0,
        attempts: 1,
        failures: u32::MAX,
        headers: PATIENCE,
        idle: PATIENCE,
        max_redirects: 0,
        ..Limits::default()
    };
    let scope = Scope {
        limits,
        ..Scope::new(format!("datalab {}", running.datalab), [&running.address])
    };
    let request = Request::new(Method::GET, url.clone()).authorization("token", secret);
    let response = net.client(scope).request(request).await.ok()?;
    Some(response.bytes(1 << 20).await.ok()?.to_vec())
}
