#!/usr/bin/env python3
"""Makes the small MNN models beside it, and the answers of MNN itself: needs Python's mnn, onnx and numpy and the program mnnconvert that comes with mnn, none of which
the tests need. Run in this folder. The files differ from run to run in an identifier that the converter draws."""
import os
import pathlib
import subprocess

import MNN.expr as F
import MNN.nn as nn
import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper as nh

rng = np.random.default_rng(7)


def info(name, dims, dtype=T.FLOAT):
    return h.make_tensor_value_info(name, dtype, dims)


def weight(name, *dims, sparse=False):
    w = rng.standard_normal(dims) / np.sqrt(np.prod(dims[1:]) or 1)
    if sparse:
        w *= rng.random(dims) < 0.1
    return nh.from_array(w.astype(np.float32), name)


def make(name, nodes, inputs, outputs, weights=()):
    graph = h.make_graph(nodes, name, inputs, outputs, list(weights))
    onnx.save(h.make_model(graph, opset_imports=[h.make_opsetid("", 13)], ir_version=8), f"/tmp/{name}.onnx")


def convert(source, name, *options):
    subprocess.run(["mnnconvert", "-f", "ONNX", "--modelFile", f"/tmp/{source}.onnx", "--MNNModel", f"{name}.mnn", "--bizCode", "tests", *options],
                   check=True, stdout=subprocess.DEVNULL)


def answer(name, arrays, outputs):
    """The inputs in the order of the net's, and what MNN makes of them."""
    pathlib.Path(name).mkdir(exist_ok=True)
    m = nn.load_module_from_file(f"{name}.mnn", [n for n, _ in arrays], outputs)
    given = []
    for (n, a), v in zip(arrays, m.get_info()["inputs"]):
        np.save(f"{name}/in_{len(given)}.npy", a)
        x = F.placeholder(list(a.shape), F.NCHW if v.data_format == F.NC4HW4 else v.data_format, F.int if a.dtype == np.int32 else F.float)
        x.write(a)
        given.append(F.convert(x, F.NC4HW4) if v.data_format == F.NC4HW4 else x)
    for i, y in enumerate(m.onForward(given)):
        y = F.convert(y, F.NCHW) if y.data_format == F.NC4HW4 else y
        np.save(f"{name}/out_{i}.npy", np.array(y.read()).reshape(y.shape))


# A classifier of pictures, with the layers that most of them have; stored in each of the ways that there are.
make("cnn", [
    h.make_node("Conv", ["image", "w1", "b1"], ["c1"], "conv1", pads=[1, 1, 1, 1], strides=[2, 2]),
    h.make_node("Clip", ["c1", "zero", "six"], ["r1"], "relu6"),
    h.make_node("Conv", ["r1", "w2", "b2"], ["c2"], "depthwise", pads=[0, 0, 1, 1], group=16, strides=[2, 2]),
    h.make_node("Relu", ["c2"], ["r2"], "relu"),
    h.make_node("Conv", ["r2", "w3", "b3"], ["c3"], "pointwise"),
    h.make_node("PRelu", ["c3", "slope"], ["p3"], "prelu"),
    h.make_node("Add", ["p3", "r2"], ["a3"], "add"),
    h.make_node("MaxPool", ["a3"], ["m4"], "maximum", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1),
    h.make_node("Resize", ["m4", "", "scales"], ["u4"], "resize", mode="linear", coordinate_transformation_mode="half_pixel"),
    h.make_node("Concat", ["u4", "a3"], ["k4"], "concat", axis=1),
    h.make_node("GlobalAveragePool", ["k4"], ["g"], "average"),
    h.make_node("Flatten", ["g"], ["f"], "flatten"),
    h.make_node("Gemm", ["f", "w5", "b5"], ["s"], "gemm", transB=1),
    h.make_node("Softmax", ["s"], ["scores"], "softmax", axis=1),
], [info("image", [1, 3, 16, 16])], [info("scores", [1, 5])], [
    weight("w1", 16, 3, 3, 3), weight("b1", 16), weight("w2", 16, 1, 3, 3), weight("b2", 16), weight("w3", 16, 16, 1, 1, sparse=True), weight("b3", 16),
    weight("slope", 16, 1, 1), weight("w5", 5, 32), weight("b5", 5), nh.from_array(np.float32(0), "zero"), nh.from_array(np.float32(6), "six"),
    nh.from_array(np.array([1, 1, 2, 2], np.float32), "scales")])
image = rng.standard_normal((1, 3, 16, 16)).astype(np.float32)
for name, options in {"cnn": [], "cnn_fp16": ["--fp16"], "cnn_w8": ["--weightQuantBits", "8"], "cnn_w4": ["--weightQuantBits", "4", "--weightQuantAsymmetric=0"],
                      "cnn_outside": ["--weightQuantBits", "8", "--saveExternalData"]}.items():
    convert("cnn", name, *options)
    answer(name, [("image", image)], ["scores"])

# Shape arithmetic, integers, reductions.
make("shape", [
    h.make_node("Shape", ["x"], ["shape"], "shape"),
    h.make_node("Gather", ["shape", "one"], ["n"], "gather", axis=0),
    h.make_node("Unsqueeze", ["n", "zero"], ["n1"], "unsqueeze"),
    h.make_node("Concat", ["n1", "minus"], ["wanted"], "concat", axis=0),
    h.make_node("Reshape", ["x", "wanted"], ["rows"], "reshape"),
    h.make_node("Slice", ["rows", "zero", "three", "axis1"], ["part"], "slice"),
    h.make_node("Softmax", ["part"], ["soft"], "softmax", axis=-1),
    h.make_node("ReduceMean", ["soft"], ["mean"], "mean", axes=[0], keepdims=1),
    h.make_node("Sub", ["soft", "mean"], ["y"], "sub"),
    h.make_node("ArgMax", ["rows"], ["index"], "argmax", axis=1, keepdims=0),
], [info("x", [2, 4, 6])], [info("y", [4, 3]), info("index", [4], T.INT64)], [
    nh.from_array(np.array(v, np.int64), n) for n, v in {"one": 1, "zero": [0], "minus": [-1], "three": [3], "axis1": [1]}.items()])
convert("shape", "shape")
answer("shape", [("x", rng.standard_normal((2, 4, 6)).astype(np.float32))], ["y", "index"])

for left in pathlib.Path(".").glob(".__*"):
    os.remove(left)
