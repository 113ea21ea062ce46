//! A stand-in for any archive that describes its observations in `ivoa.ObsCore`: rows with the quirks that are met, files
//! of a few kilobytes, and links to them.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::http::StatusCode;

use super::archive::Archive;
use super::call::{Call, Reply};
use super::catalogue::{Catalogue, Entry};
use super::value::{Table, Value, read_columns};
use super::{routes, uws};
use crate::error::StandinError;
use crate::faults::Faults;
use crate::requests::RequestLog;
use crate::running::Running;

/// What the stand-in shall be.
#[derive(Debug, Clone)]
pub struct ObstapConfig {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Observations with an identifier of their own.
    pub n_observations: usize,
    /// The rows that one answer holds at most; what is cut says so.
    pub most_rows: Option<usize>,
    /// Whether rows come as they lie, whatever order is asked for.
    pub ignores_order: bool,
}

impl Default for ObstapConfig {
    /// Loopback, a free port, 300 observations, no limit of rows.
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            n_observations: 300,
            most_rows: None,
            ignores_order: false,
        }
    }
}

/// The stand-in; its TAP service is at `tap-server/tap`.
#[derive(Debug)]
pub struct ObstapStandin;

/// Stands for the stand-in's own address, which is not known when rows are made.
pub(super) const BASE: &str = "{base}";
/// How many rows share the identifier `shared`.
pub const N_SHARED: usize = 3;

/// The columns of ObsCore 1.1 that must be there, and some that may.
const COLUMNS: &str = "dataproduct_type|char||meta.id|Kind of product
calib_level|int||meta.code|Level of calibration
obs_collection|char||meta.id|Collection
obs_id|char||meta.id|Observation
obs_publisher_did|char||meta.ref.uri|Identifier by the publisher
obs_title|char||meta.title|Title
access_url|char||meta.ref.url|Where it is
access_format|char||meta.code.mime|Its media type
access_estsize|long|kbyte|phys.size|About how large it is
target_name|char||meta.id;src|Target
s_ra|double|deg|pos.eq.ra|Right ascension
s_dec|double|deg|pos.eq.dec|Declination
s_fov|double|deg|phys.angSize|Diameter
s_region|char||pos.outline|Region
s_resolution|double|arcsec|pos.angResolution|Resolution
t_min|double|d|time.start|Begin, MJD
t_max|double|d|time.end|End, MJD
t_exptime|double|s|time.duration|Exposure
t_resolution|double|s|time.resolution|Resolution in time
em_min|double|m|em.wl;stat.min|Shortest wavelength
em_max|double|m|em.wl;stat.max|Longest wavelength
em_res_power|double||spect.resolution|Resolving power
o_ucd|char||meta.ucd|What is observed
pol_states|char||meta.code;phys.polarization|Polarisation
facility_name|char||meta.id;instr.tel|Telescope
instrument_name|char||meta.id;instr|Instrument
s_xel1|long||meta.number|Pixels along the first axis
s_xel2|long||meta.number|Pixels along the second axis
t_xel|long||meta.number|Samples in time
em_xel|long||meta.number|Samples in wavelength
pol_xel|long||meta.number|Polarisation states";

impl ObstapStandin {
    /// Starts it; it answers when this returns.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub fn start(config: ObstapConfig) -> Result<Running, StandinError> {
        let (faults, log) = (Faults::default(), RequestLog::default());
        let entry = Entry {
            name: "ivoa.ObsCore",
            description: "Observations, by ObsCore 1.1",
            size: config.n_observations as u64,
            hierarchy: "Observations",
            table: table(config.n_observations),
        };
        let archive = Archive {
            catalogue: Catalogue::with(vec![entry]),
            sources: Vec::new(),
            jobs: uws::Jobs::new(true),
            bulk: OnceLock::new(),
            real_data: None,
            sync_rows: None,
            most_rows: config.most_rows,
            has_observations: true,
            ignores_order: config.ignores_order,
            job_time: Duration::ZERO,
            faults: faults.clone(),
            log: log.clone(),
        };
        let router = routes::router(Arc::new(archive));
        Running::start(config.listen, faults, log, router)
    }
}

/// The observations; then rows that share an identifier, one without any, and one whose address is none.
fn table(n: usize) -> Table {
    let mut rows: Vec<Vec<Value>> = (0..n)
        .map(|n| row(n, &format!("ivo://obs.example/archive?obs/{n:05}")))
        .collect();
    for shared in 0..N_SHARED {
        rows.push(row(n + shared, "ivo://obs.example/archive?shared"));
    }
    let columns = read_columns(COLUMNS);
    let at = |name: &str| columns.iter().position(|column| column.name == name);
    let mut nameless = row(n + N_SHARED, "");
    let mut astray = row(n + N_SHARED + 1, "ivo://obs.example/archive?astray");
    for (row, column, value) in [
        (&mut nameless, "obs_publisher_did", Value::Null),
        (&mut astray, "access_url", Value::text("not an address")),
    ] {
        if let Some(at) = at(column) {
            row[at] = value;
        }
    }
    rows.extend([nameless, astray]);
    // Rows come unordered unless asked.
    rows.reverse();
    Table { columns, rows }
}

