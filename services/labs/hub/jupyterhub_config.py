# A JupyterHub that runs the datalabs of Gantry; everything about Gantry is here, the rest is the Hub's own matter.
#
# Gantry's side: [launcher.hub] kind = "jupyterhub", url = "http://127.0.0.1:8000/", token_file = "…", mounts = false

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # where gantry_spawner.py is
from gantry_spawner import gantry_hook

c = get_config()  # noqa: F821

# Each datalab is a named server.
c.JupyterHub.allow_named_servers = True

# Gantry's service: its token stands in a file of which Gantry has a copy, and its role has what Gantry does.
with open(os.environ["GANTRY_HUB_TOKEN_FILE"]) as file:
    c.JupyterHub.services = [{"name": "gantry", "api_token": file.read().strip()}]
c.JupyterHub.load_roles = [
    {
        "name": "gantry",
        "services": ["gantry"],
        # With `admin:users` Gantry also makes users who have never logged in at the Hub; a Hub takes that for an
        # administrator's right, so without it they log in there once.
        "scopes": ["list:users", "servers", "tokens"],
    }
]

# Where volumes may come from: Gantry's `[staging] volume_root`, `local_roots`, and the `mounts` of its archives.
c.Spawner.pre_spawn_hook = gantry_hook(roots=os.environ["GANTRY_HUB_ROOTS"].split(":"))

# On Kubernetes, instead, with `mounts = true` in Gantry's configuration:
#
#   c.JupyterHub.spawner_class = "kubespawner.KubeSpawner"
#   claim = {"persistentVolumeClaim": {"claimName": "gantry-volumes"}}
#   c.Spawner.pre_spawn_hook = gantry_hook(
#       roots={
#           "/srv/gantry/volumes": {"volume": claim, "sub_path": "volumes"},
#           "/srv/archives": {"volume": {"nfs": {"server": "nfs.example", "path": "/archives"}}, "read_only": True},
#       },
#       profiles={"sepp/jupyterlab:v1": {"image": "registry.example/gantry/jupyterlab:2026.11"}},
#   )
