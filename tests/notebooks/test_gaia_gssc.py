"""The blocks for Gaia and GNSS products, run over every real file of these archives."""

import gzip
import os
import re
import sys
import zipfile
from datetime import datetime, timedelta
from pathlib import Path

import hatanaka
import numpy as np
import pytest
from astropy.table import Table

from execute import execute
from render import cells, notebook, product
from test_notebooks import CLIENT, REAL_DATA, run

sys.path.insert(0, str(CLIENT))
from gantry import gaia, gnss  # noqa: E402

# Notebooks over $GANTRY_REAL_DATA/gaia and gssc: archive, sections of (block, its files, files of orbits), the least number
# of pictures, texts that must be printed (facts of the data's README, or the sentence for a broken file).
NOTEBOOKS = {
    "a Gaia DR3 table of 152 columns, and small ones in every form": ("gaia", [
        ("gaia_table", ["1710099405832VAL-result.vot"], []),
        ("gaia_table", ["1744351221317O-result.vot"], []),
        ("gaia_table", ["1744351221317O-result_plain.vot"], []),
        ("gaia_table", ["1744351221317O-result.fits"], []),
        ("gaia_table", ["1744351221317O-result.ecsv"], []),
        ("gaia_table", ["1744351221317O-result.csv"], []),
        ("gaia_table", ["1744351221317O-result.json"], []),
    ], 7, [
        "2 rows, 152 columns", "4583627001381815936", "5348723816842275584", "ref_epoch J2016.0 TCB", "of 2 kept", "J2016.0 TCB → J2000.0",
        "2 rows, 3 columns", "2 rows, 4 columns", "3834447128563320320, 3834447162923057280", "form      ECSV", "form      CSV", "form      FITS",
        "No colour-magnitude diagram: this table has no values of parallax", "No proper motions", "No distances",
        "This table cannot be opened: `1744351221317O-result.json` is JSON",
    ]),
    "Gaia DR1, a cone of fifty sources, and a tar that is named as a VOTable": ("gaia", [
        ("gaia_table", ["test_job_results.xml"], []),
        ("gaia_table", ["cone_search.json"], []),
        ("gaia_table", ["job_2.vot.gz"], []),
        ("gaia_table", ["launch_job.json"], []),
    ], 3, ["5 rows, 57 columns", "release   Gaia DR1", "ref_epoch J2015.0 TCB", "50 rows, 153 columns", "refused: with parallax/error below 5", "form      VOTable"]),
    "XP spectra in every form": ("gaia", [
        ("gaia_spectra", ["XP_SAMPLED_RAW_votable_dr3int6.xml", "XP_SAMPLED_RAW_dr3int6.csv"], []),
        ("gaia_spectra", ["XP_CONTINUOUS_RAW.xml", "XP_CONTINUOUS_RAW_missing_BP_dr3int6.fits"], []),
        ("gaia_spectra", ["XP_CONTINUOUS_RAW_plain.xml", "XP_CONTINUOUS_RAW.fits"], []),
        ("gaia_spectra", ["XP_CONTINUOUS_RAW.ecsv", "XP_CONTINUOUS_RAW.csv"], []),
    ], 4, [
        "continuous XP: 3 sources", "5853498713190525696, 5762406957886626816", "5405570973190252288: the BP part is missing",
        "not a spectrum", "No light curve here.", "sampled XP: 2 sources: 6, 4",
    ]),
    "DataLink's ZIPs and a light curve": ("gaia", [
        ("gaia_spectra", ["gaia_dr3_source_id_5937083312263887616_dl_products_vot.zip"], []),
        ("gaia_spectra", ["gaia_dr3_source_id_5937083312263887616_dl_products_csv.zip"], []),
        ("gaia_spectra", ["TS_gaia_ESAC.xml", "gaia_dr3_source_id_5937083312263887616_dl_products_vot.zip"], []),
    ], 7, [
        "sampled XP: 1 source: 5937083312263887616", "not drawn: MCMC_MSC-Gaia DR3 5937083312263887616.xml",
        "no light curve: 5937083312263887616", "no sampled XP spectrum: 5813181197970338560", "5813181197970338560: 85 epochs in G, 83 epochs in BP, 83 epochs in RP; 2 rejected",
    ]),
    "a day of all constellations at 30 s": ("gssc", [("rinex_obs", ["AJAC00FRA_R_20242090000_01D_30S_MO.crx.gz"], [])], 2, [
        "AJAC 10077M005", "LEICA GR50", "2880, 2024-07-27T00:00:00 to 2024-07-27T23:59:30", "cannot be known from observations alone",
    ]),
    "a streamed day, and observations at 1 s": ("gssc", [
        ("rinex_obs", ["NYA100NOR_S_20241280000_01D_30S_MO.crx.gz"], []),
        ("rinex_obs", ["GRAS00FRA_R_20223151700_15M_01S_MO.crx.gz"], []),
    ], 4, ["NYA1", "2880, 2024-05-07T00:00:00", "900, 2022-11-11T17:00:00 to 2022-11-11T17:14:59", "interval   1 s"]),
    "observations of RINEX 4 with their navigation": ("gssc", [
        ("rinex_obs", ["KMS300DNK_R_20221591000_01H_30S_MO.crx"], ["KMS300DNK_R_20221591000_01H_MN.rnx.gz"]),
        ("rinex_obs", ["P43300USA_R_20190012056_17M_15S_MO.crx.bz2"], ["KMS300DNK_R_20221591000_01H_MN.rnx.gz"]),
    ], 4, ["RINEX      4.00", "19, 2022-06-08T10:00:00 to 2022-06-08T10:09:00", "51: ", "70, 2019-01-01T20:56:45", "are of another time"]),
    "observations packed in every way": ("gssc", [
        ("rinex_obs", [name], []) for name in [
            "ABMF00GLP_R_20181330000_01D_30S_MO.zip", "ac660270.18o.Z", "AJAC3550.21D", "AJAC3550.21O", "ALAC00ESP_R_20220090000_01D_30S_MO.rnx",
            "gps_10MSps.23O.gz", "KOSG0010.95O",
        ]
    ], 13, [
        "3, 2018-05-13", "23, 2018-01-27", "2018-01-27T01:36:15", "24: ", "2, 2021-12-21T00:00:00", "26: ", "40: ", "4, 2023-09-05", "1995-01-01T20:44:30",
        "No signal strength in this file", "interval   30 s (not stated",
    ]),
    "one epoch, packed in every way": ("gssc", [
        ("rinex_obs", [name], []) for name in ["sample.crx", "sample.crx.gz", "sample.crx.Z", "sample.rnx", "sample.rnx.Z"]
    ], 10, ["1, 2010-03-05T00:00:30"]),
    "broken observations, and what is none": ("gssc", [
        ("rinex_obs", [name], []) for name in ["badtime.10o", "blank.10o", "junk_time_obs3.10o", "wrong_obs2_count.10o", "cs2rx18164.gz", "clar0020.00m"]
    ], 6, [
        "cannot be read as one", "`blank.10o` holds no epoch that can be read", "1 of 3 epoch lines cannot be read", "announces 6 observation types and lists 7",
        "of the kind DORIS", "of the kind MET", "No observations to show.",
    ]),
    "navigation of every version beside observations": ("gssc", [
        ("rinex_obs", ["AJAC3550.21O"], [
            "AMEL00NLD_R_20210010000_01D_MN.rnx", "CEDA00USA_R_20182100000_01D_MN.rnx.gz", "HERT00GBR_R_20240920000_01D_GN.rnx.gz", "brdc2420.18n.gz",
            "cbw10010.21n.gz", "dlf10010.21g", "emr08874.sp3",
        ]),
    ], 2, ["brdc2420.18n.gz: 32 satellites", "AMEL00NLD_R_20210010000_01D_MN.rnx: 6 satellites", "No sky plot: the navigation or orbits that were staged are of another time"]),
    "orbits of every version": ("gssc", [
        ("orbits_clocks", ["COD0MGXFIN_20230500000_01D_05M_ORB.SP3.gz"], []),
        ("orbits_clocks", ["ESA0OPSRAP_20232390000_01D_15M_ORB.SP3.gz"], []),
        ("orbits_clocks", ["ESA0OPSULT_20232320600_02D_15M_ORB.SP3.gz"], []),
        ("orbits_clocks", ["emr08874.sp3"], []),
        ("orbits_clocks", ["igs19362.sp3c"], []),
    ], 10, [
        "SP3-d of COD (stated as AIUB); 118 satellites, 289 epochs", "SP3-c of ESA (stated as ESOC); 54 satellites, 96 epochs", "frame IGS20 (by the antenna model IGS20_2274",
        "predicted: 95 of 192 epochs", "97 epochs; 95 epochs predicted", "SP3-a of EMR; 25 satellites, 96 epochs", "32 satellites, 96 epochs, 2017-02-14T00:00:00",
    ]),
    "clocks, and orbits that are broken": ("gssc", [
        ("orbits_clocks", ["GRG0MGXFIN_20201770000_01D_30S_CLK.CLK.gz"], []),
        ("orbits_clocks", ["COD20352.CLK"], []),
        ("orbits_clocks", ["COD0OPSRAP_20230730000_01D_30S_CLK.CLK"], []),
        ("orbits_clocks", ["example2.txt"], []),
        ("orbits_clocks", ["truncated.sp3", "blank.sp3", "grg21553_nodata.sp3"], []),
    ], 5, [
        "reference clock BRUX", "antenna model igs14_2108.atx", "2,880 epochs", "reference clock PIE1", "reference clock WAB2", "78 satellites, 105 stations",
        "RINEX clock 3.04 of IGS", "the line `EOF` is missing", "`blank.sp3` is empty", "`grg21553_nodata.sp3` does not begin as an SP3 file does",
    ]),
    "antennas": ("gssc", [("antex", ["igs14_small.atx.gz"], [])], 1, [
        "ANTEX 1.4, absolute values, model IGS14_2247", "3 satellite antennas, 3 receiver antennas", "BLOCK IIA G01:", "G01: offset x +279.00, y +0.00, z +2319.50 mm", "EML_REACH_RS2 NONE",
        "2 of 6 antennas have no line `END OF ANTENNA`",
    ]),
    "maps of the ionosphere": ("gssc", [("ionex", ["jplg0010.17i.gz"], []), ("ionex", ["CKMG0080.09I.gz"], [])], 5, [
        "maps      12, 2017-01-01T00:00 to 2017-01-01T22:00 UT; 1 of the next day left out", "RMS maps  12", "RMS maps  none in this file",
        "maps      12, 2009-01-08T00:00", "71 latitudes × 73 longitudes at a height of 450 km", "times 10^-1",
    ]),
}

