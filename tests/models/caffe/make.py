#!/usr/bin/env python3
"""Makes the small Caffe models beside it, with answers: needs Python's numpy, and opencv-python-headless before 5, whose dnn module reads them.
Everything is seeded: a second run writes the same bytes."""
import os
import sys

import numpy as np

sys.path.insert(0, "..")
from netdef import floating, number, part, varint

rng = np.random.default_rng(1)


def blob(a, form):
    """Newest: a shape and packed floats. V1: four sizes and packed floats. V0: four sizes and single floats."""
    a = np.asarray(a, np.float32)
    if form == 2:
        return part(7, part(1, b"".join(varint(d) for d in a.shape))) + part(5, a.tobytes())
    dims = (1,) * (4 - a.ndim) + a.shape
    head = b"".join(number(i + 1, d) for i, d in enumerate(dims))
    if form == 1:
        return head + part(5, a.tobytes())
    return head + b"".join(floating(5, v) for v in a.ravel())


def weights(layers, form, more=b""):
    """layers: (name, type, arrays)."""
    out = part(1, "sample") + more
    for name, kind, arrays in layers:
        blobs = [blob(a, form) for a in arrays]
        if form == 2:
            out += part(100, part(1, name) + part(2, kind) + b"".join(part(7, b) for b in blobs))
        elif form == 1:
            out += part(2, part(4, name) + number(5, kind) + b"".join(part(6, b) for b in blobs))
        else:
            out += part(2, part(1, part(1, name) + part(2, kind) + b"".join(part(50, b) for b in blobs)))
    return out


def w(*dims):
    return rng.standard_normal(dims) / np.sqrt(np.prod(dims[1:]) or 1)


def save(name, text, data):
    if text:
        with open(name + ".prototxt", "w") as f:
            f.write(text)
    with open(name + ".caffemodel", "wb") as f:
        f.write(data)


def answer(name, outputs, golden_of=None, **inputs):
    """What OpenCV gives for random inputs; it does not know phases."""
    import cv2
    of = golden_of or name
    text = "".join(line for line in open(of + ".prototxt") if "TRAIN" not in line)
    open("/tmp/answer.prototxt", "w").write(text)
    net = cv2.dnn.readNetFromCaffe("/tmp/answer.prototxt", of + ".caffemodel")
    os.makedirs(name, exist_ok=True)
    for i, (key, dims) in enumerate(inputs.items()):
        x = rng.standard_normal(dims).astype(np.float32)
        np.save(f"{name}/in_{i}.npy", x)
        net.setInput(x, key)
    for i, y in enumerate(net.forward(outputs)):
        np.save(f"{name}/out_{i}.npy", y)


# ---- a classifier: rounding up, layers in place, all kinds of normalisation, coefficients ----

