"""The readers over real files (GANTRY_REAL_DATA), held against other readers and what is known of the files."""

import bz2
import gzip
import importlib
import os
import re
import tempfile
import time
import unittest
import warnings
import zipfile
from pathlib import Path

import numpy as np
from astropy.table import Table

from gantry import gaia, gnss

REAL = os.environ.get("GANTRY_REAL_DATA")
if not REAL:
    print("NOT RUN: the readers over real archive files, since GANTRY_REAL_DATA is not set")
GSSC, GAIA = Path(REAL or ".") / "gssc", Path(REAL or ".") / "gaia"

# Epochs and satellites as the data's README counts them in the bodies.
DAYS = {
    "AJAC00FRA_R_20242090000_01D_30S_MO.crx.gz": (2880, "2024-07-27T00:00:00", "2024-07-27T23:59:30"),
    "NYA100NOR_S_20241280000_01D_30S_MO.crx.gz": (2880, "2024-05-07T00:00:00", "2024-05-07T23:59:30"),
    "GRAS00FRA_R_20223151700_15M_01S_MO.crx.gz": (900, "2022-11-11T17:00:00", "2022-11-11T17:14:59"),
    "KMS300DNK_R_20221591000_01H_30S_MO.crx": (19, "2022-06-08T10:00:00", "2022-06-08T10:09:00"),
    "P43300USA_R_20190012056_17M_15S_MO.crx.bz2": (70, "2019-01-01T20:56:45", "2019-01-01T21:14:00"),
    "ac660270.18o.Z": (23, None, None),
    "AJAC3550.21D": (2, "2021-12-21T00:00:00", "2021-12-21T00:00:30"),
    "KOSG0010.95O": (3, None, "1995-01-01T20:44:30"),
}
# Files that georinex reads in a time that a test has.
OBSERVED = ["AJAC3550.21O", "ALAC00ESP_R_20220090000_01D_30S_MO.rnx", "KOSG0010.95O", "gps_10MSps.23O.gz", "ABMF00GLP_R_20181330000_01D_30S_MO.zip", "ac660270.18o.Z", "sample.rnx",
            "KMS300DNK_R_20221591000_01H_30S_MO.crx"]  # fmt: skip
SP3 = ["igs19362.sp3c", "COD0MGXFIN_20230500000_01D_05M_ORB.SP3.gz", "ESA0OPSULT_20232320600_02D_15M_ORB.SP3.gz", "ESA0OPSRAP_20232390000_01D_15M_ORB.SP3.gz", "truncated.sp3"]


def georinex(name, **more):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module("georinex").load(GSSC / name if isinstance(name, str) else name, **more)


def text_of(name):
    data = (GSSC / name).read_bytes()
    return (gzip.decompress(data) if name.endswith(".gz") else data).decode("latin-1")


def written(folder, name, text):
    path = Path(folder) / name
    path.write_text(text, encoding="latin-1")
    return path


