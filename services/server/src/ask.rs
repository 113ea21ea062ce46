//! Questions to archives: from the body of a request to a private asset whose files are answers.

use gantry_asset::{
    AdqlQuery, ArchiveId, Asset, AssetId, DatalinkQuery, Facets, File, Kind, Location, Query,
    QueryUpload,
};
use gantry_connector::Archive;
use gantry_staging::UploadError;
use gantry_store::User;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::app::App;
use crate::problem::{BAD_REQUEST, Problem, UNPROCESSABLE};
use crate::select::Take;

/// How long a query may be, in bytes.
const ADQL_BYTES: usize = 100_000;
/// How many sources one question may be about; the Gaia archive takes no more in one request.
const SOURCES: usize = 5_000;
/// The forms a table can come in, with the ending of its file and its media type.
const FORMATS: &[(&str, &str, &str)] = &[
    ("votable", "vot", "application/x-votable+xml"),
    ("fits", "fits", "application/fits"),
    ("ecsv", "ecsv", "text/x-ecsv"),
    ("csv", "csv", "text/csv"),
];

/// Products of sources, by DataLink.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TakeDatalink {
    archive: Option<String>,
    release: Option<String>,
    sources: Vec<String>,
    types: Vec<String>,
    format: Option<String>,
}

/// The private asset of a query in ADQL.
pub(crate) async fn adql_asset(
    app: &App,
    user: Option<&User>,
    take: &Take,
    adql: &str,
) -> Result<Asset, Problem> {
    let connector = asked_archive(app, take.archive.as_deref())?;
    let archive = connector.archive();
    if !archive.asks.adql {
        return Err(cannot(archive, "no queries in ADQL"));
    }
    if adql.trim().is_empty() || adql.len() > ADQL_BYTES {
        return Err(Problem::new(
            &BAD_REQUEST,
            format!(
                "`adql` has {} bytes; 1 to {ADQL_BYTES} are allowed",
                adql.len()
            ),
        ));
    }
    if take.max_rows == Some(0) {
        return Err(Problem::new(
            &BAD_REQUEST,
            "max_rows=`0`: ask for one row at least",
        ));
    }
    let upload = match &take.upload {
        Some(upload) => Some(upload_of(app, user, archive, (upload, adql)).await?),
        None => None,
    };
    let (format, ending, media_type) = format(take.format.as_deref())?;
    let query = Query::Adql(AdqlQuery {
        upload,
        adql: adql.to_owned(),
        release: take.release.as_deref().map(release).transpose()?,
        format: format.to_owned(),
        max_rows: take.max_rows,
    });
    let id = Uuid::new_v4().simple().to_string();
    let file = answer(format!("query-{}.{ending}", &id[..12]), media_type, query);
    let mut asset = asset_of(&archive.id, &id, vec![file])?;
    asset.title = format!("{}: {}", archive.title, shortened(adql));
    asset.description = adql.to_owned();
    asset.facets = facets("query result", format, take.release.as_deref());
    Ok(asset)
}

/// A table of a volume that goes with a query.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TakeUpload {
    name: String,
    volume: String,
    path: String,
}

/// The table that goes with a query, as it is now.
async fn upload_of(
    app: &App,
    user: Option<&User>,
    archive: &Archive,
    (upload, adql): (&TakeUpload, &str),
) -> Result<QueryUpload, Problem> {
    if !archive.asks.upload {
        return Err(cannot(archive, "no queries with tables of yours"));
    }
    let user = user.ok_or_else(Problem::not_logged_in)?;
    let name = &upload.name;
    let is_name = name.len() <= 64
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let shown = shortened(name);
    if !is_name {
        let why = "begin with a letter and go on with letters, digits and `_`, 64 at most";
        return Err(Problem::new(
            &BAD_REQUEST,
            format!("upload.name=`{shown}`: {why}"),
        ));
    }
    let table = format!("tap_upload.{name}").to_ascii_lowercase();
    if !adql.to_ascii_lowercase().contains(&table) {
        let why = format!("the query does not use `{table}`, so the upload would be for nothing");
        return Err(Problem::new(&UNPROCESSABLE, why));
    }
    let read = app
        .volumes
        .upload(&user.id, &upload.volume, &upload.path)
        .await;
    let (_, sha256) = read.map_err(|error| match error {
        UploadError::Staging(error) => Problem::from(error),
        error => Problem::new(&UNPROCESSABLE, error.to_string()),
    })?;
    Ok(QueryUpload {
        name: name.clone(),
        volume: upload.volume.clone(),
        path: upload.path.clone(),
        sha256,
    })
}

