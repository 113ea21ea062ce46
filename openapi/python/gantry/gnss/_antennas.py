"""Antenna calibrations: ANTEX 1."""

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from gantry.gnss._text import FilePath, GnssError, header_lines, kind, read_bytes
from gantry.gnss._time import instant_of

MAX_ANTENNAS = 20_000
SATELLITE = re.compile(r"[GRECJIS]\d\d")
"""What stands for the serial number of a satellite's antenna: its constellation and number."""


@dataclass
class Signal:
    """The phase centre of an antenna at one frequency, in millimetres."""

    offset_mm: np.ndarray  # north, east, up of a receiver; x, y, z of a satellite
    zenith_deg: np.ndarray  # the zenith angle; of a satellite, the nadir angle
    variation_mm: np.ndarray  # without dependence on the azimuth


@dataclass
class Antenna:
    """One calibration. ``serial`` is the satellite (``E04``), or the serial number of a receiver's antenna."""

    type: str
    serial: str
    is_satellite: bool
    method: str = ""
    valid_from: np.datetime64 | None = None
    valid_until: np.datetime64 | None = None
    model: str = ""
    signals: dict[str, Signal] = field(default_factory=dict)


@dataclass
class Calibrations:
    """An ANTEX file; ``kind`` is A for absolute values, R for relative ones."""

    name: str
    version: str
    kind: str
    model: str
    antennas: list[Antenna]
    notes: list[str]


def read_antennas(path: FilePath) -> Calibrations:
    """Reads an ANTEX file, packed or not; variations with the azimuth are left out.

    Raises :class:`GnssError` when it is another kind of file or holds no antenna.
    """
    name = Path(path).name
    data = read_bytes(path)
    if (what := kind(data)) != "ANTEX":
        raise GnssError(f"`{name}` is no ANTEX file: it is of the kind {what}.")
    header, start = header_lines(data, name)
    values = {label: value for value, label in reversed(header)}
    antennas, notes = _antennas(data[start:].decode("latin-1").split("\n"), name)
    if not antennas:
        raise GnssError(f"`{name}` holds no antenna.")
    return Calibrations(
        name=name, version=values.get("ANTEX VERSION / SYST", "")[:8].strip(), kind=values.get("PCV TYPE / REFANT", "A")[:1],
        model=next((one.model for one in antennas if one.model), ""), antennas=antennas, notes=notes,
    )


def _antennas(lines: list[str], name: str) -> tuple[list[Antenna], list[str]]:
    """The antennas and what is to be noted of them; one that the next follows without its end is read as far as it goes."""
    blocks: list[list[str]] = []
    is_open, n_unended = False, 0
    for line in lines:
        label = line[60:80].strip()
        if label == "START OF ANTENNA":
            n_unended += is_open
            blocks.append([])
            is_open = True
            if len(blocks) > MAX_ANTENNAS:
                raise GnssError(f"`{name}` holds more than {MAX_ANTENNAS:,} antennas.")
        elif label == "END OF ANTENNA":
            is_open = False
        elif is_open:
            blocks[-1].append(line)
    n_unended += is_open
    made, n_bad = [], 0
    for block in blocks:
        try:
            made.append(_antenna(block))
        except (ValueError, IndexError, KeyError):
            n_bad += 1
    notes = [f"{n_unended} of {len(blocks)} antennas have no line `END OF ANTENNA`: the file may be cut"] if n_unended else []
    return made, notes + ([f"{n_bad} of {len(blocks)} antennas cannot be read"] if n_bad else [])


def _antenna(block: list[str]) -> Antenna:
    values = {line[60:80].strip(): line for line in reversed(block)}
    head = values["TYPE / SERIAL NO"]
    serial = head[20:40].strip()
    first, last, step = (float(part) for part in values["ZEN1 / ZEN2 / DZEN"][:60].split()[:3])
    zenith = first + step * np.arange(round((last - first) / step) + 1)
    antenna = Antenna(
        type=" ".join(head[:20].split()), serial=serial, is_satellite=bool(SATELLITE.fullmatch(serial)),
        method=values.get("METH / BY / # / DATE", "")[:20].strip(), model=values.get("SINEX CODE", "")[:10].strip(),
        valid_from=_time(values.get("VALID FROM")), valid_until=_time(values.get("VALID UNTIL")),
    )
    frequency, offset = None, None
    for line in block:
        label = line[60:80].strip()
        if label == "START OF FREQUENCY":
            frequency, offset = line[3:6].strip(), None
        elif label == "NORTH / EAST / UP" and frequency:
            offset = np.array([float(part) for part in line[:60].split()[:3]])
        elif line[:8].strip() == "NOAZI" and frequency and offset is not None:
            variation = np.array([float(part) for part in line[8:].split()])
            if variation.size != zenith.size:
                raise ValueError("another number of values than angles")
            antenna.signals[frequency] = Signal(offset, zenith, variation)
        elif label in ("END OF FREQUENCY", "START OF FREQ RMS"):
            frequency = None
    return antenna


def _time(line: str | None) -> np.datetime64 | None:
    if line is None:
        return None
    return np.datetime64(instant_of(line[:43].split()), "ns")
