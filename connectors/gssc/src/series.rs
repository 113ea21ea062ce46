//! Series: the assets that stand for many which differ only in day or hour.

use gantry_asset::{ArchiveId, Asset, AssetId};

use crate::asset;
use crate::config::Facts;
use crate::names::Name;
use crate::title;

/// The series of a file: `~BRUX00BEL-OBS-01D-30S`; none for what stands alone.
///
/// It holds all that a name says but the day: station, content, span, sampling and, where they are not the usual ones,
/// constellation, source and packing for data; centre, version, campaign, solution, content, span and sampling for products.
pub(crate) fn id(archive: &ArchiveId, name: &Name) -> Option<AssetId> {
    AssetId::parse(&format!("{archive}:~{}", name.series()?)).ok()
}

/// What the members of a series have in common, as its id says it.
pub(crate) fn key(name: &Name) -> Option<String> {
    let content = name.content.as_deref()?;
    let mut parts: Vec<String> = Vec::new();
    match content {
        "site log" => {
            let station = name.station.as_deref()?;
            let form = if name.format.as_deref() == Some("GeodesyML") {
                "GEODESYML"
            } else {
                "LOG"
            };
            return Some(format!("{station}-{form}"));
        }
        "ANTEX" => {
            let model = name.antenna_model.as_deref()?;
            asset::release_week(model)?;
            let frame = model.split('_').next()?;
            return Some(format!("{}-ANTEX", frame.to_ascii_uppercase()));
        }
        "OBS" | "NAV" | "MET" => {
            parts.push(name.station.clone()?);
            parts.push(content.to_owned());
        }
        _ => {
            let (centre, solution) = (name.analysis_centre.as_deref()?, name.solution.as_deref()?);
            let first = match (name.version, name.campaign.as_deref()) {
                (Some(version), Some(campaign)) => format!("{centre}{version}{campaign}{solution}"),
                _ => solution.to_owned(),
            };
            parts.push(first);
            parts.extend(name.station.clone());
            parts.push(name.code.clone().unwrap_or_else(|| content.to_owned()));
        }
    }
    parts.extend(name.span.map(|span| span.to_string()));
    parts.extend(name.sampling.map(|sampling| sampling.to_string()));
    parts.extend(marks(name, content));
    Some(parts.join("-"))
}

/// What else tells two series apart.
fn marks(name: &Name, content: &str) -> Vec<String> {
    let mut marks = Vec::new();
    match (content, name.system) {
        ("NAV", Some(system)) => marks.push(format!("{system}N")),
        ("OBS", Some(system)) if system != 'M' => marks.push(format!("{system}O")),
        _ => {}
    }
    if let Some(source) = name.source.filter(|source| *source != 'R') {
        marks.push(source.to_string());
    }
    if name.rinex_version == Some(2) {
        marks.push("RINEX2".to_owned());
    }
    if content == "OBS" && !name.is_compact {
        marks.push("PLAIN".to_owned());
    }
    if name.is_predicted {
        marks.push("P".to_owned());
    }
    marks
}

/// The series itself: no files, no days, the facets that all its members share.
pub(crate) fn asset(facts: &Facts, id: AssetId, name: &Name) -> Asset {
    let mut facets = asset::common_facets(facts, name);
    if let Some(frame) = name.antenna_model.as_deref().and_then(asset::frame_of) {
        facets.add("frame", frame);
    }
    let mut synonyms = asset::common_synonyms(name);
    // Each member has its own week beside these words.
    synonyms.extend(name.time_scale().map(|_| "GPS week".to_owned()));
    Asset {
        id,
        kind: asset::kind(name),
        title: title::series(name),
        description: String::new(),
        synonyms,
        facets,
        series: None,
        time: None,
        time_scale: None,
        days: None,
        sky: None,
        place: None,
        station: None,
        related: Vec::new(),
        warnings: Vec::new(),
        columns: Vec::new(),
        rank: asset::rank(name),
        files: Vec::new(),
    }
}
