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

n_files_read = 100  # a day takes about a tenth of a second
shown = 0  # the place of the file whose maps are drawn, of those that can be read

maps_read = []  # of each file: what it holds
for index in {{indices}}[:n_files_read]:
    product = products[index]
    try:
        maps_read.append((product, gnss.read_ionex(gantry.volume(product["volume"]) / product["path"])))
    except gnss.GnssError as error:
        print(f"This file cannot be opened: {error}")
if len({{indices}}) > n_files_read:
    print(f"{gantry.counted(len({{indices}}) - n_files_read, 'more file')} not read: raise n_files_read.")
days_of_series = {}
for index in {{indices}}:
    days_of_series.setdefault(gnss.series_of(products[index]["path"]), []).append(gnss.day_of(products[index]["path"]))
for name, days in days_of_series.items():
    if told := gnss.days_told(days):
        print(f"{name}: {told}")

ionosphere = None
if maps_read:
    maps_read.sort(key=lambda pair: (pair[1].epochs[0], pair[1].name))
    product, ionosphere = maps_read[min(shown, len(maps_read) - 1)]
    title = product["title"] or ionosphere.name

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

# %% [markdown] when="several"
# ### All days
#
# The mean and the largest VTEC of each map, over all files; the mean weights the cells of the grid by their area.
# Below, the mean map of each day at one range, of the first kind of file here: a day whose pattern differs stands out.

# %% when="several"
n_small_maps = 42

if len(maps_read) < 2:
    print("One file: no days to compare.")
else:
    figure, axes = plt.subplots(2, 1, figsize=(10, 5), sharex=True, layout="constrained")
    by_series = {}
    for _, found in maps_read:
        by_series.setdefault(gnss.series_of(found.name), []).append(found)
    for number, (name, files) in enumerate(by_series.items()):
        for place, found in enumerate(files):
            weight = np.cos(np.radians(found.lat_deg))[:, None] * np.isfinite(found.tec)
            mean = np.nansum(found.tec * weight, axis=(1, 2)) / np.maximum(weight.sum(axis=(1, 2)), 1e-9)
            for axis, values in zip(axes, [mean, np.nanmax(found.tec, axis=(1, 2))]):
                axis.plot(found.epochs, values, color=f"C{number % 10}", linewidth=1, label=name if place == 0 else None)
    axes[0].set_ylabel("mean VTEC [TECU]")
    axes[1].set_ylabel("largest VTEC [TECU]")
    locator = mdates.AutoDateLocator()
    axes[1].xaxis.set_major_locator(locator)
    axes[1].xaxis.set_major_formatter(mdates.ConciseDateFormatter(locator))
    for axis in axes:
        axis.grid(alpha=0.4)
    axes[0].legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    figure.suptitle(f"{gantry.counted(len(maps_read), 'file')}")
    plt.show()

    name, files = max(by_series.items(), key=lambda pair: len(pair[1]))
    chosen = [files[place] for place in np.unique(np.linspace(0, len(files) - 1, min(n_small_maps, len(files))).astype(int))]
    n_wide = min(7, len(chosen))
    n_high = -(-len(chosen) // n_wide)
    means = [np.nanmean(found.tec, axis=0) for found in chosen]
    top = np.nanpercentile(np.concatenate([mean.ravel() for mean in means]), 99.8)
    figure, axes = plt.subplots(n_high, n_wide, figsize=(10.5, 0.7 + 1.05 * n_high), sharex=True, sharey=True, squeeze=False, layout="constrained")
    for axis, found, mean in zip(axes.flat, chosen, means):
        picture = axis.pcolormesh(found.lon_deg, found.lat_deg, mean, vmin=0, vmax=top, cmap="viridis", shading="nearest")
        axis.set_title(gnss.day_label(found.epochs[0]), fontsize=7)
        axis.set_xticks([])
        axis.set_yticks([])
    for axis in axes.flat[len(chosen):]:
        axis.axis("off")
    figure.colorbar(picture, ax=axes, label="mean VTEC [TECU]", shrink=0.8)
    figure.suptitle(f"{name}: mean map of each day" + (f", {len(chosen)} of {len(files)} days" if len(chosen) < len(files) else ""))
    plt.show()

# %% [markdown]
# ### The day
#
# All maps of one day at one range; `shown` above picks another.
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