save("classify", """name: "classify"
input: "data"
input_shape { dim: 1 dim: 3 dim: 19 dim: 17 }
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
  convolution_param { num_output: 8 kernel_h: 3 kernel_w: 5 pad_h: 1 pad_w: 2 stride: 1 bias_term: false } }
layer { name: "bn1" type: "BatchNorm" bottom: "conv1" top: "conv1" batch_norm_param { eps: 0.001 } }
layer { name: "scale1" type: "Scale" bottom: "conv1" top: "conv1" scale_param { bias_term: true } }
layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }
layer { name: "pool1" type: "Pooling" bottom: "conv1" top: "pool1" pooling_param { pool: MAX kernel_size: 3 stride: 2 } }
layer { name: "norm1" type: "LRN" bottom: "pool1" top: "norm1" lrn_param { local_size: 3 alpha: 0.5 beta: 0.75 } }
layer { name: "conv2a" type: "Convolution" bottom: "norm1" top: "conv2a"
  convolution_param { num_output: 8 kernel_size: 3 pad: 2 dilation: 2 group: 4 } }
layer { name: "prelu2a" type: "PReLU" bottom: "conv2a" top: "conv2a" }
layer { name: "conv2b" type: "Convolution" bottom: "norm1" top: "conv2b" convolution_param { num_output: 8 kernel_size: 1 } }
layer { name: "leaky2b" type: "ReLU" bottom: "conv2b" top: "conv2b" relu_param { negative_slope: 0.1 } }
layer { name: "sum2" type: "Eltwise" bottom: "conv2a" bottom: "conv2b" top: "sum2" eltwise_param { coeff: 0.5 coeff: -1 } }
layer { name: "max2" type: "Eltwise" bottom: "conv2a" bottom: "conv2b" top: "max2" eltwise_param { operation: MAX } }
layer { name: "both2" type: "Concat" bottom: "sum2" bottom: "max2" top: "both2" }
layer { name: "pool2" type: "Pooling" bottom: "both2" top: "pool2"
  pooling_param { pool: AVE kernel_size: 3 stride: 2 } }
layer { name: "slice2" type: "Slice" bottom: "pool2" top: "left2" top: "right2" slice_param { axis: 1 slice_point: 6 } }
layer { name: "power2" type: "Power" bottom: "left2" top: "left2" power_param { scale: 0.5 shift: 0.25 } }
layer { name: "up2" type: "Deconvolution" bottom: "right2" top: "up2"
  convolution_param { num_output: 6 kernel_size: 4 stride: 2 pad: 1 group: 2 } }
layer { name: "pool3" type: "Pooling" bottom: "up2" top: "pool3" pooling_param { pool: AVE global_pooling: true } }
layer { name: "flat3" type: "Flatten" bottom: "pool3" top: "flat3" }
layer { name: "flat2" type: "Flatten" bottom: "left2" top: "flat2" }
layer { name: "all3" type: "Concat" bottom: "flat2" bottom: "flat3" top: "all3" }
layer { name: "fc4" type: "InnerProduct" bottom: "all3" top: "fc4" inner_product_param { num_output: 7 } }
layer { name: "drop4" type: "Dropout" bottom: "fc4" top: "fc4" dropout_param { dropout_ratio: 0.4 } }
layer { name: "prob" type: "Softmax" bottom: "fc4" top: "prob" }
""", weights([
    ("conv1", "Convolution", [w(8, 3, 3, 5)]),
    ("bn1", "BatchNorm", [w(8) * 2, rng.uniform(0.5, 1.5, 8) * 2, [2.0]]),
    ("scale1", "Scale", [rng.uniform(0.5, 1.5, 8), w(8)]),
    ("conv2a", "Convolution", [w(8, 2, 3, 3), w(8)]),
    ("prelu2a", "PReLU", [rng.uniform(0.1, 0.4, 8)]),
    ("conv2b", "Convolution", [w(8, 8, 1, 1), w(8)]),
    ("up2", "Deconvolution", [w(10, 3, 4, 4), w(6)]),
    ("fc4", "InnerProduct", [w(7, 6 * 4 * 4 + 6), w(7)]),
], 2))
answer("classify", ["prob"], data=(1, 3, 19, 17))

# ---- the two older forms, of one net ----

V1 = """name: "v1"
input: "data"
input_dim: 1 input_dim: 2 input_dim: 9 input_dim: 9
layers { name: "conv1" type: CONVOLUTION bottom: "data" top: "conv1" blobs_lr: 1 blobs_lr: 2
  convolution_param { num_output: 4 kernel_size: 3 pad: 1 } }
layers { name: "tanh1" type: TANH bottom: "conv1" top: "conv1" }
layers { name: "pool1" type: POOLING bottom: "conv1" top: "pool1" pooling_param { pool: AVE kernel_size: 2 stride: 2 } }
layers { name: "fc2" type: INNER_PRODUCT bottom: "pool1" top: "fc2" inner_product_param { num_output: 3 } }
layers { name: "accuracy" type: ACCURACY bottom: "fc2" bottom: "label" top: "accuracy" include { phase: TRAIN } }
layers { name: "prob" type: SOFTMAX bottom: "fc2" top: "prob" }
"""
arrays = [w(4, 2, 3, 3), w(4)], [w(3, 100), w(3)]
save("v1", V1, weights([("conv1", 4, arrays[0]), ("fc2", 14, arrays[1])], 1))
answer("v1", ["prob"], data=(1, 2, 9, 9))

