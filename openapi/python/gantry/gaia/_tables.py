"""Tables: each layer and the format are recognised by the first bytes, since `job_2.vot.gz` of the archive is a tar."""

import csv
import gzip
import io
import importlib
import json
import os
import re
import tarfile
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

FilePath = str | os.PathLike[str]

MAX_BYTES = 2**30
MAX_MEMBERS = 5_000
"""The archive answers for at most 5 000 sources at once."""

EMPTY_ZIP = b"PK\x05\x06"
"""How a ZIP without members begins: with its end."""

EPOCHS = {"DR1": 2015.0, "DR2": 2015.5, "EDR3": 2016.0, "DR3": 2016.0}
"""Reference epochs of the releases, Julian years in TCB; a release that is not here states its own."""


class GaiaError(ValueError):
    """A file that cannot be read; the text is a sentence that names the file."""


@dataclass
class GaiaTable:
    """One table. ``table`` is an astropy Table whose missing values are masked and whose integers are integers."""

    name: str
    form: str
    table: Any
    release: str | None = None
    query: str | None = None
    stated_epoch: float | None = None
    params: dict[str, Any] = field(default_factory=dict)
    is_cut: bool = False  # only the first rows were read

    @property
    def ref_epoch(self) -> float | None:
        """The reference epoch in Julian years, TCB: of the column, of the file's frame, or of its release."""
        if "ref_epoch" in self.table.colnames and len(self.table):
            values = np.ma.masked_array(self.table["ref_epoch"]).compressed()
            if values.size:
                return float(values[0])
        return self.stated_epoch or EPOCHS.get(self.release or "")

    def numbers(self, name: str) -> np.ndarray | None:
        """A column as floats, NaN where it is missing; None when the table has no such column. Not for ids."""
        if name not in self.table.colnames:
            return None
        try:
            return np.asarray(np.ma.filled(np.ma.masked_array(self.table[name]).astype(float), np.nan))
        except (TypeError, ValueError):
            return None


def read_tables(path: FilePath, max_rows: int | None = None) -> list[GaiaTable]:
    """Every table of a file, members of a ZIP or tar in order.

    ``max_rows`` reads no more than so many rows of a CSV in a gzip: a bulk file of the archive holds hundreds of
    thousands. A table that was cut has ``is_cut``.

    Raises :class:`GaiaError` when there is no table in it, or one that is broken.
    """
    tables = tables_of(path, max_rows)
    if not tables:
        raise GaiaError(f"`{Path(path).name}` holds no table.")
    return tables


def tables_of(path: FilePath, max_rows: int | None = None) -> list[GaiaTable]:
    """As :func:`read_tables`, but an empty ZIP, which is the archive's answer when no source had a product, is no error."""
    path = Path(path)
    first = _first_rows(path, max_rows) if max_rows else None
    members = _members(path.name, path.read_bytes()) if first is None else [(path.name, first[0])]
    tables = []
    for name, data in members:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # deviations from the standards that change no value
                tables += _read(name, data)
        except GaiaError:
            raise
        except Exception as error:  # astropy raises many kinds
            raise GaiaError(f"`{name}` cannot be read as a table: {str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__}.") from error
    if first is not None:
        for table in tables:
            table.is_cut = first[1]
    return tables


def _first_rows(path: Path, max_rows: int) -> tuple[bytes, bool] | None:
    """The head and the first rows of a CSV or ECSV in a gzip, and whether more follow; None for any other file."""
    try:
        with gzip.open(path) as file:
            if not re.match(rb"# %ECSV|\w+(,\w+)+\r?\n", file.peek(64 * 1024)):
                return None
            lines: list[bytes] = []
            n_lines, n_bytes = 0, 0
            while line := file.readline(MAX_BYTES):
                n_lines += not line.startswith(b"#")
                n_bytes += len(line)
                if n_lines > max_rows + 1:  # the names of the columns are a line too
                    return b"".join(lines), True
                if n_bytes > MAX_BYTES:
                    raise GaiaError(f"`{path.name}` unpacks to more than {MAX_BYTES:,} bytes within {max_rows} rows.")
                lines.append(line)
            return b"".join(lines), False
    except (OSError, EOFError, zlib.error):
        return None  # no gzip, or a broken one: reading all of it says which


