"""Runs a notebook from top to bottom, in place: execute.py NOTEBOOK.ipynb [--timeout SECONDS]

Exit code 0 when every cell ran, 1 with the failing cell and its error when one did not.
The kernel is the Python this runs with; GANTRY_VOLUMES and PYTHONPATH are handed on as they are.
"""

import argparse
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError


class NotebookFailed(Exception):
    """A cell raised or took too long; the text holds the cell and its error."""


def execute(notebook, folder, timeout_s=120, env=None):
    """Runs every cell of the notebook in ``folder``, the outputs going into the notebook itself.

    ``timeout_s`` is for one cell; ``env`` replaces the environment of the kernel.
    """
    client = NotebookClient(notebook, timeout=timeout_s, kernel_name="python3", resources={"metadata": {"path": str(folder)}})
    try:
        client.execute(**({} if env is None else {"env": env}))
    except (CellExecutionError, CellTimeoutError) as error:
        number, cell = failing_cell(notebook)
        raise NotebookFailed(f"cell {number} failed:\n{cell.source}\n\n{error}") from None


def failing_cell(notebook):
    """The cell that raised, or else the last one that was started."""
    code = [(number, cell) for number, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    for number, cell in code:
        if any(output.output_type == "error" for output in cell.outputs):
            return number, cell
    # A cell that was stopped for its time has no end in its metadata.
    return next(((number, cell) for number, cell in code if "shell.execute_reply" not in cell.metadata.get("execution", {})), code[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebook", type=Path)
    parser.add_argument("--timeout", type=int, default=120, metavar="SECONDS", help="for one cell (120)")
    arguments = parser.parse_args()
    notebook = nbformat.read(arguments.notebook, as_version=4)
    failure = None
    try:
        execute(notebook, arguments.notebook.resolve().parent, arguments.timeout)
    except NotebookFailed as error:
        failure = error
    nbformat.write(notebook, arguments.notebook)
    if failure:
        print(f"{arguments.notebook}: {failure}", file=sys.stderr)
        return 1
    print(f"{arguments.notebook}: {sum(cell.cell_type == 'code' for cell in notebook.cells)} cells ran")
    return 0


if __name__ == "__main__":
    sys.exit(main())
