#![doc = include_str!("../README.md")]

mod access;
mod address;
mod body;
mod client;
mod config;
mod dial;
mod errand;
mod error;
mod ftp;
mod health;
mod layers;
mod listing;
mod media;
mod net;
mod network;
mod redirect;
mod remote;
mod request;
mod resolver;
mod response;
mod scope;
mod sessions;
mod sftp;
mod shown;
mod tls;
mod transport;

pub use access::{Access, BadAccess, FtpMode, FtpTls, HostKey};
pub use address::{child, decoded};
pub use body::Body;
pub use client::Client;
pub use config::NetConfig;
pub use error::{Cause, NetError, Refusal};
pub use health::{Circuit, Health};
pub use listing::Entry;
pub use net::Net;
pub use network::{Forbidden, Network, NotANetwork};
pub use remote::{Reading, Remote, RemoteConfig, RemoteEntry, RemoteKind, Step, Tried, Writer};
pub use request::Request;
pub use response::{Head, Response, Validator};
pub use scope::{BadLimit, Limits, Scope};
pub use shown::ShownUrl;

pub use bytes::Bytes;
pub use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
pub use url::Url;
