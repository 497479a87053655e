"""Cases of one node each: operators of com.microsoft over shapes, attributes, absent inputs and element types."""
import numpy as np

import side

_cases = []
_random = np.random.default_rng(7)


def cases():
    if not _cases:
        for family in (quantized_elementwise, quantized_pools, quantized_products, weights_of_few_bits, fused, activations,
                       normalizations, embeddings, attention, multi_head_attention, grouped_attention, rotary, as_of_onnx):
            family()
    return _cases


# What these are made of is in newer opsets than the usual one.
_newer = {"QuantizeLinear": 21, "DequantizeLinear": 21, "MatMulNBits": 21, "RotaryEmbedding": 23, "GroupQueryAttention": 24, "GatherBlockQuantized": 21}


def add(op, inputs, attrs=None, outputs=1, domain="com.microsoft", what="", **tolerance):
    number = sum(case["op"] == op for case in _cases)
    name = f"{op}-{number}" + (f"-{what}" if what else "")
    _cases.append({"name": name, "group": op, "op": op, "inputs": inputs, "attrs": attrs or {}, "outputs": outputs,
                   "domain": domain, "tolerance": tolerance, "rewrite": _newer.get(op, 17)})


def floats(*dims, dtype=np.float32):
    return _random.normal(size=dims).astype(dtype)


def number(value, dtype=np.float32):
    return np.array(value, dtype)


