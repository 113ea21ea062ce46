//! Where an answer leads, and what of the request may go there.

use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, LOCATION, PROXY_AUTHORIZATION};
use http::{Method, StatusCode};
use url::Url;

use crate::error::NetError;
use crate::layers::Answer;
use crate::request::Request;
use crate::shown::ShownUrl;

/// The request to go on with, or none when the answer is not a redirect.
///
/// # Errors
/// [`NetError::BadRedirect`] for an unreadable or missing target, another scheme, a step from
/// HTTPS down to HTTP, and a body that would go to another host.
pub(crate) fn next(request: &Request, answer: &Answer) -> Result<Option<Request>, NetError> {
    use StatusCode as S;
    let (S::MOVED_PERMANENTLY
    | S::FOUND
    | S::SEE_OTHER
    | S::TEMPORARY_REDIRECT
    | S::PERMANENT_REDIRECT) = answer.status
    else {
        return Ok(None);
    };
    let bad = |to: String, reason| NetError::BadRedirect {
        url: ShownUrl::from(&request.url),
        to,
        reason,
    };
    let location = answer
        .headers
        .get(LOCATION)
        .and_then(|value| std::str::from_utf8(value.as_bytes()).ok());
    let Some(location) = location else {
        return Err(bad(String::new(), "no readable `Location`"));
    };
    let Ok(url) = request.url.join(location) else {
        return Err(bad(String::new(), "`Location` is not an address"));
    };
    let shown = || ShownUrl::from(&url).to_string();
    if !matches!(url.scheme(), "http" | "https") {
        return Err(bad(shown(), "only http and https are followed"));
    }
    if request.url.scheme() == "https" && url.scheme() == "http" {
        return Err(bad(shown(), "it would leave https"));
    }
    if request.errand.is_some() {
        if !same_place(&request.url, &url) {
            return Err(bad(shown(), "what changes something stays on its host"));
        }
        if !request.body.is_empty() || request.is_streamed() || answer.status == S::SEE_OTHER {
            return Err(bad(shown(), "what is written is sent once"));
        }
    }
    let mut next = request.clone();
    turn_into_get(&mut next, answer.status);
    if !same_place(&request.url, &url) {
        if !next.body.is_empty() {
            return Err(bad(shown(), "it would send a body to another host"));
        }
        drop_secrets(&mut next);
    }
    next.url = without_new_user(&request.url, url);
    Ok(Some(next))
}

/// 303 turns everything into a GET, and 301 and 302 a POST, as browsers do.
fn turn_into_get(request: &mut Request, status: StatusCode) {
    let turns = match status {
        StatusCode::SEE_OTHER => request.method != Method::HEAD,
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => request.method == Method::POST,
        _ => false,
    };
    if turns {
        request.method = Method::GET;
        request.repeatable = true;
        request.body.clear();
        request.headers.remove(CONTENT_TYPE);
    }
}

/// Whether credentials for one address may go to the other: same host, and the same port or the
/// step from HTTP up to HTTPS on their usual ports.
fn same_place(from: &Url, to: &Url) -> bool {
    let ports = (from.port_or_known_default(), to.port_or_known_default());
    let steps_up =
        from.scheme() == "http" && to.scheme() == "https" && ports == (Some(80), Some(443));
    from.host_str() == to.host_str()
        && (steps_up || (ports.0 == ports.1 && from.scheme() == to.scheme()))
}

fn drop_secrets(request: &mut Request) {
    for name in [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION] {
        request.headers.remove(name);
    }
    let sensitive: Vec<_> = request
        .headers
        .iter()
        .filter(|(_, value)| value.is_sensitive())
        .map(|(name, _)| name.clone())
        .collect();
    for name in sensitive {
        request.headers.remove(name);
    }
}

/// A user in `Location` comes from outside and is dropped; our own stays on a relative redirect.
fn without_new_user(from: &Url, mut to: Url) -> Url {
    if !same_place(from, &to)
        || (from.username(), from.password()) != (to.username(), to.password())
    {
        // Both fail only for addresses without a host, which were refused before.
        let _ = to.set_username("");
        let _ = to.set_password(None);
    }
    to
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Request;
    use http::HeaderValue;

    fn redirected(request: Request, status: u16, to: &str) -> Result<Option<Request>, NetError> {
        let mut answer = Answer::empty(StatusCode::from_u16(status).unwrap());
        answer
            .headers
            .insert(LOCATION, HeaderValue::from_str(to).unwrap());
        next(&request, &answer)
    }

    fn get(url: &str) -> Request {
        Request::new(Method::GET, url.parse().unwrap())
            .authorization("Bearer", "abc")
            .header(COOKIE, HeaderValue::from_static("a=b"))
    }

    #[test]
    fn credentials_stay_on_the_host_and_go_nowhere_else() {
        let same = redirected(get("https://a.example/1"), 302, "/2")
            .unwrap()
            .unwrap();
        assert!(same.headers.contains_key(AUTHORIZATION));
        let up = redirected(get("http://a.example/1"), 301, "https://a.example/1")
            .unwrap()
            .unwrap();
        assert!(up.headers.contains_key(AUTHORIZATION));
        for other in [
            "https://b.example/",
            "//b.example/2",
            "https://a.example:8443/",
            "https://x:y@b.example/",
        ] {
            let next = redirected(get("https://a.example/1"), 302, other)
                .unwrap()
                .unwrap();
            assert!(next.headers.is_empty(), "{other}");
            assert_eq!(next.url.username(), "");
        }
    }

    #[test]
    fn leaving_https_or_http_is_refused() {
        for to in [
            "http://a.example/",
            "file:///etc/passwd",
            "ftp://a.example/",
            "gopher://a.example/",
        ] {
            let error = redirected(get("https://a.example/"), 302, to).unwrap_err();
            assert!(matches!(error, NetError::BadRedirect { .. }), "{to}");
        }
    }

    #[test]
    fn a_post_becomes_a_get_unless_the_answer_says_otherwise() {
        let post = || {
            Request::new(Method::POST, "https://a.example/async".parse().unwrap())
                .body("text/plain", "x")
        };
        let see_other = redirected(post(), 303, "/async/1").unwrap().unwrap();
        assert_eq!((see_other.method, see_other.body.len()), (Method::GET, 0));
        let again = redirected(post(), 307, "/other").unwrap().unwrap();
        assert_eq!((again.method, again.body.len()), (Method::POST, 1));
        assert!(redirected(post(), 308, "https://b.example/").is_err());
        assert!(redirected(post(), 304, "/x").unwrap().is_none());
    }
}
