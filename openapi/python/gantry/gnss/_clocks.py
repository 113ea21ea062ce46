"""Clocks: RINEX clock, versions 2 and 3, with labels in column 61 or, from 3.04 on, in column 66."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gantry.gnss._names import centre_of
from gantry.gnss._text import FilePath, GnssError, header_lines, kind, read_bytes
from gantry.gnss._time import instant_of, to_gpst


@dataclass
class Clocks:
    """A RINEX clock file: biases of the clocks of satellites (AS) and stations (AR)."""

    name: str
    version: str
    agency: str  # as the header states it: free text
    references: list[str]
    frame: str
    antenna_model: str | None
    time_scale: str
    epochs: np.ndarray  # datetime64[ns], GPST
    satellites: dict[str, np.ndarray]  # name → bias in seconds at each epoch, NaN where none is given
    stations: dict[str, np.ndarray]
    notes: list[str]

    @property
    def centre(self) -> str:
        """The analysis centre by its IGS name: of the file's name, or else of what the header states."""
        return centre_of(self.name, self.agency)


def read_clocks(path: FilePath) -> Clocks:
    """Reads a RINEX clock file, packed or not.

    Raises :class:`GnssError` when it is another kind of file or holds no clock.
    """
    name = Path(path).name
    data = read_bytes(path)
    if (what := kind(data)) != "CLK":
        raise GnssError(f"`{name}` is no RINEX clock file: it is of the kind {what}.")
    first_line = data[:data.find(b"\n")].decode("latin-1")
    column = first_line.find("RINEX VERSION")
    lines, start = header_lines(data, name, (column, column + 20))
    values: dict[str, str] = {}
    for value, label in lines:
        values.setdefault(label, value)
    references = [value[:40].split()[0] for value, label in lines if label == "ANALYSIS CLK REF" and value.strip()]
    times: dict[tuple[str, ...], tuple[int, int]] = {}
    found: dict[str, dict[str, list[tuple[int, float]]]] = {"AS": {}, "AR": {}}
    n_bad = 0
    for line in data[start:].decode("latin-1").split("\n"):
        if line[:3] not in ("AS ", "AR "):
            continue
        parts = line.split()
        try:
            key = tuple(parts[2:8])
            if key not in times:
                times[key] = (len(times), instant_of(list(key)))
            found[parts[0]].setdefault(parts[1], []).append((times[key][0], float(parts[9].replace("D", "E"))))
        except (ValueError, IndexError):
            n_bad += 1
    if not times:
        raise GnssError(f"`{name}` holds no clock of a satellite or station.")
    scale = values.get("TIME SYSTEM ID", "").strip() or "GPS"
    stamps = np.array([time for _, time in times.values()], dtype="int64")
    order = np.argsort(stamps, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(order.size)
    made = {what: {key: _series(clocks[key], rank) for key in sorted(clocks)} for what, clocks in found.items()}
    model = next((word for value, label in lines if label == "SYS / PCVS APPLIED" for word in value[20:].split()), None)
    model = model or next((value.split()[-1] for value, label in lines if label == "SYS / PCVS APPLIED" and value.split()), None)
    return Clocks(
        name=name, version=first_line[:9].strip(), agency=values.get("ANALYSIS CENTER", "").strip(), references=references,
        frame=values.get("# OF SOLN STA / TRF", "")[6:].strip(), antenna_model=model, time_scale=scale,
        epochs=to_gpst(stamps[order].view("datetime64[ns]"), scale), satellites=made["AS"], stations=made["AR"],
        notes=[f"{n_bad} lines cannot be read"] if n_bad else [],
    )


def _series(pairs: list[tuple[int, float]], rank: np.ndarray) -> np.ndarray:
    table = np.array(pairs)
    series = np.full(rank.size, np.nan)
    series[rank[table[:, 0].astype(int)]] = table[:, 1]
    return series
