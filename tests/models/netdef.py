"""The wire form of nets as Caffe2 and MACE have them, for the scripts that make their samples."""
import os
import struct

import numpy as np


def varint(n):
    out = b""
    n &= (1 << 64) - 1
    while n >= 0x80:
        out += bytes([n & 0x7F | 0x80])
        n >>= 7
    return out + bytes([n])


def part(number, data):
    data = data.encode() if isinstance(data, str) else data
    return varint(number << 3 | 2) + varint(len(data)) + data


def number(field, value):
    return varint(field << 3) + varint(value)


def floating(field, value):
    return varint(field << 3 | 5) + struct.pack("<f", value)


def argument(name, value):
    """An argument of the kind that the Python value has; lists are not packed."""
    out = part(1, name)
    if isinstance(value, (bytes, str)):
        return out + part(4, value)
    if isinstance(value, (list, tuple, np.ndarray)):
        return out + b"".join(floating(5, v) if isinstance(v, (float, np.floating)) else number(6, int(v)) for v in value)
    return out + (floating(2, value) if isinstance(value, float) else number(3, int(value)))


def operator(type, inputs, outputs, field, /, *, name="", more=b"", **args):
    """field: of the arguments, which is 5 in Caffe2, 6 in MACE."""
    out = b"".join(part(1, i) for i in inputs.split()) + b"".join(part(2, o) for o in outputs.split())
    out += (part(3, name) if name else b"") + part(4, type)
    return out + b"".join(part(field, argument(k, v)) for k, v in args.items()) + more


def save(folder, inputs, outputs, options=None):
    os.makedirs(folder, exist_ok=True)
    for kind, arrays in (("in", inputs), ("out", outputs)):
        for k, a in enumerate(arrays):
            np.save(f"{folder}/{kind}_{k}.npy", np.ascontiguousarray(a))
    if options:
        open(f"{folder}/options", "w").write(options + "\n")
