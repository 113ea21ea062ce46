"""All matches of a search as tables, as astropy and Python's own readers take them.

GANTRY_BIN names the program; its demo serves the stand-in archives.
"""

import csv
import io
import json
import os
import subprocess
import sys
import urllib.parse
import urllib.request
import warnings

import pytest
from astropy import units as u
from astropy.io.votable import parse, validate
from astropy.io.votable.ucd import check_ucd

SEARCHES = ["collapse=none&sort=title", "q=BRUX", "facet=archive/planck&sort=size", "q=nothing-has-this-name"]


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    program = os.environ.get("GANTRY_BIN")
    if not program:
        pytest.fail("GANTRY_BIN does not name the program")
    folder = tmp_path_factory.mktemp("demo")
    # No lab is started, so any environment will do.
    environment = os.environ | {"GANTRY_LABS__ENVIRONMENT": sys.prefix}
    command = [program, "demo", "--json", "--port", "0", "--dir", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as running:
        yield json.loads(running.stdout.readline())["url"]
        running.terminate()


def get(url, search, accept):
    address = f"{url}api/v1/assets?{urllib.parse.quote(search, safe='=&/')}"
    with urllib.request.urlopen(urllib.request.Request(address, headers={"Accept": accept})) as answer:
        assert answer.headers["Content-Type"].startswith(accept)
        return answer.read()


@pytest.mark.parametrize("search", SEARCHES)
def test_astropy_reads_what_python_reads_as_csv_and_json_lines(url, search):
    body = get(url, search, "application/x-votable+xml")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        document = parse(io.BytesIO(body), verify="exception")
    table = document.get_first_table()
    infos = [(info.name, info.value) for resource in document.resources for info in resource.infos]
    assert infos == [("QUERY_STATUS", "OK")]
    names = [field.name for field in table.fields]
    rows = list(csv.reader(io.StringIO(get(url, search, "text/csv").decode(), newline=""), strict=True))
    assert names == rows[0]
    columns = {field.name: field for field in table.fields}
    array = table.array
    assert len(array) == len(rows) - 1
    for name in names:
        at = names.index(name)
        for row, value, hidden in zip(rows[1:], array[name], array.mask[name], strict=True):
            text = "" if hidden or value is None else str(value)
            # What a spreadsheet would run has an apostrophe in CSV.
            assert row[at] in (text, f"'{text}"), name
    assert columns["size_bytes"].unit == u.byte
    lines = [json.loads(line) for line in get(url, search, "application/jsonl").decode().splitlines()]
    assert [line["id"] for line in lines] == [str(value) for value in array["id"]]
    assert ("nothing" in search) == (not lines)


def test_units_and_content_descriptors_are_of_the_ivoa(url):
    document = parse(io.BytesIO(get(url, "q=planck", "application/x-votable+xml")))
    fields = document.get_first_table().fields
    for field in fields:
        assert check_ucd(field.ucd, check_controlled_vocabulary=True, has_colon=False), field.name
        assert field.description, field.name
    assert [field.name for field in fields if field.xtype == "timestamp"] == ["time_start", "time_end"]


def test_the_validator_of_astropy_has_nothing_to_say(url, tmp_path):
    path = tmp_path / "assets.vot"
    path.write_bytes(get(url, "collapse=none", "application/x-votable+xml"))
    said = io.StringIO()
    assert validate(str(path), output=said), said.getvalue()
