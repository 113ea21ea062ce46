"""The client against the running service: every method, one thing after the other."""

import itertools
import json
import os
import time
import unittest
from pathlib import Path
from unittest import mock

import gantry
from support import CMB_MAP, SKY_MAP, client, demo, in_a_lab, token_for


class Searching(unittest.TestCase):
    def test_a_page_is_a_sequence_and_goes_on_until_all_are_seen(self):
        found = client().search("100 GHz", facet="instrument/HFI", limit=2, facets=["instrument", "release"])
        self.assertEqual((found.total, found.counted, len(found)), (5, "series", 2))
        self.assertEqual((found[0].id, found[0].archive, found[0].title), (SKY_MAP, "planck", "HFI sky map, 100 GHz, full mission"))
        self.assertEqual([one.id for one in found[:2]], [one.id for one in found])
        self.assertEqual(found[0].url, f"{demo()['url']}assets/{SKY_MAP}")
        self.assertEqual([(one.path, one.selected) for one in found.facets["instrument"]][0], ("HFI", True))
        self.assertEqual(set(found.facets), {"instrument", "release"})
        pages = [found, found.next_page()]
        pages.append(pages[1].next_page())
        self.assertIsNone(pages[2].next_page())
        self.assertEqual([asset.id for page in pages for asset in page], [asset.id for asset in found.all()])
        self.assertEqual([len(page) for page in found.pages()], [2, 2, 1])

    def test_all_pages_are_fetched_when_it_is_their_turn(self):
        found = client().search(limit=1, collapse="none")
        self.assertGreater(found.total, 900)
        self.assertEqual(len({one.id for one in itertools.islice(found.all(), 3)}), 3)

    def test_every_parameter_reaches_the_service(self):
        whole = client().search(facet={"archive": "gssc"}, collapse="none", limit=0, facets="archive")
        of_days = client().search(facet={"archive": "gssc"}, days=("2023-001", "2023-002"), collapse="none", limit=0)
        self.assertTrue(0 < of_days.total < whole.total)
        self.assertEqual((len(whole), [value.path for value in whole.facets["archive"] if value.selected]), (0, ["gssc"]))
        titles = [one.title for one in client().search(facet=["archive/planck", "release/PR3"], sort="title", limit=30)]
        self.assertEqual(titles, sorted(titles))
        self.assertGreater(len(titles), 3)
        self.assertEqual(client().search(facet="archive/planck", time=("1990-01-01", "1991-01-01")).total, 0)
        self.assertGreater(client().search(facet="archive/planck", time=("2010-01-01", "2011-01-01")).total, 0)
        first = client().search(facet="archive/planck", limit=1)
        after = first.next.split("after=")[1]
        self.assertEqual(client().search(facet="archive/planck", limit=1, after=after)[0].id, first.next_page()[0].id)

    def test_what_the_service_was_not_built_to_do_is_its_own_sentence(self):
        for asked in ({"sort": "beauty"}, {"limit": 1001}, {"facet": "colour/red"}, {"days": "yesterday"}, {"time": "now"}):
            with self.subTest(asked), self.assertRaises(gantry.Refused) as caught:
                client().search(**asked)
            self.assertIn(next(iter(asked.values())) if "limit" not in asked else "1001", str(caught.exception))

    def test_one_asset_has_its_files_and_is_cited(self):
        asset = client().asset(CMB_MAP)
        self.assertEqual((asset.title, asset.kind, asset.size_bytes), ("CMB map, IQU smica, full mission", "Information Product", 22029120))
        self.assertEqual([file["name"] for file in asset.files], ["COM_CMB_IQU-smica_0256_R3.00_full.fits"])
        self.assertEqual((asset.related, asset.columns, asset.facets["method"]), ([], [], ["smica"]))
        cited = client().citation(CMB_MAP)
        self.assertIn("European Space Agency (2018): CMB map, IQU smica", str(cited))
        self.assertTrue(cited.bibtex.startswith("@misc{") and "Planck" in cited.acknowledgement)

    def test_names_are_resolved_and_unknown_ones_said_to_be(self):
        known, unknown = client().resolve("planck", ["COM_CMB_IQU-smica_0256_R3.00_full.fits", "nothing.fits"])
        self.assertEqual((known.id, known.size_bytes, known.state), (CMB_MAP, 22029120, "available"))
        self.assertEqual((unknown.id, unknown.state, unknown.candidates), (None, "unknown", []))

    def test_archives_say_how_they_are(self):
        found = client().archives()
        self.assertEqual([one.id for one in found], ["gaia", "gssc", "planck"])
        self.assertTrue(all(one.state == "ok" and one.n_assets > 30 and one.text for one in found))


