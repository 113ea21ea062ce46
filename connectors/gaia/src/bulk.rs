//! Bulk files: what the listing has, and what their names say.

use chrono::{DateTime, Utc};
use gantry_asset::{Algorithm, Asset, AssetId, Checksum, File, Kind, Location, Sky};
use gantry_formats::listing::Object;
use url::Url;

use crate::Gaia;
use crate::tables::release;

/// Number of HEALPix cells at level 8.
const CELLS: u32 = 786_432;
/// Bits of a `source_id` below its cell of level 8 (Gaia data model: the cell of level 12 in the upper bits).
const BELOW_CELL: u32 = 43;
/// What the keys begin with that is no part of an asset's path.
const ROOT: &str = "Gaia/";

/// Where a key lies below the root.
pub(crate) fn path(key: &str) -> &str {
    key.strip_prefix(ROOT).unwrap_or(key)
}

/// The last step of a key.
pub(crate) fn name(key: &str) -> &str {
    key.rsplit('/').next().unwrap_or(key)
}

/// The cells of level 8, both included, whose sources a file holds: `GaiaSource_000000-003111.csv.gz`, and in DR2
/// `GaiaSource_1000172165251650944_1000424567594791808.csv.gz` by the numbers of its sources.
pub(crate) fn cells(name: &str) -> Option<(u32, u32)> {
    let stem = name.split('.').next()?;
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse::<u64>().ok()).flatten()
    };
    let (first, last) = match stem.rsplit_once('_')? {
        (_, range) if range.contains('-') => {
            let (first, last) = range.split_once('-')?;
            (number(first)?, number(last)?)
        }
        (before, last) => {
            let first = before.rsplit_once('_')?.1;
            (number(first)? >> BELOW_CELL, number(last)? >> BELOW_CELL)
        }
    };
    let cell = |number: u64| u32::try_from(number).ok().filter(|cell| *cell < CELLS);
    let (first, last) = (cell(first)?, cell(last)?);
    (first <= last).then_some((first, last))
}

/// The id of the series of a folder, and what people call it.
pub(crate) fn series(gaia: &Gaia, folder: &str) -> Option<(AssetId, String)> {
    let steps: Vec<&str> = path(folder)
        .split('/')
        .filter(|step| !step.is_empty())
        .collect();
    if steps.is_empty() {
        return None;
    }
    let id = AssetId::parse(&format!("{}:~{}", gaia.archive.id, steps.join("-"))).ok()?;
    let title = match steps.first().and_then(|first| release(first)) {
        Some(release) => format!("Gaia {release} {}, bulk files", steps.last()?),
        None => format!("{}, bulk files", steps.join(" ")),
    };
    Some((id, title))
}

/// The asset that stands for all files of a folder which hold a part of the sky each.
pub(crate) fn series_asset(gaia: &Gaia, folder: &str) -> Option<Asset> {
    let (id, title) = series(gaia, folder)?;
    let mut asset = Asset::new(id, Kind::InformationData);
    asset.title = title;
    asset.description = "The whole table in files by part of the sky (HEALPix level 8). A query in ADQL is kilobytes where these are \
                         gigabytes."
        .to_owned();
    // The files of the main table before those of others.
    asset.rank = if folder.trim_end_matches('/').ends_with("gaia_source") {
        100
    } else {
        90
    };
    Some(asset)
}

/// The asset of a file in the listing; `md5` is the archive's sum of it.
pub(crate) fn asset(
    gaia: &Gaia,
    folder: &str,
    object: &Object,
    md5: Option<&str>,
) -> Result<Asset, String> {
    check_key(folder, &object.key)?;
    let (path, name) = (path(&object.key), name(&object.key));
    let id = AssetId::from_path(&gaia.archive.id, path).map_err(|error| error.to_string())?;
    let url = address(&gaia.addresses.files, &object.key);
    let release = path.split('/').next().and_then(release);
    let cells = cells(name);
    let mut asset = Asset::new(id, Kind::InformationData);
    let table = path.split('/').rev().nth(1).unwrap_or_default();
    asset.title = match (&release, cells) {
        (Some(release), Some((first, last))) => {
            format!("Gaia {release} {table}, HEALPix {first} to {last}")
        }
        (Some(release), None) => format!("Gaia {release} {table}, {name}"),
        (None, _) => name.to_owned(),
    };
    for (field, value) in [
        ("mission", "Gaia"),
        ("collection", table),
        ("domain", "Astronomy"),
    ] {
        asset.facets.add(field, value);
    }
    asset.facets.add("provenance", "observed");
    asset.facets.add("release", release.unwrap_or_default());
    let (format, product_type, media_type) = kind_of(name, cells.is_some());
    asset.facets.add("format", format);
    asset.facets.add("product_type", product_type);
    if let Some(license) = &gaia.archive.license {
        asset.facets.add_step("license", license);
    }
    asset.series = cells.and_then(|_| series(gaia, folder)).map(|(id, _)| id);
    asset.sky = cells.map(|range| Sky {
        all_sky: range == (0, CELLS - 1),
        healpix8: vec![range],
        ..Sky::default()
    });
    // Lists of sums and notes are there to be found, not to stand before what they are about.
    asset.rank = if name.starts_with('_') { 5 } else { 40 };
    let mut locations = vec![Location::Address(url.into())];
    if gaia.mounted {
        locations.insert(0, Location::Mounted(path.to_owned()));
    }
    asset.files = vec![File {
        name: name.to_owned(),
        path: Some(path.to_owned()),
        media_type: media_type.to_owned(),
        size_bytes: object.size_bytes,
        checksum: md5.map(|value| Checksum {
            algorithm: Algorithm::Md5,
            value: value.to_ascii_lowercase(),
        }),
        modified: modified(object),
        locations,
    }];
    Ok(asset)
}

