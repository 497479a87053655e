#!/usr/bin/env python3
"""Makes the small files of weights beside it, which hold the same tensors: needs Python's numpy and torch. Run in this folder."""
import json
import struct
import zipfile

import numpy as np
import torch

rng = np.random.default_rng(2)
tensors = {"first.weight": rng.standard_normal((4, 3, 3, 3)), "first.bias": rng.standard_normal(4), "norm.running_var": rng.uniform(0.5, 2, 4),
           "last.weight": rng.standard_normal((2, 36))}
tensors = {k: v.astype(np.float32) for k, v in tensors.items()}

header, data = {"__metadata__": {"format": "pt"}}, b""
for k in sorted(tensors):
    header[k] = {"dtype": "F32", "shape": tensors[k].shape, "data_offsets": [len(data), len(data) + tensors[k].nbytes]}
    data += tensors[k].tobytes()
text = json.dumps(header).encode()
text += b" " * (-len(text) % 8)
open("net.safetensors", "wb").write(struct.pack("<Q", len(text)) + text + data)
np.savez("net.npz", **tensors)
state = {k: torch.from_numpy(v) for k, v in tensors.items()}
torch.save({"state_dict": state, "epoch": 3}, "net.pth")
torch.save(state, "old.pth", _use_new_zipfile_serialization=False)


def words(text):
    return struct.pack("<Q", len(text)) + text.encode()


def blocks(a):
    """Q8_0: 32 elements have a half as scale."""
    out = b""
    for part in a.reshape(-1, 32):
        scale = np.float16(np.abs(part).max() / 127)
        out += scale.tobytes() + np.round(part / np.float32(scale)).astype(np.int8).tobytes()
    return out


infos, data = b"", b""
whole = rng.standard_normal((2, 32)).astype(np.float32)
for name, a, type, content in [(k, a, 0, a.tobytes()) for k, a in tensors.items()] + [("rows", whole, 8, blocks(whole))]:
    infos += words(name) + struct.pack("<I", a.ndim) + struct.pack(f"<{a.ndim}Q", *a.shape[::-1]) + struct.pack("<IQ", type, len(data))
    data += content + b"\0" * (-len(content) % 32)
facts = words("general.architecture") + struct.pack("<I", 8) + words("net") + words("list") + struct.pack("<IIQ", 9, 8, 2) + words("a") + words("b")
out = b"GGUF" + struct.pack("<IQQ", 3, len(tensors) + 1, 2) + facts + infos
open("net.gguf", "wb").write(out + b"\0" * (-len(out) % 32) + data)

with zipfile.ZipFile("calls.pth", "w") as z:  # a pickle that only calls something
    z.writestr(zipfile.ZipInfo("net/data.pkl", (2020, 1, 1, 0, 0, 0)), b"\x80\x02cposix\nsystem\nX\x04\0\0\0true\x85R.")
