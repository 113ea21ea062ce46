"""Gantry from a notebook: where the volumes of this datalab are.

    import gantry
    path = gantry.volume("cmb") / "planck" / "HFI_SkyMap_100_2048_R3.01_full.fits"

Gantry starts every datalab with the variable ``GANTRY_VOLUMES``, a JSON object of volume name
to path. The same line therefore works in a lab on this machine and in one on a JupyterHub.
"""

from gantry._products import ProductTable, Table, show_products
from gantry._service import ServiceError, stage
from gantry._volumes import VolumeNotFound, volume, volumes
from gantry._words import counted, sized

__all__ = ["ProductTable", "ServiceError", "Table", "VolumeNotFound", "counted", "show_products", "sized", "stage", "volume", "volumes"]
__version__ = "0.1.0"
