"""The blocks of the starter notebooks, run from top to bottom over real files and generated maps."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import healpy as hp
import nbformat
import numpy as np
import pytest
from astropy.io import fits

from execute import execute
from render import BLOCKS, cells, notebook, product

CLIENT = Path(__file__).parents[2] / "openapi" / "python"
REAL_DATA = os.environ.get("GANTRY_REAL_DATA")
BAD_DATA = -1.6375e30

# Every file of $GANTRY_REAL_DATA/planck: the block that opens it, the least number of pictures, and texts it must print.
EXPECTED = {
    "COM_PowerSpect_CMB-TT-full_R3.01.txt": ("power_spectrum", 1, ["2507 rows", "No best fit in this file"]),
    "HFI_PCCS_SZ-union_R2.08.fits": ("source_list", 2, ["1653 sources", "No flux column in this file: counts over SNR"]),
    "cl_wmap_band_iqumap_r9_7yr_W_v4_udgraded32_IQU_lmax64_rmmono_3iter.fits": ("power_spectrum", 1, ["65 rows"]),
    "gaussbeam_10arcmin_lmax512_pol.fits": ("fits", 1, ["No table in this file"]),
    "justq_gal2ecl.fits.gz": ("healpix", 3, ["polarisation only", "assumed   galactic", "POLCCONV: not stated"]),
    "map.fits": ("healpix", 6, ["assumed   galactic", "unit: uK", "POLCCONV: COSMO"]),
    "map_ext.fits": ("healpix", 3, ["PEAKS: NSIDE 4"]),
    "map_ngfs.fits": ("healpix", 3, ["TEMPERATURE: NSIDE 128", "neither HITS nor II_COV"]),
    "mask.fits": ("healpix", 2, ["Binary Mask: NSIDE 16", "No spectrum: this is a mask"]),
    "pixel_window_n0512.fits": ("fits", 1, ["PIXEL WINDOW: 2049 rows", "unit not stated"]),
    "planck2013ext_lcdm_cl_v1.fits": ("power_spectrum", 1, ["4501 rows", "uK^2"]),
    "planck2018_lcdm_cl_v3.fits": ("power_spectrum", 1, ["5001 rows", "uK^2"]),
    "wmap_band_iqumap_r9_7yr_V_v4_udgraded32.fits": ("healpix", 6, ["I_STOKES: NSIDE 32", "0.0% of the sky without data", "unit: not stated"]),
    "wmap_band_iqumap_r9_7yr_V_v4_udgraded32_masked.fits": ("healpix", 6, [f"{4686 / 12288:.1%} of the sky without data"]),
    "wmap_band_iqumap_r9_7yr_W_v4_udgraded32_smoothed10deg_fortran.fits": ("healpix", 6, ["TEMPERATURE: NSIDE 32", "POLCCONV: COSMO"]),
    "wmap_temperature_analysis_mask_r9_7yr_v4_udgraded32.fits": ("healpix", 2, ["No spectrum: this is a mask"]),
}
REAL_FILES = sorted(path.name for path in (Path(REAL_DATA) / "planck").iterdir()) if REAL_DATA else []


def run(products, blocks, folder, volume):
    """Runs a rendered notebook within a minute, without a word on standard error; its text and its number of pictures."""
    made = notebook(products, blocks)
    env = os.environ | {"GANTRY_VOLUMES": json.dumps({"cmb": str(volume)}), "PYTHONPATH": str(CLIENT)}
    started = time.monotonic()
    execute(made, folder, timeout_s=60, env=env)
    took_s = time.monotonic() - started
    if keep := os.environ.get("GANTRY_KEEP_NOTEBOOKS"):
        name = f"{'+'.join(block for block, _ in blocks)}-{'+'.join(staged['path'] or staged['asset'] for staged in products)}"
        nbformat.write(made, Path(keep) / f"{name[:200]}.ipynb")
    outputs = [output for cell in made.cells if cell.cell_type == "code" for output in cell.outputs]
    assert [output.text for output in outputs if output.get("name") == "stderr"] == []
    assert took_s < 60
    return "".join(output.text for output in outputs if output.get("name") == "stdout"), sum("image/png" in output.get("data", {}) for output in outputs)


def map_columns(nside, seed, dipole_microkelvin=0.0):
    """A sky of ten columns as in the PLA's polarised maps, NESTED, in K_CMB, with bad pixels."""
    n_pixels = hp.nside2npix(nside)
    lon, lat = hp.pix2ang(nside, np.arange(n_pixels), nest=True, lonlat=True)
    l = np.arange(2, 3 * nside)
    c_l = np.concatenate([[0, 0], 1e-9 / (l * (l + 1.0))])
    np.random.seed(seed)  # synfast draws from the global generator
    cmb = hp.reorder(hp.synfast(c_l, nside), r2n=True)
    plane = 2e-3 * np.exp(-((lat / 4) ** 2))
    towards = hp.ang2vec(263.986, 48.247, lonlat=True)
    intensity = (cmb + plane + dipole_microkelvin * 1e-6 * hp.ang2vec(lon, lat, lonlat=True) @ towards).astype("f4")
    q, u = (1e-4 * np.exp(-((lat / 6) ** 2)) * wave(np.radians(lon)) for wave in (np.cos, np.sin))
    ecliptic_lat = 90 - np.degrees(hp.Rotator(coord=["G", "E"])(np.radians(90 - lat), np.radians(lon))[0])
    hits = (200 + 30 * np.abs(ecliptic_lat)).astype("i4")
    covariance = (1e-8 / hits).astype("f4")
    bad = (np.abs(lon - 120) < 4) & (np.abs(lat + 40) < 4)
    hits[bad] = 0
    floats = {"I_STOKES": intensity, "Q_STOKES": q, "U_STOKES": u, "II_COV": covariance}
    floats |= {name: 0 * covariance for name in ["IQ_COV", "IU_COV", "QU_COV"]} | {name: 2 * covariance for name in ["QQ_COV", "UU_COV"]}
    return {name: np.where(bad, BAD_DATA, values).astype("f4") for name, values in floats.items()} | {"HITS": hits}


