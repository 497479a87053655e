#!/usr/bin/env python3
"""Makes the small Caffe2 models beside it, with answers: needs Python's numpy, and torch, whose functions compute what Caffe2's operators do.
Everything is seeded: a second run writes the same bytes. Run in this folder."""
import sys

import numpy as np
import torch
import torch.nn.functional as F

sys.path.insert(0, "..")
from netdef import operator, part, save

rng = np.random.default_rng(3)


def op(type, inputs, outputs, /, **args):
    return part(2, operator(type, inputs, outputs, 5, **args))


def fill(name, a):
    a = np.asarray(a, np.float32)
    return op("GivenTensorFill", "", name, shape=a.shape, values=a.reshape(-1))


def net(name, body, inputs, outputs):
    return part(1, name) + body + b"".join(part(7, i) for i in inputs.split()) + b"".join(part(8, o) for o in outputs.split())


def make_cnn():
    shapes = {"w1": (8, 3, 3, 3), "b1": (8,), "s": (8,), "t": (8,), "m": (8,), "v": (8,), "w2": (8, 4, 3, 2), "up": (8, 4, 3, 3),
              "bu": (4,), "slope": (4,), "plus": (6, 1), "fw": (5, 24), "fb": (5,)}
    p = {k: (rng.standard_normal(s) / 3).astype(np.float32) for k, s in shapes.items()}
    p["v"] = rng.uniform(0.5, 2, 8).astype(np.float32)
    init = b"".join(fill(k, a) for k, a in p.items()) + op("ConstantFill", "", "image", shape=[1]) + op("ConstantFill", "", "row", shape=[1])
    body = op("Conv", "image w1 b1", "c1", kernel=3, stride=2, pad=1, order="NCHW") + op("Relu", "c1", "c1")
    body += op("SpatialBN", "c1 s t m v", "n1", epsilon=1e-3, is_test=1)
    body += op("MaxPool", "n1", "p1", kernel=2, stride=2, legacy_pad=3)
    body += op("Conv", "n1 w2", "c2", kernels=[3, 2], pads=[1, 0, 1, 1], dilations=[1, 1], strides=[1, 1], group=2)
    body += op("LRN", "c2", "l2", size=3, alpha=0.3, beta=0.75, bias=1.0)
    body += op("Sum", "n1 l2", "sum") + op("ConvTranspose", "p1 up bu", "u", kernel=3, stride=2, pad=1, adj=1)
    body += op("PRelu", "u slope", "u") + op("Split", "sum", "low high", axis=1)
    body += op("Slice", "u", "cut", starts=[0, 0, 0, 0], ends=[-1, -1, 6, -2]) + op("Concat", "low cut", "cat cat_info")
    body += op("Add", "cat plus", "added", broadcast=1, axis=2) + op("LeakyRelu", "added", "leaky", alpha=0.1)
    body += op("ResizeNearest", "leaky", "wide", height_scale=2.0, width_scale=1.0)
    body += op("AveragePool", "wide", "mean", kernel_h=4, kernel_w=3, stride_h=4, stride_w=2, pad_t=0, pad_l=1, pad_b=0, pad_r=0)
    body += op("Reshape", "mean", "rows rows_old", shape=[0, -1]) + op("Slice", "rows", "few", starts=[0, 0], ends=[-1, 24])
    body += op("FC", "few fw fb", "scores") + op("Softmax", "scores", "prob") + op("Sqr", "high", "square")
    body += op("FC", "row fw fb", "dense")
    open("cnn_init.pb", "wb").write(net("cnn_init", init, "", ""))
    open("cnn_predict.pb", "wb").write(net("cnn", body, "image row " + " ".join(p), "prob square dense"))

    x = rng.standard_normal((1, 3, 12, 10)).astype(np.float32)
    q = {k: torch.from_numpy(a) for k, a in p.items()}
    c1 = F.relu(F.conv2d(torch.from_numpy(x), q["w1"], q["b1"], stride=2, padding=1))
    n1 = F.batch_norm(c1, q["m"], q["v"], q["s"], q["t"], eps=1e-3)
    p1 = F.max_pool2d(n1, 2, 2, ceil_mode=True)
    l2 = F.local_response_norm(F.conv2d(F.pad(n1, (0, 1, 1, 1)), q["w2"], groups=2), 3, alpha=0.3, beta=0.75, k=1)
    total = n1 + l2
    u = F.prelu(F.conv_transpose2d(p1, q["up"], q["bu"], stride=2, padding=1, output_padding=1), q["slope"])
    cat = torch.cat([total[:, :4], u[:, :, :6, :-1]], 1)
    leaky = F.leaky_relu(cat + q["plus"], 0.1)
    wide = F.interpolate(leaky, scale_factor=(2, 1), mode="nearest")
    padded, ones = F.pad(wide, (1, 0, 0, 0)), F.pad(torch.ones_like(wide), (1, 0, 0, 0))
    mean = F.avg_pool2d(padded, (4, 3), (4, 2)) / F.avg_pool2d(ones, (4, 3), (4, 2))
    scores = F.linear(mean.flatten(1)[:, :24], q["fw"], q["fb"])
    row = p["fw"][1:3] + 1
    save("cnn_predict", [x, row], [F.softmax(scores, 1).numpy(), (total[:, 4:] ** 2).numpy(), F.linear(torch.from_numpy(row), q["fw"], q["fb"]).numpy()])


