# %% [markdown]
# ## {{heading}}
#
# Spectra and light curves of Gaia sources, from every file of this kind in the selection.

# %%
import numpy as np
import matplotlib.pyplot as plt
from gantry import gaia

n_sources_shown = 6

spectra, coefficients, curves = [], [], []
for index in {{indices}}:
    product = products[index]
    try:
        found = gaia.read_products(gantry.volume(product["volume"]) / product["path"])
    except gaia.GaiaError as error:
        print(f"This file cannot be opened: {error}")
        continue
    spectra += found.spectra
    coefficients += found.coefficients
    curves += found.curves
    for name in found.others:
        print(f"not drawn: {name}, a product of another kind")

sampled, rvs = ([spectrum for spectrum in spectra if spectrum.kind == kind] for kind in ["XP_SAMPLED", "RVS"])
for name, found in [("sampled XP", sampled), ("continuous XP", coefficients), ("RVS", rvs), ("light curves", curves)]:
    ids = list(dict.fromkeys(one.source_id for one in found))
    if ids:
        print(f"{name}: {len(ids)} source{'' if len(ids) == 1 else 's'}: {', '.join(map(str, ids[:n_sources_shown]))}{' …' if len(ids) > n_sources_shown else ''}")

# %% [markdown]
# ### Which sources had none
#
# A source without a product has no row in the archive's answer, and no error either.
# `asked` are the sources that were asked for: by default those of the tables in this selection, and of every file here.

# %%
asked = {one.source_id for one in [*spectra, *coefficients, *curves]}
for product in products:
    asked |= {int(source) for source in product.get("sources") or []}
    if product["path"] and product["path"].lower().endswith((".vot", ".vot.gz", ".ecsv")) and "XP_" not in product["path"]:
        try:
            for table in gaia.read_tables(gantry.volume(product["volume"]) / product["path"]):
                if "source_id" in table.table.colnames and len(table.table) <= 5000:
                    asked |= {int(source) for source in table.table["source_id"]}
        except gaia.GaiaError:
            pass  # its own block says what is wrong with it

for name, found in [("sampled XP spectrum", sampled), ("continuous XP spectrum", coefficients), ("RVS spectrum", rvs), ("light curve", curves)]:
    none = sorted(asked - {one.source_id for one in found})
    if found and none:
        print(f"no {name}: {', '.join(map(str, none[:50]))}{f' and {len(none) - 50} more' if len(none) > 50 else ''}")
    elif found:
        print(f"every source that was asked for has a {name}: {len(asked)} of {len(asked)}.")
    elif asked:
        print(f"No {name} was staged.")
without = [(one.source_id, band) for one in coefficients for band, values in one.values.items() if not values.size]
for source, band in without:
    print(f"{source}: the {band} part is missing")

# %% [markdown]
# ### Sampled spectra
#
# Mean spectra of the two photometers on one grid from 336 to 1020 nm, flux outside the atmosphere in W m⁻² nm⁻¹, with the errors as a band.

# %%
if not sampled:
    print("No sampled XP spectrum here.")
else:
    figure, axis = plt.subplots(figsize=(9, 4.6), layout="constrained")
    for spectrum in sampled[:n_sources_shown]:
        line, = axis.plot(spectrum.wavelength_nm, spectrum.flux, linewidth=1, label=str(spectrum.source_id))
        axis.fill_between(spectrum.wavelength_nm, spectrum.flux - spectrum.flux_error, spectrum.flux + spectrum.flux_error, color=line.get_color(), alpha=0.3, linewidth=0)
    axis.set_xlim(336, 1020)
    axis.set_xlabel("wavelength [nm]")
    axis.set_ylabel("flux [W m⁻² nm⁻¹]")
    axis.set_title(f"sampled XP spectra, {min(len(sampled), n_sources_shown)} of {len(sampled)}")
    axis.grid(alpha=0.4)
    axis.legend(title="source_id")
    plt.show()

