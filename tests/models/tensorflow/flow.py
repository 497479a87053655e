#!/usr/bin/env python3
"""Makes the models with loops and branches, and the answers of TensorFlow 2.21: lists.pb has loops of functions over lists of tensors, lstm.pb one that is Keras'
LSTM (keras 3.15), frames.pb the control flow of TensorFlow 1. Run in this folder."""
import os

import keras
import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

v1 = tf.compat.v1
rng = np.random.default_rng(7)


def save(name, graph, given, answers):
    tf.io.write_graph(graph, ".", name + ".pb", as_text=False)
    os.makedirs(name, exist_ok=True)
    np.save(name + "/in_0.npy", given)
    for k, a in enumerate(answers):
        np.save("%s/out_%d.npy" % (name, k), a)


kernel = tf.constant((rng.standard_normal((5, 3)) / 2).astype(np.float32))


@tf.function(input_signature=[tf.TensorSpec([4, 2, 2], tf.float32, name="steps")])
def recurrent(steps):
    """A state over the steps: all of it, and the last one."""
    given = tf.TensorArray(tf.float32, 4).unstack(steps)
    kept, last = tf.TensorArray(tf.float32, 4), tf.TensorArray(tf.float32, 1)

    def step(t, state, kept, last):
        state = tf.tanh(tf.matmul(tf.concat([given.read(t), state], -1), kernel))
        return t + 1, state, kept.write(t, state), last.write(0, 2.0 * state)

    done = tf.while_loop(lambda t, *rest: t < 4, step, [0, tf.zeros([2, 3]), kept, last])
    return {"all": done[2].stack(), "last": done[3].stack()}


steps = rng.standard_normal((4, 2, 2)).astype(np.float32)
frozen = convert_variables_to_constants_v2(recurrent.get_concrete_function(), lower_control_flow=False)
answers = recurrent(tf.constant(steps))
save("lists", frozen.graph, steps, [answers["all"].numpy(), answers["last"].numpy()])

model = keras.Sequential([keras.Input((4, 2)), keras.layers.LSTM(3, name="l")], name="n")
for w in model.weights:
    w.assign(rng.standard_normal(w.shape) / 2)
given = rng.standard_normal((2, 4, 2)).astype(np.float32)
called = tf.function(model).get_concrete_function(tf.TensorSpec([2, 4, 2], tf.float32, name="steps"))
save("lstm", convert_variables_to_constants_v2(called, lower_control_flow=False).graph, given, [model(given).numpy()])

v1.disable_control_flow_v2()
with v1.Graph().as_default() as graph, v1.Session() as session:
    x = v1.placeholder(tf.float32, [3, 4], name="x")

    def turn(i, a):
        return i + 1, v1.cond(tf.equal(i % 2, 0), lambda: a * 2, lambda: a - v1.while_loop(lambda b: tf.reduce_sum(b) < 9, lambda b: b + 1, [x]))

    looped = v1.while_loop(lambda i, a: i < 5, turn, [0, x])[1]
    kept = v1.TensorArray(tf.float32, 3)
    rows = v1.TensorArray(tf.float32, 3).unstack(x)
    sums = v1.while_loop(lambda i, s, t: i < 3, lambda i, s, t: (i + 1, s + rows.read(i), t.write(i, s)), [0, tf.zeros([4]), kept])[2].stack()
    chosen = v1.cond(tf.reduce_sum(x) > 0, lambda: tf.ones([3, 4]), lambda: tf.nn.relu(x), name="choice")
    known = v1.cond(tf.constant(False), lambda: x * 3, lambda: x + 3)
    results = [tf.identity(v, name=n) for v, n in ((looped + known, "looped"), (sums, "sums"), (chosen, "chosen"))]
    given = rng.standard_normal((3, 4)).astype(np.float32)
    save("frames", graph, given, session.run(results, {x: given}))


@tf.function(input_signature=[tf.TensorSpec([4, 3], tf.float32, name="steps")])
def early(steps):
    """A list that a loop leaves before it is full."""
    def step(t, kept):
        return t + 1, kept.write(t, steps[t] * 2)

    kept = tf.TensorArray(tf.float32, 6, element_shape=[3])
    done = tf.while_loop(lambda t, kept: tf.logical_and(t < 6, tf.reduce_sum(steps[t]) < 2), step, [0, kept])
    return {"kept": done[1].stack()}


v1.enable_control_flow_v2()
steps = np.array([[1, 0, -1], [.5, .25, 0], [3, 4, 5], [0, 0, 0]], np.float32)
frozen = convert_variables_to_constants_v2(early.get_concrete_function(), lower_control_flow=False)
save("early", frozen.graph, steps, [early(tf.constant(steps))["kept"].numpy()])
