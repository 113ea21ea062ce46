//! What a service writes about what it is asked: lines of JSON, each request by its id, and no secrets.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::Value;

use crate::gantry::{Gantry, standin};
use crate::processes::{PATIENCE, until};

/// Asks with this head, and gives the head of the answer.
fn ask(url: &str, request: &str) -> String {
    let address = url.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = TcpStream::connect(address.replace("localhost", "127.0.0.1")).unwrap();
    let text = request.replace("HOST", address);
    stream.write_all(text.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn every_line_of_a_request_has_its_id_and_none_has_a_secret() {
    let (archive, _cache) = standin(16);
    let gantry = Gantry::on(&archive);
    let token = gantry.token_of("ada");
    let service = gantry.serve_with(&token);
    let url = service.said["url"].as_str().unwrap();
    let login = service.said["login_url"].as_str().unwrap();
    let code = login.split_once("code=").unwrap().1;
    let body = "{\"name\": \"No Name\"}";
    let answer = ask(
        url,
        &format!(
            "POST /api/v1/volumes HTTP/1.0\r\nHost: HOST\r\nX-Request-Id: the-proxys-7\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ),
    );
    assert!(answer.starts_with("HTTP/1.0 422 "), "{answer}");
    assert!(
        answer
            .to_ascii_lowercase()
            .contains("x-request-id: the-proxys-7"),
        "{answer}"
    );
    let entered = ask(
        url,
        &format!("GET /login?code={code} HTTP/1.0\r\nHost: HOST\r\n\r\n"),
    );
    assert!(entered.starts_with("HTTP/1.0 303 "), "{entered}");
    let again = ask(
        url,
        &format!("POST /login HTTP/1.0\r\nHost: HOST\r\nContent-Length: 69\r\n\r\ncode={code}"),
    );
    assert!(again.starts_with("HTTP/1.0 200 "), "{again}");
    let line = until("the request is told", PATIENCE, || {
        let log = service.log();
        let lines = log
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        let mut ours = lines.filter(|line| line["span"]["request.id"] == "the-proxys-7");
        ours.find(|line| line["fields"]["message"] == "answered")
    });
    let fields = &line["fields"];
    assert_eq!(
        (&fields["http.status"], &fields["http.path"]),
        (&422.into(), &"/api/v1/volumes".into())
    );
    let secret = entered.split("gantry_").nth(1).unwrap();
    let secret = secret.split(['=', ';']).nth(1).unwrap();
    let log = service.log();
    for secret in [token.as_str(), code, secret] {
        assert!(
            secret.len() > 30 && !log.contains(secret),
            "a secret is in the log"
        );
    }
    service.stop();
}
