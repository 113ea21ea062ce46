//! The service's connections: how many, how long they may take to say what they want, and how they end.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use crate::app::App;
use crate::extract::Patience;
use crate::limits::Peer;
use crate::serve::router;

/// How many connections are kept at once; more wait to be taken.
const CONNECTIONS: usize = 8192;
/// How long requests may go on when the service is to stop.
const END_WITHIN: Duration = Duration::from_secs(5);
/// When a connection that could not be taken is followed by the next try.
const AGAIN: Duration = Duration::from_millis(100);

/// Serves until the service is to stop, then lets requests end for a while.
///
/// # Errors
/// None as it is: a connection that cannot be taken is told in the log, and the next is waited for.
pub async fn serve(app: App, listener: TcpListener) -> std::io::Result<()> {
    let router = router(app.clone());
    let patience = Patience(Duration::from_secs(app.config.server.request_s.into()));
    let (places, connections) = (Arc::new(Semaphore::new(CONNECTIONS)), TaskTracker::new());
    loop {
        let taken = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            taken = taken => taken,
            () = app.stop.cancelled() => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                let answered = answer(router.clone(), (stream, peer), patience, app.stop.clone());
                connections.spawn(async move {
                    answered.await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be taken");
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
    connections.close();
    // Whoever is not done by then is cut off.
    drop(tokio::time::timeout(END_WITHIN, connections.wait()).await);
    Ok(())
}

async fn answer(
    router: Router,
    (stream, peer): (TcpStream, SocketAddr),
    patience: Patience,
    stop: CancellationToken,
) {
    // Small answers must not wait for more to send.
    drop(stream.set_nodelay(true));
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(Peer(peer));
        request.extensions_mut().insert(patience);
        let router = router.clone();
        async move { router.oneshot(request).await }
    });
    let mut builder = http1::Builder::new();
    // A head may take as long as a body, and so may a connection be without one.
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(patience.0);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let served = tokio::select! {
        served = &mut connection => served,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(
            error = crate::format::sentence(&error),
            "a connection broke"
        );
    }
}