# Files that no block of these opens: another block or none does.
NOT_OPENED = {
    "gaia": {"regular_single_source.avro", "test_jobs_async.xml", "test_tables.xml", "test_tables_gaia.xml"},
    "gssc": {"GZGTR560.258", "HOUZ00GLP.xml", "houz00glp_20250106.log", "POTS00DEU_R_20232540000_01D_05M_MM.rnx.gz"},
}


def staged(archive, name, **facts):
    return product(asset=f"{archive}:{name}", title=name, archive=archive, volume="cmb", path=name, verified_by="size", size_bytes=1, **facts)


def sections(archive, parts, **facts):
    """The products of a notebook and its blocks with their values."""
    names = list(dict.fromkeys(name for _, files, orbits in parts for name in [*files, *orbits]))
    blocks = []
    for block, files, orbits in parts:
        values = {"heading": files[0], "index": names.index(files[0]), "indices": [names.index(name) for name in files], "orbits": [names.index(name) for name in orbits]}
        if block != "rinex_obs":
            values["orbits"] = values["indices"]  # cells with conditions stand
        blocks.append((block, values))
    return [staged(archive, name, **facts) for name in names], blocks


@pytest.mark.parametrize("title", NOTEBOOKS)
def test_real_files_open(title, tmp_path):
    archive, parts, n_pictures, texts = NOTEBOOKS[title]
    products, blocks = sections(archive, parts)
    text, n_shown = run(products, blocks, tmp_path, Path(REAL_DATA) / archive)
    assert [expected for expected in texts if expected not in text] == [], text
    assert n_shown >= n_pictures, text