def write_map(path, columns, nside, unit="K_CMB", **cards):
    """A map as the PLA lays it out: one 40-byte pixel per row."""
    order = ["I_STOKES", "Q_STOKES", "U_STOKES", "HITS", "II_COV", "IQ_COV", "IU_COV", "QQ_COV", "QU_COV", "UU_COV"]
    units = {"HITS": None} | {name: unit and f"({unit})^2" for name in order if name.endswith("COV")}
    table = fits.BinTableHDU.from_columns(
        [fits.Column(name, "J" if name == "HITS" else "E", array=columns[name], unit=units.get(name, unit)) for name in order if name in columns],
        name="FREQ-MAP",
    )
    npix = hp.nside2npix(nside)
    known = {
        "PIXTYPE": "HEALPIX", "ORDERING": "NESTED", "NSIDE": nside, "COORDSYS": "GALACTIC", "INDXSCHM": "IMPLICIT",
        "FIRSTPIX": 0, "LASTPIX": npix - 1, "POLCCONV": "COSMO", "BAD_DATA": BAD_DATA,
    }
    table.header.update({keyword: value for keyword, value in (known | cards).items() if value is not None})
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(path)


@pytest.fixture
def sky():
    return map_columns(256, seed=1)


def staged(path, **facts):
    return product(
        asset=f"planck:{path}", title=path.split(".")[0], archive="planck", volume="cmb", path=path,
        verified_by="size", size_bytes=1, **facts,
    )


if REAL_DATA:

    @pytest.mark.parametrize("name", REAL_FILES)
    def test_a_real_file_opens(name, tmp_path):
        assert name in EXPECTED, f"{name} has no expected block: add it to EXPECTED"
        block, n_pictures, texts = EXPECTED[name]
        text, n_shown = run([staged(name, release="PR3")], [(block, {"index": 0, "heading": name})], tmp_path, Path(REAL_DATA) / "planck")
        assert n_shown >= n_pictures, text
        for expected in texts:
            assert expected in text

    def test_every_expected_file_is_there():
        assert sorted(EXPECTED) == REAL_FILES

    def test_a_spectrum_opens_as_any_other_file(tmp_path):
        name = "COM_PowerSpect_CMB-TT-full_R3.01.txt"
        text, _ = run([staged(name)], [("other", {"index": 0, "heading": name})], tmp_path, Path(REAL_DATA) / "planck")
        assert "170,547 bytes" in text and "-dDl" in text

    def test_the_archives_binned_points_are_drawn_over_the_unbinned_ones(tmp_path):
        full = "COM_PowerSpect_CMB-TT-full_R3.01.txt"
        (tmp_path / full).write_bytes((Path(REAL_DATA) / "planck" / full).read_bytes())
        binned = "COM_PowerSpect_CMB-TT-binned_R3.01.txt"
        (tmp_path / binned).write_text("# l Dl -dDl +dDl BestFit\n" + "".join(f"{l} 2000.0 50.0 60.0 2001.0\n" for l in range(47, 2500, 30)))
        for opened in (0, 1):
            text, n_shown = run([staged(full), staged(binned)], [("power_spectrum", {"index": opened, "heading": "TT"})], tmp_path, tmp_path)
            assert (f"The binned points are the archive's: {binned}" in text) == (opened == 0) and n_shown == 1

    def test_two_real_maps_compare(tmp_path):
        names = ["wmap_band_iqumap_r9_7yr_V_v4_udgraded32.fits", "wmap_band_iqumap_r9_7yr_V_v4_udgraded32_masked.fits"]
        text, n_shown = run([staged(name) for name in names], [("compare", {"first": 0, "second": 1, "heading": "V"})], tmp_path, Path(REAL_DATA) / "planck")
        assert n_shown == 4 and "beam not known" in text