class Selecting(unittest.TestCase):
    def test_a_selection_is_planned_and_cited_and_found_again(self):
        made = client().select([client().asset(CMB_MAP), SKY_MAP])
        self.assertEqual((made.n_assets, made.n_files, made.size_bytes, made.gaps), (2, 2, 53496000, []))
        again = client().selection(made.id)
        self.assertEqual((again.id, {one["id"] for one in again.assets()}), (made.id, {CMB_MAP, SKY_MAP}))
        plan = made.plan("workspace", directory="maps", on_conflict="rename")
        self.assertEqual({one.path for one in plan.files}, {"maps/" + asset.split(":")[1] for asset in (CMB_MAP, SKY_MAP)})
        self.assertEqual((plan.n_files, plan.warnings, plan.gaps), (2, [], []))
        self.assertIn("<td", plan._repr_html_())
        self.assertEqual(made.plan().n_files, 2)
        self.assertIn("smica", made.citation().text)
        self.assertEqual(made.citation(), client().citation(made.id))

    def test_all_matches_of_a_search_are_taken_but_for_those_left_out(self):
        found = client().search("100 GHz", facet="product_type/sky map", limit=1)
        self.assertEqual(client().select(found).n_assets, found.total)
        self.assertEqual(client().select(found, except_=[found[0]]).n_assets, found.total - 1)

    def test_different_things_are_taken_together(self):
        query = gantry.adql("SELECT TOP 3 source_id FROM gaiadr3.gaia_source", "gaia", release="DR3", format="csv", max_rows=3)
        spectra = gantry.datalink([4583627001381815936], "XP_SAMPLED", "gaia", release="DR3")
        made = client().select([CMB_MAP, query, spectra])
        self.assertEqual((made.n_assets, made.size_bytes), (3, None))

    def test_gaps_of_a_range_of_days_are_told(self):
        found = client().search(facet={"archive": "gssc", "content": "OBS", "span": "01D"}, days="2023-001/2023-040", collapse="none")
        made = client().select(found, prefer={"span": "01D", "sampling": "30S"})
        self.assertEqual(made.expected - made.found, len(made.gaps))
        self.assertGreater(made.found, 0)


class Gaps(unittest.TestCase):
    def test_the_table_at_the_head_of_a_notebook_says_which_days_are_missing(self):
        found = client().search(facet={"archive": "gssc", "station": "BRUX00BEL", "content": "OBS", "span": "01D"}, days="2023-015/2023-019", collapse="none")
        made = client().select(found, prefer={"span": "01D", "sampling": "30S"})
        self.assertIn("2023-017", [gap["day"] for gap in made.gaps])
        keys = "asset title archive release band unit frame nside ordering volume path verified_by size_bytes sha256 warnings reason days".split()
        products = [dict.fromkeys(keys) | {"asset": "gssc:a", "archive": "gssc", "days": "2023-015"}]
        with in_a_lab():
            note = gantry.show_products(products, made.id).note
            self.assertIn(f"Of {made.expected} files that the days make, {made.found} were found; missing: BRUX00BEL 2023-017 (not at archive)", note)
            self.assertEqual(gantry.show_products(products, client().select(CMB_MAP).id).note, "Staged: 1 of 1 product.")
        with mock.patch.dict(os.environ, {"GANTRY_URL": "http://127.0.0.1:9", "GANTRY_TOKEN": "t"}):
            begin = time.monotonic()
            self.assertIn("Whether days are missing is not known here: the service at http://127.0.0.1:9 cannot be asked", gantry.show_products(products, made.id).note)
            self.assertLess(time.monotonic() - begin, 2)
        self.assertEqual(gantry.show_products(products).note, "Staged: 1 of 1 product.")