/// Refuses a key that does not lie in its folder, or that means something else as a path.
fn check_key(folder: &str, key: &str) -> Result<(), String> {
    if !key.starts_with(folder) {
        return Err(format!(
            "its key does not lie in `{folder}`, which was listed"
        ));
    }
    if key.split('/').any(|step| matches!(step, "" | "." | "..")) {
        return Err("its key has steps that are empty, `.` or `..`".to_owned());
    }
    if key.chars().any(char::is_control) {
        return Err("its key has control characters".to_owned());
    }
    Ok(())
}

/// The address of a key below another, whatever characters it has.
pub(crate) fn address(base: &Url, key: &str) -> Url {
    key.split('/').fold(base.clone(), |url, step| {
        gantry_net::child(&url, step, false)
    })
}

fn modified(object: &Object) -> Option<DateTime<Utc>> {
    let text = object.modified.as_deref()?;
    DateTime::parse_from_rfc3339(text)
        .ok()
        .map(|time| time.to_utc())
}

/// Format, kind of product and media type, by a name's extensions.
fn kind_of(name: &str, is_table: bool) -> (&'static str, &'static str, &'static str) {
    let name = name.to_ascii_lowercase();
    let bare = name.strip_suffix(".gz").unwrap_or(&name);
    let is_gzip = bare.len() < name.len();
    let (format, product_type, media_type) = match bare.rsplit('.').next().unwrap_or_default() {
        "csv" if is_table => ("ECSV", "source table", "text/x-ecsv"),
        "csv" => ("CSV", "other", "text/csv"),
        "ecsv" => ("ECSV", "other", "text/x-ecsv"),
        "vot" | "votable" => ("VOTable", "other", "application/x-votable+xml"),
        "xml" => ("XML", "other", "application/xml"),
        "fits" | "fit" => ("FITS", "other", "application/fits"),
        "json" => ("JSON", "other", "application/json"),
        "txt" => ("text", "other", "text/plain"),
        "zip" => ("ZIP", "other", "application/zip"),
        "pdf" => ("PDF", "other", "application/pdf"),
        _ => ("", "other", "application/octet-stream"),
    };
    (
        format,
        product_type,
        if is_gzip {
            "application/gzip"
        } else {
            media_type
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_an_address_of_its_own_whatever_characters_it_has() {
        let base = Url::parse("http://bulk.example/store/").unwrap();
        for (key, address_of_it) in [
            (
                "Gaia/gdr3/a.csv",
                "http://bulk.example/store/Gaia/gdr3/a.csv",
            ),
            ("a?x=1#y", "http://bulk.example/store/a%3Fx=1%23y"),
            ("100%25", "http://bulk.example/store/100%2525"),
            ("file:x", "http://bulk.example/store/file:x"),
        ] {
            assert_eq!(address(&base, key).as_str(), address_of_it, "{key}");
            assert!(check_key("", key).is_ok(), "{key}");
        }
        for key in [
            "../x",
            "/etc/passwd",
            "a//b",
            "a/./b",
            "http://169.254.169.254/x",
            "a\nb",
            "..",
            "",
        ] {
            assert!(check_key("", key).is_err(), "{key}");
        }
        assert!(check_key("Gaia/gdr3/", "Gaia/gdr2/x").is_err());
    }

    #[test]
    fn a_bulk_file_covers_the_cells_its_name_says() {
        assert_eq!(cells("GaiaSource_000000-003111.csv.gz"), Some((0, 3111)));
        assert_eq!(
            cells("AstrophysicalParameters_786097-786431.csv.gz"),
            Some((786_097, 786_431))
        );
        // DR2: source 4583627001381815936 lies in cell 4583627001381815936 / 2^43 = 521098.
        let dr2 = "GaiaSource_4583627001381815936_4583627001381815999.csv.gz";
        assert_eq!(cells(dr2), Some((521_098, 521_098)));
        for other in [
            "_readme.txt",
            "allwiseBestNeighbour0001.csv.gz",
            "a_5-3.csv",
            "a_0-786432.csv",
            "",
            "x_y_z",
        ] {
            assert_eq!(cells(other), None, "{other}");
        }
    }
}
