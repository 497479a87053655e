#!/usr/bin/env python3
"""Makes parts.xml and parts.bin, and OpenVINO's answers: needs Python's openvino (2026.4) and numpy, none of which the tests need. Run in this folder. Boxes of places, Fourier transforms,
searches and moves; attention."""
import os

import numpy as np
import openvino as ov
import openvino.opset1 as o1
import openvino.opset13 as o
import openvino.opset15 as o15
import openvino.opset9 as o9

rng = np.random.default_rng(3)
given = [rng.standard_normal((1, 3, 4, 5)).astype(np.float32), rng.integers(0, 4, 7).astype(np.int32), np.sort(rng.standard_normal((2, 6))).astype(np.float32)]
image, numbers, rows = inputs = [o.parameter(list(x.shape), x.dtype) for x in given]
for k, p in enumerate(inputs):
    p.set_friendly_name("in%d" % k)
    p.output(0).tensor.set_names({"in%d" % k})


def c(values, kind=np.int64):
    return o.constant(np.array(values, kind))


cells = o1.strided_slice(o.shape_of(image), c([2]), c([4]), c([1]), [0], [0])
size = c([32, 40])
variance = [0.1, 0.1, 0.2, 0.2]
priors = o1.prior_box(cells, size, {"min_size": [8.0], "max_size": [12.0], "aspect_ratio": [2.0], "flip": True, "clip": True, "variance": variance, "step": 8.0, "offset": 0.5})
clustered = o1.prior_box_clustered(cells, size, {"width": [4.0, 9.0], "height": [6.0, 3.0], "clip": False, "step": 0.0, "offset": 0.5, "variance": variance})
cut = o.space_to_batch(image, c([1, 1, 2, 3]), c([0, 0, 1, 0]), c([0, 0, 1, 1]))
head = o.scaled_dot_product_attention(image, image, image, c(0, np.float32), c(0.25, np.float32))
single = o.squeeze(image, c([0]))
moves = [cut, o.batch_to_space(cut, c([1, 1, 3, 2]), c([0, 0, 0, 1]), c([0, 0, 2, 0])), o.reverse_sequence(image, c([2]), 0, 3), head,
         o.scaled_dot_product_attention(single, single, single, causal=True), o.reshape(o.reduce_sum(rows, c([0, 1]), False), c([]), False)]
half = o9.rdft(rows, c([1]))
results = [priors, clustered, half, o9.irdft(half, c([1])), o.dft(half, c([0, 1])), o.roll(image, c([1, -2]), c([2, 3])), o.bucketize(image, c([-1, 0, 0.5], np.float32)), o15.search_sorted(rows, o.negative(rows), True),
           *o.unique(numbers, sorted=False).outputs(), o1.grn(image, 0.5), o.is_finite(o.log(rows)), *moves]
net = ov.Model([r if isinstance(r, ov.Output) else r.output(0) for r in results], inputs, "parts")
ov.save_model(net, "parts.xml", compress_to_fp16=False)
request = ov.Core().compile_model(net, "CPU", {"INFERENCE_PRECISION_HINT": "f32"}).create_infer_request()
os.makedirs("parts", exist_ok=True)
request.infer(given)
for k, x in enumerate(given):
    np.save("parts/in_%d.npy" % k, x)
for k in range(len(results)):
    np.save("parts/out_%d.npy" % k, request.get_output_tensor(k).data)
