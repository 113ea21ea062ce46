//! Going on where a download stopped.

use gantry_net::{Limits, NetError, StatusCode, Validator};

use crate::peer::{Asked, Peer, Reply, quick};

const WHOLE: &str = "0123456789";

fn validator(etag: &str) -> Validator {
    Validator {
        etag: Some(etag.to_owned()),
        ..Validator::default()
    }
}

/// A server that knows ranges, whose file has the given `ETag`.
fn with_ranges(etag: &'static str) -> impl Fn(&Asked) -> Reply {
    move |asked| {
        let first = asked.header("range").and_then(|range| {
            range
                .strip_prefix("bytes=")?
                .split('-')
                .next()?
                .parse()
                .ok()
        });
        let holds = asked
            .header("if-range")
            .is_none_or(|condition| condition == etag);
        match first {
            Some(first) if holds => {
                let rest: &str = &WHOLE[first..];
                let range = format!("bytes {first}-9/10");
                Reply::new(206, &[("etag", etag), ("content-range", &range)], rest)
            }
            _ => Reply::new(200, &[("etag", etag)], WHOLE),
        }
    }
}

#[tokio::test]
async fn an_unchanged_file_goes_on_where_it_stopped() {
    let peer = Peer::answering(with_ranges("\"a\"")).await;
    let first = peer.client().get(&peer.url).await.unwrap();
    let validator = first.validator();
    assert_eq!(
        validator,
        Validator {
            etag: Some("\"a\"".to_owned()),
            last_modified: None,
            size_bytes: Some(10)
        }
    );

    let response = peer
        .client()
        .get_range(&peer.url, 4, &validator)
        .await
        .unwrap();
    assert_eq!(
        (response.status(), response.starts_at()),
        (StatusCode::PARTIAL_CONTENT, 4)
    );
    assert_eq!(
        (response.content_length(), response.total_length()),
        (Some(6), Some(10))
    );
    assert_eq!(response.validator(), validator);
    assert_eq!(&response.bytes(100).await.unwrap()[..], b"456789");
    let asked = &peer.asked()[1];
    assert_eq!(
        (asked.header("range"), asked.header("if-range")),
        (Some("bytes=4-"), Some("\"a\""))
    );
}

#[tokio::test]
async fn a_changed_file_comes_whole() {
    let peer = Peer::answering(with_ranges("\"b\"")).await;
    let response = peer
        .client()
        .get_range(&peer.url, 4, &validator("\"a\""))
        .await
        .unwrap();
    assert_eq!(
        (response.status(), response.starts_at()),
        (StatusCode::OK, 0)
    );
    assert_eq!(&response.bytes(100).await.unwrap()[..], WHOLE.as_bytes());
    assert_eq!(peer.n_asked(), 1);
}

#[tokio::test]
async fn from_a_server_without_ranges_the_file_comes_whole() {
    let peer = Peer::answering(|_| Reply::ok(WHOLE)).await;
    let response = peer
        .client()
        .get_range(&peer.url, 4, &validator("\"a\""))
        .await
        .unwrap();
    assert_eq!(response.starts_at(), 0);
}

#[tokio::test]
async fn a_206_that_contradicts_what_is_known_is_dropped_and_the_whole_asked_for() {
    let wrong: [&[(&str, &str)]; 5] = [
        // Another place, another state, another size, not to the end, no place at all.
        &[("etag", "\"a\""), ("content-range", "bytes 3-8/10")],
        &[("etag", "\"b\""), ("content-range", "bytes 4-9/10")],
        &[("etag", "\"a\""), ("content-range", "bytes 4-9/11")],
        &[("etag", "\"a\""), ("content-range", "bytes 4-9/99")],
        &[("etag", "\"a\"")],
    ];
    for headers in wrong {
        let peer = Peer::answering(move |asked| match asked.header("range") {
            Some(_) => Reply::new(206, headers, "456789"),
            None => Reply::ok(WHOLE),
        })
        .await;
        let known = Validator {
            size_bytes: Some(10),
            ..validator("\"a\"")
        };
        let response = peer.client().get_range(&peer.url, 4, &known).await.unwrap();
        assert_eq!(
            (response.starts_at(), peer.n_asked()),
            (0, 2),
            "{headers:?}"
        );
        assert_eq!(&response.bytes(100).await.unwrap()[..], WHOLE.as_bytes());
    }
}

