"""Gaia's tables, spectra and light curves, whatever the archive sent them in.

    from gantry import gaia
    tables = gaia.read_tables(path)     # VOTable, FITS, ECSV, CSV or TAP's JSON; alone, in gzip, tar or ZIP
    products = gaia.read_products(path) # spectra, coefficients and light curves in such files

They need astropy. Ids stay int64: a ``source_id`` passes 2⁵³ and would change as a float.
What cannot be read raises :class:`GaiaError`, whose text is a sentence.
"""

from gantry.gaia._products import Coefficients, LightCurve, Products, Spectrum, read_products
from gantry.gaia._tables import EPOCHS, GaiaError, GaiaTable, read_tables

__all__ = ["EPOCHS", "Coefficients", "GaiaError", "GaiaTable", "LightCurve", "Products", "Spectrum", "read_products", "read_tables"]
