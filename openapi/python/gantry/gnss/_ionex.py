"""Maps of the ionosphere: IONEX 1."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gantry.gnss._text import FilePath, GnssError, header_lines, kind, read_bytes
from gantry.gnss._time import instant


@dataclass
class Ionosphere:
    """An IONEX file of two dimensions: vertical electron content, in TECU (10¹⁶ electrons per m²)."""

    name: str
    program: str
    agency: str
    epochs: np.ndarray  # datetime64[ns], as the file states them: UT
    lat_deg: np.ndarray
    lon_deg: np.ndarray
    tec: np.ndarray  # (maps, lat, lon), NaN where the file has 9999
    rms: np.ndarray | None  # the same, or None when the file has no RMS maps
    exponent: int
    height_km: float
    n_maps_stated: int
    notes: list[str]

    def at(self, lat_deg: float, lon_deg: float, maps: np.ndarray | None = None) -> np.ndarray:
        """The series at a place, linear between the four grid points around it."""
        maps = self.tec if maps is None else maps
        row = _place(self.lat_deg, lat_deg, margin=1)  # grids end a step before the poles
        if not -180 <= lon_deg <= 360 or row is None:
            raise GnssError(f"latitude {lat_deg:g}, longitude {lon_deg:g} is not on the grid of `{self.name}`.")
        lon = lon_deg
        column = next((place for turn in (0, -360, 360) if (place := _place(self.lon_deg, lon + turn)) is not None), None)
        if column is None:
            raise GnssError(f"longitude {lon_deg:g} is not on the grid of `{self.name}`.")
        (i, u), (j, v) = row, column
        series: np.ndarray = (1 - u) * ((1 - v) * maps[:, i, j] + v * maps[:, i, j + 1]) + u * ((1 - v) * maps[:, i + 1, j] + v * maps[:, i + 1, j + 1])
        return series


def _place(grid: np.ndarray, value: float, margin: float = 0) -> tuple[int, float] | None:
    """The cell of an even grid and how far into it; None when outside by more than ``margin`` steps."""
    step = grid[1] - grid[0]
    place = (value - grid[0]) / step
    if not -margin - 0.01 <= place <= grid.size - 1 + margin + 0.01:
        return None
    place = min(max(place, 0), grid.size - 1)
    cell = min(int(place), grid.size - 2)
    return cell, place - cell


def read_ionex(path: FilePath) -> Ionosphere:
    """Reads an IONEX file, packed or not.

    Raises :class:`GnssError` when it is another kind of file, has three dimensions, or holds no map.
    """
    name = Path(path).name
    data = read_bytes(path)
    if (what := kind(data)) != "GIM":
        raise GnssError(f"`{name}` is no IONEX file: it is of the kind {what}.")
    header, start = header_lines(data, name)
    values: dict[str, str] = {}
    for value, label in header:
        values.setdefault(label, value)
    try:
        lat, lon = (_axis(values[f"{axis}1 / {axis}2 / D{axis}"]) for axis in ("LAT", "LON"))
        first_km, last_km = (float(part) for part in values["HGT1 / HGT2 / DHGT"].split()[:2])
    except (KeyError, ValueError, IndexError):
        raise GnssError(f"`{name}` does not state its grid as IONEX does.") from None
    if first_km != last_km:
        raise GnssError(f"`{name}` holds maps of several heights; this reader knows one.")
    exponent = int(values.get("EXPONENT", "").strip() or -1)
    maps, epochs = _maps(data[start:].decode("latin-1"), lat, lon, exponent, name)
    if not maps["TEC"]:
        raise GnssError(f"`{name}` holds no map.")
    n_stated = int(values.get("# OF MAPS IN FILE", "0").split()[0])
    notes = [] if n_stated == len(maps["TEC"]) else [f"{n_stated} maps are stated and {len(maps['TEC'])} found"]
    program = values.get("PGM / RUN BY / DATE", "")
    return Ionosphere(
        name=name, program=program[:20].strip(), agency=program[20:40].strip(), epochs=np.array(epochs, dtype="int64").view("datetime64[ns]"),
        lat_deg=lat, lon_deg=lon, tec=np.array(maps["TEC"]), rms=np.array(maps["RMS"]) if len(maps["RMS"]) == len(maps["TEC"]) else None,
        exponent=exponent, height_km=first_km, n_maps_stated=n_stated, notes=notes,
    )


def _axis(text: str) -> np.ndarray:
    first, last, step = (float(part) for part in text.split()[:3])
    axis = first + step * np.arange(round((last - first) / step) + 1)
    if axis.size < 2 or axis.size > 2000:
        raise ValueError(text)
    return axis


def _maps(text: str, lat: np.ndarray, lon: np.ndarray, exponent: int, name: str) -> tuple[dict[str, list[np.ndarray]], list[int]]:
    maps: dict[str, list[np.ndarray]] = {"TEC": [], "RMS": []}
    epochs: list[int] = []
    numbers: list[int] = []
    kind_now, default = None, exponent
    for line in text.split("\n"):
        label = line[60:80].strip()
        if label in ("START OF TEC MAP", "START OF RMS MAP"):
            kind_now, numbers, exponent = label[9:12], [], default
        elif label == "EPOCH OF CURRENT MAP":
            if kind_now != "TEC":
                continue
            parts = [int(float(part)) for part in line[:60].split()]
            hours = parts[3] * 3600 + parts[4] * 60 + parts[5]  # some write 24 o'clock
            epochs.append(instant(parts[0], parts[1], parts[2], 0, 0, 0) + hours * 1_000_000_000)
        elif label == "EXPONENT":
            exponent = int(line[:60])
        elif label.startswith("END OF") and kind_now:
            if len(numbers) != lat.size * lon.size:
                raise GnssError(f"`{name}` has a map of {len(numbers)} values; its grid has {lat.size * lon.size}.")
            grid = np.array(numbers, dtype=float).reshape(lat.size, lon.size)
            maps[kind_now].append(np.where(grid == 9999, np.nan, grid * 10.0**exponent))
            kind_now = None
        elif kind_now and not label.startswith("LAT/LON1"):
            try:
                numbers += [int(line[place:place + 5]) for place in range(0, len(line.rstrip()), 5)]
            except ValueError:
                raise GnssError(f"`{name}` has a value that cannot be read: `{line.strip()[:40]}`.") from None
    if kind_now:
        raise GnssError(f"`{name}` ends within a map.")
    return maps, epochs
