"""make.py: makes the samples of this folder and their answers with OpenVINO (PyPI openvino 2026.4). Seeded; run it in this folder."""
import os

import numpy as np
import openvino as ov
from openvino import opset13 as op

rng = np.random.default_rng(7)


def weights(*shape):
    return op.constant((rng.standard_normal(shape) / 3).astype(np.float32))


def save(name, results, parameters, half=False, inputs=None):
    results = [op.result(getattr(r, "output", lambda i: r)(0) if not isinstance(r, ov.Output) else r) for r in results]
    model = ov.Model(results, parameters, name)
    ov.save_model(model, name + ".xml", compress_to_fp16=half)
    arrays = [rng.standard_normal([d.get_length() for d in p.get_partial_shape()]).astype(np.float32) for p in parameters]
    arrays = inputs or arrays
    compiled = ov.Core().compile_model(ov.Core().read_model(name + ".xml"), "CPU",
                                       {"INFERENCE_PRECISION_HINT": "f32", "EXECUTION_MODE_HINT": "ACCURACY"})
    answers = compiled(arrays)
    os.makedirs(name, exist_ok=True)
    for k, a in enumerate(arrays):
        np.save("%s/in_%d.npy" % (name, k), a)
    for k, o in enumerate(compiled.outputs):
        np.save("%s/out_%d.npy" % (name, k), answers[o])


def cnn(name, half):
    x = op.parameter([1, 3, 12, 10], np.float32, name="image")
    v = op.convolution(x, weights(8, 3, 3, 3), [1, 2], [1, 1], [1, 1], [1, 1])
    v = op.prelu(op.add(v, weights(1, 8, 1, 1)), weights(8))
    v = op.group_convolution(v, weights(4, 2, 2, 3, 3), [1, 1], [0, 0], [0, 0], [1, 1], auto_pad="same_upper")
    a, b = op.split(v, op.constant(1), 2).outputs()
    a = op.max_pool(a, [2, 2], [1, 1], [0, 0], [0, 0], [3, 2], "ceil").output(0)
    b = op.avg_pool(b, [2, 2], [0, 0], [0, 0], [3, 2], True, "ceil")
    v = op.concat([op.hswish(a), op.clamp(b, -0.5, 6.0)], 1)
    v = op.interpolate(v, op.constant([9, 7]), "linear_onnx", "sizes", axes=op.constant([2, 3]),
                       coordinate_transformation_mode="half_pixel")
    v = op.mvn(v, op.constant([2, 3]), True, 1e-6, "inside_sqrt")
    v = op.convolution_backprop_data(v, weights(8, 3, 2, 2), [2, 2])
    pooled = op.reduce_mean(v, op.constant([2, 3]), False)
    y = op.matmul(pooled, weights(5, 3), False, True)
    save(name, [op.softmax(y, 1), op.strided_slice(v, op.constant([0, 1, 0]), op.constant([0, 0, -1]), op.constant([1, 1, 2]),
                                                  [1, 0, 1], [1, 1, 0], [0, 0, 0], [0, 1, 0], [0, 0, 0])], [x], half)


def rnn():
    x = op.parameter([2, 5, 4], np.float32, name="steps")
    zero, lengths = op.constant(np.zeros((2, 2, 3), np.float32)), op.constant(np.array([5, 5]))
    v = op.lstm_sequence(x, zero, zero, lengths, weights(2, 12, 4), weights(2, 12, 3), weights(2, 12), 3, "bidirectional")
    y = op.reshape(op.transpose(v.output(0), op.constant([0, 2, 1, 3])), op.constant([0, 0, -1]), True)
    first = op.constant(np.zeros((2, 1, 3), np.float32))
    g = op.gru_sequence(y, first, lengths, weights(1, 9, 6), weights(1, 9, 3), weights(1, 12), 3, "forward",
                        linear_before_reset=True)
    cell = op.gru_cell(op.squeeze(g.output(1), op.constant([1])), op.constant(np.ones((2, 3), np.float32)), weights(9, 3),
                       weights(9, 3), weights(9), 3)
    save("rnn", [g.output(0), v.output(2), cell], [x])


