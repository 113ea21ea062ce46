//! Server-sent events: a late viewer gets the present state first, then every change.
//!
//! The state itself is compared, not a log of changes: whoever comes back after a break sees what is, and nothing is
//! kept for those who left.

use std::collections::HashMap;
use std::convert::Infallible;
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::app::App;
use crate::problem::Problem;
use crate::rest::staging_jobs::{job_json, moving_json};

const LOOK_EVERY: Duration = Duration::from_millis(300);
/// So many files are told of one by one; of the rest the counts are.
const FILES: u32 = 200;
const LOG_BYTES: u64 = 16 << 10;

/// What was told already.
struct Told {
    sender: mpsc::Sender<Result<Event, Infallible>>,
    last: HashMap<String, String>,
    n: u64,
}

impl Told {
    /// Tells something unless it was told in the same words; `false` when nobody listens any more.
    async fn tell(&mut self, event: &str, key: &str, value: &Value) -> bool {
        let text = value.to_string();
        let key = format!("{event} {key}");
        if self.last.get(&key) == Some(&text) {
            return true;
        }
        self.n += 1;
        let message = Event::default()
            .event(event)
            .id(self.n.to_string())
            .data(&text);
        self.last.insert(key, text);
        self.sender.send(Ok(message)).await.is_ok()
    }
}

/// Follows a staging job to its end.
pub(crate) fn of_job(app: App, job: String) -> Response {
    stream(app, move |app, mut told| async move {
        loop {
            let ended = tell_job(&app, &job, &mut told).await?;
            if ended || !told.pause(&app).await {
                return Ok(told);
            }
        }
    })
}

/// Follows a datalab and the job that stages for it, until it has ended or can be opened.
pub(crate) fn of_datalab(app: App, id: String, owner: String) -> Response {
    stream(app, move |app, mut told| async move {
        loop {
            let datalab = app.store.datalab(&id, &owner).await?;
            let mut staged = true;
            if let Some(job) = &datalab.staging_job {
                staged = tell_job(&app, job, &mut told).await?;
            }
            let view = app.labs.view(&datalab)?;
            let ended = datalab.phase.is_final() || (view.ready && staged);
            if !told.tell("datalab", "", &json!(view)).await {
                return Ok(told);
            }
            let log = app.labs.logs(&datalab, LOG_BYTES).await.unwrap_or_default();
            for (n, line) in log.lines().enumerate() {
                told.tell("log", &format!("{n} {line}"), &json!({"line": line}))
                    .await;
            }
            if ended || !told.pause(&app).await {
                return Ok(told);
            }
        }
    })
}

async fn tell_job(app: &App, id: &str, told: &mut Told) -> Result<bool, Problem> {
    let job = app.store.staging_job_by_id(id).await?;
    let moving = app.staging.worker().live().moving(id);
    for file in app.store.staging_files(id, 0, FILES).await? {
        told.tell(
            "file",
            &file.position.to_string(),
            &moving_json(&file, moving.get(&file.position).copied()),
        )
        .await;
    }
    told.tell("job", "", &job_json(app, &job).await?).await;
    Ok(job.phase.is_final())
}

impl Told {
    /// Waits for the next look; `false` when nobody listens or the service stops.
    async fn pause(&self, app: &App) -> bool {
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => true,
            () = self.sender.closed() => false,
            () = app.stop.cancelled() => false,
        }
    }
}

fn stream<F, W>(app: App, work: F) -> Response
where
    F: FnOnce(App, Told) -> W + Send + 'static,
    W: Future<Output = Result<Told, Problem>> + Send,
{
    let (sender, receiver) = mpsc::channel(64);
    let told = Told {
        sender,
        last: HashMap::new(),
        n: 0,
    };
    tokio::spawn(async move {
        if let Ok(mut told) = work(app, told).await {
            told.tell("end", "", &json!({})).await;
        }
    });
    let events = futures::stream::unfold(receiver, |mut receiver| async {
        Some((receiver.recv().await?, receiver))
    });
    let sse = Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(15)));
    let mut response = sse.into_response();
    response.headers_mut().insert(
        HeaderName::from_static("x-accel-buffering"),
        HeaderValue::from_static("no"),
    );
    response
}
