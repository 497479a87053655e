#!/usr/bin/env python3
"""Makes the small MACE models beside it, with answers: needs Python's numpy, and torch, whose functions compute what MACE's operators do.
Everything is seeded: a second run writes the same bytes. Run in this folder."""
import sys

import numpy as np
import torch
import torch.nn.functional as F

sys.path.insert(0, "..")
from netdef import argument, floating, number, operator, part, save

rng = np.random.default_rng(5)
NHWC, NCHW, AUTO = 1, 2, 1000
TYPES = {np.dtype(np.float32): 1, np.dtype(np.uint8): 2, np.dtype(np.float16): 3, np.dtype(np.int32): 4}


class Net:
    def __init__(self, layout, **args):
        self.data, self.body, self.layout = b"", b"", layout
        self.tail = b"".join(part(2, argument(k, v)) for k, v in dict(data_format=layout, **args).items())

    def tensor(self, name, a, scale=0.0, zero=0):
        a = np.ascontiguousarray(a)
        self.data += b"\0" * (-len(self.data) % 4)
        out = b"".join(number(1, d) for d in a.shape) + number(2, TYPES[a.dtype]) + part(5, name)
        out += number(6, len(self.data)) + number(7, a.size) + (floating(8, scale) + number(9, zero) if scale else b"")
        self.tail += part(3, out)
        self.data += a.tobytes()

    def op(self, type, inputs, outputs, quant=None, /, **args):
        more = part(9, floating(1, quant.scale) + number(2, quant.zero)) if quant else b""
        self.body += part(1, operator(type, inputs, outputs, 6, name=outputs.split()[0], more=more, **args))

    def auto(self, type, inputs, outputs, quant=None, /, **args):
        self.op(type, inputs, outputs, quant, data_format=AUTO, has_data_format=1, **args)

    def info(self, field, name, shape):
        return part(field, part(1, name) + b"".join(number(3, d) for d in shape) + number(5, 1) + number(6, NHWC))

    def write(self, name, inputs, outputs, listed=False):
        net = self.body + self.tail + part(5, name) + number(6, 0) + number(7, len(self.data))
        net += b"".join(self.info(100, *i) for i in inputs) + b"".join(self.info(101, *o) for o in outputs)
        open(name + ".pb", "wb").write(number(1, 1) + part(3, net) + part(100, inputs[0][0]) if listed else net)
        open(name + ".data", "wb").write(self.data)


def weights(*shape, type=np.float32):
    return (rng.standard_normal(shape) / 3).astype(type)


def first(t):
    return t.permute(0, 3, 1, 2)


def last(t):
    return t.permute(0, 2, 3, 1)


def real(a):
    return torch.from_numpy(np.asarray(a, np.float32))


