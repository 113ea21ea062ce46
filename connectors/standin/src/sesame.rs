//! CDS's name service Sesame as far as Gantry asks it: `/-oxp/SNV?NAME` as XML in `text/plain`, with what NED, Simbad and
//! VizieR say each in a `Resolver`, and 200 for a name that nobody knows.

use std::net::{Ipv4Addr, SocketAddr};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::error::StandinError;
use crate::faults::Faults;
use crate::requests::RequestLog;
use crate::running::Running;

/// Objects by the names they are asked for, with Simbad's own, and ICRS degrees as Simbad gives them.
const OBJECTS: [(&str, &str, &str, &str); 3] = [
    ("m31", "M  31", "010.684708", "+41.268750"),
    ("crab nebula", "M   1", "083.633", "+22.0145"),
    (
        "sgr a*",
        "NAME Sgr A*",
        "266.41681662499997",
        "-29.00782497222222",
    ),
];

/// Makes stand-ins for Sesame.
#[derive(Debug)]
pub struct SesameStandin;

impl SesameStandin {
    /// Starts one on loopback.
    ///
    /// # Errors
    /// When no port or thread can be had.
    pub fn start() -> Result<Running, StandinError> {
        let (faults, log) = (Faults::default(), RequestLog::default());
        let router = Router::new()
            .route("/sesame/-oxp/SNV", get(answer))
            .with_state(log.clone());
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Running::start(listen, faults, log, router)
    }
}

async fn answer(State(log): State<RequestLog>, uri: Uri, headers: HeaderMap) -> Response {
    // The whole query is the name.
    let asked = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    let name: String = asked.map(|(name, _)| name).collect();
    let number = log.begin(&Method::GET, &uri, &headers, Some(&name));
    log.end(number, 200);
    let known = OBJECTS.iter().find(|(key, ..)| *key == name.to_lowercase());
    let said = match known {
        Some((_, own, ra, dec)) => format!(
            "<Resolver name=\"N=NED (web)\"><INFO>no answer</INFO></Resolver>\
             <Resolver name=\"S=Simbad (CDS, via client/server)\"><jradeg>{ra}</jradeg><jdedeg>{dec}</jdedeg>\
             <oname>{own}</oname></Resolver>"
        ),
        None => "<INFO>*** Nothing found ***</INFO>".to_owned(),
    };
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Sesame><Target option=\"SNV\"><name>{}</name>{said}</Target></Sesame>\n",
        name.replace('&', "&amp;").replace('<', "&lt;")
    );
    ([(header::CONTENT_TYPE, "text/plain; charset=UTF-8")], text).into_response()
}