class Observations:
    def test_days_have_the_epochs_that_were_counted_in_them(self):
        for name, (n_epochs, first, last) in DAYS.items():
            found = gnss.read_observations(GSSC / name, "S")
            self.assertEqual(found.epochs.size, n_epochs, name)
            for expected, epoch in ((first, found.epochs[0]), (last, found.epochs[-1])):
                if expected:
                    self.assertEqual(epoch, np.datetime64(expected), name)

    def test_every_value_is_as_georinex_reads_it(self):
        for name in OBSERVED:
            ours, theirs = gnss.read_observations(GSSC / name), georinex(name)
            n_compared = 0
            for letter, rows in ours.rows.items():
                for place, code in enumerate(rows.codes):
                    names = [ours.satellites[number] for number in rows.satellite]
                    for satellite in dict.fromkeys(names):
                        chosen = np.flatnonzero([one == satellite for one in names])
                        mine = rows.values[chosen, place]
                        if not np.isfinite(mine).any() or code not in theirs or satellite not in theirs.sv.values:
                            continue
                        other = theirs[code].sel(sv=satellite)
                        # What one has at an epoch, the other has; the other knows no 0.000 as none.
                        at = {when: value for when, value in zip(other.time.values.astype("datetime64[ms]"), other.values) if np.isfinite(value) and value != 0}
                        here = {when: value for when, value in zip(ours.epochs[rows.epoch[chosen]].astype("datetime64[ms]"), mine) if np.isfinite(value)}
                        for when in set(at) & set(here):
                            self.assertAlmostEqual(here[when], at[when], places=3, msg=(name, satellite, code, when))
                            n_compared += 1
            self.assertGreater(n_compared, 3 * len(theirs.sv), name)
            self.assertLessEqual(set(theirs.sv.values), set(ours.satellites) | {sv for sv in theirs.sv.values if not any(np.isfinite(theirs[v].sel(sv=sv).values).any() for v in theirs.data_vars)})

    def test_a_day_packed_by_hatanaka_is_as_the_plain_one(self):
        packed, plain = gnss.read_observations(GSSC / "AJAC3550.21D"), gnss.read_observations(GSSC / "AJAC3550.21O")
        self.assertEqual((packed.satellites, packed.epochs.tolist()), (plain.satellites, plain.epochs.tolist()))
        for letter in plain.rows:
            np.testing.assert_array_equal(packed.rows[letter].values, plain.rows[letter].values)

    def test_the_fastest_way_to_a_first_picture_takes_seconds(self):
        begin = time.monotonic()
        found = gnss.read_observations(GSSC / "AJAC00FRA_R_20242090000_01D_30S_MO.crx.gz")
        seen = found.seen()
        self.assertLess(time.monotonic() - begin, 20)
        self.assertEqual(seen.shape, (len(found.satellites), 2880))
        self.assertEqual({name[0] for name in found.satellites} - set("GRECJIS"), set())

    def test_streams_that_follow_one_another_are_all_read(self):
        data = (GSSC / "ALAC00ESP_R_20220090000_01D_30S_MO.rnx").read_bytes()
        whole = gnss.read_observations(GSSC / "ALAC00ESP_R_20220090000_01D_30S_MO.rnx")
        for name, pack in (("a.rnx.bz2", bz2.compress), ("a.rnx.gz", gzip.compress)):
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / name
                path.write_bytes(pack(data[:5000]) + pack(data[5000:]))
                self.assertEqual(gnss.read_observations(path).seen().tolist(), whole.seen().tolist())
                path.write_bytes((pack(data[:5000]) + pack(data[5000:]))[:-20])
                with self.assertRaisesRegex(gnss.GnssError, "`a.rnx..* ends too early"):
                    gnss.read_observations(path)

    def test_factors_are_taken_out(self):
        plain = text_of("ALAC00ESP_R_20220090000_01D_30S_MO.rnx")
        line = "G  100   1 C1C".ljust(60) + "SYS / SCALE FACTOR"
        every = "R   10".ljust(60) + "SYS / SCALE FACTOR"
        with tempfile.TemporaryDirectory() as folder:
            path = written(folder, "a.rnx", plain.replace(" " * 60 + "END OF HEADER", f"{line}\n{every}\n" + " " * 60 + "END OF HEADER"))
            scaled, whole = gnss.read_observations(path), gnss.read_observations(GSSC / "ALAC00ESP_R_20220090000_01D_30S_MO.rnx")
        place = whole.rows["G"].codes.index("C1C")
        np.testing.assert_allclose(scaled.rows["G"].values[:, place] * 100, whole.rows["G"].values[:, place])
        np.testing.assert_array_equal(np.delete(scaled.rows["G"].values, place, 1), np.delete(whole.rows["G"].values, place, 1))
        np.testing.assert_allclose(scaled.rows["R"].values * 10, whole.rows["R"].values)

    def test_what_is_none_is_said_to_be_none(self):
        for name, sentence in [("blank.10o", "no epoch"), ("clar0020.00m", "of the kind MET"), ("cs2rx18164.gz", "of the kind DORIS"), ("igs19362.sp3c", "of the kind ORB")]:
            with self.assertRaisesRegex(gnss.GnssError, sentence):
                gnss.read_observations(GSSC / name)
        with tempfile.TemporaryDirectory() as folder, self.assertRaisesRegex(gnss.GnssError, "version 3.1; known are 1.0 and 3.0"):
            text = (GSSC / "KMS300DNK_R_20221591000_01H_30S_MO.crx").read_text().replace("3.0 ", "3.1 ", 1)
            gnss.read_observations(written(folder, "a.crx", text))


