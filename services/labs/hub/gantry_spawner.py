"""What turns Gantry's wishes into a server of a JupyterHub: a hook for ``c.Spawner.pre_spawn_hook``.

Gantry starts each datalab as a named server and says in ``user_options["gantry"]`` which lab it is, which variables it
gets, and which volumes and archives are in it. The hook believes that only when Gantry's own service asks, since every
user of a Hub may send options of their own; and it mounts nothing outside the folders the operator lists. Servers that
did not come from Gantry are left as they are.

It needs nothing but the Hub: no database, no auth state.
"""

import posixpath

try:
    from tornado.web import HTTPError
except ImportError:  # Outside a Hub, as in its unit tests.
    HTTPError = None

# What stays in the Hub's record of a server: how Gantry finds it again. The variables hold a token, so they go.
KEPT = ("datalab", "gantry", "attempt", "lab")

# Below which folders a user may have a volume mounted besides its own path.
MOUNT_ROOTS = ("/data", "/home", "/media", "/mnt", "/srv")

# What is mounted by this hook is called so, to be told from the operator's own.
PREFIX = "gantry-"


class Refused(HTTPError or Exception):
    """A server that is not started, with a sentence for the person who asked."""

    def __init__(self, text):
        if HTTPError is None:
            super().__init__(text)
        else:
            super().__init__(400, "%s", text)
        self.jupyterhub_message = text

    def __str__(self):
        return self.jupyterhub_message


def gantry_hook(roots, service="gantry", profiles=None, mount_roots=MOUNT_ROOTS):
    """A hook that knows this Hub.

    ``roots``: the folders volumes and archives may come from. For a spawner that starts processes a list of paths; for
    KubeSpawner a dict from path to ``{"volume": {...}, "sub_path": "...", "read_only": bool}``, where ``volume`` is a
    volume of Kubernetes without its name (``{"persistentVolumeClaim": {"claimName": "gantry-volumes"}}``) that holds
    the folder at ``sub_path``, or at its root.

    ``service``: the name of Gantry's service at the Hub.

    ``profiles``: what each lab is here, a dict from the lab's id to values for the spawner (``cmd``, ``image``, …);
    ``"*"`` stands for every other. Without it every lab is what the spawner starts anyway.

    ``mount_roots``: below which folders a ``mount_path`` may lie.
    """
    paths = list(roots)
    for path in [*paths, *mount_roots]:
        if not is_plain(path):
            raise ValueError(f"gantry_hook: `{path}` is no plain path that starts with `/`")

    def hook(spawner):
        options = (spawner.user_options or {}).get("gantry")
        if options is None:
            return
        check_sender(spawner, service)
        prepare(spawner, options, roots, paths, profiles, mount_roots)
        keep(spawner, options)

    return hook


def check_sender(spawner, service):
    """Refuses options that somebody else than Gantry's service has sent, or that were kept from an earlier start."""
    sender = getattr(getattr(spawner, "handler", None), "current_user", None)
    if getattr(sender, "kind", "user") != "service" or getattr(sender, "name", None) != service:
        raise Refused("this is a datalab of Gantry; start it there")


def prepare(spawner, options, roots, paths, profiles, mount_roots):
    """Gives the spawner what the options say."""
    volumes = [Volume(volume) for volume in options.get("volumes") or []]
    archives = options.get("archive_mounts") or []
    if not volumes:
        raise Refused("a datalab has no workspace")
    for path in [volume.path for volume in volumes] + archives:
        if root_of(path, paths) is None:
            raise Refused(f"`{path}` is below none of the folders this Hub gives to datalabs")
    apply_profile(spawner, options.get("lab"), profiles)
    mounts = hasattr(spawner, "volumes") and hasattr(spawner, "volume_mounts")
    if mounts:
        mount(spawner, volumes, archives, roots, paths, mount_roots)
    else:
        for volume in volumes:
            volume.must_be_plain()
    workspace = volumes[0].path
    variables = checked(options.get("environment") or {})
    # A person comes with a token that opens this one server, and with no other login at the Hub.
    variables.update(HOME=workspace, JUPYTERHUB_ALLOW_TOKEN_IN_URL="1")
    if mounts:
        # KubeSpawner reads its settings as templates.
        variables = {name: braced(value) for name, value in variables.items()}
        spawner.working_dir = braced(workspace)
    elif hasattr(spawner, "home_dir"):
        spawner.home_dir = workspace
    spawner.environment = {**spawner.environment, **variables}
    spawner.notebook_dir = braced(workspace)


