//! Who we say we are, how often we ask, and when we stop.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use gantry_net::{Circuit, HeaderValue, Limits, Method, NetError, Request, header};

use crate::peer::{Peer, Reply, quick};

/// Answers with the replies in turn; the last one goes on.
fn in_turn(replies: Vec<Reply>) -> impl Fn(&crate::peer::Asked) -> Reply {
    let next = AtomicUsize::new(0);
    move |_| {
        let n = next.fetch_add(1, Ordering::SeqCst);
        replies[n.min(replies.len() - 1)].clone()
    }
}

#[tokio::test]
async fn we_say_who_we_are_and_take_the_bytes_as_they_are() {
    let peer = Peer::answering(|_| Reply::ok("data")).await;
    let response = peer.client().get(&peer.url("map.fits")).await.unwrap();
    assert_eq!(response.content_length(), Some(4));
    assert_eq!(&response.bytes(100).await.unwrap()[..], b"data");

    let asked = &peer.asked()[0];
    assert_eq!(
        asked.header("user-agent"),
        Some(concat!("gantry/", env!("CARGO_PKG_VERSION")))
    );
    assert_eq!(asked.header("accept-encoding"), Some("identity"));
}

#[tokio::test]
async fn retry_after_is_obeyed_on_the_wire() {
    let busy = Reply::new(503, &[("retry-after", "1")], "busy");
    let peer = Peer::answering(in_turn(vec![busy, Reply::ok("data")])).await;
    let began = Instant::now();
    assert!(peer.client().get(&peer.url).await.is_ok());
    assert!(
        began.elapsed() >= Duration::from_millis(950),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(peer.n_asked(), 2);
}

#[tokio::test]
async fn a_503_is_asked_again_and_so_is_a_connection_that_breaks() {
    let peer = Peer::answering(in_turn(vec![
        Reply::new(503, &[], "busy"),
        Reply::new(500, &[], "pool empty"),
        Reply::ok("data"),
    ]))
    .await;
    assert!(peer.client().get(&peer.url).await.is_ok());
    assert_eq!(peer.n_asked(), 3);

    let gone = Peer::answering(|_| Reply::ok("")).await.url.clone();
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let mut nobody = gone;
    nobody.set_port(Some(closed.port())).unwrap();
    let client = crate::peer::net(&[]).client(gantry_net::Scope {
        limits: quick(),
        ..gantry_net::Scope::new("nobody", [&nobody])
    });
    let error = client.get(&nobody).await.unwrap_err();
    assert!(
        matches!(error, NetError::Unreachable { .. }) && error.is_transient(),
        "{error:?}"
    );
    assert!(
        client
            .health()
            .last_error
            .unwrap()
            .contains("could not reach")
    );
}

#[tokio::test]
async fn an_error_says_what_the_other_side_said() {
    let page = "<html><title>Oops</title><body>no formatter  <b>votable_gzip</b></body></html>";
    let peer =
        Peer::answering(move |_| Reply::new(400, &[("content-type", "text/html")], page)).await;
    let url = peer.url("data?ID=1&token=s3cret");
    let error = peer.client().get(&url).await.unwrap_err();
    assert_eq!(error.excerpt(), Some("Oops no formatter votable_gzip"));
    assert!(!error.is_transient());
    let text = format!("{error} {error:?}");
    assert!(text.contains("ID=1") && !text.contains("s3cret"), "{text}");
}

#[tokio::test]
async fn bad_credentials_are_sent_once() {
    for status in [401, 403] {
        let peer = Peer::answering(move |_| Reply::new(status, &[], "no")).await;
        let request = Request::new(Method::GET, peer.url.clone()).authorization("token", "abc");
        let error = peer.client().request(request).await.unwrap_err();
        assert!(error.is_denied());
        assert!(peer.client().head(&peer.url).await.unwrap_err().is_denied());
        assert_eq!(peer.n_asked(), 2);
        assert_eq!(peer.asked()[0].header("authorization"), Some("token abc"));
    }
}

#[tokio::test]
async fn a_failing_host_is_left_alone_and_found_again() {
    let replies = vec![Reply::new(503, &[], "down"); 2];
    let peer = Peer::answering(in_turn([replies, vec![Reply::ok("data")]].concat())).await;
    let limits = Limits {
        attempts: 1,
        failures: 2,
        open_for: Duration::from_millis(200),
        ..quick()
    };
    let client = peer.client_with(limits);
    for _ in 0..2 {
        assert!(client.get(&peer.url).await.is_err());
    }
    let error = client.get(&peer.url).await.unwrap_err();
    let Circuit::OpenUntil(until) = client.health().circuit else {
        panic!("closed")
    };
    assert!(
        error.is_transient() && (error.retry_at().unwrap() - until).num_milliseconds().abs() < 50
    );
    assert_eq!(peer.n_asked(), 2);

    tokio::time::sleep(Duration::from_millis(210)).await;
    assert!(client.get(&peer.url).await.is_ok());
    let health = client.health();
    assert_eq!(health.circuit, Circuit::Closed);
    assert!(health.last_success.is_some());
}

#[tokio::test]
async fn bodies_count_as_requests_in_flight() {
    let peer =
        Peer::answering(|_| Reply::new(200, &[("content-length", "10")], "half").hanging()).await;
    let client = peer.client_with(Limits {
        max_in_flight: 2,
        ..quick()
    });
    let first = client.get(&peer.url).await.unwrap();
    let second = client.get(&peer.url).await.unwrap();
    assert_eq!(client.health().in_flight, 2);

    let waiting = tokio::spawn({
        let (client, url) = (client.clone(), peer.url.clone());
        async move { client.get(&url).await }
    });
    while client.health().waiting == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(peer.n_asked(), 2);
    drop(first);
    let third = waiting.await.unwrap().unwrap();
    assert_eq!(peer.n_asked(), 3);
    drop((second, third));
    assert_eq!(client.health().in_flight, 0);
}

#[tokio::test]
async fn the_same_scope_shares_its_limits_as_long_as_it_is_used() {
    let peer = Peer::answering(|_| Reply::ok("data")).await;
    let net = crate::peer::net(&[]);
    let scope = gantry_net::Scope::new("peer", [&peer.url]);
    let one = net.client(scope.clone());
    let _body = one.get(&peer.url).await.unwrap();
    assert_eq!(net.client(scope.clone()).health().in_flight, 1);
    let other = gantry_net::Scope {
        name: "other".to_owned(),
        ..scope
    };
    assert_eq!(net.client(other).health().in_flight, 0);
}

#[tokio::test]
async fn a_form_is_sent_and_the_303_followed() {
    let peer = Peer::answering(|asked| match asked.path.as_str() {
        "/async" => Reply::new(303, &[("location", "/async/7")], ""),
        _ => Reply::ok("PENDING"),
    })
    .await;
    let form = [("QUERY".to_owned(), "SELECT a+b FROM t".to_owned())];
    let response = peer
        .client()
        .post_form(&peer.url("async"), &form)
        .await
        .unwrap();
    assert_eq!(response.url().path(), "/async/7");
    let asked = peer.asked();
    assert_eq!(
        (asked[0].method.as_str(), asked[0].body.as_str()),
        ("POST", "QUERY=SELECT+a%2Bb+FROM+t")
    );
    assert_eq!(asked[1].method, "GET");
}

#[tokio::test]
async fn a_post_that_failed_is_not_sent_again_unless_it_may() {
    let peer = Peer::answering(|_| Reply::new(503, &[], "busy")).await;
    assert!(peer.client().post_form(&peer.url, &[]).await.is_err());
    assert_eq!(peer.n_asked(), 1);
    let query = Request::new(Method::POST, peer.url.clone())
        .form(&[])
        .repeatable();
    assert!(peer.client().request(query).await.is_err());
    assert_eq!(peer.n_asked(), 5);
}

#[tokio::test]
async fn credentials_do_not_follow_a_redirect_to_another_host() {
    let other = Peer::answering(|_| Reply::ok("data")).await;
    let target = other.url.to_string();
    let peer = Peer::answering(move |_| Reply::to(&target)).await;
    let scope = gantry_net::Scope::new("both", [&peer.url, &other.url]);
    let request = Request::new(Method::GET, peer.url.clone())
        .authorization("Bearer", "abc")
        .header(header::COOKIE, HeaderValue::from_static("a=b"))
        .header(header::ACCEPT, HeaderValue::from_static("application/fits"));
    let response = crate::peer::net(&[])
        .client(scope)
        .request(request)
        .await
        .unwrap();
    assert_eq!(response.url(), &other.url);
    let asked = &other.asked()[0];
    assert_eq!(
        (asked.header("authorization"), asked.header("cookie")),
        (None, None)
    );
    assert_eq!(asked.header("accept"), Some("application/fits"));
}

#[tokio::test]
async fn redirects_in_a_circle_end() {
    let peer = Peer::answering(|_| Reply::to("/again")).await;
    let error = peer.client().get(&peer.url).await.unwrap_err();
    assert!(
        matches!(error, NetError::TooManyRedirects { limit: 5, .. }),
        "{error:?}"
    );
    assert_eq!(peer.n_asked(), 6);
}
