# %% [markdown]
# ## {{heading}}
#
# An angular power spectrum.
# Everything below is in D_ℓ = ℓ(ℓ+1) C_ℓ / 2π.

# %%
import numpy as np
import matplotlib.pyplot as plt
from astropy.io import fits

product = products[{{index}}]
path = gantry.volume(product["volume"]) / product["path"]


def read_spectra(path):
    """Every table of the file: (what it is, its columns by name, their units by name)."""
    if ".fits" not in path.name.lower():
        with open(path) as file:
            lines = file.readlines()
        comments = [line.lstrip("# ").split() for line in lines if line.startswith("#")]
        values = np.atleast_2d(np.loadtxt(path))
        # The last comment with one word per column names the columns; PLA's is "l Dl -dDl +dDl".
        names = next((words for words in reversed(comments) if len(words) == values.shape[1]), ["l", "Dl", "-dDl", "+dDl", "BestFit"])
        columns = dict(zip(names, values.T))
        return [(path.name, columns, {name: "µK²" for name in names[1:]})]
    spectra = []
    for hdu in fits.open(path):
        if isinstance(hdu, (fits.BinTableHDU, fits.TableHDU)):
            columns = {column.name: np.asarray(hdu.data[column.name], dtype=float).ravel() for column in hdu.columns}
            spectra.append((hdu.name, columns, {column.name: column.unit for column in hdu.columns}))
    return spectra


spectra = read_spectra(path)
for name, columns, units in spectra:
    print(f"{name}: {len(next(iter(columns.values())))} rows")
    for column, values in columns.items():
        print(f"  {column:14} {units.get(column) or '':8} {np.nanmin(values):12.5g} … {np.nanmax(values):.5g}")

# %% [markdown]
# ### D_ℓ
#
# Measured values carry their asymmetric errors, the lower from `-dDl`, the upper from `+dDl`; over them are the archive's binned points when that product is in the selection.
# Otherwise they are means weighted by the inverse variance, only to guide the eye: for a fit take the archive's likelihood or its binned product.
# The best fit is drawn when this file holds it, or when the theory of the same release is among the products.

# %%
bin_width = 30  # multipoles in one bin
l_first_bin = 30  # below it the errors are far from Gaussian, and nothing is binned
best_fit = next((p for p in products if p["path"] and "minimum-theory" in p["path"] and not p["reason"] and p is not product), None)
# The archive's own binned values of this spectrum, when they are among the products: "-full" and "-binned" in their names.
binned_name = path.name.split("_R")[0].replace("-full", "-binned")
archive_binned = next((p for p in products if p["path"] and binned_name in p["path"] and not p["reason"] and p is not product and binned_name not in path.name), None)


def pick(columns, *names):
    """The first of these columns that is there, whatever its case."""
    upper = {name.upper(): values for name, values in columns.items()}
    return next((upper[name] for name in names if name in upper), None)


