"""Gantry from a notebook: where the volumes of this datalab are.

    import gantry
    path = gantry.volume("cmb") / "planck" / "HFI_SkyMap_100_2048_R3.01_full.fits"

Gantry starts every datalab with the variable ``GANTRY_VOLUMES``, a JSON object of volume name
to path. The same line therefore works in a lab on this machine and in one on a JupyterHub.
"""

from gantry._volumes import VolumeNotFound, volume, volumes

__all__ = ["VolumeNotFound", "volume", "volumes"]
__version__ = "0.1.0"
