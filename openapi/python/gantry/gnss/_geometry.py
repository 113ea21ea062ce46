"""Where things are on and above the Earth: WGS 84."""

import numpy as np
from numpy.typing import ArrayLike

SEMI_MAJOR_M = 6378137.0
FLATTENING = 1 / 298.257223563
ROTATION_RAD_S = 7.2921151467e-5


def geodetic(position_m: ArrayLike) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Latitude and longitude in degrees and height in metres of Earth-fixed positions (…, 3)."""
    x, y, z = np.moveaxis(np.asarray(position_m, dtype=float), -1, 0)
    e2 = FLATTENING * (2 - FLATTENING)
    p = np.hypot(x, y)
    lat = np.arctan2(z, p * (1 - e2))
    for _ in range(6):
        n = SEMI_MAJOR_M / np.sqrt(1 - e2 * np.sin(lat) ** 2)
        lat = np.arctan2(z + e2 * n * np.sin(lat), p)
    n = SEMI_MAJOR_M / np.sqrt(1 - e2 * np.sin(lat) ** 2)
    height = p * np.cos(lat) + (z + e2 * n * np.sin(lat)) * np.sin(lat) - n
    return np.degrees(lat), np.degrees(np.arctan2(y, x)), height


def elevation_azimuth(station_m: ArrayLike, satellites_m: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Elevation and azimuth in degrees (azimuth from north over east) of satellites (…, 3) seen from a station (3,)."""
    lat, lon, _ = geodetic(station_m)
    lat, lon = np.radians(lat), np.radians(lon)
    line = np.asarray(satellites_m) - np.asarray(station_m)
    east = -np.sin(lon) * line[..., 0] + np.cos(lon) * line[..., 1]
    north = -np.sin(lat) * np.cos(lon) * line[..., 0] - np.sin(lat) * np.sin(lon) * line[..., 1] + np.cos(lat) * line[..., 2]
    up = np.cos(lat) * np.cos(lon) * line[..., 0] + np.cos(lat) * np.sin(lon) * line[..., 1] + np.sin(lat) * line[..., 2]
    return np.degrees(np.arctan2(up, np.hypot(east, north))), np.degrees(np.arctan2(east, north)) % 360
