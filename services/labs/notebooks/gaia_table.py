# %% [markdown]
# ## {{heading}}
#
# A table of Gaia sources.
# Ids are kept as 64-bit integers: a `source_id` passes 2⁵³, so as a float it would become another star's.
# Positions hold at the reference epoch, which the card states with its time scale.

# %%
import warnings

import numpy as np
import matplotlib.pyplot as plt
from gantry import gaia

product = products[{{index}}]
path = gantry.volume(product["volume"]) / product["path"]
title = product["title"] or path.name
n_columns_shown = 60
n_rows_read = 50_000  # of a bulk file, which holds hundreds of thousands: some seconds

source_table = None
try:
    source_table = gaia.read_tables(path, n_rows_read)[0]
except gaia.GaiaError as error:
    print(f"This table cannot be opened: {error}")


def numbers(name):
    """A column as floats, NaN where it is missing; all NaN, and no error, when there is no such column."""
    found = source_table.numbers(name) if source_table else None
    return np.full(len(source_table.table) if source_table else 0, np.nan) if found is None else found


def lacks(*names):
    """The columns of these that hold no value at all."""
    return [name for name in names if not np.isfinite(numbers(name)).any()]


ref_epoch = None
if source_table:
    table = source_table.table
    release = source_table.release or (product["release"] or "").upper() or None
    ref_epoch = source_table.ref_epoch or gaia.EPOCHS.get(release)
    print(f"form      {source_table.form}")
    print(f"release   {'not stated' if release is None else 'Gaia ' + release}")
    print(f"ref_epoch {'not stated' if ref_epoch is None else f'J{ref_epoch} TCB'}")
    print(f"query     {source_table.query or 'not stated'}")
    print(f"{gantry.counted(len(table), 'row')}, {gantry.counted(len(table.colnames), 'column')}{': the first rows of a larger file, raise n_rows_read for more' if source_table.is_cut else ''}")
    for column in table.colnames[:n_columns_shown]:
        print(f"  {column:32} {str(table[column].dtype):8} {table[column].unit or 'no unit stated'}")
    if len(table.colnames) > n_columns_shown:
        print(f"  … and {len(table.colnames) - n_columns_shown} more: table.colnames has them all")
    for name in ["source_id", "SOURCE_ID"]:
        if name in table.colnames:
            print(f"{name}: {', '.join(str(value) for value in table[name][:5])}{' …' if len(table) > 5 else ''}")

# %% [markdown]
# ### Where they are
#
# ICRS at the reference epoch; the whole sky when the sources lie far apart, otherwise their field.

# %%
ra_deg, dec_deg = numbers("ra"), numbers("dec")
placed = np.isfinite(ra_deg) & np.isfinite(dec_deg)
epoch_text = "epoch not stated" if ref_epoch is None else f"J{ref_epoch} TCB"

if not placed.any():
    print("No positions: this table has no column ra and dec with values.")
else:
    magnitude = numbers("phot_g_mean_mag")
    has_magnitude = np.isfinite(magnitude[placed]).any()
    few = placed.sum() < 5000
    size = 4 + np.clip(20 - np.nan_to_num(magnitude[placed], nan=18), 0, 16) ** 1.6 if few else 2
    towards = np.angle(np.exp(1j * np.radians(ra_deg[placed])).mean(), deg=True) % 360
    offset = (ra_deg[placed] - towards + 180) % 360 - 180
    if max(np.ptp(offset), np.ptp(dec_deg[placed])) > 20:
        figure, axis = plt.subplots(figsize=(9, 4.8), subplot_kw={"projection": "mollweide"}, layout="constrained")
        axis.scatter(-np.radians((ra_deg[placed] + 180) % 360 - 180), np.radians(dec_deg[placed]), s=size)
        axis.set_xticks(np.radians(np.arange(-120, 121, 60)), [f"{-lon % 360}°" for lon in range(-120, 121, 60)])
    else:
        figure, axis = plt.subplots(figsize=(6, 5.4), layout="constrained")
        axis.scatter(ra_deg[placed], dec_deg[placed], s=size)
        axis.ticklabel_format(useOffset=False)
        axis.invert_xaxis()
        axis.margins(0.15)
        axis.set_aspect(1 / max(np.cos(np.radians(np.median(dec_deg[placed]))), 0.01), adjustable="datalim")
        axis.tick_params(axis="x", rotation=20)
    axis.set_xlabel("right ascension [deg]")
    axis.set_ylabel("declination [deg]")
    axis.grid(alpha=0.4)
    axis.set_title(f"{title}\n{placed.sum()} source{'' if placed.sum() == 1 else 's'}, ICRS, {epoch_text}{', larger is brighter' if has_magnitude and few else ''}", fontsize=10)
    plt.show()

