"""The awaited client: it has the methods of the other, and they do the same."""

import asyncio
import inspect
import unittest
from unittest import mock

import gantry
from gantry import _async, _client
from support import CMB_MAP, SKY_MAP, Script, client, demo, problem

PAIRS = [
    (_client.Client, _async.AsyncClient), (_client.SearchResult, _async.AsyncSearchResult), (_client.Selection, _async.AsyncSelection),
    (_client.StagingJob, _async.AsyncStagingJob), (_client.Datalab, _async.AsyncDatalab), (_client.Opened, _async.AsyncOpened),
]  # fmt: skip


def awaited():
    return gantry.AsyncClient(demo()["url"], demo()["token"])


def methods(owner):
    return {name: value for name, value in vars(owner).items() if inspect.isfunction(value) and (not name.startswith("_") or name == "__init__")}


class Alike(unittest.TestCase):
    def test_both_have_the_same_methods_with_the_same_parameters(self):
        for one, other in PAIRS:
            self.assertEqual(methods(one).keys(), methods(other).keys())
            for name, method in methods(one).items():
                told = str(inspect.signature(methods(other)[name])).replace("Async", "")
                self.assertEqual(told, str(inspect.signature(method)), (one, name))
                if name != "__init__":
                    self.assertTrue(inspect.iscoroutinefunction(methods(other)[name]) or inspect.isasyncgenfunction(methods(other)[name]), name)
                    self.assertTrue(method.__doc__, name)


class OfTheService(unittest.IsolatedAsyncioTestCase):
    @classmethod
    def setUpClass(cls):
        demo()

    async def test_searches_go_on_and_selections_are_planned(self):
        found = await awaited().search("100 GHz", limit=2)
        self.assertEqual([one.id async for one in found.all()], [one.id for one in client().search("100 GHz", limit=20)])
        self.assertEqual([len(page) async for page in found.pages()], [2, 2, 1])
        self.assertEqual((await found.next_page())[0].id, client().search("100 GHz", limit=2).next_page()[0].id)
        self.assertEqual((await awaited().asset(CMB_MAP)).id, CMB_MAP)
        self.assertEqual([one.state for one in await awaited().resolve("planck", ["x.fits"])], ["unknown"])
        self.assertEqual([one.id for one in await awaited().archives()], ["gaia", "gssc", "planck"])
        made = await awaited().select([CMB_MAP, SKY_MAP])
        self.assertEqual([one["id"] async for one in made.assets()], [CMB_MAP, SKY_MAP])
        self.assertEqual((await made.plan("workspace")).n_files, 2)
        self.assertEqual(await made.citation(), await awaited().citation(made.id))
        self.assertEqual((await awaited().selection(made.id)).n_assets, 2)

    async def test_several_are_staged_at_once(self):
        both = await asyncio.gather(*[awaited().stage(asset, directory="awaited", progress=False) for asset in (CMB_MAP, SKY_MAP)])
        self.assertEqual([files[0].verified_by for files in both], ["embedded-checksum"] * 2)
        self.assertTrue(all(files[0].path.is_file() for files in both))
        job = await awaited().add_to_volume(CMB_MAP, directory="awaited too")
        self.assertEqual((await job.wait(progress=False))[0].asset, CMB_MAP)
        self.assertEqual((await job.refresh()).phase, "COMPLETED")
        self.assertEqual(len(await job.files()), 1)
        self.assertEqual((await awaited().staging_job(job.id)).id, job.id)
        self.assertIn(job.id, [one.id for one in await awaited().staging_jobs()])
        with self.assertRaises(gantry.Conflict):
            await job.retry()
        with self.assertRaises(gantry.Conflict):
            await job.hold()
        held = await awaited().add_to_volume(await awaited().search(facet="archive/gssc"), directory="awaited later")
        await held.hold()
        await held.release()
        await held.abort()
        with self.assertRaises(gantry.StagingFailed):
            await held.wait(progress=False)

    async def test_a_notebook_is_opened_and_a_lab_launched(self):
        opened = await (await awaited().open_in_notebook(CMB_MAP, name="Awaited")).wait(progress=False)
        self.assertEqual((opened.datalab.is_ready, opened.url), (True, opened.datalab.url))
        self.assertIn("Jupyter", await opened.datalab.logs())
        await opened.datalab.extend(60)
        self.assertIn(opened.datalab.id, [one.id for one in await awaited().datalabs()])
        await (await awaited().datalab(opened.datalab.id)).destroy()
        known = next(lab for lab in await awaited().labs() if lab["id"] == "sepp/jupyterlab:v1")
        lab = await awaited().launch(known["id"], name="awaited")
        await (await lab.refresh()).destroy()

    async def test_volumes_are_known_and_errors_are_the_same(self):
        self.assertEqual((await awaited().volumes())["workspace"], await awaited().volume("workspace"))
        self.assertEqual([one.name for one in await awaited().all_volumes()], ["workspace"])
        with self.assertRaisesRegex(gantry.NotFound, "no asset `planck:x`"):
            await awaited().asset("planck:x")
        with mock.patch("gantry._calls.FIRST_PAUSE_S", 0.01), Script(problem("busy", 503)) as script, self.assertRaises(gantry.Unavailable):
            async with asyncio.timeout(10):
                await gantry.AsyncClient(script.url, "t").asset("planck:x")
        self.assertEqual(len(script.asked), gantry._calls.TRIES)

    async def test_others_go_on_while_one_waits(self):
        ticks = 0

        async def tick():
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0.01)

        ticking = asyncio.create_task(tick())
        with Script(problem("busy", 503), (200, {}, {"archives": []})) as script:
            script.answers[0][1]["Retry-After"] = "1"
            self.assertEqual(await gantry.AsyncClient(script.url, "t").archives(), [])
        ticking.cancel()
        self.assertGreater(ticks, 20)


if __name__ == "__main__":
    unittest.main()
