"""Says plainly what a run without real data did not do."""

import os

# All of these are over real files.
collect_ignore = [] if os.environ.get("GANTRY_REAL_DATA") else ["test_gaia_gssc.py"]


def pytest_terminal_summary(terminalreporter):
    if not os.environ.get("GANTRY_REAL_DATA"):
        terminalreporter.write_line("NOT RUN: the notebooks over real archive files, since GANTRY_REAL_DATA is not set; generated maps only.")
