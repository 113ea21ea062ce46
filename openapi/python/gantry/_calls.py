"""What is asked of the service, and in which order, apart from how it is sent.

Each function is a generator: it yields an :class:`Ask` and is given the :class:`Answer` (or is thrown :class:`Unreachable`), or
yields a :class:`Pause`, and returns what was found. ``Client`` sends and sleeps by itself, ``AsyncClient`` by awaiting; what
they ask, how often they try again and what they make of it stands here once.
"""

from __future__ import annotations

import email.utils
import json
import random
import time
import uuid
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar
from urllib.parse import quote, urlencode

from gantry._errors import Conflict, GantryError, NotUnderstood, TimedOut, Unavailable, Unreachable, class_of
from gantry._transport import Answer, Ask, address_of

Json = dict[str, Any]
T = TypeVar("T")

TRIES = 5
FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 60.0
PATIENCE_S = 300.0
"""How long a lost connection is tried again while something is waited for."""

LOOK_FIRST_S, LOOK_S, LOOK_LOST_S = 0.1, 1.0, 5.0
FILES_AT_ONCE = 1000
AT_REST = ("COMPLETED", "ERROR", "ABORTED", "HELD")
ENDED = ("COMPLETED", "ERROR", "ABORTED")


@dataclass(frozen=True)
class Pause:
    """So long nothing is to be done."""

    seconds: float


Step = Ask | Pause
Call = Generator[Step, Answer | None, T]


class Progress(Protocol):
    """What is told while something is waited for."""

    def update(self, view: Json) -> None: ...
    def note(self, text: str) -> None: ...


def ask(
    method: str, path: str, query: Iterable[tuple[str, str]] = (), body: Any = None, key: str | None = None,
    is_repeatable: bool = True, tries: int = TRIES, accept: str = "application/json",
) -> Call[Answer]:  # fmt: skip
    """Asks until there is an answer: again after a lost connection, and after 429, 502, 503 and 504 as ``Retry-After`` says.

    What may not be done twice (``is_repeatable`` false) is sent again only when the answer itself says when.
    """
    pairs = urlencode(list(query), quote_via=quote, safe="/:,.~")
    headers = {"Accept": accept} | ({"Idempotency-Key": key} if key else {})
    request = Ask(method, f"{path}?{pairs}" if pairs else path, None if body is None else json.dumps(body).encode(), headers)
    for tried in range(1, tries + 1):
        try:
            answer = yield request
            assert answer is not None
        except Unreachable:
            if tried == tries or not is_repeatable:
                raise
            yield Pause(pause_s(tried, None))
            continue
        if answer.status < 300:
            return answer
        problem = problem_of(answer)
        told = retry_after_s(answer.headers.get("retry-after"))
        is_first_still_at_it = key is not None and tried > 1 and isinstance(problem, Conflict)
        may_help = answer.status in (429, 502, 503, 504) or is_first_still_at_it
        if tried == tries or not may_help or (told is None and not is_repeatable) or (told or 0) > LONGEST_PAUSE_S:
            raise problem
        yield Pause(pause_s(tried, told))
    raise AssertionError("the last try answers or raises")


def pause_s(tried: int, told_s: float | None) -> float:
    """How long to wait before the next try: as long as we are told, or ever longer, with chance in it."""
    return told_s if told_s is not None else FIRST_PAUSE_S * 2 ** (tried - 1) * random.uniform(0.75, 1.25)


def retry_after_s(text: str | None) -> float | None:
    """``Retry-After`` in seconds from now, whether it is a number or a date; None when it is neither."""
    if text is None:
        return None
    if text.strip().isdigit():
        return float(text)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return None