class Staging(unittest.TestCase):
    def test_files_are_staged_verified_and_opened_as_paths(self):
        files = client().stage(CMB_MAP, progress=False)
        (one,) = files
        self.assertEqual((one.asset, one.outcome in ("staged", "present"), one.verified_by, one.size_bytes), (CMB_MAP, True, "embedded-checksum", 22029120))
        self.assertEqual(files.paths, [Path(os.fspath(one))])
        with open(one, "rb") as file:
            self.assertEqual(file.read(9), b"SIMPLE  =")
        self.assertEqual(list(files.by_asset), [CMB_MAP])
        self.assertEqual(files.missing, [])
        self.assertIn("embedded-checksum", files._repr_html_())

    def test_every_option_of_staging_reaches_the_service(self):
        files = client().stage(
            CMB_MAP, directory="again", method="copy", on_conflict="replace", cut_out=(10, 20, 5), progress=False, raise_on_failure=False, timeout_s=60, patience_s=5
        )
        self.assertTrue(files[0].path_in_volume.startswith("again/"))
        self.assertLess(files[0].path.stat().st_size, 22029120)
        packed = client().search(facet={"archive": "gssc", "content": "NAV"}, collapse="none", limit=1)[0]
        unpacked = client().stage(packed, directory="unpacked", unpack=True, progress=False)[0]
        self.assertNotEqual(unpacked.path.read_bytes()[:2], b"\x1f\x8b")

    def test_what_cannot_be_staged_is_raised_with_every_file(self):
        wanted = [CMB_MAP, "gaia:gaiadr3.gaia_source"]
        with self.assertRaises(gantry.StagingFailed) as caught:
            client().stage(wanted, progress=False)
        self.assertIn("1 of 2 files not staged: `", str(caught.exception))
        self.assertIn("needs-a-query", str(caught.exception))
        self.assertEqual(sorted(one.outcome for one in caught.exception.files)[-1], "skipped")
        missing = client().stage(wanted, progress=False, raise_on_failure=False).missing
        self.assertEqual([one.reason for one in missing], ["needs-a-query"])
        with self.assertRaisesRegex(FileNotFoundError, "skipped, needs-a-query"):
            open(missing[0])

    def test_a_job_is_followed_held_released_and_aborted(self):
        job = client().add_to_volume(CMB_MAP, directory="job")
        self.assertEqual((job.volume, job.counts["total"]), ("workspace", 1))
        self.assertEqual(len(job.wait(progress=False)), 1)
        self.assertEqual((job.phase, job.refresh().phase, job.message), ("COMPLETED", "COMPLETED", None))
        self.assertEqual(job.files()[0].outcome, "staged")
        again = client().staging_job(job.id)
        self.assertEqual((again.selection, again.waiting_for), (job.selection, []))
        self.assertIn(job.id, [one.id for one in client().staging_jobs()])
        for refused in (job.hold, job.retry):
            with self.assertRaises(gantry.Conflict):
                refused()
        fresh = client().add_to_volume(client().search(facet="archive/gssc"), directory="held")
        fresh.hold()
        with self.assertRaisesRegex(gantry.StagingFailed, "held"):
            fresh.wait(progress=False)
        self.assertIn(fresh.release().phase, ("QUEUED", "EXECUTING"))
        self.assertIn(fresh.abort().refresh().phase, ("EXECUTING", "ABORTED", "QUEUED"))
        with self.assertRaisesRegex(gantry.StagingFailed, "ABORTED"):
            fresh.wait(progress=False)

    def test_a_key_makes_one_job_of_two_requests_and_serves_no_other(self):
        first = client().add_to_volume(SKY_MAP, directory="keyed", idempotency_key="one")
        first.wait(progress=False)
        self.assertEqual(client().add_to_volume(SKY_MAP, directory="keyed", idempotency_key="one").id, first.id)
        with self.assertRaisesRegex(gantry.Refused, "`one` was used for another request"):
            client().add_to_volume(SKY_MAP, directory="other", idempotency_key="one")

    def test_waiting_has_an_end_and_the_job_goes_on(self):
        job = client().add_to_volume(client().search("100 GHz", facet="product_type/sky map"), directory="slow")
        with self.assertRaisesRegex(gantry.TimedOut, f"the staging job `{job.id}` is not done after 0 s; it goes on"):
            job.wait(progress=False, timeout_s=0)
        job.wait(progress=False, raise_on_failure=False)
        self.assertEqual(job.phase, "COMPLETED")