def flow():
    """A TensorIterator that sums backwards, an If by the sum, and a Loop that doubles."""
    x = op.parameter([4, 3], np.float32, name="rows")
    row, total = op.parameter([1, 3], np.float32), op.parameter([1, 3], np.float32)
    again = op.add(row, total)
    body = ov.Model([op.result(again), op.result(op.tanh(again))], [row, total])
    walk = op.tensor_iterator()
    walk.set_function(body)
    walk.set_sliced_input(row, x.output(0), -1, -1, 1, 0, 0)
    walk.set_merged_input(total, op.constant(np.zeros((1, 3), np.float32)).output(0), body.get_results()[0].output(0))
    last = walk.get_iter_value(body.get_results()[0].output(0), -1)
    each = walk.get_concatenated_slices(body.get_results()[1].output(0), 0, 1, 1, -1, 0)
    a, b = op.parameter([1, 3], np.float32), op.parameter([1, 3], np.float32)
    yes, no = ov.Model([op.result(op.exp(a))], [a]), ov.Model([op.result(op.negative(b))], [b])
    positive = op.greater(op.reduce_sum(last, op.constant([0, 1]), False), op.constant(np.float32(0)))
    branch = op.if_op(positive.output(0))
    branch.set_then_body(yes)
    branch.set_else_body(no)
    branch.set_input(last, a, b)
    chosen = branch.set_output(yes.results[0], no.results[0])
    v, count = op.parameter([1, 3], np.float32), op.parameter([], np.int64)
    twice = op.multiply(v, op.constant(np.float32(2)))
    inner = ov.Model([op.result(twice), op.result(op.less(count, op.constant(np.int64(2))))], [v, count])
    loop = op.loop(op.constant(np.int64(10)), op.constant(True))
    loop.set_function(inner)
    loop.set_special_body_ports([1, 1])
    loop.set_merged_input(v, chosen, inner.get_results()[0].output(0))
    done = loop.get_iter_value(inner.get_results()[0].output(0), -1)
    save("flow", [done, each], [x])


def quant():
    x = op.parameter([1, 3, 8, 8], np.float32, name="image")
    number = lambda f: op.constant(np.float32(f))
    v = op.fake_quantize(x, number(-2.56), number(2.54), number(-2.56), number(2.54), 256)
    w = op.constant(rng.integers(-127, 128, (8, 3, 3, 3)).astype(np.int8))
    scale = op.constant(rng.uniform(0.001, 0.004, (8, 1, 1, 1)).astype(np.float32))
    v = op.convolution(v, op.multiply(op.convert(w, np.float32), scale), [1, 1], [1, 1], [1, 1], [1, 1])
    v = op.relu(v)
    high = op.constant(rng.uniform(1, 3, (1, 8, 1, 1)).astype(np.float32))
    zero = op.constant(np.zeros((1, 8, 1, 1), np.float32))
    v = op.fake_quantize(v, zero, high, zero, high, 256)
    w = op.constant(rng.integers(0, 256, (4, 8, 1, 1)).astype(np.uint8))
    w = op.subtract(op.convert(w, np.float32), op.convert(op.constant(np.uint8(120)), np.float32))
    v = op.convolution(v, op.multiply(w, number(0.01)), [1, 1], [0, 0], [0, 0], [1, 1])
    save("quant", [op.fake_quantize(v, number(-1), number(1), number(-0.5), number(0.75), 16)], [x])


def state():
    x = op.parameter([1, 4], np.float32, name="x")
    kept = op.read_value(op.constant(np.full((1, 4), 0.5, np.float32)), "memory", np.float32, [1, 4])
    now = op.add(x, op.multiply(kept, op.constant(np.float32(0.5))))
    write = op.assign(now, "memory")
    model = ov.Model([op.result(op.tanh(now))], [write], [x], "state")
    ov.save_model(model, "state.xml", compress_to_fp16=False)


if __name__ == "__main__":
    cnn("cnn", False)
    cnn("half", True)
    rnn()
    flow()
    quant()
    state()