@pytest.mark.parametrize("archive", ["gaia", "gssc"])
def test_every_real_file_is_opened_or_named_as_not_opened(archive):
    opened = {name for found, parts, _, _ in NOTEBOOKS.values() if found == archive for _, files, orbits in parts for name in [*files, *orbits]}
    there = {path.name for path in (Path(REAL_DATA) / archive).iterdir()}
    assert there - opened - NOT_OPENED[archive] == set(), "add them to NOTEBOOKS"
    assert (opened | NOT_OPENED[archive]) - there == set()


def test_the_first_picture_of_a_large_day_is_there_within_20_seconds(tmp_path):
    products, blocks = sections("gssc", [("rinex_obs", ["AJAC00FRA_R_20242090000_01D_30S_MO.crx.gz"], [])])
    made = notebook(products, blocks)
    volumes = '{"cmb": "%s"}' % (Path(REAL_DATA) / "gssc")
    execute(made, tmp_path, env=os.environ | {"GANTRY_VOLUMES": volumes, "PYTHONPATH": str(CLIENT)})
    code = [cell for cell in made.cells if cell.cell_type == "code"]
    first = next(cell for cell in code if any("image/png" in output.get("data", {}) for output in cell.outputs))
    begin, end = (datetime.fromisoformat(time.replace("Z", "+00:00")) for time in (code[0].metadata.execution["iopub.execute_input"], first.metadata.execution["shell.execute_reply"]))
    assert (end - begin).total_seconds() < 20