class Orbits:
    def test_positions_and_clocks_are_as_georinex_reads_them(self):
        for name in SP3:
            ours, theirs = gnss.read_orbits(GSSC / name), georinex(name)
            self.assertEqual(sorted(ours.satellites), sorted(theirs.sv.values.tolist()), name)
            self.assertEqual(ours.epochs.astype("datetime64[s]").tolist(), theirs.time.values.astype("datetime64[s]").tolist())
            for number, satellite in enumerate(ours.satellites):
                other = theirs.sel(sv=satellite)
                known = np.isfinite(ours.position_m[number, :, 0])
                np.testing.assert_allclose(ours.position_m[number][known], other.position.values[known] * 1e3, rtol=0, atol=1e-6, err_msg=f"{name} {satellite}")
                known = np.isfinite(ours.clock_s[number])
                np.testing.assert_allclose(ours.clock_s[number][known], other.clock.values[known] * 1e-6, rtol=0, atol=1e-15)

    def test_what_is_predicted_is_known_by_the_flags_of_each_line(self):
        name = "ESA0OPSULT_20232320600_02D_15M_ORB.SP3.gz"
        found = gnss.read_orbits(GSSC / name)
        lines = [line.ljust(80) for line in text_of(name).splitlines() if line.startswith("P")]
        self.assertEqual((int(found.is_predicted.sum()), int(found.is_clock_predicted.sum())), (sum(line[79] == "P" for line in lines), sum(line[75] == "P" for line in lines)))
        self.assertEqual(int(found.is_predicted.any(axis=0).sum()), 95)
        self.assertFalse(found.is_predicted[:, 0].any())
        self.assertTrue(found.is_predicted[:, -1].all())
        self.assertFalse(gnss.read_orbits(GSSC / "COD0MGXFIN_20230500000_01D_05M_ORB.SP3.gz").is_predicted.any())

    def test_broadcast_records_are_as_georinex_reads_them_and_put_satellites_where_its_own_equations_do(self):
        keplerian = importlib.import_module("georinex.keplerian").keplerian2ecef
        for name in ("brdc2420.18n.gz", "HERT00GBR_R_20240920000_01D_GN.rnx.gz", "cbw10010.21n.gz"):
            ours, theirs = gnss.read_navigation(GSSC / name), georinex(name)
            n_compared = 0
            for one in ours.ephemerides:
                if one.satellite not in theirs.sv.values or one.toc not in theirs.time.values:
                    continue
                other = theirs.sel(sv=one.satellite, time=one.toc)
                if not np.isfinite(float(other.sqrtA)) or float(other.Toe) != one.values[11]:
                    continue
                for place, variable in [(0, "SVclockBias"), (4, "Crs"), (5, "DeltaN"), (6, "M0"), (8, "Eccentricity"), (10, "sqrtA"), (13, "Omega0"), (15, "Io"), (17, "omega"), (19, "IDOT")]:
                    self.assertEqual(one.values[place], float(other[variable]), (name, one.satellite, variable))
                n_compared += 1
            self.assertGreater(n_compared, 25, name)
            for satellite in list(theirs.sv.values)[:6]:
                other = theirs.sel(sv=satellite).dropna(dim="time", how="all").isel(time=[0])
                place = ours.position_at(satellite, other.time.values.astype("datetime64[ns]"))[0]
                there = np.array([float(np.ravel(part)[0]) for part in keplerian(other.drop_vars("sv"))])
                # georinex solves Kepler's equation in one step, which is off by the eccentricity's square.
                allowed_m = 100 + 27e6 * float(other.Eccentricity[0]) ** 2
                self.assertLess(np.linalg.norm(place - there), allowed_m, (name, satellite))

    def test_navigation_of_rinex_4_is_as_georinex_reads_it_rewritten_as_rinex_3(self):
        name = "KMS300DNK_R_20221591000_01H_MN.rnx.gz"
        found = gnss.read_navigation(GSSC / name)
        head, _, body = text_of(name).partition("END OF HEADER")
        frames = re.split(r"^> ", body, flags=re.MULTILINE)[1:]
        by_kind = {}
        for frame in frames:
            words = frame.split("\n", 1)[0].split()
            if words[0] == "EPH":
                by_kind.setdefault(words[2], []).append(frame.split("\n", 1)[1])
        # The number of EPH frames by constellation is that of the data's README.
        counts = {letter: sum(text.startswith(letter) for texts in by_kind.values() for text in texts) for letter in "GRESCJ"}
        self.assertEqual(counts, {"G": 30, "R": 24, "E": 108, "S": 158, "C": 36, "J": 1})
        kept = {letter: sum(one.satellite[0] == letter for one in found.ephemerides) for letter in counts}
        used = {letter: sum(text.startswith(letter) for kind in ("LNAV", "FDMA", "INAV", "FNAV", "D1", "D2", "SBAS") for text in by_kind.get(kind, [])) for letter in counts}
        self.assertEqual(kept, used)
        lnav = [text for text in by_kind["LNAV"] if text.startswith("G")]
        header = "     3.04           N: GNSS NAV DATA    G: GPS              RINEX VERSION / TYPE\n" + " " * 60 + "END OF HEADER\n"
        with tempfile.TemporaryDirectory() as folder:
            theirs = georinex(written(folder, "kms3.rnx", header + "".join(lnav)))
        n_compared = 0
        for one in found.ephemerides:
            if one.satellite[0] == "G" and one.message == "LNAV":
                other = theirs.sel(sv=one.satellite, time=one.toc)
                self.assertEqual((one.values[10], one.values[6], one.values[11]), (float(other.sqrtA), float(other.M0), float(other.Toe)))
                n_compared += 1
        self.assertEqual(n_compared, len(lnav))

    def test_clocks_have_as_many_values_as_the_file_has_records(self):
        for name, n_satellites, n_stations in [("GRG0MGXFIN_20201770000_01D_30S_CLK.CLK.gz", 215999, 0), ("COD20352.CLK", 423, 317), ("COD0OPSRAP_20230730000_01D_30S_CLK.CLK", 78, 105)]:
            found = gnss.read_clocks(GSSC / name)
            counted = [sum(int(np.isfinite(series).sum()) for series in clocks.values()) for clocks in (found.satellites, found.stations)]
            self.assertEqual(counted, [n_satellites, n_stations], name)
        text = text_of("COD20352.CLK")
        record = next(line for line in text.splitlines() if line.startswith("AS G"))
        words = record.split()
        found = gnss.read_clocks(GSSC / "COD20352.CLK")
        self.assertIn(float(words[9].replace("D", "E")), found.satellites[words[1]].tolist())
        self.assertEqual(found.references, ["PIE1"])

    def test_maps_of_the_ionosphere_are_the_numbers_of_the_file(self):
        for name, n_rms in [("jplg0010.17i.gz", 13), ("CKMG0080.09I.gz", 0)]:
            found, text = gnss.read_ionex(GSSC / name), text_of(name)
            self.assertEqual((found.tec.shape, 0 if found.rms is None else len(found.rms)), ((13, 71, 73), n_rms))
            rows = re.findall(r"LAT/LON1/LON2/DLON/H\s*\n((?:[ \d-]+\n)+)", text.partition("START OF RMS MAP")[0] if n_rms == 0 else text)
            grid = np.array([[int(word) for word in row.split()] for row in rows[:71]], dtype=float)
            np.testing.assert_allclose(found.tec[0], np.where(grid == 9999, np.nan, grid / 10))
            self.assertEqual((found.lat_deg[0], found.lat_deg[-1], found.lon_deg[0], found.lon_deg[-1]), (87.5, -87.5, -180, 180))

    def test_a_place_may_be_named_by_any_turn_of_its_longitude(self):
        found = gnss.read_ionex(GSSC / "jplg0010.17i.gz")
        for east, west in [(183, -177), (359, -1), (190, -170), (270, -90)]:
            np.testing.assert_allclose(found.at(41.3, east), found.at(41.3, west))
        np.testing.assert_allclose(found.at(87.5, 5), found.tec[:, 0, 37])
        np.testing.assert_allclose(found.at(86.25, 5), (found.tec[:, 0, 37] + found.tec[:, 1, 37]) / 2)
        np.testing.assert_allclose(found.at(90, 5), found.tec[:, 0, 37])
        with self.assertRaisesRegex(gnss.GnssError, "not on the grid"):
            found.at(10, 400)


