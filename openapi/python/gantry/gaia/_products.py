"""Spectra and light curves, known by their columns: names of files do not tell everywhere."""

import re
from dataclasses import dataclass, field

import numpy as np

from gantry.gaia._tables import FilePath, GaiaTable, tables_of

XP_NM = 336 + 2.0 * np.arange(343)
"""The grid of sampled XP spectra: 336 to 1020 nm in steps of 2 nm; source: Gaia DR3 data model, XP_SAMPLED."""
RVS_NM = 846 + 0.01 * np.arange(2401)
"""The grid of mean RVS spectra: 846 to 870 nm in steps of 0.01 nm, in vacuum; source: Gaia DR3 data model, RVS_MEAN."""


@dataclass
class Spectrum:
    """A sampled spectrum: XP in W m⁻² nm⁻¹, RVS in parts of the continuum."""

    source_id: int | None  # None where the file does not say whose it is
    kind: str
    wavelength_nm: np.ndarray
    flux: np.ndarray
    flux_error: np.ndarray
    unit: str


@dataclass
class Coefficients:
    """A continuous XP spectrum: coefficients of basis functions, empty where a band is missing."""

    source_id: int | None  # None where the file does not say whose it is
    values: dict[str, np.ndarray]  # BP, RP
    errors: dict[str, np.ndarray]
    n_relevant: dict[str, int | None]


@dataclass
class LightCurve:
    """Photometry of one band; ``time_d`` is BJD(TCB) − 2455197.5 days."""

    source_id: int | None  # None where the file does not say whose it is
    band: str
    time_d: np.ndarray
    mag: np.ndarray
    is_rejected: np.ndarray


@dataclass
class Products:
    """What a file holds."""

    spectra: list[Spectrum] = field(default_factory=list)
    coefficients: list[Coefficients] = field(default_factory=list)
    curves: list[LightCurve] = field(default_factory=list)
    is_cut: bool = False  # only the first rows of the file were read
    others: list[str] = field(default_factory=list)  # members of another kind, such as chains of samples


def read_products(path: FilePath, max_rows: int | None = None) -> Products:
    """Spectra and light curves of a file; of a ZIP, all members. An answer without any, such as an empty ZIP, gives none.

    ``max_rows`` reads no more than so many rows of a bulk file, as :func:`read_tables` does.

    Raises :class:`GaiaError` as :func:`read_tables` does.
    """
    found = Products()
    for table in tables_of(path, max_rows):
        names = set(table.table.colnames)
        found.is_cut |= table.is_cut
        if {"bp_coefficients", "rp_coefficients"} & names:
            found.coefficients += [_coefficients(table, row) for row in range(len(table.table))]
        elif {"flux", "flux_error"} <= names and "time" not in names:
            found.spectra += _spectra(table)
        elif {"time", "band"} <= names:
            found.curves += _curves(table)
        elif "g_transit_time" in names:
            found.curves += _curve_rows(table)
        else:
            found.others.append(table.name)
    return found


def _source(table: GaiaTable, row: int = 0) -> int | None:
    """Whose a row is: by its column, by a PARAM, by the name of the file; None where none of them says."""
    if "source_id" in table.table.colnames:
        return None if table.table["source_id"][row] is np.ma.masked else int(table.table["source_id"][row])
    if "source_id" in table.params:
        return int(table.params["source_id"])
    named = re.search(r"Gaia E?DR\d+ (\d{1,19})(?!\d)", table.name)
    return int(named[1]) if named else None


def _rows_by_source(table: GaiaTable) -> dict[int | None, np.ndarray]:
    """The places of the rows of each source, in a table of many."""
    places = np.arange(len(table.table))
    if "source_id" not in table.table.colnames:
        return {_source(table): places} if places.size else {}
    column = np.ma.masked_array(table.table["source_id"])
    is_known = ~np.ma.getmaskarray(column)
    ids, known = np.asarray(column.filled(0), dtype="int64")[is_known], places[is_known]
    order = np.argsort(ids, kind="stable")
    sources, firsts = np.unique(ids[order], return_index=True)
    parts = np.split(known[order], firsts[1:]) if sources.size else []
    found = dict(sorted(zip(sources.tolist(), parts), key=lambda pair: pair[1][0]))
    return found if is_known.all() else found | {None: places[~is_known]}


