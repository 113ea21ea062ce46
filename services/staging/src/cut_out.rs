//! Cut-outs on the way: a cone of a sky map instead of the whole of it, out of a few ranges of its bytes.
//!
//! The name decides whether a file may be cut and what the cut-out is called, since a plan must know; its headers decide
//! whether it is cut. Nothing of it goes into the shared cache, and a file that is no such map is not fetched.

mod reading;

use std::fs::File;

use gantry_formats::fits::cut::{Cone, Cut, CutError};
use gantry_formats::fits::{self, FitsError, Limits};
use gantry_store::FileOutcome;
use serde::{Deserialize, Serialize};

use crate::bring::Source;
use crate::error::StagingError;
use crate::file::Moving;
use crate::job::JobRun;
use crate::transfer::{Broken, Transfer, Whole, Writing, skipped};
use crate::volume::{Part, VolumeError};
use reading::{PIECE, Reading, There};

/// The cone that is cut out of maps, ICRS, in degrees.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CutOut {
    /// Right ascension of its centre, 0 to 360.
    pub ra: f64,
    /// Declination of its centre, -90 to 90.
    pub dec: f64,
    /// Its radius, above 0 and at most 90.
    pub radius: f64,
}

/// The headers of a map are looked for in so many bytes.
const HEADER_BYTES: u64 = 1 << 20;
/// What a cut-out has besides its pixels, for an estimate.
const HEADERS: u64 = 3 * 2880;

impl CutOut {
    /// Whether there is such a cone.
    ///
    /// # Errors
    /// [`StagingError::CutOut`] with what is wrong.
    pub fn check(&self) -> Result<(), StagingError> {
        let wrong = if !(0.0..=360.0).contains(&self.ra) {
            ("ra", self.ra, "0 to 360 degrees (ICRS)")
        } else if !(-90.0..=90.0).contains(&self.dec) {
            ("dec", self.dec, "-90 to 90 degrees (ICRS)")
        } else if !(1e-6..=90.0).contains(&self.radius) {
            (
                "radius",
                self.radius,
                "a millionth of a degree to 90 degrees",
            )
        } else {
            return Ok(());
        };
        Err(StagingError::CutOut(wrong.0, wrong.1, wrong.2))
    }

    /// The cone, to a millionth of a degree, as the name of a cut-out has it.
    fn cone(&self) -> Cone {
        // Adding nothing makes -0 a 0.
        let rounded = |degrees: f64| (degrees * 1e6).round() / 1e6 + 0.0;
        Cone {
            ra: rounded(self.ra),
            dec: rounded(self.dec),
            radius: rounded(self.radius),
        }
    }

    /// What the cut-out of a file is called; none for a file that is no FITS file by its name, or is packed.
    #[must_use]
    pub(crate) fn name_of(&self, name: &str) -> Option<String> {
        let (stem, end) = name.rsplit_once('.')?;
        let is_fits = ["fits", "fit"].contains(&end.to_ascii_lowercase().as_str());
        let Cone { ra, dec, radius } = self.cone();
        (is_fits && !stem.is_empty()).then(|| format!("{stem}_cut-{ra}_{dec:+}_{radius}.{end}"))
    }

    /// About how long the cut-out of a map is, before anything is known of it but its length.
    #[must_use]
    pub(crate) fn estimate(&self, size_bytes: u64) -> u64 {
        // Each pixel gets its number beside what it had, and a few lie beside the edge.
        let part = (self.cone().sky_fraction() * size_bytes as f64 * 1.5) as u64;
        part.min(size_bytes.saturating_mul(3)) + HEADERS
    }
}