def bytes_of(dtype, *dims):
    info = np.iinfo(dtype)
    part = 2 if dtype == np.int8 and side.saturates() else 1
    return _random.integers(info.min // part, info.max // part + 1, size=dims).astype(dtype)


# ---- quantised ----

def quantized_elementwise():
    for dtype in (np.uint8, np.int8):
        zero = number(7, dtype)
        for a, b in (((2, 3, 4), (2, 3, 4)), ((2, 3, 4), (3, 1)), ((1,), (5, 1, 7)), ((), (3,)), ((2, 0, 3), (3,))):
            for op in ("QLinearAdd", "QLinearMul"):
                add(op, [bytes_of(dtype, *a), number(.03), zero, bytes_of(dtype, *b), number(.02), number(3, dtype),
                         number(.05), number(11, dtype)])
        for op in ("QLinearAdd", "QLinearMul"):
            add(op, [bytes_of(dtype, 300), number(.03), number(5, dtype), bytes_of(dtype, 1), number(.02), zero, number(.001), zero],
                what="saturates")
        for dims in ((3, 4), (1,), (2, 3, 5, 7)):
            x = bytes_of(dtype, *dims)
            add("QLinearSigmoid", [x, number(.05), zero, number(1 / 256), number(0, dtype)])
            add("QLinearLeakyRelu", [x, number(.05), zero, number(.04), number(9, dtype)], {"alpha": .3})
        add("QLinearSigmoid", [bytes_of(dtype, 50), number(.05), None, number(.01), zero], what="no-zero-point")
        add("QLinearLeakyRelu", [bytes_of(dtype, 50), number(.05), None, number(.05), zero], what="no-zero-point")
        for opset in (12, 13):
            for axis in (-1, 0, 1):
                add("QLinearSoftmax", [bytes_of(dtype, 3, 4, 5), number(.05), zero, number(1 / 256), number(0, dtype)],
                    {"axis": axis, "opset": opset})
        for axis in (0, 1, -1):
            inputs = [number(.04), number(5, dtype)]
            for i in range(3):
                dims = [2, 3, 4]
                dims[axis] = i + 1
                inputs += [bytes_of(dtype, *dims), number(.03 + .01 * i), number(i, dtype)]
            add("QLinearConcat", inputs, {"axis": axis})
        add("QLinearConcat", [number(.04), zero, bytes_of(dtype, 2, 3), number(.04), zero], {"axis": 0}, what="single")
        for condition in ((2, 3, 4), (3, 1), ()):
            mask = np.asarray(_random.integers(0, 2, size=condition)).astype(bool)
            add("QLinearWhere", [mask, bytes_of(dtype, 2, 3, 4), number(.03), zero, bytes_of(dtype, 4), number(.02),
                                 number(3, dtype), number(.05), number(11, dtype)])


def quantized_pools():
    for dtype in (np.uint8, np.int8, np.uint16, np.int16):
        add("QuantizeLinear", [floats(3, 4), number(.02), number(5, dtype)])
        add("QuantizeLinear", [floats(3, 4), floats(4) ** 2 + .01, bytes_of(dtype, 4)], {"axis": 1})
        add("DequantizeLinear", [bytes_of(dtype, 3, 4), number(.02), number(5, dtype)])
        add("DequantizeLinear", [bytes_of(dtype, 3, 4), floats(3), bytes_of(dtype, 3)], {"axis": 0})
    add("DequantizeLinear", [integers(900, 3, 4), number(.02)])
    for dtype in (np.uint8, np.int8):
        zero, out_zero = number(7, dtype), number(11, dtype)
        for attrs in ({"kernel_shape": [2, 2]}, {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]},
                      {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 0, 1, 1], "count_include_pad": 1},
                      {"kernel_shape": [3, 2], "strides": [2, 3], "ceil_mode": 1},
                      {"kernel_shape": [3, 3], "auto_pad": "SAME_UPPER", "strides": [2, 2]}):
            x = bytes_of(dtype, 2, 3, 8, 9)
            add("QLinearAveragePool", [x, number(.03), zero, number(.025), out_zero], attrs)
            last = np.ascontiguousarray(x.transpose(0, 2, 3, 1))
            add("QLinearAveragePool", [last, number(.03), zero, number(.025), out_zero], dict(attrs, channels_last=1))
        add("QLinearAveragePool", [bytes_of(dtype, 1, 2, 9), number(.03), zero, number(.03), zero], {"kernel_shape": [4]})
        for dims in ((2, 3, 5, 4), (1, 7, 1, 1), (2, 4, 6)):
            add("QLinearGlobalAveragePool", [bytes_of(dtype, *dims), number(.03), zero, number(.01), out_zero])
        add("QLinearGlobalAveragePool", [bytes_of(dtype, 2, 5, 4, 3), number(.03), zero, number(.01), out_zero],
            {"channels_last": 1})
        add("NhwcMaxPool", [bytes_of(dtype, 2, 8, 9, 3)], {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]})
    for last in (0, 1):
        x = bytes_of(np.uint8, 1, 4, 6, 5)
        if last:
            x = np.ascontiguousarray(x.transpose(0, 2, 3, 1))
        add("QLinearConv", [x, number(.03), number(120, np.uint8), bytes_of(np.int8, 6, 2, 3, 3),
                            np.linspace(.01, .02, 6, dtype=np.float32), np.zeros(6, np.int8), number(.06),
                            number(100, np.uint8), _random.integers(-500, 500, size=6).astype(np.int32)],
            {"channels_last": last, "group": 2, "pads": [1, 1, 1, 1], "strides": [1, 2]})


def quantized_products():
    for da, db in ((np.uint8, np.int8), (np.uint8, np.uint8), (np.int8, np.int8)):
        for dims in ((4, 16), (2, 3, 16), (1, 16), (2, 2, 3, 16)):
            a, b = bytes_of(da, *dims), bytes_of(db, 16, 5)
            for scale, zero in ((number(.02), number(3, db)), (floats(5) ** 2 + .01, bytes_of(db, 5)), (number(.02), None)):
                for bias in (None, floats(5)):
                    add("MatMulIntegerToFloat", [a, b, number(.03), scale, number(9, da), zero, bias])
                    if da == np.uint8:
                        add("DynamicQuantizeMatMul", [floats(*dims), b, scale, zero, bias])
        add("MatMulIntegerToFloat", [bytes_of(da, 3, 8), bytes_of(db, 8, 4), number(.03), number(.02)], what="least")
    add("DynamicQuantizeMatMul", [np.zeros((3, 4), np.float32), bytes_of(np.int8, 4, 2), number(.1)], what="zeros")
    add("DynamicQuantizeMatMul", [np.abs(floats(3, 4)) + 1, bytes_of(np.uint8, 4, 2), number(.1), number(128, np.uint8)])
    for da, db in ((np.uint8, np.int8), (np.int8, np.int8), (np.uint8, np.uint8)):
        for ta, tb in ((0, 0), (0, 1), (1, 0), (1, 1)):
            a = bytes_of(da, *((16, 4) if ta else (4, 16)))
            b = bytes_of(db, *((5, 16) if tb else (16, 5)))
            attrs = {"transA": ta, "transB": tb, "alpha": 1.5 if ta else 1.0}
            left, right = [a, number(.02), number(5, da)], [b, number(.03), number(2, db)]
            bias = _random.integers(-900, 900, size=5).astype(np.int32)
            add("QGemm", left + right + [bias, number(.3), number(100, da)], attrs)
            add("QGemm", left + right + [None, number(.3), number(100, da)], attrs)
            add("QGemm", left + right + [bias], attrs, what="float")
            right = [b, floats(5) ** 2 + .01, np.full(5, 2, db)]
            add("QGemm", left + right + [bias[:1], number(.9), number(100, da)], attrs, what="by-column")
            add("QGemm", left + right, attrs, what="by-column-float")