def test_two_days_of_a_station_are_compared(tmp_path):
    text = (Path(REAL_DATA) / "gssc" / "ALAC00ESP_R_20220090000_01D_30S_MO.rnx").read_text()
    (tmp_path / "ALAC00ESP_R_20220090000_01D_30S_MO.rnx").write_text(text)
    (tmp_path / "ALAC00ESP_R_20220110000_01D_30S_MO.rnx").write_text(text.replace("2022 01 09", "2022 01 11"))
    names = ["ALAC00ESP_R_20220090000_01D_30S_MO.rnx", "ALAC00ESP_R_20220110000_01D_30S_MO.rnx"]
    products, blocks = sections("gssc", [("rinex_obs", names, [])])
    text, n_shown = run(products, blocks, tmp_path, tmp_path)
    assert f"2022-01-09: {3 / 2880:.1%} of the epochs" in text and "2022-01-10: no file" in text and "2022-01-11: 0.1%" in text
    assert n_shown == 3


def test_two_days_of_orbits_are_compared_where_they_meet(tmp_path):
    # COD ends at 24:00 (289 epochs), so a copy that begins there has one epoch in common; ESA's rapid orbits end at 23:45.
    for name, day, next_day, next_name in [
        ("COD0MGXFIN_20230500000_01D_05M_ORB.SP3.gz", "2023  2 19", "2023  2 20", "COD0MGXFIN_20230510000_01D_05M_ORB.SP3"),
        ("ESA0OPSRAP_20232390000_01D_15M_ORB.SP3.gz", "2023  8 27", "2023  8 28", "ESA0OPSRAP_20232400000_01D_15M_ORB.SP3"),
    ]:
        data = gzip.decompress((Path(REAL_DATA) / "gssc" / name).read_bytes())
        (tmp_path / name.removesuffix(".gz")).write_bytes(data)
        lines = data.decode().replace(next_day, "2023 12 31").replace(day, next_day)
        (tmp_path / next_name).write_text(lines)
        products, blocks = sections("gssc", [("orbits_clocks", [name.removesuffix(".gz"), next_name], [])])
        text, n_shown = run(products, blocks, tmp_path, tmp_path)
        assert ("1 common epoch;" if name.startswith("COD") else "no common epoch") in text and n_shown == 3


