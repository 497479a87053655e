"""Whole models, small ones made here and networks where they are at hand, as quantizers and optimizers write them."""
import logging
import os

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

import side

logging.disable(logging.WARNING)

_cases = []
_random = np.random.default_rng(11)
_folders = [os.path.expanduser("~/.cache/nn-bench/models"), os.environ.get("NN_MODELS", ".")]


def cases():
    if not _cases:
        for family in (recurrent, dynamic, static, halves, few_bits, saved_by_onnxruntime, transformers, strings):
            family()
    return _cases


def add(group, name, make, rewrite=17, level=None, **tolerance):
    """make(folder) gives the model's path and feeds, or None when what it is made of is not here. Quantised networks get a wider
    bound: a float that is off in its last bit lands on the other side of a rounding now and then."""
    _cases.append({"group": group, "name": f"{group}-{name}", "make": make, "tolerance": tolerance, "rewrite": rewrite,
                   "level": level})


def floats(*dims):
    return _random.normal(size=dims).astype(np.float32)


def network(name):
    """A network's path, where one of the folders has it."""
    for folder in _folders:
        if os.path.exists(f"{folder}/{name}.onnx"):
            return f"{folder}/{name}.onnx"
    return None


def feeds_of(path):
    feeds = {}
    for port in side.session(path, ort.GraphOptimizationLevel.ORT_DISABLE_ALL).get_inputs():
        dims = [d if isinstance(d, int) else 2 for d in port.shape]
        if port.type == "tensor(int64)":
            feeds[port.name] = np.ones(dims, np.int64) if "mask" in port.name else _random.integers(0, 999, dims)
        elif port.type == "tensor(int32)":
            feeds[port.name] = np.ones(dims, np.int32) if "mask" in port.name else _random.integers(0, 999, dims).astype(np.int32)
        else:
            feeds[port.name] = floats(*dims).astype(np.float16 if port.type == "tensor(float16)" else np.float32)
    return feeds


