#!/usr/bin/env python3
"""Makes the small Core ML models beside it, with answers: needs Python's coremltools 9, torch and torchvision, whose functions compute what Core ML's do. Seeded, though maps come in any order; run in this folder."""
import os
import shutil
import sys

import coremltools as ct
import numpy as np
import torch
import torch.nn.functional as F
import torchvision
from coremltools.converters.mil import Builder as mb
from coremltools.converters.mil.mil import types
from coremltools.models import datatypes
from coremltools.models.neural_network import NeuralNetworkBuilder, quantization_utils

sys.path.insert(0, "..")
from netdef import save

rng = np.random.RandomState(11)


def r(*shape, low=-0.5):
    return rng.uniform(low, 0.5, shape).astype(np.float32)


def old():
    """A classifier of photos as the first versions had them: values are [C, H, W], photos are prepared."""
    w = dict(conv=r(4, 3, 3, 3), deconv=r(4, 4, 2, 2), dw=r(4, 1, 3, 3), fc=r(5, 8), mean=r(4), var=r(4) + 1, gamma=r(4), beta=r(4), alpha=r(4), bias=r(4), scale=r(4))
    b = NeuralNetworkBuilder([("photo", datatypes.Array(3, 8, 8))], [("probabilities", datatypes.Array(5)), ("heat", datatypes.Array(4, 8, 8))], mode="classifier")
    hwio = lambda a: a.transpose(2, 3, 1, 0)
    b.add_convolution("conv", 3, 4, 3, 3, 2, 2, "same", 1, hwio(w["conv"]), w["bias"], True, input_name="photo", output_name="conv", same_padding_asymmetry_mode="BOTTOM_RIGHT_HEAVY")
    b.add_batchnorm("bn", 4, w["gamma"], w["beta"], w["mean"], w["var"], "conv", "bn", epsilon=1e-3)
    b.add_activation("act", "PRELU", "bn", "act", w["alpha"])
    b.add_convolution("dw", 1, 4, 3, 3, 1, 1, "valid", 4, hwio(w["dw"]), None, False, input_name="act", output_name="dw", padding_top=1, padding_bottom=1, padding_left=1, padding_right=1)
    b.add_convolution("deconv", 4, 4, 2, 2, 2, 2, "valid", 1, w["deconv"].transpose(2, 3, 0, 1), None, False, is_deconv=True, input_name="dw", output_name="heat")
    b.add_pooling("pool", 2, 2, 2, 2, "MAX", "VALID", "dw", "pool")
    b.add_scale("scaled", w["scale"], 0, False, "pool", "scaled", shape_scale=[4])
    b.add_elementwise("cat", ["pool", "scaled"], "cat", "CONCAT")
    b.add_reduce("mean", "cat", "mean", axis="HW", mode="avg")
    b.add_unary("shifted", "mean", "shifted", "power", alpha=2, shift=0.5, scale=2.0)
    b.add_inner_product("fc", w["fc"], None, 8, 5, False, "shifted", "fc")
    b.add_softmax("softmax", "fc", "probabilities")
    b.set_class_labels([f"class {i}" for i in range(5)], prediction_blob="probabilities")
    b.set_pre_processing_parameters(image_input_names=["photo"], is_bgr=True, red_bias=-0.5, green_bias=-0.4, blue_bias=-0.3, image_scale=1 / 128)
    spec = b.spec
    ct.utils.save_spec(spec, "net.mlmodel")
    x = r(1, 3, 8, 8)
    t = {k: torch.tensor(v) for k, v in w.items()}
    v = F.conv2d(F.pad(torch.tensor(x), (0, 1, 0, 1)), t["conv"], t["bias"], 2)
    v = F.prelu(F.batch_norm(v, t["mean"], t["var"], t["gamma"], t["beta"], eps=1e-3), t["alpha"])
    v = F.conv2d(v, t["dw"], padding=1, groups=4)
    heat, v = F.conv_transpose2d(v, t["deconv"], stride=2), F.max_pool2d(v, 2)
    v = torch.cat([v, v * t["scale"].view(4, 1, 1)], 1).mean((2, 3))
    answers = {"heat": heat[0].numpy(), "probabilities": F.softmax((2 * v + 0.5) ** 2 @ t["fc"].T, 1).numpy()}
    save("net", [x], [answers[o.name] for o in spec.description.output if o.name in answers])


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.rnn, self.fc = torch.nn.Conv1d(3, 4, 3, padding=1), torch.nn.LSTM(4, 3, batch_first=True, bidirectional=True), torch.nn.Linear(6, 4)
        self.norm, self.again = torch.nn.LayerNorm(4), torch.nn.RNN(4, 4, nonlinearity="relu")

    def forward(self, x):
        v = F.gelu(self.conv(x)).transpose(1, 2)
        v = self.norm(self.fc(self.rnn(v)[0]))
        v = v - self.again(v)[0]
        return F.softmax(v.matmul(v.transpose(1, 2)), -1), v[:, 1:-1:2].clamp(-1, 1)


