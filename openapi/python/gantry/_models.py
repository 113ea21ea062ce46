"""What the service tells, as a notebook holds it: assets, pages of a search, selections, jobs, datalabs, staged files.

The classes here only hold and show; what asks further stands in ``_client`` and ``_async``.
"""

from __future__ import annotations

import html
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, overload
from urllib.parse import quote

from gantry._products import Table
from gantry._take import take_of_search
from gantry._words import counted, sized

Json = dict[str, Any]


@dataclass(frozen=True)
class Asset:
    """One entry of the catalogue. ``record`` is all that the service told, as it is in its interface."""

    id: str
    archive: str
    kind: str
    title: str
    version: int | None
    facets: Mapping[str, list[str]] = field(repr=False)
    series: str | None
    n_files: int | None
    size_bytes: int | None
    url: str
    record: Json = field(repr=False)

    @property
    def files(self) -> list[Json]:
        """Its files now: name, media type, size, checksum, locations. Only ``asset(id)`` knows them, a search does not."""
        return list(self.record.get("files", []))

    @property
    def related(self) -> list[Json]:
        """Assets that belong with it; only of ``asset(id)``."""
        return list(self.record.get("related", []))

    @property
    def columns(self) -> list[Json]:
        """The columns of a table, with unit and meaning; only of ``asset(id)``."""
        return list(self.record.get("columns", []))

    def _take(self) -> Json:
        return {"assets": [self.id]}


def asset_of(record: Json, url: str) -> Asset:
    """An asset; ``url`` is where the service is."""
    return Asset(
        id=record["id"], archive=record["archive"], kind=record["kind"], title=record["title"], version=record.get("version"),
        facets=record.get("facets", {}), series=record.get("series"), n_files=record.get("n_files"), size_bytes=record.get("size_bytes"),
        url=f"{url}/assets/{quote(record['id'], safe=':~')}", record=record,
    )  # fmt: skip


@dataclass(frozen=True)
class FacetValue:
    """A value of a facet field, and how many of the matches have it."""

    path: str
    label: str
    count: int
    selected: bool


class SearchPage(Sequence[Asset]):
    """A page of a search: a sequence of its assets, with what holds for all matches."""

    def __init__(self, parameters: Json, view: Json, url: str) -> None:
        self.parameters = parameters
        self.total: int = view["total"]
        """How many match, on all pages."""
        self.counted: str = view["counted"]
        """What is counted: ``series`` or ``assets``."""
        self.took_ms: int = view["took_ms"]
        self.notes: list[str] = list(view["notes"])
        """What was taken as plain words, and other things to know."""
        self.facets = {name: [FacetValue(one["path"], one["label"], one["count"], one["selected"]) for one in values] for name, values in view["facets"].items()}
        """Field to its values with their counts."""
        self.next: str | None = view.get("next")
        """The relative address of the next page; None on the last."""
        self.assets = [asset_of(record, url) for record in view["assets"]]

    def _take(self) -> Json:
        return take_of_search(self.parameters)

    def __len__(self) -> int:
        return len(self.assets)

    def __iter__(self) -> Iterator[Asset]:
        return iter(self.assets)

    @overload
    def __getitem__(self, place: int) -> Asset: ...
    @overload
    def __getitem__(self, place: slice) -> list[Asset]: ...
    def __getitem__(self, place: int | slice) -> Asset | list[Asset]:
        return self.assets[place]

    @property
    def caption(self) -> str:
        """How many match and how many of them are on this page."""
        found = counted(self.total, "series", "series") if self.counted == "series" else counted(self.total, "asset")
        return f"{found} found, {len(self):,} on this page" if self.total else "nothing found"

    def __repr__(self) -> str:
        rows = [f"{asset.id}  {asset.title}  {_size(asset.size_bytes)}" for asset in self]
        return "\n".join([f"<{type(self).__name__}: {self.caption}>", *rows, *self.notes])

    def _repr_html_(self) -> str:
        left = 'style="text-align: left"'
        head = "".join(f'<th scope="col" {left}>{title}</th>' for title in ("title", "archive", "size", "page"))
        rows = ""
        for asset in self:
            link = f'<a href="{html.escape(asset.url)}">{html.escape(asset.id)}</a>'
            cells = [html.escape(asset.archive), html.escape(_size(asset.size_bytes)), link]
            rows += f'<tr><th scope="row" {left}>{html.escape(asset.title)}</th>' + "".join(f"<td {left}>{cell}</td>" for cell in cells) + "</tr>"
        notes = "".join(f"<p>{html.escape(note)}</p>" for note in self.notes)
        caption = f'<caption {left}>{html.escape(self.caption)}</caption>'
        return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{notes}"


