"""A desktop application as a lab: an X display that only a browser with the lab's secret sees.

    gantry_desktop.py --port PORT [--maximise] [--closed] [--settings FILE] -- PROGRAM [ARGUMENT…]
    gantry_desktop.py --port PORT --machine -- QEMU [ARGUMENT…]

Xvnc shows the program to a socket in the datalab's own folder, websockify carries that to a browser, and noVNC is the
page. Whoever comes needs the secret of ``GANTRY_DESKTOP_SECRET``: a person by ``/?token=…``, which becomes a cookie and
leaves the address; Gantry by ``Authorization: token …``. The program does not get the secret.

``/api/status`` answers as a Jupyter server does, so Gantry sees when somebody last looked; one who looks is active.
The lab ends when its program does, in order when that ended with status 0.

``--maximise`` opens the program's main windows as large as the display. ``--closed`` gives the program a network of
its own with nothing in it, for programs that would listen on every address of the machine. ``--settings`` makes an
empty file of the user's settings where there is none, for programs that ask questions before their first start.
``--machine`` needs no Xvnc: QEMU shows its machine itself.

It runs on Debian's packages alone: websockify, novnc, tigervnc-standalone-server, openbox.
"""

import argparse
import datetime
import fcntl
import hmac
import http.cookies
import json
import os
import pathlib
import secrets
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.parse

NOVNC = "/usr/share/novnc"
# What the page of noVNC is told: to begin at once, to come back after a break, and to give the display the window's
# size, or where that cannot be changed to show it as large as the window.
PAGE = "/vnc.html?autoconnect=true&reconnect=true&resize={resize}&path=websockify"
# What noVNC may do: nothing but its own files and its own socket.
POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; connect-src 'self' ws://{host}"
SECRET = "GANTRY_DESKTOP_SECRET"
GEOMETRY = "GANTRY_DESKTOP_SIZE"
STARTS_WITHIN_S = 20


def main():
    arguments = parsed()
    if arguments.become:
        return become(arguments.program)
    secret = os.environ.pop(SECRET, "")
    if not secret:
        return f"the variable {SECRET} is not set"
    runtime = pathlib.Path(os.environ["JUPYTER_RUNTIME_DIR"])
    try:
        # The port is taken before anything is started, so that two never show one program.
        server = Server(("127.0.0.1", arguments.port), secret, runtime, "scale" if arguments.machine else "remote")
    except OSError as error:
        return f"port {arguments.port}: {error.strerror}"
    children = Children()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        if arguments.machine:
            start_machine(children, runtime, arguments)
        else:
            start_display(children, runtime)
            start_program(children, runtime, arguments)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(f"{arguments.program[0]} is shown", flush=True)
        return children.first_end()
    finally:
        children.end()