def put_program(model, name, weights):
    """An .mlpackage's two files beside each other."""
    model.save("/tmp/net.mlpackage")
    inside = "/tmp/net.mlpackage/Data/com.apple.CoreML/"
    data = open(inside + "model.mlmodel", "rb").read()
    assert len(weights) == len("weights/weight.bin")
    open(name, "wb").write(data.replace(b"weights/weight.bin", weights.encode()))
    shutil.copy(inside + "weights/weight.bin", weights)
    shutil.rmtree("/tmp/net.mlpackage")


def program():
    torch.manual_seed(5)
    net, x = Net().eval(), torch.randn(1, 3, 6)
    with torch.no_grad():
        y, traced = net(x), torch.jit.trace(net, x)
    m = ct.convert(traced, inputs=[ct.TensorType(name="sound", shape=x.shape)], outputs=[ct.TensorType(name="alike"), ct.TensorType(name="middle")], skip_model_load=True,
                   minimum_deployment_target=ct.target.iOS16)
    put_program(m, "program.mlmodel", "program-weight.bin")
    save("program", [x.numpy()], [a.numpy() for a in y], "--rtol 0.005")


def packed():
    """Weights in fewer bits, and a branch."""
    weights = r(8, 8)

    @mb.program(input_specs=[mb.TensorSpec((2, 8))], opset_version=ct.target.iOS18)
    def main(x):
        lut = mb.constexpr_lut_to_dense(indices=rng.randint(0, 4, (8, 8)).astype(types.np_uint2_dtype), lut=r(1, 1, 4, 1), name="lut")
        blocks = mb.constexpr_blockwise_shift_scale(data=rng.randint(-8, 8, (8, 8)).astype(types.np_int4_dtype), scale=r(8, 2, low=0.1), name="blocks")
        v = mb.linear(x=mb.linear(x=x, weight=lut), weight=blocks)
        v = mb.cond(pred=mb.greater(x=mb.reduce_sum(x=x), y=np.float32(0)), _true_fn=lambda: mb.relu(x=v), _false_fn=lambda: mb.sub(x=v, y=np.float32(1)))
        return mb.matmul(x=v, y=weights, name="y")

    m = ct.convert(main, skip_model_load=True, compute_precision=ct.precision.FLOAT32, minimum_deployment_target=ct.target.iOS18)
    put_program(m, "packing.mlmodel", "packing-weight.bin")
    values = {o.outputs[0].name: o.outputs[0].op.materialized_val_inference() for o in m._mil_program.functions["main"].operations if o.op_type.startswith("constexpr")}
    x = np.abs(r(2, 8))
    v = np.maximum(x @ values["lut"].T @ values["blocks"].T, 0) @ weights
    save("packing", [x], [v.astype(np.float32)])


