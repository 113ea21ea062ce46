"""How far something is, as people see it: a bar where tqdm is there, lines where it is not; and tables without markup of others."""

import html.parser
import importlib
import unittest
from unittest import mock

import gantry
from gantry import _progress
from gantry._models import SearchPage
from support import CMB_MAP, client, printed

VIEW = {
    "volume": "cmb", "phase": "EXECUTING", "files": {"total": 3, "staged": 1, "present": 1, "skipped": 0, "failed": 0, "waiting": 1},
    "bytes": {"total": 4_227_858_432, "done": 2_813_275_520, "moved": 8}, "bytes_per_second": 48_000_000, "waiting_for": [{"text": "Planck allows 2 at a time"}],
}  # fmt: skip


def without_tqdm():
    def of(name):
        if name == "tqdm":
            raise ImportError(name)
        return importlib.import_module(name)

    return mock.patch("gantry._progress.importlib.import_module", of)


class Bars(unittest.TestCase):
    def test_a_bar_counts_bytes_and_says_what_is_waited_for(self):
        bar = _progress.shown(True)
        _, told = printed(lambda: (bar.update(VIEW), bar.note("lost"), bar.close()))
        self.assertIn("staging into cmb:  67%", told)
        self.assertIn("2.81G/4.23G", told)
        self.assertIn("Planck allows 2 at a time", told)
        self.assertIn("lost", told)

    def test_a_bar_counts_files_where_no_size_is_known(self):
        bar = _progress.shown(True)
        _, told = printed(lambda: (bar.update(VIEW | {"bytes": {"total": 0, "done": 0}, "waiting_for": []}), bar.close()))
        self.assertIn("2/3", told)

    def test_without_tqdm_there_are_lines_and_not_too_many(self):
        with without_tqdm():
            lines = _progress.shown(True)
        self.assertIsInstance(lines, _progress.Lines)

        def work():
            for done in range(50):
                lines.update(VIEW | {"bytes": {"total": 100, "done": done}})
            lines.note("the connection was lost")
            lines.note("the connection was lost")
            lines.update(VIEW)
            lines.close()

        _, told = printed(work)
        self.assertEqual(told, "the connection was lost\nstaging into cmb: 2 of 3 files, 2.8 GB of 4.2 GB, 48.0 MB/s, waiting: Planck allows 2 at a time\n")

    def test_what_failed_is_counted(self):
        view = VIEW | {"files": VIEW["files"] | {"failed": 1, "skipped": 2}}
        self.assertEqual(_progress.files_of(view), "2 of 3 files, 2 skipped, 1 failed")

    def test_staging_shows_a_bar_lines_or_nothing(self):
        _, bar = printed(lambda: client().stage(CMB_MAP, directory="bar"))
        self.assertRegex(bar, r"staging into workspace: 100%\|.*\| 22\.0M/22\.0M")
        with without_tqdm():
            _, lines = printed(lambda: client().stage(CMB_MAP, directory="lines"))
        self.assertEqual(lines.splitlines()[-1], "staging into workspace: 1 of 1 file, 22.0 MB of 22.0 MB")
        _, nothing = printed(lambda: client().stage(CMB_MAP, directory="nothing", progress=False))
        self.assertEqual(nothing, "")


class Cells(html.parser.HTMLParser):
    """The tags of a page, and its texts."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.texts = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.texts.append(data)


EVIL = "<script>alert(1)</script>\"'&<img src=x onerror=alert(1)>"


class Tables(unittest.TestCase):
    def test_no_text_of_an_archive_becomes_markup(self):
        asset = {"id": 'planck:"><script>', "archive": EVIL, "kind": EVIL, "title": EVIL, "size_bytes": 12}
        view = {"total": 1, "counted": "assets", "took_ms": 1, "notes": [EVIL], "facets": {}, "assets": [asset], "next": None}
        cells = Cells(SearchPage({}, view, "http://localhost:1")._repr_html_())
        self.assertEqual({tag for tag, _ in cells.tags}, {"table", "caption", "thead", "tr", "th", "tbody", "td", "a", "p"})
        self.assertEqual([attributes["href"] for tag, attributes in cells.tags if tag == "a"], ["http://localhost:1/assets/planck:%22%3E%3Cscript%3E"])
        self.assertEqual([text for text in cells.texts if "alert" in text], [EVIL] * 3)
        self.assertTrue(all(set(attributes) <= {"style", "scope", "href"} for _, attributes in cells.tags))

        staged = gantry.StagedFiles([gantry.Staged("a:b", EVIL, None, EVIL, EVIL, 1, None, None, EVIL, None, [EVIL], EVIL)])
        plan = gantry.Plan([gantry.PlannedFile("a:b", EVIL, EVIL, EVIL, EVIL, 1)], 1, 1, [EVIL], 0, 0, [], {})
        lab = gantry._client.Datalab(gantry.Client("http://localhost:1"), {"id": "1", "name": EVIL, "phase": EVIL, "url": '/"><script>', "waiting_for": [{"text": EVIL}], "ready": False})
        for shown in (staged, plan, lab):
            self.assertLessEqual({tag for tag, _ in Cells(shown._repr_html_()).tags}, {"div", "table", "thead", "tr", "th", "tbody", "td", "a", "p"})

    def test_a_search_is_a_table_with_a_caption_headings_and_links(self):
        found = client().search("100 GHz", limit=2)
        cells = Cells(found._repr_html_())
        self.assertIn("5 series found, 2 on this page", cells.texts)
        self.assertEqual([attributes.get("scope") for tag, attributes in cells.tags if tag == "th"], ["col"] * 4 + ["row"] * 2)
        self.assertEqual([attributes["href"] for tag, attributes in cells.tags if tag == "a"], [asset.url for asset in found])
        self.assertIn("31.5 MB", cells.texts)
        self.assertIn("HFI sky map, 100 GHz, full mission  31.5 MB", repr(found))
        self.assertIn("nothing found", repr(client().search("zzzzqqqq")))


if __name__ == "__main__":
    unittest.main()
