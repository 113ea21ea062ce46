# %% [markdown]
# ## {{heading}}
#
# A catalogue of sources.
# The units are those of the file's TUNIT cards; where a card says `None` or nothing, the column has no unit.

# %%
import numpy as np
import matplotlib.pyplot as plt
from astropy.coordinates import SkyCoord
from astropy.io import fits

product = products[{{index}}]
path = gantry.volume(product["volume"]) / product["path"]
hdus = fits.open(path, memmap=True)
table = next(hdu for hdu in hdus if isinstance(hdu, (fits.BinTableHDU, fits.TableHDU)))

columns = {column.name.upper(): column for column in table.columns}
units = {name: column.unit if column.unit not in (None, "", "None", "none", "unknown") else None for name, column in columns.items()}

for keyword in ["TELESCOP", "INSTRUME", "VERSION", "PROCVER", "ORIGIN", "DATE", "DATE-OBS", "DATE-END"]:
    value = table.header.get(keyword, hdus[0].header.get(keyword))
    if value is not None:
        print(f"{keyword:9}{value}")
print(f"\n{table.name}: {len(table.data)} sources, {len(columns)} columns")
for name, unit in units.items():
    print(f"  {name:16} {columns[name].format:>6}  {unit or 'no unit'}")

# %% [markdown]
# ### Where they are
#
# Galactic coordinates, Mollweide, longitude growing to the left from the galactic centre in the middle.
# `colour_by` is any numeric column.

# %%
colour_by = next((name for name in ["SNR", "DETFLUX", "REDSHIFT"] if name in columns), None)

if {"GLON", "GLAT"} <= columns.keys():
    l_deg, b_deg = (np.asarray(table.data[columns[name].name], dtype=float) for name in ["GLON", "GLAT"])
elif {"RA", "DEC"} <= columns.keys():
    equatorial = SkyCoord(table.data[columns["RA"].name], table.data[columns["DEC"].name], unit="deg")
    l_deg, b_deg = equatorial.galactic.l.deg, equatorial.galactic.b.deg
    print("No GLON and GLAT in the file: turned from RA and DEC, taken to be ICRS.")
else:
    l_deg = b_deg = np.array([])
    print("No positions in this file.")

if l_deg.size:
    colour = np.asarray(table.data[columns[colour_by].name], dtype=float) if colour_by else None
    figure, axis = plt.subplots(figsize=(10, 5.4), subplot_kw={"projection": "mollweide"}, layout="constrained")
    dots = axis.scatter(
        -np.radians((l_deg + 180) % 360 - 180), np.radians(b_deg), c=colour, s=6, cmap="viridis",
        **({"vmin": np.nanpercentile(colour, 1), "vmax": np.nanpercentile(colour, 99)} if colour is not None else {}),
    )
    axis.set_xticks(np.radians(np.arange(-120, 121, 60)), [f"{-l % 360}°" for l in range(-120, 121, 60)])
    axis.grid(alpha=0.4)
    axis.set_xlabel("galactic longitude l [deg]")
    axis.set_ylabel("galactic latitude b [deg]")
    axis.set_title(f"{product['title'] or path.name}: {l_deg.size} sources")
    if colour is not None:
        figure.colorbar(dots, label=f"{colour_by} [{units[colour_by] or 'no unit'}]", extend="both", shrink=0.8)
    plt.show()

# %% [markdown]
# ### How many above a flux
#
# Cumulative counts, not corrected for completeness: where the curve flattens, the catalogue ends before the sky does.
# Without a flux column the signal-to-noise ratio takes its place; that is a property of the survey, not of the sources.

# %%
flux_columns = ["DETFLUX", "APERFLUX", "PSFFLUX", "GAUFLUX", "FLUX", "S/N", "SNR"]  # the first that is there is taken
to_mjy = {"mJy": 1.0, "Jy": 1000.0}

flux_column = next((name for name in flux_columns if name in columns), None)
if flux_column is None:
    print("Neither a flux nor a signal-to-noise column: no counts.")
else:
    flux = np.asarray(table.data[columns[flux_column].name], dtype=float)
    unit = units[flux_column]
    if unit in to_mjy:
        flux, unit = flux * to_mjy[unit], "mJy"
    elif flux_column in ("S/N", "SNR"):
        print(f"No flux column in this file: counts over {flux_column}.")
        unit = "no unit"
    else:
        print(f"The unit of {flux_column} is stated as {unit}: left as it is.")
        unit = unit or "unit not stated"
    flux = np.sort(flux[np.isfinite(flux) & (flux > 0)])[::-1]
    n_above = np.arange(1, flux.size + 1)
    plt.figure(figsize=(7, 4.5), layout="constrained")
    plt.loglog(flux, n_above, drawstyle="steps-pre")
    plt.grid(which="both", alpha=0.3)
    plt.xlabel(f"{flux_column} [{unit}]")
    plt.ylabel("number of sources above it")
    plt.title(f"{'log N – log S' if unit == 'mJy' else 'log N – log ' + flux_column}, {flux.size} sources, all sky")
    plt.show()