def test_a_map_laid_out_as_the_pla_does_shows_everything(sky, tmp_path):
    write_map(tmp_path / "pr3.fits", sky, 256)
    text, n_shown = run([staged("pr3.fits", release="PR3", band="100 GHz")], [("healpix", {"index": 0, "heading": "PR3"})], tmp_path, tmp_path)
    assert "I_STOKES: NSIDE 256, drawn at 256" in text and "unit: K_CMB" in text and "assumed" not in text
    assert "Release PR3: no dipole to take out here." in text
    assert n_shown == 8  # sky, Q, U, P, hits, noise, gnomonic, spectrum


def test_a_pr4_map_loses_its_dipole(tmp_path):
    for name, dipole_microkelvin in [("pr3", 0), ("pr4", 3366.6)]:
        write_map(tmp_path / f"{name}.fits", map_columns(64, seed=2, dipole_microkelvin=dipole_microkelvin), 64)
    products = [staged("pr3.fits", release="PR3", band="143 GHz"), staged("pr4.fits", release="PR4", band="143 GHz")]
    blocks = [
        ("healpix", {"index": 1, "heading": "PR4"}),
        ("compare", {"first": 0, "second": 1, "heading": "both"}),
    ]
    text, n_shown = run(products, blocks, tmp_path, tmp_path)
    assert "The dipole is taken out of everything below." in text and "pr4: solar dipole taken out" in text
    assert n_shown == 9 + 4
    # One sky, once with and once without the dipole: nothing is left of their difference.
    assert float(re.search(r"Standard deviation of the difference .*: (\S+) µK_CMB", text)[1]) < 0.5


def test_a_dust_map_compares_with_a_cmb_map_in_one_unit(sky, tmp_path):
    write_map(tmp_path / "143.fits", sky, 256)
    dust = {name: sky[name] for name in ["I_STOKES", "HITS", "II_COV"]}
    dust["I_STOKES"] = np.where(sky["I_STOKES"] > -1, sky["I_STOKES"] * 58.04 * 20 + 0.35, BAD_DATA).astype("f4")
    write_map(tmp_path / "545.fits", dust, 256, unit="MJy/sr", POLCCONV=None)
    products = [staged("143.fits", release="PR3", band="143 GHz"), staged("545.fits", release="PR3", band="545 GHz")]
    blocks = [("healpix", {"index": 1, "heading": "545"}), ("compare", {"first": 0, "second": 1, "heading": "both"})]
    text, n_shown = run(products, blocks, tmp_path, tmp_path)
    assert "divided by 58.04 MJy/sr per K_CMB" in text and "cannot be brought to one unit" not in text
    assert n_shown == 5 + 4


def test_part_of_the_sky_in_other_coordinates_and_without_ordering(sky, tmp_path):
    ring = {"I_STOKES": hp.reorder(np.where(sky["I_STOKES"] > -1, sky["I_STOKES"], np.nan), n2r=True).astype("f4")}
    write_map(tmp_path / "ring.fits", ring, 256, unit=None, ORDERING=None, COORDSYS="C", POLCCONV=None)
    pixels = hp.query_disc(64, hp.ang2vec(209.0, -19.4, lonlat=True), np.radians(20))
    table = fits.BinTableHDU.from_columns([fits.Column("PIXEL", "J", array=pixels), fits.Column("TEMPERATURE", "E", array=pixels * 1e-6, unit="Kcmb")])
    table.header.update({"PIXTYPE": "HEALPIX", "ORDERING": "RING", "NSIDE": 64, "COORDSYS": "G", "INDXSCHM": "EXPLICIT"})
    table.writeto(tmp_path / "part.fits")
    blocks = [("healpix", {"index": number, "heading": "a map"}) for number in range(2)]
    text, n_shown = run([staged("ring.fits"), staged("part.fits")], blocks, tmp_path, tmp_path)
    assert "assumed   RING" in text and "TEMPERATURE: NSIDE 64, drawn at 64; 9" in text and "no spectrum" in text
    assert n_shown == 3 + 2


