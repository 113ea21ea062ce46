"""Checks what the tree promises: who may say which word, which crate may use which, what every crate has.

python3 tests/lint_tree.py words|io|connectors|arrows|readmes
"""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]

# Who may name a crate, in dependency tables and in sources. Each name also stands for its companions (`axum-extra`).
SPEAKERS = {
    "sqlx": {"services/store"},
    "tantivy": {"index/search"},
    "axum": {"services/server", "connectors/standin"},
    "quick-xml": {"index/formats"},
    "fitsio": {"index/formats"},
    "reqwest": {"connectors/net"},
    "suppaftp": {"connectors/net"},
    "opendal": {"connectors/net"},
}

# The arrows of the design; each includes what lies behind it.
CONNECTORS = ["gantry-connector-planck", "gantry-connector-gaia", "gantry-connector-gssc", "gantry-connector-obstap"]
ARROWS = {
    "gantry-asset": [],
    "gantry-net": ["gantry-asset"],
    "gantry-formats": ["gantry-asset"],
    "gantry-search": ["gantry-asset"],
    "gantry-store": ["gantry-asset"],
    "gantry-connector": ["gantry-net", "gantry-formats"],
    **{name: ["gantry-connector"] for name in CONNECTORS},
    "gantry-standin": ["gantry-formats"],
    "gantry-harvest": ["gantry-store", "gantry-connector"],
    "gantry-staging": ["gantry-store", "gantry-connector"],
    "gantry-labs": ["gantry-store", "gantry-staging", "gantry-net"],
    "gantry-server": ["gantry-labs", "gantry-staging", "gantry-harvest", "gantry-search", "gantry-standin", *CONNECTORS],
    "gantry-tests": ["gantry-server"],
}


# A character, a raw string, a string or a line comment, whichever begins first.
TOKENS = re.compile(r"""'(?:\\.|[^'\\])'|r(#*)".*?"\1|"(?:\\.|[^"\\])*"|//[^\n]*""", re.DOTALL)


def members():
    """Folder → manifest, of every crate of the workspace."""
    workspace = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]
    return {folder: tomllib.loads((ROOT / folder / "Cargo.toml").read_text()) for folder in workspace["members"]}


def tables(manifest):
    """Every dependency table of a manifest, those of targets included."""
    for holder in [manifest, *manifest.get("target", {}).values()]:
        for kind in ("dependencies", "dev-dependencies", "build-dependencies"):
            yield holder.get(kind, {})


def sources(folder):
    """Every Rust file of a crate with its text, line comments left out."""
    for path in sorted((ROOT / folder).rglob("*.rs")):
        if "target" not in path.relative_to(ROOT).parts:
            yield path.relative_to(ROOT), TOKENS.sub(lambda found: "" if found[0].startswith("//") else found[0], path.read_text())


def says(text, word):
    """Whether code names the crate: `word::…`, `use word`, `word_companion::…`."""
    name = word.replace("-", "_")
    return re.search(rf"(?<![\w:.]){name}(?:_\w+)?::|\buse\s+{name}(?:_\w+)?\b", text)


def words():
    """Only its own crate says `sqlx`, `tantivy`, `axum`, `quick-xml`, `fitsio`, `reqwest`, `suppaftp`, `opendal`."""
    for folder, manifest in members().items():
        named = {value.get("package", name) if isinstance(value, dict) else name for table in tables(manifest) for name, value in table.items()}
        code = list(sources(folder))
        for word, speakers in SPEAKERS.items():
            if folder in speakers:
                continue
            for name in sorted(named):
                if name == word or name.startswith(f"{word}-"):
                    yield f"{folder}/Cargo.toml depends on `{name}`; only {' and '.join(sorted(speakers))} may"
            for path, text in code:
                if says(text, word):
                    yield f"{path} says `{word}`; only {' and '.join(sorted(speakers))} may"


def io():
    """gantry-asset does no input or output."""
    for name in ("tokio", "rustix", "cap-std", "tempfile"):
        if any(name in table for table in [members()["index/asset"].get("dependencies", {})]):
            yield f"index/asset/Cargo.toml depends on `{name}`"
    for path, text in sources("index/asset"):
        if path.parts[:3] == ("index", "asset", "src"):
            for found in re.finditer(r"std::(fs|net|process|os)\b|std::io::(stdin|stdout|stderr)|\b(tokio|async_std)::|\be?print(?:ln)?!", text):
                yield f"{path} does input or output: `{found.group()}`"


def connectors():
    """Connectors know neither the store nor each other."""
    kinds = [(folder, manifest) for folder, manifest in members().items() if manifest["package"]["name"] in CONNECTORS]
    for folder, manifest in kinds:
        own = manifest["package"]["name"]
        forbidden = {"gantry-store", "gantry-search", "gantry-harvest", "gantry-staging", "gantry-labs", "gantry-server", *CONNECTORS} - {own}
        for table in tables(manifest):
            for name in sorted(forbidden & set(table)):
                yield f"{folder}/Cargo.toml depends on `{name}`"
        for path, text in sources(folder):
            for name in sorted(forbidden):
                if says(text, name):
                    yield f"{path} says `{name}`"


def behind(name):
    """All crates that an arrow from `name` reaches."""
    reached = set()
    for target in ARROWS.get(name, []):
        reached |= {target} | behind(target)
    return reached


def arrows():
    """Every dependency between crates of the workspace is an arrow of the design."""
    ran = subprocess.run(["cargo", "metadata", "--format-version", "1", "--no-deps"], cwd=ROOT, check=True, capture_output=True, text=True)
    packages = json.loads(ran.stdout)["packages"]
    ours = {package["name"] for package in packages}
    for name in sorted(ours - set(ARROWS)):
        yield f"{name} is not among the crates of the design"
    for package in packages:
        for dependency in package["dependencies"]:
            name = dependency["name"]
            if dependency["kind"] is None and name in ours and name not in behind(package["name"]):
                yield f"{package['name']} → {name} is not an arrow of the design"


def readmes():
    """Every crate and package has a README: first its purpose, last its decisions; and it is the crate's documentation."""
    folders = [*members(), *(str(path.parent.relative_to(ROOT)) for path in ROOT.glob("openapi/*/pyproject.toml"))]
    for folder in folders:
        readme = ROOT / folder / "README.md"
        if not readme.exists():
            yield f"{folder} has no README.md"
            continue
        lines = readme.read_text().splitlines()
        first = next((line for line in lines if line.strip() and not line.startswith("#")), "")
        if not first or not first[0].isalnum():
            yield f"{folder}/README.md does not begin with its purpose in a sentence"
        headings = [line.strip() for line in lines if line.startswith("## ")]
        if not headings or headings[-1] != "## Decisions":
            yield f"{folder}/README.md does not end with a section `## Decisions`"
        library = ROOT / folder / "src/lib.rs"
        if library.exists() and 'include_str!("../README.md")' not in library.read_text():
            yield f"{folder}/src/lib.rs does not include its README.md as documentation"
    for folder, manifest in members().items():
        description = manifest["package"].get("description", "")
        if len(description.split()) < 3:
            yield f"{folder}/Cargo.toml has no description"
        if not manifest.get("lints", {}).get("workspace"):
            yield f"{folder}/Cargo.toml does not take the lints of the workspace"


CHECKS = {check.__name__: check for check in (words, io, connectors, arrows, readmes)}

if __name__ == "__main__":
    findings = list(CHECKS[sys.argv[1]]())
    print("\n".join(findings))
    sys.exit(bool(findings))
