"""What the name of a file says: its analysis centre and its day."""

import datetime
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np

# Long names of products since 2022 (IGS guidelines for long product filenames): COD0OPSFIN_20230500000_01D_05M_ORB.SP3.
_LONG_PRODUCT = re.compile(r"([A-Z0-9]{3})\d[A-Z0-9]{3}[A-Z0-9]{3}_(\d{4})(\d{3})\d{4}_")
# Long names of observations and navigation: AJAC00FRA_R_20242090000_01D_30S_MO.crx, KMS300DNK_R_20221591000_01H_MN.rnx.
_LONG_STATION = re.compile(r"[A-Z0-9]{9}_[RSU]_(\d{4})(\d{3})\d{4}_")
# Short names by GPS week and day: igs19362.sp3, COD20352.CLK.
_SHORT_WEEK = re.compile(r"([A-Z]{3})(\d{4})([0-6])(?:_\d\d)?\.(?:SP3|EPH|PRE|CLK)")
# Short names by day and year: AJAC3550.21D, brdc2420.18n, jplg0010.17i.
_SHORT_DAY = re.compile(r"([A-Z0-9]{3})[A-Z0-9](\d{3})[0-9A-X]\.(\d{2})[A-Z]")

# What analysis centres call themselves in headers, in capitals, and their IGS names; source: the centres' pages at the IGS.
SYNONYMS = {
    "AIUB": "COD", "CODE": "COD", "AIU": "COD",
    "ESOC": "ESA", "ESA/ESOC": "ESA",
    "GEOFORSCHUNGSZENTRUM": "GFZ", "GFZ POTSDAM": "GFZ",
    "CNES": "GRG", "CNES/CLS": "GRG", "GRGS": "GRG", "CNES/CLS/GRGS": "GRG",
    "NRCAN": "EMR", "NRCAN/GSD": "EMR", "GSD": "EMR",
    "NOAA": "NGS", "NOAA/NGS": "NGS",
    "SCRIPPS": "SIO",
    "WUHAN UNIVERSITY": "WUM", "WHU": "WUM",
    "SHAO": "SHA",
    "JAXA": "JAX",
}


def centre_of(name: str, stated: str) -> str:
    """The analysis centre of a product by its IGS name of three letters; empty when neither name nor header tells.

    The name of the file counts, since what headers state is free text: AIUB's orbits and CODE's clocks are of one centre.
    """
    upper = Path(name).name.upper()
    for pattern in (_LONG_PRODUCT, _SHORT_WEEK):
        if found := pattern.match(upper):
            return found[1]
    stated = stated.strip().upper()
    first = re.split(r"[\s,;(]", stated)[0] if stated else ""
    return SYNONYMS.get(stated) or SYNONYMS.get(first) or first[:3]


def day_of(name: str) -> np.datetime64 | None:
    """The nominal day that a file is of, by its name; None when the name does not tell."""
    upper = Path(name).name.upper()
    try:
        if found := _LONG_PRODUCT.match(upper):
            return _day(int(found[2]), int(found[3]))
        if found := _LONG_STATION.match(upper):
            return _day(int(found[1]), int(found[2]))
        if found := _SHORT_WEEK.match(upper):
            return np.datetime64("1980-01-06") + 7 * int(found[2]) + int(found[3])
        if found := _SHORT_DAY.match(upper):
            year = int(found[3])
            return _day(year + (1900 if year >= 80 else 2000), int(found[2]))
    except ValueError:
        return None  # such as day 366 of a year that has none
    return None


def _day(year: int, number: int) -> np.datetime64:
    first = datetime.date(year, 1, 1)
    day = first + datetime.timedelta(days=number - 1)
    if number < 1 or day.year != year:
        raise ValueError(f"the year {year} has no day {number}")
    return np.datetime64(day)


def day_label(day: np.datetime64) -> str:
    """A day as GNSS writes it: ``2023-017``."""
    date = day.astype("datetime64[D]").astype(object)
    return f"{date.year}-{date.timetuple().tm_yday:03d}"


def series_of(name: str) -> str:
    """What the files of one series have in common: ``ESA0OPSFIN``, or the four letters of a short name."""
    name = Path(name).name
    return name.split("_")[0] if _LONG_PRODUCT.match(name.upper()) else name[:4].lower()


def days_told(days: Iterable[np.datetime64 | None]) -> str:
    """Which days a series has of those from its first to its last, in a sentence; empty when there are fewer than two."""
    there = np.unique(np.array([day for day in days if day is not None], dtype="datetime64[D]"))
    if there.size < 2:
        return ""
    every = np.arange(there[0], there[-1] + 1)
    missing = [day_label(day) for day in np.setdiff1d(every, there)]
    sentence = f"days {day_label(there[0])} to {day_label(there[-1])}: {every.size} expected, {there.size} here"
    if not missing:
        return sentence + "; none is missing"
    return sentence + f"; missing: {', '.join(missing[:60])}" + (f" and {len(missing) - 60} more" if len(missing) > 60 else "")
