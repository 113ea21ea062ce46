"""A lab for tests: it serves on a port, has a kernel in a session of its own, and dies when it is told to."""

import http.server
import os
import subprocess
import sys

port, what = int(sys.argv[1]), sys.argv[2]
secret = os.environ.get("LAB_SECRET", "")
print("a lab begins", flush=True)
if what == "die":
    print(f"the secrets are {secret} and {os.environ['GANTRY_TOKEN']}", file=sys.stderr)
    print("no disk is left", file=sys.stderr)
    sys.exit(3)

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