def parsed():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--maximise", action="store_true")
    parser.add_argument("--closed", action="store_true")
    parser.add_argument("--machine", action="store_true")
    parser.add_argument("--settings", type=pathlib.PurePosixPath)
    parser.add_argument("--become", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("program", nargs="+")
    return parser.parse_args()


# ── the display and what is on it ─────────────────────────────────────


class Children:
    """The processes of the desktop; when the display or the program ends, the lab does."""

    def __init__(self):
        self.by_name = {}

    def start(self, name, command, **how):
        self.by_name[name] = subprocess.Popen(command, stdin=subprocess.DEVNULL, **how)
        return self.by_name[name]

    def first_end(self):
        """Waits for the display or the program, and says how it ended: None in order, else a sentence."""
        while True:
            for name, child in self.by_name.items():
                status = child.poll()
                if name != "windows" and status is not None:
                    return None if name == "program" and status == 0 else f"the {name} has ended with status {status}"
            time.sleep(0.2)

    def end(self):
        for child in reversed(self.by_name.values()):
            if child.poll() is None:
                child.terminate()
        for child in self.by_name.values():
            try:
                child.wait(5)
            except subprocess.TimeoutExpired:
                child.kill()


def start_display(children, runtime):
    """Starts Xvnc on a free display, in a folder where only this user comes, with a key for whoever draws on it."""
    socket_path(runtime).unlink(missing_ok=True)
    os.environ["XAUTHORITY"] = str(write_key(runtime / "xauthority"))
    number, answer = os.pipe()
    command = ["Xvnc", "-displayfd", str(answer), "-auth", os.environ["XAUTHORITY"], "-nolisten", "tcp"]
    command += ["-rfbunixpath", socket_path(runtime).name, "-rfbunixmode", "0600", "-rfbport", "-1", "-SecurityTypes", "None"]
    command += ["-geometry", os.environ.get(GEOMETRY, "1440x900"), "-depth", "24", "-br", "-desktop", "Gantry"]
    # A path of a socket is at most 107 bytes long, so it is made where the display begins.
    child = children.start("display", command, cwd=runtime, pass_fds=[answer])
    os.close(answer)
    deadline = time.monotonic() + STARTS_WITHIN_S
    os.set_blocking(number, False)
    text = b""
    while not text.endswith(b"\n"):
        if child.poll() is not None or time.monotonic() > deadline:
            sys.exit("Xvnc did not start")
        try:
            text += os.read(number, 16)
        except BlockingIOError:
            time.sleep(0.02)
    os.close(number)
    os.environ["DISPLAY"] = f":{text.decode().strip()}"


def start_machine(children, runtime, arguments):
    """Starts a machine that shows itself at the socket, and waits for that."""
    place = socket_path(runtime)
    place.unlink(missing_ok=True)
    command = [*arguments.program, "-display", "none", "-vnc", f"unix:{place.name}"]
    child = children.start("program", command, cwd=runtime)
    deadline = time.monotonic() + STARTS_WITHIN_S
    while not place.exists():
        if child.poll() is not None or time.monotonic() > deadline:
            sys.exit(f"{command[0]} did not start")
        time.sleep(0.02)


def socket_path(runtime):
    return runtime / "vnc"


def write_key(path):
    """A new key for the display, in the form of an .Xauthority file: family, address, display, name, key."""
    name, key = b"MIT-MAGIC-COOKIE-1", secrets.token_bytes(16)
    any_family = struct.pack(">HHH", 0xFFFF, 0, 0)
    entry = any_family + struct.pack(">H", len(name)) + name + struct.pack(">H", len(key)) + key
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(entry)
    return path


def start_program(children, runtime, arguments):
    """Starts the window manager and the program, in the workspace."""
    settings = runtime / "openbox.xml"
    settings.write_text(WINDOWS.format(maximise=MAXIMISE if arguments.maximise else ""))
    children.start("windows", ["openbox", "--config-file", str(settings), "--sm-disable"])
    if arguments.settings:
        file = pathlib.Path(os.environ["HOME"]) / arguments.settings
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    command = arguments.program
    if arguments.closed:
        alone = ["unshare", "--user", "--map-current-user", "--keep-caps", "--net", "--"]
        command = [*alone, sys.executable, os.path.abspath(__file__), "--become", "--", *command]
    children.start("program", command, cwd=os.environ["HOME"])


def become(program):
    """Brings up the loopback of a network that has nothing else, and becomes the program."""
    up_and_running = 0x41
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh14x", b"lo", up_and_running))  # SIOCSIFFLAGS
    os.execvp(program[0], program)


MAXIMISE = '<application type="normal"><maximized>yes</maximized></application>'
# Windows are placed, moved and closed; there is no menu, and nothing else to start.
WINDOWS = """<?xml version="1.0"?>
<openbox_config xmlns="http://openbox.org/3.4/rc">
<focus><focusNew>yes</focusNew></focus>
<placement><policy>Smart</policy></placement>
<theme><name>Clearlooks</name><titleLayout>LIMC</titleLayout></theme>
<desktops><number>1</number><popupTime>0</popupTime></desktops>
<keyboard><keybind key="A-Tab"><action name="NextWindow"/></keybind></keyboard>
<mouse>
<context name="Titlebar"><mousebind button="Left" action="Press"><action name="Focus"/><action name="Raise"/></mousebind>
<mousebind button="Left" action="Drag"><action name="Move"/></mousebind>
<mousebind button="Left" action="DoubleClick"><action name="ToggleMaximize"/></mousebind></context>
<context name="Client"><mousebind button="Left" action="Press"><action name="Focus"/><action name="Raise"/></mousebind></context>
<context name="Close"><mousebind button="Left" action="Click"><action name="Close"/></mousebind></context>
<context name="Maximize"><mousebind button="Left" action="Click"><action name="ToggleMaximize"/></mousebind></context>
<context name="Iconify"><mousebind button="Left" action="Click"><action name="Lower"/></mousebind></context>
<context name="Bottom TLCorner TRCorner BLCorner BRCorner Top Left Right">
<mousebind button="Left" action="Drag"><action name="Resize"/></mousebind></context>
</mouse>
<applications>{maximise}</applications>
</openbox_config>
"""

# ── the way to it ─────────────────────────────────────────────────────

# websockify also reads it as a library; its logger has no handler, so it writes nothing that an address might hold.
from websockify.websocketproxy import LibProxyServer, ProxyRequestHandler  # noqa: E402


class Server(LibProxyServer):
    """Shows noVNC to whoever has the secret, and counts who looks."""

    # The lab ends although a browser keeps a connection open.
    daemon_threads = True

    def __init__(self, address, secret, runtime, resize):
        self.secret = secret
        self.page = PAGE.format(resize=resize)
        self.cookie = f"gantry-desktop-{address[1]}"
        self.cookie_value = hmac.new(secret.encode(), b"desktop", "sha256").hexdigest()
        self.n_viewers = 0
        self.last_activity = now()
        self.counting = threading.Lock()
        folder = os.open(runtime, os.O_RDONLY | os.O_DIRECTORY)
        # The same short way to the socket, whatever the length of the folder's path.
        short = f"/proc/self/fd/{folder}/{socket_path(runtime).name}"
        self.file_only = True
        super().__init__(Handler, listen_host=address[0], listen_port=address[1], web=NOVNC, unix_target=short)

    def handle_error(self, *_):
        """A browser that goes away in the middle is nothing to tell of."""

    def looks(self, change):
        with self.counting:
            self.n_viewers += change
            self.last_activity = now()
            print(f"{self.n_viewers} looking", flush=True)

    def status(self):
        with self.counting:
            last = now() if self.n_viewers > 0 else self.last_activity
        return {"started": None, "last_activity": last, "connections": self.n_viewers, "kernels": 0}


class Handler(ProxyRequestHandler):
    """One request: Gantry's question, a person who comes with the secret, a file of noVNC, or the socket."""

    server_version = "Gantry"
    sys_version = ""

    def do_GET(self):
        path, _, query = self.path.partition("?")
        token = urllib.parse.parse_qs(query).get("token", [""])[0]
        if not self.comes_to_us():
            self.answer(403, "this address is not the lab's")
        elif path == "/api/status" and self.is_gantry():
            self.answer(200, json.dumps(self.server.status()), "application/json")
        elif path == "/" and self.is_secret(token):
            self.lead_to(self.server.page, f"{self.server.cookie}={self.server.cookie_value}; HttpOnly; SameSite=Lax; Path=/")
        elif not self.is_known():
            self.answer(403, "open this lab from its page in Gantry")
        elif path == "/":
            self.lead_to(self.server.page)
        else:
            super().do_GET()

    def do_HEAD(self):
        self.answer(405, "only GET is answered")

    def auth_connection(self):
        """A socket comes from the lab's own page, with its cookie."""
        origin = self.headers.get("Origin", "")
        if not (self.comes_to_us() and self.is_known() and origin == f"http://{self.headers.get('Host', '')}"):
            self.answer(403, "open this lab from its page in Gantry")
            raise PermissionError

    def handle_upgrade(self):
        try:
            super().handle_upgrade()
        except PermissionError:
            pass

    def new_websocket_client(self):
        self.server.looks(+1)
        try:
            super().new_websocket_client()
        finally:
            self.server.looks(-1)

    def comes_to_us(self):
        """Whether the browser was told this address by its own name, not by one that leads here by deceit."""
        port = self.server.server_address[1]
        return self.headers.get("Host", "") in (f"127.0.0.1:{port}", f"localhost:{port}")

    def is_gantry(self):
        scheme, _, value = self.headers.get("Authorization", "").partition(" ")
        return scheme == "token" and self.is_secret(value)

    def is_secret(self, value):
        return hmac.compare_digest(value.encode(), self.server.secret.encode())

    def is_known(self):
        cookies = http.cookies.SimpleCookie()
        try:
            cookies.load(self.headers.get("Cookie", ""))
        except http.cookies.CookieError:
            return False
        morsel = cookies.get(self.server.cookie)
        return morsel is not None and hmac.compare_digest(morsel.value.encode(), self.server.cookie_value.encode())

    def lead_to(self, path, cookie=None):
        self.send_response(303)
        self.send_header("Location", path)
        if cookie:
            self.send_header("Set-Cookie", cookie)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def answer(self, status, text, media_type="text/plain"):
        body = text.encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", f"{media_type}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def end_headers(self):
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", "no-cache")
        self.send_header("Content-Security-Policy", POLICY.format(host=self.headers.get("Host", "")))
        super().end_headers()

    def log_message(self, *_):
        """Writes nothing: an address may hold the secret."""


def now():
    return datetime.datetime.now(datetime.timezone.utc).isoformat()


if __name__ == "__main__":
    sys.exit(main())
