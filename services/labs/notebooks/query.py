# %% [markdown]
# ## {{heading}}
#
# This table was chosen without a query, so none of its rows were staged: a table of the archive is asked, not copied.
# Here is what it holds, and a query of its first {{n_rows}} rows to begin with.
#
# {{about}}

# %% hidden
# Name, unit, type and meaning of each column.
columns = {{columns}}

print(gantry.counted(len(columns), "column"))
gantry.Table(["column", "unit", "type", "what it is"], columns, height=24)

# %% [markdown]
# ### Ask it
#
# Change the query, keep it bounded (`TOP`, or a condition on the place in the sky), then set `send = True` and run the cell.
# The answer is staged into your volume, with its own hash and a report, and can be cited and staged again.

# %%
product = products[{{index}}]
adql = {{adql}}
max_rows = {{n_rows}}
send = False

request = {"adql": adql, "archive": product["archive"], "release": product["release"], "format": "votable", "max_rows": max_rows}
request = {name: value for name, value in request.items() if value is not None}
answers = []
if send:
    try:
        answers = gantry.stage(request, product["volume"])
    except gantry.GantryError as error:
        print(f"Not answered: {error}")
else:
    import json

    print("Not sent. With send = True this is what is asked, POST /api/v1/add-to-volume:")
    print(json.dumps({**request, "volume": product["volume"]}, indent=2, ensure_ascii=False))

# %% [markdown]
# ### The answer

# %%
from gantry import gaia

if not answers:
    print("No answer yet: nothing was sent.")
for staged in answers:
    try:
        for answer in gaia.read_tables(staged.path):
            print(f"{staged.path}: {gantry.counted(len(answer.table), 'row')}, {gantry.counted(len(answer.table.colnames), 'column')}")
            display(answer.table[:20])
    except gaia.GaiaError as error:
        print(f"This answer cannot be opened: {error}")
