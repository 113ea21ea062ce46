//! The page of an asset.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use gantry_asset::{Asset, Column, Equipment, File, Kind, Location, Place, vocabulary};
use gantry_connector::Archive;
use gantry_store::{AssetRecord, NOT_RUN};

use super::page;
use super::shell::{
    LabChoice, Link, Pair, Shell, VolumeChoice, lab_choices, media_types_of, volume_choices,
};
use crate::app::App;
use crate::extract::FromPath;
use crate::format;
use crate::identity::Caller;
use crate::problem::Problem;
use crate::related;
use crate::rest::assets::{AssetPath, citation_of, record};
use crate::views::facet_text;
use crate::words::{Said, filters, t, tn};

#[derive(Template)]
#[template(path = "asset.html")]
struct AssetPage {
    shell: Shell,
    id: String,
    title: String,
    kind: String,
    archive: Link,
    description: Option<String>,
    withdrawn: Option<String>,
    size: String,
    version: String,
    facets: Vec<AssetFacet>,
    times: Vec<Pair>,
    equipment: Vec<EquipmentRow>,
    columns: Vec<Column>,
    files: Vec<AssetFile>,
    versions: Vec<AssetVersion>,
    related: Vec<RelatedGroup>,
    series: Option<SeriesInfo>,
    citation_text: String,
    bibtex: String,
    acknowledgement: Option<String>,
    license: Option<Link>,
    states: Vec<String>,
    ask: Option<Ask>,
    volumes: Vec<VolumeChoice>,
    labs: Vec<LabChoice>,
}

/// What has to be asked before there is anything to take.
enum Ask {
    /// A table, by a query that may be changed.
    Table { adql: String },
    /// A kind of product, by a list of sources.
    Sources { kind: String, release: String },
}

struct AssetFacet {
    label: String,
    values: Vec<Link>,
}

struct AssetFile {
    name: String,
    media_type: String,
    size: String,
    checksum: Option<String>,
    locations: String,
}

/// A receiver or an antenna of a site log.
struct EquipmentRow {
    what: String,
    kind: String,
    serial: String,
    days: String,
}

struct AssetVersion {
    number: String,
    since: String,
    note: String,
    current: bool,
}

struct RelatedGroup {
    label: String,
    assets: Vec<Related>,
    more: Option<Link>,
}

struct Related {
    title: String,
    href: String,
    note: Option<String>,
}

struct SeriesInfo {
    n_members: String,
    complete: String,
    first: String,
    last: String,
    members_href: String,
    /// Whether its members are told apart by days.
    has_days: bool,
    days_from: String,
    days_to: String,
}

pub(crate) async fn show(
    State(app): State<App>,
    caller: Option<Caller>,
    FromPath(path): FromPath<AssetPath>,
) -> Result<Response, Problem> {
    let record = record(&app, caller.as_ref(), &path.id).await?;
    let asset = &record.asset;
    let cited = citation_of(&app, &record)?;
    let connector = app.connector(&asset.id.archive());
    let archive = connector.as_ref().map(|connector| connector.archive());
    let volumes = volume_choices(&app, caller.as_ref(), None).await?;
    let shown = page(&AssetPage {
        shell: Shell::new(&app, caller.as_ref(), "search", asset.title.clone()).await?,
        id: asset.id.to_string(),
        title: asset.title.clone(),
        kind: kind(asset.kind),
        archive: Link::new(
            archive.map_or_else(String::new, |archive| archive.title.clone()),
            format!("/?facet=archive%2F{}", asset.id.archive()),
        ),
        description: description(asset),
        withdrawn: record.withdrawn.map(|at| {
            t("The archive no longer has this asset; it was withdrawn on {time}.")
                .with("time", format::time(at))
                .into()
        }),
        size: size(&record),
        version: version(&record),
        facets: facets(asset),
        times: times(asset),
        equipment: equipment(asset),
        columns: asset.columns.clone(),
        files: asset.files.iter().map(asset_file).collect(),
        versions: if asset.is_series() {
            Vec::new()
        } else {
            versions(&app, &record).await?
        },
        related: related(related::groups(&app, &record).await?),
        series: series(&record),
        citation_text: cited.text,
        bibtex: cited.bibtex,
        acknowledgement: Some(cited.acknowledgement),
        ask: archive.and_then(|archive| ask(asset, archive)),
        license: archive
            .and_then(|archive| archive.license.clone())
            .map(|license| Link::new(license, "")),
        states: Vec::new(),
        volumes,
        labs: lab_choices(&app, caller.as_ref(), &media_types_of([asset])),
    })?;
    let status = if record.withdrawn.is_some() {
        StatusCode::GONE
    } else {
        StatusCode::OK
    };
    Ok((status, shown).into_response())
}

