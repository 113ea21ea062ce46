# %% [markdown]
# ## {{heading}}
#
# Spectra and light curves of Gaia sources, from every file of this kind in the selection.

# %%
import numpy as np
import matplotlib.pyplot as plt
from gantry import gaia

n_sources_shown = 6
n_rows_read = 500  # of a bulk file, which holds tens of thousands

KINDS = {"XP_SAMPLED": "sampled XP spectrum", "XP_CONTINUOUS": "continuous XP spectrum", "RVS": "RVS spectrum", "EPOCH_PHOTOMETRY": "light curve"}

spectra, coefficients, curves = [], [], []
read_of = {}  # what was found in each file, by the place of its product
for index in {{indices}}:
    product = products[index]
    path = gantry.volume(product["volume"]) / product["path"]
    try:
        found = read_of[index] = gaia.read_products(path, n_rows_read)
    except gaia.GaiaError as error:
        print(f"This file cannot be opened: {error}")
        continue
    spectra += found.spectra
    coefficients += found.coefficients
    curves += found.curves
    if not (found.spectra or found.coefficients or found.curves or found.others):
        kind = next((kind for kind in KINDS if path.name.upper().startswith(kind)), None)
        print(f"No source had {'a product' if kind is None else kind}: the archive's answer is empty ({path.name}).")
    if found.is_cut:
        print(f"{path.name} holds more: the first {n_rows_read} rows were read.")
    for name in found.others:
        print(f"not drawn: {name}, a product of another kind")

of_kind = {
    "XP_SAMPLED": [spectrum for spectrum in spectra if spectrum.kind == "XP_SAMPLED"], "XP_CONTINUOUS": coefficients,
    "RVS": [spectrum for spectrum in spectra if spectrum.kind == "RVS"], "EPOCH_PHOTOMETRY": curves,
}
sampled, rvs = of_kind["XP_SAMPLED"], of_kind["RVS"]


def named(source):
    """What a source is called; a file may not say whose its spectrum is."""
    return "unknown source" if source is None else str(source)


for name, found in [("sampled XP", sampled), ("continuous XP", coefficients), ("RVS", rvs), ("light curves", curves)]:
    ids = list(dict.fromkeys(one.source_id for one in found))
    if ids:
        print(f"{name}: {gantry.counted(len(ids), 'source')}: {', '.join(map(named, ids[:n_sources_shown]))}{' …' if len(ids) > n_sources_shown else ''}")

# %% [markdown]
# ### Which sources had none
#
# A source without a product has no row in the archive's answer, and no error either.
# Each kind is compared with the sources that it was asked for; where that is not known, with those of the tables in this selection and of every file here.

# %%
asked_of = {}  # kind → the sources it was asked for
for product in products:
    kind = next((kind for kind in KINDS if (product["path"] or "").rsplit("/", 1)[-1].upper().startswith(kind)), None)
    asked_of.setdefault(kind, set()).update(int(source) for source in product.get("sources") or [])

others = {one.source_id for found in of_kind.values() for one in found} | asked_of.get(None, set())
for product in products:
    if product["path"] and product["path"].lower().endswith((".vot", ".vot.gz", ".ecsv")) and "XP_" not in product["path"]:
        try:
            for table in gaia.read_tables(gantry.volume(product["volume"]) / product["path"]):
                if "source_id" in table.table.colnames and len(table.table) <= 5000:
                    others |= {int(source) for source in np.ma.masked_array(table.table["source_id"]).compressed()}
        except gaia.GaiaError:
            pass  # its own block says what is wrong with it

for kind, name in KINDS.items():
    found = {one.source_id for one in of_kind[kind]}
    asked = asked_of.get(kind) or (others if found else set())
    none = sorted(asked - found - {None})
    if None in found:
        print(f"one {name} or more does not say whose it is, so whether a source has none is not known for sure.")
    if none:
        print(f"no {name}: {', '.join(map(str, none[:50]))}{f' and {len(none) - 50} more' if len(none) > 50 else ''}")
    elif asked - {None}:
        print(f"every source {'that was asked for' if asked_of.get(kind) else 'in these files and tables'} has its {name}: {len(asked - {None})} of {len(asked - {None})}.")
if not any(of_kind.values()) and not any(asked_of.values()):
    print("Which sources were asked for is not known here.")
for index in read_of:
    for warning in products[index]["warnings"] or []:
        print(f"noted when it was staged: {warning}")