def test_an_rvs_spectrum_and_who_has_none(tmp_path):
    wavelength = 846 + 0.01 * np.arange(2401)
    flux = 1 - 0.4 * np.exp(-(((wavelength - 854.4) / 0.3) ** 2))
    Table({"wavelength": wavelength, "flux": flux, "flux_error": 0 * flux + 0.01, "source_id": np.full(2401, 4583627001381815936)}).write(tmp_path / "RVS-Gaia DR3 4583627001381815936.csv")
    products, blocks = sections("gaia", [("gaia_spectra", ["RVS-Gaia DR3 4583627001381815936.csv"], [])])
    products[0]["sources"] = ["4583627001381815936", "5348723816842275584"]
    text, n_shown = run(products, blocks, tmp_path, tmp_path)
    assert "RVS: 1 source: 4583627001381815936" in text and "no RVS spectrum: 5348723816842275584" in text and n_shown == 1


def test_an_answer_without_any_product_is_no_broken_file(tmp_path):
    with zipfile.ZipFile(tmp_path / "RVS-0123456789ab.zip", "w"):
        pass
    assert (tmp_path / "RVS-0123456789ab.zip").stat().st_size == 22
    products, blocks = sections("gaia", [("gaia_spectra", ["RVS-0123456789ab.zip"], [])])
    products[0]["sources"] = ["4583627001381815936"]
    text, n_shown = run(products, blocks, tmp_path, tmp_path)
    assert "No source had RVS: the archive's answer is empty" in text and "cannot be opened" not in text and n_shown == 0
    assert "no RVS spectrum: 4583627001381815936" in text


@pytest.mark.parametrize("place", ["in the resource", "in the table", "in the name alone"])
def test_whose_a_spectrum_is_is_read_from_where_the_file_says_it(place, tmp_path):
    """The archive writes it into the table; a spectrum of nobody never becomes one of source 0."""
    real = "gaia_dr3_source_id_5937083312263887616_dl_products_vot.zip"
    with zipfile.ZipFile(Path(REAL_DATA) / "gaia" / real) as archive:
        text = archive.read("XP_SAMPLED-Gaia DR3 5937083312263887616.xml").decode()
    param = re.search(r'<PARAM[^>]*name="source_id"[^>]*>.*?</PARAM>', text, re.DOTALL)[0]
    if place != "in the table":
        text = text.replace(param, "")
        text = text.replace("<TABLE>", f"{param}<TABLE>", 1) if place == "in the resource" else text
    name = "XP_SAMPLED-Gaia DR3 5937083312263887616.xml" if place == "in the name alone" else "spectrum.xml"
    (tmp_path / name).write_text(text)
    assert [one.source_id for one in gaia.read_products(tmp_path / name).spectra] == [5937083312263887616]


def test_a_spectrum_that_does_not_say_whose_it_is_is_of_an_unknown_source(tmp_path):
    Table({"wavelength": [336.0, 338.0], "flux": [1e-16, 2e-16], "flux_error": [1e-17, 1e-17]}).write(tmp_path / "XP_SAMPLED-0123456789ab.csv")
    products, blocks = sections("gaia", [("gaia_spectra", ["XP_SAMPLED-0123456789ab.csv"], [])])
    products[0]["sources"] = ["4583627001381815936"]
    text, n_shown = run(products, blocks, tmp_path, tmp_path)
    assert "sampled XP: 1 source: unknown source" in text and "does not say whose it is" in text and n_shown == 1


def test_each_kind_is_compared_with_the_sources_that_it_was_asked_for(tmp_path):
    real = "gaia_dr3_source_id_5937083312263887616_dl_products_vot.zip"
    (tmp_path / "XP_SAMPLED-0123456789ab.zip").write_bytes((Path(REAL_DATA) / "gaia" / real).read_bytes())
    with zipfile.ZipFile(tmp_path / "RVS-0123456789ab.zip", "w"):
        pass
    products, blocks = sections("gaia", [("gaia_spectra", ["XP_SAMPLED-0123456789ab.zip", "RVS-0123456789ab.zip"], [])])
    products[0]["sources"] = ["5937083312263887616"]
    products[1]["sources"] = ["5937083312263887616", "17"]
    text, _ = run(products, blocks, tmp_path, tmp_path)
    assert "every source that was asked for has its sampled XP spectrum: 1 of 1." in text
    assert "no RVS spectrum: 17, 5937083312263887616" in text


