"""Starter notebooks from their blocks, as gantry-labs makes them: the contract is services/labs/notebooks/README.md."""

import re
from pathlib import Path

import nbformat.v4

BLOCKS = Path(__file__).parents[2] / "services" / "labs" / "notebooks"


def cells(block, **values):
    """The cells of one block, its placeholders replaced; an unknown or missing value is an error.

    A cell with a condition stands unless its value is given and empty.
    """
    made = []
    for part in re.split(r"^# %%", (BLOCKS / f"{block}.py").read_text(), flags=re.MULTILINE)[1:]:
        marker, _, source = part.partition("\n")
        condition = re.search(r'when="(\w+)"', marker)
        if condition and values.get(condition[1], "yes") in ("", "[]", []):
            continue
        source = source.strip("\n")
        is_markdown = "[markdown]" in marker
        if is_markdown:
            source = "\n".join(line.removeprefix("#").removeprefix(" ") for line in source.split("\n"))
        source = re.sub(r"\{\{(\w+)\}\}", lambda match: str(values[match[1]]), source)
        make = nbformat.v4.new_markdown_cell if is_markdown else nbformat.v4.new_code_cell
        made.append(make(source))
    return made


def product(**facts):
    """A product as the first code cell lists it; what is not given is None."""
    keys = "asset title archive release band unit frame nside ordering volume path verified_by size_bytes sha256 warnings reason"
    more = "epoch content station days sources"
    assert facts.keys() <= {*keys.split(), *more.split()}, facts
    return dict.fromkeys(keys.split()) | {"warnings": []} | facts


def notebook(products, blocks):
    """A whole notebook; ``blocks`` is a list of (block, its values)."""
    made = nbformat.v4.new_notebook()
    made.cells = cells(
        "header", title="A selection", selection="sel_0123456789abcdef", made="2026-11-22T19:50:00Z",
        products="[\n" + "".join(f"    {product!r},\n" for product in products) + "]",
    )
    for block, values in blocks:
        made.cells += cells(block, **values)
    made.cells += cells(
        "footer", citation="A. Author, *A title*, 2026.", acknowledgement="Thanks.\n\nTo all.",
        bibtex="@misc{author,\n  title = {{A title}}\n}", restage="gantry restage planck/ro-crate-metadata.json --volume cmb",
    )
    return made
