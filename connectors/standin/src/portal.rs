//! An archive's portal with Gantry's buttons: a table of results as another site than Gantry shows it.
//!
//! It has the content security policy that Gantry's help recommends, and no other way to Gantry than
//! links, a plain form and the portal kit.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderName, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::error::StandinError;
use crate::faults::Faults;
use crate::requests::RequestLog;
use crate::running::Running;

/// What the portal shows, and which Gantry it leads to.
#[derive(Debug, Clone)]
pub struct PortalConfig {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Gantry's address, with a slash at the end.
    pub service: String,
    /// The kit's address.
    pub script: String,
    /// The kit's hash, as browsers check it: `sha384-…`.
    pub integrity: Option<String>,
    /// Sky maps, at `/`; named by Gantry's ids.
    pub maps: Vec<PortalRow>,
    /// GNSS observations, at `/gnss`; named by their files.
    pub observations: Vec<PortalRow>,
}

impl PortalConfig {
    /// Loopback, a free port, no rows.
    pub fn new(service: impl Into<String>, script: impl Into<String>) -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            service: service.into(),
            script: script.into(),
            integrity: None,
            maps: Vec::new(),
            observations: Vec::new(),
        }
    }
}

/// One product in a table.
#[derive(Debug, Clone, Default)]
pub struct PortalRow {
    /// What the row says to Gantry: an id, or the name of a file.
    pub value: String,
    /// What people read.
    pub name: String,
    /// The other columns, in order: of maps frequency, period and corrections; of observations station, day and sampling.
    pub columns: [String; 3],
    /// Bytes.
    pub size_bytes: Option<u64>,
}

/// An archive's portal.
#[derive(Debug)]
pub struct PortalStandin;

impl PortalStandin {
    /// Starts it; it answers when this returns.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub fn start(config: PortalConfig) -> Result<Running, StandinError> {
        let listen = config.listen;
        let router = Router::new()
            .route("/", get(maps))
            .route("/gnss", get(observations))
            .route("/portal.css", get(|| file("text/css", CSS)))
            .route("/portal.js", get(|| file("text/javascript", JS)))
            .with_state(Arc::new(config));
        Running::start(listen, Faults::default(), RequestLog::default(), router)
    }
}

const PAGE: &str = include_str!("../portal/page.html");
const CSS: &str = include_str!("../portal/portal.css");
const JS: &str = include_str!("../portal/portal.js");

async fn file(media_type: &'static str, text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, media_type)], text).into_response()
}

/// One of the two tables.
struct Table<'a> {
    title: &'a str,
    heads: [&'a str; 3],
    rows: &'a [PortalRow],
    /// How a row is named: by `asset`, or by `name` within an archive.
    field: &'a str,
    archive: Option<&'a str>,
}

async fn maps(State(config): State<Arc<PortalConfig>>, RawQuery(query): RawQuery) -> Response {
    let table = Table {
        title: "Sky maps",
        heads: ["Frequency", "Period", "Corrections"],
        rows: &config.maps,
        field: "asset",
        archive: None,
    };
    page(&config, &table, query.as_deref())
}

async fn observations(
    State(config): State<Arc<PortalConfig>>,
    RawQuery(query): RawQuery,
) -> Response {
    let table = Table {
        title: "GNSS observations",
        heads: ["Station", "Day", "Sampling"],
        rows: &config.observations,
        field: "name",
        archive: Some("gssc"),
    };
    page(&config, &table, query.as_deref())
}

