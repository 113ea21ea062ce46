# %% [markdown]
# ## {{heading}}
#
# Two maps of the same sky: two bands, two splits or two releases.
# They are brought to one unit, one frame and one resolution before one is taken from the other; a pixel that either did not see is left out.

# %%
import re

import healpy as hp
import numpy as np
import matplotlib.pyplot as plt
from astropy.io import fits
from healpy.projector import MollweideProj
from matplotlib.colors import Normalize

nside_common = 256  # or less, when a map has less

pair = [products[{{first}}], products[{{second}}]]


def read_intensity(product, nside_view):
    """Intensity at nside_view, RING, galactic, NaN where unobserved; with the stated unit and what was assumed."""
    hdu = next(hdu for hdu in fits.open(gantry.volume(product["volume"]) / product["path"], memmap=True) if isinstance(hdu, fits.BinTableHDU))
    header, names = hdu.header, {name.upper(): name for name in hdu.columns.names}
    name = next((names[known] for known in ["I_STOKES", "TEMPERATURE", "INTENSITY", "I_STOKES_INP"] if known in names), hdu.columns.names[0])
    per_row = int(np.prod(hdu.data[name].shape[1:]))
    nside = int(header.get("NSIDE") or hp.npix2nside(len(hdu.data) * per_row))
    nside_view = min(nside, nside_view)
    is_nested = str(header.get("ORDERING", "RING")).strip().upper().startswith("NEST")
    sums, n_good = np.zeros((2, hp.nside2npix(nside_view)))
    step = max(1, 2**21 // per_row)
    for first in range(0, len(hdu.data), step):
        values = np.asarray(hdu.data[name][first:first + step], dtype=float).ravel()
        pixels = np.arange(first * per_row, first * per_row + values.size)
        if header.get("INDXSCHM", "").strip() == "EXPLICIT":
            pixels = np.asarray(hdu.data["PIXEL"][first:first + step]).ravel()
        parents = (pixels if is_nested else hp.ring2nest(nside, pixels)) // (nside // nside_view) ** 2
        good = np.abs(values) < 1e30  # neither −1.6375E+30 nor NaN
        sums += np.bincount(parents[good], weights=values[good], minlength=sums.size)
        n_good += np.bincount(parents[good], minlength=sums.size)
    sky = hp.reorder(np.divide(sums, n_good, out=np.full(sums.size, np.nan), where=n_good > 0), n2r=True)
    coordsys = str(header.get("COORDSYS", "")).strip()
    frame = {"C": "C", "CELESTIAL": "C", "EQUATORIAL": "C", "ICRS": "C", "E": "E", "ECLIPTIC": "E"}.get(coordsys.upper(), "G")
    if frame != "G":
        theta, phi = hp.Rotator(coord=["G", frame])(*hp.pix2ang(nside_view, np.arange(sky.size)))
        sky = sky[hp.ang2pix(nside_view, theta, phi)]
    unit = (hdu.columns[name].unit or "").strip()
    return sky, unit if unit.lower() not in ("", "none", "unknown") else "unit not stated", coordsys or "not stated (taken as galactic)"


skies, units = [], []
for product in pair:
    sky, unit, coordsys = read_intensity(product, nside_common)
    skies.append(sky)
    units.append(unit)
    print(f"{product['title'] or product['asset']}: release {product['release'] or 'not stated'}, {unit}, COORDSYS {coordsys}, {np.isnan(sky).mean():.1%} without data")
nside_common = min(hp.npix2nside(sky.size) for sky in skies)
# Averages of 4 pixels in 1, until both have the same size; a pixel is lost when any part of it is.
skies = [hp.reorder(hp.reorder(sky, r2n=True).reshape(12 * nside_common**2, -1).mean(axis=1), n2r=True) for sky in skies]

# %% [markdown]
# ### One unit
#
# A map in MJy/sr is divided by the factor of its band, in MJy/sr per K_CMB.
# The factor holds for a CMB spectrum, and says nothing of the **zero level**: the offset of each map (cosmic infrared background, zodiacal light, what was subtracted when it was made) stays arbitrary.
# With `remove_offset` the median at |b| > `b_offset_deg` is taken from both, and differences of the mean are then meaningless.
#
# A PR4 map keeps the solar dipole (3366.6 µK towards l = 263.986°, b = 48.247°), a PR3 map does not: it is taken out of the PR4 map.

# %%
mjy_sr_per_k_cmb = {"353": 287.45, "545": 58.04, "857": 2.27}
remove_offset = True
b_offset_deg = 60.0
dipole_microkelvin, dipole_l_deg, dipole_b_deg = 3366.6, 263.986, 48.247

to_microkelvin = {"kcmb": 1e6, "k_cmb": 1e6, "mkcmb": 1e3, "mk_cmb": 1e3, "ukcmb": 1.0, "uk_cmb": 1.0}
l_deg, b_deg = hp.pix2ang(nside_common, np.arange(skies[0].size), lonlat=True)
dipole = dipole_microkelvin * hp.ang2vec(l_deg, b_deg, lonlat=True) @ hp.ang2vec(dipole_l_deg, dipole_b_deg, lonlat=True)

for number, product in enumerate(pair):
    band = re.match(r"\d+", product["band"] or "")
    factor = mjy_sr_per_k_cmb.get(band.group()) if band else None
    if units[number].lower() in to_microkelvin:
        skies[number] = skies[number] * to_microkelvin[units[number].lower()]
        units[number] = "µK_CMB"
    elif units[number] == "MJy/sr" and units[1 - number] != "MJy/sr" and factor:
        skies[number] = skies[number] / factor * 1e6
        units[number] = "µK_CMB"
        print(f"{product['band']}: divided by {factor} MJy/sr per K_CMB")
    if product["release"] == "PR4" and units[number] == "µK_CMB":
        skies[number] = skies[number] - dipole
        print(f"{product['title'] or product['asset']}: solar dipole taken out")
    if remove_offset:
        offset = np.nanmedian(np.where(np.abs(b_deg) > b_offset_deg, skies[number], np.nan))
        if np.isfinite(offset):
            skies[number] = skies[number] - offset
            print(f"{product['title'] or product['asset']}: offset of {offset:.4g} {units[number]} taken out")

# %% [markdown]
# ### One resolution
#
# Each map is smoothed by what its own beam lacks to `fwhm_common_deg`, unobserved pixels weighted out; a map whose band is not in the table is taken as not smoothed at all, and says so.
# The beams are the effective Gaussian widths of Planck's full-mission maps.

# %%
fwhm_common_deg = 1.0
fwhm_arcmin = {"30": 32.3, "44": 27.1, "70": 13.3, "100": 9.68, "143": 7.30, "217": 5.02, "353": 4.94, "545": 4.83, "857": 4.64}

smooth = []
for sky, product in zip(skies, pair):
    band = re.match(r"0*(\d+)", product["band"] or "")
    own_arcmin = fwhm_arcmin.get(band.group(1)) if band else None
    if own_arcmin is None:
        print(f"{product['title'] or product['asset']}: beam not known, taken as zero")
    kernel = np.radians(np.sqrt(max(fwhm_common_deg**2 - ((own_arcmin or 0) / 60) ** 2, 0)))
    weight = np.isfinite(sky).astype(float)
    weight_smooth = hp.smoothing(weight, fwhm=kernel, iter=1)
    kept = (weight == 1) & (weight_smooth > 0.9)
    smooth.append(np.where(kept, hp.smoothing(np.where(weight == 1, sky, 0), fwhm=kernel, iter=1) / np.where(kept, weight_smooth, 1), np.nan))
common = np.isfinite(smooth[0]) & np.isfinite(smooth[1])
print(f"{common.mean():.1%} of the sky is in both")

# %% [markdown]
# ### First, second, difference
#
# The first two at one range, the difference at its own; both ranges come from |b| > `b_range_deg`, so that the plane does not hide the rest.

# %%
b_range_deg = 20.0

names = [product["title"] or product["asset"] for product in pair]
off_plane = common & (np.abs(b_deg) > b_range_deg)
same_unit = units[0] == units[1]


def mollweide(sky, norm, cmap, label, title):
    """Draws a map in galactic coordinates, longitude growing to the left; grey where there is no data."""
    projection = MollweideProj(xsize=1000)
    image = projection.projmap(sky, lambda x, y, z: hp.vec2pix(nside_common, x, y, z))
    figure, axis = plt.subplots(figsize=(7, 4.2), layout="constrained")
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


def range_of(*skies):
    """A symmetric range that holds 99 % of what is off the plane."""
    limit = np.percentile(np.abs([sky[off_plane] for sky in skies]), 99) or 1
    return Normalize(-limit, limit)


if not off_plane.any():
    print("The two maps have no pixel in common.")
else:
    ranges = [range_of(*smooth)] * 2 if same_unit else [range_of(sky) for sky in smooth]
    for name, sky, norm, unit in zip(names, smooth, ranges, units):
        mollweide(np.where(common, sky, np.nan), norm, "RdBu_r", f"intensity [{unit}]", f"{name}, {fwhm_common_deg}°")
    if same_unit:
        difference = np.where(common, smooth[1] - smooth[0], np.nan)
        mollweide(difference, range_of(difference), "RdBu_r", f"difference [{units[0]}]", f"{names[1]} − {names[0]}, {fwhm_common_deg}°")
        print(f"Standard deviation of the difference at |b| > {b_range_deg:g}°: {difference[off_plane].std():.4g} {units[0]}")
    else:
        print(f"No difference: {units[0]} and {units[1]} cannot be brought to one unit.")

# %% [markdown]
# ### Pixel against pixel
#
# One sky and one unit put the points on the diagonal; another spectrum (dust, synchrotron) tilts them.
# Only pixels at |b| > `b_scatter_deg`.

# %%
b_scatter_deg = 20.0

chosen = common & (np.abs(b_deg) > b_scatter_deg)
if chosen.sum() > 10:
    x, y = smooth[0][chosen], smooth[1][chosen]
    (x_low, x_high), (y_low, y_high) = np.percentile(x, [0.5, 99.5]), np.percentile(y, [0.5, 99.5])
    plt.figure(figsize=(6, 5), layout="constrained")
    plt.hexbin(x, y, gridsize=80, bins="log", cmap="cividis", mincnt=1, extent=(x_low, x_high, y_low, y_high))
    plt.colorbar(label="number of pixels")
    if units[0] == units[1]:
        plt.axline((0, 0), slope=1, color="C3", linewidth=1, label="equal")
        plt.legend()
    plt.xlim(x_low, x_high)
    plt.ylim(y_low, y_high)
    plt.xlabel(f"{names[0]} [{units[0]}]")
    plt.ylabel(f"{names[1]} [{units[1]}]")
    plt.title(f"|b| > {b_scatter_deg:g}°, {fwhm_common_deg}°, correlation {np.corrcoef(x, y)[0, 1]:.3f}")
    plt.show()