def test_a_flux_catalogue_counts_in_millijansky(tmp_path):
    rng = np.random.default_rng(3)
    flux = 200 * rng.pareto(1.5, 2000) + 200
    fits.BinTableHDU.from_columns([
        fits.Column("NAME", "20A", array=[f"PCCS2 {n}" for n in range(flux.size)], unit="None"),
        fits.Column("RA", "D", array=rng.uniform(0, 360, flux.size), unit="degrees"),
        fits.Column("DEC", "D", array=np.degrees(np.arcsin(rng.uniform(-1, 1, flux.size))), unit="degrees"),
        fits.Column("DETFLUX", "E", array=flux, unit="mJy"),
    ], name="PCCS2_143").writeto(tmp_path / "pccs.fits")
    text, n_shown = run([staged("pccs.fits")], [("source_list", {"index": 0, "heading": "PCCS2"})], tmp_path, tmp_path)
    assert "turned from RA and DEC" in text and "No flux column" not in text and n_shown == 2


def test_what_is_missing_is_listed_and_breaks_nothing(tmp_path):
    missing = product(asset="planck:gone.fits", archive="planck", reason="replaced-at-archive", warnings=["DATASUM in HDU 1 differs"])
    made = notebook([missing], [])
    execute(made, tmp_path, env=os.environ | {"PYTHONPATH": str(CLIENT)})
    table = made.cells[2].outputs[0].data["text/html"]
    assert "not staged: replaced-at-archive; DATASUM in HDU 1 differs" in table and "Staged: 0 of 1 product." in table


def test_the_first_cell_is_short_and_its_table_states_sizes_and_releases_as_they_are(tmp_path):
    products = [
        product(asset="gssc:a", archive="gssc", volume="cmb", path="a", size_bytes=12_345, days="2023-001"),
        product(asset="gssc:b", archive="gssc", volume="cmb", path="b", size_bytes=812, days="2023-002"),
    ]
    made = notebook(products, [])
    execute(made, tmp_path, env=os.environ | {"PYTHONPATH": str(CLIENT)})
    assert made.cells[2].source.count("\n") < 12
    table = made.cells[2].outputs[0].data["text/html"]
    # Neither of an archive that all have in common nor of a release that nobody states is there a column.
    assert "12.3 kB" in table and "812 bytes" in table and "Staged: 2 of 2 products." in table
    assert "release" not in table and "archive" not in table and "2023-002" in table


def test_a_failing_cell_is_printed_and_the_command_fails(tmp_path):
    path = tmp_path / "broken.ipynb"
    broken = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1"), nbformat.v4.new_code_cell("unknown_name")])
    nbformat.write(broken, path)
    done = subprocess.run([sys.executable, Path(__file__).with_name("execute.py"), path], capture_output=True, text=True)
    assert done.returncode == 1 and "cell 1 failed:\nunknown_name" in done.stderr and "NameError" in done.stderr
    assert nbformat.read(path, as_version=4).cells[0].outputs[0].data["text/plain"] == "1"  # written in place


@pytest.mark.parametrize("block", sorted(path.stem for path in BLOCKS.glob("*.py")))
def test_a_block_holds_its_placeholders_and_no_other(block):
    known = {
        "header": {"title", "selection", "made", "products"},
        "footer": {"citation", "acknowledgement", "bibtex", "restage"},
        "compare": {"heading", "first", "second"},
        "rinex_obs": {"heading", "indices", "orbits"},
        "orbits_clocks": {"heading", "indices"},
        "gaia_spectra": {"heading", "indices"},
        "ionex": {"heading", "indices"},
        "query": {"heading", "index", "about", "columns", "adql", "n_rows"},
    }.get(block, {"heading", "index"})
    source = (BLOCKS / f"{block}.py").read_text()
    compile(source, block, "exec")
    assert all(f"{{{{{name}}}}}" in source for name in known)
    assert cells(block, **dict.fromkeys(known, "1"))
