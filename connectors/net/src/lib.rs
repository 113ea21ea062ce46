#![doc = include_str!("../README.md")]

mod body;
mod client;
mod config;
mod error;
mod health;
mod layers;
mod media;
mod net;
mod network;
mod redirect;
mod request;
mod resolver;
mod response;
mod scope;
mod shown;
mod tls;
mod transport;

pub use body::Body;
pub use client::Client;
pub use config::NetConfig;
pub use error::NetError;
pub use health::{Circuit, Health};
pub use net::Net;
pub use network::{Forbidden, Network, NotANetwork};
pub use request::Request;
pub use response::{Head, Response, Validator};
pub use scope::{BadLimit, Limits, Scope};
pub use shown::ShownUrl;

pub use bytes::Bytes;
pub use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
pub use url::Url;
