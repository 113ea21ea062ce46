//! A running archive: its addresses, its switches, its threads.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::watch;

use super::archive::Archive;
use super::log::{GsscAction, GsscRequest};
use super::switches::Switches;
use super::{GsscConfig, Way, ftp, http, sftp};
use crate::error::StandinError;
use crate::faults::Faults;
use crate::listener::Dropping;

/// A stand-in that answers on three ports; it ends when this is dropped.
///
/// It has threads of its own, so it may be started and ended from anywhere, and its end closes
/// every connection at once.
#[derive(Debug)]
pub struct GsscRunning {
    archive: Arc<Archive>,
    ftp: SocketAddr,
    sftp: SocketAddr,
    http: SocketAddr,
    ftp_refused: watch::Sender<bool>,
    runtime: Option<Runtime>,
}

impl GsscRunning {
    pub(crate) fn start(config: &GsscConfig, archive: Arc<Archive>) -> Result<Self, StandinError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("standin")
            .enable_all()
            .build()
            .map_err(StandinError::Threads)?;
        let entered = runtime.enter();
        let (ftp_refused, refusal) = watch::channel(false);
        let ftp = Port::bind(config.interface, config.ports.ftp)?;
        let sftp = Port::bind(config.interface, config.ports.sftp)?;
        let http = Port::bind(config.interface, config.ports.http)?;
        let addresses = (ftp.address, sftp.address, http.address);
        spawn_ftp(Arc::clone(&archive), ftp, refusal, config.ftps.clone())?;
        spawn_sftp(Arc::clone(&archive), sftp, config.seed)?;
        spawn_http(Arc::clone(&archive), http)?;
        drop(entered);
        Ok(Self {
            archive,
            ftp: addresses.0,
            sftp: addresses.1,
            http: addresses.2,
            ftp_refused,
            runtime: Some(runtime),
        })
    }

    /// Such as `ftp://127.0.0.1:40123`, without a slash at the end.
    pub fn ftp_url(&self) -> String {
        format!("ftp://{}", self.ftp)
    }

    /// Such as `sftp://anonymous@127.0.0.1:40124`, without a slash at the end.
    pub fn sftp_url(&self) -> String {
        format!("sftp://anonymous@{}", self.sftp)
    }

    /// Such as `http://127.0.0.1:40125`, without a slash at the end.
    pub fn http_url(&self) -> String {
        format!("http://{}", self.http)
    }

    /// Where a way listens.
    pub fn address(&self, way: Way) -> SocketAddr {
        match way {
            Way::Ftp => self.ftp,
            Way::Sftp => self.sftp,
            Way::Http => self.http,
        }
    }

    /// Faults of single files, a product being a file by its name, whatever way they are read.
    pub fn faults(&self) -> &Faults {
        &self.archive.faults
    }

    /// Misbehaviour of folders, logins, names and connections.
    pub fn switches(&self) -> &Switches {
        &self.archive.switches
    }

    /// Whether new FTP connections are refused, as by a closed port. Those that are open stay.
    ///
    /// The port is closed or open when this returns or shortly after; see [`Self::refuses_ftp`].
    pub fn refuse_ftp(&self, on: bool) {
        self.ftp_refused.send_replace(on);
    }

    /// Whether a new FTP connection is refused now.
    pub fn refuses_ftp(&self) -> bool {
        std::net::TcpStream::connect(self.ftp).is_err()
    }

    /// All requests so far, in order of their arrival.
    pub fn requests(&self) -> Vec<GsscRequest> {
        self.archive.log.all()
    }

    /// How often the bytes of the file of this name were asked for.
    pub fn n_requests_for(&self, name: &str) -> usize {
        let is_for = |request: &&GsscRequest| {
            request.action == GsscAction::Retrieve && request.path.rsplit('/').next() == Some(name)
        };
        self.requests().iter().filter(is_for).count()
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

impl Drop for GsscRunning {
    fn drop(&mut self) {
        self.end();
    }
}

/// A port that is ours, listening or not.
struct Port {
    address: SocketAddr,
    socket: TcpSocket,
}

impl Port {
    fn bind(interface: IpAddr, port: u16) -> Result<Self, StandinError> {
        let address = SocketAddr::from((interface, port));
        let bound = || {
            let socket = bound(address)?;
            let address = socket.local_addr()?;
            Ok(Self { address, socket })
        };
        bound().map_err(|source| StandinError::Listen { address, source })
    }

    fn listen(self) -> Result<TcpListener, StandinError> {
        let address = self.address;
        let listening = self.socket.listen(128);
        listening.map_err(|source| StandinError::Listen { address, source })
    }
}

fn bound(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

fn spawn_http(archive: Arc<Archive>, port: Port) -> Result<(), StandinError> {
    let dropping = Dropping {
        inner: port.listen()?,
        faults: archive.switches.connections(Way::Http).clone(),
    };
    tokio::spawn(async move {
        if let Err(error) = axum::serve(dropping, http::router(archive)).await {
            tracing::error!(%error, "a stand-in stopped");
        }
    });
    Ok(())
}

fn spawn_sftp(archive: Arc<Archive>, port: Port, seed: u64) -> Result<(), StandinError> {
    let config = sftp::config(seed)?;
    let listener = port.listen()?;
    tokio::spawn(async move {
        loop {
            if let Some(stream) = accepted(&listener, &archive, Way::Sftp).await {
                let serving = sftp::serve(Arc::clone(&archive), stream, Arc::clone(&config));
                tokio::spawn(serving);
            }
        }
    });
    Ok(())
}

fn spawn_ftp(
    archive: Arc<Archive>,
    port: Port,
    mut refusal: watch::Receiver<bool>,
    tls: Option<(PathBuf, PathBuf)>,
) -> Result<(), StandinError> {
    let address = port.address;
    let mut listener = port.listen()?;
    tokio::spawn(async move {
        loop {
            tokio::select! {
                stream = accepted(&listener, &archive, Way::Ftp) => {
                    if let Some(stream) = stream {
                        tokio::spawn(ftp::serve(Arc::clone(&archive), stream, tls.clone()));
                    }
                }
                () = becomes(&mut refusal, true) => {
                    drop(listener);
                    match listening_again(address, &mut refusal).await {
                        Ok(again) => listener = again,
                        Err(error) => {
                            tracing::error!(%error, "the FTP port of a stand-in is lost");
                            return;
                        }
                    }
                }
            }
        }
    });
    Ok(())
}

/// Keeps the port without listening, which refuses connections, until that is taken back.
async fn listening_again(
    address: SocketAddr,
    refusal: &mut watch::Receiver<bool>,
) -> io::Result<TcpListener> {
    let socket = bound(address)?;
    becomes(refusal, false).await;
    socket.listen(128)
}

/// Waits for the switch; for ever when nobody can set it any more.
async fn becomes(switch: &mut watch::Receiver<bool>, on: bool) {
    let is_set = switch.wait_for(|now| *now == on).await.is_ok();
    if !is_set {
        std::future::pending::<()>().await;
    }
}

/// The next connection, unless it is one to be dropped.
async fn accepted(listener: &TcpListener, archive: &Archive, way: Way) -> Option<TcpStream> {
    match listener.accept().await {
        Ok((stream, _)) => {
            let is_dropped = archive.switches.connections(way).drops_connection();
            (!is_dropped).then_some(stream)
        }
        Err(error) => {
            tracing::debug!(%error, "a connection could not be accepted");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            None
        }
    }
}
