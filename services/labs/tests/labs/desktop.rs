//! The shipped labs with windows, as they really start: what their way in lets through, what is seen, what is left.
//!
//! Debian's packages bring the programs. Where they are missing a test says so and does not run, unless
//! `GANTRY_REQUIRE_SERVERS` is set, as it is where everything must run.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use gantry_labs::launcher::{Launcher, LocalLauncher, Running, StartRequest, State};

use crate::conformance::request;
use crate::world::{World, lives, pid, until};

/// A desktop that serves, and its world.
struct Desktop {
    world: World,
    launcher: LocalLauncher,
    running: Running,
}

/// Starts a shipped lab; `None` where its programs are not here.
async fn started(lab: &str, arguments: &[&str]) -> Option<Desktop> {
    let world = World::new().await;
    let launcher = world.launcher();
    let lab = world.catalogue().lab(lab).unwrap().clone();
    if let Some(why) = launcher.lacks(&lab) {
        assert!(
            std::env::var_os("GANTRY_REQUIRE_SERVERS").is_none(),
            "NOT RUN: {why}"
        );
        eprintln!("NOT RUN: {why}");
        return None;
    }
    let request = StartRequest {
        lab,
        arguments: arguments.iter().map(|text| (*text).to_owned()).collect(),
        ..request(&world, &world.ada.id)
    };
    let running = launcher.start(&request).await.unwrap();
    let desktop = Desktop {
        world,
        launcher,
        running,
    };
    until(|| async {
        match desktop.state().await {
            State::Serving { .. } => Some(()),
            State::Starting { .. } => None,
            State::Ended { text, .. } => panic!("{text}\n{}", desktop.log().await),
        }
    })
    .await;
    Some(desktop)
}

impl Desktop {
    async fn state(&self) -> State {
        self.launcher.state(&self.running, "s3cret").await
    }

    async fn log(&self) -> String {
        let log = self.launcher.logs(&self.world.ada.id, 20_000).await;
        log.unwrap()
    }

    fn port(&self) -> u16 {
        self.running.address.port().unwrap()
    }

