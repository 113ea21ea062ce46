//! Webhooks: who is configured is told when a staging job or a datalab has ended.
//!
//! Messages are signed as [Standard Webhooks](https://www.standardwebhooks.com) has it. They come in order and at least
//! once: how far one was told is kept in the record, and moves on when it answered with a status of success.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{TimeDelta, Utc};
use gantry_net::{Client, HeaderName, HeaderValue, Limits, Method, NetError, Request, Scope};
use gantry_store::{Datalab, Ending, Hook, StagingJob, StoreError};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use url::Url;

use crate::app::App;
use crate::config::{ConfigError, WebhookConfig, WebhookEvent};

/// How often it is looked whether something ended.
const EVERY: Duration = Duration::from_secs(2);
/// How long one that fails is left alone, at first and at most.
const WAIT: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(600));
/// How long after something ended it is no longer told; and, where the answer is that it never will be taken, how long.
const GIVEN_UP: (TimeDelta, TimeDelta) = (TimeDelta::hours(36), TimeDelta::hours(1));

/// One of those who are told.
pub(crate) struct Webhook {
    name: String,
    url: Url,
    secret: Vec<u8>,
    events: Vec<WebhookEvent>,
}

impl Webhook {
    /// # Errors
    /// [`ConfigError::Bad`] for a secret that cannot be read.
    pub(crate) fn of(name: &str, config: &WebhookConfig) -> Result<Self, ConfigError> {
        let is_told = |event: &WebhookEvent| config.events.contains(event);
        Ok(Self {
            name: name.to_owned(),
            url: config.url.clone(),
            secret: config.secret(name)?,
            events: WebhookEvent::all().into_iter().filter(is_told).collect(),
        })
    }

    /// What is kept of it, for each event.
    fn hooks(&self) -> impl Iterator<Item = (&Self, Hook)> {
        self.events.iter().map(move |event| {
            let hook = Hook {
                name: self.name.clone(),
                event: event.as_str(),
                url: self.url.to_string(),
            };
            (self, hook)
        })
    }

    /// What is sent: the headers of the signature, and the body.
    fn signed(&self, id: &str, at: i64, body: String) -> Request {
        let signature = signature(&self.secret, &format!("{id}.{at}.{body}"));
        let headers = [
            ("webhook-id", id.to_owned()),
            ("webhook-timestamp", at.to_string()),
            ("webhook-signature", signature),
        ];
        let request = Request::new(Method::POST, self.url.clone());
        headers
            .into_iter()
            .fold(request, |request, (name, value)| {
                let value = HeaderValue::try_from(value).expect("it is ASCII");
                request.header(HeaderName::from_static(name), value)
            })
            .body("application/json", body)
    }
}