fn row(n: usize, did: &str) -> Vec<Value> {
    let (ra, dec) = ((n as f64 * 7.3) % 360.0, ((n as f64 * 3.1) % 160.0) - 80.0);
    let by_links = n.is_multiple_of(3);
    let (url, format) = match by_links {
        true => (
            format!("{BASE}/obs/links?ID={n}"),
            "application/x-votable+xml;content=datalink",
        ),
        false => (
            format!("{BASE}/obs/files/image_{n:05}.fits"),
            "application/fits",
        ),
    };
    let region = match n % 4 {
        0 => Value::text(format!("CIRCLE ICRS {ra} {dec} 0.5")),
        1 => Value::text(format!(
            "POLYGON ICRS {} {} {} {} {} {}",
            ra,
            dec,
            ra + 1.0,
            dec,
            ra + 0.5,
            dec + 1.0
        )),
        2 => Value::text(format!("{ra} {dec} 0.5")),
        _ => Value::Null,
    };
    let number = Value::Float;
    let start = 58_849.0 + n as f64;
    vec![
        Value::text(if n.is_multiple_of(5) {
            "spectrum"
        } else {
            "image"
        }),
        Value::Int(if n.is_multiple_of(2) { 2 } else { 3 }),
        Value::text("survey"),
        Value::text(format!("obs-{n:05}")),
        Value::text(did),
        Value::text(format!("Field {n} in red light")),
        Value::text(url),
        Value::text(format),
        Value::Int(6),
        Value::text(format!("NGC {}", 100 + n)),
        number(ra),
        number(dec),
        number(1.0),
        region,
        number(0.8),
        number(start),
        number(start + 0.25),
        number(600.0),
        Value::Null,
        number(6.0e-7),
        number(7.0e-7),
        Value::Null,
        Value::text("phot.flux"),
        if n.is_multiple_of(7) {
            Value::text("/I/Q/U/")
        } else {
            Value::Null
        },
        Value::text("Example Telescope"),
        Value::text("Camera"),
        Value::Int(48),
        Value::Int(60),
        Value::Null,
        Value::Null,
        Value::Null,
    ]
}

/// What is beside the TAP service: files and links to them.
pub(super) fn answer(call: &Call, parts: &[&str]) -> Reply {
    match parts {
        ["links"] => links(call),
        ["files", name] => match number_of(name) {
            Some(n) => Reply::new(StatusCode::OK, "application/fits", image(n)),
            None => Reply::not_found(),
        },
        _ => Reply::not_found(),
    }
}

fn number_of(name: &str) -> Option<usize> {
    name.strip_prefix("image_")?
        .strip_suffix(".fits")?
        .parse()
        .ok()
}

/// The links of an observation, by DataLink 1.1: a picture of it first, then the thing itself; of one that is unknown an error.
fn links(call: &Call) -> Reply {
    let id = call
        .parameters
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("ID"));
    let id = id.map(|(_, value)| value.clone()).unwrap_or_default();
    let base = &call.base;
    let rows = match id.parse::<usize>() {
        // One that was lost at the archive.
        Ok(n) if n % 30 == 27 => format!(
            "<TR><TD>{n}</TD><TD/><TD>NotFoundFault: {n} is not kept any more</TD><TD>#this</TD><TD/><TD/></TR>"
        ),
        Ok(n) => format!(
            "<TR><TD>{n}</TD><TD>{base}/obs/preview/{n}.png</TD><TD/><TD>#preview</TD><TD>image/png</TD><TD/></TR>\
             <TR><TD>{n}</TD><TD>{base}/obs/files/image_{n:05}.fits</TD><TD/><TD>#this</TD><TD>application/fits</TD><TD>{}</TD></TR>",
            image(n).len()
        ),
        Err(_) => format!(
            "<TR><TD>{}</TD><TD/><TD>NotFoundFault: no such observation</TD><TD>#this</TD><TD/><TD/></TR>",
            super::votable::escaped(&id)
        ),
    };
    let xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<VOTABLE version=\"1.4\" xmlns=\"http://www.ivoa.net/xml/VOTable/v1.3\"><RESOURCE type=\"results\">\
         <INFO name=\"QUERY_STATUS\" value=\"OK\"/><INFO name=\"standardID\" value=\"ivo://ivoa.net/std/DataLink#links-1.1\"/><TABLE>\
         <FIELD name=\"ID\" datatype=\"char\" arraysize=\"*\"/><FIELD name=\"access_url\" datatype=\"char\" arraysize=\"*\"/>\
         <FIELD name=\"error_message\" datatype=\"char\" arraysize=\"*\"/><FIELD name=\"semantics\" datatype=\"char\" arraysize=\"*\"/>\
         <FIELD name=\"content_type\" datatype=\"char\" arraysize=\"*\"/><FIELD name=\"content_length\" datatype=\"long\"/>\
         <DATA><TABLEDATA>{rows}</TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>\n"
    );
    Reply::new(
        StatusCode::OK,
        "application/x-votable+xml;content=datalink",
        xml,
    )
}

/// A FITS file with one image of 48 × 60 bytes.
fn image(n: usize) -> Vec<u8> {
    let cards = [
        "SIMPLE  =                    T".to_owned(),
        "BITPIX  =                    8".to_owned(),
        "NAXIS   =                    2".to_owned(),
        "NAXIS1  =                   48".to_owned(),
        "NAXIS2  =                   60".to_owned(),
        format!("OBJECT  = 'NGC {}'", 100 + n),
        "END".to_owned(),
    ];
    let mut bytes: Vec<u8> = cards
        .iter()
        .flat_map(|card| format!("{card:<80}").into_bytes())
        .collect();
    bytes.resize(2880, b' ');
    bytes.extend((0..2880).map(|at| ((at + n) % 256) as u8));
    bytes
}
