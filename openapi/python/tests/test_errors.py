"""What goes wrong, as exceptions; what is tried again, and how often; and that no token is ever shown."""

import copy
import email.utils
import os
import pickle
import socket
import time
import traceback
import unittest
from unittest import mock

import gantry
from gantry import _errors
from support import Script, problem

TOKEN = "gnt_a_very_secret_token"
FAST = mock.patch("gantry._calls.FIRST_PAUSE_S", 0.001)


def of(script, **more):
    return gantry.Client(script.url, TOKEN, **more)


class OfAScript(unittest.TestCase):
    @FAST
    def test_each_kind_and_status_has_its_exception(self):
        for kind, exception in _errors.KINDS.items():
            with self.subTest(kind), Script(problem(kind, 418, known={"id": "x"})) as script, self.assertRaises(exception) as caught:
                of(script).archives()
            self.assertEqual((type(caught.exception), caught.exception.known, str(caught.exception)), (exception, {"id": "x"}, "what was wrong, and what to do"))
        for status, exception in [(400, gantry.Refused), (401, gantry.NotLoggedIn), (404, gantry.NotFound), (410, gantry.Withdrawn), (418, gantry.Refused), (429, gantry.Unavailable),
                                  (500, gantry.ServiceFailed), (502, gantry.Unavailable), (507, gantry.OutOfSpace)]:
            for body in (problem("a-new-kind", status)[2], b"<html>", b"", [1], {"type": 1}):
                with self.subTest((status, body)), Script((status, {}, body)) as script, self.assertRaises(exception) as caught:
                    of(script).archives()
                self.assertEqual((type(caught.exception), caught.exception.status), (exception, status))
                self.assertTrue(str(caught.exception))

    def test_a_service_below_a_path_is_asked_there_also_for_the_pages_it_names(self):
        pages = [{"total": 2, "assets": [{"id": f"planck:{n}", "archive": "planck", "kind": "map", "title": "A map", "facets": {}}], "facets": {}, "notes": [], "counted": "assets", "took_ms": 1, "next": next_page} for n, next_page in [(1, "/gantry/api/v1/assets?after=x"), (2, None)]]
        with Script((200, {}, pages[0]), (200, {}, pages[1]), (404, {}, {"type": "/gantry/problems/asset-not-found", "title": "t", "detail": "d", "status": 404, "instance": "i"})) as script:
            client = gantry.Client(script.url + "/gantry/", TOKEN)
            self.assertEqual([asset.id for asset in client.search().next_page()], ["planck:2"])
            with self.assertRaises(_errors.KINDS["asset-not-found"]):
                client.asset("planck:3")
            self.assertEqual([asked[1].split("?")[0] for asked in script.asked], ["/gantry/api/v1/assets", "/gantry/api/v1/assets", "/gantry/api/v1/assets/planck:3"])

    def test_errors_are_caught_as_one_and_can_be_pickled(self):
        error = gantry.NotFound("no asset", type="/problems/asset-not-found", status=404, instance="urn:uuid:1", known={"a": 1})
        for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
            self.assertEqual((type(again), str(again), vars(again)), (gantry.NotFound, "no asset", vars(error)))
        for name in ("StagingFailed", "VolumeNotFound", "TimedOut", "Unreachable", "NotConfigured", "LabFailed", "Withdrawn"):
            self.assertTrue(issubclass(getattr(gantry, name), gantry.GantryError))

    def test_after_429_and_503_it_waits_as_long_as_it_is_told(self):
        for told, least_s in [("0", 0), ("1", 1), ("a date", 0.9)]:
            told = email.utils.formatdate(time.time() + 2, usegmt=True) if told == "a date" else told
            refusal = problem("busy", 429 if told == "1" else 503)
            refusal[1]["Retry-After"] = told
            with self.subTest(told), Script(refusal, (200, {}, {"archives": []})) as script:
                begin = time.monotonic()
                self.assertEqual(of(script).archives(), [])
                self.assertTrue(least_s <= time.monotonic() - begin < least_s + 5)
                self.assertEqual(len(script.asked), 2)

    def test_it_does_not_wait_for_hours_nor_try_for_ever(self):
        refusal = problem("busy", 503)
        refusal[1]["Retry-After"] = "3600"
        with Script(refusal) as script, self.assertRaises(gantry.Unavailable):
            of(script).archives()
        self.assertEqual(len(script.asked), 1)
        with FAST, Script(problem("busy", 503)) as script, self.assertRaises(gantry.Unavailable):
            of(script).archives()
        self.assertEqual(len(script.asked), gantry._calls.TRIES)

    @FAST
    def test_what_was_refused_for_good_is_not_tried_again(self):
        for kind, status in [("bad-request", 400), ("not-logged-in", 401), ("asset-not-found", 404), ("internal-error", 500), ("conflict", 409)]:
            with Script(problem(kind, status)) as script, self.assertRaises(gantry.GantryError):
                of(script).archives()
            self.assertEqual(len(script.asked), 1, kind)

    @FAST
    def test_work_is_started_under_one_key_however_often_it_is_asked(self):
        job = {"id": "j", "volume": "v", "phase": "QUEUED", "files": {}}
        for work in (lambda it: it.add_to_volume("a:b"), lambda it: it.open_in_notebook("a:b"), lambda it: it.launch("l")):
            answers = [problem("busy", 503), problem("conflict", 409, "the same request is being carried out right now"), (202, {}, job | {"datalab": "d", "staging_job": "s", "notebook": "n"})]
            with Script(*answers) as script:
                work(of(script))
            keys = [headers.get("Idempotency-Key") for method, _, headers, _ in script.asked if method == "POST"]
            self.assertEqual((len(keys), len(set(keys)), len(keys[0])), (3, 1, 36))

    @FAST
    def test_what_may_not_be_done_twice_is_sent_again_only_when_told_to(self):
        lab = {"id": "d", "phase": "EXECUTING"}
        with Script((200, {}, {"datalabs": [lab]}), problem("busy", 503), (200, {}, lab)) as script:
            (found,) = of(script).datalabs()
            with self.assertRaises(gantry.Unavailable):
                found.extend(60)
        refusal = problem("busy", 503)
        refusal[1]["Retry-After"] = "0"
        with Script((200, {}, {"datalabs": [lab]}), refusal, (200, {}, lab)) as script:
            of(script).datalabs()[0].extend(60)
        self.assertEqual(len(script.asked), 3)

    @FAST
    def test_what_does_not_answer_is_given_up_in_time(self):
        with Script((200, {"Content-Length": "1000"}, b"{")) as script, self.assertRaisesRegex(gantry.Unreachable, f"the service at {script.url} cannot be asked: "):
            of(script, timeout_s=0.2).archives()
        with socket.create_server(("127.0.0.1", 0)) as silent:
            begin = time.monotonic()
            with self.assertRaisesRegex(gantry.Unreachable, "did not answer within 0.2 s"):
                gantry.Client(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout_s=0.2).archives()
            self.assertLess(time.monotonic() - begin, 5)

    @FAST
    def test_what_is_not_gantry_is_said_to_be_none(self):
        for body in (b"<html>hello</html>", [], b"\xff", b""):
            with self.subTest(body), Script((200, {}, body)) as script, self.assertRaisesRegex(gantry.NotUnderstood, "no JSON object"):
                of(script).archives()

    def test_answers_have_a_limit(self):
        with mock.patch("gantry._transport.MAX_ANSWER_BYTES", 1000), FAST, Script((200, {}, b"x" * 2000)) as script, self.assertRaisesRegex(gantry.Unreachable, "longer than 1,000 bytes"):
            of(script).archives()

    def test_outside_of_a_lab_it_is_said_what_to_set(self):
        with mock.patch.dict("os.environ"):
            for name in ("GANTRY_URL", "GANTRY_TOKEN"):
                os.environ.pop(name, None)
            with self.assertRaisesRegex(gantry.NotConfigured, "GANTRY_URL and GANTRY_TOKEN are not set"):
                gantry.search("x")
        for address in ("localhost:8080", "file:///etc/passwd", "http://", "http://me:secret@host", "http://host/?token=secret"):
            with self.subTest(address), self.assertRaises(gantry.NotConfigured) as caught:
                gantry.Client(address)
            self.assertNotIn("secret", str(caught.exception))