class Net:
    """A graph being written, its weights random."""

    def __init__(self, name="x", dims=(2, 5), kind=TensorProto.FLOAT):
        self.nodes, self.weights, self.at = [], [], name
        self.inputs = [helper.make_tensor_value_info(name, kind, dims)]
        self.extra = []

    def weight(self, *dims, scale=.4):
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(floats(*dims) * np.float32(scale), name))
        return name

    def constant(self, data):
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(data), name))
        return name

    def add(self, op, *more, outputs=1, **attrs):
        names = [f"v{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(op, [self.at, *more], names, name=f"n{len(self.nodes)}", **attrs))
        self.at = names[0]
        return names

    def write(self, folder, outputs=None, name="model.onnx"):
        ports = [helper.make_empty_tensor_value_info(o) for o in (outputs or [self.at])]
        graph = helper.make_graph(self.nodes, "net", self.inputs, ports, self.weights)
        imports = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
        model = onnx.shape_inference.infer_shapes(helper.make_model(graph, opset_imports=imports, ir_version=8))
        path = f"{folder}/{name}"
        onnx.save(model, path)
        return path


# ---- small networks ----

def perceptron(folder):
    net = Net(dims=("N", 20))
    for i, o in ((20, 32), (32, 16), (16, 4)):
        net.add("MatMul", net.weight(i, o))
        net.add("Add", net.weight(o))
        net.add("Relu" if o > 4 else "Softmax")
    return net.write(folder)


def convolutional(folder):
    net = Net(dims=(1, 3, 24, 24))
    for i, o in ((3, 8), (8, 12), (12, 12)):
        before = net.at
        net.add("Conv", net.weight(o, i, 3, 3), net.weight(o), pads=[1, 1, 1, 1])
        net.add("LeakyRelu", alpha=.1)
        if i == o:
            net.add("Add", before)
    net.add("AveragePool", kernel_shape=[2, 2], strides=[2, 2])
    here = net.at
    left, right = net.add("Sigmoid")[0], None
    net.at = here
    right = net.add("Mul", left)[0]
    net.add("Concat", left, axis=1)
    assert right
    net.add("GlobalAveragePool")
    net.add("Flatten")
    net.add("Gemm", net.weight(24, 5), net.weight(5))
    net.add("Softmax")
    return net.write(folder)


def rnn(folder, op, direction="forward", full=False, quantizable=False, steps=7, batch=2, size=6, hidden=9, **attrs):
    gates, d = {"LSTM": 4, "GRU": 3, "RNN": 1}[op], 2 if direction == "bidirectional" else 1
    net = Net(dims=(steps, batch, size))
    more = [net.weight(d, gates * hidden, size), net.weight(d, gates * hidden, hidden)]
    if full or quantizable:
        more.append(net.weight(d, 2 * gates * hidden))
    if full:
        more += ["" if quantizable else net.constant(np.array([steps, 3][:batch], np.int32)), net.weight(d, batch, hidden)]
        if op == "LSTM":
            more += [net.weight(d, batch, hidden), net.weight(d, 3 * hidden)]
    outputs = net.add(op, *more, outputs=3 if op == "LSTM" else 2, hidden_size=hidden, direction=direction, **attrs)
    return net.write(folder, outputs)


def feed(make, *dims):
    return lambda folder: (make(folder), {"x": floats(*dims)})


def recurrent():
    for op in ("LSTM", "GRU", "RNN"):
        for direction in ("forward", "reverse", "bidirectional"):
            for full in (False, True):
                def make(folder, op=op, direction=direction, full=full):
                    return rnn(folder, op, direction, full), {"x": floats(7, 2, 6)}
                add("recurrent", f"{op}-{direction}{'-full' if full else ''}", make)
    add("recurrent", "GRU-linear", lambda f: (rnn(f, "GRU", full=True, linear_before_reset=1), {"x": floats(7, 2, 6)}))
    add("recurrent", "LSTM-clip", lambda f: (rnn(f, "LSTM", full=True, clip=.3), {"x": floats(7, 2, 6)}))
    add("recurrent", "LSTM-coupled", lambda f: (rnn(f, "LSTM", input_forget=1), {"x": floats(7, 2, 6)}))
    add("recurrent", "GRU-activations", lambda f: (rnn(f, "GRU", activations=["HardSigmoid", "Softsign"]), {"x": floats(7, 2, 6)}))
    for name in ("lstm2x256", "gru2x256", "silero_vad"):
        add("recurrent", name, lambda f, name=name: as_it_is(name), rewrite=17 if name != "silero_vad" else 0)


def as_it_is(name):
    path = network(name)
    return path and (path, feeds_of(path))


# ---- quantizers ----

def quantized_dynamically(folder, path, weights="QInt8", **options):
    from onnxruntime.quantization import QuantType, quantize_dynamic
    if not path:
        return None
    result = f"{folder}/dynamic.onnx"
    quantize_dynamic(path, result, weight_type=QuantType[weights], reduce_range=side.saturates(), **options)
    return result


def dynamic():
    for weights in ("QInt8", "QUInt8"):
        for per_channel in (False, True):
            options = {"weights": weights, "per_channel": per_channel}
            name = f"{weights}{'-channels' if per_channel else ''}"

            def dense(folder, options=options):
                return quantized_dynamically(folder, perceptron(folder), **options), {"x": floats(3, 20)}
            add("dynamic-int8", f"mlp-{name}", dense, float=1e-2)
            for direction in ("forward", "reverse", "bidirectional"):
                def lstm(folder, options=options, direction=direction):
                    path = rnn(folder, "LSTM", direction, quantizable=True, batch=1)
                    return quantized_dynamically(folder, path, **options), {"x": floats(7, 1, 6)}
                add("dynamic-int8", f"lstm-{direction}-{name}", lstm, float=1e-3)

    def states(folder):
        path = rnn(folder, "LSTM", "bidirectional", full=True, quantizable=True)
        return quantized_dynamically(folder, path), {"x": floats(7, 2, 6)}
    add("dynamic-int8", "lstm-states", states, float=1e-3)
    for name in ("minilm_l12", "deit_tiny", "lstm2x256"):
        def make(folder, name=name):
            path = quantized_dynamically(folder, network(name))
            return path and (path, feeds_of(path))
        add("dynamic-int8", name, make, rewrite=0, float=5e-2)


class Samples:
    def __init__(self, feeds):
        self.feeds = iter(feeds)

    def get_next(self):
        return next(self.feeds, None)


def quantized_statically(folder, path, layout, **options):
    from onnxruntime.quantization import QuantFormat, quantize_static
    if not path:
        return None
    result = f"{folder}/static.onnx"
    quantize_static(path, result, Samples([feeds_of(path) for _ in range(3)]), quant_format=QuantFormat[layout], **options)
    return result


def static():
    from onnxruntime.quantization import QuantType
    kinds = {"u8": {"activation_type": QuantType.QUInt8, "weight_type": QuantType.QInt8},
             "s8": {"activation_type": QuantType.QInt8, "weight_type": QuantType.QInt8},
             "channels": {"activation_type": QuantType.QUInt8, "weight_type": QuantType.QInt8, "per_channel": True}}
    for layout in ("QDQ", "QOperator"):
        for kind, options in kinds.items():
            def small(folder, layout=layout, options=options):
                path = quantized_statically(folder, convolutional(folder), layout, **options)
                return path, feeds_of(path)
            add(f"static-{layout}", f"conv-{kind}", small, float=2e-2, level=ort.GraphOptimizationLevel.ORT_DISABLE_ALL)

            def dense(folder, layout=layout, options=options):
                path = quantized_statically(folder, perceptron(folder), layout, **options)
                return path, feeds_of(path)
            add(f"static-{layout}", f"mlp-{kind}", dense, float=2e-2, level=ort.GraphOptimizationLevel.ORT_DISABLE_ALL)
        for name in ("mobilenet_v2", "squeezenet1_1"):
            def make(folder, name=name, layout=layout):
                path = quantized_statically(folder, network(name), layout, **kinds["channels"])
                return path and (path, feeds_of(path))
            add(f"static-{layout}", name, make, rewrite=0, float=5e-2, level=ort.GraphOptimizationLevel.ORT_DISABLE_ALL)


def few_bits():
    for bits in (4, 8):
        for symmetric in (True, False):
            def make(folder, bits=bits, symmetric=symmetric):
                from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer
                net = Net(dims=(3, 64))
                for i, o in ((64, 48), (48, 32)):
                    net.add("MatMul", net.weight(i, o))
                    net.add("Relu")
                quantizer = MatMulNBitsQuantizer(onnx.load(net.write(folder)), block_size=32, is_symmetric=symmetric, bits=bits)
                quantizer.process()
                path = f"{folder}/bits.onnx"
                quantizer.model.save_model_to_file(path)
                return path, {"x": floats(3, 64)}
            add("few-bits", f"{bits}-{'symmetric' if symmetric else 'zeros'}", make, rewrite=21)


# ---- half precision ----

def halves():
    for name in ("conv", "mlp", "mobilenet_v2", "squeezenet1_1", "minilm_l12"):
        for keep in (False, True):
            def make(folder, name=name, keep=keep):
                from onnxruntime.transformers.float16 import convert_float_to_float16
                path = convolutional(folder) if name == "conv" else perceptron(folder) if name == "mlp" else network(name)
                if not path:
                    return None
                half = f"{folder}/half.onnx"
                onnx.save(convert_float_to_float16(onnx.load(path), keep_io_types=keep), half)
                return half, feeds_of(half)
            add("float16", f"{name}{'-keep-io' if keep else ''}", make, rewrite=17 if name in ("conv", "mlp") else 0, float=2e-2)


# ---- what onnxruntime's own optimizers write ----

def optimized(folder, path, level):
    if not path:
        return None
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = level
    options.optimized_model_filepath = f"{folder}/optimized.onnx"
    ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return options.optimized_model_filepath


def saved_by_onnxruntime():
    levels = {"basic": ort.GraphOptimizationLevel.ORT_ENABLE_BASIC, "extended": ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED}
    sources = {"conv": convolutional, "mlp": perceptron}
    for name in ("mobilenet_v2", "squeezenet1_1", "resnet18", "mobilenet_v3_large", "minilm_l12", "deit_tiny", "lstm2x256"):
        sources[name] = lambda folder, name=name: network(name)
    sources["conv-QDQ"] = lambda folder: quantized_statically(folder, convolutional(folder), "QDQ")
    sources["mlp-QDQ"] = lambda folder: quantized_statically(folder, perceptron(folder), "QDQ")
    sources["squeezenet-QDQ"] = lambda folder: quantized_statically(folder, network("squeezenet1_1"), "QDQ")
    sources["mlp-dynamic"] = lambda folder: quantized_dynamically(folder, perceptron(folder))
    sources["minilm-dynamic"] = lambda folder: quantized_dynamically(folder, network("minilm_l12"))
    for name, source in sources.items():
        for level, value in levels.items():
            def make(folder, source=source, value=value):
                path = optimized(folder, source(folder), value)
                return path and (path, feeds_of(path))
            quantized = "QDQ" in name or "dynamic" in name
            add("saved-by-onnxruntime", f"{name}-{level}", make,
                rewrite=17 if name in ("conv", "mlp", "conv-QDQ", "mlp-QDQ") else 0, float=5e-2 if quantized else 1e-4)


def transformers():
    def fused(folder, name, kind, half=False, heads=12, size=384):
        from onnxruntime.transformers import optimizer
        path = network(name)
        if not path:
            return None
        model = optimizer.optimize_model(path, model_type=kind, num_heads=heads, hidden_size=size, opt_level=0)
        if half:
            model.convert_float_to_float16(keep_io_types=True)
        result = f"{folder}/fused.onnx"
        model.save_model_to_file(result)
        return result

    def plain(folder, *what, **options):
        path = fused(folder, *what, **options)
        return path and (path, feeds_of(path))

    def integers(folder, *what, **options):
        path = quantized_dynamically(folder, fused(folder, *what, **options))
        return path and (path, feeds_of(path))
    for name, kind, heads, size in (("minilm_l12", "bert", 12, 384), ("deit_tiny", "vit", 3, 192)):
        def as_fused(folder, what=(name, kind), heads=heads, size=size):
            return plain(folder, *what, heads=heads, size=size)

        def as_half(folder, what=(name, kind), heads=heads, size=size):
            return plain(folder, *what, half=True, heads=heads, size=size)

        def as_integers(folder, what=(name, kind), heads=heads, size=size):
            return integers(folder, *what, heads=heads, size=size)
        add("transformer-optimizer", name, as_fused, rewrite=0)
        add("transformer-optimizer", f"{name}-half", as_half, rewrite=0, float=2e-2)
        add("transformer-optimizer", f"{name}-int8", as_integers, rewrite=0, float=5e-2)


# ---- strings ----

def strings():
    words = np.array(["Monday", "the", "FRIDAY", "of", "fünf", "Monday", ""])

    def normalize(folder, case, **attrs):
        net = Net("x", (len(words),), TensorProto.STRING)
        net.add("StringNormalizer", case_change_action=case, locale="C.UTF-8", **attrs)
        return net.write(folder), {"x": words}
    for case in ("LOWER", "UPPER", "NONE"):
        add("strings", f"normalizer-{case}", lambda f, case=case: normalize(f, case))
        add("strings", f"normalizer-{case}-stopwords", lambda f, case=case: normalize(
            f, case, is_case_sensitive=0, stopwords=["monday", "OF"]))
        add("strings", f"normalizer-{case}-sensitive", lambda f, case=case: normalize(
            f, case, is_case_sensitive=1, stopwords=["Monday", "OF"]))

    def counts(folder, mode, of_strings):
        text = np.array(["a", "b", "a", "c", "b", "a"])
        data = text if of_strings else np.array([1, 2, 1, 3, 2, 1], np.int64)
        net = Net("x", data.shape, TensorProto.STRING if of_strings else TensorProto.INT64)
        pool = {"pool_strings": ["a", "b", "a", "b", "b", "a"]} if of_strings else {"pool_int64s": [1, 2, 1, 2, 2, 1]}
        net.add("TfIdfVectorizer", mode=mode, min_gram_length=1, max_gram_length=2, max_skip_count=1, ngram_counts=[0, 2],
                ngram_indexes=[0, 1, 2, 3], weights=[.5, 2.0, 3.0, .25], **pool)
        return net.write(folder), {"x": data}
    for mode in ("TF", "IDF", "TFIDF"):
        for of_strings in (True, False):
            add("strings", f"tfidf-{mode}-{'strings' if of_strings else 'ints'}",
                lambda f, mode=mode, of_strings=of_strings: counts(f, mode, of_strings))

    def labels(folder, data, kind, **attrs):
        net = Net("x", data.shape, kind)
        net.nodes.append(helper.make_node("LabelEncoder", ["x"], ["y"], domain="ai.onnx.ml", **attrs))
        return net.write(folder, ["y"]), {"x": data}
    add("strings", "labels-to-ints", lambda f: labels(f, words, TensorProto.STRING, keys_strings=["Monday", "of"],
                                                      values_int64s=[5, 6], default_int64=-7))
    add("strings", "labels-to-strings", lambda f: labels(f, np.array([[5, 9], [6, 5]], np.int64), TensorProto.INT64,
                                                         keys_int64s=[5, 6], values_strings=["five", "six"],
                                                         default_string="?"))
    add("strings", "labels-to-floats", lambda f: labels(f, words, TensorProto.STRING, keys_strings=["Monday", "of"],
                                                        values_floats=[.5, .25], default_float=-1.0))

    def pipeline(folder):
        net = Net("x", (1, 5), TensorProto.STRING)
        net.add("StringNormalizer", case_change_action="LOWER", stopwords=["the"], is_case_sensitive=0, locale="C.UTF-8")
        net.add("TfIdfVectorizer", mode="TF", min_gram_length=1, max_gram_length=1, max_skip_count=0, ngram_counts=[0],
                ngram_indexes=[0, 1, 2], pool_strings=["good", "bad", "day"])
        net.add("MatMul", net.weight(3, 4))
        net.add("Softmax")
        best = net.at
        net.add("ArgMax", axis=1, keepdims=0)
        net.nodes.append(helper.make_node("LabelEncoder", [net.at], ["label"], domain="ai.onnx.ml", keys_int64s=[0, 1, 2, 3],
                                          values_strings=["a", "b", "c", "d"]))
        return net.write(folder, ["label", best]), {"x": np.array([["The", "GOOD", "Good", "day", "night"]])}
    add("strings", "pipeline", pipeline)
