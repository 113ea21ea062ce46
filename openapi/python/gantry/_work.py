"""Staging and opening as calls: what is sent, what is waited for, and what became of each file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from gantry import _volumes
from gantry._calls import Call, Json, get, given, job_done, job_files, key_or_new, path_of, post, rows
from gantry._errors import GantryError, LabFailed, NotAllowed, StagingFailed
from gantry._models import DatalabView, StagedFiles, Volume, staged_of, volume_of
from gantry._progress import Bar, Lines, Silent
from gantry._take import Take, cone_of, take_of
from gantry._transport import Connection
from gantry._words import counted

SHOWN_REASONS = 5

Told = Silent | Lines | Bar


def take_body(what: Take, except_: Iterable[Any], prefer: Mapping[str, Any] | None, with_: Mapping[str, Any] | None) -> Json:
    return take_of(what, except_) | given(prefer=prefer, **{"with": with_})


def staging_options(
    directory: str | None, method: str | None, unpack: bool | None, cut_out: tuple[float, float, float] | Mapping[str, float] | None, on_conflict: str | None,
) -> Json:  # fmt: skip
    return given(directory=directory, method=method, unpack=unpack, cut_out=cone_of(cut_out), on_conflict=on_conflict)


def added(body: Json, key: str | None) -> Call[Json]:
    """Starts a staging job, or finds the one that a request before started whose answer was lost."""
    return (yield from post("/api/v1/add-to-volume", body, key_or_new(key)))


def root_here(connection: Connection, volume: str) -> Call[Path | None]:
    """Where a volume is on this machine; None when it is elsewhere."""
    if connection.is_of_this_lab and (path := _volumes.volumes().get(volume)):
        return path
    try:
        return volume_of((yield from get(path_of("volumes", volume)))).path
    except NotAllowed:
        return None  # a token without `volumes:read` may stage all the same


def files_of(connection: Connection, job: Json) -> Call[StagedFiles]:
    records = yield from job_files(job["id"])
    root = yield from root_here(connection, job["volume"])
    return StagedFiles(staged_of(record, root) for record in records)


def finished(connection: Connection, job: str, told: Told, timeout_s: float, patience_s: float, raise_on_failure: bool) -> Call[tuple[Json, StagedFiles]]:
    """Waits for a staging job: its last state and its files. Raises :class:`StagingFailed` when not every file is there."""
    try:
        view = yield from job_done(job, told, timeout_s, patience_s)
    finally:
        told.close()
    files = yield from files_of(connection, view)
    if raise_on_failure and (files.missing or view["phase"] != "COMPLETED"):
        raise StagingFailed(_why(view, files), files=files, job=job)
    return view, files


def _why(view: Json, files: StagedFiles) -> str:
    missing = files.missing
    if view["phase"] == "HELD":
        return f"the staging job `{view['id']}` is held; release it and wait again"
    if not missing or view["phase"] != "COMPLETED":
        return f"the staging job `{view['id']}` ended as {view['phase']}: {view.get('message') or 'no reason given'}"
    reasons = "; ".join(f"`{one.name}`: {one.reason or one.outcome}" for one in missing[:SHOWN_REASONS])
    more = f"; and {len(missing) - SHOWN_REASONS:,} more" if len(missing) > SHOWN_REASONS else ""
    again = "; a retry may help" if any(one.retry_may_help for one in missing) else ""
    return f"{len(missing):,} of {counted(len(files), 'file')} not staged: {reasons}{more}{again}"


def opened(body: Json, key: str | None) -> Call[tuple[Json, Json, Json]]:
    """Opens in a notebook: the answer, its datalab and its staging job."""
    answer = yield from post("/api/v1/open-in-notebook", body, key_or_new(key))
    datalab = yield from get(path_of("datalabs", answer["datalab"]))
    job = yield from get(path_of("staging-jobs", answer["staging_job"]))
    return answer, datalab, job


def check_lab(datalab: DatalabView) -> None:
    """Raises :class:`LabFailed` when it cannot be opened any more."""
    if not datalab.is_ready:
        raise LabFailed(f"the datalab `{datalab.name}` ended as {datalab.phase}: {datalab.message or 'no reason given'}; its logs may say more")


def volume_here(connection: Connection, name: str) -> Call[Path]:
    """The folder of a volume on this machine. Raises :class:`VolumeNotFound` with the names there are."""
    if connection.is_of_this_lab and name in _volumes.volumes():
        return _volumes.volume(name)
    there: list[Volume] = [volume_of(record) for record in (yield from rows("/api/v1/volumes", "volumes"))]
    path = next((one.path for one in there if one.name == name), None)
    if path:
        return path
    if any(one.name == name for one in there):
        raise GantryError(f"the volume `{name}` is not on this machine; stage into one that is, or work in a datalab of it")
    raise _volumes.VolumeNotFound(name, sorted(one.name for one in there), where="the service")


def volumes_here(connection: Connection) -> Call[dict[str, Path]]:
    """The volumes whose folders are on this machine."""
    told = _volumes.volumes() if connection.is_of_this_lab else {}
    if told:
        return told
    there = [volume_of(record) for record in (yield from rows("/api/v1/volumes", "volumes"))]
    return {one.name: one.path for one in sorted(there, key=lambda one: one.name) if one.path}


def launch_body(
    lab: str, name: str | None, volumes: Iterable[str | Mapping[str, Any]], env: Mapping[str, str] | None, select_when_ready: bool | None,
    auto_remove: bool | None, time_limit_s: int | None,
) -> Json:  # fmt: skip
    wanted = [{"name": volume} if isinstance(volume, str) else dict(volume) for volume in volumes]
    return given(lab=lab, name=name, volumes=wanted, env=env, select_when_ready=select_when_ready, auto_remove=auto_remove, time_limit_s=time_limit_s)
