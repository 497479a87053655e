#!/usr/bin/env python3
"""Makes late.xml and late.bin, and OpenVINO's answers: needs Python's openvino (2026.4) and numpy, none of which the tests need. Run in this folder. Sizes that are known at run time only,
colours in planes, numbers of four bits with a table, scatters that leave the first values out, classes below 0, an average that counts pads and is rounded up."""
import os

import numpy as np
import openvino as ov
import openvino.opset1 as o1
import openvino.opset13 as o
import openvino.opset8 as o8
from openvino.utils.node_factory import NodeFactory

rng = np.random.default_rng(4)
given = [rng.integers(0, 256, (1, 4, 6, 1)).astype(np.uint8), rng.integers(0, 256, (1, 2, 3, 2)).astype(np.uint8), rng.integers(0, 256, (1, 9, 6, 1)).astype(np.uint8), rng.standard_normal((3, 7)).astype(np.float32)]
bright, colours, planes, x = inputs = [o.parameter([-1, -1] if k == 3 else list(g.shape), g.dtype) for k, g in enumerate(given)]
for k, p in enumerate(inputs):
    p.set_friendly_name("in%d" % k)
    p.output(0).tensor.set_names({"in%d" % k})


def c(values, kind=np.int64):
    return o.constant(np.array(values, kind))


def node(version, name, ins, **attributes):
    return NodeFactory("opset%d" % version).create(name, [i.output(0) for i in ins], attributes)


half = o.floor(o.divide(o.gather(o.shape_of(x), c([1]), c(0)), c([2])))
index = c([[0, 1, 0, 2, 1, 1, 0], [0, 2, 1, 1, 1, 0, 0]])
updates = c(rng.standard_normal((2, 7)), np.float32)
scatters = [node(12, "ScatterElementsUpdate", [x, index, updates, c(0)], reduction=how, use_init_val=first) for how, first in (("mean", False), ("mean", True), ("prod", False), ("max", False))]
table = o.constant(ov.Tensor(rng.integers(0, 256, 12).astype(np.uint8), ov.Shape([3, 8]), ov.Type.nf4))
pooled = node(8, "MaxPool", [o.unsqueeze(x, c([0, 1]))], strides=[2, 2], pads_begin=[0, 0], pads_end=[0, 0], kernel=[2, 2], rounding_type="floor", auto_pad="explicit", dilations=[1, 1], index_element_type="i64", axis=2)
averaged = dict(strides=[2, 1], pads_begin=[1, 0], pads_end=[0, 0], kernel=[4, 1], rounding_type="ceil", auto_pad="explicit")
averaged["exclude-pad"] = False
cubic = node(11, "Interpolate", [o.unsqueeze(x, c([0, 1])), c([5, 4]), c([2, 3])], mode="bicubic_pillow", shape_calculation_mode="sizes", coordinate_transformation_mode="half_pixel", nearest_mode="floor", antialias=False, pads_begin=[0], pads_end=[0], cube_coeff=-0.75)
shifted = node(15, "ScatterNDUpdate", [x, c([[2], [0]]), c(rng.standard_normal((2, 7)), np.float32)], reduction="sub")
results = [o8.nv12_to_rgb(bright, colours), o8.i420_to_bgr(planes), *o1.variadic_split(x, c(1), o.concat([half, c([-1])], 0)).outputs(), *scatters, shifted, o.convert(table, "f32"), pooled.output(0), cubic,
           node(13, "BitwiseNot", [o.greater(x, c(0, np.float32))]), o1.one_hot(o.convert(o.multiply(x, c(2, np.float32)), "i32"), c(3), c(1.5, np.float32), c(-1, np.float32), 1),
           node(16, "OneHot", [o.convert(x, "i32"), c(3), c(1.5, np.float32), c(-1, np.float32)], axis=1, negative_indices_mode="normalize"), node(14, "AvgPool", [o.convert(planes, "f32")], **averaged)]
net = ov.Model([r if isinstance(r, ov.Output) else r.output(0) for r in results], inputs, "late")
ov.save_model(net, "late.xml", compress_to_fp16=False)
request = ov.Core().compile_model(net, "CPU", {"INFERENCE_PRECISION_HINT": "f32"}).create_infer_request()
os.makedirs("late", exist_ok=True)
request.infer(given)
for k, g in enumerate(given):
    np.save("late/in_%d.npy" % k, g)
for k in range(len(results)):
    np.save("late/out_%d.npy" % k, request.get_output_tensor(k).data)
