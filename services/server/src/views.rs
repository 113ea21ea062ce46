//! What the interface shows of assets: one shape for search, for an asset and for export.

use gantry_asset::{
    ArchiveId, Asset, AssetId, Column, Days, FacetPath, Facets, File, Members, Place, Related,
    Station, TimeScale, TimeSpan,
};
use gantry_store::{AssetRecord, NOT_RUN};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

/// An asset with everything that is known of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AssetView {
    /// `archive:local`.
    #[schema(example = "planck:HFI_SkyMap_100_2048_R3.01_full.fits")]
    pub(crate) id: String,
    /// The archive's id.
    pub(crate) archive: String,
    /// What kind of thing it is.
    #[schema(example = "Information Product")]
    pub(crate) kind: &'static str,
    /// The number of its newest version; null for a series.
    pub(crate) version: Option<u32>,
    /// What people read first.
    pub(crate) title: String,
    /// What it holds.
    pub(crate) description: String,
    /// Other words it is found by.
    pub(crate) synonyms: Vec<String>,
    /// Its facet values, always lists.
    #[schema(value_type = Object)]
    pub(crate) facets: Value,
    /// The series it is a member of.
    pub(crate) series: Option<String>,
    /// The time it covers, half open.
    #[schema(value_type = Option<Object>)]
    pub(crate) time: Option<Value>,
    /// The scale its archive counts in, where that is not UTC: `GPST`, `BDT`, `TCB`.
    #[schema(value_type = Option<String>)]
    pub(crate) time_scale: Option<TimeScale>,
    /// The sky it covers.
    #[schema(value_type = Option<Object>)]
    pub(crate) sky: Option<Value>,
    /// Where on Earth it was made: degrees north and east, metres above the ellipsoid.
    #[schema(value_type = Option<Object>)]
    pub(crate) place: Option<Place>,
    /// What a site log says of its station: receivers and antennas with their days.
    #[schema(value_type = Option<Object>)]
    pub(crate) station: Option<Station>,
    /// The nominal days it covers, both included.
    #[schema(value_type = Option<Object>)]
    pub(crate) days: Option<Days>,
    /// What a series stands for: how many assets, their size, how many days of those it spans.
    #[schema(value_type = Option<Object>)]
    pub(crate) members: Option<Value>,
    /// How many files it has; null for a query that has not been run.
    pub(crate) n_files: Option<usize>,
    /// Their sizes together; null when one is unknown.
    pub(crate) size_bytes: Option<u64>,
    /// Its files now.
    #[schema(value_type = Vec<Object>)]
    pub(crate) files: Vec<File>,
    /// Assets that belong with it.
    #[schema(value_type = Vec<Object>)]
    pub(crate) related: Vec<Related>,
    /// The columns of a table, with unit, content descriptor and type.
    #[schema(value_type = Vec<Object>)]
    pub(crate) columns: Vec<Column>,
    /// What was odd about it when it was harvested.
    pub(crate) warnings: Vec<String>,
    /// How far up it stands where nothing else decides, larger first.
    pub(crate) rank: u32,
    /// When it was withdrawn, if it was.
    pub(crate) withdrawn: Option<chrono::DateTime<chrono::Utc>>,
}

impl From<&AssetRecord> for AssetView {
    fn from(record: &AssetRecord) -> Self {
        let asset = &record.asset;
        Self {
            id: asset.id.to_string(),
            archive: asset.id.archive().to_string(),
            kind: asset.kind.as_str(),
            version: version(record),
            title: asset.title.clone(),
            description: asset.description.clone(),
            synonyms: asset.synonyms.clone(),
            facets: json!(asset.facets),
            series: asset.series.as_ref().map(ToString::to_string),
            time: asset.time.map(|time| json!(time)),
            time_scale: asset.time_scale,
            sky: asset.sky.as_ref().map(|sky| json!(sky)),
            place: asset.place,
            station: asset.station.as_deref().cloned(),
            days: asset.days.clone(),
            members: record
                .members
                .as_ref()
                .map(|members| json!(members_view(members))),
            n_files: (!is_unrun(record)).then_some(asset.files.len()),
            size_bytes: size_bytes(record),
            files: asset.files.clone(),
            related: asset.related.clone(),
            columns: asset.columns.clone(),
            warnings: asset.warnings.clone(),
            rank: asset.rank,
            withdrawn: record.withdrawn,
        }
    }
}

