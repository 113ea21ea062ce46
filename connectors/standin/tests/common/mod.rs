//! HTTP/1.1 by hand, so that what is seen is what is on the wire.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(
    clippy::allow_attributes,
    dead_code,
    reason = "each test binary uses its own part of this module"
)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use gantry_standin::{PlanckStandin, Running, StandinConfig};

/// The NSIDE of most tests; small maps take no time.
pub(crate) const NSIDE: u32 = 16;
pub(crate) const MAP: &str = "HFI_SkyMap_100_0016_R3.01_full.fits";

pub(crate) struct Standin {
    pub(crate) running: Running,
    pub(crate) cache: tempfile::TempDir,
}

pub(crate) fn standin() -> Standin {
    standin_with(|_| {})
}

pub(crate) fn standin_with(change: impl FnOnce(&mut StandinConfig)) -> Standin {
    let cache = tempfile::tempdir().unwrap();
    let mut config = StandinConfig::new(cache.path());
    config.maps.nside = NSIDE;
    change(&mut config);
    let running = PlanckStandin::start(config).unwrap();
    Standin { running, cache }
}

/// An answer as it came: `body` may be shorter than `content-length` says.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn length(&self) -> u64 {
        self.header("content-length").unwrap().parse().unwrap()
    }
}

pub(crate) fn map_path(name: &str) -> String {
    format!("/pla/aio/product-action?MAP.MAP_ID={name}")
}

pub(crate) fn get(address: SocketAddr, target: &str) -> Answer {
    request(address, "GET", target, &[]).expect("an answer")
}

/// One request on a connection of its own; nothing when no answer came within two seconds.
pub(crate) fn request(
    address: SocketAddr,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
) -> Option<Answer> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(2)))
        .unwrap();
    let extra: String = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    let text = format!(
        "{method} {target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{extra}\r\n"
    );
    stream.write_all(text.as_bytes()).ok()?;
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().unwrap();
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    Some(Answer {
        status,
        headers,
        body: bytes[end + 4..].to_vec(),
    })
}
