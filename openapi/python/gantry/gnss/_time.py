"""Times as ``datetime64[ns]`` in GPST."""

import datetime

import numpy as np

# The days from which on UTC is one more second behind; GPST − UTC was 0 in 1980. Source: IERS Bulletin C.
LEAP_DAYS = np.array([
    "1981-07-01", "1982-07-01", "1983-07-01", "1985-07-01", "1988-01-01", "1990-01-01", "1991-01-01", "1992-07-01", "1993-07-01",
    "1994-07-01", "1996-01-01", "1997-07-01", "1999-01-01", "2006-01-01", "2009-01-01", "2012-07-01", "2015-07-01", "2017-01-01",
], dtype="datetime64[ns]")

GPS_ZERO = np.datetime64("1980-01-06T00:00:00", "ns")


def instant(year: int, month: int, day: int, hour: int, minute: int, second: float) -> int:
    """Nanoseconds since 1970 of a civil time without leap seconds; ValueError when it is none."""
    if not (0 <= hour < 24 and 0 <= minute < 60 and 0 <= second < 60):
        raise ValueError("not a time of day")
    days = datetime.date(year, month, day).toordinal() - 719163
    return ((days * 24 + hour) * 60 + minute) * 60_000_000_000 + round(second * 1e9)


def instant_of(parts: list[str]) -> int:
    """As :func:`instant`, of six texts; ValueError or IndexError when they are none."""
    year, month, day, hour, minute = (int(part) for part in parts[:5])
    return instant(year, month, day, hour, minute, float(parts[5]))


def full_year(two_digits: int) -> int:
    """1980 to 2079."""
    if not 0 <= two_digits < 100:
        return two_digits
    return two_digits + (1900 if two_digits >= 80 else 2000)


def to_gpst(times: np.ndarray, scale: str) -> np.ndarray:
    """Times of a scale (GPS, GAL, QZS, BDT, GLO, UTC, TAI) in GPST."""
    scale = scale.strip().upper() or "GPS"
    if scale in ("BDT", "BDS"):
        return times + np.timedelta64(14, "s")
    if scale in ("GLO", "UTC"):
        n_leaps = np.searchsorted(LEAP_DAYS, times, side="right")
        return times + n_leaps * np.timedelta64(1_000_000_000, "ns")
    if scale == "TAI":
        return times - np.timedelta64(19, "s")
    return times
