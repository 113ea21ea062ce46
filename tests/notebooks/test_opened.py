"""Opens products in a notebook through the running service, and runs what it wrote from top to bottom."""

import json
import os
import subprocess
import time
import urllib.request
from pathlib import Path

import nbformat
import pytest
from execute import execute

# The stand-in's stars: one with spectra of all kinds, and one that is not there.
STAR, NOBODY = "4583627001381815936", "17"

GENERATED = [["planck:COM_CMB_IQU-smica_0256_R3.00_full.fits"]]
REAL = [["planck:wmap_band_iqumap_r9_7yr_V_v4_udgraded32.fits"], ["planck:HFI_PCCS_SZ-union_R2.08.fits"]]


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """A service with its stand-in archive; ends with the tests."""
    folder = tmp_path_factory.mktemp("demo")
    binary = os.environ.get("GANTRY_BIN", "target/debug/gantry")
    # The environment of this test is not the labs' business.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [binary, "demo", "--json", "--port", "0", "--dir", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        yield json.loads(process.stdout.readline())
        process.terminate()


def ask(demo, route, body=None):
    """The answer of a route as JSON."""
    headers = {"Authorization": f"Bearer {demo['token']}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(demo["url"] + "api/v1/" + route, data=data, headers=headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def ready(demo, datalab):
    """Waits until a datalab can be opened."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        view = ask(demo, f"datalabs/{datalab}")
        if view["ready"]:
            return view
        assert view["phase"] in ("QUEUED", "EXECUTING"), view["message"]
        time.sleep(0.2)
    raise AssertionError(f"the datalab was not ready in time: {view['waiting_for']}")


@pytest.mark.parametrize("assets", GENERATED + (REAL if os.environ.get("GANTRY_REAL_DATA") else []), ids=lambda assets: assets[0])
def test_a_product_opens_in_a_notebook_that_runs_without_error_and_shows_it(demo, assets):
    opened = ask(demo, "open-in-notebook", {"assets": assets})
    view = ready(demo, opened["datalab"])
    volumes = {volume["name"]: volume["path"] for volume in view["volumes"]}
    path = Path(volumes["workspace"]) / opened["notebook"]
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    execute(notebook, path.parent, env={**os.environ, "GANTRY_VOLUMES": json.dumps(volumes)})
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    assert len(pictures) >= 2


def run_opened(demo, wanted, change=lambda notebook: None):
    """Opens what is wanted in a notebook, changes it as its reader would, and runs it: what it prints, and its cells."""
    opened = ask(demo, "open-in-notebook", wanted)
    view = ready(demo, opened["datalab"])
    volumes = {volume["name"]: volume["path"] for volume in view["volumes"]}
    path = Path(volumes["workspace"]) / opened["notebook"]
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    change(notebook)
    told = {"GANTRY_VOLUMES": json.dumps(volumes), "GANTRY_URL": demo["url"], "GANTRY_TOKEN": demo["token"]}
    execute(notebook, path.parent, env={**os.environ, **told})
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    return "".join(output.text for output in outputs if output.get("name") == "stdout"), notebook


def test_spectra_are_of_the_sources_they_were_asked_for_and_who_had_none_is_named(demo):
    spectra = {"datalink": {"archive": "gaia", "release": "DR3", "sources": [STAR, NOBODY], "types": ["XP_SAMPLED"]}}
    text, notebook = run_opened(demo, spectra)
    assert f"sampled XP: 1 source: {STAR}" in text and f"no sampled XP spectrum: {NOBODY}" in text and "unknown source" not in text
    assert "Light curves" not in "".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def test_an_answer_for_nobody_is_said_to_be_empty(demo):
    text, _ = run_opened(demo, {"datalink": {"archive": "gaia", "release": "DR3", "sources": [NOBODY], "types": ["RVS"]}})
    assert "No source had RVS" in text and f"no RVS spectrum: {NOBODY}" in text and "cannot be opened" not in text


def test_a_table_without_a_query_is_described_and_asked_when_its_reader_says_so(demo):
    def send(notebook):
        cell = next(cell for cell in notebook.cells if "send = False" in cell.source)
        assert "SELECT TOP 1000 source_id, ra, dec" in cell.source
        cell.source = cell.source.replace("send = False", "send = True").replace("TOP 1000", "TOP 7")

    text, notebook = run_opened(demo, {"assets": ["gaia:gaiadr3.gaia_source"]}, send)
    assert "152 columns" in text and "7 rows, 12 columns" in text
    assert any("1,811,709,771 rows" in cell.source for cell in notebook.cells)


def test_the_answer_of_a_query_is_called_after_the_archive(demo):
    text, notebook = run_opened(demo, {"adql": "SELECT TOP 5 source_id, ra, dec FROM gaiadr3.gaia_source", "archive": "gaia", "release": "DR3"})
    headings = [cell.source.splitlines()[0] for cell in notebook.cells if cell.cell_type == "markdown"]
    assert "## Query of the Gaia archive" in headings and "5 rows, 3 columns" in text