# %% [markdown]
# ### Colour and absolute magnitude
#
# M_G = G + 5 log₁₀(ϖ / 100 mas), without extinction.
# That takes 1/ϖ for the distance, so only parallaxes well above their error are drawn, of sources that fit a single star (RUWE).
# A cut whose column is missing is not applied, and the cell says so.

# %%
min_parallax_over_error = 10.0
max_ruwe = 1.4

parallax_mas, parallax_error_mas = numbers("parallax"), numbers("parallax_error")
with np.errstate(invalid="ignore", divide="ignore"):
    parallax_over_error = np.where(np.isfinite(numbers("parallax_over_error")), numbers("parallax_over_error"), parallax_mas / parallax_error_mas)
g_mag = numbers("phot_g_mean_mag")
colour = np.where(np.isfinite(numbers("bp_rp")), numbers("bp_rp"), numbers("phot_bp_mean_mag") - numbers("phot_rp_mean_mag"))
ruwe = numbers("ruwe")

kept = np.isfinite(parallax_mas) & (parallax_over_error > min_parallax_over_error)
if np.isfinite(ruwe).any():
    kept &= ruwe < max_ruwe
else:
    print("No ruwe in this table: that cut is not applied.")
needed = lacks("parallax", "phot_g_mean_mag") + (["bp_rp"] if not np.isfinite(colour).any() else []) + ([] if np.isfinite(parallax_over_error).any() else ["parallax_error"])
if needed:
    print(f"No colour-magnitude diagram: this table has no values of {', '.join(needed)}.")
else:
    shown = kept & np.isfinite(colour) & np.isfinite(g_mag)
    print(f"{kept.sum()} of {kept.size} kept (parallax/error > {min_parallax_over_error:g}, RUWE < {max_ruwe:g}), {shown.sum()} of these with G and a colour")
    if not shown.any():
        print("No source passes the cuts: lower min_parallax_over_error to see more, at the price of wrong distances.")
    else:
        absolute = g_mag[shown] + 5 * np.log10(parallax_mas[shown] / 100)
        figure, axis = plt.subplots(figsize=(5.6, 6), layout="constrained")
        if shown.sum() > 5000:
            picture = axis.hexbin(colour[shown], absolute, gridsize=150, bins="log", mincnt=1, cmap="cividis")
            figure.colorbar(picture, label="number of sources")
        else:
            axis.plot(colour[shown], absolute, "o", markersize=3 if shown.sum() > 200 else 6)
        axis.margins(0.15)
        axis.invert_yaxis()
        axis.grid(alpha=0.4)
        axis.set_xlabel("G_BP − G_RP [mag]")
        axis.set_ylabel("M_G [mag]")
        axis.set_title(f"{kept.sum()} of {kept.size} kept")
        plt.show()

# %% [markdown]
# ### Distances
#
# 1/ϖ is a distance only while the error of ϖ is small beside it: below `min_for_distance` it is biased, and negative parallaxes have none.
# Such sources are refused here; a catalogue of distances made with a prior serves them.

# %%
min_for_distance = 5.0

if lacks("parallax") or not np.isfinite(parallax_over_error).any():
    print("No distances: this table has no parallaxes with errors.")
else:
    good = parallax_over_error >= min_for_distance
    refused = np.isfinite(parallax_over_error) & ~good
    if good.any():
        distance_pc = 1000 / parallax_mas[good]
        print(f"{gantry.counted(good.sum(), 'source')} with parallax/error ≥ {min_for_distance:g}: 1/ϖ from {distance_pc.min():.4g} to {distance_pc.max():.4g} pc, median {np.median(distance_pc):.4g} pc")
    if refused.any():
        print(f"{gantry.counted(refused.sum(), 'source')} refused: with parallax/error below {min_for_distance:g}, 1/ϖ would not be a distance.")

