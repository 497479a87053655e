#!/usr/bin/env python3
"""Makes sound.tflite, of complex numbers, a transposed convolution of volumes and shifts within a composite operator, and LiteRT's answers: needs Python's tensorflow-cpu,
ai-edge-litert, flatbuffers and numpy, none of which the tests need. Run in this folder."""
import copy
import os

import flatbuffers
import numpy as np
os.environ["CUDA_VISIBLE_DEVICES"] = ""
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

rng = np.random.default_rng(17)
given = [rng.standard_normal((1, 60)).astype(np.float32), rng.standard_normal((1, 2, 3, 2, 2)).astype(np.float32), rng.integers(0, 99, (3, 4)).astype(np.int32)]
filters = (rng.standard_normal((3, 2, 3, 3, 2)) / 3).astype(np.float32)


def net(a, b, c):
    waves = tf.signal.stft(a, 20, 10, 32)
    half = tf.signal.rfft2d(tf.reshape(a[:, :32], [1, 4, 8]))
    shape = tf.broadcast_dynamic_shape(tf.shape(c), tf.shape(c[0]))
    return tf.abs(waves), tf.math.real(half), tf.math.imag(half), tf.nn.conv3d_transpose(b, filters, [1, 4, 6, 4, 3], [1, 2, 2, 2, 1], "SAME"), tf.bitwise.right_shift(tf.broadcast_to(c, shape), c // 30)


def composite(data):
    """The graph as a subgraph of the operator that is left."""
    model = schema.ModelT.InitFromPackedBuf(bytearray(data), 0)
    inner = model.subgraphs[0]
    outer = copy.deepcopy(inner)
    code = schema.OperatorCodeT()
    code.builtinCode, code.deprecatedBuiltinCode, code.version = schema.BuiltinOperator.STABLEHLO_COMPOSITE, 127, 1
    model.operatorCodes.append(code)
    node, options = schema.OperatorT(), schema.StableHLOCompositeOptionsT()
    node.opcodeIndex, node.inputs, node.outputs = len(model.operatorCodes) - 1, list(inner.inputs), list(inner.outputs)
    node.builtinOptions2Type, node.builtinOptions2 = schema.BuiltinOptions2.StableHLOCompositeOptions, options
    options.name, options.decompositionSubgraphIndex, options.compositeAttributes = "odml.sound", 1, [0, 0x24, 1]
    outer.operators, inner.name, model.subgraphs = [node], "inner", [outer, inner]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


function = tf.function(net, input_signature=[tf.TensorSpec(x.shape, x.dtype, name=n) for x, n in zip(given, "abc")]).get_concrete_function()
with open("sound.tflite", "wb") as f:
    f.write(composite(tf.lite.TFLiteConverter.from_concrete_functions([function], None).convert()))
it = Interpreter("sound.tflite")
it.allocate_tensors()
os.makedirs("sound", exist_ok=True)
for k, d in enumerate(it.get_input_details()):
    it.set_tensor(d["index"], given[k])
    np.save(f"sound/in_{k}.npy", given[k])
it.invoke()
for k, d in enumerate(it.get_output_details()):
    np.save(f"sound/out_{k}.npy", it.get_tensor(d["index"]))
