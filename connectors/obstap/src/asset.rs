//! From a row of ObsCore to an asset.

use chrono::{DateTime, TimeDelta, Utc};
use gantry_asset::{Asset, AssetId, File, Kind, Location, TimeSpan};

use crate::row::Row;
use crate::{ObsTap, links, sky};

/// The longest text that is kept of a cell.
const MOST_CHARS: usize = 2000;
/// The longest name of a file, which leaves room in the 255 bytes of file systems for what is added to it.
const MOST_OF_NAME: usize = 200;
/// The speed of light in vacuum, m/s.
const C: f64 = 299_792_458.0;

impl ObsTap {
    /// The asset of a row; `mark` tells it from others of the same identifier. `Err` says why there can be none.
    pub(crate) fn asset(&self, did: &str, mark: Option<&str>, row: &Row) -> Result<Asset, String> {
        let path = path_of(did, mark);
        let id = AssetId::from_path(&self.archive.id, &path).map_err(|_| unusable(&path))?;
        // Level 3 and above are made from other data (ObsCore 1.1, section 4.1.2).
        let kind = match row.number("calib_level") {
            Some(level) if level >= 3.0 => Kind::InformationProduct,
            _ => Kind::InformationData,
        };
        let mut asset = Asset::new(id, kind);
        asset.title = title(did, row);
        asset.description = description(row);
        let names = ["obs_id", "obs_publisher_did", "target_name"];
        let names = names.iter().filter_map(|column| row.text(column));
        asset.synonyms = names.map(short).collect();
        asset.synonyms.dedup();
        self.facets(&mut asset, row);
        asset.time = time(row);
        let (sky, warning) = sky::coverage(row);
        asset.sky = sky;
        asset.warnings.extend(warning);
        asset.files = vec![file(did, mark, row)?];
        Ok(asset)
    }

    fn facets(&self, asset: &mut Asset, row: &Row) {
        let facets = &mut asset.facets;
        for (field, column) in [
            ("collection", "obs_collection"),
            ("mission", "facility_name"),
            ("instrument", "instrument_name"),
            ("product_type", "dataproduct_type"),
        ] {
            if let Some(text) = row.text(column) {
                facets.add_step(field, &short(text));
            }
        }
        facets.add("domain", "Astronomy");
        facets.add("publisher", self.archive.publisher.as_str());
        // ObsCore describes observations; what is simulated is not told apart.
        facets.add("provenance", "observed");
        let states = row.text("pol_states").unwrap_or_default().split('/');
        let states: String = states.filter(|state| !state.is_empty()).collect();
        if !states.is_empty() {
            facets.add("stokes", states);
        }
        if let Some(format) = row
            .text("access_format")
            .filter(|format| !links::is_datalink(format))
        {
            facets.add_step("format", &format_name(format));
        }
        if let Some(license) = &self.archive.license {
            facets.add_step("license", license);
        }
        if let Some(time) = time(row) {
            facets.add("year", time.start.format("%Y").to_string());
        }
    }
}

/// The identifier as a path: without the scheme, which all identifiers of the VO share.
fn path_of(did: &str, mark: Option<&str>) -> String {
    let path = did.strip_prefix("ivo://").unwrap_or(did);
    match mark {
        Some(mark) => format!("{path}.{mark}"),
        None => path.to_owned(),
    }
}

/// Why a path cannot be that of an asset.
fn unusable(path: &str) -> String {
    match path.trim_matches('/') {
        "" => "its obs_publisher_did names no observation".to_owned(),
        _ => "its obs_publisher_did is too long for an identifier".to_owned(),
    }
}

fn short(text: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().take(MOST_CHARS).map(plain).collect()
}

fn title(did: &str, row: &Row) -> String {
    if let Some(title) = row.text("obs_title") {
        return short(title);
    }
    let parts = [
        "instrument_name",
        "dataproduct_type",
        "target_name",
        "obs_id",
    ];
    let parts: Vec<&str> = parts.iter().filter_map(|column| row.text(column)).collect();
    match parts.is_empty() {
        true => short(did),
        false => short(&parts.join(", ")),
    }
}

/// What the row says that no facet has: target, exposure, spectral range, resolution, rights.
fn description(row: &Row) -> String {
    let mut parts = Vec::new();
    let mut say = |text: Option<String>| parts.extend(text);
    say(row
        .text("target_name")
        .map(|name| format!("Target {name}.")));
    say(row.number("t_exptime").map(|s| format!("Exposure {s} s.")));
    say(spectral(row));
    say(row
        .number("s_resolution")
        .map(|arcsec| format!("Resolution {arcsec} arcsec.")));
    say(row
        .text("o_ucd")
        .map(|ucd| format!("Observed quantity {ucd}.")));
    say(row
        .text("obs_creator_name")
        .map(|name| format!("By {name}.")));
    say(row
        .text("bib_reference")
        .map(|reference| format!("Reference {reference}.")));
    say(row
        .text("data_rights")
        .map(|rights| format!("Rights: {rights}.")));
    short(&parts.join(" "))
}

