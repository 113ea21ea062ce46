"""What the tests share: a running Gantry, a service of a script, and a relay that loses connections."""

import atexit
import contextlib
import io
import json
import os
import socket
import subprocess
import tempfile
import threading
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from unittest import mock

import gantry

ROOT = Path(__file__).parents[3]
OPENAPI = json.loads((ROOT / "openapi" / "gantry.v1.json").read_text())
CMB_MAP = "planck:COM_CMB_IQU-smica_0256_R3.00_full.fits"
SKY_MAP = "planck:HFI_SkyMap_100_0256_R3.01_full.fits"


def _start():
    """A service with its stand-in archives, which starts while the tests that need none run; it ends with the tests."""
    binary = os.environ.get("GANTRY_BIN", str(ROOT / "target" / "debug" / "gantry"))
    folder = tempfile.TemporaryDirectory(prefix="gantry-client-")
    # The environment of the tests is not the labs' business.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH" and not name.startswith("GANTRY_")}
    process = subprocess.Popen([binary, "demo", "--json", "--port", "0", "--dir", folder.name], stdout=subprocess.PIPE, env=environment)

    def end():
        process.terminate()
        process.wait(30)
        process.stdout.close()
        folder.cleanup()

    atexit.register(end)
    return process


_process = _start()


@cache
def demo():
    """The running service: ``{url, token, …}``."""
    line = _process.stdout.readline()
    assert line, f"`{' '.join(_process.args)}` ended at once; GANTRY_BIN names the program"
    return json.loads(line)


def client(token=None):
    """A client of the running service."""
    return gantry.Client(demo()["url"], token or demo()["token"])


@contextlib.contextmanager
def in_a_lab(**more):
    """As if this were a lab of the running service."""
    told = {"GANTRY_URL": demo()["url"], "GANTRY_TOKEN": demo()["token"], **more}
    with mock.patch.dict(os.environ, told):
        yield


def token_for(*scopes):
    """A token of the demo's user that may do so much and no more."""
    found = client()._run(gantry._calls.post("/api/v1/tokens", {"name": "test", "scopes": list(scopes)}))
    return found["token"]


def printed(work):
    """What it returns, and what it prints."""
    with contextlib.redirect_stdout(io.StringIO()) as out:
        found = work()
    return found, out.getvalue()


class Script:
    """A service that gives prepared answers, one after the other, and keeps what it was asked.

    An answer is (status, headers, body as an object or as bytes). The last one is given again and again.
    """

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []
        script = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                script.asked.append((self.command, self.path, dict(self.headers), json.loads(body) if body else None))
                status, headers, told = script.answers.pop(0) if len(script.answers) > 1 else script.answers[0]
                data = told if isinstance(told, bytes) else json.dumps(told).encode()
                self.send_response(status)
                for name, value in ({"Content-Length": str(len(data))} | headers).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_DELETE = do_POST

            def log_message(self, *arguments):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()


def problem(kind, status, detail="what was wrong, and what to do", **more):
    """An answer with a problem."""
    body = {"type": f"/problems/{kind}", "title": "A title", "status": status, "detail": detail, "instance": "urn:uuid:1", **more}
    return status, {"Content-Type": "application/problem+json"}, body


class Relay:
    """Stands before the running service. ``fault(number, line)`` says what becomes of a request, by its number and first line:

    ``pass``; ``refuse``, the service never sees it; ``lose``, the service does and its answer is lost; ``cut``, half of it is.
    """

    def __init__(self, fault):
        self._fault = fault
        self.lines = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://localhost:{self._listener.getsockname()[1]}"

    def __enter__(self):
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._listener.close()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                threading.Thread(target=self._one, args=(near,), daemon=True).start()

    def _one(self, near):
        with near, contextlib.suppress(OSError):
            near.settimeout(30)
            request = _message(near)
            line = request.split(b"\r\n", 1)[0].decode()
            self.lines.append(line)
            fault = self._fault(len(self.lines), line)
            if fault == "refuse":
                return
            port = int(demo()["url"].rstrip("/").rsplit(":", 1)[1])
            with socket.create_connection(("localhost", port), timeout=30) as far:
                far.sendall(request)
                answer = b""
                while piece := far.recv(65536):
                    answer += piece
            if fault != "lose":
                near.sendall(answer[: len(answer) // 2] if fault == "cut" else answer)


def _message(near):
    """A whole request: its head, and as much body as that announces."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = near.recv(65536)
        if not piece:
            raise OSError("no request")
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    sizes = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    while len(body) < (sizes or [0])[0]:
        body += near.recv(65536)
    return head + b"\r\n\r\n" + body
