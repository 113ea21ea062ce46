//! Webhooks: who is configured is told, signed and again until it answers.

use std::process::Command;
use std::sync::{Arc, Mutex};

use gantry_server::config::{WebhookConfig, WebhookEvent};
use gantry_tests::{TestApp, eventually, product};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::{keys, text};

const MAP: &str = "HFI_SkyMap_100_NSIDE_R3.01_full";
const SECRET: &str = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// What came, and with what it is answered.
#[derive(Clone, Default)]
struct Receiver {
    came: Arc<Mutex<Vec<Message>>>,
    fails: Arc<Mutex<u32>>,
}

#[derive(Clone, Debug, PartialEq)]
struct Message {
    headers: Vec<(String, String)>,
    body: String,
}

impl Message {
    fn header(&self, name: &str) -> &str {
        let mut headers = self.headers.iter();
        let found = headers.find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }
}

impl Receiver {
    /// Listens, failing the first so many times.
    async fn start(fails: u32) -> (Self, String) {
        let receiver = Self::default();
        *receiver.fails.lock().unwrap() = fails;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/told", listener.local_addr().unwrap());
        let to = receiver.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                to.answer(stream).await;
            }
        });
        (receiver, url)
    }

    async fn answer(&self, mut stream: TcpStream) {
        let mut text = Vec::new();
        let (head, length) = loop {
            let mut piece = [0; 4096];
            let n = stream.read(&mut piece).await.unwrap_or(0);
            if n == 0 {
                return;
            }
            text.extend_from_slice(&piece[..n]);
            let shown = String::from_utf8_lossy(&text).into_owned();
            if let Some((head, _)) = shown.split_once("\r\n\r\n") {
                let length = head.lines().find_map(|line| {
                    let (name, value) = line.split_once(": ")?;
                    name.eq_ignore_ascii_case("content-length")
                        .then(|| value.parse().unwrap())
                });
                break (head.to_owned(), length.unwrap_or(0));
            }
        };
        let mut body = text[head.len() + 4..].to_vec();
        while body.len() < length {
            let mut piece = [0; 4096];
            let n = stream.read(&mut piece).await.unwrap();
            body.extend_from_slice(&piece[..n]);
        }
        let headers = head
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(": "));
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
        self.came.lock().unwrap().push(Message {
            headers: headers.collect(),
            body: String::from_utf8(body).unwrap(),
        });
        let fails = {
            let mut left = self.fails.lock().unwrap();
            let fails = *left > 0;
            *left = left.saturating_sub(1);
            fails
        };
        let status = if fails {
            "503 Service Unavailable"
        } else {
            "204 No Content"
        };
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        stream.write_all(answer.as_bytes()).await.unwrap();
    }

    fn came(&self) -> Vec<Message> {
        self.came.lock().unwrap().clone()
    }
}

/// The signature that Python's own library makes.
fn signature(message: &Message) -> String {
    let script = "import base64, hashlib, hmac, sys; \
                  print('v1,' + base64.b64encode(hmac.new(base64.b64decode(sys.argv[1]), sys.argv[2].encode(), hashlib.sha256).digest()).decode())";
    let (id, at) = (
        message.header("webhook-id"),
        message.header("webhook-timestamp"),
    );
    let signed = format!("{id}.{at}.{}", message.body);
    let mut python = Command::new("python3");
    python.args(["-c", script, SECRET, &signed]);
    let output = python.output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[tokio::test]
async fn a_webhook_is_told_of_a_job_that_ended_signed_and_again_until_it_answers() {
    let (receiver, url) = Receiver::start(1).await;
    let folder = tempfile::tempdir().unwrap();
    let secret_file = folder.path().join("secret");
    std::fs::write(&secret_file, format!("whsec_{SECRET}\n")).unwrap();
    let webhook = WebhookConfig {
        url: url.parse().unwrap(),
        secret_file,
        events: vec![WebhookEvent::StagingJob],
    };
    let app = TestApp::builder()
        .configure(move |config| drop(config.webhook.insert("chat".to_owned(), webhook)))
        .start()
        .await;
    let ada = app.user("ada").await;
    let job = ada.add_to_volume(&[&product(MAP)], "workspace").await;
    let done = job.completes().await;
    let came = eventually("it is told twice", || async {
        let came = receiver.came();
        (came.len() == 2).then_some(came)
    })
    .await;
    let job_id = text(&done, "/id");
    let id = came[0].header("webhook-id").to_owned();
    assert!(id.starts_with(&format!("staging-job-{job_id}-")), "{id}");
    for message in &came {
        assert_eq!(message.header("webhook-id"), id);
        assert_eq!(message.header("webhook-signature"), signature(message));
        assert_eq!(message.header("content-type"), "application/json");
    }
    let told: Value = serde_json::from_str(&came[1].body).unwrap();
    assert_eq!(keys(&told), ["data", "timestamp", "type"]);
    assert_eq!(told["type"], "staging-job.ended");
    let data = &told["data"];
    assert_eq!(
        (&data["id"], &data["phase"], &data["user"], &data["volume"]),
        (
            &done["id"],
            &json!("COMPLETED"),
            &json!("ada"),
            &json!("workspace")
        )
    );
    assert_eq!(data["files"]["staged"], 1, "{data}");
    assert!(text(data, "/page").ends_with(&format!("/staging-jobs/{job_id}")));
    assert_eq!(told["timestamp"], data["ended"]);

    // What was told is not told again; the next is.
    let next = ada.add_to_volume(&[&product(MAP)], "workspace").await;
    let next = next.completes().await;
    let came = eventually("the next is told", || async {
        let came = receiver.came();
        (came.len() > 2).then_some(came)
    })
    .await;
    assert_eq!(came.len(), 3);
    let next_id = format!("staging-job-{}-", text(&next, "/id"));
    assert!(came[2].header("webhook-id").starts_with(&next_id));
}

#[test]
fn a_webhook_without_a_good_secret_is_refused_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    for (secret, why) in [
        (None, "No such file"),
        (Some("hunter2"), "holds no `whsec_` with at least 24 bytes"),
        (
            Some("whsec_c2hvcnQ="),
            "holds no `whsec_` with at least 24 bytes",
        ),
    ] {
        if let Some(secret) = secret {
            std::fs::write(&file, secret).unwrap();
        }
        let toml = format!(
            "data_dir = '{0}/data'\n[webhook.chat]\nurl = 'http://127.0.0.1:9/'\nsecret_file = '{0}/secret'\n",
            folder.path().display()
        );
        let at = folder.path().join("gantry.toml");
        std::fs::write(&at, toml).unwrap();
        let config = gantry_server::config::Config::load(Some(&at)).unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let opened = runtime.block_on(gantry_server::app::App::open(config, false));
        let error = format!("{:#}", opened.err().unwrap());
        assert!(
            error.contains("webhook.chat.secret_file") && error.contains(why),
            "{error}"
        );
        assert!(!error.contains("hunter2"), "{error}");
    }
}