# %% [markdown]
# ### Proper motions
#
# As in the table: μ_α* holds the factor cos δ.

# %%
pmra, pmdec = numbers("pmra"), numbers("pmdec")
moving = np.isfinite(pmra) & np.isfinite(pmdec)

if not moving.any():
    print("No proper motions: this table has no values of pmra and pmdec.")
else:
    figure, axis = plt.subplots(figsize=(5.6, 5), layout="constrained")
    if moving.sum() > 5000:
        low, high = np.percentile([pmra[moving], pmdec[moving]], [0.5, 99.5], axis=1)
        picture = axis.hexbin(pmra[moving], pmdec[moving], gridsize=150, bins="log", mincnt=1, cmap="cividis", extent=(low[0], high[0], low[1], high[1]))
        figure.colorbar(picture, label="number of sources")
    else:
        errors = [np.nan_to_num(numbers(name)[moving]) for name in ["pmra_error", "pmdec_error"]]
        axis.errorbar(pmra[moving], pmdec[moving], xerr=errors[0], yerr=errors[1], fmt="o", markersize=3, elinewidth=0.6)
    axis.axhline(0, color="0.7", linewidth=0.8)
    axis.axvline(0, color="0.7", linewidth=0.8)
    axis.invert_xaxis()
    axis.set_xlabel("μ_α* [mas/yr]")
    axis.set_ylabel("μ_δ [mas/yr]")
    axis.set_title(f"{moving.sum()} of {gantry.counted(moving.size, 'source')} with a proper motion")
    plt.show()

# %% [markdown]
# ### At another epoch
#
# `apply_space_motion` carries positions to `new_epoch`, such as for a comparison with older catalogues at J2000.
# Distances are used where the parallax is good enough, radial velocities where there are some; what lacks a proper motion is left out.

# %%
new_epoch = 2000.0
n_rows_moved = 20_000  # the first of them: about a second

if ref_epoch is None or not (placed & moving).any():
    print("Positions cannot be carried to another epoch: " + ("the reference epoch is not stated." if ref_epoch is None else "no source has a position and a proper motion."))
else:
    from astropy import units
    from astropy.coordinates import SkyCoord
    from astropy.time import Time

    chosen = np.flatnonzero(placed & moving)[:n_rows_moved]
    trusted = parallax_over_error[chosen] >= min_for_distance
    far_pc = 1e4  # stands for a parallax that is not good enough: then the motion is across the sky alone
    distance_pc = np.where(trusted, 1000 / np.where(trusted, parallax_mas[chosen], 1), far_pc)
    velocity = np.where(trusted, np.nan_to_num(numbers("radial_velocity")[chosen]), 0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of dates before the first leap second and the like
        now = SkyCoord(
            ra_deg[chosen] * units.deg, dec_deg[chosen] * units.deg, distance=distance_pc * units.pc,
            pm_ra_cosdec=pmra[chosen] * units.mas / units.yr, pm_dec=pmdec[chosen] * units.mas / units.yr,
            radial_velocity=velocity * units.km / units.s, obstime=Time(ref_epoch, format="jyear", scale="tcb"),
        )
        then = now.apply_space_motion(new_obstime=Time(new_epoch, format="jyear", scale="tcb"))
        moved_mas = now.separation(then).to_value(units.mas)
    print(f"J{ref_epoch} TCB → J{new_epoch}: {gantry.counted(chosen.size, 'source')} moved by {np.median(moved_mas):,.1f} mas in the median, {moved_mas.max():,.1f} mas at most")
    for number in range(min(5, chosen.size)):
        name = str(table["source_id"][chosen[number]]) if "source_id" in table.colnames else f"row {chosen[number]}"
        print(f"  {name:20} {then.ra.deg[number]:.9f}  {then.dec.deg[number]:+.9f}  {moved_mas[number]:10.2f} mas")