/// The private asset of products of sources.
pub(crate) fn datalink_asset(app: &App, asked: &TakeDatalink) -> Result<Asset, Problem> {
    let connector = asked_archive(app, asked.archive.as_deref())?;
    let archive = connector.archive();
    if archive.asks.datalink.is_empty() {
        return Err(cannot(archive, "no products by source"));
    }
    let n = asked.sources.len();
    if n == 0 || n > SOURCES {
        return Err(Problem::new(
            &BAD_REQUEST,
            format!("`sources` names {n}; 1 to {SOURCES} are allowed"),
        ));
    }
    let is_number = |text: &&String| {
        !((1..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()))
    };
    if let Some(bad) = asked.sources.iter().find(is_number) {
        return Err(Problem::new(
            &BAD_REQUEST,
            format!(
                "`{}` is no source: write its number, in quotes",
                shortened(bad)
            ),
        ));
    }
    let release = release(asked.release.as_deref().unwrap_or_default())?;
    let (format, ..) = format(asked.format.as_deref())?;
    if asked.types.is_empty()
        || asked
            .types
            .iter()
            .any(|kind| !archive.asks.datalink.contains(kind))
    {
        return Err(Problem::new(
            &BAD_REQUEST,
            format!(
                "`types` names products of {}: {}",
                archive.title,
                archive.asks.datalink.join(", ")
            ),
        ));
    }
    let id = Uuid::new_v4().simple().to_string();
    let file = |kind: &String| {
        let query = Query::Datalink(DatalinkQuery {
            release: release.clone(),
            sources: asked.sources.clone(),
            kind: kind.clone(),
            format: format.to_owned(),
        });
        answer(
            format!("{kind}-{}.zip", &id[..12]),
            "application/zip",
            query,
        )
    };
    let mut kinds = asked.types.clone();
    kinds.sort_unstable();
    kinds.dedup();
    let mut asset = asset_of(&archive.id, &id, kinds.iter().map(file).collect())?;
    asset.title = format!(
        "{}: {} of {}",
        archive.title,
        kinds.join(", "),
        sources(&asked.sources)
    );
    asset.facets = facets("spectra", format, asked.release.as_deref());
    Ok(asset)
}

fn asked_archive(
    app: &App,
    archive: Option<&str>,
) -> Result<std::sync::Arc<dyn gantry_connector::Connector>, Problem> {
    let id = archive.ok_or_else(|| {
        Problem::new(
            &BAD_REQUEST,
            "name the `archive` that is to be asked, as in \"archive\": \"gaia\"",
        )
    })?;
    let found = ArchiveId::new(id).ok().and_then(|id| app.connector(&id));
    found.ok_or_else(|| Problem::not_found("archive", &shortened(id)))
}

fn cannot(archive: &Archive, what: &str) -> Problem {
    Problem::new(&UNPROCESSABLE, format!("{} answers {what}", archive.title))
}

fn format(asked: Option<&str>) -> Result<(&'static str, &'static str, &'static str), Problem> {
    let asked = asked.unwrap_or("votable");
    let known = FORMATS.iter().find(|(name, ..)| *name == asked);
    known.copied().ok_or_else(|| {
        let text = format!(
            "format=`{}`: allowed is one of votable, fits, ecsv, csv",
            shortened(asked)
        );
        Problem::new(&BAD_REQUEST, text)
    })
}

fn release(text: &str) -> Result<String, Problem> {
    let good =
        (1..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if good {
        return Ok(text.to_owned());
    }
    Err(Problem::new(
        &BAD_REQUEST,
        format!(
            "release=`{}`: write it as in \"release\": \"DR3\"; the same number in another release may be another object",
            shortened(text)
        ),
    ))
}

fn answer(name: String, media_type: &str, query: Query) -> File {
    File {
        name,
        path: None,
        media_type: media_type.to_owned(),
        size_bytes: None,
        checksum: None,
        modified: None,
        locations: vec![Location::Query(Box::new(query))],
    }
}

fn asset_of(archive: &ArchiveId, random: &str, files: Vec<File>) -> Result<Asset, Problem> {
    let id = AssetId::parse(&format!("{archive}:~query-{random}"))
        .map_err(|error| Problem::new(&BAD_REQUEST, error.to_string()))?;
    let mut asset = Asset::new(id, Kind::InformationData);
    asset.files = files;
    Ok(asset)
}

fn facets(product_type: &str, format: &str, release: Option<&str>) -> Facets {
    let mut facets = Facets::new();
    facets.add("product_type", product_type);
    let format = match format {
        "votable" => "VOTable",
        "fits" => "FITS BINTABLE",
        "ecsv" => "ECSV",
        other => other,
    };
    facets.add("format", format);
    facets.add("release", release.unwrap_or_default());
    facets
}

fn sources(sources: &[String]) -> String {
    match sources {
        [one] => format!("source {one}"),
        many => format!("{} sources", many.len()),
    }
}

/// One line of a text, at most 80 characters of it.
fn shortened(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(80) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line,
    }
}
