"""The package is typed, and light."""

import subprocess
import sys
import unittest
from pathlib import Path

import gantry

FOLDER = Path(gantry.__file__).parent


class Typed(unittest.TestCase):
    def test_mypy_finds_nothing_in_it_nor_in_a_program_that_uses_it(self):
        program = 'import gantry\nnames: list[str] = [one.id for one in gantry.search("x").all()]\nsize: int | None = gantry.stage(names)[0].size_bytes\n'
        wrong = program + "number: int = gantry.asset(names[0]).title\n"
        cache = str(Path(sys.prefix) / "mypy-cache")  # beside what is installed, so that numpy is looked at once
        for more, found in [([], ""), (["-c", program], ""), (["-c", wrong], 'has type "str"')]:
            command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--cache-dir", cache, *(more or [str(FOLDER)])]
            done = subprocess.run(command, cwd=FOLDER.parent, capture_output=True, text=True, timeout=80)
            self.assertIn(found, done.stdout)
            self.assertEqual((done.returncode, bool(done.stdout)), (1, True) if found else (0, False), done.stdout + done.stderr)
        self.assertTrue((FOLDER / "py.typed").is_file())

    def test_importing_it_loads_nothing_beyond_the_standard_library(self):
        code = "import sys; before = set(sys.modules); import gantry; print(*sorted({name.partition('.')[0] for name in set(sys.modules) - before}))"
        loaded = subprocess.run([sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(FOLDER.parent)!r}); {code}"], capture_output=True, text=True, timeout=30, check=True)
        self.assertEqual(set(loaded.stdout.split()) - set(sys.stdlib_module_names), {"gantry"})

    def test_every_file_is_short(self):
        long = [path.name for path in FOLDER.rglob("*.py") if len(path.read_text().splitlines()) >= 500]
        self.assertEqual(long, [])
