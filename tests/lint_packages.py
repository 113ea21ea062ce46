"""Checks every package that is built into Gantry against deny.toml: its licence, its name, where it comes from.

python3 tests/lint_packages.py licences|bans|sources
"""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
DENY = tomllib.loads((ROOT / "deny.toml").read_text())
TARGET = DENY["graph"]["targets"][0]


def packages():
    """All packages of the resolved graph on the first target, development and build included."""
    command = ["cargo", "metadata", "--format-version", "1", "--filter-platform", TARGET]
    ran = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(ran.stdout)["packages"]


def is_satisfied(expression, allowed):
    """Whether an SPDX expression can be met with allowed licences; `/` is the old way to write OR."""
    tokens = re.findall(r"[()/]|[^\s()/]+", expression) + [""]
    at = 0

    def take():
        nonlocal at
        at += 1
        return tokens[at - 1]

    def one():
        if tokens[at] == "(":
            take()
            met = either()
            if take() != ")":
                raise ValueError(f"unbalanced: {expression}")
            return met
        name = take()
        if not name or name in ("AND", "OR", "WITH", ")", "/"):
            raise ValueError(f"not an expression: {expression}")
        if tokens[at] == "WITH":
            take()
            name = f"{name} WITH {take()}"
        return name in allowed

    def both():
        met = one()
        while tokens[at] == "AND":
            take()
            met = one() and met
        return met

    def either():
        met = both()
        while tokens[at] in ("OR", "/"):
            take()
            met = both() or met
        return met

    met = either()
    if tokens[at]:
        raise ValueError(f"unexpected `{tokens[at]}`: {expression}")
    return met


def licences():
    """Every licence is one we allow."""
    for expression, expected in {"MIT/Apache-2.0": True, "GPL-3.0 OR MIT": True, "GPL-3.0 AND MIT": False, "(GPL-3.0 OR MIT) AND ISC": True,
                                 "Apache-2.0 WITH LLVM-exception": True, "MIT WITH Other": False, "GPL-3.0 OR MIT AND X": False}.items():
        assert is_satisfied(expression, DENY["licenses"]["allow"]) == expected, expression
    for package in packages():
        exceptions = [name for entry in DENY["licenses"]["exceptions"] if entry["crate"] == package["name"] for name in entry["allow"]]
        expression = package["license"]
        if not expression:
            yield f"{package['name']} {package['version']} states no licence"
        elif not is_satisfied(expression, {*DENY["licenses"]["allow"], *exceptions}):
            yield f"{package['name']} {package['version']} is under {expression}"


def bans():
    """No package is banned."""
    reasons = {entry["crate"]: entry["reason"] for entry in DENY["bans"]["deny"]}
    for package in packages():
        if package["name"] in reasons:
            yield f"{package['name']} {package['version']}: {reasons[package['name']]}"


def sources():
    """Every package is our own or from the one registry, never from a git address."""
    for package in packages():
        source = package["source"]
        if source is None and not Path(package["manifest_path"]).is_relative_to(ROOT):
            yield f"{package['name']} lies outside the checkout"
        elif source is not None and not source.startswith("registry+https://github.com/rust-lang/"):
            yield f"{package['name']} comes from {source}"


CHECKS = {check.__name__: check for check in (licences, bans, sources)}

if __name__ == "__main__":
    findings = list(CHECKS[sys.argv[1]]())
    print("\n".join(findings))
    sys.exit(bool(findings))
