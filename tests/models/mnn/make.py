#!/usr/bin/env python3
"""Makes the small MNN models beside it, and the answers of MNN itself: needs Python's mnn, onnx and numpy and the program mnnconvert that comes with mnn, none of which
the tests need. Run in this folder. The files differ from run to run in an identifier that the converter draws."""
import json
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


def make(name, nodes, inputs, outputs, weights=(), opset=13):
    graph = h.make_graph(nodes, name, inputs, outputs, list(weights))
    onnx.save(h.make_model(graph, opset_imports=[h.make_opsetid("", opset)], ir_version=8), f"/tmp/{name}.onnx")


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
for name, options in {"cnn": [], "f16": ["--fp16"], "w8": ["--weightQuantBits", "8"], "w4": ["--weightQuantBits", "4", "--weightQuantAsymmetric=0"],
                      "far": ["--weightQuantBits", "8", "--saveExternalData"]}.items():
    convert("cnn", name, *options)
    answer(name, [("image", image)], ["scores"])

# A loop, which the converter makes of a recurrent layer.
make("loop", [h.make_node("LSTM", ["x", "w", "r", "b"], ["", "y"], "lstm", hidden_size=4)], [info("x", [5, 1, 3])], [info("y", [1, 1, 4])], [
    weight("w", 1, 16, 3), weight("r", 1, 16, 4), weight("b", 1, 32)])
convert("loop", "loop")
answer("loop", [("x", rng.standard_normal((5, 1, 3)).astype(np.float32))], ["y"])

# Indices behind an axis of batches, and Fourier transforms of windows. Numbers of their own, so that the others stay.
window = np.hanning(8).astype(np.float32)
make("indices", [
    h.make_node("GatherND", ["x", "at"], ["rows"], "gather", batch_dims=1),
    h.make_node("STFT", ["signal", "step", "window"], ["spectrum"], "stft"),
], [info("x", [2, 3, 4]), info("signal", [1, 32, 1])], [info("rows", [2, 4]), info("spectrum", [1, 7, 5, 2])], [
    nh.from_array(np.array([[1], [2]]), "at"), nh.from_array(np.array(4), "step"), nh.from_array(window, "window")], 17)
convert("indices", "indices")
answer("indices", [("x", np.arange(24, dtype=np.float32).reshape(2, 3, 4)), ("signal", np.sin(np.arange(32, dtype=np.float32) ** 2 / 9).reshape(1, 32, 1))],
       ["rows", "spectrum"])

# A branch.
then = h.make_graph([h.make_node("Neg", ["x"], ["negated"])], "then", [], [info("negated", [3])])
other = h.make_graph([h.make_node("Mul", ["x", "x"], ["squared"])], "else", [], [info("squared", [3])])
make("if", [
    h.make_node("ReduceSum", ["x"], ["sum"], "sum", keepdims=0),
    h.make_node("Less", ["sum", "zero"], ["negative"], "less"),
    h.make_node("If", ["negative"], ["y"], "branch", then_branch=then, else_branch=other),
], [info("x", [3])], [info("y", [3])], [nh.from_array(np.float32(0), "zero")])
convert("if", "if")
answer("if", [("x", np.array([1, -5, 2], np.float32))], ["y"])


# What no converter makes any more, or only of other sources, is written down as the schema has it.
def op(kind, inputs, output, table="NONE", **fields):
    return {"type": kind, "name": output, "inputs": inputs, "outputs": [output] if isinstance(output, str) else output, "main_type": table, "main": fields}


def net(name, source, ops, **more):
    names = []
    for o in ops:
        names += [n for n in o["outputs"] if n not in names]
    for o in ops:
        o["inputIndexes"] = [names.index(n) for n in o.pop("inputs")]
        o["outputIndexes"] = [names.index(n) for n in o.pop("outputs")]
        if not o["main"]:
            del o["main"]
    json.dump({"sourceType": source, "tensorName": names, "oplists": ops, "bizCode": "tests", **more}, open(f"/tmp/{name}.json", "w"))
    subprocess.run(["mnnconvert", "-f", "JSON", "--modelFile", f"/tmp/{name}.json", "--MNNModel", f"{name}.mnn", "--bizCode", "tests"], check=True, stdout=subprocess.DEVNULL)