/// How an asset without a location is asked for, if its archive answers questions.
fn ask(asset: &Asset, archive: &Archive) -> Option<Ask> {
    let file = asset
        .files
        .first()
        .filter(|file| file.locations.is_empty())?;
    let stem = file.name.rsplit_once('.').map_or("", |(stem, _)| stem);
    if archive.asks.datalink.iter().any(|kind| kind == stem) {
        return Some(Ask::Sources {
            kind: stem.to_owned(),
            release: asset.facets.first("release")?.to_owned(),
        });
    }
    let is_table = archive.asks.adql && !asset.columns.is_empty();
    is_table.then(|| Ask::Table {
        adql: format!("SELECT TOP 1000 *\nFROM {}", asset.id.local()),
    })
}

/// The size of an asset; of its members together for a series.
fn size(record: &AssetRecord) -> String {
    let size = match &record.members {
        Some(members) => members.size_bytes,
        None => record.asset.size_bytes(),
    };
    format::maybe_size(size)
}

fn kind(kind: Kind) -> String {
    match kind {
        Kind::InformationProduct => t("Information Product").into(),
        Kind::InformationData => t("Information Data").into(),
        Kind::ProcessingSoftware => t("Processing Software").into(),
    }
}

fn version(record: &AssetRecord) -> String {
    match record.version {
        _ if record.asset.is_series() => t("series").into(),
        NOT_RUN => t("not run yet").into(),
        version => t("version {number}").with("number", version).into(),
    }
}

/// What an asset covers: nominal days as they are, instants in UTC to the second where days are not enough.
fn times(asset: &Asset) -> Vec<Pair> {
    let mut times = Vec::new();
    if let Some(days) = &asset.days {
        let scale = asset
            .time_scale
            .map(|scale| format!(" ({})", scale.as_str()));
        let scale = scale.unwrap_or_default();
        let text = if days.first == days.last {
            format!("{}{scale}", days.first)
        } else {
            format!("{} – {}{scale}", days.first, days.last)
        };
        times.push(Pair::new(&t("Days").to_string(), text));
    }
    if let Some(time) = &asset.time {
        let form = if asset.days.is_some() {
            "%Y-%m-%d %H:%M:%S"
        } else {
            "%Y-%m-%d"
        };
        let text = format!(
            "{} – {} UTC",
            time.start.format(form),
            time.end.format(form)
        );
        times.push(Pair::new(&t("Coverage").to_string(), text));
    }
    times.extend(
        asset
            .place
            .map(|place| Pair::new(&t("Position").to_string(), position(place))),
    );
    times
}

/// A place as people write it, to a thousandth of a degree.
fn position(place: Place) -> String {
    let side = |degrees: f64, sides: [&str; 2]| {
        let side = if degrees < 0.0 { sides[1] } else { sides[0] };
        format!("{:.3}° {side}", degrees.abs())
    };
    let height = place
        .height_m
        .map_or_else(String::new, |height| format!(", {height:.0} m"));
    let (lat, lon) = (side(place.lat, ["N", "S"]), side(place.lon, ["E", "W"]));
    format!("{lat}, {lon}{height}")
}

/// The receivers and antennas of a site log, newest first.
fn equipment(asset: &Asset) -> Vec<EquipmentRow> {
    let Some(station) = &asset.station else {
        return Vec::new();
    };
    let row = |what: Said| {
        move |one: &Equipment| EquipmentRow {
            what: what.to_string(),
            kind: match &one.firmware {
                Some(firmware) => t("{kind}, firmware {firmware}")
                    .with("kind", &one.kind)
                    .with("firmware", firmware)
                    .into(),
                None => one.kind.clone(),
            },
            serial: one.serial.clone().unwrap_or_default(),
            days: match (one.installed, one.removed) {
                (Some(from), Some(to)) => format!("{from} – {to}"),
                (Some(from), None) => t("since {when}").with("when", from).into(),
                (None, Some(to)) => t("until {when}").with("when", to).into(),
                (None, None) => String::new(),
            },
        }
    };
    let receivers = station.receivers.iter().rev().map(row(t("Receiver")));
    let antennas = station.antennas.iter().rev().map(row(t("Antenna")));
    receivers.chain(antennas).collect()
}

