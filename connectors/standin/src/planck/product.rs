//! Products: what the stand-in holds, under which names and numbers.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bytes::Bytes;
use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};

use super::channel::channel;
use super::maps::{Kind, Map};
use super::{lists, texts};
use crate::error::StandinError;

/// The classes of the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Class {
    Map,
    Cosmology,
    SimulatedMap,
    Document,
    SourceList,
    Timeline,
}

/// One product.
#[derive(Debug)]
pub(crate) struct Product {
    pub(crate) name: String,
    pub(crate) class: Class,
    pub(crate) oid: Option<i64>,
    pub(crate) size_bytes: u64,
    pub(crate) modified: DateTime<Utc>,
    pub(crate) content: Content,
}

/// Where its bytes are, or come from.
#[derive(Debug)]
pub(crate) enum Content {
    Memory(Bytes),
    File(PathBuf),
    Generated(Box<Map>),
}

impl Product {
    pub(crate) fn media_type(&self) -> &'static str {
        match self.name.rsplit_once('.').map(|(_, end)| end) {
            Some("fits") => "application/fits",
            Some("gz" | "tgz") => "application/gzip",
            Some("txt") => "text/plain",
            Some("zip") => "application/zip",
            _ => "application/octet-stream",
        }
    }

    pub(crate) fn etag(&self) -> String {
        format!("\"{:x}-{:x}\"", self.size_bytes, self.modified.timestamp())
    }
}

/// Everything: the files of a folder, and what is generated under names that it does not hold.
pub(crate) fn products(
    real: Option<&Path>,
    nside: u32,
    seed: u64,
) -> Result<Vec<Product>, StandinError> {
    let mut products = match real {
        Some(folder) => real_products(&folder.join("planck"))?,
        None => Vec::new(),
    };
    let generated = maps(nside, seed).map(of_map).chain(small_products(seed)?);
    for (n, mut product) in (1..).zip(generated) {
        product.oid = product.oid.or(Some(15_100 + n));
        if products.iter().all(|held| held.name != product.name) {
            products.push(product);
        }
    }
    products.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(products)
}

fn real_products(folder: &Path) -> Result<Vec<Product>, StandinError> {
    let failed = |source| StandinError::File {
        path: folder.to_owned(),
        source,
    };
    let mut products = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let metadata = path.metadata().map_err(failed)?;
        let Some(name) = path
            .file_name()
            .and_then(|name| name.to_str())
            .filter(|_| metadata.is_file())
        else {
            continue;
        };
        let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        // An HTTP date has whole seconds.
        let modified = DateTime::<Utc>::from(modified).timestamp();
        products.push(Product {
            name: name.to_owned(),
            class: class_of(name),
            oid: None,
            size_bytes: metadata.len(),
            modified: DateTime::from_timestamp(modified, 0).unwrap_or_default(),
            content: Content::File(path),
        });
    }
    Ok(products)
}

fn class_of(name: &str) -> Class {
    let is_any = |parts: &[&str]| parts.iter().any(|part| name.contains(part));
    if is_any(&["PCCS", "PSZ"]) {
        Class::SourceList
    } else if is_any(&["RIMO"]) {
        Class::Document
    } else if is_any(&["ffp10_", "_mc_", "SimMap"]) {
        Class::SimulatedMap
    } else if is_any(&[
        "PowerSpect",
        "CosmoParams",
        "Likelihood",
        "cl_",
        "_cl",
        "gaussbeam",
        "pixel_window",
    ]) {
        Class::Cosmology
    } else {
        Class::Map
    }
}

/// The day a release came out; noon stands for its unknown hour.
fn released(release: &str) -> DateTime<Utc> {
    let (year, month, day) = match release.get(..2) {
        Some("R1") => (2013, 3, 21),
        Some("R2") => (2015, 2, 5),
        Some("R4") => (2020, 7, 9),
        _ => (2018, 7, 17),
    };
    let months_later = i64::from(
        release
            .get(3..)
            .and_then(|n| n.parse::<u8>().ok())
            .unwrap_or(0),
    );
    let date = NaiveDate::from_ymd_opt(year, month, day).unwrap_or_default();
    let noon = NaiveTime::from_hms_opt(12, 0, 0).unwrap_or_default();
    date.and_time(noon).and_utc() + TimeDelta::days(30 * months_later)
}

fn of_map(map: Map) -> Product {
    let oid = match map.kind {
        // The numbers of these three are known; the others are of this stand-in.
        Kind::Frequency { channel, .. } if map.name.contains("BPass") && channel.name == "030" => {
            Some(13_737)
        }
        Kind::Frequency { .. } if map.name.starts_with("HFI_SkyMap_353-psb") => Some(14_613),
        Kind::Cmb { is_polarised: true } if map.name.contains("-smica_") => Some(15_001),
        _ => None,
    };
    Product {
        class: class_of(&map.name),
        oid,
        size_bytes: map.n_bytes(),
        modified: released(&map.release),
        name: map.name.clone(),
        content: Content::Generated(Box::new(map)),
    }
}