def _members(name: str, data: bytes, depth: int = 0) -> list[tuple[str, bytes]]:
    if len(data) > MAX_BYTES or depth > 3:
        raise GaiaError(f"`{name}` unpacks to more than {MAX_BYTES:,} bytes, or is packed more than three times.")
    try:
        if data[:2] == b"\x1f\x8b":
            with gzip.open(io.BytesIO(data)) as file:
                return _members(name, file.read(MAX_BYTES + 1), depth + 1)
        if data[:4] in (b"PK\x03\x04", EMPTY_ZIP):
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                infos = [info for info in archive.infolist() if not info.is_dir()]
                _check_total(name, len(infos), sum(info.file_size for info in infos))
                return [part for info in infos for part in _members(info.filename, archive.read(info), depth + 1)]
        if data[257:262] == b"ustar":
            with tarfile.open(fileobj=io.BytesIO(data)) as tar:
                members = [(info, member) for info in tar.getmembers() if (member := tar.extractfile(info))]
                _check_total(name, len(members), sum(info.size for info, _ in members))
                return [part for info, member in members for part in _members(info.name, member.read(), depth + 1)]
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, tarfile.TarError) as error:
        raise GaiaError(f"`{name}` cannot be unpacked: {error}.") from error
    return [(name, data)]


def _check_total(name: str, n_members: int, n_bytes: int) -> None:
    if n_members > MAX_MEMBERS or n_bytes > MAX_BYTES:
        raise GaiaError(f"`{name}` holds {n_members} files of {n_bytes:,} bytes, which is too much to open at once.")


def _read(name: str, data: bytes) -> list[GaiaTable]:
    start = data[:2000].lstrip(b"\xef\xbb\xbf \r\n\t")
    if not start:
        raise GaiaError(f"`{name}` is empty.")
    if start[:6] == b"SIMPLE":
        return _read_fits(name, data)
    if start[:1] == b"<":
        if b"VOTABLE" not in data[:4000]:
            raise GaiaError(f"`{name}` is XML, but no VOTable.")
        return _read_votable(name, data)
    if start[:1] == b"{":
        return _read_json(name, json.loads(data))
    if b"\0" in start:
        raise GaiaError(f"`{name}` is neither VOTable, FITS, ECSV, CSV nor JSON.")
    return [_read_csv(name, data.decode("utf-8"))]


def _release_in(*texts: str | None) -> str | None:
    for text in texts:
        if found := re.search(r"gaia\s?(e?dr\d+)", text or "", re.IGNORECASE):
            return found[1].upper()
    return None


def _read_votable(name: str, data: bytes) -> list[GaiaTable]:
    votable: Any = importlib.import_module("astropy.io.votable")

    tree = votable.parse(io.BytesIO(data), verify="ignore")
    infos = {info.name: info.value for resource in tree.resources for info in resource.infos}
    if str(infos.get("QUERY_STATUS", "")).upper() == "ERROR":
        raise GaiaError(f"`{name}` is the archive's answer that the query failed.")
    epochs = [str(system.epoch) for system in tree.iter_coosys() if system.epoch]
    query = infos.get("QUERY") or infos.get("ADQL_QUERY")
    made = []
    for table, params in _with_params(tree.resources, {}):
        made.append(GaiaTable(
            name=name, form="VOTable", table=table.to_table(use_names_over_ids=True), query=query, params=params,
            release=_release_in(str(infos.get("RELEASE")), query, name), stated_epoch=_epoch(epochs[0]) if epochs else None,
        ))
    return made


