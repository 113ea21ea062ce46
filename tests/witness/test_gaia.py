"""The stand-in for the Gaia archive, seen by astroquery and pyvo, which know nothing of it."""

import contextlib
import gzip
import io
import os
import subprocess
import urllib.error
import urllib.parse
import urllib.request
import zipfile

import pytest
import pyvo
from astropy.coordinates import SkyCoord
from astropy.io import ascii as tables_of_text
from astropy.io import fits
from astropy.io.votable import parse
from astropy import units as u
from astroquery.gaia import GaiaClass

COOL = 4583627001381815936
WITH_SPECTRUM = 5937083312263887616
PLEIADES = SkyCoord(56.75 * u.deg, 24.12 * u.deg)


@contextlib.contextmanager
def started(*options):
    """The address of a stand-in, started by the program GANTRY_STANDIN_GAIA and ended afterwards."""
    program = os.environ.get("GANTRY_STANDIN_GAIA")
    if not program:
        pytest.fail("GANTRY_STANDIN_GAIA does not name the stand-in's program")
    with subprocess.Popen([program, *options], stdout=subprocess.PIPE, text=True) as running:
        yield running.stdout.readline().strip()
        running.terminate()


@pytest.fixture(scope="module")
def url():
    with started() as address:
        yield address


@pytest.fixture(scope="module")
def gaia(url):
    client = GaiaClass(gaia_tap_server=f"{url}/", gaia_data_server=f"{url}/", tap_server_context="tap-server",
                       data_server_context="data-server", show_server_messages=False)
    client.ROW_LIMIT = -1
    return client


@pytest.fixture(scope="module")
def tap(url):
    return pyvo.dal.TAPService(f"{url}/tap-server/tap")


def get(address, **headers):
    with urllib.request.urlopen(urllib.request.Request(address, headers=headers)) as answer:
        return answer.status, dict(answer.headers), answer.read()


def sync(url, query, **more):
    values = {"REQUEST": "doQuery", "LANG": "ADQL", "QUERY": query, **more}
    return get(f"{url}/tap-server/tap/sync?{urllib.parse.urlencode(values)}")


def test_astroquery_loads_tables_and_their_columns(gaia):
    tables = gaia.load_tables()
    assert "gaiadr3.gaia_source" in {table.name.split(".", 1)[-1] if table.name.count(".") > 1 else table.name for table in tables}
    table = gaia.load_table("gaiadr3.gaia_source")
    assert len(table.columns) == 152
    assert [column.name for column in table.columns][:3] == ["solution_id", "designation", "source_id"]
    assert table.size_bytes >= 1811709771


@pytest.mark.parametrize("launch", ["launch_job", "launch_job_async"])
@pytest.mark.parametrize("output_format", ["votable", "votable_plain", "votable_gzip", "csv", "ecsv", "json", "fits"])
def test_astroquery_runs_a_query_in_every_format(gaia, launch, output_format):
    query = f"SELECT source_id, ra, dec, has_rvs FROM gaiadr3.gaia_source WHERE source_id = {COOL}"
    rows = getattr(gaia, launch)(query, output_format=output_format).get_results()
    row = rows[0]
    names = {name.lower(): name for name in rows.colnames}
    assert len(rows) == 1
    assert int(row[names["source_id"]]) == COOL
    assert abs(row[names["ra"]] - 268.067664666) < 1e-8


def test_astroquery_searches_a_cone_and_finds_a_cluster(gaia):
    rows = gaia.cone_search_async(PLEIADES, radius=1.5 * u.deg).get_results()
    assert len(rows) > 100
    assert (rows["dist"] <= 1.5).all()
    members = rows[abs(rows["parallax"] - 7.4) < 0.6]
    assert abs(members["pmra"].mean() - 20) < 2
    assert abs(members["pmdec"].mean() + 45) < 3


def test_astroquery_searches_a_box_around_an_object(gaia):
    rows = gaia.query_object(PLEIADES, width=0.5 * u.deg, height=0.5 * u.deg)
    assert len(rows) > 10


