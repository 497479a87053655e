#!/usr/bin/env python3
"""Makes parts.pb, dilated.pb, sizes.pb, rows.pb, colours.pb and gru.pb, and TensorFlow's answers: needs Python's tensorflow (2.21), keras (3.15) and numpy, none of which the tests need. Run in this folder. parts.pb: what detectors and
sound have (suppression of all classes, parts of images, a Fourier transform, CTC), rows scattered, a norm of the batch; dilated.pb: dilated convolutions of images
of any size, which TensorFlow makes of blocks that become batches, such blocks alone, and a convolution of each block; sizes.pb: resizing by weights of its own; gru.pb: Keras' GRU, of which the reader makes one operator; rows.pb: segments, sparse rows, places of a maximum, values rounded and taken back, outputs of a function by name."""
import os

import keras
import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

rng = np.random.default_rng(5)


def shorten(graph):
    """Names of nodes are most of a graph of many constants."""
    short = {n.name: n.name if n.op == "Placeholder" or n.name.startswith("Identity") else "n%d" % k for k, n in enumerate(graph.node)}
    for n in graph.node:
        n.name = short[n.name]
        for k, i in enumerate(n.input):
            before, colon, output = i.partition(":")
            n.input[k] = short[before] + colon + output


def write(name, function, inputs, is_open=()):
    spec = [tf.TensorSpec([None if i in is_open else n for i, n in enumerate(x.shape)], x.dtype, name="in%d" % k) for k, x in enumerate(inputs)]
    wrapped = tf.function(lambda *x: [tf.identity(y) for y in tf.nest.flatten(function(*x))], input_signature=spec)
    frozen = convert_variables_to_constants_v2(wrapped.get_concrete_function(), lower_control_flow=False)
    graph = frozen.graph.as_graph_def()
    used = {w.func.name for f in graph.library.function for n in f.node_def for w in n.attr.values() if w.func.name}
    used |= {w.func.name for n in graph.node for w in n.attr.values() if w.func.name}
    kept = [f for f in graph.library.function if f.signature.name in used]
    del graph.library.gradient[:], graph.library.function[:]
    graph.library.function.extend(kept)
    for n in [*graph.node, *(n for f in kept for n in f.node_def)]:
        n.ClearField("experimental_debug_info")
    if is_open:
        shorten(graph)
        n.attr.pop("_output_shapes", None)
    with open(name + ".pb", "wb") as file:
        file.write(graph.SerializeToString())
    os.makedirs(name, exist_ok=True)
    for k, node in enumerate(n for n in graph.node if n.op == "Placeholder"):
        np.save("%s/in_%d.npy" % (name, k), inputs[int(node.name[2:])])
    for k, y in enumerate(frozen(*[tf.constant(x) for x in inputs])):
        np.save("%s/out_%d.npy" % (name, k), y.numpy())


def parts(image, corners, scores, places, sound, letters):
    boxes = tf.concat([corners, corners + 0.4], -1)
    best = tf.image.combined_non_max_suppression(boxes[:, :, None], scores, 3, 6, 0.5, 0.3)
    kept = tf.raw_ops.NonMaxSuppressionV5(boxes=boxes[0], scores=scores[0, :, 0], max_output_size=4, iou_threshold=0.5, score_threshold=0.2, soft_nms_sigma=0.0, pad_to_max_output_size=True)
    crops = tf.image.crop_and_resize(image, boxes[0, :3] * 1.2 - 0.1, places[:3], [3, 4], extrapolation_value=-1.0)
    ones = tf.ones([3])
    normed = tf.raw_ops.FusedBatchNormV3(x=image, scale=ones, offset=ones, mean=[], variance=[], is_training=True)[0]
    sums = tf.math.unsorted_segment_sum(scores[0], places, 2)
    spectrum = tf.signal.stft(sound, 16, 8)
    text = tf.nn.ctc_greedy_decoder(letters, [6, 4])
    return best, kept, crops, normed, sums, tf.abs(spectrum), tf.linalg.band_part(scores[0, :3], 0, -1), tf.math.atan2(sums, -1.0), tf.one_hot(places - 1, 3), tf.sparse.to_dense(text[0][0], default_value=-1), text[1]