# %% [markdown]
# ### Continuous spectra are coefficients
#
# These are no fluxes: each band is a sum of basis functions, and the file holds their coefficients.
# Without the basis functions, which are not in the file, they cannot be drawn over wavelength; the package GaiaXPy has them.
# Here are the coefficients over their number, with errors; those behind the dotted line were found not to matter.

# %%
if not coefficients:
    print("No continuous XP spectrum here.")
else:
    print("The coefficients of basis functions, not a spectrum.")
    figure, axes = plt.subplots(2, 1, figsize=(9, 6), sharex=True, layout="constrained")
    for axis, band in zip(axes, ["BP", "RP"]):
        for one in coefficients[:n_sources_shown]:
            values = one.values[band]
            if values.size:
                bars = axis.errorbar(np.arange(1, values.size + 1), values, yerr=one.errors[band] if one.errors[band].size == values.size else None, fmt="o", markersize=3, elinewidth=0.8, label=str(one.source_id))
                if one.n_relevant[band]:
                    axis.axvline(one.n_relevant[band] + 0.5, color=bars[0].get_color(), linestyle=":", linewidth=1)
        axis.set_yscale("symlog", linthresh=100)
        axis.margins(y=0.1)
        axis.set_ylabel(f"{band} coefficient\n[no unit]")
        axis.grid(alpha=0.4)
        if axis.get_legend_handles_labels()[0]:
            axis.legend(title="source_id", fontsize=8, loc="center left", bbox_to_anchor=(1.01, 0.5))
        else:
            axis.text(0.5, 0.5, f"the {band} part is missing", transform=axis.transAxes, ha="center")
    axes[1].set_xlabel("number of the basis function")
    figure.suptitle("continuous XP spectra: coefficients, not fluxes")
    plt.show()

# %% [markdown]
# ### Radial velocity spectrometer
#
# Mean spectra around the calcium triplet, 846 to 870 nm in vacuum and at rest, in parts of the continuum.

# %%
if not rvs:
    print("No RVS spectrum here.")
else:
    figure, axis = plt.subplots(figsize=(9, 4.2), layout="constrained")
    for spectrum in rvs[:n_sources_shown]:
        axis.plot(spectrum.wavelength_nm, spectrum.flux, linewidth=0.8, label=str(spectrum.source_id))
    axis.set_xlabel("wavelength [nm]")
    axis.set_ylabel("flux [parts of the continuum]")
    axis.set_title(f"RVS spectra, {min(len(rvs), n_sources_shown)} of {len(rvs)}")
    axis.grid(alpha=0.4)
    axis.legend(title="source_id")
    plt.show()

# %% [markdown]
# ### Light curves
#
# Time is BJD(TCB) − 2455197.5 d, days from 2010-01-01T00:00 TCB at the barycentre.
# Epochs that the photometry or the variability processing rejected are grey.

# %%
sources_with_curves = list(dict.fromkeys(curve.source_id for curve in curves))
if not curves:
    print("No light curve here.")
for source in sources_with_curves[:n_sources_shown]:
    mine = [curve for curve in curves if curve.source_id == source]
    n_rejected = sum(curve.is_rejected.sum() for curve in mine)
    print(f"{source}: {', '.join(f'{curve.time_d.size} epochs in {curve.band}' for curve in mine)}; {n_rejected} rejected")
    figure, axis = plt.subplots(figsize=(9, 4.2), layout="constrained")
    for curve, colour in zip(mine, ["C2", "C0", "C3"]):
        good = ~curve.is_rejected
        axis.plot(curve.time_d[good], curve.mag[good], ".", color=colour, label=curve.band)
        axis.plot(curve.time_d[~good], curve.mag[~good], "x", color="0.6", markersize=5)
    if n_rejected:
        axis.plot([], [], "x", color="0.6", label="rejected")
    axis.invert_yaxis()
    axis.set_xlabel("BJD(TCB) − 2455197.5 [d]")
    axis.set_ylabel("magnitude [mag]")
    axis.set_title(f"source {source}")
    axis.grid(alpha=0.4)
    axis.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    plt.show()
