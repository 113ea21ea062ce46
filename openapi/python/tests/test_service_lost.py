"""Connections that are lost on the way: what was started goes on, is not started twice, and is waited for again."""

import asyncio
import time
import unittest
from unittest import mock

import gantry
from support import CMB_MAP, SKY_MAP, Relay, client, demo, printed

FAST = mock.patch.multiple("gantry._calls", FIRST_PAUSE_S=0.01, LOOK_LOST_S=0.3)


def through(relay):
    return gantry.Client(relay.url, demo()["token"], timeout_s=20)


@FAST
class Lost(unittest.TestCase):
    def test_a_job_whose_answer_was_lost_is_not_started_twice(self):
        before = {job.id for job in client().staging_jobs()}
        for fault in ("lose", "cut", "refuse"):
            with self.subTest(fault), Relay(lambda number, _: fault if number <= 2 else "pass") as relay:
                (one,) = through(relay).stage(SKY_MAP, directory=f"lost-{fault}", progress=False)
                self.assertTrue(one.path.is_file())
                self.assertEqual([line for line in relay.lines if line.startswith("POST")], ["POST /api/v1/add-to-volume HTTP/1.1"] * 3)
        self.assertEqual(len({job.id for job in client().staging_jobs()} - before), 3)

    def test_waiting_goes_on_where_the_connection_was_lost(self):
        def fault(number, line):
            return ("refuse", "lose", "cut")[number % 3] if "GET /api/v1/staging-jobs/" in line and "/files" not in line and number <= 6 else "pass"

        with Relay(fault) as relay:
            files, told = printed(lambda: through(relay).stage(client().search("100 GHz", facet="product_type/sky map"), directory="lost"))
            self.assertGreater(len(relay.lines), 6)
        self.assertEqual(len(files), 4)
        self.assertEqual({one.outcome for one in files}, {"staged"})
        self.assertIn("the connection was lost and is tried again; the staging job", told.replace("\r", "\n"))

    def test_a_service_that_stays_away_is_given_up_and_the_job_found_again(self):
        with Relay(lambda number, _: "pass" if number == 1 else "refuse") as relay:
            begin = time.monotonic()
            job = through(relay).add_to_volume(CMB_MAP, directory="away")
            with self.assertRaisesRegex(gantry.Unreachable, f"the service at {relay.url} cannot be asked"):
                job.wait(progress=False, patience_s=1)
            self.assertTrue(1 <= time.monotonic() - begin < 10)
        self.assertEqual(client().staging_job(job.id).wait(progress=False)[0].asset, CMB_MAP)

    def test_a_search_is_asked_again(self):
        with Relay(lambda number, _: "pass" if number == 4 else ("refuse", "cut", "lose")[number % 3]) as relay:
            self.assertEqual(through(relay).search("100 GHz").total, 5)
            self.assertEqual(len(relay.lines), 4)

    def test_awaiting_goes_on_as_well(self):
        async def work(url):
            return await gantry.AsyncClient(url, demo()["token"]).stage(CMB_MAP, directory="lost-awaited", progress=False)

        with Relay(lambda number, _: "pass" if number % 2 == 0 else "lose") as relay:
            (one,) = asyncio.run(work(relay.url))
        self.assertEqual(one.verified_by, "embedded-checksum")


if __name__ == "__main__":
    unittest.main()
