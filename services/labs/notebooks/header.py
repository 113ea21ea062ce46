# %% [markdown]
# # {{title}}
#
# Gantry made this notebook on {{made}} from the selection `{{selection}}`.
# It opens every product that was staged, says what the file itself says of its unit, frame and pixels, and draws a first picture.
# It is yours: change what you like, nothing overwrites it.
#
# Run it from top to bottom (*Run ▸ Run All Cells*).
# What you may want to change stands at the top of each cell.

# %% [markdown]
# ## What is here
#
# The paths are relative to a volume, and `gantry.volume(name)` knows where that volume is, here as in any other lab.
# *Verified by* names what a file was compared with; `size` alone does not vouch for the contents.
# Of a range of days, the line below the table says which were expected and are not there.

# %%
import gantry

products = {{products}}

gantry.show_products(products, "{{selection}}")
