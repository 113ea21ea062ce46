"""Tables as a notebook shows them, and the one at the head of a starter notebook. Standard library only."""

import html
from collections.abc import Iterable, Sequence
from typing import Any

from gantry._calls import get, path_of
from gantry._words import counted, gaps_told, sized

NOTHING = "—"
ASK_S = 5.0
"""How long the first cell of a notebook waits for what the service may add to it."""


class Table:
    """Rows of texts under titles: an HTML table in a notebook, lines of text elsewhere.

    Columns in which no row states anything are left out; ``height`` makes a long table scroll within so many lines.
    """

    def __init__(self, titles: Sequence[str], rows: Iterable[Sequence[object]], height: int | None = None) -> None:
        texts = [[NOTHING if cell is None or cell == "" else str(cell) for cell in row] for row in rows]
        kept = [place for place, title in enumerate(titles) if not title or any(row[place] != NOTHING for row in texts)]
        self.titles = [titles[place] for place in kept]
        self.rows = [[row[place] for place in kept] for row in texts]
        self.height = height
        self.note = ""

    def _repr_html_(self) -> str:
        left = 'style="text-align: left"'
        head = "".join(f'<th scope="col" {left}>{html.escape(title)}</th>' for title in self.titles)
        lines = ["".join(f"<td {left}>{html.escape(cell)}</td>" for cell in row) for row in self.rows]
        table = f"<table><thead><tr>{head}</tr></thead><tbody>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</tbody></table>"
        if self.height:
            table = f'<div tabindex="0" style="max-height: {self.height}em; overflow: auto">{table}</div>'
        return table + (f"<p>{html.escape(self.note)}</p>" if self.note else "")

    def __repr__(self) -> str:
        lines = ["  ".join(row) for row in [self.titles, *self.rows]]
        return "\n".join([*lines, self.note] if self.note else lines)


class ProductTable(Table):
    """The products of a notebook: what each is, how large, by what it was verified, and what is to be noted of it."""

    TITLES = ("", "product", "archive", "release", "band", "unit", "frame", "epoch", "content", "station", "days", "size", "verified by", "missing or to be noted")

    def __init__(self, products: Sequence[dict[str, Any]]) -> None:
        n_archives = len({product["archive"] for product in products})
        super().__init__(self.TITLES, [_row(number, product, n_archives > 1) for number, product in enumerate(products)])
        n_here = sum(not product["reason"] for product in products)
        self.note = f"Staged: {n_here} of {counted(len(products), 'product')}."


def show_products(products: list[dict[str, Any]], selection: str | None = None) -> ProductTable:
    """The table of a notebook's ``products``, to stand as the last line of a cell.

    With the id of their ``selection``, the service is asked which days were expected and are not there.

    ``products`` is the list of dicts that *Open in Notebook* writes; a value that nobody stated is a dash, and a column
    without any value is left out. The archive is named where the products are of several.
    """
    table = ProductTable(products)
    if selection:
        table.note = f"{table.note} {_gaps_of(selection, has_days=any(product.get('days') for product in products))}".strip()
    return table


def _gaps_of(selection: str, has_days: bool) -> str:
    from gantry._client import Client  # which needs this module
    from gantry._errors import GantryError

    try:
        view = Client(timeout_s=ASK_S)._run(get(path_of("selections", selection), [("limit", "0")], tries=1))
    except GantryError as error:
        return f"Whether days are missing is not known here: {error}." if has_days else ""
    if not view["expected"]:
        return ""
    found = f"Of {counted(view['expected'], 'file')} that the days make, {view['found']:,} {'was' if view['found'] == 1 else 'were'} found"
    return f"{found}; missing: {gaps_told(view['gaps'])}." if view["gaps"] else f"{found}: none is missing."


def _row(number: int, product: dict[str, Any], names_archive: bool) -> list[object]:
    size = product["size_bytes"]
    missing = f"not staged: {product['reason']}" if product["reason"] else ""
    return [
        number,
        product["title"] or product["asset"],
        product["archive"] if names_archive else None,
        product["release"],
        product["band"],
        product["unit"],
        product["frame"],
        product.get("epoch"),
        product.get("content"),
        product.get("station"),
        product.get("days"),
        None if size is None else sized(size),
        product["verified_by"],
        "; ".join([*filter(None, [missing]), *(product["warnings"] or [])]),
    ]
