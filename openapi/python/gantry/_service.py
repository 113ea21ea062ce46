"""The service that started this lab: staging more into a volume. Standard library only."""

import json
import os
import time
import urllib.error
import urllib.request
from pathlib import Path

from gantry._volumes import volume as root_of

MAX_ANSWER_BYTES = 16 * 2**20
AT_REST = ("COMPLETED", "ERROR", "ABORTED", "HELD")


class ServiceError(RuntimeError):
    """What the service refused, or could not do; the text is a sentence."""


def stage(wanted: dict, volume: str, timeout_s: float = 600) -> list[Path]:
    """Stages into a volume of this lab and waits until it is there: the paths of the files.

    ``wanted`` is what ``POST /api/v1/add-to-volume`` takes but for the volume, such as
    ``{"adql": "SELECT TOP 10 …", "archive": "gaia", "release": "DR3", "max_rows": 10}``.

    Raises :class:`ServiceError` with the archive's own reason where it refused, and when it is not done in time.
    """
    job = _ask("api/v1/add-to-volume", {**wanted, "volume": volume})
    deadline = time.monotonic() + timeout_s
    while job["phase"] not in AT_REST:
        if time.monotonic() > deadline:
            raise ServiceError(f"the staging job `{job['id']}` is not done after {timeout_s:g} s; it goes on, and the page of staging jobs shows it")
        time.sleep(0.5)
        job = _ask(f"api/v1/staging-jobs/{job['id']}")
    files = _ask(f"api/v1/staging-jobs/{job['id']}/files")["files"]
    refused = [f"`{file['name']}`: {file.get('reason') or file['outcome']}" for file in files if file["outcome"] not in ("staged", "present")]
    if refused or job["phase"] != "COMPLETED":
        raise ServiceError("; ".join(refused) or f"the staging job `{job['id']}` ended as {job['phase']}: {job.get('message') or 'no reason given'}")
    return [root_of(volume) / file["path"] for file in files]


def _ask(route: str, body: dict | None = None) -> dict:
    url, token = os.environ.get("GANTRY_URL"), os.environ.get("GANTRY_TOKEN")
    if not url or not token:
        raise ServiceError("GANTRY_URL and GANTRY_TOKEN are not set, so this Python was not started by Gantry; set them to your service and a token of yours")
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{url.rstrip('/')}/{route}", data=data, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read(MAX_ANSWER_BYTES))
    except urllib.error.HTTPError as error:
        raise ServiceError(_detail(error)) from None
    except (OSError, ValueError) as error:
        raise ServiceError(f"the service at {url} cannot be asked: {error}") from None


def _detail(error: urllib.error.HTTPError) -> str:
    try:
        problem = json.loads(error.read(MAX_ANSWER_BYTES))
        return str(problem.get("detail") or problem["title"])
    except (OSError, ValueError, AttributeError, KeyError):
        return f"the service answered {error.code}"