/// What a series stands for.
fn series(record: &AssetRecord) -> Option<SeriesInfo> {
    let members = record.members.as_ref()?;
    let days = members.days.clone();
    let complete = match (members.n_days, members.n_days_spanned) {
        (Some(there), Some(spanned)) if there == spanned => {
            tn("the one day is there", "all {n} days are there", spanned)
        }
        (Some(there), Some(spanned)) => tn(
            "{there} of {n} day is there",
            "{there} of {n} days are there",
            spanned,
        )
        .with("there", there),
        _ => t("{size} in all").with("size", format::maybe_size(members.size_bytes)),
    };
    let (first, last) = days.map(|days| (days.first, days.last)).unwrap_or_default();
    Some(SeriesInfo {
        n_members: format::count(members.total),
        complete: complete.into(),
        members_href: format!(
            "/?collapse=none&facet={}",
            format::encode(&facet_text("series", record.asset.id.as_str()))
        ),
        has_days: !first.is_empty(),
        days_from: first.clone(),
        days_to: last.clone(),
        first,
        last,
    })
}

fn description(asset: &Asset) -> Option<String> {
    let warnings = asset
        .warnings
        .iter()
        .map(|warning| t("Note: {warning}.").with("warning", warning).to_string());
    let text: Vec<String> = Some(asset.description.clone())
        .filter(|text| !text.is_empty())
        .into_iter()
        .chain(warnings)
        .collect();
    (!text.is_empty()).then(|| text.join(" "))
}

fn facets(asset: &Asset) -> Vec<AssetFacet> {
    let fields = vocabulary()
        .fields
        .iter()
        .filter(|field| !asset.facets.get(&field.name).is_empty());
    fields
        .map(|field| {
            let link = |value: &String| {
                Link::new(
                    field.label_of(value),
                    format!(
                        "/?facet={}",
                        format::encode(&facet_text(&field.name, value))
                    ),
                )
            };
            AssetFacet {
                label: field.label.clone(),
                values: asset.facets.get(&field.name).iter().map(link).collect(),
            }
        })
        .collect()
}

fn asset_file(file: &File) -> AssetFile {
    let mut kinds: Vec<String> = file
        .locations
        .iter()
        .map(|location| match location {
            Location::Mounted(_) => t("mounted").into(),
            Location::Query(_) => t("query").into(),
            Location::Address(address) => {
                let scheme = address.split(':').next();
                scheme.unwrap_or_default().to_owned()
            }
        })
        .collect();
    kinds.dedup();
    AssetFile {
        name: file.name.clone(),
        media_type: file.media_type.clone(),
        size: format::maybe_size(file.size_bytes),
        checksum: file.checksum.as_ref().map(ToString::to_string),
        locations: kinds.join(", "),
    }
}

async fn versions(app: &App, record: &AssetRecord) -> Result<Vec<AssetVersion>, Problem> {
    let versions = app.store.asset_versions(&record.asset.id).await?;
    Ok(versions
        .iter()
        .map(|version| AssetVersion {
            number: version.version.to_string(),
            since: format::time(version.created),
            note: format!(
                "{}, {}",
                tn("{n} file", "{n} files", version.files.len()),
                format::maybe_size(version.files.iter().map(|file| file.size_bytes).sum())
            ),
            current: version.version == record.version,
        })
        .collect())
}

fn related(groups: Vec<related::Group>) -> Vec<RelatedGroup> {
    let asset = |hit: &serde_json::Value| Related {
        title: hit["title"].as_str().unwrap_or_default().to_owned(),
        href: format!("/assets/{}", hit["id"].as_str().unwrap_or_default()),
        note: hit["note"].as_str().map(ToOwned::to_owned),
    };
    let group = |group: related::Group| {
        let search = group.search.filter(|_| group.total > group.assets.len());
        RelatedGroup {
            assets: group.assets.iter().map(asset).collect(),
            more: search.map(|search| {
                let text = t("All {n}").with("n", format::count(group.total as u64));
                Link::new(text, search.replacen("/api/v1/assets", "/", 1))
            }),
            label: group.label,
        }
    };
    groups.into_iter().map(group).collect()
}
