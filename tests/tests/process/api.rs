//! Asking a service over HTTP; one request to a connection.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// A service as one user sees it.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    address: String,
    token: String,
}

impl Api {
    /// The service at an address such as `http://localhost:8080/`.
    pub(crate) fn at(url: &str, token: &str) -> Self {
        let address = url.trim_start_matches("http://").trim_end_matches('/');
        Self {
            address: address.to_owned(),
            token: token.to_owned(),
        }
    }

    /// The answer to GET, which must be 200.
    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Value {
        let (status, body) = self.ask("GET", path, None);
        assert_eq!(status, 200, "GET {path}: {body}");
        body
    }

    /// The answer to POST, which must be this status.
    #[track_caller]
    pub(crate) fn post(&self, status: u16, path: &str, body: &Value) -> Value {
        let (answered, answer) = self.ask("POST", path, Some(body));
        assert_eq!(answered, status, "POST {path}: {answer}");
        answer
    }

    /// Status and body of an answer.
    pub(crate) fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let body = body.map(Value::to_string).unwrap_or_default();
        let mut stream = TcpStream::connect(self.address.replace("localhost", "127.0.0.1"))
            .unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        // HTTP/1.0, so that the answer ends with the connection.
        let request = format!(
            "{method} {path} HTTP/1.0\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            self.token,
            body.len()
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(body).unwrap_or(Value::Null))
    }
}
