//! A portal's page tried from outside, as its own CI does.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::thread;

use serde_json::Value;

use crate::gantry::{Gantry, Ran, standin};

const PRODUCT: &str = "COM_PowerSpect_CMB-TT-full_R3.01.txt";

/// A portal with one page, and what its headers say besides; its address.
fn portal(html: String, header: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
            while lines.next().is_some_and(|line| !line.is_empty()) {}
            let answer = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n{header}Content-Length: {}\r\nConnection: close\r\n\r\n{html}",
                html.len()
            );
            // Who asked may have gone.
            let _ = (&stream).write_all(answer.as_bytes());
        }
    });
    format!("http://{address}/results")
}

fn failed(ran: &Ran) -> Vec<(String, String)> {
    let checks = ran.answer()["checks"].as_array().unwrap().clone();
    let failed = checks.iter().filter(|check| check["ok"] == false);
    let text = |check: &Value, key: &str| check[key].as_str().unwrap().to_owned();
    failed
        .map(|check| (text(check, "what"), text(check, "text")))
        .collect()
}

#[test]
fn a_portal_that_does_it_right_passes_and_one_that_does_not_is_told_what() {
    let (archive, _cache) = standin(16);
    let gantry = Gantry::on(&archive);
    gantry.json(&["harvest", "planck"]);
    let service = gantry.serve();
    let base = service.said["url"]
        .as_str()
        .unwrap()
        .replace("localhost", "127.0.0.1");
    let good = portal(
        format!(
            "<!doctype html><a href=\"{base}open-in-notebook?archive=planck&amp;name={PRODUCT}\">Open</a>"
        ),
        "",
    );
    let ran = gantry.run(&["portal-check", &good, "--json"]);
    assert_eq!((ran.code, failed(&ran)), (Some(0), vec![]), "{ran:?}");
    let bad = portal(
        format!(
            "<!doctype html><script src=\"{base}portal/gantry-1.0.0.js\"></script><gantry-button assets=\"planck:none.fits\"></gantry-button>"
        ),
        "Content-Security-Policy: default-src 'self'\r\nReferrer-Policy: no-referrer\r\n",
    );
    let ran = gantry.run(&["portal-check", &bad, "--json"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let wrong = failed(&ran);
    for (what, words) in [
        ("without the script", "plain link"),
        ("script", "`integrity`"),
        ("content policy", "`script-src`"),
        ("referrer policy", "no-referrer"),
        ("identifiers", "planck:none.fits is unknown"),
    ] {
        let found = wrong.iter().find(|(name, _)| name == what);
        assert!(
            found.is_some_and(|(_, text)| text.contains(words)),
            "{what}: {wrong:?}"
        );
    }
    let empty = portal("<!doctype html><p>Nothing</p>".to_owned(), "");
    let wrong = failed(&gantry.run(&["portal-check", &empty, "--json"]));
    assert!(wrong.iter().any(|(what, _)| what == "buttons"), "{wrong:?}");
    service.stop();
}
