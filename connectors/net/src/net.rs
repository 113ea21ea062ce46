//! The way out: made once, handed to everything that talks to the outside.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use http::Method;
use rustls::ClientConfig;
use url::{Host, Url};

use crate::address;
use crate::client::{Client, Inner};
use crate::config::NetConfig;
use crate::error::NetError;
use crate::network::Guard;
use crate::remote::{Remote, RemoteConfig};
use crate::request::Request;
use crate::resolver::GuardedResolver;
use crate::scope::{Limits, Scope};
use crate::sessions::Login;
use crate::tls;
use crate::transport::{Transport, forbidden};

/// The way out. Cheap to clone; clones are one and the same.
#[derive(Clone)]
pub struct Net {
    inner: Arc<Shared>,
}

struct Shared {
    config: NetConfig,
    tls: ClientConfig,
    /// By the time a connection may take, which is a property of the HTTP client.
    transports: Mutex<HashMap<Duration, Transport>>,
    clients: Mutex<HashMap<String, Weak<Inner>>>,
}

impl Net {
    /// Sets up TLS (once per process) and HTTP.
    ///
    /// # Errors
    /// [`NetError::Certificates`] for `ca_file`, [`NetError::Setup`] for anything else in the
    /// configuration that cannot be used.
    pub fn new(config: NetConfig) -> Result<Self, NetError> {
        // An error means that the process has a provider already, which does as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let tls = tls::settings(&config)?;
        let connect = Limits::default().connect;
        let transport = transport(&config, &tls, connect)?;
        let inner = Shared {
            config,
            tls,
            transports: Mutex::new(HashMap::from([(connect, transport)])),
            clients: Mutex::default(),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// The client of a scope. As long as one is in use, the same scope gives the same client, so
    /// its limits hold for all that use it.
    pub fn client(&self, scope: Scope) -> Client {
        let mut clients = self
            .inner
            .clients
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        clients.retain(|_, client| client.strong_count() > 0);
        let known = clients.get(&scope.name).and_then(Weak::upgrade);
        if let Some(inner) = known.filter(|inner| inner.scope == scope) {
            return Client::from_inner(inner);
        }
        let transport = self.transport_for(scope.limits.connect);
        let client = Client::new(scope, transport, self.inner.tls.clone(), Login::default());
        clients.insert(
            client.inner().scope.name.clone(),
            Arc::downgrade(client.inner()),
        );
        client
    }

    /// Refuses an address that a scope could not ask: another scheme, no host, or one off the scope's hosts that is
    /// this machine or lies in a network of its own by what is written. Names are looked up only when it is asked.
    ///
    /// # Errors
    /// [`NetError::BadAddress`] and [`NetError::Forbidden`].
    pub fn check_address(&self, scope: &Scope, url: &Url) -> Result<(), NetError> {
        let mut request = Request::new(Method::GET, url.clone());
        request.guarded = !scope.trusts(url);
        let transport = self.transport_for(scope.limits.connect);
        transport.check(&request)?;
        // RFC 6761: these names mean this machine, whatever is asked.
        let is_here = match address::host(url) {
            Some(Host::Domain(name)) => {
                let name = name.trim_end_matches('.');
                name == "localhost" || name.ends_with(".localhost")
            }
            _ => false,
        };
        match transport.guard.check(Ipv4Addr::LOCALHOST.into()) {
            Err(source) if is_here && request.guarded => Err(forbidden(&request, source)),
            _ => Ok(()),
        }
    }

    /// Storage elsewhere. Nothing is asked of it yet; [`Remote::try_out`] does that.
    ///
    /// # Errors
    /// [`NetError::BadAddress`] for an address that is none of the kind, or a user, secret or key
    /// that cannot be used.
    pub fn remote(&self, config: RemoteConfig) -> Result<Remote, NetError> {
        let transport = self.transport_for(config.limits.connect);
        Remote::new(config, transport, self.inner.tls.clone())
    }

    /// Builds a transport at the first use of a connection time.
    fn transport_for(&self, connect: Duration) -> Transport {
        let mut transports = self
            .inner
            .transports
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(transport) = transports.get(&connect) {
            return transport.clone();
        }
        match transport(&self.inner.config, &self.inner.tls, connect) {
            Ok(made) => transports.entry(connect).or_insert(made).clone(),
            Err(error) => {
                // It could be made in `new`; only the machine can have changed since.
                tracing::warn!(error = %error, "using the usual time for connections");
                let usual = transports.values().next().expect("`new` made one");
                usual.clone()
            }
        }
    }
}

impl std::fmt::Debug for Net {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Net").field(&self.inner.config).finish()
    }
}

fn transport(
    config: &NetConfig,
    tls: &ClientConfig,
    connect: Duration,
) -> Result<Transport, NetError> {
    let guard = Guard::new(config.allow_private.clone());
    let resolver = GuardedResolver {
        guard: guard.clone(),
    };
    let client = |resolver| {
        let client = client(config, tls, connect, resolver);
        client.map_err(|source| NetError::Setup { source })
    };
    Ok(Transport {
        trusted: client(None)?,
        guarded: client(Some(resolver))?,
        guard,
        proxied: config.proxy.is_some(),
    })
}

/// One HTTP client; with a resolver it is the guarded one.
fn client(
    config: &NetConfig,
    tls: &ClientConfig,
    connect: Duration,
    resolver: Option<GuardedResolver>,
) -> Result<reqwest::Client, reqwest::Error> {
    let builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls.clone())
        .user_agent(&config.user_agent)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .connect_timeout(connect);
    let builder = match (&config.proxy, resolver) {
        (None, None) => builder.no_proxy(),
        (None, Some(resolver)) => builder.no_proxy().dns_resolver(resolver),
        // The proxy makes the connections, and may itself have a private address.
        (Some(url), Some(_)) => builder.proxy(reqwest::Proxy::all(url.clone())?),
        (Some(url), None) => {
            let near = reqwest::NoProxy::from_string(&near(config));
            builder.proxy(reqwest::Proxy::all(url.clone())?.no_proxy(near))
        }
    };
    builder.build()
}

/// What is reached without the proxy.
fn near(config: &NetConfig) -> String {
    let networks = config.allow_private.iter().map(ToString::to_string);
    let near = ["localhost", "127.0.0.0/8", "::1"].map(ToOwned::to_owned);
    near.into_iter()
        .chain(networks)
        .collect::<Vec<_>>()
        .join(",")
}
