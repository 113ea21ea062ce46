use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gantry_asset::AdqlQuery;
use gantry_connector::OpenError;
use gantry_connector::tap::Tap;
use gantry_net::{Net, NetConfig, Scope};
use gantry_standin::{Fault, GaiaConfig, GaiaStandin, Times};

#[tokio::test]
async fn a_job_that_stays_queued_is_given_up_with_a_reason_that_does_not_name_it() {
    let standin = GaiaStandin::start(GaiaConfig::default()).unwrap();
    standin
        .faults()
        .set_for("async", Fault::StaysQueued, Times::Always);
    let base = format!("{}/tap-server/tap/", standin.url())
        .parse()
        .unwrap();
    let net = Net::new(NetConfig::default()).unwrap();
    let client = net.client(Scope {
        name: "gaia".to_owned(),
        hosts: vec![standin.address().to_string()],
        ..Scope::default()
    });
    let tap = Tap::new("gaia".parse().unwrap(), client, base).patience(Duration::from_millis(50));
    let query = AdqlQuery {
        upload: None,
        adql: "SELECT TOP 1 ra FROM gaiadr3.gaia_source".to_owned(),
        release: None,
        format: "votable_plain".to_owned(),
        max_rows: None,
    };
    let asked = tap.result("a.vot", (&query, None), None, |_| {});
    let answer = tokio::time::timeout(Duration::from_secs(30), asked).await;
    let error = answer.expect("the job is waited for without end").err();
    let Some(OpenError::Refused { why, .. }) = error else {
        panic!("{error:?}")
    };
    assert_eq!(
        why,
        "the job was not done after 0 s; ask for less, or again when the archive is less busy"
    );
}

/// Answers every request alike, one a connection, and keeps what it was asked.
fn peer(
    answer: impl Fn(SocketAddr) -> String + Send + 'static,
) -> (SocketAddr, Arc<Mutex<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let asked = Arc::<Mutex<String>>::default();
    let kept = Arc::clone(&asked);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut bytes = [0; 8192];
            let n = stream.read(&mut bytes).unwrap_or(0);
            kept.lock()
                .unwrap()
                .push_str(&String::from_utf8_lossy(&bytes[..n]));
            let _ = stream.write_all(answer(address).as_bytes());
        }
    });
    (address, asked)
}

#[tokio::test]
async fn who_asks_is_not_told_to_another_host_where_a_job_is_said_to_be() {
    let error = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nConnection: close\r\n\r\nERROR";
    let (elsewhere, told_elsewhere) = peer(move |_| error.to_owned());
    let (service, told) = peer(move |_| {
        format!(
            "HTTP/1.1 303 See Other\r\nLocation: http://{elsewhere}/async/1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )
    });
    let client = Net::new(NetConfig::default()).unwrap().client(Scope {
        name: "gaia".to_owned(),
        hosts: vec![service.to_string(), elsewhere.to_string()],
        ..Scope::default()
    });
    let base = format!("http://{service}/tap/").parse().unwrap();
    let tap = Tap::new("gaia".parse().unwrap(), client, base);
    let tap = tap.session("SESSION=known-to-one".parse().unwrap());
    let query = AdqlQuery {
        upload: None,
        adql: "SELECT 1".to_owned(),
        release: None,
        format: "votable".to_owned(),
        max_rows: None,
    };
    let asked = tap.result("a.vot", (&query, None), None, |_| {});
    let answer = tokio::time::timeout(Duration::from_secs(30), asked).await;
    assert!(answer.expect("the job failed").is_err());
    assert!(
        told.lock()
            .unwrap()
            .to_lowercase()
            .contains("cookie: session=known-to-one")
    );
    let told = told_elsewhere.lock().unwrap().clone();
    assert!(told.contains("GET /async/1"), "{told}");
    assert!(!told.contains("known-to-one"), "{told}");
}
