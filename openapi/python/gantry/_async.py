"""The service, asked by awaiting: the same methods as ``Client``, each a coroutine.

Each request runs in a thread of its own, so that the standard library is enough; what is cancelled ends with its request.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
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


class AsyncClient:
    """A Gantry service and who asks it; as :class:`Client`, whose methods it has, awaited."""

    def __init__(self, url: str | None = None, token: str | None = None, *, timeout_s: float = 60) -> None:
        secret = None if token is None else Secret(token)
        del token  # so that a traceback which shows variables does not show it
        self._connection = Connection(url, secret, timeout_s)

    def __repr__(self) -> str:
        return f"AsyncClient({getattr(self, '_connection', '')!r})"

    async def _run(self, call: Call[T]) -> T:
        try:
            step = next(call)
            while True:
                if isinstance(step, Pause):
                    await asyncio.sleep(step.seconds)
                    step = call.send(None)
                    continue
                try:
                    answer = await asyncio.to_thread(self._connection.send, step)
                except GantryError as error:
                    step = call.throw(error)
                else:
                    step = call.send(answer)
        except StopIteration as end:
            found: T = end.value
            return found
        finally:
            call.close()  # also when it was interrupted, so that a bar is closed

    async def search(
        self, q: str = "", *, facet: Facets = (), time: str | tuple[Moment, Moment] | None = None, days: str | tuple[str, str] | None = None,
        pos: str | None = None, frame: str | None = None, near: str | tuple[float, float, float] | None = None,
        bbox: str | tuple[float, float, float, float] | None = None, collapse: str | None = None, sort: str | None = None, limit: int | None = None,
        after: str | None = None, facets: str | Iterable[str] | None = None, since: int | None = None,
    ) -> AsyncSearchResult:  # fmt: skip
        """Searches the catalogue: a page of matches, a sequence of assets with ``total``, ``facets`` and ``next_page()``.

        ``q`` is words, ``"phrases"``, ``-not``, ``field:value``, ``prefix*``. ``facet`` is ``"instrument/HFI"``, several of these, or
        ``{"instrument": ["HFI", "LFI"], "year": "2019..2023"}``: OR within a field, AND between fields. ``time`` is a half-open interval
        in UTC, ``days`` nominal days such as ``"2023-100/2023-130"``, ``pos`` a region of the sky, ``near`` latitude, longitude and km.
        ``collapse`` is ``series`` or ``none``, ``sort`` ``relevance``, ``newest``, ``time``, ``title`` or ``size``; ``facets`` are the fields to count.
        ``since`` leaves only what is new or has changed after that change of the catalogue; a saved search has it.
        """
        parameters = search_parameters(q, facet, time, days, pos, frame, near, bbox, collapse, sort, limit, after, facets, since)
        view = await self._run(_calls.get("/api/v1/assets", _calls.texts(parameters)))
        return AsyncSearchResult(self, parameters, view)

    async def asset(self, id: str) -> Asset:
        """One asset with its files, columns and related assets."""
        return asset_of(await self._run(_calls.get(path_of("assets", id))), self._connection.url)

    async def resolve(self, archive: str, names: Iterable[str]) -> list[Resolved]:
        """What file names of an archive stand for, up to 10 000 at once."""
        view = await self._run(_calls.post("/api/v1/assets/resolve", {"archive": archive, "names": list(names)}))
        return [resolved_of(record) for record in view["assets"]]

    async def citation(self, id: str) -> Citation:
        """How an asset, or a selection by its id, is cited."""
        noun = "selections" if ":" not in id and id.startswith("sel_") else "assets"
        return citation_of(await self._run(_calls.get(path_of(noun, id, "citation"))))

    async def select(
        self, what: Take, *, except_: Iterable[str | Asset] = (), prefer: Mapping[str, Any] | None = None, with_: Mapping[str, Any] | None = None
    ) -> AsyncSelection:
        """Makes a selection, an immutable set of assets at their versions, which can be planned, cited and staged.

        ``what`` is the id of an asset, an asset, a search (all of its matches), ``gantry.adql(…)``, ``gantry.datalink(…)``, what the
        interface takes as a dict, or several of these; ``except_`` leaves matches out. ``prefer`` and ``with_`` are for GNSS days:
        which of several observation files is kept, and which products are added.
        """
        return AsyncSelection(self, await self._run(_calls.post("/api/v1/selections", _work.take_body(what, except_, prefer, with_))))

    async def selection(self, id: str) -> AsyncSelection:
        """A selection made before, ``sel_…``."""
        return AsyncSelection(self, await self._run(_calls.get(path_of("selections", id), [("limit", "0")])))

    async def add_to_volume(
        self, what: Take, volume: str = "workspace", *, directory: str | None = None, method: str | None = None, unpack: bool | None = None,
        cut_out: tuple[float, float, float] | Mapping[str, float] | None = None, on_conflict: str | None = None, except_: Iterable[str | Asset] = (),
        prefer: Mapping[str, Any] | None = None, with_: Mapping[str, Any] | None = None, idempotency_key: str | None = None,
    ) -> AsyncStagingJob:  # fmt: skip
        """Starts to stage and does not wait. The parameters are those of :meth:`stage`."""
        body = _work.take_body(what, except_, prefer, with_) | {"volume": volume} | _work.staging_options(directory, method, unpack, cut_out, on_conflict)
        return AsyncStagingJob(self, await self._run(_work.added(body, idempotency_key)))

    async def stage(
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
        job = await self.add_to_volume(
            what, volume, directory=directory, method=method, unpack=unpack, cut_out=cut_out, on_conflict=on_conflict, except_=except_, prefer=prefer, with_=with_,
            idempotency_key=idempotency_key,
        )  # fmt: skip
        return await job.wait(progress=progress, timeout_s=timeout_s, patience_s=patience_s, raise_on_failure=raise_on_failure)

    async def staging_job(self, id: str) -> AsyncStagingJob:
        """A staging job, such as one whose waiting was interrupted."""
        return AsyncStagingJob(self, await self._run(_calls.get(path_of("staging-jobs", id))))

    async def staging_jobs(self) -> list[AsyncStagingJob]:
        """Your staging jobs, newest first."""
        return [AsyncStagingJob(self, view) for view in await self._run(_calls.rows("/api/v1/staging-jobs", "staging_jobs", [("limit", "200")]))]

    async def open_in_notebook(
        self, what: Take, *, lab: str | None = None, volume: str | None = None, name: str | None = None, select_when_ready: bool | None = None,
        auto_remove: bool | None = None, except_: Iterable[str | Asset] = (), prefer: Mapping[str, Any] | None = None, with_: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> AsyncOpened:  # fmt: skip
        """Stages, and starts a datalab on a notebook about it; does not wait for either."""
        options = _calls.given(lab=lab, volume=volume, name=name, select_when_ready=select_when_ready, auto_remove=auto_remove)
        answer, datalab, job = await self._run(_work.opened(_work.take_body(what, except_, prefer, with_) | options, idempotency_key))
        return AsyncOpened(AsyncDatalab(self, datalab), AsyncStagingJob(self, job), str(answer["notebook"]))

    async def labs(self) -> list[Json]:
        """What can be launched, as the service tells it."""
        return await self._run(_calls.rows("/api/v1/labs", "labs"))

    async def launch(
        self, lab: str, *, name: str | None = None, volumes: Iterable[str | Mapping[str, Any]] = (), env: Mapping[str, str] | None = None,
        select_when_ready: bool | None = None, auto_remove: bool | None = None, time_limit_s: int | None = None, idempotency_key: str | None = None,
    ) -> AsyncDatalab:  # fmt: skip
        """Starts a datalab with volumes besides the workspace, and does not wait for it."""
        body = _work.launch_body(lab, name, volumes, env, select_when_ready, auto_remove, time_limit_s)
        return AsyncDatalab(self, await self._run(_calls.post("/api/v1/datalabs", body, _calls.key_or_new(idempotency_key))))

    async def datalabs(self) -> list[AsyncDatalab]:
        """Your datalabs, newest first."""
        return [AsyncDatalab(self, view) for view in await self._run(_calls.rows("/api/v1/datalabs", "datalabs"))]

    async def datalab(self, id: str) -> AsyncDatalab:
        """One datalab."""
        return AsyncDatalab(self, await self._run(_calls.get(path_of("datalabs", id))))

    async def archives(self) -> list[Archive]:
        """The archives of the service, and how each is."""
        return [archive_of(record) for record in await self._run(_calls.rows("/api/v1/archives", "archives"))]

    async def volume(self, name: str) -> Path:
        """The folder of a volume on this machine."""
        return await self._run(_work.volume_here(self._connection, name))

    async def volumes(self) -> dict[str, Path]:
        """The volumes whose folders are on this machine, name to folder: of this datalab, or of the service where it runs here."""
        return await self._run(_work.volumes_here(self._connection))

    async def all_volumes(self) -> list[Volume]:
        """All your volumes, also those elsewhere."""
        return [volume_of(record) for record in await self._run(_calls.rows("/api/v1/volumes", "volumes"))]


class AsyncSearchResult(SearchPage):
    """A page of a search; :meth:`all` goes on through the others."""

    def __init__(self, client: AsyncClient, parameters: Json, view: Json) -> None:
        super().__init__(parameters, view, client._connection.url)
        self._client = client

    async def next_page(self) -> AsyncSearchResult | None:
        """The next page, None after the last."""
        return AsyncSearchResult(self._client, self.parameters, await self._client._run(_calls.page(self.next))) if self.next else None

    async def pages(self) -> AsyncIterator[AsyncSearchResult]:
        """This page and all after it, each fetched when it is its turn."""
        page: AsyncSearchResult | None = self
        while page is not None:
            yield page
            page = await page.next_page()

    async def all(self) -> AsyncIterator[Asset]:
        """The assets of this page and of all after it, each page fetched when it is its turn."""
        async for page in self.pages():
            for asset in page:
                yield asset


class AsyncSelection(SelectionView):
    """An immutable set of assets at their versions."""

    def __init__(self, client: AsyncClient, view: Json) -> None:
        super().__init__(view)
        self._client = client

    async def assets(self) -> AsyncIterator[Json]:
        """Its assets: id, version, title, number of files and size; fetched page by page."""
        view = await self._client._run(_calls.get(path_of("selections", self.id), [("limit", "1000")]))
        for asset in view["assets"]:
            yield asset
        while view["next"]:
            view = await self._client._run(_calls.page(view["next"]))
            for asset in view["assets"]:
                yield asset

    async def plan(
        self, volume: str | None = None, *, directory: str | None = None, method: str | None = None, unpack: bool | None = None,
        cut_out: tuple[float, float, float] | Mapping[str, float] | None = None, on_conflict: str | None = None,
    ) -> Plan:  # fmt: skip
        """What staging it would do, file by file; nothing is done."""
        body = _calls.given(volume=volume) | _work.staging_options(directory, method, unpack, cut_out, on_conflict)
        return plan_of(await self._client._run(_calls.post(path_of("selections", self.id, "plan"), body)))

    async def citation(self) -> Citation:
        """How everything in it is cited."""
        return await self._client.citation(self.id)


class AsyncStagingJob(JobView):
    """A staging job. What was told last is as old as :meth:`refresh`."""

    def __init__(self, client: AsyncClient, view: Json) -> None:
        super().__init__(view)
        self._client = client

    async def refresh(self) -> AsyncStagingJob:
        """Looks again."""
        self.view = await self._client._run(_calls.get(path_of("staging-jobs", self.id)))
        return self

    async def wait(self, *, progress: bool = True, timeout_s: float = STAGE_TIMEOUT_S, patience_s: float = PATIENCE_S, raise_on_failure: bool = True) -> StagedFiles:
        """Waits until it is done: its files. As :meth:`AsyncClient.stage` does."""
        call = _work.finished(self._client._connection, self.id, shown(progress), timeout_s, patience_s, raise_on_failure)
        self.view, files = await self._client._run(call)
        return files

    async def files(self) -> StagedFiles:
        """Its files as they are now."""
        return await self._client._run(_work.files_of(self._client._connection, self.view))

    async def retry(self) -> AsyncStagingJob:
        """Stages again what failed."""
        return await self._change("retry")

    async def hold(self) -> AsyncStagingJob:
        """Stops it; what it has, it keeps."""
        return await self._change("hold")

    async def release(self) -> AsyncStagingJob:
        """Lets it go on."""
        return await self._change("release")

    async def abort(self) -> AsyncStagingJob:
        """Ends it; whole files stay."""
        self.view = await self._client._run(_calls.delete(path_of("staging-jobs", self.id)))
        return self

    async def _change(self, action: str) -> AsyncStagingJob:
        self.view = await self._client._run(_calls.post(path_of("staging-jobs", self.id, action), None, is_repeatable=False))
        return self


class AsyncDatalab(DatalabView):
    """A running lab. What was told last is as old as :meth:`refresh`."""

    def __init__(self, client: AsyncClient, view: Json) -> None:
        super().__init__(view, client._connection.url)
        self._client = client

    async def refresh(self) -> AsyncDatalab:
        """Looks again."""
        self.view = await self._client._run(_calls.get(path_of("datalabs", self.id)))
        return self

    async def wait(self, *, progress: bool = True, timeout_s: float = LAB_TIMEOUT_S, patience_s: float = PATIENCE_S) -> AsyncDatalab:
        """Waits until it can be opened. Raises :class:`LabFailed` when it ends before."""
        told = shown(progress)
        try:
            self.view = await self._client._run(_calls.lab_ready(self.id, told, timeout_s, patience_s))
        finally:
            told.close()
        _work.check_lab(self)
        return self

    async def logs(self, tail_bytes: int | None = None) -> str:
        """The end of its log, also after its end; ``tail_bytes`` of it, 64 KiB where not given."""
        return await self._client._run(_calls.text(path_of("datalabs", self.id, "logs"), _calls.texts(_calls.given(tail_bytes=tail_bytes))))

    async def extend(self, seconds: int) -> AsyncDatalab:
        """Gives it so many seconds more."""
        self.view = await self._client._run(_calls.post(path_of("datalabs", self.id, "extend"), {"seconds": seconds}, is_repeatable=False))
        return self

    async def destroy(self) -> AsyncDatalab:
        """Ends it; its volumes stay."""
        self.view = await self._client._run(_calls.delete(path_of("datalabs", self.id)))
        return self


class AsyncOpened:
    """What *Open in Notebook* started: a datalab, the job that stages for it, and the name of the notebook."""

    def __init__(self, datalab: AsyncDatalab, staging_job: AsyncStagingJob, notebook: str) -> None:
        self.datalab = datalab
        self.staging_job = staging_job
        self.notebook = notebook

    @property
    def url(self) -> str | None:
        """Opens it in a browser."""
        return self.datalab.url

    async def wait(self, *, progress: bool = True, timeout_s: float = LAB_TIMEOUT_S, patience_s: float = PATIENCE_S) -> AsyncOpened:
        """Waits until the files are staged and the notebook can be opened; files that failed are named in the notebook."""
        await self.staging_job.wait(progress=progress, timeout_s=timeout_s, patience_s=patience_s, raise_on_failure=False)
        await self.datalab.wait(progress=progress, timeout_s=timeout_s, patience_s=patience_s)
        return self

    def __repr__(self) -> str:
        return f"<AsyncOpened {self.notebook}: {self.datalab!r}>"

    def _repr_html_(self) -> str:
        return self.datalab._repr_html_()