impl JobRun<'_> {
    /// Cuts a cone out of a map into the part of `own`.
    pub(crate) async fn cut(
        &self,
        cut_out: &CutOut,
        source: Source,
        moving: &Moving<'_>,
        own: &Transfer<'_>,
    ) -> Result<Whole, Broken> {
        let here = match source {
            Source::Mounted(path) => Some(
                File::open(&path)
                    .map_err(|error| VolumeError::from_io("read", path.display(), error))?,
            ),
            Source::Archive => self.cached(moving).await?,
            Source::Straight => None,
        };
        // Held until all is read.
        let (mut reading, _place) = match here {
            Some(file) => (Reading::Here(file), None),
            None => (
                Reading::There(Box::new(There::new(own, moving))),
                Some(self.place(moving).await?),
            ),
        };
        let cut = self.plan_cut(cut_out, &mut reading, moving, own).await?;
        self.quotas.take_more(
            &self.job.owner,
            cut.n_bytes().saturating_sub(
                moving
                    .file
                    .size_bytes
                    .map_or(0, |size| cut_out.estimate(size)),
            ),
        )?;
        let mut part = own.on.part(&own.at)?;
        part.empty()
            .map_err(|error| VolumeError::from_io("write", own.path, error))?;
        write(&cut, &mut reading, &mut part, own).await?;
        let Writing { part, hashes } = own.hashed(part).await?;
        let (sha256, _) = hashes.finish(None);
        own.live
            .advance(&own.lease.id, own.position, part.written, 0);
        let outcome = FileOutcome {
            outcome: "staged".to_owned(),
            method: Some("copy".to_owned()),
            path: Some(own.path.as_str().to_owned()),
            size_bytes: Some(part.written),
            sha256: Some(sha256),
            // The length of the whole file is all that can be compared.
            verified_by: Some(reading.verified_by(moving).to_owned()),
            warnings: vec![told(&cut, cut_out, &moving.row.name)],
            n_rows: Some(cut.n_pixels()),
            ..FileOutcome::default()
        };
        Ok(Whole {
            part,
            outcome,
            fetched: None,
        })
    }

    /// The bytes of the whole file, where the shared cache has them.
    async fn cached(&self, moving: &Moving<'_>) -> Result<Option<File>, Broken> {
        let (row, size) = (moving.row, moving.file.size_bytes);
        let id = self.cache.and_then(|cache| {
            let id = cache.identity(&row.asset, row.version, &row.name, size)?;
            Some((cache, id))
        });
        match id {
            Some((cache, id)) => Ok(cache.find(&id).await?.map(|cached| cached.bytes)),
            None => Ok(None),
        }
    }

    /// Reads headers until it is known whether, and from which bytes, the map can be cut.
    async fn plan_cut(
        &self,
        cut_out: &CutOut,
        reading: &mut Reading<'_>,
        moving: &Moving<'_>,
        own: &Transfer<'_>,
    ) -> Result<Cut, Broken> {
        let row = moving.row;
        let from = format!("from `{}` of {}@{}", row.name, row.asset, row.version);
        let mut head: Vec<u8> = Vec::new();
        let mut looked_at = 0;
        loop {
            let more = reading.read(head.len() as u64, PIECE, own).await?;
            head.extend_from_slice(&more);
            let is_last = more.is_empty() || head.len() as u64 >= HEADER_BYTES;
            if !is_last && head.len() < 2 * looked_at {
                continue;
            }
            looked_at = head.len();
            let hdus = fits::scan_prefix(&head, Limits::default());
            let last = hdus.as_ref().ok().and_then(|hdus| hdus.last());
            let is_last =
                is_last || last.is_some_and(|hdu| hdu.data_start + hdu.data_bytes > HEADER_BYTES);
            let planned = match &hdus {
                Ok(hdus) => Cut::plan(hdus, cut_out.cone(), &from),
                Err(_) => Err(CutError::NoMap),
            };
            match planned {
                Ok(cut) => return Ok(cut),
                // The table may be further on; what does not begin like FITS is none.
                Err(CutError::NoMap) if !is_last && head.starts_with(b"SIMPLE") => {}
                Err(error) => return Err(Broken::Outcome(Box::new(skipped(&reason(&error))))),
            }
        }
    }
}

fn reason(error: &CutError) -> String {
    let code = match error {
        CutError::TooLarge { .. } | CutError::Cone => "cone-too-large",
        _ => "not-a-nested-map",
    };
    format!("{code}: {error}")
}

fn told(cut: &Cut, cut_out: &CutOut, name: &str) -> String {
    let Cone { ra, dec, radius } = cut_out.cone();
    format!(
        "cut out of `{name}`: the {} pixels of NSIDE {} that the cone at RA {ra}, Dec {dec} of radius {radius} degrees (ICRS) touches, and a few beside its edge",
        cut.n_pixels(),
        cut.nside()
    )
}

/// Reads the ranges of the cut-out and writes its table.
async fn write(
    cut: &Cut,
    reading: &mut Reading<'_>,
    part: &mut Part,
    own: &Transfer<'_>,
) -> Result<(), Broken> {
    let unwritten = |error: FitsError| match error {
        FitsError::Io(error) => VolumeError::from_io("write", own.path, error).into(),
        error => Broken::failed(&format!("not-cut: {error}"), false),
    };
    let out = part
        .file
        .try_clone()
        .map_err(|error| VolumeError::from_io("write", own.path, error))?;
    let mut writer = cut.start(out).map_err(unwritten)?;
    let mut n_read = 0;
    for range in cut.byte_ranges() {
        let mut at = range.start;
        while at < range.end {
            let piece = reading.read(at, PIECE.min(range.end - at), own).await?;
            if piece.is_empty() {
                let text = format!("not-cut: the file ends at byte {at}, within its map");
                return Err(Broken::failed(&text, false));
            }
            writer.take(&piece).map_err(unwritten)?;
            at += piece.len() as u64;
            n_read += piece.len() as u64;
            own.live
                .advance(&own.lease.id, own.position, n_read, piece.len() as u64);
        }
    }
    writer.finish().map_err(unwritten)?;
    part.written = cut.n_bytes();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_out_is_named_after_its_map_and_its_cone() {
        let crab = CutOut {
            ra: 83.633_212_345,
            dec: -0.0,
            radius: 2.0,
        };
        for (name, cut) in [
            ("map.fits", Some("map_cut-83.633212_+0_2.fits")),
            ("map_R3.00.FITS", Some("map_R3.00_cut-83.633212_+0_2.FITS")),
            ("map.fits.gz", None),
            ("notes.txt", None),
            (".fits", None),
        ] {
            assert_eq!(crab.name_of(name).as_deref(), cut, "{name}");
        }
    }

    #[test]
    fn a_cone_that_is_none_is_told_with_what_is_allowed() {
        let good = CutOut {
            ra: 0.0,
            dec: 90.0,
            radius: 90.0,
        };
        assert!(good.check().is_ok());
        for (bad, said) in [
            (CutOut { ra: 361.0, ..good }, "`cut_out.ra` is 361"),
            (CutOut { dec: -91.0, ..good }, "`cut_out.dec` is -91"),
            (
                CutOut {
                    radius: 0.0,
                    ..good
                },
                "`cut_out.radius` is 0",
            ),
            (
                CutOut {
                    radius: f64::NAN,
                    ..good
                },
                "`cut_out.radius` is NaN",
            ),
        ] {
            let error = bad.check().unwrap_err().to_string();
            assert!(error.starts_with(said), "{error}");
        }
    }
}
