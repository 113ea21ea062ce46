"""The service, asked one thing after the other."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from gantry import _calls, _work
from gantry._calls import PATIENCE_S, Call, Json, Pause, path_of
from gantry._errors import GantryError
from gantry._models import (
    Archive, Asset, Citation, DatalabView, JobView, Plan, Resolved, SearchPage, SelectionView, StagedFiles, Volume, archive_of, asset_of, citation_of,
    plan_of, resolved_of, volume_of,
)  # fmt: skip
from gantry._progress import shown
from gantry._take import Facets, Moment, Take, search_parameters
from gantry._transport import Connection, Secret

T = TypeVar("T")
STAGE_TIMEOUT_S = 86_400.0
LAB_TIMEOUT_S = 600.0


class Client:
    """A Gantry service and who asks it.

    Without ``url`` and ``token``, those of this lab are taken from ``GANTRY_URL`` and ``GANTRY_TOKEN``; the functions of the
    module ``gantry`` are the methods of such a client. ``timeout_s`` is for one request.
    """

    def __init__(self, url: str | None = None, token: str | None = None, *, timeout_s: float = 60) -> None:
        secret = None if token is None else Secret(token)
        del token  # so that a traceback which shows variables does not show it
        self._connection = Connection(url, secret, timeout_s)

    def __repr__(self) -> str:
        return f"Client({getattr(self, '_connection', '')!r})"

    def _run(self, call: Call[T]) -> T:
        try:
            step = next(call)
            while True:
                if isinstance(step, Pause):
                    time.sleep(step.seconds)
                    step = call.send(None)
                    continue
                try:
                    answer = self._connection.send(step)
                except GantryError as error:
                    step = call.throw(error)
                else:
                    step = call.send(answer)
        except StopIteration as end:
            found: T = end.value
            return found
        finally:
            call.close()  # also when it was interrupted, so that a bar is closed

    def search(
        self, q: str = "", *, facet: Facets = (), time: str | tuple[Moment, Moment] | None = None, days: str | tuple[str, str] | None = None,
        pos: str | None = None, frame: str | None = None, near: str | tuple[float, float, float] | None = None,
        bbox: str | tuple[float, float, float, float] | None = None, collapse: str | None = None, sort: str | None = None, limit: int | None = None,
        after: str | None = None, facets: str | Iterable[str] | None = None, since: int | None = None,
    ) -> SearchResult:  # fmt: skip
        """Searches the catalogue: a page of matches, a sequence of assets with ``total``, ``facets`` and ``next_page()``.

        ``q`` is words, ``"phrases"``, ``-not``, ``field:value``, ``prefix*``. ``facet`` is ``"instrument/HFI"``, several of these, or
        ``{"instrument": ["HFI", "LFI"], "year": "2019..2023"}``: OR within a field, AND between fields. ``time`` is a half-open interval
        in UTC, ``days`` nominal days such as ``"2023-100/2023-130"``, ``pos`` a region of the sky, ``near`` latitude, longitude and km.
        ``collapse`` is ``series`` or ``none``, ``sort`` ``relevance``, ``newest``, ``time``, ``title`` or ``size``; ``facets`` are the fields to count.
        ``since`` leaves only what is new or has changed after that change of the catalogue; a saved search has it.
        """
        parameters = search_parameters(q, facet, time, days, pos, frame, near, bbox, collapse, sort, limit, after, facets, since)
        view = self._run(_calls.get("/api/v1/assets", _calls.texts(parameters)))
        return SearchResult(self, parameters, view)

    def asset(self, id: str) -> Asset:
        """One asset with its files, columns and related assets."""
        return asset_of(self._run(_calls.get(path_of("assets", id))), self._connection.url)

    def resolve(self, archive: str, names: Iterable[str]) -> list[Resolved]:
        """What file names of an archive stand for, up to 10 000 at once."""
        view = self._run(_calls.post("/api/v1/assets/resolve", {"archive": archive, "names": list(names)}))
        return [resolved_of(record) for record in view["assets"]]

    def citation(self, id: str) -> Citation:
        """How an asset, or a selection by its id, is cited."""
        noun = "selections" if ":" not in id and id.startswith("sel_") else "assets"
        return citation_of(self._run(_calls.get(path_of(noun, id, "citation"))))

    def select(
        self, what: Take, *, except_: Iterable[str | Asset] = (), prefer: Mapping[str, Any] | None = None, with_: Mapping[str, Any] | None = None
    ) -> Selection:
        """Makes a selection, an immutable set of assets at their versions, which can be planned, cited and staged.

        ``what`` is the id of an asset, an asset, a search (all of its matches), ``gantry.adql(…)``, ``gantry.datalink(…)``, what the
        interface takes as a dict, or several of these; ``except_`` leaves matches out. ``prefer`` and ``with_`` are for GNSS days:
        which of several observation files is kept, and which products are added.
        """
        return Selection(self, self._run(_calls.post("/api/v1/selections", _work.take_body(what, except_, prefer, with_))))

    def selection(self, id: str) -> Selection:
        """A selection made before, ``sel_…``."""
        return Selection(self, self._run(_calls.get(path_of("selections", id), [("limit", "0")])))

    def add_to_volume(
        self, what: Take, volume: str = "workspace", *, directory: str | None = None, method: str | None = None, unpack: bool | None = None,
        cut_out: tuple[float, float, float] | Mapping[str, float] | None = None, on_conflict: str | None = None, except_: Iterable[str | Asset] = (),
        prefer: Mapping[str, Any] | None = None, with_: Mapping[str, Any] | None = None, idempotency_key: str | None = None,
    ) -> StagingJob:  # fmt: skip
        """Starts to stage and does not wait. The parameters are those of :meth:`stage`."""
        body = _work.take_body(what, except_, prefer, with_) | {"volume": volume} | _work.staging_options(directory, method, unpack, cut_out, on_conflict)
        return StagingJob(self, self._run(_work.added(body, idempotency_key)))

    def stage(
        self, what: Take, volume: str = "workspace", *, directory: str | None = None, method: str | None = None, unpack: bool | None = None,
        cut_out: tuple[float, float, float] | Mapping[str, float] | None = None, on_conflict: str | None = None, except_: Iterable[str | Asset] = (),
        prefer: Mapping[str, Any] | None = None, with_: Mapping[str, Any] | None = None, progress: bool = True, timeout_s: float = STAGE_TIMEOUT_S,
        patience_s: float = PATIENCE_S, raise_on_failure: bool = True, idempotency_key: str | None = None,
    ) -> StagedFiles:  # fmt: skip
        """Stages into a volume and waits: the files, which can be opened as paths.

        ``what`` is as for :meth:`select`. ``method`` is ``auto``, ``link``, ``clone`` or ``copy``; ``unpack`` takes gzip and the like off;
        ``cut_out`` is a cone (right ascension, declination, radius, in degrees) cut out of maps; ``on_conflict`` is ``keep``, ``replace``
        or ``rename``. A lost connection is waited out for ``patience_s``, and the job goes on whatever happens here.

        Raises :class:`StagingFailed`, which has all files, when one of them is not there and ``raise_on_failure`` holds.
        """
        job = self.add_to_volume(
            what, volume, directory=directory, method=method, unpack=unpack, cut_out=cut_out, on_conflict=on_conflict, except_=except_, prefer=prefer, with_=with_,
            idempotency_key=idempotency_key,
        )  # fmt: skip
        return job.wait(progress=progress, timeout_s=timeout_s, patience_s=patience_s, raise_on_failure=raise_on_failure)

    def staging_job(self, id: str) -> StagingJob:
        """A staging job, such as one whose waiting was interrupted."""
        return StagingJob(self, self._run(_calls.get(path_of("staging-jobs", id))))

    def staging_jobs(self) -> list[StagingJob]:
        """Your staging jobs, newest first."""
        return [StagingJob(self, view) for view in self._run(_calls.rows("/api/v1/staging-jobs", "staging_jobs", [("limit", "200")]))]

    def open_in_notebook(
        self, what: Take, *, lab: str | None = None, volume: str | None = None, name: str | None = None, select_when_ready: bool | None = None,
        auto_remove: bool | None = None, except_: Iterable[str | Asset] = (), prefer: Mapping[str, Any] | None = None, with_: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> Opened:  # fmt: skip
        """Stages, and starts a datalab on a notebook about it; does not wait for either."""
        options = _calls.given(lab=lab, volume=volume, name=name, select_when_ready=select_when_ready, auto_remove=auto_remove)
        answer, datalab, job = self._run(_work.opened(_work.take_body(what, except_, prefer, with_) | options, idempotency_key))
        return Opened(Datalab(self, datalab), StagingJob(self, job), str(answer["notebook"]))

    def labs(self) -> list[Json]:
        """What can be launched, as the service tells it."""
        return self._run(_calls.rows("/api/v1/labs", "labs"))

    def launch(
        self, lab: str, *, name: str | None = None, volumes: Iterable[str | Mapping[str, Any]] = (), env: Mapping[str, str] | None = None,
        select_when_ready: bool | None = None, auto_remove: bool | None = None, time_limit_s: int | None = None, idempotency_key: str | None = None,
    ) -> Datalab:  # fmt: skip
        """Starts a datalab with volumes besides the workspace, and does not wait for it."""
        body = _work.launch_body(lab, name, volumes, env, select_when_ready, auto_remove, time_limit_s)
        return Datalab(self, self._run(_calls.post("/api/v1/datalabs", body, _calls.key_or_new(idempotency_key))))

    def datalabs(self) -> list[Datalab]:
        """Your datalabs, newest first."""
        return [Datalab(self, view) for view in self._run(_calls.rows("/api/v1/datalabs", "datalabs"))]

    def datalab(self, id: str) -> Datalab:
        """One datalab."""
        return Datalab(self, self._run(_calls.get(path_of("datalabs", id))))

    def archives(self) -> list[Archive]:
        """The archives of the service, and how each is."""
        return [archive_of(record) for record in self._run(_calls.rows("/api/v1/archives", "archives"))]

    def volume(self, name: str) -> Path:
        """The folder of a volume on this machine."""
        return self._run(_work.volume_here(self._connection, name))

    def volumes(self) -> dict[str, Path]:
        """The volumes whose folders are on this machine, name to folder: of this datalab, or of the service where it runs here."""
        return self._run(_work.volumes_here(self._connection))

    def all_volumes(self) -> list[Volume]:
        """All your volumes, also those elsewhere."""
        return [volume_of(record) for record in self._run(_calls.rows("/api/v1/volumes", "volumes"))]


class SearchResult(SearchPage):
    """A page of a search; :meth:`all` goes on through the others."""

    def __init__(self, client: Client, parameters: Json, view: Json) -> None:
        super().__init__(parameters, view, client._connection.url)
        self._client = client

    def next_page(self) -> SearchResult | None:
        """The next page, None after the last."""
        return SearchResult(self._client, self.parameters, self._client._run(_calls.page(self.next))) if self.next else None

    def pages(self) -> Iterator[SearchResult]:
        """This page and all after it, each fetched when it is its turn."""
        page: SearchResult | None = self
        while page is not None:
            yield page
            page = page.next_page()

    def all(self) -> Iterator[Asset]:
        """The assets of this page and of all after it, each page fetched when it is its turn."""
        for page in self.pages():
            yield from page


class Selection(SelectionView):
    """An immutable set of assets at their versions."""

    def __init__(self, client: Client, view: Json) -> None:
        super().__init__(view)
        self._client = client

    def assets(self) -> Iterator[Json]:
        """Its assets: id, version, title, number of files and size; fetched page by page."""
        view = self._client._run(_calls.get(path_of("selections", self.id), [("limit", "1000")]))
        yield from view["assets"]
        while view["next"]:
            view = self._client._run(_calls.page(view["next"]))
            yield from view["assets"]

    def plan(
        self, volume: str | None = None, *, directory: str | None = None, method: str | None = None, unpack: bool | None = None,
        cut_out: tuple[float, float, float] | Mapping[str, float] | None = None, on_conflict: str | None = None,
    ) -> Plan:  # fmt: skip
        """What staging it would do, file by file; nothing is done."""
        body = _calls.given(volume=volume) | _work.staging_options(directory, method, unpack, cut_out, on_conflict)
        return plan_of(self._client._run(_calls.post(path_of("selections", self.id, "plan"), body)))

    def citation(self) -> Citation:
        """How everything in it is cited."""
        return self._client.citation(self.id)


class StagingJob(JobView):
    """A staging job. What was told last is as old as :meth:`refresh`."""

    def __init__(self, client: Client, view: Json) -> None:
        super().__init__(view)
        self._client = client

    def refresh(self) -> StagingJob:
        """Looks again."""
        self.view = self._client._run(_calls.get(path_of("staging-jobs", self.id)))
        return self

    def wait(self, *, progress: bool = True, timeout_s: float = STAGE_TIMEOUT_S, patience_s: float = PATIENCE_S, raise_on_failure: bool = True) -> StagedFiles:
        """Waits until it is done: its files. As :meth:`Client.stage` does."""
        call = _work.finished(self._client._connection, self.id, shown(progress), timeout_s, patience_s, raise_on_failure)
        self.view, files = self._client._run(call)
        return files

    def files(self) -> StagedFiles:
        """Its files as they are now."""
        return self._client._run(_work.files_of(self._client._connection, self.view))

    def retry(self) -> StagingJob:
        """Stages again what failed."""
        return self._change("retry")

    def hold(self) -> StagingJob:
        """Stops it; what it has, it keeps."""
        return self._change("hold")

    def release(self) -> StagingJob:
        """Lets it go on."""
        return self._change("release")

    def abort(self) -> StagingJob:
        """Ends it; whole files stay."""
        self.view = self._client._run(_calls.delete(path_of("staging-jobs", self.id)))
        return self

    def _change(self, action: str) -> StagingJob:
        self.view = self._client._run(_calls.post(path_of("staging-jobs", self.id, action), None, is_repeatable=False))
        return self


class Datalab(DatalabView):
    """A running lab. What was told last is as old as :meth:`refresh`."""

    def __init__(self, client: Client, view: Json) -> None:
        super().__init__(view, client._connection.url)
        self._client = client

    def refresh(self) -> Datalab:
        """Looks again."""
        self.view = self._client._run(_calls.get(path_of("datalabs", self.id)))
        return self

    def wait(self, *, progress: bool = True, timeout_s: float = LAB_TIMEOUT_S, patience_s: float = PATIENCE_S) -> Datalab:
        """Waits until it can be opened. Raises :class:`LabFailed` when it ends before."""
        told = shown(progress)
        try:
            self.view = self._client._run(_calls.lab_ready(self.id, told, timeout_s, patience_s))
        finally:
            told.close()
        _work.check_lab(self)
        return self

    def logs(self, tail_bytes: int | None = None) -> str:
        """The end of its log, also after its end; ``tail_bytes`` of it, 64 KiB where not given."""
        return self._client._run(_calls.text(path_of("datalabs", self.id, "logs"), _calls.texts(_calls.given(tail_bytes=tail_bytes))))

    def extend(self, seconds: int) -> Datalab:
        """Gives it so many seconds more."""
        self.view = self._client._run(_calls.post(path_of("datalabs", self.id, "extend"), {"seconds": seconds}, is_repeatable=False))
        return self

    def destroy(self) -> Datalab:
        """Ends it; its volumes stay."""
        self.view = self._client._run(_calls.delete(path_of("datalabs", self.id)))
        return self


class Opened:
    """What *Open in Notebook* started: a datalab, the job that stages for it, and the name of the notebook."""

    def __init__(self, datalab: Datalab, staging_job: StagingJob, notebook: str) -> None:
        self.datalab = datalab
        self.staging_job = staging_job
        self.notebook = notebook

    @property
    def url(self) -> str | None:
        """Opens it in a browser."""
        return self.datalab.url

    def wait(self, *, progress: bool = True, timeout_s: float = LAB_TIMEOUT_S, patience_s: float = PATIENCE_S) -> Opened:
        """Waits until the files are staged and the notebook can be opened; files that failed are named in the notebook."""
        self.staging_job.wait(progress=progress, timeout_s=timeout_s, patience_s=patience_s, raise_on_failure=False)
        self.datalab.wait(progress=progress, timeout_s=timeout_s, patience_s=patience_s)
        return self

    def __repr__(self) -> str:
        return f"<Opened {self.notebook}: {self.datalab!r}>"

    def _repr_html_(self) -> str:
        return self.datalab._repr_html_()