def test_astroquery_loads_spectra_by_datalink(gaia, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = gaia.load_data(ids=[WITH_SPECTRUM, COOL], retrieval_type="ALL", data_release="Gaia DR3",
                          data_structure="INDIVIDUAL", format="votable")
    names = set(data)
    assert f"XP_SAMPLED-Gaia DR3 {WITH_SPECTRUM}.xml" in names
    spectrum = data[f"XP_SAMPLED-Gaia DR3 {WITH_SPECTRUM}.xml"][0]
    spectrum = spectrum.to_table() if hasattr(spectrum, "to_table") else spectrum
    assert len(spectrum) == 343
    assert (spectrum["wavelength"][0], spectrum["wavelength"][-1]) == (336.0, 1020.0)


def test_astroquery_lists_datalinks(gaia):
    links = gaia.get_datalinks(ids=[WITH_SPECTRUM])
    assert len(links) >= 2


def test_pyvo_reads_tables_and_capabilities(tap):
    assert "gaiadr3.gaia_source" in tap.tables.keys()
    assert len(tap.tables["gaiadr3.gaia_source"].columns) == 152
    assert tap.maxrec == 2000 and tap.hardlimit == 3000000
    assert tap.available


def test_pyvo_reads_tap_schema(tap):
    rows = tap.search("SELECT column_name, unit FROM tap_schema.columns WHERE table_name = 'gaiadr3.gaia_source'")
    assert len(rows) == 152


def test_pyvo_runs_a_synchronous_query(tap):
    rows = tap.run_sync("SELECT TOP 5 source_id, ra, dec FROM gaiadr3.gaia_source ORDER BY phot_g_mean_mag")
    assert len(rows) == 5
    assert rows.fielddescs[1].unit == u.deg


def test_pyvo_is_told_of_an_overflow(tap):
    rows = tap.search("SELECT source_id FROM gaiadr3.gaia_source", maxrec=10)
    assert len(rows) == 10
    assert rows.status[0] == "OVERFLOW"


def test_pyvo_is_told_what_is_wrong_with_a_query(tap):
    with pytest.raises(pyvo.dal.DALQueryError, match="no_such_column"):
        tap.run_sync("SELECT no_such_column FROM gaiadr3.gaia_source")


def test_pyvo_runs_a_job_that_is_written_as_the_standard_has_it():
    with started("--standard-jobs") as address:
        tap = pyvo.dal.TAPService(f"{address}/tap-server/tap")
        job = tap.submit_job("SELECT COUNT(*) AS n FROM gaiadr3.gaia_source_lite")
        assert job.phase == "PENDING"
        job.run()
        job.wait(phases=["COMPLETED", "ERROR"], timeout=20)
        assert job.phase == "COMPLETED"
        assert job.fetch_result()["n"][0] > 4000
        job.delete()


def test_pyvo_cannot_read_the_quote_of_the_archive(tap):
    with pytest.raises(ValueError, match="Cannot parse datetime -1"):
        tap.submit_job("SELECT COUNT(*) AS n FROM gaiadr3.gaia_source_lite")


def test_pyvo_follows_datalinks_of_a_result(tap):
    rows = tap.search(f"SELECT designation, source_id FROM gaiadr3.gaia_source WHERE source_id = {WITH_SPECTRUM}")
    links = next(rows.iter_datalinks())
    assert {row["description"] for row in links} >= {"XP_SAMPLED", "XP_CONTINUOUS"}
    with urllib.request.urlopen(links[0].access_url) as product:
        assert b"<VOTABLE" in product.read(400)


def test_astropy_finds_the_same_values_in_every_format(url):
    query = "SELECT TOP 50 source_id, ra, phot_g_mean_mag, radial_velocity, has_rvs FROM gaiadr3.gaia_source ORDER BY source_id"
    read = {}
    for name in ["votable", "votable_plain", "votable_gzip", "csv", "ecsv", "fits"]:
        body = sync(url, query, FORMAT=name)[2]
        body = gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
        if name.startswith("votable"):
            read[name] = parse(io.BytesIO(body)).get_first_table().to_table(use_names_over_ids=True)
        elif name == "fits":
            read[name] = fits.getdata(io.BytesIO(body), 1)
        else:
            read[name] = tables_of_text.read(body.decode(), format=name if name == "ecsv" else "csv")
    for name, table in read.items():
        assert list(table["source_id"]) == list(read["votable"]["source_id"]), name
        assert list(table["ra"]) == list(read["votable"]["ra"]), name


def test_a_zip_has_members_with_spaces_in_their_names(url):
    _, _, body = get(f"{url}/data-server/data?ID={COOL}&RETRIEVAL_TYPE=XP_CONTINUOUS&USE_ZIP_ALWAYS=true&FORMAT=fits")
    assert zipfile.ZipFile(io.BytesIO(body)).namelist() == [f"XP_CONTINUOUS-Gaia DR3 {COOL}.fits"]
    with pytest.raises(urllib.error.HTTPError) as refused:
        get(f"{url}/data-server/data?ID={COOL}&RETRIEVAL_TYPE=ALL&FORMAT=votable_gzip")
    assert refused.value.code == 500


def test_a_bulk_file_is_ecsv_but_for_its_nulls(url):
    listing = get(f"{url}/bulk/?prefix=Gaia/gdr3/gaia_source/&delimiter=/")[2].decode()
    key = listing.split("<Key>")[1].split("</Key>")[0]
    text = gzip.decompress(get(f"{url}/bulk/{key}")[2]).decode()
    table = tables_of_text.read(text, format="ecsv", fill_values=("null", "0"))
    assert len(table.columns) == 152
    assert table["radial_velocity"].mask.any()
    first, last = (int(part) for part in key.split("_")[-1].split(".")[0].split("-"))
    assert ((table["source_id"] >> 43 >= first) & (table["source_id"] >> 43 <= last)).all()
