"""Makes stablehlo.tflite and blocks.tflite, with answers, here. Needs litert-torch (PyPI), which leaves means without padding and scattered updates as operators of
StableHLO, and ai-edge-quantizer, whose weights of 4 bits have a scale for each block; their answer is numpy's on the weights that the file has."""
import numpy as np
import torch
from torch import nn
import litert_torch
from ai_edge_litert import schema_py_generated as schema
from ai_edge_quantizer import qtyping, quantizer


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.dense = nn.Conv2d(3, 4, 3, 2), nn.Linear(4 * 4 * 4, 5)

    def forward(self, x):
        y = nn.functional.avg_pool2d(nn.functional.gelu(self.conv(x)), 3, 2, 1, count_include_pad=False)
        y = nn.functional.max_pool2d(y, 3, 1, 1, dilation=1)
        y = self.dense(y.flatten(1))
        return y.index_put((torch.tensor([0, 0]), torch.tensor([1, 3])), torch.tensor([.5, -.5]))


def answer(name, x, y):
    np.save(f"{name}/in_0.npy", x)
    np.save(f"{name}/out_0.npy", y)


def widened(path):
    """The weights of the file's only blocks."""
    with open(path, "rb") as f:
        model = schema.Model.GetRootAs(f.read(), 0)
    graph = model.Subgraphs(0)
    for i in range(graph.TensorsLength()):
        t = graph.Tensors(i)
        if t.Quantization() and t.Quantization().DetailsType() == schema.QuantizationDetails.BlockwiseQuantization:
            blocks = schema.BlockwiseQuantization()
            blocks.Init(t.Quantization().Details().Bytes, t.Quantization().Details().Pos)
            rows, columns = t.ShapeAsNumpy()
            codes = model.Buffers(t.Buffer()).DataAsNumpy()
            codes = np.stack([codes & 15, codes >> 4], -1).reshape(rows, columns).astype(np.int32)
            scale = model.Buffers(graph.Tensors(blocks.Scales()).Buffer()).DataAsNumpy().view(np.float16)
            return ((codes ^ 8) - 8) * np.repeat(scale.reshape(rows, -1).astype(np.float32), blocks.BlockSize(), 1)


torch.manual_seed(1)
net, x = Net().eval(), torch.randn(1, 3, 18, 18)
litert_torch.convert(net, (x,)).export("stablehlo.tflite")
answer("stablehlo", x.numpy(), net(x).detach().numpy())

dense, x = nn.Linear(64, 6).eval(), torch.randn(3, 64)
litert_torch.convert(dense, (x,)).export("blocks.tflite")
q = quantizer.Quantizer("blocks.tflite")
weights = qtyping.TensorQuantizationConfig(num_bits=4, symmetric=True, granularity=qtyping.QuantGranularity.BLOCKWISE_32)
config = qtyping.OpQuantizationConfig(weight_tensor_config=weights, compute_precision=qtyping.ComputePrecision.INTEGER)
q.update_quantization_recipe(regex=".*", operation_name=qtyping.TFLOperationName.ALL_SUPPORTED, op_config=config)
q.quantize().export_model("blocks.tflite", overwrite=True)
y = x.numpy() @ widened("blocks.tflite").T + dense.bias.detach().numpy()
answer("blocks", x.numpy(), y.astype(np.float32))
