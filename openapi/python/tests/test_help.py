"""The examples on the page of help run as they stand."""

import os
import re
import subprocess
import sys
import unittest
from html import unescape
from urllib.request import urlopen

from support import client, demo

EXAMPLE = re.compile(r'<pre [^>]*aria-label="([^"]+)" data-run="(sh|python)">(.*?)</pre>', re.DOTALL)
# What each prints, by a part of it.
PRINTED = {
    "Search with curl": '"assets":[{"id":"planck:',
    "Resolve with curl": '"state":"available"',
    "Add to a volume with curl": '"phase":"',
    "A table with curl": "gssc:",
    "Stage and wait with Python": "COM_PowerSpect_CMB-TT-binned_R3.01.txt",
    "The client": "COM_PowerSpect_CMB-TT-binned_R3.01.txt",
    "An error": '"type":"/problems/asset-not-found"',
}


class Help(unittest.TestCase):
    def test_each_example_runs_as_it_stands(self):
        with urlopen(demo()["url"] + "help/rest") as answer:
            examples = EXAMPLE.findall(answer.read().decode())
        self.assertEqual([title for title, _, _ in examples], list(PRINTED))
        volumes = '{"workspace": "%s"}' % client().volume("workspace")
        told = {"GANTRY_URL": demo()["url"], "GANTRY_TOKEN": demo()["token"], "GANTRY_VOLUMES": volumes}
        for title, kind, text in examples:
            with self.subTest(title):
                program = ["sh", "-euc"] if kind == "sh" else [sys.executable, "-c"]
                ran = subprocess.run([*program, unescape(text)], env=os.environ | told, capture_output=True, text=True, timeout=60)
                self.assertEqual((ran.returncode, ran.stderr), (0, ""))
                self.assertIn(PRINTED[title], ran.stdout)
                self.assertNotIn(demo()["token"], ran.stdout)


if __name__ == "__main__":
    unittest.main()
