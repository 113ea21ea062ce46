//! Products: what a notebook lists of each staged file.

use chrono::NaiveDate;
use gantry_asset::{Asset, Column, Facets, Location, Query, TimeScale};
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
    /// The sources whose spectra or light curves it was asked for, as decimal numbers.
    pub(super) sources: Vec<String>,
    /// What a table holds that was not asked for any rows.
    pub(super) table: Option<Table>,
    pub(super) facets: Facets,
}

/// A table that is had by a query, as its archive describes it.
#[derive(Debug, Clone, Default)]
pub(super) struct Table {
    /// Its name in the archive's ADQL, `gaiadr3.gaia_source`.
    pub(super) name: String,
    pub(super) about: String,
    pub(super) columns: Vec<Column>,
}

/// How many sources a notebook lists of one file; what the archive had none of stands in the file's warning too.
const SOURCES: usize = 500;

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
            sources: asset
                .map(|asset| sources(asset, &file.name))
                .unwrap_or_default(),
            table: asset
                .filter(|_| outcome.reason.as_deref() == Some("needs-a-query"))
                .and_then(|asset| table(asset, &file.name)),
            facets: asset.map(|asset| asset.facets.clone()).unwrap_or_default(),
        }
    }

    /// What people call it; the answer to a query is called after the archive, not after the query.
    pub(super) fn heading(&self) -> String {
        let title = self.title.as_deref().unwrap_or(&self.asset);
        match (self.kind(), title.split_once(": ")) {
            (Some("query result"), Some((archive, _))) => {
                let archive = archive.split(" (").next().unwrap_or(archive);
                format!("Query of the {archive}")
            }
            _ => title.to_owned(),
        }
    }

    /// The dict of the notebook's list.
    pub(super) fn to_value(&self) -> Value {
        let facet = |field| self.facets.first(field);
        let mut value = json!({
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
        });
        if (1..=SOURCES).contains(&self.sources.len()) {
            value["sources"] = json!(self.sources);
        }
        value
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

/// From when to when an asset was observed: its days in its own scale of time where it has one, such as GPST.
///
/// In UTC a day of GPST begins 18 s before midnight, so its date would be that of the day before.
fn observed(asset: &Asset) -> Option<String> {
    let scale = asset.time_scale.filter(|scale| *scale != TimeScale::Utc);
    if let (Some(scale), Some(days)) = (scale, &asset.days) {
        let date = |label: &str| NaiveDate::parse_from_str(label, "%Y-%j").ok();
        let (first, last) = (date(&days.first)?, date(&days.last)?);
        return Some(if first == last {
            format!("{first} {}", scale.as_str())
        } else {
            format!("{first} to {last} {}", scale.as_str())
        });
    }
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

/// The sources that a file was asked for.
fn sources(asset: &Asset, name: &str) -> Vec<String> {
    let file = asset.files.iter().find(|file| file.name == name);
    let locations = file.map(|file| file.locations.as_slice());
    let asked = locations.unwrap_or_default().iter().find_map(|location| {
        let Location::Query(query) = location else {
            return None;
        };
        match query.as_ref() {
            Query::Datalink(query) => Some(query.sources.clone()),
            Query::Adql(_) => None,
        }
    });
    asked.unwrap_or_default()
}

/// What an archive says of a table whose file would be named `name`.
fn table(asset: &Asset, name: &str) -> Option<Table> {
    let is_table = asset.facets.first("product_type") == Some("source table");
    let (name, _) = name.rsplit_once('.')?;
    is_table.then(|| Table {
        name: name.to_owned(),
        about: asset.description.clone(),
        columns: asset.columns.clone(),
    })
}

#[cfg(test)]
mod tests {
    use gantry_asset::{AssetId, Days, Kind, TimeSpan};

    use super::*;

    #[test]
    fn a_day_of_gps_time_is_its_own_date_and_not_that_of_utc() {
        let id: AssetId = "gssc:COD0OPSFIN_20230500000_01D_05M_ORB.SP3.gz"
            .parse()
            .unwrap();
        let mut asset = Asset::new(id, Kind::InformationProduct);
        asset.time = Some(TimeSpan {
            start: "2023-02-18T23:59:42Z".parse().unwrap(),
            end: "2023-02-19T23:59:42Z".parse().unwrap(),
        });
        assert_eq!(
            observed(&asset).as_deref(),
            Some("2023-02-18 to 2023-02-19")
        );
        asset.days = Some(Days {
            first: "2023-050".to_owned(),
            last: "2023-050".to_owned(),
        });
        asset.time_scale = Some(TimeScale::Gpst);
        assert_eq!(observed(&asset).as_deref(), Some("2023-02-19 GPST"));
    }
}