save("v0", """name: "v0"
input: "data"
input_dim: 1 input_dim: 2 input_dim: 9 input_dim: 9
layers { layer { name: "pad1" type: "padding" pad: 1 } bottom: "data" top: "pad1" }
layers { layer { name: "conv1" type: "conv" num_output: 4 kernelsize: 3 blobs_lr: 1.0 } bottom: "pad1" top: "conv1" }
layers { layer { name: "tanh1" type: "tanh" } bottom: "conv1" top: "conv1" }
layers { layer { name: "pool1" type: "pool" pool: AVE kernelsize: 2 stride: 2 } bottom: "conv1" top: "pool1" }
layers { layer { name: "fc2" type: "innerproduct" num_output: 3 } bottom: "pool1" top: "fc2" }
layers { layer { name: "prob" type: "softmax" } bottom: "fc2" top: "prob" }
""", weights([("conv1", "conv", arrays[0]), ("fc2", "innerproduct", arrays[1])], 0))
os.makedirs("v0", exist_ok=True)
for name in "in_0", "out_0":
    np.save(f"v0/{name}.npy", np.load(f"v1/{name}.npy"))

# ---- a file of weights that holds the net it was trained in, data and loss included ----


def layer(name, kind, bottoms, tops, more=b"", arrays=()):
    return part(100, part(1, name) + part(2, kind) + b"".join(part(3, b) for b in bottoms) +
                b"".join(part(4, t) for t in tops) + number(10, 0) + b"".join(part(7, blob(a, 2)) for a in arrays) + more)


train = part(8, number(1, 0))
transform = part(100, floating(1, 0.0078125) + number(3, 9) + floating(5, 104) + floating(5, 117) + floating(5, 123))
conv, fc = [w(4, 3, 3, 3), w(4)], [w(3, 196), w(3)]
save("alone", None, part(1, "alone") +
     layer("data", "Data", [], ["data", "label"], train + transform + part(107, number(4, 1))) +
     layer("conv1", "Convolution", ["data"], ["conv1"], part(106, number(1, 4) + number(4, 3)), conv) +
     layer("relu1", "ReLU", ["conv1"], ["conv1"]) +
     layer("fc2", "InnerProduct", ["conv1"], ["fc2"], part(117, number(1, 3)), fc) +
     layer("loss", "SoftmaxWithLoss", ["fc2", "label"], ["loss"], floating(5, 1)))
save("/tmp/alone", """input: "data" input_dim: 1 input_dim: 3 input_dim: 9 input_dim: 9
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1" convolution_param { num_output: 4 kernel_size: 3 } }
layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }
layer { name: "fc2" type: "InnerProduct" bottom: "conv1" top: "fc2" inner_product_param { num_output: 3 } }
layer { name: "loss" type: "Softmax" bottom: "fc2" top: "loss" }
""", weights([("conv1", "Convolution", conv), ("fc2", "InnerProduct", fc)], 2))
answer("alone", ["loss"], "/tmp/alone", data=(1, 3, 9, 9))

# ---- a detector ----


def head(i, bottom, sizes):
    def conv(what, n):
        return f"""layer {{ name: "{bottom}_{what}" type: "Convolution" bottom: "{bottom}" top: "{bottom}_{what}"
  convolution_param {{ num_output: {n} kernel_size: 3 pad: 1 }} }}
layer {{ name: "{bottom}_{what}_perm" type: "Permute" bottom: "{bottom}_{what}" top: "{bottom}_{what}_perm"
  permute_param {{ order: 0 order: 2 order: 3 order: 1 }} }}
layer {{ name: "{bottom}_{what}_flat" type: "Flatten" bottom: "{bottom}_{what}_perm" top: "{bottom}_{what}_flat" }}
"""
    return conv("loc", 16) + conv("conf", 12) + f"""layer {{ name: "{bottom}_prior" type: "PriorBox" bottom: "{bottom}" bottom: "data" top: "{bottom}_prior"
  prior_box_param {{ min_size: {sizes[0]} max_size: {sizes[1]} aspect_ratio: 2 flip: true clip: {"false" if i else "true"}
    variance: 0.1 variance: 0.1 variance: 0.2 variance: 0.2 offset: 0.5 }} }}
"""


def both(what, axis):
    suffix = what if what == "prior" else what + "_flat"
    return f'layer {{ name: "{what}" type: "Concat" bottom: "norm1_{suffix}" bottom: "conv2_{suffix}" top: "{what}" concat_param {{ axis: {axis} }} }}\n'


