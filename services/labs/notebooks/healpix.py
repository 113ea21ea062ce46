# %% [markdown]
# ## {{heading}}
#
# A HEALPix map: one value per pixel of equal area.
# The card below is what the file says of itself, and what had to be assumed where it says nothing.

# %%
import healpy as hp
import numpy as np
import matplotlib.pyplot as plt
from astropy.io import fits
from astropy.wcs import WCS
from healpy.projector import MollweideProj
from matplotlib.colors import AsinhNorm, Normalize

product = products[{{index}}]
path = gantry.volume(product["volume"]) / product["path"]
title = product["title"] or path.name

hdus = fits.open(path, memmap=True)  # with memmap only the columns and pixels that a cell touches are read
table = next(hdu for hdu in hdus if isinstance(hdu, fits.BinTableHDU))
header = table.header
# Files differ in case and in "-", "_" and " ": I_STOKES, I_Stokes, Q-POLARISATION, Binary Mask.
columns = {name.upper().replace("-", "_").replace(" ", "_"): name for name in table.columns.names}


def find(*names):
    """The column with one of these names, or None."""
    return next((columns[name] for name in names if name in columns), None)


pixel_column = find("PIXEL") if header.get("INDXSCHM", "IMPLICIT").strip() == "EXPLICIT" else None
per_row = int(np.prod(table.data[table.columns.names[-1]].shape[1:]))  # 1, or 1024 in masks and older maps
nside = int(header.get("NSIDE") or hp.npix2nside(len(table.data) * per_row))
ordering = str(header.get("ORDERING", "")).strip().upper()
is_nested = ordering.startswith("NEST")
coordsys = str(header.get("COORDSYS", "")).strip()
frames = {"G": "G", "GALACTIC": "G", "C": "C", "CELESTIAL": "C", "EQUATORIAL": "C", "ICRS": "C", "E": "E", "ECLIPTIC": "E"}
frame = frames.get(coordsys.upper(), "G")

for keyword in ["TELESCOP", "INSTRUME", "EXTNAME", "FREQ", "PROCVER", "DATE", "NSIDE", "ORDERING", "COORDSYS", "INDXSCHM", "POLCCONV", "BAD_DATA"]:
    value = header.get(keyword, hdus[0].header.get(keyword))
    print(f"{keyword:9} {'not stated' if value is None else value}")
for column in table.columns:
    print(f"column    {column.name:20} {column.format:>6}  {column.unit or 'unit not stated'}")
if not ordering:
    print("assumed   RING ordering, since the file states none")
if coordsys.upper() not in frames:
    print("assumed   galactic coordinates, since the file states none")

# %% [markdown]
# ### Intensity
#
# The map is read piece by piece and averaged to `nside_view`, so that 50 million pixels need no more memory than the picture.
# Bad pixels (−1.6375×10³⁰ or NaN) do not enter the averages; what no detector saw stays grey.
# The unit is the one stated in TUNIT.
#
# Edit `column` to draw any other column.

# %%
nside_view = min(nside, 256)
column = find("I_STOKES", "TEMPERATURE", "INTENSITY", "I_STOKES_INP") or next(
    (columns[name] for name in columns if name[:2] not in ("Q_", "U_") and name != "PIXEL"), None
)


def pixels_of(first, last):
    """NESTED numbers of the pixels in rows first to last."""
    numbers = np.asarray(table.data[pixel_column][first:last]).ravel() if pixel_column else np.arange(first * per_row, last * per_row)
    return numbers if is_nested else hp.ring2nest(nside, numbers)


