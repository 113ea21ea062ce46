# %% [markdown]
# ## {{heading}}
#
# Observations of one station, all its files of this selection together.
# The card is what the first file says of itself; times are in GPST.

# %%
import numpy as np
import matplotlib.dates as mdates
import matplotlib.pyplot as plt
from gantry import gnss

observation_indices = {{indices}}
orbit_indices = {{orbits}}  # navigation or orbit files that were staged with it


def path_of(product):
    return gantry.volume(product["volume"]) / product["path"]


def read_or_say(read, product, *arguments):
    """What a reader gives, or None and a sentence."""
    try:
        return read(path_of(product), *arguments)
    except gnss.GnssError as error:
        print(f"This file cannot be opened: {error}")
        return None


observations = next((found for index in observation_indices if (found := read_or_say(gnss.read_observations, products[index], "SC")) is not None), None)
if observations is None:
    print("No observations to show.")
else:
    constellations = {letter: name for letter, name in gnss.SYSTEMS.items() if letter in observations.rows}
    position_m = observations.position_m
    for name, value in [
        ("file", observations.name),
        ("RINEX", observations.version),
        ("marker", f"{observations.marker} {observations.number}".strip()),
        ("receiver", observations.receiver),
        ("antenna", observations.antenna),
        ("position", None if position_m is None else "{:.4f}°, {:.4f}°, {:.1f} m (approximate)".format(*gnss.geodetic(position_m))),
        ("interval", f"{observations.step_s():g} s{'' if observations.interval_s else ' (not stated: the usual step)'}"),
        ("time", f"stated in {observations.time_scale}, drawn in GPST"),
        ("epochs", f"{observations.epochs.size}, {str(observations.epochs[0])[:19]} to {str(observations.epochs[-1])[:19]}"),
        ("satellites", f"{len(observations.satellites)}: " + ", ".join(f"{sum(s[0] == letter for s in observations.satellites)} {name}" for letter, name in constellations.items())),
        ("noted", "; ".join(observations.notes)),
    ]:
        print(f"{name:11}{value or 'not stated' if name != 'noted' else value or 'nothing'}")

# %% [markdown]
# ### Which satellites, when
#
# A mark for each epoch at which a satellite gave any value, coloured by constellation.

# %%
colours = {"G": "C0", "R": "C3", "E": "C1", "C": "C2", "J": "C4", "I": "C5", "S": "C7"}