#[tokio::test]
async fn without_anything_to_tell_states_apart_the_whole_is_asked_for() {
    let peer = Peer::answering(with_ranges("\"a\"")).await;
    let response = peer
        .client()
        .get_range(&peer.url, 4, &Validator::default())
        .await
        .unwrap();
    assert_eq!(response.starts_at(), 0);
    assert_eq!(peer.asked()[0].header("range"), None);
}

#[tokio::test]
async fn a_head_tells_the_size() {
    let peer = Peer::answering(|_| {
        Reply::new(
            200,
            &[
                ("content-length", "4096"),
                ("content-type", "Application/FITS; x=y"),
            ],
            "",
        )
    })
    .await;
    let head = peer.client().head(&peer.url).await.unwrap();
    assert_eq!(head.size_bytes, Some(4096));
    assert_eq!(head.media_type().as_deref(), Some("application/fits"));
    assert_eq!(peer.asked()[0].method, "HEAD");
}

#[tokio::test]
async fn a_head_that_hangs_is_given_up_and_the_first_byte_asked_for() {
    let peer = Peer::answering(|asked| match asked.method.as_str() {
        "HEAD" => Reply::nothing(),
        _ => Reply::new(206, &[("content-range", "bytes 0-0/10")], &WHOLE[..1]),
    })
    .await;
    let client = peer.client_with(Limits {
        failures: 1,
        ..quick()
    });
    let began = std::time::Instant::now();
    assert_eq!(client.head(&peer.url).await.unwrap().size_bytes, Some(10));
    assert!(began.elapsed() < std::time::Duration::from_secs(5));
    // The host's HEAD is known to be of no use now.
    assert_eq!(client.head(&peer.url).await.unwrap().size_bytes, Some(10));
    let methods: Vec<_> = peer.asked().into_iter().map(|asked| asked.method).collect();
    assert_eq!(methods, ["HEAD", "GET", "GET"]);
    assert_eq!(peer.asked()[1].header("range"), Some("bytes=0-0"));
}

#[tokio::test]
async fn a_head_that_is_not_known_is_replaced_and_a_missing_file_is_missing() {
    let peer = Peer::answering(|asked| match (asked.method.as_str(), asked.path.as_str()) {
        (_, "/gone") => Reply::new(404, &[], ""),
        ("HEAD", _) => Reply::new(405, &[], ""),
        // A server without ranges; its body is not taken.
        _ => Reply::new(200, &[("content-length", "1000000")], "0").hanging(),
    })
    .await;
    let client = peer.client();
    assert!(
        client
            .head(&peer.url("gone"))
            .await
            .unwrap_err()
            .is_not_found()
    );
    assert_eq!(peer.n_asked(), 1);
    assert_eq!(
        client.head(&peer.url).await.unwrap().size_bytes,
        Some(1_000_000)
    );
    assert_eq!(client.health().in_flight, 0);
}

#[tokio::test]
async fn of_an_empty_file_the_head_is_zero_bytes_also_without_head() {
    let peer = Peer::answering(
        |asked| match (asked.method.as_str(), asked.header("range")) {
            ("HEAD", _) => Reply::new(501, &[], ""),
            (_, Some(_)) => Reply::new(416, &[("content-range", "bytes */0")], ""),
            _ => Reply::ok(""),
        },
    )
    .await;
    assert_eq!(
        peer.client().head(&peer.url).await.unwrap().size_bytes,
        Some(0)
    );
}

#[tokio::test]
async fn a_file_that_ends_before_the_place_is_told_as_416() {
    let peer = Peer::answering(|_| Reply::new(416, &[("content-range", "bytes */3")], "")).await;
    let error = peer
        .client()
        .get_range(&peer.url, 4, &validator("\"a\""))
        .await
        .unwrap_err();
    assert!(matches!(
        error,
        NetError::Status {
            status: StatusCode::RANGE_NOT_SATISFIABLE,
            ..
        }
    ));
}
