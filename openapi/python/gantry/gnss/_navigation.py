"""Broadcast navigation: RINEX 2, 3 and 4, and where it puts the satellites."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gantry.gnss._geometry import ROTATION_RAD_S
from gantry.gnss._text import FilePath, GnssError, header_lines, kind, read_bytes
from gantry.gnss._time import GPS_ZERO, full_year, instant_of, to_gpst

GRAVITY_M3_S2 = {"G": 3.986005e14, "J": 3.986005e14, "I": 3.986005e14, "E": 3.986004418e14, "C": 3.986004418e14}
ROTATION = {"C": 7.2921150e-5}
KEPLER_MESSAGES = {"LNAV", "INAV", "FNAV", "D1", "D2"}
N_VALUES = {"R": 15, "S": 15}
MAX_AGE_S = {"R": 2700, "S": 1800}

# Places in a Keplerian record after the three clock terms, by ICD-GPS-200 and RINEX 3, table A6 and those after it.
CRS, DELTA_N, M0, CUC, ECC, CUS, SQRT_A, TOE, CIC, OMEGA0, CIS, I0, CRC, OMEGA, OMEGA_DOT, I_DOT, WEEK = (
    4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 21)


@dataclass
class Ephemeris:
    """One message of one satellite."""

    satellite: str
    message: str
    toc: np.datetime64  # GPST
    values: np.ndarray  # as in the record, from the clock bias on


@dataclass
class Navigation:
    """A RINEX navigation file."""

    name: str
    version: str
    ephemerides: list[Ephemeris]
    notes: list[str]

    @property
    def satellites(self) -> list[str]:
        """The satellites that have an ephemeris."""
        return sorted({ephemeris.satellite for ephemeris in self.ephemerides})

    def position_at(self, satellite: str, times: np.ndarray) -> np.ndarray:
        """Earth-fixed positions in metres, (times, 3), by the nearest message; NaN when none is near enough."""
        mine = [ephemeris for ephemeris in self.ephemerides if ephemeris.satellite == satellite]
        places = np.full((len(times), 3), np.nan)
        if not mine:
            return places
        tocs = np.array([ephemeris.toc for ephemeris in mine])
        age_s = (times[:, None] - tocs) / np.timedelta64(1, "s")
        nearest = np.abs(age_s).argmin(axis=1)
        for number in np.unique(nearest):
            limit_s = MAX_AGE_S.get(satellite[0], 4 * 3600)
            chosen = np.flatnonzero((nearest == number) & (np.abs(age_s[:, number]) <= limit_s))
            if chosen.size:
                locate = _from_state if satellite[0] in "RS" else _from_kepler
                places[chosen] = locate(mine[number], times[chosen])
        return places


def read_navigation(path: FilePath) -> Navigation:
    """Reads a RINEX navigation file, packed or not.

    Of RINEX 4 the messages LNAV, INAV, FNAV, D1, D2, FDMA and SBAS are kept; others are counted in ``notes``.
    Raises :class:`GnssError` when it is another kind of file or holds no ephemeris.
    """
    name = Path(path).name
    data = read_bytes(path)
    if (what := kind(data)) != "NAV":
        raise GnssError(f"`{name}` is no RINEX navigation file: it is of the kind {what}.")
    header, start = header_lines(data, name)
    first = header[0][0]
    version = first[:9].strip()
    letter = {"N": "G", "G": "R", "H": "S", "E": "E"}.get(first[20:21].upper(), "G")
    lines = data[start:].decode("latin-1").replace("D", "E").split("\n") if version < "4" else data[start:].decode("latin-1").split("\n")
    split = _split_4 if version >= "4" else _split_3 if version >= "3" else _split_2
    made: list[Ephemeris] = []
    skipped: dict[str, int] = {}
    n_bad = 0
    for message, record in split(lines, letter):
        if message and message not in KEPLER_MESSAGES | {"FDMA", "SBAS"}:
            skipped[message] = skipped.get(message, 0) + 1
            continue
        try:
            made.append(_ephemeris(record, message, version < "3", letter))
        except (ValueError, IndexError):
            n_bad += 1
    if not made:
        raise GnssError(f"`{name}` holds no ephemeris that can be read.")
    notes = [f"{count} messages {message} are not used" for message, count in skipped.items()]
    notes += [f"{n_bad} records cannot be read"] if n_bad else []
    return Navigation(name, version, made, notes)


def _split_2(lines: list[str], letter: str) -> Iterator[tuple[str, list[str]]]:
    size = 4 if letter in "RS" else 8
    lines = [line for line in lines if line.strip()]
    for start in range(0, len(lines), size):
        yield "", lines[start:start + size]


def _split_3(lines: list[str], _letter: str) -> Iterator[tuple[str, list[str]]]:
    record: list[str] = []
    for line in lines:
        if re.match(r"[GRECJIS][ \d]\d ", line):
            if record:
                yield "", record
            record = []
        if line.strip():
            record.append(line)
    if record:
        yield "", record


def _split_4(lines: list[str], _letter: str) -> Iterator[tuple[str, list[str]]]:
    record: list[str] = []
    message: str | None = None
    for line in lines + ["> END"]:
        if line[:1] == ">":
            if record and message:
                yield message, [part.replace("D", "E") for part in record]
            parts = line.split()
            record, message = [], parts[3] if len(parts) > 3 and parts[1] == "EPH" else None
        elif line.strip():
            record.append(line)


def _ephemeris(record: list[str], message: str, is_version_2: bool, letter: str) -> Ephemeris:
    head, indent = record[0], 3 if is_version_2 else 4
    if is_version_2:
        satellite, stamp, first = f"{letter}{int(head[:2]):02d}", head[2:22], head[22:]
        parts = stamp.split()
        parts[0] = str(full_year(int(parts[0])))
    else:
        satellite, parts, first = f"{head[0]}{int(head[1:3]):02d}", head[4:23].split(), head[23:]
    # Some write a minute of 60.0 seconds.
    toc = np.datetime64(instant_of([*parts[:5], "0"]) + round(float(parts[5]) * 1e9), "ns")
    scale = {"R": "GLO", "C": "BDT"}.get(satellite[0], "GPS")
    texts = [first] + [line[indent:] for line in record[1:]]
    values = [text[place:place + 19].strip() for text in texts for place in range(0, 19 * (3 if text is first else 4), 19)]
    numbers = np.array([float(value) if value else np.nan for value in values])
    needed = 15 if satellite[0] in "RS" else 22
    if numbers.size < min(needed, 22):
        raise ValueError("too few values")
    return Ephemeris(satellite, message, to_gpst(np.array([toc]), scale)[0], numbers)


def _from_kepler(ephemeris: Ephemeris, times: np.ndarray) -> np.ndarray:
    v, letter = ephemeris.values, ephemeris.satellite[0]
    # The clock terms are three values, and IODE stands at place 3.
    mu, rotation = GRAVITY_M3_S2[letter], ROTATION.get(letter, ROTATION_RAD_S)
    toe_s = _near_toe(ephemeris)
    t = (times - toe_s) / np.timedelta64(1, "s")
    a = v[SQRT_A] ** 2
    mean = v[M0] + (np.sqrt(mu / a**3) + v[DELTA_N]) * t
    eccentric = mean.copy()
    for _ in range(10):
        eccentric = mean + v[ECC] * np.sin(eccentric)
    true = np.arctan2(np.sqrt(1 - v[ECC] ** 2) * np.sin(eccentric), np.cos(eccentric) - v[ECC])
    phi = true + v[OMEGA]
    u = phi + v[CUS] * np.sin(2 * phi) + v[CUC] * np.cos(2 * phi)
    r = a * (1 - v[ECC] * np.cos(eccentric)) + v[CRS] * np.sin(2 * phi) + v[CRC] * np.cos(2 * phi)
    i = v[I0] + v[I_DOT] * t + v[CIS] * np.sin(2 * phi) + v[CIC] * np.cos(2 * phi)
    x, y = r * np.cos(u), r * np.sin(u)
    is_geostationary = letter == "C" and (int(ephemeris.satellite[1:]) <= 5 or int(ephemeris.satellite[1:]) >= 59)
    node = v[OMEGA0] + v[OMEGA_DOT] * t - rotation * v[TOE] - (0 if is_geostationary else rotation * t)
    place = np.stack([x * np.cos(node) - y * np.cos(i) * np.sin(node), x * np.sin(node) + y * np.cos(i) * np.cos(node), y * np.sin(i)], axis=-1)
    return _geostationary(place, rotation * t) if is_geostationary else place


def _near_toe(ephemeris: Ephemeris) -> np.datetime64:
    """The reference time of the orbit, GPST: seconds of week, in the week in which it is nearest to the clock's time."""
    toe = ephemeris.values[TOE] + (14 if ephemeris.satellite[0] == "C" else 0)
    toc_s = (ephemeris.toc - GPS_ZERO) / np.timedelta64(1, "s")
    week = np.round((toc_s - toe) / 604800)
    return GPS_ZERO + np.timedelta64(round((week * 604800 + toe) * 1e9), "ns")