class Secrets(unittest.TestCase):
    def test_the_token_goes_nowhere_but_to_its_service(self):
        with Script((200, {}, {"archives": []})) as elsewhere:
            for answer in [(302, {"Location": elsewhere.url + "/api/v1/archives"}, b""), (307, {"Location": "//evil.example"}, b"")]:
                with Script(answer) as script, self.assertRaisesRegex(gantry.NotUnderstood, "redirection"):
                    of(script).archives()
            for step in (elsewhere.url, "//evil.example/x", "@evil.example", ""):
                with Script((200, {}, {"archives": [], "next": step or "x y"})) as script, self.assertRaises(gantry.NotUnderstood):
                    of(script).archives()
            self.assertEqual(elsewhere.asked, [])
            with mock.patch.dict(os.environ, {"GANTRY_URL": "http://localhost:1", "GANTRY_TOKEN": TOKEN}):
                gantry.Client(elsewhere.url).archives()
            self.assertNotIn("Authorization", elsewhere.asked[0][2])
            of(elsewhere).archives()
            self.assertEqual(elsewhere.asked[1][2]["Authorization"], f"Bearer {TOKEN}")

    @FAST
    def test_no_text_of_the_client_shows_the_token(self):
        shown = []
        with Script(problem("busy", 503), (200, {}, {"archives": []})) as script:
            it = of(script)
            it.archives()
            shown += [repr(it), str(it), repr(gantry.AsyncClient(script.url, TOKEN)), repr(it._connection), repr(vars(it._connection)), repr(vars(it))]
        for work in (lambda: gantry.Client("http://127.0.0.1:9", TOKEN).archives(), lambda: of(script).archives(), lambda: gantry.Client("http://127.0.0.1:9", TOKEN + "\nx: y").archives(), lambda: gantry.Client("nowhere", TOKEN)):
            try:
                work()
            except gantry.GantryError as error:
                shown += [str(error), repr(error), *traceback.TracebackException.from_exception(error, capture_locals=True).format()]
                self.assertIsNone(error.__cause__)
                self.assertIsNone(error.__context__)
        self.assertGreater(len(shown), 20)
        self.assertEqual([text for text in shown if "very_secret" in text], [])


if __name__ == "__main__":
    unittest.main()