/// The spectral range: wavelengths in vacuum, and frequencies where radio people look. `em_min` is from the upper one.
fn spectral(row: &Row) -> Option<String> {
    let (min, max) = (row.number("em_min")?, row.number("em_max")?);
    if min <= 0.0 || max < min {
        return None;
    }
    Some(match min < 1e-4 {
        true => format!("Wavelengths {:.4e} m to {:.4e} m.", min, max),
        false => format!(
            "Frequencies {:.3} GHz to {:.3} GHz.",
            C / max / 1e9,
            C / min / 1e9
        ),
    })
}

/// The time covered, from Modified Julian Dates.
fn time(row: &Row) -> Option<TimeSpan> {
    let start = from_mjd(row.number("t_min")?)?;
    let end = row
        .number("t_max")
        .and_then(from_mjd)
        .filter(|end| *end > start);
    let end = end.unwrap_or(start + TimeDelta::seconds(1));
    Some(TimeSpan { start, end })
}

/// MJD 40587 is 1970-01-01.
fn from_mjd(mjd: f64) -> Option<DateTime<Utc>> {
    // Years 1858 to 2500; what lies outside is no time of an observation.
    if !(0.0..234_166.0).contains(&mjd) {
        return None;
    }
    DateTime::from_timestamp_millis(((mjd - 40_587.0) * 86_400_000.0).round() as i64)
}

fn format_name(media_type: &str) -> String {
    match media_type.split(';').next().unwrap_or_default().trim() {
        "application/fits" | "image/fits" | "application/x-fits" | "image/x-fits" => {
            "FITS".to_owned()
        }
        "application/x-votable+xml" | "text/xml" => "VOTable".to_owned(),
        "text/csv" => "CSV".to_owned(),
        other => other.to_owned(),
    }
}

/// The one file of a row; a row without an address has one without a location.
fn file(did: &str, mark: Option<&str>, row: &Row) -> Result<File, String> {
    let address = row.text("access_url");
    if let Some(address) = address
        && url::Url::parse(address).is_err()
    {
        return Err(format!(
            "its access_url is no address: `{}`",
            short(address)
        ));
    }
    let media_type = row
        .text("access_format")
        .unwrap_or("application/octet-stream");
    // access_estsize counts kilobytes and is an estimate, so that it is no size to hold a file to.
    Ok(File {
        name: name(did, mark, address, media_type),
        path: None,
        media_type: media_type.to_owned(),
        size_bytes: None,
        checksum: None,
        modified: None,
        locations: address
            .map(|address| Location::Address(address.to_owned()))
            .into_iter()
            .collect(),
    })
}

/// The name a file is staged under: the last part of its address where that looks like one, else of its identifier.
fn name(did: &str, mark: Option<&str>, address: Option<&str>, media_type: &str) -> String {
    let url = address.and_then(|address| url::Url::parse(address).ok());
    let last = url
        .as_ref()
        .and_then(|url| url.path_segments()?.next_back());
    let from_address = last.filter(|name| {
        !links::is_datalink(media_type)
            && name.len() <= MOST_OF_NAME
            && name.contains('.')
            && !name.starts_with('.')
            && name.bytes().all(is_plain)
    });
    if let Some(name) = from_address {
        return name.to_owned();
    }
    let tail = did.rsplit(['/', '?', '#']).next().unwrap_or(did);
    let plain = |c: char| {
        if c.is_ascii() && is_plain(c as u8) {
            c
        } else {
            '_'
        }
    };
    let mut name: String = tail.chars().take(MOST_OF_NAME).map(plain).collect();
    // A name must be one, and none that is hidden or leads elsewhere.
    if name.is_empty() || name.starts_with('.') {
        name.insert(0, '_');
    }
    if let Some(mark) = mark {
        name.push_str(&format!(".{mark}"));
    }
    match (
        name.contains('.') && mark.is_none(),
        format_name(media_type).as_str(),
    ) {
        (false, "FITS") => name + ".fits",
        (false, "VOTable") if !links::is_datalink(media_type) => name + ".vot",
        (false, "CSV") => name + ".csv",
        _ => name,
    }
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._-+".contains(&byte)
}