without = [f"{named(one.source_id)}: the {band} part is missing" for one in coefficients for band, values in one.values.items() if not values.size]
print("\n".join(without[:10]), end="\n" if without else "")
if len(without) > 10:
    print(f"and {gantry.counted(len(without) - 10, 'more part')}: the file has no coefficients of that band for these sources")

# %% [markdown] when="sampled"
# ### Sampled spectra
#
# Mean spectra of the two photometers on one grid from 336 to 1020 nm, flux outside the atmosphere in W m⁻² nm⁻¹, with the errors as a band.

# %% when="sampled"
if not sampled:
    print("No sampled XP spectrum here.")
else:
    figure, axis = plt.subplots(figsize=(9, 4.6), layout="constrained")
    for spectrum in sampled[:n_sources_shown]:
        line, = axis.plot(spectrum.wavelength_nm, spectrum.flux, linewidth=1, label=named(spectrum.source_id))
        axis.fill_between(spectrum.wavelength_nm, spectrum.flux - spectrum.flux_error, spectrum.flux + spectrum.flux_error, color=line.get_color(), alpha=0.3, linewidth=0)
    axis.set_xlim(336, 1020)
    axis.set_xlabel("wavelength [nm]")
    axis.set_ylabel("flux [W m⁻² nm⁻¹]")
    axis.set_title(f"sampled XP spectra, {min(len(sampled), n_sources_shown)} of {len(sampled)}")
    axis.grid(alpha=0.4)
    axis.legend(title="source_id")
    plt.show()

# %% [markdown] when="continuous"
# ### Continuous spectra are coefficients
#
# These are no fluxes: each band is a sum of basis functions, and the file holds their coefficients.
# Without the basis functions, which are not in the file, they cannot be drawn over wavelength; the package GaiaXPy has them.
# Here are the coefficients over their number, with errors; those behind the dotted line were found not to matter.

# %% when="continuous"
if not coefficients:
    print("No continuous XP spectrum here.")
else:
    print("The coefficients of basis functions, not a spectrum.")
    figure, axes = plt.subplots(2, 1, figsize=(9, 6), sharex=True, layout="constrained")
    for axis, band in zip(axes, ["BP", "RP"]):
        for one in coefficients[:n_sources_shown]:
            values = one.values[band]
            if values.size:
                bars = axis.errorbar(np.arange(1, values.size + 1), values, yerr=one.errors[band] if one.errors[band].size == values.size else None, fmt="o", markersize=3, elinewidth=0.8, label=named(one.source_id))
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

# %% [markdown] when="rvs"
# ### Radial velocity spectrometer
#
# Mean spectra around the calcium triplet, 846 to 870 nm in vacuum and at rest, in parts of the continuum.

# %% when="rvs"
if not rvs:
    print("No RVS spectrum here.")
else:
    figure, axis = plt.subplots(figsize=(9, 4.2), layout="constrained")
    for spectrum in rvs[:n_sources_shown]:
        axis.plot(spectrum.wavelength_nm, spectrum.flux, linewidth=0.8, label=named(spectrum.source_id))
    axis.set_xlabel("wavelength [nm]")
    axis.set_ylabel("flux [parts of the continuum]")
    axis.set_title(f"RVS spectra, {min(len(rvs), n_sources_shown)} of {len(rvs)}")
    axis.grid(alpha=0.4)
    axis.legend(title="source_id")
    plt.show()

# %% [markdown] when="curves"
# ### Light curves
#
# Time is BJD(TCB) − 2455197.5 d, days from 2010-01-01T00:00 TCB at the barycentre.
# Epochs that the photometry or the variability processing rejected are grey.

# %% when="curves"
sources_with_curves = list(dict.fromkeys(curve.source_id for curve in curves))
if not curves:
    print("No light curve here.")
for source in sources_with_curves[:n_sources_shown]:
    mine = [curve for curve in curves if curve.source_id == source]
    n_rejected = sum(curve.is_rejected.sum() for curve in mine)
    counts = [f"{gantry.counted(curve.time_d.size, 'epoch')} in {curve.band}" for curve in mine]
    print(f"{named(source)}: {', '.join(counts)}; {n_rejected} rejected")
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
    axis.set_title(named(source) if source is None else f"source {source}")
    axis.grid(alpha=0.4)
    axis.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    plt.show()
