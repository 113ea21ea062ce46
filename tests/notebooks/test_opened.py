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