def gpst_axis(axis, times):
    """Hours on one day, dates on several."""
    locator = mdates.AutoDateLocator()
    axis.xaxis.set_major_locator(locator)
    axis.xaxis.set_major_formatter(mdates.ConciseDateFormatter(locator, show_offset=False))
    axis.set_xlabel(f"GPST, from {str(times[0])[:10]} on")
    margin = max((times[-1] - times[0]) // 50, np.timedelta64(30_000_000_000, "ns"))
    axis.set_xlim(times[0] - margin, times[-1] + margin)


if observations is not None:
    seen = observations.seen()
    figure, axis = plt.subplots(figsize=(9, 1.6 + 0.085 * len(observations.satellites)), layout="constrained")
    for number, satellite in enumerate(observations.satellites):
        times = observations.epochs[seen[number]]
        axis.plot(times, np.full(times.size, number), "|" if observations.epochs.size > 50 else "s", color=colours.get(satellite[0], "k"), markersize=4, markeredgewidth=0.8)
    step = max(1, len(observations.satellites) // 40)
    axis.set_yticks(range(0, len(observations.satellites), step), observations.satellites[::step], fontsize=7)
    axis.set_ylim(len(observations.satellites), -1)
    for letter, name in constellations.items():
        axis.plot([], [], "s", color=colours.get(letter, "k"), label=name)
    axis.legend(loc="upper left", bbox_to_anchor=(1.01, 1))
    gpst_axis(axis, observations.epochs)
    axis.set_ylabel("satellite")
    axis.set_title(f"{observations.marker or observations.name}: what was observed")
    plt.show()

# %% [markdown] when="several"
# ### A range of days
#
# For each day the share of the epochs at which a satellite gave a value, of the epochs that the interval makes in a day.
# White is none, grey a day that is not here.
# Of many days only each so-manieth epoch is read, and days far apart first, until `budget_s` is over; a day that was not read is hatched.

# %% when="several"
budget_s = 25  # a day of all constellations takes about a second

if len(observation_indices) < 2:
    print("One file: no range of days to compare.")
else:
    import time
    from concurrent.futures import ThreadPoolExecutor

    every = 10 if len(observation_indices) > 5 else 1
    n_files = len(observation_indices)
    days_here = [gnss.day_of(products[index]["path"]) for index in observation_indices]
    print(gnss.days_told(days_here) or "The names of these files do not tell their days.")

    def spread(n):
        """All places from 0 to n, far apart first."""
        step = 1 << max(n - 1, 1).bit_length()
        return list(dict.fromkeys(place for power in range(step.bit_length()) for place in range(0, n, step >> power)))

    def shares_of(index):
        """Day, share of its epochs, share of each satellite; None after the budget, or when it cannot be read."""
        if time.monotonic() > deadline:
            return None
        try:
            read = gnss.read_observations(path_of(products[index]), "C", every)
        except gnss.GnssError as error:
            return str(error)
        per_day = 86400 / read.step_s() / (every if read.interval_s else 1)
        return read.epochs[len(read.epochs) // 2].astype("datetime64[D]"), read.epochs.size / per_day, dict(zip(read.satellites, read.seen().sum(axis=1) / per_day))

    deadline = time.monotonic() + budget_s
    places = spread(n_files)
    with ThreadPoolExecutor(2) as threads:
        read_days = dict(zip(places, threads.map(lambda place: shares_of(observation_indices[place]), places)))
    for error in [found for found in read_days.values() if isinstance(found, str)]:
        print(f"This file cannot be opened: {error}")
    unread = {days_here[place] for place, found in read_days.items() if found is None} - {None}
    days, shares = {}, {}
    for place, found in read_days.items():
        if isinstance(found, tuple):
            day, share, of_satellites = found
            day = day if days_here[place] is None else days_here[place]
            days[day] = days.get(day, 0) + share
            for satellite, share in of_satellites.items():
                shares[satellite, day] = shares.get((satellite, day), 0) + share
    if not days:
        print("None of the files can be read.")
    else:
        known = [*days, *(unread - set(days)), *(day for day in days_here if day is not None)]
        axis_days = np.arange(min(known), max(known) + 1)[:400]
        names = sorted({satellite for satellite, _ in shares}, key=lambda name: ("GRECJIS".find(name[0]), name))
        grid = np.array([[shares.get((name, day), 0.0 if day in days else np.nan) for day in axis_days] for name in names])
        figure, axis = plt.subplots(figsize=(min(14, 2.5 + 0.3 * max(len(axis_days), 10)), 1.6 + 0.085 * len(names)), layout="constrained")
        colour_map = plt.get_cmap("YlGnBu").with_extremes(bad="0.8", under="w")
        picture = axis.imshow(grid, aspect="auto", vmin=1e-9, vmax=max(shares.values(), default=1), cmap=colour_map, interpolation="nearest")
        for place, day in enumerate(axis_days):
            if day in unread and day not in days:
                axis.axvspan(place - 0.5, place + 0.5, facecolor="w", edgecolor="0.5", hatch="///", linewidth=0)
        step = max(1, -(-len(axis_days) // 31))
        axis.set_xticks(range(0, len(axis_days), step), [gnss.day_label(day) for day in axis_days[::step]], rotation=90 if len(axis_days) > 12 else 45, ha="center" if len(axis_days) > 12 else "right", fontsize=8)
        step = max(1, len(names) // 40)
        axis.set_yticks(range(0, len(names), step), names[::step], fontsize=7)
        axis.set_xlabel("day (GPST)")
        axis.set_ylabel("satellite")
        axis.set_title(f"completeness, {gantry.counted(len(days), 'day')}" + (f", each {every}th epoch" if every > 1 else ""))
        figure.colorbar(picture, label="share of the day's epochs")
        plt.show()
        for day in axis_days if len(axis_days) <= 10 else []:
            print(f"{day}: " + (f"{days[day]:.1%} of the epochs" if day in days else "not read" if day in unread else "no file"))
        if len(axis_days) > 10:
            poor = [f"{gnss.day_label(day)} ({share:.0%})" for day, share in sorted(days.items()) if share < 0.95]
            print(f"less than 95% of the epochs: {', '.join(poor[:10]) or 'no day'}{f' and {len(poor) - 10} more' if len(poor) > 10 else ''}")
    if unread:
        print(f"{gantry.counted(len(unread), 'day')} not read within {budget_s} s: raise budget_s.")

# %% [markdown]
# ### Signal strength
#
# C/N₀ by constellation and signal: the median over all satellites in steps of time.
# Old receivers state other units than dB-Hz, and some none at all.

# %%
n_signals_shown = 4  # of each constellation

strengths = {}
if observations is not None:
    for letter, rows in observations.rows.items():
        chosen = [number for number, code in enumerate(rows.codes) if code[0] == "S" and np.isfinite(rows.values[:, number]).any()]
        if chosen:
            strengths[letter] = [(rows.codes[number], rows.values[:, number]) for number in chosen[:n_signals_shown]]
    if not strengths:
        print("No signal strength in this file: it has no observations whose code begins with S.")
    else:
        span = (observations.epochs - observations.epochs[0]) / np.timedelta64(1, "s")
        n_bins = int(min(96, max(1, observations.epochs.size // 4)))
        bins = np.minimum((span / (span[-1] or 1) * n_bins).astype(int), n_bins - 1)
        middles = observations.epochs[0] + ((np.arange(n_bins) + 0.5) * (span[-1] or 1) / n_bins * 1e9).astype("timedelta64[ns]")
        figure, axes = plt.subplots(len(strengths), 1, figsize=(9, 0.8 + 1.7 * len(strengths)), sharex=True, squeeze=False, layout="constrained")
        for axis, (letter, signals) in zip(axes[:, 0], strengths.items()):
            rows = observations.rows[letter]
            for code, values in signals:
                medians = [np.nan] * n_bins
                for number in range(n_bins):
                    inside = values[(bins[rows.epoch] == number) & np.isfinite(values)]
                    medians[number] = np.median(inside) if inside.size else np.nan
                axis.plot(middles, medians, marker="." if n_bins < 30 else None, linewidth=1.2, label=code)
            axis.set_ylabel(f"{gnss.SYSTEMS[letter]}\n[dB-Hz]")
            axis.grid(alpha=0.4)
            axis.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=8)
        gpst_axis(axes[-1, 0], observations.epochs)
        figure.suptitle("median signal strength")
        plt.show()

# %% [markdown]
# ### Sky plot
#
# Where the satellites stood, from the navigation or orbit files that were staged with the observations.
# From observations alone that cannot be known.
# `mask_deg` is drawn as a circle.

# %%
mask_deg = 10.0
step_s = 300  # between points of a track

sources = []
for index in orbit_indices:
    kind = read_or_say(gnss.kind_of, products[index])
    read = {"NAV": gnss.read_navigation, "ORB": gnss.read_orbits}.get(kind)
    found = read and read_or_say(read, products[index])
    if found:
        sources.append(found)
        print(f"{found.name}: {gantry.counted(len(found.satellites), 'satellite')}" + "".join(f"; {note}" for note in found.notes))

sky = {}  # satellite → indices of epochs, elevation, azimuth
if observations is None:
    pass
elif not sources:
    print("No sky plot: where satellites stand cannot be known from observations alone. Stage the day's navigation (MN) or orbits (ORB) with them.")
elif position_m is None:
    print("No sky plot: the header does not state where the station is.")
else:
    thin = np.unique(np.linspace(0, observations.epochs.size - 1, min(observations.epochs.size, int(max(2, observations.epochs.size * observations.step_s() // step_s)))).astype(int))
    for number, satellite in enumerate(observations.satellites):
        chosen = thin[seen[number, thin]]
        for source in sources:
            if satellite in source.satellites and chosen.size and satellite not in sky:
                elevation, azimuth = gnss.elevation_azimuth(position_m, source.position_at(satellite, observations.epochs[chosen]))
                if np.isfinite(elevation).any():
                    sky[satellite] = (chosen, elevation, azimuth)
    if not sky:
        print("No sky plot: the navigation or orbits that were staged are of another time or of other satellites.")
    else:
        figure, axis = plt.subplots(figsize=(7, 6.4), subplot_kw={"projection": "polar"}, layout="constrained")
        axis.set_theta_zero_location("N")
        axis.set_theta_direction(-1)
        for satellite, (_, elevation, azimuth) in sky.items():
            axis.plot(np.radians(azimuth), 90 - elevation, ".", markersize=3, color=colours.get(satellite[0], "k"))
            last = np.flatnonzero(np.isfinite(elevation))[-1]
            axis.annotate(satellite, (np.radians(azimuth[last]), 90 - elevation[last]), fontsize=6, color=colours.get(satellite[0], "k"))
        axis.plot(np.linspace(0, 2 * np.pi, 181), np.full(181, 90 - mask_deg), color="0.5", linestyle="--", linewidth=1)
        axis.set_ylim(0, 90)
        axis.set_yticks([0, 30, 60, 90], ["90°", "60°", "30°", ""])
        axis.set_xticks(np.radians(range(0, 360, 45)), ["N", "NE", "E", "SE", "S", "SW", "W", "NW"])
        for letter, name in constellations.items():
            if any(satellite[0] == letter for satellite in sky):
                axis.plot([], [], "o", color=colours.get(letter, "k"), label=name)
        axis.legend(loc="upper left", bbox_to_anchor=(1.05, 1))
        axis.set_title(f"{observations.marker or observations.name}: {len(sky)} of {len(observations.satellites)} satellites, label at the last epoch")
        plt.show()

# %% [markdown] when="orbits"
# ### Signal strength over elevation
#
# The first signal of each constellation: a fall towards the horizon that differs from the others' shows obstructions or interference.

# %% when="orbits"
if not sky or not strengths:
    print("No signal strength over elevation: it needs the sky plot and observations of signal strength.")
else:
    figure, axis = plt.subplots(figsize=(8, 4.4), layout="constrained")
    for letter, signals in strengths.items():
        code, values = signals[0]
        rows = observations.rows[letter]
        at = {(observations.satellites[satellite], epoch): value for satellite, epoch, value in zip(rows.satellite, rows.epoch, values) if np.isfinite(value)}
        points = np.array([
            (elevation, at[satellite, epoch])
            for satellite, (epochs, elevations, _) in sky.items() if satellite[0] == letter
            for epoch, elevation in zip(epochs, elevations) if np.isfinite(elevation) and (satellite, epoch) in at
        ])
        if points.size:
            axis.plot(points[:, 0], points[:, 1], ".", markersize=3, color=colours.get(letter, "k"), label=f"{gnss.SYSTEMS[letter]} {code}")
    axis.set_xlim(0, 90)
    axis.set_xlabel("elevation [deg]")
    axis.set_ylabel("signal strength [dB-Hz]")
    axis.grid(alpha=0.4)
    axis.legend(markerscale=3, loc="center left", bbox_to_anchor=(1.01, 0.5))
    axis.set_title(f"{observations.marker or observations.name}")
    plt.show()