def test_of_a_bulk_file_the_first_rows_are_read_and_the_notebook_says_so(tmp_path):
    rows = (Path(REAL_DATA) / "gaia" / "XP_CONTINUOUS_RAW.csv").read_bytes().splitlines(keepends=True)
    name = "XpContinuousMeanSpectrum_000000-003111.csv.gz"
    (tmp_path / name).write_bytes(gzip.compress(rows[0] + b"".join(rows[1:] * 300)))
    assert len(gaia.read_products(tmp_path / name).coefficients) == 600
    assert len(gaia.read_products(tmp_path / name, 600).coefficients) == 600 and not gaia.read_products(tmp_path / name, 600).is_cut
    products, blocks = sections("gaia", [("gaia_spectra", [name], [])])
    text, n_shown = run(products, blocks, tmp_path, tmp_path)
    assert "continuous XP: 2 sources" in text and "holds more: the first 500 rows were read" in text and n_shown == 1


def test_a_table_without_rows_opens(tmp_path):
    Table({"source_id": np.zeros(0, "int64"), "ra": np.zeros(0), "dec": np.zeros(0)}).write(tmp_path / "query.vot", format="votable")
    products, blocks = sections("gaia", [("gaia_table", ["query.vot"], [])])
    text, _ = run(products, blocks, tmp_path, tmp_path)
    assert "0 rows, 3 columns" in text


def test_ranges_agree_with_where_broadcast_and_precise_orbits_put_the_satellites():
    """A pseudorange is the distance plus both clocks' biases, of which none is above 2 ms: 600 km."""
    folder = Path(REAL_DATA) / "gssc"
    observations = gnss.read_observations(folder / "KMS300DNK_R_20221591000_01H_30S_MO.crx")
    navigation = gnss.read_navigation(folder / "KMS300DNK_R_20221591000_01H_MN.rnx.gz")
    checked = set()
    for letter, code in [("G", "C1C"), ("R", "C1C"), ("E", "C1C"), ("C", "C2I"), ("J", "C1C")]:
        rows = observations.rows[letter]
        for row in np.flatnonzero(rows.epoch == 5):
            satellite = observations.satellites[rows.satellite[row]]
            place = navigation.position_at(satellite, observations.epochs[[5]])[0]
            range_m = rows.values[row, rows.codes.index(code)]
            if np.isfinite(place).all() and np.isfinite(range_m):
                assert abs(np.linalg.norm(place - observations.position_m) - range_m) < 600e3, satellite
                assert gnss.elevation_azimuth(observations.position_m, place)[0] > 0, satellite
                checked.add(letter)
    assert checked == set("GRECJ")


def test_an_orbit_is_interpolated_to_the_points_that_were_left_out():
    orbits = gnss.read_orbits(Path(REAL_DATA) / "gssc" / "COD0MGXFIN_20230500000_01D_05M_ORB.SP3.gz")
    every, wanted = orbits.position_m[orbits.satellites.index("G01")], orbits.epochs[101:181:2]
    orbits.position_m, orbits.epochs = orbits.position_m[:, ::2], orbits.epochs[::2]
    assert np.abs(orbits.position_at("G01", wanted) - every[101:181:2]).max() < 0.01


def test_antennas_are_read_with_their_days_and_signals():
    found = gnss.read_antennas(Path(REAL_DATA) / "gssc" / "igs14_small.atx.gz")
    galileo = next(one for one in found.antennas if one.serial == "E04")
    assert (galileo.type, galileo.valid_from, galileo.valid_until) == ("GALILEO-2", np.datetime64("2016-11-17"), None)
    assert galileo.signals["E05"].offset_mm.tolist() == [123.13, -9.59, 604.15]
    assert (galileo.signals["E05"].zenith_deg[[0, 1, -1]].tolist(), galileo.signals["E05"].variation_mm[0]) == ([0, 0.5, 20], 0.43)
    assert [one.is_satellite for one in found.antennas] == [True] * 3 + [False] * 3


