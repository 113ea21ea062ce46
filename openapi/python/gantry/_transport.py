"""One request and its answer over HTTP, with limits on time and size. Standard library only.

Redirects are not followed, so that a token goes to the service it was given for and nowhere else.
"""

from __future__ import annotations

import http.client
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field

from gantry._errors import NotConfigured, NotUnderstood, Unreachable

MAX_ANSWER_BYTES = 64 * 2**20
LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Ask:
    """A request: an absolute path with its query, and what goes with it."""

    method: str
    path: str
    body: bytes | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """What came back; the names of ``headers`` are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class Secret:
    """A token that no ``repr``, traceback or message shows."""

    def __init__(self, text: str) -> None:
        self._text = text.strip()

    def __repr__(self) -> str:
        return "<token>"

    def sign(self, request: urllib.request.Request) -> None:
        if not self._text.isascii() or not self._text.isprintable() or " " in self._text:
            raise NotConfigured("the token holds a letter that no token has; give it as the service showed it")
        request.add_unredirected_header("Authorization", f"Bearer {self._text}")

    def out_of(self, text: str) -> str:
        return text.replace(self._text, "<token>")


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


class Connection:
    """Where the service is and who asks. What is not given is taken from ``GANTRY_URL`` and ``GANTRY_TOKEN`` when asked."""

    def __init__(self, url: str | None, secret: Secret | None, timeout_s: float) -> None:
        self._url = None if url is None else _checked(url)
        self._secret = secret
        self.timeout_s = timeout_s

    def __repr__(self) -> str:
        return f"{getattr(self, '_url', None) or _told('GANTRY_URL') or 'no service'!r}"

    @property
    def url(self) -> str:
        """The address of the service, without a slash at its end."""
        url = self._url or _told("GANTRY_URL")
        if not url:
            raise NotConfigured(
                "GANTRY_URL and GANTRY_TOKEN are not set, so this Python was not started by Gantry; "
                "set them, or use gantry.Client(url, token) with your service and a token of yours"
            )
        return _checked(url)

    @property
    def is_of_this_lab(self) -> bool:
        """Whether this is the service that started this lab, so that ``GANTRY_VOLUMES`` is about its volumes."""
        here = _told("GANTRY_URL")
        return self._url is None or (bool(here) and _checked(here) == self._url)

    def send(self, ask: Ask) -> Answer:
        """Sends a request and reads the whole answer, whatever its status.

        Raises :class:`Unreachable` when there is none in time, and :class:`NotConfigured`.
        """
        url, secret = self.url, self._token()
        request = urllib.request.Request(_join(url, ask.path), data=ask.body, method=ask.method, headers=dict(ask.headers))
        request.add_header("User-Agent", "gantry-client")
        if ask.body is not None:
            request.add_header("Content-Type", "application/json")
        if secret:
            secret.sign(request)
        answer, trouble = _exchange(request, self.timeout_s)
        if answer is None:  # raised here, so that no frame below, which holds the headers, is in the traceback
            trouble = secret.out_of(trouble) if secret else trouble
            raise Unreachable(f"the service at {url} cannot be asked: {trouble}")
        return answer

    def _token(self) -> Secret | None:
        if self._secret:
            return self._secret
        token = _told("GANTRY_TOKEN") if self.is_of_this_lab else ""
        return Secret(token) if token else None


def _join(url: str, path: str) -> str:
    """The address of a path of the interface; one that the service named holds the path it lies below already."""
    base = urllib.parse.urlsplit(url).path
    return url + (path.removeprefix(base) if path.startswith(f"{base}/api/v1/") else path)


def _exchange(request: urllib.request.Request, timeout_s: float) -> tuple[Answer | None, str]:
    """The answer, or why there is none."""
    deadline = time.monotonic() + timeout_s
    try:
        try:
            reply = _opener(request.host).open(request, timeout=timeout_s)
        except urllib.error.HTTPError as error:
            reply = error
        with reply:
            pieces, size = [], 0
            while piece := reply.read1(2**16):
                pieces.append(piece)
                size += len(piece)
                if size > MAX_ANSWER_BYTES:
                    return None, f"its answer is longer than {MAX_ANSWER_BYTES:,} bytes"
                if time.monotonic() > deadline:
                    return None, f"its answer did not end within {timeout_s:g} s"
            stated = reply.headers.get("Content-Length")
            if stated and stated.isdigit() and size < int(stated):
                return None, "its answer was cut short"
            # A head that was cut announces no body, and there is none.
            if not stated and not size and reply.status != 204 and "Transfer-Encoding" not in reply.headers:
                return None, "its answer was cut short"
            return Answer(reply.status, {name.lower(): value for name, value in reply.headers.items()}, b"".join(pieces)), ""
    except TimeoutError:
        return None, f"it did not answer within {timeout_s:g} s"
    except urllib.error.URLError as error:
        is_late = isinstance(error.reason, TimeoutError)
        return None, f"it did not answer within {timeout_s:g} s" if is_late else str(error.reason)
    except (OSError, http.client.HTTPException, ValueError) as error:
        return None, str(error) or type(error).__name__


def _opener(host: str) -> urllib.request.OpenerDirector:
    """Follows no redirect, opens nothing but HTTP, and asks no proxy for this machine itself."""
    opener = urllib.request.OpenerDirector()
    is_here = (urllib.parse.urlsplit(f"//{host}").hostname or "") in LOOPBACK
    handlers: list[urllib.request.BaseHandler] = [
        urllib.request.HTTPHandler(), urllib.request.HTTPSHandler(), urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPDefaultErrorHandler(), _NoRedirects(), urllib.request.ProxyHandler({} if is_here else None),
    ]  # fmt: skip
    for handler in handlers:
        opener.add_handler(handler)
    return opener


def _told(name: str) -> str:
    return os.environ.get(name, "").strip()


def _checked(url: str) -> str:
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise NotConfigured("the address of the service must begin with http:// or https:// and name a host")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise NotConfigured("the address of the service holds a login, a `?` or a `#`; give only where it is, and the token apart from it")
    return url.rstrip("/")


def address_of(next_page: str) -> str:
    """A relative address as the service gives it; one that leads elsewhere is refused, since the token would go there."""
    if not next_page.startswith("/") or next_page.startswith("//") or any(letter <= " " for letter in next_page):
        raise NotUnderstood("the service named a next page that is not its own")
    return next_page