def make_cnn():
    """From TensorFlow: axes are NHWC, weights halves."""
    p = {k: weights(*s, type=np.float16) for k, s in {"w1": (8, 3, 3, 3), "b1": (8,), "deep": (2, 8, 3, 3), "s": (16,), "t": (16,),
                                                      "up": (4, 16, 2, 2), "fc": (5, 8, 4, 3), "fb": (5,), "plus": (4,)}.items()}
    n = Net(NHWC, filter_format=101, framework_type=0)
    for k, a in p.items():
        n.tensor(k, a)
    for k, a in {"size": [1, 12, 10, 4], "from": [0, 1, 0, 0], "to": [1, 9, 9, 4], "by": [1, 1, 2, 1], "parts": [3, 1]}.items():
        n.tensor(k, np.array(a, np.int32))
    same = {"padding": 1, "framework_type": 0}
    n.auto("Conv2D", "image w1 b1", "c1", strides=[2, 2], dilations=[1, 1], activation="RELUX", max_limit=1.5, **same)
    n.auto("DepthwiseConv2d", "c1 deep", "d1", strides=[1, 1], dilations=[1, 1], **same)
    n.auto("BatchNorm", "d1 s t", "n1", activation="LEAKYRELU", activation_coefficient=0.2)
    n.auto("Deconv2D", "n1 up size", "u", strides=[2, 2], **same)
    n.auto("Eltwise", "u plus", "e", type=0)
    n.auto("StridedSlice", "e from to by", "cut", end_mask=12)
    n.auto("Pooling", "cut", "p", pooling_type=1, kernels=[3, 3], strides=[2, 2], **same)
    n.auto("Concat", "p p", "cat", axis=3)
    n.auto("FullyConnected", "cat fc fb", "f", activation="TANH")
    n.op("Squeeze", "f", "flat", axis=[1, 2])
    n.op("Softmax", "flat", "prob")
    n.auto("Split", "u parts", "three one", axis=3)
    n.auto("Reduce", "three", "mean", axis=[1, 2], reduce_type=0, keepdims=1)
    n.auto("ResizeBilinear", "one", "wide", size=[9, 7], align_corners=1)
    n.auto("Eltwise", "wide", "map", type=2, scalar_input=2.0)
    n.write("cnn", [("image", (1, 12, 10, 3))], [("prob", (1, 5)), ("mean", (1, 1, 1, 3)), ("map", (1, 9, 7, 1))])

    x = rng.standard_normal((1, 12, 10, 3)).astype(np.float32)
    q = {k: real(a) for k, a in p.items()}
    t = F.conv2d(F.pad(first(real(x)), (0, 1, 0, 1)), q["w1"], q["b1"], stride=2).clamp(0, 1.5)
    t = F.conv2d(t, q["deep"].permute(1, 0, 2, 3).reshape(16, 1, 3, 3), padding=1, groups=8)
    t = F.leaky_relu(t * q["s"].reshape(-1, 1, 1) + q["t"].reshape(-1, 1, 1), 0.2)
    u = F.conv_transpose2d(t, q["up"].permute(1, 0, 2, 3), stride=2)
    cut = (u + q["plus"].reshape(-1, 1, 1))[:, :, 1:9, ::2]
    cut, ones = F.pad(cut, (1, 1, 0, 1)), F.pad(torch.ones_like(cut), (1, 1, 0, 1))
    pooled = F.avg_pool2d(cut, 3, 2) / F.avg_pool2d(ones, 3, 2)
    prob = F.softmax(torch.tanh(F.conv2d(torch.cat([pooled, pooled], 1), q["fc"], q["fb"]).flatten(1)), 1)
    wide = F.interpolate(u[:, 3:], (9, 7), mode="bilinear", align_corners=True)
    save("cnn", [x], [prob.numpy(), last(u[:, :3].mean((2, 3), keepdim=True)).numpy(), last(wide * 2).numpy()])


def make_moved():
    """From Caffe: values are NCHW, what operators say of axes NHWC; in a list of nets."""
    p = {k: weights(*s) for k, s in {"w": (6, 4, 3, 3), "b": (6,), "up": (3, 6, 4, 4), "bias": (3,), "slope": (6,)}.items()}
    n = Net(NCHW, filter_format=101, framework_type=1)
    for k, a in p.items():
        n.tensor(k, a)
    n.auto("Conv2D", "image w b", "c", strides=[1, 1], dilations=[2, 2], padding_values=[4, 4], framework_type=1)
    n.auto("Activation", "c slope", "a", activation="PRELU")
    n.auto("Pooling", "a", "p", pooling_type=2, kernels=[3, 3], strides=[2, 2], padding_values=[0, 0])
    n.auto("ChannelShuffle", "p", "s", group=2)
    n.auto("Deconv2D", "s up", "u", strides=[2, 2], padding_values=[2, 2], framework_type=1)
    n.auto("BiasAdd", "u bias", "v")
    n.auto("Pad", "v", "pad", paddings=[0, 0, 0, 0, 1, 2, 0, 0], constant_value=0.5)
    n.auto("Split", "a", "low high", axis=3)
    n.auto("Concat", "low pad", "cat", axis=2)
    n.auto("LocalResponseNorm", "high", "norm", depth_radius=1, alpha=0.1, beta=0.75)
    n.auto("Softmax", "norm", "soft")
    n.auto("Reshape", "soft", "rows", dim=[1, 5, -1, 3])
    n.op("Transpose", "cat", "turned", data_format=NCHW, dims=[0, 2, 3, 1])
    n.write("moved", [("image", (1, 10, 9, 4))], [("rows", (1, 5, 18, 3)), ("turned", (1, 10, 20, 3))], listed=True)

    x = rng.standard_normal((1, 4, 10, 9)).astype(np.float32)
    q = {k: real(a) for k, a in p.items()}
    a = F.prelu(F.conv2d(real(x), q["w"], q["b"], dilation=2, padding=2), q["slope"])
    pool = F.max_pool2d(a, 3, 2, ceil_mode=True)
    shuffled = pool.reshape(1, 2, 3, *pool.shape[2:]).transpose(1, 2).reshape(pool.shape)
    u = F.conv_transpose2d(shuffled, q["up"].permute(1, 0, 2, 3), q["bias"], stride=2, padding=1)
    padded = F.pad(u, (1, 2, 0, 0), value=0.5)
    soft = F.softmax(F.local_response_norm(a[:, 3:], 3, alpha=0.3, beta=0.75, k=1), 1)
    turned = torch.cat([a[:, :3], padded], 3).permute(0, 2, 3, 1)
    save("moved", [x], [soft.reshape(1, 3, 5, -1).numpy(), turned.numpy()])


