"""The text of a GNSS file: every layer of compression is recognised by its first bytes, never by the name."""

import bz2
import importlib
import io
import os
import subprocess
import zipfile
import zlib
from pathlib import Path
from typing import Any

FilePath = str | os.PathLike[str]

MAX_BYTES = 2**30
"""No file may unpack to more; a day at 1 s of all constellations is about 0.8 GB."""

CRINEX_VERSIONS = ("1.0", "3.0")


class GnssError(ValueError):
    """A file that cannot be read; the text is a sentence that names the file."""


def read_bytes(path: FilePath) -> bytes:
    """The RINEX, SP3 or IONEX text of a file, unpacked, ``\\n`` at the ends of lines.

    Raises :class:`GnssError` for an empty or broken file, one too large, or a Hatanaka version that is not known.
    """
    path = Path(path)
    data = path.read_bytes()
    for _ in range(4):  # a layer in a layer occurs, five do not
        unpacked = _unpack(data, path.name)
        if unpacked is None:
            break
        data = unpacked
    if not data.strip():
        raise GnssError(f"`{path.name}` is empty.")
    if data[60:80].startswith(b"CRINEX VERS"):
        data = _from_hatanaka(data, path.name)
    return data.replace(b"\r\n", b"\n") if b"\r" in data[:2000] else data


def _unpack(data: bytes, name: str) -> bytes | None:
    """One layer less, or None when there is none."""
    try:
        if data[:2] == b"\x1f\x8b":
            return _gunzip(data, name)
        if data[:3] == b"BZh":
            return _bunzip(data, name)
        if data[:2] == b"\x1f\x9d":
            return _unlzw(data, name)
        if data[:4] == b"PK\x03\x04":
            return _unzip(data, name)
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise GnssError(f"`{name}` cannot be unpacked: {error}.") from error
    return None


def _gunzip(data: bytes, name: str) -> bytes:
    pieces, size = [], 0
    while data[:2] == b"\x1f\x8b":  # members may follow one another
        decoder = zlib.decompressobj(31)
        pieces.append(decoder.decompress(data, MAX_BYTES + 1 - size))
        size += len(pieces[-1])
        _whole(b"", decoder.eof and size <= MAX_BYTES, name)
        data = decoder.unused_data
    return b"".join(pieces)


def _bunzip(data: bytes, name: str) -> bytes:
    pieces, size = [], 0
    while data[:3] == b"BZh":  # streams may follow one another, as those that pack in parallel write them
        decoder = bz2.BZ2Decompressor()
        pieces.append(decoder.decompress(data, MAX_BYTES + 1 - size))
        size += len(pieces[-1])
        _whole(b"", decoder.eof and size <= MAX_BYTES, name)
        data = decoder.unused_data
    return b"".join(pieces)


def _unzip(data: bytes, name: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [member for member in archive.infolist() if not member.is_dir()]
        if len(members) != 1:
            raise GnssError(f"`{name}` holds {len(members)} files; one was expected.")
        if members[0].file_size > MAX_BYTES:
            raise GnssError(f"`{name}` unpacks to more than {MAX_BYTES:,} bytes.")
        return archive.read(members[0])


def _whole(data: bytes, is_whole: bool, name: str) -> bytes:
    if not is_whole:
        raise GnssError(f"`{name}` ends too early, or unpacks to more than {MAX_BYTES:,} bytes.")
    return data


def _unlzw(data: bytes, name: str) -> bytes:
    """Unix compress (LZW), by the package ``ncompress``."""
    try:
        ncompress: Any = importlib.import_module("ncompress")
    except ImportError:
        raise GnssError(f"`{name}` is compressed by Unix compress; the package `ncompress` is needed to read it.") from None
    try:
        return bytes(ncompress.decompress(data))
    except ValueError as error:
        raise GnssError(f"`{name}` cannot be unpacked: {error}.") from error


def _from_hatanaka(data: bytes, name: str) -> bytes:
    version = data[:20].strip().decode("ascii", "replace")
    if version not in CRINEX_VERSIONS:
        raise GnssError(f"`{name}` is compressed by Hatanaka's method, version {version}; known are {' and '.join(CRINEX_VERSIONS)}.")
    try:
        hatanaka: Any = importlib.import_module("hatanaka")
    except ImportError:
        raise GnssError(f"`{name}` is compressed by Hatanaka's method; the package `hatanaka` is needed to read it.") from None
    try:
        return bytes(hatanaka.crx2rnx(data))
    except (hatanaka.HatanakaException, subprocess.SubprocessError, ValueError, OSError) as error:
        raise GnssError(f"`{name}` cannot be unpacked by Hatanaka's method: {error}.") from error


def kind_of(path: FilePath) -> str:
    """What a file is by its own words: ``OBS``, ``NAV``, ``CLK``, ``ORB``, ``GIM``, ``ANTEX``, or another word of its header."""
    return kind(read_bytes(path))


def kind(data: bytes) -> str:
    line = next((line for line in data[:4000].decode("latin-1").splitlines() if line.strip()), "")
    if line[:1] == "#" and line[1:2] in "abcd":
        return "ORB"
    if "IONEX VERSION" in line:
        return "GIM"
    if "ANTEX VERSION" in line:
        return "ANTEX"
    if "RINEX VERSION" not in line:
        return "unknown"
    letter, system = line[20:21].upper(), line[40:41].upper()
    if letter == "O" or "OBSERVATION" in line[:60].upper():
        return "DORIS" if system == "D" else "OBS"
    if letter == "C" or "CLOCK" in line[:60].upper() or line[21:22] == "C":
        return "CLK"
    if "NAV" in line[:60].upper() or letter in "NGHEJ":
        return "NAV"
    return "MET" if letter == "M" else "unknown"


def header_lines(data: bytes, name: str, label_columns: tuple[int, int] = (60, 80)) -> tuple[list[tuple[str, str]], int]:
    """The header as (value, label) pairs, and where the body begins."""
    end = data.find(b"END OF HEADER")
    if end < 0:
        raise GnssError(f"`{name}` has no line `END OF HEADER`.")
    stop = data.find(b"\n", end)
    stop = len(data) if stop < 0 else stop + 1
    first, last = label_columns
    lines = data[:stop].decode("latin-1").split("\n")
    return [(line[:first], line[first:last].strip()) for line in lines], stop
