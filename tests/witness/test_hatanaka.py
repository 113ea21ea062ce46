"""Our decoder of Hatanaka files against CRX2RNX, as PyPI `hatanaka` brings it.

GANTRY_CRX2RNX names the example binary `crx2rnx` of the crate `gantry-formats`,
GANTRY_REAL_DATA the folder of real files, which are left out without it.
"""

import os
import random
import re
import subprocess
from pathlib import Path

import hatanaka
import pytest

BINARY = os.environ["GANTRY_CRX2RNX"]
DATA = os.environ.get("GANTRY_REAL_DATA")
NAMES = re.compile(r"(\.crx|\.\d\d[Dd])(\.gz|\.Z|\.bz2)?$")


def real_files() -> list[Path]:
    """Every Hatanaka file among the real files."""
    if not DATA:
        return []
    return sorted(path for path in Path(DATA, "gssc").iterdir() if NAMES.search(path.name))


def ours(crinex: bytes) -> bytes:
    """What our decoder makes of a Hatanaka file."""
    run = subprocess.run([BINARY], input=crinex, capture_output=True, timeout=300, check=False)
    assert run.returncode == 0, run.stderr.decode()
    return run.stdout


if DATA:

    def test_every_real_file_decodes_as_crx2rnx_decodes_it():
        files = real_files()
        assert len(files) >= 8
        for path in files:
            crinex = unpacked(path)
            assert ours(crinex) == hatanaka.crx2rnx(crinex), path.name


def unpacked(path: Path) -> bytes:
    """The Hatanaka text itself, without gzip, bzip2 or compress."""
    program = {".gz": "gzip", ".Z": "gzip", ".bz2": "bzip2"}.get(path.suffix)
    if program is None:
        return path.read_bytes()
    return subprocess.run([program, "-dc", path], capture_output=True, check=True).stdout


def line(text: str, label: str) -> str:
    return f"{text:<60}{label}"


def value(rng: random.Random, last: int | None) -> int:
    """A number in thousandths, near the one before, or anywhere, or small."""
    match rng.randrange(8):
        case 0:
            return rng.randrange(-999_999_999_999, 9_999_999_999_999)
        case 1:
            return rng.randrange(-2000, 2000)
    return (last or rng.randrange(20_000_000_000, 25_000_000_000)) + rng.randrange(-9000, 9000)


def fixed(number: int, decimals: int, width: int) -> str:
    """Fortran's F format, without the zero before the point."""
    digits = f"{abs(number):0{decimals + 1}d}"
    text = f"{digits[:-decimals]}.{digits[-decimals:]}"
    text = text[1:] if text.startswith("0.") else text
    return f"{'-' if number < 0 else ''}{text}".rjust(width)


def cells(rng: random.Random, last: dict, key: str, n: int) -> list[str]:
    """The observations of one satellite."""
    out = []
    for i in range(n):
        if rng.random() < 0.2:
            out.append(" " * 16)
            continue
        last[key, i] = value(rng, last.get((key, i)))
        out.append(fixed(last[key, i], 3, 14) + rng.choice("  1") + rng.choice("  5678"))
    return out


def clock(rng: random.Random, decimals: int) -> int:
    """A clock offset; minus a whole multiple of 1e8 units is left out, see the README."""
    number = rng.choice([1, -1]) * rng.randrange(10 ** (decimals + 1))
    return number if number % 10**8 else number + 1


def rinex_2(rng: random.Random) -> str:
    """A RINEX 2 file with events, changing satellites and types, and clock offsets."""
    types = ["L1", "L2", "C1", "P1", "P2", "S1", "S2"]
    n = rng.randrange(1, 8)

    def announce() -> str:
        return line(f"{n:6}" + "".join(f"    {t}" for t in types[:n]), "# / TYPES OF OBSERV")

    text = [line("     2.11           OBSERVATION DATA    M (MIXED)", "RINEX VERSION / TYPE")]
    text += [announce(), line("", "END OF HEADER")]
    every = [f"{s}{i:02}" for s in "GRE" for i in range(1, 12)] + [" 12"]
    last: dict = {}
    with_clock = rng.random() < 0.5
    for t in range(40):
        if rng.random() < 0.1:
            n = rng.randrange(1, 8)
            text += [f"{'':28}4{2:3}", announce(), line("types change", "COMMENT")]
        ids = sorted(rng.sample(every, rng.randrange(1, len(every))))
        head = f" 21 12 21 {t // 60:2} {t % 60:2}{rng.randrange(60):3}.0000000  {rng.choice('001')}"
        head += f"{len(ids):3}" + "".join(ids[:12])
        if with_clock and rng.random() < 0.9:
            head = f"{head:<68}{fixed(clock(rng, 9), 9, 12)}"
        text.append(head)
        text += [" " * 32 + "".join(ids[i : i + 12]) for i in range(12, len(ids), 12)]
        for key in ids:
            row = cells(rng, last, key, n)
            text += ["".join(row[i : i + 5]).rstrip() for i in range(0, n, 5)]
    return "\n".join(text) + "\n"


def rinex_3(rng: random.Random, version: str) -> str:
    """A RINEX 3 or 4 file of the same kind."""
    n = {"G": rng.randrange(1, 20), "R": rng.randrange(1, 6), "E": 3}

    def announce(system: str) -> list[str]:
        names = [f" C{i % 9}{chr(65 + i)}" for i in range(n[system])]
        rows = ["".join(names[i : i + 13]) for i in range(0, len(names), 13)]
        first, rest = f"{system}  {n[system]:3}", " " * 6
        return [
            line((rest if i else first) + row, "SYS / # / OBS TYPES") for i, row in enumerate(rows)
        ]

    text = [line(f"{version:>9}           OBSERVATION DATA    M", "RINEX VERSION / TYPE")]
    text += [row for system in n for row in announce(system)] + [line("", "END OF HEADER")]
    every = [f"{s}{i:02}" for s in n for i in range(1, 14)]
    last: dict = {}
    with_clock = rng.random() < 0.5
    for t in range(40):
        if rng.random() < 0.1:
            n["G"] = rng.randrange(1, 20)
            rows = [*announce("G"), line("types change", "COMMENT")]
            text += [f">{'':30}4{len(rows):3}", *rows]
        ids = rng.sample(every, rng.randrange(1, len(every)))
        head = f"> 2021 12 21 {t // 60:02} {t % 60:02}{rng.randrange(60):3}.0000000"
        head += f"  {rng.choice('001')}{len(ids):3}"
        if with_clock and rng.random() < 0.9:
            head = f"{head:<41}{fixed(clock(rng, 12), 12, 15)}"
        text.append(head)
        text += [(key + "".join(cells(rng, last, key, n[key[0]]))).rstrip() for key in ids]
    return "\n".join(text) + "\n"


@pytest.mark.parametrize("seed", range(int(os.environ.get("GANTRY_TEST_ROUNDS", "5"))))
@pytest.mark.parametrize("version", ["2.11", "3.05", "4.01"])
def test_rinex_packed_by_rnx2crx_comes_back_as_it_was(version, seed):
    rng = random.Random(f"{version}/{seed}")
    rinex = (rinex_2(rng) if version == "2.11" else rinex_3(rng, version)).encode()
    crinex = hatanaka.rnx2crx(rinex)
    assert ours(crinex) == hatanaka.crx2rnx(crinex)
    assert ours(crinex) == rinex
