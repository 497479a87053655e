#!/usr/bin/env python3
"""Makes the small TensorFlow models beside it, and the answers of TensorFlow: needs Python's tensorflow (2.19) and numpy, none of which the tests need. Run in this folder."""
import os

import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

rng = np.random.default_rng(7)


def weights(*shape):
    return tf.Variable((rng.standard_normal(shape) / 3).astype(np.float32))


class Net(tf.Module):
    def __init__(self):
        super().__init__()
        self.first, self.bias = weights(3, 3, 3, 8), weights(8)
        self.deep, self.up = weights(3, 3, 8, 2), weights(2, 2, 4, 16)
        self.scale, self.shift = weights(16), weights(16)
        self.mean, self.variance = weights(16), tf.Variable(rng.uniform(0.5, 2, 16).astype(np.float32))
        self.head = weights(4, 5)

    @tf.function(input_signature=[tf.TensorSpec([1, 12, 10, 3], tf.float32, name="image")])
    def __call__(self, image):
        x = tf.nn.relu6(tf.nn.bias_add(tf.nn.conv2d(image, self.first, 2, "SAME"), self.bias))
        x = tf.nn.depthwise_conv2d(x, self.deep, [1, 1, 1, 1], "SAME")
        x = tf.compat.v1.nn.fused_batch_norm(x, self.scale, self.shift, self.mean, self.variance, 1e-3, is_training=False)[0]
        x = tf.nn.conv2d_transpose(tf.nn.leaky_relu(x), self.up, [1, 12, 10, 4], 2, "SAME")
        a, b = tf.split(tf.nn.max_pool2d(x, 2, 2, "VALID"), 2, -1)
        x = tf.concat([tf.tanh(a), b, a[:, ::-1, :, 1:]], -1)
        x = tf.image.resize(tf.pad(x, [[0, 0], [1, 0], [0, 1], [0, 0]]), [9, 7])
        pooled = tf.reduce_mean(x[..., :4], [1, 2])
        return {"scores": tf.nn.softmax(tf.matmul(pooled, self.head)), "map": tf.nn.space_to_depth(x[:, :8, :6, :], 2)}


def save(folder, inputs, outputs):
    os.makedirs(folder, exist_ok=True)
    for k, a in enumerate(inputs):
        np.save("%s/in_%d.npy" % (folder, k), a)
    for k, a in enumerate(outputs):
        np.save("%s/out_%d.npy" % (folder, k), a)


net = Net()
image = rng.standard_normal((1, 12, 10, 3)).astype(np.float32)
answers = {k: v.numpy() for k, v in net(tf.constant(image)).items()}
frozen = convert_variables_to_constants_v2(net.__call__.get_concrete_function())
tf.io.write_graph(frozen.graph, ".", "cnn.pb", as_text=False)
save("cnn", [image], [answers["map"], answers["scores"]])
tf.saved_model.save(net, "saved", signatures=net.__call__.get_concrete_function())
os.remove("saved/fingerprint.pb")
