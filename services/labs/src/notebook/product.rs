//! Products: what a notebook lists of each staged file.

use gantry_asset::{Asset, Facets};
use gantry_store::StagingFile;
use serde_json::{Value, json};

use super::opening::{Opening, opening};

/// One file of a staging job, as a notebook sees it.
#[derive(Debug, Clone, Default)]
pub(super) struct Product {
    pub(super) asset: String,
    pub(super) title: Option<String>,
    pub(super) archive: String,
    pub(super) volume: String,
    /// Where it is in the volume.
    pub(super) path: Option<String>,
    pub(super) verified_by: Option<String>,
    pub(super) size_bytes: Option<u64>,
    pub(super) sha256: Option<String>,
    pub(super) warnings: Vec<String>,
    /// Why it is not there; `None` when it is.
    pub(super) reason: Option<String>,
    pub(super) epoch: Option<String>,
    /// The days it is of, as labels such as `2023-001`: one, or from the first to the last.
    pub(super) days: Option<String>,
    pub(super) facets: Facets,
}

impl Product {
    /// What the record knows of a file and of its asset.
    pub(super) fn new(file: &StagingFile, asset: Option<&Asset>, volume: &str) -> Self {
        let outcome = file.outcome.clone().unwrap_or_default();
        let is_there = matches!(outcome.outcome.as_str(), "staged" | "present");
        let reason = || match outcome.outcome.as_str() {
            "" => "the job ended before it".to_owned(),
            outcome => outcome.to_owned(),
        };
        Self {
            asset: file.asset.to_string(),
            title: asset
                .map(|asset| asset.title.clone())
                .filter(|title| !title.is_empty()),
            archive: file.asset.archive().to_string(),
            volume: volume.to_owned(),
            reason: (!is_there).then(|| outcome.reason.clone().unwrap_or_else(reason)),
            path: outcome.path.filter(|_| is_there),
            verified_by: outcome.verified_by,
            size_bytes: outcome.size_bytes.or(file.size_bytes),
            sha256: outcome.sha256,
            warnings: outcome.warnings,
            epoch: asset.and_then(observed),
            days: asset.and_then(days),
            facets: asset.map(|asset| asset.facets.clone()).unwrap_or_default(),
        }
    }

    /// What people call it.
    pub(super) fn heading(&self) -> &str {
        self.title.as_deref().unwrap_or(&self.asset)
    }

    /// The dict of the notebook's list.
    pub(super) fn to_value(&self) -> Value {
        let facet = |field| self.facets.first(field);
        json!({
            "asset": self.asset,
            "title": self.title,
            "archive": self.archive,
            "release": facet("release"),
            "band": facet("band"),
            "unit": facet("unit"),
            "frame": facet("frame"),
            "nside": self.nside(),
            "ordering": null,
            "volume": self.volume,
            "path": self.path,
            "verified_by": self.verified_by,
            "size_bytes": self.size_bytes,
            "sha256": self.sha256,
            "warnings": self.warnings,
            "reason": self.reason,
            "epoch": self.epoch,
            "content": facet("content"),
            "station": self.station(),
            "days": self.days,
        })
    }

    /// What opens it; `None` for what is not there, and for an archive of files.
    pub(super) fn opening(&self) -> Option<Opening> {
        opening(self.path.as_deref()?, &self.facets)
    }

    /// The block that opens it, when it has one of its own.
    pub(super) fn block(&self) -> Option<&'static str> {
        match self.opening()? {
            Opening::Block(block) => Some(block),
            Opening::Navigation => None,
        }
    }

    /// The station that observed: as the archive says, or the first four or nine characters of the file's name.
    pub(super) fn station(&self) -> Option<String> {
        if let Some(station) = self.facets.first("station") {
            return Some(station.to_owned());
        }
        let is_gnss = match self.opening()? {
            Opening::Block(block) => block == "rinex_obs",
            Opening::Navigation => true,
        };
        let name = self.path.as_deref()?.rsplit('/').next()?;
        let n_characters = name.find('_').filter(|place| *place == 9).unwrap_or(4);
        let station = name.get(..n_characters).filter(|_| is_gnss)?;
        Some(station.to_ascii_uppercase())
    }

    /// Whether it is a file of orbits rather than of clocks.
    pub(super) fn is_orbit(&self) -> bool {
        let by_name = || {
            let path = self.path.as_deref().unwrap_or_default();
            path.to_ascii_lowercase().contains(".sp3")
        };
        self.facets
            .first("content")
            .map_or_else(by_name, |content| content == "ORB")
    }

    /// Whether it is a map of the sky rather than a mask, in HEALPix.
    pub(super) fn is_map(&self) -> bool {
        matches!(self.kind(), Some("sky map" | "CMB map")) && self.block() == Some("healpix")
    }

    fn kind(&self) -> Option<&str> {
        self.facets.first("product_type")
    }

    fn nside(&self) -> Option<u64> {
        self.facets.first("nside")?.parse().ok()
    }
}

/// From when to when an asset was observed.
fn observed(asset: &Asset) -> Option<String> {
    let time = asset.time?;
    Some(format!(
        "{} to {}",
        time.start.format("%Y-%m-%d"),
        time.end.format("%Y-%m-%d")
    ))
}

/// The nominal days of an asset.
fn days(asset: &Asset) -> Option<String> {
    let days = asset.days.as_ref()?;
    Some(if days.first == days.last {
        days.first.clone()
    } else {
        format!("{} to {}", days.first, days.last)
    })
}
