"""random_graphs.py FOLDER COUNT: small graphs of random operators with random settings, one a seed: FOLDER/SEED.onnx, their inputs and what onnxruntime
gives without optimisations, FOLDER/SEED/in_N.npy and out_N.npy."""
import math
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime as ort
from onnx import helper

MOST_ELEMENTS = 40000
UNARY = ("Relu", "Elu", "Selu", "HardSigmoid", "HardSwish", "Sigmoid", "Tanh", "Softplus", "Softsign", "Gelu", "Mish", "Abs", "Neg", "Erf", "Celu",
         "LeakyRelu", "ThresholdedRelu", "Sin")
REDUCTIONS = ("ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceL2", "ReduceL1", "ReduceSumSquare", "ReduceLogSumExp")


class Graph:
    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.nodes, self.constants, self.inputs, self.shapes = [], [], [], {}
        self.count = 0

    def between(self, low, high):
        return int(self.rng.integers(low, high + 1))

    def one_of(self, *choices):
        return choices[self.between(0, len(choices) - 1)]

    def name(self, prefix):
        self.count += 1
        return f"{prefix}{self.count}"

    def constant(self, values, kind=np.float32):
        self.constants.append(onnx.numpy_helper.from_array(np.asarray(values, kind), self.name("c")))
        return self.constants[-1].name

    def normal(self, *dims, scale=1.0):
        return self.constant(self.rng.standard_normal(dims) * scale)

    def ints(self, *values):
        return self.constant(values, np.int64)

    def node(self, op, inputs, outputs=1, **attrs):
        made = [self.name("v") for _ in range(outputs)]
        self.nodes.append(helper.make_node(op, inputs, made, **attrs))
        return made

    def input(self, dims):
        self.inputs.append(self.name("x"))
        self.shapes[self.inputs[-1]] = tuple(dims)

    def model(self, outputs, inputs):
        ports = [helper.make_tensor_value_info(n, 1, self.shapes[n]) for n in inputs]
        results = [helper.make_tensor_value_info(n, 1, self.shapes.get(n)) for n in outputs]
        graph = helper.make_graph(self.nodes, "random", ports, results, self.constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)


def factor(g, n):
    return g.one_of(*(d for d in range(1, n + 1) if n % d == 0))


def padding(g, kernel, most):
    """Attributes of one of the ways to pad."""
    low, high = ([g.between(0, min(most, k - 1)) for k in kernel] for _ in range(2))
    return g.one_of({}, {"pads": low + high}, {"pads": low + low}, {"auto_pad": "SAME_UPPER"}, {"auto_pad": "SAME_LOWER"})