def test_an_antenna_is_a_satellites_by_its_number_also_without_the_number_of_the_spacecraft(tmp_path):
    text = gzip.decompress((Path(REAL_DATA) / "gssc" / "igs14_small.atx.gz").read_bytes()).decode("latin-1")
    (tmp_path / "igs.atx").write_text(text.replace("G032      1992-079A", " " * 19), encoding="latin-1")
    assert gnss.read_antennas(tmp_path / "igs.atx").antennas[0].is_satellite


def test_centres_are_known_by_the_name_of_the_file_before_the_free_text_of_its_header():
    for name, stated, centre in [
        ("COD0OPSFIN_20230500000_01D_05M_ORB.SP3.gz", "AIUB", "COD"),
        ("COD0OPSFIN_20230500000_01D_30S_CLK.CLK.gz", "COD  Center for Orbit Determination in Europe", "COD"),
        ("igs19362.sp3c", "anybody", "IGS"),
        ("orbit.sp3", "AIUB", "COD"),
        ("orbit.sp3", "ESOC", "ESA"),
        ("orbit.sp3", "GeoForschungsZentrum Potsdam", "GFZ"),
        ("clocks.txt", "GRG  CNES/CLS TOULOUSE,FRANCE", "GRG"),
        ("clocks.txt", "", ""),
    ]:
        assert gnss.centre_of(name, stated) == centre, (name, stated)


def test_days_are_known_by_names_and_the_missing_ones_are_named():
    for name, day in [
        ("COD0MGXFIN_20230500000_01D_05M_ORB.SP3.gz", "2023-02-19"), ("igs19362.sp3c", "2017-02-14"), ("jplg0010.17i.gz", "2017-01-01"),
        ("KOSG0010.95O", "1995-01-01"), ("cbw10010.21n.gz", "2021-01-01"), ("AJAC00FRA_R_20242090000_01D_30S_MO.crx.gz", "2024-07-27"),
        ("AJAC00FRA_R_20233660000_01D_30S_MO.crx.gz", None), ("blank.sp3", None),
    ]:
        assert gnss.day_of(name) == (None if day is None else np.datetime64(day)), name
    days = [np.datetime64("2023-01-16"), np.datetime64("2023-01-18"), np.datetime64("2023-01-18"), None]
    assert gnss.days_told(days) == "days 2023-016 to 2023-018: 3 expected, 2 here; missing: 2023-017"
    assert gnss.days_told(days[:1]) == ""


def test_of_a_thinned_day_each_epoch_is_as_in_the_whole_day():
    path = Path(REAL_DATA) / "gssc" / "AJAC00FRA_R_20242090000_01D_30S_MO.crx.gz"
    whole, thin = gnss.read_observations(path, "C"), gnss.read_observations(path, "C", every=10)
    assert thin.epochs.tolist() == whole.epochs[::10].tolist() and thin.epochs.size == 288
    shares = dict(zip(whole.satellites, whole.seen()[:, ::10].sum(axis=1)))
    assert all(shares[name] == n for name, n in zip(thin.satellites, thin.seen().sum(axis=1)))


def test_a_month_of_a_station_is_shown_whole_and_the_missing_day_named(tmp_path):
    data = gzip.decompress((Path(REAL_DATA) / "gssc" / "AJAC00FRA_R_20242090000_01D_30S_MO.crx.gz").read_bytes())
    plain = hatanaka.crx2rnx(data).decode("latin-1")
    n_lines = plain.index("> 2024 07 27 04 00")  # four hours of each day, so that the test takes no minute
    names = []
    for day in range(1, 31):
        if day != 17:
            names.append(f"AJAC00FRA_R_2023{day:03d}0000_01D_30S_MO.rnx")
            (tmp_path / names[-1]).write_text(plain[:n_lines].replace("> 2024 07 27", f"> 2023 01 {day:02d}"), encoding="latin-1")
    products, blocks = sections("gssc", [("rinex_obs", names, [])])
    text, n_shown = run(products, blocks, tmp_path, tmp_path)
    assert "days 2023-001 to 2023-030: 30 expected, 29 here; missing: 2023-017" in text and "not read" not in text
    assert n_shown == 3