def degrade(*names):
    """Means of the good pixels at nside_view in RING order, NaN where there is none; one reading for all columns."""
    n_view = hp.nside2npix(nside_view)
    sums, n_good = np.zeros((len(names), n_view)), np.zeros((len(names), n_view))
    n_rows, step = len(table.data), max(1, 2**21 // per_row)
    for first in range(0, n_rows, step):
        last = min(first + step, n_rows)
        parents = pixels_of(first, last) // (nside // nside_view) ** 2
        for number, name in enumerate(names):
            values = np.asarray(table.data[name][first:last], dtype=float).ravel()
            good = np.abs(values) < 1e30  # false for NaN too
            sums[number] += np.bincount(parents[good], weights=values[good], minlength=n_view)
            n_good[number] += np.bincount(parents[good], minlength=n_view)
    means = np.divide(sums, n_good, out=np.full_like(sums, np.nan), where=n_good > 0)
    return [hp.reorder(mean, n2r=True) for mean in means]


def stated_unit(name):
    unit = (table.columns[name].unit or "").strip()
    return unit if unit.lower() not in ("", "none", "unknown") else None


# CMB maps are drawn in µK; every other unit is left as the file states it.
to_microkelvin = {"kcmb": 1e6, "k_cmb": 1e6, "mkcmb": 1e3, "mk_cmb": 1e3, "ukcmb": 1.0, "uk_cmb": 1.0}


def in_view_unit(name, sky):
    """A column's map and its unit, in µK when it is a CMB temperature."""
    unit = stated_unit(name)
    factor = to_microkelvin.get((unit or "").lower())
    return (sky, unit or "unit not stated") if factor is None else (sky * factor, "µK_CMB")


def mollweide(sky, norm, cmap, label, title, width=8.5):
    """Draws a map in galactic coordinates, longitude growing to the left; grey where there is no data."""
    projection = MollweideProj(coord="G", xsize=1000)
    image = projection.projmap(sky, lambda x, y, z: hp.vec2pix(nside_view, x, y, z), coord=frame)
    figure, axis = plt.subplots(figsize=(width, 0.6 * width), layout="constrained")
    # Outside the ellipse the image is minus infinity.
    picture = axis.imshow(
        image, extent=projection.get_extent(), origin="lower", norm=norm,
        cmap=plt.get_cmap(cmap).with_extremes(bad="0.7"), alpha=(image != -np.inf).astype(float),
    )
    for l in range(-180, 181, 60):
        axis.plot(*projection.ang2xy(np.full(181, min(max(l, -179.99), 179.99)), np.linspace(-90, 90, 181), lonlat=True), color="0.4", linewidth=0.5)
    for b in range(-60, 61, 30):
        axis.plot(*projection.ang2xy(np.linspace(-179.99, 179.99, 361), np.full(361, b), lonlat=True), color="0.4", linewidth=0.5)
    axis.axis("off")
    axis.set_title(title)
    bar = figure.colorbar(picture, label=label, orientation="horizontal", extend="both", shrink=0.6, aspect=36, pad=0.02)
    ticks = np.asarray(norm.inverse(np.linspace(0, 1, 5)))  # evenly on the paper, so an asinh stretch is seen in the numbers
    bar.set_ticks(ticks, labels=[f"{tick:.4g}" for tick in np.where(np.abs(ticks) < 1e-9 * np.ptp(ticks), 0, ticks)])
    bar.minorticks_off()
    plt.show()


def between(sky, low_percent, high_percent):
    """A linear range over the good pixels, from one percentile to another."""
    low, high = np.nanpercentile(sky, [low_percent, high_percent])
    return Normalize(low, high if high > low else low + 1)


# Where each pixel of the view is on the galactic sky, whatever the file's own frame.
theta, phi = hp.pix2ang(nside_view, np.arange(hp.nside2npix(nside_view)))
if frame != "G":
    theta, phi = hp.Rotator(coord=[frame, "G"])(theta, phi)
b_deg, l_deg = 90 - np.degrees(theta), np.degrees(phi)

intensity, is_mask = None, False
if column is None:
    print("This file has polarisation only: no intensity to draw.")
else:
    intensity, unit = in_view_unit(column, degrade(column)[0])
    seen = np.isfinite(intensity)
    is_mask = "MASK" in (column + path.name).upper() and intensity[seen].min() >= 0 and intensity[seen].max() <= 1
    print(f"{column}: NSIDE {nside}, drawn at {nside_view}; {1 - seen.mean():.1%} of the sky without data; unit: {stated_unit(column) or 'not stated'}")

# %% [markdown]
# ### The solar dipole
#
# Planck PR4 (NPIPE) maps keep the dipole that the Sun's motion puts on the CMB: 3366.6 µK towards l = 263.986°, b = 48.247°.
# PR1 to PR3 maps had it removed, so a PR4 map must lose it before the two are compared.
# For any release but PR4 this cell changes nothing.

# %%
remove_dipole = product["release"] == "PR4"
dipole_microkelvin, dipole_l_deg, dipole_b_deg = 3366.6, 263.986, 48.247

if intensity is None or product["release"] != "PR4":
    print(f"Release {product['release'] or 'not stated'}: no dipole to take out here.")
elif unit != "µK_CMB":
    print(f"The map is in {unit}, the dipole is known in µK_CMB: not subtracted.")
else:
    towards = hp.ang2vec(dipole_l_deg, dipole_b_deg, lonlat=True)
    dipole = dipole_microkelvin * hp.ang2vec(l_deg, b_deg, lonlat=True) @ towards
    mollweide(intensity, Normalize(-3500, 3500), "RdBu_r", f"{column} [{unit}]", f"{title}: as in the file, with the dipole")
    if remove_dipole:
        intensity = intensity - dipole
        print("The dipole is taken out of everything below.")

# %% [markdown]
# ### The sky
#
# Mollweide in galactic coordinates, the galactic centre in the middle, longitude growing to the left.
# CMB maps are drawn at a fixed ±300 µK; 545 and 857 GHz and maps in MJy/sr through an asinh, which shows the plane and the faint dust at once; all others between their 1 and 99 %.

# %%
cmb_range_microkelvin = 300
is_bright = (product["band"] or "").split(" ")[0] in ("545", "857") or (column is not None and unit == "MJy/sr")

if intensity is not None:
    norm, cmap = between(intensity, 1, 99), "cividis"
    if is_mask:
        norm, cmap = Normalize(0, 1), "gray"
    elif is_bright:
        floor, middle, top = np.nanpercentile(intensity, [0.1, 50, 99.9])
        norm, cmap = AsinhNorm(linear_width=(middle - floor) or 1, vmin=floor, vmax=max(top, middle)), "inferno"
    elif unit == "µK_CMB":
        norm, cmap = Normalize(-cmb_range_microkelvin, cmb_range_microkelvin), "RdBu_r"
    mollweide(intensity, norm, cmap, f"{column} [{unit}]", f"{title}: {column}")

# %% [markdown]
# ### Polarisation
#
# Q and U are read only when `with_polarisation` is set and the file has them.
# POLCCONV names the convention: COSMO and IAU differ in the sign of U.
# P = √(Q² + U²) is positive by construction, so noise raises it; Q and U are smoothed first, to `fwhm_deg`.

# %%
with_polarisation = True
fwhm_deg = 1.0

q_column, u_column = find("Q_STOKES", "Q_POLARISATION", "Q_STOKES_INP"), find("U_STOKES", "U_POLARISATION", "U_STOKES_INP")
if with_polarisation and q_column and u_column and not is_mask:
    q, u = degrade(q_column, u_column)
    q, polarised_unit = in_view_unit(q_column, q)
    u, _ = in_view_unit(u_column, u)
    seen_in_both = np.isfinite(q) & np.isfinite(u)
    # Unobserved pixels count as zero while smoothing, and are left out again after it.
    filled = [np.zeros(q.size), np.where(seen_in_both, q, 0), np.where(seen_in_both, u, 0)]
    _, q_smooth, u_smooth = hp.smoothing(np.array(filled), fwhm=np.radians(fwhm_deg), pol=True, iter=1)
    p_smooth = np.hypot(q_smooth, u_smooth)
    print(f"POLCCONV: {header.get('POLCCONV', 'not stated; Planck maps are COSMO, but this file does not say so')}")

    for sky in (q_smooth, u_smooth, p_smooth):
        sky[~seen_in_both] = np.nan
    limit = np.nanpercentile(np.abs([q_smooth, u_smooth]), 98) or 1
    for name, sky, norm, cmap in [
        ("Q", q_smooth, Normalize(-limit, limit), "RdBu_r"),
        ("U", u_smooth, Normalize(-limit, limit), "RdBu_r"),
        ("P", p_smooth, Normalize(0, np.nanpercentile(p_smooth, 98) or 1), "cividis"),
    ]:
        mollweide(sky, norm, cmap, f"{name} [{polarised_unit}]", f"{title}: {name}, smoothed to {fwhm_deg}°", width=7)

# %% [markdown]
# ### Hits and noise
#
# How often each pixel was seen, and √II_COV, the noise of one pixel at the map's own NSIDE.
# Both follow the scanning: most at the ecliptic poles.

# %%
hits_column, noise_column = find("HITS", "N_OBS"), find("II_COV")
found = [name for name in (hits_column, noise_column) if name]

for name, sky in zip(found, degrade(*found) if found else []):
    label, what = f"hits per pixel of NSIDE {nside}", "hits"
    if name == noise_column:
        # The stated unit is squared, as Kcmb^2 or (MJy/sr)^2.
        root_unit = (stated_unit(name) or "unit not stated").removesuffix("^2").strip("()")
        factor = to_microkelvin.get(root_unit.lower())
        sky = np.sqrt(np.where(sky > 0, sky, np.nan)) * (factor or 1)
        label, what = f"√II_COV [{'µK_CMB' if factor else root_unit}], per pixel of NSIDE {nside}", "noise"
    if np.isfinite(sky).any():
        mollweide(sky, between(sky, 1, 99), "viridis", label, f"{title}: {what}", width=7)
if not found:
    print("This file has neither HITS nor II_COV.")

# %% [markdown]
# ### A place on the sky
#
# A gnomonic view at the map's own resolution: only the pixels in it are read from the file.

# %%
place, place_l_deg, place_b_deg = "Orion A", 209.0, -19.4
width_deg = 12.0

if intensity is not None:
    n_across = 400
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["GLON-TAN", "GLAT-TAN"]
    wcs.wcs.crval = [place_l_deg, place_b_deg]
    wcs.wcs.crpix = [n_across / 2 + 0.5] * 2
    wcs.wcs.cdelt = [-width_deg / n_across, width_deg / n_across]
    view_l_deg, view_b_deg = wcs.pixel_to_world_values(*np.indices((n_across, n_across))[::-1])
    view_theta, view_phi = np.radians(90 - view_b_deg).ravel(), np.radians(view_l_deg).ravel()
    if frame != "G":
        view_theta, view_phi = hp.Rotator(coord=["G", frame])(view_theta, view_phi)
    wanted, back = np.unique(hp.ang2pix(nside, view_theta, view_phi, nest=is_nested), return_inverse=True)

    values = np.full(wanted.size, np.nan)
    there = np.ones(wanted.size, dtype=bool)
    if pixel_column:  # a map of part of the sky lists its pixels
        numbers = np.asarray(table.data[pixel_column]).ravel()
        order = np.argsort(numbers)
        positions = order[np.searchsorted(numbers, wanted, sorter=order).clip(max=numbers.size - 1)]
        there = numbers[positions] == wanted
        wanted = positions
    stored = table.data[column]
    rows, cells = np.divmod(wanted[there], per_row)
    values[there] = stored[rows] if stored.ndim == 1 else stored.reshape(len(stored), -1)[rows, cells]
    values[np.abs(values) >= 1e30] = np.nan
    patch, _ = in_view_unit(column, values[back].reshape(n_across, n_across))
    if remove_dipole and unit == "µK_CMB":
        patch = patch - dipole_microkelvin * (hp.ang2vec(view_l_deg.ravel(), view_b_deg.ravel(), lonlat=True) @ towards).reshape(patch.shape)

    low, high = np.nanpercentile(patch, [1, 99]) if np.isfinite(patch).any() else (0, 1)
    figure, axis = plt.subplots(figsize=(6.4, 5.4), subplot_kw={"projection": wcs}, layout="constrained")
    axis.set_facecolor("0.7")  # the grey of pixels without data
    picture = axis.imshow(patch, origin="lower", vmin=low, vmax=high if high > low else low + 1, cmap="gray" if is_mask else "cividis")
    figure.colorbar(picture, label=f"{column} [{unit}]")
    axis.coords.grid(color="white", alpha=0.3)
    axis.set_xlabel("galactic longitude l [deg]")
    axis.set_ylabel("galactic latitude b [deg]")
    axis.set_title(f"{place}: {width_deg:g}° across, NSIDE {nside}")
    plt.show()

# %% [markdown]
# ### Pseudo-C_ℓ
#
# A first look, not a measurement: the spectrum of the **masked** map divided by the fraction of sky left.
# It is **not corrected** for the coupling of multipoles by the mask, nor for the beam, the pixel window or the noise.
# Monopole and dipole are fitted and taken out where the mask is open.

# %%
b_cut_deg = 30.0

if intensity is None or is_mask:
    print("No spectrum: this is a mask, or has no intensity.")
else:
    is_open = seen & (np.abs(b_deg) > b_cut_deg)
    f_sky = is_open.mean()
    if f_sky < 0.05:
        print(f"Only {f_sky:.1%} of the sky is left: no spectrum.")
    else:
        cleaned = hp.remove_dipole(np.where(is_open, intensity, hp.UNSEEN), copy=True)
        lmax = 2 * nside_view
        c_l = hp.anafast(np.where(is_open, cleaned, 0), lmax=lmax) / f_sky
        l = np.arange(2, lmax + 1)
        plt.figure(figsize=(8, 4.5), layout="constrained")
        plt.loglog(l, (l * (l + 1) * c_l[2:] / (2 * np.pi)), linewidth=1)
        plt.grid(which="both", alpha=0.3)
        plt.xlabel("multipole ℓ")
        plt.ylabel(f"pseudo D_ℓ = ℓ(ℓ+1) C_ℓ / 2π [{'µK²' if unit == 'µK_CMB' else f'({unit})²'}]")
        plt.title(f"{title}: |b| > {b_cut_deg:g}°, f_sky = {f_sky:.2f}, not beam-corrected")
        plt.show()
