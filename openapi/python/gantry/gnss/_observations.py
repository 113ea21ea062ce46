"""RINEX observations, versions 2, 3 and 4."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from gantry.gnss._text import FilePath, GnssError, header_lines, kind, read_bytes
from gantry.gnss._time import full_year, instant, instant_of, to_gpst

SYSTEMS = {"G": "GPS", "R": "GLONASS", "E": "Galileo", "C": "BeiDou", "J": "QZSS", "I": "NavIC", "S": "SBAS"}

WEIGHTS = np.array([10.0**power for power in range(12, 2, -1)] + [0.0, 100.0, 10.0, 1.0])  # of F14.3, in thousandths
ROWS_AT_ONCE = 20_000

Lines = list[tuple[str, str]]
OneSystem = tuple[list[str], np.ndarray, np.ndarray, np.ndarray]  # codes, epochs, numbers of satellites, values
Found = dict[str, OneSystem]


@dataclass
class Rows:
    """The observations of one constellation: a row is one satellite at one epoch."""

    codes: list[str]
    epoch: np.ndarray  # index into Observations.epochs
    satellite: np.ndarray  # index into Observations.satellites
    values: np.ndarray  # (rows, codes), NaN where there is none


@dataclass
class Observations:
    """A RINEX observation file."""

    name: str
    version: str
    marker: str
    number: str
    receiver: str
    antenna: str
    position_m: np.ndarray | None
    interval_s: float | None
    time_scale: str
    codes: dict[str, list[str]]
    epochs: np.ndarray = field(default_factory=lambda: np.zeros(0, "datetime64[ns]"))
    satellites: list[str] = field(default_factory=list)
    rows: dict[str, Rows] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def step_s(self) -> float:
        """The interval of the header, or the most frequent step between epochs; 30 s when there is only one epoch."""
        if self.interval_s:
            return self.interval_s
        steps = np.diff(np.unique(self.epochs)).astype("int64")
        if not steps.size:
            return 30.0
        found, n_found = np.unique(steps, return_counts=True)
        return float(found[n_found.argmax()] / 1e9)

    def seen(self) -> np.ndarray:
        """Whether a satellite gave any value at an epoch: (satellites, epochs)."""
        seen = np.zeros((len(self.satellites), self.epochs.size), dtype=bool)
        for rows in self.rows.values():
            has = np.isfinite(rows.values).any(axis=1)
            seen[rows.satellite[has], rows.epoch[has]] = True
        return seen


def read_observations(path: FilePath, kinds: str = "CLDSP", every: int = 1) -> Observations:
    """Reads a RINEX observation file, packed or not.

    ``kinds`` are the first letters of the codes to keep (C and P ranges, L phase in cycles, D Doppler, S signal
    strength); fewer need less memory. ``every`` keeps each so-manieth epoch only, which is faster: the other lines are
    unpacked but not read. A day of all constellations at 30 s takes two to three seconds.

    Raises :class:`GnssError` when it is another kind of file or holds no epoch.
    """
    name = Path(path).name
    data = read_bytes(path)
    what = kind(data)
    if what != "OBS":
        raise GnssError(f"`{name}` holds no RINEX observations of navigation satellites: it is of the kind {what}.")
    lines, start = header_lines(data, name)
    made = _header(lines, name)
    body = np.frombuffer(data, dtype=np.uint8, offset=start)
    ends = np.flatnonzero(body == 10)
    if body.size and body[-1] != 10:
        ends = np.append(ends, body.size)
    starts = np.concatenate([[0], ends[:-1] + 1]) if ends.size else ends
    is_version_2 = made.version.split(".")[0] in ("1", "2")
    read = _read_2 if is_version_2 else _read_3
    times, found = read(made, data, start, body, starts, ends, kinds, every)
    if not times:
        raise GnssError(f"`{name}` holds no epoch that can be read{'; ' + '; '.join(made.notes) if made.notes else ''}.")
    _unscale(lines, found)
    made.epochs = to_gpst(np.array(times, dtype="int64").view("datetime64[ns]"), made.time_scale)
    _number_satellites(made, found)
    return made


def _number_satellites(made: Observations, found: Found) -> None:
    """Turns satellite names of each row into indices into one sorted list."""
    order = {letter: place for place, letter in enumerate(SYSTEMS)}
    names = {(letter, int(number)) for letter, (_, _, numbers, _) in found.items() for number in np.unique(numbers)}
    ordered = sorted(names, key=lambda name: (order.get(name[0], 9), name[1]))
    made.satellites = [f"{letter}{number:02d}" for letter, number in ordered]
    place = {name: index for index, name in enumerate(ordered)}
    for letter, (codes, epoch, numbers, values) in found.items():
        lookup = np.zeros(100, dtype="int32")
        for number in np.unique(numbers):
            lookup[number] = place[letter, int(number)]
        made.rows[letter] = Rows(codes, epoch, lookup[numbers], values)


def _header(lines: Lines, name: str) -> Observations:
    values: dict[str, str] = {}
    for value, label in lines:
        values.setdefault(label, value)
    codes, notes = _codes(lines)
    if not codes:
        raise GnssError(f"`{name}` lists no observation types in its header.")
    version = values.get("RINEX VERSION / TYPE", "")[:20].strip()
    system = values.get("RINEX VERSION / TYPE", "")[40:41].strip().upper() or "G"
    default_scale = {"R": "GLO", "E": "GAL", "C": "BDT"}.get(system, "GPS")
    return Observations(
        name=name,
        version=version,
        marker=values.get("MARKER NAME", "").strip(),
        number=values.get("MARKER NUMBER", "").strip()[:20].strip(),
        receiver=" ".join(values.get("REC # / TYPE / VERS", "")[20:60].split()),
        antenna=" ".join(values.get("ANT # / TYPE", "")[20:40].split()),
        position_m=_position(values.get("APPROX POSITION XYZ", "")),
        interval_s=_number(values.get("INTERVAL", "")[:10]) or None,
        time_scale=values.get("TIME OF FIRST OBS", "")[48:51].strip() or default_scale,
        codes=codes,
        notes=notes,
    )


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _position(text: str) -> np.ndarray | None:
    try:
        position = np.array([float(part) for part in text.split()[:3]])
    except ValueError:
        return None
    return position if position.size == 3 and np.linalg.norm(position) > 6e6 else None  # all zeros means not known


def _codes(lines: Lines) -> tuple[dict[str, list[str]], list[str]]:
    """The codes of each constellation; those of RINEX 2 stand under ``*``."""
    codes: dict[str, list[str]] = {}
    announced: dict[str, int] = {}
    letter = ""
    for value, label in lines:
        if label == "SYS / # / OBS TYPES":
            if value[:1].strip():
                letter = value[0]
                announced[letter] = int(value[3:6].strip() or 0)
            codes.setdefault(letter, []).extend(value[6:60].split())
        elif label == "# / TYPES OF OBSERV":
            if value[:6].strip():
                announced["*"] = int(value[:6])
            codes.setdefault("*", []).extend(value[6:60].split())
    notes = [
        f"the header announces {announced[letter]} observation types{'' if letter == '*' else ' of ' + letter} and lists {len(listed)}"
        for letter, listed in codes.items() if len(listed) != announced.get(letter, len(listed))
    ]
    return codes, notes


def _unscale(lines: Lines, found: Found) -> None:
    """Divides by the factors of `SYS / SCALE FACTOR`, which some receivers use for more decimals; source: RINEX 3.05, table A2."""
    factor, codes = 1.0, found.get("")
    for value, label in lines:
        if label != "SYS / SCALE FACTOR":
            continue
        if value[:1].strip():
            factor, codes = float(value[2:6]), found.get(value[0])
        named = value[10:60].split()
        if codes is not None:
            is_whole = value[:1].strip() and not value[8:10].strip(" 0")
            places = [place for place, code in enumerate(codes[0]) if is_whole or code in named]
            codes[3][:, places] /= factor


def _cells(body: np.ndarray, starts: np.ndarray, ends: np.ndarray, columns: tuple[int, int]) -> np.ndarray:
    """A fixed width of text from each line, blanks where a line is shorter: (lines, columns) of bytes."""
    first, last = columns
    index = starts[:, None] + np.arange(first, last)
    inside = index < ends[:, None]
    return np.asarray(np.where(inside, body[np.minimum(index, body.size - 1)], 32))


def _values(cells: np.ndarray) -> np.ndarray:
    """Numbers of F14.3 from (rows, 14) bytes; NaN where blank, and where the file says 0.000, which means none."""
    digit = (cells >= 48) & (cells <= 57)
    numbers = np.where(digit, cells - 48.0, 0.0) @ WEIGHTS / 1000
    numbers[(cells == 45).any(axis=1)] *= -1
    regular = cells[:, 10] == 46
    numbers[~regular] = np.nan
    for row in np.flatnonzero(~regular & digit.any(axis=1)):
        try:
            numbers[row] = float(cells[row].tobytes())
        except ValueError:
            pass  # stays NaN: a value that cannot be read is none
    numbers[numbers == 0] = np.nan
    return np.asarray(numbers)


def _satellite_numbers(cells: np.ndarray) -> np.ndarray:
    """Numbers from two bytes each, blank or digit; 0 when they are something else."""
    digits = np.where((cells >= 48) & (cells <= 57), cells - 48, 0).astype("int32")
    return np.asarray(digits[:, 0] * 10 + digits[:, 1])


def _read_3(
    made: Observations, data: bytes, offset: int, body: np.ndarray, starts: np.ndarray, ends: np.ndarray, kinds: str, every: int,
) -> tuple[list[int], Found]:  # fmt: skip
    is_epoch = (ends > starts) & (body[np.minimum(starts, max(body.size - 1, 0))] == 62) if body.size else np.zeros(0, bool)
    epoch_lines = np.flatnonzero(is_epoch)
    times: list[int] = []
    place, n_bad, n_epochs = np.full(epoch_lines.size + 1, -1, dtype="int64"), 0, -1
    for number, line in enumerate(epoch_lines):
        text = data[offset + starts[line] + 1:offset + ends[line]].decode("latin-1")
        flag = text[30:31].strip() or "0"
        if flag not in "01":
            continue  # an event, whose lines are no observations
        n_epochs += 1
        if n_epochs % every:
            continue
        try:
            times.append(instant_of(text[:28].split()))
            place[number] = len(times) - 1
        except (ValueError, IndexError):
            n_bad += 1
    if n_bad:
        made.notes.append(f"{n_bad} of {epoch_lines.size} epoch lines cannot be read and were left out with their observations")
    epoch_of_line = place[np.cumsum(is_epoch) - 1] if is_epoch.any() else np.zeros(0, "int64")
    usable = ~is_epoch & (epoch_of_line >= 0) & (ends - starts > 3)
    first = np.where(usable, body[np.minimum(starts, max(body.size - 1, 0))] if body.size else 0, 0)
    found: Found = {}
    for letter, codes in made.codes.items():
        chosen = np.flatnonzero(first == ord(letter))
        if chosen.size:
            found[letter] = _system_rows(body, starts[chosen], ends[chosen], epoch_of_line[chosen], codes, kinds)
    return times, found


def _system_rows(body: np.ndarray, starts: np.ndarray, ends: np.ndarray, epoch: np.ndarray, codes: list[str], kinds: str) -> OneSystem:
    kept = [number for number, code in enumerate(codes) if code[0] in kinds]
    values = np.full((starts.size, len(kept)), np.nan)
    numbers = _satellite_numbers(_cells(body, starts, ends, (1, 3)))
    for begin in range(0, starts.size, ROWS_AT_ONCE):
        rows = slice(begin, begin + ROWS_AT_ONCE)
        for place, number in enumerate(kept):
            values[rows, place] = _values(_cells(body, starts[rows], ends[rows], (3 + 16 * number, 17 + 16 * number)))
    return [codes[number] for number in kept], epoch, numbers, values


def _read_2(
    made: Observations, data: bytes, offset: int, body: np.ndarray, starts: np.ndarray, ends: np.ndarray, kinds: str, every: int,
) -> tuple[list[int], Found]:  # fmt: skip
    lines = data[offset:].decode("latin-1").split("\n")
    codes = made.codes["*"]
    per_satellite = -(-len(codes) // 5)
    times: list[int] = []
    rows: list[tuple[int, str, int]] = []  # epoch, satellite, first line
    n_bad, number, n_epochs = 0, 0, -1
    while number < len(starts):
        head = _epoch_2(lines[number])
        if head is None:
            n_bad += bool(lines[number].strip())
            number += 1
            continue
        time, flag, n_satellites = head
        if flag not in "01":
            number += 1 + n_satellites  # that many lines of an event follow
            continue
        names = lines[number][32:68].ljust(36)
        n_more = max(0, -(-n_satellites // 12) - 1)
        for extra in range(1, n_more + 1):
            names += lines[number + extra][32:68].ljust(36) if number + extra < len(lines) else ""
        number += 1 + n_more
        n_epochs += 1
        if time is None:
            n_bad += 1
        elif n_epochs % every == 0:
            times.append(time)
            rows += [(len(times) - 1, names[3 * n:3 * n + 3], number + n * per_satellite) for n in range(n_satellites)]
        number += n_satellites * per_satellite
    if n_bad:
        made.notes.append(f"{n_bad} lines stand where an epoch was expected and cannot be read as one")
    return times, _rows_2(body, starts, ends, rows, codes, per_satellite, kinds)


def _epoch_2(line: str) -> tuple[int | None, str, int] | None:
    """Time (None when it is no time), flag and number of satellites of an epoch line; None for any other line."""
    flag, count = line[28:29].strip() or "0", line[29:32].strip()
    if not (count.isdigit() and flag.isdigit() and line[:1] == " "):
        return None
    if flag not in "01" and not line[:26].strip():
        return None, flag, int(count)
    try:
        # As in Fortran, blanks within a fixed column do not count.
        year, month, day, hour, minute = (int(line[3 * n:3 * n + 3]) for n in range(5))
        seconds = float(line[15:26].replace(" ", ""))
    except ValueError:
        return None
    try:
        return instant(full_year(year), month, day, hour, minute, seconds), flag, int(count)
    except ValueError:
        return None, flag, int(count)


def _rows_2(
    body: np.ndarray, starts: np.ndarray, ends: np.ndarray, rows: list[tuple[int, str, int]], codes: list[str], per_satellite: int, kinds: str,
) -> Found:  # fmt: skip
    rows = [row for row in rows if row[2] + per_satellite <= starts.size + 1 and row[1][1:].strip().isdigit()]
    kept = [number for number, code in enumerate(codes) if code[0] in kinds]
    found: Found = {}
    for letter in SYSTEMS:
        mine = [row for row in rows if (row[1][0].strip() or "G") == letter]
        if not mine:
            continue
        first = np.array([row[2] for row in mine])
        values = np.full((first.size, len(kept)), np.nan)
        for place, number in enumerate(kept):
            line = np.minimum(first + number // 5, starts.size - 1)
            column = number % 5 * 16
            values[:, place] = _values(_cells(body, starts[line], ends[line], (column, column + 14)))
        numbers = np.array([int(row[1][1:]) for row in mine], dtype="int32")
        found[letter] = ([codes[number] for number in kept], np.array([row[0] for row in mine]), numbers, values)
    return found