fn page(config: &PortalConfig, table: &Table<'_>, query: Option<&str>) -> Response {
    let lang = if query == Some("lang=fr") { "fr" } else { "en" };
    let first = table.rows.first().map(|row| row.value.as_str());
    let rows: Vec<String> = table
        .rows
        .iter()
        .map(|row| tr(config, table, row))
        .collect();
    let heads = table
        .heads
        .map(|head| format!("<th scope=\"col\">{head}</th>"));
    let archive = table
        .archive
        .map(|archive| format!("<input type=\"hidden\" name=\"archive\" value=\"{archive}\">"));
    let integrity = config
        .integrity
        .as_ref()
        .map(|hash| format!(" integrity=\"{hash}\""));
    let html = [
        ("{lang}", lang.to_owned()),
        ("{title}", table.title.to_owned()),
        ("{script}", config.script.clone()),
        ("{integrity}", integrity.unwrap_or_default()),
        ("{service}", config.service.clone()),
        ("{first}", table.link(first.unwrap_or_default())),
        (
            "{first_attributes}",
            table.attributes(first.unwrap_or_default()),
        ),
        ("{archive}", archive.unwrap_or_default()),
        (
            "{heads}",
            format!(
                "<th scope=\"col\">Name</th>{}<th scope=\"col\">Size</th>",
                heads.concat()
            ),
        ),
        ("{rows}", rows.join("\n")),
    ]
    .iter()
    .fold(PAGE.to_owned(), |page, (key, value)| {
        page.replace(key, value)
    });
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
        (
            header::CONTENT_SECURITY_POLICY,
            policy(&config.service, query != Some("asks=nothing")),
        ),
        (
            header::REFERRER_POLICY,
            "strict-origin-when-cross-origin".to_owned(),
        ),
        (
            HeaderName::from_static("x-content-type-options"),
            "nosniff".to_owned(),
        ),
    ];
    (headers, html).into_response()
}

/// The policy that Gantry's help recommends, and what this portal needs for itself; with or without leave to ask.
fn policy(service: &str, asks: bool) -> String {
    let origin = url::Url::parse(service).map(|url| url.origin().ascii_serialization());
    let origin = origin.unwrap_or_default();
    let connect = if asks { &origin } else { "'none'" };
    format!(
        "default-src 'none'; script-src 'self' {service}portal/; style-src 'self'; connect-src {connect}; form-action {origin}; \
         base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )
}

impl Table<'_> {
    /// What stands behind the `?` of a plain link.
    fn link(&self, value: &str) -> String {
        let archive = self
            .archive
            .map(|archive| format!("archive={archive}&amp;"));
        format!(
            "{}{}={}",
            archive.unwrap_or_default(),
            self.field,
            in_query(value)
        )
    }

    /// What an element of the kit says instead of a link.
    fn attributes(&self, value: &str) -> String {
        let archive = self
            .archive
            .map(|archive| format!("archive=\"{archive}\" "));
        format!(
            "{}{}s=\"{}\"",
            archive.unwrap_or_default(),
            self.field,
            escape(value)
        )
    }
}

fn tr(config: &PortalConfig, table: &Table<'_>, row: &PortalRow) -> String {
    let PortalRow {
        value,
        name,
        columns,
        size_bytes,
    } = row;
    let (service, link, name) = (&config.service, table.link(value), escape(name));
    let cells = columns
        .each_ref()
        .map(|text| format!("<td>{}</td>", escape(text)));
    let size = size_bytes.map_or_else(|| "unknown".to_owned(), size_text);
    format!(
        "<tr><td><input type=\"checkbox\" name=\"{}\" value=\"{}\" aria-label=\"{name}\"></td><td class=\"name\">{name}</td>{}<td class=\"n\">{size}</td>\
         <td><gantry-menu label=\"{name}\"><a href=\"{service}open-in-notebook?{link}\">Open in Notebook</a> <a href=\"{service}add-to-volume?{link}\">Add to Data Volume</a></gantry-menu></td></tr>",
        table.field,
        escape(value),
        cells.concat(),
    )
}

/// `31.5 MB`, `9 kB`.
fn size_text(bytes: u64) -> String {
    match bytes {
        1_000_000.. => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{} kB", bytes.div_ceil(1000)),
    }
}

/// Text as it stands in HTML, between tags or in an attribute's quotation marks.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

fn in_query(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        match byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            true => encoded.push(byte.into()),
            false => encoded.push_str(&format!("%{byte:02X}")),
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_text_in_the_page_and_in_addresses() {
        assert_eq!(escape("<b a=\"1\">&"), "&lt;b a=&quot;1&quot;&gt;&amp;");
        assert_eq!(in_query("planck:a b.fits"), "planck%3Aa%20b.fits");
    }
}
