"""A lab for tests: it serves on a port, has a kernel in a session of its own, and dies when it is told to.

On a Hub (`hub` instead of a port) it serves where the Hub says, and has no other processes, since a Hub ends only what
it started. In its workspace it writes down each of its beginnings: its process id, and its variables as JSON.
"""

import http.server
import json
import os
import subprocess
import sys
import urllib.parse

on_hub, what = sys.argv[1] == "hub", sys.argv[2]
port = urllib.parse.urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"]).port if on_hub else int(sys.argv[1])
secret = os.environ.get("LAB_SECRET", "")
print("a lab begins", flush=True)
with open(os.path.join(os.environ["HOME"], f"begun-{os.environ['GANTRY_DATALAB']}"), "a") as file:
    file.write(f"{os.getpid()} {json.dumps(dict(os.environ))}\n")
if what == "die":
    print(f"the secrets are {secret} and {os.environ['GANTRY_TOKEN']}", file=sys.stderr)
    print("no disk is left", file=sys.stderr)
    sys.exit(3)

if not on_hub:
    kernel = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    child = subprocess.Popen(["sleep", "1000"])
    print(f"processes {os.getpid()} {kernel.pid} {child.pid}", flush=True)


class Lab(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        right = self.headers.get("Authorization") == f"token {secret}"
        self.send_response(200 if right else 403)
        self.end_headers()
        self.wfile.write(b'{"last_activity": "2020-01-01T00:00:00Z", "kernels": 0}' if what == "idle" else b"{}")
        if self.path == "/quit":
            sys.stdout.flush()
            os._exit(0)

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", port), Lab).serve_forever()
