# %% [markdown]
# # {{title}}
#
# Gantry made this notebook on {{made}} from the selection `{{selection}}`.
# It opens every product that was staged, says what the file itself says of its unit, frame and pixels, and draws a first picture.
# It is yours: change what you like, nothing overwrites it.
#
# Run it from top to bottom (*Run ▸ Run All Cells*).
# What you may want to change stands at the top of each cell.

# %% [markdown]
# ## What is here
#
# The paths are relative to a volume, and `gantry.volume(name)` knows where that volume is, here as in any other lab.
# *Verified by* names what a file was compared with; `size` alone does not vouch for the contents.

# %%
import html

import gantry
from IPython.display import HTML, display

products = {{products}}


def product_row(number, product):
    """One row of the table below; a value that nobody stated is a dash."""
    size = product["size_bytes"]
    missing = f"not staged: {product['reason']}" if product["reason"] else ""
    cells = [
        number,
        product["title"] or product["asset"],
        " ".join(filter(None, [product["archive"], product["release"]])),
        product["band"],
        product["unit"],
        product["frame"],
        product.get("epoch"),
        product.get("content"),
        product.get("station"),
        product.get("days"),
        f"{size / 1e6:,.1f} MB" if size is not None else None,
        product["verified_by"],
        "; ".join([*filter(None, [missing]), *(product["warnings"] or [])]),
    ]
    return ["—" if cell in (None, "") else html.escape(str(cell)) for cell in cells]


def table(titles, rows):
    """An HTML table of texts, without the columns in which no product states anything."""
    kept = [place for place, title in enumerate(titles) if not title or any(row[place] != "—" for row in rows)]
    head = "".join(f'<th scope="col" style="text-align: left">{titles[place]}</th>' for place in kept)
    lines = ["".join(f'<td style="text-align: left">{row[place]}</td>' for place in kept) for row in rows]
    return f"<table><thead><tr>{head}</tr></thead><tbody>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</tbody></table>"


titles = ["", "product", "release", "band", "unit", "frame", "epoch", "content", "station", "days", "size", "verified by", "missing or to be noted"]
display(HTML(table(titles, [product_row(number, product) for number, product in enumerate(products)])))
n_staged = sum(not product["reason"] for product in products)
print(f"{n_staged} of {len(products)} products are here.")