write("parts", parts, [rng.standard_normal((2, 6, 5, 3)).astype(np.float32), rng.random((2, 7, 2)).astype(np.float32), rng.random((2, 7, 3)).astype(np.float32),
                       rng.integers(0, 2, 7).astype(np.int32), rng.standard_normal((1, 40)).astype(np.float32), rng.standard_normal((6, 2, 4)).astype(np.float32)])


def dilated(image):
    filters = [rng.standard_normal(s).astype(np.float32) / 3 for s in ((3, 3, 2, 1), (3, 2, 2, 3), (2, 2, 3))]
    same = tf.nn.depthwise_conv2d(image, filters[0], [1, 1, 1, 1], "SAME", dilations=[2, 3])
    pads = tf.raw_ops.SpaceToBatchND(input=same, block_shape=[2, 1], paddings=[[1, (tf.shape(image)[1] + 1) % 2], [0, 0]])
    line = tf.nn.convolution(image[:, 1], filters[2], padding="SAME", dilations=[4])
    cut = tf.raw_ops.SpaceToBatchND(input=image, block_shape=[2, 2], paddings=[[0, 1], [0, 1]])
    blocks = tf.raw_ops.BatchToSpaceND(input=tf.nn.conv2d(cut, filters[1], 1, "SAME"), block_shape=[2, 2], crops=[[0, 1], [0, 1]])
    return tf.nn.convolution(same, filters[1], padding="VALID", dilations=[1, 2]), pads, tf.raw_ops.BatchToSpaceND(input=pads, block_shape=[1, 2], crops=[[1, 0], [0, 1]]), line, blocks


write("dilated", dilated, [rng.standard_normal((1, 7, 9, 2)).astype(np.float32)], (1, 2))


def sizes(image):
    ops = tf.raw_ops
    cubic = ops.ResizeBicubic(images=image, size=[9, 7], half_pixel_centers=True)
    cut = ops.ScaleAndTranslate(images=image, size=[6, 4], scale=[0.7, 1.3], translation=[0.9, -1.1], kernel_type="lanczos3")
    edges = ops.ResizeBicubic(images=image, size=[4, 11], align_corners=True)
    return cubic, cut, edges, ops.ResizeArea(images=image, size=[3, 7]), tf.image.resize(image, [4, 3], "mitchellcubic", antialias=True), tf.bitcast(image, tf.int32)


write("sizes", sizes, [rng.standard_normal((1, 8, 5, 2)).astype(np.float32)], (1, 2))

keras.utils.set_random_seed(3)
net = keras.Sequential([keras.layers.Input((5, 3)), keras.layers.GRU(2, return_sequences=True, bias_initializer="normal", name="g")], name="n")
write("gru", net, [rng.standard_normal((2, 5, 3)).astype(np.float32)])


def rows(image, table, places, ids, state):
    ops = tf.raw_ops
    ends = {"data": table, "segment_ids": places}
    some = {"data": table, "indices": ids, "segment_ids": places[:4]}
    most = {"input": table, "input_min": -1.5, "input_max": 2.0, "narrow_range": True}
    found = ops.MaxPoolWithArgmax(input=image, ksize=[1, 3, 2, 1], strides=[1, 2, 2, 1], padding="SAME", include_batch_in_index=True)
    cell = tf.cond(tf.reduce_sum(state) > -99.0, lambda: list(ops.GRUBlockCell(x=table[:2], h_prev=state, w_ru=w[:, :4], w_c=w[:, 4:], b_ru=w[0, :4], b_c=w[1, 4:])), lambda: [state] * 4)
    return (
        [*found, ops.SegmentMax(**ends), ops.SegmentMin(**ends), ops.SegmentMean(**ends), ops.SparseSegmentSum(**some), ops.SparseSegmentMean(**some), ops.SparseSegmentSqrtNWithNumSegments(**some, num_segments=5)],
        ops.UnsortedSegmentSum(data=image[:, :2], segment_ids=tf.reshape(ids, [2, 2]) - 1, num_segments=5),
        ops.SparseTensorDenseMatMul(a_indices=[[0, 1], [2, 0], [0, 1]], a_values=table[0], a_shape=[3, 2], b=state, adjoint_b=True),
        [ops.QuantizeAndDequantizeV2(**most, range_given=True), ops.QuantizeAndDequantizeV3(**most, num_bits=6), ops.QuantizeAndDequantizeV4(**most)],
        [ops.UnravelIndex(indices=ids, dims=[2, 3, 2]), tf.math.floor(0.9999 + ops.RandomUniform(shape=[2, 3], dtype=tf.float32)) * 0.0, ops.SparseMatMul(a=table, b=table, transpose_b=True)],
        cell[1], cell[2], cell[3],
    )


