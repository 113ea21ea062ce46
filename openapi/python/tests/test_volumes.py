"""What a notebook sees of the volumes of its datalab. Standard library only: python -m unittest discover tests"""

import os
import pickle
import unittest
from pathlib import Path
from unittest import mock

import gantry


def told(text):
    return mock.patch.dict(os.environ, {"GANTRY_VOLUMES": text})


class Volumes(unittest.TestCase):
    def test_a_volume_is_the_path_gantry_told(self):
        with told('{"workspace": "/w", "cmb": "/data/cmb"}'):
            self.assertEqual(gantry.volume("cmb"), Path("/data/cmb"))
            self.assertEqual(gantry.volumes(), {"cmb": Path("/data/cmb"), "workspace": Path("/w")})
            self.assertEqual(list(gantry.volumes()), ["cmb", "workspace"])

    def test_an_unknown_volume_is_refused_with_the_known_ones(self):
        with told('{"workspace": "/w", "cmb": "/data/cmb"}'), self.assertRaises(gantry.VolumeNotFound) as caught:
            gantry.volume("cbm")
        self.assertEqual(str(caught.exception), "no volume `cbm`; this datalab has `cmb`, `workspace`")
        self.assertEqual((caught.exception.name, caught.exception.known), ("cbm", ["cmb", "workspace"]))
        self.assertEqual(str(pickle.loads(pickle.dumps(caught.exception))), str(caught.exception))

    def test_a_datalab_without_volumes_says_so(self):
        with told("{}"), self.assertRaisesRegex(gantry.VolumeNotFound, "this datalab has no volumes"):
            gantry.volume("cmb")

    def test_outside_a_datalab_the_missing_variable_is_named(self):
        with mock.patch.dict(os.environ):
            os.environ.pop("GANTRY_VOLUMES", None)
            self.assertEqual(gantry.volumes(), {})
            with self.assertRaisesRegex(gantry.VolumeNotFound, "GANTRY_VOLUMES is not set"):
                gantry.volume("cmb")

    def test_anything_but_an_object_of_paths_is_refused(self):
        for text in ("", "[]", '"cmb"', '{"cmb": 1}', "{"):
            with self.subTest(text), told(text), self.assertRaisesRegex(ValueError, "GANTRY_VOLUMES is not"):
                gantry.volumes()


if __name__ == "__main__":
    unittest.main()
