"""The examples of the README run as they stand, in a lab of the running service."""

import re
import unittest
from pathlib import Path

import gantry
from support import client, demo, in_a_lab, printed

README = (Path(__file__).parents[1] / "README.md").read_text()
EXAMPLES = re.findall(r"^([A-Z][^\n]*:)\n\n```python\n(.*?)```", README, re.DOTALL | re.MULTILINE)
# What other tests have staged before need not be downloaded.
ANY_WAY = re.compile(r"18 files, \{('(copy|download|present)'(, )?)+\}")
# What each prints, by a part of it.
PRINTED = {
    "Search, look at what was found, and stage it:": ["4 found;", "HFI_SkyMap_100_0256_R3.01_full.fits staged|present embedded-checksum"],
    "Make a selection, see what staging would do, cite it:": ["18 assets; 18 of 18 days; []", ANY_WAY, "@misc{"],
    "Ask an archive, and read its answer:": ["source_id", "deg"],
    "Go through all matches, page by page, and take a cone out of each map:": ["planck:COM_CMB_IQU-smica_0256_R3.00_full.fits 22029120 http", "'staged'|'present'"],
    "Open in a notebook, and end its lab:": ["/open smica-", "Jupyter"],
    "Await instead of waiting:": ["HFI_SkyMap_100_0256_R3.01_full.fits", "planck:"],
    "What goes wrong is an exception, and its text the service's own sentence:": [
        "no asset `planck:HFI_SkyMap_100`; search /api/v1/assets?facet=archive/planck /problems/asset-not-found 404 urn:uuid:",
        "no volume `cmb`; this datalab has `workspace` ['workspace']",
    ],
}


class Examples(unittest.TestCase):
    def test_each_example_runs_as_it_stands(self):
        self.assertEqual([title for title, _ in EXAMPLES], list(PRINTED))
        volumes = '{"workspace": "%s"}' % client().volume("workspace")
        for title, code in EXAMPLES:
            with self.subTest(title), in_a_lab(GANTRY_VOLUMES=volumes):
                self.assertLessEqual(code.strip().count("\n"), 10)
                _, told = printed(lambda: exec(compile(code, title, "exec"), {"__name__": "example"}))  # noqa: B023
                for expected in PRINTED[title]:
                    is_pattern = isinstance(expected, re.Pattern)
                    self.assertRegex(told, expected if is_pattern else "|".join(re.escape(part) for part in expected.split("|")))
                self.assertNotIn(demo()["token"], told)

    def test_everything_that_is_public_is_named_in_it(self):
        self.assertEqual([name for name in gantry.__all__ if name[0].islower() and f"`{name}(" not in README and f"`{name}`" not in README], [])
        self.assertEqual([name for name in gantry.__all__ if name.endswith("Error") and name not in README], [])
        for name in re.findall(r"`gantry\.(\w+)", README):
            self.assertTrue(hasattr(gantry, name) or name in ("gnss", "gaia"), name)


if __name__ == "__main__":
    unittest.main()