def _cell(table: GaiaTable, name: str, row: int) -> np.ndarray:
    """An array in a cell as floats; empty when it is missing."""
    if name not in table.table.colnames:
        return np.zeros(0)
    value = table.table[name][row]
    if value is np.ma.masked or value is None:
        return np.zeros(0)
    return np.ma.filled(np.ma.masked_array(value).astype(float), np.nan).ravel()


def _integer(table: GaiaTable, name: str, row: int) -> int | None:
    value = table.table[name][row] if name in table.table.colnames else np.ma.masked
    return None if value is np.ma.masked else int(value)


def _coefficients(table: GaiaTable, row: int) -> Coefficients:
    values = {band.upper(): _cell(table, f"{band}_coefficients", row) for band in ("bp", "rp")}
    errors = {band.upper(): _cell(table, f"{band}_coefficient_errors", row) for band in ("bp", "rp")}
    relevant = {band.upper(): _integer(table, f"{band}_n_relevant_bases", row) for band in ("bp", "rp")}
    return Coefficients(_source(table, row), values, errors, relevant)


def _spectrum(source_id: int | None, wavelength: np.ndarray | None, flux: np.ndarray, error: np.ndarray) -> Spectrum:
    if wavelength is None:
        wavelength = RVS_NM if flux.size == RVS_NM.size else XP_NM if flux.size == XP_NM.size else np.arange(flux.size, dtype=float)
    is_rvs = wavelength.size and wavelength.min() > 800
    kind, unit = ("RVS", "parts of the continuum") if is_rvs else ("XP_SAMPLED", "W m⁻² nm⁻¹")
    return Spectrum(source_id, kind, wavelength, flux, error, unit)


def _spectra(table: GaiaTable) -> list[Spectrum]:
    if "wavelength" not in table.table.colnames:
        return [_spectrum(_source(table, row), None, _cell(table, "flux", row), _cell(table, "flux_error", row)) for row in range(len(table.table))]
    columns = [_numbers(table, name) for name in ("wavelength", "flux", "flux_error")]
    return [_spectrum(source, *(column[rows] for column in columns)) for source, rows in _rows_by_source(table).items()]


def _numbers(table: GaiaTable, name: str) -> np.ndarray:
    """A column as floats, all NaN where there is none."""
    column = table.numbers(name)
    return np.full(len(table.table), np.nan) if column is None else column


def _flag(table: GaiaTable, name: str) -> np.ndarray:
    """A boolean column, False where it is missing or not there."""
    if name not in table.table.colnames:
        return np.zeros(len(table.table), dtype=bool)
    column = np.ma.filled(np.ma.masked_array(table.table[name]), False)
    return np.array([str(value).strip().lower() in ("true", "t", "1") for value in column])


def _curves(table: GaiaTable) -> list[LightCurve]:
    bands = np.array([str(band).strip() for band in table.table["band"]])
    time, mag = _numbers(table, "time"), _numbers(table, "mag")
    rejected = _flag(table, "rejected_by_photometry") | _flag(table, "rejected_by_variability")
    made = []
    for source, rows in _rows_by_source(table).items():
        for band in dict.fromkeys(bands[rows].tolist()):
            chosen = rows[bands[rows] == band]
            if chosen.size:
                made.append(LightCurve(source, band, time[chosen], mag[chosen], rejected[chosen]))
    return made


def _curve_rows(table: GaiaTable) -> list[LightCurve]:
    """Epoch photometry as the archive's data model has it: a row per source, arrays of epochs."""
    made = []
    for row in range(len(table.table)):
        for band, time, mag in (("G", "g_transit_time", "g_transit_mag"), ("BP", "bp_obs_time", "bp_mag"), ("RP", "rp_obs_time", "rp_mag")):
            times = _cell(table, time, row)
            flags = [_cell(table, f"{kind}_{band.lower()}_reject", row) for kind in ("photometry_flag", "variability_flag")]
            flags = [flag > 0 for flag in flags if flag.size == times.size]
            if times.size:
                made.append(LightCurve(_source(table, row), band, times, _cell(table, mag, row), np.any(flags, axis=0) if flags else np.zeros(times.size, bool)))
    return made