class Bytes:
    """Real numbers on a grid: what an operator on bytes gives."""

    def __init__(self, scale, zero):
        self.args = {"Y_scale": float(np.float32(scale)), "Y_zero_point": zero}
        self.scale, self.zero = np.float32(scale), zero

    def round(self, t):
        return ((t / self.scale).round() + self.zero).clamp(0, 255).sub(self.zero) * self.scale


def make_int8():
    grids = {"q": Bytes(0.03, 120), "c": Bytes(0.02, 0), "d": Bytes(0.03, 128), "a": Bytes(0.04, 100), "m": Bytes(0.04, 100),
             "g": Bytes(0.02, 90), "f": Bytes(0.02, 110)}
    init, real = b"", {}
    for name, shape in (("w1", (8, 3, 3, 4)), ("w2", (8, 1, 1, 8)), ("fw", (5, 8))):
        raw = rng.integers(60, 200, shape).astype(np.uint8)
        init += op("Int8GivenTensorFill", "", name, shape=shape, values=raw.tobytes(), Y_scale=0.01, Y_zero_point=130)
        real[name] = torch.from_numpy((raw.astype(np.float32) - 130) * np.float32(0.01))
    for name, grid, n in (("b1", "q", 8), ("b2", "c", 8), ("fb", "g", 5)):
        raw, scale = rng.integers(-200, 200, n), float(np.float32(0.01) * grids[grid].scale)
        init += op("Int8GivenIntTensorFill", "", name, shape=[n], values=raw, Y_scale=scale, Y_zero_point=0)
        real[name] = torch.from_numpy((raw * np.float32(scale)).astype(np.float32))
    nhwc = {"order": "NHWC"}
    body = op("Int8Quantize", "x", "q", **grids["q"].args) + op("Int8ConvRelu", "q w1 b1", "c", kernel=3, pad=1, **nhwc, **grids["c"].args)
    body += op("Int8Conv", "c w2 b2", "d", kernel=1, **nhwc, **grids["d"].args) + op("Int8Add", "c d", "a", **grids["a"].args)
    body += op("Int8MaxPool", "a", "m", kernel=2, stride=2, **nhwc, **grids["m"].args)
    body += op("Int8AveragePool", "m", "g", global_pooling=1, **nhwc, **grids["g"].args)
    body += op("Int8FC", "g fw fb", "f", **grids["f"].args) + op("Int8Dequantize", "f", "y")
    open("int8_init.pb", "wb").write(net("int8_init", init, "", ""))
    open("int8_predict.pb", "wb").write(net("int8", body, "x w1 b1 w2 b2 fw fb", "y"))

    x = (rng.standard_normal((1, 6, 8, 4)) * 1.2).astype(np.float32)
    t = grids["q"].round(torch.from_numpy(x)).permute(0, 3, 1, 2)
    oihw = lambda w: w.permute(0, 3, 1, 2)
    c = grids["c"].round(F.relu(F.conv2d(t, oihw(real["w1"]), real["b1"], padding=1)))
    a = grids["a"].round(c + grids["d"].round(F.conv2d(c, oihw(real["w2"]), real["b2"])))
    g = grids["g"].round(F.max_pool2d(a, 2).mean((2, 3)))
    save("int8_predict", [x], [grids["f"].round(F.linear(g, real["fw"], real["fb"])).numpy()], "--atol 0.0201")


make_cnn()
make_int8()
