"""From what somebody holds in a notebook to what the service is asked: searches, and what to take."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from typing import Any, Protocol


class Holder(Protocol):
    """An asset, a page of a search or a selection: it knows what of it is taken."""

    def _take(self) -> dict[str, Any]: ...


class Named(Protocol):
    """An asset."""

    @property
    def id(self) -> str: ...


Takeable = str | Holder | Mapping[str, Any]
Take = Takeable | Iterable[Takeable]

Moment = str | datetime.date | datetime.datetime
Facets = str | Iterable[str] | Mapping[str, str | int | Iterable[str | int]]

OF_A_SEARCH = ("q", "facet", "time", "pos", "frame", "days", "near", "bbox", "since")
"""What of a search says which assets, and not how they are shown."""


def search_parameters(
    q: str, facet: Facets, time: str | tuple[Moment, Moment] | None, days: str | tuple[str, str] | None, pos: str | None,
    frame: str | None, near: str | tuple[float, float, float] | None, bbox: str | tuple[float, float, float, float] | None,
    collapse: str | None, sort: str | None, limit: int | None, after: str | None, facets: str | Iterable[str] | None,
    since: int | None,
) -> dict[str, Any]:  # fmt: skip
    """The parameters of ``GET /assets``, as they stand in its address."""
    values = {
        "q": q or None, "facet": facet_paths(facet) or None, "time": _range(time), "days": _range(days), "pos": pos, "frame": frame,
        "near": _numbers(near), "bbox": _numbers(bbox), "collapse": collapse, "sort": sort, "limit": limit, "after": after,
        "facets": facets if facets is None or isinstance(facets, str) else ",".join(facets),
        "since": since,
    }  # fmt: skip
    return {name: value for name, value in values.items() if value is not None}


def facet_paths(facet: Facets) -> list[str]:
    """``"instrument/HFI"``, several of these, or ``{"instrument": ["HFI", "LFI"], "year": "2019..2023"}``."""
    if isinstance(facet, str):
        return [facet]
    if isinstance(facet, Mapping):
        return [f"{field}/{value}" for field, values in facet.items() for value in ([values] if isinstance(values, (str, int)) else values)]
    return list(facet)


def _range(value: str | tuple[Moment, Moment] | None) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return "/".join(_moment(end) for end in value)


def _moment(value: Moment) -> str:
    if isinstance(value, datetime.datetime):
        value = value.replace(tzinfo=datetime.UTC) if value.tzinfo is None else value.astimezone(datetime.UTC)
        return value.isoformat().replace("+00:00", "Z")
    return value if isinstance(value, str) else value.isoformat()


def _numbers(value: str | tuple[float, ...] | None) -> str | None:
    return value if value is None or isinstance(value, str) else ",".join(f"{float(number):.12g}" for number in value)


def take_of_search(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """All matches of a search, on whatever page one looks at."""
    return {"search": {name: parameters[name] for name in OF_A_SEARCH if name in parameters}}


def take_of(what: Take, except_: Iterable[str | Named] = ()) -> dict[str, Any]:
    """What to take: the id of an asset or a selection, an asset, a search (all of its matches), a selection, what the
    interface itself takes as a dict, or several of these.

    ``except_`` are matches of a search that are left out.
    """
    taken = _one(what) if isinstance(what, (str, Mapping)) or hasattr(what, "_take") else _several(what)
    left_out = [one if isinstance(one, str) else one.id for one in except_]
    return taken | ({"except": left_out} if left_out else {})


def _one(what: Any) -> dict[str, Any]:
    if isinstance(what, str):
        return {"selection": what} if what.startswith("sel_") and ":" not in what else {"assets": [what]}
    if isinstance(what, Mapping):
        return dict(what)
    if hasattr(what, "_take"):
        return dict(what._take())
    raise TypeError(f"a {type(what).__name__} is nothing that can be taken; use ids of assets, assets, a search, a selection or a dict")


def _several(what: Iterable[Any]) -> dict[str, Any]:
    members = [_one(member) for member in what]
    if all(member.keys() == {"assets"} for member in members):
        return {"assets": [name for member in members for name in member["assets"]]}
    return members[0] if len(members) == 1 else {"any_of": members}


def adql(query: str, archive: str, *, release: str | None = None, format: str | None = None, max_rows: int | None = None) -> dict[str, Any]:
    """A query in ADQL as something to take: ``gantry.stage(gantry.adql("SELECT TOP 10 …", "gaia", release="DR3"), "cmb")``.

    ``format`` is ``votable`` (default), ``fits``, ``ecsv`` or ``csv``.
    """
    values = {"adql": query, "archive": archive, "release": release, "format": format, "max_rows": max_rows}
    return {name: value for name, value in values.items() if value is not None}


def datalink(sources: Iterable[int | str], types: str | Iterable[str], archive: str, *, release: str | None = None) -> dict[str, Any]:
    """Products of sources, such as spectra, as something to take; ``types`` are those of the archive, such as ``XP_SAMPLED``."""
    values = {"archive": archive, "release": release, "sources": [str(source) for source in sources], "types": [types] if isinstance(types, str) else list(types)}
    return {"datalink": {name: value for name, value in values.items() if value is not None}}


def cone_of(cut_out: tuple[float, float, float] | Mapping[str, float] | None) -> dict[str, float] | None:
    """A cone to cut out of maps: right ascension, declination and radius, ICRS, in degrees."""
    if cut_out is None or isinstance(cut_out, Mapping):
        return None if cut_out is None else dict(cut_out)
    ra, dec, radius = cut_out
    return {"ra": float(ra), "dec": float(dec), "radius": float(radius)}
