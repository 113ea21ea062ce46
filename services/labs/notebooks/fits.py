# %% [markdown]
# ## {{heading}}
#
# A FITS file: first its parts, then the header of each, then a look at the data.

# %%
import numpy as np
import matplotlib.pyplot as plt
from astropy.io import fits

product = products[{{index}}]
path = gantry.volume(product["volume"]) / product["path"]
hdus = fits.open(path, memmap=True)  # with memmap only what a cell touches is read
hdus.info()

# %% [markdown]
# ### Headers
#
# `COMMENT` and `HISTORY` are left out; `repr(hdus[n].header)` shows everything.

# %%
for number, hdu in enumerate(hdus):
    print(f"── HDU {number} {hdu.name}")
    for card in hdu.header.cards:
        if card.keyword not in ("COMMENT", "HISTORY", ""):
            print(f"{card.keyword:8} = {card.value}" + (f"   / {card.comment}" if card.comment else ""))

# %% [markdown]
# ### First rows
#
# Each table's columns with their units as stated in TUNIT, and how they begin.

# %%
n_rows = 5


def unit_of(column):
    return column.unit if column.unit not in (None, "", "None", "unknown") else "unit not stated"


tables = [hdu for hdu in hdus if isinstance(hdu, (fits.BinTableHDU, fits.TableHDU)) and hdu.data is not None]
for table in tables:
    print(f"── {table.name}: {len(table.data)} rows")
    for column in table.columns:
        values = np.array2string(np.asarray(table.data[column.name][:n_rows]), threshold=8, edgeitems=3, separator=", ").replace("\n", "")
        print(f"{column.name:20} {column.format:>8}  [{unit_of(column)}]  {values}")
if not tables:
    print("No table in this file.")

# %% [markdown]
# ### First picture
#
# The first image, or the numeric columns of the first table against the row number.
# Axes are pixels and rows: what they mean stands in the header above.

# %%
n_columns = 4

images = [hdu for hdu in hdus if getattr(hdu, "is_image", False) and hdu.data is not None and hdu.data.size > 1]
if images and images[0].data.ndim >= 2 and min(images[0].data.shape[-2:]) > 16:
    image = images[0].data
    image = image[(0,) * (image.ndim - 2)]  # the first plane of a cube
    low, high = np.nanpercentile(image, [1, 99])
    plt.imshow(image, origin="lower", vmin=low, vmax=high, cmap="cividis")
    plt.colorbar(label=images[0].header.get("BUNIT", "value, unit not stated"))
    plt.xlabel("x [pixel]")
    plt.ylabel("y [pixel]")
    plt.title(f"{path.name}, HDU {images[0].name or 'PRIMARY'}: 1 to 99 %")
    plt.show()
elif images:
    rows = np.atleast_2d(images[0].data)
    rows = rows[(0,) * (rows.ndim - 2)]
    rows = rows if rows.shape[0] <= rows.shape[1] else rows.T  # a few long rows are curves rather than a picture
    for number, row in enumerate(rows):
        plt.plot(row, label=f"row {number}")
    plt.xlabel("sample")
    plt.ylabel(images[0].header.get("BUNIT", "value, unit not stated"))
    plt.title(f"{path.name}, HDU {images[0].name or 'PRIMARY'}")
    plt.legend()
    plt.show()
elif tables:
    numeric = [column for column in tables[0].columns if np.issubdtype(np.asarray(tables[0].data[column.name]).dtype, np.number)]
    numeric = numeric[:n_columns]
    if numeric:
        figure, axes = plt.subplots(len(numeric), 1, sharex=True, squeeze=False, figsize=(8, 1 + 1.8 * len(numeric)), layout="constrained")
        for axis, column in zip(axes[:, 0], numeric):
            values = np.asarray(tables[0].data[column.name], dtype=float).reshape(len(tables[0].data), -1)[:, 0]
            axis.plot(values, ".", markersize=2)
            axis.set_ylabel(f"{column.name}\n[{unit_of(column)}]")
        axes[-1, 0].set_xlabel("row")
        figure.suptitle(f"{path.name}, {tables[0].name}")
        plt.show()
    else:
        print("No numeric column to draw.")
else:
    print("No image and no table to draw.")
