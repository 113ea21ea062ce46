"""Numbers of things in words."""


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
