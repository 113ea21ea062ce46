"""Orbits: SP3, versions a to d."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gantry.gnss._names import centre_of
from gantry.gnss._text import FilePath, GnssError, kind, read_bytes
from gantry.gnss._time import instant_of, to_gpst


@dataclass
class Orbits:
    """An SP3 file: positions of satellites at even steps."""

    name: str
    version: str
    agency: str
    stated_frame: str
    time_scale: str
    antenna_model: str | None
    n_epochs_stated: int
    epochs: np.ndarray  # datetime64[ns], GPST
    satellites: list[str]
    position_m: np.ndarray  # (satellites, epochs, 3), NaN where the file has 0.000000
    clock_s: np.ndarray  # (satellites, epochs), NaN where the file has 999999.999999
    is_predicted: np.ndarray  # (satellites, epochs), by the P in column 80
    is_clock_predicted: np.ndarray  # the same of the clock, by the P in column 76
    notes: list[str]

    @property
    def centre(self) -> str:
        """The analysis centre by its IGS name: of the file's name, or else of what the header states."""
        return centre_of(self.name, self.agency)

    @property
    def frame(self) -> str:
        """The frame: from the antenna model when that is named, since columns 47 to 51 cut it to five characters."""
        if self.antenna_model:
            return f"{self.antenna_model.split('_')[0].upper()} (by the antenna model {self.antenna_model}; the file's column says {self.stated_frame})"
        return f"{self.stated_frame} (as stated, cut to five characters)"

    def position_at(self, satellite: str, times: np.ndarray) -> np.ndarray:
        """Positions at other times, (times, 3), by a polynomial through the 10 nearest; NaN outside of the file."""
        points = self.position_m[self.satellites.index(satellite)]
        known = np.flatnonzero(np.isfinite(points[:, 0]))
        places = np.full((len(times), 3), np.nan)
        n_points = min(10, known.size)
        if n_points < 2:
            return places
        origin = self.epochs[0]
        t_known = (self.epochs[known] - origin) / np.timedelta64(1, "s")
        t_wanted = (times - origin) / np.timedelta64(1, "s")
        step = np.median(np.diff(t_known))
        inside = (t_wanted >= t_known[0] - step) & (t_wanted <= t_known[-1] + step)
        first = np.clip(np.searchsorted(t_known, t_wanted) - n_points // 2, 0, known.size - n_points)
        chosen = first[:, None] + np.arange(n_points)
        x = (t_known[chosen] - t_wanted[:, None]) / step
        weights = np.ones_like(x)
        for one in range(n_points):
            for other in range(n_points):
                if other != one:
                    weights[:, one] *= -x[:, other] / (x[:, one] - x[:, other])
        places[inside] = np.einsum("tn,tnk->tk", weights, points[known][chosen])[inside]
        return places


def read_orbits(path: FilePath) -> Orbits:
    """Reads an SP3 file, packed or not.

    A file without the line ``EOF``, or with another number of epochs than stated, is read and says so in ``notes``.
    Raises :class:`GnssError` when it is no SP3 file or holds no epoch.
    """
    name = Path(path).name
    data = read_bytes(path)
    lines = data.decode("latin-1").lstrip("\n").lstrip().split("\n")
    if kind(data) != "ORB":
        raise GnssError(f"`{name}` does not begin as an SP3 file does (`#a` to `#d`), so it cannot be read as orbits.")
    head = lines[0]
    scale = next((line[9:12] for line in lines if line.startswith("%c")), "GPS")
    scale = "GPS" if scale in ("ccc", "   ") else scale
    comments = [line[3:].strip() for line in lines if line.startswith("/*")]
    model = next((word[4:] for line in comments for word in line.split() if word.startswith("PCV:")), None)
    times: list[int] = []
    places: dict[str, list[tuple[float, ...]]] = {}
    is_ended, n_bad = False, 0
    for line in lines:
        letter = line[:1]
        if letter == "*":
            try:
                times.append(instant_of(line[1:].split()))
            except (ValueError, IndexError):
                raise GnssError(f"`{name}` has an epoch line that cannot be read: `{line.strip()}`.") from None
        elif letter == "P" and times:
            satellite = f"{line[1:2].strip() or 'G'}{line[2:4].strip().zfill(2)}"
            try:
                x, y, z = (float(line[4 + 14 * n:18 + 14 * n]) for n in range(3))
                clock = float(line[46:60].strip() or 999999.999999)
            except ValueError:
                n_bad += 1
                continue
            places.setdefault(satellite, []).append((len(times) - 1, x, y, z, clock, line[79:80] == "P", line[75:76] == "P"))
        elif line.startswith("EOF"):
            is_ended = True
            break
    if not times or not places:
        raise GnssError(f"`{name}` holds no epoch with positions.")
    made = _arrays(times, places, scale)
    stated = head[32:39].strip()
    n_stated = int(stated) if stated.isdigit() else 0
    notes = [] if is_ended else ["the line `EOF` is missing: the file may be cut short"]
    if n_stated != len(times):
        notes.append(f"{n_stated} epochs are stated and {len(times)} found")
    if n_bad:
        notes.append(f"{n_bad} positions cannot be read")
    return Orbits(
        name=name, version=head[1:2], agency=head[56:60].strip(), stated_frame=head[46:51].strip(), time_scale=scale.strip(),
        antenna_model=model, n_epochs_stated=n_stated, notes=notes, **made,
    )


def _arrays(times: list[int], places: dict[str, list[tuple[float, ...]]], scale: str) -> dict[str, Any]:
    order = "GRECJIS"
    satellites = sorted(places, key=lambda name: (order.find(name[0]), name))
    shape = (len(satellites), len(times))
    position, clock, predicted, clock_predicted = np.full((*shape, 3), np.nan), np.full(shape, np.nan), np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
    for number, satellite in enumerate(satellites):
        table = np.array(places[satellite], dtype=float)
        epoch = table[:, 0].astype(int)
        is_there = (table[:, 1:4] != 0).any(axis=1)
        position[number, epoch] = np.where(is_there[:, None], table[:, 1:4] * 1e3, np.nan)
        clock[number, epoch] = np.where(table[:, 4] < 999999, table[:, 4] * 1e-6, np.nan)
        predicted[number, epoch] = table[:, 5] > 0
        clock_predicted[number, epoch] = table[:, 6] > 0
    epochs = to_gpst(np.array(times, dtype="int64").view("datetime64[ns]"), scale)
    return {"epochs": epochs, "satellites": satellites, "position_m": position, "clock_s": clock, "is_predicted": predicted, "is_clock_predicted": clock_predicted}
