"""Tables and numbers as a notebook shows them, and what is asked of the service. Standard library only."""

import json
import os
import threading
import unittest
from http.server import BaseHTTPRequestHandler, HTTPServer
from unittest import mock

import gantry


class Words(unittest.TestCase):
    def test_one_is_singular_and_sizes_have_the_unit_that_suits_them(self):
        self.assertEqual([gantry.counted(n, "file") for n in (0, 1, 2, 1024)], ["0 files", "1 file", "2 files", "1,024 files"])
        self.assertEqual(gantry.counted(2, "series", "series"), "2 series")
        sizes = [gantry.sized(n) for n in (1, 999, 1000, 12_345, 999_999, 27_317_348, 1_811_709_771)]
        self.assertEqual(sizes, ["1 byte", "999 bytes", "1.0 kB", "12.3 kB", "1.0 MB", "27.3 MB", "1.8 GB"])

    def test_a_table_leaves_out_what_nobody_states_and_runs_no_markup(self):
        table = gantry.Table(["", "product", "unit"], [[0, "<script>", None], [1, "b", ""]])
        self.assertEqual(table.titles, ["", "product"])
        self.assertIn("&lt;script&gt;", table._repr_html_())
        self.assertNotIn("<script>", table._repr_html_())
        self.assertEqual(repr(table), "  product\n0  <script>\n1  b")


class Service(BaseHTTPRequestHandler):
    """Answers as the service does for one job."""

    asked = []

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        Service.asked.append((self.path, self.headers["Authorization"], body))
        if "adql" in body:
            self.answer(202, {"id": "job_1", "phase": "QUEUED"})
        else:
            self.answer(400, {"title": "Bad request", "detail": "say what to take"})

    def do_GET(self):
        if self.path.endswith("/files"):
            self.answer(200, {"files": [{"name": "q.vot", "outcome": "staged", "path": "gaia/q.vot"}]})
        else:
            self.answer(200, {"id": "job_1", "phase": "COMPLETED"})

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *arguments):
        pass


class Staging(unittest.TestCase):
    def test_a_query_is_staged_and_its_path_in_the_volume_known(self):
        server = HTTPServer(("127.0.0.1", 0), Service)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        told = {"GANTRY_URL": f"http://127.0.0.1:{server.server_port}/", "GANTRY_TOKEN": "t", "GANTRY_VOLUMES": '{"w": "/v"}'}
        with mock.patch.dict(os.environ, told):
            paths = gantry.stage({"adql": "SELECT TOP 1 ra FROM t", "archive": "gaia"}, "w")
            self.assertEqual([str(path) for path in paths], ["/v/gaia/q.vot"])
            self.assertEqual(Service.asked[0], ("/api/v1/add-to-volume", "Bearer t", {"adql": "SELECT TOP 1 ra FROM t", "archive": "gaia", "volume": "w"}))
            with self.assertRaisesRegex(gantry.ServiceError, "^say what to take$"):
                gantry.stage({}, "w")

    def test_outside_a_datalab_the_missing_variables_are_named(self):
        with mock.patch.dict(os.environ), self.assertRaisesRegex(gantry.ServiceError, "GANTRY_URL and GANTRY_TOKEN are not set"):
            os.environ.pop("GANTRY_URL", None)
            gantry.stage({"adql": "SELECT 1", "archive": "gaia"}, "w")


if __name__ == "__main__":
    unittest.main()
