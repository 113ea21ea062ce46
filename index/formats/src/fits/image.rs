//! Images: pixels read through CFITSIO, tile-compressed ones too.
//!
//! CFITSIO acts on brackets and schemes within a file's name, so no name ever reaches it: it is
//! given the number of a file that is already open (`/proc/self/fd/N`, so this needs Linux).

use std::fs::File;
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use fitsio::FitsFile;
use fitsio::hdu::{FitsHdu, HduInfo};

use super::FitsError;
use crate::compression::sniff;

/// Pixels given at once, at most.
const MAX_PIXELS: usize = 1 << 28;

/// An image in an opened file. Not to be shared between threads.
pub struct Image<'f> {
    fits: FitsFile,
    hdu: FitsHdu,
    shape: Vec<usize>,
    _file: &'f File,
}

impl std::fmt::Debug for Image<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Image")
            .field("shape", &self.shape)
            .finish_non_exhaustive()
    }
}

impl<'f> Image<'f> {
    /// Opens the image in HDU `index`, counted from 0.
    ///
    /// # Errors
    /// [`FitsError::Compressed`] when the file as a whole is, since CFITSIO would unpack it into
    /// memory without a bound; [`FitsError::Image`] when CFITSIO refuses.
    pub fn open(file: &'f File, index: usize) -> Result<Self, FitsError> {
        let mut first = [0; 4];
        let n = file.read_at(&mut first, 0)?;
        if sniff(&first[..n]).is_some() {
            return Err(FitsError::Compressed);
        }
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        let (fits, hdu) = guarded(|| {
            let mut fits = FitsFile::open(&path)?;
            let hdu = fits.hdu(index)?;
            Ok((fits, hdu))
        })?;
        let HduInfo::ImageInfo { shape, .. } = &hdu.info else {
            let message = format!("HDU {index} is not an image");
            return Err(FitsError::Image { message });
        };
        let shape = shape.iter().rev().copied().collect();
        Ok(Self {
            fits,
            hdu,
            shape,
            _file: file,
        })
    }

    /// The lengths of its axes, NAXIS1 first.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The pixels of a region, scaled, NAXIS1 running fastest; one range per axis, NAXIS1 first.
    ///
    /// # Errors
    /// [`FitsError::OutOfRange`] for another number of axes, an empty region, or one that is
    /// not within the image or too large to be held; [`FitsError::Image`].
    pub fn region(&mut self, ranges: &[Range<usize>]) -> Result<Vec<f64>, FitsError> {
        let fits_axis =
            |(range, length): (&Range<usize>, &usize)| !range.is_empty() && range.end <= *length;
        let inside = !ranges.is_empty()
            && ranges.len() == self.shape.len()
            && ranges.iter().zip(&self.shape).all(fits_axis);
        let n_pixels = ranges
            .iter()
            .try_fold(1_usize, |n, range| n.checked_mul(range.len()));
        if !inside || n_pixels.is_none_or(|n| n > MAX_PIXELS) {
            let asked = format!("the region {ranges:?}");
            let held = format!("an image of {:?}, or more than is read at once", self.shape);
            return Err(FitsError::OutOfRange { asked, held });
        }
        let ranges: Vec<&Range<usize>> = ranges.iter().collect();
        guarded(|| self.hdu.read_region(&mut self.fits, &ranges))
    }
}

/// The binding panics on pixel types it does not know; that is the file's fault, not ours.
fn guarded<T>(read: impl FnOnce() -> fitsio::errors::Result<T>) -> Result<T, FitsError> {
    let message = match catch_unwind(AssertUnwindSafe(read)) {
        Ok(Ok(value)) => return Ok(value),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "the binding to CFITSIO does not know this kind of HDU".to_owned(),
    };
    Err(FitsError::Image { message })
}