def weights_of_few_bits():
    for bits in (4, 8, 2):
        for n, k, block in ((5, 64, 32), (8, 48, 32), (3, 100, 16), (7, 256, 128), (4, 16, 16)):
            blocks = -(-k // block)
            b = bytes_of(np.uint8, n, blocks, block * bits // 8)
            scales = floats(n, blocks) * .1
            zeros = bytes_of(np.uint8, n, -(-blocks * bits // 8))
            real = _random.uniform(0, 1 << bits, size=(n, blocks)).astype(np.float32)
            attrs = {"N": n, "K": k, "bits": bits, "block_size": block}
            for a in (floats(2, 3, k), floats(1, k)):
                add("MatMulNBits", [a, b, scales], attrs)
                add("MatMulNBits", [a, b, scales, zeros], attrs, what="zeros")
            if bits == 4:
                add("MatMulNBits", [floats(3, k), b, scales, real], attrs, what="real-zeros")
                add("MatMulNBits", [floats(3, k), b, scales, zeros, None, floats(n)], attrs, what="bias")
                add("MatMulNBits", [floats(3, k, dtype=np.float16), b, scales.astype(np.float16), zeros], attrs, what="half",
                    float=1e-2)
    groups = _random.permutation(np.arange(64) // 32).astype(np.int32)
    add("MatMulNBits", [floats(3, 64), bytes_of(np.uint8, 5, 2, 16), floats(5, 2), None, groups],
        {"N": 5, "K": 64, "block_size": 32}, what="groups")


# ---- fused ----

def fused():
    kinds = (("Relu", {}), ("Tanh", {}), ("Sigmoid", {}), ("LeakyRelu", {"activation_params": [.2]}),
             ("Clip", {"activation_params": [-.5, .8]}), ("HardSigmoid", {"activation_params": [.3, .4]}))
    for name, params in kinds:
        for attrs in ({"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}, {"strides": [2, 2], "group": 2},
                      {"auto_pad": "SAME_UPPER", "strides": [2, 1]}):
            group = attrs.get("group", 1)
            x, w = floats(2, 4, 7, 8), floats(6, 4 // group, 3, 3) * .2
            add("FusedConv", [x, w, floats(6)], dict(attrs, activation=name, **params))
        add("FusedConv", [x, w], dict(attrs, activation=name, **params), what="no-bias")
    x, w, z = floats(1, 4, 6, 6), floats(5, 4, 3, 3), floats(1, 5, 6, 6)
    add("FusedConv", [x, w, floats(5), z], {"pads": [1, 1, 1, 1], "activation": "Relu"}, what="residual")
    add("FusedConv", [x, w, None, z], {"pads": [1, 1, 1, 1], "activation": "Relu"}, what="residual")
    add("FusedConv", [floats(1, 3, 20), floats(4, 3, 5), floats(4)], {"activation": "Relu"}, what="1d")
    for ta, tb in ((0, 0), (0, 1), (1, 0), (1, 1)):
        for left, right in (((3, 4), (4, 5)), ((2, 3, 4), (2, 4, 5)), ((2, 2, 3, 4), (4, 5)), ((1, 3, 4), (6, 4, 5))):
            a, b = floats(*left), floats(*right)
            a = np.ascontiguousarray(a.swapaxes(-1, -2)) if ta else a
            b = np.ascontiguousarray(b.swapaxes(-1, -2)) if tb else b
            for op in ("FusedMatMul", "TransposeMatMul"):
                add(op, [a, b], {"transA": ta, "transB": tb, "alpha": .7})
        a, b = floats(2, 3, 4, 5), floats(2, 3, 5, 6)
        a = np.ascontiguousarray(a.swapaxes(-1, -2)) if ta else a
        b = np.ascontiguousarray(b.swapaxes(-1, -2)) if tb else b
        for ba, bb in ((1, 0), (0, 1), (1, 1)):
            add("FusedMatMul", [np.ascontiguousarray(np.moveaxis(a, -2, 0)) if ba else a,
                                np.ascontiguousarray(np.moveaxis(b, -2, 0)) if bb else b],
                {"transA": ta, "transB": tb, "transBatchA": ba, "transBatchB": bb}, what="batch")
    add("FusedMatMul", [floats(4), floats(2, 4, 5)], {"transA": 1}, what="vector")
    add("FusedMatMul", [floats(2, 3, 4), floats(4)], {"alpha": 2.0}, what="vector")
    add("FusedMatMul", [floats(3, 4, dtype=np.float64), floats(4, 5, dtype=np.float64)], {"alpha": .5}, what="double")
    for name, params in (("Relu", {}), ("LeakyRelu", {"activation_alpha": .3}), ("Tanh", {}), ("Sigmoid", {}),
                         ("Elu", {"activation_alpha": .7}), ("HardSigmoid", {"activation_alpha": .3, "activation_beta": .4}),
                         ("Softplus", {}), ("Softsign", {}), ("ThresholdedRelu", {"activation_alpha": .6})):
        add("FusedGemm", [floats(3, 4), floats(4, 5), floats(5)], dict(activation=name, alpha=.5, beta=2.0, **params))
        add("FusedGemm", [floats(4, 3), floats(5, 4), floats(3, 1)], dict(activation=name, transA=1, transB=1, **params))
        add("FusedGemm", [floats(3, 4), floats(4, 5)], dict(activation=name, **params))


def activations():
    for dtype in (np.float32, np.float16, np.float64):
        some = {np.float16: ("QuickGelu",), np.float64: ()}.get(dtype, ("Gelu", "QuickGelu", "FastGelu"))
        for op in some:
            add(op, [floats(2, 3, 17, dtype=dtype) * 3])
            add(op, [floats(5, dtype=dtype)])
    add("QuickGelu", [floats(2, 9)], {"alpha": 1.0})
    add("FastGelu", [floats(2, 3, 8), floats(8)])
    add("FastGelu", [floats(4, 8), floats(8)])
    add("BiasGelu", [floats(2, 3, 8), floats(8)])
    add("BiasGelu", [floats(4, 6), floats(6)])


def normalizations():
    for dims in ((2, 3, 8), (1, 1, 5), (4, 3, 64)):
        x, gamma, beta, bias = floats(*dims), floats(dims[-1]), floats(dims[-1]), floats(dims[-1])
        for skip in (floats(*dims), floats(*dims[1:]), floats(1, *dims[1:])):
            add("SkipLayerNormalization", [x, skip, gamma, beta])
            add("SkipLayerNormalization", [x, skip, gamma, None, bias], {"epsilon": 1e-5})
            add("SkipLayerNormalization", [x, skip, gamma, beta, bias], {"epsilon": .1}, [True, False, False, True])
            add("SkipSimplifiedLayerNormalization", [x, skip, gamma], {"epsilon": 1e-6})
            add("SkipSimplifiedLayerNormalization", [x, skip, gamma, bias], {}, [True, False, False, True])
        half = [t.astype(np.float16) for t in (x, x + 1, gamma, beta)]
        add("SkipLayerNormalization", half, {"epsilon": 1e-3}, what="half", float=1e-2)
    for axis in (-1, 1):
        x = floats(3, 4, 6)
        add("SimplifiedLayerNormalization", [x, floats(*x.shape[axis:])], {"axis": axis}, domain="")
        add("SimplifiedLayerNormalization", [x, floats(*x.shape[axis:])], {"axis": axis, "epsilon": .05}, 2, domain="")
    add("SimplifiedLayerNormalization", [floats(2, 9), floats(9)], {}, domain="")


def integers(high, *dims):
    return _random.integers(0, high, size=dims).astype(np.int32)


def embeddings():
    b, s, h = 3, 5, 8
    ids, segments = integers(20, b, s), integers(2, b, s)
    words, positions, segment_table = floats(20, h), floats(9, h), floats(2, h)
    gamma, beta = floats(h), floats(h)
    mask = np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1], [0, 0, 0, 0, 0]], np.int32)
    add("EmbedLayerNormalization", [ids, segments, words, positions, segment_table, gamma, beta], {}, 2)
    add("EmbedLayerNormalization", [ids, segments, words, positions, segment_table, gamma, beta, mask], {"epsilon": .1}, 2)
    add("EmbedLayerNormalization", [ids, None, words, positions, None, gamma, beta, mask], {}, 3)
    add("EmbedLayerNormalization", [ids, None, words, positions, None, gamma, beta], {}, [True, False, True])
    add("EmbedLayerNormalization", [ids, segments, words, positions, segment_table, gamma, beta, None, integers(9, b, s)], {}, 2)
    add("EmbedLayerNormalization", [ids, segments, words, positions, segment_table, gamma, beta, mask, integers(9, 1, s)], {}, 2)
    for dtype in (np.uint8, np.int8):
        q = [bytes_of(dtype, *t.shape) for t in (words, positions, segment_table, gamma, beta)]
        scales = [number(.01 * (i + 1)) for i in range(5)]
        zeros = [number(i + 1, dtype) for i in range(5)]
        add("QEmbedLayerNormalization", [ids, segments, *q, mask, *scales, *zeros], {}, 2)
        q[2] = scales[2] = zeros[2] = None
        add("QEmbedLayerNormalization", [ids, None, *q, None, *scales, *zeros], {}, 2)


# ---- attention ----

def masks(b, s, total):
    """Each leaves every query a key."""
    raw = _random.integers(0, 2, size=(b, total)).astype(np.int32)
    raw[:, 0] = 1
    deep = _random.integers(0, 2, size=(b, s, total)).astype(np.int32)
    deep[:, :, 0] = 1
    ends = _random.integers(1, total + 1, size=b).astype(np.int32)
    ranges = np.concatenate([np.full(b, total), np.minimum(ends, total - 1)]).astype(np.int32)
    return {"raw": raw, "deep": deep, "ends": ends, "ranges": ranges}


def attention():
    for b, s, d, heads, size, v_size in ((2, 5, 12, 3, 4, 4), (1, 7, 8, 2, 6, 6), (3, 1, 4, 1, 4, 4), (2, 4, 10, 2, 5, 3)):
        h, hv = heads * size, heads * v_size
        x, w, bias = floats(b, s, d), floats(d, 2 * h + hv) * .5, floats(2 * h + hv)
        attrs = {"num_heads": heads}
        if v_size != size:
            attrs["qkv_hidden_sizes"] = [h, h, hv]
        add("Attention", [x, w, bias], attrs)
        add("Attention", [x, w, bias], dict(attrs, unidirectional=1), what="causal")
        for name, mask in masks(b, s, s).items():
            if s == 1 and name == "ranges":
                continue
            add("Attention", [x, w, bias, mask], attrs, what=name)
            add("Attention", [x, w, bias, mask], dict(attrs, mask_filter_value=-3.0), what=name)
            if name != "ranges":
                add("Attention", [x, w, bias, mask], dict(attrs, unidirectional=1), what=f"{name}-causal")
        for dims in ((b, heads), (1, heads), (b, 1), (1, 1)):
            add("Attention", [x, w, bias, None, None, floats(*dims, s, s)], attrs, what="scores")
        add("Attention", [x, w, bias, masks(b, s, s)["raw"], None, floats(b, heads, s, s)], attrs, what="raw-scores")
        if v_size != size:
            continue
        for past in (3, 0):
            total = s + past
            old = floats(2, b, heads, past, size)
            add("Attention", [x, w, bias, None, old], attrs, 2, what="past")
            add("Attention", [x, w, bias, None, old], dict(attrs, unidirectional=1), 2, what="past-causal")
            add("Attention", [x, w, bias, masks(b, s, total)["raw"], old], dict(attrs, unidirectional=1), 2, what="past-raw")
        for dtype in (np.int8, np.uint8):
            zero = number(3, dtype)
            q, qw = bytes_of(np.uint8, b, s, d), bytes_of(dtype, d, 3 * h)
            scales = [number(.01), number(.02)]
            add("QAttention", [q, qw, bias, *scales, None, number(120, np.uint8), zero], {"num_heads": heads})
            add("QAttention", [q, qw, bias, *scales, masks(b, s, s)["raw"], number(120, np.uint8), zero],
                {"num_heads": heads, "unidirectional": 1}, what="raw-causal")
            add("QAttention", [q, qw, bias, number(.01), (floats(3 * h) * .01) ** 2 + .01, masks(b, s, s)["ends"],
                               number(120, np.uint8), np.zeros(3 * h, dtype)], {"num_heads": heads}, what="by-column")
            add("QAttention", [q, qw, bias, *scales, None, number(120, np.uint8), zero, floats(2, b, heads, 2, size)],
                {"num_heads": heads, "unidirectional": 1}, 2, what="past")


def multi_head_attention():
    for b, s, length, heads, size, v_size in ((2, 5, 5, 3, 4, 4), (1, 3, 7, 2, 6, 5), (2, 1, 4, 1, 8, 8)):
        h, hv = heads * size, heads * v_size
        q, k, v = floats(b, s, h), floats(b, length, h), floats(b, length, hv)
        bias, attrs = floats(2 * h + hv), {"num_heads": heads}
        add("MultiHeadAttention", [q, k, v], attrs)
        add("MultiHeadAttention", [q, k, v, bias], dict(attrs, scale=.3), what="bias")
        for name, mask in masks(b, s, length).items():
            if name != "ranges":
                add("MultiHeadAttention", [q, k, v, bias, mask], attrs, what=name)
        starts = np.arange(b + 1, dtype=np.int32)
        packed = np.concatenate([masks(b, s, length)["ends"], starts * s, starts * length]).astype(np.int32)
        add("MultiHeadAttention", [q, k, v, None, packed], attrs, what="packed-mask")
        for dims in ((b, heads), (1, heads), (1, 1)):
            add("MultiHeadAttention", [q, k, v, None, None, floats(*dims, s, length)], attrs, what="scores")
        if v_size == size:
            deep_k, deep_v = floats(b, heads, length, size), floats(b, heads, length, v_size)
            add("MultiHeadAttention", [q, deep_k, deep_v], attrs, what="cross")
            add("MultiHeadAttention", [q, deep_k, deep_v, bias], attrs, what="cross-bias")
        if s == length:
            add("MultiHeadAttention", [q, k, v], dict(attrs, unidirectional=1), what="causal")
        if s == length and v_size == size:
            old_k, old_v = floats(b, heads, 3, size), floats(b, heads, 3, v_size)
            add("MultiHeadAttention", [q, k, v, bias, None, None, old_k, old_v], attrs, 3, what="past")
            add("MultiHeadAttention", [q, k, v, None, masks(b, s, length + 3)["raw"], None, old_k, old_v],
                dict(attrs, unidirectional=1), 3, what="past-causal")


def grouped_attention():
    b, s, heads, groups, size = 2, 4, 4, 2, 16
    cosines, sines = floats(32, size // 2), floats(32, size // 2)
    attrs = {"num_heads": heads, "kv_num_heads": groups}

    def operands(length, past, packed=False, batch=b):
        q, k, v = floats(batch, length, heads * size), floats(batch, length, groups * size), floats(batch, length, groups * size)
        old = [floats(batch, groups, past, size), floats(batch, groups, past, size)] if past is not None else [None, None]
        return ([np.concatenate([q, k, v], -1), None, None] if packed else [q, k, v]) + old

    def lengths(*each):
        return np.array(each, np.int32)

    for packed in (False, True):
        what = "packed" if packed else "apart"
        for more, what_more in (({}, ""), ({"local_window_size": 2}, "-window"), ({"scale": .2}, "-scale"),
                                ({"softcap": 1.5}, "-softcap"), ({"smooth_softmax": 1}, "-smooth")):
            add("GroupQueryAttention", operands(s, None, packed) + [lengths(s - 1, s - 1), number(s, np.int32)],
                dict(attrs, **more), 3, what=f"{what}-prompt{what_more}")
            add("GroupQueryAttention", operands(1, 5, packed) + [lengths(5, 5), number(6, np.int32)], dict(attrs, **more), 3,
                what=f"{what}-step{what_more}")
        for interleaved in (0, 1):
            turn = dict(attrs, do_rotary=1, rotary_interleaved=interleaved)
            add("GroupQueryAttention", operands(s, None, packed) + [lengths(s - 1, s - 1), number(s, np.int32), cosines, sines],
                turn, 3, what=f"{what}-prompt-rotary")
            add("GroupQueryAttention", operands(1, 5, packed) + [lengths(5, 5), number(6, np.int32), cosines, sines], turn, 3,
                what=f"{what}-step-rotary")
            add("GroupQueryAttention", operands(3, 5, packed, 1) + [lengths(7), number(8, np.int32), cosines, sines], turn, 3,
                what=f"{what}-several-rotary")
        places = [lengths(5, 5), number(6, np.int32)]
        add("GroupQueryAttention", operands(1, 5, packed) + places + [None, None, None, floats(b, 1, 1, 6)], attrs, 3,
            what=f"{what}-scores")
        add("GroupQueryAttention", operands(1, 5, packed) + places + [None, None, None, None, floats(heads)], attrs, 3,
            what=f"{what}-sink")


def rotary():
    cosines, sines = floats(20, 4), floats(20, 4)
    for interleaved in (0, 1):
        attrs = {"interleaved": interleaved}
        positions = _random.integers(0, 20, size=(2, 5))
        add("RotaryEmbedding", [floats(2, 5, 24), positions, cosines, sines], attrs)
        add("RotaryEmbedding", [floats(2, 5, 24), np.array([3]), cosines, sines], attrs, what="offset")
        add("RotaryEmbedding", [floats(2, 3, 5, 8), positions, cosines, sines], attrs, what="deep")
        add("RotaryEmbedding", [floats(2, 3, 5, 8), np.array([3]), cosines, sines], attrs, what="deep-offset")
        add("RotaryEmbedding", [floats(2, 5, 48), positions, cosines, sines],
            dict(attrs, num_heads=3, rotary_embedding_dim=8), what="part")


# ---- what ONNX took over later, or is a formula of its operators ----

def as_of_onnx():
    add("Trilu", [floats(3, 5)])
    add("Trilu", [floats(2, 3, 5), np.array(1)], {"upper": 0})
    add("ExpandDims", [floats(3, 5), np.array(1, np.int32)])
    add("GatherND", [floats(3, 5), _random.integers(0, 3, size=(4, 1)).astype(np.int32)])
    add("Pad", [floats(3, 5), np.array([1, 0, 2, 1]), number(.5)])
    add("Pad", [floats(3, 5), np.array([1, 0, 2, 1])], {"mode": "reflect"})
    add("Unique", [_random.integers(0, 4, size=9).astype(np.float32)], outputs=3)
    add("MatMulInteger16", [bytes_of(np.int8, 3, 4).astype(np.int16), bytes_of(np.int8, 4, 5).astype(np.int16)])
    for mode in ("bilinear", "nearest", "bicubic"):
        for pads in ("zeros", "border", "reflection"):
            add("GridSample", [floats(1, 2, 5, 6), _random.uniform(-1.2, 1.2, (1, 3, 4, 2)).astype(np.float32)], {"mode": mode, "padding_mode": pads})
    add("GatherBlockQuantized", [bytes_of(np.uint8, 6, 32), _random.integers(0, 6, size=(2, 3)), floats(6, 2)], {"block_size": 16, "bits": 8})