def problem_of(answer: Answer) -> GantryError:
    """The exception for an answer that is none of 2xx."""
    if 300 <= answer.status < 400:
        return NotUnderstood("the service answers with a redirection, which is not followed; give the address that it has itself", status=answer.status)
    try:
        told = json.loads(answer.body)
        kind, detail = str(told["type"]), str(told.get("detail") or told["title"])
        return class_of(kind, answer.status)(
            detail, type=kind, title=str(told.get("title", "")), status=answer.status, instance=str(told.get("instance", "")), known=told.get("known")
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return class_of("", answer.status)(f"the service answered {answer.status} without saying why", status=answer.status)


def json_of(answer: Answer) -> Json:
    """The object of an answer."""
    try:
        told = json.loads(answer.body)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise NotUnderstood("what answered sent no JSON object, so it is not Gantry's interface; check the address", status=answer.status)
    return told


def get(path: str, query: Iterable[tuple[str, str]] = (), tries: int = TRIES) -> Call[Json]:
    return json_of((yield from ask("GET", path, query, tries=tries)))


def post(path: str, body: Any, key: str | None = None, is_repeatable: bool = True) -> Call[Json]:
    return json_of((yield from ask("POST", path, body=body, key=key, is_repeatable=is_repeatable)))


def text(path: str, query: Iterable[tuple[str, str]] = ()) -> Call[str]:
    answer = yield from ask("GET", path, query, accept="text/plain")
    return answer.body.decode("utf-8", "replace")


def delete(path: str) -> Call[Json]:
    return json_of((yield from ask("DELETE", path)))


def page(next_page: str) -> Call[Json]:
    """The next page, whose relative address the page before tells."""
    return (yield from get(address_of(next_page)))


def rows(path: str, noun: str, query: Iterable[tuple[str, str]] = ()) -> Call[list[Json]]:
    """All rows of a list, page by page."""
    view = yield from get(path, query)
    found = list(view[noun])
    while view.get("next"):
        view = yield from page(view["next"])
        found += view[noun]
    return found


def path_of(*parts: str) -> str:
    """An address below ``/api/v1`` whose parts may hold any letters."""
    return "/api/v1/" + "/".join(quote(part, safe=":~") for part in parts)


def key_or_new(key: str | None) -> str:
    """An idempotency key: the same request is carried out once, however often the connection is lost."""
    return key or str(uuid.uuid4())


def job_files(job: str) -> Call[list[Json]]:
    return (yield from rows(path_of("staging-jobs", job, "files"), "files", [("limit", str(FILES_AT_ONCE))]))


def until(path: str, is_done: Callable[[Json], bool], told: Progress, timeout_s: float, what: str, patience_s: float = PATIENCE_S) -> Call[Json]:
    """Looks again and again until it is done; a lost connection is waited out for ``patience_s``.

    Raises :class:`TimedOut` after ``timeout_s``, and what was lost when it does not come back.
    """
    begin = time.monotonic()
    lost_since: float | None = None
    pause = LOOK_FIRST_S
    while True:
        try:
            view = yield from get(path, tries=1)
        except (Unreachable, Unavailable) as lost:
            now = time.monotonic()
            lost_since = lost_since or now
            if now - lost_since >= patience_s or now - begin >= timeout_s:
                raise
            told.note(f"the connection was lost and is tried again; {what} goes on ({lost.detail})")
            pause = min(pause * 2, LOOK_LOST_S)
        else:
            told.update(view)
            if is_done(view):
                return view
            if time.monotonic() - begin >= timeout_s:
                raise TimedOut(f"{what} is not done after {timeout_s:g} s; it goes on, and can be waited for again")
            pause = LOOK_FIRST_S if lost_since else min(pause * 1.5, LOOK_S)
            lost_since = None
        yield Pause(min(pause, max(0.0, begin + timeout_s - time.monotonic())))


def job_done(job: str, told: Progress, timeout_s: float, patience_s: float) -> Call[Json]:
    """Waits until a staging job rests."""
    path = path_of("staging-jobs", job)
    return (yield from until(path, lambda view: view["phase"] in AT_REST, told, timeout_s, f"the staging job `{job}`", patience_s))


def lab_ready(datalab: str, told: Progress, timeout_s: float, patience_s: float) -> Call[Json]:
    """Waits until a datalab can be opened, or has ended."""
    path = path_of("datalabs", datalab)
    return (yield from until(path, lambda view: bool(view["ready"]) or view["phase"] in ENDED, told, timeout_s, f"the datalab `{datalab}`", patience_s))


def given(**values: Any) -> Json:
    """What was given; what is None is left to the service."""
    return {name: value for name, value in values.items() if value is not None}


def texts(query: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Parameters of an address; a list stands once for each of its values."""
    pairs = []
    for name, value in query.items():
        for one in value if isinstance(value, (list, tuple)) else [value]:
            pairs.append((name, str(one)))
    return pairs
