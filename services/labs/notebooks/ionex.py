# %% [markdown]
# ## {{heading}}
#
# Maps of the ionosphere's vertical electron content (VTEC), in TECU: 10¹⁶ electrons per m².
# A value of the file times 10^EXPONENT is TECU; 9999 stands for no value and is left out.
# Times are UT, as the file states them.

# %%
import numpy as np
import matplotlib.dates as mdates
import matplotlib.pyplot as plt
from gantry import gnss

product = products[{{index}}]
path = gantry.volume(product["volume"]) / product["path"]
title = product["title"] or path.name

ionosphere = None
try:
    ionosphere = gnss.read_ionex(path)
except gnss.GnssError as error:
    print(f"This file cannot be opened: {error}")

if ionosphere:
    # A file of a day ends with the map of the next day's midnight, which is that day's own first map.
    first_day = ionosphere.epochs[0].astype("datetime64[D]")
    of_day = ionosphere.epochs.astype("datetime64[D]") == first_day
    if len(ionosphere.epochs) > 1 and not of_day[:-1].all():
        of_day = np.ones_like(of_day)  # more than a day: all are kept
    n_left_out = int((~of_day).sum())
    tec, epochs = ionosphere.tec[of_day], ionosphere.epochs[of_day]
    rms = None if ionosphere.rms is None else ionosphere.rms[of_day]
    print(f"program   {ionosphere.program or 'not stated'} {ionosphere.agency}")
    print(f"maps      {len(tec)}, {str(epochs[0])[:16]} to {str(epochs[-1])[:16]} UT; {n_left_out} of the next day left out")
    print(f"grid      {ionosphere.lat_deg.size} latitudes × {ionosphere.lon_deg.size} longitudes at a height of {ionosphere.height_km:g} km")
    print(f"unit      TECU, the values times 10^{ionosphere.exponent}; {np.isnan(tec).mean():.1%} without a value")
    print(f"VTEC      {np.nanmin(tec):.1f} to {np.nanmax(tec):.1f} TECU")
    print(f"RMS maps  {'none in this file' if rms is None else f'{len(rms)}, {np.nanmin(rms):.1f} to {np.nanmax(rms):.1f} TECU'}")
    for note in ionosphere.notes:
        print(f"noted     {note}")

# %% [markdown]
# ### The day
#
# All maps of the day at one range.
# The Sun stands over longitude 0° at noon UT and moves west, and the maximum with it.

# %%
n_frames = 12


def draw(axis, grid, norm_max, cmap):
    """A map with coasts; returns the picture for a colour bar."""
    lon, lat = ionosphere.lon_deg, ionosphere.lat_deg
    picture = axis.pcolormesh(lon, lat, grid, vmin=0, vmax=norm_max, cmap=plt.get_cmap(cmap).with_extremes(bad="0.7"), shading="nearest")
    for coast_lon, coast_lat in gnss.outline():
        axis.plot(coast_lon, coast_lat, color="w", linewidth=0.5)
    axis.set_xlim(-180, 180)
    axis.set_ylim(-90, 90)
    return picture


def frames(maps, label, cmap, heading):
    """Small maps of the day side by side."""
    chosen = np.unique(np.linspace(0, len(maps) - 1, min(n_frames, len(maps))).astype(int))
    n_wide = 3 if chosen.size > 4 else 2
    n_high = -(-chosen.size // n_wide)
    figure, axes = plt.subplots(n_high, n_wide, figsize=(10, 0.8 + 1.75 * n_high), sharex=True, sharey=True, squeeze=False, layout="constrained")
    for axis, number in zip(axes.flat, chosen):
        picture = draw(axis, maps[number], np.nanpercentile(maps, 99.8), cmap)
        axis.set_title(f"{str(epochs[number])[11:16]} UT", fontsize=9)
        axis.set_xticks(range(-120, 121, 120))
        axis.set_yticks(range(-60, 61, 60))
    for axis in axes.flat[chosen.size:]:
        axis.axis("off")
    figure.colorbar(picture, ax=axes, label=label, shrink=0.7, extend="max")
    figure.supxlabel("longitude [deg]", fontsize=9)
    figure.supylabel("latitude [deg]", fontsize=9)
    figure.suptitle(heading)
    plt.show()


if ionosphere:
    frames(tec, "VTEC [TECU]", "viridis", f"{title}, {str(epochs[0])[:10]}")

# %% [markdown]
# ### How certain
#
# The maps of the root mean square error, where the file has them.

# %%
if ionosphere and rms is None:
    print("No RMS maps in this file: how certain the values are is not stated.")
elif ionosphere:
    frames(rms, "RMS [TECU]", "magma", f"{title}: RMS")

# %% [markdown]
# ### Over a station
#
# VTEC at a place, linear between the four grid points around it, with the RMS as a band where it is known.

# %%
station = ("Brussels (BRUX)", 50.798, 4.358)  # name, latitude, longitude in degrees

if ionosphere:
    try:
        name, lat_deg, lon_deg = station
        values = ionosphere.at(lat_deg, lon_deg, tec)
    except gnss.GnssError as error:
        print(f"No series over {name}: {error}")
    else:
        figure, axis = plt.subplots(figsize=(8, 3.8), layout="constrained")
        axis.plot(epochs, values, "o-")
        if rms is not None:
            error = ionosphere.at(lat_deg, lon_deg, rms)
            axis.fill_between(epochs, values - error, values + error, alpha=0.25, label="± RMS")
            axis.legend()
        locator = mdates.AutoDateLocator()
        axis.xaxis.set_major_locator(locator)
        axis.xaxis.set_major_formatter(mdates.ConciseDateFormatter(locator, show_offset=False))
        axis.set_ylim(bottom=0)
        axis.set_xlabel(f"UT, {str(epochs[0])[:10]}")
        axis.set_ylabel("VTEC [TECU]")
        axis.grid(alpha=0.4)
        axis.set_title(f"{name}: {lat_deg:g}°, {lon_deg:g}°")
        plt.show()
        top = int(np.nanargmax(values)) if np.isfinite(values).any() else None
        print("No value at that place." if top is None else f"largest: {values[top]:.1f} TECU at {str(epochs[top])[11:16]} UT")