for name, columns, units in spectra:
    l = pick(columns, "L", "ELL")
    measured = pick(columns, "DL", "D_ELL")
    if measured is None:
        continue
    lower, upper = pick(columns, "-DDL", "ERRDOWN", "ERR"), pick(columns, "+DDL", "ERRUP", "ERR")
    has_errors = lower is not None and upper is not None
    figure, axis = plt.subplots(figsize=(10, 5), layout="constrained")
    axis.errorbar(
        l, measured, yerr=np.abs([lower, upper]) if has_errors else None, fmt=".", markersize=2,
        color="0.55", ecolor="0.85", elinewidth=0.6, label="as in the file", zorder=1,
    )
    if archive_binned is not None:
        _, binned_columns, _ = read_spectra(gantry.volume(archive_binned["volume"]) / archive_binned["path"])[0]
        low, high = pick(binned_columns, "-DDL", "ERRDOWN", "ERR"), pick(binned_columns, "+DDL", "ERRUP", "ERR")
        axis.errorbar(
            pick(binned_columns, "L", "ELL"), pick(binned_columns, "DL", "D_ELL"), yerr=None if low is None or high is None else np.abs([low, high]),
            fmt="o", markersize=4, color="C0", label=f"binned, {archive_binned['title'] or archive_binned['asset']}", zorder=3,
        )
        print(f"The binned points are the archive's: {archive_binned['path']}")
    elif has_errors and np.median(np.diff(l)) == 1:
        error = (np.abs(lower) + np.abs(upper)) / 2
        edges = np.arange(l_first_bin, l.max() + bin_width, bin_width)
        in_bin = [(l >= low) & (l < low + bin_width) for low in edges]
        in_bin = [chosen for chosen in in_bin if chosen.sum() > bin_width / 2]
        weights = [error[chosen] ** -2.0 for chosen in in_bin]
        l_bin = [np.average(l[chosen], weights=weight) for chosen, weight in zip(in_bin, weights)]
        binned = [np.average(measured[chosen], weights=weight) for chosen, weight in zip(in_bin, weights)]
        error_bin = [weight.sum() ** -0.5 for weight in weights]
        axis.errorbar(l_bin, binned, yerr=error_bin, fmt="o", markersize=4, color="C0", label=f"binned, Δℓ = {bin_width}", zorder=3)
    theory = pick(columns, "BESTFIT")
    if theory is not None:
        axis.plot(l, theory, color="C3", label="best fit of this file", zorder=2)
    elif best_fit is not None:
        _, best, _ = read_spectra(gantry.volume(best_fit["volume"]) / best_fit["path"])[0]
        axis.plot(pick(best, "L"), pick(best, "TT"), color="C3", label=f"best fit, {best_fit['title'] or best_fit['asset']}", zorder=2)
    else:
        print("No best fit in this file, and no theory spectrum among the products.")
    if l.max() > 500:
        axis.set_xscale("function", functions=(np.sqrt, np.square))  # room for the low multipoles
        axis.set_xticks([2, 30, 100, 250, 500, 1000, 1500, 2000, 2500])
        axis.set_xlim(1, l.max() * 1.01)
    # The range follows the middle of the points, since errors at both ends run far out.
    axis.set_ylim(min(0, np.percentile(measured, 1)), 1.25 * np.percentile(measured, 99))
    axis.set_xlabel("multipole ℓ")
    axis.set_ylabel("D_ℓ [µK²]")
    axis.set_title(f"{product['title'] or path.name}" + (f", {name}" if len(spectra) > 1 else ""))
    axis.legend()
    plt.show()

# %% [markdown]
# ### C_ℓ and theory spectra
#
# A table without measured D_ℓ is taken for C_ℓ, one row per multipole from ℓ = 0, and turned into D_ℓ.
# A text table with the columns `L TT TE EE BB` holds D_ℓ already.
# Cross spectra may be negative, so each is drawn on an axis of its own.

# %%
for name, columns, units in spectra:
    if pick(columns, "DL", "D_ELL") is not None:
        continue
    is_text = ".fits" not in path.name.lower()
    l = pick(columns, "L", "ELL")
    l = np.arange(len(next(iter(columns.values())))) if l is None else l
    curves = {column: values for column, values in columns.items() if column.upper() not in ("L", "ELL") and np.any(values != 0)}
    n_across = min(2, len(curves))
    n_down = -(-len(curves) // n_across)
    figure, axes = plt.subplots(n_down, n_across, figsize=(10, 0.6 + 2.7 * n_down), sharex=True, squeeze=False, layout="constrained")
    for axis, (column, values) in zip(axes.flat, curves.items()):
        unit = (units.get(column) or "").replace("uK^2", "µK²")
        # Some programs write "^2" when the map that was analysed had no unit.
        unit = unit if unit not in ("", "^2", "unknown", "None") else "unit not stated"
        axis.plot(l[2:], values[2:] if is_text else (l * (l + 1) * values / (2 * np.pi))[2:], linewidth=1.2)
        axis.set_title(column)
        axis.set_ylabel(f"D_ℓ [{unit}]")
        axis.grid(alpha=0.3)
    for axis in axes.flat[len(curves):]:
        axis.set_visible(False)
    for axis in axes[-1]:
        axis.set_xlabel("multipole ℓ")
    figure.suptitle(f"{product['title'] or path.name}, {name}")
    plt.show()
