//! Tables: what TAP has, each an asset that is asked and not fetched.

use gantry_asset::{Asset, AssetId, Column, File, Kind, Sky};
use gantry_formats::vodataservice::{Schema, Table};

use crate::Gaia;

/// How many columns of a table are kept.
const MOST_COLUMNS: usize = 1000;

/// What a release counts positions at; the scale is TCB (Gaia DR3 documentation, `ref_epoch`).
const EPOCHS: &[(&str, &str)] = &[
    ("DR1", "J2015.0 TCB"),
    ("DR2", "J2015.5 TCB"),
    ("EDR3", "J2016.0 TCB"),
    ("DR3", "J2016.0 TCB"),
];

/// A file that is the answer to a question nobody has asked yet: it has no location.
pub(crate) fn question(name: String, media_type: &str) -> File {
    File {
        name,
        path: None,
        media_type: media_type.to_owned(),
        size_bytes: None,
        checksum: None,
        modified: None,
        locations: Vec::new(),
    }
}

/// The release that a schema or a folder is of: `gaiadr3` and `gdr3` are DR3; one that is not known yet is read alike.
pub(crate) fn release(name: &str) -> Option<String> {
    let name = name.to_ascii_lowercase();
    let rest = name
        .strip_prefix("gaia")
        .or_else(|| name.strip_prefix('g'))?;
    let digits = rest
        .strip_prefix("edr")
        .or_else(|| rest.strip_prefix("dr"))?;
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| rest.to_ascii_uppercase())
}

/// The asset of a table; `Err` says why there can be none.
pub(crate) fn asset(gaia: &Gaia, schema: &Schema, table: &Table) -> Result<Asset, String> {
    let full = if table.name.contains('.') {
        table.name.clone()
    } else {
        format!("{}.{}", schema.name, table.name)
    };
    let id = AssetId::from_path(&gaia.archive.id, &full).map_err(|error| error.to_string())?;
    let release = release(full.split('.').next().unwrap_or_default());
    let epoch = EPOCHS
        .iter()
        .find(|(known, _)| release.as_deref() == Some(known));
    let mut asset = Asset::new(id, Kind::InformationData);
    let name = full.rsplit('.').next().unwrap_or(&full);
    asset.title = match &release {
        Some(release) => format!("Gaia {release} {name}, table"),
        None => format!("{full}, table"),
    };
    asset.description = description(table, epoch.map(|(_, epoch)| *epoch));
    asset.synonyms = vec![full.clone(), name.replace('_', " ")];
    for (field, value) in [
        ("mission", "Gaia"),
        ("collection", schema.name.as_str()),
        ("product_type", "source table"),
        ("format", "VOTable"),
        ("domain", "Astronomy"),
        ("provenance", "observed"),
    ] {
        asset.facets.add(field, value);
    }
    if let Some(release) = &release {
        asset.facets.add("release", release.as_str());
    }
    if let Some(license) = &gaia.archive.license {
        asset.facets.add_step("license", license);
    }
    let has = |wanted: &str| {
        table
            .columns
            .iter()
            .any(|column| column.name.eq_ignore_ascii_case(wanted))
    };
    asset.sky = (has("ra") && has("dec")).then(Sky::all);
    asset.columns = table
        .columns
        .iter()
        .take(MOST_COLUMNS)
        .map(column)
        .collect();
    asset.rank = rank(&full, release.as_deref());
    asset.files = vec![question(format!("{full}.vot"), "application/x-votable+xml")];
    Ok(asset)
}

/// What the table says of itself, how many rows it has, what its positions refer to, and that it is asked.
fn description(table: &Table, epoch: Option<&str>) -> String {
    let said = table
        .description
        .as_deref()
        .map(str::trim)
        .filter(|text| !text.is_empty());
    let mut parts: Vec<String> = said.map(sentence).into_iter().collect();
    let columns = table.columns.len();
    parts.push(match table.n_rows {
        Some(rows) => format!("{} rows, {columns} columns.", grouped(rows)),
        None => format!("{columns} columns."),
    });
    parts.extend(epoch.map(|epoch| format!("Positions refer to {epoch}.")));
    parts.push("Asked for by a query in ADQL.".to_owned());
    parts.join(" ")
}

/// A text that ends as a sentence does.
fn sentence(text: &str) -> String {
    let end = if text.ends_with(['.', '!', '?']) {
        ""
    } else {
        "."
    };
    format!("{text}{end}")
}

/// A number with a comma between thousands.
fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn column(column: &gantry_formats::vodataservice::Column) -> Column {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    Column {
        name: column.name.clone(),
        unit: text(&column.unit),
        ucd: text(&column.ucd),
        datatype: column
            .datatype
            .as_ref()
            .map(|datatype| datatype.name.clone())
            .unwrap_or_default(),
        description: text(&column.description),
    }
}

/// The newest release's main table first, the archive's own book-keeping last.
fn rank(full: &str, release: Option<&str>) -> u32 {
    let by_release = match release {
        Some("DR3") => 240,
        Some("DR2") => 160,
        Some("DR1" | "EDR3") => 120,
        // A release that is not known here is newer than those that are.
        Some(_) => 200,
        None if full.starts_with("tap_schema") => 10,
        None => 100,
    };
    let is_main = full.ends_with(".gaia_source");
    by_release + if is_main { 60 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::release;

    #[test]
    fn a_release_is_read_from_schemas_and_folders_also_when_it_is_not_known_yet() {
        for (name, expected) in [
            ("gaiadr3", Some("DR3")),
            ("gdr3", Some("DR3")),
            ("gaiaedr3", Some("EDR3")),
            ("gaiadr4", Some("DR4")),
            ("gdr12", Some("DR12")),
            ("external", None),
            ("gaia", None),
            ("gdr", None),
        ] {
            assert_eq!(release(name).as_deref(), expected, "{name}");
        }
    }
}
