#!/usr/bin/env python3
"""Makes the small Tengine models beside it, with answers: needs Python's numpy, and torch, whose functions compute what Tengine's operators do.
Everything is seeded: a second run writes the same bytes. Run in this folder."""
import struct
import sys

import numpy as np
import torch
import torch.nn.functional as F

sys.path.insert(0, "..")
from netdef import save

rng = np.random.default_rng(9)
CONST, INPUT = 4, 12
OPS = dict(Const=4, Input=12, Conv=5, Deconv=6, Pool=16, Relu=20, Eltwise=9, Concat=3, FC=11, Softmax=28, Slice=27, Reshape=23, Flatten=10,
           BatchNorm=1, Interp=71, Permute=15, Reduction=45, PReLU=17, Dropout=8, HardSwish=70, Pad=40, Noop=62)
TYPES = {np.dtype(np.float32): 0, np.dtype(np.float16): 1, np.dtype(np.int8): 2, np.dtype(np.uint8): 3, np.dtype(np.int32): 4}


class Model:
    """Structs are written as they come; all places are known by then."""

    def __init__(self):
        self.out, self.tensors, self.buffers, self.nodes = bytearray(12), [], [], []
        self.names = {}

    def put(self, data):
        self.out += b"\0" * (-len(self.out) % 4)
        self.out += data
        return len(self.out) - len(data)

    def struct(self, *values):
        return self.put(b"".join(struct.pack("<f" if isinstance(v, float) else "<i" if v < 0 else "<I", v) for v in values))

    def vector(self, values):
        return self.struct(len(values), *values)

    def text(self, name):
        return self.struct(len(name) + 1, self.put(name.encode() + b"\0"))

    def tensor(self, name, shape, kind, type=0, quant=(), data=None):
        """quant: pairs of scale and zero point."""
        buffer = 0
        if data is not None:
            buffer = len(self.buffers)
            self.buffers.append(self.struct(data.nbytes, self.put(np.ascontiguousarray(data).tobytes())))
        scales = self.vector([self.struct(z, float(s), 8) for s, z in quant]) if len(quant) else 0
        self.tensors.append(self.struct(len(self.tensors), buffer, self.vector(list(shape)) if shape else 0, self.text(name), scales, 0, kind, type))
        self.names[name] = len(self.tensors) - 1
        return self.names[name]

    def node(self, op, inputs, outputs, *params):
        parts = [self.vector([self.names[n] for n in names]) if names else 0 for names in (inputs, outputs)]
        operator = self.struct(1, OPS[op], self.struct(*params) if params else 0)
        self.nodes.append(self.struct(len(self.nodes), *parts, operator, self.text(outputs[0]), 0, 0))

    def const(self, name, a, quant=()):
        a = np.asarray(a)
        self.tensor(name, a.shape, 2, TYPES[a.dtype], quant, a)
        self.node("Const", [], [name])

    def input(self, name, shape, type=0, quant=()):
        self.tensor(name, shape, 3, type, quant)
        self.node("Input", [], [name])
        self.first = len(self.nodes) - 1

    def op(self, op, inputs, outputs, *params, type=0, quant=()):
        for name in outputs.split():
            self.tensor(name, (), 1, type, quant)
        self.node(op, inputs.split(), outputs.split(), *params)

    def write(self, name, outputs, layout=0):
        self.names = {}
        graph = self.struct(0, 0, layout, self.vector([self.first]), self.vector(outputs), self.vector(self.nodes), self.vector(self.tensors),
                            self.vector(self.buffers), 0, 0)
        root = self.struct(0, 0, self.vector([graph]), self.text(name))
        self.out[:12] = struct.pack("<HHHHI", 2, 0, 0, 0xBEEF, root)
        open(name + ".tmfile", "wb").write(self.out)


def weights(*shape):
    return (rng.standard_normal(shape) / 3).astype(np.float32)