def save_program(main, name):
    m = ct.convert(main, skip_model_load=True, compute_precision=ct.precision.FLOAT32, minimum_deployment_target=ct.target.iOS16)
    m.save("/tmp/net.mlpackage")
    shutil.copy("/tmp/net.mlpackage/Data/com.apple.CoreML/model.mlmodel", name)
    shutil.rmtree("/tmp/net.mlpackage")


def loop():
    """Three rounds of x / 2: for the unit tests, since one that is broken never ends."""

    @mb.program(input_specs=[mb.TensorSpec((2, 8))])
    def main(x):
        return mb.while_loop(_cond=lambda i, a: mb.less(x=i, y=3), _body=lambda i, a: (mb.add(x=i, y=1), mb.mul(x=a, y=np.float32(0.5))), loop_vars=(np.int32(0), x))[1]

    save_program(main, "loop.mlmodel")


def corners():
    """Twice as wide, counted from the corners of pixels: for the unit tests, since only Core ML does so."""

    @mb.program(input_specs=[mb.TensorSpec((1, 1, 1, 2))], opset_version=ct.target.iOS16)
    def main(x):
        return mb.upsample_bilinear(x=x, scale_factor_height=1.0, scale_factor_width=2.0, align_corners=False, half_pixel_centers=False)

    save_program(main, "corners.mlmodel")


class Boxes(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 7, 4, 4)

    def forward(self, x):
        y = self.conv(x).flatten(2).transpose(1, 2)[0].sigmoid()
        return y[:, :3], y[:, 3:] * torch.tensor([1, 1, 0.5, 0.5])


def boxes():
    """A detector as Create ML makes them: a network, and the suppression of its boxes."""
    torch.manual_seed(4)
    net, x = Boxes().eval(), torch.rand(1, 3, 16, 16)
    with torch.no_grad():
        (scores, rows), traced = net(x), torch.jit.trace(net, x)
    spec = ct.convert(traced, inputs=[ct.ImageType(name="image", shape=x.shape, scale=1 / 255.0)], convert_to="neuralnetwork").get_spec()
    for feature, name in zip(list(spec.description.output), ("raw_confidence", "raw_coordinates")):
        ct.utils.rename_feature(spec, feature.name, name)
    whole = ct.proto.Model_pb2.Model(specificationVersion=spec.specificationVersion)
    whole.pipeline.models.add().CopyFrom(spec)
    last = whole.pipeline.models.add(specificationVersion=4)
    last.description.input.extend(spec.description.output)
    for name in ("confidence", "coordinates"):
        last.description.output.add(name=name).type.multiArrayType.dataType = ct.proto.FeatureTypes_pb2.ArrayFeatureType.FLOAT32
    nms = last.nonMaximumSuppression
    nms.confidenceInputFeatureName, nms.coordinatesInputFeatureName = "raw_confidence", "raw_coordinates"
    nms.confidenceOutputFeatureName, nms.coordinatesOutputFeatureName = "confidence", "coordinates"
    nms.iouThreshold, nms.confidenceThreshold, nms.pickTop.perClass = 0.3, 0.4, True
    nms.stringClassLabels.vector.extend(["cat", "dog", "owl"])
    whole.description.input.extend(spec.description.input)
    whole.description.output.extend(last.description.output)
    ct.utils.save_spec(whole, "boxes.mlmodel")
    corners = torch.cat([rows[:, :2] - rows[:, 2:] / 2, rows[:, :2] + rows[:, 2:] / 2], 1)
    best, label = scores.max(1)
    sure = torch.nonzero(best > 0.4)[:, 0]
    left = sure[torchvision.ops.batched_nms(corners[sure], best[sure], label[sure], 0.3)]
    save("boxes", [x.numpy()], [scores[left].numpy(), rows[left].numpy()])


old()
program()
packed()
loop()
corners()
boxes()
