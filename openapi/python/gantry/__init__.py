"""Gantry from a notebook: search, select, stage and open, and where the volumes of this datalab are.

    import gantry
    found = gantry.search("100 GHz", facet="instrument/HFI")
    maps = gantry.stage(found[0], "cmb")
    maps[0].path

Gantry starts every datalab with ``GANTRY_URL`` and ``GANTRY_TOKEN``, and with ``GANTRY_VOLUMES``, a JSON object of volume name
to path; the functions below use them. ``Client(url, token)`` is another service, ``AsyncClient`` the same to be awaited.
"""

from gantry._async import AsyncClient
from gantry._client import Client
from gantry._errors import (
    Conflict, GantryError, LabFailed, NotAllowed, NotConfigured, NotFound, NotLoggedIn, NotUnderstood, OutOfSpace, Refused, ServiceFailed, StagingFailed,
    TimedOut, TooLarge, Unavailable, Unreachable, Withdrawn,
)  # fmt: skip
from gantry._models import Archive, Asset, Citation, FacetValue, Plan, PlannedFile, Resolved, Staged, StagedFiles, Volume
from gantry._products import ProductTable, Table, show_products
from gantry._take import adql, datalink
from gantry._volumes import VolumeNotFound, volume, volumes
from gantry._words import counted, sized

ServiceError = GantryError  # as starter notebooks of the first days call it

_here = Client()

add_to_volume = _here.add_to_volume
all_volumes = _here.all_volumes
archives = _here.archives
asset = _here.asset
citation = _here.citation
datalab = _here.datalab
datalabs = _here.datalabs
labs = _here.labs
launch = _here.launch
open_in_notebook = _here.open_in_notebook
resolve = _here.resolve
search = _here.search
select = _here.select
selection = _here.selection
stage = _here.stage
staging_job = _here.staging_job
staging_jobs = _here.staging_jobs

__all__ = [
    "Archive", "Asset", "AsyncClient", "Citation", "Client", "Conflict", "FacetValue", "GantryError", "LabFailed", "NotAllowed", "NotConfigured", "NotFound",
    "NotLoggedIn", "NotUnderstood", "OutOfSpace", "Plan", "PlannedFile", "ProductTable", "Refused", "Resolved", "ServiceError", "ServiceFailed", "Staged", "StagedFiles",
    "StagingFailed", "Table", "TimedOut", "TooLarge", "Unavailable", "Unreachable", "Volume", "VolumeNotFound", "Withdrawn", "add_to_volume", "adql",
    "all_volumes", "archives", "asset", "citation", "counted", "datalab", "datalabs", "datalink", "labs", "launch", "open_in_notebook", "resolve", "search",
    "select", "selection", "show_products", "sized", "stage", "staging_job", "staging_jobs", "volume", "volumes",
]  # fmt: skip
__version__ = "0.1.0"
