"""How far something is, as it goes: a bar by tqdm where that is installed, plain lines otherwise."""

from __future__ import annotations

import importlib
import sys
import time
from typing import Any

from gantry._words import counted, sized

LINE_EVERY_S = 5.0


class Silent:
    """Tells nothing."""

    def update(self, view: dict[str, Any]) -> None: ...
    def note(self, text: str) -> None: ...
    def close(self) -> None: ...


class Lines:
    """A line when something changes, at most one in five seconds, and one at the end."""

    def __init__(self, every_s: float = LINE_EVERY_S) -> None:
        self._every_s = every_s
        self._said = ""
        self._last = time.monotonic()
        self._now = ""

    def update(self, view: dict[str, Any]) -> None:
        self._now = line_of(view)
        self._say(self._now)

    def note(self, text: str) -> None:
        if text != self._now:
            self._now = text
            print(text, flush=True)
            self._last = time.monotonic()

    def close(self) -> None:
        if self._now and self._now != self._said:
            print(self._now, flush=True)

    def _say(self, text: str) -> None:
        if text != self._said and time.monotonic() - self._last >= self._every_s:
            print(text, flush=True)
            self._said, self._last = text, time.monotonic()


class Bar:
    """A bar over bytes, or over files where their size is not known."""

    def __init__(self, tqdm: Any) -> None:
        self._tqdm = tqdm
        self._bar: Any = None

    def update(self, view: dict[str, Any]) -> None:
        if "bytes" not in view:
            self._show(view, 0, None, "it")
        elif view["bytes"]["total"]:
            self._show(view, view["bytes"]["done"], view["bytes"]["total"], "B")
        else:
            files = view["files"]
            self._show(view, files["total"] - files["waiting"], files["total"], "file")

    def note(self, text: str) -> None:
        if self._bar is not None:
            self._bar.set_postfix_str(text[:100])
        else:
            print(text, flush=True)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()

    def _show(self, view: dict[str, Any], done: int, total: int | None, unit: str) -> None:
        if self._bar is None:
            self._bar = self._tqdm(total=total, unit=unit, unit_scale=unit == "B", file=sys.stdout, desc=subject_of(view), mininterval=0.1)
        self._bar.total = total
        self._bar.n = done
        waits = [cause["text"] for cause in view.get("waiting_for") or []]
        self._bar.set_postfix_str(waits[0][:80] if waits else files_of(view), refresh=False)
        self._bar.refresh()


def shown(wanted: bool) -> Silent | Lines | Bar:
    """The bar of this machine: none, or tqdm's, or lines."""
    if not wanted:
        return Silent()
    try:
        tqdm = importlib.import_module("tqdm").tqdm
    except ImportError:
        return Lines()
    return Bar(tqdm)


def subject_of(view: dict[str, Any]) -> str:
    return f"staging into {view['volume']}" if "volume" in view else str(view.get("name", ""))


def files_of(view: dict[str, Any]) -> str:
    files = view.get("files")
    if not isinstance(files, dict):
        return str(view.get("phase", ""))
    bad = [f"{files[word]:,} {word}" for word in ("skipped", "failed") if files[word]]
    return ", ".join([f"{files['staged'] + files['present']:,} of {counted(files['total'], 'file')}", *bad])


def line_of(view: dict[str, Any]) -> str:
    """How far a job or a datalab is, in a line."""
    parts = [files_of(view)]
    if "bytes" in view and view["bytes"]["total"]:
        parts.append(f"{sized(view['bytes']['done'])} of {sized(view['bytes']['total'])}")
    if view.get("bytes_per_second"):
        parts.append(f"{sized(view['bytes_per_second'])}/s")
    parts += [f"waiting: {cause['text']}" for cause in view.get("waiting_for") or []]
    return f"{subject_of(view)}: {', '.join(parts)}"