class Volumes(unittest.TestCase):
    def test_volumes_of_the_service_are_folders_where_they_are_here(self):
        self.assertEqual(list(client().volumes()), ["workspace"])
        self.assertTrue(client().volume("workspace").is_dir())
        (one,) = [volume for volume in client().all_volumes() if volume.name == "workspace"]
        self.assertEqual((one.kind, one.path, one.read_only), ("local", client().volume("workspace"), False))
        with self.assertRaises(gantry.VolumeNotFound) as caught:
            client().volume("cmb")
        self.assertEqual(str(caught.exception), "no volume `cmb`; the service has `workspace`")

    def test_in_a_lab_paths_are_those_the_lab_was_told(self):
        with in_a_lab(GANTRY_VOLUMES=json.dumps({"workspace": "/somewhere/else"})):
            self.assertEqual(str(gantry.stage(CMB_MAP, progress=False)[0].path), "/somewhere/else/planck/COM_CMB_IQU-smica_0256_R3.00_full.fits")
            self.assertEqual(gantry.Client().volumes(), {"workspace": Path("/somewhere/else")})
            self.assertEqual(gantry.Client().volume("workspace"), Path("/somewhere/else"))

    def test_a_token_without_the_scope_stages_and_knows_no_path(self):
        with self.assertRaises(gantry.NotAllowed):
            client(token_for("staging", "search")).volumes()
        (one,) = client(token_for("staging", "search")).stage(CMB_MAP, progress=False)
        self.assertEqual((one.is_there, one.path, one.path_in_volume), (True, None, "planck/COM_CMB_IQU-smica_0256_R3.00_full.fits"))
        with self.assertRaisesRegex(FileNotFoundError, "its volume is not on this machine"):
            open(one)


class Labs(unittest.TestCase):
    def test_a_notebook_is_opened_and_its_lab_ends_when_told(self):
        opened = client().open_in_notebook(CMB_MAP, name="A map", volume="workspace", lab="sepp/jupyterlab:v1", auto_remove=False, select_when_ready=False)
        self.assertTrue(opened.notebook.startswith("a-map-") and opened.notebook.endswith(".ipynb"))
        self.assertEqual(opened.url, f"{demo()['url']}datalabs/{opened.datalab.id}/open")
        opened.wait(progress=False)
        lab = opened.datalab
        self.assertEqual((lab.is_ready, lab.name, lab.lab, lab.volumes, lab.notebook), (True, "A map", "sepp/jupyterlab:v1", ["workspace"], opened.notebook))
        self.assertTrue((client().volume("workspace") / opened.notebook).is_file())
        self.assertIn(f'<a href="{opened.url}">Open A map</a>', opened._repr_html_())
        self.assertIn("Jupyter", lab.logs())
        self.assertLessEqual(len(lab.logs(tail_bytes=50)), 50)
        self.assertIn(lab.id, [one.id for one in client().datalabs()])
        self.assertIsNone(lab.extend(3600).expires, "one without limit gets none")
        lab.destroy()
        with self.assertRaisesRegex(gantry.LabFailed, "the datalab `A map` ended as"):
            deadline = time.monotonic() + 30
            while time.monotonic() < deadline:
                lab.wait(progress=False)
        with self.assertRaises(gantry.Refused):
            client().datalab(lab.id).extend(60)

    def test_a_lab_is_launched_from_the_catalogue(self):
        known = next(lab for lab in client().labs() if lab["id"] == "sepp/jupyterlab:v1")
        lab = client().launch(known["id"], name="plain", volumes=["workspace"], env={"MINE": "1"}, time_limit_s=600, auto_remove=True, select_when_ready=False)
        self.assertEqual((lab.name, lab.notebook, lab.volumes), ("plain", None, ["workspace"]))
        self.assertEqual(client().datalab(lab.id).id, lab.id)
        before = lab.expires
        self.assertNotEqual(lab.extend(3600).expires, before)
        lab.destroy()
        with self.assertRaises(gantry.NotFound):
            client().launch("sepp/nothing:v1")


class OfTheModule(unittest.TestCase):
    def test_the_functions_of_the_module_are_the_methods_of_a_client_of_this_lab(self):
        named = {name for name in vars(gantry.Client) if not name.startswith("_")}
        self.assertEqual({name for name in named if not hasattr(gantry, name)}, set())
        with in_a_lab():
            self.assertEqual(gantry.search("100 GHz").total, client().search("100 GHz").total)
            self.assertEqual(len(gantry.archives()), 3)


if __name__ == "__main__":
    unittest.main()
