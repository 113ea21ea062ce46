# %% [markdown]
# ## {{heading}}
#
# There is no starter for this kind of file, so here is where it is, how large it is and how it begins.

# %%
n_lines = 20

product = products[{{index}}]
path = gantry.volume(product["volume"]) / product["path"]
print(f"{path}\n{path.stat().st_size:,} bytes\n")

with open(path, "rb") as file:
    start = file.read(64 * 1024)

if b"\0" in start:
    print("Binary; its first bytes:")
    for offset in range(0, min(len(start), 16 * n_lines), 16):
        piece = start[offset:offset + 16]
        print(f"{offset:6d}  {piece.hex(' '):47}  {''.join(chr(byte) if 32 <= byte < 127 else '·' for byte in piece)}")
else:
    for line in start.decode("utf-8", errors="replace").splitlines()[:n_lines]:
        print(line[:200])
