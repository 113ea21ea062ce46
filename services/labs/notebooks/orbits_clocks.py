# %% [markdown]
# ## {{heading}}
#
# Satellite orbits (SP3) and clocks (RINEX clock), all files of this selection together.
# Missing values (0.000000 for positions, 999999.999999 for clocks) are left out; times are in GPST.

# %%
import numpy as np
import matplotlib.dates as mdates
import matplotlib.pyplot as plt
from gantry import gnss

n_satellites_shown = 6
n_files_described = 6

orbits, clocks = [], []
for index in {{indices}}:
    product = products[index]
    path = gantry.volume(product["volume"]) / product["path"]
    try:
        if gnss.kind_of(path) == "CLK":
            clocks.append(gnss.read_clocks(path))
        else:
            orbits.append(gnss.read_orbits(path))
    except gnss.GnssError as error:
        print(f"This file cannot be opened: {error}")
orbits.sort(key=lambda one: one.epochs[0])
clocks.sort(key=lambda one: one.epochs[0])


def span(one):
    return f"{gantry.counted(one.epochs.size, 'epoch')}, {str(one.epochs[0])[:19]} to {str(one.epochs[-1])[:19]} GPST"


def centre(one):
    """The centre by its IGS name, and what the header calls it where that differs."""
    stated = one.agency.split("  ")[0]
    return (one.centre or "a centre not stated") + (f" (stated as {stated})" if stated and not stated.startswith(one.centre) else "")


