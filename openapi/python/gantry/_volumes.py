"""The volumes of this datalab, as Gantry told them through ``GANTRY_VOLUMES``."""

import json
import os
from pathlib import Path

from gantry._errors import GantryError

VARIABLE = "GANTRY_VOLUMES"


class VolumeNotFound(GantryError, LookupError):
    """This datalab has no volume of that name.

    ``name`` is the volume that was asked for, ``known`` the sorted names of those there are.
    """

    def __init__(self, name: str, known: list[str], is_told: bool = True, where: str = "this datalab") -> None:
        super().__init__(_why(name, known, is_told, where))
        self.args = (name, known, is_told, where)
        self.name = name
        self.known = known

    def __str__(self) -> str:
        return self.detail


def _why(name: str, known: list[str], is_told: bool, where: str) -> str:
    if not is_told:
        return (
            f"no volume `{name}`: the variable {VARIABLE} is not set, so this Python was not started by Gantry; "
            f'set it to a JSON object such as {{"{name}": "/path/to/it"}}'
        )
    if not known:
        return f"no volume `{name}`: {where} has no volumes"
    return f"no volume `{name}`; {where} has {', '.join(f'`{one}`' for one in known)}"


def volumes() -> dict[str, Path]:
    """Every volume of this datalab, name to root folder, sorted by name.

    Empty when ``GANTRY_VOLUMES`` is not set, that is outside a datalab.

    Raises ``ValueError`` when the variable holds anything but a JSON object of name to path.
    """
    text = os.environ.get(VARIABLE)
    if text is None:
        return {}
    try:
        paths = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"{VARIABLE} is not JSON: {error}") from error
    if not isinstance(paths, dict) or not all(isinstance(path, str) for path in paths.values()):
        raise ValueError(f"{VARIABLE} is not a JSON object of volume name to path")
    return {name: Path(paths[name]) for name in sorted(paths)}


def volume(name: str) -> Path:
    """The root folder of the volume ``name``.

    Raises :class:`VolumeNotFound`, which names the volumes there are.
    """
    known = volumes()
    try:
        return known[name]
    except KeyError:
        raise VolumeNotFound(name, list(known), is_told=VARIABLE in os.environ) from None
