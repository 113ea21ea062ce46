"""Our cut-outs of sky maps, as healpy reads them.

GANTRY_CUT names the example binary `cut` of the crate `gantry-formats`.
"""

import os
import subprocess
from pathlib import Path

import astropy.units as u
import healpy
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits

BINARY = os.environ["GANTRY_CUT"]
NSIDE = 128


@pytest.mark.parametrize("column_units", [None, "K_CMB"])
@pytest.mark.parametrize("cone", [(83.633, 22.014, 3.0), (266.4, -28.9, 0.05), (10.0, -89.5, 40.0)])
def test_healpy_reads_the_pixels_of_a_cone_as_they_are_in_the_whole_map(
    tmp_path: Path, cone: tuple[float, float, float], column_units: str | None
):
    rng = np.random.default_rng(1)
    maps = rng.normal(size=(3, healpy.nside2npix(NSIDE))).astype(np.float32)
    whole, part = tmp_path / "whole.fits", tmp_path / "part.fits"
    healpy.write_map(whole, maps, nest=True, coord="G", dtype=np.float32, column_units=column_units)
    subprocess.run([BINARY, whole, *map(str, cone), part], check=True, timeout=60)
    read = healpy.read_map(part, field=None, nest=True, partial=True)
    ra, dec, radius = cone
    centre = SkyCoord(ra * u.deg, dec * u.deg).galactic
    centre = healpy.ang2vec(centre.l.deg, centre.b.deg, lonlat=True)
    wide = np.radians(radius) + healpy.max_pixrad(NSIDE)
    pixels = np.sort(healpy.query_disc(NSIDE, centre, wide, nest=True))
    assert np.array_equal(np.flatnonzero(read[0] != healpy.UNSEEN), pixels)
    for ours, theirs in zip(read, maps, strict=True):
        assert np.array_equal(ours[pixels], theirs[pixels])
    with fits.open(part, checksum=True) as hdus:
        hdus.verify("exception")
