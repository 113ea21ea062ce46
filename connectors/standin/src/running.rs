//! A running stand-in, whatever archive it stands for.

use std::net::SocketAddr;

use axum::Router;
use tokio::runtime::Runtime;

use crate::error::StandinError;
use crate::faults::Faults;
use crate::listener::Dropping;
use crate::requests::{Request, RequestLog};

/// A stand-in that answers; it ends when this is dropped.
///
/// It has threads of its own, so it may be started and ended from anywhere, and its end closes
/// every connection at once, as an archive does that goes down.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    faults: Faults,
    log: RequestLog,
    runtime: Option<Runtime>,
}

impl Running {
    pub(crate) fn start(
        listen: SocketAddr,
        faults: Faults,
        log: RequestLog,
        router: Router,
    ) -> Result<Self, StandinError> {
        let listen_error = |source| StandinError::Listen {
            address: listen,
            source,
        };
        let listener = std::net::TcpListener::bind(listen).map_err(listen_error)?;
        listener.set_nonblocking(true).map_err(listen_error)?;
        let address = listener.local_addr().map_err(listen_error)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("standin")
            .enable_all()
            .build()
            .map_err(StandinError::Threads)?;
        let entered = runtime.enter();
        let inner = tokio::net::TcpListener::from_std(listener).map_err(listen_error)?;
        drop(entered);
        let dropping = Dropping {
            inner,
            faults: faults.clone(),
        };
        runtime.spawn(async move {
            if let Err(error) = axum::serve(dropping, router).await {
                tracing::error!(%error, "a stand-in stopped");
            }
        });
        Ok(Self {
            address,
            faults,
            log,
            runtime: Some(runtime),
        })
    }

    /// Where it is, such as `http://127.0.0.1:40123`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The address it listens on, with the port it got.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its faults.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// How often the bytes of this product were asked for (GET, whole or in part).
    pub fn n_requests_for(&self, name: &str) -> usize {
        let of_product = |request: &&Request| request.name.as_deref() == Some(name);
        self.log
            .all()
            .iter()
            .filter(of_product)
            .filter(|request| request.method == "GET")
            .count()
    }

    /// All requests so far, in order of their arrival.
    pub fn requests(&self) -> Vec<Request> {
        self.log.all()
    }

    /// Ends it; connections are closed, whatever they wait for.
    pub fn shutdown(mut self) {
        self.end();
    }

    fn end(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}