def apply_profile(spawner, lab, profiles):
    if profiles is None:
        return
    profile = profiles.get(lab, profiles.get("*"))
    if profile is None:
        raise Refused(f"this Hub has no lab `{lab}`; its operator lists labs under `profiles` of gantry_hook")
    for name, value in profile.items():
        setattr(spawner, name, {**spawner.environment, **value} if name == "environment" else value)


def checked(environment):
    """The variables, unless one would change how the server is let in."""
    for name in environment:
        if name.upper().startswith("JUPYTERHUB_"):
            raise Refused(f"the variable `{name}` is set by the Hub itself")
    return dict(environment)


def keep(spawner, options):
    """Has the Hub remember whose server it is, and forget the rest."""
    kept = {"gantry": {name: options[name] for name in KEPT if name in options}}
    spawner.user_options = kept
    orm_spawner = getattr(spawner, "orm_spawner", None)
    if orm_spawner is not None:
        orm_spawner.user_options = kept


class Volume:
    """A volume that is to be in a datalab."""

    def __init__(self, asked):
        self.name = asked["name"]
        self.path = asked["path"]
        self.subpath = asked.get("subpath") or ""
        self.mount_path = asked.get("mount_path")
        self.read_only = bool(asked.get("read_only"))
        if self.subpath and not is_plain("/" + self.subpath):
            raise Refused(f"the subpath `{self.subpath}` of volume `{self.name}` is no plain path")

    @property
    def folder(self):
        """The folder that is mounted, where it really is."""
        return posixpath.join(self.path, self.subpath) if self.subpath else self.path

    def must_be_plain(self):
        """Refuses what only mounts can do."""
        if self.subpath or self.mount_path or self.read_only:
            raise Refused(
                f"volume `{self.name}` needs a mount, and this Hub's spawner mounts nothing; "
                "Gantry's `[launcher.<name>]` must say `mounts = false`"
            )


def mount(spawner, volumes, archives, roots, paths, mount_roots):
    """Mounts volumes and archives, each where it is for Gantry too, so that links lead to the same place."""
    sources, mounts = {}, []

    def add(folder, at, read_only):
        root = root_of(folder, paths)
        source = roots[root]
        name = f"{PREFIX}{paths.index(root)}"
        sources[name] = {"name": name, **source["volume"]}
        sub_path = posixpath.join(source.get("sub_path", ""), posixpath.relpath(folder, root))
        entry = {"name": name, "mountPath": braced(at), "readOnly": read_only or bool(source.get("read_only"))}
        if posixpath.normpath(sub_path) != ".":
            entry["subPath"] = braced(posixpath.normpath(sub_path))
        mounts.append(entry)

    for volume in volumes:
        add(volume.folder, volume.folder, volume.read_only)
        if volume.mount_path:
            if not is_plain(volume.mount_path) or root_of(volume.mount_path, mount_roots, itself=False) is None:
                raise Refused(
                    f"volume `{volume.name}` cannot be mounted at `{volume.mount_path}`; "
                    f"allowed is what lies below {', '.join(mount_roots)}"
                )
            add(volume.folder, volume.mount_path, volume.read_only)
    for path in archives:
        add(path, path, True)
    places = [entry["mountPath"] for entry in mounts]
    for place in places:
        if places.count(place) > 1:
            raise Refused(f"two things are to be mounted at `{place}`")
    # Outer folders first: one that is mounted later over an inner one would hide it.
    mounts.sort(key=lambda entry: entry["mountPath"])
    spawner.volumes = without_ours(spawner.volumes, list(sources.values()))
    spawner.volume_mounts = without_ours(spawner.volume_mounts, mounts)


def without_ours(known, ours):
    """The operator's own entries and then ours; what an earlier start of the same server added is left out."""
    entries = [known[key] for key in sorted(known)] if isinstance(known, dict) else list(known)
    return [entry for entry in entries if not entry["name"].startswith(PREFIX)] + ours


def root_of(path, roots, itself=True):
    """The innermost of the folders that a plain path lies in."""
    if not is_plain(path):
        return None
    holds = [root for root in roots if path.startswith(root.rstrip("/") + "/") or (itself and path == root)]
    return max(holds, key=len, default=None)


def is_plain(path):
    """Whether a path is absolute and has nothing that leads elsewhere."""
    return (
        isinstance(path, str)
        and path.startswith("/")
        and path != "/"
        and posixpath.normpath(path) == path
        and not path.startswith("//")
        and path.isprintable()
    )


def braced(text):
    """A text that a template gives back as it is."""
    return str(text).replace("{", "{{").replace("}", "}}")
