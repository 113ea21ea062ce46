"""Problems of the running service, as exceptions."""

import re
import unittest
import urllib.request

import gantry
from gantry import _errors
from support import CMB_MAP, client, demo, token_for


class OfTheService(unittest.TestCase):
    def test_each_kind_that_can_be_brought_about_is_its_own_exception(self):
        cases = [
            (gantry.Refused, "bad-request", lambda: client().search(limit=5000), "limit=`5000`: allowed is 0 to 1000"),
            (gantry.NotLoggedIn, "not-logged-in", lambda: client("gnt_nobody").datalabs(), "the token is unknown or has expired"),
            (gantry.NotLoggedIn, "not-logged-in", lambda: gantry.Client(demo()["url"]).datalabs(), "this needs a login or a personal token"),
            (gantry.NotAllowed, "not-allowed", lambda: client(token_for("search")).stage(CMB_MAP), "staging"),
            (gantry.NotAllowed, "not-allowed", lambda: client(token_for("search", "volumes:read", "staging")).open_in_notebook(CMB_MAP), "datalabs"),
            (gantry.NotFound, "not-found", lambda: client().staging_job("nothing"), "no staging job `nothing`, or it is somebody else's"),
            (gantry.NotFound, "asset-not-found", lambda: client().asset("planck:nothing"), "no asset `planck:nothing`"),
            (gantry.Refused, "unknown-assets", lambda: client().select("planck:nothing"), "no asset `planck:nothing`"),
            (gantry.Refused, "unprocessable", lambda: client().stage(CMB_MAP, ""), "name the `volume` to stage into"),
            (gantry.Refused, "method-not-allowed", lambda: client()._run(gantry._calls.delete("/api/v1/archives")), ""),
            (gantry.Conflict, "conflict", lambda: client().add_to_volume(CMB_MAP).wait(progress=False) and client().staging_jobs()[0].retry(), "nothing failed"),
            (gantry.Refused, "bad-request", lambda: client().resolve("planck", ["x"] * 10_001), "10001 names are more than 10 000; ask in parts"),
        ]
        for exception, kind, work, sentence in cases:
            with self.subTest(kind), self.assertRaises(exception) as caught:
                work()
            error = caught.exception
            self.assertEqual((error.type, str(error)), (f"/problems/{kind}", error.detail))
            self.assertIn(sentence, str(error))
            self.assertTrue(error.title and error.instance.startswith("urn:uuid:") and error.status >= 400)

    def test_every_kind_the_client_knows_is_documented_by_the_service(self):
        for kind in _errors.KINDS:
            with urllib.request.urlopen(f"{demo()['url']}problems/{kind}", timeout=10) as page:
                self.assertEqual(page.status, 200, kind)
        with urllib.request.urlopen(f"{demo()['url']}problems/busy", timeout=10) as page:
            told = set(re.findall(r"/problems/([a-z-]+)", page.read().decode()))
        self.assertLessEqual(told, set(_errors.KINDS))


if __name__ == "__main__":
    unittest.main()