class Bytes:
    """Real numbers on a grid: what an operator on bytes gives."""

    def __init__(self, scale, zero):
        self.scale, self.zero = float(np.float32(scale)), zero

    def round(self, t):
        s = np.float32(self.scale)
        return ((t / s).round() + self.zero).clamp(0, 255).sub(self.zero) * s


def make_int8():
    grids = {"q": Bytes(0.03, 120), "c": Bytes(0.02, 0), "d": Bytes(0.02, 128), "p": Bytes(0.02, 128), "f": Bytes(0.02, 110)}
    n, values = Net(NHWC, filter_format=103, framework_type=0), {}
    for name, shape, grid in (("w", (8, 3, 3, 4), "q"), ("deep", (3, 3, 8, 1), "c"), ("fc", (5, 3, 4, 8), "p")):
        raw, count = rng.integers(60, 200, shape).astype(np.uint8), shape[2] if name == "deep" else shape[0]
        n.tensor(name, raw, 0.01, 130)
        bias, scale = rng.integers(-200, 200, count).astype(np.int32), float(np.float32(0.01) * np.float32(grids[grid].scale))
        n.tensor(name + "_bias", bias, scale)
        values[name] = real((raw.astype(np.float32) - 130) * np.float32(0.01)), real(bias * np.float32(scale))
    same = {"padding": 1, "T": 2}
    n.op("Quantize", "x", "q", grids["q"], T=1)
    n.auto("Conv2D", "q w w_bias", "c", grids["c"], strides=[1, 1], dilations=[1, 1], activation="RELU", **same)
    n.auto("DepthwiseConv2d", "c deep deep_bias", "d", grids["d"], strides=[1, 1], dilations=[1, 1], **same)
    n.auto("Pooling", "d", "p", grids["p"], pooling_type=2, kernels=[2, 2], strides=[2, 2], padding=0, T=2)
    n.auto("FullyConnected", "p fc fc_bias", "f", grids["f"], T=2)
    n.op("Dequantize", "f", "y", T=1)
    n.write("int8", [("x", (1, 6, 8, 4))], [("y", (1, 1, 1, 5))])

    x = (rng.standard_normal((1, 6, 8, 4)) * 1.2).astype(np.float32)
    c = grids["c"].round(F.relu(F.conv2d(grids["q"].round(first(real(x))), first(values["w"][0]), values["w"][1], padding=1)))
    d = grids["d"].round(F.conv2d(c, values["deep"][0].permute(2, 3, 0, 1), values["deep"][1], padding=1, groups=8))
    f = grids["f"].round(F.conv2d(F.max_pool2d(d, 2), first(values["fc"][0]), values["fc"][1]))
    save("int8", [x], [last(f).numpy()], "--atol 0.0201")


make_cnn()
make_moved()
make_int8()