def day(one):
    """The nominal day, by the file's name or else by its epochs."""
    return gnss.day_label(gnss.day_of(one.name) if gnss.day_of(one.name) is not None else one.epochs[one.epochs.size // 2])


for name, found in [("orbits", orbits), ("clocks", clocks)]:
    for series in dict.fromkeys(gnss.series_of(one.name) for one in found):
        told = gnss.days_told([gnss.day_of(one.name) for one in found if gnss.series_of(one.name) == series])
        if told:
            print(f"{name} of {series}: {told}")
if len(orbits) + len(clocks) > n_files_described:
    n_files_described = 1
    print("The first file of each kind in full, all in the table below:")
file_rows = [
    [one.name, centre(one), day(one), {"GPS": "GPST", "GAL": "GST"}.get(one.time_scale, one.time_scale), str(one.epochs[0])[:16], str(one.epochs[-1])[:16], one.epochs.size, len(one.satellites)]
    for one in [*orbits, *clocks]
]
for one in orbits[:n_files_described]:
    print(f"{one.name}: SP3-{one.version} of {centre(one)}; {gantry.counted(len(one.satellites), 'satellite')}, {span(one)}")
    print(f"  day {day(one)}; frame {one.frame}; time system {one.time_scale}, drawn in GPST")
    print(f"  predicted: {one.is_predicted.any(axis=0).sum()} of {one.epochs.size} epochs, by the flags of the file")
    print(f"  positions missing: {np.isnan(one.position_m[:, :, 0]).sum()}; clocks missing: {np.isnan(one.clock_s).sum()} of {one.clock_s.size}")
for one in clocks[:n_files_described]:
    print(f"{one.name}: RINEX clock {one.version} of {centre(one)}; {gantry.counted(len(one.satellites), 'satellite')}, {gantry.counted(len(one.stations), 'station')}, {span(one)}")
    print(f"  day {day(one)}; time system {one.time_scale}, drawn in GPST; reference clock {', '.join(one.references) or 'not stated'}; frame {one.frame or 'not stated'}; antenna model {one.antenna_model or 'not stated'}")
for one in [*orbits, *clocks]:
    for note in one.notes:
        print(f"  noted of {one.name}: {note}")
centres = {one.centre for one in [*orbits, *clocks]} - {""}
if len(centres) > 1:
    print(f"These are of several centres ({', '.join(sorted(centres))}): orbits and clocks belong together only when one centre made both.")
antennas = {model for one in [*orbits, *clocks] if (model := (one.antenna_model or "").upper().removesuffix(".ATX"))}
if len(antennas) > 1:
    print(f"The antenna models differ: {', '.join(sorted(antennas))}.")
gantry.Table(["file", "centre", "day", "time scale", "first epoch (GPST)", "last epoch (GPST)", "epochs", "satellites"], file_rows, height=24)

# %% [markdown] when="orbits"
# ### Ground tracks
#
# Where the satellites of `systems` stand overhead, in the file's Earth-fixed frame; the predicted part is dashed.
# The coasts behind are drawn coarsely by hand.

# %% when="orbits"
systems = None  # such as "GE"; None takes the first satellites of each constellation

if not orbits:
    print("No orbits in this selection.")
else:
    shown = orbits[0]
    letters = list(dict.fromkeys(name[0] for name in shown.satellites)) if systems is None else list(systems)
    chosen = [name for letter in letters for name in [name for name in shown.satellites if name[0] == letter][:max(1, n_satellites_shown // len(letters))]]
    figure, axis = plt.subplots(figsize=(10, 5.2), layout="constrained")
    for lon, lat in gnss.outline():
        axis.plot(lon, lat, color="0.7", linewidth=0.8)
    for number, satellite in enumerate(chosen):
        row = shown.satellites.index(satellite)
        lat, lon, _ = gnss.geodetic(shown.position_m[row])
        jump = np.abs(np.diff(lon, prepend=lon[0])) > 180
        colour = f"C{number % 10}"
        for is_part, style in [(~shown.is_predicted[row], "-"), (shown.is_predicted[row], "--")]:
            axis.plot(np.where(is_part & ~jump, lon, np.nan), np.where(is_part & ~jump, lat, np.nan), style, color=colour, linewidth=1.1)
        there = np.flatnonzero(np.isfinite(lat))
        if there.size:
            axis.plot(lon[there[0]], lat[there[0]], "o", color=colour, markersize=5, label=satellite)
    if shown.is_predicted.any():
        axis.plot([], [], "--", color="k", label="predicted")
    axis.set_xlim(-180, 180)
    axis.set_ylim(-90, 90)
    axis.set_xticks(range(-180, 181, 60))
    axis.set_yticks(range(-90, 91, 30))
    axis.set_xlabel("longitude [deg]")
    axis.set_ylabel("latitude [deg]")
    axis.grid(alpha=0.3)
    axis.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), title="first epoch ●", fontsize=8)
    axis.set_title(f"{shown.name}: {len(chosen)} of {len(shown.satellites)} satellites")
    plt.show()

# %% [markdown] when="several_orbits"
# ### From one day to the next
#
# Each day's orbit is computed of its own, so two files differ where they meet.
# Common epochs are compared as they are; where a file ends before midnight (23:45 in many) there is no common epoch, and the earlier day is carried on by its polynomial, at most one step, which adds an error of its own.

# %% when="several_orbits"
n_overlaps_drawn = 3  # more are one picture over the days

overlaps = []  # of each pair of files: the later one, how far apart each satellite is, in metres
if len(orbits) < 2:
    print("One orbit file or none: nothing to compare at midnight. Stage the next day's with it.")
for before, after in zip(orbits, orbits[1:]):
    both = np.intersect1d(before.epochs, after.epochs)
    times, how = (both, gantry.counted(both.size, "common epoch")) if both.size else (after.epochs[:1], "no common epoch; the earlier file carried on by one step")
    apart = {}
    for satellite in sorted(set(before.satellites) & set(after.satellites)):
        gap_m = np.linalg.norm(before.position_at(satellite, times) - after.position_at(satellite, times), axis=1)
        if np.isfinite(gap_m).any():
            apart[satellite] = np.nanmax(gap_m)
    if not apart:
        print(f"{before.name} → {after.name}: {how}; no satellite can be compared: the files do not meet.")
        continue
    gaps = np.array(list(apart.values()))
    overlaps.append((after, apart, how))
    print(f"{before.name} → {after.name}: {how}; {gantry.counted(len(apart), 'satellite')}, median {np.median(gaps) * 100:.1f} cm, largest {gaps.max() * 100:.1f} cm ({max(apart, key=apart.get)})")

for after, apart, how in overlaps if len(overlaps) <= n_overlaps_drawn else []:
    figure, axis = plt.subplots(figsize=(10, 3.6), layout="constrained")
    axis.bar(range(len(apart)), np.array(list(apart.values())) * 100)
    axis.set_xticks(range(len(apart)), list(apart), rotation=90, fontsize=6 if len(apart) > 60 else 8)
    axis.margins(x=0.01)
    axis.set_yscale("log")
    axis.set_ylabel("apart by at most [cm]")
    axis.set_title(f"overlap: {how}")
    axis.grid(axis="y", alpha=0.4)
    plt.show()
if len(overlaps) > n_overlaps_drawn:
    figure, axis = plt.subplots(figsize=(10, 3.6), layout="constrained")
    midnights = [after.epochs[0] for after, _, _ in overlaps]
    for label, of in [("largest", np.max), ("median", np.median)]:
        axis.plot(midnights, [of(list(apart.values())) * 100 for _, apart, _ in overlaps], "o-", markersize=3, label=label)
    axis.set_yscale("log")
    axis.set_ylabel("apart by at most [cm]")
    axis.set_title(f"overlap of {gantry.counted(len(overlaps), 'pair')} of days, over the satellites")
    axis.grid(alpha=0.4)
    axis.legend()
    plt.show()

# %% [markdown]
# ### Clocks
#
# Biases against the reference of the file, each less its own straight line, so that what is left is how the clock behaves.
# The clocks of an orbit file serve when no clock file was staged; their predicted part is dashed, and the line is that of the observed part.

# %%
clock_names = None  # such as ["G01", "E11", "BRUX"]; None takes the first satellites of each constellation

predicted = {}  # satellite → at which epochs its clock is a prediction, by the flags of an orbit file
if clocks:
    first = clocks[0]
    every = {**first.satellites, **first.stations}
    epochs, reference = first.epochs, ", ".join(first.references) or "the reference of the file"
elif orbits:
    first = orbits[0]
    every = {name: first.clock_s[number] for number, name in enumerate(first.satellites)}
    predicted = {name: first.is_clock_predicted[number] for number, name in enumerate(first.satellites)}
    epochs, reference = first.epochs, "the reference of the orbit file"
else:
    every = {}
    print("No clocks in this selection.")

if every:
    enough = [name for name, values in every.items() if np.isfinite(values).sum() >= 3]
    letters = list(dict.fromkeys(name[0] for name in enough if len(name) == 3)) or [None]
    default = [name for letter in letters for name in [name for name in enough if letter is None or (len(name) == 3 and name[0] == letter)][:max(1, n_satellites_shown // len(letters))]]
    names = [name for name in clock_names or default if name in every]
    if len(names) == 0:
        print(f"No clock has three epochs or more here; {gantry.counted(len(every), 'clock')} at {gantry.counted(epochs.size, 'epoch')}. Biases at the first epoch, against {reference}:")
        biases = {name: values[np.isfinite(values)][0] * 1e6 for name, values in every.items() if np.isfinite(values).any()}
        figure, axis = plt.subplots(figsize=(10, 3.6), layout="constrained")
        satellites = [name for name in biases if len(name) == 3 and name[1:].isdigit()]
        axis.bar(range(len(satellites)), [biases[name] for name in satellites])
        axis.set_xticks(range(len(satellites)), satellites, rotation=90, fontsize=6 if len(satellites) > 60 else 8)
        axis.margins(x=0.01)
        axis.set_ylabel("bias [µs]")
        axis.set_title(f"{first.name}: against {reference}")
        plt.show()
    else:
        seconds = (epochs - epochs[0]) / np.timedelta64(1, "s")
        figure, axis = plt.subplots(figsize=(9, 4.6), layout="constrained")
        for name in names:
            there = np.isfinite(every[name])
            observed = there & ~predicted.get(name, np.zeros_like(there))
            good = observed if observed.sum() >= 3 else there
            line = np.polynomial.Polynomial.fit(seconds[good], every[name][good], 1)
            residual_ns = (every[name] - line(seconds)) * 1e9
            rate = line.convert().coef[1] if line.convert().coef.size > 1 else 0.0
            drawn, = axis.plot(epochs[good], residual_ns[good], linewidth=1, marker="." if good.sum() < 100 else None, label=name)
            if (there & ~good).any():
                axis.plot(epochs, np.where(there & ~good, residual_ns, np.nan), "--", linewidth=1, color=drawn.get_color())
            ahead = f"; {gantry.counted((there & ~good).sum(), 'epoch')} predicted" if (there & ~good).any() else ""
            print(f"{name}: rate {rate:+.3e} s/s, scatter {residual_ns[good].std():.3f} ns about the line, {gantry.counted(good.sum(), 'epoch')}{ahead}")
        if any(predicted[name].any() for name in names if name in predicted):
            axis.plot([], [], "--", color="k", label="predicted")
        locator = mdates.AutoDateLocator()
        axis.xaxis.set_major_locator(locator)
        axis.xaxis.set_major_formatter(mdates.ConciseDateFormatter(locator, show_offset=False))
        axis.set_xlabel(f"GPST, from {str(epochs[0])[:10]} on")
        axis.set_ylabel("bias less its line [ns]")
        axis.grid(alpha=0.4)
        axis.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=8)
        axis.set_title(f"{first.name}: against {reference}, detrended")
        plt.show()
