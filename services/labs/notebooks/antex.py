# %% [markdown]
# ## {{heading}}
#
# Antenna calibrations (ANTEX): where the phase centre of each antenna lies, and how it varies with direction.
# For satellites the angle is the one at the antenna from the direction to the Earth (nadir angle), for receivers the zenith angle.

# %%
import numpy as np
import matplotlib.pyplot as plt
from gantry import gnss

product = products[{{index}}]
path = gantry.volume(product["volume"]) / product["path"]

calibrations = None
try:
    calibrations = gnss.read_antennas(path)
except gnss.GnssError as error:
    print(f"This file cannot be opened: {error}")

antenna_table = None
if calibrations:
    satellites = [one for one in calibrations.antennas if one.is_satellite]
    receivers = [one for one in calibrations.antennas if not one.is_satellite]
    print(f"{calibrations.name}: ANTEX {calibrations.version}, {'absolute' if calibrations.kind == 'A' else 'relative'} values, model {calibrations.model or 'not stated'}")
    print(f"{gantry.counted(len(satellites), 'satellite antenna')}, {gantry.counted(len(receivers), 'receiver antenna')}")
    for note in calibrations.notes:
        print(f"noted: {note}")
    antenna_table = gantry.Table(
        ["", "antenna", "satellite or serial number", "valid from", "until", "method", "signals"],
        [[number, one.type, one.serial, str(one.valid_from or "")[:10], str(one.valid_until or "")[:10], one.method, " ".join(one.signals)] for number, one in enumerate(calibrations.antennas)],
        height=24,
    )
antenna_table

# %% [markdown]
# ### Phase centres
#
# One satellite and one receiver antenna: the variation of the phase centre over the angle, all signals, without dependence on the azimuth.
# The offsets are those of the mean phase centre from the satellite's centre of mass, or from the antenna's reference point.

# %%
satellite = None  # such as "E04"; None takes the first that varies
receiver = None   # such as "TRM59800.00"; None likewise

if calibrations:
    def chosen(antennas, name, word):
        """The antenna asked for, or the first whose phase centre varies."""
        fitting = [one for one in antennas if name is None or word(one).startswith(name)]
        varying = [one for one in fitting if any(np.ptp(signal.variation_mm) > 0 for signal in one.signals.values())]
        return next(iter(varying or fitting), None)

    shown = [one for one in [chosen(satellites, satellite, lambda one: one.serial), chosen(receivers, receiver, lambda one: one.type)] if one]
    if not shown:
        print("No antenna of that name in this file.")
    else:
        figure, axes = plt.subplots(1, len(shown), figsize=(5.2 * len(shown), 4.2), squeeze=False, layout="constrained")
        for axis, one in zip(axes[0], shown):
            print(f"{one.type} {one.serial}:")
            for name, signal in one.signals.items():
                axis.plot(signal.zenith_deg, signal.variation_mm, label=name)
                labels = ("x", "y", "z") if one.is_satellite else ("north", "east", "up")
                print(f"  {name}: offset " + ", ".join(f"{label} {value:+.2f}" for label, value in zip(labels, signal.offset_mm)) + " mm")
            axis.set_xlabel("nadir angle [deg]" if one.is_satellite else "zenith angle [deg]")
            axis.set_ylabel("phase centre variation [mm]")
            axis.set_title(f"{one.type} {one.serial}".strip())
            axis.grid(alpha=0.4)
            axis.legend(title="signal")
        plt.show()