def make_cnn():
    p = {k: weights(*s) for k, s in {"w": (8, 3, 3, 3), "b": (8,), "s": (8,), "t": (8,), "m": (8,), "up": (8, 4, 3, 3), "bu": (4,), "slope": (4,),
                                     "fc": (5, 24), "fb": (5,), "plus": (4,)}.items()}
    p["v"] = rng.uniform(0.5, 2, 8).astype(np.float32)
    m = Model()
    for k, a in p.items():
        m.const(k, a.astype(np.float16) if k == "fc" else a)
    m.input("image", (1, 3, 12, 10))
    m.op("Conv", "image w b", "c", 3, 3, 2, 2, 1, 1, 3, 8, 1, 0, -1, -1, -1, -1)
    m.op("BatchNorm", "c s t m v", "n", 1.0, 1e-3, 0)
    m.op("Pool", "n", "pool", 0, 2, 2, 2, 2, 0, 1, 0, 0, 0, 0)
    m.op("Deconv", "pool up bu", "u", 4, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1, 1, -1, 1, 1)
    m.op("PReLU", "u slope", "r")
    m.op("Slice", "n", "low high", 1, m.vector([4]), 0, 0, 1, 0, 0, 0, 0, 0)
    m.op("Slice", "r", "cut", 3, 0, 0, 0, 0, 0, 1, 0, 5, 1)
    m.op("Concat", "low cut", "cat", 2)
    m.op("Eltwise", "cat plus", "sum", 2, 0, 0.0, 0.0, 0.0)
    m.op("HardSwish", "sum", "hard", 1 / 6, 0.5)
    m.op("Interp", "hard", "wide", 2, 2.0, 1.0, 0, 0)
    m.op("Pool", "wide", "mean", 1, 4, 3, 4, 3, 0, 0, 0, 1, 0, 1)
    m.op("Reshape", "mean", "rows", 0, 0, m.vector([1, -1]), 0)
    m.op("Slice", "rows", "few", 1, 0, m.vector([0, 0]), m.vector([1, 24]), 0, 0, 0, 0, 0, 0)
    m.op("FC", "few fc fb", "scores", 5)
    m.op("Softmax", "scores", "prob", 1)
    ends = [len(m.nodes) - 1]
    m.op("Reduction", "high", "norm", 2, 3, -2, -2, 7, 1)
    ends.append(len(m.nodes) - 1)
    m.write("cnn", ends)

    x = rng.standard_normal((1, 3, 12, 10)).astype(np.float32)
    q = {k: torch.from_numpy(a) for k, a in p.items()}
    c = F.relu(F.conv2d(F.pad(torch.from_numpy(x), (0, 1, 0, 1)), q["w"], q["b"], stride=2))
    n = F.batch_norm(c, q["m"], q["v"], q["s"], q["t"], eps=1e-3)
    u = F.conv_transpose2d(F.max_pool2d(n, 2, 2, ceil_mode=True), q["up"], q["bu"], stride=2, padding=1, output_padding=1)
    cat = torch.cat([n[:, :4], F.prelu(u, q["slope"])[..., :5]], 2) + q["plus"].reshape(-1, 1, 1)
    wide = F.interpolate(F.hardswish(cat), scale_factor=(1, 2), mode="bilinear", align_corners=False)
    padded, ones = F.pad(wide, (1, 1, 0, 0)), F.pad(torch.ones_like(wide), (1, 1, 0, 0))
    mean = F.avg_pool2d(padded, (4, 3), (4, 3)) / F.avg_pool2d(ones, (4, 3), (4, 3))
    scores = F.linear(mean.flatten(1)[:, :24], q["fc"].half().float(), q["fb"])
    save("cnn", [x], [F.softmax(scores, 1).numpy(), n[:, 4:].square().sum((2, 3), keepdim=True).sqrt().numpy()])


class Bytes:
    """Real numbers on a grid: what an operator on bytes gives."""

    def __init__(self, scale, zero, low, high):
        self.scale, self.zero, self.low, self.high = float(np.float32(scale)), zero, low, high
        self.quant = [(scale, zero)]

    def round(self, t):
        s = np.float32(self.scale)
        return ((t / s).round() + self.zero).clamp(self.low, self.high).sub(self.zero) * s


def make_quantised(name, type, layout):
    """int8: a scale for each channel of weights, none for the bias; uint8: one for all, the bias has its own, filters are [out, h, w, in]."""
    low, high, zero, dtype = (-128, 127, 0, np.int8) if type == 2 else (0, 255, 120, np.uint8)
    grids = [Bytes(s, zero, low, high) for s in (0.03, 0.02, 0.02)]
    raw = rng.integers(low + 40, high - 40, (8, 4, 3, 3)).astype(dtype)
    scales = rng.uniform(0.005, 0.015, 8 if type == 2 else 1).astype(np.float32)
    bias = rng.integers(-300, 300, 8).astype(np.int32)
    m = Model()
    m.const("w", raw if layout == 0 else raw.transpose(0, 2, 3, 1), [(float(s), zero) for s in scales])
    m.const("b", bias, [] if type == 2 else [(float(np.float32(grids[0].scale) * scales[0]), 0)])
    m.input("x", (1, 4, 6, 8) if layout == 0 else (1, 6, 8, 4), type, grids[0].quant)
    m.op("Conv", "x w b", "c", 3, 3, 1, 1, 1, 1, 4, 8, 1, 0, 1, 1, 1, 1, type=type, quant=grids[1].quant)
    m.op("Pool", "c", "p", 0, 2, 2, 2, 2, 0, 0, 0, 0, 0, 0, type=type, quant=grids[2].quant)
    m.write(name, [len(m.nodes) - 1], layout)

    x = rng.integers(low, high, (1, 4, 6, 8)).astype(dtype)
    t = torch.from_numpy((x.astype(np.float32) - zero) * np.float32(grids[0].scale))
    w = torch.from_numpy((raw.astype(np.float32) - zero) * scales.reshape(-1, 1, 1, 1))
    b = torch.from_numpy((bias * (np.float32(grids[0].scale) * scales)).astype(np.float32))
    p = F.max_pool2d(grids[1].round(F.relu(F.conv2d(t, w, b, padding=1))), 2)
    y = (p / np.float32(grids[2].scale)).round() + zero
    save(name, [x], [y.clamp(low, high).numpy().astype(dtype)], "--atol 1 --rtol 0")


make_cnn()
make_quantised("int8", 2, 0)
make_quantised("uint8", 3, 1)