def _geostationary(place: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """BeiDou's geostationary satellites, whose orbit is told in a frame tilted by −5°; source: BDS-SIS-ICD B1I 3.0, table 5-11."""
    tilt = np.radians(-5)
    x, y, z = place[:, 0], place[:, 1] * np.cos(tilt) + place[:, 2] * np.sin(tilt), -place[:, 1] * np.sin(tilt) + place[:, 2] * np.cos(tilt)
    return np.stack([x * np.cos(turn) + y * np.sin(turn), -x * np.sin(turn) + y * np.cos(turn), z], axis=-1)


def _from_state(ephemeris: Ephemeris, times: np.ndarray) -> np.ndarray:
    """GLONASS and SBAS: position, velocity and acceleration of the Moon and Sun, carried on by Runge and Kutta's method."""
    v = ephemeris.values
    state = np.array([v[3], v[7], v[11], v[4], v[8], v[12]]) * 1e3
    pull = np.array([v[5], v[9], v[13]]) * 1e3
    ages = (times - ephemeris.toc) / np.timedelta64(1, "s")
    states = np.repeat(state[None], ages.size, axis=0)
    n_steps = max(1, int(np.ceil(np.abs(ages).max() / 60)))
    h = (ages / n_steps)[:, None]
    for _ in range(n_steps):
        k1 = _motion(states, pull)
        k2 = _motion(states + h / 2 * k1, pull)
        k3 = _motion(states + h / 2 * k2, pull)
        k4 = _motion(states + h * k3, pull)
        states = states + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return states[:, :3]


def _motion(states: np.ndarray, pull: np.ndarray) -> np.ndarray:
    """The equations of motion in the turning frame; source: GLONASS ICD 5.1, appendix 3."""
    mu, a, j2, w = 3.986004418e14, 6378136.0, 1.0826257e-3, 7.292115e-5
    x, y, z, vx, vy, vz = states.T
    r2 = x * x + y * y + z * z
    r3 = r2 * np.sqrt(r2)
    k = 1.5 * j2 * mu * a**2 / (r2 * r3)
    q = 5 * z * z / r2
    ax = -mu / r3 * x - k * x * (1 - q) + w * w * x + 2 * w * vy
    ay = -mu / r3 * y - k * y * (1 - q) + w * w * y - 2 * w * vx
    az = -mu / r3 * z - k * z * (3 - q)
    return np.stack([vx, vy, vz, ax + pull[0], ay + pull[1], az + pull[2]], axis=-1)
