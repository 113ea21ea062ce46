"""Checks the words in the tree's files: nothing unsafe, nothing left for later, no test left out, nothing of one machine.

python3 tests/lint_text.py unsafe|later|skipped|places
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

# Written by tools: they name the registry their tool uses.
MADE = {"Cargo.lock"}

# The words themselves are broken up by brackets, so that this file does not match them.
RULES = {
    "unsafe": [
        (r"\.rs$", r"^(?!\s*//).*\b[u]nsafe\s*(\{|fn\b|impl\b|trait\b|extern\b)", "says `unsafe`"),
        (r"\.rs$", r"[a]llow\(.*unsafe_code", "allows `unsafe`"),
    ],
    "later": [
        (r"\.(rs|py|mjs|js|css|html|toml|sql|sh|md)$|/run$|/lint$|/setup$", r"\b([T]ODO|[F]IXME|[X]XX)\b", "leaves something for later"),
        (r"\.rs$", r"\b(to[d]o|unimplemente[d]|db[g])!\s*[(\[{]", "is not finished"),
    ],
    "skipped": [
        (r"\.rs$", r"#\[(cfg_attr\(.*)?\s*[i]gnore\b", "leaves a test out"),
        (r"\.py$", r"\b[s]kip(If|Unless|Test|if)?\s*\(|mark\.[s]kip|mark\.[x]fail|expected[F]ailure", "leaves a test out"),
        (r"\.m?js$", r"\b(test|it|describe|t|suite)\.([s]kip|[t]odo|[o]nly)\b|\b([s]kip|[t]odo|[o]nly):\s*(true|['\"`])", "leaves a test out"),
    ],
    "places": [
        (r"", r"(?<![\w.~*-])/([w]ork|[r]oot|home/[a-z]\w*)/", "names a place on one machine"),
        (r"", r"[p]ypi\.org|[p]ythonhosted\.org|[r]egistry\.npmjs|(index|static)\.[c]rates\.io|[p]roxy\.golang|[d]eb\.debian", "names a registry's host"),
    ],
}


def files():
    """Every file that is in git or would be with `git add`."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, check=True, capture_output=True, text=True)
    return sorted({name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()})


def findings(rule):
    for name in files():
        if name in MADE:
            continue
        try:
            lines = (ROOT / name).read_text().splitlines()
        except UnicodeDecodeError:
            continue
        for where, what, why in RULES[rule]:
            if re.search(where, name):
                yield from (f"{name}:{n} {why}: {line.strip()[:120]}" for n, line in enumerate(lines, 1) if re.search(what, line))


if __name__ == "__main__":
    found = list(findings(sys.argv[1]))
    print("\n".join(found))
    sys.exit(bool(found))