/// What a search shows of an asset; kept in the index as it is.
#[derive(Debug, Serialize)]
pub(crate) struct HitView<'a> {
    id: &'a AssetId,
    archive: ArchiveId,
    kind: &'static str,
    version: Option<u32>,
    title: &'a str,
    facets: &'a Facets,
    series: Option<&'a AssetId>,
    n_files: usize,
    size_bytes: Option<u64>,
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<TimeSpan>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sky: Option<SkyView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<Place>,
    #[serde(skip_serializing_if = "Option::is_none")]
    days: Option<&'a Days>,
    #[serde(skip_serializing_if = "Option::is_none")]
    members: Option<MembersView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replaced_by: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    also: Option<Vec<&'a str>>,
}

/// What a hit says of the sky.
#[derive(Debug, Serialize)]
struct SkyView {
    all_sky: bool,
}

/// What a series stands for.
#[derive(Debug, Serialize)]
struct MembersView {
    total: u64,
    size_bytes: Option<u64>,
    n_days: Option<u64>,
    n_days_spanned: Option<u64>,
}

impl<'a> From<&'a AssetRecord> for HitView<'a> {
    fn from(record: &'a AssetRecord) -> Self {
        let asset = &record.asset;
        Self {
            id: &asset.id,
            archive: asset.id.archive(),
            kind: asset.kind.as_str(),
            version: version(record),
            title: &asset.title,
            facets: &asset.facets,
            series: asset.series.as_ref(),
            n_files: asset.files.len(),
            size_bytes: size_bytes(record),
            name: asset.files.first().map(|file| file.name.as_str()),
            time: asset.time,
            sky: asset.sky.as_ref().map(|sky| SkyView {
                all_sky: sky.all_sky,
            }),
            place: asset.place,
            days: asset.days.as_ref(),
            members: record.members.as_ref().map(members_view),
            replaced_by: replaced_by(asset),
            also: (!asset.related.is_empty()).then(|| also(asset)),
        }
    }
}

/// The version an asset has now; a series has none, and a query none before it is run.
fn version(record: &AssetRecord) -> Option<u32> {
    let has_one = !record.asset.files.is_empty() && !is_unrun(record);
    has_one.then_some(record.version)
}

/// Whether it is a query that was never run.
fn is_unrun(record: &AssetRecord) -> bool {
    record.version == NOT_RUN
}

/// The size of an asset; of all its members for a series.
pub(crate) fn size_bytes(record: &AssetRecord) -> Option<u64> {
    match &record.members {
        Some(members) => members.size_bytes,
        None => record.asset.size_bytes(),
    }
}

fn members_view(members: &Members) -> MembersView {
    MembersView {
        total: members.total,
        size_bytes: members.size_bytes,
        n_days: members.n_days,
        n_days_spanned: members.n_days_spanned,
    }
}

/// What replaces an asset within its release.
fn replaced_by(asset: &Asset) -> Option<&str> {
    let newer = asset
        .related
        .iter()
        .filter(|related| related.relation == gantry_asset::Relation::SupersededBy);
    newer.map(|related| related.label.as_str()).next_back()
}

/// The other releases of an asset, as its card names them.
fn also(asset: &Asset) -> Vec<&str> {
    asset
        .related
        .iter()
        .filter(|related| related.relation == gantry_asset::Relation::OtherRelease)
        .map(|related| related.label.as_str())
        .collect()
}

/// `field/path`, for the address of a selected facet.
pub(crate) fn facet_text(field: &str, path: &str) -> String {
    FacetPath {
        field: field.to_owned(),
        path: path.to_owned(),
    }
    .to_string()
}