def _size(n_bytes: int | None) -> str:
    return "size unknown" if n_bytes is None else sized(n_bytes)


@dataclass(frozen=True)
class Resolved:
    """What a file name stands for: ``state`` is ``available``, ``withdrawn``, ``unknown`` or ``ambiguous``."""

    name: str
    id: str | None
    size_bytes: int | None
    state: str
    candidates: list[str] = field(default_factory=list)


def resolved_of(record: Json) -> Resolved:
    return Resolved(record["name"], record["id"], record["size_bytes"], record["state"], list(record.get("candidates", [])))


@dataclass(frozen=True)
class Citation:
    """How something is cited: for a reference list, for BibTeX, and how the archive asks to be acknowledged."""

    text: str
    bibtex: str
    acknowledgement: str

    def __str__(self) -> str:
        return self.text


def citation_of(view: Json) -> Citation:
    return Citation(view["text"], view["bibtex"], view["acknowledgement"])


@dataclass(frozen=True)
class PlannedFile:
    """What staging would do with one file: ``present``, ``link``, ``clone``, ``copy``, ``download``, ``skip`` …"""

    asset: str
    name: str
    path: str | None
    method: str
    reason: str | None
    size_bytes: int | None


@dataclass(frozen=True)
class Plan:
    """What staging a selection would do; nothing was done. ``record`` is all of it."""

    files: list[PlannedFile]
    n_files: int
    seconds: float | None
    warnings: list[str]
    expected: int
    found: int
    gaps: list[Json]
    record: Json = field(repr=False)

    def _repr_html_(self) -> str:
        table = Table(["file", "method", "size", "reason"], [[one.path or one.name, one.method, _size(one.size_bytes), one.reason] for one in self.files], height=24)
        table.note = "; ".join([counted(self.n_files, "file"), *self.warnings])
        return table._repr_html_()


def plan_of(view: Json) -> Plan:
    files = [PlannedFile(one["asset"], one["name"], one["path"], one["method"], one["reason"], one["size_bytes"]) for one in view["files"]]
    return Plan(files, view["n_files"], view["seconds"], list(view["warnings"]), view["expected"], view["found"], list(view["gaps"]), view)


class SelectionView:
    """An immutable set of assets at their versions."""

    def __init__(self, view: Json) -> None:
        self.id: str = view["id"]
        self.n_assets: int = view["n_assets"]
        self.n_files: int | None = view["n_files"]
        self.size_bytes: int | None = view["size_bytes"]
        self.expected: int = view["expected"]
        """Of a range of days: how many were expected, and below how many were found."""
        self.found: int = view["found"]
        self.gaps: list[Json] = list(view["gaps"])
        """Which are not there, and why."""
        self.notes: list[str] = list(view["notes"])

    def _take(self) -> Json:
        return {"selection": self.id}

    def __repr__(self) -> str:
        gaps = f", {counted(len(self.gaps), 'gap')}" if self.gaps else ""
        return f"<{type(self).__name__} {self.id}: {counted(self.n_assets, 'asset')}, {_size(self.size_bytes)}{gaps}>"


@dataclass(frozen=True)
class Staged:
    """One file of a staging job, which can be opened as a path.

    ``outcome`` is ``staged``, ``present``, ``skipped`` or ``failed``, ``reason`` why; ``verified_by`` is by what the bytes were
    checked. ``path`` is where it is on this machine, None when it is not here.
    """

    asset: str
    name: str
    path: Path | None
    outcome: str
    verified_by: str | None
    size_bytes: int | None
    sha256: str | None
    method: str | None
    reason: str | None
    retry_may_help: bool | None
    warnings: list[str]
    path_in_volume: str | None

    @property
    def is_there(self) -> bool:
        """Whether it is in the volume."""
        return self.outcome in ("staged", "present")

    def __fspath__(self) -> str:
        if self.path is None:
            why = f"its volume is not on this machine (`{self.path_in_volume}` in it)" if self.is_there else f"{self.outcome}, {self.reason or 'no reason given'}"
            raise FileNotFoundError(f"`{self.name}` has no path here: {why}")
        return os.fspath(self.path)


def staged_of(record: Json, root: Path | None) -> Staged:
    inside, outcome = record["path"], record["outcome"]
    path = root / inside if root and inside and outcome in ("staged", "present") else None
    return Staged(
        asset=record["asset"], name=record["name"], path=path, outcome=outcome or "waiting", verified_by=record["verified_by"], size_bytes=record["size_bytes"],
        sha256=record["sha256"], method=record["method"], reason=record["reason"], retry_may_help=record["retry_may_help"],
        warnings=list(record["warnings"] or []), path_in_volume=inside,
    )  # fmt: skip


