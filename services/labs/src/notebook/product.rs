//! Products: what a notebook lists of each staged file, and which block opens it.

use gantry_asset::{Asset, Facets};
use gantry_store::StagingFile;
use serde_json::{Value, json};

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
        })
    }

    /// The block that opens it; `None` for what is not there, and for an archive of files.
    pub(super) fn block(&self) -> Option<&'static str> {
        let path = self.path.as_deref()?.to_ascii_lowercase();
        let ends = |endings: &[&str]| endings.iter().any(|ending| path.ends_with(ending));
        if ends(&[
            ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".zip", "/",
        ]) {
            return None;
        }
        let is_fits = ends(&[".fits", ".fit", ".fits.gz", ".fit.gz"]);
        Some(match self.kind() {
            Some("sky map" | "CMB map" | "component map" | "mask")
                if is_fits && self.nside().is_some() =>
            {
                "healpix"
            }
            Some("source list") if is_fits => "source_list",
            Some("power spectrum") if is_fits || ends(&[".txt"]) => "power_spectrum",
            _ if is_fits => "fits",
            _ => "other",
        })
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

#[cfg(test)]
mod tests {
    use super::*;

    fn product(path: &str, facets: &[(&str, &str)]) -> Product {
        let mut product = Product {
            path: Some(path.to_owned()),
            ..Product::default()
        };
        for (field, value) in facets {
            product.facets.add(field, *value);
        }
        product
    }

    #[test]
    fn each_product_gets_the_block_of_its_kind() {
        let of = |path, facets: &[(&str, &str)]| product(path, facets).block();
        let map = [("product_type", "sky map"), ("nside", "2048")];
        assert_eq!(of("planck/a.fits", &map), Some("healpix"));
        assert_eq!(of("planck/a.FITS.gz", &map), Some("healpix"));
        assert_eq!(of("planck/a.fits", &map[..1]), Some("fits"));
        assert_eq!(
            of(
                "planck/a.fits",
                &[("product_type", "mask"), ("nside", "16")]
            ),
            Some("healpix")
        );
        assert_eq!(
            of("planck/a.fits", &[("product_type", "source list")]),
            Some("source_list")
        );
        assert_eq!(
            of("planck/a.txt", &[("product_type", "power spectrum")]),
            Some("power_spectrum")
        );
        assert_eq!(
            of("planck/a.fits", &[("product_type", "likelihood")]),
            Some("fits")
        );
        assert_eq!(
            of("planck/a.txt", &[("product_type", "source list")]),
            Some("other")
        );
        assert_eq!(of("planck/a.tar.gz", &map), None);
        assert_eq!(Product::default().block(), None);
    }
}