def test_forty_days_of_maps_are_one_chapter_with_its_missing_day(tmp_path):
    text = gzip.decompress((Path(REAL_DATA) / "gssc" / "jplg0010.17i.gz").read_bytes()).decode("latin-1")
    names = []
    for day in np.arange(np.datetime64("2017-01-01"), np.datetime64("2017-02-10")):
        number = int(str((day - np.datetime64("2017-01-01")).astype(int) + 1))
        if number != 5:
            names.append(f"jplg{number:03d}0.17i")
            date = day.astype(object)
            there = lambda shift: f"  2017{(date + shift).month:6d}{(date + shift).day:6d}"  # noqa: E731
            moved = text.replace("  2017     1     2", "NEXT").replace("  2017     1     1", there(timedelta(0))).replace("NEXT", there(timedelta(1)))
            (tmp_path / names[-1]).write_text(moved, encoding="latin-1")
    products, blocks = sections("gssc", [("ionex", names, [])])
    text, n_shown = run(products, blocks, tmp_path, tmp_path)
    assert "days 2017-001 to 2017-040: 40 expected, 39 here; missing: 2017-005" in text
    assert n_shown <= 6


def test_clocks_alone_have_no_chapter_of_orbits(tmp_path):
    made = cells("orbits_clocks", heading="Clocks", indices="[0]", orbits="[]", several_orbits="[]")
    assert "Ground tracks" not in "".join(cell.source for cell in made)
    assert "Ground tracks" in "".join(cell.source for cell in cells("orbits_clocks", heading="Clocks", indices="[0]", orbits="[0]", several_orbits="[]"))


def test_orbits_and_clocks_of_one_centre_raise_no_alarm(tmp_path):
    folder = Path(REAL_DATA) / "gssc"
    orbit, clock = "COD0MGXFIN_20230500000_01D_05M_ORB.SP3.gz", "COD0OPSRAP_20230730000_01D_30S_CLK.CLK"
    products, blocks = sections("gssc", [("orbits_clocks", [orbit, clock], [])])
    text, _ = run(products, blocks, tmp_path, folder)
    assert "several centres" not in text and "day 2023-050" in text
    products, blocks = sections("gssc", [("orbits_clocks", ["ESA0OPSRAP_20232390000_01D_15M_ORB.SP3.gz", clock], [])])
    text, _ = run(products, blocks, tmp_path, folder)
    assert "several centres (COD, ESA)" in text


def test_a_table_without_a_query_shows_what_it_holds_and_the_exact_request(tmp_path):
    asked = product(asset="gaia:gaiadr3.gaia_source", archive="gaia", release="DR3", volume="cmb", reason="needs-a-query")
    values = {
        "heading": "Gaia DR3 gaia_source, table", "index": 0, "about": "1811709771 rows, 152 columns.", "n_rows": 1000,
        "columns": [["source_id", "", "long", "Number"], ["ra", "deg", "double", "Right ascension"]],
        "adql": repr("SELECT TOP 1000 source_id, ra FROM gaiadr3.gaia_source"),
    }
    text, _ = run([asked], [("query", values)], tmp_path, tmp_path)
    assert "2 columns" in text and "POST /api/v1/add-to-volume" in text and "No answer yet" in text
    assert '"adql": "SELECT TOP 1000 source_id, ra FROM gaiadr3.gaia_source"' in text and '"max_rows": 1000' in text


def test_hatanaka_files_of_a_version_that_is_not_known_say_so(tmp_path):
    lines = (Path(REAL_DATA) / "gssc" / "sample.crx").read_text().split("\n")
    (tmp_path / "new.crx").write_text("\n".join([lines[0].replace("3.0", "3.1", 1), *lines[1:]]))
    with pytest.raises(gnss.GnssError, match="version 3.1; known are 1.0 and 3.0"):
        gnss.read_observations(tmp_path / "new.crx")