/// The names of the generated maps, where `NSIDE` stands for its four digits, and what they show.
fn map_kinds() -> Vec<(String, Kind)> {
    let seen = |name, noise_factor| Kind::Frequency {
        channel: channel(name),
        noise_factor,
        has_dipole: false,
    };
    let npipe = Kind::Frequency {
        channel: channel("100"),
        noise_factor: 0.9,
        has_dipole: true,
    };
    let half = 2.0_f64.sqrt();
    let named = [
        ("HFI_SkyMap_100_NSIDE_R3.01_full", seen("100", 1.0)),
        (
            "HFI_SkyMap_100_NSIDE_R3.01_halfmission-1",
            seen("100", half),
        ),
        (
            "HFI_SkyMap_100_NSIDE_R3.01_halfmission-2",
            seen("100", half),
        ),
        ("HFI_SkyMap_100_NSIDE_R4.00_full", npipe),
        ("HFI_SkyMap_143_NSIDE_R3.00_full", seen("143", 1.1)),
        ("HFI_SkyMap_143_NSIDE_R3.01_full", seen("143", 1.0)),
        ("HFI_SkyMap_217_NSIDE_R3.01_full", seen("217", 1.0)),
        ("HFI_SkyMap_353_NSIDE_R3.01_full", seen("353", 1.0)),
        ("HFI_SkyMap_353-psb_NSIDE_R3.01_full", seen("353", 1.05)),
        ("HFI_SkyMap_545_NSIDE_R3.01_full", seen("545", 1.0)),
        ("HFI_SkyMap_857_NSIDE_R3.01_full", seen("857", 1.0)),
        (
            "LFI_SkyMap_030-BPassCorrected_NSIDE_R3.00_full",
            seen("030", 1.0),
        ),
        (
            "LFI_SkyMap_044-BPassCorrected_NSIDE_R3.00_full",
            seen("044", 1.0),
        ),
        (
            "LFI_SkyMap_070-BPassCorrected_NSIDE_R3.00_full",
            seen("070", 1.0),
        ),
        (
            "COM_CMB_IQU-smica_NSIDE_R3.00_full",
            Kind::Cmb { is_polarised: true },
        ),
        (
            "COM_CMB_IQU-smica-nosz_NSIDE_R3.00_full",
            Kind::Cmb {
                is_polarised: false,
            },
        ),
        (
            "COM_CMB_IQU-commander_NSIDE_R3.00_full",
            Kind::Cmb { is_polarised: true },
        ),
        ("COM_Mask_CMB-common-Mask-Int_NSIDE_R3.00", Kind::CommonMask),
        ("HFI_Mask_GalPlane-apo0_NSIDE_R2.00", Kind::PlaneMask),
        ("COM_CompMap_dust-commander_NSIDE_R2.00", Kind::Dust),
    ];
    let noise = Kind::Noise {
        channel: channel("217"),
    };
    let realisations = (0..5).map(|n| (format!("ffp10_noise_217_full_map_mc_{n:05}"), noise));
    named
        .map(|(name, kind)| (name.to_owned(), kind))
        .into_iter()
        .chain(realisations)
        .collect()
}

fn maps(nside: u32, seed: u64) -> impl Iterator<Item = Map> {
    map_kinds().into_iter().map(move |(stem, kind)| Map {
        // The simulations carry no release in their names; they belong to that of 2018.
        release: stem
            .split('_')
            .find(|part| part.starts_with("R"))
            .unwrap_or("R3.00")
            .to_owned(),
        name: stem.replace("NSIDE", &format!("{nside:04}")) + ".fits",
        kind,
        nside,
        seed,
    })
}

/// Products small enough to be made at the start.
fn small_products(seed: u64) -> Result<Vec<Product>, StandinError> {
    let mut products = Vec::new();
    let mut add = |name: &str, oid, release, bytes: Vec<u8>| {
        products.push(Product {
            name: name.to_owned(),
            class: class_of(name),
            oid,
            size_bytes: bytes.len() as u64,
            modified: released(release),
            content: Content::Memory(bytes.into()),
        });
    };
    let failed = |name: &str| {
        let name = name.to_owned();
        move |source| StandinError::Generate { name, source }
    };
    for frequency in ["100", "143"] {
        let name = format!("COM_PCCS_{frequency}_R2.01.fits");
        let list =
            lists::sources(&name, "R2.01", channel(frequency), seed).map_err(failed(&name))?;
        add(&name, None, "R2.01", list);
    }
    let name = "HFI_RIMO_R1.10.fits";
    add(
        name,
        None,
        "R1.10",
        lists::instrument_model(name, "R1.10").map_err(failed(name))?,
    );
    add(
        "COM_PowerSpect_CMB-TT-full_R3.01.txt",
        None,
        "R3.01",
        texts::spectrum().into_bytes(),
    );
    add(
        "COM_PowerSpect_CMB-TT-binned_R3.01.txt",
        None,
        "R3.01",
        texts::binned_spectrum().into_bytes(),
    );
    let name = "COM_Likelihood_Data-baseline_R3.00.tar.gz";
    let likelihood = texts::likelihood().map_err(|error| failed(name)(error.into()))?;
    add(name, Some(151_902), "R3.00", likelihood);
    Ok(products)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_each_given_once() {
        let products = products(None, 16, 1).unwrap();
        let mut names: Vec<_> = products.iter().map(|product| &product.name).collect();
        let mut oids: Vec<_> = products.iter().filter_map(|product| product.oid).collect();
        names.sort();
        names.dedup();
        oids.sort_unstable();
        oids.dedup();
        assert_eq!((names.len(), oids.len()), (products.len(), products.len()));
    }

    #[test]
    fn all_products_together_stay_below_600_mb() {
        let total: u64 = products(None, 256, 1)
            .unwrap()
            .iter()
            .map(|product| product.size_bytes)
            .sum();
        assert!((400_000_000..600_000_000).contains(&total), "{total}");
    }
}
