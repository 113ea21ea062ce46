//! Connections that are made by us and not by the HTTP client: names resolved once, the addresses
//! checked, and the connection made to what was checked.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use url::Host;

use crate::address;
use crate::error::{Cause, NetError};
use crate::network::Guard;
use crate::request::Request;
use crate::resolver::permitted;
use crate::shown::ShownUrl;
use crate::transport::forbidden;

/// The addresses behind the request's host that may be connected to.
///
/// # Errors
/// [`NetError::Forbidden`] when a guarded request leads inside, [`NetError::Unreachable`] for a
/// name that is not known.
pub(crate) async fn resolve(request: &Request, guard: &Guard) -> Result<Vec<SocketAddr>, NetError> {
    let port = address::port(&request.url).unwrap_or(0);
    let found = match address::host(&request.url) {
        Some(Host::Ipv4(address)) => vec![SocketAddr::new(address.into(), port)],
        Some(Host::Ipv6(address)) => vec![SocketAddr::new(address.into(), port)],
        Some(Host::Domain(name)) => tokio::net::lookup_host((name.as_str(), port))
            .await
            .map_err(|error| unreachable(request, error))?
            .collect(),
        None => Vec::new(),
    };
    if !request.guarded {
        return Ok(found);
    }
    permitted(guard, &found).map_err(|source| forbidden(request, source))
}

/// A connection to the first of the addresses that takes it.
///
/// # Errors
/// [`NetError::Unreachable`] with what the last of them said.
pub(crate) async fn connect(
    request: &Request,
    addresses: &[SocketAddr],
    within: Duration,
) -> Result<TcpStream, NetError> {
    let mut last: Cause = "its name leads to no address".into();
    for address in addresses {
        match one(*address, within).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error.into(),
        }
    }
    Err(unreachable(request, last))
}

/// One connection, without the delay that small pieces would be sent with.
pub(crate) async fn one(address: SocketAddr, within: Duration) -> std::io::Result<TcpStream> {
    let stream = tokio::time::timeout(within, TcpStream::connect(address)).await??;
    stream.set_nodelay(true)?;
    Ok(stream)
}

pub(crate) fn unreachable(request: &Request, source: impl Into<Cause>) -> NetError {
    NetError::Unreachable {
        url: ShownUrl::from(&request.url),
        source: source.into(),
    }
}