def _with_params(resources: Any, outer: dict[str, Any]) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Each table with the PARAMs that hold for it: its own, and those of the RESOURCEs around it."""
    for resource in resources:
        params = outer | {param.name: param.value for param in resource.params}
        for table in resource.tables:
            yield table, params | {param.name: param.value for param in table.params}
        yield from _with_params(resource.resources, params)


def _epoch(text: str) -> float | None:
    found = re.search(r"\d{4}(\.\d+)?", text)
    return float(found[0]) if found else None


def _read_fits(name: str, data: bytes) -> list[GaiaTable]:
    fits: Any = importlib.import_module("astropy.io.fits")
    tables: Any = importlib.import_module("astropy.table")

    made = []
    with fits.open(io.BytesIO(data)) as hdus:
        for number, hdu in enumerate(hdus):
            if isinstance(hdu, (fits.BinTableHDU, fits.TableHDU)):
                table = tables.Table.read(hdus, hdu=number, format="fits")
                query = str(hdu.header.get("QUERY", "")) or None
                made.append(GaiaTable(name, "FITS", table, _release_in(str(hdu.header.get("RELEASE")), query, name), query))
    return made


def _read_json(name: str, answer: Any) -> list[GaiaTable]:
    tables: Any = importlib.import_module("astropy.table")

    if "metadata" not in answer or "data" not in answer:
        raise GaiaError(f"`{name}` is JSON, but not in the form of the archive's answers (`metadata` and `data`).")
    names = [column["name"] for column in answer["metadata"]]
    columns = zip(*answer["data"]) if answer["data"] else [[]] * len(names)
    table = tables.Table([_column(["" if value is None else value for value in column]) for column in columns], names=names)
    for column in answer["metadata"]:
        _set_unit(table, column["name"], column.get("unit"))
    return [GaiaTable(name, "JSON", table, _release_in(name))]


def _set_unit(table: Any, name: str, text: str | None) -> None:
    units: Any = importlib.import_module("astropy.units")

    if text:
        try:
            table[name].unit = units.Unit(text)
        except ValueError:
            table[name].unit = units.Unit(text, parse_strict="silent")


def _read_csv(name: str, text: str) -> GaiaTable:
    """CSV, and ECSV as the archive writes it: with `null`, and with arrays of a length of their own."""
    tables: Any = importlib.import_module("astropy.table")
    lines = text.lstrip("\ufeff").splitlines(keepends=True)
    n_head = next((number for number, line in enumerate(lines) if not line.startswith("#")), len(lines))
    is_ecsv = bool(lines) and lines[0].startswith("# %ECSV")
    head = _ecsv_head("".join(line[2:] for line in lines[:n_head])) if is_ecsv else {}
    delimiter = head.get("delimiter", "," if is_ecsv is False or "," in lines[n_head] else " ")
    rows = list(csv.reader(lines[n_head:], delimiter=delimiter))
    rows = [row for row in rows if row]
    if not rows:
        raise GaiaError(f"`{name}` holds no line with the names of columns.")
    names, rows = rows[0], rows[1:]
    if len(names) < 2 or any(not re.fullmatch(r"[\w .()/-]{1,100}", column) for column in names):
        raise GaiaError(f"`{name}` does not begin with the names of columns, so it is no CSV table.")
    for number, row in enumerate(rows, start=1):
        if len(row) != len(names):
            raise GaiaError(f"`{name}` has {len(row)} values in row {number}; there are {len(names)} columns.")
    types = {column["name"]: column for column in head.get("datatype", []) if isinstance(column, dict)}
    columns = [_column(list(values), types.get(column, {}).get("datatype")) for column, values in zip(names, zip(*rows))] or [[]] * len(names)
    table = tables.Table(columns, names=names)
    for column in types.values():
        if column["name"] in names:
            _set_unit(table, column["name"], column.get("unit"))
    meta = head.get("meta", {}) if isinstance(head.get("meta"), dict) else {}
    epochs = [column["meta"]["CoosysEpoch"] for column in types.values() if isinstance(column.get("meta"), dict) and "CoosysEpoch" in column["meta"]]
    query = meta.get("QUERY")
    return GaiaTable(
        name, "ECSV" if is_ecsv else "CSV", table, _release_in(str(meta.get("RELEASE")), query, name), query, _epoch(str(epochs[0])) if epochs else None,
    )


def _ecsv_head(text: str) -> dict[str, Any]:
    yaml: Any = importlib.import_module("yaml")

    head = yaml.safe_load(text.partition("---")[2])
    if isinstance(head, list):  # some writers make a list of one-key mappings
        head = {key: value for part in head if isinstance(part, dict) for key, value in part.items()}
    return head if isinstance(head, dict) else {}


def _column(values: list[Any], stated: str | None = None) -> Any:
    """A column of the narrowest kind that holds every value: int64, float, bool, array of floats, text."""
    tables: Any = importlib.import_module("astropy.table")
    texts = [value if isinstance(value, str) else json.dumps(value) for value in values]
    is_missing = np.array([text.strip() in ("", "null") for text in texts], dtype=bool)
    known = [text.strip() for text, missing in zip(texts, is_missing) if not missing]
    if stated in (None, "string") and known and all(text[0] in "([" for text in known):
        cells = np.empty(len(texts), dtype=object)
        for number, text in enumerate(texts):
            cells[number] = _array(text)
        return tables.MaskedColumn(cells, mask=is_missing)
    if known and stated in (None, "bool") and all(text.lower() in ("true", "false") for text in known):
        return tables.MaskedColumn([text.strip().lower() == "true" for text in texts], mask=is_missing)
    kinds = [int, float] if stated is None else [int] if stated.startswith(("int", "uint")) else [float] if stated.startswith("float") else []
    for kind in kinds if known else []:
        try:
            numbers = [kind(0) if missing else kind(text) for text, missing in zip(texts, is_missing)]
            return tables.MaskedColumn(np.array(numbers, dtype="int64" if kind is int else float), mask=is_missing)
        except (ValueError, OverflowError):
            continue
    return tables.MaskedColumn(np.array(texts, dtype=str), mask=is_missing)


def _array(text: str) -> np.ndarray:
    parts = [part.strip() for part in text.strip().strip("()[]\"").split(",")]
    return np.array([np.nan if part.lower() in ("", "null", "nan") else float(part) for part in parts if part or len(parts) > 1])
