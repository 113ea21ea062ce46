# The Hub of the tests: the one of services/labs/hub/jupyterhub_config.py, whose labs are the small one of these tests.

import asyncio
import os
import random
import signal
import socket
import sys
import threading

from jupyterhub.app import JupyterHub
from jupyterhub.spawner import SimpleLocalProcessSpawner
from traitlets import Float, List, Unicode

here = os.path.dirname(os.path.abspath(__file__))
place = os.environ["GANTRY_HUB_PLACE"]
load_subconfig(os.path.join(here, "..", "..", "hub", "jupyterhub_config.py"))  # noqa: F821
c = get_config()  # noqa: F821


class TestSpawner(SimpleLocalProcessSpawner):
    """Starts processes; slowly, with words, or not at all where it is told to."""

    delay_s = Float(0)
    says = List(Unicode())
    fails = Unicode()

    async def start(self):
        await asyncio.sleep(self.delay_s)
        if self.fails:
            raise RuntimeError(self.fails)
        self.port = own_port()
        return await super().start()

    async def progress(self):
        for n, line in enumerate(self.says):
            yield {"progress": 10 * n, "message": line}
            await asyncio.sleep(self.delay_s / len(self.says))


def own_port():
    """A free port below those that the kernel gives to whoever asks for any. Until the lab listens, another program could
    be given one of those, and the Hub would take its answer for the lab's."""
    while True:
        port = random.randrange(20_000, 30_000)
        with socket.socket() as trying:
            try:
                trying.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


def lab(what, **more):
    return {"cmd": ["python3", os.path.join(here, "lab.py"), "hub", what], **more}


LABS = {
    "test/serves:v1": lab("serve"),
    "test/idle:v1": lab("idle"),
    "test/dies:v1": lab("die"),
    "test/slow:v1": lab("serve", delay_s=4, says=["Waiting for a node", "Pulling the image"]),
    "test/raises:v1": lab("serve", fails="no node has a graphics card left"),
    "test/jupyter:v1": {"cmd": [os.path.join(os.path.dirname(sys.executable), "jupyterhub-singleuser"), "--allow-root"]},
}
hook_of_the_example = c.Spawner.pre_spawn_hook


def hook(spawner):
    which = (spawner.user_options or {}).get("gantry", {}).get("lab")
    hook_of_the_example(spawner)
    for name, value in LABS.get(which, {}).items():
        setattr(spawner, name, value)


c.Spawner.pre_spawn_hook = hook
c.JupyterHub.spawner_class = TestSpawner
# What takes longer than a second is told to be on its way (202).
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 1, "slow_stop_timeout": 1}
c.Spawner.poll_interval = 1
# A process that has died is waited for as long as one that is slow.
c.Spawner.http_timeout = 15
c.Spawner.environment = {"JUPYTERHUB_SINGLEUSER_APP": "jupyter_server.serverapp.ServerApp"}

proxy_port, api_port, hub_port = os.environ["GANTRY_HUB_PORTS"].split(",")
c.JupyterHub.bind_url = f"http://127.0.0.1:{proxy_port}/jupyter/"
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{api_port}"
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{hub_port}"
c.JupyterHub.db_url = f"sqlite:///{place}/hub.sqlite"
c.JupyterHub.cookie_secret_file = f"{place}/cookie_secret"
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.Authenticator.allowed_users = {"ada"}
# Labs outlive a restart of the Hub.
c.JupyterHub.cleanup_servers = False
for name, value in os.environ.items():
    if name == "GANTRY_HUB_SET_makes_users":
        c.JupyterHub.load_roles[0]["scopes"].append("admin:users")
    elif name.startswith("GANTRY_HUB_SET_"):
        setattr(c.JupyterHub, name.removeprefix("GANTRY_HUB_SET_"), int(value))


def end_with_the_test():
    """When the tests are gone, however they ended, their end of this pipe is too."""
    sys.stdin.buffer.read()
    JupyterHub.instance().cleanup_servers = True
    os.kill(os.getpid(), signal.SIGTERM)


threading.Thread(target=end_with_the_test, daemon=True).start()
