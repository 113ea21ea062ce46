"""What the benchmarks share: programs, servers on loopback, a Gantry of their own, and the machine they ran on."""

import contextlib
import json
import os
import pathlib
import platform
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

PATIENCE_S = 1800


def say(text):
    """Tells the person who waits; standard output belongs to the result."""
    print(text, file=sys.stderr, flush=True)


def program(name, package=None):
    """The path of a program, installed from Debian where it is missing and that is allowed; None where it cannot be had."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if found or os.geteuid() != 0 or not shutil.which("apt-get"):
        return found
    say(f"installing {package or name}")
    command = ["apt-get", "install", "-y", "-q", package or name]
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")


def version(command):
    """The first line that a program says of itself."""
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = (ran.stdout + ran.stderr).strip().splitlines()
    return lines[0] if lines else command[0]


def machine(folder):
    """What it ran on."""
    info = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8")
    model = next((line.split(":")[1].strip() for line in info.splitlines() if line.startswith("model name")), platform.machine())
    memory = pathlib.Path("/proc/meminfo").read_text(encoding="utf-8").split()[1]
    kind = subprocess.run(["stat", "-f", "-c", "%T", str(folder)], capture_output=True, text=True, check=False).stdout.strip()
    return {"cpu": model, "cores": len(os.sched_getaffinity(0)), "memory_mib": int(memory) // 1024,
            "kernel": platform.release(), "file_system": kind}


def free_port():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def until(what, look, within_s=PATIENCE_S, every_s=0.005):
    """Looks until there is something to return."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(every_s)
    raise TimeoutError(f"in vain: {what}")


def median(seconds):
    return round(statistics.median(seconds), 4)


@contextlib.contextmanager
def process(command, log, **more):
    """A process that ends with the block, whatever happens in it."""
    with open(log, "ab") as output:
        running = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, **more)
    try:
        yield running
    finally:
        running.send_signal(signal.SIGCONT)
        running.terminate()
        try:
            running.wait(20)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


def listens(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


@contextlib.contextmanager
def nginx(root, folder, access_log=None):
    """nginx over a folder: its files by path, with listings, and as the Planck archive names them; yields port and process."""
    port = free_port()
    log = f"access_log {access_log} named;" if access_log else "access_log off;"
    temporary = "\n".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    text = f"""daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
        worker_rlimit_nofile 4096;
        events {{ worker_connections 2048; }}
        http {{
            {temporary}
            log_format named '$msec $body_bytes_sent $request_uri';
            {log}
            sendfile on; tcp_nopush on; keepalive_requests 1000000; default_type application/octet-stream;
            server {{
                listen 127.0.0.1:{port}; root {root}; autoindex on;
                location = /pla/aio/product-action {{
                    if ($args ~ "MAP_ID=(?<product>[A-Za-z0-9_.-]+)$") {{ rewrite ^ /all/$product? last; }}
                    return 404;
                }}
            }}
        }}"""
    config = folder / "nginx.conf"
    config.write_text(text, encoding="utf-8")
    with process([program("nginx"), "-c", str(config)], folder / "nginx.out") as running:
        until("nginx listens", lambda: listens(port), 20)
        yield port, running


@contextlib.contextmanager
def vsftpd(root, folder):
    """vsftpd over a folder, for anonymous; yields its port."""
    port = free_port()
    (folder / "nothing").mkdir(exist_ok=True)
    config = folder / "vsftpd.conf"
    config.write_text(
        f"listen=YES\nlisten_address=127.0.0.1\nlisten_port={port}\nbackground=NO\nanonymous_enable=YES\nlocal_enable=NO\n"
        f"anon_root={root}\nsecure_chroot_dir={folder}/nothing\nseccomp_sandbox=NO\nisolate=NO\nisolate_network=NO\n",
        encoding="utf-8")
    with process([program("vsftpd"), str(config)], folder / "vsftpd.out"):
        until("vsftpd listens", lambda: listens(port), 20)
        yield port


class Service:
    """A `gantry serve` of its own."""

    def __init__(self, binary, folder, running, said):
        self.binary, self.folder, self.running = binary, folder, running
        self.url = said["url"].rstrip("/").replace("localhost", "127.0.0.1")
        self.token = self.token_of("bench")
        self.peak_rss_anon_kib = 0
        self._done = threading.Event()
        self._watching = threading.Thread(target=self._watch, daemon=True)
        self._watching.start()

    def _watch(self):
        """Keeps the highest RssAnon seen, looked at every 10 ms."""
        status = pathlib.Path(f"/proc/{self.running.pid}/status")
        while not self._done.wait(0.01):
            with contextlib.suppress(OSError, StopIteration):
                lines = status.read_text(encoding="utf-8").splitlines()
                kib = next(line.split()[1] for line in lines if line.startswith("RssAnon"))
                self.peak_rss_anon_kib = max(self.peak_rss_anon_kib, int(kib))

    def stop_watching(self):
        self._done.set()
        self._watching.join()

    def token_of(self, user):
        """A personal token of a user, who is made if need be."""
        arguments = ["token", "create", "bench", "--scopes", "search,volumes:read,volumes:write,staging"]
        return gantry(self.binary, self.folder, *arguments, user=user)["token"]

    def ask(self, method, path, body=None, token=None):
        request = urllib.request.Request(
            self.url + path, method=method, data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {token or self.token}", "Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{method} {path}: {error.code} {error.read().decode()[:500]}") from error

    def ended(self, job, token=None, every_s=0.005):
        """The job, when it has ended."""
        def look():
            shown = self.ask("GET", f"/api/v1/staging-jobs/{job}", token=token)
            return shown if shown["phase"] in ("COMPLETED", "ERROR", "ABORTED") else None
        return until(f"the end of job {job}", look, every_s=every_s)


def gantry(binary, folder, *arguments, user="bench"):
    """What a command prints with `--json`."""
    command = [str(binary), *arguments, "--json", "--config", str(folder / "gantry.toml")]
    ran = subprocess.run(command, capture_output=True, text=True, env=environment(user), check=False)
    if ran.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {ran.stderr.strip()}")
    return json.loads(ran.stdout)


def environment(user):
    own = {name: value for name, value in os.environ.items() if not name.startswith("GANTRY_")}
    return {**own, "USER": user}


@contextlib.contextmanager
def service(binary, folder):
    """Starts the service that `gantry.toml` in a folder describes; yields it when it answers."""
    out = folder / "serve.out"
    out.unlink(missing_ok=True)
    command = [str(binary), "serve", "--json", "--config", str(folder / "gantry.toml")]
    with open(folder / "serve.log", "ab") as log, open(out, "wb") as said:
        running = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=log, env=environment("bench"))
    started = None
    try:
        def line():
            if running.poll() is not None:
                raise RuntimeError(f"gantry serve ended: {(folder / 'serve.log').read_text(encoding='utf-8')[-2000:]}")
            text = out.read_text(encoding="utf-8")
            return text if text.endswith("\n") else None
        started = Service(binary, folder, running, json.loads(until("gantry serves", line, 60)))
        yield started
    finally:
        if started:
            started.stop_watching()
        running.terminate()
        try:
            running.wait(20)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()