/// The signature of a message (Standard Webhooks, "Signature scheme").
fn signature(secret: &[u8], message: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
    mac.update(message.as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

/// Tells every webhook, each at its own pace, until the service is to stop.
pub(crate) async fn keep_telling(app: App) {
    let each = app.webhooks.iter();
    let hooks: Vec<(&Webhook, Hook)> = each.flat_map(Webhook::hooks).collect();
    let rows: Vec<Hook> = hooks.iter().map(|(_, hook)| hook.clone()).collect();
    if let Err(error) = app.store.keep_webhooks(&rows).await {
        tracing::error!(%error, "webhooks are not told");
        return;
    }
    let told = hooks
        .iter()
        .map(|(webhook, hook)| tell(&app, webhook, hook));
    futures::future::join_all(told).await;
}

/// Sends each webhook a message of type `check` that tells of nothing, and says what it answered.
pub(crate) async fn check(app: &App) -> Vec<(&str, Result<String, NetError>)> {
    let mut checked = Vec::new();
    for webhook in &app.webhooks {
        let message = json!({"type": "check", "timestamp": Utc::now(), "data": {}});
        let id = format!("check-{}", uuid::Uuid::new_v4());
        let request = webhook.signed(&id, Utc::now().timestamp(), message.to_string());
        let answered = client(app, webhook).request(request).await;
        let result = answered.map(|answer| format!("answered {}", answer.status()));
        checked.push((webhook.name.as_str(), result));
    }
    checked
}

fn client(app: &App, webhook: &Webhook) -> Client {
    let mut scope = Scope::new(format!("webhook {}", webhook.name), [&webhook.url]);
    scope.limits = Limits {
        headers: Duration::from_secs(20),
        attempts: 1,
        max_redirects: 0,
        failures: u32::MAX,
        ..Limits::default()
    };
    app.net.client(scope)
}

async fn tell(app: &App, webhook: &Webhook, hook: &Hook) {
    let client = client(app, webhook);
    tokio::select! {
        () = keep_on(app, (webhook, hook), &client) => {}
        () = app.stop.cancelled() => {}
    }
    if let Err(error) = app.store.give_back_webhook(hook, &app.owner).await {
        tracing::warn!(webhook = webhook.name, %error, "the next process waits for the end of the lease");
    }
}

/// Tells one after the other, for ever.
async fn keep_on(app: &App, (webhook, hook): (&Webhook, &Hook), client: &Client) {
    let mut failures: u32 = 0;
    loop {
        let next = tell_next(app, (webhook, hook), client).await;
        let wait = match next {
            Ok(true) => {
                failures = 0;
                continue;
            }
            Ok(false) => EVERY,
            Err(error) => {
                let wait = WAIT.0.saturating_mul(1 << failures.min(10)).min(WAIT.1);
                failures += 1;
                tracing::warn!(webhook = webhook.name, %error, failures, wait_s = wait.as_secs(), "a webhook was not told");
                wait
            }
        };
        tokio::time::sleep(wait).await;
    }
}

/// Why somebody was not told.
#[derive(Debug, thiserror::Error)]
enum NotTold {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Net(#[from] NetError),
}

/// Tells of the next that ended; whether there was one.
async fn tell_next(
    app: &App,
    (webhook, hook): (&Webhook, &Hook),
    client: &Client,
) -> Result<bool, NotTold> {
    let Some(ending) = app.store.claim_webhook(hook, &app.owner).await? else {
        return Ok(false);
    };
    // What is gone, or goes on after all, has nothing to be told of; its next end has.
    if let Some(data) = data_of(app, hook.event, &ending.id).await? {
        let message = json!({
            "type": format!("{}.ended", hook.event),
            "timestamp": ending.at,
            "data": data,
        });
        let id = format!("{}-{}-{}", hook.event, ending.id, ending.number);
        let request = webhook.signed(&id, Utc::now().timestamp(), message.to_string());
        match client.request(request).await {
            Err(error) if !is_given_up(&ending, &error) => return Err(error.into()),
            Err(error) => {
                tracing::error!(webhook = webhook.name, message = id, %error, "a webhook is not told of it at all");
            }
            Ok(_) => tracing::debug!(webhook = webhook.name, message = id, "told a webhook"),
        }
    }
    app.store.webhook_told(hook, &ending).await?;
    Ok(true)
}

/// Whether it is of no use to try again.
fn is_given_up(ending: &Ending, error: &NetError) -> bool {
    let is_refused = error
        .status()
        .is_some_and(|status| status.is_client_error() && !matches!(status.as_u16(), 408 | 429));
    let after = if is_refused { GIVEN_UP.1 } else { GIVEN_UP.0 };
    Utc::now() - ending.at > after
}

/// What there is to tell of a job or datalab that ended; `None` when it is gone, or goes on.
async fn data_of(app: &App, event: &str, id: &str) -> Result<Option<Value>, StoreError> {
    let told = if event == WebhookEvent::StagingJob.as_str() {
        match app.store.staging_job_by_id(id).await {
            Ok(job) if job.phase.is_final() => job_json(app, &job).await.map(Some),
            Ok(_) => Ok(None),
            Err(error) => Err(error),
        }
    } else {
        let datalab = app.store.datalab_by_id(id).await;
        datalab.map(|datalab| {
            let ended = Some(datalab).filter(|datalab| datalab.phase.is_final());
            ended.map(|datalab| datalab_json(app, &datalab))
        })
    };
    match told {
        Err(StoreError::NotFound { .. }) => Ok(None),
        told => told,
    }
}

async fn job_json(app: &App, job: &StagingJob) -> Result<Value, StoreError> {
    let volume = app.store.volume_by_id(&job.volume).await.ok();
    Ok(json!({
        "id": job.id,
        "page": format!("{}staging-jobs/{}", app.public_url(), job.id),
        "user": app.store.user(&job.owner).await?.name,
        "selection": job.selection,
        "volume": volume.map(|volume| volume.name),
        "phase": job.phase,
        "message": job.message,
        "files": app.store.file_counts(&job.id).await?,
        "bytes_moved": job.bytes_moved,
        "created": job.created,
        "ended": job.ended,
    }))
}

fn datalab_json(app: &App, datalab: &Datalab) -> Value {
    json!({
        "id": datalab.id,
        "page": format!("{}datalabs/{}", app.public_url(), datalab.id),
        "lab": datalab.lab,
        "name": datalab.name,
        "staging_job": datalab.staging_job,
        "phase": datalab.phase,
        "message": datalab.message,
        "created": datalab.created,
        "ended": datalab.ended,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of Standard Webhooks' own libraries.
    #[test]
    fn a_message_is_signed_as_standard_webhooks_has_it() {
        let secret = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let message = r#"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}"#;
        assert_eq!(
            signature(&secret, message),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }
}