    /// Asks in the words given, and answers with the connection and the head of what came.
    fn ask(&self, path: &str, headers: &str) -> (TcpStream, String) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port())).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\n{headers}\r\n").unwrap();
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() > 0 {
            head.push(byte[0]);
        }
        (stream, String::from_utf8(head).unwrap())
    }

    fn host(&self) -> String {
        format!("Host: 127.0.0.1:{}\r\n", self.port())
    }

    /// The cookie that the secret becomes.
    fn cookie(&self) -> String {
        let (_, head) = self.ask("/?token=s3cret", &self.host());
        assert!(head.starts_with("HTTP/1.1 303 "), "{head}");
        assert!(
            head.contains("\r\nLocation: /vnc.html?autoconnect=true"),
            "{head}"
        );
        let line = head
            .lines()
            .find_map(|line| line.strip_prefix("Set-Cookie: "))
            .unwrap();
        assert!(line.contains("; HttpOnly; SameSite=Lax"), "{line}");
        line.split(';').next().unwrap().to_owned()
    }

    /// Opens the socket of the display, as a page of this origin does.
    fn look(&self, cookie: &str, origin: &str) -> (TcpStream, String) {
        let headers = format!(
            "{}Cookie: {cookie}\r\nOrigin: {origin}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: binary\r\n",
            self.host()
        );
        self.ask("/websockify", &headers)
    }

    /// The processes of the datalab: id, command line.
    fn processes(&self) -> Vec<(u64, String)> {
        let mark = format!("GANTRY_DATALAB={}", self.world.ada.id);
        let of = |entry: std::fs::DirEntry| {
            let pid: u64 = entry.file_name().to_str()?.parse().ok()?;
            let environment = std::fs::read(entry.path().join("environ")).ok()?;
            let is_ours = String::from_utf8_lossy(&environment)
                .split('\0')
                .any(|name| name == mark);
            let command = std::fs::read(entry.path().join("cmdline")).ok()?;
            is_ours.then(|| (pid, String::from_utf8_lossy(&command).replace('\0', " ")))
        };
        let entries = std::fs::read_dir("/proc").unwrap().flatten();
        entries.filter_map(of).collect()
    }

    async fn stop(self) {
        let processes = self.processes();
        assert!(processes.len() >= 4, "{processes:?}");
        self.launcher
            .stop(&self.world.ada.id, None, Duration::from_secs(10))
            .await
            .unwrap();
        assert!(processes.iter().all(|(pid, _)| !lives(*pid)));
        assert!(self.launcher.alive().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_desktop_is_shown_to_whoever_has_its_secret_and_to_nobody_else() {
    let Some(desktop) = started("sepp/files", &[]).await else {
        return;
    };
    let (own, port) = (desktop.host(), desktop.port());
    for (path, headers) in [
        ("/", own.clone()),
        ("/?token=wrong", own.clone()),
        ("/vnc.html", own.clone()),
        ("/api/status", own.clone()),
        (
            "/api/status",
            format!("{own}Authorization: token wrong\r\n"),
        ),
        (
            "/vnc.html",
            format!("{own}Cookie: gantry-desktop-{port}=wrong\r\n"),
        ),
        // A name that leads here by deceit.
        ("/?token=s3cret", format!("Host: evil.example:{port}\r\n")),
        ("/?token=s3cret", String::new()),
    ] {
        let (_, head) = desktop.ask(path, &headers);
        assert!(
            head.starts_with("HTTP/1.1 403 "),
            "{path} {headers}: {head}"
        );
    }
    let cookie = desktop.cookie();
    let (_, head) = desktop.ask("/vnc.html", &format!("{own}Cookie: {cookie}\r\n"));
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");

    let origin = format!("http://127.0.0.1:{port}");
    for (cookie, origin) in [
        ("", origin.as_str()),
        (cookie.as_str(), "http://evil.example"),
        (cookie.as_str(), "http://127.0.0.1:1"),
    ] {
        let (_, head) = desktop.look(cookie, origin);
        assert!(head.starts_with("HTTP/1.1 403 "), "{head}");
    }
    let (mut stream, head) = desktop.look(&cookie, &origin);
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    let mut frame = [0; 14];
    stream.read_exact(&mut frame).unwrap();
    assert_eq!(&frame[2..], b"RFB 003.008\n");
    desktop.stop().await;
}

#[tokio::test]
async fn a_desktop_somebody_looks_at_is_active_and_its_secret_is_in_no_command_line_and_no_log() {
    let Some(desktop) = started("sepp/files", &[]).await else {
        return;
    };
    let last = |state: State| match state {
        State::Serving { last_activity } => last_activity.unwrap(),
        other => panic!("{other:?}"),
    };
    let before = last(desktop.state().await);
    let cookie = desktop.cookie();
    let origin = format!("http://127.0.0.1:{}", desktop.port());
    let viewer = desktop.look(&cookie, &origin);
    until(|| async {
        let age = Utc::now() - last(desktop.state().await);
        (age < TimeDelta::milliseconds(200) && last(desktop.state().await) > before).then_some(())
    })
    .await;
    drop(viewer);
    let left = until(|| async {
        let one = last(desktop.state().await);
        (one == last(desktop.state().await)).then_some(one)
    })
    .await;
    assert!(left > before);

    for (_, command) in desktop.processes() {
        assert!(!command.contains("s3cret"), "{command}");
    }
    let log = desktop.log().await;
    assert!(log.contains("looking") && !log.contains("s3cret"), "{log}");
    let leader = pid(&desktop.running);
    for (process, command) in desktop.processes() {
        let environment = std::fs::read(format!("/proc/{process}/environ")).unwrap();
        let knows = String::from_utf8_lossy(&environment).contains("s3cret");
        assert!(!knows || process == leader, "{command} has the secret");
    }
    desktop.stop().await;
}

#[tokio::test]
async fn topcat_begins_with_its_tables_and_listens_to_nobody() {
    let place = tempfile::tempdir().unwrap();
    let table = place.path().join("stars.csv");
    std::fs::write(&table, "ra,dec\n1,2\n").unwrap();
    let arguments = ["-f", "csv", table.to_str().unwrap()];
    let Some(desktop) = started("sepp/topcat", &arguments).await else {
        return;
    };
    let java = until(|| async {
        let processes = desktop.processes();
        processes
            .into_iter()
            .find(|(_, command)| command.starts_with("java ") && command.contains("stars.csv"))
    })
    .await;
    let network = |pid: u64| std::fs::read_link(format!("/proc/{pid}/ns/net")).unwrap();
    assert_ne!(network(java.0), network(pid(&desktop.running)));
    desktop.stop().await;
}

#[tokio::test]
async fn a_program_that_dies_ends_its_lab_and_leaves_nothing() {
    let Some(desktop) = started("sepp/files", &[]).await else {
        return;
    };
    let program = until(|| async {
        let mut processes = desktop.processes().into_iter();
        processes.find(|(_, command)| command.starts_with("pcmanfm "))
    })
    .await;
    kill(program.0);
    desktop.launcher.ended(&desktop.running).await;
    let State::Ended { text, in_order } = desktop.state().await else {
        panic!("it goes on");
    };
    assert!(!in_order, "{text}");
    let log = desktop.log().await;
    assert!(
        log.contains("the program has ended with status -9"),
        "{log}"
    );
    desktop
        .launcher
        .stop(&desktop.world.ada.id, None, Duration::from_secs(5))
        .await
        .unwrap();
    assert!(desktop.processes().is_empty());
}

fn kill(pid: u64) {
    let killed = std::process::Command::new("kill")
        .args(["-9", &pid.to_string()])
        .status();
    assert!(killed.unwrap().success());
}
