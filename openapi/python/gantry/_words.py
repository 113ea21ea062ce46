"""Numbers of things in words."""

from collections.abc import Iterable, Mapping
from typing import Any

SHOWN_SERIES, SHOWN_DAYS = 20, 15


def counted(n: int, noun: str, plural: str | None = None) -> str:
    """``1 file``, ``2 files``, ``1,024 files``; ``plural`` where it is not the noun with an s."""
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}"


def sized(n_bytes: int) -> str:
    """A size in the unit that suits it: ``812 bytes``, ``14.2 kB``, ``2.1 GB``; powers of ten."""
    if n_bytes < 1000:
        return counted(n_bytes, "byte")
    size = float(n_bytes)
    for unit in ("kB", "MB", "GB"):
        size /= 1000
        if round(size, 1) < 1000:
            return f"{size:,.1f} {unit}"
    return f"{size / 1000:,.1f} TB"


def gaps_told(gaps: Iterable[Mapping[str, Any]]) -> str:
    """Which days of which station or product are missing, and why: ``BRUX00BEL 2023-017, 2023-018 (not at the archive)``."""
    days: dict[tuple[str, str], list[str]] = {}
    for gap in gaps:
        named = [str(gap[key]) for key in ("station", "solution", "content") if gap.get(key)] or [str(gap.get("series") or "unknown")]
        days.setdefault((" ".join(named), str(gap["reason"]).replace("-", " ")), []).append(str(gap["day"]))
    told = []
    for (name, reason), missing in list(days.items())[:SHOWN_SERIES]:
        more = f" and {counted(len(missing) - SHOWN_DAYS, 'day')} more" if len(missing) > SHOWN_DAYS else ""
        told.append(f"{name} {', '.join(missing[:SHOWN_DAYS])}{more} ({reason})")
    return "; ".join(told) + (f"; and {counted(len(days) - SHOWN_SERIES, 'series', 'series')} more" if len(days) > SHOWN_SERIES else "")