def conv(g, x, dims):
    channels, kernel = dims[1], [g.between(1, 4) for _ in dims[2:]]
    group = g.one_of(1, 1, channels, factor(g, channels))
    out, attrs = group * g.between(1, 3), padding(g, kernel, 2)
    strides = [g.one_of(1, 1, 2, 3) for _ in kernel]
    dilations = [1 if "auto_pad" in attrs else g.one_of(1, 1, 2) for _ in kernel]
    weights = g.normal(out, channels // group, *kernel, scale=1 / math.sqrt(channels // group * math.prod(kernel)))
    return g.node("Conv", [x, weights] + g.one_of([], [g.normal(out)]), strides=strides, dilations=dilations, group=group, **attrs)


def conv_transpose(g, x, dims):
    channels, strides = dims[1], [g.one_of(1, 2, 2, 3) for _ in dims[2:]]
    kernel = [g.between(s, 4) for s in strides]
    group, out = g.one_of(1, 1, channels, factor(g, channels)), g.between(1, 4)
    attrs = padding(g, kernel, 1)
    weights = g.normal(channels, out, *kernel, scale=0.4)
    return g.node("ConvTranspose", [x, weights] + g.one_of([], [g.normal(out * group)]), strides=strides, group=group, **attrs)


def pool(g, x, dims):
    op, kernel = g.one_of("MaxPool", "AveragePool"), [g.between(1, 3) for _ in dims[2:]]
    attrs = padding(g, kernel, 2)
    if any(d < k for d, k in zip(dims[2:], kernel)):
        return None
    if "auto_pad" not in attrs:
        attrs["ceil_mode"] = g.between(0, 1)
    if op == "AveragePool":
        attrs["count_include_pad"] = g.between(0, 1)
    return g.node(op, [x], kernel_shape=kernel, strides=[g.one_of(1, 2, 2, 3) for _ in kernel], **attrs)


def resize(g, x, dims):
    mode = g.one_of("nearest", "linear", "cubic") if len(dims) == 4 else g.one_of("nearest", "linear")
    attrs = {"mode": mode, "coordinate_transformation_mode": g.one_of("asymmetric", "half_pixel", "align_corners", "pytorch_half_pixel")}
    if mode == "nearest":
        attrs["nearest_mode"] = g.one_of("floor", "round_prefer_floor", "ceil", "round_prefer_ceil")
    factors = [g.one_of(2, 3, 0.5, 1) for _ in dims[2:]]
    sizes = g.ints(*dims[:2], *(max(1, int(d * f)) for d, f in zip(dims[2:], factors)))
    return g.node("Resize", g.one_of([x, "", "", sizes], [x, "", g.constant([1, 1, *factors])]), **attrs)


def norm(g, x, dims):
    channels, op = dims[1], g.one_of("BatchNormalization", "InstanceNormalization", "LayerNormalization", "LRN")
    if op == "BatchNormalization":
        return g.node(op, [x, *(g.normal(channels) for _ in range(3)), g.constant(np.abs(g.rng.standard_normal(channels)) + 0.1)])
    if op == "LayerNormalization":
        return g.node(op, [x, g.normal(dims[-1]), g.normal(dims[-1])], epsilon=1e-2)
    if len(dims) < 4:
        return None
    return g.node(op, [x], size=g.one_of(1, 3, 5), alpha=0.1) if op == "LRN" else g.node(op, [x, g.normal(channels), g.normal(channels)], epsilon=1e-2)


def activation(g, x, dims):
    op = g.one_of(*UNARY, "Clip", "PRelu", "Pow", "Sqrt", "Exp")
    if op == "Clip":
        return g.node(op, [x, g.constant(g.one_of(-1, 0)), g.constant(g.one_of(1, 6))])
    if op == "PRelu":
        return g.node(op, [x, g.normal(dims[1], *[1] * (len(dims) - 2))])
    if op == "Pow":
        return g.node(op, [x, g.constant(g.between(2, 5))])
    return g.node(op, g.node("Abs", [x]) if op == "Sqrt" else g.node("Tanh", [x]) if op == "Exp" else [x])


def binary(g, x, dims):
    op = g.one_of("Add", "Sub", "Mul", "Max", "Min", "Div")
    alike = [v for v, d in g.shapes.items() if v != x and d == dims and op != "Div"]
    wide = g.one_of((), (dims[1],) + (1,) * (len(dims) - 2), dims[-1:], dims, tuple(g.one_of(d, 1) for d in dims))
    y = g.one_of(*alike) if alike else g.constant(np.abs(g.rng.standard_normal(wide)) + 0.5)
    return g.node(op, [x, y] if op == "Div" else g.one_of([x, y], [y, x]))


def concat(g, x, dims):
    axis = g.between(1, len(dims) - 1)
    fits = [v for v, d in g.shapes.items() if len(d) == len(dims) and all(a == b for i, (a, b) in enumerate(zip(d, dims)) if i != axis)]
    return g.node("Concat", [x, g.one_of(*fits)], axis=g.one_of(axis, axis - len(dims)))


def cut(g, x, dims):
    axis = g.between(1, len(dims) - 1)
    first = g.between(0, dims[axis] - 1)
    last = g.between(first + 1, dims[axis])
    if g.between(0, 3) == 0:
        return g.node("Slice", [x, g.ints(-1), g.ints(-(1 << 40)), g.ints(axis), g.ints(-1)])
    if dims[axis] > 1 and g.between(0, 1):
        return g.node("Split", [x, g.ints(1, dims[axis] - 1)], 2, axis=axis)
    return g.node("Slice", [x, g.ints(g.one_of(first, first - dims[axis])), g.ints(last), g.ints(axis), g.ints(g.one_of(1, 1, 2))])


def pad(g, x, dims):
    low, high = ([0] + [g.between(0, min(2, d - 1)) for d in dims[1:]] for _ in range(2))
    mode = g.one_of("constant", "reflect", "edge")
    return g.node("Pad", [x, g.ints(*low, *high)] + ([g.constant(g.one_of(0, 1.5))] if mode == "constant" else []), mode=mode)


def view(g, x, dims):
    if g.between(0, 1):
        return g.node("Transpose", [x], perm=[0] + [int(a) for a in 1 + g.rng.permutation(len(dims) - 1)])
    first = factor(g, math.prod(dims[1:]))
    return g.node(*g.one_of(("Flatten", [x]), ("Reshape", [x, g.ints(0, first, -1)]), ("Unsqueeze", [x, g.ints(g.one_of(1, -1))])))


def product(g, x, dims):
    weights = g.normal(dims[-1], g.between(1, 6), scale=dims[-1] ** -0.5)
    if len(dims) == 2 and g.between(0, 1):
        return g.node("Gemm", [x, weights], alpha=g.one_of(1.0, 0.5))
    turned = list(range(len(dims) - 2)) + [len(dims) - 1, len(dims) - 2]
    return g.node("MatMul", [x, weights]) if len(dims) < 3 or g.between(0, 1) else g.node("MatMul", [x, *g.node("Transpose", [x], perm=turned)])


def choice(g, x, dims):
    axis = g.between(1, len(dims) - 1)
    op = g.one_of("Gather", "ArgMax", "Softmax", "Where", "DepthToSpace", "Reduce", "GlobalAveragePool", "GlobalMaxPool")
    if op == "Gather":
        places = g.rng.integers(-dims[axis], dims[axis], g.one_of((), (3,)))
        return g.node(op, [x, g.constant(places, np.int64)], axis=axis)
    if op == "ArgMax":
        return g.node("Cast", g.node(g.one_of(op, "ArgMin"), [x], axis=axis, keepdims=g.between(0, 1)), to=1)
    if op == "Where":
        return g.node(op, [*g.node(g.one_of("Greater", "Less"), [x, g.constant(0.1)]), x, g.constant(g.one_of(0, 0.3))])
    if op == "Reduce":
        return g.node(g.one_of(*REDUCTIONS), [x, g.ints(axis)], keepdims=g.between(0, 1))
    if op == "Softmax":
        return g.node(g.one_of(op, "LogSoftmax"), [x], axis=axis)
    if op == "DepthToSpace":
        return g.node(op, [x], blocksize=2, mode=g.one_of("DCR", "CRD")) if len(dims) == 4 and dims[1] % 4 == 0 else None
    return g.node(op, [x]) if len(dims) > 2 else None


def recurrent(g, x, dims):
    op, hidden, way = g.one_of("LSTM", "GRU", "RNN"), g.between(1, 4), g.one_of("forward", "reverse", "bidirectional")
    ways, gates = 1 + (way == "bidirectional"), {"LSTM": 4, "GRU": 3, "RNN": 1}[op]
    weights = [g.normal(ways, gates * hidden, dims[2], scale=0.3), g.normal(ways, gates * hidden, hidden, scale=0.5), g.normal(ways, 2 * gates * hidden)]
    attrs = {"linear_before_reset": g.between(0, 1)} if op == "GRU" else {}
    y = g.node(op, g.node("Transpose", [x], perm=[1, 0, 2]) + weights, hidden_size=hidden, direction=way, **attrs)
    return g.node("Reshape", [*g.node("Transpose", y, perm=[2, 0, 1, 3]), g.ints(dims[0], dims[1], ways * hidden)])


# Operators of spatial axes want 3 or 4 axes, recurrences 3.
MAKERS = [(conv, 5, (3, 4)), (conv_transpose, 2, (3, 4)), (pool, 3, (3, 4)), (resize, 3, (3, 4)), (recurrent, 1, (3,))]
MAKERS += [(f, times, (2, 3, 4)) for f, times in ((norm, 2), (activation, 4), (binary, 4), (concat, 2), (cut, 3), (pad, 2), (view, 4), (product, 2), (choice, 4))]


def grow(g):
    """One more operator; whether there is one, whose results have shapes that are known and not too large."""
    values = list(g.shapes)
    x = values[-1] if g.between(0, 3) else g.one_of(*values)
    makers = [f for f, times, ranks in MAKERS for _ in range(times) if len(g.shapes[x]) in ranks]
    kept = len(g.nodes), len(g.constants)
    made = g.one_of(*makers)(g, x, g.shapes[x]) if makers else None
    if made:
        try:
            inferred = onnx.shape_inference.infer_shapes(g.model(made, g.inputs), strict_mode=True, data_prop=True)
        except onnx.shape_inference.InferenceError:
            inferred = None
        found = {v.name: tuple(d.dim_value for d in v.type.tensor_type.shape.dim) for v in inferred.graph.output} if inferred else {}
        if all(found.get(n) and min(found[n]) > 0 and math.prod(found[n]) <= MOST_ELEMENTS and 1 < len(found[n]) < 6 for n in made):
            g.shapes.update((n, found[n]) for n in made)
            return True
    del g.nodes[kept[0]:], g.constants[kept[1]:]
    return False


def make(seed):
    """The model and its feeds."""
    g = Graph(seed)
    g.input([1, g.between(1, 8)] + [g.between(3, 12) for _ in range(g.one_of(2, 2, 1, 0))])
    wanted, tries = g.between(2, 6), 60
    while wanted > 0 and tries > 0:
        wanted -= grow(g)
        tries -= 1
    used = {i for n in g.nodes for i in n.input}
    outputs = [n for n in g.shapes if n not in used and n not in g.inputs]
    return g.model(outputs, g.inputs), {n: g.rng.standard_normal(g.shapes[n]).astype(np.float32) for n in g.inputs}


def main():
    folder, count = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    options = ort.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 4, 1
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    for seed in range(count):
        model, feeds = make(seed)
        try:
            results = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"]).run(None, feeds) if model.graph.node else []
        except Exception:  # what onnxruntime has no kernel for
            continue
        onnx.save(model, folder / f"{seed}.onnx")
        (folder / str(seed)).mkdir()
        for what, arrays in (("in", feeds.values()), ("out", results)):
            for i, x in enumerate(arrays):
                np.save(folder / str(seed) / f"{what}_{i}.npy", x)


if __name__ == "__main__":
    main()