class StagedFiles(list[Staged]):
    """The files of a staging job, in the order of its selection."""

    @property
    def paths(self) -> list[Path]:
        """Where the files are that are on this machine."""
        return [one.path for one in self if one.path is not None]

    @property
    def by_asset(self) -> dict[str, StagedFiles]:
        """The files of each asset, by its id."""
        found: dict[str, StagedFiles] = {}
        for one in self:
            found.setdefault(one.asset, StagedFiles()).append(one)
        return found

    @property
    def missing(self) -> StagedFiles:
        """Those that were skipped or failed."""
        return StagedFiles(one for one in self if not one.is_there)

    def _repr_html_(self) -> str:
        rows = [[one.path or one.path_in_volume or one.name, one.outcome, _size(one.size_bytes), one.verified_by, "; ".join([*filter(None, [one.reason]), *one.warnings])] for one in self]
        return Table(["file", "outcome", "size", "verified by", "to be noted"], rows, height=24)._repr_html_()


class _View:
    """An object of the service whose state changes: ``view`` is what was told last."""

    NOUN = ""

    def __init__(self, view: Json) -> None:
        self.view = view

    @property
    def id(self) -> str:
        return str(self.view["id"])

    @property
    def phase(self) -> str:
        """``PENDING QUEUED EXECUTING HELD COMPLETED ERROR ABORTED``, as it was told last."""
        return str(self.view["phase"])

    @property
    def message(self) -> str | None:
        """Why it ended as it did."""
        message = self.view.get("message")
        return None if message is None else str(message)

    @property
    def waiting_for(self) -> list[str]:
        """What it waits for."""
        return [str(cause["text"]) for cause in self.view.get("waiting_for") or []]


class JobView(_View):
    """A staging job: it makes the files of a selection appear in a volume."""

    @property
    def volume(self) -> str:
        return str(self.view["volume"])

    @property
    def selection(self) -> str:
        """The id of the selection."""
        return str(self.view["selection"])

    @property
    def counts(self) -> Json:
        """How many files are staged, present, skipped, failed and waiting."""
        return dict(self.view["files"])

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id}: {self.phase}, {_counts(self.view)} in `{self.volume}`>"


def _counts(view: Json) -> str:
    files = view["files"]
    return f"{files['staged'] + files['present']:,} of {counted(files['total'], 'file')}"


class DatalabView(_View):
    """A running lab. ``url`` opens it in a browser; None once it has ended."""

    def __init__(self, view: Json, base: str) -> None:
        super().__init__(view)
        self._base = base

    @property
    def name(self) -> str:
        return str(self.view["name"])

    @property
    def lab(self) -> str:
        """Which entry of the lab catalogue it is, such as ``sepp/jupyterlab:v1``."""
        return str(self.view["lab"])

    @property
    def is_ready(self) -> bool:
        """Whether it can be opened."""
        return bool(self.view["ready"])

    @property
    def url(self) -> str | None:
        url = self.view.get("url")
        return f"{self._base}{url}" if url else None

    @property
    def notebook(self) -> str | None:
        """The notebook it opens on, a path in the workspace."""
        notebook = self.view.get("notebook")
        return None if notebook is None else str(notebook)

    @property
    def volumes(self) -> list[str]:
        """The names of its volumes."""
        return [str(volume["name"]) for volume in self.view["volumes"]]

    @property
    def expires(self) -> str | None:
        """When it is stopped at the latest, RFC 3339 in UTC."""
        expires = self.view.get("expires")
        return None if expires is None else str(expires)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id}: {self.name}, {self.phase}{', ready' if self.is_ready else ''}>"

    def _repr_html_(self) -> str:
        name = html.escape(self.name)
        label = f'<a href="{html.escape(self.url)}">Open {name}</a>' if self.url else name
        return f"<p>{label} ({html.escape(', '.join([self.phase, *self.waiting_for]))})</p>"


@dataclass(frozen=True)
class Archive:
    """An archive that the service knows. ``state`` is a word, ``text`` a sentence on how it is; ``record`` is all of it."""

    id: str
    title: str
    kind: str
    state: str
    text: str
    n_assets: int
    record: Json = field(repr=False)


def archive_of(record: Json) -> Archive:
    return Archive(record["id"], record["title"], record["kind"], record["state"], record["text"], record["n_assets"], record)


@dataclass(frozen=True)
class Volume:
    """A volume of the service. ``path`` is its folder where that is on this machine."""

    name: str
    title: str
    kind: str
    path: Path | None
    read_only: bool
    record: Json = field(repr=False)


def volume_of(record: Json) -> Volume:
    path = Path(record["path"]) if record.get("path") else None
    return Volume(record["name"], record["title"], record["kind"], path if path and path.is_dir() else None, bool(record.get("read_only")), record)
