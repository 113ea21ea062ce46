//! Bodies that are whole, short, slow, too large, or something else than expected.

use futures::{StreamExt, TryStreamExt};
use gantry_net::{NetError, Response};

use crate::peer::{Peer, Reply};

async fn get(reply: Reply) -> Response {
    let peer = Peer::answering(move |_| reply.clone()).await;
    let response = peer.client().get(&peer.url).await;
    response.expect("the headers are whole")
}

#[tokio::test]
async fn a_body_shorter_than_promised_is_cut_short() {
    let response = get(Reply::new(200, &[("content-length", "10")], "half")).await;
    let pieces: Vec<_> = response.into_stream().collect().await;
    let error = pieces.last().unwrap().as_ref().unwrap_err();
    assert!(
        matches!(
            error,
            NetError::CutShort {
                expected: 10,
                got: 4,
                ..
            }
        ),
        "{error:?}"
    );
    assert!(error.is_transient());
    assert_eq!(
        pieces
            .iter()
            .filter_map(|piece| piece.as_ref().ok())
            .map(|piece| piece.len())
            .sum::<usize>(),
        4
    );
}

#[tokio::test]
async fn a_chunked_body_that_breaks_is_interrupted() {
    let reply = Reply::new(
        200,
        &[("transfer-encoding", "chunked"), ("content-length", "")],
        "4\r\nhalf\r\n",
    );
    let error = get(reply).await.bytes(100).await.unwrap_err();
    assert!(
        matches!(error, NetError::Interrupted { got: 4, .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_body_that_stops_coming_is_stalled_and_gives_its_place_back() {
    let peer =
        Peer::answering(|_| Reply::new(200, &[("content-length", "10")], "half").hanging()).await;
    let client = peer.client();
    let mut body = client.get(&peer.url).await.unwrap().into_stream();
    assert_eq!(&body.next().await.unwrap().unwrap()[..], b"half");
    let error = body.next().await.unwrap().unwrap_err();
    assert!(
        matches!(error, NetError::Stalled { got: 4, .. }),
        "{error:?}"
    );
    assert!(body.next().await.is_none());
    let health = client.health();
    assert_eq!(health.in_flight, 0);
    assert!(health.last_error.unwrap().contains("sent nothing"));
}

#[tokio::test]
async fn a_reader_that_takes_its_time_is_not_a_stalled_body() {
    let mut body = get(Reply::ok("data")).await.into_stream();
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(&body.next().await.unwrap().unwrap()[..], b"data");
    assert!(body.next().await.is_none());
}

#[tokio::test]
async fn no_more_is_read_than_is_wanted() {
    let promised = get(Reply::ok("0123456789"))
        .await
        .bytes(9)
        .await
        .unwrap_err();
    assert!(matches!(promised, NetError::BodyTooLarge { limit: 9, .. }));
    let chunked = Reply::new(
        200,
        &[("transfer-encoding", "chunked"), ("content-length", "")],
        "a\r\n0123456789\r\n0\r\n\r\n",
    );
    let unknown = get(chunked.clone()).await.bytes(9).await.unwrap_err();
    assert!(matches!(unknown, NetError::BodyTooLarge { limit: 9, .. }));
    assert_eq!(get(chunked).await.bytes(10).await.unwrap().len(), 10);
}

#[tokio::test]
async fn a_page_where_data_is_due_is_recognised_and_the_body_stays_whole() {
    let page = "\n<!DOCTYPE html><html><body>Maintenance</body></html>";
    for media_type in ["text/html; charset=utf-8", "application/x-votable+xml"] {
        let mut response = get(Reply::new(200, &[("content-type", media_type)], page)).await;
        assert!(response.is_html().await.unwrap());
        assert_eq!(&response.bytes(1000).await.unwrap()[..], page.as_bytes());
    }
    let table = "<?xml version=\"1.0\"?><VOTABLE/>";
    let mut response = get(Reply::new(200, &[("content-type", "text/xml")], table)).await;
    assert!(!response.is_html().await.unwrap());
    assert_eq!(response.peek(5).await.unwrap(), b"<?xml");
    let whole: Vec<_> = response.into_stream().try_collect().await.unwrap();
    assert_eq!(whole.concat(), table.as_bytes());
}

#[tokio::test]
async fn an_answer_without_a_body_is_empty() {
    let mut response = get(Reply::new(204, &[("content-length", "0")], "")).await;
    assert!(!response.is_html().await.unwrap());
    assert!(response.bytes(0).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_speed_of_large_bodies_is_measured_also_when_they_are_not_read_to_the_end() {
    let data = "x".repeat(300_000);
    let peer = Peer::answering(move |_| Reply::ok(&data)).await;
    let client = peer.client();
    assert_eq!(client.health().bytes_per_second, None);
    let mut response = client.get(&peer.url).await.unwrap();
    assert_eq!(response.peek(200_000).await.unwrap().len(), 200_000);
    drop(response);
    assert!(client.health().bytes_per_second.unwrap() > 0.0);
}