class OfGaia:
    def test_tables_are_as_astropy_reads_them(self):
        for name, form in [("1744351221317O-result.vot", "votable"), ("1744351221317O-result.fits", "fits"), ("1744351221317O-result.csv", "ascii.csv"), ("1710099405832VAL-result.vot", "votable")]:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                theirs = Table.read(GAIA / name, format=form)
            ours = gaia.read_tables(GAIA / name)[0].table
            self.assertEqual([column.lower() for column in ours.colnames], [column.lower() for column in theirs.colnames], name)
            for mine, other in zip(ours.colnames, theirs.colnames):
                self.assertEqual(ours[mine].tolist() if ours[mine].dtype.kind in "iu" else len(ours), theirs[other].tolist() if ours[mine].dtype.kind in "iu" else len(theirs), (name, mine))
        self.assertEqual(gaia.read_tables(GAIA / "1710099405832VAL-result.vot")[0].table["source_id"].dtype.kind, "i")

    def test_spectra_and_light_curves_are_as_astropy_reads_them(self):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            sampled = Table.read(GAIA / "XP_SAMPLED_RAW_votable_dr3int6.xml", format="votable")
            continuous = Table.read(GAIA / "XP_CONTINUOUS_RAW.fits")
        found = gaia.read_products(GAIA / "XP_SAMPLED_RAW_votable_dr3int6.xml").spectra
        self.assertEqual([one.source_id for one in found], [int(value) for value in sampled["source_id"]])
        for one, flux in zip(found, sampled["flux"]):
            np.testing.assert_allclose(one.flux, np.asarray(flux, dtype=float))
            self.assertEqual((one.kind, one.wavelength_nm[0], one.wavelength_nm[-1], one.unit), ("XP_SAMPLED", 336, 1020, "W m⁻² nm⁻¹"))
        coefficients = gaia.read_products(GAIA / "XP_CONTINUOUS_RAW.fits").coefficients
        self.assertEqual([one.source_id for one in coefficients], [int(value) for value in continuous["source_id"]])
        for one, bp in zip(coefficients, continuous["bp_coefficients"]):
            np.testing.assert_allclose(one.values["BP"], np.asarray(bp, dtype=float))
        missing = gaia.read_products(GAIA / "XP_CONTINUOUS_RAW_missing_BP_dr3int6.fits").coefficients[0]
        self.assertEqual((missing.values["BP"].size, missing.values["RP"].size > 0), (0, True))
        for kind in ("vot", "csv"):
            archive = GAIA / f"gaia_dr3_source_id_5937083312263887616_dl_products_{kind}.zip"
            curves = gaia.read_products(archive)
            self.assertEqual({one.source_id for one in curves.spectra}, {5937083312263887616})
            member = next(name for name in zipfile.ZipFile(archive).namelist() if "XP_SAMPLED" in name)
            with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(archive) as opened, warnings.catch_warnings():
                warnings.simplefilter("ignore")
                theirs = Table.read(opened.extract(member, folder), format="votable" if kind == "vot" else "ascii.csv")
            np.testing.assert_allclose(curves.spectra[0].flux, np.asarray(theirs["flux"], dtype=float))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            rows = Table.read(GAIA / "TS_gaia_ESAC.xml", format="votable")
        curves = gaia.read_products(GAIA / "TS_gaia_ESAC.xml").curves
        self.assertEqual({one.band: one.time_d.size for one in curves}, {"G": 85, "BP": 83, "RP": 83})
        self.assertEqual(sum(one.time_d.size for one in curves), len(rows))


class Examples:
    def test_the_example_of_the_readme_runs(self):
        readme = (Path(__file__).parents[1] / "README.md").read_text()
        (code,) = re.findall(r"## Readers\n\n```python\n(.*?)```", readme, re.DOTALL)
        names = {
            "path": GSSC / "KMS300DNK_R_20221591000_01H_30S_MO.crx", "navigation": GSSC / "KMS300DNK_R_20221591000_01H_MN.rnx.gz", "orbits": GSSC / SP3[1], "clocks": GSSC / "COD20352.CLK",
            "ionosphere": GSSC / "jplg0010.17i.gz", "antennas": GSSC / "igs14_small.atx.gz", "table": GAIA / "1744351221317O-result.vot", "products": GAIA / "XP_SAMPLED_RAW_dr3int6.csv",
        }  # fmt: skip
        exec(compile(code, "README.md", "exec"), names)


# Where there are real files, these are the tests; a run without says in its first line that they were not run.
if REAL:
    for kind in (Observations, Orbits, OfGaia, Examples):
        globals()[f"{kind.__name__}OverRealFiles"] = type(f"{kind.__name__}OverRealFiles", (kind, unittest.TestCase), {})


if __name__ == "__main__":
    unittest.main()