w = rng.standard_normal((5, 6)).astype(np.float32)
write("rows", rows, [rng.standard_normal((2, 5, 4, 2)).astype(np.float32), rng.standard_normal((6, 3)).astype(np.float32), np.int32([0, 0, 1, 1, 3, 3]), np.int32([3, 0, 5, 1]), rng.standard_normal((2, 2)).astype(np.float32)])


def colours(image, table, places, numbers, scores):
    ops = tf.raw_ops
    back = {"i": places[:2], "v": table[2:4] * 3.0}
    corners = tf.concat([table[:, :2], table[:, :2] + 0.4], 1)
    few = {"boxes": corners, "scores": scores, "max_output_size": 4}
    return (
        [ops.RGBToHSV(images=image), ops.HSVToRGB(images=image), ops.AdjustHue(images=image, delta=0.3), ops.AdjustSaturation(images=image, scale=1.7)],
        [ops.Bincount(arr=numbers, size=4, weights=tf.zeros([0])), ops.InTopK(predictions=table, targets=places, k=2)],
        [ops.InplaceUpdate(x=table * 2.0, **back), ops.InplaceAdd(x=table * 3.0, **back), ops.InplaceSub(x=table * 4.0, **back)],
        [ops.ScatterNdNonAliasingAdd(input=table, indices=places[:3, None], updates=table[:3]), ops.MatrixSetDiagV2(input=table[:3], diagonal=scores[:3], k=0)],
        [ops.NonMaxSuppression(**few, iou_threshold=0.2), ops.NonMaxSuppression(**few)],
        [ops.MatrixSetDiag(input=table, diagonal=scores[:3]), tf.quantization.quantize_and_dequantize_v2(table - 0.4, 0.0, 0.0, signed_input=False)],
    )


seen = rng.random((1, 3, 4, 3)).astype(np.float32)
seen[0, 0, :3] = [[0, 0, 0], [0.5, 0.5, 0.5], [1, 0, 1]]
write("colours", colours, [seen, rng.random((6, 3)).astype(np.float32), np.int32([2, 0, 1, 2, 0, 1]), rng.integers(0, 6, (2, 5)).astype(np.int32), rng.random(6).astype(np.float32)])


def algebra(x):
    """Linear algebra and special functions, which are read by PyTorch's functions; how far scores are from labels."""
    ops = tf.raw_ops
    square = x + tf.eye(4) * 6.0
    q, r = tf.linalg.qr(square)
    loss, slope = ops.SoftmaxCrossEntropyWithLogits(features=x[0], labels=tf.nn.softmax(x[1]))
    return (
        [tf.linalg.solve(square, x), tf.linalg.inv(square), tf.linalg.cholesky(tf.matmul(square, square, transpose_b=True)), tf.matmul(q, r), loss, slope],
        [tf.linalg.triangular_solve(square, x, lower=low, adjoint=turned) for low in (False, True) for turned in (False, True)],
        [tf.math.lgamma(x + 4.0), tf.math.digamma(x + 4.0), tf.math.erfinv(tf.tanh(x)), tf.math.ndtri(tf.sigmoid(x)), tf.math.bessel_i0e(x)],
    )


write("algebra", algebra, [rng.standard_normal((2, 4, 4)).astype(np.float32)])
