# %% [markdown]
# ## Cite
#
# {{citation}}
#
# ```bibtex
# {{bibtex}}
# ```

# %% [markdown]
# ## Acknowledge
#
# {{acknowledgement}}

# %% [markdown]
# ## Stage it again
#
# The same versions of the same products, into any volume, from a terminal:
#
# ```sh
# {{restage}}
# ```
