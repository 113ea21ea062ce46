"""Whatever the client sends is in the committed description of the interface, and what that offers for these routes the client can send."""

import inspect
import json
import re
import unittest

import gantry
from gantry import _async, _calls, _client, _errors, _models, _take, _work
from support import OPENAPI, Script

# The forms of an answer for others than programs that read its JSON.
FORMS = {"format", "view"}

# In the contract, and not offered by the service yet: it answers so.
PROMISED = {"frame", "bbox"}
NAMES = {"with_": "with", "except_": "except", "after": "after"}
OF_THE_CLIENT = {"self", "progress", "timeout_s", "patience_s", "raise_on_failure", "idempotency_key", "what"}
TAKE = {"selection", "assets", "search", "any_of", "adql", "datalink", "archive", "release", "format", "max_rows"}
# A table that goes with a query is not offered by the service.
NOT_OFFERED = {"upload"}


def parameters(method):
    return {NAMES.get(name, name) for name in inspect.signature(method).parameters} - OF_THE_CLIENT


def properties(schema):
    """The names of all members of a schema of the description."""
    told = OPENAPI["components"]["schemas"][schema.rsplit("/", 1)[-1]]
    found = set()
    for part in [told, *told.get("allOf", [])]:
        found |= properties(part["$ref"]) if "$ref" in part and part is not told else set(part.get("properties", {}))
    return found


def of_query(path):
    return {one["name"] for one in OPENAPI["paths"][path]["get"]["parameters"] if one["in"] == "query"}


class Described(unittest.TestCase):
    def test_a_search_has_every_parameter_of_the_description_and_no_other(self):
        self.assertEqual(parameters(_client.Client.search) - PROMISED, of_query("/api/v1/assets") - PROMISED - FORMS)

    def test_every_member_of_what_is_sent_is_in_the_description_and_the_other_way_round(self):
        for method, schema in [(_client.Client.add_to_volume, "AddToVolume"), (_client.Client.stage, "AddToVolume"), (_client.Client.open_in_notebook, "OpenInNotebook")]:
            self.assertEqual(parameters(method) | TAKE, properties(schema) - NOT_OFFERED, schema)
        self.assertEqual(parameters(_client.Client.select) | TAKE, properties("Take") - NOT_OFFERED)
        self.assertEqual(parameters(_client.Client.resolve), properties("ResolveRequest"))
        self.assertEqual(parameters(_client.Datalab.extend), properties("Extend"))
        self.assertEqual(set(_take.cone_of((1, 2, 3))), properties("CutOut"))
        self.assertEqual(parameters(_client.Datalab.logs), of_query("/api/v1/datalabs/{id}/logs"))
        launched = set(re.findall(r"(\w+)\??(?=[,:}])", OPENAPI["paths"]["/api/v1/datalabs"]["post"]["requestBody"]["description"]))
        self.assertEqual(parameters(_client.Client.launch), launched - {"subpath", "mount_path", "read_only", "dry_run"})
        self.assertEqual(parameters(_client.Selection.plan), {"volume", *parameters(_client.Client.add_to_volume)} - {"prefer", "with", "except"})

    def test_every_route_that_is_asked_is_in_the_description(self):
        answers = {
            "id": "1", "phase": "COMPLETED", "next": None, "ready": True, "url": "/u", "volume": "v", "path": None, "title": "", "kind": "", "total": 0, "counted": "assets",
            "took_ms": 0, "notes": [], "facets": {}, "archive": "", "name": "n", "n_assets": 0, "n_files": 0, "size_bytes": 0, "expected": 0, "found": 0, "gaps": [],
            "text": "", "bibtex": "", "acknowledgement": "", "seconds": 0, "warnings": [], "datalab": "1", "staging_job": "1", "notebook": "n",
            **{noun: [] for noun in ("assets", "files", "staging_jobs", "datalabs", "volumes", "archives", "labs")},
        }  # fmt: skip
        with Script((200, {}, answers)) as script:
            client = gantry.Client(script.url, "t")
            made, job, lab = client.select("a:b"), client.add_to_volume("a:b"), client.launch("l")
            for ask in [
                client.search, lambda: client.asset("a:b"), lambda: client.resolve("a", ["b"]), lambda: client.citation("a:b"), lambda: client.citation("sel_1"), made.plan,
                made.citation, lambda: list(made.assets()), lambda: client.selection("sel_1"), client.staging_jobs, job.refresh, lambda: job.wait(progress=False), job.files, job.retry,
                job.hold, job.release, job.abort, lambda: client.open_in_notebook("a:b").wait(progress=False), client.labs, client.datalabs, lab.refresh, lab.logs,
                lambda: lab.extend(1), lab.destroy, client.archives, client.volumes, client.all_volumes,
            ]:  # fmt: skip
                ask()
        known = {(method.upper(), path): {one["name"] for one in told.get("parameters", [])} for path, methods in OPENAPI["paths"].items() for method, told in methods.items()}
        for method, address, headers, _ in script.asked:
            path, _, query = address.partition("?")
            matching = [names for (verb, route), names in known.items() if verb == method and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", route), path)]
            self.assertTrue(matching, (method, path))
            sent = {pair.partition("=")[0] for pair in query.split("&") if pair} | ({"Idempotency-Key"} if "Idempotency-Key" in headers else set())
            self.assertLessEqual(sent, set().union(*matching), (method, address))
        starts = {path for (method, path), names in known.items() if method == "POST" and "Idempotency-Key" in names}
        keyed = {address for method, address, headers, _ in script.asked if "Idempotency-Key" in headers}
        self.assertEqual(keyed, starts)

    def test_all_that_the_client_says_is_of_the_words_of_the_interface(self):
        text = json.dumps(OPENAPI)
        for module in (_calls, _work, _models, _errors, _async):
            for route in re.findall(r'"(/api/v1/[\w/-]+)"', inspect.getsource(module)):
                self.assertIn(f'"{route}"', text)


if __name__ == "__main__":
    unittest.main()
