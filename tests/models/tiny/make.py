#!/usr/bin/env python3
"""Makes the small ONNX models beside it, for the tests of the programs: needs Python's onnx and numpy, which the tests themselves do not.
Everything is seeded: a second run writes the same bytes."""
import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper as nh

rng = np.random.default_rng(1)


def info(name, dims, dtype=T.FLOAT):
    return h.make_tensor_value_info(name, dtype, dims)


def weight(name, *dims):
    return nh.from_array((rng.standard_normal(dims) / np.sqrt(np.prod(dims[1:]) or 1)).astype(np.float32), name)


def save(name, nodes, inputs, outputs, weights=(), opset=17, domains=(), **kw):
    graph = h.make_graph(nodes, name, inputs, outputs, list(weights))
    opsets = [h.make_opsetid("", opset)] + [h.make_opsetid(d, 1) for d in domains]
    model = h.make_model(graph, opset_imports=opsets, ir_version=8, producer_name="tests")
    if not domains and name != "unknown":
        onnx.checker.check_model(model, full_check=True)
    onnx.save(model, name + ".onnx", **kw)


# A classifier of pictures: convolution, normalisation, activation, residual, pooling, and nodes that do nothing.
save("conv", [
    h.make_node("Conv", ["image", "w1", "b1"], ["c1"], "conv1", pads=[1, 1, 1, 1], strides=[2, 2]),
    h.make_node("BatchNormalization", ["c1", "scale", "shift", "mean", "var"], ["n1"], "norm1"),
    h.make_node("Relu", ["n1"], ["r1"], "relu1"),
    h.make_node("Identity", ["r1"], ["i1"], "nothing"),
    h.make_node("Conv", ["i1", "w2", "b2"], ["c2"], "conv2", pads=[1, 1, 1, 1], group=8),
    h.make_node("Add", ["c2", "i1"], ["a2"], "add2"),
    h.make_node("GlobalAveragePool", ["a2"], ["p"], "pool"),
    h.make_node("Flatten", ["p"], ["f"], "flatten"),
    h.make_node("Gemm", ["f", "w3", "b3"], ["g"], "gemm", transB=1),
    h.make_node("Softmax", ["g"], ["scores"], "softmax", axis=1),
], [info("image", [1, 3, 32, 32])], [info("scores", [1, 5])], [
    weight("w1", 8, 3, 3, 3), weight("b1", 8), weight("scale", 8), weight("shift", 8), weight("mean", 8),
    nh.from_array(rng.uniform(0.5, 1.5, 8).astype(np.float32), "var"),
    weight("w2", 8, 1, 3, 3), weight("b2", 8), weight("w3", 5, 8), weight("b3", 5)])

# Products, with weights enough to be worth quantising.
save("mlp", [
    h.make_node("MatMul", ["x", "w1"], ["m1"], "product1"),
    h.make_node("Add", ["m1", "b1"], ["a1"], "bias1"),
    h.make_node("Tanh", ["a1"], ["t1"], "tanh1"),
    h.make_node("MatMul", ["t1", "w2"], ["y"], "product2"),
], [info("x", [1, 24])], [info("y", [1, 6])], [weight("w1", 24, 48), weight("b1", 48), weight("w2", 48, 6)])

# An open batch, and a length that nothing states.
save("symbolic", [
    h.make_node("MatMul", ["x", "w"], ["m"], "product"),
    h.make_node("ReduceMean", ["m"], ["y"], "mean", axes=[1], keepdims=0),
], [info("x", ["batch", "length", 4])], [info("y", ["batch", 3])], [weight("w", 4, 3)])

# Two inputs, two outputs.
save("two", [
    h.make_node("Sub", ["a", "b"], ["difference"], "sub"),
    h.make_node("Mul", ["a", "b"], ["product"], "mul"),
], [info("a", [2, 3]), info("b", [2, 3])], [info("difference", [2, 3]), info("product", [2, 3])])

# A branch that data chooses, using values from outside.
then = h.make_graph([h.make_node("Neg", ["x"], ["negated"])], "then", [], [info("negated", [3])])
other = h.make_graph([h.make_node("Mul", ["x", "x"], ["squared"])], "else", [], [info("squared", [3])])
save("if", [
    h.make_node("ReduceSum", ["x"], ["sum"], "sum", keepdims=0),
    h.make_node("Less", ["sum", "zero"], ["negative"], "less"),
    h.make_node("If", ["negative"], ["y"], "branch", then_branch=then, else_branch=other),
], [info("x", [3])], [info("y", [3])], [nh.from_array(np.float32(0), "zero")])

# Operators that nobody knows.
save("unknown", [
    h.make_node("Relu", ["x"], ["r"], "relu"),
    h.make_node("Blend", ["r"], ["b"], "odd1", domain="com.example", strength=0.5),
    h.make_node("Swizzle", ["b"], ["y"], "odd2", domain="com.example"),
], [info("x", [4])], [info("y", [4])], domains=["com.example"])

# Weights in a file of their own.
save("external", [h.make_node("MatMul", ["x", "w"], ["y"], "product")],
     [info("x", [1, 32])], [info("y", [1, 32])], [weight("w", 32, 32)],
     save_as_external_data=True, location="external.data", size_threshold=0, convert_attribute=False)