def numbers(*dims, low=None):
    n = int(np.prod(dims))
    return rng.integers(-127, 128, n).tolist() if low is None else (rng.random(n) + low).round(3).tolist()


def common(kernel, out, inputs, **more):
    return dict(kernelX=kernel, kernelY=kernel, padX=kernel // 2, padY=kernel // 2, outputCount=out, inputCount=inputs, **more)


# Integers without scales between float ends, as the first quantiser left them.
net("int8", "CAFFE", [
    op("Input", [], "image", "Input", dims=[1, 3, 6, 6], dtype="DT_FLOAT", dformat="NC4HW4"),
    op("FloatToInt8", ["image"], "q", "QuantizedFloatParam", tensorScale=[40.0] * 3),
    op("ConvInt8", ["q"], "c1", "Convolution2D", common=common(3, 8, 3, relu=True),
       symmetricQuan=dict(weight=numbers(8, 3, 3, 3), bias=numbers(8), scale=(rng.random(8) * 0.002 + 0.001).round(5).tolist())),
    op("DepthwiseConvInt8", ["c1"], "c2", "Convolution2D", common=common(3, 8, 8, group=8),
       symmetricQuan=dict(weight=numbers(8, 1, 3, 3), bias=numbers(8), scale=(rng.random(8) * 0.002 + 0.001).round(5).tolist())),
    op("Int8ToFloat", ["c2"], "f", "QuantizedFloatParam", tensorScale=[0.05] * 8),
    op("Pooling", ["f"], "y", "Pool", isGlobal=True, type="AVEPOOL"),
])
answer("int8", [("image", rng.standard_normal((1, 3, 6, 6)).astype(np.float32))], ["y"])



def codes(rows, area):
    """int8 weights in the coding that the file has for them, and their scales."""
    head = bytes([2, rows, 0, area, 0, 0]) + bytes((i - 128) & 255 for i in range(256))
    data = head + bytes((c + 128) & 255 for c in numbers(rows, area))
    return dict(buffer=[b - 256 if b > 127 else b for b in data], alpha=(rng.random(rows) * 0.004 + 0.001).round(5).tolist(), type=1, quantScale=1.0, aMaxOrBits=8)


# Tensors that the file describes as rounded to integers, as the present quantiser leaves them.
net("q8", "ONNX", [
    op("Input", [], "image", "Input", dims=[1, 3, 8, 8], dtype="DT_FLOAT", dformat="NC4HW4"),
    op("Convolution", ["image"], "c1", "Convolution2D", common=common(3, 8, 3, relu=True), bias=numbers(8, low=-0.5), quanParameter=codes(8, 27), symmetricQuan=dict(nbits=8)),
    op("Convolution", ["c1"], "y", "Convolution2D", common=common(1, 4, 8), bias=numbers(4, low=-0.5), quanParameter=codes(4, 8), symmetricQuan=dict(nbits=8)),
], extraTensorDescribe=[dict(index=i, name=n, quantInfo=dict(scale=s, zero=z, min=-128.0, max=127.0, type="DT_INT8"))
                        for i, n, s, z in ((0, "image", 0.03, 0.0), (1, "c1", 0.02, -128.0), (2, "y", 0.05, 0.0))])
answer("q8", [("image", rng.standard_normal((1, 3, 8, 8)).astype(np.float32))], ["y"])

# Channels last, as TensorFlow has them: layouts change, axes do not.
net("tf", "TENSORFLOW", [
    op("Input", [], "image", "Input", dims=[1, 6, 8, 3], dtype="DT_FLOAT", dformat="NHWC"),
    op("ConvertTensor", ["image"], "packed", "TensorConvertInfo", source="NHWC", dest="NC4HW4"),
    op("Convolution", ["packed"], "c1", "Convolution2D", common=dict(common(3, 4, 3, relu6=True, strideX=2, strideY=2), padX=0, padY=0, padMode="SAME"),
       weight=numbers(4, 3, 3, 3, low=-0.5), bias=numbers(4, low=-0.5)),
    op("Pooling", ["c1"], "p1", "Pool", kernelX=2, kernelY=2, strideX=1, strideY=1, type="AVEPOOL", padType="SAME", ceilModel=False),
    op("ConvertTensor", ["p1"], "plain", "TensorConvertInfo", source="NC4HW4", dest="NHWC"),
    op("Const", [], "bias", "Blob", dims=[4], dataFormat="NHWC", dataType="DT_FLOAT", float32s=[0.1, 0.2, 0.3, 0.4]),
    op("BinaryOp", ["plain", "bias"], "sum", "BinaryOp", opType="ADD", T="DT_FLOAT"),
    op("Reduction", ["sum"], "mean", "ReductionParam", operation="MEAN", dim=[1, 2], keepDims=False),
    op("Softmax", ["mean"], "y", "Axis", axis=-1),
])
answer("tf", [("image", rng.standard_normal((1, 6, 8, 3)).astype(np.float32))], ["y"])

for left in pathlib.Path(".").glob(".__*"):
    os.remove(left)

# Operators that converters write less often, as MNN's own expressions make them.
x = F.placeholder([1, 4, 6, 6], F.NCHW, F.float)
x.name = "x"
ints = {n: F.const(v, [len(v)] if n != "pads" else [len(v) // 2, 2], F.NCHW, F.int) for n, v in
        {"pads": [0, 0, 0, 0, 1, 2, 2, 1], "block": [2, 2], "from": [0, -2, 1, 0], "size": [1, 2, -1, 5]}.items()}
none = F.const([0, 0, 0, 0], [2, 2], F.NCHW, F.int)
blocks = F.space_to_batch_nd(F.convert(F.round(x * F.const([2.0], [1], F.NCHW)), F.NC4HW4), ints["block"], none)
space = F.convert(F.batch_to_space_nd(F.tanh(blocks), ints["block"], none), F.NCHW)
y = F.atan2(F.pad(space, ints["pads"], F.SYMMETRIC), F.const([-0.7], [1], F.NCHW))
y = F.slice(y, ints["from"], ints["size"])
y = F.avg_pool(F.convert(y, F.NC4HW4), [2, 2], [3, 3], F.CAFFE, [1, 1])
y = F.convert(y, F.NCHW)
y.name = "y"
F.save([y], "rare.mnn")
halves = np.round(rng.standard_normal((1, 4, 6, 6)) * 4) / 4
answer("rare", [("x", halves.astype(np.float32))], ["y"])

# Attention as one operator, which the converter makes of its parts: two heads of 8, some keys hidden.
make("attention", [
    *[h.make_node("MatMul", ["x", f"w{p}"], [f"m{p}"]) for p in "qkv"],
    *[h.make_node("Reshape", [f"m{p}", "heads"], [f"h{p}"]) for p in "qkv"],
    h.make_node("Transpose", ["hq"], ["tq"], perm=[0, 2, 1, 3]),
    h.make_node("Transpose", ["hk"], ["tk"], perm=[0, 2, 3, 1]),
    h.make_node("Transpose", ["hv"], ["tv"], perm=[0, 2, 1, 3]),
    h.make_node("MatMul", ["tq", "tk"], ["products"]),
    h.make_node("Div", ["products", "root"], ["scores"]),
    h.make_node("Add", ["scores", "mask"], ["masked"]),
    h.make_node("Softmax", ["masked"], ["shares"], axis=-1),
    h.make_node("MatMul", ["shares", "tv"], ["sums"]),
    h.make_node("Transpose", ["sums"], ["back"], perm=[0, 2, 1, 3]),
    h.make_node("Reshape", ["back", "rows"], ["joined"]),
    h.make_node("MatMul", ["joined", "wo"], ["y"]),
], [info("x", [1, 6, 16]), info("mask", [1, 1, 6, 6])], [info("y", [1, 6, 16])], [
    *[weight(f"w{p}", 16, 16) for p in "qkvo"], nh.from_array(np.float32(np.sqrt(8)), "root"),
    nh.from_array(np.array([1, 6, 2, 8]), "heads"), nh.from_array(np.array([1, 6, 16]), "rows")])
convert("attention", "attention", "--transformerFuse")
answer("attention", [("x", rng.standard_normal((1, 6, 16)).astype(np.float32)),
                     ("mask", np.where(rng.random((1, 1, 6, 6)) < 0.3, -1e9, 0).astype(np.float32))], ["y"])
