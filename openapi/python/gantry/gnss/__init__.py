"""Fast readers of GNSS files: RINEX observations and navigation, SP3, RINEX clock, IONEX, ANTEX.

    from gantry import gnss
    observations = gnss.read_observations(path)      # plain, Hatanaka, .gz .Z .bz2 .zip; RINEX 2, 3, 4
    orbits = gnss.read_orbits(path)

They need numpy, and for Hatanaka files the package ``hatanaka``. Times are ``datetime64[ns]`` in GPST,
positions Earth-fixed in metres, clocks in seconds. What cannot be read raises :class:`GnssError`, whose text is
a sentence; what could be read only in part says so in ``notes``.
"""

from gantry.gnss._antennas import Antenna, Calibrations, read_antennas
from gantry.gnss._clocks import Clocks, read_clocks
from gantry.gnss._geometry import elevation_azimuth, geodetic
from gantry.gnss._ionex import Ionosphere, read_ionex
from gantry.gnss._names import centre_of, day_label, day_of, days_told, series_of
from gantry.gnss._navigation import Navigation, read_navigation
from gantry.gnss._observations import SYSTEMS, Observations, read_observations
from gantry.gnss._orbits import Orbits, read_orbits
from gantry.gnss._text import GnssError, kind_of
from gantry.gnss._world import outline

__all__ = [
    "SYSTEMS", "Antenna", "Calibrations", "Clocks", "GnssError", "Ionosphere", "Navigation", "Observations", "Orbits",
    "centre_of", "day_label", "day_of", "days_told", "elevation_azimuth", "geodetic", "kind_of", "outline",
    "read_antennas", "read_clocks", "read_ionex", "read_navigation", "read_observations", "read_orbits", "series_of",
]
