#!/usr/bin/env python3
"""Makes tables.pb, picture.pb, two and TensorFlow's answers: needs Python's tensorflow (2.21) and numpy, none of which the tests need. Run in this folder. A table of numbers, a choice of three functions, boxes
that fade, levels of each channel, a cosine transform, whose numbers are complex, and rows by their numbers."""
import os

import numpy as np
import tensorflow as tf

v1 = tf.compat.v1
rng = np.random.default_rng(5)
with tf.Graph().as_default() as graph:
    corners, scores, which, keys = (v1.placeholder(*a) for a in ((tf.float32, [9, 2], "corners"), (tf.float32, [9], "scores"), (tf.int32, [], "which"), (tf.int64, [3], "keys")))
    table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(np.array([5, 7, 1]), np.array([50, 70, 10], np.float32)), -1.0)
    boxes = tf.concat([corners, corners + 0.4], -1)
    faded = tf.raw_ops.NonMaxSuppressionV5(boxes=boxes, scores=scores, max_output_size=6, iou_threshold=0.3, score_threshold=0.2, soft_nms_sigma=0.4)
    branches = [lambda: scores, lambda: scores * 2.0, lambda: scores - 1.0]
    results = [
        table.lookup(keys),
        faded.selected_indices,
        faded.selected_scores,
        tf.switch_case(which, branches),
        tf.quantization.fake_quant_with_min_max_vars_per_channel(boxes, [-0.1, 0.0, 0.2, -1.0], [0.5, 0.7, 0.9, 1.0], num_bits=4, narrow_range=True),
        tf.signal.dct(boxes, norm="ortho"),
        tf.dynamic_stitch([[0, 2], [1, 3]], [corners[:2], corners[2:4]]),
    ]
    results = [tf.identity(r, "r%d" % k) for k, r in enumerate(results)]
    given = {corners: rng.random((9, 2)) * 0.5, scores: rng.random(9), which: 1, keys: [7, 2, 1]}
    with v1.Session() as session:
        session.run(v1.tables_initializer())
        answers = session.run(results, given)
    with open("tables.pb", "wb") as file:
        file.write(graph.as_graph_def().SerializeToString())
os.makedirs("tables", exist_ok=True)
for k, (tensor, value) in enumerate(given.items()):
    np.save("tables/in_%d.npy" % k, np.asarray(value, tensor.dtype.as_numpy_dtype))
for k, answer in enumerate(answers):
    np.save("tables/out_%d.npy" % k, answer)
with tf.Graph().as_default() as graph:  # a picture that the graph decodes itself: the reader's input is its pixels, in_0.npy
    encoded = v1.placeholder(tf.string, [], "encoded")
    image = tf.image.convert_image_dtype(tf.image.decode_png(encoded, channels=3), tf.float32)
    result = tf.identity(tf.reduce_mean(v1.image.resize_bilinear(image[None], [20, 20]), [1, 2]), "o0")
    picture = rng.integers(0, 256, (8, 9, 3)).astype(np.uint8)
    with v1.Session() as session:
        answer = session.run(result, {encoded: session.run(tf.io.encode_png(picture))})
    with open("picture.pb", "wb") as file:
        file.write(graph.as_graph_def().SerializeToString())
os.makedirs("picture", exist_ok=True)
np.save("picture/in_0.npy", picture)
np.save("picture/out_0.npy", answer)


class Two(tf.Module):
    """Two signatures, of which none is the usual one."""

    @tf.function(input_signature=[tf.TensorSpec([None, 3], tf.float32, name="x")])
    def halve(self, x):
        return {"half": x * 0.5}

    @tf.function(input_signature=[tf.TensorSpec([None, 3], tf.float32, name="x")])
    def sum(self, x):
        return {"sum": tf.reduce_sum(x, 1)}


two = Two()
tf.saved_model.save(two, "two", signatures={"halve": two.halve, "sum": two.sum})
for rest in ("fingerprint.pb", "variables/variables.index", "variables/variables.data-00000-of-00001"):
    os.remove("two/" + rest)
os.rmdir("two/variables")
os.rmdir("two/assets")