SSD = """name: "ssd"
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 16 dim: 16 } } }
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1" convolution_param { num_output: 6 kernel_size: 3 pad: 1 stride: 2 } }
layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }
layer { name: "norm1" type: "Normalize" bottom: "conv1" top: "norm1"
  norm_param { across_spatial: false channel_shared: false scale_filler { type: "constant" value: 20 } } }
layer { name: "conv2" type: "Convolution" bottom: "conv1" top: "conv2" convolution_param { num_output: 8 kernel_size: 3 pad: 1 stride: 2 } }
layer { name: "relu2" type: "ReLU" bottom: "conv2" top: "conv2" }
""" + head(0, "norm1", (3, 6)) + head(1, "conv2", (6, 11)) + both("loc", 1) + both("conf", 1) + both("prior", 2) + """\
layer { name: "conf_shape" type: "Reshape" bottom: "conf" top: "conf_shape" reshape_param { shape { dim: 0 dim: -1 dim: 3 } } }
layer { name: "conf_soft" type: "Softmax" bottom: "conf_shape" top: "conf_soft" softmax_param { axis: 2 } }
layer { name: "conf_all" type: "Flatten" bottom: "conf_soft" top: "conf_all" }
layer { name: "detection_out" type: "DetectionOutput" bottom: "loc" bottom: "conf_all" bottom: "prior" top: "detection_out"
  include { phase: TEST }
  detection_output_param { num_classes: 3 share_location: true background_label_id: 0 code_type: CENTER_SIZE keep_top_k: 20
    confidence_threshold: 0.4 nms_param { nms_threshold: 0.45 top_k: 100 } } }
"""
save("ssd", SSD, weights([
    ("conv1", "Convolution", [w(6, 3, 3, 3), w(6)]), ("norm1", "Normalize", [rng.uniform(4, 8, 6)]),
    ("conv2", "Convolution", [w(8, 6, 3, 3), w(8)]),
    ("norm1_loc", "Convolution", [w(16, 6, 3, 3) * 0.3, w(16)]), ("norm1_conf", "Convolution", [w(12, 6, 3, 3), w(12)]),
    ("conv2_loc", "Convolution", [w(16, 8, 3, 3), w(16)]), ("conv2_conf", "Convolution", [w(12, 8, 3, 3), w(12)]),
], 2))
answer("ssd", ["detection_out"], data=(1, 3, 16, 16))
rows = np.load("ssd/out_0.npy")  # by score; Caffe has them by label, then by score
np.save("ssd/out_0.npy", rows[:, :, np.lexsort((-rows[0, 0, :, 2], rows[0, 0, :, 1]))])

# ---- a recurrent layer, whose second bottom says where sequences begin anew ----

T, N, I, H = 5, 2, 3, 4
save("lstm", f"""name: "lstm"
layer {{ name: "in" type: "Input" top: "x" top: "go_on" input_param {{ shape {{ dim: {T} dim: {N} dim: {I} }} shape {{ dim: {T} dim: {N} }} }} }}
layer {{ name: "lstm" type: "LSTM" bottom: "x" bottom: "go_on" top: "y" recurrent_param {{ num_output: {H} }} }}
""", weights([("lstm", "LSTM", lstm := [w(4 * H, I), w(4 * H), w(4 * H, H)])], 2))


def sigmoid(v):
    return 1 / (1 + np.exp(-v))


x, go_on = rng.standard_normal((T, N, I)), np.array([[0, 0], [1, 1], [1, 0], [1, 1], [1, 1]], float)
h, c, y = np.zeros((N, H)), np.zeros((N, H)), []
for t in range(T):
    g = x[t] @ lstm[0].T + lstm[1] + (h * go_on[t][:, None]) @ lstm[2].T
    i, f, o, n = (g[:, k * H:(k + 1) * H] for k in range(4))
    c = sigmoid(f) * c * go_on[t][:, None] + sigmoid(i) * np.tanh(n)
    h = sigmoid(o) * np.tanh(c)
    y.append(h)
os.makedirs("lstm", exist_ok=True)
for name, a in ("in_0", x), ("in_1", go_on), ("out_0", np.array(y)):
    np.save(f"lstm/{name}.npy", a.astype(np.float32))
